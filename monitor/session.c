/* Monitor sessions: a chardev each, output that never blocks, input only while it is read */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/monitor-int.h"
#include "util/trace.h"

#define OUT_MAX_BYTES (32 * 1024 * 1024)    /* what a peer that does not read can make us hold */

REGISTRY(monitor_mode, MonitorModeOps)

static GList *monitors;

static void session_writable(void *opaque);

/* --- life --- */

static void unref(Monitor *mon)
{
    if (--mon->refs) {
        return;
    }
    if (mon->ops->free) {
        mon->ops->free(mon);
    }
    g_string_free(mon->out, true);
    g_free(mon->chardev_id);
    g_free(mon);
}

/* --- output --- */

static void flush(Monitor *mon)
{
    size_t done;

    if (!mon->out->len) {
        return;
    }
    done = char_fe_write(&mon->fe, mon->out->str, mon->out->len);
    g_string_erase(mon->out, 0, done);
    if (mon->out->len) {
        char_fe_notify_writable(&mon->fe, session_writable, mon);
    }
}

static void session_writable(void *opaque)
{
    Monitor *mon = opaque;

    flush(mon);
    if (!mon->out->len) {
        monitor_accept_input(mon);
    }
}

bool monitor_write(Monitor *mon, const char *text, size_t len)
{
    if (!mon->open) {
        return true;                    /* nobody there to miss it */
    }
    if (mon->out->len + len > OUT_MAX_BYTES) {
        TRACE(monitor_overflow, "%s: %zu bytes dropped", mon->chardev_id, len);
        return false;
    }
    g_string_append_len(mon->out, text, len);
    flush(mon);
    return true;
}

/* --- input --- */

static size_t session_can_read(void *opaque)
{
    Monitor *mon = opaque;

    return mon->out->len ? 0 : mon->ops->can_read(mon);
}

static void session_read(void *opaque, const uint8_t *buf, size_t len)
{
    Monitor *mon = opaque;

    mon->ops->read(mon, buf, len);
}

void monitor_accept_input(Monitor *mon)
{
    if (!mon->dead) {
        char_fe_accept_input(&mon->fe);
    }
}

static void session_event(void *opaque, CharEvent event)
{
    Monitor *mon = opaque;

    TRACE(monitor_event, "%s: %d", mon->chardev_id, event);
    switch (event) {
    case CHAR_EVENT_OPENED:
        mon->open = true;
        mon->connection++;
        mon->ops->opened(mon);
        break;
    case CHAR_EVENT_CLOSED:
        mon->open = false;
        g_string_truncate(mon->out, 0);
        mon->ops->closed(mon);
        break;
    default:
        if (mon->ops->event) {
            mon->ops->event(mon, event);
        }
    }
}

/* --- commands --- */

typedef struct Run {
    Monitor *mon;
    CoroutineFn *fn;
    void *opaque;
} Run;

static void run_entry(void *opaque)
{
    Run *run = opaque;
    Monitor *mon = run->mon;

    mon->running = g_slist_prepend(mon->running, co_self());
    run->fn(run->opaque);
    mon->running = g_slist_remove(mon->running, co_self());
    g_free(run);
    unref(mon);
}

void monitor_run(Monitor *mon, CoroutineFn *fn, void *opaque)
{
    Run *run = g_new0(Run, 1);

    run->mon = mon;
    run->fn = fn;
    run->opaque = opaque;
    mon->refs++;
    co_enter(co_create(run_entry, run));
}

Monitor *monitor_current(void)
{
    Coroutine *self = co_self();

    for (GList *l = monitors; l && self; l = l->next) {
        Monitor *mon = l->data;

        if (g_slist_find(mon->running, self)) {
            return mon;
        }
    }
    return NULL;
}

/* --- the list --- */

static const MonitorModeOps *find_mode(MonitorMode mode)
{
    size_t n;
    const MonitorModeOps *const *modes = registry_monitor_mode(&n);

    for (size_t i = 0; i < n; i++) {
        if (modes[i]->mode == mode) {
            return modes[i];
        }
    }
    return NULL;
}

bool monitor_new(const MonitorOptions *opts, Error **errp)
{
    MonitorMode mode = opts->has_mode ? opts->mode : MONITOR_MODE_READLINE;
    const MonitorModeOps *ops = find_mode(mode);
    Chardev *chr = chardev_find(opts->chardev);
    Monitor *mon;

    if (!chr) {
        error_set(errp, "chardev \"%s\" not found", opts->chardev);
        return false;
    }
    if (!ops) {
        error_set(errp, "there is no human monitor, so mode 'readline' is not possible");
        error_hint(errp, "Valid values: control");
        return false;
    }
    if (opts->pretty && mode != MONITOR_MODE_CONTROL) {
        error_set(errp, "'pretty' is not compatible with HMP monitors");
        return false;
    }
    mon = g_malloc0(ops->size);
    mon->ops = ops;
    mon->refs = 1;
    mon->pretty = opts->pretty;
    mon->chardev_id = g_strdup(opts->chardev);
    mon->out = g_string_new(NULL);
    if (!char_fe_init(&mon->fe, chr, errp)) {
        unref(mon);
        return false;
    }
    mon->fe.fixed = true;               /* who would see the reply to that? */
    monitors = g_list_append(monitors, mon);
    char_fe_set_handlers(&mon->fe, session_can_read, session_read, session_event, mon);
    return true;
}

void monitors_foreach(MonitorMode mode, void (*fn)(Monitor *mon, void *opaque), void *opaque)
{
    for (GList *l = monitors, *next; l; l = next) {
        Monitor *mon = l->data;

        next = l->next;
        if (mon->ops->mode == mode) {
            fn(mon, opaque);
        }
    }
}

void monitor_close_all(void)
{
    /* The reply to what ended the program is posted behind the loop's last turn. */
    loop_dispatch(loop_main());
    while (monitors) {
        Monitor *mon = monitors->data;

        if (mon->out->len) {
            char_fe_write_all(&mon->fe, mon->out->str, mon->out->len);
        }
        mon->open = false;
        mon->dead = true;
        char_fe_deinit(&mon->fe);
        monitors = g_list_delete_link(monitors, monitors);
        unref(mon);
    }
}
