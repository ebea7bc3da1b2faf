/* Integer handlers: LOCK prefix, XCHG with memory, CMPXCHG, XADD, CMPXCHG8B/16B */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

typedef unsigned __int128 Wide;

/*
 * One read-modify-write: what the operation makes of the old value, and what it
 * does to registers and flags when the new value is in memory.
 */
typedef struct Rmw {
    unsigned size;
    uint64_t old, new, b;
    uint64_t cc_dst, cc_src;
    uint32_t cc_op;
    bool cc;                /* it sets lazy flags as above; else see rmw_commit() */
    unsigned bit;
} Rmw;

static uint64_t imm_or_reg(SoftCpu *cpu, const Op *op, bool imm, unsigned size)
{
    return trunc_to(imm ? op->i.imm : size == 1 ? REG8(cpu, op) : cpu->gpr[op->i.reg], size);
}

enum { K_ADD, K_OR, K_ADC, K_SBB, K_AND, K_SUB, K_XOR, K_CMP, K_INC, K_DEC, K_NOT, K_NEG,
       K_BTS, K_BTR, K_BTC, K_XADD, K_XCHG, K_CMPXCHG, K_OTHER };

static unsigned rmw_kind(unsigned op)
{
    if (op >= OP_ADD_Eb_Gb && op <= OP_CMP_Ev_Is) {
        return (op - OP_ADD_Eb_Gb) / 9;
    }
    switch (op) {
    case OP_INC_Eb:
    case OP_INC_Ev:
        return K_INC;
    case OP_DEC_Eb:
    case OP_DEC_Ev:
        return K_DEC;
    case OP_NOT_Eb:
    case OP_NOT_Ev:
        return K_NOT;
    case OP_NEG_Eb:
    case OP_NEG_Ev:
        return K_NEG;
    case OP_BTS_Ev_Gv:
    case OP_BTS_Ev_Ib:
        return K_BTS;
    case OP_BTR_Ev_Gv:
    case OP_BTR_Ev_Ib:
        return K_BTR;
    case OP_BTC_Ev_Gv:
    case OP_BTC_Ev_Ib:
        return K_BTC;
    case OP_XADD_Eb_Gb:
    case OP_XADD_Ev_Gv:
        return K_XADD;
    case OP_XCHG_Eb_Gb:
    case OP_XCHG_Ev_Gv:
        return K_XCHG;
    case OP_CMPXCHG_Eb_Gb:
    case OP_CMPXCHG_Ev_Gv:
        return K_CMPXCHG;
    default:
        return K_OTHER;
    }
}

/* Does the second operand come from the instruction? */
static bool rmw_by_imm(unsigned op)
{
    if (op >= OP_ADD_Eb_Gb && op <= OP_CMP_Ev_Is) {
        return (op - OP_ADD_Eb_Gb) % 9 >= 4;
    }
    return op == OP_BTS_Ev_Ib || op == OP_BTR_Ev_Ib || op == OP_BTC_Ev_Ib;
}

static void rmw_cc(Rmw *x, uint32_t family, uint64_t dst, uint64_t src)
{
    x->cc = true;
    x->cc_op = CC_OP(family, x->size);
    x->cc_dst = dst;
    x->cc_src = src;
}

