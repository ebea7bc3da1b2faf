/* Devices: types, creation, realize, pins */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/device.h"
#include "util/trace.h"

REGISTRY(device, DeviceType)
REGISTRY(device_source, DeviceTypeSource)

static List in_order = { &in_order, &in_order };
static bool machine_complete;

static void collect_type(const DeviceType *type, void *opaque)
{
    g_ptr_array_add(opaque, (void *)type);
}

static GPtrArray *all_types(void)
{
    static GPtrArray *all;
    const DeviceTypeSource *const *sources;
    const DeviceType *const *types;
    size_t n;

    if (!all) {
        all = g_ptr_array_new();
        types = registry_device(&n);
        for (size_t i = 0; i < n; i++) {
            g_ptr_array_add(all, (void *)types[i]);
        }
        sources = registry_device_source(&n);
        for (size_t i = 0; i < n; i++) {
            sources[i]->each(collect_type, all);
        }
    }
    return all;
}

const DeviceType *device_type_find(const char *name)
{
    GPtrArray *all = all_types();

    for (unsigned i = 0; i < all->len; i++) {
        const DeviceType *type = all->pdata[i];

        if (!strcmp(type->name, name) || (type->alias && !strcmp(type->alias, name))) {
            return type;
        }
    }
    return NULL;
}

void device_types_for_each(void (*fn)(const DeviceType *type, void *opaque), void *opaque)
{
    GPtrArray *all = all_types();

    for (unsigned i = 0; i < all->len; i++) {
        fn(all->pdata[i], opaque);
    }
}

typedef struct Global {
    ListLink link;
    const DeviceType *type;
    char *name, *value;
} Global;

static List globals = { &globals, &globals };

void device_set_global(const DeviceType *type, const char *name, const char *value)
{
    Global *g = g_new0(Global, 1);

    g->type = type;
    g->name = g_strdup(name);
    g->value = g_strdup(value);
    list_append(&globals, &g->link);
}

static void apply_globals(Device *dev, const DeviceType *type)
{
    Global *g;

    list_for_each(g, &globals, Global, link) {
        if (g->type == type) {
            prop_set(&dev->obj, g->name, g->value, NULL);   /* tried when it was given */
        }
    }
}

Device *device_new_type(const DeviceType *type)
{
    Device *dev = OBJECT_OF(object_new(&type->object), Device);
    const BusType *bus = type->bus ? bus_type_find(type->bus) : NULL;

    list_init(&dev->buses);
    dev->obj.base_props = device_base_props;
    if (bus) {
        dev->obj.more_props = bus->props;
        props_set_defaults(&dev->obj, bus->props);
    }
    apply_globals(dev, type);
    return dev;
}

Device *device_new(const char *type_name)
{
    const DeviceType *type = device_type_find(type_name);

    g_assert(type);
    return device_new_type(type);
}

void device_set_name(Device *dev, const char *name)
{
    object_add_child(object_container("/machine"), name, &dev->obj);
}

/* Everyone has a place in the tree before realize, so that errors can name it. */
static void enter_tree(Device *dev)
{
    if (!dev->obj.parent) {
        object_add_child(object_container(dev->id ? "/machine/peripheral"
                                                  : "/machine/unattached"),
                         dev->id ? dev->id : "device[*]", &dev->obj);
    }
}

static void leave_bus(Device *dev)
{
    Bus *bus = dev->bus;

    if (bus) {
        if (bus->type->detach) {
            bus->type->detach(bus, dev);
        }
        list_remove(&dev->on_bus);
        bus->nr_devices--;
        dev->bus = NULL;
    }
}

