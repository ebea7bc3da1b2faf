/* FP and SIMD as a system sees them: refusals, exceptions, faults inside, state images */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#define VEC    0x600
#define AREA   0x200000     /* 64-byte aligned scratch; the page behind it gets unmapped */
#define LAST   0x200ff0     /* its last 16 bytes */
#define PTE    0x104000     /* of AREA; the next one is of the page behind */
#define EXPECT(vec) cmpl $vec, VEC; CHECK_Z; movl $-1, VEC
#define RESUME(label) movl $label, resume

.macro handler32 vector, error=0
exc\vector:
    movl $\vector, VEC
    .if \error
    add $4, %esp
    .endif
    push %eax
    mov resume, %eax
    mov %eax, 4(%esp)
    pop %eax
    iret
.endm
.macro handler64 vector, error=0
lexc\vector:
    movl $\vector, VEC
    .if \error
    add $8, %rsp
    .endif
    push %rax
    mov resume, %eax
    mov %rax, 8(%rsp)
    pop %rax
    iretq
.endm

    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %sp
    /* Real mode: the 14-byte environment; after FNSTENV all exceptions are masked */
    fninit
    movw $0x340, 0x700
    fldcw 0x700
    fld1
    fnstenv 0x710
    cmpw $0x340, 0x710
    CHECK_Z
    cmpw $0x3800, 0x712
    CHECK_Z
    cmpw $0x3fff, 0x714
    CHECK_Z
    fnstcw 0x700
    cmpw $0x37f, 0x700
    CHECK_Z
    data32 fnsave 0x720             /* 108 bytes */
    cmpl $0xffff037f, 0x720
    CHECK_Z
    cmpw $0x3fff, 0x720 + 28 + 8
    CHECK_Z
    fnstsw %ax
    test %ax, %ax
    CHECK_Z
    enter_protected
    gate32 6, exc6
    gate32 7, exc7
    gate32 13, exc13
    gate32 16, exc16
    gate32 19, exc19
    movl $-1, VEC

    /* SSE wants CR4.OSFXSR, and none of EM and TS */
    RESUME(1f)
    xorps %xmm0, %xmm0
    FAIL
1:  EXPECT(6)
    mov %cr4, %eax
    or $0x200, %eax
    mov %eax, %cr4
    xorps %xmm0, %xmm0
    mov %cr0, %eax
    or $8, %eax
    mov %eax, %cr0
    RESUME(1f)
    xorps %xmm0, %xmm0
    FAIL
1:  EXPECT(7)
    RESUME(1f)
    fld1
    FAIL
1:  EXPECT(7)
    RESUME(1f)
    fwait                           /* MP is clear: no matter */
    jmp 2f
1:  FAIL
2:  mov %cr0, %eax
    or $2, %eax
    mov %eax, %cr0
    RESUME(1f)
    fwait
    FAIL
1:  EXPECT(7)
    clts
    fwait
    mov %cr0, %eax
    or $4, %eax
    mov %eax, %cr0
    RESUME(1f)
    paddb %mm0, %mm0
    FAIL
1:  EXPECT(6)
    RESUME(1f)
    fld1
    FAIL
1:  EXPECT(7)
    mov %cr0, %eax
    and $~4, %eax
    or $0x22, %eax                  /* NE MP */
    mov %eax, %cr0

    /* #MF comes with the next waiting instruction, which has not been executed */
    fninit
    movw $0x37b, 0x700
    fldcw 0x700
    fld1
    fldz
    fdivrp                          /* 1 / 0 */
    nop
    fnstsw %ax
    test $0x80, %al
    CHECK_NZ
    RESUME(1f)
    fld1
    FAIL
1:  EXPECT(16)
    RESUME(1f)
    emms
    FAIL
1:  EXPECT(16)
    RESUME(1f)
    fwait
    FAIL
1:  EXPECT(16)
    fnclex
    fld1
    fninit

    /* #XM, or #UD without CR4.OSXMMEXCPT; the destination is as it was */
    movl $0x1d80, 0x700             /* division by zero unmasked */
    ldmxcsr 0x700
    movl $0x3f800000, 0x704
    movl $0, 0x708
    movss 0x704, %xmm1
    RESUME(1f)
    divss 0x708, %xmm1
    FAIL
