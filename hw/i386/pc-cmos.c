/* CMOS memory of a PC: sizes of memory, types of disks */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/block/fdc.h"
#include "hw/block/geometry.h"
#include "hw/i386/pc.h"
#include "hw/i386/pc-cmos.h"
#include "hw/ide/ide.h"
#include "hw/ide/piix-ide.h"
#include "hw/rtc/mc146818.h"

enum {
    CMOS_FLOPPY_TYPES = 0x10,       /* a nibble each */
    CMOS_EQUIPMENT = 0x14,
    EQUIPMENT_FPU_MOUSE = 0x06,
    EQUIPMENT_FLOPPY = 0x01, EQUIPMENT_TWO_FLOPPIES = 0x41,
    CMOS_DISK_TYPES = 0x12,         /* a nibble each of the first two: 15 means see the next */
    CMOS_DISK_EXTENDED = 0x19,      /* and a byte each */
    CMOS_DISK_GEOMETRY = 0x1b,      /* nine bytes each, for type 47 */
    CMOS_DISK_TRANSLATION = 0x39,   /* two bits each of all four */
    DISK_TYPE_USER = 47,
    GEOMETRY_BYTES = 9,
    CMOS_DISKS = 2,
};

static void set_disk(PcMachine *pc, unsigned n, const Geometry *g)
{
    unsigned reg = CMOS_DISK_GEOMETRY + n * GEOMETRY_BYTES;
    const uint8_t bytes[GEOMETRY_BYTES] = {
        g->cylinders, g->cylinders >> 8, g->heads,
        0xff, 0xff,                                 /* no write precompensation */
        0xc0 | (g->heads > 8 ? 0x08 : 0),           /* control byte */
        g->cylinders, g->cylinders >> 8,            /* landing zone */
        g->sectors,
    };

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        rtc_cmos_set(pc->rtc, reg + i, bytes[i]);
    }
    rtc_cmos_set(pc->rtc, CMOS_DISK_EXTENDED + n, DISK_TYPE_USER);
}

static void set_disks(PcMachine *pc)
{
    uint8_t types = 0, translations = 0;

    for (unsigned n = 0; n < PIIX_IDE_CHANNELS * IDE_NR_UNITS; n++) {
        Geometry g;

        if (!ide_get_geometry(piix3_ide_bus(pc->ide, n / IDE_NR_UNITS), n % IDE_NR_UNITS, &g)) {
            continue;
        }
        if (n < CMOS_DISKS) {
            types |= n ? 0x0f : 0xf0;
            set_disk(pc, n, &g);
        }
        translations |= (g.translation - BIOS_CHS_NONE) << (n * 2);
    }
    rtc_cmos_set(pc->rtc, CMOS_DISK_TYPES, types);
    rtc_cmos_set(pc->rtc, CMOS_DISK_TRANSLATION, translations);
}

static void set_floppies(PcMachine *pc)
{
    uint8_t types = 0, equipment = EQUIPMENT_FPU_MOUSE;
    unsigned count = 0;

    for (unsigned unit = 0; unit < FDC_NR_DRIVES; unit++) {
        FloppyInfo info;

        if (fdc_drive_info(pc->fdc, unit, &info)) {
            types |= info.cmos_type << (unit ? 0 : 4);
            equipment |= count++ ? EQUIPMENT_TWO_FLOPPIES : EQUIPMENT_FLOPPY;
        }
    }
    rtc_cmos_set(pc->rtc, CMOS_FLOPPY_TYPES, types);
    rtc_cmos_set(pc->rtc, CMOS_EQUIPMENT, equipment);
}

/* Registers as in the PC AT's and SeaBIOS's CMOS maps */
void pc_set_cmos(PcMachine *pc)
{
    uint64_t extended = pc->below_4g - MIN(pc->below_4g, 1 << 20);
    uint64_t above_16m = pc->below_4g - MIN(pc->below_4g, 16 << 20);
    const struct { uint8_t reg, bytes; uint64_t value; } rows[] = {
        { 0x15, 2, 640 },                               /* base memory, KiB */
        { 0x17, 2, MIN(extended >> 10, 0xffff) },       /* above 1 MiB, KiB */
        { 0x30, 2, MIN(extended >> 10, 0xffff) },
        { 0x34, 2, MIN(above_16m >> 16, 0xffff) },      /* above 16 MiB, 64 KiB */
        { 0x5b, 3, pc->above_4g >> 16 },                /* above 4 GiB, 64 KiB */
    };
    uint16_t sum = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned k = 0; k < rows[i].bytes; k++) {
            rtc_cmos_set(pc->rtc, rows[i].reg + k, rows[i].value >> (k * 8));
        }
    }
    set_floppies(pc);
    set_disks(pc);
    for (unsigned reg = 0x10; reg < 0x2e; reg++) {
        sum += rtc_cmos_get(pc->rtc, reg);
    }
    rtc_cmos_set(pc->rtc, 0x2e, sum >> 8);
    rtc_cmos_set(pc->rtc, 0x2f, sum & 0xff);
}
