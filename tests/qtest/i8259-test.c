/* isa-i8259: initialisation, priorities, EOI, cascade, polling, ELCR */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

enum { MASTER = 0x20, SLAVE = 0xa0, OCW3_POLL = 0x0c, OCW3_IRR = 0x0a, OCW3_ISR = 0x0b };

/* Edge-triggered, vectors 0x30 and 0x38, all inputs open. */
static QTest *start(uint8_t icw4)
{
    QTest *q = qtest_start("-machine pc");

    for (unsigned chip = 0; chip < 2; chip++) {
        unsigned port = chip ? SLAVE : MASTER;

        qtest_outb(q, port, 0x11);
        qtest_outb(q, port + 1, chip ? 0x38 : 0x30);
        qtest_outb(q, port + 1, chip ? 0x02 : 0x04);
        qtest_outb(q, port + 1, icw4);
        qtest_outb(q, port + 1, 0x00);
    }
    qtest_outb(q, MASTER + 1, 0x01);    /* the timer ticks by itself */
    return q;
}

static uint8_t poll(QTest *q, unsigned port)
{
    qtest_outb(q, port, OCW3_POLL);
    return qtest_inb(q, port);
}

static uint8_t ocw3(QTest *q, unsigned port, uint8_t what)
{
    qtest_outb(q, port, what);
    return qtest_inb(q, port);
}

/* A byte put into the keyboard controller's output buffer raises 1 or 12; reading it lowers. */
static void raise_kbd(QTest *q, bool aux)
{
    qtest_inb(q, 0x60);
    qtest_outb(q, 0x64, aux ? 0xd3 : 0xd2);
    qtest_outb(q, 0x60, 0x55);
}

static void registers(void)
{
    QTest *q = start(0x01);

    qtest_outb(q, MASTER + 1, 0xa5);
    g_assert_cmphex(qtest_inb(q, MASTER + 1), ==, 0xa5);
    qtest_outb(q, 0x4d0, 0xff);
    qtest_outb(q, 0x4d1, 0xff);
    g_assert_cmphex(qtest_inb(q, 0x4d0), ==, 0xf8);
    g_assert_cmphex(qtest_inb(q, 0x4d1), ==, 0xde);
    qtest_outb(q, MASTER, 0x11);
    g_assert_cmphex(qtest_inb(q, MASTER + 1), ==, 0x00);
    qtest_end(q);
}

static void edge_and_eoi(void)
{
    QTest *q = start(0x01);

    g_assert_cmphex(poll(q, MASTER), ==, 0);
    raise_kbd(q, false);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_IRR), ==, 0x02);
    qtest_inb(q, 0x60);
    /* The edge stays although the line has fallen. */
    g_assert_cmphex(ocw3(q, MASTER, OCW3_IRR), ==, 0x02);
    g_assert_cmphex(poll(q, MASTER), ==, 0x81);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_ISR), ==, 0x02);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_IRR), ==, 0x00);
    /* In service: the same input again has to wait for the EOI. */
    raise_kbd(q, false);
    g_assert_cmphex(poll(q, MASTER), ==, 0);
    qtest_outb(q, MASTER, 0x20);
    g_assert_cmphex(poll(q, MASTER), ==, 0x81);
    qtest_outb(q, MASTER, 0x61);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_ISR), ==, 0x00);
    qtest_end(q);
}

static void cascade(void)
{
    QTest *q = start(0x01);

    raise_kbd(q, true);
    g_assert_cmphex(ocw3(q, SLAVE, OCW3_IRR), ==, 0x10);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_IRR), ==, 0x04);
    g_assert_cmphex(poll(q, MASTER), ==, 0x82);
    g_assert_cmphex(poll(q, SLAVE), ==, 0x84);
    g_assert_cmphex(ocw3(q, SLAVE, OCW3_ISR), ==, 0x10);
    /* Input 1 is of higher priority than the slave's. */
    raise_kbd(q, false);
    g_assert_cmphex(poll(q, MASTER), ==, 0x81);
    qtest_outb(q, MASTER, 0x20);
    qtest_outb(q, MASTER, 0x20);
    qtest_outb(q, SLAVE, 0x20);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_ISR), ==, 0x00);
    g_assert_cmphex(ocw3(q, SLAVE, OCW3_ISR), ==, 0x00);
    qtest_end(q);
}

static void masks(void)
{
    QTest *q = start(0x01);

    qtest_outb(q, MASTER + 1, 0x03);
    raise_kbd(q, false);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_IRR), ==, 0x02);
    g_assert_cmphex(poll(q, MASTER), ==, 0);
    qtest_outb(q, MASTER + 1, 0x01);
    g_assert_cmphex(poll(q, MASTER), ==, 0x81);
    /* Special mask mode: with input 1 masked its service blocks nobody. */
    raise_kbd(q, true);
    g_assert_cmphex(poll(q, MASTER), ==, 0);
    qtest_outb(q, MASTER, 0x68);
    qtest_outb(q, MASTER + 1, 0x03);
    g_assert_cmphex(poll(q, MASTER), ==, 0x82);
    /* A non-specific EOI passes the masked one by. */
    qtest_outb(q, MASTER, 0x20);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_ISR), ==, 0x02);
    qtest_outb(q, MASTER, 0x48);
    qtest_outb(q, MASTER, 0x20);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_ISR), ==, 0x00);
    qtest_end(q);
}

static void rotation(void)
{
    QTest *q = start(0x01);

    /* Input 1 lowest: the slave on 2 goes first. */
    qtest_outb(q, MASTER, 0xc1);
    raise_kbd(q, false);
    qtest_inb(q, 0x60);
    raise_kbd(q, true);
    g_assert_cmphex(poll(q, MASTER), ==, 0x82);
    qtest_outb(q, MASTER, 0xa0);    /* rotate on EOI: now 2 is the lowest */
    qtest_outb(q, MASTER, 0x20);
    g_assert_cmphex(poll(q, MASTER), ==, 0x81);
    qtest_end(q);
}

static void auto_eoi(void)
{
    QTest *q = start(0x03);

    raise_kbd(q, false);
    g_assert_cmphex(poll(q, MASTER), ==, 0x81);
    g_assert_cmphex(ocw3(q, MASTER, OCW3_ISR), ==, 0x00);
    qtest_end(q);
}

static void level(void)
{
    QTest *q = start(0x01);

    qtest_outb(q, 0x4d1, 0x10);
    raise_kbd(q, true);
    g_assert_cmphex(poll(q, SLAVE), ==, 0x84);
    qtest_outb(q, SLAVE, 0x20);
    g_assert_cmphex(poll(q, SLAVE), ==, 0x84);  /* still up */
    qtest_inb(q, 0x60);
    qtest_outb(q, SLAVE, 0x20);
    g_assert_cmphex(poll(q, SLAVE), ==, 0);
    qtest_end(q);
}

QTEST("/i8259/registers", registers)
QTEST("/i8259/edge-and-eoi", edge_and_eoi)
QTEST("/i8259/cascade", cascade)
QTEST("/i8259/masks", masks)
QTEST("/i8259/rotation", rotation)
QTEST("/i8259/auto-eoi", auto_eoi)
QTEST("/i8259/level", level)
