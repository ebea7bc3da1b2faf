/* The human monitor: lines to commands, help, completion */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/hmp.h"
#include "qapi/commands-control.h"
#include "qapi/dispatch.h"

REGISTRY(hmp_table, HmpTable)

/* --- the tables --- */

static bool name_is(const HmpCommand *cmd, const char *name, size_t len)
{
    for (const char *at = cmd->name;; at++) {
        size_t n = strcspn(at, "|");

        if (n == len && !strncmp(at, name, len)) {
            return true;
        }
        at += n;
        if (!*at) {
            return false;
        }
    }
}

static const HmpCommand *find(bool info, const char *name, size_t len)
{
    size_t n;
    const HmpTable *const *tables = registry_hmp_table(&n);

    for (size_t i = 0; i < n; i++) {
        for (const HmpCommand *cmd = tables[i]->rows; tables[i]->info == info && cmd->name; cmd++) {
            if (name_is(cmd, name, len)) {
                return cmd;
            }
        }
    }
    return NULL;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const HmpCommand *const *)a)->name, (*(const HmpCommand *const *)b)->name);
}

static GPtrArray *commands(bool info)
{
    GPtrArray *all = g_ptr_array_new();
    size_t n;
    const HmpTable *const *tables = registry_hmp_table(&n);

    for (size_t i = 0; i < n; i++) {
        for (const HmpCommand *cmd = tables[i]->rows; tables[i]->info == info && cmd->name; cmd++) {
            g_ptr_array_add(all, (gpointer)cmd);
        }
    }
    g_ptr_array_sort(all, by_name);
    return all;
}

static void print_help(const HmpCommand *cmd, bool info, GString *out)
{
    g_string_append_printf(out, "%s%s %s -- %s\n", info ? "info " : "", cmd->name, cmd->params,
                           cmd->help);
}

static void help_all(bool info, GString *out)
{
    g_autoptr(GPtrArray) all = commands(info);

    for (unsigned i = 0; i < all->len; i++) {
        print_help(all->pdata[i], info, out);
    }
}

/* --- values --- */

