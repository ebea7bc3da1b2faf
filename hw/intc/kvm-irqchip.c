/* kvm-apic, kvm-i8259, kvm-ioapic: chips of the kernel's with our chips' state tables */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/intc/apic-int.h"
#include "hw/intc/i8259-int.h"
#include "hw/intc/ioapic-int.h"
#include "hw/intc/kvm-irqchip.h"
#include "util/bswap.h"

/* The kernel's interface, include/uapi/asm/kvm.h on x86: places within each chip's bytes. */
enum {
    PIC_LAST_IRR, PIC_IRR, PIC_IMR, PIC_ISR, PIC_PRIORITY_ADD, PIC_BASE, PIC_READ_ISR, PIC_POLL,
    PIC_SPECIAL_MASK, PIC_INIT_STATE, PIC_AUTO_EOI, PIC_ROTATE_AEOI, PIC_SPECIAL_NESTED,
    PIC_INIT4, PIC_ELCR, PIC_ELCR_MASK,
};
enum { IOAPIC_ADDRESS = 0, IOAPIC_SELECT = 8, IOAPIC_ID = 12, IOAPIC_IRR = 16, IOAPIC_TABLE = 24 };

static bool failed(const char *what, const char *name, Error **errp)
{
    error_set(errp, "%s: the kernel does not %s its state", name, what);
    return false;
}

/* Local APIC */

static uint32_t reg_get(const uint8_t *regs, unsigned reg)
{
    return ld32_le(regs + reg * 16);
}

static void reg_put(uint8_t *regs, unsigned reg, uint32_t value)
{
    st32_le(regs + reg * 16, value);
}

static unsigned divide_shift(const Apic *s)
{
    return (((s->divide & 3) | (s->divide >> 1 & 4)) + 1) & 7;
}

static bool apic_fetch(Device *dev, Error **errp)
{
    Apic *s = DEVICE_OF(dev, Apic);
    uint8_t regs[IRQCHIP_LAPIC_BYTES];
    uint32_t current;
    CpuState *cpu = g_new(CpuState, 1);

    if (!accel_irqchip()->get_lapic(s->cpu, regs) || !accel_get_state(s->cpu, cpu)) {
        g_free(cpu);
        return failed("tell", "kvm-apic", errp);
    }
    s->base = cpu->apic_base;
    g_free(cpu);
    s->id = reg_get(regs, REG_ID) >> 24;
    s->tpr = reg_get(regs, REG_TPR);
    s->ldr = reg_get(regs, REG_LDR);
    s->dfr = reg_get(regs, REG_DFR);
    s->svr = reg_get(regs, REG_SVR);
    s->esr = reg_get(regs, REG_ESR);
    s->icr = reg_get(regs, REG_ICR) | (uint64_t)reg_get(regs, REG_ICR_HIGH) << 32;
    for (unsigned i = 0; i < NR_LVT; i++) {
        s->lvt[i] = reg_get(regs, REG_LVT + i);
    }
    for (unsigned i = 0; i < 8; i++) {
        s->isr[i] = reg_get(regs, REG_ISR + i);
        s->tmr[i] = reg_get(regs, REG_TMR + i);
        s->irr[i] = reg_get(regs, REG_IRR + i);
    }
    s->initial_count = reg_get(regs, REG_INITIAL);
    s->divide = reg_get(regs, REG_DIVIDE);
    current = reg_get(regs, REG_CURRENT);
    s->timer_start_ns = clock_ns(CLOCK_TYPE_VIRTUAL) -
                        ((int64_t)(s->initial_count - MIN(current, s->initial_count))
                         << divide_shift(s));
    s->tsc_deadline = accel_irqchip()->get_deadline(s->cpu);
    return true;
}

/* The base is one of the CPU's registers, and decides how the others are read. */
static bool store_base(Apic *s, Error **errp)
{
    CpuState *cpu = g_new(CpuState, 1);
    bool ok = accel_get_state(s->cpu, cpu);

    if (ok && cpu->apic_base != s->base) {
        cpu->apic_base = s->base;
        ok = accel_put_state(s->cpu, cpu, false, errp);
    }
    g_free(cpu);
    return ok;
}

