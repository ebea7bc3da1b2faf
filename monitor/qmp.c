/* QMP sessions: greeting, capabilities, the queue of requests, a coroutine per session */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/monitor-int.h"
#include "qapi/commands-control.h"
#include "qapi/dispatch.h"
#include "util/co-lock.h"
#include "util/trace.h"

#define QUEUE_MAX 8             /* requests that wait behind the one that runs */
#define READ_BYTES 4096

typedef struct QmpSession {
    Monitor mon;
    JsonStream *stream;
    bool negotiated, oob;
    GQueue queue;               /* of Pending, in order of arrival */
    bool busy;                  /* the coroutine of this session runs */
} QmpSession;

/* A request, or what is wrong with one; answered in order. */
typedef struct Pending {
    Json *json;
    Error *err;
} Pending;

static QmpSession *qmp_session(Monitor *mon)
{
    return (QmpSession *)mon;
}

static void pending_free(Pending *p)
{
    json_object_put(p->json);
    error_free(p->err);
    g_free(p);
}

/* --- output --- */

static void send_json(Monitor *mon, const Json *json)
{
    g_autofree char *text = json_wire_text(json, mon->pretty);
    g_autofree char *line = g_strconcat(text, "\r\n", NULL);

    TRACE(qmp_send, "%s: %s", mon->chardev_id, text);
    monitor_write(mon, line, strlen(line));
}

static void qmp_opened(Monitor *mon)
{
    QmpSession *s = qmp_session(mon);
    JSON_AUTO greeting = json_object_new_object();
    Json *body = json_object_new_object(), *caps = json_object_new_array();
    VersionInfo *version = qmp_query_version(NULL);

    s->negotiated = s->oob = false;
    json_object_array_add(caps, json_object_new_string("oob"));
    json_object_object_add(body, "version", qapi_to_json_VersionInfo(version));
    json_object_object_add(body, "capabilities", caps);
    json_object_object_add(greeting, "QMP", body);
    send_json(mon, greeting);
    qapi_free_VersionInfo(version);
}

static void count_open(Monitor *mon, void *opaque)
{
    *(unsigned *)opaque += mon->open;
}

static void got_value(void *opaque, Json *value, Error *err);

static void qmp_closed(Monitor *mon)
{
    QmpSession *s = qmp_session(mon);
    unsigned open = 0;

    g_queue_clear_full(&s->queue, (GDestroyNotify)pending_free);
    json_stream_free(s->stream);
    s->stream = json_stream_new(got_value, s);
    s->negotiated = s->oob = false;
    monitors_foreach(MONITOR_MODE_CONTROL, count_open, &open);
    if (!open) {
        fdset_peers_gone();
    }
}

/* --- requests --- */

static bool may_run(QmpSession *s, const QapiRequest *request, Error **errp)
{
    if (!s->negotiated && strcmp(request->cmd->name, "qmp_capabilities")) {
        error_set_class(errp, ERROR_COMMAND_NOT_FOUND,
                        "Expecting capabilities negotiation with 'qmp_capabilities'");
        return false;
    }
    return true;
}

/* Before negotiation there is but one command, whatever the name. */
static void hide_commands(QmpSession *s, Error **err)
{
    if (!s->negotiated && *err && error_class(*err) == ERROR_COMMAND_NOT_FOUND) {
        error_free(*err);
        *err = NULL;
        error_set_class(err, ERROR_COMMAND_NOT_FOUND,
                        "Expecting capabilities negotiation with 'qmp_capabilities'");
    }
}

static void co_answer(QmpSession *s, Pending *p)
{
    unsigned connection = s->mon.connection;
    QapiRequest request = { 0 };
    JSON_AUTO reply = NULL;
    Error *err = NULL;
    Json *value;

    if (p->err) {
        err = p->err;
        p->err = NULL;
    } else if (qapi_request_parse(p->json, s->oob, &request, &err) &&
               may_run(s, &request, &err) &&
               co_qapi_command_run(request.cmd, request.args, &value, &err)) {
        if (request.cmd->no_reply) {
            json_object_put(value);
            return;
        }
        reply = qapi_reply(&request, value);
    }
    if (err) {
        hide_commands(s, &err);
        reply = qapi_reply_error(&request, err);
    }
    if (connection == s->mon.connection) {
        send_json(&s->mon, reply);
    }
}

