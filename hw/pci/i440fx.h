/* i440FX: north bridge of the pc machine */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_I440FX_H
#define HW_PCI_I440FX_H

#include "hw/pci/pci-host.h"

/*
 * The north bridge and its root bus "pci.0". ram is all of the guest's memory:
 * its first below_4g bytes appear at address 0, the rest at 4 GiB; first is the
 * block that begins it. Firmware and everything else that the PAM registers can
 * hide goes into bus->mem.
 */
PciHost *i440fx_new(MemRegion *ram, RamBlock *first, uint64_t below_4g);

#endif
