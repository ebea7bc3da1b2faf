/* A TLS handshake on a connected socket, by the main loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHARDEV_SOCKET_TLS_H
#define CHARDEV_SOCKET_TLS_H

#include "qom/tls-creds.h"

/* One under way; it owns the socket. */
typedef struct TlsStart TlsStart;
/*
 * The end of it: a session for fd; or NULL, with an error that is the callee's. The
 * socket is the callee's in both cases.
 */
typedef void TlsStartDone(void *opaque, int fd, TlsSession *session, Error *err);

/* *start is set before done() is called, which may be at once. */
void tls_start(TlsStart **start, TlsCreds *creds, const char *hostname, int fd, TlsStartDone *done,
               void *opaque);
/* Close the socket, call nothing. NULL is none. */
void tls_start_cancel(TlsStart *start);

#endif
