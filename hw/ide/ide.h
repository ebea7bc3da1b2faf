/* IDE: buses with two drives, their registers, and the DMA engine behind them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include "block/block.h"
#include "hw/core/device.h"
#include "hw/core/irq.h"
#include "memory/memory.h"

#define IDE_NR_UNITS 2
#define IDE_SECTOR   512
#define CD_SECTOR    2048

typedef struct IdeDrive IdeDrive;
typedef struct IdeBus IdeBus;
typedef struct Geometry Geometry;

/* How a bus moves data to and from guest memory; opaque is bus->dma_opaque. */
typedef struct IdeDmaOps {
    /* The selected drive waits: ide_dma_run() when the engine is started. */
    void (*ready)(void *opaque);
    /* Move up to len bytes; fewer when the guest's list ends before that. */
    size_t (*copy)(void *opaque, void *buf, size_t len, bool to_guest);
    /* The command is over; list_too_short: it was not, but the guest's list is. */
    void (*done)(void *opaque, bool list_too_short);
    void (*raised_irq)(void *opaque);
    void (*reset)(void *opaque);
} IdeDmaOps;

/* What a drive's registers hold; hob_: the values written before. */
typedef struct IdeTaskFile {
    uint8_t feature, count, lba_low, lba_mid, lba_high, select;
    uint8_t hob_feature, hob_count, hob_low, hob_mid, hob_high;
} IdeTaskFile;

struct IdeBus {
    Bus bus;
    IdeDrive *drives[IDE_NR_UNITS];
    IdeTaskFile tf[IDE_NR_UNITS];   /* written together, there with or without a drive */
    unsigned index;             /* 0 the primary channel, 1 the secondary */
    uint8_t unit;               /* selected */
    uint8_t control;
    bool irq_pending;
    IrqLine *irq;
    const IdeDmaOps *dma;       /* NULL: programmed I/O only */
    void *dma_opaque;
};

/* Bus name "ide.N", N = index; irq may be NULL. */
IdeBus *ide_bus_new(Device *owner, unsigned index, IrqLine *irq);
void ide_bus_set_dma(IdeBus *bus, const IdeDmaOps *ops, void *opaque);
void ide_bus_reset(IdeBus *bus);        /* hardware reset */
/* Registers 0 (data) to 7 at the command block's ports; size counts for data only. */
uint32_t ide_read(IdeBus *bus, unsigned reg, unsigned size);
void ide_write(IdeBus *bus, unsigned reg, uint32_t value, unsigned size);
uint8_t ide_read_alt_status(IdeBus *bus);
void ide_write_control(IdeBus *bus, uint8_t value);
/* The two regions of ops of a channel: opaque is the IdeBus. */
extern const IoOps ide_command_io, ide_control_io;
/* The DMA engine runs now: go on with the command that waits for it, if one does. */
void ide_dma_run(IdeBus *bus);
/* Does a drive of the bus move data by DMA at this moment? */
bool ide_dma_under_way(IdeBus *bus);
extern const StateField ide_bus_state[];

/* For the CMOS; false: there is no disk. */
bool ide_get_geometry(const IdeBus *bus, unsigned unit, Geometry *geometry);

#endif
