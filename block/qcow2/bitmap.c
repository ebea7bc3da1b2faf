/* qcow2: dirty bitmaps that the image keeps */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

enum {
    ENTRY_BYTES = 24,
    MAX_NAME = 1023,
    MIN_GRANULARITY = 9,
    MAX_GRANULARITY = 31,
    MAX_TABLE_ENTRIES = 1 << 23,
};

static void bitmap_free(gpointer opaque)
{
    Qcow2Bitmap *b = opaque;

    g_free(b->name);
    g_free(b->extra);
    g_free(b);
}

void qcow2_bitmaps_free(Qcow2 *s)
{
    if (s->bitmaps) {
        g_ptr_array_free(s->bitmaps, true);
        s->bitmaps = NULL;
    }
}

/* "Bitmap directory": the entry at p, of at most room bytes; 0: there is none that is sane. */
static uint32_t parse_entry(const Qcow2 *s, const uint8_t *p, uint64_t room, Qcow2Bitmap *b)
{
    uint32_t name_len, bytes;

    if (room < ENTRY_BYTES) {
        return 0;
    }
    *b = (Qcow2Bitmap){ .table_offset = ld64_be(p), .table_entries = ld32_be(p + 8),
                        .flags = ld32_be(p + 12), .granularity_bits = p[17],
                        .extra_bytes = ld32_be(p + 20) };
    name_len = ld16_be(p + 18);
    if (!name_len || name_len > MAX_NAME || b->extra_bytes > room - ENTRY_BYTES ||
        name_len > room - ENTRY_BYTES - b->extra_bytes ||
        b->table_entries > MAX_TABLE_ENTRIES || b->table_offset & (s->cluster_bytes - 1) ||
        !b->table_offset || b->table_offset > INT64_MAX / 2 ||
        b->granularity_bits < MIN_GRANULARITY || b->granularity_bits > MAX_GRANULARITY ||
        p[16] != 1) {
        return 0;
    }
    bytes = ROUND_UP(ENTRY_BYTES + b->extra_bytes + name_len, 8);
    b->extra = b->extra_bytes ? g_memdup2(p + ENTRY_BYTES, b->extra_bytes) : NULL;
    b->name = g_strndup((const char *)p + ENTRY_BYTES + b->extra_bytes, name_len);
    return bytes;
}

bool co_qcow2_bitmaps_load(Qcow2 *s, Error **errp)
{
    g_autofree uint8_t *dir = NULL;
    uint64_t at = 0;
    int ret;

    s->bitmaps = g_ptr_array_new_with_free_func(bitmap_free);
    if (!s->bitmaps_valid) {
        return true;
    }
    dir = g_try_malloc(s->bitmap_dir_bytes + 1);
    ret = dir ? co_qcow2_read_meta(s, s->bitmap_dir_offset, dir, s->bitmap_dir_bytes) : -ENOMEM;
    if (ret) {
        error_set_errno(errp, -ret, "Could not read bitmap directory");
        return false;
    }
    for (uint32_t i = 0; i < s->nr_disk_bitmaps; i++) {
        Qcow2Bitmap *b = g_new0(Qcow2Bitmap, 1);
        uint32_t bytes = parse_entry(s, dir + at, s->bitmap_dir_bytes - at, b);

        g_ptr_array_add(s->bitmaps, b);
        if (!bytes || bytes > s->bitmap_dir_bytes - at) {
            error_set(errp, "Broken bitmap directory");
            return false;
        }
        at += bytes;
    }
    return true;
}
