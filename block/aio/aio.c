/* Asynchronous I/O: which engine does an operation, and the rest after short transfers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/aio/aio.h"
#include "util/iov.h"

bool aio_engine_usable(AioEngine engine, Error **errp)
{
    switch (engine) {
    case AIO_ENGINE_LINUX:
        return aio_linux_init(errp);
    case AIO_ENGINE_URING:
        return aio_uring_init(errp);
    default:
        return true;
    }
}

AioEngine aio_engine_default(bool direct)
{
    if (aio_engine_usable(AIO_ENGINE_URING, NULL)) {
        return AIO_ENGINE_URING;
    }
    return direct && aio_engine_usable(AIO_ENGINE_LINUX, NULL) ? AIO_ENGINE_LINUX
                                                               : AIO_ENGINE_THREADS;
}

/* The kernel did the first done bytes; threads know how ends of files and interruptions go. */
static int co_rest(const AioOp *op, int64_t done)
{
    IoVec rest = {};
    AioOp more = *op;
    int ret;

    iovec_add_slice(&rest, op->iov, op->niov, done, op->bytes - done);
    more.offset += done;
    more.bytes -= done;
    more.iov = rest.iov;
    more.niov = rest.n;
    ret = co_aio_threads(&more);
    iovec_free(&rest);
    return ret;
}

int co_aio_submit(const AioOp *op)
{
    bool is_rw = op->kind == AIO_READ || op->kind == AIO_WRITE;
    int64_t ret;

    if (op->engine == AIO_ENGINE_URING && (is_rw || op->kind == AIO_FLUSH)) {
        ret = co_aio_uring(op);
    } else if (op->engine == AIO_ENGINE_LINUX && is_rw) {
        ret = co_aio_linux(op);
    } else {
        return co_aio_threads(op);
    }
    /* Where the engine has no room, or not the operation, a thread can do it. */
    if (ret == -EAGAIN || ret == -EINTR || ret == -ENOSYS || ret == -EOPNOTSUPP) {
        return co_aio_threads(op);
    }
    if (ret < 0 || !is_rw || ret >= op->bytes) {
        return MIN(ret, 0);
    }
    return co_rest(op, ret);
}
