/* 32-bit protected mode: faults and their error codes, privileges, gates, task switches, v86 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

/* What the fault handler left */
#define VEC   0x600
#define ERR   0x604
#define EIP   0x608
#define FCS   0x60c
#define FSP   0x610
#define FEFL  0x614

#define EXPECT(vec, err) cmpl $vec, VEC; CHECK_Z; cmpl $(err), ERR; CHECK_Z; movl $-1, VEC
/* At CPL 3 ports are out of reach: INT 0x46 ends the run for it. */
#define USER_FAIL mov $__LINE__, %eax; int $0x46
#define USER_Z jz 9f; USER_FAIL; 9:
#define USER_EXPECT(vec, err) cmpl $vec, VEC; USER_Z; cmpl $(err), ERR; USER_Z; movl $-1, VEC
#define V86_CODE 0x3000     /* segments of the v86 program */
#define V86_DATA 0x2000
#define V86_STACK 0x300
/* The handler goes on at this address */
#define RESUME(label) movl $label, resume

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    enter_protected
    movw $idt, idt_ptr + 2
    gate32 0, exc0
    gate32 1, exc1
    gate32 3, exc3, 0xee
    gate32 6, exc6
    gate32 8, exc8
    gate32 10, exc10
    gate32 11, exc11
    gate32 12, exc12
    gate32 13, exc13
    gate32 14, exc14
    gate32 0x40, int40, 0xee
    gate32 0x41, int41
    gate32 0x42, int42, 0xef
    gate32 0x43, int43, 0xee
    gate32 0x44, int_np, 0x6e
    gate32 0x46, user_fail, 0xee
    mov $gate_target, %eax                  /* call gate, DPL 3, two parameters */
    mov %ax, gdt + GATE
    movw $CS32, gdt + GATE + 2
    movw $0xec02, gdt + GATE + 4
    movw $0, gdt + GATE + 6
    lidt idt_ptr

    /* Segment limits and rights */
    movl $0x00000fff, gdt + SPARE           /* base 0, limit fff, data, writable */
    movl $0x00409300, gdt + SPARE + 4
    mov $SPARE, %eax
    mov %eax, %fs
    mov %fs:0xffc, %ebx
    RESUME(1f)
    mov %fs:0xffd, %ebx
    FAIL
1:  EXPECT(13, 0)
    movb $0x91, gdt + SPARE + 5             /* read-only */
    mov %eax, %fs
    mov %fs:0, %ebx
    RESUME(1f)
    mov %ebx, %fs:0
    FAIL
1:  EXPECT(13, 0)
    movb $0x97, gdt + SPARE + 5             /* expand down, 32-bit */
    mov %eax, %fs
    mov %fs:0x1000, %ebx
    RESUME(1f)
    mov %fs:0xfff, %ebx
    FAIL
1:  EXPECT(13, 0)
    movb $0x99, gdt + SPARE + 5             /* execute only: loads fault with the selector */
    RESUME(1f)
    mov %eax, %fs
    FAIL
1:  EXPECT(13, SPARE)
    movb $0x13, gdt + SPARE + 5             /* not present */
    RESUME(1f)
    mov %eax, %fs
    FAIL
1:  EXPECT(11, SPARE)
    RESUME(1f)
    mov %eax, %ss
    FAIL
1:  EXPECT(12, SPARE)
    mov $0x1000, %eax                       /* beyond the table */
    RESUME(1f)
    mov %eax, %es
    FAIL
1:  EXPECT(13, 0x1000)
    mov $4, %eax                            /* LDT without an LDT */
    RESUME(1f)
    mov %eax, %es
    FAIL
1:  EXPECT(13, 4)
    xor %eax, %eax                          /* null: fine to load, not to use */
    mov %eax, %fs
    RESUME(1f)
    mov %fs:0, %ebx
    FAIL
1:  EXPECT(13, 0)
    RESUME(1f)
    mov %eax, %ss
    FAIL
1:  EXPECT(13, 0)

    /* The accessed bit is set by a load */
    movb $0x92, gdt + SPARE + 5
    mov $SPARE, %eax
    mov %eax, %fs
    cmpb $0x93, gdt + SPARE + 5
    CHECK_Z
    xor %eax, %eax
    mov %eax, %fs

    /* LAR LSL VERR VERW */
    mov $SPARE, %ecx
    lar %ecx, %ebx
    CHECK_Z
    cmp $0x00409300, %ebx
    CHECK_Z
    lsl %ecx, %ebx
    CHECK_Z
    cmp $0xfff, %ebx
    CHECK_Z
    verr %cx
    CHECK_Z
    verw %cx
    CHECK_Z
    mov $CS32, %ecx
    verw %cx
    CHECK_NZ
    mov $0x1000, %ecx
    lar %ecx, %ebx
    CHECK_NZ

    /* Gates: not present, no gate there, INT beyond the table */
    RESUME(1f)
    int $0x44
    FAIL
1:  EXPECT(11, 0x44 * 8 + 2)
    RESUME(1f)
    int $0x45
    FAIL
