/* Run one instruction on the host CPU, in a sandbox, by signal frames and single step */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <signal.h>
#include <asm/ldt.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "accel/soft/soft-cpu.h"
#include "tests/cpu/fuzz.h"

/*
 * SIGUSR1 comes in with the program's own context; the handler puts it aside and
 * returns to the instruction instead, with the trap flag set. Whatever stops the
 * instruction is a signal again, whose frame is the result; then back home.
 * CS 0x23 is Linux's 32-bit user segment: returning there is all that 32-bit code needs.
 */
enum { SEL_CODE32 = 0x23, SEL_DATA = 0x2b, MAX_STEPS = 300 };
enum { FX_SW_RESERVED = 464, XSAVE_BV = 512, XSAVE_YMM = 576 };

const FuzzArea fuzz_areas[NR_AREAS] = {
    [AREA_CODE] = { 0x20000000, 1, false, true },
    [AREA_DATA] = { 0x20010000, 2, true, false },
    [AREA_CONST] = { 0x20014000, 1, false, false },
    [AREA_STACK] = { 0x20018000, 2, true, false },
};

/* The sandbox lies at offsets below 64 KiB: data at 0, constants at 0x4000, the stack at 0x8000. */
#define CODE_BASE 0x20000000
#define DATA_BASE 0x20010000
const FuzzSegs fuzz_segs[NR_FUZZ_SEGS] = {
    /* 16-bit code: limits where the memory ends; 64 KiB; 32-bit stack; expand-down */
    { { CODE_BASE, 0xfff, false, false }, { DATA_BASE, 0x9fff, false, false },
      { DATA_BASE, 0x9fff, false, false } },
    { { CODE_BASE, 0xffff, false, false }, { DATA_BASE, 0xffff, false, false },
      { DATA_BASE, 0xffff, false, false } },
    { { CODE_BASE, 0xffff, false, false }, { DATA_BASE, 0x4fff, true, false },
      { DATA_BASE, 0x8fff, true, false } },
    { { CODE_BASE, 0xfff, false, false }, { DATA_BASE, 0xfff, false, true },
      { DATA_BASE, 0x8fff, false, true } },
    /* 32-bit code: the same */
    { { CODE_BASE, 0xfff, true, false }, { DATA_BASE, 0x9fff, true, false },
      { DATA_BASE, 0x9fff, true, false } },
    { { CODE_BASE, 0xffff, true, false }, { DATA_BASE, 0xffff, true, false },
      { DATA_BASE, 0xffff, false, false } },
    { { 0, 0xffffffff, true, false }, { DATA_BASE + 3, 0x4fff, true, false },
      { 0, 0xffffffff, true, false } },
    { { CODE_BASE, 0xffff, true, false }, { DATA_BASE, 0xfff, true, true },
      { DATA_BASE, 0x8fff, true, true } },
};

static bool has_ldt;

bool fuzz_native_has_ldt(void)
{
    return has_ldt;
}

static bool ldt_enter(unsigned n, const FuzzSeg *seg, unsigned contents)
{
    struct user_desc desc = {
        .entry_number = n, .base_addr = seg->base, .limit = seg->limit, .contents = contents,
        .seg_32bit = seg->big,
    };

    if (seg->limit > 0xfffff) {
        desc.limit >>= 12;
        desc.limit_in_pages = 1;
    }
    return syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)) == 0;
}

/* Not every kernel has LDTs, or 16-bit segments in them. */
static bool make_ldt(void)
{
    bool ok = true;

    for (unsigned n = 0; ok && n < NR_FUZZ_SEGS; n++) {
        const FuzzSegs *s = &fuzz_segs[n];

        ok = ldt_enter(3 * n, &s->code, MODIFY_LDT_CONTENTS_CODE) &&
             ldt_enter(3 * n + 1, &s->data, s->data.down ? MODIFY_LDT_CONTENTS_STACK : 0) &&
             ldt_enter(3 * n + 2, &s->stack, s->stack.down ? MODIFY_LDT_CONTENTS_STACK : 0);
    }
    return ok;
}

static struct {
    volatile bool inside;
    ucontext_t home;
    uint8_t home_fpu[XSAVE_YMM + 256];
    const FuzzCase *c;
    FuzzState *out;
    unsigned steps;
} run;

static uint8_t *shared;     /* the sandbox again, all writable */

unsigned fuzz_area_offset(unsigned area)
{
    unsigned pages = 0;

    for (unsigned n = 0; n < area; n++) {
        pages += fuzz_areas[n].pages;
    }
    return pages * PAGE;
}

static const int greg_of[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static void enter(ucontext_t *u)
{
    greg_t *g = u->uc_mcontext.gregs;
    uint8_t *fp = (uint8_t *)u->uc_mcontext.fpregs;
    const FuzzState *in = &run.c->in;
    uint64_t bv;

    run.home = *u;
    memcpy(run.home_fpu, fp, sizeof(run.home_fpu));
    run.inside = true;
    run.steps = 0;
    for (unsigned n = 0; n < 16; n++) {
        g[greg_of[n]] = in->gpr[n];
    }
    g[REG_RIP] = in->rip;
    g[REG_EFL] = in->eflags | (run.c->sequence ? 0 : FL_TF) | FL_IF | 2;
    if (run.c->segs) {
        greg_t sel = fuzz_selector(run.c->segs);

        g[REG_CSGSFS] = (g[REG_CSGSFS] & 0xffffffff0000ll) | sel | (sel + 16) << 48;
    } else if ((run.c->mode & MODE_CODE_MASK) == MODE_CODE32) {
        g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xffffll) | SEL_CODE32;
    }
    memcpy(fp, in->fx, FX_SW_RESERVED);
    memcpy(&bv, fp + XSAVE_BV, sizeof(bv));
    bv |= 7;
    memcpy(fp + XSAVE_BV, &bv, sizeof(bv));
    memcpy(fp + XSAVE_YMM, in->ymm_high, sizeof(in->ymm_high));
}

