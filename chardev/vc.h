/* vc: a text console's characters, for who draws them and who types */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHARDEV_VC_H
#define CHARDEV_VC_H

#include "chardev/char.h"

/* One place of the screen: a code page 437 character, colours as ANSI numbers them. */
typedef struct VcCell {
    uint8_t ch;
    uint8_t fg, bg;         /* 0 to 7; fg with 8: bright */
} VcCell;

/* The screen that shows them; main thread or a vCPU's, VM lock held. */
typedef struct VcScreenOps {
    /* NULL with errp: it cannot. Of no size at first. */
    void *(*open)(Chardev *chr, Error **errp);
    void (*resized)(void *screen, unsigned cols, unsigned rows);
    void (*changed)(void *screen, unsigned first_row, unsigned nr_rows);
    void (*close)(void *screen);
} VcScreenOps;
/* Without one there is nothing to show a vc on: opening one fails. */
void vc_set_screen(const VcScreenOps *ops);

const VcCell *vc_row(Chardev *chr, unsigned row);
void vc_cursor(Chardev *chr, unsigned *col, unsigned *row);
/* Bytes that somebody typed; what nobody reads is lost beyond 256. */
void vc_type(Chardev *chr, const char *bytes, size_t len);

#endif
