/* The guest's time-stamp counter: the host's, offset, stopped with the VM */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/cpuid.h"
#include "accel/soft/sys.h"
#include "util/clock.h"

/*
 * It counts virtual time at a rate known to the guest by CPUID. Virtual time
 * stops with the VM, so the TSC does, and the APIC's deadline timer, which
 * compares against it, is a virtual-clock timer.
 */
static uint64_t tsc_at_ns(int64_t virtual_ns)
{
    return muldiv64(virtual_ns, cpuid_tsc_hz(), NS_PER_SECOND);
}

uint64_t cpu_rdtsc(SoftCpu *cpu)
{
    return tsc_at_ns(clock_ns(CLOCK_TYPE_VIRTUAL)) + cpu->tsc_offset;
}
