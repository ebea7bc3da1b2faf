/* A socket for coroutines: buffered reads, gathered writes that are batched, TLS in between */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/stream.h"

#include "util/co-lock.h"
#include "util/iov.h"

#include <sys/socket.h>

#define IN_BYTES  (64 * 1024)
#define TLS_BYTES (16 * 1024)       /* what one record takes */
#define IOV_BATCH 256

typedef struct Piece {
    uint8_t head[NBD_HEAD_MAX];
    uint32_t head_len;
    const uint8_t *base;
    size_t len;
    NbdRelease *release;
    void *opaque;
} Piece;

struct NbdStream {
    unsigned refs;
    Loop *loop;
    int fd;
    TlsSession *tls;
    int error;                      /* 0 or the negative errno that ended it */
    bool watch_in, watch_out;
    bool tls_read_wants_out;        /* never with TLS 1.3; a handshake does */

    Coroutine *reader;              /* waits for input */
    bool drained;                   /* the last read got all there was */
    uint8_t *in;
    size_t in_pos, in_len;

    GArray *out;                    /* of Piece: [out_first] on is not sent yet */
    unsigned out_first;
    size_t out_done;                /* bytes of that one which are */
    bool flush_posted;
    uint8_t *tls_out;               /* a record's worth, to be offered again as it is */
    size_t tls_out_len;
    CoQueue flushers;
};

static void on_readable(void *opaque);
static void on_writable(void *opaque);

static void set_watch(NbdStream *s, bool in, bool out)
{
    if (s->watch_in != in || s->watch_out != out) {
        s->watch_in = in;
        s->watch_out = out;
        loop_set_fd(s->loop, s->fd, in ? on_readable : NULL, out ? on_writable : NULL, s);
    }
}

NbdStream *nbd_stream_new(int fd)
{
    NbdStream *s = g_new0(NbdStream, 1);

    s->refs = 1;
    s->loop = co_loop(co_self());
    s->fd = fd;
    s->in = g_malloc(IN_BYTES);
    s->out = g_array_new(false, false, sizeof(Piece));
    co_queue_init(&s->flushers);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return s;
}

NbdStream *nbd_stream_ref(NbdStream *s)
{
    s->refs++;
    return s;
}

/* Everything queued is over: sent or not. */
static void release_all(NbdStream *s)
{
    while (s->out_first < s->out->len) {
        Piece piece = g_array_index(s->out, Piece, s->out_first++);

        if (piece.release) {
            piece.release(piece.opaque);
        }
    }
    g_array_set_size(s->out, 0);
    s->out_first = 0;
    s->out_done = s->tls_out_len = 0;
}

void nbd_stream_unref(NbdStream *s)
{
    if (!s || --s->refs) {
        return;
    }
    s->error = s->error ? s->error : -ESHUTDOWN;
    set_watch(s, false, false);
    release_all(s);
    if (s->tls) {
        tls_session_bye(s->tls);
        tls_session_free(s->tls);
    }
    close(s->fd);
    g_array_free(s->out, true);
    g_free(s->tls_out);
    g_free(s->in);
    g_free(s);
}

static void break_off(NbdStream *s, int error)
{
    Coroutine *reader = s->reader;

    if (s->error) {
        return;
    }
    s->error = error;
    set_watch(s, false, false);
    shutdown(s->fd, SHUT_RDWR);
    s->reader = NULL;
    if (reader) {
        co_wake(reader);
    }
    co_queue_wake_all(&s->flushers);
    s->refs++;                      /* the last piece may hold the last reference */
    release_all(s);
    nbd_stream_unref(s);
}

void nbd_stream_abort(NbdStream *s)
{
    break_off(s, -ESHUTDOWN);
}

bool nbd_stream_broken(const NbdStream *s)
{
    return s->error;
}

bool nbd_stream_has_tls(const NbdStream *s)
{
    return s->tls;
}

const char *nbd_stream_peer(const NbdStream *s)
{
    return s->tls ? tls_session_peer(s->tls) : NULL;
}

/* --- input --- */

static void on_readable(void *opaque)
{
    NbdStream *s = opaque;
    Coroutine *reader = s->reader;

    if (!reader) {
        set_watch(s, false, s->watch_out);      /* nobody wants it now */
        return;
    }
    s->reader = NULL;
    co_enter(reader);
}

