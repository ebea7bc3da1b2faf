/* Tests of CPU hotplug: device_add and device_del, and what the guest is told through ACPI */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define BITMAP  0xaf00
#define SELECT  0xaf00
#define FLAGS   0xaf04
#define COMMAND 0xaf05
#define DATA    0xaf08
#define GPE_STS 0xafe0
#define GPE_CPU 4

enum { ENABLED = 1, INSERTED = 2, REMOVING = 4, EJECT = 8 };

static char *error_of(struct json_object *reply)
{
    struct json_object *error, *desc;
    char *text;

    g_assert_true(json_object_object_get_ex(reply, "error", &error));
    g_assert_true(json_object_object_get_ex(error, "desc", &desc));
    text = g_strdup(json_object_get_string(desc));
    json_object_put(reply);
    return text;
}

static void expect_error(QTest *q, const char *request, const char *text)
{
    g_autofree char *got = error_of(qtest_qmp_reply(q, "%s", request));

    g_assert_cmpstr(got, ==, text);
}

static void add(QTest *q, const char *id, unsigned socket, unsigned core, unsigned thread)
{
    qtest_qmp_done(q, "{'execute': 'device_add', 'arguments': {'driver': 'qemu64-x86_64-cpu', "
                   "'id': '%s', 'socket-id': %u, 'core-id': %u, 'thread-id': %u}}", id, socket,
                   core, thread);
}

static bool take_event(QTest *q)
{
    bool told = qtest_inb(q, GPE_STS) & GPE_CPU;

    qtest_outb(q, GPE_STS, GPE_CPU);
    return told;
}

static unsigned nr_cpus(QTest *q)
{
    struct json_object *list = qtest_qmp(q, "{'execute': 'query-cpus-fast'}");
    unsigned n = json_object_array_length(list);

    json_object_put(list);
    return n;
}

/* The bitmap at first, by APIC ID; it is gone when 0 was written to it. */
static void bitmap(void)
{
    QTest *q = qtest_start("-machine pc -cpu qemu64 "
                           "-smp 2,maxcpus=6,sockets=2,cores=3,threads=1");

    g_assert_cmphex(qtest_inb(q, BITMAP), ==, 3);
    g_assert_cmphex(qtest_inb(q, BITMAP + 31), ==, 0);
    qtest_outb(q, BITMAP, 7);
    add(q, "c", 1, 1, 0);
    g_assert_true(take_event(q));
    g_assert_cmphex(qtest_inb(q, BITMAP), ==, 0x23);        /* a socket's IDs are four apart */
    qtest_outl(q, SELECT, 0);
    g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED);
    qtest_outl(q, SELECT, 4);
    g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED | INSERTED);
    qtest_outb(q, COMMAND, 3);
    g_assert_cmphex(qtest_inl(q, DATA), ==, 5);
    g_assert_cmphex(qtest_inl(q, SELECT), ==, 0);
    qtest_outl(q, SELECT, 6);                               /* no such place */
    g_assert_cmphex(qtest_inb(q, FLAGS), ==, 0);
    g_assert_cmphex(qtest_inl(q, DATA), ==, 0);
    qtest_end(q);
}

static void expect_ost(QTest *q)
{
    struct json_object *event = qtest_qmp_event(q, "ACPI_DEVICE_OST"), *data, *info;

    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_true(json_object_object_get_ex(data, "info", &info));
    g_assert_cmpstr(json_object_to_json_string_ext(info, JSON_C_TO_STRING_PLAIN), ==,
                    "{\"device\":\"c\",\"source\":3,\"status\":132,\"slot\":\"2\","
                    "\"slot-type\":\"CPU\"}");
    json_object_put(event);
}

static void expect_deleted(QTest *q, const char *id)
{
    struct json_object *event = qtest_qmp_event(q, "DEVICE_DELETED"), *data, *member;

    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_true(json_object_object_get_ex(data, "device", &member));
    g_assert_cmpstr(json_object_get_string(member), ==, id);
    json_object_put(event);
}

