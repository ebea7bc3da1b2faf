/* -kernel: from files to the pieces that our loader ROMs put into memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_LINUX_BOOT_H
#define HW_I386_LINUX_BOOT_H

#include <glib.h>

#include "hw/nvram/fw-cfg.h"

typedef struct KernelConfig {
    const char *kernel, *initrd, *append;   /* initrd and append may be NULL */
    uint64_t below_4g;          /* bytes of RAM from address 0 on */
} KernelConfig;

/* A piece of memory: bytes and the address they go to */
typedef struct KernelPart {
    GBytes *data;               /* NULL: there is none */
    uint32_t addr;
} KernelPart;

typedef struct KernelImage {
    const char *rom;            /* the option ROM that starts it */
    KernelPart setup, kernel, cmdline, initrd;
    uint32_t entry;             /* PVH and Multiboot */
} KernelImage;

/* Read and check the files, choose addresses. Nothing is kept on failure. */
bool kernel_image_load(const KernelConfig *cfg, KernelImage *image, Error **errp);
void kernel_image_free(KernelImage *image);
/* The items that the ROM reads. */
void kernel_image_publish(const KernelImage *image, FwCfg *fw);

/* The formats other than Linux's own; file is the kernel's content (see kernel-elf.c). */
bool kernel_is_multiboot(GBytes *file);
bool kernel_load_multiboot(const KernelConfig *cfg, GBytes *file, KernelImage *image, Error **errp);
bool kernel_is_elf(GBytes *file);
bool kernel_load_pvh(const KernelConfig *cfg, GBytes *file, KernelImage *image, Error **errp);
/* Put the initrd below limit and not below floor. */
bool kernel_place_initrd(const KernelConfig *cfg, GBytes *initrd, uint64_t floor, uint64_t limit,
                         KernelPart *part, Error **errp);

/* What firmware keeps at the top of RAM (ACPI tables, its heap): not for an initrd */
#define KERNEL_FIRMWARE_RESERVE 0x28000
/* Files for a machine that addresses them with 32 bits */
#define KERNEL_FILE_MAX 0xffffffffu

#endif
