/* State in every register, kept over a move from one accelerator to another: kvm-machine-test.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/test.h"

#define LAPIC  0xfee00000
#define IOAPIC 0xfec00000
#define MARK 0x1122334455667788

/* The line number at the port unless %rax is value; RBX and what it checks survive. */
.macro expect value
    mov $\value, %rcx
    cmp %rcx, %rax
    CHECK_Z
.endm

.macro wrmsr64 number, value
    mov $\number, %ecx
    mov $(\value) & 0xffffffff, %eax
    mov $(\value) >> 32, %edx
    wrmsr
.endm

.macro rdmsr64 number
    mov $\number, %ecx
    rdmsr
    shl $32, %rdx
    or %rdx, %rax
.endm

    .code16
    enter_protected
    enter_long
    movl $0x105007, 0x101018        /* the fourth GiB: I/O APIC and local APIC in big pages */
    movl $IOAPIC + 0x83, 0x105fb0
    movl $LAPIC + 0x83, 0x105fb8
    mov $LAPIC, %eax
    movl $0x1ff, 0xf0(%rax)         /* on, spurious vector 0xff */
    movl $0x20, 0x80(%rax)          /* priority */
    movl $0x10031, 0x320(%rax)      /* timer, masked */
    movl $0xb, 0x3e0(%rax)          /* divided by 1 */
    movl $0x40041, 0x300(%rax)      /* to itself, vector 0x41: it waits for IF */
    mov $IOAPIC, %eax
    movl $0x1a, (%rax)
    movl $0x10055, 0x10(%rax)       /* pin 5 */
    gate64 2, on_nmi
    wrmsr64 0xc0000081, 0x0023001000000000
    wrmsr64 0xc0000082, 0xffffffff81234567
    wrmsr64 0xc0000084, 0x47700
    wrmsr64 0xc0000102, 0xffff888012345000
    wrmsr64 0x174, 0x10
    wrmsr64 0x277, 0x0007040600010406
    mov $0x11112222, %rax
    mov %rax, %dr0
    mov $0x33334444, %rax
    mov %rax, %dr3
    mov $0x5a5a5a5a5000, %rax
    mov %rax, %cr2
    movq $MARK & 0x7fffffff, 0x5000
    mov $0x6f00, %rsp
    push $0x1357
    mov $0x2001, %r8
    mov $MARK, %rbx
    lea 1(%rbx), %rsi
    lea 2(%rbx), %rdi
    lea 3(%rbx), %rbp
    lea 4(%rbx), %r9
    lea 5(%rbx), %r10
    lea 6(%rbx), %r11
    lea 7(%rbx), %r12
    lea 8(%rbx), %r13
    lea 9(%rbx), %r14
    lea 10(%rbx), %r15
    mov $1, %eax
    stc
    std
    out %eax, $PORT_END             /* here it moves, with an NMI on its way */
wait:
    cmpq $0x77, 0x5008
    jne wait

    mov 0x5010, %rax                /* CF and DF as they were */
    and $0x401, %eax
    expect 0x401
    mov %rsi, %rax
    expect MARK + 1
    mov %rdi, %rax
    expect MARK + 2
    mov %rbp, %rax
    expect MARK + 3
    mov %r8, %rax
    expect 0x2001
    mov %r9, %rax
    expect MARK + 4
    mov %r10, %rax
    expect MARK + 5
    mov %r11, %rax
    expect MARK + 6
    mov %r12, %rax
    expect MARK + 7
    mov %r13, %rax
    expect MARK + 8
    mov %r14, %rax
    expect MARK + 9
    mov %r15, %rax
    expect MARK + 10
    mov %rsp, %rax
    expect 0x6ef8
    pop %rax
    expect 0x1357
    rdmsr64 0xc0000081
    expect 0x0023001000000000
    rdmsr64 0xc0000082
    expect 0xffffffff81234567
    rdmsr64 0xc0000084
    expect 0x47700
    rdmsr64 0xc0000102
    expect 0xffff888012345000
    rdmsr64 0x174
    expect 0x10
    rdmsr64 0x277
    expect 0x0007040600010406
    mov %dr0, %rax
    expect 0x11112222
    mov %dr3, %rax
    expect 0x33334444
    mov %cr2, %rax
    expect 0x5a5a5a5a5000
    mov %cr3, %rax
    expect 0x100000
    mov $LAPIC, %esi
    mov 0xf0(%rsi), %eax
    expect 0x1ff
    mov 0x80(%rsi), %eax
    expect 0x20
    mov 0x320(%rsi), %eax
    expect 0x10031
    mov 0x3e0(%rsi), %eax
    expect 0xb
    mov 0x220(%rsi), %eax           /* requests 0x40 to 0x5f */
    expect 2
    mov $IOAPIC, %esi
    movl $0x1a, (%rsi)
    mov 0x10(%rsi), %eax
    expect 0x10055
    mov 0x5000, %rax
    expect (MARK & 0x7fffffff)
    PASS
1:  hlt
    jmp 1b

/* Without IRET, which a KVM that interprets kernel-mode code may not know in long mode. */
on_nmi:
    mov 16(%rsp), %rax              /* RFLAGS */
    mov %rax, 0x5010
    mov 24(%rsp), %rsp
    movq $0x77, 0x5008
    cld
    jmp wait

    tables
