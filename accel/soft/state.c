/* The software CPU's state out into a CpuState and in again, checked */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-state.h"
#include "accel/soft/fpu.h"
#include "accel/soft/soft.h"
#include "accel/soft/sys.h"
#include "accel/vcpu.h"
#include "util/error.h"

#define MSR_TSC        0x10
#define MSR_TSC_ADJUST 0x3b
#define SEG_ATTR_MASK  0xf0ff

_Static_assert(CPU_STATE_XSAVE_BYTES >= XSAVE_SIZE, "image");
_Static_assert((int)CPU_NR_SEGS == (int)NR_SEGS, "segments");

/* Those with a state of their own; what msr.c hides from this model is left out. */
static const struct { uint32_t first, count; } saved_msrs[] = {
    { MSR_TSC, 1 }, { MSR_TSC_ADJUST, 1 }, { 0x48, 1 }, { 0x174, 3 }, { 0x17a, 2 }, { 0x1a0, 1 },
    { 0x200, 16 }, { 0x250, 1 }, { 0x258, 2 }, { 0x268, 8 }, { 0x277, 1 }, { 0x2ff, 1 },
    { 0x400, 40 }, { 0xc0000081, 4 }, { 0xc0000102, 2 },
};

static CpuSegment get_segment(const Segment *s)
{
    return (CpuSegment){ s->base, s->limit, s->sel, s->attr & SEG_ATTR_MASK };
}

static Segment set_segment(const CpuSegment *s)
{
    return (Segment){ s->base, s->limit, s->sel, s->attr & SEG_ATTR_MASK };
}

static void get_msrs(SoftCpu *cpu, CpuState *out)
{
    uint64_t value;

    for (unsigned i = 0; i < ARRAY_SIZE(saved_msrs); i++) {
        for (uint32_t n = 0; n < saved_msrs[i].count; n++) {
            if (msr_read(cpu, saved_msrs[i].first + n, &value)) {
                cpu_state_set_msr(out, saved_msrs[i].first + n, value);
            }
        }
    }
}

static void get_events(SoftCpu *cpu, CpuState *out)
{
    SoftCpuPrivate *p = cpu->priv;
    uint32_t pending = cpu->vcpu ? cpu->vcpu->pending : 0;

    if (p->given == GIVEN_EXCEPTION) {
        out->exception = (CpuException){ .pending = true, .vector = p->given_vector,
                                         .has_error = p->given_has_error,
                                         .error = p->given_error };
    } else if (p->given == GIVEN_INTERRUPT) {
        out->interrupt_injected = true;
        out->interrupt_vector = p->given_vector;
    } else if (p->data_trap) {
        out->exception = (CpuException){ .pending = true, .vector = EXC_DB, .has_payload = true,
                                         .payload = p->dr6_pending };
    }
    out->shadow_sti = cpu->irq_shadow == SHADOW_STI;
    out->shadow_mov_ss = cpu->irq_shadow == SHADOW_SS;
    out->nmi_masked = cpu->nmi_blocked;
    out->nmi_masked_before_smm = p->nmi_before_smm;
    out->nmi_pending = pending & VCPU_NMI;
    out->smi_pending = pending & VCPU_SMI;
    out->init_pending = pending & VCPU_INIT;
    out->sipi_pending = pending & VCPU_SIPI;
    out->mce_pending = pending & VCPU_MCE;
    out->sipi_vector = cpu->vcpu ? cpu->vcpu->sipi_vector : 0;
    out->smm = cpu->smm;
    out->smbase = cpu->smbase;
    out->run_state = p->wait_sipi ? CPU_WAITS_FOR_SIPI : cpu->halted ? CPU_HALTED : CPU_RUNS;
}

void soft_get_state(SoftCpu *cpu, CpuState *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
    out->rip = cpu->rip;
    out->rflags = cpu_eflags(cpu);
    for (int i = 0; i < NR_SEGS; i++) {
        out->seg[i] = get_segment(&cpu->seg[i]);
    }
    out->ldt = get_segment(&cpu->ldt);
    out->tr = get_segment(&cpu->tr);
    out->gdt.base = cpu->gdt.base;
    out->gdt.limit = cpu->gdt.limit;
    out->idt.base = cpu->idt.base;
    out->idt.limit = cpu->idt.limit;
    out->cr0 = cpu->cr0;
    out->cr2 = cpu->cr2;
    out->cr3 = cpu->cr3;
    out->cr4 = cpu->cr4;
    out->efer = cpu->efer;
    out->xcr0 = cpu->xcr0;
    if (cpu->vcpu && cpu->vcpu->irq) {
        out->cr8 = vcpu_get_tpr(cpu->vcpu);
        out->apic_base = vcpu_get_apic_base(cpu->vcpu);
    }
    memcpy(out->dr, cpu->dr, sizeof(out->dr));
    get_msrs(cpu, out);
    get_events(cpu, out);
    fpu_get_xsave(cpu, out->xsave);
}