static bool join_bus(Device *dev, Bus *bus, Error **errp)
{
    if (bus->type->max_devices && bus->nr_devices >= bus->type->max_devices) {
        error_set(errp, "bus '%s' is full: it takes %u devices", bus->bus_name,
                  bus->type->max_devices);
        return false;
    }
    dev->bus = bus;
    list_append(&bus->devices, &dev->on_bus);
    bus->nr_devices++;
    if (bus->type->attach && !bus->type->attach(bus, dev, errp)) {
        list_remove(&dev->on_bus);
        bus->nr_devices--;
        dev->bus = NULL;
        return false;
    }
    return true;
}

bool device_machine_is_complete(void)
{
    return machine_complete;
}

void device_machine_complete(void)
{
    machine_complete = true;
}

bool device_realize(Device *dev, Bus *bus, Error **errp)
{
    const DeviceType *type = device_type(dev);

    enter_tree(dev);
    if (bus && !join_bus(dev, bus, errp)) {
        goto fail;
    }
    if (type->realize && !type->realize(dev, errp)) {
        goto fail_bus;
    }
    if (bus && bus->type->attached && !bus->type->attached(bus, dev, errp)) {
        if (type->unrealize) {
            type->unrealize(dev);
        }
        goto fail_bus;
    }
    dev->obj.ready = true;
    dev->hotplugged = machine_complete;
    list_append(&in_order, &dev->in_order);
    device_reset(dev);
    if (dev->hotplugged && bus && bus->type->plugged) {
        bus->type->plugged(dev);
    }
    return true;

fail_bus:
    leave_bus(dev);
fail:
    object_remove_child(&dev->obj);
    return false;
}

void device_unrealize(Device *dev)
{
    Bus *bus;
    Device *child;

    list_for_each(bus, &dev->buses, Bus, of_owner) {
        while ((child = list_first(&bus->devices, Device, on_bus))) {
            device_unrealize(child);
        }
        bus_free(bus);
    }
    dev->generation++;
    list_remove(&dev->in_order);
    if (device_type(dev)->unrealize) {
        device_type(dev)->unrealize(dev);
    }
    leave_bus(dev);
    g_clear_pointer(&dev->irq_in, g_free);
    dev->obj.ready = false;
    g_clear_pointer(&dev->id, g_free);
    object_remove_child(&dev->obj);
}

Device *device_create(const char *type_name, Bus *bus, const char *first_prop, ...)
{
    Device *dev = device_new(type_name);
    Error *err = NULL;
    va_list ap;

    va_start(ap, first_prop);
    for (const char *name = first_prop; name && !err; name = va_arg(ap, const char *)) {
        prop_set(&dev->obj, name, va_arg(ap, const char *), &err);
    }
    va_end(ap);
    if (err || !device_realize(dev, bus, &err)) {
        g_error("%s: %s", type_name, error_text(err));
    }
    object_unref(&dev->obj);    /* the tree holds it */
    return dev;
}

Device *device_find_id(const char *id)
{
    return (Device *)(void *)object_child(object_container("/machine/peripheral"), id);
}

char *device_boot_path(Device *dev)
{
    return dev->bus && dev->bus->type->boot_path ? dev->bus->type->boot_path(dev) : NULL;
}

void devices_for_each(void (*fn)(Device *dev, void *opaque), void *opaque)
{
    Device *dev;

    list_for_each(dev, &in_order, Device, in_order) {
        fn(dev, opaque);
    }
}

void device_init_irq_in(Device *dev, IrqFn *fn, unsigned count)
{
    dev->irq_in = irq_new(fn, dev, count);
    dev->nr_irq_in = count;
}

IrqLine *device_irq_in(Device *dev, unsigned n)
{
    return n < dev->nr_irq_in ? &dev->irq_in[n] : NULL;
}

void device_init_irq_out(Device *dev, IrqLine **place)
{
    g_assert(dev->nr_irq_out < ARRAY_SIZE(dev->irq_out));
    dev->irq_out[dev->nr_irq_out++] = place;
}

void device_connect_irq_out(Device *dev, unsigned n, IrqLine *to)
{
    g_assert(n < dev->nr_irq_out);
    *dev->irq_out[n] = to;
}
