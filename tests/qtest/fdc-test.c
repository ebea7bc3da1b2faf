/* isa-fdc, floppy: phases, interrupts, commands, DMA and PIO transfers, media that change */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include <unistd.h>
#include "tests/qtest/libqtest.h"
#include "util/bswap.h"

enum {
    DOR = 0x3f2, MSR = 0x3f4, DSR = 0x3f4, FIFO = 0x3f5, DIR_REG = 0x3f7, CCR = 0x3f7,
    IRQ = 6,
    BUSY = 0x10, NONDMA = 0x20, DIO = 0x40, RQM = 0x80,
    SECTOR = 512, DISK = 2880 * SECTOR,
};

static char *path;
static QTest *q;

static void image_new(size_t size)
{
    g_autofree uint8_t *data = g_malloc0(size);
    int fd;

    path = g_strdup("/tmp/mica-fdc-XXXXXX");
    fd = g_mkstemp(path);
    for (size_t i = 0; i + SECTOR <= size; i += SECTOR) {
        st32_le(data + i, i / SECTOR);
        st32_le(data + i + SECTOR - 4, ~(i / SECTOR));
    }
    g_assert_cmpint(write(fd, data, size), ==, size);
    close(fd);
}

static void start(size_t size, const char *options)
{
    image_new(size);
    q = qtest_start("-machine pc -drive if=floppy,format=raw,file=%s%s", path, options);
    qtest_irq_intercept_in(q, "ioapic");
}

static void end(void)
{
    qtest_end(q);
    unlink(path);
    g_free(path);
}

static void send(const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(qtest_inb(q, MSR) & (RQM | DIO), ==, RQM);
        qtest_outb(q, FIFO, bytes[i]);
    }
}

#define SEND(...) send((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static uint8_t receive(void)
{
    g_assert_cmphex(qtest_inb(q, MSR) & (RQM | DIO | BUSY), ==, RQM | DIO | BUSY);
    return qtest_inb(q, FIFO);
}

/* Wait for a command that reads or writes; its result bytes. */
static void results(uint8_t r[7])
{
    for (unsigned i = 0; qtest_inb(q, MSR) != (RQM | DIO | BUSY) && i < 10000; i++) {
        g_usleep(100);
    }
    g_assert_true(qtest_irq(q, IRQ));
    for (unsigned i = 0; i < 7; i++) {
        r[i] = receive();
    }
    g_assert_false(qtest_irq(q, IRQ));
    g_assert_cmphex(qtest_inb(q, MSR), ==, RQM);
}

#define EXPECT(...) do {                                                        \
        const uint8_t want[7] = { __VA_ARGS__ };                                \
        uint8_t got[7];                                                         \
        results(got);                                                           \
        g_assert_cmpmem(got, 7, want, 7);                                       \
    } while (0)

static void sense(uint8_t st0, uint8_t cylinder)
{
    g_assert_true(qtest_irq(q, IRQ));
    SEND(0x08);
    g_assert_cmphex(receive(), ==, st0);
    g_assert_cmphex(receive(), ==, cylinder);
    g_assert_cmphex(qtest_inb(q, MSR), ==, RQM);
}

/* Channel 2: count bytes at 0x10000, single transfers. */
static void dma(bool to_memory, unsigned count)
{
    qtest_outb(q, 0x0a, 6);
    qtest_outb(q, 0x0c, 0);
    qtest_outb(q, 0x0b, 0x42 | (to_memory ? 4 : 8));
    qtest_outb(q, 0x04, 0);
    qtest_outb(q, 0x04, 0);
    qtest_outb(q, 0x81, 1);
    qtest_outb(q, 0x05, count - 1);
    qtest_outb(q, 0x05, (count - 1) >> 8);
    qtest_outb(q, 0x0a, 2);
}

static uint8_t cmos(unsigned reg)
{
    qtest_outb(q, 0x70, reg);
    return qtest_inb(q, 0x71);
}

