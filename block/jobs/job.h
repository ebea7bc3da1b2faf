/* Jobs: long work in a coroutine, with a state machine that users steer */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_JOB_H
#define BLOCK_JOBS_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "qapi/types-job.h"
#include "util/co-lock.h"
#include "util/error.h"
#include "util/list.h"

/*
 * Everything happens in the main loop. A job is created, gets going by
 * job_start(), and from then on belongs to the list of jobs, which drops it
 * when it is dismissed; who needs it longer takes a reference.
 *
 * created -> running <-> paused, -> ready <-> standby, -> waiting (for the
 * others of its transaction) -> pending -> concluded -> null, or on failure
 * and cancelling -> aborting -> concluded -> null.
 */
typedef struct Job Job;
typedef struct JobTxn JobTxn;

typedef struct JobDriver {
    JobType type;
    size_t size;                        /* of the instance; a Job comes first */
    /* The work. 0 or a negative errno; errp where there is more to say. */
    int (*co_run)(Job *job, Error **errp);
    /*
     * When all of the transaction have succeeded: what may fail of the end,
     * then one of commit and abort, and clean in any case. All may yield.
     */
    int (*co_prepare)(Job *job, Error **errp);
    void (*co_commit)(Job *job);
    void (*co_abort)(Job *job);
    void (*co_clean)(Job *job);
    void (*free)(Job *job);
    /* Asked to come to its end; only in status ready. NULL: it cannot be. */
    void (*complete)(Job *job, Error **errp);
    /* Asked to cancel. Returns whether by force; NULL: always by force. */
    bool (*cancel)(Job *job, bool force);
    void (*co_pause)(Job *job);         /* at a pause point: wait for what is in flight */
    bool (*in_flight)(Job *job);        /* requests of its own coroutines are under way */
    void (*set_speed)(Job *job, int64_t speed);
    void (*user_resume)(Job *job);
    /* Tells the user about status ready, the end, and that it waits for finalize. */
    void (*notify_ready)(Job *job);
    void (*notify_done)(Job *job);
    void (*notify_pending)(Job *job);
    bool is_block_job;
} JobDriver;

struct Job {
    const JobDriver *driver;
    char *id;                           /* NULL: internal, nobody sees it */
    unsigned refs;
    JobStatus status;
    JobTxn *txn;
    unsigned pause_count;               /* who wants it paused: the user, drained sections */
    bool user_paused;
    bool busy;                          /* at work, and may start requests */
    bool paused;                        /* stands at a pause point */
    bool started, returned;             /* co_run was called, has returned */
    bool cancelled, force_cancel;
    bool auto_finalize, auto_dismiss;
    bool exempt;                        /* drained sections of its own do not wait for it */
    int ret;
    Error *err;
    int64_t progress, progress_total;
    int64_t waited_ns;                  /* when the main loop had its turn, by the real clock */
    CoQueue wake;                       /* where its coroutine waits */
    CoQueue concluded;                  /* who waits for its end */
    ListLink link;                      /* in the list of jobs */
    ListLink txn_link;
};

#define JOB_OF(job_, type_) container_of((job_), type_, job)

enum {
    JOB_MANUAL_FINALIZE = 1,
    JOB_MANUAL_DISMISS = 2,
    JOB_INTERNAL = 4,                   /* id must be NULL */
};

/* txn NULL: one of its own. NULL with errp for a bad or known id. */
Job *job_new(const JobDriver *driver, const char *id, unsigned flags, JobTxn *txn, Error **errp);
void job_ref(Job *job);
void job_unref(Job *job);
/* One that was never started goes, with what clean() and free() do; in a coroutine. */
void co_job_discard(Job *job);
void job_start(Job *job);
Job *job_find(const char *id);
void jobs_for_each(void (*fn)(Job *job, void *opaque), void *opaque);
bool job_id_ok(const char *id);

/* Jobs that succeed or fail together. job_new() adds; each job holds a reference. */
JobTxn *job_txn_new(void);
void job_txn_unref(JobTxn *txn);

/* For drivers, in co_run */
void co_job_pause_point(Job *job);
void co_job_relax(Job *job);                    /* the same, and the main loop gets its turn */
void co_job_sleep(Job *job, int64_t ns);        /* shorter if there is news */
void co_job_wait(Job *job);                     /* until job_enter() */
void job_enter(Job *job);                       /* news: wake its coroutine up */
void job_ready(Job *job);
bool job_is_ready(const Job *job);
bool job_is_cancelled(const Job *job);          /* by force: end with -ECANCELED */
static inline bool job_cancel_requested(const Job *job)
{
    return job->cancelled;
}
void job_progress_set_remaining(Job *job, int64_t remaining);
static inline void job_progress_add(Job *job, int64_t done)
{
    job->progress += done;
}

/* From outside: counted, a pause by the user is another. */
void job_pause(Job *job);
void job_resume(Job *job);
/* For drained sections: it may still start requests, or has some under way. */
bool job_may_work(Job *job);
void job_cancel(Job *job, bool force);
/* The whole of it: returns the job's result once it is concluded. */
int co_job_cancel_sync(Job *job, bool force);
void jobs_cancel_all(void);             /* at the program's end, outside of coroutines */
const char *job_error_text(const Job *job);     /* NULL: none */

/* What a user asks: refused where the status does not allow it. */
bool job_user_pause(Job *job, Error **errp);
bool job_user_resume(Job *job, Error **errp);
bool job_user_cancel(Job *job, bool force, Error **errp);
bool job_user_complete(Job *job, Error **errp);
bool job_user_set_speed(Job *job, int64_t speed, Error **errp);
bool co_job_user_finalize(Job *job, Error **errp);
bool job_user_dismiss(Job *job, Error **errp);
bool job_is_concluded(const Job *job);

#endif
