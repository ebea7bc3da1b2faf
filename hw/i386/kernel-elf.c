/* -kernel with ELF kernels that have a PVH entry, and with Multiboot images and their modules */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xen's "x86/HVM direct boot ABI" for the note; "Multiboot Specification 0.6.96"
 * for the header (3.1) and the boot information (3.3).
 */
#include "util/osdep.h"
#include <elf.h>
#include "hw/core/loader.h"
#include "hw/i386/linux-boot.h"
#include "util/bswap.h"
#include "util/parse.h"
#include "util/trace.h"

#define LOAD_FLOOR      0x100000    /* below live the BIOS, its data and our tables */
#define PVH_CMDLINE     0x20000
#define PVH_CMDLINE_MAX 0x60000
#define XEN_NOTE_PHYS32_ENTRY 18

#define MB_MAGIC        0x1badb002
#define MB_SEARCH       8192
#define MB_INFO_ADDR    0x9000      /* boot information, then the memory map that the ROM writes */
#define MB_INFO_SIZE    88
#define MB_MAP_ADDR     0x9100
#define MB_PAGE_ALIGN   BIT(0)
#define MB_MEMORY       BIT(1)
#define MB_VIDEO        BIT(2)
#define MB_ADDRESSES    BIT(16)     /* the header says where to load (a.out kludge) */

/* Fields of the boot information and the flags that say they are there */
enum {
    MBI_FLAGS = 0, MBI_BOOT_DEVICE = 12, MBI_CMDLINE = 16, MBI_MODS_COUNT = 20,
    MBI_MODS_ADDR = 24, MBI_MMAP_ADDR = 48, MBI_LOADER_NAME = 64,
    MBI_HAS_MEM = 1 << 0, MBI_HAS_DEVICE = 1 << 1, MBI_HAS_CMDLINE = 1 << 2,
    MBI_HAS_MODS = 1 << 3, MBI_HAS_MMAP = 1 << 6, MBI_HAS_NAME = 1 << 9,
};

/* One loadable piece of an ELF file, both classes in one shape */
typedef struct Segment {
    uint32_t type;
    uint64_t offset, addr, filesz, memsz;
} Segment;

typedef struct ElfView {
    const uint8_t *data;
    size_t len;
    bool is64;
    uint64_t entry, phoff;
    unsigned phnum, phentsize;
} ElfView;

static bool range_ok(size_t total, uint64_t offset, uint64_t len)
{
    return offset <= total && len <= total - offset;
}

static bool elf_open(GBytes *file, ElfView *elf)
{
    const uint8_t *p = elf->data = g_bytes_get_data(file, &elf->len);

    if (elf->len < sizeof(Elf64_Ehdr) || memcmp(p, ELFMAG, SELFMAG) ||
        p[EI_DATA] != ELFDATA2LSB) {
        return false;
    }
    elf->is64 = p[EI_CLASS] == ELFCLASS64;
    if (elf->is64) {
        Elf64_Ehdr h;

        memcpy(&h, p, sizeof(h));
        elf->entry = le64toh(h.e_entry);
        elf->phoff = le64toh(h.e_phoff);
        elf->phnum = le16toh(h.e_phnum);
        elf->phentsize = le16toh(h.e_phentsize);
        return le16toh(h.e_machine) == EM_X86_64 && elf->phentsize >= sizeof(Elf64_Phdr);
    } else {
        Elf32_Ehdr h;

        memcpy(&h, p, sizeof(h));
        elf->entry = le32toh(h.e_entry);
        elf->phoff = le32toh(h.e_phoff);
        elf->phnum = le16toh(h.e_phnum);
        elf->phentsize = le16toh(h.e_phentsize);
        return le16toh(h.e_machine) == EM_386 && elf->phentsize >= sizeof(Elf32_Phdr);
    }
}

