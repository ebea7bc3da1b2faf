/* qcow2: open with all checks, options, close, and the driver's table */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

enum {
    MAX_L2_CACHE = 32 << 20,            /* as QEMU: covers 256 GiB at 64 KiB clusters */
    MIN_REFCOUNT_ENTRIES = 4,
    DEFAULT_SLICE = 4096,
};

/* Geometry */

static void set_geometry(Qcow2 *s)
{
    const Qcow2Header *h = &s->h;

    s->extended = h->incompatible & QCOW2_INCOMPAT_EXTL2;
    s->has_data_file = h->incompatible & QCOW2_INCOMPAT_DATA_FILE;
    s->raw_data_file = s->has_data_file && h->autoclear & QCOW2_AUTOCLEAR_RAW;
    s->l2_entry_bytes = s->extended ? 16 : 8;
    s->l2_bits = s->cluster_bits - (s->extended ? 4 : 3);
    s->subclusters = s->extended ? QCOW2_SUBCLUSTERS : 1;
    s->subcluster_bits = s->cluster_bits - (s->extended ? 5 : 0);
    s->subcluster_bytes = 1U << s->subcluster_bits;
    s->refblock_bits = s->cluster_bits + 3 - h->refcount_order;
    /* One less than a signed 64-bit number holds, so that sums of them do not overflow. */
    s->max_refcount = h->refcount_order == 6 ? INT64_MAX
                                             : (1ULL << (1U << h->refcount_order)) - 1;
    s->size = h->size;
    s->node->length = h->size;
}

/* A table of n entries of bytes each at offset, as the header says. */
static bool check_table(const Qcow2 *s, uint64_t offset, uint64_t n, size_t bytes, uint64_t max,
                        const char *name, Error **errp)
{
    if (n > max / bytes) {
        error_set(errp, "%s too large", name);
        return false;
    }
    if (offset > INT64_MAX - n * bytes || offset & (s->cluster_bytes - 1)) {
        error_set(errp, "%s offset invalid", name);
        return false;
    }
    return true;
}

static bool check_features(Qcow2 *s, Error **errp)
{
    const Qcow2Header *h = &s->h;

    if (h->crypt) {
        error_set(errp, "Image '%s' is encrypted (method %" PRIu32 "), which Mica cannot read",
                  s->node->filename ? s->node->filename : s->node->name, h->crypt);
        error_hint(errp, "'qemu-img convert' makes a plain image of it");
        return false;
    }
    if (h->length & 7) {
        error_set(errp, "qcow2 header length %" PRIu32 " is not a multiple of 8", h->length);
        return false;
    }
    if (h->incompatible & QCOW2_INCOMPAT_EXTL2 && s->cluster_bits < 14) {
        error_set(errp, "qcow2: extended L2 entries need clusters of at least 16384 bytes");
        return false;
    }
    if (!(h->incompatible & QCOW2_INCOMPAT_COMPRESSION) != !h->compression) {
        error_set(errp, "qcow2: Compression type incompatible feature bit must %sbe set",
                  h->compression ? "" : "not ");
        return false;
    }
    if (!qcow2_compression_ok(h->compression)) {
        error_set(errp, "qcow2: unknown compression type: %u", h->compression);
        return false;
    }
    if (h->incompatible & QCOW2_INCOMPAT_CORRUPT && !s->node->read_only &&
        !(s->node->open_flags & BLOCK_OPEN_CHECK)) {
        error_set(errp, "qcow2: Image is corrupt; cannot be opened read/write");
        return false;
    }
    return true;
}

static bool check_tables(Qcow2 *s, Error **errp)
{
    const Qcow2Header *h = &s->h;

    if (!h->reftable_clusters && !(s->node->open_flags & BLOCK_OPEN_CHECK)) {
        error_set(errp, "Image does not contain a reference count table");
        return false;
    }
    if (!check_table(s, h->reftable_offset, h->reftable_clusters, s->cluster_bytes,
                     QCOW2_MAX_REFTABLE_BYTES, "Reference count table", errp) ||
        !check_table(s, h->snapshots_offset, h->nr_snapshots, 40,
                     QCOW2_MAX_SNAPSHOTS * 40ULL, "Snapshot table", errp) ||
        !check_table(s, h->l1_offset, h->l1_entries, 8, QCOW2_MAX_L1_BYTES, "Active L1 table",
                     errp)) {
        return false;
    }
    if (qcow2_l1_needed(s, h->size) > INT32_MAX || h->size > INT64_MAX) {
        error_set(errp, "Image is too big");
        return false;
    }
    if (h->l1_entries < qcow2_l1_needed(s, h->size)) {
        error_set(errp, "L1 table is too small");
        return false;
    }
    return true;
}

