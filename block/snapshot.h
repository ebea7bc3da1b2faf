/* Snapshots inside of images: what is known of each */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_SNAPSHOT_H
#define BLOCK_SNAPSHOT_H

#include "block/driver.h"

struct BlockSnapshot {
    char id[128], name[256];
    uint64_t vm_state_size;             /* bytes; 0: of the disk alone */
    uint32_t date_sec, date_nsec;       /* when it was made, since 1970 */
    uint64_t vm_clock_nsec;             /* how long the guest had run */
    uint64_t icount;                    /* its instructions, UINT64_MAX: not counted */
};

/* What drivers' co_snapshot_list() gave: the one with that id and name (NULL: any), or NULL. */
const BlockSnapshot *block_snapshot_find(const BlockSnapshot *snapshots, int count,
                                         const char *id, const char *name);
SnapshotInfo *block_snapshot_info(const BlockSnapshot *snapshot);
/* The node whose driver keeps node's snapshots: itself, or what it filters; NULL: none. */
BlockNode *block_snapshot_node(BlockNode *node);

#endif
