/* Fuzz target: bytes from gdb, through the packet layer and what reads numbers and hex */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/gdb-packet.h"
#include "tests/fuzz/fuzz.h"

typedef struct Peer {
    GdbLink link, back;         /* what the first one sends is fed to the second */
    GByteArray *wire;
    GByteArray *last;           /* content of the last packet, sent back */
    unsigned answers;
} Peer;

static void on_packet(void *opaque, const char *data, size_t len)
{
    Peer *p = opaque;
    const char *text = data;
    uint8_t bytes[64];
    uint64_t number;

    g_assert_cmpuint(len, <=, GDB_PACKET_MAX);
    g_assert_cmpint(data[len], ==, 0);
    gdb_hex_parse(data, bytes, MIN(len / 2, sizeof(bytes)));
    while (*text && gdb_number(&text, &number) && *text) {
        text++;
    }
    g_byte_array_set_size(p->last, 0);
    g_byte_array_append(p->last, (const uint8_t *)data, len);
    gdb_link_put(&p->link, data, len);
}

static void on_interrupt(void *opaque)
{
}

static void on_send(void *opaque, const char *data, size_t len)
{
    Peer *p = opaque;

    /* "-" asks for all of it again: an input of those alone must not fill the memory. */
    if (p->wire->len < 1 << 20) {
        g_byte_array_append(p->wire, (const uint8_t *)data, len);
    }
}

/* What was sent is what arrives. */
static void on_answer(void *opaque, const char *data, size_t len)
{
    Peer *p = opaque;

    p->answers++;
    g_assert_cmpuint(len, <=, GDB_PACKET_MAX);
}

static void drop(void *opaque, const char *data, size_t len)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const GdbLinkOps ops = { .packet = on_packet, .interrupt = on_interrupt,
                                    .send = on_send };
    static const GdbLinkOps back_ops = { .packet = on_answer, .interrupt = on_interrupt,
                                         .send = drop };
    Peer *p = g_new0(Peer, 1);

    p->wire = g_byte_array_new();
    p->last = g_byte_array_new();
    gdb_link_init(&p->link, &ops, p);
    gdb_link_init(&p->back, &back_ops, p);
    /* In pieces, as a socket gives them; the first byte says how large. */
    for (size_t at = 0, step = size ? data[0] % 61 + 1 : 1; at < size; at += step) {
        gdb_link_feed(&p->link, data + at, MIN(step, size - at));
    }
    gdb_link_feed(&p->back, p->wire->data, p->wire->len);
    /* Any content goes through whole. */
    g_byte_array_set_size(p->wire, 0);
    gdb_link_reset(&p->link);
    gdb_link_reset(&p->back);
    p->answers = 0;
    gdb_link_put(&p->link, (const char *)data, MIN(size, GDB_PACKET_MAX));
    gdb_link_feed(&p->back, p->wire->data, p->wire->len);
    g_assert_cmpuint(p->answers, ==, 1);
    g_assert_cmpuint(p->back.len, ==, MIN(size, GDB_PACKET_MAX));
    g_assert_true(!size || !memcmp(p->back.data, data, p->back.len));
    gdb_link_destroy(&p->link);
    gdb_link_destroy(&p->back);
    g_byte_array_unref(p->wire);
    g_byte_array_unref(p->last);
    g_free(p);
    return 0;
}
