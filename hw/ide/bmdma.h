/* Bus-master IDE: the registers and the engine of one channel */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_IDE_BMDMA_H
#define HW_IDE_BMDMA_H

#include "hw/ide/ide.h"
#include "hw/pci/pci.h"

#define BMDMA_PORTS 8           /* of each channel */

typedef struct Bmdma {
    PciDevice *pci;
    IdeBus *bus;
    uint8_t command, status;
    bool stopping;              /* the guest stopped it while a request was under way */
    bool running;               /* a drive moves data, or is about to */
    uint32_t table;             /* physical address of the PRD table */
    /* where in the table the transfer is */
    uint32_t next;              /* offset of the next entry */
    uint32_t addr, left;        /* of the entry at hand */
    bool last;
} Bmdma;

void bmdma_init(Bmdma *bm, PciDevice *pci, IdeBus *bus);
/* One byte of a channel's registers. */
uint8_t bmdma_read(Bmdma *bm, unsigned reg);
void bmdma_write(Bmdma *bm, unsigned reg, uint8_t value);
extern const StateField bmdma_state[];

#endif
