/* port92, pvpanic, isa-debugcon, i8257: small ports */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

static void a20_and_reset(void)
{
    QTest *q = qtest_start("-machine pc");

    qtest_outb(q, 0x92, 0x02);
    g_assert_cmphex(qtest_inb(q, 0x92), ==, 0x02);
    qtest_outb(q, 0x92, 0x00);
    g_assert_cmphex(qtest_inb(q, 0x92), ==, 0x00);
    qtest_end(q);
}

static void panic_port(void)
{
    QTest *q = qtest_start("-machine pc -device pvpanic");

    g_assert_cmphex(qtest_inb(q, 0x505), ==, 0x03);
    qtest_outb(q, 0x505, 0x80);
    g_assert_cmphex(qtest_inb(q, 0x505), ==, 0x03);
    qtest_end(q);

    q = qtest_start("-machine pc -device pvpanic,events=1,ioport=0x600");
    g_assert_cmphex(qtest_inb(q, 0x600), ==, 0x01);
    qtest_end(q);
}

static void debugcon_wants_chardev(void)
{
    g_autofree char *err = NULL;

    g_assert_cmpint(qtest_run("-machine pc -device isa-debugcon", &err), ==, 1);
    g_assert_nonnull(strstr(err, "empty char device"));
}

static void debugcon(void)
{
    g_autofree char *folder = g_dir_make_tmp("mica-debugcon-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "log", NULL), *text = NULL;
    QTest *q = qtest_start("-machine pc -chardev file,id=c,path=%s "
                           "-device isa-debugcon,chardev=c,iobase=0x402", path);

    g_assert_cmphex(qtest_inb(q, 0x402), ==, 0xe9);
    for (const char *c = "hello"; *c; c++) {
        qtest_outb(q, 0x402, *c);
    }
    qtest_end(q);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello");
    unlink(path);
    rmdir(folder);
}

static void dma_registers(void)
{
    static const uint16_t bases[] = { 0x00, 0xc0 };
    QTest *q = qtest_start("-machine pc");

    for (unsigned chip = 0; chip < 2; chip++) {
        unsigned base = bases[chip], step = 1 << chip;

        qtest_outb(q, base + 13 * step, 0);         /* master clear */
        g_assert_cmphex(qtest_inb(q, base + 15 * step), ==, 0xff);
        qtest_outb(q, base + 4 * step, 0x34);
        qtest_outb(q, base + 4 * step, 0x12);
        g_assert_cmphex(qtest_inb(q, base + 4 * step), ==, 0x34);
        g_assert_cmphex(qtest_inb(q, base + 4 * step), ==, 0x12);
        qtest_inb(q, base + 4 * step);
        qtest_outb(q, base + 12 * step, 0);         /* flip-flop back to the low byte */
        g_assert_cmphex(qtest_inb(q, base + 4 * step), ==, 0x34);
        qtest_outb(q, base + 14 * step, 0);
        g_assert_cmphex(qtest_inb(q, base + 15 * step), ==, 0xf0);
        qtest_outb(q, base + 10 * step, 0x06);
        g_assert_cmphex(qtest_inb(q, base + 15 * step), ==, 0xf4);
    }
    for (unsigned port = 0x80; port < 0x90; port++) {
        if (port != 0x80) {
            qtest_outb(q, port, port ^ 0x55);
        }
    }
    g_assert_cmphex(qtest_inb(q, 0x81), ==, 0x81 ^ 0x55);
    g_assert_cmphex(qtest_inb(q, 0x8f), ==, 0x8f ^ 0x55);
    qtest_end(q);
}

QTEST("/port92/registers", a20_and_reset)
QTEST("/pvpanic/port", panic_port)
QTEST("/debugcon/no-chardev", debugcon_wants_chardev)
QTEST("/dma/registers", dma_registers)
QTEST("/debugcon/file", debugcon)
