/* qcow2: where writes go: in place, into new clusters; zero and free clusters */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

bool co_qcow2_wait_filling(Qcow2 *s, uint64_t offset, uint64_t *bytes)
{
    Qcow2Filling *f;

    list_for_each(f, &s->fillings, Qcow2Filling, link) {
        if (f->start <= offset && offset < f->end) {
            co_queue_wait(&f->done, &s->lock);
            return true;
        }
        if (f->start > offset && f->start < offset + *bytes) {
            *bytes = f->start - offset;
        }
    }
    return false;
}

void qcow2_free_entry(Qcow2 *s, uint64_t entry, Qcow2Discard why)
{
    uint64_t offset, bytes;

    if (s->has_data_file) {
        return;
    }
    if (entry & QCOW2_COMPRESSED) {
        qcow2_deflated_range(s, entry, &offset, &bytes);
        qcow2_free_later(s, offset, bytes, why);
    } else if (entry & QCOW2_OFFSET_MASK) {
        qcow2_free_later(s, entry & QCOW2_OFFSET_MASK, s->cluster_bytes, why);
    }
}

/* A host cluster that only this entry refers to. */
static bool own(const Qcow2 *s, uint64_t entry)
{
    return entry & QCOW2_COPIED && qcow2_entry_allocated(s, entry);
}

static uint64_t host_of(const Qcow2 *s, uint64_t entry)
{
    return entry & QCOW2_OFFSET_MASK;
}

/* How far from w->offset data can be written to where it is. */
static int co_in_place(Qcow2 *s, const Qcow2L2 *l2, Qcow2Write *w)
{
    uint64_t at = w->offset, end = w->offset + w->bytes, base = w->offset >> s->cluster_bits;
    uint64_t step = s->extended ? s->subcluster_bytes : s->cluster_bytes;

    while (at < end) {
        uint32_t i = (at >> s->cluster_bits) - base;
        uint64_t entry = qcow2_l2_entry(s, l2, i), in = at & (s->cluster_bytes - 1);
        int ret = co_qcow2_entry_check(s, l2, i);

        if (ret) {
            return ret;
        }
        if (!own(s, entry) || qcow2_kind(s, entry, qcow2_l2_bitmap(s, l2, i),
                                         in >> s->subcluster_bits) != QCOW2_DATA) {
            break;
        }
        if (at == w->offset) {
            w->host = host_of(s, entry) + in;
        } else if (host_of(s, entry) + in != w->host + (at - w->offset)) {
            break;
        }
        at = MIN(end, ROUND_DOWN(at, step) + step);
    }
    w->bytes = at - w->offset;
    return w->bytes && !s->has_data_file ? co_qcow2_check_overlap(s, w->host, w->bytes) : 0;
}

/* The cluster is there, but its subclusters (or all of it) read as something else. */
static void plan_own(Qcow2 *s, const Qcow2L2 *l2, Qcow2Write *w)
{
    uint64_t entry = qcow2_l2_entry(s, l2, 0), bitmap = qcow2_l2_bitmap(s, l2, 0);
    uint64_t cluster = ROUND_DOWN(w->offset, s->cluster_bytes);
    uint64_t end = MIN(w->offset + w->bytes, cluster + s->cluster_bytes);
    uint64_t at = ROUND_DOWN(w->offset, s->subcluster_bytes);

    w->start = at;
    while (at < end && qcow2_kind(s, entry, bitmap, (at - cluster) >> s->subcluster_bits) !=
                           QCOW2_DATA) {
        at += s->subcluster_bytes;
    }
    w->end = at;
    w->bytes = MIN(at, end) - w->offset;
    w->cluster_host = host_of(s, entry);
    w->host = w->cluster_host + (w->offset - cluster);
    w->fill = true;
}

static bool old_data(const Qcow2 *s, uint64_t entry)
{
    return entry & QCOW2_COMPRESSED || qcow2_entry_allocated(s, entry);
}

