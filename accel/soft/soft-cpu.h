/* SoftCpu: the running state of one software vCPU, laid out for C and for emitted code */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_SOFT_CPU_H
#define ACCEL_SOFT_SOFT_CPU_H

#include <setjmp.h>
#include <stdatomic.h>

#include "accel/soft/insn.h"
#include "util/compiler.h"

typedef struct SoftCpu SoftCpu;
typedef struct Block Block;
typedef struct Op Op;
typedef struct Vcpu Vcpu;

/*
 * A handler runs one instruction and returns the next Op of the block, or NULL
 * to leave the block (cpu->rip then holds the next RIP). In optimised builds
 * handlers tail-call each other; see interp.h for the macros.
 */
typedef const Op *OpFn(SoftCpu *cpu, const Op *op);

struct Op {
    OpFn *fn;
    Insn i;
};

/* EFLAGS */
enum {
    FL_CF = 1u << 0, FL_PF = 1u << 2, FL_AF = 1u << 4, FL_ZF = 1u << 6, FL_SF = 1u << 7,
    FL_TF = 1u << 8, FL_IF = 1u << 9, FL_DF = 1u << 10, FL_OF = 1u << 11,
    FL_IOPL = 3u << 12, FL_NT = 1u << 14, FL_RF = 1u << 16, FL_VM = 1u << 17,
    FL_AC = 1u << 18, FL_VIF = 1u << 19, FL_VIP = 1u << 20, FL_ID = 1u << 21,
    FL_ARITH = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF,
};

/* Exception vectors */
enum {
    EXC_DE = 0, EXC_DB = 1, EXC_NMI = 2, EXC_BP = 3, EXC_OF = 4, EXC_BR = 5, EXC_UD = 6,
    EXC_NM = 7, EXC_DF = 8, EXC_TS = 10, EXC_NP = 11, EXC_SS = 12, EXC_GP = 13, EXC_PF = 14,
    EXC_MF = 16, EXC_AC = 17, EXC_MC = 18, EXC_XM = 19,
    EXC_AGAIN = 256,        /* no exception: run the instruction anew, in a block of its own */
};

/* Control register and EFER bits */
#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)
#define CR4_VME (1u << 0)
#define CR4_PVI (1u << 1)
#define CR4_TSD (1u << 2)
#define CR4_DE (1u << 3)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_PGE (1u << 7)
#define CR4_PCE (1u << 8)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_PCIDE (1u << 17)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

/* A segment register with its hidden part. attr: descriptor bits 40..55 (type S DPL P .. AVL L D G). */
typedef struct Segment {
    uint64_t base;
    uint32_t limit;     /* in bytes, granularity applied */
    uint16_t sel;
    uint16_t attr;
} Segment;

#define SEG_TYPE(attr) ((attr) & 0xf)
#define SEG_S     0x0010
#define SEG_DPL(attr) (((attr) >> 5) & 3)
#define SEG_P     0x0080
#define SEG_L     0x2000
#define SEG_D     0x4000
#define SEG_G     0x8000

/* Mode word: part of a block's key; a block never tests at run time what its key says. */
enum {
    MODE_CODE16 = 0, MODE_CODE32 = 1, MODE_CODE64 = 2, MODE_CODE_MASK = 3,
    MODE_CPL3 = 1 << 2,
    MODE_STACK16 = 0, MODE_STACK32 = 1 << 3, MODE_STACK64 = 2 << 3, MODE_STACK_MASK = 3 << 3,
    MODE_FLAT = 1 << 5,     /* DS ES SS base 0, limit max, usable; always set in 64-bit code */
    MODE_PE = 1 << 6,
    MODE_VM86 = 1 << 7,
    MODE_PG = 1 << 8,
    MODE_SSE = 1 << 9,      /* SSE may run: CR0.EM=0, CR0.TS=0, CR4.OSFXSR=1 */
    MODE_AVX = 1 << 10,     /* and CR4.OSXSAVE=1, XCR0[2:1]=3 */
    MODE_X87 = 1 << 11,     /* CR0.EM=0, CR0.TS=0 */
    MODE_TF = 1 << 12,      /* single step: blocks of one instruction */
    MODE_ICOUNT = 1 << 13,
    MODE_UP = 1 << 14,      /* one vCPU: lock prefixes need no host lock */
    MODE_CS_FLAT = 1 << 15, /* CS base 0 */
    MODE_LMA = 1 << 16,
    MODE_CPL_NOT0 = 1 << 17,/* CPL 1..3 */
    MODE_SMM = 1 << 19,     /* another view of physical memory */
    MODE_ONE = 1 << 18,     /* exec.c: blocks of one instruction, not linked (interrupt shadow) */
    MODE_STEP = 1 << 20,    /* the same for the debugger, which looks behind each of them */
    MODE_LIMIT = 1 << 21,   /* CS limit is not the usual 64 KiB (16-bit code) or 4 GiB: no links */
};

