/* The FP and SIMD half of the software CPU: x87, MMX, SSE, AVX and their state images */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_FPU_H
#define ACCEL_SOFT_FPU_H

#include "accel/soft/soft-cpu.h"

/* x87 status and control word, Intel SDM vol. 1, 8.1.3 and 8.1.5. */
enum {
    FSW_IE = 1 << 0, FSW_DE = 1 << 1, FSW_ZE = 1 << 2, FSW_OE = 1 << 3, FSW_UE = 1 << 4,
    FSW_PE = 1 << 5, FSW_SF = 1 << 6, FSW_ES = 1 << 7, FSW_C0 = 1 << 8, FSW_C1 = 1 << 9,
    FSW_C2 = 1 << 10, FSW_TOP_SHIFT = 11, FSW_TOP = 7 << 11, FSW_C3 = 1 << 14, FSW_B = 1 << 15,
    FSW_EXC = 0x3f,
    FCW_MASKS = 0x3f, FCW_INIT = 0x37f,
};

#define MXCSR_INIT  0x1f80u
#define MXCSR_EXC   0x3fu
#define MXCSR_MASKS 0x1f80u
#define MXCSR_VALID 0xffffu
#define MXCSR_UM    0x0800u
#define MXCSR_FTZ   0x8000u

/* XCR0 and XSTATE_BV bits. */
#define XSTATE_X87 1u
#define XSTATE_SSE 2u
#define XSTATE_AVX 4u
#define XSTATE_ALL (XSTATE_X87 | XSTATE_SSE | XSTATE_AVX)

#define FXSAVE_SIZE 512
#define FX_ST 32        /* ST(0)..ST(7) in 16-byte cells */
#define FX_XMM 160
#define XSAVE_HEADER 512
#define XSAVE_AVX_OFFSET 576
#define XSAVE_SIZE 832

/*
 * The handler of an instruction of class X87 or SSE, or one that raises #UD or #NM.
 * i is the copy inside a block's Op under construction: the upper half of imm is
 * taken for the instruction's host stub.
 */
OpFn *pick_x87(const Insn *i, uint32_t mode);
OpFn *pick_sse(const Insn *i, uint32_t mode);

/* Power-up (cold), or INIT, which leaves the registers as they are. */
void fpu_reset(SoftCpu *cpu, bool cold);
/* MXCSR was changed: reserved bits must be clear. */
void fpu_set_mxcsr(SoftCpu *cpu, uint32_t mxcsr);
/* FCW or FSW was changed: ES, B and what is derived follow. */
void fpu_control_changed(SoftCpu *cpu);

/*
 * The whole state as FXSAVE64 writes it, 16 XMM registers included, and back.
 * Whatever is in buf, what comes of it is a state a guest may have.
 */
void fpu_get_fxsave(const SoftCpu *cpu, uint8_t buf[FXSAVE_SIZE]);
void fpu_set_fxsave(SoftCpu *cpu, const uint8_t buf[FXSAVE_SIZE]);
/* The standard (not compacted) XSAVE image of XSAVE_SIZE bytes, for debuggers and snapshots. */
void fpu_get_xsave(const SoftCpu *cpu, uint8_t buf[XSAVE_SIZE]);
bool fpu_set_xsave(SoftCpu *cpu, const uint8_t buf[XSAVE_SIZE]);

/* Which of XSTATE_* are not in their initial configuration. MXCSR does not count. */
uint32_t fpu_xinuse(const SoftCpu *cpu);
/* The x87 part of an FXSAVE image, bytes 0..23 and 32..159. wide: 64-bit FIP and FDP. */
void fpu_get_x87(const SoftCpu *cpu, uint8_t *buf, bool wide);
void fpu_set_x87(SoftCpu *cpu, const uint8_t *buf, bool wide);
/* FINIT. */
void fpu_init_x87(SoftCpu *cpu);
/* The two-bit tags as FSTENV stores them, computed from the registers. */
uint16_t fpu_full_tags(const SoftCpu *cpu);

/*
 * A waiting instruction met an unmasked x87 exception with CR0.NE = 0: the
 * platform raises FERR# (IRQ 13). True: IGNNE# is asserted, go on. False: the
 * instruction waits for an interrupt (it is tried again). NULL, the default: nothing
 * is connected, go on.
 */
extern bool (*soft_cpu_ferr)(SoftCpu *cpu);

#endif
