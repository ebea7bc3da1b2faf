/* Option ROM that makes COM1 a console of the BIOS: INT 10h to VT100, serial input to INT 16h */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that software writes through the video BIOS (INT 10h) appears on the
 * serial line too, as UTF-8 with VT100 sequences; what arrives there becomes
 * key strokes of INT 16h. With a VGA BIOS its handler does the work first and
 * its results are mirrored; without one, a small handler of our own keeps the
 * cursor and mode in the BIOS data area, and the terminal is the screen.
 *
 * Plain output stays plain: text goes out as it is, and cursor positions are
 * sent only when they differ from where the terminal's cursor already is.
 *
 * Variables live in interrupt vectors that nobody uses (0xf0 to 0xf7), for the
 * ROM's own memory is read-only after POST; the old vectors, which do not
 * change after that, are kept in the ROM.
 */
#include "optrom.h"

#define UART      0x3f8
#define UART_IER  1
#define UART_FCR  2
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5
#define UART_MSR  6
#define UART_SCR  7

/* Variables, in segment 0 */
#define T_ROW     0x3c0             /* where the terminal's cursor is; UNKNOWN: anywhere */
#define T_COL     0x3c1
#define T_ATTR    0x3c2             /* attribute that was sent last */
#define FLAGS     0x3c3
#define ESC_STATE 0x3c4             /* of the parser of key sequences */
#define ESC_PARAM 0x3c5
#define ESC_TICK  0x3c6             /* when the ESC came, for one that stands alone */

#define UNKNOWN   0xff
#define F_VGA     0x01              /* a VGA BIOS does the work; its memory can be read */
#define F_MOVED   0x02              /* absolute positions were used since the last clear */
#define F_BUSY    0x04              /* inside: INT 10h of the VGA BIOS's own */
#define F_TEXTONLY 0x08             /* nobody looks at the screen: refuse VBE */
#define F_GRAPHICS 0x10             /* a graphics mode is set: nothing to mirror */
#define F_HIDDEN  0x20              /* the cursor is hidden */

/* BIOS data area, in segment 0 */
#define BDA_MODE   0x449
#define BDA_COLS   0x44a
#define BDA_SIZE   0x44c
#define BDA_START  0x44e
#define BDA_CURSOR 0x450
#define BDA_SHAPE  0x460
#define BDA_PAGE   0x462
#define BDA_CRTC   0x463
#define BDA_TICK   0x46c
#define BDA_ROWS   0x484            /* less one */
#define BDA_HEIGHT 0x485

#define COLS 80
#define ROWS 25

/* Frames of pushal, from its lowest address */
#define O_EBP 8
#define O_EBX 16
#define O_EDX 20
#define O_ECX 24
#define O_EAX 28
/* While mirroring: results (32 bytes), es, ds, the cursor before, the caller's registers */
#define BEFORE 36(%bp)
#define IN_FRAME 38
#define IN_AL (IN_FRAME + O_EAX)(%bp)
#define IN_AH (IN_FRAME + O_EAX + 1)(%bp)
#define IN_BX (IN_FRAME + O_EBX)(%bp)
#define IN_BL (IN_FRAME + O_EBX)(%bp)
#define IN_BH (IN_FRAME + O_EBX + 1)(%bp)
#define IN_CX (IN_FRAME + O_ECX)(%bp)
#define IN_CL (IN_FRAME + O_ECX)(%bp)
#define IN_CH (IN_FRAME + O_ECX + 1)(%bp)
#define IN_DX (IN_FRAME + O_EDX)(%bp)
#define IN_DL (IN_FRAME + O_EDX)(%bp)
#define IN_DH (IN_FRAME + O_EDX + 1)(%bp)
#define IN_BP (IN_FRAME + O_EBP)(%bp)
#define OUT_AX O_EAX(%bp)

    .code16
    .text
rom_start:
    .word   0xaa55
    .byte   0
    jmp     rom_init
    .org    0x18
    .word   0, 0
    .ascii  "Mica serial console"
    .byte   0
    .balign 4
old10:
    .long   0
old14:
    .long   0
old16:
    .long   0

