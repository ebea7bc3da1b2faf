/* Human commands about devices: info qtree, irq, pic, lapic, roms, usb, ...; device_add */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "chardev/char.h"
#include "hw/core/device-qmp.h"
#include "hw/intc/intc-print.h"
#include "hw/nvram/fw-cfg.h"
#include "memory/memory.h"
#include "monitor/hmp.h"
#include "qapi/keyval.h"
#include "qapi/types-char.h"
#include "qom/user-object.h"
#include "system/hmp-machine.h"

#define INDENT 2

/* --- info qtree --- */

static void print_size(GString *out, uint64_t bytes)
{
    static const char units[][4] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = 0;
    double value = (double)bytes;

    while (value >= 1000 && unit < ARRAY_SIZE(units) - 1) {
        value /= 1024;
        unit++;
    }
    g_string_append_printf(out, "%" PRIu64 " (%.3g %s)", bytes, value, units[unit]);
}

static void print_prop(Device *dev, const Prop *prop, unsigned indent, GString *out)
{
    g_autofree char *text = prop_get_row(&dev->obj, prop);

    g_string_append_printf(out, "%*s%s = ", indent, "", prop->name);
    switch (prop->kind) {
    case PROP_KIND_BOOL:
        g_string_append(out, text && (!strcmp(text, "on") || !strcmp(text, "true")) ? "true"
                                                                                    : "false");
        break;
    case PROP_KIND_STRING:
    case PROP_KIND_ENUM:
        g_string_append_printf(out, "\"%s\"", text ? text : "");
        break;
    case PROP_KIND_CUSTOM:
        g_string_append_printf(out, strcmp(prop->ops->type_name, "str") ? "%s" : "\"%s\"",
                               text ? text : "");
        break;
    case PROP_KIND_SIZE:
        print_size(out, g_ascii_strtoull(text, NULL, 0));
        break;
    default:
        g_string_append_printf(out, "%s (0x%" PRIx64 ")", text,
                               (uint64_t)(*text == '-' ? g_ascii_strtoll(text, NULL, 0)
                                                       : (int64_t)g_ascii_strtoull(text, NULL, 0)));
        break;
    }
    g_string_append_c(out, '\n');
}

static void print_props(Device *dev, const Prop *prop, unsigned indent, GString *out)
{
    for (; prop && prop->name; prop++) {
        print_prop(dev, prop, indent, out);
    }
}

/* Windows in the memory map, of devices that no bus tells of. */
static void print_windows(const Device *dev, const MemRegion *r, uint64_t base, unsigned indent,
                          GString *out)
{
    const MemRegion *child;

    if (r->owner == &dev->obj && r->kind == REGION_IO) {
        g_string_append_printf(out, "%*smmio %016" PRIx64 "/%016" PRIx64 "\n", indent, "",
                               base + r->addr, r->size);
    }
    list_for_each(child, &r->children, MemRegion, sibling) {
        print_windows(dev, child, base + r->addr, indent, out);
    }
}

static void print_bus(const Bus *bus, unsigned indent, GString *out);

static void print_device(Device *dev, unsigned indent, GString *out)
{
    const Bus *bus;

    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "",
                           device_type(dev)->object.name, dev->id ? dev->id : "");
    indent += INDENT;
    if (dev->nr_irq_in) {
        g_string_append_printf(out, "%*sgpio-in \"\" %u\n", indent, "", dev->nr_irq_in);
    }
    if (dev->nr_irq_out) {
        g_string_append_printf(out, "%*sgpio-out \"\" %u\n", indent, "", dev->nr_irq_out);
    }
    print_props(dev, device_type(dev)->object.props, indent, out);
    if (dev->bus) {
        print_props(dev, dev->bus->type->props, indent, out);
        if (dev->bus->type->print) {
            dev->bus->type->print(dev, indent, out);
        }
    } else {
        print_windows(dev, memory_root(), 0, indent, out);
    }
    list_for_each(bus, &dev->buses, Bus, of_owner) {
        print_bus(bus, indent, out);
    }
}

static void print_bus(const Bus *bus, unsigned indent, GString *out)
{
    Device *dev;

    g_string_append_printf(out, "%*sbus: %s\n%*stype %s\n", indent, "", bus->bus_name,
                           indent + INDENT, "", bus->type->name);
    list_for_each(dev, &bus->devices, Device, on_bus) {
        print_device(dev, indent + INDENT, out);
    }
}

