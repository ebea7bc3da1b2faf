/* "driver=raw,file.driver=file,file.filename=x" to a tree of JSON objects, lists and strings */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"

#include "util/parse.h"

#define NAME_MAX_BYTES 127
#define LIST_MAX       65536

/* A name: letters, digits, '-', '_', first a letter ('x-' and '__RFQDN_' too), or a number. */
static size_t name_length(const char *text)
{
    size_t n = 0;

    if (g_ascii_isdigit(*text)) {
        while (g_ascii_isdigit(text[n])) {
            n++;
        }
        return n;
    }
    if (!g_ascii_isalpha(*text) && *text != '_') {
        return 0;
    }
    while (g_ascii_isalnum(text[n]) || text[n] == '-' || text[n] == '_') {
        n++;
    }
    return n;
}

static bool nest_into(Json *into, const Json *flat, Error **errp);

static bool inconsistent(const char *key, size_t len, Error **errp)
{
    error_set(errp, "Parameters '%.*s.*' used inconsistently", (int)len, key);
    return false;
}

/* At the end of a key: objects are united with what is there, all else replaces it. */
static bool store_leaf(Json *object, const char *name, const Json *value, const char *key,
                       size_t key_len, Error **errp)
{
    Json *there = json_object_object_get(object, name);
    bool nested = json_object_is_type(value, json_type_object);

    if (there && json_object_is_type(there, json_type_object) != nested) {
        return inconsistent(key, key_len, errp);
    }
    if (!nested) {
        json_object_object_add(object, name, json_object_get((Json *)(uintptr_t)value));
        return true;
    }
    if (!there) {
        there = json_object_new_object();
        json_object_object_add(object, name, there);
    }
    return nest_into(there, value, errp);
}

/* The object or leaf at a dotted key below root. */
static bool store(Json *root, const char *key, size_t key_len, const Json *value, Error **errp)
{
    const char *at = key, *end = key + key_len;
    Json *object = root;

    for (;;) {
        g_autofree char *name = NULL;
        size_t n = name_length(at);
        Json *next = NULL;

        if (!n || n > NAME_MAX_BYTES || at + n > end || (at + n < end && at[n] != '.') ||
            (at + n < end && at + n + 1 == end)) {
            error_set(errp, "Invalid parameter '%.*s'", (int)MIN(key_len, 200), key);
            return false;
        }
        name = g_strndup(at, n);
        json_object_object_get_ex(object, name, &next);
        if (at + n == end) {
            return store_leaf(object, name, value, key, key_len, errp);
        }
        if (next && !json_object_is_type(next, json_type_object)) {
            return inconsistent(key, at + n - key, errp);
        }
        if (!next) {
            next = json_object_new_object();
            json_object_object_add(object, name, next);
        }
        object = next;
        at += n + 1;
    }
}

/* Names with dots in them become objects; members of lists too. */
static Json *nest_list(const Json *list, Error **errp)
{
    Json *copy = json_object_new_array();

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        Json *item = json_object_array_get_idx(list, i), *better = NULL;

        if (json_object_is_type(item, json_type_object)) {
            better = json_object_new_object();
            if (!nest_into(better, item, errp)) {
                json_object_put(better);
                json_object_put(copy);
                return NULL;
            }
        }
        json_object_array_add(copy, better ? better : json_object_get(item));
    }
    return copy;
}

static bool nest_into(Json *into, const Json *flat, Error **errp)
{
    json_object_object_foreach((Json *)(uintptr_t)flat, key, value) {
        JSON_AUTO list = NULL;

        if (json_object_is_type(value, json_type_array)) {
            list = nest_list(value, errp);
            if (!list) {
                return false;
            }
            value = list;
        }
        if (!store(into, key, strlen(key), value, errp)) {
            return false;
        }
    }
    return true;
}

/* The value from text up to a single comma; *text is moved behind it. */
static char *take_value(const char **text)
{
    g_autoptr(GString) value = g_string_new(NULL);
    const char *p = *text;

    for (; *p; p++) {
        if (*p == ',') {
            p++;
            if (*p != ',') {
                break;
            }
        }
        g_string_append_c(value, *p);
    }
    *text = p;
    return g_strdup(value->str);
}

