/* Tests of fw_cfg: selector and data port, the file directory, DMA and its errors */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"
#include "util/bswap.h"

#define SELECT 0x510
#define DATA   0x511
#define DMA    0x514

static void port_read(QTest *q, uint16_t key, void *buf, size_t len)
{
    uint8_t *p = buf;

    qtest_outw(q, SELECT, key);
    for (size_t i = 0; i < len; i++) {
        p[i] = qtest_inb(q, DATA);
    }
}

/* Run one request at guest address 0x8000; its answer */
static uint32_t dma(QTest *q, uint32_t control, uint32_t len, uint64_t addr)
{
    uint8_t request[16];

    st32_be(request, control);
    st32_be(request + 4, len);
    st64_be(request + 8, addr);
    qtest_memwrite(q, 0x8000, request, sizeof(request));
    qtest_outl(q, DMA, 0);
    qtest_outl(q, DMA + 4, GUINT32_TO_BE(0x8000));
    qtest_memread(q, 0x8000, request, 4);
    return ld32_be(request);
}

/* The key of a file, its size in *size; 0 when there is none */
static uint16_t find_file(QTest *q, const char *name, uint32_t *size)
{
    uint8_t entry[64];
    uint32_t count;

    port_read(q, 0x19, entry, 4);
    count = ld32_be(entry);
    g_assert_cmpuint(count, <, 1000);
    while (count--) {
        for (unsigned i = 0; i < sizeof(entry); i++) {
            entry[i] = qtest_inb(q, DATA);
        }
        if (!strcmp((char *)entry + 8, name)) {
            *size = ld32_be(entry);
            return ld16_be(entry + 4);
        }
    }
    return 0;
}

static void ports(void)
{
    QTest *q = qtest_start("-machine pc -m 48M");
    uint8_t buf[16];

    port_read(q, 0, buf, 6);
    g_assert_cmpmem(buf, 6, "QEMU\0\0", 6);     /* zeroes behind the end */
    port_read(q, 1, buf, 4);
    g_assert_cmphex(ld32_le(buf), ==, 3);
    port_read(q, 3, buf, 8);
    g_assert_cmphex(ld64_le(buf), ==, 48 << 20);
    port_read(q, 0x3ff0, buf, 4);
    g_assert_cmphex(ld32_le(buf), ==, 0);       /* an item that is not there */
    port_read(q, 0x4000, buf, 4);
    g_assert_cmpmem(buf, 4, "QEMU", 4);         /* the old write bit is ignored */
    qtest_outb(q, DATA, 0x55);                  /* writing data is, too */
    port_read(q, 0, buf, 4);
    g_assert_cmpmem(buf, 4, "QEMU", 4);
    qtest_end(q);
}

static void files(void)
{
    QTest *q = qtest_start("-machine pc -m 48M");
    uint8_t e820[20];
    uint32_t size = 0;
    uint16_t key = find_file(q, "etc/e820", &size);

    g_assert_cmphex(key, >=, 0x20);
    g_assert_cmpuint(size, ==, sizeof(e820));
    port_read(q, key, e820, sizeof(e820));
    g_assert_cmphex(ld64_le(e820), ==, 0);
    g_assert_cmphex(ld64_le(e820 + 8), ==, 48 << 20);
    g_assert_cmphex(ld32_le(e820 + 16), ==, 1);
    g_assert_cmphex(find_file(q, "etc/nonesuch", &size), ==, 0);
    qtest_end(q);
}

/* What users add: files, an option ROM; the ACPI table is in the loader's file */
static void user_items(void)
{
    g_autofree char *folder = g_dir_make_tmp("fw-cfg-XXXXXX", NULL);
    g_autofree char *rom = g_build_filename(folder, "x.rom", NULL);
    uint8_t image[512] = { 0x55, 0xaa, 1 }, buf[8192];
    uint32_t size = 0;
    QTest *q;

    g_assert_true(g_file_set_contents(rom, (const char *)image, sizeof(image), NULL));
    q = qtest_start("-machine pc -m 48M -fw_cfg opt/text,string=a,,b -fw_cfg name=opt/file,file=%s "
                    "-option-rom %s,bootindex=3 -acpitable sig=SLIC,oem_id=ME,oem_rev=7,data=%s",
                    rom, rom, rom);
    port_read(q, find_file(q, "opt/text", &size), buf, 3);
    g_assert_cmpmem(buf, size, "a,b", 3);
    port_read(q, find_file(q, "opt/file", &size), buf, sizeof(image));
    g_assert_cmpmem(buf, size, image, sizeof(image));
    port_read(q, find_file(q, "genroms/x.rom", &size), buf, sizeof(image));
    g_assert_cmpmem(buf, size, image, sizeof(image));
    port_read(q, find_file(q, "bootorder", &size), buf, 64);
    g_assert_cmpstr((char *)buf, ==, "/rom@genroms/x.rom");
    port_read(q, find_file(q, "etc/acpi/tables", &size), buf, sizeof(buf));
    g_assert_cmpuint(size, <, sizeof(buf));
    for (uint32_t i = 0;; i++) {
        g_assert_cmpuint(i, <, size - 36);
        if (!memcmp(buf + i, "SLIC", 4)) {
            g_assert_cmpuint(ld32_le(buf + i + 4), ==, 36 + sizeof(image));
            g_assert_cmpmem(buf + i + 10, 6, "ME\0\0\0\0", 6);
            g_assert_cmpuint(ld32_le(buf + i + 24), ==, 7);
            g_assert_cmpmem(buf + i + 36, sizeof(image), image, sizeof(image));
        } else if (!memcmp(buf + i, "RSDT", 4)) {
            g_assert_cmpmem(buf + i + 10, 6, "ME\0\0\0\0", 6);      /* the SLIC's */
            break;
        }
    }
    qtest_end(q);
    unlink(rom);
    rmdir(folder);
}

