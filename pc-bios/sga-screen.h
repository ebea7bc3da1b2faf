/* Part of sga.S: INT 10h where there is no video BIOS; cursor and mode in the BIOS data area */
/* SPDX-License-Identifier: GPL-2.0-or-later */

#define S_BX 8(%bp)                 /* of pushaw */
#define S_BL 8(%bp)
#define S_BH 9(%bp)
#define S_DX 10(%bp)
#define S_CX 12(%bp)
#define S_CL 12(%bp)
#define S_AX 14(%bp)
#define S_AL 14(%bp)
#define S_AH 15(%bp)

bda_init:
    movb    $3, BDA_MODE
    movw    $COLS, BDA_COLS
    movw    $0x1000, BDA_SIZE
    movw    $0, BDA_START
    xor     %bx, %bx
1:  movw    $0, BDA_CURSOR(%bx)
    add     $2, %bx
    cmp     $16, %bx
    jb      1b
    movw    $0x0607, BDA_SHAPE
    movb    $0, BDA_PAGE
    movw    $0x3d4, BDA_CRTC
    movb    $ROWS - 1, BDA_ROWS
    movw    $16, BDA_HEIGHT
    ret

screen10:
    push    %ds
    pushaw
    mov     %sp, %bp
    xor     %bx, %bx
    mov     %bx, %ds
    movzbw  S_BH, %di               /* page, as an index of cursors */
    and     $7, %di
    shl     $1, %di
    mov     $screens, %si
1:  mov     %cs:(%si), %al
    cmp     $0xff, %al
    je      2f
    add     $3, %si
    cmp     S_AH, %al
    jne     1b
    call    *%cs:-2(%si)
2:  popaw
    pop     %ds
    iret

screens:
    .byte   0x00
    .word   bda_init
    .byte   0x01
    .word   screen_shape
    .byte   0x02
    .word   screen_move
    .byte   0x03
    .word   screen_where
    .byte   0x05
    .word   screen_page
    .byte   0x08
    .word   screen_cell
    .byte   0x0e
    .word   screen_tty
    .byte   0x0f
    .word   screen_mode
    .byte   0x13
    .word   screen_string
    .byte   0x4f
    .word   screen_vbe
    .byte   0xff

screen_shape:
    mov     S_CX, %ax
    mov     %ax, BDA_SHAPE
    ret
screen_move:
    mov     S_DX, %ax
    mov     %ax, BDA_CURSOR(%di)
    ret
screen_where:
    mov     BDA_CURSOR(%di), %ax
    mov     %ax, S_DX
    mov     BDA_SHAPE, %ax
    mov     %ax, S_CX
    ret
screen_page:
    mov     S_AL, %al
    and     $7, %al
    mov     %al, BDA_PAGE
    ret
screen_cell:
    movw    $0x0720, S_AX
    ret
screen_mode:
    movw    $COLS << 8 | 3, S_AX
    mov     BDA_PAGE, %al
    mov     %al, S_BH
    ret
screen_vbe:
    movw    $0x0100, S_AX           /* not supported */
    ret
screen_tty:
    movzbw  BDA_PAGE, %di
    shl     $1, %di
    mov     BDA_CURSOR(%di), %dx
    mov     S_AL, %al
    call    advance
    mov     %dx, BDA_CURSOR(%di)
    ret
screen_string:
    testb   $1, S_AL                /* the cursor moves only then */
    jz      3f
    mov     S_DX, %dx
    mov     S_CX, %cx
    mov     4(%bp), %si             /* bp */
1:  jcxz    2f
    mov     %es:(%si), %al
    inc     %si
    testb   $2, S_AL
    jz      4f
    inc     %si
4:  call    advance
    dec     %cx
    jmp     1b
2:  mov     %dx, BDA_CURSOR(%di)
3:  ret

/* dx after the character al */
advance:
    cmp     $'\r', %al
    je      2f
    cmp     $'\n', %al
    je      3f
    cmp     $'\b', %al
    je      4f
    cmp     $7, %al
    je      5f
    inc     %dl
    cmp     $COLS, %dl
    jb      5f
    mov     $0, %dl
3:  cmp     $ROWS - 1, %dh
    jae     5f
    inc     %dh
    ret
2:  mov     $0, %dl
    ret
4:  test    %dl, %dl
    jz      5f
    dec     %dl
5:  ret
