/* hpet: main counter and comparators, periodic mode, legacy replacement, MSI */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/intc/apic.h"
#include "hw/timer/hpet.h"
#include "memory/memory.h"
#include "util/clock.h"
#include "util/trace.h"

/* Register layout: IA-PC HPET specification 1.0a, 2.3. The counter ticks each 10 ns. */
#define MAX_TIMERS   32
#define TICK_NS      10
#define PERIOD_FS    10000000u
#define SHORTEST_NS  10000

enum {
    REG_CAP = 0x000, REG_CONFIG = 0x010, REG_STATUS = 0x020, REG_COUNTER = 0x0f0,
    REG_TIMERS = 0x100, TIMER_CONFIG = 0x00, TIMER_COMPARATOR = 0x08, TIMER_FSB = 0x10,
};
enum { CONFIG_ENABLE = 1 << 0, CONFIG_LEGACY = 1 << 1 };

#define T_LEVEL      BIT64(1)
#define T_ENABLE     BIT64(2)
#define T_PERIODIC   BIT64(3)
#define T_CAN_PERIOD BIT64(4)
#define T_CAN_64     BIT64(5)
#define T_SET_VALUE  BIT64(6)
#define T_FORCE_32   BIT64(8)
#define T_ROUTE(c)   ((c) >> 9 & 0x1f)
#define T_FSB        BIT64(14)
#define T_CAN_FSB    BIT64(15)
#define T_WRITABLE   0x7f4eULL

typedef struct Hpet Hpet;

typedef struct HpetTimer {
    Hpet *hpet;
    uint8_t n;
    uint64_t config, comparator, period, fsb;
    Timer timer;
} HpetTimer;

struct Hpet {
    Device dev;
    MemRegion mmio;
    uint8_t nr_timers;
    bool msi;
    uint32_t intcap;            /* I/O APIC pins the timers may be routed to */
    IrqLine *ioapic[24];
    IrqLine *irq0, *irq8, *pit_enable;
    IrqLine rtc_line;

    uint64_t config, status;
    uint64_t counter;           /* while stopped; otherwise what it was at start_ns */
    int64_t start_ns;
    bool rtc_level;
    HpetTimer timer[MAX_TIMERS];
};

static bool running(const Hpet *s)
{
    return s->config & CONFIG_ENABLE;
}

static bool legacy(const Hpet *s)
{
    return s->config & CONFIG_LEGACY;
}

static uint64_t counter_now(const Hpet *s)
{
    if (!running(s)) {
        return s->counter;
    }
    return s->counter + (uint64_t)(clock_ns(CLOCK_TYPE_VIRTUAL) - s->start_ns) / TICK_NS;
}

static bool is_32bit(const HpetTimer *t)
{
    return t->config & T_FORCE_32;
}

static IrqLine *route(const HpetTimer *t)
{
    const Hpet *s = t->hpet;
    unsigned pin = T_ROUTE(t->config);

    if (legacy(s) && t->n < 2) {
        return t->n ? s->irq8 : s->irq0;
    }
    return pin < 24 && (s->intcap & BIT(pin)) ? s->ioapic[pin] : NULL;
}

static void set_irq(HpetTimer *t, bool on)
{
    Hpet *s = t->hpet;
    IrqLine *line = route(t);

    if (!on) {
        s->status &= ~BIT64(t->n);
        if (!(t->config & T_FSB)) {
            irq_lower(line);
        }
        return;
    }
    TRACE(hpet_irq, "timer %u", t->n);
    if (t->config & T_LEVEL) {
        s->status |= BIT64(t->n);
    }
    if (!(t->config & T_ENABLE)) {
        return;
    }
    if (t->config & T_FSB) {
        apic_deliver_msi(t->fsb >> 32, t->fsb);
    } else if (t->config & T_LEVEL) {
        irq_raise(line);
    } else {
        irq_pulse(line);
    }
}

