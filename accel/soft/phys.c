/* PhysOps over the machine's memory space */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/mem.h"
#include "accel/soft/phys.h"
#include "memory/memory.h"

/* In system management mode SMRAM is where others see the screen. */
static AddressSpace *view(const SoftCpu *cpu)
{
    return unlikely(cpu->smm) ? smm_space() : memory_space();
}

static void *machine_ram(SoftCpu *cpu, uint64_t phys, bool write)
{
    RamHit hit;

    if (!mem_lookup_ram(view(cpu), phys, &hit) || (write && !hit.writable)) {
        return NULL;
    }
    if (write) {
        /* Whoever caches the right to write is told by dirty_cleared when to ask again. */
        ram_mark_dirty(hit.block, hit.ram_addr - hit.block->offset, 1);
    }
    return hit.host;
}

static uint64_t machine_ram_addr(SoftCpu *cpu, uint64_t phys)
{
    RamHit hit;

    return mem_lookup_ram(view(cpu), phys, &hit) ? hit.ram_addr : UINT64_MAX;
}

static uint64_t machine_ld(SoftCpu *cpu, uint64_t phys, unsigned size)
{
    return mem_load(view(cpu), phys, size);
}

static void machine_st(SoftCpu *cpu, uint64_t phys, uint64_t value, unsigned size)
{
    mem_store(view(cpu), phys, value, size);
}

const PhysOps phys_machine = {
    .ram = machine_ram,
    .ram_addr = machine_ram_addr,
    .ld = machine_ld,
    .st = machine_st,
};
