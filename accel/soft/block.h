/* Block: a run of decoded guest instructions, and the table of all of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_BLOCK_H
#define ACCEL_SOFT_BLOCK_H

#include <glib.h>

#include "accel/soft/soft-cpu.h"

#define BLOCK_MAX_INSNS 64
#define BLOCK_DEAD 0xffffffffu  /* Block.mode when it may not be entered any more */

/* One exit of a block, and its place in the list of those that lead to its target. */
typedef struct Link {
    _Atomic(Block *) target;
    Block *from;
    struct Link *next;
} Link;

/*
 * Key: (phys, rip, mode); phys2 is the second page's address when the last
 * instruction crosses a page, else -1. Immutable once published, but for:
 * its exits (any vCPU links), the fn of ops and mode (when it dies).
 */
struct Block {
    uint64_t rip, phys, phys2;
    uint64_t ram, ram2;             /* the same as flat RAM addresses, for smc.c */
    _Atomic uint32_t mode;          /* MODE_*, or BLOCK_DEAD */
    uint16_t size;                  /* bytes */
    uint16_t nr_insn;
    uint32_t nr_ops;                /* with the terminator */
    uint32_t key_mode;
    Link *in;                       /* links that lead here */
    _Atomic(Block *) hash_next;
    Block *page_next[2];            /* lists of the one or two code pages, see block-int.h */
    Block **page_link[2];           /* what points here in them */
    Block *retired_next;
    uint64_t retired_at;
    Op ops[];                       /* nr_insn, the terminator, then Link[2]: taken, fallthrough */
};

/* The exits are behind the ops so that a branch finds them without a load: op + 1 or op + 2. */
static inline Link *block_exits(Block *b)
{
    return (Link *)&b->ops[b->nr_ops];
}

/* Find or build the block at cpu->rip. May raise #PF, #GP, #DB. Also the vCPU's quiet point. */
Block *block_lookup(SoftCpu *cpu);
/* Link what cpu->link_from asked for to b, if both are of one page. */
void block_link(SoftCpu *cpu, Block *b);
/* A vCPU comes and goes; while it is out (halted, in the main loop) nobody waits for it. */
void block_cpu_init(SoftCpu *cpu);
void block_cpu_free(SoftCpu *cpu);
void block_cpu_outside(SoftCpu *cpu);

/* Instruction breakpoints were set or removed, or one-insn was switched: build anew. */
void block_set_one_insn(bool on);
/* Drop the blocks with code at this linear address, in whatever address space. */
void block_drop_at(uint64_t la);

/* "info jit" */
void block_print_stats(GString *out);

/* block-analyse.c: flags that are dead, pairs that fuse. */
void block_analyse(Op *ops, unsigned nr);

#endif
