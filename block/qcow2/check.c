/* qcow2: check an image: count all references anew, compare, repair */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

enum {
    FLAG_OWN = 1,               /* with the flag that it is the only one */
    FLAG_SHARED = 2,            /* without */
};

typedef struct Check {
    Qcow2 *s;
    BlockCheckResult *r;
    unsigned fix;
    bool quiet;                 /* numbers only */
    uint32_t *refs;             /* what refers to each cluster */
    uint8_t *flags;             /* FLAG_*: how entries of the active tables do */
    uint64_t nr_clusters;
    bool rebuild;               /* refcount blocks themselves are not to be trusted */
    bool agrees;                /* refs[] is what the refcounts say, too */
} Check;

static void PRINTF_FORMAT(2, 3) say(const Check *c, const char *fmt, ...)
{
    va_list ap;

    if (!c->quiet) {
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
    }
}

/* Room for references up to cluster; a table that says more is damaged. */
static bool make_room(Check *c, uint64_t cluster)
{
    uint32_t *refs;
    uint8_t *flags;

    if (cluster < c->nr_clusters) {
        return true;
    }
    refs = cluster < INT32_MAX ? g_try_renew(uint32_t, c->refs, cluster + 1) : NULL;
    if (!refs) {
        return false;
    }
    c->refs = refs;
    flags = g_try_renew(uint8_t, c->flags, cluster + 1);
    if (!flags) {
        return false;
    }
    c->flags = flags;
    memset(refs + c->nr_clusters, 0, (cluster + 1 - c->nr_clusters) * sizeof(*refs));
    memset(flags + c->nr_clusters, 0, cluster + 1 - c->nr_clusters);
    c->nr_clusters = cluster + 1;
    return true;
}

static void count(Check *c, uint64_t offset, uint64_t bytes)
{
    Qcow2 *s = c->s;
    uint64_t length = qcow2_file(s)->length, end = offset + bytes;

    if (!bytes) {
        return;
    }
    if (offset > INT64_MAX || bytes > INT64_MAX ||
        (end > length && end - length >= s->cluster_bytes)) {
        say(c, "ERROR: counting reference for region exceeding the end of the file by one "
            "cluster or more: offset 0x%" PRIx64 " size 0x%" PRIx64 "\n", offset, bytes);
        c->r->corruptions++;
        return;
    }
    for (uint64_t i = offset >> s->cluster_bits; i <= (end - 1) >> s->cluster_bits; i++) {
        if (!make_room(c, i) || c->refs[i] == UINT32_MAX) {
            say(c, "ERROR: overflow cluster offset=0x%" PRIx64 "\n", i << s->cluster_bits);
            c->r->corruptions++;
            return;
        }
        c->refs[i]++;
    }
}

/* L2 tables */

static void count_deflated(Check *c, uint64_t entry, bool active)
{
    uint64_t offset, bytes;

    if (entry & QCOW2_COPIED) {
        say(c, "ERROR: coffset=0x%" PRIx64 ": copied flag must never be set for compressed "
            "clusters\n", entry & QCOW2_OFFSET_MASK);
        c->r->corruptions++;
    }
    if (c->s->has_data_file) {
        say(c, "ERROR compressed cluster with data file, entry=0x%" PRIx64 "\n", entry);
        c->r->corruptions++;
        return;
    }
    qcow2_deflated_range(c->s, entry, &offset, &bytes);
    count(c, offset, bytes);
    if (active) {
        c->r->compressed_clusters++;
        c->r->allocated_clusters++;
        c->r->fragmented_clusters++;        /* by nature */
    }
}

