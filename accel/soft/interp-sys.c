/* System instructions on flags, halting, time and identification; the picker of them all */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/interp-sys.h"

static NORETURN void gp0(SoftCpu *cpu, const Op *op)
{
    cpu_raise_err(cpu, op, EXC_GP, 0);
}

/* PUSHF and POPF */

static NOINLINE void do_pushf(SoftCpu *cpu, const Op *op)
{
    uint32_t flags = cpu_eflags(cpu) & ~(FL_RF | FL_VM);
    Stack st = stack_current(cpu);

    if ((cpu->eflags & FL_VM) && iopl(cpu) < 3) {
        if (!(cpu->cr4 & CR4_VME) || op->i.opsz != 2) {
            gp0(cpu, op);
        }
        flags = (flags & ~FL_IF) | (flags & FL_VIF ? FL_IF : 0) | FL_IOPL;
    }
    stack_push(cpu, op, &st, flags, op->i.opsz);
    stack_set_sp(cpu, st.sp, st.width);
}
SYS_NEXT(pushf)

static uint32_t popf_mask(SoftCpu *cpu, const Op *op)
{
    uint32_t mask = FL_TF | FL_DF | FL_NT | FL_AC | FL_ID | FL_RF;

    if (cpu->eflags & FL_VM) {
        mask |= FL_IF;          /* IOPL is 3 here */
    } else {
        mask |= cpu->cpl <= iopl(cpu) ? FL_IF : 0;
        mask |= cpu->cpl == 0 ? FL_IOPL : 0;
    }
    return op->i.opsz == 2 ? mask & 0xffff : mask;
}

static NOINLINE void do_popf(SoftCpu *cpu, const Op *op)
{
    Stack st = stack_current(cpu);
    uint32_t flags = stack_pop(cpu, op, &st, op->i.opsz), mask;

    if ((cpu->eflags & FL_VM) && iopl(cpu) < 3) {
        if (!(cpu->cr4 & CR4_VME) || op->i.opsz != 2 || (flags & FL_TF)
            || ((flags & FL_IF) && (cpu->eflags & FL_VIP))) {
            gp0(cpu, op);
        }
        mask = FL_DF | FL_NT;
        cpu->eflags = (cpu->eflags & ~FL_VIF) | (flags & FL_IF ? FL_VIF : 0);
    } else {
        mask = popf_mask(cpu, op);
    }
    flags &= ~FL_RF;
    cpu_set_flags(cpu, flags & FL_ARITH);
    if ((cpu->cr4 & CR4_SMAP) && (mask & cpu->eflags & ~flags & FL_AC)) {
        tlb_drop_user_in_kernel(cpu);
    }
    cpu->eflags = (cpu->eflags & ~mask) | (flags & mask);
    stack_set_sp(cpu, st.sp, st.width);
    recheck_events(cpu);
    cpu_update_mode(cpu);
}
SYS_END(popf)

/* CLI and STI. At CPL 3 under PVI, and in v86 mode under VME, they work on VIF. */

static bool virtual_interrupts(SoftCpu *cpu)
{
    if (cpu->eflags & FL_VM) {
        return cpu->cr4 & CR4_VME;
    }
    return cpu->cpl == 3 && (cpu->cr4 & CR4_PVI);
}

static NOINLINE void do_cli(SoftCpu *cpu, const Op *op)
{
    if (!(cpu->cr0 & CR0_PE) || iopl(cpu) >= cpu->cpl) {
        cpu->eflags &= ~FL_IF;
    } else if (virtual_interrupts(cpu)) {
        cpu->eflags &= ~FL_VIF;
    } else {
        gp0(cpu, op);
    }
}
SYS_NEXT(cli)

static NOINLINE void do_sti(SoftCpu *cpu, const Op *op)
{
    if (!(cpu->cr0 & CR0_PE) || iopl(cpu) >= cpu->cpl) {
        if (!(cpu->eflags & FL_IF)) {
            cpu->irq_shadow = SHADOW_STI;
        }
        cpu->eflags |= FL_IF;
        recheck_events(cpu);
    } else if (virtual_interrupts(cpu) && !(cpu->eflags & FL_VIP)) {
        cpu->eflags |= FL_VIF;
    } else {
        gp0(cpu, op);
    }
}
SYS_END(sti)