/* Program header i; false when it or what it points to is not in the file */
static bool elf_segment(const ElfView *elf, unsigned i, Segment *seg)
{
    uint64_t at = elf->phoff + (uint64_t)i * elf->phentsize;

    if (!range_ok(elf->len, elf->phoff, (uint64_t)elf->phnum * elf->phentsize)) {
        return false;
    }
    if (elf->is64) {
        Elf64_Phdr h;

        memcpy(&h, elf->data + at, sizeof(h));
        *seg = (Segment){ le32toh(h.p_type), le64toh(h.p_offset), le64toh(h.p_paddr),
                          le64toh(h.p_filesz), le64toh(h.p_memsz) };
    } else {
        Elf32_Phdr h;

        memcpy(&h, elf->data + at, sizeof(h));
        *seg = (Segment){ le32toh(h.p_type), le32toh(h.p_offset), le32toh(h.p_paddr),
                          le32toh(h.p_filesz), le32toh(h.p_memsz) };
    }
    return range_ok(elf->len, seg->offset, seg->filesz);
}

/* Check [low, high) of what a kernel occupies against the guest's memory */
static bool check_span(const KernelConfig *cfg, uint64_t low, uint64_t high, Error **errp)
{
    g_autofree char *need = NULL, *have = NULL;

    if (low < LOAD_FLOOR) {
        error_set(errp, "kernel '%s' wants to be loaded at 0x%" PRIx64 ", below 1 MiB, where the "
                  "firmware is", cfg->kernel, low);
        return false;
    }
    if (high > cfg->below_4g) {
        need = format_size(ROUND_UP(high, 1 << 20));
        have = format_size(cfg->below_4g);
        error_set(errp, "kernel '%s' needs at least %s of memory, the guest has %s", cfg->kernel,
                  need, have);
        return false;
    }
    return true;
}

/* All loadable segments as one run of memory, gaps and bss zero */
static bool elf_load(const KernelConfig *cfg, const ElfView *elf, KernelPart *part, Error **errp)
{
    uint64_t low = UINT64_MAX, high = 0;
    uint8_t *memory;
    Segment seg;

    for (unsigned i = 0; i < elf->phnum; i++) {
        if (!elf_segment(elf, i, &seg) ||
            (seg.type == PT_LOAD && (seg.filesz > seg.memsz ||
                                     seg.addr > UINT64_MAX - seg.memsz))) {
            error_set(errp, "kernel '%s' is truncated or damaged: ELF segment %u is not in the file",
                      cfg->kernel, i);
            return false;
        }
        if (seg.type == PT_LOAD && seg.memsz) {
            low = MIN(low, seg.addr);
            high = MAX(high, seg.addr + seg.memsz);
        }
    }
    if (!high) {
        error_set(errp, "kernel '%s' has nothing to load", cfg->kernel);
        return false;
    }
    if (!check_span(cfg, low, high, errp)) {
        return false;
    }
    memory = g_try_malloc0(high - low);
    if (!memory) {
        error_set(errp, "kernel '%s': the host has no memory for it", cfg->kernel);
        return false;
    }
    for (unsigned i = 0; i < elf->phnum; i++) {
        if (elf_segment(elf, i, &seg) && seg.type == PT_LOAD) {
            memcpy(memory + (seg.addr - low), elf->data + seg.offset, seg.filesz);
        }
    }
    *part = (KernelPart){ g_bytes_new_take(memory, high - low), low };
    return true;
}

/* The entry address in one segment of notes, 0 when it is not there */
static uint32_t find_note(const uint8_t *p, size_t len)
{
    while (len >= 12) {
        uint32_t name_len = ld32_le(p), desc_len = ld32_le(p + 4), type = ld32_le(p + 8);
        uint64_t desc = 12 + ROUND_UP((uint64_t)name_len, 4);
        uint64_t next = desc + ROUND_UP((uint64_t)desc_len, 4);

        if (desc + desc_len > len) {
            return 0;
        }
        if (type == XEN_NOTE_PHYS32_ENTRY && name_len == 4 && !memcmp(p + 12, "Xen", 4) &&
            desc_len >= 4) {
            return ld32_le(p + desc);
        }
        if (next > len) {
            return 0;
        }
        p += next;
        len -= next;
    }
    return 0;
}

bool kernel_is_elf(GBytes *file)
{
    size_t len;
    const uint8_t *p = g_bytes_get_data(file, &len);

    return len >= SELFMAG && !memcmp(p, ELFMAG, SELFMAG);
}

