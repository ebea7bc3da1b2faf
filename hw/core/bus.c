/* Buses: kinds, creation, finding one by name */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/device.h"

REGISTRY(bus, BusType)

static const ObjectType bus_object_type = {
    .name = "bus", .desc = "a bus", .size = sizeof(Bus),
};

static GPtrArray *all;

const BusType *bus_type_find(const char *name)
{
    size_t n;
    const BusType *const *types = registry_bus(&n);

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(types[i]->name, name)) {
            return types[i];
        }
    }
    return NULL;
}

static void bus_finalize(Object *obj)
{
    Bus *bus = OBJECT_OF(obj, Bus);

    g_ptr_array_remove(all, bus);
    g_free(bus->bus_name);
    g_free((void *)bus->obj.type);
}

Bus *bus_new(const char *type_name, size_t size, Device *owner, const char *name)
{
    ObjectType *type = g_memdup2(&bus_object_type, sizeof(bus_object_type));
    Bus *bus;

    type->name = type_name;
    type->size = MAX(size, sizeof(Bus));
    type->finalize = bus_finalize;
    bus = OBJECT_OF(object_new(type), Bus);
    bus->type = bus_type_find(type_name);
    g_assert(bus->type);
    bus->owner = owner;
    bus->bus_name = g_strdup(name);
    list_init(&bus->devices);
    if (owner) {
        list_append(&owner->buses, &bus->of_owner);
        object_add_child(&owner->obj, name, &bus->obj);
    }
    if (!all) {
        all = g_ptr_array_new();
    }
    g_ptr_array_add(all, bus);
    return bus;
}

void bus_free(Bus *bus)
{
    list_remove(&bus->of_owner);
    object_remove_child(&bus->obj);
    object_unref(&bus->obj);
}

Bus *bus_find(const char *name)
{
    for (unsigned i = 0; all && i < all->len; i++) {
        Bus *bus = all->pdata[i];

        if (!strcmp(bus->bus_name, name)) {
            return bus;
        }
    }
    return NULL;
}

Bus *bus_find_type(const char *type_name)
{
    Bus *full = NULL;

    for (unsigned i = 0; all && i < all->len; i++) {
        Bus *bus = all->pdata[i];

        if (!strcmp(bus->type->name, type_name)) {
            if (!bus->type->max_devices || bus->nr_devices < bus->type->max_devices) {
                return bus;
            }
            full = full ? full : bus;
        }
    }
    return full;
}

void buses_for_each(void (*fn)(Bus *bus, void *opaque), void *opaque)
{
    for (unsigned i = 0; all && i < all->len; i++) {
        fn(all->pdata[i], opaque);
    }
}
