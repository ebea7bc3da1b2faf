/* block-commit of layers that are not in use as the top: their data goes down into a base */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drain.h"
#include "block/graph.h"
#include "block/jobs/commit.h"
#include "block/jobs/job-filter.h"

#define CHUNK (512 * 1024)
#define MAX_OPS 4
/* Between tries of a request whose errors are to be ignored: leaving data out is no choice. */
#define RETRY_NS (NS_PER_SECOND / 10)

typedef struct Commit {
    BlockJob base;
    BlockNode *filter, *top, *base_node;
    char *backing_file;
    BlockdevOnError on_error;
    bool base_was_read_only, frozen;
    unsigned nr_ops;
    CoQueue op_done;
    List again;                 /* of Op: they failed and are to be tried once more */
    bool rest;                  /* but not at once */
    int ret;                    /* the first error that ends it */
} Commit;

/* A range whose data goes down. */
typedef struct Op {
    Commit *commit;
    int64_t offset, bytes;
    bool zero;
    ListLink link;
} Op;

#define COMMIT_OF(job_) container_of(BLOCK_JOB_OF(job_), Commit, base)

/*
 * Behind the filter the layers are no longer consistent each by itself, for
 * the base changes; with nobody asking for that of them it may be written.
 */
static void commit_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                              uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    *child_perm = 0;
    *child_shared = BLOCK_PERM_ALL;
}

static const BlockDriver commit_filter = {
    .name = "commit_top", .desc = "what block-commit works behind", .filter = true,
    .child_perm = commit_child_perm, .co_preadv = co_job_filter_preadv,
};

static int co_copy_down(Commit *s, const Op *op, bool *is_read)
{
    void *buf = block_job_buffer(&s->base, op->bytes);
    int ret = buf ? co_node_pread(s->top, op->offset, buf, op->bytes) : -ENOMEM;

    *is_read = ret < 0;
    if (ret >= 0) {
        ret = co_node_pwrite(s->base_node, op->offset, buf, op->bytes);
    }
    block_job_buffer_done(&s->base, buf, op->bytes);
    return ret;
}

/* What the policy says; unless it ends the job, what failed is tried again. */
static void failed(Commit *s, bool is_read, int ret)
{
    BlockErrorAction action = block_job_error(&s->base, s->on_error, is_read, -ret);

    if (action == BLOCK_ERROR_ACTION_REPORT && !s->ret) {
        s->ret = ret;
    }
    s->rest |= action == BLOCK_ERROR_ACTION_IGNORE;
}

static void co_op(void *opaque)
{
    Op *op = opaque;
    Commit *s = op->commit;
    bool is_read = false;
    int ret = op->zero ? co_node_pwrite_zeroes(s->base_node, op->offset, op->bytes,
                                               BLOCK_REQ_MAY_UNMAP)
                       : co_copy_down(s, op, &is_read);

    if (ret < 0) {
        list_append(&s->again, &op->link);
        failed(s, is_read, ret);
    } else {
        job_progress_add(&s->base.job, op->bytes);
        g_free(op);
    }
    s->nr_ops--;
    co_queue_wake_all(&s->op_done);
    block_drain_kick();
}

/* The next range that has something, from *offset on, which moves behind it; or NULL. */
static Op *co_next_op(Commit *s, int64_t *offset)
{
    Op *op = list_first(&s->again, Op, link);
    int64_t n;
    int ret;

    if (op) {
        list_remove(&op->link);
        return op;
    }
    if (*offset >= s->top->length) {
        return NULL;
    }
    ret = co_node_is_allocated_above(s->top, s->base_node, false, *offset,
                                     MIN(s->top->length - *offset, CHUNK), &n);
    if (ret > 0) {
        op = g_new(Op, 1);
        *op = (Op){ s, *offset, n, .zero = co_node_is_zero(s->top, *offset, n) > 0 };
    } else if (ret < 0) {
        failed(s, true, ret);
        return NULL;
    } else {
        job_progress_add(&s->base.job, n);
    }
    *offset += n;
    return op;
}

static void co_wait_all(Commit *s)
{
    while (s->nr_ops) {
        co_queue_wait(&s->op_done, NULL);
    }
}

static void co_commit_pause(Job *job)
{
    co_wait_all(COMMIT_OF(job));
}

static bool commit_in_flight(Job *job)
{
    return COMMIT_OF(job)->nr_ops;
}

/* All of it, some ranges at a time: to read the next while the last is written. */
static void co_copy_all(Commit *s)
{
    int64_t offset = 0, copied = 0;

    while (!s->ret) {
        Op *op;

        co_block_job_throttle(&s->base, copied);
        copied = 0;
        if (job_is_cancelled(&s->base.job)) {
            break;
        }
        if (s->rest) {
            s->rest = false;
            co_job_sleep(&s->base.job, RETRY_NS);
            continue;
        }
        if (s->nr_ops >= MAX_OPS) {
            co_queue_wait(&s->op_done, NULL);
            continue;
        }
        op = co_next_op(s, &offset);
        if (op) {
            copied = op->zero ? 0 : op->bytes;
            s->nr_ops++;
            co_enter(co_create(co_op, op));
        } else if (s->nr_ops) {
            co_queue_wait(&s->op_done, NULL);
        } else if (offset >= s->top->length && list_empty(&s->again)) {
            break;
        }
    }
    co_wait_all(s);
}

