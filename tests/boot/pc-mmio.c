/* Instructions on device memory: each leaves what it leaves on RAM */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/boot/pc-kernel.h"

#define MMIO 0xff000000u                /* pc-testdev's echo memory */
#define BYTES 64

/* What call_case() stores */
typedef struct Left {
    uint64_t rax, flags, rbx, rcx, rdx, rsi, rdi, rbp, r8, xmm0[2], mm1;
} Left;
void call_case(const void *code, void *mem, Left *out);

#define CASES(X)                                                                            \
    X("mov %al, (%rbx)") X("mov %ax, 1(%rbx)") X("mov %eax, 2(%rbx)") X("mov %rax, 3(%rbx)") \
    X("mov (%rbx), %al") X("mov 1(%rbx), %ax") X("mov 2(%rbx), %eax") X("mov 3(%rbx), %rax") \
    X("movzbl (%rbx), %eax") X("movswq 1(%rbx), %rax") X("movslq 5(%rbx), %rax")             \
    X("movb $7, (%rbx)") X("movq $-7, 1(%rbx)") X("movnti %rax, 8(%rbx)")                    \
    X("push (%rbx); pop %rax") X("push %r8; pop 9(%rbx)") X("pushw (%rbx); popw 4(%rbx)")   \
    X("xchg %al, (%rbx)") X("xchg %ax, (%rbx)") X("xchg %eax, 1(%rbx)") X("xchg %rax, (%rbx)") \
    X("xadd %al, (%rbx)") X("xadd %ax, 2(%rbx)") X("lock xadd %eax, (%rbx)")                 \
    X("lock xadd %rax, (%rbx)") X("cmpxchg %ecx, (%rbx)") X("lock cmpxchg %rcx, (%rbx)")     \
    X("mov (%rbx), %rax; lock cmpxchg %r8, (%rbx)") X("lock cmpxchg8b (%rbx)")               \
    X("mov (%rdi), %eax; mov 4(%rdi), %edx; mov $9, %ebx; cmpxchg8b (%rdi); mov %rdi, %rbx") \
    X("incb (%rbx)") X("lock incl 3(%rbx)") X("decw (%rbx)") X("lock decq (%rbx)")           \
    X("lock negq (%rbx)") X("negb 1(%rbx)") X("lock notl (%rbx)") X("notb (%rbx)")           \
    X("add %rax, (%rbx)") X("adc %eax, 1(%rbx)") X("stc; sbb %ax, (%rbx)")                   \
    X("lock and %rax, (%rbx)") X("lock orb $0x81, (%rbx)") X("xor %rax, (%rbx)")             \
    X("cmp %rax, (%rbx)") X("test %rax, (%rbx)") X("sub (%rbx), %rax") X("cmpb $8, (%rbx)")  \
    X("shlb $3, (%rbx)") X("shrq %cl, (%rbx)") X("sarl $31, (%rbx)") X("rolw %cl, (%rbx)")   \
    X("rcrq $7, (%rbx)") X("shld %cl, %rax, (%rbx)") X("shrd $9, %eax, (%rbx)")              \
    X("btcl $9, (%rbx)") X("lock bts %rcx, (%rbx)") X("mov $70, %eax; btr %eax, (%rbx)")      \
    X("mov $-9, %rax; btcq %rax, 8(%rbx)") X("bsf (%rbx), %rax") X("bsr (%rbx), %eax")       \
    X("popcnt (%rbx), %rax") X("imul (%rbx), %rax") X("imul $51, (%rbx), %eax")              \
    X("mulq (%rbx)") X("mulb (%rbx)") X("imulw (%rbx)") X("divl (%rbx)") X("idivq (%rbx)")   \
    X("movq $0, (%rbx); divq (%rbx)") X("divb 1(%rbx)")                                      \
    X("cmpl %eax, %eax; cmovne (%rbx), %eax") X("cmove (%rbx), %rax") X("sete (%rbx)")       \
    X("movbe (%rbx), %rax") X("movbe %eax, 1(%rbx)") X("crc32q (%rbx), %rax")                \
    X("stosb") X("rep stosb") X("rep stosq") X("std; rep stosw; cld") X("lodsb") X("lodsq")  \
    X("rep lodsw") X("movsq") X("add $16, %rdi; rep movsb") X("add $7, %rdi; rep movsl")     \
    X("lea case_data, %rsi; rep movsw") X("lea case_data, %rsi; repe cmpsb")                 \
    X("add $8, %rdi; repe cmpsb") X("add $8, %rsi; repne cmpsl") X("scasb") X("repne scasb") \
    X("repe scasq") X("mov $0xe0, %dx; rep insb") X("mov $0xe0, %dx; rep outsb; in %dx, %al") \
    X("mov $0xe0, %dx; insl; outsw; in %dx, %eax")                                           \
    X("smsw (%rbx)") X("movw %ds, (%rbx)") X("movw $0x10, (%rbx); mov (%rbx), %es")          \
    X("sgdt 1(%rbx); sidt 16(%rbx)") X("str (%rbx); sldt 2(%rbx)")                           \
    X("movw $0x10, (%rbx); lar (%rbx), %eax; lsl (%rbx), %ecx; verw (%rbx)")                 \
    X("lea 1f, %rax; mov %rax, (%rbx); jmp *(%rbx); ud2; 1: inc %ecx")                       \
    X("lea 1f, %rax; mov %rax, (%rbx); call *(%rbx); jmp 2f; 1: inc %ecx; ret; 2:")          \
    X("lea 1f, %eax; mov %eax, (%rbx); movw $8, 4(%rbx); ljmp *(%rbx); ud2; 1: inc %ecx")    \
    X("enter $16, $0; leave; xchg %rbx, %rsp; push %rax; push %rcx; pop %rdx; xchg %rbx, %rsp") \
    X("movups (%rbx), %xmm0") X("movups %xmm0, 1(%rbx)") X("movdqu %xmm0, 3(%rbx)")          \
    X("movq (%rbx), %xmm0") X("movd %xmm0, (%rbx)") X("movlps %xmm0, 8(%rbx)")               \
    X("movhpd (%rbx), %xmm0") X("movss (%rbx), %xmm0") X("movsd %xmm0, 5(%rbx)")             \
    X("movupd %xmm0, (%rbx)") X("lddqu 1(%rbx), %xmm0") X("maskmovdqu %xmm1, %xmm0")         \
    X("cvtsi2sdq (%rbx), %xmm0") X("addsd (%rbx), %xmm0") X("pinsrw $3, (%rbx), %xmm0")      \
    X("pextrw $2, %xmm0, (%rbx)") X("movmskps %xmm0, %eax") X("movq (%rbx), %mm1")           \
    X("movq %mm1, 5(%rbx)") X("paddd (%rbx), %mm1") X("movntq %mm1, (%rbx)")                 \
    X("stmxcsr (%rbx)") X("movl $0x1f80, (%rbx); ldmxcsr (%rbx)")                            \
    X("movaps %xmm0, 1(%rbx)") X("fildll (%rbx); fistpll 8(%rbx)") X("fnstcw (%rbx)")        \
    X("fld1; fstpt (%rbx)") X("fld1; fsts (%rbx); fstl 8(%rbx); fistpl 16(%rbx)")            \
    X("fbld (%rbx); fbstp 16(%rbx)") X("fnstsw (%rbx); fnstenv 4(%rbx)")                     \
    X("movw $0x37f, (%rbx); fldcw (%rbx)") X("clflush (%rbx); prefetchnta (%rbx)")           \
    X("lea 40(%rbx), %eax; mov %al, %ah; xlat; movzbl %al, %eax")                            \
    X(".byte 0x66, 0x48, 0xa5; addr32 lodsb")                                                \
    X("mov %cr8, %rax; mov %rax, (%rbx)") X("rdtsc; xor %eax, %eax; movl $3, (%rbx)")

