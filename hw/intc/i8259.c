/* isa-i8259: programmable interrupt controllers, master and slave, with ELCR */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/vcpu.h"
#include "hw/intc/i8259-int.h"
#include "util/log.h"
#include "util/trace.h"

enum {
    ICW1_IC4 = 1 << 0, ICW1_SNGL = 1 << 1, ICW1_LTIM = 1 << 3, ICW1 = 1 << 4,
    ICW4_AEOI = 1 << 1, ICW4_SFNM = 1 << 4,
    OCW3 = 1 << 3, OCW3_RIS = 1 << 0, OCW3_RR = 1 << 1, OCW3_P = 1 << 2,
    OCW3_SMM = 1 << 5, OCW3_ESMM = 1 << 6,
    CASCADE = 2,
};

static uint8_t level_inputs(const I8259 *s)
{
    return s->level_mode ? 0xff : s->elcr;
}

/* Of a set of inputs the one of highest priority: rank 0 (highest) to 7, 8 for none. */
static unsigned best_rank(const I8259 *s, uint8_t set)
{
    unsigned rank;

    for (rank = 0; rank < 8; rank++) {
        if (set & BIT((s->lowest + 1 + rank) & 7)) {
            break;
        }
    }
    return rank;
}

static unsigned rank_input(const I8259 *s, unsigned rank)
{
    return (s->lowest + 1 + rank) & 7;
}

/* The input that asks for service now, -1 when none does. */
static int request(const I8259 *s)
{
    unsigned rank = best_rank(s, s->irr & ~s->imr);
    uint8_t serving = s->isr;

    if (rank == 8) {
        return -1;
    }
    if (s->special_mask) {
        serving &= ~s->imr;
    }
    /* Special fully nested: the slave may interrupt its own service. */
    if (s->special_nested && s->master) {
        serving &= ~BIT(CASCADE);
    }
    return rank < best_rank(s, serving) ? (int)rank_input(s, rank) : -1;
}

static void update(I8259 *s)
{
    irq_set(s->intr, request(s) >= 0);
}

static void input(void *opaque, int n, int level)
{
    I8259 *s = opaque;
    uint8_t bit = BIT(n);

    TRACE(i8259_input, "master %d input %d level %d", s->master, n, level);
    s->counts[n] += level && !(s->lines & bit);
    if (level_inputs(s) & bit) {
        s->irr = level ? s->irr | bit : s->irr & ~bit;
    } else if (level && !(s->lines & bit)) {
        /* An edge stays latched when the line falls early, so that pulses count. */
        s->irr |= bit;
    }
    s->lines = level ? s->lines | bit : s->lines & ~bit;
    update(s);
}

static void acknowledge(I8259 *s, unsigned n)
{
    if (s->auto_eoi) {
        if (s->rotate_aeoi) {
            s->lowest = n;
        }
    } else {
        s->isr |= BIT(n);
    }
    if (!(level_inputs(s) & BIT(n))) {
        s->irr &= ~BIT(n);
    }
    /* INT falls with INTA: whoever listens for edges sees the next request as one. */
    irq_lower(s->intr);
    update(s);
}

/* The acknowledge cycle of one chip: its vector. A request that has gone is input 7. */
static int inta(I8259 *s)
{
    int n = request(s);

    if (n < 0) {
        n = 7;
        TRACE(i8259_spurious, "master %d", s->master);
    } else {
        acknowledge(s, n);
        if (s->slave && n == CASCADE && !s->single) {
            return inta(s->slave);
        }
    }
    return s->vector_base + n;
}

/* The CPU saw INTR and asks for the vector. */
static int pair_ack(void *opaque)
{
    I8259 *s = opaque;
    int vector = inta(s);

    TRACE(i8259_ack, "vector 0x%x", vector);
    return vector;
}