/* Combinations that no CPU can be in (SDM vol. 3, 2.5 and 10.8.5). */
static bool check(SoftCpu *cpu, const CpuState *in, Error **errp)
{
    const SoftCpuPrivate *p = cpu->priv;
    bool paging = in->cr0 & CR0_PG, lma = in->efer & EFER_LMA;

    if (in->nested_bytes) {
        error_set(errp, "CPU %u: a hypervisor runs in the guest, and the software CPU has neither "
                  "VMX nor SVM", p->index);
        return false;
    }
    if (in->cr4 & ~p->cr4_allowed) {
        error_set(errp, "CPU %u: CR4 0x%" PRIx64 " has bits that its model lacks: 0x%" PRIx64,
                  p->index, in->cr4, in->cr4 & ~p->cr4_allowed);
        return false;
    }
    if (in->efer & ~(p->efer_allowed | EFER_LMA)) {
        error_set(errp, "CPU %u: EFER 0x%" PRIx64 " has bits that its model lacks: 0x%" PRIx64,
                  p->index, in->efer, in->efer & ~p->efer_allowed);
        return false;
    }
    if (in->xcr0 & ~p->xcr0_allowed) {
        error_set(errp, "CPU %u: XCR0 0x%" PRIx64 " has components that its model lacks: 0x%"
                  PRIx64, p->index, in->xcr0, in->xcr0 & ~p->xcr0_allowed);
        return false;
    }
    if ((in->cr0 >> 32) || (paging && !(in->cr0 & CR0_PE)) ||
        ((in->cr0 & CR0_NW) && !(in->cr0 & CR0_CD)) || (in->xcr0 && !(in->xcr0 & 1)) ||
        (in->xcr0 & 6) == 4 || lma != (paging && (in->efer & EFER_LME)) ||
        (lma && !(in->cr4 & CR4_PAE)) || ((in->cr4 & CR4_PCIDE) && !lma) ||
        ((in->rflags & FL_VM) && (!(in->cr0 & CR0_PE) || lma))) {
        error_set(errp, "CPU %u: no CPU is in the state CR0 0x%" PRIx64 " CR4 0x%" PRIx64
                  " EFER 0x%" PRIx64 " XCR0 0x%" PRIx64 " RFLAGS 0x%" PRIx64, p->index, in->cr0,
                  in->cr4, in->efer, in->xcr0, in->rflags);
        return false;
    }
    return true;
}

static bool put_msr(SoftCpu *cpu, const CpuMsr *msr, bool clocks, Error **errp)
{
    uint64_t now;

    if (msr->number == MSR_TSC || msr->number == MSR_TSC_ADJUST) {
        if (clocks && msr->number == MSR_TSC) {
            cpu->tsc_offset += (int64_t)(msr->value - cpu_rdtsc(cpu));
        } else if (clocks) {
            cpu->tsc_adjust = msr->value;
        }
        return true;
    }
    if (msr_read(cpu, msr->number, &now) ? now != msr->value && !msr_write(cpu, msr->number,
                                                                           msr->value)
                                         : msr->value != 0) {
        error_set(errp, "CPU %u: MSR 0x%x cannot be 0x%" PRIx64 " on the software CPU",
                  cpu->priv->index, msr->number, msr->value);
        return false;
    }
    return true;
}

static void put_events(SoftCpu *cpu, const CpuState *in)
{
    static const uint32_t mask = VCPU_NMI | VCPU_SMI | VCPU_INIT | VCPU_SIPI | VCPU_MCE;
    SoftCpuPrivate *p = cpu->priv;
    const CpuException *ex = &in->exception;

    p->data_trap = false;
    p->dr6_pending = 0;
    p->given = GIVEN_NONE;
    if (ex->pending || ex->injected) {
        p->given = GIVEN_EXCEPTION;
        p->given_vector = ex->vector;
        p->given_has_error = ex->has_error;
        p->given_error = ex->error;
        if (ex->has_payload && ex->vector == EXC_DB) {
            cpu->dr[6] = (cpu->dr[6] & ~0xfULL) | (ex->payload & 0xe00f);
        } else if (ex->has_payload && ex->vector == EXC_PF) {
            cpu->cr2 = ex->payload;
        }
    } else if (in->interrupt_injected && !in->interrupt_soft) {
        /* A software one is at its INT n still, which runs again. */
        p->given = GIVEN_INTERRUPT;
        p->given_vector = in->interrupt_vector;
    }
    cpu->irq_shadow = in->shadow_mov_ss ? SHADOW_SS : in->shadow_sti ? SHADOW_STI : 0;
    cpu->nmi_blocked = in->nmi_masked;
    p->nmi_before_smm = in->nmi_masked_before_smm;
    cpu->smm = in->smm;
    if (in->smbase) {
        cpu->smbase = in->smbase;
    }
    p->wait_sipi = in->run_state == CPU_WAITS_FOR_SIPI || in->run_state == CPU_WAITS_FOR_INIT;
    cpu->halted = in->run_state != CPU_RUNS;
    if (cpu->vcpu) {
        Vcpu *v = cpu->vcpu;

        v->halted = false;      /* soft_cpu_handle_events() knows what there is to wait for */
        v->sipi_vector = in->sipi_vector;
        atomic_fetch_and(&v->pending, ~mask);
        atomic_fetch_or(&v->pending, (in->nmi_pending || in->nmi_injected ? VCPU_NMI : 0) |
                        (in->smi_pending ? VCPU_SMI : 0) | (in->init_pending ? VCPU_INIT : 0) |
                        (in->sipi_pending ? VCPU_SIPI : 0) | (in->mce_pending ? VCPU_MCE : 0));
    }
    if (in->nmi_injected) {
        cpu->nmi_blocked = 0;   /* it is that NMI which blocks, and it is delivered anew */
    }
}

