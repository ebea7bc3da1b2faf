/* The interpreter core without the system half: 64-bit code against the host, 16/32-bit by hand */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <sys/mman.h>

#include "accel/soft/fpu.h"
#include "accel/soft/insn-info.h"
#include "accel/soft/interp.h"
#include "accel/soft/smc.h"
#include "accel/soft/soft.h"

/*
 * Guest linear = physical = host addresses inside the arena, so that the same
 * code with the same pointers runs on the host and in the interpreter. The
 * functions of the system half that the core needs are here in their simplest
 * form.
 */
#define ARENA_SIZE (1u << 20)
#define CODE_OFF  0x0000
#define DATA_OFF  0x4000
#define STACK_OFF 0x9000
static uint8_t *arena;

static bool in_arena(uint64_t la)
{
    return la >= (uintptr_t)arena && la < (uintptr_t)arena + ARENA_SIZE;
}

static int raised;
static uint32_t raised_error;
static unsigned nr_io;

void cpu_raise(SoftCpu *cpu, const Op *op, int vector)
{
    raised = vector;
    cpu->op = op;
    siglongjmp(cpu->unwind, 1);
}

void cpu_raise_err(SoftCpu *cpu, const Op *op, int vector, uint32_t error)
{
    raised_error = error;
    cpu_raise(cpu, op, vector);
}

void fault_deliver(SoftCpu *cpu)
{
    atomic_store(&cpu->exit_request, EXIT_EVENT);
}

bool tlb_fill(SoftCpu *cpu, const Op *op, uint64_t la, int access, bool sys)
{
    unsigned i = (la >> 12) & (TLB_SIZE - 1);
    uint64_t page = la & ~4095ULL;

    if (!in_arena(la)) {
        cpu->cr2 = la;
        cpu_raise_err(cpu, op, EXC_PF, access == ACC_WRITE ? 2 : 0);
    }
    if (cpu->tlb->host[i] != page) {
        cpu->tlb->tag_r[i] = cpu->tlb->tag_w[i] = TLB_EMPTY(i);
    }
    cpu->tlb->host[i] = page;
    cpu->tlb->info[i].phys = page;
    if (access == ACC_WRITE) {
        if (smc_page_is_code(cpu, page) || !smc_note_writable(cpu, page)) {
            return false;
        }
        cpu->tlb->tag_w[i] = page;
    }
    cpu->tlb->tag_r[i] = page;
    return true;
}

bool tlb_try(SoftCpu *cpu, uint64_t la, int access, bool sys, MmuPage *page)
{
    page->phys = la;
    return in_arena(la);
}

uint64_t tlb_fetch(SoftCpu *cpu, const Op *op, uint64_t la)
{
    if (!in_arena(la)) {
        cpu->cr2 = la;
        cpu_raise_err(cpu, op, EXC_PF, 16);
    }
    return la;
}

void tlb_drop_write(SoftCpu *cpu, uint64_t phys)
{
    unsigned i = (phys >> 12) & (TLB_SIZE - 1);

    cpu->tlb->tag_w[i] = TLB_EMPTY(i);
}

uint64_t seg_linear(SoftCpu *cpu, const Op *op, unsigned seg, uint64_t off, unsigned size, bool w)
{
    if (off + size - 1 > cpu->seg[seg].limit) {
        cpu_raise_err(cpu, op, seg == S_SS ? EXC_SS : EXC_GP, 0);
    }
    return (uint32_t)(cpu->seg[seg].base + off);
}

void exclusive_begin(SoftCpu *cpu)
{
}

void exclusive_end(SoftCpu *cpu)
{
}

/* An "interrupt": the next look at events goes there. */
static uint64_t redirect_to;

bool soft_cpu_handle_events(SoftCpu *cpu)
{
    if (redirect_to) {
        cpu->rip = redirect_to;
        redirect_to = 0;
        atomic_store(&cpu->exit_request, 0);
        return true;
    }
    return false;
}

void soft_log_built(SoftCpu *cpu, const Block *b)
{
}

void soft_log_run(SoftCpu *cpu, const Block *b)
{
}

bool debug_watches_page(SoftCpu *cpu, uint64_t la)
{
    return false;
}

void debug_check_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write)
{
}

void debug_probe_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
}

bool gdb_breaks_at(const SoftCpu *cpu, unsigned offset)
{
    return false;
}

void gdb_stop_here(SoftCpu *cpu)
{
}

void gdb_step_done(SoftCpu *cpu)
{
}

void debug_check_fetch(SoftCpu *cpu, uint64_t la)
{
}

bool debug_has_code_breakpoints(SoftCpu *cpu)
{
    return false;
}

void debug_step_done(SoftCpu *cpu)
{
}

void io_check(SoftCpu *cpu, const Op *op, uint16_t port, unsigned size)
{
}

uint32_t io_in(SoftCpu *cpu, uint16_t port, unsigned size)
{
    return 0x11223344 + port + nr_io++;
}

