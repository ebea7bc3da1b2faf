/* Socket addresses of the schema as those of util/socket.h */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QAPI_SOCKADDR_H
#define QAPI_SOCKADDR_H

#include "qapi/types-sockets.h"
#include "util/socket.h"

/* Free with sockaddr_clear(). */
bool sockaddr_from_qapi(const SocketAddress *from, SockAddr *addr, Error **errp);
bool sockaddr_from_qapi_legacy(const SocketAddressLegacy *from, SockAddr *addr, Error **errp);

#endif
