/* Mirror: dirty ranges to the target, several at a time */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drain.h"
#include "block/jobs/mirror-int.h"

#define MAX_OPS 16
#define MAX_OP_BYTES (1024 * 1024)

/* Wait until nobody writes there. Anything may have changed then. False: nobody did. */
static bool co_wait_overlap_once(Mirror *s, int64_t offset, int64_t bytes)
{
    MirrorOp *op;

    list_for_each(op, &s->ops, MirrorOp, link) {
        if (op->offset < offset + bytes && offset < op->offset + op->bytes) {
            co_queue_wait(&op->done, NULL);
            return true;
        }
    }
    return false;
}

void co_mirror_wait_overlap(Mirror *s, int64_t offset, int64_t bytes)
{
    while (co_wait_overlap_once(s, offset, bytes)) {
    }
}

void mirror_op_begin(Mirror *s, MirrorOp *op, int64_t offset, int64_t bytes)
{
    op->mirror = s;
    op->offset = offset;
    op->bytes = bytes;
    co_queue_init(&op->done);
    list_append(&s->ops, &op->link);
    s->nr_ops++;
    s->op_bytes += bytes;
}

void mirror_op_end(MirrorOp *op)
{
    Mirror *s = op->mirror;

    list_remove(&op->link);
    s->nr_ops--;
    s->op_bytes -= op->bytes;
    co_queue_wake_all(&op->done);
    co_queue_wake_all(&s->op_done);
    block_drain_kick();
}

void mirror_failed(Mirror *s, bool is_read, int64_t offset, int64_t bytes, int ret)
{
    BlockdevOnError policy = is_read ? s->on_source_error : s->on_target_error;

    block_dirty_bitmap_set(s->dirty, offset, bytes);
    if (block_job_error(&s->base, policy, is_read, -ret) == BLOCK_ERROR_ACTION_REPORT &&
        !s->ret) {
        s->ret = ret;
    }
}

static int co_copy(MirrorOp *op, bool *is_read)
{
    Mirror *s = op->mirror;
    void *buf = block_job_buffer(&s->base, op->bytes);
    int ret = buf ? co_node_pread(s->source, op->offset, buf, op->bytes) : -ENOMEM;

    *is_read = ret < 0;
    if (ret >= 0) {
        ret = co_node_pwrite(s->target, op->offset, buf, op->bytes);
    }
    block_job_buffer_done(&s->base, buf, op->bytes);
    return ret;
}

static void co_op(void *opaque)
{
    MirrorOp *op = opaque;
    Mirror *s = op->mirror;
    bool is_read = false;
    int ret;

    switch (op->kind) {
    case MIRROR_ZERO:
        ret = co_node_pwrite_zeroes(s->target, op->offset, op->bytes,
                                    s->unmap ? BLOCK_REQ_MAY_UNMAP : 0);
        break;
    case MIRROR_DISCARD:
        ret = co_node_pdiscard(s->target, op->offset, op->bytes);
        break;
    default:
        ret = co_copy(op, &is_read);
        break;
    }
    if (ret < 0) {
        mirror_failed(s, is_read, op->offset, op->bytes, ret);
    } else {
        job_progress_add(&s->base.job, op->bytes);
    }
    mirror_op_end(op);
    g_free(op);
}

/* The next dirty range, in whole granules, that begins at or behind the last one. */
static bool next_dirty(Mirror *s, int64_t *offset, int64_t *bytes)
{
    int64_t length = s->source->length, max = MAX(MAX_OP_BYTES, s->granularity);

    if (block_dirty_bitmap_next_area(s->dirty, s->position, length, max, offset, bytes)) {
        return true;
    }
    return s->position && block_dirty_bitmap_next_area(s->dirty, 0, s->position, max, offset,
                                                       bytes);
}

/* How to copy what begins at offset, and how much of it that holds for. */
static int co_kind(Mirror *s, int64_t offset, int64_t *bytes)
{
    int64_t n, max = *bytes;
    int status = co_node_block_status_above(s->source, NULL, true, offset, max, &n, NULL, NULL);

    if (status < 0 || n < s->granularity) {
        *bytes = MIN(max, s->granularity);
        return MIRROR_COPY;         /* reading will tell */
    }
    *bytes = n == max ? n : ROUND_DOWN(n, s->granularity);
    if (status & BLOCK_ZERO) {
        return MIRROR_ZERO;
    }
    return status & BLOCK_DATA ? MIRROR_COPY : MIRROR_ZERO;
}

bool co_mirror_copy_next(Mirror *s)
{
    int64_t offset, bytes;
    MirrorOp *op;
    int kind;

    if (s->nr_ops >= MAX_OPS || (s->nr_ops && s->op_bytes >= s->buf_size) ||
        !next_dirty(s, &offset, &bytes)) {
        return false;
    }
    bytes = MIN(bytes, MAX(s->buf_size, s->granularity));
    kind = co_kind(s, offset, &bytes);
    if (co_wait_overlap_once(s, offset, bytes)) {
        return true;                /* look again */
    }
    bytes = MIN(bytes, s->source->length - offset);
    /* Clean before it is read: what is written from now on makes it dirty again. */
    block_dirty_bitmap_reset(s->dirty, offset, bytes);
    s->position = offset + bytes;
    s->unthrottled += bytes;
    op = g_new0(MirrorOp, 1);
    op->kind = kind;
    mirror_op_begin(s, op, offset, bytes);
    co_enter(co_create(co_op, op));
    return true;
}

void co_mirror_wait_one(Mirror *s)
{
    co_queue_wait(&s->op_done, NULL);
}

void co_mirror_wait_all(Mirror *s)
{
    while (s->nr_ops) {
        co_mirror_wait_one(s);
    }
}
