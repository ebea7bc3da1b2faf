/* Disk geometry: cylinders, heads and sectors, and how a BIOS translates them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_BLOCK_GEOMETRY_H
#define HW_BLOCK_GEOMETRY_H

#include <stdint.h>

typedef struct BlockBackend BlockBackend;

/* As users name them; all but the first are a number of the BIOS (CMOS 0x39) plus one. */
enum { BIOS_CHS_AUTO, BIOS_CHS_NONE, BIOS_CHS_LBA, BIOS_CHS_LARGE, BIOS_CHS_RECHS };
extern const char *const bios_chs_names[];

typedef struct Geometry {
    uint32_t cylinders, heads, sectors;
    int translation;                /* BIOS_CHS_* */
} Geometry;

/* What a disk of that content and size has: by its partition table, else by its size. */
void geometry_guess(BlockBackend *blk, Geometry *g);
/* The translation that goes with a geometry which somebody chose. */
int geometry_translation(const Geometry *g);

#endif
