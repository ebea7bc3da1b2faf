/* What queries and tools tell of nodes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_QUERY_H
#define BLOCK_QUERY_H

#include "block/driver.h"
#include "qapi/types-block-query.h"

/* The image of node; with chain also those below it. NULL with errp. */
ImageInfo *co_block_image_info(BlockNode *node, bool chain, Error **errp);
/* blk may be NULL: of the node alone. */
BlockDeviceInfo *co_block_device_info(BlockBackend *blk, BlockNode *node, bool flat,
                                      Error **errp);
/* The node that a command means: by a drive's id or a node's name; each may be NULL. */
BlockNode *block_node_lookup(const char *device, const char *node_name, Error **errp);

#endif
