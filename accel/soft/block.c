/* The table of blocks: look up, link, invalidate, free when no vCPU can be inside */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/block-int.h"
#include "accel/soft/mem.h"
#include "accel/soft/soft.h"
#include "accel/soft/sys.h"
#include "util/log.h"

#define HASH_BITS 16
#define HASH_SIZE (1u << HASH_BITS)
/* Beyond this everything is dropped and built again as needed. */
#define BLOCK_BYTES_MAX (256u << 20)

static _Atomic(Block *) hash[HASH_SIZE];
static GMutex lock;
static BlockCpu *cpus;
static Block *retired;          /* newest first */
static _Atomic uint64_t epoch = 1;
static size_t block_bytes;
static bool one_insn;
/* For people. */
static struct {
    size_t blocks, guest_bytes, guest_max, crossing, built, killed, flushes;
} stats;

void block_lock(void)
{
    g_mutex_lock(&lock);
}

void block_unlock(void)
{
    g_mutex_unlock(&lock);
}

BlockCpu *block_cpus(void)
{
    return cpus;
}

static unsigned hash_of(uint64_t phys, uint64_t rip, uint32_t mode)
{
    uint64_t h = phys ^ (rip << 20) ^ mode * 0x9e3779b1u;

    return (h * 0x9e3779b97f4a7c15ULL) >> (64 - HASH_BITS);
}

static size_t block_size(const Block *b)
{
    return sizeof(Block) + b->nr_ops * sizeof(Op) + 2 * sizeof(Link);
}

/* Quiet points and freeing ----------------------------------------------- */

/*
 * A block unlinked in epoch e may still be run by a vCPU whose last quiet point
 * was in epoch e or before; nobody finds it later. Under the lock.
 */
static void reclaim(void)
{
    uint64_t oldest = UINT64_MAX;
    BlockCpu *c;
    Block **p, *b;

    for (c = cpus; c; c = c->next) {
        uint64_t seen = atomic_load_explicit(&c->seen, memory_order_acquire);

        oldest = MIN(oldest, seen);
    }
    for (p = &retired; *p; p = &(*p)->retired_next) {
        if ((*p)->retired_at < oldest) {
            break;
        }
    }
    b = *p;
    *p = NULL;
    while (b) {
        Block *next = b->retired_next;

        block_bytes -= block_size(b);
        g_free(b);
        b = next;
    }
}

static void drop_jump_caches(SoftCpu *cpu)
{
    unsigned n;

    cpu->link_from = NULL;
    if (cpu->ctx_kernel) {
        cpu->ctx_kernel->jump_gen++;
    }
    for (n = 0; n < ARRAY_SIZE(cpu->ctx_user); n++) {
        if (cpu->ctx_user[n]) {
            cpu->ctx_user[n]->jump_gen++;
        }
    }
    if (cpu->tlb) {
        cpu->tlb->jump_gen++;
    }
}

static ALWAYS_INLINE void quiet_point(SoftCpu *cpu)
{
    BlockCpu *c = cpu->block_cpu;
    uint64_t now = atomic_load_explicit(&epoch, memory_order_acquire);
    uint64_t seen = atomic_load_explicit(&c->seen, memory_order_relaxed);

    if (unlikely(seen != now)) {
        drop_jump_caches(cpu);
        atomic_store_explicit(&c->seen, now,
                              seen == UINT64_MAX ? memory_order_seq_cst : memory_order_release);
    }
}

void block_cpu_init(SoftCpu *cpu)
{
    BlockCpu *c = g_new0(BlockCpu, 1);

    c->cpu = cpu;
    atomic_init(&c->seen, UINT64_MAX);
    cpu->block_cpu = c;
    block_lock();
    c->next = cpus;
    cpus = c;
    block_unlock();
}

void block_cpu_free(SoftCpu *cpu)
{
    BlockCpu *c = cpu->block_cpu, **p;

    if (!c) {
        return;
    }
    block_lock();
    for (p = &cpus; *p != c; p = &(*p)->next) {
    }
    *p = c->next;
    reclaim();
    block_unlock();
    g_free(c->scratch);
    g_free(c);
    cpu->block_cpu = NULL;
}

void block_cpu_outside(SoftCpu *cpu)
{
    if (cpu->block_cpu) {
        cpu->link_from = NULL;
        atomic_store_explicit(&cpu->block_cpu->seen, UINT64_MAX, memory_order_release);
    }
}