/* Ticks from now until the counter meets the comparator; at least 1. */
static uint64_t distance(const HpetTimer *t, uint64_t now)
{
    uint64_t ticks = t->comparator - now;

    if (is_32bit(t)) {
        ticks = (uint32_t)ticks;
        return ticks ? ticks : 1ULL << 32;
    }
    return ticks;
}

static void arm(HpetTimer *t)
{
    uint64_t now = counter_now(t->hpet), ticks;
    int64_t now_ns = clock_ns(CLOCK_TYPE_VIRTUAL);

    timer_disarm(&t->timer);
    if (!running(t->hpet)) {
        return;
    }
    /* A 64-bit comparator behind the counter meets it in millennia: never. */
    ticks = distance(t, now);
    if (ticks == 0 || ticks > INT64_MAX / 2 / TICK_NS) {
        return;
    }
    timer_arm(&t->timer, now_ns + MAX((int64_t)ticks * TICK_NS,
                                      t->config & T_PERIODIC ? SHORTEST_NS : 1));
}

/* A periodic comparator moves on by whole periods until it is ahead again. */
static void advance(HpetTimer *t, uint64_t now)
{
    uint64_t behind;

    if (is_32bit(t)) {
        behind = (uint32_t)(now - t->comparator);
        t->comparator = (uint32_t)(t->comparator + (behind / t->period + 1) * t->period);
    } else {
        behind = now - t->comparator;
        t->comparator += (behind / t->period + 1) * t->period;
    }
}

static void expired(void *opaque)
{
    HpetTimer *t = opaque;

    if ((t->config & T_PERIODIC) && t->period) {
        advance(t, counter_now(t->hpet));
        arm(t);
    } else if (is_32bit(t)) {
        arm(t);     /* the low half comes around again */
    }
    set_irq(t, true);
}

static uint64_t capabilities(const Hpet *s)
{
    return (uint64_t)PERIOD_FS << 32 | 0x8086u << 16 | 1 << 15 | 1 << 13 |
           (s->nr_timers - 1) << 8 | 0x01;
}

static uint64_t read_timer(const HpetTimer *t, unsigned reg)
{
    switch (reg) {
    case TIMER_CONFIG:
        return t->config | T_CAN_PERIOD | T_CAN_64 | (t->hpet->msi ? T_CAN_FSB : 0) |
               (uint64_t)t->hpet->intcap << 32;
    case TIMER_COMPARATOR:
        return t->comparator;
    case TIMER_FSB:
        return t->fsb;
    default:
        return 0;
    }
}

static uint64_t read_reg(const Hpet *s, unsigned reg)
{
    if (reg >= REG_TIMERS) {
        unsigned n = (reg - REG_TIMERS) / 0x20;

        return n < s->nr_timers ? read_timer(&s->timer[n], reg & 0x18) : 0;
    }
    switch (reg) {
    case REG_CAP:
        return capabilities(s);
    case REG_CONFIG:
        return s->config;
    case REG_STATUS:
        return s->status;
    case REG_COUNTER:
        return counter_now(s);
    default:
        return 0;
    }
}

static void write_timer_config(HpetTimer *t, uint64_t value)
{
    uint64_t writable = T_WRITABLE & ~(t->hpet->msi ? 0 : T_FSB), old = t->config;

    if ((old ^ value) & (T_LEVEL | T_ENABLE) && (old & T_LEVEL)) {
        irq_lower(route(t));
    }
    t->config = value & writable;
    if (is_32bit(t)) {
        t->comparator = (uint32_t)t->comparator;
        t->period = (uint32_t)t->period;
    }
    if ((t->config & T_LEVEL) && (t->config & T_ENABLE) && (t->hpet->status & BIT64(t->n))) {
        irq_raise(route(t));
    }
    arm(t);
}

