/* AML writer: encodings of ACPI 6.4, chapter 20, and of resource descriptors, 6.4 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/aml.h"
#include "util/bswap.h"

enum {
    OP_NAME = 0x08, OP_BYTE = 0x0a, OP_WORD = 0x0b, OP_DWORD = 0x0c, OP_STRING = 0x0d,
    OP_QWORD = 0x0e, OP_SCOPE = 0x10, OP_BUFFER = 0x11, OP_PACKAGE = 0x12, OP_METHOD = 0x14,
    OP_DUAL_NAME = 0x2e, OP_MULTI_NAME = 0x2f, OP_EXT = 0x5b, OP_IF = 0xa0, OP_ELSE = 0xa1,
    OP_WHILE = 0xa2, EXT_MUTEX = 0x01, EXT_ACQUIRE = 0x23, EXT_RELEASE = 0x27,
    EXT_REGION = 0x80, EXT_FIELD = 0x81, EXT_DEVICE = 0x82,
    FIELD_WRITE_ZEROES = 2 << 5,
};

static void put_byte(Aml *a, uint8_t byte)
{
    g_byte_array_append(a, &byte, 1);
}

static void put_le(Aml *a, uint64_t value, unsigned bytes)
{
    value = htole64(value);
    g_byte_array_append(a, (const guint8 *)&value, bytes);
}

/* PkgLength (20.2.4): value in 1 to 4 bytes; returns how many */
static unsigned encode_length(uint8_t out[4], uint32_t value)
{
    unsigned more = value < 1 << 6 ? 0 : value < 1 << 12 ? 1 : value < 1 << 20 ? 2 : 3;

    if (!more) {
        out[0] = value;
        return 1;
    }
    out[0] = more << 6 | (value & 15);
    for (unsigned i = 1; i <= more; i++) {
        out[i] = value >> (4 + 8 * (i - 1));
    }
    return more + 1;
}

/* The length counts itself, so it is as long as it must be to hold the sum. */
void aml_end(Aml *a, AmlMark mark)
{
    guint body = a->len - mark;
    uint8_t length[4];
    unsigned bytes = 1;

    while (encode_length(length, body + bytes) != bytes) {
        bytes++;
    }
    g_byte_array_set_size(a, a->len + bytes);
    memmove(a->data + mark + bytes, a->data + mark, body);
    memcpy(a->data + mark, length, bytes);
}

void aml_op(Aml *a, uint8_t op)
{
    put_byte(a, op);
}

/* NameString (20.2.2): prefixes, then segments of four characters, padded with '_' */
void aml_path(Aml *a, const char *name)
{
    g_auto(GStrv) segments = NULL;
    unsigned count;

    while (*name == '\\' || *name == '^') {
        put_byte(a, *name++);
    }
    if (!*name) {
        put_byte(a, 0);
        return;
    }
    segments = g_strsplit(name, ".", -1);
    count = g_strv_length(segments);
    if (count == 2) {
        put_byte(a, OP_DUAL_NAME);
    } else if (count > 2) {
        put_byte(a, OP_MULTI_NAME);
        put_byte(a, count);
    }
    for (unsigned i = 0; i < count; i++) {
        char seg[4] = { '_', '_', '_', '_' };

        memcpy(seg, segments[i], MIN(strlen(segments[i]), sizeof(seg)));
        g_byte_array_append(a, (const guint8 *)seg, sizeof(seg));
    }
}

void aml_int(Aml *a, uint64_t value)
{
    static const struct { uint64_t max; uint8_t op, bytes; } rows[] = {
        { 0xff, OP_BYTE, 1 }, { 0xffff, OP_WORD, 2 }, { 0xffffffff, OP_DWORD, 4 },
        { UINT64_MAX, OP_QWORD, 8 },
    };
    unsigned i = 0;

    if (value <= 1) {
        put_byte(a, value ? AML_ONE : AML_ZERO);
        return;
    }
    while (value > rows[i].max) {
        i++;
    }
    put_byte(a, rows[i].op);
    put_le(a, value, rows[i].bytes);
}

void aml_string(Aml *a, const char *text)
{
    put_byte(a, OP_STRING);
    g_byte_array_append(a, (const guint8 *)text, strlen(text) + 1);
}

