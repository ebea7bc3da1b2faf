/* Task switches that fail: in the old task before anything changed, in the new one after */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

/* What the fault handler left; TASK: who had the fault */
#define VEC   0x600
#define ERR   0x604
#define EIP   0x608
#define TASK  0x60c
#define EFL   0x610

#define EXPECT(vec, err) cmpl $vec, VEC; CHECK_Z; cmpl $(err), ERR; CHECK_Z; movl $-1, VEC
#define TASK_IS(tss) cmpl $tss, TASK; CHECK_Z
#define EIP_IS(where) cmpl $where, EIP; CHECK_Z
/* Switch to TSS2; the fault handler comes back behind this, in the first task. */
#define SWITCH movl $1f, resume; ljmp $TSS2, $0; FAIL; 1:

#define PD     0x101000
#define PT     0x102000
#define TSS_AT 0x80000      /* of task 2; it crosses into the next page when it is moved */

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    enter_protected
    gate32 1, exc1
    gate32 8, exc8
    gate32 10, exc10
    gate32 11, exc11
    gate32 12, exc12
    gate32 13, exc13
    gate32 14, exc14
    lidt idt_ptr
    /* 4 MiB mapped to themselves, WP */
    mov $PT, %edi
    mov $7, %eax
1:  mov %eax, (%edi)
    add $4, %edi
    add $0x1000, %eax
    cmp $0x400007, %eax
    jne 1b
    movl $PT + 7, PD
    mov $PD, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80010000, %eax
    mov %eax, %cr0

    movl $tss, %eax
    mov $TSS, %ebx
    call make_tss
    mov $TSS, %eax
    ltr %ax
    movl $TSS_AT, %eax
    mov $TSS2, %ebx
    call make_tss
    movl $0x13, gdt + SPARE + 5             /* data, not present */
    movl $-1, VEC

    /* a limit too small, a busy one: #TS and #GP, in the old task */
    call fresh_task
    movw $102, gdt + TSS2
    SWITCH
    EXPECT(10, TSS2)
    TASK_IS(TSS)
    movw $103, gdt + TSS2
    movb $0x8b, gdt + TSS2 + 5
    SWITCH
    EXPECT(13, TSS2)
    TASK_IS(TSS)
    movb $0x09, gdt + TSS2 + 5              /* not present */
    SWITCH
    EXPECT(11, TSS2)
    TASK_IS(TSS)
    movb $0x89, gdt + TSS2 + 5
    cmpb $0x8b, gdt + TSS + 5               /* and the old one stays busy */
    CHECK_Z

    /* its page is not there: #PF, nothing is busy or saved */
    movl $0xdead, tss + 0x20
    movl $0, PT + TSS_AT / 1024
    invlpg TSS_AT
    SWITCH
    EXPECT(14, 0)
    TASK_IS(TSS)
    cmpb $0x89, gdt + TSS2 + 5
    CHECK_Z
    cmpl $0xdead, tss + 0x20
    CHECK_Z
    movl $TSS_AT + 7, PT + TSS_AT / 1024
    invlpg TSS_AT
    /* half of it on a second page that is not there */
    movw $0xfc0, gdt + TSS2 + 2
    movl $0, PT + TSS_AT / 1024 + 4
    invlpg TSS_AT + 0x1000
    SWITCH
    EXPECT(14, 0)
    mov %cr2, %eax
    and $~0xfff, %eax
    cmp $TSS_AT + 0x1000, %eax
    CHECK_Z
    cmpb $0x89, gdt + TSS2 + 5
    CHECK_Z
    cmpl $0xdead, tss + 0x20
    CHECK_Z
    movl $TSS_AT + 0x1007, PT + TSS_AT / 1024 + 4
    invlpg TSS_AT + 0x1000
    movw $0, gdt + TSS2 + 2
    /* where the old task is to be saved may not be written */
    mov $tss, %eax
    shr $12, %eax
    andb $~2, PT(, %eax, 4)
    invlpg tss
    SWITCH
    EXPECT(14, 3)
    TASK_IS(TSS)
    cmpb $0x89, gdt + TSS2 + 5
    CHECK_Z
    mov $tss, %eax
    shr $12, %eax
    orb $2, PT(, %eax, 4)
    invlpg tss

    /* The switch goes through; what the new task cannot load is its own fault */
    call fresh_task
    movl $SPARE, TSS_AT + 0x54              /* DS: not present */
    SWITCH
    EXPECT(11, SPARE)
    TASK_IS(TSS2)
    EIP_IS(task2)
    cmpl $0x1234, TSS_AT + 0x28             /* its registers were loaded: saved again by the way back */
    CHECK_Z
    call fresh_task
    movl $CS16 + 0x800, TSS_AT + 0x54       /* DS: beyond the table */
    SWITCH
    EXPECT(10, CS16 + 0x800)
    TASK_IS(TSS2)
    /* an EIP beyond its segment */
    call fresh_task
    movl $CS16, TSS_AT + 0x4c
    movl $0x12345, TSS_AT + 0x20
    SWITCH
    EXPECT(13, 0)
    TASK_IS(TSS2)
    EIP_IS(0x12345)
    /* T: a trap in front of its first instruction, DR6.BT */
    call fresh_task
    movw $1, TSS_AT + 0x64
    SWITCH
    EXPECT(1, 0)
    TASK_IS(TSS2)
    EIP_IS(task2)
    mov %dr6, %eax
    test $0x8000, %eax
    CHECK_NZ
    testl $0x10000, EFL                     /* a trap: no RF */
    CHECK_Z
    /* local breakpoints end with the task, global ones do not */
    movl $task2, %eax
    mov %eax, %dr0
    mov $0x401, %eax
    mov %eax, %dr7
    call fresh_task
    SWITCH
    EXPECT(13, 0x7f * 8 + 2)                /* by its INT */
    mov %dr7, %eax
    cmp $0x400, %eax
    CHECK_Z
    mov $0x402, %eax
    mov %eax, %dr7
    call fresh_task
    SWITCH
    EXPECT(1, 0)
    EIP_IS(task2)
    PASS

