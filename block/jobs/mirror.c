/* Mirror and active commit: the job, from the first copy to the change of the graph */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/jobs/block-job-chain.h"
#include "block/jobs/job-filter.h"
#include "block/jobs/mirror-int.h"

#define DEFAULT_BUF_SIZE (16 * 1024 * 1024)
/* How long the job sleeps when there is nothing to do, and between pause points of scans. */
#define SLICE_NS (NS_PER_SECOND / 10)
#define SCAN_BYTES (1024 * 1024 * 1024)

/* Make the target all zeroes. False: it cannot, without being written throughout. */
static bool co_zero_target(Mirror *s)
{
    int64_t length = s->source->length, n;

    for (int64_t offset = 0; offset < length; offset += n) {
        int ret;

        n = MIN(length - offset, SCAN_BYTES);
        ret = co_node_pwrite_zeroes(s->target, offset, n,
                                    BLOCK_REQ_NO_FALLBACK | BLOCK_REQ_MAY_UNMAP);
        if (ret < 0) {
            return false;
        }
        co_job_relax(&s->base.job);
        if (job_is_cancelled(&s->base.job)) {
            return true;
        }
    }
    return true;
}

/* Mark what has to be copied at first. */
static int co_mark(Mirror *s)
{
    int64_t length = s->source->length, n;

    if (s->none) {
        return 0;
    }
    /* Without discard=unmap the zeroes would only take room: they are copied as they are met. */
    if (s->zero_target && (!s->target->discard || !co_zero_target(s))) {
        block_dirty_bitmap_set(s->dirty, 0, length);
        return 0;
    }
    for (int64_t offset = 0; offset < length; offset += n) {
        int ret = co_node_is_allocated_above(s->source, s->base_node, false, offset,
                                             MIN(length - offset, SCAN_BYTES), &n);

        if (ret < 0) {
            return ret;
        }
        if (!n) {
            break;
        }
        if (ret) {
            block_dirty_bitmap_set(s->dirty, offset, n);
        }
        co_job_relax(&s->base.job);
        if (job_is_cancelled(&s->base.job)) {
            break;
        }
    }
    return 0;
}

/* Before it becomes ready, and once more at the end: what was copied is stable. */
static int co_flush_target(Mirror *s)
{
    int ret = co_node_flush(s->target);

    if (ret < 0 && block_job_error(&s->base, s->on_target_error, false, -ret) ==
                       BLOCK_ERROR_ACTION_REPORT) {
        s->ret = ret;
    }
    return ret;
}

/* All is copied. True: and now it ends, with the source drained. */
static bool co_at_rest(Mirror *s)
{
    Job *job = &s->base.job;

    if (!job_is_ready(job)) {
        if (co_flush_target(s) < 0) {
            return false;
        }
        if (!s->background) {
            s->active = true;
        }
        job_ready(job);
    }
    if (!s->should_complete && !job_cancel_requested(job)) {
        return false;
    }
    co_block_job_drain_begin(&s->base, s->source);
    s->drained = true;
    co_mirror_wait_all(s);
    if (!block_dirty_bitmap_count(s->dirty) && s->ret >= 0 && co_flush_target(s) >= 0) {
        return true;
    }
    s->drained = false;
    block_job_drain_end(&s->base, s->source);
    return false;
}

static void co_mirror_loop(Mirror *s)
{
    Job *job = &s->base.job;

    while (s->ret >= 0) {
        int64_t dirty, bytes = s->unthrottled;

        s->unthrottled = 0;
        co_block_job_throttle(&s->base, bytes);
        if (job_is_cancelled(job)) {
            return;
        }
        dirty = block_dirty_bitmap_count(s->dirty);
        job_progress_set_remaining(job, dirty + s->op_bytes);
        if (co_mirror_copy_next(s)) {
            continue;
        }
        if (s->nr_ops) {
            co_mirror_wait_one(s);
            continue;
        }
        if (block_dirty_bitmap_count(s->dirty)) {
            continue;
        }
        job_progress_set_remaining(job, 0);
        if (co_at_rest(s)) {
            return;
        }
        if (!s->should_complete && !job_cancel_requested(job)) {
            block_job_free_buffers(&s->base);
            co_job_sleep(job, SLICE_NS);
        }
    }
}

static bool co_match_length(Mirror *s, Error **errp)
{
    int64_t length = s->source->length;

    if (s->target->length == length || (s->commit && s->target->length > length)) {
        return true;
    }
    if (s->commit) {
        return co_node_truncate(s->target, length, false, PREALLOC_MODE_OFF, 0, errp);
    }
    error_set(errp, "Source and target image have different sizes");
    return false;
}

