/* Run one instruction in the interpreter, in the same sandbox behind guest page tables */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/block.h"
#include "accel/soft/cpuid.h"
#include "accel/soft/fpu.h"
#include "accel/soft/mem.h"
#include "accel/soft/smc.h"
#include "accel/soft/soft.h"
#include "accel/soft/sys.h"
#include "accel/vcpu.h"
#include "tests/cpu/fuzz.h"

/* Guest physical memory: the sandbox's pages, then page tables. */
enum {
    PML4 = FUZZ_PAGES * PAGE, PDPT = PML4 + PAGE, PD = PDPT + PAGE, PT = PD + PAGE,
    TSS = PT + PAGE, RAM_SIZE = TSS + PAGE,
    TSS_LIMIT = 0x67, TSS_IO_MAP = 102,
    PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 32, PTE_D = 64,
};

static uint8_t *ram;
static SoftCpu *cpu;

static void *ram_at(SoftCpu *c, uint64_t phys, bool write)
{
    return phys < RAM_SIZE ? ram + phys : NULL;
}

static uint64_t ram_addr(SoftCpu *c, uint64_t phys)
{
    return phys < RAM_SIZE ? phys : UINT64_MAX;
}

static uint64_t load_nothing(SoftCpu *c, uint64_t phys, unsigned size)
{
    return UINT64_MAX;
}

static void store_nothing(SoftCpu *c, uint64_t phys, uint64_t value, unsigned size)
{
}

static const PhysOps fuzz_phys = {
    .ram = ram_at, .ram_addr = ram_addr, .ld = load_nothing, .st = store_nothing,
};

static void set_entry(unsigned table, unsigned index, uint64_t value)
{
    memcpy(ram + table + 8 * index, &value, sizeof(value));
}

static void make_page_tables(void)
{
    const uint64_t all = PTE_P | PTE_W | PTE_U | PTE_A;
    uint64_t first = fuzz_areas[0].addr;

    set_entry(PML4, (first >> 39) & 511, PDPT | all);
    set_entry(PDPT, (first >> 30) & 511, PD | all);
    set_entry(PD, (first >> 21) & 511, PT | all);
    for (unsigned n = 0; n < NR_AREAS; n++) {
        const FuzzArea *a = &fuzz_areas[n];

        for (unsigned p = 0; p < a->pages; p++) {
            set_entry(PT, ((a->addr >> 12) + p) & 511,
                      (fuzz_area_offset(n) + p * PAGE) | PTE_P | PTE_U | PTE_A | PTE_D |
                      (a->writable ? PTE_W : 0) | (a->code ? 0 : 1ull << 63));
        }
    }
    set_entry(PT, (FUZZ_TSS >> 12) & 511, TSS | PTE_P | PTE_A | PTE_D | PTE_W);
    ram[TSS + TSS_IO_MAP] = TSS_LIMIT + 1;      /* no I/O allowed */
}

void fuzz_soft_init(bool one_insn)
{
    static CpuModel model;
    static Vcpu vcpu;

    ram = g_malloc0(RAM_SIZE + PAGE);
    ram = (uint8_t *)ROUND_UP((uintptr_t)ram, PAGE);
    phys_ops = &fuzz_phys;
    make_page_tables();
    cpuid_best(&model);
    block_set_one_insn(one_insn);
    cpu = soft_cpu_new(&vcpu, &model, true, NULL);
    g_assert_nonnull(cpu);
    block_cpu_init(cpu);
    cpu->a20_mask = ~0ull;
    cpu->cr3 = PML4;
    cpu->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
    cpu->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    cpu->xcr0 = XSTATE_ALL;
    cpu->tr = (Segment) { .base = FUZZ_TSS, .limit = TSS_LIMIT, .sel = 0x40, .attr = 0x8b };
    tlb_flush_all(cpu);
    tlb_load_cr3(cpu, true);
}

