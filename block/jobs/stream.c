/* block-stream: data of the layers below goes up into an image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/jobs/job-filter.h"
#include "block/jobs/stream.h"
#include "block/track.h"
#include "util/iov.h"

#define CHUNK (512 * 1024)

typedef struct Stream {
    BlockJob base;
    BlockNode *filter;          /* what the guest writes passes through it, so it can be held up */
    BlockNode *top, *bottom;
    char *backing_file;
    BlockdevOnError on_error;
    bool frozen, was_read_only;
} Stream;

#define STREAM_OF(job_) container_of(BLOCK_JOB_OF(job_), Stream, base)

/* The filter writes what the image reads as already. */
static void stream_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                              uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    *child_perm = perm | BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED;
    *child_shared = shared;
}

static const BlockDriver stream_filter = {
    .name = "copy-on-read", .desc = "what block-stream works behind",
    JOB_FILTER_DRIVER, .child_perm = stream_child_perm,
};

/* One range that top does not have; nobody else writes to it now. */
static int co_copy_range(Stream *s, uint8_t *buf, int64_t offset, int64_t bytes)
{
    int ret = co_node_is_zero(s->top, offset, bytes);

    if (ret <= 0) {
        ret = co_node_pread(s->top, offset, buf, bytes);
        if (ret < 0) {
            return ret;
        }
        ret = buf_is_zero(buf, bytes);
    }
    if (ret) {
        return co_node_pwrite_zeroes(s->top, offset, bytes, BLOCK_REQ_UNCHANGED);
    }
    return co_node_pwritev(s->top, offset, bytes, &(struct iovec){ buf, bytes }, 1,
                           BLOCK_REQ_UNCHANGED);
}

static int co_copy_up(Stream *s, int64_t offset, int64_t bytes)
{
    uint8_t *buf = block_job_buffer(&s->base, bytes);
    int64_t end = offset + bytes, n;
    Tracked request;
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    co_track_begin(s->filter, &request, offset, bytes, true);
    while (offset < end && ret >= 0) {
        ret = co_node_is_allocated(s->top, offset, end - offset, &n);
        if (!ret) {
            ret = co_copy_range(s, buf, offset, n);
        }
        offset += n;
    }
    block_track_end(s->filter, &request);
    block_job_buffer_done(&s->base, buf, bytes);
    return MIN(ret, 0);
}

/* 1: [offset, offset + *n) has to be copied, 0: not. */
static int co_wanted(Stream *s, int64_t offset, int64_t *n)
{
    int64_t len = s->top->length - offset;
    int ret = co_node_is_allocated(s->top, offset, MIN(len, CHUNK), n);

    if (ret) {
        return MIN(ret, 0);
    }
    ret = co_node_is_allocated_above(block_cow_child(s->top), s->bottom, true, offset, *n, n);
    if (!ret && !*n) {
        *n = len;               /* behind the end of all that is below */
    }
    return ret;
}

static int co_stream_run(Job *job, Error **errp)
{
    Stream *s = STREAM_OF(job);
    int error = 0;
    int64_t n = 0, copied = 0;

    if (s->top == s->bottom) {
        return 0;               /* there is nothing between it and its base */
    }
    job_progress_set_remaining(job, s->top->length);
    for (int64_t offset = 0; offset < s->top->length; offset += n) {
        int ret;

        co_block_job_throttle(&s->base, copied);
        if (job_is_cancelled(job)) {
            break;
        }
        copied = 0;
        ret = co_wanted(s, offset, &n);
        if (ret > 0) {
            ret = co_copy_up(s, offset, n);
            copied = n;
        }
        if (ret < 0) {
            BlockErrorAction action = block_job_error(&s->base, s->on_error, true, -ret);

            if (action == BLOCK_ERROR_ACTION_STOP) {
                n = 0;
                continue;
            }
            error = error ? error : ret;
            if (action == BLOCK_ERROR_ACTION_REPORT) {
                break;
            }
            n = n ? n : MIN(CHUNK, s->top->length - offset);
        }
        job_progress_add(job, n);
    }
    return error;
}

