/* EDID: what a monitor says about itself */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>

#define EDID_SIZE 128

/* A block (EDID 1.4) of a digital monitor that prefers xres by yres pixels. */
void edid_make(uint8_t edid[EDID_SIZE], unsigned xres, unsigned yres);

#endif
