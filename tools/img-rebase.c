/* mica-img rebase: another backing file, with the same content or as the user says */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "tools/img.h"
#include "util/iov.h"

#define PIECE (2LL << 20)

typedef struct RebaseArgs {
    ImgCommon common;
    const char *backing, *backing_format;
    bool unsafe;
} RebaseArgs;

static const ToolOption rebase_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(RebaseArgs),
    IMG_OPT_FORMAT(RebaseArgs),
    IMG_OPT_CACHE(RebaseArgs),
    IMG_OPT_SRC_CACHE(RebaseArgs),
    IMG_OPT_FORCE_SHARE(RebaseArgs),
    IMG_OPT_QUIET(RebaseArgs),
    IMG_OPT_PROGRESS(RebaseArgs),
    TOOL_OPT_TEXT(RebaseArgs, backing, 'b', NULL),
    TOOL_OPT_TEXT(RebaseArgs, backing_format, 'F', NULL),
    TOOL_OPT_FLAG(RebaseArgs, unsafe, 'u', NULL),
    TOOL_OPT_END
};

typedef struct Rebase {
    const RebaseArgs *args;
    ToolImage overlay, new_backing;
    BlockNode *image;           /* the overlay without filters */
    BlockNode *old;             /* its backing node, NULL: none */
    BlockNode *common;          /* part of the old chain that stays below, NULL: none */
    ToolCache source_cache;
    int64_t cluster;            /* of the overlay */
    uint8_t *old_buf, *new_buf;
    ToolProgress progress;
} Rebase;

/* What an image that may be shorter than the overlay, or none, reads as there. */
static int co_read(BlockNode *node, const char *what, int64_t offset, int64_t bytes,
                   uint8_t *buf)
{
    int64_t length = node ? block_node_length(node) : 0;
    int64_t n = offset < length ? MIN(bytes, length - offset) : 0;
    int ret = n ? co_node_pread(node, offset, buf, n) : 0;

    memset(buf + n, 0, bytes - n);
    if (ret) {
        report_error("error while reading from %s backing file: %s", what, g_strerror(-ret));
    }
    return ret;
}

static bool sectors_differ(const Rebase *r, int64_t at, int64_t end)
{
    return memcmp(r->old_buf + at, r->new_buf + at, MIN(BLOCK_SECTOR_SIZE, end - at));
}

static int co_write_data(Rebase *r, int64_t offset, uint8_t *buf, int64_t bytes)
{
    struct iovec iov = { buf, bytes };

    return bytes ? co_node_pwritev(r->overlay.node, offset, bytes, &iov, 1,
                                   tool_write_flags(&r->overlay)) : 0;
}

/*
 * Zeroes as such where they are whole clusters: in a part of one a driver may
 * find that it reads as zeroes already, which will not be so with the new
 * backing file.
 */
static int co_write(Rebase *r, int64_t offset, uint8_t *buf, int64_t bytes)
{
    int64_t first = ROUND_UP(offset, r->cluster), last = ROUND_DOWN(offset + bytes, r->cluster);
    int ret;

    if (first >= last || !buf_is_zero(buf + (first - offset), last - first)) {
        return co_write_data(r, offset, buf, bytes);
    }
    ret = co_write_data(r, offset, buf, first - offset);
    ret = ret ? ret : co_node_pwrite_zeroes(r->overlay.node, first, last - first,
                                            tool_write_flags(&r->overlay));
    return ret ? ret : co_write_data(r, last, buf + (last - offset), offset + bytes - last);
}

/* What reads differently with the new backing file goes into the overlay. */
static int co_keep_differences(Rebase *r, int64_t offset, int64_t bytes)
{
    for (int64_t at = 0, end; at < bytes; at = end) {
        int ret;

        end = at + BLOCK_SECTOR_SIZE;
        if (!sectors_differ(r, at, bytes)) {
            continue;
        }
        while (end < bytes && sectors_differ(r, end, bytes)) {
            end += BLOCK_SECTOR_SIZE;
        }
        end = MIN(end, bytes);
        ret = co_write(r, offset + at, r->old_buf + at, end - at);
        if (ret) {
            report_error("Error while writing to COW image: %s", g_strerror(-ret));
            return ret;
        }
    }
    return 0;
}

/* How far from offset on the answer is one: does the new backing file matter there? */
static int co_must_compare(Rebase *r, int64_t offset, int64_t *bytes)
{
    int ret = co_node_is_allocated(r->image, offset, *bytes, bytes);

    if (ret < 0 || !*bytes) {
        report_error("error while reading image metadata: %s", g_strerror(ret < 0 ? -ret : EIO));
        return ret < 0 ? ret : -EIO;
    }
    if (ret) {
        return 0;
    }
    if (r->common && r->old && offset < block_node_length(r->old)) {
        int64_t n = MIN(*bytes, block_node_length(r->old) - offset);

        ret = co_node_is_allocated_above(r->old, r->common, false, offset, n, &n);
        if (ret < 0 || !n) {
            report_error("error while reading image metadata: %s",
                         g_strerror(ret < 0 ? -ret : EIO));
            return ret < 0 ? ret : -EIO;
        }
        *bytes = n;
        return ret;
    }
    return 1;
}

