/* Floppy disks, what the files of this folder share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_BLOCK_FDC_INT_H
#define HW_BLOCK_FDC_INT_H

#include "block/block.h"
#include "hw/block/fdc.h"
#include "util/trace.h"

#define BUS_FLOPPY    "floppy-bus"
#define FLOPPY_SECTOR 512

typedef struct FloppyFormat {
    uint8_t drive;              /* FLOPPY_*: the drive that writes it */
    uint8_t sectors, tracks, heads;
    uint8_t rate;               /* as in the DSR */
} FloppyFormat;

typedef struct FloppyDrive {
    Device dev;
    uint32_t unit;
    BlockBackend *blk;
    int drive_type;             /* FLOPPY_* */
    int32_t bootindex;
    bool share_rw;
    int write_cache;
    /* Of the last medium: it stays while the drive is empty. NULL: there was none yet. */
    const FloppyFormat *format;
    uint8_t track;              /* where the heads are */
    bool changed;               /* DSKCHG: no step since the medium came */
} FloppyDrive;

typedef struct FloppyBus {
    Bus bus;
    FloppyDrive *drives[FDC_NR_DRIVES];
    int fallback;               /* FLOPPY_*: of drives that are auto and were empty at the start */
    int types[FDC_NR_DRIVES];   /* of drives that do not say it themselves */
    int32_t bootindex[FDC_NR_DRIVES];
    uint32_t iobase;
} FloppyBus;

extern const char *const floppy_type_names[];

/* Step to a track; one that no medium of the drive has is not reached. */
void floppy_step(FloppyDrive *d, unsigned track);
static inline bool floppy_ready(const FloppyDrive *d)
{
    return d && d->format && blk_has_medium(d->blk);
}

#endif
