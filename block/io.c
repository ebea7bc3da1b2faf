/* Requests to nodes: bounds, alignment, splitting, order of overlapping requests, flush */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/io-int.h"
#include "qapi/events-block-common.h"
#include "util/iov.h"
#include "util/trace.h"

#define BOUNCE_BYTES (1u << 20)

void co_track_begin(BlockNode *node, Tracked *t, int64_t offset, int64_t bytes, bool exclusive)
{
    Tracked *other;
    bool waited;

    *t = (Tracked){ .offset = offset, .end = offset + bytes, .exclusive = exclusive };
    co_queue_init(&t->done);
    node->in_flight++;
    node->serialising += exclusive;
    list_append(&node->tracked, &t->link);
    while (node->serialising) {
        waited = false;
        list_for_each(other, &node->tracked, Tracked, link) {
            if (other == t) {
                break;
            }
            if ((exclusive || other->exclusive) && other->offset < t->end &&
                t->offset < other->end) {
                co_queue_wait(&other->done, NULL);
                waited = true;
                break;
            }
        }
        if (!waited) {
            break;
        }
    }
}

void block_track_end(BlockNode *node, Tracked *t)
{
    list_remove(&t->link);
    node->serialising -= t->exclusive;
    co_queue_wake_all(&t->done);
    block_node_dec_in_flight(node);
}

static bool within(const BlockNode *node, int64_t offset, int64_t bytes, int64_t length)
{
    return offset >= 0 && bytes >= 0 && offset <= length && bytes <= length - offset;
}

int block_check_read(const BlockNode *node, int64_t offset, int64_t bytes)
{
    return within(node, offset, bytes, node->length) ? 0 : -EIO;
}

int block_check_write(const BlockNode *node, int64_t offset, int64_t bytes)
{
    bool grows = node->driver->grows && node->perm & BLOCK_PERM_RESIZE;

    if (!within(node, offset, bytes, grows ? BLOCK_LENGTH_MAX : node->length)) {
        return -EIO;
    }
    return node->read_only ? -EPERM : 0;
}

/* What a failed write left past the end shows after the next start: let it show now. */
static void look_at_length(BlockNode *node)
{
    int64_t now = node->driver->length_now ? node->driver->length_now(node)
                : node->file ? node->file->node->length : -ENOTSUP;

    if (now > node->length) {
        block_node_set_length(node, now);
    }
}

void block_written(BlockNode *node, int64_t offset, int64_t bytes, int ret)
{
    int64_t end = offset + bytes;

    node->written++;
    if (!ret) {
        node->high_offset = MAX(node->high_offset, end);
        if (end > node->length) {
            block_node_set_length(node, ROUND_UP(end, BLOCK_SECTOR_SIZE));
        }
    } else if (end > node->length) {
        node->failed_end = MAX(node->failed_end, end);
        look_at_length(node);
    }
    if (node->write_threshold && end > (int64_t)node->write_threshold) {
        uint64_t threshold = node->write_threshold;

        node->write_threshold = 0;
        qapi_event_send_block_write_threshold(node->name, end - threshold, threshold);
    }
    /* One that failed may have written a part. */
    block_dirty_bitmaps_mark(node, offset, bytes);
}

void *block_try_alloc(size_t bytes)
{
    void *p;

    return posix_memalign(&p, 4096, MAX(bytes, 1)) ? NULL : p;
}

static bool memory_aligned(const BlockNode *node, const struct iovec *iov, unsigned niov)
{
    uintptr_t mask = MAX(node->limits.memory_alignment, 1) - 1;

    for (unsigned i = 0; i < niov; i++) {
        if (((uintptr_t)iov[i].iov_base | iov[i].iov_len) & mask) {
            return false;
        }
    }
    return true;
}

/* One aligned piece to the driver. */
static int co_driver_rw(BlockNode *node, bool is_write, int64_t offset, int64_t bytes,
                        const struct iovec *iov, unsigned niov, unsigned flags)
{
    if (flags & BLOCK_REQ_COMPRESSED) {
        return node->driver->co_pwritev_compressed
                   ? node->driver->co_pwritev_compressed(node, offset, bytes, iov, niov)
                   : -ENOTSUP;
    }
    if (is_write) {
        return node->driver->co_pwritev
                   ? node->driver->co_pwritev(node, offset, bytes, iov, niov,
                                              flags & (node->driver->handles_fua
                                                            ? ~0u : ~BLOCK_REQ_FUA))
                   : -ENOTSUP;
    }
    return node->driver->co_preadv ? node->driver->co_preadv(node, offset, bytes, iov, niov)
                                   : -ENOTSUP;
}

