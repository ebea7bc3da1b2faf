/* Tests of ide-hd behind piix3-ide: registers, PIO, bus-master DMA, TRIM, resets */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/ide-lib.h"

#define DISK_SECTORS 4096
#define DISK_BYTES   (DISK_SECTORS * 512)

static char *path;
static QTest *q;
static uint16_t bm;

static void start(void)
{
    path = image_new(DISK_BYTES);
    q = ide_start("ide-hd", path);
    bm = qpci_map_bar(q, PIIX_IDE, 4);
}

static void end(void)
{
    qtest_end(q);
    image_remove(path);
}

static void identify(void)
{
    uint8_t data[512], text[20], sum = 0;

    start();
    g_assert_cmphex(qpci_readl(q, PIIX_IDE, 0), ==, 0x70108086);
    g_assert_cmphex(qpci_readl(q, PIIX_IDE, 8), ==, 0x01018000);
    qtest_outb(q, SELECT, 0);
    qtest_outb(q, COMMAND, 0xec);
    for (unsigned i = 0; i < 512; i += 2) {
        g_assert_cmphex(qtest_inb(q, STATUS) & (ST_DRDY | ST_DRQ | ST_BSY | ST_DF | ST_ERR), ==,
                        ST_DRDY | ST_DRQ);
        st16_le(data + i, qtest_inw(q, DATA));
    }
    ide_expect_ok(q);
    for (unsigned i = 0; i < 20; i++) {
        text[i] = data[20 + (i ^ 1)];
    }
    g_assert_true(!memcmp(text, "testdisk            ", 20));
    for (unsigned i = 0; i < 8; i++) {
        text[i] = data[46 + (i ^ 1)];
    }
    g_assert_true(!memcmp(text, "version ", 8));
    g_assert_cmphex(data[85 * 2] & 0x20, ==, 0x20);     /* write cache is on */
    g_assert_cmpuint(ld32_le(data + 120), ==, DISK_SECTORS);
    g_assert_cmpuint(ld64_le(data + 200), ==, DISK_SECTORS);
    for (unsigned i = 0; i < 512; i++) {
        sum += data[i];
    }
    g_assert_cmphex(sum, ==, 0);
    /* The write cache can be switched off. */
    qtest_outb(q, FEATURE, 0x82);
    qtest_outb(q, COMMAND, 0xef);
    ide_expect_ok(q);
    qtest_outb(q, COMMAND, 0xec);
    ide_in(q, data, 512);
    g_assert_cmphex(data[85 * 2] & 0x20, ==, 0);
    end();
}

static void pio_read(void)
{
    g_autofree uint8_t *disk = NULL;
    uint8_t data[512 * 300];

    start();
    disk = image_data(path);
    /* One interrupt a sector */
    ide_address(q, 7, 3);
    qtest_outb(q, COMMAND, 0x20);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(ide_wait(q) & (ST_DRQ | ST_ERR), ==, ST_DRQ);
        g_assert_true(qtest_irq(q, IRQ));
        qtest_inb(q, STATUS);
        g_assert_false(qtest_irq(q, IRQ));
        ide_in(q, data + i * 512, 512);
    }
    ide_expect_ok(q);
    g_assert_false(qtest_irq(q, IRQ));
    g_assert_true(!memcmp(data, disk + 7 * 512, 3 * 512));
    g_assert_cmpint(qtest_inb(q, LBA_LOW), ==, 9);
    /* READ MULTIPLE EXT: blocks of 8, the last one shorter; the buffer is filled several times */
    qtest_outb(q, COUNT, 8);
    qtest_outb(q, COMMAND, 0xc6);
    ide_expect_ok(q);
    ide_address_ext(q, 1000, 300);
    qtest_outb(q, COMMAND, 0x29);
    for (unsigned done = 0, n; done < 300; done += n) {
        n = MIN(8, 300 - done);
        g_assert_cmphex(ide_wait(q) & (ST_DRQ | ST_ERR), ==, ST_DRQ);
        g_assert_true(qtest_irq(q, IRQ));
        qtest_inb(q, STATUS);
        ide_in(q, data + done * 512, n * 512);
    }
    ide_expect_ok(q);
    g_assert_true(!memcmp(data, disk + 1000 * 512, 300 * 512));
    /* CHS: cylinder 1, head 2, sector 3 of 16 heads with 63 sectors */
    qtest_outb(q, COUNT, 1);
    qtest_outb(q, LBA_LOW, 3);
    qtest_outb(q, LBA_MID, 1);
    qtest_outb(q, LBA_HIGH, 0);
    qtest_outb(q, SELECT, 0xa2);
    qtest_outb(q, COMMAND, 0x20);
    ide_wait(q);
    ide_in(q, data, 512);
    g_assert_cmpuint(ld32_le(data), ==, (1 * 16 + 2) * 63 + 2);
    end();
}

