/* query-command-line-options: options with parameters, by the types that check them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/commands-trace.h"
#include "system/options-int.h"

static CommandLineParameterType parameter_type(const QapiType *type)
{
    switch (type->kind) {
    case QAPI_BOOL:
        return COMMAND_LINE_PARAMETER_TYPE_BOOLEAN;
    case QAPI_INT:
    case QAPI_UINT:
    case QAPI_NUMBER:
        return COMMAND_LINE_PARAMETER_TYPE_NUMBER;
    case QAPI_SIZE:
        return COMMAND_LINE_PARAMETER_TYPE_SIZE;
    default:
        return COMMAND_LINE_PARAMETER_TYPE_STRING;
    }
}

static bool listed(const CommandLineParameterInfoList *list, const char *name)
{
    for (; list; list = list->next) {
        if (!strcmp(list->value->name, name)) {
            return true;
        }
    }
    return false;
}

/* Members of all branches of a union are parameters of the one option. */
static void append_members(CommandLineParameterInfoList **list, const QapiType *type)
{
    CommandLineParameterInfoList **tail = list;

    while (*tail) {
        tail = &(*tail)->next;
    }
    for (unsigned i = 0; i < type->nr_members; i++) {
        CommandLineParameterInfo *info;

        if (listed(*list, type->members[i].name)) {
            continue;
        }
        info = g_new0(CommandLineParameterInfo, 1);
        info->name = g_strdup(type->members[i].name);
        info->type = parameter_type(type->members[i].type);
        QAPI_APPEND(tail, info);
    }
    for (const QapiType *const *b = type->branches;
         b && type->members[type->discriminator].type->names[b - type->branches]; b++) {
        if (*b) {
            append_members(list, *b);
        }
    }
}

CommandLineOptionInfoList *qmp_query_command_line_options(const char *option, Error **errp)
{
    CommandLineOptionInfoList *list = NULL, **tail = &list;

    OPTION_FOREACH(row) {
        CommandLineOptionInfo *info;

        if (!row->qmp || (option && strcmp(option, row->qmp))) {
            continue;
        }
        info = g_new0(CommandLineOptionInfo, 1);
        info->option = g_strdup(row->qmp);
        if (row->type) {
            append_members(&info->parameters, row->type);
        }
        QAPI_APPEND(tail, info);
    }
    if (!list) {
        error_set(errp, "invalid option name: %s", option);
    }
    return list;
}
