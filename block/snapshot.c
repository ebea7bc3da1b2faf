/* Snapshots inside of images: lists of them, and who keeps them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/snapshot.h"

const BlockSnapshot *block_snapshot_find(const BlockSnapshot *snapshots, int count,
                                         const char *id, const char *name)
{
    for (int i = 0; i < count; i++) {
        if ((!id || !strcmp(snapshots[i].id, id)) && (!name || !strcmp(snapshots[i].name, name))) {
            return &snapshots[i];
        }
    }
    return NULL;
}

SnapshotInfo *block_snapshot_info(const BlockSnapshot *s)
{
    SnapshotInfo *info = g_new0(SnapshotInfo, 1);

    info->id = g_strdup(s->id);
    info->name = g_strdup(s->name);
    info->vm_state_size = s->vm_state_size;
    info->date_sec = s->date_sec;
    info->date_nsec = s->date_nsec;
    info->vm_clock_sec = s->vm_clock_nsec / 1000000000;
    info->vm_clock_nsec = s->vm_clock_nsec % 1000000000;
    info->has_icount = s->icount != UINT64_MAX;
    info->icount = s->icount;
    return info;
}

BlockNode *block_snapshot_node(BlockNode *node)
{
    while (node && !node->driver->co_snapshot_create) {
        /* Only what has its whole content in one child may leave its snapshots to that. */
        node = block_filtered(node) ? block_filtered(node)
             : node->driver->is_protocol || node->backing ? NULL
             : !strcmp(node->driver->name, "raw") && node->file ? node->file->node : NULL;
    }
    return node;
}