/* Lazy arithmetic flags: which operation made cc_dst (result) from cc_src. */
enum {
    CC_FLAGS = 0,           /* cc_src holds the flags themselves, EFLAGS layout */
    /* then families times four sizes (8, 16, 32, 64 bit); cc.h names them */
};

#define TLB_BITS 12
#define TLB_SIZE (1 << TLB_BITS)
/* A tag no address with this index can match. Tags are page addresses (low 12 bits clear). */
#define TLB_EMPTY(index) ((uint64_t)((index) ^ 1) << 12)

/* What C must know of a TLB entry besides what the fast path reads. */
typedef struct TlbInfo {
    uint64_t phys;          /* page address */
    uint8_t flags;          /* TLB_* */
    uint8_t page_shift;     /* of the guest's translation: 12, 21, 22, 30 */
    uint32_t vtag;          /* linear address bits 55..24: with the index, which page */
} TlbInfo;
/* irq_shadow: what STI and what MOV or POP SS hold back; the latter #DB too */
enum { SHADOW_NONE, SHADOW_STI, SHADOW_SS };

enum { TLB_GLOBAL = 1, TLB_USER = 2, TLB_WRITABLE = 4, TLB_DIRTY = 8, TLB_MMIO = 16, TLB_VALID = 32 };

/* exit_request bits. Any bit makes the running block return to exec.c at its end. */
enum {
    EXIT_EVENT = 1,     /* soft_cpu_handle_events() has something to do */
    EXIT_ONE = 2,       /* exec.c only: do not go on to another block */
};

/* Where indirect and cross-page jumps went last; valid while gen is the context's jump_gen. */
#define JUMP_CACHE_SIZE 1024
typedef struct JumpSlot {
    uint64_t rip, gen;
    Block *block;
} JumpSlot;

/*
 * One translation context. Entries are here only if the plain access is right
 * with no further question (RAM, permitted, A/D set, no code page for tag_w, no
 * watchpoint); all else goes to mem.c.
 */
typedef struct SoftTlb {
    uint64_t tag_r[TLB_SIZE];
    uint64_t tag_w[TLB_SIZE];
    uintptr_t host[TLB_SIZE];       /* host address of the page */
    TlbInfo info[TLB_SIZE];
    struct { uint64_t page, phys; uint32_t gen; } x[256];  /* execute TLB: block look-up only */
    uint16_t filled[TLB_SIZE];      /* indices filled since the last flush */
    uint32_t nr_filled;
    uint32_t pcid;
    uint64_t last_used;
    uint64_t jump_gen;              /* tlb.c adds 1 at every flush, of a page or of all */
    JumpSlot jump[JUMP_CACHE_SIZE];
    uint8_t large;                  /* slots of large pages were filled: 1 up to 4 MiB, 3 1 GiB */
    bool aligned;                   /* alignment is checked: the tag arrays stay empty */
} SoftTlb;

typedef union VecReg {
    uint8_t b[32];
    uint16_t w[16];
    uint32_t d[8];
    uint64_t q[4];
    float f[8];
    double lf[4];
} ALIGNED(32) VecReg;

