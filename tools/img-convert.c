/* mica-img convert: copy images into one of another format */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "tools/img-copy.h"
#include "tools/img.h"
#include "tools/img-temporary.h"
#include "util/parse.h"

#define BUFFER        (2LL << 20)
#define MAX_BUFFER    (16LL << 20)
#define MAX_WORKERS   16

typedef struct ConvertArgs {
    ImgCommon common;
    const char *target_format, *backing, *backing_format, *snapshot, *sparse, *rate, *workers;
    GPtrArray *options;
    bool target_image_opts, target_is_zero, bitmaps, copy_range, compressed, no_create;
    bool any_order, salvage, skip_broken;
} ConvertArgs;

static const ToolOption convert_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(ConvertArgs),
    IMG_OPT_FORMAT(ConvertArgs),
    IMG_OPT_CACHE(ConvertArgs),
    IMG_OPT_SRC_CACHE(ConvertArgs),
    IMG_OPT_FORCE_SHARE(ConvertArgs),
    IMG_OPT_QUIET(ConvertArgs),
    IMG_OPT_PROGRESS(ConvertArgs),
    TOOL_OPT_TEXT(ConvertArgs, target_format, 'O', NULL),
    TOOL_OPT_TEXT(ConvertArgs, backing, 'B', NULL),
    TOOL_OPT_TEXT(ConvertArgs, backing_format, 'F', NULL),
    TOOL_OPT_TEXT(ConvertArgs, snapshot, 'l', NULL),
    TOOL_OPT_TEXT(ConvertArgs, sparse, 'S', NULL),
    TOOL_OPT_TEXT(ConvertArgs, rate, 'r', NULL),
    TOOL_OPT_TEXT(ConvertArgs, workers, 'm', NULL),
    TOOL_OPT_TEXTS(ConvertArgs, options, 'o', NULL),
    TOOL_OPT_FLAG(ConvertArgs, target_image_opts, 0, "target-image-opts"),
    TOOL_OPT_FLAG(ConvertArgs, target_is_zero, 0, "target-is-zero"),
    TOOL_OPT_FLAG(ConvertArgs, bitmaps, 0, "bitmaps"),
    TOOL_OPT_FLAG(ConvertArgs, skip_broken, 0, "skip-broken-bitmaps"),
    TOOL_OPT_FLAG(ConvertArgs, copy_range, 'C', NULL),
    TOOL_OPT_FLAG(ConvertArgs, compressed, 'c', NULL),
    TOOL_OPT_FLAG(ConvertArgs, no_create, 'n', NULL),
    TOOL_OPT_FLAG(ConvertArgs, any_order, 'W', NULL),
    TOOL_OPT_FLAG(ConvertArgs, salvage, 0, "salvage"),
    TOOL_OPT_END
};

typedef struct Convert {
    const ConvertArgs *args;
    Copy copy;
    ToolCache source_cache, target_cache;
    const char *target;         /* its name as it was given */
    const char *format;
    Json *options;
    ImgTemporary temporary;
} Convert;

/* Arguments */

