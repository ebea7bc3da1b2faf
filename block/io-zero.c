/* Requests to nodes: writing zeroes and discarding, aligned and split as the driver needs it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/io-int.h"
#include "util/trace.h"

#define BOUNCE_BYTES (1u << 20)

static int co_write_zero_bytes(BlockNode *node, int64_t offset, int64_t bytes)
{
    size_t room = MIN(bytes, BOUNCE_BYTES);
    uint8_t *zeroes = block_try_alloc(room);
    int ret = 0;

    if (!zeroes) {
        return -ENOMEM;
    }
    memset(zeroes, 0, room);
    while (bytes && !ret) {
        struct iovec iov = { zeroes, MIN(bytes, (int64_t)room) };

        ret = co_block_rw(node, true, offset, iov.iov_len, &iov, 1, 0);
        offset += iov.iov_len;
        bytes -= iov.iov_len;
    }
    free(zeroes);
    return ret;
}

static int co_zero_units(BlockNode *node, int64_t first, int64_t last, unsigned flags)
{
    int64_t max = node->limits.max_zeroes ? node->limits.max_zeroes : INT64_MAX, n;
    int ret = 0;
    Tracked t;

    co_track_begin(node, &t, first, last - first, flags & BLOCK_REQ_SERIALISING);
    for (; first < last && !ret; first += n) {
        n = MIN(max, last - first);
        ret = node->driver->co_pwrite_zeroes(
            node, first, n, flags & (BLOCK_REQ_MAY_UNMAP | BLOCK_REQ_NO_FALLBACK));
    }
    block_track_end(node, &t);
    return ret;
}

int co_node_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    uint32_t unit = block_alignment(node);
    int64_t first = ROUND_UP(offset, unit), last = ROUND_DOWN(offset + bytes, unit);
    int ret = block_check_write(node, offset, bytes);
    int64_t length = node->length;

    if (ret || !bytes) {
        return ret;
    }
    if (!node->discard) {
        flags &= ~BLOCK_REQ_MAY_UNMAP;
    }
    if (offset + bytes > length && node->failed_end <= length && node->driver->co_truncate &&
        co_node_truncate(node, offset + bytes, false, PREALLOC_MODE_OFF,
                         BLOCK_REQ_ZERO_WRITE | BLOCK_REQ_GROW_ONLY, NULL)) {
        /* What is new reads as zeroes; the rest is done as ever. */
        if (offset >= length) {
            block_written(node, offset, bytes, 0);
            return flags & BLOCK_REQ_FUA ? co_node_flush(node) : 0;
        }
        length = node->length;
    }
    ret = -ENOTSUP;
    if (node->driver->co_pwrite_zeroes && first < last && offset + bytes <= length) {
        ret = co_zero_units(node, first, last, flags);
    }
    if (!ret && offset < first) {
        ret = co_write_zero_bytes(node, offset, first - offset);
    }
    if (!ret && last < offset + bytes) {
        ret = co_write_zero_bytes(node, last, offset + bytes - last);
    }
    if (ret == -ENOTSUP && !(flags & BLOCK_REQ_NO_FALLBACK)) {
        ret = co_write_zero_bytes(node, offset, bytes);
    }
    TRACE(block_write_zeroes, "%s offset 0x%" PRIx64 " bytes 0x%" PRIx64 " flags %u: %d",
          node->name, offset, bytes, flags, ret);
    block_written(node, offset, bytes, ret);
    return !ret && flags & BLOCK_REQ_FUA ? co_node_flush(node) : ret;
}

/* Advice only: what cannot be freed stays. */
int co_node_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    uint32_t unit = block_alignment(node);
    int64_t first = ROUND_UP(offset, unit), last = ROUND_DOWN(offset + bytes, unit);
    int64_t max = node->limits.max_discard ? node->limits.max_discard : INT64_MAX;
    int ret = offset + bytes > node->length ? -EIO : block_check_write(node, offset, bytes);
    Tracked t;

    if (ret) {
        return ret;
    }
    if (!node->discard || !node->driver->co_pdiscard || first >= last) {
        return 0;
    }
    co_track_begin(node, &t, first, last - first, false);
    for (int64_t at = first; at < last && !ret; at += max) {
        max = MIN(max, last - at);
        ret = node->driver->co_pdiscard(node, at, max);
    }
    block_track_end(node, &t);
    block_written(node, first, last - first, ret);
    TRACE(block_discard, "%s offset 0x%" PRIx64 " bytes 0x%" PRIx64 ": %d", node->name, first,
          last - first, ret);
    return ret == -ENOTSUP ? 0 : ret;
}

