/* Socket addresses of the schema as those of util/socket.h */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/sockaddr.h"

#include "util/fdset.h"

static bool from_inet(const InetSocketAddress *from, SockAddr *addr, Error **errp)
{
    addr->kind = SOCK_KIND_TCP;
    addr->host = g_strdup(from->host);
    addr->port = g_strdup(from->port);
    addr->port_to = from->has_to ? from->to : 0;
    addr->no_ipv4 = from->has_ipv4 ? !from->ipv4 : from->has_ipv6 && from->ipv6;
    addr->no_ipv6 = from->has_ipv6 ? !from->ipv6 : from->has_ipv4 && from->ipv4;
    if (from->has_ipv4 && from->has_ipv6 && from->ipv4 && from->ipv6) {
        addr->no_ipv4 = addr->no_ipv6 = false;
    }
    if (addr->no_ipv4 && addr->no_ipv6) {
        error_set(errp, "Cannot disable IPv4 and IPv6 at same time");
        return false;
    }
    return true;
}

static bool from_unix(const UnixSocketAddress *from, SockAddr *addr, Error **errp)
{
    addr->kind = SOCK_KIND_UNIX;
    addr->path = g_strdup(from->path);
    addr->abstract = from->has_abstract && from->abstract;
    addr->tight = !from->has_tight || from->tight;
    return true;
}

static bool from_fd(const FdSocketAddress *from, SockAddr *addr, Error **errp)
{
    addr->kind = SOCK_KIND_FD;
    addr->fd = fd_name_take(from->str, errp);
    return addr->fd >= 0;
}

bool sockaddr_from_qapi(const SocketAddress *from, SockAddr *addr, Error **errp)
{
    bool ok;

    *addr = (SockAddr){ .fd = -1 };
    switch (from->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        ok = from_inet(&from->u.inet, addr, errp);
        break;
    case SOCKET_ADDRESS_TYPE_UNIX:
        ok = from_unix(&from->u.q_unix, addr, errp);
        break;
    default:
        ok = from_fd(&from->u.fd, addr, errp);
        break;
    }
    if (!ok) {
        sockaddr_clear(addr);
    }
    return ok;
}

bool sockaddr_from_qapi_legacy(const SocketAddressLegacy *from, SockAddr *addr, Error **errp)
{
    SocketAddress flat = { .type = from->type };

    switch (from->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        flat.u.inet = *from->u.inet.data;
        break;
    case SOCKET_ADDRESS_TYPE_UNIX:
        flat.u.q_unix = *from->u.q_unix.data;
        break;
    default:
        flat.u.fd = *from->u.fd.data;
        break;
    }
    return sockaddr_from_qapi(&flat, addr, errp);
}
