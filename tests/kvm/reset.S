/* A BIOS of its own that resets the machine by its port, then by the keyboard controller, then ends */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#define PLACE 0x600     /* what survives a reset: how often it came */

    .code16
    .org 0
start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    mov PLACE, %al
    incb PLACE
    add $'1', %al
    out %al, $0xe9
    cmp $'1', %al
    je by_port
    cmp $'2', %al
    je by_keyboard
    mov $0x501, %dx
    mov $0x10, %al
    out %al, %dx
1:  hlt
    jmp 1b

by_port:
    mov $0xcf9, %dx
    mov $2, %al
    out %al, %dx
    mov $6, %al
    out %al, %dx
1:  hlt
    jmp 1b

by_keyboard:
    mov $0xfe, %al
    out %al, $0x64
1:  hlt
    jmp 1b

    .org 0xfff0
    ljmp $0xf000, $start
    .org 0xffff
    .byte 0
