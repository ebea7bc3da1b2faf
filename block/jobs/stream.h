/* block-stream: data of the layers below goes up into an image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_STREAM_H
#define BLOCK_JOBS_STREAM_H

#include "block/jobs/block-job.h"

typedef struct StreamOptions {
    BlockJobOptions job;
    BlockNode *top;
    BlockNode *bottom;          /* the last layer whose data goes up, no filter; above the base */
    const char *backing_file;   /* how top will call its base; NULL: by its name */
    const char *filter_node_name;
    BlockdevOnError on_error;
} StreamOptions;

/* Started when it returns true. */
bool co_stream_start(const StreamOptions *options, Error **errp);

#endif