void io_out(SoftCpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    nr_io++;
}

OpFn *pick_x87(const Insn *i, uint32_t mode)
{
    return NULL;
}

OpFn *pick_sse(const Insn *i, uint32_t mode)
{
    return NULL;
}

/* HLT ends each test program. */
static const Op *op_halt(SoftCpu *cpu, const Op *op)
{
    atomic_store(&cpu->exit_request, EXIT_EVENT);
    raised = -2;
    return END_BLOCK(cpu, op);
}

/* OUT asks for an interrupt at the end of the block, the first time. */
static uint64_t out_redirects;

static const Op *op_out(SoftCpu *cpu, const Op *op)
{
    if (out_redirects) {
        redirect_to = out_redirects;
        out_redirects = 0;
        atomic_store(&cpu->exit_request, EXIT_EVENT);
    }
    return NEXT(cpu, op);
}

bool cpuid_allows(const SoftCpu *cpu, const Insn *insn)
{
    return true;
}

OpFn *pick_sys(const Insn *i, uint32_t mode)
{
    return i->op == OP_HLT ? op_halt : i->op == OP_OUT_Ib_AL ? op_out : NULL;
}

static void *test_ram(SoftCpu *cpu, uint64_t phys, bool write)
{
    return in_arena(phys) ? (void *)(uintptr_t)phys : NULL;
}

static uint64_t test_ram_addr(SoftCpu *cpu, uint64_t phys)
{
    return phys;
}

static uint64_t test_ld(SoftCpu *cpu, uint64_t phys, unsigned size)
{
    return UINT64_MAX >> (64 - 8 * size);
}

static void test_st(SoftCpu *cpu, uint64_t phys, uint64_t value, unsigned size)
{
}

static const PhysOps test_phys = {
    .ram = test_ram, .ram_addr = test_ram_addr, .ld = test_ld, .st = test_st,
};

static SoftCpu *cpu;

static void machine_init(void)
{
    unsigned n;

    arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    g_assert_true(arena != MAP_FAILED);
    phys_ops = &test_phys;
    cpu = aligned_alloc(4096, ROUND_UP(sizeof(SoftCpu), 4096));
    memset(cpu, 0, sizeof(*cpu));
    cpu->tlb = cpu->ctx_kernel = g_new0(SoftTlb, 1);
    for (n = 0; n < TLB_SIZE; n++) {
        cpu->tlb->tag_r[n] = cpu->tlb->tag_w[n] = TLB_EMPTY(n);
    }
    block_cpu_init(cpu);
}

static void set_mode(uint32_t mode, uint64_t base)
{
    unsigned n;

    cpu->mode = mode | MODE_UP;
    for (n = 0; n < NR_SEGS; n++) {
        cpu->seg[n].base = mode & MODE_FLAT ? 0 : base;
        cpu->seg[n].limit = (mode & MODE_CODE_MASK) == MODE_CODE16 ? 0xffff : 0xffffffff;
    }
}
#define MODE_TEST64 (MODE_CODE64 | MODE_STACK64 | MODE_FLAT | MODE_PE | MODE_PG | MODE_LMA)
#define MODE_TEST32 (MODE_CODE32 | MODE_STACK32 | MODE_FLAT | MODE_CS_FLAT | MODE_PE)
#define MODE_TEST16 (MODE_CODE16 | MODE_STACK16)

/* Until HLT or a fault: -2 or the vector. */
static int run(uint64_t rip)
{
    cpu->rip = rip;
    raised = -1;
    atomic_store(&cpu->exit_request, 0);
    soft_cpu_exec(cpu);
    return raised;
}

/* Put code behind CODE_OFF with a HLT at its end; as a store of the guest would. */
static uint64_t load_code(const uint8_t *code, size_t len)
{
    memcpy(arena + CODE_OFF, code, len);
    arena[CODE_OFF + len] = 0xf4;
    smc_invalidate_ram((uintptr_t)arena + CODE_OFF, len + 1);
    return (uintptr_t)arena + CODE_OFF;
}

