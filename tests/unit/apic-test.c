/* apic: what the CPU's side sees: acknowledge, priorities, x2APIC, TSC deadline, INIT */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/intc/apic.h"
#include "memory/vm-lock.h"
#include "util/clock.h"

enum { BASE_ENABLE = 1 << 11, BASE_X2 = 1 << 10, BASE_BSP = 1 << 8 };
enum { X2_ID = 0x802, X2_TPR = 0x808, X2_EOI = 0x80b, X2_LDR = 0x80d, X2_SVR = 0x80f,
       X2_ISR = 0x810, X2_IRR = 0x820, X2_ICR = 0x830, X2_TIMER = 0x832, X2_LINT0 = 0x835,
       X2_LINT1 = 0x836, X2_SELF = 0x83f, TSC_DEADLINE = 0x6e0 };

static Vcpu *cpus[3];
static int pic_vector;

static uint64_t rdmsr(Vcpu *cpu, uint32_t msr)
{
    uint64_t value;

    g_assert_true(vcpu_apic_msr_read(cpu, msr, &value));
    return value;
}

static void wrmsr(Vcpu *cpu, uint32_t msr, uint64_t value)
{
    g_assert_true(vcpu_apic_msr_write(cpu, msr, value));
}

static bool pending(Vcpu *cpu, uint32_t bit)
{
    return cpu->pending & bit;
}

static bool requested(Vcpu *cpu, uint8_t vector)
{
    return rdmsr(cpu, X2_IRR + vector / 32) >> (vector & 31) & 1;
}

static void reset(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++) {
        cpus[i]->pending &= VCPU_STOP;
        cpus[i]->irq->reset(cpus[i]->irq_opaque, false);
        g_assert_true(vcpu_set_apic_base(cpus[i], 0xfee00000 | BASE_ENABLE | BASE_X2));
        wrmsr(cpus[i], X2_SVR, 0x1ff);
    }
}

static void priorities(void)
{
    Vcpu *cpu = cpus[0];

    reset();
    wrmsr(cpu, X2_SELF, 0x41);
    wrmsr(cpu, X2_SELF, 0x62);
    g_assert_true(pending(cpu, VCPU_INTR));
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0x62);
    g_assert_cmphex(rdmsr(cpu, 0x80a), ==, 0x60);
    /* 0x41 is below the class in service; 0x6f is of the same: neither interrupts. */
    wrmsr(cpu, X2_SELF, 0x6f);
    g_assert_false(pending(cpu, VCPU_INTR));
    g_assert_cmpint(vcpu_ack_irq(cpu), ==, -1);
    wrmsr(cpu, X2_SELF, 0x70);
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0x70);
    wrmsr(cpu, X2_EOI, 0);
    wrmsr(cpu, X2_EOI, 0);
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0x6f);
    wrmsr(cpu, X2_EOI, 0);
    vcpu_set_tpr(cpu, 4);
    g_assert_cmphex(rdmsr(cpu, X2_TPR), ==, 0x40);
    g_assert_false(pending(cpu, VCPU_INTR));
    vcpu_set_tpr(cpu, 3);
    g_assert_true(pending(cpu, VCPU_INTR));
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0x41);
    wrmsr(cpu, X2_EOI, 0);
    wrmsr(cpu, X2_EOI, 0);      /* with nothing in service */
    g_assert_false(pending(cpu, VCPU_INTR));
}

static void base(void)
{
    Vcpu *cpu = cpus[1];
    uint64_t value;

    reset();
    g_assert_cmphex(vcpu_get_apic_base(cpus[0]) & 0xfff, ==, BASE_ENABLE | BASE_X2 | BASE_BSP);
    g_assert_cmphex(vcpu_get_apic_base(cpu) & 0xfff, ==, BASE_ENABLE | BASE_X2);
    g_assert_false(vcpu_set_apic_base(cpu, 0xfee00000 | BASE_ENABLE));
    g_assert_false(vcpu_set_apic_base(cpu, 0xfee00000 | BASE_X2));
    g_assert_false(vcpu_set_apic_base(cpu, 0xfee00001 | BASE_ENABLE | BASE_X2));
    g_assert_true(vcpu_set_apic_base(cpu, 0xfee00000));
    g_assert_false(vcpu_apic_msr_read(cpu, X2_ID, &value));
    g_assert_false(vcpu_set_apic_base(cpu, 0xfee00000 | BASE_ENABLE | BASE_X2));
    g_assert_true(vcpu_set_apic_base(cpu, 0xfee00000 | BASE_ENABLE));
    g_assert_false(vcpu_apic_msr_read(cpu, X2_ID, &value));
    g_assert_true(vcpu_set_apic_base(cpu, 0xfee00000 | BASE_ENABLE | BASE_X2));
    g_assert_cmphex(rdmsr(cpu, X2_ID), ==, 1);
    g_assert_cmphex(rdmsr(cpus[2], X2_LDR), ==, 1 << 16 | 1 << 2);   /* ID 0x12 */
}