1:  EXPECT(6)
    mov %cr4, %eax
    or $0x400, %eax
    mov %eax, %cr4
    RESUME(1f)
    divss 0x708, %xmm1
    FAIL
1:  EXPECT(19)
    movd %xmm1, %eax
    cmp $0x3f800000, %eax
    CHECK_Z
    stmxcsr 0x70c
    cmpl $0x1d84, 0x70c
    CHECK_Z
    movl $0x1f80, 0x700
    ldmxcsr 0x700
    divss 0x708, %xmm1
    movd %xmm1, %eax
    cmp $0x7f800000, %eax
    CHECK_Z
    /* Reserved bits of MXCSR */
    movl $0x10000, 0x700
    RESUME(1f)
    ldmxcsr 0x700
    FAIL
1:  EXPECT(13)

    /* Alignment: legacy 16-byte operands and FXSAVE */
    RESUME(1f)
    addps AREA + 4, %xmm0
    FAIL
1:  EXPECT(13)
    movups AREA + 4, %xmm0
    RESUME(1f)
    fxsave AREA + 8
    FAIL
1:  EXPECT(13)
    /* In 32-bit code FXSAVE leaves XMM8..15 alone in memory */
    movl $0x55aa55aa, AREA + 160 + 128
    movl $0, AREA + 160
    pcmpeqd %xmm0, %xmm0
    fxsave AREA
    cmpl $-1, AREA + 160
    CHECK_Z
    cmpl $0x55aa55aa, AREA + 160 + 128
    CHECK_Z
    pxor %xmm0, %xmm0
    fxrstor AREA
    movd %xmm0, %eax
    cmp $-1, %eax
    CHECK_Z

    /* AVX: #UD until OSXSAVE and XCR0 allow it */
    mov $1, %eax
    cpuid
    bt $28, %ecx
    jnc no_avx32
    RESUME(1f)
    vaddps %xmm0, %xmm1, %xmm2
    FAIL
1:  EXPECT(6)
    RESUME(1f)
    xsave AREA
    FAIL
1:  EXPECT(6)
    mov %cr4, %eax
    or $0x40000, %eax
    mov %eax, %cr4
    RESUME(1f)
    vaddps %xmm0, %xmm1, %xmm2
    FAIL
1:  EXPECT(6)
    xor %ecx, %ecx
    xor %edx, %edx
    mov $5, %eax
    RESUME(1f)
    xsetbv                          /* AVX without SSE */
    FAIL
1:  EXPECT(13)
    mov $7, %eax
    xsetbv
    vpcmpeqd %xmm3, %xmm3, %xmm3
    vinsertf128 $1, %xmm3, %ymm3, %ymm3
    vmovdqu %ymm3, AREA
    cmpl $-1, AREA + 28
    CHECK_Z
    pxor %xmm3, %xmm3               /* legacy: the upper half stays */
    vmovdqu %ymm3, AREA
    cmpl $0, AREA + 12
    CHECK_Z
    cmpl $-1, AREA + 28
    CHECK_Z
    vpxor %xmm3, %xmm3, %xmm3       /* VEX: it goes */
    vmovdqu %ymm3, AREA
    cmpl $0, AREA + 28
    CHECK_Z
    mov %cr0, %eax
    or $8, %eax
    mov %eax, %cr0
    RESUME(1f)
    vaddps %xmm0, %xmm1, %xmm2
    FAIL
1:  EXPECT(7)
    clts
no_avx32:

    enter_long
    gate64 6, lexc6
    gate64 13, lexc13
    gate64 14, lexc14
    lidt idt_ptr
    movl $-1, VEC
    movq $0, PTE + 8                /* nothing behind AREA's page */
    invlpg AREA + 4096

    /* A store over the edge writes nothing, a load changes nothing */
    movl $0x11223344, LAST + 12
    pcmpeqd %xmm9, %xmm9
    RESUME(1f)
    movups %xmm9, LAST + 4
    FAIL