rom_init:
    pushaw
    push    %ds
    xor     %ax, %ax
    mov     %ax, %ds
    mov     $UART + UART_SCR, %dx   /* is there a UART at all? */
    mov     $0x5a, %al
    out     %al, %dx
    in      %dx, %al
    cmp     $0x5a, %al
    jne     9f
    call    uart_init
    movw    $0, T_ROW
    movb    $0x07, T_ATTR
    movb    $0, FLAGS
    movb    $0, ESC_STATE
    mov     $FW_NOGRAPHIC, %ax
    mov     $FW_PORT_SELECT, %dx
    out     %ax, %dx
    mov     $FW_PORT_DATA, %dx
    in      %dx, %al
    cmp     $1, %al                 /* absent ports read as all ones */
    jne     1f
    orb     $F_TEXTONLY, FLAGS
1:  mov     0x10 * 4, %eax
    mov     0x10 * 4 + 2, %bx
    cmp     $0xc000, %bx            /* a video BIOS has put itself there */
    jb      2f
    cmp     $0xf000, %bx
    jae     2f
    orb     $F_VGA, FLAGS
    jmp     3f
2:  call    bda_init
    mov     %cs, %ax
    shl     $16, %eax
    mov     $screen10 - rom_start, %ax
3:  mov     %eax, %cs:old10
    mov     0x14 * 4, %eax
    mov     %eax, %cs:old14
    mov     0x16 * 4, %eax
    mov     %eax, %cs:old16
    movw    $int10 - rom_start, 0x10 * 4
    mov     %cs, 0x10 * 4 + 2
    movw    $int14 - rom_start, 0x14 * 4
    mov     %cs, 0x14 * 4 + 2
    movw    $int16 - rom_start, 0x16 * 4
    mov     %cs, 0x16 * 4 + 2
9:  pop     %ds
    popaw
    xor     %ax, %ax
    lret

/* 115200 baud, 8 bits, no parity, FIFOs on, no interrupts */
uart_init:
    mov     $uart_setup - rom_start, %si
    mov     $5, %cx
1:  mov     %cs:(%si), %dl
    mov     %cs:1(%si), %al
    add     $2, %si
    mov     $0, %dh
    add     $UART, %dx
    out     %al, %dx
    loop    1b
    mov     $UART + UART_LCR, %dx
    mov     $0x03, %al
    out     %al, %dx
    mov     $UART + UART_IER, %dx
    xor     %al, %al
    out     %al, %dx
    ret
uart_setup:
    .byte   UART_LCR, 0x83, 0, 1, UART_IER, 0, UART_FCR, 0x07, UART_MCR, 0x03

/* ---- INT 10h: the old handler first, then its effect on the terminal ---- */

int10:
    push    %ds
    pushal
    xor     %bx, %bx
    mov     %bx, %ds
    testb   $F_BUSY, FLAGS
    jnz     1f
    cmp     $0x4f, %ah
    jne     2f
    testb   $F_TEXTONLY, FLAGS
    jz      2f
    popal
    pop     %ds
    mov     $0x014f, %ax            /* the function is there, but failed */
    iret
1:  popal
    pop     %ds
    ljmpw   *%cs:old10

2:  orb     $F_BUSY, FLAGS
    call    shown_cursor
    push    %dx
    mov     %sp, %bp
    mov     2 + O_EAX(%bp), %eax    /* all as it came, for the old handler */
    mov     2 + O_EBX(%bp), %ebx
    mov     2 + O_EDX(%bp), %edx
    mov     34(%bp), %ds
    pushfw
    mov     2 + O_EBP(%bp), %ebp
    lcallw  *%cs:old10
    push    %ds
    push    %es
    pushal
    mov     %sp, %bp
    xor     %ax, %ax
    mov     %ax, %ds
    cld
    movzbw  IN_AH, %bx
    cmp     $0x4f, %bl
    je      3f
    testb   $F_GRAPHICS, FLAGS
    jz      3f
    test    %bl, %bl
    jnz     9f
