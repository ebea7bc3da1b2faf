/* Page walks in every paging mode: rights, reserved bits, accessed and dirty, error codes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/mem.h"
#include "accel/soft/sys.h"

/* Page table entry bits, SDM vol. 3, 4.3 to 4.5 */
#define PTE_P   BIT64(0)
#define PTE_W   BIT64(1)
#define PTE_U   BIT64(2)
#define PTE_A   BIT64(5)
#define PTE_D   BIT64(6)
#define PTE_PS  BIT64(7)
#define PTE_G   BIT64(8)
#define PTE_NX  BIT64(63)

/* #PF error code bits, SDM vol. 3, 4.7 */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };

typedef struct Walk {
    uint64_t pa[4], entry[4];   /* what was read, top level first */
    unsigned n, width;
    uint64_t phys;
    unsigned shift;
    bool user, writable, nx, global;
    uint32_t fault;             /* PF_P | PF_RSVD for reserved bits, 0 for not present */
} Walk;

static bool entry_read(SoftCpu *cpu, Walk *w, uint64_t pa, unsigned width)
{
    uint64_t e = phys_load(cpu, pa & cpu->a20_mask, width);

    w->pa[w->n] = pa;
    w->entry[w->n++] = e;
    w->width = width;
    w->fault = 0;
    if (!(e & PTE_P)) {
        return false;
    }
    w->user &= !!(e & PTE_U);
    w->writable &= !!(e & PTE_W);
    return true;
}

static bool walk_32(SoftCpu *cpu, uint32_t la, Walk *w)
{
    uint64_t e;

    if (!entry_read(cpu, w, (cpu->cr3 & 0xfffff000) + (la >> 22) * 4, 4)) {
        return false;
    }
    e = w->entry[0];
    if ((e & PTE_PS) && (cpu->cr4 & CR4_PSE)) {
        /* PSE-36: bits 20..13 are address bits 39..32, bit 21 is reserved */
        if (e & BIT64(21)) {
            w->fault = PF_P | PF_RSVD;
            return false;
        }
        w->shift = 22;
        w->phys = (e & 0xffc00000) | (e >> 13 & 0xff) << 32 | (la & 0x3fffff);
        w->global = e & PTE_G;
        return true;
    }
    if (!entry_read(cpu, w, (e & 0xfffff000) + (la >> 12 & 0x3ff) * 4, 4)) {
        return false;
    }
    e = w->entry[1];
    w->shift = 12;
    w->phys = (e & 0xfffff000) | (la & 0xfff);
    w->global = e & PTE_G;
    return true;
}

/* The levels that PAE and 4-level paging share, from level (3: PML4E, 2: PDPTE, 1: PDE, 0: PTE). */
static bool walk_64(SoftCpu *cpu, uint64_t la, uint64_t table, int level, Walk *w)
{
    uint64_t address = (BIT64(cpu->priv->phys_bits) - 1) & ~0xfffULL;
    uint64_t reserved = ((1ULL << 52) - 1) & ~((BIT64(cpu->priv->phys_bits)) - 1);
    bool legacy = !(cpu->efer & EFER_LMA);

    if (legacy) {
        reserved |= 0x7ff0000000000000ULL;  /* PAE: bits 62..52 too */
    }
    if (!(cpu->efer & EFER_NXE)) {
        reserved |= PTE_NX;
    }
    for (;; level--) {
        unsigned shift = 12 + 9 * level;
        uint64_t e, bad = reserved;
        bool leaf;

        if (!entry_read(cpu, w, table + (la >> shift & 0x1ff) * 8, 8)) {
            return false;
        }
        e = w->entry[w->n - 1];
        leaf = level == 0 || (level <= 2 && (e & PTE_PS));
        if (level == 3) {
            bad |= PTE_PS;
        } else if (leaf && level) {
            bad |= ((BIT64(shift) - 1) & ~0x1fffULL);   /* bit 12 is PAT */
        }
        if (e & bad) {
            w->fault = PF_P | PF_RSVD;
            return false;
        }
        w->nx |= e >> 63;
        if (leaf) {
            w->shift = shift;
            w->global = e & PTE_G;
            w->phys = (e & address & ~(BIT64(shift) - 1)) | (la & (BIT64(shift) - 1));
            return true;
        }
        table = e & address;
    }
}

