/* isa-debugcon: bytes written to a port go to a character device */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/backend-props.h"
#include "hw/isa/isa.h"

typedef struct DebugCon {
    IsaDevice isa;
    uint32_t iobase, readback;
    Chardev *chardev;
    CharFrontend chr;
} DebugCon;

static uint64_t debugcon_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((DebugCon *)opaque)->readback;
}

/* There is no way to make the guest wait: what does not fit is lost. */
static void debugcon_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    DebugCon *s = opaque;
    uint8_t byte = value;

    char_fe_write(&s->chr, &byte, 1);
}

static const IoOps debugcon_io = {
    .read = debugcon_read, .write = debugcon_write, .max_size = 1,
};

static bool debugcon_realize(Device *dev, Error **errp)
{
    DebugCon *s = DEVICE_OF(dev, DebugCon);

    if (!s->chardev) {
        error_set(errp, "Can't create debugcon device, empty char device");
        return false;
    }
    if (!char_fe_init(&s->chr, s->chardev, errp)) {
        return false;
    }
    if (!isa_map_ports(&s->isa, s->iobase, 1, &debugcon_io, s, errp)) {
        char_fe_deinit(&s->chr);
        return false;
    }
    return true;
}

static void debugcon_unrealize(Device *dev)
{
    char_fe_deinit(&DEVICE_OF(dev, DebugCon)->chr);
}

static const Prop debugcon_props[] = {
    PROP_U32(DebugCon, iobase, 0xe9, "the port"),
    PROP_U32(DebugCon, readback, 0xe9, "what reading the port gives"),
    PROP_CHARDEV(DebugCon, chardev, "where the bytes go"),
    { }
};

static const DeviceType debugcon_type = {
    .name = "isa-debugcon", .desc = "debug console at a port", .bus = BUS_ISA,
    .size = sizeof(DebugCon), .props = debugcon_props, .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};
REGISTER_DEVICE(debugcon_type)
