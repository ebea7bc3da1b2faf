/* TRACE(): trace points declared where they happen, switched on by name */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_TRACE_H
#define UTIL_TRACE_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "util/compiler.h"
#include "util/error.h"

typedef struct TracePoint {
    const char *name, *file, *format;
    bool on;
} TracePoint;

/*
 * TRACE(ahci_issue, "port %d slot %d", port, slot): a load and a branch when
 * off; arguments are evaluated only when on. A pointer to the point goes into
 * a linker section, so the list needs no registration.
 */
#define TRACE(point, fmt, ...)                                                              \
    do {                                                                                    \
        static TracePoint trace_##point = { #point, __FILE__, fmt, false };                 \
        static TracePoint *const trace_ptr_##point                                          \
            __attribute__((used, section("trace_points"))) = &trace_##point;                \
        (void)trace_ptr_##point;                                                            \
        if (unlikely(trace_##point.on)) {                                                   \
            trace_emit(&trace_##point, fmt, ##__VA_ARGS__);                                 \
        }                                                                                   \
    } while (0)

void trace_emit(const TracePoint *point, const char *fmt, ...) PRINTF_FORMAT(2, 3);

/*
 * Switch all points whose name matches the glob ('*' and '?'), a leading '-'
 * switches off. False when nothing matches.
 */
bool trace_set(const char *glob, bool on, Error **errp);
/* A file of such patterns, a line each, '#' begins a comment. */
bool trace_load_events(const char *path, Error **errp);
/* Lines go to this file instead of the log. */
bool trace_set_file(const char *path, Error **errp);
/* Call fn for every point whose name matches glob; several places may share a name. */
void trace_for_each(const char *glob, void (*fn)(TracePoint *point, void *opaque), void *opaque);
void trace_list(FILE *out);

#endif