1:  EXPECT(13, 0x45 * 8 + 2)
    movw $0x47f, idt_ptr                    /* 0x90 vectors */
    lidt idt_ptr
    RESUME(1f)
    int $0xf0
    FAIL
1:  EXPECT(13, 0xf0 * 8 + 2)
    movw $0xfff, idt_ptr
    lidt idt_ptr

    /* Interrupt gate clears IF, trap gate does not */
    sti
    int $0x41
    int $0x42
    pushfl
    pop %eax
    test $0x200, %eax
    CHECK_NZ
    cli

    /* TR with an inner stack, then to CPL 3 by IRET */
    movl $tss, %eax
    mov $TSS, %ebx
    call make_tss
    movl $0x6000, tss + 4                   /* ESP0 */
    movl $DS32, tss + 8
    movw $104, tss + 102                    /* I/O map base */
    mov $TSS, %eax
    ltr %ax
    cmpb $0x8b, gdt + TSS + 5               /* busy */
    CHECK_Z
    RESUME(1f)
    ltr %ax                                 /* busy cannot be loaded */
    FAIL
1:  EXPECT(13, TSS)
    str %ebx
    cmp $TSS, %bx
    CHECK_Z

    mov $UDS32, %eax
    mov %eax, %es
    mov $DS32, %eax
    mov %eax, %gs                           /* becomes null on the way out */
    pushl $UDS32
    pushl $0x5000
    pushl $0x202
    pushl $UCS32
    pushl $user
    iret

/* At CPL 3 */
user:
    mov %cs, %eax
    cmp $UCS32, %ax
    USER_Z
    mov %gs, %eax
    test %ax, %ax
    USER_Z
    mov $UDS32, %eax
    mov %eax, %ds
    /* privileged instructions, ports, INT without rights */
    RESUME(1f)
    hlt
    USER_FAIL
1:  USER_EXPECT(13, 0)
    RESUME(1f)
    cli
    USER_FAIL
1:  USER_EXPECT(13, 0)
    RESUME(1f)
    int $0x41
    USER_FAIL
1:  USER_EXPECT(13, 0x41 * 8 + 2)
    RESUME(1f)
    mov %cr0, %eax
    USER_FAIL
1:  USER_EXPECT(13, 0)
    mov $DS32, %eax
    RESUME(1f)
    mov %eax, %es
    USER_FAIL
1:  USER_EXPECT(13, DS32)
    /* IRET to an inner level */
    pushfl
    pushl $CS32
    pushl $1f
    RESUME(1f)
    iret
    USER_FAIL
1:  USER_EXPECT(13, CS32)
    mov $0x5000, %esp
    /* POPF leaves IF and IOPL alone */
    pushfl
    pop %eax
    mov %eax, %ebx
    xor $0x3200, %eax
    push %eax
    popfl
    pushfl
    pop %eax
    cmp %eax, %ebx
    USER_Z
    /* a gate with DPL 3: ESP0 is used, the frame has SS:ESP */
    int $0x40
    cmp $0x5000, %esp
    USER_Z
    /* call gate with two parameters */
    pushl $0x1111
    pushl $0x2222
    lcall $GATE, $0
    cmp $0x5000, %esp
    USER_Z
    cmp $0x3333, %eax
    USER_Z
    /* back to CPL 0 */
    int $0x43
    USER_FAIL

kernel_again:
    mov $DS32, %eax
    mov %eax, %ds
    mov %eax, %es
    mov $0x7000, %esp

    /* Task switch by JMP and back by CALL + IRET */
    movl $tss2, %eax
    mov $TSS2, %ebx
    call make_tss
    movl $task2, tss2 + 0x20
    movl $2, tss2 + 0x24
    movl $0x4800, tss2 + 0x38
    movl $0x77, tss2 + 0x28                 /* EAX */
    call fill_selectors
    mov $0x99, %ebx
    lcall $TSS2, $0
    cmp $0x99, %ebx
    CHECK_Z
    mov %cr0, %eax
    test $8, %al                            /* TS */
    CHECK_NZ
    clts
    str %eax
    cmp $TSS, %ax
    CHECK_Z
    cmpl $0x1234, 0x640
    CHECK_Z
    cmpb $0x89, gdt + TSS2 + 5              /* available again */
    CHECK_Z
    cmpb $0x8b, gdt + TSS + 5
    CHECK_Z
    cmpl $0x98, tss2 + 0x28                 /* its EAX was saved */
    CHECK_Z

    /* #DF through a task gate: a #GP whose handler's gate is bad */
    movl $tss3, %eax
    mov $TSS3, %ebx
    call make_tss
    movl $df_task, tss3 + 0x20
    movl $2, tss3 + 0x24
    movl $0x4400, tss3 + 0x38
    mov $tss3, %edi
    call fill_selectors_at
    movw $TSS3, idt + 8 * 8 + 2
    movb $0x85, idt + 8 * 8 + 5
    movb $0, idt + 13 * 8 + 5
df_cause:
    mov $0x1000, %eax
    mov %eax, %es                           /* #GP, no gate for it: #GP again */
    FAIL

