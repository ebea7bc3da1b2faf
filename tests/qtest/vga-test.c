/* VGA: planes and write modes, Bochs registers at ports and in BAR 2, EDID, the ROM */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

enum { SEQ = 0x3c4, GFX = 0x3ce, CRTC = 0x3d4 };

static void set(QTest *q, uint16_t port, uint8_t index, uint8_t value)
{
    qtest_outb(q, port, index);
    qtest_outb(q, port + 1, value);
}

static uint8_t get(QTest *q, uint16_t port, uint8_t index)
{
    qtest_outb(q, port, index);
    return qtest_inb(q, port + 1);
}

static void vbe_set(QTest *q, uint16_t index, uint16_t value)
{
    qtest_outw(q, 0x1ce, index);
    qtest_outw(q, 0x1cf, value);
}

static uint16_t vbe_get(QTest *q, uint16_t index)
{
    qtest_outw(q, 0x1ce, index);
    return qtest_inw(q, 0x1cf);
}

/* 16 colours: window at 0xa0000, all planes, mode 0. */
static QTest *start_planar(void)
{
    QTest *q = qtest_start("-machine pc");

    set(q, SEQ, 2, 0x0f);
    set(q, SEQ, 4, 0x06);
    set(q, GFX, 5, 0x00);
    set(q, GFX, 6, 0x05);
    set(q, GFX, 8, 0xff);
    return q;
}

static uint8_t plane(QTest *q, unsigned n, uint32_t addr)
{
    set(q, GFX, 4, n);
    return qtest_readb(q, 0xa0000 + addr);
}

static void registers(void)
{
    QTest *q = qtest_start("-machine pc");

    set(q, SEQ, 2, 0xff);
    g_assert_cmphex(get(q, SEQ, 2), ==, 0x0f);
    set(q, GFX, 8, 0xa5);
    g_assert_cmphex(get(q, GFX, 8), ==, 0xa5);
    set(q, CRTC, 0x11, 0x00);
    set(q, CRTC, 1, 0x4f);
    g_assert_cmphex(get(q, CRTC, 1), ==, 0x4f);
    set(q, CRTC, 0x11, 0x80);       /* protects registers 0 to 7 */
    set(q, CRTC, 1, 0x27);
    g_assert_cmphex(get(q, CRTC, 1), ==, 0x4f);
    qtest_inb(q, 0x3da);            /* the next write is an index */
    qtest_outb(q, 0x3c0, 0x10);
    qtest_outb(q, 0x3c0, 0x41);
    qtest_outb(q, 0x3c0, 0x30);
    g_assert_cmphex(qtest_inb(q, 0x3c1), ==, 0x41);
    qtest_outb(q, 0x3c8, 7);
    for (unsigned i = 0; i < 6; i++) {
        qtest_outb(q, 0x3c9, 10 + i);
    }
    qtest_outb(q, 0x3c7, 7);
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmpuint(qtest_inb(q, 0x3c9), ==, 10 + i);
    }
    for (unsigned port = 0x3b0; port < 0x3e0; port++) {
        qtest_outb(q, port, 0xff);
        qtest_inb(q, port);
    }
    qtest_end(q);
}

