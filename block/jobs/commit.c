/* block-commit of layers that are not in use as the top: their data goes down into a base */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/jobs/commit.h"
#include "block/jobs/job-filter.h"

#define CHUNK (512 * 1024)
/* Between tries of a request whose errors are to be ignored: leaving data out is no choice. */
#define RETRY_NS (NS_PER_SECOND / 10)

typedef struct Commit {
    BlockJob base;
    BlockNode *filter, *top, *base_node;
    char *backing_file;
    BlockdevOnError on_error;
    bool base_was_read_only, frozen;
} Commit;

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

static int co_copy_down(Commit *s, int64_t offset, int64_t bytes, bool *is_read)
{
    void *buf = block_job_buffer(&s->base, bytes);
    int ret = buf ? co_node_pread(s->top, offset, buf, bytes) : -ENOMEM;

    *is_read = ret < 0;
    if (ret >= 0) {
        ret = co_node_pwrite(s->base_node, offset, buf, bytes);
    }
    block_job_buffer_done(&s->base, buf, bytes);
    return ret;
}

static int co_copy(Commit *s, int64_t offset, int64_t *n, int64_t *copied, bool *is_read)
{
    int64_t len = s->top->length - offset;
    int ret = co_node_is_allocated_above(s->top, s->base_node, false, offset, MIN(len, CHUNK), n);

    *copied = 0;
    *is_read = ret < 0;
    if (ret > 0) {
        ret = co_node_is_zero(s->top, offset, *n);
        if (ret > 0) {
            ret = co_node_pwrite_zeroes(s->base_node, offset, *n, BLOCK_REQ_MAY_UNMAP);
        } else {
            ret = co_copy_down(s, offset, *n, is_read);
            *copied = *n;
        }
    }
    return ret;
}

static int co_commit_run(Job *job, Error **errp)
{
    Commit *s = COMMIT_OF(job);
    int64_t n = 0, copied = 0;

    job_progress_set_remaining(job, s->top->length);
    if (s->base_node->length < s->top->length &&
        !co_node_truncate(s->base_node, s->top->length, false, PREALLOC_MODE_OFF, 0, errp)) {
        return -EIO;
    }
    for (int64_t offset = 0; offset < s->top->length; offset += n) {
        bool is_read;
        int ret;

        co_block_job_throttle(&s->base, copied);
        if (job_is_cancelled(job)) {
            break;
        }
        ret = co_copy(s, offset, &n, &copied, &is_read);
        if (ret < 0) {
            BlockErrorAction action = block_job_error(&s->base, s->on_error, is_read, -ret);

            if (action == BLOCK_ERROR_ACTION_REPORT) {
                return ret;
            }
            if (action == BLOCK_ERROR_ACTION_IGNORE) {
                co_job_sleep(job, RETRY_NS);
            }
            n = copied = 0;
            continue;
        }
        job_progress_add(job, n);
    }
    return 0;
}

/* Layers above top whose headers will change, writable for that time. */
static GPtrArray *co_open_overlays(Commit *s, Error **errp)
{
    GPtrArray *overlays = g_ptr_array_new();
    BlockChild *child;

    list_for_each(child, &s->filter->users, BlockChild, link) {
        if (child->parent && child->role & BLOCK_CHILD_COW && child->parent->read_only) {
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
    overlays = co_open_overlays(s, errp);
    if (!overlays) {
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
    if (!co_add_nodes(s, o->filter_node_name, errp)) {
        co_job_discard(&job->job);
        return false;
    }
    job_start(&job->job);
    return true;
}
