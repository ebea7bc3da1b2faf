/* main(): the order of creation, top to bottom */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "block/block.h"
#include "chardev/char.h"
#include "hw/core/device.h"
#include "memory/vm-lock.h"
#include "system/config.h"
#include "system/main-loop.h"
#include "system/run.h"

static void check(bool ok, Error **err)
{
    if (!ok) {
        error_report(*err);
        chardev_close_all();    /* the terminal, socket files */
        exit(1);
    }
}

static void quit(void *opaque)
{
    run_request(RUN_REQUEST_SHUTDOWN, SHUTDOWN_CAUSE_HOST_UI);
}

int main(int argc, char **argv)
{
    Config *c = config_new();
    Error *err = NULL;

    report_set_program(argv[0]);
    vm_lock();
    check(options_parse(c, argc, argv, &err), &err);
    check(sugar_expand(c, &err), &err);
    if (c->daemonize) {
        check(daemon_allowed(c, &err), &err);
        daemon_fork();
    }
    run_catch_signals();
    chardev_set_quit_handler(quit, NULL);
    check(!c->pidfile || daemon_write_pidfile(c->pidfile, &err), &err);
    check(create_machine(c, &err), &err);
    check(create_chardevs(c, &err), &err);
    check(create_objects(c, &err), &err);
    check(create_drives(c, &err), &err);
    check(create_accel(c, &err), &err);
    check(create_board(c, &err), &err);
    check(create_devices(c, &err), &err);
    check(create_qtest(c, &err), &err);
    devices_reset();
    vcpus_reset();
    daemon_ready();
    if (!c->paused) {
        run_start();
    }
    main_loop_run();
    vcpus_destroy();
    block_close_all();
    chardev_close_all();
    return run_exit_status();
}
