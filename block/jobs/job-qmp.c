/* job-*, query-jobs, blockdev-create */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "block/jobs/job.h"
#include "qapi/commands-job.h"

static Job *find(const char *id, Error **errp)
{
    Job *job = job_find(id);

    if (!job) {
        error_set(errp, "Job not found");
    }
    return job;
}

void qmp_job_pause(const char *id, Error **errp)
{
    Job *job = find(id, errp);

    if (job) {
        job_user_pause(job, errp);
    }
}

void qmp_job_resume(const char *id, Error **errp)
{
    Job *job = find(id, errp);

    if (job) {
        job_user_resume(job, errp);
    }
}

void qmp_job_cancel(const char *id, Error **errp)
{
    Job *job = find(id, errp);

    if (job) {
        job_user_cancel(job, true, errp);
    }
}

void qmp_job_complete(const char *id, Error **errp)
{
    Job *job = find(id, errp);

    if (job) {
        job_user_complete(job, errp);
    }
}

void qmp_job_dismiss(const char *id, Error **errp)
{
    Job *job = find(id, errp);

    if (job) {
        job_user_dismiss(job, errp);
    }
}

void qmp_job_finalize(const char *id, Error **errp)
{
    Job *job = find(id, errp);

    if (job) {
        co_job_user_finalize(job, errp);
    }
}

static void add_info(Job *job, void *opaque)
{
    JobInfoList ***tail = opaque;
    JobInfo *info;

    if (!job->id) {
        return;
    }
    info = g_new0(JobInfo, 1);
    info->id = g_strdup(job->id);
    info->type = job->driver->type;
    info->status = job->status;
    info->current_progress = job->progress;
    info->total_progress = job->progress_total;
    info->error = g_strdup(job_error_text(job));
    **tail = g_new0(JobInfoList, 1);
    (**tail)->value = info;
    *tail = &(**tail)->next;
}

JobInfoList *qmp_query_jobs(Error **errp)
{
    JobInfoList *list = NULL, **tail = &list;

    jobs_for_each(add_info, &tail);
    return list;
}

/* Creation of an image as a job */

typedef struct Create {
    Job job;
    BlockdevCreateOptions *options;
} Create;

static int co_create_run(Job *job, Error **errp)
{
    job_progress_set_remaining(job, 1);
    if (!co_block_create(JOB_OF(job, Create)->options, errp)) {
        return -EIO;
    }
    job_progress_add(job, 1);
    return 0;
}

static void create_free(Job *job)
{
    qapi_free_BlockdevCreateOptions(JOB_OF(job, Create)->options);
}

static const JobDriver create_driver = {
    .type = JOB_TYPE_CREATE, .size = sizeof(Create), .co_run = co_create_run, .free = create_free,
};

void qmp_blockdev_create(const char *job_id, BlockdevCreateOptions *options, Error **errp)
{
    Job *job = job_new(&create_driver, job_id, JOB_MANUAL_DISMISS, NULL, errp);

    if (job) {
        JOB_OF(job, Create)->options = qapi_copy_BlockdevCreateOptions(options);
        job_start(job);
    }
}
