/* Machines: the registry and the one instance */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/device.h"
#include "qom/prop.h"

REGISTRY(machine, MachineType)

static Machine *current;

const Prop machine_props[] = {
    PROP_STRING(Machine, kernel, NULL, "the same as -kernel"),
    PROP_STRING(Machine, initrd, NULL, "the same as -initrd"),
    PROP_STRING(Machine, append, NULL, "the same as -append"),
    PROP_STRING(Machine, firmware, NULL, "the same as -bios"),
    PROP_BOOL(Machine, graphics, true, "off as under -nographic"),
    PROP_BOOL_AS("dump-guest-core", Machine, dump_guest_core, true,
                 "the guest's memory is part of core dumps"),
    PROP_BOOL_AS("mem-merge", Machine, mem_merge, true, "equal pages may be one in the host"),
    PROP_STRING_AS("memory-backend", Machine, memory_backend, NULL,
                   "the id of the -object whose memory the guest has"),
    PROP_BOOL(Machine, usb, false, "a USB controller"),
    { }
};

const MachineType *machine_type_find(const char *name)
{
    size_t n;
    const MachineType *const *types = registry_machine(&n);

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(types[i]->name, name) ||
            (types[i]->alias && !strcmp(types[i]->alias, name))) {
            return types[i];
        }
    }
    return NULL;
}

const MachineType *machine_type_default(void)
{
    size_t n;
    const MachineType *const *types = registry_machine(&n);

    for (size_t i = 0; i < n; i++) {
        if (types[i]->is_default) {
            return types[i];
        }
    }
    return NULL;
}

void machine_types_for_each(void (*fn)(const MachineType *type, void *opaque), void *opaque)
{
    size_t n;
    const MachineType *const *types = registry_machine(&n);

    for (size_t i = 0; i < n; i++) {
        fn(types[i], opaque);
    }
}

Machine *machine_current(void)
{
    return current;
}

Machine *machine_new(const MachineType *type)
{
    current = OBJECT_OF(object_new(&type->object), Machine);
    current->boot_splash_ms = current->boot_reboot_ms = -1;
    current->default_devices = true;
    current->obj.more_props = machine_props;
    props_set_defaults(&current->obj, machine_props);
    object_add_child(object_root(), "machine", &current->obj);
    object_container("/objects");
    object_container("/machine/peripheral");
    object_container("/machine/peripheral-anon");
    object_container("/machine/unattached");
    return current;
}

static bool none_build(Machine *m, Error **errp)
{
    return true;
}

static const MachineType none_machine = {
    .name = "none", .desc = "empty machine", .size = sizeof(Machine), .max_cpus = 1,
    .default_ram_size = 0, .no_cpus = true, .build = none_build,
};
REGISTER_MACHINE(none_machine)
