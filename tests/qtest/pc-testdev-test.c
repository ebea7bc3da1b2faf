/* pc-testdev: echo ports and memory, interrupt lines, page flush */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define MEM 0xff000000u

/* Both port ranges show the same four bytes. */
static void echo_ports(void)
{
    QTest *q = qtest_start("-machine pc -device pc-testdev");

    qtest_outl(q, 0xe0, 0x87654321);
    g_assert_cmphex(qtest_inl(q, 0xe0), ==, 0x87654321);
    g_assert_cmphex(qtest_inw(q, 0xe2), ==, 0x8765);
    g_assert_cmphex(qtest_inb(q, 0xe1), ==, 0x43);
    g_assert_cmphex(qtest_inl(q, 0xe8), ==, 0x87654321);
    qtest_outw(q, 0xe2, 0x8866);
    g_assert_cmphex(qtest_inl(q, 0xe0), ==, 0x88664321);
    qtest_outb(q, 0xe3, 0x12);
    qtest_outw(q, 0xe8, 0xabcd);
    g_assert_cmphex(qtest_inl(q, 0xe0), ==, 0x1266abcd);
    qtest_outl(q, 0xe8, 0x01020304);
    g_assert_cmphex(qtest_inl(q, 0xe0), ==, 0x01020304);
    qtest_end(q);
}

static void echo_memory(void)
{
    QTest *q = qtest_start("-machine pc -device pc-testdev");

    qtest_writeq(q, MEM, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(q, MEM), ==, 0x1122334455667788);
    g_assert_cmphex(qtest_readl(q, MEM + 2), ==, 0x33445566);
    g_assert_cmphex(qtest_readb(q, MEM + 7), ==, 0x11);
    qtest_writeb(q, MEM + 0xffff, 0x5a);
    g_assert_cmphex(qtest_readb(q, MEM + 0xffff), ==, 0x5a);
    g_assert_cmphex(qtest_readb(q, MEM + 0x8000), ==, 0);
    qtest_end(q);
}

static void lines(void)
{
    QTest *q = qtest_start("-machine pc -device pc-testdev");

    qtest_irq_intercept_in(q, "ioapic");
    for (unsigned n = 3; n < 24; n++) {
        qtest_outb(q, 0x2000 + n, 1);
        g_assert_cmpint(qtest_irq(q, n), ==, n < 16);
        qtest_outb(q, 0x2000 + n, 0);
        g_assert_false(qtest_irq(q, n));
    }
    qtest_end(q);
}

/* A flushed page keeps its contents and its rights; what is no RAM is left alone. */
static void flush(void)
{
    QTest *q = qtest_start("-machine pc -device pc-testdev");

    qtest_writel(q, 0x200000, 0xcafef00d);
    qtest_outl(q, 0xe4, 0x200123);
    g_assert_cmphex(qtest_readl(q, 0x200000), ==, 0xcafef00d);
    qtest_writel(q, 0x200000, 0x12345678);
    g_assert_cmphex(qtest_readl(q, 0x200000), ==, 0x12345678);
    qtest_outl(q, 0xe4, 0xfec00000);
    qtest_outl(q, 0xe4, 0xfffff000);
    qtest_outl(q, 0xe4, 0xc0000000);
    g_assert_cmphex(qtest_readl(q, 0x200000), ==, 0x12345678);
    qtest_end(q);
}

QTEST("/pc-testdev/echo-ports", echo_ports)
QTEST("/pc-testdev/echo-memory", echo_memory)
QTEST("/pc-testdev/lines", lines)
QTEST("/pc-testdev/flush", flush)
