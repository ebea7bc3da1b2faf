/* Human commands that look into the machine: what their files share; gdb's "monitor" command */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_HMP_MACHINE_H
#define SYSTEM_HMP_MACHINE_H

#include "system/gdbstub.h"

typedef struct Vcpu Vcpu;
typedef struct CpuState CpuState;

/* The CPU that "cpu" selected; NULL with errp where there is none. */
Vcpu *hmp_current_cpu(Error **errp);
/* In the CPU's own thread, between its instructions; in a coroutine, which waits for it. */
void co_hmp_on_cpu(Vcpu *cpu, void (*fn)(Vcpu *cpu, void *opaque), void *opaque);
/* Its registers; g_free(). NULL with errp where the accelerator has none. */
CpuState *co_hmp_cpu_state(Vcpu *cpu, Error **errp);

/* An HmpRegisterFn: of that CPU. */
bool co_hmp_register(const char *name, uint64_t *value, Error **errp);

/* A GdbMonitorFn: runs the line, and calls done with what it printed. */
void hmp_run_for_gdb(const char *line, GdbMonitorDone *done, void *opaque);

#endif
