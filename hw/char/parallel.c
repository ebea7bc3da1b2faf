/* isa-parallel: a parallel port with a printer that is a character device */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/backend-props.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

/* IEEE 1284, compatibility mode; the registers as the PC AT has them */
enum {
    REG_DATA, REG_STATUS, REG_CONTROL, NR_REGS,

    STATUS_READY = 0x80,            /* the line is BUSY, inverted */
    STATUS_NO_ACK = 0x40,
    STATUS_SELECTED = 0x10,
    STATUS_NO_ERROR = 0x08,
    STATUS_IDLE = STATUS_READY | STATUS_NO_ACK | STATUS_SELECTED | STATUS_NO_ERROR,

    CONTROL_STROBE = 0x01,
    CONTROL_INIT = 0x04,            /* the line is active low: 0 resets the printer */
    CONTROL_SELECT = 0x08,
    CONTROL_IRQ = 0x10,
    CONTROL_INPUT = 0x20,
    CONTROL_BITS = 0x3f,
    CONTROL_ONES = 0xc0,            /* not implemented, read as ones */

    MAX_PORTS = 3,
};

typedef struct Parallel {
    IsaDevice isa;
    uint32_t index, iobase, irq_number;
    Chardev *chardev;
    CharFrontend chr;
    IrqLine *irq;
    uint8_t data, control;
    bool busy;                      /* the printer has a byte that the back end does not take yet */
    bool acked;                     /* it took one: so until the status is read */
    uint8_t latched;
} Parallel;

static const uint16_t port_of[MAX_PORTS] = { 0x378, 0x278, 0x3bc };

static void update_irq(Parallel *s)
{
    irq_set(s->irq, s->acked && s->control & CONTROL_IRQ);
}

static void print(void *opaque)
{
    Parallel *s = opaque;

    if (!s->busy) {
        return;
    }
    if (!char_fe_write(&s->chr, &s->latched, 1)) {
        char_fe_notify_writable(&s->chr, print, s);
        return;
    }
    s->busy = false;
    s->acked = true;
    update_irq(s);
}

static uint8_t status(Parallel *s)
{
    uint8_t value = STATUS_IDLE;

    if (s->busy || !(s->control & CONTROL_INIT)) {
        value &= ~STATUS_READY;
    }
    if (s->acked) {
        value &= ~STATUS_NO_ACK;
    }
    s->acked = false;
    update_irq(s);
    return value;
}

/* The printer takes the data with the edge of the strobe, when it is not busy with another. */
static void write_control(Parallel *s, uint8_t value)
{
    uint8_t rising = value & ~s->control;

    s->control = value & CONTROL_BITS;
    if (!(value & CONTROL_INIT)) {
        s->busy = s->acked = false;
    } else if (rising & CONTROL_STROBE && value & CONTROL_SELECT && !s->busy) {
        s->latched = s->data;
        s->busy = true;
        print(s);
    }
    update_irq(s);
}

static uint64_t parallel_read(void *opaque, uint64_t offset, unsigned size)
{
    Parallel *s = opaque;

    switch (offset) {
    case REG_DATA:
        /* With the drivers off the lines float: a printer says nothing on them. */
        return s->control & CONTROL_INPUT ? 0xff : s->data;
    case REG_STATUS:
        return status(s);
    default:
        return s->control | CONTROL_ONES;
    }
}

static void parallel_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Parallel *s = opaque;

    TRACE(parallel_write, "reg %u: 0x%02x", (unsigned)offset, (unsigned)value);
    if (offset == REG_DATA) {
        s->data = value;
    } else if (offset == REG_CONTROL) {
        write_control(s, value);
    }
}

static const IoOps parallel_io = {
    .read = parallel_read, .write = parallel_write, .max_size = 1,
};

static bool parallel_realize(Device *dev, Error **errp);

/* The first number that no other isa-parallel has. */
static uint32_t free_index(Parallel *s)
{
    Device *dev;
    uint32_t taken = 0, index = 0;

    list_for_each(dev, &s->isa.dev.bus->devices, Device, on_bus) {
        Parallel *other = DEVICE_OF(dev, Parallel);

        if (device_type(dev)->realize == parallel_realize && other != s &&
            other->index < MAX_PORTS) {
            taken |= BIT(other->index);
        }
    }
    while (index < MAX_PORTS && taken & BIT(index)) {
        index++;
    }
    return index;
}

static bool parallel_realize(Device *dev, Error **errp)
{
    Parallel *s = DEVICE_OF(dev, Parallel);

    if (!s->chardev) {
        error_set(errp, "Can't create parallel device, empty char device");
        return false;
    }
    if (s->index == UINT32_MAX) {
        s->index = free_index(s);
    }
    if (s->index >= MAX_PORTS) {
        error_set(errp, "Max. supported number of parallel ports is %d.", MAX_PORTS);
        return false;
    }
    if (s->iobase == UINT32_MAX) {
        s->iobase = port_of[s->index];
    }
    s->irq = isa_irq(&s->isa, s->irq_number, errp);
    if (!s->irq || !char_fe_init(&s->chr, s->chardev, errp)) {
        return false;
    }
    if (!isa_map_ports(&s->isa, s->iobase, NR_REGS, &parallel_io, s, errp)) {
        char_fe_deinit(&s->chr);
        return false;
    }
    return true;
}

static void parallel_unrealize(Device *dev)
{
    Parallel *s = DEVICE_OF(dev, Parallel);

    irq_lower(s->irq);
    char_fe_deinit(&s->chr);
}

static void parallel_reset(Device *dev)
{
    Parallel *s = DEVICE_OF(dev, Parallel);

    s->data = 0;
    s->control = CONTROL_INIT | CONTROL_SELECT;
    s->busy = s->acked = false;
    update_irq(s);
}

static const Prop parallel_props[] = {
    PROP_U32(Parallel, index, UINT32_MAX, "0 for LPT1 to 2 for LPT3; the first free if not given"),
    PROP_U32(Parallel, iobase, UINT32_MAX, "first port; by index if not given"),
    PROP_U32_AS("irq", Parallel, irq_number, 7, "interrupt"),
    PROP_CHARDEV(Parallel, chardev, "the printer"),
    { }
};

static const StateField parallel_state[] = {
    STATE_UINT(Parallel, data),
    STATE_UINT(Parallel, control),
    STATE_UINT(Parallel, busy),
    STATE_UINT(Parallel, acked),
    STATE_UINT(Parallel, latched),
    { }
};

static const DeviceType parallel_type = {
    .name = "isa-parallel", .desc = "parallel port", .bus = BUS_ISA, .category = CATEGORY_INPUT,
    .size = sizeof(Parallel), .props = parallel_props, .state = parallel_state,
    .realize = parallel_realize, .unrealize = parallel_unrealize, .reset = parallel_reset,
};
REGISTER_DEVICE(parallel_type)
