/* JSON to C values by the schema's tables: strict, or from keyval's strings */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/visitor.h"

#include "util/parse.h"

/* Where in the input we are, for messages: "file.filename", "server.0". */
typedef struct Place {
    const struct Place *parent;
    const char *name;
    int index;                  /* of a list, -1 for a member */
} Place;

typedef struct Reader {
    QapiMode mode;
    Error **errp;
} Reader;

static bool read_value(Reader *r, const QapiType *type, void *value, const Json *json,
                       const Place *place);

/* Elements are "list.0" where the user writes them so, else "list[0]". */
static void append_place(GString *out, const Place *place, QapiMode mode)
{
    if (place->parent) {
        append_place(out, place->parent, mode);
    }
    if (place->index >= 0) {
        g_string_append_printf(out, mode == QAPI_STRICT ? "[%d]" : out->len ? ".%d" : "%d",
                               place->index);
    } else if (place->name) {
        g_string_append_printf(out, out->len ? ".%s" : "%s", place->name);
    }
}

static char *place_text(const Place *place, QapiMode mode)
{
    GString *out = g_string_new(NULL);

    append_place(out, place, mode);
    return g_string_free(out, false);
}

static bool fail(Reader *r, const Place *place, const char *fmt)
{
    g_autofree char *name = place_text(place, r->mode);

    error_set(r->errp, "Parameter '%s' %s", name, fmt);
    return false;
}

static bool wrong_type(Reader *r, const Place *place, const char *expected)
{
    g_autofree char *name = place_text(place, r->mode);

    error_set(r->errp, "Invalid parameter type for '%s', expected: %s", name, expected);
    return false;
}

/* --- scalars --- */

static void store_int(const QapiType *type, void *value, uint64_t v)
{
    switch (type->size) {
    case 1:
        *(uint8_t *)value = v;
        break;
    case 2:
        *(uint16_t *)value = v;
        break;
    case 4:
        *(uint32_t *)value = v;
        break;
    default:
        *(uint64_t *)value = v;
    }
}

static bool out_of_range(Reader *r, const QapiType *type, const Place *place)
{
    g_autofree char *text = g_strdup_printf("expects %s", type->name);

    return fail(r, place, text);
}

static bool read_int(Reader *r, const QapiType *type, void *value, const Json *json,
                     const Place *place)
{
    bool is_signed = type->kind == QAPI_INT;
    unsigned bits = type->size * 8;
    int64_t s = 0;
    uint64_t u;
    int ret;

    if (r->mode == QAPI_KEYVAL) {
        const char *text = json_object_get_string((Json *)json);

        if (is_signed || *text == '-') {
            ret = parse_i64(text, 0, &s);
            u = s;
        } else {
            ret = parse_u64(text, 0, &u);
        }
        if (ret == -EINVAL) {
            return fail(r, place, "expects integer");
        }
        if (ret) {
            return out_of_range(r, type, place);
        }
    } else {
        if (!json_object_is_type(json, json_type_int)) {
            return wrong_type(r, place, "integer");
        }
        s = json_object_get_int64(json);
        u = json_object_get_uint64(json);
        if (is_signed ? s == INT64_MAX && u > INT64_MAX : s < 0) {
            /* As QEMU does, -1 is taken for the largest unsigned 64-bit number. */
            if (is_signed || bits < 64) {
                return out_of_range(r, type, place);
            }
            u = s;
        }
        u = is_signed ? (uint64_t)s : u;
    }
    if (bits < 64 && (is_signed ? s < -(1LL << (bits - 1)) || s >= 1LL << (bits - 1)
                                : u >> bits != 0)) {
        return out_of_range(r, type, place);
    }
    store_int(type, value, u);
    return true;
}

static bool read_size(Reader *r, const QapiType *type, void *value, const Json *json,
                      const Place *place)
{
    if (r->mode != QAPI_KEYVAL) {
        return read_int(r, type, value, json, place);
    }
    switch (parse_size(json_object_get_string((Json *)json), 'B', value)) {
    case 0:
        return true;
    case -ERANGE:
        return fail(r, place, "is too large: the value must be below 2^64");
    default:
        fail(r, place, "expects a size");
        error_hint(r->errp, "A number with an optional suffix k, M, G, T, P or E, such as 64k.");
        return false;
    }
}