/* Options */

static bool set_discards(Qcow2 *s, const BlockdevOptionsQcow2 *o)
{
    s->discard_passes[QCOW2_DISCARD_ALWAYS] = true;
    s->discard_passes[QCOW2_DISCARD_REQUEST] = o->has_pass_discard_request
                                                   ? o->pass_discard_request : s->node->discard;
    s->discard_passes[QCOW2_DISCARD_SNAPSHOT] =
        !o->has_pass_discard_snapshot || o->pass_discard_snapshot;
    s->discard_passes[QCOW2_DISCARD_OTHER] = o->has_pass_discard_other && o->pass_discard_other;
    return true;
}

typedef struct CacheSizes {
    uint64_t l2, refcount, entry;
} CacheSizes;

static bool cache_sizes(const Qcow2 *s, const BlockdevOptionsQcow2 *o, CacheSizes *c,
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

static bool init_caches(Qcow2 *s, const BlockdevOptionsQcow2 *o, Error **errp)
{
    CacheSizes c;

    if (!cache_sizes(s, o, &c, errp)) {
        return false;
    }
    s->slice_bits = __builtin_ctzll(c.entry) - __builtin_ctz(s->l2_entry_bytes);
    qcow2_cache_init(&s->l2_cache, c.entry, MAX(c.l2 / c.entry, 8));
    qcow2_cache_init(&s->refcount_cache, s->cluster_bytes,
                     MAX(c.refcount / s->cluster_bytes, MIN_REFCOUNT_ENTRIES));
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

static void set_overlap(Qcow2 *s, const Qcow2OverlapChecks *o)
{
    const Qcow2OverlapCheckFlags *f;

    s->overlap = OVERLAP_CACHED;
    if (!o) {
        return;
    }
    if (o->type == QCOW2_OVERLAP_CHECKS_MODE) {
        s->overlap = overlap_template(o->u.mode);
        return;
    }
    f = &o->u.flags;
    if (f->has_template) {
        s->overlap = overlap_template(f->template);
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
                s->overlap = flags[i].on ? s->overlap | BIT(flags[i].meta)
                                         : s->overlap & ~BIT(flags[i].meta);
            }
        }
    }
}

static bool set_lazy(Qcow2 *s, const BlockdevOptionsQcow2 *o, Error **errp)
{
    s->lazy = o->has_lazy_refcounts ? o->lazy_refcounts : s->h.compatible & QCOW2_COMPAT_LAZY;
    if (s->lazy && s->h.version < 3) {
        error_set(errp, "Lazy refcounts require a qcow2 image with at least qemu 1.1 "
                  "compatibility level");
        return false;
    }
    return true;
}

/* Tables */

static bool co_load_tables(Qcow2 *s, Error **errp)
{
    uint32_t per_sector = QCOW2_SECTOR / 8;
    int ret;

    s->l1_entries = s->h.l1_entries;
    s->l1_offset = s->h.l1_offset;
    s->reftable_offset = s->h.reftable_offset;
    s->reftable_clusters = s->h.reftable_clusters;
    s->reftable_entries = ((uint64_t)s->reftable_clusters << s->cluster_bits) / 8;
    s->l1 = g_try_new0(uint64_t, MAX(s->l1_entries, 1));
    s->reftable = g_try_new0(uint64_t, MAX(s->reftable_entries, 1));
    s->l1_dirty = g_malloc0(s->l1_entries / per_sector + 1);
    s->reftable_dirty = g_malloc0(s->reftable_entries / per_sector + 1);
    if (!s->l1 || !s->reftable) {
        error_set(errp, "No memory for the tables of '%s'", s->node->name);
        return false;
    }
    ret = co_qcow2_read_table(s, s->l1_offset, s->l1, s->l1_entries);
    if (ret) {
        error_set_errno(errp, -ret, "Could not read L1 table");
        return false;
    }
    ret = co_qcow2_read_table(s, s->reftable_offset, s->reftable, s->reftable_entries);
    if (ret) {
        error_set_errno(errp, -ret, "Could not initialize refcount handling");
        return false;
    }
    return true;
}

/* Bytes behind the end of the file are zeroes once they are inside. */
static bool grows(BlockNode *node)
{
    BlockNode *below;

    while ((below = block_filtered(node))) {
        node = below;
    }
    return node->driver->grows;
}

