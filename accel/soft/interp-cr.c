/* System instructions on control and debug registers, MSRs, TLB and caches */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/fpu.h"
#include "accel/soft/interp-sys.h"
#include "accel/vcpu.h"

static NORETURN void gp0(SoftCpu *cpu, const Op *op)
{
    cpu_raise_err(cpu, op, EXC_GP, 0);
}

/* SDM vol. 3, 2.5 and 4.1: which CR0 values fault, what they start. */
static void write_cr0(SoftCpu *cpu, const Op *op, uint64_t v)
{
    const uint32_t known = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM
                         | CR0_NW | CR0_CD | CR0_PG;
    uint64_t old = cpu->cr0;

    if (v >> 32 || ((v & CR0_PG) && !(v & CR0_PE)) || ((v & CR0_NW) && !(v & CR0_CD))) {
        gp0(cpu, op);
    }
    v = (v & known) | CR0_ET;
    if ((v & CR0_PG) && !(old & CR0_PG)) {
        if (cpu->efer & EFER_LME) {
            if (!(cpu->cr4 & CR4_PAE) || (cpu->seg[S_CS].attr & SEG_L)) {
                gp0(cpu, op);
            }
        } else if ((cpu->cr4 & CR4_PAE) && !mmu_load_pdptes(cpu, cpu->cr3)) {
            gp0(cpu, op);
        }
        if (cpu->efer & EFER_LME) {
            cpu->efer |= EFER_LMA;
        }
    } else if (!(v & CR0_PG) && (old & CR0_PG)) {
        if (in_code64(cpu) || (cpu->cr4 & CR4_PCIDE)) {
            gp0(cpu, op);
        }
        cpu->efer &= ~(uint64_t)EFER_LMA;
    }
    cpu->cr0 = v;
    if ((v ^ old) & (CR0_PG | CR0_PE | CR0_WP)) {
        tlb_flush_all(cpu);
    }
    cpu_update_mode(cpu);
}

static void write_cr3(SoftCpu *cpu, const Op *op, uint64_t v)
{
    bool flush = true;

    if (in_long_mode(cpu)) {
        if (cpu->cr4 & CR4_PCIDE) {
            flush = !(v >> 63);
            v &= ~BIT64(63);
        }
        if (v >> cpu->priv->phys_bits) {
            gp0(cpu, op);
        }
    } else {
        v = (uint32_t)v;
        if ((cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE) && !mmu_load_pdptes(cpu, v)) {
            gp0(cpu, op);
        }
    }
    cpu->cr3 = v;
    tlb_load_cr3(cpu, flush);
}

static void write_cr4(SoftCpu *cpu, const Op *op, uint64_t v)
{
    const uint32_t flushing = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP | CR4_PCIDE;
    uint64_t old = cpu->cr4, changed = v ^ old;

    if (v & ~cpu->priv->cr4_allowed) {
        gp0(cpu, op);
    }
    if (in_long_mode(cpu)) {
        if (!(v & CR4_PAE)
            || ((v & CR4_PCIDE) && !(old & CR4_PCIDE) && (cpu->cr3 & 0xfff))) {
            gp0(cpu, op);
        }
    } else if (v & CR4_PCIDE) {
        gp0(cpu, op);
    } else if ((cpu->cr0 & CR0_PG) && (v & CR4_PAE)
               && (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP))
               && !mmu_load_pdptes(cpu, cpu->cr3)) {
        gp0(cpu, op);
    }
    cpu->cr4 = v;
    if (changed & flushing) {
        tlb_flush_all(cpu);
    }
    if (changed & CR4_PCIDE) {
        tlb_load_cr3(cpu, true);
    }
    cpu_update_mode(cpu);
}

static NOINLINE void do_mov_to_cr(SoftCpu *cpu, const Op *op)
{
    uint64_t v = reg_get(cpu, op->i.rm, op->i.opsz);

    switch (op->i.reg) {
    case 0:
        write_cr0(cpu, op, v);
        break;
    case 2:
        cpu->cr2 = v;
        break;
    case 3:
        write_cr3(cpu, op, v);
        break;
    case 4:
        write_cr4(cpu, op, v);
        break;
    default:
        if (v & ~0xfULL) {
            gp0(cpu, op);
        }
        vcpu_set_tpr(cpu->vcpu, v);
        recheck_events(cpu);
        break;
    }
}
SYS_END(mov_to_cr)

