/* mica-img: the table of subcommands */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"

#include <signal.h>

typedef struct ImgCommand {
    const char *name;
    ImgCommandFn *co_run;
    const char *usage;
} ImgCommand;

static const ImgCommand commands[] = {
    { "amend", co_img_amend,
      "[--object DEF] [--image-opts] [-p] [-q] [-f FMT] [-t CACHE] [--force] -o OPTIONS IMAGE" },
    { "bench", co_img_bench,
      "[-c COUNT] [-d DEPTH] [-f FMT] [--flush-interval=N] [-i AIO] [-n] [--no-drain] "
      "[-o OFFSET] [--pattern=BYTE] [-q] [-s SIZE] [-S STEP] [-t CACHE] [-w] [-U] IMAGE" },
    { "bitmap", co_img_bitmap,
      "(--merge SOURCE | --add | --remove | --clear | --enable | --disable)... "
      "[-b SOURCE_IMAGE [-F FMT]] [-g GRANULARITY] [--object DEF] [--image-opts | -f FMT] "
      "IMAGE BITMAP" },
    { "check", co_img_check,
      "[--object DEF] [--image-opts] [-q] [-f FMT] [--output=FORM] [-r [leaks | all]] "
      "[-T CACHE] [-U] IMAGE" },
    { "commit", co_img_commit,
      "[--object DEF] [--image-opts] [-q] [-f FMT] [-t CACHE] [-b BASE] [-r RATE] [-d] [-p] "
      "IMAGE" },
    { "compare", co_img_compare,
      "[--object DEF] [--image-opts] [-f FMT] [-F FMT] [-T CACHE] [-p] [-q] [-s] [-U] "
      "IMAGE1 IMAGE2" },
    { "convert", co_img_convert,
      "[--object DEF] [--image-opts] [--target-image-opts] [--target-is-zero] [--bitmaps] [-U] "
      "[-C] [-c] [-p] [-q] [-n] [-f FMT] [-t CACHE] [-T CACHE] [-O FMT] [-B BACKING [-F FMT]] "
      "[-o OPTIONS] [-l SNAPSHOT] [-S SPARSE_SIZE] [-r RATE] [-m COROUTINES] [-W] [--salvage] "
      "IMAGE... NEW_IMAGE" },
    { "create", co_img_create_command,
      "[--object DEF] [-q] [-f FMT] [-b BACKING [-F FMT]] [-u] [-o OPTIONS] IMAGE [SIZE]" },
    { "dd", co_img_dd,
      "[--image-opts] [-U] [-f FMT] [-O FMT] [bs=SIZE] [count=BLOCKS] [skip=BLOCKS] "
      "if=IMAGE of=NEW_IMAGE" },
    { "info", co_img_info,
      "[--object DEF] [--image-opts] [-f FMT] [--output=FORM] [--backing-chain] [-U] IMAGE" },
    { "map", co_img_map,
      "[--object DEF] [--image-opts] [-f FMT] [--start-offset=OFFSET] [--max-length=LEN] "
      "[--output=FORM] [-U] IMAGE" },
    { "measure", co_img_measure,
      "[--output=FORM] [-O FMT] [-o OPTIONS] [--size N | [--object DEF] [--image-opts] "
      "[-f FMT] [-l SNAPSHOT] IMAGE]" },
    { "rebase", co_img_rebase,
      "[--object DEF] [--image-opts] [-U] [-q] [-f FMT] [-t CACHE] [-T CACHE] [-p] [-u] "
      "-b BACKING [-F FMT] IMAGE" },
    { "resize", co_img_resize,
      "[--object DEF] [--image-opts] [-f FMT] [--preallocation=MODE] [-q] [--shrink] "
      "IMAGE [+ | -]SIZE" },
    { "snapshot", co_img_snapshot,
      "[--object DEF] [--image-opts] [-U] [-q] [-l | -a NAME | -c NAME | -d NAME] IMAGE" },
};

static const char words[] =
    "  IMAGE      a file name, json:{...}, or with --image-opts a node's options\n"
    "  FMT        an image format; found out by its first bytes where it is not given\n"
    "  CACHE      none, writeback (the default, but for convert's target), writethrough,\n"
    "             directsync, unsafe (the default for convert's target)\n"
    "  SIZE       bytes, or with a suffix k, M, G, T, P, E (powers of 1024)\n"
    "  OPTIONS    name=value,...; '-o help' lists the options of a format\n"
    "  SNAPSHOT   the name or id of a snapshot inside of the image, or\n"
    "             snapshot.id=ID,snapshot.name=NAME\n"
    "  FORM       human or json\n"
    "  DEF        an object as -object of mica takes it\n"
    "  -b, -B     the backing file; convert and create want its format too (-F)\n"
    "  -c         convert: compressed clusters (qcow2)\n"
    "  -n         convert: write into an image that exists\n"
    "  -p, -q     show progress; print nothing but errors\n"
    "  -S         convert: runs of zeroes of at least that size become holes (default 4k;\n"
    "             0: none do, all of the target is allocated)\n"
    "  -u         rebase: change only the name; create: do not look for the backing file\n"
    "  -U         open images that another program is writing\n"
    "  -W         convert: write in any order\n";

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_name(const BlockDriver *driver, void *opaque)
{
    g_ptr_array_add(opaque, (char *)(uintptr_t)driver->name);
}

