/* pci-bridge: bus numbers, windows, interrupts from behind it, reset of its bus */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

enum {
    BRIDGE = 5 << 3,
    COMMAND = 4, BAR0 = 0x10, PRIMARY = 0x18, IO_BASE = 0x1c, MEMORY_BASE = 0x20,
    PREF_BASE = 0x24, CONTROL = 0x3e,
    BUS_RESET = 0x40,
    PVPANIC = 3 << 3, WINDOW = 0xe1000000, IN_WINDOW = 0xe1234000,
};

static uint32_t config_readl(QTest *q, unsigned bus, unsigned devfn, unsigned reg)
{
    qtest_outl(q, 0xcf8, 1u << 31 | bus << 16 | devfn << 8 | reg);
    return qtest_inl(q, 0xcfc);
}

static void config_writel(QTest *q, unsigned bus, unsigned devfn, unsigned reg, uint32_t value)
{
    qtest_outl(q, 0xcf8, 1u << 31 | bus << 16 | devfn << 8 | reg);
    qtest_outl(q, 0xcfc, value);
}

static QTest *start(void)
{
    return qtest_start("-machine pc -nodefaults -device pci-bridge,id=br,chassis_nr=7,addr=5 "
                       "-device pvpanic-pci,bus=br,addr=3");
}

static void identity(void)
{
    QTest *q = start();
    unsigned cap = qpci_readb(q, BRIDGE, 0x34);

    g_assert_cmphex(qpci_readl(q, BRIDGE, 0), ==, 0x00011b36);
    g_assert_cmphex(qpci_readl(q, BRIDGE, 8) >> 8, ==, 0x060400);
    g_assert_cmphex(qpci_readb(q, BRIDGE, 0x0e), ==, 1);
    g_assert_cmphex(qpci_readb(q, BRIDGE, cap), ==, 4);
    g_assert_cmphex(qpci_readb(q, BRIDGE, cap + 3), ==, 7);
    qpci_writel(q, BRIDGE, MEMORY_BASE, 0xffffffff);
    g_assert_cmphex(qpci_readl(q, BRIDGE, MEMORY_BASE), ==, 0xfff0fff0);
    qpci_writel(q, BRIDGE, PREF_BASE, 0);
    g_assert_cmphex(qpci_readl(q, BRIDGE, PREF_BASE), ==, 0x00010001);
    qtest_end(q);
}

/* Nobody answers behind a bridge before it has its numbers. */
static void numbers(void)
{
    QTest *q = start();

    g_assert_cmphex(config_readl(q, 1, PVPANIC, 0), ==, 0xffffffff);
    qpci_writel(q, BRIDGE, PRIMARY, 0x00030300);
    g_assert_cmphex(config_readl(q, 1, PVPANIC, 0), ==, 0xffffffff);
    g_assert_cmphex(config_readl(q, 3, PVPANIC, 0), ==, 0x00111b36);
    g_assert_cmphex(config_readl(q, 3, 0, 0), ==, 0xffffffff);
    qtest_end(q);
}

static void windows(void)
{
    QTest *q = start();

    qpci_writel(q, BRIDGE, PRIMARY, 0x00010100);
    config_writel(q, 1, PVPANIC, BAR0, IN_WINDOW);
    config_writel(q, 1, PVPANIC, COMMAND, 2);
    g_assert_cmphex(qtest_readb(q, IN_WINDOW), !=, 3);      /* the window is closed */
    qpci_writel(q, BRIDGE, MEMORY_BASE, (WINDOW | 0x00f00000) | WINDOW >> 16);
    qpci_writel(q, BRIDGE, PREF_BASE, 0x0000fff0);
    g_assert_cmphex(qtest_readb(q, IN_WINDOW), !=, 3);      /* the bridge decodes nothing yet */
    qpci_writew(q, BRIDGE, COMMAND, 7);
    g_assert_cmphex(qtest_readb(q, IN_WINDOW), ==, 3);      /* pvpanic's events */
    qpci_writel(q, BRIDGE, MEMORY_BASE, 0xe120e130);        /* its limit below its base */
    g_assert_cmphex(qtest_readb(q, IN_WINDOW), !=, 3);
    qpci_writel(q, BRIDGE, PREF_BASE, 0xe120e120);          /* 1 MiB, prefetchable */
    g_assert_cmphex(qtest_readb(q, IN_WINDOW), ==, 3);
    qpci_writew(q, BRIDGE, CONTROL, BUS_RESET);
    g_assert_cmphex(config_readl(q, 1, PVPANIC, BAR0), ==, 0);
    qtest_end(q);
}

static void query(void)
{
    QTest *q = start();

    qtest_qmp_done(q, "{'execute': 'query-pci'}");
    qtest_qmp_done(q, "{'execute': 'system_reset'}");
    json_object_put(qtest_qmp_event(q, "RESET"));
    g_assert_cmphex(qpci_readl(q, BRIDGE, PRIMARY), ==, 0);
    qtest_end(q);
}

QTEST("/pci-bridge/identity", identity)
QTEST("/pci-bridge/numbers", numbers)
QTEST("/pci-bridge/windows", windows)
QTEST("/pci-bridge/query", query)
