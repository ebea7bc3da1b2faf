/* System instructions that transfer control: far JMP/CALL/RET, INT, IRET, SYSCALL and kin */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/cpuid.h"
#include "accel/soft/interp-sys.h"

static void far_operand(SoftCpu *cpu, const Op *op, uint16_t *sel, uint64_t *off)
{
    if (op->i.flags & INSN_MEM) {
        uint64_t la = ea_linear(cpu, op, op->i.opsz + 2, false);

        *off = mem_ld(cpu, op, la, op->i.opsz);
        *sel = mem_ld16(cpu, op, la + op->i.opsz);
    } else {
        *off = (uint32_t)op->i.imm;
        *sel = op->i.imm >> 32;
    }
}

static NOINLINE void do_jmpf(SoftCpu *cpu, const Op *op)
{
    uint64_t off;
    uint16_t sel;

    far_operand(cpu, op, &sel, &off);
    seg_far_jump(cpu, op, sel, off, op->i.opsz, cpu_next_rip(cpu, op));
}
SYS_JUMP(jmpf)

static NOINLINE void do_callf(SoftCpu *cpu, const Op *op)
{
    uint64_t off;
    uint16_t sel;

    far_operand(cpu, op, &sel, &off);
    seg_far_call(cpu, op, sel, off, op->i.opsz, cpu_next_rip(cpu, op));
}
SYS_JUMP(callf)

static NOINLINE void do_retf(SoftCpu *cpu, const Op *op)
{
    seg_far_ret(cpu, op, op->i.opsz, op->i.op == OP_RETF_Iw ? (uint16_t)op->i.imm : 0);
}
SYS_JUMP(retf)

static NOINLINE void do_iret(SoftCpu *cpu, const Op *op)
{
    seg_iret(cpu, op, op->i.opsz, cpu_next_rip(cpu, op));
    recheck_events(cpu);
}
SYS_JUMP(iret)

static NOINLINE void do_int(SoftCpu *cpu, const Op *op)
{
    interrupt_deliver(cpu, op, (uint8_t)op->i.imm, INT_SOFT, cpu_next_rip(cpu, op));
}
SYS_JUMP(int)

static NOINLINE void do_int3(SoftCpu *cpu, const Op *op)
{
    interrupt_deliver(cpu, op, EXC_BP, INT_SOFT3, cpu_next_rip(cpu, op));
}
SYS_JUMP(int3)

static NOINLINE void do_int1(SoftCpu *cpu, const Op *op)
{
    interrupt_deliver(cpu, op, EXC_DB, INT_ICEBP, cpu_next_rip(cpu, op));
    if (cpu->priv->data_trap) {
        debug_report_pending(cpu);      /* held back by MOV SS: this is their #DB */
    }
}
SYS_JUMP(int1)

static NOINLINE void do_into(SoftCpu *cpu, const Op *op)
{
    if (cpu_get_flags(cpu) & FL_OF) {
        interrupt_deliver(cpu, op, EXC_OF, INT_SOFT3, cpu_next_rip(cpu, op));
    } else {
        cpu->rip = cpu_next_rip(cpu, op);
    }
}
SYS_JUMP(into)

/* Fast system calls: flat segments that no table is asked for. */
static void set_flat(SoftCpu *cpu, uint16_t cs, uint16_t ss, unsigned cpl, bool code64)
{
    uint16_t common = SEG_S | SEG_P | SEG_G | cpl << 5;

    cpu->seg[S_CS] = (Segment){
        .sel = cs, .limit = 0xffffffff, .attr = common | 0xb | (code64 ? SEG_L : SEG_D),
    };
    cpu->seg[S_SS] = (Segment){
        .sel = ss, .limit = 0xffffffff, .attr = common | 3 | SEG_D,
    };
    if (cpu->cpl != cpl) {
        cpu->cpl = cpl;
        tlb_select(cpu);
    }
    cpu_update_mode(cpu);
}

static NOINLINE void do_syscall(SoftCpu *cpu, const Op *op)
{
    bool amd = cpuid_is_amd(cpu), code64 = in_code64(cpu);
    uint64_t next = cpu_next_rip(cpu, op);
    uint16_t cs = (cpu->star >> 32 & 0xfffc);

    /* Intel's CPUs know SYSCALL in 64-bit code only */
    if (!(cpu->efer & EFER_SCE) || (!code64 && !amd)) {
        cpu_raise(cpu, op, EXC_UD);
    }
    if (in_long_mode(cpu)) {
        uint32_t flags = cpu_eflags(cpu) & ~FL_RF;

        cpu->gpr[R_CX] = next;
        cpu->gpr[R_11] = flags;
        flags &= ~(uint32_t)cpu->fmask;
        cpu_set_flags(cpu, flags & FL_ARITH);
        cpu->eflags = flags & ~(FL_ARITH | FL_RF | FL_VM | 2);
        debug_step_flags(cpu);
        set_flat(cpu, cs, cs + 8, 0, true);
        cpu->rip = code64 ? cpu->lstar : cpu->cstar;
    } else {
        cpu->gpr[R_CX] = (uint32_t)next;
        cpu->eflags &= ~(FL_IF | FL_VM | FL_RF);
        set_flat(cpu, cs, cs + 8, 0, false);
        cpu->rip = (uint32_t)cpu->star;
    }
}
SYS_JUMP(syscall)