static void dma_works(void)
{
    QTest *q = qtest_start("-machine pc -m 48M");
    uint8_t buf[8];

    g_assert_cmphex(GUINT32_FROM_BE(qtest_inl(q, DMA)), ==, 0x51454d55);
    g_assert_cmphex(GUINT32_FROM_BE(qtest_inl(q, DMA + 4)), ==, 0x20434647);
    qtest_memset(q, 0x9000, 0xee, 16);
    g_assert_cmphex(dma(q, 0 << 16 | 8 | 2, 6, 0x9000), ==, 0);
    qtest_memread(q, 0x9000, buf, 8);
    g_assert_cmpmem(buf, 8, "QEMU\0\0\xee\xee", 8);
    /* select, skip two, then read without a new selection: it goes on */
    g_assert_cmphex(dma(q, 0 << 16 | 8 | 4, 2, 0), ==, 0);
    g_assert_cmphex(dma(q, 2, 2, 0x9000), ==, 0);
    qtest_memread(q, 0x9000, buf, 2);
    g_assert_cmpmem(buf, 2, "MU", 2);
    qtest_end(q);
}

static void dma_errors(void)
{
    QTest *q = qtest_start("-machine pc -m 48M");
    uint8_t buf[4];

    /* reading into what is no RAM, writing what is read-only, a huge read */
    g_assert_cmphex(dma(q, 0 << 16 | 8 | 2, 4, 0xfee00000), ==, 1);
    g_assert_cmphex(dma(q, 0 << 16 | 8 | 2, 4, 0xfffffffffffffffeULL), ==, 1);
    g_assert_cmphex(dma(q, 0 << 16 | 8 | 0x10, 4, 0x9000), ==, 1);
    g_assert_cmphex(dma(q, 0 << 16 | 8 | 2, 0xffffffff, 0x100000), ==, 1);
    /* a request in no RAM is dropped; an access of a wrong size too */
    qtest_outl(q, DMA, 0xffffffff);
    qtest_outl(q, DMA + 4, 0xfcffffff);
    qtest_outw(q, DMA + 4, 0x80);
    qtest_outb(q, DMA + 7, 0x80);
    port_read(q, 0, buf, 4);
    g_assert_cmpmem(buf, 4, "QEMU", 4);
    qtest_end(q);
}

static void kernel_errors(void)
{
    static const struct { const char *args, *answer; } rows[] = {
        { "-kernel /nonexistent", "kernel '/nonexistent': cannot open it: No such file*" },
        { "-kernel /proc/self/exe -m 64M", "kernel '/proc/self/exe' is an ELF file without*" },
        { "-initrd /etc/passwd", "-initrd only allowed with -kernel*" },
        { "-bios /nonexistent", "BIOS image '/nonexistent': no such file*" },
        { "-bios /etc/passwd", "BIOS image '/etc/passwd': its size*no multiple of 64 KiB*" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *args = g_strdup_printf("-machine pc %s", rows[i].args);
        g_autofree char *pattern = g_strdup_printf("*%s", rows[i].answer);
        g_autofree char *err = NULL;

        g_assert_cmpint(qtest_run(args, &err), ==, 1);
        if (!g_pattern_match_simple(pattern, err)) {
            g_error("%s: '%s' does not match '%s'", args, err, pattern);
        }
    }
}

/* What a BIOS does that finds nothing to boot: try again, or wait for ever. */
static void boot_fail_wait(void)
{
    static const struct { const char *options; uint32_t ms; } rows[] = {
        { "", UINT32_MAX }, { "-boot reboot-timeout=-1", UINT32_MAX },
        { "-boot reboot-timeout=15", 15 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        QTest *q = qtest_start("-machine pc %s", rows[i].options);
        uint32_t size;
        uint8_t ms[4];

        port_read(q, find_file(q, "etc/boot-fail-wait", &size), ms, sizeof(ms));
        g_assert_cmpuint(size, ==, sizeof(ms));
        g_assert_cmphex(ld32_le(ms), ==, rows[i].ms);
        qtest_end(q);
    }
}

QTEST("/fw-cfg/boot-fail-wait", boot_fail_wait)
QTEST("/fw-cfg/ports", ports)
QTEST("/fw-cfg/files", files)
QTEST("/fw-cfg/user-items", user_items)
QTEST("/fw-cfg/dma", dma_works)
QTEST("/fw-cfg/dma-errors", dma_errors)
QTEST("/fw-cfg/kernel-errors", kernel_errors)
