/* isa-pit: the 8254's three counters */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/timer/i8254-int.h"
#include "util/trace.h"

/* How often counter 0 may wake the host, however small its count. */
#define SHORTEST_NS 20000

static int64_t now_ns(void)
{
    return clock_ns(CLOCK_TYPE_VIRTUAL);
}

/* When tick number ticks after start is over. */
static int64_t tick_ns(const Counter *c, uint64_t ticks)
{
    return c->start_ns + (int64_t)muldiv64(ticks, NS_PER_SECOND, PIT_HZ) + 1;
}

static bool periodic(const Counter *c)
{
    return c->mode == 2 || c->mode == 3;
}

/* Load the new count of a periodic counter whose old period is over. */
static void settle(Counter *c, int64_t now)
{
    if (c->reload_ns && now >= c->reload_ns) {
        c->start_ns = c->reload_ns;
        c->reload_ns = 0;
        c->count = c->next_count;
        c->null_count = false;
    }
    if (!c->count) {
        c->count = 0x10000;     /* from a bad snapshot: never divide by it */
    }
}

static uint64_t ticks_at(Counter *c, int64_t now)
{
    settle(c, now);
    if (!c->running) {
        return c->elapsed;
    }
    return now <= c->start_ns ? 0 : muldiv64(now - c->start_ns, PIT_HZ, NS_PER_SECOND);
}

static uint32_t count_now(Counter *c, int64_t now)
{
    uint64_t d = ticks_at(c, now);
    uint32_t wrap = c->bcd ? 10000 : 0x10000;

    switch (c->mode) {
    case 2:
        return c->count - d % c->count;
    case 3:
        /* Counts down by two, twice a period; odd counts lose one first. */
        return (c->count & ~1u) - 2 * d % MAX(c->count & ~1u, 2);
    default:
        return (c->count + wrap - d % wrap) % wrap;
    }
}

static bool out_at(Counter *c, int64_t now)
{
    uint64_t d = ticks_at(c, now);

    switch (c->mode) {
    case 0:
        return !c->null_count && d >= c->count;
    case 1:
        return !c->triggered || d >= c->count;
    case 2:
        return !c->gate || d % c->count != c->count - 1;
    case 3:
        return !c->gate || d % c->count < (c->count + 1) / 2;
    case 4:
        return d != c->count;
    default:
        return !c->triggered || d != c->count;
    }
}

static uint16_t to_register(const Counter *c, uint32_t value)
{
    if (!c->bcd) {
        return value;
    }
    return value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
}

