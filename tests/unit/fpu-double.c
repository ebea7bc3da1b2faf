/* Stand-in for memory and faults around the FP and SIMD handlers; the host as oracle */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ucontext.h>

#include "accel/soft/interp.h"
#include "tests/unit/fpu-double.h"

FpuState *fpu_host;
SoftCpu *fpu_cpu;
uint8_t fpu_guest_mem[MEM_SIZE] ALIGNED(4096);
bool fpu_no_tlb;
uint32_t fpu_mode = MODE_CODE64 | MODE_FLAT | MODE_PE | MODE_PG | MODE_SSE | MODE_AVX | MODE_X87 |
                    MODE_LMA;

static uint8_t *code_write, *code_exec;
static sigjmp_buf host_fault, guest_fault;
static FpuOutcome host_outcome;
static int guest_vector;

/* The CPU's other halves ------------------------------------------------- */

void cpu_raise(SoftCpu *cpu, const Op *op, int vector)
{
    guest_vector = vector;
    siglongjmp(guest_fault, 1);
}

void cpu_raise_err(SoftCpu *cpu, const Op *op, int vector, uint32_t error)
{
    cpu_raise(cpu, op, vector);
}

uint32_t cpu_get_flags(SoftCpu *cpu)
{
    return cpu->cc_src;
}

void cpu_set_flags(SoftCpu *cpu, uint32_t arith)
{
    cpu->cc_op = CC_FLAGS;
    cpu->cc_src = arith;
}

static uint8_t *guest_mem(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    uint64_t off = la - (uintptr_t)fpu_host->mem;

    if (off > MEM_SIZE - size) {
        cpu_raise(cpu, op, EXC_PF);
    }
    return fpu_guest_mem + off;
}

uint64_t mem_load_slow(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, guest_mem(cpu, op, la, size), size);
    return v;
}

void mem_store_slow(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t value, unsigned size)
{
    memcpy(guest_mem(cpu, op, la, size), &value, size);
}

void mem_load_bytes(SoftCpu *cpu, const Op *op, uint64_t la, void *buf, unsigned size)
{
    memcpy(buf, guest_mem(cpu, op, la, size), size);
}

void mem_store_bytes(SoftCpu *cpu, const Op *op, uint64_t la, const void *buf, unsigned size)
{
    memcpy(guest_mem(cpu, op, la, size), buf, size);
}

void mem_probe(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write)
{
    guest_mem(cpu, op, la, size);
}

uint64_t ea_linear_slow(SoftCpu *cpu, const Op *op, uint64_t offset, unsigned size, bool write)
{
    return offset;
}

uint64_t seg_linear(SoftCpu *cpu, const Op *op, unsigned seg, uint64_t off, unsigned size,
                    bool write)
{
    return off;
}

/* Host ------------------------------------------------------------------ */

static void host_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    host_outcome.vector = sig == SIGFPE ? EXC_XM : sig == SIGILL ? EXC_UD :
                          info->si_code == SI_KERNEL ? EXC_GP : EXC_PF;
    host_outcome.mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    siglongjmp(host_fault, 1);
}

