/* Real mode: IVT, flags, STI shadow, far transfers, limits, external interrupts */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#define IVT(n, handler) movw $handler, (n) * 4; movw $0, (n) * 4 + 2

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7000, %sp
    cld

    /* INT pushes FLAGS CS IP and clears IF and TF; IRET brings them back */
    IVT(0x40, int40)
    sti
    stc
    int $0x40
after_int:
    CHECK_C
    pushf
    pop %ax
    test $0x200, %ax
    CHECK_NZ
    cmp $0x7000, %sp
    CHECK_Z

    /* #DE is a fault: it pushes the DIV's own IP */
    IVT(0, div_error)
    xor %cx, %cx
    mov $1, %ax
    xor %dx, %dx
div_insn:
    div %cx
    cmp $0x1234, %bx
    CHECK_Z

    /* A word at offset 0xffff is beyond the limit: #GP, without error code */
    IVT(13, gp_skip4)
    xor %bx, %bx
    mov $0xffff, %si
gp_insn:
    mov (%si), %ax
    nop
    nop
    cmp $13, %bx
    CHECK_Z
    /* by BP it is the stack's: #SS */
    IVT(12, ss_skip3)
    mov $0xffff, %bp
    mov 0(%bp), %ax
    cmp $12, %bx
    CHECK_Z

    /* UD2 */
    IVT(6, ud_skip2)
    ud2
    cmp $6, %bx
    CHECK_Z

    /* BOUND: #BR; INTO after an overflow: #OF pushes the next IP */
    IVT(5, br_skip)
    IVT(4, of_handler)
    movw $1, 0x600
    movw $2, 0x602
    mov $3, %ax
    bound %ax, 0x600
    cmp $5, %bx
    CHECK_Z
    mov $0x7f, %al
    add $1, %al
    into
    cmp $4, %bx
    CHECK_Z

    /* Far call and return; far jump through memory */
    lcall $0x10, $(far_proc - 0x100)
    cmp $0x10, %bx
    CHECK_Z
    movw $1f, 0x600
    movw $0, 0x602
    ljmp *0x600
    FAIL
1:
    mov %cs, %ax
    test %ax, %ax
    CHECK_Z

    /* External interrupt: not while IF is clear; after STI not before the next instruction */
    IVT(0x50, int50)
    cli
    xor %bx, %bx
    mov $0x50, %al
    out %al, $PORT_IRQ
    nop
    test %bx, %bx
    CHECK_Z
    sti
shadowed:
    mov $1, %cx
behind_shadow:
    cmp $0x50, %bx
    CHECK_Z
    cmpw $behind_shadow, 0x610
    CHECK_Z

    /* MOV SS shields the next instruction as well */
    cli
    xor %bx, %bx
    mov $0x50, %al
    out %al, $PORT_IRQ
    mov %ss, %dx
    sti
    mov %dx, %ss
    nop
1:
    cmp $0x50, %bx
    CHECK_Z
    cmpw $1b, 0x610
    CHECK_Z

    /* HLT wakes on an interrupt */
    cli
    xor %bx, %bx
    mov $0x50, %al
    out %al, $PORT_IRQ
    sti
    hlt
1:
    cmp $0x50, %bx
    CHECK_Z
    cmpw $1b, 0x610
    CHECK_Z

    /* NMI comes with IF clear; a second one waits for IRET */
    IVT(2, nmi)
    cli
    movw $0, 0x620
    out %al, $PORT_NMI
    nop
    cmpw $2, 0x620
    CHECK_Z

    /* TF traps behind each instruction, DR6.BS tells */
    IVT(1, debug)
    movw $0, 0x630
    pushf
    pop %ax
    or $0x100, %ax
    push %ax
    popf
    nop                     /* trap 1 behind this */
    nop                     /* trap 2 */
    pushf                   /* trap 3 */
    pop %ax                 /* trap 4 */
    and $0xfeff, %ax        /* trap 5 */
    push %ax                /* trap 6 */
    popf                    /* trap 7: TF was set when it began */
    nop
    cmpw $7, 0x630
    CHECK_Z
    mov %dr6, %eax
    bt $14, %eax
    CHECK_C

    /* Unreal mode: a 4 GiB limit stays after protected mode */
    cli
    lgdtl gdt_ptr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $DS32, %bx
    mov %bx, %es
    and $0xfe, %al
    mov %eax, %cr0
    xor %bx, %bx
    mov %bx, %es
    mov $0x200000, %edi
    movl $0x12345678, %es:(%edi)
    cmpl $0x12345678, %es:(%edi)
    CHECK_Z

    /* CS:IP at 0xffff wraps to no further than the limit: #GP */
    PASS

int40:
    push %bp
    mov %sp, %bp
    cmpw $after_int, 2(%bp)
    CHECK_Z
    cmpw $0, 4(%bp)
    CHECK_Z
    pushf
    pop %ax
    test $0x200, %ax
    CHECK_Z
    testw $0x201, 6(%bp)
    CHECK_NZ
    pop %bp
    iret

div_error:
    mov %sp, %bp
    cmpw $div_insn, (%bp)
    CHECK_Z
    mov $0x1234, %bx
    addw $2, (%bp)
    iret

gp_skip4:
    mov %sp, %bp
    cmpw $gp_insn, (%bp)
    CHECK_Z
    mov $13, %bx
    addw $2, (%bp)
    iret

ss_skip3:
    mov %sp, %bp
    mov $12, %bx
    addw $3, (%bp)
    iret

ud_skip2:
    mov %sp, %bp
    mov $6, %bx
    addw $2, (%bp)
    iret

br_skip:
    mov %sp, %bp
    mov $5, %bx
    addw $4, (%bp)
    iret

of_handler:
    mov $4, %bx
    iret

int50:
    mov $0x50, %bx
    mov %sp, %bp
    mov (%bp), %ax
    mov %ax, 0x610
    iret

nmi:
    incw 0x620
    cmpw $1, 0x620
    jne 1f
    out %al, $PORT_NMI      /* held back until IRET */
    nop
    cmpw $1, 0x620
    CHECK_Z
1:  iret

debug:
    incw 0x630
    iret

far_proc:
    mov %cs, %bx
    lret

    tables
