/* kvm-apic, kvm-i8259, kvm-ioapic, kvm-pit: chips of the kernel's with our chips' state tables */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/intc/apic-int.h"
#include "hw/intc/i8259-int.h"
#include "hw/intc/ioapic-int.h"
#include "hw/intc/kvm-irqchip.h"
#include "hw/timer/i8254-int.h"
#include "util/bswap.h"

/* The kernel's interface, include/uapi/asm/kvm.h on x86: places within each chip's bytes. */
enum {
    PIC_LAST_IRR, PIC_IRR, PIC_IMR, PIC_ISR, PIC_PRIORITY_ADD, PIC_BASE, PIC_READ_ISR, PIC_POLL,
    PIC_SPECIAL_MASK, PIC_INIT_STATE, PIC_AUTO_EOI, PIC_ROTATE_AEOI, PIC_SPECIAL_NESTED,
    PIC_INIT4, PIC_ELCR, PIC_ELCR_MASK,
};
enum { IOAPIC_ADDRESS = 0, IOAPIC_SELECT = 8, IOAPIC_ID = 12, IOAPIC_IRR = 16, IOAPIC_TABLE = 24 };
enum {
    PIT_COUNT = 0, PIT_LATCH = 4, PIT_COUNT_LATCHED = 6, PIT_STATUS_LATCHED, PIT_STATUS,
    PIT_READ_STATE, PIT_WRITE_STATE, PIT_WRITE_LATCH, PIT_RW_MODE, PIT_MODE, PIT_BCD, PIT_GATE,
    PIT_LOAD_TIME = 16, PIT_CHANNEL_BYTES = 24, PIT_FLAGS = 72,
    PIT_FLAGS_HPET_LEGACY = 1, PIT_FLAGS_SPEAKER = 2,
};
/* PIT_READ_STATE and PIT_WRITE_STATE: what of a word comes next. */
enum { PIT_STATE_LOW = 1, PIT_STATE_HIGH, PIT_STATE_WORD0, PIT_STATE_WORD1 };

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

