/* Shared by our option ROMs: headers, fw_cfg access, placing an initrd, entering flat 32-bit mode */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16-bit code for gas, included into each ROM. Conventions: the direction flag
 * is clear; routines keep every register they do not return in; linear
 * addresses travel in 32-bit registers. fw_cfg moves the data itself (its DMA
 * port), so a ROM never leaves real mode to fill memory above 1 MiB.
 */

#define FW_PORT_SELECT 0x510
#define FW_PORT_DATA   0x511
#define FW_PORT_DMA_LO 0x518        /* low half of the big-endian DMA address */

#define FW_ID_KEY       0x01
#define FW_NOGRAPHIC    0x04
#define FW_KERNEL_ADDR  0x07
#define FW_KERNEL_SIZE  0x08
#define FW_INITRD_ADDR  0x0a
#define FW_INITRD_SIZE  0x0b
#define FW_KERNEL_ENTRY 0x10
#define FW_KERNEL_DATA  0x11
#define FW_INITRD_DATA  0x12
#define FW_CMDLINE_ADDR 0x13
#define FW_CMDLINE_SIZE 0x14
#define FW_CMDLINE_DATA 0x15
#define FW_SETUP_ADDR   0x16
#define FW_SETUP_SIZE   0x17
#define FW_SETUP_DATA   0x18

#define FW_ID_DMA       2
#define FW_DMA_READ_SELECT 0x0a     /* control bits: select (8), read (2) */
#define FW_DMA_ERROR    1

    .code16
    .text

/*
 * Expansion header of a ROM that offers itself as a boot entry (Plug and Play
 * BIOS Specification 1.0a, 3.2). Size and checksums are filled by sign-rom.py.
 */
.macro BOOT_ROM_HEADER name
rom_start:
    .word   0xaa55
    .byte   0                       /* length in 512-byte blocks */
    jmp     rom_init
    .org    0x18
    .word   0                       /* no PCI data structure */
    .word   pnp_header - rom_start
pnp_header:
    .ascii  "$PnP"
    .byte   1, 2                    /* revision, length in paragraphs */
    .word   0                       /* no further header */
    .byte   0, 0                    /* reserved, checksum */
    .long   0                       /* device identifier */
    .word   vendor_name - rom_start
    .word   product_name - rom_start
    .byte   0, 0, 0x80              /* device type: other */
    .byte   0xe4                    /* may be shadowed, is an initial program load device */
    .word   0                       /* boot connection vector */
    .word   0                       /* disconnect vector */
    .word   boot_entry - rom_start  /* bootstrap entry vector */
    .word   0, 0
vendor_name:
    .asciz  "Mica"
product_name:
    .asciz  "\name"
rom_init:
    xor     %ax, %ax
    lret
.endm

/* Print the zero-terminated string that begins at cs:si */
.macro PRINT_ROUTINE
print:
    pushaw
1:  mov     %cs:(%si), %al
    test    %al, %al
    jz      2f
    mov     $0x0e, %ah
    mov     $0x0007, %bx
    int     $0x10
    inc     %si
    jmp     1b
2:  popaw
    ret
.endm

.macro FW_CFG_ROUTINES
/* carry set when fw_cfg cannot do DMA (or is not there at all) */
fw_check_dma:
    push    %eax
    mov     $FW_ID_KEY, %ax
    call    fw_read_u32
    cmp     $-1, %eax
    je      1f
    test    $FW_ID_DMA, %al
    jz      1f
    pop     %eax
    clc
    ret
1:  pop     %eax
    stc
    ret

/* eax = the little-endian number under key ax */
fw_read_u32:
    push    %bx
    push    %cx
    push    %dx
    mov     $FW_PORT_SELECT, %dx
    out     %ax, %dx
    mov     $FW_PORT_DATA, %dx
    mov     $4, %cx
1:  in      %dx, %al                /* lowest byte first: rotate each to its place */
    ror     $8, %eax
    loop    1b
    pop     %dx
    pop     %cx
    pop     %bx
    ret

/* Copy ecx bytes of the item under key ax to linear address edi; carry set on error */
fw_read_to:
    pushal
    sub     $16, %sp
    mov     %sp, %bp
    jecxz   3f
    shl     $16, %eax
    mov     $FW_DMA_READ_SELECT, %ax
    bswap   %eax
    mov     %eax, (%bp)             /* control, length, 64-bit address: big-endian */
    bswap   %ecx
    mov     %ecx, 4(%bp)
    movl    $0, 8(%bp)
    bswap   %edi
    mov     %edi, 12(%bp)
    xor     %eax, %eax
    mov     %ss, %ax
    shl     $4, %eax
    movzwl  %bp, %ebx
    add     %ebx, %eax
    bswap   %eax
    mov     $FW_PORT_DMA_LO, %dx
    out     %eax, %dx
1:  mov     (%bp), %eax             /* the device clears all but the error bit when done */
    bswap   %eax
    test    $~FW_DMA_ERROR, %eax
    jz      2f
    pause
    jmp     1b
