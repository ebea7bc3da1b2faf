/* Dirty bitmaps of nodes: made, marked, merged, and lent to jobs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"

enum {
    NAME_MAX_BYTES = 1023,
    GRANULARITY_MIN = 4096,     /* of the default one */
    GRANULARITY_MAX = 65536,
};

BlockDirtyBitmap *block_dirty_bitmap_find(BlockNode *node, const char *name)
{
    BlockDirtyBitmap *bitmap;

    list_for_each(bitmap, &node->dirty_bitmaps, BlockDirtyBitmap, link) {
        if (bitmap->name && !strcmp(bitmap->name, name)) {
            return bitmap;
        }
    }
    return NULL;
}

uint32_t block_default_granularity(BlockNode *node)
{
    BlockDriverInfo info;

    if (!block_get_info(node, &info) || !info.cluster_size) {
        return GRANULARITY_MAX;
    }
    return MIN(MAX(info.cluster_size, GRANULARITY_MIN), GRANULARITY_MAX);
}

static bool check_new(BlockNode *node, const char *name, uint32_t granularity, Error **errp)
{
    if (name && block_dirty_bitmap_find(node, name)) {
        error_set(errp, "Bitmap already exists: %s", name);
        return false;
    }
    if (name && strlen(name) > NAME_MAX_BYTES) {
        error_set(errp, "Bitmap name too long: %s", name);
        return false;
    }
    if (granularity < BLOCK_SECTOR_SIZE || granularity > 1u << 31) {
        error_set(errp, "Granularity must be at least %d", BLOCK_SECTOR_SIZE);
        return false;
    }
    if (granularity & (granularity - 1)) {
        error_set(errp, "Granularity must be power of 2");
        return false;
    }
    return true;
}

BlockDirtyBitmap *block_dirty_bitmap_new(BlockNode *node, const char *name, uint32_t granularity,
                                         Error **errp)
{
    BlockDirtyBitmap *bitmap;
    HBitmap *bits;

    granularity = granularity ? granularity : block_default_granularity(node);
    if (!check_new(node, name, granularity, errp)) {
        return NULL;
    }
    bits = hbitmap_new(node->length, __builtin_ctz(granularity));
    if (!bits) {
        error_set(errp, "No memory for a bitmap of '%s' with a granularity of %u bytes",
                  node->name, granularity);
        return NULL;
    }
    bitmap = g_new0(BlockDirtyBitmap, 1);
    bitmap->node = node;
    bitmap->name = g_strdup(name);
    bitmap->bits = bits;
    /* The newest first, as queries show them. */
    list_prepend(&node->dirty_bitmaps, &bitmap->link);
    return bitmap;
}

void block_dirty_bitmap_free(BlockDirtyBitmap *bitmap)
{
    if (bitmap) {
        block_dirty_bitmap_free(bitmap->successor);
        list_remove(&bitmap->link);
        hbitmap_free(bitmap->bits);
        g_free(bitmap->name);
        g_free(bitmap);
    }
}

void block_dirty_bitmaps_free_all(BlockNode *node)
{
    BlockDirtyBitmap *bitmap;

    while ((bitmap = list_first(&node->dirty_bitmaps, BlockDirtyBitmap, link))) {
        bitmap->successor = NULL;       /* it is in the list too */
        block_dirty_bitmap_free(bitmap);
    }
}

bool block_dirty_bitmap_check(const BlockDirtyBitmap *bitmap, unsigned flags, Error **errp)
{
    if (flags & BLOCK_BITMAP_BUSY && (bitmap->busy || bitmap->successor)) {
        error_set(errp, "Bitmap '%s' is currently in use by another operation and cannot be used",
                  bitmap->name);
        return false;
    }
    if (flags & BLOCK_BITMAP_RO && bitmap->readonly) {
        error_set(errp, "Bitmap '%s' is readonly and cannot be modified", bitmap->name);
        return false;
    }
    if (flags & BLOCK_BITMAP_INCONSISTENT && bitmap->inconsistent) {
        error_set(errp, "Bitmap '%s' is inconsistent and cannot be used", bitmap->name);
        error_hint(errp, "Try block-dirty-bitmap-remove to delete this bitmap from disk");
        return false;
    }
    return true;
}

uint32_t block_dirty_bitmap_granularity(const BlockDirtyBitmap *bitmap)
{
    return 1u << hbitmap_granularity(bitmap->bits);
}

uint64_t block_dirty_bitmap_count(const BlockDirtyBitmap *bitmap)
{
    return hbitmap_count(bitmap->bits);
}

bool block_dirty_bitmap_recording(const BlockDirtyBitmap *bitmap)
{
    return !bitmap->disabled || (bitmap->successor && !bitmap->successor->disabled);
}

bool block_dirty_bitmap_get(const BlockDirtyBitmap *bitmap, int64_t offset)
{
    return hbitmap_get(bitmap->bits, offset);
}

void block_dirty_bitmap_set(BlockDirtyBitmap *bitmap, int64_t offset, int64_t bytes)
{
    hbitmap_set(bitmap->bits, offset, bytes);
}

void block_dirty_bitmap_reset(BlockDirtyBitmap *bitmap, int64_t offset, int64_t bytes)
{
    hbitmap_reset(bitmap->bits, offset, bytes);
}

