/* Debugging the guest from outside: breakpoints, watchpoints, single step, memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_DEBUG_H
#define ACCEL_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

typedef struct Vcpu Vcpu;

/* In the order of gdb's Z0 to Z4. Software and hardware breakpoints are the same to the guest. */
typedef enum DebugPointKind {
    DEBUG_BREAK_SOFT,
    DEBUG_BREAK_HARD,
    DEBUG_WATCH_WRITE,
    DEBUG_WATCH_READ,
    DEBUG_WATCH_ACCESS,
    NR_DEBUG_POINT_KINDS,
} DebugPointKind;

/* At a linear address, whatever the address space, for all CPUs. */
typedef struct DebugPoint {
    DebugPointKind kind;
    uint64_t addr, len;
} DebugPoint;

/* Flags of debug_step(), with gdb's numbers for qqemu.sstep. */
enum {
    DEBUG_STEP = 1,
    DEBUG_STEP_NOIRQ = 2,       /* no interrupt is taken meanwhile */
    DEBUG_STEP_NOTIMER = 4,     /* virtual time stands still: the caller's to do */
};

typedef enum DebugStopKind {
    DEBUG_STOP_BREAK,
    DEBUG_STOP_STEP,
    DEBUG_STOP_WATCH,           /* behind the instruction that hit */
} DebugStopKind;

typedef struct DebugStop {
    DebugStopKind kind;
    DebugPoint point;           /* DEBUG_STOP_WATCH: which one */
} DebugStop;

/* All of this: main thread, VM lock held, CPUs paused unless said otherwise. */

void debug_cpu_removed(Vcpu *cpu);      /* by accel/vcpu.c */
/* Can this accelerator be debugged so? */
bool debug_available(void);
/* The CPUs may run: they are paused for the moment of the change. */
bool debug_point_add(const DebugPoint *point, Error **errp);
bool debug_point_remove(const DebugPoint *point, Error **errp);     /* false: there is none */
void debug_points_clear(void);
/* Those there are, for accelerators. */
const DebugPoint *debug_points(size_t *nr);
/* Let the CPU stop behind one instruction when it is started; 0: not any more. */
void debug_step(Vcpu *cpu, unsigned flags);

/*
 * What the CPU's page tables say, without rights and without a trace in them.
 * False: nothing is mapped there.
 */
bool debug_translate(Vcpu *cpu, uint64_t la, uint64_t *phys);
/* Memory as the CPU sees it; ROM can be written. False: part of it is not there. */
bool debug_mem_read(Vcpu *cpu, uint64_t la, void *buf, size_t len);
bool debug_mem_write(Vcpu *cpu, uint64_t la, const void *buf, size_t len);
/* The same by physical address. */
bool debug_phys_read(Vcpu *cpu, uint64_t phys, void *buf, size_t len);
bool debug_phys_write(Vcpu *cpu, uint64_t phys, const void *buf, size_t len);

/*
 * For accelerators, in the vCPU's thread, without the VM lock: this CPU stops
 * here, and the machine is asked to (RUN_REQUEST_DEBUG).
 */
void debug_report(Vcpu *cpu, const DebugStop *stop);
bool debug_stop_pending(void);
/* Who stopped first since the last call; NULL: nobody did. */
Vcpu *debug_take_stop(DebugStop *stop);

#endif
