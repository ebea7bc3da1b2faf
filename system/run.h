/* Run states: start, stop, reset, shutdown, panic, and what -action makes of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_RUN_H
#define SYSTEM_RUN_H

#include <stdbool.h>

#include "accel/run.h"

/* Names as QMP spells them: run_state_name(). */
typedef enum RunState {
    RUN_STATE_PRELAUNCH,
    RUN_STATE_RUNNING,
    RUN_STATE_PAUSED,
    RUN_STATE_SHUTDOWN,
    RUN_STATE_SUSPENDED,
    RUN_STATE_GUEST_PANICKED,
    RUN_STATE_IO_ERROR,
    RUN_STATE_WATCHDOG,
    RUN_STATE_INTERNAL_ERROR,
    RUN_STATE_DEBUG,
    NR_RUN_STATES,
} RunState;

/* -action, -no-reboot (reboot=shutdown), -no-shutdown (shutdown=pause). */
typedef struct RunActions {
    enum { REBOOT_RESET, REBOOT_SHUTDOWN } reboot;
    enum { SHUTDOWN_POWEROFF, SHUTDOWN_PAUSE } shutdown;
    enum { PANIC_PAUSE, PANIC_SHUTDOWN, PANIC_EXIT_FAILURE, PANIC_NONE } panic;
} RunActions;
extern RunActions run_actions;

/* All of this: main thread, VM lock held. */
RunState run_state(void);
const char *run_state_name(RunState state);
bool run_is_running(void);
void run_start(void);               /* let the guest run */
void run_stop(RunState state);      /* stop it, for that reason */
void run_reset(void);               /* the machine as after power-on */

/* Called after each change of run state. */
typedef void RunStateFn(void *opaque, bool running, RunState state);
void run_add_listener(RunStateFn *fn, void *opaque);
/* Called when the power button is pressed (-> ACPI). */
void run_add_powerdown(void (*fn)(void *opaque), void *opaque);

/* Act on what was requested since the last call. True: leave the main loop. */
bool run_process_requests(void);
int run_exit_status(void);

/* Take SIGTERM, SIGINT and SIGHUP as requests to shut down. */
void run_catch_signals(void);

#endif
