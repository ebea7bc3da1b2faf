/* QMP requests to calls of qmp_ functions and back; events on their way out */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QAPI_DISPATCH_H
#define QAPI_DISPATCH_H

#include "qapi/visitor.h"
#include "util/registry.h"

/* --- commands: the generator writes a table per module of the schema --- */

/* args: the C struct of cmd->arg, or for raw ones the Json itself; ret: where the value goes. */
typedef void QapiRunFn(void *args, void *ret, Error **errp);

typedef struct QapiCommand {
    const char *name;
    QapiRunFn *run;
    const QapiType *arg;        /* NULL: takes nothing */
    const QapiType *ret;        /* NULL: returns {} */
    bool raw;                   /* 'gen': false: gets and returns Json, checks on its own */
    bool allow_oob;
    bool allow_preconfig;
    bool no_reply;              /* success is silent */
} QapiCommand;

typedef struct QapiCommandTable {
    const QapiCommand *rows;    /* ended by one without a name */
} QapiCommandTable;
#define REGISTER_QAPI_COMMANDS(table) REGISTER(qapi_commands, table)

/* NULL: this program has no such command. */
const QapiCommand *qapi_command_find(const char *name);
/* Each one, in order of name, until fn returns false. */
void qapi_commands_foreach(bool (*fn)(const QapiCommand *cmd, void *opaque), void *opaque);

/*
 * Check the arguments (an object, or NULL for none) and run it, in a coroutine;
 * it may yield. False with an error, else *ret is its value: {} for none.
 */
bool co_qapi_command_run(const QapiCommand *cmd, Json *args, Json **ret, Error **errp);

/* Until the machine is there, only commands that say allow_preconfig run. */
void qapi_set_preconfig(bool on);
bool qapi_preconfig(void);

/* --- requests and replies --- */

typedef struct QapiRequest {
    const QapiCommand *cmd;
    Json *args;                 /* borrowed from the request; NULL: none */
    Json *id;
    bool has_id;
    bool oob;                   /* came as exec-oob */
} QapiRequest;

/*
 * {"execute": NAME, "arguments": {...}, "id": ANY}. The id is found also in
 * wrong requests. allow_oob: "exec-oob" is a member, too.
 */
bool qapi_request_parse(Json *json, bool allow_oob, QapiRequest *request, Error **errp);
/* Both take over what they are given; request NULL: there is no id to echo. */
Json *qapi_reply(const QapiRequest *request, Json *value);
Json *qapi_reply_error(const QapiRequest *request, Error *err);

/* --- events --- */

typedef struct QapiEventTable {
    const char *const *names;
} QapiEventTable;
#define REGISTER_QAPI_EVENTS(table) REGISTER(qapi_events, table)
void qapi_events_foreach(void (*fn)(const char *name, void *opaque), void *opaque);

/* What the generated qapi_event_send_NAME() call. Any thread; takes over data (NULL: none). */
void qapi_event_emit(const char *name, Json *data);
/* Where events go; until it is set they are dropped. name is static, data is handed over. */
typedef void QapiEventHook(const char *name, Json *data);
void qapi_set_event_hook(QapiEventHook *hook);

/* --- introspection --- */

typedef struct QapiSchemaText {
    const char *text;
} QapiSchemaText;
#define REGISTER_QAPI_SCHEMA(text) REGISTER(qapi_schema, text)

#endif
