/* What the integer families share: operand access by constant size and address shape */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_INTERP_INT_H
#define ACCEL_SOFT_INTERP_INT_H

#include "accel/soft/insn-info.h"
#include "accel/soft/interp.h"

/*
 * Handlers exist per operand size and per shape of the address:
 * B  64-bit flat, base + disp (base may be RIP or none); X  the same with an index;
 * F  32-bit flat, any sum; G  everything else (16-bit addresses, segments with a base,
 * limits).
 */
enum { EA_B, EA_X, EA_F, EA_G, NR_EA };

static inline unsigned ea_kind(const Insn *i, uint32_t mode)
{
    if (i->seg == S_FS || i->seg == S_GS) {
        return EA_G;
    }
    if ((mode & MODE_CODE_MASK) != MODE_CODE64) {
        return (mode & MODE_FLAT) && i->adsz == 4 && i->seg != S_CS ? EA_F : EA_G;
    }
    if (i->adsz != 8) {
        return EA_G;
    }
    return i->index == R_NONE ? EA_B : EA_X;
}

/* 32-bit code on a flat 32-bit stack. */
static inline bool mode_flat32(uint32_t mode)
{
    return (mode & (MODE_CODE_MASK | MODE_STACK_MASK | MODE_FLAT)) ==
           (MODE_CODE32 | MODE_STACK32 | MODE_FLAT);
}

static ALWAYS_INLINE uint64_t ea_get(SoftCpu *cpu, const Op *op, unsigned kind, unsigned size,
                                     bool write)
{
    uint64_t ea;

    if (kind == EA_G) {
        return ea_linear(cpu, op, size, write);
    }
    ea = cpu->gpr[op->i.base] + (uint64_t)(int64_t)op->i.disp;
    if (kind != EA_B) {
        ea += cpu->gpr[op->i.index] << op->i.scale;
    }
    return kind == EA_F ? (uint32_t)ea : ea;
}

static ALWAYS_INLINE uint64_t mem_ld(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    return size == 1 ? mem_ld8(cpu, op, la) : size == 2 ? mem_ld16(cpu, op, la) :
           size == 4 ? mem_ld32(cpu, op, la) : mem_ld64(cpu, op, la);
}

static ALWAYS_INLINE void mem_st(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t v,
                                 unsigned size)
{
    if (size == 1) {
        mem_st8(cpu, op, la, v);
    } else if (size == 2) {
        mem_st16(cpu, op, la, v);
    } else if (size == 4) {
        mem_st32(cpu, op, la, v);
    } else {
        mem_st64(cpu, op, la, v);
    }
}

