/* raw: the format without a header, or a window of what is below */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "qapi/types-block-query.h"
#include "util/iov.h"

typedef struct RawState {
    uint64_t offset;
    bool window, has_size;      /* of what is below; of a length of its own */
} RawState;

static bool set_window(BlockNode *node, const BlockdevOptionsRaw *o, Error **errp)
{
    uint64_t length = node->file->node->length, size;
    RawState *s = node->state;

    s->offset = o->has_offset ? o->offset : 0;
    if (s->offset > length) {
        error_set(errp, "Offset (%" PRIu64 ") cannot be greater than size of the containing "
                  "file (%" PRIu64 ")", s->offset, length);
        return false;
    }
    size = o->has_size ? o->size : length - s->offset;
    if (size > length - s->offset) {
        error_set(errp, "The sum of offset (%" PRIu64 ") and size (%" PRIu64 ") has to be "
                  "smaller or equal to the actual size of the containing file (%" PRIu64 ")",
                  s->offset, size, length);
        return false;
    }
    if (o->has_size && size % BLOCK_SECTOR_SIZE) {
        error_set(errp, "Specified size is not multiple of %d", BLOCK_SECTOR_SIZE);
        return false;
    }
    s->window = o->has_offset || o->has_size;
    s->has_size = o->has_size;
    node->length = size;
    return true;
}

static bool raw_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsRaw *o = &options->u.raw;
    RawState *s = node->state;
    uint32_t unit;

    unsigned role = (o->has_offset || o->has_size ? BLOCK_CHILD_DATA : BLOCK_CHILD_FILTERED) |
                    BLOCK_CHILD_PRIMARY;

    if (!co_block_open_file(node, role, o->file, errp) || !set_window(node, o, errp)) {
        return false;
    }
    if (node->file->node->read_only && node->auto_read_only) {
        node->read_only = true;         /* else whoever wants to write is refused */
    }
    node->limits = node->file->node->limits;
    unit = MAX(node->limits.request_alignment, 1);
    if (s->offset % unit) {
        /* The window is not aligned as the file below needs it: leave that to its io.c. */
        node->limits = (BlockLimits){ };
    }
    return true;
}

/* A probed image must not become one of another format at the next start. */
static bool forbidden(const BlockNode *node, int64_t offset, const struct iovec *iov,
                      unsigned niov)
{
    uint8_t head[BLOCK_SECTOR_SIZE] = { };

    if (!node->probed || offset >= BLOCK_SECTOR_SIZE) {
        return false;
    }
    iov_to_buf(iov, niov, 0, head + offset, sizeof(head) - offset);
    return block_format_of(head, sizeof(head));
}

static int raw_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                         const struct iovec *iov, unsigned niov)
{
    RawState *s = node->state;

    return co_node_preadv(node->file->node, offset + s->offset, bytes, iov, niov);
}

static int raw_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov, unsigned flags)
{
    RawState *s = node->state;

    if (s->has_size && bytes > node->length - offset) {
        return -ENOSPC;
    }
    if (forbidden(node, offset, iov, niov)) {
        return -EPERM;
    }
    return co_node_pwritev(node->file->node, offset + s->offset, bytes, iov, niov, flags);
}

static int raw_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    RawState *s = node->state;

    return co_node_pwrite_zeroes(node->file->node, offset + s->offset, bytes, flags);
}

static int raw_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    RawState *s = node->state;

    return co_node_pdiscard(node->file->node, offset + s->offset, bytes);
}

static int raw_co_copy_range(BlockNode *node, int64_t offset, BlockNode *source,
                             int64_t source_offset, int64_t bytes)
{
    RawState *s = node->state;

    /* What raw_co_pwritev() would have to look at goes there. */
    if (node->probed || (s->has_size && bytes > node->length - offset)) {
        return -ENOTSUP;
    }
    return co_node_copy_range(node->file->node, offset + s->offset, source, source_offset, bytes);
}

static int raw_co_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                               int64_t *pnum, int64_t *map, BlockNode **file)
{
    RawState *s = node->state;

    *pnum = bytes;
    *file = node->file->node;
    *map = offset + s->offset;
    return BLOCK_RAW | BLOCK_OFFSET_VALID;
}

static int raw_co_pwritev_compressed(BlockNode *node, int64_t offset, int64_t bytes,
                                     const struct iovec *iov, unsigned niov)
{
    return raw_co_pwritev(node, offset, bytes, iov, niov, BLOCK_REQ_COMPRESSED);
}

static int64_t raw_length_now(BlockNode *node)
{
    const RawState *s = node->state;

    return s->has_size ? node->length : node->file->node->length - (int64_t)s->offset;
}

static bool raw_co_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                            unsigned flags, Error **errp)
{
    RawState *s = node->state;

    if (s->has_size) {
        error_set(errp, "Cannot resize fixed-size raw disks");
        return false;
    }
    if (length > BLOCK_LENGTH_MAX - (int64_t)s->offset) {
        error_set(errp, "Disk size too large for the chosen offset");
        return false;
    }
    if (!co_node_truncate(node->file->node, length + s->offset, exact, prealloc, flags, errp)) {
        return false;
    }
    block_node_set_length(node, node->file->node->length - s->offset);
    return true;
}

static bool raw_get_info(BlockNode *node, BlockDriverInfo *info)
{
    return block_get_info(node->file->node, info);
}

static bool raw_co_measure(const Json *options, BlockNode *src, BlockMeasureInfo *info,
                           Error **errp)
{
    Json *size = options ? json_object_object_get(options, "size") : NULL;

    info->required = src ? src->length : size ? json_object_get_int64(size) : 0;
    info->required = ROUND_UP(info->required, BLOCK_SECTOR_SIZE);
    info->fully_allocated = info->required;
    return true;
}

static const char *const strong_options[] = { "offset", "size", NULL };

/* What is below may have more. */
static const BlockCreateOption create_options[] = {
    { "size", BLOCK_OPT_SIZE, "Virtual disk size", NULL },
    { }
};

static const BlockDriver raw_driver = {
    .name = "raw", .desc = "no format", .size = sizeof(RawState), .grows = true,
    .length_now = raw_length_now,
    .co_open = raw_co_open, .co_preadv = raw_co_preadv, .co_pwritev = raw_co_pwritev,
    .co_pwrite_zeroes = raw_co_pwrite_zeroes, .co_pdiscard = raw_co_pdiscard,
    .co_pwritev_compressed = raw_co_pwritev_compressed, .co_copy_range = raw_co_copy_range,
    .co_block_status = raw_co_block_status, .co_truncate = raw_co_truncate,
    .get_info = raw_get_info, .co_measure = raw_co_measure,
    .create_options = create_options,
    .handles_fua = true, .strong_options = strong_options,
};
REGISTER_BLOCK_DRIVER(raw_driver)
