/* Integer handlers: multiply, divide, decimal adjust */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

typedef unsigned __int128 Wide;
typedef __int128 SWide;

/* CF = OF = the product does not fit the low half; the rest is undefined. */
static ALWAYS_INLINE void mul_flags(SoftCpu *cpu, unsigned size, uint64_t low, bool over)
{
    cc_set(cpu, CC_OP(CCF_RES, size), low, over ? FL_CF | FL_OF : 0);
}

/* MUL, IMUL with one operand: the double-width product to AX or DX:AX. */
#define MUL_FNS(size, bits)                                                                 \
    static const Op *mul##size(SoftCpu *cpu, const Op *op)                                  \
    {                                                                                       \
        Wide r = (Wide)reg_get(cpu, R_AX, size) * e_get(cpu, op, size);                     \
                                                                                            \
        mul_store(cpu, size, r);                                                            \
        mul_flags(cpu, size, trunc_to((uint64_t)r, size), (r >> bits) != 0);                \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *imul##size(SoftCpu *cpu, const Op *op)                                 \
    {                                                                                       \
        SWide r = (SWide)sext_from(cpu->gpr[R_AX], size) *                                  \
                  sext_from(e_get(cpu, op, size), size);                                    \
                                                                                            \
        mul_store(cpu, size, (Wide)r);                                                      \
        mul_flags(cpu, size, trunc_to((uint64_t)r, size),                                   \
                  r != sext_from((uint64_t)r, size));                                       \
        return NEXT(cpu, op);                                                               \
    }

static ALWAYS_INLINE void mul_store(SoftCpu *cpu, unsigned size, Wide r)
{
    if (size == 1) {
        reg_set(cpu, R_AX, 2, (uint64_t)r);
    } else {
        reg_set(cpu, R_AX, size, (uint64_t)r);
        reg_set(cpu, R_DX, size, (uint64_t)(r >> (size * 8)));
    }
}
MUL_FNS(1, 8)
MUL_FNS(2, 16)
MUL_FNS(4, 32)
MUL_FNS(8, 64)

/* IMUL with two and three operands. */
#define IMUL_FNS(size)                                                                      \
    static const Op *imul##size##_rm(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return imul_to(cpu, op, size, reg_get(cpu, op->i.reg, size), e_get(cpu, op, size)); \
    }                                                                                       \
    static const Op *imul##size##_rmi(SoftCpu *cpu, const Op *op)                           \
    {                                                                                       \
        return imul_to(cpu, op, size, op->i.imm, e_get(cpu, op, size));                     \
    }

static ALWAYS_INLINE const Op *imul_to(SoftCpu *cpu, const Op *op, unsigned size, uint64_t a,
                                       uint64_t b)
{
    int64_t r;
    bool over;

    if (size == 8) {
        over = __builtin_mul_overflow((int64_t)a, (int64_t)b, &r);
    } else {
        r = sext_from(a, size) * sext_from(b, size);
        over = r != sext_from(r, size);
    }
    reg_set(cpu, op->i.reg, size, r);
    mul_flags(cpu, size, trunc_to(r, size), over);
    return NEXT(cpu, op);
}
IMUL_FNS(2)
IMUL_FNS(4)
IMUL_FNS(8)

static const Op *mulx4(SoftCpu *cpu, const Op *op)
{
    uint64_t r = (uint64_t)(uint32_t)cpu->gpr[R_DX] * e_get(cpu, op, 4);

    cpu->gpr[op->i.vvvv] = (uint32_t)r;
    cpu->gpr[op->i.reg] = r >> 32;
    return NEXT(cpu, op);
}

static const Op *mulx8(SoftCpu *cpu, const Op *op)
{
    Wide r = (Wide)cpu->gpr[R_DX] * e_get(cpu, op, 8);

    cpu->gpr[op->i.vvvv] = (uint64_t)r;
    cpu->gpr[op->i.reg] = (uint64_t)(r >> 64);
    return NEXT(cpu, op);
}

/* Divide --------------------------------------------------------------- */

/* False: #DE. The dividend is DX:AX (AX for bytes, in low). */
static NOINLINE bool div_wide(uint64_t high, uint64_t low, uint64_t d, uint64_t *q, uint64_t *r)
{
    Wide n = (Wide)high << 64 | low;

    if (d == 0 || high >= d) {
        return false;
    }
    if (high == 0) {
        *q = low / d;
        *r = low % d;
    } else {
        *q = (uint64_t)(n / d);
        *r = (uint64_t)(n % d);
    }
    return true;
}