/* Three letters of five bits each, four hexadecimal digits; big-endian (19.3.4, EISAID) */
void aml_eisa_id(Aml *a, const char *id)
{
    uint32_t value = (id[0] - 0x40u) << 26 | (id[1] - 0x40u) << 21 | (id[2] - 0x40u) << 16 |
                     (uint32_t)strtoul(id + 3, NULL, 16);
    uint8_t bytes[4];

    st32_be(bytes, value);
    put_byte(a, OP_DWORD);
    g_byte_array_append(a, bytes, sizeof(bytes));
}

void aml_store_int(Aml *a, uint64_t value, const char *to)
{
    aml_op(a, AML_STORE);
    aml_int(a, value);
    aml_path(a, to);
}

void aml_store_op(Aml *a, uint8_t op, const char *to)
{
    aml_op(a, AML_STORE);
    aml_op(a, op);
    aml_path(a, to);
}

void aml_name(Aml *a, const char *name)
{
    put_byte(a, OP_NAME);
    aml_path(a, name);
}

void aml_name_int(Aml *a, const char *name, uint64_t value)
{
    aml_name(a, name);
    aml_int(a, value);
}

void aml_name_eisa(Aml *a, const char *name, const char *id)
{
    aml_name(a, name);
    aml_eisa_id(a, id);
}

void aml_name_string(Aml *a, const char *name, const char *text)
{
    aml_name(a, name);
    aml_string(a, text);
}

AmlMark aml_scope(Aml *a, const char *name)
{
    AmlMark mark;

    put_byte(a, OP_SCOPE);
    mark = a->len;
    aml_path(a, name);
    return mark;
}

AmlMark aml_device(Aml *a, const char *name)
{
    AmlMark mark;

    put_byte(a, OP_EXT);
    put_byte(a, EXT_DEVICE);
    mark = a->len;
    aml_path(a, name);
    return mark;
}

AmlMark aml_method(Aml *a, const char *name, unsigned args, bool serialized)
{
    AmlMark mark;

    put_byte(a, OP_METHOD);
    mark = a->len;
    aml_path(a, name);
    put_byte(a, args | serialized << 3);
    return mark;
}

AmlMark aml_package(Aml *a, unsigned elements)
{
    AmlMark mark;

    put_byte(a, OP_PACKAGE);
    mark = a->len;
    put_byte(a, elements);
    return mark;
}

AmlMark aml_if(Aml *a)
{
    put_byte(a, OP_IF);
    return a->len;
}

AmlMark aml_else(Aml *a)
{
    put_byte(a, OP_ELSE);
    return a->len;
}

void aml_operation_region(Aml *a, const char *name, AmlSpace space, uint32_t offset, uint32_t len)
{
    put_byte(a, OP_EXT);
    put_byte(a, EXT_REGION);
    aml_path(a, name);
    put_byte(a, space);
    aml_int(a, offset);
    aml_int(a, len);
}

AmlMark aml_while(Aml *a)
{
    put_byte(a, OP_WHILE);
    return a->len;
}

static void ext_op(Aml *a, uint8_t op, const char *name)
{
    put_byte(a, OP_EXT);
    put_byte(a, op);
    aml_path(a, name);
}

void aml_mutex(Aml *a, const char *name)
{
    ext_op(a, EXT_MUTEX, name);
    put_byte(a, 0);                 /* sync level */
}

void aml_acquire(Aml *a, const char *name)
{
    ext_op(a, EXT_ACQUIRE, name);
    put_le(a, 0xffff, 2);           /* no time limit */
}

void aml_release(Aml *a, const char *name)
{
    ext_op(a, EXT_RELEASE, name);
}

void aml_buffer(Aml *a, const uint8_t *data, uint8_t len)
{
    AmlMark mark;

    put_byte(a, OP_BUFFER);
    mark = a->len;
    aml_int(a, len);
    g_byte_array_append(a, data, len);
    aml_end(a, mark);
}

/* No lock; access 0 (any), 1, 2 or 4 bytes (20.2.5.2) */
static AmlMark field(Aml *a, const char *region, unsigned access_bytes, uint8_t rule)
{
    AmlMark mark;

    put_byte(a, OP_EXT);
    put_byte(a, EXT_FIELD);
    mark = a->len;
    aml_path(a, region);
    put_byte(a, (access_bytes == 4 ? 3 : access_bytes) | rule);
    return mark;
}

AmlMark aml_field(Aml *a, const char *region, unsigned access_bytes)
{
    return field(a, region, access_bytes, 0);
}

AmlMark aml_field_zeroes(Aml *a, const char *region, unsigned access_bytes)
{
    return field(a, region, access_bytes, FIELD_WRITE_ZEROES);
}

