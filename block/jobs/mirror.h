/* Mirror and active commit: copy a live node, follow its writes, go over to the copy */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_MIRROR_H
#define BLOCK_JOBS_MIRROR_H

#include "block/jobs/block-job.h"

/* What the target stands on in the end. */
typedef enum MirrorBacking {
    MIRROR_BACKING_LEAVE,       /* what it stands on now */
    MIRROR_BACKING_SOURCE,      /* what the source stands on (with sync=none: the source) */
    MIRROR_BACKING_OPEN,        /* what its own header says */
} MirrorBacking;

typedef struct MirrorOptions {
    BlockJobOptions job;
    BlockNode *source, *target;
    BlockNode *base;            /* copy what is above it; NULL: all */
    bool commit;                /* target is base, below source; made writable if it is not */
    bool none;                  /* only what is written from now on */
    bool zero_target;           /* what is not copied must become zeroes */
    bool background_only;       /* not: write-blocking */
    bool unmap;
    MirrorBacking backing;
    const char *replaces, *filter_node_name;
    uint32_t granularity;       /* 0: by the target's clusters */
    int64_t buf_size;           /* 0: the default */
    BlockdevOnError on_source_error, on_target_error;
} MirrorOptions;

/* Started when it returns true. */
bool co_mirror_start(const MirrorOptions *options, Error **errp);

#endif
