/* Option ROM that boots the Linux kernel which fw_cfg holds (-kernel with a bzImage or zImage) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host has already split the image and filled its setup header; here the
 * parts are copied to the addresses it chose and the kernel's own real-mode
 * code is entered as the Linux/x86 boot protocol asks ("Running the Kernel").
 */
#include "optrom.h"

#define FRAME        64
#define SETUP_ADDR   24(%bp)        /* behind the e820 buffer */
#define CMDLINE_ADDR 28(%bp)

#define HDR_RAMDISK_IMAGE 0x218

    BOOT_ROM_HEADER "Linux kernel"

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
    mov     $FW_SETUP_ADDR, %ax
    call    fw_read_u32
    mov     %eax, SETUP_ADDR
    mov     %eax, %edi
    mov     $FW_SETUP_SIZE, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     $FW_SETUP_DATA, %ax
    call    fw_read_to
    jc      boot_failed

    mov     $FW_CMDLINE_ADDR, %ax
    call    fw_read_u32
    mov     %eax, CMDLINE_ADDR
    mov     %eax, %edi
    mov     $FW_CMDLINE_SIZE, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     $FW_CMDLINE_DATA, %ax
    call    fw_read_to
    jc      boot_failed

    mov     $FW_KERNEL_ADDR, %ax
    call    fw_read_u32
    mov     %eax, %edi
    mov     $FW_KERNEL_SIZE, %ax
    call    fw_read_u32
    mov     %eax, %ecx
    mov     $FW_KERNEL_DATA, %ax
    call    fw_read_to
    jc      boot_failed

    mov     $FW_INITRD_SIZE, %ax
    call    fw_read_u32
    test    %eax, %eax
    jz      1f
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
    mov     SETUP_ADDR, %eax
    shr     $4, %eax
    mov     %ax, %ds
    mov     %edi, HDR_RAMDISK_IMAGE

1:  mov     SETUP_ADDR, %edx
    mov     CMDLINE_ADDR, %eax      /* the stack grows down from the command line */
    sub     %edx, %eax
    sub     $16, %eax
    and     $0xfffffff0, %eax
    cmp     $0xfff0, %eax
    jbe     2f
    mov     $0xfff0, %eax
2:  shr     $4, %edx
    cli
    mov     %dx, %ds
    mov     %dx, %es
    mov     %dx, %fs
    mov     %dx, %gs
    mov     %dx, %ss
    mov     %eax, %esp
    add     $0x20, %dx              /* entry: 512 bytes behind the start of setup */
    push    %dx
    push    $0
    xor     %ebx, %ebx
    xor     %ebp, %ebp
    lret

    FAIL_EXIT FRAME
    PRINT_ROUTINE
    FW_CFG_ROUTINES
    E820_ROUTINE
    INITRD_PLACE_ROUTINE

no_dma:
    .asciz  "Linux loader: fw_cfg has no DMA\r\n"
read_error:
    .asciz  "Linux loader: fw_cfg cannot write the kernel into memory\r\n"
no_room:
    .asciz  "Linux loader: no room for the initrd\r\n"
