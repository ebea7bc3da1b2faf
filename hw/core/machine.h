/* Machines: what -machine names, and the configuration a board is built from */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CORE_MACHINE_H
#define HW_CORE_MACHINE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "memory/memory.h"
#include "qom/object.h"
#include "qom/prop.h"

typedef struct SmpConfig {
    unsigned cpus, max_cpus, sockets, dies, cores, threads;
} SmpConfig;

/* Something that users hand the firmware. */
typedef struct FirmwareItem {
    char *name;                 /* of a file for the guest; an option ROM's own */
    GBytes *data;               /* NULL: in the file of that name */
    int bootindex;              /* -1: none */
} FirmwareItem;

/*
 * The instance below /machine. Everything but .ram is set before init() and
 * does not change; strings are owned, NULL when not given.
 */
typedef struct Machine {
    Object obj;
    uint64_t ram_size;          /* bytes */
    uint64_t max_ram_size;
    uint32_t ram_slots;
    SmpConfig smp;
    char *cpu_model;            /* text of -cpu */
    char *kernel, *initrd, *append;
    char *firmware;             /* -bios */
    char *boot_order, *boot_once, *boot_splash;
    bool boot_menu, boot_strict;
    int32_t boot_splash_ms, boot_reboot_ms;     /* -1: not given */
    bool graphics;              /* false under -nographic */
    bool dump_guest_core, mem_merge;        /* its memory in core dumps, in KSM */
    bool usb;
    bool default_devices;       /* false under -nodefaults */
    char *vga;                  /* "std", "none" */
    char *guest_name;           /* -name */
    uint8_t uuid[16];
    bool has_uuid;
    char *memory_backend;       /* -machine memory-backend=: whose memory it is */
    GPtrArray *fw_files, *option_roms;      /* FirmwareItem; NULL: none */
    GPtrArray *acpi_tables;     /* GBytes; NULL: none */
    struct NumaConfig *numa;    /* hw/core/numa.h; NULL: no nodes */
    char *cpu_type;             /* of the devices that are its CPUs: "max-x86_64-cpu" */
    struct Device **cpus;       /* smp.max_cpus places by index; NULL: nothing is plugged */
    /* Memory modules: where they may be, and who tells the guest; NULL: there are no slots */
    uint64_t device_memory_base, device_memory_size;
    struct MemoryHotplug *memory_hotplug;   /* hw/acpi/memory-hotplug.h */
    bool cpus_changed;          /* since firmware was told */
    struct CpuHotplug *cpu_hotplug; /* hw/acpi/cpu-hotplug.h; NULL: no CPU goes */
    /* All of the guest's memory, made before init(), and the block that begins it. */
    MemRegion ram_region;
    RamBlock *ram;
} Machine;

typedef struct MachineType {
    OBJECT_TYPE_BASE;           /* props are -machine's; size at least sizeof(Machine) */
    const char *alias;
    bool is_default;
    unsigned max_cpus;
    uint64_t default_ram_size;
    bool no_cpus, hotpluggable_cpus;
    unsigned max_ram_slots;     /* 0: memory modules are not possible */
    /* Build the board: chips, buses, CPUs; then user devices are created. */
    bool (*build)(Machine *m, Error **errp);
    /* After the user's devices: boot order, firmware tables. */
    bool (*finish)(Machine *m, Error **errp);
} MachineType;
/* What all machines have, next to the type's own. */
extern const Prop machine_props[];
#define REGISTER_MACHINE(desc) REGISTER(machine, desc)

const MachineType *machine_type_find(const char *name);     /* by name or alias */
const MachineType *machine_type_default(void);
void machine_types_for_each(void (*fn)(const MachineType *type, void *opaque), void *opaque);
static inline const MachineType *machine_type(const Machine *m)
{
    return (const MachineType *)(const void *)m->obj.type;
}
/* The one being built or running; NULL before machine_new(). It is /machine. */
Machine *machine_current(void);
Machine *machine_new(const MachineType *type);

#endif
