/* Tests of -kernel: header parsing, placement, and what wrong files are told */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/linux-boot.h"
#include "util/bswap.h"

#define MIB (1ULL << 20)

static char *dir;

static char *write_file(const char *name, const void *data, size_t len)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, data, len, NULL));
    return path;
}

/* A bzImage's bones: 2 setup sectors beside the boot sector, then kernel_size bytes */
static uint8_t *make_linux(unsigned version, bool high, size_t kernel_size, size_t *len)
{
    uint8_t *p = g_malloc0(*len = 3 * 512 + kernel_size);

    p[0x1f1] = 2;
    st32_le(p + 0x1f4, (kernel_size + 15) / 16);
    st16_le(p + 0x1fe, 0xaa55);
    memcpy(p + 0x202, "HdrS", 4);
    st16_le(p + 0x206, version);
    p[0x211] = high;
    st32_le(p + 0x22c, 0x7fffffff);
    st32_le(p + 0x238, 2047);
    st64_le(p + 0x258, 0x1000000);
    st32_le(p + 0x260, 0x800000);
    return p;
}

static bool load(const char *kernel, const char *initrd, const char *append, uint64_t memory,
                 KernelImage *image, Error **errp)
{
    const KernelConfig cfg = { kernel, initrd, append, memory };

    return kernel_image_load(&cfg, image, errp);
}

static const uint8_t *bytes(const KernelPart *part)
{
    return g_bytes_get_data(part->data, NULL);
}

static void modern(void)
{
    size_t len;
    g_autofree uint8_t *p = make_linux(0x20f, true, 100000, &len);
    g_autofree char *kernel = write_file("bzImage", p, len);
    g_autofree uint8_t *rd = g_malloc0(300000);
    g_autofree char *initrd = write_file("initrd", rd, 300000);
    KernelImage image;

    g_assert_true(load(kernel, initrd, "quiet vga=ask", 64 * MIB, &image, NULL));
    g_assert_cmpstr(image.rom, ==, "mica-linux.bin");
    g_assert_cmphex(image.setup.addr, ==, 0x10000);
    g_assert_cmpuint(g_bytes_get_size(image.setup.data), ==, 1536);
    g_assert_cmphex(image.kernel.addr, ==, 0x100000);
    g_assert_cmpuint(g_bytes_get_size(image.kernel.data), ==, 100000);
    g_assert_cmpstr((const char *)bytes(&image.cmdline), ==, "quiet vga=ask");
    g_assert_cmphex(ld32_le(bytes(&image.setup) + 0x228), ==, image.cmdline.addr);
    g_assert_cmphex(ld32_le(bytes(&image.setup) + 0x218), ==, image.initrd.addr);
    g_assert_cmpuint(ld32_le(bytes(&image.setup) + 0x21c), ==, 300000);
    g_assert_cmphex(ld16_le(bytes(&image.setup) + 0x1fa), ==, 0xfffd);
    g_assert_cmphex(bytes(&image.setup)[0x210], ==, 0xb0);
    g_assert_cmphex(bytes(&image.setup)[0x211], ==, 0x81);
    g_assert_cmphex(image.initrd.addr & 0xfff, ==, 0);
    g_assert_cmphex(image.initrd.addr + 300000, <, 64 * MIB - 0x20000);
    kernel_image_free(&image);

    /* the limit that the kernel sets counts too */
    st32_le(p + 0x22c, 48 * MIB - 1);
    g_free(g_steal_pointer(&kernel));
    kernel = write_file("bzImage", p, len);
    g_assert_true(load(kernel, initrd, NULL, 64 * MIB, &image, NULL));
    g_assert_cmphex(image.initrd.addr, ==, ROUND_DOWN(48 * MIB - 300000, 4096));
    kernel_image_free(&image);
}

