/* Registers of the CPU that programs probe: MSRs, XCR0, PCID, cache and debug instructions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/boot/pc-kernel.h"

enum { UD = 6, NP = 11, GP = 13 };
#define CR4_DE      (1u << 3)
#define CR4_UMIP    (1u << 11)
#define CR4_PCIDE   (1u << 17)
#define CR4_OSXSAVE (1u << 18)

static uint64_t cr4(void)
{
    uint64_t v;

    asm volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

static int set_cr4(uint64_t v)
{
    TRY("mov %0, %%cr4", : : "r"(v) : "memory");
    return fault;
}

static bool has(uint32_t leaf, unsigned reg, unsigned bit)
{
    uint32_t r[4];

    cpuid(leaf, 0, r);
    return r[reg] >> bit & 1;
}

/* Values that are kept, and that are refused */
static void msrs(void)
{
    static const uint64_t address = 0x123456789abc, wrong = 0xaaaaaaaaaaaaaaaa;
    static const struct { uint32_t n; uint64_t value; bool canonical; } rows[] = {
        { 0x174, 0x1234 }, { 0x175, address }, { 0x176, address }, { 0x277, 0x07070707 },
        { 0xc0000081, 0x0023000800000000 }, { 0xc0000082, address, true },
        { 0xc0000083, address, true }, { 0xc0000084, 0xffffffff }, { 0xc0000100, address, true },
        { 0xc0000101, address, true }, { 0xc0000102, address, true }, { 0xc0000103, 0x1234 },
    };
    unsigned banks = rdmsr(0x179) & 0xff;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t old = rdmsr(rows[i].n);
        bool kept = wrmsr(rows[i].n, rows[i].value) == -1 && rdmsr(rows[i].n) == rows[i].value;

        wrmsr(rows[i].n, old);
        if (!kept) {
            say("msr %x ", (uint64_t)rows[i].n);
        }
        check(kept, "an MSR keeps what is written");
        if (rows[i].canonical) {
            check(wrmsr(rows[i].n, wrong) == GP, "an MSR refuses what is no address");
        }
    }
    check(wrmsr(0x277, 0x02) == GP, "PAT refuses a memory type there is not");
    check(wrmsr(0xc0000080, rdmsr(0xc0000080) | 2) == GP, "EFER refuses reserved bits");
    check(rdmsr_fault(0x12345678) == GP && wrmsr(0x12345678, 0) == GP, "there is no such MSR");
    for (unsigned i = 0; i < 32; i++) {
        uint32_t n = 0x400 + i * 4;

        if (i >= banks) {
            check(rdmsr_fault(n) == GP && wrmsr(n, 0) == GP && rdmsr_fault(n + 3) == GP,
                  "no such machine check bank");
            continue;
        }
        check(wrmsr(n, -1ull) == -1 && rdmsr(n) == -1ull, "MCi_CTL takes all ones");
        check(wrmsr(n, 0) == -1 && rdmsr(n) == 0, "MCi_CTL takes 0");
        check(wrmsr(n, wrong) == GP, "MCi_CTL takes all ones or 0");
        check(wrmsr(n + 1, 0) == -1 && wrmsr(n + 1, 1) == GP, "MCi_STATUS is cleared only");
        check(wrmsr(n + 2, wrong) == -1 && rdmsr(n + 2) == wrong, "MCi_ADDR");
        check(wrmsr(n + 3, -1ull) == -1 && rdmsr(n + 3) == -1ull, "MCi_MISC");
        wrmsr(n + 2, 0);
        wrmsr(n + 3, 0);
        wrmsr(n, -1ull);
    }
}

static int xgetbv(uint32_t n, uint64_t *v)
{
    uint32_t lo = 0, hi = 0;

    TRY("xgetbv", : "+a"(lo), "+d"(hi) : "c"(n | 0x1234ull << 32) : "memory");
    *v = (uint64_t)hi << 32 | lo;
    return fault;
}

static int xsetbv(uint32_t n, uint64_t v)
{
    TRY("xsetbv", : : "c"(n | 0x55ull << 32), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
        : "memory");
    return fault;
}

static void xcr0(void)
{
    uint64_t v, old = cr4();

    set_cr4(old & ~(uint64_t)CR4_OSXSAVE);
    check(!has(1, 2, 27), "OSXSAVE follows CR4");
    check(xgetbv(0, &v) == UD && xsetbv(0, 3) == UD, "XCR0 is not there without CR4.OSXSAVE");
    if (!has(1, 2, 26)) {
        check(set_cr4(old | CR4_OSXSAVE) == GP, "no XSAVE, no CR4.OSXSAVE");
        return;
    }
    set_cr4(old | CR4_OSXSAVE);
    check(has(1, 2, 27), "OSXSAVE follows CR4");
    check(xsetbv(0, 1) == -1 && xgetbv(0, &v) == -1 && v == 1, "XCR0 = x87");
    check(xsetbv(0, 3) == -1 && xgetbv(0, &v) == -1 && v == 3, "XCR0 = x87, SSE");
    check(xsetbv(0, 0) == GP && xsetbv(0, 2) == GP && xsetbv(0, 5) == GP && xsetbv(0, 8 | 3) == GP,
          "XCR0 refuses what cannot be");
    for (unsigned n = 1; n < 32; n++) {
        check((n == 1 || xgetbv(n, &v) == GP) && xsetbv(n, 3) == GP &&
              xgetbv(1u << n, &v) == GP, "there is one XCR");
    }
    set_cr4(old);
}

