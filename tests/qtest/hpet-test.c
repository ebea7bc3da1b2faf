/* hpet: counter, one-shot and periodic comparators, legacy replacement */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define HPET 0xfed00000u
enum { CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0, T0 = 0x100, COMPARATOR = 8 };

static void counter(void)
{
    QTest *q = qtest_start("-machine pc");

    g_assert_cmphex(qtest_readq(q, HPET), ==, 0x009896808086a201);
    qtest_clock_step(q, 1000);
    g_assert_cmpuint(qtest_readq(q, HPET + COUNTER), ==, 0);
    qtest_writeq(q, HPET + CONFIG, 1);
    qtest_clock_step(q, 1000);
    g_assert_cmpuint(qtest_readq(q, HPET + COUNTER), ==, 100);
    qtest_writeq(q, HPET + CONFIG, 0);
    qtest_clock_step(q, 1000);
    g_assert_cmpuint(qtest_readl(q, HPET + COUNTER), ==, 100);
    qtest_writeq(q, HPET + COUNTER, 0x1234567890);
    g_assert_cmphex(qtest_readl(q, HPET + COUNTER), ==, 0x34567890);
    g_assert_cmphex(qtest_readl(q, HPET + COUNTER + 4), ==, 0x12);
    g_assert_cmphex(qtest_readq(q, HPET + 0x3f8), ==, 0);
    qtest_end(q);
}

static void one_shot(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_writeq(q, HPET + T0, 0x06 | 2 << 9);      /* level, on, pin 2 */
    qtest_writeq(q, HPET + T0 + COMPARATOR, 1000);
    qtest_writeq(q, HPET + CONFIG, 1);
    qtest_clock_step(q, 9990);
    g_assert_cmphex(qtest_readq(q, HPET + STATUS), ==, 0);
    qtest_clock_step(q, 10);
    g_assert_cmphex(qtest_readq(q, HPET + STATUS), ==, 1);
    qtest_writeq(q, HPET + STATUS, 1);
    g_assert_cmphex(qtest_readq(q, HPET + STATUS), ==, 0);
    qtest_clock_step(q, 1000000);
    g_assert_cmphex(qtest_readq(q, HPET + STATUS), ==, 0);
    qtest_end(q);
}

static void periodic(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_writeq(q, HPET + T0, 0x14e | 2 << 9);     /* 32 bits, set value, periodic */
    qtest_writel(q, HPET + T0 + COMPARATOR, 5000);
    qtest_writel(q, HPET + T0 + COMPARATOR, 2000);
    qtest_writeq(q, HPET + CONFIG, 1);
    qtest_clock_step(q, 50000);
    g_assert_cmphex(qtest_readq(q, HPET + STATUS), ==, 1);
    g_assert_cmpuint(qtest_readq(q, HPET + T0 + COMPARATOR), ==, 7000);
    qtest_writeq(q, HPET + STATUS, 1);
    qtest_clock_step(q, 19000);
    g_assert_cmphex(qtest_readq(q, HPET + STATUS), ==, 0);
    qtest_clock_step(q, 1000);
    g_assert_cmphex(qtest_readq(q, HPET + STATUS), ==, 1);
    /* The shortest period must not hang the host. */
    qtest_writeq(q, HPET + T0, 0x14e | 2 << 9);
    qtest_writel(q, HPET + T0 + COMPARATOR, 1);
    qtest_writel(q, HPET + T0 + COMPARATOR, 0);
    qtest_writel(q, HPET + T0 + COMPARATOR, 1);
    qtest_clock_step(q, 10000000);
    qtest_end(q);
}

static void legacy(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_outb(q, 0x20, 0x11);
    qtest_writeq(q, HPET + T0, 0x04);
    qtest_writeq(q, HPET + T0 + COMPARATOR, 1000000);
    qtest_writeq(q, HPET + CONFIG, 3);
    qtest_outb(q, 0x20, 0x11);
    qtest_clock_step(q, 9000000);
    g_assert_cmphex(qtest_inb(q, 0x20) & 1, ==, 0);
    qtest_clock_step(q, 1000000);
    g_assert_cmphex(qtest_inb(q, 0x20) & 1, ==, 1);
    /* The PIT is cut off. */
    qtest_outb(q, 0x20, 0x11);
    qtest_clock_step(q, 200000000);
    g_assert_cmphex(qtest_inb(q, 0x20) & 1, ==, 0);
    qtest_writeq(q, HPET + CONFIG, 1);
    qtest_clock_step(q, 200000000);
    g_assert_cmphex(qtest_inb(q, 0x20) & 1, ==, 1);
    qtest_end(q);
}

/* Without it the PIT and the RTC have their lines for themselves. */
static void none(void)
{
    QTest *q = qtest_start("-machine pc -no-hpet");

    g_assert_cmphex(qtest_readl(q, HPET), ==, UINT32_MAX);
    qtest_irq_intercept_in(q, "ioapic");
    qtest_outb(q, 0x43, 0x34);          /* the PIT's channel 0, periodically */
    qtest_outb(q, 0x40, 0x00);
    qtest_outb(q, 0x40, 0x10);
    qtest_clock_step(q, 10000000);
    g_assert_true(qtest_irq(q, 0));
    qtest_end(q);
}

QTEST("/hpet/none", none)
QTEST("/hpet/counter", counter)
QTEST("/hpet/one-shot", one_shot)
QTEST("/hpet/periodic", periodic)
QTEST("/hpet/legacy", legacy)
