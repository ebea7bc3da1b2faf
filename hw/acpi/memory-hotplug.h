/* ACPI memory hotplug: the ports by which a guest learns of memory that comes and shall go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_MEMORY_HOTPLUG_H
#define HW_ACPI_MEMORY_HOTPLUG_H

#include "hw/acpi/acpi-pm.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"

#define MEMORY_HOTPLUG_BASE 0x0a00  /* what the DSDT names */
#define MEMORY_HOTPLUG_SIZE 24
#define MEMORY_HOTPLUG_GPE  3

/* Offsets of its registers, of the slot selected; those of 32 bits but for the flags. */
enum {
    MEMORY_HOTPLUG_SELECT = 0x00,       /* written; below: read */
    MEMORY_HOTPLUG_ADDR = 0x00, MEMORY_HOTPLUG_ADDR_HIGH = 0x04,
    MEMORY_HOTPLUG_LEN = 0x08, MEMORY_HOTPLUG_LEN_HIGH = 0x0c,
    MEMORY_HOTPLUG_NODE = 0x10, MEMORY_HOTPLUG_FLAGS = 0x14,
    MEMORY_HOTPLUG_OST_EVENT = 0x04, MEMORY_HOTPLUG_OST_STATUS = 0x08,      /* written */
};

/* Bits of the flags; written, INSERTED and REMOVING are acknowledged. */
enum {
    MEMORY_FLAG_ENABLED = 1 << 0, MEMORY_FLAG_INSERTED = 1 << 1, MEMORY_FLAG_REMOVING = 1 << 2,
    MEMORY_FLAG_EJECT = 1 << 3,
};

/* One place for a module, and what the guest said of it */
typedef struct MemorySlot {
    Device *dev;                        /* NULL: empty */
    uint64_t addr, size;                /* bytes */
    uint32_t node;
    bool inserted, removing, ejecting;
    uint32_t ost_event, ost_status;
} MemorySlot;

typedef struct MemoryHotplug {
    AcpiPm *pm;
    unsigned count;
    MemorySlot *slots;
    uint32_t selected;
    MemRegion region;
} MemoryHotplug;

/* Becomes machine->memory_hotplug; events go to general purpose event 3 of pm. */
MemoryHotplug *memory_hotplug_new(Machine *m, Object *owner, AcpiPm *pm);
void memory_hotplug_plugged(MemoryHotplug *s, unsigned slot);
void memory_hotplug_unplug(MemoryHotplug *s, unsigned slot);

/* For query-acpi-ospm-status and the event; in hw/acpi/cpu-hotplug.c */
struct ACPIOSTInfo;
struct ACPIOSTInfo *memory_hotplug_ost(const MemoryHotplug *s, unsigned slot);

#endif