/* Where the next cluster of an unfragmented table would be. */
static void count_standard(Check *c, uint64_t entry, bool active, uint64_t *next)
{
    Qcow2 *s = c->s;
    uint64_t offset = entry & QCOW2_OFFSET_MASK;

    if (!qcow2_entry_allocated(s, entry)) {
        return;
    }
    if (offset & (s->cluster_bytes - 1)) {
        say(c, "ERROR offset=%" PRIx64 ": %s is not properly aligned; L2 entry corrupted.\n",
            offset, !s->extended && entry & QCOW2_ZERO ? "Preallocated cluster" : "Data cluster");
        c->r->corruptions++;
    }
    if (active) {
        c->r->allocated_clusters++;
        if (*next && offset != *next) {
            c->r->fragmented_clusters++;
        }
        *next = offset + s->cluster_bytes;
    }
    if (!s->has_data_file) {
        count(c, offset, s->cluster_bytes);
        if (active && offset >> s->cluster_bits < c->nr_clusters) {
            c->flags[offset >> s->cluster_bits] |= entry & QCOW2_COPIED ? FLAG_OWN : FLAG_SHARED;
        }
    }
}

/* p: room for the table */
static int co_count_l2(Check *c, uint64_t table, uint8_t *p, bool active)
{
    Qcow2 *s = c->s;
    uint64_t next = 0;
    int ret = p ? co_qcow2_read_meta(s, table, p, s->cluster_bytes) : -ENOMEM;

    if (ret) {
        say(c, "ERROR: I/O error in check_refcounts_l2\n");
        c->r->check_errors++;
        return ret;
    }
    for (uint32_t i = 0; i < 1U << s->l2_bits; i++) {
        uint64_t entry = ld64_be(p + (size_t)i * s->l2_entry_bytes);

        if (entry & QCOW2_COMPRESSED) {
            count_deflated(c, entry, active);
        } else if (entry) {
            count_standard(c, entry, active, &next);
        }
    }
    return 0;
}

static int co_count_l1(Check *c, const uint64_t *l1, uint32_t entries, uint64_t offset,
                       bool active)
{
    Qcow2 *s = c->s;
    g_autofree uint8_t *l2 = g_try_malloc(s->cluster_bytes);
    int ret = 0;

    count(c, offset, (uint64_t)entries * 8);
    for (uint32_t i = 0; i < entries && !ret; i++) {
        uint64_t table = l1[i] & QCOW2_OFFSET_MASK;

        if (!table) {
            continue;
        }
        count(c, table, s->cluster_bytes);
        if (table & (s->cluster_bytes - 1)) {
            say(c, "ERROR l2_offset=%" PRIx64 ": Table is not cluster aligned; L1 entry "
                "corrupted\n", table);
            c->r->corruptions++;
            continue;
        }
        ret = co_count_l2(c, table, l2, active);
    }
    return ret;
}

static int co_count_snapshots(Check *c)
{
    Qcow2 *s = c->s;
    int ret = 0;

    count(c, s->h.snapshots_offset, s->snapshots_bytes);
    for (uint32_t i = 0; i < s->nr_snapshots && !ret; i++) {
        const Qcow2Snapshot *sn = &s->snapshots[i];
        g_autofree uint64_t *l1 = g_try_new(uint64_t, MAX(sn->l1_entries, 1));

        ret = l1 ? co_qcow2_read_table(s, sn->l1_offset, l1, sn->l1_entries) : -ENOMEM;
        if (ret) {
            c->r->check_errors++;
            break;
        }
        ret = co_count_l1(c, l1, sn->l1_entries, sn->l1_offset, false);
    }
    return ret;
}

static int co_count_bitmaps(Check *c)
{
    Qcow2 *s = c->s;

    if (!s->bitmaps_valid) {
        return 0;
    }
    count(c, s->bitmap_dir_offset, s->bitmap_dir_bytes);
    for (unsigned i = 0; s->bitmaps && i < s->bitmaps->len; i++) {
        const Qcow2Bitmap *b = s->bitmaps->pdata[i];
        g_autofree uint64_t *table = g_try_new(uint64_t, MAX(b->table_entries, 1));
        int ret = table ? co_qcow2_read_table(s, b->table_offset, table, b->table_entries)
                        : -ENOMEM;

        if (ret) {
            c->r->check_errors++;
            return ret;
        }
        count(c, b->table_offset, (uint64_t)b->table_entries * 8);
        for (uint32_t k = 0; k < b->table_entries; k++) {
            if (table[k] & QCOW2_OFFSET_MASK) {
                count(c, table[k] & QCOW2_OFFSET_MASK, s->cluster_bytes);
            }
        }
    }
    return 0;
}

