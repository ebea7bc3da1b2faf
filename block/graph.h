/* The graph of nodes changes: users move to other nodes, overlays and filters come and go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_GRAPH_H
#define BLOCK_GRAPH_H

#include "block/drain.h"
#include "block/driver.h"
#include "block/tran.h"

/*
 * All nodes named in these calls are in drained sections (co_drain_begin()).
 * Each is done as a whole or not at all, then errp says why: permissions,
 * frozen links, circles. Those with tran are a part of something larger: what
 * they did is undone when tran is aborted; the caller refreshes permissions
 * (block_graph_refresh()) once all of its steps are taken. Nothing between
 * the first step and block_tran_finish() may yield; closing what nobody uses
 * any more comes after that.
 */

/* One user goes over to node. */
bool block_child_replace(BlockChild *child, BlockNode *node, Error **errp);
/* All users of from go over to to, but for what to itself stands on and for those that stay. */
bool block_node_replace(BlockNode *from, BlockNode *to, Error **errp);
/*
 * All users of below go over to top, which gets below as its "file" (filters)
 * or "backing" child. top has neither yet.
 */
bool block_node_append(BlockNode *top, BlockNode *below, Error **errp);
/* A filter leaves: its users go over to what it filters, and it loses that child. */
bool block_node_remove_filter(BlockNode *filter, Error **errp);
/* Another backing node; NULL: none. */
bool block_node_set_backing(BlockNode *overlay, BlockNode *backing, Error **errp);

void block_child_replace_tran(BlockChild *child, BlockNode *node, BlockTran *tran);
bool block_node_replace_tran(BlockNode *from, BlockNode *to, BlockTran *tran, Error **errp);
bool block_node_append_tran(BlockNode *top, BlockNode *below, BlockTran *tran, Error **errp);
bool block_node_set_backing_tran(BlockNode *overlay, BlockNode *backing, BlockTran *tran,
                                 Error **errp);
bool block_child_attach_tran(BlockNode *parent, const char *name, unsigned role,
                             BlockNode *node, BlockTran *tran, Error **errp);
void block_child_detach_tran(BlockChild *child, BlockTran *tran);
bool block_graph_refresh(BlockNode *const *nodes, unsigned n, BlockTran *tran, Error **errp);

/*
 * A node of a driver that users cannot name (a job's filter), without children
 * yet; the caller's reference. name may be NULL. Its driver's co_open is not
 * called, co_close is.
 */
BlockNode *block_node_new_internal(const BlockDriver *driver, const char *name, Error **errp);

/* Links from top down to base (NULL: the end) stay as they are until thawed. */
bool block_chain_freeze(BlockNode *top, BlockNode *base, Error **errp);
void block_chain_thaw(BlockNode *top, BlockNode *base);
bool block_chain_frozen(BlockNode *top, BlockNode *base, Error **errp);

/* The node above node in the chain of top: the overlay, filters left out; NULL: none. */
BlockNode *block_find_overlay(BlockNode *top, BlockNode *node);
/*
 * What is between top (it included) and base leaves: overlays of top get base
 * as backing and write backing_file (NULL: base's name) into their headers.
 * Drains by itself.
 */
bool co_block_drop_intermediate(BlockNode *top, BlockNode *base, const char *backing_file,
                                Error **errp);
/* Into the image's header and node->backing_file; require: it must have a format. */
int co_block_change_backing_file(BlockNode *node, const char *file, const char *format,
                                 bool require);

#endif
