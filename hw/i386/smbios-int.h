/* What -smbios gave, for smbios.c; strings are NULL when not given */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_SMBIOS_INT_H
#define HW_I386_SMBIOS_INT_H

#include "hw/i386/smbios.h"

typedef struct SmbiosOptions {
    uint32_t given;             /* a bit a type */
    struct { char *vendor, *version, *date; uint8_t major, minor; bool has_release, uefi; } bios;
    struct { char *manufacturer, *product, *version, *serial, *sku, *family;
             uint8_t uuid[16]; bool has_uuid; } system;
    struct { char *manufacturer, *product, *version, *serial, *asset, *location; } board;
    struct { char *manufacturer, *version, *serial, *asset, *sku; } chassis;
    struct { char *socket_prefix, *manufacturer, *version, *serial, *asset, *part;
             uint16_t max_speed, current_speed; uint64_t id; } cpu;
    struct { char *prefix, *bank, *manufacturer, *serial, *asset, *part; uint16_t speed; } dimm;
    GPtrArray *oem_strings;     /* char * */
    GPtrArray *files;           /* GBytes * */
} SmbiosOptions;

extern SmbiosOptions smbios_options;

#endif
