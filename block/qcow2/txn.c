/* qcow2: changes of many refcounts, seen whole or not at all: new tables, then the header */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/txn.h"

/*
 * Snapshots change refcounts all over the image and flags in its tables, which
 * must agree with each other at each instant. So nothing is changed in place:
 * refcount blocks that differ are built in memory and go to free clusters,
 * with a new refcount table; L2 and L1 tables likewise by the caller; then
 * the first sector of the header switches to all of them. Clusters of the old
 * tables are free in the new refcounts.
 */

static uint64_t per_block(const Qcow2Txn *t)
{
    return 1ULL << t->block_bits;
}

/* The block of the new refcounts for reading; NULL: as it is now. */
static const uint8_t *new_block(const Qcow2Txn *t, uint64_t index)
{
    return index < t->nr_blocks ? t->blocks[index] : NULL;
}

int co_qcow2_txn_refcount(Qcow2Txn *t, uint64_t cluster, uint64_t *count)
{
    const uint8_t *block = new_block(t, cluster >> t->block_bits);

    *count = 0;
    if (block) {
        *count = qcow2_refcount_in(block, t->order, cluster & (per_block(t) - 1));
        return 0;
    }
    return t->from_nothing ? 0 : co_qcow2_refcount(t->s, cluster, count);
}

/* The same for writing. */
static int co_own_block(Qcow2Txn *t, uint64_t index, uint8_t **block)
{
    Qcow2 *s = t->s;
    uint64_t offset, count;
    int ret = 0;

    if (index >= QCOW2_MAX_REFTABLE_BYTES / 8) {
        return -EFBIG;
    }
    if (index >= t->nr_blocks) {
        uint64_t n = MAX(index + 1, t->nr_blocks * 2);

        t->blocks = g_renew(uint8_t *, t->blocks, n);
        t->places = g_renew(uint64_t, t->places, n);
        memset(t->blocks + t->nr_blocks, 0, (n - t->nr_blocks) * sizeof(*t->blocks));
        memset(t->places + t->nr_blocks, 0, (n - t->nr_blocks) * sizeof(*t->places));
        t->nr_blocks = n;
    }
    if (!t->blocks[index]) {
        uint8_t *new = g_try_malloc0(s->cluster_bytes);

        if (!new) {
            return -ENOMEM;
        }
        offset = index < s->reftable_entries ? s->reftable[index] & QCOW2_REFTABLE_MASK : 0;
        if (t->order == s->h.refcount_order && offset && !t->from_nothing) {
            ret = co_qcow2_read_meta(s, offset, new, s->cluster_bytes);
        }
        for (uint64_t i = 0; t->order != s->h.refcount_order && !t->from_nothing && !ret &&
             i < per_block(t); i++) {
            ret = co_qcow2_refcount(s, (index << t->block_bits) + i, &count);
            if (!ret && count > t->max) {
                ret = -ERANGE;
            }
            qcow2_refcount_put(new, t->order, i, count);
        }
        if (ret) {
            g_free(new);
            return ret;
        }
        t->blocks[index] = new;
    }
    *block = t->blocks[index];
    return 0;
}

int co_qcow2_txn_add(Qcow2Txn *t, uint64_t offset, uint64_t bytes, int delta)
{
    Qcow2 *s = t->s;
    uint64_t end = bytes ? ((offset + bytes - 1) >> s->cluster_bits) + 1 : 0;

    for (uint64_t c = offset >> s->cluster_bits; c < end; c++) {
        uint64_t count, at = c & (per_block(t) - 1);
        uint8_t *block;
        int ret = co_own_block(t, c >> t->block_bits, &block);

        if (ret) {
            return ret;
        }
        count = qcow2_refcount_in(block, t->order, at);
        if (delta < 0 && count < (uint64_t)-delta) {
            return co_qcow2_corrupt(s, false, "cluster %" PRIu64 " has refcount %" PRIu64
                                    " but is referenced", c, count);
        }
        if (delta > 0 && count > t->max - delta) {
            return -ERANGE;
        }
        qcow2_refcount_put(block, t->order, at, count + delta);
    }
    return 0;
}

/* Free now and in what will be. */
static int co_is_free(Qcow2Txn *t, uint64_t cluster, bool *is_free)
{
    uint64_t now = 0, then;
    int ret = co_qcow2_txn_refcount(t, cluster, &then);

    if (!ret && !then) {
        ret = t->from_nothing ? 0 : co_qcow2_refcount(t->s, cluster, &now);
    }
    *is_free = !ret && !now && !then;
    return ret;
}

