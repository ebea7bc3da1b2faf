/* query-status, stop, cont, system_*, set-action, quit, inject-nmi */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/core/machine.h"
#include "hw/core/power.h"
#include "hw/intc/apic.h"
#include "qapi/commands-migration.h"
#include "qapi/commands-run.h"
#include "qapi/events-run.h"
#include "system/run.h"

StatusInfo *qmp_query_status(Error **errp)
{
    StatusInfo *info = g_new0(StatusInfo, 1);

    info->running = run_is_running();
    info->status = run_state();
    return info;
}

void qmp_stop(Error **errp)
{
    if (run_is_running()) {
        run_stop(RUN_STATE_PAUSED);
    }
}

void qmp_cont(Error **errp)
{
    if (run_state() == RUN_STATE_INTERNAL_ERROR || run_state() == RUN_STATE_SHUTDOWN) {
        error_set(errp, "Resetting the Virtual Machine is required");
        return;
    }
    if (run_state() != RUN_STATE_SUSPENDED) {
        run_start();
    }
}

/* The reply goes out before the event that says that the program ends. */
void qmp_quit(Error **errp)
{
    run_request(RUN_REQUEST_SHUTDOWN, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
}

void qmp_system_reset(Error **errp)
{
    run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    co_run_wait_processed();
}

void qmp_system_powerdown(Error **errp)
{
    run_request(RUN_REQUEST_POWERDOWN, SHUTDOWN_CAUSE_NONE);
    co_run_wait_processed();
}

void qmp_system_wakeup(Error **errp)
{
    if (!power_can_wake()) {
        error_set(errp, "wake-up from suspend is not supported by this guest");
        return;
    }
    run_wake_up(errp);
}

void qmp_set_action(bool has_reboot, RebootAction reboot, bool has_shutdown,
                    ShutdownAction shutdown, bool has_panic, PanicAction panic, bool has_watchdog,
                    WatchdogAction watchdog, Error **errp)
{
    if (has_reboot) {
        run_actions.reboot = reboot;
    }
    if (has_shutdown) {
        run_actions.shutdown = shutdown;
    }
    if (has_panic) {
        run_actions.panic = panic;
    }
    if (has_watchdog) {
        run_actions.watchdog = watchdog;
    }
}

void qmp_watchdog_set_action(WatchdogAction action, Error **errp)
{
    run_actions.watchdog = action;
}

void qmp_inject_nmi(Error **errp)
{
    if (machine_type(machine_current())->no_cpus) {
        error_set(errp, "machine does not provide NMIs");
        return;
    }
    apic_pulse_lint1();
}

/* --- migration: what clients set at the start of every guest --- */

static bool migration_events;

MigrationCapabilityStatusList *qmp_query_migrate_capabilities(Error **errp)
{
    MigrationCapabilityStatusList *list = NULL, **tail = &list;
    MigrationCapabilityStatus *status = g_new0(MigrationCapabilityStatus, 1);

    status->capability = MIGRATION_CAPABILITY_EVENTS;
    status->state = migration_events;
    QAPI_APPEND(tail, status);
    return list;
}

void qmp_migrate_set_capabilities(MigrationCapabilityStatusList *capabilities, Error **errp)
{
    for (; capabilities; capabilities = capabilities->next) {
        migration_events = capabilities->value->state;
    }
}
