/* SMBIOS tables: -smbios options and the machine's description, to bytes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_SMBIOS_H
#define HW_I386_SMBIOS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

typedef struct SmbiosConfig {
    const char *product, *version;      /* of the machine: description and name */
    const uint8_t *uuid;                /* 16 bytes in the order they are written; NULL: none */
    unsigned sockets, cores, threads;   /* cores of a socket, threads of a core */
    uint32_t cpuid_signature, cpuid_features;   /* leaf 1: EAX, EDX */
    uint64_t below_4g, above_4g;        /* bytes of RAM */
    bool entry64;                       /* a 3.0 entry point instead of 2.8's */
} SmbiosConfig;

/*
 * One -smbios argument: "type=1,manufacturer=...,uuid=..." for types 0, 1, 2,
 * 3, 4, 11 and 17, or "file=PATH" with one structure as it is to appear.
 * Later ones win; ",," is a comma. Before the machine's finish.
 */
bool smbios_option_add(const char *text, Error **errp);
/* Drop all options (for tests). */
void smbios_options_clear(void);
/* The entry point (its table address is for the firmware to fill) and the structures. */
void smbios_build(const SmbiosConfig *cfg, GByteArray *anchor, GByteArray *tables);

#endif
