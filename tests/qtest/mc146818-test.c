/* mc146818rtc: setting and reading in every format, memory, flags */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

enum { A = 10, B = 11, C = 12, D = 13, CENTURY = 0x32, SET = 0x80, BINARY = 0x04, H24 = 0x02 };

static uint8_t get(QTest *q, unsigned reg)
{
    qtest_outb(q, 0x70, reg);
    return qtest_inb(q, 0x71);
}

static void set(QTest *q, unsigned reg, uint8_t value)
{
    qtest_outb(q, 0x70, reg);
    qtest_outb(q, 0x71, value);
}

static void memory(void)
{
    QTest *q = qtest_start("-machine pc");

    set(q, 0x40, 0xa5);
    g_assert_cmphex(get(q, 0x40), ==, 0xa5);
    g_assert_cmphex(get(q, 0x40 | 0x80), ==, 0xa5);
    g_assert_cmphex(get(q, D), ==, 0x80);
    set(q, D, 0);
    g_assert_cmphex(get(q, D), ==, 0x80);
    g_assert_cmphex(get(q, A) & 0x7f, ==, 0x26);
    g_assert_cmphex(qtest_inb(q, 0x70), ==, 0xff);
    qtest_end(q);
}

static void set_all(QTest *q, const uint8_t v[8])
{
    static const uint8_t regs[8] = { 0, 2, 4, 6, 7, 8, 9, CENTURY };

    for (unsigned i = 0; i < 8; i++) {
        set(q, regs[i], v[i]);
    }
}

static void expect_all(QTest *q, const uint8_t v[8])
{
    static const uint8_t regs[8] = { 0, 2, 4, 6, 7, 8, 9, CENTURY };

    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(get(q, regs[i]), ==, v[i]);
    }
}

/* With SET the registers stand still; letting go starts the clock from them. */
static void formats(void)
{
    static const uint8_t bcd[8] = { 0x58, 0x59, 0x23, 0x06, 0x27, 0x02, 0x26, 0x20 };
    static const uint8_t binary[8] = { 58, 59, 23, 6, 27, 2, 26, 20 };
    static const uint8_t bcd12[8] = { 0x58, 0x59, 0x91, 0x06, 0x27, 0x02, 0x26, 0x20 };
    QTest *q = qtest_start("-machine pc");

    set(q, B, SET | H24);
    set_all(q, bcd);
    set(q, B, H24);
    set(q, B, SET | H24);
    expect_all(q, bcd);
    set(q, B, H24);
    set(q, B, H24 | BINARY);        /* another way to show the running time */
    set(q, B, SET | H24 | BINARY);
    expect_all(q, binary);
    set(q, B, SET);
    set_all(q, bcd12);
    set(q, B, 0);
    set(q, B, H24);
    set(q, B, SET | H24);
    g_assert_cmphex(get(q, 4), ==, 0x23);
    set(q, 4, 0x00);
    set(q, B, H24);
    set(q, B, 0);
    set(q, B, SET);
    g_assert_cmphex(get(q, 4), ==, 0x12);       /* midnight */
    qtest_end(q);
}

static void nonsense(void)
{
    QTest *q = qtest_start("-machine pc");

    for (unsigned value = 0; value < 256; value += 17) {
        for (unsigned reg = 0; reg < 10; reg++) {
            set(q, reg, value);
            get(q, reg);
        }
        set(q, CENTURY, value);
        set(q, B, value & 0x7f);
        get(q, C);
    }
    set(q, A, 0x76);
    set(q, A, 0x26);
    get(q, 0);
    qtest_end(q);
}

static void periodic(void)
{
    QTest *q = qtest_start("-machine pc");
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    uint8_t c;

    qtest_outb(q, 0x4d1, 0x00);
    qtest_outb(q, 0xa0, 0x11);      /* IRR shows edges from now */
    qtest_outb(q, 0xa1, 0x70);
    qtest_outb(q, 0xa1, 0x02);
    qtest_outb(q, 0xa1, 0x01);
    set(q, A, 0x26);
    set(q, B, H24 | 0x40);
    while (!(qtest_inb(q, 0xa0) & 1)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    }
    c = get(q, C);
    g_assert_cmphex(c & 0xc0, ==, 0xc0);
    set(q, B, H24);
    get(q, C);
    /* An update each second sets its flag with or without the interrupt. */
    while (!(get(q, C) & 0x10)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    }
    qtest_end(q);
}

QTEST("/rtc/memory", memory)
QTEST("/rtc/formats", formats)
QTEST("/rtc/nonsense", nonsense)
QTEST("/rtc/periodic", periodic)