static bool parse_sparse(const ConvertArgs *args, Copy *copy)
{
    uint64_t bytes;
    int ret = parse_size(args->sparse, 'B', &bytes);

    if (ret == -EINVAL) {
        report_error("Invalid buffer size for sparse output specified. You may use k, M, G, T, "
                     "P or E suffixes for");
        report_error("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        return false;
    }
    if (ret || bytes % BLOCK_SECTOR_SIZE || bytes > MAX_BUFFER) {
        report_error("Invalid buffer size for sparse output specified. Valid sizes are "
                     "multiples of %d up to %lld. Select 0 to disable sparse detection (fully "
                     "allocates output).", BLOCK_SECTOR_SIZE, MAX_BUFFER);
        return false;
    }
    copy->min_sparse = bytes;
    return true;
}

static bool parse_numbers(const ConvertArgs *args, Copy *copy)
{
    uint64_t workers;

    if (args->sparse && !parse_sparse(args, copy)) {
        return false;
    }
    if (args->workers) {
        if (parse_u64(args->workers, 0, &workers) || workers < 1 || workers > MAX_WORKERS) {
            report_error("Invalid number of coroutines. Allowed number of coroutines is between "
                         "1 and %d", MAX_WORKERS);
            return false;
        }
        copy->workers = workers;
    }
    return !args->rate || tool_parse_size("rate limit", args->rate, 0, INT64_MAX, &copy->rate);
}

/* What must not stand together. */
static bool check_combination(const ConvertArgs *args, int argc)
{
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        { args->target_is_zero && !args->no_create, "--target-is-zero requires use of -n flag" },
        { args->target_image_opts && !args->no_create,
          "--target-image-opts requires use of -n flag" },
        { args->no_create && args->options, "-o has no effect when skipping image creation" },
        { args->skip_broken && !args->bitmaps, "Use of --skip-broken-bitmaps requires --bitmaps" },
        { args->copy_range && args->compressed,
          "Cannot enable copy offloading when -c is used" },
        { args->copy_range && args->sparse, "Cannot enable copy offloading when -S is used" },
        { args->copy_range && args->salvage,
          "Cannot use copy offloading in salvaging mode" },
        { args->target_image_opts && args->target_format,
          "--image-opts and --format are mutually exclusive" },
        { argc < 2, "Must specify image file name" },
        { argc > 2 && args->snapshot, "No support for concatenating multiple snapshot" },
        { argc > 2 && args->backing,
          "Having a backing file for the target makes no sense when concatenating multiple "
          "input images" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++) {
        if (rules[i].wrong) {
            report_error("%s", rules[i].text);
            return false;
        }
    }
    return true;
}

/* Sources */

static bool co_open_source(Convert *c, const char *name, CopySource *source)
{
    const ConvertArgs *args = c->args;
    ToolOpen how = {
        .name = name, .format = args->common.format, .image_opts = args->common.image_opts,
        .force_share = args->common.force_share, .no_share = !args->common.force_share,
        .cache = c->source_cache,
    };
    BlockDriverInfo info = {};

    if (!co_tool_open_report(&source->image, &how)) {
        return false;
    }
    if (args->snapshot && !co_img_load_snapshot(&source->image, args->snapshot)) {
        return false;
    }
    source->start = c->copy.total;
    source->length = block_node_length(source->image.node);
    source->alignment = MAX(source->image.node->limits.request_alignment, BLOCK_SECTOR_SIZE);
    if (block_get_info(source->image.node, &info) && info.cluster_size) {
        source->alignment = MAX(source->alignment, info.cluster_size);
    }
    if (source->length > INT64_MAX - c->copy.total) {
        report_error("The input images are too long together");
        return false;
    }
    c->copy.total += source->length;
    return true;
}

static bool co_open_sources(Convert *c, char **names, unsigned n)
{
    c->copy.sources = g_new0(CopySource, n);
    for (unsigned i = 0; i < n; i++) {
        c->copy.nr_sources = i + 1;
        if (!co_open_source(c, names[i], &c->copy.sources[i])) {
            return false;
        }
    }
    return true;
}

/* The target */

static void put(Convert *c, const char *name, const char *text)
{
    json_object_object_add(c->options, name, json_object_new_string(text));
}

static bool prepare_options(Convert *c)
{
    const ConvertArgs *args = c->args;
    g_autofree char *size = g_strdup_printf("%" PRId64, c->copy.total);
    const BlockDriver *driver;
    const char *mode;
    Error *err = NULL;

    driver = img_check_create_options(c->format, c->target, c->options, &err);
    if (!driver) {
        error_report(err);
        return false;
    }
    put(c, "size", size);
    if ((args->backing || args->backing_format) && !driver->supports_backing) {
        report_error("Backing file%s not supported for file format '%s'",
                     args->backing ? "" : " format", c->format);
        return false;
    }
    if (args->backing) {
        put(c, "backing_file", args->backing);
    }
    if (args->backing_format) {
        put(c, "backing_fmt", args->backing_format);
    }
    if (keyval_get(c->options, "backing_file") && !keyval_get(c->options, "backing_fmt")) {
        report_error("Use of backing file requires explicit backing format");
        return false;
    }
    mode = keyval_get(c->options, "preallocation");
    if (args->compressed && mode && strcmp(mode, "off")) {
        report_error("Compression and preallocation not supported at the same time");
        return false;
    }
    return true;
}

static bool check_compression(Convert *c)
{
    const BlockDriver *driver = block_driver_find(c->format);

    if (driver && c->args->compressed && !driver->co_pwritev_compressed) {
        report_error("Compression not supported for this file format");
        return false;
    }
    if (c->args->bitmaps &&
        !c->copy.sources[0].image.node->driver->co_can_store_bitmap) {
        report_error("Source lacks bitmap support");
        return false;
    }
    if (driver && c->args->bitmaps && !driver->co_can_store_bitmap) {
        report_error("Format driver '%s' does not support bitmaps", c->format);
        return false;
    }
    return !c->args->bitmaps ||
           img_check_bitmaps(c->copy.sources[0].image.node, c->args->skip_broken);
}

/* Made under another name where there is nothing of that name yet: half an image is none. */
static bool co_create_target(Convert *c)
{
    Error *err = NULL;
    const char *name = img_temporary_begin(&c->temporary, c->target);

    if (!co_img_create(name, c->format, c->options, &err)) {
        img_temporary_restore_name(&c->temporary, &err);
        error_prepend(&err, "%s: error while converting %s: ", c->target, c->format);
        error_report(err);
        return false;
    }
    img_temporary_created(&c->temporary);
    return true;
}

static bool co_open_target(Convert *c)
{
    const ConvertArgs *args = c->args;
    ToolOpen how = {
        .name = c->temporary.name ? c->temporary.name : c->target,
        .format = args->target_image_opts ? NULL : c->format,
        .image_opts = args->target_image_opts, .write = true, .resize = !args->no_create,
        .unmap = c->copy.min_sparse, .cache = c->target_cache,
    };
    Error *err = NULL;

    if (!co_tool_open(&c->copy.target, &how, &err)) {
        img_temporary_restore_name(&c->temporary, &err);
        error_prepend(&err, "Could not open '%s': ", c->target);
        error_report(err);
        return false;
    }
    return true;
}

/* Does what is not written read as zeroes, in an image that was just made? */
static bool new_image_is_zero(const BlockNode *node)
{
    while (node->file && node->driver->filter) {
        node = node->file->node;
    }
    if (!strcmp(node->driver->name, "raw") && node->file) {
        node = node->file->node;
        return !strcmp(node->driver->name, "file");
    }
    return !node->driver->is_protocol || !strcmp(node->driver->name, "file");
}

/* What the target is like, before anything is copied into it. */
static bool co_look_at_target(Convert *c)
{
    Copy *copy = &c->copy;
    BlockNode *node = copy->target.node;
    BlockNode *backing = block_cow_child(block_skip_filters(node));
    BlockDriverInfo info = {};

    if (c->args->no_create && block_node_length(node) < copy->total) {
        report_error("output file is smaller than input file");
        return false;
    }
    copy->target_has_backing = backing;
    copy->backing_length = backing ? block_node_length(backing) : 0;
    copy->alignment = MAX(node->limits.request_alignment, BLOCK_SECTOR_SIZE);
    if (copy->min_sparse) {
        int64_t unit = 1LL << (63 - __builtin_clzll(copy->min_sparse));

        copy->alignment = MAX(copy->alignment, unit);
    }
    copy->buffer = MIN(MAX(BUFFER, MAX((int64_t)node->limits.opt_transfer,
                                       (int64_t)node->limits.discard_alignment)), MAX_BUFFER);
    if (copy->compressed) {
        if (!node->driver->co_pwritev_compressed || !block_get_info(node, &info) ||
            info.cluster_size <= 0 || info.cluster_size > MAX_BUFFER) {
            report_error("Compression not supported for this file format");
            return false;
        }
        copy->cluster = info.cluster_size;
        copy->buffer = MAX(ROUND_DOWN(copy->buffer, copy->cluster), copy->cluster);
    }
    copy->zeroed = !backing && (c->args->no_create ? c->args->target_is_zero
                                                   : new_image_is_zero(node));
    return true;
}

static bool co_convert(Convert *c, char **names, unsigned n)
{
    const ConvertArgs *args = c->args;

    if (!co_open_sources(c, names, n)) {
        return false;
    }
    if (!args->no_create && !prepare_options(c)) {
        return false;
    }
    if (!check_compression(c) || (!args->no_create && !co_create_target(c)) ||
        !co_open_target(c) || !co_look_at_target(c)) {
        return false;
    }
    return co_copy_run(&c->copy) &&
           (!args->bitmaps || co_img_copy_bitmaps(c->copy.sources[0].image.node,
                                                  c->copy.target.node, args->skip_broken));
}

/* Everything is closed; a target that was made is there now, or not at all. */
static bool co_finish(Convert *c, bool ok)
{
    ok = co_tool_close(&c->copy.target) && ok;
    for (unsigned i = 0; i < c->copy.nr_sources; i++) {
        co_tool_close(&c->copy.sources[i].image);
    }
    g_free(c->copy.sources);
    return img_temporary_end(&c->temporary, ok) && ok;
}

static int check_names(Convert *c, int argc, bool help)
{
    Error *err = NULL;

    if (help) {
        if (!img_print_create_help(c->format, c->target, &err)) {
            error_report(err);
            return 1;
        }
        return 0;
    }
    if (!c->args->target_image_opts && !block_driver_find(c->format)) {
        report_error(block_driver_known(c->format)
                         ? "Format driver '%s' does not support image creation"
                         : "Unknown file format '%s'", c->format);
        return 1;
    }
    return -1;
}

int co_img_convert(int argc, char **argv)
{
    ConvertArgs args = {};
    ToolProgress progress;
    Convert c = { .args = &args, .target_cache = { .no_flush = true } };
    int status;
    bool help, ok;

    c.copy.min_sparse = 4096;
    c.copy.workers = 8;
    if (!img_parse(convert_options, &args, &argc, &argv, &status)) {
        return status;
    }
    c.format = args.target_format ? args.target_format : "raw";
    c.target = argc ? argv[argc - 1] : NULL;
    if (!img_parse_create_options(args.options, &c.options, &help) ||
        !parse_numbers(&args, &c.copy) || (!help && !check_combination(&args, argc)) ||
        (args.snapshot && !img_check_snapshot_param(args.snapshot)) ||
        !img_cache(args.common.cache, "cache option", &c.target_cache) ||
        !img_cache(args.common.src_cache, "source cache option", &c.source_cache)) {
        json_object_put(c.options);
        return 1;
    }
    status = check_names(&c, argc, help);
    if (status >= 0) {
        json_object_put(c.options);
        return status;
    }
    c.copy.copy_range = args.copy_range;
    c.copy.compressed = args.compressed;
    c.copy.in_order = !args.any_order;
    c.copy.salvage = args.salvage;
    c.copy.quiet = args.common.quiet;
    c.copy.progress = &progress;
    tool_progress_start(&progress, args.common.progress && !args.common.quiet);
    ok = co_convert(&c, argv, argc - 1);
    ok = co_finish(&c, ok);
    tool_progress_end(&progress);
    json_object_put(c.options);
    return !ok;
}
