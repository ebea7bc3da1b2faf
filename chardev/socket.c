/* socket: TCP and Unix stream sockets, client and server, telnet, reconnecting */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/fd.h"
#include "chardev/socket-tls.h"
#include "qom/authz.h"
#include "qapi/types-char.h"
#include "util/clock.h"
#include "util/parse.h"
#include "util/socket.h"
#include "util/thread-pool.h"

#include <poll.h>

/* RFC 854 and 855: telnet's commands and the options we ask for. */
enum {
    TELNET_BREAK = 243, TELNET_SB = 250, TELNET_SE = 240, TELNET_WILL = 251, TELNET_DO = 253,
    TELNET_DONT = 254, TELNET_IAC = 255,
    TELNET_OPT_BINARY = 0, TELNET_OPT_ECHO = 1, TELNET_OPT_SGA = 3,
};

typedef struct CharSocket {
    CharFd fd;              /* .channel while connected */
    SockAddr addr;
    bool server, telnet, nodelay;
    TlsCreds *creds;        /* NULL: plain */
    char *authz;            /* id of who says which clients are welcome; NULL: all */
    TlsStart *shaking;      /* a handshake under way */
    unsigned reconnect_s;
    int listen_fd;
    Timer reconnect;
    struct Connecting *connecting;
    enum { PLAIN, AFTER_IAC, OPTION, SUBOPTION, SUBOPTION_IAC } telnet_state;
} CharSocket;

/* An attempt on the worker pool, which may outlive the chardev. */
typedef struct Connecting {
    CharSocket *s;          /* NULL: given up */
    SockAddr addr;
    int fd;
    Error *err;
} Connecting;

static const ChannelOps socket_ops;

static void on_connection(void *opaque);

static const char *scheme(const CharSocket *s)
{
    return s->telnet ? "telnet" : "tcp";
}

/* As query-chardev shows it: "unix:/tmp/s,server=on", "tcp:127.0.0.1:1 <-> 127.0.0.1:2". */
static void update_where(CharSocket *s, int fd)
{
    const char *server = s->server ? ",server=on" : "";
    const char *gone = fd < 0 ? "disconnected:" : "";
    int local_fd = s->listen_fd >= 0 ? s->listen_fd : fd;
    g_autofree char *local = local_fd >= 0 ? socket_local_text(local_fd) : NULL;

    if (s->addr.kind == SOCK_KIND_UNIX) {
        chardev_set_where(&s->fd.chr, "%sunix:%s%s", gone, s->addr.path, server);
    } else if (fd < 0 && s->addr.kind == SOCK_KIND_TCP && !local) {
        chardev_set_where(&s->fd.chr, "%s%s:%s:%s%s", gone, scheme(s), s->addr.host, s->addr.port,
                          server);
    } else if (fd < 0) {
        chardev_set_where(&s->fd.chr, "%s%s:%s%s", gone, scheme(s), local ? local : "?", server);
    } else {
        g_autofree char *peer = socket_peer_text(fd);

        chardev_set_where(&s->fd.chr, "%s:%s%s <-> %s", scheme(s), local ? local : "?", server,
                          peer);
    }
}

static void listen_again(CharSocket *s)
{
    if (s->listen_fd >= 0) {
        loop_set_fd(loop_main(), s->listen_fd, on_connection, NULL, s);
    }
}

static void arm_reconnect(CharSocket *s)
{
    timer_arm(&s->reconnect,
              clock_ns(CLOCK_TYPE_REALTIME) + s->reconnect_s * NS_PER_SECOND);
}

static void try_again(CharSocket *s)
{
    listen_again(s);
    if (!s->server && s->reconnect_s) {
        arm_reconnect(s);
    }
}