static void pio_write(void)
{
    g_autofree uint8_t *disk = NULL;
    uint8_t data[512 * 20];

    start();
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = i * 3;
    }
    ide_address(q, 100, 4);
    qtest_outb(q, COMMAND, 0x30);
    g_assert_false(qtest_irq(q, IRQ));          /* none before the first sector */
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(ide_wait(q) & (ST_DRQ | ST_ERR), ==, ST_DRQ);
        qtest_inb(q, STATUS);
        ide_out(q, data + i * 512, 512);
        ide_wait(q);
        g_assert_true(qtest_irq(q, IRQ));
    }
    ide_expect_ok(q);
    /* WRITE MULTIPLE with blocks of 16, dwords at the data port */
    qtest_outb(q, COUNT, 16);
    qtest_outb(q, COMMAND, 0xc6);
    ide_address(q, 200, 20);
    qtest_outb(q, COMMAND, 0xc5);
    for (unsigned i = 0; i < sizeof(data); i += 4) {
        if (i == 16 * 512) {
            g_assert_cmphex(ide_wait(q) & ST_DRQ, ==, ST_DRQ);
        }
        qtest_outl(q, DATA, ld32_le(data + i));
    }
    ide_expect_ok(q);
    qtest_outb(q, COMMAND, 0xe7);               /* FLUSH CACHE */
    ide_expect_ok(q);
    disk = image_data(path);
    g_assert_true(!memcmp(disk + 100 * 512, data, 4 * 512));
    g_assert_true(!memcmp(disk + 200 * 512, data, 20 * 512));
    g_assert_cmpuint(ld32_le(disk + 99 * 512), ==, 99);
    g_assert_cmpuint(ld32_le(disk + 104 * 512), ==, 104);
    end();
}

static void dma(void)
{
    enum { LEN = 700 * 512 };
    g_autofree uint8_t *disk = NULL, *data = g_malloc(LEN);
    uint64_t buf;
    Prd prds[7];

    start();
    disk = image_data(path);
    buf = qtest_alloc(q, LEN);
    /* Seven pieces, all but the last of 64 KiB less 512 bytes, backwards in memory */
    for (unsigned i = 0; i < 7; i++) {
        unsigned len = i < 5 ? 0xfe00 : i == 5 ? 0x6000 : LEN - 5 * 0xfe00 - 0x6000;

        prds[i] = (Prd){ buf + LEN - (i < 5 ? (i + 1) * 0xfe00 : i == 5 ? 5 * 0xfe00 + 0x6000
                                                                       : LEN), len };
    }
    prds[6].size |= PRD_END;
    bm_set_table(q, bm, prds, 7);
    ide_address_ext(q, 1234, 700);
    qtest_outb(q, COMMAND, 0x25);
    g_assert_cmphex(bm_run(q, bm, true, false), ==, BM_INTR);
    for (unsigned i = 0, at = 0; i < 7; i++) {
        unsigned len = prds[i].size & 0xffff;

        qtest_memread(q, prds[i].addr, data, len);
        g_assert_true(!memcmp(data, disk + 1234 * 512 + at, len));
        at += len;
    }
    /* And to the disk */
    for (unsigned i = 0; i < 4096; i++) {
        data[i] = i ^ 0x77;
    }
    qtest_memwrite(q, buf, data, 4096);
    bm_set_table(q, bm, (Prd[]){ { buf, 4096 | PRD_END } }, 1);
    ide_address(q, 50, 8);
    qtest_outb(q, COMMAND, 0xca);
    g_assert_cmphex(bm_run(q, bm, false, false), ==, BM_INTR);
    g_free(disk);
    disk = image_data(path);
    g_assert_true(!memcmp(disk + 50 * 512, data, 4096));
    end();
}

