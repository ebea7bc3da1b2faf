/* Tests of ide-cd behind piix3-ide: packet commands, their data by PIO and DMA, media */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/ide-lib.h"

#define CD_BLOCKS 300

static char *path;
static QTest *q;

static void start(void)
{
    path = image_new(CD_BLOCKS * 2048);
    q = ide_start("ide-cd", path);
}

static void end(void)
{
    qtest_end(q);
    image_remove(path);
}

static void send_packet(const void *packet, uint8_t feature, uint16_t limit)
{
    uint8_t status;

    qtest_outb(q, SELECT, 0);
    qtest_outb(q, FEATURE, feature);
    qtest_outb(q, LBA_MID, limit);
    qtest_outb(q, LBA_HIGH, limit >> 8);
    qtest_outb(q, COMMAND, 0xa0);
    status = ide_wait(q);
    g_assert_cmphex(status & (ST_DRQ | ST_DRDY | ST_ERR), ==, ST_DRQ | ST_DRDY);
    g_assert_cmphex(qtest_inb(q, COUNT) & 3, ==, 1);
    ide_out(q, packet, 12);
}

/* Run a packet, gather its data in bursts; bytes received. */
static unsigned run_packet(const void *packet, uint16_t limit, uint8_t *buf, unsigned room)
{
    unsigned got = 0;

    send_packet(packet, 0, limit);
    for (;;) {
        uint8_t status = ide_wait(q);
        unsigned n;

        g_assert_true(qtest_irq(q, IRQ));
        qtest_inb(q, STATUS);
        if (!(status & ST_DRQ)) {
            g_assert_cmphex(qtest_inb(q, COUNT) & 3, ==, 3);
            return got;
        }
        g_assert_cmphex(qtest_inb(q, COUNT) & 3, ==, 2);
        n = qtest_inb(q, LBA_MID) | qtest_inb(q, LBA_HIGH) << 8;
        g_assert_cmpuint(n, <=, limit);
        g_assert_cmpuint(got + n, <=, room);
        ide_in(q, buf + got, n);
        got += n;
    }
}

static unsigned run(uint8_t *buf, unsigned room, const char *packet)
{
    uint8_t bytes[12] = { };

    for (unsigned i = 0; i < 12 && packet[i * 3]; i++) {
        bytes[i] = strtoul(packet + i * 3, NULL, 16);
        if (!packet[i * 3 + 2]) {
            break;
        }
    }
    return run_packet(bytes, 0xfffe, buf, room);
}

static void expect_sense(unsigned key, unsigned asc)
{
    uint8_t sense[18];

    g_assert_cmphex(qtest_inb(q, STATUS) & ST_ERR, ==, ST_ERR);
    g_assert_cmphex(qtest_inb(q, ERROR) >> 4, ==, key);
    g_assert_cmpuint(run(sense, 18, "03 00 00 00 12"), ==, 18);
    g_assert_cmphex(sense[2], ==, key);
    g_assert_cmphex(sense[12], ==, asc);
    g_assert_cmphex(qtest_inb(q, STATUS) & ST_ERR, ==, 0);
}

static void identify(void)
{
    uint8_t data[512];

    start();
    g_assert_cmphex(qtest_inb(q, LBA_MID), ==, 0x14);
    g_assert_cmphex(qtest_inb(q, LBA_HIGH), ==, 0xeb);
    qtest_outb(q, COMMAND, 0xec);
    g_assert_cmphex(ide_wait(q) & ST_ERR, ==, ST_ERR);
    qtest_outb(q, COMMAND, 0xa1);
    ide_in(q, data, 512);
    ide_expect_ok(q);
    g_assert_cmphex(ld16_le(data), ==, 0x85c0);
    end();
}

static void small_commands(void)
{
    uint8_t b[256];

    start();
    g_assert_cmpuint(run(b, 36, "12 00 00 00 24"), ==, 36);
    g_assert_cmphex(b[0], ==, 5);
    g_assert_true(!memcmp(b + 32, "vers", 4));
    g_assert_cmpuint(run(b, 5, "12 00 00 00 05"), ==, 5);
    g_assert_cmpuint(run(b, 8, "25"), ==, 8);
    g_assert_cmpuint(ld32_be(b), ==, CD_BLOCKS - 1);
    g_assert_cmpuint(ld32_be(b + 4), ==, 2048);
    g_assert_cmpuint(run(b, 20, "43 00 00 00 00 00 00 00 ff"), ==, 20);
    g_assert_cmpuint(ld32_be(b + 16), ==, CD_BLOCKS);
    g_assert_cmpuint(run(b, 20, "43 02 00 00 00 00 aa 00 ff"), ==, 12);
    g_assert_cmphex(ld32_be(b + 8), ==, 0x000600);      /* 300 + 150 frames: second 6 */
    g_assert_cmpuint(run(b, 256, "43 00 02 00 00 00 01 00 ff"), ==, 48);
    g_assert_cmpuint(run(b, 256, "5a 00 2a 00 00 00 00 00 ff"), ==, 28);
    g_assert_cmphex(b[8], ==, 0x2a);
    g_assert_cmpuint(run(b, 256, "46 00 00 00 00 00 00 00 ff"), ==, 40);
    g_assert_cmphex(ld16_be(b + 6), ==, 8);             /* CD-ROM */
    g_assert_cmpuint(run(b, 256, "51 00 00 00 00 00 00 00 ff"), ==, 34);
    g_assert_cmpuint(run(b, 256, "bd 00 00 00 00 00 00 00 00 ff"), ==, 8);
    g_assert_cmpuint(run(b, 256, "00"), ==, 0);
    run(b, 256, "ee");
    expect_sense(5, 0x20);
    run(b, 256, "43 00 0f 00 00 00 00 00 ff");
    expect_sense(5, 0x24);
    run(b, 256, "28 00 00 00 01 2c 00 00 01");          /* block 300 */
    expect_sense(5, 0x21);
    run(b, 256, "28 00 ff ff ff ff 00 00 02");
    expect_sense(5, 0x21);
    end();
}

