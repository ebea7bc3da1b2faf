/* Host, realtime and virtual clocks; timers on them, one binary heap a clock */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/clock.h"
#include "util/loop.h"

typedef struct Heap {
    Timer **timers;
    unsigned count, room;
} Heap;

static GMutex heap_lock;        /* leaf: guards the heaps */
static Heap heaps[NR_CLOCKS];

static GMutex virtual_lock;     /* leaf: guards the four below */
static bool virtual_running;
static bool virtual_stepped;
static int64_t virtual_offset;  /* virtual = monotonic - offset while running */
static int64_t virtual_now;     /* while stopped or stepped */

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_SECOND + ts.tv_nsec;
}

static int64_t virtual_ns(void)
{
    int64_t ns;

    g_mutex_lock(&virtual_lock);
    ns = virtual_running && !virtual_stepped ? read_clock(CLOCK_MONOTONIC) - virtual_offset
                                             : virtual_now;
    g_mutex_unlock(&virtual_lock);
    return ns;
}

int64_t clock_ns(ClockType type)
{
    switch (type) {
    case CLOCK_TYPE_VIRTUAL:
        return virtual_ns();
    case CLOCK_TYPE_HOST:
        return read_clock(CLOCK_REALTIME);
    default:
        return read_clock(CLOCK_MONOTONIC);
    }
}

void clock_virtual_start(void)
{
    g_mutex_lock(&virtual_lock);
    if (!virtual_running) {
        virtual_running = true;
        virtual_offset = read_clock(CLOCK_MONOTONIC) - virtual_now;
    }
    g_mutex_unlock(&virtual_lock);
    loop_wake(loop_main());
}

void clock_virtual_stop(void)
{
    g_mutex_lock(&virtual_lock);
    if (virtual_running) {
        virtual_running = false;
        if (!virtual_stepped) {
            virtual_now = read_clock(CLOCK_MONOTONIC) - virtual_offset;
        }
    }
    g_mutex_unlock(&virtual_lock);
}

void clock_virtual_set_stepped(void)
{
    virtual_stepped = true;
}

bool clock_virtual_is_stepped(void)
{
    return virtual_stepped;
}

static void heap_place(Heap *heap, unsigned i, Timer *timer)
{
    heap->timers[i] = timer;
    timer->slot = i + 1;
}

static void heap_up(Heap *heap, unsigned i)
{
    Timer *timer = heap->timers[i];

    while (i) {
        unsigned parent = (i - 1) / 2;

        if (heap->timers[parent]->expire_ns <= timer->expire_ns) {
            break;
        }
        heap_place(heap, i, heap->timers[parent]);
        i = parent;
    }
    heap_place(heap, i, timer);
}

static void heap_down(Heap *heap, unsigned i)
{
    Timer *timer = heap->timers[i];

    for (;;) {
        unsigned child = i * 2 + 1;

        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count &&
            heap->timers[child + 1]->expire_ns < heap->timers[child]->expire_ns) {
            child++;
        }
        if (heap->timers[child]->expire_ns >= timer->expire_ns) {
            break;
        }
        heap_place(heap, i, heap->timers[child]);
        i = child;
    }
    heap_place(heap, i, timer);
}

static void heap_take(Heap *heap, Timer *timer)
{
    unsigned i = timer->slot - 1;
    Timer *last = heap->timers[--heap->count];

    timer->slot = 0;
    if (last != timer) {
        heap_place(heap, i, last);
        heap_up(heap, i);
        heap_down(heap, last->slot - 1);
    }
}

void timer_init(Timer *timer, ClockType type, void (*fn)(void *opaque), void *opaque)
{
    *timer = (Timer){ .type = type, .fn = fn, .opaque = opaque };
}

void timer_arm(Timer *timer, int64_t expire_ns)
{
    Heap *heap = &heaps[timer->type];
    bool first;

    g_mutex_lock(&heap_lock);
    if (timer->slot) {
        heap_take(heap, timer);
    }
    if (heap->count == heap->room) {
        heap->room = heap->room ? heap->room * 2 : 16;
        heap->timers = g_renew(Timer *, heap->timers, heap->room);
    }
    timer->expire_ns = expire_ns;
    heap->timers[heap->count] = timer;
    heap_up(heap, heap->count++);
    first = timer->slot == 1;
    g_mutex_unlock(&heap_lock);
    if (first) {
        loop_wake(loop_main());
    }
}

void timer_disarm(Timer *timer)
{
    g_mutex_lock(&heap_lock);
    if (timer->slot) {
        heap_take(&heaps[timer->type], timer);
    }
    g_mutex_unlock(&heap_lock);
}

int64_t clock_deadline(ClockType type)
{
    int64_t ns = INT64_MAX;

    g_mutex_lock(&heap_lock);
    if (heaps[type].count) {
        ns = heaps[type].timers[0]->expire_ns;
    }
    g_mutex_unlock(&heap_lock);
    return ns;
}

static bool clock_runs(ClockType type)
{
    return type != CLOCK_TYPE_VIRTUAL || (virtual_running && !virtual_stepped);
}

/* Take the first timer that is due at now out of its heap, NULL when none is. */
static Timer *take_due(ClockType type, int64_t now)
{
    Heap *heap = &heaps[type];
    Timer *timer = NULL;

    g_mutex_lock(&heap_lock);
    if (heap->count && heap->timers[0]->expire_ns <= now) {
        timer = heap->timers[0];
        heap_take(heap, timer);
    }
    g_mutex_unlock(&heap_lock);
    return timer;
}

void timers_run(void)
{
    for (ClockType type = 0; type < NR_CLOCKS; type++) {
        int64_t now;
        Timer *timer;

        if (!clock_runs(type)) {
            continue;
        }
        /* One reading for all: a timer that rearms itself in the past waits its turn. */
        now = clock_ns(type);
        while ((timer = take_due(type, now))) {
            timer->fn(timer->opaque);
            if (timer_armed(timer) && timer->expire_ns <= now) {
                break;
            }
        }
    }
}

int64_t timers_wait_ns(void)
{
    int64_t wait = -1;

    for (ClockType type = 0; type < NR_CLOCKS; type++) {
        int64_t deadline = clock_runs(type) ? clock_deadline(type) : INT64_MAX;

        if (deadline != INT64_MAX) {
            /* Read once: MAX() would read a second, later time, and -1 is for ever. */
            int64_t left = deadline - clock_ns(type), ns = MAX(left, 0);

            wait = wait < 0 ? ns : MIN(wait, ns);
        }
    }
    return wait;
}

void clock_virtual_step_to(int64_t ns)
{
    for (;;) {
        int64_t first = clock_deadline(CLOCK_TYPE_VIRTUAL), stop = MIN(first, ns);
        Timer *timer;

        g_mutex_lock(&virtual_lock);
        virtual_now = MAX(virtual_now, stop);
        stop = virtual_now;
        g_mutex_unlock(&virtual_lock);
        while ((timer = take_due(CLOCK_TYPE_VIRTUAL, stop))) {
            timer->fn(timer->opaque);
            if (timer_armed(timer) && timer->expire_ns <= stop) {
                break;
            }
        }
        if (clock_ns(CLOCK_TYPE_VIRTUAL) >= ns) {
            return;
        }
    }
}
