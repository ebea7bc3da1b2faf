/* PIIX3: south bridge of the pc machine */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ISA_PIIX3_H
#define HW_ISA_PIIX3_H

#include "hw/isa/isa.h"
#include "hw/pci/pci-host.h"

/*
 * The ISA bridge in function 0 of the first free slot, with bus "isa.0" whose
 * 16 interrupts go to irqs; the host's PIRQ lines and port 0xcf9 end in it.
 */
IsaBus *piix3_new(PciHost *host, IrqLine *const irqs[ISA_NR_IRQS]);

#endif