typedef struct Case {
    const char *text;
    const void *code;
} Case;

#define ROW(text)                                                                           \
    asm(".pushsection .text\n7771: " text "\nret\n.popsection\n"                            \
        ".pushsection .rodata\n7772: .asciz \"" text "\"\n.popsection\n"                    \
        ".pushsection cases, \"aw\"\n.quad 7772b, 7771b\n.popsection\n");
CASES(ROW)
extern const Case __start_cases[], __stop_cases[];

asm(".pushsection .data\n.balign 16\ncase_data: .rept 8\n.quad 0x8070605040302010\n.endr\n"
    ".popsection");

static uint8_t ram[8192] __attribute__((aligned(4096)));

static void fill(volatile uint8_t *mem, unsigned seed)
{
    for (unsigned i = 0; i < BYTES; i++) {
        mem[i] = i * 0x1d + seed + (i >> 3);
    }
}

/* Once on RAM, once on the device, at the same place of a page. */
static bool same(const Case *c, unsigned offset, unsigned seed)
{
    uint8_t *mems[2] = { ram + offset, (uint8_t *)(uintptr_t)(MMIO + offset) };
    Left left[2];
    int faults[2];

    for (unsigned i = 0; i < 2; i++) {
        fill(mems[i] - 16, seed);
        out32(0xe0, 0x5a4b3c2d);
        fault = -1;
        call_case(c->code, mems[i], &left[i]);
        faults[i] = fault;
        left[i].rbx -= (uintptr_t)mems[i];
        if (left[i].rsi - (uintptr_t)mems[i] < 256) {
            left[i].rsi -= (uintptr_t)mems[i];
        }
        left[i].rdi -= (uintptr_t)mems[i];
        if ((uint32_t)left[i].rax - (uint32_t)(uintptr_t)mems[i] < 256) {
            left[i].rax = 0;            /* an address, or part of one */
        }
    }
    for (unsigned i = 0; i < BYTES; i++) {
        if (ram[offset - 16 + i] != ((volatile uint8_t *)mems[1])[(int)i - 16]) {
            say("byte %u: ", (uint64_t)i - 16);
            return false;
        }
    }
    if (faults[0] != faults[1]) {
        return false;
    }
    for (unsigned i = 0; i < sizeof(Left) / 8; i++) {
        if (((uint64_t *)&left[0])[i] != ((uint64_t *)&left[1])[i]) {
            say("word %u: %x %x: ", (uint64_t)i, ((uint64_t *)&left[0])[i],
                ((uint64_t *)&left[1])[i]);
            return false;
        }
    }
    return true;
}

void test_mmio(void)
{
    static const unsigned offsets[] = { 64, 65, 4096 - 1, 4096 - 3, 4096 - 8 };

    for (const Case *c = __start_cases; c < __stop_cases; c++) {
        for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
            check(same(c, offsets[i], i * 37), c->text);
        }
    }
}
