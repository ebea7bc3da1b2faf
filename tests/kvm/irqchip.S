/* A BIOS of its own: every way an interrupt takes on a PC, a letter on port 0xe9 for each */
/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * 64 KiB at the end of 4 GiB. All in real mode (data segments of 4 GiB), for a
 * KVM that interprets kernel-mode code knows IRET there. The letters are told in
 * kvm-test.py; exit code 0x10 at port 0x501 ends the run.
 */
#define LAPIC   0xfee00000
#define IOAPIC  0xfec00000
#define HPET    0xfed00000
#define TICKS   0x500
#define NMIS    0x501
#define SELF    0x502
#define TIMER   0x503
#define PIN     0x504
#define LEVEL   0x505
#define X2SELF  0x506
#define DEADL   0x507
#define STARTED 0x508
#define BUFFER  0x600

.macro say char
    mov $\char, %al
    out %al, $0xe9
.endm

.macro vector number, handler
    movw $\handler, \number * 4
    movw $0xf000, \number * 4 + 2
.endm

/* Sleep until the byte at place is at least count. */
.macro wait_for place, count
9:  cli
    cmpb $\count, \place
    jae 8f
    sti
    hlt
    jmp 9b
8:  cli
.endm

.macro lapic reg, value
    movl $\value, %eax
    addr32 movl %eax, LAPIC + \reg
.endm

.macro ioapic reg, value
    movl $\reg, %eax
    addr32 movl %eax, IOAPIC
    movl $\value, %eax
    addr32 movl %eax, IOAPIC + 0x10
.endm

.macro outb port, value
    mov $\port, %dx
    mov $\value, %al
    out %al, %dx
.endm

    .code16
    .org 0
start:
    cli
    cld
    lgdtl %cs:gdt_ptr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $8, %bx
    mov %bx, %ds
    mov %bx, %es
    and $0xfe, %al
    mov %eax, %cr0
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7000, %sp
    mov $TICKS, %di
    mov $16, %cx
    rep stosb
    vector 2, on_nmi
    vector 0x20, on_tick
    vector 0x60, on_self
    vector 0x61, on_timer
    vector 0x62, on_pin
    vector 0x63, on_level
    vector 0x64, on_x2self
    vector 0x65, on_deadline

/* s: string output and input, repeated */
    mov $BUFFER, %di
    mov $0x71, %dx
    mov $40, %cx
    rep insb
    push %cs
    pop %ds
    mov $text, %si
    mov $0xe9, %dx
    mov $text_end - text, %cx
    rep outsb
    xor %ax, %ax
    mov %ax, %ds
    cmp $BUFFER + 40, %di
    jne fail
    say 's'

/* m: device memory (the HPET's counter, which stands), repeated moves there and back */
    movl $0x12345678, BUFFER
    movl $0x9abcdef0, BUFFER + 4
    mov $BUFFER, %esi
    mov $HPET + 0xf0, %edi
    mov $2, %ecx
    addr32 rep movsl
    mov $HPET + 0xf0, %esi
    mov $BUFFER + 8, %edi
    mov $2, %ecx
    addr32 rep movsl
    cmpl $0x12345678, BUFFER + 8
    jne fail
    cmpl $0x9abcdef0, BUFFER + 12
    jne fail
    say 'm'

/* p: the PIT through the PIC, thrice */
    outb 0x20, 0x11
    outb 0x21, 0x20
    outb 0x21, 0x04
    outb 0x21, 0x01
    outb 0xa0, 0x11
    outb 0xa1, 0x28
    outb 0xa1, 0x02
    outb 0xa1, 0x01
    outb 0x21, 0xfe
    outb 0xa1, 0xff
    outb 0x43, 0x34
    outb 0x40, 0x00
    outb 0x40, 0x20
    wait_for TICKS, 3
    outb 0x21, 0xff
    say 'p'