/* Links ------------------------------------------------------------------ */

static void unlink_out(Block *b)
{
    Link *out = block_exits(b);
    unsigned n;

    for (n = 0; n < 2; n++) {
        Block *target = atomic_load_explicit(&out[n].target, memory_order_relaxed);
        Link **p;

        if (!target) {
            continue;
        }
        for (p = &target->in; *p && *p != &out[n]; p = &(*p)->next) {
        }
        if (*p) {
            *p = out[n].next;
        }
        atomic_store_explicit(&out[n].target, NULL, memory_order_relaxed);
    }
}

void block_link(SoftCpu *cpu, Block *b)
{
    Block *from = cpu->link_from;
    Link *link = &block_exits(from)[cpu->link_which];
    uint32_t mode = atomic_load_explicit(&b->mode, memory_order_relaxed);

    /* Only inside a page: its mapping is known good while we run in it. */
    if (b->phys2 != RAM_ADDR_NONE || (mode & MODE_LIMIT) || (b->phys ^ from->phys) >> 12 ||
        b->rip - from->rip != b->phys - from->phys || mode & (MODE_ONE | MODE_TF | MODE_STEP) ||
        from->key_mode != mode || atomic_load_explicit(&link->target, memory_order_relaxed)) {
        return;
    }
    block_lock();
    if (atomic_load_explicit(&from->mode, memory_order_relaxed) == mode &&
        atomic_load_explicit(&b->mode, memory_order_relaxed) == mode &&
        !atomic_load_explicit(&link->target, memory_order_relaxed)) {
        link->from = from;
        link->next = b->in;
        b->in = link;
        atomic_store_explicit(&link->target, b, memory_order_release);
    }
    block_unlock();
}

/* Death ------------------------------------------------------------------ */

static void unhash(Block *b)
{
    _Atomic(Block *) *p = &hash[hash_of(b->phys, b->rip, b->key_mode)];
    Block *at;

    while ((at = atomic_load_explicit(p, memory_order_relaxed)) != NULL) {
        if (at == b) {
            atomic_store_explicit(p, atomic_load_explicit(&b->hash_next, memory_order_relaxed),
                                  memory_order_release);
            return;
        }
        p = &at->hash_next;
    }
}

void block_kill(Block *b)
{
    Link *l, *next;
    unsigned n;

    stats.blocks--;
    stats.guest_bytes -= b->size;
    stats.crossing -= b->phys2 != RAM_ADDR_NONE;
    stats.killed++;
    unhash(b);
    smc_remove_block(b);
    atomic_store_explicit(&b->mode, BLOCK_DEAD, memory_order_relaxed);
    for (l = b->in; l; l = next) {
        next = l->next;
        atomic_store_explicit(&l->target, NULL, memory_order_relaxed);
        l->next = NULL;
    }
    b->in = NULL;
    unlink_out(b);
    /* Whoever is inside leaves at its next instruction. */
    for (n = 0; n < b->nr_ops; n++) {
        __atomic_store_n(&b->ops[n].fn, block_op_leave, __ATOMIC_RELAXED);
    }
    b->retired_at = atomic_load_explicit(&epoch, memory_order_relaxed);
    b->retired_next = retired;
    retired = b;
    atomic_fetch_add_explicit(&epoch, 1, memory_order_seq_cst);
}

void block_kill_all(void)
{
    unsigned n;

    for (n = 0; n < HASH_SIZE; n++) {
        Block *b;

        while ((b = atomic_load_explicit(&hash[n], memory_order_relaxed)) != NULL) {
            block_kill(b);
        }
    }
    reclaim();
}

void block_set_one_insn(bool on)
{
    block_lock();
    one_insn = on;
    block_kill_all();
    block_unlock();
}

void block_drop_at(uint64_t la)
{
    unsigned n;

    block_lock();
    for (n = 0; n < HASH_SIZE; n++) {
        Block *b = atomic_load_explicit(&hash[n], memory_order_relaxed), *next;

        for (; b; b = next) {
            next = atomic_load_explicit(&b->hash_next, memory_order_relaxed);
            if (((la - b->phys) & 4095) < b->size) {
                block_kill(b);
            }
        }
    }
    reclaim();
    block_unlock();
}

/* Look-up ---------------------------------------------------------------- */

