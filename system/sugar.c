/* -drive, -hda, -fda, -serial, -parallel, -nographic, -vga: rewritten to back ends and devices */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/block.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "qapi/keyval.h"
#include "system/config.h"
#include "util/parse.h"

#define MAX_BUSES 2
#define MAX_UNITS 2

/* Where -drive's interfaces have places; the index of one counts units, then buses. */
static const struct {
    unsigned buses, units;
    const char *hint;
} places[] = {
    [DRIVE_INTERFACE_IDE] = {
        2, 2, "There are bus 0 and 1 with unit 0 and 1 each: index 0 to 3" },
    [DRIVE_INTERFACE_FLOPPY] = { 1, 2, "There are drives A and B: index 0 and 1" },
    [DRIVE_INTERFACE_PFLASH] = {
        1, 2, "A PC has unit 0, the firmware, and unit 1, its variables" },
    [DRIVE_INTERFACE_NONE] = { 0, 0, NULL },
};

static void set(Json *json, const char *key, const char *value)
{
    json_object_object_add(json, key, json_object_new_string(value));
}

/* A device to create, behind those the user gave. */
static Json *add_device(Config *c, const char *origin, const char *driver)
{
    Json *json = json_object_new_object();

    set(json, "driver", driver);
    config_add(c->devices, origin, json, QAPI_KEYVAL);
    return json;
}

static bool user_has_device(const Config *c, const char *driver)
{
    for (unsigned i = 0; i < c->devices->len; i++) {
        const ConfigItem *item = c->devices->pdata[i];

        if (!g_strcmp0(keyval_get(item->json, "driver"), driver)) {
            return true;
        }
    }
    return false;
}

/* --- consoles --- */

/* The chardev that a short form asks for; its id, which is another's for "chardev:ID". */
static const char *add_short_chardev(Config *c, const ConfigItem *from, const char *id)
{
    ConfigItem *item;

    if (g_str_has_prefix(from->text, "chardev:")) {
        return from->text + strlen("chardev:");
    }
    item = config_add(c->chardevs, from->origin, NULL, QAPI_KEYVAL);
    item->text = g_strdup(from->text);
    item->id = g_strdup(id);
    return item->id;
}

/* "mon:DEV": a human monitor on the same chardev. */
static void add_short_monitor(Config *c, const ConfigItem *from, const char *id)
{
    if (g_str_has_prefix(from->text, "mon:")) {
        Json *json = json_object_new_object();

        set(json, "chardev", id);
        config_add(c->monitors, from->origin, json, QAPI_KEYVAL);
    }
}

/* Ports that are counted: -serial, -parallel. */
static void expand_ports(Config *c, const GPtrArray *ports, const char *name, const char *driver)
{
    for (unsigned i = 0; i < ports->len; i++) {
        const ConfigItem *item = ports->pdata[i];
        g_autofree char *id = g_strdup_printf("%s%u", name, i);
        g_autofree char *index = g_strdup_printf("%u", i);
        Json *device;

        if (!strcmp(item->text, "none")) {
            continue;           /* the next one is the second all the same */
        }
        device = add_device(c, item->origin, driver);
        set(device, "chardev", add_short_chardev(c, item, id));
        set(device, "index", index);
        add_short_monitor(c, item, id);
    }
}

static void expand_debugcons(Config *c)
{
    for (unsigned i = 0; i < c->debugcons->len; i++) {
        const ConfigItem *item = c->debugcons->pdata[i];
        g_autofree char *id = i ? g_strdup_printf("debugcon%u", i) : g_strdup("debugcon");

        if (strcmp(item->text, "none")) {
            set(add_device(c, item->origin, "isa-debugcon"), "chardev",
                add_short_chardev(c, item, id));
            add_short_monitor(c, item, id);
        }
    }
}

/* --- drives --- */

typedef struct Slots {
    bool taken[ARRAY_SIZE(places)][MAX_BUSES][MAX_UNITS];
} Slots;

