/* qom-list, qom-get, qom-set, qom-list-types, qom-list-properties, object-add, object-del */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/commands-qom.h"
#include "qom/prop-json.h"
#include "qom/qom-types.h"
#include "qom/user-object.h"

static Object *find(const char *path, Error **errp)
{
    bool ambiguous = false;
    Object *obj = object_resolve(path, &ambiguous);

    if (ambiguous) {
        error_set(errp, "Path '%s' is ambiguous", path);
    } else if (!obj) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", path);
    }
    return obj;
}

/* --- lists of properties --- */

static void append(ObjectPropertyInfoList ***tail, const char *name, char *type)
{
    ObjectPropertyInfo *info = g_new0(ObjectPropertyInfo, 1);

    info->name = g_strdup(name);
    info->type = type;
    QAPI_APPEND(*tail, info);
}

static void append_rows(ObjectPropertyInfoList ***tail, const Prop *rows, bool describe)
{
    for (; rows && rows->name; rows++) {
        ObjectPropertyInfo *info = g_new0(ObjectPropertyInfo, 1);

        info->name = g_strdup(rows->name);
        info->type = g_strdup(prop_type_name(rows));
        if (describe) {
            info->description = g_strdup(rows->help);
            info->default_value = prop_default_to_json(rows);
        }
        QAPI_APPEND(*tail, info);
    }
}

ObjectPropertyInfoList *qmp_qom_list(const char *path, Error **errp)
{
    ObjectPropertyInfoList *list = NULL, **tail = &list;
    Object *obj = find(path, errp), *child;

    if (!obj) {
        return NULL;
    }
    append(&tail, "type", g_strdup("string"));
    append_rows(&tail, obj->base_props, false);
    append_rows(&tail, obj->type->props, false);
    append_rows(&tail, obj->more_props, false);
    list_for_each(child, &obj->children, Object, sibling) {
        append(&tail, child->name, g_strdup_printf("child<%s>", qom_type_name(child)));
    }
    return list;
}

ObjectPropertyInfoList *qmp_qom_list_properties(const char *typename, Error **errp)
{
    ObjectPropertyInfoList *list = NULL, **tail = &list;
    const QomType *type = qom_type_find(typename);

    if (!type) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Class '%s' not found", typename);
        return NULL;
    }
    append(&tail, "type", g_strdup("string"));
    append_rows(&tail, type->base, true);
    append_rows(&tail, type->props, true);
    append_rows(&tail, type->more, true);
    return list;
}

ObjectPropertyInfoList *qmp_device_list_properties(const char *typename, Error **errp)
{
    ObjectPropertyInfoList *list = NULL, **tail = &list;
    const QomType *type = qom_type_find(typename);

    if (!type) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", typename);
        return NULL;
    }
    if (type->abstract || !qom_type_implements(type, "device")) {
        error_set(errp, "Parameter 'typename' expects a non-abstract device type");
        return NULL;
    }
    append_rows(&tail, type->props, true);
    append_rows(&tail, type->more, true);
    return list;
}

/* --- one property --- */

Json *qmp_qom_get(const char *path, const char *property, Error **errp)
{
    Object *obj = find(path, errp), *child;
    const Prop *prop;

    if (!obj) {
        return NULL;
    }
    if (!strcmp(property, "type")) {
        return json_object_new_string(qom_type_name(obj));
    }
    child = object_child(obj, property);
    if (child) {
        g_autofree char *below = object_path(child);

        return json_object_new_string(below);
    }
    prop = prop_find(obj, property);
    if (!prop) {
        error_set(errp, "Property '%s.%s' not found", qom_type_name(obj), property);
        return NULL;
    }
    return prop_value_to_json(obj, prop);
}

void qmp_qom_set(const char *path, const char *property, Json *value, Error **errp)
{
    Object *obj = find(path, errp);
    const Prop *prop;

    if (!obj) {
        return;
    }
    prop = prop_find(obj, property);
    if (prop) {
        prop_set_from_json(obj, prop, value, errp);
    } else if (!strcmp(property, "type") || object_child(obj, property)) {
        error_set(errp, "Property '%s.%s' is not writable", qom_type_name(obj), property);
    } else {
        error_set(errp, "Property '%s.%s' not found", qom_type_name(obj), property);
    }
}

/* --- types --- */

typedef struct TypeQuery {
    const char *implements;
    bool abstract;
    ObjectTypeInfoList **tail;
} TypeQuery;

static void append_type(const QomType *type, void *opaque)
{
    TypeQuery *query = opaque;
    ObjectTypeInfo *info;

    if ((type->abstract && !query->abstract) ||
        (query->implements && !qom_type_implements(type, query->implements))) {
        return;
    }
    info = g_new0(ObjectTypeInfo, 1);
    info->name = g_strdup(type->name);
    info->has_abstract = info->abstract = type->abstract;
    info->parent = g_strdup(type->parent);
    QAPI_APPEND(query->tail, info);
}

ObjectTypeInfoList *qmp_qom_list_types(const char *implements, bool has_abstract, bool abstract,
                                       Error **errp)
{
    ObjectTypeInfoList *list = NULL;
    TypeQuery query = { implements, has_abstract && abstract, &list };

    qom_types_for_each(append_type, &query);
    return list;
}

/* --- objects of users --- */

Json *qmp_object_add(Json *args, Error **errp)
{
    /* By the schema first, for what is wrong in the words that clients know. */
    g_autoptr(ObjectOptions) checked = qapi_parse_ObjectOptions(args, QAPI_STRICT, errp);

    if (checked) {
        user_object_add(args, errp);
    }
    return NULL;
}

void qmp_object_del(const char *id, Error **errp)
{
    user_object_del(id, errp);
}
