/* isa-pit and isa-pcspk: modes, latches, read-back, gate and output of counter 2 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define PIT_HZ 1193182

static void load(QTest *q, unsigned n, uint8_t mode, uint16_t count)
{
    qtest_outb(q, 0x43, n << 6 | 0x30 | mode);
    qtest_outb(q, 0x40 + n, count & 0xff);
    qtest_outb(q, 0x40 + n, count >> 8);
}

static uint16_t latched(QTest *q, unsigned n)
{
    uint16_t low;

    qtest_outb(q, 0x43, n << 6);
    low = qtest_inb(q, 0x40 + n);
    return low | qtest_inb(q, 0x40 + n) << 8;
}

static uint8_t status(QTest *q, unsigned n)
{
    qtest_outb(q, 0x43, 0xe0 | 2 << n);
    return qtest_inb(q, 0x40 + n);
}

/* Time of that many ticks, to the middle of the next one. */
static int64_t ticks(unsigned n)
{
    return (n * 2 + 1) * 500000000LL / PIT_HZ;
}

static void rate_generator(void)
{
    QTest *q = qtest_start("-machine pc");

    load(q, 0, 0x04, 1000);
    qtest_clock_step(q, ticks(300));
    g_assert_cmpuint(latched(q, 0), ==, 700);
    qtest_clock_step(q, ticks(1000) - ticks(0));
    g_assert_cmpuint(latched(q, 0), ==, 700);
    /* A new count waits for the end of the period. */
    qtest_outb(q, 0x40, 0xd0);
    qtest_outb(q, 0x40, 0x07);
    g_assert_cmphex(status(q, 0), ==, 0x80 | 0x40 | 0x34);
    qtest_clock_step(q, ticks(800) - ticks(0));
    g_assert_cmpuint(latched(q, 0), ==, 1900);
    g_assert_cmphex(status(q, 0), ==, 0x80 | 0x34);
    qtest_end(q);
}

static void latch_holds(void)
{
    QTest *q = qtest_start("-machine pc");
    uint8_t low;

    load(q, 0, 0x04, 1000);
    qtest_clock_step(q, ticks(100));
    qtest_outb(q, 0x43, 0x00);
    qtest_clock_step(q, ticks(100));
    qtest_outb(q, 0x43, 0x00);      /* a second latch is ignored */
    low = qtest_inb(q, 0x40);
    g_assert_cmpuint(low | qtest_inb(q, 0x40) << 8, ==, 900);
    /* Low byte only. */
    qtest_outb(q, 0x43, 0x14);
    qtest_outb(q, 0x40, 200);
    qtest_clock_step(q, ticks(50));
    g_assert_cmpuint(qtest_inb(q, 0x40), ==, 150);
    g_assert_cmpuint(qtest_inb(q, 0x40), ==, 150);
    qtest_end(q);
}

static void bcd(void)
{
    QTest *q = qtest_start("-machine pc");

    load(q, 0, 0x05, 0x1000);
    qtest_clock_step(q, ticks(1));
    g_assert_cmphex(latched(q, 0), ==, 0x0999);
    load(q, 0, 0x01, 0);
    qtest_clock_step(q, ticks(1));
    g_assert_cmphex(latched(q, 0), ==, 0x9999);
    qtest_end(q);
}

static void one_shot_by_gate(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_outb(q, 0x61, 0x00);
    load(q, 2, 0x00, 1000);
    qtest_clock_step(q, ticks(2000));
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x2f, ==, 0x00);
    qtest_outb(q, 0x61, 0x01);
    qtest_clock_step(q, ticks(600));
    qtest_outb(q, 0x61, 0x00);      /* holds the count */
    qtest_clock_step(q, ticks(600));
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x2f, ==, 0x00);
    qtest_outb(q, 0x61, 0x01);
    qtest_clock_step(q, ticks(300));
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x2f, ==, 0x01);
    qtest_clock_step(q, ticks(200));
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x2f, ==, 0x21);
    qtest_end(q);
}

static void square_wave(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_outb(q, 0x61, 0x03);
    load(q, 2, 0x06, 1000);
    qtest_clock_step(q, ticks(400));
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x2f, ==, 0x23);
    g_assert_cmpuint(latched(q, 2), ==, 200);
    qtest_clock_step(q, ticks(200));
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x2f, ==, 0x03);
    qtest_end(q);
}

static void refresh_toggles(void)
{
    QTest *q = qtest_start("-machine pc");
    uint8_t before = qtest_inb(q, 0x61) & 0x10;

    qtest_clock_step(q, 15085);
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x10, ==, before ^ 0x10);
    qtest_end(q);
}

static void smallest_counts(void)
{
    QTest *q = qtest_start("-machine pc");

    for (unsigned mode = 0; mode < 8; mode++) {
        for (unsigned count = 0; count < 4; count++) {
            load(q, 0, mode << 1, count);
            load(q, 2, mode << 1, count);
            qtest_clock_step(q, 100000);
            latched(q, 0);
            status(q, 2);
        }
    }
    qtest_end(q);
}

static void interrupt(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_outb(q, 0x20, 0x11);
    load(q, 0, 0x00, 1000);
    qtest_outb(q, 0x20, 0x11);      /* forget edges of before */
    qtest_clock_step(q, ticks(990));
    g_assert_cmphex(qtest_inb(q, 0x20) & 1, ==, 0);
    qtest_clock_step(q, ticks(20));
    g_assert_cmphex(qtest_inb(q, 0x20) & 1, ==, 1);
    qtest_end(q);
}

QTEST("/i8254/rate-generator", rate_generator)
QTEST("/i8254/latch", latch_holds)
QTEST("/i8254/bcd", bcd)
QTEST("/i8254/gate", one_shot_by_gate)
QTEST("/i8254/square-wave", square_wave)
QTEST("/i8254/refresh", refresh_toggles)
QTEST("/i8254/smallest-counts", smallest_counts)
QTEST("/i8254/interrupt", interrupt)
