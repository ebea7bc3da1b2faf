/* MSI: the capability, masks, and where messages go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_MSI_H
#define HW_PCI_MSI_H

#include "hw/pci/pci.h"

/* Messages are given to fn (the local APICs); any thread, without it they are lost. */
typedef void MsiDeliverFn(uint64_t address, uint32_t data);
void msi_set_deliver(MsiDeliverFn *fn);
/* One message, as a device without a capability of its own sends it (the HPET). */
void msi_deliver(uint64_t address, uint32_t data);

/* At realize: the capability at offset (0: anywhere) with 1 to 32 vectors, a power of two. */
bool msi_init(PciDevice *pci, uint8_t offset, unsigned nr_vectors, bool per_vector_mask,
              Error **errp);
bool msi_enabled(const PciDevice *pci);
/* Send a vector's message, or mark it pending while it is masked. */
void msi_notify(PciDevice *pci, unsigned vector);

/* For pci.c */
void msi_reset(PciDevice *pci);
void msi_config_written(PciDevice *pci);

#endif
