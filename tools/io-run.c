/* mica-io: commands by name, their words, numbers, the image that they work on */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/io.h"
#include "util/parse.h"

#define MAX_WORDS 256

static const IoCommand *const tables[] = {
    io_rw_commands, io_image_commands, io_program_commands,
};

/* Numbers */

char *io_size(double bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = 0;
    g_autofree char *number = NULL;
    char *zeroes;

    while (unit < ARRAY_SIZE(units) - 1 && bytes >= 1024) {
        bytes /= 1024;
        unit++;
    }
    number = unit ? g_strdup_printf("%.3f", bytes) : g_strdup_printf("%f", bytes);
    zeroes = strstr(number, ".000");
    if (zeroes) {
        *zeroes = 0;
    }
    return g_strdup_printf("%s %s", number, units[unit]);
}

bool io_parse_size(const char *text, int64_t *value)
{
    uint64_t v = 0;
    int ret = parse_size(text, 'B', &v);

    if (!ret && v <= INT64_MAX) {
        *value = v;
        return true;
    }
    if (ret == -EINVAL) {
        printf("Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- %s\n",
               text);
    } else {
        printf("Parsing error: argument too large -- %s\n", text);
    }
    return false;
}

/* Commands */

const IoCommand *io_find(const char *name)
{
    for (unsigned t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const IoCommand *c = tables[t]; c->name; c++) {
            if (!strcmp(c->name, name) || !g_strcmp0(c->alias, name)) {
                return c;
            }
        }
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const IoCommand *x = *(const IoCommand *const *)a, *y = *(const IoCommand *const *)b;

    return strcmp(x->name, y->name);
}

void io_commands_for_each(void (*fn)(const IoCommand *command))
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (unsigned t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const IoCommand *c = tables[t]; c->name; c++) {
            g_ptr_array_add(all, (void *)(uintptr_t)c);
        }
    }
    qsort(all->pdata, all->len, sizeof(void *), by_name);
    for (unsigned i = 0; i < all->len; i++) {
        fn(all->pdata[i]);
    }
}

void io_usage(const IoCommand *c)
{
    printf("%s", c->name);
    if (c->args) {
        printf(" %s", c->args);
    }
    printf(" -- %s\n", c->oneline);
}

bool io_parse(const IoCommand *c, const ToolOption *options, void *args, int *argc, char ***argv)
{
    const char *bad;
    int first = 0;

    fflush(stdout);
    if (tool_parse(options, args, *argc, *argv, true, &first, &bad, NULL) != TOOL_PARSE_OK) {
        io_usage(c);
        return false;
    }
    *argc -= first;
    *argv += first;
    return true;
}

static bool check_count(const IoCommand *c, int n)
{
    if (n >= c->min && (c->max < 0 || n <= c->max)) {
        return true;
    }
    if (c->max < 0) {
        fprintf(stderr, "bad argument count %d to %s, expected at least %d arguments\n", n,
                c->name, c->min);
    } else if (c->min == c->max) {
        fprintf(stderr, "bad argument count %d to %s, expected %d arguments\n", n, c->name,
                c->min);
    } else {
        fprintf(stderr, "bad argument count %d to %s, expected between %d and %d arguments\n",
                n, c->name, c->min, c->max);
    }
    return false;
}

static bool check_perm(const Io *io, const IoCommand *c)
{
    if (c->perm && io->image.node->read_only) {
        report_error("Block node is read-only");
        return false;
    }
    return true;
}

static int co_run_words(Io *io, int argc, char **argv)
{
    const IoCommand *c = io_find(argv[0]);

    if (!c || (io->embedded && c->only_tool)) {
        fprintf(stderr, "command \"%s\" not found\n", argv[0]);
        return -EINVAL;
    }
    if (!c->without_image && !io->image.node) {
        fprintf(stderr, "no file open, try 'help open'\n");
        return -EINVAL;
    }
    if (!check_count(c, argc - 1) || (!c->without_image && !check_perm(io, c))) {
        return -EINVAL;
    }
    return c->co_run(io, argc, argv);
}

int co_io_run_line(Io *io, const char *line)
{
    g_autofree char *copy = g_strdup(line);
    char *words[MAX_WORDS + 1], *save = NULL, *word;
    int n = 0;

    for (word = strtok_r(copy, " \t", &save); word && n < MAX_WORDS;
         word = strtok_r(NULL, " \t", &save)) {
        words[n++] = word;
    }
    words[n] = NULL;
    return n ? co_run_words(io, n, words) : 0;
}

/* Images */

void co_io_drain(Io *io)
{
    while (io->in_flight) {
        co_queue_wait(&io->idle, NULL);
    }
}

int co_io_open(Io *io, const ToolOpen *how, const char *options)
{
    ToolOpen all = *how;
    Error *err = NULL;

    if (io->image.node) {
        report_error("file open already, try 'help close'");
        return -EBUSY;
    }
    all.options = options;
    if (!co_tool_open(&io->image, &all, &err)) {
        error_prepend(&err, "can't open%s%s: ", how->name ? " device " : "",
                      how->name ? how->name : "");
        error_report(err);
        return -EINVAL;
    }
    return 0;
}

void co_io_close(Io *io)
{
    co_io_drain(io);
    co_tool_close(&io->image);
}

bool io_apply_modes(ToolOpen *how, const char *cache, const char *discard, const char *aio)
{
    if (cache && !tool_parse_cache(cache, &how->cache)) {
        report_error("Invalid cache option: %s", cache);
        return false;
    }
    if (discard) {
        how->unmap = !strcmp(discard, "unmap") || !strcmp(discard, "on");
        if (!how->unmap && strcmp(discard, "ignore") && strcmp(discard, "off")) {
            report_error("Invalid discard option: %s", discard);
            return false;
        }
    }
    if (aio && !tool_parse_aio(aio, &how->has_aio, &how->aio)) {
        report_error("Invalid aio option: %s", aio);
        return false;
    }
    return true;
}
