/* piix3-ide: the IDE controller of the pc machine */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_IDE_PIIX_IDE_H
#define HW_IDE_PIIX_IDE_H

#include "hw/ide/ide.h"
#include "hw/pci/pci.h"

#define PIIX_IDE_CHANNELS 2
#define IDE_PRIMARY_IRQ   14
#define IDE_SECONDARY_IRQ 15

/* In function 1 beside the ISA bridge in slot; irqs are the inputs of interrupts 14 and 15. */
Device *piix3_ide_new(PciBus *bus, unsigned slot, IrqLine *const irqs[PIIX_IDE_CHANNELS]);
IdeBus *piix3_ide_bus(Device *dev, unsigned channel);

#endif