/* Refcount blocks: each exactly once, within the file. */
static void count_refblocks(Check *c)
{
    Qcow2 *s = c->s;
    uint64_t in_file = qcow2_clusters(s, qcow2_file(s)->length);

    count(c, s->reftable_offset, (uint64_t)s->reftable_clusters << s->cluster_bits);
    for (uint32_t i = 0; i < s->reftable_entries; i++) {
        uint64_t offset = s->reftable[i] & QCOW2_REFTABLE_MASK;
        uint64_t cluster = offset >> s->cluster_bits;

        if (!offset) {
            continue;
        }
        if (offset & (s->cluster_bytes - 1)) {
            say(c, "ERROR refcount block %" PRIu32 " is not cluster aligned; refcount table "
                "entry corrupted\n", i);
            c->r->corruptions++;
            c->rebuild = true;
        } else if (cluster >= in_file) {
            say(c, "ERROR refcount block %" PRIu32 " is outside image\n", i);
            c->r->corruptions++;
            c->rebuild = true;
        } else {
            count(c, offset, s->cluster_bytes);
            if (cluster < c->nr_clusters && c->refs[cluster] != 1) {
                say(c, "ERROR refcount block %" PRIu32 " refcount=%" PRIu32 "\n", i,
                    c->refs[cluster]);
                c->r->corruptions++;
                c->rebuild = true;
            }
        }
    }
}

/* Without the refcount blocks that are there, if others will take their place. */
static int co_count_all(Check *c, bool with_refblocks)
{
    Qcow2 *s = c->s;
    uint64_t clusters = qcow2_clusters(s, qcow2_file(s)->length);
    int ret;

    if (clusters && !make_room(c, clusters - 1)) {
        c->r->check_errors++;
        return -EFBIG;
    }
    count(c, 0, s->cluster_bytes);
    ret = co_count_l1(c, s->l1, s->l1_entries, s->l1_offset, true);
    if (!ret) {
        ret = co_count_snapshots(c);
    }
    if (!ret) {
        ret = co_count_bitmaps(c);
    }
    if (!ret && with_refblocks) {
        count_refblocks(c);
    }
    return ret;
}

/* Comparing */

static void compare_one(Check *c, uint64_t i, uint64_t have, uint64_t want, int *fixed)
{
    bool leak = have > want, fix = c->fix & (leak ? BLOCK_FIX_LEAKS : BLOCK_FIX_ERRORS);

    say(c, "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64 "\n",
        fix && !c->rebuild ? "Repairing" : leak ? "Leaked" : "ERROR", i, have, want);
    *fixed = fix && !c->rebuild;
}

/* With rebuild only to say what is wrong. */
static int co_compare(Check *c)
{
    Qcow2 *s = c->s;
    uint64_t highest = 0, first = 0, n = 0, counts[256];
    int ret = 0;

    c->agrees = true;

    for (uint64_t i = 0; i < c->nr_clusters && !ret; i++) {
        uint64_t have, want = c->refs[i];
        int fix = 0;

        if (i == first + n) {
            first = i;
            n = MIN(c->nr_clusters - i, ARRAY_SIZE(counts));
            ret = co_qcow2_refcounts(s, first, counts, &n);
        }
        if (ret) {
            say(c, "Can't get refcount for cluster %" PRIu64 ": %s\n", i, g_strerror(-ret));
            c->r->check_errors++;
            break;
        }
        have = counts[i - first];
        if (have || want) {
            highest = i;
        }
        if (have == want) {
            continue;
        }
        c->agrees = false;
        if (!have && !(i >> s->refblock_bits < s->reftable_entries &&
                       s->reftable[i >> s->refblock_bits])) {
            c->rebuild = true;
        }
        compare_one(c, i, have, want, &fix);
        if (fix && !co_qcow2_refcount_set(s, i, want)) {
            *(have > want ? &c->r->leaks_fixed : &c->r->corruptions_fixed) += 1;
        } else {
            *(have > want ? &c->r->leaks : &c->r->corruptions) += 1;
        }
    }
    c->r->image_end_offset = (highest + 1) << s->cluster_bits;
    return ret;
}