static void init_begin(I8259 *s, uint8_t icw1)
{
    s->imr = 0;
    s->isr = 0;
    s->irr = 0;
    s->lowest = 7;
    s->special_mask = false;
    s->read_isr = false;
    s->poll = false;
    s->auto_eoi = s->rotate_aeoi = s->special_nested = false;
    s->single = icw1 & ICW1_SNGL;
    s->needs_icw4 = icw1 & ICW1_IC4;
    s->level_mode = icw1 & ICW1_LTIM;
    s->expect = EXPECT_ICW2;
    /* Edges must come anew, a level that is there still counts. */
    s->irr = s->lines & level_inputs(s);
    update(s);
}

static void end_of_interrupt(I8259 *s, unsigned n, bool rotate)
{
    s->isr &= ~BIT(n);
    if (rotate) {
        s->lowest = n;
    }
    update(s);
}

static void write_ocw2(I8259 *s, uint8_t value)
{
    unsigned n = value & 7;
    /* Masked inputs are out of a non-specific EOI's reach in special mask mode. */
    unsigned rank = best_rank(s, s->special_mask ? s->isr & ~s->imr : s->isr);

    switch (value >> 5) {
    case 0:
    case 4:
        s->rotate_aeoi = value >> 5 == 4;
        break;
    case 1:
    case 5:
        if (rank < 8) {
            end_of_interrupt(s, rank_input(s, rank), value >> 5 == 5);
        }
        break;
    case 3:
    case 7:
        end_of_interrupt(s, n, value >> 5 == 7);
        break;
    case 6:
        s->lowest = n;
        update(s);
        break;
    default:
        break;
    }
}

static void write_ocw3(I8259 *s, uint8_t value)
{
    if (value & OCW3_P) {
        s->poll = true;
    }
    if (value & OCW3_RR) {
        s->read_isr = value & OCW3_RIS;
    }
    if (value & OCW3_ESMM) {
        s->special_mask = value & OCW3_SMM;
        update(s);
    }
}

static void write_odd(I8259 *s, uint8_t value)
{
    switch (s->expect) {
    case EXPECT_OCW1:
        s->imr = value;
        update(s);
        break;
    case EXPECT_ICW2:
        s->vector_base = value & 0xf8;
        s->expect = !s->single ? EXPECT_ICW3 : s->needs_icw4 ? EXPECT_ICW4 : EXPECT_OCW1;
        break;
    case EXPECT_ICW3:   /* the wiring is the board's */
        s->expect = s->needs_icw4 ? EXPECT_ICW4 : EXPECT_OCW1;
        break;
    case EXPECT_ICW4:
        s->auto_eoi = value & ICW4_AEOI;
        s->special_nested = value & ICW4_SFNM;
        s->expect = EXPECT_OCW1;
        break;
    default:
        break;
    }
}

static void i8259_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8259 *s = opaque;

    TRACE(i8259_write, "master %d port %d value 0x%02x", s->master, (int)offset, (int)value);
    if (offset) {
        write_odd(s, value);
    } else if (value & ICW1) {
        init_begin(s, value);
    } else if (value & OCW3) {
        write_ocw3(s, value);
    } else {
        write_ocw2(s, value);
    }
}

/* The read after a poll command is an acknowledge cycle. */
static uint8_t poll_read(I8259 *s)
{
    int n = request(s);

    s->poll = false;
    if (n < 0) {
        return 0;
    }
    acknowledge(s, n);
    return 0x80 | n;
}

static uint64_t i8259_read(void *opaque, uint64_t offset, unsigned size)
{
    I8259 *s = opaque;
    uint8_t value;

    if (s->poll) {
        value = poll_read(s);
    } else if (offset) {
        value = s->imr;
    } else {
        value = s->read_isr ? s->isr : s->irr;
    }
    TRACE(i8259_read, "master %d port %d value 0x%02x", s->master, (int)offset, value);
    return value;
}

static const IoOps i8259_io = { .read = i8259_read, .write = i8259_write, .max_size = 1 };

static void elcr_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8259 *s = opaque;

    s->elcr = value & s->elcr_mask;
    s->irr = (s->irr & ~s->elcr) | (s->lines & s->elcr);
    update(s);
    TRACE(i8259_elcr, "master %d elcr 0x%02x", s->master, s->elcr);
}

