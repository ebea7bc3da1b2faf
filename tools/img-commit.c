/* mica-img commit: what an overlay has goes into an image below it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"

#define PIECE (2LL << 20)

typedef struct CommitArgs {
    ImgCommon common;
    const char *base, *rate;
    bool drop;
} CommitArgs;

static const ToolOption commit_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(CommitArgs),
    IMG_OPT_FORMAT(CommitArgs),
    IMG_OPT_CACHE(CommitArgs),
    IMG_OPT_QUIET(CommitArgs),
    IMG_OPT_PROGRESS(CommitArgs),
    TOOL_OPT_TEXT(CommitArgs, base, 'b', NULL),
    TOOL_OPT_TEXT(CommitArgs, rate, 'r', NULL),
    TOOL_OPT_FLAG(CommitArgs, drop, 'd', NULL),
    TOOL_OPT_END
};

/*
 * Each image above the base is open without those below it, so that the base
 * can be written: what one has is read from that one.
 */
typedef struct Commit {
    const CommitArgs *args;
    GArray *layers;             /* of ToolImage, the top first */
    ToolImage base;
    ToolCache cache;
    int64_t rate, done, begin_ns;
    uint8_t *buf;
    ToolProgress progress;
} Commit;

static ToolImage *layer(const Commit *c, unsigned i)
{
    return &g_array_index(c->layers, ToolImage, i);
}

/* What is at offset: 1, from *from (its status in *status); 0: the base decides; or an errno. */
static int co_find(const Commit *c, int64_t offset, int64_t *bytes, BlockNode **from,
                   int *status)
{
    for (unsigned i = 0; i < c->layers->len; i++) {
        BlockNode *node = layer(c, i)->node;
        int64_t length = block_node_length(node), n = *bytes;

        if (offset >= length) {
            /* A shorter image reads as zeroes behind its end, whatever is below. */
            *from = NULL;
            *status = BLOCK_ZERO;
            return 1;
        }
        n = MIN(n, length - offset);
        *status = co_node_block_status(node, true, offset, n, &n, NULL, NULL);
        if (*status < 0 || !n) {
            return *status < 0 ? *status : -EIO;
        }
        *bytes = n;
        *from = node;
        if (*status & BLOCK_ALLOCATED) {
            return 1;
        }
    }
    return 0;
}

static int co_copy(Commit *c, BlockNode *from, int64_t offset, int64_t bytes, bool zeroes)
{
    unsigned flags = tool_write_flags(&c->base);
    struct iovec iov = { c->buf, bytes };
    int ret;

    if (zeroes) {
        return co_node_pwrite_zeroes(c->base.node, offset, bytes, flags | BLOCK_REQ_MAY_UNMAP);
    }
    ret = co_node_preadv(from, offset, bytes, &iov, 1);
    return ret ? ret : co_node_pwritev(c->base.node, offset, bytes, &iov, 1, flags);
}

static void co_limit_rate(Commit *c, int64_t bytes)
{
    int64_t due, now = clock_ns(CLOCK_TYPE_REALTIME);

    c->done += bytes;
    due = c->rate ? c->begin_ns + (int64_t)((double)c->done / c->rate * NS_PER_SECOND) : 0;
    if (due > now) {
        co_sleep(CLOCK_TYPE_REALTIME, due - now);
    }
}

static bool co_copy_all(Commit *c)
{
    int64_t length = block_node_length(layer(c, 0)->node);

    c->begin_ns = clock_ns(CLOCK_TYPE_REALTIME);
    c->buf = block_try_alloc(PIECE);
    if (!c->buf) {
        report_error("Could not get memory to copy with");
        return false;
    }
    for (int64_t at = 0, n; at < length; at += n) {
        BlockNode *from = NULL;
        int status = 0, ret;

        n = MIN(PIECE, length - at);
        ret = co_find(c, at, &n, &from, &status);
        if (ret > 0) {
            ret = co_copy(c, from, at, n, status & BLOCK_ZERO);
            co_limit_rate(c, n);
        }
        if (ret < 0) {
            report_error("Could not commit at offset %" PRId64 ": %s", at, g_strerror(-ret));
            return false;
        }
        tool_progress(&c->progress, (at + n) * 99.0 / length);
    }
    return true;
}

/* The chain */

