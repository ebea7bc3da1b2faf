/* The watchdog: its two stages, the ping, the lock, and what -action watchdog= makes of it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

enum { TIMER1 = 0x00, TIMER2 = 0x04, RELOAD = 0x0c, CONFIG = 0x60, LOCK = 0x68 };

typedef struct Watchdog {
    QTest *q;
    unsigned devfn;
    uint64_t bar;
} Watchdog;

static Watchdog start(const char *action)
{
    Watchdog w = { .q = qtest_start("-machine pc -device i6300esb -action watchdog=%s", action) };
    int devfn = qpci_find(w.q, 0x8086, 0x25ab);

    g_assert_cmpint(devfn, >=, 0);
    w.devfn = devfn;
    w.bar = qpci_map_bar(w.q, w.devfn, 0);
    qpci_enable(w.q, w.devfn);
    return w;
}

static void put(const Watchdog *w, unsigned reg, uint32_t value)
{
    qtest_writew(w->q, w->bar + RELOAD, 0x80);
    qtest_writew(w->q, w->bar + RELOAD, 0x86);
    qtest_writel(w->q, w->bar + reg, value);
}

/* A second is about 1007 units. */
static void arm(const Watchdog *w)
{
    put(w, TIMER1, 1007);
    put(w, TIMER2, 1007);
    put(w, RELOAD, 0x100);
    qpci_writeb(w->q, w->devfn, LOCK, 0x02);
}

static char *wait_action(const Watchdog *w)
{
    struct json_object *event = qtest_qmp_event(w->q, "WATCHDOG"), *data, *action;
    char *text;

    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_true(json_object_object_get_ex(data, "action", &action));
    text = g_strdup(json_object_get_string(action));
    json_object_put(event);
    return text;
}

static bool timed_out(const Watchdog *w)
{
    return qtest_readw(w->q, w->bar + RELOAD) & 0x200;
}

static void expires(void)
{
    Watchdog w = start("pause");
    g_autofree char *action = NULL;

    arm(&w);
    qtest_clock_step(w.q, 1900000000);
    g_assert_false(timed_out(&w));
    put(&w, RELOAD, 0x100);             /* a ping starts both stages anew */
    qtest_clock_step(w.q, 1900000000);
    g_assert_false(timed_out(&w));
    qtest_clock_step(w.q, 200000000);
    g_assert_true(timed_out(&w));
    action = wait_action(&w);
    g_assert_cmpstr(action, ==, "pause");
    json_object_put(qtest_qmp_event(w.q, "STOP"));
    put(&w, RELOAD, 0x200);
    g_assert_false(timed_out(&w));
    qtest_end(w.q);
}

static void locked_and_reset(void)
{
    Watchdog w = start("reset");
    g_autofree char *action = NULL;

    arm(&w);
    qpci_writeb(w.q, w.devfn, LOCK, 0x03);
    qpci_writeb(w.q, w.devfn, LOCK, 0x00);      /* too late */
    g_assert_cmphex(qpci_readb(w.q, w.devfn, LOCK), ==, 0x03);
    qtest_clock_step(w.q, 2100000000);
    action = wait_action(&w);
    g_assert_cmpstr(action, ==, "reset");
    json_object_put(qtest_qmp_event(w.q, "RESET"));
    g_assert_cmphex(qpci_readb(w.q, w.devfn, LOCK), ==, 0x00);
    qtest_end(w.q);
}

static void needs_unlock(void)
{
    Watchdog w = start("none");

    qtest_writel(w.q, w.bar + TIMER1, 1);       /* without the magic writes: nothing */
    qtest_writel(w.q, w.bar + TIMER2, 1);
    qpci_writeb(w.q, w.devfn, LOCK, 0x02);
    qtest_clock_step(w.q, 10000000000);
    g_assert_false(timed_out(&w));
    qpci_writeb(w.q, w.devfn, LOCK, 0x00);
    qpci_writew(w.q, w.devfn, CONFIG, 0x20);    /* no reboot */
    arm(&w);
    qtest_clock_step(w.q, 10000000000);
    g_assert_false(timed_out(&w));
    qtest_end(w.q);
}

QTEST("/i6300esb/expires", expires)
QTEST("/i6300esb/locked-and-reset", locked_and_reset)
QTEST("/i6300esb/needs-unlock", needs_unlock)
