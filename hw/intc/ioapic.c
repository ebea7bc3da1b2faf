/* ioapic: 24 pins, their redirection table, level and edge delivery */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/irqchip.h"
#include "hw/intc/apic.h"
#include "hw/intc/ioapic-int.h"
#include "util/trace.h"

/* Offsets of the memory window; the rest is behind IOREGSEL (82093AA, 3.1). */
enum { IOREGSEL = 0x00, IOWIN = 0x10, IOEOI = 0x40 };
enum { REG_ID = 0, REG_VERSION = 1, REG_ARBITRATION = 2, REG_TABLE = 0x10 };

#define RTE_READ_ONLY   (RTE_STATUS | RTE_REMOTE_IRR)
#define RTE_WRITABLE    (0xff0000000001ffffULL & ~RTE_READ_ONLY)

/* EOI messages go to every I/O APIC there is. */
static List ioapics = { &ioapics, &ioapics };

static ApicMessage rte_message(uint64_t rte)
{
    return (ApicMessage){
        .dest = rte >> 56, .logical = rte & RTE_LOGICAL, .mode = rte >> 8 & 7,
        .vector = rte & 0xff, .level = rte & RTE_LEVEL,
    };
}

static void deliver(Ioapic *s, unsigned pin)
{
    ApicMessage msg = rte_message(s->table[pin]);
    bool accepted;

    accepted = apic_deliver(&msg);
    TRACE(ioapic_deliver, "pin %u vector 0x%02x mode %u dest 0x%x accepted %d", pin, msg.vector,
          msg.mode, msg.dest, accepted);
    if (accepted && msg.level && msg.mode <= APIC_MODE_LOWEST) {
        s->table[pin] |= RTE_REMOTE_IRR;
    }
}

/* A level pin that is up, unmasked, and whose last message was answered. */
static void service_level(Ioapic *s, unsigned pin)
{
    uint64_t rte = s->table[pin];

    if ((s->lines & BIT(pin)) && (rte & RTE_LEVEL) && !(rte & (RTE_MASKED | RTE_REMOTE_IRR))) {
        deliver(s, pin);
    }
}

static void ioapic_pin(void *opaque, int n, int level)
{
    Ioapic *s = opaque;
    bool rising;
    int input = n;

    /* ISA interrupt 0 is wired to pin 2, as the firmware's tables say. */
    if (n == 0) {
        n = 2;
    }
    rising = level && !(s->lines & BIT(n));
    s->counts[input] += rising;
    TRACE(ioapic_pin, "pin %d level %d", n, level);
    s->lines = level ? s->lines | BIT(n) : s->lines & ~BIT(n);
    if (s->table[n] & RTE_LEVEL) {
        service_level(s, n);
    } else if (rising && !(s->table[n] & RTE_MASKED)) {
        /* An edge on a masked pin is lost (82093AA, 3.2.4, bit 16). */
        deliver(s, n);
    }
}

static void eoi(Ioapic *s, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
        uint64_t rte = s->table[pin];

        if ((rte & 0xff) == vector && (rte & RTE_LEVEL) && (rte & RTE_REMOTE_IRR)) {
            s->table[pin] &= ~RTE_REMOTE_IRR;
            service_level(s, pin);
        }
    }
}

void ioapic_eoi(uint8_t vector)
{
    Ioapic *s;

    TRACE(ioapic_eoi, "vector 0x%02x", vector);
    list_for_each(s, &ioapics, Ioapic, link) {
        eoi(s, vector);
    }
}

static uint32_t read_selected(Ioapic *s)
{
    unsigned n = s->select - REG_TABLE;

    switch (s->select) {
    case REG_ID:
    case REG_ARBITRATION:
        return (uint32_t)s->id << 24;
    case REG_VERSION:
        return s->version | (IOAPIC_NR_PINS - 1) << 16;
    default:
        return n < 2 * IOAPIC_NR_PINS ? s->table[n / 2] >> 32 * (n & 1) : 0;
    }
}

/* Where the kernel has the local APICs, it reports the EOIs of vectors that it knows of. */
static void tell_kernel(const Ioapic *s, unsigned pin)
{
    const IrqchipOps *chip = accel_irqchip();
    uint64_t rte = s->table[pin];

    if (chip && chip->mode() == IRQCHIP_SPLIT) {
        ApicMessage msg = rte_message(rte);
        uint64_t addr;
        uint32_t data;

        apic_message_to_msi(&msg, &addr, &data);
        chip->set_pin(pin, addr, data, rte & RTE_MASKED);
    }
}

