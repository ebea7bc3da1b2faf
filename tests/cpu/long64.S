/* 64-bit mode: faults, IST, SYSCALL, paging with NX SMEP SMAP PCID, TF, debug registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#define VEC   0x600
#define ERR   0x608
#define FRIP  0x610
#define FCS   0x618
#define FFL   0x620
#define FRSP  0x628
#define FSS   0x630
#define COUNT 0x640

#define VA    0x200000      /* user page under test */
#define PTE   0x104000
#define FRAME 0x280000
#define EXPECT(vec, err) cmpl $vec, VEC; CHECK_Z; cmpl $(err), ERR; CHECK_Z; movl $-1, VEC
#define EXPECT_AT(vec, err, addr)                                           \
    EXPECT(vec, err); mov %cr2, %rax; cmp $(addr), %rax; CHECK_Z
#define RESUME(label) movq $label, resume

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    enter_protected
    enter_long
    gate64 0, exc0
    gate64 1, exc1
    gate64 3, exc3, 0xee
    gate64 6, exc6
    gate64 8, exc8, 0x8e, 2
    gate64 10, exc10
    gate64 11, exc11
    gate64 12, exc12, 0x8e, 2
    gate64 13, exc13
    gate64 14, exc14
    gate64 0x40, int40, 0xee
    gate64 0x41, int41, 0x8e, 1
    gate64 0x42, user_end, 0xee
    gate64 0x50, int50
    lidt idt_ptr
    mov $tss, %eax
    movw $103, gdt + TSS
    mov %ax, gdt + TSS + 2
    movl $0x8900, gdt + TSS + 4
    shr $16, %eax
    mov %al, gdt + TSS + 4
    movq $0, gdt + TSS + 8
    movq $0x6000, tss + 4                   /* RSP0 */
    movq $0x5808, tss + 36                  /* IST1, unaligned on purpose */
    movq $0x5400, tss + 44                  /* IST2 */
    mov $TSS, %eax
    ltr %ax

    /* Canonical addresses: #GP, by RSP #SS */
    mov $0x800000000000, %rbx
    RESUME(1f)
    mov (%rbx), %rax
    FAIL
1:  EXPECT(13, 0)
    RESUME(1f)
    mov %rsp, %rcx
    lea 0x1000(%rbx), %rsp
    push %rax
    FAIL
1:  mov %rcx, %rsp
    EXPECT(12, 0)
    RESUME(1f)
    jmp *%rbx
    FAIL
1:  EXPECT(13, 0)
    /* CR8, CR0 and CR4 checks */
    mov $0x10, %eax
    RESUME(1f)
    mov %rax, %cr8
    FAIL
1:  EXPECT(13, 0)
    mov %cr4, %rax
    and $~0x20, %rax                        /* PAE must stay */
    RESUME(1f)
    mov %rax, %cr4
    FAIL
1:  EXPECT(13, 0)
    mov %cr0, %rax
    mov $0x7fffffff, %ebx
    and %rbx, %rax                          /* no PG without leaving 64-bit code */
    RESUME(1f)
    mov %rax, %cr0
    FAIL
1:  EXPECT(13, 0)
    mov $0x12345678, %ecx
    RESUME(1f)
    rdmsr
    FAIL
1:  EXPECT(13, 0)
    mov $0xc0000082, %ecx                   /* LSTAR wants a canonical address */
    mov $0x8000, %edx
    RESUME(1f)
    wrmsr
    FAIL
1:  EXPECT(13, 0)

    /* The frame is aligned and has SS:RSP, at the same level too */
    lea -4(%rsp), %rsp
    mov %rsp, %rbx
    RESUME(1f)
    ud2
    FAIL
1:  EXPECT(6, 0)
    cmp %rbx, FRSP
    CHECK_Z
    cmp %rbx, %rsp
    CHECK_Z
    lea 4(%rsp), %rsp
    /* IST */
    mov %rsp, %rbx
    int $0x41
    cmp %rbx, %rsp
    CHECK_Z

    /* NX */
    movq $FRAME + 7, PTE
    movb $0xc3, VA
    mov $VA, %eax
    call *%rax
    movl $0x80000000, PTE + 4
    invlpg VA
    RESUME(1f)
    mov $VA, %eax
    mov %rsp, %rbx
    call *%rax
    FAIL
