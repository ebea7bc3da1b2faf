/* cfi.pflash01: commands, what reaches the drive, and where the chips are */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define SECTOR   4096u
#define SIZE     0x20000u       /* of chip 0, which ends at 4 GiB */
#define VARS     0x8000u        /* of chip 1, right below */
#define CODE_AT  (0x100000000ull - SIZE)
#define NULL_FILE "'file=json:{\"driver\":\"null-co\"}'"
#define VARS_AT  (CODE_AT - VARS)

typedef struct Files {
    char *folder, *code, *vars;
} Files;

static char *make_file(const char *folder, const char *name, size_t size, unsigned seed)
{
    char *path = g_build_filename(folder, name, NULL);
    g_autofree char *bytes = g_malloc(size);

    for (size_t i = 0; i < size; i++) {
        bytes[i] = i * 7 + i / SECTOR + seed;
    }
    g_assert_true(g_file_set_contents(path, bytes, size, NULL));
    return path;
}

static uint8_t byte_of(unsigned offset, unsigned seed)
{
    return offset * 7 + offset / SECTOR + seed;
}

static Files files_new(void)
{
    Files f = { .folder = g_dir_make_tmp("mica-pflash-XXXXXX", NULL) };

    f.code = make_file(f.folder, "code", SIZE, 1);
    f.vars = make_file(f.folder, "vars", VARS, 2);
    return f;
}

static void files_free(Files *f)
{
    unlink(f->code);
    unlink(f->vars);
    rmdir(f->folder);
    g_free(f->code);
    g_free(f->vars);
    g_free(f->folder);
}

static QTest *start(const Files *f, const char *more)
{
    return qtest_start("-machine pc -drive if=pflash,format=raw,readonly=on,file=%s "
                       "-drive if=pflash,format=raw,file=%s %s", f->code, f->vars, more);
}

static uint8_t vars_byte(const Files *f, unsigned offset)
{
    g_autofree char *bytes = NULL;
    size_t len;

    g_assert_true(g_file_get_contents(f->vars, &bytes, &len, NULL));
    g_assert_cmpuint(len, ==, VARS);
    return bytes[offset];
}

/* The first on top, the second below, and the last 128 KiB of the first below 1 MiB. */
static void places(void)
{
    Files f = files_new();
    QTest *q = start(&f, "");

    g_assert_cmphex(qtest_readb(q, 0xffffffff), ==, byte_of(SIZE - 1, 1));
    g_assert_cmphex(qtest_readb(q, CODE_AT), ==, byte_of(0, 1));
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, byte_of(0, 2));
    g_assert_cmphex(qtest_readb(q, CODE_AT - 1), ==, byte_of(VARS - 1, 2));
    g_assert_cmphex(qtest_readb(q, 0xfffff), ==, byte_of(SIZE - 1, 1));
    g_assert_cmphex(qtest_readb(q, 0xe0000), ==, byte_of(0, 1));
    qtest_end(q);
    files_free(&f);
}

static void program(void)
{
    Files f = files_new();
    QTest *q = start(&f, "");

    qtest_writeb(q, VARS_AT + 5, 0x40);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 5), ==, 0x80);     /* ready */
    qtest_writeb(q, VARS_AT + 5, 0xa5);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, 0x80);
    qtest_writeb(q, VARS_AT, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 5), ==, 0xa5);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 4), ==, byte_of(4, 2));
    /* the same sector again, while the first write may still be under way */
    qtest_writeb(q, VARS_AT + 6, 0x10);
    qtest_writeb(q, VARS_AT + 6, 0x5a);
    qtest_writeb(q, VARS_AT, 0xf0);
    qtest_end(q);
    g_assert_cmphex(vars_byte(&f, 5), ==, 0xa5);
    g_assert_cmphex(vars_byte(&f, 6), ==, 0x5a);
    g_assert_cmphex(vars_byte(&f, 7), ==, byte_of(7, 2));

    q = start(&f, "");
    g_assert_cmphex(qtest_readb(q, VARS_AT + 5), ==, 0xa5);
    qtest_end(q);
    files_free(&f);
}

static void erase(void)
{
    Files f = files_new();
    QTest *q = start(&f, "");

    qtest_writeb(q, VARS_AT + SECTOR + 3, 0x20);
    qtest_writeb(q, VARS_AT + SECTOR + 3, 0xd0);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, 0x80);
    qtest_writeb(q, VARS_AT, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS_AT + SECTOR - 1), ==, byte_of(SECTOR - 1, 2));
    for (unsigned i = SECTOR; i < 2 * SECTOR; i += 0x333) {
        g_assert_cmphex(qtest_readb(q, VARS_AT + i), ==, 0xff);
    }
    g_assert_cmphex(qtest_readb(q, VARS_AT + 2 * SECTOR), ==, byte_of(2 * SECTOR, 2));
    qtest_end(q);
    g_assert_cmphex(vars_byte(&f, SECTOR), ==, 0xff);
    g_assert_cmphex(vars_byte(&f, 2 * SECTOR - 1), ==, 0xff);
    g_assert_cmphex(vars_byte(&f, 2 * SECTOR), ==, byte_of(2 * SECTOR, 2));
    files_free(&f);
}

