/* block-commit of layers that are not in use as the top: their data goes down into a base */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_COMMIT_H
#define BLOCK_JOBS_COMMIT_H

#include "block/jobs/block-job.h"

typedef struct CommitOptions {
    BlockJobOptions job;
    BlockNode *top, *base;      /* layers from top down to but without base go */
    const char *backing_file;   /* how what is above top will call base; NULL: by its name */
    const char *filter_node_name;
    BlockdevOnError on_error;
} CommitOptions;

/* Started when it returns true. */
bool co_commit_start(const CommitOptions *options, Error **errp);

#endif
