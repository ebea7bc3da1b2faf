/* qcow2: compressed clusters: deflate and zstd on worker threads */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"
#include "util/iov.h"
#include "util/thread-pool.h"

#include <zlib.h>
#ifdef CONFIG_ZSTD
#include <zstd.h>
#endif

enum {
    ZLIB_WINDOW = -12,                  /* a raw stream with a window of 4 KiB */
    TYPE_ZLIB = 0,
    TYPE_ZSTD = 1,
};

typedef struct Work {
    uint8_t type;
    const void *in;
    void *out;
    size_t in_bytes, out_bytes;         /* out_bytes: the room, then what was made of it */
} Work;

bool qcow2_compression_ok(uint8_t type)
{
#ifdef CONFIG_ZSTD
    return type <= TYPE_ZSTD;
#else
    return type == TYPE_ZLIB;
#endif
}

static int zlib_deflate(Work *w)
{
    z_stream z = {};
    int ret;

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, ZLIB_WINDOW, 9,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return -EIO;
    }
    z.next_in = (Bytef *)(uintptr_t)w->in;
    z.avail_in = w->in_bytes;
    z.next_out = w->out;
    z.avail_out = w->out_bytes;
    ret = deflate(&z, Z_FINISH);
    w->out_bytes -= z.avail_out;
    deflateEnd(&z);
    return ret == Z_STREAM_END ? 0 : ret == Z_OK || ret == Z_BUF_ERROR ? -ENOSPC : -EIO;
}

/* The stream may end before the room does, or go on: a cluster is all that is wanted. */
static int zlib_inflate(Work *w)
{
    z_stream z = {};
    int ret;

    if (inflateInit2(&z, ZLIB_WINDOW) != Z_OK) {
        return -EIO;
    }
    z.next_in = (Bytef *)(uintptr_t)w->in;
    z.avail_in = w->in_bytes;
    z.next_out = w->out;
    z.avail_out = w->out_bytes;
    ret = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && !z.avail_out ? 0 : -EIO;
}

#ifdef CONFIG_ZSTD
static int zstd_deflate(Work *w)
{
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    ZSTD_outBuffer out = { w->out, w->out_bytes, 0 };
    ZSTD_inBuffer in = { w->in, w->in_bytes, 0 };
    size_t left;

    if (!ctx) {
        return -ENOMEM;
    }
    left = ZSTD_compressStream2(ctx, &out, &in, ZSTD_e_end);
    ZSTD_freeCCtx(ctx);
    if (ZSTD_isError(left)) {
        return -EIO;
    }
    w->out_bytes = out.pos;
    return left ? -ENOSPC : 0;
}

static int zstd_inflate(Work *w)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_outBuffer out = { w->out, w->out_bytes, 0 };
    ZSTD_inBuffer in = { w->in, w->in_bytes, 0 };
    int ret = 0;

    if (!ctx) {
        return -ENOMEM;
    }
    while (out.pos < out.size && !ret) {
        size_t before_in = in.pos, before_out = out.pos;
        size_t left = ZSTD_decompressStream(ctx, &out, &in);

        if (ZSTD_isError(left) || (in.pos == before_in && out.pos == before_out)) {
            ret = -EIO;
        }
    }
    ZSTD_freeDCtx(ctx);
    return ret;
}
#endif

static int work_deflate(void *opaque)
{
    Work *w = opaque;

#ifdef CONFIG_ZSTD
    if (w->type == TYPE_ZSTD) {
        return zstd_deflate(w);
    }
#endif
    return zlib_deflate(w);
}

static int work_inflate(void *opaque)
{
    Work *w = opaque;

#ifdef CONFIG_ZSTD
    if (w->type == TYPE_ZSTD) {
        return zstd_inflate(w);
    }
#endif
    return zlib_inflate(w);
}

static int co_inflate_cluster(Qcow2 *s, uint64_t entry, uint8_t *out)
{
    uint64_t offset, bytes;
    uint8_t *in;
    Work work;
    int ret;

    qcow2_deflated_range(s, entry, &offset, &bytes);
    in = block_try_alloc(bytes);
    if (!in) {
        return -ENOMEM;
    }
    block_debug_event(qcow2_file(s), "read_compressed");
    ret = co_qcow2_read_meta(s, offset, in, bytes);
    if (!ret) {
        work = (Work){ s->h.compression, in, out, bytes, s->cluster_bytes };
        ret = co_thread_call(work_inflate, &work);
    }
    free(in);
    return ret;
}

