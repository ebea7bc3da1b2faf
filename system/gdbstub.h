/* The gdb server: start, stop, what its "monitor" command reaches */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_GDBSTUB_H
#define SYSTEM_GDBSTUB_H

#include <stdbool.h>

#include "util/error.h"

/*
 * -gdb DEV and the monitor's gdbserver: a short form of a chardev ("tcp::1234",
 * "unix:PATH,server=on,wait=off", "stdio", "chardev:ID"), or "none", which ends
 * the server. It replaces the one there is. The machine has its CPUs.
 */
bool gdb_server_start(const char *device, Error **errp);
/* The program ends with this status: tell gdb, and let go of the chardev. */
void gdb_server_exit(int status);

/* Run a line of gdb's "monitor"; done() is to be called once, with what it printed (or NULL). */
typedef void GdbMonitorDone(void *opaque, const char *output);
typedef void GdbMonitorFn(const char *line, GdbMonitorDone *done, void *opaque);
void gdb_set_monitor(GdbMonitorFn *fn);

#endif
