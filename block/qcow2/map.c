/* qcow2: from guest offsets to host clusters: the L1 table, L2 slices, what an entry means */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

uint64_t qcow2_l1_needed(const Qcow2 *s, uint64_t size)
{
    unsigned shift = s->cluster_bits + s->l2_bits;

    return (size >> shift) + !!(size & ((1ULL << shift) - 1));
}

uint64_t qcow2_vmstate_offset(const Qcow2 *s)
{
    return qcow2_l1_needed(s, s->size) << (s->cluster_bits + s->l2_bits);
}

static uint64_t l1_index(const Qcow2 *s, uint64_t offset)
{
    return offset >> (s->cluster_bits + s->l2_bits);
}

static int co_load_slice(Qcow2 *s, uint64_t table, uint64_t offset, Qcow2L2 *l2)
{
    uint32_t i = offset >> s->cluster_bits & ((1U << s->l2_bits) - 1);
    uint32_t in_slice = i & ((1U << s->slice_bits) - 1);

    l2->table = table;
    l2->index = in_slice;
    return co_qcow2_cache_get(s, &s->l2_cache, table + (uint64_t)(i - in_slice) *
                              s->l2_entry_bytes, &l2->slice);
}

int co_qcow2_l2_get(Qcow2 *s, uint64_t offset, Qcow2L2 *l2)
{
    uint64_t i = l1_index(s, offset);
    uint64_t table = i < s->l1_entries ? s->l1[i] & QCOW2_OFFSET_MASK : 0;

    *l2 = (Qcow2L2){ .index = offset >> s->cluster_bits & ((1U << s->slice_bits) - 1) };
    if (!table) {
        return 0;
    }
    if (table & (s->cluster_bytes - 1)) {
        return co_qcow2_corrupt(s, true, "L2 table offset %#" PRIx64 " unaligned (L1 index: "
                                "%#" PRIx64 ")", table, i);
    }
    return co_load_slice(s, table, offset, l2);
}

static void l1_touch(Qcow2 *s, uint64_t i)
{
    s->l1_dirty[i / (QCOW2_SECTOR / 8)] = 1;
    s->l1_any_dirty = true;
}

int co_qcow2_l1_grow(Qcow2 *s, uint64_t entries)
{
    uint64_t per_cluster = s->cluster_bytes / 8, offset, *table;
    uint64_t old_clusters = qcow2_clusters(s, (uint64_t)s->l1_entries * 8);
    uint64_t clusters;
    int ret;

    if (entries <= s->l1_entries) {
        return 0;
    }
    if (entries > QCOW2_MAX_L1_BYTES / 8) {
        return -EFBIG;
    }
    clusters = (entries + per_cluster - 1) / per_cluster;
    table = g_try_new0(uint64_t, entries);
    if (!table) {
        return -ENOMEM;
    }
    block_debug_event(qcow2_file(s), "l1_grow_alloc_table");
    ret = co_qcow2_alloc(s, clusters, &offset);
    if (ret) {
        g_free(table);
        return ret;
    }
    if (s->l1_entries) {
        memcpy(table, s->l1, (size_t)s->l1_entries * 8);
        qcow2_meta_clear(s, s->l1_offset, (uint64_t)s->l1_entries * 8);
    }
    if (old_clusters) {
        /* Also one that moved and is not in the header yet: writing that may only seem to fail. */
        qcow2_free_later(s, s->l1_offset, old_clusters << s->cluster_bits, QCOW2_DISCARD_OTHER);
    }
    qcow2_meta_set(s, offset, entries * 8, QCOW2_META_ACTIVE_L1);
    g_free(s->l1);
    g_free(s->l1_dirty);
    s->l1 = table;
    s->l1_entries = entries;
    s->l1_offset = offset;
    s->l1_dirty = g_malloc0(entries / (QCOW2_SECTOR / 8) + 1);
    s->l1_any_dirty = false;
    s->l1_moved = true;
    return 0;
}

/* A new table in place of none or a shared one; on disk before anything refers to it. */
static int co_make_table(Qcow2 *s, uint64_t i, uint64_t *table)
{
    uint64_t old = s->l1[i] & QCOW2_OFFSET_MASK;
    int ret;

    block_debug_event(qcow2_file(s), "l2_alloc_write");
    ret = co_qcow2_alloc(s, 1, table);
    if (ret) {
        return ret;
    }
    qcow2_cache_drop(&s->l2_cache, *table, s->cluster_bytes);
    if (old) {
        void *copy = g_try_malloc(s->cluster_bytes);

        ret = copy ? co_qcow2_read_meta(s, old, copy, s->cluster_bytes) : -ENOMEM;
        if (!ret) {
            ret = co_qcow2_write_meta(s, *table, copy, s->cluster_bytes);
        }
        g_free(copy);
    } else if (!s->took_fresh) {
        ret = co_node_pwrite_zeroes(qcow2_file(s), *table, s->cluster_bytes, 0);
    }
    if (ret) {
        co_qcow2_unalloc(s, *table, 1);
        return ret;
    }
    if (old) {
        qcow2_meta_clear(s, old, s->cluster_bytes);
        qcow2_free_later(s, old, s->cluster_bytes, QCOW2_DISCARD_OTHER);
    }
    qcow2_meta_set(s, *table, s->cluster_bytes, QCOW2_META_ACTIVE_L2);
    s->l1[i] = *table | QCOW2_COPIED;
    l1_touch(s, i);
    return 0;
}

