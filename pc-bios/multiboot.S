/* Option ROM that boots a Multiboot (version 1) image with its modules */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host hands over two blobs: the image with command lines and modules
 * behind it ("kernel"), and the boot information structure ("initrd"), in which
 * the amount and the map of memory are missing, for only the BIOS knows them.
 * The map goes where the structure's mmap_addr points.
 */
#include "optrom.h"

#define FRAME       64
#define MBI_ADDR    24(%bp)
#define MB_MAGIC    0x2badb002
#define MBI_LOWER   4
#define MBI_UPPER   8
#define MBI_MAP_LEN 44
#define MBI_MAP     48
#define MAP_MAX     128

    BOOT_ROM_HEADER "Multiboot image"

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
    mov     $FW_INITRD_ADDR, %ax
    call    fw_read_u32
    mov     %eax, MBI_ADDR
    mov     %eax, %edi
    mov     $FW_INITRD_SIZE, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     $FW_INITRD_DATA, %ax
    call    fw_read_to
    jc      boot_failed

    mov     MBI_ADDR, %eax
    shr     $4, %eax
    mov     %ax, %ds                /* ds:0 = boot information */
    mov     MBI_MAP, %eax
    mov     %eax, %edi
    shr     $4, %eax
    mov     %ax, %es
    and     $15, %di
    xor     %ebx, %ebx
    movl    $0, MBI_UPPER
    mov     $MAP_MAX, %cx
    push    %di
1:  call    e820_next
    jc      3f
    cmpl    $E820_RAM, E820_BUF + 16(%bp)
    jne     2f
    cmpl    $0x100000, E820_BUF(%bp) /* what begins at 1 MiB is the upper memory */
    jne     2f
    cmpl    $0, E820_BUF + 4(%bp)
    jne     2f
    mov     E820_BUF + 8(%bp), %eax
    shr     $10, %eax
    mov     %eax, MBI_UPPER
2:  movl    $20, %es:(%di)
    add     $4, %di
    push    %cx
    lea     E820_BUF(%bp), %si
    mov     $10, %cx
    rep movsw %ss:(%si), %es:(%di)
    pop     %cx
    dec     %cx
    jz      3f
    test    %ebx, %ebx
    jnz     1b
3:  pop     %ax
    sub     %ax, %di
    movzwl  %di, %edi
    mov     %edi, MBI_MAP_LEN
    int     $0x12
    movzwl  %ax, %eax
    mov     %eax, MBI_LOWER

    mov     $FW_KERNEL_ENTRY, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     MBI_ADDR, %ebx
    mov     $MB_MAGIC, %eax
    jmp     enter_flat

    FAIL_EXIT FRAME
    PRINT_ROUTINE
    FW_CFG_ROUTINES
    E820_ROUTINE
    ENTER_FLAT_ROUTINE

no_dma:
    .asciz  "Multiboot loader: fw_cfg has no DMA\r\n"
read_error:
    .asciz  "Multiboot loader: fw_cfg cannot write the image into memory\r\n"
