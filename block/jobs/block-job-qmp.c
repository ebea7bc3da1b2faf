/* block-job-*, query-block-jobs, block-stream, block-commit, drive-mirror, blockdev-mirror */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/jobs/block-job-chain.h"
#include "block/jobs/commit.h"
#include "block/jobs/mirror.h"
#include "block/jobs/stream.h"
#include "qapi/commands-block-job.h"

void qmp_block_job_set_speed(const char *device, int64_t speed, Error **errp)
{
    BlockJob *job = block_job_find(device, errp);

    if (job) {
        job_user_set_speed(&job->job, speed, errp);
    }
}

void qmp_block_job_cancel(const char *device, bool has_force, bool force, Error **errp)
{
    BlockJob *job = block_job_find(device, errp);

    if (!job) {
        return;
    }
    if (job->job.user_paused && !(has_force && force)) {
        error_set(errp, "The block job for device '%s' is currently paused", device);
        return;
    }
    job_user_cancel(&job->job, has_force && force, errp);
}

void qmp_block_job_pause(const char *device, Error **errp)
{
    BlockJob *job = block_job_find(device, errp);

    if (job) {
        job_user_pause(&job->job, errp);
    }
}

void qmp_block_job_resume(const char *device, Error **errp)
{
    BlockJob *job = block_job_find(device, errp);

    if (job) {
        job_user_resume(&job->job, errp);
    }
}

void qmp_block_job_complete(const char *device, Error **errp)
{
    BlockJob *job = block_job_find(device, errp);

    if (job) {
        job_user_complete(&job->job, errp);
    }
}

void qmp_block_job_dismiss(const char *id, Error **errp)
{
    BlockJob *job = block_job_find(id, errp);

    if (job) {
        job_user_dismiss(&job->job, errp);
    }
}

void qmp_block_job_finalize(const char *id, Error **errp)
{
    BlockJob *job = block_job_find(id, errp);

    if (job) {
        co_job_user_finalize(&job->job, errp);
    }
}

static void add_info(Job *job, void *opaque)
{
    BlockJobInfoList ***tail = opaque;
    BlockJobInfo *info;

    if (!job->id || !job->driver->is_block_job) {
        return;
    }
    info = g_new0(BlockJobInfo, 1);
    info->type = job->driver->type;
    info->device = g_strdup(job->id);
    info->len = job->progress_total;
    info->offset = job->progress;
    info->busy = job->busy;
    info->paused = job->pause_count;
    info->speed = BLOCK_JOB_OF(job)->speed;
    info->io_status = BLOCK_JOB_OF(job)->io_status;
    info->ready = job_is_ready(job);
    info->status = job->status;
    info->auto_finalize = job->auto_finalize;
    info->auto_dismiss = job->auto_dismiss;
    info->error = job->ret ? g_strdup(job_error_text(job)) : NULL;
    **tail = g_new0(BlockJobInfoList, 1);
    (**tail)->value = info;
    *tail = &(**tail)->next;
}

BlockJobInfoList *qmp_query_block_jobs(Error **errp)
{
    BlockJobInfoList *list = NULL, **tail = &list;

    jobs_for_each(add_info, &tail);
    return list;
}

/* The layer above what the user calls the base; top itself where there is no base. */
static BlockNode *above_base(BlockNode *top, BlockNode *base)
{
    BlockNode *node = block_skip_filters(top), *next;

    for (; (next = block_backing_chain_next(node)) && next != block_skip_filters(base);
         node = next) {
    }
    return node;
}

static BlockNode *stream_bottom(BlockNode *top, const char *device, const char *base,
                                const char *base_node, const char *bottom, Error **errp)
{
    BlockNode *node = NULL;

    if (!!base + !!base_node + !!bottom > 1) {
        error_set(errp, "'%s' and '%s' cannot be specified at the same time",
                  base ? "base" : "bottom", bottom && base ? "bottom" : "base-node");
        return NULL;
    }
    if (bottom) {
        node = block_node_of_name(bottom, errp);
        if (node && node->driver->filter) {
            error_set(errp, "Node '%s' is a filter, use a non-filter node as 'bottom'", bottom);
            return NULL;
        }
        if (node && !block_chain_contains(top, node)) {
            error_set(errp, "Node '%s' is not in a chain starting from '%s'", bottom, device);
            return NULL;
        }
        return node;
    }
    if (base) {
        node = block_chain_find_file(top, base);
        if (!node) {
            error_set(errp, "Can't find '%s' in the backing chain", base);
            return NULL;
        }
    } else if (base_node) {
        node = block_node_of_name(base_node, errp);
        if (node && (node == top || !block_chain_contains(top, node))) {
            error_set(errp, "Node '%s' is not a backing image of '%s'", base_node, device);
            return NULL;
        }
        if (!node) {
            return NULL;
        }
    }
    return above_base(top, node);
}

