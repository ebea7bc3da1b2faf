/* A tiny kernel that says on COM1 what its loader told it: a Multiboot image, or a PVH one (-DPVH) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends by writing 0x10 to isa-debug-exit at port 0x501: exit status 0x21. */
#define MB_MAGIC 0x1badb002

    .text
    .globl _start
#ifdef PVH
    .section .note.xen, "a", @note
    .long   4, 4, 18                /* name and descriptor sizes, PHYS32_ENTRY */
    .asciz  "Xen"
    .long   _start
    .text
#else
    .balign 4
    .long   MB_MAGIC, 3, -(MB_MAGIC + 3)
#endif
_start:
    mov     $stack_top, %esp
#ifdef PVH
    cmpl    $0x336ec578, (%ebx)
    jne     fail
    mov     $text_pvh, %esi
    call    say
    mov     12(%ebx), %eax          /* modules */
    call    number
    mov     48(%ebx), %eax          /* entries of the memory map */
    cmp     $3, %eax
    jb      fail
    mov     32(%ebx), %edx          /* RSDP */
    cmpl    $0x20445352, (%edx)
    jne     fail
    mov     $text_cmdline, %esi
    call    say
    mov     24(%ebx), %esi
    call    say
    mov     16(%ebx), %edx
    mov     (%edx), %esi            /* the initrd's text */
#else
    cmp     $0x2badb002, %eax
    jne     fail
    mov     $text_multiboot, %esi
    call    say
    mov     20(%ebx), %eax          /* modules */
    call    number
    cmpl    $600, 4(%ebx)           /* lower memory, KiB */
    jb      fail
    mov     8(%ebx), %eax           /* upper memory: 64 MiB less the first and what the BIOS keeps */
    cmp     $60 * 1024, %eax
    jb      fail
    mov     44(%ebx), %eax          /* memory map: entries of 24 bytes */
    cmp     $72, %eax
    jb      fail
    mov     $text_cmdline, %esi
    call    say
    mov     16(%ebx), %esi
    call    say
    mov     24(%ebx), %edx
    mov     8(%edx), %esi           /* the first module's command line, then its text */
    mov     $text_module, %edi
    xchg    %esi, %edi
    call    say
    mov     %edi, %esi
    call    say
    mov     (%edx), %esi
#endif
    mov     $text_content, %edi
    xchg    %esi, %edi
    call    say
    mov     %edi, %esi
    call    say
    mov     $text_end, %esi
    call    say
    mov     $0x10, %al
    jmp     leave
fail:
    mov     $text_fail, %esi
    call    say
    mov     $0x11, %al
leave:
    mov     $0x501, %dx
    out     %al, %dx
1:  hlt
    jmp     1b

/* the zero-terminated text at esi */
say:
    push    %eax
    push    %edx
1:  lodsb
    test    %al, %al
    jz      3f
    mov     %al, %ah
    mov     $0x3fd, %dx
2:  in      %dx, %al
    test    $0x20, %al
    jz      2b
    mov     $0x3f8, %dx
    mov     %ah, %al
    out     %al, %dx
    jmp     1b
3:  pop     %edx
    pop     %eax
    ret

/* one decimal digit */
number:
    add     $'0', %al
    mov     %al, digit
    mov     $digit, %esi
    jmp     say

    .data
digit:
    .asciz  "?"
text_pvh:
    .asciz  "PVH modules="
text_multiboot:
    .asciz  "Multiboot modules="
text_cmdline:
    .asciz  " cmdline=["
text_module:
    .asciz  "] module=["
text_content:
    .asciz  "] content=["
text_end:
    .asciz  "]\r\n"
text_fail:
    .asciz  "tiny kernel: the loader said something wrong\r\n"
    .balign 16
    .space  1024
stack_top:
