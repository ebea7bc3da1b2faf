/* qcow2: refcounts of host clusters, and finding free ones */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

/* Entries of a refcount block have 1 to 64 bits; bit 0 is the least significant of a byte. */
uint64_t qcow2_refcount_in(const void *block, unsigned order, uint64_t index)
{
    const uint8_t *p = block;

    switch (order) {
    case 3:
        return p[index];
    case 4:
        return ld16_be(p + 2 * index);
    case 5:
        return ld32_be(p + 4 * index);
    case 6:
        return ld64_be(p + 8 * index);
    default:
        return p[index >> (3 - order)] >> ((index << order) & 7) & ((1U << (1U << order)) - 1);
    }
}

void qcow2_refcount_put(void *block, unsigned order, uint64_t index, uint64_t value)
{
    uint8_t *p = block, mask, shift;

    switch (order) {
    case 3:
        p[index] = value;
        break;
    case 4:
        st16_be(p + 2 * index, value);
        break;
    case 5:
        st32_be(p + 4 * index, value);
        break;
    case 6:
        st64_be(p + 8 * index, value);
        break;
    default:
        shift = (index << order) & 7;
        mask = ((1U << (1U << order)) - 1) << shift;
        p[index >> (3 - order)] = (p[index >> (3 - order)] & ~mask) | value << shift;
    }
}

static int co_refblock_get(Qcow2 *s, uint64_t index, Qcow2Entry **block)
{
    uint64_t offset = index < s->reftable_entries ? s->reftable[index] & QCOW2_REFTABLE_MASK : 0;
    int ret;

    *block = NULL;
    if (!offset) {
        return 0;
    }
    if (offset & (s->cluster_bytes - 1)) {
        return co_qcow2_corrupt(s, true, "Refblock offset %#" PRIx64 " unaligned (reftable "
                                "index: %#" PRIx64 ")", offset, index);
    }
    if (s->refcount_cache.nr_dirty + 1 >= s->refcount_cache.max_entries) {
        /* A refcount in the file that is too high does no harm: they may be written any time. */
        ret = co_qcow2_cache_write(s, &s->refcount_cache);
        if (ret) {
            return ret;
        }
    }
    return co_qcow2_cache_get(s, &s->refcount_cache, offset, block);
}

int co_qcow2_refcounts(Qcow2 *s, uint64_t cluster, uint64_t *values, uint64_t *n)
{
    uint64_t mask = (1ULL << s->refblock_bits) - 1, at = cluster & mask;
    Qcow2Entry *block;
    int ret = co_refblock_get(s, cluster >> s->refblock_bits, &block);

    *n = MIN(*n, mask + 1 - at);
    for (uint64_t i = 0; i < *n; i++) {
        values[i] = block ? qcow2_refcount_in(block->data, s->h.refcount_order, at + i) : 0;
    }
    qcow2_cache_put(block);
    return ret;
}

int co_qcow2_refcount(Qcow2 *s, uint64_t cluster, uint64_t *value)
{
    uint64_t n = 1;

    return co_qcow2_refcounts(s, cluster, value, &n);
}

/* A larger table in memory, with clusters of its own; commit moves it. */
static int co_reftable_grow(Qcow2 *s, uint64_t index)
{
    uint64_t per_cluster = s->cluster_bytes / 8, offset, old_offset = s->reftable_offset;
    uint64_t want = MAX(index + 1, s->reftable_entries + (s->reftable_entries >> 1));
    uint32_t old_clusters = s->reftable_clusters, clusters;
    uint64_t *table;
    int ret;

    /* Its own clusters and their refcount blocks need entries too. */
    want += 2 + want / (1ULL << s->refblock_bits);
    clusters = (want + per_cluster - 1) / per_cluster;
    if ((uint64_t)clusters * s->cluster_bytes > QCOW2_MAX_REFTABLE_BYTES) {
        if (index >= QCOW2_MAX_REFTABLE_BYTES / 8) {
            return -EFBIG;
        }
        clusters = QCOW2_MAX_REFTABLE_BYTES / s->cluster_bytes;
    }
    table = g_try_new0(uint64_t, clusters * per_cluster);
    if (!table) {
        return -ENOMEM;
    }
    memcpy(table, s->reftable, (size_t)s->reftable_entries * 8);
    g_free(s->reftable);
    g_free(s->reftable_dirty);
    s->reftable = table;
    s->reftable_entries = clusters * per_cluster;
    s->reftable_clusters = clusters;
    s->reftable_dirty = g_malloc0(s->reftable_entries / (QCOW2_SECTOR / 8) + 1);
    if (s->reftable_any_dirty) {
        memset(s->reftable_dirty, 1, s->reftable_entries / (QCOW2_SECTOR / 8) + 1);
    }
    block_debug_event(qcow2_file(s), "reftable_grow");
    ret = co_qcow2_alloc(s, clusters, &offset);
    if (ret) {
        /* The larger table stays in memory; its entries beyond the old size are unused. */
        s->reftable_entries = old_clusters * per_cluster;
        s->reftable_clusters = old_clusters;
        return ret;
    }
    /* Also one that is not in the header yet: writing that may only seem to fail. */
    qcow2_free_later(s, old_offset, (uint64_t)old_clusters << s->cluster_bits,
                     QCOW2_DISCARD_OTHER);
    qcow2_meta_clear(s, old_offset, (uint64_t)old_clusters << s->cluster_bits);
    qcow2_meta_set(s, offset, (uint64_t)clusters << s->cluster_bits, QCOW2_META_REFTABLE);
    s->reftable_offset = offset;
    s->reftable_moved = true;
    return 0;
}

