/* NBD metadata contexts: base:allocation, qemu:allocation-depth, qemu:dirty-bitmap:NAME */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/nbd/server-int.h"

#include "util/bswap.h"

/* Does a query mean this context? A name space ("base:", "qemu:") means all of it. */
static bool means(const char *query, size_t len, bool exact, const char *name)
{
    size_t full = strlen(name);

    if (len == full) {
        return !memcmp(query, name, len);
    }
    if (exact || len > full) {
        return false;
    }
    return !len || (query[len - 1] == ':' && !memcmp(query, name, len));
}

void nbd_contexts_match(const NbdExport *exp, const char *query, size_t len, bool exact,
                        NbdContextFn *fn, void *opaque)
{
    if (means(query, len, exact, NBD_CONTEXT_ALLOCATION)) {
        fn(opaque, NBD_CONTEXT_ID_ALLOCATION, NBD_CONTEXT_ALLOCATION);
    }
    if (exp->allocation_depth && means(query, len, exact, NBD_CONTEXT_DEPTH)) {
        fn(opaque, NBD_CONTEXT_ID_DEPTH, NBD_CONTEXT_DEPTH);
    }
    for (unsigned i = 0; i < exp->bitmaps->len; i++) {
        const BlockDirtyBitmap *bitmap = g_ptr_array_index(exp->bitmaps, i);
        g_autofree char *name = g_strconcat(NBD_CONTEXT_BITMAP, bitmap->name, NULL);

        if (means(query, len, exact, name)) {
            fn(opaque, NBD_CONTEXT_ID_BITMAPS + i, name);
        }
    }
}

/* --- extents --- */

typedef struct Extents {
    uint32_t *pairs;            /* length and flags, big-endian */
    unsigned count, max, room;
    uint32_t last_flags, last_len;
} Extents;

/* False: there is no place for it. */
static bool add(Extents *e, uint32_t len, uint32_t flags)
{
    if (e->count && e->last_flags == flags) {
        e->last_len += len;
        st32_be(&e->pairs[e->count * 2 - 2], e->last_len);
        return true;
    }
    if (e->count == e->max) {
        return false;
    }
    if (e->count == e->room) {
        e->room = MIN(e->max, MAX(16, e->room * 2));
        e->pairs = g_renew(uint32_t, e->pairs, e->room * 2);
    }
    st32_be(&e->pairs[e->count * 2], len);
    st32_be(&e->pairs[e->count * 2 + 1], flags);
    e->count++;
    e->last_len = len;
    e->last_flags = flags;
    return true;
}

static int co_allocation(BlockNode *node, int64_t offset, int64_t bytes, int64_t *n)
{
    int ret = co_node_block_status_above(node, NULL, true, offset, bytes, n, NULL, NULL);

    if (ret < 0) {
        return ret;
    }
    return (ret & BLOCK_DATA ? 0 : NBD_STATE_HOLE) | (ret & BLOCK_ZERO ? NBD_STATE_ZERO : 0);
}

/* How many layers down the data is: 1 in the image itself, 0 nowhere. */
static int co_depth(BlockNode *node, int64_t offset, int64_t bytes, int64_t *n)
{
    int depth = 0;

    *n = bytes;
    for (BlockNode *layer = block_skip_filters(node); layer;
         layer = block_backing_chain_next(layer)) {
        int64_t here = 0;
        int ret;

        depth++;
        if (offset >= layer->length) {
            continue;           /* shorter than what stands on it */
        }
        ret = co_node_is_allocated(layer, offset, MIN(*n, layer->length - offset), &here);
        if (ret < 0) {
            return ret;
        }
        *n = MIN(*n, here);
        if (ret) {
            return depth;
        }
    }
    return 0;
}

/* What is behind the bitmap's end, where the node has grown, counts as clean. */
static int dirty(const BlockDirtyBitmap *bitmap, int64_t offset, int64_t bytes, int64_t *n)
{
    bool is_dirty = offset < bitmap->node->length && block_dirty_bitmap_get(bitmap, offset);
    int64_t end = -1;

    if (offset < bitmap->node->length) {
        int64_t most = MIN(bytes, bitmap->node->length - offset);

        end = is_dirty ? block_dirty_bitmap_next_zero(bitmap, offset, most)
                       : block_dirty_bitmap_next_dirty(bitmap, offset, most);
        end = end < 0 && is_dirty ? offset + most : end;
    }
    *n = end < 0 ? bytes : end - offset;
    return is_dirty ? NBD_STATE_DIRTY : 0;
}

static int co_extent(const NbdExport *exp, uint32_t id, int64_t offset, int64_t bytes,
                     int64_t *n)
{
    BlockNode *node = exp->common.root->node;

    switch (id) {
    case NBD_CONTEXT_ID_ALLOCATION:
        return co_allocation(node, offset, bytes, n);
    case NBD_CONTEXT_ID_DEPTH:
        return co_depth(node, offset, bytes, n);
    default:
        return dirty(g_ptr_array_index(exp->bitmaps, id - NBD_CONTEXT_ID_BITMAPS), offset, bytes,
                     n);
    }
}

int co_nbd_context_extents(NbdExport *exp, uint32_t id, int64_t offset, uint32_t len,
                           bool one, uint32_t **pairs, unsigned *count)
{
    Extents e = { .max = one ? 1 : NBD_EXTENTS_MAX };

    while (len) {
        int64_t n = 0;
        int ret = co_extent(exp, id, offset, len, &n);

        if (ret >= 0 && (n <= 0 || n > len)) {
            ret = -EIO;
        }
        if (ret < 0) {
            g_free(e.pairs);
            return ret;
        }
        if (!add(&e, n, ret)) {
            break;
        }
        offset += n;
        len -= n;
    }
    *pairs = e.pairs;
    *count = e.count;
    return 0;
}
