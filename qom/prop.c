/* Properties: find, set from text, get, defaults */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/prop.h"

typedef struct KindInfo {
    const char *name;
    uint64_t max;       /* unsigned kinds */
    int64_t min;        /* below 0: signed, max is then the largest positive value */
    uint8_t bytes;
} KindInfo;

static const KindInfo kinds[] = {
    [PROP_KIND_BOOL] = { "bool", 1, 0, 1 },
    [PROP_KIND_U8] = { "uint8", UINT8_MAX, 0, 1 },
    [PROP_KIND_U16] = { "uint16", UINT16_MAX, 0, 2 },
    [PROP_KIND_U32] = { "uint32", UINT32_MAX, 0, 4 },
    [PROP_KIND_U64] = { "uint64", UINT64_MAX, 0, 8 },
    [PROP_KIND_I32] = { "int32", INT32_MAX, INT32_MIN, 4 },
    [PROP_KIND_I64] = { "int64", INT64_MAX, INT64_MIN, 8 },
    [PROP_KIND_SIZE] = { "size", UINT64_MAX, 0, 8 },
    [PROP_KIND_STRING] = { "str", 0, 0, 0 },
    [PROP_KIND_ENUM] = { "enum", INT_MAX, 0, 4 },
    [PROP_KIND_CUSTOM] = { "custom", 0, 0, 0 },
};

const char *const prop_on_off_auto[] = { "auto", "on", "off", NULL };

static void *field_of(Object *obj, const Prop *prop)
{
    return (char *)obj + prop->offset;
}

const Prop *prop_find_in(const Prop *rows, const char *name)
{
    for (; rows && rows->name; rows++) {
        if (!strcmp(rows->name, name)) {
            return rows;
        }
    }
    return NULL;
}

const Prop *prop_find(const Object *obj, const char *name)
{
    const Prop *prop = prop_find_in(obj->type->props, name);

    prop = prop ? prop : prop_find_in(obj->more_props, name);
    return prop ? prop : prop_find_in(obj->base_props, name);
}

static void store(Object *obj, const Prop *prop, uint64_t value)
{
    void *field = field_of(obj, prop);

    switch (kinds[prop->kind].bytes) {
    case 1:
        *(uint8_t *)field = value;
        break;
    case 2:
        *(uint16_t *)field = value;
        break;
    case 4:
        *(uint32_t *)field = value;
        break;
    case 8:
        *(uint64_t *)field = value;
        break;
    }
}

static uint64_t fetch(Object *obj, const Prop *prop)
{
    const void *field = field_of(obj, prop);

    switch (kinds[prop->kind].bytes) {
    case 1:
        return *(const uint8_t *)field;
    case 2:
        return *(const uint16_t *)field;
    case 4:
        return kinds[prop->kind].min < 0 ? (uint64_t)*(const int32_t *)field
                                         : *(const uint32_t *)field;
    default:
        return *(const uint64_t *)field;
    }
}

static bool parse_bool(const char *text, uint64_t *value)
{
    static const char *const words[] = { "off", "on", "no", "yes", "false", "true", "n", "y" };

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcmp(text, words[i])) {
            *value = i & 1;
            return true;
        }
    }
    return false;
}

/* A number, with a size suffix where the kind allows one; false: not such a number. */
static bool parse_number(const Prop *prop, const char *text, uint64_t *value, bool *range)
{
    const KindInfo *kind = &kinds[prop->kind];
    bool negative = *text == '-';
    char *end;

    *range = false;
    if (!g_ascii_isdigit(text[negative])) {
        return false;
    }
    errno = 0;
    *value = strtoull(text + negative, &end, 0);
    if (prop->kind == PROP_KIND_SIZE && *end) {
        static const char suffixes[] = "BKMGTPE";
        const char *s = strchr(suffixes, g_ascii_toupper(*end));

        if (!s || end[1]) {
            return false;
        }
        if (s > suffixes && *value > UINT64_MAX >> (10 * (s - suffixes))) {
            errno = ERANGE;
        }
        *value <<= 10 * (s - suffixes);
        end++;
    }
    if (*end) {
        return false;
    }
    if (negative) {
        *range = kind->min == 0 ? *value != 0 : *value > -(uint64_t)kind->min;
        *value = -*value;
    } else {
        *range = *value > kind->max;
    }
    *range |= errno == ERANGE;
    return true;
}

static bool bad_value(const Object *obj, const Prop *prop, const char *text, const char *why,
                      Error **errp)
{
    error_set(errp, "Property '%s.%s' can't take value '%s'%s%s", obj->type->name, prop->name,
              text, why ? ": " : "", why ? why : "");
    return false;
}

static bool set_enum(Object *obj, const Prop *prop, const char *text, Error **errp)
{
    g_autofree char *valid = NULL;

    for (int i = 0; prop->names[i]; i++) {
        if (!strcmp(prop->names[i], text)) {
            store(obj, prop, i);
            return true;
        }
    }
    valid = g_strjoinv(", ", (char **)prop->names);
    bad_value(obj, prop, text, NULL, errp);
    error_hint(errp, "Valid values: %s", valid);
    return false;
}

