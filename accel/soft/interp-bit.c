/* Integer handlers: bit tests, bit scans, counts, BMI1, BMI2, ADX, CRC32, RDRAND */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <sys/random.h>

#include "accel/soft/interp-int.h"

/* BT BTS BTR BTC ------------------------------------------------------- */

enum { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPL };

/* Only CF changes (the manual leaves OF SF AF PF open; processors keep them). */
static ALWAYS_INLINE void set_cf(SoftCpu *cpu, unsigned cf)
{
    cc_set(cpu, CC_FLAGS, 0, (cpu_get_flags(cpu) & ~FL_CF) | cf);
}

static ALWAYS_INLINE uint64_t bit_change(unsigned kind, uint64_t v, uint64_t mask)
{
    return kind == BIT_SET ? v | mask : kind == BIT_RESET ? v & ~mask : v ^ mask;
}

static ALWAYS_INLINE const Op *bit_reg(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                       uint64_t bit)
{
    uint64_t v = reg_get(cpu, op->i.rm, size);

    bit &= size * 8 - 1;
    if (kind != BIT_TEST) {
        reg_set(cpu, op->i.rm, size, bit_change(kind, v, 1ULL << bit));
    }
    set_cf(cpu, (v >> bit) & 1);
    return NEXT(cpu, op);
}

/* The address of a memory operand moves with the bit offset, by whole operands. */
uint64_t bit_address(SoftCpu *cpu, const Op *op, unsigned size, bool by_reg, bool write)
{
    uint64_t off = ea_offset(cpu, op);

    if (by_reg) {
        int64_t bit = sext_from(cpu->gpr[op->i.reg], size);

        off = trunc_to(off + (uint64_t)(bit >> (3 + size_index(size))) * size, op->i.adsz);
    }
    return seg_address(cpu, op, op->i.seg, off, size, write);
}

static ALWAYS_INLINE const Op *bit_mem(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                       uint64_t bit, bool by_reg)
{
    uint64_t la = bit_address(cpu, op, size, by_reg, kind != BIT_TEST), v;

    bit &= size * 8 - 1;
    if (kind == BIT_TEST) {
        v = mem_ld(cpu, op, la, size);
    } else {
        void *p = rmw_hit(cpu, la, size);

        if (likely(p != NULL)) {
            v = host_ld(p, size);
            host_st(p, bit_change(kind, v, 1ULL << bit), size);
        } else {
            v = mem_ld_rmw(cpu, op, la, size);
            mem_store_slow(cpu, op, la, bit_change(kind, v, 1ULL << bit), size);
        }
    }
    set_cf(cpu, (v >> bit) & 1);
    return NEXT(cpu, op);
}

#define BIT_FNS(name, kind, size)                                                           \
    static const Op *name##size##_rr(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return bit_reg(cpu, op, kind, size, cpu->gpr[op->i.reg]);                           \
    }                                                                                       \
    static const Op *name##size##_ri(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return bit_reg(cpu, op, kind, size, op->i.imm);                                     \
    }                                                                                       \
    static const Op *name##size##_mr(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return bit_mem(cpu, op, kind, size, cpu->gpr[op->i.reg], true);                     \
    }                                                                                       \
    static const Op *name##size##_mi(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        return bit_mem(cpu, op, kind, size, op->i.imm, false);                              \
    }
#define BIT_SIZES(name, kind) BIT_FNS(name, kind, 2) BIT_FNS(name, kind, 4) BIT_FNS(name, kind, 8)
BIT_SIZES(bt, BIT_TEST)
BIT_SIZES(bts, BIT_SET)
BIT_SIZES(btr, BIT_RESET)
BIT_SIZES(btc, BIT_COMPL)
#define BIT_ROW(n, size) { n##size##_rr, n##size##_ri, n##size##_mr, n##size##_mi }
#define BIT_ROWS(n) { BIT_ROW(n, 2), BIT_ROW(n, 4), BIT_ROW(n, 8) }
static OpFn *const bit_table[4][3][4] = {
    BIT_ROWS(bt), BIT_ROWS(bts), BIT_ROWS(btr), BIT_ROWS(btc),
};

