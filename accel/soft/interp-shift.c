/* Integer handlers: shifts, rotates, double shifts */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

/* In table order. */
enum { SH_ROL, SH_ROR, SH_RCL, SH_RCR, SH_SHL, SH_SHR, SH_SAR, NR_SH };

static ALWAYS_INLINE unsigned top_bit(uint64_t v, unsigned size)
{
    return (v >> (size * 8 - 1)) & 1;
}
static ALWAYS_INLINE unsigned second_bit(uint64_t v, unsigned size)
{
    return (v >> (size * 8 - 2)) & 1;
}

/* OF where the manual defines it (count 1); for other counts the same formula. */
static ALWAYS_INLINE uint32_t cf_of(unsigned cf, unsigned of)
{
    return (cf ? FL_CF : 0) | (of ? FL_OF : 0);
}

static ALWAYS_INLINE uint64_t shift(SoftCpu *cpu, unsigned kind, unsigned size, uint64_t a,
                                    unsigned count, bool dead)
{
    unsigned bits = size * 8, cf;
    uint64_t r;
    int64_t s;

    if (count == 0) {
        return a;
    }
    switch (kind) {
    case SH_SHL:
        r = trunc_to(a << count, size);
        cf = (size == 8 ? a >> (64 - count) : (a << count) >> bits) & 1;
        if (!dead) {
            cc_set(cpu, CC_OP(CCF_RES, size), r, cf_of(cf, top_bit(r, size) ^ cf));
        }
        break;
    case SH_SHR:
        r = a >> count;
        cf = (a >> (count - 1)) & 1;
        if (!dead) {
            cc_set(cpu, CC_OP(CCF_RES, size), r,
                   cf_of(cf, top_bit(r, size) ^ second_bit(r, size)));
        }
        break;
    default:
        s = sext_from(a, size);
        r = trunc_to(s >> count, size);
        cf = (s >> (count - 1)) & 1;
        if (!dead) {
            cc_set(cpu, CC_OP(CCF_RES, size), r, cf_of(cf, 0));
        }
        break;
    }
    return r;
}

static ALWAYS_INLINE void set_cf_of(SoftCpu *cpu, unsigned cf, unsigned of)
{
    uint32_t f = cpu_get_flags(cpu) & ~(FL_CF | FL_OF);

    cc_set(cpu, CC_FLAGS, 0, f | cf_of(cf, of));
}

static uint64_t rotate_carry(SoftCpu *cpu, bool left, unsigned size, uint64_t a, unsigned count)
{
    unsigned bits = size * 8, cf = cc_carry(cpu), i;
    uint64_t r = a;

    if (size < 4) {
        count %= bits + 1;
    }
    if (count == 0) {
        return a;   /* flags stay as well: a whole turn puts CF back */
    }
    for (i = 0; i < count; i++) {
        unsigned out = left ? top_bit(r, size) : r & 1;

        r = left ? trunc_to(r << 1, size) | cf : r >> 1 | (uint64_t)cf << (bits - 1);
        cf = out;
    }
    set_cf_of(cpu, cf, left ? top_bit(r, size) ^ cf : top_bit(r, size) ^ second_bit(r, size));
    return r;
}

static ALWAYS_INLINE uint64_t rotate(SoftCpu *cpu, unsigned kind, unsigned size, uint64_t a,
                                     unsigned count, bool dead)
{
    unsigned bits = size * 8, n = count & (bits - 1);
    uint64_t r;

    if (kind == SH_RCL || kind == SH_RCR) {
        return rotate_carry(cpu, kind == SH_RCL, size, a, count);
    }
    if (count == 0) {
        return a;
    }
    if (n == 0) {
        r = a;
    } else if (kind == SH_ROL) {
        r = trunc_to(a << n | a >> (bits - n), size);
    } else {
        r = trunc_to(a >> n | a << (bits - n), size);
    }
    if (!dead) {
        if (kind == SH_ROL) {
            set_cf_of(cpu, r & 1, top_bit(r, size) ^ (r & 1));
        } else {
            set_cf_of(cpu, top_bit(r, size), top_bit(r, size) ^ second_bit(r, size));
        }
    }
    return r;
}

static ALWAYS_INLINE uint64_t shift_or_rotate(SoftCpu *cpu, unsigned kind, unsigned size,
                                              uint64_t a, unsigned count, bool dead)
{
    count &= size == 8 ? 63 : 31;
    return kind >= SH_SHL ? shift(cpu, kind, size, a, count, dead)
                          : rotate(cpu, kind, size, a, count, dead);
}

static ALWAYS_INLINE const Op *shift_mem(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                         unsigned count)
{
    uint64_t la = ea_linear(cpu, op, size, true);
    void *p = rmw_hit(cpu, la, size);

    if (likely(p != NULL)) {
        host_st(p, shift_or_rotate(cpu, kind, size, host_ld(p, size), count, false), size);
    } else {
        uint64_t a = mem_ld_rmw(cpu, op, la, size);

        mem_store_slow(cpu, op, la, shift_or_rotate(cpu, kind, size, a, count, false), size);
    }
    return NEXT(cpu, op);
}

/* r: register, m: memory; i: by imm, c: by CL; d: flags dead. */
#define SHIFT_R(name, kind, size, suffix, count, dead)                                      \
    static const Op *name##size##_r##suffix(SoftCpu *cpu, const Op *op)                     \
    {                                                                                       \
        void *to = r_place(cpu, op, size);                                                  \
                                                                                            \
        place_set(to, size,                                                                 \
                  shift_or_rotate(cpu, kind, size, place_get(to, size), count, dead));      \
        return NEXT(cpu, op);                                                               \
    }
