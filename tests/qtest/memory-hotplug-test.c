/* Tests of memory hotplug: pc-dimm, and what the guest is told through ACPI */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define PORT    0x0a00
#define FLAGS   (PORT + 0x14)
#define GPE_STS 0xafe0
#define GPE_MEM 8
#define BASE    0x100000000ULL
#define MIB     (1ULL << 20)

enum { ENABLED = 1, INSERTED = 2, REMOVING = 4, EJECT = 8 };

static QTest *start(const char *more)
{
    return qtest_start("-machine pc -m 64M,slots=3,maxmem=512M "
                       "-object memory-backend-ram,id=a,size=128M "
                       "-object memory-backend-ram,id=b,size=64M "
                       "-object memory-backend-ram,id=c,size=320M %s", more);
}

static void expect_error(QTest *q, const char *args, const char *text)
{
    struct json_object *reply = qtest_qmp_reply(q, "{'execute': 'device_add', 'arguments': "
                                                "{'driver': 'pc-dimm', %s}}", args), *error;

    g_assert_true(json_object_object_get_ex(reply, "error", &error));
    g_assert_cmpstr(json_object_get_string(json_object_object_get(error, "desc")), ==, text);
    json_object_put(reply);
}

static void expect_memory(QTest *q, int64_t plugged)
{
    struct json_object *reply = qtest_qmp(q, "{'execute': 'query-memory-size-summary'}");

    g_assert_cmpint(json_object_get_int64(json_object_object_get(reply, "plugged-memory")), ==,
                    plugged);
    json_object_put(reply);
}

static bool take_event(QTest *q)
{
    bool told = qtest_inb(q, GPE_STS) & GPE_MEM;

    qtest_outb(q, GPE_STS, GPE_MEM);
    return told;
}

static void plug_and_eject(void)
{
    QTest *q = start("-device pc-dimm,id=cold,memdev=b");
    struct json_object *event, *info, *list, *data;

    g_assert_false(take_event(q));
    qtest_writel(q, BASE, 0x12345678);
    g_assert_cmphex(qtest_readl(q, BASE), ==, 0x12345678);
    g_assert_cmphex(qtest_readl(q, BASE + 64 * MIB), ==, 0xffffffff);
    expect_memory(q, 64 * MIB);
    for (unsigned again = 0; again < 2; again++) {
        qtest_qmp_done(q, "{'execute': 'device_add', 'arguments': {'driver': 'pc-dimm', "
                       "'id': 'd', 'memdev': 'a', 'slot': 2}}");
        g_assert_true(take_event(q));
        qtest_outl(q, PORT, 2);
        g_assert_cmphex(qtest_inl(q, PORT), ==, 64 * MIB);
        g_assert_cmphex(qtest_inl(q, PORT + 4), ==, 1);
        g_assert_cmphex(qtest_inl(q, PORT + 8), ==, 128 * MIB);
        g_assert_cmphex(qtest_inl(q, PORT + 12), ==, 0);
        g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED | INSERTED);
        qtest_outb(q, FLAGS, INSERTED);
        qtest_writel(q, BASE + 192 * MIB - 4, 0xabcd);
        g_assert_cmphex(qtest_readl(q, BASE + 192 * MIB - 4), ==, 0xabcd);
        expect_memory(q, 192 * MIB);

        qtest_qmp_done(q, "{'execute': 'device_del', 'arguments': {'id': 'd'}}");
        g_assert_true(take_event(q));
        g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED | REMOVING);
        qtest_outb(q, FLAGS, REMOVING);
        qtest_outl(q, PORT + 4, 3);
        qtest_outl(q, PORT + 8, 0x84);
        event = qtest_qmp_event(q, "ACPI_DEVICE_OST");
        info = json_object_object_get(json_object_object_get(event, "data"), "info");
        g_assert_cmpstr(json_object_get_string(json_object_object_get(info, "slot-type")), ==,
                        "DIMM");
        json_object_put(event);
        qtest_outb(q, FLAGS, EJECT);
        json_object_put(qtest_qmp_event(q, "DEVICE_DELETED"));
        g_assert_cmphex(qtest_inb(q, FLAGS), ==, 0);
        g_assert_cmphex(qtest_readl(q, BASE + 192 * MIB - 4), ==, 0xffffffff);
        expect_memory(q, 64 * MIB);
    }
    list = qtest_qmp(q, "{'execute': 'query-memory-devices'}");
    g_assert_cmpuint(json_object_array_length(list), ==, 1);
    data = json_object_object_get(json_object_array_get_idx(list, 0), "data");
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "memdev")), ==,
                    "/objects/b");
    g_assert_cmphex(json_object_get_int64(json_object_object_get(data, "addr")), ==, BASE);
    json_object_put(list);
    /* Its backend is free, then: the next one may be deleted, this one is in use. */
    qtest_qmp_done(q, "{'execute': 'object-del', 'arguments': {'id': 'a'}}");
    qtest_end(q);
}

static void wrong(void)
{
    QTest *q = start("-device pc-dimm,id=one,memdev=b,slot=1");

    expect_error(q, "'id': 'x'", "'memdev' property is not set");
    expect_error(q, "'memdev': 'nope'", "Device 'nope' not found");
    expect_error(q, "'memdev': 'b'", "can't use already busy memdev: b");
    expect_error(q, "'memdev': 'a', 'slot': 1", "slot 1 is busy");
    expect_error(q, "'memdev': 'a', 'slot': 3", "invalid slot number 3, valid range is [0-2]");
    expect_error(q, "'memdev': 'a', 'addr': 4096", "address must be aligned to 0x200000 bytes");
    expect_error(q, "'memdev': 'a', 'addr': 4294967296",
                 "address range conflicts with memory device id='one'");
    expect_error(q, "'memdev': 'a', 'node': 1",
                 "'DIMM property node has value 1' which exceeds the number of numa nodes: 1");
    qtest_qmp_done(q, "{'execute': 'device_add', 'arguments': {'driver': 'pc-dimm', "
                   "'memdev': 'c'}}");
    expect_error(q, "'memdev': 'a'", "not enough space, currently 0x18000000 in use of total "
                 "space for memory devices 0x1c000000");
    qtest_end(q);
}

QTEST("/memory-hotplug/plug-and-eject", plug_and_eject)
QTEST("/memory-hotplug/wrong", wrong)
