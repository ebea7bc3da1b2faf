/* mica-io: the program: its options, its prompt */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/io.h"

#include <signal.h>

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
        int ret = co_io_run_line(io, line);

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
        if (co_io_run_line(&io, args->commands->pdata[i]) < 0) {
            p->status = 1;
        }
    }
    if (!args->commands && co_prompt(&io) < 0) {
        p->status = 1;
    }
    co_io_close(&io);
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
