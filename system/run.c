/* Run states: start, stop, reset, shutdown, panic actions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/run.h"
#include "accel/accel.h"
#include "accel/debug.h"
#include "hw/core/device.h"
#include "hw/core/power.h"
#include "hw/intc/apic.h"
#include "qapi/events-run.h"
#include "ui/input.h"
#include "util/clock.h"
#include "util/co-lock.h"
#include "util/error.h"
#include "util/loop.h"
#include "util/trace.h"

#include <signal.h>

typedef struct Listener {
    RunStateFn *changed;
    void *opaque;
} Listener;

RunActions run_actions = {
    REBOOT_ACTION_RESET, SHUTDOWN_ACTION_POWEROFF, PANIC_ACTION_SHUTDOWN, WATCHDOG_ACTION_RESET
};

static RunState state = RUN_STATE_PRELAUNCH;
static int exit_status;
static GArray *listeners;
static CoQueue processed;       /* who waits for the end of run_process_requests() */
static bool processed_ready;

/* Written by the signal handler, read by the main loop. */
static volatile sig_atomic_t killed_by, killed_from;

RunState run_state(void)
{
    return state;
}

bool run_is_running(void)
{
    return state == RUN_STATE_RUNNING;
}

void run_add_listener(RunStateFn *fn, void *opaque)
{
    Listener listener = { fn, opaque };

    if (!listeners) {
        listeners = g_array_new(false, false, sizeof(Listener));
    }
    g_array_append_val(listeners, listener);
}

static void enter(RunState next)
{
    TRACE(run_state, "%s -> %s", RunState_name(state), RunState_name(next));
    state = next;
    input_set_live(next == RUN_STATE_RUNNING || next == RUN_STATE_SUSPENDED);
    for (unsigned i = 0; listeners && i < listeners->len; i++) {
        Listener *l = &g_array_index(listeners, Listener, i);

        l->changed(l->opaque, run_is_running(), next);
    }
}

void run_start(void)
{
    if (!run_is_running()) {
        qapi_event_send_resume();
        clock_virtual_start();
        enter(RUN_STATE_RUNNING);
        vcpus_start();
    }
}

void run_start_some(bool (*wanted)(Vcpu *cpu), bool timers)
{
    if (run_is_running()) {
        return;
    }
    qapi_event_send_resume();
    if (timers) {
        clock_virtual_start();
    }
    enter(RUN_STATE_RUNNING);
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (wanted(vcpu_get(i))) {
            vcpu_start(vcpu_get(i));
        }
    }
}

bool run_needs_reset(void)
{
    return state == RUN_STATE_SHUTDOWN || state == RUN_STATE_INTERNAL_ERROR;
}

static void halt(RunState next)
{
    if (run_is_running()) {
        vcpus_pause();
        clock_virtual_stop();
    }
    if (state != next) {
        enter(next);
    }
}

void run_stop(RunState next)
{
    bool running = run_is_running();

    halt(next);
    if (running) {
        qapi_event_send_stop();
    }
}

static bool by_guest(ShutdownCause cause)
{
    return cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN;
}

static void reset_machine(void)
{
    devices_reset();
    vcpus_reset();
}

void run_reset(ShutdownCause cause)
{
    bool running = run_is_running();

    if (running) {
        vcpus_pause();
    }
    reset_machine();
    qapi_event_send_reset(by_guest(cause), cause);
    if (running) {
        vcpus_start();
    } else if (state != RUN_STATE_PRELAUNCH) {
        if (state == RUN_STATE_SUSPENDED) {
            clock_virtual_stop();
        }
        enter(RUN_STATE_PRELAUNCH);     /* a reset ends shutdown, panic and error states */
    }
}

/* --- suspend to RAM --- */

static void suspend(void)
{
    if (run_is_running()) {
        vcpus_pause();
        power_sleep();
        enter(RUN_STATE_SUSPENDED);     /* time goes on: alarms wake the machine up */
        qapi_event_send_suspend();
    }
}

bool run_wake_up(Error **errp)
{
    if (state != RUN_STATE_SUSPENDED) {
        error_set(errp, "Unable to wake up: guest is not in suspended state");
        return false;
    }
    reset_machine();
    power_wake_up();
    enter(RUN_STATE_RUNNING);
    vcpus_start();
    qapi_event_send_wakeup();
    return true;
}

