/* Error objects and the reports that reach the user */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/error.h"

struct Error {
    ErrorClass cls;
    char *text;
    char *hint;
};

static const char *const class_names[] = {
    [ERROR_GENERIC] = "GenericError",
    [ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
    [ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
    [ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
    [ERROR_KVM_MISSING_CAP] = "KVMMissingCap",
};

static char *report_program;
static char *report_guest;
static bool report_timestamps;
static void (*report_sink)(const char *line, void *opaque);
static void *report_sink_opaque;

static void set(Error **errp, ErrorClass cls, char *text)
{
    if (!errp) {
        g_free(text);
        return;
    }
    g_assert(!*errp);
    *errp = g_new0(Error, 1);
    (*errp)->cls = cls;
    (*errp)->text = text;
}

void error_vset(Error **errp, const char *fmt, va_list ap)
{
    set(errp, ERROR_GENERIC, g_strdup_vprintf(fmt, ap));
}

void error_set(Error **errp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vset(errp, fmt, ap);
    va_end(ap);
}

void error_set_class(Error **errp, ErrorClass cls, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set(errp, cls, g_strdup_vprintf(fmt, ap));
    va_end(ap);
}

void error_set_errno(Error **errp, int err, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    set(errp, ERROR_GENERIC, g_strdup_printf("%s: %s", text, g_strerror(err)));
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    g_autofree char *before = NULL;
    char *text;
    va_list ap;

    if (!errp || !*errp) {
        return;
    }
    va_start(ap, fmt);
    before = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    text = g_strconcat(before, (*errp)->text, NULL);
    g_free((*errp)->text);
    (*errp)->text = text;
}

void error_hint(Error **errp, const char *fmt, ...)
{
    g_autofree char *more = NULL;
    char *hint;
    va_list ap;

    if (!errp || !*errp) {
        return;
    }
    va_start(ap, fmt);
    more = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    hint = (*errp)->hint ? g_strconcat((*errp)->hint, "\n", more, NULL) : g_strdup(more);
    g_free((*errp)->hint);
    (*errp)->hint = hint;
}

void error_propagate(Error **errp, Error *err)
{
    if (!err) {
        return;
    }
    if (!errp || *errp) {
        error_free(err);
        return;
    }
    *errp = err;
}

const char *error_text(const Error *err)
{
    return err->text;
}

const char *error_hint_text(const Error *err)
{
    return err->hint;
}

ErrorClass error_class(const Error *err)
{
    return err->cls;
}

const char *error_class_name(ErrorClass cls)
{
    return class_names[cls];
}

Error *error_copy(const Error *err)
{
    Error *copy = g_new0(Error, 1);

    copy->cls = err->cls;
    copy->text = g_strdup(err->text);
    copy->hint = g_strdup(err->hint);
    return copy;
}

void error_free(Error *err)
{
    if (err) {
        g_free(err->text);
        g_free(err->hint);
        g_free(err);
    }
}

void report_set_program(const char *name)
{
    g_free(report_program);
    report_program = g_path_get_basename(name);
}

void report_set_guest_name(const char *name)
{
    g_free(report_guest);
    report_guest = g_strdup(name);
}

void report_set_timestamps(bool on)
{
    report_timestamps = on;
}

void report_set_sink(void (*sink)(const char *line, void *opaque), void *opaque)
{
    report_sink = sink;
    report_sink_opaque = opaque;
}

static void report(const char *kind, const char *text)
{
    g_autoptr(GString) line = g_string_new(NULL);

    if (report_sink) {
        g_string_append_printf(line, "%s%s\n", kind, text);
        report_sink(line->str, report_sink_opaque);
        return;
    }
    if (report_timestamps) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

        g_string_append_printf(line, "%s.%06dZ ", stamp, g_date_time_get_microsecond(now));
    }
    if (report_guest) {
        g_string_append_printf(line, "%s ", report_guest);
    }
    g_string_append_printf(line, "%s: %s%s\n", report_program ? report_program : "mica", kind,
                           text);
    fputs(line->str, stderr);
}

static void report_with_hint(const char *kind, Error *err)
{
    report(kind, err->text);
    if (err->hint) {
        if (report_sink) {
            g_autofree char *line = g_strconcat(err->hint, "\n", NULL);

            report_sink(line, report_sink_opaque);
        } else {
            fprintf(stderr, "%s\n", err->hint);
        }
    }
    error_free(err);
}

void error_report(Error *err)
{
    report_with_hint("", err);
}

void error_report_warning(Error *err)
{
    report_with_hint("warning: ", err);
}

#define REPORT(name, kind)                                                                  \
    void name(const char *fmt, ...)                                                         \
    {                                                                                       \
        g_autofree char *text = NULL;                                                       \
        va_list ap;                                                                         \
                                                                                            \
        va_start(ap, fmt);                                                                  \
        text = g_strdup_vprintf(fmt, ap);                                                   \
        va_end(ap);                                                                         \
        report(kind, text);                                                                 \
    }
REPORT(report_error, "")
REPORT(report_warning, "warning: ")
REPORT(report_info, "info: ")