static void print_system_device(Device *dev, void *opaque)
{
    if (!dev->bus) {
        print_device(dev, INDENT, opaque);
    }
}

static void co_qtree(const Json *args, GString *out, Error **errp)
{
    g_string_append(out, "bus: main-system-bus\n  type System\n");
    devices_for_each(print_system_device, out);
}

/* --- interrupts --- */

/* Chips that the kernel keeps tell their state while the CPUs do not run. */
static void with_cpus_paused(void (*fn)(GString *out), GString *out)
{
    vcpus_suspend();
    fn(out);
    vcpus_unsuspend();
}

static void co_pic(const Json *args, GString *out, Error **errp)
{
    with_cpus_paused(intc_print_pics, out);
}

static void co_irq(const Json *args, GString *out, Error **errp)
{
    intc_print_counts(out);
}

static void co_lapic(const Json *args, GString *out, Error **errp)
{
    Vcpu *cpu = hmp_get(args, "apic-id") ? vcpu_by_apic_id(hmp_int(args, "apic-id"))
                                         : hmp_current_cpu(NULL);
    bool ok;

    vcpus_suspend();
    ok = cpu && intc_print_lapic(cpu, out);
    vcpus_unsuspend();
    if (!ok) {
        g_string_append(out, cpu || !hmp_get(args, "apic-id") ? "No local APIC\n"
                                                              : "No CPU with that APIC ID\n");
    }
}

/* --- what firmware finds --- */

static void print_roms(const MemRegion *r, uint64_t base, GString *out)
{
    const MemRegion *child;

    if (r->kind == REGION_ROM) {
        g_string_append_printf(out, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom "
                               "name=\"%s\"\n", base + r->addr, r->size, r->name);
    }
    list_for_each(child, &r->children, MemRegion, sibling) {
        print_roms(child, base + r->addr, out);
    }
}

static void print_file(const char *name, size_t len, void *opaque)
{
    if (g_str_has_prefix(name, "genroms/") || g_str_has_prefix(name, "vgaroms/")) {
        g_string_append_printf(opaque, "fw=%s size=0x%06zx name=\"%s\"\n", name, len,
                               strchr(name, '/') + 1);
    } else if (g_str_has_prefix(name, "etc/acpi/") || !strcmp(name, "etc/table-loader")) {
        g_string_append_printf(opaque, "/rom@%s size=0x%06zx name=\"%s\"\n", name, len, name);
    }
}

static void co_roms(const Json *args, GString *out, Error **errp)
{
    print_roms(memory_root(), 0, out);
    if (fw_cfg_current()) {
        fw_cfg_files_for_each(fw_cfg_current(), print_file, out);
    }
}

/* --- kinds of devices --- */

static void print_network(Device *dev, void *opaque)
{
    if (device_type(dev)->category == CATEGORY_NETWORK) {
        g_string_append_printf(opaque, "%s: type=nic,model=%s\n", dev->id ? dev->id : "",
                               device_type(dev)->object.name);
    }
}

static void co_network(const Json *args, GString *out, Error **errp)
{
    devices_for_each(print_network, out);
}

static void co_usb(const Json *args, GString *out, Error **errp)
{
    const Bus *bus = bus_find_type("usb-bus");
    Device *dev;

    if (!bus) {
        error_set(errp, "USB support not enabled");
        return;
    }
    list_for_each(dev, &bus->devices, Device, on_bus) {
        g_string_append_printf(out, "  Device %s, ID: %s\n", device_type(dev)->object.name,
                               dev->id ? dev->id : "");
    }
}

static void co_jit(const Json *args, GString *out, Error **errp)
{
    if (!accel_type() || !accel_type()->print_jit) {
        error_set(errp, "JIT information is only available with accel=tcg");
        return;
    }
    accel_type()->print_jit(out);
}

/* What is printed to a stream is wanted as text. */
static void capture(void (*fn)(FILE *stream), GString *out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (stream) {
        fn(stream);
        fclose(stream);
        g_string_append_len(out, text, len);
        free(text);
    }
}

static void co_qdm(const Json *args, GString *out, Error **errp)
{
    capture(device_help, out);
}

/* --- objects come and go --- */

static void type_help(const char *name, GString *out, Error **errp)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (stream) {
        device_type_help(name, stream, errp);
        fclose(stream);
        g_string_append_len(out, text, len);
        free(text);
    }
}