static void reserved(void)
{
    static const struct { uint32_t msr; uint64_t value; } bad[] = {
        { X2_ID, 1 }, { X2_TPR, 0x100 }, { X2_EOI, 1 }, { X2_LDR, 0 }, { 0x80e, 0 },
        { X2_ISR, 0 }, { 0x828, 1 }, { 0x831, 0 }, { X2_TIMER, 1 << 20 }, { 0x83e, 4 },
        { X2_SELF, 0x100 }, { X2_ICR, 1 << 13 }, { 0x83a, 0 }, { 0x839, 5 },
    };
    uint64_t value;

    reset();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_false(vcpu_apic_msr_write(cpus[0], bad[i].msr, bad[i].value));
    }
    g_assert_false(vcpu_apic_msr_read(cpus[0], 0x80e, &value));
    g_assert_false(vcpu_apic_msr_read(cpus[0], 0x831, &value));
    g_assert_false(vcpu_apic_msr_read(cpus[0], X2_EOI, &value));
    g_assert_false(vcpu_apic_msr_read(cpus[0], X2_SELF, &value));
}

static void ipis(void)
{
    reset();
    wrmsr(cpus[0], X2_ICR, 0x12ULL << 32 | 0x55);
    g_assert_true(requested(cpus[2], 0x55));
    g_assert_false(requested(cpus[1], 0x55));
    wrmsr(cpus[0], X2_ICR, 0xffffffffULL << 32 | 0x56);
    g_assert_true(requested(cpus[0], 0x56));
    g_assert_true(requested(cpus[2], 0x56));
    /* Logical: cluster 1, member 2. */
    wrmsr(cpus[0], X2_ICR, 0x00010004ULL << 32 | 0x800 | 0x57);
    g_assert_true(requested(cpus[2], 0x57));
    g_assert_false(requested(cpus[0], 0x57));
    wrmsr(cpus[0], X2_ICR, 1ULL << 32 | 0x500);
    g_assert_true(pending(cpus[1], VCPU_INIT));
    wrmsr(cpus[0], X2_ICR, 1ULL << 32 | 0x69a);
    g_assert_true(pending(cpus[1], VCPU_SIPI));
    g_assert_cmphex(cpus[1]->sipi_vector, ==, 0x9a);
    wrmsr(cpus[0], X2_ICR, 0x12ULL << 32 | 0x400);
    g_assert_true(pending(cpus[2], VCPU_NMI));
    g_assert_false(pending(cpus[0], VCPU_NMI | VCPU_INIT | VCPU_SIPI));
}

/* Of two addressed the one that is not busy takes it. */
static void lowest(void)
{
    reset();
    wrmsr(cpus[0], X2_TPR, 0x80);
    wrmsr(cpus[1], X2_ICR, 3ULL << 32 | 0x900 | 0x91);
    g_assert_false(requested(cpus[0], 0x91));
    g_assert_true(requested(cpus[1], 0x91));
    wrmsr(cpus[1], X2_TPR, 0x90);
    wrmsr(cpus[1], X2_ICR, 3ULL << 32 | 0x900 | 0x92);
    g_assert_true(requested(cpus[0], 0x92));
}

static void init_keeps_identity(void)
{
    Vcpu *cpu = cpus[2];

    reset();
    wrmsr(cpu, X2_SELF, 0x41);
    wrmsr(cpu, X2_TPR, 0x20);
    cpu->irq->reset(cpu->irq_opaque, true);
    g_assert_cmphex(rdmsr(cpu, X2_ID), ==, 0x12);
    g_assert_cmphex(rdmsr(cpu, X2_SVR), ==, 0xff);
    g_assert_cmphex(rdmsr(cpu, X2_TPR), ==, 0);
    g_assert_cmphex(rdmsr(cpu, X2_LINT0), ==, 0x10000);
    g_assert_false(requested(cpu, 0x41));
    g_assert_false(pending(cpu, VCPU_INTR));
}

static int ack_pic(void *opaque)
{
    int vector = pic_vector;

    if (vector >= 0) {
        pic_vector = -1;
        irq_lower(vcpu_intr_line());
    }
    return vector;
}