static uint32_t from_register(const Counter *c, uint16_t value)
{
    uint32_t count = value;

    if (c->bcd) {
        count = (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 +
                (value & 15);
        return count ? MIN(count, 9999) : 10000;
    }
    return count ? count : 0x10000;
}

/* Arm for the next rising edge of counter 0, of interest to the interrupt controllers only. */
static void schedule(I8254 *s)
{
    Counter *c = &s->counter[0];
    int64_t now = now_ns(), at;
    uint64_t d;

    timer_disarm(&s->timer);
    if (!c->running || c->write_high_next) {
        return;
    }
    d = ticks_at(c, now);
    if (c->reload_ns) {
        at = c->reload_ns;
    } else if (periodic(c)) {
        at = tick_ns(c, (d / c->count + 1) * c->count);
    } else if (c->mode == 0 && d < c->count) {
        at = tick_ns(c, c->count);
    } else if (c->mode == 4 && d <= c->count) {
        at = tick_ns(c, c->count + 1);
    } else {
        return;
    }
    timer_arm(&s->timer, periodic(c) ? MAX(at, now + SHORTEST_NS) : at);
}

static void expired(void *opaque)
{
    I8254 *s = opaque;
    Counter *c = &s->counter[0];

    TRACE(i8254_irq, "mode %u count %u", c->mode, c->count);
    if (s->irq_enabled) {
        /* The low part of the output is too short to be seen by anyone but an edge detector. */
        if (c->mode != 0) {
            irq_lower(s->irq);
        }
        irq_raise(s->irq);
    }
    if (periodic(c)) {
        schedule(s);
    }
}

static void start(I8254 *s, Counter *c, uint32_t count)
{
    int64_t now = now_ns();

    settle(c, now);
    if (periodic(c) && c->running && c->gate) {
        /* The period at hand is finished with the old count (datasheet, mode 2). */
        uint64_t d = ticks_at(c, now);

        c->next_count = count;
        c->null_count = true;
        c->reload_ns = tick_ns(c, (d / c->count + 1) * c->count);
    } else {
        c->count = count;
        c->start_ns = now;
        c->elapsed = 0;
        c->reload_ns = 0;
        c->null_count = false;
        c->running = c->gate && c->mode != 1 && c->mode != 5;
    }
    if (c == &s->counter[0]) {
        if (c->mode == 0) {
            irq_lower(s->irq);
        }
        schedule(s);
    }
}

static void write_counter(I8254 *s, Counter *c, uint8_t value)
{
    switch (c->access) {
    case ACCESS_LOW:
        start(s, c, from_register(c, value));
        break;
    case ACCESS_HIGH:
        start(s, c, from_register(c, value << 8));
        break;
    case ACCESS_WORD:
        if (c->write_high_next) {
            c->write_high_next = false;
            start(s, c, from_register(c, value << 8 | c->write_low));
        } else {
            c->write_low = value;
            c->write_high_next = true;
            c->null_count = true;
        }
        break;
    default:
        break;
    }
}

static void latch_count(Counter *c)
{
    if (!c->latched_bytes) {
        c->latch = to_register(c, count_now(c, now_ns()));
        c->latched_bytes = c->access == ACCESS_WORD ? 2 : 1;
        if (c->access == ACCESS_HIGH) {
            c->latch >>= 8;
        }
    }
}

static void latch_status(Counter *c)
{
    int64_t now = now_ns();

    if (!c->status_latched) {
        bool out = out_at(c, now);

        c->status = out << 7 | c->null_count << 6 | c->access << 4 | c->mode << 1 | c->bcd;
        c->status_latched = true;
    }
}

static void set_mode(I8254 *s, Counter *c, uint8_t value)
{
    c->access = value >> 4 & 3;
    c->mode = value >> 1 & 7;
    if (c->mode > 5) {
        c->mode &= 3;   /* the top bit is don't care for modes 2 and 3 */
    }
    c->bcd = value & 1;
    c->write_high_next = c->read_high_next = false;
    c->latched_bytes = 0;
    c->status_latched = false;
    c->running = false;
    c->triggered = false;
    c->null_count = true;
    c->elapsed = 0;
    c->start_ns = 0;
    c->reload_ns = 0;
    if (c == &s->counter[0]) {
        timer_disarm(&s->timer);
        if (c->mode == 0) {
            irq_lower(s->irq);
        }
    }
}

static void write_control(I8254 *s, uint8_t value)
{
    unsigned n = value >> 6;

    if (n < 3 && value & 0x30) {
        set_mode(s, &s->counter[n], value);
        return;
    }
    if (n < 3) {
        latch_count(&s->counter[n]);
        return;
    }
    /* Read-back: bits 5 and 4 low ask for count and status of counters in bits 1 to 3. */
    for (n = 0; n < 3; n++) {
        if (value & BIT(n + 1)) {
            if (!(value & 0x20)) {
                latch_count(&s->counter[n]);
            }
            if (!(value & 0x10)) {
                latch_status(&s->counter[n]);
            }
        }
    }
}

static void i8254_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8254 *s = opaque;

    TRACE(i8254_write, "port %d value 0x%02x", (int)offset, (int)value);
    if (offset == 3) {
        write_control(s, value);
    } else {
        write_counter(s, &s->counter[offset], value);
    }
}

static uint8_t read_counter(Counter *c)
{
    uint16_t value;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->latched_bytes) {
        value = c->latch;
        c->latch >>= 8;
        c->latched_bytes--;
        return value;
    }
    value = to_register(c, count_now(c, now_ns()));
    if (c->access == ACCESS_WORD) {
        c->read_high_next = !c->read_high_next;
        return c->read_high_next ? value : value >> 8;
    }
    return c->access == ACCESS_HIGH ? value >> 8 : value;
}

static uint64_t i8254_read(void *opaque, uint64_t offset, unsigned size)
{
    I8254 *s = opaque;

    return offset == 3 ? 0 : read_counter(&s->counter[offset]);
}

static const IoOps i8254_io = { .read = i8254_read, .write = i8254_write, .max_size = 1 };

