/* Accelerators: what runs the guest's CPUs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/cpu-model.h"
#include "accel/cpu-state.h"
#include "accel/irqchip.h"
#include "accel/vcpu.h"
#include "qom/object.h"

struct DebugPoint;

typedef struct Accel {
    Object obj;
} Accel;

/* What the machine tells an accelerator at start. */
typedef struct AccelConfig {
    unsigned nr_cpus, max_cpus;
    const char *cpu_model;      /* text of -cpu; NULL: the accelerator's default */
    unsigned dies, cores, threads;  /* per socket, die and core */
} AccelConfig;

/* What an accelerator counts; in the order of KVM's numbers for them. */
enum {
    ACCEL_STAT_CUMULATIVE, ACCEL_STAT_INSTANT, ACCEL_STAT_PEAK, ACCEL_STAT_LINEAR,
    ACCEL_STAT_LOG2,
};
enum {
    ACCEL_STAT_NO_UNIT, ACCEL_STAT_BYTES, ACCEL_STAT_SECONDS, ACCEL_STAT_CYCLES,
    ACCEL_STAT_BOOLEAN,
};
typedef struct AccelStat {
    const char *name;
    unsigned type, unit;        /* of the above */
    int base, exponent;         /* the unit is to be multiplied by base to the power of exponent */
    uint32_t bucket_size;       /* ACCEL_STAT_LINEAR */
    const uint64_t *values;     /* one; of the histograms nr */
    unsigned nr;
} AccelStat;
typedef void AccelStatFn(const AccelStat *stat, void *opaque);

typedef struct AccelType {
    OBJECT_TYPE_BASE;
    const char *alias;          /* another name that -accel takes */
    /* Is it the one to take when nobody said? why: g_free(), in any case. NULL: only when named. */
    bool (*is_quick)(char **why);
    bool stepped_clock;         /* qtest: virtual time moves on command only */
    /* Ready to create vCPUs; false with errp: try the next in the list. */
    bool (*start)(Accel *accel, const AccelConfig *config, Error **errp);
    bool (*vcpu_init)(Vcpu *cpu, Error **errp);
    void (*vcpu_destroy)(Vcpu *cpu);
    void (*vcpu_reset)(Vcpu *cpu);
    /*
     * Run guest code without the VM lock until vcpu_must_return(), or the CPU
     * halts with nothing pending. NULL: the CPU never runs (qtest).
     */
    void (*vcpu_run)(Vcpu *cpu);
    void (*vcpu_kick)(Vcpu *cpu);   /* any thread: make vcpu_run() look at pending */
    void (*vm_running)(bool running);   /* true: before each start; false: all are paused */
    void (*set_a20)(bool enabled);  /* all CPUs; VM lock held */
    bool (*has_smm)(void);          /* SMIs lead to system management mode; NULL: they do not */
    /*
     * The guest's TSC now, and its rate: for TSC deadlines. Any thread. NULL:
     * one that counts virtual nanoseconds.
     */
    uint64_t (*tsc_read)(Vcpu *cpu);
    uint64_t (*tsc_hz)(Vcpu *cpu);
    /*
     * All of the CPU's registers but its local APIC's, in and out, while it is
     * paused or by its own thread, VM lock held. A state that the CPU cannot
     * have is refused, and leaves it in need of a reset. clocks: put the TSC and
     * paravirtual clocks too; without, they go on (a debugger changed a register).
     */
    void (*get_state)(Vcpu *cpu, CpuState *out);
    bool (*put_state)(Vcpu *cpu, const CpuState *in, bool clocks, Error **errp);
    const IrqchipOps *(*irqchip)(void); /* NULL: devices do it all */
    /* What the guest's CPUID would give. NULL: unknown, all zeroes. */
    void (*cpuid)(Vcpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
    /*
     * For accel/debug.c, all CPUs paused: this point was added to debug_points(), or
     * is no longer there (errp NULL: cannot fail). NULL: no debugging from outside.
     */
    bool (*debug_point)(const struct DebugPoint *point, Error **errp);
    void (*debug_step)(Vcpu *cpu, unsigned flags);
    bool (*debug_translate)(Vcpu *cpu, uint64_t la, uint64_t *phys);
    bool (*debug_in_smm)(Vcpu *cpu);    /* NULL: never in another view of memory */
    /* Of a CPU, or (NULL) of the VM; the CPU may run. NULL: nothing is counted. */
    bool (*read_stats)(Vcpu *cpu, AccelStatFn *fn, void *opaque, Error **errp);
    void (*print_jit)(GString *out);    /* "info jit"; NULL: guest code is not prepared */
} AccelType;
#define REGISTER_ACCEL(desc) REGISTER(accel, desc)

/* False: this accelerator's CPUs never run and have no registers. */
bool accel_get_state(Vcpu *cpu, CpuState *out);
bool accel_put_state(Vcpu *cpu, const CpuState *in, bool clocks, Error **errp);
/* EAX, EBX, ECX, EDX; zeroes where there is no CPU. */
void accel_cpuid(Vcpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* The chosen one, NULL before accel_start(). */
Accel *accel_current(void);
const AccelType *accel_type(void);
const AccelType *accel_find(const char *name);  /* by name or alias */
char *accel_names(void);                        /* for help, a line each; g_free() */
/* Start an instance made by object_new() with its properties set. */
bool accel_start(Accel *accel, const AccelConfig *config, Error **errp);
/* For start(): -cpu, or "max", as that accelerator has it. */
bool accel_parse_cpu_model(const AccelConfig *config, const CpuModelHost *host, CpuModel *out,
                           Error **errp);
bool accel_cpu_model_refused(void);     /* a start failed for that: no other accelerator helps */
/* The CPU that all vCPUs are; NULL where none was parsed. */
const CpuModel *accel_cpu_model(void);
/* What models are measured by; NULL: the accelerator runs no CPU. */
const CpuModelHost *accel_cpu_model_host(void);
void accel_set_a20(bool enabled);
bool accel_has_smm(void);
bool accel_a20(void);
uint64_t accel_tsc_read(Vcpu *cpu);
uint64_t accel_tsc_hz(Vcpu *cpu);   /* never 0 */

#endif