static void leave(ucontext_t *u)
{
    greg_t *g = u->uc_mcontext.gregs;
    uint8_t *fp = (uint8_t *)u->uc_mcontext.fpregs;
    FuzzState *out = run.out;
    uint64_t bv;

    for (unsigned n = 0; n < 16; n++) {
        out->gpr[n] = g[greg_of[n]];
    }
    out->rip = g[REG_RIP];
    out->eflags = g[REG_EFL];
    out->vector = g[REG_TRAPNO];
    out->error = g[REG_ERR];
    out->cr2 = out->vector == EXC_PF ? g[REG_CR2] : 0;
    memcpy(out->fx, fp, FX_SW_RESERVED);
    memcpy(&bv, fp + XSAVE_BV, sizeof(bv));
    if (bv & 4) {
        memcpy(out->ymm_high, fp + XSAVE_YMM, sizeof(out->ymm_high));
    } else {
        memset(out->ymm_high, 0, sizeof(out->ymm_high));
    }
    memcpy(g, run.home.uc_mcontext.gregs, sizeof(run.home.uc_mcontext.gregs));
    memcpy(fp, run.home_fpu, sizeof(run.home_fpu));
    run.inside = false;
}

/* Repeated string instructions and gathers trap after each element. */
static bool goes_on(const Insn *i)
{
    return insn_info[i->op].cls == CLASS_STRING || (insn_info[i->op].attr & A_VSIB);
}

void signal_handler(int sig, siginfo_t *info, void *context);
__attribute__((used)) void signal_handler(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    greg_t *g = u->uc_mcontext.gregs;

    if (!run.inside) {
        if (sig != SIGUSR1) {
            _exit(99);      /* the fuzzer's own fault */
        }
        enter(u);
        return;
    }
    if (sig == SIGTRAP && g[REG_TRAPNO] == EXC_DB && (uint64_t)g[REG_RIP] == run.c->in.rip &&
        goes_on(&run.c->insn) && run.steps++ < MAX_STEPS) {
        return;
    }
    leave(u);
}

/* Linux leaves EFLAGS.AC to the handler, and C does not mind its alignment. */
__asm__(".text\n"
        ".local signal_entry\n"
        "signal_entry:\n"
        "    pushfq\n"
        "    andl $~0x40000, (%rsp)\n"
        "    popfq\n"
        "    jmp signal_handler\n");
void signal_entry(int sig, siginfo_t *info, void *context);

static const struct sigaction action = {
    .sa_sigaction = signal_entry, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
};

bool fuzz_native_init(void)
{
    static const int signals[] = { SIGUSR1, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
    const size_t stack_size = 256 * 1024;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    stack_t stack = { .ss_sp = g_malloc(stack_size), .ss_size = stack_size };

    if (!__builtin_cpu_supports("avx2") || !(getauxval(AT_HWCAP2) & 2 /* FSGSBASE */)) {
        return false;
    }
    if (fd < 0 || ftruncate(fd, sizeof(FuzzMemory))) {
        return false;
    }
    shared = mmap(NULL, sizeof(FuzzMemory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (unsigned n = 0; n < NR_AREAS; n++) {
        const FuzzArea *a = &fuzz_areas[n];
        void *want = (void *)(uintptr_t)a->addr;
        int prot = PROT_READ | (a->writable ? PROT_WRITE : 0) | (a->code ? PROT_EXEC : 0);
        void *got = mmap(want, a->pages * PAGE, prot, MAP_SHARED | MAP_POPULATE |
                         MAP_FIXED_NOREPLACE, fd, fuzz_area_offset(n));

        if (got != want) {
            return false;
        }
    }
    close(fd);
    sigaltstack(&stack, NULL);
    for (unsigned n = 0; n < ARRAY_SIZE(signals); n++) {
        sigaction(signals[n], &action, NULL);
    }
    has_ldt = make_ldt();
    return true;
}

void fuzz_native_run(const FuzzCase *c, FuzzMemory *memory, FuzzState *out)
{
    struct sigaction interpreters;
    unsigned data = c->segs ? fuzz_selector(c->segs) + 8u : SEL_DATA;

    /* 32-bit code wants real data segments; 64-bit code, as ours, does not look at them */
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(data));
    memcpy(shared, *memory, sizeof(*memory));
    sigaction(SIGFPE, &action, &interpreters);  /* which has a use for it too */
    run.c = c;
    run.out = out;
    __asm__ volatile("wrgsbase %0" : : "r"(c->in.gs_base));
    raise(SIGUSR1);
    sigaction(SIGFPE, &interpreters, NULL);
    memcpy(*memory, shared, sizeof(*memory));
    out->gs_base = c->in.gs_base;
    if (out->vector == EXC_DB) {
        out->vector = -1;
    }
}