bool kernel_load_pvh(const KernelConfig *cfg, GBytes *file, KernelImage *image, Error **errp)
{
    const char *append = cfg->append ? cfg->append : "";
    ElfView elf;
    Segment seg;

    if (!elf_open(file, &elf)) {
        error_set(errp, "kernel '%s' is an ELF file, but not a complete one for x86", cfg->kernel);
        return false;
    }
    for (unsigned i = 0; i < elf.phnum && !image->entry; i++) {
        if (elf_segment(&elf, i, &seg) && seg.type == PT_NOTE) {
            image->entry = find_note(elf.data + seg.offset, seg.filesz);
        }
    }
    if (!image->entry) {
        error_set(errp, "kernel '%s' is an ELF file without a PVH entry (Xen note %d) or Multiboot "
                  "header", cfg->kernel, XEN_NOTE_PHYS32_ENTRY);
        return false;
    }
    if (strlen(append) >= PVH_CMDLINE_MAX) {
        error_set(errp, "-append is too long: %zu characters do not fit below 640 KiB",
                  strlen(append));
        return false;
    }
    if (!elf_load(cfg, &elf, &image->kernel, errp)) {
        return false;
    }
    image->rom = "mica-pvh.bin";
    image->cmdline = (KernelPart){ g_bytes_new(append, strlen(append) + 1), PVH_CMDLINE };
    TRACE(pvh_boot, "entry 0x%x kernel 0x%x+0x%zx", image->entry, image->kernel.addr,
          g_bytes_get_size(image->kernel.data));
    return true;
}

/* Offset of the Multiboot header, -1 when there is none */
static int64_t find_multiboot(GBytes *file)
{
    size_t len;
    const uint8_t *p = g_bytes_get_data(file, &len);

    for (size_t i = 0; i + 12 <= MIN(len, MB_SEARCH); i += 4) {
        if (ld32_le(p + i) == MB_MAGIC &&
            (uint32_t)(ld32_le(p + i) + ld32_le(p + i + 4) + ld32_le(p + i + 8)) == 0) {
            return i;
        }
    }
    return -1;
}

bool kernel_is_multiboot(GBytes *file)
{
    return find_multiboot(file) >= 0;
}

/* Load as the header's address fields say: one run from the file, then bss */
static bool load_by_header(const KernelConfig *cfg, GBytes *file, size_t at, KernelImage *image,
                           Error **errp)
{
    size_t len;
    const uint8_t *p = g_bytes_get_data(file, &len);
    uint64_t header, load, load_end, bss_end, offset;
    uint8_t *memory;

    if (at + 32 > len) {
        error_set(errp, "kernel '%s' is truncated within its Multiboot header", cfg->kernel);
        return false;
    }
    header = ld32_le(p + at + 12);
    load = ld32_le(p + at + 16);
    load_end = ld32_le(p + at + 20);
    bss_end = ld32_le(p + at + 24);
    if (header < load || header - load > at) {
        error_set(errp, "kernel '%s': the addresses in its Multiboot header contradict each other",
                  cfg->kernel);
        return false;
    }
    offset = at - (header - load);
    load_end = load_end ? load_end : load + (len - offset);
    bss_end = MAX(bss_end, load_end);
    if (load_end < load || !range_ok(len, offset, load_end - load)) {
        error_set(errp, "kernel '%s' is truncated: its Multiboot header promises more than the "
                  "file has", cfg->kernel);
        return false;
    }
    if (!check_span(cfg, load, bss_end, errp)) {
        return false;
    }
    memory = g_try_malloc0(MAX(bss_end - load, 1));
    if (!memory) {
        error_set(errp, "kernel '%s': the host has no memory for it", cfg->kernel);
        return false;
    }
    memcpy(memory, p + offset, load_end - load);
    image->kernel = (KernelPart){ g_bytes_new_take(memory, bss_end - load), load };
    image->entry = ld32_le(p + at + 28);
    return true;
}

static uint32_t append_string(GByteArray *out, uint32_t base, const char *text)
{
    uint32_t addr = base + out->len;

    g_byte_array_append(out, (const guint8 *)text, strlen(text) + 1);
    return addr;
}

static void pad_to(GByteArray *out, unsigned align)
{
    guint old = out->len;

    g_byte_array_set_size(out, ROUND_UP(old, align));
    memset(out->data + old, 0, out->len - old);
}

