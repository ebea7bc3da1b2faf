/* Geometry of IDE disks: CMOS bytes, guesses from partition tables, what users choose */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include <unistd.h>
#include "tests/qtest/libqtest.h"
#include "util/bswap.h"

enum { SECTORS = 61440, LARGE_SECTORS = 8388608 };

static uint8_t cmos(QTest *q, unsigned reg)
{
    qtest_outb(q, 0x70, reg);
    return qtest_inb(q, 0x71);
}

/* A sparse disk whose first partition ends at that head and sector; head 0: no table. */
static char *disk_new(uint64_t sectors, uint8_t head, uint8_t sector)
{
    char *path = g_strdup("/tmp/mica-geo-XXXXXX");
    int fd = g_mkstemp(path);
    uint8_t mbr[512] = {};

    if (head) {
        mbr[0x1be + 5] = head;
        mbr[0x1be + 6] = sector | 0x40;     /* its high bits are the cylinder's */
        st32_le(mbr + 0x1be + 12, 8001);
        st16_le(mbr + 510, 0xaa55);
    }
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, sectors * 512), ==, 0);
    g_assert_cmpint(write(fd, mbr, sizeof(mbr)), ==, sizeof(mbr));
    close(fd);
    return path;
}

/* A machine with one disk, at unit of the primary channel; the image is not needed any more. */
static QTest *start(char *path, unsigned unit, const char *options)
{
    QTest *q = qtest_start("-machine pc -blockdev driver=raw,node-name=d0,"
                           "file.driver=file,file.filename=%s "
                           "-device ide-hd,drive=d0,bus=ide.0,unit=%u%s", path, unit, options);

    unlink(path);
    g_free(path);
    return q;
}

static void expect(QTest *q, unsigned unit, unsigned cylinders, unsigned heads, unsigned sectors,
                   unsigned translation)
{
    unsigned reg = unit ? 0x24 : 0x1b;
    const uint8_t bytes[9] = { cylinders, cylinders >> 8, heads, 0xff, 0xff,
                               heads > 8 ? 0xc8 : 0xc0, cylinders, cylinders >> 8, sectors };
    uint8_t sum = 0;

    g_assert_cmphex(cmos(q, 0x12), ==, unit ? 0x0f : 0xf0);
    g_assert_cmpuint(cmos(q, 0x19), ==, unit ? 0 : 47);
    g_assert_cmpuint(cmos(q, 0x1a), ==, unit ? 47 : 0);
    for (unsigned i = 0; i < 9; i++) {
        g_assert_cmphex(cmos(q, reg + i), ==, bytes[i]);
    }
    g_assert_cmphex(cmos(q, 0x39), ==, translation << (unit * 2));
    for (reg = 0x10; reg < 0x2e; reg++) {
        sum += cmos(q, reg);
    }
    g_assert_cmphex(cmos(q, 0x2f), ==, sum);
    qtest_end(q);
}

static void guesses(void)
{
    static const struct {
        uint64_t disk;
        uint8_t head, sector;
        unsigned cylinders, heads, sectors, translation;
    } rows[] = {
        { SECTORS, 0, 0, 60, 16, 63, 0 },           /* nothing is known: standard */
        { LARGE_SECTORS, 0, 0, 8322, 16, 63, 1 },   /* the same, too large for CHS: LBA */
        { SECTORS, 127, 63, 60, 16, 63, 2 },        /* 128 heads: somebody translated */
        { LARGE_SECTORS, 127, 63, 8322, 16, 63, 1 },
        { LARGE_SECTORS, 15, 63, 8322, 16, 63, 0 }, /* counted as the disk does */
        { SECTORS, 3, 32, 480, 4, 32, 0 },
        { SECTORS, 3, 0, 60, 16, 63, 0 },           /* nonsense: as if it were not there */
        { 16, 15, 63, 2, 16, 63, 0 },               /* less than a cylinder */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        expect(start(disk_new(rows[i].disk, rows[i].head, rows[i].sector), i & 1, ""), i & 1,
               rows[i].cylinders, rows[i].heads, rows[i].sectors, rows[i].translation);
    }
}

static void chosen(void)
{
    expect(start(disk_new(SECTORS, 15, 63), 0, ",cyls=480,heads=4,secs=32"), 0, 480, 4, 32, 0);
    expect(start(disk_new(SECTORS, 15, 63), 0,
                 ",cyls=480,heads=4,secs=32,bios-chs-trans=rechs"), 0, 480, 4, 32, 3);
    expect(start(disk_new(SECTORS, 127, 63), 0, ",bios-chs-trans=lba"), 0, 60, 16, 63, 1);
}

static void refused(void)
{
    static const struct { const char *options, *text; } rows[] = {
        { "cyls=0,heads=16,secs=63", "cyls must be between 1 and 65535" },
        { "cyls=60,heads=17,secs=63", "heads must be between 1 and 16" },
        { "cyls=60,heads=16,secs=256", "secs must be between 1 and 255" },
        { "bios-chs-trans=more", "can't take value 'more'" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *err = NULL;
        g_autofree char *args = g_strdup_printf(
            "-machine pc -accel qtest -blockdev null-co,node-name=d0,size=1M "
            "-device ide-hd,drive=d0,%s", rows[i].options);

        g_assert_cmpint(qtest_run(args, &err), ==, 1);
        g_assert_nonnull(strstr(err, rows[i].text));
    }
}

/* bios-geometry in the directory of fw_cfg's files: its size; its text into buf */
static unsigned read_bios_geometry(QTest *q, char *buf, unsigned len)
{
    uint8_t head[4], entry[64];
    unsigned size = 0;

    qtest_outw(q, 0x510, 0x19);
    for (unsigned i = 0; i < 4; i++) {
        head[i] = qtest_inb(q, 0x511);
    }
    for (unsigned n = 0; n < ld32_be(head); n++) {
        for (unsigned i = 0; i < 64; i++) {
            entry[i] = qtest_inb(q, 0x511);
        }
        if (!strcmp((char *)entry + 8, "bios-geometry")) {
            size = ld32_be(entry);
            qtest_outw(q, 0x510, ld16_be(entry + 4));
            for (unsigned i = 0; i < MIN(size, len); i++) {
                buf[i] = qtest_inb(q, 0x511);
            }
            return size;
        }
    }
    g_assert_not_reached();
}

static void bios_geometry(void)
{
    QTest *q = start(disk_new(SECTORS, 0, 0), 1, ",lcyls=900,lheads=120,lsecs=30");
    char text[64] = "";

    read_bios_geometry(q, text, sizeof(text) - 1);
    g_assert_cmpstr(text, ==, "/pci@i0cf8/ide@1,1/drive@0/disk@1 900 120 30");
    qtest_end(q);
    q = start(disk_new(SECTORS, 0, 0), 1, "");
    g_assert_cmpuint(read_bios_geometry(q, text, sizeof(text)), ==, 0);
    qtest_end(q);
}

QTEST("/ide-geometry/guesses", guesses)
QTEST("/ide-geometry/chosen", chosen)
QTEST("/ide-geometry/refused", refused)
QTEST("/ide-geometry/bios-geometry", bios_geometry)
