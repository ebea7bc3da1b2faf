/* Integer handlers: the two-operand arithmetic and logic group, TEST, INC DEC NOT NEG, compare and jump */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

/* In encoding order; TEST behind. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST, NR_ALU };
enum { UN_INC, UN_DEC, UN_NOT, UN_NEG, NR_UN };

/* kind and size are constants at every use. a and b zero-extended; so is the result. */
static ALWAYS_INLINE uint64_t alu(SoftCpu *cpu, unsigned kind, unsigned size, uint64_t a,
                                  uint64_t b)
{
    uint64_t r;
    unsigned carry;

    switch (kind) {
    case ALU_ADD:
        r = trunc_to(a + b, size);
        cc_set(cpu, CC_OP(CCF_ADD, size), r, b);
        return r;
    case ALU_ADC:
        carry = cc_carry(cpu);
        r = trunc_to(a + b + carry, size);
        cc_set(cpu, carry ? CC_OP(CCF_ADC1, size) : CC_OP(CCF_ADD, size), r, b);
        return r;
    case ALU_SUB:
    case ALU_CMP:
        r = trunc_to(a - b, size);
        cc_set(cpu, CC_OP(CCF_SUB, size), r, b);
        return r;
    case ALU_SBB:
        carry = cc_carry(cpu);
        r = trunc_to(a - b - carry, size);
        cc_set(cpu, carry ? CC_OP(CCF_SBB1, size) : CC_OP(CCF_SUB, size), r, b);
        return r;
    case ALU_OR:
        r = a | b;
        break;
    case ALU_XOR:
        r = a ^ b;
        break;
    default:
        r = a & b;
        break;
    }
    cpu->cc_op = CC_OP(CCF_LOGIC, size);
    cpu->cc_dst = r;
    return r;
}

static ALWAYS_INLINE bool alu_writes(unsigned kind)
{
    return kind != ALU_CMP && kind != ALU_TEST;
}

static ALWAYS_INLINE const Op *alu_rr(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size)
{
    void *to = r_place(cpu, op, size);
    uint64_t r = alu(cpu, kind, size, place_get(to, size), g_get(cpu, op, size));

    if (alu_writes(kind)) {
        place_set(to, size, r);
    }
    return NEXT(cpu, op);
}

static ALWAYS_INLINE const Op *alu_ri(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size)
{
    void *to = r_place(cpu, op, size);
    uint64_t r = alu(cpu, kind, size, place_get(to, size), trunc_to(op->i.imm, size));

    if (alu_writes(kind)) {
        place_set(to, size, r);
    }
    return NEXT(cpu, op);
}

static ALWAYS_INLINE const Op *alu_rm(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                      unsigned ea)
{
    uint64_t b = mem_ld(cpu, op, ea_get(cpu, op, ea, size, false), size);
    void *to = g_place(cpu, op, size);
    uint64_t r = alu(cpu, kind, size, place_get(to, size), b);

    if (alu_writes(kind)) {
        place_set(to, size, r);
    }
    return NEXT(cpu, op);
}

static ALWAYS_INLINE const Op *alu_mem(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                       unsigned ea, bool imm)
{
    uint64_t la, b = imm ? trunc_to(op->i.imm, size) : g_get(cpu, op, size);
    void *p;

    if (!alu_writes(kind)) {
        alu(cpu, kind, size, mem_ld(cpu, op, ea_get(cpu, op, ea, size, false), size), b);
        return NEXT(cpu, op);
    }
    la = ea_get(cpu, op, ea, size, true);
    p = rmw_hit(cpu, la, size);
    if (likely(p != NULL)) {
        host_st(p, alu(cpu, kind, size, host_ld(p, size), b), size);
    } else {
        uint64_t a = mem_ld_rmw(cpu, op, la, size);

        mem_store_slow(cpu, op, la, alu(cpu, kind, size, a, b), size);
    }
    return NEXT(cpu, op);
}

enum { SHAPE_RR, SHAPE_RI, SHAPE_RM, SHAPE_MR = SHAPE_RM + NR_EA, SHAPE_MI = SHAPE_MR + NR_EA,
       NR_SHAPES = SHAPE_MI + NR_EA };

#define ALU_FNS(name, kind, size)                                                           \
    static const Op *name##size##_rr(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return alu_rr(cpu, op, kind, size);                                                 \
    }                                                                                       \
    static const Op *name##size##_ri(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return alu_ri(cpu, op, kind, size);                                                 \
    }                                                                                       \
    ALU_MEM_FNS(name, kind, size, b, EA_B)                                                  \
    ALU_MEM_FNS(name, kind, size, x, EA_X)                                                  \
    ALU_MEM_FNS(name, kind, size, f, EA_F)                                                  \
    ALU_MEM_FNS(name, kind, size, g, EA_G)