Json *hmp_get(const Json *object, const char *name)
{
    Json *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

const char *hmp_str(const Json *object, const char *name)
{
    Json *value = hmp_get(object, name);

    return value ? json_object_get_string(value) : NULL;
}

int64_t hmp_int(const Json *object, const char *name)
{
    return json_object_get_int64(hmp_get(object, name));
}

bool hmp_bool(const Json *object, const char *name)
{
    return json_object_get_boolean(hmp_get(object, name));
}

Json *co_hmp_qmp(const char *name, Json *args, Error **errp)
{
    const QapiCommand *cmd = qapi_command_find(name);
    Json *value = NULL;

    if (!cmd) {
        error_set_class(errp, ERROR_COMMAND_NOT_FOUND, "The command %s has not been found", name);
    } else if (!co_qapi_command_run(cmd, args, &value, errp)) {
        value = NULL;
    }
    json_object_put(args);
    return value;
}

/* --- lines --- */

static const char *skip_blanks(const char *at)
{
    while (g_ascii_isspace(*at)) {
        at++;
    }
    return at;
}

/* A word, in double quotes with \n \" \\ or without; NULL with errp. g_free() */
static char *take_word(const char **line, Error **errp)
{
    const char *at = *line;
    GString *word = g_string_new(NULL);

    if (*at != '"') {
        size_t n = strcspn(at, " \t\r\n");

        g_string_append_len(word, at, n);
        *line = at + n;
        return g_string_free(word, false);
    }
    for (at++; *at != '"'; at++) {
        if (!*at) {
            error_set(errp, "unterminated string: a '\"' is missing");
            g_string_free(word, true);
            return NULL;
        }
        if (*at == '\\' && at[1]) {
            at++;
            g_string_append_c(word, *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at);
        } else {
            g_string_append_c(word, *at);
        }
    }
    *line = at + 1;
    return g_string_free(word, false);
}

static Json *convert(const HmpArg *arg, const char *word, Error **errp)
{
    if (arg->kind == HMP_BOOL) {
        bool on = !strcmp(word, "on");

        if (!on && strcmp(word, "off")) {
            error_set(errp, "Expected 'on' or 'off' for '%s', not '%s'", arg->name, word);
            return NULL;
        }
        return json_object_new_boolean(on);
    }
    return json_object_new_string(word);
}

static Json *co_take_number(const HmpArg *arg, const char **line, Error **errp)
{
    int64_t value;

    if (!co_hmp_expr(line, &value, errp)) {
        error_prepend(errp, "%s: ", arg->name);
        return NULL;
    }
    return json_object_new_int64(value);
}

static char letter_of(const HmpArg *arg)
{
    return arg->letter ? arg->letter : *arg->name;
}

/* Flags come first, whatever their order. */
static bool take_flags(const HmpCommand *cmd, const char **line, Json *args, Error **errp)
{
    while (**line == '-' && g_ascii_isalpha((*line)[1]) &&
           (!(*line)[2] || g_ascii_isspace((*line)[2]))) {
        const HmpArg *arg = cmd->args;

        while (arg->kind && !((arg->kind == HMP_FLAG || arg->kind == HMP_OPTION) &&
                              letter_of(arg) == (*line)[1])) {
            arg++;
        }
        if (!arg->kind) {
            error_set(errp, "%s: unsupported option -%c", cmd->name, (*line)[1]);
            return false;
        }
        *line = skip_blanks(*line + 2);
        if (arg->kind == HMP_OPTION) {
            g_autofree char *word = take_word(line, errp);

            if (!word) {
                return false;
            }
            json_object_object_add(args, arg->name, json_object_new_string(word));
            *line = skip_blanks(*line);
        } else {
            json_object_object_add(args, arg->name, json_object_new_boolean(true));
        }
    }
    return true;
}

static Json *co_take_args(const HmpCommand *cmd, const char *line, Error **errp)
{
    Json *args = json_object_new_object();
    Error *err = NULL;

    for (const HmpArg *arg = cmd->args; arg->kind && !err; arg++) {
        g_autofree char *word = NULL;
        Json *value = NULL;

        line = skip_blanks(line);
        if (arg->kind == HMP_FORMAT && *line != '/') {
            continue;
        }
        if (arg->kind == HMP_FORMAT) {
            line++;
        } else if (!take_flags(cmd, &line, args, &err)) {
            break;
        } else if (arg->kind == HMP_FLAG || arg->kind == HMP_OPTION) {
            continue;
        }
        if (!*line) {
            if (!arg->optional) {
                error_set(&err, "%s: '%s' is missing", cmd->name, arg->name);
            }
            break;
        }
        if (arg->kind == HMP_INT) {
            value = co_take_number(arg, &line, &err);
        } else if (arg->kind == HMP_REST) {
            word = g_strchomp(g_strdup(line));
            line = "";
        } else {
            word = take_word(&line, &err);
        }
        if (word) {
            value = convert(arg, word, &err);
        }
        if (value) {
            json_object_object_add(args, arg->name, value);
        }
    }
    if (!err && *skip_blanks(line)) {
        error_set(&err, "%s: extraneous characters at the end of line", cmd->name);
    }
    if (err) {
        error_propagate(errp, err);
        json_object_put(args);
        return NULL;
    }
    return args;
}

static void co_run(const HmpCommand *cmd, const char *line, GString *out)
{
    Error *err = NULL;
    Json *args = co_take_args(cmd, line, &err);

    if (err) {
        g_string_append_printf(out, "%s\nTry \"help %.*s\" for more information\n",
                               error_text(err), (int)strcspn(cmd->name, "|"), cmd->name);
        error_free(err);
        return;
    }
    if (cmd->co_run && qapi_preconfig()) {
        g_string_append_printf(out, "Command '%.*s' not available with -preconfig until machine "
                               "initialization has completed\n", (int)strcspn(cmd->name, "|"),
                               cmd->name);
        json_object_put(args);
    } else if (cmd->co_run) {
        cmd->co_run(args, out, &err);
        json_object_put(args);
    } else {
        JSON_AUTO value = co_hmp_qmp(cmd->qmp, args, &err);

        if (value && cmd->show) {
            cmd->show(value, out);
        }
    }
    if (err) {
        g_string_append_printf(out, "Error: %s\n", error_text(err));
        if (error_hint_text(err)) {
            g_string_append_printf(out, "%s\n", error_hint_text(err));
        }
        error_free(err);
    }
}

static void co_help(const char *line, GString *out)
{
    bool info = g_str_has_prefix(line, "info") && (!line[4] || g_ascii_isspace(line[4]));
    const char *name = info ? skip_blanks(line + 4) : line;
    const HmpCommand *cmd = find(info, name, strcspn(name, " \t"));

    if (cmd) {
        print_help(cmd, info, out);
    } else if (!*name) {
        help_all(info, out);
        if (!info) {
            g_string_append(out, "help|? [cmd] -- show the help\n"
                                 "info [subcommand] -- show various information\n");
        }
    } else {
        g_string_append_printf(out, "unknown command: '%s'\n", name);
    }
}

void co_hmp_line(const char *line, GString *out)
{
    size_t len;
    bool info;
    const HmpCommand *cmd;

    line = skip_blanks(line);
    len = strcspn(line, " \t\r\n/");
    if (!*line || *line == '#') {
        return;
    }
    if ((len == 4 && !strncmp(line, "help", 4)) || (len == 1 && *line == '?')) {
        g_autofree char *rest = g_strstrip(g_strdup(line + len));

        co_help(rest, out);
        return;
    }
    info = len == 4 && !strncmp(line, "info", 4);
    if (info) {
        line = skip_blanks(line + 4);
        len = strcspn(line, " \t\r\n/");
        if (!len) {
            help_all(true, out);
            return;
        }
    }
    cmd = find(info, line, len);
    if (cmd) {
        co_run(cmd, line + len, out);
    } else {
        g_string_append_printf(out, "unknown command: '%s%.*s'\n", info ? "info " : "", (int)len,
                               line);
    }
}

/* --- completion --- */

static void add_matching(GPtrArray *words, const char *name, const char *begun)
{
    g_auto(GStrv) forms = g_strsplit(name, "|", -1);

    for (unsigned i = 0; forms[i]; i++) {
        if (g_str_has_prefix(forms[i], begun)) {
            g_ptr_array_add(words, g_strdup(forms[i]));
        }
    }
}

GPtrArray *hmp_complete(const char *line)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    const char *at = skip_blanks(line);
    size_t len = strcspn(at, " \t");
    bool info = false;

    while (at[len] && ((len == 4 && (!strncmp(at, "info", 4) || !strncmp(at, "help", 4))))) {
        info |= *at == 'i';
        at = skip_blanks(at + len);
        len = strcspn(at, " \t");
    }
    if (at[len]) {
        const HmpCommand *cmd = find(info, at, len);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *begun = skip_blanks(at + len);

        if (cmd && cmd->complete && !strpbrk(begun, " \t")) {
            cmd->complete(names);
        }
        for (unsigned i = 0; i < names->len; i++) {
            add_matching(words, names->pdata[i], begun);
        }
    } else {
        g_autoptr(GPtrArray) all = commands(info);

        for (unsigned i = 0; i < all->len; i++) {
            add_matching(words, ((HmpCommand *)all->pdata[i])->name, at);
        }
        if (!info) {
            add_matching(words, "help|info", at);
        }
    }
    return words;
}

char *qmp_human_monitor_command(const char *command_line, bool has_cpu_index, int64_t cpu_index,
                                Error **errp)
{
    GString *out = g_string_new(NULL);

    if (has_cpu_index) {
        g_autofree char *select = g_strdup_printf("cpu %" PRId64, cpu_index);

        co_hmp_line(select, out);
        if (out->len) {
            error_set(errp, "Parameter 'cpu-index' expects a CPU number");
            g_string_free(out, true);
            return NULL;
        }
    }
    co_hmp_line(command_line, out);
    /* As on a terminal, which is what those know who take the text apart. */
    g_string_replace(out, "\n", "\r\n", 0);
    return g_string_free(out, false);
}
