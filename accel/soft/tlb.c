/* The software TLB: fill, flush, contexts by privilege and PCID */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/mem.h"
#include "accel/soft/smc.h"
#include "accel/soft/sys.h"
#include "memory/ram.h"

/*
 * K (ctx_kernel) serves CPL 0..2, U0..U7 serve CPL 3 by PCID. Lists of filled
 * slots keep flushes short: a U context lists all its slots, K only those that
 * are not global, since a CR3 write keeps the others.
 */
enum { TLB_LISTED = 64 };   /* TlbInfo.flags: the slot is in filled[] */
#define NO_PAGE 1ULL        /* no page address looks like this */
#define NR_USER_CTX 8

static unsigned slot_of(uint64_t la)
{
    return la >> 12 & (TLB_SIZE - 1);
}

static void slot_drop(SoftTlb *t, unsigned slot)
{
    t->tag_r[slot] = TLB_EMPTY(slot);
    t->tag_w[slot] = TLB_EMPTY(slot);
    t->info[slot].flags &= TLB_LISTED;
}

static void exec_flush(SoftTlb *t)
{
    for (unsigned i = 0; i < ARRAY_SIZE(t->x); i++) {
        t->x[i].page = NO_PAGE;
        t->x[i].gen++;
    }
    t->jump_gen++;
}

static void exec_drop(SoftTlb *t, uint64_t la)
{
    unsigned i = la >> 12 & (ARRAY_SIZE(t->x) - 1);

    t->x[i].page = NO_PAGE;
    t->x[i].gen++;
    t->jump_gen++;
}

static void ctx_clear(SoftTlb *t)
{
    for (unsigned i = 0; i < TLB_SIZE; i++) {
        t->tag_r[i] = TLB_EMPTY(i);
        t->tag_w[i] = TLB_EMPTY(i);
        t->info[i].flags = 0;
    }
    t->nr_filled = 0;
    t->large = false;
    exec_flush(t);
}

/* Drop the listed slots. In K these are the ones that are not global. */
static void ctx_drop_listed(SoftTlb *t)
{
    for (unsigned i = 0; i < t->nr_filled; i++) {
        unsigned slot = t->filled[i];

        t->info[slot].flags &= ~TLB_LISTED;
        if (!(t->info[slot].flags & TLB_GLOBAL)) {
            slot_drop(t, slot);
        }
    }
    t->nr_filled = 0;
}

static SoftTlb *ctx_new(void)
{
    SoftTlb *t = NULL;

    if (posix_memalign((void **)&t, 4096, sizeof(*t))) {
        return NULL;
    }
    memset(t, 0, sizeof(*t));
    ctx_clear(t);
    return t;
}

bool tlb_init(SoftCpu *cpu)
{
    cpu->ctx_kernel = ctx_new();
    cpu->ctx_user[0] = ctx_new();
    cpu->tlb = cpu->ctx_kernel;
    cpu->priv->user_now = cpu->ctx_user[0];
    return cpu->ctx_kernel && cpu->ctx_user[0];
}

void tlb_free(SoftCpu *cpu)
{
    free(cpu->ctx_kernel);
    for (int i = 0; i < NR_USER_CTX; i++) {
        free(cpu->ctx_user[i]);
    }
}

void tlb_select(SoftCpu *cpu)
{
    SoftTlb *now = cpu->cpl == 3 ? cpu->priv->user_now : cpu->ctx_kernel;

    if (now != cpu->tlb && (cpu->cr4 & CR4_SMAP)) {
        tlb_drop_user_in_kernel(cpu);   /* filled under AC, not for implicit accesses */
    }
    cpu->tlb = now;
}

void tlb_set_aligned(SoftCpu *cpu, bool aligned)
{
    SoftTlb *t = cpu->priv->user_now;

    if (unlikely(t->aligned != aligned)) {
        ctx_clear(t);
        t->aligned = aligned;
    }
}

void tlb_flush_all(SoftCpu *cpu)
{
    ctx_clear(cpu->ctx_kernel);
    for (int i = 0; i < NR_USER_CTX; i++) {
        if (cpu->ctx_user[i]) {
            ctx_clear(cpu->ctx_user[i]);
        }
    }
    cpu->priv->nr_user_slots = 0;
}