static bool co_copy_differences(Rebase *r)
{
    int64_t length = block_node_length(r->overlay.node);

    r->old_buf = block_try_alloc(PIECE);
    r->new_buf = block_try_alloc(PIECE);
    if (!r->old_buf || !r->new_buf) {
        report_error("Could not get memory to compare with");
        return false;
    }
    for (int64_t at = 0, n; at < length; at += n) {
        BlockNode *below = r->common ? r->common : r->new_backing.node;
        int ret;

        n = MIN(PIECE, length - at);
        ret = co_must_compare(r, at, &n);
        if (ret > 0) {
            ret = co_read(r->old, "old", at, n, r->old_buf);
            ret = ret ? ret : co_read(below, "new", at, n, r->new_buf);
            ret = ret ? ret : co_keep_differences(r, at, n);
        }
        if (ret) {
            return false;
        }
        tool_progress(&r->progress, (at + n) * 100.0 / length);
    }
    return true;
}

/* A node of the old chain that is that file: no need to open it twice. */
static BlockNode *find_in_chain(BlockNode *node, const char *path)
{
    for (; node; node = block_backing_chain_next(node)) {
        g_autofree char *name = block_node_filename(node);

        if (!strcmp(name, path)) {
            return node;
        }
    }
    return NULL;
}

static bool co_open_new_backing(Rebase *r)
{
    const RebaseArgs *args = r->args;
    g_autofree char *image = block_node_filename(r->image), *path = NULL;
    ToolOpen how = { .format = args->backing_format, .force_share = args->common.force_share,
                     .cache = r->source_cache };
    Error *err = NULL;

    if (!args->backing || !*args->backing) {
        return true;
    }
    path = block_backing_path(image, args->backing, &err);
    if (path) {
        r->common = find_in_chain(r->old, path);
        if (r->common) {
            return true;
        }
        how.name = path;
        if (co_tool_open(&r->new_backing, &how, &err)) {
            return true;
        }
        error_prepend(&err, "Could not open new backing file '%s': ", args->backing);
    }
    error_report(err);
    return false;
}

static bool co_change_name(Rebase *r)
{
    const RebaseArgs *args = r->args;
    bool some = args->backing && *args->backing;
    int ret = co_block_change_backing_file(r->image, some ? args->backing : NULL,
                                           some ? args->backing_format : NULL, some);

    if (ret == -ENOSPC) {
        report_error("Could not change the backing file to '%s': No space left in the file "
                     "header", args->backing);
    } else if (ret == -EINVAL && some && !args->backing_format) {
        report_error("Could not change the backing file to '%s': backing format must be "
                     "specified", args->backing);
    } else if (ret) {
        report_error("Could not change the backing file to '%s': %s",
                     args->backing ? args->backing : "", g_strerror(-ret));
    }
    return !ret;
}

static bool co_rebase(Rebase *r)
{
    BlockDriverInfo info = {};

    r->image = block_skip_filters(r->overlay.node);
    r->cluster = block_get_info(r->image, &info) && info.cluster_size > 0 ? info.cluster_size
                                                                         : BLOCK_SECTOR_SIZE;
    r->old = block_cow_child(r->image);
    if (r->args->backing_format && !block_driver_find(r->args->backing_format)) {
        report_error("Invalid format name: '%s'", r->args->backing_format);
        return false;
    }
    if (!r->args->unsafe && (!co_open_new_backing(r) || !co_copy_differences(r))) {
        return false;
    }
    if (!co_change_name(r)) {
        return false;
    }
    tool_progress(&r->progress, 100);
    return true;
}

int co_img_rebase(int argc, char **argv)
{
    RebaseArgs args = {};
    Rebase r = { .args = &args };
    ToolOpen how = { .write = true, .unmap = true };
    int status;

    if (!img_parse(rebase_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (argc != 1) {
        return img_usage_error("Expecting one image file name");
    }
    if (!args.unsafe && !args.backing) {
        return img_usage_error("Must specify backing file (-b) or use unsafe mode (-u)");
    }
    tool_progress_start(&r.progress, args.common.progress && !args.common.quiet);
    status = 1;
    how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    how.no_backing = args.unsafe;
    if (img_cache(args.common.cache, "cache option", &how.cache) &&
        img_cache(args.common.src_cache, "source cache option", &r.source_cache) &&
        co_tool_open_report(&r.overlay, &how)) {
        status = !co_rebase(&r);
    }
    co_tool_close(&r.new_backing);
    status |= !co_tool_close(&r.overlay);
    free(r.old_buf);
    free(r.new_buf);
    tool_progress_end(&r.progress);
    return status;
}
