/* Command lines, numbers and progress of the tools */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "qom/user-object.h"
#include "tools/tool.h"
#include "util/parse.h"
#include "util/trace.h"

#include <getopt.h>

/* Values that getopt_long() gives for rows without a letter. */
#define FIRST_ROW 0x1000

static const ToolOption *find(const ToolOption *options, int value)
{
    if (value >= FIRST_ROW) {
        return &options[value - FIRST_ROW];
    }
    for (; options->name || options->letter; options++) {
        if (options->letter == value) {
            return options;
        }
    }
    return NULL;
}

static struct option *long_options(const ToolOption *options, GString *letters)
{
    GArray *rows = g_array_sized_new(true, true, sizeof(struct option), 1);

    for (int i = 0; options[i].name || options[i].letter; i++) {
        const ToolOption *o = &options[i];

        if (o->letter) {
            g_string_append_printf(letters, "%c%s", o->letter, o->arg ? ":" : "");
        }
        if (o->name) {
            struct option row = {
                .name = o->name, .has_arg = o->arg ? required_argument : no_argument,
                .val = o->letter ? o->letter : FIRST_ROW + i,
            };

            g_array_append_val(rows, row);
        }
    }
    return (struct option *)(void *)g_array_free(rows, false);
}

static void add_text(GPtrArray **texts, const char *text)
{
    if (!*texts) {
        *texts = g_ptr_array_new();
    }
    g_ptr_array_add(*texts, (char *)(uintptr_t)text);
}

static bool apply(const ToolOption *o, void *args, const char *text, Error **errp)
{
    void *field = (char *)args + o->field;

    switch (o->kind) {
    case TOOL_FLAG:
        *(bool *)field = true;
        break;
    case TOOL_TEXT:
        *(const char **)field = text;
        break;
    case TOOL_TEXTS:
        add_text(field, text);
        break;
    case TOOL_CALL:
        return o->call(args, o->name, text, errp);
    case TOOL_HELP:
        break;
    }
    return true;
}

ToolParse tool_parse(const ToolOption *options, void *args, int argc, char **argv,
                     bool messages, int *first, const char **bad, Error **errp)
{
    g_autoptr(GString) letters = g_string_new(messages ? "" : ":");
    g_autofree struct option *longs = long_options(options, letters);
    const ToolOption *o;
    int value;

    optind = 0;         /* from the start, also the second time */
    while ((value = longs->name ? getopt_long(argc, argv, letters->str, longs, NULL)
                                : getopt(argc, argv, letters->str)) != -1) {
        if (value == '?' || value == ':') {
            *bad = argv[optind - 1];
            return value == ':' ? TOOL_PARSE_NO_ARG : TOOL_PARSE_UNKNOWN;
        }
        o = find(options, value);
        if (o->kind == TOOL_HELP) {
            return TOOL_PARSE_HELP;
        }
        if (!apply(o, args, optarg, errp)) {
            return TOOL_PARSE_FAILED;
        }
    }
    *first = optind;
    return TOOL_PARSE_OK;
}

bool tool_object_option(void *args, const char *name, const char *text, Error **errp)
{
    bool help = false, keyval;
    Json *options = keyval_or_json_parse(text, "qom-type", &help, &keyval, errp);
    const char *type;
    bool ok;

    if (!options) {
        return false;
    }
    type = json_object_get_string(json_object_object_get(options, "qom-type"));
    if (help) {
        ok = !type || user_object_type_help(type, stdout, errp);
        if (!type) {
            user_object_help(stdout);
        }
        if (ok) {
            exit(fflush(stdout) || ferror(stdout));
        }
    } else {
        ok = user_object_add(options, errp);
    }
    json_object_put(options);
    return ok;
}

bool tool_trace_option(const char *text, Error **errp)
{
    JSON_AUTO options = keyval_parse(text, "enable", NULL, errp);
    const char *enable, *events, *file;

    if (!options) {
        return false;
    }
    enable = keyval_get(options, "enable");
    events = keyval_get(options, "events");
    file = keyval_get(options, "file");
    json_object_object_foreach(options, key, value) {
        (void)value;
        if (strcmp(key, "enable") && strcmp(key, "events") && strcmp(key, "file")) {
            error_set(errp, "Invalid parameter '%s'", key);
            return false;
        }
    }
    return (!events || trace_load_events(events, errp)) &&
           (!file || trace_set_file(file, errp)) && (!enable || trace_set(enable, true, errp));
}

bool tool_parse_cache(const char *text, ToolCache *cache)
{
    static const struct {
        const char *name;
        ToolCache cache;
    } modes[] = {
        { "writeback", { false, false, false } },
        { "none", { true, false, false } },
        { "off", { true, false, false } },
        { "writethrough", { false, false, true } },
        { "directsync", { true, false, true } },
        { "unsafe", { false, true, false } },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        if (!strcmp(modes[i].name, text)) {
            *cache = modes[i].cache;
            return true;
        }
    }
    return false;
}

bool tool_parse_aio(const char *text, bool *has_aio, BlockdevAioOptions *aio)
{
    int value = qapi_enum_parse(&qapi_type_BlockdevAioOptions, text, "aio", NULL);

    if (value < 0) {
        return false;
    }
    *has_aio = true;
    *aio = value;
    return true;
}

bool tool_parse_size(const char *what, const char *text, int64_t min, int64_t max,
                     int64_t *bytes)
{
    uint64_t value = 0;
    int ret = parse_size(text, 'B', &value);

    if (!ret && value <= INT64_MAX && (int64_t)value >= min && (int64_t)value <= max) {
        *bytes = value;
        return true;
    }
    if (ret == -EINVAL) {
        report_error("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", what);
        report_error("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    } else {
        report_error("Invalid %s specified. Must be between %" PRId64 " and %" PRId64 ".", what,
                     min, max);
    }
    return false;
}

/* Progress */

static void show(const ToolProgress *p)
{
    printf("    (%3.2f/100%%)\r", p->shown);
    fflush(stdout);
}

void tool_progress_start(ToolProgress *p, bool on)
{
    *p = (ToolProgress){ on, 0 };
    if (on) {
        show(p);
    }
}

void tool_progress(ToolProgress *p, double percent)
{
    if (p->on && (percent >= 100 || percent > p->shown + 1)) {
        p->shown = MIN(percent, 100);
        show(p);
    }
}

void tool_progress_end(const ToolProgress *p)
{
    if (p->on) {
        putchar('\n');
    }
}
