/* Text and JSON that the tools print about images */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/tool.h"

/*
 * JSON the way QEMU prints it, which tests and scripts compare as text: four
 * spaces, ASCII only, and the members of an object in the order of a hash
 * table of 512 chains. The hash is the one of the trivial database (tdb).
 */
typedef struct Member {
    const char *key;
    Json *value;
    unsigned chain, nr;
} Member;

static unsigned chain_of(const char *key)
{
    uint32_t hash = 0x238F13AFu * (uint32_t)strlen(key);

    for (unsigned i = 0; key[i]; i++) {
        hash += (uint32_t)(uint8_t)key[i] << (i * 5 % 24);
    }
    return (1103515243u * hash + 12345) % 512;
}

/* In one chain the member that came last stands first. */
static int compare_members(const void *a, const void *b)
{
    const Member *x = a, *y = b;

    return x->chain != y->chain ? (x->chain < y->chain ? -1 : 1) : (x->nr > y->nr ? -1 : 1);
}

static GArray *members_of(const Json *object)
{
    GArray *members = g_array_new(false, false, sizeof(Member));

    json_object_object_foreach((Json *)(uintptr_t)object, key, value) {
        Member m = { key, value, chain_of(key), members->len };

        g_array_append_val(members, m);
    }
    qsort(members->data, members->len, sizeof(Member), compare_members);
    return members;
}

static void print_string(const char *text)
{
    static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

    putchar('"');
    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);
        const char *at = c < 128 && c ? strchr(special, (int)c) : NULL;

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            c = 0xfffd;         /* the sign for what is no character */
            text++;
        } else {
            text = g_utf8_next_char(text);
        }
        if (at) {
            printf("\\%c", letters[at - special]);
        } else if (c > 0xffff) {
            c -= 0x10000;
            printf("\\u%04X\\u%04X", 0xd800 + (unsigned)(c >> 10), 0xdc00 + (unsigned)(c & 0x3ff));
        } else if (c < 0x20 || c > 0x7e) {
            printf("\\u%04X", (unsigned)c);
        } else {
            putchar((int)c);
        }
    }
    putchar('"');
}

static void new_line(unsigned depth)
{
    printf("\n%*s", (int)depth * 4, "");
}

static void print_value(const Json *value, unsigned depth)
{
    json_type type = json_object_get_type(value);

    if (type == json_type_object) {
        g_autoptr(GArray) members = members_of(value);

        putchar('{');
        for (unsigned i = 0; i < members->len; i++) {
            const Member *m = &g_array_index(members, Member, i);

            new_line(depth + 1);
            print_string(m->key);
            fputs(": ", stdout);
            print_value(m->value, depth + 1);
            if (i + 1 < members->len) {
                putchar(',');
            }
        }
        new_line(depth);
        putchar('}');
    } else if (type == json_type_array) {
        size_t n = json_object_array_length(value);

        putchar('[');
        for (size_t i = 0; i < n; i++) {
            new_line(depth + 1);
            print_value(json_object_array_get_idx(value, i), depth + 1);
            if (i + 1 < n) {
                putchar(',');
            }
        }
        new_line(depth);
        putchar(']');
    } else if (type == json_type_string) {
        print_string(json_object_get_string((Json *)(uintptr_t)value));
    } else {
        fputs(json_object_to_json_string_ext((Json *)(uintptr_t)value, JSON_C_TO_STRING_PLAIN),
              stdout);
    }
}

void tool_print_json(const Json *value)
{
    print_value(value, 0);
    putchar('\n');
}

/* Human text */

static void print_item(const Json *value, unsigned indent)
{
    json_type type = json_object_get_type(value);

    if (type == json_type_object || type == json_type_array) {
        putchar('\n');
        tool_print_members(value, indent + 1);
    } else {
        printf(" %s\n", json_object_get_string((Json *)(uintptr_t)value));
    }
}

void tool_print_members(const Json *value, unsigned indent)
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            printf("%*s[%zu]:", (int)indent * 4, "", i);
            print_item(json_object_array_get_idx(value, i), indent);
        }
    } else {
        g_autoptr(GArray) members = members_of(value);

        for (unsigned i = 0; i < members->len; i++) {
            const Member *m = &g_array_index(members, Member, i);
            g_autofree char *name = g_strdelimit(g_strdup(m->key), "-", ' ');

            printf("%*s%s:", (int)indent * 4, "", name);
            print_item(m->value, indent);
        }
    }
}

void tool_print_specific(const ImageInfoSpecific *info, unsigned indent)
{
    JSON_AUTO json = qapi_to_json_ImageInfoSpecific(info);
    Json *data;

    if (json_object_object_get_ex(json, "data", &data)) {
        printf("Format specific information:\n");
        tool_print_members(data, indent);
    }
}

void tool_print_version(const char *program)
{
    printf("%s version " MICA_VERSION "\n", program);
}
