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
    HMP_INT,                /* an expression: monitor/hmp-expr.c */
    HMP_BOOL,               /* on, off */
    HMP_FLAG,               /* -f: name begins with the letter, or the letter is given */
    HMP_OPTION,             /* -f WORD */
    HMP_FORMAT,             /* /10xw directly behind the command: a word without the slash */
} HmpKind;

typedef struct HmpArg {
    const char *name;       /* in the object that the command gets, and of QMP's argument */
    HmpKind kind;
    bool optional;
    char letter;            /* of HMP_FLAG and HMP_OPTION; 0: the name's first */
} HmpArg;

/*
 * What a command prints goes to out. Either run does it, or the QMP command of
 * that name does with the same arguments, and show (may be NULL) prints what
 * it returned. Both in a coroutine, that may yield.
 */
typedef struct HmpCommand {
    const char *name;       /* "cont|c": with its short form */
    const char *params, *help;
    HmpArg args[8];
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
/* A number at *line, which moves behind it; in a coroutine. */
bool co_hmp_expr(const char **line, int64_t *value, Error **errp);
/* Who knows what "$rip" is. In a coroutine, may yield. */
typedef bool HmpRegisterFn(const char *name, uint64_t *value, Error **errp);
void hmp_set_registers(HmpRegisterFn *fn);
/* What a line that was begun may go on with: whole words for its last one. */
GPtrArray *hmp_complete(const char *line);

/* Members of what QMP returned: NULL, 0 or false where there is none. */
const char *hmp_str(const Json *object, const char *name);
int64_t hmp_int(const Json *object, const char *name);
bool hmp_bool(const Json *object, const char *name);
Json *hmp_get(const Json *object, const char *name);

/* For completion: that member of each object that a query gives, if it answers at once. */
void hmp_names_of(const char *query, const char *member, GPtrArray *names);

#endif
