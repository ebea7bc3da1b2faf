/* What back ends over descriptors share: reads into the front end, buffered writes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHARDEV_FD_H
#define CHARDEV_FD_H

#include "chardev/char-int.h"
#include "util/channel.h"

typedef struct CharFd {
    Chardev chr;            /* first */
    Channel *channel;       /* NULL while nothing is connected: writes vanish */
} CharFd;

/* Go on over these descriptors (-1: not that way); says OPENED. */
void char_fd_start(CharFd *s, int in, int out, bool own, const ChannelOps *ops);
/* Ops for what ends with its input; the front end is told CLOSED. */
extern const ChannelOps char_fd_ops;
/* For others' ops tables. */
size_t char_fd_can_read(void *opaque);
void char_fd_read(void *opaque, const uint8_t *buf, size_t len);
void char_fd_writable(void *opaque);
void char_fd_ended(void *opaque, int err);

/* For CharType tables. */
size_t char_fd_write(Chardev *chr, const uint8_t *buf, size_t len, bool all);
void char_fd_accept_input(Chardev *chr);
void char_fd_close(Chardev *chr);
int char_fd_take_fd(Chardev *chr);

#endif
