/* -kernel with Linux's own image formats (bzImage, zImage), and what all formats share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "The Linux/x86 Boot Protocol", versions 2.00 to 2.15: the setup header at
 * 0x1f1, its loader-filled fields, and where the real-mode part, the command
 * line, the kernel and the initrd may lie.
 */
#include "util/osdep.h"
#include "hw/core/loader.h"
#include "hw/i386/linux-boot.h"
#include "util/bswap.h"
#include "util/parse.h"
#include "util/trace.h"

/* Offsets of the setup header's fields */
enum {
    HDR_OLD_MAGIC = 0x020,      /* 2.00 and 2.01: command line magic, then its offset */
    HDR_OLD_OFFSET = 0x022,
    HDR_SETUP_SECTS = 0x1f1,
    HDR_SYSSIZE = 0x1f4,
    HDR_VID_MODE = 0x1fa,
    HDR_BOOT_FLAG = 0x1fe,
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_LOADER_TYPE = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_RAMDISK_IMAGE = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_HEAP_END = 0x224,
    HDR_CMD_LINE_PTR = 0x228,
    HDR_INITRD_MAX = 0x22c,
    HDR_RELOCATABLE = 0x234,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_PREF_ADDRESS = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_END = 0x268,
};

#define LOADED_HIGH     BIT(0)
#define CAN_USE_HEAP    BIT(7)
#define LOADER_TYPE     0xb0        /* the number registered for QEMU and its like */
#define OLD_CMDLINE     0xa33f
#define ZIMAGE_ADDR     0x10000
#define ZIMAGE_MAX      0x80000     /* up to where its setup begins */
#define BZIMAGE_ADDR    0x100000
#define DEFAULT_INITRD_MAX 0x37ffffff   /* before 2.03 */

typedef struct Setup {
    uint8_t *hdr;               /* a copy of the real-mode part */
    size_t size;
    uint16_t version;
    bool high;
    uint32_t addr, cmdline_addr, kernel_addr;
    uint64_t kernel_end;        /* of all it needs before it knows the memory map */
} Setup;

static bool is_linux(GBytes *file)
{
    size_t len;
    const uint8_t *p = g_bytes_get_data(file, &len);

    return len >= HDR_END && ld16_le(p + HDR_BOOT_FLAG) == 0xaa55 &&
           !memcmp(p + HDR_MAGIC, "HdrS", 4) && ld16_le(p + HDR_VERSION) >= 0x200;
}

bool kernel_place_initrd(const KernelConfig *cfg, GBytes *initrd, uint64_t floor, uint64_t limit,
                         KernelPart *part, Error **errp)
{
    uint64_t size = g_bytes_get_size(initrd);
    uint64_t top = MIN(limit, cfg->below_4g - MIN(cfg->below_4g, KERNEL_FIRMWARE_RESERVE));
    uint64_t addr = top > size ? ROUND_DOWN(top - size, 4096) : 0;
    g_autofree char *size_text = NULL, *room_text = NULL;

    if (addr && addr >= floor) {
        part->data = g_bytes_ref(initrd);
        part->addr = addr;
        return true;
    }
    size_text = format_size(size);
    room_text = format_size(top > floor ? top - floor : 0);
    error_set(errp, "initrd '%s' is too big: it has %s, and between the kernel and the end of "
              "memory %s are left", cfg->initrd, size_text, room_text);
    error_hint(errp, "give the guest more memory with -m");
    return false;
}

/* Where the parts go depends on the protocol's age ("Memory Layout") */
static bool choose_addresses(const KernelConfig *cfg, Setup *s, size_t kernel_size, Error **errp)
{
    size_t cmdline_size = strlen(cfg->append ? cfg->append : "") + 1;
    uint32_t cmdline_max = s->version >= 0x206 ? ld32_le(s->hdr + HDR_CMDLINE_SIZE) : 255;

    if (cmdline_size - 1 > cmdline_max) {
        error_set(errp, "-append is too long: %zu characters, kernel '%s' takes %u",
                  cmdline_size - 1, cfg->kernel, cmdline_max);
        return false;
    }
    s->kernel_addr = s->high ? BZIMAGE_ADDR : ZIMAGE_ADDR;
    if (s->high && s->version >= 0x202) {
        s->addr = 0x10000;
        s->cmdline_addr = 0x20000;
        if (cmdline_size > 0x60000) {
            error_set(errp, "-append is too long: %zu characters do not fit below 640 KiB",
                      cmdline_size - 1);
            return false;
        }
    } else {
        s->addr = 0x90000;
        s->cmdline_addr = ROUND_DOWN(0x9a000 - cmdline_size, 16);
    }
    if (s->size > (s->high && s->version >= 0x202 ? 0x10000u : 0x9000u)) {
        error_set(errp, "kernel '%s': its real-mode part of %zu bytes does not fit", cfg->kernel,
                  s->size);
        return false;
    }
    if (!s->high && kernel_size > ZIMAGE_MAX) {
        error_set(errp, "kernel '%s': a zImage of %zu bytes cannot be loaded below 640 KiB",
                  cfg->kernel, kernel_size);
        return false;
    }
    return true;
}