/* Bytes can flow. */
static void ready(CharSocket *s, int fd, TlsSession *session)
{
    update_where(s, fd);
    s->telnet_state = PLAIN;
    s->fd.channel = channel_new(loop_main(), fd, fd, true, &socket_ops, s);
    if (session) {
        channel_set_tls(s->fd.channel, session);
    }
    chardev_event(&s->fd.chr, CHAR_EVENT_OPENED);
    if (s->telnet) {
        static const uint8_t hello[] = {
            TELNET_IAC, TELNET_WILL, TELNET_OPT_ECHO, TELNET_IAC, TELNET_WILL, TELNET_OPT_SGA,
            TELNET_IAC, TELNET_WILL, TELNET_OPT_BINARY, TELNET_IAC, TELNET_DO, TELNET_OPT_BINARY,
        };

        channel_write(s->fd.channel, hello, sizeof(hello), true);
    }
}

static void shaken(void *opaque, int fd, TlsSession *session, Error *err)
{
    CharSocket *s = opaque;

    s->shaking = NULL;
    if (session && s->authz && !authz_allows(s->authz, tls_session_peer(session))) {
        const char *peer = tls_session_peer(session);

        error_set(&err, "TLS x509 authz check for %s is denied", peer ? peer : "nobody");
        tls_session_free(session);
        session = NULL;
    }
    if (session) {
        ready(s, fd, session);
        return;
    }
    report_warning("chardev '%s': %s", s->fd.chr.id, error_text(err));
    error_free(err);
    close(fd);
    try_again(s);
}

static void connected(CharSocket *s, int fd)
{
    if (s->listen_fd >= 0) {
        loop_set_fd(loop_main(), s->listen_fd, NULL, NULL, NULL);   /* one peer at a time */
    }
    if (s->nodelay) {
        socket_set_nodelay(fd);
    }
    if (s->creds) {
        tls_start(&s->shaking, s->creds, s->addr.host, fd, shaken, s);
    } else {
        ready(s, fd, NULL);
    }
}

static void socket_ended(void *opaque, int err)
{
    CharSocket *s = opaque;

    channel_free(s->fd.channel);
    s->fd.channel = NULL;
    update_where(s, -1);
    try_again(s);
    chardev_event(&s->fd.chr, CHAR_EVENT_CLOSED);
    chardev_writable(&s->fd.chr);       /* output vanishes now, nobody need wait */
}

static void on_connection(void *opaque)
{
    CharSocket *s = opaque;
    int fd = socket_accept(s->listen_fd);

    if (fd >= 0) {
        connected(s, fd);
    }
}

/* --- telnet --- */

/* Take the protocol's own bytes out of the stream; returns what is left in buf. */
static size_t telnet_filter(CharSocket *s, uint8_t *buf, size_t len)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = buf[i];

        switch (s->telnet_state) {
        case PLAIN:
            if (c == TELNET_IAC) {
                s->telnet_state = AFTER_IAC;
            } else if (c != 0) {            /* CR NUL is a bare CR */
                buf[out++] = c;
            }
            break;
        case AFTER_IAC:
            s->telnet_state = c >= TELNET_WILL && c <= TELNET_DONT ? OPTION
                              : c == TELNET_SB ? SUBOPTION : PLAIN;
            if (c == TELNET_IAC) {
                buf[out++] = c;
            } else if (c == TELNET_BREAK) {
                chardev_event(&s->fd.chr, CHAR_EVENT_BREAK);
            }
            break;
        case OPTION:
            s->telnet_state = PLAIN;
            break;
        case SUBOPTION:
            if (c == TELNET_IAC) {
                s->telnet_state = SUBOPTION_IAC;
            }
            break;
        case SUBOPTION_IAC:
            s->telnet_state = c == TELNET_SE ? PLAIN : SUBOPTION;
            break;
        }
    }
    return out;
}

static void socket_read(void *opaque, const uint8_t *buf, size_t len)
{
    CharSocket *s = opaque;
    g_autofree uint8_t *copy = NULL;

    if (s->telnet) {
        copy = g_memdup2(buf, len);
        len = telnet_filter(s, copy, len);
        buf = copy;
    }
    chardev_deliver(&s->fd.chr, buf, len);
}

