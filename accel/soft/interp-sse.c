/* The MMX, SSE and AVX handlers: operands, the host stub, MXCSR exceptions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu-int.h"

static ALWAYS_INLINE SseStub *op_stub(const Op *op)
{
    return (SseStub *)(stub_base + insn_stub(&op->i));
}

static ALWAYS_INLINE void *reg_cell(SoftCpu *cpu, RegKind kind, unsigned n)
{
    return kind == RK_VEC ? (void *)&cpu->vec[n] :
           kind == RK_MMX ? (void *)cpu->fx.st[n & 7] : (void *)&cpu->gpr[n];
}

static ALWAYS_INLINE RegKind vf_reg(unsigned vf)
{
    return (vf >> VF_REG_SHIFT) & 3;
}

static ALWAYS_INLINE RegKind vf_rm(unsigned vf)
{
    return (vf >> VF_RM_SHIFT) & 3;
}

/* Any MMX instruction: the stack is full and its top is R0; a written register is a NaN. */
static void mmx_enter(SoftCpu *cpu, uint8_t *written)
{
    cpu->fx.fsw &= ~FSW_TOP;
    cpu->fx.ftw_abridged = 0xff;
    if (written) {
        written[8] = written[9] = 0xff;
    }
}

/*
 * The stub ran with all exceptions masked and left new flags. True: the result
 * is in fx.result. False: it is where it belongs. Or raises #XM.
 */