1:  EXPECT(14)
    cmpl $0x11223344, LAST + 12
    CHECK_Z
    RESUME(1f)
    movups LAST + 4, %xmm9
    FAIL
1:  EXPECT(14)
    movd %xmm9, %eax
    cmp $-1, %eax
    CHECK_Z
    mov %cr2, %rax
    cmp $AREA + 4096, %rax
    CHECK_Z
    /* The same for x87: no pop, no push */
    fninit
    fld1
    RESUME(1f)
    fstpl LAST + 12
    FAIL
1:  EXPECT(14)
    RESUME(1f)
    fldt LAST + 8
    FAIL
1:  EXPECT(14)
    fnstsw %ax
    cmp $0x3800, %ax
    CHECK_Z
    cmpl $0x11223344, LAST + 12
    CHECK_Z
    /* Masked bytes are not touched */
    movq $1, AREA
    mov $0x80, %eax
    movd %eax, %xmm1                /* the first byte only */
    mov $LAST + 15, %edi
    movb $0, LAST + 15
    maskmovdqu %xmm1, %xmm9
    cmpb $0xff, LAST + 15
    CHECK_Z
    /* Non-canonical */
    mov $0x800000000000, %rbx
    RESUME(1f)
    movups (%rbx), %xmm0
    FAIL
1:  EXPECT(13)

    mov $7, %eax
    xor %ecx, %ecx
    cpuid
    bt $5, %ebx
    jnc no_avx2
    /* VMASKMOVPS: only the two first elements are there */
    movl $0x3f800000, LAST + 8
    movl $0x40000000, LAST + 12
    pcmpeqd %xmm1, %xmm1
    psrldq $8, %xmm1
    vmaskmovps LAST + 8, %xmm1, %xmm2
    vmovq %xmm2, %rax
    mov $0x400000003f800000, %rbx
    cmp %rbx, %rax
    CHECK_Z
    vmaskmovps %xmm2, %xmm1, LAST + 8
    pcmpeqd %xmm1, %xmm1
    RESUME(1f)
    vmaskmovps LAST + 8, %xmm1, %xmm2
    FAIL
1:  EXPECT(14)
    /* A gather that faults at its third element has done two, and says so in the mask */
    movl $0, AREA + 64
    movl $4, AREA + 68
    movl $4096, AREA + 72
    movl $8, AREA + 76
    movups AREA + 64, %xmm3         /* indices */
    movl $0x101, AREA
    movl $0x102, AREA + 4
    movl $0x104, AREA + 8
    pxor %xmm4, %xmm4
    pcmpeqd %xmm5, %xmm5
    mov $AREA, %ebx
    RESUME(1f)
    vpgatherdd %xmm5, (%rbx,%xmm3), %xmm4
    FAIL
1:  EXPECT(14)
    vmovq %xmm4, %rax
    mov $0x10200000101, %rcx
    cmp %rcx, %rax
    CHECK_Z
    vmovmskps %xmm5, %eax
    cmp $12, %eax
    CHECK_Z
    movl $8, AREA + 72
    movups AREA + 64, %xmm3
    vpgatherdd %xmm5, (%rbx,%xmm3), %xmm4
    vpextrd $3, %xmm4, %eax
    cmp $0x104, %eax
    CHECK_Z
    vptest %xmm5, %xmm5
    CHECK_Z
    /* XSAVE, XRSTOR of all */
    vpcmpeqd %ymm15, %ymm15, %ymm15
    mov $7, %eax
    xor %edx, %edx
    movq $0, AREA + 512
    movq $0, AREA + 520
    movq $0, AREA + 528
    xsave64 AREA
    vzeroall
    xrstor64 AREA
    vmovmskps %ymm15, %eax
    cmp $0xff, %eax
    CHECK_Z
    movl $8, AREA + 512             /* a component XCR0 does not have */
    RESUME(1f)
    mov $7, %eax
    xrstor64 AREA
    FAIL
1:  EXPECT(13)
no_avx2:
    PASS

    .code32
    handler32 6
    handler32 7
    handler32 13, 1
    handler32 16
    handler32 19
    .code64
    handler64 6
    handler64 13, 1
    handler64 14, 1
resume:
    .long 0
tables
