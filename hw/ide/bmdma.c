/* Bus-master IDE (Programming Interface for Bus Master IDE Controller, revision 1.0) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/bmdma.h"
#include "util/trace.h"

enum {
    BM_COMMAND = 0,
    BM_COMMAND_START = 0x01,
    BM_COMMAND_TO_MEMORY = 0x08,
    BM_STATUS = 2,
    BM_STATUS_ACTIVE = 0x01,
    BM_STATUS_ERROR = 0x02,
    BM_STATUS_INTERRUPT = 0x04,
    BM_STATUS_SOFTWARE = 0x60,      /* drives can do DMA: a note of software to itself */
    BM_TABLE = 4,

    PRD_SIZE = 8,
    PRD_END_OF_TABLE = 1u << 31,
    TABLE_BYTES = 64 * 1024,        /* the fuel of a walk: a table may not be longer */
};

/* The next entry of the table; false at its end. */
static bool next_entry(Bmdma *bm)
{
    uint8_t prd[PRD_SIZE];
    uint32_t word;

    if (bm->last || bm->next >= TABLE_BYTES) {
        return false;
    }
    /* Without bus mastering the chip reads nothing: an entry of zeroes, as its buffer then is. */
    pci_dma_read(bm->pci, (uint32_t)(bm->table + bm->next), prd, sizeof(prd));
    bm->next += PRD_SIZE;
    word = ld32_le(prd + 4);
    bm->addr = ld32_le(prd) & ~1u;
    bm->left = word & 0xfffe ? word & 0xfffe : 0x10000;
    bm->last = word & PRD_END_OF_TABLE;
    TRACE(bmdma_prd, "%u address 0x%x bytes 0x%x%s", bm->bus->index, bm->addr, bm->left,
          bm->last ? " end" : "");
    return true;
}

static size_t bm_copy(void *opaque, void *buf, size_t len, bool to_guest)
{
    Bmdma *bm = opaque;
    uint8_t *at = buf;
    size_t done = 0;

    while (done < len && (bm->left || next_entry(bm))) {
        uint32_t n = MIN(len - done, bm->left);

        /* What is no RAM swallows data and gives zeroes. */
        if (to_guest) {
            pci_dma_write(bm->pci, bm->addr, at + done, n);
        } else {
            pci_dma_read(bm->pci, bm->addr, at + done, n);
        }
        done += n;
        bm->addr += n;
        bm->left -= n;
    }
    return done;
}

/* A drive and the engine are both there: begin at the head of the table. */
static void try_run(Bmdma *bm)
{
    if (bm->status & BM_STATUS_ACTIVE && !bm->running) {
        bm->running = true;
        bm->next = bm->addr = bm->left = 0;
        bm->last = bm->stopping = false;
        ide_dma_run(bm->bus);
    }
}

static void bm_ready(void *opaque)
{
    Bmdma *bm = opaque;

    bm->running = false;
    try_run(bm);
}

static void bm_done(void *opaque, bool list_too_short)
{
    Bmdma *bm = opaque;

    bm->running = false;
    if (list_too_short || bm->stopping || (bm->last && !bm->left)) {
        bm->status &= ~BM_STATUS_ACTIVE;
    }
    bm->stopping = false;
    TRACE(bmdma_done, "%u status 0x%02x", bm->bus->index, bm->status);
}

static void bm_raised_irq(void *opaque)
{
    Bmdma *bm = opaque;

    bm->status |= BM_STATUS_INTERRUPT;
}

static void bm_reset(void *opaque)
{
    Bmdma *bm = opaque;

    bm->command = bm->status = 0;
    bm->table = bm->next = bm->addr = bm->left = 0;
    bm->running = bm->stopping = bm->last = false;
}

static const IdeDmaOps bmdma_ops = {
    .ready = bm_ready, .copy = bm_copy, .done = bm_done, .raised_irq = bm_raised_irq,
    .reset = bm_reset,
};

void bmdma_init(Bmdma *bm, PciDevice *pci, IdeBus *bus)
{
    bm->pci = pci;
    bm->bus = bus;
    ide_bus_set_dma(bus, &bmdma_ops, bm);
}

static void write_command(Bmdma *bm, uint8_t value)
{
    uint8_t was = bm->command;

    bm->command = value & (BM_COMMAND_START | BM_COMMAND_TO_MEMORY);
    if (!((was ^ value) & BM_COMMAND_START)) {
        return;
    }
    if (value & BM_COMMAND_START) {
        bm->status |= BM_STATUS_ACTIVE;
        bm->running = false;
        try_run(bm);
    } else if (ide_dma_under_way(bm->bus)) {
        /* The request at the block layer cannot be recalled: stop when it is done. */
        bm->stopping = true;
    } else {
        bm->status &= ~BM_STATUS_ACTIVE;
        bm->running = false;
    }
}

uint8_t bmdma_read(Bmdma *bm, unsigned reg)
{
    switch (reg) {
    case BM_COMMAND:
        return bm->command;
    case BM_STATUS:
        return bm->status;
    case BM_TABLE ... BM_TABLE + 3:
        return bm->table >> ((reg - BM_TABLE) * 8);
    default:
        return 0xff;
    }
}

void bmdma_write(Bmdma *bm, unsigned reg, uint8_t value)
{
    unsigned shift = (reg & 3) * 8;

    TRACE(bmdma_write, "%u reg %u: 0x%02x", bm->bus->index, reg, value);
    switch (reg) {
    case BM_COMMAND:
        write_command(bm, value);
        break;
    case BM_STATUS:
        bm->status &= ~(value & (BM_STATUS_ERROR | BM_STATUS_INTERRUPT));
        bm->status = (bm->status & ~BM_STATUS_SOFTWARE) | (value & BM_STATUS_SOFTWARE);
        break;
    case BM_TABLE ... BM_TABLE + 3:
        bm->table = ((bm->table & ~(0xffu << shift)) | (uint32_t)value << shift) & ~3u;
        break;
    }
}

const StateField bmdma_state[] = {
    STATE_UINT(Bmdma, command),
    STATE_UINT(Bmdma, status),
    STATE_UINT(Bmdma, stopping),
    STATE_UINT(Bmdma, running),
    STATE_UINT(Bmdma, table),
    STATE_UINT(Bmdma, next),
    STATE_UINT(Bmdma, addr),
    STATE_UINT(Bmdma, left),
    STATE_UINT(Bmdma, last),
    { }
};
