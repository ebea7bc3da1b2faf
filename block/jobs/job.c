/* Jobs: the state machine, transactions of jobs, pause, cancel, finalize */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drain.h"
#include "block/jobs/job.h"
#include "qapi/events-job.h"
#include "util/trace.h"

/* Requests that never wait would keep the main loop from everybody else. */
#define TURN_NS (5 * NS_PER_SECOND / 1000)

struct JobTxn {
    List jobs;
    unsigned refs;
    bool aborting, finalizing;
};

static List jobs = { &jobs, &jobs };

#define S(status_) BIT(JOB_STATUS_##status_)

/* Where each status may lead to. */
static const uint32_t may_become[] = {
    [JOB_STATUS_UNDEFINED] = S(CREATED),
    [JOB_STATUS_CREATED] = S(RUNNING) | S(ABORTING) | S(NULL),
    [JOB_STATUS_RUNNING] = S(PAUSED) | S(READY) | S(WAITING) | S(ABORTING),
    [JOB_STATUS_PAUSED] = S(RUNNING),
    [JOB_STATUS_READY] = S(STANDBY) | S(WAITING) | S(ABORTING),
    [JOB_STATUS_STANDBY] = S(READY),
    [JOB_STATUS_WAITING] = S(PENDING) | S(ABORTING),
    [JOB_STATUS_PENDING] = S(CONCLUDED) | S(ABORTING),
    [JOB_STATUS_ABORTING] = S(CONCLUDED),
    [JOB_STATUS_CONCLUDED] = S(NULL),
    [JOB_STATUS_NULL] = 0,
};

/* What a user may ask in which status. */
static const uint32_t verbs[] = {
    [JOB_VERB_CANCEL] = S(CREATED) | S(RUNNING) | S(PAUSED) | S(READY) | S(STANDBY) | S(WAITING) |
                        S(PENDING),
    [JOB_VERB_PAUSE] = S(CREATED) | S(RUNNING) | S(PAUSED) | S(READY) | S(STANDBY),
    [JOB_VERB_RESUME] = S(CREATED) | S(RUNNING) | S(PAUSED) | S(READY) | S(STANDBY),
    [JOB_VERB_SET_SPEED] = S(CREATED) | S(RUNNING) | S(PAUSED) | S(READY) | S(STANDBY),
    [JOB_VERB_COMPLETE] = S(READY),
    [JOB_VERB_FINALIZE] = S(PENDING),
    [JOB_VERB_DISMISS] = S(CONCLUDED),
};

static void set_status(Job *job, JobStatus next)
{
    JobStatus was = job->status;

    if (was == next) {
        return;
    }
    TRACE(job_status, "%s: %s -> %s, ret %d", job->id ? job->id : "(internal)",
          JobStatus_name(was), JobStatus_name(next), job->ret);
    g_assert(may_become[was] & BIT(next));
    job->status = next;
    if (job->id) {
        qapi_event_send_job_status_change(job->id, next);
    }
}

static bool verb_allowed(const Job *job, JobVerb verb, Error **errp)
{
    if (verbs[verb] & BIT(job->status)) {
        return true;
    }
    error_set(errp, "Job '%s' in state '%s' cannot accept command verb '%s'", job->id,
              JobStatus_name(job->status), JobVerb_name(verb));
    return false;
}

/* The list */

