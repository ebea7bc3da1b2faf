/* ringbuf: the last bytes written, kept in memory for the monitor and for tests */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHARDEV_RINGBUF_H
#define CHARDEV_RINGBUF_H

#include "chardev/char.h"

/* For the others chr must be one. */
bool chardev_is_ringbuf(const Chardev *chr);
size_t ringbuf_used(const Chardev *chr);
/* Take up to len of the oldest bytes out. */
size_t ringbuf_read(Chardev *chr, void *buf, size_t len);
void ringbuf_put(Chardev *chr, const void *buf, size_t len);

#endif