2:  test    $FW_DMA_ERROR, %al
    jz      3f
    add     $16, %sp
    popal
    stc
    ret
3:  add     $16, %sp
    popal
    clc
    ret
.endm

/*
 * The memory map, one call an entry. e820_next: ebx = continuation (0 first);
 * fills the 24 bytes at ss:bp+E820_BUF; carry set at the end of the map or on
 * error. The entry is base (8 bytes), length (8), type (4), attributes (4).
 */
#define E820_BUF 0
#define E820_RAM 1
.macro E820_ROUTINE
e820_next:
    push    %eax
    push    %ecx
    push    %edx
    push    %di
    push    %es
    movl    $1, E820_BUF + 20(%bp)  /* a BIOS that fills 20 bytes leaves "valid" */
    mov     %ss, %ax
    mov     %ax, %es
    lea     E820_BUF(%bp), %di
    mov     $0xe820, %eax
    mov     $24, %ecx
    mov     $0x534d4150, %edx
    int     $0x15
    jc      1f
    cmp     $0x534d4150, %eax
    stc
    jne     1f
    clc
1:  pop     %es
    pop     %di
    pop     %edx
    pop     %ecx
    pop     %eax
    ret
.endm

/*
 * Where the initrd goes: as high as the RAM that the BIOS left free allows, and
 * not above what the host found right (it knows the kernel's limit, but not
 * what the BIOS keeps at the top of RAM). In: ecx = size, edi = the host's
 * address. Out: edi, carry set when nothing fits. Uses the e820 buffer at bp.
 */
.macro INITRD_PLACE_ROUTINE
initrd_place:
    push    %eax
    push    %ebx
    push    %edx
    push    %esi
    xor     %ebx, %ebx
    xor     %edx, %edx              /* best place so far */
1:  call    e820_next
    jc      5f
    cmpl    $E820_RAM, E820_BUF + 16(%bp)
    jne     4f
    cmpl    $0, E820_BUF + 4(%bp)   /* starts above 4 GiB */
    jne     4f
    mov     E820_BUF(%bp), %esi
    cmp     $0x100000, %esi
    jb      4f
    mov     %esi, %eax
    add     E820_BUF + 8(%bp), %eax
    jc      2f
    cmpl    $0, E820_BUF + 12(%bp)
    je      3f
2:  mov     $0xfffff000, %eax       /* reaches past 4 GiB */
3:  sub     %ecx, %eax
    jb      4f
    and     $0xfffff000, %eax
    cmp     %edi, %eax
    jbe     6f
    mov     %edi, %eax
    and     $0xfffff000, %eax
6:  cmp     %esi, %eax
    jb      4f
    cmp     %edx, %eax
    jbe     4f
    mov     %eax, %edx
4:  test    %ebx, %ebx
    jnz     1b
5:  mov     %edx, %edi
    cmp     $1, %edx                /* carry when nothing was found */
    pop     %esi
    pop     %edx
    pop     %ebx
    pop     %eax
    ret
.endm

/*
 * enter_flat: leave the BIOS for good. ecx = 32-bit entry point; eax and ebx
 * are handed to it. Flat 4 GiB segments, paging and interrupts off.
 */
.macro ENTER_FLAT_ROUTINE
    .balign 8
flat_gdt:
    .quad   0
    .quad   0x00cf9b000000ffff      /* 0x08: code, 32-bit, accessed */
    .quad   0x00cf93000000ffff      /* 0x10: data */
    .quad   0x00008b0000000067      /* 0x18: a TSS, busy, base 0: some entry rules ask for one */
flat_gdt_end:
enter_flat:
    cli
    sub     $16, %sp
    mov     %sp, %bp
    xor     %edx, %edx
    mov     %cs, %dx
    shl     $4, %edx                /* linear address of this ROM */
    movw    $flat_gdt_end - flat_gdt - 1, (%bp)
    lea     flat_gdt - rom_start(%edx), %esi
    mov     %esi, 2(%bp)
    lea     flat_code - rom_start(%edx), %esi
    mov     %esi, 8(%bp)
    movw    $0x08, 12(%bp)
    lgdtl   (%bp)
    mov     %cr0, %edx
    and     $0x7fffffff, %edx
    or      $1, %edx
    mov     %edx, %cr0
    ljmpl   *8(%bp)
    .code32
flat_code:
    mov     $0x10, %dx
    mov     %dx, %ds
    mov     %dx, %es
    mov     %dx, %fs
    mov     %dx, %gs
    mov     %dx, %ss
    mov     $0x7000, %esp
    xor     %edx, %edx
    xor     %esi, %esi
    xor     %edi, %edi
    xor     %ebp, %ebp
    push    $0x2
    popf
    jmp     *%ecx
    .code16
.endm

/* Fail with a message: back to the BIOS, which tries the next boot entry */
.macro FAIL_EXIT frame
boot_failed:
    call    print
    add     $\frame, %sp
    popal
    pop     %es
    pop     %ds
    lret
.endm
