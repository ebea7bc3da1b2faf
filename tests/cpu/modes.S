/* Real and long mode in few steps: interrupts, faults, NMI; IRET in real mode alone */
/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * For a KVM that interprets kernel-mode code, too: its interpreter knows neither
 * IRET, faults and paging of 32-bit mode nor x87. What it runs, it must run as we do.
 */
#include "test.h"

#define GOT    0x5000   /* the vector that came, 0xff at first */
#define ERROR  0x5008
#define RESUME 0x5010
#define STACK  0x5018

/* A handler that notes its vector and leaves its frame behind. */
.macro stub64 vector, has_error
stub64_\vector:
    movl $\vector, GOT
    .if \has_error
    popq ERROR
    .endif
    mov STACK, %rsp
    jmp *RESUME
.endm

/* Run one instruction; the vector and the error code that must come of it. */
.macro faults64 vector, error, insn:vararg
    movl $0xff, GOT
    movq $0, ERROR
    movq $8f, RESUME
    mov %rsp, STACK
    \insn
    nop                             /* where an interrupt comes, if it does not come sooner */
    nop
8:  cmpl $\vector, GOT
    CHECK_Z
    cmpl $\error, ERROR
    CHECK_Z
.endm

    .code16
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7000, %sp

/* Real mode */
    movw $real_int, 0x21 * 4
    movw $0, 0x21 * 4 + 2
    movw $real_div, 0
    movw $0, 2
    movw $real_irq, 0x30 * 4
    movw $0, 0x30 * 4 + 2
    movw $real_nmi, 2 * 4
    movw $0, 2 * 4 + 2
    movl $0, GOT
    stc
    int $0x21
    CHECK_NC                        /* the handler cleared it in the frame */
    cmpw $0x21, GOT
    CHECK_Z
    xor %cx, %cx
    mov $1, %ax
    xor %dx, %dx
    div %cx
after_div:
    cmpw $0xd0, GOT
    CHECK_Z
    sti
    mov $0x30, %al
    out %al, $PORT_IRQ
    nop
    cli
    cmpw $0x30, GOT
    CHECK_Z
    out %al, $PORT_NMI
    nop
    cmpw $0x22, GOT
    CHECK_Z
    mov $0x1234, %ax
    mov $0x100, %bx
    mul %bx
    cmp $0x12, %dx
    CHECK_Z
    cmp $0x3400, %ax
    CHECK_Z
    mov $real_int, %si
    mov $0x6000, %di
    mov $16, %cx
    rep movsb
    mov $real_int, %si
    mov $0x6000, %di
    mov $16, %cx
    repe cmpsb
    CHECK_Z

/* Protected mode, no paging: only passed through */
    enter_protected

/* Long mode */
    enter_long
    gate64 0, stub64_0
    gate64 2, stub64_2
    gate64 6, stub64_6
    gate64 13, stub64_13
    gate64 14, stub64_14
    gate64 0x30, stub64_48
    xor %rcx, %rcx
    mov $1, %rax
    xor %rdx, %rdx
    faults64 0, 0, div %rcx
    faults64 6, 0, ud2
    mov $0x12345678, %ecx
    faults64 13, 0, rdmsr
    mov $0xff8, %ecx
    faults64 13, 0xff8, mov %ecx, %fs
    movq $0, 0x103000 + 0x180 * 8   /* unmapped from now on */
    invlpg 0x180000
    faults64 14, 0, mov 0x180ff0, %rax
    mov %cr2, %rax
    cmp $0x180ff0, %rax
    CHECK_Z
    faults64 14, 2, mov %rax, 0x180000
    faults64 2, 0, out %al, $PORT_NMI
    mov $0x30, %al
    sti
    faults64 0x30, 0, out %al, $PORT_IRQ
    cli
    mov $0x123456789abcdef0, %rax
    mov %rax, %r9
    bswap %r9
    mov $0xf0debc9a78563412, %rcx
    cmp %rcx, %r9
    CHECK_Z
    lea gdt(%rip), %r10
    cmp $gdt, %r10
    CHECK_Z
    PASS
1:  hlt
    jmp 1b

    .code64
    stub64 0, 0
    stub64 2, 0
    stub64 6, 0
    stub64 13, 1
    stub64 14, 1
    stub64 48, 0

    .code16
real_int:
    movw $0x21, GOT
    push %bp
    mov %sp, %bp
    andw $0xfffe, 6(%bp)
    pop %bp
    iret
real_div:
    movw $0xd0, GOT
    push %bp
    mov %sp, %bp
    movw $after_div, 2(%bp)
    pop %bp
    iret
real_irq:
    movw $0x30, GOT
    iret
real_nmi:
    movw $0x22, GOT
    iret

    tables
