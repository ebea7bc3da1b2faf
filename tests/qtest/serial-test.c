/* isa-serial: registers, loopback, FIFOs, interrupts */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

enum { COM1 = 0x3f8, DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6 };
enum { LOOP = 0x10, OUT2 = 0x08 };

static QTest *start(void)
{
    return qtest_start("-machine pc -device isa-serial,index=0");
}

static uint8_t get(QTest *q, unsigned reg)
{
    return qtest_inb(q, COM1 + reg);
}

static void set(QTest *q, unsigned reg, uint8_t value)
{
    qtest_outb(q, COM1 + reg, value);
}

static bool irq4(QTest *q)
{
    qtest_outb(q, 0x20, 0x0a);
    return qtest_inb(q, 0x20) >> 4 & 1;
}

static void level_pic(QTest *q)
{
    qtest_outb(q, 0x4d0, 0x10);     /* IRR then shows the line itself */
}

static void registers(void)
{
    QTest *q = start();

    g_assert_cmphex(get(q, LSR), ==, 0x60);
    g_assert_cmphex(get(q, IIR), ==, 0x01);
    g_assert_cmphex(get(q, MSR), ==, 0xb0);
    set(q, IER, 0xff);
    g_assert_cmphex(get(q, IER), ==, 0x0f);
    set(q, MCR, 0xff);
    g_assert_cmphex(get(q, MCR), ==, 0x1f);
    set(q, 7, 0x5a);
    g_assert_cmphex(get(q, 7), ==, 0x5a);
    set(q, LCR, 0x83);
    g_assert_cmphex(get(q, 0), ==, 12);
    set(q, 0, 0);
    set(q, 1, 0);       /* divisor 0 must not divide */
    set(q, LCR, 0x03);
    set(q, DATA, 'x');
    g_assert_cmphex(get(q, LSR), ==, 0x60 | 0x01);     /* looped: MCR is 0x1f */
    qtest_end(q);
}

static void loopback(void)
{
    QTest *q = start();

    set(q, MCR, LOOP);
    g_assert_cmphex(get(q, MSR) & 0xf0, ==, 0);
    set(q, MCR, LOOP | 0x0f);
    g_assert_cmphex(get(q, MSR), ==, 0xfb);     /* all lines up, ring has no trailing edge */
    g_assert_cmphex(get(q, MSR), ==, 0xf0);
    set(q, DATA, 'a');
    g_assert_cmphex(get(q, LSR), ==, 0x61);
    set(q, DATA, 'b');
    g_assert_cmphex(get(q, LSR), ==, 0x63);     /* overrun */
    g_assert_cmphex(get(q, LSR), ==, 0x61);
    g_assert_cmphex(get(q, DATA), ==, 'b');
    g_assert_cmphex(get(q, LSR), ==, 0x60);
    qtest_end(q);
}

static void fifo(void)
{
    QTest *q = start();

    set(q, FCR, 0x81);      /* on, trigger at 8 */
    set(q, MCR, LOOP | OUT2);
    set(q, IER, 0x01);
    g_assert_cmphex(get(q, IIR), ==, 0xc1);
    for (unsigned i = 0; i < 7; i++) {
        set(q, DATA, 'a' + i);
    }
    g_assert_cmphex(get(q, IIR), ==, 0xc1);
    /* Four characters' time without a read. */
    qtest_clock_step(q, 50000000);
    g_assert_cmphex(get(q, IIR), ==, 0xcc);
    g_assert_cmphex(get(q, DATA), ==, 'a');
    g_assert_cmphex(get(q, IIR), ==, 0xc1);
    set(q, DATA, 'h');
    set(q, DATA, 'i');
    g_assert_cmphex(get(q, IIR), ==, 0xc4);
    for (unsigned i = 0; i < 10; i++) {
        set(q, DATA, 'j' + i);
    }
    g_assert_cmphex(get(q, LSR), ==, 0x63);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(get(q, DATA), ==, 'b' + i);
    }
    g_assert_cmphex(get(q, LSR), ==, 0x60);
    set(q, DATA, 'x');
    set(q, FCR, 0x83);
    g_assert_cmphex(get(q, LSR), ==, 0x60);
    qtest_end(q);
}

