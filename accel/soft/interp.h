/* What interpreter handlers share: how to go on, registers, effective addresses */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_INTERP_H
#define ACCEL_SOFT_INTERP_H

#include "accel/soft/block.h"
#include "accel/soft/cc.h"
#include "accel/soft/mem.h"
#include "accel/soft/soft-cpu.h"
#include "accel/soft/sys.h"

/*
 * Every handler ends in one of
 *     return NEXT(cpu, op);            the next instruction of the block
 *     return END_BLOCK(cpu, op);       leave the block behind this instruction
 *     return LEAVE(cpu);               leave; cpu->rip was set to where to go on
 * While a block runs cpu->rip is the RIP of the block's first byte; the
 * instruction's own is cpu_insn_rip(). In optimised builds NEXT is a sibling
 * call: no address of a local may escape, or the stack grows with each
 * instruction (put such work into a NOINLINE helper). Else the loop in exec.c
 * calls one handler after the other.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INTERP_LOOP 1
#endif
#endif
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#ifndef INTERP_LOOP
#define INTERP_LOOP 1
#endif
#endif

#ifdef INTERP_LOOP
#define GOTO_OP(cpu, op) (op)
#else
#define GOTO_OP(cpu, op) (op)->fn(cpu, op)
#endif
#define NEXT(cpu, op) GOTO_OP(cpu, (op) + 1)
#define LEAVE(cpu) ((const Op *)NULL)
#define END_BLOCK(cpu, op) (cpu_end_block(cpu, op), LEAVE(cpu))

/* The RIP of the instruction behind op, and of op itself. */
static ALWAYS_INLINE uint64_t cpu_wrap_rip(const SoftCpu *cpu, uint64_t rip)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? rip : (uint32_t)rip;
}
static ALWAYS_INLINE uint64_t cpu_next_rip(const SoftCpu *cpu, const Op *op)
{
    return cpu_wrap_rip(cpu, cpu->rip + op->i.next);
}
static ALWAYS_INLINE uint64_t cpu_insn_rip(const SoftCpu *cpu, const Op *op)
{
    return cpu_wrap_rip(cpu, cpu->rip + op->i.next - op->i.len);
}
static ALWAYS_INLINE void cpu_end_block(SoftCpu *cpu, const Op *op)
{
    cpu->rip = cpu_next_rip(cpu, op);
}

/*
 * Byte registers: block.c puts the byte's offset within gpr[] of ModRM.reg into
 * vl and of ModRM.rm into opcode for non-VEX integer instructions (AH..BH included).
 */
#define REG8(cpu, op) (((uint8_t *)(cpu)->gpr)[(op)->i.vl])
#define RM8(cpu, op)  (((uint8_t *)(cpu)->gpr)[(op)->i.opcode])

static ALWAYS_INLINE uint64_t reg_get(const SoftCpu *cpu, unsigned r, unsigned size)
{
    uint64_t v = cpu->gpr[r];

    return size == 8 ? v : size == 4 ? (uint32_t)v : size == 2 ? (uint16_t)v : (uint8_t)v;
}

/* As the hardware does: 32-bit writes clear the upper half, 8 and 16-bit ones merge. */
static ALWAYS_INLINE void reg_set(SoftCpu *cpu, unsigned r, unsigned size, uint64_t v)
{
    if (size == 8) {
        cpu->gpr[r] = v;
    } else if (size == 4) {
        cpu->gpr[r] = (uint32_t)v;
    } else if (size == 2) {
        *(uint16_t *)&cpu->gpr[r] = (uint16_t)v;
    } else {
        *(uint8_t *)&cpu->gpr[r] = (uint8_t)v;
    }
}

/* Offset part of the memory operand, wrapped to the address size. */
static ALWAYS_INLINE uint64_t ea_offset(const SoftCpu *cpu, const Op *op)
{
    uint64_t ea = cpu->gpr[op->i.base] + (cpu->gpr[op->i.index] << op->i.scale) +
                  (uint64_t)(int64_t)op->i.disp;

    return op->i.adsz == 8 ? ea : op->i.adsz == 4 ? (uint32_t)ea : (uint16_t)ea;
}

/* The linear address whatever the limits say, for what is checked before them. */
static inline uint64_t ea_unchecked(const SoftCpu *cpu, const Op *op)
{
    uint64_t offset = ea_offset(cpu, op);

    if ((cpu->mode & MODE_CODE_MASK) != MODE_CODE64) {
        return (uint32_t)(cpu->seg[op->i.seg].base + offset);
    }
    return op->i.seg >= S_FS ? cpu->seg[op->i.seg].base + offset : offset;
}

/* Linear address of the memory operand of size bytes, every mode; raises on limits. Cold half in mem.c. */
uint64_t ea_linear_slow(SoftCpu *cpu, const Op *op, uint64_t offset, unsigned size, bool write);

static ALWAYS_INLINE uint64_t ea_linear(SoftCpu *cpu, const Op *op, unsigned size, bool write)
{
    uint64_t offset = ea_offset(cpu, op);

    if (likely((cpu->mode & MODE_FLAT) && op->i.seg < S_FS && op->i.seg != S_CS)) {
        return offset;
    }
    return ea_linear_slow(cpu, op, offset, size, write);
}

/* May [REG seg : off, size) be used; the address in it. For operands that are not the ModRM's. */
static ALWAYS_INLINE uint64_t seg_address(SoftCpu *cpu, const Op *op, unsigned seg, uint64_t off,
                                          unsigned size, bool write)
{
    if (likely((cpu->mode & MODE_FLAT) && seg < S_FS && seg != S_CS)) {
        return off;
    }
    return seg_linear(cpu, op, seg, off, size, write);
}

/* Stack: bytes of the stack pointer in use. */
static ALWAYS_INLINE unsigned stack_size(const SoftCpu *cpu)
{
    return 2 << ((cpu->mode & MODE_STACK_MASK) >> 3);
}

/* The pickers: a handler for this instruction in this mode, or NULL for #UD. */
OpFn *pick_int(const Insn *insn, uint32_t mode);
OpFn *pick_string(const Insn *insn, uint32_t mode);
OpFn *pick_x87(const Insn *insn, uint32_t mode);
OpFn *pick_sse(const Insn *insn, uint32_t mode);

#endif
