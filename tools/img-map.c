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
    BlockNode *file;            /* where offset is valid; else NULL */
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
        .file = ret & BLOCK_OFFSET_VALID ? file : NULL,
    };
    return 0;
}

static bool same_file(const Extent *a, const Extent *b)
{
    g_autofree char *x = NULL, *y = NULL;

    if (a->file == b->file || !a->file || !b->file) {
        return a->file == b->file;
    }
    x = block_node_filename(a->file);
    y = block_node_filename(b->file);
    return !g_strcmp0(x, y);
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

/* Lines by the million are printed: printf() would take most of the time. */

static char *put(char *p, const char *text)
{
    size_t n = strlen(text);

    memcpy(p, text, n);
    return p + n;
}

static char *put_decimal(char *p, uint64_t value)
{
    unsigned n = 1;
    char *end;

    for (uint64_t limit = 10; value >= limit && n < 20; limit *= 10) {
        n++;
    }
    end = p + n;
    /* By two steps that do not wait for each other. */
    for (; n > 1; n -= 2, value /= 100) {
        p[n - 1] = '0' + value % 10;
        p[n - 2] = '0' + value / 10 % 10;
    }
    if (n) {
        p[0] = '0' + value;
    }
    return end;
}

/* As "%#-16lx" has it. */
static char *put_hex(char *p, uint64_t value)
{
    unsigned n = value ? (67 - __builtin_clzll(value)) / 4 : 1;
    char *end = put(p, value ? "0x" : "") + n;

    for (char *at = end; n; n--) {
        *--at = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    while (end < p + 16) {
        *end++ = ' ';
    }
    return end;
}

static void print_json_extent(const Extent *e, bool last)
{
    char line[256], *p = line;

    p = put_decimal(put(p, "{ \"start\": "), e->start);
    p = put_decimal(put(p, ", \"length\": "), e->length);
    p = put_decimal(put(p, ", \"depth\": "), e->depth);
    p = put(p, e->present ? ", \"present\": true" : ", \"present\": false");
    p = put(p, e->flags & BLOCK_ZERO ? ", \"zero\": true" : ", \"zero\": false");
    p = put(p, e->flags & BLOCK_DATA ? ", \"data\": true" : ", \"data\": false");
    if (e->flags & BLOCK_OFFSET_VALID) {
        p = put_decimal(put(p, ", \"offset\": "), e->offset);
    }
    p = put(p, last ? "}" : "},\n");
    fwrite_unlocked(line, 1, p - line, stdout);
}

static bool print_extent(const Extent *e, bool last, bool json)
{
    char line[64], *p = line;

    if (json) {
        print_json_extent(e, last);
        return true;
    }
    if (e->flags & BLOCK_DATA && !(e->flags & BLOCK_OFFSET_VALID)) {
        report_error("File contains external, encrypted or compressed clusters.");
        return false;
    }
    if ((e->flags & (BLOCK_DATA | BLOCK_ZERO)) == BLOCK_DATA) {
        g_autofree char *name = e->file ? block_node_filename(e->file) : NULL;

        p = put_hex(put_hex(put_hex(p, e->start), e->length), e->offset);
        fwrite_unlocked(line, 1, p - line, stdout);
        fputs(name ? name : "", stdout);
        putchar('\n');
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
            return 1;
        }
        if (!join(&e, &next)) {
            ok = !e.length || print_extent(&e, false, json);
            e = next;
        }
    }
    ok = ok && print_extent(&e, true, json);
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
