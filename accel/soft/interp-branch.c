/* Integer handlers: near jumps, calls, returns, conditional jumps, LOOP, JCXZ; the jump cache */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

static ALWAYS_INLINE const Op *jump_cached(SoftCpu *cpu, uint64_t target)
{
    SoftTlb *tlb = cpu->tlb;
    JumpSlot *slot = &tlb->jump[(target ^ target >> 10) & (JUMP_CACHE_SIZE - 1)];

    cpu->rip = target;
    if (likely(slot->rip == target && slot->gen == tlb->jump_gen && slot->block) &&
        likely(atomic_load_explicit(&slot->block->mode, memory_order_relaxed) == cpu->mode) &&
        likely(!atomic_load_explicit(&cpu->exit_request, memory_order_relaxed))) {
        cpu->link_from = NULL;
        return go_block(cpu, slot->block);
    }
    return NULL;
}

const Op *interp_jump(SoftCpu *cpu, uint64_t target)
{
    return jump_cached(cpu, target);
}

/* The branch itself faults, not the fetch behind it; call before registers change. */
static uint64_t near_target(SoftCpu *cpu, const Op *op, uint64_t target)
{
    bool bad = (cpu->mode & MODE_CODE_MASK) == MODE_CODE64
               ? (uint64_t)((int64_t)(target << 16) >> 16) != target
               : target > cpu->seg[S_CS].limit;

    if (unlikely(bad)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    return target;
}

/* Relative targets wrap to the operand size. */
static uint64_t relative_target(SoftCpu *cpu, const Op *op)
{
    return near_target(cpu, op, trunc_to(cpu->rip + op->i.next + op->i.imm, op->i.opsz));
}

const Op *branch_miss(SoftCpu *cpu, const Op *op, unsigned which)
{
    uint64_t target = which == 0 ? relative_target(cpu, op) : cpu_next_rip(cpu, op);

    cpu->link_from = cpu->block;
    cpu->link_which = which;
    return interp_jump(cpu, target);
}

/* Fault now if the relative branch op, which will be taken, must. If linked, it was right. */
static ALWAYS_INLINE void check_relative(SoftCpu *cpu, const Op *op)
{
    const Link *exits = (const Link *)(op + 2);

    if (unlikely(!atomic_load_explicit(&exits[0].target, memory_order_relaxed))) {
        relative_target(cpu, op);
    }
}

/* Indirect: nothing to link. */
static ALWAYS_INLINE const Op *jump_to(SoftCpu *cpu, uint64_t target)
{
    cpu->link_from = NULL;
    return jump_cached(cpu, target);
}

/* near_target() in 64-bit code. */
static ALWAYS_INLINE uint64_t canonical_target(SoftCpu *cpu, const Op *op, uint64_t target)
{
    if (unlikely((uint64_t)((int64_t)(target << 16) >> 16) != target)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    return target;
}

/* Any stack. The stack pointer is the caller's to commit: returned. */
static uint64_t push_any(SoftCpu *cpu, const Op *op, uint64_t v, unsigned size)
{
    unsigned ss = stack_size(cpu);
    uint64_t sp = trunc_to(cpu->gpr[R_SP] - size, ss);
    uint64_t la = seg_address(cpu, op, S_SS, sp, size, true);

    if (size == 2) {
        mem_st16(cpu, op, la, v);
    } else if (size == 4) {
        mem_st32(cpu, op, la, v);
    } else {
        mem_st64(cpu, op, la, v);
    }
    return sp;
}

static uint64_t stack_top(SoftCpu *cpu, const Op *op, unsigned size)
{
    uint64_t sp = trunc_to(cpu->gpr[R_SP], stack_size(cpu));
    uint64_t la = seg_address(cpu, op, S_SS, sp, size, false);

    return size == 2 ? mem_ld16(cpu, op, la) : size == 4 ? mem_ld32(cpu, op, la) :
           mem_ld64(cpu, op, la);
}

static const Op *jmp_rel(SoftCpu *cpu, const Op *op)
{
    return branch_taken(cpu, op);
}

static const Op *call_rel64(SoftCpu *cpu, const Op *op)
{
    uint64_t sp = cpu->gpr[R_SP] - 8;

    mem_st64(cpu, op, sp, cpu->rip + op->i.next);
    check_relative(cpu, op);        /* in this order, as it shows in memory */
    cpu->gpr[R_SP] = sp;
    return branch_taken(cpu, op);
}

static const Op *call_rel32(SoftCpu *cpu, const Op *op)
{
    uint32_t sp = cpu->gpr[R_SP] - 4;

    mem_st32(cpu, op, sp, cpu->rip + op->i.next);
    check_relative(cpu, op);
    cpu->gpr[R_SP] = sp;
    return branch_taken(cpu, op);
}

static const Op *call_rel(SoftCpu *cpu, const Op *op)
{
    uint64_t sp = push_any(cpu, op, cpu_next_rip(cpu, op), op->i.opsz);

    check_relative(cpu, op);
    reg_set(cpu, R_SP, stack_size(cpu), sp);
    return branch_taken(cpu, op);
}

static const Op *ret64(SoftCpu *cpu, const Op *op)
{
    uint64_t sp = cpu->gpr[R_SP];
    uint64_t target = canonical_target(cpu, op, mem_ld64(cpu, op, sp));

    cpu->gpr[R_SP] = sp + 8 + op->i.imm;
    return jump_to(cpu, target);
}

static const Op *ret32(SoftCpu *cpu, const Op *op)
{
    uint32_t sp = cpu->gpr[R_SP];
    uint32_t target = near_target(cpu, op, mem_ld32(cpu, op, sp));

    cpu->gpr[R_SP] = (uint32_t)(sp + 4 + op->i.imm);
    return jump_to(cpu, target);
}

static const Op *ret_any(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz, ss = stack_size(cpu);
    uint64_t target = near_target(cpu, op, stack_top(cpu, op, size));

    reg_set(cpu, R_SP, ss, cpu->gpr[R_SP] + size + op->i.imm);
    return jump_to(cpu, target);
}

static uint64_t target_operand(SoftCpu *cpu, const Op *op)
{
    switch (op->i.opsz) {
    case 2:
        return e_get(cpu, op, 2);
    case 4:
        return e_get(cpu, op, 4);
    default:
        return e_get(cpu, op, 8);
    }
}

static const Op *jmp_r64(SoftCpu *cpu, const Op *op)
{
    return jump_to(cpu, canonical_target(cpu, op, cpu->gpr[op->i.rm]));
}

static const Op *jmp_ind(SoftCpu *cpu, const Op *op)
{
    return jump_to(cpu, near_target(cpu, op, target_operand(cpu, op)));
}

static const Op *call_ind64(SoftCpu *cpu, const Op *op)
{
    uint64_t target = e_get(cpu, op, 8), sp = cpu->gpr[R_SP] - 8;

    mem_st64(cpu, op, sp, cpu->rip + op->i.next);
    canonical_target(cpu, op, target);
    cpu->gpr[R_SP] = sp;
    return jump_to(cpu, target);
}

static const Op *call_ind(SoftCpu *cpu, const Op *op)
{
    uint64_t target = target_operand(cpu, op);
    uint64_t sp = push_any(cpu, op, cpu_next_rip(cpu, op), op->i.opsz);

    near_target(cpu, op, target);
    reg_set(cpu, R_SP, stack_size(cpu), sp);
    return jump_to(cpu, target);
}

#define JCC_FN(cc, cond)                                                                    \
    static const Op *j##cc(SoftCpu *cpu, const Op *op)                                      \
    {                                                                                       \
        return branch_cond(cpu, op, cc_cond(cpu, cond));                                    \
    }
JCC_FN(o, COND_O)
JCC_FN(no, COND_NO)
JCC_FN(b, COND_B)
JCC_FN(ae, COND_NB)
JCC_FN(e, COND_Z)
JCC_FN(ne, COND_NZ)
JCC_FN(be, COND_BE)
JCC_FN(a, COND_NBE)
JCC_FN(s, COND_S)
JCC_FN(ns, COND_NS)
JCC_FN(p, COND_P)
JCC_FN(np, COND_NP)
JCC_FN(l, COND_L)
JCC_FN(ge, COND_NL)
JCC_FN(le, COND_LE)
JCC_FN(g, COND_NLE)
static OpFn *const jcc_table[16] = {
    jo, jno, jb, jae, je, jne, jbe, ja, js, jns, jp, jnp, jl, jge, jle, jg,
};

/* LOOP and JCXZ count in CX, ECX or RCX by address size. */
static const Op *loop(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.adsz;
    uint64_t count = trunc_to(cpu->gpr[R_CX] - 1, size);
    bool taken = count != 0;

    if (op->i.op != OP_LOOP_Jb) {
        taken = taken && cc_zero(cpu) == (op->i.op == OP_LOOPE_Jb);
    }
    if (taken) {
        check_relative(cpu, op);
    }
    reg_set(cpu, R_CX, size, count);
    return branch_cond(cpu, op, taken);
}

static const Op *jcxz(SoftCpu *cpu, const Op *op)
{
    return branch_cond(cpu, op, trunc_to(cpu->gpr[R_CX], op->i.adsz) == 0);
}

OpFn *pick_branch(const Insn *i, uint32_t mode)
{
    bool flat64 = (mode & MODE_CODE_MASK) == MODE_CODE64;
    bool flat32 = mode_flat32(mode) && i->opsz == 4;

    if (i->op >= OP_JO_Jb && i->op <= OP_CMOVG_Gv_Ev) {
        return (i->op - OP_JO_Jb) % 4 < 2 ? jcc_table[(i->op - OP_JO_Jb) / 4] : NULL;
    }
    switch (i->op) {
    case OP_JMP_Jb:
    case OP_JMP_Jz:
        return jmp_rel;
    case OP_CALL_Jz:
        return flat64 ? call_rel64 : flat32 ? call_rel32 : call_rel;
    case OP_RET:
    case OP_RET_Iw:
        return flat64 ? ret64 : flat32 ? ret32 : ret_any;
    case OP_JMP_Ev:
        return flat64 && !(i->flags & INSN_MEM) ? jmp_r64 : jmp_ind;
    case OP_CALL_Ev:
        return flat64 ? call_ind64 : call_ind;
    case OP_LOOP_Jb:
    case OP_LOOPE_Jb:
    case OP_LOOPNE_Jb:
        return loop;
    case OP_JCXZ_Jb:
        return jcxz;
    default:
        return NULL;
    }
}
