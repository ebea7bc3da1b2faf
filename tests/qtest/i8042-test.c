/* i8042: controller commands, keyboard and mouse behind it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

static void command(QTest *q, uint8_t value)
{
    qtest_outb(q, 0x64, value);
}

static uint8_t data(QTest *q)
{
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x01, ==, 0x01);
    return qtest_inb(q, 0x60);
}

static uint8_t aux_data(QTest *q)
{
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x21, ==, 0x21);
    return qtest_inb(q, 0x60);
}

static void mouse(QTest *q, uint8_t value)
{
    command(q, 0xd4);
    qtest_outb(q, 0x60, value);
    g_assert_cmphex(aux_data(q), ==, 0xfa);
}

static void set_mode(QTest *q, uint8_t mode)
{
    command(q, 0x60);
    qtest_outb(q, 0x60, mode);
}

static void controller(void)
{
    QTest *q = qtest_start("-machine pc");

    g_assert_cmphex(qtest_inb(q, 0x64) & 0x35, ==, 0x10);
    command(q, 0xaa);
    g_assert_cmphex(data(q), ==, 0x55);
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x05, ==, 0x04);
    command(q, 0xab);
    g_assert_cmphex(data(q), ==, 0x00);
    command(q, 0xa9);
    g_assert_cmphex(data(q), ==, 0x00);
    command(q, 0x20);
    g_assert_cmphex(data(q), ==, 0x07);
    command(q, 0xad);
    command(q, 0xa7);
    command(q, 0x20);
    g_assert_cmphex(data(q), ==, 0x37);
    command(q, 0x65);
    qtest_outb(q, 0x60, 0xa5);
    command(q, 0x25);
    g_assert_cmphex(data(q), ==, 0xa5);
    command(q, 0xd0);
    g_assert_cmphex(data(q) & 0x03, ==, 0x03);
    command(q, 0xdd);
    command(q, 0xd0);
    g_assert_cmphex(data(q) & 0x03, ==, 0x01);
    for (unsigned i = 0; i < 0xf0; i++) {
        if ((i & 0xe0) != 0x60 && (i < 0xd1 || i > 0xd4)) {
            command(q, i);
            qtest_inb(q, 0x60);
        }
    }
    qtest_end(q);
}

static void keyboard(void)
{
    QTest *q = qtest_start("-machine pc");

    set_mode(q, 0x00);
    qtest_outb(q, 0x60, 0xff);
    g_assert_cmphex(data(q), ==, 0xfa);
    g_assert_cmphex(data(q), ==, 0xaa);
    qtest_outb(q, 0x60, 0xf2);
    g_assert_cmphex(data(q), ==, 0xfa);
    g_assert_cmphex(data(q), ==, 0xab);
    g_assert_cmphex(data(q), ==, 0x83);
    set_mode(q, 0x40);      /* with translation */
    qtest_outb(q, 0x60, 0xf2);
    g_assert_cmphex(data(q), ==, 0xfa);
    g_assert_cmphex(data(q), ==, 0xab);
    g_assert_cmphex(data(q), ==, 0x41);
    set_mode(q, 0x00);
    qtest_outb(q, 0x60, 0xf0);
    g_assert_cmphex(data(q), ==, 0xfa);
    qtest_outb(q, 0x60, 0x03);
    g_assert_cmphex(data(q), ==, 0xfa);
    qtest_outb(q, 0x60, 0xf0);
    g_assert_cmphex(data(q), ==, 0xfa);
    qtest_outb(q, 0x60, 0x00);
    g_assert_cmphex(data(q), ==, 0xfa);
    g_assert_cmphex(data(q), ==, 0x03);
    qtest_outb(q, 0x60, 0xee);
    g_assert_cmphex(data(q), ==, 0xee);
    qtest_outb(q, 0x60, 0x17);
    g_assert_cmphex(data(q), ==, 0xfe);
    qtest_end(q);
}

static void wheel(void)
{
    static const uint8_t knocks[2][3] = { { 200, 100, 80 }, { 200, 200, 80 } };
    static const uint8_t ids[2] = { 3, 4 };
    QTest *q = qtest_start("-machine pc");

    command(q, 0xa8);
    mouse(q, 0xff);
    g_assert_cmphex(aux_data(q), ==, 0xaa);
    g_assert_cmphex(aux_data(q), ==, 0x00);
    mouse(q, 0xf2);
    g_assert_cmphex(aux_data(q), ==, 0);
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < 3; i++) {
            mouse(q, 0xf3);
            mouse(q, knocks[k][i]);
        }
        mouse(q, 0xf2);
        g_assert_cmphex(aux_data(q), ==, ids[k]);
    }
    mouse(q, 0xe8);
    mouse(q, 3);
    mouse(q, 0xf4);
    mouse(q, 0xe9);
    g_assert_cmphex(aux_data(q), ==, 0x20);
    g_assert_cmphex(aux_data(q), ==, 3);
    g_assert_cmphex(aux_data(q), ==, 80);
    /* Poll: a packet of four bytes without news. */
    mouse(q, 0xeb);
    g_assert_cmphex(aux_data(q), ==, 0x08);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(aux_data(q), ==, 0);
    }
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x01, ==, 0);
    qtest_end(q);
}

static void interrupts(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_outb(q, 0x4d1, 0x10);
    qtest_outb(q, 0xa0, 0x0a);
    command(q, 0xd3);
    qtest_outb(q, 0x60, 0x11);
    g_assert_cmphex(qtest_inb(q, 0xa0) & 0x10, ==, 0x10);
    g_assert_cmphex(aux_data(q), ==, 0x11);
    g_assert_cmphex(qtest_inb(q, 0xa0) & 0x10, ==, 0);
    set_mode(q, 0x00);
    command(q, 0xd3);
    qtest_outb(q, 0x60, 0x12);
    g_assert_cmphex(qtest_inb(q, 0xa0) & 0x10, ==, 0);
    set_mode(q, 0x02);      /* the byte still waits */
    g_assert_cmphex(qtest_inb(q, 0xa0) & 0x10, ==, 0x10);
    qtest_end(q);
}

/* The answer to a command comes first, the mouse's byte after it. */
static void answer_keeps_byte(void)
{
    QTest *q = qtest_start("-machine pc");

    command(q, 0xd3);
    qtest_outb(q, 0x60, 0x33);
    command(q, 0x20);
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x21, ==, 0x01);
    g_assert_cmphex(data(q), ==, 0x03);
    g_assert_cmphex(aux_data(q), ==, 0x33);
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x01, ==, 0);
    qtest_end(q);
}

QTEST("/i8042/answer-keeps-byte", answer_keeps_byte)
QTEST("/i8042/controller", controller)
QTEST("/i8042/keyboard", keyboard)
QTEST("/i8042/wheel", wheel)
QTEST("/i8042/interrupts", interrupts)