/* The context of this PCID; one is made, or the least recently used one cleared and taken. */
static SoftTlb *ctx_for(SoftCpu *cpu, unsigned pcid)
{
    SoftTlb *old = NULL;
    int free_slot = -1;

    for (int i = 0; i < NR_USER_CTX; i++) {
        SoftTlb *t = cpu->ctx_user[i];

        if (!t) {
            free_slot = free_slot < 0 ? i : free_slot;
        } else if (t->pcid == pcid) {
            return t;
        } else if (!old || t->last_used < old->last_used) {
            old = t;
        }
    }
    if (free_slot >= 0) {
        SoftTlb *t = ctx_new();

        if (t) {
            t->pcid = pcid;
            cpu->ctx_user[free_slot] = t;
            return t;
        }
    }
    ctx_clear(old);
    old->pcid = pcid;
    return old;
}

void tlb_load_cr3(SoftCpu *cpu, bool flush)
{
    unsigned pcid = (cpu->cr4 & CR4_PCIDE) ? cpu->cr3 & 0xfff : 0;
    SoftTlb *t = ctx_for(cpu, pcid);

    t->last_used = ++cpu->priv->tlb_clock;
    if (flush) {
        ctx_drop_listed(t);
        t->large = false;
        exec_flush(t);
    }
    /* K is not tagged: what is not global belongs to the old space */
    ctx_drop_listed(cpu->ctx_kernel);
    cpu->priv->nr_user_slots = 0;
    exec_flush(cpu->ctx_kernel);
    cpu->priv->user_now = t;
    cpu->tlb = cpu->cpl == 3 ? t : cpu->ctx_kernel;
}

static void ctx_flush_page(SoftTlb *t, uint64_t la)
{
    unsigned slot = slot_of(la);
    unsigned first, n;

    exec_drop(t, la);
    if (!t->large) {
        if (t->info[slot].vtag == (uint32_t)(la >> 24)) {
            slot_drop(t, slot);
        }
        return;
    }
    /* Some translation here came from a large page: drop all that share one with la. */
    n = t->large > 1 ? TLB_SIZE : 1024;
    first = slot & ~(n - 1);
    for (unsigned i = first; i < first + n; i++) {
        uint64_t page = (uint64_t)t->info[i].vtag << 24 | (uint64_t)i << 12;
        unsigned shift = t->info[i].page_shift;

        if ((t->info[i].flags & TLB_VALID)
            && page >> shift == (la & 0x00ffffffffffffffULL) >> shift) {
            slot_drop(t, i);
        }
    }
    exec_flush(t);
}

void tlb_flush_page(SoftCpu *cpu, uint64_t la)
{
    SoftTlb *k = cpu->ctx_kernel;
    unsigned slot = slot_of(la);
    bool global = (k->info[slot].flags & TLB_GLOBAL) || k->large;

    /* A global entry of a U context can be in any of them; those are few and cheap to test. */
    ctx_flush_page(k, la);
    ctx_flush_page(cpu->priv->user_now, la);
    for (int i = 0; i < NR_USER_CTX; i++) {
        SoftTlb *t = cpu->ctx_user[i];

        if (t && t != cpu->priv->user_now
            && (global || t->large || (t->info[slot].flags & TLB_GLOBAL))) {
            ctx_flush_page(t, la);
        }
    }
}

void tlb_invpcid(SoftCpu *cpu, unsigned type, unsigned pcid, uint64_t la)
{
    bool current = pcid == ((cpu->cr4 & CR4_PCIDE) ? (cpu->cr3 & 0xfff) : 0);

    switch (type) {
    case 0:     /* one address of one PCID */
    case 1:     /* one PCID but for global entries */
        for (int i = 0; i < NR_USER_CTX; i++) {
            SoftTlb *t = cpu->ctx_user[i];

            if (t && t->pcid == pcid) {
                if (type == 0) {
                    ctx_flush_page(t, la);
                } else {
                    ctx_drop_listed(t);
                    exec_flush(t);
                }
            }
        }
        if (current) {
            if (type == 0) {
                ctx_flush_page(cpu->ctx_kernel, la);
            } else {
                ctx_drop_listed(cpu->ctx_kernel);
                cpu->priv->nr_user_slots = 0;
                exec_flush(cpu->ctx_kernel);
            }
        }
        break;
    default:    /* everything, with (2) or without (3) global entries: the larger is allowed */
        tlb_flush_all(cpu);
        break;
    }
}