int64_t block_dirty_bitmap_next_dirty(const BlockDirtyBitmap *bitmap, int64_t offset,
                                      int64_t bytes)
{
    return hbitmap_next_dirty(bitmap->bits, offset, bytes);
}

int64_t block_dirty_bitmap_next_zero(const BlockDirtyBitmap *bitmap, int64_t offset,
                                     int64_t bytes)
{
    return hbitmap_next_zero(bitmap->bits, offset, bytes);
}

bool block_dirty_bitmap_next_area(const BlockDirtyBitmap *bitmap, int64_t start, int64_t end,
                                  int64_t max, int64_t *dirty_start, int64_t *dirty_bytes)
{
    uint64_t first, count;

    if (!hbitmap_next_dirty_area(bitmap->bits, start, end, max, &first, &count)) {
        return false;
    }
    *dirty_start = first;
    *dirty_bytes = count;
    return true;
}

/* A copy of bits, which must not fail where the original was possible. */
static HBitmap *duplicate(const HBitmap *bits)
{
    HBitmap *copy = hbitmap_new(hbitmap_size(bits), hbitmap_granularity(bits));

    if (copy) {
        hbitmap_merge(copy, bits);
    }
    return copy;
}

void block_dirty_bitmap_clear(BlockDirtyBitmap *bitmap, HBitmap **backup)
{
    HBitmap *empty;

    if (backup) {
        empty = hbitmap_new(hbitmap_size(bitmap->bits), hbitmap_granularity(bitmap->bits));
        if (empty) {
            *backup = bitmap->bits;
            bitmap->bits = empty;
            return;
        }
        *backup = NULL;
    }
    hbitmap_reset_all(bitmap->bits);
}

void block_dirty_bitmap_restore(BlockDirtyBitmap *bitmap, HBitmap *backup)
{
    if (backup) {
        hbitmap_free(bitmap->bits);
        bitmap->bits = backup;
    } else {
        /* Its old content is lost; more than was dirty is safe, less is not. */
        hbitmap_set(bitmap->bits, 0, hbitmap_size(bitmap->bits));
    }
}

bool block_dirty_bitmap_merge(BlockDirtyBitmap *dest, const BlockDirtyBitmap *src,
                              HBitmap **backup, Error **errp)
{
    HBitmap *copy = NULL;

    if (!block_dirty_bitmap_check(dest, BLOCK_BITMAP_DEFAULT, errp) ||
        !block_dirty_bitmap_check(src, BLOCK_BITMAP_ALLOW_RO, errp)) {
        return false;
    }
    if (hbitmap_size(dest->bits) != hbitmap_size(src->bits)) {
        error_set(errp, "Bitmaps are of different sizes (destination size is %" PRIu64
                  ", source size is %" PRIu64 ") and can't be merged", hbitmap_size(dest->bits),
                  hbitmap_size(src->bits));
        return false;
    }
    if (backup) {
        copy = duplicate(dest->bits);
        if (!copy) {
            error_set(errp, "No memory for a copy of bitmap '%s'", dest->name);
            return false;
        }
        *backup = copy;
    }
    hbitmap_merge(dest->bits, src->bits);
    return true;
}

/* Jobs */

bool block_dirty_bitmap_freeze(BlockDirtyBitmap *bitmap, Error **errp)
{
    BlockDirtyBitmap *child;

    if (!block_dirty_bitmap_check(bitmap, BLOCK_BITMAP_DEFAULT, errp)) {
        return false;
    }
    child = block_dirty_bitmap_new(bitmap->node, NULL, block_dirty_bitmap_granularity(bitmap),
                                   errp);
    if (!child) {
        return false;
    }
    child->disabled = bitmap->disabled;
    bitmap->disabled = true;
    bitmap->successor = child;
    bitmap->busy = true;
    return true;
}

void block_dirty_bitmap_abdicate(BlockDirtyBitmap *bitmap)
{
    BlockDirtyBitmap *child = bitmap->successor;
    HBitmap *old = bitmap->bits;

    bitmap->bits = child->bits;
    child->bits = old;
    bitmap->disabled = child->disabled;
    bitmap->busy = false;
    bitmap->successor = NULL;
    block_dirty_bitmap_free(child);
}

void block_dirty_bitmap_reclaim(BlockDirtyBitmap *bitmap)
{
    BlockDirtyBitmap *child = bitmap->successor;

    hbitmap_merge(bitmap->bits, child->bits);
    bitmap->disabled = child->disabled;
    bitmap->busy = false;
    bitmap->successor = NULL;
    block_dirty_bitmap_free(child);
}

/* Writes */

void block_dirty_bitmaps_mark(BlockNode *node, int64_t offset, int64_t bytes)
{
    BlockDirtyBitmap *bitmap;

    list_for_each(bitmap, &node->dirty_bitmaps, BlockDirtyBitmap, link) {
        if (!bitmap->disabled) {
            hbitmap_set(bitmap->bits, offset, bytes);
        }
    }
}

void block_dirty_bitmaps_truncate(BlockNode *node, int64_t length)
{
    BlockDirtyBitmap *bitmap;

    list_for_each(bitmap, &node->dirty_bitmaps, BlockDirtyBitmap, link) {
        if (!hbitmap_truncate(bitmap->bits, length)) {
            bitmap->inconsistent = true;        /* no memory: it cannot be relied upon */
        }
    }
}