/* From x->old to x->new, without touching the CPU: it may be tried several times. */
static void rmw_compute(const SoftCpu *cpu, unsigned kind, Rmw *x)
{
    uint64_t a = x->old, b = x->b, r, acc;
    unsigned carry;

    switch (kind) {
    case K_ADD:
    case K_XADD:
        r = trunc_to(a + b, x->size);
        rmw_cc(x, CCF_ADD, r, b);
        break;
    case K_ADC:
        carry = cc_carry(cpu);
        r = trunc_to(a + b + carry, x->size);
        rmw_cc(x, carry ? CCF_ADC1 : CCF_ADD, r, b);
        break;
    case K_SUB:
        r = trunc_to(a - b, x->size);
        rmw_cc(x, CCF_SUB, r, b);
        break;
    case K_SBB:
        carry = cc_carry(cpu);
        r = trunc_to(a - b - carry, x->size);
        rmw_cc(x, carry ? CCF_SBB1 : CCF_SUB, r, b);
        break;
    case K_AND:
    case K_OR:
    case K_XOR:
        r = kind == K_AND ? a & b : kind == K_OR ? a | b : a ^ b;
        rmw_cc(x, CCF_LOGIC, r, 0);
        break;
    case K_INC:
    case K_DEC:
        r = trunc_to(kind == K_INC ? a + 1 : a - 1, x->size);
        rmw_cc(x, kind == K_INC ? CCF_INC : CCF_DEC, r, cc_carry(cpu));
        break;
    case K_NOT:
        r = trunc_to(~a, x->size);
        break;
    case K_NEG:
        r = trunc_to(-a, x->size);
        rmw_cc(x, CCF_SUB, r, a);
        break;
    case K_BTS:
        r = a | 1ULL << x->bit;
        break;
    case K_BTR:
        r = a & ~(1ULL << x->bit);
        break;
    case K_BTC:
        r = a ^ 1ULL << x->bit;
        break;
    case K_CMPXCHG:
        acc = reg_get(cpu, R_AX, x->size);
        r = acc == a ? b : a;   /* memory is written either way */
        rmw_cc(x, CCF_SUB, trunc_to(acc - a, x->size), a);
        break;
    default:    /* K_XCHG */
        r = b;
        break;
    }
    x->new = r;
}

static void rmw_commit(SoftCpu *cpu, const Op *op, unsigned kind, const Rmw *x)
{
    switch (kind) {
    case K_XADD:
    case K_XCHG:
        if (x->size == 1) {
            REG8(cpu, op) = x->old;
        } else {
            reg_set(cpu, op->i.reg, x->size, x->old);
        }
        break;
    case K_CMPXCHG:
        if (x->cc_dst != 0) {
            reg_set(cpu, R_AX, x->size, x->old);
        }
        break;
    case K_BTS:
    case K_BTR:
    case K_BTC:
        cpu_set_flags(cpu, (cpu_get_flags(cpu) & ~FL_CF) | ((x->old >> x->bit) & 1));
        break;
    default:
        break;
    }
    if (x->cc) {
        cc_set(cpu, x->cc_op, x->cc_dst, x->cc_src);
    }
}

#define CAS_LOOP(T)                                                                         \
    do {                                                                                    \
        T expected = __atomic_load_n((T *)p, __ATOMIC_SEQ_CST);                             \
                                                                                            \
        do {                                                                                \
            x->old = expected;                                                              \
            rmw_compute(cpu, kind, x);                                                      \
        } while (!__atomic_compare_exchange_n((T *)p, &expected, (T)x->new, false,          \
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));         \
    } while (0)

static void rmw_atomic(const SoftCpu *cpu, unsigned kind, Rmw *x, void *p)
{
    switch (x->size) {
    case 1:
        CAS_LOOP(uint8_t);
        break;
    case 2:
        CAS_LOOP(uint16_t);
        break;
    case 4:
        CAS_LOOP(uint32_t);
        break;
    default:
        CAS_LOOP(uint64_t);
        break;
    }
}

/* MMIO, code pages, page crossings: alone in the machine. */
static void rmw_exclusive(SoftCpu *cpu, const Op *op, unsigned kind, Rmw *x, uint64_t la)
{
    bool up = cpu->mode & MODE_UP;

    mem_probe(cpu, op, la, x->size, true);
    if (!up) {
        exclusive_begin(cpu);
    }
    x->old = mem_load_slow(cpu, op, la, x->size);
    rmw_compute(cpu, kind, x);
    mem_store_slow(cpu, op, la, x->new, x->size);
    if (!up) {
        exclusive_end(cpu);
    }
}

