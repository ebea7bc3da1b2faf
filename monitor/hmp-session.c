/* Human sessions: a prompt, lines, what they print */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor-int.h"
#include "monitor/readline.h"
#include "qapi/commands-control.h"
#include "util/co-lock.h"

typedef struct HmpSession {
    Monitor mon;
    Readline *rl;
    char *line;                 /* what the coroutine runs; NULL: none */
    bool hidden;                /* a multiplexer shows another front end */
    bool greeted;
} HmpSession;

static HmpSession *hmp_session(Monitor *mon)
{
    return (HmpSession *)mon;
}

/* Lines end in CR LF on a terminal. */
static void print(HmpSession *s, const char *text)
{
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");

        monitor_write(&s->mon, at, n);
        at += n;
        if (*at) {
            monitor_write(&s->mon, "\r\n", 2);
            at++;
        }
    }
}

static void co_run_line(void *opaque)
{
    HmpSession *s = opaque;
    unsigned connection = s->mon.connection;
    g_autoptr(GString) out = g_string_new(NULL);

    co_hmp_line(s->line, out);
    g_clear_pointer(&s->line, g_free);
    if (connection == s->mon.connection) {
        print(s, out->str);
        readline_show(s->rl);
    }
    monitor_accept_input(&s->mon);
}

static void got_line(void *opaque, const char *line)
{
    HmpSession *s = opaque;

    s->line = g_strdup(line);
    monitor_run(&s->mon, co_run_line, s);
}

static void write_out(void *opaque, const char *text, size_t len)
{
    monitor_write(&((HmpSession *)opaque)->mon, text, len);
}

static GPtrArray *complete(void *opaque, const char *line)
{
    return hmp_complete(line);
}

static const ReadlineOps readline_ops = {
    .write = write_out, .line = got_line, .complete = complete,
};

static void greet(HmpSession *s)
{
    VersionInfo *version = qmp_query_version(NULL);
    const VersionTriple *as = version->qemu;
    /* Scripts wait for a line with this beginning. */
    g_autofree char *text = g_strdup_printf("QEMU %" PRId64 ".%" PRId64 ".%" PRId64 " monitor - "
                                            "type 'help' for more information\n", as->major,
                                            as->minor, as->micro);

    qapi_free_VersionInfo(version);
    s->greeted = true;
    print(s, text);
    readline_show(s->rl);
}

/* Once the program runs it is known who has the input of a multiplexer. */
static void co_greet(void *opaque)
{
    HmpSession *s = opaque;

    co_sleep(CLOCK_TYPE_REALTIME, 0);
    if (!s->hidden && s->mon.open && !s->greeted) {
        greet(s);
    }
    monitor_accept_input(&s->mon);
}

static void hmp_opened(Monitor *mon)
{
    HmpSession *s = hmp_session(mon);

    readline_free(s->rl);
    s->rl = readline_new("(qemu) ", &readline_ops, s);
    s->greeted = false;
    monitor_run(mon, co_greet, s);
}

static void hmp_closed(Monitor *mon)
{
}

/* A byte at a time: what follows a line waits until what that asked for is done. */
static size_t hmp_can_read(Monitor *mon)
{
    HmpSession *s = hmp_session(mon);

    return s->rl && !s->line && (s->greeted || s->hidden);
}

static void hmp_read(Monitor *mon, const uint8_t *buf, size_t len)
{
    readline_feed(hmp_session(mon)->rl, buf[0]);
}

static void hmp_event(Monitor *mon, CharEvent event)
{
    HmpSession *s = hmp_session(mon);

    if (event == CHAR_EVENT_MUX_IN && s->hidden && s->rl) {
        s->hidden = false;
        if (s->greeted) {
            readline_show(s->rl);
        } else {
            greet(s);
        }
    } else if (event == CHAR_EVENT_MUX_OUT) {
        s->hidden = true;
        if (s->greeted) {
            monitor_write(mon, "\r\n", 2);
        }
    }
}

static void hmp_free(Monitor *mon)
{
    readline_free(hmp_session(mon)->rl);
    g_free(hmp_session(mon)->line);
}

/* Of the session that asks; over QMP nobody types. */
static void co_history(const Json *args, GString *out, Error **errp)
{
    Monitor *mon = monitor_current();
    const GPtrArray *lines;

    if (!mon || mon->ops->mode != MONITOR_MODE_READLINE || !hmp_session(mon)->rl) {
        return;
    }
    lines = readline_history(hmp_session(mon)->rl);
    for (unsigned i = 0; i < lines->len; i++) {
        g_string_append_printf(out, "%u: '%s'\n", i, (char *)lines->pdata[i]);
    }
}

static const HmpCommand info_rows[] = {
    { "history", "", "the lines typed before", .co_run = co_history },
    { }
};
static const HmpTable info_table = { info_rows, true };
REGISTER_HMP(info_table)

static const MonitorModeOps hmp_mode = {
    .mode = MONITOR_MODE_READLINE, .size = sizeof(HmpSession), .opened = hmp_opened,
    .closed = hmp_closed, .can_read = hmp_can_read, .read = hmp_read, .event = hmp_event,
    .free = hmp_free,
};
REGISTER_MONITOR_MODE(hmp_mode)