df_task:
    pop %eax                                /* error code 0 */
    test %eax, %eax
    CHECK_Z
    cmpl $df_cause + 5, tss + 0x20            /* the old task's EIP: the faulting instruction */
    CHECK_Z
    cmpw $TSS, tss3                         /* back link */
    CHECK_Z
    pushfl
    pop %eax
    test $0x4000, %eax                      /* NT */
    CHECK_NZ
    movb $0x8e, idt + 13 * 8 + 5

    /* Virtual 8086 mode: this task's TSS has the inner stack */
    movl $0x6000, tss3 + 4
    movl $DS32, tss3 + 8
    movw $104, tss3 + 102
    pushfl
    andl $0xffffbfff, (%esp)
    popfl
    movl $0x4400, %esp
    clts
    cld
    mov $v86_code, %esi
    mov $V86_CODE << 4, %edi
    mov $v86_end - v86_code, %ecx
    rep movsb
    pushl $V86_DATA                         /* GS FS DS ES SS ESP EFLAGS CS EIP */
    pushl $V86_DATA
    pushl $V86_DATA
    pushl $V86_DATA
    pushl $V86_STACK
    pushl $0x800
    pushl $0x23002                          /* VM, IOPL 3 */
    pushl $V86_CODE
    pushl $0
    iret

v86_done:                                   /* from the #UD handler, CPL 0 */
    mov $DS32, %eax
    mov %eax, %ds
    cmpl $0x1234, (V86_DATA << 4) + 0x10
    CHECK_Z
    cmpl $0x5678, (V86_DATA << 4) + 0x14
    CHECK_Z
    PASS

task2:
    cmp $0x77, %eax
    jne 1f
    movl $0x1234, 0x640
1:  mov $0x98, %eax
    iret
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

fill_selectors:
    mov $tss2, %edi
fill_selectors_at:
    movl $DS32, 0x48(%edi)
    movl $CS32, 0x4c(%edi)
    movl $DS32, 0x50(%edi)
    movl $DS32, 0x54(%edi)
    movl $DS32, 0x58(%edi)
    movl $DS32, 0x5c(%edi)
    ret

/* Exceptions: note vector and error code, go on at resume */
    .irp n, 8, 10, 11, 12, 13, 14
exc\n:
    pushl $\n
    jmp with_error
    .endr
    .irp n, 0, 1, 3, 6
exc\n:
    pushl $0
    pushl $\n
    jmp with_error
    .endr

with_error:
    pushl %ds
    pushl $DS32
    popl %ds
    popl resume_ds
    popl VEC
    popl ERR
    cmpl $6, VEC
    jne 1f
    testl $0x20000, 8(%esp)                 /* UD2 in v86 mode ends that part */
    jz 1f
    mov %ss, %eax
    cmp $DS32, %ax
    CHECK_Z
    cmpl $V86_STACK, 16(%esp)                   /* its SS, then ES DS FS GS */
    CHECK_Z
    cmpl $V86_DATA, 24(%esp)
    CHECK_Z
    mov %ds, %eax
    jmp v86_done
1:  push %eax
    mov 4(%esp), %eax
    mov %eax, EIP
    mov 8(%esp), %eax
    mov %eax, FCS
    mov 12(%esp), %eax
    mov %eax, FEFL
    mov resume, %eax
    mov %eax, 4(%esp)
    pop %eax
    pushl resume_ds
    popl %ds
    iret

int_np:
    FAIL
int40:                                      /* from CPL 3 */
    cmpl $0x5000, 12(%esp)
    CHECK_Z
    cmpl $UDS32, 16(%esp)
    CHECK_Z
    lea 20(%esp), %eax
    cmp $0x6000, %eax
    CHECK_Z
    iret
int41:
    pushfl
    pop %eax
    test $0x200, %eax
    CHECK_Z
    iret
int42:
    pushfl
    pop %eax
    test $0x200, %eax
    CHECK_NZ
    iret

int43:
    jmp kernel_again

gate_target:                                /* CS EIP p2 p1 ESP SS */
    cmpl $0x2222, 8(%esp)
    CHECK_Z
    cmpl $0x1111, 12(%esp)
    CHECK_Z
    cmpl $0x4ff8, 16(%esp)
    CHECK_Z
    mov %cs, %eax
    cmp $CS32, %ax
    CHECK_Z
    mov $0x3333, %eax
    lret $8

user_fail:                                  /* EAX: which check of the user part */
    out %eax, $PORT_END

    .balign 4
resume:
    .long 0
resume_ds:
    .long 0
    .balign 16
tss:
    .fill 104, 1, 0
tss2:
    .fill 104, 1, 0
tss3:
    .fill 104, 1, 0

    /* Runs at V86_CODE:0 with DS = ES = V86_DATA, SS = V86_STACK */
    .code16
v86_code:
    mov %cs, %ax
    cmp $V86_CODE, %ax
    jne 1f
    movl $0x1234, 0x10
    pushf
    pop %ax
    and $0x3000, %ax                        /* IOPL reads 3 */
    cmp $0x3000, %ax
    jne 1f
    pushl $0x5678
    popl 0x14
1:  ud2
v86_end:
    .code32
    tables
