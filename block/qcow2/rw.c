/* qcow2: reads and writes of guest data, zeroes, discard, flush, block status */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"
#include "util/iov.h"

/* A part of a request's memory: [skip, skip + bytes) of it. */
typedef struct Part {
    const struct iovec *iov;
    unsigned niov;
    IoVec slice;
} Part;

static void part_set(Part *p, const struct iovec *iov, unsigned niov, size_t skip, size_t bytes,
                     size_t total)
{
    if (!skip && bytes == total) {
        p->iov = iov;
        p->niov = niov;
        return;
    }
    iovec_reset(&p->slice);
    iovec_add_slice(&p->slice, iov, niov, skip, bytes);
    p->iov = p->slice.iov;
    p->niov = p->slice.n;
}

/* What lies behind the end of a file reads as zeroes. */
static int co_read_node(BlockNode *node, uint64_t offset, uint64_t bytes,
                        const struct iovec *iov, unsigned niov)
{
    uint64_t length = node->length, there = offset >= length ? 0 : MIN(bytes, length - offset);
    Part part = {};
    int ret = 0;

    if (there < bytes) {
        iov_memset(iov, niov, there, 0, bytes - there);
    }
    if (there) {
        part_set(&part, iov, niov, 0, there, bytes);
        ret = co_node_preadv(node, offset, there, part.iov, part.niov);
        iovec_free(&part.slice);
    }
    return ret;
}

static int co_read_extent(Qcow2 *s, const Qcow2Extent *e, uint64_t offset,
                          const struct iovec *iov, unsigned niov)
{
    switch (e->kind) {
    case QCOW2_DATA:
        block_debug_event(qcow2_file(s), "read_aio");
        return co_read_node(qcow2_data(s), e->host, e->bytes, iov, niov);
    case QCOW2_DEFLATED:
        return co_qcow2_inflate(s, e->entry, offset & (s->cluster_bytes - 1), e->bytes, iov,
                                niov, 0);
    case QCOW2_UNALLOCATED:
        if (s->node->backing) {
            block_debug_event(qcow2_file(s), "read_backing_aio");
            return co_read_node(s->node->backing->node, offset, e->bytes, iov, niov);
        }
        break;
    case QCOW2_ZEROES:
        break;
    }
    iov_memset(iov, niov, 0, 0, e->bytes);
    return 0;
}

int co_qcow2_read(Qcow2 *s, uint64_t offset, uint64_t bytes, const struct iovec *iov,
                  unsigned niov)
{
    Part part = {};
    int ret = 0;

    for (uint64_t done = 0; done < bytes && !ret;) {
        Qcow2Extent e;

        ret = s->broken ? -EIO : co_qcow2_map(s, offset + done, bytes - done, &e);
        if (ret) {
            break;
        }
        part_set(&part, iov, niov, done, e.bytes, bytes);
        ret = co_read_extent(s, &e, offset + done, part.iov, part.niov);
        done += e.bytes;
    }
    iovec_free(&part.slice);
    return ret;
}

bool co_qcow2_reads_zero(Qcow2 *s, uint64_t offset, uint64_t bytes)
{
    while (bytes) {
        Qcow2Extent e;

        if (co_qcow2_map(s, offset, bytes, &e)) {
            return false;
        }
        if (e.kind == QCOW2_UNALLOCATED && s->node->backing) {
            BlockNode *backing = s->node->backing->node;
            uint64_t length = backing->length;

            if (offset < length &&
                co_node_is_zero(backing, offset, MIN(e.bytes, length - offset)) <= 0) {
                return false;
            }
        } else if (e.kind != QCOW2_ZEROES && e.kind != QCOW2_UNALLOCATED) {
            return false;
        }
        offset += e.bytes;
        bytes -= e.bytes;
    }
    return true;
}

/* New data with what was around it in one write, so that nothing refers to half a cluster. */
static int co_write_filled(Qcow2 *s, const Qcow2Write *w, const struct iovec *iov, unsigned niov)
{
    size_t head = w->offset - w->start, tail = w->end - (w->offset + w->bytes);
    uint8_t *around = head + tail ? block_try_alloc(head + tail) : NULL;
    struct iovec before = { around, head }, after = { around + head, tail };
    IoVec all = {};
    int ret = 0;

    if (head + tail && !around) {
        return -ENOMEM;
    }
    block_debug_event(qcow2_file(s), "cow_read");
    if (head) {
        ret = co_qcow2_read(s, w->start, head, &before, 1);
        iovec_add(&all, around, head);
    }
    iovec_add_slice(&all, iov, niov, 0, w->bytes);
    if (tail) {
        if (!ret) {
            ret = co_qcow2_read(s, w->offset + w->bytes, tail, &after, 1);
        }
        iovec_add(&all, around + head, tail);
    }
    if (!ret) {
        block_debug_event(qcow2_file(s), "cow_write");
        ret = co_node_pwritev(qcow2_data(s), w->host - head, all.size, all.iov, all.n, 0);
    }
    iovec_free(&all);
    free(around);
    return ret;
}