/* A refcount block for clusters that had none, at a free cluster. */
static int co_make_refblock(Qcow2 *s, uint64_t index, uint64_t cluster)
{
    uint64_t offset = cluster << s->cluster_bits;
    Qcow2Entry *block;
    int ret;

    if (offset & ~QCOW2_OFFSET_MASK) {
        return -EFBIG;
    }
    ret = co_qcow2_check_overlap(s, offset, s->cluster_bytes);
    if (ret) {
        return ret;
    }
    block_debug_event(qcow2_file(s), "refblock_alloc");
    ret = co_qcow2_cache_new(s, &s->refcount_cache, offset, &block);
    if (ret) {
        return ret;
    }
    qcow2_cache_put(block);
    s->reftable[index] = offset;
    s->reftable_dirty[index / (QCOW2_SECTOR / 8)] = 1;
    s->reftable_any_dirty = true;
    qcow2_meta_set(s, offset, s->cluster_bytes, QCOW2_META_REFBLOCK);
    s->end_offset = MAX(s->end_offset, offset + s->cluster_bytes);
    s->fresh_from = MAX(s->fresh_from, offset + s->cluster_bytes);
    return 0;
}

static int co_add_in_block(Qcow2 *s, Qcow2Entry *block, uint64_t cluster, uint64_t n, int delta)
{
    uint64_t mask = (1ULL << s->refblock_bits) - 1;
    unsigned order = s->h.refcount_order;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = (cluster + i) & mask;
        uint64_t count = qcow2_refcount_in(block->data, order, at);

        if (delta < 0 ? count < (uint64_t)-delta : count > s->max_refcount - delta) {
            /* What was counted so far stays: leaks at worst when adding; a bad image else. */
            if (delta > 0) {
                return -EINVAL;
            }
            count = 0;
        } else {
            count += delta;
        }
        qcow2_refcount_put(block->data, order, at, count);
        if (!count) {
            s->free_index = MIN(s->free_index, cluster + i);
            if (s->compressed_at >> s->cluster_bits == cluster + i) {
                s->compressed_at = 0;
            }
        }
    }
    qcow2_cache_dirty(&s->refcount_cache, block, ((cluster & mask) << order) / 8,
                      ((((cluster & mask) + n) << order) + 7) / 8 -
                          ((cluster & mask) << order) / 8);
    return 0;
}

int co_qcow2_refcount_add(Qcow2 *s, uint64_t offset, uint64_t bytes, int delta)
{
    uint64_t cluster = offset >> s->cluster_bits;
    uint64_t end = (offset + bytes - 1) >> s->cluster_bits;
    uint64_t per_block = 1ULL << s->refblock_bits;

    while (bytes && cluster <= end) {
        uint64_t n = MIN(end + 1, ROUND_UP(cluster + 1, per_block)) - cluster;
        Qcow2Entry *block;
        int ret = co_refblock_get(s, cluster >> s->refblock_bits, &block);

        if (!ret && !block && delta > 0) {
            ret = -EIO;                 /* allocation makes blocks before it counts */
        }
        if (ret) {
            return ret;
        }
        if (block) {
            ret = co_add_in_block(s, block, cluster, n, delta);
            qcow2_cache_put(block);
            if (ret) {
                return ret;
            }
        }
        cluster += n;
    }
    return 0;
}

int co_qcow2_refcount_set(Qcow2 *s, uint64_t cluster, uint64_t count)
{
    uint64_t at = cluster & ((1ULL << s->refblock_bits) - 1);
    unsigned order = s->h.refcount_order;
    Qcow2Entry *block;
    int ret = co_refblock_get(s, cluster >> s->refblock_bits, &block);

    if (ret || !block) {
        return ret ? ret : count ? -EIO : 0;
    }
    if (count > s->max_refcount) {
        ret = -ERANGE;
    } else {
        qcow2_refcount_put(block->data, order, at, count);
        qcow2_cache_dirty(&s->refcount_cache, block, (at << order) / 8,
                          (((at + 1) << order) + 7) / 8 - (at << order) / 8);
        s->free_index = count ? s->free_index : MIN(s->free_index, cluster);
    }
    qcow2_cache_put(block);
    return ret;
}