static void plug_and_eject(void)
{
    QTest *q = qtest_start("-machine pc -cpu qemu64 -smp 1,maxcpus=4,sockets=1,cores=2,threads=2");

    qtest_outl(q, SELECT, 0);
    g_assert_false(take_event(q));
    for (unsigned again = 0; again < 2; again++) {
        add(q, "c", 0, 1, 0);
        g_assert_cmpuint(nr_cpus(q), ==, 2);
        g_assert_true(take_event(q));
        qtest_outl(q, SELECT, 0);
        qtest_outb(q, COMMAND, 0);
        g_assert_cmpuint(qtest_inl(q, DATA), ==, 2);
        g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED | INSERTED);
        qtest_outb(q, FLAGS, INSERTED);
        g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED);

        qtest_qmp_done(q, "{'execute': 'device_del', 'arguments': {'id': 'c'}}");
        g_assert_true(take_event(q));
        qtest_outl(q, SELECT, 0);
        qtest_outb(q, COMMAND, 0);
        g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED | REMOVING);
        qtest_outb(q, FLAGS, REMOVING);
        qtest_outb(q, COMMAND, 1);
        qtest_outl(q, DATA, 3);
        qtest_outb(q, COMMAND, 2);
        qtest_outl(q, DATA, 0x84);                          /* in progress */
        expect_ost(q);
        qtest_outb(q, FLAGS, EJECT);
        expect_deleted(q, "c");
        g_assert_cmphex(qtest_inb(q, FLAGS), ==, 0);
        g_assert_cmpuint(nr_cpus(q), ==, 1);
    }
    /* The boot CPU stays, whatever the guest writes. */
    qtest_outl(q, SELECT, 0);
    qtest_outb(q, FLAGS, EJECT);
    g_assert_cmphex(qtest_inb(q, FLAGS), ==, ENABLED);
    g_assert_cmpuint(nr_cpus(q), ==, 1);
    qtest_end(q);
}

static void wrong(void)
{
#define ADD(model, args) \
    "{'execute': 'device_add', 'arguments': {'driver': '" model "-x86_64-cpu', " args "}}"
    QTest *q = qtest_start("-machine pc -cpu qemu64 -smp 1,maxcpus=4,sockets=2,cores=2,threads=1 "
                           "-device qemu64-x86_64-cpu,id=cold,socket-id=1,core-id=0,thread-id=0");

    g_assert_cmpuint(nr_cpus(q), ==, 2);
    expect_error(q, ADD("qemu64", "'socket-id': 1, 'core-id': 0, 'thread-id': 0"),
                 "CPU[2] with APIC ID 2 exists");
    expect_error(q, ADD("Haswell", "'socket-id': 1, 'core-id': 1, 'thread-id': 0"),
                 "Invalid CPU type, expected cpu type: 'qemu64-x86_64-cpu'");
    expect_error(q, ADD("qemu64", "'socket-id': 2, 'core-id': 0, 'thread-id': 0"),
                 "Invalid CPU socket-id: 2 must be in range 0:1");
    expect_error(q, ADD("qemu64", "'socket-id': 1, 'thread-id': 0"), "CPU core-id is not set");
    expect_error(q, ADD("qemu64", "'apic-id': 9"),
                 "Invalid CPU with APIC ID 9, valid index range 0:3");
    expect_error(q, ADD("qemu64", "'socket-id': 1, 'core-id': 1, 'thread-id': 0, 'aes': true"),
                 "Property 'qemu64-x86_64-cpu.aes' is the CPU model's");
    expect_error(q, "{'execute': 'device_del', 'arguments': {'id': "
                 "'/machine/unattached/device[0]'}}", "Boot CPU is unpluggable");
    g_assert_cmpuint(nr_cpus(q), ==, 2);
    qtest_end(q);
    q = qtest_start("-machine pc,acpi=off -cpu qemu64 -smp 1,maxcpus=2,sockets=2");
    add(q, "c", 1, 0, 0);
    expect_error(q, "{'execute': 'device_del', 'arguments': {'id': 'c'}}",
                 "CPU hot unplug not supported without ACPI");
    qtest_end(q);
}

QTEST("/cpu-hotplug/bitmap", bitmap)
QTEST("/cpu-hotplug/plug-and-eject", plug_and_eject)
QTEST("/cpu-hotplug/wrong", wrong)
