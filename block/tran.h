/* Block layer: steps that are all done or all undone */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_TRAN_H
#define BLOCK_TRAN_H

#include <stdbool.h>

typedef struct BlockTran BlockTran;

typedef struct BlockTranOps {
    void (*commit)(void *opaque);       /* all succeeded; in the order of the steps */
    void (*abort)(void *opaque);        /* one failed; in reverse order */
    void (*clean)(void *opaque);        /* afterwards in either case; in order */
} BlockTranOps;

BlockTran *block_tran_new(void);
/* A step was taken that ops end. */
void block_tran_add(BlockTran *tran, const BlockTranOps *ops, void *opaque);
/* Commit or abort, and free. Returns ok. */
bool block_tran_finish(BlockTran *tran, bool ok);

#endif
