/* Writes to pages that kvm-machine-test.c expects to find dirty, in two rounds; real mode at 0x8000 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/test.h"

/* Pages first to 0x9f in steps, one byte each. */
.macro touch first, step
    mov $\first * 0x100, %bx
1:  mov %bx, %es
    incb %es:0x123
    add $\step * 0x100, %bx
    cmp $0xa000, %bx
    jb 1b
.endm

    .code16
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    touch 0x10, 3
    mov $1, %eax
    out %eax, $PORT_END
    touch 0x20, 7
    mov $2, %eax
    out %eax, $PORT_END
1:  hlt
    jmp 1b
