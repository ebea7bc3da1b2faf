/* Requests to nodes, what io.c, io-zero.c and resize.c share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_IO_INT_H
#define BLOCK_IO_INT_H

#include "block/graph-int.h"

/*
 * A request under way. One that reads, modifies and writes whole units
 * excludes all that overlap it; each waits only for those that came before
 * it, so that no circle of waiting can arise.
 */
typedef struct Tracked {
    int64_t offset, end;
    bool exclusive;
    CoQueue done;
    ListLink link;
} Tracked;

void co_track_begin(BlockNode *node, Tracked *t, int64_t offset, int64_t bytes, bool exclusive);
void block_track_end(BlockNode *node, Tracked *t);

/* 0 or what the caller gets: within the node, writable, growing where that is allowed. */
int block_check_read(const BlockNode *node, int64_t offset, int64_t bytes);
int block_check_write(const BlockNode *node, int64_t offset, int64_t bytes);
/* A write of whichever kind has ended: what remembers writes is told. */
void block_written(BlockNode *node, int64_t offset, int64_t bytes, int ret);

static inline uint32_t block_alignment(const BlockNode *node)
{
    return MAX(node->limits.request_alignment, 1);
}

/* Tracked and split as the driver needs it, without checks. */
int co_block_rw(BlockNode *node, bool is_write, int64_t offset, int64_t bytes,
                const struct iovec *iov, unsigned niov, unsigned flags);

#endif
