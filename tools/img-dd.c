/* mica-img dd: copy blocks of an image, with dd's operands */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"

typedef struct DdArgs {
    ImgCommon common;
    const char *target_format;
    const char *in, *out;
    int64_t block, count, skip;     /* count: -1: all */
} DdArgs;

static const ToolOption dd_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(DdArgs),
    IMG_OPT_FORMAT(DdArgs),
    IMG_OPT_FORCE_SHARE(DdArgs),
    TOOL_OPT_TEXT(DdArgs, target_format, 'O', NULL),
    TOOL_OPT_END
};

static bool parse_operand(DdArgs *args, const char *text)
{
    const char *value = strchr(text, '=');
    g_autofree char *name = g_strndup(text, value ? value - text : strlen(text));

    if (value++) {
        if (!strcmp(name, "if")) {
            args->in = value;
            return true;
        }
        if (!strcmp(name, "of")) {
            args->out = value;
            return true;
        }
        if (!strcmp(name, "bs")) {
            return tool_parse_size("bs", value, 1, INT_MAX, &args->block);
        }
        if (!strcmp(name, "count")) {
            return tool_parse_size("count", value, 0, INT64_MAX, &args->count);
        }
        if (!strcmp(name, "skip")) {
            return tool_parse_size("skip", value, 0, INT64_MAX, &args->skip);
        }
    }
    report_error("unrecognized operand %s", name);
    return false;
}

/* a * b, as large as it can be told. */
static int64_t product(int64_t a, int64_t b)
{
    int64_t result;

    return __builtin_mul_overflow(a, b, &result) ? INT64_MAX : result;
}

static bool co_make_target(const DdArgs *args, int64_t size, ToolImage *out)
{
    JSON_AUTO options = json_object_new_object();
    g_autofree char *text = g_strdup_printf("%" PRId64, size);
    ToolOpen how = { .name = args->out, .format = args->target_format, .write = true,
                     .resize = true };
    Error *err = NULL;

    json_object_object_add(options, "size", json_object_new_string(text));
    if (!co_img_create(args->out, args->target_format, options, &err)) {
        error_prepend(&err, "%s: error while creating output image: ", args->out);
        error_report(err);
        return false;
    }
    return co_tool_open_report(out, &how);
}

static int co_copy(const DdArgs *args, ToolImage *in, ToolImage *out, int64_t from, int64_t end)
{
    g_autofree uint8_t *buf = g_try_malloc(args->block);

    if (!buf) {
        report_error("Could not get memory for a block of %" PRId64 " bytes", args->block);
        return 1;
    }
    for (int64_t at = from; at < end;) {
        int64_t n = MIN(args->block, end - at);
        int ret = co_node_pread(in->node, at, buf, n);

        if (ret) {
            report_error("error while reading from input image file: %s", g_strerror(-ret));
            return 1;
        }
        ret = co_node_pwrite(out->node, at - from, buf, n);
        if (ret) {
            report_error("error while writing to output image file: %s", g_strerror(-ret));
            return 1;
        }
        at += n;
    }
    return 0;
}

static int co_dd(const DdArgs *args)
{
    ToolOpen how = {
        .name = args->in, .format = args->common.format, .image_opts = args->common.image_opts,
        .force_share = args->common.force_share,
    };
    ToolImage in, out = {};
    int64_t from, end;
    int status = 1;

    if (!co_tool_open_report(&in, &how)) {
        return 1;
    }
    end = block_node_length(in.node);
    if (args->count >= 0) {
        int64_t blocks = args->skip > INT64_MAX - args->count ? INT64_MAX
                                                              : args->skip + args->count;

        end = MIN(end, product(blocks, args->block));
    }
    from = product(args->skip, args->block);
    if (from > block_node_length(in.node)) {
        report_error("%s: cannot skip to specified offset", args->in);
    }
    from = MIN(from, end);
    if (co_make_target(args, end - from, &out)) {
        status = co_copy(args, &in, &out, from, end);
    }
    status |= !co_tool_close(&out);
    co_tool_close(&in);
    return status;
}

int co_img_dd(int argc, char **argv)
{
    DdArgs args = { .target_format = "raw", .block = 512, .count = -1 };
    Error *err = NULL;
    int status;

    if (!img_parse(dd_options, &args, &argc, &argv, &status)) {
        return status;
    }
    for (int i = 0; i < argc; i++) {
        if (!parse_operand(&args, argv[i])) {
            return 1;
        }
    }
    if (!args.in || !args.out) {
        report_error("Must specify both input and output files");
        return 1;
    }
    if (!block_driver_find(args.target_format)) {
        report_error("Unknown file format");
        return 1;
    }
    if (!img_check_create_options(args.target_format, args.out, NULL, &err)) {
        error_report(err);
        return 1;
    }
    return co_dd(&args);
}