int co_qcow2_inflate(Qcow2 *s, uint64_t entry, uint32_t in, size_t bytes,
                     const struct iovec *iov, unsigned niov, size_t skip)
{
    uint64_t generation = s->inflated_generation;
    uint8_t *out;
    int ret;

    if (s->inflated_at != entry) {
        out = block_try_alloc(s->cluster_bytes);
        if (!out) {
            return -ENOMEM;
        }
        ret = co_inflate_cluster(s, entry, out);
        if (ret) {
            free(out);
            return ret;
        }
        iov_from_buf(iov, niov, skip, out + in, bytes);
        /* Kept for the next read, which is likely the rest of the cluster. */
        free(s->inflated);
        s->inflated = out;
        s->inflated_at = generation == s->inflated_generation ? entry : 0;
        return 0;
    }
    iov_from_buf(iov, niov, skip, s->inflated + in, bytes);
    return 0;
}

static uint64_t deflated_entry(const Qcow2 *s, uint64_t offset, uint32_t bytes)
{
    unsigned x = 62 - (s->cluster_bits - 8);
    uint64_t sectors = ((offset + bytes - 1) >> 9) - (offset >> 9);

    return QCOW2_COMPRESSED | offset | sectors << x;
}

/* Space for it, and the entry that will lead there; nobody else touches the cluster. */
static int co_reserve(Qcow2 *s, uint64_t guest, uint32_t bytes, Qcow2Filling *f, uint64_t *offset)
{
    uint64_t n = s->cluster_bytes;
    int ret;

    co_mutex_lock(&s->lock);
    while (co_qcow2_wait_filling(s, guest, &n)) {
        n = s->cluster_bytes;
    }
    ret = s->broken ? -EIO : co_qcow2_alloc_bytes(s, bytes, offset);
    if (!ret && *offset >> (62 - (s->cluster_bits - 8))) {
        co_qcow2_refcount_add(s, *offset, bytes, -1);
        ret = -EFBIG;
    }
    if (!ret) {
        *f = (Qcow2Filling){ .start = guest, .end = guest + s->cluster_bytes };
        co_queue_init(&f->done);
        list_append(&s->fillings, &f->link);
        s->inflated_at = 0;
        s->inflated_generation++;
    }
    co_mutex_unlock(&s->lock);
    return ret;
}

static int co_link(Qcow2 *s, uint64_t offset, uint32_t bytes, Qcow2Filling *f, int ret)
{
    Qcow2L2 l2;

    co_mutex_lock(&s->lock);
    if (!ret) {
        ret = co_qcow2_l2_get_own(s, f->start, &l2);
    }
    if (!ret) {
        qcow2_free_entry(s, qcow2_l2_entry(s, &l2, 0), QCOW2_DISCARD_OTHER);
        qcow2_l2_set(s, &l2, 0, deflated_entry(s, offset, bytes), 0);
        qcow2_cache_put(l2.slice);
        s->barrier = true;
    } else {
        co_qcow2_refcount_add(s, offset, bytes, -1);
    }
    list_remove(&f->link);
    co_queue_wake_all(&f->done);
    co_mutex_unlock(&s->lock);
    return ret;
}

static int co_write_cluster(Qcow2 *s, uint64_t guest, uint8_t *in, uint8_t *out)
{
    Work work = { s->h.compression, in, out, s->cluster_bytes, s->cluster_bytes - 1 };
    struct iovec iov = { in, s->cluster_bytes };
    int ret = co_thread_call(work_deflate, &work);
    Qcow2Filling f;
    uint64_t offset;

    if (ret == -ENOSPC) {
        return co_qcow2_write(s, guest, s->cluster_bytes, &iov, 1);
    }
    if (!ret) {
        ret = co_reserve(s, guest, work.out_bytes, &f, &offset);
    }
    if (ret) {
        return ret;
    }
    block_debug_event(qcow2_file(s), "write_compressed");
    ret = co_qcow2_write_meta(s, offset, out, work.out_bytes);
    return co_link(s, offset, work.out_bytes, &f, ret);
}

int qcow2_co_pwritev_compressed(BlockNode *node, int64_t offset, int64_t bytes,
                                const struct iovec *iov, unsigned niov)
{
    Qcow2 *s = node->state;
    uint8_t *buf;
    Qcow2Request r;
    int ret = 0;

    if (s->has_data_file) {
        return -ENOTSUP;
    }
    if (offset & (s->cluster_bytes - 1) ||
        (bytes & (s->cluster_bytes - 1) && (uint64_t)(offset + bytes) != s->size)) {
        return -EINVAL;
    }
    buf = block_try_alloc(2 * (size_t)s->cluster_bytes);
    if (!buf) {
        return -ENOMEM;
    }
    ret = co_qcow2_write_request(s, &r);
    if (ret) {
        free(buf);
        return ret;
    }
    for (int64_t done = 0; done < bytes && !ret; done += s->cluster_bytes) {
        size_t n = MIN(bytes - done, s->cluster_bytes);

        iov_to_buf(iov, niov, done, buf, n);
        memset(buf + n, 0, s->cluster_bytes - n);
        ret = co_write_cluster(s, offset + done, buf, buf + s->cluster_bytes);
    }
    qcow2_request_end(s, &r);
    free(buf);
    return ret;
}