static bool co_open_data_file(Qcow2 *s, const BlockdevOptionsQcow2 *o, Error **errp)
{
    BlockNode *node = s->node;
    g_autofree char *path = NULL;
    BlockdevRef ref = { .type = BLOCKDEV_REF_DEFINITION };
    BlockChild *child;

    s->data_child = node->file;
    if (!s->has_data_file) {
        if (o->data_file) {
            error_set(errp, "'data-file' can only be set for images with an external data file");
            return false;
        }
        return true;
    }
    if (node->open_flags & BLOCK_OPEN_NO_DATA_FILE) {
        return true;
    }
    if (!o->data_file && !s->data_file) {
        error_set(errp, "'data-file' is required for this image");
        return false;
    }
    if (!o->data_file) {
        path = block_backing_path(node->file->node->filename, s->data_file, errp);
        if (!path) {
            return false;
        }
        ref.u.definition = (BlockdevOptions){ .driver = BLOCKDEV_DRIVER_FILE };
        ref.u.definition.u.file.filename = path;
    }
    child = co_block_open_child(node, "data-file", BLOCK_CHILD_DATA,
                                o->data_file ? o->data_file : &ref, errp);
    if (!child) {
        error_prepend(errp, "Could not open 'data-file': ");
        return false;
    }
    s->data_child = child;
    return true;
}

static void set_limits(Qcow2 *s)
{
    s->node->limits = (BlockLimits){
        .request_alignment = 1, .zeroes_alignment = s->subcluster_bytes,
        .discard_alignment = s->cluster_bytes,
        .memory_alignment = qcow2_data(s)->limits.memory_alignment,
    };
}

/* What an image that may be written needs first. */
static bool co_prepare_writing(Qcow2 *s, Error **errp)
{
    BlockCheckResult result = {};
    int ret = 0;

    if (s->node->read_only || s->node->open_flags & (BLOCK_OPEN_CHECK | BLOCK_OPEN_NO_IO)) {
        return true;
    }
    if (s->h.autoclear & ~QCOW2_AUTOCLEAR_ALL) {
        s->h.autoclear &= QCOW2_AUTOCLEAR_ALL;
        ret = co_qcow2_header_write(s);
        if (ret) {
            error_set_errno(errp, -ret, "Could not update qcow2 header");
            return false;
        }
    }
    if (s->h.incompatible & QCOW2_INCOMPAT_DIRTY) {
        co_mutex_lock(&s->lock);
        ret = co_qcow2_check_locked(s, &result, BLOCK_FIX_ERRORS | BLOCK_FIX_LEAKS, false);
        co_mutex_unlock(&s->lock);
        if (ret || result.check_errors) {
            error_set_errno(errp, ret ? -ret : EIO, "Could not repair dirty image");
            return false;
        }
    }
    return true;
}

static void init_state(Qcow2 *s, BlockNode *node)
{
    s->node = node;
    s->extensions = g_array_new(false, false, sizeof(Qcow2Extension));
    s->frees = g_array_new(false, false, sizeof(Qcow2Free));
    s->meta = g_hash_table_new(g_direct_hash, g_direct_equal);
    co_mutex_init(&s->lock);
    co_queue_init(&s->quiesced);
    co_queue_init(&s->idle);
    list_init(&s->requests);
    list_init(&s->fillings);
    s->next_seq = 1;
}

static void free_state(Qcow2 *s)
{
    qcow2_header_free(s);
    qcow2_snapshots_free(s);
    qcow2_bitmaps_free(s);
    qcow2_cache_free(&s->l2_cache);
    qcow2_cache_free(&s->refcount_cache);
    g_array_free(s->frees, true);
    g_hash_table_destroy(s->meta);
    g_free(s->l1);
    g_free(s->l1_dirty);
    g_free(s->reftable);
    g_free(s->reftable_dirty);
    free(s->inflated);
}

static bool co_open_image(Qcow2 *s, const BlockdevOptionsQcow2 *o, Error **errp)
{
    BlockNode *node = s->node;

    if (!co_qcow2_header_load(s, errp)) {
        return false;
    }
    set_geometry(s);
    set_discards(s, o);
    set_overlap(s, o->overlap_check);
    if (!check_features(s, errp) || !check_tables(s, errp) || !set_lazy(s, o, errp) ||
        !init_caches(s, o, errp) || !co_load_tables(s, errp) ||
        !co_qcow2_snapshots_load(s, errp) || !co_open_data_file(s, o, errp) ||
        !co_qcow2_bitmaps_load(s, errp)) {
        return false;
    }
    s->file_grows = grows(node->file->node);
    s->fresh_from = s->file_grows ? qcow2_cluster_up(s, node->file->node->length) : UINT64_MAX;
    set_limits(s);
    co_qcow2_meta_build(s);
    if (!(node->open_flags & BLOCK_OPEN_NO_BACKING) &&
        !co_block_open_backing(node, o->backing, errp)) {
        return false;
    }
    if (node->backing && s->raw_data_file) {
        error_set(errp, "data-file-raw requires that there is no backing file");
        return false;
    }
    return co_prepare_writing(s, errp) && co_qcow2_bitmaps_start(s, errp);
}