3:  mov     $mirrors, %si           /* function number, handler; ended by 0xff */
4:  mov     %cs:(%si), %al
    cmp     $0xff, %al
    je      9f
    add     $3, %si
    cmp     %bl, %al
    jne     4b
    mov     BEFORE, %dx
    call    *%cs:-2(%si)
9:  andb    $~F_BUSY, FLAGS
    popal
    pop     %es
    pop     %ds
    lea     36(%esp), %esp          /* the cursor before, the caller's registers and ds */
    iret

mirrors:
    .byte   0x00
    .word   mirror_mode
    .byte   0x01
    .word   mirror_shape
    .byte   0x06
    .word   mirror_scroll
    .byte   0x07
    .word   mirror_scroll
    .byte   0x09
    .word   mirror_cells
    .byte   0x0a
    .word   mirror_cells
    .byte   0x0e
    .word   mirror_tty
    .byte   0x13
    .word   mirror_string
    .byte   0x4f
    .word   mirror_vbe
    .byte   0xff

/* dx = cursor of the page that is shown */
shown_cursor:
    push    %bx
    movzbw  BDA_PAGE, %bx
    and     $7, %bx
    shl     $1, %bx
    mov     BDA_CURSOR(%bx), %dx
    pop     %bx
    ret

/* Mode set: text modes clear the terminal, unless bit 7 asks to keep the memory */
mirror_mode:
    mov     IN_AL, %al
mode_in_al:
    mov     %al, %ah
    and     $0x7f, %al
    andb    $~F_GRAPHICS, FLAGS
    cmp     $3, %al
    jbe     1f
    cmp     $7, %al
    je      1f
    orb     $F_GRAPHICS, FLAGS
    ret
1:  test    $0x80, %ah
    jnz     2f
    mov     $text_clear, %si
    call    put_text
    movw    $0, T_ROW               /* and T_COL */
    movb    $0x07, T_ATTR
    andb    $~(F_MOVED | F_HIDDEN), FLAGS
2:  ret

mirror_vbe:
    cmpb    $0x02, IN_AL
    jne     2b
    cmpw    $0x004f, OUT_AX
    jne     2b
    mov     IN_BX, %ax
    test    $0x01, %ah
    jz      mode_in_al
    orb     $F_GRAPHICS, FLAGS
    ret

/* Bit 5 of the start line switches the cursor off */
mirror_shape:
    mov     $text_show, %si
    mov     FLAGS, %al
    andb    $~F_HIDDEN, FLAGS
    mov     IN_CH, %ah
    and     $0x60, %ah
    cmp     $0x20, %ah
    jne     1f
    orb     $F_HIDDEN, FLAGS
    mov     $text_hide, %si
1:  xor     FLAGS, %al
    test    $F_HIDDEN, %al
    jnz     put_text
    ret

/* One character with teletype manners; its attribute is what the screen has there */
mirror_tty:
    mov     IN_AL, %al
    call    attr_at
    jmp     tty

/* A character, many times, from the cursor on; the cursor stays */
mirror_cells:
    mov     IN_BH, %al
    cmp     BDA_PAGE, %al
    jne     9f
    mov     IN_BL, %bl
    cmpb    $0x0a, IN_AH
    jne     1f
    mov     IN_AL, %al
    call    attr_at
1:  mov     IN_CX, %cx
2:  jcxz    9f
    mov     IN_AL, %al
    call    put_at
    inc     %dl
    cmp     BDA_COLS, %dl
    jb      3f
    mov     $0, %dl
    inc     %dh
    cmp     BDA_ROWS, %dh
    ja      9f
3:  dec     %cx
    jmp     2b
9:  ret

/* A string: each character teletype; bit 1 of the mode: attributes in between */
mirror_string:
    mov     IN_BH, %al
    cmp     BDA_PAGE, %al
    jne     9f
    mov     IN_DX, %dx
    mov     IN_BL, %bl
    mov     IN_CX, %cx
    mov     IN_BP, %si
1:  jcxz    9f
    mov     %es:(%si), %al
    inc     %si
    testb   $2, IN_AL
    jz      2f
    mov     %es:(%si), %bl
    inc     %si
2:  call    tty
    dec     %cx
    jmp     1b
