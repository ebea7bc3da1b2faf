/* PCI host bridges: configuration mechanism #1 at ports 0xcf8 and 0xcfc */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_PCI_HOST_H
#define HW_PCI_PCI_HOST_H

#include "hw/pci/pci.h"

typedef struct PciHost {
    Device dev;
    PciBus *bus;
    uint32_t config_addr;           /* CONFIG_ADDRESS */
    MemRegion addr_region, data_region;
    const IoOps *reset_control;     /* serves port 0xcf9, inside CONFIG_ADDRESS */
    void *reset_control_opaque;
} PciHost;

/* At realize, with bus set; and its mirror. */
void pci_host_map(PciHost *host);
void pci_host_unmap(PciHost *host);
/*
 * Byte accesses to port 0xcf9 go to the south bridge's reset control register,
 * which lies within CONFIG_ADDRESS (only a dword access reaches that one).
 */
void pci_host_set_reset_control(PciHost *host, const IoOps *ops, void *opaque);

extern const StateField pci_host_state[];

#endif