static void pio(void)
{
    static const uint16_t limits[] = { 2048, 5120, 0xfffe, 0xffff, 513, 3000 };
    g_autofree uint8_t *disc = NULL, *data = g_malloc(CD_BLOCKS * 2352);
    uint8_t packet[12] = { 0x28 };

    start();
    disc = image_data(path);
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        unsigned blocks = limits[i] < 1024 ? 3 : 80;

        st32_be(packet + 2, 11);
        st16_be(packet + 7, blocks);
        g_assert_cmpuint(run_packet(packet, limits[i], data, CD_BLOCKS * 2048), ==,
                         blocks * 2048);
        g_assert_true(!memcmp(data, disc + 11 * 2048, blocks * 2048));
    }
    /* READ CD: raw sectors with synchronisation and address */
    g_assert_cmpuint(run(data, CD_BLOCKS * 2352, "be 00 00 00 00 10 00 00 28 f8"), ==,
                     40 * 2352);
    g_assert_cmphex(data[0], ==, 0);
    g_assert_cmphex(data[1], ==, 0xff);
    g_assert_cmphex(ld32_be(data + 39 * 2352 + 12), ==, 0x00025501);    /* 0:02.55, mode 1 */
    g_assert_true(!memcmp(data + 39 * 2352 + 16, disc + (16 + 39) * 2048, 2048));
    end();
}

static void dma(void)
{
    enum { LEN = 200 * 2048 };
    g_autofree uint8_t *disc = NULL, *data = g_malloc(LEN);
    uint8_t packet[12] = { 0xa8, 0, 0, 0, 0, 7, 0, 0, 0, 200 };
    uint64_t buf;
    uint16_t bm;
    Prd prds[LEN / 0x8000 + 1];
    unsigned n = 0;

    start();
    bm = qpci_map_bar(q, PIIX_IDE, 4);
    disc = image_data(path);
    buf = qtest_alloc(q, LEN);
    for (unsigned at = 0; at < LEN; at += 0x8000) {
        prds[n++] = (Prd){ buf + at, MIN(0x8000, LEN - at) };
    }
    prds[n - 1].size |= PRD_END;
    bm_set_table(q, bm, prds, n);
    send_packet(packet, 1, 0);
    g_assert_cmphex(bm_run(q, bm, true, false), ==, BM_INTR);
    qtest_memread(q, buf, data, LEN);
    g_assert_true(!memcmp(data, disc + 7 * 2048, LEN));
    /* A list that is too short */
    bm_set_table(q, bm, (Prd[]){ { buf, 4096 | PRD_END } }, 1);
    send_packet(packet, 1, 0);
    g_assert_cmphex(bm_run(q, bm, true, false), ==, 0);
    end();
}

static void tray(void)
{
    uint8_t b[64];

    start();
    run(b, 64, "1e 00 00 00 01");                       /* lock */
    run(b, 64, "1b 00 00 00 02");                       /* eject */
    expect_sense(5, 0x53);
    run(b, 64, "1e 00 00 00 00");
    run(b, 64, "1b 00 00 00 02");
    g_assert_cmphex(qtest_inb(q, STATUS) & ST_ERR, ==, 0);
    run(b, 64, "00");
    expect_sense(2, 0x3a);
    g_assert_cmpuint(run(b, 64, "4a 01 00 00 10 00 00 00 08"), ==, 8);
    g_assert_cmphex(b[5], ==, 1);
    run(b, 64, "1b 00 00 00 03");                       /* load */
    g_assert_cmpuint(run(b, 64, "4a 01 00 00 10 00 00 00 08"), ==, 8);
    g_assert_cmphex(b[4], ==, 2);                       /* new medium */
    g_assert_cmphex(b[5], ==, 2);
    run(b, 64, "00");
    expect_sense(6, 0x28);
    run(b, 64, "00");
    g_assert_cmphex(qtest_inb(q, STATUS) & ST_ERR, ==, 0);
    end();
}

static void empty(void)
{
    uint8_t b[64];

    q = qtest_start("-machine pc -device ide-cd");
    qtest_irq_intercept_in(q, "ioapic");
    g_assert_cmpuint(run(b, 36, "12 00 00 00 24"), ==, 36);
    run(b, 64, "00");
    expect_sense(2, 0x3a);
    run(b, 64, "28 00 00 00 00 00 00 00 01");
    expect_sense(2, 0x3a);
    qtest_outb(q, COMMAND, 0xe7);                       /* FLUSH CACHE: nothing to flush */
    ide_expect_ok(q);
    qtest_outb(q, COMMAND, 0x08);                       /* DEVICE RESET */
    g_assert_cmphex(qtest_inb(q, LBA_HIGH), ==, 0xeb);
    qtest_end(q);
}

QTEST("/ide-cd/identify", identify)
QTEST("/ide-cd/small-commands", small_commands)
QTEST("/ide-cd/pio", pio)
QTEST("/ide-cd/dma", dma)
QTEST("/ide-cd/tray", tray)
QTEST("/ide-cd/empty", empty)
