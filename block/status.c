/* Block status: which layer has a range, where it is stored, and whether it is zeroes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/io-int.h"

/* Without an answer of the driver's: a filter passes it on, all else is data. */
static int co_default_status(BlockNode *node, int64_t offset, int64_t bytes, int64_t *pnum,
                             int64_t *map, BlockNode **file)
{
    BlockNode *below = block_filtered(node);

    *pnum = bytes;
    *map = offset;
    if (below) {
        *file = below;
        return BLOCK_RAW | BLOCK_OFFSET_VALID;
    }
    *file = node;
    return BLOCK_DATA | BLOCK_ALLOCATED | (node->driver->is_protocol ? BLOCK_OFFSET_VALID : 0);
}

/* Ask the driver about whole units, and cut the answer to what was asked. */
static int co_driver_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                            int64_t *pnum, int64_t *map, BlockNode **file)
{
    uint32_t unit = block_alignment(node);
    int64_t first = ROUND_DOWN(offset, unit), end = ROUND_UP(offset + bytes, unit);
    int ret;

    if (!node->driver->co_block_status) {
        return co_default_status(node, offset, bytes, pnum, map, file);
    }
    ret = node->driver->co_block_status(node, want_zero, first, end - first, pnum, map, file);
    if (ret < 0) {
        return ret;
    }
    if (*pnum <= offset - first) {
        return -EIO;                    /* not even the unit asked for */
    }
    *pnum = MIN(*pnum - (offset - first), bytes);
    *map += ret & BLOCK_OFFSET_VALID ? offset - first : 0;
    return ret;
}

/* Nothing here, and below there is nothing either, or its end. */
static int co_unallocated_zero(BlockNode *node, int64_t offset, int64_t *pnum)
{
    BlockNode *below = block_cow_child(node);

    if (!node->driver->supports_backing) {
        return 0;
    }
    if (!below) {
        return BLOCK_ZERO;
    }
    if (offset >= below->length) {
        return BLOCK_ZERO;
    }
    *pnum = MIN(*pnum, below->length - offset);
    return 0;
}

static int co_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                     int64_t *pnum, int64_t *map, BlockNode **file)
{
    int64_t below_pnum, below_map;
    BlockNode *below_file;
    int ret = co_driver_status(node, want_zero, offset, bytes, pnum, map, file), below;

    if (ret < 0) {
        return ret;
    }
    if (ret & BLOCK_RAW) {
        return co_node_block_status(*file, want_zero, *map, *pnum, pnum, map, file);
    }
    if (ret & (BLOCK_DATA | BLOCK_ZERO)) {
        ret |= BLOCK_ALLOCATED;
    } else if (!(ret & BLOCK_ALLOCATED)) {
        ret |= co_unallocated_zero(node, offset, pnum);
    }
    if (want_zero && ret & BLOCK_RECURSE && ret & BLOCK_DATA && ret & BLOCK_OFFSET_VALID &&
        *file && *file != node) {
        below = co_node_block_status(*file, true, *map, *pnum, &below_pnum, &below_map,
                                     &below_file);
        if (below >= 0 && below & BLOCK_EOF && !below_pnum) {
            ret |= BLOCK_ZERO;          /* behind the end of the file there are zeroes */
        } else if (below >= 0 && below_pnum) {
            *pnum = below_pnum;
            ret |= below & BLOCK_ZERO;
        }
    }
    return ret;
}

int co_node_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                         int64_t *pnum, int64_t *map, BlockNode **file)
{
    int64_t local_map = 0;
    BlockNode *local_file = NULL;
    int64_t length = node->length;
    int ret;

    *pnum = 0;
    if (offset < 0 || bytes < 0) {
        return -EINVAL;
    }
    if (offset >= length) {
        return BLOCK_EOF;
    }
    bytes = MIN(bytes, length - offset);
    if (!bytes) {
        return 0;
    }
    node->in_flight++;
    ret = co_status(node, want_zero, offset, bytes, pnum, &local_map, &local_file);
    block_node_dec_in_flight(node);
    if (ret < 0) {
        *pnum = 0;
        return ret;
    }
    if (offset + *pnum == length) {
        ret |= BLOCK_EOF;
    } else {
        ret &= ~BLOCK_EOF;
    }
    if (map) {
        *map = local_map;
    }
    if (file) {
        *file = local_file;
    }
    return ret;
}

/* Layers from node down to base; *layer says which one decided. */
static int co_status_layers(BlockNode *node, BlockNode *base, bool include_base, bool want_zero,
                            int64_t offset, int64_t bytes, int64_t *pnum, int64_t *map,
                            BlockNode **file, BlockNode **layer)
{
    int64_t eof = 0, length = node->length;
    BlockNode *at = node;
    int ret = 0;

    *pnum = bytes;
    *layer = node;
    if (!include_base && node == base) {
        return 0;
    }
    ret = co_node_block_status(node, want_zero, offset, bytes, pnum, map, file);
    if (ret < 0 || !*pnum || ret & BLOCK_ALLOCATED || at == base) {
        return ret;
    }
    eof = ret & BLOCK_EOF ? offset + *pnum : 0;
    bytes = *pnum;
    for (at = block_filter_or_cow(node); at && (include_base || at != base);
         at = block_filter_or_cow(at)) {
        *layer = at;
        ret = co_node_block_status(at, want_zero, offset, bytes, pnum, map, file);
        if (ret < 0) {
            return ret;
        }
        if (!*pnum) {
            /* This layer is shorter: behind its end there are zeroes, and they are its own. */
            *pnum = bytes;
            if (file) {
                *file = at;
            }
            ret = BLOCK_ZERO | BLOCK_ALLOCATED;
            break;
        }
        if (ret & BLOCK_ALLOCATED) {
            ret &= ~BLOCK_EOF;
            break;
        }
        bytes = *pnum;
        if (at == base) {
            break;
        }
    }
    if (eof && offset + *pnum == eof && eof == length) {
        ret |= BLOCK_EOF;
    }
    return ret;
}

int co_node_block_status_above(BlockNode *node, BlockNode *base, bool want_zero, int64_t offset,
                               int64_t bytes, int64_t *pnum, int64_t *map, BlockNode **file)
{
    BlockNode *layer;

    return co_status_layers(node, base, false, want_zero, offset, bytes, pnum, map, file, &layer);
}

int co_node_is_allocated(BlockNode *node, int64_t offset, int64_t bytes, int64_t *pnum)
{
    int64_t dummy;
    int ret = co_node_block_status(node, false, offset, bytes, pnum ? pnum : &dummy, NULL, NULL);

    return ret < 0 ? ret : !!(ret & BLOCK_ALLOCATED);
}

int co_node_is_allocated_above(BlockNode *node, BlockNode *base, bool include_base,
                               int64_t offset, int64_t bytes, int64_t *pnum)
{
    BlockNode *layer;
    int ret = co_status_layers(node, base, include_base, false, offset, bytes, pnum, NULL, NULL,
                               &layer);

    return ret < 0 ? ret : !!(ret & BLOCK_ALLOCATED);
}

int co_node_is_zero(BlockNode *node, int64_t offset, int64_t bytes)
{
    int64_t n = 0;

    while (bytes) {
        int ret = co_node_block_status_above(node, NULL, true, offset, bytes, &n, NULL, NULL);

        if (ret < 0) {
            return ret;
        }
        if (!n || !(ret & BLOCK_ZERO)) {
            return 0;
        }
        offset += n;
        bytes -= n;
    }
    return 1;
}