static void stream_thaw(Stream *s)
{
    if (s->frozen) {
        block_chain_thaw(s->top, s->bottom);
        s->frozen = false;
    }
}

static int co_stream_prepare(Job *job, Error **errp)
{
    Stream *s = STREAM_OF(job);
    BlockNode *base = block_backing_chain_next(s->bottom), *below = block_filter_or_cow(s->bottom);
    g_autofree char *name = NULL;
    int ret;

    stream_thaw(s);
    if (!block_cow_child(s->top)) {
        return 0;
    }
    /* The header may forget what is below once what came from there is stable. */
    ret = co_node_flush(s->top);
    if (ret < 0) {
        return ret;
    }
    if (base) {
        name = s->backing_file ? g_strdup(s->backing_file) : block_node_filename(base);
        block_node_ref(below);
    }
    co_block_job_drain_begin(&s->base, s->top);
    if (!block_node_set_backing(s->top, below, errp)) {
        ret = -EPERM;
    }
    block_job_drain_end(&s->base, s->top);
    if (!ret) {
        ret = co_block_change_backing_file(s->top, name, base ? base->driver->name : NULL, false);
    }
    if (base) {
        block_node_unref(below);
    }
    return ret == -ENOTSUP ? 0 : ret;
}

static void co_stream_clean(Job *job)
{
    Stream *s = STREAM_OF(job);

    stream_thaw(s);
    block_job_remove_all_nodes(&s->base);
    if (s->filter) {
        co_job_filter_remove(s->filter);
        s->filter = NULL;
    }
    if (s->was_read_only) {
        co_block_set_read_only(s->top, true, NULL);
    }
    block_node_unref(s->top);
}

static void stream_free(Job *job)
{
    g_free(STREAM_OF(job)->backing_file);
    block_job_free(job);
}

static const JobDriver stream_driver = {
    BLOCK_JOB_DRIVER, .type = JOB_TYPE_STREAM, .size = sizeof(Stream), .free = stream_free,
    .co_run = co_stream_run, .co_prepare = co_stream_prepare, .co_clean = co_stream_clean,
};

bool co_stream_start(const StreamOptions *o, Error **errp)
{
    BlockJob *job;
    Stream *s;
    bool ok;

    for (BlockNode *node = o->top; node; node = block_filter_or_cow(node)) {
        if (!node->driver->filter && !block_node_check_idle(node, errp)) {
            return false;
        }
        if (node == o->bottom) {
            break;
        }
    }
    if (block_chain_frozen(o->top, o->bottom, errp)) {
        return false;
    }
    job = block_job_new(&stream_driver, &o->job, NULL, errp);
    if (!job) {
        return false;
    }
    s = container_of(job, Stream, base);
    s->top = o->top;
    block_node_ref(s->top);             /* to the end, whatever becomes of the job's children */
    s->bottom = o->bottom;
    s->backing_file = g_strdup(o->backing_file);
    s->on_error = o->on_error;
    if (s->top->read_only) {
        /* Not the topmost layer, mostly: it is so again at the end. */
        s->was_read_only = co_block_set_read_only(s->top, false, errp);
    }
    if (!s->top->read_only) {
        s->filter = co_job_filter_insert(&stream_filter, o->filter_node_name, s->top, errp);
    }
    ok = s->filter && block_job_add_node(job, s->filter, 0, BLOCK_PERM_ALL, errp) &&
         block_job_add_node(job, s->top, 0, BLOCK_PERM_ALL, errp);
    /* The layers whose data goes up must neither change nor go. */
    for (BlockNode *node = block_filter_or_cow(s->top); ok && s->top != s->bottom;
         node = block_filter_or_cow(node)) {
        ok = block_job_add_node(job, node, BLOCK_PERM_CONSISTENT_READ,
                                BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED, errp);
        if (node == s->bottom) {
            break;
        }
    }
    if (!ok || !block_chain_freeze(s->top, s->bottom, errp)) {
        co_job_discard(&job->job);
        return false;
    }
    s->frozen = true;
    job_start(&job->job);
    return true;
}
