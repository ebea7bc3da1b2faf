/* A byte stream over descriptors that never blocks: callbacks for input, a bounded output buffer */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/channel.h"

#include "util/coroutine.h"
#include "util/socket.h"
#include "util/tls.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#define FDS_MAX 16

struct Channel {
    Loop *loop;
    int in, out;
    bool own, in_is_socket;
    TlsSession *tls;            /* NULL: plain */
    bool posted;                /* on_decrypted() will run */
    const ChannelOps *ops;
    void *opaque;
    bool reading, writing;      /* what the loop watches for */
    bool refused;               /* a write was cut short: call writable() */
    bool broken;                /* nobody takes output any more: it is dropped */
    uint8_t *pending;           /* output that waits: a ring would gain nothing here */
    size_t pending_len, pending_size;
    int fds[FDS_MAX];
    unsigned nr_fds;
    unsigned busy;              /* callbacks under way: free later */
    bool freed;
};

static void on_readable(void *opaque);
static void on_writable(void *opaque);

static void watch(Channel *c)
{
    LoopFn *rd = c->reading ? on_readable : NULL, *wr = c->writing ? on_writable : NULL;

    if (c->in == c->out) {
        loop_set_fd(c->loop, c->in, rd, wr, c);
        return;
    }
    if (c->in >= 0) {
        loop_set_fd(c->loop, c->in, rd, NULL, c);
    }
    if (c->out >= 0) {
        loop_set_fd(c->loop, c->out, NULL, wr, c);
    }
}

static void set_watch(Channel *c, bool reading, bool writing)
{
    if (c->reading != reading || c->writing != writing) {
        c->reading = reading;
        c->writing = writing;
        watch(c);
    }
}

static void release(Channel *c)
{
    if (c->tls) {
        tls_session_free(c->tls);
    }
    for (unsigned i = 0; i < c->nr_fds; i++) {
        close(c->fds[i]);
    }
    if (c->own) {
        if (c->in >= 0) {
            close(c->in);
        }
        if (c->out >= 0 && c->out != c->in) {
            close(c->out);
        }
    }
    g_free(c->pending);
    g_free(c);
}

static void leave(Channel *c)
{
    if (--c->busy == 0 && c->freed) {
        release(c);
    }
}

Channel *channel_new(Loop *loop, int in, int out, bool own, const ChannelOps *ops, void *opaque)
{
    Channel *c = g_new0(Channel, 1);
    struct stat st;

    signal(SIGPIPE, SIG_IGN);       /* a reader that went away is an errno */
    *c = (Channel){ .loop = loop, .in = in, .out = out, .own = own, .ops = ops,
                    .opaque = opaque };
    c->in_is_socket = in >= 0 && !fstat(in, &st) && S_ISSOCK(st.st_mode);
    if (in >= 0) {
        fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
        set_watch(c, true, false);
    }
    if (out >= 0) {
        fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
    }
    return c;
}

void channel_free(Channel *c)
{
    if (!c || c->freed) {
        return;
    }
    set_watch(c, false, false);
    if (c->tls) {
        tls_session_bye(c->tls);
    }
    if (c->busy) {
        c->freed = true;
    } else {
        release(c);
    }
}

/* --- input --- */

static ssize_t do_read(Channel *c, void *buf, size_t len)
{
    unsigned n = 0;
    ssize_t ret;

    if (c->tls) {
        ret = tls_session_read(c->tls, buf, len);
        errno = ret < 0 ? -ret : 0;
        return ret;
    }
    if (c->in_is_socket) {
        ret = socket_read_fds(c->in, buf, len, c->fds + c->nr_fds, FDS_MAX - c->nr_fds, &n);
        c->nr_fds += n;
        return ret;
    }
    do {
        ret = read(c->in, buf, len);
    } while (ret < 0 && errno == EINTR);
    return ret;
}

/* One read's worth. False: nothing more can be done now. */
static bool read_some(Channel *c)
{
    uint8_t buf[4096];
    size_t room = c->ops->can_read(c->opaque);
    ssize_t n;

    room = MIN(room, sizeof(buf));
    if (!room || c->freed) {
        set_watch(c, false, c->writing);
        return false;
    }
    n = do_read(c, buf, room);
    if (n > 0) {
        c->ops->read(c->opaque, buf, n);
        return true;
    }
    if (n == 0 || errno != EAGAIN) {
        int err = n ? errno : 0;

        set_watch(c, false, c->writing);
        c->ops->ended(c->opaque, err);
    }
    return false;
}

static void on_readable(void *opaque)
{
    Channel *c = opaque;

    c->busy++;
    /* The loop does not know of what has been decrypted already. */
    while (read_some(c) && !c->freed && c->reading && c->tls && tls_session_pending(c->tls)) {
    }
    leave(c);
}

static void on_decrypted(void *opaque)
{
    Channel *c = opaque;

    c->posted = false;
    if (!c->freed && c->reading && tls_session_pending(c->tls)) {
        on_readable(c);
    }
    leave(c);
}

