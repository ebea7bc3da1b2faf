/* A socket for coroutines: buffered reads, gathered writes that are batched, TLS in between */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_NBD_STREAM_H
#define BLOCK_NBD_STREAM_H

#include "util/coroutine.h"
#include "util/tls.h"

/*
 * Belongs to the loop of the coroutine that made it. One coroutine reads at a
 * time; any may write. After the first error every call fails.
 */
typedef struct NbdStream NbdStream;

NbdStream *nbd_stream_new(int fd);              /* takes fd; one reference */
NbdStream *nbd_stream_ref(NbdStream *stream);
void nbd_stream_unref(NbdStream *stream);
/* From here on all is encrypted; nothing may be buffered in either direction. */
bool co_nbd_stream_start_tls(NbdStream *stream, TlsCreds *creds, const char *hostname,
                             Error **errp);
bool nbd_stream_has_tls(const NbdStream *stream);
const char *nbd_stream_peer(const NbdStream *stream);   /* its certificate's subject, or NULL */
/* Break it off: whoever reads or waits gets -ESHUTDOWN, soon. */
void nbd_stream_abort(NbdStream *stream);
bool nbd_stream_broken(const NbdStream *stream);

/* All of len: 0, or -errno; -ESHUTDOWN at the end of the input. */
int co_nbd_read(NbdStream *stream, void *buf, size_t len);
int co_nbd_skip(NbdStream *stream, size_t len);
/* Has the peer sent something that is not read yet? */
bool nbd_stream_has_input(const NbdStream *stream);

#define NBD_HEAD_MAX 48

/*
 * Queue head (copied, at most NBD_HEAD_MAX bytes) and len bytes at base, which
 * stay the caller's until release is called: when they are sent, or will never
 * be. What is queued in one turn of the loop leaves together.
 */
typedef void NbdRelease(void *opaque);
void nbd_stream_send(NbdStream *stream, const void *head, size_t head_len, const void *base,
                     size_t len, NbdRelease *release, void *opaque);
/* The same with bytes that are copied. */
void nbd_stream_send_copy(NbdStream *stream, const void *buf, size_t len);
/* Until all that is queued has left: 0 or -errno. */
int co_nbd_flush(NbdStream *stream);

#endif
