/* isa-serial: COM1 to COM4 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/backend-props.h"
#include "hw/char/serial.h"
#include "hw/isa/isa.h"

typedef struct IsaSerial {
    IsaDevice isa;
    uint32_t index, iobase, irq_number;
    Chardev *chardev;
    Serial serial;
} IsaSerial;

static const struct { uint16_t port; uint8_t irq; } com[] = {
    { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 },
};

static bool isa_serial_realize(Device *dev, Error **errp);

/* The first number that no other isa-serial has. */
static uint32_t free_index(IsaSerial *s)
{
    Device *dev;
    uint32_t taken = 0, index = 0;

    list_for_each(dev, &s->isa.dev.bus->devices, Device, on_bus) {
        IsaSerial *other = DEVICE_OF(dev, IsaSerial);

        if (device_type(dev)->realize == isa_serial_realize && other != s && other->index < 32) {
            taken |= BIT(other->index);
        }
    }
    while (index < 31 && (taken & BIT(index))) {
        index++;
    }
    return index;
}

static bool isa_serial_realize(Device *dev, Error **errp)
{
    IsaSerial *s = DEVICE_OF(dev, IsaSerial);

    if (s->index == UINT32_MAX) {
        s->index = free_index(s);
    }
    if (s->index >= ARRAY_SIZE(com)) {
        error_set(errp, "Max. supported number of ISA serial ports is %zu", ARRAY_SIZE(com));
        return false;
    }
    if (s->iobase == UINT32_MAX) {
        s->iobase = com[s->index].port;
    }
    if (s->irq_number == UINT32_MAX) {
        s->irq_number = com[s->index].irq;
    }
    s->serial.irq = isa_irq(&s->isa, s->irq_number, errp);
    if (!s->serial.irq || !serial_realize(&s->serial, s->chardev, errp)) {
        return false;
    }
    if (!isa_map_ports(&s->isa, s->iobase, 8, &serial_io, &s->serial, errp)) {
        serial_unrealize(&s->serial);
        return false;
    }
    return true;
}

static void isa_serial_unrealize(Device *dev)
{
    IsaSerial *s = DEVICE_OF(dev, IsaSerial);

    irq_lower(s->serial.irq);
    serial_unrealize(&s->serial);
}

static void isa_serial_reset(Device *dev)
{
    serial_reset(&DEVICE_OF(dev, IsaSerial)->serial);
}

static const Prop isa_serial_props[] = {
    PROP_U32(IsaSerial, index, UINT32_MAX, "0 for COM1 to 3 for COM4; the first free if not given"),
    PROP_U32(IsaSerial, iobase, UINT32_MAX, "first of eight ports; by index if not given"),
    PROP_U32_AS("irq", IsaSerial, irq_number, UINT32_MAX, "interrupt; by index if not given"),
    PROP_U32_AS("baudbase", IsaSerial, serial.baudbase, 115200, "bits a second at divisor 1"),
    PROP_CHARDEV(IsaSerial, chardev, "the other end of the line"),
    PROP_BOOL_AS("wakeup", IsaSerial, serial.wakeup, false, "input wakes a suspended machine"),
    { }
};

static const StateField isa_serial_state[] = {
    STATE_STRUCT(IsaSerial, serial, serial_state),
    { }
};

static const DeviceType isa_serial_type = {
    .name = "isa-serial", .desc = "serial port", .bus = BUS_ISA, .category = CATEGORY_INPUT,
    .size = sizeof(IsaSerial), .props = isa_serial_props, .state = isa_serial_state,
    .realize = isa_serial_realize, .unrealize = isa_serial_unrealize,
    .reset = isa_serial_reset,
};
REGISTER_DEVICE(isa_serial_type)