/* Offsets up to 0x7ff are used by emitted code; static asserts in soft.c hold them. */
struct SoftCpu {
    /* 0x000 */
    union {
        uint64_t gpr[18];   /* R_AX.., then R_NONE (always 0) and R_RIP for address sums */
        struct {
            uint64_t regs_[16], zero;
            uint64_t rip;   /* while a block runs: the RIP of its first byte, see interp.h */
        };
    };
    uint64_t cc_dst, cc_src;
    uint32_t cc_op;
    uint32_t eflags;        /* all but the arithmetic flags (those are in cc_*) */
    SoftTlb *tlb;           /* current context */
    const Op *op;           /* instruction under way, set on slow paths, for faults */
    Block *block;           /* block under way */
    /* 0x0c0 */
    _Alignas(64) _Atomic uint32_t exit_request; /* written by any thread; tested at block ends */
    int32_t budget;
    uint32_t mode;          /* MODE_* */
    uint8_t cpl;
    uint8_t halted;         /* in HLT, or waiting for SIPI */
    uint8_t irq_shadow;     /* SHADOW_*: no interrupt before the next instruction */
    uint8_t nmi_blocked;
    /* 0x100 */
    _Alignas(64) Segment seg[NR_SEGS];
    Segment ldt, tr;
    struct { uint64_t base; uint32_t limit; } gdt, idt;
    /* 0x200: scratch for emitted code */
    _Alignas(512) uint8_t scratch[512];
    /* 0x400 */
    VecReg vec[16];
    /*
     * 0x600: x87 and MXCSR, in FXSAVE layout but for the order of the registers.
     * Others go through fpu.h (fpu_reset, fpu_get_fxsave, fpu_set_fxsave, fpu_set_mxcsr):
     * the fields from x87_fast on are derived and must follow each change.
     */
    struct {
        uint16_t fcw, fsw;
        uint8_t ftw_abridged, reserved0;    /* bit n: physical register n is in use */
        uint16_t fop;
        uint64_t fip, fdp;
        uint32_t mxcsr, mxcsr_mask;
        uint8_t st[8][16];      /* physical registers R0..R7 (= MM0..MM7), not ST(n) */
        uint32_t x87_fast;      /* all masked, and the host's sticky flags are a subset of ours */
        uint32_t mxcsr_run;     /* what is loaded while a guest instruction runs: all masked */
        uint32_t mxcsr_out;     /* what it left */
        uint32_t mxcsr_host;    /* what our own C code wants */
        uint64_t flags_out;     /* RFLAGS it left */
        uint8_t reserved1[8];
        uint8_t result[64];     /* what it would write to its destination */
        uint8_t reserved2[256];
    } fx;
    /* 0x800 */
    uint64_t cr0, cr2, cr3, cr4, cr8, xcr0, efer;
    uint64_t dr[8];
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux, tsc_adjust, tsc_deadline;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, misc_enable, spec_ctrl, debugctl, smbase, apic_base;
    uint64_t mtrr_def, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
    uint64_t mcg_status, mcg_ctl, mc_bank[10][4];
    int64_t tsc_offset;
    uint64_t a20_mask;      /* physical address mask */
    bool smm;

    uint64_t insn_count;    /* retired instructions, as far as counted */
    int exc_vector;         /* being delivered, for double faults; -1 none */
    sigjmp_buf unwind;      /* cpu_raise() lands here, in exec.c */
    Vcpu *vcpu;             /* the accelerator-neutral side */
    struct SoftTlb *ctx_kernel, *ctx_user[8];
    /* exec.c and block.c */
    Block *link_from;       /* this block's exit link_which wants a link to where rip is now */
    unsigned link_which;
    bool again;             /* EXC_AGAIN was raised */
    bool debug_stopped;     /* this run ended at a debugger's breakpoint */
    struct BlockCpu *block_cpu;

    struct SoftCpuPrivate *priv;    /* what only one file needs goes here, see that file */
};

/*
 * fault.c. Raise a guest exception for the instruction cpu->op of cpu->block;
 * never returns. The handler must not have changed architectural state that a
 * restart would see. EXC_PF: set cr2 first.
 */
NORETURN void cpu_raise(SoftCpu *cpu, const Op *op, int vector);
NORETURN void cpu_raise_err(SoftCpu *cpu, const Op *op, int vector, uint32_t error);

/* Flags, whole and materialised (cc.c): get the six arithmetic flags, or set them. */
uint32_t cpu_get_flags(SoftCpu *cpu);
void cpu_set_flags(SoftCpu *cpu, uint32_t arith);
static inline uint32_t cpu_eflags(SoftCpu *cpu)
{
    return cpu->eflags | cpu_get_flags(cpu) | 2;
}

/* soft.c/fault.c: recompute cpu->mode after CR0/CR4/EFER/XCR0/segment/CPL/TF changes. */
void cpu_update_mode(SoftCpu *cpu);

#endif