static void pcid(void)
{
    struct { uint64_t pcid, addr; } desc = { 0, 0 };
    uint64_t cr0, cr3, old = cr4();

    asm volatile("mov %%cr0, %0; mov %%cr3, %1" : "=r"(cr0), "=r"(cr3));
    if (!has(1, 2, 17)) {
        check(set_cr4(old | CR4_PCIDE) == GP, "no PCID, no CR4.PCIDE");
        return;
    }
    check(set_cr4(old | CR4_PCIDE) == -1, "CR4.PCIDE");
    TRY("mov %0, %%cr0", : : "r"(cr0 & ~0x80000000ull) : "memory");
    check(fault == GP, "CR0.PG stays under PCIDE");
    set_cr4(old);
    asm volatile("mov %0, %%cr3" : : "r"(cr3 | 1) : "memory");
    check(set_cr4(old | CR4_PCIDE) == GP, "CR4.PCIDE wants PCID 0");
    asm volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
    if (!has(7, 1, 10)) {
        return;
    }
    TRY("invpcid %0, %1", : : "m"(desc), "r"(1ull) : "memory");
    check(fault == -1, "INVPCID of PCID 0 without PCIDE");
    desc.pcid = 1;
    TRY("invpcid %0, %1", : : "m"(desc), "r"(1ull) : "memory");
    check(fault == GP, "INVPCID of PCID 1 without PCIDE");
    TRY("invpcid %0, %1", : : "m"(desc), "r"(4ull) : "memory");
    check(fault == GP, "INVPCID has types 0 to 3");
    set_cr4(old | CR4_PCIDE);
    TRY("invpcid %0, %1", : : "m"(desc), "r"(2ull) : "memory");
    check(fault == -1, "INVPCID with PCIDE");
    desc.pcid = 1 << 12;
    TRY("invpcid %0, %1", : : "m"(desc), "r"(2ull) : "memory");
    check(fault == GP, "INVPCID's reserved bits");
    set_cr4(old);
}

/* Those that CPUID does not name are no instructions. */
static void cache(void)
{
    static uint64_t line;

    TRY(".byte 0x66, 0x0f, 0xae, 0x3b", : : "b"(&line) : "memory");
    check(fault == (has(7, 1, 23) ? -1 : UD), "CLFLUSHOPT as CPUID says");
    TRY(".byte 0x66, 0x0f, 0xae, 0x33", : : "b"(&line) : "memory");
    check(fault == (has(7, 1, 24) ? -1 : UD), "CLWB as CPUID says");
    TRY(".byte 0x66, 0x0f, 0xae, 0xf0", : : : "memory", "rax");
    check(fault == UD, "CLWB wants memory");
    TRY(".byte 0x66, 0x0f, 0xae, 0xf8", : : : "memory");
    check(fault == UD, "PCOMMIT is gone");
    TRY(".byte 0x8d, 0xc0", : : : "memory", "rax");
    check(fault == UD, "LEA wants memory");
    TRY(".byte 0x0f, 0x38, 0xf0, 0xc0", : : : "memory", "rax");
    check(fault == UD, "MOVBE wants memory");
    TRY("rdpid %%rax", : : : "memory", "rax");
    check(fault == (has(7, 2, 22) ? -1 : UD), "RDPID as CPUID says");
    TRY(".byte 0x0f, 0x01, 0xfd", : : "c"(0) : "memory", "rax", "rdx");
    check(fault == UD, "RDPRU is AMD's");
    TRY("vmcall", : : : "memory", "rax");
    check(fault == UD, "VMCALL has no one to call");
    TRY(".byte 0x0f, 0xff, 0xc0", : : : "memory");
    check(fault == UD, "UD0");
}

static void debug_registers(void)
{
    uint64_t v, old = cr4();

    set_cr4(old & ~(uint64_t)CR4_DE);
    asm volatile("mov %1, %%dr6; mov %%db4, %0" : "=r"(v) : "r"(0xffff4ff2ull));
    check(v == 0xffff4ff2, "DR4 is DR6");
    asm volatile("mov %1, %%dr6; mov %%dr6, %0" : "=r"(v) : "r"(0ull));
    check(v == 0xffff0ff0, "DR6 has bits that are 1");
    set_cr4(old | CR4_DE);
    TRY("mov %%db4, %%rax", : : : "rax", "memory");
    check(fault == UD, "DR4 is not there under CR4.DE");
    TRY("mov %0, %%dr7", : : "r"(1ull << 32) : "memory");
    check(fault == GP, "DR7's upper half is reserved");
    set_cr4(old);
}

static void segments(void)
{
    uint16_t sel;
    uint64_t v, cr0;

    asm volatile("mov %1, %%ss; mov %%ss, %0; mov %2, %%ss" : "=r"(sel) : "r"(0), "r"(0x10));
    check(sel == 0, "a null SS at CPL 0 of 64-bit code");
    TRY("mov %0, %%ss", : : "r"(3) : "memory");
    check(fault == GP && !fault_error, "not with another RPL");
    TRY("mov %0, %%ss", : : "r"(8) : "memory");
    check(fault == GP && fault_error == 8, "SS wants data");
    TRY("ltr %0", : : "r"((uint16_t)0x28) : "memory");
    check(fault == GP && fault_error == 0x28, "LTR of a busy TSS");
    TRY("jmp *%0", : : "r"(0x1111111111111111ull) : "memory");
    check(fault == GP, "a jump to what is no address");
    TRY("int $0x42", : : : "memory");
    check(fault == -1, "INT to a gate of ours");
    asm volatile("smsw %0" : "=r"(v) : "0"(0x1234567890abcdefull));
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    check(v == cr0, "SMSW of 64 bits");
}

static void come_back(Regs *r)
{
}

void test_system(void)
{
    on_vector[0x42] = come_back;
    msrs();
    xcr0();
    pcid();
    cache();
    debug_registers();
    segments();
}