static void put_registers(SoftCpu *cpu, const CpuState *in)
{
    memcpy(cpu->gpr, in->gpr, sizeof(in->gpr));
    cpu->rip = in->rip;
    cpu_set_flags(cpu, in->rflags & FL_ARITH);
    cpu->eflags = in->rflags & (0x3f7fd7 & ~(FL_ARITH | 2));
    for (int i = 0; i < NR_SEGS; i++) {
        cpu->seg[i] = set_segment(&in->seg[i]);
    }
    cpu->ldt = set_segment(&in->ldt);
    cpu->tr = set_segment(&in->tr);
    cpu->gdt.base = in->gdt.base;
    cpu->gdt.limit = in->gdt.limit;
    cpu->idt.base = in->idt.base;
    cpu->idt.limit = in->idt.limit;
    cpu->cr0 = (in->cr0 & 0xe005003fULL) | CR0_ET;
    cpu->cr2 = in->cr2;
    cpu->cr3 = in->cr3;
    cpu->cr4 = in->cr4;
    cpu->efer = in->efer;
    cpu->xcr0 = in->xcr0 | 1;
    cpu->cpl = cpu_state_cpl(in);
    for (int i = 0; i < 4; i++) {
        cpu->dr[i] = in->dr[i];
    }
    debug_write_dr(cpu, 6, in->dr[6]);
    debug_write_dr(cpu, 7, in->dr[7]);
}

/* The device's base, where it is not that already: through all steps that it may take. */
static bool put_apic_base(SoftCpu *cpu, uint64_t base, Error **errp)
{
    const uint64_t enable = BIT64(11), x2 = BIT64(10);

    cpu->apic_base = base;
    if (!cpu->vcpu || !cpu->vcpu->irq || vcpu_get_apic_base(cpu->vcpu) == base) {
        return true;
    }
    if (vcpu_set_apic_base(cpu->vcpu, base & ~(enable | x2)) &&
        (!(base & enable) || vcpu_set_apic_base(cpu->vcpu, base & ~x2)) &&
        (!(base & x2) || vcpu_set_apic_base(cpu->vcpu, base))) {
        return true;
    }
    error_set(errp, "CPU %u: its APIC cannot be at base 0x%" PRIx64, cpu->priv->index, base);
    return false;
}

bool soft_put_state(SoftCpu *cpu, const CpuState *in, bool clocks, Error **errp)
{
    if (!check(cpu, in, errp) || !fpu_set_xsave(cpu, in->xsave)) {
        if (errp && !*errp) {
            error_set(errp, "CPU %u: the image of its FPU has components that its model lacks",
                      cpu->priv->index);
        }
        return false;
    }
    put_registers(cpu, in);
    if (cpu->vcpu && cpu->vcpu->irq && cpu->vcpu->irq->set_base &&
        !put_apic_base(cpu, in->apic_base, errp)) {
        return false;
    }
    if (cpu->vcpu && cpu->vcpu->irq && vcpu_get_tpr(cpu->vcpu) != (in->cr8 & 15)) {
        vcpu_set_tpr(cpu->vcpu, in->cr8);
    }
    for (unsigned i = 0; i < in->nr_msrs; i++) {
        if (!put_msr(cpu, &in->msrs[i], clocks, errp)) {
            return false;
        }
    }
    put_events(cpu, in);
    cpu->exc_vector = -1;
    cpu->op = NULL;
    cpu->link_from = NULL;
    cpu->priv->ext = 0;
    cpu->priv->db_is_fault = cpu->priv->step_suppress = false;
    tlb_flush_all(cpu);
    if ((cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE) && !(cpu->efer & EFER_LMA)) {
        mmu_load_pdptes(cpu, cpu->cr3);
    }
    tlb_load_cr3(cpu, true);
    tlb_select(cpu);
    cpu_update_mode(cpu);
    return true;
}