/* A snippet assembled by the compiler's assembler for some code size. */
#define CODE(bits, name, text)                                                              \
    __asm__(".pushsection .rodata\n.code" #bits "\n" #name "_start:\n" text                 \
            "\n" #name "_end:\n.code64\n.popsection\n");                                    \
    extern const uint8_t name##_start[], name##_end[]

/* Against the host -------------------------------------------------------- */

typedef struct Regs {
    uint64_t r[16];         /* encoding order; rsp unused */
    uint64_t flags;
} Regs;

/* Emitted around the code: load registers from rdi's Regs, run, store back. */
static void host_run(const uint8_t *code, size_t len, Regs *regs)
{
    static const uint8_t order[] = { 0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 7 };
    uint8_t *p = arena + 0xf0000, *start = p;
    uint64_t slot = (uintptr_t)arena + 0xef000;
    unsigned n;

    memcpy((void *)(uintptr_t)slot, regs, sizeof(*regs));
    /* push rbx rbp r12..r15; mov [slot + 0x200], rsp through rax */
    const uint8_t save[] = { 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57 };
    memcpy(p, save, sizeof(save));
    p += sizeof(save);
    /* push qword [abs slot.flags]; popfq */
    *p++ = 0xff; *p++ = 0x34; *p++ = 0x25;
    uint32_t at = slot + offsetof(Regs, flags);
    memcpy(p, &at, 4);
    p += 4;
    *p++ = 0x9d;
    for (n = 0; n < sizeof(order); n++) {
        unsigned r = order[n];

        /* mov r, [abs slot + 8r] */
        *p++ = 0x48 | (r >= 8 ? 4 : 0);
        *p++ = 0x8b;
        *p++ = 0x04 | (r & 7) << 3;
        *p++ = 0x25;
        at = slot + 8 * r;
        memcpy(p, &at, 4);
        p += 4;
    }
    memcpy(p, code, len);
    p += len;
    for (n = 0; n < sizeof(order); n++) {
        unsigned r = order[n];

        *p++ = 0x48 | (r >= 8 ? 4 : 0);
        *p++ = 0x89;
        *p++ = 0x04 | (r & 7) << 3;
        *p++ = 0x25;
        at = slot + 8 * r;
        memcpy(p, &at, 4);
        p += 4;
    }
    /* pushfq; pop qword [abs slot.flags]; cld; pops; ret */
    *p++ = 0x9c;
    *p++ = 0x8f; *p++ = 0x04; *p++ = 0x25;
    at = slot + offsetof(Regs, flags);
    memcpy(p, &at, 4);
    p += 4;
    const uint8_t restore[] = { 0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c,
                                       0x5d, 0x5b, 0xc3 };
    memcpy(p, restore, sizeof(restore));
    ((void (*)(void))(uintptr_t)start)();
    memcpy(regs, (void *)(uintptr_t)slot, sizeof(*regs));
}

static uint64_t seed = 88172645463325252ULL;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t corner(void)
{
    static const uint64_t c[] = {
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        0x100000000, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX, 31, 32, 33, 63, 64, 15,
        16, 17, 8, 9,
    };

    return rnd() & 1 ? c[rnd() % ARRAY_SIZE(c)] : rnd() >> (rnd() & 63);
}

/*
 * Run code both ways with random registers; r14 and r15 point into the data
 * pages (r15 near a page's end), r13 is a small index. Compare registers, the
 * given flags, and the data pages.
 */
static void compare(const char *name, const uint8_t *code, size_t len, uint32_t flags)
{
    static uint8_t before[0x4000], host_after[0x4000];
    unsigned round, n;

    set_mode(MODE_TEST64, 0);
    load_code(code, len);
    for (round = 0; round < 200; round++) {
        Regs in, host;
        uint32_t got;

        for (n = 0; n < 16; n++) {
            in.r[n] = corner();
        }
        in.r[4] = 0;
        in.r[13] = rnd() & 31;
        in.r[14] = (uintptr_t)arena + DATA_OFF + 0x800 + (rnd() & 63);
        in.r[15] = (uintptr_t)arena + DATA_OFF + 0x1000 - (rnd() & 15);
        in.flags = (rnd() & FL_ARITH) | 0x202;
        for (n = 0; n < sizeof(before); n += 8) {
            uint64_t v = corner();

            memcpy(arena + DATA_OFF + n, &v, 8);
        }
        memcpy(before, arena + DATA_OFF, sizeof(before));
        host = in;
        host_run(code, len, &host);
        memcpy(host_after, arena + DATA_OFF, sizeof(before));
        memcpy(arena + DATA_OFF, before, sizeof(before));

        memcpy(cpu->gpr, in.r, sizeof(in.r));
        cpu->gpr[R_SP] = (uintptr_t)arena + STACK_OFF;
        cpu->eflags = 2;
        cpu_set_flags(cpu, in.flags & FL_ARITH);
        g_assert_cmpint(run((uintptr_t)arena + CODE_OFF), ==, -2);
        g_assert_cmpuint(cpu->gpr[R_SP], ==, (uintptr_t)arena + STACK_OFF);
        for (n = 0; n < 16; n++) {
            if (n != R_SP && cpu->gpr[n] != host.r[n]) {
                g_error("%s: register %u is 0x%" PRIx64 ", host 0x%" PRIx64
                        " (in 0x%" PRIx64 ", rcx 0x%" PRIx64 ")", name, n, cpu->gpr[n],
                        host.r[n], in.r[n], in.r[1]);
            }
        }
        got = cpu_get_flags(cpu);
        if ((got ^ host.flags) & flags) {
            g_error("%s: flags 0x%x, host 0x%x, mask 0x%x (rax 0x%" PRIx64 " rbx 0x%" PRIx64
                    " rcx 0x%" PRIx64 " in 0x%x)", name, got, (unsigned)host.flags & FL_ARITH,
                    flags, in.r[0], in.r[3], in.r[1], (unsigned)in.flags & FL_ARITH);
        }
        if (memcmp(arena + DATA_OFF, host_after, sizeof(before))) {
            g_error("%s: memory differs", name);
        }
    }
}

typedef struct Case {
    const char *name;
    const uint8_t *start, *end;
    uint32_t flags;
} Case;

#define ALL FL_ARITH
#define NOAF (FL_ARITH & ~FL_AF)
#define CZ (FL_CF | FL_ZF)
#define CO (FL_CF | FL_OF)
/* name, assembler text, flags to compare */
#define CASES(X)                                                                            \
    X(add, "add %rbx,%rax; adc %cl,%dl; add $0x12345678,%r8; adc $-5,%r9d; add %bh,%ah", ALL) \
    X(add16, "add %bx,%ax; adc %cx,%dx; sbb $0x1234,%bp; sub %si,%di", ALL)                 \
    X(sbb, "sub %rbx,%rax; sbb %ecx,%edx; sbb $1,%r8b; sbb %rsi,%rdi", ALL)                 \
    X(logic, "and %rbx,%rax; or %ecx,%edx; xor %r8w,%r9w; and $0x7f,%r10b", NOAF)           \
    X(alumem, "add %rax,(%r15); sub 8(%r14),%rbx; xor %cl,3(%r15); adc (%r14,%r13,8),%edx;" \
      "sbb %r8d,-4(%r15); orb $0x55,(%r15); and %si,(%r14,%r13,2)", NOAF)                    \
    X(alumem2, "addq $-3,(%r15); subw $0x1234,5(%r15); cmpb $3,(%r14); incl (%r15);"        \
      "sbbl $7,(%r14,%r13,4); decq -3(%r15); negb (%r14); notl 1(%r14); adcb %cl,(%r14)", ALL) \
    X(cmpset, "cmp %rbx,%rax; setb %cl; setl %ch; setle %dl; seta (%r14); setp %dh;"        \
      "cmp %r8d,%r9d; setge %sil; seto %dil; setbe 1(%r15)", ALL)                           \
    X(cmov, "cmp %ebx,%eax; cmovl %rcx,%rdx; cmovae %r8d,%r9d; cmovo (%r15),%r10w;"         \
      "cmovs 4(%r14),%r11d; cmovp %rsi,%rdi", ALL)                                          \
    X(incdec, "stc; inc %eax; dec %rbx; inc %cl; dec %dh; neg %rsi; neg %bpl; inc %r8w", ALL) \
    X(shli, "shl $3,%rax; shl $1,%ebx; shl $7,%cl; shl %dl", FL_ARITH & ~(FL_AF | FL_OF))   \
    X(shl1, "shl %rax", NOAF) X(shr1, "shr %ebx", NOAF) X(sar1, "sar %cx", NOAF)            \
    X(shr, "shr $5,%rax; sar $9,%rbx; sar $31,%ecx; shr $3,%dx; sar $6,%sil",               \
      FL_ARITH & ~(FL_AF | FL_OF))                                                          \
    X(shc, "shl %cl,%rax; shr %cl,%rbx", 0) X(sarc, "sar %cl,%edx; shl %cl,%esi", 0)        \
    X(shcf, "shr %cl,%rax", FL_ARITH & ~(FL_AF | FL_OF))                                    \
    X(sarcf, "sar %cl,%edx", FL_ARITH & ~(FL_AF | FL_OF))                                   \
    X(shc8, "shr %cl,%al; shl %cl,%bl; sar %cl,%dh; shr %cl,%si; sar %cl,%di", 0)           \
    X(shmem, "shlq $3,(%r15); shrl %cl,(%r14); sarb 3(%r15); sarw $2,(%r14,%r13,1)", 0)     \
    X(rol, "rol $5,%rax; ror $3,%ebx; rol %cl,%dl; ror %cl,%si; rolq %cl,(%r15)", FL_CF)    \
    X(rol1, "rol %rax", ALL) X(ror1, "ror %bl", ALL) X(rorc, "ror %cl,%edx", FL_ARITH & ~FL_OF) \
    X(rolc, "rol %cl,%dx", FL_ARITH & ~FL_OF)                                               \
    X(rcl, "rcl $5,%rax; rcr $3,%ebx; rcl %cl,%dl; rcr %cl,%si; rcl %cl,%rdi;"              \
      "rcr %cl,%r8d; rclw (%r15); rcrb $3,(%r14)", FL_ARITH & ~FL_OF)                       \
    X(rcl1, "rcl %rax", ALL) X(rcr1, "rcr %ebx", ALL)                                       \
    X(shld, "shld $5,%rbx,%rax; shrd $9,%edx,%ecx; shld %cl,%rsi,%rdi; shrd %cl,%r8d,%r9d;" \
      "shldq $3,%rax,(%r15); shrdl %cl,%eax,(%r14)", 0)                                     \
    X(shldf, "shld $5,%ebx,%eax", FL_ARITH & ~(FL_AF | FL_OF))                              \
    X(shrdf, "shrd $1,%rbx,%rax", NOAF)                                                     \
    X(bt, "bt %rbx,%rax; setc %cl; bts $5,%edx; setc %ch; btr %r8w,%r9w; setc %sil;"        \
      "btc $63,%rdi; bt $3,%bp", FL_CF | FL_ZF)                                             \
    X(btmem, "bts %r13,(%r14); btr %r13d,8(%r15); btcw $3,(%r14); neg %r13; bt %r13,(%r14);" \
      "setc %al; btc %r13,(%r14)", FL_CF)                                                   \
    X(scan, "bsf %rax,%rbx; setz %cl; bsr %edx,%esi; setz %ch; tzcnt %r8,%r9;"              \
      "lzcnt %r10d,%r11d; lzcnt %ax,%bp; tzcnt (%r15),%r12", CZ)                            \
    X(popcnt, "popcnt %rax,%rbx; popcnt (%r15),%cx; popcnt %r8d,%r9d", ALL)                 \
    X(mul, "mul %rbx; mov %rax,%r8; mov %rdx,%r9; mul %cl", CO)                             \
    X(mul2, "imul %ebx; mov %rdx,%r8; imul %r9w; mulq (%r15); imulb (%r14)", CO)            \
    X(imul, "imul %rbx,%rax; imul $77,%ecx,%edx; imul $-5,(%r15),%r8; imul %si,%di", CO)    \
    X(div, "mov $7,%ebx; xor %edx,%edx; div %rbx; mov $0,%edx; or $1,%ecx; div %ecx;"       \
      "mov $3,%ah; mov $5,%bl; div %bl", 0)                                                 \
    X(div128, "mov %rax,%rdx; mov %rcx,%rbx; or $1,%rbx; bts $63,%rbx; shr $1,%rdx; div %rbx", 0) \
    X(idiv, "cqo; or $3,%rbx; btr $63,%rbx; idiv %rbx; cltd; or $5,%ecx; btr $31,%ecx; idiv %ecx", \
      0)                                                                                    \
    X(idiv128, "mov %rax,%rdx; sar $3,%rdx; mov $0x4000000000000001,%rbx; idiv %rbx", 0)    \
    X(idiv16, "cwtd; or $3,%bx; btr $15,%bx; idiv %bx; cbtw; mov $-7,%cl; movsbw %al,%ax; idiv %cl", \
      0)                                                                                    \
    X(mov, "mov %rbx,%rax; mov %cl,%dh; mov %ah,%bl; mov $0x1234,%r8w; mov $-1,%r9;"        \
      "mov %r10d,%r10d; mov (%r15),%r11; mov %rax,8(%r14,%r13,4); movb $9,(%r15);"          \
      "movq $-2,1(%r15); movabs $0x123456789abcdef0,%r12; movw $3,(%r14); mov %sil,2(%r14)", ALL) \
    X(ext, "movzbl %ah,%ebx; movsbq %cl,%rdx; movzwq %si,%rdi; movswl (%r15),%r8d;"         \
      "movslq %r9d,%r10; movzbw 3(%r15),%r11w; movsbw %dl,%r12w; movslq (%r14),%rcx;"       \
      "movswq 1(%r15),%rbp; movzbl (%r14,%r13,1),%eax", ALL)                                \
    X(lea, "lea 5(%rax,%rbx,4),%rcx; lea -3(%rdx),%esi; lea (%edi,%r8d,2),%r9; lea 9(%rbp),%r10w", \
      ALL)                                                                                  \
    X(xchg, "xchg %rax,%rbx; xchg %cl,%dh; xchg %r8d,%eax; xchg %rsi,(%r15); xchg %bl,(%r14);" \
      "xchg %r9w,%r10w", ALL)                                                               \
    X(bswap, "bswap %rax; bswap %r8d; movbe (%r15),%rbx; movbe %ecx,(%r14); movbe 2(%r15),%dx", \
      ALL)                                                                                  \
    X(conv, "cltq; cbtw; cwtl; cqto; mov %rdx,%r8; cwtd; mov %rdx,%r9; cltd; lahf; xor $0xd5,%ah;" \
      "sahf", ALL)                                                                          \
    X(carry, "clc; cmc; setc %al; stc; setc %bl; cmc; setc %cl", ALL)                       \
    X(cmpxchg, "cmpxchg %rbx,%rcx; cmpxchg %edx,(%r15); lock cmpxchg %r8,(%r14); cmpxchg %bl,%dh;" \
      "cmpxchg %r9w,3(%r15); mov (%r14),%rax; cmpxchg %rsi,(%r14)", ALL)                    \
    X(cmpxchg32, "cmpxchg %ebx,%ecx", ALL)                                                  \
    X(xadd, "xadd %rax,%rbx; lock xadd %ecx,(%r15); xadd %dl,%dh; xadd %r8w,(%r14); xadd %rsi,%rsi", \
      ALL)                                                                                  \
    X(lock, "lock incl (%r15); lock subq %rax,(%r14); lock orb $3,(%r15); lock negw (%r14);" \
      "lock btsl $3,(%r15); lock notq (%r14); lock adcl %ecx,(%r15)", NOAF)                 \
    X(cmpxchg8b, "cmpxchg8b (%r15); mov (%r14),%eax; mov 4(%r14),%edx; lock cmpxchg8b (%r14)", ALL) \
    X(cmpxchg16b, "and $-16,%r14; cmpxchg16b (%r14); mov (%r14),%rax; mov 8(%r14),%rdx;"    \
      "lock cmpxchg16b (%r14)", ALL)                                                        \
    X(stack, "push %rax; push $-5; push (%r15); pop %rbx; pop (%r14); pop %rcx; push %rsp; pop %rdx;" \
      "sub %rsp,%rdx; pushw %si; popw %di; push %rbp; mov %rsp,%rbp; sub $32,%rsp; leave;"  \
      "pushq $0x12345678; pop %r8; xor %r9d,%r9d", NOAF)                                                    \
    X(enter, "enter $32,$0; leave; push %rbp; mov %rsp,%rbp; enter $16,$1; leave; pop %rbp; mov $0,%ebp", ALL) \
    X(callret, "call 1f; jmp 2f; 1: add $7,%rax; ret; 2: lea 3f(%rip),%rcx; call *%rcx; jmp 4f;" \
      "3: push %rbx; pop %rdx; ret; 4: mov $0,%ecx", ALL)                                   \
    X(loop, "mov $5,%ecx; 1: add %rcx,%rax; loop 1b; mov $9,%ecx; 2: dec %edx; loopne 2b;"  \
      "jrcxz 3f; inc %rbx; 3: mov $3,%esi; 4: sub $1,%esi; jnz 4b; mov $0,%ecx; jecxz 5f; inc %rdi; 5:", \
      NOAF)                                                                                 \
    X(jcc, "xor %r8d,%r8d; cmp %rbx,%rax; jl 1f; or $1,%r8d; 1: cmp %ecx,%edx; ja 2f; or $2,%r8d;" \
      "2: test %sil,%sil; js 3f; or $4,%r8d; 3: cmpl $5,(%r15); jle 4f; or $8,%r8d; 4:"     \
      "cmp (%r14),%rdi; jae 5f; or $16,%r8d; 5: test $0x81,%al; jz 6f; or $32,%r8d; 6:"     \
      "cmpb $-1,(%r14); jge 7f; or $64,%r8d; 7: sub %rbx,%rax; jo 8f; or $128,%r8d; 8:"     \
      "cmp %bx,%ax; jbe 9f; or $256,%r8d; 9: test %r9,%r9; jle 10f; or $512,%r8d; 10:"      \
      "add %ecx,%edx; jp 11f; or $1024,%r8d; 11:", 0)                                       \
    X(counted, "mov $3,%esi; 1: dec %esi; jnz 1b; mov $5,%r8d; 2: add $-1,%r8; jne 2b;"       \
      "and %rax,%rbx; jz 3f; inc %rdx; 3: sub %rcx,%rax; je 4f; inc %rdi; 4: sub %ecx,%edx;" \
      "je 5f; inc %r9d; jz 5f; 5: and $1,%r10d; jnz 6f; add %ebx,%ecx; 6: dec %rbp; je 7f;" \
      "and $-2,%r11; jz 7f; 7:", 0)                                                         \
    X(counted_flags, "stc; dec %eax; jz 1f; 1:", ALL)                                       \
    X(movs, "mov %r14,%rsi; lea 0x900(%r14),%rdi; mov $33,%ecx; rep movsb; mov $5,%ecx;"    \
      "rep movsq; movsw; movsl; mov $0,%ecx; rep movsb", ALL)                               \
    X(movsover, "mov %r14,%rsi; lea 1(%r14),%rdi; mov $70,%ecx; rep movsb; mov %r14,%rsi;"  \
      "lea 3(%r14),%rdi; mov $20,%ecx; rep movsq; lea 12(%r14),%rdi; mov %r14,%rsi; mov $99,%ecx;" \
      "rep movsl", ALL)                                                                     \
    X(movslong, "lea -0x700(%r15),%rsi; lea 0x123(%r15),%rdi; mov $0x1003,%ecx; rep movsb", ALL) \
    X(movsdown, "lea 0x123(%r15),%rsi; lea 0x200(%r15),%rdi; mov $0x180,%ecx; std; rep movsb;" \
      "mov $9,%ecx; rep movsl; cld", ALL)                                                   \
    X(stos, "lea -0x400(%r15),%rdi; mov $0x777,%ecx; rep stosb; mov $0x55,%ecx; rep stosq;" \
      "mov $3,%ecx; rep stosw; std; mov $0x99,%ecx; rep stosl; cld; stosb", ALL)            \
    X(scas, "mov %r14,%rdi; mov $0x80,%eax; mov $0x999,%ecx; repne scasb; mov $100,%ecx; xor %eax,%eax;" \
      "repe scasb; std; mov $70,%ecx; repne scasw; cld; scasl", ALL)                        \
    X(cmps, "mov %r14,%rsi; lea 0x40(%r14),%rdi; mov $90,%ecx; repe cmpsb; mov $9,%ecx;"    \
      "repne cmpsl; cmpsq", ALL)                                                            \
    X(lods, "mov %r15,%rsi; lodsb; mov $9,%ecx; rep lodsl; lodsw; std; lodsq; cld", ALL)    \
    X(bmi, "andn %rbx,%rax,%rcx; blsr %edx,%esi; blsi %rdi,%r8; blsmsk %r9d,%r10d;"         \
      "bextr %rax,(%r15),%r11; bzhi %rcx,%rbx,%r12; rorx $7,%eax,%ebp", FL_ZF | FL_CF | FL_OF) \
    X(bmi2, "pext %rax,%rbx,%rcx; pdep (%r15),%edx,%esi; mulx %rdi,%r8,%r9; shlx %rax,%rbx,%r10;" \
      "sarx %ecx,%edx,%r11d; shrx %rsi,(%r14),%r12; mulx %eax,%ebp,%ebx", ALL)              \
    X(adx, "clc; adcx %rax,%rbx; adox %rcx,%rdx; adcx (%r15),%esi; adox %edi,%r8d; crc32 %al,%ebx;" \
      "crc32 %rcx,%rdx; crc32w (%r14),%esi; crc32l %eax,%r9d", ALL)                         \
    X(nops, "nop; nopl (%rax); endbr64; prefetcht0 (%r15); lfence; mfence; sfence; mov %r14,%rbx; xlat", ALL)
#define DEFINE(n, text, flags) CODE(64, case_##n, text);
CASES(DEFINE)
#define ROW(n, text, flags) { #n, case_##n##_start, case_##n##_end, flags },
static const Case cases[] = { CASES(ROW) };

static void test_host(gconstpointer data)
{
    const Case *c = data;

    compare(c->name, c->start, c->end - c->start, c->flags);
}

/* By hand ------------------------------------------------------------------ */

CODE(32, c32, "push %eax; pusha; popa; pop %ebx; mov %ebx,%ecx; inc %ecx; bswap %ecx; mov $0x10,%al;"
     "aam; aad; call 1f; jmp 2f; 1: ret; 2: movl $7,(%esi); addl $1,(%esi); mov (%esi),%edx; daa");
CODE(16, c16, "mov $0x1234,%ax; push %ax; pop %bx; movl $0x89abcdef,%ecx; mov $0x4000,%si; mov %cx,(%si);"
     "mov (%si),%dx; lodsb; mov $0xffff,%bp; add $2,%bp; stc; .byte 0xd6; call 1f; jmp 2f; 1: ret; 2:");
CODE(64, cfault, "mov $1,%eax; add $2,%eax; mov (%rdi),%rcx; mov $9,%eax");
CODE(64, cdiv, "xor %ecx,%ecx; mov $5,%eax; div %ecx");
CODE(64, cpush, "mov $0x1000,%esp; push %rax");
CODE(64, csmc, "movb $0x22, 1f+1(%rip); nop; 1: mov $0x11,%al; nop");
CODE(64, cloop, "mov $20000000,%ecx; 1: add %rcx,%rax; xor %rax,%rdx; mov %rdx,(%r14); sub $1,%ecx; jnz 1b");

static void test_code32(void)
{
    set_mode(MODE_TEST32, 0);
    cpu->gpr[R_AX] = 0x11223344;
    cpu->gpr[R_SP] = (uintptr_t)arena + STACK_OFF;
    cpu->gpr[R_SI] = (uintptr_t)arena + DATA_OFF;
    cpu_set_flags(cpu, 0);
    g_assert_cmpint(run(load_code(c32_start, c32_end - c32_start)), ==, -2);
    g_assert_cmphex(cpu->gpr[R_BX], ==, 0x11223344);
    g_assert_cmphex(cpu->gpr[R_CX], ==, 0x45332211);
    g_assert_cmphex(cpu->gpr[R_DX], ==, 8);
    /* AAM: 16 is 01 06; AAD: 16 again; DAA after ADDL 7+1 (no AF, no CF): stays 0x10 */
    g_assert_cmphex(cpu->gpr[R_AX], ==, 0x11220010);
}

static void test_code16(void)
{
    set_mode(MODE_TEST16, (uintptr_t)arena);
    cpu->gpr[R_SP] = 0xabcd0000 | STACK_OFF;
    load_code(c16_start, c16_end - c16_start);
    g_assert_cmpint(run(CODE_OFF), ==, -2);
    g_assert_cmphex(cpu->gpr[R_BX] & 0xffff, ==, 0x1234);
    g_assert_cmphex(cpu->gpr[R_CX], ==, 0x89abcdef);
    g_assert_cmphex(cpu->gpr[R_DX] & 0xffff, ==, 0xcdef);
    g_assert_cmphex(cpu->gpr[R_BP] & 0xffff, ==, 1);
    g_assert_cmphex(cpu->gpr[R_SI] & 0xffff, ==, 0x4001);
    g_assert_cmphex(cpu->gpr[R_AX] & 0xff, ==, 0xff);
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0xabcd0000 | STACK_OFF);
}