static bool apic_store(Device *dev, Error **errp)
{
    Apic *s = DEVICE_OF(dev, Apic);
    uint8_t regs[IRQCHIP_LAPIC_BYTES];

    if (!store_base(s, errp)) {
        return false;
    }
    /* What we do not have (its version, its number of entries) stays the kernel's. */
    if (!accel_irqchip()->get_lapic(s->cpu, regs)) {
        return failed("take", "kvm-apic", errp);
    }
    reg_put(regs, REG_ID, (uint32_t)s->id << 24);
    reg_put(regs, REG_TPR, s->tpr);
    reg_put(regs, REG_LDR, s->ldr);
    reg_put(regs, REG_DFR, s->dfr);
    reg_put(regs, REG_SVR, s->svr);
    reg_put(regs, REG_ESR, s->esr);
    reg_put(regs, REG_ICR, s->icr);
    reg_put(regs, REG_ICR_HIGH, s->icr >> 32);
    for (unsigned i = 0; i < NR_LVT; i++) {
        reg_put(regs, REG_LVT + i, s->lvt[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        reg_put(regs, REG_ISR + i, s->isr[i]);
        reg_put(regs, REG_TMR + i, s->tmr[i]);
        reg_put(regs, REG_IRR + i, s->irr[i]);
    }
    reg_put(regs, REG_INITIAL, s->initial_count);
    reg_put(regs, REG_DIVIDE, s->divide);
    reg_put(regs, REG_CURRENT, apic_timer_current(s));
    if (!accel_irqchip()->put_lapic(s->cpu, regs)) {
        return failed("take", "kvm-apic", errp);
    }
    accel_irqchip()->put_deadline(s->cpu, s->tsc_deadline);
    return true;
}

static bool no_realize(Device *dev, Error **errp)
{
    return true;
}

/* Its reset is the vCPU's. */
static const DeviceType kvm_apic_type = {
    .name = "kvm-apic", .desc = "local APIC in the kernel", .internal = true,
    .category = CATEGORY_CPU, .size = sizeof(Apic), .state = apic_state, .realize = no_realize,
    .fetch_state = apic_fetch, .store_state = apic_store,
};
REGISTER_DEVICE(kvm_apic_type)

static Device *create(const char *type, const char *name, Object *owner)
{
    Device *dev = device_new(type);
    Error *err = NULL;

    if (owner) {
        object_add_child(owner, name, &dev->obj);
    } else if (name) {
        device_set_name(dev, name);
    }
    if (!device_realize(dev, NULL, &err)) {
        g_error("%s: %s", type, error_text(err));
    }
    object_unref(&dev->obj);
    return dev;
}

Device *kvm_apic_create(Vcpu *cpu)
{
    Device *dev = create("kvm-apic", "lapic", cpu->owner);
    Apic *s = DEVICE_OF(dev, Apic);

    s->cpu = cpu;
    s->initial_id = cpu->apic_id;
    s->id = cpu->apic_id;
    return dev;
}

/* PIC */

static IrqchipId pic_id(const I8259 *s)
{
    return s->master ? IRQCHIP_PIC_MASTER : IRQCHIP_PIC_SLAVE;
}

static bool pic_fetch(Device *dev, Error **errp)
{
    I8259 *s = DEVICE_OF(dev, I8259);
    uint8_t r[IRQCHIP_STATE_BYTES];

    if (!accel_irqchip()->get_chip(pic_id(s), r)) {
        return failed("tell", "kvm-i8259", errp);
    }
    s->lines = r[PIC_LAST_IRR];
    s->irr = r[PIC_IRR];
    s->imr = r[PIC_IMR];
    s->isr = r[PIC_ISR];
    s->elcr = r[PIC_ELCR];
    s->vector_base = r[PIC_BASE];
    s->lowest = (r[PIC_PRIORITY_ADD] + 7) & 7;
    s->expect = MIN(r[PIC_INIT_STATE], EXPECT_ICW4);
    s->needs_icw4 = r[PIC_INIT4];
    s->auto_eoi = r[PIC_AUTO_EOI];
    s->rotate_aeoi = r[PIC_ROTATE_AEOI];
    s->special_nested = r[PIC_SPECIAL_NESTED];
    s->special_mask = r[PIC_SPECIAL_MASK];
    s->read_isr = r[PIC_READ_ISR];
    s->poll = r[PIC_POLL];
    return true;
}

static bool pic_store(Device *dev, Error **errp)
{
    I8259 *s = DEVICE_OF(dev, I8259);
    uint8_t r[IRQCHIP_STATE_BYTES] = {};

    r[PIC_LAST_IRR] = s->lines;
    r[PIC_IRR] = s->irr;
    r[PIC_IMR] = s->imr;
    r[PIC_ISR] = s->isr;
    r[PIC_ELCR] = s->elcr;
    r[PIC_ELCR_MASK] = s->master ? 0xf8 : 0xde;
    r[PIC_BASE] = s->vector_base;
    r[PIC_PRIORITY_ADD] = (s->lowest + 1) & 7;
    r[PIC_INIT_STATE] = s->expect;
    r[PIC_INIT4] = s->needs_icw4;
    r[PIC_AUTO_EOI] = s->auto_eoi;
    r[PIC_ROTATE_AEOI] = s->rotate_aeoi;
    r[PIC_SPECIAL_NESTED] = s->special_nested;
    r[PIC_SPECIAL_MASK] = s->special_mask;
    r[PIC_READ_ISR] = s->read_isr;
    r[PIC_POLL] = s->poll;
    return accel_irqchip()->put_chip(pic_id(s), r) || failed("take", "kvm-i8259", errp);
}

static void pic_reset(Device *dev)
{
    I8259 *s = DEVICE_OF(dev, I8259);

    s->lines = s->irr = s->imr = s->isr = s->elcr = s->vector_base = 0;
    s->lowest = 7;
    s->expect = EXPECT_OCW1;
    s->needs_icw4 = s->auto_eoi = s->rotate_aeoi = s->special_nested = s->special_mask = false;
    s->read_isr = s->poll = false;
    pic_store(dev, NULL);
}

static const DeviceType kvm_i8259_type = {
    .name = "kvm-i8259", .desc = "interrupt controller in the kernel", .internal = true,
    .size = sizeof(I8259), .state = i8259_state, .realize = no_realize, .reset = pic_reset,
    .fetch_state = pic_fetch, .store_state = pic_store,
};
REGISTER_DEVICE(kvm_i8259_type)

void kvm_i8259_create_pair(void)
{
    DEVICE_OF(create("kvm-i8259", NULL, NULL), I8259)->master = true;
    create("kvm-i8259", NULL, NULL);
}

/* I/O APIC */

static bool ioapic_fetch(Device *dev, Error **errp)
{
    Ioapic *s = DEVICE_OF(dev, Ioapic);
    uint8_t r[IRQCHIP_STATE_BYTES];

    if (!accel_irqchip()->get_chip(IRQCHIP_IOAPIC, r)) {
        return failed("tell", "kvm-ioapic", errp);
    }
    s->select = r[IOAPIC_SELECT];
    s->id = r[IOAPIC_ID];
    s->lines = ld32_le(r + IOAPIC_IRR);
    for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
        s->table[pin] = ld64_le(r + IOAPIC_TABLE + 8 * pin);
    }
    return true;
}

static bool ioapic_store(Device *dev, Error **errp)
{
    Ioapic *s = DEVICE_OF(dev, Ioapic);
    uint8_t r[IRQCHIP_STATE_BYTES] = {};

    st64_le(r + IOAPIC_ADDRESS, IOAPIC_BASE);
    st32_le(r + IOAPIC_SELECT, s->select);
    st32_le(r + IOAPIC_ID, s->id);
    st32_le(r + IOAPIC_IRR, s->lines);
    for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
        st64_le(r + IOAPIC_TABLE + 8 * pin, s->table[pin]);
    }
    return accel_irqchip()->put_chip(IRQCHIP_IOAPIC, r) || failed("take", "kvm-ioapic", errp);
}

static void kvm_ioapic_reset(Device *dev)
{
    Ioapic *s = DEVICE_OF(dev, Ioapic);

    s->id = s->select = 0;
    s->lines = 0;
    for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
        s->table[pin] = RTE_MASKED;
    }
    ioapic_store(dev, NULL);
}

static void set_gsi(void *opaque, int n, int level)
{
    accel_irqchip()->set_line(n, level);
}

static bool kvm_ioapic_realize(Device *dev, Error **errp)
{
    device_init_irq_in(dev, set_gsi, IOAPIC_NR_PINS);
    return true;
}

static const DeviceType kvm_ioapic_type = {
    .name = "kvm-ioapic", .desc = "I/O APIC in the kernel", .internal = true,
    .size = sizeof(Ioapic), .state = ioapic_state, .realize = kvm_ioapic_realize,
    .reset = kvm_ioapic_reset, .fetch_state = ioapic_fetch, .store_state = ioapic_store,
};
REGISTER_DEVICE(kvm_ioapic_type)

Device *kvm_ioapic_create(void)
{
    return create("kvm-ioapic", "ioapic", NULL);
}