void tlb_drop_write(SoftCpu *cpu, uint64_t phys)
{
    phys &= ~0xfffULL;
    for (int c = -1; c < NR_USER_CTX; c++) {
        SoftTlb *t = c < 0 ? cpu->ctx_kernel : cpu->ctx_user[c];

        if (!t) {
            continue;
        }
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            if (t->info[i].phys == phys) {
                t->tag_w[i] = TLB_EMPTY(i);
            }
        }
    }
}

/*
 * Between the clearing of a dirty bit and this, stores went by unseen: the page
 * counts as written once more.
 */
void tlb_drop_dirty(SoftCpu *cpu, uintptr_t from, uintptr_t to)
{
    for (int c = -1; c < NR_USER_CTX; c++) {
        SoftTlb *t = c < 0 ? cpu->ctx_kernel : cpu->ctx_user[c];

        for (unsigned i = 0; t && i < TLB_SIZE; i++) {
            if (t->host[i] + 4096 > from && t->host[i] < to && t->tag_w[i] != TLB_EMPTY(i)) {
                RamBlock *block = ram_block_of_host((const void *)t->host[i]);

                t->tag_w[i] = TLB_EMPTY(i);
                if (block) {
                    ram_mark_dirty(block, t->host[i] - (uintptr_t)block->host, 1);
                }
            }
        }
    }
}

void tlb_drop_user_in_kernel(SoftCpu *cpu)
{
    SoftTlb *k = cpu->ctx_kernel;

    if (cpu->priv->nr_user_slots > ARRAY_SIZE(cpu->priv->user_slots)) {
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            if (k->info[i].flags & TLB_USER) {
                slot_drop(k, i);
            }
        }
    } else {
        for (unsigned i = 0; i < cpu->priv->nr_user_slots; i++) {
            unsigned slot = cpu->priv->user_slots[i];

            if (k->info[slot].flags & TLB_USER) {
                slot_drop(k, slot);
            }
        }
    }
    cpu->priv->nr_user_slots = 0;
}

/* Enter what the walk found, and open the arrays as far as a plain access is right. */
static void slot_open(SoftCpu *cpu, SoftTlb *t, unsigned slot, uint64_t page)
{
    TlbInfo *info = &t->info[slot];
    bool closed = t->aligned || debug_watches_page(cpu, page);
    void *host = closed ? NULL : phys_ops->ram(cpu, info->phys, false);

    if (!host) {
        info->flags |= TLB_MMIO;
        t->tag_r[slot] = t->tag_w[slot] = TLB_EMPTY(slot);
        return;
    }
    t->host[slot] = (uintptr_t)host;
    t->tag_r[slot] = page;
    t->tag_w[slot] = TLB_EMPTY(slot);
    if ((info->flags & TLB_WRITABLE) && (info->flags & TLB_DIRTY)
        && phys_ops->ram(cpu, info->phys, true) && !smc_page_is_code(cpu, info->phys)
        && smc_note_writable(cpu, info->phys)) {
        t->tag_w[slot] = page;
    }
}

