/* fw_cfg: items that the host hands to the firmware by number or by file name */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include <glib.h>

#include "hw/core/device.h"

#define FW_CFG_IO_BASE   0x510
#define FW_CFG_IO_SIZE   12         /* selector, data, DMA address: what _CRS must say */
#define FW_CFG_NAME_SIZE 56         /* of a file, with its terminating zero */

/* Numbered items that guests know. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000,
    FW_CFG_IRQ0_OVERRIDE = FW_CFG_ARCH_LOCAL + 2,
    FW_CFG_HPET = FW_CFG_ARCH_LOCAL + 4,
};

typedef struct FwCfg FwCfg;

/* Called before the guest sees the item's first byte; it may call fw_cfg_modify_*(). */
typedef void FwCfgSelectFn(FwCfg *s, void *opaque);

/* The device, realized at its ports. One a machine. */
FwCfg *fw_cfg_new(void);
/* The machine's, NULL when it has none (yet). */
FwCfg *fw_cfg_current(void);

/* Set a numbered item; an earlier value is replaced. Numbers are little-endian in the item. */
void fw_cfg_add_bytes(FwCfg *s, uint16_t key, const void *data, size_t len);
void fw_cfg_add_blob(FwCfg *s, uint16_t key, GBytes *blob);     /* takes a reference, no copy */
void fw_cfg_add_string(FwCfg *s, uint16_t key, const char *text);   /* with its zero byte */
void fw_cfg_add_u16(FwCfg *s, uint16_t key, uint16_t value);
void fw_cfg_add_u32(FwCfg *s, uint16_t key, uint32_t value);
void fw_cfg_add_u64(FwCfg *s, uint16_t key, uint64_t value);

/* Add a file. Fails when the name is too long or taken, or no number is free. */
bool fw_cfg_add_file(FwCfg *s, const char *name, const void *data, size_t len, Error **errp);
/* The same, told when the guest selects it; fn may be NULL. */
bool fw_cfg_add_file_select(FwCfg *s, const char *name, const void *data, size_t len,
                            FwCfgSelectFn *fn, void *opaque, Error **errp);
/* Let the guest write the file's bytes (its length stays). */
void fw_cfg_file_set_writable(FwCfg *s, const char *name);
/* New content for a file, which is added when it is not there. */
bool fw_cfg_modify_file(FwCfg *s, const char *name, const void *data, size_t len, Error **errp);
/* Each file, in order of its number. */
void fw_cfg_files_for_each(FwCfg *s, void (*fn)(const char *name, size_t len, void *opaque),
                           void *opaque);
/* What a file holds now, NULL when there is none of that name; valid until it is modified. */
const uint8_t *fw_cfg_file_data(FwCfg *s, const char *name, size_t *len);

#endif