void img_help(void)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    tool_print_version("mica-img");
    printf("usage: mica-img [options] command [command options]\n"
           "Makes, converts, checks and changes disk images\n\n"
           "  -h, --help       this help\n"
           "  -V, --version    the version\n"
           "  -T, --trace [enable=]PATTERN[,events=FILE][,file=FILE]\n"
           "                   trace points\n\n"
           "Command syntax:\n");
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %s %s\n", commands[i].name, commands[i].usage);
    }
    printf("\nCommand parameters:\n%s\nSupported formats:", words);
    block_drivers_for_each(add_name, names);
    qsort(names->pdata, names->len, sizeof(void *), by_name);
    for (unsigned i = 0; i < names->len; i++) {
        printf(" %s", (char *)names->pdata[i]);
    }
    putchar('\n');
}

int img_usage_error(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    report_error("%s", text);
    fprintf(stderr, "Try '%s --help' for more information\n", g_get_prgname());
    return 1;
}

void img_say(bool quiet, const char *fmt, ...)
{
    va_list ap;

    if (!quiet) {
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
    }
}

/* The status of a failed parse, told. */
static int parse_failed(ToolParse how, const char *bad, Error *err)
{
    switch (how) {
    case TOOL_PARSE_HELP:
        img_help();
        return 0;
    case TOOL_PARSE_NO_ARG:
        return img_usage_error("missing argument for option '%s'", bad);
    case TOOL_PARSE_FAILED:
        error_report(err);
        return 1;
    default:
        return img_usage_error("unrecognized option '%s'", bad);
    }
}

bool img_parse(const ToolOption *options, void *args, int *argc, char ***argv, int *status)
{
    const char *bad = NULL;
    Error *err = NULL;
    int first = 0;
    ToolParse how = tool_parse(options, args, *argc, *argv, false, &first, &bad, &err);

    if (how != TOOL_PARSE_OK) {
        *status = parse_failed(how, bad, err);
        return false;
    }
    *argc -= first;
    *argv += first;
    return true;
}

bool img_output_json(const ImgCommon *common, bool *json)
{
    *json = common->output && !strcmp(common->output, "json");
    if (common->output && !*json && strcmp(common->output, "human")) {
        report_error("--output must be used with human or json as argument.");
        return false;
    }
    return true;
}

bool img_cache(const char *text, const char *what, ToolCache *cache)
{
    if (text && !tool_parse_cache(text, cache)) {
        report_error("Invalid %s: %s", what, text);
        return false;
    }
    return true;
}

/* main() */

typedef struct Call {
    const ImgCommand *command;
    int argc;
    char **argv;
    int status;
} Call;

static void co_main(void *opaque)
{
    Call *call = opaque;

    call->status = call->command->co_run(call->argc, call->argv);
}

static bool apply_trace(void *args, const char *name, const char *text, Error **errp)
{
    return tool_trace_option(text, errp);
}

typedef struct MainArgs {
    bool version;
} MainArgs;

static const ToolOption main_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_FLAG(MainArgs, version, 'V', "version"),
    { "trace", 'T', true, TOOL_CALL, 0, apply_trace },
    TOOL_OPT_END
};

/* Where the options of the program itself end and those of the command begin. */
static int command_index(int argc, char **argv)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if ((!strcmp(argv[i], "-T") || !strcmp(argv[i], "--trace")) && i + 1 < argc) {
            i++;
        }
    }
    return i;
}

static const ImgCommand *find_command(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    g_autofree char *name = g_path_get_basename(argv[0]);
    int at = command_index(argc, argv), first = 0;
    const char *bad = NULL;
    MainArgs args = {};
    Error *err = NULL;
    ToolParse how;
    Call call;

    signal(SIGPIPE, SIG_IGN);
    report_set_program(argv[0]);
    g_set_prgname(name);
    how = tool_parse(main_options, &args, at, argv, false, &first, &bad, &err);
    if (how != TOOL_PARSE_OK) {
        return parse_failed(how, bad, err);
    }
    if (args.version) {
        tool_print_version("mica-img");
        return 0;
    }
    if (at == argc) {
        return img_usage_error("Not enough arguments");
    }
    call = (Call){ find_command(argv[at]), argc - at, argv + at, 1 };
    if (!call.command) {
        return img_usage_error("Command not found: %s", argv[at]);
    }
    co_run(co_main, &call);
    block_close_all();
    if (fflush(stdout) || ferror(stdout)) {
        report_error("Could not write to standard output");
        return 1;
    }
    return call.status;
}
