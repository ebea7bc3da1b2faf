/* Integer handlers: PUSH POP PUSHA POPA ENTER LEAVE, BOUND */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

/* The 64-bit stack, 8-byte operands: nearly all of them. */
static ALWAYS_INLINE const Op *push64(SoftCpu *cpu, const Op *op, uint64_t v)
{
    uint64_t sp = cpu->gpr[R_SP] - 8;

    mem_st64(cpu, op, sp, v);
    cpu->gpr[R_SP] = sp;
    return NEXT(cpu, op);
}

static const Op *push64_r(SoftCpu *cpu, const Op *op)
{
    return push64(cpu, op, cpu->gpr[op->i.rm]);
}

static const Op *push64_i(SoftCpu *cpu, const Op *op)
{
    return push64(cpu, op, op->i.imm);
}

static const Op *push64_m(SoftCpu *cpu, const Op *op)
{
    return push64(cpu, op, mem_ld64(cpu, op, ea_linear(cpu, op, 8, false)));
}

static const Op *pop64_r(SoftCpu *cpu, const Op *op)
{
    uint64_t sp = cpu->gpr[R_SP], v = mem_ld64(cpu, op, sp);

    cpu->gpr[R_SP] = sp + 8;
    cpu->gpr[op->i.rm] = v;
    return NEXT(cpu, op);
}

static const Op *leave64(SoftCpu *cpu, const Op *op)
{
    uint64_t bp = cpu->gpr[R_BP], v = mem_ld64(cpu, op, bp);

    cpu->gpr[R_SP] = bp + 8;
    cpu->gpr[R_BP] = v;
    return NEXT(cpu, op);
}

/* The 32-bit flat stack. */
static ALWAYS_INLINE const Op *push32(SoftCpu *cpu, const Op *op, uint32_t v)
{
    uint32_t sp = cpu->gpr[R_SP] - 4;

    mem_st32(cpu, op, sp, v);
    cpu->gpr[R_SP] = sp;
    return NEXT(cpu, op);
}

static const Op *push32_r(SoftCpu *cpu, const Op *op)
{
    return push32(cpu, op, cpu->gpr[op->i.rm]);
}

static const Op *push32_i(SoftCpu *cpu, const Op *op)
{
    return push32(cpu, op, op->i.imm);
}

static const Op *push32_m(SoftCpu *cpu, const Op *op)
{
    return push32(cpu, op, mem_ld32(cpu, op, ea_linear(cpu, op, 4, false)));
}

static const Op *pop32_r(SoftCpu *cpu, const Op *op)
{
    uint32_t sp = cpu->gpr[R_SP], v = mem_ld32(cpu, op, sp);

    cpu->gpr[R_SP] = (uint32_t)(sp + 4);
    cpu->gpr[op->i.rm] = v;
    return NEXT(cpu, op);
}

static const Op *leave32(SoftCpu *cpu, const Op *op)
{
    uint32_t bp = cpu->gpr[R_BP], v = mem_ld32(cpu, op, bp);

    cpu->gpr[R_SP] = (uint32_t)(bp + 4);
    cpu->gpr[R_BP] = v;
    return NEXT(cpu, op);
}

/* Any stack and size --------------------------------------------------- */

static uint64_t ld_size(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    return size == 2 ? mem_ld16(cpu, op, la) : size == 4 ? mem_ld32(cpu, op, la) :
           mem_ld64(cpu, op, la);
}

static void st_size(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t v, unsigned size)
{
    if (size == 2) {
        mem_st16(cpu, op, la, v);
    } else if (size == 4) {
        mem_st32(cpu, op, la, v);
    } else {
        mem_st64(cpu, op, la, v);
    }
}

static uint64_t stack_ld(SoftCpu *cpu, const Op *op, uint64_t sp, unsigned size)
{
    sp = trunc_to(sp, stack_size(cpu));
    return ld_size(cpu, op, seg_address(cpu, op, S_SS, sp, size, false), size);
}

static void stack_st(SoftCpu *cpu, const Op *op, uint64_t sp, uint64_t v, unsigned size)
{
    sp = trunc_to(sp, stack_size(cpu));
    st_size(cpu, op, seg_address(cpu, op, S_SS, sp, size, true), v, size);
}

static void set_sp(SoftCpu *cpu, uint64_t sp)
{
    reg_set(cpu, R_SP, stack_size(cpu), sp);
}

static const Op *push_any(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz;
    uint64_t v, sp = cpu->gpr[R_SP] - size;

    switch (op->i.op) {
    case OP_PUSH_Iz:
    case OP_PUSH_Is:
        v = op->i.imm;
        break;
    default:
        v = op->i.flags & INSN_MEM
            ? ld_size(cpu, op, ea_linear(cpu, op, size, false), size) : cpu->gpr[op->i.rm];
        break;
    }
    stack_st(cpu, op, sp, v, size);
    set_sp(cpu, sp);
    return NEXT(cpu, op);
}