static void write_modes(void)
{
    QTest *q = start_planar();

    qtest_writeb(q, 0xa0000, 0x55);
    for (unsigned n = 0; n < 4; n++) {
        g_assert_cmphex(plane(q, n, 0), ==, 0x55);
    }
    set(q, GFX, 0, 0x05);           /* set/reset in planes 0 and 1 */
    set(q, GFX, 1, 0x03);
    qtest_writeb(q, 0xa0001, 0x3c);
    g_assert_cmphex(plane(q, 0, 1), ==, 0xff);
    g_assert_cmphex(plane(q, 1, 1), ==, 0x00);
    g_assert_cmphex(plane(q, 2, 1), ==, 0x3c);
    set(q, GFX, 1, 0x00);
    set(q, GFX, 8, 0x0f);           /* the other bits come from the latch */
    plane(q, 2, 1);
    qtest_writeb(q, 0xa0001, 0xaa);
    g_assert_cmphex(plane(q, 2, 1), ==, 0x3a);
    g_assert_cmphex(plane(q, 0, 1), ==, 0xfa);
    set(q, GFX, 5, 0x01);           /* mode 1 copies latches */
    plane(q, 0, 1);
    qtest_writeb(q, 0xa0002, 0x00);
    g_assert_cmphex(plane(q, 2, 2), ==, 0x3a);
    set(q, GFX, 5, 0x02);           /* mode 2: a colour */
    set(q, GFX, 8, 0x80);
    plane(q, 0, 2);
    qtest_writeb(q, 0xa0002, 0x04);
    g_assert_cmphex(plane(q, 0, 2), ==, 0x7a);
    g_assert_cmphex(plane(q, 2, 2), ==, 0xba);
    set(q, GFX, 5, 0x08);           /* read mode 1: which pixels have colour 4 */
    set(q, GFX, 2, 0x04);
    set(q, GFX, 7, 0x0f);
    g_assert_cmphex(qtest_readb(q, 0xa0002) & 0x80, ==, 0x80);
    set(q, GFX, 5, 0x00);
    set(q, GFX, 3, 0x19);           /* rotate by one, exclusive or */
    set(q, GFX, 8, 0xff);
    plane(q, 0, 2);
    qtest_writeb(q, 0xa0002, 0x02);
    g_assert_cmphex(plane(q, 0, 2), ==, 0x7b);
    qtest_end(q);
}

static void windows(void)
{
    QTest *q = start_planar();

    set(q, SEQ, 4, 0x0e);           /* chain 4 */
    qtest_writel(q, 0xa0000, 0x44332211);
    set(q, SEQ, 4, 0x06);
    g_assert_cmphex(plane(q, 0, 0), ==, 0x11);
    g_assert_cmphex(plane(q, 3, 0), ==, 0x44);
    set(q, SEQ, 2, 0x03);           /* text: even bytes are characters */
    set(q, SEQ, 4, 0x02);
    set(q, GFX, 4, 0x00);
    set(q, GFX, 5, 0x10);
    set(q, GFX, 6, 0x0e);
    qtest_writew(q, 0xb8000, 0x0741);
    g_assert_cmphex(qtest_readw(q, 0xb8000), ==, 0x0741);
    g_assert_cmphex(qtest_readb(q, 0xa0000), ==, 0xff);
    set(q, GFX, 5, 0x00);
    set(q, GFX, 6, 0x05);
    g_assert_cmphex(plane(q, 0, 0), ==, 0x41);
    g_assert_cmphex(plane(q, 1, 0), ==, 0x07);
    qtest_end(q);
}

