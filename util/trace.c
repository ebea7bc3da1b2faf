/* Trace points: the list, switching by name, where lines go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/trace.h"
#include "util/log.h"

extern TracePoint *const __start_trace_points[] __attribute__((weak, visibility("hidden")));
extern TracePoint *const __stop_trace_points[] __attribute__((weak, visibility("hidden")));

static GMutex trace_lock;
static FILE *trace_stream;

void trace_emit(const TracePoint *point, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    int64_t now_us = g_get_real_time();
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_mutex_lock(&trace_lock);
    if (trace_stream) {
        fprintf(trace_stream, "%d@%" PRId64 ".%06d:%s %s\n", getpid(), now_us / G_USEC_PER_SEC,
                (int)(now_us % G_USEC_PER_SEC), point->name, text);
    } else {
        log_printf("%s %s\n", point->name, text);
    }
    g_mutex_unlock(&trace_lock);
}

void trace_for_each(const char *glob, void (*fn)(TracePoint *point, void *opaque), void *opaque)
{
    for (TracePoint *const *p = __start_trace_points; p < __stop_trace_points; p++) {
        if (g_pattern_match_simple(glob, (*p)->name)) {
            fn(*p, opaque);
        }
    }
}

typedef struct Switch {
    bool on;
    unsigned matches;
} Switch;

static void switch_point(TracePoint *point, void *opaque)
{
    Switch *s = opaque;

    point->on = s->on;
    s->matches++;
}

bool trace_set(const char *glob, bool on, Error **errp)
{
    Switch s = { .on = on };

    if (glob[0] == '-') {
        glob++;
        s.on = false;
    }
    trace_for_each(glob, switch_point, &s);
    if (!s.matches) {
        error_set(errp, "trace event '%s' does not exist", glob);
        error_hint(errp, "Use '-trace help' for the list of events");
        return false;
    }
    return true;
}

bool trace_load_events(const char *path, Error **errp)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) gerr = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, &gerr)) {
        error_set(errp, "trace events file '%s': %s", path, gerr->message);
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);

        if (*line && *line != '#' && !trace_set(line, true, errp)) {
            error_prepend(errp, "%s:%d: ", path, i + 1);
            return false;
        }
    }
    return true;
}

bool trace_set_file(const char *path, Error **errp)
{
    FILE *stream = fopen(path, "we");

    if (!stream) {
        error_set_errno(errp, errno, "trace file '%s': cannot open", path);
        return false;
    }
    setvbuf(stream, NULL, _IOLBF, 0);
    g_mutex_lock(&trace_lock);
    if (trace_stream) {
        fclose(trace_stream);
    }
    trace_stream = stream;
    g_mutex_unlock(&trace_lock);
    return true;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void trace_list(FILE *out)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (TracePoint *const *p = __start_trace_points; p < __stop_trace_points; p++) {
        g_ptr_array_add(names, (void *)(*p)->name);
    }
    g_ptr_array_sort(names, compare_names);
    for (unsigned i = 0; i < names->len; i++) {
        if (!i || strcmp(names->pdata[i - 1], names->pdata[i])) {
            fprintf(out, "%s\n", (char *)names->pdata[i]);
        }
    }
}
