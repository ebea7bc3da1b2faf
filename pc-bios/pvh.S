/* Option ROM that boots an ELF kernel at its PVH entry point (-kernel vmlinux and others) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows Xen's "x86/HVM direct boot ABI" (PVH): a start info structure with
 * the memory map, one module (the initrd), the command line and the RSDP, and
 * a 32-bit flat entry with its address in ebx.
 */
#include "optrom.h"

#define FRAME       64
#define LOW_SEG     0x0900          /* the structures below live in this segment */
#define LOW_BASE    0x9000
#define START_INFO  0x0000
#define MODLIST     0x0040
#define MEMMAP      0x0100
#define MEMMAP_MAX  128
#define CMDLINE     0x20000         /* where the command line goes unless the host says */
#define START_MAGIC 0x336ec578

    BOOT_ROM_HEADER "PVH kernel"

boot_entry:
    push    %ds
    push    %es
    pushal
    sub     $FRAME, %sp
    mov     %sp, %bp
    cld
    mov     $no_dma, %si
    call    fw_check_dma
    jc      boot_failed
    mov     $LOW_SEG, %ax
    mov     %ax, %ds
    mov     %ax, %es
    xor     %di, %di
    xor     %ax, %ax
    mov     $MEMMAP / 2, %cx
    rep stosw
    movl    $START_MAGIC, START_INFO
    movl    $1, START_INFO + 4      /* version: has a memory map */

    mov     $read_error, %si
    mov     $FW_KERNEL_ADDR, %ax
    call    fw_read_u32
    mov     %eax, %edi
    mov     $FW_KERNEL_SIZE, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     $FW_KERNEL_DATA, %ax
    call    fw_read_to
    jc      boot_failed

    mov     $FW_CMDLINE_ADDR, %ax
    call    fw_read_u32
    test    %eax, %eax
    jnz     1f
    mov     $CMDLINE, %eax
1:  mov     %eax, %edi
    mov     %eax, START_INFO + 24
    mov     $FW_CMDLINE_SIZE, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     $FW_CMDLINE_DATA, %ax
    call    fw_read_to
    jc      boot_failed

    mov     $FW_INITRD_SIZE, %ax
    call    fw_read_u32
    test    %eax, %eax
    jz      2f
    mov     %eax, %ecx
    mov     $FW_INITRD_ADDR, %ax
    call    fw_read_u32
    mov     %eax, %edi
    mov     $no_room, %si
    call    initrd_place
    jc      boot_failed
    mov     $read_error, %si
    mov     $FW_INITRD_DATA, %ax
    call    fw_read_to
    jc      boot_failed
    mov     %edi, MODLIST
    mov     %ecx, MODLIST + 8
    movl    $1, START_INFO + 12
    movl    $LOW_BASE + MODLIST, START_INFO + 16

2:  call    find_rsdp
    mov     %eax, START_INFO + 32

    xor     %ebx, %ebx              /* memory map: the e820 entries, 24 bytes each */
    xor     %ecx, %ecx
    mov     $MEMMAP, %di
3:  call    e820_next
    jc      4f
    movl    $0, E820_BUF + 20(%bp)
    push    %cx
    lea     E820_BUF(%bp), %si
    mov     $12, %cx
    rep movsw %ss:(%si), %es:(%di)
    pop     %cx
    inc     %cx
    cmp     $MEMMAP_MAX, %cx
    jae     4f
    test    %ebx, %ebx
    jnz     3b
4:  movl    $LOW_BASE + MEMMAP, START_INFO + 40
    mov     %ecx, START_INFO + 48

    mov     $FW_KERNEL_ENTRY, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     $LOW_BASE + START_INFO, %ebx
    xor     %eax, %eax
    jmp     enter_flat

/* eax = linear address of the ACPI RSDP in the BIOS area, 0 when there is none */
find_rsdp:
    push    %ds
    mov     $0xe000, %ax
1:  mov     %ax, %ds
    cmpl    $0x20445352, 0          /* "RSD " */
    jne     2f
    cmpl    $0x20525450, 4          /* "PTR " */
    je      3f
2:  inc     %ax                     /* 16-byte boundaries up to 1 MiB */
    jnz     1b
    xor     %eax, %eax
    pop     %ds
    ret
3:  movzwl  %ax, %eax
    shl     $4, %eax
    pop     %ds
    ret

    FAIL_EXIT FRAME
    PRINT_ROUTINE
    FW_CFG_ROUTINES
    E820_ROUTINE
    INITRD_PLACE_ROUTINE
    ENTER_FLAT_ROUTINE

no_dma:
    .asciz  "PVH loader: fw_cfg has no DMA\r\n"
read_error:
    .asciz  "PVH loader: fw_cfg cannot write the kernel into memory\r\n"
no_room:
    .asciz  "PVH loader: no room for the initrd\r\n"
