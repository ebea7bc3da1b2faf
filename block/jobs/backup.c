/* Backup: a copy of a node as it was at one point in time, while it goes on being written */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/jobs/backup.h"
#include "block/jobs/job-filter.h"

#define DEFAULT_CLUSTER 65536
#define MAX_OPS 16
#define MAX_OP_BYTES (1024 * 1024)
#define SCAN_BYTES (1024 * 1024 * 1024)

typedef struct Backup {
    BlockJob base;
    BlockNode *source, *target, *filter;
    MirrorSyncMode sync;
    BlockDirtyBitmap *bitmap;
    BitmapSyncMode bitmap_mode;
    bool compress, frozen;
    BlockdevOnError on_source_error, on_target_error;
    int64_t cluster;
    HBitmap *todo;              /* in bytes: what is not copied yet */
    List ops;                   /* of Op: ranges being copied */
    unsigned nr_ops;            /* those of the job itself */
    CoQueue op_done;
    int64_t position, unthrottled;
    int ret;
} Backup;

typedef struct Op {
    Backup *backup;
    int64_t offset, bytes;
    CoQueue done;
    ListLink link;
} Op;

typedef struct FilterState {
    Backup *backup;             /* NULL: not yet, or no longer */
} FilterState;

#define BACKUP_OF(job_) container_of(BLOCK_JOB_OF(job_), Backup, base)

/* --- copying --- */

static void co_wait_overlap(Backup *s, int64_t offset, int64_t bytes)
{
    Op *op;

again:
    list_for_each(op, &s->ops, Op, link) {
        if (op->offset < offset + bytes && offset < op->offset + op->bytes) {
            co_queue_wait(&op->done, NULL);
            goto again;
        }
    }
}

static int co_copy_data(Backup *s, int64_t offset, int64_t bytes, bool *is_read)
{
    void *buf = block_job_buffer(&s->base, bytes);
    int ret = buf ? co_node_pread(s->source, offset, buf, bytes) : -ENOMEM;

    *is_read = ret < 0;
    if (ret >= 0) {
        ret = co_node_pwritev(s->target, offset, bytes, &(struct iovec){ buf, bytes }, 1,
                              s->compress ? BLOCK_REQ_COMPRESSED : 0);
    }
    block_job_buffer_done(&s->base, buf, bytes);
    return ret;
}

/* One range that nobody else copies; it is no longer to do, unless it fails. */
static int co_copy_op(Backup *s, Op *op, bool *is_read)
{
    int ret;

    *is_read = false;
    op->backup = s;
    op->bytes = MIN(op->bytes, s->source->length - op->offset);
    co_queue_init(&op->done);
    list_append(&s->ops, &op->link);
    hbitmap_reset(s->todo, op->offset, op->bytes);
    ret = co_node_is_zero(s->source, op->offset, op->bytes);
    if (ret > 0) {
        ret = co_node_pwrite_zeroes(s->target, op->offset, op->bytes, BLOCK_REQ_MAY_UNMAP);
    } else {
        ret = co_copy_data(s, op->offset, op->bytes, is_read);
    }
    if (ret < 0) {
        hbitmap_set(s->todo, op->offset, op->bytes);
    } else {
        job_progress_add(&s->base.job, op->bytes);
    }
    list_remove(&op->link);
    co_queue_wake_all(&op->done);
    return ret;
}

static void failed(Backup *s, BlockdevOnError policy, bool is_read, int ret)
{
    if (block_job_error(&s->base, policy, is_read, -ret) == BLOCK_ERROR_ACTION_REPORT && !s->ret) {
        s->ret = ret;
        job_enter(&s->base.job);
    }
}

/* --- the filter --- */

/*
 * What is about to be written is copied first. A failure is the backup's, not
 * the guest's: whatever the policy, it ends the job, for the guest cannot wait.
 */
static void co_before_write(BlockNode *node, int64_t offset, int64_t bytes)
{
    Backup *s = ((FilterState *)node->state)->backup;
    int64_t first, end;

    if (!s || s->ret < 0 || job_is_cancelled(&s->base.job)) {
        return;
    }
    first = ROUND_DOWN(offset, s->cluster);
    end = MIN(ROUND_UP(offset + bytes, s->cluster), s->source->length);
    while (first < end && s->ret >= 0) {
        int64_t at;
        bool is_read;
        Op op;
        int ret;

        co_wait_overlap(s, first, end - first);
        at = hbitmap_next_dirty(s->todo, first, end - first);
        if (at < 0) {
            return;
        }
        op.offset = at;
        op.bytes = s->cluster;
        ret = co_copy_op(s, &op, &is_read);
        if (ret < 0) {
            failed(s, BLOCKDEV_ON_ERROR_REPORT, is_read, ret);
        }
        first = at + s->cluster;
    }
}

static int co_backup_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                             const struct iovec *iov, unsigned niov, unsigned flags)
{
    co_before_write(node, offset, bytes);
    return co_job_filter_pwritev(node, offset, bytes, iov, niov, flags);
}