static uint64_t rmw_address(SoftCpu *cpu, const Op *op, Rmw *x, unsigned kind, bool by_imm)
{
    if (kind >= K_BTS && kind <= K_BTC) {
        uint64_t bit = by_imm ? op->i.imm : cpu->gpr[op->i.reg];

        x->bit = bit & (x->size * 8 - 1);
        return bit_address(cpu, op, x->size, !by_imm, true);
    }
    x->b = imm_or_reg(cpu, op, by_imm, x->size);
    return ea_linear(cpu, op, x->size, true);
}

static NOINLINE void rmw_run(SoftCpu *cpu, const Op *op, bool locked)
{
    unsigned kind = rmw_kind(op->i.op);
    bool by_imm = rmw_by_imm(op->i.op);
    Rmw x = { .size = op->i.opsz };
    uint64_t la = rmw_address(cpu, op, &x, kind, by_imm);
    void *p = locked ? mem_atomic(cpu, op, la, x.size) : rmw_hit(cpu, la, x.size);

    if (!p) {
        rmw_exclusive(cpu, op, kind, &x, la);
    } else if (locked) {
        rmw_atomic(cpu, kind, &x, p);
    } else {
        x.old = host_ld(p, x.size);
        rmw_compute(cpu, kind, &x);
        host_st(p, x.new, x.size);
    }
    rmw_commit(cpu, op, kind, &x);
}

static const Op *rmw_locked(SoftCpu *cpu, const Op *op)
{
    rmw_run(cpu, op, true);
    return NEXT(cpu, op);
}

static const Op *rmw_plain(SoftCpu *cpu, const Op *op)
{
    rmw_run(cpu, op, false);
    return NEXT(cpu, op);
}

/* CMPXCHG and XADD between registers ------------------------------------ */

static NOINLINE void rmw_regs(SoftCpu *cpu, const Op *op)
{
    unsigned kind = rmw_kind(op->i.op), size = op->i.opsz;
    Rmw x = { .size = size };

    x.b = imm_or_reg(cpu, op, false, size);
    x.old = size == 1 ? RM8(cpu, op) : reg_get(cpu, op->i.rm, size);
    rmw_compute(cpu, kind, &x);
    if (kind == K_CMPXCHG) {
        /* A failed 32-bit compare loads EAX but leaves the destination alone, upper half too. */
        rmw_commit(cpu, op, kind, &x);
        if (x.cc_dst != 0) {
            return;
        }
    } else {
        rmw_commit(cpu, op, kind, &x);
    }
    if (size == 1) {
        RM8(cpu, op) = x.new;
    } else {
        reg_set(cpu, op->i.rm, size, x.new);
    }
}

static const Op *rmw_reg(SoftCpu *cpu, const Op *op)
{
    rmw_regs(cpu, op);
    return NEXT(cpu, op);
}

/* CMPXCHG8B CMPXCHG16B -------------------------------------------------- */

static void zf_only(SoftCpu *cpu, bool zf)
{
    cpu_set_flags(cpu, (cpu_get_flags(cpu) & ~FL_ZF) | (zf ? FL_ZF : 0));
}

static NOINLINE void cmpxchg8b_run(SoftCpu *cpu, const Op *op)
{
    uint64_t la = ea_linear(cpu, op, 8, true);
    uint64_t expected = (uint64_t)(uint32_t)cpu->gpr[R_DX] << 32 | (uint32_t)cpu->gpr[R_AX];
    uint64_t value = (uint64_t)(uint32_t)cpu->gpr[R_CX] << 32 | (uint32_t)cpu->gpr[R_BX], old;
    uint64_t *p = mem_atomic(cpu, op, la, 8);
    bool up = cpu->mode & MODE_UP, ok;

    if (p) {
        old = expected;
        ok = __atomic_compare_exchange_n(p, &old, value, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST);
    } else {
        mem_probe(cpu, op, la, 8, true);
        if (!up) {
            exclusive_begin(cpu);
        }
        old = mem_load_slow(cpu, op, la, 8);
        ok = old == expected;
        mem_store_slow(cpu, op, la, ok ? value : old, 8);
        if (!up) {
            exclusive_end(cpu);
        }
    }
    if (!ok) {
        cpu->gpr[R_AX] = (uint32_t)old;
        cpu->gpr[R_DX] = old >> 32;
    }
    zf_only(cpu, ok);
}