int co_qcow2_txn_alloc(Qcow2Txn *t, uint64_t bytes, uint64_t *offset)
{
    Qcow2 *s = t->s;
    uint64_t n = qcow2_clusters(s, bytes), run = 0, at = t->search;
    bool is_free, first = true;
    int ret;

    while (run < n) {
        if ((at >> t->block_bits) >= QCOW2_MAX_REFTABLE_BYTES / 8) {
            return -EFBIG;
        }
        ret = co_is_free(t, at, &is_free);
        if (ret) {
            return ret;
        }
        if (is_free && first) {
            t->search = at;
            first = false;
        }
        run = is_free ? run + 1 : 0;
        at++;
    }
    *offset = (at - n) << s->cluster_bits;
    if (at - n == t->search) {
        t->search = at;
    }
    if (!s->file_grows && at << s->cluster_bits > (uint64_t)qcow2_file(s)->length) {
        return -ENOSPC;
    }
    if (at << s->cluster_bits > QCOW2_OFFSET_MASK) {
        return -EFBIG;
    }
    s->end_offset = MAX(s->end_offset, at << s->cluster_bits);
    s->fresh_from = MAX(s->fresh_from, at << s->cluster_bits);
    ret = co_qcow2_check_overlap(s, *offset, n << s->cluster_bits);
    return ret ? ret : co_qcow2_txn_add(t, *offset, n << s->cluster_bits, 1);
}

int co_qcow2_txn_write_table(Qcow2Txn *t, const uint64_t *table, uint32_t entries,
                             uint64_t *offset)
{
    int ret = co_qcow2_txn_alloc(t, (uint64_t)MAX(entries, 1) * 8, offset);

    return ret ? ret : co_qcow2_write_table(t->s, *offset, table, entries);
}

Qcow2Txn *co_qcow2_txn_begin(Qcow2 *s, unsigned order, bool from_nothing, int *ret)
{
    Qcow2Txn *t = g_new0(Qcow2Txn, 1);

    t->s = s;
    t->order = order;
    t->block_bits = s->cluster_bits + 3 - order;
    t->max = order == 6 ? INT64_MAX : (1ULL << (1U << order)) - 1;
    t->from_nothing = from_nothing;
    *ret = from_nothing ? 0 : co_qcow2_settle(s);
    t->header = s->h;
    t->search = from_nothing ? qcow2_clusters(s, qcow2_file(s)->length) : s->free_index;
    if (*ret) {
        qcow2_txn_free(t);
        return NULL;
    }
    return t;
}

void qcow2_txn_free(Qcow2Txn *t)
{
    if (t) {
        for (uint64_t i = 0; i < t->nr_blocks; i++) {
            g_free(t->blocks[i]);
        }
        g_free(t->blocks);
        g_free(t->places);
        g_free(t);
    }
}

/* A place for each new block; counting that may make further blocks new. */
static int co_place_blocks(Qcow2Txn *t)
{
    Qcow2 *s = t->s;
    bool more;
    int ret = 0;

    do {
        more = false;
        for (uint64_t i = 0; i < t->nr_blocks && !ret; i++) {
            uint64_t old = i < s->reftable_entries ? s->reftable[i] & QCOW2_REFTABLE_MASK : 0;

            if (!t->blocks[i] || t->places[i]) {
                continue;
            }
            ret = co_qcow2_txn_alloc(t, s->cluster_bytes, &t->places[i]);
            if (!ret && old && !t->from_nothing && t->order == s->h.refcount_order) {
                ret = co_qcow2_txn_add(t, old, s->cluster_bytes, -1);
            }
            more = true;
        }
    } while (more && !ret);
    return ret;
}

/* With another width, every block is new and all old ones go. */
static int co_convert_all(Qcow2Txn *t)
{
    Qcow2 *s = t->s;
    uint64_t clusters = (uint64_t)s->reftable_entries << s->refblock_bits, count;
    uint8_t *block;
    int ret = 0;

    for (uint64_t c = 0; c < clusters && !ret; c++) {
        if (!(c & ((1ULL << s->refblock_bits) - 1)) && !s->reftable[c >> s->refblock_bits]) {
            c += (1ULL << s->refblock_bits) - 1;
            continue;
        }
        ret = co_qcow2_refcount(s, c, &count);
        if (!ret && count) {
            ret = co_own_block(t, c >> t->block_bits, &block);
            c |= per_block(t) - 1;
        }
    }
    for (uint32_t i = 0; i < s->reftable_entries && !ret; i++) {
        if (s->reftable[i]) {
            ret = co_qcow2_txn_add(t, s->reftable[i] & QCOW2_REFTABLE_MASK, s->cluster_bytes, -1);
        }
    }
    return ret;
}

static uint64_t blocks_used(const Qcow2Txn *t)
{
    uint64_t n = t->nr_blocks;

    while (n && !t->blocks[n - 1]) {
        n--;
    }
    return n;
}

/* The refcount table: as long as it must be, or as it was. */
static int co_place_table(Qcow2Txn *t, uint64_t **table, uint32_t *clusters)
{
    Qcow2 *s = t->s;
    uint64_t per_cluster = s->cluster_bytes / 8, bytes;
    uint64_t old = t->order == s->h.refcount_order && !t->from_nothing ? s->reftable_entries : 0;
    int ret;

    for (;;) {
        /* The table's own clusters and those of the blocks may need a few more blocks. */
        *clusters = (MAX(blocks_used(t) + 4, old) + per_cluster - 1) / per_cluster;
        bytes = (uint64_t)*clusters << s->cluster_bits;
        if (bytes > QCOW2_MAX_REFTABLE_BYTES) {
            return -EFBIG;
        }
        ret = co_qcow2_txn_alloc(t, bytes, &t->header.reftable_offset);
        if (!ret) {
            ret = co_place_blocks(t);
        }
        if (ret || blocks_used(t) <= *clusters * per_cluster) {
            break;
        }
        ret = co_qcow2_txn_add(t, t->header.reftable_offset, bytes, -1);
        if (ret) {
            break;
        }
    }
    *table = ret ? NULL : g_try_new0(uint64_t, *clusters * per_cluster);
    return ret ? ret : *table ? 0 : -ENOMEM;
}

