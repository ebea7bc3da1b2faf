/* Text consoles as pictures */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_VC_SCREEN_H
#define SYSTEM_VC_SCREEN_H

/* From now on a vc chardev has a console of the display. */
void vc_screen_start(void);

#endif