static size_t socket_write(Chardev *chr, const uint8_t *buf, size_t len, bool all)
{
    static const uint8_t iac2[] = { TELNET_IAC, TELNET_IAC };
    CharSocket *s = (CharSocket *)chr;
    size_t done = 0;

    if (!s->telnet || !memchr(buf, TELNET_IAC, len) || !s->fd.channel) {
        return char_fd_write(chr, buf, len, all);
    }
    /* A data byte 255 is sent twice. */
    while (done < len) {
        const uint8_t *iac = memchr(buf + done, TELNET_IAC, len - done);
        size_t part = iac ? (size_t)(iac - buf) - done : len - done, n;

        n = channel_write(s->fd.channel, buf + done, part, all);
        done += n;
        if (n < part || (iac && !channel_write(s->fd.channel, iac2, 2, true))) {
            break;
        }
        done += iac != NULL;
    }
    return done;
}

static const ChannelOps socket_ops = {
    .can_read = char_fd_can_read,
    .read = socket_read,
    .ended = socket_ended,
    .writable = char_fd_writable,
};

/* --- connecting without blocking the loop --- */

static int connect_work(void *opaque)
{
    Connecting *c = opaque;

    c->fd = socket_connect(&c->addr, &c->err);
    return 0;
}

static void connect_done(void *opaque, int ret)
{
    Connecting *c = opaque;
    CharSocket *s = c->s;

    if (s) {
        s->connecting = NULL;
        if (c->fd >= 0) {
            connected(s, c->fd);
        } else {
            arm_reconnect(s);
        }
    } else if (c->fd >= 0) {
        close(c->fd);
    }
    error_free(c->err);
    sockaddr_clear(&c->addr);
    g_free(c);
}

static void reconnect(void *opaque)
{
    CharSocket *s = opaque;
    Connecting *c = g_new0(Connecting, 1);

    c->s = s;
    c->fd = -1;
    sockaddr_copy(&c->addr, &s->addr);
    s->connecting = c;
    thread_pool_submit(connect_work, c, connect_done, c);
}

/* --- open and close --- */

static bool take_address(CharSocket *s, const ChardevSocket *opts, Error **errp)
{
    uint64_t fd;

    bool named_fd = opts->fd && opts->host && !opts->port && !opts->path && opts->tls_creds;

    if (!named_fd && !!opts->path + !!opts->host + !!opts->fd != 1 &&
        (opts->path || opts->fd || !opts->port)) {
        error_set(errp, "a socket needs one of 'path', 'fd', and 'host' with 'port'");
        return false;
    }
    s->addr.fd = -1;
    if (opts->path) {
        s->addr.kind = SOCK_KIND_UNIX;
        s->addr.path = g_strdup(opts->path);
        s->addr.abstract = opts->abstract;
        s->addr.tight = !opts->has_tight || opts->tight;
    } else if (opts->fd) {
        if (parse_u64(opts->fd, 10, &fd) || fd > INT_MAX) {
            error_set(errp, "Parameter 'fd' expects the number of an open descriptor, not '%s'",
                      opts->fd);
            return false;
        }
        s->addr.kind = SOCK_KIND_FD;
        s->addr.fd = fd;
        s->addr.host = g_strdup(opts->host);    /* for TLS: who should be at the other end */
    } else {
        if (!opts->port) {
            error_set(errp, "Parameter 'port' is missing");
            return false;
        }
        s->addr.kind = SOCK_KIND_TCP;
        s->addr.host = g_strdup(opts->host ? opts->host : "");
        s->addr.port = g_strdup(opts->port);
        s->addr.port_to = opts->to;
        s->addr.no_ipv4 = (opts->has_ipv4 && !opts->ipv4) ||
                          (opts->has_ipv6 && opts->ipv6 && !opts->has_ipv4);
        s->addr.no_ipv6 = (opts->has_ipv6 && !opts->ipv6) ||
                          (opts->has_ipv4 && opts->ipv4 && !opts->has_ipv6);
    }
    return true;
}

