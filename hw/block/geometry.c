/* Disk geometry: what a partition table tells of it, the standard one, BIOS translation */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/block.h"
#include "hw/block/geometry.h"
#include "util/bswap.h"

enum {
    SECTOR = 512,
    MAX_CYLINDERS = 16383,          /* ATA: all that IDENTIFY can show; LBA takes over */
    MAX_HEADS = 16,
    TRACK_SECTORS = 63,
    /* "large" translation doubles heads and halves cylinders: good for 1024 * 128 tracks. */
    LARGE_MAX_TRACKS = 1024 * 128,

    MBR_TABLE = 0x1be, MBR_ENTRIES = 4, MBR_ENTRY = 16,
    ENTRY_END_HEAD = 5, ENTRY_END_SECTOR = 6, ENTRY_SECTORS = 12,
};

const char *const bios_chs_names[] = { "auto", "none", "lba", "large", "rechs", NULL };

/*
 * The geometry by which whoever partitioned the disk counted: partitions end
 * at the end of a cylinder, so the last head and sector of one are those of all.
 */
static bool read_partitions(BlockBackend *blk, uint64_t nr_sectors, Geometry *g)
{
    uint8_t mbr[SECTOR];

    if (nr_sectors < 1 || !blk_read_at_start(blk, 0, mbr, sizeof(mbr), NULL) ||
        ld16_le(mbr + SECTOR - 2) != 0xaa55) {
        return false;
    }
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        const uint8_t *entry = mbr + MBR_TABLE + i * MBR_ENTRY;
        uint32_t heads = entry[ENTRY_END_HEAD] + 1, sectors = entry[ENTRY_END_SECTOR] & 0x3f;
        uint64_t cylinders;

        if (!ld32_le(entry + ENTRY_SECTORS) || heads == 1 || !sectors) {
            continue;
        }
        cylinders = nr_sectors / (heads * sectors);
        if (cylinders >= 1 && cylinders <= MAX_CYLINDERS) {
            *g = (Geometry){ cylinders, heads, sectors, BIOS_CHS_NONE };
            return true;
        }
    }
    return false;
}

int geometry_translation(const Geometry *g)
{
    return g->cylinders <= 1024 && g->heads <= 16 && g->sectors <= 63 ? BIOS_CHS_NONE
                                                                      : BIOS_CHS_LBA;
}

void geometry_guess(BlockBackend *blk, Geometry *g)
{
    uint64_t nr_sectors = blk_length(blk) / SECTOR;
    uint64_t cylinders = nr_sectors / (MAX_HEADS * TRACK_SECTORS);
    Geometry table;
    bool found = read_partitions(blk, nr_sectors, &table);

    if (found && table.heads <= MAX_HEADS) {
        *g = table;                 /* counted as the drive counts: nothing is translated */
        return;
    }
    g->cylinders = MIN(MAX(cylinders, 2), MAX_CYLINDERS);
    g->heads = MAX_HEADS;
    g->sectors = TRACK_SECTORS;
    if (!found) {
        g->translation = geometry_translation(g);
    } else {
        /* More heads than a drive can have: a BIOS translated, as one does for a disk like this. */
        g->translation = g->cylinders * g->heads <= LARGE_MAX_TRACKS ? BIOS_CHS_LARGE
                                                                     : BIOS_CHS_LBA;
    }
}