/* The flag that says that an entry has its cluster for itself. */

static bool flag_wrong(Check *c, uint64_t entry, uint64_t refcount)
{
    return (refcount == 1) != !!(entry & QCOW2_COPIED);
}

static void flag_result(Check *c, bool fixed)
{
    if (fixed) {
        c->r->corruptions_fixed++;
    } else {
        c->r->corruptions++;
    }
}

static int co_check_l2_flags(Check *c, uint64_t guest)
{
    Qcow2 *s = c->s;
    bool fix = c->fix & BLOCK_FIX_ERRORS;

    for (uint32_t i = 0; i < 1U << s->l2_bits;) {
        Qcow2L2 l2;
        int ret = co_qcow2_l2_get(s, guest + ((uint64_t)i << s->cluster_bits), &l2);
        uint32_t left;

        if (ret || !l2.slice) {
            return ret;
        }
        left = qcow2_l2_left(s, &l2);
        for (uint32_t k = 0; k < left && !ret; k++) {
            uint64_t entry = qcow2_l2_entry(s, &l2, k), n = 1;
            uint64_t bitmap = qcow2_l2_bitmap(s, &l2, k);

            if (entry & QCOW2_COMPRESSED || !qcow2_entry_allocated(s, entry) ||
                entry & QCOW2_OFFSET_MASK & (s->cluster_bytes - 1)) {
                continue;
            }
            if (!s->has_data_file) {
                ret = co_qcow2_refcount(s, (entry & QCOW2_OFFSET_MASK) >> s->cluster_bits, &n);
            }
            if (!ret && flag_wrong(c, entry, n)) {
                say(c, "%s OFLAG_COPIED data cluster: l2_entry=%" PRIx64 " refcount=%" PRIu64
                    "\n", fix ? "Repairing" : "ERROR", entry, n);
                flag_result(c, fix);
                if (fix) {
                    qcow2_l2_set(s, &l2, k, entry ^ QCOW2_COPIED, bitmap);
                }
            }
        }
        qcow2_cache_put(l2.slice);
        if (!ret && s->l2_cache.nr_dirty > s->l2_cache.max_entries / 2) {
            ret = co_qcow2_commit(s);
        }
        if (ret) {
            return ret;
        }
        i += left;
    }
    return 0;
}

/* Counting has seen all L2 entries: is there a reason to look at each again? */
static bool l2_flags_right(const Check *c)
{
    if (!c->agrees || c->s->has_data_file || c->r->corruptions || c->r->corruptions_fixed) {
        return false;
    }
    for (uint64_t i = 0; i < c->nr_clusters; i++) {
        if (c->flags[i] & (c->refs[i] == 1 ? FLAG_SHARED : FLAG_OWN)) {
            return false;
        }
    }
    return true;
}