void qmp_block_stream(const char *job_id, const char *device, const char *base,
                      const char *base_node, const char *backing_file, const char *bottom,
                      bool has_speed, int64_t speed, bool has_on_error, BlockdevOnError on_error,
                      bool has_auto_finalize, bool auto_finalize, bool has_auto_dismiss,
                      bool auto_dismiss, Error **errp)
{
    StreamOptions o = {
        .job = { .id = job_id, .device = device, .speed = has_speed ? speed : 0,
                 .manual_finalize = has_auto_finalize && !auto_finalize,
                 .manual_dismiss = has_auto_dismiss && !auto_dismiss },
        .backing_file = backing_file,
        .on_error = has_on_error ? on_error : BLOCKDEV_ON_ERROR_REPORT,
    };
    BlockNode *node = block_node_of_device(device, errp);

    if (!node) {
        return;
    }
    o.top = block_skip_filters(node);
    o.bottom = stream_bottom(o.top, device, base, base_node, bottom, errp);
    if (!o.bottom) {
        return;
    }
    if (backing_file && !block_backing_chain_next(o.bottom)) {
        error_set(errp, "backing file specified, but streaming the entire chain");
        return;
    }
    co_stream_start(&o, errp);
}

static bool sync_mode(MirrorOptions *o, MirrorSyncMode sync, Error **errp)
{
    switch (sync) {
    case MIRROR_SYNC_MODE_TOP:
        o->base = block_backing_chain_next(o->source);
        return true;
    case MIRROR_SYNC_MODE_NONE:
        o->none = true;
        return true;
    case MIRROR_SYNC_MODE_FULL:
        return true;
    default:
        error_set(errp, "Sync mode '%s' not supported", MirrorSyncMode_name(sync));
        return false;
    }
}

void qmp_blockdev_mirror(const char *job_id, const char *device, const char *target,
                         const char *replaces, MirrorSyncMode sync, bool has_speed, int64_t speed,
                         bool has_granularity, uint32_t granularity, bool has_buf_size,
                         int64_t buf_size, bool has_on_source_error,
                         BlockdevOnError on_source_error, bool has_on_target_error,
                         BlockdevOnError on_target_error, const char *filter_node_name,
                         bool has_copy_mode, MirrorCopyMode copy_mode, bool has_auto_finalize,
                         bool auto_finalize, bool has_auto_dismiss, bool auto_dismiss,
                         Error **errp)
{
    MirrorOptions o = {
        .job = { .id = job_id, .device = device, .speed = has_speed ? speed : 0,
                 .manual_finalize = has_auto_finalize && !auto_finalize,
                 .manual_dismiss = has_auto_dismiss && !auto_dismiss },
        .replaces = replaces, .filter_node_name = filter_node_name,
        .granularity = has_granularity ? granularity : 0,
        .buf_size = has_buf_size ? buf_size : 0,
        .unmap = true, .zero_target = sync == MIRROR_SYNC_MODE_FULL,
        .background_only = !has_copy_mode || copy_mode == MIRROR_COPY_MODE_BACKGROUND,
        .on_source_error = has_on_source_error ? on_source_error : BLOCKDEV_ON_ERROR_REPORT,
        .on_target_error = has_on_target_error ? on_target_error : BLOCKDEV_ON_ERROR_REPORT,
    };

    o.source = block_node_of_device(device, errp);
    if (!o.source) {
        return;
    }
    o.target = block_node_of_device(target, errp);
    if (o.target && sync_mode(&o, sync, errp)) {
        co_mirror_start(&o, errp);
    }
}

