/* Properties from JSON members, and the table of them that help shows */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_PROP_JSON_H
#define QOM_PROP_JSON_H

#include <stdio.h>

#include "qapi/json.h"
#include "qom/prop.h"

/* A JSON scalar as the text that prop_set() takes; NULL for lists and objects. g_free() */
char *prop_text_from_json(const Json *value);
/* Set properties from all members but those named in skip (ended by NULL). */
bool props_set_from_json(Object *obj, const Json *options, const char *const *skip, Error **errp);
/*
 * As QMP has values: true, 7, "text". Setting takes a value of the property's
 * own type only.
 */
Json *prop_value_to_json(Object *obj, const Prop *prop);
Json *prop_default_to_json(const Prop *prop);      /* NULL: has none */
bool prop_set_from_json(Object *obj, const Prop *prop, const Json *value, Error **errp);
/* Rows "  name=<type>  - help (default: x)", sorted, of all tables up to a NULL. */
void props_help(const Prop *const *tables, FILE *out);

#endif
