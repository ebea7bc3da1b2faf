/* Lazy arithmetic flags: the families of cc_op and how to read flags out of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_CC_H
#define ACCEL_SOFT_CC_H

#include "accel/soft/soft-cpu.h"

/*
 * cc_op = family * 4 + log2(size). cc_dst is the result, zero-extended (so ZF is
 * cc_dst == 0 in every family but CC_FLAGS); cc_src as said here, zero-extended.
 */
enum {
    CCF_FLAGS,      /* cc_src: the flags themselves (cc_op is CC_FLAGS, size 0) */
    CCF_ADD,        /* cc_src: second operand */
    CCF_ADC1,       /* second operand; there was a carry in */
    CCF_SUB,        /* second operand */
    CCF_SBB1,       /* second operand; there was a borrow in */
    CCF_LOGIC,      /* unused: CF = OF = AF = 0 */
    CCF_INC,        /* cc_src: CF (0 or 1), kept from before */
    CCF_DEC,        /* the same */
    CCF_RES,        /* cc_src: CF, OF and AF in EFLAGS layout; the rest from the result */
    NR_CCF,
};
#define CC_OP(family, size) ((family) * 4 + ((size) == 1 ? 0 : (size) == 2 ? 1 : (size) == 4 ? 2 : 3))

/* Condition codes in encoding order (low bit inverts). */
enum { COND_O, COND_NO, COND_B, COND_NB, COND_Z, COND_NZ, COND_BE, COND_NBE,
       COND_S, COND_NS, COND_P, COND_NP, COND_L, COND_NL, COND_LE, COND_NLE };

extern const uint8_t cc_parity[256];    /* FL_PF or 0 */

/* SF ZF PF of a result. */
#define CC_SZP(bits)                                                            \
    static inline uint32_t cc_szp##bits(uint##bits##_t r)                       \
    {                                                                           \
        return cc_parity[(uint8_t)r] | (r == 0 ? FL_ZF : 0) |                   \
               (r >> (bits - 1) ? FL_SF : 0);                                   \
    }
CC_SZP(8)
CC_SZP(16)
CC_SZP(32)
CC_SZP(64)

static ALWAYS_INLINE void cc_set(SoftCpu *cpu, uint32_t cc_op, uint64_t dst, uint64_t src)
{
    cpu->cc_op = cc_op;
    cpu->cc_dst = dst;
    cpu->cc_src = src;
}

/* CF alone, 0 or 1. */
unsigned cc_carry_slow(const SoftCpu *cpu);
/* Any condition, 0 or 1. */
bool cc_cond_slow(const SoftCpu *cpu, unsigned cond);

extern const uint64_t cc_size_mask[4];

static ALWAYS_INLINE unsigned cc_carry(const SoftCpu *cpu)
{
    /* The families that hold CF in bit 0 are the last ones. */
    return cpu->cc_op >= CC_OP(CCF_INC, 1) ? cpu->cc_src & FL_CF : cc_carry_slow(cpu);
}

static ALWAYS_INLINE bool cc_zero(const SoftCpu *cpu)
{
    return cpu->cc_op == CC_FLAGS ? (cpu->cc_src & FL_ZF) != 0 : cpu->cc_dst == 0;
}

/* The conditions that a compare's operands give straight away; cond even. */
static ALWAYS_INLINE bool cc_cond_of_sub(const SoftCpu *cpu, unsigned cond)
{
    unsigned size = cpu->cc_op & 3, shift = 64 - (8 << size);
    uint64_t b = cpu->cc_src, a = (cpu->cc_dst + b) & cc_size_mask[size];

    return cond == COND_B ? a < b : cond == COND_BE ? a <= b :
           cond == COND_L ? (int64_t)(a << shift) < (int64_t)(b << shift)
                          : (int64_t)(a << shift) <= (int64_t)(b << shift);
}

/* cond is a constant in the fast handlers. */
static ALWAYS_INLINE bool cc_cond(const SoftCpu *cpu, unsigned cond)
{
    unsigned even = cond & ~1u;

    if (even == COND_Z) {
        return cc_zero(cpu) ^ (cond & 1);
    }
    if ((even == COND_B || even == COND_BE || even == COND_L || even == COND_LE) &&
        likely(cpu->cc_op >> 2 == CCF_SUB)) {
        return cc_cond_of_sub(cpu, even) ^ (cond & 1);
    }
    return cc_cond_slow(cpu, cond);
}

#endif
