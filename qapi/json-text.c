/* JSON text as QMP clients know it: spaces, order of members and escapes of QEMU's writer */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/json.h"

#include <math.h>

/*
 * The order of members on the wire is that of a table with 512 chains, by the
 * hash of the key, the latest first in each chain. Scripts compare replies as
 * text, so the order is part of the protocol in practice.
 */
typedef struct Member {
    unsigned chain;
    int age;
    const char *key;
    Json *value;
} Member;

static unsigned key_chain(const char *key)
{
    uint32_t hash = 0x238f13afu * (uint32_t)strlen(key);

    for (unsigned i = 0; key[i]; i++) {
        hash += (uint32_t)(uint8_t)key[i] << (i * 5 % 24);
    }
    return (hash * 1103515243u + 12345u) % 512;
}

static gint compare_members(gconstpointer a, gconstpointer b)
{
    const Member *ma = a, *mb = b;

    if (ma->chain != mb->chain) {
        return ma->chain < mb->chain ? -1 : 1;
    }
    return mb->age - ma->age;
}

static bool write_named_escape(GString *out, gunichar c)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (unsigned i = 0; i + 1 < sizeof(names); i += 2) {
        if (c == (gunichar)names[i]) {
            g_string_append_printf(out, "\\%c", names[i + 1]);
            return true;
        }
    }
    return false;
}

static void write_string(GString *out, const char *text)
{
    /* What comes from the host (file names, errors) need not be UTF-8. */
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    g_string_append_c(out, '"');
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (write_named_escape(out, c)) {
            continue;
        }
        if (c >= 0x20 && c < 0x7f) {
            g_string_append_c(out, c);
        } else if (c < 0x10000) {
            g_string_append_printf(out, "\\u%04X", c);
        } else {
            g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                                   0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    g_string_append_c(out, '"');
}

static void write_value(GString *out, const Json *value, bool pretty, unsigned depth);

/* Before an element, and before the closing bracket. */
static void new_line(GString *out, bool pretty, unsigned depth, bool first)
{
    if (!first) {
        g_string_append(out, pretty ? "," : ", ");
    }
    if (pretty) {
        g_string_append_printf(out, "\r\n%*s", (int)depth * 4, "");
    }
}

static void write_object(GString *out, const Json *object, bool pretty, unsigned depth)
{
    g_autoptr(GArray) members = g_array_new(false, false, sizeof(Member));

    json_object_object_foreach(object, key, value) {
        Member m = { key_chain(key), (int)members->len, key, value };

        g_array_append_val(members, m);
    }
    g_array_sort(members, compare_members);
    g_string_append_c(out, '{');
    for (unsigned i = 0; i < members->len; i++) {
        const Member *m = &g_array_index(members, Member, i);

        new_line(out, pretty, depth + 1, i == 0);
        write_string(out, m->key);
        g_string_append(out, ": ");
        write_value(out, m->value, pretty, depth + 1);
    }
    new_line(out, pretty, depth, true);
    g_string_append_c(out, '}');
}

static void write_value(GString *out, const Json *value, bool pretty, unsigned depth)
{
    double number;

    switch (json_object_get_type(value)) {
    case json_type_object:
        write_object(out, value, pretty, depth);
        break;
    case json_type_array:
        g_string_append_c(out, '[');
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            new_line(out, pretty, depth + 1, i == 0);
            write_value(out, json_object_array_get_idx(value, i), pretty, depth + 1);
        }
        new_line(out, pretty, depth, true);
        g_string_append_c(out, ']');
        break;
    case json_type_string:
        write_string(out, json_object_get_string((Json *)value));
        break;
    case json_type_double:
        number = json_object_get_double(value);
        g_string_append_printf(out, "%.17g", isfinite(number) ? number : 0);
        break;
    default:
        g_string_append(out, json_object_to_json_string_ext((Json *)value,
                                                            JSON_C_TO_STRING_PLAIN));
    }
}

char *json_wire_text(const Json *value, bool pretty)
{
    GString *out = g_string_new(NULL);

    write_value(out, value, pretty, 0);
    return g_string_free(out, false);
}
