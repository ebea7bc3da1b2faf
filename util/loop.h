/* The event loop: descriptors, posted calls, wake-up; timers on the main one */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_LOOP_H
#define UTIL_LOOP_H

#include <stdbool.h>

/*
 * One loop a thread. The main loop (loop_main()) also runs the timers of
 * util/clock.h and GLib's default context. Callbacks of a loop never nest: no
 * callback runs the loop.
 */
typedef struct Loop Loop;
typedef void LoopFn(void *opaque);

Loop *loop_main(void);
/* The loop whose callback is running in this thread, else the one created in it, else NULL. */
Loop *loop_current(void);
Loop *loop_new(void);
void loop_free(Loop *loop);     /* no thread may be in it */

/*
 * Watch fd: on_read when it is readable or hung up, on_write when it is
 * writable; NULL for what is not wanted, both NULL to stop watching (do so
 * before close()). Only from the loop's own thread, or under the VM lock for
 * the main loop.
 */
void loop_set_fd(Loop *loop, int fd, LoopFn *on_read, LoopFn *on_write, void *opaque);

/* Run fn in the loop's thread, after what is being dispatched. Any thread; in order. */
void loop_post(Loop *loop, LoopFn *fn, void *opaque);
/* Make loop_wait() return. Any thread, also signal handlers. */
void loop_wake(Loop *loop);

/* One turn in two halves, so that the main thread can drop the VM lock while it sleeps. */
void loop_wait(Loop *loop);         /* sleep until something is ready */
void loop_dispatch(Loop *loop);     /* run what is ready, once each */

#endif
