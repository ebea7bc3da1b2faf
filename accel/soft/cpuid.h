/* CPUID of the software CPU: what it can do on this host, and how it tells the guest */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_CPUID_H
#define ACCEL_SOFT_CPUID_H

#include "accel/cpu-model.h"
#include "accel/soft/sys.h"

/* The most that can be shown here: what handlers exist for and the host can do. */
void cpuid_best(CpuModel *best);
/* The model became the CPU's: which bits of CR4, EFER and XCR0 may be set. */
void cpuid_apply(SoftCpu *cpu);
bool cpuid_has(const SoftCpu *cpu, int feature);
bool cpuid_is_amd(const SoftCpu *cpu);
uint64_t cpuid_arch_capabilities(const SoftCpu *cpu);
/* The TSC's rate, and the APIC timer's. */
uint64_t cpuid_tsc_hz(void);
/* Packages are made of that many cores of that many threads. */
void cpuid_set_topology(unsigned cores, unsigned threads);

#endif
