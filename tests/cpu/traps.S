/* #AC, debug traps of the rarer kinds, and code at the edges of what can be fetched */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#define VEC   0x600
#define ERR   0x608
#define FRIP  0x610
#define FFL   0x618
#define DR6   0x620
#define COUNT 0x630

#define VA    0x200000      /* two user pages */
#define PTE   0x104000
#define FRAME 0x280000
#define TOP   0x7ffffffff000    /* the last page below the canonical hole */
#define HOLE  0x800000000000
#define UNTOLD 0xdead
#define EXPECT(vec, err) cmpl $vec, VEC; CHECK_Z; cmpl $(err), ERR; CHECK_Z; movl $-1, VEC
#define EXPECT_AT(vec, err, addr)                                           \
    EXPECT(vec, err); mov $(addr), %rbx; mov %cr2, %rax; cmp %rbx, %rax; CHECK_Z
#define RIP_IS(where) mov $where, %rax; cmp %rax, FRIP; CHECK_Z
#define RESUME(label) movq $label, resume
/* The same at CPL 3, where ports are out of reach */
#define USER_IS(vec, err)                                                   \
    mov $__LINE__, %esi; cmpl $vec, VEC; jne bad; cmpl $(err), ERR; jne bad; movl $-1, VEC

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    enter_protected
    enter_long
    gate64 1, exc1
    gate64 6, exc6
    gate64 8, exc8
    gate64 12, exc12, 0x8e, 1
    gate64 13, exc13, 0x8e, 1
    gate64 14, exc14
    gate64 17, exc17
    gate64 0x50, int50
    gate64 0x40, user_end, 0xee
    lidt idt_ptr
    mov $tss, %eax
    movw $103, gdt + TSS
    mov %ax, gdt + TSS + 2
    movl $0x8900, gdt + TSS + 4
    shr $16, %eax
    mov %al, gdt + TSS + 4
    movq $0, gdt + TSS + 8
    movq $0x6000, tss + 4                   /* RSP0 */
    movq $0x5400, tss + 36                  /* IST1 */
    mov $TSS, %eax
    ltr %ax
    movl $-1, VEC
    movq $FRAME + 7, PTE
    movq $FRAME + 0x1007, PTE + 8
    movq $0, PTE + 16

    call io_breakpoints
    call traps
    call fetches
    call canonical
    call device_memory
    call long_repeats

    /* #AC: with AM and AC set CPL 0 is still free */
    mov %cr0, %rax
    or $0x40000, %eax
    mov %rax, %cr0
    mov %cr4, %rax
    or $0x200, %eax                         /* OSFXSR */
    mov %rax, %cr4
    pushfq
    orl $0x40000, (%rsp)
    popfq
    mov 0x701, %eax
    cmpl $-1, VEC
    CHECK_Z
    pushq $UDS32
    pushq $0x4ff8
    pushq $0x40202
    pushq $UCS64
    pushq $user
    iretq

user:
    mov 0x704, %eax
    mov 0x701, %al
    mov $__LINE__, %esi
    cmpl $-1, VEC
    jne bad
    RESUME(1f)
    mov 0x702, %eax                         /* 2 is enough for words only */
    jmp bad
1:  USER_IS(17, 0)
    mov 0x702, %ax
    RESUME(1f)
    addq $1, 0x704
    jmp bad
1:  USER_IS(17, 0)
    movups 0x701, %xmm0                     /* unaligned vectors are nobody's fault */
    mov $__LINE__, %esi
    cmpl $-1, VEC
    jne bad
    RESUME(1f)
    movaps 0x701, %xmm0                     /* aligned ones are #GP's */
    jmp bad
1:  USER_IS(13, 0)
    RESUME(1f)
    lock incl 0x702
    jmp bad
1:  USER_IS(17, 0)
    /* in front of the page fault */
    RESUME(1f)
    mov VA + 0x2001, %eax
    jmp bad
