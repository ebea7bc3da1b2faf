/* main(): the order of creation, top to bottom */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "block/block.h"
#include "block/nbd/nbd.h"
#include "block/jobs/job.h"
#include "chardev/char.h"
#include "hw/core/device.h"
#include "memory/vm-lock.h"
#include "monitor/monitor.h"
#include "system/config.h"
#include "system/gdbstub.h"
#include "system/main-loop.h"
#include "system/run.h"
#include "system/vc-screen.h"

static Config *config;  /* lives as long as the program */

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

#ifdef __SANITIZE_ADDRESS__
/* The machine lives as long as the process: what it holds at exit is no leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static void make_machine(void)
{
    Error *err = NULL;

    check(create_numa_finish(config, &err), &err);
    check(create_board(config, &err), &err);
    check(create_devices(config, &err), &err);
    check(config->preconfig || create_qtest(config, &err), &err);
    device_machine_complete();
    devices_reset();
    vcpus_reset();
    check(create_gdb(config, &err), &err);
    check(sandbox_drop_privileges(config, &err), &err);
}

int main(int argc, char **argv)
{
    Error *err = NULL;

    config = config_new();
    report_set_program(argv[0]);
    vm_lock();
    check(options_parse(config, argc, argv, &err), &err);
    check(sugar_expand(config, &err), &err);
    if (config->daemonize) {
        check(daemon_allowed(config, &err), &err);
        daemon_fork();
    }
    check(sandbox_start(config, &err), &err);
    run_catch_signals();
    chardev_set_quit_handler(quit, NULL);
    check(!config->pidfile || daemon_write_pidfile(config->pidfile, &err), &err);
    check(create_machine(config, &err), &err);
    check(create_early_objects(config, &err), &err);
    vc_screen_start();
    check(create_chardevs(config, &err), &err);
    check(create_late_objects(config, &err), &err);
    check(create_numa(config, &err), &err);
    check(create_firmware_items(config, &err), &err);
    check(create_drives(config, &err), &err);
    check(create_accel(config, &err), &err);
    /* Before devices: of what shares a chardev, the last one has the input at first. */
    check(create_monitors(config, &err), &err);
    /* Whoever drives the machine waits for it; before it is made, for it to begin. */
    check(!config->preconfig || create_qtest(config, &err), &err);
    if (!config->preconfig || preconfig_run()) {
        make_machine();
        preconfig_done();
        daemon_ready();
        if (!config->paused) {
            run_start();
        }
        main_loop_run();
    }
    gdb_server_exit(run_exit_status());
    block_end_begin();
    jobs_cancel_all();
    monitor_close_all();
    vcpus_destroy();
    nbd_server_end();
    block_close_all();
    chardev_close_all();
    return run_exit_status();
}
