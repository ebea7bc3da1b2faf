/* query-pci: buses and devices as configuration space shows them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/pci-int.h"
#include "qapi/commands-pci.h"

/* PCI Code and ID Assignment Specification: base class and subclass. */
static const struct {
    uint16_t class_id;
    const char *desc;
} class_names[] = {
    { 0x0001, "VGA controller" }, { 0x0100, "SCSI controller" }, { 0x0101, "IDE controller" },
    { 0x0102, "Floppy controller" }, { 0x0103, "IPI controller" }, { 0x0104, "RAID controller" },
    { 0x0106, "SATA controller" }, { 0x0107, "SAS controller" },
    { 0x0108, "Non-Volatile memory controller" }, { 0x0180, "Storage controller" },
    { 0x0200, "Ethernet controller" }, { 0x0280, "Network controller" },
    { 0x0300, "VGA controller" }, { 0x0301, "XGA controller" }, { 0x0302, "3D controller" },
    { 0x0380, "Display controller" }, { 0x0400, "Video controller" },
    { 0x0401, "Audio controller" }, { 0x0403, "Audio controller" }, { 0x0500, "RAM controller" },
    { 0x0501, "Flash controller" }, { 0x0580, "Memory controller" }, { 0x0600, "Host bridge" },
    { 0x0601, "ISA bridge" }, { 0x0604, "PCI bridge" }, { 0x0680, "Bridge" },
    { 0x0700, "Serial port" }, { 0x0701, "Parallel port" }, { 0x0780, "Communication controller" },
    { 0x0800, "Interrupt controller" }, { 0x0803, "System clock" }, { 0x0880, "Peripheral" },
    { 0x0900, "Keyboard" }, { 0x0902, "Mouse" }, { 0x0c03, "USB controller" },
    { 0x0c05, "SMBus" },
};

static PciDeviceInfoList *bus_devices(PciBus *bus);

const char *pci_class_name(uint16_t class_id)
{
    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
        if (class_names[i].class_id == class_id) {
            return class_names[i].desc;
        }
    }
    return NULL;
}

static PciDeviceClass *class_info(const PciDevice *pci)
{
    PciDeviceClass *info = g_new0(PciDeviceClass, 1);

    info->class = pci_get_word(pci, PCI_CLASS_DEVICE);
    info->desc = g_strdup(pci_class_name(info->class));
    return info;
}

static PciDeviceId *device_id(const PciDevice *pci)
{
    PciDeviceId *id = g_new0(PciDeviceId, 1);

    id->vendor = pci_get_word(pci, PCI_VENDOR_ID);
    id->device = pci_get_word(pci, PCI_DEVICE_ID);
    if (!pci_info(pci)->bridge) {
        id->has_subsystem = id->has_subsystem_vendor = true;
        id->subsystem = pci_get_word(pci, PCI_SUBSYSTEM_ID);
        id->subsystem_vendor = pci_get_word(pci, PCI_SUBSYSTEM_VENDOR_ID);
    }
    return id;
}

static PciMemoryRegionList *regions(const PciDevice *pci)
{
    PciMemoryRegionList *list = NULL, **tail = &list;

    for (unsigned i = 0; i <= PCI_ROM_SLOT; i++) {
        const PciBar *bar = &pci->bars[i];
        PciMemoryRegion *region;

        if (!bar->region) {
            continue;
        }
        region = g_new0(PciMemoryRegion, 1);
        region->bar = i;
        region->address = bar->addr;        /* PCI_UNMAPPED is -1 */
        region->size = bar->region->size;
        if (bar->type & PCI_BAR_IO) {
            region->type = g_strdup("io");
        } else {
            region->type = g_strdup("memory");
            region->has_prefetch = region->has_mem_type_64 = true;
            region->prefetch = bar->type & PCI_BAR_PREFETCH;
            region->mem_type_64 = bar->type & PCI_BAR_MEM64;
        }
        QAPI_APPEND(tail, region);
    }
    return list;
}

/* PCI-to-PCI Bridge Architecture Specification, 3.2.5: windows from base and limit registers. */
static PciMemoryRange *range(uint64_t base, uint64_t limit)
{
    PciMemoryRange *r = g_new0(PciMemoryRange, 1);

    r->base = base;
    r->limit = limit;
    return r;
}

static PciBridgeInfo *bridge_info(PciDevice *pci)
{
    PciBridgeInfo *info = g_new0(PciBridgeInfo, 1);
    PciBusInfo *bus = g_new0(PciBusInfo, 1);
    const uint8_t *c = pci->config;
    Bus *below;

    info->bus = bus;
    bus->number = c[PCI_PRIMARY_BUS];
    bus->secondary = c[PCI_SECONDARY_BUS];
    bus->subordinate = c[PCI_SUBORDINATE_BUS];
    bus->io_range = range((c[PCI_IO_BASE] & 0xf0) << 8, (c[PCI_IO_LIMIT] & 0xf0) << 8 | 0xfff);
    bus->memory_range = range((uint64_t)(pci_get_word(pci, PCI_MEMORY_BASE) & 0xfff0) << 16,
                              (uint64_t)(pci_get_word(pci, PCI_MEMORY_LIMIT) & 0xfff0) << 16 |
                                  0xfffff);
    bus->prefetchable_range =
        range((uint64_t)(pci_get_word(pci, PCI_PREF_MEMORY_BASE) & 0xfff0) << 16,
              (uint64_t)(pci_get_word(pci, PCI_PREF_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff);
    list_for_each(below, &pci->dev.buses, Bus, of_owner) {
        if (!strcmp(below->type->name, BUS_PCI)) {
            info->devices = bus_devices(OBJECT_OF(&below->obj, PciBus));
            info->has_devices = info->devices;
        }
    }
    return info;
}

static PciDeviceInfo *device_info(PciBus *bus, PciDevice *pci)
{
    PciDeviceInfo *info = g_new0(PciDeviceInfo, 1);

    info->bus = pci_bus_number(bus);
    info->slot = PCI_SLOT(pci->devfn);
    info->function = PCI_FN(pci->devfn);
    info->class_info = class_info(pci);
    info->id = device_id(pci);
    info->irq_pin = pci->config[PCI_INTERRUPT_PIN];
    info->has_irq = info->irq_pin;
    info->irq = pci->config[PCI_INTERRUPT_LINE];
    info->qdev_id = g_strdup(pci->dev.id ? pci->dev.id : "");
    info->regions = regions(pci);
    if (pci_info(pci)->bridge) {
        info->pci_bridge = bridge_info(pci);
    }
    return info;
}

static PciDeviceInfoList *bus_devices(PciBus *bus)
{
    PciDeviceInfoList *list = NULL, **tail = &list;

    for (unsigned devfn = 0; devfn < ARRAY_SIZE(bus->devices); devfn++) {
        if (bus->devices[devfn]) {
            QAPI_APPEND(tail, device_info(bus, bus->devices[devfn]));
        }
    }
    return list;
}

PciInfoOfBusList *qmp_query_pci(Error **errp)
{
    PciInfoOfBusList *list = NULL, **tail = &list;
    PciBus *root = pci_root_bus();

    if (root) {
        PciInfoOfBus *info = g_new0(PciInfoOfBus, 1);

        info->bus = pci_bus_number(root);
        info->devices = bus_devices(root);
        QAPI_APPEND(tail, info);
    }
    return list;
}
