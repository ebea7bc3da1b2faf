/* The guest's memory: NUMA nodes and backends to regions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/numa.h"
#include "system/config.h"

/* -machine memory-backend=: its size is the machine's, unless -m says another one. */
static bool take_backend(Config *c, Machine *m, Error **errp)
{
    const MemoryBackend *backend;

    if (!m->memory_backend) {
        return true;
    }
    backend = memory_backend_find(m->memory_backend);
    if (!backend) {
        error_set(errp, "Memory backend '%s' not found", m->memory_backend);
        return false;
    }
    if (c->memory && json_object_object_get(c->memory, "size") && backend->size != m->ram_size) {
        error_set(errp, "Machine memory size does not match the size of the memory backend");
        return false;
    }
    m->ram_size = backend->size;
    m->max_ram_size = MAX(m->max_ram_size, m->ram_size);
    return true;
}

bool create_numa(Config *c, Error **errp)
{
    Machine *m = machine_current();

    if (!take_backend(c, m, errp)) {
        return false;
    }
    for (unsigned i = 0; i < c->numas->len; i++) {
        const ConfigItem *item = c->numas->pdata[i];
        g_autoptr(NumaOptions) o = qapi_parse_NumaOptions(item->json, item->mode, errp);

        if (!o || !numa_add(m, o, errp)) {
            error_prepend(errp, "%s: ", item->origin);
            return false;
        }
    }
    return true;
}

bool create_numa_finish(Config *c, Error **errp)
{
    return numa_finish(machine_current(), errp);
}

/* The nodes' memory, one behind the other. */
static bool create_node_ram(Machine *m, Error **errp)
{
    uint64_t at = 0;

    region_init_container(&m->ram_region, &m->obj, "pc.ram", m->ram_size);
    for (unsigned i = 0; i < m->numa->nr_nodes; i++) {
        MemoryBackend *memdev = m->numa->nodes[i].memdev;
        MemRegion *region;
        RamBlock *block;

        if (!memdev) {
            continue;
        }
        block = memory_backend_take(memdev, errp);
        if (!block) {
            return false;
        }
        region = g_new0(MemRegion, 1);          /* stays, as the machine does */
        region_init_ram_block(region, &m->obj, block->name, block);
        region_add(&m->ram_region, at, region, 0);
        m->ram = m->ram ? m->ram : block;
        at += memdev->size;
    }
    return true;
}

bool create_ram(Machine *m, Error **errp)
{
    if (!m->ram_size) {
        return true;
    }
    if (m->numa) {
        for (unsigned i = 0; i < m->numa->nr_nodes; i++) {
            if (m->numa->nodes[i].memdev) {
                return create_node_ram(m, errp);
            }
        }
    }
    if (m->memory_backend) {
        m->ram = memory_backend_take(memory_backend_find(m->memory_backend), errp);
    } else {
        m->ram = ram_block_new("pc.ram", m->ram_size, errp);
        if (m->ram) {
            ram_block_advise(m->ram, m->mem_merge, m->dump_guest_core);
        }
    }
    if (m->ram) {
        region_init_ram_block(&m->ram_region, &m->obj, "pc.ram", m->ram);
    }
    return m->ram;
}
