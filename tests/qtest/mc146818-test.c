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

/* The following run on virtual time, so every second is exact. */

static void midnight(void)
{
    QTest *q = qtest_start("-machine pc -rtc base=2028-02-28T23:59:58,clock=vm");

    g_assert_cmphex(get(q, 0), ==, 0x58);
    qtest_clock_step(q, 999700000);
    g_assert_cmphex(get(q, A), ==, 0x26);
    qtest_clock_step(q, 100000);
    g_assert_cmphex(get(q, A), ==, 0xa6);       /* update in progress */
    qtest_clock_step(q, 200000);
    g_assert_cmphex(get(q, A), ==, 0x26);
    g_assert_cmphex(get(q, 0), ==, 0x59);
    qtest_clock_step(q, 1000000000);
    g_assert_cmphex(get(q, 0), ==, 0x00);
    g_assert_cmphex(get(q, 4), ==, 0x00);
    g_assert_cmphex(get(q, 6), ==, 3);          /* Tuesday */
    g_assert_cmphex(get(q, 7), ==, 0x29);
    g_assert_cmphex(get(q, 8), ==, 0x02);
    g_assert_cmphex(get(q, 9), ==, 0x28);
    g_assert_cmphex(get(q, CENTURY), ==, 0x20);
    g_assert_cmphex(get(q, 0x37), ==, 0x20);
    qtest_end(q);
}

static bool irq8(QTest *q)
{
    qtest_outb(q, 0xa0, 0x0a);
    return qtest_inb(q, 0xa0) & 1;
}

/* Edges from here on. */
static void forget_edges(QTest *q)
{
    qtest_outb(q, 0xa0, 0x11);
    qtest_outb(q, 0xa1, 0x70);
    qtest_outb(q, 0xa1, 0x02);
    qtest_outb(q, 0xa1, 0x01);
}

static void alarm_and_update(void)
{
    QTest *q = qtest_start("-machine pc -rtc base=2026-01-01T00:00:00,clock=vm");

    set(q, A, 0x20);        /* no periodic flag in between */
    set(q, 1, 0x05);
    set(q, 3, 0x00);
    set(q, 5, 0xff);        /* any hour */
    get(q, C);
    forget_edges(q);
    set(q, B, H24 | 0x20);
    qtest_clock_step(q, 4900000000);
    g_assert_false(irq8(q));
    g_assert_cmphex(get(q, C), ==, 0x10);       /* updates have been, though not asked for */
    qtest_clock_step(q, 200000000);
    g_assert_true(irq8(q));
    g_assert_cmphex(get(q, C), ==, 0xb0);
    g_assert_cmphex(get(q, C), ==, 0x00);
    forget_edges(q);
    set(q, B, H24 | 0x10);
    qtest_clock_step(q, 800000000);
    g_assert_false(irq8(q));
    qtest_clock_step(q, 200000000);
    g_assert_true(irq8(q));
    g_assert_cmphex(get(q, C), ==, 0x90);
    set(q, B, H24 | SET);   /* no updates while the time is being set */
    qtest_clock_step(q, 3000000000);
    g_assert_cmphex(get(q, C), ==, 0x00);
    g_assert_cmphex(get(q, 0), ==, 0x06);
    qtest_end(q);
}

/* 1024 Hz; the guest sleeps for ten periods. */
static unsigned owed(const char *policy)
{
    QTest *q = qtest_start("-machine pc -rtc base=2026-01-01,clock=vm,driftfix=%s", policy);
    unsigned n = 0;

    set(q, B, H24 | 0x40);
    get(q, C);
    for (unsigned i = 0; i < 10; i++) {
        qtest_clock_step(q, 976562);
    }
    qtest_clock_step(q, 100);
    while (get(q, C) & 0x40) {
        n++;
    }
    qtest_end(q);
    return n;
}

static void lost_ticks(void)
{
    g_assert_cmpuint(owed("none"), ==, 1);
    g_assert_cmpuint(owed("slew"), ==, 10);
}

static void divider(void)
{
    QTest *q = qtest_start("-machine pc -rtc base=2026-01-01T00:00:10,clock=vm");

    qtest_clock_step(q, 300000000);
    set(q, A, 0x76);        /* held in reset */
    qtest_clock_step(q, 5000000000);
    g_assert_cmphex(get(q, 0), ==, 0x10);
    set(q, A, 0x26);        /* the first update comes after half a second */
    qtest_clock_step(q, 490000000);
    g_assert_cmphex(get(q, 0), ==, 0x10);
    qtest_clock_step(q, 20000000);
    g_assert_cmphex(get(q, 0), ==, 0x11);
    qtest_end(q);
}

static void bad_options(void)
{
    static const char *const bad[] = { "base=yesterday", "clock=sun", "driftfix=yes" };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree char *line = g_strdup_printf("-machine none -rtc %s", bad[i]);
        g_autofree char *err = NULL;

        g_assert_cmpint(qtest_run(line, &err), ==, 1);
        g_assert_cmpuint(strlen(err), >, 0);
    }
}

/* The host learns that the guest set its clock, and by how much. */
static void change_is_told(void)
{
    QTest *q = qtest_start("-machine pc -rtc base=2026-01-01T00:00:00");
    struct json_object *event, *data, *offset;

    qtest_outb(q, 0x70, 0x0b);
    qtest_outb(q, 0x71, 0x82);          /* SET, 24 hours */
    qtest_outb(q, 0x70, 0x04);
    qtest_outb(q, 0x71, 0x01);          /* one o'clock */
    qtest_outb(q, 0x70, 0x0b);
    qtest_outb(q, 0x71, 0x02);
    event = qtest_qmp_event(q, "RTC_CHANGE");
    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_true(json_object_object_get_ex(data, "offset", &offset));
    g_assert_cmpint(json_object_get_int64(offset), ==, 3600);
    json_object_put(event);
    qtest_end(q);
}
QTEST("/rtc/change-is-told", change_is_told)
QTEST("/rtc/memory", memory)
QTEST("/rtc/formats", formats)
QTEST("/rtc/nonsense", nonsense)
QTEST("/rtc/periodic", periodic)
QTEST("/rtc/midnight", midnight)
QTEST("/rtc/alarm", alarm_and_update)
QTEST("/rtc/lost-ticks", lost_ticks)
QTEST("/rtc/divider", divider)
QTEST("/rtc/bad-options", bad_options)
