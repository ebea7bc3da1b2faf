/* Shared by interp-x87.c, interp-sse.c and their helpers only */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_FPU_INT_H
#define ACCEL_SOFT_FPU_INT_H

#include "accel/soft/fpu.h"
#include "accel/soft/host-stub.h"
#include "accel/soft/insn-info.h"
#include "accel/soft/interp.h"

/*
 * What pick_sse() and pick_x87() leave in imm: bits 7..0 the immediate, 15..8 the
 * memory operand's size, 31..16 VF_*, 63..32 the offset of the host stub.
 */
enum {
    VF_ALIGN = 1 << 0,      /* #GP unless the memory operand is aligned to its size */
    VF_FLAGS = 1 << 1,      /* writes the arithmetic flags */
    VF_DEST_RM = 1 << 2,    /* the destination is the r/m operand, not the reg operand */
    VF_DEST_NONE = 1 << 3,
    VF_WAIT = 1 << 4,       /* an MMX register is used: x87 mode, pending errors first */
    VF_EASY = 1 << 5,       /* 64-bit flat addressing: see fpu_address() */
    VF_REG_SHIFT = 6,       /* RegKind of the reg operand, of r/m; two bits each */
    VF_RM_SHIFT = 8,
};
typedef enum RegKind { RK_NONE, RK_VEC, RK_MMX, RK_GPR } RegKind;

static inline uint32_t insn_stub(const Insn *i)
{
    return i->imm >> 32;
}
static inline unsigned insn_vf(const Insn *i)
{
    return i->imm >> 16 & 0xffff;
}
static inline unsigned insn_mem_size(const Insn *i)
{
    return i->imm >> 8 & 0xff;
}
static inline void insn_set_stub(const Insn *i, uint32_t stub, unsigned vf, unsigned size,
                                 uint32_t mode)
{
    Insn *copy = (Insn *)i;     /* see pick_x87() in fpu.h */

    if ((mode & MODE_CODE_MASK) == MODE_CODE64 && i->adsz == 8 && i->seg < S_FS) {
        vf |= VF_EASY;
    }
    copy->imm = (uint8_t)copy->imm | size << 8 | vf << 16 | (uint64_t)stub << 32;
}

/* ea_linear() for an instruction that has a stub. */
static ALWAYS_INLINE uint64_t fpu_address(SoftCpu *cpu, const Op *op, unsigned size, bool write)
{
    if (likely(op->i.imm & VF_EASY << 16)) {
        return cpu->gpr[op->i.base] + (cpu->gpr[op->i.index] << op->i.scale) +
               (uint64_t)(int64_t)op->i.disp;
    }
    /* #GP for its alignment goes before #SS for the limit. */
    if ((insn_vf(&op->i) & VF_ALIGN) && unlikely(ea_unchecked(cpu, op) & (size - 1))) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    return ea_linear(cpu, op, size, write);
}

/* Handlers for what may not run in this mode; which exception is decided when it runs. */
const Op *fpu_refuse_x87(SoftCpu *cpu, const Op *op);   /* #NM */
const Op *fpu_refuse_mmx(SoftCpu *cpu, const Op *op);   /* #UD for CR0.EM, else #NM */
const Op *fpu_refuse_sse(SoftCpu *cpu, const Op *op);   /* #UD, or #NM for CR0.TS */
const Op *fpu_refuse_avx(SoftCpu *cpu, const Op *op);

/*
 * Before a waiting x87 or MMX instruction with FSW.ES set. True: go on (the
 * platform ignores the error). False: leave the block, rip is set. Or #MF.
 */
bool x87_pending(SoftCpu *cpu, const Op *op);
#define X87_WAIT(cpu, op)                                                    \
    do {                                                                     \
        if (unlikely((cpu)->fx.fsw & FSW_ES) && !x87_pending(cpu, op)) {     \
            return LEAVE(cpu);                                               \
        }                                                                    \
    } while (0)

/* x87-host.c: the instruction by the host's x87 with the whole state loaded; exact in all cases. */
bool x87_host_prepare(const Insn *i, uint32_t mode);
const Op *x87_host(SoftCpu *cpu, const Op *op);

/* x87-env.c: control words, environment. */
const Op *x87_fldcw(SoftCpu *cpu, const Op *op);
const Op *x87_fnstcw(SoftCpu *cpu, const Op *op);
const Op *x87_fnstsw_mem(SoftCpu *cpu, const Op *op);
const Op *x87_fnstsw_ax(SoftCpu *cpu, const Op *op);
const Op *x87_fnclex(SoftCpu *cpu, const Op *op);
const Op *x87_fninit(SoftCpu *cpu, const Op *op);
const Op *x87_fldenv(SoftCpu *cpu, const Op *op);
const Op *x87_fnstenv(SoftCpu *cpu, const Op *op);
const Op *x87_frstor(SoftCpu *cpu, const Op *op);
const Op *x87_fnsave(SoftCpu *cpu, const Op *op);
const Op *x87_fwait(SoftCpu *cpu, const Op *op);
const Op *x87_nop(SoftCpu *cpu, const Op *op);

/* sse-stub.c: build the stub and set what it needs. False: no such stub. */
bool sse_stub_prepare(const Insn *i, uint32_t mode);
/*
 * Runs the instruction; each pointer names a register's cell or the memory
 * operand. 0: done, destination written. 1: MXCSR flags changed, the result is in
 * fx.result (or in memory), to be committed by the caller.
 */
typedef uint32_t SseStub(void *reg, void *rm, void *vvvv, SoftCpu *cpu, void *is4);

/* The arguments of a stub, kept for a second run. */
typedef struct SseArgs {
    void *reg, *rm, *vvvv, *is4;
} SseArgs;

/* sse-unmasked.c: -1 when it faulted, else what the stub returned. *mxcsr is what it left. */
int sse_run_unmasked(SoftCpu *cpu, const Op *op, const SseArgs *args, uint32_t *mxcsr);

/* sse-special.c: masked and gathered memory operands, MXCSR, VZEROUPPER; NULL: none of them. */
OpFn *pick_sse_special(const Insn *i);
const Op *mmx_emms(SoftCpu *cpu, const Op *op);
/* sse-plain.c: the most frequent instructions as compiled here; NULL: none of them. */
OpFn *pick_sse_plain(const Insn *i);
/* interp-sse.c: the same instruction by its stub. */
const Op *sse_stubbed(SoftCpu *cpu, const Op *op);

/* xsave.c: FXSAVE, XSAVE and their kin; NULL: none of them. */
OpFn *pick_xsave(const Insn *i, uint32_t mode);

#endif