static bool qcow2_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsQcow2 *o = &options->u.qcow2;
    Qcow2 *s = node->state;

    if (!co_block_open_file(node, BLOCK_CHILD_IMAGE, o->file, errp)) {
        return false;
    }
    if (node->file->node->read_only && !node->read_only) {
        if (!node->auto_read_only) {
            error_set(errp, "Block node '%s' is read-only", node->file->node->name);
            return false;
        }
        node->read_only = true;
    }
    init_state(s, node);
    if (!co_open_image(s, o, errp)) {
        free_state(s);
        return false;
    }
    return true;
}

/* All is in the file, counted, and the dirty bit is gone. */
int co_qcow2_inactivate(Qcow2 *s)
{
    Error *err = NULL;
    int ret = 0;

    if (s->node->read_only || s->broken ||
        s->node->open_flags & (BLOCK_OPEN_NO_IO | BLOCK_OPEN_CHECK)) {
        return 0;
    }
    if (!qcow2_co_store_bitmaps(s->node, &err)) {
        error_report(err);
    }
    co_mutex_lock(&s->lock);
    ret = co_qcow2_settle(s);
    co_mutex_unlock(&s->lock);
    return ret;
}

static void qcow2_co_close(BlockNode *node)
{
    Qcow2 *s = node->state;
    int ret = co_qcow2_inactivate(s);

    if (ret) {
        report_error("Failed to write back the tables of '%s': %s",
                     node->filename ? node->filename : node->name, g_strerror(-ret));
    }
    free_state(s);
}

static bool qcow2_get_info(BlockNode *node, BlockDriverInfo *info)
{
    Qcow2 *s = node->state;

    info->cluster_size = s->cluster_bytes;
    info->subcluster_size = s->subcluster_bytes;
    info->vm_state_offset = qcow2_vmstate_offset(s);
    info->is_dirty = s->h.incompatible & QCOW2_INCOMPAT_DIRTY;
    return true;
}

static const char *const qcow2_strong_options[] = { "data-file", NULL };

static const BlockDriver qcow2_driver = {
    .name = "qcow2", .desc = "QEMU's copy-on-write image format", .size = sizeof(Qcow2),
    .supports_backing = true, .create_is_format = true, .co_open = qcow2_co_open,
    .co_close = qcow2_co_close, .co_preadv = qcow2_co_preadv, .co_pwritev = qcow2_co_pwritev,
    .co_pwrite_zeroes = qcow2_co_pwrite_zeroes, .co_pdiscard = qcow2_co_pdiscard,
    .co_flush = qcow2_co_flush, .co_pwritev_compressed = qcow2_co_pwritev_compressed,
    .co_block_status = qcow2_co_block_status, .co_truncate = qcow2_co_truncate,
    .create_options = qcow2_create_options, .co_create = qcow2_co_create,
    .co_amend = qcow2_co_amend, .amend_options = qcow2_amend_options,
    .co_check = qcow2_co_check, .co_change_backing_file = qcow2_co_change_backing_file,
    .co_make_empty = qcow2_co_make_empty, .get_info = qcow2_get_info,
    .co_get_specific_info = qcow2_co_get_specific_info, .co_measure = qcow2_co_measure,
    .strong_options = qcow2_strong_options,
    .co_snapshot_create = qcow2_co_snapshot_create, .co_snapshot_goto = qcow2_co_snapshot_goto,
    .co_snapshot_delete = qcow2_co_snapshot_delete, .co_snapshot_list = qcow2_co_snapshot_list,
    .co_snapshot_load_tmp = qcow2_co_snapshot_load_tmp,
    .co_can_store_bitmap = qcow2_co_can_store_bitmap,
    .co_store_bitmaps = qcow2_co_store_bitmaps, .co_remove_bitmap = qcow2_co_remove_bitmap,
    .co_save_vmstate = qcow2_co_save_vmstate, .co_load_vmstate = qcow2_co_load_vmstate,
};
REGISTER_BLOCK_DRIVER(qcow2_driver)
