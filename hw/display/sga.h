/* Serial console of the BIOS */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_DISPLAY_SGA_H
#define HW_DISPLAY_SGA_H

#include "hw/nvram/fw-cfg.h"

/*
 * Under this name SeaBIOS runs the ROM right after the video BIOS, and knows
 * that it need not mirror its output to the serial line itself.
 */
#define SGA_FILE "vgaroms/sgabios.bin"

/* Hand our serial console ROM to the firmware. */
bool sga_install(FwCfg *fw, Error **errp);

#endif
