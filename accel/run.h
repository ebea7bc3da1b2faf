/* What a guest may ask of the whole machine: reset, shutdown, wake-up, panic, an exit code */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_RUN_H
#define ACCEL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "qapi/types-run.h"

typedef enum RunRequest {
    RUN_REQUEST_RESET = 1 << 0,
    RUN_REQUEST_SHUTDOWN = 1 << 1,
    RUN_REQUEST_POWERDOWN = 1 << 2, /* press the power button */
    RUN_REQUEST_SUSPEND = 1 << 3,
    RUN_REQUEST_WAKEUP = 1 << 4,
    RUN_REQUEST_EXIT = 1 << 5,      /* end the program with exit_code */
    RUN_REQUEST_PANIC = 1 << 6,     /* pvpanic, or a CPU in triple fault */
    RUN_REQUEST_WATCHDOG = 1 << 7,  /* the watchdog expired */
    RUN_REQUEST_INTERNAL_ERROR = 1 << 8,    /* the accelerator cannot go on: stop */
    RUN_REQUEST_DEBUG = 1 << 9,     /* a CPU stopped for the debugger, accel/debug.h */
} RunRequest;

/*
 * Any thread, also signal handlers: record the request and wake the main loop,
 * which acts on it (system/run.c) when the callback at hand has returned.
 */
void run_request(RunRequest request, ShutdownCause cause);
/* End the main loop; the program's exit status is code & 0xff. */
void run_request_exit(int code);

/* For the main loop: take all requests made since the last call, with the last cause of each kind. */
unsigned run_requests_take(ShutdownCause *cause, int *exit_code);

#endif
