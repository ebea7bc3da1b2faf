/* Copies between files that the host makes itself: shared blocks, or within its memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/io-int.h"
#include "util/trace.h"

int co_node_copy_range(BlockNode *node, int64_t offset, BlockNode *source, int64_t source_offset,
                       int64_t bytes)
{
    int ret = block_check_write(node, offset, bytes);
    Tracked t;

    if (!ret) {
        ret = block_check_read(source, source_offset, bytes);
    }
    if (ret || !bytes) {
        return ret;
    }
    if (!node->driver->co_copy_range || (offset | bytes) & (block_alignment(node) - 1) ||
        source_offset & (block_alignment(source) - 1)) {
        return -ENOTSUP;
    }
    source->in_flight++;
    co_track_begin(node, &t, offset, bytes, false);
    ret = node->driver->co_copy_range(node, offset, source, source_offset, bytes);
    block_track_end(node, &t);
    block_node_dec_in_flight(source);
    TRACE(block_copy_range, "%s offset 0x%" PRIx64 " bytes 0x%" PRIx64 " from %s offset 0x%" PRIx64
          ": %d", node->name, offset, bytes, source->name, source_offset, ret);
    block_written(node, offset, bytes, ret);
    return ret;
}