static Segment segment_of(const FuzzSeg *s, uint16_t sel, bool code)
{
    unsigned type = code ? 0xb : s->down ? 7 : 3;

    return (Segment) {
        .base = s->base, .limit = s->limit, .sel = sel,
        .attr = SEG_S | SEG_P | 3 << 5 | type | (s->big ? SEG_D : 0),
    };
}

/* As Linux gives them to its programs; or those of the case. */
static void set_segments(const FuzzCase *c)
{
    bool code64 = c->mode == MODE_CODE64;
    const Segment data = { .limit = 0xffffffff, .sel = 0x2b, .attr = 0xc0f3 };

    cpu->seg[S_CS] = (Segment) {
        .limit = 0xffffffff, .sel = code64 ? 0x33 : 0x23, .attr = code64 ? 0xa0fb : 0xc0fb,
    };
    cpu->seg[S_SS] = cpu->seg[S_DS] = cpu->seg[S_ES] = data;
    cpu->seg[S_FS] = cpu->seg[S_GS] = (Segment) { 0 };
    cpu->seg[S_GS].base = c->in.gs_base;
    if (c->segs) {
        uint16_t sel = fuzz_selector(c->segs);

        cpu->seg[S_CS] = segment_of(&c->segs->code, sel, true);
        cpu->seg[S_DS] = cpu->seg[S_ES] = segment_of(&c->segs->data, sel + 8, false);
        cpu->seg[S_SS] = segment_of(&c->segs->stack, sel + 16, false);
    }
    cpu->cpl = 3;
    tlb_select(cpu);
    cpu_update_mode(cpu);
}

static void load_state(const FuzzState *in)
{
    memcpy(cpu->gpr, in->gpr, sizeof(in->gpr));
    cpu->rip = in->rip;
    cpu->eflags = (in->eflags & ~FL_ARITH) | FL_IF;
    cpu_set_flags(cpu, in->eflags & FL_ARITH);
    fpu_set_fxsave(cpu, in->fx);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(cpu->vec[n].b + 16, in->ymm_high[n], 16);
    }
    cpu->irq_shadow = 0;
    cpu->op = NULL;
    cpu->link_from = NULL;
    cpu->exc_vector = -1;
}

static void store_state(FuzzState *out)
{
    memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
    out->rip = cpu->rip;
    out->eflags = cpu_eflags(cpu);
    memset(out->fx, 0, sizeof(out->fx));
    fpu_get_fxsave(cpu, out->fx);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(out->ymm_high[n], cpu->vec[n].b + 16, 16);
    }
}

/* A long repeated string instruction may come back before it is done. */
static NOINLINE void run_insn(const FuzzCase *c, FuzzState *out)
{
    bool string = insn_info[c->insn.op].cls == CLASS_STRING;

    if (sigsetjmp(cpu->unwind, 0)) {
        if (cpu->op) {
            const Op *op = cpu->op;
            uint64_t rip = cpu->rip + op->i.next - op->i.len;

            cpu->rip = (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? rip : (uint32_t)rip;
        }
        out->vector = cpu->priv->raise_vector;
        out->error = cpu->priv->raise_error;
        out->cr2 = out->vector == EXC_PF ? cpu->cr2 : 0;
    } else {
        do {
            Block *b = block_lookup(cpu);
            const Op *op = b->ops;

            cpu->block = b;
            while (op) {
                op = op->fn(cpu, op);
            }
        } while (c->sequence || (string && cpu->rip == c->in.rip));
    }
}

void fuzz_soft_run(const FuzzCase *c, FuzzMemory *memory, FuzzState *out)
{
    memcpy(ram, *memory, sizeof(*memory));
    smc_invalidate_ram(fuzz_area_offset(AREA_CODE), PAGE);
    memset(out, 0, sizeof(*out));
    out->vector = -1;
    load_state(&c->in);
    set_segments(c);
    atomic_store(&cpu->exit_request, c->sequence ? 0 : EXIT_ONE);
    run_insn(c, out);
    atomic_store(&cpu->exit_request, 0);
    store_state(out);
    out->gs_base = c->in.gs_base;
    memcpy(*memory, ram, sizeof(*memory));
}
