/* -object tls-creds-x509, tls-creds-psk, tls-creds-anon: who we are on TLS connections */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_TLS_CREDS_H
#define QOM_TLS_CREDS_H

#include "util/tls.h"

/* The credentials of that id, for a server or a client: a reference of the caller's. */
TlsCreds *tls_creds_find(const char *id, bool server, Error **errp);

#endif
