/* Objects that users create: -object and object-add */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/user-object.h"

#include "qom/prop-json.h"
#include "util/parse.h"

REGISTRY(user_object, UserObjectType)

static const UserObjectType *find_type(const char *name, Error **errp)
{
    size_t n;
    const UserObjectType *const *types = registry_user_object(&n);
    g_autoptr(GString) valid = g_string_new(NULL);

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(types[i]->name, name)) {
            return types[i];
        }
        g_string_append_printf(valid, "%s%s", i ? ", " : "", types[i]->name);
    }
    error_set(errp, "Parameter 'qom-type' does not accept value '%s'", name);
    error_hint(errp, "Valid values: %s", n ? valid->str : "none in this build");
    return NULL;
}

static const char *member(const Json *options, const char *key, Error **errp)
{
    Json *value;

    if (!json_object_object_get_ex(options, key, &value) ||
        !json_object_is_type(value, json_type_string)) {
        error_set(errp, "Parameter '%s' is missing", key);
        return NULL;
    }
    return json_object_get_string(value);
}

bool user_object_add(const Json *options, Error **errp)
{
    static const char *const skip[] = { "qom-type", "id", NULL };
    const char *name = member(options, "qom-type", errp), *id;
    const UserObjectType *type = name ? find_type(name, errp) : NULL;
    g_autoptr(Object) obj = NULL;

    if (!type || !(id = member(options, "id", errp))) {
        return false;
    }
    if (!g_ascii_isalpha(*id) || strchr(id, '/')) {
        error_set(errp, "Parameter 'id' expects an identifier, not '%s'", id);
        return false;
    }
    if (object_child(object_container("/objects"), id)) {
        error_set(errp, "attempt to add duplicate property '%s' to object (type 'container')", id);
        return false;
    }
    obj = object_new(&type->object);
    if (!props_set_from_json(obj, options, skip, errp)) {
        return false;
    }
    object_add_child(object_container("/objects"), id, obj);
    if (type->complete && !type->complete(obj, errp)) {
        object_remove_child(obj);
        return false;
    }
    obj->ready = true;
    return true;
}

bool user_object_del(const char *id, Error **errp)
{
    Object *obj = object_child(object_container("/objects"), id);
    const UserObjectType *type;

    if (!obj) {
        error_set(errp, "object '%s' not found", id);
        return false;
    }
    type = (const UserObjectType *)(const void *)obj->type;
    if (type->can_delete && !type->can_delete(obj)) {
        error_set(errp, "object '%s' is in use, can not be deleted", id);
        return false;
    }
    object_remove_child(obj);
    return true;
}

void user_object_help(FILE *out)
{
    size_t n;
    const UserObjectType *const *types = registry_user_object(&n);

    fprintf(out, "List of user creatable objects:\n");
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "  %s\n", types[i]->name);
    }
}

bool user_object_type_help(const char *name, FILE *out, Error **errp)
{
    const UserObjectType *type = find_type(name, errp);

    if (!type) {
        return false;
    }
    fprintf(out, "%s options:\n", type->name);
    props_help((const Prop *const[]){ type->props, NULL }, out);
    return true;
}
