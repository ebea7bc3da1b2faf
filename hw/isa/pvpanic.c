/* pvpanic, pvpanic-pci: a register by which a guest says that it panicked */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"
#include "qapi/events-run.h"
#include "util/log.h"
#include "util/trace.h"

enum { PANICKED = 1 << 0, CRASH_LOADED = 1 << 1 };

#define PVPANIC_BAR_SIZE 16     /* the smallest that memory can have; the register is its first */

typedef struct PvPanic {
    IsaDevice isa;
    uint16_t ioport;
    uint8_t events;
} PvPanic;

typedef struct PvPanicPci {
    PciDevice pci;
    MemRegion bar;
    uint8_t events;
} PvPanicPci;

/* The register reads as the set of events it understands; opaque is that. */
static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned size)
{
    return *(const uint8_t *)opaque;
}

static void pvpanic_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    uint8_t events = *(const uint8_t *)opaque;

    TRACE(pvpanic_write, "value 0x%02x", (int)value);
    if (value & ~(uint64_t)(PANICKED | CRASH_LOADED)) {
        guest_error("pvpanic: unknown event 0x%02x", (int)value);
    }
    /* With a crash kernel loaded the guest handles the panic itself. */
    if (value & events & PANICKED) {
        run_request(RUN_REQUEST_PANIC, SHUTDOWN_CAUSE_GUEST_PANIC);
    } else if (value & events & CRASH_LOADED) {
        qapi_event_send_guest_crashloaded(GUEST_PANIC_ACTION_RUN);
    }
}

static const IoOps pvpanic_io = {
    .read = pvpanic_read, .write = pvpanic_write, .max_size = 1,
};

static bool pvpanic_realize(Device *dev, Error **errp)
{
    PvPanic *s = DEVICE_OF(dev, PvPanic);

    return isa_map_ports(&s->isa, s->ioport, 1, &pvpanic_io, &s->events, errp);
}

static const Prop pvpanic_props[] = {
    PROP_U16(PvPanic, ioport, 0x505, "the port"),
    PROP_U8(PvPanic, events, PANICKED | CRASH_LOADED, "bit 0: panicked, 1: crash kernel loaded"),
    { }
};

static const DeviceType pvpanic_type = {
    .name = "pvpanic", .desc = "the guest's panic button", .bus = BUS_ISA,
    .category = CATEGORY_MISC, .size = sizeof(PvPanic), .props = pvpanic_props,
    .realize = pvpanic_realize,
};
REGISTER_DEVICE(pvpanic_type)

static uint64_t pvpanic_bar_read(void *opaque, uint64_t offset, unsigned size)
{
    return offset ? 0 : pvpanic_read(opaque, 0, 1);
}

static void pvpanic_bar_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (!offset) {
        pvpanic_write(opaque, 0, value, 1);
    }
}

static const IoOps pvpanic_bar_io = {
    .read = pvpanic_bar_read, .write = pvpanic_bar_write, .max_size = 1,
};

static bool pvpanic_pci_realize(Device *dev, Error **errp)
{
    PvPanicPci *s = DEVICE_OF(dev, PvPanicPci);

    region_init_io(&s->bar, &dev->obj, &pvpanic_bar_io, &s->events, "pvpanic", PVPANIC_BAR_SIZE);
    pci_map_bar(&s->pci, 0, 0, &s->bar);
    return true;
}

static void pvpanic_pci_unrealize(Device *dev)
{
    pci_unmap_bars(DEVICE_OF(dev, PciDevice));
    region_destroy(&DEVICE_OF(dev, PvPanicPci)->bar);
}

static const Prop pvpanic_pci_props[] = {
    PROP_U8(PvPanicPci, events, PANICKED | CRASH_LOADED,
            "bit 0: panicked, 1: crash kernel loaded"),
    { }
};

static const DeviceType pvpanic_pci_type = {
    .name = "pvpanic-pci", .desc = "the guest's panic button", .bus = BUS_PCI,
    .category = CATEGORY_MISC, .size = sizeof(PvPanicPci), .props = pvpanic_pci_props,
    .realize = pvpanic_pci_realize, .unrealize = pvpanic_pci_unrealize, .hotpluggable = true,
    .bus_info = &(const PciInfo){
        .vendor = PCI_VENDOR_REDHAT, .device = 0x0011, .revision = 1,
        .class_id = PCI_CLASS_SYSTEM_OTHER,
    },
};
REGISTER_DEVICE(pvpanic_pci_type)