static int co_backup_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes,
                                   unsigned flags)
{
    co_before_write(node, offset, bytes);
    return co_job_filter_pwrite_zeroes(node, offset, bytes, flags);
}

static int co_backup_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    co_before_write(node, offset, bytes);
    return co_job_filter_pdiscard(node, offset, bytes);
}

/* Nobody writes to the source but through the filter. */
static void backup_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                              uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    *child_perm = perm | BLOCK_PERM_CONSISTENT_READ;
    *child_shared = shared;
    if (perm & BLOCK_PERM_WRITE) {
        *child_shared &= ~(BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE);
    }
}

static const BlockDriver backup_filter = {
    .name = "copy-before-write", .desc = "what a backup saves old data with",
    .size = sizeof(FilterState), .filter = true, .handles_fua = true,
    .child_perm = backup_child_perm, .co_preadv = co_job_filter_preadv,
    .co_pwritev = co_backup_pwritev, .co_pwrite_zeroes = co_backup_pwrite_zeroes,
    .co_pdiscard = co_backup_pdiscard, .co_flush = co_job_filter_flush,
};

/* --- the job --- */

/* What only layers below have needs no copy. */
static int co_leave_out_lower(Backup *s)
{
    int64_t length = s->source->length, n;

    for (int64_t offset = 0; offset < length; offset += n) {
        int ret = co_node_is_allocated(s->source, offset, MIN(length - offset, SCAN_BYTES), &n);

        if (ret < 0) {
            return ret;
        }
        if (!ret) {
            int64_t first = ROUND_UP(offset, s->cluster), end = offset + n;

            end = end == length ? end : ROUND_DOWN(end, s->cluster);
            if (first < end) {
                hbitmap_reset(s->todo, first, end - first);
            }
        }
        co_job_relax(&s->base.job);
        if (job_is_cancelled(&s->base.job)) {
            break;
        }
    }
    return 0;
}

static void co_op(void *opaque)
{
    Op *op = opaque;
    Backup *s = op->backup;
    bool is_read;
    int ret = co_copy_op(s, op, &is_read);

    if (ret < 0) {
        failed(s, is_read ? s->on_source_error : s->on_target_error, is_read, ret);
    }
    s->nr_ops--;
    co_queue_wake_all(&s->op_done);
    block_drain_kick();
    g_free(op);
}

/* False: nothing is to do, or enough is under way. */
static bool co_copy_next(Backup *s)
{
    uint64_t length = s->source->length, offset, bytes, max = MAX(MAX_OP_BYTES, s->cluster);
    Op *op;

    if (s->nr_ops >= MAX_OPS) {
        return false;
    }
    if (!hbitmap_next_dirty_area(s->todo, s->position, length, max, &offset, &bytes) &&
        !hbitmap_next_dirty_area(s->todo, 0, length, max, &offset, &bytes)) {
        return false;
    }
    op = g_new0(Op, 1);
    op->backup = s;
    op->offset = offset;
    op->bytes = bytes;
    s->position = offset + bytes;
    s->unthrottled += bytes;
    s->nr_ops++;
    co_enter(co_create(co_op, op));
    return true;
}

static void co_wait_all(Backup *s)
{
    while (s->nr_ops) {
        co_queue_wait(&s->op_done, NULL);
    }
}

static void co_copy_all(Backup *s)
{
    Job *job = &s->base.job;

    while (s->ret >= 0) {
        int64_t bytes = s->unthrottled;

        s->unthrottled = 0;
        co_block_job_throttle(&s->base, bytes);
        if (job_is_cancelled(job) || s->ret < 0) {
            return;
        }
        if (co_copy_next(s)) {
            continue;
        }
        if (s->nr_ops) {
            co_queue_wait(&s->op_done, NULL);
        } else if (!hbitmap_count(s->todo) && list_empty(&s->ops)) {
            return;
        } else if (!list_empty(&s->ops)) {
            co_wait_overlap(s, 0, s->source->length);   /* of the filter's */
        }
    }
}

static int co_backup_run(Job *job, Error **errp)
{
    Backup *s = BACKUP_OF(job);

    job_progress_set_remaining(job, hbitmap_count(s->todo));
    if (s->sync == MIRROR_SYNC_MODE_TOP) {
        s->ret = co_leave_out_lower(s);
        job_progress_set_remaining(job, hbitmap_count(s->todo));
    }
    if (s->sync == MIRROR_SYNC_MODE_NONE) {
        while (!job_is_cancelled(job) && s->ret >= 0) {
            co_job_wait(job);
        }
    } else {
        co_copy_all(s);
    }
    co_wait_all(s);
    return s->ret;
}

static void co_backup_pause(Job *job)
{
    co_wait_all(BACKUP_OF(job));
}

static bool backup_in_flight(Job *job)
{
    return BACKUP_OF(job)->nr_ops;
}