1:  USER_IS(17, 0)
    RESUME(1f)
    mov VA + 0x2004, %eax
    jmp bad
1:  USER_IS(14, 4)
    /* REP MOVS stops where it is */
    mov $0x700, %esi
    mov $0x703, %edi
    mov $3, %ecx
    RESUME(1f)
    rep movsl
    jmp bad
1:  USER_IS(17, 0)
    cmp $3, %ecx
    jne bad
    /* pushes too; the handler's own frame does not count */
    mov %rsp, %rbp
    lea -4(%rsp), %rsp
    RESUME(1f)
    push %rax
    jmp bad
1:  USER_IS(17, 0)
    mov %rbp, %rsp
    pushfq
    andl $~0x40000, (%rsp)
    popfq
    mov 0x701, %eax
    mov $__LINE__, %esi
    cmpl $-1, VEC
    jne bad
    pushfq                                  /* set by POPF at CPL 3 as well */
    orl $0x40000, (%rsp)
    popfq
    RESUME(1f)
    mov 0x701, %eax
    jmp bad
1:  USER_IS(17, 0)
    xor %esi, %esi
bad:
    int $0x40

user_end:
    mov %esi, %eax
    test %eax, %eax
    jz 1f
    out %eax, $PORT_END
1:  testl $0x40000, 16(%rsp)                /* AC was saved as it was */
    CHECK_NZ
    PASS

/* DR7.RW = 2 under CR4.DE: a trap behind the instruction that used the port */
io_breakpoints:
    mov %cr4, %rax
    or $8, %eax
    mov %rax, %cr4
    movl $0, COUNT
    mov $0x82, %eax
    mov %rax, %dr2
    mov $0x0e000420, %eax                   /* G2, I/O, 4 bytes: ports 0x80..0x83 */
    mov %rax, %dr7
    in $0x84, %al
    out %al, $0x7f
    cmpl $0, COUNT
    CHECK_Z
    in $0x83, %al
behind_in:
    cmpl $1, COUNT
    CHECK_Z
    RIP_IS(behind_in)
    testl $4, DR6
    CHECK_NZ
    out %ax, $0x7f                          /* its second byte */
    cmpl $2, COUNT
    CHECK_Z
    mov 0x82, %al                           /* memory is not ports */
    cmpl $2, COUNT
    CHECK_Z
    /* each element of a repeated one; RF then lets an instruction breakpoint pass */
    mov $rep_outs, %eax
    mov %rax, %dr0
    mov $0x0e000422, %eax
    mov %rax, %dr7
    mov $0x700, %esi
    mov $0x80, %edx
    mov $3, %ecx
    cld
rep_outs:
    rep outsb
    cmpl $6, COUNT                          /* 3, and the breakpoint once */
    CHECK_Z
    mov $0x400, %eax
    mov %rax, %dr7
    in $0x80, %al
    cmpl $6, COUNT
    CHECK_Z
    /* DE reserves DR4 and DR5 */
    RESUME(1f)
    mov %dr4, %rax
    FAIL
1:  EXPECT(6, 0)
    mov %cr4, %rax
    and $~8, %eax
    mov %rax, %cr4
    mov %dr4, %rax
    mov %dr6, %rbx
    cmp %rax, %rbx
    CHECK_Z
    /* without DE the type is no I/O breakpoint */
    mov $0x0e000420, %eax
    mov %rax, %dr7
    in $0x80, %al
    cmpl $6, COUNT
    CHECK_Z
    /* the upper halves of DR6 and DR7 are reserved */
    RESUME(1f)
    mov $0x100000000, %rax
    mov %rax, %dr7
    FAIL
1:  EXPECT(13, 0)
    mov $0x400, %eax
    mov %rax, %dr7
    xor %eax, %eax
    mov %rax, %dr6
    mov %dr6, %rax
    cmp $0xffff0ff0, %eax
    CHECK_Z
    ret

traps:
    /* INT1: no DPL asked, DR6 left alone, RIP behind it */
    movl $0, COUNT
    .byte 0xf1
