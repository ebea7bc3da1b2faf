/* Monitors: sessions of QMP and of the human line protocol on chardevs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <stdbool.h>

#include "chardev/char.h"
#include "util/error.h"

typedef struct Monitor Monitor;
typedef struct MonitorOptions MonitorOptions;   /* qapi/schema/control.json */

/* -mon: a session on the chardev of that id. Main thread, VM lock held. */
bool monitor_new(const MonitorOptions *opts, Error **errp);
/* Events go to the sessions from now on. */
void monitor_init(void);
/* After the main loop: what has been said is sent, the sessions end. */
void monitor_close_all(void);

/* The session whose command is running here, NULL outside of one. */
Monitor *monitor_current(void);

#endif
