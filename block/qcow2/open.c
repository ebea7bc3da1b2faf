/* qcow2: open with all checks, options, close, and the driver's table */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

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
bool co_qcow2_prepare_writing(Qcow2 *s, Error **errp)
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
        ret = co_qcow2_settle_file(s);
        if (!ret) {
            ret = co_qcow2_check_locked(s, &result, BLOCK_FIX_ERRORS | BLOCK_FIX_LEAKS, false);
        }
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
    co_queue_init(&s->prepared);
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
    Qcow2Settings settings;

    if (!co_qcow2_header_load(s, errp)) {
        return false;
    }
    set_geometry(s);
    if (!check_features(s, errp) || !check_tables(s, errp) ||
        !qcow2_settings_check(s, o, node->discard, &settings, errp)) {
        return false;
    }
    qcow2_settings_apply(s, &settings);
    if (!co_load_tables(s, errp) ||
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
    return co_qcow2_prepare_writing(s, errp) && co_qcow2_bitmaps_start(s, errp);
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
            error_set(errp, "Block node is read-only");
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

/* Reopening: what was set is taken over when nothing can fail any more. */

static bool qcow2_co_reopen_prepare(BlockNode *node, const BlockdevOptions *options,
                                    const BlockNode *next, Error **errp)
{
    Qcow2 *s = node->state;
    int ret = 0;

    if (s->h.incompatible & QCOW2_INCOMPAT_CORRUPT && !next->read_only) {
        error_set(errp, "qcow2: Image is corrupt; cannot be opened read/write");
        return false;
    }
    if (!qcow2_settings_check(s, &options->u.qcow2, next->discard, &s->next_settings, errp)) {
        return false;
    }
    s->was_read_only = node->read_only;
    if (!node->read_only && next->read_only && !qcow2_co_store_bitmaps(node, errp)) {
        return false;
    }
    if (!node->read_only && !s->broken) {
        co_mutex_lock(&s->lock);
        ret = co_qcow2_settle(s);
        co_mutex_unlock(&s->lock);
    }
    if (ret) {
        error_set_errno(errp, -ret, "Failed to write back the tables of '%s'", node->name);
    }
    return !ret;
}

static void qcow2_co_reopen_commit(BlockNode *node)
{
    Qcow2 *s = node->state;

    qcow2_settings_apply(s, &s->next_settings);
    /* The file below may not be writable yet: the first write does the rest. */
    s->must_prepare |= !node->read_only && s->was_read_only;
}

static void qcow2_co_reopen_abort(BlockNode *node)
{
    Qcow2 *s = node->state;

    s->must_prepare |= !node->read_only;        /* bitmaps may be stored: they are in use again */
}

int co_qcow2_write_request(Qcow2 *s, Qcow2Request *r)
{
    Error *err = NULL;
    bool ok = true;
    int ret;

    co_qcow2_request_begin(s, r);
    ret = s->broken ? -EIO : co_qcow2_settle_file(s);
    if (ret) {
        qcow2_request_end(s, r);
        return ret;
    }
    while (s->must_prepare && ok) {
        if (s->preparing) {
            co_queue_wait(&s->prepared, NULL);
            continue;
        }
        s->preparing = true;
        ok = co_qcow2_prepare_writing(s, &err) && co_qcow2_bitmaps_use(s, &err);
        s->preparing = false;
        s->must_prepare = !ok;
        co_queue_wake_all(&s->prepared);
    }
    if (!ok) {
        error_report(err);
        qcow2_request_end(s, r);
        return -EIO;
    }
    return 0;
}

static const char *const qcow2_mutable_options[] = {
    "lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other",
    "overlap-check", "cache-size", "l2-cache-size", "l2-cache-entry-size",
    "refcount-cache-size", NULL
};
static const char *const qcow2_strong_options[] = { "data-file", NULL };

static const BlockDriver qcow2_driver = {
    .name = "qcow2", .desc = "QEMU's copy-on-write image format", .size = sizeof(Qcow2),
    .supports_backing = true, .create_is_format = true, .co_open = qcow2_co_open,
    .co_close = qcow2_co_close, .mutable_options = qcow2_mutable_options,
    .co_reopen_prepare = qcow2_co_reopen_prepare, .co_reopen_commit = qcow2_co_reopen_commit,
    .co_reopen_abort = qcow2_co_reopen_abort, .co_preadv = qcow2_co_preadv,
    .co_pwritev = qcow2_co_pwritev,
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