/* Which of the interface's places: as asked for, or the first free one. */
static bool find_place(const DriveOptions *o, DriveInterface interface, Slots *slots,
                       unsigned *bus, unsigned *unit, Error **errp)
{
    unsigned buses = places[interface].buses, units = places[interface].units;
    bool(*taken)[MAX_UNITS] = slots->taken[interface];
    const char *name = DriveInterface_name(interface);

    if (o->has_index && (o->has_bus || o->has_unit)) {
        error_set(errp, "index cannot be used with bus and unit");
        return false;
    }
    *bus = o->has_index ? o->index / units : o->bus;
    *unit = o->has_index ? o->index % units : o->unit;
    if (!o->has_index && !o->has_unit) {
        while (*bus < buses && taken[*bus][*unit]) {
            *unit = (*unit + 1) % units;
            if (*unit == 0) {
                if (o->has_bus) {
                    break;
                }
                ++*bus;
            }
        }
    }
    if (*bus >= buses || *unit >= units) {
        error_set(errp, "machine type does not support if=%s,bus=%u,unit=%u", name, *bus, *unit);
        error_hint(errp, "%s", places[interface].hint);
        return false;
    }
    if (taken[*bus][*unit]) {
        error_set(errp, "drive with bus=%u, unit=%u (index=%u) exists", *bus, *unit,
                  *bus * units + *unit);
        return false;
    }
    taken[*bus][*unit] = true;
    return true;
}

/* What a drive is called that has no id. */
static char *default_id(DriveInterface interface, bool cdrom, unsigned bus, unsigned unit,
                        unsigned n)
{
    switch (interface) {
    case DRIVE_INTERFACE_IDE:
        return g_strdup_printf("ide%u-%s%u", bus, cdrom ? "cd" : "hd", unit);
    case DRIVE_INTERFACE_FLOPPY:
        return g_strdup_printf("floppy%u", unit);
    case DRIVE_INTERFACE_PFLASH:
        return g_strdup_printf("pflash%u", unit);
    default:
        return g_strdup_printf("none%u", n);
    }
}

/* if=pflash is -machine pflashN=ID. */
static bool check_pflash(Config *c, unsigned unit, Error **errp)
{
    const char *type_name = keyval_get(c->machine, "type");
    const MachineType *type = type_name ? machine_type_find(type_name) : machine_type_default();
    g_autofree char *name = g_strdup_printf("pflash%u", unit);

    if (!type || type->no_cpus) {
        error_set(errp, "machine type does not support if=pflash,bus=0,unit=%u", unit);
        return false;
    }
    if (json_object_object_get(c->machine, name)) {
        error_set(errp, "clashes with -machine %s=", name);
        return false;
    }
    return true;
}

static void add_drive_device(Config *c, const ConfigItem *drive, DriveInterface interface,
                             bool cdrom, unsigned bus, unsigned unit)
{
    g_autofree char *bus_name = g_strdup_printf(interface == DRIVE_INTERFACE_IDE
                                                    ? "ide.%u" : "floppy-bus.%u", bus);
    g_autofree char *unit_text = g_strdup_printf("%u", unit);
    Json *device = add_device(c, drive->origin, interface == DRIVE_INTERFACE_FLOPPY ? "floppy"
                                                : cdrom ? "ide-cd" : "ide-hd");

    set(device, "drive", drive->id);
    set(device, "bus", bus_name);
    set(device, "unit", unit_text);
}

static bool expand_drive(Config *c, ConfigItem *drive, Slots *slots, unsigned n, Error **errp)
{
    g_autoptr(DriveOptions) o = qapi_parse_DriveOptions(drive->json, QAPI_KEYVAL, errp);
    DriveInterface interface = o && o->has_q_if ? o->q_if : DRIVE_INTERFACE_IDE;
    bool cdrom = o && o->has_media && o->media == DRIVE_MEDIA_CDROM;
    bool pflash = interface == DRIVE_INTERFACE_PFLASH;
    unsigned bus = 0, unit = 0;

    if (!o || (places[interface].buses && !find_place(o, interface, slots, &bus, &unit, errp)) ||
        (pflash && !check_pflash(c, unit, errp))) {
        return false;
    }
    if (!o->file && !drive->node && ((!cdrom && interface == DRIVE_INTERFACE_IDE) || pflash)) {
        error_set(errp, "Device needs media, but drive is empty");
        error_hint(errp, "Name the image with file=");
        return false;
    }
    drive->id = o->id ? g_strdup(o->id) : default_id(interface, cdrom, bus, unit, n);
    if (!o->has_snapshot) {
        set(drive->json, "snapshot", c->snapshot ? "on" : "off");
    }
    if (pflash) {
        g_autofree char *name = g_strdup_printf("pflash%u", unit);

        set(c->machine, name, drive->id);
    } else if (places[interface].buses) {
        add_drive_device(c, drive, interface, cdrom, bus, unit);
    }
    return true;
}

static bool add_default_drive(Config *c, const char *origin, const char *options, Slots *slots,
                              Error **errp)
{
    ConfigItem *drive = config_add(c->drives, origin, keyval_parse(options, NULL, NULL, NULL),
                                   QAPI_KEYVAL);

    return expand_drive(c, drive, slots, c->drives->len - 1, errp);
}

