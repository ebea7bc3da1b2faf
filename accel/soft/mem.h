/* Guest memory access for handlers: TLB check inline, everything else in mem.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_MEM_H
#define ACCEL_SOFT_MEM_H

#include <string.h>

#include "accel/soft/soft-cpu.h"

/*
 * The physical side, set once by the accelerator (or by a test) before a vCPU runs.
 * ram(): host address of the byte at phys when its whole 4 KiB page is plain RAM
 * (or ROM, for reading only), NULL otherwise. ld() and st(): anything else,
 * 1 to 8 bytes, never crossing a page.
 */
typedef struct PhysOps {
    void *(*ram)(SoftCpu *cpu, uint64_t phys, bool write);
    uint64_t (*ram_addr)(SoftCpu *cpu, uint64_t phys);  /* its name for code caches, when ram() is not NULL */
    uint64_t (*ld)(SoftCpu *cpu, uint64_t phys, unsigned size);
    void (*st)(SoftCpu *cpu, uint64_t phys, uint64_t value, unsigned size);
} PhysOps;
extern const PhysOps *phys_ops;

/* Any RAM or MMIO by physical address (page walks, descriptor A bits go through here), code pages minded. */
uint64_t phys_load(SoftCpu *cpu, uint64_t phys, unsigned size);
void phys_store(SoftCpu *cpu, uint64_t phys, uint64_t value, unsigned size);
/* For page walks: atomically replace old by new; false if it was not old any more. size 4 or 8. */
bool phys_cmpxchg(SoftCpu *cpu, uint64_t phys, uint64_t old, uint64_t value, unsigned size);

/*
 * All addresses here are linear (segment base added, limits checked, masked to
 * 32 bits outside 64-bit code). A failing access raises and does not return.
 * Slow paths: page-crossing, MMIO, code pages, TLB misses, watchpoints.
 */
uint64_t mem_load_slow(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size);
void mem_store_slow(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t value, unsigned size);
/* Any size up to 4096 bytes; a store is all or nothing: both pages are probed before a byte is written. */
void mem_load_bytes(SoftCpu *cpu, const Op *op, uint64_t la, void *buf, unsigned size);
void mem_store_bytes(SoftCpu *cpu, const Op *op, uint64_t la, const void *buf, unsigned size);
/* #GP(0) or #SS(0) for an access to la, which is not canonical. */
NORETURN void mem_raise_noncanonical(SoftCpu *cpu, const Op *op, uint64_t la);
/* Raise now if [la, la+size) may not be read (or written): for multi-part instructions. */
void mem_probe(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write);
/*
 * Host address for an atomic read-modify-write of size bytes, or NULL when the
 * location is MMIO, a code page or crosses a page (use the exclusive slow path).
 */
void *mem_atomic(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size);

/* Accesses at CPL 0 whatever the current one: descriptor tables, TSS, IDT, IRET frames in tables. */
uint64_t mem_load_sys(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size);
void mem_store_sys(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t value, unsigned size);

static ALWAYS_INLINE void *mem_hit(const uint64_t *tags, const SoftTlb *tlb, uint64_t la,
                                   unsigned size)
{
    unsigned index = (la >> 12) & (TLB_SIZE - 1);
    uint64_t off = la ^ tags[index];

    return likely(off <= 4096 - size) ? (void *)(tlb->host[index] + off) : NULL;
}

#define MEM_ACCESSORS(bits)                                                                 \
    static ALWAYS_INLINE uint##bits##_t mem_ld##bits(SoftCpu *cpu, const Op *op, uint64_t la) \
    {                                                                                       \
        const void *p = mem_hit(cpu->tlb->tag_r, cpu->tlb, la, bits / 8);                   \
        uint##bits##_t v;                                                                   \
                                                                                            \
        if (unlikely(!p)) {                                                                 \
            return mem_load_slow(cpu, op, la, bits / 8);                                    \
        }                                                                                   \
        memcpy(&v, p, sizeof(v));                                                           \
        return v;                                                                           \
    }                                                                                       \
    static ALWAYS_INLINE void mem_st##bits(SoftCpu *cpu, const Op *op, uint64_t la,         \
                                           uint##bits##_t v)                                \
    {                                                                                       \
        void *p = mem_hit(cpu->tlb->tag_w, cpu->tlb, la, bits / 8);                         \
                                                                                            \
        if (unlikely(!p)) {                                                                 \
            mem_store_slow(cpu, op, la, v, bits / 8);                                       \
            return;                                                                         \
        }                                                                                   \
        memcpy(p, &v, sizeof(v));                                                           \
    }
MEM_ACCESSORS(8)
MEM_ACCESSORS(16)
MEM_ACCESSORS(32)
MEM_ACCESSORS(64)

#endif
