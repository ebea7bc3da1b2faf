/* Events on their way to the QMP sessions: from any thread, with a time, some at a limited rate */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/monitor-int.h"
#include "qapi/dispatch.h"
#include "util/clock.h"

#define EVENT_PERIOD_NS NS_PER_SECOND

/* Those a guest can cause as often as it likes: one a second, and the last state always. */
static const struct {
    const char *name;
    const char *key;            /* a member by whose value they are told apart */
} limited[] = {
    { "BALLOON_CHANGE", NULL },
    { "MEMORY_DEVICE_SIZE_CHANGE", "qom-path" },
    { "QUORUM_FAILURE", "reference" },
    { "QUORUM_REPORT_BAD", "node-name" },
    { "RTC_CHANGE", NULL },
    { "VSERPORT_CHANGE", "id" },
    { "WATCHDOG", NULL },
};

/* One that was sent less than a period ago. */
typedef struct Throttle {
    char *id;
    Json *waiting;              /* the latest since then */
    Timer timer;
} Throttle;

static GHashTable *throttles;
static GThread *main_thread;

typedef struct Posted {
    const char *name;
    Json *event;
} Posted;

static Json *make_event(const char *name, Json *data)
{
    int64_t now_us = clock_ns(CLOCK_TYPE_HOST) / 1000;
    Json *event = json_object_new_object(), *stamp = json_object_new_object();

    json_object_object_add(stamp, "seconds", json_object_new_int64(now_us / 1000000));
    json_object_object_add(stamp, "microseconds", json_object_new_int64(now_us % 1000000));
    json_object_object_add(event, "timestamp", stamp);
    json_object_object_add(event, "event", json_object_new_string(name));
    if (data) {
        json_object_object_add(event, "data", data);
    }
    return event;
}

static void throttle_expired(void *opaque)
{
    Throttle *t = opaque;

    if (t->waiting) {
        qmp_send_event(t->waiting);
        g_clear_pointer(&t->waiting, json_object_put);
        timer_arm(&t->timer, clock_ns(CLOCK_TYPE_REALTIME) + EVENT_PERIOD_NS);
        return;
    }
    g_hash_table_remove(throttles, t->id);
    g_free(t->id);
    g_free(t);
}

static char *throttle_id(const char *name, const Json *event)
{
    Json *data, *value;

    for (size_t i = 0; i < ARRAY_SIZE(limited); i++) {
        if (strcmp(limited[i].name, name)) {
            continue;
        }
        if (limited[i].key && json_object_object_get_ex(event, "data", &data) &&
            json_object_object_get_ex(data, limited[i].key, &value)) {
            return g_strdup_printf("%s %s", name, json_object_get_string(value));
        }
        return g_strdup(name);
    }
    return NULL;
}

/* Takes over event; main loop. */
static void deliver(const char *name, Json *event)
{
    g_autofree char *id = throttle_id(name, event);
    Throttle *t;

    if (!id) {
        qmp_send_event(event);
        json_object_put(event);
        return;
    }
    t = g_hash_table_lookup(throttles, id);
    if (t) {
        json_object_put(t->waiting);
        t->waiting = event;
        return;
    }
    qmp_send_event(event);
    json_object_put(event);
    t = g_new0(Throttle, 1);
    t->id = g_steal_pointer(&id);
    timer_init(&t->timer, CLOCK_TYPE_REALTIME, throttle_expired, t);
    timer_arm(&t->timer, clock_ns(CLOCK_TYPE_REALTIME) + EVENT_PERIOD_NS);
    g_hash_table_insert(throttles, t->id, t);
}

static void deliver_posted(void *opaque)
{
    Posted *posted = opaque;

    deliver(posted->name, posted->event);
    g_free(posted);
}

static void on_event(const char *name, Json *data)
{
    Json *event = make_event(name, data);
    Posted *posted;

    if (g_thread_self() == main_thread) {
        deliver(name, event);
        return;
    }
    posted = g_new0(Posted, 1);
    posted->name = name;
    posted->event = event;
    loop_post(loop_main(), deliver_posted, posted);
}

void monitor_init(void)
{
    main_thread = g_thread_self();
    throttles = g_hash_table_new(g_str_hash, g_str_equal);
    qapi_set_event_hook(on_event);
}