/* -initrd "file args,file args": each becomes a module behind the kernel */
static bool add_modules(const KernelConfig *cfg, GByteArray *out, uint32_t base, uint8_t *mbi,
                        Error **errp)
{
    g_auto(GStrv) specs = g_strsplit(cfg->initrd ? cfg->initrd : "", ",", -1);
    unsigned count = g_strv_length(specs);
    g_autofree uint8_t *table = g_malloc0(16 * MAX(count, 1));

    for (unsigned i = 0; i < count; i++) {
        g_autofree char *path = g_strdup(specs[i]);
        g_autoptr(GBytes) module = NULL;

        path[strcspn(path, " ")] = 0;
        module = loader_read_file("module", path, KERNEL_FILE_MAX, errp);
        if (!module) {
            return false;
        }
        st32_le(table + 16 * i + 8, append_string(out, base, specs[i]));
        pad_to(out, 4096);
        if (!check_span(cfg, base, (uint64_t)base + out->len + g_bytes_get_size(module) + 4096,
                        errp)) {
            error_prepend(errp, "module '%s': ", path);
            return false;
        }
        st32_le(table + 16 * i, base + out->len);
        g_byte_array_append(out, g_bytes_get_data(module, NULL), g_bytes_get_size(module));
        st32_le(table + 16 * i + 4, base + out->len);
    }
    pad_to(out, 16);
    st32_le(mbi + MBI_MODS_COUNT, count);
    st32_le(mbi + MBI_MODS_ADDR, base + out->len);
    g_byte_array_append(out, table, 16 * count);
    return true;
}

bool kernel_load_multiboot(const KernelConfig *cfg, GBytes *file, KernelImage *image, Error **errp)
{
    size_t at = find_multiboot(file);
    uint32_t flags = ld32_le((const uint8_t *)g_bytes_get_data(file, NULL) + at + 4);
    g_autofree char *cmdline = g_strdup_printf("%s %s", cfg->kernel,
                                               cfg->append ? cfg->append : "");
    g_autoptr(GByteArray) out = NULL;
    uint8_t mbi[MB_INFO_SIZE] = { 0 };
    uint32_t base;
    ElfView elf;

    if (flags & 0xffff & ~(MB_PAGE_ALIGN | MB_MEMORY | MB_VIDEO)) {
        error_set(errp, "kernel '%s' asks for Multiboot features that there are not (flags 0x%x)",
                  cfg->kernel, flags);
        return false;
    }
    if (flags & MB_ADDRESSES) {
        if (!load_by_header(cfg, file, at, image, errp)) {
            return false;
        }
    } else if (!elf_open(file, &elf) || elf.is64) {
        error_set(errp, "kernel '%s': a Multiboot image must be a 32-bit ELF file or say in its "
                  "header where to load it", cfg->kernel);
        return false;
    } else {
        if (!elf_load(cfg, &elf, &image->kernel, errp)) {
            return false;
        }
        image->entry = elf.entry;
    }

    base = image->kernel.addr;
    out = g_bytes_unref_to_array(g_steal_pointer(&image->kernel.data));
    pad_to(out, 4096);
    st32_le(mbi + MBI_CMDLINE, append_string(out, base, cmdline));
    st32_le(mbi + MBI_LOADER_NAME, append_string(out, base, "mica"));
    if (!add_modules(cfg, out, base, mbi, errp)) {
        return false;
    }
    st32_le(mbi + MBI_FLAGS, MBI_HAS_MEM | MBI_HAS_DEVICE | MBI_HAS_CMDLINE | MBI_HAS_MODS |
            MBI_HAS_MMAP | MBI_HAS_NAME);
    st32_le(mbi + MBI_BOOT_DEVICE, 0x8000ffff);     /* first disk, no partition */
    st32_le(mbi + MBI_MMAP_ADDR, MB_MAP_ADDR);
    if (!check_span(cfg, base, (uint64_t)base + out->len, errp)) {
        return false;
    }
    TRACE(multiboot_boot, "entry 0x%x image 0x%x+0x%x", image->entry, base, out->len);
    image->rom = "mica-multiboot.bin";
    image->kernel = (KernelPart){ g_byte_array_free_to_bytes(g_steal_pointer(&out)), base };
    image->initrd = (KernelPart){ g_bytes_new(mbi, sizeof(mbi)), MB_INFO_ADDR };
    return true;
}
