/* The copying of mica-img convert: find out what there is, read, skip zeroes, write in order */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img-copy.h"
#include "util/iov.h"

#define SECTOR ((int64_t)BLOCK_SECTOR_SIZE)

enum {
    HAS_DATA,
    HAS_ZEROES,
    HAS_BACKING,        /* the target reads the same from what is below it */
};

/* One piece of work: bytes of the target from at. */
typedef struct Piece {
    int64_t at, bytes;
    int kind;
} Piece;

static CopySource *source_at(Copy *c, int64_t at)
{
    unsigned i = 0;

    while (i + 1 < c->nr_sources && at >= c->sources[i].start + c->sources[i].length) {
        i++;
    }
    return &c->sources[i];
}

/* BLOCK_* of a source from offset; with salvage what cannot be found out counts as data. */
static int co_source_status(Copy *c, CopySource *s, int64_t offset, int64_t bytes, int64_t *pnum)
{
    BlockNode *node = s->image.node;

    for (;;) {
        int ret = c->target_has_backing
                      ? co_node_block_status(block_skip_filters(node), true, offset, bytes,
                                             pnum, NULL, NULL)
                      : co_node_block_status_above(node, NULL, true, offset, bytes, pnum, NULL,
                                                   NULL);

        if (ret >= 0 && *pnum > 0) {
            return ret;
        }
        if (!c->salvage) {
            report_error("error while reading block status at offset %" PRId64 ": %s", offset,
                         g_strerror(ret < 0 ? -ret : EIO));
            return ret < 0 ? ret : -EIO;
        }
        if (bytes <= SECTOR) {
            *pnum = bytes;
            return BLOCK_DATA;
        }
        bytes = ROUND_UP(bytes / 2, SECTOR);
    }
}

static int kind_of(const Copy *c, int64_t at, int status)
{
    bool beyond = c->target_has_backing && at >= c->backing_length;

    if (status & BLOCK_ZERO) {
        return beyond ? HAS_BACKING : HAS_ZEROES;
    }
    if (status & BLOCK_DATA) {
        return HAS_DATA;
    }
    return c->target_has_backing ? HAS_BACKING : HAS_DATA;
}

/* Find out about the range from c->at, as far as it is one thing. */
static int co_next_status(Copy *c)
{
    CopySource *s = source_at(c, c->at);
    int64_t offset = c->at - s->start, bytes = s->length - offset, tail;
    int ret;

    if (c->target_has_backing && c->at < c->backing_length) {
        bytes = MIN(bytes, c->backing_length - c->at);
    }
    ret = co_source_status(c, s, offset, bytes, &bytes);
    if (ret < 0) {
        return ret;
    }
    if (offset + bytes < s->length) {
        bytes = MAX(ROUND_DOWN(bytes, SECTOR), SECTOR);
        /* End where the source's units end, so that none is read twice. */
        tail = (offset + bytes) % s->alignment;
        bytes -= bytes > tail ? tail : 0;
    }
    c->status = kind_of(c, c->at, ret);
    c->known_until = c->at + bytes;
    return 0;
}

/* The next piece, or 0 bytes at the end. */
static int co_next_piece(Copy *c, Piece *piece)
{
    int64_t bytes;
    int ret = 0;

    *piece = (Piece){ c->at, 0, HAS_DATA };
    if (c->at >= c->total) {
        return 0;
    }
    if (c->known_until <= c->at) {
        ret = co_next_status(c);
    }
    if (ret) {
        return ret;
    }
    bytes = c->known_until - c->at;
    piece->kind = c->status;
    if (piece->kind == HAS_DATA || (piece->kind == HAS_ZEROES && !c->min_sparse)) {
        bytes = MIN(bytes, c->buffer);
    }
    if (c->compressed) {
        /* Clusters are compressed whole: one that has a little data is data. */
        if (bytes < c->cluster) {
            bytes = MIN(c->cluster, c->total - c->at);
            piece->kind = HAS_DATA;
        } else {
            bytes = ROUND_DOWN(bytes, c->cluster);
        }
    }
    piece->bytes = bytes;
    return 0;
}

/* Reading */

/* What of the last sector lies behind the source's end stays zero. */
static int co_read_source(CopySource *s, int64_t offset, uint8_t *buf, int64_t bytes)
{
    return co_node_pread(s->image.node, offset, buf, bytes);
}

static int co_salvage(CopySource *s, int64_t offset, uint8_t *buf, int64_t bytes, bool quiet)
{
    for (int64_t at = 0; at < bytes; at += SECTOR) {
        int64_t n = MIN(SECTOR, bytes - at);
        int ret = co_read_source(s, offset + at, buf + at, n);

        if (ret) {
            if (!quiet) {
                report_warning("error while reading offset %" PRId64 ": %s", offset + at,
                               g_strerror(-ret));
            }
            memset(buf + at, 0, n);
        }
    }
    return 0;
}