int co_qcow2_write(Qcow2 *s, uint64_t offset, uint64_t bytes, const struct iovec *iov,
                   unsigned niov)
{
    Part part = {};
    int ret = 0;

    for (uint64_t done = 0; done < bytes && !ret;) {
        Qcow2Write w;

        ret = co_qcow2_write_begin(s, offset + done, bytes - done, &w);
        if (ret) {
            break;
        }
        part_set(&part, iov, niov, done, w.bytes, bytes);
        block_debug_event(qcow2_file(s), "write_aio");
        if (w.fill) {
            ret = co_write_filled(s, &w, part.iov, part.niov);
        } else {
            ret = co_node_pwritev(qcow2_data(s), w.host, w.bytes, part.iov, part.niov, 0);
        }
        ret = co_qcow2_write_end(s, &w, ret);
        done += w.bytes;
    }
    iovec_free(&part.slice);
    return ret;
}

int qcow2_co_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                    unsigned niov)
{
    Qcow2 *s = node->state;
    Qcow2Request r;
    int ret;

    co_qcow2_request_begin(s, &r);
    ret = co_qcow2_read(s, offset, bytes, iov, niov);
    qcow2_request_end(s, &r);
    return ret;
}

int qcow2_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                     unsigned niov, unsigned flags)
{
    Qcow2 *s = node->state;
    Qcow2Request r;
    int ret;

    ret = co_qcow2_write_request(s, &r);
    if (!ret) {
        ret = co_qcow2_write(s, offset, bytes, iov, niov);
        qcow2_request_end(s, &r);
    }
    return ret;
}

static int co_write_zero_data(Qcow2 *s, uint64_t offset, uint64_t bytes)
{
    struct iovec iov = { block_try_alloc(bytes), bytes };
    int ret = -ENOMEM;

    if (iov.iov_base) {
        memset(iov.iov_base, 0, bytes);
        ret = co_qcow2_write(s, offset, bytes, &iov, 1);
        free(iov.iov_base);
    }
    return ret;
}

/* Whole subclusters: as far as they are whole clusters by the zero flag of those. */
static int co_zero_aligned(Qcow2 *s, uint64_t offset, uint64_t end, bool unmap)
{
    int ret = 0;

    while (offset < end && !ret) {
        uint64_t next = ROUND_DOWN(offset, s->cluster_bytes) + s->cluster_bytes;

        if (offset & (s->cluster_bytes - 1) || end < next) {
            next = MIN(next, end);
            ret = co_qcow2_zero_subclusters(s, offset, next - offset);
            if (ret == -ENOTSUP) {
                ret = co_write_zero_data(s, offset, next - offset);
            }
        } else {
            next = ROUND_DOWN(end, s->cluster_bytes);
            ret = co_qcow2_zero_clusters(s, offset, next - offset, unmap);
        }
        offset = next;
    }
    return ret;
}

/* The piece of a subcluster at [offset, end): flag all of it if the rest is zero, else write. */
static int co_zero_piece(Qcow2 *s, uint64_t offset, uint64_t end)
{
    uint64_t first = ROUND_DOWN(offset, s->subcluster_bytes);
    uint64_t last = first + s->subcluster_bytes;

    if (co_qcow2_reads_zero(s, offset, end - offset)) {
        return 0;
    }
    if ((offset == first || co_qcow2_reads_zero(s, first, offset - first)) &&
        (end >= MIN(last, s->size) || co_qcow2_reads_zero(s, end, MIN(last, s->size) - end))) {
        return co_zero_aligned(s, first, last, false);
    }
    return co_write_zero_data(s, offset, end - offset);
}

static int co_zero(Qcow2 *s, uint64_t offset, uint64_t end, bool unmap)
{
    uint64_t first = ROUND_UP(offset, s->subcluster_bytes);
    uint64_t last = end == s->size ? ROUND_UP(end, s->subcluster_bytes)
                                   : ROUND_DOWN(end, s->subcluster_bytes);
    int ret = 0;

    if (first >= last || first >= end) {
        for (uint64_t at = offset; at < end && !ret; at = MIN(end, first)) {
            first = ROUND_DOWN(at, s->subcluster_bytes) + s->subcluster_bytes;
            ret = co_zero_piece(s, at, MIN(end, first));
        }
        return ret;
    }
    if (offset < first) {
        ret = co_zero_piece(s, offset, first);
    }
    if (!ret) {
        ret = co_zero_aligned(s, first, last, unmap);
    }
    if (!ret && last < end) {
        ret = co_zero_piece(s, last, end);
    }
    return ret;
}

