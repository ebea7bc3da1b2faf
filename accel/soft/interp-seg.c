/* System instructions on segment and table registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/interp-sys.h"

/* MOV Sw, Ew; POP Sw */

static void load_sreg(SoftCpu *cpu, const Op *op, unsigned seg, uint16_t sel)
{
    seg_load(cpu, op, seg, sel);
    if (seg == S_SS) {
        cpu->irq_shadow = SHADOW_SS;
        recheck_events(cpu);
    }
}

static NOINLINE void do_mov_sreg(SoftCpu *cpu, const Op *op)
{
    load_sreg(cpu, op, op->i.reg, ew_get(cpu, op));
}
SYS_END(mov_sreg)

static NOINLINE void do_mov_from_sreg(SoftCpu *cpu, const Op *op)
{
    uint16_t sel = cpu->seg[op->i.reg].sel;

    if (op->i.flags & INSN_MEM) {
        mem_st16(cpu, op, ea_linear(cpu, op, 2, true), sel);
    } else {
        reg_set(cpu, op->i.rm, op->i.opsz, sel);
    }
}
SYS_NEXT(mov_from_sreg)

static unsigned sreg_of(const Op *op)
{
    switch (op->i.op) {
    case OP_PUSH_ES: case OP_POP_ES: case OP_LES_Gv_Mp:
        return S_ES;
    case OP_PUSH_CS:
        return S_CS;
    case OP_PUSH_SS: case OP_POP_SS: case OP_LSS_Gv_Mp:
        return S_SS;
    case OP_PUSH_DS: case OP_POP_DS: case OP_LDS_Gv_Mp:
        return S_DS;
    case OP_PUSH_FS: case OP_POP_FS: case OP_LFS_Gv_Mp:
        return S_FS;
    default:
        return S_GS;
    }
}

static NOINLINE void do_push_sreg(SoftCpu *cpu, const Op *op)
{
    Stack st = stack_current(cpu);
    unsigned size = op->i.opsz;

    if (size == 4) {    /* the upper half of the slot is not written (SDM vol. 2, PUSH) */
        st.sp -= 2;
        size = 2;
    }
    stack_push(cpu, op, &st, cpu->seg[sreg_of(op)].sel, size);
    stack_set_sp(cpu, st.sp, st.width);
}
SYS_NEXT(push_sreg)

static NOINLINE void do_pop_sreg(SoftCpu *cpu, const Op *op)
{
    Stack st = stack_current(cpu);
    uint16_t sel = stack_pop(cpu, op, &st, op->i.opsz);

    load_sreg(cpu, op, sreg_of(op), sel);
    stack_set_sp(cpu, st.sp, st.width);
}
SYS_END(pop_sreg)

static NOINLINE void do_load_far(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz;
    uint64_t la = ea_linear(cpu, op, size + 2, false);
    uint64_t off = mem_ld(cpu, op, la, size);

    seg_load(cpu, op, sreg_of(op), mem_ld16(cpu, op, la + size));
    reg_set(cpu, op->i.reg, size, off);
}
SYS_END(load_far)

/* Descriptor tables */

static void store_table(SoftCpu *cpu, const Op *op, uint64_t base, uint16_t limit)
{
    unsigned size = in_code64(cpu) ? 8 : 4;
    uint64_t la;

    check_umip(cpu, op);
    la = ea_linear(cpu, op, 2 + size, true);
    mem_probe(cpu, op, la, 2 + size, true);
    mem_st16(cpu, op, la, limit);
    mem_st(cpu, op, la + 2, base, size);
}

static NOINLINE void do_sgdt(SoftCpu *cpu, const Op *op)
{
    store_table(cpu, op, cpu->gdt.base, cpu->gdt.limit);
}
SYS_NEXT(sgdt)

static NOINLINE void do_sidt(SoftCpu *cpu, const Op *op)
{
    store_table(cpu, op, cpu->idt.base, cpu->idt.limit);
}
SYS_NEXT(sidt)