static bool read_number(Reader *r, double *value, const Json *json, const Place *place)
{
    char *end;

    if (r->mode == QAPI_KEYVAL) {
        const char *text = json_object_get_string((Json *)json);

        *value = g_ascii_strtod(text, &end);
        if (!*text || *end || *value - *value != 0) {
            return fail(r, place, "expects a number");
        }
        return true;
    }
    if (!json_object_is_type(json, json_type_double) && !json_object_is_type(json, json_type_int)) {
        return wrong_type(r, place, "number");
    }
    *value = json_object_get_double(json);
    return true;
}

static bool read_bool(Reader *r, bool *value, const Json *json, const Place *place)
{
    if (r->mode == QAPI_KEYVAL) {
        return parse_bool(json_object_get_string((Json *)json), value) ||
               fail(r, place, "expects 'on' or 'off'");
    }
    if (!json_object_is_type(json, json_type_boolean)) {
        return wrong_type(r, place, "boolean");
    }
    *value = json_object_get_boolean(json);
    return true;
}

static bool read_string(Reader *r, const Json *json, const Place *place, const char **text)
{
    if (!json_object_is_type(json, json_type_string)) {
        return wrong_type(r, place, "string");
    }
    *text = json_object_get_string((Json *)json);
    if (strlen(*text) != (size_t)json_object_get_string_len(json)) {
        return fail(r, place, "must not contain a NUL character");
    }
    return true;
}

/* --- what is made of others --- */