static void resets(void)
{
    start(DISK, "");
    g_assert_cmphex(qtest_inb(q, MSR), ==, RQM);
    SEND(0x08);
    g_assert_cmphex(receive(), ==, 0x80);           /* nothing to sense */
    qtest_outb(q, DOR, 0x08);
    g_assert_cmphex(qtest_inb(q, MSR), ==, 0);
    qtest_outb(q, FIFO, 0x10);                      /* falls on deaf ears */
    qtest_outb(q, DOR, 0x0c);
    for (unsigned i = 0; i < 4; i++) {
        if (i) {
            SEND(0x08);
            g_assert_cmphex(receive(), ==, 0xc0 | i);
            receive();
        } else {
            sense(0xc0, 0);
        }
    }
    g_assert_false(qtest_irq(q, IRQ));
    qtest_outb(q, DSR, 0x80);
    g_assert_true(qtest_irq(q, IRQ));
    SEND(0x10);
    g_assert_cmphex(receive(), ==, 0x90);           /* VERSION: 82077 and later */
    SEND(0x1f);
    g_assert_cmphex(receive(), ==, 0x80);           /* no such command */
    SEND(0x94);
    g_assert_cmphex(receive(), ==, 0x10);           /* LOCK */
    SEND(0x13, 0, 0x17, 0x20);                      /* CONFIGURE survives a reset now */
    qtest_outb(q, DSR, 0x80);
    SEND(0x03, 0xdf, 0x02);
    SEND(0x0e);
    for (unsigned i = 0; i < 10; i++) {
        static const uint8_t registers[10] = { 0, 0, 0, 0, 0xdf, 0x02, 0, 0x80, 0x17, 0x20 };

        g_assert_cmphex(receive(), ==, registers[i]);
    }
    end();
}

static void seeks(void)
{
    start(DISK, "");
    SEND(0x0f, 0, 40);
    sense(0x20, 40);
    SEND(0x8f, 0, 50);
    sense(0x20, 0);
    SEND(0xcf, 4, 200);
    sense(0x24, 79);
    SEND(0x04, 0);
    g_assert_cmphex(receive() & 0x50, ==, 0);
    SEND(0x07, 0);
    sense(0x20, 0);
    SEND(0x04, 0);
    g_assert_cmphex(receive() & 0x50, ==, 0x10);    /* at track 0 */
    SEND(0x07, 1);
    sense(0x71, 0);                                 /* there is no drive B */
    SEND(0x0f, 0, 5);
    sense(0x20, 5);
    SEND(0x4a, 4);
    EXPECT(0x04, 0, 0, 5, 1, 1, 2);
    qtest_outb(q, CCR, 2);
    SEND(0x4a, 0);
    EXPECT(0x40, 0x01, 0, 5, 1, 1, 2);              /* 250 kbit/s: nothing to be read */
    end();
}