static bool walk_tables(SoftCpu *cpu, uint64_t la, Walk *w)
{
    *w = (Walk){ .user = true, .writable = true };
    if (!(cpu->cr4 & CR4_PAE)) {
        return walk_32(cpu, la, w);
    }
    if (cpu->efer & EFER_LMA) {
        return walk_64(cpu, la, cpu->cr3 & (BIT64(cpu->priv->phys_bits) - 1) & ~0xfffULL, 3, w);
    }
    /* PAE: the four PDPTEs sit in the CPU since CR3 was loaded */
    if (!(cpu->priv->pdpte[la >> 30 & 3] & PTE_P)) {
        return false;
    }
    return walk_64(cpu, la, cpu->priv->pdpte[la >> 30 & 3] & 0x000ffffffffff000ULL, 1, w);
}

/* Set A in every entry used and D in the last. False: an entry changed under us, walk again. */
static bool mark_used(SoftCpu *cpu, const Walk *w, bool dirty)
{
    for (unsigned i = 0; i < w->n; i++) {
        uint64_t want = w->entry[i] | PTE_A;

        if (dirty && i == w->n - 1) {
            want |= PTE_D;
        }
        if (want != w->entry[i]
            && !phys_cmpxchg(cpu, w->pa[i] & cpu->a20_mask, w->entry[i], want, w->width)) {
            return false;
        }
    }
    return true;
}

static bool allowed(SoftCpu *cpu, const Walk *w, int access, bool user, bool implicit)
{
    if (user) {
        if (!w->user) {
            return false;
        }
        if (access == ACC_WRITE) {
            return w->writable;
        }
        return access != ACC_EXEC || !w->nx;
    }
    if (access == ACC_EXEC) {
        return !w->nx && !(w->user && (cpu->cr4 & CR4_SMEP));
    }
    if (w->user && (cpu->cr4 & CR4_SMAP) && (implicit || !(cpu->eflags & FL_AC))) {
        return false;
    }
    return access == ACC_READ || w->writable || !(cpu->cr0 & CR0_WP);
}

bool mmu_walk(SoftCpu *cpu, uint64_t la, int access, bool user, bool implicit, MmuPage *page)
{
    Walk w;
    /* Another vCPU may keep changing the entry; it cannot do so for ever in step with us. */
    int tries = 1000;

    if (!(cpu->cr0 & CR0_PG)) {
        *page = (MmuPage){ .phys = (uint32_t)la & cpu->a20_mask, .page_shift = 12, .user = true,
                           .writable = true, .dirty = true };
        return true;
    }
    do {
        uint32_t error = (access == ACC_WRITE ? PF_W : 0) | (user ? PF_U : 0);

        if (access == ACC_EXEC && (((cpu->cr4 & CR4_PAE) && (cpu->efer & EFER_NXE))
                                   || (cpu->cr4 & CR4_SMEP))) {
            error |= PF_I;
        }
        if (!walk_tables(cpu, la, &w)) {
            page->error = error | w.fault;
            return false;
        }
        if (!allowed(cpu, &w, access, user, implicit)) {
            page->error = error | PF_P;
            return false;
        }
    } while (!mark_used(cpu, &w, access == ACC_WRITE) && --tries);

    *page = (MmuPage){
        .phys = w.phys & cpu->a20_mask, .page_shift = w.shift,
        .global = w.global && (cpu->cr4 & CR4_PGE), .user = w.user,
        .writable = w.writable || (!user && !(cpu->cr0 & CR0_WP)),
        .dirty = access == ACC_WRITE || (w.entry[w.n - 1] & PTE_D),
        .nx = w.nx,
    };
    return true;
}

bool mmu_translate_debug(SoftCpu *cpu, uint64_t la, uint64_t *phys)
{
    Walk w;

    if (!(cpu->cr0 & CR0_PG)) {
        *phys = (uint32_t)la & cpu->a20_mask;
        return true;
    }
    if (!walk_tables(cpu, la, &w)) {
        return false;
    }
    *phys = w.phys & cpu->a20_mask;
    return true;
}

bool mmu_load_pdptes(SoftCpu *cpu, uint64_t cr3)
{
    /* SDM vol. 3, 4.4.1: bits 2..1, 8..5 and above the physical width must be 0 */
    uint64_t reserved = 0x1e6 | ~(BIT64(cpu->priv->phys_bits) - 1);
    uint64_t pdpte[4];

    for (int i = 0; i < 4; i++) {
        pdpte[i] = phys_load(cpu, ((cr3 & 0xffffffe0) + i * 8) & cpu->a20_mask, 8);
        if ((pdpte[i] & PTE_P) && (pdpte[i] & reserved)) {
            return false;
        }
    }
    memcpy(cpu->priv->pdpte, pdpte, sizeof(pdpte));
    return true;
}
