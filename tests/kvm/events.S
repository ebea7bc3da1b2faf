/* Signals ioeventfds, then takes the interrupts of irqfds: kvm-machine-test.c; real mode at 0x8000 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/test.h"

#define COUNT_PIC 0x600
#define COUNT_MSI 0x601

.macro outb port, value
    mov $\port, %dx
    mov $\value, %al
    out %al, %dx
.endm

.macro wait_for place
9:  cli
    cmpb $1, \place
    jae 8f
    sti
    hlt
    jmp 9b
8:  cli
.endm

    .code16
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    outb 0xfa, 0x11                 /* its event wants 0x5a: this one is the device's */
    outb 0xfa, 0x5a
    mov $0xc000, %bx
    mov %bx, %es
    movw $0x4321, %es:0x10          /* likewise, 0x1234 */
    movw $0x1234, %es:0x10

    movw $on_pic, 0x25 * 4
    movw $0, 0x25 * 4 + 2
    movw $on_msi, 0x50 * 4
    movw $0, 0x50 * 4 + 2
    movw $0, COUNT_PIC
    outb 0x20, 0x11
    outb 0x21, 0x20
    outb 0x21, 0x04
    outb 0x21, 0x01
    outb 0xa0, 0x11
    outb 0xa1, 0x28
    outb 0xa1, 0x02
    outb 0xa1, 0x01
    outb 0x4d0, 0x20                /* input 5 is a level */
    outb 0x21, 0xdf
    mov $0x1b, %ecx
    rdmsr
    or $0x400, %eax
    wrmsr
    mov $0x80f, %ecx
    mov $0x1ff, %eax
    xor %edx, %edx
    wrmsr
    mov $1, %eax
    out %eax, $PORT_END
    wait_for COUNT_PIC
    mov $2, %eax
    out %eax, $PORT_END
    wait_for COUNT_MSI
    mov $3, %eax
    out %eax, $PORT_END
1:  hlt
    jmp 1b

on_pic:
    push %ax
    incb COUNT_PIC
    mov $0x20, %al
    out %al, $0x20
    pop %ax
    iret
on_msi:
    pushal
    incb COUNT_MSI
    mov $0x80b, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    popal
    iret