/* Families by operand size: f(name)2/4/8 or 4/8 -------------------------- */

#define FN(name, size, body)                                                                \
    static const Op *name##size(SoftCpu *cpu, const Op *op)                                 \
    {                                                                                       \
        uint64_t v = e_get(cpu, op, size);                                                  \
                                                                                            \
        body;                                                                               \
        return NEXT(cpu, op);                                                               \
    }
#define FN_V(name, f) FN(name, 2, f(cpu, op, 2, v)) FN(name, 4, f(cpu, op, 4, v)) \
                      FN(name, 8, f(cpu, op, 8, v))
#define FN_Y(name, f) FN(name, 4, f(cpu, op, 4, v)) FN(name, 8, f(cpu, op, 8, v))

static ALWAYS_INLINE void do_bsf(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    if (v) {
        reg_set(cpu, op->i.reg, size, __builtin_ctzll(v));
    }
    cc_set(cpu, CC_FLAGS, 0, v ? 0 : FL_ZF | FL_PF);
}

static ALWAYS_INLINE void do_bsr(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    if (v) {
        reg_set(cpu, op->i.reg, size, 63 - __builtin_clzll(v));
    }
    cc_set(cpu, CC_FLAGS, 0, v ? 0 : FL_ZF | FL_PF);
}

static ALWAYS_INLINE void do_tzcnt(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    unsigned n = v ? __builtin_ctzll(v) : size * 8;

    reg_set(cpu, op->i.reg, size, n);
    cc_set(cpu, CC_OP(CCF_RES, size), n, v ? 0 : FL_CF);
}

static ALWAYS_INLINE void do_lzcnt(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    unsigned n = v ? __builtin_clzll(v) - (64 - size * 8) : size * 8;

    reg_set(cpu, op->i.reg, size, n);
    cc_set(cpu, CC_OP(CCF_RES, size), n, v ? 0 : FL_CF);
}

static ALWAYS_INLINE void do_popcnt(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    reg_set(cpu, op->i.reg, size, __builtin_popcountll(v));
    cc_set(cpu, CC_FLAGS, 0, v ? 0 : FL_ZF);
}
FN_V(bsf, do_bsf)
FN_V(bsr, do_bsr)
FN_V(tzcnt, do_tzcnt)
FN_V(lzcnt, do_lzcnt)
FN_V(popcnt, do_popcnt)

static ALWAYS_INLINE void bmi_result(SoftCpu *cpu, unsigned r, unsigned size, uint64_t v,
                                     unsigned cf)
{
    v = trunc_to(v, size);
    cpu->gpr[r] = v;
    cc_set(cpu, CC_OP(CCF_RES, size), v, cf);
}

static ALWAYS_INLINE void do_andn(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    bmi_result(cpu, op->i.reg, size, ~cpu->gpr[op->i.vvvv] & v, 0);
}

static ALWAYS_INLINE void do_blsr(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    bmi_result(cpu, op->i.vvvv, size, v & (v - 1), v == 0);
}

static ALWAYS_INLINE void do_blsmsk(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    bmi_result(cpu, op->i.vvvv, size, v ^ (v - 1), v == 0);
}

static ALWAYS_INLINE void do_blsi(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    bmi_result(cpu, op->i.vvvv, size, v & -v, v != 0);
}

static ALWAYS_INLINE void do_bzhi(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    unsigned n = (uint8_t)cpu->gpr[op->i.vvvv], bits = size * 8;

    bmi_result(cpu, op->i.reg, size, n < bits ? v & ((1ULL << n) - 1) : v, n >= bits);
}

static ALWAYS_INLINE void do_bextr(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    unsigned start = (uint8_t)cpu->gpr[op->i.vvvv], len = (uint8_t)(cpu->gpr[op->i.vvvv] >> 8);

    v = start < 64 ? v >> start : 0;
    bmi_result(cpu, op->i.reg, size, len < 64 ? v & ((1ULL << len) - 1) : v, 0);
}

