/* Asynchronous I/O by the worker pool: pread, pwrite, fdatasync, fallocate */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/aio/aio.h"
#include "util/iov.h"
#include "util/thread-pool.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

/* What is longer may keep the loop for longer than to wake a worker would. */
#define CACHED_BYTES (64 << 10)

/* All of op, through short transfers and signals. */
static int rw(const AioOp *op)
{
    int64_t done = 0;
    int ret = 0;

    while (done < op->bytes) {
        IoVec rest = { };
        ssize_t n;

        if (!done) {
            n = op->kind == AIO_WRITE ? pwritev(op->fd, op->iov, op->niov, op->offset)
                                      : preadv(op->fd, op->iov, op->niov, op->offset);
        } else {
            iovec_add_slice(&rest, op->iov, op->niov, done, op->bytes - done);
            n = op->kind == AIO_WRITE ? pwritev(op->fd, rest.iov, rest.n, op->offset + done)
                                      : preadv(op->fd, rest.iov, rest.n, op->offset + done);
            iovec_free(&rest);
        }
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            ret = -errno;
            break;
        }
        if (n == 0) {
            if (op->kind == AIO_WRITE) {
                ret = -ENOSPC;
            } else {
                iov_memset(op->iov, op->niov, done, 0, op->bytes - done);
            }
            break;
        }
        done += n;
    }
    return ret;
}

static int call(const AioOp *op)
{
    uint64_t range[2] = { op->offset, op->bytes };

    switch (op->kind) {
    case AIO_FLUSH:
        return fdatasync(op->fd);
    case AIO_ZERO_RANGE:
        return fallocate(op->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, op->offset,
                         op->bytes);
    case AIO_PUNCH_HOLE:
        return fallocate(op->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, op->offset,
                         op->bytes);
    case AIO_BLOCK_ZERO:
        return ioctl(op->fd, BLKZEROOUT, range);
    case AIO_BLOCK_DISCARD:
        return ioctl(op->fd, BLKDISCARD, range);
    default:
        errno = EINVAL;
        return -1;
    }
}

/* -ENOTSUP: between these files, or as far as they reach, it does not. */
static int copy(const AioOp *op)
{
    off_t from = op->source_offset, to = op->offset;
    int64_t left = op->bytes;

    while (left) {
        ssize_t n = copy_file_range(op->source_fd, &from, op->fd, &to, left, 0);

        if (n > 0) {
            left -= n;
        } else if (!n || errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ||
                   errno == ENOSYS || errno == EBADF || errno == ETXTBSY) {
            return -ENOTSUP;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static int work(void *opaque)
{
    const AioOp *op = opaque;
    int ret;

    if (op->kind == AIO_COPY) {
        return copy(op);
    }
    if (op->kind == AIO_READ || op->kind == AIO_WRITE) {
        return rw(op);
    }
    do {
        ret = call(op);
    } while (ret < 0 && errno == EINTR);
    if (!ret) {
        return 0;
    }
    switch (errno) {
    case EOPNOTSUPP:
    case ENOSYS:
    case ENOTTY:
    case EINVAL:
        return op->kind == AIO_FLUSH ? -errno : -ENOTSUP;
    default:
        return -errno;
    }
}

bool aio_read_cached(const AioOp *op)
{
    return op->bytes <= CACHED_BYTES &&
           preadv2(op->fd, op->iov, op->niov, op->offset, RWF_NOWAIT) == op->bytes;
}

/* A write in a queue; lives in the coroutine that waits for it. */
typedef struct Queued {
    const AioOp *op;
    Coroutine *co;
    int ret;
    ListLink link;
} Queued;

typedef struct Batch {
    List writes;
    AioQueue *queue;
} Batch;

static void start_batch(void *opaque);

static int work_batch(void *opaque)
{
    Batch *batch = opaque;
    Queued *q;

    list_for_each(q, &batch->writes, Queued, link) {
        q->ret = rw(q->op);
    }
    return 0;
}

static void batch_done(void *opaque, int ret)
{
    Batch *batch = opaque;
    Queued *q;

    if (list_empty(&batch->queue->waiting)) {
        batch->queue->running = false;
    } else {
        start_batch(batch->queue);
    }
    /* From here on the queue may be gone, as its last write ends. */
    while ((q = list_first(&batch->writes, Queued, link))) {
        list_remove(&q->link);
        co_enter(q->co);
    }
    g_free(batch);
}

static void start_batch(void *opaque)
{
    AioQueue *queue = opaque;
    Batch *batch = g_new(Batch, 1);
    Queued *q;

    batch->queue = queue;
    list_init(&batch->writes);
    while ((q = list_first(&queue->waiting, Queued, link))) {
        list_remove(&q->link);
        list_append(&batch->writes, &q->link);
    }
    thread_pool_submit(work_batch, batch, batch_done, batch);
}

void aio_queue_init(AioQueue *queue)
{
    list_init(&queue->waiting);
    queue->running = false;
}

int co_aio_queue_write(AioQueue *queue, const AioOp *op)
{
    Queued q = { .op = op, .co = co_self() };

    list_append(&queue->waiting, &q.link);
    if (!queue->running) {
        /* At the end of the turn: it may bring more. */
        queue->running = true;
        loop_post(co_loop(q.co), start_batch, queue);
    }
    co_yield();
    return q.ret;
}

int co_aio_threads(const AioOp *op)
{
    return co_thread_call(work, (void *)(uintptr_t)op);
}
