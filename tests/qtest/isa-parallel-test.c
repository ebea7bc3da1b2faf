/* isa-parallel: bytes by the strobe, status, interrupt, ports by index */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include <unistd.h>
#include "tests/qtest/libqtest.h"

enum {
    DATA, STATUS, CONTROL,
    READY = 0x80, NO_ACK = 0x40, IDLE = 0xd8,
    STROBE = 1, INIT = 4, SELECT = 8, IRQ_ENABLE = 0x10, INPUT = 0x20, ON = INIT | SELECT,
};

static void print(QTest *q, uint16_t base, const char *text)
{
    for (; *text; text++) {
        g_assert_cmphex(qtest_inb(q, base + STATUS) & READY, ==, READY);
        qtest_outb(q, base + DATA, *text);
        qtest_outb(q, base + CONTROL, ON | STROBE);
        qtest_outb(q, base + CONTROL, ON);
        qtest_inb(q, base + STATUS);
    }
}

static void prints(void)
{
    g_autofree char *path = g_strdup("/tmp/mica-lpt-XXXXXX"), *text = NULL;
    int fd = g_mkstemp(path);
    QTest *q = qtest_start("-machine pc -parallel none -parallel file:%s", path);

    close(fd);
    g_assert_cmphex(qtest_inb(q, 0x378 + STATUS), ==, 0xff);    /* -parallel none: no LPT1 */
    print(q, 0x278, "a page\f");
    qtest_outb(q, 0x278 + DATA, 'x');
    qtest_outb(q, 0x278 + CONTROL, INIT | STROBE);              /* not selected */
    qtest_outb(q, 0x278 + CONTROL, ON);
    qtest_end(q);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "a page\f");
    unlink(path);
}

static void registers(void)
{
    QTest *q = qtest_start("-machine pc -nodefaults -chardev null,id=c -device isa-parallel,"
                           "chardev=c");

    qtest_irq_intercept_in(q, "ioapic");
    g_assert_cmphex(qtest_inb(q, 0x378 + CONTROL), ==, 0xc0 | ON);
    g_assert_cmphex(qtest_inb(q, 0x378 + STATUS), ==, IDLE);
    qtest_outb(q, 0x378 + DATA, 0x5a);
    g_assert_cmphex(qtest_inb(q, 0x378 + DATA), ==, 0x5a);
    qtest_outb(q, 0x378 + CONTROL, ON | INPUT);
    g_assert_cmphex(qtest_inb(q, 0x378 + DATA), ==, 0xff);
    qtest_outb(q, 0x378 + CONTROL, ON | STROBE);
    g_assert_false(qtest_irq(q, 7));
    g_assert_cmphex(qtest_inb(q, 0x378 + STATUS), ==, IDLE & ~NO_ACK);
    g_assert_cmphex(qtest_inb(q, 0x378 + STATUS), ==, IDLE);
    qtest_outb(q, 0x378 + CONTROL, ON | IRQ_ENABLE);
    qtest_outb(q, 0x378 + CONTROL, ON | IRQ_ENABLE | STROBE);
    g_assert_true(qtest_irq(q, 7));
    qtest_inb(q, 0x378 + STATUS);
    g_assert_false(qtest_irq(q, 7));
    qtest_outb(q, 0x378 + CONTROL, SELECT);
    g_assert_cmphex(qtest_inb(q, 0x378 + STATUS) & READY, ==, 0);   /* in reset */
    qtest_end(q);
}

QTEST("/isa-parallel/prints", prints)
QTEST("/isa-parallel/registers", registers)
