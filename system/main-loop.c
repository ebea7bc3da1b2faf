/* The main thread's loop: holds the VM lock while it dispatches, drops it while it sleeps */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/main-loop.h"
#include "memory/vm-lock.h"
#include "system/run.h"
#include "util/loop.h"

void main_loop_run(void)
{
    Loop *loop = loop_main();

    while (!run_process_requests()) {
        vm_unlock();
        loop_wait(loop);
        vm_lock();
        loop_dispatch(loop);
    }
}
