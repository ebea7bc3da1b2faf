/* What back ends over descriptors share: reads into the front end, buffered writes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/fd.h"

#define FLUSH_MS 1000       /* what a slow reader gets at the end of the program */

size_t char_fd_can_read(void *opaque)
{
    return chardev_can_read(opaque);
}

void char_fd_read(void *opaque, const uint8_t *buf, size_t len)
{
    chardev_deliver(opaque, buf, len);
}

void char_fd_ended(void *opaque, int err)
{
    chardev_event(opaque, CHAR_EVENT_CLOSED);
}

void char_fd_writable(void *opaque)
{
    chardev_writable(opaque);
}

const ChannelOps char_fd_ops = {
    .can_read = char_fd_can_read,
    .read = char_fd_read,
    .ended = char_fd_ended,
    .writable = char_fd_writable,
};

void char_fd_start(CharFd *s, int in, int out, bool own, const ChannelOps *ops)
{
    s->channel = channel_new(loop_main(), in, out, own, ops, s);
    chardev_event(&s->chr, CHAR_EVENT_OPENED);
}

size_t char_fd_write(Chardev *chr, const uint8_t *buf, size_t len, bool all)
{
    CharFd *s = (CharFd *)chr;

    return s->channel ? channel_write(s->channel, buf, len, all) : len;
}

void char_fd_accept_input(Chardev *chr)
{
    CharFd *s = (CharFd *)chr;

    if (s->channel && chr->open) {
        channel_resume(s->channel);
    }
}

void char_fd_close(Chardev *chr)
{
    CharFd *s = (CharFd *)chr;

    if (s->channel) {
        channel_flush(s->channel, FLUSH_MS);
        channel_free(s->channel);
        s->channel = NULL;
    }
}

int char_fd_take_fd(Chardev *chr)
{
    CharFd *s = (CharFd *)chr;

    return s->channel ? channel_take_fd(s->channel) : -1;
}