static bool sse_take_flags(SoftCpu *cpu, const Op *op, const SseArgs *args)
{
    uint32_t raised = cpu->fx.mxcsr_out & MXCSR_EXC, mxcsr;
    int again;

    if (likely(!(raised & ~cpu->fx.mxcsr >> 7 & MXCSR_EXC))) {
        fpu_set_mxcsr(cpu, cpu->fx.mxcsr | raised);
        return true;
    }
    again = sse_run_unmasked(cpu, op, args, &mxcsr);
    fpu_set_mxcsr(cpu, mxcsr);
    if (again < 0) {
        cpu_raise(cpu, op, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
    }
    return again;
}

static void sse_copy_result(SoftCpu *cpu, const Op *op, RegKind kind, void *cell)
{
    if (kind == RK_VEC) {
        memcpy(cell, cpu->fx.result, op->i.prefix & PFX_VEX ? 32 : 16);
    } else if (kind != RK_NONE) {
        memcpy(cell, cpu->fx.result, 8);
    }
}

static NOINLINE void sse_flags_changed(SoftCpu *cpu, const Op *op, void *reg, void *rm,
                                       void *vvvv)
{
    const SseArgs args = { reg, rm, vvvv, reg };
    unsigned vf = insn_vf(&op->i);

    if (sse_take_flags(cpu, op, &args) && !(vf & VF_DEST_NONE)) {
        if (vf & VF_DEST_RM) {
            sse_copy_result(cpu, op, vf_rm(vf), rm);
        } else {
            sse_copy_result(cpu, op, vf_reg(vf), reg);
        }
    }
}

static ALWAYS_INLINE void sse_arith_flags(SoftCpu *cpu)
{
    cc_set(cpu, CC_FLAGS, 0, cpu->fx.flags_out & FL_ARITH);
}

/* Vector registers only. */
static const Op *sse_reg(SoftCpu *cpu, const Op *op)
{
    VecReg *reg = &cpu->vec[op->i.reg], *rm = &cpu->vec[op->i.rm], *v = &cpu->vec[op->i.vvvv];

    if (unlikely(op_stub(op)(reg, rm, v, cpu, &cpu->vec[op->i.imm >> 4 & 15]))) {
        sse_flags_changed(cpu, op, reg, rm, v);
    }
    return NEXT(cpu, op);
}

/* The same with arithmetic flags. */
static const Op *sse_reg_flags(SoftCpu *cpu, const Op *op)
{
    VecReg *reg = &cpu->vec[op->i.reg], *rm = &cpu->vec[op->i.rm];

    if (unlikely(op_stub(op)(reg, rm, reg, cpu, reg))) {
        sse_flags_changed(cpu, op, reg, rm, reg);
    }
    sse_arith_flags(cpu);
    return NEXT(cpu, op);
}

static ALWAYS_INLINE uint64_t sse_address(SoftCpu *cpu, const Op *op, unsigned size, bool write)
{
    uint64_t la = fpu_address(cpu, op, size, write);

    if (unlikely(la & (size - 1)) && (insn_vf(&op->i) & VF_ALIGN)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    return la;
}

/* A memory operand that the TLB does not hold goes through a copy. */
static NOINLINE void sse_load_slow(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size,
                                   VecReg *reg)
{
    VecReg copy;
    VecReg *v = &cpu->vec[op->i.vvvv];

    mem_load_bytes(cpu, op, la, &copy, size);
    if (op_stub(op)(reg, &copy, v, cpu, &cpu->vec[op->i.imm >> 4 & 15])) {
        sse_flags_changed(cpu, op, reg, &copy, v);
    }
}

/* Vector registers and a memory source. */
static ALWAYS_INLINE const Op *sse_load_size(SoftCpu *cpu, const Op *op, unsigned size, bool flags)
{
    VecReg *reg = &cpu->vec[op->i.reg], *v = &cpu->vec[op->i.vvvv];
    uint64_t la = sse_address(cpu, op, size, false);
    void *p = mem_hit(cpu->tlb->tag_r, cpu->tlb, la, size);

    if (unlikely(!p)) {
        sse_load_slow(cpu, op, la, size, reg);
    } else if (unlikely(op_stub(op)(reg, p, v, cpu, &cpu->vec[op->i.imm >> 4 & 15]))) {
        sse_flags_changed(cpu, op, reg, p, v);
    }
    if (flags) {
        sse_arith_flags(cpu);
    }
    return NEXT(cpu, op);
}

#define SSE_LOAD(size)                                                          \
    static const Op *sse_load_##size(SoftCpu *cpu, const Op *op)                \
    {                                                                           \
        return sse_load_size(cpu, op, size, false);                             \
    }                                                                           \
    static const Op *sse_load_flags_##size(SoftCpu *cpu, const Op *op)          \
    {                                                                           \
        return sse_load_size(cpu, op, size, true);                              \
    }
SSE_LOAD(4)
SSE_LOAD(8)
SSE_LOAD(16)
SSE_LOAD(32)

static NOINLINE void sse_store_slow(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    VecReg *reg = &cpu->vec[op->i.reg];
    VecReg copy;

    op_stub(op)(reg, &copy, reg, cpu, reg);
    mem_store_bytes(cpu, op, la, &copy, size);
}

/* A vector register stored unchanged or in part: no MXCSR flags come of it. */
static ALWAYS_INLINE const Op *sse_store_size(SoftCpu *cpu, const Op *op, unsigned size)
{
    VecReg *reg = &cpu->vec[op->i.reg];
    uint64_t la = sse_address(cpu, op, size, true);
    void *p = mem_hit(cpu->tlb->tag_w, cpu->tlb, la, size);

    if (unlikely(!p)) {
        sse_store_slow(cpu, op, la, size);
    } else {
        op_stub(op)(reg, p, reg, cpu, reg);
    }
    return NEXT(cpu, op);
}

static const Op *sse_store_8(SoftCpu *cpu, const Op *op)
{
    return sse_store_size(cpu, op, 8);
}

static const Op *sse_store_16(SoftCpu *cpu, const Op *op)
{
    return sse_store_size(cpu, op, 16);
}

static const Op *sse_store_32(SoftCpu *cpu, const Op *op)
{
    return sse_store_size(cpu, op, 32);
}

/*
 * VCVTPS2PH minds no FTZ, which would show us tiny exact results (see
 * fpu_set_mxcsr): with underflow unmasked try it for real first.
 */
static void sse_halves_underflow(SoftCpu *cpu, const Op *op, void *reg, void *rm)
{
    VecReg copy;
    const SseArgs args = { reg, &copy, reg, reg };
    uint32_t mxcsr;

    if (sse_run_unmasked(cpu, op, &args, &mxcsr) < 0) {
        fpu_set_mxcsr(cpu, mxcsr);
        cpu_raise(cpu, op, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
    }
}

/* Everything else: MMX and general registers, odd sizes, conversions to memory. */
static NOINLINE void sse_any_run(SoftCpu *cpu, const Op *op)
{
    unsigned vf = insn_vf(&op->i), size = insn_mem_size(&op->i);
    bool mem = op->i.flags & INSN_MEM, store = mem && (vf & VF_DEST_RM);
    VecReg copy;
    VecReg *v = &cpu->vec[op->i.vvvv];
    void *reg = vf_reg(vf) == RK_NONE ? v : reg_cell(cpu, vf_reg(vf), op->i.reg);
    void *rm = mem ? &copy : reg_cell(cpu, vf_rm(vf), op->i.rm);
    uint64_t la = mem ? sse_address(cpu, op, size, store) : 0;

    if (mem && !store) {
        mem_load_bytes(cpu, op, la, &copy, size);
    } else if (store) {
        mem_probe(cpu, op, la, size, true);
    }
    if (op->i.op == OP_VCVTPS2PH_Wh_Vx_Ib && !(cpu->fx.mxcsr & MXCSR_UM)) {
        sse_halves_underflow(cpu, op, reg, rm);
    }
    if (op_stub(op)(reg, rm, v, cpu, v)) {
        sse_flags_changed(cpu, op, reg, rm, v);
    }
    if (vf & VF_FLAGS) {
        sse_arith_flags(cpu);
    }
    if (store) {
        mem_store_bytes(cpu, op, la, &copy, size);
    }
    if (vf & VF_WAIT) {
        RegKind kind = vf & VF_DEST_NONE ? RK_NONE : vf & VF_DEST_RM ? vf_rm(vf) : vf_reg(vf);

        mmx_enter(cpu, kind != RK_MMX ? NULL : vf & VF_DEST_RM ? rm : reg);
    }
}

static const Op *sse_any(SoftCpu *cpu, const Op *op)
{
    sse_any_run(cpu, op);
    return NEXT(cpu, op);
}

static const Op *mmx_any(SoftCpu *cpu, const Op *op)
{
    X87_WAIT(cpu, op);
    sse_any_run(cpu, op);
    return NEXT(cpu, op);
}

const Op *mmx_emms(SoftCpu *cpu, const Op *op)
{
    X87_WAIT(cpu, op);
    cpu->fx.fsw &= ~FSW_TOP;
    cpu->fx.ftw_abridged = 0;
    return NEXT(cpu, op);
}

static OpFn *pick_load(unsigned size, bool flags)
{
    switch (size) {
    case 4:
        return flags ? sse_load_flags_4 : sse_load_4;
    case 8:
        return flags ? sse_load_flags_8 : sse_load_8;
    case 16:
        return flags ? sse_load_flags_16 : sse_load_16;
    case 32:
        return flags ? sse_load_flags_32 : sse_load_32;
    default:
        return sse_any;
    }
}

/* Which of the handlers above calls the stub that i has. */
static OpFn *stub_handler(const Insn *i)
{
    unsigned vf = insn_vf(i), size = insn_mem_size(i);
    bool fp = insn_info[i->op].attr & A_FP;

    if (vf & VF_WAIT) {
        return mmx_any;
    }
    if (vf_reg(vf) != RK_VEC) {
        return sse_any;
    }
    if (i->flags & INSN_MEM) {
        if (!(vf & VF_DEST_RM)) {
            return pick_load(size, vf & VF_FLAGS);
        }
        return fp ? sse_any : size == 8 ? sse_store_8 : size == 16 ? sse_store_16 :
               size == 32 ? sse_store_32 : sse_any;
    }
    if (vf_rm(vf) != RK_VEC || i->op == OP_VCVTPS2PH_Wh_Vx_Ib) {
        return sse_any;
    }
    return vf & VF_FLAGS ? sse_reg_flags : sse_reg;
}

const Op *sse_stubbed(SoftCpu *cpu, const Op *op)
{
    return stub_handler(&op->i)(cpu, op);
}

/* Uses only MMX or the general registers besides: CR4.OSFXSR does not matter. */
static bool insn_is_mmx(const Insn *i)
{
    const InsnInfo *info = &insn_info[i->op];
    bool mmx = false;

    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = opnd_info[info->opnd[n]].kind;

        if (kind == K_XREG || kind == K_XRM || kind == K_XRMREG || kind == K_XVVVV) {
            return false;
        }
        mmx |= kind == K_MREG || kind == K_MRM || kind == K_MRMREG;
    }
    return mmx;
}

OpFn *pick_sse(const Insn *i, uint32_t mode)
{
    OpFn *fn;

    if (i->prefix & PFX_VEX) {
        if (!(mode & MODE_AVX)) {
            return fpu_refuse_avx;
        }
    } else if (insn_is_mmx(i)) {
        if (!(mode & MODE_X87)) {
            return fpu_refuse_mmx;
        }
    } else if (!(mode & MODE_SSE)) {
        return fpu_refuse_sse;
    }
    fn = pick_sse_special(i);
    if (fn) {
        return fn;
    }
    if (!sse_stub_prepare(i, mode)) {
        return NULL;
    }
    fn = pick_sse_plain(i);
    return fn ? fn : stub_handler(i);
}
