/* Tests of the i440FX: identity, PAM, SMRAM, configuration ports, RAM around the hole */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define HOST 0

static void identity(void)
{
    QTest *q = qtest_start("-machine pc -m 64M");

    g_assert_cmphex(qpci_readl(q, HOST, 0), ==, 0x12378086);
    g_assert_cmphex(qpci_readl(q, HOST, 8), ==, 0x06000002);
    g_assert_cmphex(qpci_readl(q, HOST, 0x2c), ==, 0x11001af4);
    g_assert_cmphex(qpci_readb(q, HOST, 0x57), ==, 64 / 8);
    /* The address port takes dwords only; bytes within the data port reach their register. */
    qtest_outl(q, 0xcf8, 0x80000000);
    qtest_outb(q, 0xcf8, 0xff);
    g_assert_cmphex(qtest_inl(q, 0xcf8), ==, 0x80000000);
    g_assert_cmphex(qtest_inw(q, 0xcfe), ==, 0x1237);
    g_assert_cmphex(qtest_inb(q, 0xcfd), ==, 0x80);
    qtest_outl(q, 0xcf8, 0x00000000);
    g_assert_cmphex(qtest_inl(q, 0xcfc), ==, 0xffffffff);
    qtest_outl(q, 0xcf8, 0x8000f800);       /* slot 31 */
    g_assert_cmphex(qtest_inl(q, 0xcfc), ==, 0xffffffff);
    qtest_end(q);
}

typedef struct Segment {
    uint32_t base;
    uint8_t reg, shift;
} Segment;

static const Segment segments[] = {
    { 0xf0000, 0x59, 4 }, { 0xc0000, 0x5a, 0 }, { 0xc4000, 0x5a, 4 }, { 0xc8000, 0x5b, 0 },
    { 0xcc000, 0x5b, 4 }, { 0xd0000, 0x5c, 0 }, { 0xd4000, 0x5c, 4 }, { 0xd8000, 0x5d, 0 },
    { 0xdc000, 0x5d, 4 }, { 0xe0000, 0x5e, 0 }, { 0xe4000, 0x5e, 4 }, { 0xe8000, 0x5f, 0 },
    { 0xec000, 0x5f, 4 },
};

static void set_pam(QTest *q, const Segment *s, uint8_t bits)
{
    uint8_t old = qpci_readb(q, HOST, s->reg);

    qpci_writeb(q, HOST, s->reg, (old & ~(3 << s->shift)) | bits << s->shift);
}

/* Each piece by itself: what is written to RAM is seen when, and only when, reads go there. */
static void pam(void)
{
    QTest *q = qtest_start("-machine pc -m 64M");

    for (unsigned i = 0; i < G_N_ELEMENTS(segments); i++) {
        const Segment *s = &segments[i];
        uint32_t rom = qtest_readl(q, s->base), mark = 0x12340000 + i;

        qtest_writel(q, s->base, mark);
        g_assert_cmphex(qtest_readl(q, s->base), ==, rom);
        set_pam(q, s, 2);
        qtest_writel(q, s->base, mark);
        g_assert_cmphex(qtest_readl(q, s->base), ==, rom);
        set_pam(q, s, 1);
        g_assert_cmphex(qtest_readl(q, s->base), ==, mark);
        qtest_writel(q, s->base, 0);
        g_assert_cmphex(qtest_readl(q, s->base), ==, mark);
        set_pam(q, s, 3);
        qtest_writel(q, s->base, ~mark);
        g_assert_cmphex(qtest_readl(q, s->base), ==, ~mark);
        set_pam(q, s, 0);
        g_assert_cmphex(qtest_readl(q, s->base), ==, rom);
    }
    qtest_end(q);
}

static void smram(void)
{
    QTest *q = qtest_start("-machine pc -m 64M -vga none");

    g_assert_cmphex(qtest_readl(q, 0xa0000), ==, 0xffffffff);
    qpci_writeb(q, HOST, 0x72, 0x4a);
    qtest_writel(q, 0xa0000, 0x5a5a5a5a);
    qtest_writel(q, 0xbfffc, 0xa5a5a5a5);
    g_assert_cmphex(qtest_readl(q, 0xa0000), ==, 0x5a5a5a5a);
    g_assert_cmphex(qtest_readl(q, 0xbfffc), ==, 0xa5a5a5a5);
    qpci_writeb(q, HOST, 0x72, 0x1a);       /* closed and locked */
    g_assert_cmphex(qtest_readl(q, 0xa0000), ==, 0xffffffff);
    qpci_writeb(q, HOST, 0x72, 0x4a);
    g_assert_cmphex(qpci_readb(q, HOST, 0x72) & 0x58, ==, 0x18);
    g_assert_cmphex(qtest_readl(q, 0xa0000), ==, 0xffffffff);
    qtest_end(q);
}

static void ram(void)
{
    QTest *q = qtest_start("-machine pc -m 4G");

    qtest_writel(q, 0xbffffffc, 1);
    qtest_writel(q, 0x100000000, 2);
    qtest_writel(q, 0x13ffffffc, 3);
    g_assert_cmphex(qtest_readl(q, 0xbffffffc), ==, 1);
    g_assert_cmphex(qtest_readl(q, 0x100000000), ==, 2);
    g_assert_cmphex(qtest_readl(q, 0x13ffffffc), ==, 3);
    g_assert_cmphex(qtest_readl(q, 0xc0000000), ==, 0xffffffff);
    g_assert_cmphex(qtest_readl(q, 0x140000000), ==, 0xffffffff);
    qtest_end(q);
}

/* The BIOS's RAM is there after a reset: it tells a wakeup from power-on by it. */
static void pam_after_reset(void)
{
    QTest *q = qtest_start("-machine pc -m 64M");

    set_pam(q, &segments[0], 3);
    qtest_writel(q, 0xf8000, 0x12345678);
    qtest_qmp_done(q, "{'execute': 'system_reset'}");
    json_object_put(qtest_qmp_event(q, "RESET"));
    g_assert_cmphex(qpci_readb(q, HOST, 0x59) & 0x30, ==, 0x30);
    g_assert_cmphex(qtest_readl(q, 0xf8000), ==, 0x12345678);
    qtest_end(q);
}

QTEST("/i440fx/pam-after-reset", pam_after_reset)
QTEST("/i440fx/identity", identity)
QTEST("/i440fx/pam", pam)
QTEST("/i440fx/smram", smram)
QTEST("/i440fx/ram", ram)
