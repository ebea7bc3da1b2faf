/* udp: what is written goes out as datagrams, what datagrams bring is read */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char-int.h"
#include "qapi/types-char.h"
#include "util/loop.h"

#include <netdb.h>
#include <sys/socket.h>

#define DATAGRAM_MAX 65536
#define SEND_MAX     8192       /* of one write, so that it goes out in one piece nearly always */

typedef struct CharUdp {
    Chardev chr;
    int fd;
    uint8_t *datagram;          /* the one being delivered */
    size_t len, done;
    bool blocked;               /* the kernel took no more: wait until it does */
} CharUdp;

static void on_readable(void *opaque);
static void on_writable(void *opaque);

static void watch(CharUdp *s)
{
    loop_set_fd(loop_main(), s->fd, s->done < s->len ? NULL : on_readable,
                s->blocked ? on_writable : NULL, s);
}

/* As much as the front end takes; the next datagram waits until this one is gone. */
static void deliver(CharUdp *s)
{
    while (s->done < s->len) {
        size_t n = MIN(chardev_can_read(&s->chr), s->len - s->done), at = s->done;

        if (!n) {
            break;
        }
        s->done += n;
        chardev_deliver(&s->chr, s->datagram + at, n);
    }
}

static void on_readable(void *opaque)
{
    CharUdp *s = opaque;
    ssize_t n = recv(s->fd, s->datagram, DATAGRAM_MAX, 0);

    /* An error is of an earlier datagram that found nobody: nothing to act on. */
    s->len = MAX(n, 0);
    s->done = 0;
    deliver(s);
    watch(s);
}

static void udp_accept_input(Chardev *chr)
{
    CharUdp *s = (CharUdp *)chr;

    if (s->fd >= 0 && s->done < s->len) {
        deliver(s);
        watch(s);
    }
}

static void on_writable(void *opaque)
{
    CharUdp *s = opaque;

    s->blocked = false;
    watch(s);
    chardev_writable(&s->chr);
}

static size_t udp_write(Chardev *chr, const uint8_t *buf, size_t len, bool all)
{
    CharUdp *s = (CharUdp *)chr;
    size_t done = 0;

    while (done < len) {
        size_t part = MIN(len - done, SEND_MAX);
        ssize_t n = send(s->fd, buf + done, part, 0);

        if (n < 0 && errno == EAGAIN && !all) {
            s->blocked = true;
            watch(s);
            break;
        }
        done += part;           /* what cannot be sent is lost, as on the way */
    }
    return done;
}

static struct addrinfo *resolve(const ChardevUdp *opts, const char *host, const char *port,
                                int family, bool passive, Error **errp)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM,
                              .ai_flags = passive ? AI_PASSIVE : 0 };
    struct addrinfo *list = NULL;
    int ret = getaddrinfo(host && *host ? host : passive ? NULL : "localhost", port, &hints, &list);

    if (ret) {
        error_set(errp, "address resolution failed for %s:%s: %s", host ? host : "", port,
                  gai_strerror(ret));
        return NULL;
    }
    return list;
}

/* The families that both ends can have, with the remote one's choice first. */
static int open_socket(const ChardevUdp *opts, Error **errp)
{
    int family = opts->has_ipv4 && opts->ipv4 && !opts->ipv6 ? AF_INET
               : opts->has_ipv6 && opts->ipv6 && !opts->ipv4 ? AF_INET6
               : opts->has_ipv6 && !opts->ipv6 ? AF_INET
               : opts->has_ipv4 && !opts->ipv4 ? AF_INET6 : AF_UNSPEC;
    struct addrinfo *remote = resolve(opts, opts->host, opts->port, family, false, errp);
    struct addrinfo *local = NULL;
    bool bound = opts->localaddr || opts->localport;
    int fd = -1;

    for (struct addrinfo *ai = remote; ai && fd < 0; ai = ai->ai_next) {
        if (bound) {
            local = resolve(opts, opts->localaddr, opts->localport ? opts->localport : "0",
                            ai->ai_family, true, errp);
            if (!local) {
                break;
            }
        }
        fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && ((local && bind(fd, local->ai_addr, local->ai_addrlen) < 0) ||
                        connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)) {
            int saved = errno;

            close(fd);
            fd = -1;
            errno = saved;
        }
        if (fd < 0 && !ai->ai_next) {
            error_set_errno(errp, errno, "Failed to make a UDP socket to '%s:%s'",
                            opts->host ? opts->host : "localhost", opts->port);
        }
        if (local) {
            freeaddrinfo(local);
            local = NULL;
        }
    }
    if (remote) {
        freeaddrinfo(remote);
    }
    return fd;
}

static bool udp_open(Chardev *chr, const ChardevOptions *options, Error **errp)
{
    CharUdp *s = (CharUdp *)chr;

    s->fd = open_socket(&options->u.udp, errp);
    if (s->fd < 0) {
        return false;
    }
    s->datagram = g_malloc(DATAGRAM_MAX);
    chr->open = true;
    watch(s);
    return true;
}

static void udp_close(Chardev *chr)
{
    CharUdp *s = (CharUdp *)chr;

    if (s->fd >= 0) {
        loop_set_fd(loop_main(), s->fd, NULL, NULL, NULL);
        close(s->fd);
    }
    g_free(s->datagram);
}

static const CharType udp_type = {
    .name = "udp",
    .desc = "datagrams to and from another host",
    .size = sizeof(CharUdp),
    .open = udp_open,
    .close = udp_close,
    .write = udp_write,
    .accept_input = udp_accept_input,
};
REGISTER_CHARDEV(udp_type)
