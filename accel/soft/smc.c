/* Code pages: which RAM is watched for stores, and the blocks a store kills */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/block-int.h"
#include "accel/soft/mem.h"
#include "accel/soft/smc.h"
#include "accel/soft/sys.h"

/* A byte for each RAM page, read without a lock; chunks of 256 MiB made as needed, never freed. */
enum { PAGE_CODE = 1, PAGE_WRITABLE = 2 /* was entered into some tag_w */ };
#define CHUNK_BITS 16
#define NR_CHUNKS 4096
static _Atomic(_Atomic uint8_t *) chunks[NR_CHUNKS];

static GHashTable *code_pages;      /* by ram page address; under the block lock */

static _Atomic uint8_t *page_flags(uint64_t ram, bool make)
{
    uint64_t page = ram >> 12, chunk = page >> CHUNK_BITS;
    _Atomic uint8_t *p, *expected = NULL;

    if (chunk >= NR_CHUNKS) {
        return NULL;
    }
    p = atomic_load_explicit(&chunks[chunk], memory_order_acquire);
    if (!p && make) {
        p = g_malloc0(1u << CHUNK_BITS);
        if (!atomic_compare_exchange_strong(&chunks[chunk], &expected, p)) {
            g_free((void *)p);
            p = expected;
        }
    }
    return p ? &p[page & ((1u << CHUNK_BITS) - 1)] : NULL;
}

static bool ram_is_code(uint64_t ram)
{
    _Atomic uint8_t *f = page_flags(ram, false);

    return f && (atomic_load_explicit(f, memory_order_acquire) & PAGE_CODE);
}

bool smc_page_is_code(SoftCpu *cpu, uint64_t phys)
{
    return ram_is_code(phys_ops->ram_addr(cpu, phys));
}

bool smc_note_writable(SoftCpu *cpu, uint64_t phys)
{
    _Atomic uint8_t *f = page_flags(phys_ops->ram_addr(cpu, phys), true);

    return !f || !(atomic_fetch_or(f, PAGE_WRITABLE) & PAGE_CODE);
}

/* Under the lock from here. */

static CodePage *code_page(uint64_t ram, bool make)
{
    uint64_t key = ram & ~4095ULL;
    CodePage *p;

    if (!code_pages) {
        if (!make) {
            return NULL;
        }
        code_pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    }
    p = g_hash_table_lookup(code_pages, &key);
    if (!p && make) {
        p = g_new0(CodePage, 1);
        p->ram = key;
        g_hash_table_insert(code_pages, &p->ram, p);
    }
    return p;
}

/* No block and no builder: stores need not be watched any more. */
static void release_page(CodePage *p)
{
    _Atomic uint8_t *f;

    if (p->nr_blocks || p->nr_builders) {
        return;
    }
    f = page_flags(p->ram, false);
    if (f) {
        atomic_fetch_and(f, (uint8_t)~PAGE_CODE);
    }
    g_hash_table_remove(code_pages, &p->ram);
}

static uint64_t granule_mask(unsigned offset, unsigned len)
{
    unsigned first = offset / 64, last = MIN(offset + len - 1, 4095u) / 64;

    return (UINT64_MAX >> (63 - last)) & (UINT64_MAX << first);
}

/* The part of b in its first (0) or second (1) page. */
static void block_extent(const Block *b, unsigned part, unsigned *offset, unsigned *len)
{
    unsigned start = b->phys & 4095, in_first = MIN(b->size, 4096 - start);

    *offset = part ? 0 : start;
    *len = part ? b->size - in_first : in_first;
}

/* Which of b's two list links belongs to this page. */
static unsigned part_of(const Block *b, const CodePage *p)
{
    return (b->ram & ~4095ULL) == p->ram ? 0 : 1;
}

static void list_add(Block *b, unsigned part, uint64_t ram)
{
    CodePage *p = code_page(ram, true);
    unsigned offset, len;

    block_extent(b, part, &offset, &len);
    p->granules |= granule_mask(offset, MAX(len, 1));
    p->nr_blocks++;
    if (p->blocks) {
        p->blocks->page_link[part_of(p->blocks, p)] = &b->page_next[part];
    }
    b->page_next[part] = p->blocks;
    b->page_link[part] = &p->blocks;
    p->blocks = b;
}

