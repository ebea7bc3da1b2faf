/* The guest's page tables, read from outside: 32-bit, PAE, 4 and 5 levels */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-state.h"
#include "memory/memory.h"
#include "system/paging.h"
#include "util/bswap.h"
#include "util/co-lock.h"

/* Tables may refer to themselves: a guest could make us walk without an end. */
#define MAX_TABLES    (1 << 16)
#define TABLES_A_TURN 256

enum { PTE_P = 1 << 0, PTE_PS = 1 << 7 };
#define CR0_PG    BIT64(31)
#define CR4_PSE   BIT64(4)
#define CR4_PAE   BIT64(5)
#define CR4_LA57  BIT64(12)
#define EFER_LMA  BIT64(10)
#define ADDR_MASK 0x000ffffffffff000ULL

/* A way to translate (SDM vol. 3, 4.3 to 4.5): which bits of an address each level looks at. */
typedef struct Paging {
    unsigned nr_levels, entry_bytes;
    unsigned shift[5], bits[5];     /* from the top */
    bool large[5];                  /* PS of an entry makes it a page */
} Paging;

static const Paging paging_32 = { 2, 4, { 22, 12 }, { 10, 10 }, { true } };
static const Paging paging_pae = { 3, 8, { 30, 21, 12 }, { 2, 9, 9 }, { false, true } };
static const Paging paging_4 = { 4, 8, { 39, 30, 21, 12 }, { 9, 9, 9, 9 }, { false, true, true } };
static const Paging paging_5 = {
    5, 8, { 48, 39, 30, 21, 12 }, { 9, 9, 9, 9, 9 }, { false, false, true, true },
};

typedef struct Walk {
    const Paging *mode;
    bool no_large;                  /* CR4.PSE clear, without PAE */
    unsigned tables;
    bool cut;
    bool (*fn)(const PagingPage *page, void *opaque);
    void *opaque;
} Walk;

static uint64_t canonical(const Walk *w, uint64_t la)
{
    unsigned top = w->mode->shift[0] + w->mode->bits[0];

    return w->mode->nr_levels >= 4 && la >> (top - 1) & 1 ? la | ~0ULL << top : la;
}

static bool has_page(const Walk *w, unsigned level, uint64_t entry)
{
    return level == w->mode->nr_levels - 1 ||
           (w->mode->large[level] && (entry & PTE_PS) && !w->no_large);
}

/* A copy, for the walk is interrupted. */
static bool read_table(const Walk *w, uint64_t phys, unsigned level, uint8_t *table)
{
    size_t bytes = (size_t)w->mode->entry_bytes << w->mode->bits[level];
    RamHit hit;

    if (!mem_lookup_ram(memory_space(), phys, &hit) || hit.len < bytes) {
        return false;
    }
    memcpy(table, hit.host, bytes);
    return true;
}

static bool co_may_go_on(Walk *w)
{
    if (++w->tables > MAX_TABLES) {
        w->cut = true;
    } else if (w->tables % TABLES_A_TURN == 0) {
        co_sleep(CLOCK_TYPE_REALTIME, 0);
    }
    return !w->cut;
}

/* The page's address in an entry: of 4 MiB pages bits 20:13 are bits 39:32 (PSE-36). */
static uint64_t page_address(const Walk *w, unsigned shift, uint64_t entry)
{
    if (w->mode == &paging_32 && shift == 22) {
        return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32;
    }
    return entry & ADDR_MASK & ~((1ULL << shift) - 1);
}

static void tell_page(Walk *w, uint64_t la, unsigned shift, uint64_t entry, unsigned rights)
{
    const PagingPage page = {
        .la = canonical(w, la), .phys = page_address(w, shift, entry), .bytes = 1ULL << shift,
        .entry = entry, .rights = rights & (PAGING_USER | PAGING_WRITE),
    };

    w->cut = !w->fn(&page, w->opaque);
}

static void co_walk(Walk *w, unsigned level, uint64_t phys, uint64_t base, unsigned rights)
{
    const Paging *mode = w->mode;
    uint8_t table[4096];

    if (!co_may_go_on(w) || !read_table(w, phys, level, table)) {
        return;
    }
    for (unsigned i = 0; i < 1U << mode->bits[level] && !w->cut; i++) {
        const uint8_t *at = table + (size_t)i * mode->entry_bytes;
        uint64_t entry = mode->entry_bytes == 8 ? ld64_le(at) : ld32_le(at);
        uint64_t la = base + ((uint64_t)i << mode->shift[level]);
        /* The top of PAE has no rights. */
        unsigned here = mode == &paging_pae && !level ? rights : rights & entry;

        if (!(entry & PTE_P)) {
            continue;
        }
        if (has_page(w, level, entry)) {
            tell_page(w, la, mode->shift[level], entry, here);
        } else {
            co_walk(w, level + 1, entry & ADDR_MASK, la, here);
        }
    }
}

PagingResult co_paging_walk(const CpuState *s, bool (*fn)(const PagingPage *page, void *opaque),
                            void *opaque)
{
    Walk w = { .fn = fn, .opaque = opaque };

    if (!(s->cr0 & CR0_PG)) {
        return PAGING_OFF;
    }
    w.mode = s->efer & EFER_LMA ? s->cr4 & CR4_LA57 ? &paging_5 : &paging_4
             : s->cr4 & CR4_PAE ? &paging_pae : &paging_32;
    w.no_large = w.mode == &paging_32 && !(s->cr4 & CR4_PSE);
    co_walk(&w, 0, w.mode == &paging_pae ? s->cr3 & 0xffffffe0 : s->cr3 & ADDR_MASK, 0, ~0u);
    return w.cut ? PAGING_CUT : PAGING_DONE;
}