static int co_mirror_run(Job *job, Error **errp)
{
    Mirror *s = MIRROR_OF(job);

    if (!co_match_length(s, errp)) {
        return -EINVAL;
    }
    if (!s->background) {
        s->active = true;       /* what is written meanwhile need not be copied again */
    }
    s->ret = co_mark(s);
    if (s->ret >= 0 && !job_is_cancelled(job)) {
        co_mirror_loop(s);
    }
    s->active = s->active && s->ret >= 0 && !job_is_cancelled(job);
    co_mirror_wait_all(s);
    return s->ret;
}

static void co_mirror_pause(Job *job)
{
    co_mirror_wait_all(MIRROR_OF(job));
}

static bool mirror_in_flight(Job *job)
{
    return MIRROR_OF(job)->nr_ops;
}

static BlockNode *replaced_node(Mirror *s, Error **errp)
{
    if (!s->replaces) {
        return s->source;
    }
    return block_node_of_name(s->replaces, errp);
}

static void mirror_complete(Job *job, Error **errp)
{
    Mirror *s = MIRROR_OF(job);

    if (replaced_node(s, errp)) {
        s->should_complete = true;
    }
}

static bool mirror_cancel(Job *job, bool force)
{
    /* Once it is ready, a gentle cancel ends it with a good copy, and without the switch. */
    return force || !job_is_ready(job);
}

/* Put under the target what it shall stand on. */
static bool co_set_target_backing(Mirror *s, Error **errp)
{
    BlockNode *target = block_skip_filters(s->target), *backing;

    if (s->backing != MIRROR_BACKING_LEAVE) {
        target->open_flags &= ~BLOCK_OPEN_NO_BACKING;       /* it was for the time of the job */
    }
    if (s->backing == MIRROR_BACKING_OPEN && !target->backing) {
        return co_block_open_backing(target, NULL, errp);
    }
    if (s->backing != MIRROR_BACKING_SOURCE || !target->driver->supports_backing) {
        return true;
    }
    backing = s->none ? s->source : s->base_node;
    return block_cow_child(target) == backing || block_node_set_backing(target, backing, errp);
}

static int co_mirror_prepare(Job *job, Error **errp)
{
    Mirror *s = MIRROR_OF(job);
    BlockNode *from = NULL;
    int ret = 0;

    if (!s->should_complete || job_cancel_requested(job)) {
        return 0;
    }
    from = replaced_node(s, errp);
    if (!from) {
        return -EINVAL;
    }
    block_node_ref(from);
    co_drain_begin(s->target);
    co_drain_begin(from);
    if (s->frozen) {
        block_chain_thaw(s->source, s->target);
        s->frozen = false;
    }
    block_job_remove_all_nodes(&s->base);
    mirror_filter_set_job(s->filter, NULL);
    if (!co_set_target_backing(s, errp) || !block_node_replace(from, s->target, errp)) {
        ret = -EPERM;
    } else {
        s->target_was_read_only = false;
    }
    block_drain_end(from);
    block_drain_end(s->target);
    block_node_unref(from);
    return ret;
}

static void co_mirror_clean(Job *job)
{
    Mirror *s = MIRROR_OF(job);

    if (s->filter) {
        mirror_filter_set_job(s->filter, NULL);
    }
    if (s->dirty) {
        block_dirty_bitmap_free(s->dirty);
    }
    if (s->frozen) {
        block_chain_thaw(s->source, s->target);
    }
    block_job_remove_all_nodes(&s->base);
    if (s->filter) {
        co_job_filter_remove(s->filter);
    }
    if (s->drained) {
        block_job_drain_end(&s->base, s->source);
    }
    if (s->target_was_read_only) {
        co_block_set_read_only(s->target, true, NULL);
    }
    block_node_unref(s->target);
}

static void mirror_free(Job *job)
{
    g_free(MIRROR_OF(job)->replaces);
    block_job_free(job);
}

#define MIRROR_DRIVER                                                                        \
    BLOCK_JOB_DRIVER, .size = sizeof(Mirror), .free = mirror_free, .co_run = co_mirror_run,  \
    .co_prepare = co_mirror_prepare, .co_clean = co_mirror_clean,                            \
    .complete = mirror_complete, .cancel = mirror_cancel, .co_pause = co_mirror_pause,       \
    .in_flight = mirror_in_flight

static const JobDriver mirror_driver = { MIRROR_DRIVER, .type = JOB_TYPE_MIRROR };
static const JobDriver commit_driver = { MIRROR_DRIVER, .type = JOB_TYPE_COMMIT };

