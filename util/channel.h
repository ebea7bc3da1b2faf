/* A byte stream over descriptors that never blocks: callbacks for input, a bounded output buffer */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_CHANNEL_H
#define UTIL_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/loop.h"

#define CHANNEL_SOFT_BYTES (64 * 1024)          /* what waits at most of ordinary writes */
#define CHANNEL_HARD_BYTES (64 * 1024 * 1024)   /* and of those that take all or nothing */

/*
 * Belongs to its loop (for the main one: to the VM lock). Callbacks may free
 * the channel.
 */
typedef struct Channel Channel;

typedef struct ChannelOps {
    /* How many bytes are wanted; 0 stops reading until channel_resume(). */
    size_t (*can_read)(void *opaque);
    void (*read)(void *opaque, const uint8_t *buf, size_t len);
    /* The input ended (err 0) or failed (errno); output goes on until freed. */
    void (*ended)(void *opaque, int err);
    /* A write was refused in part, and there is room now. */
    void (*writable)(void *opaque);
} ChannelOps;

/*
 * in and out may be the same or -1; they are set non-blocking and, with own,
 * closed by channel_free().
 */
Channel *channel_new(Loop *loop, int in, int out, bool own, const ChannelOps *ops, void *opaque);
void channel_free(Channel *channel);
/*
 * All bytes go through this session, whose handshake is done; it belongs to the
 * channel from now on. Before the first read or write.
 */
typedef struct TlsSession TlsSession;
void channel_set_tls(Channel *channel, TlsSession *session);
/* Look again at can_read(), also after the end of the input was told. */
void channel_resume(Channel *channel);
/* Take up to len bytes, or with all either all or none; returns how many were taken. */
size_t channel_write(Channel *channel, const void *buf, size_t len, bool all);
/* Try for that long to get the waiting output out: before the end of the program. */
void channel_flush(Channel *channel, int timeout_ms);
/* Shut the socket down both ways, as if the peer had gone. */
void channel_shutdown(Channel *channel);
/* The next descriptor that came over a Unix socket, -1 for none. The caller closes it. */
int channel_take_fd(Channel *channel);

/*
 * For coroutines, on a non-blocking descriptor nobody else watches: all of len
 * bytes, or less at the end of the input; -errno on failure.
 */
ssize_t co_fd_read(int fd, void *buf, size_t len);
ssize_t co_fd_write(int fd, const void *buf, size_t len);

#endif
