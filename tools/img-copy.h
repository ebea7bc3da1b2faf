/* The copying of mica-img convert: several sources, one target, coroutines in parallel */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_IMG_COPY_H
#define TOOLS_IMG_COPY_H

#include "tools/tool.h"

typedef struct CopySource {
    ToolImage image;
    int64_t start, length;      /* where it is in the target */
    int64_t alignment;          /* of pieces that are cheap to read */
} CopySource;

typedef struct Copy {
    /* Set before co_copy_run(). */
    CopySource *sources;
    unsigned nr_sources;
    ToolImage target;
    int64_t total;
    int64_t buffer;             /* bytes of one request at most */
    int64_t min_sparse;         /* runs of zeroes of so many bytes are not written; 0: all is */
    int64_t alignment;          /* ends of such runs */
    int64_t cluster;            /* compressed: what is written whole */
    int64_t backing_length;     /* with target_has_backing */
    int64_t rate;               /* bytes a second; 0: any */
    unsigned workers;
    bool zeroed;                /* the target reads as zeroes where nothing was written */
    bool target_has_backing;    /* what a source does not have is there already */
    bool compressed, in_order, salvage, quiet;
    bool copy_range;            /* data is not looked at; the host copies it, if it can */
    ToolProgress *progress;
    /* Its own. */
    int64_t at;                 /* what was given out so far */
    int64_t known_until;        /* status is for up to there */
    int status;
    int64_t written;            /* with in_order: all before it is done */
    int64_t data_total, data_done;
    int64_t begin_ns, rated;
    bool no_copy_range;         /* it cannot */
    unsigned running;
    int error;
    CoMutex scan;
    CoQueue turn, ended;
} Copy;

/* What went wrong is told. */
bool co_copy_run(Copy *copy);

#endif