static void write_table(Ioapic *s, unsigned n, uint32_t value)
{
    unsigned pin = n / 2, shift = 32 * (n & 1);
    uint64_t rte = s->table[pin];
    uint64_t wanted = (rte & ~(0xffffffffULL << shift)) | (uint64_t)value << shift;

    rte = (wanted & RTE_WRITABLE) | (rte & RTE_READ_ONLY);
    if (!(rte & RTE_LEVEL)) {
        rte &= ~RTE_REMOTE_IRR;     /* how software without EOI register clears it */
    }
    s->table[pin] = rte;
    tell_kernel(s, pin);
    service_level(s, pin);
}

static void write_selected(Ioapic *s, uint32_t value)
{
    unsigned n = s->select - REG_TABLE;

    if (s->select == REG_ID) {
        s->id = value >> 24 & 0x0f;
    } else if (n < 2 * IOAPIC_NR_PINS) {
        write_table(s, n, value);
    }
}

static uint64_t ioapic_read(void *opaque, uint64_t offset, unsigned size)
{
    Ioapic *s = opaque;
    uint32_t value = 0;

    switch (offset) {
    case IOREGSEL:
        value = s->select;
        break;
    case IOWIN:
        value = read_selected(s);
        break;
    default:
        break;
    }
    TRACE(ioapic_read, "offset 0x%x select 0x%x value 0x%x", (int)offset, s->select, value);
    return value;
}

static void ioapic_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Ioapic *s = opaque;

    TRACE(ioapic_write, "offset 0x%x select 0x%x value 0x%x", (int)offset, s->select,
          (uint32_t)value);
    switch (offset) {
    case IOREGSEL:
        s->select = value;
        break;
    case IOWIN:
        write_selected(s, value);
        break;
    case IOEOI:
        if (s->version >= 0x20) {
            eoi(s, value);
        }
        break;
    default:
        break;
    }
}

static const IoOps ioapic_io = {
    .read = ioapic_read, .write = ioapic_write, .min_size = 4, .max_size = 4,
};

static void ioapic_reset(Device *dev)
{
    Ioapic *s = DEVICE_OF(dev, Ioapic);

    s->id = 0;
    s->select = 0;
    for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
        s->table[pin] = RTE_MASKED;
        tell_kernel(s, pin);
    }
}

static bool ioapic_realize(Device *dev, Error **errp)
{
    Ioapic *s = DEVICE_OF(dev, Ioapic);

    if (s->version != 0x11 && s->version != 0x20) {
        error_set(errp, "IOAPIC version 0x%x: there are 0x11 and 0x20", s->version);
        return false;
    }
    region_init_io(&s->mmio, &dev->obj, &ioapic_io, s, "ioapic", 0x1000);
    device_init_irq_in(dev, ioapic_pin, IOAPIC_NR_PINS);
    list_append(&ioapics, &s->link);
    irqchip_set_eoi(ioapic_eoi);
    return true;
}

static void ioapic_unrealize(Device *dev)
{
    Ioapic *s = DEVICE_OF(dev, Ioapic);

    list_remove(&s->link);
    region_remove(&s->mmio);
    region_destroy(&s->mmio);
}

static const Prop ioapic_props[] = {
    PROP_U8(Ioapic, version, 0x20, "version register: 0x11 or 0x20 (with EOI register)"),
    { }
};

const StateField ioapic_state[] = {
    STATE_UINT(Ioapic, id),
    STATE_UINT(Ioapic, select),
    STATE_UINT(Ioapic, lines),
    STATE_ARRAY(Ioapic, table),
    { }
};

static const DeviceType ioapic_type = {
    .name = "ioapic", .desc = "I/O APIC", .internal = true, .size = sizeof(Ioapic),
    .props = ioapic_props, .state = ioapic_state, .realize = ioapic_realize,
    .unrealize = ioapic_unrealize, .reset = ioapic_reset,
};
REGISTER_DEVICE(ioapic_type)

Device *ioapic_create(void)
{
    Device *dev = device_new("ioapic");

    device_set_name(dev, "ioapic");     /* the path by which qtests follow interrupts */
    device_realize(dev, NULL, NULL);
    object_unref(&dev->obj);
    region_add(memory_root(), IOAPIC_BASE, &DEVICE_OF(dev, Ioapic)->mmio, 1);
    return dev;
}
