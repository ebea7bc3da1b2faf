/* qcow2: dirty bitmaps that the image keeps */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/qcow2/qcow2.h"

enum {
    ENTRY_BYTES = 24,
    MAX_NAME = 1023,
    MIN_GRANULARITY = 9,
    MAX_GRANULARITY = 31,
    MAX_TABLE_ENTRIES = 1 << 23,
    FLAG_IN_USE = 1 << 0,
    FLAG_AUTO = 1 << 1,
    FLAG_EXTRA_COMPATIBLE = 1 << 2,
    FLAGS_KNOWN = (1 << 3) - 1,
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

/* From the image into memory */

/* The bits of table entry i, which covers count items of hb from start on. */
static int co_load_piece(Qcow2 *s, HBitmap *hb, uint64_t entry, uint64_t start, uint64_t count,
                         uint8_t *buf)
{
    uint64_t offset = entry & QCOW2_OFFSET_MASK;
    int ret;

    if (offset & (s->cluster_bytes - 1) || entry & ~(QCOW2_OFFSET_MASK | 1) ||
        (offset && entry & 1)) {
        return -EINVAL;
    }
    if (!offset) {
        if (entry & 1) {
            hbitmap_set(hb, start, count);
        }
        return 0;
    }
    ret = co_qcow2_read_meta(s, offset, buf, s->cluster_bytes);
    if (!ret) {
        hbitmap_deserialize(hb, buf, start, count);
    }
    return ret;
}

/* Bytes of the disk that a cluster of bits covers. */
static uint64_t piece_bytes(const Qcow2 *s, unsigned granularity_bits)
{
    return (uint64_t)s->cluster_bytes * 8 << granularity_bits;
}

static int co_load_bits(Qcow2 *s, const Qcow2Bitmap *b, HBitmap *hb)
{
    uint64_t piece = piece_bytes(s, b->granularity_bits);
    g_autofree uint64_t *table = g_try_new(uint64_t, MAX(b->table_entries, 1));
    g_autofree uint8_t *buf = g_try_malloc(s->cluster_bytes);
    int ret;

    if (b->table_entries != (s->size + piece - 1) / piece) {
        return -EINVAL;
    }
    if (!table || !buf) {
        return -ENOMEM;
    }
    ret = co_qcow2_read_table(s, b->table_offset, table, b->table_entries);
    for (uint32_t i = 0; i < b->table_entries && !ret; i++) {
        ret = co_load_piece(s, hb, table[i], i * piece, MIN(piece, s->size - i * piece), buf);
    }
    return ret;
}

static bool usable(const Qcow2Bitmap *b)
{
    return !(b->flags & FLAG_IN_USE) && (!b->extra_bytes || b->flags & FLAG_EXTRA_COMPATIBLE) &&
           !(b->flags & ~FLAGS_KNOWN);
}

static bool co_start_one(Qcow2 *s, Qcow2Bitmap *b, Error **errp)
{
    BlockDirtyBitmap *bitmap;
    int ret;

    if (b->extra_bytes && !(b->flags & FLAG_EXTRA_COMPATIBLE)) {
        return true;                    /* the specification: leave it as it is */
    }
    bitmap = block_dirty_bitmap_new(s->node, b->name, 1U << b->granularity_bits, errp);
    if (!bitmap) {
        return false;
    }
    bitmap->persistent = true;
    bitmap->disabled = !(b->flags & FLAG_AUTO);
    bitmap->readonly = s->node->read_only;
    b->loaded = true;
    if (!usable(b)) {
        bitmap->inconsistent = true;
        bitmap->disabled = true;
        return true;
    }
    ret = co_load_bits(s, b, bitmap->bits);
    if (ret) {
        error_set_errno(errp, -ret, "Could not read bitmap '%s' from image", b->name);
        return false;
    }
    return true;
}

static uint32_t entry_size(const Qcow2Bitmap *b)
{
    return ROUND_UP(ENTRY_BYTES + b->extra_bytes + strlen(b->name), 8);
}

static uint8_t *build_directory(const Qcow2 *s, uint64_t *bytes)
{
    uint8_t *dir, *p;

    *bytes = 0;
    for (unsigned i = 0; i < s->bitmaps->len; i++) {
        *bytes += entry_size(s->bitmaps->pdata[i]);
    }
    dir = p = g_malloc0(*bytes + 1);
    for (unsigned i = 0; i < s->bitmaps->len; i++) {
        const Qcow2Bitmap *b = s->bitmaps->pdata[i];

        st64_be(p, b->table_offset);
        st32_be(p + 8, b->table_entries);
        st32_be(p + 12, b->flags);
        p[16] = 1;                      /* a dirty tracking bitmap */
        p[17] = b->granularity_bits;
        st16_be(p + 18, strlen(b->name));
        st32_be(p + 20, b->extra_bytes);
        if (b->extra_bytes) {
            memcpy(p + ENTRY_BYTES, b->extra, b->extra_bytes);
        }
        memcpy(p + ENTRY_BYTES + b->extra_bytes, b->name, strlen(b->name));
        p += entry_size(b);
    }
    return dir;
}

/* From now on what the image has of them is old; flags only, each entry by itself. */
static int co_mark_in_use(Qcow2 *s)
{
    g_autofree uint8_t *dir = NULL;
    uint64_t bytes;
    int ret;

    for (unsigned i = 0; i < s->bitmaps->len; i++) {
        Qcow2Bitmap *b = s->bitmaps->pdata[i];

        if (b->loaded) {
            b->flags |= FLAG_IN_USE;
        }
    }
    dir = build_directory(s, &bytes);
    if (bytes != s->bitmap_dir_bytes) {
        return -EINVAL;                 /* gaps in it that we would close */
    }
    ret = co_qcow2_write_meta(s, s->bitmap_dir_offset, dir, bytes);
    return ret ? ret : co_node_flush(qcow2_file(s));
}

bool co_qcow2_bitmaps_use(Qcow2 *s, Error **errp)
{
    BlockDirtyBitmap *bitmap;
    int ret = s->bitmaps->len ? co_mark_in_use(s) : 0;

    if (ret) {
        error_set_errno(errp, -ret, "Can't update bitmap directory");
        return false;
    }
    list_for_each(bitmap, &s->node->dirty_bitmaps, BlockDirtyBitmap, link) {
        bitmap->readonly &= !bitmap->persistent;
    }
    return true;
}

bool co_qcow2_bitmaps_start(Qcow2 *s, Error **errp)
{
    unsigned flags = s->node->open_flags;

    if (flags & (BLOCK_OPEN_CHECK | BLOCK_OPEN_NO_IO)) {
        return true;
    }
    for (unsigned i = 0; i < s->bitmaps->len; i++) {
        if (!co_start_one(s, s->bitmaps->pdata[i], errp)) {
            return false;
        }
    }
    return s->node->read_only || co_qcow2_bitmaps_use(s, errp);
}

/* From memory into the image. With the lock held. */

static Qcow2Bitmap *find(Qcow2 *s, const char *name)
{
    for (unsigned i = 0; i < s->bitmaps->len; i++) {
        Qcow2Bitmap *b = s->bitmaps->pdata[i];

        if (!strcmp(b->name, name)) {
            return b;
        }
    }
    return NULL;
}

/* Nothing refers to it any more. */
static int co_free_table(Qcow2 *s, const Qcow2Bitmap *b)
{
    g_autofree uint64_t *table = g_try_new(uint64_t, MAX(b->table_entries, 1));
    int ret = table ? co_qcow2_read_table(s, b->table_offset, table, b->table_entries) : -ENOMEM;

    for (uint32_t i = 0; i < b->table_entries && !ret; i++) {
        uint64_t offset = table[i] & QCOW2_OFFSET_MASK;

        if (offset && !(offset & (s->cluster_bytes - 1))) {
            qcow2_free_later(s, offset, s->cluster_bytes, QCOW2_DISCARD_OTHER);
        }
    }
    if (!ret && b->table_entries) {
        qcow2_free_later(s, b->table_offset, (uint64_t)b->table_entries * 8,
                         QCOW2_DISCARD_OTHER);
    }
    return ret;
}

static int co_store_piece(Qcow2 *s, const HBitmap *hb, uint64_t start, uint64_t count,
                          uint8_t *buf, uint64_t *entry)
{
    int ret;

    *entry = 0;
    if (hbitmap_next_dirty(hb, start, count) < 0) {
        return 0;
    }
    memset(buf, 0, s->cluster_bytes);
    hbitmap_serialize(hb, buf, start, count);
    ret = co_qcow2_alloc(s, 1, entry);
    return ret ? ret : co_qcow2_write_meta(s, *entry, buf, s->cluster_bytes);
}

static int co_store_bits(Qcow2 *s, const HBitmap *hb, Qcow2Bitmap *b)
{
    uint64_t piece = piece_bytes(s, b->granularity_bits);
    uint32_t entries = (s->size + piece - 1) / piece;
    g_autofree uint64_t *table = g_try_new0(uint64_t, MAX(entries, 1));
    g_autofree uint8_t *buf = g_try_malloc(s->cluster_bytes);
    int ret = table && buf ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < entries && !ret; i++) {
        ret = co_store_piece(s, hb, i * piece, MIN(piece, s->size - i * piece), buf, &table[i]);
    }
    if (!ret) {
        ret = co_qcow2_alloc(s, MAX(qcow2_clusters(s, (uint64_t)entries * 8), 1),
                             &b->table_offset);
    }
    if (!ret) {
        ret = co_qcow2_write_table(s, b->table_offset, table, entries);
    }
    b->table_entries = entries;
    return ret;
}

