/* The qtest protocol itself: every command, its answers, and what bad lines get */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

static void expect(QTest *q, const char *line, const char *want)
{
    g_autofree char *got = qtest_command(q, "%s", line);

    g_assert_cmpstr(got, ==, want);
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

QTEST("/qtest/bad-lines", bad_lines)
QTEST("/qtest/clock", clock_moves)