static bool has_member(const QapiType *type, const char *name)
{
    for (unsigned i = 0; type && i < type->nr_members; i++) {
        if (!strcmp(type->members[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* For the hint: the nearest member, else all of them. */
static void offer_members(Spell *spell, GString *all, const QapiType *type)
{
    for (unsigned i = 0; type && i < type->nr_members; i++) {
        spell_offer(spell, type->members[i].name);
        g_string_append_printf(all, "%s%s", all->len ? ", " : "", type->members[i].name);
    }
}

static bool check_unexpected(Reader *r, const QapiType *type, const QapiType *branch,
                             const Json *json, const Place *place)
{
    json_object_object_foreach(json, key, child) {
        (void)child;
        if (!has_member(type, key) && !has_member(branch, key)) {
            Place bad = { place, key, -1 };
            Spell spell = SPELL_INIT(key);
            g_autoptr(GString) all = g_string_new(NULL);

            fail(r, &bad, "is unexpected");
            offer_members(&spell, all, type);
            offer_members(&spell, all, branch);
            if (spell_best(&spell)) {
                error_hint(r->errp, "Did you mean '%s'?", spell_best(&spell));
            } else {
                error_hint(r->errp, "Valid parameters: %s", all->str);
            }
            return false;
        }
    }
    return true;
}

static bool read_members(Reader *r, const QapiType *type, char *obj, const Json *json,
                         const Place *place)
{
    for (unsigned i = 0; i < type->nr_members; i++) {
        const QapiMember *m = &type->members[i];
        Place here = { place, m->name, -1 };
        Json *child;

        if (!json_object_object_get_ex(json, m->name, &child)) {
            if (!m->optional) {
                return fail(r, &here, "is missing");
            }
            continue;
        }
        if (m->has) {
            *(bool *)(obj + m->has_offset) = true;
        }
        if (!read_value(r, m->type, obj + m->offset, child, &here)) {
            return false;
        }
    }
    return true;
}

static bool read_alternate(Reader *r, const QapiType *type, char *obj, const Json *json,
                           const Place *place);

/* Into obj, which is zeroed memory of the type's size. */
static bool read_object(Reader *r, const QapiType *type, char *obj, const Json *json,
                        const Place *place)
{
    const QapiType *branch = NULL;

    if (type->kind == QAPI_ALTERNATE) {
        return read_alternate(r, type, obj, json, place);
    }
    if (!json_object_is_type(json, json_type_object)) {
        return r->mode == QAPI_KEYVAL ? fail(r, place, "expects parameters of its own")
                                      : wrong_type(r, place, "object");
    }
    if (!read_members(r, type, obj, json, place)) {
        return false;
    }
    if (type->kind == QAPI_UNION) {
        branch = qapi_union_branch(type, obj);
        if (branch && !read_members(r, branch, obj + type->u_offset, json, place)) {
            return false;
        }
    }
    return check_unexpected(r, type, branch, json, place);
}

/* The JSON type picks the branch; in keyval all scalars look like strings. */
static bool fits(Reader *r, const QapiType *type, const Json *json)
{
    switch (type->kind) {
    case QAPI_STRUCT:
    case QAPI_UNION:
        return json_object_is_type(json, json_type_object);
    case QAPI_LIST:
        return json_object_is_type(json, json_type_array);
    case QAPI_NULL:
        return !json;
    case QAPI_STR:
    case QAPI_ENUM:
        return json_object_is_type(json, json_type_string);
    case QAPI_BOOL:
        return json_object_is_type(json, json_type_boolean) ||
               (r->mode == QAPI_KEYVAL && json_object_is_type(json, json_type_string));
    case QAPI_NUMBER:
        return json_object_is_type(json, json_type_double) ||
               json_object_is_type(json, json_type_int);
    default:
        return json_object_is_type(json, json_type_int) ||
               (r->mode == QAPI_KEYVAL && json_object_is_type(json, json_type_string));
    }
}

static bool read_alternate(Reader *r, const QapiType *type, char *obj, const Json *json,
                           const Place *place)
{
    for (unsigned i = 0; i < type->nr_members; i++) {
        const QapiMember *m = &type->members[i];

        if (fits(r, m->type, json)) {
            *(int *)obj = i;
            return qapi_by_pointer(m->type)
                       ? read_object(r, m->type, obj + m->offset, json, place)
                       : read_value(r, m->type, obj + m->offset, json, place);
        }
    }
    return wrong_type(r, place, type->name);
}

static bool read_list(Reader *r, const QapiType *type, QapiNode **list, const Json *json,
                      const Place *place)
{
    QapiNode **tail = list;
    size_t n, size = qapi_by_pointer(type->element) ? sizeof(void *) : type->element->size;

    if (!json_object_is_type(json, json_type_array)) {
        return wrong_type(r, place, "array");
    }
    n = json_object_array_length(json);
    for (size_t i = 0; i < n; i++) {
        Place here = { place, NULL, i };

        *tail = g_malloc0(offsetof(QapiNode, value) + MAX(size, 8));
        if (!read_value(r, type->element, (*tail)->value, json_object_array_get_idx(json, i),
                        &here)) {
            return false;
        }
        tail = &(*tail)->next;
    }
    return true;
}

static bool read_value(Reader *r, const QapiType *type, void *value, const Json *json,
                       const Place *place)
{
    bool scalar = !qapi_by_pointer(type) && type->kind != QAPI_LIST && type->kind != QAPI_ANY &&
                  type->kind != QAPI_NULL;
    const char *text;
    int found;

    if (scalar && r->mode == QAPI_KEYVAL && !json_object_is_type(json, json_type_string)) {
        return fail(r, place, "has no parameters below it");
    }
    switch (type->kind) {
    case QAPI_STR:
        if (!read_string(r, json, place, &text)) {
            return false;
        }
        *(char **)value = g_strdup(text);
        return true;
    case QAPI_ENUM: {
        g_autofree char *name = place_text(place, r->mode);

        if (!read_string(r, json, place, &text)) {
            return false;
        }
        found = qapi_enum_parse(type, text, name, r->errp);
        *(int *)value = MAX(found, 0);
        return found >= 0;
    }
    case QAPI_INT:
    case QAPI_UINT:
        return read_int(r, type, value, json, place);
    case QAPI_SIZE:
        return read_size(r, type, value, json, place);
    case QAPI_NUMBER:
        return read_number(r, value, json, place);
    case QAPI_BOOL:
        return read_bool(r, value, json, place);
    case QAPI_NULL:
        return !json || wrong_type(r, place, "null");
    case QAPI_ANY:
        *(Json **)value = json_object_get((Json *)json);
        return true;
    case QAPI_LIST:
        return read_list(r, type, value, json, place);
    default:
        *(void **)value = g_malloc0(type->size);
        return read_object(r, type, *(void **)value, json, place);
    }
}

void *qapi_parse_object(const QapiType *type, const Json *json, QapiMode mode, Error **errp)
{
    Reader r = { mode, errp };
    Place top = { NULL, NULL, -1 };
    void *obj = g_malloc0(type->size);

    if (!read_object(&r, type, obj, json, &top)) {
        qapi_free_object(type, obj);
        return NULL;
    }
    return obj;
}

bool qapi_parse_value(const QapiType *type, void *value, const Json *json, const char *name,
                      QapiMode mode, Error **errp)
{
    Reader r = { mode, errp };
    Place top = { NULL, name, -1 };

    return read_value(&r, type, value, json, &top);
}
