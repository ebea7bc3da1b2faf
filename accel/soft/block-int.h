/* Private to block.c, block-build.c and smc.c: code pages, building, killing */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_BLOCK_INT_H
#define ACCEL_SOFT_BLOCK_INT_H

#include <glib.h>

#include "accel/soft/block.h"

/* A page of RAM with code in it, by flat RAM address. Under the block lock. */
typedef struct CodePage {
    uint64_t ram;
    uint64_t granules;      /* 64 bytes each: may hold code; stale bits are possible */
    uint32_t version;       /* changes with every store that a builder might have missed */
    uint32_t nr_blocks, nr_builders;
    Block *blocks;          /* by page_next[0] or [1]: whose ram or ram2 is of this page */
} CodePage;

/* One vCPU as the block table sees it. */
typedef struct BlockCpu {
    SoftCpu *cpu;
    struct BlockCpu *next;
    _Atomic uint64_t seen;  /* epoch at its last quiet point; UINT64_MAX outside soft_cpu_exec() */
    Block *scratch;         /* the last block of code that is not in RAM */
} BlockCpu;

void block_lock(void);
void block_unlock(void);
BlockCpu *block_cpus(void);

/* Under the lock. The block leaves all tables; it is freed later. */
void block_kill(Block *b);
void block_kill_all(void);

/*
 * block-build.c: decode from phys, not in any table yet. phys2: the page behind
 * it in linear space, or RAM_ADDR_NONE. NULL: it is needed and not given.
 */
#define RAM_ADDR_NONE UINT64_MAX
Block *block_build(SoftCpu *cpu, uint64_t phys, uint64_t phys2, uint32_t mode);
/* Handler of a dead block's ops: leave in front of this instruction. */
OpFn block_op_leave;

/* smc.c, under the lock unless said */
/* Without the lock: the page will be read for code. False: it cannot be watched. */
bool smc_begin_build(SoftCpu *cpu, uint64_t phys, uint64_t ram, uint32_t *version);
void smc_end_build(uint64_t ram);
bool smc_unchanged(uint64_t ram, uint32_t version);
void smc_add_block(Block *b);
void smc_remove_block(Block *b);

#endif
