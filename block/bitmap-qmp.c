/* block-dirty-bitmap-*, alone and in transactions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/query.h"
#include "block/transaction.h"
#include "qapi/commands-block-qmp.h"

static BlockNode *find_node(const char *name, Error **errp)
{
    Error *err = NULL;
    BlockNode *node = block_node_lookup(name, name, &err);

    if (err) {
        error_free(err);
        error_set(errp, "Node '%s' not found", name);
    }
    return node;
}

static BlockDirtyBitmap *find_bitmap(const char *node_name, const char *name, Error **errp)
{
    BlockNode *node = find_node(node_name, errp);
    BlockDirtyBitmap *bitmap = node ? block_dirty_bitmap_find(node, name) : NULL;

    if (node && !bitmap) {
        error_set(errp, "Dirty bitmap '%s' not found", name);
    }
    return bitmap;
}

/* A bitmap that an action works on. Its node stays open as long. */
typedef struct BitmapState {
    BlockNode *node;
    BlockDirtyBitmap *bitmap;
    HBitmap *backup;
    bool was_disabled, was_busy;
} BitmapState;

static bool take(BitmapState *s, const char *node, const char *name, unsigned flags,
                 Error **errp)
{
    s->bitmap = find_bitmap(node, name, errp);
    if (!s->bitmap || !block_dirty_bitmap_check(s->bitmap, flags, errp)) {
        s->bitmap = NULL;
        return false;
    }
    s->node = s->bitmap->node;
    block_node_ref(s->node);
    return true;
}

static void bitmap_co_clean(void *state)
{
    BitmapState *s = state;

    block_node_unref(s->node);
}

/* add */

static bool co_check_add(BlockNode *node, const BlockDirtyBitmapAdd *a, Error **errp)
{
    uint32_t granularity = a->has_granularity ? a->granularity : block_default_granularity(node);

    if (!*a->name) {
        error_set(errp, "Bitmap name cannot be empty");
        return false;
    }
    if (granularity < BLOCK_SECTOR_SIZE || granularity & (granularity - 1)) {
        error_set(errp, "Granularity must be power of 2 and at least 512");
        return false;
    }
    if (!a->has_persistent || !a->persistent) {
        return true;
    }
    if (!node->driver->co_can_store_bitmap) {
        error_set_errno(errp, ENOTSUP, "Can't store persistent bitmaps to %s", a->node);
        return false;
    }
    if (!node->driver->co_can_store_bitmap(node, a->name, granularity, errp)) {
        error_prepend(errp, "Can't make bitmap '%s' persistent in '%s': ", a->name, a->node);
        return false;
    }
    return true;
}

static bool add_co_prepare(void *state, const TransactionAction *action, JobTxn *jobs,
                           Error **errp)
{
    const BlockDirtyBitmapAdd *a = action->u.block_dirty_bitmap_add.data;
    BitmapState *s = state;
    BlockNode *node = block_node_lookup(a->node, a->node, errp);

    if (!node || !co_check_add(node, a, errp)) {
        return false;
    }
    s->node = node;
    block_node_ref(node);
    return true;
}

static void add_abort(void *opaque)
{
    block_dirty_bitmap_free(opaque);
}

static const BlockTranOps add_ops = { .abort = add_abort };

static bool add_apply(void *state, const TransactionAction *action, BlockTran *tran, Error **errp)
{
    const BlockDirtyBitmapAdd *a = action->u.block_dirty_bitmap_add.data;
    BitmapState *s = state;
    BlockDirtyBitmap *bitmap = block_dirty_bitmap_new(s->node, a->name,
                                                      a->has_granularity ? a->granularity : 0,
                                                      errp);

    if (!bitmap) {
        return false;
    }
    bitmap->disabled = a->has_disabled && a->disabled;
    bitmap->persistent = a->has_persistent && a->persistent;
    block_tran_add(tran, &add_ops, bitmap);
    return true;
}

