/* gdb's remote protocol, the lower half: packets in a byte stream, checksums, acknowledgement */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/gdb-packet.h"

/* GDB manual, appendix E.1: "$data#sum"; '}' is in front of a byte that was changed by 0x20. */
#define CTRL_C 0x03

void gdb_link_init(GdbLink *link, const GdbLinkOps *ops, void *opaque)
{
    link->ops = ops;
    link->opaque = opaque;
    link->last = g_string_new(NULL);
    gdb_link_reset(link);
}

void gdb_link_destroy(GdbLink *link)
{
    g_string_free(link->last, true);
    link->last = NULL;
}

void gdb_link_reset(GdbLink *link)
{
    link->state = GDB_IDLE;
    link->no_ack = false;
    link->len = 0;
    g_string_truncate(link->last, 0);
}

static void send(GdbLink *link, const char *data, size_t len)
{
    link->ops->send(link->opaque, data, len);
}

static void take_idle(GdbLink *link, uint8_t c)
{
    switch (c) {
    case '$':
        link->state = GDB_DATA;
        link->len = 0;
        link->sum = link->told_sum = 0;
        link->bad = false;
        g_string_truncate(link->last, 0);       /* whoever goes on has seen it */
        break;
    case '+':
        g_string_truncate(link->last, 0);
        break;
    case '-':
        if (link->last->len) {
            send(link, link->last->str, link->last->len);
        }
        break;
    case CTRL_C:
        link->ops->interrupt(link->opaque);
        break;
    }
}

static void add_byte(GdbLink *link, uint8_t c)
{
    if (link->len < GDB_PACKET_MAX) {
        link->data[link->len++] = c;
    } else {
        link->bad = true;
    }
}

static void take_data(GdbLink *link, uint8_t c)
{
    if (c == '#') {
        link->state = GDB_SUM_HIGH;
        return;
    }
    if (c == '$' && link->state == GDB_DATA) {
        take_idle(link, c);     /* the rest of the one before got lost */
        return;
    }
    link->sum += c;
    if (link->state == GDB_ESCAPE) {
        add_byte(link, c ^ 0x20);
        link->state = GDB_DATA;
    } else if (c == '}') {
        link->state = GDB_ESCAPE;
    } else {
        add_byte(link, c);
    }
}

static void end_packet(GdbLink *link)
{
    link->state = GDB_IDLE;
    if (link->bad || (!link->no_ack && link->sum != link->told_sum)) {
        if (!link->no_ack) {
            send(link, "-", 1);
        }
        return;
    }
    if (!link->no_ack) {
        send(link, "+", 1);
    }
    link->data[link->len] = 0;
    link->ops->packet(link->opaque, link->data, link->len);
}

static void take_sum(GdbLink *link, uint8_t c)
{
    int digit = g_ascii_xdigit_value(c);

    if (digit < 0) {
        link->bad = true;
    }
    link->told_sum = link->told_sum << 4 | (digit & 15);
    if (link->state == GDB_SUM_HIGH) {
        link->state = GDB_SUM_LOW;
    } else {
        end_packet(link);
    }
}

void gdb_link_feed(GdbLink *link, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (link->state) {
        case GDB_IDLE:
            take_idle(link, buf[i]);
            break;
        case GDB_DATA:
        case GDB_ESCAPE:
            take_data(link, buf[i]);
            break;
        case GDB_SUM_HIGH:
        case GDB_SUM_LOW:
            take_sum(link, buf[i]);
            break;
        }
    }
}

void gdb_link_put(GdbLink *link, const char *data, size_t len)
{
    GString *out = link->last;
    uint8_t sum = 0;

    g_string_assign(out, "$");
    for (size_t i = 0; i < len; i++) {
        /* '*' would announce a run of the byte before it. */
        if (strchr("#$}*", data[i]) && data[i]) {
            g_string_append_c(out, '}');
            g_string_append_c(out, data[i] ^ 0x20);
        } else {
            g_string_append_c(out, data[i]);
        }
    }
    for (size_t i = 1; i < out->len; i++) {
        sum += (uint8_t)out->str[i];
    }
    g_string_append_printf(out, "#%02x", sum);
    send(link, out->str, out->len);
    if (link->no_ack) {
        g_string_truncate(out, 0);
    }
}

void gdb_hex_append(GString *out, const void *buf, size_t len)
{
    const uint8_t *p = buf;

    for (size_t i = 0; i < len; i++) {
        g_string_append_c(out, "0123456789abcdef"[p[i] >> 4]);
        g_string_append_c(out, "0123456789abcdef"[p[i] & 15]);
    }
}

bool gdb_hex_parse(const char *text, void *buf, size_t len)
{
    uint8_t *to = buf;

    for (size_t i = 0; i < len; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[2 * i + 1]);

        if (low < 0) {
            return false;
        }
        to[i] = high << 4 | low;
    }
    return true;
}

bool gdb_number(const char **text, uint64_t *value)
{
    const char *p = *text;

    *value = 0;
    for (; g_ascii_isxdigit(*p); p++) {
        if (*value >> 60) {
            return false;
        }
        *value = *value << 4 | g_ascii_xdigit_value(*p);
    }
    if (p == *text) {
        return false;
    }
    *text = p;
    return true;
}
