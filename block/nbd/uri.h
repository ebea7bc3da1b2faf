/* Names of NBD disks as users write them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_NBD_URI_H
#define BLOCK_NBD_URI_H

#include "qapi/json.h"

/* The options of driver nbd for a name; json_object_put(). */
Json *nbd_parse_filename(const char *filename, Error **errp);

#endif