/* --- the end, and what looks like it --- */

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
    qapi_event_send_shutdown(by_guest(cause), cause);
    if (!wanted && run_actions.shutdown == SHUTDOWN_ACTION_PAUSE) {
        run_stop(RUN_STATE_SHUTDOWN);
        return false;
    }
    if (cause == SHUTDOWN_CAUSE_GUEST_PANIC && run_actions.panic == PANIC_ACTION_EXIT_FAILURE) {
        exit_status = EXIT_FAILURE;
    }
    halt(RUN_STATE_SHUTDOWN);           /* SHUTDOWN was the last event */
    return true;
}

static bool panicked(void)
{
    if (run_actions.panic == PANIC_ACTION_NONE) {
        qapi_event_send_guest_panicked(GUEST_PANIC_ACTION_RUN);
        return false;
    }
    if (run_actions.panic == PANIC_ACTION_PAUSE ||
        (run_actions.panic == PANIC_ACTION_SHUTDOWN &&
         run_actions.shutdown == SHUTDOWN_ACTION_PAUSE)) {
        qapi_event_send_guest_panicked(GUEST_PANIC_ACTION_PAUSE);
        run_stop(RUN_STATE_GUEST_PANICKED);
        return false;
    }
    qapi_event_send_guest_panicked(GUEST_PANIC_ACTION_POWEROFF);
    run_stop(RUN_STATE_GUEST_PANICKED);
    return shut_down(SHUTDOWN_CAUSE_GUEST_PANIC);
}

static void watchdog_expired(void)
{
    WatchdogAction action = run_actions.watchdog;

    qapi_event_send_watchdog(action);
    switch (action) {
    case WATCHDOG_ACTION_RESET:
        run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
        break;
    case WATCHDOG_ACTION_SHUTDOWN:
        run_request(RUN_REQUEST_POWERDOWN, SHUTDOWN_CAUSE_NONE);
        break;
    case WATCHDOG_ACTION_POWEROFF:
        run_request_exit(0);
        break;
    case WATCHDOG_ACTION_PAUSE:
        run_stop(RUN_STATE_WATCHDOG);
        break;
    case WATCHDOG_ACTION_DEBUG:
        report_info("watchdog: timer fired");
        break;
    case WATCHDOG_ACTION_INJECT_NMI:
        apic_pulse_lint1();
        break;
    default:
        break;
    }
}

static bool process_requests(unsigned requests, ShutdownCause cause, int exit_code)
{
    if (requests & RUN_REQUEST_EXIT) {
        halt(RUN_STATE_SHUTDOWN);
        exit_status = exit_code & 0xff;
        return true;
    }
    if ((requests & RUN_REQUEST_DEBUG) && debug_stop_pending() && run_is_running()) {
        run_stop(RUN_STATE_DEBUG);
    }
    if (requests & RUN_REQUEST_INTERNAL_ERROR) {
        run_stop(RUN_STATE_INTERNAL_ERROR);
    }
    if ((requests & RUN_REQUEST_PANIC) && panicked()) {
        return true;
    }
    if (requests & RUN_REQUEST_SUSPEND) {
        suspend();
    }
    if (requests & RUN_REQUEST_RESET) {
        if (run_actions.reboot == REBOOT_ACTION_SHUTDOWN &&
            cause != SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET &&
            cause != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
            requests |= RUN_REQUEST_SHUTDOWN;
        } else {
            run_reset(cause);
        }
    }
    if ((requests & RUN_REQUEST_SHUTDOWN) && shut_down(cause)) {
        return true;
    }
    if (requests & RUN_REQUEST_WAKEUP) {
        run_wake_up(NULL);
    }
    if (requests & RUN_REQUEST_POWERDOWN) {
        qapi_event_send_powerdown();
        power_press_button();
    }
    if (requests & RUN_REQUEST_WATCHDOG) {
        watchdog_expired();
    }
    return false;
}

bool run_process_requests(void)
{
    ShutdownCause cause;
    int exit_code;
    unsigned requests = run_requests_take(&cause, &exit_code);
    bool ends = requests && process_requests(requests, cause, exit_code);

    if (processed_ready) {
        co_queue_wake_all(&processed);
    }
    return ends;
}

void co_run_wait_processed(void)
{
    if (!processed_ready) {
        co_queue_init(&processed);
        processed_ready = true;
    }
    co_queue_wait(&processed, NULL);
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