1:  mov %rbx, %rsp
    EXPECT_AT(14, 0x11, VA)
    movl $0, PTE + 4
    invlpg VA
    /* SMEP: no kernel code in user pages. The first 2 MiB become the kernel's for it. */
    mov $VA, %eax
    call *%rax
    call low_pages_supervisor
    mov %cr4, %rax
    or $0x100000, %eax
    mov %rax, %cr4
    RESUME(1f)
    mov $VA, %eax
    mov %rsp, %rbx
    call *%rax
    FAIL
1:  mov %rbx, %rsp
    EXPECT_AT(14, 0x11, VA)

    /* SMAP: no kernel access to user pages unless AC */
    mov %cr4, %rax
    or $0x200000, %eax
    mov %rax, %cr4
    RESUME(1f)
    mov VA, %eax
    FAIL
1:  EXPECT_AT(14, 1, VA)
    stac
    cmpb $0xc3, VA
    CHECK_Z
    movb $0xc3, VA
    clac
    RESUME(1f)
    movb $1, VA
    FAIL
1:  EXPECT_AT(14, 3, VA)
    mov %cr4, %rax
    and $~0x300000, %rax
    mov %rax, %cr4
    call low_pages_user

    /* A reserved bit in a 2 MiB entry; 1 GiB page */
    movq $0x2083, 0x102010                  /* 4 MiB: bit 13 */
    RESUME(1f)
    mov 0x400000, %eax
    FAIL
1:  EXPECT_AT(14, 9, 0x400000)
    movq $0x83, 0x101008                    /* 1 GiB page at 1 GiB: maps 0 */
    mov $0x40000000 + FRAME, %ebx
    cmpb $0xc3, (%rbx)
    CHECK_Z
    movq $0, 0x101008
    invlpg 0x7f000000
    RESUME(1f)
    mov (%rbx), %eax
    FAIL
1:  EXPECT_AT(14, 0, 0x40000000 + FRAME)

    call pcid
    call debug_registers

    /* TF: a trap behind each instruction, not behind INT's delivery */
    movl $0, COUNT
    pushfq
    orl $0x100, (%rsp)
    popfq
    nop                                     /* 1 */
    int $0x40                               /* runs without TF; no trap before the handler's end */
    nop                                     /* the IRET set TF: trap behind this: 2 */
    pushfq                                  /* 3 */
    andl $~0x100, (%rsp)                    /* 4 */
    popfq                                   /* 5 */
    nop
    cmpl $5, COUNT
    CHECK_Z

    /* External interrupt in 64-bit code; CR8 is the APIC's */
    movl $0, COUNT
    mov $0x50, %al
    out %al, $PORT_IRQ
    sti
    nop
    nop
    cli
    cmpl $1, COUNT
    CHECK_Z

    /* SYSCALL and SYSRET */
    mov $0xc0000081, %ecx                   /* STAR: kernel CS64, user base 0x23 */
    xor %eax, %eax
    mov $(0x23 << 16) | CS64, %edx
    wrmsr
    mov $0xc0000082, %ecx
    mov $syscall_entry, %eax
    xor %edx, %edx
    wrmsr
    mov $0xc0000084, %ecx
    mov $0x300, %eax
    wrmsr
    mov $0xc0000101, %ecx                   /* GS base, and the kernel's */
    mov $0x1000, %eax
    xor %edx, %edx
    wrmsr
    mov $0xc0000102, %ecx
    mov $0x2000, %eax
    wrmsr
    movl $0, COUNT
    mov $3, %eax                            /* null, with an RPL that IRET takes away */
    mov %eax, %fs
    pushq $UDS32
    pushq $0x5000
    pushq $0x202
    pushq $UCS64
    pushq $user
    iretq

user:
    mov %fs, %eax
    test %eax, %eax
    jnz bad
    stc
    pushfq
    orl $0x100, (%rsp)
    popfq
    mov $0x77, %edi                         /* TF: 1 */
    syscall                                 /* FMASK takes TF away: no trap */
user_return:
    mov COUNT, %esi                         /* SYSRET brought it back: 2, before this */
    pushfq
    andl $~0x100, (%rsp)
    popfq
    cmp $2, %esi
    jne bad
    cmp $0x99, %edi
    jne bad
    cmp $user_return, %rcx
    jne bad
    pushfq
    pop %rax
    test $0x200, %eax
    jz bad
    mov %cs, %eax
    cmp $UCS64, %ax
    jne bad
    mov %ss, %eax
    cmp $UDS32, %ax
    jne bad
    /* to 32-bit code at CPL 3 and back */
    ljmp *compat_ptr