static const Op *pop_any(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz;
    uint64_t old = cpu->gpr[R_SP], v = stack_ld(cpu, op, old, size), off;

    if (!(op->i.flags & INSN_MEM)) {
        set_sp(cpu, old + size);
        reg_set(cpu, op->i.rm, size, v);
        return NEXT(cpu, op);
    }
    /* The address sees the popped stack pointer; a fault must not. */
    set_sp(cpu, old + size);
    off = ea_offset(cpu, op);
    cpu->gpr[R_SP] = old;
    st_size(cpu, op, seg_address(cpu, op, op->i.seg, off, size, true), v, size);
    set_sp(cpu, old + size);
    return NEXT(cpu, op);
}

static const Op *pusha(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz, r;
    uint64_t sp = cpu->gpr[R_SP];

    /* A fault in between leaves what was stored, but not the stack pointer: it can run again. */
    for (r = R_AX; r <= R_DI; r++) {
        stack_st(cpu, op, sp - (r + 1) * size, cpu->gpr[r], size);
    }
    set_sp(cpu, sp - 8 * size);
    return NEXT(cpu, op);
}

static NOINLINE void popa_run(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz, r;
    uint64_t v[8];

    for (r = 8; r-- > 0;) {
        v[r] = stack_ld(cpu, op, cpu->gpr[R_SP] + (7 - r) * size, size);
    }
    for (r = 0; r < 8; r++) {
        if (r != R_SP) {
            reg_set(cpu, r, size, v[r]);
        }
    }
    set_sp(cpu, cpu->gpr[R_SP] + 8 * size);
}

static const Op *popa(SoftCpu *cpu, const Op *op)
{
    popa_run(cpu, op);
    return NEXT(cpu, op);
}

static const Op *leave_any(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz;
    uint64_t bp = cpu->gpr[R_BP], v = stack_ld(cpu, op, bp, size);

    set_sp(cpu, trunc_to(bp, stack_size(cpu)) + size);
    reg_set(cpu, R_BP, size, v);
    return NEXT(cpu, op);
}

/* imm: bytes to reserve, nesting level above bit 16. */
static const Op *enter(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz, level = (op->i.imm >> 16) & 31, n;
    uint64_t sp = cpu->gpr[R_SP] - size, bp = cpu->gpr[R_BP], frame = sp;

    stack_st(cpu, op, sp, bp, size);
    for (n = 1; n < level; n++) {
        uint64_t v = stack_ld(cpu, op, bp - n * size, size);

        sp -= size;
        stack_st(cpu, op, sp, v, size);
    }
    if (level) {
        sp -= size;
        stack_st(cpu, op, sp, frame, size);
    }
    sp -= op->i.imm & 0xffff;
    /* The new top must be writable too. */
    n = stack_size(cpu);
    mem_probe(cpu, op, seg_address(cpu, op, S_SS, trunc_to(sp, n), size, true), size, true);
    if (n == 2) {       /* above SP stands what stands above it in ESP */
        frame = trunc_to(frame, 2) | (cpu->gpr[R_SP] & ~0xffffULL);
    }
    set_sp(cpu, sp);
    reg_set(cpu, R_BP, size, frame);
    return NEXT(cpu, op);
}

static const Op *bound(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz;
    uint64_t at = ea_linear(cpu, op, size, false);
    int64_t v = sext_from(reg_get(cpu, op->i.reg, size), size);

    if (v < sext_from(ld_size(cpu, op, at, size), size)) {
        cpu_raise(cpu, op, EXC_BR);
    }
    at = seg_address(cpu, op, op->i.seg, trunc_to(ea_offset(cpu, op) + size, op->i.adsz), size,
                     false);
    if (v > sext_from(ld_size(cpu, op, at, size), size)) {
        cpu_raise(cpu, op, EXC_BR);
    }
    return NEXT(cpu, op);
}

OpFn *pick_stack(const Insn *i, uint32_t mode)
{
    bool fast = (mode & MODE_CODE_MASK) == MODE_CODE64 && i->opsz == 8;
    bool fast32 = mode_flat32(mode) && i->opsz == 4;
    bool mem = i->flags & INSN_MEM;

    switch (i->op) {
    case OP_PUSH_Zv:
    case OP_PUSH_Ev:
        return fast ? (mem ? push64_m : push64_r) : fast32 ? (mem ? push32_m : push32_r)
                                                           : push_any;
    case OP_PUSH_Iz:
    case OP_PUSH_Is:
        return fast ? push64_i : fast32 ? push32_i : push_any;
    case OP_POP_Zv:
    case OP_POP_Ev:
        return mem ? pop_any : fast ? pop64_r : fast32 ? pop32_r : pop_any;
    case OP_PUSHA:
        return pusha;
    case OP_POPA:
        return popa;
    case OP_LEAVE:
        return fast ? leave64 : fast32 ? leave32 : leave_any;
    case OP_ENTER_Iw_Ib:
        return enter;
    case OP_BOUND_Gv_Ma:
        return bound;
    default:
        return NULL;
    }
}
