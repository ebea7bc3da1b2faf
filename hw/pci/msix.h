/* MSI-X: the capability, the vector table in a BAR, pending bits */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_MSIX_H
#define HW_PCI_MSIX_H

#include "hw/pci/pci.h"

/*
 * At realize: nr_vectors (1 to 2048) with table and pending bits at these
 * offsets within BAR bar, whose region must be a container. offset is the
 * capability's place, 0: anywhere.
 */
bool msix_init(PciDevice *pci, unsigned nr_vectors, MemRegion *container, uint8_t bar,
               uint32_t table_offset, uint32_t pending_offset, uint8_t offset, Error **errp);
void msix_uninit(PciDevice *pci);       /* at unrealize; nothing without msix_init() */
bool msix_enabled(const PciDevice *pci);
/* Send a vector's message, or mark it pending while it is masked. */
void msix_notify(PciDevice *pci, unsigned vector);

/* For pci.c */
void msix_reset(PciDevice *pci);
void msix_config_written(PciDevice *pci);

#endif
