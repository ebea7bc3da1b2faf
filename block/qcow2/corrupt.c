/* qcow2: what to do about images that contradict themselves, and keeping data off metadata */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"
#include "qapi/events-block-common.h"

static const char *const meta_names[QCOW2_NR_METAS] = {
    [QCOW2_META_HEADER] = "qcow2_header",
    [QCOW2_META_ACTIVE_L1] = "active L1 table",
    [QCOW2_META_ACTIVE_L2] = "active L2 table",
    [QCOW2_META_REFBLOCK] = "refcount block",
    [QCOW2_META_REFTABLE] = "refcount table",
    [QCOW2_META_SNAPSHOTS] = "snapshot table",
    [QCOW2_META_INACTIVE_L1] = "inactive L1 table",
    [QCOW2_META_INACTIVE_L2] = "inactive L2 table",
    [QCOW2_META_BITMAPS] = "bitmap directory",
};

typedef struct Drive {
    const BlockNode *node;
    const char *id;
} Drive;

static void find_drive(BlockBackend *blk, void *opaque)
{
    Drive *drive = opaque;

    if (blk_node(blk) == drive->node && blk_id(blk)) {
        drive->id = blk_id(blk);
    }
}

static void tell(const Qcow2 *s, const char *text, bool fatal)
{
    Drive drive = { s->node, "" };

    blks_for_each(find_drive, &drive);
    qapi_event_send_block_image_corrupted(drive.id, s->node->name, text, false, 0, false, 0,
                                          fatal);
}

int co_qcow2_corrupt(Qcow2 *s, bool fatal, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    bool seen = fatal ? s->broken : s->corrupt_reported;
    va_list ap;

    if (seen) {
        return -EIO;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fatal = fatal && !s->node->read_only;
    s->corrupt_reported = true;
    tell(s, text, fatal);
    if (!fatal) {
        fprintf(stderr, "qcow2: Image is corrupt: %s; further non-fatal corruption events will "
                "be suppressed\n", text);
        return -EIO;
    }
    fprintf(stderr, "qcow2: Marking image as corrupt: %s; further corruption events will be "
            "suppressed\n", text);
    s->broken = true;
    if (s->h.version >= 3) {
        co_qcow2_set_incompatible(s, QCOW2_INCOMPAT_CORRUPT, true);
    }
    return -EIO;
}

void qcow2_meta_set(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Meta meta)
{
    uint64_t end = offset + bytes;

    for (uint64_t at = offset >> s->cluster_bits; bytes && at <= (end - 1) >> s->cluster_bits;
         at++) {
        g_hash_table_insert(s->meta, GSIZE_TO_POINTER(at + 1), GINT_TO_POINTER(meta));
    }
}

void qcow2_meta_clear(Qcow2 *s, uint64_t offset, uint64_t bytes)
{
    uint64_t end = offset + bytes;

    for (uint64_t at = offset >> s->cluster_bits; bytes && at <= (end - 1) >> s->cluster_bits;
         at++) {
        g_hash_table_remove(s->meta, GSIZE_TO_POINTER(at + 1));
    }
}

void co_qcow2_meta_build(Qcow2 *s)
{
    g_hash_table_remove_all(s->meta);
    for (uint32_t i = 0; i < s->nr_snapshots; i++) {
        qcow2_meta_set(s, s->snapshots[i].l1_offset, (uint64_t)s->snapshots[i].l1_entries * 8,
                       QCOW2_META_INACTIVE_L1);
    }
    if (s->bitmaps_valid) {
        qcow2_meta_set(s, s->bitmap_dir_offset, s->bitmap_dir_bytes, QCOW2_META_BITMAPS);
    }
    qcow2_meta_set(s, s->h.snapshots_offset, s->snapshots_bytes, QCOW2_META_SNAPSHOTS);
    for (uint32_t i = 0; i < s->l1_entries; i++) {
        if (s->l1[i] & QCOW2_OFFSET_MASK) {
            qcow2_meta_set(s, s->l1[i] & QCOW2_OFFSET_MASK, s->cluster_bytes,
                           QCOW2_META_ACTIVE_L2);
        }
    }
    qcow2_meta_set(s, s->l1_offset, (uint64_t)s->l1_entries * 8, QCOW2_META_ACTIVE_L1);
    for (uint32_t i = 0; i < s->reftable_entries; i++) {
        if (s->reftable[i] & QCOW2_REFTABLE_MASK) {
            qcow2_meta_set(s, s->reftable[i] & QCOW2_REFTABLE_MASK, s->cluster_bytes,
                           QCOW2_META_REFBLOCK);
        }
    }
    qcow2_meta_set(s, s->reftable_offset, (uint64_t)s->reftable_clusters << s->cluster_bits,
                   QCOW2_META_REFTABLE);
    qcow2_meta_set(s, 0, s->cluster_bytes, QCOW2_META_HEADER);
}

int co_qcow2_check_overlap(Qcow2 *s, uint64_t offset, uint64_t bytes)
{
    uint64_t end = offset + bytes;

    for (uint64_t at = offset >> s->cluster_bits; bytes && at <= (end - 1) >> s->cluster_bits;
         at++) {
        unsigned meta = GPOINTER_TO_INT(g_hash_table_lookup(s->meta, GSIZE_TO_POINTER(at + 1)));

        if (meta && s->overlap & BIT(meta)) {
            return co_qcow2_corrupt(s, true, "Preventing invalid write on metadata (overlaps "
                                    "with %s)", meta_names[meta]);
        }
    }
    return 0;
}
