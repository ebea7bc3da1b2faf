/* FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XSAVEC, XRSTOR */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu-int.h"

enum { OFF_MXCSR = 24, OFF_XSTATE_BV = 0, OFF_XCOMP_BV = 8, HEADER_SIZE = 64 };

#define XCOMP_COMPACT (1ULL << 63)

/* XMM registers that exist in this mode; the others are neither saved nor loaded. */
static unsigned vec_count(const SoftCpu *cpu)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? 16 : 8;
}

static void fx_check(SoftCpu *cpu, const Op *op)
{
    if (cpu->cr0 & CR0_EM) {
        cpu_raise(cpu, op, EXC_UD);
    }
    if (cpu->cr0 & CR0_TS) {
        cpu_raise(cpu, op, EXC_NM);
    }
}

static void xsave_check(SoftCpu *cpu, const Op *op)
{
    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        cpu_raise(cpu, op, EXC_UD);
    }
    if (cpu->cr0 & CR0_TS) {
        cpu_raise(cpu, op, EXC_NM);
    }
}

/*
 * align 16: FXSAVE and FXRSTOR, whose #GP may give way to #AC (SDM vol. 2); it does where not
 * even words of theirs are aligned.
 */
static uint64_t area_address(SoftCpu *cpu, const Op *op, unsigned size, unsigned align, bool write)
{
    uint64_t la = ea_unchecked(cpu, op);

    if (likely(!(la & (align - 1)))) {
        return ea_linear(cpu, op, size, write);
    }
    /* Unlike SSE operands these look at the address first: #SS for a bad one on the stack. */
    if ((int64_t)(la << 16) >> 16 != (int64_t)la) {
        mem_probe(cpu, op, la, 1, write);
    }
    if (align == 16 && (la & 3) && cpu->tlb->aligned) {
        ea_linear(cpu, op, size, write);
        cpu_raise_err(cpu, op, EXC_AC, 0);
    }
    cpu_raise_err(cpu, op, EXC_GP, 0);
}

static bool insn_wide(const Op *op)
{
    return op->i.rex & 8;
}

static void get_xmm(const SoftCpu *cpu, uint8_t *buf, unsigned half)
{
    for (unsigned n = 0; n < vec_count(cpu); n++) {
        memcpy(buf + 16 * n, &cpu->vec[n].b[half], 16);
    }
}

/* buf NULL: the initial configuration. */
static void set_xmm(SoftCpu *cpu, const uint8_t *buf, unsigned half)
{
    for (unsigned n = 0; n < vec_count(cpu); n++) {
        if (buf) {
            memcpy(&cpu->vec[n].b[half], buf + 16 * n, 16);
        } else {
            memset(&cpu->vec[n].b[half], 0, 16);
        }
    }
}

static NOINLINE void fxsave_run(SoftCpu *cpu, const Op *op)
{
    uint8_t buf[FXSAVE_SIZE];
    uint64_t la = area_address(cpu, op, FXSAVE_SIZE, 16, true);
    unsigned size = FX_XMM + 16 * vec_count(cpu);

    fpu_get_x87(cpu, buf, insn_wide(op));
    memcpy(buf + OFF_MXCSR, &cpu->fx.mxcsr, 4);
    memcpy(buf + OFF_MXCSR + 4, &cpu->fx.mxcsr_mask, 4);
    get_xmm(cpu, buf + FX_XMM, 0);
    mem_probe(cpu, op, la, FXSAVE_SIZE, true);
    mem_store_bytes(cpu, op, la, buf, size);
}

static const Op *fxsave(SoftCpu *cpu, const Op *op)
{
    fx_check(cpu, op);
    fxsave_run(cpu, op);
    return NEXT(cpu, op);
}

static NOINLINE void fxrstor_run(SoftCpu *cpu, const Op *op)
{
    uint8_t buf[FXSAVE_SIZE];
    uint64_t la = area_address(cpu, op, FXSAVE_SIZE, 16, false);
    uint32_t mxcsr;

    mem_load_bytes(cpu, op, la, buf, FXSAVE_SIZE);
    memcpy(&mxcsr, buf + OFF_MXCSR, 4);
    if (mxcsr & ~MXCSR_VALID) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    fpu_set_x87(cpu, buf, insn_wide(op));
    fpu_set_mxcsr(cpu, mxcsr);
    set_xmm(cpu, buf + FX_XMM, 0);
}