static int co_commit_run(Job *job, Error **errp)
{
    Commit *s = COMMIT_OF(job);
    Op *op;

    job_progress_set_remaining(job, s->top->length);
    if (s->base_node->length < s->top->length &&
        !co_node_truncate(s->base_node, s->top->length, false, PREALLOC_MODE_OFF, 0, errp)) {
        return -EIO;
    }
    co_copy_all(s);
    list_for_each(op, &s->again, Op, link) {
        g_free(op);
    }
    return s->ret;
}

static void unref_node(void *node)
{
    block_node_unref(node);
}

/* Layers above top whose headers will change, writable for that time. */
static GPtrArray *co_open_overlays(Commit *s, Error **errp)
{
    GPtrArray *overlays = g_ptr_array_new_with_free_func(unref_node);
    BlockChild *child;

    list_for_each(child, &s->filter->users, BlockChild, link) {
        if (child->parent && child->role & BLOCK_CHILD_COW && child->parent->read_only) {
            block_node_ref(child->parent);      /* another job may take it out meanwhile */
            g_ptr_array_add(overlays, child->parent);
        }
    }
    for (unsigned i = 0; i < overlays->len; i++) {
        if (!co_block_set_read_only(overlays->pdata[i], false, errp)) {
            g_ptr_array_unref(overlays);
            return NULL;
        }
    }
    return overlays;
}

static int co_commit_prepare(Job *job, Error **errp)
{
    Commit *s = COMMIT_OF(job);
    GPtrArray *overlays;
    bool ok;
    int ret;

    /* Nothing may refer to the base before what it took over is stable. */
    ret = co_node_flush(s->base_node);
    if (ret < 0) {
        return ret;
    }
    /* Another job that works with the layers above does not end meanwhile. */
    co_block_job_drain_begin(&s->base, s->filter);
    overlays = co_open_overlays(s, errp);
    if (!overlays) {
        block_job_drain_end(&s->base, s->filter);
        return -EIO;
    }
    block_chain_thaw(s->top, s->base_node);
    s->frozen = false;
    block_job_remove_all_nodes(&s->base);
    ok = co_block_drop_intermediate(s->filter, s->base_node, s->backing_file, errp);
    for (unsigned i = 0; i < overlays->len; i++) {
        co_block_set_read_only(overlays->pdata[i], true, NULL);
    }
    g_ptr_array_unref(overlays);
    if (s->base_was_read_only) {
        co_block_set_read_only(s->base_node, true, NULL);
        s->base_was_read_only = false;
    }
    block_job_drain_end(&s->base, s->filter);
    if (!ok) {
        return -EIO;
    }
    block_node_unref(s->filter);
    s->filter = NULL;
    return 0;
}

static void co_commit_clean(Job *job)
{
    Commit *s = COMMIT_OF(job);

    if (s->frozen) {
        block_chain_thaw(s->top, s->base_node);
    }
    block_job_remove_all_nodes(&s->base);
    if (s->filter) {
        co_job_filter_remove(s->filter);
    }
    if (s->base_was_read_only) {
        co_block_set_read_only(s->base_node, true, NULL);
    }
    block_node_unref(s->base_node);
}

static void commit_free(Job *job)
{
    g_free(COMMIT_OF(job)->backing_file);
    block_job_free(job);
}

static const JobDriver commit_driver = {
    BLOCK_JOB_DRIVER, .type = JOB_TYPE_COMMIT, .size = sizeof(Commit), .free = commit_free,
    .co_run = co_commit_run, .co_prepare = co_commit_prepare, .co_clean = co_commit_clean,
    .co_pause = co_commit_pause, .in_flight = commit_in_flight,
};

/* The filter first: what stands above asks nothing of the layers from then on. */
static bool co_add_nodes(Commit *s, const char *filter_node_name, Error **errp)
{
    s->filter = co_job_filter_insert(&commit_filter, filter_node_name, s->top, errp);
    if (!s->filter || !block_job_add_node(&s->base, s->filter, 0, BLOCK_PERM_ALL, errp)) {
        return false;
    }
    if (s->base_node->read_only) {
        if (!co_block_set_read_only(s->base_node, false, errp)) {
            return false;
        }
        s->base_was_read_only = true;
    }
    for (BlockNode *node = s->top; node != s->base_node; node = block_filter_or_cow(node)) {
        if (!block_job_add_node(&s->base, node, 0,
                                BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_WRITE, errp)) {
            return false;
        }
    }
    if (!block_job_add_node(&s->base, s->base_node,
                            BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE,
                            BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED, errp)) {
        return false;
    }
    s->frozen = block_chain_freeze(s->top, s->base_node, errp);
    return s->frozen;
}

bool co_commit_start(const CommitOptions *o, Error **errp)
{
    BlockJob *job;
    Commit *s;

    for (BlockNode *node = o->top; node; node = block_filter_or_cow(node)) {
        if (!node->driver->filter && !block_node_check_idle(node, errp)) {
            return false;
        }
        if (node == o->base) {
            break;
        }
    }
    if (block_chain_frozen(o->top, o->base, errp)) {
        return false;
    }
    job = block_job_new(&commit_driver, &o->job, NULL, errp);
    if (!job) {
        return false;
    }
    s = container_of(job, Commit, base);
    s->top = o->top;
    s->base_node = o->base;
    block_node_ref(s->base_node);       /* to the end, whatever becomes of the job's children */
    s->backing_file = g_strdup(o->backing_file);
    s->on_error = o->on_error;
    co_queue_init(&s->op_done);
    list_init(&s->again);
    if (!co_add_nodes(s, o->filter_node_name, errp)) {
        co_job_discard(&job->job);
        return false;
    }
    job_start(&job->job);
    return true;
}