/*
 * The directory as s->bitmaps say, in a new place; then the header refers to
 * it, and only then the clusters of those that are gone may become free.
 */
static int co_switch_directory(Qcow2 *s, const GPtrArray *gone)
{
    uint64_t old = s->bitmap_dir_offset, old_bytes = s->bitmap_dir_bytes, bytes, offset = 0;
    bool old_valid = s->bitmaps_valid, lazy = s->lazy;
    g_autofree uint8_t *dir = build_directory(s, &bytes);
    int ret = 0;

    if (s->bitmaps->len) {
        ret = co_qcow2_alloc(s, qcow2_clusters(s, bytes), &offset);
        if (!ret) {
            ret = co_qcow2_write_meta(s, offset, dir, bytes);
        }
    }
    /* All that it refers to is counted and stable, also where refcounts are lazy. */
    s->lazy = false;
    if (!ret) {
        ret = co_qcow2_flush(s);
    }
    s->lazy = lazy;
    if (ret) {
        return ret;
    }
    s->nr_disk_bitmaps = s->bitmaps->len;
    s->bitmap_dir_offset = offset;
    s->bitmap_dir_bytes = bytes;
    s->bitmaps_valid = s->bitmaps->len;
    s->h.autoclear &= ~QCOW2_AUTOCLEAR_BITMAPS;
    s->h.autoclear |= s->bitmaps->len ? QCOW2_AUTOCLEAR_BITMAPS : 0;
    ret = co_qcow2_header_write(s);
    if (ret) {
        return ret;
    }
    if (old_valid) {
        qcow2_free_later(s, old, old_bytes, QCOW2_DISCARD_OTHER);
    }
    for (unsigned i = 0; i < gone->len && !ret; i++) {
        ret = co_free_table(s, gone->pdata[i]);
    }
    co_qcow2_meta_build(s);
    s->frees_written = s->frees->len;
    return ret ? ret : co_qcow2_flush(s);
}

