/* mica-img amend: change what an image was made with */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"

typedef struct AmendArgs {
    ImgCommon common;
    GPtrArray *options;
    bool force;
} AmendArgs;

static const ToolOption amend_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(AmendArgs),
    IMG_OPT_FORMAT(AmendArgs),
    IMG_OPT_CACHE(AmendArgs),
    IMG_OPT_PROGRESS(AmendArgs),
    IMG_OPT_QUIET(AmendArgs),
    TOOL_OPT_TEXTS(AmendArgs, options, 'o', NULL),
    TOOL_OPT_FLAG(AmendArgs, force, 0, "force"),
    TOOL_OPT_END
};

static int print_help(const char *format)
{
    const BlockDriver *driver = block_driver_find(format);
    const BlockCreateOption *tables[2] = {};

    if (!driver) {
        report_error("Unknown file format '%s'", format);
        return 1;
    }
    if (!driver->amend_options) {
        report_error("Format driver '%s' does not support option amendment", format);
        return 1;
    }
    tables[0] = driver->amend_options;
    printf("Amend options for '%s':\n", format);
    img_print_options(tables);
    return 0;
}

static bool knows(const BlockCreateOption *table, const char *name)
{
    for (; table && table->name; table++) {
        if (!strcmp(table->name, name)) {
            return true;
        }
    }
    return false;
}

static void progress(void *opaque, int64_t done, int64_t total)
{
    tool_progress(opaque, total ? done * 100.0 / total : 100);
}

static int co_amend(ToolImage *image, const Json *options, const AmendArgs *args,
                    ToolProgress *shown)
{
    const BlockDriver *driver = image->node->driver;
    const BlockCreateOption *tables[2] = { driver->amend_options, NULL };
    Error *err = NULL;

    if (!driver->co_amend || !driver->amend_options) {
        report_error("Format driver '%s' does not support option amendment", driver->name);
        return 1;
    }
    json_object_object_foreach((Json *)(uintptr_t)options, name, value) {
        (void)value;
        if (!knows(driver->amend_options, name) && knows(driver->create_options, name)) {
            report_error("Invalid parameter '%s'", name);
            fprintf(stderr, "This option is only supported for image creation\n");
            return 1;
        }
    }
    if (!img_check_options(tables, options, &err) ||
        !driver->co_amend(image->node, options, progress, shown, args->force, &err)) {
        error_report(err);
        return 1;
    }
    tool_progress(shown, 100);
    return 0;
}

int co_img_amend(int argc, char **argv)
{
    AmendArgs args = {};
    JSON_AUTO options = NULL;
    ToolOpen how = { .write = true, .resize = true };
    ToolProgress shown;
    ToolImage image;
    int status;
    bool help;

    if (!img_parse(amend_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (!args.options) {
        return img_usage_error("Must specify options (-o)");
    }
    if (!img_parse_create_options(args.options, &options, &help)) {
        return 1;
    }
    if (help && args.common.format && !argc) {
        return print_help(args.common.format);
    }
    if (argc != 1) {
        report_error("Expecting one image file name");
        return 1;
    }
    if (!img_cache(args.common.cache, "cache option", &how.cache)) {
        return 1;
    }
    how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    how.write = !help;
    how.resize = !help;
    tool_progress_start(&shown, args.common.progress && !args.common.quiet);
    status = 1;
    if (co_tool_open_report(&image, &how)) {
        status = help ? print_help(tool_format(&image))
                      : co_amend(&image, options, &args, &shown);
        status |= !co_tool_close(&image);
    }
    tool_progress_end(&shown);
    return status;
}
