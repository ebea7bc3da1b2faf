/* mica-img map: where an image's data is */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"

typedef struct MapArgs {
    ImgCommon common;
    const char *start, *length;
} MapArgs;

static const ToolOption map_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(MapArgs),
    IMG_OPT_FORMAT(MapArgs),
    IMG_OPT_OUTPUT(MapArgs),
    IMG_OPT_FORCE_SHARE(MapArgs),
    TOOL_OPT_TEXT(MapArgs, start, 's', "start-offset"),
    TOOL_OPT_TEXT(MapArgs, length, 'l', "max-length"),
    TOOL_OPT_END
};

typedef struct Extent {
    int64_t start, length, offset;
    unsigned depth;             /* layers above the one that has it */
    int flags;                  /* BLOCK_* */
    bool present;
    char *filename;             /* where offset is valid */
} Extent;

/* Whose data a range is, and what the file below it knows. */
static int co_find_extent(BlockNode *top, int64_t offset, int64_t bytes, Extent *e)
{
    BlockNode *node = block_skip_filters(top), *file = NULL;
    int64_t map = 0;
    unsigned depth = 0;
    int ret;

    for (;;) {
        file = NULL;
        ret = co_node_block_status(node, true, offset, bytes, &bytes, &map, &file);
        if (ret < 0) {
            return ret;
        }
        if (!bytes) {
            return -EIO;
        }
        if (ret & (BLOCK_ZERO | BLOCK_DATA)) {
            break;
        }
        node = block_backing_chain_next(node);
        if (!node) {
            ret = 0;
            break;
        }
        depth++;
    }
    *e = (Extent){
        .start = offset, .length = bytes, .depth = depth,
        .flags = ret & (BLOCK_DATA | BLOCK_ZERO | BLOCK_OFFSET_VALID),
        .offset = ret & BLOCK_OFFSET_VALID ? map : 0, .present = ret & BLOCK_ALLOCATED,
        .filename = file && ret & BLOCK_OFFSET_VALID ? block_node_filename(file) : NULL,
    };
    return 0;
}

static bool same_file(const Extent *a, const Extent *b)
{
    return !g_strcmp0(a->filename, b->filename);
}

/* Does next go on where the one before ends, in every respect? */
static bool join(Extent *e, const Extent *next)
{
    if (!e->length || e->flags != next->flags || e->depth != next->depth ||
        e->present != next->present || !same_file(e, next) ||
        (e->flags & BLOCK_OFFSET_VALID && e->offset + e->length != next->offset)) {
        return false;
    }
    e->length += next->length;
    return true;
}

static const char *yes_no(bool value)
{
    return value ? "true" : "false";
}

static bool print_extent(const Extent *e, bool last, bool json)
{
    if (json) {
        printf("{ \"start\": %" PRId64 ", \"length\": %" PRId64 ", \"depth\": %u, "
               "\"present\": %s, \"zero\": %s, \"data\": %s", e->start, e->length, e->depth,
               yes_no(e->present), yes_no(e->flags & BLOCK_ZERO), yes_no(e->flags & BLOCK_DATA));
        if (e->flags & BLOCK_OFFSET_VALID) {
            printf(", \"offset\": %" PRId64, e->offset);
        }
        printf("}%s", last ? "" : ",\n");
        return true;
    }
    if (e->flags & BLOCK_DATA && !(e->flags & BLOCK_OFFSET_VALID)) {
        report_error("File contains external, encrypted or compressed clusters.");
        return false;
    }
    if ((e->flags & (BLOCK_DATA | BLOCK_ZERO)) == BLOCK_DATA) {
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", e->start, e->length,
               e->offset, e->filename ? e->filename : "");
    }
    return true;
}

static int co_map(ToolImage *image, int64_t start, int64_t max, bool json)
{
    int64_t length = block_node_length(image->node), at = start;
    Extent e = { .start = start }, next;
    bool ok = true;

    if (max >= 0) {
        length = MIN(length, max > INT64_MAX - start ? INT64_MAX : start + max);
    }
    if (json) {
        putchar('[');
    } else {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    for (; ok && at < length; at = next.start + next.length) {
        int ret = co_find_extent(image->node, at, MIN(length - at, 1LL << 30), &next);

        if (ret) {
            report_error("Failed to read image metadata: %s", g_strerror(-ret));
            g_free(e.filename);
            return 1;
        }
        if (join(&e, &next)) {
            g_free(next.filename);
            continue;
        }
        ok = !e.length || print_extent(&e, false, json);
        g_free(e.filename);
        e = next;
    }
    ok = ok && print_extent(&e, true, json);
    g_free(e.filename);
    if (ok && json) {
        printf("]\n");
    }
    return !ok;
}

int co_img_map(int argc, char **argv)
{
    MapArgs args = {};
    int64_t start = 0, max = -1;
    ToolImage image;
    ToolOpen how = {};
    int status;
    bool json;

    if (!img_parse(map_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if ((args.start && !tool_parse_size("start offset", args.start, 0, INT64_MAX, &start)) ||
        (args.length && !tool_parse_size("max length", args.length, 0, INT64_MAX, &max))) {
        return 1;
    }
    if (argc != 1) {
        return img_usage_error("Expecting one image file name");
    }
    if (!img_output_json(&args.common, &json)) {
        return 1;
    }
    how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    how.force_share = args.common.force_share;
    if (!co_tool_open_report(&image, &how)) {
        return 1;
    }
    status = co_map(&image, start, max, json);
    return co_tool_close(&image) ? status : 1;
}