static uint64_t fetch_linear(SoftCpu *cpu)
{
    uint64_t rip = cpu->rip;

    if ((cpu->mode & MODE_CODE_MASK) == MODE_CODE64) {
        if (unlikely((uint64_t)((int64_t)(rip << 16) >> 16) != rip)) {
            cpu_raise_err(cpu, NULL, EXC_GP, 0);
        }
        return rip;
    }
    if (unlikely(rip > cpu->seg[S_CS].limit)) {
        cpu_raise_err(cpu, NULL, EXC_GP, 0);
    }
    return (uint32_t)(cpu->seg[S_CS].base + rip);
}

static uint64_t second_page(const SoftCpu *cpu, uint64_t la)
{
    uint64_t la2 = (la | 4095) + 1;

    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? la2 : (uint32_t)la2;
}

static Block *find(SoftCpu *cpu, uint64_t la, uint64_t phys, uint32_t mode)
{
    Block *b = atomic_load_explicit(&hash[hash_of(phys, cpu->rip, mode)], memory_order_acquire);

    for (; b; b = atomic_load_explicit(&b->hash_next, memory_order_acquire)) {
        if (b->phys == phys && b->rip == cpu->rip && b->key_mode == mode &&
            (b->phys2 == RAM_ADDR_NONE ||
             tlb_fetch(cpu, NULL, second_page(cpu, la)) == b->phys2)) {
            return b;
        }
    }
    return NULL;
}

/* What a build is made from. */
typedef struct Source {
    uint64_t la, phys, phys2;       /* phys2: NONE when the first instruction cannot need it */
    uint64_t ram, ram2;
    uint32_t version, version2;
} Source;

/* Start watching the pages. False: not RAM, or too far up to be watched. */
static bool begin(SoftCpu *cpu, Source *s)
{
    s->ram = s->ram2 = RAM_ADDR_NONE;
    if (!phys_ops->ram(cpu, s->phys, false) ||
        (s->phys2 != RAM_ADDR_NONE && !phys_ops->ram(cpu, s->phys2, false))) {
        return false;
    }
    s->ram = phys_ops->ram_addr(cpu, s->phys);
    if (!smc_begin_build(cpu, s->phys, s->ram, &s->version)) {
        s->ram = RAM_ADDR_NONE;
        return false;
    }
    if (s->phys2 != RAM_ADDR_NONE) {
        s->ram2 = phys_ops->ram_addr(cpu, s->phys2);
        if (!smc_begin_build(cpu, s->phys2, s->ram2, &s->version2)) {
            s->ram2 = RAM_ADDR_NONE;
            return false;
        }
    }
    return true;
}

/* Under the lock. */
static void end(const Source *s)
{
    if (s->ram != RAM_ADDR_NONE) {
        smc_end_build(s->ram);
    }
    if (s->ram2 != RAM_ADDR_NONE) {
        smc_end_build(s->ram2);
    }
}