compat_back:
    cmp $0x5555, %ebx
    jne bad
    xor %eax, %eax
    int $0x42
bad:
    mov $1, %eax
    int $0x42

    .code32
compat:
    mov $0x5555, %ebx
    push %ebx
    pop %ebx
    ljmp $UCS64, $compat_back
    .code64

syscall_entry:
    cmpl $1, COUNT
    CHECK_Z
    cmp $0x77, %edi
    CHECK_Z
    cmp $user_return, %rcx
    CHECK_Z
    test $1, %r11b
    CHECK_NZ
    pushfq
    pop %rax
    test $0x300, %eax
    CHECK_Z
    mov %cs, %eax
    cmp $CS64, %ax
    CHECK_Z
    swapgs
    mov $0xc0000101, %ecx
    rdmsr
    cmp $0x2000, %eax
    CHECK_Z
    swapgs
    mov $user_return, %rcx
    mov $0x99, %edi
    sysretq

user_end:
    test %eax, %eax
    CHECK_Z
    /* the frame came on RSP0 */
    lea 40(%rsp), %rbx
    cmp $0x6000, %rbx
    CHECK_Z
    cmpq $UCS64, 8(%rsp)
    CHECK_Z
    mov $0x7000, %esp

    /* #DF: the #GP gate is broken; IST2 is used */
    movb $0, idt + 13 * 16 + 5
    RESUME(1f)
    mov $0x800000000000, %rbx
    mov (%rbx), %rax
    FAIL
1:  EXPECT(8, 0)
    movb $0x8e, idt + 13 * 16 + 5
    PASS

/* U of the 512 entries that map the first 2 MiB */
low_pages_supervisor:
    mov $0x103000, %edi
1:  andq $~4, (%rdi)
    add $8, %edi
    cmp $0x104000, %edi
    jne 1b
    jmp 2f
low_pages_user:
    mov $0x103000, %edi
1:  orq $4, (%rdi)
    add $8, %edi
    cmp $0x104000, %edi
    jne 1b
2:  mov %cr3, %rax
    mov %rax, %cr3
    ret

/* PCID and INVPCID */
pcid:
    mov $1, %eax
    cpuid
    bt $17, %ecx
    jc 1f
    ret
1:  mov %cr4, %rax
    bts $17, %rax
    mov %rax, %cr4
    movq $FRAME + 7, PTE
    movq $0x111, FRAME
    movq $0x222, FRAME + 0x1000
    mov $0x100001, %eax                     /* PCID 1 */
    mov %rax, %cr3
    cmpq $0x111, VA
    CHECK_Z
    /* NOFLUSH with bit 63; it is not read back */
    bts $63, %rax
    mov %rax, %cr3
    mov %cr3, %rbx
    cmp $0x100001, %rbx
    CHECK_Z
    movq $FRAME + 0x1007, PTE
    mov $0x100001, %eax                     /* flush: the new frame is seen */
    mov %rax, %cr3
    cmpq $0x222, VA
    CHECK_Z
    movq $FRAME + 7, PTE
    movq $1, desc                           /* single address */
    movq $VA, desc + 8
    xor %eax, %eax
    invpcid desc, %rax
    cmpq $0x111, VA
    CHECK_Z
    movq $FRAME + 0x1007, PTE
    mov $2, %eax                            /* all */
    invpcid desc, %rax
    cmpq $0x222, VA
    CHECK_Z
    mov $4, %eax
    RESUME(1f)
    invpcid desc, %rax
    FAIL
1:  EXPECT(13, 0)
    mov %cr4, %rax                          /* CR4.PCIDE cannot be set with a PCID in CR3 */
    btr $17, %rax
    mov %rax, %cr4
    bts $17, %rax
    RESUME(1f)
    mov %rax, %cr4
    FAIL
1:  EXPECT(13, 0)
    mov $0x100000, %eax
    mov %rax, %cr3
    movq $FRAME + 7, PTE
    movb $0xc3, FRAME
    invlpg VA
    ret

