/* null: writes vanish, nothing is ever read; the back end to copy */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char-int.h"

static bool null_open(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    chr->open = true;
    return true;
}

static const CharType null_type = {
    .name = "null",
    .desc = "writes vanish, nothing is ever read",
    .size = sizeof(Chardev),
    .open = null_open,
};
REGISTER_CHARDEV(null_type)
