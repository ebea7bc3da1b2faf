/* cfi.pflash01: NOR flash with Intel's commands, the firmware and its variables */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_BLOCK_PFLASH_H
#define HW_BLOCK_PFLASH_H

#include "hw/core/device.h"
#include "memory/memory.h"

#define PFLASH_SECTOR_SIZE 4096u

/* /machine/NAME, of the size of that drive (a -drive's id or a node's name); NULL with errp. */
Device *pflash_new(const char *name, const char *drive, Error **errp);
uint64_t pflash_size(const Device *dev);
const char *pflash_drive_name(const Device *dev);       /* for messages */
/* Make it work, in mem at addr. */
bool pflash_map(Device *dev, MemRegion *mem, uint64_t addr, Error **errp);
/* Its bytes, never its registers: to alias below 1 MiB. */
MemRegion *pflash_rom(Device *dev);

#endif
