/* IDE, what the files of this folder share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_IDE_IDE_INT_H
#define HW_IDE_IDE_INT_H

#include "hw/block/geometry.h"
#include "hw/ide/ide.h"
#include "util/bswap.h"
#include "util/trace.h"

/* ATA/ATAPI-7, chapter 5: registers' bits */
enum {
    IDE_STATUS_ERR = 0x01,
    IDE_STATUS_DRQ = 0x08,
    IDE_STATUS_DSC = 0x10,      /* seek complete, SERVICE with packets */
    IDE_STATUS_DF = 0x20,
    IDE_STATUS_DRDY = 0x40,
    IDE_STATUS_BSY = 0x80,
    IDE_STATUS_IDLE = IDE_STATUS_DRDY | IDE_STATUS_DSC,

    IDE_ERROR_ABRT = 0x04,
    IDE_ERROR_IDNF = 0x10,
    IDE_ERROR_UNC = 0x40,

    IDE_SELECT_UNIT = 0x10,
    IDE_SELECT_LBA = 0x40,
    IDE_SELECT_FIXED = 0xa0,

    IDE_CONTROL_NIEN = 0x02,
    IDE_CONTROL_SRST = 0x04,
    IDE_CONTROL_HOB = 0x80,

    IDE_MAX_MULTIPLE = 16,              /* sectors a block of READ MULTIPLE */
    IDE_BUF_SIZE = 64 * 1024 + 2 * CD_SECTOR,   /* PIO data, packet replies */
    IDE_DMA_CHUNK = 1024 * 1024,
    IDE_MAX_ORPHANS = 8,                /* requests that a reset left behind */
    ATAPI_PACKET_SIZE = 12,
};

typedef enum IdeKind { IDE_KIND_HD, IDE_KIND_CD } IdeKind;

typedef void IdeFn(IdeDrive *d);

/* Progress of an ATA read, write or TRIM. */
typedef struct AtaTransfer {
    uint64_t sector;
    uint32_t left;              /* sectors */
    uint32_t block;             /* sectors between two interrupts of PIO */
    uint32_t filled;            /* bytes that a PIO read has in buf */
    bool is_write, lba48, fua, dma;
} AtaTransfer;

/* Progress of a packet command's data to the host. */
typedef struct AtapiTransfer {
    uint64_t left;              /* bytes the host is still to get */
    uint32_t limit;             /* of one PIO burst */
    uint32_t lba;               /* next block to read; when reading the disc */
    uint32_t blocks;            /* and how many */
    uint16_t block_size;        /* as the host sees it: 2048, or 2352 of READ CD */
    uint32_t start, end;        /* of what is in buf */
    bool dma;
} AtapiTransfer;

typedef struct CdState {
    uint8_t sense, asc, ascq;
    bool tray_open, tray_locked;
    bool changed;               /* a medium came: unit attention is due */
    bool new_medium, eject_wanted;      /* events for GET EVENT STATUS NOTIFICATION */
    uint8_t packet[ATAPI_PACKET_SIZE];
} CdState;

struct IdeDrive {
    Device dev;
    IdeKind kind;
    uint32_t unit;
    BlockBackend *blk;
    /* properties */
    char *serial, *version, *model;
    uint64_t wwn;
    int32_t bootindex;
    uint16_t rotation_rate;
    uint64_t logical_block_size, physical_block_size, discard_granularity;
    Geometry geometry;
    uint32_t lcyls, lheads, lsecs;  /* as the BIOS is to see it */
    bool share_rw;
    int write_cache, on_read, on_write, account_invalid, account_failed;
    /* registers that are the drive's own */
    uint8_t status, error;
    /* modes */
    uint8_t multiple;           /* sectors a block, 0: disabled */
    uint8_t mdma_mode, udma_mode;   /* as words 63 and 88 show: bit n = mode n, 0: none */
    bool smart_enabled, smart_autosave;
    uint8_t smart_errors, smart_selftest_status;
    uint32_t chs_heads, chs_sectors;    /* as INITIALIZE DEVICE PARAMETERS set them */
    uint64_t nr_sectors;
    /* PIO */
    uint8_t buf[IDE_BUF_SIZE];
    uint32_t buf_pos, buf_end;
    bool buf_to_host;
    IdeFn *buf_done;
    /* commands under way */
    IdeFn *dma_step;            /* waits for the engine, NULL: none does */
    bool dma_active;            /* the command moves data by DMA */
    uint32_t generation;        /* completions of an older one are dropped */
    unsigned in_flight;
    AtaTransfer ata;
    AtapiTransfer atapi;
    CdState cd;
};

static inline IdeBus *ide_bus(const IdeDrive *d)
{
    return OBJECT_OF(d->dev.bus, IdeBus);
}

static inline IdeTaskFile *ide_tf(const IdeDrive *d)
{
    return &ide_bus(d)->tf[d->unit];
}

/* A request to the block layer, with a buffer of its own that outlives a reset of the drive. */
typedef struct IdeIo {
    IdeDrive *drive;
    uint32_t generation;
    uint8_t *buf;
    uint64_t bytes;
    void (*done)(struct IdeIo *io, int ret);
    unsigned pos;               /* for the requester */
} IdeIo;

/* taskfile.c */
void ide_raise_irq(IdeDrive *d);
void ide_set_signature(IdeDrive *d);
void ide_abort_command(IdeDrive *d);            /* status and error; the caller interrupts */
void ide_complete(IdeDrive *d);                 /* command ended well: status and interrupt */
void ide_fail(IdeDrive *d, uint8_t error);      /* or not */
/* Offer (or want) bytes [start, end) of buf, call done when the host has moved them. */
void ide_pio_start(IdeDrive *d, uint32_t start, uint32_t end, bool to_host, IdeFn *done);
void ide_dma_wait(IdeDrive *d, IdeFn *step);
void ide_drive_reset(IdeDrive *d);              /* to the state after power-on or SRST */
void ide_drive_cancel(IdeDrive *d);             /* forget the command under way */
/*
 * Allocate for a request of bytes; NULL (command aborted) when too many of
 * cancelled commands are still under way. ide_io_done() is the callback to
 * give to blk_aio_*: it calls done unless the drive was reset, then frees.
 */
IdeIo *ide_io_new(IdeDrive *d, uint64_t bytes, void (*done)(IdeIo *io, int ret));
void ide_io_done(void *opaque, int ret);
void ide_io_drop(IdeIo *io);                    /* free it without a word */
void ide_io_read(IdeIo *io, int64_t offset);
void ide_io_write(IdeIo *io, int64_t offset, bool fua);

/* ata.c */
void ata_exec_command(IdeDrive *d, uint8_t command);
extern const StateField ata_state[];

/* atapi.c */
void atapi_start_packet(IdeDrive *d);
void atapi_reset(IdeDrive *d);
extern const BlkDeviceOps atapi_blk_ops;
extern const StateField atapi_state[];

/* identify.c */
void ide_identify_disk(const IdeDrive *d, uint8_t data[IDE_SECTOR]);
void ide_identify_packet(const IdeDrive *d, uint8_t data[IDE_SECTOR]);
void ide_put_text(uint8_t *at, const char *text, unsigned len);
bool ide_smart_command(IdeDrive *d);            /* false: abort; data in buf where there is any */

#endif
