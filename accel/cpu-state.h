/* CpuState: the architectural state of an x86-64 CPU, in which accelerators and debuggers trade */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_CPU_STATE_H
#define ACCEL_CPU_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Order of gpr[] and of seg[] is that of their encoding in instructions. */
enum {
    CPU_RAX, CPU_RCX, CPU_RDX, CPU_RBX, CPU_RSP, CPU_RBP, CPU_RSI, CPU_RDI,
    CPU_R8, CPU_R9, CPU_R10, CPU_R11, CPU_R12, CPU_R13, CPU_R14, CPU_R15,
};
enum { CPU_ES, CPU_CS, CPU_SS, CPU_DS, CPU_FS, CPU_GS, CPU_NR_SEGS };

/* attr: bits 40..55 of the descriptor without the limit's: type S DPL P, then AVL L D G at 12. */
typedef struct CpuSegment {
    uint64_t base;
    uint32_t limit;             /* bytes, granularity applied */
    uint16_t sel;
    uint16_t attr;              /* CPU_SEG_P clear: not usable */
} CpuSegment;
#define CPU_SEG_P 0x0080
#define CPU_SEG_L 0x2000
#define CPU_SEG_D 0x4000
#define CPU_SEG_DPL(attr) ((attr) >> 5 & 3)

typedef struct CpuMsr {
    uint32_t number;
    uint64_t value;
} CpuMsr;
#define CPU_STATE_MAX_MSRS 512

/* An exception that is due (pending) or on its way through the IDT (injected). */
typedef struct CpuException {
    bool pending, injected, has_error;
    uint8_t vector;
    uint32_t error;
    bool has_payload;           /* DR6 bits of a #DB or CR2 of a #PF, not yet in their register */
    uint64_t payload;
} CpuException;

typedef enum CpuRunState {
    CPU_RUNS, CPU_HALTED, CPU_WAITS_FOR_SIPI,
    CPU_WAITS_FOR_INIT,         /* was never started */
} CpuRunState;

/* The image that XSAVE writes in its standard form, for the components AVX-512 and below. */
#define CPU_STATE_XSAVE_BYTES 4096
/* KVM_GET_NESTED_STATE's header and the two pages behind it that VMX needs; SVM needs less. */
#define CPU_STATE_NESTED_BYTES (128 + 2 * 4096)

/*
 * The local APIC's registers are apart: they are the state of its device. What
 * an accelerator does not have is 0 when got, and must be so when put.
 */
typedef struct CpuState {
    uint64_t gpr[16], rip, rflags;
    CpuSegment seg[CPU_NR_SEGS], ldt, tr;
    struct { uint64_t base; uint32_t limit; } gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, xcr0, apic_base;
    uint64_t dr[8];             /* 4 and 5 stand for 6 and 7: not used */
    CpuRunState run_state;

    CpuException exception;
    bool interrupt_injected, interrupt_soft;    /* by INT n */
    uint8_t interrupt_vector;
    bool shadow_sti, shadow_mov_ss;             /* no interrupt before the next instruction */
    bool nmi_masked, nmi_injected, nmi_pending;
    bool smm, smi_pending, init_pending, sipi_pending, mce_pending;
    bool nmi_masked_before_smm;
    uint8_t sipi_vector;
    uint32_t smbase;

    unsigned nested_bytes;      /* of a guest hypervisor's state, as KVM has it; 0: it has none */
    uint8_t nested[CPU_STATE_NESTED_BYTES];

    unsigned nr_msrs;
    CpuMsr msrs[CPU_STATE_MAX_MSRS];            /* each number once, in no order */
    uint8_t xsave[CPU_STATE_XSAVE_BYTES];
} CpuState;

/* False, and *value 0, where the state has no such MSR. */
bool cpu_state_msr(const CpuState *s, uint32_t number, uint64_t *value);
/* Replace or add one. False when there is no room. */
bool cpu_state_set_msr(CpuState *s, uint32_t number, uint64_t value);
unsigned cpu_state_cpl(const CpuState *s);
bool cpu_state_code64(const CpuState *s);       /* runs 64-bit code */
/* Registers for people, as "info registers" shows them. */
void cpu_state_print(const CpuState *s, bool with_fpu, GString *out);

/* Fields of the XSAVE image, ST(n) and XMMn in turn 16 bytes each (SDM vol. 1, 13.4). */
#define CPU_XSAVE_FCW    0
#define CPU_XSAVE_FSW    2
#define CPU_XSAVE_FTW    4      /* a bit a physical register: in use */
#define CPU_XSAVE_FOP    6
#define CPU_XSAVE_FIP    8
#define CPU_XSAVE_FDP    16
#define CPU_XSAVE_MXCSR  24
#define CPU_XSAVE_ST     32
#define CPU_XSAVE_XMM    160
#define CPU_XSAVE_HEADER 512    /* XSTATE_BV: which components are not in their initial state */
#define CPU_XSAVE_YMM_HIGH 576

#endif
