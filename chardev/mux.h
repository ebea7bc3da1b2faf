/* mux: several front ends on one back end */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHARDEV_MUX_H
#define CHARDEV_MUX_H

#include "chardev/char-int.h"

/* Put a multiplexer in front of base, which belongs to it from then on. */
Chardev *mux_new(const char *id, Chardev *base, Error **errp);

/* The character that begins commands, Ctrl-a unless this is called. At the start. */
void mux_set_escape(uint8_t code);

#endif
