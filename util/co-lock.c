/* Waiting in coroutines: a mutex, a queue, sleep, and moving to another loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/co-lock.h"

typedef struct Waiter {
    ListLink link;
    Coroutine *co;
} Waiter;

void co_queue_init(CoQueue *queue)
{
    list_init(&queue->waiters);
}

void co_queue_wait(CoQueue *queue, CoMutex *mutex)
{
    Waiter waiter = { .co = co_self() };

    list_append(&queue->waiters, &waiter.link);
    if (mutex) {
        co_mutex_unlock(mutex);
    }
    co_yield();
    if (mutex) {
        co_mutex_lock(mutex);
    }
}

/* The waiter at the head, taken off the queue. */
static Coroutine *dequeue(CoQueue *queue)
{
    Waiter *waiter = list_first(&queue->waiters, Waiter, link);

    if (!waiter) {
        return NULL;
    }
    list_remove(&waiter->link);
    return waiter->co;
}

bool co_queue_wake_one(CoQueue *queue)
{
    Coroutine *co = dequeue(queue);

    if (co) {
        co_wake(co);
    }
    return co;
}

void co_queue_wake_all(CoQueue *queue)
{
    while (co_queue_wake_one(queue)) {
    }
}

bool co_queue_empty(const CoQueue *queue)
{
    return list_empty(&queue->waiters);
}

void co_mutex_init(CoMutex *mutex)
{
    mutex->holder = NULL;
    co_queue_init(&mutex->queue);
}

void co_mutex_lock(CoMutex *mutex)
{
    g_assert(mutex->holder != co_self());
    if (!mutex->holder) {
        mutex->holder = co_self();
        return;
    }
    co_queue_wait(&mutex->queue, NULL);     /* the one who unlocks makes us the holder */
    g_assert(mutex->holder == co_self());
}

void co_mutex_unlock(CoMutex *mutex)
{
    g_assert(mutex->holder == co_self());
    mutex->holder = dequeue(&mutex->queue);
    if (mutex->holder) {
        co_wake(mutex->holder);
    }
}

typedef struct Sleep {
    Timer timer;
    Coroutine *co;
    int64_t expire_ns;
} Sleep;

static void sleep_over(void *opaque)
{
    Sleep *sleep = opaque;

    co_wake(sleep->co);
}

static void sleep_arm(void *opaque)
{
    Sleep *sleep = opaque;

    timer_arm(&sleep->timer, sleep->expire_ns);
}

void co_sleep(ClockType type, int64_t ns)
{
    Sleep sleep = { .co = co_self(), .expire_ns = clock_ns(type) + ns };

    timer_init(&sleep.timer, type, sleep_over, &sleep);
    if (co_loop(sleep.co) == loop_main()) {
        sleep_arm(&sleep);
        co_yield();
    } else {
        /* Timers belong to the main loop. */
        loop_post(loop_main(), sleep_arm, &sleep);
        co_yield();
    }
}

static void move_on(void *opaque)
{
    co_wake(opaque);
}

void co_move_to(Loop *loop)
{
    Coroutine *co = co_self();

    if (co_loop(co) == loop) {
        return;
    }
    co_set_loop(co, loop);
    co_yield_then(move_on, co);
}
