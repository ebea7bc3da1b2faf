/* ACPI CPU hotplug: places of CPUs, events, ejections and what the guest reports of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports from 0xaf00 on, as drivers and other firmware know them. At first they
 * are a bitmap of the APIC IDs that are there, 32 bytes for reading. Writing 0
 * to the first dword makes them 12 bytes of registers for good:
 *
 *    0        4       5         6        8
 *   +--------+-------+---------+--------+--------+
 *   | select | flags | command |   -    |  data  |
 *   +--------+-------+---------+--------+--------+
 */
#include "util/osdep.h"
#include "hw/acpi/cpu-hotplug.h"
#include "hw/acpi/memory-hotplug.h"
#include "hw/core/device.h"
#include "hw/core/numa.h"
#include "qapi/commands-machine.h"
#include "qapi/events-machine.h"
#include "util/loop.h"
#include "util/trace.h"
#include "accel/vcpu.h"

#define BITMAP_BYTES 32

static uint8_t bitmap_byte(uint64_t offset)
{
    uint8_t bits = 0;

    for (unsigned i = 0; i < vcpu_count(); i++) {
        uint32_t id = vcpu_get(i)->apic_id;

        if (id / 8 == offset) {
            bits |= BIT(id % 8);
        }
    }
    return bits;
}

static uint8_t read_flags(const CpuHotplug *s)
{
    const CpuHotplugSlot *slot = &s->slots[s->selected];

    return (s->machine->cpus[s->selected] ? CPU_FLAG_ENABLED : 0) |
           (slot->inserted ? CPU_FLAG_INSERTED : 0) | (slot->removing ? CPU_FLAG_REMOVING : 0) |
           (slot->by_firmware ? CPU_FLAG_FIRMWARE : 0);
}

static uint32_t read_data(const CpuHotplug *s)
{
    switch (s->command) {
    case CPU_COMMAND_NEXT_EVENT:
        return s->selected;
    case CPU_COMMAND_APIC_ID:
        return machine_apic_id(s->machine, s->selected);
    default:
        return 0;
    }
}

static uint64_t hotplug_read(void *opaque, uint64_t offset, unsigned size)
{
    CpuHotplug *s = opaque;
    uint64_t value = 0;

    if (!s->modern) {
        for (unsigned i = 0; i < size; i++) {
            value |= (uint64_t)bitmap_byte(offset + i) << (8 * i);
        }
    } else if (offset >= CPU_HOTPLUG_SIZE) {
        value = UINT32_MAX;
    } else if (s->selected < s->count) {
        value = offset == CPU_HOTPLUG_FLAGS ? read_flags(s)
              : offset == CPU_HOTPLUG_DATA ? read_data(s) : 0;
    }
    TRACE(cpu_hotplug_read, "0x%" PRIx64 " size %u cpu %u: 0x%" PRIx64, offset, size, s->selected,
          value);
    return value;
}

/* The next one from the selected on, itself included, with something to tell. */
static void select_event(CpuHotplug *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        unsigned at = (s->selected + i) % s->count;

        if (s->slots[at].inserted || s->slots[at].removing || s->slots[at].by_firmware) {
            s->selected = at;
            return;
        }
    }
}

/* From the loop: a CPU cannot go while it may be the one that writes here. */
static void eject(void *opaque)
{
    CpuHotplug *s = opaque;

    for (unsigned i = 0; i < s->count; i++) {
        if (s->slots[i].ejecting) {
            s->slots[i].ejecting = false;
            if (s->machine->cpus[i]) {
                device_deleted(s->machine->cpus[i]);
            }
        }
    }
}

static void write_flags(CpuHotplug *s, uint8_t value)
{
    CpuHotplugSlot *slot = &s->slots[s->selected];

    if (value & CPU_FLAG_INSERTED) {
        slot->inserted = false;
    } else if (value & CPU_FLAG_REMOVING) {
        slot->removing = false;
    } else if (value & CPU_FLAG_EJECT) {
        /* The boot CPU stays. */
        if (s->selected && s->machine->cpus[s->selected] && !slot->ejecting) {
            slot->ejecting = true;
            slot->by_firmware = false;
            loop_post(loop_main(), eject, s);
        }
    } else if (value & CPU_FLAG_FIRMWARE) {
        slot->by_firmware = !slot->by_firmware;
    }
}