/*
 * How many clusters from first on are free, at most n. Where there is no
 * refcount block all are, and *covered tells how many are before that.
 */
static int co_free_run(Qcow2 *s, uint64_t first, uint64_t n, uint64_t *run, uint64_t *covered)
{
    uint64_t mask = (1ULL << s->refblock_bits) - 1;
    bool gap = false;

    *run = *covered = 0;
    while (*run < n) {
        uint64_t at = (first + *run) & mask, left = MIN(n - *run, mask + 1 - at), i = left;
        Qcow2Entry *block;
        int ret = co_refblock_get(s, (first + *run) >> s->refblock_bits, &block);

        if (ret) {
            return ret;
        }
        if (block) {
            for (i = 0; i < left; i++) {
                if (qcow2_refcount_in(block->data, s->h.refcount_order, at + i)) {
                    break;
                }
            }
            qcow2_cache_put(block);
        }
        gap |= !block;
        *run += i;
        *covered += gap ? 0 : i;
        if (i < left) {
            break;
        }
    }
    return 0;
}

/* The next free cluster at or after from. */
static int co_next_free(Qcow2 *s, uint64_t from, uint64_t *first)
{
    uint64_t mask = (1ULL << s->refblock_bits) - 1;

    for (;;) {
        Qcow2Entry *block;
        uint64_t at = from & mask;
        int ret = co_refblock_get(s, from >> s->refblock_bits, &block);

        if (ret) {
            return ret;
        }
        *first = from;
        if (!block) {
            return 0;
        }
        while (at <= mask && qcow2_refcount_in(block->data, s->h.refcount_order, at)) {
            at++;
        }
        qcow2_cache_put(block);
        *first = (from & ~mask) + at;
        if (at <= mask) {
            return 0;
        }
        from = *first;
    }
}

static int co_take(Qcow2 *s, uint64_t first, uint64_t n, uint64_t *offset)
{
    uint64_t end = (first + n) << s->cluster_bits;
    int ret;

    *offset = first << s->cluster_bits;
    if ((end - 1) & ~(QCOW2_OFFSET_MASK | 0x1ff)) {
        return -EFBIG;
    }
    if (!s->file_grows && end > (uint64_t)qcow2_file(s)->length) {
        return -ENOSPC;
    }
    ret = co_qcow2_check_overlap(s, *offset, end - *offset);
    if (!ret) {
        ret = co_qcow2_refcount_add(s, *offset, end - *offset, 1);
    }
    if (!ret) {
        s->took_fresh = *offset >= s->fresh_from;
        s->fresh_from = MAX(s->fresh_from, end);
        s->end_offset = MAX(s->end_offset, end);
        s->barrier = true;
        if (first == s->free_index) {
            s->free_index = first + n;
        }
    }
    return ret;
}

static bool has_refblock(const Qcow2 *s, uint64_t index)
{
    return index < s->reftable_entries && s->reftable[index];
}

/* Refcount blocks that first..first + n - 1 and they themselves, behind them, lack. */
static uint64_t missing_refblocks(const Qcow2 *s, uint64_t first, uint64_t n)
{
    uint64_t missing = 0;

    for (uint64_t i = first >> s->refblock_bits; i <= (first + n + missing - 1) >> s->refblock_bits;
         i++) {
        missing += !has_refblock(s, i);
    }
    return missing;
}

/* As if the blocks at these clusters had not been made; nothing on disk leads to them. */
static void drop_refblocks(Qcow2 *s, uint64_t first, uint64_t last, uint64_t at, uint64_t end)
{
    for (uint64_t i = first >> s->refblock_bits; i <= last >> s->refblock_bits; i++) {
        uint64_t offset = has_refblock(s, i) ? s->reftable[i] : 0;

        if (offset >= at << s->cluster_bits && offset < end << s->cluster_bits) {
            s->reftable[i] = 0;
            qcow2_meta_clear(s, offset, s->cluster_bytes);
            qcow2_cache_drop(&s->refcount_cache, offset, s->cluster_bytes);
        }
    }
}

