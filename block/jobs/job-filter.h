/* Filters that jobs put on top of the node they work with, and take away again */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_JOB_FILTER_H
#define BLOCK_JOBS_JOB_FILTER_H

#include "block/driver.h"

/*
 * A filter of the job's on top of below, whose users go over to it. name: NULL
 * hides it from queries. Whoever gets it holds a reference. NULL with errp.
 */
BlockNode *co_job_filter_insert(const BlockDriver *driver, const char *name, BlockNode *below,
                                Error **errp);
/* The same with a node made by block_node_new_internal(); on failure that goes. */
bool co_job_filter_put(BlockNode *filter, bool implicit, BlockNode *below, Error **errp);
/* What that does first: it looks like what it will stand on. */
void job_filter_prepare(BlockNode *filter, bool implicit, const BlockNode *below);
/* It leaves, and the reference goes; what stood on it stands on what is below. */
void co_job_filter_remove(BlockNode *filter);

/* For BlockDriver: pass everything on to "file". */
int co_job_filter_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                         unsigned niov);
int co_job_filter_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov, unsigned flags);
int co_job_filter_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags);
int co_job_filter_pdiscard(BlockNode *node, int64_t offset, int64_t bytes);
int co_job_filter_flush(BlockNode *node);
bool co_job_filter_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                            unsigned flags, Error **errp);
#define JOB_FILTER_DRIVER                                                                    \
    .filter = true, .co_preadv = co_job_filter_preadv, .co_pwritev = co_job_filter_pwritev,  \
    .co_pwrite_zeroes = co_job_filter_pwrite_zeroes,                                         \
    .co_pdiscard = co_job_filter_pdiscard, .co_flush = co_job_filter_flush,                  \
    .co_truncate = co_job_filter_truncate, .handles_fua = true

#endif
