/* System management mode: SMI, the save map, RSM */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/mem.h"
#include "accel/soft/seg.h"

/* The 64-bit save map, AMD APM vol. 2, table 10-1: offsets from SMBASE + 0x8000. */
enum {
    SAVE_SEGS = 0x7e00, SAVE_GDTR = 0x7e60, SAVE_LDTR = 0x7e70, SAVE_IDTR = 0x7e80,
    SAVE_TR = 0x7e90, SAVE_HALT = 0x7ec9, SAVE_EFER = 0x7ed0, SAVE_REVISION = 0x7efc,
    SAVE_SMBASE = 0x7f00, SAVE_CR4 = 0x7f48, SAVE_CR3 = 0x7f50, SAVE_CR0 = 0x7f58,
    SAVE_DR7 = 0x7f60, SAVE_DR6 = 0x7f68, SAVE_RFLAGS = 0x7f70, SAVE_RIP = 0x7f78,
    SAVE_GPR = 0x7ff8,      /* RAX; the others below it, RCX first */
};
#define REVISION 0x00020064     /* 64-bit map, SMBASE can be moved */

static uint64_t at(SoftCpu *cpu, unsigned off)
{
    return (uint32_t)(cpu->smbase + 0x8000 + off) & cpu->a20_mask;
}

static void save(SoftCpu *cpu, unsigned off, uint64_t v, unsigned size)
{
    phys_store(cpu, at(cpu, off), v, size);
}

static uint64_t load(SoftCpu *cpu, unsigned off, unsigned size)
{
    return phys_load(cpu, at(cpu, off), size);
}

static void save_segment(SoftCpu *cpu, unsigned off, const Segment *s)
{
    save(cpu, off, s->sel, 2);
    save(cpu, off + 2, (s->attr & 0xff) | (s->attr >> 4 & 0xf00), 2);
    save(cpu, off + 4, s->limit, 4);
    save(cpu, off + 8, s->base, 8);
}

static Segment load_segment(SoftCpu *cpu, unsigned off)
{
    uint16_t attr = load(cpu, off + 2, 2);

    return (Segment){
        .sel = load(cpu, off, 2), .attr = (attr & 0xff) | (attr & 0xf00) << 4,
        .limit = load(cpu, off + 4, 4), .base = load(cpu, off + 8, 8),
    };
}

void smm_enter(SoftCpu *cpu)
{
    cpu->smm = true;
    tlb_flush_all(cpu);
    for (int i = 0; i < NR_SEGS; i++) {
        save_segment(cpu, SAVE_SEGS + i * 16, &cpu->seg[i]);
    }
    save(cpu, SAVE_GDTR + 4, cpu->gdt.limit, 4);
    save(cpu, SAVE_GDTR + 8, cpu->gdt.base, 8);
    save(cpu, SAVE_IDTR + 4, cpu->idt.limit, 4);
    save(cpu, SAVE_IDTR + 8, cpu->idt.base, 8);
    save_segment(cpu, SAVE_LDTR, &cpu->ldt);
    save_segment(cpu, SAVE_TR, &cpu->tr);
    save(cpu, SAVE_HALT, cpu->halted ? 1 : 0, 1);
    save(cpu, SAVE_EFER, cpu->efer, 8);
    save(cpu, SAVE_REVISION, REVISION, 4);
    save(cpu, SAVE_SMBASE, cpu->smbase, 4);
    save(cpu, SAVE_CR4, cpu->cr4, 8);
    save(cpu, SAVE_CR3, cpu->cr3, 8);
    save(cpu, SAVE_CR0, cpu->cr0, 8);
    save(cpu, SAVE_DR7, cpu->dr[7], 8);
    save(cpu, SAVE_DR6, cpu->dr[6], 8);
    save(cpu, SAVE_RFLAGS, cpu_eflags(cpu), 8);
    save(cpu, SAVE_RIP, cpu->rip, 8);
    for (int i = 0; i < 16; i++) {
        /* RAX RCX RDX RBX RSP RBP RSI RDI R8..R15, downwards */
        save(cpu, SAVE_GPR - i * 8, cpu->gpr[i], 8);
    }

    cpu->halted = 0;
    cpu->irq_shadow = 0;
    cpu->link_from = NULL;
    cpu->priv->nmi_before_smm = cpu->nmi_blocked;
    cpu->nmi_blocked = 1;
    cpu->eflags = 0;
    cpu_set_flags(cpu, 0);
    cpu->cr0 &= ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
    cpu->cr4 = 0;
    cpu->efer = 0;
    debug_write_dr(cpu, 7, 0x400);
    for (int i = 0; i < NR_SEGS; i++) {
        cpu->seg[i] = (Segment){ .limit = 0xffffffff, .attr = 0x8093 };
    }
    cpu->seg[S_CS].sel = cpu->smbase >> 4;
    cpu->seg[S_CS].base = cpu->smbase;
    cpu->rip = 0x8000;
    cpu->cpl = 0;
    tlb_flush_all(cpu);
    tlb_select(cpu);
    cpu_update_mode(cpu);
}

void smm_leave(SoftCpu *cpu)
{
    uint64_t flags = load(cpu, SAVE_RFLAGS, 8);
    bool halt;

    for (int i = 0; i < NR_SEGS; i++) {
        cpu->seg[i] = load_segment(cpu, SAVE_SEGS + i * 16);
    }
    cpu->gdt.limit = load(cpu, SAVE_GDTR + 4, 4);
    cpu->gdt.base = load(cpu, SAVE_GDTR + 8, 8);
    cpu->idt.limit = load(cpu, SAVE_IDTR + 4, 4);
    cpu->idt.base = load(cpu, SAVE_IDTR + 8, 8);
    cpu->ldt = load_segment(cpu, SAVE_LDTR);
    cpu->tr = load_segment(cpu, SAVE_TR);
    halt = load(cpu, SAVE_HALT, 1) & 1;
    cpu->efer = load(cpu, SAVE_EFER, 8) & (cpu->priv->efer_allowed | EFER_LMA);
    cpu->cr4 = load(cpu, SAVE_CR4, 8) & cpu->priv->cr4_allowed;
    cpu->cr3 = load(cpu, SAVE_CR3, 8);
    cpu->cr0 = load(cpu, SAVE_CR0, 4) | CR0_ET;
    debug_write_dr(cpu, 7, load(cpu, SAVE_DR7, 8));
    debug_write_dr(cpu, 6, load(cpu, SAVE_DR6, 8));
    for (int i = 0; i < 16; i++) {
        cpu->gpr[i] = load(cpu, SAVE_GPR - i * 8, 8);
    }
    cpu->rip = load(cpu, SAVE_RIP, 8);
    cpu_set_flags(cpu, flags & FL_ARITH);
    cpu->eflags = flags & (0x3f7fd7 & ~(FL_ARITH | 2));
    cpu->smbase = load(cpu, SAVE_SMBASE, 4);

    cpu->smm = false;
    cpu->nmi_blocked = cpu->priv->nmi_before_smm;
    cpu->cpl = cpu->eflags & FL_VM ? 3 : cpu->cr0 & CR0_PE ? SEG_DPL(cpu->seg[S_SS].attr) : 0;
    tlb_flush_all(cpu);
    if ((cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE) && !(cpu->efer & EFER_LMA)) {
        mmu_load_pdptes(cpu, cpu->cr3);
    }
    tlb_load_cr3(cpu, true);
    cpu->halted = halt;
    cpu_update_mode(cpu);
}
