/* TLS on a connected socket: credentials from files, sessions that never block */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_TLS_H
#define UTIL_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"

typedef enum TlsKind {
    TLS_KIND_ANON,          /* encrypted, nobody is known to anybody */
    TLS_KIND_PSK,           /* a key that both sides have */
    TLS_KIND_X509,          /* certificates */
} TlsKind;

typedef struct TlsConfig {
    TlsKind kind;
    bool server;
    bool verify_peer;
    bool sanity_check;      /* look at our own certificates before they are used */
    const char *dir;        /* where the files are; NULL: none are needed */
    const char *priority;   /* GnuTLS's priority string; NULL: its defaults */
    const char *username;   /* PSK, client */
} TlsConfig;

/* Loaded credentials, shared by sessions; any thread. */
typedef struct TlsCreds TlsCreds;

TlsCreds *tls_creds_load(const TlsConfig *config, Error **errp);
TlsCreds *tls_creds_ref(TlsCreds *creds);
void tls_creds_unref(TlsCreds *creds);
bool tls_creds_for_server(const TlsCreds *creds);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsCreds, tls_creds_unref)

/*
 * A session belongs to one thread. fd is a connected, non-blocking socket that
 * outlives it. hostname is what a client holds a server's certificate against.
 */
typedef struct TlsSession TlsSession;

TlsSession *tls_session_new(TlsCreds *creds, const char *hostname, int fd, Error **errp);
void tls_session_free(TlsSession *session);
/*
 * 1 when it is done and the peer is who it should be, -1 with errp, 0: call
 * again once the socket is readable, or writable where *want_write is set.
 */
int tls_session_handshake(TlsSession *session, bool *want_write, Error **errp);
/* The subject of the peer's certificate; NULL where it has none. */
const char *tls_session_peer(const TlsSession *session);
/* As read() and write(): 0 is the end, -EAGAIN when the socket must get ready, -errno. */
ssize_t tls_session_read(TlsSession *session, void *buf, size_t len);
ssize_t tls_session_write(TlsSession *session, const void *buf, size_t len);
/* Bytes that have been received and decrypted: the socket does not tell about them. */
size_t tls_session_pending(const TlsSession *session);
/* Tell the peer that this is the end, as far as that works without waiting. */
void tls_session_bye(TlsSession *session);

#endif
