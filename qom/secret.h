/* -object secret: passwords and keys that are not to be seen on a command line */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_SECRET_H
#define QOM_SECRET_H

#include <glib.h>

#include "util/error.h"

/* The bytes of the secret of that id; NULL with errp: there is none. */
GBytes *secret_bytes(const char *id, Error **errp);
/* The same as text, which ends before a NUL; g_free() */
char *secret_text(const char *id, Error **errp);

#endif
