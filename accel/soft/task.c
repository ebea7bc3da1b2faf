/* Hardware task switches through 16- and 32-bit TSSs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/mem.h"
#include "accel/soft/seg.h"

/* Where things lie in a TSS, SDM vol. 3, 8.2.1 and 8.6 */
typedef struct TssLayout {
    uint8_t size;           /* of a register's cell */
    uint8_t ip, flags, gpr, seg, ldt, nr_segs;
    uint32_t min_limit;
} TssLayout;

static const TssLayout tss32 = { 4, 0x20, 0x24, 0x28, 0x48, 0x60, 6, 0x67 };
static const TssLayout tss16 = { 2, 0x0e, 0x10, 0x12, 0x22, 0x2a, 4, 0x2b };

typedef struct TaskState {
    uint32_t cr3, ip, flags, gpr[8];
    uint16_t seg[NR_SEGS], ldt;
    bool debug_trap;
} TaskState;

static uint32_t tss_load(SoftCpu *cpu, const Op *op, uint64_t base, unsigned off, unsigned size)
{
    return mem_load_sys(cpu, op, (uint32_t)(base + off), size);
}

static void read_tss(SoftCpu *cpu, const Op *op, uint64_t base, const TssLayout *l, TaskState *t)
{
    memset(t, 0, sizeof(*t));
    t->ip = tss_load(cpu, op, base, l->ip, l->size);
    t->flags = tss_load(cpu, op, base, l->flags, l->size);
    for (int i = 0; i < 8; i++) {
        t->gpr[i] = tss_load(cpu, op, base, l->gpr + i * l->size, l->size);
        if (l->size == 2) {
            t->gpr[i] |= 0xffff0000;    /* what the upper halves hold is undefined */
        }
    }
    for (unsigned i = 0; i < l->nr_segs; i++) {
        t->seg[i] = tss_load(cpu, op, base, l->seg + i * l->size, 2);
    }
    t->ldt = tss_load(cpu, op, base, l->ldt, 2);
    if (l->size == 4) {
        t->cr3 = tss_load(cpu, op, base, 0x1c, 4);
        t->debug_trap = tss_load(cpu, op, base, 0x64, 2) & 1;
    }
}

static void save_tss(SoftCpu *cpu, const Op *op, uint64_t base, const TssLayout *l,
                     uint32_t ip, uint32_t flags)
{
    mem_store_sys(cpu, op, (uint32_t)(base + l->ip), ip, l->size);
    mem_store_sys(cpu, op, (uint32_t)(base + l->flags), flags, l->size);
    for (int i = 0; i < 8; i++) {
        mem_store_sys(cpu, op, (uint32_t)(base + l->gpr + i * l->size), cpu->gpr[i], l->size);
    }
    for (unsigned i = 0; i < l->nr_segs; i++) {
        mem_store_sys(cpu, op, (uint32_t)(base + l->seg + i * l->size), cpu->seg[i].sel, 2);
    }
}

/* The LDT of the new task. Faults are #TS in its context. */
static void load_ldt(SoftCpu *cpu, uint16_t sel)
{
    Desc d;

    cpu->ldt = (Segment){ .sel = sel };
    if (SEL_NULL(sel)) {
        return;
    }
    if ((sel & 4) || !desc_read(cpu, NULL, sel, &d) || DESC_S(&d) || DESC_TYPE(&d) != SYS_LDT
        || !DESC_P(&d)) {
        cpu_raise_err(cpu, NULL, EXC_TS, sel_error(cpu, sel));
    }
    cpu->ldt = desc_segment(&d, sel);
}

static void load_task_cs(SoftCpu *cpu, uint16_t sel)
{
    Desc d;

    if (SEL_NULL(sel) || !desc_read(cpu, NULL, sel, &d) || !DESC_S(&d) || !DESC_CODE(&d)
        || (DESC_CONFORMING(&d) ? DESC_DPL(&d) > (sel & 3) : DESC_DPL(&d) != (sel & 3))) {
        cpu_raise_err(cpu, NULL, EXC_TS, sel_error(cpu, sel));
    }
    if (!DESC_P(&d)) {
        cpu_raise_err(cpu, NULL, EXC_NP, sel_error(cpu, sel));
    }
    desc_mark_accessed(cpu, NULL, &d);
    seg_set_cs(cpu, &d, sel, sel & 3);
}

static void load_task_data(SoftCpu *cpu, unsigned seg, uint16_t sel)
{
    Desc d;

    if (SEL_NULL(sel)) {
        return;
    }
    if (!desc_read(cpu, NULL, sel, &d) || !DESC_S(&d) || (DESC_CODE(&d) && !DESC_RW(&d))
        || (!(DESC_CODE(&d) && DESC_CONFORMING(&d))
            && (DESC_DPL(&d) < cpu->cpl || DESC_DPL(&d) < (sel & 3)))) {
        cpu_raise_err(cpu, NULL, EXC_TS, sel_error(cpu, sel));
    }
    if (!DESC_P(&d)) {
        cpu_raise_err(cpu, NULL, EXC_NP, sel_error(cpu, sel));
    }
    desc_mark_accessed(cpu, NULL, &d);
    cpu->seg[seg] = desc_segment(&d, sel);
}