static ALWAYS_INLINE void do_pext(SoftCpu *cpu, const Op *op, unsigned size, uint64_t mask)
{
    uint64_t src = cpu->gpr[op->i.vvvv], r = 0;
    unsigned n;

    for (n = 0; mask; n++, mask &= mask - 1) {
        r |= ((src >> __builtin_ctzll(mask)) & 1) << n;
    }
    cpu->gpr[op->i.reg] = r;
}

static ALWAYS_INLINE void do_pdep(SoftCpu *cpu, const Op *op, unsigned size, uint64_t mask)
{
    uint64_t src = cpu->gpr[op->i.vvvv], r = 0;

    for (; mask; src >>= 1, mask &= mask - 1) {
        r |= (src & 1) << __builtin_ctzll(mask);
    }
    cpu->gpr[op->i.reg] = r;
}

static ALWAYS_INLINE void do_shlx(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    cpu->gpr[op->i.reg] = trunc_to(v << (cpu->gpr[op->i.vvvv] & (size * 8 - 1)), size);
}

static ALWAYS_INLINE void do_shrx(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    cpu->gpr[op->i.reg] = v >> (cpu->gpr[op->i.vvvv] & (size * 8 - 1));
}

static ALWAYS_INLINE void do_sarx(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    cpu->gpr[op->i.reg] =
        trunc_to(sext_from(v, size) >> (cpu->gpr[op->i.vvvv] & (size * 8 - 1)), size);
}

static ALWAYS_INLINE void do_rorx(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    unsigned bits = size * 8, n = op->i.imm & (bits - 1);

    cpu->gpr[op->i.reg] = n ? trunc_to(v >> n | v << (bits - n), size) : v;
}

/* ADCX carries through CF, ADOX through OF; no other flag changes. */
static ALWAYS_INLINE void do_adx(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    uint32_t flag = op->i.op == OP_ADCX_Gy_Ey ? FL_CF : FL_OF, f = cpu_get_flags(cpu);
    uint64_t a = reg_get(cpu, op->i.reg, size), r = trunc_to(a + v, size);
    bool carry = r < a;

    if (f & flag) {
        r = trunc_to(r + 1, size);
        carry |= r == 0;
    }
    cpu->gpr[op->i.reg] = r;
    cc_set(cpu, CC_FLAGS, 0, carry ? f | flag : f & ~flag);
}