/* In periodic mode a write is the period; the comparator itself only after T_SET_VALUE. */
static void write_comparator(HpetTimer *t, uint64_t value)
{
    if (is_32bit(t)) {
        value = (uint32_t)value;
    }
    if (!(t->config & T_PERIODIC) || (t->config & T_SET_VALUE)) {
        t->comparator = value;
    }
    if (t->config & T_PERIODIC) {
        t->period = value;
    }
    t->config &= ~T_SET_VALUE;
    arm(t);
}

static void write_config(Hpet *s, uint64_t value)
{
    uint64_t old = s->config;
    int64_t now = clock_ns(CLOCK_TYPE_VIRTUAL);

    value &= CONFIG_ENABLE | CONFIG_LEGACY;
    if ((old & CONFIG_ENABLE) && !(value & CONFIG_ENABLE)) {
        s->counter = counter_now(s);
    }
    s->config = value;
    if (!(old & CONFIG_ENABLE) && (value & CONFIG_ENABLE)) {
        s->start_ns = now;
    }
    if ((old ^ value) & CONFIG_LEGACY) {
        irq_set(s->pit_enable, !legacy(s));
        irq_lower(s->irq0);
        irq_set(s->irq8, !legacy(s) && s->rtc_level);
    }
    for (unsigned n = 0; n < s->nr_timers; n++) {
        arm(&s->timer[n]);
    }
}

static void write_reg(Hpet *s, unsigned reg, uint64_t value)
{
    if (reg >= REG_TIMERS) {
        unsigned n = (reg - REG_TIMERS) / 0x20;
        HpetTimer *t = &s->timer[n];

        if (n >= s->nr_timers) {
            return;
        }
        switch (reg & 0x18) {
        case TIMER_CONFIG:
            write_timer_config(t, value);
            break;
        case TIMER_COMPARATOR:
            write_comparator(t, value);
            break;
        case TIMER_FSB:
            t->fsb = value;
            break;
        default:
            break;
        }
        return;
    }
    switch (reg) {
    case REG_CONFIG:
        write_config(s, value);
        break;
    case REG_STATUS:
        for (unsigned n = 0; n < s->nr_timers; n++) {
            if (value & s->status & BIT64(n)) {
                set_irq(&s->timer[n], false);
            }
        }
        break;
    case REG_COUNTER:
        s->counter = value;     /* only defined while stopped */
        s->start_ns = clock_ns(CLOCK_TYPE_VIRTUAL);
        for (unsigned n = 0; n < s->nr_timers; n++) {
            arm(&s->timer[n]);
        }
        break;
    default:
        break;
    }
}

static uint64_t hpet_read(void *opaque, uint64_t offset, unsigned size)
{
    uint64_t value = read_reg(opaque, offset & ~7ULL);

    return size == 8 ? value : (uint32_t)(value >> 8 * (offset & 4));
}

static void hpet_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Hpet *s = opaque;
    unsigned reg = offset & ~7ULL;

    TRACE(hpet_write, "reg 0x%03x value 0x%" PRIx64 " size %u", (int)offset, value, size);
    if (size == 4) {
        unsigned shift = 8 * (offset & 4);
        uint64_t other = ~(0xffffffffULL << shift);

        if (reg == REG_STATUS) {
            other = 0;      /* write 1 to clear: the other half must not be */
        }
        /* T_SET_VALUE lasts for both halves of a comparator written in two. */
        if (reg >= REG_TIMERS && (reg & 0x18) == TIMER_COMPARATOR && !shift) {
            HpetTimer *t = &s->timer[(reg - REG_TIMERS) / 0x20];
            uint64_t set = t->config & T_SET_VALUE;

            write_reg(s, reg, (read_reg(s, reg) & other) | value);
            t->config |= is_32bit(t) ? 0 : set;
            return;
        }
        value = (read_reg(s, reg) & other) | value << shift;
    }
    write_reg(s, reg, value);
}

static const IoOps hpet_io = {
    .read = hpet_read, .write = hpet_write, .min_size = 4, .max_size = 8,
};

static void rtc_irq(void *opaque, int n, int level)
{
    Hpet *s = opaque;

    s->rtc_level = level;
    if (!legacy(s)) {
        irq_set(s->irq8, level);
    }
}