/* The bitmap is told: what was copied is clean, as the user wants it. */
static void finish_bitmap(Backup *s)
{
    bool ok = !s->base.job.ret && s->base.job.started;

    if (!s->frozen) {
        return;
    }
    s->frozen = false;
    if (s->bitmap_mode == BITMAP_SYNC_MODE_NEVER ||
        (!ok && (s->bitmap_mode != BITMAP_SYNC_MODE_ALWAYS || !s->base.job.started))) {
        block_dirty_bitmap_reclaim(s->bitmap);
        return;
    }
    block_dirty_bitmap_abdicate(s->bitmap);
    if (!ok) {
        uint64_t at = 0, offset, bytes, length = s->source->length;

        for (; hbitmap_next_dirty_area(s->todo, at, length, length, &offset, &bytes);
             at = offset + bytes) {
            block_dirty_bitmap_set(s->bitmap, offset, bytes);
        }
    }
}

static void co_backup_clean(Job *job)
{
    Backup *s = BACKUP_OF(job);

    if (s->filter) {
        ((FilterState *)s->filter->state)->backup = NULL;
    }
    if (s->filter && s->filter->file) {
        co_job_filter_remove(s->filter);        /* what it held up has gone on then */
    } else {
        block_node_unref(s->filter);
    }
    finish_bitmap(s);
    block_job_remove_all_nodes(&s->base);
}

static void backup_free(Job *job)
{
    hbitmap_free(BACKUP_OF(job)->todo);
    block_job_free(job);
}

static const JobDriver backup_driver = {
    BLOCK_JOB_DRIVER, .type = JOB_TYPE_BACKUP, .size = sizeof(Backup), .free = backup_free,
    .co_run = co_backup_run, .co_clean = co_backup_clean, .co_pause = co_backup_pause,
    .in_flight = backup_in_flight,
};

static bool check_options(const BackupOptions *o, Error **errp)
{
    if (o->source == o->target) {
        error_set(errp, "Source and target cannot be the same");
        return false;
    }
    if (o->target->read_only) {
        error_set(errp, "Block node '%s' is read-only", o->target->name);
        return false;
    }
    if (o->compress && !block_skip_filters(o->target)->driver->co_pwritev_compressed) {
        error_set(errp, "Compression is not supported for this drive %s", o->target->name);
        return false;
    }
    if (o->source->length != o->target->length) {
        error_set(errp, "Source and target image have different sizes");
        return false;
    }
    return true;
}

Job *co_backup_new(const BackupOptions *o, JobTxn *txn, Error **errp)
{
    BlockDriverInfo info;
    BlockJob *job;
    Backup *s;

    if (!check_options(o, errp)) {
        return NULL;
    }
    job = block_job_new(&backup_driver, &o->job, txn, errp);
    if (!job) {
        return NULL;
    }
    s = container_of(job, Backup, base);
    list_init(&s->ops);
    co_queue_init(&s->op_done);
    s->source = o->source;
    s->target = o->target;
    s->sync = o->sync;
    s->bitmap = o->bitmap;
    s->bitmap_mode = o->bitmap_mode;
    s->compress = o->compress;
    s->on_source_error = o->on_source_error;
    s->on_target_error = o->on_target_error;
    s->cluster = block_get_info(o->target, &info) ? MAX(info.cluster_size, DEFAULT_CLUSTER)
                                                  : DEFAULT_CLUSTER;
    s->todo = hbitmap_new(s->source->length, __builtin_ctzll(s->cluster));
    s->filter = block_node_new_internal(&backup_filter, o->filter_node_name, errp);
    /* The target may stand on the source, so it lets others write. */
    if (!s->filter || !block_job_add_node(job, s->source, 0, BLOCK_PERM_ALL, errp) ||
        !block_job_add_node(job, s->target, BLOCK_PERM_WRITE,
                            BLOCK_PERM_ALL & ~BLOCK_PERM_RESIZE, errp)) {
        co_job_discard(&job->job);
        return NULL;
    }
    job_filter_prepare(s->filter, !o->filter_node_name, s->source);
    return &job->job;
}

static void set_todo(Backup *s)
{
    int64_t at = 0, offset, bytes, length = s->source->length;

    if (s->sync != MIRROR_SYNC_MODE_BITMAP) {
        hbitmap_set(s->todo, 0, length);
        return;
    }
    for (; block_dirty_bitmap_next_area(s->bitmap, at, length, length, &offset, &bytes);
         at = offset + bytes) {
        int64_t first = ROUND_DOWN(offset, s->cluster);

        hbitmap_set(s->todo, first, MIN(ROUND_UP(offset + bytes, s->cluster), length) - first);
    }
}

bool backup_attach(Job *job, BlockTran *tran, Error **errp)
{
    Backup *s = BACKUP_OF(job);

    if (!block_node_append_tran(s->filter, s->source, tran, errp) ||
        !block_graph_refresh(&s->filter, 1, tran, errp)) {
        return false;
    }
    set_todo(s);
    if (s->bitmap) {
        if (!block_dirty_bitmap_freeze(s->bitmap, errp)) {
            return false;
        }
        s->frozen = true;
    }
    ((FilterState *)s->filter->state)->backup = s;
    return true;
}