9:  ret

/*
 * Scroll or clear a window: cx to dx are its corners, AL lines (0: all), BH the
 * attribute of what comes in. Full-width windows scroll by the terminal's own
 * region; of others, with a VGA BIOS, the result is drawn from video memory.
 */
mirror_scroll:
    mov     IN_CX, %cx
    mov     IN_DX, %dx
    mov     BDA_ROWS, %al
    cmp     %al, %dh
    jbe     1f
    mov     %al, %dh
1:  mov     BDA_COLS, %al
    dec     %al
    cmp     %al, %dl
    jbe     2f
    mov     %al, %dl
2:  cmp     %dh, %ch
    ja      9f
    cmp     %dl, %cl
    ja      9f
    mov     IN_BH, %bl
    mov     %dh, %al
    sub     %ch, %al
    inc     %al                     /* height */
    cmpb    $0, IN_AL
    je      clear_window
    cmp     IN_AL, %al
    jbe     clear_window
    test    %cl, %cl
    jnz     redraw_window
    mov     BDA_COLS, %al
    dec     %al
    cmp     %al, %dl
    jne     redraw_window
    call    set_attr
    call    put_region
    movzbw  IN_AL, %di              /* lines */
    cmpb    $0x07, IN_AH
    je      4f
    mov     %dh, %al                /* up: line feeds at the bottom */
    call    put_row
3:  mov     $'\n', %al
    call    put_char
    dec     %di
    jnz     3b
    jmp     6f
4:  mov     %ch, %al                /* down: reverse index at the top */
    call    put_row
5:  mov     $text_reverse, %si
    call    put_text
    dec     %di
    jnz     5b
6:  mov     $text_no_region, %si
    call    put_text
    movb    $UNKNOWN, T_ROW
    orb     $F_MOVED, FLAGS
9:  ret

clear_window:
    test    %cx, %cx
    jnz     1f
    cmp     BDA_ROWS, %dh
    jne     1f
    mov     BDA_COLS, %al
    dec     %al
    cmp     %al, %dl
    jne     1f
    call    set_attr                /* the whole screen: terminals fill with the background */
    mov     $text_erase, %si
    call    put_text
    movw    $0, T_ROW
    andb    $~F_MOVED, FLAGS
    ret
1:  mov     %dx, %di                /* the last corner */
    mov     %cx, %dx
2:  mov     %cl, %dl
3:  mov     $' ', %al
    call    put_at
    inc     %dl
    push    %di
    pop     %ax
    cmp     %al, %dl
    jbe     3b
    inc     %dh
    cmp     %ah, %dh
    jbe     2b
    ret

redraw_window:
    testb   $F_VGA, FLAGS
    jz      9b
    mov     %dx, %di
    mov     %cx, %dx
1:  mov     %cl, %dl
2:  call    cell_at
    call    put_at
    inc     %dl
    mov     %di, %ax
    cmp     %al, %dl
    jbe     2b
    inc     %dh
    cmp     %ah, %dh
    jbe     1b
    ret

/* al, bl = character and attribute in video memory at dx */
cell_at:
    push    %cx
    push    %si
    push    %es
    mov     $0xb800, %ax
    cmpb    $7, BDA_MODE
    jne     1f
    mov     $0xb000, %ax
1:  mov     %ax, %es
    mov     BDA_COLS, %al
    mul     %dh
    movzbw  %dl, %si
    add     %ax, %si
    shl     $1, %si
    add     BDA_START, %si
    mov     %es:(%si), %ax
    mov     %ah, %bl
    pop     %es
    pop     %si
    pop     %cx
    ret

/* bl = attribute of the character al that was just written at dx; grey when it is not there */
attr_at:
    push    %ax
    mov     %al, %ah
    mov     $0x07, %bl
    testb   $F_VGA, FLAGS
    jz      1f
    push    %ax
    call    cell_at
    pop     %cx
    cmp     %ch, %al
    je      1f
    mov     $0x07, %bl
1:  pop     %ax
    ret

/* ---- The terminal ---- */

