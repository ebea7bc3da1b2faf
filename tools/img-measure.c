/* mica-img measure: how large a new image's file will be */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/types-block-query.h"
#include "tools/img.h"

typedef struct MeasureArgs {
    ImgCommon common;
    const char *target_format, *size, *snapshot;
    GPtrArray *options;
} MeasureArgs;

static const ToolOption measure_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(MeasureArgs),
    IMG_OPT_FORMAT(MeasureArgs),
    IMG_OPT_OUTPUT(MeasureArgs),
    IMG_OPT_FORCE_SHARE(MeasureArgs),
    TOOL_OPT_TEXT(MeasureArgs, target_format, 'O', NULL),
    TOOL_OPT_TEXT(MeasureArgs, snapshot, 'l', NULL),
    TOOL_OPT_TEXT(MeasureArgs, size, 's', "size"),
    TOOL_OPT_TEXTS(MeasureArgs, options, 'o', NULL),
    TOOL_OPT_END
};

static void print_result(const BlockMeasureInfo *m, bool json)
{
    JSON_AUTO object = qapi_to_json_BlockMeasureInfo(m);

    if (!json) {
        printf("required size: %" PRId64 "\nfully allocated size: %" PRId64 "\n", m->required,
               m->fully_allocated);
        if (m->has_bitmaps) {
            printf("bitmaps size: %" PRId64 "\n", m->bitmaps);
        }
        return;
    }
    tool_print_json(object);
}

static bool check_arguments(const MeasureArgs *args, int argc, bool *json)
{
    if ((args->common.image_opts || args->common.format || args->snapshot) && !argc) {
        report_error("--image-opts, -f, and -l require a filename argument.");
        return false;
    }
    if (args->snapshot && !img_check_snapshot_param(args->snapshot)) {
        return false;
    }
    if (argc > 1) {
        report_error("At most one filename argument is allowed.");
        return false;
    }
    if (argc && args->size) {
        report_error("--size N cannot be used together with a filename.");
        return false;
    }
    if (!argc && !args->size) {
        report_error("Either --size N or one filename must be specified.");
        return false;
    }
    return img_output_json(&args->common, json);
}

static bool co_open_source(const MeasureArgs *args, const char *name, ToolImage *image)
{
    ToolOpen how = {
        .name = name, .format = args->common.format, .image_opts = args->common.image_opts,
        .force_share = args->common.force_share,
    };

    return co_tool_open_report(image, &how) &&
           (!args->snapshot || co_img_load_snapshot(image, args->snapshot));
}

static bool co_measure(const char *format, Json *options, ToolImage *source, bool json)
{
    const BlockDriver *driver = block_driver_find(format);
    BlockMeasureInfo result = {};
    Error *err = NULL;

    if (!driver) {
        report_error("Unknown file format '%s'", format);
        return false;
    }
    if (!driver->create_options) {
        report_error("Format driver '%s' does not support image creation", driver->name);
        return false;
    }
    if (!img_check_create_options(format, "x", options, &err)) {
        error_report(err);
        report_error("Invalid options for file format '%s'", driver->name);
        return false;
    }
    if (!driver->co_measure) {
        report_error("Block driver '%s' does not support size measurement", driver->name);
        return false;
    }
    if (!driver->co_measure(options, source->node, &result, &err)) {
        error_report(err);
        return false;
    }
    print_result(&result, json);
    return true;
}

int co_img_measure(int argc, char **argv)
{
    MeasureArgs args = { .target_format = "raw" };
    JSON_AUTO options = NULL;
    ToolImage source = {};
    int64_t size;
    int status;
    bool json, help, ok;

    if (!img_parse(measure_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (args.size && !tool_parse_size("image size", args.size, 0, INT64_MAX, &size)) {
        return 1;
    }
    if (!check_arguments(&args, argc, &json) ||
        !img_parse_create_options(args.options, &options, &help)) {
        return 1;
    }
    if (args.size) {
        g_autofree char *text = g_strdup_printf("%" PRId64, size);

        json_object_object_add(options, "size", json_object_new_string(text));
    }
    ok = (!argc || co_open_source(&args, argv[0], &source)) &&
         co_measure(args.target_format, options, &source, json);
    co_tool_close(&source);
    return !ok;
}
