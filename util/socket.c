/* Stream sockets: addresses as users write them, listen, connect, descriptors passed along */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/socket.h"

#include "util/parse.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

/* --- addresses --- */

bool sockaddr_parse_tcp(const char *text, SockAddr *addr, Error **errp)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? colon - text : 0;

    *addr = (SockAddr){ .kind = SOCK_KIND_TCP, .fd = -1 };
    if (!colon || !colon[1]) {
        error_set(errp, "address '%s' has no port; HOST:PORT is expected", text);
        return false;
    }
    if (*text == '[') {
        if (len < 2 || text[len - 1] != ']') {
            error_set(errp, "address '%s' lacks the closing bracket", text);
            return false;
        }
        text++;
        len -= 2;
    }
    addr->host = g_strndup(text, len);
    addr->port = g_strdup(colon + 1);
    return true;
}

bool sockaddr_parse(const char *text, SockAddr *addr, Error **errp)
{
    uint64_t fd;

    *addr = (SockAddr){ .kind = SOCK_KIND_UNIX, .fd = -1 };
    if (g_str_has_prefix(text, "unix:")) {
        if (!text[5]) {
            error_set(errp, "address 'unix:' lacks the path");
            return false;
        }
        addr->path = g_strdup(text + 5);
        return true;
    }
    if (g_str_has_prefix(text, "fd:")) {
        if (parse_u64(text + 3, 10, &fd) || fd > INT_MAX) {
            error_set(errp, "'%s' is not a file descriptor", text + 3);
            return false;
        }
        addr->kind = SOCK_KIND_FD;
        addr->fd = fd;
        return true;
    }
    return sockaddr_parse_tcp(g_str_has_prefix(text, "tcp:") ? text + 4 : text, addr, errp);
}

void sockaddr_copy(SockAddr *to, const SockAddr *from)
{
    *to = *from;
    to->path = g_strdup(from->path);
    to->host = g_strdup(from->host);
    to->port = g_strdup(from->port);
}

void sockaddr_clear(SockAddr *addr)
{
    g_clear_pointer(&addr->path, g_free);
    g_clear_pointer(&addr->host, g_free);
    g_clear_pointer(&addr->port, g_free);
}

char *sockaddr_text(const SockAddr *addr)
{
    switch (addr->kind) {
    case SOCK_KIND_UNIX:
        return g_strdup_printf("unix:%s%s", addr->path, addr->abstract ? ",abstract=on" : "");
    case SOCK_KIND_FD:
        return g_strdup_printf("fd:%d", addr->fd);
    default:
        return g_strdup_printf(strchr(addr->host, ':') ? "tcp:[%s]:%s" : "tcp:%s:%s", addr->host,
                               addr->port);
    }
}

/* --- unix --- */

static bool fill_unix(const SockAddr *addr, struct sockaddr_un *sun, socklen_t *len, Error **errp)
{
    size_t n = strlen(addr->path);

    *sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (n + 1 > sizeof(sun->sun_path)) {
        error_set(errp, "UNIX socket path '%s' is too long", addr->path);
        error_hint(errp, "Path must be less than %zu bytes", sizeof(sun->sun_path));
        return false;
    }
    memcpy(sun->sun_path + addr->abstract, addr->path, n);
    /* unix(7): an abstract name is as long as the address says, NULs count. */
    *len = addr->abstract && addr->tight ? offsetof(struct sockaddr_un, sun_path) + 1 + n
                                         : sizeof(*sun);
    return true;
}