/* An aligned request, in pieces where the driver takes no more at once. */
static int co_aligned_rw(BlockNode *node, bool is_write, int64_t offset, int64_t bytes,
                         const struct iovec *iov, unsigned niov, unsigned flags)
{
    int64_t max = node->limits.max_transfer ? node->limits.max_transfer : INT64_MAX;
    unsigned max_iov = node->limits.max_iov ? node->limits.max_iov : UINT_MAX;
    IoVec piece = { };
    int64_t done = 0;
    int ret = 0;

    if (bytes <= max && niov <= max_iov) {
        return co_driver_rw(node, is_write, offset, bytes, iov, niov, flags);
    }
    while (done < bytes && !ret) {
        int64_t n = MIN(max, bytes - done);

        iovec_reset(&piece);
        iovec_add_slice(&piece, iov, niov, done, n);
        if (piece.n > max_iov) {
            size_t fits = ROUND_DOWN(iov_size(piece.iov, max_iov), block_alignment(node));

            if (!fits) {
                ret = -EINVAL;
                break;
            }
            iovec_reset(&piece);
            iovec_add_slice(&piece, iov, niov, done, fits);
        }
        ret = co_driver_rw(node, is_write, offset + done, piece.size, piece.iov, piece.n, flags);
        done += piece.size;
    }
    iovec_free(&piece);
    return ret;
}

static int co_rw_buf(BlockNode *node, bool is_write, int64_t offset, void *buf, size_t bytes,
                     unsigned flags)
{
    struct iovec iov = { buf, bytes };

    return co_aligned_rw(node, is_write, offset, bytes, &iov, 1, flags);
}

/* Fetch the units at both ends of [offset, offset + n) of which only a part will be replaced. */
static int co_fetch_ends(BlockNode *node, uint8_t *buf, int64_t offset, int64_t n, bool head,
                         bool tail)
{
    uint32_t unit = block_alignment(node);
    int ret = 0;

    if (head) {
        ret = co_rw_buf(node, false, offset, buf, unit, 0);
    }
    if (tail && !ret && !(head && n == unit)) {
        ret = co_rw_buf(node, false, offset + n - unit, buf + n - unit, unit, 0);
    }
    return ret;
}

/* By way of a buffer: the request, or its memory, is not aligned as the driver needs it. */
static int co_bounced_rw(BlockNode *node, bool is_write, int64_t offset, int64_t bytes,
                         const struct iovec *iov, unsigned niov, unsigned flags)
{
    uint32_t unit = block_alignment(node);
    int64_t at = ROUND_DOWN(offset, unit), end = ROUND_UP(offset + bytes, unit);
    size_t room = MIN(end - at, MAX(BOUNCE_BYTES, unit));
    uint8_t *buf = block_try_alloc(room);
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    for (; at < end && !ret; at += room) {
        int64_t n = MIN((int64_t)room, end - at);
        int64_t first = MAX(at, offset), last = MIN(at + n, offset + bytes);

        if (is_write) {
            ret = co_fetch_ends(node, buf, at, n, first > at, last < at + n);
            if (!ret) {
                iov_to_buf(iov, niov, first - offset, buf + (first - at), last - first);
                ret = co_rw_buf(node, true, at, buf, n, flags);
            }
        } else {
            ret = co_rw_buf(node, false, at, buf, n, 0);
            if (!ret) {
                iov_from_buf(iov, niov, first - offset, buf + (first - at), last - first);
            }
        }
    }
    free(buf);
    return ret;
}

int co_block_rw(BlockNode *node, bool is_write, int64_t offset, int64_t bytes,
                const struct iovec *iov, unsigned niov, unsigned flags)
{
    uint32_t unit = block_alignment(node);
    bool unaligned = (offset | bytes) & (unit - 1);
    Tracked t;
    int ret;

    if (unaligned) {
        int64_t first = ROUND_DOWN(offset, unit);

        co_track_begin(node, &t, first, ROUND_UP(offset + bytes, unit) - first, is_write);
    } else {
        co_track_begin(node, &t, offset, bytes, flags & BLOCK_REQ_SERIALISING);
    }
    flags &= BLOCK_REQ_FUA | BLOCK_REQ_COMPRESSED | BLOCK_REQ_UNCHANGED;
    if (unaligned || !memory_aligned(node, iov, niov)) {
        ret = co_bounced_rw(node, is_write, offset, bytes, iov, niov, flags);
    } else {
        ret = co_aligned_rw(node, is_write, offset, bytes, iov, niov, flags);
    }
    block_track_end(node, &t);
    return ret;
}