static const Op *fxrstor(SoftCpu *cpu, const Op *op)
{
    fx_check(cpu, op);
    fxrstor_run(cpu, op);
    return NEXT(cpu, op);
}

/* RFBM: what the instruction is about. */
static uint64_t xsave_requested(const SoftCpu *cpu)
{
    uint64_t asked = (uint32_t)cpu->gpr[R_AX] | cpu->gpr[R_DX] << 32;

    return asked & cpu->xcr0;
}

/* The legacy region and header, fields of components not in which are left alone. */
static void store_legacy(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t which, bool mxcsr)
{
    uint8_t buf[FX_XMM + 256];

    if (which & XSTATE_X87) {
        fpu_get_x87(cpu, buf, insn_wide(op));
        mem_store_bytes(cpu, op, la, buf, OFF_MXCSR);
        mem_store_bytes(cpu, op, la + FX_ST, buf + FX_ST, 128);
    }
    if (mxcsr) {
        memcpy(buf, &cpu->fx.mxcsr, 4);
        memcpy(buf + 4, &cpu->fx.mxcsr_mask, 4);
        mem_store_bytes(cpu, op, la + OFF_MXCSR, buf, 8);
    }
    if (which & XSTATE_SSE) {
        get_xmm(cpu, buf, 0);
        mem_store_bytes(cpu, op, la + FX_XMM, buf, 16 * vec_count(cpu));
    }
}

static void store_avx(SoftCpu *cpu, const Op *op, uint64_t la)
{
    uint8_t buf[256];

    get_xmm(cpu, buf, 16);
    mem_store_bytes(cpu, op, la + XSAVE_AVX_OFFSET, buf, 16 * vec_count(cpu));
}

/* Compacted and standard form put AVX at the same place: it is the first extended component. */
static unsigned xsave_size(uint64_t which)
{
    return which & XSTATE_AVX ? XSAVE_SIZE : XSAVE_AVX_OFFSET;
}

/* XSAVE and XSAVEOPT; SDM vol. 1, 13.7 and 13.9. */
static NOINLINE void xsave_run(SoftCpu *cpu, const Op *op, bool optimise)
{
    uint64_t rfbm = xsave_requested(cpu), in_use = fpu_xinuse(cpu), which, old;
    uint64_t la = area_address(cpu, op, xsave_size(rfbm), 64, true);

    mem_probe(cpu, op, la, xsave_size(rfbm), true);
    old = mem_load_slow(cpu, op, la + XSAVE_HEADER, 8);
    if (cpu->fx.mxcsr != MXCSR_INIT && (rfbm & XSTATE_SSE)) {
        in_use |= XSTATE_SSE;
    }
    which = optimise ? rfbm & in_use : rfbm;
    store_legacy(cpu, op, la, which, rfbm & (XSTATE_SSE | XSTATE_AVX));
    if (which & XSTATE_AVX) {
        store_avx(cpu, op, la);
    }
    mem_store_slow(cpu, op, la + XSAVE_HEADER, (old & ~rfbm) | (in_use & rfbm), 8);
}

/* SDM vol. 1, 13.10. */
static NOINLINE void xsavec_run(SoftCpu *cpu, const Op *op)
{
    uint64_t rfbm = xsave_requested(cpu), in_use = fpu_xinuse(cpu), which, header[2];
    uint64_t la = area_address(cpu, op, xsave_size(rfbm), 64, true);

    mem_probe(cpu, op, la, xsave_size(rfbm), true);
    if (cpu->fx.mxcsr != MXCSR_INIT) {
        in_use |= XSTATE_SSE;
    }
    which = rfbm & in_use;
    store_legacy(cpu, op, la, which, which & XSTATE_SSE);
    if (which & XSTATE_AVX) {
        store_avx(cpu, op, la);
    }
    header[0] = which;
    header[1] = rfbm | XCOMP_COMPACT;
    mem_store_bytes(cpu, op, la + XSAVE_HEADER, header, 16);
}