#define ALU_MEM_FNS(name, kind, size, suffix, ea)                                           \
    static const Op *name##size##_rm##suffix(SoftCpu *cpu, const Op *op)                    \
    {                                                                                       \
        return alu_rm(cpu, op, kind, size, ea);                                             \
    }                                                                                       \
    static const Op *name##size##_mr##suffix(SoftCpu *cpu, const Op *op)                    \
    {                                                                                       \
        return alu_mem(cpu, op, kind, size, ea, false);                                     \
    }                                                                                       \
    static const Op *name##size##_mi##suffix(SoftCpu *cpu, const Op *op)                    \
    {                                                                                       \
        return alu_mem(cpu, op, kind, size, ea, true);                                      \
    }
#define ALU_SIZES(name, kind)                                                               \
    ALU_FNS(name, kind, 1) ALU_FNS(name, kind, 2) ALU_FNS(name, kind, 4) ALU_FNS(name, kind, 8)
ALU_SIZES(add, ALU_ADD)
ALU_SIZES(or, ALU_OR)
ALU_SIZES(adc, ALU_ADC)
ALU_SIZES(sbb, ALU_SBB)
ALU_SIZES(and, ALU_AND)
ALU_SIZES(sub, ALU_SUB)
ALU_SIZES(xor, ALU_XOR)
ALU_SIZES(cmp, ALU_CMP)
ALU_SIZES(test, ALU_TEST)

#define ALU_ROW(name, size)                                                                 \
    { name##size##_rr, name##size##_ri,                                                     \
      name##size##_rmb, name##size##_rmx, name##size##_rmf, name##size##_rmg,               \
      name##size##_mrb, name##size##_mrx, name##size##_mrf, name##size##_mrg,               \
      name##size##_mib, name##size##_mix, name##size##_mif, name##size##_mig }
static OpFn *const alu_table[NR_ALU][4][NR_SHAPES] = {
    SIZES4(ALU_ROW, add), SIZES4(ALU_ROW, or), SIZES4(ALU_ROW, adc), SIZES4(ALU_ROW, sbb),
    SIZES4(ALU_ROW, and), SIZES4(ALU_ROW, sub), SIZES4(ALU_ROW, xor), SIZES4(ALU_ROW, cmp),
    SIZES4(ALU_ROW, test),
};

/* XOR r,r and SUB r,r: the usual way to clear a register. */
static const Op *clear_reg(SoftCpu *cpu, const Op *op)
{
    cpu->gpr[op->i.rm] = 0;
    cpu->cc_op = CC_OP(CCF_LOGIC, 4);
    cpu->cc_dst = 0;
    return NEXT(cpu, op);
}

/* INC DEC NOT NEG ------------------------------------------------------ */

static ALWAYS_INLINE uint64_t unary(SoftCpu *cpu, unsigned kind, unsigned size, uint64_t a)
{
    uint64_t r;

    switch (kind) {
    case UN_INC:
        r = trunc_to(a + 1, size);
        cc_set(cpu, CC_OP(CCF_INC, size), r, cc_carry(cpu));
        return r;
    case UN_DEC:
        r = trunc_to(a - 1, size);
        cc_set(cpu, CC_OP(CCF_DEC, size), r, cc_carry(cpu));
        return r;
    case UN_NOT:
        return trunc_to(~a, size);
    default:
        r = trunc_to(-a, size);
        cc_set(cpu, CC_OP(CCF_SUB, size), r, a);
        return r;
    }
}

static ALWAYS_INLINE const Op *unary_mem(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                         unsigned ea)
{
    uint64_t la = ea_get(cpu, op, ea, size, true);
    void *p = rmw_hit(cpu, la, size);

    if (likely(p != NULL)) {
        host_st(p, unary(cpu, kind, size, host_ld(p, size)), size);
    } else {
        uint64_t a = mem_ld_rmw(cpu, op, la, size);

        mem_store_slow(cpu, op, la, unary(cpu, kind, size, a), size);
    }
    return NEXT(cpu, op);
}

#define UN_FNS(name, kind, size)                                                            \
    static const Op *name##size##_r(SoftCpu *cpu, const Op *op)                             \
    {                                                                                       \
        void *to = r_place(cpu, op, size);                                                  \
                                                                                            \
        place_set(to, size, unary(cpu, kind, size, place_get(to, size)));                   \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *name##size##_mb(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return unary_mem(cpu, op, kind, size, EA_B);                                        \
    }                                                                                       \
    static const Op *name##size##_mx(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return unary_mem(cpu, op, kind, size, EA_X);                                        \
    }                                                                                       \
    static const Op *name##size##_mf(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return unary_mem(cpu, op, kind, size, EA_F);                                        \
    }                                                                                       \
    static const Op *name##size##_mg(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return unary_mem(cpu, op, kind, size, EA_G);                                        \
    }
