/* QMP requests: the command tables, check of arguments, replies; the way of events */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/dispatch.h"
#include "util/coroutine.h"

REGISTRY(qapi_commands, QapiCommandTable)
REGISTRY(qapi_events, QapiEventTable)

static QapiEventHook *event_hook;
static bool preconfig;

/* --- tables --- */

static gint compare_commands(gconstpointer a, gconstpointer b)
{
    const QapiCommand *ca = *(const QapiCommand *const *)a, *cb = *(const QapiCommand *const *)b;

    return strcmp(ca->name, cb->name);
}

static GPtrArray *sorted_commands(void)
{
    static GPtrArray *commands;
    const QapiCommandTable *const *tables;
    size_t n;

    if (!commands) {
        commands = g_ptr_array_new();
        tables = registry_qapi_commands(&n);
        for (size_t i = 0; i < n; i++) {
            for (const QapiCommand *cmd = tables[i]->rows; cmd->name; cmd++) {
                g_ptr_array_add(commands, (void *)cmd);
            }
        }
        g_ptr_array_sort(commands, compare_commands);
    }
    return commands;
}

const QapiCommand *qapi_command_find(const char *name)
{
    const QapiCommand key = { .name = name }, *p = &key, **found;
    GPtrArray *commands = sorted_commands();

    found = bsearch(&p, commands->pdata, commands->len, sizeof(p), compare_commands);
    return found ? *found : NULL;
}

void qapi_commands_foreach(bool (*fn)(const QapiCommand *cmd, void *opaque), void *opaque)
{
    GPtrArray *commands = sorted_commands();

    for (unsigned i = 0; i < commands->len; i++) {
        if (!fn(commands->pdata[i], opaque)) {
            return;
        }
    }
}

/* --- a call --- */

static bool run_raw(const QapiCommand *cmd, Json *args, Json **ret, Error **errp)
{
    Error *err = NULL;
    Json *value = NULL;

    cmd->run(args, &value, &err);
    if (err) {
        json_object_put(value);
        error_propagate(errp, err);
        return false;
    }
    *ret = value ? value : json_object_new_object();
    return true;
}

void qapi_set_preconfig(bool on)
{
    preconfig = on;
}

bool qapi_preconfig(void)
{
    return preconfig;
}

bool co_qapi_command_run(const QapiCommand *cmd, Json *args, Json **ret, Error **errp)
{
    static const QapiType nothing = { .name = "nothing", .kind = QAPI_STRUCT, .size = 1 };
    JSON_AUTO given = args ? json_object_get(args) : json_object_new_object();
    const QapiType *type = cmd->arg ? cmd->arg : &nothing;
    uint64_t value = 0;         /* a scalar or a pointer, whatever cmd->ret says */
    Error *err = NULL;
    void *parsed;

    g_assert(in_coroutine());
    *ret = NULL;
    if (preconfig && !cmd->allow_preconfig) {
        error_set(errp, "The command '%s' is permitted only after machine initialization has "
                  "completed", cmd->name);
        return false;
    }
    if (cmd->raw) {
        return run_raw(cmd, given, ret, errp);
    }
    parsed = qapi_parse_object(type, given, QAPI_STRICT, errp);
    if (!parsed) {
        return false;
    }
    cmd->run(parsed, &value, &err);
    qapi_free_object(type, parsed);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    if (cmd->ret) {
        *ret = qapi_value_to_json(cmd->ret, &value);
        qapi_free_value(cmd->ret, &value);
    } else {
        *ret = json_object_new_object();
    }
    return true;
}

/* --- requests and replies --- */

static bool take_name(Json *json, const char *key, Json *value, const char **name, Error **errp)
{
    if (!json_object_is_type(value, json_type_string)) {
        error_set(errp, "QMP input member '%s' must be a string", key);
        return false;
    }
    if (*name) {
        error_set(errp, "QMP input member 'execute' clashes with 'exec-oob'");
        return false;
    }
    *name = json_object_get_string(value);
    return true;
}

bool qapi_request_parse(Json *json, bool allow_oob, QapiRequest *request, Error **errp)
{
    const char *name = NULL;

    memset(request, 0, sizeof(*request));
    if (!json_object_is_type(json, json_type_object)) {
        error_set(errp, "QMP input must be a JSON object");
        return false;
    }
    request->has_id = json_object_object_get_ex(json, "id", &request->id);
    json_object_object_foreach(json, key, value) {
        bool oob = allow_oob && !strcmp(key, "exec-oob");

        if (!strcmp(key, "execute") || oob) {
            if (!take_name(json, key, value, &name, errp)) {
                return false;
            }
            request->oob = oob;
        } else if (!strcmp(key, "arguments")) {
            if (!json_object_is_type(value, json_type_object)) {
                error_set(errp, "QMP input member 'arguments' must be an object");
                return false;
            }
            request->args = value;
        } else if (strcmp(key, "id")) {
            error_set(errp, "QMP input member '%s' is unexpected", key);
            return false;
        }
    }
    if (!name) {
        error_set(errp, "QMP input lacks member 'execute'");
        return false;
    }
    request->cmd = qapi_command_find(name);
    if (!request->cmd) {
        error_set_class(errp, ERROR_COMMAND_NOT_FOUND, "The command %s has not been found", name);
        return false;
    }
    if (request->oob && !request->cmd->allow_oob) {
        error_set(errp, "The command %s does not support OOB", name);
        return false;
    }
    return true;
}

Json *qapi_reply(const QapiRequest *request, Json *value)
{
    Json *reply = json_object_new_object();

    json_object_object_add(reply, "return", value);
    if (request && request->has_id) {
        json_object_object_add(reply, "id", json_object_get(request->id));
    }
    return reply;
}

Json *qapi_reply_error(const QapiRequest *request, Error *err)
{
    Json *reply = json_object_new_object(), *body = json_object_new_object();

    if (request && request->has_id) {
        json_object_object_add(reply, "id", json_object_get(request->id));
    }
    json_object_object_add(body, "class",
                           json_object_new_string(error_class_name(error_class(err))));
    json_object_object_add(body, "desc", json_object_new_string(error_text(err)));
    json_object_object_add(reply, "error", body);
    error_free(err);
    return reply;
}

/* --- events --- */

void qapi_events_foreach(void (*fn)(const char *name, void *opaque), void *opaque)
{
    size_t n;
    const QapiEventTable *const *tables = registry_qapi_events(&n);

    for (size_t i = 0; i < n; i++) {
        for (const char *const *name = tables[i]->names; *name; name++) {
            fn(*name, opaque);
        }
    }
}

void qapi_event_emit(const char *name, Json *data)
{
    if (event_hook) {
        event_hook(name, data);
    } else {
        json_object_put(data);
    }
}

void qapi_set_event_hook(QapiEventHook *hook)
{
    event_hook = hook;
}
