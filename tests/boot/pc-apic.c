/* Local APIC, I/O APIC and the events of a CPU: what arrives, and how soon */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/boot/pc-kernel.h"

enum { GP = 13, EN = 1 << 11, EXTD = 1 << 10 };
#define APIC 0xfee00000u
enum {
    ID = 0x20, VERSION = 0x30, TPR = 0x80, EOI = 0xb0, SVR = 0xf0, ICR = 0x300, LVT_TIMER = 0x320,
    INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0,
};
#define ICR_SELF   0x44000u     /* shorthand, assert */
#define ICR_NMI    0x4400u
#define BASE_MSR   0x1b
#define DEADLINE_MSR 0x6e0

static volatile unsigned count, seen[8];
static volatile uint64_t where[2];

static bool apic_cpuid(void)
{
    uint32_t r[4];

    cpuid(1, 0, r);
    return r[3] >> 9 & 1;
}

static void note(Regs *r)
{
    if (count < 8) {
        seen[count] = r->vector;
    }
    if (count < 2) {
        where[count] = r->rip;
    }
    count++;
    write32(APIC + EOI, 0);
}

static void expect(unsigned n, const char *what)
{
    check(count == n, what);
    if (count != n) {
        say("  %u, not %u\n", (uint64_t)count, (uint64_t)n);
    }
    count = 0;
}

static void self_ipi(unsigned vector)
{
    write32(APIC + ICR, ICR_SELF | vector);
}

/* Each is taken at the next instruction that lets it. */
static void interrupts(void)
{
    on_vector[0x51] = on_vector[0x61] = on_vector[0x33] = note;
    asm volatile("sti");
    self_ipi(0x51);
    expect(1, "a self-IPI is there at once");
    asm volatile("cli");
    self_ipi(0x51);
    self_ipi(0x61);
    asm volatile("sti; nop; cli" : : : "memory");
    check(seen[0] == 0x61 && seen[1] == 0x51 && where[0] == where[1], "by priority");
    expect(2, "two at once");
    self_ipi(0x51);
    asm volatile("sti; int $0x33; cli" : : : "memory");
    check(seen[0] == 0x33, "INT n in the shadow of STI comes before the interrupt");
    expect(2, "INT n and an interrupt");
    write32(APIC + TPR, 0xf0);
    asm volatile("sti");
    self_ipi(0x51);
    self_ipi(0x61);
    expect(0, "TPR holds all");
    write32(APIC + TPR, 0x50);
    expect(1, "TPR lets one pass");
    asm volatile("mov %0, %%cr8" : : "r"(0ull) : "memory");
    expect(1, "CR8 lets the other pass");
    asm volatile("cli");
}

static volatile unsigned nmis, again;

static void on_nmi(Regs *r)
{
    nmis++;
    for (unsigned i = 0; i < again; i++) {
        write32(APIC + ICR, ICR_NMI);
    }
    again = 0;
}

static void nmi(void)
{
    on_vector[2] = on_nmi;
    for (unsigned i = 0; i < 100; i++) {
        nmis = 0;
        again = 10;
        write32(APIC + ICR, ICR_NMI);
        if (nmis != 2) {
            break;
        }
    }
    check(nmis == 2, "NMIs in an NMI's handler are one");
}

static void line(unsigned n, unsigned level)
{
    out8(0x2000 + n, level);
}

static void pin(unsigned n, uint32_t low)
{
    write32(0xfec00000, 0x11 + n * 2);
    write32(0xfec00010, 0);
    write32(0xfec00000, 0x10 + n * 2);
    write32(0xfec00010, low);
}

static void ioapic(void)
{
    on_vector[0x78] = on_vector[0x66] = note;
    pin(14, 0x78);
    pin(15, 0x66);
    asm volatile("sti");
    line(14, 1);
    line(14, 0);
    expect(1, "an edge at the I/O APIC");
    asm volatile("cli");
    line(15, 1);
    line(15, 0);
    line(14, 1);
    line(14, 0);
    asm volatile("sti; nop; cli" : : : "memory");
    check(seen[0] == 0x78 && seen[1] == 0x66 && where[0] == where[1], "I/O APIC: by priority");
    expect(2, "two edges");
    pin(14, 1 << 16);
    pin(15, 1 << 16);
}