static void dma_transfers(void)
{
    uint8_t data[3 * SECTOR];

    start(DISK, "");
    dma(true, 3 * SECTOR);
    SEND(0xe6, 0, 1, 0, 17, 2, 18, 0x1b, 0xff);     /* to the other side of cylinder 1 */
    EXPECT(0x04, 0, 0, 1, 1, 2, 2);
    qtest_memread(q, 0x10000, data, sizeof(data));
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(ld32_le(data + i * SECTOR), ==, 36 + 16 + i);
        g_assert_cmphex(ld32_le(data + i * SECTOR + 508), ==, ~(36 + 16 + i));
    }
    memset(data, 0xa5, sizeof(data));
    qtest_memwrite(q, 0x10000, data, sizeof(data));
    dma(false, SECTOR + 100);                       /* the rest of the second sector is zeroes */
    SEND(0xc5, 4, 2, 1, 18, 2, 18, 0x1b, 0xff);
    EXPECT(0x44, 0x80, 0, 3, 0, 1, 2);              /* the track ends before the count does */
    dma(false, SECTOR + 100);
    SEND(0x45, 0, 2, 0, 1, 2, 18, 0x1b, 0xff);
    EXPECT(0, 0, 0, 2, 0, 3, 2);
    SEND(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);      /* the channel is used up */
    EXPECT(0x40, 0x10, 0, 0, 0, 1, 2);
    SEND(0x16, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    EXPECT(0, 0, 0, 1, 0, 1, 2);                    /* VERIFY needs no DMA */
    SEND(0x16, 0x80, 0, 0, 1, 2, 18, 0x1b, 3);      /* three sectors of it */
    EXPECT(0, 0, 0, 0, 0, 4, 2);
    SEND(0xe6, 0, 0, 0, 19, 2, 18, 0x1b, 0xff);
    EXPECT(0x40, 0x04, 0, 0, 0, 19, 2);             /* no such sector */
    SEND(0xe6, 0, 80, 0, 1, 2, 18, 0x1b, 0xff);
    EXPECT(0x40, 0x04, 0, 80, 0, 1, 2);
    SEND(0xe6, 0, 0, 0, 1, 3, 18, 0x1b, 0xff);
    EXPECT(0x40, 0x04, 0, 0, 0, 1, 3);              /* of 1024 bytes */
    SEND(0x13, 0, 0x20, 0);
    SEND(0xe6, 0, 9, 0, 1, 2, 18, 0x1b, 0xff);      /* seeks by itself no more */
    EXPECT(0x40, 0x04, 0x10, 9, 0, 1, 2);
    qtest_end(q);
    {
        g_autofree char *disk = NULL;

        g_assert_true(g_file_get_contents(path, &disk, NULL, NULL));
        for (unsigned i = 0; i < SECTOR; i++) {
            g_assert_cmphex((uint8_t)disk[(2 * 36 + 35) * SECTOR + i], ==, 0xa5);
            g_assert_cmphex((uint8_t)disk[2 * 36 * SECTOR + i], ==, 0xa5);
            g_assert_cmphex((uint8_t)disk[(2 * 36 + 1) * SECTOR + i], ==, i < 100 ? 0xa5 : 0);
        }
    }
    unlink(path);
    g_free(path);
}

static void wait_data(uint8_t msr)
{
    for (unsigned i = 0; qtest_inb(q, MSR) != msr && i < 10000; i++) {
        g_usleep(100);
    }
    g_assert_cmphex(qtest_inb(q, MSR), ==, msr);
    g_assert_true(qtest_irq(q, IRQ));
}

/* Without DMA each byte goes through the FIFO. */
static void pio_transfers(void)
{
    start(DISK, "");
    SEND(0x03, 0xdf, 0x03);
    SEND(0x45, 0, 0, 0, 5, 2, 5, 0x1b, 0xff);
    wait_data(RQM | NONDMA | BUSY);
    for (unsigned i = 0; i < SECTOR; i++) {
        qtest_outb(q, FIFO, i);
    }
    EXPECT(0, 0, 0, 1, 0, 1, 2);
    SEND(0x42, 0, 0, 0, 9, 2, 5, 0x1b, 0xff);       /* READ TRACK begins at its first sector */
    for (unsigned k = 0; k < 5; k++) {
        wait_data(RQM | DIO | NONDMA | BUSY);
        for (unsigned i = 0; i < SECTOR; i++) {
            uint8_t value = qtest_inb(q, FIFO);

            g_assert_cmphex(value, ==, k == 4 ? i & 0xff : i == 0 ? k : i < 508 ? 0 :
                                       i == 508 ? (uint8_t)~k : 0xff);
        }
    }
    EXPECT(0, 0, 0, 1, 0, 1, 2);
    SEND(0x4d, 0, 2, 2, 0x54, 0xf6);                /* FORMAT two sectors of track 0 */
    for (unsigned i = 7; i < 9; i++) {
        wait_data(RQM | NONDMA | BUSY);
        for (unsigned k = 0; k < 4; k++) {
            qtest_outb(q, FIFO, (const uint8_t[]){ 0, 0, i, 2 }[k]);
        }
    }
    EXPECT(0, 0, 0, 0, 0, 8, 2);
    SEND(0x46, 0, 0, 0, 8, 2, 8, 0x1b, 0xff);
    wait_data(RQM | DIO | NONDMA | BUSY);
    g_assert_cmphex(qtest_inb(q, FIFO), ==, 0xf6);
    qtest_outb(q, DSR, 0x80);                       /* a reset in the midst of it */
    sense(0xc0, 0);
    g_assert_cmphex(qtest_inb(q, MSR), ==, RQM);
    end();
}

