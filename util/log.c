/* The log of -d and -D: categories, guest errors, where lines go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/trace.h"

/* Lines a guest may cause in one second before the rest are only counted. */
#define GUEST_LINES_PER_SECOND 200

const LogItem log_items[] = {
    { LOG_IN_ASM, "in_asm", "show guest code as it is decoded" },
    { LOG_INT, "int", "show interrupts and exceptions in short form" },
    { LOG_EXEC, "exec", "show each block before it runs" },
    { LOG_CPU, "cpu", "show CPU registers before each block" },
    { LOG_FPU, "fpu", "with 'cpu': FPU registers too" },
    { LOG_CPU_RESET, "cpu_reset", "show CPU state before CPU resets" },
    { LOG_GUEST_ERRORS, "guest_errors", "show what the guest does wrong" },
    { LOG_UNIMP, "unimp", "show what the guest asks for and is not there" },
    { LOG_ACCEL, "accel", "tell which accelerator runs the CPUs, and why" },
    { }
};

uint32_t log_mask;

static GMutex log_lock;
static FILE *log_stream;

void log_set_mask(uint32_t mask)
{
    log_mask = mask;
}

bool log_parse(const char *names, uint32_t *mask, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(names, ",", -1);
    uint32_t sum = 0;

    for (int i = 0; parts[i]; i++) {
        const LogItem *item = log_items;

        if (!strcmp(parts[i], "all")) {
            for (; item->name; item++) {
                sum |= item->mask;
            }
            continue;
        }
        if (g_str_has_prefix(parts[i], "trace:")) {
            if (!trace_set(parts[i] + strlen("trace:"), true, errp)) {
                return false;
            }
            continue;
        }
        while (item->name && strcmp(item->name, parts[i])) {
            item++;
        }
        if (!item->name) {
            error_set(errp, "unknown log item '%s'", parts[i]);
            error_hint(errp, "Use '-d help' for the list of log items");
            return false;
        }
        sum |= item->mask;
    }
    *mask = sum;
    return true;
}

typedef struct Range {
    uint64_t first, last;
} Range;

static GArray *filter;          /* Range; NULL: everything */

/* One of "FIRST..LAST", "START+LENGTH", "END-LENGTH". */
static bool parse_range(const char *text, Range *range, Error **errp)
{
    static const char *const signs[] = { "..", "+", "-" };

    for (unsigned i = 0; i < ARRAY_SIZE(signs); i++) {
        const char *sign = strstr(text, signs[i]);
        g_autofree char *left = sign ? g_strndup(text, sign - text) : NULL;
        uint64_t a, b;

        if (!sign) {
            continue;
        }
        if (parse_u64(left, 0, &a) || parse_u64(sign + strlen(signs[i]), 0, &b)) {
            break;
        }
        *range = i == 0 ? (Range){ a, b } : i == 1 ? (Range){ a, a + b - 1 }
                                                   : (Range){ a - b + 1, a };
        if (range->first > range->last) {
            error_set(errp, "Invalid range '%s'", text);
            return false;
        }
        return true;
    }
    error_set(errp, "Bad range specifier '%s'", text);
    error_hint(errp, "The form is FIRST..LAST, START+LENGTH or END-LENGTH");
    return false;
}

bool log_set_filter(const char *ranges, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(ranges, ",", -1);
    g_autoptr(GArray) list = g_array_new(false, false, sizeof(Range));

    for (unsigned i = 0; parts[i]; i++) {
        Range range;

        if (!parse_range(parts[i], &range, errp)) {
            return false;
        }
        g_array_append_val(list, range);
    }
    if (filter) {
        g_array_unref(filter);
    }
    filter = g_steal_pointer(&list);
    return true;
}

bool log_wants_address(uint64_t addr)
{
    for (unsigned i = 0; filter && i < filter->len; i++) {
        const Range *range = &g_array_index(filter, Range, i);

        if (addr >= range->first && addr <= range->last) {
            return true;
        }
    }
    return !filter;
}

bool log_set_file(const char *path, Error **errp)
{
    FILE *stream = NULL;

    if (path) {
        const char *pid = strstr(path, "%d");
        g_autofree char *name =
            pid ? g_strdup_printf("%.*s%d%s", (int)(pid - path), path, getpid(), pid + 2)
                : g_strdup(path);

        stream = fopen(name, "we");
        if (!stream) {
            error_set_errno(errp, errno, "log file '%s': cannot open", name);
            return false;
        }
        setvbuf(stream, NULL, _IOLBF, 0);
    }
    g_mutex_lock(&log_lock);
    if (log_stream) {
        fclose(log_stream);
    }
    log_stream = stream;
    g_mutex_unlock(&log_lock);
    return true;
}

static void vlog(const char *prefix, const char *fmt, va_list ap, const char *suffix)
{
    FILE *out;

    g_mutex_lock(&log_lock);
    out = log_stream ? log_stream : stderr;
    fputs(prefix, out);
    vfprintf(out, fmt, ap);
    fputs(suffix, out);
    g_mutex_unlock(&log_lock);
}

void log_printf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vlog("", fmt, ap, "");
    va_end(ap);
}

/* True when one more line of the guest's doing may be shown now. */
static bool rate_allows(void)
{
    static GMutex lock;
    static int64_t second;
    static unsigned lines;
    int64_t now = g_get_monotonic_time() / G_USEC_PER_SEC;
    bool ok;

    g_mutex_lock(&lock);
    if (now != second) {
        if (lines > GUEST_LINES_PER_SECOND) {
            log_printf("guest: %u more lines left out\n", lines - GUEST_LINES_PER_SECOND);
        }
        second = now;
        lines = 0;
    }
    ok = ++lines <= GUEST_LINES_PER_SECOND;
    g_mutex_unlock(&lock);
    return ok;
}

void guest_error(const char *fmt, ...)
{
    va_list ap;

    if (log_on(LOG_GUEST_ERRORS) && rate_allows()) {
        va_start(ap, fmt);
        vlog("guest error: ", fmt, ap, "\n");
        va_end(ap);
    }
}

void log_unimp(const char *fmt, ...)
{
    va_list ap;

    if (log_on(LOG_UNIMP) && rate_allows()) {
        va_start(ap, fmt);
        vlog("unimplemented: ", fmt, ap, "\n");
        va_end(ap);
    }
}