bool job_id_ok(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

Job *job_find(const char *id)
{
    Job *job;

    list_for_each(job, &jobs, Job, link) {
        if (job->id && !strcmp(job->id, id)) {
            return job;
        }
    }
    return NULL;
}

void jobs_for_each(void (*fn)(Job *job, void *opaque), void *opaque)
{
    Job *job;

    list_for_each(job, &jobs, Job, link) {
        fn(job, opaque);
    }
}

JobTxn *job_txn_new(void)
{
    JobTxn *txn = g_new0(JobTxn, 1);

    list_init(&txn->jobs);
    txn->refs = 1;
    return txn;
}

void job_txn_unref(JobTxn *txn)
{
    if (!--txn->refs) {
        g_free(txn);
    }
}

Job *job_new(const JobDriver *driver, const char *id, unsigned flags, JobTxn *txn, Error **errp)
{
    Job *job;

    if (id && !job_id_ok(id)) {
        error_set(errp, "Invalid job ID '%s'", id);
        return NULL;
    }
    if (id && job_find(id)) {
        error_set(errp, "Job ID '%s' already in use", id);
        return NULL;
    }
    job = g_malloc0(driver->size);
    job->driver = driver;
    job->id = g_strdup(id);
    job->refs = 1;
    job->auto_finalize = !(flags & JOB_MANUAL_FINALIZE);
    job->auto_dismiss = !(flags & JOB_MANUAL_DISMISS);
    job->pause_count = 1;               /* until it is started */
    co_queue_init(&job->wake);
    co_queue_init(&job->concluded);
    list_append(&jobs, &job->link);
    job->txn = txn ? txn : job_txn_new();
    job->txn->refs += txn ? 1 : 0;
    list_append(&job->txn->jobs, &job->txn_link);
    set_status(job, JOB_STATUS_CREATED);
    return job;
}

void job_ref(Job *job)
{
    job->refs++;
}

void job_unref(Job *job)
{
    if (--job->refs) {
        return;
    }
    g_assert(job->status == JOB_STATUS_NULL);
    if (job->driver->free) {
        job->driver->free(job);
    }
    error_free(job->err);
    g_free(job->id);
    g_free(job);
}

static void leave_txn(Job *job)
{
    if (job->txn) {
        list_remove(&job->txn_link);
        job_txn_unref(job->txn);
        job->txn = NULL;
    }
}

static void dismiss(Job *job)
{
    leave_txn(job);
    set_status(job, JOB_STATUS_NULL);
    list_remove(&job->link);
    job_unref(job);
}

const char *job_error_text(const Job *job)
{
    return job->err ? error_text(job->err) : NULL;
}

bool job_is_ready(const Job *job)
{
    return job->status == JOB_STATUS_READY || job->status == JOB_STATUS_STANDBY;
}

bool job_is_cancelled(const Job *job)
{
    return job->force_cancel;
}

bool job_is_concluded(const Job *job)
{
    return job->status == JOB_STATUS_CONCLUDED || job->status == JOB_STATUS_NULL;
}

static bool is_completed(const Job *job)
{
    return BIT(job->status) & (S(WAITING) | S(PENDING) | S(ABORTING) | S(CONCLUDED) | S(NULL));
}

void job_progress_set_remaining(Job *job, int64_t remaining)
{
    job->progress_total = job->progress + remaining;
}

/* Waiting */

bool job_may_work(Job *job)
{
    return !is_completed(job) && !job->exempt &&
           (job->busy || (job->driver->in_flight && job->driver->in_flight(job)));
}

void job_enter(Job *job)
{
    co_queue_wake_all(&job->wake);
}

static void idle(Job *job)
{
    job->busy = false;
    block_drain_kick();
    co_queue_wait(&job->wake, NULL);
    job->busy = true;
    job->waited_ns = clock_ns(CLOCK_TYPE_REALTIME);
}

void co_job_pause_point(Job *job)
{
    JobStatus before = job->status;

    if (!job->pause_count || job->force_cancel) {
        return;
    }
    if (job->driver->co_pause) {
        job->driver->co_pause(job);
    }
    if (!job->pause_count || job->force_cancel) {
        return;
    }
    set_status(job, before == JOB_STATUS_READY ? JOB_STATUS_STANDBY : JOB_STATUS_PAUSED);
    job->paused = true;
    while (job->pause_count && !job->force_cancel) {
        idle(job);
    }
    job->paused = false;
    set_status(job, before);
}

static void wake_up(void *opaque)
{
    job_enter(opaque);
}

void co_job_sleep(Job *job, int64_t ns)
{
    Timer timer;

    if (job->force_cancel) {
        return;
    }
    if (!job->pause_count) {
        timer_init(&timer, CLOCK_TYPE_REALTIME, wake_up, job);
        timer_arm(&timer, clock_ns(CLOCK_TYPE_REALTIME) + ns);
        idle(job);
        timer_disarm(&timer);
    }
    co_job_pause_point(job);
}

void co_job_relax(Job *job)
{
    if (clock_ns(CLOCK_TYPE_REALTIME) - job->waited_ns > TURN_NS) {
        co_job_sleep(job, 0);
    } else {
        co_job_pause_point(job);
    }
}

void co_job_wait(Job *job)
{
    if (!job->pause_count && !job->force_cancel) {
        idle(job);
    }
    co_job_pause_point(job);
}

/* The end */

static CoMutex ending;          /* held by the transaction that is being finalized */
static bool ending_ready;

/* What the result is, cancelling included; on failure the job is aborting. */
static void settle(Job *job)
{
    if (!job->ret && job->force_cancel) {
        job->ret = -ECANCELED;
    }
    if (job->ret) {
        if (!job->err) {
            error_set(&job->err, "%s", g_strerror(-job->ret));
        }
        set_status(job, JOB_STATUS_ABORTING);
    }
}

static void co_finish_one(Job *job)
{
    const JobDriver *d = job->driver;

    settle(job);
    if (!job->ret && d->co_commit) {
        d->co_commit(job);
    } else if (job->ret && d->co_abort) {
        d->co_abort(job);
    }
    if (d->co_clean) {
        d->co_clean(job);
    }
    if (job->started && job->id && d->notify_done) {
        d->notify_done(job);
    }
    leave_txn(job);
    set_status(job, JOB_STATUS_CONCLUDED);
    co_queue_wake_all(&job->concluded);
    if (job->auto_dismiss || !job->started) {
        dismiss(job);
    }
}

/* The jobs of a transaction as they are now, each with a reference. */
static GPtrArray *txn_members(JobTxn *txn)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)job_unref);
    Job *job;

    list_for_each(job, &txn->jobs, Job, txn_link) {
        job_ref(job);
        g_ptr_array_add(all, job);
    }
    return all;
}

