/* copy-before-write: what it keeps of the past, for snapshot-access */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_DRIVERS_COPY_BEFORE_WRITE_H
#define BLOCK_DRIVERS_COPY_BEFORE_WRITE_H

#include "block/driver.h"

bool block_is_cbw(const BlockNode *node);
/*
 * node's data as it was when the filter was made. -EACCES: of a range that
 * was not to be kept or that was discarded, or after a copy failed.
 */
int co_cbw_read_past(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                     unsigned niov);
int co_cbw_past_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                       int64_t *pnum, int64_t *map, BlockNode **file);
/* Nobody will read that again. */
int co_cbw_forget(BlockNode *node, int64_t offset, int64_t bytes);

#endif
