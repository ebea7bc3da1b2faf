/* Two CPUs: start by SIPI, LOCK, store buffering, message passing, code changed by the other */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#define COUNT   0x200000    /* words on lines of their own */
#define READY   0x200100
#define ROUND   0x200200
#define ANSWER  0x200300
#define WIDE    0x200400    /* cmpxchg16b */
#define SPLIT   0x200ffe    /* a dword across two pages */
#define X       0x201100
#define Y       0x201200
#define R1      0x201400
#define GO      0x201500
#define CODE    0x202000
#define ROUNDS  20000

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    /* CPU 1 starts at 0x6000: a jump to ap_start */
    movb $0xea, 0x6000
    movw $ap_start, 0x6001
    movw $0, 0x6003
    enter_protected
    enter_long
    mov $0x200000, %edi
    xor %eax, %eax
    mov $0x4000 / 4, %ecx
    rep stosl
    mov $6, %al
    out %al, $PORT_SIPI
1:  pause
    cmpl $1, READY
    jne 1b

    /* LOCK XADD, INC, CMPXCHG16B, and a split one: no update is lost */
    movl $1, GO
    call counting
1:  pause
    cmpl $3, READY
    jne 1b
    cmpl $4 * ROUNDS, COUNT
    CHECK_Z
    cmpl $2 * ROUNDS, SPLIT
    CHECK_Z
    cmpq $2 * ROUNDS, WIDE
    CHECK_Z
    cmpq $4 * ROUNDS, WIDE + 8
    CHECK_Z

    /* Message passing: who sees the flag sees the data */
    movl $2, GO
    mov $1, %ecx
1:  mov %ecx, X
    mov %ecx, Y
2:  pause
    cmp %ecx, ANSWER
    jne 2b
    inc %ecx
    cmp $2000, %ecx
    jne 1b
3:  pause
    cmpl $4, READY
    jne 3b

    /* Store buffering with MFENCE: not both may read the old value */
    movl $0, ROUND
    movl $3, GO
    mov $1, %ecx
1:  movl $0, X
    movl $0, Y
    movl $0, ANSWER
    mfence
    mov %ecx, ROUND
    movl $1, X
    mfence
    mov Y, %eax
2:  pause
    cmp %ecx, ANSWER
    jne 2b
    or R1, %eax                             /* one at least saw the other's store */
    CHECK_NZ
    inc %ecx
    cmp $500, %ecx
    jne 1b
3:  pause
    cmpl $5, READY
    jne 3b

    /* The other changes the code we run: mov $imm, %eax; ret */
    movb $0xb8, CODE
    movl $1, CODE + 1
    movb $0xc3, CODE + 5
    mov $CODE, %ebx
    call *%rbx
    cmp $1, %eax
    CHECK_Z
    movl $4, GO
1:  call *%rbx
    pause
    cmp $7, %eax
    jne 1b
    PASS

/* Both CPUs */
counting:
    mov $ROUNDS, %ecx
1:  mov $1, %eax
    lock xadd %eax, COUNT
    lock incl COUNT
    lock incl SPLIT
    mov WIDE, %rax
    mov WIDE + 8, %rdx
2:  lea 1(%rax), %rbx
    mov %rcx, %rsi
    lea 2(%rdx), %rcx
    lock cmpxchg16b WIDE
    mov %rsi, %rcx
    jne 2b
    dec %ecx
    jnz 1b
    lock incl READY
    ret

    .code16
ap_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
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
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0x100000, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x900, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $CS64, $1f
    .code64
1:  mov $0x5000, %rsp
    lock incl READY
2:  pause
    cmpl $1, GO
    jne 2b
    call counting

4:  pause
    cmpl $2, GO
    jne 4b
    mov $1, %ecx
5:  pause
    cmp %ecx, Y
    jne 5b
    cmp %ecx, X
    CHECK_Z
    mov %ecx, ANSWER
    inc %ecx
    cmp $2000, %ecx
    jne 5b
    movl $4, READY

6:  pause
    cmpl $3, GO
    jne 6b
    mov $1, %ecx
7:  pause
    cmp %ecx, ROUND
    jne 7b
    movl $1, Y
    mfence
    mov X, %eax
    mov %eax, R1
    mov %ecx, ANSWER
    inc %ecx
    cmp $500, %ecx
    jne 7b
    movl $5, READY

8:  pause
    cmpl $4, GO
    jne 8b
    mov $2, %eax
9:  mov %eax, CODE + 1
    inc %eax
    cmp $8, %eax
    jne 9b
    cli
1:  hlt
    jmp 1b
    tables
