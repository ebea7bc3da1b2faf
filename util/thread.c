/* Threads with names */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

GThread *thread_start(const char *name, GThreadFunc fn, void *opaque)
{
    sigset_t all, before;
    GThread *thread;

    /* The main thread alone handles signals; faults must stay deliverable. */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGTRAP);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread = g_thread_new(name, fn, opaque);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return thread;
}

pid_t thread_id(void)
{
    return syscall(SYS_gettid);
}