behind_int1:
    cmpl $1, COUNT
    CHECK_Z
    RIP_IS(behind_int1)
    testl $0xe00f, DR6
    CHECK_Z
    /* an INT that faults under TF: the step behind the handler's IRET is not lost */
    movl $0, COUNT
    RESUME(1f)
    pushfq
    orl $0x100, (%rsp)
    popfq
    int $0x41                               /* no gate */
    FAIL
1:  nop                                     /* 1 */
    nop                                     /* 2 */
    pushfq                                  /* 3 */
    andl $~0x100, (%rsp)                    /* 4 */
    popfq                                   /* 5 */
    EXPECT(13, 0x41 * 8 + 2)
    cmpl $5, COUNT
    CHECK_Z
    /* a fault forgets the data breakpoint that its instruction hit before */
    movl $0, COUNT
    mov $0x700, %eax
    mov %rax, %dr1
    mov $0x00f00404, %eax                   /* L1, read or write, 4 bytes */
    mov %rax, %dr7
    mov $0x700, %esi
    mov $VA + 0x2000, %edi
    RESUME(1f)
    movsl
    FAIL
1:  EXPECT(14, 2)
    cmpl $0, COUNT
    CHECK_Z
    /* REP STOS over it: a trap behind the element, not behind the whole */
    mov $0x6f8, %edi
    mov $4, %ecx
    xor %eax, %eax
    rep stosl
    cmpl $1, COUNT
    CHECK_Z
    cmpq $1, trap_rcx
    CHECK_Z
    mov $0x400, %eax
    mov %rax, %dr7
    /* TF and REP: a trap behind each element */
    movl $0, COUNT
    mov $0x6f8, %edi
    mov $3, %ecx
    pushfq
    orl $0x100, (%rsp)
    popfq
    rep stosl                               /* 3 */
    pushfq                                  /* 4 */
    andl $~0x100, (%rsp)                    /* 5 */
    popfq                                   /* 6 */
    cmpl $6, COUNT
    CHECK_Z
    ret

/* Instructions across two pages, the second absent or not for code */
fetches:
    movq $0, PTE + 8
    invlpg VA + 0x1000
    movl $0x12345678, VA + 0xffc
    movb $0xb8, VA + 0xffd                  /* mov $imm32, %eax: 3 of 5 bytes */
    RESUME(1f)
    mov %rsp, %rbp
    mov $VA + 0xffd, %eax
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT_AT(14, 0x10, VA + 0x1000)
    RIP_IS(VA + 0xffd)
    /* three bytes that are whole do not ask for the second page; what follows them does */
    movl $0xc0ff9090, VA + 0xffc
    RESUME(1f)
    mov $VA + 0xffc, %eax
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT_AT(14, 0x10, VA + 0x1000)
    RIP_IS(VA + 0x1000)
    /* present but NX: the error code tells */
    movq $FRAME + 0x1007, PTE + 8
    movl $0x80000000, PTE + 12
    invlpg VA + 0x1000
    movb $0xb8, VA + 0xffd
    RESUME(1f)
    mov $VA + 0xffd, %eax
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT_AT(14, 0x11, VA + 0x1000)
    RIP_IS(VA + 0xffd)
    /* there at last; then its bytes change under the same RIP, by the mapping and by a store */
    movl $0, PTE + 12
    invlpg VA + 0x1000
    movw $0, VA + 0xffe
    movl $0xc30001, VA + 0x1000             /* 01 00; ret */
    mov $VA + 0xffd, %ebx
    call *%rbx
    cmp $0x00010000, %eax
    CHECK_Z
    movb $2, VA + 0x1000
    call *%rbx
    cmp $0x00020000, %eax
    CHECK_Z
    movl $0xc30003, FRAME + 0x2000
    movq $FRAME + 0x2007, PTE + 8
    invlpg VA + 0x1000
    call *%rbx
    cmp $0x00030000, %eax
    CHECK_Z
    movq $FRAME + 0x1007, PTE + 8
    invlpg VA + 0x1000
    /* a store into the instruction behind it, in the same block */
    mov $7, %ecx