/* The kernel's own needs: in place from 2.10 on (init_size from pref_address), else its size */
static bool check_memory(const KernelConfig *cfg, Setup *s, size_t kernel_size, Error **errp)
{
    g_autofree char *need = NULL, *have = NULL;

    s->kernel_end = (uint64_t)s->kernel_addr + kernel_size;
    if (s->version >= 0x20a) {
        uint64_t start = s->kernel_addr;
        uint64_t pref = ld64_le(s->hdr + HDR_PREF_ADDRESS);

        if (pref > start && pref <= UINT32_MAX) {
            start = pref;
        }
        s->kernel_end = MAX(s->kernel_end, start + ld32_le(s->hdr + HDR_INIT_SIZE));
    }
    if (s->kernel_end <= cfg->below_4g) {
        return true;
    }
    need = format_size(ROUND_UP(s->kernel_end, 1 << 20));
    have = format_size(cfg->below_4g);
    error_set(errp, "kernel '%s' needs at least %s of memory, the guest has %s", cfg->kernel, need,
              have);
    error_hint(errp, "give the guest more memory with -m");
    return false;
}

/* vga=: the one option that the loader, not the kernel, must act on ("Special Command Line Options") */
static void set_video_mode(Setup *s, const char *append)
{
    static const struct { const char *name; uint16_t mode; } names[] = {
        { "normal", 0xffff }, { "ext", 0xfffe }, { "ask", 0xfffd },
    };
    g_auto(GStrv) words = g_strsplit(append, " ", -1);

    for (char **word = words; *word; word++) {
        const char *value = *word + 4;

        if (!g_str_has_prefix(*word, "vga=")) {
            continue;
        }
        st16_le(s->hdr + HDR_VID_MODE, strtoul(value, NULL, 0));
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
            if (!strcmp(value, names[i].name)) {
                st16_le(s->hdr + HDR_VID_MODE, names[i].mode);
            }
        }
    }
}

/* "Details of Header Fields": those marked as written by the boot loader */
static void fill_header(Setup *s, const KernelPart *initrd)
{
    s->hdr[HDR_LOADER_TYPE] = LOADER_TYPE;
    if (s->version >= 0x201) {
        s->hdr[HDR_LOADFLAGS] |= CAN_USE_HEAP;
        st16_le(s->hdr + HDR_HEAP_END, MIN(s->cmdline_addr - s->addr, 0x10000) - 0x200);
    }
    if (s->version >= 0x202) {
        st32_le(s->hdr + HDR_CMD_LINE_PTR, s->cmdline_addr);
    } else {
        st16_le(s->hdr + HDR_OLD_MAGIC, OLD_CMDLINE);
        st16_le(s->hdr + HDR_OLD_OFFSET, s->cmdline_addr - s->addr);
    }
    if (initrd->data) {
        st32_le(s->hdr + HDR_RAMDISK_IMAGE, initrd->addr);
        st32_le(s->hdr + HDR_RAMDISK_SIZE, g_bytes_get_size(initrd->data));
    }
}

/* Sizes that the header gives must be there in the file */
static bool parse_header(const KernelConfig *cfg, GBytes *file, Setup *s, Error **errp)
{
    size_t len;
    const uint8_t *p = g_bytes_get_data(file, &len);
    unsigned sects = p[HDR_SETUP_SECTS] ? p[HDR_SETUP_SECTS] : 4;
    uint64_t syssize, promised;

    s->version = ld16_le(p + HDR_VERSION);
    s->high = p[HDR_LOADFLAGS] & LOADED_HIGH;
    s->size = (sects + 1) * 512;
    syssize = s->version >= 0x204 ? ld32_le(p + HDR_SYSSIZE) : ld16_le(p + HDR_SYSSIZE);
    promised = s->size + (syssize ? syssize * 16 - 15 : 1);
    if (len < promised) {
        error_set(errp, "kernel '%s' is truncated: its header promises %" PRIu64
                  " bytes, the file has %zu", cfg->kernel, promised, len);
        return false;
    }
    return true;
}