static void hpet_reset(Device *dev)
{
    Hpet *s = DEVICE_OF(dev, Hpet);

    s->config = 0;
    s->status = 0;
    s->counter = 0;
    for (unsigned n = 0; n < s->nr_timers; n++) {
        HpetTimer *t = &s->timer[n];

        timer_disarm(&t->timer);
        t->config = 0;
        t->comparator = UINT64_MAX;
        t->period = 0;
        t->fsb = 0;
    }
    irq_raise(s->pit_enable);
}

static bool hpet_realize(Device *dev, Error **errp)
{
    Hpet *s = DEVICE_OF(dev, Hpet);

    if (s->nr_timers < 3 || s->nr_timers > MAX_TIMERS) {
        error_set(errp, "timers: %u is not in 3 to %d", s->nr_timers, MAX_TIMERS);
        return false;
    }
    for (unsigned n = 0; n < s->nr_timers; n++) {
        s->timer[n].hpet = s;
        s->timer[n].n = n;
        timer_init(&s->timer[n].timer, CLOCK_TYPE_VIRTUAL, expired, &s->timer[n]);
    }
    s->rtc_line = (IrqLine){ rtc_irq, s, 0 };
    region_init_io(&s->mmio, &dev->obj, &hpet_io, s, "hpet", 0x400);
    return true;
}

static void hpet_unrealize(Device *dev)
{
    Hpet *s = DEVICE_OF(dev, Hpet);

    for (unsigned n = 0; n < s->nr_timers; n++) {
        timer_disarm(&s->timer[n].timer);
    }
    region_remove(&s->mmio);
    region_destroy(&s->mmio);
}

static const Prop hpet_props[] = {
    PROP_U8_AS("timers", Hpet, nr_timers, 3, "number of timers, 3 to 32"),
    PROP_BOOL(Hpet, msi, false, "timers can send messages instead of driving a pin"),
    PROP_U32_AS("hpet-intcap", Hpet, intcap, 0, "I/O APIC pins that timers may be routed to"),
    { }
};

static const StateField timer_state[] = {
    STATE_UINT(HpetTimer, config),
    STATE_UINT(HpetTimer, comparator),
    STATE_UINT(HpetTimer, period),
    STATE_UINT(HpetTimer, fsb),
    STATE_TIMER(HpetTimer, timer),
    { }
};

static const StateField hpet_state[] = {
    STATE_UINT(Hpet, config),
    STATE_UINT(Hpet, status),
    STATE_UINT(Hpet, counter),
    STATE_UINT(Hpet, start_ns),
    STATE_UINT_MAX(Hpet, rtc_level, 1),
    STATE_STRUCT_ARRAY(Hpet, timer, timer_state),
    { }
};

static const DeviceType hpet_type = {
    .name = "hpet", .desc = "high precision event timers", .internal = true,
    .size = sizeof(Hpet), .props = hpet_props, .state = hpet_state, .realize = hpet_realize,
    .unrealize = hpet_unrealize, .reset = hpet_reset,
};
REGISTER_DEVICE(hpet_type)

Device *hpet_create(uint32_t pins, IrqLine *const ioapic[24], IrqLine *irq0, IrqLine *irq8,
                    IrqLine *pit_enable)
{
    g_autofree char *intcap = g_strdup_printf("%u", pins);
    Device *dev = device_create("hpet", NULL, "hpet-intcap", intcap, NULL);
    Hpet *s = DEVICE_OF(dev, Hpet);

    memcpy(s->ioapic, ioapic, sizeof(s->ioapic));
    s->irq0 = irq0;
    s->irq8 = irq8;
    s->pit_enable = pit_enable;
    region_add(memory_root(), HPET_BASE, &s->mmio, 1);
    return dev;
}

IrqLine *hpet_rtc_line(Device *hpet)
{
    return &DEVICE_OF(hpet, Hpet)->rtc_line;
}
