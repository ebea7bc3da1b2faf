/* snapshot-access: what a copy-before-write filter has kept, as a disk that can be read */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drivers/copy-before-write.h"

static int past_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov)
{
    return co_cbw_read_past(node->file->node, offset, bytes, iov, niov);
}

static int past_co_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                                int64_t *pnum, int64_t *map, BlockNode **file)
{
    return co_cbw_past_status(node->file->node, want_zero, offset, bytes, pnum, map, file);
}

static int past_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    return co_cbw_forget(node->file->node, offset, bytes);
}

/* The filter below has all that it needs to read the past. */
static void past_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                            uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    *child_perm = 0;
    *child_shared = BLOCK_PERM_ALL;
}

static bool past_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    if (!co_block_open_file(node, BLOCK_CHILD_DATA | BLOCK_CHILD_PRIMARY,
                            options->u.snapshot_access.file, errp)) {
        return false;
    }
    if (!block_is_cbw(node->file->node)) {
        error_set(errp, "'%s' keeps nothing of the past", node->file->node->name);
        error_hint(errp, "The file of a snapshot-access node is one of driver copy-before-write");
        return false;
    }
    node->length = node->file->node->length;
    return true;
}

static const BlockDriver past_driver = {
    .name = "snapshot-access", .desc = "what copy-before-write has kept", .size = 1,
    .co_open = past_co_open, .child_perm = past_child_perm, .co_preadv = past_co_preadv,
    .co_block_status = past_co_block_status, .co_pdiscard = past_co_pdiscard,
};
REGISTER_BLOCK_DRIVER(past_driver)
