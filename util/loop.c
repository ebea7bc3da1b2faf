/* The event loop: epoll for descriptors, an eventfd for wake-up, a queue of posted calls */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/loop.h"
#include "util/clock.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define MAX_EVENTS 64
#define POSTED_ROUNDS 4

typedef struct Watch {
    int fd;
    LoopFn *on_read, *on_write;
    void *opaque;
    bool always_ready;      /* a regular file: epoll refuses it, reads never wait */
} Watch;

typedef struct Posted {
    LoopFn *fn;
    void *opaque;
} Posted;

struct Loop {
    int epoll_fd, event_fd;
    bool is_main;
    GMutex lock;            /* leaf: guards posted */
    GArray *posted;
    GMutex watch_lock;      /* leaf: guards watches, which other threads change under the VM lock */
    GHashTable *watches;    /* fd -> Watch */
    unsigned nr_always_ready;
    struct epoll_event ready[MAX_EVENTS];
    int nr_ready;
    GArray *glib_fds;
    int glib_priority;
    bool glib_ready;
};

static _Thread_local Loop *current;

static Loop *loop_create(bool is_main)
{
    Loop *loop = g_new0(Loop, 1);
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = -1 };

    loop->is_main = is_main;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->event_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->event_fd, &ev) < 0) {
        g_error("event loop: %s", g_strerror(errno));
    }
    loop->posted = g_array_new(false, false, sizeof(Posted));
    loop->watches = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    loop->glib_fds = g_array_new(false, true, sizeof(GPollFD));
    return loop;
}

Loop *loop_main(void)
{
    static gsize once;
    static Loop *loop;

    if (g_once_init_enter(&once)) {
        loop = loop_create(true);
        g_once_init_leave(&once, 1);
    }
    return loop;
}

Loop *loop_current(void)
{
    return current;
}

Loop *loop_new(void)
{
    return loop_create(false);
}

void loop_free(Loop *loop)
{
    close(loop->epoll_fd);
    close(loop->event_fd);
    g_array_free(loop->posted, true);
    g_array_free(loop->glib_fds, true);
    g_hash_table_destroy(loop->watches);
    g_free(loop);
}

void loop_wake(Loop *loop)
{
    int saved = errno;
    ssize_t done = write(loop->event_fd, &(uint64_t){ 1 }, 8);

    (void)done;             /* EAGAIN: the counter is full, so it is awake */
    errno = saved;
}

void loop_post(Loop *loop, LoopFn *fn, void *opaque)
{
    Posted call = { fn, opaque };

    g_mutex_lock(&loop->lock);
    g_array_append_val(loop->posted, call);
    g_mutex_unlock(&loop->lock);
    if (current != loop) {
        loop_wake(loop);            /* in its own dispatch it looks before it sleeps */
    }
}

void loop_set_fd(Loop *loop, int fd, LoopFn *on_read, LoopFn *on_write, void *opaque)
{
    struct epoll_event ev = {
        .events = (on_read ? EPOLLIN | EPOLLRDHUP : 0) | (on_write ? EPOLLOUT : 0),
        .data.fd = fd,
    };
    Watch *watch;
    bool wake;

    g_mutex_lock(&loop->watch_lock);
    watch = g_hash_table_lookup(loop->watches, GINT_TO_POINTER(fd));
    if (!on_read && !on_write) {
        if (watch) {
            if (watch->always_ready) {
                loop->nr_always_ready--;
            } else {
                epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
            }
            g_hash_table_remove(loop->watches, GINT_TO_POINTER(fd));
        }
        g_mutex_unlock(&loop->watch_lock);
        return;
    }
    if (!watch) {
        watch = g_new0(Watch, 1);
        watch->fd = fd;
        g_hash_table_insert(loop->watches, GINT_TO_POINTER(fd), watch);
        if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 && errno == EPERM) {
            watch->always_ready = true;
            loop->nr_always_ready++;
        }
    } else if (!watch->always_ready) {
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &ev);
    }
    watch->on_read = on_read;
    watch->on_write = on_write;
    watch->opaque = opaque;
    wake = watch->always_ready;         /* else a loop that sleeps in epoll sees it by itself */
    g_mutex_unlock(&loop->watch_lock);
    if (wake) {
        loop_wake(loop);
    }
}

