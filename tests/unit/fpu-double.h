/* FP and SIMD handlers alone on a flat stretch of memory, and the host as their oracle */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_FPU_DOUBLE_H
#define TESTS_UNIT_FPU_DOUBLE_H

#include "accel/soft/decode.h"
#include "accel/soft/fpu.h"

/* Guest memory: at the same address for the guest and for the host. */
#define MEM_PAGES 3
#define MEM_SIZE (MEM_PAGES * 4096)

/* All that an instruction may read or write, as the host has it. */
typedef struct FpuState {
    uint8_t fx[FXSAVE_SIZE] ALIGNED(64);    /* x87 and MXCSR; XMM unused */
    VecReg vec[16];
    uint64_t gpr[16];
    uint64_t flags;
    uint64_t host_rsp;
    uint8_t mem[MEM_SIZE] ALIGNED(4096);
} FpuState;

typedef struct FpuOutcome {
    int vector;             /* exception, -1 none */
    uint32_t mxcsr;         /* after one */
} FpuOutcome;

/* The state the host runs on; in the low 2 GiB, so that code can name it absolutely. */
extern FpuState *fpu_host;
/* The handlers' CPU. Its memory is fpu_guest_mem, seen by it at fpu_host->mem. */
extern SoftCpu *fpu_cpu;
extern uint8_t fpu_guest_mem[MEM_SIZE];
/* Answer all memory accesses by the slow path. */
extern bool fpu_no_tlb;

void fpu_double_init(void);
/* fpu_cpu and fpu_guest_mem as fpu_host has it. */
void fpu_copy_from_host(void);
/* Run the instruction on fpu_host. */
FpuOutcome fpu_run_host(const uint8_t *bytes, unsigned len);
/* The same through decoder, picker and handler on fpu_cpu. */
FpuOutcome fpu_run_guest(const uint8_t *bytes, unsigned len, Insn *insn);
/* Pick in another mode, and run. */
extern uint32_t fpu_mode;
/* Compare; on a difference prints the instruction and what differs. flags: EFLAGS to compare. */
bool fpu_compare(const Insn *insn, const uint8_t *bytes, uint32_t flags);
/* Sizes of stretches of numbers with character. */
void fpu_random_floats(GRand *rand, void *to, unsigned size, unsigned float_size);
void fpu_random_x87(GRand *rand);

#endif
