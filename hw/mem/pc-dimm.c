/* pc-dimm: a memory module in one of the machine's slots, at the start or plugged in later */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/memory-hotplug.h"
#include "hw/core/numa.h"
#include "memory/backend.h"
#include "qapi/commands-machine.h"

/* Large pages of the guest's and the host's fit. */
#define DIMM_ALIGN (2ULL << 20)
#define SLOT_ANY   (-1)

typedef struct PcDimm {
    Device dev;
    char *memdev;               /* properties */
    uint64_t addr;
    int32_t slot;
    uint32_t node;
    uint64_t size;              /* of the backend, from realize on */
    MemRegion region;
} PcDimm;

static bool choose_slot(PcDimm *s, const MemoryHotplug *h, Error **errp)
{
    if (s->slot != SLOT_ANY) {
        if (s->slot < 0 || (unsigned)s->slot >= h->count) {
            error_set(errp, "invalid slot number %d, valid range is [0-%u]", s->slot,
                      h->count - 1);
            return false;
        }
        if (h->slots[s->slot].dev) {
            error_set(errp, "slot %d is busy", s->slot);
            return false;
        }
        return true;
    }
    for (unsigned i = 0; i < h->count; i++) {
        if (!h->slots[i].dev) {
            s->slot = i;
            return true;
        }
    }
    error_set(errp, "no free slots available");
    return false;
}

/* The module that is in the way of [addr, addr + size), NULL when there is none. */
static const MemorySlot *overlap(const MemoryHotplug *h, uint64_t addr, uint64_t size)
{
    for (unsigned i = 0; i < h->count; i++) {
        const MemorySlot *slot = &h->slots[i];

        if (slot->dev && addr < slot->addr + slot->size && slot->addr < addr + size) {
            return slot;
        }
    }
    return NULL;
}

static bool choose_addr(PcDimm *s, const Machine *m, Error **errp)
{
    const MemoryHotplug *h = m->memory_hotplug;
    uint64_t end = m->device_memory_base + m->device_memory_size, addr = m->device_memory_base;
    const MemorySlot *other;

    if (s->addr) {
        if (s->addr % DIMM_ALIGN) {
            error_set(errp, "address must be aligned to 0x%" PRIx64 " bytes",
                      (uint64_t)DIMM_ALIGN);
            return false;
        }
        if (s->addr < addr || s->addr >= end || s->size > end - s->addr) {
            error_set(errp, "can't add memory device [0x%" PRIx64 ":0x%" PRIx64 "], usable range "
                      "for memory devices [0x%" PRIx64 ":0x%" PRIx64 "]", s->addr, s->size, addr,
                      m->device_memory_size);
            return false;
        }
        other = overlap(h, s->addr, s->size);
        if (other) {
            error_set(errp, "address range conflicts with memory device id='%s'",
                      other->dev->id ? other->dev->id : "(unnamed)");
        }
        return !other;
    }
    while (addr < end && s->size <= end - addr && (other = overlap(h, addr, s->size))) {
        addr = ROUND_UP(other->addr + other->size, DIMM_ALIGN);
    }
    if (addr >= end || s->size > end - addr) {
        error_set(errp, "could not find position in guest address space for memory device - "
                  "memory fragmented due to alignments");
        return false;
    }
    s->addr = addr;
    return true;
}

static uint64_t plugged(const MemoryHotplug *h)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; h && i < h->count; i++) {
        bytes += h->slots[i].dev ? h->slots[i].size : 0;
    }
    return bytes;
}

static bool check(PcDimm *s, const Machine *m, const MemoryBackend *backend, Error **errp)
{
    uint64_t room = m->max_ram_size - m->ram_size, used = plugged(m->memory_hotplug);

    if (backend->size > room - used) {
        error_set(errp, "not enough space, currently 0x%" PRIx64 " in use of total space for "
                  "memory devices 0x%" PRIx64, used, room);
        return false;
    }
    if (s->node >= (m->numa ? m->numa->nr_nodes : 1)) {
        error_set(errp, "'DIMM property node has value %u' which exceeds the number of numa "
                  "nodes: %u", s->node, m->numa ? m->numa->nr_nodes : 1);
        return false;
    }
    return true;
}

