/* A client's connection to an NBD server: calls and answers, reconnecting */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_NBD_CONNECTION_H
#define BLOCK_NBD_CONNECTION_H

#include <sys/uio.h>

#include "block/nbd/client.h"
#include "util/socket.h"

typedef struct NbdConfig {
    SockAddr addr;
    TlsCreds *tls;
    char *export, *context, *hostname;
    uint32_t reconnect_delay;       /* seconds that requests wait for a lost server */
    uint32_t open_timeout;          /* seconds to try for until the first connection */
} NbdConfig;

void nbd_config_clear(NbdConfig *config);

/* One request; iov: what is written, or where what is read goes. */
typedef struct NbdCall {
    uint16_t type, flags;
    uint64_t from;
    uint32_t len;
    const struct iovec *iov;
    unsigned niov;
    uint32_t extent_len, extent_flags;      /* the first extent of a block status */
} NbdCall;

/* Belongs to the loop of the coroutine that opens it. Takes what is in config. */
typedef struct NbdConnection NbdConnection;

NbdConnection *co_nbd_connection_open(NbdConfig *config, Error **errp);
/* No calls may be under way. */
void co_nbd_connection_close(NbdConnection *conn);
/* Calls fail from now on, also those under way. */
void nbd_connection_abandon(NbdConnection *conn);
const NbdInfo *nbd_connection_info(const NbdConnection *conn);
char *nbd_connection_uri(const NbdConnection *conn);    /* NULL: it has none; g_free() */
/* 0 or a negative errno. */
int co_nbd_call(NbdConnection *conn, NbdCall *call);
/* A connected socket, made where it blocks nobody; -1 with errp. */
int co_nbd_connect(const SockAddr *addr, Error **errp);

#endif