static bool apic_store(Device *dev, Error **errp)
{
    Apic *s = DEVICE_OF(dev, Apic);
    uint8_t regs[IRQCHIP_LAPIC_BYTES];

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

static Device *create(const char *type, const char *name)
{
    Device *dev = device_new(type);
    Error *err = NULL;

    if (name) {
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
    Device *dev = create("kvm-apic", NULL);
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
    DEVICE_OF(create("kvm-i8259", NULL), I8259)->master = true;
    create("kvm-i8259", NULL);
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
    return create("kvm-ioapic", "ioapic");
}

/* PIT */

static bool counts_on(const Counter *c)
{
    return c->gate || c->mode == 1 || c->mode == 5;
}

/* The kernel stamps a load with CLOCK_MONOTONIC, as our host clock counts. */
static int64_t to_host_ns(int64_t virtual_ns)
{
    return virtual_ns - clock_ns(CLOCK_TYPE_VIRTUAL) + g_get_monotonic_time() * 1000;
}

static int64_t to_virtual_ns(int64_t host_ns)
{
    return host_ns - g_get_monotonic_time() * 1000 + clock_ns(CLOCK_TYPE_VIRTUAL);
}

static void counter_fetch(Counter *c, const uint8_t *r)
{
    uint32_t count = ld32_le(r + PIT_COUNT);

    memset(c, 0, sizeof(*c));
    c->count = count && count <= 0x10000 ? count : 0x10000;
    c->latch = ld16_le(r + PIT_LATCH);
    c->latched_bytes = MIN(r[PIT_COUNT_LATCHED], 2);
    c->status_latched = r[PIT_STATUS_LATCHED];
    c->status = r[PIT_STATUS];
    c->access = r[PIT_RW_MODE] & 3;
    c->read_high_next = r[PIT_READ_STATE] == PIT_STATE_WORD1;
    c->write_high_next = r[PIT_WRITE_STATE] == PIT_STATE_WORD1;
    c->write_low = r[PIT_WRITE_LATCH];
    c->mode = r[PIT_MODE] > 5 ? r[PIT_MODE] & 3 : r[PIT_MODE];
    c->bcd = r[PIT_BCD];
    c->gate = r[PIT_GATE];
    c->running = counts_on(c);
    c->triggered = c->running && (c->mode == 1 || c->mode == 5);
    c->start_ns = to_virtual_ns(ld64_le(r + PIT_LOAD_TIME));
}

static void counter_store(const Counter *c, uint8_t *r)
{
    uint8_t once = c->access == ACCESS_HIGH ? PIT_STATE_HIGH : PIT_STATE_LOW;
    bool word = c->access == ACCESS_WORD;

    st32_le(r + PIT_COUNT, c->count);
    st16_le(r + PIT_LATCH, c->latch);
    r[PIT_COUNT_LATCHED] = c->latched_bytes;
    r[PIT_STATUS_LATCHED] = c->status_latched;
    r[PIT_STATUS] = c->status;
    r[PIT_RW_MODE] = c->access;
    r[PIT_READ_STATE] = !word ? once : c->read_high_next ? PIT_STATE_WORD1 : PIT_STATE_WORD0;
    r[PIT_WRITE_STATE] = !word ? once : c->write_high_next ? PIT_STATE_WORD1 : PIT_STATE_WORD0;
    r[PIT_WRITE_LATCH] = c->write_low;
    r[PIT_MODE] = c->mode;
    r[PIT_BCD] = c->bcd;
    r[PIT_GATE] = c->gate;
    st64_le(r + PIT_LOAD_TIME, to_host_ns(c->start_ns));
}

static bool pit_fetch(Device *dev, Error **errp)
{
    I8254 *s = DEVICE_OF(dev, I8254);
    uint8_t r[IRQCHIP_PIT_BYTES];

    if (!accel_irqchip()->get_pit(r)) {
        return failed("tell", "kvm-pit", errp);
    }
    for (unsigned n = 0; n < 3; n++) {
        counter_fetch(&s->counter[n], r + n * PIT_CHANNEL_BYTES);
    }
    s->irq_enabled = !(ld32_le(r + PIT_FLAGS) & PIT_FLAGS_HPET_LEGACY);
    return true;
}

static bool pit_store(Device *dev, Error **errp)
{
    I8254 *s = DEVICE_OF(dev, I8254);
    uint8_t r[IRQCHIP_PIT_BYTES] = {};

    for (unsigned n = 0; n < 3; n++) {
        counter_store(&s->counter[n], r + n * PIT_CHANNEL_BYTES);
    }
    st32_le(r + PIT_FLAGS, s->irq_enabled ? 0 : PIT_FLAGS_HPET_LEGACY);
    return accel_irqchip()->put_pit(r) || failed("take", "kvm-pit", errp);
}

static void pit_reset(Device *dev)
{
    I8254 *s = DEVICE_OF(dev, I8254);

    for (unsigned n = 0; n < 3; n++) {
        s->counter[n] = (Counter){
            .gate = n != 2, .mode = 3, .access = ACCESS_WORD, .count = 0x10000,
            .start_ns = clock_ns(CLOCK_TYPE_VIRTUAL),
        };
    }
    s->irq_enabled = true;
    pit_store(dev, NULL);
}

static void pit_enable(void *opaque, int n, int level)
{
    I8254 *s = opaque;
    uint8_t r[IRQCHIP_PIT_BYTES];

    s->irq_enabled = level;
    if (accel_irqchip()->get_pit(r)) {
        uint32_t flags = ld32_le(r + PIT_FLAGS) & ~PIT_FLAGS_HPET_LEGACY;

        st32_le(r + PIT_FLAGS, flags | (level ? 0 : PIT_FLAGS_HPET_LEGACY));
        accel_irqchip()->put_pit(r);
    }
}

static bool kvm_pit_realize(Device *dev, Error **errp)
{
    device_init_irq_in(dev, pit_enable, 1);
    return true;
}

static const DeviceType kvm_pit_type = {
    .name = "kvm-pit", .desc = "interval timer in the kernel", .internal = true,
    .size = sizeof(I8254), .state = i8254_state, .realize = kvm_pit_realize, .reset = pit_reset,
    .fetch_state = pit_fetch, .store_state = pit_store,
};
REGISTER_DEVICE(kvm_pit_type)

Device *kvm_pit_create(void)
{
    return create("kvm-pit", NULL);
}