static NOINLINE void do_sysret(SoftCpu *cpu, const Op *op)
{
    uint16_t base = cpu->star >> 48;
    bool amd = cpuid_is_amd(cpu);

    if (!(cpu->efer & EFER_SCE) || (!in_code64(cpu) && !amd)) {
        cpu_raise(cpu, op, EXC_UD);
    }
    if (!(cpu->cr0 & CR0_PE) || cpu->cpl) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (op->i.opsz == 8 && !amd && !tlb_is_canonical(cpu, cpu->gpr[R_CX])) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (in_long_mode(cpu)) {
        uint32_t flags = cpu->gpr[R_11] & 0x3c7fd7;

        cpu_set_flags(cpu, flags & FL_ARITH);
        cpu->eflags = flags & ~(FL_ARITH | 2);
        debug_step_flags(cpu);
    } else {
        cpu->eflags |= FL_IF;
    }
    if (op->i.opsz == 8) {
        cpu->rip = cpu->gpr[R_CX];
        set_flat(cpu, (base + 16) | 3, (base + 8) | 3, 3, true);
    } else {
        cpu->rip = (uint32_t)cpu->gpr[R_CX];
        set_flat(cpu, base | 3, (base + 8) | 3, 3, false);
    }
    recheck_events(cpu);
}
SYS_JUMP(sysret)

static NOINLINE void do_sysenter(SoftCpu *cpu, const Op *op)
{
    uint16_t cs = cpu->sysenter_cs & 0xfffc;
    bool lma = in_long_mode(cpu);

    if (!(cpu->cr0 & CR0_PE) || !cs || (lma && !in_code64(cpu) && cpuid_is_amd(cpu))) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    cpu->eflags &= ~(FL_VM | FL_IF | FL_RF);
    cpu->rip = lma ? cpu->sysenter_eip : (uint32_t)cpu->sysenter_eip;
    cpu->gpr[R_SP] = lma ? cpu->sysenter_esp : (uint32_t)cpu->sysenter_esp;
    set_flat(cpu, cs, cs + 8, 0, lma);
}
SYS_JUMP(sysenter)

static NOINLINE void do_sysexit(SoftCpu *cpu, const Op *op)
{
    uint16_t cs = cpu->sysenter_cs & 0xfffc;
    uint64_t rip = cpu->gpr[R_DX], sp = cpu->gpr[R_CX];

    if (!(cpu->cr0 & CR0_PE) || !cs || cpu->cpl) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (op->i.opsz == 8) {
        if (!tlb_is_canonical(cpu, rip) || !tlb_is_canonical(cpu, sp)) {
            cpu_raise_err(cpu, op, EXC_GP, 0);
        }
        set_flat(cpu, (cs + 32) | 3, (cs + 40) | 3, 3, true);
        cpu->rip = rip;
        cpu->gpr[R_SP] = sp;
    } else {
        set_flat(cpu, (cs + 16) | 3, (cs + 24) | 3, 3, false);
        cpu->rip = (uint32_t)rip;
        cpu->gpr[R_SP] = (uint32_t)sp;
    }
}
SYS_JUMP(sysexit)

static NOINLINE void do_rsm(SoftCpu *cpu, const Op *op)
{
    if (!cpu->smm) {
        cpu_raise(cpu, op, EXC_UD);
    }
    smm_leave(cpu);
    recheck_events(cpu);
}
SYS_JUMP(rsm)

OpFn *pick_sys_flow(const Insn *insn, uint32_t mode)
{
    switch (insn->op) {
    case OP_JMPF_Ap: case OP_JMPF_Mp:
        return op_jmpf;
    case OP_CALLF_Ap: case OP_CALLF_Mp:
        return op_callf;
    case OP_RETF: case OP_RETF_Iw:
        return op_retf;
    case OP_IRET:
        return op_iret;
    case OP_INT_Ib:
        return op_int;
    case OP_INT3:
        return op_int3;
    case OP_INT1:
        return op_int1;
    case OP_INTO:
        return op_into;
    case OP_SYSCALL:
        return op_syscall;
    case OP_SYSRET:
        return op_sysret;
    case OP_SYSENTER:
        return op_sysenter;
    case OP_SYSEXIT:
        return op_sysexit;
    case OP_RSM:
        return op_rsm;
    default:
        return NULL;
    }
}
