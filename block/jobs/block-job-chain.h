/* Backing chains as users of block jobs name them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_BLOCK_JOB_CHAIN_H
#define BLOCK_JOBS_BLOCK_JOB_CHAIN_H

#include "block/driver.h"
#include "qapi/types-block-common.h"

/* The node below top, filters left out, that a user calls by this file name; NULL: none. */
BlockNode *block_chain_find_file(BlockNode *top, const char *filename);
/* By node name, found anywhere; NULL with errp. */
BlockNode *block_node_of_name(const char *node_name, Error **errp);

/* What drive-mirror and drive-backup say of their target. */
typedef struct BlockJobTarget {
    BlockNode *source;
    const char *filename;
    const char *format;         /* NULL: the source's, or what probing of an existing one says */
    const char *node_name;      /* NULL: none */
    MirrorSyncMode sync;
    bool existing;              /* else it is made, with the name of what it stands on */
} BlockJobTarget;

/*
 * Open it, without what is below it: the caller's reference. NULL with errp.
 * Meanwhile the source may have gone, or another node have taken its place:
 * look it up again.
 */
BlockNode *co_block_job_target(const BlockJobTarget *target, Error **errp);

#endif
