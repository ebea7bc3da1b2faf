/* SMBIOS structures and entry points (DMTF DSP0134, 2.8 and 3.0) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/smbios-int.h"
#include "util/bswap.h"

#define MIB        (1ULL << 20)
#define GIB        (1ULL << 30)
#define DIMM_BYTES (16 * GIB)       /* RAM is told as memory devices of at most that size */
#define MAKER      "QEMU"           /* what guests and their tools look for in a machine of this kind */
#define CPU_SPEED  2000             /* MHz, for want of a true number */

/* Handles, as the machine's guests have always seen them */
enum {
    H_BIOS = 0x000, H_SYSTEM = 0x100, H_BOARD = 0x200, H_CHASSIS = 0x300, H_CPU = 0x400,
    H_OEM = 0xe00, H_ARRAY = 0x1000, H_DIMM = 0x1100, H_MAP = 0x1300, H_BOOT = 0x2000,
    H_END = 0x7f00, NO_HANDLE = 0xfffe,
};

/* One structure under construction: the fixed part, then its strings */
typedef struct Builder {
    GByteArray *out;
    uint32_t start;
    GPtrArray *strings;
    unsigned count, largest;
} Builder;

static void put(Builder *b, uint64_t value, unsigned bytes)
{
    value = htole64(value);
    g_byte_array_append(b->out, (const guint8 *)&value, bytes);
}

static void begin(Builder *b, uint8_t type, uint16_t handle)
{
    b->start = b->out->len;
    b->strings = g_ptr_array_new_with_free_func(g_free);
    put(b, type, 1);
    put(b, 0, 1);
    put(b, handle, 2);
}

/* A string's field holds its number, 0 for none */
static void put_string(Builder *b, const char *text, const char *otherwise)
{
    text = text ? text : otherwise;
    if (!text || !*text) {
        put(b, 0, 1);
        return;
    }
    g_ptr_array_add(b->strings, g_strdup(text));
    put(b, b->strings->len, 1);
}

static void end(Builder *b)
{
    b->out->data[b->start + 1] = b->out->len - b->start;
    for (unsigned i = 0; i < b->strings->len; i++) {
        const char *text = g_ptr_array_index(b->strings, i);

        g_byte_array_append(b->out, (const guint8 *)text, strlen(text) + 1);
    }
    put(b, 0, b->strings->len ? 1 : 2);
    g_ptr_array_unref(b->strings);
    b->count++;
    b->largest = MAX(b->largest, b->out->len - b->start);
}

/* The type of a structure is in a file of the user's: then it takes the place of ours */
static bool given_as_file(uint8_t type)
{
    for (unsigned i = 0; smbios_options.files && i < smbios_options.files->len; i++) {
        const uint8_t *p = g_bytes_get_data(g_ptr_array_index(smbios_options.files, i), NULL);

        if (p[0] == type) {
            return true;
        }
    }
    return false;
}

/* Type 0, 7.1: only when asked for; else the firmware describes itself */
static void build_bios(Builder *b)
{
    begin(b, 0, H_BIOS);
    put_string(b, smbios_options.bios.vendor, NULL);
    put_string(b, smbios_options.bios.version, NULL);
    put(b, 0xe800, 2);
    put_string(b, smbios_options.bios.date, NULL);
    put(b, 0, 1);                   /* 64 KiB */
    put(b, BIT(3), 8);              /* characteristics are not supported */
    put(b, 0, 1);
    /* targeted content distribution; a virtual machine; UEFI when so told */
    put(b, BIT(2) | BIT(4) | (smbios_options.bios.uefi ? BIT(3) : 0), 1);
    put(b, smbios_options.bios.has_release ? smbios_options.bios.major : 0, 1);
    put(b, smbios_options.bios.has_release ? smbios_options.bios.minor : 0, 1);
    put(b, 0xffff, 2);              /* no release of an embedded controller */
    end(b);
}

/* Since 2.6 the first three parts of a UUID are little-endian (7.2.1) */
static void put_uuid(Builder *b, const uint8_t uuid[16])
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < 16; i++) {
        put(b, uuid[order[i]], 1);
    }
}

static void build_system(Builder *b, const SmbiosConfig *cfg)
{
    static const uint8_t none[16];
    const uint8_t *uuid = smbios_options.system.has_uuid ? smbios_options.system.uuid
                          : cfg->uuid ? cfg->uuid : none;

    begin(b, 1, H_SYSTEM);
    put_string(b, smbios_options.system.manufacturer, MAKER);
    put_string(b, smbios_options.system.product, cfg->product);
    put_string(b, smbios_options.system.version, cfg->version);
    put_string(b, smbios_options.system.serial, NULL);
    put_uuid(b, uuid);
    put(b, 6, 1);                   /* woken by the power switch */
    put_string(b, smbios_options.system.sku, NULL);
    put_string(b, smbios_options.system.family, NULL);
    end(b);
}

