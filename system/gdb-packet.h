/* gdb's remote protocol, the lower half: packets in a byte stream, checksums, acknowledgement */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_GDB_PACKET_H
#define SYSTEM_GDB_PACKET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX 16384    /* bytes between '$' and '#', as told in qSupported */

typedef struct GdbLinkOps {
    /* A packet's content, unescaped; data[len] is 0. */
    void (*packet)(void *opaque, const char *data, size_t len);
    void (*interrupt)(void *opaque);            /* Ctrl-C */
    void (*send)(void *opaque, const char *data, size_t len);
} GdbLinkOps;

/* One connection. */
typedef struct GdbLink {
    const GdbLinkOps *ops;
    void *opaque;
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPE, GDB_SUM_HIGH, GDB_SUM_LOW } state;
    bool no_ack;
    uint8_t sum, told_sum;
    bool bad;                   /* too long, or a checksum that is none */
    size_t len;
    char data[GDB_PACKET_MAX + 1];
    GString *last;              /* sent and not acknowledged */
} GdbLink;

void gdb_link_init(GdbLink *link, const GdbLinkOps *ops, void *opaque);
void gdb_link_destroy(GdbLink *link);
/* A new connection begins. */
void gdb_link_reset(GdbLink *link);
/* Bytes that came; calls packet() and interrupt() for what is complete. */
void gdb_link_feed(GdbLink *link, const uint8_t *buf, size_t len);
/* Send a packet; data is escaped as needed. */
void gdb_link_put(GdbLink *link, const char *data, size_t len);

/* Hexadecimal: digits of len bytes appended; exactly len bytes out of text, false if it has not. */
void gdb_hex_append(GString *out, const void *buf, size_t len);
bool gdb_hex_parse(const char *text, void *buf, size_t len);
/* A hexadecimal number at *text, which moves behind it. False: there is none, or it is too long. */
bool gdb_number(const char **text, uint64_t *value);

#endif
