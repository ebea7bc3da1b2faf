/* What introspection shows of devices, buses, machines: their types, and what all devices have */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "qom/qom-types.h"

/* --- properties that every device has --- */

static bool read_only(Object *obj, const Prop *prop, void *field, const char *text, Error **errp)
{
    error_set(errp, "Property '%s.%s' is not writable", obj->type->name, prop->name);
    return false;
}

static char *get_bool(Object *obj, const Prop *prop, const void *field)
{
    return g_strdup(prop->ops->get_number(obj, prop, field) ? "true" : "false");
}

static int64_t get_realized(Object *obj, const Prop *prop, const void *field)
{
    return obj->ready;
}

static int64_t get_hotpluggable(Object *obj, const Prop *prop, const void *field)
{
    return device_type(OBJECT_OF(obj, Device))->hotpluggable;
}

static int64_t get_hotplugged(Object *obj, const Prop *prop, const void *field)
{
    return OBJECT_OF(obj, Device)->hotplugged;
}

static char *get_parent_bus(Object *obj, const Prop *prop, const void *field)
{
    Bus *bus = OBJECT_OF(obj, Device)->bus;

    return bus ? object_path(&bus->obj) : g_strdup("");
}

static const PropOps realized_ops = {
    .type_name = "bool", .set = read_only, .get = get_bool, .get_number = get_realized
};
static const PropOps hotpluggable_ops = {
    .type_name = "bool", .set = read_only, .get = get_bool, .get_number = get_hotpluggable
};
static const PropOps hotplugged_ops = {
    .type_name = "bool", .set = read_only, .get = get_bool, .get_number = get_hotplugged
};
static const PropOps parent_bus_ops = {
    .type_name = "link<bus>", .set = read_only, .get = get_parent_bus
};

#define ROW(Name, Ops) { .name = Name, .kind = PROP_KIND_CUSTOM, .live = true, .ops = &Ops }
const Prop device_base_props[] = {
    ROW("parent_bus", parent_bus_ops),
    ROW("realized", realized_ops),
    ROW("hotplugged", hotplugged_ops),
    ROW("hotpluggable", hotpluggable_ops),
    { }
};

/* --- types --- */

/* What the devices of a kind of bus descend from. */
static const struct {
    const char *bus, *base;
} device_bases[] = {
    { BUS_SYSTEM, "sys-bus-device" },
    { BUS_ISA, "isa-device" },
    { BUS_PCI, "pci-device" },
    { BUS_IDE, "ide-device" },
    { BUS_I2C, "i2c-slave" },
};

typedef struct Walk {
    void (*fn)(const QomType *type, void *opaque);
    void *opaque;
} Walk;

static const char *device_base(const char *bus)
{
    for (size_t i = 0; i < ARRAY_SIZE(device_bases); i++) {
        if (!strcmp(device_bases[i].bus, bus ? bus : BUS_SYSTEM)) {
            return device_bases[i].base;
        }
    }
    return "device";
}

static void tell_device(const DeviceType *type, void *opaque)
{
    Walk *walk = opaque;
    const BusType *bus = type->bus ? bus_type_find(type->bus) : NULL;

    walk->fn(&(QomType){
        .name = type->name, .parent = type->parent ? type->parent : device_base(type->bus),
        .abstract = type->abstract, .type = &type->object, .props = type->props,
        .more = bus ? bus->props : NULL, .base = device_base_props,
    }, walk->opaque);
}

static void tell_machine(const MachineType *type, void *opaque)
{
    Walk *walk = opaque;

    walk->fn(&(QomType){
        .name = g_strconcat(type->name, "-machine", NULL), .parent = "machine",
        .type = &type->object, .props = type->props,
    }, walk->opaque);
}

static void each(void (*fn)(const QomType *type, void *opaque), void *opaque)
{
    static const char *const buses[] = { BUS_ISA, BUS_PCI, BUS_IDE, BUS_I2C };
    Walk walk = { fn, opaque };

    fn(&(QomType){ .name = "device", .parent = "object", .abstract = true,
                   .base = device_base_props }, opaque);
    fn(&(QomType){ .name = "bus", .parent = "object", .abstract = true }, opaque);
    fn(&(QomType){ .name = "machine", .parent = "object", .abstract = true }, opaque);
    for (size_t i = 0; i < ARRAY_SIZE(device_bases); i++) {
        fn(&(QomType){ .name = device_bases[i].base, .parent = "device", .abstract = true,
                       .base = device_base_props }, opaque);
    }
    for (size_t i = 0; i < ARRAY_SIZE(buses); i++) {
        fn(&(QomType){ .name = buses[i], .parent = "bus" }, opaque);
    }
    device_types_for_each(tell_device, &walk);
    machine_types_for_each(tell_machine, &walk);
}

static const QomTypeSource hw_types = { each };
REGISTER_QOM_TYPES(hw_types)