/* Instruction and data breakpoints */
debug_registers:
    movl $0, COUNT
    mov $bp_here, %eax
    mov %rax, %dr0
    mov $0x401, %eax
    mov %rax, %dr7
    nop
bp_here:
    nop
    cmpl $1, COUNT                          /* a fault: once, RF lets it pass */
    CHECK_Z
    cmpq $bp_here, last_rip
    CHECK_Z
    testl $1, last_dr6
    CHECK_NZ
    /* write watchpoint of 4 bytes */
    mov $0x650, %eax
    mov %rax, %dr1
    mov $0x00d00404, %eax                   /* L1, write, 4 bytes */
    mov %rax, %dr7
    mov 0x650, %eax
    cmpl $1, COUNT
    CHECK_Z
    movb $1, 0x653
after_write:
    cmpl $2, COUNT
    CHECK_Z
    cmpq $after_write, last_rip
    CHECK_Z
    testl $2, last_dr6
    CHECK_NZ
    movb $1, 0x654
    cmpl $2, COUNT
    CHECK_Z
    /* general detect */
    mov $0x2400, %eax
    mov %rax, %dr7
    mov %dr0, %rbx
    cmpl $3, COUNT
    CHECK_Z
    testl $0x2000, last_dr6
    CHECK_NZ
    /* what MOV SS hits, and a breakpoint behind it, wait for the next instruction's end */
    movl $0, COUNT
    mov %ss, 0x650
    mov $bp_ss, %eax
    mov %rax, %dr0
    mov $0x00700405, %eax                   /* L0, execute; L1, read or write, 2 bytes */
    mov %rax, %dr7
    mov 0x650, %ss
bp_ss:
    nop
after_ss:
    cmpl $1, COUNT
    CHECK_Z
    cmpq $after_ss, last_rip
    CHECK_Z
    testl $2, last_dr6
    CHECK_NZ
    /* one #DB where that is INT1 */
    movl $0, COUNT
    mov 0x650, %ss
    .byte 0xf1
after_int1:
    cmpl $1, COUNT
    CHECK_Z
    cmpq $after_int1, last_rip
    CHECK_Z
    testl $2, last_dr6
    CHECK_NZ
    mov $0x400, %eax
    mov %rax, %dr7
    /* so does its step */
    movl $0, COUNT
    pushfq
    orl $0x100, (%rsp)
    popfq
    mov %ss, %eax                           /* 1 */
    mov %eax, %ss
    nop                                     /* 2 */
    pushfq                                  /* 3 */
    andl $~0x100, (%rsp)                    /* 4 */
    popfq                                   /* 5 */
    nop
    cmpl $5, COUNT
    CHECK_Z
    ret

    .irp n, 8, 10, 11, 12, 13, 14
exc\n:
    pushq $\n
    jmp with_error
    .endr
    .irp n, 0, 3, 6
exc\n:
    pushq $0
    pushq $\n
    jmp with_error
    .endr
with_error:
    popq VEC
    popq ERR
    push %rax
    mov 8(%rsp), %rax
    mov %rax, FRIP
    mov 16(%rsp), %rax
    mov %rax, FCS
    mov 24(%rsp), %rax
    mov %rax, FFL
    mov 32(%rsp), %rax
    mov %rax, FRSP
    mov resume, %rax
    mov %rax, 8(%rsp)
    cmpl $8, VEC
    jne 1f
    lea 48(%rsp), %rax                      /* the top of IST2 */
    cmp $0x5400, %rax
    CHECK_Z
1:  pop %rax
    iretq

exc1:
    incl COUNT
    push %rax
    mov 8(%rsp), %rax
    mov %rax, last_rip
    mov %dr6, %rax
    mov %eax, last_dr6
    xor %eax, %eax
    mov %rax, %dr6
    pop %rax
    iretq

int40:
    nop
    iretq

int41:
    lea 40(%rsp), %rax                      /* IST1 rounded down */
    cmp $0x5800, %rax
    CHECK_Z
    mov %ss, %eax
    iretq

int50:
    incl COUNT
    iretq

    .balign 16
compat_ptr:
    .long compat
    .word UCS32
    .balign 16
desc:
    .quad 0, 0
resume:
    .quad 0
last_rip:
    .quad 0
last_dr6:
    .long 0
    .balign 16
tss:
    .fill 104, 1, 0
    tables