static int co_read_piece(Copy *c, const Piece *piece, uint8_t *buf)
{
    for (int64_t at = piece->at, end = piece->at + piece->bytes; at < end;) {
        CopySource *s = source_at(c, at);
        int64_t n = MIN(end - at, s->start + s->length - at);
        uint8_t *to = buf + (at - piece->at);
        int ret = co_read_source(s, at - s->start, to, n);

        if (ret && c->salvage) {
            ret = co_salvage(s, at - s->start, to, n, c->quiet);
        }
        if (ret) {
            report_error("error while reading at byte %" PRId64 ": %s", at, g_strerror(-ret));
            return ret;
        }
        at += n;
    }
    return 0;
}

/* Writing */

static int co_write_zeroes(Copy *c, int64_t at, int64_t bytes)
{
    if (c->zeroed) {
        return 0;
    }
    return co_node_pwrite_zeroes(c->target.node, at, bytes,
                                 BLOCK_REQ_MAY_UNMAP | tool_write_flags(&c->target));
}

static int co_write_data(Copy *c, int64_t at, const uint8_t *buf, int64_t bytes)
{
    struct iovec iov = { (void *)(uintptr_t)buf, bytes };
    unsigned flags = c->compressed ? BLOCK_REQ_COMPRESSED : tool_write_flags(&c->target);

    return co_node_pwritev(c->target.node, at, bytes, &iov, 1, flags);
}

/*
 * How far from at (a place of the target, buf its bytes) all is zero, or
 * nothing is: by whole units, in which one byte of data makes data.
 */
static int64_t run_length(const Copy *c, int64_t at, const uint8_t *buf, int64_t bytes,
                          bool *zero)
{
    int64_t done = 0;

    while (done < bytes) {
        int64_t unit = c->alignment - (at + done) % c->alignment;
        int64_t n = MIN(unit, bytes - done);
        bool is_zero = buf_is_zero(buf + done, n);

        if (done && is_zero != *zero) {
            break;
        }
        *zero = is_zero;
        done += n;
    }
    return done;
}

/* Data without the runs of zeroes in it that are long enough. */
static int co_write_sparse(Copy *c, const Piece *piece, const uint8_t *buf)
{
    int64_t from = 0, done = 0;
    int ret = 0;

    while (done < piece->bytes && !ret) {
        bool zero = false;
        int64_t n = run_length(c, piece->at + done, buf + done, piece->bytes - done, &zero);

        if (zero && (n >= c->min_sparse || done + n == piece->bytes)) {
            ret = from < done ? co_write_data(c, piece->at + from, buf + from, done - from) : 0;
            ret = ret ? ret : co_write_zeroes(c, piece->at + done, n);
            from = done + n;
        }
        done += n;
    }
    if (!ret && from < piece->bytes) {
        ret = co_write_data(c, piece->at + from, buf + from, piece->bytes - from);
    }
    return ret;
}

/* A compressed piece has whole clusters; those of zeroes need nothing. */
static int co_write_clusters(Copy *c, const Piece *piece, const uint8_t *buf)
{
    int ret = 0;

    for (int64_t done = 0; done < piece->bytes && !ret; done += c->cluster) {
        int64_t n = MIN(c->cluster, piece->bytes - done);

        ret = c->min_sparse && buf_is_zero(buf + done, n)
                  ? co_write_zeroes(c, piece->at + done, n)
                  : co_write_data(c, piece->at + done, buf + done, n);
    }
    return ret;
}

/* Data that the host copies from file to file; -ENOTSUP: it does not. */
static int co_copy_range(Copy *c, const Piece *piece)
{
    int64_t n;
    int ret = 0;

    for (int64_t at = piece->at, end = piece->at + piece->bytes; at < end && !ret; at += n) {
        CopySource *s = source_at(c, at);
        BlockNode *file = NULL;
        int64_t map;

        n = MIN(end - at, s->start + s->length - at);
        ret = co_node_block_status_above(s->image.node, NULL, false, at - s->start, n, &n, &map,
                                         &file);
        if (ret < 0 || !(ret & BLOCK_DATA) || !(ret & BLOCK_OFFSET_VALID) || !file || !n) {
            return -ENOTSUP;
        }
        ret = co_node_copy_range(c->target.node, at, file, map, n);
    }
    return ret;
}

