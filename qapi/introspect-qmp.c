/* query-qmp-schema, query-commands, query-events: what this program's QMP offers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/commands-introspect.h"
#include "qapi/dispatch.h"

REGISTRY(qapi_schema, QapiSchemaText)

Json *qmp_query_qmp_schema(Json *args, Error **errp)
{
    size_t n;
    const QapiSchemaText *const *texts = registry_qapi_schema(&n);
    Json *schema = NULL;

    json_object_object_foreach(args, key, value) {
        (void)value;
        error_set(errp, "Parameter '%s' is unexpected", key);
        return NULL;
    }
    if (n) {
        json_parse(texts[0]->text, strlen(texts[0]->text), &schema, errp);
    }
    return schema;
}

static bool add_command(const QapiCommand *cmd, void *opaque)
{
    CommandInfoList ***tail = opaque, *node = g_new0(CommandInfoList, 1);

    node->value = g_new0(CommandInfo, 1);
    node->value->name = g_strdup(cmd->name);
    **tail = node;
    *tail = &node->next;
    return true;
}

CommandInfoList *qmp_query_commands(Error **errp)
{
    CommandInfoList *list = NULL, **tail = &list;

    qapi_commands_foreach(add_command, &tail);
    return list;
}

static void add_event(const char *name, void *opaque)
{
    EventInfoList ***tail = opaque, *node = g_new0(EventInfoList, 1);

    node->value = g_new0(EventInfo, 1);
    node->value->name = g_strdup(name);
    **tail = node;
    *tail = &node->next;
}

EventInfoList *qmp_query_events(Error **errp)
{
    EventInfoList *list = NULL, **tail = &list;

    qapi_events_foreach(add_event, &tail);
    return list;
}
