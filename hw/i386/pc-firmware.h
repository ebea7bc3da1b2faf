/* What a PC tells its firmware; where devices name their place in the boot order */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_PC_FIRMWARE_H
#define HW_I386_PC_FIRMWARE_H

#include "hw/i386/pc.h"

#define PC_BOOT_ORDER "cad"

/*
 * A bootable thing by the path under which SeaBIOS knows it, such as
 * "/pci@i0cf8/ide@1,1/drive@0/disk@0" or "/rom@genroms/NAME". Before the
 * machine's finish; the lower bootindex comes first.
 */
void boot_order_add(int32_t bootindex, const char *path);
/* An option ROM file, handed over under that fw_cfg name ("genroms/...", "vgaroms/..."). */
bool pc_add_option_rom(PcMachine *pc, const char *file, const char *as, Error **errp);
/* The machine's finish(): all of CMOS and fw_cfg. */
bool pc_finish(Machine *m, Error **errp);

#endif