/* Descriptors and time limit that GLib's default context wants; they follow ours in fds. */
static int64_t glib_query(Loop *loop)
{
    GMainContext *context = g_main_context_default();
    int timeout_ms = -1;
    GPollFD own = { .fd = loop->epoll_fd, .events = G_IO_IN };
    int n;

    g_main_context_prepare(context, &loop->glib_priority);
    n = g_main_context_query(context, loop->glib_priority, &timeout_ms, NULL, 0);
    g_array_set_size(loop->glib_fds, n + 1);
    g_array_index(loop->glib_fds, GPollFD, 0) = own;
    g_main_context_query(context, loop->glib_priority, &timeout_ms,
                         &g_array_index(loop->glib_fds, GPollFD, 1), n);
    return timeout_ms < 0 ? -1 : timeout_ms * 1000000LL;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

static void ppoll_ns(struct pollfd *fds, unsigned n, int64_t wait_ns)
{
    struct timespec ts = { .tv_sec = wait_ns / NS_PER_SECOND, .tv_nsec = wait_ns % NS_PER_SECOND };

    if (ppoll(fds, n, wait_ns < 0 ? NULL : &ts, NULL) < 0) {
        for (unsigned i = 0; i < n; i++) {
            fds[i].revents = 0;
        }
    }
}

void loop_wait(Loop *loop)
{
    int64_t wait_ns = loop->nr_always_ready ? 0 : -1;

    g_mutex_lock(&loop->lock);
    if (loop->posted->len) {
        wait_ns = 0;
    }
    g_mutex_unlock(&loop->lock);
    if (loop->is_main) {
        GMainContext *context = g_main_context_default();

        G_STATIC_ASSERT(sizeof(GPollFD) == sizeof(struct pollfd));
        if (g_main_context_acquire(context)) {
            wait_ns = sooner(wait_ns, sooner(timers_wait_ns(), glib_query(loop)));
            ppoll_ns((struct pollfd *)loop->glib_fds->data, loop->glib_fds->len, wait_ns);
            loop->glib_ready =
                g_main_context_check(context, loop->glib_priority,
                                     &g_array_index(loop->glib_fds, GPollFD, 1),
                                     loop->glib_fds->len - 1);
            g_main_context_release(context);
        }
    } else {
        struct pollfd own = { .fd = loop->epoll_fd, .events = POLLIN };

        ppoll_ns(&own, 1, wait_ns);
    }
    loop->nr_ready = MAX(epoll_wait(loop->epoll_fd, loop->ready, MAX_EVENTS, 0), 0);
}

/* Call what fd is watched for, looking it up again before each call: callbacks change watches. */
static void dispatch_fd(Loop *loop, int fd, bool readable, bool writable)
{
    for (int pass = 0; pass < 2; pass++) {
        LoopFn *fn = NULL;
        void *opaque = NULL;
        Watch *watch;

        g_mutex_lock(&loop->watch_lock);
        watch = g_hash_table_lookup(loop->watches, GINT_TO_POINTER(fd));
        if (watch && (pass ? writable : readable)) {
            fn = pass ? watch->on_write : watch->on_read;
            opaque = watch->opaque;
        }
        g_mutex_unlock(&loop->watch_lock);
        if (fn) {
            fn(opaque);
        }
    }
}

static void dispatch_always_ready(Loop *loop)
{
    g_autofree int *fds = g_new(int, loop->nr_always_ready);
    unsigned n = 0;
    GHashTableIter iter;
    Watch *watch;

    g_mutex_lock(&loop->watch_lock);
    g_hash_table_iter_init(&iter, loop->watches);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&watch)) {
        if (watch->always_ready && n < loop->nr_always_ready) {
            fds[n++] = watch->fd;
        }
    }
    g_mutex_unlock(&loop->watch_lock);
    for (unsigned i = 0; i < n; i++) {
        dispatch_fd(loop, fds[i], true, true);
    }
}

/* False: there were none. */
static bool dispatch_posted(Loop *loop)
{
    g_autoptr(GArray) calls = NULL;

    g_mutex_lock(&loop->lock);
    if (loop->posted->len) {
        calls = loop->posted;
        loop->posted = g_array_new(false, false, sizeof(Posted));
    }
    g_mutex_unlock(&loop->lock);
    for (unsigned i = 0; calls && i < calls->len; i++) {
        Posted *call = &g_array_index(calls, Posted, i);

        call->fn(call->opaque);
    }
    return calls;
}

void loop_dispatch(Loop *loop)
{
    Loop *outer = current;

    current = loop;
    for (int i = 0; i < loop->nr_ready; i++) {
        int fd = loop->ready[i].data.fd;
        uint32_t events = loop->ready[i].events;
        uint64_t count;

        if (fd == -1) {
            ssize_t done = read(loop->event_fd, &count, sizeof(count));

            (void)done;
            continue;
        }
        dispatch_fd(loop, fd, events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP),
                    events & (EPOLLOUT | EPOLLHUP | EPOLLERR));
    }
    loop->nr_ready = 0;
    if (loop->nr_always_ready) {
        dispatch_always_ready(loop);
    }
    if (loop->is_main) {
        timers_run();
        if (loop->glib_ready && g_main_context_acquire(g_main_context_default())) {
            loop->glib_ready = false;
            g_main_context_dispatch(g_main_context_default());
            g_main_context_release(g_main_context_default());
        }
    }
    /* What these post, too, as far as it does not go on for ever: a turn costs some calls. */
    for (int round = 0; round < POSTED_ROUNDS && dispatch_posted(loop); round++) {
    }
    current = outer;
}
