/* Properties that name a back end by its id */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_BACKEND_PROPS_H
#define HW_BACKEND_PROPS_H

#include "block/block.h"
#include "chardev/char.h"
#include "qom/prop.h"

extern const PropOps prop_chardev_ops;
extern const PropOps prop_drive_ops;

/* A field of type Chardev *: what a front end is connected to in realize. */
#define PROP_CHARDEV(T, f, h)                                                               \
    { .name = "chardev", .kind = PROP_KIND_CUSTOM, .help = h, .ops = &prop_chardev_ops,     \
      .offset = offsetof(T, f) + 0 * sizeof(&((T *)0)->f == (Chardev **)0) }

/* A field of type BlockBackend *, a reference: a drive by its id, or a node by its name. */
#define PROP_DRIVE(T, f)                                                                    \
    { .name = "drive", .kind = PROP_KIND_CUSTOM,                                            \
      .help = "Node name or ID of a block device to use as a backend",                      \
      .ops = &prop_drive_ops,                                                               \
      .offset = offsetof(T, f) + 0 * sizeof(&((T *)0)->f == (BlockBackend **)0) }

#endif