void fpu_double_init(void)
{
    static SoftCpu cpu;
    static const int signals[] = { SIGFPE, SIGILL, SIGSEGV };
    struct sigaction action = { .sa_sigaction = host_signal, .sa_flags = SA_SIGINFO };
    int fd = memfd_create("code", MFD_CLOEXEC);

    g_assert_cmpint(ftruncate(fd, 4096), ==, 0);
    code_write = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    code_exec = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    close(fd);
    /* Pages around stay unmapped: what runs over the end faults. */
    fpu_host = mmap(NULL, sizeof(*fpu_host) + 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    g_assert_true(code_exec != MAP_FAILED && fpu_host != MAP_FAILED);
    mprotect(fpu_host->mem + MEM_SIZE, 4096, PROT_NONE);
    for (unsigned n = 0; n < ARRAY_SIZE(signals); n++) {
        sigaction(signals[n], &action, NULL);
    }
    fpu_cpu = &cpu;
    fpu_cpu->tlb = g_new0(SoftTlb, 1);
}

typedef struct Code {
    uint8_t *p;
} Code;

#define CODE(code, ...)                                             \
    do {                                                            \
        const uint8_t bytes_[] = { __VA_ARGS__ };                   \
        memcpy((code)->p, bytes_, sizeof(bytes_));                  \
        (code)->p += sizeof(bytes_);                                \
    } while (0)

static void code_addr(Code *code, const void *at)
{
    uint32_t addr = (uintptr_t)at;

    memcpy(code->p, &addr, 4);
    code->p += 4;
}

/* vmovups between ymm n and memory. */
static void code_ymm(Code *code, uint8_t opcode, unsigned n)
{
    CODE(code, 0xc5, n < 8 ? 0xfc : 0x7c, opcode, 0x04 | (n & 7) << 3, 0x25);
    code_addr(code, &fpu_host->vec[n]);
}

static void code_gprs(Code *code, uint8_t opcode)
{
    for (unsigned n = 0; n < 16; n++) {
        if (n != R_SP) {
            CODE(code, 0x48 | (n >> 3) << 2, opcode, 0x04 | (n & 7) << 3, 0x25);
            code_addr(code, &fpu_host->gpr[n]);
        }
    }
}

static void host_code(const uint8_t *bytes, unsigned len)
{
    static const uint32_t mxcsr_default = MXCSR_INIT;
    Code code = { code_write };

    CODE(&code, 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57);
    CODE(&code, 0x48, 0x89, 0x24, 0x25);            /* mov [host_rsp], rsp */
    code_addr(&code, &fpu_host->host_rsp);
    CODE(&code, 0x48, 0x0f, 0xae, 0x0c, 0x25);      /* fxrstor64 [fx] */
    code_addr(&code, fpu_host->fx);
    for (unsigned n = 0; n < 16; n++) {
        code_ymm(&code, 0x10, n);
    }
    CODE(&code, 0xff, 0x34, 0x25);                  /* push [flags]; popfq */
    code_addr(&code, &fpu_host->flags);
    CODE(&code, 0x9d);
    code_gprs(&code, 0x8b);
    memcpy(code.p, bytes, len);
    code.p += len;
    code_gprs(&code, 0x89);
    CODE(&code, 0x9c, 0x8f, 0x04, 0x25);            /* pushfq; pop [flags] */
    code_addr(&code, &fpu_host->flags);
    for (unsigned n = 0; n < 16; n++) {
        code_ymm(&code, 0x11, n);
    }
    CODE(&code, 0x48, 0x0f, 0xae, 0x04, 0x25);      /* fxsave64 [fx]; fninit; vzeroupper */
    code_addr(&code, fpu_host->fx);
    CODE(&code, 0xdb, 0xe3, 0xc5, 0xf8, 0x77, 0x48, 0xb8);
    memcpy(code.p, &(uint64_t){ (uintptr_t)&mxcsr_default }, 8);
    code.p += 8;
    CODE(&code, 0x0f, 0xae, 0x10, 0xfc);            /* mov rax, ..; ldmxcsr [rax]; cld */
    CODE(&code, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3);
}

FpuOutcome fpu_run_host(const uint8_t *bytes, unsigned len)
{
    static const uint32_t mxcsr_default = MXCSR_INIT;

    host_code(bytes, len);
    host_outcome = (FpuOutcome){ .vector = -1 };
    if (sigsetjmp(host_fault, 1) == 0) {
        ((void (*)(void))code_exec)();
    } else {
        __asm__ volatile("fninit; ldmxcsr %0; vzeroupper; cld" : : "m"(mxcsr_default));
    }
    return host_outcome;
}

/* Guest ----------------------------------------------------------------- */

void fpu_copy_from_host(void)
{
    SoftCpu *cpu = fpu_cpu;

    memset(cpu->vec, 0, sizeof(cpu->vec));
    fpu_set_fxsave(cpu, fpu_host->fx);
    cpu->fx.fip = cpu->fx.fdp = cpu->fx.fop = 0;
    memcpy(cpu->vec, fpu_host->vec, sizeof(cpu->vec));
    memcpy(cpu->gpr, fpu_host->gpr, sizeof(fpu_host->gpr));
    cpu->gpr[R_NONE] = 0;
    cpu_set_flags(cpu, fpu_host->flags & FL_ARITH);
    memcpy(fpu_guest_mem, fpu_host->mem, MEM_SIZE);
    cpu->cr0 = CR0_PE | CR0_PG | CR0_NE | CR0_MP;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    cpu->xcr0 = XSTATE_ALL;
    cpu->mode = fpu_mode;
    for (unsigned n = 0; n < TLB_SIZE; n++) {
        cpu->tlb->tag_r[n] = cpu->tlb->tag_w[n] = TLB_EMPTY(n);
    }
    for (unsigned n = 0; n < MEM_PAGES && !fpu_no_tlb; n++) {
        uint64_t page = (uintptr_t)fpu_host->mem + n * 4096;
        unsigned slot = page >> 12 & (TLB_SIZE - 1);

        cpu->tlb->tag_r[slot] = cpu->tlb->tag_w[slot] = page;
        cpu->tlb->host[slot] = (uintptr_t)fpu_guest_mem + n * 4096;
    }
}

static const Op *guest_stop(SoftCpu *cpu, const Op *op)
{
    return NULL;
}

static OpFn *guest_pick(const Insn *insn)
{
    switch (insn_info[insn->op].cls) {
    case CLASS_SSE:
        return pick_sse(insn, fpu_mode);
    case CLASS_X87:
        return pick_x87(insn, fpu_mode);
    default:
        return NULL;
    }
}

FpuOutcome fpu_run_guest(const uint8_t *bytes, unsigned len, Insn *insn)
{
    static Op ops[2];
    int used = insn_decode(&ops[0].i, bytes, len, fpu_mode);

    *insn = ops[0].i;
    if (used != (int)len) {
        return (FpuOutcome){ .vector = -2 };
    }
    fpu_cpu->rip = 0x1000;
    ops[0].i.next = len;
    ops[0].fn = guest_pick(&ops[0].i);
    ops[1].fn = guest_stop;
    if (!ops[0].fn) {
        return (FpuOutcome){ .vector = -3 };
    }
    guest_vector = -1;
    if (sigsetjmp(guest_fault, 0) == 0) {
        ops[0].fn(fpu_cpu, ops);
    }
    return (FpuOutcome){ .vector = guest_vector, .mxcsr = fpu_cpu->fx.mxcsr };
}

/* Comparison ------------------------------------------------------------ */

static void dump(const char *what, const void *host, const void *guest, unsigned size)
{
    const uint8_t *h = host, *g = guest;

    g_printerr("# %s\n#   host  ", what);
    for (unsigned n = size; n-- > 0;) {
        g_printerr("%02x%s", h[n], n % 8 == 0 ? " " : "");
    }
    g_printerr("\n#   guest ");
    for (unsigned n = size; n-- > 0;) {
        g_printerr("%02x%s", g[n], n % 8 == 0 ? " " : "");
    }
    g_printerr("\n");
}

static bool differ(bool *same, const char *what, unsigned n, const void *host, const void *guest,
                   unsigned size)
{
    g_autofree char *name = NULL;

    if (memcmp(host, guest, size) == 0) {
        return false;
    }
    name = g_strdup_printf("%s %u", what, n);
    dump(name, host, guest, size);
    *same = false;
    return true;
}

bool fpu_compare(const Insn *insn, const uint8_t *bytes, uint32_t flags)
{
    uint8_t fx[FXSAVE_SIZE];
    uint32_t host_flags = fpu_host->flags & flags, guest_flags = cpu_get_flags(fpu_cpu) & flags;
    bool same = true;

    for (unsigned n = 0; n < 16; n++) {
        if (n != R_SP) {
            differ(&same, "gpr", n, &fpu_host->gpr[n], &fpu_cpu->gpr[n], 8);
        }
        differ(&same, "ymm", n, &fpu_host->vec[n], &fpu_cpu->vec[n], 32);
    }
    differ(&same, "flags", 0, &host_flags, &guest_flags, 4);
    fpu_get_fxsave(fpu_cpu, fx);
    differ(&same, "fcw fsw ftw", 0, fpu_host->fx, fx, 5);
    differ(&same, "mxcsr", 0, fpu_host->fx + 24, fx + 24, 4);
    for (unsigned n = 0; n < 8; n++) {
        differ(&same, "st", n, fpu_host->fx + 32 + 16 * n, fx + 32 + 16 * n, 16);
    }
    for (unsigned n = 0; n < MEM_SIZE; n += 16) {
        differ(&same, "mem", n, fpu_host->mem + n, fpu_guest_mem + n, 16);
    }
    if (!same) {
        g_printerr("# %s:", insn_info[insn->op].name);
        for (unsigned n = 0; n < insn->len; n++) {
            g_printerr(" %02x", bytes[n]);
        }
        g_printerr("\n");
    }
    return same;
}

/* Numbers --------------------------------------------------------------- */

void fpu_random_floats(GRand *rand, void *to, unsigned size, unsigned float_size)
{
    static const uint32_t special32[] = {
        0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345,
        0x7f812345, 0xff800001, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff,
        0x4f000000, 0xcf000000, 0x5f000000, 0x33800000, 0x00400000, 0x40490fdb,
    };
    static const uint64_t special64[] = {
        0, 1ULL << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
        0xfff0000000000000, 0x7ff8000000000000, 0xfff8123456789abc, 0x7ff0123456789abc,
        0xfff0000000000001, 1, 0x8000000000000001, 0x000fffffffffffff, 0x0010000000000000,
        0x7fefffffffffffff, 0x41dfffffffc00000, 0xc1e0000000000000, 0x43e0000000000000,
        0xc3e0000000000000, 0x3810000000000000, 0x36a0000000000000, 0x400921fb54442d18,
    };
    uint8_t *p = to;

    for (unsigned n = 0; n < size; n += float_size) {
        bool special = g_rand_int_range(rand, 0, 3) == 0, small = g_rand_boolean(rand);

        if (float_size == 4) {
            uint32_t v = special ? special32[g_rand_int(rand) % ARRAY_SIZE(special32)] :
                         g_rand_int(rand);

            if (!special && small) {
                v = (v & 0x83ffffff) | 0x3c000000;
            }
            memcpy(p + n, &v, 4);
        } else {
            uint64_t v = special ? special64[g_rand_int(rand) % ARRAY_SIZE(special64)] :
                         (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

            if (!special && small) {
                v = (v & 0x807fffffffffffff) | 0x3f80000000000000;
            }
            memcpy(p + n, &v, 8);
        }
    }
}

void fpu_random_x87(GRand *rand)
{
    static const uint16_t exponents[] = { 0, 0x7fff, 0x3fff, 0x3ffe, 0x4000, 1, 0x7ffe, 0x403e,
                                          0x3c00, 0x43ff, 0x3f80, 0x407f, 0x401e };
    static const uint64_t mantissas[] = { 0, 1ULL << 63, 3ULL << 62, 1, ~0ULL, 0xc90fdaa22168c235,
                                          1ULL << 62, 0x8000000000000001 };

    memset(fpu_host->fx + 32, 0, 128);
    for (unsigned n = 0; n < 8; n++) {
        uint8_t *cell = fpu_host->fx + 32 + 16 * n;
        unsigned kind = g_rand_int_range(rand, 0, 4);
        uint64_t mantissa = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
        uint16_t exponent = g_rand_int(rand), sign = g_rand_boolean(rand) << 15;

        if (kind == 0) {
            mantissa = mantissas[g_rand_int(rand) % ARRAY_SIZE(mantissas)];
            exponent = exponents[g_rand_int(rand) % ARRAY_SIZE(exponents)];
        } else if (kind == 1) {
            exponent = g_rand_int_range(rand, 0x3fff - 20, 0x3fff + 66);
            mantissa |= 1ULL << 63;
        } else if (kind == 2) {
            exponent = g_rand_int_range(rand, 0x3fff - 3, 0x3fff + 10);
            mantissa |= 1ULL << 63;
        }
        exponent = (exponent & 0x7fff) | sign;
        memcpy(cell, &mantissa, 8);
        memcpy(cell + 8, &exponent, 2);
    }
}