static void external(void)
{
    Vcpu *cpu = cpus[0];

    reset();
    vcpu_set_pic(ack_pic, NULL);
    /* Out of reset LINT0 of the boot CPU is a virtual wire. */
    g_assert_cmphex(rdmsr(cpu, X2_LINT0), ==, 0x700);
    pic_vector = 0x08;
    irq_raise(vcpu_intr_line());
    g_assert_true(pending(cpu, VCPU_INTR));
    g_assert_false(pending(cpus[1], VCPU_INTR));
    wrmsr(cpu, X2_LINT0, 0x10700);
    g_assert_false(pending(cpu, VCPU_INTR));
    g_assert_cmpint(vcpu_ack_irq(cpu), ==, -1);
    wrmsr(cpu, X2_LINT0, 0x700);
    /* The APIC's own go first. */
    wrmsr(cpu, X2_SELF, 0x41);
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0x41);
    g_assert_true(pending(cpu, VCPU_INTR));
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0x08);
    g_assert_false(pending(cpu, VCPU_INTR));
    /* With the APIC off the pin is the CPU's own. */
    wrmsr(cpu, X2_LINT0, 0x10700);
    g_assert_true(vcpu_set_apic_base(cpu, 0xfee00000));
    pic_vector = 0x09;
    irq_raise(vcpu_intr_line());
    g_assert_true(pending(cpu, VCPU_INTR));
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0x09);
    /* LINT0 as an edge-triggered vector, LINT1 as NMI. */
    reset();
    wrmsr(cpus[1], X2_LINT0, 0x44);
    wrmsr(cpus[1], X2_LINT1, 0x400);
    irq_pulse(vcpu_intr_line());
    g_assert_true(requested(cpus[1], 0x44));
    apic_pulse_lint1();
    g_assert_true(pending(cpus[1], VCPU_NMI));
    g_assert_false(pending(cpus[2], VCPU_NMI));
}

static void deadline(void)
{
    Vcpu *cpu = cpus[0];
    uint64_t now = accel_tsc_read(cpu);

    reset();
    wrmsr(cpu, TSC_DEADLINE, now + 1000);
    g_assert_cmpuint(rdmsr(cpu, TSC_DEADLINE), ==, 0);      /* only in its mode */
    wrmsr(cpu, X2_TIMER, 0x40000 | 0xec);
    wrmsr(cpu, TSC_DEADLINE, now + 1000);
    g_assert_cmpuint(rdmsr(cpu, TSC_DEADLINE), ==, now + 1000);
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 990);
    g_assert_false(requested(cpu, 0xec));
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 20);
    g_assert_true(requested(cpu, 0xec));
    g_assert_cmpuint(rdmsr(cpu, TSC_DEADLINE), ==, 0);
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0xec);
    wrmsr(cpu, X2_EOI, 0);
    /* One in the past comes at once; zero disarms. */
    wrmsr(cpu, TSC_DEADLINE, 1);
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 10);
    g_assert_cmphex(vcpu_ack_irq(cpu), ==, 0xec);
    wrmsr(cpu, X2_EOI, 0);
    wrmsr(cpu, TSC_DEADLINE, UINT64_MAX);
    wrmsr(cpu, TSC_DEADLINE, accel_tsc_read(cpu) + 1000);
    wrmsr(cpu, TSC_DEADLINE, 0);
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 100000);
    g_assert_false(requested(cpu, 0xec));
    /* Leaving the mode disarms, too. */
    wrmsr(cpu, TSC_DEADLINE, accel_tsc_read(cpu) + 1000);
    wrmsr(cpu, X2_TIMER, 0xec);
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 100000);
    g_assert_false(requested(cpu, 0xec));
}

static void messages(void)
{
    reset();
    apic_deliver_msi(0xfee12000, 0x4071);           /* physical, ID 0x12 */
    g_assert_true(requested(cpus[2], 0x71));
    apic_deliver_msi(0xfeeff000, 0x4072);           /* all */
    g_assert_true(requested(cpus[0], 0x72));
    g_assert_true(requested(cpus[1], 0x72));
    apic_deliver_msi(0xfee01000, 0x0400);
    g_assert_true(pending(cpus[1], VCPU_NMI));
    apic_deliver_msi(0xfee07000, 0x4073);           /* nobody */
    apic_deliver_msi(0xfee00000, 0x0373);           /* a reserved mode */
    g_assert_false(requested(cpus[0], 0x73));
}

int main(int argc, char **argv)
{
    static const uint32_t ids[] = { 0, 1, 0x12 };
    AccelConfig config = { .nr_cpus = 3, .max_cpus = 3, .dies = 1, .cores = 3, .threads = 1 };
    Error *err = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    vm_lock();
    g_assert_true(accel_start((Accel *)(void *)object_new(&accel_find("qtest")->object), &config,
                              &err));
    for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++) {
        cpus[i] = vcpu_new(i, ids[i], NULL, &err);
        apic_create(cpus[i]);
    }
    g_test_add_func("/apic/priorities", priorities);
    g_test_add_func("/apic/base", base);
    g_test_add_func("/apic/reserved", reserved);
    g_test_add_func("/apic/ipis", ipis);
    g_test_add_func("/apic/lowest", lowest);
    g_test_add_func("/apic/init", init_keeps_identity);
    g_test_add_func("/apic/external", external);
    g_test_add_func("/apic/deadline", deadline);
    g_test_add_func("/apic/messages", messages);
    status = g_test_run();
    vcpus_destroy();
    vm_unlock();
    return status;
}