/* i: an interrupt to itself; n: an NMI to itself */
    lapic 0xf0, 0x1ff
    lapic 0x300, 0x44060
    wait_for SELF, 1
    say 'i'
    lapic 0x310, 0
    lapic 0x300, 0x4400
1:  cmpb $1, NMIS
    jne 1b
    say 'n'

/* t: the local APIC's timer */
    lapic 0x3e0, 0xb
    lapic 0x320, 0x61
    lapic 0x380, 1000000
    wait_for TIMER, 1
    say 't'

/* o: the PIT through the I/O APIC's pin 2 */
    ioapic 0x15, 0
    ioapic 0x14, 0x62
    wait_for PIN, 2
    ioapic 0x14, 0x10000
    say 'o'

/* l: COM1 as a level on pin 4, twice: the second only comes when the first was ended */
    ioapic 0x19, 0
    ioapic 0x18, 0x8063
    outb 0x3fc, 0x08
    outb 0x3f9, 0x02
    wait_for LEVEL, 1
    outb 0x3f9, 0x00
    outb 0x3f9, 0x02
    wait_for LEVEL, 2
    outb 0x3f9, 0x00
    ioapic 0x18, 0x10000
    say 'l'

/* a: another CPU starts */
    push %cs
    pop %ds
    mov $other_cpu, %si
    mov $0x8000, %di
    mov $other_cpu_end - other_cpu, %cx
    rep movsb
    xor %ax, %ax
    mov %ax, %ds
    lapic 0x300, 0xc4500
    lapic 0x300, 0xc4608
1:  pause
    cmpb $1, STARTED
    jb 1b
    say 'a'

/* x: x2APIC mode, d: TSC deadline, where CPUID has them; else - */
    mov $1, %eax
    cpuid
    mov %ecx, %ebp
    bt $21, %ebp
    jnc no_x2
    mov $0x1b, %ecx
    rdmsr
    or $0x400, %eax
    wrmsr
    mov $0x83f, %ecx
    xor %edx, %edx
    mov $0x64, %eax
    wrmsr
    wait_for X2SELF, 1
    say 'x'
    bt $24, %ebp
    jnc no_deadline
    mov $0x832, %ecx
    xor %edx, %edx
    mov $0x40065, %eax
    wrmsr
    rdtsc
    add $1000000, %eax
    adc $0, %edx
    mov $0x6e0, %ecx
    wrmsr
    wait_for DEADL, 1
    say 'd'
    jmp end
no_x2:
    say '-'
no_deadline:
    say '-'
end:
    mov $0x501, %dx
    mov $0x10, %al
    out %al, %dx
1:  hlt
    jmp 1b

fail:
    say '!'
    jmp end

on_tick:
    push %ax
    incb TICKS
    mov $0x20, %al
    out %al, $0x20
    pop %ax
    iret
on_nmi:
    incb NMIS
    iret
on_self:
    incb SELF
    jmp eoi
on_timer:
    incb TIMER
    jmp eoi
on_pin:
    incb PIN
    jmp eoi
on_level:
    push %ax
    push %dx
    mov $0x3fa, %dx
    in %dx, %al
    pop %dx
    pop %ax
    incb LEVEL
eoi:
    push %eax
    lapic 0xb0, 0
    pop %eax
    iret
on_x2self:
    incb X2SELF
    jmp x2eoi
on_deadline:
    incb DEADL
x2eoi:
    pushal
    mov $0x80b, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    popal
    iret

other_cpu:
    xor %ax, %ax
    mov %ax, %ds
    lock incb STARTED
1:  cli
    hlt
    jmp 1b
other_cpu_end:

text:
    .ascii "irqchip:"
text_end:
    .balign 8
gdt:
    .quad 0
    .quad 0x00cf93000000ffff
gdt_ptr:
    .word 15
    .long gdt + 0xf0000

    .org 0xfff0
    ljmp $0xf000, $start
    .org 0xffff
    .byte 0
