/* piix3-ide: two channels at the legacy ports, bus-master DMA in BAR 4 (Intel 290550-002) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/bmdma.h"
#include "hw/ide/piix-ide.h"

typedef struct PiixIde {
    PciDevice pci;
    IrqLine *irqs[PIIX_IDE_CHANNELS];
    IdeBus *bus[PIIX_IDE_CHANNELS];
    Bmdma bm[PIIX_IDE_CHANNELS];
    MemRegion command[PIIX_IDE_CHANNELS], control[PIIX_IDE_CHANNELS], bm_region;
} PiixIde;

static const struct { uint16_t command, control; } ports[PIIX_IDE_CHANNELS] = {
    { 0x1f0, 0x3f6 }, { 0x170, 0x376 },
};

static uint64_t bm_read(void *opaque, uint64_t offset, unsigned size)
{
    PiixIde *s = opaque;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = offset + i;

        value |= (uint64_t)bmdma_read(&s->bm[reg / BMDMA_PORTS], reg % BMDMA_PORTS) << (i * 8);
    }
    return value;
}

static void bm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PiixIde *s = opaque;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = offset + i;

        bmdma_write(&s->bm[reg / BMDMA_PORTS], reg % BMDMA_PORTS, value >> (i * 8));
    }
}

static const IoOps bm_io = { .read = bm_read, .write = bm_write, .max_size = 4 };

static bool piix_ide_realize(Device *dev, Error **errp)
{
    PiixIde *s = DEVICE_OF(dev, PiixIde);
    PciDevice *pci = &s->pci;

    pci_put_word(pci, PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    /*
     * IDETIM, SIDETIM: firmware and drivers set them; the channels are decoded
     * whatever bit 15 says, for those that do not.
     */
    pci_set_writable(pci, 0x40, 5, 0xff);
    region_init_io(&s->bm_region, &dev->obj, &bm_io, s, "bmdma",
                   PIIX_IDE_CHANNELS * BMDMA_PORTS);
    pci_map_bar(pci, 4, PCI_BAR_IO, &s->bm_region);
    for (unsigned i = 0; i < PIIX_IDE_CHANNELS; i++) {
        s->bus[i] = ide_bus_new(dev, i, s->irqs[i]);
        bmdma_init(&s->bm[i], pci, s->bus[i]);
        region_init_io(&s->command[i], &dev->obj, &ide_command_io, s->bus[i], "ide-command", 8);
        region_init_io(&s->control[i], &dev->obj, &ide_control_io, s->bus[i], "ide-control", 1);
        region_add(io_root(), ports[i].command, &s->command[i], 0);
        region_add(io_root(), ports[i].control, &s->control[i], 0);
    }
    return true;
}

static void piix_ide_reset(Device *dev)
{
    PiixIde *s = DEVICE_OF(dev, PiixIde);

    for (unsigned i = 0; i < PIIX_IDE_CHANNELS; i++) {
        ide_bus_reset(s->bus[i]);
    }
}

static const StateField piix_ide_state[] = {
    STATE_STRUCT_ARRAY(PiixIde, bm, bmdma_state),
    { }
};

static const DeviceType piix3_ide_type = {
    .name = "piix3-ide", .desc = "PIIX3 IDE controller", .bus = BUS_PCI,
    .category = CATEGORY_STORAGE, .internal = true, .size = sizeof(PiixIde),
    .state = piix_ide_state, .realize = piix_ide_realize, .reset = piix_ide_reset,
    .bus_info = &(const PciInfo){
        .vendor = PCI_VENDOR_INTEL, .device = 0x7010, .class_id = PCI_CLASS_STORAGE_IDE,
        .prog_if = 0x80,
    },
};
REGISTER_DEVICE(piix3_ide_type)

Device *piix3_ide_new(PciBus *bus, unsigned slot, IrqLine *const irqs[PIIX_IDE_CHANNELS])
{
    Device *dev = device_new("piix3-ide");
    PiixIde *s = DEVICE_OF(dev, PiixIde);
    g_autofree char *addr = g_strdup_printf("%x.1", slot);
    Error *err = NULL;

    memcpy(s->irqs, irqs, sizeof(s->irqs));
    if (!prop_set(&dev->obj, "addr", addr, &err) || !device_realize(dev, &bus->bus, &err)) {
        g_error("piix3-ide: %s", error_text(err));
    }
    object_unref(&dev->obj);
    return dev;
}

IdeBus *piix3_ide_bus(Device *dev, unsigned channel)
{
    return DEVICE_OF(dev, PiixIde)->bus[channel];
}