static void read_only(void)
{
    start(DISK, ",readonly=on");
    SEND(0x04, 0);
    g_assert_cmphex(receive() & 0x40, ==, 0x40);
    dma(false, SECTOR);
    SEND(0x45, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    EXPECT(0x40, 0x02, 0, 0, 0, 1, 2);
    SEND(0x4d, 0, 2, 18, 0x54, 0xf6);
    EXPECT(0x40, 0x02, 0, 0, 0, 1, 2);
    end();
}

/* What the drive is, by the size of its first medium; and what CMOS says. */
static void formats(void)
{
    static const struct { size_t kib; uint8_t cmos, rate, sectors, tracks, heads; } rows[] = {
        { 1440, 0x40, 0, 18, 80, 2 }, { 2880, 0x50, 3, 36, 80, 2 }, { 720, 0x40, 2, 9, 80, 2 },
        { 1200, 0x20, 0, 15, 80, 2 }, { 360, 0x20, 1, 9, 40, 2 },   { 160, 0x20, 2, 8, 40, 1 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        start(rows[i].kib * 1024, "");
        g_assert_cmphex(cmos(0x10), ==, rows[i].cmos);
        g_assert_cmphex(cmos(0x14), ==, 0x07);
        qtest_outb(q, CCR, rows[i].rate);
        dma(true, SECTOR);
        SEND(0x46, (rows[i].heads - 1) << 2, rows[i].tracks - 1, rows[i].heads - 1,
             rows[i].sectors, 2, rows[i].sectors, 0x1b, 0xff);
        EXPECT((rows[i].heads - 1) << 2, 0, 0, rows[i].tracks, rows[i].heads - 1, 1, 2);
        g_assert_cmpuint(qtest_readl(q, 0x10000), ==, rows[i].kib * 2 - 1);
        end();
    }
    start(DISK, " -device floppy,unit=1,drive-type=120");
    g_assert_cmphex(cmos(0x10), ==, 0x42);
    g_assert_cmphex(cmos(0x14), ==, 0x47);
    end();
    q = qtest_start("-machine pc -nodefaults");
    g_assert_cmphex(cmos(0x10), ==, 0);
    g_assert_cmphex(cmos(0x14), ==, 0x06);
    qtest_end(q);
}

static void media(void)
{
    start(DISK, ",id=f0");
    g_assert_cmphex(qtest_inb(q, DIR_REG), ==, 0x80);   /* since power-on: no step yet */
    SEND(0x0f, 0, 3);
    sense(0x20, 3);
    g_assert_cmphex(qtest_inb(q, DIR_REG), ==, 0);
    qtest_qmp_done(q, "{'execute': 'eject', 'arguments': {'device': 'f0'}}");
    g_assert_cmphex(qtest_inb(q, DIR_REG), ==, 0x80);
    dma(true, SECTOR);
    SEND(0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    EXPECT(0x40, 0x01, 0, 0, 0, 1, 2);
    qtest_qmp_done(q, "{'execute': 'blockdev-change-medium', 'arguments': "
                   "{'device': 'f0', 'filename': '%s', 'format': 'raw'}}", path);
    g_assert_cmphex(qtest_inb(q, DIR_REG), ==, 0x80);
    SEND(0x0f, 0, 1);
    sense(0x20, 1);
    g_assert_cmphex(qtest_inb(q, DIR_REG), ==, 0);
    SEND(0x46, 0, 1, 0, 1, 2, 18, 0x1b, 0xff);
    EXPECT(0, 0, 0, 1, 0, 2, 2);
    g_assert_cmpuint(qtest_readl(q, 0x10000), ==, 36);
    end();
}

QTEST("/fdc/resets", resets)
QTEST("/fdc/seeks", seeks)
QTEST("/fdc/dma", dma_transfers)
QTEST("/fdc/pio", pio_transfers)
QTEST("/fdc/read-only", read_only)
QTEST("/fdc/formats", formats)
QTEST("/fdc/media", media)
