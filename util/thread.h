/* Threads with names; mutexes and conditions are GLib's */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_THREAD_H
#define UTIL_THREAD_H

#include <glib.h>
#include <sys/types.h>

/* Start a thread that shows under name (15 characters count) in ps -L and gdb, signals blocked. */
GThread *thread_start(const char *name, GThreadFunc fn, void *opaque);
/* The kernel's id of the calling thread. */
pid_t thread_id(void);

#endif
