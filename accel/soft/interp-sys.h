/* What the files of system instructions share: handler shapes, operands, privilege checks */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_INTERP_SYS_H
#define ACCEL_SOFT_INTERP_SYS_H

#include "accel/soft/insn-info.h"
#include "accel/soft/interp.h"
#include "accel/soft/seg.h"
#include "accel/vcpu.h"

/*
 * A handler is a plain function do_NAME(cpu, op) and one of these shapes around
 * it (out of line, so that its locals do not keep NEXT from being a jump): go on in the block; leave behind the instruction; cpu->rip is set already.
 */
#define SYS_NEXT(name)                                                          \
    static const Op *op_##name(SoftCpu *cpu, const Op *op)                      \
    {                                                                           \
        do_##name(cpu, op);                                                     \
        return NEXT(cpu, op);                                                   \
    }
#define SYS_END(name)                                                           \
    static const Op *op_##name(SoftCpu *cpu, const Op *op)                      \
    {                                                                           \
        do_##name(cpu, op);                                                     \
        return END_BLOCK(cpu, op);                                              \
    }
#define SYS_JUMP(name)                                                          \
    static const Op *op_##name(SoftCpu *cpu, const Op *op)                      \
    {                                                                           \
        do_##name(cpu, op);                                                     \
        return LEAVE(cpu);                                                      \
    }

/* The pickers of the other files; NULL when the form is not theirs. */
OpFn *pick_sys_cr(const Insn *insn, uint32_t mode);
OpFn *pick_sys_seg(const Insn *insn, uint32_t mode);
OpFn *pick_sys_flow(const Insn *insn, uint32_t mode);
OpFn *pick_sys_io(const Insn *insn, uint32_t mode);

static inline uint64_t mem_ld(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    return size == 8 ? mem_ld64(cpu, op, la) : size == 4 ? mem_ld32(cpu, op, la)
         : size == 2 ? mem_ld16(cpu, op, la) : mem_ld8(cpu, op, la);
}
static inline void mem_st(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t v, unsigned size)
{
    if (size == 8) {
        mem_st64(cpu, op, la, v);
    } else if (size == 4) {
        mem_st32(cpu, op, la, v);
    } else if (size == 2) {
        mem_st16(cpu, op, la, v);
    } else {
        mem_st8(cpu, op, la, v);
    }
}

/* A 16-bit source that is a register or memory. */
static inline uint16_t ew_get(SoftCpu *cpu, const Op *op)
{
    return op->i.flags & INSN_MEM ? mem_ld16(cpu, op, ea_linear(cpu, op, 2, false))
                                  : (uint16_t)cpu->gpr[op->i.rm];
}

/* The operand size that 66 and the mode give, for forms whose table width is fixed. */
static inline unsigned opsize_16_32(const SoftCpu *cpu, const Op *op)
{
    bool code16 = (cpu->mode & MODE_CODE_MASK) == MODE_CODE16;

    return code16 != !!(op->i.prefix & PFX_OPSIZE) ? 2 : 4;
}

/* UMIP: the store-system-register instructions are kernel matter then. */
static inline void check_umip(SoftCpu *cpu, const Op *op)
{
    if ((cpu->cr4 & CR4_UMIP) && cpu->cpl) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
}

static inline void set_zf(SoftCpu *cpu, bool zf)
{
    cpu_set_flags(cpu, (cpu_get_flags(cpu) & ~FL_ZF) | (zf ? FL_ZF : 0));
}

/* IF, privilege or TPR changed such that an event may have become due. */
static inline void recheck_events(SoftCpu *cpu)
{
    if (cpu->vcpu->pending) {
        atomic_fetch_or_explicit(&cpu->exit_request, EXIT_EVENT, memory_order_relaxed);
    }
}

#endif