static void co_device_add(const Json *args, GString *out, Error **errp)
{
    bool help = false;
    Json *options = keyval_parse(hmp_str(args, "device"), "driver", &help, errp);

    if (!options) {
        return;
    }
    if (!help) {
        json_object_put(co_hmp_qmp("device_add", options, errp));
        return;
    }
    if (keyval_get(options, "driver")) {
        type_help(keyval_get(options, "driver"), out, errp);
    } else {
        capture(device_help, out);
    }
    json_object_put(options);
}

static void co_object_add(const Json *args, GString *out, Error **errp)
{
    bool help = false;
    Json *options = keyval_parse(hmp_str(args, "object"), "qom-type", &help, errp);

    if (options && help) {
        capture(user_object_help, out);
    } else if (options) {
        user_object_add(options, errp);
    }
    json_object_put(options);
}

static void co_chardev_add(const Json *args, GString *out, Error **errp)
{
    JSON_AUTO options = keyval_parse_bare(hmp_str(args, "options"), "backend", NULL, errp);
    g_autoptr(ChardevOptions) opts =
        options ? qapi_parse_ChardevOptions(options, QAPI_KEYVAL, errp) : NULL;

    if (opts && co_chardev_prepare(opts, errp)) {
        chardev_new(opts, errp);
    }
}

static void co_chardev_swap(const Json *args, GString *out, Error **errp)
{
    JSON_AUTO options = keyval_parse_bare(hmp_str(args, "options"), "backend", NULL, errp);
    g_autoptr(ChardevOptions) opts = NULL;

    if (!options) {
        return;
    }
    json_object_object_add(options, "id", json_object_get(hmp_get(args, "id")));
    opts = qapi_parse_ChardevOptions(options, QAPI_KEYVAL, errp);
    if (opts) {
        co_chardev_change(hmp_str(args, "id"), opts, errp);
    }
}

static void add_id(Device *dev, void *opaque)
{
    if (dev->id) {
        g_ptr_array_add(opaque, g_strdup(dev->id));
    }
}

static void complete_devices(GPtrArray *names)
{
    devices_for_each(add_id, names);
}

static void add_type(const DeviceType *type, void *opaque)
{
    if (!type->internal && !type->object.abstract) {
        g_ptr_array_add(opaque, g_strdup(type->object.name));
    }
}

static void complete_types(GPtrArray *names)
{
    device_types_for_each(add_type, names);
}

static const HmpCommand rows[] = {
    { "device_add", "DRIVER[,PROP=VALUE][,...]", "plug a device in, as -device has it",
      { { "device", HMP_REST } }, .co_run = co_device_add, .complete = complete_types },
    { "device_del", "ID", "unplug a device", { { "id", HMP_WORD } }, .qmp = "device_del",
      .complete = complete_devices },
    { "object_add", "TYPE,id=ID[,PROP=VALUE][,...]", "make an object, as -object has it",
      { { "object", HMP_REST } }, .co_run = co_object_add },
    { "chardev-add", "BACKEND,id=ID[,...]", "add a character device, as -chardev has it",
      { { "options", HMP_REST } }, .co_run = co_chardev_add },
    { "chardev-change", "ID BACKEND[,...]", "another back end for a character device in use",
      { { "id", HMP_WORD }, { "options", HMP_REST } }, .co_run = co_chardev_swap },
    { }
};
static const HmpTable table = { rows, false };
REGISTER_HMP(table)

static const HmpCommand info_rows[] = {
    { "qtree", "", "the devices, and the buses that they are on", .co_run = co_qtree },
    { "qdm", "", "the kinds of devices there are", .co_run = co_qdm },
    { "pic", "", "the interrupt controllers", .co_run = co_pic },
    { "irq", "", "how often interrupts came", .co_run = co_irq },
    { "lapic", "[APIC_ID]", "a CPU's local APIC", { { "apic-id", HMP_INT, true } },
      .co_run = co_lapic },
    { "roms", "", "ROMs, and what firmware is handed", .co_run = co_roms },
    { "network", "", "the network devices", .co_run = co_network },
    { "usb", "", "the USB devices", .co_run = co_usb },
    { "jit", "", "how guest code is prepared", .co_run = co_jit },
    { }
};
static const HmpTable info_table = { info_rows, true };
REGISTER_HMP(info_table)