static uint64_t elcr_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((I8259 *)opaque)->elcr;
}

static const IoOps elcr_io = { .read = elcr_read, .write = elcr_write, .max_size = 1 };

static void i8259_reset(Device *dev)
{
    I8259 *s = DEVICE_OF(dev, I8259);

    s->elcr = 0;
    s->vector_base = 0;
    init_begin(s, 0);
    s->expect = EXPECT_OCW1;
}

static bool i8259_realize(Device *dev, Error **errp)
{
    I8259 *s = DEVICE_OF(dev, I8259);

    if (!isa_map_ports(&s->isa, s->iobase, 2, &i8259_io, s, errp)) {
        return false;
    }
    if (s->elcr_addr != UINT32_MAX &&
        !isa_map_ports(&s->isa, s->elcr_addr, 1, &elcr_io, s, errp)) {
        return false;
    }
    device_init_irq_in(dev, input, 8);
    device_init_irq_out(dev, &s->intr);
    return true;
}

static const Prop i8259_props[] = {
    PROP_U32(I8259, iobase, UINT32_MAX, "first of two ports"),
    PROP_U32(I8259, elcr_addr, UINT32_MAX, "port of the edge/level register"),
    PROP_U8(I8259, elcr_mask, 0xff, "inputs that may be made level-triggered"),
    PROP_BOOL(I8259, master, false, "the one that drives the CPU"),
    { }
};

const StateField i8259_state[] = {
    STATE_UINT(I8259, lines),
    STATE_UINT(I8259, irr),
    STATE_UINT(I8259, imr),
    STATE_UINT(I8259, isr),
    STATE_UINT(I8259, elcr),
    STATE_UINT(I8259, vector_base),
    STATE_UINT_MAX(I8259, lowest, 7),
    STATE_UINT_MAX(I8259, expect, EXPECT_ICW4),
    STATE_UINT_MAX(I8259, single, 1),
    STATE_UINT_MAX(I8259, needs_icw4, 1),
    STATE_UINT_MAX(I8259, level_mode, 1),
    STATE_UINT_MAX(I8259, auto_eoi, 1),
    STATE_UINT_MAX(I8259, rotate_aeoi, 1),
    STATE_UINT_MAX(I8259, special_nested, 1),
    STATE_UINT_MAX(I8259, special_mask, 1),
    STATE_UINT_MAX(I8259, read_isr, 1),
    STATE_UINT_MAX(I8259, poll, 1),
    { }
};

static const DeviceType i8259_type = {
    .name = "isa-i8259", .desc = "interrupt controller", .bus = BUS_ISA, .internal = true,
    .category = CATEGORY_MISC, .size = sizeof(I8259), .props = i8259_props,
    .state = i8259_state, .realize = i8259_realize, .reset = i8259_reset,
};
REGISTER_DEVICE(i8259_type)

void i8259_create_pair(IsaBus *bus, IrqLine *intr, IrqLine *inputs[ISA_NR_IRQS])
{
    /* IRQ 0, 1, 2, 8 and 13 are edges by nature (PIIX3 datasheet, ELCR1 and ELCR2). */
    Device *master = device_create("isa-i8259", &bus->bus, "iobase", "0x20", "elcr_addr", "0x4d0",
                                   "elcr_mask", "0xf8", "master", "on", NULL);
    Device *slave = device_create("isa-i8259", &bus->bus, "iobase", "0xa0", "elcr_addr", "0x4d1",
                                  "elcr_mask", "0xde", "master", "off", NULL);

    device_connect_irq_out(master, 0, intr);
    device_connect_irq_out(slave, 0, device_irq_in(master, CASCADE));
    DEVICE_OF(master, I8259)->slave = DEVICE_OF(slave, I8259);
    for (unsigned i = 0; i < 8; i++) {
        inputs[i] = i == CASCADE ? NULL : device_irq_in(master, i);
        inputs[i + 8] = device_irq_in(slave, i);
    }
    vcpu_set_pic(pair_ack, master);
}
