/* Nodes become longer or shorter */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/io-int.h"
#include "util/trace.h"

static bool co_by_child(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                        unsigned flags, Error **errp)
{
    BlockNode *below = block_filtered(node);

    if (!below) {
        error_set(errp, "Image format driver does not support resize");
        return false;
    }
    if (!co_node_truncate(below, length, exact, prealloc, flags, errp)) {
        return false;
    }
    block_node_set_length(node, below->length);
    return true;
}

bool co_node_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                      unsigned flags, Error **errp)
{
    BlockNode *below = block_cow_child(node);
    int64_t old = node->length;
    Tracked t;
    bool ok;

    if (length < 0) {
        error_set(errp, "Image size cannot be negative");
        return false;
    }
    if (length > BLOCK_LENGTH_MAX) {
        error_set(errp, "Required too big image size, it must be not greater than %" PRId64,
                  (int64_t)BLOCK_LENGTH_MAX);
        return false;
    }
    if (node->read_only) {
        error_set(errp, "Image is read-only");
        return false;
    }
    if (length > old && below && below->length > old) {
        /* What the backing file has there must not come to light. */
        flags |= BLOCK_REQ_ZERO_WRITE;
    }
    /* Everything behind the smaller of both ends waits. */
    co_track_begin(node, &t, MIN(old, length), INT64_MAX - MIN(old, length), true);
    if (flags & BLOCK_REQ_GROW_ONLY && length <= node->length) {
        block_track_end(node, &t);
        return true;
    }
    if (node->driver->co_truncate) {
        ok = node->driver->co_truncate(node, length, exact, prealloc, flags, errp);
    } else {
        ok = co_by_child(node, length, exact, prealloc, flags, errp);
    }
    if (ok) {
        node->written++;
    }
    block_track_end(node, &t);
    TRACE(block_truncate, "%s to %" PRId64 ": %s", node->name, length, ok ? "done" : "failed");
    if (ok && node->length == old && length != old) {
        block_node_set_length(node, length);
    }
    return ok;
}