static bool expand_drives(Config *c, bool defaults, Error **errp)
{
    Slots slots = { 0 };
    unsigned count = c->drives->len;

    for (unsigned i = 0; i < count; i++) {
        ConfigItem *drive = c->drives->pdata[i];

        if (!expand_drive(c, drive, &slots, i, errp)) {
            error_prepend(errp, "%s: ", drive->origin);
            return false;
        }
    }
    /* The drives that every PC has, with nothing in them: CD-ROM and floppy. */
    if (defaults && device_type_find("ide-cd") && !slots.taken[DRIVE_INTERFACE_IDE][1][0] &&
        !user_has_device(c, "ide-cd") && !user_has_device(c, "ide-hd") &&
        !add_default_drive(c, "the default CD-ROM drive", "index=2,media=cdrom", &slots, errp)) {
        return false;
    }
    if (defaults && device_type_find("floppy") && !slots.taken[DRIVE_INTERFACE_FLOPPY][0][0] &&
        !user_has_device(c, "floppy") && !user_has_device(c, "isa-fdc")) {
        return add_default_drive(c, "the default floppy drive", "if=floppy,index=0", &slots, errp);
    }
    return true;
}

/* --- all --- */

/* The board makes the display adapter, which has a slot of its own; a user's one replaces it. */
static void expand_vga(Config *c, bool defaults)
{
    if (!c->has_vga) {
        c->vga = defaults && !user_has_device(c, "VGA") ? VGA_KIND_STD : VGA_KIND_NONE;
    }
}

/* -qmp DEV, -monitor DEV: a chardev, and a monitor on it. */
static void expand_monitors(Config *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->monitors->len; i++) {
        const ConfigItem *item = c->monitors->pdata[i];

        if (item->text) {
            g_autofree char *id = g_strdup_printf("compat_monitor%u", n++);

            set(item->json, "chardev", add_short_chardev(c, item, id));
        }
    }
}

/* -mem-path, -mem-prealloc: a backend for the machine's memory. */
static bool expand_memory(Config *c, const MachineType *type, Error **errp)
{
    const char *origin = c->mem_path ? "-mem-path" : "-mem-prealloc";
    const char *size = c->memory ? keyval_get(c->memory, "size") : NULL;
    g_autofree char *bytes = NULL;
    uint64_t n = type->default_ram_size;
    Json *json;

    if (!c->mem_path && !c->mem_prealloc) {
        return true;
    }
    if (keyval_get(c->machine, "memory-backend")) {
        error_set(errp, "'%s' can't be used together with '-machine memory-backend'", origin);
        return false;
    }
    if (size && parse_size(size, 'M', &n)) {
        return true;            /* create_machine() says what is wrong */
    }
    bytes = g_strdup_printf("%" PRIu64, ROUND_UP(n, RAM_UNIT_BYTES));
    json = json_object_new_object();
    set(json, "qom-type", c->mem_path ? "memory-backend-file" : "memory-backend-ram");
    set(json, "id", "pc.ram");
    set(json, "size", bytes);
    set(json, "prealloc", c->mem_prealloc ? "on" : "off");
    if (c->mem_path) {
        set(json, "mem-path", c->mem_path);
    }
    config_add(c->objects, origin, json, QAPI_KEYVAL);
    set(c->machine, "memory-backend", "pc.ram");
    return true;
}

bool sugar_expand(Config *c, Error **errp)
{
    const char *type_name = keyval_get(c->machine, "type");
    const MachineType *type = type_name ? machine_type_find(type_name) : machine_type_default();
    bool defaults = !c->no_defaults && type && !type->no_cpus;

    if (defaults && !c->serials->len && !user_has_device(c, "isa-serial")) {
        ConfigItem *item = config_add(c->serials, c->nographic ? "-nographic"
                                                               : "the default serial port", NULL,
                                      QAPI_KEYVAL);

        item->text = g_strdup(c->nographic ? "mon:stdio" : "null");
    }
    if (defaults && !c->parallels->len && !user_has_device(c, "isa-parallel")) {
        config_add(c->parallels, "the default parallel port", NULL, QAPI_KEYVAL)->text =
            g_strdup("null");
    }
    if (type && !expand_memory(c, type, errp)) {
        return false;
    }
    expand_vga(c, defaults);
    expand_ports(c, c->serials, "serial", "isa-serial");
    expand_ports(c, c->parallels, "parallel", "isa-parallel");
    expand_debugcons(c);
    expand_monitors(c);
    return expand_drives(c, defaults, errp);
}
