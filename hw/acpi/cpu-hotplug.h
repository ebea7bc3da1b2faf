/* ACPI CPU hotplug: the ports by which a guest learns of CPUs that come and shall go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_CPU_HOTPLUG_H
#define HW_ACPI_CPU_HOTPLUG_H

#include "hw/acpi/acpi-pm.h"
#include "hw/core/machine.h"

#define CPU_HOTPLUG_BASE 0xaf00     /* what the DSDT names */
#define CPU_HOTPLUG_SIZE 12
#define CPU_HOTPLUG_GPE  2

/* Offsets of its registers, which depend on the CPU selected and on the command. */
enum {
    CPU_HOTPLUG_SELECT = 0,         /* written: which CPU; read: high half of its APIC ID */
    CPU_HOTPLUG_FLAGS = 4,
    CPU_HOTPLUG_COMMAND = 5,
    CPU_HOTPLUG_DATA = 8,
};

/* Bits of CPU_HOTPLUG_FLAGS; written, INSERTED and REMOVING are acknowledged. */
enum {
    CPU_FLAG_ENABLED = 1 << 0, CPU_FLAG_INSERTED = 1 << 1, CPU_FLAG_REMOVING = 1 << 2,
    CPU_FLAG_EJECT = 1 << 3, CPU_FLAG_FIRMWARE = 1 << 4,
};

/* Commands */
enum { CPU_COMMAND_NEXT_EVENT, CPU_COMMAND_OST_EVENT, CPU_COMMAND_OST_STATUS, CPU_COMMAND_APIC_ID,
       NR_CPU_COMMANDS };

/* What the guest knows, and said, of one place */
typedef struct CpuHotplugSlot {
    bool inserted, removing, by_firmware;
    bool ejecting;                  /* the CPU goes soon */
    uint32_t ost_event, ost_status;
} CpuHotplugSlot;

typedef struct CpuHotplug {
    Machine *machine;
    AcpiPm *pm;
    unsigned count;                 /* of slots: machine->smp.max_cpus */
    CpuHotplugSlot *slots;
    bool modern;                    /* the guest left the bitmap of old behind */
    uint32_t selected;
    uint8_t command;
    MemRegion region;
} CpuHotplug;

/* Becomes machine->cpu_hotplug; events go to general purpose event 2 of pm. */
CpuHotplug *cpu_hotplug_new(Machine *m, Object *owner, AcpiPm *pm);
/* A CPU is at its place now, while the guest runs; it shall go; it went. */
void cpu_hotplug_plugged(CpuHotplug *s, unsigned index);
void cpu_hotplug_unplug(CpuHotplug *s, unsigned index);
void cpu_hotplug_gone(CpuHotplug *s, unsigned index);

#endif
