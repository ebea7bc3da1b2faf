/* Block jobs: nodes, drained sections, speed, I/O errors, events */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drain.h"
#include "block/jobs/block-job.h"
#include "qapi/events-block-job.h"

/* A budget that was not used up does not grow beyond this. */
#define BURST_NS (NS_PER_SECOND / 10)

static void drained_begin(BlockChild *child)
{
    job_pause(child->opaque);
}

static bool drained_poll(BlockChild *child)
{
    return job_may_work(child->opaque);
}

static void drained_end(BlockChild *child)
{
    job_resume(child->opaque);
}

static const char *job_type(BlockChild *child)
{
    const Job *job = child->opaque;

    return JobType_name(job->driver->type);
}

/* A job means this node, whatever is put on top of it or in its place. */
static const BlockChildOps child_ops = {
    .drained_begin = drained_begin, .drained_poll = drained_poll, .drained_end = drained_end,
    .stays = true, .job_type = job_type,
};

BlockJob *block_job_new(const JobDriver *driver, const BlockJobOptions *options, JobTxn *txn,
                        Error **errp)
{
    unsigned flags = (options->manual_finalize ? JOB_MANUAL_FINALIZE : 0) |
                     (options->manual_dismiss ? JOB_MANUAL_DISMISS : 0);
    const char *id = options->id;
    BlockJob *job;
    Job *base;

    if (!id && !options->internal) {
        if (!options->device || !blk_find(options->device)) {
            error_set(errp, "Invalid job ID ''");
            error_hint(errp, "A node that is no device's needs a 'job-id'");
            return NULL;
        }
        id = options->device;
    }
    if (options->speed < 0) {
        error_set(errp, "Parameter 'speed' expects a non-negative value");
        return NULL;
    }
    base = job_new(driver, id, flags, txn, errp);
    if (!base) {
        return NULL;
    }
    job = BLOCK_JOB_OF(base);
    job->children = g_ptr_array_new();
    job->speed = options->speed;
    return job;
}

BlockChild *block_job_add_node(BlockJob *job, BlockNode *node, uint32_t perm, uint32_t shared,
                               Error **errp)
{
    g_autofree char *user = g_strdup_printf("%s job '%s'", JobType_name(job->job.driver->type),
                                            job->job.id ? job->job.id : "(internal)");
    BlockChild *child = block_child_new_ops(node, user, perm, shared, &child_ops, &job->job,
                                            errp);

    if (child) {
        g_ptr_array_add(job->children, child);
    }
    return child;
}

void block_job_remove_node(BlockJob *job, BlockChild *child)
{
    g_ptr_array_remove(job->children, child);
    block_child_free(child);
}

void block_job_remove_all_nodes(BlockJob *job)
{
    while (job->children->len) {
        block_job_remove_node(job, job->children->pdata[job->children->len - 1]);
    }
}

void block_job_free(Job *job)
{
    BlockJob *block_job = BLOCK_JOB_OF(job);

    block_job_remove_all_nodes(block_job);
    g_ptr_array_unref(block_job->children);
    block_job_free_buffers(block_job);
}

void *block_job_buffer(BlockJob *job, size_t bytes)
{
    if (bytes > BLOCK_JOB_BUFFER_BYTES) {
        return block_try_alloc(bytes);
    }
    return job->nr_buffers ? job->buffers[--job->nr_buffers]
                           : block_try_alloc(BLOCK_JOB_BUFFER_BYTES);
}

void block_job_buffer_done(BlockJob *job, void *buf, size_t bytes)
{
    if (buf && bytes <= BLOCK_JOB_BUFFER_BYTES && job->nr_buffers < BLOCK_JOB_BUFFERS) {
        job->buffers[job->nr_buffers++] = buf;
    } else {
        free(buf);
    }
}

void block_job_free_buffers(BlockJob *job)
{
    while (job->nr_buffers) {
        free(job->buffers[--job->nr_buffers]);
    }
}

void block_job_set_speed(Job *job, int64_t speed)
{
    BLOCK_JOB_OF(job)->speed = speed;
    BLOCK_JOB_OF(job)->next_ns = 0;
}

void block_job_user_resume(Job *job)
{
    BLOCK_JOB_OF(job)->io_status = BLOCK_DEVICE_IO_STATUS_OK;
}

void block_job_notify_ready(Job *job)
{
    qapi_event_send_block_job_ready(job->driver->type, job->id, job->progress_total,
                                    job->progress, BLOCK_JOB_OF(job)->speed);
}

void block_job_notify_done(Job *job)
{
    int64_t speed = BLOCK_JOB_OF(job)->speed;

    if (job_is_cancelled(job)) {
        qapi_event_send_block_job_cancelled(job->driver->type, job->id, job->progress_total,
                                            job->progress, speed);
    } else {
        qapi_event_send_block_job_completed(job->driver->type, job->id, job->progress_total,
                                            job->progress, speed,
                                            job->ret ? job_error_text(job) : NULL);
    }
}

void block_job_notify_pending(Job *job)
{
    qapi_event_send_block_job_pending(job->driver->type, job->id);
}

void co_block_job_throttle(BlockJob *job, int64_t bytes)
{
    int64_t now = clock_ns(CLOCK_TYPE_REALTIME), wait = 0;

    if (job->speed && bytes) {
        job->next_ns = MAX(job->next_ns, now - BURST_NS);
        job->next_ns += muldiv64(bytes, NS_PER_SECOND, job->speed);
        wait = MAX(job->next_ns - now, 0);
    }
    if (wait) {
        co_job_sleep(&job->job, wait);
    } else {
        co_job_relax(&job->job);
    }
}

BlockErrorAction block_job_error(BlockJob *job, BlockdevOnError policy, bool is_read, int error)
{
    BlockErrorAction action;

    switch (policy) {
    case BLOCKDEV_ON_ERROR_ENOSPC:
    case BLOCKDEV_ON_ERROR_AUTO:
        action = error == ENOSPC ? BLOCK_ERROR_ACTION_STOP : BLOCK_ERROR_ACTION_REPORT;
        break;
    case BLOCKDEV_ON_ERROR_STOP:
        action = BLOCK_ERROR_ACTION_STOP;
        break;
    case BLOCKDEV_ON_ERROR_IGNORE:
        action = BLOCK_ERROR_ACTION_IGNORE;
        break;
    default:
        action = BLOCK_ERROR_ACTION_REPORT;
        break;
    }
    if (job->job.id) {
        qapi_event_send_block_job_error(job->job.id, is_read ? IO_OPERATION_TYPE_READ
                                                             : IO_OPERATION_TYPE_WRITE,
                                        action);
    }
    if (action == BLOCK_ERROR_ACTION_STOP) {
        if (!job->job.user_paused) {
            job->job.user_paused = true;
            job_pause(&job->job);
        }
        job->io_status = error == ENOSPC ? BLOCK_DEVICE_IO_STATUS_NOSPACE
                                         : BLOCK_DEVICE_IO_STATUS_FAILED;
    }
    return action;
}

void co_block_job_drain_begin(BlockJob *job, BlockNode *node)
{
    job->job.exempt = true;
    co_drain_begin(node);
}

void block_job_drain_end(BlockJob *job, BlockNode *node)
{
    block_drain_end(node);
    job->job.exempt = false;
}