static void test_faults(void)
{
    uint64_t at;

    set_mode(MODE_TEST64, 0);
    at = load_code(cfault_start, cfault_end - cfault_start);
    cpu->gpr[R_DI] = 0x1000;
    g_assert_cmpint(run(at), ==, EXC_PF);
    g_assert_cmphex(cpu->cr2, ==, 0x1000);
    g_assert_cmphex(cpu->rip, ==, at + 8);
    g_assert_cmphex(cpu->gpr[R_AX], ==, 3);
    cpu->gpr[R_DI] = 0x8000000000000000;
    g_assert_cmpint(run(at), ==, EXC_GP);
    at = load_code(cdiv_start, cdiv_end - cdiv_start);
    g_assert_cmpint(run(at), ==, EXC_DE);
    g_assert_cmphex(cpu->rip, ==, at + 7);
    at = load_code(cpush_start, cpush_end - cpush_start);
    g_assert_cmpint(run(at), ==, EXC_PF);
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0x1000);
    g_assert_cmphex(cpu->cr2, ==, 0xff8);
}

/* A store into the running block must show in the next instruction. */
static void test_smc(void)
{
    uint64_t at;
    unsigned n;

    set_mode(MODE_TEST64, 0);
    for (n = 0; n < 3; n++) {
        at = load_code(csmc_start, csmc_end - csmc_start);
        cpu->gpr[R_AX] = 0;
        g_assert_cmpint(run(at), ==, -2);
        g_assert_cmphex(cpu->gpr[R_AX], ==, 0x22);
    }
}