static void co_serve_queue(void *opaque)
{
    QmpSession *s = opaque;
    Pending *p;

    do {
        while ((p = g_queue_pop_head(&s->queue))) {
            co_answer(s, p);
            pending_free(p);
        }
        /* What the last one caused in the main loop is told before the input's end is seen. */
        co_sleep(CLOCK_TYPE_REALTIME, 0);
    } while (!g_queue_is_empty(&s->queue));
    s->busy = false;
    monitor_accept_input(&s->mon);
}

typedef struct OutOfBand {
    QmpSession *session;
    Pending *pending;
} OutOfBand;

static void co_serve_oob(void *opaque)
{
    OutOfBand *o = opaque;

    co_answer(o->session, o->pending);
    pending_free(o->pending);
    g_free(o);
}

static void got_value(void *opaque, Json *value, Error *err)
{
    QmpSession *s = opaque;
    Pending *p = g_new0(Pending, 1);

    p->json = value;
    p->err = err;
    if (s->oob && value && json_object_is_type(value, json_type_object) &&
        json_object_object_get_ex(value, "exec-oob", NULL)) {
        OutOfBand *o = g_new0(OutOfBand, 1);

        o->session = s;
        o->pending = p;
        monitor_run(&s->mon, co_serve_oob, o);
        return;
    }
    g_queue_push_tail(&s->queue, p);
    if (!s->busy) {
        s->busy = true;
        monitor_run(&s->mon, co_serve_queue, s);
    }
}

/*
 * Without out-of-band commands nothing is read while one runs: the end of the
 * input is seen when all that stands before it is answered.
 */
static size_t qmp_can_read(Monitor *mon)
{
    QmpSession *s = qmp_session(mon);
    bool full = s->oob ? g_queue_get_length(&s->queue) >= QUEUE_MAX : s->busy;

    return full ? 0 : READ_BYTES;
}

static void qmp_read(Monitor *mon, const uint8_t *buf, size_t len)
{
    QmpSession *s = qmp_session(mon);

    if (!s->stream) {
        s->stream = json_stream_new(got_value, s);
    }
    json_stream_feed(s->stream, (const char *)buf, len);
}

static void qmp_free(Monitor *mon)
{
    QmpSession *s = qmp_session(mon);

    g_queue_clear_full(&s->queue, (GDestroyNotify)pending_free);
    json_stream_free(s->stream);
}

static const MonitorModeOps qmp_mode = {
    .mode = MONITOR_MODE_CONTROL,
    .size = sizeof(QmpSession),
    .opened = qmp_opened,
    .closed = qmp_closed,
    .can_read = qmp_can_read,
    .read = qmp_read,
    .free = qmp_free,
};
REGISTER_MONITOR_MODE(qmp_mode)

/* --- commands of the session itself --- */

void qmp_qmp_capabilities(bool has_enable, QMPCapabilityList *enable, Error **errp)
{
    Monitor *mon = monitor_current();
    QmpSession *s;

    if (!mon || mon->ops != &qmp_mode) {
        error_set(errp, "'qmp_capabilities' needs a QMP session");
        return;
    }
    s = qmp_session(mon);
    if (s->negotiated) {
        error_set_class(errp, ERROR_COMMAND_NOT_FOUND,
                        "Capabilities negotiation is already complete, command ignored");
        return;
    }
    for (; enable; enable = enable->next) {
        s->oob |= enable->value == QMP_CAPABILITY_OOB;
    }
    s->negotiated = true;
}

VersionInfo *qmp_query_version(Error **errp)
{
    VersionInfo *info = g_new0(VersionInfo, 1);

    /* The level of QEMU that clients can expect the features of. */
    info->qemu = g_new0(VersionTriple, 1);
    info->qemu->major = 7;
    info->qemu->minor = 2;
    info->package = g_strdup("Mica " MICA_VERSION);
    return info;
}

/* --- events: monitor/events.c hands them here --- */

static void send_event(Monitor *mon, void *opaque)
{
    if (mon->open && qmp_session(mon)->negotiated) {
        send_json(mon, opaque);
    }
}

void qmp_send_event(Json *event)
{
    monitors_foreach(MONITOR_MODE_CONTROL, send_event, event);
}