static void fill_ost(const CpuHotplug *s, unsigned index, ACPIOSTInfo *info)
{
    const Device *dev = s->machine->cpus[index];

    info->device = g_strdup(dev ? dev->id : NULL);
    info->slot = g_strdup_printf("%u", index);
    info->slot_type = ACPI_SLOT_TYPE_CPU;
    info->source = s->slots[index].ost_event;
    info->status = s->slots[index].ost_status;
}

static void write_data(CpuHotplug *s, uint32_t value)
{
    CpuHotplugSlot *slot = &s->slots[s->selected];
    g_autoptr(ACPIOSTInfo) info = NULL;

    if (s->command == CPU_COMMAND_OST_EVENT) {
        slot->ost_event = value;
    } else if (s->command == CPU_COMMAND_OST_STATUS) {
        slot->ost_status = value;
        info = g_new0(ACPIOSTInfo, 1);
        fill_ost(s, s->selected, info);
        qapi_event_send_acpi_device_ost(info);
    }
}

static void hotplug_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    CpuHotplug *s = opaque;

    TRACE(cpu_hotplug_write, "0x%" PRIx64 " size %u cpu %u: 0x%" PRIx64, offset, size, s->selected,
          value);
    if (!s->modern) {
        s->modern = offset == CPU_HOTPLUG_SELECT && value == 0;
    } else if (offset == CPU_HOTPLUG_SELECT) {
        s->selected = value;
    } else if (s->selected >= s->count) {
        return;
    } else if (offset == CPU_HOTPLUG_FLAGS) {
        write_flags(s, value);
    } else if (offset == CPU_HOTPLUG_COMMAND) {
        s->command = value < NR_CPU_COMMANDS ? value : s->command;
        if (s->command == CPU_COMMAND_NEXT_EVENT) {
            select_event(s);
        }
    } else if (offset == CPU_HOTPLUG_DATA) {
        write_data(s, value);
    }
}

static const IoOps hotplug_io = { .read = hotplug_read, .write = hotplug_write, .max_size = 4 };

CpuHotplug *cpu_hotplug_new(Machine *m, Object *owner, AcpiPm *pm)
{
    CpuHotplug *s = g_new0(CpuHotplug, 1);

    s->machine = m;
    s->pm = pm;
    s->count = m->smp.max_cpus;
    s->slots = g_new0(CpuHotplugSlot, s->count);
    region_init_io(&s->region, owner, &hotplug_io, s, "acpi-cpu-hotplug", BITMAP_BYTES);
    region_add(io_root(), CPU_HOTPLUG_BASE, &s->region, 0);
    m->cpu_hotplug = s;
    return s;
}

void cpu_hotplug_plugged(CpuHotplug *s, unsigned index)
{
    s->slots[index].inserted = true;
    acpi_pm_gpe(s->pm, CPU_HOTPLUG_GPE);
}

void cpu_hotplug_unplug(CpuHotplug *s, unsigned index)
{
    s->slots[index].removing = true;
    acpi_pm_gpe(s->pm, CPU_HOTPLUG_GPE);
}

void cpu_hotplug_gone(CpuHotplug *s, unsigned index)
{
    s->slots[index].inserted = s->slots[index].removing = s->slots[index].ejecting = false;
}

ACPIOSTInfoList *qmp_query_acpi_ospm_status(Error **errp)
{
    ACPIOSTInfoList *list = NULL, **tail = &list;
    const CpuHotplug *s = machine_current()->cpu_hotplug;
    const MemoryHotplug *memory = machine_current()->memory_hotplug;

    if (!s && !memory) {
        error_set(errp, "command is not supported, missing ACPI device");
        return NULL;
    }
    for (unsigned i = 0; memory && i < memory->count; i++) {
        QAPI_APPEND(tail, memory_hotplug_ost(memory, i));
    }
    for (unsigned i = 0; s && i < s->count; i++) {
        ACPIOSTInfo *info = g_new0(ACPIOSTInfo, 1);

        fill_ost(s, i, info);
        QAPI_APPEND(tail, info);
    }
    return list;
}
