/* What "help" in place of a value prints */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "block/driver.h"
#include "chardev/char.h"
#include "hw/core/machine.h"
#include "qom/prop-json.h"
#include "system/config.h"
#include "util/log.h"
#include "util/parse.h"

static void collect(const MachineType *type, void *opaque)
{
    g_ptr_array_add(opaque, (void *)type);
}

static gint compare(gconstpointer a, gconstpointer b)
{
    const MachineType *ma = *(const MachineType *const *)a, *mb = *(const MachineType *const *)b;

    return strcmp(ma->name, mb->name);
}

void help_machines(void)
{
    g_autoptr(GPtrArray) types = g_ptr_array_new();

    machine_types_for_each(collect, types);
    g_ptr_array_sort(types, compare);
    printf("Supported machines are:\n");
    for (unsigned i = 0; i < types->len; i++) {
        const MachineType *type = types->pdata[i];

        if (type->alias) {
            printf("%-20s %s (alias of %s)\n", type->alias, type->desc, type->name);
        }
        printf("%-20s %s%s\n", type->name, type->desc, type->is_default ? " (default)" : "");
    }
}

bool help_machine(const char *name, Error **errp)
{
    static const Prop sugar[] = {
        { .name = "accel", .kind = PROP_KIND_STRING, .help = "accelerators, separated by colons" },
        { .name = "kernel-irqchip", .kind = PROP_KIND_STRING,
          .help = "on, split or off: the same as that of -accel kvm" },
        { .name = NULL },
    };
    const MachineType *type = machine_type_find(name);

    if (!type) {
        error_set(errp, "unsupported machine type '%s'", name);
        return false;
    }
    printf("%s-machine options:\n", type->name);
    props_help((const Prop *const[]){ machine_props, sugar, type->props, NULL }, stdout);
    return true;
}

static void add_driver(const BlockDriver *driver, void *opaque)
{
    g_ptr_array_add(opaque, (char *)(uintptr_t)driver->name);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* -drive format=help, in the form that tools take apart. */
void help_block_drivers(void)
{
    static const char *const lines[] = { "Supported formats:", "Supported formats (read-only):" };
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    block_drivers_for_each(add_driver, names);
    g_ptr_array_sort(names, compare_names);
    for (unsigned l = 0; l < ARRAY_SIZE(lines); l++) {
        printf("%s", lines[l]);
        for (unsigned i = 0; i < names->len; i++) {
            printf(" %s", (char *)names->pdata[i]);
        }
        putchar('\n');
    }
}

void help_chardevs(void)
{
    g_autofree const char **names = chardev_type_names();

    printf("Available chardev backend types:\n");
    for (unsigned i = 0; names[i]; i++) {
        printf("  %-10s %s\n", names[i], chardev_type_desc(names[i]));
    }
}

void help_log(void)
{
    printf("Log items (comma separated):\n");
    for (const LogItem *item = log_items; item->name; item++) {
        printf("%-15s %s\n", item->name, item->help);
    }
}

void help_accel(const AccelType *type)
{
    printf("%s-accel options:\n", type->name);
    props_help((const Prop *const[]){ type->props, NULL }, stdout);
}

void help_accels(void)
{
    g_autofree char *names = accel_names();

    printf("Accelerators supported in Mica binary:\n%s", names);
}