/* Did [start, end) read as zeroes, as far as this image and the backing's size tell? */
static bool was_zero(Qcow2 *s, const Qcow2L2 *l2, uint64_t base, uint64_t start, uint64_t end)
{
    uint64_t step = s->extended ? s->subcluster_bytes : s->cluster_bytes;
    BlockNode *backing = s->node->backing ? s->node->backing->node : NULL;

    for (uint64_t at = start; at < end; at = ROUND_DOWN(at, step) + step) {
        uint32_t i = (at - base) >> s->cluster_bits;
        Qcow2Kind kind = qcow2_kind(s, qcow2_l2_entry(s, l2, i), qcow2_l2_bitmap(s, l2, i),
                                    (at & (s->cluster_bytes - 1)) >> s->subcluster_bits);

        if (kind == QCOW2_ZEROES || (kind == QCOW2_UNALLOCATED &&
                                     (!backing || (int64_t)at >= backing->length))) {
            continue;
        }
        return false;
    }
    return true;
}

static void link_clusters(Qcow2 *s, const Qcow2L2 *l2, const Qcow2Write *w);

static int co_plan_new(Qcow2 *s, const Qcow2L2 *l2, Qcow2Write *w)
{
    uint64_t base = ROUND_DOWN(w->offset, s->cluster_bytes), n = 0, end = w->offset + w->bytes;
    uint64_t wanted = qcow2_clusters(s, end - base), first, last;
    bool zero;
    int ret;

    while (n < wanted && !own(s, qcow2_l2_entry(s, l2, n))) {
        ret = co_qcow2_entry_check(s, l2, n);
        if (ret) {
            return ret;
        }
        n++;
    }
    s->took_fresh = false;
    w->cluster_host = base;
    if (!s->has_data_file) {
        ret = co_qcow2_alloc_some(s, &n, &w->cluster_host);
        if (ret) {
            return ret;
        }
        w->fresh_cluster = true;
    }
    end = MIN(end, base + (n << s->cluster_bits));
    first = qcow2_l2_entry(s, l2, 0);
    last = qcow2_l2_entry(s, l2, n - 1);
    w->bytes = end - w->offset;
    w->host = w->cluster_host + (w->offset - base);
    w->start = old_data(s, first) ? base : ROUND_DOWN(w->offset, s->subcluster_bytes);
    w->end = old_data(s, last) ? base + (n << s->cluster_bits)
                               : ROUND_UP(end, s->subcluster_bytes);
    zero = was_zero(s, l2, base, w->start, w->end);
    /*
     * Where zeroes were and zeroes are, the new cluster may be seen at once:
     * whoever reads it, or finds it after a crash, gets zeroes or new data.
     */
    w->fill = !(zero && s->took_fresh);
    if (!w->fill) {
        link_clusters(s, l2, w);
    }
    return 0;
}

static int co_plan(Qcow2 *s, Qcow2Write *w)
{
    uint64_t wanted = w->bytes, left;
    Qcow2L2 l2;
    int ret = co_qcow2_l2_get_own(s, w->offset, &l2);

    if (ret) {
        return ret;
    }
    left = ((uint64_t)qcow2_l2_left(s, &l2) << s->cluster_bits) -
           (w->offset & (s->cluster_bytes - 1));
    w->bytes = wanted = MIN(wanted, left);
    ret = co_in_place(s, &l2, w);
    if (!ret && !w->bytes) {
        w->bytes = wanted;
        if (own(s, qcow2_l2_entry(s, &l2, 0))) {
            plan_own(s, &l2, w);
            if (!s->has_data_file) {
                ret = co_qcow2_check_overlap(s, w->cluster_host, s->cluster_bytes);
            }
        } else {
            ret = co_plan_new(s, &l2, w);
        }
    }
    qcow2_cache_put(l2.slice);
    return ret;
}

