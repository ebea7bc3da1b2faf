/* What pci.c and pci-bus.c share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_PCI_INT_H
#define HW_PCI_PCI_INT_H

#include "hw/pci/pci.h"

void pci_init_config(PciDevice *pci);
void pci_reset_config(PciDevice *pci);
void pci_update_bars(PciDevice *pci);
void pci_unmap_bars(PciDevice *pci);

#endif
