/* Block jobs: a Job with nodes, speed and a policy for I/O errors */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_BLOCK_JOB_H
#define BLOCK_JOBS_BLOCK_JOB_H

#include "block/driver.h"
#include "block/jobs/job.h"
#include "qapi/types-block-common.h"
#include "qapi/types-block-job.h"

enum {
    BLOCK_JOB_BUFFER_BYTES = 1 << 20,
    BLOCK_JOB_BUFFERS = 16,
};

typedef struct BlockJob {
    Job job;
    GPtrArray *children;                /* of BlockChild: the nodes it works with */
    int64_t speed;                      /* bytes a second, 0: no limit */
    int64_t next_ns;                    /* when the budget is even again */
    BlockDeviceIoStatus io_status;
    void *buffers[BLOCK_JOB_BUFFERS];   /* of BLOCK_JOB_BUFFER_BYTES: to be used again */
    unsigned nr_buffers;
} BlockJob;

#define BLOCK_JOB_OF(job_) container_of((job_), BlockJob, job)

/* What every command that starts one has. */
typedef struct BlockJobOptions {
    const char *id;                     /* NULL: the name of the device */
    const char *device;                 /* what the user called it */
    bool internal;                      /* no id, nobody sees it */
    int64_t speed;
    bool manual_finalize, manual_dismiss;
} BlockJobOptions;

BlockJob *block_job_new(const JobDriver *driver, const BlockJobOptions *options, JobTxn *txn,
                        Error **errp);
/* It uses node; drained sections pause it. The reference lasts until the end. */
BlockChild *block_job_add_node(BlockJob *job, BlockNode *node, uint32_t perm, uint32_t shared,
                               Error **errp);
void block_job_remove_node(BlockJob *job, BlockChild *child);   /* may close the node */
void block_job_remove_all_nodes(BlockJob *job);

/* For JobDriver: what all block jobs do. */
void block_job_free(Job *job);
void block_job_set_speed(Job *job, int64_t speed);
void block_job_user_resume(Job *job);
void block_job_notify_ready(Job *job);
void block_job_notify_done(Job *job);
void block_job_notify_pending(Job *job);
#define BLOCK_JOB_DRIVER                                                                     \
    .is_block_job = true, .set_speed = block_job_set_speed,                                  \
    .user_resume = block_job_user_resume, .notify_ready = block_job_notify_ready,            \
    .notify_done = block_job_notify_done, .notify_pending = block_job_notify_pending

/* bytes were moved: sleep as the speed asks, which is also a pause point. */
void co_block_job_throttle(BlockJob *job, int64_t bytes);
/*
 * A request failed with error, a positive errno. Tells the user; with stop the
 * job is paused as by the user. report: give up.
 */
BlockErrorAction block_job_error(BlockJob *job, BlockdevOnError policy, bool is_read, int error);

/* Memory to copy by, or NULL. New memory each time would cost more than the copying. */
void *block_job_buffer(BlockJob *job, size_t bytes);
void block_job_buffer_done(BlockJob *job, void *buf, size_t bytes);
void block_job_free_buffers(BlockJob *job);

/* A drained section that the job itself begins does not wait for it. */
void co_block_job_drain_begin(BlockJob *job, BlockNode *node);
void block_job_drain_end(BlockJob *job, BlockNode *node);

/* The node of what a user calls device: an id of a drive or device, or a node's name. */
BlockNode *block_node_of_device(const char *device, Error **errp);
/* NULL with errp in QMP's words. */
BlockJob *block_job_find(const char *id, Error **errp);

#endif
