/* 32-bit paging without and with PAE: rights, accessed and dirty, WP, PSE, NX, INVLPG, global pages */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#define VEC   0x600
#define ERR   0x604
#define PD    0x100000
#define PT    0x101000      /* of 0..4 MiB */
#define PT2   0x102000      /* of 4..8 MiB: the pages under test */
#define VA    0x400000
#define FRAME 0x200000
#define PTE   PT2           /* of VA */

#define EXPECT(vec, err, addr)                                              \
    cmpl $vec, VEC; CHECK_Z; cmpl $(err), ERR; CHECK_Z;                     \
    mov %cr2, %eax; cmp $(addr), %eax; CHECK_Z; movl $-1, VEC
#define RESUME(label) movl $label, resume
#define FLUSH mov %cr3, %eax; mov %eax, %cr3

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    enter_protected
    cld
    gate32 14, exc14
    gate32 13, exc13
    gate32 0x40, int40, 0xee
    gate32 0x41, int41, 0xee
    lidt idt_ptr

    /* Identity map of 4 MiB, user and writable; PT2 starts empty */
    mov $PD, %edi
    xor %eax, %eax
    mov $0xc00, %ecx
    rep stosl
    movl $PT + 7, PD
    movl $PT2 + 7, PD + 4
    mov $7, %eax
    mov $PT, %edi
1:  stosl
    add $0x1000, %eax
    cmp $PT + 0x1000, %edi
    jne 1b
    mov $PD, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0

    /* Not present: read and write */
    RESUME(1f)
    mov VA + 0x123, %ebx
    FAIL
1:  EXPECT(14, 0, VA + 0x123)
    RESUME(1f)
    movl $1, VA + 8
    FAIL
1:  EXPECT(14, 2, VA + 8)

    /* A becomes set by a read, D by a write; upper level too */
    movl $FRAME + 3, PTE
    mov VA, %ebx
    cmpl $FRAME + 0x23, PTE
    CHECK_Z
    testl $0x20, PD + 4
    CHECK_NZ
    movl $0x55, VA
    cmpl $FRAME + 0x63, PTE
    CHECK_Z
    cmpl $0x55, FRAME
    CHECK_Z
    /* a failing access sets neither */
    movl $FRAME + 1, PTE
    invlpg VA
    mov %cr0, %eax
    or $0x10000, %eax                       /* WP */
    mov %eax, %cr0
    RESUME(1f)
    movl $1, VA
    FAIL
1:  EXPECT(14, 3, VA)
    cmpl $FRAME + 1, PTE
    CHECK_Z
    /* without WP the supervisor writes anywhere */
    mov %cr0, %eax
    and $~0x10000, %eax
    mov %eax, %cr0
    movl $0x66, VA
    cmpl $0x66, FRAME
    CHECK_Z

    /* INVLPG makes a new mapping seen; A of the old one stays */
    movl $FRAME + 7, PTE
    invlpg VA
    mov VA, %ebx
    movl $FRAME + 0x1007, PTE
    movl $0x77, FRAME + 0x1000
    invlpg VA
    cmpl $0x77, VA
    CHECK_Z
    /* and so does CR3 */
    movl $FRAME + 7, PTE
    FLUSH
    cmpl $0x66, VA
    CHECK_Z

    /* A store across two pages, the second not present: nothing is written */
    movl $FRAME + 0x1007, PTE
    movl $0, PTE + 4
    FLUSH
    movl $0x11223344, FRAME + 0x1ffc
    RESUME(1f)
    movl $-1, VA + 0xffe
    FAIL
1:  EXPECT(14, 2, VA + 0x1000)
    cmpl $0x11223344, FRAME + 0x1ffc
    CHECK_Z
    /* both there but not neighbours */
    movl $FRAME + 0x5007, PTE + 4
    invlpg VA + 0x1000
    movl $0xaabbccdd, VA + 0xffe
    cmpw $0xccdd, FRAME + 0x1ffe
    CHECK_Z
    cmpw $0xaabb, FRAME + 0x5000
    CHECK_Z

    /* Global pages outlive a CR3 load under PGE, not INVLPG or a change of PGE */
    mov %cr4, %eax
    or $0x80, %eax
    mov %eax, %cr4
    movl $FRAME + 0x107, PTE
    movl $0x1111, FRAME
    movl $0x2222, FRAME + 0x1000
    FLUSH
    cmpl $0x1111, VA
    CHECK_Z
    movl $FRAME + 0x1107, PTE
    FLUSH
    cmpl $0x1111, VA
    CHECK_Z
    invlpg VA
    cmpl $0x2222, VA
    CHECK_Z
    movl $FRAME + 0x107, PTE
    mov %cr4, %eax
    and $~0x80, %eax
    mov %eax, %cr4
    cmpl $0x1111, VA
    CHECK_Z

    /* A 4 MiB page; a reserved bit in it */
    mov %cr4, %eax
    or $0x10, %eax
    mov %eax, %cr4
    movl $0x83, PD + 8                      /* 8 MiB: maps 0 */
    cmpl $0x1111, 0x800000 + FRAME
    CHECK_Z
    cmpl $0xa3, PD + 8
    CHECK_Z
    movl $0x9999, 0x800000 + FRAME + 0x3000
    cmpl $0xe3, PD + 8
    CHECK_Z
    cmpl $0x9999, FRAME + 0x3000
    CHECK_Z
    movl $0x83 + 0x200000, PD + 8
    invlpg 0xbff000                         /* any address within drops it all */
    RESUME(1f)
    mov 0x800000 + FRAME, %ebx
    FAIL
