/* Backup: a copy of a node as it was at one point in time, while it goes on being written */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_JOBS_BACKUP_H
#define BLOCK_JOBS_BACKUP_H

#include "block/dirty-bitmap.h"
#include "block/jobs/block-job.h"
#include "block/tran.h"

typedef struct BackupOptions {
    BlockJobOptions job;
    BlockNode *source, *target;
    MirrorSyncMode sync;                /* not incremental: that is a kind of bitmap */
    BlockDirtyBitmap *bitmap;           /* what to copy, or NULL */
    BitmapSyncMode bitmap_mode;
    bool compress;
    const char *filter_node_name;
    BlockdevOnError on_source_error, on_target_error;
} BackupOptions;

/*
 * In three steps, so that several begin at one point in time: the job (NULL
 * with errp); with source drained and without yielding, that point, a step of
 * tran; job_start(), or co_job_discard() where something failed.
 */
Job *co_backup_new(const BackupOptions *options, JobTxn *txn, Error **errp);
bool backup_attach(Job *job, BlockTran *tran, Error **errp);

#endif
