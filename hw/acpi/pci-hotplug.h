/* ACPI PCI hotplug: the ports by which a guest learns of devices that come and shall go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_PCI_HOTPLUG_H
#define HW_ACPI_PCI_HOTPLUG_H

#include "hw/acpi/acpi-pm.h"
#include "hw/pci/pci.h"

#define PCI_HOTPLUG_BASE 0xae00     /* what the DSDT names */
#define PCI_HOTPLUG_SIZE 0x18
#define PCI_HOTPLUG_UP   0          /* offsets of its registers */
#define PCI_HOTPLUG_DOWN 4
#define PCI_HOTPLUG_EJECT 8
#define PCI_HOTPLUG_GPE  1

typedef struct PciHotplug {
    PciBus *bus;
    AcpiPm *pm;
    uint32_t up, down;              /* a bit a slot */
    uint32_t ejected;               /* by the guest; the devices go soon */
    MemRegion region;
} PciHotplug;

/* For the slots of bus; events go to general purpose event 1 of pm. */
void pci_hotplug_init(PciHotplug *s, Object *owner, PciBus *bus, AcpiPm *pm);
void pci_hotplug_reset(PciHotplug *s);
extern const StateField pci_hotplug_state[];

#endif
