/* isa-ide: an IDE channel on the ISA bus, programmed I/O only */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/ide.h"
#include "hw/isa/isa.h"

typedef struct IsaIde {
    IsaDevice isa;
    uint32_t iobase, iobase2, irq;
    IdeBus *bus;
} IsaIde;

/* A number for the bus's name that no other channel has. */
static unsigned free_index(void)
{
    unsigned index = 0;

    for (;; index++) {
        g_autofree char *name = g_strdup_printf("ide.%u", index);

        if (!bus_find(name)) {
            return index;
        }
    }
}

static bool isa_ide_realize(Device *dev, Error **errp)
{
    IsaIde *s = DEVICE_OF(dev, IsaIde);
    IrqLine *irq = isa_irq(&s->isa, s->irq, errp);

    if (!irq) {
        return false;
    }
    s->bus = ide_bus_new(dev, free_index(), irq);
    if (!isa_map_ports(&s->isa, s->iobase, 8, &ide_command_io, s->bus, errp) ||
        !isa_map_ports(&s->isa, s->iobase2, 1, &ide_control_io, s->bus, errp)) {
        bus_free(&s->bus->bus);
        return false;
    }
    return true;
}

static void isa_ide_reset(Device *dev)
{
    ide_bus_reset(DEVICE_OF(dev, IsaIde)->bus);
}

static const Prop isa_ide_props[] = {
    PROP_U32(IsaIde, iobase, 0x1f0, "first port of the command block"),
    PROP_U32(IsaIde, iobase2, 0x3f6, "port of the control block"),
    PROP_U32(IsaIde, irq, 14, "interrupt"),
    { }
};

static const DeviceType isa_ide_type = {
    .name = "isa-ide", .desc = "IDE channel on the ISA bus", .bus = BUS_ISA,
    .category = CATEGORY_STORAGE, .size = sizeof(IsaIde), .props = isa_ide_props,
    .realize = isa_ide_realize, .reset = isa_ide_reset,
};
REGISTER_DEVICE(isa_ide_type)
