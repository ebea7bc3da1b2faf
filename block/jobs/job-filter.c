/* Filters of jobs: insert, remove, pass on */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/jobs/job-filter.h"

void job_filter_prepare(BlockNode *filter, bool implicit, const BlockNode *below)
{
    filter->implicit = implicit;
    filter->read_only = below->read_only;
    filter->limits = below->limits;
    filter->length = below->length;
}

bool co_job_filter_put(BlockNode *filter, bool implicit, BlockNode *below, Error **errp)
{
    bool ok;

    job_filter_prepare(filter, implicit, below);
    co_drain_begin(below);
    ok = block_node_append(filter, below, errp);
    block_drain_end(below);
    if (!ok) {
        block_node_unref(filter);
    }
    return ok;
}

BlockNode *co_job_filter_insert(const BlockDriver *driver, const char *name, BlockNode *below,
                                Error **errp)
{
    BlockNode *filter = block_node_new_internal(driver, name, errp);

    return filter && co_job_filter_put(filter, !name, below, errp) ? filter : NULL;
}

void co_job_filter_remove(BlockNode *filter)
{
    co_drain_begin(filter);
    /* What its users want of it, they may want of what is below: they did so before. */
    g_assert(block_node_remove_filter(filter, NULL));
    block_drain_end(filter);
    block_node_unref(filter);
}

int co_job_filter_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                         unsigned niov)
{
    return co_node_preadv(node->file->node, offset, bytes, iov, niov);
}

int co_job_filter_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov, unsigned flags)
{
    return co_node_pwritev(node->file->node, offset, bytes, iov, niov, flags);
}

int co_job_filter_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    return co_node_pwrite_zeroes(node->file->node, offset, bytes, flags);
}

int co_job_filter_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    return co_node_pdiscard(node->file->node, offset, bytes);
}

int co_job_filter_flush(BlockNode *node)
{
    return node->file ? co_node_flush(node->file->node) : 0;    /* none when it closes */
}

bool co_job_filter_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                            unsigned flags, Error **errp)
{
    if (!co_node_truncate(node->file->node, length, exact, prealloc, flags, errp)) {
        return false;
    }
    block_node_set_length(node, node->file->node->length);
    return true;
}