static Qcow2Bitmap *bitmap_new(const BlockDirtyBitmap *bitmap)
{
    Qcow2Bitmap *b = g_new0(Qcow2Bitmap, 1);

    b->name = g_strdup(bitmap->name);
    b->granularity_bits = __builtin_ctz(block_dirty_bitmap_granularity(bitmap));
    b->loaded = true;
    return b;
}

/* Out of the directory, onto the list of those that are gone; new (or nothing) takes its place. */
static void replace(Qcow2 *s, Qcow2Bitmap *old, Qcow2Bitmap *new, GPtrArray *gone)
{
    guint i;

    if (old && g_ptr_array_find(s->bitmaps, old, &i)) {
        g_ptr_array_add(gone, old);
        if (new) {
            s->bitmaps->pdata[i] = new;
        } else {
            g_ptr_array_steal_index(s->bitmaps, i);
        }
    } else if (new) {
        g_ptr_array_add(s->bitmaps, new);
    }
}

/* Those of the node that are to be kept, in place of what the image has of the same names. */
static int co_store_all(Qcow2 *s, GPtrArray *gone, bool *any)
{
    BlockDirtyBitmap *bitmap;
    int ret = 0;

    list_for_each(bitmap, &s->node->dirty_bitmaps, BlockDirtyBitmap, link) {
        Qcow2Bitmap *new;

        if (!bitmap->name || !bitmap->persistent || bitmap->readonly || bitmap->inconsistent ||
            bitmap->skip_store) {
            continue;
        }
        new = bitmap_new(bitmap);
        new->flags = bitmap->disabled ? 0 : FLAG_AUTO;
        ret = co_store_bits(s, bitmap->bits, new);
        if (ret) {
            bitmap_free(new);
            break;
        }
        replace(s, find(s, bitmap->name), new, gone);
        *any = true;
    }
    return ret;
}