static const BlockActionOps add_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_ADD, .size = sizeof(BitmapState),
    .co_prepare = add_co_prepare, .apply = add_apply, .co_clean = bitmap_co_clean,
};
REGISTER_BLOCK_ACTION(add_action)

/*
 * remove: in apply, for a bitmap may have been made in the same transaction;
 * from the image only once all has succeeded.
 */

static void remove_abort(void *opaque)
{
    BitmapState *s = opaque;

    s->bitmap->busy = s->was_busy;
    s->bitmap->disabled = s->was_disabled;
    s->bitmap = NULL;
}

static const BlockTranOps remove_ops = { .abort = remove_abort };

static bool remove_apply(void *state, const TransactionAction *action, BlockTran *tran,
                         Error **errp)
{
    const BlockDirtyBitmapRef *a = action->u.block_dirty_bitmap_remove.data;
    BitmapState *s = state;

    if (!take(s, a->node, a->name, BLOCK_BITMAP_BUSY | BLOCK_BITMAP_RO, errp)) {
        return false;
    }
    s->was_busy = s->bitmap->busy;
    s->was_disabled = s->bitmap->disabled;
    s->bitmap->busy = s->bitmap->disabled = true;
    block_tran_add(tran, &remove_ops, s);
    return true;
}

static void remove_co_done(void *state, const TransactionAction *action)
{
    BitmapState *s = state;
    BlockDirtyBitmap *bitmap = s->bitmap;
    const BlockDriver *driver = s->node->driver;
    Error *err = NULL;

    if (bitmap->persistent && driver->co_remove_bitmap &&
        !driver->co_remove_bitmap(s->node, bitmap->name, &err)) {
        error_report(err);
    }
    block_dirty_bitmap_free(bitmap);
}

static const BlockActionOps remove_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_REMOVE, .size = sizeof(BitmapState),
    .apply = remove_apply, .co_done = remove_co_done, .co_clean = bitmap_co_clean,
};
REGISTER_BLOCK_ACTION(remove_action)

/* clear and merge: the old bits come back when it is called off */

static void bits_abort(void *opaque)
{
    BitmapState *s = opaque;

    block_dirty_bitmap_restore(s->bitmap, s->backup);
    s->backup = NULL;
}

static void bits_commit(void *opaque)
{
    BitmapState *s = opaque;

    hbitmap_free(s->backup);
}

static const BlockTranOps bits_ops = { .commit = bits_commit, .abort = bits_abort };

static bool clear_apply(void *state, const TransactionAction *action, BlockTran *tran,
                        Error **errp)
{
    const BlockDirtyBitmapRef *a = action->u.block_dirty_bitmap_clear.data;
    BitmapState *s = state;

    if (!take(s, a->node, a->name, BLOCK_BITMAP_DEFAULT, errp)) {
        return false;
    }
    block_dirty_bitmap_clear(s->bitmap, &s->backup);
    block_tran_add(tran, &bits_ops, s);
    return true;
}

static const BlockActionOps clear_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_CLEAR, .size = sizeof(BitmapState),
    .apply = clear_apply, .co_clean = bitmap_co_clean,
};
REGISTER_BLOCK_ACTION(clear_action)

static bool merge_one(BitmapState *s, const char *node, const BlockDirtyBitmapOrStr *from,
                      Error **errp)
{
    bool external = from->type == BLOCK_DIRTY_BITMAP_OR_STR_EXTERNAL;
    BlockDirtyBitmap *src = find_bitmap(external ? from->u.external.node : node,
                                        external ? from->u.external.name : from->u.local, errp);

    return src && block_dirty_bitmap_merge(s->bitmap, src, s->backup ? NULL : &s->backup, errp);
}

