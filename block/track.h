/* Requests under way, and who has to wait for whom */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_TRACK_H
#define BLOCK_TRACK_H

#include "block/driver.h"

/*
 * A request under way. One that reads, modifies and writes whole units
 * excludes all that overlap it; each waits only for those that came before
 * it, so that no circle of waiting can arise.
 */
typedef struct Tracked {
    int64_t offset, end;
    bool exclusive;
    CoQueue done;
    ListLink link;
} Tracked;

void co_track_begin(BlockNode *node, Tracked *t, int64_t offset, int64_t bytes, bool exclusive);
void block_track_end(BlockNode *node, Tracked *t);

#endif