static void build_board(Builder *b, const SmbiosConfig *cfg)
{
    begin(b, 2, H_BOARD);
    put_string(b, smbios_options.board.manufacturer, MAKER);
    put_string(b, smbios_options.board.product, cfg->product);
    put_string(b, smbios_options.board.version, cfg->version);
    put_string(b, smbios_options.board.serial, NULL);
    put_string(b, smbios_options.board.asset, NULL);
    put(b, 1, 1);                   /* a hosting board */
    put_string(b, smbios_options.board.location, NULL);
    put(b, H_CHASSIS, 2);
    put(b, 0x0a, 1);                /* motherboard */
    put(b, 0, 1);
    end(b);
}

static void build_chassis(Builder *b, const SmbiosConfig *cfg)
{
    begin(b, 3, H_CHASSIS);
    put_string(b, smbios_options.chassis.manufacturer, MAKER);
    put(b, 1, 1);                   /* type: other */
    put_string(b, smbios_options.chassis.version, cfg->version);
    put_string(b, smbios_options.chassis.serial, NULL);
    put_string(b, smbios_options.chassis.asset, NULL);
    put(b, 3, 1);                   /* boot-up, power supply and thermal state: safe */
    put(b, 3, 1);
    put(b, 3, 1);
    put(b, 2, 1);                   /* security: unknown */
    put(b, 0, 4);
    put(b, 0, 1);                   /* height, power cords: not given */
    put(b, 0, 1);
    put(b, 0, 2);                   /* no contained elements */
    put_string(b, smbios_options.chassis.sku, NULL);
    end(b);
}

static void build_cpu(Builder *b, const SmbiosConfig *cfg, unsigned n)
{
    g_autofree char *socket = g_strdup_printf("%s %u", smbios_options.cpu.socket_prefix
                                              ? smbios_options.cpu.socket_prefix : "CPU", n);
    uint64_t id = smbios_options.cpu.id ? smbios_options.cpu.id
                  : (uint64_t)cfg->cpuid_features << 32 | cfg->cpuid_signature;
    unsigned cores = cfg->cores, threads = cfg->cores * cfg->threads;

    begin(b, 4, H_CPU + n);
    put_string(b, socket, NULL);
    put(b, 3, 1);                   /* a central processor */
    put(b, 1, 1);                   /* family: other */
    put_string(b, smbios_options.cpu.manufacturer, MAKER);
    put(b, id, 8);
    put_string(b, smbios_options.cpu.version, cfg->version);
    put(b, 0, 1);                   /* voltage, external clock: unknown */
    put(b, 0, 2);
    put(b, smbios_options.cpu.max_speed ? smbios_options.cpu.max_speed : CPU_SPEED, 2);
    put(b, smbios_options.cpu.current_speed ? smbios_options.cpu.current_speed : CPU_SPEED, 2);
    put(b, 0x41, 1);                /* populated, enabled */
    put(b, 1, 1);                   /* upgrade: other */
    put(b, 0xffff, 2);              /* no cache structures */
    put(b, 0xffff, 2);
    put(b, 0xffff, 2);
    put_string(b, smbios_options.cpu.serial, NULL);
    put_string(b, smbios_options.cpu.asset, NULL);
    put_string(b, smbios_options.cpu.part, NULL);
    put(b, MIN(cores, 255), 1);
    put(b, MIN(cores, 255), 1);
    put(b, MIN(threads, 255), 1);
    put(b, 2, 2);                   /* characteristics: unknown */
    put(b, 1, 2);                   /* family: other */
    if (cfg->entry64) {             /* counts above 255, since 3.0 */
        put(b, cores, 2);
        put(b, cores, 2);
        put(b, threads, 2);
    }
    end(b);
}

static void build_oem_strings(Builder *b)
{
    GPtrArray *strings = smbios_options.oem_strings;

    begin(b, 11, H_OEM);
    put(b, MIN(strings->len, 255), 1);
    for (unsigned i = 0; i < MIN(strings->len, 255); i++) {
        const char *text = g_ptr_array_index(strings, i);

        g_ptr_array_add(b->strings, g_strdup(*text ? text : " "));
    }
    end(b);
}

static void build_array(Builder *b, uint64_t ram, unsigned dimms)
{
    bool large = ram >> 10 >= 0x80000000;

    begin(b, 16, H_ARRAY);
    put(b, 1, 1);                   /* location: other */
    put(b, 3, 1);                   /* system memory */
    put(b, 6, 1);                   /* multi-bit error correction */
    put(b, large ? 0x80000000 : ram >> 10, 4);
    put(b, NO_HANDLE, 2);
    put(b, dimms, 2);
    put(b, large ? ram : 0, 8);
    end(b);
}

