/* The worker pool: threads that come when work waits and leave when they idle */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/thread-pool.h"

#include "util/list.h"
#include "util/thread.h"

#define WORKERS_MAX  64
#define IDLE_SECONDS 10

typedef struct Work {
    ListLink link;
    ThreadPoolFn *fn;
    void *opaque;
    ThreadPoolDone *done;
    void *done_opaque;
    Loop *loop;
    int ret;
} Work;

static GMutex lock;             /* leaf: guards all below */
static GCond more;
static List queue = { &queue, &queue };
static unsigned queued, workers, idle;

static void finish(void *opaque)
{
    Work *work = opaque;

    work->done(work->done_opaque, work->ret);
    g_free(work);
}

static gpointer worker(gpointer unused)
{
    g_mutex_lock(&lock);
    for (;;) {
        Work *work = list_first(&queue, Work, link);

        if (!work) {
            gint64 until = g_get_monotonic_time() + IDLE_SECONDS * G_TIME_SPAN_SECOND;
            bool woken;

            idle++;
            woken = g_cond_wait_until(&more, &lock, until);
            idle--;
            if (!woken && list_empty(&queue)) {
                break;
            }
            continue;
        }
        list_remove(&work->link);
        queued--;
        g_mutex_unlock(&lock);
        work->ret = work->fn(work->opaque);
        loop_post(work->loop, finish, work);
        g_mutex_lock(&lock);
    }
    workers--;
    g_mutex_unlock(&lock);
    return NULL;
}

static void submit(Loop *loop, ThreadPoolFn *fn, void *opaque, ThreadPoolDone *done,
                   void *done_opaque)
{
    Work *work = g_new0(Work, 1);
    bool start = false;

    *work = (Work){ .fn = fn, .opaque = opaque, .done = done, .done_opaque = done_opaque,
                    .loop = loop };
    g_mutex_lock(&lock);
    list_append(&queue, &work->link);
    queued++;
    if (queued > idle && workers < WORKERS_MAX) {
        workers++;
        start = true;
    }
    g_cond_signal(&more);
    g_mutex_unlock(&lock);
    if (start) {
        g_thread_unref(thread_start("worker", worker, NULL));
    }
}

void thread_pool_submit(ThreadPoolFn *fn, void *opaque, ThreadPoolDone *done, void *done_opaque)
{
    Loop *loop = loop_current();

    submit(loop ? loop : loop_main(), fn, opaque, done, done_opaque);
}

typedef struct Call {
    Coroutine *co;
    int ret;
} Call;

static void call_done(void *opaque, int ret)
{
    Call *call = opaque;

    call->ret = ret;
    co_enter(call->co);
}

int co_thread_call(ThreadPoolFn *fn, void *opaque)
{
    Call call = { .co = co_self() };

    /* The answer is posted to its loop, which cannot dispatch it before the yield. */
    submit(co_loop(call.co), fn, opaque, call_done, &call);
    co_yield();
    return call.ret;
}
