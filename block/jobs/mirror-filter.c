/* Mirror: the filter above the source, which can copy what the guest writes at once */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/jobs/job-filter.h"
#include "block/jobs/mirror-int.h"
#include "util/iov.h"

typedef struct FilterState {
    Mirror *mirror;             /* NULL: the job has ended */
} FilterState;

void mirror_filter_set_job(BlockNode *filter, Mirror *s)
{
    ((FilterState *)filter->state)->mirror = s;
}

static Mirror *active_job(BlockNode *node)
{
    Mirror *s = ((FilterState *)node->state)->mirror;

    return s && s->active && s->ret >= 0 && !job_is_cancelled(&s->base.job) ? s : NULL;
}

typedef enum Kind { WRITE, ZEROES, DISCARD } Kind;

static int co_request(BlockNode *node, Kind kind, int64_t offset, int64_t bytes,
                      const struct iovec *iov, unsigned niov, unsigned flags)
{
    switch (kind) {
    case ZEROES:
        return co_node_pwrite_zeroes(node, offset, bytes, flags);
    case DISCARD:
        return co_node_pdiscard(node, offset, bytes);
    default:
        return co_node_pwritev(node, offset, bytes, iov, niov, flags);
    }
}

/* Granules that were written as a whole need no second copy. */
static void clean(Mirror *s, int64_t offset, int64_t bytes)
{
    int64_t end = offset + bytes, first = ROUND_UP(offset, s->granularity);

    end = end == s->source->length ? end : ROUND_DOWN(end, s->granularity);
    if (first < end) {
        block_dirty_bitmap_reset(s->dirty, first, end - first);
    }
}

static int co_write_both(BlockNode *node, Mirror *s, Kind kind, int64_t offset, int64_t bytes,
                         const struct iovec *iov, unsigned niov, unsigned flags)
{
    void *buf = kind == WRITE ? block_try_alloc(bytes) : NULL;
    struct iovec copy = { buf, bytes };
    MirrorOp op;
    int ret, target_ret;

    if (kind == WRITE) {
        if (!buf) {
            return -ENOMEM;
        }
        iov_to_buf(iov, niov, 0, buf, bytes);   /* the guest may change it in between */
    }
    co_mirror_wait_overlap(s, offset, bytes);
    mirror_op_begin(s, &op, offset, bytes);
    ret = co_request(node->file->node, kind, offset, bytes, &copy, 1, flags);
    if (ret >= 0 && active_job(node) == s) {
        clean(s, offset, bytes);
        target_ret = co_request(s->target, kind, offset, bytes, &copy, 1,
                                flags & ~BLOCK_REQ_UNCHANGED);
        if (target_ret < 0) {
            mirror_failed(s, false, offset, bytes, target_ret);
        }
    }
    mirror_op_end(&op);
    free(buf);
    return ret;
}

static int co_pass(BlockNode *node, Kind kind, int64_t offset, int64_t bytes,
                   const struct iovec *iov, unsigned niov, unsigned flags)
{
    Mirror *s = active_job(node);

    return s ? co_write_both(node, s, kind, offset, bytes, iov, niov, flags)
             : co_request(node->file->node, kind, offset, bytes, iov, niov, flags);
}

static int co_mirror_filter_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                                    const struct iovec *iov, unsigned niov, unsigned flags)
{
    return co_pass(node, WRITE, offset, bytes, iov, niov, flags);
}

static int co_mirror_filter_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes,
                                          unsigned flags)
{
    return co_pass(node, ZEROES, offset, bytes, NULL, 0, flags);
}

static int co_mirror_filter_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    return co_pass(node, DISCARD, offset, bytes, NULL, 0, 0);
}

/*
 * The layers above the base of a commit hold what the base had and has no
 * more; only all of the chain together is consistent.
 */
static void mirror_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                              uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    Mirror *s = ((FilterState *)node->state)->mirror;

    *child_perm = s && s->commit ? perm & ~BLOCK_PERM_CONSISTENT_READ : perm;
    *child_shared = s && s->commit ? BLOCK_PERM_ALL : shared;
}

const BlockDriver mirror_filter = {
    .name = "mirror_top", .desc = "what a mirror watches writes with",
    .size = sizeof(FilterState), .filter = true, .handles_fua = true,
    .child_perm = mirror_child_perm, .co_preadv = co_job_filter_preadv,
    .co_pwritev = co_mirror_filter_pwritev, .co_pwrite_zeroes = co_mirror_filter_pwrite_zeroes,
    .co_pdiscard = co_mirror_filter_pdiscard, .co_flush = co_job_filter_flush,
};
