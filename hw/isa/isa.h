/* ISA bus: ports, interrupt lines, memory window */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "hw/core/device.h"
#include "memory/memory.h"

#define ISA_NR_IRQS 16

typedef struct IsaBus {
    Bus bus;
    IrqLine *irqs[ISA_NR_IRQS];     /* inputs of the interrupt controllers */
    Device *dma;                    /* the i8237 pair, NULL without */
} IsaBus;

typedef struct IsaDevice {
    Device dev;
    MemRegion *regions[8];          /* mapped by isa_map_ports(), undone by the bus */
    unsigned nr_regions;
} IsaDevice;

/* A bus provided by owner (the south bridge); irqs are the 16 inputs behind it. */
IsaBus *isa_bus_new(Device *owner, const char *name, IrqLine *const irqs[ISA_NR_IRQS]);
IsaBus *isa_bus(IsaDevice *isa);
/*
 * Serve ports [first, first + count) with ops; opaque goes to the callbacks.
 * Fails when the range leaves the 64 KiB of port space. Unmapped at unrealize.
 */
bool isa_map_ports(IsaDevice *isa, uint32_t first, uint32_t count, const IoOps *ops, void *opaque,
                   Error **errp);
/* The line of ISA interrupt n, NULL with errp when there is none. */
IrqLine *isa_irq(IsaDevice *isa, uint32_t n, Error **errp);

#endif
