/* The option tables and what their rows' functions share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_OPTIONS_INT_H
#define SYSTEM_OPTIONS_INT_H

#include <stddef.h>

#include "system/config.h"
#include "util/compiler.h"
#include "util/error.h"

typedef struct OptionRow OptionRow;
struct OptionRow {
    const char *name;           /* NULL: a title for help, or with no help either the end */
    const char *arg;            /* how help shows the argument; NULL: it takes none */
    /* Adds to the Config what the option says; false with errp where that is wrong. */
    bool (*apply)(Config *c, const OptionRow *row, const char *arg, Error **errp);
    const char *help;           /* NULL: the row above speaks for it */
    size_t field;               /* for the generic appliers: a member of Config */
    const char *implied;        /* option_item(): the key of a first value without one */
    const char *qmp;            /* its name in query-command-line-options; NULL: not listed */
    const QapiType *type;       /* its parameters; NULL: they depend on what it names */
};

#define OPTION_TEXT(f) .apply = option_text, .field = offsetof(Config, f)
#define OPTION_FLAG(f) .apply = option_flag, .field = offsetof(Config, f)
#define OPTION_ITEM(f, t) .apply = option_item, .field = offsetof(Config, f), .type = &qapi_type_##t
#define OPTION_GROUP(title) { .help = title }

/* In the order of help; each ends with an empty row. */
extern const OptionRow options_machine[], options_devices[], options_run[], options_information[];
extern const OptionRow *const option_tables[];      /* of them; ends with NULL */

#define OPTION_FOREACH(row) \
    for (const OptionRow *const *table_ = option_tables; *table_; table_++) \
        for (const OptionRow *row = *table_; row->name || row->help; row++)

/* Generic appliers: the argument is text, or there is none, or it is key=value. */
bool option_text(Config *c, const OptionRow *row, const char *arg, Error **errp);
bool option_flag(Config *c, const OptionRow *row, const char *arg, Error **errp);
/* A ConfigItem more in a list, checked against the row's type. */
bool option_item(Config *c, const OptionRow *row, const char *arg, Error **errp);

/* Members of more, whose owner this becomes, are added to those of into or replace them. */
void option_add_members(Json **into, Json *more);
/* The same, and the whole is checked against its type. */
bool option_merge_members(Json **into, const QapiType *type, Json *more, Error **errp);
/* The same with more as text. */
bool option_merge(Json **into, const QapiType *type, const char *arg, const char *implied,
                  Error **errp);
/* Remembers which option it is that speaks, for messages that come later. */
void option_set_origin(char **place, const Config *c);
/* Help was printed: ends the program. */
NORETURN void option_help_done(void);

#endif
