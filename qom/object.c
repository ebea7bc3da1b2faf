/* Objects: creation, reference counts, the tree of paths */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/object.h"
#include "qom/prop.h"

static const ObjectType container_type = {
    .name = "container", .desc = "a place in the tree", .size = sizeof(Object),
};

Object *object_new(const ObjectType *type)
{
    Object *obj = g_malloc0(MAX(type->size, sizeof(Object)));

    obj->type = type;
    obj->refs = 1;
    list_init(&obj->children);
    props_set_defaults(obj, type->props);
    if (type->init) {
        type->init(obj);
    }
    return obj;
}

Object *object_ref(Object *obj)
{
    __atomic_add_fetch(&obj->refs, 1, __ATOMIC_RELAXED);
    return obj;
}

void object_unref(Object *obj)
{
    Object *child;

    if (!obj || __atomic_sub_fetch(&obj->refs, 1, __ATOMIC_ACQ_REL)) {
        return;
    }
    while ((child = list_first(&obj->children, Object, sibling))) {
        object_remove_child(child);
    }
    if (obj->type->finalize) {
        obj->type->finalize(obj);
    }
    props_release(obj, obj->type->props);
    props_release(obj, obj->more_props);
    g_free(obj->name);
    g_free(obj);
}

Object *object_root(void)
{
    static Object *root;

    if (!root) {
        root = object_new(&container_type);
    }
    return root;
}

Object *object_child(Object *parent, const char *name)
{
    Object *child;

    list_for_each(child, &parent->children, Object, sibling) {
        if (!strcmp(child->name, name)) {
            return child;
        }
    }
    return NULL;
}

Object *object_container(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    Object *at = object_root();

    for (int i = 0; parts[i]; i++) {
        Object *next;

        if (!*parts[i]) {
            continue;
        }
        next = object_child(at, parts[i]);
        if (!next) {
            next = object_new(&container_type);
            object_add_child(at, parts[i], next);
            object_unref(next);
        }
        at = next;
    }
    return at;
}

void object_add_child(Object *parent, const char *name, Object *child)
{
    g_assert(!child->parent);
    if (g_str_has_suffix(name, "[*]")) {
        for (unsigned n = 0;; n++) {
            g_autofree char *numbered =
                g_strdup_printf("%.*s[%u]", (int)strlen(name) - 3, name, n);

            if (!object_child(parent, numbered)) {
                child->name = g_steal_pointer(&numbered);
                break;
            }
        }
    } else {
        g_assert(!object_child(parent, name));
        child->name = g_strdup(name);
    }
    child->parent = parent;
    list_append(&parent->children, &child->sibling);
    object_ref(child);
}

void object_remove_child(Object *child)
{
    if (child->parent) {
        list_remove(&child->sibling);
        child->parent = NULL;
        g_clear_pointer(&child->name, g_free);
        object_unref(child);
    }
}

static Object *walk(Object *at, char **parts)
{
    for (; at && *parts; parts++) {
        if (**parts) {
            at = object_child(at, *parts);
        }
    }
    return at;
}

static void search(Object *at, char **parts, Object **found, bool *ambiguous)
{
    Object *hit = walk(at, parts), *child;

    if (hit && hit != *found) {
        if (*found) {
            *ambiguous = true;
        }
        *found = hit;
    }
    list_for_each(child, &at->children, Object, sibling) {
        search(child, parts, found, ambiguous);
    }
}

Object *object_resolve(const char *path, bool *ambiguous)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    Object *found = NULL;
    bool several = false;

    if (path[0] == '/') {
        return walk(object_root(), parts);
    }
    if (*path) {
        search(object_root(), parts, &found, &several);
    }
    if (ambiguous) {
        *ambiguous = several;
    }
    return several ? NULL : found;
}

char *object_path(const Object *obj)
{
    GString *path = g_string_new(NULL);

    for (; obj && obj->parent; obj = obj->parent) {
        g_string_prepend(path, obj->name);
        g_string_prepend_c(path, '/');
    }
    if (!path->len) {
        g_string_append_c(path, '/');
    }
    return g_string_free(path, false);
}
