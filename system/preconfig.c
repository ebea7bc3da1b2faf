/* -preconfig: QMP before the machine is made: x-exit-preconfig, set-numa-node */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/numa.h"
#include "memory/vm-lock.h"
#include "qapi/commands-cli.h"
#include "qapi/commands-run.h"
#include "qapi/dispatch.h"
#include "system/config.h"
#include "system/run.h"
#include "util/co-lock.h"
#include "util/loop.h"

static bool over;
static CoQueue made;            /* who said that it is over waits for the machine */

bool preconfig_run(void)
{
    Loop *loop = loop_main();

    co_queue_init(&made);
    qapi_set_preconfig(true);
    while (!over) {
        if (run_process_requests()) {
            return false;
        }
        vm_unlock();
        loop_wait(loop);
        vm_lock();
        loop_dispatch(loop);
    }
    return true;
}

void preconfig_done(void)
{
    if (over) {
        qapi_set_preconfig(false);
        co_queue_wake_all(&made);
    }
}

void qmp_x_exit_preconfig(Error **errp)
{
    if (!qapi_preconfig()) {
        error_set(errp, "The command is permitted only before machine initialization");
        return;
    }
    over = true;
    loop_wake(loop_main());
    co_queue_wait(&made, NULL);
}

void qmp_set_numa_node(NumaOptions *options, Error **errp)
{
    if (!qapi_preconfig() || over) {
        error_set(errp, "The command is permitted only before the machine has been created");
        return;
    }
    numa_add(machine_current(), options, errp);
}
