/* State tables: what of an instance a snapshot saves, a row a field */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_STATE_H
#define QOM_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qom/object.h"
#include "util/clock.h"

typedef enum StateKind {
    STATE_KIND_UINT,    /* integers and bools of 1, 2, 4 or 8 bytes, count of them */
    STATE_KIND_BYTES,   /* count raw bytes */
    STATE_KIND_TIMER,   /* armed or not, and when */
    STATE_KIND_STRUCT,  /* count structures described by .fields, .bytes apart */
} StateKind;

/* Rows are only ever added at a table's end, with a higher .since. */
struct StateField {
    const char *name;
    StateKind kind;
    uint32_t bytes;             /* of one element */
    uint32_t count;
    size_t offset;
    uint64_t max;               /* UINT: a loaded value above this is refused; 0 = any */
    uint16_t since;             /* version of the table that brought it */
    const StateField *fields;   /* STRUCT */
};

#define STATE_UINT(T, f)                                                                    \
    { .name = #f, .kind = STATE_KIND_UINT, .bytes = sizeof(((T *)0)->f), .count = 1,        \
      .offset = offsetof(T, f) }
#define STATE_UINT_MAX(T, f, m)                                                             \
    { .name = #f, .kind = STATE_KIND_UINT, .bytes = sizeof(((T *)0)->f), .count = 1,        \
      .offset = offsetof(T, f), .max = m }
#define STATE_ARRAY(T, f)                                                                   \
    { .name = #f, .kind = STATE_KIND_UINT, .bytes = sizeof(((T *)0)->f[0]),                 \
      .count = sizeof(((T *)0)->f) / sizeof(((T *)0)->f[0]), .offset = offsetof(T, f) }
#define STATE_BYTES(T, f)                                                                   \
    { .name = #f, .kind = STATE_KIND_BYTES, .bytes = 1, .count = sizeof(((T *)0)->f),       \
      .offset = offsetof(T, f) }
#define STATE_TIMER(T, f)                                                                   \
    { .name = #f, .kind = STATE_KIND_TIMER, .bytes = sizeof(Timer), .count = 1,             \
      .offset = offsetof(T, f) }
#define STATE_STRUCT(T, f, tbl)                                                             \
    { .name = #f, .kind = STATE_KIND_STRUCT, .bytes = sizeof(((T *)0)->f), .count = 1,      \
      .offset = offsetof(T, f), .fields = tbl }
#define STATE_STRUCT_ARRAY(T, f, tbl)                                                       \
    { .name = #f, .kind = STATE_KIND_STRUCT, .bytes = sizeof(((T *)0)->f[0]),               \
      .count = sizeof(((T *)0)->f) / sizeof(((T *)0)->f[0]), .offset = offsetof(T, f),      \
      .fields = tbl }

/* Append the fields' values, little-endian, in table order. */
void state_save(const void *instance, const StateField *fields, GByteArray *out);
/*
 * Read them back; *in and *len move on. False (with errp) on short data or a
 * value above its max; the instance is then partly changed and must be dropped.
 */
bool state_load(void *instance, const StateField *fields, const uint8_t **in, size_t *len,
                Error **errp);
/* "name=value" lines for people. */
void state_print(const void *instance, const StateField *fields, GString *out);

#endif
