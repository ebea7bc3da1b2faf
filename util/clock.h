/* Host, realtime and virtual clocks; timers on them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ClockType {
    CLOCK_TYPE_REALTIME,    /* monotonic, never stops: user interface, rate limits */
    CLOCK_TYPE_VIRTUAL,     /* the guest's time: stops with the VM, may be stepped */
    CLOCK_TYPE_HOST,        /* wall clock, may jump: RTC */
    NR_CLOCKS,
} ClockType;

#define NS_PER_SECOND 1000000000LL

/* Nanoseconds; virtual counts from 0 at start, host from the Unix epoch. Any thread. */
int64_t clock_ns(ClockType type);

/* Stop and continue virtual time (a stopped VM). It is stopped at start. Main thread. */
void clock_virtual_start(void);
void clock_virtual_stop(void);
/* Under qtest: virtual time moves only by clock_virtual_step_to(). Call before it starts. */
void clock_virtual_set_stepped(void);
bool clock_virtual_is_stepped(void);
/*
 * Move stepped virtual time forward to ns, running timers at their deadlines
 * in order. Main thread; nothing happens when ns is past.
 */
void clock_virtual_step_to(int64_t ns);
/* The earliest deadline of a clock, INT64_MAX when there is none. */
int64_t clock_deadline(ClockType type);

/*
 * A timer runs its function in the main loop with the VM lock held. Arm and
 * disarm from any thread that holds the VM lock. Embed it; timer_init() once,
 * timer_disarm() before the memory goes away.
 */
typedef struct Timer {
    ClockType type;
    int64_t expire_ns;
    void (*fn)(void *opaque);
    void *opaque;
    unsigned slot;          /* place in the clock's heap + 1; 0 = not armed */
} Timer;

void timer_init(Timer *timer, ClockType type, void (*fn)(void *opaque), void *opaque);
/* (Re)arm for an absolute time on the timer's clock; a past one runs at once. */
void timer_arm(Timer *timer, int64_t expire_ns);
void timer_disarm(Timer *timer);
static inline bool timer_armed(const Timer *timer)
{
    return timer->slot != 0;
}

/* For util/loop.c: run what is due; nanoseconds until the next deadline (-1: none). */
void timers_run(void);
int64_t timers_wait_ns(void);

/* a * b / c without overflow of the product, rounding down; c must not be 0. */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
    return (unsigned __int128)a * b / c;
}

#endif
