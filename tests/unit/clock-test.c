/* Timers: order, rearming, and how long the main loop may sleep */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/clock.h"

static GString *order;

static void note(void *opaque)
{
    g_string_append(order, opaque);
}

static void in_order(void)
{
    Timer timers[8];
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    static const int at[] = { 3, 7, 1, 0, 6, 2, 5, 4 };

    order = g_string_new(NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
        timer_init(&timers[i], CLOCK_TYPE_REALTIME, note, (void *)names[at[i]]);
        timer_arm(&timers[i], at[i] + 1);
    }
    timer_disarm(&timers[2]);           /* b */
    timer_arm(&timers[3], 20);          /* a goes last */
    timers_run();
    g_assert_cmpstr(order->str, ==, "cdefgha");
    g_assert_cmpint(clock_deadline(CLOCK_TYPE_REALTIME), ==, INT64_MAX);
    g_string_free(order, true);
}

/* A deadline that passes during the question is one that is due, not "no deadline". */
static void wait_is_never_negative(void)
{
    Timer timer;

    timer_init(&timer, CLOCK_TYPE_REALTIME, note, NULL);
    g_assert_cmpint(timers_wait_ns(), ==, -1);
    for (int i = 0; i < 200000; i++) {
        timer_arm(&timer, clock_ns(CLOCK_TYPE_REALTIME) + i % 400);
        g_assert_cmpint(timers_wait_ns(), >=, 0);
    }
    timer_disarm(&timer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/in-order", in_order);
    g_test_add_func("/clock/wait-is-never-negative", wait_is_never_negative);
    return g_test_run();
}