bool prop_set_row(Object *obj, const Prop *prop, const char *text, Error **errp)
{
    uint64_t value;
    bool range;

    if (obj->ready && !prop->live) {
        error_set(errp, "Attempt to set property '%s' on device '%s' (type '%s') after it was "
                  "realized", prop->name, obj->name, obj->type->name);
        return false;
    }
    switch (prop->kind) {
    case PROP_KIND_STRING:
        g_free(*(char **)field_of(obj, prop));
        *(char **)field_of(obj, prop) = g_strdup(text);
        break;
    case PROP_KIND_ENUM:
        if (!set_enum(obj, prop, text, errp)) {
            return false;
        }
        break;
    case PROP_KIND_CUSTOM:
        if (!prop->ops->set(obj, prop, field_of(obj, prop), text, errp)) {
            return false;
        }
        break;
    case PROP_KIND_BOOL:
        if (!parse_bool(text, &value)) {
            return bad_value(obj, prop, text, "expected 'on' or 'off'", errp);
        }
        store(obj, prop, value);
        break;
    default:
        if (!parse_number(prop, text, &value, &range)) {
            return bad_value(obj, prop, text,
                             prop->kind == PROP_KIND_SIZE
                                 ? "expected a size such as 64k, 1M or 2G" : "expected a number",
                             errp);
        }
        if (range) {
            g_autofree char *why = g_strdup_printf("out of range for %s", kinds[prop->kind].name);

            return bad_value(obj, prop, text, why, errp);
        }
        store(obj, prop, value);
    }
    return !(obj->ready && prop->changed) || prop->changed(obj, prop, errp);
}

bool prop_set(Object *obj, const char *name, const char *text, Error **errp)
{
    const Prop *prop = prop_find(obj, name);

    if (!prop) {
        error_set(errp, "Property '%s.%s' not found", obj->type->name, name);
        return false;
    }
    return prop_set_row(obj, prop, text, errp);
}

bool prop_set_u64(Object *obj, const char *name, uint64_t value, Error **errp)
{
    g_autofree char *text = g_strdup_printf("%" PRIu64, value);

    return prop_set(obj, name, text, errp);
}

bool prop_set_bool(Object *obj, const char *name, bool value, Error **errp)
{
    return prop_set(obj, name, value ? "on" : "off", errp);
}

static char *value_text(const Prop *prop, uint64_t value)
{
    switch (prop->kind) {
    case PROP_KIND_BOOL:
        return g_strdup(value ? "true" : "false");
    case PROP_KIND_ENUM:
        return g_strdup(prop->names[value]);
    case PROP_KIND_I32:
    case PROP_KIND_I64:
        return g_strdup_printf("%" PRId64, (int64_t)value);
    default:
        return g_strdup_printf("%" PRIu64, value);
    }
}

char *prop_get_row(Object *obj, const Prop *prop)
{
    if (prop->kind == PROP_KIND_STRING) {
        const char *text = *(char **)field_of(obj, prop);

        return g_strdup(text ? text : "");
    }
    if (prop->kind == PROP_KIND_CUSTOM) {
        return prop->ops->get(obj, prop, field_of(obj, prop));
    }
    return value_text(prop, fetch(obj, prop));
}

char *prop_get(Object *obj, const char *name, Error **errp)
{
    const Prop *prop = prop_find(obj, name);

    if (!prop) {
        error_set(errp, "Property '%s.%s' not found", obj->type->name, name);
        return NULL;
    }
    return prop_get_row(obj, prop);
}

const char *prop_type_name(const Prop *prop)
{
    return prop->kind == PROP_KIND_CUSTOM ? prop->ops->type_name : kinds[prop->kind].name;
}

char *prop_default_text(const Prop *prop)
{
    if (!prop->has_default) {
        return NULL;
    }
    return prop->kind == PROP_KIND_STRING ? g_strdup(prop->def_text)
                                          : value_text(prop, prop->def);
}

void props_set_defaults(Object *obj, const Prop *rows)
{
    for (; rows && rows->name; rows++) {
        if (rows->kind == PROP_KIND_STRING) {
            *(char **)field_of(obj, rows) = g_strdup(rows->def_text);
        } else if (rows->kind == PROP_KIND_CUSTOM) {
            if (rows->ops->set_default) {
                rows->ops->set_default(obj, rows, field_of(obj, rows));
            }
        } else {
            store(obj, rows, rows->def);
        }
    }
}

void props_release(Object *obj, const Prop *rows)
{
    for (; rows && rows->name; rows++) {
        if (rows->kind == PROP_KIND_STRING) {
            g_clear_pointer((char **)field_of(obj, rows), g_free);
        } else if (rows->kind == PROP_KIND_CUSTOM && rows->ops->release) {
            rows->ops->release(obj, rows, field_of(obj, rows));
        }
    }
}