/* What the engine's status says when the list and the transfer differ in length. */
static void dma_lengths(void)
{
    static const struct { unsigned sectors, prd, expected; } rows[] = {
        { 1, 512, BM_INTR }, { 1, 510, 0 }, { 2, 512, 0 }, { 1, 1024, BM_ACTIVE | BM_INTR },
        { 128, 0, BM_INTR }, { 127, 0, BM_ACTIVE | BM_INTR }, { 129, 0, 0 },
        { 0, 0, 0 }, { 1, 513, BM_INTR },
    };
    uint64_t buf;

    start();
    buf = qtest_alloc(q, 0x10000);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned abort = 0; abort < 2; abort++) {
            bm_set_table(q, bm, (Prd[]){ { buf, rows[i].prd | PRD_END } }, 1);
            ide_address(q, 0, rows[i].sectors);
            qtest_outb(q, COMMAND, 0xc8);
            g_assert_cmphex(bm_run(q, bm, true, abort), ==,
                            abort ? rows[i].expected & ~BM_ACTIVE : rows[i].expected);
        }
    }
    /* Without bus mastering no byte moves, but the command ends. */
    qtest_memset(q, buf, 0xaa, 512);
    bm_set_table(q, bm, (Prd[]){ { buf, 512 | PRD_END } }, 1);
    qpci_writew(q, PIIX_IDE, 4, 1);
    ide_address(q, 0, 1);
    qtest_outb(q, COMMAND, 0xc8);
    g_assert_cmphex(bm_run(q, bm, true, false), ==, BM_ACTIVE | BM_INTR);
    g_assert_cmphex(qtest_readl(q, buf), ==, 0xaaaaaaaa);
    end();
}

static uint8_t trim_one(uint64_t lba, uint16_t count)
{
    uint64_t buf = qtest_alloc(q, 512);

    qtest_writeq(q, buf + 8, lba | (uint64_t)count << 48);
    bm_set_table(q, bm, (Prd[]){ { buf, 512 | PRD_END } }, 1);
    qtest_outb(q, FEATURE, 1);
    ide_address(q, 0, 1);               /* once: the high byte of the count is what it was */
    qtest_outb(q, COMMAND, 0x06);
    g_assert_cmphex(bm_run(q, bm, false, false), ==, BM_INTR);
    return qtest_inb(q, STATUS) & ST_ERR ? qtest_inb(q, ERROR) : 0;
}

static void trim(void)
{
    g_autofree uint8_t *disk = NULL;

    start();
    g_assert_cmphex(trim_one(0x100, 0x10), ==, 0);
    g_assert_cmphex(trim_one(DISK_SECTORS - 1, 1), ==, 0);
    g_assert_cmphex(trim_one(DISK_SECTORS - 1, 2), ==, ER_ABRT);
    g_assert_cmphex(trim_one(0xffffffffffffULL, 0xffff), ==, ER_ABRT);
    disk = image_data(path);
    for (unsigned i = 0; i < 16 * 512; i++) {
        g_assert_cmpint(disk[0x100 * 512 + i], ==, 0);
    }
    g_assert_cmpuint(ld32_le(disk + 0xff * 512), ==, 0xff);
    g_assert_cmpuint(ld32_le(disk + 0x110 * 512), ==, 0x110);
    end();
}

static void expect_error(uint8_t command, uint8_t error)
{
    qtest_outb(q, COMMAND, command);
    g_assert_cmphex(ide_wait(q) & (ST_ERR | ST_DRQ), ==, ST_ERR);
    g_assert_cmphex(qtest_inb(q, ERROR), ==, error);
    g_assert_true(qtest_irq(q, IRQ));
    qtest_inb(q, STATUS);
}

static void errors(void)
{
    start();
    ide_address(q, DISK_SECTORS, 1);
    expect_error(0x20, ER_IDNF | ER_ABRT);
    ide_address(q, DISK_SECTORS - 1, 2);
    expect_error(0xca, ER_IDNF | ER_ABRT);
    ide_address_ext(q, 1ULL << 47, 1);
    expect_error(0x24, ER_IDNF | ER_ABRT);
    ide_address(q, 0, 1);
    expect_error(0xf1, ER_ABRT);                /* SECURITY SET PASSWORD */
    expect_error(0xa0, ER_ABRT);                /* PACKET */
    qtest_outb(q, COUNT, 3);
    expect_error(0xc6, ER_ABRT);                /* no power of two */
    qtest_outb(q, COUNT, 0);
    qtest_outb(q, COMMAND, 0xc6);
    ide_expect_ok(q);
    ide_address(q, 0, 1);
    expect_error(0xc4, ER_ABRT);                /* multiple mode is off */
    qtest_outb(q, FEATURE, 0x99);
    expect_error(0xef, ER_ABRT);
    end();
}