int co_node_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                   unsigned niov)
{
    int ret = block_check_read(node, offset, bytes);

    if (ret || !bytes) {
        return ret;
    }
    if (node->driver->co_before_read) {
        ret = node->driver->co_before_read(node, offset, bytes);
    }
    if (!ret) {
        ret = co_block_rw(node, false, offset, bytes, iov, niov, 0);
    }
    TRACE(block_read, "%s offset 0x%" PRIx64 " bytes 0x%" PRIx64 ": %d", node->name, offset,
          bytes, ret);
    return ret;
}

/* After a write: make it stable where that was asked and the driver has not done so. */
static int co_write_done(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags, int ret)
{
    block_written(node, offset, bytes, ret);
    return !ret && flags & BLOCK_REQ_FUA && !node->driver->handles_fua ? co_node_flush(node) : ret;
}

int co_node_pwritev(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                    unsigned niov, unsigned flags)
{
    int ret = block_check_write(node, offset, bytes);

    if (ret || !bytes) {
        return ret;
    }
    if (node->detect_zeroes != BLOCKDEV_DETECT_ZEROES_OPTIONS_OFF &&
        !(flags & BLOCK_REQ_COMPRESSED) && iov_is_zero(iov, niov)) {
        return co_node_pwrite_zeroes(
            node, offset, bytes,
            flags | (node->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP
                         ? BLOCK_REQ_MAY_UNMAP : 0));
    }
    ret = co_block_rw(node, true, offset, bytes, iov, niov, flags);
    ret = co_write_done(node, offset, bytes, flags, ret);
    TRACE(block_write, "%s offset 0x%" PRIx64 " bytes 0x%" PRIx64 " flags %u: %d", node->name,
          offset, bytes, flags, ret);
    return ret;
}

int co_node_flush(BlockNode *node)
{
    uint64_t written = node->written;
    BlockChild *child;
    int ret = 0;

    if (node->flushed == written && node->settled) {
        return 0;
    }
    node->in_flight++;
    if (node->driver->co_flush) {
        ret = node->no_flush && node->driver->is_protocol ? 0 : node->driver->co_flush(node);
    }
    /* What the driver has put into its children is stable with them. */
    list_for_each(child, &node->children, BlockChild, sibling) {
        if (!ret && !node->driver->flushes_children && !(child->role & BLOCK_CHILD_COW) &&
            !child->node->read_only) {
            if (child == node->file && child->node->flushed != child->node->written) {
                block_debug_event(child->node, "flush_to_disk");
            }
            ret = co_node_flush(child->node);
        }
    }
    block_node_dec_in_flight(node);
    if (!ret) {
        node->flushed = MAX(node->flushed, written);
        node->settled = true;
    }
    TRACE(block_flush, "%s: %d", node->name, ret);
    return ret;
}

int co_node_pread(BlockNode *node, int64_t offset, void *buf, size_t bytes)
{
    struct iovec iov = { buf, bytes };

    return co_node_preadv(node, offset, bytes, &iov, 1);
}

int co_node_pwrite(BlockNode *node, int64_t offset, const void *buf, size_t bytes)
{
    struct iovec iov = { (void *)(uintptr_t)buf, bytes };

    return co_node_pwritev(node, offset, bytes, &iov, 1, 0);
}

int co_node_pwrite_sync(BlockNode *node, int64_t offset, const void *buf, size_t bytes)
{
    struct iovec iov = { (void *)(uintptr_t)buf, bytes };

    return co_node_pwritev(node, offset, bytes, &iov, 1, BLOCK_REQ_FUA);
}

int64_t co_node_allocated_size(BlockNode *node)
{
    int64_t sum = 0, n;
    BlockChild *child;

    if (node->driver->co_allocated_size) {
        return node->driver->co_allocated_size(node);
    }
    if (node->driver->is_protocol) {
        return -ENOTSUP;
    }
    list_for_each(child, &node->children, BlockChild, sibling) {
        if (child->role & (BLOCK_CHILD_DATA | BLOCK_CHILD_METADATA | BLOCK_CHILD_FILTERED)) {
            n = co_node_allocated_size(child->node);
            if (n < 0) {
                return n;
            }
            sum += n;
        }
    }
    return sum;
}

void block_debug_event(BlockNode *node, const char *event)
{
    while (node) {
        if (node->driver->debug_event) {
            node->driver->debug_event(node, event);
            return;
        }
        node = block_primary(node);
    }
}
