/* Tests of PCI hotplug by ACPI: what the guest is told, and device_add and device_del */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define UP        0xae00
#define DOWN      0xae04
#define EJECT     0xae08
#define REMOVABLE 0xae0c
#define GPE_STS   0xafe0
#define PVPANIC   0x00111b36
#define VGA_SLOT  2

static void expect_error(QTest *q, const char *request, const char *class, const char *text)
{
    struct json_object *reply = qtest_qmp_reply(q, "%s", request), *error, *member;

    g_assert_true(json_object_object_get_ex(reply, "error", &error));
    g_assert_true(json_object_object_get_ex(error, "class", &member));
    g_assert_cmpstr(json_object_get_string(member), ==, class);
    g_assert_true(json_object_object_get_ex(error, "desc", &member));
    g_assert_cmpstr(json_object_get_string(member), ==, text);
    json_object_put(reply);
}

static void expect_deleted(QTest *q, const char *id)
{
    struct json_object *event = qtest_qmp_event(q, "DEVICE_DELETED"), *data, *member;
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);

    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_true(json_object_object_get_ex(data, "device", &member));
    g_assert_cmpstr(json_object_get_string(member), ==, id);
    g_assert_true(json_object_object_get_ex(data, "path", &member));
    g_assert_cmpstr(json_object_get_string(member), ==, path);
    json_object_put(event);
}

static void add(QTest *q, const char *id, unsigned slot)
{
    qtest_qmp_done(q, "{'execute': 'device_add', 'arguments': {'driver': 'pvpanic-pci', "
                   "'id': '%s', 'addr': '%x'}}", id, slot);
    g_assert_cmphex(qpci_readl(q, slot << 3, 0), ==, PVPANIC);
}

static void del(QTest *q, const char *id)
{
    qtest_qmp_done(q, "{'execute': 'device_del', 'arguments': {'id': '%s'}}", id);
}

static void plug_and_eject(void)
{
    QTest *q = qtest_start("-machine pc");

    g_assert_cmphex(qtest_inl(q, UP), ==, 0);
    g_assert_cmphex(qtest_inl(q, REMOVABLE), ==, ~7u);
    add(q, "p", 5);
    g_assert_cmphex(qtest_inw(q, GPE_STS) & 2, ==, 2);
    qtest_outw(q, GPE_STS, 2);
    g_assert_cmphex(qtest_inw(q, GPE_STS) & 2, ==, 0);
    g_assert_cmphex(qtest_inl(q, UP), ==, 1 << 5);
    g_assert_cmphex(qtest_inl(q, UP), ==, 0);
    g_assert_cmphex(qtest_inl(q, DOWN), ==, 0);

    del(q, "p");
    g_assert_cmphex(qtest_inw(q, GPE_STS) & 2, ==, 2);
    g_assert_cmphex(qtest_inl(q, DOWN), ==, 1 << 5);
    g_assert_cmphex(qpci_readl(q, 5 << 3, 0), ==, PVPANIC);
    expect_error(q, "{'execute': 'device_del', 'arguments': {'id': 'p'}}", "GenericError",
                 "Device p is already in the process of unplug");
    qtest_outl(q, EJECT, 1 << 5);
    expect_deleted(q, "p");
    g_assert_cmphex(qtest_inl(q, DOWN), ==, 0);
    g_assert_cmphex(qpci_readl(q, 5 << 3, 0), ==, 0xffffffff);

    /* The name and the slot are free again; a guest may eject without being asked. */
    add(q, "p", 5);
    qtest_outl(q, EJECT, 0xffffffff);
    expect_deleted(q, "p");
    g_assert_cmphex(qpci_readl(q, VGA_SLOT << 3, 0), ==, 0x11111234);
    qtest_end(q);
}

/* Who starts anew has let go; this one was there from the start. */
static void reset(void)
{
    QTest *q = qtest_start("-machine pc -device pvpanic-pci,id=boot,addr=7");

    qtest_qmp_done(q, "{'execute': 'device_del', 'arguments': {'id': "
                   "'/machine/peripheral/boot'}}");
    qtest_qmp_done(q, "{'execute': 'system_reset'}");
    expect_deleted(q, "boot");
    g_assert_cmphex(qpci_readl(q, 7 << 3, 0), ==, 0xffffffff);
    qtest_end(q);
}

static void wrong(void)
{
    QTest *q = qtest_start("-machine pc -device VGA,id=second,addr=9");

    expect_error(q, "{'execute': 'device_add', 'arguments': {'driver': 'VGA'}}", "GenericError",
                 "Device 'VGA' does not support hotplugging");
    expect_error(q, "{'execute': 'device_add', 'arguments': {'driver': 'pvpanic'}}",
                 "GenericError", "Bus 'isa.0' does not support hotplugging");
    expect_error(q, "{'execute': 'device_add', 'arguments': {'id': 'x'}}", "GenericError",
                 "Parameter 'driver' is missing");
    expect_error(q, "{'execute': 'device_del', 'arguments': {'id': 'x'}}", "DeviceNotFound",
                 "Device 'x' not found");
    expect_error(q, "{'execute': 'device_del', 'arguments': {'id': 'second'}}", "GenericError",
                 "Device 'VGA' does not support hotplugging");
    qtest_outl(q, EJECT, 1 << VGA_SLOT | 1 << 9);
    add(q, "p", 4);
    g_assert_cmphex(qpci_readl(q, 9 << 3, 0), ==, 0x11111234);
    qtest_end(q);
}

QTEST("/pci-hotplug/plug-and-eject", plug_and_eject)
QTEST("/pci-hotplug/reset", reset)
QTEST("/pci-hotplug/wrong", wrong)
