/* ISA bus: ports and interrupt lines */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/isa/isa.h"

IsaBus *isa_bus_new(Device *owner, const char *name, IrqLine *const irqs[ISA_NR_IRQS])
{
    IsaBus *isa = OBJECT_OF(bus_new(BUS_ISA, sizeof(IsaBus), owner, name), IsaBus);

    memcpy(isa->irqs, irqs, sizeof(isa->irqs));
    return isa;
}

IsaBus *isa_bus(IsaDevice *isa)
{
    return OBJECT_OF(isa->dev.bus, IsaBus);
}

bool isa_map_ports(IsaDevice *isa, uint32_t first, uint32_t count, const IoOps *ops, void *opaque,
                   Error **errp)
{
    MemRegion *r;

    if (!count || first > 0xffff || count > 0x10000 - first) {
        error_set(errp, "ports 0x%x to 0x%" PRIx64 " leave the port space of 64 KiB", first,
                  (uint64_t)first + count - 1);
        return false;
    }
    if (isa->nr_regions == ARRAY_SIZE(isa->regions)) {
        error_set(errp, "more than %zu port ranges", ARRAY_SIZE(isa->regions));
        return false;
    }
    r = g_new0(MemRegion, 1);
    region_init_io(r, &isa->dev.obj, ops, opaque, isa->dev.obj.type->name, count);
    region_add(io_root(), first, r, 0);
    isa->regions[isa->nr_regions++] = r;
    return true;
}

IrqLine *isa_irq(IsaDevice *isa, uint32_t n, Error **errp)
{
    if (n >= ISA_NR_IRQS) {
        error_set(errp, "interrupt %u: the ISA bus has 0 to %d", n, ISA_NR_IRQS - 1);
        return NULL;
    }
    return isa_bus(isa)->irqs[n];
}

static void isa_detach(Bus *bus, Device *dev)
{
    IsaDevice *isa = DEVICE_OF(dev, IsaDevice);

    while (isa->nr_regions) {
        MemRegion *r = isa->regions[--isa->nr_regions];

        region_destroy(r);
        g_free(r);
    }
}

static const BusType isa_bus_type = {
    .name = BUS_ISA, .detach = isa_detach,
};
REGISTER_BUS(isa_bus_type)
