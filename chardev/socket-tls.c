/* A TLS handshake on a connected socket, by the main loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/socket-tls.h"
#include "util/loop.h"

struct TlsStart {
    int fd;
    TlsSession *session;
    TlsStartDone *done;
    void *opaque;
};

static void finish(TlsStart *s, Error *err)
{
    loop_set_fd(loop_main(), s->fd, NULL, NULL, NULL);
    if (err) {
        tls_session_free(s->session);
        s->session = NULL;
    }
    s->done(s->opaque, s->fd, s->session, err);
    g_free(s);
}

static void shake(void *opaque)
{
    TlsStart *s = opaque;
    bool want_write = false;
    Error *err = NULL;

    switch (tls_session_handshake(s->session, &want_write, &err)) {
    case 0:
        loop_set_fd(loop_main(), s->fd, want_write ? NULL : shake, want_write ? shake : NULL, s);
        break;
    default:
        finish(s, err);
        break;
    }
}

void tls_start(TlsStart **start, TlsCreds *creds, const char *hostname, int fd, TlsStartDone *done,
               void *opaque)
{
    TlsStart *s = g_new0(TlsStart, 1);
    Error *err = NULL;

    s->fd = fd;
    s->done = done;
    s->opaque = opaque;
    *start = s;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    s->session = tls_session_new(creds, hostname, fd, &err);
    if (s->session) {
        shake(s);
    } else {
        finish(s, err);
    }
}

void tls_start_cancel(TlsStart *s)
{
    if (s) {
        loop_set_fd(loop_main(), s->fd, NULL, NULL, NULL);
        tls_session_free(s->session);
        close(s->fd);
        g_free(s);
    }
}