int qcow2_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    Qcow2 *s = node->state;
    uint64_t end = offset + bytes, first, last;
    Qcow2Request r;
    int ret;

    if (s->h.version < 3) {
        /* No zero flag: clusters that are not there read as zeroes, without a backing file. */
        first = ROUND_UP(offset, s->cluster_bytes);
        last = end == s->size ? ROUND_UP(end, s->cluster_bytes) : ROUND_DOWN(end, s->cluster_bytes);
        if (node->backing || first != (uint64_t)offset || (last != end && end != s->size)) {
            return -ENOTSUP;
        }
        ret = co_qcow2_write_request(s, &r);
        if (!ret) {
            ret = co_qcow2_discard_clusters(s, first, last - first, QCOW2_DISCARD_REQUEST,
                                            false);
            qcow2_request_end(s, &r);
        }
        return ret;
    }
    ret = co_qcow2_write_request(s, &r);
    if (ret) {
        return ret;
    }
    if (s->raw_data_file) {
        ret = co_node_pwrite_zeroes(qcow2_data(s), offset, bytes, flags);
    }
    if (!ret) {
        ret = co_zero(s, offset, end, flags & BLOCK_REQ_MAY_UNMAP);
    }
    qcow2_request_end(s, &r);
    return ret;
}

int qcow2_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    Qcow2 *s = node->state;
    uint64_t end = offset + bytes, first = ROUND_UP(offset, s->cluster_bytes);
    uint64_t last = end == s->size ? ROUND_UP(end, s->cluster_bytes)
                                   : ROUND_DOWN(end, s->cluster_bytes);
    Qcow2Request r;
    int ret;

    if (first >= last) {
        return 0;
    }
    if (s->h.version < 3 && node->backing) {
        return -ENOTSUP;        /* nothing can say that it is zero: old data below would show */
    }
    ret = co_qcow2_write_request(s, &r);
    if (ret) {
        return ret;
    }
    ret = co_qcow2_discard_clusters(s, first, last - first, QCOW2_DISCARD_REQUEST, false);
    if (!ret && s->has_data_file && s->discard_passes[QCOW2_DISCARD_REQUEST]) {
        ret = co_node_pdiscard(qcow2_data(s), first, MIN(last, s->size) - first);
    }
    qcow2_request_end(s, &r);
    return ret;
}

int qcow2_co_flush(BlockNode *node)
{
    Qcow2 *s = node->state;
    int ret;

    if (s->broken) {
        /* Nothing more is written to it; what was before is either there or lost. */
        return qcow2_metadata_dirty(s) ? -EIO : co_node_flush(qcow2_file(s));
    }
    co_mutex_lock(&s->lock);
    ret = co_qcow2_flush(s);
    co_mutex_unlock(&s->lock);
    return ret;
}

int qcow2_co_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                          int64_t *pnum, int64_t *map, BlockNode **file)
{
    Qcow2 *s = node->state;
    uint64_t slice = 1ULL << (s->slice_bits + s->cluster_bits);
    int flags = 0, ret;
    Qcow2Request r;
    Qcow2Extent e, next;

    co_qcow2_request_begin(s, &r);
    ret = s->broken ? -EIO : co_qcow2_map(s, offset, bytes, &e);
    /* Over the borders of slices, where a mapping ends in any case. */
    while (!ret && (int64_t)e.bytes < bytes && e.kind != QCOW2_DEFLATED &&
           !((offset + e.bytes) & (slice - 1)) &&
           !co_qcow2_map(s, offset + e.bytes, bytes - e.bytes, &next) && next.kind == e.kind &&
           next.has_host == e.has_host && (!e.has_host || next.host == e.host + e.bytes)) {
        e.bytes += next.bytes;
    }
    qcow2_request_end(s, &r);
    if (ret) {
        return ret;
    }
    *pnum = MIN((int64_t)e.bytes, bytes);
    switch (e.kind) {
    case QCOW2_UNALLOCATED:
        return 0;
    case QCOW2_DEFLATED:
        return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_COMPRESSED;
    case QCOW2_ZEROES:
        flags = BLOCK_ZERO | BLOCK_ALLOCATED;
        break;
    case QCOW2_DATA:
        flags = BLOCK_DATA | BLOCK_ALLOCATED;
        break;
    }
    if (e.has_host) {
        *map = e.host;
        *file = qcow2_data(s);
        flags |= BLOCK_OFFSET_VALID | (s->metadata_preallocated ? BLOCK_RECURSE : 0);
    }
    return flags;
}

int qcow2_co_save_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov)
{
    Qcow2 *s = node->state;
    Qcow2Request r;
    int ret;

    if (pos < 0 || pos > INT64_MAX / 4) {
        return -EINVAL;
    }
    ret = co_qcow2_write_request(s, &r);
    if (!ret) {
        ret = co_qcow2_write(s, qcow2_vmstate_offset(s) + pos, iov_size(iov, niov), iov, niov);
        qcow2_request_end(s, &r);
    }
    return ret;
}

int qcow2_co_load_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov)
{
    Qcow2 *s = node->state;
    Qcow2Request r;
    int ret;

    if (pos < 0 || pos > INT64_MAX / 4) {
        return -EINVAL;
    }
    co_qcow2_request_begin(s, &r);
    ret = co_qcow2_read(s, qcow2_vmstate_offset(s) + pos, iov_size(iov, niov), iov, niov);
    qcow2_request_end(s, &r);
    return ret;
}