void qmp_drive_mirror(DriveMirror *m, Error **errp)
{
    MirrorOptions o = {
        .job = { .id = m->job_id, .device = m->device, .speed = m->has_speed ? m->speed : 0,
                 .manual_finalize = m->has_auto_finalize && !m->auto_finalize,
                 .manual_dismiss = m->has_auto_dismiss && !m->auto_dismiss },
        .replaces = m->replaces,
        .granularity = m->has_granularity ? m->granularity : 0,
        .buf_size = m->has_buf_size ? m->buf_size : 0,
        .unmap = !m->has_unmap || m->unmap,
        .background_only = !m->has_copy_mode || m->copy_mode == MIRROR_COPY_MODE_BACKGROUND,
        .on_source_error = m->has_on_source_error ? m->on_source_error
                                                  : BLOCKDEV_ON_ERROR_REPORT,
        .on_target_error = m->has_on_target_error ? m->on_target_error
                                                  : BLOCKDEV_ON_ERROR_REPORT,
    };
    BlockJobTarget t = {
        .filename = m->target, .format = m->format, .node_name = m->node_name, .sync = m->sync,
        .existing = m->has_mode && m->mode == NEW_IMAGE_MODE_EXISTING,
    };

    o.source = t.source = block_node_of_device(m->device, errp);
    if (!o.source || !sync_mode(&o, m->sync, errp)) {
        return;
    }
    if (m->sync == MIRROR_SYNC_MODE_TOP && !o.base) {
        t.sync = MIRROR_SYNC_MODE_FULL;
    }
    o.backing = t.existing ? MIRROR_BACKING_OPEN : MIRROR_BACKING_SOURCE;
    o.zero_target = t.sync == MIRROR_SYNC_MODE_FULL && t.existing;
    o.target = co_block_job_target(&t, errp);
    if (o.target) {
        o.source = block_node_of_device(m->device, errp);
        if (o.source && sync_mode(&o, m->sync, errp)) {
            co_mirror_start(&o, errp);
        }
        block_node_unref(o.target);     /* the job has its own */
    }
}

/* The layers a commit is about. */
static bool commit_layers(BlockNode *node, const char *device, const char *base_node,
                          const char *base, const char *top_node, const char *top,
                          BlockNode **top_out, BlockNode **base_out, Error **errp)
{
    BlockNode *t = block_skip_filters(node), *b;

    if ((top_node && top) || (base_node && base)) {
        const char *which = top_node && top ? "top" : "base";

        error_set(errp, "'%s-node' and '%s' are mutually exclusive", which, which);
        return false;
    }
    if (top_node) {
        t = block_node_of_name(top_node, errp);
        if (t && !block_chain_contains(node, t)) {
            error_set(errp, "'%s' is not in this backing file chain", top_node);
            return false;
        }
    } else if (top) {
        g_autofree char *own = block_node_filename(t);

        t = !strcmp(own, top) ? t : block_chain_find_file(node, top);
        if (!t) {
            error_set(errp, "Top image file %s not found", top);
        }
    }
    if (!t) {
        return false;
    }
    if (base_node) {
        b = block_node_of_name(base_node, errp);
        if (b && !block_chain_contains(t, b)) {
            error_set(errp, "'%s' is not in this backing file chain", base_node);
            return false;
        }
    } else if (base) {
        b = block_chain_find_file(t, base);
        if (!b) {
            error_set(errp, "Can't find '%s' in the backing chain", base);
        }
    } else {
        b = block_find_base(t);
    }
    if (b && block_skip_filters(b) == block_skip_filters(t)) {
        error_set(errp, "cannot commit an image into itself");
        return false;
    }
    *top_out = t;
    *base_out = b;
    return b;
}

void qmp_block_commit(const char *job_id, const char *device, const char *base_node,
                      const char *base, const char *top_node, const char *top,
                      const char *backing_file, bool has_speed, int64_t speed,
                      bool has_on_error, BlockdevOnError on_error, const char *filter_node_name,
                      bool has_auto_finalize, bool auto_finalize, bool has_auto_dismiss,
                      bool auto_dismiss, Error **errp)
{
    BlockJobOptions job = {
        .id = job_id, .device = device, .speed = has_speed ? speed : 0,
        .manual_finalize = has_auto_finalize && !auto_finalize,
        .manual_dismiss = has_auto_dismiss && !auto_dismiss,
    };
    BlockdevOnError policy = has_on_error ? on_error : BLOCKDEV_ON_ERROR_REPORT;
    BlockNode *node = block_node_of_device(device, NULL), *t, *b;
    bool active;

    if (!node) {
        /* The class tells libvirt that the command as such is there. */
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", device);
        return;
    }
    if (!commit_layers(node, device, base_node, base, top_node, top, &t, &b, errp)) {
        return;
    }
    active = block_skip_filters(t) == block_skip_filters(node);
    if (active || t->perm & BLOCK_PERM_WRITE) {
        if (backing_file) {
            error_set(errp, "'backing-file' specified, but 'top' %s",
                      active ? "is the active layer" : "has a writer on it");
            return;
        }
        co_mirror_start(&(MirrorOptions){
            .job = job, .source = block_skip_filters(t), .target = b, .base = b, .commit = true,
            .background_only = true, .filter_node_name = filter_node_name, .unmap = true,
            .on_source_error = policy, .on_target_error = policy,
        }, errp);
        return;
    }
    co_commit_start(&(CommitOptions){
        .job = job, .top = t, .base = b, .backing_file = backing_file,
        .filter_node_name = filter_node_name, .on_error = policy,
    }, errp);
}
