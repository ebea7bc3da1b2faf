/* vCPU threads: start, kick, pause, run-on-vcpu; interrupts on their way in */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_VCPU_H
#define ACCEL_VCPU_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "qom/object.h"
#include "util/error.h"
#include "util/list.h"

typedef struct Vcpu Vcpu;

/* Vcpu.pending: what waits to be taken by the CPU. Set by any thread. */
enum {
    VCPU_INTR = 1 << 0,     /* level: the interrupt controller has a vector; ask irq->ack() */
    VCPU_NMI = 1 << 1,      /* edge: taken once */
    VCPU_SMI = 1 << 2,
    VCPU_INIT = 1 << 3,
    VCPU_SIPI = 1 << 4,     /* sipi_vector says where */
    VCPU_MCE = 1 << 5,
    VCPU_WORK = 1 << 6,     /* functions queued by vcpu_run_on() */
    VCPU_STOP = 1 << 7,     /* pause asked */
};

/*
 * The local APIC's side, given by hw/intc/apic.c. All are called by the vCPU's
 * thread with the VM lock held (vcpu.c takes it).
 */
typedef struct VcpuIrqOps {
    int (*ack)(void *opaque);                   /* vector to deliver, -1: none any more */
    uint8_t (*get_tpr)(void *opaque);           /* as CR8: bits 7..4 of TPR, shifted down */
    void (*set_tpr)(void *opaque, uint8_t cr8);
    uint64_t (*get_base)(void *opaque);         /* MSR 0x1b */
    bool (*set_base)(void *opaque, uint64_t value);             /* false: #GP */
    bool (*msr_read)(void *opaque, uint32_t msr, uint64_t *value);  /* x2APIC 0x800.., TSC deadline 0x6e0 */
    bool (*msr_write)(void *opaque, uint32_t msr, uint64_t value);
    void (*reset)(void *opaque, bool init);     /* INIT keeps the APIC ID and base */
} VcpuIrqOps;

struct Vcpu {
    Object obj;
    Object *owner;              /* what clients see as the CPU; NULL: the Vcpu itself */
    unsigned index;             /* 0 is the boot CPU; others come and go */
    uint32_t apic_id;
    uint32_t socket, die, core, thread;
    GThread *os_thread;
    pid_t tid;
    _Atomic uint32_t pending;
    _Atomic bool halted;        /* in HLT or waiting for SIPI: sleeps until pending & wake_mask */
    _Atomic uint32_t wake_mask; /* what ends a halt: without INTR while interrupts are disabled */
    uint8_t sipi_vector;
    const VcpuIrqOps *irq;      /* NULL: no local APIC, INTR comes from the PIC alone */
    void *irq_opaque;
    GMutex lock;                /* leaf: guards the condition and the work list */
    GCond cond;                 /* signalled on kick */
    bool paused;                /* thread has seen VCPU_STOP and sleeps */
    bool suspended;             /* ran when vcpus_suspend() came */
    bool quit;
    List work;
    void *accel_cpu;            /* SoftCpu, KVM state, ... */
};

/*
 * Create a vCPU; its thread starts paused. owner: the device that is it in the
 * tree of objects, which outlives it; without one it is below /machine/unattached.
 */
Vcpu *vcpu_new(unsigned index, uint32_t apic_id, Object *owner, Error **errp);
/* Main thread, VM lock held: end its thread, then let go what is known of it. */
void vcpu_stop_thread(Vcpu *cpu);       /* it runs no more, and nobody finds it */
void vcpu_destroy(Vcpu *cpu);
/* Told of each CPU that goes while the machine stays, for who holds on to it. */
void vcpu_add_removal_hook(void (*fn)(Vcpu *cpu));
unsigned vcpu_count(void);
Vcpu *vcpu_get(unsigned n);             /* those that are there, in order of .index */
Vcpu *vcpu_by_index(unsigned index);
Vcpu *vcpu_by_apic_id(uint32_t apic_id);
/* Its path in the tree of objects; g_free() */
char *vcpu_path(const Vcpu *cpu);
Vcpu *vcpu_current(void);               /* NULL outside vCPU threads */

/* Any thread. */
void vcpu_kick(Vcpu *cpu);              /* leave guest code soon, look at pending */
void vcpu_raise(Vcpu *cpu, uint32_t pending);   /* set bits and kick */
void vcpu_lower(Vcpu *cpu, uint32_t pending);   /* VCPU_INTR went away */
/* Run fn in the vCPU's thread between two instructions, VM lock held; does not wait. */
void vcpu_run_on(Vcpu *cpu, void (*fn)(Vcpu *cpu, void *opaque), void *opaque);

/* Main thread, VM lock held. */
void vcpu_start(Vcpu *cpu);             /* let this one run */
void vcpus_start(void);                 /* let all run */
void vcpus_pause(void);                 /* returns when none runs guest code */
void vcpus_suspend(void);               /* the same, and ... */
void vcpus_unsuspend(void);             /* ... let those run on that ran before */
void vcpu_reset(Vcpu *cpu);             /* while paused: power-on state */
void vcpus_reset(void);
bool vcpus_running(void);               /* the boot CPU was let run */
void vcpus_destroy(void);               /* end the threads */

/* For accelerators' run functions, in the vCPU's thread: VM lock taken inside. */
int vcpu_ack_irq(Vcpu *cpu);
void vcpu_reset_apic(Vcpu *cpu, bool init);
uint8_t vcpu_get_tpr(Vcpu *cpu);
void vcpu_set_tpr(Vcpu *cpu, uint8_t cr8);
uint64_t vcpu_get_apic_base(Vcpu *cpu);
bool vcpu_set_apic_base(Vcpu *cpu, uint64_t value);
bool vcpu_apic_msr_read(Vcpu *cpu, uint32_t msr, uint64_t *value);
bool vcpu_apic_msr_write(Vcpu *cpu, uint32_t msr, uint64_t value);
/* The PIC's INTR pin and its acknowledge cycle, wired to the boot CPU by the machine. */
void vcpu_set_pic(int (*ack)(void *opaque), void *opaque);
int vcpu_pic_ack(void);                 /* VM lock held; -1: nothing */
/* True when the thread must come back to vcpu.c: stop, quit or work. */
bool vcpu_must_return(Vcpu *cpu);

#endif