/* One failed: the others are cancelled, then all undo what they did. */
static void co_txn_abort(Job *failed)
{
    JobTxn *txn = failed->txn;
    g_autoptr(GPtrArray) all = NULL;

    if (txn->aborting) {
        return;                         /* whoever began it goes on when we are completed */
    }
    txn->aborting = true;
    txn->refs++;
    all = txn_members(txn);
    for (unsigned i = 0; i < all->len; i++) {
        Job *other = all->pdata[i];

        if (other != failed) {
            other->cancelled = other->force_cancel = true;
            job_enter(other);
        }
    }
    for (unsigned i = 0; i < all->len; i++) {
        Job *other = all->pdata[i];

        while (!other->returned && other->started) {
            co_queue_wait(&other->concluded, NULL);
        }
        co_finish_one(other);
    }
    job_txn_unref(txn);
}

static void co_finalize_locked(Job *last)
{
    g_autoptr(GPtrArray) all = txn_members(last->txn);

    for (unsigned i = 0; i < all->len; i++) {
        Job *job = all->pdata[i];

        if (!job->ret && job->driver->co_prepare) {
            job->ret = job->driver->co_prepare(job, &job->err);
        }
        settle(job);
        if (job->ret) {
            co_txn_abort(job);
            return;
        }
    }
    for (unsigned i = 0; i < all->len; i++) {
        co_finish_one(all->pdata[i]);
    }
}

/*
 * What jobs do to the graph at their end takes several steps, which may yield;
 * another job that ends between them would see half of it. Nobody who waits
 * here is busy, so that drained sections of who is inside do not wait for it.
 */
static void co_txn_finalize(Job *last)
{
    if (last->txn->finalizing) {
        return;
    }
    last->txn->finalizing = true;
    if (!ending_ready) {
        co_mutex_init(&ending);
        ending_ready = true;
    }
    job_ref(last);
    co_mutex_lock(&ending);
    co_finalize_locked(last);
    co_mutex_unlock(&ending);
    job_unref(last);
}

/* The work of one is done; when it was the last of its transaction, so is theirs. */
static void co_txn_success(Job *job)
{
    g_autoptr(GPtrArray) all = txn_members(job->txn);
    bool manual = false;

    set_status(job, JOB_STATUS_WAITING);
    for (unsigned i = 0; i < all->len; i++) {
        if (!is_completed(all->pdata[i])) {
            return;
        }
    }
    for (unsigned i = 0; i < all->len; i++) {
        Job *other = all->pdata[i];

        set_status(other, JOB_STATUS_PENDING);
        if (!other->auto_finalize) {
            manual = true;
            if (other->id && other->driver->notify_pending) {
                other->driver->notify_pending(other);
            }
        }
    }
    if (!manual) {
        co_txn_finalize(job);
    }
}

static void co_completed(Job *job)
{
    job->returned = true;
    if (!job->ret && job->force_cancel) {
        job->ret = -ECANCELED;
    }
    if (job->ret) {
        settle(job);
        co_queue_wake_all(&job->concluded);     /* whoever aborts the transaction */
        co_txn_abort(job);
    } else if (job->txn->aborting) {
        co_queue_wake_all(&job->concluded);
    } else {
        co_txn_success(job);
    }
}

static void co_job(void *opaque)
{
    Job *job = opaque;

    job->busy = true;
    co_job_pause_point(job);
    if (!job->force_cancel) {
        job->ret = job->driver->co_run(job, &job->err);
    }
    job->busy = false;
    block_drain_kick();
    co_completed(job);
    job_unref(job);
}

void job_start(Job *job)
{
    g_assert(!job->started);
    job_ref(job);
    job->started = true;
    job->pause_count--;
    set_status(job, JOB_STATUS_RUNNING);
    co_wake(co_create(co_job, job));
}

