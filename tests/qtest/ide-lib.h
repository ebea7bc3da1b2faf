/* A driver of IDE disks and CD drives in miniature, for ide-test.c and ide-cd-test.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_QTEST_IDE_LIB_H
#define TESTS_QTEST_IDE_LIB_H

#include "tests/qtest/libqtest.h"
#include "util/bswap.h"
#include "util/compiler.h"

enum {
    DATA = 0x1f0, ERROR = 0x1f1, FEATURE = 0x1f1, COUNT = 0x1f2, LBA_LOW = 0x1f3,
    LBA_MID = 0x1f4, LBA_HIGH = 0x1f5, SELECT = 0x1f6, STATUS = 0x1f7, COMMAND = 0x1f7,
    CONTROL = 0x3f6, ALT_STATUS = 0x3f6,

    ST_BSY = 0x80, ST_DRDY = 0x40, ST_DF = 0x20, ST_DRQ = 0x08, ST_ERR = 0x01,
    ER_ABRT = 0x04, ER_IDNF = 0x10,
    BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4,
    BM_START = 1, BM_TO_MEMORY = 8, BM_ACTIVE = 1, BM_INTR = 4,
    PRD_END = 1u << 31,
    IRQ = 14,
    PIIX_IDE = 1 << 3 | 1,
};

/* A file of size bytes, each sector beginning with its number; removed by image_remove(). */
static inline char *image_new(size_t size)
{
    char *path = g_strdup("/tmp/mica-ide-XXXXXX");
    int fd = g_mkstemp(path);
    g_autofree uint8_t *data = g_malloc(size);

    for (size_t i = 0; i < size; i++) {
        data[i] = i * 5 >> 3 ^ i / 512;
    }
    for (size_t i = 0; i + 512 <= size; i += 512) {
        st32_le(data + i, i / 512);
    }
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, size), ==, size);
    close(fd);
    return path;
}

static inline void image_remove(char *path)
{
    unlink(path);
    g_free(path);
}

static inline uint8_t *image_data(const char *path)
{
    char *data;

    g_assert_true(g_file_get_contents(path, &data, NULL, NULL));
    return (uint8_t *)data;
}

static inline QTest *ide_start(const char *device, const char *path)
{
    QTest *q = qtest_start("-machine pc -blockdev driver=raw,node-name=d0,discard=unmap,"
                           "file.driver=file,file.filename=%s -device %s,drive=d0,"
                           "serial=testdisk,ver=version", path, device);

    qtest_irq_intercept_in(q, "ioapic");
    qpci_enable(q, PIIX_IDE);
    return q;
}

/* Poll until the drive is not busy; its status, read without touching the interrupt. */
static inline uint8_t ide_wait(QTest *q)
{
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t status = qtest_inb(q, ALT_STATUS);

        if (!(status & ST_BSY)) {
            return status;
        }
        g_usleep(100);
    }
    g_assert_not_reached();
}

static inline void ide_address(QTest *q, uint64_t lba, unsigned count)
{
    qtest_outb(q, COUNT, count);
    qtest_outb(q, LBA_LOW, lba);
    qtest_outb(q, LBA_MID, lba >> 8);
    qtest_outb(q, LBA_HIGH, lba >> 16);
    qtest_outb(q, SELECT, 0xe0 | (lba >> 24 & 15));
}

static inline void ide_address_ext(QTest *q, uint64_t lba, unsigned count)
{
    qtest_outb(q, SELECT, 0xe0);
    qtest_outb(q, COUNT, count >> 8);
    qtest_outb(q, LBA_LOW, lba >> 24);
    qtest_outb(q, LBA_MID, lba >> 32);
    qtest_outb(q, LBA_HIGH, lba >> 40);
    qtest_outb(q, COUNT, count);
    qtest_outb(q, LBA_LOW, lba);
    qtest_outb(q, LBA_MID, lba >> 8);
    qtest_outb(q, LBA_HIGH, lba >> 16);
}

static inline void ide_in(QTest *q, void *buf, unsigned len)
{
    for (unsigned i = 0; i < len; i += 2) {
        st16_le((uint8_t *)buf + i, qtest_inw(q, DATA));
    }
}

static inline void ide_out(QTest *q, const void *buf, unsigned len)
{
    for (unsigned i = 0; i < len; i += 2) {
        qtest_outw(q, DATA, ld16_le((const uint8_t *)buf + i));
    }
}

static inline void ide_expect_ok(QTest *q)
{
    uint8_t status = ide_wait(q);

    g_assert_cmphex(status & (ST_DRDY | ST_DF | ST_ERR | ST_DRQ), ==, ST_DRDY);
}

typedef struct Prd {
    uint32_t addr, size;
} Prd;

static inline void bm_set_table(QTest *q, uint16_t bm, const Prd *prds, unsigned n)
{
    uint64_t table = qtest_alloc(q, n * 8);

    for (unsigned i = 0; i < n; i++) {
        qtest_writel(q, table + i * 8, prds[i].addr);
        qtest_writel(q, table + i * 8 + 4, prds[i].size);
    }
    qtest_outb(q, bm + BM_COMMAND, 0);
    qtest_outb(q, bm + BM_STATUS, BM_INTR);
    qtest_outl(q, bm + BM_TABLE, table);
}

/* After the command was written: run the engine (abort: stop it at once), the status at the end. */
static inline uint8_t bm_run(QTest *q, uint16_t bm, bool to_memory, bool abort)
{
    uint8_t status;

    qtest_outb(q, bm + BM_COMMAND, BM_START | (to_memory ? BM_TO_MEMORY : 0));
    if (abort) {
        qtest_outb(q, bm + BM_COMMAND, 0);
    }
    do {
        status = qtest_inb(q, bm + BM_STATUS);
    } while ((status & (BM_ACTIVE | BM_INTR)) == BM_ACTIVE);
    g_assert_cmpint(qtest_irq(q, IRQ), ==, !!(status & BM_INTR));
    g_assert_cmphex(qtest_inb(q, STATUS) & (ST_DRDY | ST_BSY | ST_DRQ), ==, ST_DRDY);
    g_assert_false(qtest_irq(q, IRQ));
    if (status & BM_ACTIVE) {
        qtest_outb(q, bm + BM_COMMAND, 0);
    }
    return status & (BM_ACTIVE | BM_INTR | 2);
}

#endif
