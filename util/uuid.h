/* UUIDs: parse, print, make (RFC 4122) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_UUID_H
#define UTIL_UUID_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Uuid {
    uint8_t bytes[16];          /* in the order of the text */
} Uuid;

#define UUID_TEXT_SIZE 37       /* with the NUL */

bool uuid_parse(const char *text, Uuid *uuid);
void uuid_print(const Uuid *uuid, char text[UUID_TEXT_SIZE]);
void uuid_generate(Uuid *uuid);     /* random, version 4 */
bool uuid_is_null(const Uuid *uuid);
/* The first three fields are little-endian in SMBIOS and ACPI: swap them. */
Uuid uuid_swapped(Uuid uuid);

#endif
