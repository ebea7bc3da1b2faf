/* mica-img resize: make a disk longer or shorter */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"
#include "util/parse.h"

typedef struct ResizeArgs {
    ImgCommon common;
    const char *preallocation;
    bool shrink;
} ResizeArgs;

static const ToolOption resize_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(ResizeArgs),
    IMG_OPT_FORMAT(ResizeArgs),
    IMG_OPT_QUIET(ResizeArgs),
    TOOL_OPT_TEXT(ResizeArgs, preallocation, 0, "preallocation"),
    TOOL_OPT_FLAG(ResizeArgs, shrink, 0, "shrink"),
    TOOL_OPT_END
};

typedef struct NewSize {
    int sign;                   /* 0: the size itself, else relative to the old one */
    int64_t bytes;
    PreallocMode prealloc;
    bool shrink, quiet;
} NewSize;

static bool parse_new_size(const char *text, NewSize *size)
{
    uint64_t bytes;

    size->sign = *text == '+' ? 1 : *text == '-' ? -1 : 0;
    if (parse_size(text + (size->sign != 0), 'B', &bytes) || bytes > INT64_MAX) {
        report_error("Parameter 'size' expects a non-negative number below 2^64");
        fprintf(stderr, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, "
                "peta-\nand exabytes, respectively.\n");
        return false;
    }
    size->bytes = bytes;
    return true;
}

static int co_resize(ToolImage *image, const NewSize *size)
{
    int64_t old = block_node_length(image->node), total = size->bytes;
    Error *err = NULL;

    if (size->sign && __builtin_add_overflow(old, size->sign * size->bytes, &total)) {
        report_error("New image size must be positive");
        return 1;
    }
    if (total <= 0) {
        report_error("New image size must be positive");
        return 1;
    }
    if (total <= old && size->prealloc != PREALLOC_MODE_OFF) {
        report_error("Preallocation can only be used for growing images");
        return 1;
    }
    if (total < old && !size->shrink) {
        report_error("Use the --shrink option to perform a shrink operation.");
        report_warning("Shrinking an image will delete all data beyond the shrunken image's "
                       "end. Before performing such an operation, make sure there is no "
                       "important data there.");
        return 1;
    }
    if (!co_node_truncate(image->node, total, true, size->prealloc, 0, &err)) {
        error_report(err);
        return 1;
    }
    img_say(size->quiet, "Image resized.\n");
    return 0;
}

int co_img_resize(int argc, char **argv)
{
    /* The size may begin with '-': it is no option, and always comes last. */
    const char *text = argc > 2 ? argv[argc - 1] : NULL;
    ResizeArgs args = {};
    NewSize size = { .prealloc = PREALLOC_MODE_OFF };
    ToolOpen how = { .write = true, .resize = true, .unmap = true };
    ToolImage image;
    int status;

    if (!text) {
        return img_usage_error("Not enough arguments");
    }
    argc--;
    if (!img_parse(resize_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (args.preallocation) {
        int mode = qapi_enum_parse(&qapi_type_PreallocMode, args.preallocation, "", NULL);

        if (mode < 0) {
            report_error("Invalid preallocation mode '%s'", args.preallocation);
            return 1;
        }
        size.prealloc = mode;
    }
    if (argc != 1) {
        return img_usage_error("Expecting image file name and size");
    }
    if (!parse_new_size(text, &size)) {
        return 1;
    }
    size.shrink = args.shrink;
    size.quiet = args.common.quiet;
    how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    if (!co_tool_open_report(&image, &how)) {
        return 1;
    }
    status = co_resize(&image, &size);
    return co_tool_close(&image) ? status : 1;
}
