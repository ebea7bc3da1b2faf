/* blockdev-backup and drive-backup, by themselves and in transactions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/jobs/backup.h"
#include "block/jobs/block-job-chain.h"
#include "block/transaction.h"
#include "qapi/commands-block-job.h"

typedef struct BackupState {
    BlockNode *source;          /* drained when not NULL */
    BlockNode *target;          /* of drive-backup: opened here */
    Job *job;
    bool done;
} BackupState;

/* What the wire says of the sync mode and the bitmap, checked. */
static bool bitmap_options(const BackupCommon *c, BackupOptions *o, Error **errp)
{
    BitmapSyncMode mode = c->bitmap_mode;
    bool has_mode = c->has_bitmap_mode, incremental = c->sync == MIRROR_SYNC_MODE_INCREMENTAL;

    o->sync = c->sync;
    if ((incremental || c->sync == MIRROR_SYNC_MODE_BITMAP) && !c->bitmap) {
        error_set(errp, "must provide a valid bitmap name for '%s' sync mode",
                  MirrorSyncMode_name(c->sync));
        return false;
    }
    if (incremental) {
        if (has_mode && mode != BITMAP_SYNC_MODE_ON_SUCCESS) {
            error_set(errp, "Bitmap sync mode must be 'on-success' when using sync mode "
                      "'incremental'");
            return false;
        }
        o->sync = MIRROR_SYNC_MODE_BITMAP;
        has_mode = true;
        mode = BITMAP_SYNC_MODE_ON_SUCCESS;
    }
    o->bitmap_mode = mode;
    if (!c->bitmap) {
        if (has_mode) {
            error_set(errp, "Cannot specify bitmap sync mode without a bitmap");
        }
        return !has_mode;
    }
    o->bitmap = block_dirty_bitmap_find(o->source, c->bitmap);
    if (!o->bitmap) {
        error_set(errp, "Bitmap '%s' could not be found", c->bitmap);
    } else if (!has_mode) {
        error_set(errp, "Bitmap sync mode must be given when providing a bitmap");
    } else if (o->sync == MIRROR_SYNC_MODE_NONE) {
        error_set(errp, "sync mode '%s' does not produce meaningful bitmap outputs",
                  MirrorSyncMode_name(o->sync));
    } else if (mode == BITMAP_SYNC_MODE_NEVER && o->sync != MIRROR_SYNC_MODE_BITMAP) {
        error_set(errp, "Bitmap sync mode '%s' has no meaningful effect when combined with sync "
                  "mode '%s'", BitmapSyncMode_name(mode), MirrorSyncMode_name(o->sync));
    } else {
        return block_dirty_bitmap_check(o->bitmap, BLOCK_BITMAP_ALLOW_RO, errp);
    }
    return false;
}

static bool co_make_job(BackupState *s, const BackupCommon *c, BlockNode *source,
                        BlockNode *target, JobTxn *jobs, Error **errp)
{
    BackupOptions o = {
        .job = { .id = c->job_id, .device = c->device, .speed = c->has_speed ? c->speed : 0,
                 .manual_finalize = c->has_auto_finalize && !c->auto_finalize,
                 .manual_dismiss = c->has_auto_dismiss && !c->auto_dismiss },
        .source = source, .target = target, .compress = c->has_compress && c->compress,
        .filter_node_name = c->filter_node_name,
        .on_source_error = c->has_on_source_error ? c->on_source_error
                                                  : BLOCKDEV_ON_ERROR_REPORT,
        .on_target_error = c->has_on_target_error ? c->on_target_error
                                                  : BLOCKDEV_ON_ERROR_REPORT,
    };

    if (!bitmap_options(c, &o, errp)) {
        return false;
    }
    co_drain_begin(source);
    s->source = source;
    s->job = co_backup_new(&o, jobs, errp);
    return s->job;
}

static bool backup_apply(void *state, const TransactionAction *action, BlockTran *tran,
                         Error **errp)
{
    BackupState *s = state;

    return backup_attach(s->job, tran, errp);
}

static void backup_co_done(void *state, const TransactionAction *action)
{
    BackupState *s = state;

    s->done = true;
    job_start(s->job);
}

static void backup_co_clean(void *state)
{
    BackupState *s = state;

    if (s->job && !s->done) {
        co_job_discard(s->job);
    }
    if (s->source) {
        block_drain_end(s->source);
    }
    block_node_unref(s->target);        /* the job has its own */
}

static bool blockdev_co_prepare(void *state, const TransactionAction *action, JobTxn *jobs,
                                Error **errp)
{
    const BlockdevBackup *b = action->u.blockdev_backup.data;
    BlockNode *source = block_node_of_device(b->device, errp);
    BlockNode *target = source ? block_node_of_device(b->target, errp) : NULL;

    return target &&
           co_make_job(state, qapi_BlockdevBackup_base(b), source, target, jobs, errp);
}

static const BlockActionOps blockdev_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCKDEV_BACKUP, .size = sizeof(BackupState),
    .co_prepare = blockdev_co_prepare, .apply = backup_apply, .co_done = backup_co_done,
    .co_clean = backup_co_clean,
};
REGISTER_BLOCK_ACTION(blockdev_action)

static bool drive_co_prepare(void *state, const TransactionAction *action, JobTxn *jobs,
                             Error **errp)
{
    const DriveBackup *b = action->u.drive_backup.data;
    BlockNode *source = block_node_of_device(b->device, errp);
    BackupState *s = state;

    if (!source) {
        return false;
    }
    s->target = co_block_job_target(&(BlockJobTarget){
        .source = source, .filename = b->target, .format = b->format, .sync = b->sync,
        .existing = b->has_mode && b->mode == NEW_IMAGE_MODE_EXISTING,
    }, errp);
    source = s->target ? block_node_of_device(b->device, errp) : NULL;
    return source &&
           co_make_job(s, qapi_DriveBackup_base(b), source, s->target, jobs, errp);
}

static const BlockActionOps drive_action = {
    .kind = TRANSACTION_ACTION_KIND_DRIVE_BACKUP, .size = sizeof(BackupState),
    .co_prepare = drive_co_prepare, .apply = backup_apply, .co_done = backup_co_done,
    .co_clean = backup_co_clean,
};
REGISTER_BLOCK_ACTION(drive_action)

void qmp_blockdev_backup(BlockdevBackup *b, Error **errp)
{
    co_block_action(TRANSACTION_ACTION_KIND_BLOCKDEV_BACKUP, b, errp);
}

void qmp_drive_backup(DriveBackup *b, Error **errp)
{
    co_block_action(TRANSACTION_ACTION_KIND_DRIVE_BACKUP, b, errp);
}
