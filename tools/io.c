/* mica-io: prompt and scripts; commands of the program itself */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/io.h"
#include "util/parse.h"

#include <signal.h>

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

    if (!c) {
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

static int co_run_line(Io *io, const char *line)
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

/* The program */

static void help(void)
{
    printf("Usage: mica-io [OPTIONS]... [-c COMMAND]... [IMAGE]\n"
           "Reads and writes ranges of an image, for tests\n\n"
           "  --object DEF         make an object, as -object of mica does\n"
           "  --image-opts         IMAGE is a node's options\n"
           "  -c, --cmd COMMAND    run a command rather than read them from the terminal\n"
           "  -f, --format FMT     the image's format\n"
           "  -r, --read-only      write nothing\n"
           "  -s, --snapshot       what is written is gone at the end\n"
           "  -n, --nocache        the same as -t none\n"
           "  -C, --copy-on-read   keep what is read from below in the image\n"
           "  -m, --misalign       use memory at odd addresses\n"
           "  -k, --native-aio     the same as -i native\n"
           "  -i, --aio=MODE       how requests reach the kernel\n"
           "  -t, --cache=MODE     writeback, writethrough, none, directsync, unsafe\n"
           "  -d, --discard=MODE   ignore, unmap\n"
           "  -T, --trace [enable=]PATTERN[,events=FILE][,file=FILE]\n"
           "  -U, --force-share    open what another program is writing\n"
           "  -h, --help           this help\n"
           "  -V, --version        the version\n\n"
           "'mica-io -c help' lists the commands.\n");
}

typedef struct MainArgs {
    bool image_opts, read_only, snapshot, no_cache, copy_on_read, misaligned, native_aio;
    bool force_share, version;
    const char *format, *aio, *cache, *discard;
    GPtrArray *commands;
} MainArgs;

static bool apply_trace(void *args, const char *name, const char *text, Error **errp)
{
    return tool_trace_option(text, errp);
}

static const ToolOption main_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    TOOL_OPT_FLAG(MainArgs, version, 'V', "version"),
    TOOL_OPT_FLAG(MainArgs, image_opts, 0, "image-opts"),
    TOOL_OPT_TEXTS(MainArgs, commands, 'c', "cmd"),
    TOOL_OPT_TEXT(MainArgs, format, 'f', "format"),
    TOOL_OPT_FLAG(MainArgs, read_only, 'r', "read-only"),
    TOOL_OPT_FLAG(MainArgs, snapshot, 's', "snapshot"),
    TOOL_OPT_FLAG(MainArgs, no_cache, 'n', "nocache"),
    TOOL_OPT_FLAG(MainArgs, copy_on_read, 'C', "copy-on-read"),
    TOOL_OPT_FLAG(MainArgs, misaligned, 'm', "misalign"),
    TOOL_OPT_FLAG(MainArgs, native_aio, 'k', "native-aio"),
    TOOL_OPT_TEXT(MainArgs, aio, 'i', "aio"),
    TOOL_OPT_TEXT(MainArgs, cache, 't', "cache"),
    TOOL_OPT_TEXT(MainArgs, discard, 'd', "discard"),
    TOOL_OPT_FLAG(MainArgs, force_share, 'U', "force-share"),
    { "trace", 'T', true, TOOL_CALL, 0, apply_trace },
    TOOL_OPT_END
};

/* One line without its end; NULL at the end of input. Blocks, for nothing else goes on. */
static char *read_line(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    printf("%s> ", g_get_prgname());
    fflush(stdout);
    n = getline(&line, &room, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    if (n && line[n - 1] == '\n') {
        line[n - 1] = 0;
    }
    return line;
}

static int co_prompt(Io *io)
{
    int last = 0;
    char *line;

    while (!io->quit && (line = read_line())) {
        int ret = co_run_line(io, line);

        last = ret < 0 ? ret : last;
        free(line);
        fflush(stdout);
    }
    return last;
}

typedef struct Program {
    const MainArgs *args;
    ToolOpen how;
    int status;
} Program;

static void co_main(void *opaque)
{
    Program *p = opaque;
    const MainArgs *args = p->args;
    Io io = { .misaligned = args->misaligned };

    co_queue_init(&io.idle);
    if (p->how.name && co_io_open(&io, &p->how, NULL)) {
        p->status = 1;
        return;
    }
    for (unsigned i = 0; args->commands && i < args->commands->len && !io.quit; i++) {
        if (co_run_line(&io, args->commands->pdata[i]) < 0) {
            p->status = 1;
        }
    }
    if (!args->commands && co_prompt(&io) < 0) {
        p->status = 1;
    }
    co_io_close(&io);
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

static bool make_how(const MainArgs *args, const char *name, ToolOpen *how)
{
    *how = (ToolOpen){
        .name = name, .format = args->format, .image_opts = args->image_opts,
        .write = !args->read_only, .force_share = args->force_share,
        .copy_on_read = args->copy_on_read, .snapshot = args->snapshot, .unmap = true,
    };
    if (args->image_opts && args->format) {
        report_error("--image-opts and -f are mutually exclusive");
        return false;
    }
    return io_apply_modes(how, args->cache ? args->cache : args->no_cache ? "none" : NULL,
                          args->discard,
                          args->aio ? args->aio : args->native_aio ? "native" : NULL);
}

int main(int argc, char **argv)
{
    g_autofree char *name = g_path_get_basename(argv[0]);
    const char *bad = NULL;
    MainArgs args = {};
    Program program = { .args = &args };
    Error *err = NULL;
    int first = 0;
    ToolParse how;

    signal(SIGPIPE, SIG_IGN);
    report_set_program(argv[0]);
    g_set_prgname(name);
    how = tool_parse(main_options, &args, argc, argv, true, &first, &bad, &err);
    if (how == TOOL_PARSE_FAILED) {
        error_report(err);
        return 1;
    }
    if (how != TOOL_PARSE_OK || argc - first > 1) {
        help();
        return how != TOOL_PARSE_HELP;
    }
    if (args.version) {
        tool_print_version("mica-io");
        return 0;
    }
    if (!make_how(&args, first < argc ? argv[first] : NULL, &program.how)) {
        return 1;
    }
    co_run(co_main, &program);
    block_close_all();
    return program.status | (fflush(stdout) || ferror(stdout));
}