2:  movb %cl, 1f + 1
    xor %eax, %eax
1:  mov $0, %al
    cmp %ecx, %eax
    CHECK_Z
    dec %ecx
    jnz 2b
    /* by another mapping of the page, and REP STOS over what runs next */
    movq $FRAME + 7, PTE + 8
    invlpg VA + 0x1000
    movl $0x90c3c031, VA + 0x10             /* xor %eax, %eax; ret */
    mov $VA + 0x10, %ebx
    call *%rbx
    movl $0x00c30bb0, VA + 0x1010           /* mov $11, %al; ret */
    call *%rbx
    cmp $11, %eax
    CHECK_Z
    mov $1f, %edi
    mov $0x90, %al
    mov $2, %ecx
    rep stosb
1:  ud2
    cmpl $-1, VEC
    CHECK_Z
    /* where nothing is: all bits read as one, FF FF is #UD */
    movq $0x9000007, PTE + 8
    invlpg VA + 0x1000
    RESUME(1f)
    mov $VA + 0x1000, %eax
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT(6, 0)
    RIP_IS(VA + 0x1000)
    movq $FRAME + 0x1007, PTE + 8
    invlpg VA + 0x1000
    /* 15 bytes are the most, whatever they are */
    mov $VA + 0x20, %edi
    mov $0x66, %al
    mov $14, %ecx
    rep stosb
    movw $0xc390, (%rdi)
    mov $VA + 0x20, %eax
    call *%rax
    movw $0x9066, (%rdi)
    movb $0xc3, 2(%rdi)
    RESUME(1f)
    mov $VA + 0x20, %eax
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT(13, 0)
    RIP_IS(VA + 0x20)
    ret

/* The end of the lower half: the page under it is mapped to FRAME */
canonical:
    movq $0x106007, 0x100000 + 255 * 8
    movq $0x107007, 0x106000 + 511 * 8
    movq $0x108007, 0x107000 + 511 * 8
    movq $FRAME + 7, 0x108000 + 511 * 8
    mov $TOP, %rbx
    mov $HOLE, %rdx
    mov %rsp, %rbp
    /* falling off: the fetch faults, behind the last instruction */
    movb $0x90, 0xfff(%rbx)
    lea 0xfff(%rbx), %rax
    RESUME(1f)
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT(13, 0)
    cmp %rdx, FRIP
    CHECK_Z
    /* an instruction that would go on there */
    movb $0xb0, 0xfff(%rbx)
    RESUME(1f)
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT(13, 0)
    cmp %rax, FRIP
    CHECK_Z
    /* jumps and calls into it are at fault themselves; RSP stays */
    movw $0x10eb, 0xff0(%rbx)               /* jmp +16 */
    lea 0xff0(%rbx), %rax
    RESUME(1f)
    call *%rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT(13, 0)
    cmp %rax, FRIP
    CHECK_Z
    movl $0x00001000, 0xff1(%rbx)
    movb $0xe8, 0xff0(%rbx)
    RESUME(1f)
    lea -8(%rsp), %rcx
    call *%rax
    FAIL
1:  cmp %rsp, %rcx
    CHECK_Z
    mov %rbp, %rsp
    EXPECT(13, 0)
    cmp %rax, FRIP
    CHECK_Z
    /* data across the edge: #GP; by the stack pointer #SS */
    RESUME(1f)
    mov 0xffd(%rbx), %ecx
    FAIL
1:  EXPECT(13, 0)
    lea 4(%rdx), %rsp
    RESUME(1f)
    push %rax
    FAIL
1:  mov %rbp, %rsp
    EXPECT(12, 0)
    ret