/* Load the new task's segments; the switch itself is done, so faults are its own. */
static void load_segments(SoftCpu *cpu, const TaskState *t)
{
    static const uint8_t data[] = { S_ES, S_DS, S_FS, S_GS };

    for (int i = 0; i < NR_SEGS; i++) {     /* all unusable until each has passed its checks */
        cpu->seg[i] = (Segment){ .sel = t->seg[i] };
    }
    if (t->flags & FL_VM) {
        cpu->ldt = (Segment){ .sel = t->ldt };
        cpu->cpl = 3;
        tlb_select(cpu);
        load_ldt(cpu, t->ldt);
        for (int i = 0; i < NR_SEGS; i++) {
            seg_load_real(cpu, i, t->seg[i]);
        }
        return;
    }
    cpu->cpl = t->seg[S_CS] & 3;
    tlb_select(cpu);
    cpu->seg[S_CS].attr = SEG_D;    /* a fault handler that is entered now finds a 32-bit view */
    cpu_update_mode(cpu);
    load_ldt(cpu, t->ldt);
    load_task_cs(cpu, t->seg[S_CS]);
    cpu->seg[S_SS] = seg_check_ss(cpu, NULL, t->seg[S_SS], cpu->cpl, EXC_TS, false);
    for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
        load_task_data(cpu, data[i], t->seg[data[i]]);
    }
}

static void find_tss(SoftCpu *cpu, const Op *op, uint16_t sel, TaskSource source, Desc *d)
{
    int vector = source == TASK_IRET ? EXC_TS : EXC_GP;
    bool busy = source == TASK_IRET;
    unsigned type;

    if (SEL_NULL(sel) || (sel & 4) || !desc_read(cpu, op, sel, d)) {
        cpu_raise_err(cpu, op, vector, sel_error(cpu, sel));
    }
    type = DESC_TYPE(d);
    if (DESC_S(d) || (type & ~8u) != (busy ? SYS_TSS16_BUSY : SYS_TSS16)) {
        cpu_raise_err(cpu, op, vector, sel_error(cpu, sel));
    }
    if (!DESC_P(d)) {
        cpu_raise_err(cpu, op, EXC_NP, sel_error(cpu, sel));
    }
    if (desc_limit(d) < (type & 8 ? tss32 : tss16).min_limit) {
        cpu_raise_err(cpu, op, EXC_TS, sel_error(cpu, sel));
    }
}

static void push_error(SoftCpu *cpu, const TssLayout *l, uint32_t error)
{
    Stack st = stack_current(cpu);

    stack_push(cpu, NULL, &st, error, l->size);
    stack_set_sp(cpu, st.sp, st.width);
}

void task_switch(SoftCpu *cpu, const Op *op, uint16_t sel, TaskSource source, uint64_t next_rip,
                 bool has_error, uint32_t error)
{
    const TssLayout *old_layout = SEG_TYPE(cpu->tr.attr) & 8 ? &tss32 : &tss16, *layout;
    bool nested = source == TASK_CALL || source == TASK_INT;
    uint32_t flags = cpu_eflags(cpu);
    uint16_t old_sel = cpu->tr.sel;
    TaskState t;
    Desc d, old;

    find_tss(cpu, op, sel, source, &d);
    layout = DESC_TYPE(&d) & 8 ? &tss32 : &tss16;
    if (cpu->tr.limit < old_layout->min_limit || !desc_read(cpu, op, old_sel, &old)) {
        cpu_raise_err(cpu, op, EXC_TS, sel_error(cpu, old_sel));
    }
    read_tss(cpu, op, desc_segment(&d, sel).base, layout, &t);

    /* Up to here faults belong to the old task. Probe what is written, then write. */
    tlb_fill(cpu, op, (uint32_t)cpu->tr.base, ACC_WRITE, true);
    tlb_fill(cpu, op, (uint32_t)(cpu->tr.base + old_layout->min_limit), ACC_WRITE, true);
    if (source == TASK_IRET) {
        flags &= ~FL_NT;
    }
    if (source == TASK_JUMP || source == TASK_IRET) {
        desc_set_busy(cpu, op, &old, false);
    }
    save_tss(cpu, op, cpu->tr.base, old_layout, next_rip, flags);
    if (nested) {
        mem_store_sys(cpu, op, (uint32_t)desc_segment(&d, sel).base, old_sel, 2);
        t.flags |= FL_NT;
    }
    if (source != TASK_IRET) {
        desc_set_busy(cpu, op, &d, true);
        d.raw |= BIT64(41);
    }

    /* The commit point. */
    cpu->tr = desc_segment(&d, sel);
    cpu->cr0 |= CR0_TS;
    cpu->dr[7] &= ~0x155ULL;        /* local breakpoints */
    if ((cpu->cr0 & CR0_PG) && layout->size == 4 && t.cr3 != cpu->cr3) {
        if (!(cpu->cr4 & CR4_PAE) || mmu_load_pdptes(cpu, t.cr3)) {
            cpu->cr3 = t.cr3;
            tlb_load_cr3(cpu, true);
        }
    }
    cpu->rip = t.ip;
    cpu_set_flags(cpu, t.flags & FL_ARITH);
    cpu->eflags = t.flags & (FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC
                             | FL_VIF | FL_VIP | FL_ID);
    for (int i = 0; i < 8; i++) {
        cpu->gpr[i] = t.gpr[i];
    }
    load_segments(cpu, &t);
    cpu_update_mode(cpu);
    if (cpu->rip > cpu->seg[S_CS].limit) {
        cpu_raise_err(cpu, NULL, EXC_GP, 0);
    }
    if (has_error) {
        push_error(cpu, layout, error);
    }
    if (t.debug_trap) {
        cpu->dr[6] |= BIT(15);      /* BT */
        cpu_raise(cpu, NULL, EXC_DB);
    }
}