static const Op *xsave(SoftCpu *cpu, const Op *op)
{
    xsave_check(cpu, op);
    xsave_run(cpu, op, false);
    return NEXT(cpu, op);
}

static const Op *xsaveopt(SoftCpu *cpu, const Op *op)
{
    xsave_check(cpu, op);
    xsave_run(cpu, op, true);
    return NEXT(cpu, op);
}

static const Op *xsavec(SoftCpu *cpu, const Op *op)
{
    xsave_check(cpu, op);
    xsavec_run(cpu, op);
    return NEXT(cpu, op);
}

/* SDM vol. 1, 13.8.1 and 13.8.2: the faults of a bad header. */
static bool header_bad(const SoftCpu *cpu, const uint8_t *header)
{
    uint64_t present, compact, reserved[6], bad;
    unsigned checked;

    memcpy(&present, header + OFF_XSTATE_BV, 8);
    memcpy(&compact, header + OFF_XCOMP_BV, 8);
    memcpy(reserved, header + 16, 48);
    if (compact & XCOMP_COMPACT) {
        compact &= ~XCOMP_COMPACT;
        bad = (compact & ~cpu->xcr0) | (present & ~compact);
        checked = 6;
    } else {
        bad = compact | (present & ~cpu->xcr0);
        checked = 1;
    }
    for (unsigned n = 0; n < checked; n++) {
        bad |= reserved[n];
    }
    return bad;
}

static NOINLINE void xrstor_run(SoftCpu *cpu, const Op *op)
{
    uint8_t buf[XSAVE_SIZE];
    uint64_t rfbm = xsave_requested(cpu), present;
    uint64_t la = area_address(cpu, op, xsave_size(rfbm), 64, false);
    uint32_t mxcsr;
    bool compact, load_mxcsr;

    mem_load_bytes(cpu, op, la, buf, xsave_size(rfbm));
    if (header_bad(cpu, buf + XSAVE_HEADER)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    memcpy(&present, buf + XSAVE_HEADER, 8);
    compact = buf[XSAVE_HEADER + OFF_XCOMP_BV + 7] & 0x80;
    load_mxcsr = compact ? rfbm & present & XSTATE_SSE : rfbm & (XSTATE_SSE | XSTATE_AVX);
    memcpy(&mxcsr, buf + OFF_MXCSR, 4);
    if (load_mxcsr && (mxcsr & ~MXCSR_VALID)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (load_mxcsr) {
        fpu_set_mxcsr(cpu, mxcsr);
    } else if (compact && (rfbm & XSTATE_SSE)) {
        fpu_set_mxcsr(cpu, MXCSR_INIT);
    }
    if (rfbm & present & XSTATE_X87) {
        fpu_set_x87(cpu, buf, insn_wide(op));
    } else if (rfbm & XSTATE_X87) {
        memset(cpu->fx.st, 0, sizeof(cpu->fx.st));
        fpu_init_x87(cpu);
    }
    if (rfbm & XSTATE_SSE) {
        set_xmm(cpu, present & XSTATE_SSE ? buf + FX_XMM : NULL, 0);
    }
    if (rfbm & XSTATE_AVX) {
        set_xmm(cpu, present & XSTATE_AVX ? buf + XSAVE_AVX_OFFSET : NULL, 16);
    }
}

static const Op *xrstor(SoftCpu *cpu, const Op *op)
{
    xsave_check(cpu, op);
    xrstor_run(cpu, op);
    return NEXT(cpu, op);
}

OpFn *pick_xsave(const Insn *i, uint32_t mode)
{
    switch (i->op) {
    case OP_FXSAVE_Mbig: return fxsave;
    case OP_FXRSTOR_Mbig: return fxrstor;
    case OP_XSAVE_Mbig: return xsave;
    case OP_XSAVEOPT_Mbig: return xsaveopt;
    case OP_XSAVEC_Mbig: return xsavec;
    case OP_XRSTOR_Mbig: return xrstor;
    default: return NULL;
    }
}
