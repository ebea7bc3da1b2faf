/* Waiting in coroutines: a mutex, a queue, sleep, and moving to another loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_CO_LOCK_H
#define UTIL_CO_LOCK_H

#include <stdint.h>

#include "util/clock.h"
#include "util/coroutine.h"
#include "util/list.h"

/*
 * All users of one CoQueue or CoMutex live in one loop; a lock is needed only
 * for what must hold across a yield. First come, first served.
 */
typedef struct CoQueue {
    List waiters;
} CoQueue;

typedef struct CoMutex {
    Coroutine *holder;
    CoQueue queue;
} CoMutex;

void co_queue_init(CoQueue *queue);
/* Wait for a wake-up; gives mutex up meanwhile when it is not NULL. */
void co_queue_wait(CoQueue *queue, CoMutex *mutex);
/* Not a yield: the woken run later from their loop. False: nobody waits. */
bool co_queue_wake_one(CoQueue *queue);
void co_queue_wake_all(CoQueue *queue);
bool co_queue_empty(const CoQueue *queue);

void co_mutex_init(CoMutex *mutex);
void co_mutex_lock(CoMutex *mutex);
void co_mutex_unlock(CoMutex *mutex);

/* Sleep for ns on that clock. */
void co_sleep(ClockType type, int64_t ns);
/* Go on in another loop's thread. What only the old one may touch is left behind, also its lock. */
void co_move_to(Loop *loop);

#endif