static int co_check_flags(Check *c)
{
    Qcow2 *s = c->s;
    bool fix = c->fix & BLOCK_FIX_ERRORS, right = l2_flags_right(c);
    int ret = 0;

    if (c->rebuild && !fix) {
        return 0;                       /* the refcounts say nothing */
    }
    for (uint32_t i = 0; i < s->l1_entries && !ret; i++) {
        uint64_t table = s->l1[i] & QCOW2_OFFSET_MASK, n;

        if (!table || table & (s->cluster_bytes - 1)) {
            continue;
        }
        ret = co_qcow2_refcount(s, table >> s->cluster_bits, &n);
        if (!ret && flag_wrong(c, s->l1[i], n)) {
            say(c, "%s OFLAG_COPIED L2 cluster: l1_index=%" PRIu32 " l1_entry=%" PRIx64
                " refcount=%" PRIu64 "\n", fix ? "Repairing" : "ERROR", i, s->l1[i], n);
            flag_result(c, fix);
            if (fix) {
                s->l1[i] ^= QCOW2_COPIED;
                s->l1_dirty[i / (QCOW2_SECTOR / 8)] = 1;
                s->l1_any_dirty = true;
            }
        }
        if (!ret && !right) {
            ret = co_check_l2_flags(c, (uint64_t)i << (s->l2_bits + s->cluster_bits));
        }
    }
    return ret;
}

static int co_rebuild(Check *c)
{
    BlockCheckResult ignored = {};
    Check again = { .s = c->s, .r = &ignored, .quiet = true };
    int ret = co_count_all(&again, false);

    if (!ret) {
        ret = co_qcow2_rebuild_refcounts(c->s, again.refs, again.nr_clusters);
    }
    g_free(again.refs);
    g_free(again.flags);
    if (!ret) {
        c->r->corruptions_fixed += c->r->corruptions;
        c->r->leaks_fixed += c->r->leaks;
        c->r->corruptions = c->r->leaks = 0;
    }
    return ret;
}

static int co_mark_clean(Qcow2 *s)
{
    int ret = 0;

    if (s->h.incompatible & QCOW2_INCOMPAT_DIRTY) {
        ret = co_qcow2_set_incompatible(s, QCOW2_INCOMPAT_DIRTY, false);
    }
    if (!ret && s->h.incompatible & QCOW2_INCOMPAT_CORRUPT) {
        ret = co_qcow2_set_incompatible(s, QCOW2_INCOMPAT_CORRUPT, false);
    }
    return ret;
}

int co_qcow2_check_locked(Qcow2 *s, BlockCheckResult *r, unsigned fix, bool quiet)
{
    Check c = { .s = s, .r = r, .fix = fix, .quiet = quiet };
    BlockCheckResult before;
    bool lazy = s->lazy;
    int ret = 0;

    s->lazy = false;
    if (!s->node->read_only) {
        ret = co_qcow2_flush(s);
        if (!ret) {
            ret = co_qcow2_flush(s);
        }
    }
    r->total_clusters = qcow2_clusters(s, s->size);
    if (!ret) {
        ret = co_count_all(&c, true);
    }
    if (!ret && fix) {
        /* First tell what is wrong, as in a check without repair. */
        c.fix = 0;
        before = *r;
        ret = co_compare(&c);
        *r = before;
        c.fix = fix;
    }
    if (!ret && !c.rebuild) {
        ret = co_compare(&c);
    }
    if (!ret && c.rebuild && fix & BLOCK_FIX_ERRORS) {
        say(&c, "Rebuilding refcount structure\n");
        ret = co_rebuild(&c);
    }
    if (!ret) {
        ret = co_check_flags(&c);
    }
    if (!ret && fix) {
        ret = co_qcow2_flush(s);
    }
    if (!ret && fix && !r->corruptions && !r->check_errors) {
        ret = co_mark_clean(s);
    }
    s->lazy = lazy;
    g_free(c.refs);
    g_free(c.flags);
    return ret;
}

int qcow2_co_check(BlockNode *node, BlockCheckResult *result, unsigned fix)
{
    Qcow2 *s = node->state;
    int ret;

    co_qcow2_quiesce(s);
    co_mutex_lock(&s->lock);
    ret = fix ? co_qcow2_settle_file(s) : 0;
    ret = ret ? ret : co_qcow2_check_locked(s, result, fix, false);
    co_mutex_unlock(&s->lock);
    qcow2_resume(s);
    return ret;
}