#define UN_SIZES(name, kind)                                                                \
    UN_FNS(name, kind, 1) UN_FNS(name, kind, 2) UN_FNS(name, kind, 4) UN_FNS(name, kind, 8)
UN_SIZES(inc, UN_INC)
UN_SIZES(dec, UN_DEC)
UN_SIZES(not, UN_NOT)
UN_SIZES(neg, UN_NEG)

#define UN_ROW(name, size)                                                                  \
    { name##size##_r, name##size##_mb, name##size##_mx, name##size##_mf, name##size##_mg }
static OpFn *const un_table[NR_UN][4][1 + NR_EA] = {
    SIZES4(UN_ROW, inc), SIZES4(UN_ROW, dec), SIZES4(UN_ROW, not), SIZES4(UN_ROW, neg),
};

/* Compare and jump ----------------------------------------------------- */

/* The condition straight from the operands of a CMP (or TEST: then of the result against 0). */
static ALWAYS_INLINE bool fused_cond(unsigned cond, unsigned size, bool test, uint64_t a,
                                     uint64_t b)
{
    uint64_t ua = test ? a & b : a, ub = test ? 0 : b;
    int64_t sa = sext_from(ua, size), sb = sext_from(ub, size);
    bool v;

    switch (cond >> 1) {
    case COND_B >> 1:
        v = ua < ub;
        break;
    case COND_Z >> 1:
        v = ua == ub;
        break;
    case COND_BE >> 1:
        v = ua <= ub;
        break;
    case COND_S >> 1:
        v = sext_from(trunc_to(ua - ub, size), size) < 0;
        break;
    case COND_L >> 1:
        v = sa < sb;
        break;
    default:
        v = sa <= sb;
        break;
    }
    return v ^ (cond & 1);
}

enum { FUSED_RR, FUSED_RI, FUSED_MI, FUSED_RM, NR_FUSED };

static ALWAYS_INLINE const Op *fused(SoftCpu *cpu, const Op *op, unsigned cond, unsigned size,
                                     bool test, unsigned shape)
{
    uint64_t a, b;

    if (shape == FUSED_MI) {
        a = mem_ld(cpu, op, ea_get(cpu, op, EA_B, size, false), size);
    } else {
        a = shape == FUSED_RM ? g_get(cpu, op, size) : r_get(cpu, op, size);
    }
    b = shape == FUSED_RR ? g_get(cpu, op, size) :
        shape == FUSED_RM ? mem_ld(cpu, op, ea_get(cpu, op, EA_B, size, false), size) :
        trunc_to(op->i.imm, size);
    alu(cpu, test ? ALU_TEST : ALU_CMP, size, a, b);
    return branch_cond(cpu, op + 1, fused_cond(cond, size, test, a, b));
}

#define FUSED_FN(name, cond, size, test, shape)                                             \
    static const Op *name(SoftCpu *cpu, const Op *op)                                       \
    {                                                                                       \
        return fused(cpu, op, cond, size, test, shape);                                     \
    }
#define FUSED_SIZE(cc, cond, size)                                                          \
    FUSED_FN(cmp##size##_rr_j##cc, cond, size, false, FUSED_RR)                             \
    FUSED_FN(cmp##size##_ri_j##cc, cond, size, false, FUSED_RI)                             \
    FUSED_FN(cmp##size##_mi_j##cc, cond, size, false, FUSED_MI)                             \
    FUSED_FN(cmp##size##_rm_j##cc, cond, size, false, FUSED_RM)                             \
    FUSED_FN(test##size##_rr_j##cc, cond, size, true, FUSED_RR)                             \
    FUSED_FN(test##size##_ri_j##cc, cond, size, true, FUSED_RI)                             \
    FUSED_FN(test##size##_mi_j##cc, cond, size, true, FUSED_MI)
#define FUSED_COND(cc, cond) \
    FUSED_SIZE(cc, cond, 1) FUSED_SIZE(cc, cond, 4) FUSED_SIZE(cc, cond, 8)
FUSED_COND(b, COND_B)
FUSED_COND(ae, COND_NB)
FUSED_COND(e, COND_Z)
FUSED_COND(ne, COND_NZ)
FUSED_COND(be, COND_BE)
FUSED_COND(a, COND_NBE)
FUSED_COND(s, COND_S)
FUSED_COND(ns, COND_NS)
FUSED_COND(l, COND_L)
FUSED_COND(ge, COND_NL)
FUSED_COND(le, COND_LE)
FUSED_COND(g, COND_NLE)

#define FUSED_ROW(cc, size)                                                                 \
    { { cmp##size##_rr_j##cc, cmp##size##_ri_j##cc, cmp##size##_mi_j##cc, cmp##size##_rm_j##cc }, \
      { test##size##_rr_j##cc, test##size##_ri_j##cc, test##size##_mi_j##cc, NULL } }
#define FUSED_ROWS(cc) { FUSED_ROW(cc, 1), FUSED_ROW(cc, 4), FUSED_ROW(cc, 8) }
static OpFn *const fused_table[16][3][2][NR_FUSED] = {
    [COND_B] = FUSED_ROWS(b), [COND_NB] = FUSED_ROWS(ae), [COND_Z] = FUSED_ROWS(e),
    [COND_NZ] = FUSED_ROWS(ne), [COND_BE] = FUSED_ROWS(be), [COND_NBE] = FUSED_ROWS(a),
    [COND_S] = FUSED_ROWS(s), [COND_NS] = FUSED_ROWS(ns), [COND_L] = FUSED_ROWS(l),
    [COND_NL] = FUSED_ROWS(ge), [COND_LE] = FUSED_ROWS(le), [COND_NLE] = FUSED_ROWS(g),
};

enum { COUNT_RR, COUNT_RI, COUNT_UNARY };

/* Count and jump: ADD SUB AND DEC INC on a register, then JZ or JNZ. */
static ALWAYS_INLINE const Op *counted(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                       unsigned shape, bool zero)
{
    void *to = r_place(cpu, op, size);
    uint64_t a = place_get(to, size), r;

    if (shape == COUNT_UNARY) {
        r = unary(cpu, kind, size, a);
    } else {
        r = alu(cpu, kind, size, a, shape == COUNT_RR ? g_get(cpu, op, size)
                                                      : trunc_to(op->i.imm, size));
    }
    place_set(to, size, r);
    return branch_cond(cpu, op + 1, (r == 0) == zero);
}

#define COUNT_FN(name, kind, size, shape, suffix, zero)                                     \
    static const Op *name##size##_##suffix(SoftCpu *cpu, const Op *op)                      \
    {                                                                                       \
        return counted(cpu, op, kind, size, shape, zero);                                   \
    }
#define COUNT_FNS(name, kind, shape)                                                        \
    COUNT_FN(name, kind, 4, shape, je, true) COUNT_FN(name, kind, 4, shape, jne, false)     \
    COUNT_FN(name, kind, 8, shape, je, true) COUNT_FN(name, kind, 8, shape, jne, false)
#define COUNT_ROW(name) { { name##4_je, name##4_jne }, { name##8_je, name##8_jne } }
COUNT_FNS(add_rr, ALU_ADD, COUNT_RR)
COUNT_FNS(add_ri, ALU_ADD, COUNT_RI)
COUNT_FNS(sub_rr, ALU_SUB, COUNT_RR)
COUNT_FNS(sub_ri, ALU_SUB, COUNT_RI)
COUNT_FNS(and_rr, ALU_AND, COUNT_RR)
COUNT_FNS(and_ri, ALU_AND, COUNT_RI)
COUNT_FNS(inc_r, UN_INC, COUNT_UNARY)
COUNT_FNS(dec_r, UN_DEC, COUNT_UNARY)
static OpFn *const count_table[NR_ALU][2][2][2] = {
    [ALU_ADD] = { COUNT_ROW(add_rr), COUNT_ROW(add_ri) },
    [ALU_SUB] = { COUNT_ROW(sub_rr), COUNT_ROW(sub_ri) },
    [ALU_AND] = { COUNT_ROW(and_rr), COUNT_ROW(and_ri) },
};
static OpFn *const count_unary[2][2][2] = { COUNT_ROW(inc_r), COUNT_ROW(dec_r) };

/* Pick ----------------------------------------------------------------- */

/* The nine forms of each group, in table order. */
enum { FORM_EB_GB, FORM_EV_GV, FORM_GB_EB, FORM_GV_EV, FORM_AL_IB, FORM_RAX_IZ, FORM_EB_IB,
       FORM_EV_IZ, FORM_EV_IS, NR_FORMS };
_Static_assert(OP_CMP_Ev_Is - OP_ADD_Eb_Gb + 1 == ALU_TEST * NR_FORMS, "the table's order");
_Static_assert(OP_OR_Gv_Ev - OP_ADD_Eb_Gb == NR_FORMS + FORM_GV_EV, "the table's order");
_Static_assert(OP_CMP_rAX_Iz - OP_ADD_Eb_Gb == ALU_CMP * NR_FORMS + FORM_RAX_IZ, "order");

/* Group and shape of an instruction of this file's binary part. False: not one. */
static bool alu_shape(const Insn *i, uint32_t mode, unsigned *kind, unsigned *shape)
{
    unsigned form;

    if (i->op >= OP_ADD_Eb_Gb && i->op <= OP_CMP_Ev_Is) {
        *kind = (i->op - OP_ADD_Eb_Gb) / NR_FORMS;
        form = (i->op - OP_ADD_Eb_Gb) % NR_FORMS;
    } else {
        *kind = ALU_TEST;
        switch (i->op) {
        case OP_TEST_Eb_Gb:
        case OP_TEST_Ev_Gv:
            form = FORM_EV_GV;
            break;
        case OP_TEST_Eb_Ib:
        case OP_TEST_Ev_Iz:
            form = FORM_EV_IZ;
            break;
        case OP_TEST_AL_Ib:
        case OP_TEST_rAX_Iz:
            form = FORM_RAX_IZ;
            break;
        default:
            return false;
        }
    }
    if (form == FORM_AL_IB || form == FORM_RAX_IZ) {
        *shape = SHAPE_RI;
    } else if (form >= FORM_EB_IB) {
        *shape = i->flags & INSN_MEM ? SHAPE_MI + ea_kind(i, mode) : SHAPE_RI;
    } else if (!(i->flags & INSN_MEM)) {
        *shape = SHAPE_RR;
    } else {
        *shape = (form >= FORM_GB_EB ? SHAPE_RM : SHAPE_MR) + ea_kind(i, mode);
    }
    return true;
}

static OpFn *pick_counted(const Insn *i, uint32_t mode, unsigned cond)
{
    unsigned kind, shape, zero = cond == COND_Z ? 0 : 1, size = i->opsz == 8;

    if (cond >> 1 != COND_Z >> 1 || i->opsz < 4 || (i->flags & INSN_MEM)) {
        return NULL;
    }
    if (alu_shape(i, mode, &kind, &shape)) {
        return count_table[kind][shape == SHAPE_RI][size][zero];
    }
    switch (i->op) {
    case OP_INC_Ev:
    case OP_INC_Zv:
        return count_unary[0][size][zero];
    case OP_DEC_Ev:
    case OP_DEC_Zv:
        return count_unary[1][size][zero];
    default:
        return NULL;
    }
}

OpFn *pick_fused(const Insn *i, const Insn *jcc, uint32_t mode)
{
    unsigned kind, shape, cond = (jcc->op - OP_JO_Jb) / 4, size = i->opsz == 1 ? 0 : i->opsz / 4;
    int f;

    if (i->opsz == 2 || !alu_shape(i, mode, &kind, &shape) || (kind != ALU_CMP && kind != ALU_TEST)) {
        return pick_counted(i, mode, cond);
    }
    switch (shape) {
    case SHAPE_RR:
        f = FUSED_RR;
        break;
    case SHAPE_RI:
        f = FUSED_RI;
        break;
    case SHAPE_MI + EA_B:
        f = FUSED_MI;
        break;
    case SHAPE_RM + EA_B:
        f = FUSED_RM;
        break;
    default:
        return NULL;
    }
    return fused_table[cond][size][kind == ALU_TEST][f];
}

OpFn *pick_alu(const Insn *i, uint32_t mode)
{
    unsigned kind, shape, size = size_index(i->opsz);

    if (alu_shape(i, mode, &kind, &shape)) {
        if ((kind == ALU_XOR || kind == ALU_SUB) && shape == SHAPE_RR && i->reg == i->rm &&
            i->opsz >= 4) {
            return clear_reg;
        }
        return alu_table[kind][size][shape];
    }
    switch (i->op) {
    case OP_INC_Eb:
    case OP_INC_Ev:
    case OP_INC_Zv:
        kind = UN_INC;
        break;
    case OP_DEC_Eb:
    case OP_DEC_Ev:
    case OP_DEC_Zv:
        kind = UN_DEC;
        break;
    case OP_NOT_Eb:
    case OP_NOT_Ev:
        kind = UN_NOT;
        break;
    case OP_NEG_Eb:
    case OP_NEG_Ev:
        kind = UN_NEG;
        break;
    default:
        return NULL;
    }
    return un_table[kind][size][i->flags & INSN_MEM ? 1 + ea_kind(i, mode) : 0];
}
