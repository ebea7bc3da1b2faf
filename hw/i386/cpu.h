/* CPUs as devices: X-x86_64-cpu, which sits at a place of the machine's sockets */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_CPU_H
#define HW_I386_CPU_H

#include "accel/cpu-model.h"
#include "accel/vcpu.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"

#define APIC_ID_UNASSIGNED UINT32_MAX
#define ID_UNASSIGNED      (-1)

typedef struct X86Cpu {
    Device dev;
    int32_t socket_id, die_id, core_id, thread_id, node_id;     /* properties */
    uint32_t apic_id;
    unsigned index;             /* the place, once it is realized */
    Vcpu *vcpu;
    Device *apic;
} X86Cpu;

/* Those that are there from the start, one after the other. */
bool x86_cpus_create(Machine *m, Error **errp);

/* cpu-props.c: where it sits, and all that its model is made of */
const Prop *x86_cpu_props(void);

#endif
