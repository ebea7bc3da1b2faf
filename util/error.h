/* Error objects: what failed, on which object, why, and how to mend it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <glib.h>
#include <stdarg.h>
#include <stdbool.h>

#include "util/compiler.h"

/*
 * A function that can fail takes `Error **errp` last and returns bool (true =
 * done) or a pointer (NULL = failed). errp may be NULL: the caller does not
 * care why. Who detects the error sets it; who handles it reports or frees it.
 * Errors belong to one thread at a time.
 */
typedef struct Error Error;

typedef enum ErrorClass {
    ERROR_GENERIC,              /* GenericError */
    ERROR_COMMAND_NOT_FOUND,    /* CommandNotFound */
    ERROR_DEVICE_NOT_ACTIVE,    /* DeviceNotActive */
    ERROR_DEVICE_NOT_FOUND,     /* DeviceNotFound */
    ERROR_KVM_MISSING_CAP,      /* KVMMissingCap */
} ErrorClass;

/* Set *errp (which must hold NULL). No full stop, no newline in the message. */
void error_set(Error **errp, const char *fmt, ...) PRINTF_FORMAT(2, 3);
void error_vset(Error **errp, const char *fmt, va_list ap) PRINTF_FORMAT(2, 0);
/* The same with ": strerror(err)" behind the message; err is a positive errno. */
void error_set_errno(Error **errp, int err, const char *fmt, ...) PRINTF_FORMAT(3, 4);
void error_set_class(Error **errp, ErrorClass cls, const char *fmt, ...) PRINTF_FORMAT(3, 4);
/* Put text before the message of *errp, if there is one. */
void error_prepend(Error **errp, const char *fmt, ...) PRINTF_FORMAT(2, 3);
/* Add a line that names the fix, shown by error_report() below the message. */
void error_hint(Error **errp, const char *fmt, ...) PRINTF_FORMAT(2, 3);
/* Hand err over to *errp, or free it where errp is NULL or already set. */
void error_propagate(Error **errp, Error *err);

const char *error_text(const Error *err);
const char *error_hint_text(const Error *err);  /* NULL when there is none */
ErrorClass error_class(const Error *err);
const char *error_class_name(ErrorClass cls);   /* as QMP spells it */
Error *error_copy(const Error *err);
void error_free(Error *err);

/* Print "mica: message" and the hint to stderr (see report.h for prefixes), then free. */
void error_report(Error *err);
void error_report_warning(Error *err);

/* Direct reports, for those who handle what they detect. */
void report_error(const char *fmt, ...) PRINTF_FORMAT(1, 2);
void report_warning(const char *fmt, ...) PRINTF_FORMAT(1, 2);
void report_info(const char *fmt, ...) PRINTF_FORMAT(1, 2);

/* What every report begins with: the program's name, "guest-name=" and timestamps by -msg. */
void report_set_program(const char *name);
void report_set_guest_name(const char *name);   /* NULL: do not show */
void report_set_timestamps(bool on);
/* Where reports go besides stderr's default (the human monitor); NULL restores stderr. */
void report_set_sink(void (*sink)(const char *line, void *opaque), void *opaque);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Error, error_free)

#endif
