/* Run states: start, stop, reset, shutdown, panic actions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/run.h"
#include "accel/accel.h"
#include "hw/core/device.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/loop.h"
#include "util/trace.h"

#include <signal.h>

typedef struct Listener {
    RunStateFn *changed;
    void (*powerdown)(void *opaque);
    void *opaque;
} Listener;

static const char *const state_names[NR_RUN_STATES] = {
    [RUN_STATE_PRELAUNCH] = "prelaunch",
    [RUN_STATE_RUNNING] = "running",
    [RUN_STATE_PAUSED] = "paused",
    [RUN_STATE_SHUTDOWN] = "shutdown",
    [RUN_STATE_SUSPENDED] = "suspended",
    [RUN_STATE_GUEST_PANICKED] = "guest-panicked",
    [RUN_STATE_IO_ERROR] = "io-error",
    [RUN_STATE_WATCHDOG] = "watchdog",
    [RUN_STATE_INTERNAL_ERROR] = "internal-error",
    [RUN_STATE_DEBUG] = "debug",
};

RunActions run_actions = { REBOOT_RESET, SHUTDOWN_POWEROFF, PANIC_SHUTDOWN };

static RunState state = RUN_STATE_PRELAUNCH;
static int exit_status;
static GArray *listeners;

/* Written by the signal handler, read by the main loop. */
static volatile sig_atomic_t killed_by, killed_from;

RunState run_state(void)
{
    return state;
}

const char *run_state_name(RunState s)
{
    return state_names[s];
}

bool run_is_running(void)
{
    return state == RUN_STATE_RUNNING;
}

static void add(Listener listener)
{
    if (!listeners) {
        listeners = g_array_new(false, false, sizeof(Listener));
    }
    g_array_append_val(listeners, listener);
}

void run_add_listener(RunStateFn *fn, void *opaque)
{
    add((Listener){ .changed = fn, .opaque = opaque });
}

void run_add_powerdown(void (*fn)(void *opaque), void *opaque)
{
    add((Listener){ .powerdown = fn, .opaque = opaque });
}

static void enter(RunState next)
{
    TRACE(run_state, "%s -> %s", state_names[state], state_names[next]);
    state = next;
    for (unsigned i = 0; listeners && i < listeners->len; i++) {
        Listener *l = &g_array_index(listeners, Listener, i);

        if (l->changed) {
            l->changed(l->opaque, run_is_running(), next);
        }
    }
}

void run_start(void)
{
    if (!run_is_running()) {
        clock_virtual_start();
        enter(RUN_STATE_RUNNING);
        vcpus_start();
    }
}

void run_stop(RunState next)
{
    if (run_is_running()) {
        vcpus_pause();
        clock_virtual_stop();
    }
    if (state != next) {
        enter(next);
    }
}

void run_reset(void)
{
    bool running = run_is_running();

    if (running) {
        vcpus_pause();
    }
    devices_reset();
    vcpus_reset();
    if (running) {
        vcpus_start();
    } else if (state != RUN_STATE_PRELAUNCH && state != RUN_STATE_PAUSED) {
        enter(RUN_STATE_PRELAUNCH);     /* a reset ends shutdown, panic and error states */
    }
}

static bool shut_down(ShutdownCause cause)
{
    bool wanted = cause == SHUTDOWN_CAUSE_HOST_SIGNAL || cause == SHUTDOWN_CAUSE_HOST_QMP_QUIT;

    if (killed_by) {
        g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)killed_from);
        g_autofree char *name = NULL;

        if (killed_from && g_file_get_contents(path, &name, NULL, NULL)) {
            report_error("terminating on signal %d from pid %d (%s)", (int)killed_by,
                         (int)killed_from, g_strchomp(name));
        } else {
            report_error("terminating on signal %d", (int)killed_by);
        }
    }
    if (!wanted && run_actions.shutdown == SHUTDOWN_PAUSE) {
        run_stop(RUN_STATE_SHUTDOWN);
        return false;
    }
    if (cause == SHUTDOWN_CAUSE_GUEST_PANIC && run_actions.panic == PANIC_EXIT_FAILURE) {
        exit_status = EXIT_FAILURE;
    }
    run_stop(RUN_STATE_SHUTDOWN);
    return true;
}

static bool panicked(void)
{
    if (run_actions.panic == PANIC_NONE) {
        return false;
    }
    if (run_actions.panic == PANIC_PAUSE ||
        (run_actions.panic == PANIC_SHUTDOWN && run_actions.shutdown == SHUTDOWN_PAUSE)) {
        run_stop(RUN_STATE_GUEST_PANICKED);
        return false;
    }
    run_stop(RUN_STATE_GUEST_PANICKED);
    return shut_down(SHUTDOWN_CAUSE_GUEST_PANIC);
}

static void press_power_button(void)
{
    for (unsigned i = 0; listeners && i < listeners->len; i++) {
        Listener *l = &g_array_index(listeners, Listener, i);

        if (l->powerdown) {
            l->powerdown(l->opaque);
        }
    }
}

bool run_process_requests(void)
{
    ShutdownCause cause;
    int exit_code;
    unsigned requests = run_requests_take(&cause, &exit_code);

    if (!requests) {
        return false;
    }
    if (requests & RUN_REQUEST_EXIT) {
        run_stop(RUN_STATE_SHUTDOWN);
        exit_status = exit_code & 0xff;
        return true;
    }
    if ((requests & RUN_REQUEST_PANIC) && panicked()) {
        return true;
    }
    if (requests & RUN_REQUEST_RESET) {
        if (run_actions.reboot == REBOOT_SHUTDOWN &&
            cause != SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET &&
            cause != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
            requests |= RUN_REQUEST_SHUTDOWN;
        } else {
            run_reset();
        }
    }
    if ((requests & RUN_REQUEST_SHUTDOWN) && shut_down(cause)) {
        return true;
    }
    if (requests & RUN_REQUEST_POWERDOWN) {
        press_power_button();
    }
    return false;
}

int run_exit_status(void)
{
    return exit_status;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
    killed_by = signo;
    killed_from = info->si_code <= 0 ? info->si_pid : 0;
    run_request(RUN_REQUEST_SHUTDOWN, SHUTDOWN_CAUSE_HOST_SIGNAL);
}

void run_catch_signals(void)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

    for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}