static void transmit_interrupt(void)
{
    QTest *q = start();

    level_pic(q);
    set(q, MCR, OUT2);
    set(q, IER, 0x02);
    g_assert_true(irq4(q));
    g_assert_cmphex(get(q, IIR), ==, 0x02);
    g_assert_false(irq4(q));        /* reading IIR was the acknowledgement */
    g_assert_cmphex(get(q, IIR), ==, 0x01);
    set(q, DATA, 'x');
    g_assert_true(irq4(q));
    set(q, MCR, 0);                 /* OUT2 gates the line */
    g_assert_false(irq4(q));
    set(q, MCR, OUT2);
    g_assert_true(irq4(q));
    set(q, IER, 0);
    g_assert_false(irq4(q));
    qtest_end(q);
}

static void priorities(void)
{
    QTest *q = start();

    set(q, IER, 0x0f);
    set(q, MCR, LOOP);
    set(q, DATA, 'a');
    set(q, DATA, 'b');
    g_assert_cmphex(get(q, IIR), ==, 0x06);
    get(q, LSR);
    g_assert_cmphex(get(q, IIR), ==, 0x04);
    get(q, DATA);
    g_assert_cmphex(get(q, IIR), ==, 0x02);
    g_assert_cmphex(get(q, IIR), ==, 0x00);
    get(q, MSR);
    g_assert_cmphex(get(q, IIR), ==, 0x01);
    qtest_end(q);
}

static void bad_properties(void)
{
    g_autofree char *err = NULL;
    int status = qtest_run("-machine pc -device isa-serial,index=4", &err);

    g_assert_cmpint(status, ==, 1);
    g_assert_nonnull(strstr(err, "Max. supported number of ISA serial ports is 4"));
}

static char *scratch(const char *name)
{
    static char *folder;

    if (!folder) {
        folder = g_dir_make_tmp("mica-serial-XXXXXX", NULL);
    }
    return g_build_filename(folder, name, NULL);
}

static void to_file(void)
{
    g_autofree char *path = scratch("out"), *text = NULL;
    QTest *q = qtest_start("-machine pc -chardev file,id=c,path=%s "
                           "-device isa-serial,index=0,chardev=c", path);

    for (const char *c = "hello"; *c; c++) {
        set(q, DATA, *c);
        g_assert_cmphex(get(q, LSR) & 0x60, ==, 0x60);
    }
    qtest_end(q);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello");
    unlink(path);
}

/* More than the FIFO holds: the rest waits outside and none is lost. */
static void from_pipe(void)
{
    g_autofree char *path = scratch("pipe"), *in = scratch("pipe.in"), *out = scratch("pipe.out");
    gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    char sent[200];
    QTest *q;
    int fd;

    g_assert_cmpint(mkfifo(in, 0600), ==, 0);
    g_assert_cmpint(mkfifo(out, 0600), ==, 0);
    q = qtest_start("-machine pc -chardev pipe,id=c,path=%s "
                    "-device isa-serial,index=0,chardev=c", path);
    fd = open(in, O_RDWR | O_CLOEXEC);
    for (unsigned i = 0; i < sizeof(sent); i++) {
        sent[i] = ' ' + i % 90;
    }
    set(q, FCR, 0x01);
    g_assert_cmpint(write(fd, sent, sizeof(sent)), ==, sizeof(sent));
    for (unsigned i = 0; i < sizeof(sent); i++) {
        uint8_t lsr;

        while (!((lsr = get(q, LSR)) & 1)) {
            g_assert_cmpint(g_get_monotonic_time(), <, end);
        }
        g_assert_cmphex(lsr & 0x1e, ==, 0);
        g_assert_cmphex(get(q, DATA), ==, sent[i]);
    }
    qtest_end(q);
    close(fd);
    unlink(in);
    unlink(out);
}

QTEST("/serial/registers", registers)
QTEST("/serial/loopback", loopback)
QTEST("/serial/fifo", fifo)
QTEST("/serial/transmit-interrupt", transmit_interrupt)
QTEST("/serial/priorities", priorities)
QTEST("/serial/bad-properties", bad_properties)
QTEST("/serial/to-file", to_file)
QTEST("/serial/from-pipe", from_pipe)
