/* New images under a temporary name, until they are whole */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_IMG_TEMPORARY_H
#define TOOLS_IMG_TEMPORARY_H

#include <stdbool.h>

#include "util/error.h"

typedef struct ImgTemporary {
    char *name;             /* NULL: the target is made under its own name */
    const char *target;
    bool created;
} ImgTemporary;

/* The name to make the image under: another one where target is the name of no file yet. */
const char *img_temporary_begin(ImgTemporary *temporary, const char *target);
/* The file is there: it goes away with a signal that ends the program, too. */
void img_temporary_created(ImgTemporary *temporary);
/* For messages: the name that the user knows. */
void img_temporary_restore_name(const ImgTemporary *temporary, Error **errp);
/* Rename it (ok), or remove it; reports. */
bool img_temporary_end(ImgTemporary *temporary, bool ok);

#endif
