/* Run states: start, stop, reset, shutdown, panic, and what -action makes of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_RUN_H
#define SYSTEM_RUN_H

#include <stdbool.h>

#include "accel/run.h"
#include "accel/vcpu.h"
#include "qapi/types-run.h"
#include "util/error.h"

/* -action, set-action, -no-reboot (reboot=shutdown), -no-shutdown (shutdown=pause). */
typedef struct RunActions {
    RebootAction reboot;
    ShutdownAction shutdown;
    PanicAction panic;
    WatchdogAction watchdog;
} RunActions;
extern RunActions run_actions;

/* All of this: main thread, VM lock held. */
RunState run_state(void);
bool run_is_running(void);
void run_start(void);               /* let the guest run */
/* The same for a debugger: only these CPUs, and with or without the guest's timers. */
void run_start_some(bool (*wanted)(Vcpu *cpu), bool timers);
bool run_needs_reset(void);         /* it was shut down, or failed: to run on makes no sense */
void run_stop(RunState state);      /* stop it, for that reason */
void run_reset(ShutdownCause cause);    /* the machine as after power-on */
bool run_wake_up(Error **errp);     /* from S3; fails when it does not sleep */

/* Called after each change of run state. */
typedef void RunStateFn(void *opaque, bool running, RunState state);
void run_add_listener(RunStateFn *fn, void *opaque);

/* Act on what was requested since the last call. True: leave the main loop. */
bool run_process_requests(void);
/* Wait until what has been requested by now has been acted on, for handlers of commands. */
void co_run_wait_processed(void);
int run_exit_status(void);

/* Take SIGTERM, SIGINT and SIGHUP as requests to shut down. */
void run_catch_signals(void);

#endif