int co_qcow2_l2_get_own(Qcow2 *s, uint64_t offset, Qcow2L2 *l2)
{
    uint64_t i = l1_index(s, offset), table;
    int ret = 0;

    *l2 = (Qcow2L2){};
    if (s->l2_cache.nr_dirty > s->l2_cache.max_entries * 3 / 4) {
        ret = co_qcow2_commit(s);
    }
    if (!ret && i >= s->l1_entries) {
        ret = co_qcow2_l1_grow(s, MAX(i + 1, MIN(s->l1_entries + s->l1_entries / 2,
                                                 QCOW2_MAX_L1_BYTES / 8)));
    }
    if (ret) {
        return ret;
    }
    table = s->l1[i] & QCOW2_OFFSET_MASK;
    if (table & (s->cluster_bytes - 1)) {
        return co_qcow2_corrupt(s, true, "L2 table offset %#" PRIx64 " unaligned (L1 index: "
                                "%#" PRIx64 ")", table, i);
    }
    if (!table || !(s->l1[i] & QCOW2_COPIED)) {
        ret = co_make_table(s, i, &table);
    }
    return ret ? ret : co_load_slice(s, table, offset, l2);
}

uint64_t qcow2_l2_entry(const Qcow2 *s, const Qcow2L2 *l2, uint32_t i)
{
    return l2->slice ? ld64_be(l2->slice->data + (size_t)(l2->index + i) * s->l2_entry_bytes)
                     : 0;
}

uint64_t qcow2_l2_bitmap(const Qcow2 *s, const Qcow2L2 *l2, uint32_t i)
{
    return l2->slice && s->extended
               ? ld64_be(l2->slice->data + (size_t)(l2->index + i) * s->l2_entry_bytes + 8) : 0;
}

void qcow2_l2_set(Qcow2 *s, const Qcow2L2 *l2, uint32_t i, uint64_t entry, uint64_t bitmap)
{
    uint32_t at = (l2->index + i) * s->l2_entry_bytes;

    st64_be(l2->slice->data + at, entry);
    if (s->extended) {
        st64_be(l2->slice->data + at + 8, bitmap);
    }
    qcow2_cache_dirty(&s->l2_cache, l2->slice, at, s->l2_entry_bytes);
}

uint32_t qcow2_l2_left(const Qcow2 *s, const Qcow2L2 *l2)
{
    return (1U << s->slice_bits) - l2->index;
}

bool qcow2_entry_allocated(const Qcow2 *s, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED) {
        return false;
    }
    return entry & QCOW2_OFFSET_MASK || (s->has_data_file && entry & QCOW2_COPIED);
}

Qcow2Kind qcow2_kind(const Qcow2 *s, uint64_t entry, uint64_t bitmap, uint32_t sub)
{
    if (entry & QCOW2_COMPRESSED) {
        return QCOW2_DEFLATED;
    }
    if (s->extended) {
        return bitmap & BIT64(sub + 32) ? QCOW2_ZEROES
               : bitmap & BIT64(sub)    ? QCOW2_DATA
                                        : QCOW2_UNALLOCATED;
    }
    if (entry & QCOW2_ZERO) {
        return QCOW2_ZEROES;
    }
    return qcow2_entry_allocated(s, entry) ? QCOW2_DATA : QCOW2_UNALLOCATED;
}

int co_qcow2_entry_check(Qcow2 *s, const Qcow2L2 *l2, uint32_t i)
{
    uint64_t entry = qcow2_l2_entry(s, l2, i), bitmap = qcow2_l2_bitmap(s, l2, i);
    uint64_t host = entry & QCOW2_OFFSET_MASK;
    uint32_t index = l2->index + i;

    if (!entry && !bitmap) {
        return 0;
    }
    if (entry & QCOW2_COMPRESSED) {
        return !s->has_data_file
                   ? 0
                   : co_qcow2_corrupt(s, true, "Compressed cluster entry found in image with "
                                      "external data file (L2 offset: %#" PRIx64 ", L2 index: "
                                      "%#x)", l2->table, index);
    }
    if (s->extended && (bitmap >> 32 & bitmap & 0xffffffff ||
                        (bitmap & 0xffffffff && !qcow2_entry_allocated(s, entry)))) {
        return co_qcow2_corrupt(s, true, "Invalid cluster entry found  (L2 offset: %#" PRIx64
                                ", L2 index: %#x)", l2->table, index);
    }
    if (!s->extended && s->h.version < 3 && entry & QCOW2_ZERO) {
        return co_qcow2_corrupt(s, true, "Zero cluster entry found in pre-v3 image (L2 offset: "
                                "%#" PRIx64 ", L2 index: %#x)", l2->table, index);
    }
    if (host & (s->cluster_bytes - 1)) {
        return co_qcow2_corrupt(s, true, "%s offset %#" PRIx64 " unaligned (L2 offset: %#"
                                PRIx64 ", L2 index: %#x)",
                                !s->extended && entry & QCOW2_ZERO ? "Preallocated zero cluster"
                                                                   : "Cluster allocation",
                                host, l2->table, index);
    }
    return 0;
}

