/* Lazy arithmetic flags resolved: conditions, carry, whole flags words */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/cc.h"

#define P1(n) ((((n) ^ (n) >> 4 ^ (n) >> 2 ^ (n) >> 6 ^ (n) >> 1 ^ (n) >> 5 ^ (n) >> 3 ^ (n) >> 7) \
                & 1) ? 0 : FL_PF)
#define P4(n) P1(n), P1((n) + 1), P1((n) + 2), P1((n) + 3)
#define P16(n) P4(n), P4((n) + 4), P4((n) + 8), P4((n) + 12)
#define P64(n) P16(n), P16((n) + 16), P16((n) + 32), P16((n) + 48)

const uint8_t cc_parity[256] = { P64(0), P64(64), P64(128), P64(192) };

const uint64_t cc_size_mask[4] = { 0xff, 0xffff, 0xffffffff, UINT64_MAX };

static inline uint64_t size_msb(unsigned size)
{
    return (cc_size_mask[size] >> 1) + 1;
}

unsigned cc_carry_slow(const SoftCpu *cpu)
{
    uint64_t r = cpu->cc_dst, b = cpu->cc_src, mask = cc_size_mask[cpu->cc_op & 3];

    switch (cpu->cc_op >> 2) {
    case CCF_ADD:
        return r < b;
    case CCF_ADC1:
        return r <= b;
    case CCF_SUB:
        return ((r + b) & mask) < b;
    case CCF_SBB1:
        return ((r + b + 1) & mask) <= b;
    case CCF_LOGIC:
        return 0;
    default:    /* FLAGS, INC, DEC, RES: CF is bit 0 of cc_src */
        return b & FL_CF;
    }
}

uint32_t cpu_get_flags(SoftCpu *cpu)
{
    unsigned size = cpu->cc_op & 3;
    uint64_t r = cpu->cc_dst, b = cpu->cc_src, mask = cc_size_mask[size], msb = size_msb(size), a;
    uint32_t f;

    if (cpu->cc_op == CC_FLAGS) {
        return b & FL_ARITH;
    }
    f = cc_parity[r & 0xff] | (r == 0 ? FL_ZF : 0) | (r & msb ? FL_SF : 0);
    switch (cpu->cc_op >> 2) {
    case CCF_ADD:
    case CCF_ADC1:
        a = (r - b - (cpu->cc_op >> 2 == CCF_ADC1)) & mask;
        f |= ((a ^ r) & (b ^ r) & msb ? FL_OF : 0) | ((a ^ b ^ r) & FL_AF) | cc_carry_slow(cpu);
        break;
    case CCF_SUB:
    case CCF_SBB1:
        a = (r + b + (cpu->cc_op >> 2 == CCF_SBB1)) & mask;
        f |= ((a ^ b) & (a ^ r) & msb ? FL_OF : 0) | ((a ^ b ^ r) & FL_AF) | cc_carry_slow(cpu);
        break;
    case CCF_LOGIC:
        break;
    case CCF_INC:
        f |= (r == msb ? FL_OF : 0) | ((r & 15) == 0 ? FL_AF : 0) | (b & FL_CF);
        break;
    case CCF_DEC:
        f |= (r == msb - 1 ? FL_OF : 0) | ((r & 15) == 15 ? FL_AF : 0) | (b & FL_CF);
        break;
    default:
        f |= b & (FL_CF | FL_OF | FL_AF);
        break;
    }
    return f;
}

void cpu_set_flags(SoftCpu *cpu, uint32_t arith)
{
    cc_set(cpu, CC_FLAGS, 0, arith & FL_ARITH);
}

static bool cond_of_flags(uint32_t f, unsigned cond)
{
    bool lt = !(f & FL_SF) != !(f & FL_OF), v;

    switch (cond >> 1) {
    case COND_O >> 1:
        v = f & FL_OF;
        break;
    case COND_B >> 1:
        v = f & FL_CF;
        break;
    case COND_Z >> 1:
        v = f & FL_ZF;
        break;
    case COND_BE >> 1:
        v = f & (FL_CF | FL_ZF);
        break;
    case COND_S >> 1:
        v = f & FL_SF;
        break;
    case COND_P >> 1:
        v = f & FL_PF;
        break;
    case COND_L >> 1:
        v = lt;
        break;
    default:
        v = lt || (f & FL_ZF);
        break;
    }
    return v ^ (cond & 1);
}

bool cc_cond_slow(const SoftCpu *cpu, unsigned cond)
{
    if (cond >> 1 == COND_S >> 1 && cpu->cc_op != CC_FLAGS) {
        return ((cpu->cc_dst & size_msb(cpu->cc_op & 3)) != 0) ^ (cond & 1);
    }
    if (cond >> 1 == COND_B >> 1) {
        return cc_carry_slow(cpu) ^ (cond & 1);
    }
    return cond_of_flags(cpu_get_flags((SoftCpu *)cpu), cond);
}
