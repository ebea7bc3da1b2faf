/* Part of sga.S: INT 16h: what came in on the line, before the old handler looks */
/* SPDX-License-Identifier: GPL-2.0-or-later */

#define K_AH (4 + O_EAX + 1)(%bp)   /* behind ds and es */

int16:
    pushal
    push    %ds
    push    %es
    mov     %sp, %bp
    xor     %ax, %ax
    mov     %ax, %ds
    cld
    call    pump
    testb   $F_GRAPHICS | F_BUSY, FLAGS
    jnz     1f
    call    shown_cursor            /* who waits for a key shows where */
    call    sync
1:  mov     K_AH, %ah
    test    $0xcf, %ah              /* 00h, 10h, 20h wait for a key */
    jnz     4f
    cmp     $0x30, %ah
    jae     4f
2:  mov     K_AH, %ah
    inc     %ah
    pushfw
    lcallw  *%cs:old16
    jnz     4f
    sti
    hlt
    cli
    call    pump
    jmp     2b
4:  pop     %es
    pop     %ds
    popal
    ljmpw   *%cs:old16

/* Move bytes from the line to the keyboard buffer while there are any and there is room */
pump:
    mov     0x41c, %bx              /* tail, head, end, start */
    add     $2, %bx
    cmp     0x482, %bx
    jb      1f
    mov     0x480, %bx
1:  cmp     0x41a, %bx
    je      9f
    mov     $UART + UART_LSR, %dx
    in      %dx, %al
    cmp     $0xff, %al
    je      9f
    test    $1, %al
    jz      2f
    mov     $UART, %dx
    in      %dx, %al
    call    key_byte
    jmp     pump
2:  cmpb    $1, ESC_STATE           /* an ESC that nothing follows is the key */
    jne     9f
    mov     BDA_TICK, %ax
    sub     ESC_TICK, %ax
    cmp     $2, %ax
    jb      9f
    movb    $0, ESC_STATE
    mov     $0x011b, %cx
    jmp     stroke
9:  ret

/* One byte of input, al */
key_byte:
    mov     ESC_STATE, %ah
    cmp     $1, %ah
    je      key_after_esc
    ja      key_sequence
    cmp     $0x1b, %al
    je      key_esc
key_plain:
    test    $0x80, %al
    jnz     9f
    cmp     $0x7f, %al              /* what terminals send for Backspace */
    jne     1f
    mov     $'\b', %al
1:  cmp     $'\n', %al
    jne     2f
    mov     $'\r', %al
2:  movzbw  %al, %bx
    mov     %al, %cl
    mov     %cs:scan_codes(%bx), %ch
    jmp     stroke
9:  ret

key_esc:
    movb    $1, ESC_STATE
    mov     BDA_TICK, %ax
    mov     %ax, ESC_TICK
    ret

key_after_esc:
    cmp     $0x1b, %al
    jne     1f
    mov     $0x011b, %cx
    call    stroke
    jmp     key_esc
1:  movb    $0, ESC_PARAM
    movb    $2, ESC_STATE
    cmp     $'[', %al
    je      9b
    movb    $3, ESC_STATE
    cmp     $'O', %al
    je      9b
    movb    $0, ESC_STATE
    push    %ax
    mov     $0x011b, %cx
    call    stroke
    pop     %ax
    jmp     key_plain

/* State 2: "ESC [", 3: "ESC O", 4: modifiers after ';', 5: "ESC [ [" of the Linux console */
key_sequence:
    cmp     $'0', %al
    jb      9f
    cmp     $'9', %al
    ja      1f
    cmp     $2, %ah
    jne     9b
    sub     $'0', %al
    mov     %al, %bl
    mov     ESC_PARAM, %al
    mov     $10, %bh
    mul     %bh
    add     %bl, %al
    mov     %al, ESC_PARAM
    ret
1:  cmp     $';', %al
    jne     2f
    movb    $4, ESC_STATE
    ret
2:  cmp     $'[', %al
    jne     3f
    cmp     $2, %ah
    jne     9f
    movb    $5, ESC_STATE
    ret
3:  mov     $keys_linux, %si
    cmp     $5, %ah
    je      4f
    mov     $keys_final, %si
    cmp     $'~', %al
    jne     4f
    mov     $keys_number, %si
    mov     ESC_PARAM, %al
4:  mov     %cs:(%si), %ah          /* pairs of what came and the scan code, ended by 0 */
    test    %ah, %ah
    jz      9f
    add     $2, %si
    cmp     %ah, %al
    jne     4b
    mov     %cs:-1(%si), %ch
    mov     $0, %cl
    cmp     $0x1c, %ch              /* the keypad's Enter */
    jne     5f
    mov     $'\r', %cl
5:  movb    $0, ESC_STATE
    jmp     stroke
9:  movb    $0, ESC_STATE
    ret

/* Put scan code and character cx into the keyboard buffer, as the BIOS itself does it */
stroke:
    push    %bp
    mov     $0x05, %ah
    pushfw
    lcallw  *%cs:old16
    pop     %bp
    ret

keys_final:
    .byte   'A', 0x48, 'B', 0x50, 'C', 0x4d, 'D', 0x4b, 'H', 0x47, 'F', 0x4f
    .byte   'P', 0x3b, 'Q', 0x3c, 'R', 0x3d, 'S', 0x3e, 'M', 0x1c, 'Z', 0x0f, 0
keys_number:
    .byte   1, 0x47, 2, 0x52, 3, 0x53, 4, 0x4f, 5, 0x49, 6, 0x51, 7, 0x47, 8, 0x4f
    .byte   11, 0x3b, 12, 0x3c, 13, 0x3d, 14, 0x3e, 15, 0x3f, 17, 0x40, 18, 0x41
    .byte   19, 0x42, 20, 0x43, 21, 0x44, 23, 0x85, 24, 0x86, 0
keys_linux:
    .byte   'A', 0x3b, 'B', 0x3c, 'C', 0x3d, 'D', 0x3e, 'E', 0x3f, 0

/* Scan codes of a US keyboard for ASCII */
scan_codes:
    .byte   0x03, 0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22, 0x0e, 0x0f, 0x24, 0x25
    .byte   0x26, 0x1c, 0x31, 0x18, 0x19, 0x10, 0x13, 0x1f, 0x14, 0x16, 0x2f, 0x11
    .byte   0x2d, 0x15, 0x2c, 0x01, 0x2b, 0x1b, 0x07, 0x0c, 0x39, 0x02, 0x28, 0x04
    .byte   0x05, 0x06, 0x08, 0x28, 0x0a, 0x0b, 0x09, 0x0d, 0x33, 0x0c, 0x34, 0x35
    .byte   0x0b, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x27, 0x27
    .byte   0x33, 0x0d, 0x34, 0x35, 0x03, 0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22
    .byte   0x23, 0x17, 0x24, 0x25, 0x26, 0x32, 0x31, 0x18, 0x19, 0x10, 0x13, 0x1f
    .byte   0x14, 0x16, 0x2f, 0x11, 0x2d, 0x15, 0x2c, 0x1a, 0x2b, 0x1b, 0x07, 0x0c
    .byte   0x29, 0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22, 0x23, 0x17, 0x24, 0x25
    .byte   0x26, 0x32, 0x31, 0x18, 0x19, 0x10, 0x13, 0x1f, 0x14, 0x16, 0x2f, 0x11
    .byte   0x2d, 0x15, 0x2c, 0x1a, 0x2b, 0x1b, 0x29, 0x0e