static void reset(void)
{
    start();
    ide_address(q, 5, 2);
    qtest_outb(q, COMMAND, 0x20);
    ide_wait(q);
    qtest_inw(q, DATA);
    /* Nothing gets through while a command is under way. */
    qtest_outb(q, LBA_LOW, 0x55);
    qtest_outb(q, COMMAND, 0xec);
    g_assert_cmphex(ide_wait(q) & ST_DRQ, ==, ST_DRQ);
    qtest_outb(q, CONTROL, 4);
    g_assert_cmphex(qtest_inb(q, STATUS), ==, ST_BSY);
    g_assert_false(qtest_irq(q, IRQ));
    qtest_outb(q, CONTROL, 0);
    g_assert_cmphex(ide_wait(q), ==, ST_DRDY | 0x10);
    g_assert_cmphex(qtest_inb(q, ERROR), ==, 1);
    g_assert_cmphex(qtest_inb(q, COUNT), ==, 1);
    g_assert_cmphex(qtest_inb(q, LBA_LOW), ==, 1);
    g_assert_cmphex(qtest_inb(q, LBA_MID), ==, 0);
    g_assert_cmphex(qtest_inb(q, LBA_HIGH), ==, 0);
    /* A reset in the midst of requests, again and again: late ends find nobody. */
    for (unsigned i = 0; i < 50; i++) {
        ide_address(q, i, 4);
        qtest_outb(q, COMMAND, i & 1 ? 0x20 : 0xe7);
        qtest_outb(q, CONTROL, 4);
        qtest_outb(q, CONTROL, 0);
        g_assert_cmphex(qtest_inb(q, ALT_STATUS), ==, ST_DRDY | 0x10);
    }
    qtest_outb(q, SELECT, 0xb0);
    qtest_outb(q, COMMAND, 0x90);               /* EXECUTE DEVICE DIAGNOSTIC */
    g_assert_cmphex(qtest_inb(q, SELECT) & 0x10, ==, 0);
    g_assert_true(qtest_irq(q, IRQ));
    ide_expect_ok(q);
    g_assert_cmphex(qtest_inb(q, ERROR), ==, 1);
    end();
}

/* nIEN holds the line, not the interrupt; HOB shows what was written before. */
static void control(void)
{
    start();
    qtest_outb(q, CONTROL, 2);
    qtest_outb(q, COMMAND, 0xe5);
    ide_expect_ok(q);
    g_assert_false(qtest_irq(q, IRQ));
    qtest_outb(q, CONTROL, 0);
    g_assert_true(qtest_irq(q, IRQ));
    qtest_inb(q, STATUS);
    ide_address_ext(q, 0x123456, 0x789a);
    g_assert_cmphex(qtest_inb(q, COUNT), ==, 0x9a);
    qtest_outb(q, CONTROL, 0x80);
    g_assert_cmphex(qtest_inb(q, COUNT), ==, 0x78);
    qtest_outb(q, COUNT, 1);
    g_assert_cmphex(qtest_inb(q, COUNT), ==, 1);
    /* No slave: its status is 0, its commands go nowhere. */
    qtest_outb(q, SELECT, 0xb0);
    g_assert_cmphex(qtest_inb(q, STATUS), ==, 0);
    qtest_outb(q, COMMAND, 0xec);
    g_assert_cmphex(qtest_inb(q, STATUS), ==, 0);
    g_assert_cmphex(qtest_inb(q, 0x177), ==, 0);
    end();
}

static void smart(void)
{
    uint8_t data[512], sum = 0;

    start();
    for (unsigned feature = 0xd0; feature <= 0xd1; feature++) {
        qtest_outb(q, FEATURE, feature);
        qtest_outb(q, LBA_MID, 0x4f);
        qtest_outb(q, LBA_HIGH, 0xc2);
        qtest_outb(q, COMMAND, 0xb0);
        ide_in(q, data, 512);
        ide_expect_ok(q);
        for (unsigned i = 0; i < 512; i++) {
            sum += data[i];
        }
        g_assert_cmphex(sum, ==, 0);
    }
    qtest_inb(q, STATUS);
    qtest_outb(q, FEATURE, 0xda);
    qtest_outb(q, COMMAND, 0xb0);
    ide_expect_ok(q);
    g_assert_cmphex(qtest_inb(q, LBA_MID), ==, 0x4f);
    g_assert_cmphex(qtest_inb(q, LBA_HIGH), ==, 0xc2);
    qtest_outb(q, LBA_MID, 0);
    expect_error(0xb0, ER_ABRT);
    end();
}

QTEST("/ide/identify", identify)
QTEST("/ide/pio-read", pio_read)
QTEST("/ide/pio-write", pio_write)
QTEST("/ide/dma", dma)
QTEST("/ide/dma-lengths", dma_lengths)
QTEST("/ide/trim", trim)
QTEST("/ide/errors", errors)
QTEST("/ide/reset", reset)
QTEST("/ide/control", control)
QTEST("/ide/smart", smart)
