/* CPU models: -cpu NAME,+feature,feature=off and what CPUID shows of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_CPU_MODEL_H
#define ACCEL_CPU_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "accel/cpu-hyperv.h"
#include "util/error.h"

/* The CPUID registers that are sets of features. */
typedef enum FeatureWord {
    FW_1_EDX, FW_1_ECX, FW_7_EBX, FW_7_ECX, FW_7_EDX, FW_D_1_EAX, FW_6_EAX,
    FW_8_1_EDX, FW_8_1_ECX, FW_8_7_EDX, FW_8_8_EBX,
    FW_KVM,                     /* leaf 0x40000001, EAX: what a guest may ask of KVM */
    FW_7_1_EAX, FW_8_A_EDX, FW_C_1_EDX,
    NR_FEATURE_WORDS,
} FeatureWord;

/* A feature as one number, never 0. */
#define CPU_FEATURE(word, bit) ((word) * 32 + (bit) + 1)
enum {
    CPUID_MCE = CPU_FEATURE(FW_1_EDX, 7), CPUID_SEP = CPU_FEATURE(FW_1_EDX, 11),
    CPUID_MTRR = CPU_FEATURE(FW_1_EDX, 12), CPUID_PAT = CPU_FEATURE(FW_1_EDX, 16),
    CPUID_FXSR = CPU_FEATURE(FW_1_EDX, 24), CPUID_SSE = CPU_FEATURE(FW_1_EDX, 25),
    CPUID_VMX = CPU_FEATURE(FW_1_ECX, 5),
    CPUID_PCID = CPU_FEATURE(FW_1_ECX, 17), CPUID_X2APIC = CPU_FEATURE(FW_1_ECX, 21),
    CPUID_TSC_DEADLINE = CPU_FEATURE(FW_1_ECX, 24), CPUID_XSAVE = CPU_FEATURE(FW_1_ECX, 26),
    CPUID_AVX = CPU_FEATURE(FW_1_ECX, 28), CPUID_HYPERVISOR = CPU_FEATURE(FW_1_ECX, 31),
    CPUID_FSGSBASE = CPU_FEATURE(FW_7_EBX, 0), CPUID_SMEP = CPU_FEATURE(FW_7_EBX, 7),
    CPUID_SMAP = CPU_FEATURE(FW_7_EBX, 20), CPUID_UMIP = CPU_FEATURE(FW_7_ECX, 2),
    CPUID_SPEC_CTRL = CPU_FEATURE(FW_7_EDX, 26), CPUID_ARCH_CAP = CPU_FEATURE(FW_7_EDX, 29),
    CPUID_SVM = CPU_FEATURE(FW_8_1_ECX, 2),
    CPUID_SYSCALL = CPU_FEATURE(FW_8_1_EDX, 11), CPUID_NX = CPU_FEATURE(FW_8_1_EDX, 20),
    CPUID_RDTSCP = CPU_FEATURE(FW_8_1_EDX, 27), CPUID_LM = CPU_FEATURE(FW_8_1_EDX, 29),
};

#define CPU_TYPE_SUFFIX "-x86_64-cpu"  /* behind a model's name: the type of its devices */

typedef struct CpuModel {
    char name[32];
    char vendor[13];
    char model_id[49];
    uint32_t family, model, stepping;
    uint32_t level, xlevel, xlevel2;    /* highest basic, extended and Centaur leaf */
    uint32_t phys_bits;
    uint32_t features[NR_FEATURE_WORDS];
    uint32_t filtered[NR_FEATURE_WORDS];    /* asked for, but not here */
    bool hide_kvm;              /* kvm=off: no leaf 0x40000000 of KVM's */
    HyperV hyperv;
    uint64_t tsc_hz;            /* tsc-frequency=; 0: what the host has */
} CpuModel;

/* The names of models, the last one empty; and names that stand for one of them. */
extern const CpuModel cpu_model_table[];
typedef struct CpuModelAlias {
    const char *name, *target;
} CpuModelAlias;
extern const CpuModelAlias cpu_model_aliases[];
const char *cpu_model_alias_target(const char *name);   /* NULL: it is none */

/* A package's cores (of all dies) and a core's threads. */
typedef struct CpuTopology {
    unsigned cores, threads;
} CpuTopology;

/* What an accelerator has to say about models. */
typedef struct CpuModelHost {
    CpuModel best;              /* what "max" and "host" mean */
    uint32_t unasked[NR_FEATURE_WORDS];     /* of it, not shown unless asked for by name */
    bool has_hyperv;            /* hv-* properties are possible at all */
    uint32_t added[NR_FEATURE_WORDS];       /* shown with every named model, too */
} CpuModelHost;

static inline bool cpu_model_has(const CpuModel *m, int feature)
{
    return m->features[(feature - 1) / 32] >> ((feature - 1) & 31) & 1;
}

/*
 * Resolve the text of -cpu (NULL: def) for an accelerator. Features beyond the
 * best go away: silently, with a warning under "check", as an error under "enforce".
 */
bool cpu_model_parse(const char *text, const char *def, const CpuModelHost *host, CpuModel *out,
                     Error **errp);
uint32_t cpu_model_signature(const CpuModel *m);    /* leaf 1, EAX */
/* The static part of a leaf: no OSXSAVE, no leaf 0xd, nothing of a hypervisor. */
void cpu_model_leaf(const CpuModel *m, const CpuTopology *t, uint32_t apic_id, uint32_t leaf,
                    uint32_t subleaf, uint32_t out[4]);
/* Each model; those that depend on the accelerator (max, host) have NULL. */
void cpu_models_for_each(void (*fn)(const char *name, const CpuModel *model, void *opaque),
                         void *opaque);
/* The feature at a bit as QMP spells it, NULL when it has no name; g_free() */
char *cpu_feature_name(FeatureWord word, unsigned bit);
int cpu_feature_find(const char *name);     /* by any spelling; 0: there is none */
/* All its spellings with '|' between, NULL when it has none. */
const char *cpu_feature_spellings(FeatureWord word, unsigned bit);
/* Where CPUID has a word: leaf, subleaf (-1: it has none), 0 to 3 for EAX to EDX. */
typedef struct CpuidPlace {
    uint32_t leaf;
    int subleaf;
    unsigned reg;
} CpuidPlace;
CpuidPlace cpu_feature_place(FeatureWord word);
/* -cpu help */
void cpu_model_help(FILE *out);

#endif