/* Code and operands in a device's registers */
device_memory:
    movq $MMIO + 7, PTE + 8
    invlpg VA + 0x1000
    mov $VA + 0x1000, %ebx
    movl $0xc311b0c0, (%rbx)                /* .byte 0xc0; mov $0x11, %al; ret */
    lea 1(%rbx), %rdx
    call *%rdx
    cmp $0x11, %al
    CHECK_Z
    movb $0x22, 2(%rbx)                     /* nothing of it is kept */
    call *%rdx
    cmp $0x22, %al
    CHECK_Z
    movw $0x9090, VA + 0xffe                /* from RAM into it, in one run */
    movl $0xc333b090, (%rbx)
    lea -2(%rbx), %rax
    call *%rax
    cmp $0x33, %al
    CHECK_Z
    movb $0xb0, VA + 0xfff                  /* an instruction over the boundary */
    movw $0xc344, (%rbx)
    lea -1(%rbx), %rax
    call *%rax
    cmp $0x44, %al
    CHECK_Z
    /* read-modify-write, locked and across the boundary too */
    movq $0, (%rbx)
    movl $0x100, -2(%rbx)
    lock addl $0xff00, -2(%rbx)
    cmpl $0x10000, -2(%rbx)
    CHECK_Z
    cmpb $1, (%rbx)
    CHECK_Z
    mov $0x5a, %eax
    xchg %eax, 4(%rbx)
    test %eax, %eax
    CHECK_Z
    lock incb 4(%rbx)
    cmpb $0x5b, 4(%rbx)
    CHECK_Z
    /* strings: within it with an overlap, and out of it */
    mov %rbx, %rdi
    mov $0x61, %al
    mov $16, %ecx
    rep stosb
    movb $0x62, (%rbx)
    mov %rbx, %rsi
    lea 1(%rbx), %rdi
    mov $7, %ecx
    rep movsb
    mov $0x6262626262626262, %rax
    cmp %rax, (%rbx)
    CHECK_Z
    cmpb $0x61, 8(%rbx)
    CHECK_Z
    mov %rbx, %rsi
    mov $0x700, %edi
    mov $2, %ecx
    rep movsq
    cmp %rax, 0x700
    CHECK_Z
    movq $FRAME + 0x1007, PTE + 8
    invlpg VA + 0x1000
    ret

/* An interrupt that waits does not wait for the end of REP; where it stops is where it goes on */
long_repeats:
    movl $0, COUNT
    mov $0x50, %al
    out %al, $PORT_IRQ
    mov $0x300000, %edi
    mov $0x80000, %ecx
    mov $0x5a, %al
    sti
rep_stos:
    rep stosb
    cli
    cmpl $1, COUNT
    CHECK_Z
    RIP_IS(rep_stos)
    mov trap_rcx, %rax
    test %rax, %rax
    CHECK_NZ
    cmp $0x80000, %rax
    CHECK_NZ
    testl $0x10000, FFL                     /* RF: it had its turn with a breakpoint */
    CHECK_NZ
    mov $0x300000, %edi
    mov $0x80000, %ecx
    mov $0x5a, %al
    repe scasb
    CHECK_Z
    test %ecx, %ecx
    CHECK_Z
    ret

    .irp n, 8, 12, 13, 14, 17
exc\n:
    pushq $\n
    jmp with_error
    .endr
exc6:
    pushq $0
    pushq $6
with_error:
    popq VEC
    popq ERR
    push %rax
    mov 8(%rsp), %rax
    mov %rax, FRIP
    mov resume, %rax
    mov %rax, 8(%rsp)
    pop %rax
    iretq
int50:
exc1:
    incl COUNT
    push %rax
    mov 8(%rsp), %rax
    mov %rax, FRIP
    mov 24(%rsp), %rax
    mov %rax, FFL
    mov %rcx, trap_rcx
    mov %dr6, %rax
    mov %rax, DR6
    mov $0xffff0ff0, %eax
    mov %rax, %dr6
    pop %rax
    iretq

    .balign 8
resume:
    .quad 0
trap_rcx:
    .quad 0
tss:
    .fill 104, 1, 0
    tables
