/* The human monitor: its commands, rows of tables, most of them thin over QMP's */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MONITOR_HMP_H
#define MONITOR_HMP_H

#include <glib.h>

#include "qapi/json.h"
#include "util/error.h"
#include "util/registry.h"

typedef enum HmpKind {
    HMP_END,
    HMP_WORD,               /* up to a blank, or in double quotes */
    HMP_REST,               /* all that is left of the line */
    HMP_INT,                /* decimal, 0x hexadecimal; may be negative */
    HMP_BOOL,               /* on, off */
    HMP_FLAG,               /* -f: name begins with the letter */
    HMP_FORMAT,             /* /10xw directly behind the command: a word without the slash */
} HmpKind;

typedef struct HmpArg {
    const char *name;       /* in the object that the command gets, and of QMP's argument */
    HmpKind kind;
    bool optional;
} HmpArg;

/*
 * What a command prints goes to out. Either run does it, or the QMP command of
 * that name does with the same arguments, and show (may be NULL) prints what
 * it returned. Both in a coroutine, that may yield.
 */
typedef struct HmpCommand {
    const char *name;       /* "cont|c": with its short form */
    const char *params, *help;
    HmpArg args[6];
    const char *qmp;
    void (*show)(const Json *value, GString *out);
    void (*co_run)(const Json *args, GString *out, Error **errp);
    void (*complete)(GPtrArray *names);     /* of what the first argument may be; may be NULL */
} HmpCommand;

typedef struct HmpTable {
    const HmpCommand *rows; /* ended by one without a name */
    bool info;              /* "info NAME" */
} HmpTable;
#define REGISTER_HMP(table) REGISTER(hmp_table, table)

/* One line, in a coroutine; what it prints, errors included. */
void co_hmp_line(const char *line, GString *out);
/* Run a QMP command; takes over args (may be NULL). NULL with errp. */
Json *co_hmp_qmp(const char *name, Json *args, Error **errp);
/* What a line that was begun may go on with: whole words for its last one. */
GPtrArray *hmp_complete(const char *line);

/* Members of what QMP returned: NULL, 0 or false where there is none. */
const char *hmp_str(const Json *object, const char *name);
int64_t hmp_int(const Json *object, const char *name);
bool hmp_bool(const Json *object, const char *name);
Json *hmp_get(const Json *object, const char *name);

#endif
