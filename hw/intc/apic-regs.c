/* apic: its registers, as a memory page (xAPIC) and as MSRs (x2APIC) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/intc/apic-int.h"
#include "util/trace.h"

static uint32_t id_register(const Apic *s)
{
    return apic_is_x2(s) ? s->initial_id : (uint32_t)s->id << 24;
}

/* What both ways of access read; false: no such register. */
static bool reg_read(Apic *s, unsigned reg, uint32_t *value)
{
    switch (reg) {
    case REG_ID:
        *value = id_register(s);
        break;
    case REG_VERSION:
        *value = s->version | (NR_LVT - 1) << 16;
        break;
    case REG_TPR:
        *value = s->tpr;
        break;
    case REG_PPR:
        *value = apic_ppr(s);
        break;
    case REG_LDR:
        *value = apic_logical_id(s);
        break;
    case REG_SVR:
        *value = s->svr;
        break;
    case REG_ISR ... REG_ISR + 7:
        *value = s->isr[reg - REG_ISR];
        break;
    case REG_TMR ... REG_TMR + 7:
        *value = s->tmr[reg - REG_TMR];
        break;
    case REG_IRR ... REG_IRR + 7:
        *value = s->irr[reg - REG_IRR];
        break;
    case REG_ESR:
        *value = s->esr;
        break;
    case REG_ICR:
        *value = s->icr;
        break;
    case REG_LVT ... REG_LVT + NR_LVT - 1:
        *value = s->lvt[reg - REG_LVT];
        break;
    case REG_INITIAL:
        *value = s->initial_count;
        break;
    case REG_CURRENT:
        *value = apic_timer_current(s);
        break;
    case REG_DIVIDE:
        *value = s->divide;
        break;
    default:
        return false;
    }
    return true;
}

/* What both ways of access write; false: no such register, or read-only. */
static bool reg_write(Apic *s, unsigned reg, uint32_t value)
{
    switch (reg) {
    case REG_TPR:
        apic_set_tpr(s, value);
        break;
    case REG_EOI:
        apic_eoi_write(s);
        break;
    case REG_SVR:
        apic_write_svr(s, value);
        break;
    case REG_ESR:
        s->esr = s->errors;
        s->errors = 0;
        break;
    case REG_LVT ... REG_LVT + NR_LVT - 1:
        apic_write_lvt(s, reg - REG_LVT, value);
        break;
    case REG_INITIAL:
        apic_timer_set_initial(s, value);
        break;
    case REG_DIVIDE:
        apic_timer_set_divide(s, value);
        break;
    default:
        return false;
    }
    return true;
}

/* The APIC that answers at the page of opaque for whoever accesses it, or NULL. */
static Apic *accessed(void *opaque)
{
    Apic *page = opaque;
    Vcpu *cpu = vcpu_current() ? vcpu_current() : vcpu_get(0);
    Apic *s = cpu ? apic_of(cpu) : NULL;
    uint64_t base = page ? page->base & BASE_ADDR : APIC_BASE_DEFAULT;

    if (!s || !apic_hw_enabled(s) || apic_is_x2(s) || (s->base & BASE_ADDR) != base) {
        return NULL;
    }
    return s;
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    Apic *s = accessed(opaque);
    uint32_t value = 0;

    if (!s || offset >= 0x1000) {
        return UINT32_MAX;
    }
    if (offset & 0xf) {
        return 0;
    }
    switch (offset >> 4) {
    case REG_APR:
        value = 0;
        break;
    case REG_DFR:
        value = s->dfr;
        break;
    case REG_ICR_HIGH:
        value = s->icr >> 32;
        break;
    case REG_EOI:
        break;
    default:
        if (!reg_read(s, offset >> 4, &value)) {
            apic_error(s, ESR_ILLEGAL_REGISTER);
        }
        break;
    }
    TRACE(apic_read, "cpu %u reg 0x%03x value 0x%08x", s->cpu->index, (int)offset, value);
    return value;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Apic *s = accessed(opaque);

    if (offset >= 0x1000) {
        apic_deliver_msi(APIC_BASE_DEFAULT + offset, value);
        return;
    }
    if (!s || (offset & 0xf)) {
        return;
    }
    TRACE(apic_write, "cpu %u reg 0x%03x value 0x%08x", s->cpu->index, (int)offset,
          (uint32_t)value);
    switch (offset >> 4) {
    case REG_ID:
        s->id = value >> 24;
        break;
    case REG_LDR:
        s->ldr = value & 0xff000000;
        break;
    case REG_DFR:
        s->dfr = value | 0x0fffffff;
        break;
    case REG_ICR:
        s->icr = (s->icr & 0xffffffff00000000ULL) | (value & 0x000ccfff);
        apic_send_icr(s);
        break;
    case REG_ICR_HIGH:
        s->icr = (value & 0xff000000) << 32 | (uint32_t)s->icr;
        break;
    default:
        if (!reg_write(s, offset >> 4, value)) {
            apic_error(s, ESR_ILLEGAL_REGISTER);
        }
        break;
    }
}

const IoOps apic_io = {
    .read = mmio_read, .write = mmio_write, .min_size = 4, .max_size = 4,
};

bool apic_msr_read(void *opaque, uint32_t msr, uint64_t *value)
{
    Apic *s = opaque;
    uint32_t low;

    if (msr == MSR_TSC_DEADLINE) {
        *value = s->tsc_deadline;
        return true;
    }
    if (!apic_is_x2(s) || msr < MSR_X2APIC || msr > MSR_X2APIC + REG_SELF_IPI) {
        return false;
    }
    if (msr == MSR_X2APIC + REG_ICR) {
        *value = s->icr;
        return true;
    }
    if (!reg_read(s, msr - MSR_X2APIC, &low)) {
        return false;
    }
    *value = low;
    return true;
}

/* Bits a WRMSR may set; others are #GP (SDM vol. 3, 11.12.1.3). */
static uint32_t writable_bits(unsigned reg)
{
    switch (reg) {
    case REG_TPR:
    case REG_SELF_IPI:
        return 0xff;
    case REG_SVR:
        return 0x1ff;
    case REG_EOI:
    case REG_ESR:
        return 0;
    case REG_LVT + LVT_TIMER:
        return 0x710ff;
    case REG_LVT + LVT_THERMAL:
    case REG_LVT + LVT_PERF:
        return 0x117ff;
    case REG_LVT + LVT_LINT0:
    case REG_LVT + LVT_LINT1:
        return 0x1f7ff;
    case REG_LVT + LVT_ERROR:
        return 0x110ff;
    case REG_DIVIDE:
        return 0xb;
    default:
        return UINT32_MAX;
    }
}

bool apic_msr_write(void *opaque, uint32_t msr, uint64_t value)
{
    Apic *s = opaque;
    unsigned reg = msr - MSR_X2APIC;

    if (msr == MSR_TSC_DEADLINE) {
        apic_timer_set_deadline(s, value);
        return true;
    }
    if (!apic_is_x2(s) || msr < MSR_X2APIC || reg > REG_SELF_IPI) {
        return false;
    }
    TRACE(apic_wrmsr, "cpu %u msr 0x%x value 0x%" PRIx64, s->cpu->index, msr, value);
    if (reg == REG_ICR) {
        if (value & 0xfff33000) {
            return false;
        }
        s->icr = value;
        apic_send_icr(s);
        return true;
    }
    if (value & ~(uint64_t)writable_bits(reg)) {
        return false;
    }
    if (reg == REG_SELF_IPI) {
        apic_self_ipi(s, value);
        return true;
    }
    return reg_write(s, reg, value);
}
