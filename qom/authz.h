/* -object authz-simple, authz-list, authz-list-file: who may connect, by a name that TLS proved */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_AUTHZ_H
#define QOM_AUTHZ_H

#include <stdbool.h>

#include "util/error.h"

/* There is such an object. */
bool authz_check(const char *id, Error **errp);
/*
 * The object lets in who identity names (the subject of a certificate; NULL:
 * nobody knows). One that has gone, or whose file is bad, lets nobody in.
 */
bool authz_allows(const char *id, const char *identity);

#endif
