/* ACPI memory hotplug: slots, events, ejections and what the guest reports of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/memory-hotplug.h"
#include "qapi/events-machine.h"
#include "util/loop.h"
#include "util/trace.h"

static uint32_t read_register(const MemorySlot *slot, uint64_t offset)
{
    switch (offset) {
    case MEMORY_HOTPLUG_ADDR:
        return slot->addr;
    case MEMORY_HOTPLUG_ADDR_HIGH:
        return slot->addr >> 32;
    case MEMORY_HOTPLUG_LEN:
        return slot->size;
    case MEMORY_HOTPLUG_LEN_HIGH:
        return slot->size >> 32;
    case MEMORY_HOTPLUG_NODE:
        return slot->node;
    case MEMORY_HOTPLUG_FLAGS:
        return (slot->dev ? MEMORY_FLAG_ENABLED : 0) |
               (slot->inserted ? MEMORY_FLAG_INSERTED : 0) |
               (slot->removing ? MEMORY_FLAG_REMOVING : 0);
    default:
        return UINT32_MAX;
    }
}

static uint64_t hotplug_read(void *opaque, uint64_t offset, unsigned size)
{
    MemoryHotplug *s = opaque;
    uint32_t value = s->selected < s->count ? read_register(&s->slots[s->selected], offset) : 0;

    TRACE(memory_hotplug_read, "slot %u 0x%" PRIx64 ": 0x%x", s->selected, offset, value);
    return value;
}

/* From the loop: memory cannot go while a CPU, which may run from it, writes here. */
static void eject(void *opaque)
{
    MemoryHotplug *s = opaque;

    for (unsigned i = 0; i < s->count; i++) {
        if (s->slots[i].ejecting && s->slots[i].dev) {
            device_deleted(s->slots[i].dev);
        }
        s->slots[i].ejecting = false;
    }
}

static void write_flags(MemoryHotplug *s, MemorySlot *slot, uint8_t value)
{
    if (value & MEMORY_FLAG_INSERTED) {
        slot->inserted = false;
    } else if (value & MEMORY_FLAG_REMOVING) {
        slot->removing = false;
    } else if ((value & MEMORY_FLAG_EJECT) && slot->dev && !slot->ejecting) {
        slot->ejecting = true;
        loop_post(loop_main(), eject, s);
    }
}

ACPIOSTInfo *memory_hotplug_ost(const MemoryHotplug *s, unsigned slot)
{
    ACPIOSTInfo *info = g_new0(ACPIOSTInfo, 1);

    info->device = g_strdup(s->slots[slot].dev ? s->slots[slot].dev->id : NULL);
    info->slot = g_strdup_printf("%u", slot);
    info->slot_type = ACPI_SLOT_TYPE_DIMM;
    info->source = s->slots[slot].ost_event;
    info->status = s->slots[slot].ost_status;
    return info;
}

static void hotplug_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    MemoryHotplug *s = opaque;
    g_autoptr(ACPIOSTInfo) info = NULL;
    MemorySlot *slot;

    TRACE(memory_hotplug_write, "slot %u 0x%" PRIx64 ": 0x%" PRIx64, s->selected, offset, value);
    if (offset == MEMORY_HOTPLUG_SELECT) {
        s->selected = value;
        return;
    }
    if (s->selected >= s->count) {
        return;
    }
    slot = &s->slots[s->selected];
    if (offset == MEMORY_HOTPLUG_FLAGS) {
        write_flags(s, slot, value);
    } else if (offset == MEMORY_HOTPLUG_OST_EVENT) {
        slot->ost_event = value;
    } else if (offset == MEMORY_HOTPLUG_OST_STATUS) {
        slot->ost_status = value;
        info = memory_hotplug_ost(s, s->selected);
        qapi_event_send_acpi_device_ost(info);
    }
}

static const IoOps hotplug_io = { .read = hotplug_read, .write = hotplug_write, .max_size = 4 };

MemoryHotplug *memory_hotplug_new(Machine *m, Object *owner, AcpiPm *pm)
{
    MemoryHotplug *s = g_new0(MemoryHotplug, 1);

    s->pm = pm;
    s->count = m->ram_slots;
    s->slots = g_new0(MemorySlot, s->count);
    region_init_io(&s->region, owner, &hotplug_io, s, "acpi-mem-hotplug", MEMORY_HOTPLUG_SIZE);
    region_add(io_root(), MEMORY_HOTPLUG_BASE, &s->region, 0);
    m->memory_hotplug = s;
    return s;
}

void memory_hotplug_plugged(MemoryHotplug *s, unsigned slot)
{
    s->slots[slot].inserted = true;
    acpi_pm_gpe(s->pm, MEMORY_HOTPLUG_GPE);
}

void memory_hotplug_unplug(MemoryHotplug *s, unsigned slot)
{
    s->slots[slot].removing = true;
    acpi_pm_gpe(s->pm, MEMORY_HOTPLUG_GPE);
}
