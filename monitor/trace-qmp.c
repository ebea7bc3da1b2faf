/* trace-event-get-state, trace-event-set-state */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/commands-trace.h"
#include "util/trace.h"

/* Several places may share a name: one entry each, enabled where one of them is. */
static void collect(TracePoint *point, void *opaque)
{
    GHashTable *states = opaque;
    bool on = GPOINTER_TO_INT(g_hash_table_lookup(states, point->name));

    g_hash_table_insert(states, (char *)point->name, GINT_TO_POINTER(on || point->on));
}

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?");
}

static GHashTable *find(const char *name, Error **errp)
{
    GHashTable *states = g_hash_table_new(g_str_hash, g_str_equal);

    trace_for_each(name, collect, states);
    if (!g_hash_table_size(states) && !is_pattern(name)) {
        error_set(errp, "unknown event \"%s\"", name);
        g_hash_table_destroy(states);
        return NULL;
    }
    return states;
}

TraceEventInfoList *qmp_trace_event_get_state(const char *name, Error **errp)
{
    g_autoptr(GHashTable) states = find(name, errp);
    g_autoptr(GList) names = NULL;
    TraceEventInfoList *list = NULL, **tail = &list;

    if (!states) {
        return NULL;
    }
    names = g_list_sort(g_hash_table_get_keys(states), (GCompareFunc)strcmp);
    for (GList *l = names; l; l = l->next) {
        TraceEventInfo *info = g_new0(TraceEventInfo, 1);

        info->name = g_strdup(l->data);
        info->state = g_hash_table_lookup(states, l->data) ? TRACE_EVENT_STATE_ENABLED
                                                           : TRACE_EVENT_STATE_DISABLED;
        QAPI_APPEND(tail, info);
    }
    return list;
}

static void switch_point(TracePoint *point, void *opaque)
{
    point->on = *(bool *)opaque;
}

void qmp_trace_event_set_state(const char *name, bool enable, bool has_ignore_unavailable,
                               bool ignore_unavailable, Error **errp)
{
    bool ignore = has_ignore_unavailable && ignore_unavailable;
    g_autoptr(GHashTable) states = find(name, ignore ? NULL : errp);

    if (states) {
        trace_for_each(name, switch_point, &enable);
    }
}
