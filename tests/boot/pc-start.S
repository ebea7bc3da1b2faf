/* Start of pc-kernel.c: Multiboot to 64-bit mode, interrupt stubs, a call with known registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
    .section .init, "ax"
    .balign 4
    .long 0x1badb002, 0, -0x1badb002
    .code32
    .globl start
start:
    cli
    mov $stack_top, %esp
    lgdtl gdt_ptr
    ljmpl $0x20, $1f                        /* a 32-bit segment of ours */
1:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $pd, %edi                           /* 4 GiB, one to one, in pages of 2 MiB */
    mov $0x83, %eax
2:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    cmp $pd + 4 * 4096, %edi
    jne 2b
    mov $pdpt, %edi
    mov $pd + 7, %eax
    mov $4, %ecx
3:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 3b
    movl $pdpt + 7, pml4
    mov $pml4, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x620, %eax                         /* PAE, OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x101, %eax                         /* LME, SCE */
    wrmsr
    mov %cr0, %eax
    and $~6, %eax
    or $0x80000023, %eax                    /* PG, NE, MP, PE */
    mov %eax, %cr0
    ljmpl $8, $4f
    .code64
4:  mov $tss, %eax
    mov %ax, gdt + 0x28 + 2
    shr $16, %eax
    mov %al, gdt + 0x28 + 4
    mov %ah, gdt + 0x28 + 7
    mov $0x28, %eax
    ltr %ax
    movl $trap_stack_top, tss + 4           /* RSP0 */
    movw $104, tss + 102
    xor %eax, %eax
    mov $idt, %edi                          /* interrupt gates to the stubs, 16 bytes each */
    mov $stubs, %edx
5:  mov %edx, (%rdi)
    movw $8, 2(%rdi)
    mov %edx, 4(%rdi)
    movw $0x8e00, 4(%rdi)
    movq $0, 8(%rdi)
    add $16, %edi
    add $16, %edx
    inc %eax
    cmp $256, %eax
    jne 5b
    movb $0xee, idt + 0x80 * 16 + 5         /* INT 0x80 is the way out of CPL 3 */
    lidt idt_ptr
    fninit
    call kernel_main
    out %eax, $0xf4
6:  hlt
    jmp 6b

    .text
    .balign 16
stubs:
    .set n, 0
    .rept 256
    .balign 16
    .if n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21
    .else
    pushq $0
    .endif
    pushq $n
    jmp common
    .set n, n + 1
    .endr
common:
    .irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    push %\r
    .endr
    mov %rsp, %rdi
    cld
    call trap
    .irp r, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
    pop %\r
    .endr
    add $16, %rsp
    iretq

/*
 * call_case(code, mem, out): registers of fixed values, RBX, RSI and RDI at mem,
 * then code; what it leaves goes to out (struct Left). A fault ends it, too.
 */
    .globl call_case
call_case:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    mov %rdi, %r12
    mov %rdx, %r13
    mov %rsp, %r14
    movq $case_end, resume
    mov %rsi, %rbx
    mov %rsi, %rdi
    mov $0x8877665544332211, %rax
    mov $5, %ecx
    mov $3, %edx
    mov $0x1122334455667788, %rbp
    mov $0xfedcba9876543210, %r8
    movq %r8, %xmm0
    movq %rbp, %xmm1
    punpcklqdq %xmm1, %xmm0
    movdqa %xmm0, %xmm1
    psrldq $3, %xmm1
    fninit
    movq %rbp, %mm1
    pushq $0x46
    popfq
    call *%r12
case_end:
    mov %r14, %rsp
    mov %rax, (%r13)
    pushfq
    popq %rax
    mov %rax, 8(%r13)
    mov %rbx, 16(%r13)
    mov %rcx, 24(%r13)
    mov %rdx, 32(%r13)
    mov %rsi, 40(%r13)
    mov %rdi, 48(%r13)
    mov %rbp, 56(%r13)
    mov %r8, 64(%r13)
    movdqu %xmm0, 72(%r13)
    movq %mm1, 88(%r13)
    emms
    cld
    movq $0, resume
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

/* run_user(code, mem): at CPL 3 with RBX = mem, until INT 0x80 or a fault. */
    .globl run_user
run_user:
    .irp r, rbx, rbp, r12, r13, r14, r15
    push %\r
    .endr
    mov %rsp, kernel_rsp
    movq $1f, resume
    mov %rsi, %rbx
    pushq $0x3b
    pushq $0
    pushq $2
    pushq $0x43
    pushq %rdi
    iretq
1:  movq $0, resume
    .irp r, r15, r14, r13, r12, rbp, rbx
    pop %\r
    .endr
    ret

    .data
    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0, 0x00cf9b000000ffff
    .quad 0x0000890000000067, 0
    .quad 0x00cff3000000ffff, 0x00affb000000ffff            /* 0x38, 0x40: user */
gdt_ptr:
    .word gdt_ptr - gdt - 1
    .quad gdt
idt_ptr:
    .word 4095
    .quad idt

    .bss
    .balign 4096
    .globl pml4
pml4: .skip 4096
pdpt: .skip 4096
pd: .skip 4 * 4096
    .globl idt
idt: .skip 4096
tss: .skip 104
    .globl kernel_rsp
    .balign 8
kernel_rsp: .skip 8
    .balign 16
    .skip 4096
trap_stack_top:
    .skip 32768
stack_top:
    .section .note.GNU-stack, "", @progbits
