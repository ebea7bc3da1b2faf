/* apic: the timer: one-shot, periodic, TSC deadline */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/intc/apic-int.h"
#include "util/trace.h"

/*
 * The bus clock is 1 GHz, so a tick is a nanosecond before division. A period
 * shorter than this costs the host more than any guest gets from it.
 */
#define SHORTEST_NS 10000

static unsigned mode(const Apic *s)
{
    return TIMER_MODE(s->lvt[LVT_TIMER]);
}

/* Divide configuration: bits 0, 1 and 3; 111 is by 1, 000 by 2 ... 110 by 128. */
static unsigned shift(const Apic *s)
{
    return (((s->divide & 3) | (s->divide >> 1 & 4)) + 1) & 7;
}

static int64_t period_ns(const Apic *s)
{
    return (int64_t)s->initial_count << shift(s);
}

uint32_t apic_timer_current(const Apic *s)
{
    int64_t elapsed = clock_ns(CLOCK_TYPE_VIRTUAL) - s->timer_start_ns;
    uint64_t ticks = (uint64_t)(elapsed < 0 ? 0 : elapsed) >> shift(s);

    if (!s->initial_count || mode(s) == TIMER_DEADLINE) {
        return 0;
    }
    if (mode(s) == TIMER_PERIODIC) {
        return s->initial_count - ticks % s->initial_count;
    }
    return ticks >= s->initial_count ? 0 : s->initial_count - ticks;
}

static void arm_counter(Apic *s)
{
    int64_t now = clock_ns(CLOCK_TYPE_VIRTUAL), period = period_ns(s), at;

    timer_disarm(&s->timer);
    if (!period) {
        return;
    }
    if (mode(s) == TIMER_PERIODIC) {
        int64_t done = (now - s->timer_start_ns) / period;

        at = s->timer_start_ns + (done + 1) * period;
        timer_arm(&s->timer, MAX(at, now + SHORTEST_NS));
    } else if (mode(s) == TIMER_ONE_SHOT && now < s->timer_start_ns + period) {
        timer_arm(&s->timer, s->timer_start_ns + period);
    }
}

/* Nanoseconds until the guest's TSC is at the deadline; 0 when it is past. */
static int64_t deadline_wait_ns(const Apic *s)
{
    uint64_t hz = accel_tsc_hz(s->cpu), tsc = accel_tsc_read(s->cpu), ns;

    if (tsc >= s->tsc_deadline) {
        return 0;
    }
    ns = muldiv64(s->tsc_deadline - tsc, NS_PER_SECOND, hz);
    return MIN(ns, INT64_MAX / 4) + 1;
}

/* What is past is over at once: the program may look at the next instruction. */
static void arm_deadline(Apic *s)
{
    int64_t wait;

    timer_disarm(&s->timer);
    if (!s->tsc_deadline) {
        return;
    }
    wait = deadline_wait_ns(s);
    if (wait) {
        timer_arm(&s->timer, clock_ns(CLOCK_TYPE_VIRTUAL) + wait);
    } else {
        s->tsc_deadline = 0;
        TRACE(apic_timer, "cpu %u mode %u", s->cpu->index, mode(s));
        apic_local(s, LVT_TIMER);
    }
}

static void expired(void *opaque)
{
    Apic *s = opaque;

    if (mode(s) == TIMER_DEADLINE) {
        if (!s->tsc_deadline) {
            return;
        }
        arm_deadline(s);        /* again, where the TSC and virtual time drifted apart */
        return;
    }
    TRACE(apic_timer, "cpu %u mode %u", s->cpu->index, mode(s));
    apic_local(s, LVT_TIMER);
    if (mode(s) == TIMER_PERIODIC) {
        arm_counter(s);
    }
}

void apic_timer_init(Apic *s)
{
    timer_init(&s->timer, CLOCK_TYPE_VIRTUAL, expired, s);
}

void apic_timer_stop(Apic *s)
{
    timer_disarm(&s->timer);
    s->initial_count = 0;
    s->tsc_deadline = 0;
}

void apic_timer_loaded(Apic *s)
{
    if (mode(s) == TIMER_DEADLINE) {
        arm_deadline(s);
    } else {
        arm_counter(s);
    }
}

void apic_timer_set_initial(Apic *s, uint32_t count)
{
    if (mode(s) == TIMER_DEADLINE) {
        return;
    }
    s->initial_count = count;
    s->timer_start_ns = clock_ns(CLOCK_TYPE_VIRTUAL);
    arm_counter(s);
}

void apic_timer_set_divide(Apic *s, uint32_t divide)
{
    uint32_t left = apic_timer_current(s);
    bool counting = timer_armed(&s->timer);

    s->divide = divide & 0xb;
    if (s->initial_count && mode(s) != TIMER_DEADLINE && counting) {
        s->timer_start_ns = clock_ns(CLOCK_TYPE_VIRTUAL) -
                            ((int64_t)(s->initial_count - left) << shift(s));
        arm_counter(s);
    }
}

void apic_timer_set_deadline(Apic *s, uint64_t tsc)
{
    if (mode(s) != TIMER_DEADLINE) {
        return;
    }
    TRACE(apic_deadline, "cpu %u tsc 0x%" PRIx64, s->cpu->index, tsc);
    s->tsc_deadline = tsc;
    arm_deadline(s);
}

void apic_timer_mode_changed(Apic *s, uint32_t old)
{
    unsigned was = TIMER_MODE(old), is = mode(s);

    if (was == is) {
        return;
    }
    if (was == TIMER_DEADLINE || is == TIMER_DEADLINE) {
        apic_timer_stop(s);     /* SDM vol. 3, 11.5.4.1 */
    } else {
        arm_counter(s);
    }
}