void aml_field_unit(Aml *a, const char *name, unsigned bits)
{
    uint8_t length[4];
    unsigned bytes = encode_length(length, bits);

    if (name) {
        aml_path(a, name);
    } else {
        put_byte(a, 0);
    }
    g_byte_array_append(a, length, bytes);
}

/* A buffer whose size, a word constant, is patched when it ends */
AmlMark aml_crs(Aml *a)
{
    AmlMark mark;

    put_byte(a, OP_BUFFER);
    mark = a->len;
    put_byte(a, OP_WORD);
    put_le(a, 0, 2);
    return mark;
}

void aml_crs_end(Aml *a, AmlMark mark)
{
    put_byte(a, 0x79);              /* end tag; checksum 0: not computed */
    put_byte(a, 0);
    st16_le(a->data + mark + 1, a->len - mark - 3);
    aml_end(a, mark);
}

void aml_crs_io(Aml *a, uint16_t first, uint8_t count)
{
    put_byte(a, 0x47);
    put_byte(a, 1);                 /* 16 address lines decoded */
    put_le(a, first, 2);
    put_le(a, first, 2);
    put_byte(a, 1);                 /* alignment */
    put_byte(a, count);
}

void aml_crs_irq(Aml *a, unsigned irq)
{
    put_byte(a, 0x22);
    put_le(a, BIT(irq), 2);
}

void aml_crs_dma(Aml *a, unsigned channel)
{
    put_byte(a, 0x2a);
    put_byte(a, BIT(channel));
    put_byte(a, 0);
}

void aml_crs_interrupts(Aml *a, const uint8_t *irqs, unsigned count)
{
    put_byte(a, 0x89);
    put_le(a, 2 + 4 * count, 2);
    put_byte(a, BIT(0) | BIT(3));   /* consumer, shared; level and active high are zeroes */
    put_byte(a, count);
    for (unsigned i = 0; i < count; i++) {
        put_le(a, irqs[i], 4);
    }
}

void aml_crs_memory(Aml *a, uint32_t base, uint32_t len)
{
    put_byte(a, 0x86);
    put_le(a, 9, 2);
    put_byte(a, 1);
    put_le(a, base, 4);
    put_le(a, len, 4);
}

/*
 * Word, double word and quad word address space descriptors differ in the size
 * of their five numbers alone. Producer, positive decode, both ends fixed.
 */
static void address_space(Aml *a, uint8_t tag, unsigned bytes, uint8_t kind, uint8_t flags,
                          uint64_t first, uint64_t last)
{
    put_byte(a, tag);
    put_le(a, 3 + 5 * bytes, 2);
    put_byte(a, kind);
    put_byte(a, BIT(2) | BIT(3));
    put_byte(a, flags);
    put_le(a, 0, bytes);            /* granularity */
    put_le(a, first, bytes);
    put_le(a, last, bytes);
    put_le(a, 0, bytes);            /* translation */
    put_le(a, last - first + 1, bytes);
}

void aml_crs_window_bus(Aml *a, uint16_t first, uint16_t last)
{
    address_space(a, 0x88, 2, 2, 0, first, last);
}

void aml_crs_window_io(Aml *a, uint16_t first, uint16_t last)
{
    address_space(a, 0x88, 2, 1, 3, first, last);   /* the whole range, ISA and non-ISA */
}

void aml_crs_window_memory(Aml *a, uint64_t first, uint64_t last, bool cacheable)
{
    uint8_t flags = 1 | (cacheable ? 1 << 1 : 0);   /* writable */

    if (last <= UINT32_MAX) {
        address_space(a, 0x87, 4, 0, flags, first, last);
    } else {
        address_space(a, 0x8a, 8, 0, flags, first, last);
    }
}

void aml_notify_method(Aml *a, const char *name, unsigned count,
                       void (*names)(char name[5], unsigned i))
{
    AmlMark method = aml_method(a, name, 2, false), branch;

    for (unsigned i = 0; i < count; i++) {
        char device[5];

        names(device, i);
        branch = aml_if(a);
        aml_op(a, AML_LEQUAL);
        aml_op(a, AML_ARG0);
        aml_int(a, i);
        aml_op(a, AML_NOTIFY);
        aml_path(a, device);
        aml_op(a, AML_ARG1);
        aml_end(a, branch);
    }
    aml_end(a, method);
}
