/* UUIDs: parse, print, make (RFC 4122) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/uuid.h"

bool uuid_parse(const char *text, Uuid *uuid)
{
    Uuid out;
    unsigned n = 0;

    for (unsigned i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !g_ascii_isxdigit(text[i])) {
            return false;
        }
        if (!dash) {
            int digit = g_ascii_xdigit_value(text[i]);

            out.bytes[n / 2] = n % 2 ? out.bytes[n / 2] | digit : digit << 4;
            n++;
        }
    }
    if (text[UUID_TEXT_SIZE - 1]) {
        return false;
    }
    *uuid = out;
    return true;
}

void uuid_print(const Uuid *uuid, char text[UUID_TEXT_SIZE])
{
    for (unsigned i = 0; i < 16; i++) {
        text += sprintf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                        uuid->bytes[i]);
    }
}

void uuid_generate(Uuid *uuid)
{
    for (unsigned i = 0; i < 16; i += 4) {
        uint32_t r = g_random_int();

        memcpy(uuid->bytes + i, &r, 4);
    }
    uuid->bytes[6] = (uuid->bytes[6] & 0x0f) | 0x40;    /* 4.1.3: version 4 */
    uuid->bytes[8] = (uuid->bytes[8] & 0x3f) | 0x80;    /* 4.1.1: variant */
}

bool uuid_is_null(const Uuid *uuid)
{
    for (unsigned i = 0; i < 16; i++) {
        if (uuid->bytes[i]) {
            return false;
        }
    }
    return true;
}

Uuid uuid_swapped(Uuid uuid)
{
    static const uint8_t from[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    Uuid out;

    for (unsigned i = 0; i < 16; i++) {
        out.bytes[i] = uuid.bytes[from[i]];
    }
    return out;
}