static bool load_linux(const KernelConfig *cfg, GBytes *file, GBytes *initrd, KernelImage *image,
                       Error **errp)
{
    size_t len = g_bytes_get_size(file);
    const char *append = cfg->append ? cfg->append : "";
    Setup s = { 0 };
    size_t kernel_size;
    uint64_t limit;
    bool ok;

    if (!parse_header(cfg, file, &s, errp)) {
        return false;
    }
    kernel_size = len - s.size;
    s.hdr = g_memdup2(g_bytes_get_data(file, NULL), s.size);
    ok = choose_addresses(cfg, &s, kernel_size, errp) && check_memory(cfg, &s, kernel_size, errp);
    if (ok && initrd) {
        limit = s.version >= 0x203 ? ld32_le(s.hdr + HDR_INITRD_MAX) : DEFAULT_INITRD_MAX;
        ok = kernel_place_initrd(cfg, initrd, MAX(s.kernel_end, BZIMAGE_ADDR), limit + 1,
                                 &image->initrd, errp);
    }
    if (!ok) {
        g_free(s.hdr);
        return false;
    }
    set_video_mode(&s, append);
    fill_header(&s, &image->initrd);
    TRACE(linux_boot, "protocol 0x%x setup 0x%x+0x%zx kernel 0x%x+0x%zx command line 0x%x "
          "initrd 0x%x", s.version, s.addr, s.size, s.kernel_addr, kernel_size, s.cmdline_addr,
          image->initrd.addr);
    image->rom = "mica-linux.bin";
    image->setup = (KernelPart){ g_bytes_new_take(s.hdr, s.size), s.addr };
    image->kernel = (KernelPart){ g_bytes_new_from_bytes(file, s.size, kernel_size),
                                  s.kernel_addr };
    image->cmdline = (KernelPart){ g_bytes_new(append, strlen(append) + 1), s.cmdline_addr };
    return true;
}

bool kernel_image_load(const KernelConfig *cfg, KernelImage *image, Error **errp)
{
    g_autoptr(GBytes) file = loader_read_file("kernel", cfg->kernel, KERNEL_FILE_MAX, errp);
    g_autoptr(GBytes) initrd = NULL;
    bool multiboot, ok;

    memset(image, 0, sizeof(*image));
    if (!file) {
        return false;
    }
    multiboot = !is_linux(file) && kernel_is_multiboot(file);
    if (!multiboot && cfg->initrd) {
        initrd = loader_read_file("initrd", cfg->initrd, KERNEL_FILE_MAX, errp);
        if (!initrd) {
            return false;
        }
    }
    if (is_linux(file)) {
        ok = load_linux(cfg, file, initrd, image, errp);
    } else if (multiboot) {
        ok = kernel_load_multiboot(cfg, file, image, errp);
    } else if (kernel_is_elf(file)) {
        ok = kernel_load_pvh(cfg, file, image, errp);
        if (ok && initrd) {
            ok = kernel_place_initrd(cfg, initrd,
                                     image->kernel.addr + g_bytes_get_size(image->kernel.data),
                                     cfg->below_4g, &image->initrd, errp);
        }
    } else {
        error_set(errp, "kernel '%s' is not a Linux, Multiboot or ELF (PVH) kernel, or lacks its "
                  "beginning", cfg->kernel);
        ok = false;
    }
    if (!ok) {
        kernel_image_free(image);
    }
    return ok;
}

void kernel_image_free(KernelImage *image)
{
    KernelPart *parts[] = { &image->setup, &image->kernel, &image->cmdline, &image->initrd };

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        g_clear_pointer(&parts[i]->data, g_bytes_unref);
    }
}

void kernel_image_publish(const KernelImage *image, FwCfg *fw)
{
    const struct {
        const KernelPart *part;
        uint16_t addr, size, data;
    } rows[] = {
        { &image->setup, FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA },
        { &image->kernel, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA },
        { &image->cmdline, FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA },
        { &image->initrd, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].part->data) {
            fw_cfg_add_u32(fw, rows[i].addr, rows[i].part->addr);
            fw_cfg_add_u32(fw, rows[i].size, g_bytes_get_size(rows[i].part->data));
            fw_cfg_add_blob(fw, rows[i].data, rows[i].part->data);
        }
    }
    if (image->entry) {
        fw_cfg_add_u32(fw, FW_CFG_KERNEL_ENTRY, image->entry);
    }
}