static NOINLINE bool idiv_wide(int64_t high, uint64_t low, int64_t d, uint64_t *q, uint64_t *r)
{
    bool neg = high < 0;
    Wide n = (Wide)high << 64 | low;
    uint64_t un_high, un_low, ud = d < 0 ? -(uint64_t)d : (uint64_t)d, uq, ur;

    n = neg ? -n : n;
    un_high = (uint64_t)(n >> 64);
    un_low = (uint64_t)n;
    if (!div_wide(un_high, un_low, ud, &uq, &ur)) {
        return false;
    }
    if (neg != (d < 0)) {
        if (uq > (uint64_t)INT64_MAX + 1) {
            return false;
        }
        uq = -uq;
    } else if (uq > INT64_MAX) {
        return false;
    }
    *q = uq;
    *r = neg ? -ur : ur;
    return true;
}

static NOINLINE void div64(SoftCpu *cpu, const Op *op, uint64_t d, bool is_signed)
{
    uint64_t q = 0, r = 0;
    bool ok = is_signed ? idiv_wide(cpu->gpr[R_DX], cpu->gpr[R_AX], d, &q, &r)
                        : div_wide(cpu->gpr[R_DX], cpu->gpr[R_AX], d, &q, &r);

    if (!ok) {
        cpu_raise(cpu, op, EXC_DE);
    }
    cpu->gpr[R_AX] = q;
    cpu->gpr[R_DX] = r;
}

static const Op *div8_h(SoftCpu *cpu, const Op *op)
{
    uint64_t d = e_get(cpu, op, 8);

    if (likely(cpu->gpr[R_DX] == 0 && d != 0)) {
        uint64_t n = cpu->gpr[R_AX];

        cpu->gpr[R_AX] = n / d;
        cpu->gpr[R_DX] = n % d;
    } else {
        div64(cpu, op, d, false);
    }
    return NEXT(cpu, op);
}

static const Op *idiv8_h(SoftCpu *cpu, const Op *op)
{
    div64(cpu, op, e_get(cpu, op, 8), true);
    return NEXT(cpu, op);
}

static ALWAYS_INLINE uint64_t dividend(const SoftCpu *cpu, unsigned size)
{
    return size == 1 ? (uint16_t)cpu->gpr[R_AX] :
           reg_get(cpu, R_DX, size) << (size * 8) | reg_get(cpu, R_AX, size);
}

static ALWAYS_INLINE void div_store(SoftCpu *cpu, unsigned size, uint64_t q, uint64_t r)
{
    if (size == 1) {
        reg_set(cpu, R_AX, 2, (uint8_t)q | (r & 0xff) << 8);
    } else {
        reg_set(cpu, R_AX, size, q);
        reg_set(cpu, R_DX, size, r);
    }
}