bool qcow2_co_store_bitmaps(BlockNode *node, Error **errp)
{
    Qcow2 *s = node->state;
    BlockDirtyBitmap *bitmap;
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(bitmap_free);
    bool any = false;
    int ret;

    if (node->read_only || s->broken || s->h.version < 3) {
        return true;
    }
    co_mutex_lock(&s->lock);
    ret = co_store_all(s, gone, &any);
    if (!ret && any) {
        ret = co_switch_directory(s, gone);
    }
    co_mutex_unlock(&s->lock);
    if (ret) {
        error_set_errno(errp, -ret, "Could not store the bitmaps of '%s'", node->name);
        return false;
    }
    /* They belong to the image again, as long as nobody opens it anew. */
    list_for_each(bitmap, &node->dirty_bitmaps, BlockDirtyBitmap, link) {
        bitmap->readonly |= bitmap->persistent && bitmap->name && !bitmap->inconsistent;
    }
    return true;
}

bool qcow2_co_can_store_bitmap(BlockNode *node, const char *name, uint32_t granularity,
                               Error **errp)
{
    Qcow2 *s = node->state;
    unsigned n = s->bitmaps->len;
    BlockDirtyBitmap *bitmap;

    list_for_each(bitmap, &node->dirty_bitmaps, BlockDirtyBitmap, link) {
        n += bitmap->persistent && bitmap->name && !find(s, bitmap->name);
    }
    if (s->h.version < 3) {
        error_set(errp, "Cannot store dirty bitmaps in qcow2 v2 files");
    } else if (strlen(name) > MAX_NAME) {
        error_set(errp, "Bitmap name too long");
    } else if (granularity < 1U << MIN_GRANULARITY) {
        error_set(errp, "Granularity is under minimum (%u bytes)", 1U << MIN_GRANULARITY);
    } else if (granularity > 1U << MAX_GRANULARITY) {
        error_set(errp, "Granularity exceeds maximum (%u bytes)", 1U << MAX_GRANULARITY);
    } else if (s->size / piece_bytes(s, __builtin_ctz(granularity)) >= MAX_TABLE_ENTRIES) {
        error_set(errp, "Too much space will be occupied by the bitmap. Use larger granularity");
    } else if (n >= QCOW2_MAX_BITMAPS) {
        error_set(errp, "Maximum number of persistent bitmaps is already reached");
    } else if (find(s, name)) {
        error_set(errp, "Bitmap with the same name is already stored");
    } else {
        return true;
    }
    error_prepend(errp, "Can't make bitmap '%s' persistent in '%s': ", name, node->name);
    return false;
}

bool qcow2_co_remove_bitmap(BlockNode *node, const char *name, Error **errp)
{
    Qcow2 *s = node->state;
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(bitmap_free);
    Qcow2Bitmap *b = find(s, name);
    int ret;

    if (!b) {
        return true;                    /* it is not in the image yet */
    }
    co_mutex_lock(&s->lock);
    replace(s, b, NULL, gone);
    ret = co_switch_directory(s, gone);
    co_mutex_unlock(&s->lock);
    if (ret) {
        error_set_errno(errp, -ret, "Failed to remove bitmap '%s' from file", name);
        return false;
    }
    return true;
}

Qcow2BitmapInfoList *qcow2_bitmap_infos(const Qcow2 *s)
{
    Qcow2BitmapInfoList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < s->bitmaps->len; i++) {
        const Qcow2Bitmap *b = s->bitmaps->pdata[i];
        Qcow2BitmapInfo *info = g_new0(Qcow2BitmapInfo, 1);
        Qcow2BitmapInfoFlagsList **flags = &info->flags;

        info->name = g_strdup(b->name);
        info->granularity = 1U << b->granularity_bits;
        for (unsigned bit = 0; bit < 2; bit++) {
            if (b->flags & BIT(bit)) {
                *flags = g_new0(Qcow2BitmapInfoFlagsList, 1);
                (*flags)->value = bit ? QCOW2_BITMAP_INFO_FLAGS_AUTO
                                      : QCOW2_BITMAP_INFO_FLAGS_IN_USE;
                flags = &(*flags)->next;
            }
        }
        *tail = g_new0(Qcow2BitmapInfoList, 1);
        (*tail)->value = info;
        tail = &(*tail)->next;
    }
    return list;
}
