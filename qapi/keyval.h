/* "driver=raw,file.driver=file,file.filename=x" to a tree of JSON objects, lists and strings */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QAPI_KEYVAL_H
#define QAPI_KEYVAL_H

#include "qapi/json.h"

/*
 * key=value pairs separated by commas; ",," in a value is a comma. A key is
 * names separated by dots; a name that is a number indexes a list, whose
 * indexes must be complete from 0. Where implied_key is given, a first item
 * without '=' is its value. "help" or "?" as an item sets *help (NULL: no help,
 * such an item is an error). A later pair for the same key replaces the former.
 * All leaves are strings: read them with QAPI_KEYVAL.
 */
Json *keyval_parse(const char *text, const char *implied_key, bool *help, Error **errp);
/* The same, but a bare "server" is server=on and "nowait" wait=off, for options that are old. */
Json *keyval_parse_bare(const char *text, const char *implied_key, bool *help, Error **errp);
/* The same, but names keep their dots: one object of texts, for options that are sorted first. */
Json *keyval_parse_flat(const char *text, bool *help, Error **errp);
/* A new object, where "a.b": 1 is "a": { "b": 1 }, also where other members are objects. */
Json *keyval_nest(const Json *flat, Error **errp);
/* Text that starts with '{' is JSON, anything else is key=value; *keyval says which it was. */
Json *keyval_or_json_parse(const char *text, const char *implied_key, bool *help, bool *keyval,
                           Error **errp);
/* The string at a key of a flat object, NULL when it is not there. */
const char *keyval_get(const Json *object, const char *key);
/* Double the commas, so that the text stands as one value. g_free() */
char *keyval_escape(const char *value);

#endif