static bool co_open_layer(Commit *c, const char *name, const char *format, bool image_opts,
                          bool top, bool base)
{
    ToolOpen how = {
        .name = name, .format = format, .image_opts = image_opts, .write = top || base,
        .resize = base, .no_backing = !base, .unmap = true, .cache = c->cache,
    };
    ToolImage image;

    if (!co_tool_open_report(&image, &how)) {
        return false;
    }
    if (base) {
        c->base = image;
    } else {
        g_array_append_val(c->layers, image);
    }
    return true;
}

/* Where the image below is; NULL where there is none, or with *err. */
static char *path_below(BlockNode *node, Error **err)
{
    g_autofree char *name = block_node_filename(node);

    return node->backing_file && *node->backing_file
               ? block_backing_path(name, node->backing_file, err) : NULL;
}

static bool is_base(const Commit *c, const BlockNode *above, const char *path)
{
    return !c->args->base || !strcmp(c->args->base, path) ||
           !strcmp(c->args->base, above->backing_file);
}

/* Open what is below the top: layers, then the base. */
static bool co_open_chain(Commit *c, const char *top_name)
{
    for (;;) {
        BlockNode *above = block_skip_filters(layer(c, c->layers->len - 1)->node);
        Error *err = NULL;
        g_autofree char *path = path_below(above, &err);
        bool last = path && is_base(c, above, path);

        if (err) {
            error_report(err);
            return false;
        }
        if (!path && c->args->base) {
            report_error("Did not find '%s' in the backing chain of '%s'", c->args->base,
                         top_name);
            return false;
        }
        if (!path) {
            report_error("Image does not have a backing file");
            return false;
        }
        if (!co_open_layer(c, path, above->backing_format, false, false, last)) {
            return false;
        }
        if (last) {
            return true;
        }
    }
}

static bool co_make_long_enough(Commit *c)
{
    int64_t length = block_node_length(layer(c, 0)->node);
    Error *err = NULL;

    if (block_node_length(c->base.node) < length &&
        !co_node_truncate(c->base.node, length, false, PREALLOC_MODE_OFF, 0, &err)) {
        error_report(err);
        return false;
    }
    return true;
}

static bool co_empty_top(Commit *c)
{
    BlockNode *top = block_skip_filters(layer(c, 0)->node);
    int ret = co_node_flush(c->base.node);

    if (ret) {
        report_error("Could not flush the base image: %s", g_strerror(-ret));
        return false;
    }
    if (c->args->drop || c->args->base) {
        return true;
    }
    ret = top->driver->co_make_empty ? top->driver->co_make_empty(top) : -ENOTSUP;
    if (ret) {
        report_error("Could not empty %s: %s", top->filename ? top->filename : top->name,
                     g_strerror(-ret));
    }
    return !ret;
}

static bool co_commit(Commit *c, const char *name)
{
    if (!co_open_layer(c, name, c->args->common.format, c->args->common.image_opts, true,
                       false) ||
        !co_open_chain(c, name)) {
        return false;
    }
    if (!co_make_long_enough(c) || !co_copy_all(c) || !co_empty_top(c)) {
        return false;
    }
    tool_progress(&c->progress, 100);
    return true;
}

int co_img_commit(int argc, char **argv)
{
    CommitArgs args = {};
    Commit c = { .args = &args };
    bool ok;
    int status;

    if (!img_parse(commit_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (args.rate && !tool_parse_size("rate limit", args.rate, 0, INT64_MAX, &c.rate)) {
        return 1;
    }
    if (argc != 1) {
        return img_usage_error("Expecting one image file name");
    }
    if (!img_cache(args.common.cache, "cache option", &c.cache)) {
        return 1;
    }
    c.layers = g_array_new(false, true, sizeof(ToolImage));
    tool_progress_start(&c.progress, args.common.progress && !args.common.quiet);
    ok = co_commit(&c, argv[0]);
    ok = co_tool_close(&c.base) && ok;
    for (unsigned i = c.layers->len; i-- > 0;) {
        ok = co_tool_close(layer(&c, i)) && ok;
    }
    g_array_free(c.layers, true);
    free(c.buf);
    tool_progress_end(&c.progress);
    if (ok) {
        img_say(args.common.quiet, "Image committed.\n");
    }
    return !ok;
}