/* The host's own where there is one: gcc calls a library for 16-byte atomics otherwise. */
static bool cas16(void *p, uint64_t *low, uint64_t *high, uint64_t new_low, uint64_t new_high)
{
#ifdef __x86_64__
    bool ok;

    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(ok), "+m"(*(Wide *)p), "+a"(*low), "+d"(*high)
                     : "b"(new_low), "c"(new_high) : "memory");
    return ok;
#else
    Wide expected = (Wide)*high << 64 | *low, value = (Wide)new_high << 64 | new_low;
    bool ok = __atomic_compare_exchange_n((Wide *)p, &expected, value, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);

    *low = (uint64_t)expected;
    *high = (uint64_t)(expected >> 64);
    return ok;
#endif
}

static NOINLINE void cmpxchg16b_run(SoftCpu *cpu, const Op *op)
{
    uint64_t la = ea_linear(cpu, op, 16, true);
    uint64_t low = cpu->gpr[R_AX], high = cpu->gpr[R_DX], old_low, old_high;
    bool up = cpu->mode & MODE_UP, ok;
    void *p;

    if (la & 15) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    p = mem_atomic(cpu, op, la, 16);
    if (p) {
        old_low = low;
        old_high = high;
        ok = cas16(p, &old_low, &old_high, cpu->gpr[R_BX], cpu->gpr[R_CX]);
    } else {
        mem_probe(cpu, op, la, 16, true);
        if (!up) {
            exclusive_begin(cpu);
        }
        old_low = mem_load_slow(cpu, op, la, 8);
        old_high = mem_load_slow(cpu, op, la + 8, 8);
        ok = old_low == low && old_high == high;
        mem_store_slow(cpu, op, la, ok ? cpu->gpr[R_BX] : old_low, 8);
        mem_store_slow(cpu, op, la + 8, ok ? cpu->gpr[R_CX] : old_high, 8);
        if (!up) {
            exclusive_end(cpu);
        }
    }
    if (!ok) {
        cpu->gpr[R_AX] = old_low;
        cpu->gpr[R_DX] = old_high;
    }
    zf_only(cpu, ok);
}

static const Op *cmpxchg8b(SoftCpu *cpu, const Op *op)
{
    cmpxchg8b_run(cpu, op);
    return NEXT(cpu, op);
}

static const Op *cmpxchg16b(SoftCpu *cpu, const Op *op)
{
    cmpxchg16b_run(cpu, op);
    return NEXT(cpu, op);
}

OpFn *pick_lock(const Insn *i, uint32_t mode)
{
    bool mem = i->flags & INSN_MEM, up = mode & MODE_UP;

    switch (i->op) {
    case OP_CMPXCHG8B_M:
        return i->opsz == 8 ? cmpxchg16b : cmpxchg8b;
    case OP_CMPXCHG_Eb_Gb:
    case OP_CMPXCHG_Ev_Gv:
    case OP_XADD_Eb_Gb:
    case OP_XADD_Ev_Gv:
        return !mem ? rmw_reg : (i->prefix & PFX_LOCK) && !up ? rmw_locked : rmw_plain;
    case OP_XCHG_Eb_Gb:
    case OP_XCHG_Ev_Gv:
        return !mem ? NULL : up ? rmw_plain : rmw_locked;
    default:
        return (i->prefix & PFX_LOCK) && !up ? rmw_locked : NULL;
    }
}