static NOINLINE void do_mov_from_cr(SoftCpu *cpu, const Op *op)
{
    uint64_t v;

    switch (op->i.reg) {
    case 0:
        v = cpu->cr0;
        break;
    case 2:
        v = cpu->cr2;
        break;
    case 3:
        v = cpu->cr3;
        break;
    case 4:
        v = cpu->cr4;
        break;
    default:
        v = vcpu_get_tpr(cpu->vcpu);
        break;
    }
    reg_set(cpu, op->i.rm, op->i.opsz, v);
}
SYS_NEXT(mov_from_cr)

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE; any access under GD is a #DB. */
static unsigned debug_register(SoftCpu *cpu, const Op *op)
{
    unsigned n = op->i.reg;

    if (n == 4 || n == 5) {
        if (cpu->cr4 & CR4_DE) {
            cpu_raise(cpu, op, EXC_UD);
        }
        n += 2;
    }
    if (cpu->dr[7] & BIT(13)) {
        cpu->dr[6] |= BIT(13);      /* BD */
        cpu->priv->db_is_fault = true;
        cpu_raise(cpu, op, EXC_DB);
    }
    return n;
}

static NOINLINE void do_mov_to_dr(SoftCpu *cpu, const Op *op)
{
    unsigned n = debug_register(cpu, op);
    uint64_t v = reg_get(cpu, op->i.rm, op->i.opsz);

    if (n >= 6 && v >> 32) {
        gp0(cpu, op);
    }
    debug_write_dr(cpu, n, v);
}
SYS_END(mov_to_dr)

static NOINLINE void do_mov_from_dr(SoftCpu *cpu, const Op *op)
{
    unsigned n = debug_register(cpu, op);

    reg_set(cpu, op->i.rm, op->i.opsz, cpu->dr[n]);
}
SYS_NEXT(mov_from_dr)

static NOINLINE void do_lmsw(SoftCpu *cpu, const Op *op)
{
    uint16_t v = ew_get(cpu, op);

    /* PE can be set, never cleared (SDM vol. 2) */
    write_cr0(cpu, op, (cpu->cr0 & ~0xeULL) | (v & 0xf));
}
SYS_END(lmsw)

static NOINLINE void do_smsw(SoftCpu *cpu, const Op *op)
{
    check_umip(cpu, op);
    if (op->i.flags & INSN_MEM) {
        mem_st16(cpu, op, ea_linear(cpu, op, 2, true), cpu->cr0);
    } else {
        reg_set(cpu, op->i.rm, op->i.opsz, cpu->cr0);
    }
}
SYS_NEXT(smsw)

static NOINLINE void do_clts(SoftCpu *cpu, const Op *op)
{
    cpu->cr0 &= ~(uint64_t)CR0_TS;
    cpu_update_mode(cpu);
}
SYS_END(clts)

static NOINLINE void do_invlpg(SoftCpu *cpu, const Op *op)
{
    uint64_t la = ea_offset(cpu, op);

    if (!in_code64(cpu) || op->i.seg >= S_FS) {
        la += cpu->seg[op->i.seg].base;
    }
    if (!in_code64(cpu)) {
        la = (uint32_t)la;
    }
    if (tlb_is_canonical(cpu, la)) {
        tlb_flush_page(cpu, la);
    }
}
SYS_END(invlpg)

static NOINLINE void do_invpcid(SoftCpu *cpu, const Op *op)
{
    uint64_t la = ea_linear(cpu, op, 16, false);
    uint64_t pcid = mem_ld64(cpu, op, la), addr = mem_ld64(cpu, op, la + 8);
    uint64_t type = reg_get(cpu, op->i.reg, op->i.opsz);

    if (type > 3 || pcid >> 12
        || (type <= 1 && pcid && !(cpu->cr4 & CR4_PCIDE))
        || (type == 0 && !tlb_is_canonical(cpu, addr))) {
        gp0(cpu, op);
    }
    tlb_invpcid(cpu, type, pcid, addr);
}
SYS_END(invpcid)