int co_qcow2_write_begin(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Write *w)
{
    int ret = 0;

    co_mutex_lock(&s->lock);
    *w = (Qcow2Write){ .offset = offset, .bytes = bytes };
    while (co_qcow2_wait_filling(s, offset, &w->bytes)) {
        w->bytes = bytes;
    }
    if (s->broken) {
        ret = -EIO;
    } else {
        ret = co_plan(s, w);
    }
    if (!ret && w->fill) {
        w->filling.start = ROUND_DOWN(w->start, s->cluster_bytes);
        w->filling.end = ROUND_UP(w->end, s->cluster_bytes);
        co_queue_init(&w->filling.done);
        list_append(&s->fillings, &w->filling.link);
    }
    co_mutex_unlock(&s->lock);
    return ret;
}

/* Bits of the subclusters that [start, end) covers in the cluster at cluster. */
static uint64_t sub_mask(const Qcow2 *s, uint64_t cluster, uint64_t start, uint64_t end)
{
    uint64_t from = (MAX(start, cluster) - cluster) >> s->subcluster_bits;
    uint64_t to = (MIN(end, cluster + s->cluster_bytes) - cluster + s->subcluster_bytes - 1) >>
                  s->subcluster_bits;

    return BIT64(to) - BIT64(from);
}

/* Enter the clusters of w into the slice that l2, for the first of them, is in. */
static void link_clusters(Qcow2 *s, const Qcow2L2 *l2, const Qcow2Write *w)
{
    uint64_t base = ROUND_DOWN(w->start, s->cluster_bytes);
    uint32_t n = (w->end - base + s->cluster_bytes - 1) >> s->cluster_bits;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t cluster = base + ((uint64_t)i << s->cluster_bits);
        uint64_t old = qcow2_l2_entry(s, l2, i), bitmap = qcow2_l2_bitmap(s, l2, i);
        uint64_t host = w->cluster_host + ((uint64_t)i << s->cluster_bits), mask;

        if (s->extended) {
            mask = sub_mask(s, cluster, w->start, w->end);
            if (w->fresh_cluster && old_data(s, old)) {
                bitmap = 0;             /* all of it was copied */
            }
            bitmap = (bitmap | mask) & ~(mask << 32);
        }
        qcow2_l2_set(s, l2, i, host | QCOW2_COPIED, bitmap);
        if (old_data(s, old) && (old & QCOW2_COMPRESSED || host_of(s, old) != host)) {
            qcow2_free_entry(s, old, QCOW2_DISCARD_OTHER);
        }
    }
}

int co_qcow2_write_end(Qcow2 *s, Qcow2Write *w, int ret)
{
    uint64_t clusters;
    Qcow2L2 l2;

    if (!w->fill) {
        return ret;
    }
    co_mutex_lock(&s->lock);
    clusters = (w->filling.end - w->filling.start) >> s->cluster_bits;
    if (!ret) {
        ret = co_qcow2_l2_get_own(s, w->filling.start, &l2);
        if (!ret) {
            link_clusters(s, &l2, w);
            qcow2_cache_put(l2.slice);
            s->barrier = true;
        }
    }
    if (ret && w->fresh_cluster) {
        co_qcow2_unalloc(s, w->cluster_host, clusters);
    }
    list_remove(&w->filling.link);
    co_queue_wake_all(&w->filling.done);
    co_mutex_unlock(&s->lock);
    return ret;
}

/* What the entry becomes; false when it stays. */
typedef bool NewEntryFn(const Qcow2 *s, uint64_t *entry, uint64_t *bitmap, bool flag);

#define ALL_ZEROES 0xffffffff00000000ULL

static bool zero_entry(const Qcow2 *s, uint64_t *entry, uint64_t *bitmap, bool unmap)
{
    uint64_t old = *entry, old_bitmap = *bitmap;
    bool drop = old & QCOW2_COMPRESSED || (unmap && qcow2_entry_allocated(s, old));

    *entry = drop ? 0 : old;
    if (s->extended) {
        *bitmap = ALL_ZEROES;
    } else {
        *entry |= QCOW2_ZERO;
    }
    return *entry != old || *bitmap != old_bitmap;
}

