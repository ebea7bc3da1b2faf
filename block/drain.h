/* Drained sections: a node, and all that stands on it, without requests under way */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_DRAIN_H
#define BLOCK_DRAIN_H

#include "block/block.h"

/*
 * No user of node, direct or not, starts another request; when
 * co_drain_begin() returns, none is under way. Devices' requests queue until
 * the end, jobs pause. What the caller itself requests passes. Sections nest.
 * node stays open in between.
 */
void co_drain_begin(BlockNode *node);
void block_drain_end(BlockNode *node);
/* All nodes there are at that time. */
void co_drain_all_begin(void);
void block_drain_all_end(void);
/* For what BlockChildOps.drained_poll looked at: it has changed. */
void block_drain_kick(void);

#endif