static int open_unix(const SockAddr *addr, bool server, Error **errp)
{
    struct sockaddr_un sun;
    socklen_t len;
    int fd, ret;

    if (!fill_unix(addr, &sun, &len, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set_errno(errp, errno, "Failed to create a UNIX socket");
        return -1;
    }
    if (server) {
        if (!addr->abstract && unlink(addr->path) < 0 && errno != ENOENT) {
            error_set_errno(errp, errno, "Failed to unlink socket %s", addr->path);
            close(fd);
            return -1;
        }
        ret = bind(fd, (struct sockaddr *)&sun, len);
        ret = ret < 0 ? ret : listen(fd, 8);
    } else {
        do {
            ret = connect(fd, (struct sockaddr *)&sun, len);
        } while (ret < 0 && errno == EINTR);
    }
    if (ret < 0) {
        error_set_errno(errp, errno, server ? "Failed to bind socket to %s"
                                            : "Failed to connect to '%s'", addr->path);
        close(fd);
        return -1;
    }
    return fd;
}

/* --- TCP --- */

static struct addrinfo *resolve(const SockAddr *addr, bool server, const char *port, Error **errp)
{
    struct addrinfo hints = {
        .ai_family = addr->no_ipv6 ? AF_INET : addr->no_ipv4 ? AF_INET6 : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM, .ai_flags = (server ? AI_PASSIVE : 0) | AI_ADDRCONFIG,
    };
    struct addrinfo *list = NULL;
    int ret;

    ret = getaddrinfo(*addr->host ? addr->host : NULL, port, &hints, &list);
    if (ret == EAI_NONAME || ret == EAI_ADDRFAMILY) {
        /* A host without any configured address still has its loopback. */
        hints.ai_flags &= ~AI_ADDRCONFIG;
        ret = getaddrinfo(*addr->host ? addr->host : NULL, port, &hints, &list);
    }
    if (ret) {
        error_set(errp, "address resolution failed for %s:%s: %s", addr->host, port,
                  gai_strerror(ret));
        return NULL;
    }
    return list;
}

static int try_tcp(const struct addrinfo *ai, bool server)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, saved;

    if (fd < 0) {
        return -1;
    }
    if (server) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, 8)) {
            return fd;
        }
    } else if (!connect(fd, ai->ai_addr, ai->ai_addrlen)) {
        return fd;
    }
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int open_tcp(const SockAddr *addr, bool server, Error **errp)
{
    uint64_t port = 0, last;
    bool numeric = !parse_u64(addr->port, 10, &port);
    g_autofree char *text = NULL;
    int err = 0;

    if (numeric && port > 65535) {
        error_set(errp, "port '%s' is not below 65536", addr->port);
        return -1;
    }
    last = server && numeric ? MAX(port, addr->port_to) : port;
    for (; port <= last; port++) {
        g_autofree char *name = numeric ? g_strdup_printf("%" PRIu64, port)
                                        : g_strdup(addr->port);
        struct addrinfo *list = resolve(addr, server, name, errp);
        int fd = -1;

        if (!list) {
            return -1;
        }
        for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
            fd = try_tcp(ai, server);
            err = errno;
        }
        freeaddrinfo(list);
        if (fd >= 0) {
            return fd;
        }
    }
    text = sockaddr_text(addr);
    error_set_errno(errp, err, server ? "Failed to listen on '%s'" : "Failed to connect to '%s'",
                    text + strlen("tcp:"));
    return -1;
}

/* --- both --- */

static int take_fd(const SockAddr *addr, Error **errp)
{
    int type;
    socklen_t len = sizeof(type);

    if (getsockopt(addr->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        error_set(errp, "File descriptor '%d' is not a socket", addr->fd);
        return -1;
    }
    fcntl(addr->fd, F_SETFD, FD_CLOEXEC);
    return addr->fd;
}

static int open_socket(const SockAddr *addr, bool server, Error **errp)
{
    switch (addr->kind) {
    case SOCK_KIND_UNIX:
        return open_unix(addr, server, errp);
    case SOCK_KIND_FD:
        return take_fd(addr, errp);
    default:
        return open_tcp(addr, server, errp);
    }
}

int socket_listen(const SockAddr *addr, Error **errp)
{
    return open_socket(addr, true, errp);
}

int socket_connect(const SockAddr *addr, Error **errp)
{
    return open_socket(addr, false, errp);
}

int socket_accept(int fd)
{
    int client;

    do {
        client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    } while (client < 0 && errno == EINTR);
    return client;
}

static char *name_text(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof(ss);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (get(fd, (struct sockaddr *)&ss, &len) < 0) {
        return g_strdup("?");
    }
    if (ss.ss_family == AF_UNIX) {
        const struct sockaddr_un *sun = (const struct sockaddr_un *)&ss;

        return g_strdup(sun->sun_path[0] ? sun->sun_path : sun->sun_path + 1);
    }
    if (getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        return g_strdup("?");
    }
    return g_strdup_printf(ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

char *socket_local_text(int fd)
{
    return name_text(fd, getsockname);
}

char *socket_peer_text(int fd)
{
    return name_text(fd, getpeername);
}

void socket_set_nodelay(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

bool socket_is_listening(int fd)
{
    int listening = 0;
    socklen_t len = sizeof(listening);

    return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) && listening;
}

#define FDS_MAX 16

ssize_t socket_read_fds(int fd, void *buf, size_t len, int *fds, unsigned max, unsigned *n)
{
    union {
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { buf, len };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    ssize_t ret;

    *n = 0;
    do {
        ret = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0) {
        return ret;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        unsigned count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (unsigned i = 0; i < count; i++) {
            int passed;

            memcpy(&passed, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (*n < max) {
                fds[(*n)++] = passed;
            } else {
                close(passed);
            }
        }
    }
    return ret;
}

bool socket_send_fd(int sock, const void *buf, size_t len, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    struct iovec iov = { (void *)(uintptr_t)buf, len };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)len;
}