/* Character al, attribute bl at dx as a teletype does it; dx moves on */
tty:
    cmp     $'\r', %al
    je      tty_cr
    cmp     $'\n', %al
    je      tty_lf
    cmp     $'\b', %al
    je      tty_bs
    cmp     $7, %al
    je      put_char
    call    put_at
    inc     %dl
    cmp     BDA_COLS, %dl
    jb      1f
    mov     $'\r', %al              /* the terminal may hold its cursor in the last column */
    call    put_char
    movb    $0, T_COL
    mov     %dh, T_ROW
    mov     $0, %dl
    jmp     tty_lf
tty_cr:
    mov     $0, %dl
    jmp     sync
tty_bs:
    test    %dl, %dl
    jz      1f
    dec     %dl
    jmp     sync
1:  ret

tty_lf:
    call    sync
    cmp     BDA_ROWS, %dh
    jae     2f
    mov     $'\n', %al
    call    put_char
    inc     %dh
    mov     %dh, T_ROW
    ret
2:  testb   $F_MOVED, FLAGS         /* the last row: the screen scrolls */
    jnz     3f
    mov     $'\n', %al
    jmp     put_char
3:  push    %cx                     /* a terminal may have more rows than the screen */
    mov     $0, %ch
    call    put_region
    mov     %dh, %al
    call    put_row
    mov     $'\n', %al
    call    put_char
    mov     $text_no_region, %si
    call    put_text_si
    movb    $UNKNOWN, T_ROW
    pop     %cx
    ret

/* Character al with attribute bl at dx */
put_at:
    call    sync
    call    set_attr
    call    put_cp437
    incb    T_COL
    mov     BDA_COLS, %ah
    cmp     T_COL, %ah
    ja      1f
    movb    $UNKNOWN, T_COL
1:  ret

/* Bring the terminal's cursor to dx by the shortest way */
sync:
    push    %ax
    cmp     T_ROW, %dh
    jne     3f
    cmp     T_COL, %dl
    je      5f
    mov     $'\r', %al
    test    %dl, %dl
    jz      2f
    mov     $'\b', %al
    mov     T_COL, %ah
    dec     %ah
    cmp     %dl, %ah
    jne     3f
2:  call    put_char
    jmp     4f
3:  orb     $F_MOVED, FLAGS
    call    put_csi
    mov     %dh, %al
    inc     %al
    call    put_number
    mov     $';', %al
    call    put_char
    mov     %dl, %al
    inc     %al
    call    put_number
    mov     $'H', %al
    call    put_char
4:  mov     %dh, T_ROW
    mov     %dl, T_COL
5:  pop     %ax
    ret

/* Attribute bl: bright is bold; blinking is left out */
set_attr:
    cmp     T_ATTR, %bl
    je      9f
    push    %ax
    push    %bx
    push    %si
    mov     %bl, T_ATTR
    call    put_csi
    mov     $'0', %al
    call    put_char
    test    $0x08, %bl
    jz      1f
    mov     $text_bold, %si
    call    put_text_si
1:  mov     $text_ink, %si
    mov     %bl, %al
    and     $7, %al
    cmp     $7, %al
    je      2f
    call    put_color
2:  mov     $text_paper, %si
    mov     %bl, %al
    shr     $4, %al
    and     $7, %al
    jz      3f
    call    put_color
3:  mov     $'m', %al
    call    put_char
    pop     %si
    pop     %bx
    pop     %ax
9:  ret

/* The text at si, then colour al in the terminal's order of red, green, blue */
put_color:
    push    %ax
    call    put_text_si
    pop     %ax
    push    %bx
    mov     $colors, %bx
    xlatb   %cs:(%bx)
    pop     %bx
    jmp     put_char
colors:
    .ascii  "04261537"

/* Scroll region from row ch to row dh */
put_region:
    push    %ax
    call    put_csi
    mov     %ch, %al
    inc     %al
    call    put_number
    mov     $';', %al
    call    put_char
    mov     %dh, %al
    inc     %al
    call    put_number
    mov     $'r', %al
    call    put_char
    pop     %ax
    ret