static void slot_enter(SoftCpu *cpu, SoftTlb *t, uint64_t la, const MmuPage *page)
{
    unsigned slot = slot_of(la);
    TlbInfo *info = &t->info[slot];
    bool kernel = t == cpu->ctx_kernel;
    uint8_t flags = TLB_VALID | (info->flags & TLB_LISTED);

    t->tag_r[slot] = t->tag_w[slot] = TLB_EMPTY(slot);
    flags |= (page->global ? TLB_GLOBAL : 0) | (page->user ? TLB_USER : 0)
           | (page->writable ? TLB_WRITABLE : 0) | (page->dirty ? TLB_DIRTY : 0);
    if (!(flags & TLB_LISTED) && !page->global) {
        flags |= TLB_LISTED;
        t->filled[t->nr_filled++] = slot;   /* once per slot: never more than TLB_SIZE */
    }
    if (kernel && page->user && (cpu->cr4 & CR4_SMAP)) {
        if (cpu->priv->nr_user_slots < ARRAY_SIZE(cpu->priv->user_slots)) {
            cpu->priv->user_slots[cpu->priv->nr_user_slots] = slot;
        }
        if (cpu->priv->nr_user_slots <= ARRAY_SIZE(cpu->priv->user_slots)) {
            cpu->priv->nr_user_slots++;
        }
    }
    if (page->page_shift > 12) {
        t->large |= page->page_shift > 22 ? 3 : 1;
    }
    info->phys = page->phys & ~0xfffULL;
    info->page_shift = page->page_shift;
    info->vtag = la >> 24;
    info->flags = flags;
    slot_open(cpu, t, slot, la & ~0xfffULL);
}

static bool opened(const SoftTlb *t, uint64_t la, int access)
{
    const uint64_t *tags = access == ACC_WRITE ? t->tag_w : t->tag_r;

    return tags[slot_of(la)] == (la & ~0xfffULL);
}

bool tlb_try(SoftCpu *cpu, uint64_t la, int access, bool sys, MmuPage *page)
{
    SoftTlb *t = sys ? cpu->ctx_kernel : cpu->tlb;
    bool user = cpu->cpl == 3 && !sys;

    if (!mmu_walk(cpu, la, access, user, sys && cpu->cpl == 3, page)) {
        return false;
    }
    if (access != ACC_EXEC) {
        slot_enter(cpu, t, la, page);
    }
    return true;
}

bool tlb_is_canonical(SoftCpu *cpu, uint64_t la)
{
    return !(cpu->efer & EFER_LMA) || (uint64_t)((int64_t)(la << 16) >> 16) == la;
}

static NORETURN void raise_page_fault(SoftCpu *cpu, const Op *op, uint64_t la, uint32_t error)
{
    cpu->cr2 = la;
    cpu_raise_err(cpu, op, EXC_PF, error);
}

bool tlb_fill(SoftCpu *cpu, const Op *op, uint64_t la, int access, bool sys)
{
    SoftTlb *t = sys ? cpu->ctx_kernel : cpu->tlb;
    unsigned slot = slot_of(la);
    const TlbInfo *info = &t->info[slot];
    MmuPage page;

    if ((info->flags & TLB_VALID) && info->vtag == (uint32_t)(la >> 24)
        && tlb_is_canonical(cpu, la)
        && (access == ACC_READ || (info->flags & (TLB_WRITABLE | TLB_DIRTY))
                                   == (TLB_WRITABLE | TLB_DIRTY))) {
        if (!opened(t, la, access) && !(info->flags & TLB_MMIO)) {
            slot_open(cpu, t, slot, la & ~0xfffULL);    /* a code page may have become data */
        }
        return opened(t, la, access);
    }
    if (!tlb_is_canonical(cpu, la)) {
        mem_raise_noncanonical(cpu, op, la);
    }
    if (!tlb_try(cpu, la, access, sys, &page)) {
        raise_page_fault(cpu, op, la, page.error);
    }
    return opened(t, la, access);
}

uint64_t tlb_fetch(SoftCpu *cpu, const Op *op, uint64_t la)
{
    SoftTlb *t = cpu->tlb;
    unsigned i = la >> 12 & (ARRAY_SIZE(t->x) - 1);
    MmuPage page;

    if (likely(t->x[i].page == (la & ~0xfffULL))) {
        return t->x[i].phys | (la & 0xfff);
    }
    if (!tlb_is_canonical(cpu, la)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (!mmu_walk(cpu, la, ACC_EXEC, cpu->cpl == 3, false, &page)) {
        raise_page_fault(cpu, op, la, page.error);
    }
    if (page.page_shift > 12) {
        t->large |= page.page_shift > 22 ? 3 : 1;
    }
    t->x[i].page = la & ~0xfffULL;
    t->x[i].phys = page.phys & ~0xfffULL;
    t->x[i].gen++;
    return page.phys;
}
