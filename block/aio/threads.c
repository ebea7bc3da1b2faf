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

static int work(void *opaque)
{
    const AioOp *op = opaque;
    int ret;

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

int co_aio_threads(const AioOp *op)
{
    return co_thread_call(work, (void *)(uintptr_t)op);
}
