/* ioapic and apic: redirection to the local APIC's request register, its timer, IPIs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define IOAPIC 0xfec00000u
#define APIC   0xfee00000u

static uint32_t io_read(QTest *q, unsigned reg)
{
    qtest_writel(q, IOAPIC, reg);
    return qtest_readl(q, IOAPIC + 0x10);
}

static void io_write(QTest *q, unsigned reg, uint32_t value)
{
    qtest_writel(q, IOAPIC, reg);
    qtest_writel(q, IOAPIC + 0x10, value);
}

static void redirect(QTest *q, unsigned pin, uint32_t low, uint8_t dest)
{
    io_write(q, 0x11 + 2 * pin, (uint32_t)dest << 24);
    io_write(q, 0x10 + 2 * pin, low);
}

static bool requested(QTest *q, uint8_t vector)
{
    return qtest_readl(q, APIC + 0x200 + vector / 32 * 0x10) >> (vector & 31) & 1;
}

static bool level_mode(QTest *q, uint8_t vector)
{
    return qtest_readl(q, APIC + 0x180 + vector / 32 * 0x10) >> (vector & 31) & 1;
}

static void raise_kbd(QTest *q, bool aux)
{
    qtest_inb(q, 0x60);
    qtest_outb(q, 0x64, aux ? 0xd3 : 0xd2);
    qtest_outb(q, 0x60, 0x55);
}

static QTest *start(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_writel(q, APIC + 0xf0, 0x1ff);
    return q;
}

static void registers(void)
{
    QTest *q = start();

    g_assert_cmphex(io_read(q, 1), ==, 0x00170020);
    g_assert_cmphex(io_read(q, 0x10), ==, 0x00010000);
    io_write(q, 0, 0xff000000);
    g_assert_cmphex(io_read(q, 0), ==, 0x0f000000);
    redirect(q, 23, 0xffffffff, 0x5a);
    g_assert_cmphex(io_read(q, 0x10 + 46), ==, 0x0001afff);
    g_assert_cmphex(io_read(q, 0x11 + 46), ==, 0x5a000000);
    io_write(q, 0xff, 0x1234);
    g_assert_cmphex(io_read(q, 0xff), ==, 0);
    g_assert_cmphex(io_read(q, 0x40), ==, 0);
    g_assert_cmphex(qtest_readl(q, APIC + 0x30), ==, 0x00050014);
    qtest_end(q);
}

static void edge(void)
{
    QTest *q = start();

    redirect(q, 1, 0x10041, 0);
    raise_kbd(q, false);
    g_assert_false(requested(q, 0x41));
    redirect(q, 1, 0x41, 0);        /* an edge while masked is lost */
    g_assert_false(requested(q, 0x41));
    raise_kbd(q, false);
    g_assert_true(requested(q, 0x41));
    g_assert_false(level_mode(q, 0x41));
    g_assert_cmphex(io_read(q, 0x12), ==, 0x41);
    /* Nobody has that ID. */
    redirect(q, 1, 0x42, 7);
    raise_kbd(q, false);
    g_assert_false(requested(q, 0x42));
    qtest_end(q);
}

static void level(void)
{
    QTest *q = start();

    redirect(q, 12, 0x18050, 0);
    raise_kbd(q, true);
    g_assert_false(requested(q, 0x50));
    redirect(q, 12, 0x08050, 0);    /* a level is still there */
    g_assert_true(requested(q, 0x50));
    g_assert_true(level_mode(q, 0x50));
    g_assert_cmphex(io_read(q, 0x10 + 24), ==, 0x0c050);
    /* The EOI register ends it, and the line that is still up asks again. */
    qtest_writel(q, IOAPIC + 0x40, 0x50);
    g_assert_cmphex(io_read(q, 0x10 + 24), ==, 0x0c050);
    qtest_inb(q, 0x60);
    qtest_writel(q, IOAPIC + 0x40, 0x50);
    g_assert_cmphex(io_read(q, 0x10 + 24), ==, 0x08050);
    qtest_end(q);
}

static void logical(void)
{
    QTest *q = start();

    qtest_writel(q, APIC + 0xd0, 0x02000000);
    redirect(q, 1, 0x00843, 0x06);
    raise_kbd(q, false);
    g_assert_true(requested(q, 0x43));
    redirect(q, 1, 0x00844, 0x05);
    raise_kbd(q, false);
    g_assert_false(requested(q, 0x44));
    /* Cluster model: cluster 2, member 1. */
    qtest_writel(q, APIC + 0xe0, 0x0fffffff);
    qtest_writel(q, APIC + 0xd0, 0x21000000);
    redirect(q, 1, 0x00945, 0x23);  /* lowest priority */
    raise_kbd(q, false);
    g_assert_true(requested(q, 0x45));
    redirect(q, 1, 0x00846, 0x13);
    raise_kbd(q, false);
    g_assert_false(requested(q, 0x46));
    qtest_end(q);
}