1:  EXPECT(14, 9, 0x800000 + FRAME)

    /* CPL 3: U of both levels counts, the error code says user */
    movl $tss, %eax
    movw $103, gdt + TSS
    mov %ax, gdt + TSS + 2
    shr $16, %eax
    mov %al, gdt + TSS + 4
    movb $0x89, gdt + TSS + 5
    movl $0x6000, tss + 4
    movl $DS32, tss + 8
    mov $TSS, %eax
    ltr %ax
    movl $FRAME + 3, PTE
    invlpg VA
    pushl $UDS32
    pushl $0x5000
    pushl $2
    pushl $UCS32
    pushl $user
    iret

#define USER_FAIL mov $__LINE__, %eax; int $0x40
#define USER_Z jz 9f; USER_FAIL; 9:
#define USER_EXPECT(vec, err, addr)                                         \
    cmpl $vec, VEC; USER_Z; cmpl $(err), ERR; USER_Z;                       \
    cmpl $(addr), cr2; USER_Z; movl $-1, VEC
user:
    mov $UDS32, %eax
    mov %eax, %ds
    mov %eax, %es
    RESUME(1f)
    mov VA, %ebx
    USER_FAIL
1:  USER_EXPECT(14, 5, VA)
    movl $FRAME + 5, PTE                    /* user, read-only; a fault drops the old entry */
    cmpl $0x1111, VA
    USER_Z
    RESUME(1f)
    movl $1, VA
    USER_FAIL
1:  USER_EXPECT(14, 7, VA)
    movl $FRAME + 7, PTE
    movl $0x4444, VA
    cmpl $0x4444, FRAME
    USER_Z
    andl $~4, PD + 4                        /* now by the directory */
    int $0x41                               /* flushes */
    RESUME(1f)
    mov VA, %ebx
    USER_FAIL
1:  USER_EXPECT(14, 5, VA)
    mov $1, %eax                            /* on to PAE */
    int $0x40

int41:
    mov %cr3, %eax
    mov %eax, %cr3
    iret

int40:
    cmp $1, %eax
    je pae
    out %eax, $PORT_END

/* PAE: PDPT 0x110000, PD 0x111000 with 2 MiB pages but for VA's, PT 0x112000 */
#define PDPT 0x110000
#define PAE_PTE 0x112000
pae:
    mov $DS32, %eax
    mov %eax, %ds
    mov %eax, %es
    mov $0x7000, %esp
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov $PDPT, %edi
    xor %eax, %eax
    mov $0xc00, %ecx
    rep stosl
    movl $0x111001, PDPT
    movl $0xe7, 0x111000
    movl $0x2000e7, 0x111008
    movl $0x112007, 0x111010                /* 4 MiB */
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $PDPT, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80010000, %eax
    mov %eax, %cr0
    movl $FRAME + 7, PAE_PTE
    cmpl $0x4444, VA
    CHECK_Z

    /* NX is a reserved bit until EFER.NXE */
    movl $0x80000000, PAE_PTE + 4
    invlpg VA
    RESUME(1f)
    mov VA, %ebx
    FAIL
1:  EXPECT(14, 9, VA)
    mov $0xc0000080, %ecx
    rdmsr
    or $0x800, %eax
    wrmsr
    cmpl $0x4444, VA
    CHECK_Z
    movb $0xc3, VA                          /* ret */
    mov $VA, %eax
    RESUME(1f)
    call *%eax
    FAIL
1:  EXPECT(14, 0x11, VA)
    add $4, %esp
    movl $0, PAE_PTE + 4
    invlpg VA
    mov $VA, %eax
    call *%eax
    /* NX set while the code is known: INVLPG must forget it */
    movl $0x80000000, PAE_PTE + 4
    invlpg VA
    mov $VA, %eax
    RESUME(1f)
    call *%eax
    FAIL
1:  EXPECT(14, 0x11, VA)
    add $4, %esp
    movl $0, PAE_PTE + 4
    /* a physical address bit above the CPU's width is reserved */
    movl $0x00010000, PAE_PTE + 4
    invlpg VA
    RESUME(1f)
    mov VA, %ebx
    FAIL
1:  EXPECT(14, 9, VA)
    movl $0, PAE_PTE + 4

    /* PDPTEs are read at the CR3 load only */
    movl $0x111001, PDPT + 8
    RESUME(1f)
    mov 0x40000000 + FRAME, %ebx
    FAIL
1:  EXPECT(14, 0, 0x40000000 + FRAME)
    FLUSH
    mov 0x40000000 + FRAME, %ebx
    cmpb $0xc3, %bl
    CHECK_Z
    /* and reserved bits there are #GP at the load */
    movl $0x111003, PDPT + 16
    RESUME(1f)
    mov %cr3, %eax
    mov %eax, %cr3
    FAIL
1:  cmpl $13, VEC
    CHECK_Z
    movl $0, PDPT + 16

    PASS

exc13:
    pushl $13
    jmp 1f
exc14:
    pushl $14
1:  pushl %ds
    pushl $DS32
    popl %ds
    popl save_ds
    popl VEC
    popl ERR
    push %eax
    mov %cr2, %eax
    mov %eax, cr2
    mov resume, %eax
    mov %eax, 4(%esp)
    pop %eax
    pushl save_ds
    popl %ds
    iret

    .balign 16
resume:
    .long 0
save_ds:
    .long 0
cr2:
    .long 0
tss:
    .fill 104, 1, 0
    tables
