/* TLS where the build had no GnuTLS: every use is refused with a sentence */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/tls.h"

/* Nothing below is reached without credentials, and there are none. */

TlsCreds *tls_creds_load(const TlsConfig *config, Error **errp)
{
    error_set(errp, "This build of Mica has no TLS");
    error_hint(errp, "Install libgnutls28-dev (GnuTLS) and build again");
    return NULL;
}

TlsCreds *tls_creds_ref(TlsCreds *creds)
{
    return creds;
}

void tls_creds_unref(TlsCreds *creds)
{
}

bool tls_creds_for_server(const TlsCreds *creds)
{
    return false;
}

TlsSession *tls_session_new(TlsCreds *creds, const char *hostname, int fd, Error **errp)
{
    tls_creds_load(NULL, errp);
    return NULL;
}

void tls_session_free(TlsSession *session)
{
}

int tls_session_handshake(TlsSession *session, bool *want_write, Error **errp)
{
    tls_creds_load(NULL, errp);
    return -1;
}

const char *tls_session_peer(const TlsSession *session)
{
    return NULL;
}

ssize_t tls_session_read(TlsSession *session, void *buf, size_t len)
{
    return -ENOTSUP;
}

ssize_t tls_session_write(TlsSession *session, const void *buf, size_t len)
{
    return -ENOTSUP;
}

size_t tls_session_pending(const TlsSession *session)
{
    return 0;
}

void tls_session_bye(TlsSession *session)
{
}
