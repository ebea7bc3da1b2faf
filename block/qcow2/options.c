/* qcow2: the options of an open image: caches, discards, lazy refcounts, overlap checks */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

enum {
    MAX_L2_CACHE = 32 << 20,            /* as QEMU: covers 256 GiB at 64 KiB clusters */
    MIN_REFCOUNT_ENTRIES = 4,
    DEFAULT_SLICE = 4096,
};

static void set_discards(Qcow2Settings *c, const BlockdevOptionsQcow2 *o, bool discard)
{
    c->discard_passes[QCOW2_DISCARD_NEVER] = false;
    c->discard_passes[QCOW2_DISCARD_ALWAYS] = true;
    c->discard_passes[QCOW2_DISCARD_REQUEST] = o->has_pass_discard_request
                                                   ? o->pass_discard_request : discard;
    c->discard_passes[QCOW2_DISCARD_SNAPSHOT] =
        !o->has_pass_discard_snapshot || o->pass_discard_snapshot;
    c->discard_passes[QCOW2_DISCARD_OTHER] = o->has_pass_discard_other && o->pass_discard_other;
}

static bool cache_sizes(const Qcow2 *s, const BlockdevOptionsQcow2 *o, Qcow2Settings *c,
                        Error **errp)
{
    uint64_t whole = qcow2_clusters(s, s->size) * s->l2_entry_bytes;
    uint64_t least = (uint64_t)MIN_REFCOUNT_ENTRIES * s->cluster_bytes;

    c->entry = o->has_l2_cache_entry_size ? (uint64_t)o->l2_cache_entry_size
                                          : MIN(s->cluster_bytes, DEFAULT_SLICE);
    if (c->entry < QCOW2_SECTOR || c->entry > s->cluster_bytes || c->entry & (c->entry - 1)) {
        error_set(errp, "L2 cache entry size must be a power of two between %d and the cluster "
                  "size (%" PRIu32 ")", QCOW2_SECTOR, s->cluster_bytes);
        return false;
    }
    c->l2 = o->has_l2_cache_size ? o->l2_cache_size : MIN(MAX_L2_CACHE, MAX(whole, c->entry));
    c->refcount = o->has_refcount_cache_size ? o->refcount_cache_size : least;
    if (o->has_cache_size) {
        if (o->has_l2_cache_size && o->has_refcount_cache_size) {
            error_set(errp, "cache-size, l2-cache-size and refcount-cache-size may not be set at "
                      "the same time");
            return false;
        }
        if (o->has_l2_cache_size && o->l2_cache_size > o->cache_size) {
            error_set(errp, "l2-cache-size may not exceed cache-size");
            return false;
        }
        if (o->has_refcount_cache_size && o->refcount_cache_size > o->cache_size) {
            error_set(errp, "refcount-cache-size may not exceed cache-size");
            return false;
        }
        if (o->has_l2_cache_size) {
            c->refcount = o->cache_size - c->l2;
        } else if (o->has_refcount_cache_size) {
            c->l2 = o->cache_size - c->refcount;
        } else {
            c->l2 = o->cache_size > whole + least ? whole : o->cache_size - MIN(o->cache_size,
                                                                                least);
            c->refcount = o->cache_size - c->l2;
        }
    }
    if (c->l2 > INT32_MAX * c->entry) {
        error_set(errp, "L2 cache size too big");
        return false;
    }
    if (c->refcount > INT32_MAX * (uint64_t)s->cluster_bytes) {
        error_set(errp, "Refcount cache size too big");
        return false;
    }
    return true;
}

enum {
    OVERLAP_CONSTANT = 1 << QCOW2_META_HEADER | 1 << QCOW2_META_ACTIVE_L1 |
                       1 << QCOW2_META_REFTABLE | 1 << QCOW2_META_SNAPSHOTS |
                       1 << QCOW2_META_BITMAPS,
    OVERLAP_CACHED = OVERLAP_CONSTANT | 1 << QCOW2_META_ACTIVE_L2 | 1 << QCOW2_META_REFBLOCK |
                     1 << QCOW2_META_INACTIVE_L1,
    OVERLAP_ALL = OVERLAP_CACHED | 1 << QCOW2_META_INACTIVE_L2,
};