/* CRC-32C, polynomial 0x1EDC6F41 bit-reversed. */
static ALWAYS_INLINE void do_crc32(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    uint32_t crc = cpu->gpr[op->i.reg];
    unsigned byte, bit;

    for (byte = 0; byte < size; byte++) {
        crc ^= (uint8_t)(v >> (8 * byte));
        for (bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    cpu->gpr[op->i.reg] = crc;
}
FN_Y(andn, do_andn)
FN_Y(blsr, do_blsr)
FN_Y(blsmsk, do_blsmsk)
FN_Y(blsi, do_blsi)
FN_Y(bzhi, do_bzhi)
FN_Y(bextr, do_bextr)
FN_Y(pext, do_pext)
FN_Y(pdep, do_pdep)
FN_Y(shlx, do_shlx)
FN_Y(shrx, do_shrx)
FN_Y(sarx, do_sarx)
FN_Y(rorx, do_rorx)
FN_Y(adx, do_adx)
FN(crc32_, 1, do_crc32(cpu, op, 1, v))
FN(crc32_, 2, do_crc32(cpu, op, 2, v))
FN(crc32_, 4, do_crc32(cpu, op, 4, v))
FN(crc32_, 8, do_crc32(cpu, op, 8, v))

/* RDRAND and RDSEED: the host's entropy; CF says it worked, the other flags clear. */
static NOINLINE void random_run(SoftCpu *cpu, const Op *op)
{
    uint64_t v = 0;
    bool ok = getrandom(&v, sizeof(v), GRND_NONBLOCK) == sizeof(v);

    reg_set(cpu, op->i.rm, op->i.opsz, ok ? v : 0);
    cc_set(cpu, CC_FLAGS, 0, ok ? FL_CF : 0);
}

static const Op *rdrand(SoftCpu *cpu, const Op *op)
{
    random_run(cpu, op);
    return NEXT(cpu, op);
}

/* Pick ----------------------------------------------------------------- */

static OpFn *pick_bt(const Insn *i)
{
    OpFn *const (*rows)[4];
    bool by_reg = true, mem = i->flags & INSN_MEM;

    switch (i->op) {
    case OP_BT_Ev_Ib:
        by_reg = false;
        /* fall through */
    case OP_BT_Ev_Gv:
        rows = bit_table[BIT_TEST];
        break;
    case OP_BTS_Ev_Ib:
        by_reg = false;
        /* fall through */
    case OP_BTS_Ev_Gv:
        rows = bit_table[BIT_SET];
        break;
    case OP_BTR_Ev_Ib:
        by_reg = false;
        /* fall through */
    case OP_BTR_Ev_Gv:
        rows = bit_table[BIT_RESET];
        break;
    case OP_BTC_Ev_Ib:
        by_reg = false;
        /* fall through */
    case OP_BTC_Ev_Gv:
        rows = bit_table[BIT_COMPL];
        break;
    default:
        return NULL;
    }
    return rows[i->opsz >> 2][(mem ? 2 : 0) + (by_reg ? 0 : 1)];
}

/* The rest by a table: form, handlers for 2, 4 and 8 bytes. */
static const struct {
    uint16_t op;
    OpFn *fn[3];
} bit_rows[] = {
    { OP_BSF_Gv_Ev, { bsf2, bsf4, bsf8 } },
    { OP_BSR_Gv_Ev, { bsr2, bsr4, bsr8 } },
    { OP_TZCNT_Gv_Ev, { tzcnt2, tzcnt4, tzcnt8 } },
    { OP_LZCNT_Gv_Ev, { lzcnt2, lzcnt4, lzcnt8 } },
    { OP_POPCNT_Gv_Ev, { popcnt2, popcnt4, popcnt8 } },
    { OP_ANDN_Gy_By_Ey, { NULL, andn4, andn8 } },
    { OP_BLSR_By_Ey, { NULL, blsr4, blsr8 } },
    { OP_BLSMSK_By_Ey, { NULL, blsmsk4, blsmsk8 } },
    { OP_BLSI_By_Ey, { NULL, blsi4, blsi8 } },
    { OP_BZHI_Gy_Ey_By, { NULL, bzhi4, bzhi8 } },
    { OP_BEXTR_Gy_Ey_By, { NULL, bextr4, bextr8 } },
    { OP_PEXT_Gy_By_Ey, { NULL, pext4, pext8 } },
    { OP_PDEP_Gy_By_Ey, { NULL, pdep4, pdep8 } },
    { OP_SHLX_Gy_Ey_By, { NULL, shlx4, shlx8 } },
    { OP_SHRX_Gy_Ey_By, { NULL, shrx4, shrx8 } },
    { OP_SARX_Gy_Ey_By, { NULL, sarx4, sarx8 } },
    { OP_RORX_Gy_Ey_Ib, { NULL, rorx4, rorx8 } },
    { OP_ADCX_Gy_Ey, { NULL, adx4, adx8 } },
    { OP_ADOX_Gy_Ey, { NULL, adx4, adx8 } },
    { OP_CRC32_Gd_Ev, { crc32_2, crc32_4, crc32_8 } },
    { OP_RDRAND_Rv, { rdrand, rdrand, rdrand } },
    { OP_RDSEED_Rv, { rdrand, rdrand, rdrand } },
};

OpFn *pick_bit(const Insn *i, uint32_t mode)
{
    OpFn *fn = pick_bt(i);
    unsigned n;

    if (fn) {
        return fn;
    }
    if (i->op == OP_CRC32_Gd_Eb) {
        return crc32_1;
    }
    for (n = 0; n < ARRAY_SIZE(bit_rows); n++) {
        if (bit_rows[n].op == i->op) {
            return bit_rows[n].fn[i->opsz >> 2];
        }
    }
    return NULL;
}