#define DIV_FNS(size)                                                                       \
    static const Op *div##size##_h(SoftCpu *cpu, const Op *op)                              \
    {                                                                                       \
        uint64_t d = e_get(cpu, op, size), n = dividend(cpu, size);                         \
        uint64_t q = likely(d != 0) ? n / d : UINT64_MAX;                                   \
                                                                                            \
        if (unlikely(q != trunc_to(q, size))) {                                             \
            cpu_raise(cpu, op, EXC_DE);                                                     \
        }                                                                                   \
        div_store(cpu, size, q, n % d);                                                     \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *idiv##size##_h(SoftCpu *cpu, const Op *op)                             \
    {                                                                                       \
        int64_t d = sext_from(e_get(cpu, op, size), size);                                  \
        int64_t n = sext_from(dividend(cpu, size), 2 * size);                               \
        bool bad = d == 0 || (n == INT64_MIN && d == -1);                                   \
        int64_t q = bad ? INT64_MAX : n / d;                                                \
                                                                                            \
        if (unlikely(q != sext_from(q, size))) {                                            \
            cpu_raise(cpu, op, EXC_DE);                                                     \
        }                                                                                   \
        div_store(cpu, size, q, n % d);                                                     \
        return NEXT(cpu, op);                                                               \
    }
DIV_FNS(1)
DIV_FNS(2)
DIV_FNS(4)

/* Decimal -------------------------------------------------------------- */

static const Op *daa(SoftCpu *cpu, const Op *op)
{
    bool sub = op->i.op == OP_DAS;
    uint32_t f = cpu_get_flags(cpu), out = 0;
    uint8_t old = cpu->gpr[R_AX], al = old;

    if ((old & 15) > 9 || (f & FL_AF)) {
        al = sub ? al - 6 : al + 6;
        out |= FL_AF;
        if (f & FL_CF || (sub ? old < 6 : old > 0xf9)) {
            out |= FL_CF;
        }
    }
    if (old > 0x99 || (f & FL_CF)) {
        al = sub ? al - 0x60 : al + 0x60;
        out |= FL_CF;
    } else if (!sub) {
        out &= ~FL_CF;
    }
    reg_set(cpu, R_AX, 1, al);
    cc_set(cpu, CC_OP(CCF_RES, 1), al, out);
    return NEXT(cpu, op);
}

static const Op *aaa(SoftCpu *cpu, const Op *op)
{
    bool sub = op->i.op == OP_AAS;
    uint32_t f = cpu_get_flags(cpu), out = 0;
    uint16_t ax = cpu->gpr[R_AX];

    if ((ax & 15) > 9 || (f & FL_AF)) {
        ax = sub ? ax - 0x106 : ax + 0x106;
        out = FL_AF | FL_CF;
    }
    ax &= 0xff0f;
    reg_set(cpu, R_AX, 2, ax);
    cc_set(cpu, CC_OP(CCF_RES, 1), ax & 0xff, out);
    return NEXT(cpu, op);
}

static const Op *aam(SoftCpu *cpu, const Op *op)
{
    uint8_t al = cpu->gpr[R_AX], base = op->i.imm;

    if (base == 0) {
        cpu_raise(cpu, op, EXC_DE);
    }
    reg_set(cpu, R_AX, 2, (al / base) << 8 | al % base);
    cc_set(cpu, CC_OP(CCF_RES, 1), al % base, 0);
    return NEXT(cpu, op);
}

static const Op *aad(SoftCpu *cpu, const Op *op)
{
    uint16_t ax = cpu->gpr[R_AX];
    uint8_t al = ax + (ax >> 8) * (uint8_t)op->i.imm;

    reg_set(cpu, R_AX, 2, al);
    cc_set(cpu, CC_OP(CCF_RES, 1), al, 0);
    return NEXT(cpu, op);
}

OpFn *pick_muldiv(const Insn *i, uint32_t mode)
{
    static OpFn *const mul_t[4] = { mul1, mul2, mul4, mul8 };
    static OpFn *const imul_t[4] = { imul1, imul2, imul4, imul8 };
    static OpFn *const div_t[4] = { div1_h, div2_h, div4_h, div8_h };
    static OpFn *const idiv_t[4] = { idiv1_h, idiv2_h, idiv4_h, idiv8_h };
    static OpFn *const imul_rm_t[4] = { NULL, imul2_rm, imul4_rm, imul8_rm };
    static OpFn *const imul_rmi_t[4] = { NULL, imul2_rmi, imul4_rmi, imul8_rmi };
    unsigned size = size_index(i->opsz);

    switch (i->op) {
    case OP_MUL_Eb:
    case OP_MUL_Ev:
        return mul_t[size];
    case OP_IMUL_Eb:
    case OP_IMUL_Ev:
        return imul_t[size];
    case OP_DIV_Eb:
    case OP_DIV_Ev:
        return div_t[size];
    case OP_IDIV_Eb:
    case OP_IDIV_Ev:
        return idiv_t[size];
    case OP_IMUL_Gv_Ev:
        return imul_rm_t[size];
    case OP_IMUL_Gv_Ev_Iz:
    case OP_IMUL_Gv_Ev_Is:
        return imul_rmi_t[size];
    case OP_MULX_Gy_By_Ey:
        return i->opsz == 8 ? mulx8 : mulx4;
    case OP_DAA:
    case OP_DAS:
        return daa;
    case OP_AAA:
    case OP_AAS:
        return aaa;
    case OP_AAM_Ib:
        return aam;
    case OP_AAD_Ib:
        return aad;
    default:
        return NULL;
    }
}