static void old_protocols(void)
{
    static const struct { unsigned version; bool high; uint32_t setup, kernel; } rows[] = {
        { 0x200, false, 0x90000, 0x10000 }, { 0x201, true, 0x90000, 0x100000 },
        { 0x202, false, 0x90000, 0x10000 }, { 0x202, true, 0x10000, 0x100000 },
        { 0x203, true, 0x10000, 0x100000 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len;
        g_autofree uint8_t *p = make_linux(rows[i].version, rows[i].high, 30000, &len);
        g_autofree char *kernel = write_file("old", p, len);
        KernelImage image;
        const uint8_t *hdr;

        g_assert_true(load(kernel, NULL, "root=/dev/hda", 16 * MIB, &image, NULL));
        g_assert_cmphex(image.setup.addr, ==, rows[i].setup);
        g_assert_cmphex(image.kernel.addr, ==, rows[i].kernel);
        hdr = bytes(&image.setup);
        if (rows[i].version < 0x202) {
            g_assert_cmphex(ld16_le(hdr + 0x20), ==, 0xa33f);
            g_assert_cmphex(image.setup.addr + ld16_le(hdr + 0x22), ==, image.cmdline.addr);
        } else {
            g_assert_cmphex(ld32_le(hdr + 0x228), ==, image.cmdline.addr);
        }
        g_assert_cmphex(image.cmdline.addr, >=, image.setup.addr + 1536);
        kernel_image_free(&image);
    }
}

static void expect(const char *kernel, const char *initrd, const char *append, uint64_t memory,
                   const char *pattern)
{
    g_autoptr(Error) err = NULL;
    KernelImage image;

    g_assert_false(load(kernel, initrd, append, memory, &image, &err));
    g_assert_nonnull(err);
    if (!g_pattern_match_simple(pattern, error_text(err))) {
        g_error("'%s' does not match '%s'", error_text(err), pattern);
    }
    g_assert_null(strchr(error_text(err), '\n'));
    g_assert_null(image.kernel.data);
    g_assert_null(image.setup.data);
}

static void wrong_linux(void)
{
    size_t len;
    g_autofree uint8_t *p = make_linux(0x20f, true, 100000, &len);
    g_autofree char *kernel = write_file("k", p, len);
    g_autofree char *cut = write_file("cut", p, 50000);
    g_autofree char *short_cut = write_file("short", p, 600);
    g_autofree char *noise = write_file("noise", "not a kernel at all", 19);
    g_autofree char *empty = write_file("empty", "", 0);
    g_autofree uint8_t *rd = g_malloc0(40 * MIB);
    g_autofree char *initrd = write_file("big", rd, 40 * MIB);
    g_autofree char *lengthy = g_strnfill(3000, 'x');

    expect("/nonexistent/vmlinuz", NULL, NULL, 64 * MIB,
           "kernel '/nonexistent/vmlinuz': cannot open it: No such file*");
    expect(dir, NULL, NULL, 64 * MIB, "kernel '*': not a regular file");
    expect(cut, NULL, NULL, 64 * MIB, "kernel '*/cut' is truncated: * promises 101*, *50000");
    expect(short_cut, NULL, NULL, 64 * MIB, "kernel '*/short' is not a Linux*");
    expect(noise, NULL, NULL, 64 * MIB, "kernel '*/noise' is not a Linux*");
    expect(empty, NULL, NULL, 64 * MIB, "kernel '*/empty': the file is empty");
    expect(kernel, "/nonexistent/rd", NULL, 64 * MIB, "initrd '/nonexistent/rd': cannot open it*");
    expect(kernel, initrd, NULL, 64 * MIB, "initrd '*/big' is too big: it has 40 MiB*");
    expect(kernel, NULL, NULL, 16 * MIB, "kernel '*/k' needs at least 24 MiB of memory*16 MiB");
    expect(kernel, NULL, lengthy, 64 * MIB, "-append is too long: 3000*2047");
}

/* ELF32 with one segment at 2 MiB and, when asked, a PVH note or a Multiboot header */
static uint8_t *make_elf(bool note, bool multiboot, size_t *len)
{
    uint8_t *p = g_malloc0(*len = 4096);

    memcpy(p, "\177ELF\1\1\1", 7);
    st16_le(p + 16, 2);                 /* e_type: executable */
    st16_le(p + 18, 3);                 /* e_machine: 386 */
    st32_le(p + 24, 0x200010);          /* e_entry */
    st32_le(p + 28, 52);                /* e_phoff */
    st16_le(p + 42, 32);                /* e_phentsize */
    st16_le(p + 44, note ? 2 : 1);      /* e_phnum */
    st32_le(p + 52, 1);                 /* PT_LOAD */
    st32_le(p + 56, 1024);              /* offset */
    st32_le(p + 64, 0x200000);          /* paddr */
    st32_le(p + 68, 3000);              /* filesz */
    st32_le(p + 72, 10000);             /* memsz */
    p[1024] = 0x5a;
    if (note) {
        st32_le(p + 84, 4);             /* PT_NOTE */
        st32_le(p + 88, 512);
        st32_le(p + 100, 20);
        st32_le(p + 512, 4);            /* name, descriptor, type */
        st32_le(p + 516, 4);
        st32_le(p + 520, 18);
        memcpy(p + 524, "Xen", 4);
        st32_le(p + 528, 0x200020);
    }
    if (multiboot) {
        st32_le(p + 1028, 0x1badb002);
        st32_le(p + 1032, 3);
        st32_le(p + 1036, -(0x1badb002 + 3));
    }
    return p;
}

static void pvh(void)
{
    size_t len;
    g_autofree uint8_t *p = make_elf(true, false, &len);
    g_autofree char *kernel = write_file("vmlinux", p, len);
    g_autofree char *cut = write_file("vmlinux-cut", p, 2000);
    g_autofree char *initrd = write_file("rd", "initrd", 6);
    g_autofree char *plain = NULL;
    KernelImage image;

    g_assert_true(load(kernel, initrd, "a b", 32 * MIB, &image, NULL));
    g_assert_cmpstr(image.rom, ==, "mica-pvh.bin");
    g_assert_cmphex(image.entry, ==, 0x200020);
    g_assert_cmphex(image.kernel.addr, ==, 0x200000);
    g_assert_cmpuint(g_bytes_get_size(image.kernel.data), ==, 10000);
    g_assert_cmphex(bytes(&image.kernel)[0], ==, 0x5a);
    g_assert_cmphex(bytes(&image.kernel)[9999], ==, 0);
    g_assert_cmphex(image.initrd.addr, >, 0x200000 + 10000);
    kernel_image_free(&image);

    expect(cut, NULL, NULL, 32 * MIB, "kernel '*' is truncated or damaged: ELF segment*");
    expect(kernel, NULL, NULL, 2 * MIB, "kernel '*' needs at least 3 MiB*");
    st32_le(p + 64, 0x1000);
    g_free(g_steal_pointer(&kernel));
    kernel = write_file("vmlinux", p, len);
    expect(kernel, NULL, NULL, 32 * MIB, "kernel '*' wants to be loaded at 0x1000*");
    st32_le(p + 512, 0xfffffff0);       /* a note that claims an absurd name */
    plain = write_file("plain", p, len);
    expect(plain, NULL, NULL, 32 * MIB, "kernel '*' is an ELF file without a PVH entry*");
}

static void multiboot(void)
{
    size_t len;
    g_autofree uint8_t *p = make_elf(false, true, &len);
    g_autofree char *kernel = write_file("mb", p, len);
    g_autofree char *module = write_file("mod", "module one", 10);
    g_autofree char *mods = g_strdup_printf("%s x y,%s", module, module);
    KernelImage image;
    const uint8_t *mbi, *memory;
    uint32_t base, mod;

    g_assert_true(load(kernel, mods, "args", 32 * MIB, &image, NULL));
    g_assert_cmpstr(image.rom, ==, "mica-multiboot.bin");
    g_assert_cmphex(image.entry, ==, 0x200010);
    mbi = bytes(&image.initrd);
    memory = bytes(&image.kernel);
    base = image.kernel.addr;
    g_assert_cmpuint(ld32_le(mbi + 20), ==, 2);
    mod = ld32_le(mbi + 24) - base;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t start = ld32_le(memory + mod + 16 * i), end = ld32_le(memory + mod + 16 * i + 4);

        g_assert_cmphex(start & 0xfff, ==, 0);
        g_assert_cmpuint(end - start, ==, 10);
        g_assert_cmpmem(memory + start - base, 10, "module one", 10);
    }
    g_assert_true(g_str_has_suffix((const char *)memory + ld32_le(memory + mod + 8) - base, "x y"));
    g_assert_true(g_str_has_suffix((const char *)memory + ld32_le(mbi + 16) - base, " args"));
    kernel_image_free(&image);

    st32_le(p + 1032, 0x10003);         /* load addresses in the header, all zero: contradiction */
    st32_le(p + 1036, -(0x1badb002 + 0x10003));
    st32_le(p + 1040, 0x100000);
    st32_le(p + 1044, 0x200000);
    g_free(g_steal_pointer(&kernel));
    kernel = write_file("mb", p, len);
    expect(kernel, NULL, NULL, 32 * MIB, "kernel '*': the addresses in its Multiboot header*");
    st32_le(p + 1040, 0x200004);        /* header, load, load end, bss end, entry */
    st32_le(p + 1048, 0x201000);
    st32_le(p + 1052, 0x202000);
    st32_le(p + 1056, 0x200800);
    g_free(g_steal_pointer(&kernel));
    kernel = write_file("mb", p, len);
    expect(kernel, NULL, NULL, 32 * MIB, "kernel '*' is truncated: its Multiboot header*");
    st32_le(p + 1048, 0x200800);
    g_free(g_steal_pointer(&kernel));
    kernel = write_file("mb", p, len);
    g_assert_true(load(kernel, NULL, NULL, 32 * MIB, &image, NULL));
    g_assert_cmphex(image.entry, ==, 0x200800);
    g_assert_cmphex(bytes(&image.kernel)[0], ==, 0x5a);
    kernel_image_free(&image);
}

int main(int argc, char **argv)
{
    int status;
    g_autofree char *clean = NULL;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("mica-kernel-XXXXXX", NULL);
    g_assert_nonnull(dir);
    g_test_add_func("/kernel-image/modern", modern);
    g_test_add_func("/kernel-image/old-protocols", old_protocols);
    g_test_add_func("/kernel-image/wrong-linux", wrong_linux);
    g_test_add_func("/kernel-image/pvh", pvh);
    g_test_add_func("/kernel-image/multiboot", multiboot);
    status = g_test_run();
    clean = g_strdup_printf("rm -rf '%s'", dir);
    if (system(clean)) {
        return 1;
    }
    g_free(dir);
    return status;
}
