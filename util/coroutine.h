/* Stackful coroutines: create, enter, yield; straight code that waits without blocking a loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_COROUTINE_H
#define UTIL_COROUTINE_H

#include <stdbool.h>

#include "util/loop.h"

/*
 * A coroutine runs in one thread at a time: that of its loop, or of the caller
 * of co_enter(). The stack is 256 KiB with a guard page, so no large arrays.
 * Functions that may yield carry co_ in their names and are called from
 * coroutines only.
 */
typedef struct Coroutine Coroutine;
typedef void CoroutineFn(void *opaque);

/* Its loop is the caller's (the main one where there is none). It frees itself at its end. */
Coroutine *co_create(CoroutineFn *fn, void *opaque);
/* Run it here and now until it yields or ends. Not for one that runs or is scheduled already. */
void co_enter(Coroutine *co);
/* Back to whoever entered this one; returns at the next co_enter() or co_wake(). */
void co_yield(void);
/* co_yield(), and call fn once this stack is left: to hand the coroutine over to another thread. */
void co_yield_then(LoopFn *fn, void *opaque);
/* Enter it from its loop, soon. Any thread; once a yield. */
void co_wake(Coroutine *co);

Coroutine *co_self(void);           /* NULL outside of coroutines */
static inline bool in_coroutine(void)
{
    return co_self();
}
Loop *co_loop(Coroutine *co);
void co_set_loop(Coroutine *co, Loop *loop);    /* for co_move_to() */

/* For main() of the tools: run fn in a coroutine and the main loop until it ended. */
void co_run(CoroutineFn *fn, void *opaque);

#endif
