/* ringbuf: the last bytes written, kept in memory for the monitor and for tests */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/ringbuf.h"
#include "chardev/char-int.h"
#include "qapi/types-char.h"

#define DEFAULT_BYTES (64 * 1024)
#define MAX_BYTES     (1ULL << 30)

typedef struct Ringbuf {
    Chardev chr;
    uint8_t *bytes;
    size_t size;            /* a power of two */
    size_t produced, consumed;
} Ringbuf;

static bool ringbuf_open(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    Ringbuf *s = (Ringbuf *)chr;
    uint64_t size = opts->u.ringbuf.has_size ? opts->u.ringbuf.size : DEFAULT_BYTES;

    if (!size || size & (size - 1) || size > MAX_BYTES) {
        error_set(errp, "size of ringbuf chardev must be power of two, at most 1G");
        return false;
    }
    s->size = size;
    s->bytes = g_malloc0(size);
    chr->open = true;
    return true;
}

static void ringbuf_close(Chardev *chr)
{
    g_free(((Ringbuf *)chr)->bytes);
}

static size_t ringbuf_write(Chardev *chr, const uint8_t *buf, size_t len, bool all)
{
    Ringbuf *s = (Ringbuf *)chr;

    for (size_t i = 0; i < len; i++) {
        s->bytes[s->produced++ & (s->size - 1)] = buf[i];
    }
    if (s->produced - s->consumed > s->size) {
        s->consumed = s->produced - s->size;
    }
    return len;
}

static const CharType ringbuf_type = {
    .name = "ringbuf",
    .alias = "memory",
    .desc = "the last bytes written, in memory",
    .size = sizeof(Ringbuf),
    .open = ringbuf_open,
    .close = ringbuf_close,
    .write = ringbuf_write,
};
REGISTER_CHARDEV(ringbuf_type)

bool chardev_is_ringbuf(const Chardev *chr)
{
    return chr->type == &ringbuf_type;
}

size_t ringbuf_used(const Chardev *chr)
{
    const Ringbuf *s = (const Ringbuf *)chr;

    return s->produced - s->consumed;
}

size_t ringbuf_read(Chardev *chr, void *buf, size_t len)
{
    Ringbuf *s = (Ringbuf *)chr;
    size_t n = 0;

    while (n < len && s->consumed != s->produced) {
        ((uint8_t *)buf)[n++] = s->bytes[s->consumed++ & (s->size - 1)];
    }
    return n;
}

void ringbuf_put(Chardev *chr, const void *buf, size_t len)
{
    ringbuf_write(chr, buf, len, true);
}
