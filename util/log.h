/* The log of -d and -D: categories, guest errors, where lines go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/compiler.h"
#include "util/error.h"

enum {
    LOG_IN_ASM = 1 << 0,
    LOG_INT = 1 << 1,
    LOG_EXEC = 1 << 2,
    LOG_CPU = 1 << 3,
    LOG_GUEST_ERRORS = 1 << 4,
    LOG_UNIMP = 1 << 5,
    LOG_CPU_RESET = 1 << 6,
    LOG_ACCEL = 1 << 7,
    LOG_FPU = 1 << 8,
};

typedef struct LogItem {
    uint32_t mask;
    const char *name, *help;
} LogItem;

/* All categories of -d, ended by a row without a name. */
extern const LogItem log_items[];

extern uint32_t log_mask;

static inline bool log_on(uint32_t mask)
{
    return unlikely(log_mask & mask);
}

/*
 * Categories by name, separated by commas ("all" too); *mask is set on success.
 * "trace:PATTERN" switches trace points on.
 */
bool log_parse(const char *names, uint32_t *mask, Error **errp);
void log_set_mask(uint32_t mask);
/*
 * What is logged of guest code is only that in these ranges of addresses:
 * "FIRST..LAST", "START+LENGTH", "END-LENGTH", separated by commas. Before the start.
 */
bool log_set_filter(const char *ranges, Error **errp);
bool log_wants_address(uint64_t addr);
/* NULL: stderr. %d in the name stands for the process id. */
bool log_set_file(const char *path, Error **errp);

/* Any thread. One call is one uninterrupted piece of output. */
void log_printf(const char *fmt, ...) PRINTF_FORMAT(1, 2);
/* What a wrong guest did, for -d guest_errors; rate-limited, never fatal. */
void guest_error(const char *fmt, ...) PRINTF_FORMAT(1, 2);
/* What a guest asked for and Mica leaves out, for -d unimp. */
void log_unimp(const char *fmt, ...) PRINTF_FORMAT(1, 2);

#endif