static bool start_server(CharSocket *s, bool wait, Error **errp)
{
    s->listen_fd = socket_listen(&s->addr, errp);
    if (s->listen_fd < 0) {
        return false;
    }
    update_where(s, -1);
    if (wait) {
        int fd;

        report_info("waiting for connection on: %s", s->fd.chr.where);
        fd = socket_accept(s->listen_fd);
        if (fd < 0) {
            error_set_errno(errp, errno, "Failed to accept a connection");
            return false;
        }
        connected(s, fd);
        return true;
    }
    fcntl(s->listen_fd, F_SETFL, fcntl(s->listen_fd, F_GETFL) | O_NONBLOCK);
    listen_again(s);
    return true;
}

static bool socket_open(Chardev *chr, const ChardevOptions *options, Error **errp)
{
    CharSocket *s = (CharSocket *)chr;
    const ChardevSocket *opts = &options->u.socket;
    int fd;

    s->listen_fd = -1;
    timer_init(&s->reconnect, CLOCK_TYPE_REALTIME, reconnect, s);
    s->server = opts->has_server && opts->server;
    s->telnet = opts->telnet;
    s->nodelay = opts->has_delay ? !opts->delay : opts->nodelay;
    s->reconnect_s = opts->reconnect;
    if (s->server && s->reconnect_s) {
        error_set(errp, "'reconnect' option is incompatible with socket in server listen mode");
        return false;
    }
    if (!s->server && opts->has_wait) {
        error_set(errp, "'wait' option is incompatible with socket in client connect mode");
        return false;
    }
    if (!take_address(s, opts, errp)) {
        return false;
    }
    if (s->reconnect_s && s->addr.kind == SOCK_KIND_FD) {
        error_set(errp, "'reconnect' option is incompatible with 'fd' address type");
        return false;
    }
    if (opts->tls_creds) {
        if (s->addr.kind == SOCK_KIND_UNIX ||
            (s->addr.kind == SOCK_KIND_FD && !s->server && !s->addr.host)) {
            error_set(errp, "'tls_creds' option is incompatible with '%s' address type",
                      s->addr.kind == SOCK_KIND_UNIX ? "unix" : "fd");
            return false;
        }
        s->creds = tls_creds_find(opts->tls_creds, s->server, errp);
        if (!s->creds) {
            return false;
        }
    }
    if (opts->tls_authz) {
        if (!s->server || !s->creds) {
            error_set(errp, s->server ? "'tls_authz' option requires 'tls_creds' option"
                                      : "'tls_authz' option is incompatible with socket in client "
                                        "connect mode");
            return false;
        }
        if (!authz_check(opts->tls_authz, errp)) {
            return false;
        }
        s->authz = g_strdup(opts->tls_authz);
    }
    if (s->server) {
        return start_server(s, opts->has_wait ? opts->wait : true, errp);
    }
    update_where(s, -1);
    if (s->reconnect_s) {
        reconnect(s);
        return true;
    }
    fd = socket_connect(&s->addr, errp);
    if (fd < 0) {
        return false;
    }
    connected(s, fd);
    return true;
}

static void socket_close(Chardev *chr)
{
    CharSocket *s = (CharSocket *)chr;

    timer_disarm(&s->reconnect);
    if (s->connecting) {
        s->connecting->s = NULL;
    }
    tls_start_cancel(s->shaking);
    tls_creds_unref(s->creds);
    g_free(s->authz);
    char_fd_close(chr);
    if (s->listen_fd >= 0) {
        loop_set_fd(loop_main(), s->listen_fd, NULL, NULL, NULL);
        close(s->listen_fd);
        if (s->addr.kind == SOCK_KIND_UNIX && !s->addr.abstract) {
            unlink(s->addr.path);
        }
    }
    sockaddr_clear(&s->addr);
}

static void socket_yank(Chardev *chr)
{
    CharSocket *s = (CharSocket *)chr;

    if (s->fd.channel) {
        channel_shutdown(s->fd.channel);
    }
}

static const CharType socket_type = {
    .name = "socket",
    .desc = "TCP or Unix socket, client or server",
    .size = sizeof(CharSocket),
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .accept_input = char_fd_accept_input,
    .take_fd = char_fd_take_fd,
    .yank = socket_yank,
};
REGISTER_CHARDEV(socket_type)
