/* What the small kernels in this folder share: start-up into each mode, checks, descriptors */
/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The image is loaded at 0x8000 and entered there in real mode with CS = 0.
 * Port 0xf4 ends the run: 0 is success, else the number of the check that
 * failed (its line in the source). Other ports, see cpu-system-test.c.
 */
#define PORT_END  0xf4
#define PORT_IRQ  0xf5  /* byte: raise this vector as an external interrupt */
#define PORT_NMI  0xf6
#define PORT_SMI  0xf7
#define PORT_SIPI 0xf8  /* start CPU 1 at page (byte) */
#define PORT_LOG  0xe9
#define MMIO      0x8000000     /* 16 registers of a byte, which keep what is written */

/* GDT of the tests */
#define CS32   0x08
#define DS32   0x10
#define CS64   0x18
#define UCS32  0x23
#define UDS32  0x2b
#define UCS64  0x33
#define CS16   0x38
#define DS16   0x40
#define TSS    0x48     /* 16 bytes in long mode */
#define LDT    0x58
#define TSS2   0x68
#define TSS3   0x70
#define GATE   0x78     /* call gate, 16 bytes in long mode */
#define SPARE  0x88     /* for the test's own use, 8 slots */

/* Any mode: end the run with the line number unless the condition holds. */
#define CHECK_Z    jz 9f; mov $__LINE__, %eax; out %eax, $PORT_END; 9:
#define CHECK_NZ   jnz 9f; mov $__LINE__, %eax; out %eax, $PORT_END; 9:
#define CHECK_C    jc 9f; mov $__LINE__, %eax; out %eax, $PORT_END; 9:
#define CHECK_NC   jnc 9f; mov $__LINE__, %eax; out %eax, $PORT_END; 9:
/* Not reached */
#define FAIL       mov $__LINE__, %eax; out %eax, $PORT_END
#define PASS       xor %eax, %eax; out %eax, $PORT_END

/* From real mode to flat 32-bit protected mode; clobbers EAX. Stack at 0x7000. */
.macro enter_protected
    cli
    lgdtl gdt_ptr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $CS32, $1f
    .code32
1:  mov $DS32, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0x7000, %esp
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    lidt idt_ptr
.endm

/*
 * From 32-bit protected mode to 64-bit code. Identity-maps 4 MiB by 4 KiB
 * pages: PML4 at 0x100000, PDPT 0x101000, PD 0x102000, PTs 0x103000, 0x104000.
 */
.macro enter_long
    cld
    mov $0x100000, %edi
    xor %eax, %eax
    mov $0x3000 / 4, %ecx
    rep stosl
    movl $0x101007, 0x100000
    movl $0x102007, 0x101000
    movl $0x103007, 0x102000
    movl $0x104007, 0x102008
    mov $0x103000, %edi
    mov $7, %eax
1:  mov %eax, (%edi)
    movl $0, 4(%edi)
    add $0x1000, %eax
    add $8, %edi
    cmp $0x105000, %edi
    jne 1b
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0x100000, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax         /* NXE LME SCE */
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $CS64, $1f
    .code64
1:  mov $0x7000, %rsp
.endm

/* A gate in idt32/idt64. */
.macro gate32 vector, handler, type=0x8e, sel=CS32
    mov $\handler, %eax
    mov %ax, idt + \vector * 8
    movw $\sel, idt + \vector * 8 + 2
    movb $0, idt + \vector * 8 + 4
    movb $\type, idt + \vector * 8 + 5
    shr $16, %eax
    mov %ax, idt + \vector * 8 + 6
.endm
.macro gate64 vector, handler, type=0x8e, ist=0
    mov $\handler, %eax
    mov %ax, idt + \vector * 16
    movw $CS64, idt + \vector * 16 + 2
    movb $\ist, idt + \vector * 16 + 4
    movb $\type, idt + \vector * 16 + 5
    shr $16, %eax
    mov %ax, idt + \vector * 16 + 6
    movq $0, idt + \vector * 16 + 8
.endm

/* The tables; a test puts this at its end. */
.macro tables
    .balign 16
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff        /* CS32 */
    .quad 0x00cf93000000ffff        /* DS32 */
    .quad 0x00af9b000000ffff        /* CS64 */
    .quad 0x00cffb000000ffff        /* UCS32 */
    .quad 0x00cff3000000ffff        /* UDS32 */
    .quad 0x00affb000000ffff        /* UCS64 */
    .quad 0x00009b000000ffff        /* CS16 */
    .quad 0x000093000000ffff        /* DS16 */
    .fill 16, 8, 0
gdt_end:
    .balign 16
gdt_ptr:
    .word gdt_end - gdt - 1
    .quad gdt
    .balign 16
idt_ptr:
    .word 0xfff
    .quad idt
    .balign 4096
idt:
    .fill 4096, 1, 0
.endm