static void timer(void)
{
    uint64_t start;
    uint32_t r[4], half = 0x8000000;

    on_vector[0xee] = note;
    write32(APIC + DIVIDE, 0xb);
    write32(APIC + LVT_TIMER, 0xee);
    asm volatile("sti");
    start = rdtsc();
    write32(APIC + INITIAL, 0x10000);
    while (!count) {
    }
    check(rdtsc() - start >= 0x10000, "the timer is no faster than the TSC");
    expect(1, "one shot");
    asm volatile("cli");
    check(!read32(APIC + CURRENT), "the count ended at 0");
    write32(APIC + LVT_TIMER, 0xee | 1 << 16);
    write32(APIC + INITIAL, half * 2);
    check(read32(APIC + CURRENT) > half, "the count begins");
    while (read32(APIC + CURRENT) > half) {
    }
    write32(APIC + LVT_TIMER, 0xee | 1 << 17 | 1 << 16);
    check(read32(APIC + CURRENT) <= half && read32(APIC + CURRENT), "it goes on as periodic");
    while (read32(APIC + CURRENT) <= half) {
    }
    check(read32(APIC + CURRENT) > half, "and begins again");
    write32(APIC + LVT_TIMER, 0xee | 1 << 16);
    write32(APIC + INITIAL, 0);
    check(!read32(APIC + CURRENT), "0 stops it");
    cpuid(1, 0, r);
    if (r[2] >> 24 & 1) {
        write32(APIC + LVT_TIMER, 0xee | 2 << 17);
        asm volatile("sti");
        wrmsr(DEADLINE_MSR, rdtsc());
        asm volatile("nop");
        expect(1, "a TSC deadline that is past is there at once");
        check(!rdmsr(DEADLINE_MSR), "and over");
        asm volatile("cli");
        write32(APIC + LVT_TIMER, 1 << 16);
    }
}

static void dead_mmio(const char *what)
{
    uint64_t cr8, old;

    asm volatile("mov %%cr8, %0" : "=r"(old));
    write32(APIC + TPR, 0x70);
    asm volatile("mov %%cr8, %0" : "=r"(cr8));
    check(read32(APIC + VERSION) == ~0u && read32(APIC + TPR) == ~0u && cr8 == old, what);
    asm volatile("mov %1, %%cr8; mov %%cr8, %0" : "=r"(cr8) : "r"(old ^ 15));
    check(cr8 == (old ^ 15), "CR8 works without the APIC's page");
    asm volatile("mov %0, %%cr8" : : "r"(old));
}

static void base(void)
{
    uint64_t old = rdmsr(BASE_MSR), off = old & ~(uint64_t)(EN | EXTD);
    uint32_t r[4], version = read32(APIC + VERSION), id = read32(APIC + ID);

    check(wrmsr(BASE_MSR, off | EXTD) == GP, "x2APIC without APIC");
    check(wrmsr(BASE_MSR, old | 1) == GP, "the base's low reserved bits");
    cpuid(0x80000008, 0, r);
    check(wrmsr(BASE_MSR, old | 1ull << (r[0] & 0xff)) == GP, "the base's high reserved bits");
    wrmsr(BASE_MSR, off);
    check(!apic_cpuid(), "CPUID knows that the APIC is off");
    dead_mmio("no registers while off");
    wrmsr(BASE_MSR, (off & 0xfff) | 0xfed40000 | EN);
    check(read32(0xfed40000 + VERSION) == version, "the registers move");
    check(read32(APIC + VERSION) == ~0u || read32(APIC + VERSION) != version, "from here");
    wrmsr(BASE_MSR, off);
    wrmsr(BASE_MSR, old);
    check(apic_cpuid() && read32(APIC + VERSION) == version, "on again");
    write32(APIC + SVR, 0x1ff);
    cpuid(1, 0, r);
    if (!(r[2] >> 21 & 1)) {
        check(wrmsr(BASE_MSR, old | EXTD) == GP, "no x2APIC");
        return;
    }
    check(wrmsr(BASE_MSR, old | EXTD) == -1, "x2APIC");
    check(rdmsr(0x803) == version && rdmsr(0x802) == id >> 24, "registers as MSRs");
    dead_mmio("x2APIC has no page");
    check(wrmsr(0x802, 5) == GP, "the x2APIC ID is read-only");
    check(wrmsr(0x80b, 1) == GP, "EOI takes 0 only");
    check(rdmsr_fault(0x80b) == GP && rdmsr_fault(0x80e) == GP, "not all can be read");
    asm volatile("sti");
    wrmsr(0x80f, 0x1ff);
    wrmsr(0x83f, 0x33);
    asm volatile("cli");
    wrmsr(0x80b, 0);
    expect(1, "SELF IPI");
    check(wrmsr(BASE_MSR, old) == GP, "x2APIC to APIC goes through off");
    check(wrmsr(BASE_MSR, off | EXTD) == GP, "x2APIC to nonsense");
    check(wrmsr(BASE_MSR, off) == -1, "x2APIC to off");
    check(wrmsr(BASE_MSR, old | EXTD) == GP, "off to x2APIC");
    check(wrmsr(BASE_MSR, old) == -1, "off to APIC");
    write32(APIC + SVR, 0x1ff);
}

void test_apic(void)
{
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    write32(APIC + SVR, 0x1ff);
    interrupts();
    nmi();
    ioapic();
    timer();
    base();
}
