/* Descriptors and stacks as far transfers, task switches and event delivery share them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_SEG_H
#define ACCEL_SOFT_SEG_H

#include "accel/soft/sys.h"

/* System descriptor types, SDM vol. 3, 3.5 */
enum {
    SYS_TSS16 = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4, SYS_TASK_GATE = 5,
    SYS_INT16 = 6, SYS_TRAP16 = 7, SYS_TSS32 = 9, SYS_TSS32_BUSY = 11, SYS_CALL32 = 12,
    SYS_INT32 = 14, SYS_TRAP32 = 15,
};

/* A descriptor as it stands in a table; high is the second half of 16-byte ones. */
typedef struct Desc {
    uint64_t raw, high;
    uint64_t la;            /* where it lies */
} Desc;

#define DESC_TYPE(d) ((unsigned)((d)->raw >> 40) & 0xf)
#define DESC_S(d)    (((d)->raw >> 44 & 1) != 0)
#define DESC_DPL(d)  ((unsigned)((d)->raw >> 45) & 3)
#define DESC_P(d)    (((d)->raw >> 47 & 1) != 0)
#define DESC_CODE(d) (((d)->raw >> 43 & 1) != 0)   /* with S: a code segment */
#define DESC_CONFORMING(d) (((d)->raw >> 42 & 1) != 0)
#define DESC_RW(d)   (((d)->raw >> 41 & 1) != 0)   /* writable data, readable code */
#define DESC_L(d)    (((d)->raw >> 53 & 1) != 0)
#define DESC_D(d)    (((d)->raw >> 54 & 1) != 0)
#define SEL_NULL(sel) (((sel) & 0xfffc) == 0)

static inline bool in_long_mode(const SoftCpu *cpu)
{
    return cpu->efer & EFER_LMA;
}
static inline bool in_protected_mode(const SoftCpu *cpu)
{
    return (cpu->cr0 & CR0_PE) && !(cpu->eflags & FL_VM);
}
static inline bool in_code64(const SoftCpu *cpu)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64;
}
static inline unsigned iopl(const SoftCpu *cpu)
{
    return cpu->eflags >> 12 & 3;
}

/* Read a descriptor. False: no such entry (beyond the table, no LDT). */
bool desc_read(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *d);
/* The second half of a 16-byte descriptor. False: beyond the table. */
bool desc_read_high(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *d);
Segment desc_segment(const Desc *d, uint16_t sel);
uint32_t desc_limit(const Desc *d);
/* Set the accessed bit in the table if it is not. */
void desc_mark_accessed(SoftCpu *cpu, const Op *op, const Desc *d);
void desc_set_busy(SoftCpu *cpu, const Op *op, const Desc *d, bool busy);

/* Commit a code segment and privilege; the caller updates the mode after the last change. */
void seg_set_cs(SoftCpu *cpu, const Desc *d, uint16_t sel, unsigned cpl);
void seg_set_null(SoftCpu *cpu, unsigned seg, uint16_t sel);
/* All checks of loading SS for cpl; returns the segment without committing. vector: #TS or #GP. */
Segment seg_check_ss(SoftCpu *cpu, const Op *op, uint16_t sel, unsigned cpl, int vector,
                     bool null_ok);
/* Is [off, off+size) within the segment's limit (expand-down minded)? */
bool seg_in_limit(const Segment *s, uint64_t off, unsigned size);

/* A stack that may not be the current one; nothing is committed until stack_commit(). */
typedef struct Stack {
    Segment ss;
    uint64_t sp;
    unsigned width;         /* bytes of the stack pointer: 2, 4, 8 */
    bool sys;               /* accesses count as supervisor */
    uint16_t fault_sel;     /* what a #SS names: 0 for the current stack */
} Stack;

Stack stack_current(SoftCpu *cpu);
Stack stack_of(SoftCpu *cpu, const Segment *ss, uint64_t sp, unsigned cpl);
void stack_push(SoftCpu *cpu, const Op *op, Stack *st, uint64_t value, unsigned size);
uint64_t stack_pop(SoftCpu *cpu, const Op *op, Stack *st, unsigned size);
void stack_set_sp(SoftCpu *cpu, uint64_t sp, unsigned width);

/* Stack pointer and SS for cpl from the TSS; #TS when they lie outside. */
void tss_stack(SoftCpu *cpu, const Op *op, unsigned cpl, uint16_t *ss, uint64_t *sp);

/* task.c: why a task switch happens decides about busy bits, NT and the back link. */
typedef enum TaskSource { TASK_JUMP, TASK_CALL, TASK_INT, TASK_IRET } TaskSource;
void task_switch(SoftCpu *cpu, const Op *op, uint16_t sel, TaskSource source, uint64_t next_rip,
                 bool has_error, uint32_t error);

/* The EXT bit of error codes: set while an event from outside the program is delivered. */
static inline uint32_t sel_error(const SoftCpu *cpu, uint16_t sel)
{
    return (sel & 0xfffc) | cpu->priv->ext;
}

#endif
