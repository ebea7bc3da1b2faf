/* pvpanic: a port by which a guest says that it panicked */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/isa/isa.h"
#include "qapi/events-run.h"
#include "util/log.h"
#include "util/trace.h"

enum { PANICKED = 1 << 0, CRASH_LOADED = 1 << 1 };

typedef struct PvPanic {
    IsaDevice isa;
    uint16_t ioport;
    uint8_t events;
} PvPanic;

/* The port reads as the set of events it understands. */
static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((PvPanic *)opaque)->events;
}

static void pvpanic_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PvPanic *s = opaque;

    TRACE(pvpanic_write, "value 0x%02x", (int)value);
    if (value & ~(uint64_t)(PANICKED | CRASH_LOADED)) {
        guest_error("pvpanic: unknown event 0x%02x", (int)value);
    }
    /* With a crash kernel loaded the guest handles the panic itself. */
    if (value & s->events & PANICKED) {
        run_request(RUN_REQUEST_PANIC, SHUTDOWN_CAUSE_GUEST_PANIC);
    } else if (value & s->events & CRASH_LOADED) {
        qapi_event_send_guest_crashloaded(GUEST_PANIC_ACTION_RUN);
    }
}

static const IoOps pvpanic_io = {
    .read = pvpanic_read, .write = pvpanic_write, .max_size = 1,
};

static bool pvpanic_realize(Device *dev, Error **errp)
{
    PvPanic *s = DEVICE_OF(dev, PvPanic);

    return isa_map_ports(&s->isa, s->ioport, 1, &pvpanic_io, s, errp);
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
