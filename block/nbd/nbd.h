/* NBD, the face: servers that listen, and what they count */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_NBD_NBD_H
#define BLOCK_NBD_NBD_H

#include "util/tls.h"

/* Sockets that listen, and the clients that came there. All of the exports are served. */
typedef struct NbdServer NbdServer;

typedef struct NbdServerOptions {
    TlsCreds *tls;                      /* required of clients; NULL: plain */
    const char *authz;                  /* id of who says whose certificates do; NULL: all */
    unsigned max_connections;           /* at the same time; 0: any */
    /* A client is gone; negotiated: it had reached an export. */
    void (*client_closed)(void *opaque, bool negotiated);
    void *opaque;
} NbdServerOptions;

NbdServer *nbd_server_new(const NbdServerOptions *options);
/* Accept on fd, which the server takes. */
void nbd_server_listen(NbdServer *server, int fd);
/* A client that is connected already; takes fd. */
void nbd_server_add_client(NbdServer *server, int fd);
/* Accept no more; clients go on. */
void nbd_server_stop_listening(NbdServer *server);
/* Drop all clients, wait until they are gone, free. */
void co_nbd_server_free(NbdServer *server);
unsigned nbd_server_clients(const NbdServer *server);
unsigned nbd_server_max_connections(const NbdServer *server);

/* The one that QMP starts (nbd-qmp.c) */
bool nbd_server_running(void);
/* For main(), after the main loop: stop it where it runs. */
void nbd_server_end(void);

#endif
