/* Asynchronous I/O by io_uring: one ring, fed and emptied in the main loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/aio/aio.h"
#include "util/coroutine.h"
#include "util/list.h"

#ifdef HAVE_URING
#include <liburing.h>

enum { ENTRIES = 128 };

typedef struct UringRequest {
    Coroutine *co;
    const AioOp *op;
    int64_t ret;
    ListLink link;              /* waits for room in the ring */
} UringRequest;

static struct io_uring ring;
static List waiting = { &waiting, &waiting };
static unsigned in_ring;
static bool scheduled;

static void schedule(void);

static void prepare(struct io_uring_sqe *sqe, UringRequest *r)
{
    const AioOp *op = r->op;

    switch (op->kind) {
    case AIO_READ:
        io_uring_prep_readv(sqe, op->fd, op->iov, op->niov, op->offset);
        break;
    case AIO_WRITE:
        io_uring_prep_writev(sqe, op->fd, op->iov, op->niov, op->offset);
        break;
    default:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        break;
    }
    io_uring_sqe_set_data(sqe, r);
}

/*
 * In the main loop: its thread is then the one that the kernel completes
 * requests in, and what many callers ask for in a turn goes in one call.
 */
static void submit(void *opaque)
{
    UringRequest *r;
    struct io_uring_sqe *sqe;
    int ret;

    scheduled = false;
    while (in_ring < ENTRIES && (r = list_first(&waiting, UringRequest, link))) {
        sqe = io_uring_get_sqe(&ring);
        if (!sqe) {
            break;
        }
        list_remove(&r->link);
        prepare(sqe, r);
        in_ring++;
    }
    ret = io_uring_submit(&ring);
    if (ret < 0 && (ret == -EAGAIN || ret == -EBUSY || ret == -EINTR)) {
        schedule();             /* they stay in the ring */
    }
}

static void schedule(void)
{
    if (!scheduled) {
        scheduled = true;
        loop_post(loop_main(), submit, NULL);
    }
}

static void completed(void *opaque)
{
    struct io_uring_cqe *cqe;

    while (!io_uring_peek_cqe(&ring, &cqe)) {
        UringRequest *r = io_uring_cqe_get_data(cqe);

        r->ret = cqe->res;
        io_uring_cqe_seen(&ring, cqe);
        in_ring--;
        co_enter(r->co);
    }
    if (!list_empty(&waiting)) {
        schedule();
    }
}

static int start(void)
{
    struct io_uring_probe *probe;
    int ret = io_uring_queue_init(ENTRIES, &ring, 0);
    bool complete;

    if (ret < 0) {
        return ret;
    }
    probe = io_uring_get_probe_ring(&ring);
    complete = probe && io_uring_opcode_supported(probe, IORING_OP_READV) &&
               io_uring_opcode_supported(probe, IORING_OP_WRITEV) &&
               io_uring_opcode_supported(probe, IORING_OP_FSYNC);
    io_uring_free_probe(probe);
    if (!complete) {
        io_uring_queue_exit(&ring);
        return -ENOSYS;
    }
    loop_set_fd(loop_main(), ring.ring_fd, completed, NULL, NULL);
    return 0;
}

bool aio_uring_init(Error **errp)
{
    static bool tried;
    static int result;

    if (!tried) {
        tried = true;
        result = start();
    }
    if (result) {
        error_set_errno(errp, -result, "aio=io_uring was specified, but this host does not let "
                        "programs use it");
    }
    return !result;
}

int64_t co_aio_uring(const AioOp *op)
{
    UringRequest r = { .co = co_self(), .op = op };

    list_append(&waiting, &r.link);
    if (!in_ring && !scheduled && loop_current() == loop_main()) {
        submit(NULL);           /* alone: nothing to wait for */
    } else {
        schedule();
    }
    co_yield();
    return r.ret;
}

#else

bool aio_uring_init(Error **errp)
{
    error_set(errp, "aio=io_uring was specified, but is not supported in this build.");
    error_hint(errp, "It was built without liburing");
    return false;
}

int64_t co_aio_uring(const AioOp *op)
{
    return -ENOSYS;
}

#endif
