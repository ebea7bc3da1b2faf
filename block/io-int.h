/* Requests to nodes, what io.c, io-zero.c and resize.c share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_IO_INT_H
#define BLOCK_IO_INT_H

#include "block/graph-int.h"
#include "block/track.h"

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