static void build_dimm(Builder *b, unsigned n, uint64_t size)
{
    g_autofree char *locator = g_strdup_printf("%s %u", smbios_options.dimm.prefix
                                               ? smbios_options.dimm.prefix : "DIMM", n);
    uint64_t mib = size / MIB;

    begin(b, 17, H_DIMM + n);
    put(b, H_ARRAY, 2);
    put(b, NO_HANDLE, 2);
    put(b, 0xffff, 2);              /* widths: unknown */
    put(b, 0xffff, 2);
    put(b, mib < 0x7fff ? mib : 0x7fff, 2);
    put(b, 9, 1);                   /* a DIMM, in no set */
    put(b, 0, 1);
    put_string(b, locator, NULL);
    put_string(b, smbios_options.dimm.bank, NULL);
    put(b, 7, 1);                   /* RAM */
    put(b, 2, 2);                   /* detail: other */
    put(b, smbios_options.dimm.speed, 2);
    put_string(b, smbios_options.dimm.manufacturer, MAKER);
    put_string(b, smbios_options.dimm.serial, NULL);
    put_string(b, smbios_options.dimm.asset, NULL);
    put_string(b, smbios_options.dimm.part, NULL);
    put(b, 0, 1);
    put(b, mib < 0x7fff ? 0 : mib, 4);
    put(b, smbios_options.dimm.speed, 2);
    put(b, 0, 2);                   /* voltages: unknown */
    put(b, 0, 2);
    put(b, 0, 2);
    end(b);
}

static void build_map(Builder *b, unsigned n, uint64_t base, uint64_t size)
{
    uint64_t last = base + size - 1;
    bool large = last >> 10 >= 0xffffffff;

    begin(b, 19, H_MAP + n);
    put(b, large ? 0xffffffff : base >> 10, 4);
    put(b, large ? 0xffffffff : last >> 10, 4);
    put(b, H_ARRAY, 2);
    put(b, 1, 1);
    put(b, large ? base : 0, 8);
    put(b, large ? last : 0, 8);
    end(b);
}

static void build_memory(Builder *b, const SmbiosConfig *cfg)
{
    uint64_t ram = cfg->below_4g + cfg->above_4g;
    unsigned dimms = (ram + DIMM_BYTES - 1) / DIMM_BYTES;

    build_array(b, ram, dimms);
    for (unsigned i = 0; i < dimms; i++) {
        build_dimm(b, i, MIN(DIMM_BYTES, ram - i * DIMM_BYTES));
    }
    build_map(b, 0, 0, cfg->below_4g);
    if (cfg->above_4g) {
        build_map(b, 1, 4 * GIB, cfg->above_4g);
    }
}

static void build_structures(Builder *b, const SmbiosConfig *cfg)
{
    for (unsigned i = 0; smbios_options.files && i < smbios_options.files->len; i++) {
        GBytes *file = g_ptr_array_index(smbios_options.files, i);
        gsize len;

        g_byte_array_append(b->out, g_bytes_get_data(file, &len), g_bytes_get_size(file));
        b->count++;
        b->largest = MAX(b->largest, g_bytes_get_size(file));
    }
    if (smbios_options.given & BIT(0) && !given_as_file(0)) {
        build_bios(b);
    }
    if (!given_as_file(1)) {
        build_system(b, cfg);
    }
    if (smbios_options.given & BIT(2) && !given_as_file(2)) {
        build_board(b, cfg);
    }
    if (!given_as_file(3)) {
        build_chassis(b, cfg);
    }
    for (unsigned i = 0; i < cfg->sockets && !given_as_file(4); i++) {
        build_cpu(b, cfg, i);
    }
    if (smbios_options.oem_strings && !given_as_file(11)) {
        build_oem_strings(b);
    }
    if (!given_as_file(16) && !given_as_file(17)) {
        build_memory(b, cfg);
    }
    begin(b, 32, H_BOOT);           /* boot status: no errors */
    put(b, 0, 6);
    put(b, 0, 1);
    end(b);
    begin(b, 127, H_END);
    end(b);
}

static void set_checksum(uint8_t *data, unsigned len, unsigned at)
{
    uint8_t sum = 0;

    data[at] = 0;
    for (unsigned i = 0; i < len; i++) {
        sum += data[i];
    }
    data[at] = -sum;
}

/* 5.2.1 and 5.2.2; the firmware fills the table's address and mends the checksums */
static void build_anchor(const SmbiosConfig *cfg, const Builder *b, GByteArray *anchor)
{
    uint8_t entry[31] = { 0 };

    if (cfg->entry64) {
        memcpy(entry, "_SM3_", 5);
        entry[6] = 24;
        entry[7] = 3;
        entry[10] = 1;              /* revision of the entry point */
        st32_le(entry + 12, b->out->len);
        set_checksum(entry, 24, 5);
        g_byte_array_append(anchor, entry, 24);
        return;
    }
    memcpy(entry, "_SM_", 4);
    entry[5] = sizeof(entry);
    entry[6] = 2;
    entry[7] = 8;
    st16_le(entry + 8, b->largest);
    memcpy(entry + 16, "_DMI_", 5);
    st16_le(entry + 22, b->out->len);
    st16_le(entry + 28, b->count);
    entry[30] = 0x28;
    set_checksum(entry + 16, 15, 5);
    set_checksum(entry, sizeof(entry), 4);
    g_byte_array_append(anchor, entry, sizeof(entry));
}

void smbios_build(const SmbiosConfig *cfg, GByteArray *anchor, GByteArray *tables)
{
    Builder b = { .out = tables };

    build_structures(&b, cfg);
    build_anchor(cfg, &b, anchor);
}