static int co_write_blocks(Qcow2Txn *t)
{
    int ret = 0;

    for (uint64_t i = 0; i < t->nr_blocks && !ret; i++) {
        if (t->blocks[i]) {
            ret = co_qcow2_write_meta(t->s, t->places[i], t->blocks[i], t->s->cluster_bytes);
        }
    }
    return ret;
}

static int co_switch(Qcow2Txn *t)
{
    Qcow2 *s = t->s;
    Qcow2Header old = s->h;
    int ret = co_node_flush(qcow2_file(s));

    if (!ret && qcow2_file(s)->length < (int64_t)s->end_offset &&
        !co_node_truncate(qcow2_file(s), s->end_offset, false, PREALLOC_MODE_OFF,
                          BLOCK_REQ_GROW_ONLY, NULL)) {
        ret = -EIO;
    }
    if (!ret) {
        ret = co_node_flush(qcow2_file(s));
    }
    if (ret) {
        return ret;
    }
    s->h = t->header;
    ret = co_qcow2_header_write(s);
    if (!ret) {
        ret = co_node_flush(qcow2_file(s));
    }
    if (ret) {
        /* What the file says now is not known: nothing more may be written to it. */
        s->h = old;
        s->broken = true;
    }
    return ret;
}

static void adopt(Qcow2Txn *t, uint64_t *table, uint32_t clusters)
{
    Qcow2 *s = t->s;

    qcow2_cache_drop_all(&s->refcount_cache);
    qcow2_cache_drop_all(&s->l2_cache);
    g_free(s->reftable);
    g_free(s->reftable_dirty);
    s->reftable = table;
    s->reftable_clusters = clusters;
    s->reftable_entries = ((uint64_t)clusters << s->cluster_bits) / 8;
    s->reftable_offset = t->header.reftable_offset;
    s->reftable_dirty = g_malloc0(s->reftable_entries / (QCOW2_SECTOR / 8) + 1);
    s->refblock_bits = t->block_bits;
    s->max_refcount = t->max;
    s->free_index = 0;
    s->compressed_at = 0;
}

int co_qcow2_txn_commit(Qcow2Txn *t)
{
    Qcow2 *s = t->s;
    uint64_t *table = NULL, per_cluster = s->cluster_bytes / 8;
    uint32_t clusters;
    int ret = 0;

    if (!t->from_nothing) {
        if (t->order != s->h.refcount_order) {
            ret = co_convert_all(t);
        }
        if (!ret) {
            ret = co_qcow2_txn_add(t, s->reftable_offset,
                                   (uint64_t)s->reftable_clusters << s->cluster_bits, -1);
        }
    }
    if (!ret) {
        ret = co_place_table(t, &table, &clusters);
    }
    if (ret) {
        return ret;
    }
    if (!t->from_nothing && t->order == s->h.refcount_order) {
        memcpy(table, s->reftable, (size_t)MIN(s->reftable_entries, clusters * per_cluster) * 8);
    }
    for (uint64_t i = 0; i < t->nr_blocks && i < clusters * per_cluster; i++) {
        table[i] = t->blocks[i] ? t->places[i] : table[i];
    }
    t->header.reftable_clusters = clusters;
    t->header.refcount_order = t->order;
    ret = co_write_blocks(t);
    if (!ret) {
        ret = co_qcow2_write_table(s, t->header.reftable_offset, table, clusters * per_cluster);
    }
    if (!ret) {
        ret = co_switch(t);
    }
    if (ret) {
        g_free(table);
        return ret;
    }
    adopt(t, table, clusters);
    return 0;
}

int co_qcow2_rebuild_refcounts(Qcow2 *s, const uint32_t *refs, uint64_t nr_clusters)
{
    Qcow2Txn *t;
    uint8_t *block;
    int ret;

    t = co_qcow2_txn_begin(s, s->h.refcount_order, true, &ret);
    for (uint64_t i = 0; !ret && i < nr_clusters; i++) {
        uint64_t n = refs[i];

        if (!n) {
            continue;
        }
        if (n > t->max) {
            ret = -ERANGE;
            break;
        }
        ret = co_own_block(t, i >> t->block_bits, &block);
        if (!ret) {
            qcow2_refcount_put(block, t->order, i & (per_block(t) - 1), n);
        }
    }
    if (!ret) {
        ret = co_qcow2_txn_commit(t);
    }
    if (!ret) {
        co_qcow2_meta_build(s);
    }
    qcow2_txn_free(t);
    return ret;
}