static void bochs(void)
{
    QTest *q = qtest_start("-machine pc");
    int devfn = qpci_find(q, 0x1234, 0x1111);
    uint64_t fb, regs;

    g_assert_cmpint(devfn, >=, 0);
    g_assert_cmphex(qpci_readl(q, devfn, 8) >> 8, ==, 0x030000);
    fb = qpci_map_bar(q, devfn, 0);
    regs = qpci_map_bar(q, devfn, 2);
    qpci_enable(q, devfn);
    g_assert_cmphex(vbe_get(q, 0), ==, 0xb0c5);
    g_assert_cmphex(vbe_get(q, 10), ==, 256);
    qtest_writel(q, fb, 0x12345678);
    vbe_set(q, 1, 1024);
    vbe_set(q, 2, 768);
    vbe_set(q, 3, 32);
    vbe_set(q, 4, 0xc1);            /* keep the memory */
    g_assert_cmphex(qtest_readl(q, fb), ==, 0x12345678);
    g_assert_cmpuint(vbe_get(q, 6), ==, 1024);
    g_assert_cmpuint(vbe_get(q, 7), ==, 4096);
    /* Pan as far as the memory goes and no further. */
    vbe_set(q, 9, 60000);
    g_assert_cmpuint(vbe_get(q, 9), ==, 4096 - 768);
    vbe_set(q, 5, 1);               /* the second bank of 64 KiB */
    qtest_writel(q, 0xa0000, 0xcafe);
    g_assert_cmphex(qtest_readl(q, fb + 0x10000), ==, 0xcafe);
    vbe_set(q, 4, 0);
    vbe_set(q, 4, 0x41);
    g_assert_cmphex(qtest_readl(q, fb), ==, 0);
    vbe_set(q, 4, 0x02);
    g_assert_cmpuint(vbe_get(q, 3), ==, 32);
    g_assert_cmpuint(vbe_get(q, 1), >=, 1920);
    /* The same registers in BAR 2. */
    qtest_writew(q, regs + 0x502, 800);
    vbe_set(q, 4, 0);
    g_assert_cmpuint(vbe_get(q, 1), ==, 800);
    g_assert_cmphex(qtest_readw(q, regs + 0x500), ==, 0xb0c5);
    g_assert_cmphex(qtest_readl(q, regs + 0x604), ==, 0x1e1e1e1e);
    qtest_end(q);
}

static void silly_modes(void)
{
    static const uint16_t values[] = { 0, 1, 7, 8, 0x7fff, 0xffff };
    QTest *q = qtest_start("-machine pc -device VGA,vgamem_mb=1,romfile=");

    for (unsigned x = 0; x < ARRAY_SIZE(values); x++) {
        for (unsigned bpp = 0; bpp < 40; bpp += 4) {
            vbe_set(q, 4, 0);
            vbe_set(q, 1, values[x]);
            vbe_set(q, 2, values[x]);
            vbe_set(q, 3, bpp);
            vbe_set(q, 4, 1);
            for (unsigned i = 5; i < 12; i++) {
                vbe_set(q, i, values[x]);
            }
            vbe_set(q, 5, 0xffff);
            qtest_writeb(q, 0xaffff, 1);
            qtest_readb(q, 0xaffff);
        }
    }
    qtest_end(q);
}

static void edid(void)
{
    QTest *q = qtest_start("-machine pc");
    int devfn = qpci_find(q, 0x1234, 0x1111);
    uint64_t regs = qpci_map_bar(q, devfn, 2);
    uint8_t data[128], sum = 0;

    qpci_enable(q, devfn);
    qtest_memread(q, regs, data, sizeof(data));
    for (unsigned i = 0; i < sizeof(data); i++) {
        sum += data[i];
    }
    g_assert_cmphex(sum, ==, 0);
    g_assert_cmphex(data[1], ==, 0xff);
    g_assert_cmpuint(data[56] | data[58] >> 4 << 8, ==, 1280);
    g_assert_cmpuint(data[59] | data[61] >> 4 << 8, ==, 800);
    qtest_end(q);
}

static void rom(void)
{
    QTest *q = qtest_start("-machine pc");
    int devfn = qpci_find(q, 0x1234, 0x1111);

    qpci_enable(q, devfn);
    qpci_writel(q, devfn, 0x30, 0xfffffffe);
    g_assert_cmphex(qpci_readl(q, devfn, 0x30) & 0xffff, ==, 0);
    qpci_writel(q, devfn, 0x30, 0xe8000001);
    g_assert_cmphex(qtest_readw(q, 0xe8000000), ==, 0xaa55);
    qtest_end(q);
}

QTEST("/vga/registers", registers)
QTEST("/vga/write-modes", write_modes)
QTEST("/vga/windows", windows)
QTEST("/vga/bochs", bochs)
QTEST("/vga/silly-modes", silly_modes)
QTEST("/vga/edid", edid)
QTEST("/vga/rom", rom)
