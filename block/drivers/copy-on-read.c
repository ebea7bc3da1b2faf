/* copy-on-read: a filter that writes what it read from below an image into that image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "block/track.h"
#include "util/iov.h"

enum {
    CHUNK = 1 << 20,            /* is copied at once, at most */
};

typedef struct CorState {
    BlockNode *bottom;          /* referenced; NULL: all is copied */
} CorState;

static bool cor_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsCor *o = &options->u.copy_on_read;
    CorState *s = node->state;

    if (!co_block_open_file(node, BLOCK_CHILD_FILTERED | BLOCK_CHILD_PRIMARY, o->file, errp)) {
        return false;
    }
    node->length = node->file->node->length;
    node->limits = node->file->node->limits;
    if (o->bottom) {
        BlockNode *bottom = block_node_find(o->bottom);

        if (!bottom) {
            error_set(errp, "Bottom node '%s' not found", o->bottom);
            return false;
        }
        if (!block_chain_contains(node->file->node, bottom)) {
            error_set(errp, "Bottom node '%s' is not in the chain of '%s'", o->bottom,
                      node->file->node->name);
            return false;
        }
        s->bottom = bottom;
        block_node_ref(bottom);
    }
    return true;
}

static void cor_co_close(BlockNode *node)
{
    CorState *s = node->state;

    block_node_unref(s->bottom);
}

/* It writes, though nothing that would be seen. */
static void cor_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                           uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    *child_perm = perm | BLOCK_PERM_WRITE_UNCHANGED;
    *child_shared = shared | BLOCK_PERM_WRITE_UNCHANGED;
}

/* 1: copy the range, which starts at offset and is *n long; 0: read it as it is. */
static int co_wanted(BlockNode *node, int64_t offset, int64_t bytes, int64_t *n)
{
    CorState *s = node->state;
    BlockNode *image = node->file->node, *below;
    int ret = co_node_is_allocated_above(image, block_backing_chain_next(image), false, offset,
                                         bytes, n);

    if (ret || !*n || !s->bottom) {
        return ret < 0 ? ret : !ret && *n;
    }
    below = block_backing_chain_next(image);
    return below ? co_node_is_allocated_above(below, s->bottom, true, offset, *n, n) : 0;
}

/* A range of whole clusters that nobody else reads or writes here at the same time. */
static int co_copy(BlockNode *node, int64_t offset, int64_t bytes, uint8_t *buf)
{
    BlockNode *image = node->file->node;
    struct iovec iov = { buf, bytes };
    int ret = co_node_preadv(image, offset, bytes, &iov, 1);

    if (!ret && buf[0] == 0 && !memcmp(buf, buf + 1, bytes - 1)) {
        ret = co_node_pwrite_zeroes(image, offset, bytes, BLOCK_REQ_UNCHANGED);
    } else if (!ret) {
        block_debug_event(image, "cor_write");
        ret = co_node_pwritev(image, offset, bytes, &iov, 1, BLOCK_REQ_UNCHANGED);
    }
    return ret;
}

static int64_t unit_of(BlockNode *node)
{
    BlockDriverInfo info;
    bool known = block_get_info(node->file->node, &info);
    int64_t unit = !known ? 0 : info.subcluster_size ? info.subcluster_size : info.cluster_size;

    return MIN(MAX(MAX(unit, (int64_t)node->limits.request_alignment), 1), CHUNK);
}

/* What of [offset, offset + bytes) comes from below goes into the image. */
static int co_bring_up(BlockNode *node, int64_t offset, int64_t bytes)
{
    int64_t unit = unit_of(node), end = offset + bytes, n;
    uint8_t *buf = NULL;
    int ret = 0;

    offset = ROUND_DOWN(offset, unit);
    end = MIN(ROUND_UP(end, unit), node->length);
    for (; offset < end && ret >= 0; offset += n) {
        n = MIN(end - offset, CHUNK);
        ret = co_wanted(node, offset, n, &n);
        n = MAX(n, 1);
        if (ret <= 0) {
            continue;
        }
        if (n % unit) {
            n = MIN(ROUND_UP(n, unit), end - offset);
        }
        buf = buf ? buf : block_try_alloc(CHUNK);
        n = MIN(n, CHUNK);
        ret = buf ? co_copy(node, offset, n, buf) : -ENOMEM;
    }
    free(buf);
    return ret < 0 ? ret : 0;
}

/*
 * Called by io.c before the request itself is tracked, so that the range of
 * whole clusters can be made exclusive.
 */
static int cor_co_before_read(BlockNode *node, int64_t offset, int64_t bytes)
{
    int64_t unit = unit_of(node), first = ROUND_DOWN(offset, unit);
    Tracked t;
    int ret;

    if (node->file->node->read_only) {
        return 0;
    }
    co_track_begin(node, &t, first, ROUND_UP(offset + bytes, unit) - first, true);
    ret = co_bring_up(node, offset, bytes);
    block_track_end(node, &t);
    return ret;
}

static int cor_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                         const struct iovec *iov, unsigned niov)
{
    return co_node_preadv(node->file->node, offset, bytes, iov, niov);
}

static int cor_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov, unsigned flags)
{
    return co_node_pwritev(node->file->node, offset, bytes, iov, niov, flags);
}

static int cor_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    return co_node_pwrite_zeroes(node->file->node, offset, bytes, flags);
}

static int cor_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    return co_node_pdiscard(node->file->node, offset, bytes);
}

static int cor_co_pwritev_compressed(BlockNode *node, int64_t offset, int64_t bytes,
                                     const struct iovec *iov, unsigned niov)
{
    return cor_co_pwritev(node, offset, bytes, iov, niov, BLOCK_REQ_COMPRESSED);
}

static const char *const strong_options[] = { "bottom", NULL };

static const BlockDriver cor_driver = {
    .name = "copy-on-read", .desc = "what is read from below an image is kept in it",
    .size = sizeof(CorState), .filter = true, .grows = true, .handles_fua = true,
    .co_open = cor_co_open, .co_close = cor_co_close, .child_perm = cor_child_perm,
    .co_before_read = cor_co_before_read, .co_preadv = cor_co_preadv,
    .co_pwritev = cor_co_pwritev, .co_pwrite_zeroes = cor_co_pwrite_zeroes,
    .co_pdiscard = cor_co_pdiscard, .co_pwritev_compressed = cor_co_pwritev_compressed,
    .strong_options = strong_options,
};
REGISTER_BLOCK_DRIVER(cor_driver)
