/* Devices that users create: -device and device_add, -global, their help */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/device-qmp.h"
#include "qapi/commands-qom.h"
#include "qapi/events-qom.h"
#include "qom/prop-json.h"
#include "util/parse.h"

/* --- -global --- */

bool device_add_global(const char *driver, const char *property, const char *value, Error **errp)
{
    const DeviceType *type = device_type_find(driver);
    const BusType *bus = type && type->bus ? bus_type_find(type->bus) : NULL;
    Device *probe;
    bool ok;

    if (!type) {
        error_set(errp, "'%s' is not a valid device model name", driver);
        return false;
    }
    if (!prop_find_in(type->props, property) && !(bus && prop_find_in(bus->props, property))) {
        error_set(errp, "Property '%s.%s' not found", driver, property);
        return false;
    }
    /* Tried on a device that is thrown away, so that later ones cannot fail by it. */
    probe = device_new_type(type);
    ok = prop_set(&probe->obj, property, value, errp);
    object_unref(&probe->obj);
    if (ok) {
        device_set_global(type, property, value);
    }
    return ok;
}

static bool check_hotplug(const DeviceType *type, const Bus *bus, Error **errp);

/* --- create --- */

static void offer_type(const DeviceType *type, void *opaque)
{
    if (!type->internal && !type->object.abstract) {
        spell_offer(opaque, type->object.name);
        if (type->alias) {
            spell_offer(opaque, type->alias);
        }
    }
}

static const DeviceType *find_type(const char *name, Error **errp)
{
    const DeviceType *type = device_type_find(name);
    Spell spell = SPELL_INIT(name);

    if (!type) {
        error_set(errp, "'%s' is not a valid device model name", name);
        device_types_for_each(offer_type, &spell);
        if (spell_best(&spell)) {
            error_hint(errp, "Did you mean '%s'?", spell_best(&spell));
        }
        return NULL;
    }
    if (type->internal || type->object.abstract) {
        error_set(errp, "Parameter 'driver' expects a pluggable device type, and '%s' is part of "
                  "a machine", name);
        return NULL;
    }
    return type;
}

static void append_bus(Bus *bus, void *opaque)
{
    GString *out = opaque;

    g_string_append_printf(out, "%s%s", out->len ? ", " : "", bus->bus_name);
}

/* The bus to sit on: the one named, else the first of the kind with room; NULL for System. */
static bool find_bus(const DeviceType *type, const char *name, Bus **bus, Error **errp)
{
    const char *kind = type->bus ? type->bus : BUS_SYSTEM;
    g_autoptr(GString) names = g_string_new(NULL);

    *bus = NULL;
    if (name) {
        *bus = bus_find(name);
        if (!*bus) {
            error_set(errp, "Bus '%s' not found", name);
            buses_for_each(append_bus, names);
            error_hint(errp, "Valid values: %s", names->len ? names->str : "none");
            return false;
        }
        if (strcmp((*bus)->type->name, kind)) {
            error_set(errp, "Device '%s' can't go on %s bus '%s'", type->object.name,
                      (*bus)->type->name, name);
            return false;
        }
        return true;
    }
    if (!strcmp(kind, BUS_SYSTEM)) {
        return true;
    }
    *bus = bus_find_type(kind);
    if (!*bus) {
        error_set(errp, "No '%s' bus found for device '%s'", kind, type->object.name);
        return false;
    }
    return true;
}

static const char *member(const Json *options, const char *key)
{
    Json *value;

    return json_object_object_get_ex(options, key, &value) &&
           json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static bool id_ok(const char *id)
{
    for (const char *p = id; *p; p++) {
        if (!g_ascii_isalnum(*p) && !strchr("-._", *p)) {
            return false;
        }
    }
    return g_ascii_isalpha(*id);
}

static bool check_id(const char *id, Error **errp)
{
    if (!id_ok(id)) {
        error_set(errp, "Parameter 'id' expects an identifier, not '%s'", id);
        error_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', starting with a "
                   "letter.");
        return false;
    }
    if (device_find_id(id)) {
        error_set(errp, "Duplicate device ID '%s'", id);
        return false;
    }
    return true;
}

Device *device_add(const Json *options, Error **errp)
{
    static const char *const skip[] = { "driver", "id", "bus", NULL };
    const char *driver = member(options, "driver"), *id = member(options, "id");
    const DeviceType *type;
    Device *dev;
    Bus *bus;
    bool ok;

    if (!driver) {
        error_set(errp, "Parameter 'driver' is missing");
        return NULL;
    }
    type = find_type(driver, errp);
    if (!type || (id && !check_id(id, errp))) {
        return NULL;
    }
    dev = device_new_type(type);
    /* Before the bus, so that a wrong property is told even where there is none. */
    ok = props_set_from_json(&dev->obj, options, skip, errp) &&
         find_bus(type, member(options, "bus"), &bus, errp) &&
         (!device_machine_is_complete() || check_hotplug(type, bus, errp));
    if (ok) {
        dev->id = g_strdup(id);
        ok = device_realize(dev, bus, errp);
    }
    if (!ok) {
        g_clear_pointer(&dev->id, g_free);
    }
    object_unref(&dev->obj);    /* the tree holds it now */
    return ok ? dev : NULL;
}