static NOINLINE void do_load_table(SoftCpu *cpu, const Op *op)
{
    unsigned size = in_code64(cpu) ? 8 : 4;
    uint64_t la = ea_linear(cpu, op, 2 + size, false);
    uint16_t limit = mem_ld16(cpu, op, la);
    uint64_t base = mem_ld(cpu, op, la + 2, size);

    if (size == 4 && opsize_16_32(cpu, op) == 2) {
        base &= 0xffffff;
    }
    if (size == 8 && !tlb_is_canonical(cpu, base)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (op->i.op == OP_LGDT_Ms) {
        cpu->gdt.base = base;
        cpu->gdt.limit = limit;
    } else {
        cpu->idt.base = base;
        cpu->idt.limit = limit;
    }
}
SYS_NEXT(load_table)

static void store_selector(SoftCpu *cpu, const Op *op, uint16_t sel)
{
    check_umip(cpu, op);
    if (op->i.flags & INSN_MEM) {
        mem_st16(cpu, op, ea_linear(cpu, op, 2, true), sel);
    } else {
        reg_set(cpu, op->i.rm, op->i.opsz, sel);
    }
}

static NOINLINE void do_sldt(SoftCpu *cpu, const Op *op)
{
    store_selector(cpu, op, cpu->ldt.sel);
}
SYS_NEXT(sldt)

static NOINLINE void do_str(SoftCpu *cpu, const Op *op)
{
    store_selector(cpu, op, cpu->tr.sel);
}
SYS_NEXT(str)

/* A system descriptor for LLDT and LTR, in long mode of 16 bytes. */
static void read_system(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *d)
{
    if ((sel & 4) || !desc_read(cpu, op, sel, d)
        || (in_long_mode(cpu) && !desc_read_high(cpu, op, sel, d)) || DESC_S(d)) {
        cpu_raise_err(cpu, op, EXC_GP, sel & 0xfffc);
    }
}

static Segment system_segment(SoftCpu *cpu, const Op *op, const Desc *d, uint16_t sel)
{
    Segment s = desc_segment(d, sel);

    if (in_long_mode(cpu)) {
        s.base |= d->high << 32;
        if (!tlb_is_canonical(cpu, s.base)) {
            cpu_raise_err(cpu, op, EXC_GP, sel & 0xfffc);
        }
    }
    return s;
}

static NOINLINE void do_lldt(SoftCpu *cpu, const Op *op)
{
    uint16_t sel = ew_get(cpu, op);
    Desc d;

    if (SEL_NULL(sel)) {
        cpu->ldt = (Segment){ .sel = sel };
        return;
    }
    read_system(cpu, op, sel, &d);
    if (DESC_TYPE(&d) != SYS_LDT) {
        cpu_raise_err(cpu, op, EXC_GP, sel & 0xfffc);
    }
    if (!DESC_P(&d)) {
        cpu_raise_err(cpu, op, EXC_NP, sel & 0xfffc);
    }
    cpu->ldt = system_segment(cpu, op, &d, sel);
}
SYS_NEXT(lldt)

static NOINLINE void do_ltr(SoftCpu *cpu, const Op *op)
{
    uint16_t sel = ew_get(cpu, op);
    Segment tr;
    Desc d;

    if (SEL_NULL(sel)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    read_system(cpu, op, sel, &d);
    if (DESC_TYPE(&d) != SYS_TSS32 && (DESC_TYPE(&d) != SYS_TSS16 || in_long_mode(cpu))) {
        cpu_raise_err(cpu, op, EXC_GP, sel & 0xfffc);
    }
    if (!DESC_P(&d)) {
        cpu_raise_err(cpu, op, EXC_NP, sel & 0xfffc);
    }
    tr = system_segment(cpu, op, &d, sel);
    desc_set_busy(cpu, op, &d, true);
    tr.attr |= 2;
    cpu->tr = tr;
}
SYS_NEXT(ltr)

/* Rights without faults: VERR VERW LAR LSL ARPL */

static NOINLINE void do_verify(SoftCpu *cpu, const Op *op)
{
    uint16_t sel = ew_get(cpu, op);
    bool write = op->i.op == OP_VERW_Ew, ok;
    Desc d;

    ok = !SEL_NULL(sel) && desc_read(cpu, op, sel, &d) && DESC_S(&d);
    if (ok && !(DESC_CODE(&d) && DESC_CONFORMING(&d))) {
        ok = DESC_DPL(&d) >= cpu->cpl && DESC_DPL(&d) >= (sel & 3);
    }
    if (ok) {
        ok = write ? !DESC_CODE(&d) && DESC_RW(&d) : !DESC_CODE(&d) || DESC_RW(&d);
    }
    set_zf(cpu, ok);
}
SYS_NEXT(verify)

/* SDM vol. 2, LAR and LSL: system types that count, by mode */
static bool lar_lsl_type(SoftCpu *cpu, unsigned type, bool lsl)
{
    uint32_t ok = in_long_mode(cpu) ? (lsl ? 0x0a04 : 0x1a04) : lsl ? 0x0a0e : 0x1a3e;

    return ok >> type & 1;
}

static NOINLINE void do_lar_lsl(SoftCpu *cpu, const Op *op)
{
    bool lsl = op->i.op == OP_LSL_Gv_Ew, ok;
    uint16_t sel = ew_get(cpu, op);
    Desc d;

    ok = !SEL_NULL(sel) && desc_read(cpu, op, sel, &d)
      && (DESC_S(&d) || lar_lsl_type(cpu, DESC_TYPE(&d), lsl));
    if (ok && !(DESC_S(&d) && DESC_CODE(&d) && DESC_CONFORMING(&d))) {
        ok = DESC_DPL(&d) >= cpu->cpl && DESC_DPL(&d) >= (sel & 3);
    }
    if (ok) {
        reg_set(cpu, op->i.reg, op->i.opsz, lsl ? desc_limit(&d) : d.raw >> 32 & 0x00f0ff00);
    }
    set_zf(cpu, ok);
}
SYS_NEXT(lar_lsl)

static NOINLINE void do_arpl(SoftCpu *cpu, const Op *op)
{
    bool mem = op->i.flags & INSN_MEM;
    uint16_t dst = mem ? mem_ld16(cpu, op, ea_linear(cpu, op, 2, false)) : cpu->gpr[op->i.rm];
    uint16_t rpl = cpu->gpr[op->i.reg] & 3;
    bool less = (dst & 3) < rpl;

    if (less && mem) {
        mem_st16(cpu, op, ea_linear(cpu, op, 2, true), (dst & ~3) | rpl);
    } else if (less) {
        reg_set(cpu, op->i.rm, 2, (dst & ~3) | rpl);
    }
    set_zf(cpu, less);
}
SYS_NEXT(arpl)

/* FSGSBASE and SWAPGS */

static void check_fsgsbase(SoftCpu *cpu, const Op *op)
{
    if (!(cpu->cr4 & CR4_FSGSBASE)) {
        cpu_raise(cpu, op, EXC_UD);
    }
}

static NOINLINE void do_rdbase(SoftCpu *cpu, const Op *op)
{
    check_fsgsbase(cpu, op);
    reg_set(cpu, op->i.rm, op->i.opsz,
            cpu->seg[op->i.op == OP_RDFSBASE_Ry ? S_FS : S_GS].base);
}
SYS_NEXT(rdbase)

static NOINLINE void do_wrbase(SoftCpu *cpu, const Op *op)
{
    uint64_t v = reg_get(cpu, op->i.rm, op->i.opsz);

    check_fsgsbase(cpu, op);
    if (!tlb_is_canonical(cpu, v)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    cpu->seg[op->i.op == OP_WRFSBASE_Ry ? S_FS : S_GS].base = v;
}
SYS_NEXT(wrbase)

static NOINLINE void do_swapgs(SoftCpu *cpu, const Op *op)
{
    uint64_t base = cpu->seg[S_GS].base;

    cpu->seg[S_GS].base = cpu->kernel_gs_base;
    cpu->kernel_gs_base = base;
}
SYS_NEXT(swapgs)

OpFn *pick_sys_seg(const Insn *insn, uint32_t mode)
{
    switch (insn->op) {
    case OP_MOV_Sw_Ew:
        return insn->reg < NR_SEGS && insn->reg != S_CS ? op_mov_sreg : NULL;
    case OP_MOV_Mw_Sw: case OP_MOV_Rv_Sw:
        return insn->reg < NR_SEGS ? op_mov_from_sreg : NULL;
    case OP_PUSH_ES: case OP_PUSH_CS: case OP_PUSH_SS: case OP_PUSH_DS: case OP_PUSH_FS:
    case OP_PUSH_GS:
        return op_push_sreg;
    case OP_POP_ES: case OP_POP_SS: case OP_POP_DS: case OP_POP_FS: case OP_POP_GS:
        return op_pop_sreg;
    case OP_LES_Gv_Mp: case OP_LDS_Gv_Mp: case OP_LSS_Gv_Mp: case OP_LFS_Gv_Mp:
    case OP_LGS_Gv_Mp:
        return op_load_far;
    case OP_SGDT_Ms:
        return op_sgdt;
    case OP_SIDT_Ms:
        return op_sidt;
    case OP_LGDT_Ms: case OP_LIDT_Ms:
        return op_load_table;
    case OP_SLDT_Mw: case OP_SLDT_Rv:
        return op_sldt;
    case OP_STR_Mw: case OP_STR_Rv:
        return op_str;
    case OP_LLDT_Ew:
        return op_lldt;
    case OP_LTR_Ew:
        return op_ltr;
    case OP_VERR_Ew: case OP_VERW_Ew:
        return op_verify;
    case OP_LAR_Gv_Ew: case OP_LSL_Gv_Ew:
        return op_lar_lsl;
    case OP_ARPL_Ew_Gw:
        return op_arpl;
    case OP_RDFSBASE_Ry: case OP_RDGSBASE_Ry:
        return op_rdbase;
    case OP_WRFSBASE_Ry: case OP_WRGSBASE_Ry:
        return op_wrbase;
    case OP_SWAPGS:
        return op_swapgs;
    default:
        return NULL;
    }
}
