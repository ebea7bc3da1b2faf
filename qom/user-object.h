/* Objects that users create: -object and object-add */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_USER_OBJECT_H
#define QOM_USER_OBJECT_H

#include <stdio.h>

#include "qapi/json.h"
#include "qom/object.h"

/* From {"qom-type": ..., "id": ..., properties...}, into /objects/ID. */
bool user_object_add(const Json *options, Error **errp);
bool user_object_del(const char *id, Error **errp);
/* "-object help", "-object TYPE,help". */
void user_object_help(FILE *out);
bool user_object_type_help(const char *name, FILE *out, Error **errp);

#endif