static NOINLINE void do_stac(SoftCpu *cpu, const Op *op)
{
    cpu->eflags |= FL_AC;
}
SYS_END(stac)

static NOINLINE void do_clac(SoftCpu *cpu, const Op *op)
{
    cpu->eflags &= ~FL_AC;
    if (cpu->cr4 & CR4_SMAP) {
        tlb_drop_user_in_kernel(cpu);
    }
}
SYS_END(clac)

static NOINLINE void do_hlt(SoftCpu *cpu, const Op *op)
{
    cpu->halted = 1;        /* exec.c asks for events then */
}
SYS_END(hlt)

static NOINLINE void do_pause(SoftCpu *cpu, const Op *op)
{
    cpu_pause(cpu);
}
SYS_NEXT(pause)

static NOINLINE void do_cpuid(SoftCpu *cpu, const Op *op)
{
    uint32_t out[4];

    cpuid_read(cpu, cpu->gpr[R_AX], cpu->gpr[R_CX], out);
    cpu->gpr[R_AX] = out[0];
    cpu->gpr[R_BX] = out[1];
    cpu->gpr[R_CX] = out[2];
    cpu->gpr[R_DX] = out[3];
}
SYS_NEXT(cpuid)

static NOINLINE void do_rdtsc(SoftCpu *cpu, const Op *op)
{
    uint64_t tsc;

    if ((cpu->cr4 & CR4_TSD) && cpu->cpl) {
        gp0(cpu, op);
    }
    tsc = cpu_rdtsc(cpu);
    cpu->gpr[R_AX] = (uint32_t)tsc;
    cpu->gpr[R_DX] = tsc >> 32;
    if (op->i.op == OP_RDTSCP) {
        cpu->gpr[R_CX] = (uint32_t)cpu->tsc_aux;
    }
}
SYS_NEXT(rdtsc)

static NOINLINE void do_rdpid(SoftCpu *cpu, const Op *op)
{
    cpu->gpr[op->i.rm] = (uint32_t)cpu->tsc_aux;
}
SYS_NEXT(rdpid)

/* No counters are shown (CPUID leaf 0xa is empty): every index is wrong. */
static const Op *op_gp0(SoftCpu *cpu, const Op *op)
{
    gp0(cpu, op);
}

static OpFn *pick_flags_and_time(const Insn *insn, uint32_t mode)
{
    switch (insn->op) {
    case OP_PUSHF:
        return op_pushf;
    case OP_POPF:
        return op_popf;
    case OP_CLI:
        return op_cli;
    case OP_STI:
        return op_sti;
    case OP_STAC:
        return mode & MODE_CPL_NOT0 ? NULL : op_stac;
    case OP_CLAC:
        return mode & MODE_CPL_NOT0 ? NULL : op_clac;
    case OP_HLT:
        return op_hlt;
    case OP_PAUSE:
        return op_pause;
    case OP_CPUID:
        return op_cpuid;
    case OP_RDTSC: case OP_RDTSCP:
        return op_rdtsc;
    case OP_RDPID_Rn:
        return op_rdpid;
    case OP_RDPMC:
        return op_gp0;
    default:
        return NULL;
    }
}

OpFn *pick_sys(const Insn *insn, uint32_t mode)
{
    static OpFn *(*const pickers[])(const Insn *, uint32_t) = {
        pick_flags_and_time, pick_sys_flow, pick_sys_seg, pick_sys_cr, pick_sys_io,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(pickers); i++) {
        OpFn *fn = pickers[i](insn, mode);

        if (fn) {
            /* The privilege is in the block's key: decided here, once. */
            bool privileged = insn_info[insn->op].attr & A_CPL0;

            return privileged && (mode & MODE_CPL_NOT0) ? op_gp0 : fn;
        }
    }
    return NULL;
}
