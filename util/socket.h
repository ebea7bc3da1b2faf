/* Stream sockets: addresses as users write them, listen, connect, descriptors passed along */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_SOCKET_H
#define UTIL_SOCKET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

typedef enum SockKind {
    SOCK_KIND_TCP,
    SOCK_KIND_UNIX,
    SOCK_KIND_FD,
} SockKind;

typedef struct SockAddr {
    SockKind kind;
    char *path;             /* unix */
    bool abstract, tight;   /* unix: the abstract name space; without padding to its full size */
    char *host, *port;      /* tcp; host "" is any address */
    uint16_t port_to;       /* listen: the first free one of port..port_to; 0: port only */
    bool no_ipv4, no_ipv6;
    int fd;                 /* fd: a connected or listening socket */
} SockAddr;

/* "unix:PATH", "tcp:HOST:PORT", "fd:N" or "HOST:PORT"; IPv6 hosts in brackets. */
bool sockaddr_parse(const char *text, SockAddr *addr, Error **errp);
/* Just "HOST:PORT". */
bool sockaddr_parse_tcp(const char *text, SockAddr *addr, Error **errp);
void sockaddr_copy(SockAddr *to, const SockAddr *from);
void sockaddr_clear(SockAddr *addr);
char *sockaddr_text(const SockAddr *addr);      /* "unix:/tmp/s", "tcp:[::1]:5555"; g_free() */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SockAddr, sockaddr_clear)

/* Descriptors with close-on-exec, or -1. Connecting and resolving may block. */
int socket_listen(const SockAddr *addr, Error **errp);
int socket_connect(const SockAddr *addr, Error **errp);
int socket_accept(int fd);                      /* -1 with errno */
char *socket_local_text(int fd);                /* "127.0.0.1:5555", "/tmp/s"; g_free() */
char *socket_peer_text(int fd);
void socket_set_nodelay(int fd);
/* Is fd a socket that listens? */
bool socket_is_listening(int fd);

/* read() that takes passed descriptors along (at most max, close-on-exec). */
ssize_t socket_read_fds(int fd, void *buf, size_t len, int *fds, unsigned max, unsigned *n);
bool socket_send_fd(int sock, const void *buf, size_t len, int fd);

#endif