static int co_write_piece(Copy *c, const Piece *piece, const uint8_t *buf)
{
    if (piece->kind == HAS_BACKING) {
        return 0;
    }
    if (piece->kind == HAS_ZEROES) {
        return c->min_sparse ? co_write_zeroes(c, piece->at, piece->bytes)
                             : co_write_data(c, piece->at, buf, piece->bytes);
    }
    if (c->compressed) {
        return co_write_clusters(c, piece, buf);
    }
    return c->min_sparse && !c->copy_range ? co_write_sparse(c, piece, buf)
                         : co_write_data(c, piece->at, buf, piece->bytes);
}

/* Workers */

static void fail(Copy *c, int error)
{
    if (!c->error) {
        c->error = error;
    }
    co_queue_wake_all(&c->turn);
}

static void co_limit_rate(Copy *c, int64_t bytes)
{
    int64_t due, now;

    if (!c->rate) {
        return;
    }
    c->rated += bytes;
    due = c->begin_ns + (int64_t)((double)c->rated / c->rate * NS_PER_SECOND);
    now = clock_ns(CLOCK_TYPE_REALTIME);
    if (due > now) {
        co_sleep(CLOCK_TYPE_REALTIME, due - now);
    }
}

/* Into the target; unread: without buf, if the host does it. */
static int co_put_piece(Copy *c, const Piece *piece, uint8_t *buf, bool unread)
{
    int ret = 0;

    if (unread) {
        ret = co_copy_range(c, piece);
        if (ret == -ENOTSUP) {
            c->no_copy_range = true;
            ret = co_read_piece(c, piece, buf);
            if (ret) {
                return ret;
            }
            unread = false;
        }
    }
    if (!unread) {
        ret = co_write_piece(c, piece, buf);
    }
    if (ret) {
        report_error("error while writing at byte %" PRId64 ": %s", piece->at,
                     g_strerror(-ret));
    }
    return ret;
}

static int co_do_piece(Copy *c, const Piece *piece, uint8_t *buf)
{
    bool by_host = piece->kind == HAS_DATA && c->copy_range && !c->no_copy_range &&
                   !tool_write_flags(&c->target);
    int ret = 0;

    if (piece->kind == HAS_DATA && !by_host) {
        ret = co_read_piece(c, piece, buf);
    } else if (!c->min_sparse && piece->kind == HAS_ZEROES) {
        memset(buf, 0, piece->bytes);
    }
    while (!ret && c->in_order && c->written != piece->at && !c->error) {
        co_queue_wait(&c->turn, NULL);
    }
    if (ret || c->error) {
        return ret;
    }
    ret = co_put_piece(c, piece, buf, by_host);
    if (ret) {
        return ret;
    }
    if (c->in_order) {
        c->written = piece->at + piece->bytes;
        co_queue_wake_all(&c->turn);
    }
    if (piece->kind == HAS_DATA) {
        c->data_done += piece->bytes;
        if (c->data_total) {
            tool_progress(c->progress, c->data_done * 100.0 / c->data_total);
        }
        co_limit_rate(c, piece->bytes);
    }
    return 0;
}

static void co_worker(void *opaque)
{
    Copy *c = opaque;
    uint8_t *buf = block_try_alloc(c->buffer);
    Piece piece;
    int ret = buf ? 0 : -ENOMEM;

    while (!ret && !c->error) {
        co_mutex_lock(&c->scan);
        ret = c->error ? 0 : co_next_piece(c, &piece);
        c->at += ret || c->error ? 0 : piece.bytes;
        co_mutex_unlock(&c->scan);
        if (ret || c->error || !piece.bytes) {
            break;
        }
        ret = co_do_piece(c, &piece, buf);
    }
    if (ret) {
        fail(c, ret);
    }
    free(buf);
    c->running--;
    co_queue_wake_all(&c->ended);
}

/* For the progress: how much data there is. */
static int co_count(Copy *c)
{
    Piece piece;
    int ret;

    while (!(ret = co_next_piece(c, &piece)) && piece.bytes) {
        bool whole = piece.kind == HAS_DATA && !c->compressed;
        int64_t bytes = whole ? c->known_until - c->at : piece.bytes;

        c->data_total += piece.kind == HAS_DATA ? bytes : 0;
        c->at += bytes;
    }
    c->at = c->known_until = 0;
    return ret;
}

bool co_copy_run(Copy *c)
{
    co_mutex_init(&c->scan);
    co_queue_init(&c->turn);
    co_queue_init(&c->ended);
    c->begin_ns = clock_ns(CLOCK_TYPE_REALTIME);
    if (c->progress->on && co_count(c)) {
        return false;
    }
    for (unsigned i = 0; i < c->workers; i++) {
        c->running++;
        co_wake(co_create(co_worker, c));
    }
    while (c->running) {
        co_queue_wait(&c->ended, NULL);
    }
    if (!c->error) {
        tool_progress(c->progress, 100);
    }
    return !c->error;
}