void co_job_discard(Job *job)
{
    g_assert(!job->started);
    job->ret = -ECANCELED;
    if (job->driver->co_clean) {
        job->driver->co_clean(job);
    }
    dismiss(job);
}

void job_ready(Job *job)
{
    set_status(job, JOB_STATUS_READY);
    if (job->id && job->driver->notify_ready) {
        job->driver->notify_ready(job);
    }
}

/* From outside */

void job_pause(Job *job)
{
    job->pause_count++;
    if (!job->paused) {
        job_enter(job);
    }
}

void job_resume(Job *job)
{
    g_assert(job->pause_count);
    if (!--job->pause_count) {
        job_enter(job);
    }
}

static void co_abort_pending(void *opaque)
{
    Job *job = opaque;

    if (job->txn && !job->txn->aborting && !job_is_concluded(job)) {
        job->ret = job->ret ? job->ret : -ECANCELED;
        settle(job);
        co_txn_abort(job);
    }
    job_unref(job);
}

void job_cancel(Job *job, bool force)
{
    if (job->status == JOB_STATUS_CONCLUDED) {
        dismiss(job);
        return;
    }
    force = job->driver->cancel && job->started ? job->driver->cancel(job, force) : true;
    if (job->user_paused) {
        job->user_paused = false;
        if (job->driver->user_resume) {
            job->driver->user_resume(job);
        }
        job_resume(job);
    }
    if (job->returned && (!force || !job->txn || job->txn->finalizing)) {
        return;                         /* too late */
    }
    job->cancelled = true;
    job->force_cancel |= force;
    if (job->returned || !job->started) {
        job_ref(job);
        co_wake(co_create(co_abort_pending, job));
    } else {
        job_enter(job);
    }
}

int co_job_cancel_sync(Job *job, bool force)
{
    int ret;

    job_ref(job);
    job_cancel(job, force);
    while (!job_is_concluded(job)) {
        co_queue_wait(&job->concluded, NULL);
    }
    ret = job->ret;
    job_unref(job);
    return ret;
}

static void co_cancel_all(void *opaque)
{
    while (!list_empty(&jobs)) {
        co_job_cancel_sync(list_first(&jobs, Job, link), true);
    }
}

void jobs_cancel_all(void)
{
    if (!list_empty(&jobs)) {
        co_run(co_cancel_all, NULL);
    }
}

bool job_user_pause(Job *job, Error **errp)
{
    if (!verb_allowed(job, JOB_VERB_PAUSE, errp)) {
        return false;
    }
    if (job->user_paused) {
        error_set(errp, "Job is already paused");
        return false;
    }
    job->user_paused = true;
    job_pause(job);
    return true;
}

bool job_user_resume(Job *job, Error **errp)
{
    if (!job->user_paused || !job->pause_count) {
        error_set(errp, "Can't resume a job that was not paused");
        return false;
    }
    if (!verb_allowed(job, JOB_VERB_RESUME, errp)) {
        return false;
    }
    if (job->driver->user_resume) {
        job->driver->user_resume(job);
    }
    job->user_paused = false;
    job_resume(job);
    return true;
}

bool job_user_cancel(Job *job, bool force, Error **errp)
{
    if (!verb_allowed(job, JOB_VERB_CANCEL, errp)) {
        return false;
    }
    job_cancel(job, force);
    return true;
}

bool job_user_complete(Job *job, Error **errp)
{
    Error *err = NULL;

    if (!verb_allowed(job, JOB_VERB_COMPLETE, errp)) {
        return false;
    }
    if (job_cancel_requested(job) || !job->driver->complete) {
        error_set(errp, "The active block job '%s' cannot be completed", job->id);
        return false;
    }
    job->driver->complete(job, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    job_enter(job);
    return true;
}

bool job_user_set_speed(Job *job, int64_t speed, Error **errp)
{
    if (!verb_allowed(job, JOB_VERB_SET_SPEED, errp)) {
        return false;
    }
    if (!job->driver->set_speed) {
        error_set(errp, "Job '%s' has no speed to set", job->id);
        return false;
    }
    if (speed < 0) {
        error_set(errp, "Parameter 'speed' expects a non-negative value");
        return false;
    }
    job->driver->set_speed(job, speed);
    job_enter(job);
    return true;
}

bool co_job_user_finalize(Job *job, Error **errp)
{
    if (!verb_allowed(job, JOB_VERB_FINALIZE, errp)) {
        return false;
    }
    co_txn_finalize(job);
    return true;
}

bool job_user_dismiss(Job *job, Error **errp)
{
    if (!verb_allowed(job, JOB_VERB_DISMISS, errp)) {
        return false;
    }
    dismiss(job);
    return true;
}
