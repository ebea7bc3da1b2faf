/* KVM: what the files of this folder share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_KVM_KVM_INT_H
#define ACCEL_KVM_KVM_INT_H

#include <linux/kvm.h>
#include <stdatomic.h>

#include "accel/accel.h"
#include "accel/cpu-model.h"
#include "accel/kvm/kvm-api.h"
#include "memory/memory.h"

typedef struct Vcpu Vcpu;

/* The VM; there is one in a process. */
typedef struct Kvm {
    int fd, vm;                     /* -1: not open */
    int stats_fd;                   /* -1: the kernel has none */
    IrqchipMode irqchip;
    size_t run_bytes;               /* of a vCPU's shared page */
    CpuModel model;
    CpuTopology topology;
    struct kvm_cpuid2 *supported;   /* what the host's KVM can show */
    uint32_t *msrs;                 /* that a state has */
    unsigned nr_msrs;
    unsigned max_slots;
    size_t xsave_bytes;             /* of KVM_GET_XSAVE2; 0: an image is kvm_xsave.region */
    bool emulates_kernel;           /* no VMX or SVM below: kernel-mode code is interpreted */
    bool has_smm, has_payload, has_triple_fault, has_debugregs, has_xcrs, has_mce;
    bool has_blockirq;
    bool has_nested;                /* and the model shows VMX or SVM */
    bool has_readonly_mem, has_adjust_clock, has_signal_msi;
    unsigned coalesced_page, coalesced_pio; /* page of the ring behind kvm_run, 0: none */
    uint32_t ring_entries;          /* of a vCPU's dirty ring, 0: bitmaps */
} Kvm;

typedef struct KvmCpu {
    Vcpu *vcpu;                     /* NULL while it is unplugged */
    uint32_t apic_id;
    int fd;
    int stats_fd;                   /* -1: the kernel has none */
    struct kvm_run *run;
    struct kvm_dirty_gfn *ring;     /* NULL: bitmaps */
    uint32_t ring_next;
    bool io_pending;                /* the kernel has an access to end before state is read */
    bool halted, wait_sipi;         /* as user space sees it, where it has the local APIC */
    bool shut_down;                 /* triple fault: until reset */
    bool dead;                      /* an error that KVM cannot go on from: until reset */
    bool thread_ready;
    unsigned step_flags;            /* DEBUG_STEP_* of a debugger */
    bool at_break, step_over;       /* stopped at break_rip; on the step past it */
    uint64_t break_rip;
    uint64_t cr8_in, apic_base_in;  /* as KVM_RUN was told: what differs then, the guest changed */
    CpuState *power_on;             /* as KVM made it: its MSRs are what reset brings back */
    uint8_t power_on_lapic[IRQCHIP_LAPIC_BYTES];
} KvmCpu;

extern Kvm kvm;

static inline KvmCpu *kvm_cpu(Vcpu *cpu);

/* kvm.c ---------------------------------------------------------------- */

/* Kick all but self, and wait until none is in KVM_RUN; none goes in before kvm_resume_all(). */
void kvm_hold_all(void);
void kvm_resume_all(void);
void kvm_enter(KvmCpu *k);          /* about to call KVM_RUN */
void kvm_leave(KvmCpu *k);

/* kvm-slots.c ---------------------------------------------------------- */

void kvm_slots_start(void);
void kvm_ring_harvest(void);        /* any thread that has the VM lock */
void kvm_ring_harvest_cpu(KvmCpu *k);   /* one that is about to go */
void kvm_flush_coalesced(void);     /* VM lock held */
unsigned kvm_slots_used(void);

/* kvm-cpuid.c ---------------------------------------------------------- */

/* What -cpu max shows here. */
void kvm_best_model(CpuModelHost *host);
bool kvm_set_cpuid(KvmCpu *k, Error **errp);
bool kvm_check_hyperv(Error **errp);
void kvm_guest_cpuid(Vcpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
uint64_t kvm_guest_xcr0(const CpuModel *m);     /* the state components it may use */
/* KVM_GET_SUPPORTED_CPUID and the like, whose size only trying finds. */
struct kvm_cpuid2 *kvm_read_cpuid(unsigned long request, int fd);

/* kvm-msr.c ------------------------------------------------------------ */

bool kvm_msrs_init(Error **errp);
void kvm_get_msrs(KvmCpu *k, CpuState *out);
/* One; false: this CPU has none of that number, or refuses the value. */
bool kvm_get_msr(KvmCpu *k, uint32_t number, uint64_t *value);
bool kvm_set_msr(KvmCpu *k, uint32_t number, uint64_t value);
bool kvm_put_msrs(KvmCpu *k, const CpuState *in, bool clocks, Error **errp);

/* kvm-state.c ---------------------------------------------------------- */

bool kvm_read_state(KvmCpu *k, CpuState *out, Error **errp);
bool kvm_put_state(KvmCpu *k, const CpuState *in, bool clocks, Error **errp);
/* Power-on (or INIT): registers as the SDM's table 9-1 has them, MSRs as KVM made them. */
void kvm_reset_cpu(KvmCpu *k, bool init);
void kvm_take_sipi(KvmCpu *k);

/* kvm-run.c ------------------------------------------------------------ */

void kvm_vcpu_run(Vcpu *cpu);
/* Let the kernel end an access that user space has served: before state is read. */
void kvm_complete_io(KvmCpu *k);

/* kvm-irq.c ------------------------------------------------------------ */

bool kvm_irqchip_start(Error **errp);
const IrqchipOps *kvm_irqchip_ops(void);
void kvm_clock_stop(void);
void kvm_clock_start(void);

/* kvm-stats.c ---------------------------------------------------------- */

/* Of the VM, or of a vCPU that does not run yet, for KVM_RUN keeps others out. -1: none. */
int kvm_open_stats(int fd);
bool kvm_read_stats(Vcpu *cpu, AccelStatFn *fn, void *opaque, Error **errp);

/* kvm-debug.c ---------------------------------------------------------- */

struct DebugPoint;
bool kvm_debug_point(const struct DebugPoint *point, Error **errp);
bool kvm_debug_cpu_added(KvmCpu *k, Error **errp);
void kvm_debug_step(Vcpu *cpu, unsigned flags);
bool kvm_debug_translate(Vcpu *cpu, uint64_t la, uint64_t *phys);
void kvm_debug_exit(KvmCpu *k);
void kvm_debug_resume(KvmCpu *k);

/* kvm-probe.c ---------------------------------------------------------- */

/* Nanoseconds an instruction of kernel-mode guest code takes; 0: cannot tell. */
unsigned kvm_measure_ns(int fd);
bool kvm_host_has_virtualization(void);
/* More than this for kernel-mode code is an interpreter at work. */
#define KVM_NATIVE_NS 40
bool kvm_is_quick(char **why);

static inline KvmCpu *kvm_cpu(Vcpu *cpu)
{
    return cpu->accel_cpu;
}

#endif
