/* What pci.c, pci-bus.c and pci-rom.c share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_PCI_INT_H
#define HW_PCI_PCI_INT_H

#include "hw/pci/pci.h"

void pci_init_config(PciDevice *pci);
void pci_reset_config(PciDevice *pci);
void pci_update_bars(PciDevice *pci);
/* The ROM BAR from romfile=, or from what the type says; true when there is nothing to load. */
bool pci_rom_load(PciDevice *pci, Error **errp);
void pci_rom_free(PciDevice *pci);

/* The name of a class (base and subclass), NULL where there is none. */
const char *pci_class_name(uint16_t class_id);

#endif
