/* The worker pool: blocking calls that must not be made in a loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_THREAD_POOL_H
#define UTIL_THREAD_POOL_H

#include "util/coroutine.h"

/* Runs on a worker, without locks; returns 0 or a negative errno by custom. */
typedef int ThreadPoolFn(void *opaque);
typedef void ThreadPoolDone(void *opaque, int ret);

/* Run fn on a worker, then done in the loop of the caller (the main one where there is none). */
void thread_pool_submit(ThreadPoolFn *fn, void *opaque, ThreadPoolDone *done, void *done_opaque);
/* Run fn on a worker and wait for it in this coroutine. */
int co_thread_call(ThreadPoolFn *fn, void *opaque);

#endif
