/* The tree of types as introspection shows it, gathered from the registries of all subsystems */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/qom-types.h"
#include "qom/prop.h"

REGISTRY(qom_types, QomTypeSource)
REGISTRY(user_object, UserObjectType)

static GHashTable *by_name;

static void add(const QomType *type, void *opaque)
{
    if (!g_hash_table_contains(by_name, type->name)) {
        g_hash_table_insert(by_name, (char *)type->name, g_memdup2(type, sizeof(*type)));
    }
}

static void gather(void)
{
    size_t n;
    const QomTypeSource *const *sources = registry_qom_types(&n);

    if (!by_name) {
        by_name = g_hash_table_new(g_str_hash, g_str_equal);
        for (size_t i = 0; i < n; i++) {
            sources[i]->each(add, NULL);
        }
    }
}

const QomType *qom_type_find(const char *name)
{
    gather();
    return g_hash_table_lookup(by_name, name);
}

const char *qom_type_name(const Object *obj)
{
    GHashTableIter iter;
    QomType *type;

    gather();
    g_hash_table_iter_init(&iter, by_name);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&type)) {
        if (type->type == obj->type) {
            return type->name;
        }
    }
    return obj->type->name;
}

bool qom_type_implements(const QomType *type, const char *ancestor)
{
    for (; type; type = type->parent ? qom_type_find(type->parent) : NULL) {
        if (!strcmp(type->name, ancestor)) {
            return true;
        }
    }
    return false;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(((const QomType *)a)->name, ((const QomType *)b)->name);
}

void qom_types_for_each(void (*fn)(const QomType *type, void *opaque), void *opaque)
{
    g_autoptr(GList) all = NULL;

    gather();
    all = g_list_sort(g_hash_table_get_values(by_name), compare_names);
    for (GList *l = all; l; l = l->next) {
        fn(l->data, opaque);
    }
}

/* --- those of this layer --- */

static void each(void (*fn)(const QomType *type, void *opaque), void *opaque)
{
    size_t n;
    const UserObjectType *const *types = registry_user_object(&n);

    fn(&(QomType){ .name = "object", .abstract = true }, opaque);
    fn(&(QomType){ .name = "container", .parent = "object" }, opaque);
    fn(&(QomType){ .name = "memory-backend", .parent = "object", .abstract = true }, opaque);
    for (size_t i = 0; i < n; i++) {
        fn(&(QomType){ .name = types[i]->name,
                       .parent = types[i]->parent ? types[i]->parent : "object",
                       .type = &types[i]->object, .props = types[i]->props }, opaque);
    }
}

static const QomTypeSource user_object_types = { each };
REGISTER_QOM_TYPES(user_object_types)
