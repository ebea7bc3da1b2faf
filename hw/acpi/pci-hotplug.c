/* ACPI PCI hotplug of one bus: slots up and down, and the guest's ejections */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports from 0xae00 on, as drivers and other firmware know them: slots with a
 * new device (reading forgets them), slots whose device shall go, and one to
 * which the slot is written that the guest lets go; then which slots can be
 * emptied at all.
 */
#include "util/osdep.h"
#include "hw/acpi/pci-hotplug.h"
#include "util/loop.h"
#include "util/trace.h"

enum { REMOVABLE = 0x0c };

static uint32_t removable(const PciHotplug *s)
{
    uint32_t slots = UINT32_MAX;

    for (unsigned devfn = 0; devfn < ARRAY_SIZE(s->bus->devices); devfn++) {
        const PciDevice *pci = s->bus->devices[devfn];

        if (pci && !device_type(&pci->dev)->hotpluggable) {
            slots &= ~BIT(PCI_SLOT(devfn));
        }
    }
    return slots;
}

static uint64_t hotplug_read(void *opaque, uint64_t offset, unsigned size)
{
    PciHotplug *s = opaque;
    uint32_t value = 0;

    switch (offset) {
    case PCI_HOTPLUG_UP:
        value = s->up;
        s->up = 0;
        break;
    case PCI_HOTPLUG_DOWN:
        value = s->down;
        break;
    case REMOVABLE:
        value = removable(s);
        break;
    }
    TRACE(pci_hotplug_read, "0x%" PRIx64 ": 0x%x", offset, value);
    return value;
}

/* From the loop, as a device cannot go while another one's registers are written. */
static void eject(void *opaque)
{
    PciHotplug *s = opaque;
    uint32_t slots = s->ejected & removable(s);

    s->ejected = 0;
    s->down &= ~slots;
    s->up &= ~slots;
    for (unsigned devfn = 0; devfn < ARRAY_SIZE(s->bus->devices); devfn++) {
        PciDevice *pci = s->bus->devices[devfn];

        if (pci && slots & BIT(PCI_SLOT(devfn))) {
            device_deleted(&pci->dev);
        }
    }
}

static void request_eject(PciHotplug *s, uint32_t slots)
{
    if (!s->ejected && slots) {
        loop_post(loop_main(), eject, s);
    }
    s->ejected |= slots;
}

static void hotplug_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PciHotplug *s = opaque;

    TRACE(pci_hotplug_write, "0x%" PRIx64 ": 0x%x", offset, (uint32_t)value);
    if (offset == PCI_HOTPLUG_EJECT) {
        request_eject(s, value);
    }
}

static const IoOps hotplug_io = {
    .read = hotplug_read, .write = hotplug_write, .min_size = 4, .max_size = 4,
};

static void plugged(void *opaque, PciDevice *pci)
{
    PciHotplug *s = opaque;

    /* Other functions come first: the guest looks when function 0 is there. */
    if (PCI_FN(pci->devfn) == 0) {
        s->up |= BIT(PCI_SLOT(pci->devfn));
        acpi_pm_gpe(s->pm, PCI_HOTPLUG_GPE);
    }
}

static void unplug(void *opaque, PciDevice *pci)
{
    PciHotplug *s = opaque;

    s->down |= BIT(PCI_SLOT(pci->devfn));
    acpi_pm_gpe(s->pm, PCI_HOTPLUG_GPE);
}

static const PciHotplugOps hotplug_ops = { .plugged = plugged, .unplug = unplug };

void pci_hotplug_init(PciHotplug *s, Object *owner, PciBus *bus, AcpiPm *pm)
{
    s->bus = bus;
    s->pm = pm;
    region_init_io(&s->region, owner, &hotplug_io, s, "acpi-pci-hotplug", PCI_HOTPLUG_SIZE);
    region_add(io_root(), PCI_HOTPLUG_BASE, &s->region, 0);
    bus->hotplug = &hotplug_ops;
    bus->hotplug_opaque = s;
}

/* A guest that starts anew holds on to nothing. */
void pci_hotplug_reset(PciHotplug *s)
{
    request_eject(s, s->down);
    s->up = s->down = 0;
}

const StateField pci_hotplug_state[] = {
    STATE_UINT(PciHotplug, up),
    STATE_UINT(PciHotplug, down),
    { }
};