/* As many writes as announced, then the confirmation; a wrong one is the end of it. */
static void buffer(void)
{
    Files f = files_new();
    QTest *q = start(&f, "");

    qtest_writeb(q, VARS_AT, 0xe8);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, 0x80);
    qtest_writeb(q, VARS_AT, 3);
    for (unsigned i = 0; i < 4; i++) {
        qtest_writeb(q, VARS_AT + 0x100 + i, 0xc0 + i);
    }
    qtest_writeb(q, VARS_AT, 0xd0);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, 0x80);
    qtest_writeb(q, VARS_AT, 0xff);
    g_assert_cmphex(qtest_readl(q, VARS_AT + 0x100), ==, 0xc3c2c1c0);
    qtest_end(q);
    g_assert_cmphex(vars_byte(&f, 0x103), ==, 0xc3);
    files_free(&f);
}

static void query(void)
{
    Files f = files_new();
    QTest *q = start(&f, "");

    qtest_writeb(q, VARS_AT, 0x98);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x10), ==, 'Q');
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x11), ==, 'R');
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x12), ==, 'Y');
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x27), ==, 15);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x2d), ==, VARS / SECTOR - 1);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x30), ==, SECTOR >> 16);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x2f), ==, SECTOR >> 8);
    qtest_writeb(q, VARS_AT, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS_AT + 0x10), ==, byte_of(0x10, 2));
    qtest_writeb(q, VARS_AT, 0x90);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, 0);
    /* what is no command leads back to the array, and so does a reset */
    qtest_writeb(q, VARS_AT, 0x33);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, byte_of(0, 2));
    qtest_writeb(q, VARS_AT, 0x70);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, 0x80);
    g_assert_cmphex(qtest_readl(q, VARS_AT), ==, 0x00800080);
    qtest_qmp_done(q, "{'execute': 'system_reset'}");
    json_object_put(qtest_qmp_event(q, "RESET"));
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, byte_of(0, 2));
    qtest_end(q);
    files_free(&f);
}

/* A drive that cannot be written: the status says so, and the array stays. */
static void read_only(void)
{
    Files f = files_new();
    QTest *q = start(&f, "");

    qtest_writeb(q, CODE_AT + 9, 0x40);
    qtest_writeb(q, CODE_AT + 9, 0x00);
    g_assert_cmphex(qtest_readb(q, CODE_AT), ==, 0x90);
    qtest_writeb(q, CODE_AT, 0x50);
    g_assert_cmphex(qtest_readb(q, CODE_AT + 9), ==, byte_of(9, 1));
    qtest_writeb(q, CODE_AT, 0x20);
    qtest_writeb(q, CODE_AT, 0xd0);
    g_assert_cmphex(qtest_readb(q, CODE_AT), ==, 0xa0);
    qtest_writeb(q, CODE_AT, 0xff);
    g_assert_cmphex(qtest_readb(q, CODE_AT), ==, byte_of(0, 1));
    qtest_end(q);
    files_free(&f);
}

/* Nodes by name; secure: no CPU outside of system management mode has commands. */
static void blockdevs(void)
{
    Files f = files_new();
    QTest *q = qtest_start("-blockdev node-name=code,driver=file,filename=%s,read-only=on "
                           "-blockdev node-name=vars,driver=file,filename=%s "
                           "-machine pc,pflash0=code,pflash1=vars "
                           "-global driver=cfi.pflash01,property=secure,value=on",
                           f.code, f.vars);

    qtest_writeb(q, VARS_AT, 0x70);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, byte_of(0, 2));
    qtest_writeb(q, VARS_AT, 0x40);
    qtest_writeb(q, VARS_AT, 0x40);
    g_assert_cmphex(qtest_readb(q, VARS_AT), ==, byte_of(0, 2));
    qtest_end(q);
    g_assert_cmphex(vars_byte(&f, 0), ==, byte_of(0, 2));
    files_free(&f);
}

static void refused(void)
{
    static const struct { const char *args, *says; } rows[] = {
        { "-machine pc -drive if=pflash,unit=1," NULL_FILE, "pflash1 requires pflash0" },
        { "-machine pc -drive if=pflash,unit=2," NULL_FILE,
          "machine type does not support if=pflash,bus=0,unit=2" },
        { "-machine none -drive if=pflash," NULL_FILE,
          "machine type does not support if=pflash,bus=0,unit=0" },
        { "-machine pc,pflash0=nosuch", "Property 'cfi.pflash01.drive' can't find value 'nosuch'" },
        { "-blockdev node-name=a,driver=null-co,size=5000 -machine pc,pflash0=a",
          "has invalid size" },
        { "-blockdev node-name=a,driver=null-co,size=64k -machine pc,pflash0=a,max-fw-size=32k",
          "combined size of system firmware exceeds 32768 bytes" },
        { "-blockdev node-name=a,driver=null-co,size=64k -machine pc,pflash0=a "
          "-drive if=pflash," NULL_FILE, "clashes with -machine" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *err = NULL;

        g_assert_cmpint(qtest_run(rows[i].args, &err), ==, 1);
        if (!strstr(err, rows[i].says)) {
            g_error("%s: %s", rows[i].args, err);
        }
    }
}

QTEST("/pflash/places", places)
QTEST("/pflash/program", program)
QTEST("/pflash/erase", erase)
QTEST("/pflash/buffer", buffer)
QTEST("/pflash/query", query)
QTEST("/pflash/read-only", read_only)
QTEST("/pflash/blockdevs", blockdevs)
QTEST("/pflash/refused", refused)
