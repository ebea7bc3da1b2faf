/* System management mode: entry state, save map, moved SMBASE, RSM, what SMM holds back */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

/* Save map as the handler sees it by CS: SMBASE + 0xfe00.. (AMD APM vol. 2, 10.2.3) */
#define SAVE_EFER     0xfed0
#define SAVE_REVISION 0xfefc
#define SAVE_SMBASE   0xff00
#define SAVE_CR3      0xff50
#define SAVE_CR0      0xff58
#define SAVE_RFLAGS   0xff70
#define SAVE_RIP      0xff78
#define SAVE_RBX      0xffe0
#define SAVE_RAX      0xfff8
#define NEW_BASE      0x40000

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7000, %sp
    cld
    /* the handler at SMBASE + 0x8000, and at the base it moves to */
    mov $handler, %si
    mov $0x3800, %ax
    mov %ax, %es
    xor %di, %di
    mov $handler_end - handler, %cx
    rep movsb
    mov $handler, %si
    mov $(NEW_BASE + 0x8000) >> 4, %ax
    mov %ax, %es
    xor %di, %di
    mov $handler_end - handler, %cx
    rep movsb
    xor %ax, %ax
    mov %ax, %es
    movw $nmi, 8
    movw $0, 10
    movl $0, 0x600
    movl $0, 0x604
    movl $0, 0x608

    /* RSM outside of SMM is #UD */
    movw $ud, 6 * 4
    movw $0, 6 * 4 + 2
    xor %bx, %bx
    rsm
    cmp $6, %bx
    CHECK_Z

    /* From real mode: comes back with what the handler put in the map */
    mov $0x1111, %ebx
    mov $0x22222222, %eax
    stc
    out %al, $PORT_SMI
after_smi:
    CHECK_C
    cmp $0x33333333, %eax
    CHECK_Z
    cmp $0x1112, %ebx
    CHECK_Z
    cmpl $1, 0x600
    CHECK_Z
    mov %cs, %ax
    test %ax, %ax
    CHECK_Z
    /* the NMI that came inside was held back until RSM */
    cmpl $1, 0x608
    CHECK_Z

    /* From 64-bit code, at the moved SMBASE */
    enter_protected
    enter_long
    mov $0x1234567890abcdef, %rbx
    mov $0x22222222, %eax
    out %al, $PORT_SMI
    nop
    mov $0x1234567890abcdf0, %rcx
    cmp %rcx, %rbx
    CHECK_Z
    cmpl $2, 0x600
    CHECK_Z
    mov %cs, %eax
    cmp $CS64, %ax
    CHECK_Z
    mov %cr0, %rax
    bt $31, %rax
    CHECK_C
    PASS

    .code16
    /* CS base is SMBASE, all limits are 4 GiB */
handler:
    mov %cs, %ax
    mov %ax, %ds
    incl %cs:SAVE_RBX
    movl $0x33333333, %cs:SAVE_RAX
    cmpl $0x00020064, %cs:SAVE_REVISION
    jne 1f
    /* real-mode like: no PE, no paging */
    mov %cr0, %eax
    test $0x80000001, %eax
    jnz 1f
    pushf
    pop %ax
    test $0x200, %ax
    jnz 1f
    xor %ax, %ax
    mov %ax, %ds
    mov $0x600, %ebx
    incl (%ebx)
    cmpl $1, (%ebx)
    jne second
    /* the first time: the save map has the base of power-up; move it */
    cmpl $0x30000, %cs:SAVE_SMBASE
    jne 1f
    movl $NEW_BASE, %cs:SAVE_SMBASE
    cmpl $after_smi, %cs:SAVE_RIP
    jne 1f
    out %al, $PORT_NMI
    nop
    cmpl $0, 0x608
    jne 1f
    rsm
second:
    mov %cs, %ax
    cmp $NEW_BASE >> 4, %ax
    jne 1f
    cmpl $NEW_BASE, %cs:SAVE_SMBASE
    jne 1f
    testl $0x400, %cs:SAVE_EFER
    jz 1f
    cmpl $0x100000, %cs:SAVE_CR3
    jne 1f
    rsm
1:  mov $0xdead, %eax
    out %eax, $PORT_END
handler_end:

nmi:
    incw 0x608
    iret
ud:
    mov $6, %bx
    mov %sp, %bp
    addw $2, (%bp)
    iret
    tables