static void timer_pin(void)
{
    QTest *q = start();

    redirect(q, 2, 0x60, 0);
    qtest_outb(q, 0x43, 0x34);
    qtest_outb(q, 0x40, 0xa9);      /* 1193 ticks: a millisecond */
    qtest_outb(q, 0x40, 0x04);
    qtest_clock_step(q, 900000);
    g_assert_false(requested(q, 0x60));
    qtest_clock_step(q, 60000000);
    g_assert_true(requested(q, 0x60));
    qtest_end(q);
}

static void apic_timer(void)
{
    QTest *q = start();

    qtest_writel(q, APIC + 0x3e0, 0x3);     /* by 16 */
    qtest_writel(q, APIC + 0x320, 0x70);
    qtest_writel(q, APIC + 0x380, 1000);
    qtest_clock_step(q, 8000);
    g_assert_cmpuint(qtest_readl(q, APIC + 0x390), ==, 500);
    g_assert_false(requested(q, 0x70));
    qtest_clock_step(q, 8000);
    g_assert_cmpuint(qtest_readl(q, APIC + 0x390), ==, 0);
    g_assert_true(requested(q, 0x70));
    /* Periodic: the count begins anew. */
    qtest_writel(q, APIC + 0x320, 0x20071);
    qtest_writel(q, APIC + 0x380, 10000);
    qtest_clock_step(q, 160000 * 3 + 1600);
    g_assert_cmpuint(qtest_readl(q, APIC + 0x390), ==, 9900);
    g_assert_true(requested(q, 0x71));
    qtest_writel(q, APIC + 0x380, 0);
    g_assert_cmpuint(qtest_readl(q, APIC + 0x390), ==, 0);
    qtest_end(q);
}

static void ipi(void)
{
    QTest *q = start();

    qtest_writel(q, APIC + 0x300, 0x40080);     /* self */
    g_assert_true(requested(q, 0x80));
    qtest_writel(q, APIC + 0x300, 0x80081);     /* all */
    g_assert_true(requested(q, 0x81));
    qtest_writel(q, APIC + 0x300, 0xc0082);     /* all but self */
    g_assert_false(requested(q, 0x82));
    qtest_writel(q, APIC + 0x310, 0);
    qtest_writel(q, APIC + 0x300, 0x83);
    g_assert_true(requested(q, 0x83));
    /* A message of a device. */
    qtest_writel(q, APIC + 0x1000 * 0xff, 0x84);
    g_assert_true(requested(q, 0x84));
    qtest_end(q);
}

static void errors(void)
{
    QTest *q = start();

    qtest_writel(q, APIC + 0x370, 0x90);
    qtest_writel(q, APIC + 0x300, 0x40005);     /* vectors below 16 are illegal */
    qtest_writel(q, APIC + 0x280, 0);
    g_assert_cmphex(qtest_readl(q, APIC + 0x280), ==, 0x20);
    g_assert_true(requested(q, 0x90));
    qtest_writel(q, APIC + 0x280, 0);
    g_assert_cmphex(qtest_readl(q, APIC + 0x280), ==, 0x00);
    qtest_readl(q, APIC + 0x40);
    qtest_writel(q, APIC + 0x280, 0);
    g_assert_cmphex(qtest_readl(q, APIC + 0x280), ==, 0x80);
    /* The error entry with an illegal vector of its own must not loop. */
    qtest_writel(q, APIC + 0x370, 0x05);
    qtest_writel(q, APIC + 0x300, 0x40006);
    qtest_writel(q, APIC + 0x280, 0);
    g_assert_cmphex(qtest_readl(q, APIC + 0x280), ==, 0x60);
    qtest_end(q);
}

static void software_disable(void)
{
    QTest *q = start();

    qtest_writel(q, APIC + 0x320, 0x70);
    qtest_writel(q, APIC + 0xf0, 0xff);
    g_assert_cmphex(qtest_readl(q, APIC + 0x320), ==, 0x10070);
    qtest_writel(q, APIC + 0x320, 0x70);
    g_assert_cmphex(qtest_readl(q, APIC + 0x320), ==, 0x10070);
    qtest_writel(q, APIC + 0x300, 0x40080);
    g_assert_false(requested(q, 0x80));
    qtest_end(q);
}

QTEST("/ioapic/registers", registers)
QTEST("/ioapic/edge", edge)
QTEST("/ioapic/level", level)
QTEST("/ioapic/logical", logical)
QTEST("/ioapic/timer-pin", timer_pin)
QTEST("/apic/timer", apic_timer)
QTEST("/apic/ipi", ipi)
QTEST("/apic/errors", errors)
QTEST("/apic/software-disable", software_disable)
