/* The qtest protocol itself: every command, its answers, and what bad lines get */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

static void expect(QTest *q, const char *line, const char *want)
{
    g_autofree char *got = qtest_command(q, "%s", line);

    g_assert_cmpstr(got, ==, want);
}

static void memory(void)
{
    QTest *q = qtest_start("-machine pc -m 128M");

    expect(q, "endianness", "OK little");
    expect(q, "writeq 0x100000 0x1122334455667788", "OK");
    expect(q, "readq 0x100000", "OK 0x1122334455667788");
    expect(q, "readl 0x100002", "OK 0x0000000033445566");
    expect(q, "readb 0x100007", "OK 0x0000000000000011");
    expect(q, "read 0x100000 0x4", "OK 0x88776655");
    expect(q, "write 0x100000 0x4 0xdeadbeef", "OK");
    expect(q, "read 0x100000 5", "OK 0xdeadbeef44");
    expect(q, "memset 0x100001 2 0xaa", "OK");
    expect(q, "memset 0x100001 0 0x55", "OK");
    expect(q, "b64read 0x100000 4", "OK 3qqq7w==");
    expect(q, "b64write 0x100010 3 AQID", "OK");
    expect(q, "read 0x100010 3", "OK 0x010203");
    qtest_end(q);
}

static void bad_lines(void)
{
    QTest *q = qtest_start("-machine none");

    expect(q, "frobnicate 1", "FAIL Unknown command 'frobnicate'");
    expect(q, "write 0x100000 4 0x", "ERR invalid argument size");
    expect(q, "outb 0x10000 1", "ERR port 0x10000 is above 0xffff");
    expect(q, "readb zero", "ERR invalid number 'zero'");
    expect(q, "outb 1", "ERR 'outb' wants 2 arguments");
    expect(q, "irq_intercept_in nothing", "FAIL Unknown device");
    expect(q, "endianness", "OK little");
    qtest_end(q);
}

static void clock_moves(void)
{
    QTest *q = qtest_start("-machine none");

    expect(q, "clock_step 1000", "OK 1000");
    expect(q, "clock_set 5000", "OK 5000");
    expect(q, "clock_set 4000", "OK 5000");
    qtest_end(q);
}

static void qmp(void)
{
    QTest *q = qtest_start("-machine pc -S");
    struct json_object *value, *status;

    value = qtest_qmp(q, "{'execute': 'query-status', 'id': %d}", 1);
    g_assert_true(json_object_object_get_ex(value, "status", &status));
    g_assert_cmpstr(json_object_get_string(status), ==, "prelaunch");
    json_object_put(value);
    qtest_qmp_done(q, "{'execute': 'cont'}");
    qtest_qmp_done(q, "{'execute': 'stop'}");
    json_object_put(qtest_qmp_event(q, "STOP"));
    json_object_put(qtest_qmp_event(q, "RESUME"));
    value = qtest_qmp_reply(q, "{'execute': 'nothing'}");
    g_assert_true(json_object_object_get_ex(value, "error", NULL));
    json_object_put(value);
    qtest_end(q);
}

QTEST("/qtest/memory", memory)
QTEST("/qtest/bad-lines", bad_lines)
QTEST("/qtest/clock", clock_moves)
QTEST("/qtest/qmp", qmp)