/* To the first column of row al */
put_row:
    push    %ax
    call    put_csi
    inc     %al
    call    put_number
    mov     $'H', %al
    call    put_char
    pop     %ax
    ret

put_csi:
    push    %ax
    mov     $0x1b, %al
    call    put_char
    mov     $'[', %al
    call    put_char
    pop     %ax
    ret

/* al, below 200, in decimal */
put_number:
    push    %ax
    aam
    test    %ah, %ah
    jz      2f
    push    %ax
    mov     %ah, %al
    aam
    test    %ah, %ah
    jz      1f
    xchg    %al, %ah
    add     $'0', %al
    call    put_char
    xchg    %al, %ah
1:  add     $'0', %al
    call    put_char
    pop     %ax
2:  add     $'0', %al
    call    put_char
    pop     %ax
    ret

/* Code page 437 to UTF-8 */
put_cp437:
    push    %ax
    push    %bx
    movzbw  %al, %bx
    cmp     $0x20, %al
    jb      1f
    cmp     $0x7f, %al
    jb      4f
    sub     $0x7f - 32, %bx
1:  shl     $1, %bx
    mov     %cs:cp437(%bx), %bx
    cmp     $0x800, %bx
    jae     2f
    mov     %bx, %ax                /* 110xxxxx 10xxxxxx */
    shr     $6, %ax
    or      $0xc0, %al
    jmp     3f
2:  mov     %bx, %ax                /* 1110xxxx 10xxxxxx 10xxxxxx */
    shr     $12, %ax
    or      $0xe0, %al
    call    put_char
    mov     %bx, %ax
    shr     $6, %ax
    and     $0x3f, %al
    or      $0x80, %al
3:  call    put_char
    mov     %bl, %al
    and     $0x3f, %al
    or      $0x80, %al
4:  call    put_char
    pop     %bx
    pop     %ax
    ret

put_text:
put_text_si:
    push    %ax
    push    %si
1:  mov     %cs:(%si), %al
    inc     %si
    test    %al, %al
    jz      2f
    call    put_char
    jmp     1b
2:  pop     %si
    pop     %ax
    ret

/* Send al; give up when the UART stays busy */
put_char:
    push    %ax
    push    %cx
    push    %dx
    mov     %al, %ah
    mov     $UART + UART_LSR, %dx
    xor     %cx, %cx
1:  in      %dx, %al
    test    $0x20, %al
    jnz     2f
    loop    1b
    jmp     3f
2:  mov     $UART, %dx
    mov     %ah, %al
    out     %al, %dx
3:  pop     %dx
    pop     %cx
    pop     %ax
    ret

text_clear:
    .asciz  "\033[0m\033[2J\033[H\033[?25h"
text_erase:
    .asciz  "\033[2J\033[H"
text_show:
    .asciz  "\033[?25h"
text_hide:
    .asciz  "\033[?25l"
text_reverse:
    .asciz  "\033M"
text_no_region:
    .asciz  "\033[r"
text_bold:
    .asciz  ";1"
text_ink:
    .asciz  ";3"
text_paper:
    .asciz  ";4"

#include "sga-screen.h"

/* ---- INT 14h: the line's parameters stay ours ---- */

int14:
    test    %ah, %ah
    jnz     1f
    test    %dx, %dx
    jnz     1f
    push    %dx
    mov     $UART + UART_LSR, %dx
    in      %dx, %al
    mov     %al, %ah
    mov     $UART + UART_MSR, %dx
    in      %dx, %al
    pop     %dx
    iret
1:  ljmpw   *%cs:old14

#include "sga-keys.h"

/* Code page 437 to Unicode: 0x00 to 0x1f, then from 0x7f on */
    .balign 2
cp437:
    .word   0x00a0, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb
    .word   0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c
    .word   0x00b6, 0x00a7, 0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194
    .word   0x25b2, 0x25bc, 0x2302, 0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5
    .word   0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9
    .word   0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc
    .word   0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1
    .word   0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab
    .word   0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555
    .word   0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c
    .word   0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560
    .word   0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553
    .word   0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1
    .word   0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9
    .word   0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320
    .word   0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0
    .word   0x00a0
