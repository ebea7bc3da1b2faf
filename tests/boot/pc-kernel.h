/* What pc-kernel.c and its tests share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BOOT_PC_KERNEL_H
#define TESTS_BOOT_PC_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, rip, cs, flags, rsp, ss;
} Regs;

extern void (*on_vector[256])(Regs *r);
extern uint64_t volatile resume;        /* where an exception goes on; 0: it is fatal */
extern int volatile fault;              /* its vector, -1: there was none */
extern uint32_t volatile fault_error;

extern uint64_t volatile kernel_rsp;    /* where run_user() was called */
void run_user(const void *code, const void *mem);

void say(const char *fmt, ...);         /* %s %x %u */
void check(bool ok, const char *what);

/* Run text with a place to go on behind it; fault says what happened. */
#define TRY(text, ...)                                                                      \
    do {                                                                                    \
        fault = -1;                                                                         \
        asm volatile("movq $1f, resume\n\t" text "\n1: movq $0, resume" __VA_ARGS__);       \
    } while (0)

static inline void out8(uint16_t port, uint8_t v)
{
    asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t v)
{
    asm volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t v;

    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint64_t rdmsr(uint32_t n)
{
    uint32_t lo, hi;

    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n));
    return (uint64_t)hi << 32 | lo;
}

/* The fault's vector, -1 for none */
static inline int wrmsr(uint32_t n, uint64_t v)
{
    TRY("wrmsr", : : "c"(n), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
    return fault;
}

static inline int rdmsr_fault(uint32_t n)
{
    TRY("rdmsr", : : "c"(n) : "eax", "edx", "memory");
    return fault;
}

static inline void cpuid(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    asm volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                 : "a"(leaf), "c"(sub));
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static inline uint32_t read32(uintptr_t at)
{
    return *(volatile uint32_t *)at;
}

static inline void write32(uintptr_t at, uint32_t v)
{
    *(volatile uint32_t *)at = v;
}

void test_apic(void);
void test_mmio(void);
void test_paging(void);
void test_system(void);

#endif