/* An interrupt between a direct call and its target must not become the call's link. */
CODE(64, cirq, "mov $3,%ecx; jmp 1f; 1: out %al,$1; call 2f; dec %ecx; jnz 1b; hlt; 2: inc %rbx; ret;"
     ".globl cirq_handler\ncirq_handler: inc %rdx; jmp 2b");
extern const uint8_t cirq_handler[];

static void test_interrupt_link(void)
{
    uint64_t at;

    set_mode(MODE_TEST64, 0);
    at = load_code(cirq_start, cirq_end - cirq_start);
    cpu->gpr[R_SP] = (uintptr_t)arena + STACK_OFF;
    cpu->gpr[R_BX] = cpu->gpr[R_DX] = 0;
    out_redirects = at + (cirq_handler - cirq_start);
    g_assert_cmpint(run(at), ==, -2);
    g_assert_cmpuint(cpu->gpr[R_BX], ==, 3);
    g_assert_cmpuint(cpu->gpr[R_DX], ==, 1);
}

/* Linked blocks must not grow the host stack; and a figure for the curious. */
static void test_loop(void)
{
    int64_t start = g_get_monotonic_time(), us;

    set_mode(MODE_TEST64, 0);
    cpu->gpr[R_14] = (uintptr_t)arena + DATA_OFF;
    g_assert_cmpint(run(load_code(cloop_start, cloop_end - cloop_start)), ==, -2);
    g_assert_cmpuint(cpu->gpr[R_CX], ==, 0);
    us = g_get_monotonic_time() - start;
    g_test_message("%.0f million instructions a second", 100e6 / us);
}

static void test_one_insn(void)
{
    unsigned n;

    block_set_one_insn(true);
    for (n = 0; n < ARRAY_SIZE(cases); n++) {
        compare(cases[n].name, cases[n].start, cases[n].end - cases[n].start, cases[n].flags);
    }
    block_set_one_insn(false);
}

int main(int argc, char **argv)
{
    unsigned n;

    g_test_init(&argc, &argv, NULL);
    machine_init();
    for (n = 0; n < ARRAY_SIZE(cases); n++) {
        char *path = g_strdup_printf("/interp/host/%s", cases[n].name);

        g_test_add_data_func(path, &cases[n], test_host);
        g_free(path);
    }
    g_test_add_func("/interp/code32", test_code32);
    g_test_add_func("/interp/code16", test_code16);
    g_test_add_func("/interp/faults", test_faults);
    g_test_add_func("/interp/smc", test_smc);
    g_test_add_func("/interp/interrupt-link", test_interrupt_link);
    g_test_add_func("/interp/loop", test_loop);
    g_test_add_func("/interp/one-insn", test_one_insn);
    return g_test_run();
}
