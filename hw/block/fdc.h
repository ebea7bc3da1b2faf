/* Floppy disk controllers: their drives, for CMOS and ACPI */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_BLOCK_FDC_H
#define HW_BLOCK_FDC_H

#include "hw/isa/isa.h"

#define FDC_NR_DRIVES 2

/* What a drive can do at most: 1.44 MB and 2.88 MB of 3.5", 1.2 MB of 5.25". */
enum { FLOPPY_144, FLOPPY_288, FLOPPY_120, FLOPPY_NONE, FLOPPY_AUTO };

typedef struct FloppyInfo {
    uint8_t cmos_type;          /* as the BIOS counts them: 2, 4 or 5 */
    uint8_t tracks, heads, sectors;
} FloppyInfo;

/* The controller of a PC, on its bus. */
Device *fdc_create(IsaBus *bus);
/* False: there is no such drive. */
bool fdc_drive_info(Device *fdc, unsigned unit, FloppyInfo *info);

#endif