/* Large enough not to make the target read what it has, small enough not to copy too much. */
static uint32_t default_granularity(BlockNode *target)
{
    BlockDriverInfo info;

    if (block_get_info(target, &info) && info.cluster_size) {
        return MIN(MAX(info.cluster_size, 4096), 65536);
    }
    return 65536;
}

static bool add_nodes(Mirror *s, Error **errp)
{
    uint32_t shared = BLOCK_PERM_WRITE_UNCHANGED | (s->commit ? BLOCK_PERM_ALL : 0);

    if (!block_job_add_node(&s->base, s->filter, 0, BLOCK_PERM_ALL, errp) ||
        !block_job_add_node(&s->base, s->source, 0, BLOCK_PERM_ALL, errp)) {
        return false;
    }
    s->target_child = block_job_add_node(&s->base, s->target,
                                         BLOCK_PERM_WRITE |
                                             (s->commit ? BLOCK_PERM_RESIZE : 0),
                                         shared, errp);
    if (!s->target_child) {
        return false;
    }
    /* The layers between go with the source. */
    for (BlockNode *node = block_filter_or_cow(s->source); s->commit && node != s->target;
         node = block_filter_or_cow(node)) {
        if (!block_job_add_node(&s->base, node, 0,
                                BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_WRITE, errp)) {
            return false;
        }
    }
    if (s->commit) {
        s->frozen = block_chain_freeze(s->source, s->target, errp);
        return s->frozen;
    }
    return true;
}

static bool check_options(const MirrorOptions *o, Error **errp)
{
    if (o->source == o->target || block_skip_filters(o->source) == block_skip_filters(o->target)) {
        error_set(errp, "Can't mirror node into itself");
        return false;
    }
    if (o->target->read_only && !o->commit) {
        error_set(errp, "Block node '%s' is read-only", o->target->name);
        return false;
    }
    if (o->granularity && (o->granularity < 512 || o->granularity > 64 * 1024 * 1024)) {
        error_set(errp, "Parameter 'granularity' expects a value in range [512B, 64MB]");
        return false;
    }
    if (o->granularity & (o->granularity - 1)) {
        error_set(errp, "Parameter 'granularity' expects a power of 2");
        return false;
    }
    if (o->buf_size < 0) {
        error_set(errp, "Invalid parameter 'buf-size'");
        return false;
    }
    return !o->commit || !block_chain_frozen(o->source, o->target, errp);
}

static void take_options(Mirror *s, const MirrorOptions *o)
{
    list_init(&s->ops);
    co_queue_init(&s->op_done);
    s->source = o->source;
    s->target = o->target;
    block_node_ref(s->target);          /* to the end, whatever becomes of the job's children */
    s->base_node = o->base;
    s->commit = o->commit;
    s->none = o->none;
    s->zero_target = o->zero_target;
    s->background = o->background_only;
    s->unmap = o->unmap;
    s->backing = o->backing;
    s->replaces = g_strdup(o->replaces);
    s->granularity = o->granularity ? o->granularity : default_granularity(o->target);
    s->buf_size = MAX(o->buf_size ? o->buf_size : DEFAULT_BUF_SIZE, s->granularity);
    s->on_source_error = o->on_source_error;
    s->on_target_error = o->on_target_error;
}

bool co_mirror_start(const MirrorOptions *o, Error **errp)
{
    BlockJob *job;
    Mirror *s;

    if (!check_options(o, errp)) {
        return false;
    }
    job = block_job_new(o->commit ? &commit_driver : &mirror_driver, &o->job, NULL, errp);
    if (!job) {
        return false;
    }
    s = container_of(job, Mirror, base);
    take_options(s, o);
    s->filter = block_node_new_internal(&mirror_filter, o->filter_node_name, errp);
    if (s->filter) {
        mirror_filter_set_job(s->filter, s);
        if (!co_job_filter_put(s->filter, !o->filter_node_name, o->source, errp)) {
            s->filter = NULL;
        }
    }
    if (s->filter && s->commit && s->target->read_only) {
        if (!co_block_set_read_only(s->target, false, errp)) {
            co_job_discard(&job->job);
            return false;
        }
        s->target_was_read_only = true;
    }
    if (s->filter) {
        s->dirty = block_dirty_bitmap_new(o->source, NULL, s->granularity, errp);
    }
    if (!s->dirty || !add_nodes(s, errp)) {
        co_job_discard(&job->job);
        return false;
    }
    job_start(&job->job);
    return true;
}