/* INVD, WBINVD: there is no cache to speak of. */
static NOINLINE void do_nothing(SoftCpu *cpu, const Op *op)
{
}
SYS_NEXT(nothing)

static const Op *op_serialize(SoftCpu *cpu, const Op *op)
{
    return END_BLOCK(cpu, op);
}

static NOINLINE void do_rdmsr(SoftCpu *cpu, const Op *op)
{
    uint64_t v;

    if (!msr_read(cpu, cpu->gpr[R_CX], &v)) {
        gp0(cpu, op);
    }
    cpu->gpr[R_AX] = (uint32_t)v;
    cpu->gpr[R_DX] = v >> 32;
}
SYS_NEXT(rdmsr)

static NOINLINE void do_wrmsr(SoftCpu *cpu, const Op *op)
{
    uint64_t v = (uint32_t)cpu->gpr[R_AX] | cpu->gpr[R_DX] << 32;

    if (!msr_write(cpu, cpu->gpr[R_CX], v)) {
        gp0(cpu, op);
    }
}
SYS_END(wrmsr)

static NOINLINE void do_xgetbv(SoftCpu *cpu, const Op *op)
{
    uint32_t index = cpu->gpr[R_CX];
    uint64_t v = cpu->xcr0;

    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        cpu_raise(cpu, op, EXC_UD);
    }
    if (index > 1) {
        gp0(cpu, op);
    }
    /* 1: which components are in use (SDM vol. 1, 13.2) */
    if (index == 1) {
        v &= fpu_xinuse(cpu) | (cpu->fx.mxcsr != MXCSR_INIT ? XSTATE_SSE : 0);
    }
    cpu->gpr[R_AX] = (uint32_t)v;
    cpu->gpr[R_DX] = v >> 32;
}
SYS_NEXT(xgetbv)

static NOINLINE void do_xsetbv(SoftCpu *cpu, const Op *op)
{
    uint64_t v = (uint32_t)cpu->gpr[R_AX] | cpu->gpr[R_DX] << 32;

    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        cpu_raise(cpu, op, EXC_UD);
    }
    if (cpu->cpl || (uint32_t)cpu->gpr[R_CX] || !(v & 1) || (v & ~cpu->priv->xcr0_allowed)
        || (v & 6) == 4) {
        gp0(cpu, op);
    }
    cpu->xcr0 = v;
    cpu_update_mode(cpu);
}
SYS_END(xsetbv)

OpFn *pick_sys_cr(const Insn *insn, uint32_t mode)
{
    bool valid_cr = insn->reg == 0 || (insn->reg >= 2 && insn->reg <= 4)
                 || (insn->reg == 8 && (mode & MODE_CODE_MASK) == MODE_CODE64);

    switch (insn->op) {
    case OP_MOV_Cn_Rn:
        return valid_cr ? op_mov_to_cr : NULL;
    case OP_MOV_Rn_Cn:
        return valid_cr ? op_mov_from_cr : NULL;
    case OP_MOV_Dn_Rn:
        return insn->reg < 8 ? op_mov_to_dr : NULL;
    case OP_MOV_Rn_Dn:
        return insn->reg < 8 ? op_mov_from_dr : NULL;
    case OP_LMSW_Ew:
        return op_lmsw;
    case OP_SMSW_Mw:
    case OP_SMSW_Rv:
        return op_smsw;
    case OP_CLTS:
        return op_clts;
    case OP_INVLPG_Mb:
        return op_invlpg;
    case OP_INVPCID_Gy_Mdq:
        return op_invpcid;
    case OP_INVD:
    case OP_WBINVD:
        return op_nothing;
    case OP_SERIALIZE:
        return op_serialize;
    case OP_RDMSR:
        return op_rdmsr;
    case OP_WRMSR:
        return op_wrmsr;
    case OP_XGETBV:
        return op_xgetbv;
    case OP_XSETBV:
        return op_xsetbv;
    default:
        return NULL;
    }
}
