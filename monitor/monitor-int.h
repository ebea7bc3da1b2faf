/* Monitors, inside: what a mode implements and what sessions give it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MONITOR_MONITOR_INT_H
#define MONITOR_MONITOR_INT_H

#include "monitor/monitor.h"
#include "qapi/json.h"
#include "qapi/types-control.h"
#include "util/coroutine.h"
#include "util/registry.h"

/*
 * A protocol on a session: control (QMP), readline (for people). All
 * functions are called in the main loop. Registered by REGISTER_MONITOR_MODE,
 * so a mode that no file implements is refused.
 */
typedef struct MonitorModeOps {
    MonitorMode mode;
    size_t size;                                /* of the instance; a Monitor comes first */
    void (*opened)(Monitor *mon);               /* somebody is there: greet */
    void (*closed)(Monitor *mon);               /* they went, forget what they said */
    size_t (*can_read)(Monitor *mon);           /* asked only while no output waits */
    void (*read)(Monitor *mon, const uint8_t *buf, size_t len);
    void (*event)(Monitor *mon, CharEvent event);       /* BREAK, MUX_IN, MUX_OUT; may be NULL */
    void (*free)(Monitor *mon);
} MonitorModeOps;
#define REGISTER_MONITOR_MODE(ops) REGISTER(monitor_mode, ops)

struct Monitor {
    const MonitorModeOps *ops;
    CharFrontend fe;
    char *chardev_id;
    bool pretty, open;
    unsigned connection;        /* counts up, so that a late reply does not reach the next peer */
    GString *out;               /* what the chardev did not take yet */
    GSList *running;            /* coroutines of this session's commands */
    unsigned refs;              /* the list's, and one for each that runs */
    bool dead;
};

/* Each session of that mode. */
void monitors_foreach(MonitorMode mode, void (*fn)(Monitor *mon, void *opaque), void *opaque);
/*
 * Say text. Never blocks: a peer that does not read gets no more of its
 * requests served, and what exceeds the limit (events) is dropped. False: it was.
 */
bool monitor_write(Monitor *mon, const char *text, size_t len);
/* Room for input again: the mode's can_read() would say more than before. */
void monitor_accept_input(Monitor *mon);

/* Run fn in a coroutine as a command of this session, for monitor_current(). */
void monitor_run(Monitor *mon, CoroutineFn *fn, void *opaque);

/* monitor/qmp.c: to every session that has negotiated */
void qmp_send_event(Json *event);

/* monitor/fdset.c: all QMP peers have gone */
void fdset_peers_gone(void);

#endif
