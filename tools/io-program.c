/* mica-io: commands of the program: open, close, help, quit, and what tests need beside images */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/io.h"
#include "util/parse.h"

#include <signal.h>

typedef struct OpenArgs {
    bool read_only, snapshot, copy_on_read, no_cache, native_aio, force_share;
    const char *aio, *cache, *discard;
    GPtrArray *options;
} OpenArgs;

static const ToolOption open_options[] = {
    TOOL_OPT_FLAG(OpenArgs, snapshot, 's', NULL),
    TOOL_OPT_FLAG(OpenArgs, no_cache, 'n', NULL),
    TOOL_OPT_FLAG(OpenArgs, read_only, 'r', NULL),
    TOOL_OPT_FLAG(OpenArgs, copy_on_read, 'C', NULL),
    TOOL_OPT_FLAG(OpenArgs, native_aio, 'k', NULL),
    TOOL_OPT_FLAG(OpenArgs, force_share, 'U', NULL),
    TOOL_OPT_TEXT(OpenArgs, aio, 'i', NULL),
    TOOL_OPT_TEXT(OpenArgs, cache, 't', NULL),
    TOOL_OPT_TEXT(OpenArgs, discard, 'd', NULL),
    TOOL_OPT_TEXTS(OpenArgs, options, 'o', NULL),
    TOOL_OPT_END
};

static char *join_options(const GPtrArray *texts)
{
    GString *all = g_string_new(NULL);

    for (unsigned i = 0; texts && i < texts->len; i++) {
        g_string_append_printf(all, "%s%s", i ? "," : "", (char *)texts->pdata[i]);
    }
    return g_string_free(all, false);
}

static int co_io_open_command(Io *io, int argc, char **argv)
{
    OpenArgs args = {};
    ToolOpen how = { .unmap = true };
    g_autofree char *options = NULL;

    if (!io_parse(io_find("open"), open_options, &args, &argc, &argv)) {
        return -EINVAL;
    }
    how.write = !args.read_only;
    how.snapshot = args.snapshot;
    how.copy_on_read = args.copy_on_read;
    how.force_share = args.force_share;
    if (!io_apply_modes(&how, args.cache ? args.cache : args.no_cache ? "none" : NULL,
                        args.discard, args.aio ? args.aio : args.native_aio ? "native" : NULL)) {
        return -EINVAL;
    }
    if (argc > 1 || (!argc && !args.options)) {
        io_usage(io_find("open"));
        return -EINVAL;
    }
    how.name = argc ? argv[0] : NULL;
    options = args.options ? join_options(args.options) : NULL;
    if (args.options) {
        g_ptr_array_free(args.options, true);
    }
    return co_io_open(io, &how, options);
}

static int co_io_close_command(Io *io, int argc, char **argv)
{
    co_io_close(io);
    return 0;
}

static int co_io_help(Io *io, int argc, char **argv)
{
    const IoCommand *c;

    if (argc == 1) {
        io_commands_for_each(io_usage);
        printf("\nUse 'help commandname' for extended help.\n");
        return 0;
    }
    c = io_find(argv[1]);
    if (!c) {
        printf("command %s not found\n", argv[1]);
        return -EINVAL;
    }
    io_usage(c);
    if (c->help) {
        printf("\n%s\n", c->help);
    }
    return 0;
}

static int co_io_quit(Io *io, int argc, char **argv)
{
    io->quit = true;
    return 0;
}

static int co_io_sleep(Io *io, int argc, char **argv)
{
    uint64_t ms;

    if (parse_u64(argv[1], 0, &ms) || ms > INT_MAX) {
        printf("%s is not a valid number\n", argv[1]);
        return -EINVAL;
    }
    fflush(stdout);
    co_sleep(CLOCK_TYPE_REALTIME, (int64_t)ms * 1000000);
    return 0;
}

static int co_io_abort(Io *io, int argc, char **argv)
{
    abort();
}

static int co_io_sigraise(Io *io, int argc, char **argv)
{
    int64_t nr;

    if (!io_parse_size(argv[1], &nr)) {
        return -EINVAL;
    }
    if (nr > NSIG) {
        printf("signal argument '%s' is too large to be a valid signal number\n", argv[1]);
        return -EINVAL;
    }
    /* Its users kill the program in the middle of what it does, with all that was told. */
    fflush(stdout);
    raise((int)nr);
    return 0;
}

const IoCommand io_program_commands[] = {
    { "abort", NULL, co_io_abort, 0, 0, true, 0, NULL,
      "simulate a program crash using abort(3)", NULL, true },
    { "close", "c", co_io_close_command, 0, 0, false, 0, NULL, "close the current open file",
      NULL, true },
    { "help", "?", co_io_help, 0, 1, true, 0, "[command]", "help for one or all commands", NULL,
      true },
    { "open", "o", co_io_open_command, 1, -1, true, 0,
      "[-rsCnkU] [-t cache] [-d discard] [-o options] [path]", "open the file specified by path",
      " Example: 'open -n -o driver=raw /tmp/data' opens a raw image past the host's cache.\n\n"
      " -r, -- write nothing\n"
      " -s, -- what is written is gone at the end\n"
      " -C, -- keep what is read from below in the image\n"
      " -n, -- the same as -t none\n"
      " -U, -- open what another program is writing\n"
      " -k, -- the same as -i native\n"
      " -i, -- how requests reach the kernel\n"
      " -t, -- the cache mode\n"
      " -d, -- ignore or unmap\n"
      " -o, -- the node's options\n", true },
    { "quit", "q", co_io_quit, 0, -1, true, 0, NULL, "exit the program", NULL, true },
    { "reopen", NULL, co_io_reopen, 0, -1, false, 0, "[(-r|-w)] [-c cache] [-o options]",
      "reopens an image with new options",
      " Example: 'reopen -o lazy-refcounts=on' changes how a qcow2 image is written.\n\n"
      " -r, -- write nothing from now on\n"
      " -w, -- write again\n"
      " -c, -- the cache mode\n"
      " -o, -- the node's options, as open has them\n" },
    { "sigraise", NULL, co_io_sigraise, 1, 1, true, 0, "signal", "raises a signal",
      " Example: 'sigraise 15' raises SIGTERM.\n", true },
    { "sleep", NULL, co_io_sleep, 1, 1, true, 0, NULL,
      "waits for the given value in milliseconds", NULL },
    { NULL, NULL, NULL, 0, 0, false, 0, NULL, NULL, NULL },
};