/* A page that many processes map at addresses of their own has many thousands of blocks. */
static void list_remove(Block *b, unsigned part, uint64_t ram)
{
    CodePage *p = code_page(ram, false);
    Block *next = b->page_next[part];

    if (next) {
        next->page_link[part_of(next, p)] = b->page_link[part];
    }
    *b->page_link[part] = next;
    p->nr_blocks--;
    release_page(p);
}

void smc_add_block(Block *b)
{
    list_add(b, 0, b->ram);
    /* The same page mapped twice in a row: one list is enough. */
    if (b->ram2 != RAM_ADDR_NONE && (b->ram2 ^ b->ram) >> 12) {
        list_add(b, 1, b->ram2);
    }
}

void smc_remove_block(Block *b)
{
    list_remove(b, 0, b->ram);
    if (b->ram2 != RAM_ADDR_NONE && (b->ram2 ^ b->ram) >> 12) {
        list_remove(b, 1, b->ram2);
    }
}

static bool block_covers(const Block *b, unsigned part, unsigned offset, unsigned len)
{
    unsigned start, n;

    if (b->ram2 != RAM_ADDR_NONE && (b->ram2 ^ b->ram) >> 12 == 0) {
        return true;
    }
    block_extent(b, part, &start, &n);
    return start < offset + len && offset < start + MAX(n, 1);
}

/* [offset, offset + len) of this page changed. */
static void page_written(CodePage *p, unsigned offset, unsigned len)
{
    uint64_t granules = 0;
    Block *b, *next;

    p->version++;
    if (!(p->granules & granule_mask(offset, len))) {
        return;
    }
    p->nr_builders++;       /* keep p while blocks go */
    for (b = p->blocks; b; b = next) {
        unsigned part = part_of(b, p), start, n;

        next = b->page_next[part];
        if (block_covers(b, part, offset, len)) {
            block_kill(b);
        } else {
            block_extent(b, part, &start, &n);
            granules |= granule_mask(start, MAX(n, 1));
        }
    }
    p->granules = granules;
    p->nr_builders--;
    release_page(p);
}

bool smc_unchanged(uint64_t ram, uint32_t version)
{
    CodePage *p = code_page(ram, false);

    return p && p->version == version;
}

void smc_end_build(uint64_t ram)
{
    CodePage *p = code_page(ram, false);

    p->nr_builders--;
    release_page(p);
}

/* Without the lock ------------------------------------------------------- */

/*
 * Others may hold the page in their tag_w: they drop it at a quiet point, before
 * we read a byte.
 */
static void drop_writable(SoftCpu *cpu, uint64_t phys)
{
    BlockCpu *c;

    tlb_drop_write(cpu, phys);
    if (cpu->mode & MODE_UP) {
        return;
    }
    exclusive_begin(cpu);
    for (c = block_cpus(); c; c = c->next) {
        if (c->cpu != cpu) {
            tlb_drop_write(c->cpu, phys);
        }
    }
    exclusive_end(cpu);
}

bool smc_begin_build(SoftCpu *cpu, uint64_t phys, uint64_t ram, uint32_t *version)
{
    _Atomic uint8_t *f = page_flags(ram, true);
    CodePage *p;
    uint8_t old;

    if (!f) {
        return false;
    }
    block_lock();
    p = code_page(ram, true);
    p->nr_builders++;
    *version = p->version;
    old = atomic_fetch_or(f, PAGE_CODE);
    if (old & PAGE_WRITABLE) {
        atomic_fetch_and(f, (uint8_t)~PAGE_WRITABLE);
    }
    block_unlock();
    if (old & PAGE_WRITABLE) {
        drop_writable(cpu, phys & ~4095ULL);
    }
    return true;
}

void smc_invalidate_ram(uint64_t ram_addr, uint64_t len)
{
    while (len) {
        unsigned offset = ram_addr & 4095, n = MIN(len, 4096u - offset);

        if (ram_is_code(ram_addr)) {
            CodePage *p;

            block_lock();
            p = code_page(ram_addr, false);
            if (p) {
                page_written(p, offset, n);
            }
            block_unlock();
        }
        ram_addr += n;
        len -= n;
    }
}

void smc_store(SoftCpu *cpu, uint64_t phys, unsigned len)
{
    smc_invalidate_ram(phys_ops->ram_addr(cpu, phys), len);
}

void smc_invalidate_all(void)
{
    block_lock();
    block_kill_all();
    block_unlock();
}
