/* Properties from JSON members, and the table of them that help shows */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/prop-json.h"

#include "util/parse.h"

char *prop_text_from_json(const Json *value)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        return g_strdup(json_object_get_string((Json *)value));
    case json_type_boolean:
        return g_strdup(json_object_get_boolean(value) ? "on" : "off");
    case json_type_int:
    case json_type_double:
        return json_text(value, false);
    default:
        return NULL;
    }
}

static void offer_props(Spell *spell, GString *all, const Prop *rows)
{
    for (; rows && rows->name; rows++) {
        spell_offer(spell, rows->name);
        g_string_append_printf(all, "%s%s", all->len ? ", " : "", rows->name);
    }
}

static bool set_one(Object *obj, const char *name, const Json *value, Error **errp)
{
    const Prop *prop = prop_find(obj, name);
    g_autofree char *text = prop && prop->kind == PROP_KIND_CUSTOM && prop->ops->json
                                ? json_text(value, false) : prop_text_from_json(value);

    if (!prop) {
        Spell spell = SPELL_INIT(name);
        g_autoptr(GString) all = g_string_new(NULL);

        error_set(errp, "Property '%s.%s' not found", obj->type->name, name);
        offer_props(&spell, all, obj->type->props);
        offer_props(&spell, all, obj->more_props);
        if (spell_best(&spell)) {
            error_hint(errp, "Did you mean '%s'?", spell_best(&spell));
        } else {
            error_hint(errp, "Valid properties: %s", all->len ? all->str : "none");
        }
        return false;
    }
    if (!text) {
        error_set(errp, "Property '%s.%s' can't take a value of type %s", obj->type->name, name,
                  json_type_name(value));
        return false;
    }
    return prop_set(obj, name, text, errp);
}

/* {"limits": {"a": 1}} is the row "limits.a". */
static bool set_members(Object *obj, const char *name, const Json *members, Error **errp)
{
    json_object_object_foreach((Json *)(uintptr_t)members, key, value) {
        g_autofree char *full = g_strdup_printf("%s.%s", name, key);

        if (!set_one(obj, full, value, errp)) {
            return false;
        }
    }
    return true;
}

bool props_set_from_json(Object *obj, const Json *options, const char *const *skip, Error **errp)
{
    json_object_object_foreach(options, key, value) {
        if (!g_strv_contains(skip, key) &&
            !(json_object_is_type(value, json_type_object) ? set_members(obj, key, value, errp)
                                                           : set_one(obj, key, value, errp))) {
            return false;
        }
    }
    return true;
}

static enum json_type wanted_type(const Prop *prop)
{
    switch (prop->kind) {
    case PROP_KIND_BOOL:
        return json_type_boolean;
    case PROP_KIND_STRING:
    case PROP_KIND_ENUM:
    case PROP_KIND_CUSTOM:
        return json_type_string;
    default:
        return json_type_int;
    }
}

/* prop_get() and defaults are text; the property's kind says what it means. */
static Json *text_to_json(const Prop *prop, const char *text)
{
    switch (wanted_type(prop)) {
    case json_type_boolean:
        return json_object_new_boolean(!strcmp(text, "true"));
    case json_type_int:
        return *text == '-' ? json_object_new_int64(g_ascii_strtoll(text, NULL, 10))
                            : json_object_new_uint64(g_ascii_strtoull(text, NULL, 10));
    default:
        return json_object_new_string(text);
    }
}

Json *prop_value_to_json(Object *obj, const Prop *prop)
{
    g_autofree char *text = NULL;

    if (prop->kind == PROP_KIND_CUSTOM && prop->ops->get_json) {
        return prop->ops->get_json(obj, prop);
    }
    if (prop->kind == PROP_KIND_CUSTOM && prop->ops->get_number) {
        int64_t value = prop->ops->get_number(obj, prop, (char *)obj + prop->offset);

        return strcmp(prop->ops->type_name, "bool") ? json_object_new_int64(value)
                                                    : json_object_new_boolean(value);
    }
    text = prop_get_row(obj, prop);
    return text_to_json(prop, text ? text : "");
}

Json *prop_default_to_json(const Prop *prop)
{
    g_autofree char *text = prop_default_text(prop);

    return text ? text_to_json(prop, text) : NULL;
}

bool prop_set_from_json(Object *obj, const Prop *prop, const Json *value, Error **errp)
{
    g_autofree char *text = prop_text_from_json(value);

    if (prop->kind != PROP_KIND_CUSTOM && !json_object_is_type(value, wanted_type(prop))) {
        error_set(errp, "Invalid parameter type for '%s', expected: %s", prop->name,
                  prop->kind == PROP_KIND_BOOL ? "boolean"
                  : wanted_type(prop) == json_type_int ? "integer" : "string");
        return false;
    }
    if (!text) {
        error_set(errp, "Invalid parameter type for '%s', expected: string", prop->name);
        return false;
    }
    if (prop->kind == PROP_KIND_ENUM && !g_strv_contains(prop->names, text)) {
        error_set(errp, "Parameter '%s' does not accept value '%s'", prop->name, text);
        return false;
    }
    return prop_set_row(obj, prop, text, errp);
}

static gint compare_props(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const Prop *const *)a)->name, (*(const Prop *const *)b)->name);
}

void props_help(const Prop *const *tables, FILE *out)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (; *tables; tables++) {
        for (const Prop *row = *tables; row->name; row++) {
            g_ptr_array_add(all, (void *)row);
        }
    }
    g_ptr_array_sort(all, compare_props);
    for (unsigned i = 0; i < all->len; i++) {
        const Prop *prop = all->pdata[i];
        g_autofree char *def = prop_default_text(prop);
        g_autofree char *left = g_strdup_printf("%s=<%s>", prop->name, prop_type_name(prop));

        fprintf(out, "  %-22s - %s", left, prop->help ? prop->help : "");
        if (def && *def) {
            fprintf(out, " (default: %s)", def);
        }
        fputc('\n', out);
    }
}
