/* Requests a guest makes of the whole machine, kept until the main loop takes them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "util/loop.h"

#include <stdatomic.h>

static _Atomic unsigned requests;
static _Atomic int last_cause, last_exit_code;

void run_request(RunRequest request, ShutdownCause cause)
{
    /* Requests that need no cause leave another's alone: both may be taken at once. */
    if (cause != SHUTDOWN_CAUSE_NONE) {
        last_cause = cause;
    }
    atomic_fetch_or(&requests, request);
    loop_wake(loop_main());
}

void run_request_exit(int code)
{
    last_exit_code = code;
    run_request(RUN_REQUEST_EXIT, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
}

unsigned run_requests_take(ShutdownCause *cause, int *exit_code)
{
    unsigned taken = atomic_exchange(&requests, 0);

    *cause = last_cause;
    *exit_code = last_exit_code;
    return taken;
}