void qcow2_deflated_range(const Qcow2 *s, uint64_t entry, uint64_t *offset, uint64_t *bytes)
{
    /* "Compressed Clusters Descriptor" */
    unsigned x = 62 - (s->cluster_bits - 8);
    uint64_t sectors = (entry >> x & ((1ULL << (s->cluster_bits - 8)) - 1)) + 1;

    *offset = entry & ((1ULL << x) - 1);
    *bytes = sectors * QCOW2_SECTOR - (*offset & (QCOW2_SECTOR - 1));
}

/* Fill in what the subcluster at offset is; false: it does not continue e. */
static bool extend(const Qcow2 *s, const Qcow2L2 *l2, uint64_t offset, uint32_t i,
                   Qcow2Extent *e, bool first)
{
    uint64_t entry = qcow2_l2_entry(s, l2, i), in = offset & (s->cluster_bytes - 1);
    Qcow2Kind kind = qcow2_kind(s, entry, qcow2_l2_bitmap(s, l2, i), in >> s->subcluster_bits);
    bool has_host = qcow2_entry_allocated(s, entry);
    uint64_t host = has_host ? (entry & QCOW2_OFFSET_MASK) + in : 0;

    if (first) {
        *e = (Qcow2Extent){ .kind = kind, .host = host, .has_host = has_host,
                            .entry = kind == QCOW2_DEFLATED ? entry : 0 };
        return true;
    }
    if (kind != e->kind || has_host != e->has_host) {
        return false;
    }
    if (kind == QCOW2_DEFLATED) {
        return entry == e->entry;       /* the same cluster */
    }
    return !has_host || host == e->host + e->bytes;
}

/* How many of max entries repeat the first, each with the next host cluster where it has one. */
static uint32_t count_alike(const Qcow2 *s, const Qcow2L2 *l2, uint32_t max)
{
    const uint8_t *p = l2->slice->data + (size_t)l2->index * 8;
    uint64_t entry = ld64_be(p);
    uint64_t step = qcow2_entry_allocated(s, entry) ? s->cluster_bytes : 0;
    uint64_t ignored = s->has_data_file ? 0 : QCOW2_COPIED;
    uint32_t n = 1;

    if (entry & QCOW2_COMPRESSED ||
        (entry & QCOW2_OFFSET_MASK) + max * step > QCOW2_OFFSET_MASK) {
        return 1;
    }
    while (n < max && !((ld64_be(p + (size_t)n * 8) ^ (entry + n * step)) & ~ignored)) {
        n++;
    }
    return n;
}

/* By subclusters. */
static int co_map_extended(Qcow2 *s, const Qcow2L2 *l2, uint64_t offset, uint64_t end,
                           Qcow2Extent *e)
{
    uint64_t at = offset, first = ROUND_DOWN(offset, s->cluster_bytes);
    int ret = 0;

    while (at < end) {
        uint32_t i = (at - first) >> s->cluster_bits;

        ret = co_qcow2_entry_check(s, l2, i);
        if (ret || !extend(s, l2, at, i, e, at == offset) ||
            /* another cluster may share the data */
            (e->kind == QCOW2_DEFLATED && at >= first + s->cluster_bytes)) {
            break;
        }
        at = MIN(end, ROUND_DOWN(at, s->subcluster_bytes) + s->subcluster_bytes);
        e->bytes = at - offset;
    }
    return at > offset ? 0 : ret;
}

int co_qcow2_map(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Extent *e)
{
    uint64_t first = ROUND_DOWN(offset, s->cluster_bytes), end;
    Qcow2L2 l2;
    int ret = co_qcow2_l2_get(s, offset, &l2);

    if (ret) {
        return ret;
    }
    end = MIN(offset + bytes, first + ((uint64_t)qcow2_l2_left(s, &l2) << s->cluster_bits));
    if (!l2.slice) {
        *e = (Qcow2Extent){ .kind = QCOW2_UNALLOCATED, .bytes = end - offset };
        return 0;
    }
    if (s->extended) {
        ret = co_map_extended(s, &l2, offset, end, e);
    } else {
        ret = co_qcow2_entry_check(s, &l2, 0);
        if (!ret) {
            uint64_t n = count_alike(s, &l2, qcow2_clusters(s, end - first));

            extend(s, &l2, offset, 0, e, true);
            e->bytes = MIN(end, first + (n << s->cluster_bits)) - offset;
        }
    }
    qcow2_cache_put(l2.slice);
    return ret;
}