/* Task 2 as it should be */
fresh_task:
    mov $TSS_AT, %edi
    xor %eax, %eax
    mov $26, %ecx
    rep stosl
    movl $task2, TSS_AT + 0x20
    movl $2, TSS_AT + 0x24
    movl $0x1234, TSS_AT + 0x28
    movl $0x5000, TSS_AT + 0x38
    movl $PD, TSS_AT + 0x1c
    movl $DS32, TSS_AT + 0x48
    movl $CS32, TSS_AT + 0x4c
    movl $DS32, TSS_AT + 0x50
    movl $DS32, TSS_AT + 0x54
    movl $DS32, TSS_AT + 0x58
    movl $DS32, TSS_AT + 0x5c
    movb $0x89, gdt + TSS2 + 5
    movb $0x8b, gdt + TSS + 5
    movl $PD, tss + 0x1c
    ret

task2:
    int $0x7f                               /* no gate */
    FAIL

/* TSS descriptor number EBX for the TSS at EAX */
make_tss:
    movw $103, gdt(%ebx)
    mov %ax, gdt + 2(%ebx)
    shr $16, %eax
    mov %al, gdt + 4(%ebx)
    movb $0x89, gdt + 5(%ebx)
    movb $0, gdt + 6(%ebx)
    mov %ah, gdt + 7(%ebx)
    ret

    .irp n, 8, 10, 11, 12, 13, 14
exc\n:
    pushl $\n
    jmp with_error
    .endr
exc1:
    pushl $0
    pushl $1
with_error:
    push %eax
    mov $DS32, %eax
    mov %eax, %ds
    mov %eax, %es
    pop %eax
    popl VEC
    popl ERR
    popl EIP
    add $4, %esp
    popl EFL
    push %eax
    xor %eax, %eax
    str %ax
    mov %eax, TASK
    cmp $TSS, %ax
    je 1f
    pop %eax
    pushl resume
    popl tss + 0x20                         /* not behind its jump, where FAIL is */
    ljmp $TSS, $0
1:  pop %eax
    jmp *resume

    .balign 8
resume:
    .long 0
    .balign 4096
tss:
    .fill 104, 1, 0
    .balign 4096
    tables