/* --- while the guest runs --- */

static bool check_hotplug(const DeviceType *type, const Bus *bus, Error **errp)
{
    if (bus && (!bus->type->can_hotplug || !bus->type->can_hotplug(bus))) {
        error_set(errp, "Bus '%s' does not support hotplugging", bus->bus_name);
        return false;
    }
    if ((!bus && !type->unplug) || !type->hotpluggable) {
        error_set(errp, "Device '%s' does not support hotplugging", type->object.name);
        return false;
    }
    return true;
}

Json *qmp_device_add(Json *args, Error **errp)
{
    device_add(args, errp);
    return NULL;
}

void device_deleted(Device *dev)
{
    g_autofree char *id = g_strdup(dev->id), *path = object_path(&dev->obj);

    device_unrealize(dev);
    qapi_event_send_device_deleted(id, path);
}

/* By id, or by the path of an object. */
static Device *find_plugged(const char *id, Error **errp)
{
    Object *obj = *id == '/' ? object_resolve(id, NULL) : NULL;
    Device *dev = obj && obj->base_props == device_base_props ? OBJECT_OF(obj, Device)
                                                              : device_find_id(id);

    if (!dev) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    }
    return dev;
}

void qmp_device_del(const char *id, Error **errp)
{
    Device *dev = find_plugged(id, errp);

    if (!dev || !check_hotplug(device_type(dev), dev->bus, errp)) {
        return;
    }
    if (!dev->bus) {            /* the guest may refuse, and then be asked again */
        device_type(dev)->unplug(dev, errp);
        return;
    }
    if (dev->unplugging) {
        error_set(errp, "Device %s is already in the process of unplug", id);
        return;
    }
    dev->unplugging = true;
    dev->bus->type->unplug(dev);
}

/* --- help --- */

static const char *const category_names[NR_CATEGORIES] = {
    [CATEGORY_MISC] = "Misc", [CATEGORY_BRIDGE] = "Controller/Bridge/Hub",
    [CATEGORY_USB] = "USB", [CATEGORY_STORAGE] = "Storage", [CATEGORY_NETWORK] = "Network",
    [CATEGORY_INPUT] = "Input", [CATEGORY_DISPLAY] = "Display", [CATEGORY_SOUND] = "Sound",
    [CATEGORY_CPU] = "CPU", [CATEGORY_WATCHDOG] = "Watchdog",
};

static void collect(const DeviceType *type, void *opaque)
{
    if (!type->internal && !type->object.abstract) {
        g_ptr_array_add(opaque, (void *)type);
    }
}

static gint compare_types(gconstpointer a, gconstpointer b)
{
    const DeviceType *ta = *(const DeviceType *const *)a, *tb = *(const DeviceType *const *)b;

    return strcmp(ta->object.name, tb->object.name);
}

void device_help(FILE *out)
{
    g_autoptr(GPtrArray) types = g_ptr_array_new();

    device_types_for_each(collect, types);
    g_ptr_array_sort(types, compare_types);
    for (int category = 0; category < NR_CATEGORIES; category++) {
        bool first = true;

        for (unsigned i = 0; i < types->len; i++) {
            const DeviceType *type = types->pdata[i];

            if ((int)type->category != category) {
                continue;
            }
            if (first) {
                fprintf(out, "%s devices:\n", category_names[category]);
                first = false;
            }
            fprintf(out, "name \"%s\"", type->object.name);
            if (type->category != CATEGORY_CPU) {
                fprintf(out, ", bus %s", type->bus ? type->bus : BUS_SYSTEM);
            }
            if (type->alias) {
                fprintf(out, ", alias \"%s\"", type->alias);
            }
            fprintf(out, ", desc \"%s\"\n", type->object.desc ? type->object.desc : "");
        }
    }
}

bool device_type_help(const char *name, FILE *out, Error **errp)
{
    const DeviceType *type = find_type(name, errp);
    const BusType *bus = type && type->bus ? bus_type_find(type->bus) : NULL;
    const Prop *tables[3] = { 0 };
    unsigned n = 0;

    if (!type) {
        return false;
    }
    if (type->object.props) {
        tables[n++] = type->object.props;
    }
    if (bus && bus->props) {
        tables[n++] = bus->props;
    }
    fprintf(out, "%s options:\n", type->object.name);
    props_help(tables, out);
    return true;
}
