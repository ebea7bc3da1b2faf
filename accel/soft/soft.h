/* What soft.c offers to its folder: logging of events, the end of a CPU in trouble */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_SOFT_H
#define ACCEL_SOFT_SOFT_H

#include <glib.h>

#include "accel/soft/soft-cpu.h"
#include "util/error.h"

/* -d int: an event is about to be delivered. */
void soft_trace_event(SoftCpu *cpu, int vector, bool has_error, uint32_t error, uint64_t rip,
                      bool software);
/* log.c, while the log has it on: code was decoded, will run, a CPU is reset. */
struct Block;
void soft_log_built(SoftCpu *cpu, const struct Block *b);
void soft_log_run(SoftCpu *cpu, const struct Block *b);
void soft_log_reset(SoftCpu *cpu, const char *why);
/* Double fault while delivering a double fault: the CPU shuts down, which resets a PC. */
void soft_triple_fault(SoftCpu *cpu);
/* Power-up, or what INIT leaves (SDM vol. 3, table 9-1). */
void soft_cpu_reset(SoftCpu *cpu, bool init);
/* state.c: the CPU is paused, or its own thread asks. clocks: put the TSC, too. */
struct CpuState;
void soft_get_state(SoftCpu *cpu, struct CpuState *out);
bool soft_put_state(SoftCpu *cpu, const struct CpuState *in, bool clocks, Error **errp);
/* Make one for vcpu; NULL with errp. The model is shared and stays. */
struct CpuModel;
SoftCpu *soft_cpu_new(Vcpu *vcpu, const struct CpuModel *model, bool single, Error **errp);
void soft_cpu_free(SoftCpu *cpu);
/* Follow changes of the memory map; once. */
void soft_listen(void);

#endif