static bool dimm_realize(Device *dev, Error **errp)
{
    PcDimm *s = DEVICE_OF(dev, PcDimm);
    Machine *m = machine_current();
    MemoryBackend *backend;
    RamBlock *block;

    if (!m->memory_hotplug) {
        error_set(errp, "memory devices (e.g. for memory hotplug) are not enabled, please specify "
                  "the maxmem option");
        return false;
    }
    if (!s->memdev) {
        error_set(errp, "'memdev' property is not set");
        return false;
    }
    backend = memory_backend_find(s->memdev);
    if (!backend) {
        error_set(errp, "Device '%s' not found", s->memdev);
        error_hint(errp, "Make it with -object memory-backend-ram,id=%s,size=SIZE", s->memdev);
        return false;
    }
    s->size = backend->size;
    if (!check(s, m, backend, errp) || !choose_slot(s, m->memory_hotplug, errp) ||
        !choose_addr(s, m, errp)) {
        return false;
    }
    if (backend->taken) {
        error_set(errp, "can't use already busy memdev: %s", s->memdev);
        return false;
    }
    block = memory_backend_take(backend, errp);
    if (!block) {
        return false;
    }
    region_init_ram_block(&s->region, &dev->obj, block->name, block);
    region_add(memory_root(), s->addr, &s->region, 0);
    m->memory_hotplug->slots[s->slot] = (MemorySlot){
        .dev = dev, .addr = s->addr, .size = s->size, .node = s->node,
    };
    if (device_machine_is_complete()) {
        memory_hotplug_plugged(m->memory_hotplug, s->slot);
    }
    return true;
}

static void dimm_unrealize(Device *dev)
{
    PcDimm *s = DEVICE_OF(dev, PcDimm);

    region_remove(&s->region);
    region_destroy(&s->region);
    memory_backend_give_back(memory_backend_find(s->memdev));
    machine_current()->memory_hotplug->slots[s->slot] = (MemorySlot){ .ost_event =
        machine_current()->memory_hotplug->slots[s->slot].ost_event };
}

static bool dimm_unplug(Device *dev, Error **errp)
{
    memory_hotplug_unplug(machine_current()->memory_hotplug, DEVICE_OF(dev, PcDimm)->slot);
    return true;
}

static const Prop dimm_props[] = {
    PROP_STRING(PcDimm, memdev, NULL, "the memory backend that it consists of"),
    PROP_U64(PcDimm, addr, 0, "its first address; 0: where there is room"),
    PROP_I32(PcDimm, slot, SLOT_ANY, "where it sits; -1: the first free one"),
    PROP_U32(PcDimm, node, 0, "its NUMA node"),
    { }
};

static const DeviceType dimm_type = {
    .name = "pc-dimm", .desc = "DIMM memory module", .category = CATEGORY_MISC,
    .hotpluggable = true, .size = sizeof(PcDimm), .props = dimm_props, .realize = dimm_realize,
    .unrealize = dimm_unrealize, .unplug = dimm_unplug,
};
REGISTER_DEVICE(dimm_type)

uint64_t machine_plugged_in_node(const Machine *m, unsigned node)
{
    const MemoryHotplug *h = m->memory_hotplug;
    uint64_t bytes = 0;

    for (unsigned i = 0; h && i < h->count; i++) {
        bytes += h->slots[i].dev && h->slots[i].node == node ? h->slots[i].size : 0;
    }
    return bytes;
}

uint64_t machine_plugged_memory(const Machine *m)
{
    return plugged(m->memory_hotplug);
}

MemoryDeviceInfoList *qmp_query_memory_devices(Error **errp)
{
    const MemoryHotplug *h = machine_current()->memory_hotplug;
    MemoryDeviceInfoList *list = NULL, **tail = &list;

    for (unsigned i = 0; h && i < h->count; i++) {
        const PcDimm *s = (const PcDimm *)(const void *)h->slots[i].dev;
        MemoryDeviceInfo *info;
        PCDIMMDeviceInfo *data;

        if (!s) {
            continue;
        }
        info = g_new0(MemoryDeviceInfo, 1);
        data = info->u.dimm.data = g_new0(PCDIMMDeviceInfo, 1);
        info->type = MEMORY_DEVICE_INFO_KIND_DIMM;
        data->id = g_strdup(s->dev.id);
        data->addr = s->addr;
        data->size = s->size;
        data->slot = i;
        data->node = s->node;
        data->memdev = g_strdup_printf("/objects/%s", s->memdev);
        data->hotplugged = s->dev.hotplugged;
        data->hotpluggable = true;
        QAPI_APPEND(tail, info);
    }
    return list;
}
