/* The instruction fuzzer's parts: cases, the native run, the interpreter's run */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CPU_FUZZ_H
#define TESTS_CPU_FUZZ_H

#include <glib.h>

#include "accel/soft/insn-info.h"

/* Everything a ring 3 program can see of its CPU, before or after one instruction. */
typedef struct FuzzState {
    uint64_t gpr[16], rip;
    uint64_t gs_base;
    uint32_t eflags;            /* arithmetic flags and DF */
    int vector;                 /* the exception, or -1 */
    uint32_t error;
    uint64_t cr2;               /* for #PF */
    uint8_t fx[512] __attribute__((aligned(16)));   /* FXSAVE64 image */
    uint8_t ymm_high[16][16];
} FuzzState;

/* The sandbox: the same linear addresses and contents natively and in the guest; nothing around. */
typedef struct FuzzArea {
    uint64_t addr;
    unsigned pages;
    bool writable, code;
} FuzzArea;

enum {
    AREA_CODE, AREA_DATA, AREA_CONST, AREA_STACK, NR_AREAS,
    PAGE = 4096,
    FUZZ_TSS = 0x20100000,      /* the guest has one, not for ring 3 */
};
extern const FuzzArea fuzz_areas[NR_AREAS];
/* Total pages, and where an area's pages are in FuzzMemory. */
#define FUZZ_PAGES 6
typedef uint8_t FuzzMemory[FUZZ_PAGES * PAGE];
unsigned fuzz_area_offset(unsigned area);

/*
 * Segments other than the flat ones of Linux, by entries of the LDT: for 16-bit
 * code, and for limits and bases in 32-bit code. DS and ES are one.
 */
typedef struct FuzzSeg {
    uint32_t base, limit;
    bool big, down;             /* D or B; expand-down */
} FuzzSeg;
typedef struct FuzzSegs {
    FuzzSeg code, data, stack;
} FuzzSegs;
enum { NR_FUZZ_SEGS = 8 };
extern const FuzzSegs fuzz_segs[NR_FUZZ_SEGS];
/* Its selectors are this and the next two; the RPL is 3. */
static inline uint16_t fuzz_selector(const FuzzSegs *segs)
{
    return (segs - fuzz_segs) * 3 << 3 | 7;
}

typedef struct FuzzCase {
    unsigned mode;              /* MODE_CODE16, MODE_CODE32 or MODE_CODE64 */
    const FuzzSegs *segs;       /* NULL: the flat ones; never in 16-bit, always in 64-bit code */
    uint8_t bytes[16];
    unsigned len;
    Insn insn;
    bool sequence;              /* runs until it faults, the last instruction being UD2 */
    FuzzState in;
} FuzzCase;

/* A handful of instructions in a row, with short jumps forward among them. */
enum { SEQ_MAX = 12, SEQ_BYTES = SEQ_MAX * 16 };
typedef struct FuzzSequence {
    FuzzCase c;                 /* what the runs need; insn: the one that faulted, set afterwards */
    unsigned nr;
    Insn insn[SEQ_MAX + 1];     /* the last is UD2 */
    uint16_t at[SEQ_MAX + 2];   /* offsets from in.rip */
    uint16_t undefined[SEQ_MAX + 1];    /* flags whose value before that instruction is open */
    uint8_t bytes[SEQ_BYTES];
} FuzzSequence;

/* fuzz-gen.c: is the form one that may be run natively and compared? */
bool fuzz_op_eligible(unsigned op, unsigned mode);
/* Choose segments for c->mode. */
void fuzz_choose_segs(FuzzCase *c, GRand *rand);
/* Where the memory begins that this segment register (S_*) of the case shows. */
uint64_t fuzz_seg_base(const FuzzCase *c, unsigned seg);
/* Make a case of that form; memory's contents are adjusted too. False: try again. */
bool fuzz_make(FuzzCase *c, unsigned op, unsigned mode, GRand *rand, FuzzMemory *memory);
/* Pieces of fuzz_make(): bytes of the form (mode is set); a state; operands to their places. */
bool fuzz_encode(FuzzCase *c, unsigned op, GRand *rand, unsigned *disp_at);
void fuzz_random_state(FuzzCase *c, GRand *rand);
void fuzz_aim(FuzzCase *c, GRand *rand, unsigned disp_at);
/* fuzz-seq.c */
void fuzz_make_sequence(FuzzSequence *s, unsigned mode, GRand *rand, FuzzMemory *memory,
                        const GArray *ops);
/* Contents with all kinds of numbers in them. */
void fuzz_fill(FuzzMemory *memory, GRand *rand);

/* fuzz-native.c: false when this host has no LDT, which 16-bit code needs. */
bool fuzz_native_has_ldt(void);
/* False when this host cannot. Then run a case on the host CPU. */
bool fuzz_native_init(void);
void fuzz_native_run(const FuzzCase *c, FuzzMemory *memory, FuzzState *out);

/* fuzz-soft.c: the same in the interpreter. */
void fuzz_soft_init(bool one_insn);
void fuzz_soft_run(const FuzzCase *c, FuzzMemory *memory, FuzzState *out);

#endif