/* Objects whose names are all numbers become lists, from the leaves up. */
static Json *listify(Json *object, const char *path, Error **errp)
{
    unsigned numbers = 0, names = 0;
    Json *list;

    json_object_object_foreach(object, key, child) {
        g_autofree char *sub = *path ? g_strdup_printf("%s.%s", path, key) : g_strdup(key);

        if (g_ascii_isdigit(*key)) {
            numbers++;
        } else {
            names++;
        }
        if (json_object_is_type(child, json_type_object)) {
            Json *better = listify(child, sub, errp);

            if (!better) {
                return NULL;
            }
            if (better != child) {
                json_object_object_add(object, key, better);
            }
        }
    }
    if (!numbers) {
        return object;
    }
    if (names || !*path) {
        error_set(errp, "Parameters '%s%s*' used inconsistently", path, *path ? "." : "");
        return NULL;
    }
    list = json_object_new_array_ext(numbers);
    for (unsigned i = 0; i < numbers; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        Json *item;

        if (!json_object_object_get_ex(object, name, &item) || i >= LIST_MAX) {
            error_set(errp, "Parameter '%s.%u' missing", path, i);
            json_object_put(list);
            return NULL;
        }
        json_object_array_add(list, json_object_get(item));
    }
    return list;
}

static bool store_text(Json *root, const char *key, size_t n, const char *text, bool flat,
                       Error **errp)
{
    JSON_AUTO value = json_object_new_string(text);
    g_autofree char *name = NULL;

    if (!flat) {
        return store(root, key, n, value, errp);
    }
    name = g_strndup(key, n);
    json_object_object_add(root, name, json_object_get(value));
    return true;
}

/* "server" for server=on, "nowait" for wait=off: old short forms of booleans. */
static bool store_bare(Json *root, const char *word, size_t n, bool flat, Error **errp)
{
    bool off = n > 2 && !strncmp(word, "no", 2) && strncmp(word, "nodelay", n);

    return store_text(root, word + 2 * off, n - 2 * off, off ? "off" : "on", flat, errp);
}

/* flat: names keep their dots. */
static Json *parse(const char *text, const char *implied_key, bool *help, bool bare, bool flat,
                   Error **errp)
{
    Json *root = json_object_new_object(), *result;
    const char *p = text;
    bool first = true;

    if (help) {
        *help = false;
    }
    while (*p) {
        size_t n = strcspn(p, "=,");
        g_autofree char *value = NULL;
        bool ok = true;

        if (p[n] == '=') {
            const char *key = p;

            p += n + 1;
            value = take_value(&p);
            ok = store_text(root, key, n, value, flat, errp);
        } else if (help && ((n == 4 && !strncmp(p, "help", 4)) || (n == 1 && *p == '?'))) {
            *help = true;
            p += n + (p[n] == ',');
        } else if (first && implied_key && (n || p[n + 1] == ',')) {
            value = take_value(&p);
            ok = store_text(root, implied_key, strlen(implied_key), value, flat, errp);
        } else if (bare && n) {
            ok = store_bare(root, p, n, flat, errp);
            p += n + (p[n] == ',');
        } else {
            error_set(errp, n ? "Expected '=' after parameter '%.*s'"
                              : "Invalid parameter '%.*s'", (int)MIN(n, 200), p);
            ok = false;
        }
        if (!ok) {
            json_object_put(root);
            return NULL;
        }
        first = false;
    }
    result = flat ? root : listify(root, "", errp);
    if (!result) {
        json_object_put(root);
    }
    return result;
}

Json *keyval_parse(const char *text, const char *implied_key, bool *help, Error **errp)
{
    return parse(text, implied_key, help, false, false, errp);
}

Json *keyval_parse_bare(const char *text, const char *implied_key, bool *help, Error **errp)
{
    return parse(text, implied_key, help, true, false, errp);
}

Json *keyval_parse_flat(const char *text, bool *help, Error **errp)
{
    return parse(text, NULL, help, true, true, errp);
}

Json *keyval_nest(const Json *flat, Error **errp)
{
    Json *root = json_object_new_object(), *result = NULL;

    if (nest_into(root, flat, errp)) {
        result = listify(root, "", errp);
    }
    if (!result) {
        json_object_put(root);
    }
    return result;
}

Json *keyval_or_json_parse(const char *text, const char *implied_key, bool *help, bool *keyval,
                           Error **errp)
{
    *keyval = *text != '{';
    if (*keyval) {
        return keyval_parse(text, implied_key, help, errp);
    }
    if (help) {
        *help = false;
    }
    return json_parse_object(text, errp);
}

const char *keyval_get(const Json *object, const char *key)
{
    Json *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    return json_object_get_string(value);
}

char *keyval_escape(const char *value)
{
    GString *out = g_string_new(NULL);

    for (; *value; value++) {
        if (*value == ',') {
            g_string_append_c(out, ',');
        }
        g_string_append_c(out, *value);
    }
    return g_string_free(out, false);
}