static unsigned overlap_template(Qcow2OverlapCheckMode mode)
{
    switch (mode) {
    case QCOW2_OVERLAP_CHECK_MODE_NONE:
        return 0;
    case QCOW2_OVERLAP_CHECK_MODE_CONSTANT:
        return OVERLAP_CONSTANT;
    case QCOW2_OVERLAP_CHECK_MODE_ALL:
        return OVERLAP_ALL;
    default:
        return OVERLAP_CACHED;
    }
}

static void set_overlap(Qcow2Settings *c, const Qcow2OverlapChecks *o)
{
    const Qcow2OverlapCheckFlags *f;

    c->overlap = OVERLAP_CACHED;
    if (!o) {
        return;
    }
    if (o->type == QCOW2_OVERLAP_CHECKS_MODE) {
        c->overlap = overlap_template(o->u.mode);
        return;
    }
    f = &o->u.flags;
    if (f->has_template) {
        c->overlap = overlap_template(f->template);
    }
    {
        const struct {
            bool has, on;
            Qcow2Meta meta;
        } flags[] = {
            { f->has_main_header, f->main_header, QCOW2_META_HEADER },
            { f->has_active_l1, f->active_l1, QCOW2_META_ACTIVE_L1 },
            { f->has_active_l2, f->active_l2, QCOW2_META_ACTIVE_L2 },
            { f->has_refcount_table, f->refcount_table, QCOW2_META_REFTABLE },
            { f->has_refcount_block, f->refcount_block, QCOW2_META_REFBLOCK },
            { f->has_snapshot_table, f->snapshot_table, QCOW2_META_SNAPSHOTS },
            { f->has_inactive_l1, f->inactive_l1, QCOW2_META_INACTIVE_L1 },
            { f->has_inactive_l2, f->inactive_l2, QCOW2_META_INACTIVE_L2 },
            { f->has_bitmap_directory, f->bitmap_directory, QCOW2_META_BITMAPS },
        };

        for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
            if (flags[i].has) {
                c->overlap = flags[i].on ? c->overlap | BIT(flags[i].meta)
                                         : c->overlap & ~BIT(flags[i].meta);
            }
        }
    }
}

static bool set_lazy(const Qcow2 *s, Qcow2Settings *c, const BlockdevOptionsQcow2 *o,
                     Error **errp)
{
    c->lazy = o->has_lazy_refcounts ? o->lazy_refcounts : s->h.compatible & QCOW2_COMPAT_LAZY;
    if (c->lazy && s->h.version < 3) {
        error_set(errp, "Lazy refcounts require a qcow2 image with at least qemu 1.1 "
                  "compatibility level");
        return false;
    }
    return true;
}

bool qcow2_settings_check(const Qcow2 *s, const BlockdevOptionsQcow2 *o, bool discard,
                          Qcow2Settings *c, Error **errp)
{
    *c = (Qcow2Settings){};
    set_discards(c, o, discard);
    set_overlap(c, o->overlap_check);
    return set_lazy(s, c, o, errp) && cache_sizes(s, o, c, errp);
}

static bool same_size(const Qcow2Cache *cache, uint64_t entry_bytes, uint64_t entries)
{
    return cache->by_offset && cache->entry_bytes == entry_bytes &&
           cache->max_entries == entries;
}

void qcow2_settings_apply(Qcow2 *s, const Qcow2Settings *c)
{
    uint64_t l2 = MAX(c->l2 / c->entry, 8);
    uint64_t refcount = MAX(c->refcount / s->cluster_bytes, MIN_REFCOUNT_ENTRIES);

    memcpy(s->discard_passes, c->discard_passes, sizeof(s->discard_passes));
    s->overlap = c->overlap;
    s->lazy = c->lazy;
    if (!same_size(&s->l2_cache, c->entry, l2)) {
        qcow2_cache_free(&s->l2_cache);
        s->slice_bits = __builtin_ctzll(c->entry) - __builtin_ctz(s->l2_entry_bytes);
        qcow2_cache_init(&s->l2_cache, c->entry, l2);
    }
    if (!same_size(&s->refcount_cache, s->cluster_bytes, refcount)) {
        qcow2_cache_free(&s->refcount_cache);
        qcow2_cache_init(&s->refcount_cache, s->cluster_bytes, refcount);
    }
}