static bool merge_apply(void *state, const TransactionAction *action, BlockTran *tran,
                        Error **errp)
{
    const BlockDirtyBitmapMerge *a = action->u.block_dirty_bitmap_merge.data;
    BitmapState *s = state;
    bool ok = true;

    if (!take(s, a->node, a->target, BLOCK_BITMAP_DEFAULT, errp)) {
        return false;
    }
    for (BlockDirtyBitmapOrStrList *l = a->bitmaps; ok && l; l = l->next) {
        ok = merge_one(s, a->node, l->value, errp);
    }
    if (s->backup) {
        block_tran_add(tran, &bits_ops, s);
    }
    return ok;
}

static const BlockActionOps merge_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_MERGE, .size = sizeof(BitmapState),
    .apply = merge_apply, .co_clean = bitmap_co_clean,
};
REGISTER_BLOCK_ACTION(merge_action)

/* enable, disable */

static void switch_abort(void *opaque)
{
    BitmapState *s = opaque;

    s->bitmap->disabled = s->was_disabled;
}

static const BlockTranOps switch_ops = { .abort = switch_abort };

static bool switch_to(BitmapState *s, const BlockDirtyBitmapRef *a, bool disabled,
                      BlockTran *tran, Error **errp)
{
    if (!take(s, a->node, a->name, BLOCK_BITMAP_ALLOW_RO, errp)) {
        return false;
    }
    s->was_disabled = s->bitmap->disabled;
    s->bitmap->disabled = disabled;
    block_tran_add(tran, &switch_ops, s);
    return true;
}

static bool enable_apply(void *state, const TransactionAction *action, BlockTran *tran,
                         Error **errp)
{
    return switch_to(state, action->u.block_dirty_bitmap_enable.data, false, tran, errp);
}

static bool disable_apply(void *state, const TransactionAction *action, BlockTran *tran,
                          Error **errp)
{
    return switch_to(state, action->u.block_dirty_bitmap_disable.data, true, tran, errp);
}

static const BlockActionOps enable_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_ENABLE, .size = sizeof(BitmapState),
    .apply = enable_apply, .co_clean = bitmap_co_clean,
};
REGISTER_BLOCK_ACTION(enable_action)

static const BlockActionOps disable_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_DISABLE, .size = sizeof(BitmapState),
    .apply = disable_apply, .co_clean = bitmap_co_clean,
};
REGISTER_BLOCK_ACTION(disable_action)

/* The commands */

void qmp_block_dirty_bitmap_add(const char *node, const char *name, bool has_granularity,
                                uint32_t granularity, bool has_persistent, bool persistent,
                                bool has_disabled, bool disabled, Error **errp)
{
    BlockDirtyBitmapAdd data = {
        .node = (char *)(uintptr_t)node, .name = (char *)(uintptr_t)name,
        .has_granularity = has_granularity, .granularity = granularity,
        .has_persistent = has_persistent, .persistent = persistent,
        .has_disabled = has_disabled, .disabled = disabled,
    };

    co_block_action(TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_ADD, &data, errp);
}

static void co_named(TransactionActionKind kind, const char *node, const char *name, Error **errp)
{
    BlockDirtyBitmapRef data = { (char *)(uintptr_t)node, (char *)(uintptr_t)name };

    co_block_action(kind, &data, errp);
}

void qmp_block_dirty_bitmap_remove(const char *node, const char *name, Error **errp)
{
    co_named(TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_REMOVE, node, name, errp);
}

void qmp_block_dirty_bitmap_clear(const char *node, const char *name, Error **errp)
{
    co_named(TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_CLEAR, node, name, errp);
}

void qmp_block_dirty_bitmap_enable(const char *node, const char *name, Error **errp)
{
    co_named(TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_ENABLE, node, name, errp);
}

void qmp_block_dirty_bitmap_disable(const char *node, const char *name, Error **errp)
{
    co_named(TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_DISABLE, node, name, errp);
}

void qmp_block_dirty_bitmap_merge(const char *node, const char *target,
                                  BlockDirtyBitmapOrStrList *bitmaps, Error **errp)
{
    BlockDirtyBitmapMerge data = { (char *)(uintptr_t)node, (char *)(uintptr_t)target, bitmaps };

    co_block_action(TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_MERGE, &data, errp);
}
