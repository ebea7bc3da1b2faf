/* A boot sector that reads and writes its floppy disk by INT 13h and says so on the screen */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends by writing 0x10 to isa-debug-exit at port 0x501: exit status 0x21. */
    .code16
    .text
    .globl _start
_start:
    cli
    xor     %ax, %ax
    mov     %ax, %ds
    mov     %ax, %es
    mov     %ax, %ss
    mov     $0x7c00, %sp
    sti
    mov     %dl, drive
    mov     $0x0201, %ax            /* read one sector to 0x8000 */
    mov     $0x8000, %bx
    mov     $40 << 8 | 5, %cx       /* cylinder 40, sector 5 */
    mov     $1, %dh                 /* head 1 */
    int     $0x13
    jc      fail
    mov     $0x8000, %si
    call    say
    mov     $0x0301, %ax            /* write it to the last sector */
    mov     $0x8000, %bx
    mov     $79 << 8 | 18, %cx
    mov     $1, %dh
    mov     drive, %dl
    int     $0x13
    jc      fail
    mov     $0x08, %ah              /* the drive's geometry: CH cylinders, CL sectors */
    mov     drive, %dl
    xor     %di, %di
    int     $0x13
    jc      fail
    cmp     $79 << 8 | 18, %cx
    jne     fail
    cmp     $1, %dh
    jne     fail
    mov     $written, %si
    call    say
    mov     $0x10, %al
    mov     $0x501, %dx
    out     %al, %dx
stop:
    hlt
    jmp     stop
fail:
    mov     $failed, %si
    call    say
    jmp     stop

say:
    lodsb
    test    %al, %al
    jz      1f
    mov     $0x0e, %ah
    mov     $7, %bx
    int     $0x10
    jmp     say
1:  ret

drive:   .byte 0
written: .asciz " and written\r\n"
failed:  .asciz "INT 13h failed\r\n"
    .org    510
    .word   0xaa55