void i8254_set_gate(Device *pit, unsigned n, bool gate)
{
    I8254 *s = DEVICE_OF(pit, I8254);
    Counter *c = &s->counter[n];
    int64_t now = now_ns();

    if (c->gate == gate) {
        return;
    }
    if (!gate) {
        c->elapsed = ticks_at(c, now);
        if (c->mode != 1 && c->mode != 5) {
            c->running = false;
        }
    } else if (c->mode == 0 || c->mode == 4) {
        c->running = !c->null_count;
        c->start_ns = now - (int64_t)muldiv64(c->elapsed, NS_PER_SECOND, PIT_HZ);
    } else {
        c->running = true;
        c->triggered = true;
        c->start_ns = now;
        c->elapsed = 0;
    }
    c->gate = gate;
}

bool i8254_gate(Device *pit, unsigned n)
{
    return DEVICE_OF(pit, I8254)->counter[n].gate;
}

bool i8254_out(Device *pit, unsigned n)
{
    return out_at(&DEVICE_OF(pit, I8254)->counter[n], now_ns());
}

static void enable_irq(void *opaque, int n, int level)
{
    I8254 *s = opaque;

    s->irq_enabled = level;
    if (!level) {
        irq_lower(s->irq);
    }
}

static void i8254_reset(Device *dev)
{
    I8254 *s = DEVICE_OF(dev, I8254);

    for (unsigned n = 0; n < 3; n++) {
        Counter *c = &s->counter[n];

        *c = (Counter){ .gate = n != 2, .mode = 3, .access = ACCESS_WORD, .count = 0x10000 };
        if (c->gate) {
            start(s, c, 0x10000);
        }
    }
    s->irq_enabled = true;
}

static bool i8254_realize(Device *dev, Error **errp)
{
    I8254 *s = DEVICE_OF(dev, I8254);

    if (!isa_map_ports(&s->isa, s->iobase, 4, &i8254_io, s, errp)) {
        return false;
    }
    timer_init(&s->timer, CLOCK_TYPE_VIRTUAL, expired, s);
    device_init_irq_in(dev, enable_irq, 1);
    device_init_irq_out(dev, &s->irq);
    return true;
}

static void i8254_unrealize(Device *dev)
{
    timer_disarm(&DEVICE_OF(dev, I8254)->timer);
}

static const Prop i8254_props[] = {
    PROP_U32(I8254, iobase, UINT32_MAX, "first of four ports"),
    { }
};

static const StateField counter_state[] = {
    STATE_UINT_MAX(Counter, count, 0x10000),
    STATE_UINT_MAX(Counter, next_count, 0x10000),
    STATE_UINT(Counter, start_ns),
    STATE_UINT(Counter, reload_ns),
    STATE_UINT(Counter, elapsed),
    STATE_UINT_MAX(Counter, mode, 5),
    STATE_UINT_MAX(Counter, access, ACCESS_WORD),
    STATE_UINT_MAX(Counter, bcd, 1),
    STATE_UINT_MAX(Counter, gate, 1),
    STATE_UINT_MAX(Counter, running, 1),
    STATE_UINT_MAX(Counter, null_count, 1),
    STATE_UINT_MAX(Counter, triggered, 1),
    STATE_UINT(Counter, write_low),
    STATE_UINT_MAX(Counter, write_high_next, 1),
    STATE_UINT_MAX(Counter, read_high_next, 1),
    STATE_UINT(Counter, latch),
    STATE_UINT_MAX(Counter, latched_bytes, 2),
    STATE_UINT(Counter, status),
    STATE_UINT_MAX(Counter, status_latched, 1),
    { }
};

const StateField i8254_state[] = {
    STATE_STRUCT_ARRAY(I8254, counter, counter_state),
    STATE_UINT_MAX(I8254, irq_enabled, 1),
    STATE_TIMER(I8254, timer),
    { }
};

static const DeviceType i8254_type = {
    .name = "isa-pit", .desc = "interval timer", .bus = BUS_ISA, .internal = true,
    .size = sizeof(I8254), .props = i8254_props, .state = i8254_state,
    .realize = i8254_realize, .unrealize = i8254_unrealize, .reset = i8254_reset,
};
REGISTER_DEVICE(i8254_type)

Device *i8254_create(IsaBus *bus, IrqLine *irq0)
{
    Device *dev = device_create("isa-pit", &bus->bus, "iobase", "0x40", NULL);

    device_connect_irq_out(dev, 0, irq0);
    return dev;
}
