/* Mirror, inside: the job's state, shared by its loop, its copying and its filter */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_MIRROR_INT_H
#define BLOCK_JOBS_MIRROR_INT_H

#include "block/dirty-bitmap.h"
#include "block/jobs/mirror.h"

typedef struct Mirror {
    BlockJob base;
    BlockNode *source, *target, *filter;
    BlockNode *base_node;
    bool commit, none, zero_target, background, unmap;
    MirrorBacking backing;
    char *replaces;
    int64_t granularity, buf_size;
    BlockdevOnError on_source_error, on_target_error;
    BlockChild *target_child;
    BlockDirtyBitmap *dirty;            /* of source */
    List ops;                           /* of MirrorOp, under way */
    unsigned nr_ops;
    int64_t op_bytes;
    CoQueue op_done;
    int64_t position;                   /* where the search for dirty ranges goes on */
    int64_t unthrottled;                /* bytes that the speed limit has not seen yet */
    int ret;                            /* the first error that ends it */
    bool should_complete;
    bool drained;                       /* source is, from the last copy to the change of graph */
    bool active;                        /* the filter copies writes at once */
    bool frozen;
    bool target_was_read_only;          /* and shall be again, unless it takes the source's place */
} Mirror;

/* A range of the target that is being written. */
typedef struct MirrorOp {
    Mirror *mirror;
    int64_t offset, bytes;
    enum { MIRROR_COPY, MIRROR_ZERO, MIRROR_DISCARD } kind;
    CoQueue done;
    ListLink link;
} MirrorOp;

#define MIRROR_OF(job_) container_of(BLOCK_JOB_OF(job_), Mirror, base)

/* mirror-copy.c */
void co_mirror_wait_overlap(Mirror *s, int64_t offset, int64_t bytes);
void mirror_op_begin(Mirror *s, MirrorOp *op, int64_t offset, int64_t bytes);
void mirror_op_end(MirrorOp *op);
/* Start copying of something dirty. False: there is nothing, or no room for more. */
bool co_mirror_copy_next(Mirror *s);
void co_mirror_wait_one(Mirror *s);
void co_mirror_wait_all(Mirror *s);
/* A request failed: what the policy says; the range is dirty again. */
void mirror_failed(Mirror *s, bool is_read, int64_t offset, int64_t bytes, int ret);

/* mirror-filter.c */
extern const BlockDriver mirror_filter;
void mirror_filter_set_job(BlockNode *filter, Mirror *s);

#endif