#define SHIFT_M(name, kind, size, suffix, count)                                            \
    static const Op *name##size##_m##suffix(SoftCpu *cpu, const Op *op)                     \
    {                                                                                       \
        return shift_mem(cpu, op, kind, size, count);                                       \
    }
#define SHIFT_FNS(name, kind, size)                                                         \
    SHIFT_R(name, kind, size, i, (unsigned)op->i.imm, false)                                \
    SHIFT_R(name, kind, size, id, (unsigned)op->i.imm, true)                                \
    SHIFT_R(name, kind, size, c, (uint8_t)cpu->gpr[R_CX], false)                            \
    SHIFT_R(name, kind, size, cd, (uint8_t)cpu->gpr[R_CX], true)                            \
    SHIFT_M(name, kind, size, i, (unsigned)op->i.imm)                                       \
    SHIFT_M(name, kind, size, c, (uint8_t)cpu->gpr[R_CX])
#define SHIFT_SIZES(name, kind)                                                             \
    SHIFT_FNS(name, kind, 1) SHIFT_FNS(name, kind, 2) SHIFT_FNS(name, kind, 4)              \
    SHIFT_FNS(name, kind, 8)
SHIFT_SIZES(rol, SH_ROL)
SHIFT_SIZES(ror, SH_ROR)
SHIFT_SIZES(rcl, SH_RCL)
SHIFT_SIZES(rcr, SH_RCR)
SHIFT_SIZES(shl, SH_SHL)
SHIFT_SIZES(shr, SH_SHR)
SHIFT_SIZES(sar, SH_SAR)

#define SHIFT_ROW(name, size)                                                               \
    { name##size##_ri, name##size##_rid, name##size##_rc, name##size##_rcd,                 \
      name##size##_mi, name##size##_mc }
static OpFn *const shift_table[NR_SH][4][6] = {
    SIZES4(SHIFT_ROW, rol), SIZES4(SHIFT_ROW, ror), SIZES4(SHIFT_ROW, rcl),
    SIZES4(SHIFT_ROW, rcr), SIZES4(SHIFT_ROW, shl), SIZES4(SHIFT_ROW, shr),
    SIZES4(SHIFT_ROW, sar),
};

/* SHLD SHRD ------------------------------------------------------------ */

/* a is filled from b. 16-bit counts above 16 go on into a again, as processors do. */
static uint64_t double_shift(SoftCpu *cpu, bool left, unsigned size, uint64_t a, uint64_t b,
                             unsigned count)
{
    unsigned bits = size * 8, cf;
    uint64_t r, v;

    count &= size == 8 ? 63 : 31;
    if (count == 0) {
        return a;
    }
    if (size == 2) {
        v = a << 32 | b << 16 | a;
        r = (uint16_t)(left ? (v << count) >> 32 : v >> count);
        cf = (left ? v >> (48 - count) : v >> (count - 1)) & 1;
    } else if (left) {
        r = trunc_to(a << count | b >> (bits - count), size);
        cf = (a >> (bits - count)) & 1;
    } else {
        r = trunc_to(a >> count | b << (bits - count), size);
        cf = (a >> (count - 1)) & 1;
    }
    cc_set(cpu, CC_OP(CCF_RES, size), r, cf_of(cf, top_bit(r ^ a, size)));
    return r;
}

static const Op *shxd(SoftCpu *cpu, const Op *op)
{
    bool left = op->i.op == OP_SHLD_Ev_Gv_Ib || op->i.op == OP_SHLD_Ev_Gv_CL;
    bool by_cl = op->i.op == OP_SHLD_Ev_Gv_CL || op->i.op == OP_SHRD_Ev_Gv_CL;
    unsigned count = by_cl ? (uint8_t)cpu->gpr[R_CX] : (uint8_t)op->i.imm, size = op->i.opsz;
    uint64_t b = reg_get(cpu, op->i.reg, size), la, a;

    if (!(op->i.flags & INSN_MEM)) {
        a = reg_get(cpu, op->i.rm, size);
        reg_set(cpu, op->i.rm, size, double_shift(cpu, left, size, a, b, count));
        return NEXT(cpu, op);
    }
    la = ea_linear(cpu, op, size, true);
    a = mem_ld_rmw(cpu, op, la, size);
    mem_store_slow(cpu, op, la, double_shift(cpu, left, size, a, b, count), size);
    return NEXT(cpu, op);
}

/* Pick ----------------------------------------------------------------- */

_Static_assert(OP_SAR_Ev_CL - OP_ROL_Eb_Ib + 1 == NR_SH * 6, "the table's order");
_Static_assert(OP_SHL_Eb_1 - OP_ROL_Eb_Ib == SH_SHL * 6 + 2, "the table's order");

OpFn *pick_shift(const Insn *i, uint32_t mode)
{
    unsigned kind, form;
    bool by_cl;

    switch (i->op) {
    case OP_SHLD_Ev_Gv_Ib:
    case OP_SHLD_Ev_Gv_CL:
    case OP_SHRD_Ev_Gv_Ib:
    case OP_SHRD_Ev_Gv_CL:
        return shxd;
    default:
        break;
    }
    if (i->op < OP_ROL_Eb_Ib || i->op > OP_SAR_Ev_CL) {
        return NULL;
    }
    kind = (i->op - OP_ROL_Eb_Ib) / 6;
    by_cl = (i->op - OP_ROL_Eb_Ib) % 6 >= 4;
    if (i->flags & INSN_MEM) {
        form = by_cl ? 5 : 4;
    } else {
        form = (by_cl ? 2 : 0) + (i->flags & INSN_FLAGS_DEAD ? 1 : 0);
    }
    return shift_table[kind][size_index(i->opsz)][form];
}
