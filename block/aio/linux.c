/* Asynchronous I/O by libaio: for files opened with O_DIRECT, its end told by an eventfd */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/aio/aio.h"
#include "util/coroutine.h"
#include "util/list.h"

#ifdef HAVE_LIBAIO
#include <libaio.h>
#include <sys/eventfd.h>

enum { EVENTS = 128 };

typedef struct LinuxRequest {
    struct iocb iocb;
    Coroutine *co;
    int64_t ret;
    ListLink link;              /* waits for room in the context */
} LinuxRequest;

static io_context_t context;
static int event_fd;
static List waiting = { &waiting, &waiting };
static unsigned in_kernel;
static bool scheduled;

static void fail(LinuxRequest *r, int error)
{
    r->ret = error;
    co_wake(r->co);
}

/* In the main loop, all of a turn in one call. */
static void submit(void *opaque)
{
    struct iocb *batch[EVENTS];
    LinuxRequest *r;
    int n = 0, ret;

    scheduled = false;
    list_for_each(r, &waiting, LinuxRequest, link) {
        if (in_kernel + n >= EVENTS) {
            break;
        }
        batch[n++] = &r->iocb;
    }
    ret = n ? io_submit(context, n, batch) : 0;
    if (ret < 0) {
        /* The first one is to blame; a thread may know better. */
        r = list_first(&waiting, LinuxRequest, link);
        list_remove(&r->link);
        fail(r, ret);
        ret = 0;
        n--;
    }
    for (int i = 0; i < ret; i++) {
        r = list_first(&waiting, LinuxRequest, link);
        list_remove(&r->link);
        in_kernel++;
    }
    if (ret < n) {
        scheduled = true;
        loop_post(loop_main(), submit, NULL);
    }
}

static void completed(void *opaque)
{
    static const struct timespec at_once;
    struct io_event events[EVENTS];
    uint64_t count;
    int n;

    if (read(event_fd, &count, sizeof(count)) < 0) {
        return;
    }
    while ((n = io_getevents(context, 0, EVENTS, events,
                             (struct timespec *)(uintptr_t)&at_once)) > 0) {
        for (int i = 0; i < n; i++) {
            LinuxRequest *r = events[i].data;

            r->ret = (int64_t)events[i].res;
            in_kernel--;
            co_enter(r->co);
        }
    }
    if (!list_empty(&waiting) && !scheduled) {
        scheduled = true;
        loop_post(loop_main(), submit, NULL);
    }
}

static int start(void)
{
    int ret = io_setup(EVENTS, &context);

    if (ret) {
        return ret;
    }
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        ret = -errno;
        io_destroy(context);
        return ret;
    }
    loop_set_fd(loop_main(), event_fd, completed, NULL, NULL);
    return 0;
}

bool aio_linux_init(Error **errp)
{
    static bool tried;
    static int result;

    if (!tried) {
        tried = true;
        result = start();
    }
    if (result) {
        error_set_errno(errp, -result, "aio=native was specified, but this host does not let "
                        "programs use it");
    }
    return !result;
}

int64_t co_aio_linux(const AioOp *op)
{
    LinuxRequest r = { .co = co_self() };

    if (op->kind == AIO_READ) {
        io_prep_preadv(&r.iocb, op->fd, op->iov, op->niov, op->offset);
    } else {
        io_prep_pwritev(&r.iocb, op->fd, op->iov, op->niov, op->offset);
    }
    io_set_eventfd(&r.iocb, event_fd);
    r.iocb.data = &r;
    list_append(&waiting, &r.link);
    if (!in_kernel && !scheduled && loop_current() == loop_main()) {
        submit(NULL);           /* alone: nothing to wait for */
    } else if (!scheduled) {
        scheduled = true;
        loop_post(loop_main(), submit, NULL);
    }
    co_yield();
    return r.ret;
}

#else

bool aio_linux_init(Error **errp)
{
    error_set(errp, "aio=native was specified, but is not supported in this build.");
    error_hint(errp, "It was built without libaio");
    return false;
}

int64_t co_aio_linux(const AioOp *op)
{
    return -ENOSYS;
}

#endif