void channel_set_tls(Channel *c, TlsSession *session)
{
    c->tls = session;
    channel_resume(c);          /* the handshake's last read may have brought data */
}

void channel_resume(Channel *c)
{
    if (c->in < 0 || c->freed) {
        return;
    }
    set_watch(c, true, c->writing);
    if (c->tls && tls_session_pending(c->tls) && !c->posted) {
        c->posted = true;
        c->busy++;
        loop_post(c->loop, on_decrypted, c);
    }
}

void channel_shutdown(Channel *c)
{
    if (c->in_is_socket) {
        shutdown(c->in, SHUT_RDWR);
    }
}

int channel_take_fd(Channel *c)
{
    int fd;

    if (!c->nr_fds) {
        return -1;
    }
    fd = c->fds[0];
    memmove(c->fds, c->fds + 1, --c->nr_fds * sizeof(int));
    return fd;
}

/* --- output --- */

/* What the kernel takes now; a broken stream takes everything. */
static size_t do_write(Channel *c, const uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len && !c->broken) {
        ssize_t n = c->tls ? tls_session_write(c->tls, buf + done, len - done)
                           : write(c->out, buf + done, len - done);
        int err = n >= 0 ? 0 : c->tls ? -n : errno;

        if (n >= 0) {
            done += n;
        } else if (err == EAGAIN) {
            return done;
        } else if (err != EINTR) {
            c->broken = true;
        }
    }
    return len;
}

static void append(Channel *c, const uint8_t *buf, size_t len)
{
    if (!len) {
        return;
    }
    if (c->pending_len + len > c->pending_size) {
        c->pending_size = MAX(c->pending_len + len, CHANNEL_SOFT_BYTES);
        c->pending = g_realloc(c->pending, c->pending_size);
    }
    memcpy(c->pending + c->pending_len, buf, len);
    c->pending_len += len;
}

size_t channel_write(Channel *c, const void *buf, size_t len, bool all)
{
    size_t done = 0, limit = all ? CHANNEL_HARD_BYTES : CHANNEL_SOFT_BYTES, take;

    if (c->out < 0 || c->broken) {
        return len;
    }
    if (all && len > limit - MIN(limit, c->pending_len)) {
        return 0;
    }
    if (!c->pending_len) {
        done = do_write(c, buf, len);
    }
    take = MIN(len - done, limit - MIN(limit, c->pending_len));
    append(c, (const uint8_t *)buf + done, take);
    if (c->pending_len) {
        set_watch(c, c->reading, true);
    }
    done += take;
    c->refused |= done < len;
    return done;
}

static void on_writable(void *opaque)
{
    Channel *c = opaque;
    size_t done = do_write(c, c->pending, c->pending_len);

    c->busy++;
    c->pending_len -= done;
    memmove(c->pending, c->pending + done, c->pending_len);
    if (!c->pending_len) {
        set_watch(c, c->reading, false);
    }
    if (c->refused && c->pending_len <= CHANNEL_SOFT_BYTES / 2) {
        c->refused = false;
        if (c->ops->writable) {
            c->ops->writable(c->opaque);
        }
    }
    leave(c);
}

void channel_flush(Channel *c, int timeout_ms)
{
    gint64 until = g_get_monotonic_time() + timeout_ms * 1000LL;

    while (c->pending_len && !c->broken) {
        struct pollfd pfd = { .fd = c->out, .events = POLLOUT };
        gint64 left = (until - g_get_monotonic_time()) / 1000;
        size_t done;

        if (left <= 0 || poll(&pfd, 1, left) == 0) {
            return;
        }
        done = do_write(c, c->pending, c->pending_len);
        c->pending_len -= done;
        memmove(c->pending, c->pending + done, c->pending_len);
    }
}

/* --- coroutines --- */

typedef struct FdWait {
    Coroutine *co;
    Loop *loop;
    int fd;
} FdWait;

static void fd_ready(void *opaque)
{
    FdWait *wait = opaque;

    loop_set_fd(wait->loop, wait->fd, NULL, NULL, NULL);
    co_enter(wait->co);
}

static void co_wait_fd(int fd, bool for_write)
{
    FdWait wait = { co_self(), co_loop(co_self()), fd };

    loop_set_fd(wait.loop, fd, for_write ? NULL : fd_ready, for_write ? fd_ready : NULL, &wait);
    co_yield();
}

ssize_t co_fd_read(int fd, void *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(fd, (char *)buf + done, len - done);

        if (n > 0) {
            done += n;
        } else if (n == 0) {
            break;
        } else if (errno == EAGAIN) {
            co_wait_fd(fd, false);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return done;
}

ssize_t co_fd_write(int fd, const void *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, (const char *)buf + done, len - done);

        if (n >= 0) {
            done += n;
        } else if (errno == EAGAIN) {
            co_wait_fd(fd, true);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return done;
}