static bool discard_entry(const Qcow2 *s, uint64_t *entry, uint64_t *bitmap, bool full)
{
    uint64_t old = *entry, old_bitmap = *bitmap;

    if (!full && !s->node->backing && !old && !old_bitmap) {
        return false;
    }
    *entry = *bitmap = 0;
    if (!full && s->extended) {
        *bitmap = ALL_ZEROES;
    } else if (!full && s->h.version >= 3) {
        *entry = QCOW2_ZERO;
    }
    return *entry != old || *bitmap != old_bitmap;
}

/* Change n entries from offset on, which are in one slice. With the lock held. */
static int co_change(Qcow2 *s, uint64_t offset, uint64_t *n, NewEntryFn *fn, bool flag,
                     Qcow2Discard why)
{
    Qcow2L2 l2;
    int ret = co_qcow2_l2_get(s, offset, &l2);

    if (ret) {
        return ret;
    }
    *n = MIN(*n, qcow2_l2_left(s, &l2));
    if (!l2.slice && fn == discard_entry && (flag || !s->node->backing)) {
        return 0;                       /* a table only to say nothing is not worth it */
    }
    qcow2_cache_put(l2.slice);
    ret = co_qcow2_l2_get_own(s, offset, &l2);
    for (uint64_t i = 0; !ret && i < *n; i++) {
        uint64_t old = qcow2_l2_entry(s, &l2, i), bitmap = qcow2_l2_bitmap(s, &l2, i);
        uint64_t entry = old;

        ret = co_qcow2_entry_check(s, &l2, i);
        if (ret || !fn(s, &entry, &bitmap, flag)) {
            continue;
        }
        qcow2_l2_set(s, &l2, i, entry, bitmap);
        if (old_data(s, old) && !old_data(s, entry)) {
            qcow2_free_entry(s, old, why);
        }
    }
    qcow2_cache_put(l2.slice);
    return ret;
}

static int co_change_clusters(Qcow2 *s, uint64_t offset, uint64_t bytes, NewEntryFn *fn,
                              bool flag, Qcow2Discard why)
{
    uint64_t end = offset + bytes;
    int ret = 0;

    co_mutex_lock(&s->lock);
    while (offset < end && !ret) {
        uint64_t n = end - offset;

        if (co_qcow2_wait_filling(s, offset, &n)) {
            continue;
        }
        n = qcow2_clusters(s, n);
        ret = s->broken ? -EIO : co_change(s, offset, &n, fn, flag, why);
        offset += n << s->cluster_bits;
        if (!ret && s->frees->len > 4096) {
            ret = co_qcow2_flush(s);    /* what is freed shall be of use some time */
        }
    }
    co_mutex_unlock(&s->lock);
    return ret;
}

int co_qcow2_zero_clusters(Qcow2 *s, uint64_t offset, uint64_t bytes, bool unmap)
{
    return co_change_clusters(s, offset, bytes, zero_entry, unmap, QCOW2_DISCARD_REQUEST);
}

int co_qcow2_discard_clusters(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Discard why,
                              bool full)
{
    return co_change_clusters(s, offset, bytes, discard_entry, full, why);
}

int co_qcow2_zero_subclusters(Qcow2 *s, uint64_t offset, uint64_t bytes)
{
    uint64_t cluster = ROUND_DOWN(offset, s->cluster_bytes), entry, bitmap, mask, n = bytes;
    Qcow2L2 l2;
    int ret;

    co_mutex_lock(&s->lock);
    while (co_qcow2_wait_filling(s, cluster, &n)) {
        n = bytes;
    }
    ret = s->broken ? -EIO : co_qcow2_l2_get_own(s, offset, &l2);
    if (!ret) {
        ret = co_qcow2_entry_check(s, &l2, 0);
        entry = qcow2_l2_entry(s, &l2, 0);
        if (!ret && entry & QCOW2_COMPRESSED) {
            ret = -ENOTSUP;
        }
        if (!ret) {
            mask = sub_mask(s, cluster, offset, offset + bytes);
            bitmap = (qcow2_l2_bitmap(s, &l2, 0) & ~mask) | mask << 32;
            qcow2_l2_set(s, &l2, 0, entry, bitmap);
        }
        qcow2_cache_put(l2.slice);
    }
    co_mutex_unlock(&s->lock);
    return ret;
}