/* Make them at cluster at and behind it, for all up to cluster last. */
static int co_make_refblocks(Qcow2 *s, uint64_t first, uint64_t last, uint64_t at)
{
    uint64_t cluster = at;
    int ret = 0;

    for (uint64_t i = first >> s->refblock_bits; i <= last >> s->refblock_bits && !ret; i++) {
        if (!has_refblock(s, i)) {
            ret = co_make_refblock(s, i, cluster++);
        }
    }
    if (!ret && cluster > at) {
        ret = co_qcow2_refcount_add(s, at << s->cluster_bits, (cluster - at) << s->cluster_bits,
                                    1);
    }
    if (ret) {
        drop_refblocks(s, first, last, at, cluster);
    }
    return ret;
}

/* Begin the search: at the first free cluster. */
static int co_search_start(Qcow2 *s, uint64_t *first)
{
    int ret;

    block_debug_event(qcow2_file(s), "cluster_alloc");
    co_qcow2_apply_frees(s);
    ret = co_next_free(s, s->free_index, first);
    if (!ret) {
        s->free_index = *first;
    }
    return ret;
}

int co_qcow2_alloc(Qcow2 *s, uint64_t n, uint64_t *offset)
{
    uint64_t first, run, covered, missing, last;
    int ret = co_search_start(s, &first);

    while (!ret) {
        missing = missing_refblocks(s, first, n);
        ret = co_free_run(s, first, n + missing, &run, &covered);
        if (ret) {
            break;
        }
        if (run < n + missing) {
            ret = co_next_free(s, first + run, &first);
            continue;
        }
        last = first + n + missing - 1;
        if (last >> s->refblock_bits >= s->reftable_entries) {
            ret = co_reftable_grow(s, last >> s->refblock_bits);
            if (!ret) {
                ret = co_search_start(s, &first);
            }
            continue;
        }
        ret = co_make_refblocks(s, first, last, first + n);
        return ret ? ret : co_take(s, first, n, offset);
    }
    return ret;
}

int co_qcow2_alloc_some(Qcow2 *s, uint64_t *n, uint64_t *offset)
{
    uint64_t first, run, covered = 0;
    int ret = co_search_start(s, &first);

    if (!ret) {
        ret = co_free_run(s, first, *n, &run, &covered);
    }
    if (!ret && !covered) {
        /* One with its refcount block; then there is room behind it. */
        ret = co_qcow2_alloc(s, 1, offset);
        if (!ret && *n > 1) {
            uint64_t more = *n - 1;
            bool fresh = s->took_fresh;

            if (!co_qcow2_alloc_at(s, *offset + s->cluster_bytes, &more)) {
                *n = more + 1;
                s->took_fresh &= fresh;
                return 0;
            }
            s->took_fresh = fresh;
        }
        *n = 1;
        return ret;
    }
    *n = covered;
    return ret ? ret : co_take(s, first, covered, offset);
}

int co_qcow2_alloc_at(Qcow2 *s, uint64_t offset, uint64_t *n)
{
    uint64_t run, covered;
    int ret = co_free_run(s, offset >> s->cluster_bits, *n, &run, &covered);

    if (ret || !covered) {
        return ret ? ret : -ENOSPC;
    }
    *n = covered;
    return co_take(s, offset >> s->cluster_bits, covered, &offset);
}

void co_qcow2_unalloc(Qcow2 *s, uint64_t offset, uint64_t n)
{
    /* If it fails they stay leaked. */
    co_qcow2_refcount_add(s, offset, n << s->cluster_bits, -1);
}

/* Room for compressed data: behind the last, where that leaves some, else in a new cluster. */
int co_qcow2_alloc_bytes(Qcow2 *s, uint32_t bytes, uint64_t *offset)
{
    uint64_t room = s->compressed_at ? qcow2_cluster_up(s, s->compressed_at) - s->compressed_at
                                     : 0;
    uint64_t n = 1, next, count = 0;
    int ret = 0;

    if (room) {
        ret = co_qcow2_refcount(s, s->compressed_at >> s->cluster_bits, &count);
    }
    if (ret) {
        return ret;
    }
    if (!room || !count || count >= s->max_refcount) {
        room = 0;
        s->compressed_at = 0;
    }
    if (room < bytes) {
        next = qcow2_cluster_up(s, s->compressed_at);
        if (room && !(ret = co_qcow2_alloc_at(s, next, &n))) {
            /* It goes on into the cluster behind. */
        } else {
            n = 1;
            room = 0;
            ret = co_qcow2_alloc(s, 1, &s->compressed_at);
        }
        if (ret) {
            s->compressed_at = 0;
            return ret;
        }
    }
    if (room) {
        ret = co_qcow2_refcount_add(s, s->compressed_at, 1, 1);
        if (ret) {
            return ret;
        }
    }
    *offset = s->compressed_at;
    s->compressed_at += bytes;
    if (!(s->compressed_at & (s->cluster_bytes - 1))) {
        s->compressed_at = 0;
    }
    s->barrier = true;
    return 0;
}