static ALWAYS_INLINE uint64_t host_ld(const void *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

static ALWAYS_INLINE void host_st(void *p, uint64_t v, unsigned size)
{
    memcpy(p, &v, size);
}

/* Read-modify-write: the host address on a TLB hit, else NULL and mem_ld_rmw() / mem_store_slow(). */
static ALWAYS_INLINE void *rmw_hit(SoftCpu *cpu, uint64_t la, unsigned size)
{
    return mem_hit(cpu->tlb->tag_w, cpu->tlb, la, size);
}
uint64_t mem_ld_rmw(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size);

/* Register operands by constant size; bytes go by the offsets int_prepare() made. */
static ALWAYS_INLINE uint64_t g_get(const SoftCpu *cpu, const Op *op, unsigned size)
{
    return size == 1 ? REG8(cpu, op) : reg_get(cpu, op->i.reg, size);
}
static ALWAYS_INLINE void g_set(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    if (size == 1) {
        REG8(cpu, op) = v;
    } else {
        reg_set(cpu, op->i.reg, size, v);
    }
}
static ALWAYS_INLINE uint64_t r_get(const SoftCpu *cpu, const Op *op, unsigned size)
{
    return size == 1 ? RM8(cpu, op) : reg_get(cpu, op->i.rm, size);
}
static ALWAYS_INLINE void r_set(SoftCpu *cpu, const Op *op, unsigned size, uint64_t v)
{
    if (size == 1) {
        RM8(cpu, op) = v;
    } else {
        reg_set(cpu, op->i.rm, size, v);
    }
}

/* The same as places, for operands that are read and written: the index is loaded once. */
static ALWAYS_INLINE void *r_place(SoftCpu *cpu, const Op *op, unsigned size)
{
    return size == 1 ? (void *)&RM8(cpu, op) : (void *)&cpu->gpr[op->i.rm];
}
static ALWAYS_INLINE void *g_place(SoftCpu *cpu, const Op *op, unsigned size)
{
    return size == 1 ? (void *)&REG8(cpu, op) : (void *)&cpu->gpr[op->i.reg];
}
static ALWAYS_INLINE uint64_t place_get(const void *p, unsigned size)
{
    return size == 8 ? *(const uint64_t *)p : size == 4 ? *(const uint32_t *)p :
           size == 2 ? *(const uint16_t *)p : *(const uint8_t *)p;
}
static ALWAYS_INLINE void place_set(void *p, unsigned size, uint64_t v)
{
    if (size >= 4) {
        *(uint64_t *)p = size == 4 ? (uint32_t)v : v;
    } else if (size == 2) {
        *(uint16_t *)p = v;
    } else {
        *(uint8_t *)p = v;
    }
}

static ALWAYS_INLINE uint64_t trunc_to(uint64_t v, unsigned size)
{
    return size == 8 ? v : size == 4 ? (uint32_t)v : size == 2 ? (uint16_t)v : (uint8_t)v;
}
static ALWAYS_INLINE int64_t sext_from(uint64_t v, unsigned size)
{
    return size == 8 ? (int64_t)v : size == 4 ? (int32_t)v : size == 2 ? (int16_t)v : (int8_t)v;
}

/* Operands of the slower families: register or memory decided at run time, size constant. */
static ALWAYS_INLINE uint64_t e_get(SoftCpu *cpu, const Op *op, unsigned size)
{
    return op->i.flags & INSN_MEM ? mem_ld(cpu, op, ea_linear(cpu, op, size, false), size)
                                  : r_get(cpu, op, size);
}

/* log2 of 1 2 4 8 */
static inline unsigned size_index(unsigned size)
{
    return size == 8 ? 3 : size >> 1;
}

#define SIZES4(f, ...) { f(__VA_ARGS__, 1), f(__VA_ARGS__, 2), f(__VA_ARGS__, 4), f(__VA_ARGS__, 8) }

/* Branches ------------------------------------------------------------- */

static ALWAYS_INLINE const Op *go_block(SoftCpu *cpu, Block *next)
{
    cpu->block = next;
    cpu->rip = next->rip;
    return GOTO_OP(cpu, next->ops);
}

/* By the jump cache, or leave. */
const Op *interp_jump(SoftCpu *cpu, uint64_t target);

/* Exit `which` (0 taken, 1 not) of the block by op is not linked yet, or an event waits. */
const Op *branch_miss(SoftCpu *cpu, const Op *op, unsigned which);

/* Leave the block by the relative branch op, or (1) to what is behind it. */
static ALWAYS_INLINE const Op *branch_link(SoftCpu *cpu, const Op *op, const Link *exits,
                                           unsigned which)
{
    Block *next = atomic_load_explicit(&exits[which].target, memory_order_relaxed);

    if (likely(next != NULL) &&
        likely(!atomic_load_explicit(&cpu->exit_request, memory_order_relaxed))) {
        return go_block(cpu, next);
    }
    return branch_miss(cpu, op, which);
}

/* op is the branch, the last of its block: the terminator and the exits are behind it. */
static ALWAYS_INLINE const Op *branch_taken(SoftCpu *cpu, const Op *op)
{
    return branch_link(cpu, op, (const Link *)(op + 2), 0);
}
static ALWAYS_INLINE const Op *branch_cond(SoftCpu *cpu, const Op *op, bool taken)
{
    if (taken) {
        return branch_taken(cpu, op);
    }
    return branch_link(cpu, op, (const Link *)(op + 2), 1);
}

/* interp-bit.c: the linear address of the operand that a bit offset in reg selects. */
uint64_t bit_address(SoftCpu *cpu, const Op *op, unsigned size, bool by_reg, bool write);

/* Edit the block's copy of an integer instruction into the form the handlers expect. */
void int_prepare(Insn *i);

/* The families of pick_int; NULL: not mine. */
OpFn *pick_alu(const Insn *i, uint32_t mode);
OpFn *pick_fused(const Insn *i, const Insn *jcc, uint32_t mode);
OpFn *pick_mov(const Insn *i, uint32_t mode);
OpFn *pick_stack(const Insn *i, uint32_t mode);
OpFn *pick_shift(const Insn *i, uint32_t mode);
OpFn *pick_bit(const Insn *i, uint32_t mode);
OpFn *pick_muldiv(const Insn *i, uint32_t mode);
OpFn *pick_branch(const Insn *i, uint32_t mode);
OpFn *pick_lock(const Insn *i, uint32_t mode);

#endif
