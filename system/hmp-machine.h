/* The human monitor for gdb's "monitor" command */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_HMP_MACHINE_H
#define SYSTEM_HMP_MACHINE_H

#include "system/gdbstub.h"

/* A GdbMonitorFn: runs the line, and calls done with what it printed. */
void hmp_run_for_gdb(const char *line, GdbMonitorDone *done, void *opaque);

#endif