static int co_wait_input(NbdStream *s, bool for_write)
{
    s->reader = co_self();
    set_watch(s, true, s->watch_out || for_write);
    s->tls_read_wants_out = for_write;
    co_yield();
    return s->error;
}

/* Up to len bytes to buf and, where there are more, up to IN_BYTES to the empty buffer. */
static ssize_t receive(NbdStream *s, void *buf, size_t len)
{
    struct iovec iov[2] = { { buf, len }, { s->in, IN_BYTES } };
    struct msghdr msg = { .msg_iov = len ? iov : iov + 1, .msg_iovlen = len ? 2 : 1 };
    ssize_t n;

    if (s->tls) {
        return len ? tls_session_read(s->tls, buf, len)
                   : tls_session_read(s->tls, s->in, IN_BYTES);
    }
    do {
        n = recvmsg(s->fd, &msg, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Some bytes: straight to buf, which may be empty, and to the buffer. How many buf got, -errno. */
static ssize_t co_fill(NbdStream *s, void *buf, size_t len)
{
    for (;;) {
        ssize_t n = -EAGAIN;
        size_t direct;

        if (s->error) {
            return s->error;
        }
        if (!s->drained || s->tls) {
            n = receive(s, buf, len);
        }
        if (n == -EAGAIN) {
            int ret;

            s->drained = false;
            ret = co_wait_input(s, false);
            if (ret) {
                return ret;
            }
            continue;
        }
        if (n <= 0) {
            break_off(s, n ? n : -ESHUTDOWN);
            return s->error;
        }
        direct = MIN((size_t)n, len);
        s->in_pos = 0;
        s->in_len = n - direct;
        s->drained = (size_t)n < (s->tls ? 0 : len + IN_BYTES);
        return direct;
    }
}

int co_nbd_read(NbdStream *s, void *buf, size_t len)
{
    uint8_t *to = buf;

    while (len) {
        size_t have = MIN(len, s->in_len - s->in_pos);

        memcpy(to, s->in + s->in_pos, have);
        s->in_pos += have;
        to += have;
        len -= have;
        if (len) {
            /* A small rest comes along with what follows; a large one needs no copy. */
            ssize_t n = co_fill(s, len >= 4096 ? to : NULL, len >= 4096 ? len : 0);

            if (n < 0) {
                return n;
            }
            to += n;
            len -= n;
        }
    }
    return 0;
}

int co_nbd_skip(NbdStream *s, size_t len)
{
    while (len) {
        size_t have = MIN(len, s->in_len - s->in_pos);

        s->in_pos += have;
        len -= have;
        if (len) {
            ssize_t n = co_fill(s, NULL, 0);

            if (n < 0) {
                return n;
            }
        }
    }
    return 0;
}

bool nbd_stream_has_input(const NbdStream *s)
{
    return s->in_pos < s->in_len || (s->tls && tls_session_pending(s->tls));
}

/* --- output --- */

/* The pieces as one list, as far as it reaches. */
static unsigned gather(NbdStream *s, struct iovec *iov, unsigned max)
{
    size_t skip = s->out_done;
    unsigned n = 0;

    for (unsigned i = s->out_first; i < s->out->len && n + 2 <= max; i++) {
        Piece *piece = &g_array_index(s->out, Piece, i);

        if (skip < piece->head_len) {
            iov[n++] = (struct iovec){ piece->head + skip, piece->head_len - skip };
            skip = 0;
        } else {
            skip -= piece->head_len;
        }
        if (piece->len > skip) {
            iov[n++] = (struct iovec){ (void *)(uintptr_t)(piece->base + skip),
                                       piece->len - skip };
        }
        skip = 0;
    }
    return n;
}

/* So many more bytes have left. */
static void advance(NbdStream *s, size_t n)
{
    s->out_done += n;
    while (s->out_first < s->out->len) {
        Piece piece = g_array_index(s->out, Piece, s->out_first);

        if (s->out_done < piece.head_len + piece.len) {
            break;
        }
        s->out_done -= piece.head_len + piece.len;
        s->out_first++;
        if (piece.release) {
            piece.release(piece.opaque);
        }
    }
    if (s->out_first == s->out->len || s->out_first > IOV_BATCH) {
        g_array_remove_range(s->out, 0, s->out_first);
        s->out_first = 0;
    }
}

static ssize_t send_plain(NbdStream *s)
{
    struct iovec iov[IOV_BATCH];
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = gather(s, iov, IOV_BATCH) };
    ssize_t n;

    do {
        n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* GnuTLS wants what it refused once to be offered again, so a record is put together first. */
static ssize_t send_tls(NbdStream *s)
{
    struct iovec iov[IOV_BATCH];
    ssize_t n;

    if (!s->tls_out_len) {
        unsigned niov = gather(s, iov, IOV_BATCH);

        s->tls_out_len = iov_to_buf(iov, niov, 0, s->tls_out, TLS_BYTES);
    }
    n = tls_session_write(s->tls, s->tls_out, s->tls_out_len);
    if (n > 0) {
        s->tls_out_len = 0;     /* a rest is gathered anew */
    }
    return n;
}

/* As much as the socket takes; the rest waits for it. */
static void flush_now(NbdStream *s)
{
    s->refs++;
    while (!s->error && s->out_first < s->out->len) {
        ssize_t n = s->tls ? send_tls(s) : send_plain(s);

        if (n == -EAGAIN) {
            set_watch(s, s->watch_in, true);
            nbd_stream_unref(s);
            return;
        }
        if (n < 0) {
            break_off(s, n);
        } else {
            advance(s, n);
        }
    }
    if (!s->error && s->watch_out) {
        set_watch(s, s->watch_in, false);
    }
    co_queue_wake_all(&s->flushers);
    nbd_stream_unref(s);
}

static void on_writable(void *opaque)
{
    NbdStream *s = opaque;

    if (s->tls_read_wants_out && s->reader) {
        Coroutine *reader = s->reader;

        s->reader = NULL;
        s->tls_read_wants_out = false;
        set_watch(s, s->watch_in, false);
        co_enter(reader);
        return;
    }
    flush_now(s);
}

static void posted_flush(void *opaque)
{
    NbdStream *s = opaque;

    s->flush_posted = false;
    if (!s->watch_out) {
        flush_now(s);
    }
    nbd_stream_unref(s);
}

void nbd_stream_send(NbdStream *s, const void *head, size_t head_len, const void *base,
                     size_t len, NbdRelease *release, void *opaque)
{
    Piece piece = { .head_len = head_len, .base = base, .len = len, .release = release,
                    .opaque = opaque };

    if (s->error) {
        if (release) {
            release(opaque);
        }
        return;
    }
    g_assert(head_len <= sizeof(piece.head));
    if (head_len) {
        memcpy(piece.head, head, head_len);
    }
    g_array_append_val(s->out, piece);
    if (!s->flush_posted && !s->watch_out) {
        s->flush_posted = true;
        s->refs++;
        loop_post(s->loop, posted_flush, s);
    }
}

void nbd_stream_send_copy(NbdStream *s, const void *buf, size_t len)
{
    void *copy = g_memdup2(buf, len);

    nbd_stream_send(s, NULL, 0, copy, len, g_free, copy);
}

int co_nbd_flush(NbdStream *s)
{
    if (!s->watch_out) {
        flush_now(s);
    }
    while (!s->error && s->out_first < s->out->len) {
        co_queue_wait(&s->flushers, NULL);
    }
    return s->error;
}

/* --- TLS --- */

bool co_nbd_stream_start_tls(NbdStream *s, TlsCreds *creds, const char *hostname, Error **errp)
{
    int ret = co_nbd_flush(s);

    if (ret || s->in_pos < s->in_len) {
        /* Bytes ahead of the handshake could pretend to be inside of it. */
        error_set(errp, "TLS handshake failed: %s",
                  ret ? g_strerror(-ret) : "the peer sent plain data behind its request");
        return false;
    }
    s->tls = tls_session_new(creds, hostname, s->fd, errp);
    if (!s->tls) {
        return false;
    }
    for (;;) {
        bool want_write = false;

        ret = tls_session_handshake(s->tls, &want_write, errp);
        if (ret) {
            break;
        }
        if (co_wait_input(s, want_write)) {
            error_set(errp, "TLS handshake failed: the connection ended");
            ret = -1;
            break;
        }
    }
    if (ret < 0) {
        break_off(s, -EPERM);
        return false;
    }
    s->tls_out = g_malloc(TLS_BYTES);
    return true;
}