/* False: what it was decoded from changed meanwhile. */
static bool insert(Block *b, const Source *s)
{
    _Atomic(Block *) *head = &hash[hash_of(b->phys, b->rip, b->key_mode)];

    if (!smc_unchanged(s->ram, s->version) ||
        (s->ram2 != RAM_ADDR_NONE && !smc_unchanged(s->ram2, s->version2))) {
        return false;
    }
    if (block_bytes > BLOCK_BYTES_MAX) {
        block_kill_all();
        stats.flushes++;
    }
    stats.blocks++;
    stats.built++;
    stats.guest_bytes += b->size;
    stats.guest_max = MAX(stats.guest_max, b->size);
    stats.crossing += b->phys2 != RAM_ADDR_NONE;
    block_bytes += block_size(b);
    b->ram = s->ram;
    b->ram2 = b->phys2 == RAM_ADDR_NONE ? RAM_ADDR_NONE : s->ram2;
    smc_add_block(b);
    atomic_store_explicit(&b->hash_next, atomic_load_explicit(head, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(head, b, memory_order_release);
    if (retired) {
        reclaim();
    }
    return true;
}

/* May size bytes of code be had from RIP on? Behind 4 GiB it goes on at 0. */
static bool within_limit(const SoftCpu *cpu, unsigned size)
{
    uint32_t limit = cpu->seg[S_CS].limit;

    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 || limit == 0xffffffff ||
           cpu->rip + size - 1 <= limit;
}

static void check_limit(SoftCpu *cpu, unsigned size)
{
    if (!within_limit(cpu, size)) {
        cpu_raise_err(cpu, NULL, EXC_GP, 0);
    }
}

static Block *build(SoftCpu *cpu, uint64_t la, uint64_t phys, uint32_t mode)
{
    uint64_t la2 = second_page(cpu, la);
    bool near_end = (la & 4095) > 4096 - 15;
    Source s = { .la = la, .phys = phys };
    MmuPage page;
    Block *b;

    for (;;) {
        bool ok, kept;

        s.phys2 = near_end && tlb_try(cpu, la2, ACC_EXEC, false, &page) ? page.phys & ~4095ULL
                                                                        : RAM_ADDR_NONE;
        kept = begin(cpu, &s);
        b = block_build(cpu, s.phys, s.phys2, kept ? mode : mode | MODE_ONE);
        block_lock();
        ok = b && kept && insert(b, &s);
        end(&s);
        block_unlock();
        if (log_on(LOG_IN_ASM) && b && (ok || !kept)) {
            soft_log_built(cpu, b);
        }
        if (ok) {
            return b;
        }
        if (!b) {
            /* The first instruction goes on in a page that is not there, or not its segment's. */
            check_limit(cpu, 4096 - (la & 4095) + 1);
            tlb_fetch(cpu, NULL, la2);
        } else if (!kept) {
            g_free(cpu->block_cpu->scratch);
            cpu->block_cpu->scratch = b;
            cpu->link_from = NULL;
            return b;
        } else {
            g_free(b);
        }
    }
}

static ALWAYS_INLINE Block *find_or_build(SoftCpu *cpu, uint64_t la, uint64_t phys, uint32_t mode)
{
    Block *b = find(cpu, la, phys, mode);

    return likely(b != NULL) ? b : build(cpu, la, phys, mode);
}

Block *block_lookup(SoftCpu *cpu)
{
    uint32_t mode = cpu->mode;
    bool one = cpu->irq_shadow || one_insn;
    uint64_t la, phys;
    JumpSlot *slot;
    Block *b;

    quiet_point(cpu);
    la = fetch_linear(cpu);
    if (unlikely(debug_has_code_breakpoints(cpu))) {
        debug_check_fetch(cpu, la);
        one = true;
    }
    if (unlikely(one || (cpu->eflags & FL_RF) || (mode & (MODE_TF | MODE_STEP)))) {
        mode |= MODE_ONE;
    }
    phys = tlb_fetch(cpu, NULL, la);
    b = find_or_build(cpu, la, phys, mode);
    if (unlikely(!within_limit(cpu, b->size))) {
        /* Some of its instructions may lie within. */
        mode |= MODE_ONE;
        b = find_or_build(cpu, la, phys, mode);
        check_limit(cpu, b->size);
    }
    if (!(mode & (MODE_ONE | MODE_LIMIT)) && b->key_mode == mode &&
        ((mode & MODE_CODE_MASK) == MODE_CODE64 || (mode & MODE_CS_FLAT))) {
        slot = &cpu->tlb->jump[(cpu->rip ^ cpu->rip >> 10) & (JUMP_CACHE_SIZE - 1)];
        slot->rip = cpu->rip;
        slot->gen = cpu->tlb->jump_gen;
        slot->block = b;
    }
    return b;
}

/* In the words of those who read it with scripts. */
void block_print_stats(GString *out)
{
    size_t n;

    block_lock();
    n = MAX(stats.blocks, 1);
    g_string_append_printf(out, "Translation buffer state:\n"
                           "gen code size       %zu/%zu\n"
                           "TB count            %zu\n"
                           "TB avg target size  %zu max=%zu bytes\n"
                           "TB avg host size    %zu bytes (expansion ratio: %.1f)\n"
                           "cross page TB count %zu (%zu%%)\n\nStatistics:\n"
                           "TB flush count      %zu\nTB invalidate count %zu\n"
                           "TB build count      %zu\n",
                           block_bytes, (size_t)BLOCK_BYTES_MAX, stats.blocks,
                           stats.guest_bytes / n, stats.guest_max, block_bytes / n,
                           (double)block_bytes / MAX(stats.guest_bytes, 1), stats.crossing,
                           stats.crossing * 100 / n, stats.flushes, stats.killed, stats.built);
    block_unlock();
}
