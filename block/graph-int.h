/* The graph of nodes, what node.c, perm.c, child.c, drain.c and reopen.c share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_GRAPH_INT_H
#define BLOCK_GRAPH_INT_H

#include "block/driver.h"
#include "block/tran.h"

/*
 * What all users of these nodes and of those below want, passed down and
 * checked: a step of tran. Nothing may yield until tran is finished.
 */
bool block_perm_refresh(BlockNode *const *nodes, unsigned n, BlockTran *tran, Error **errp);
/* The same for one node, at once. */
bool block_perm_refresh_now(BlockNode *node, Error **errp);

/* Into and out of its node's users; counted in the node's references. */
void block_child_link(BlockChild *child, BlockNode *node);
BlockNode *block_child_unlink(BlockChild *child);       /* the reference goes to the caller */
/* A child of parent that is linked to no node yet; and one that is not any more. */
BlockChild *block_child_make(BlockNode *parent, const char *name, unsigned role);
void block_child_delete(BlockChild *child);
/* The children of a node that closes; its parents are gone. */
void block_children_free(BlockNode *node);

/* A user came to a node in a drained section, or left one. */
void block_drain_link(BlockChild *child);
void block_drain_unlink(BlockChild *child);
/* A request of the node has ended. */
void block_node_dec_in_flight(BlockNode *node);

/* A child defined inside its parent's options: what it takes over from there. */
BlockNode *co_block_open_inline(const BlockNode *parent, unsigned role,
                                const BlockdevOptions *given, Error **errp);

BlockdevOptions *block_inherit_options(const BlockNode *parent, unsigned role,
                                       const BlockdevOptions *given);
/* The options that all drivers have, into node's members. */
bool block_node_set_generic(BlockNode *node, const BlockdevOptions *o, Error **errp);

/* The same as their namesakes, below depth parents. */
BlockNode *co_block_open_image_at(const char *filename, const char *format, const Json *generic,
                                  unsigned flags, unsigned depth, Error **errp);
BlockNode *co_block_open_json_at(const Json *options, QapiMode mode, unsigned flags,
                                 unsigned depth, Error **errp);
BlockNode *co_block_open_at(const BlockdevOptions *options, unsigned flags, unsigned depth,
                            Error **errp);

#endif
