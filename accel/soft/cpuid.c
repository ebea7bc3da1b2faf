/* CPUID leaves of the software CPU, and the features it has on this host */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include "accel/soft/cpuid.h"
#include "accel/soft/insn-info.h"

#define B(n) (1u << (n))

static CpuTopology topology = { 1, 1 };

/* What there are handlers for. */
static const uint32_t implemented[NR_FEATURE_WORDS] = {
    [FW_1_EDX] = 0x078bfbff | B(27) | B(28),
    /* pni pclmul ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave avx
       f16c rdrand hypervisor */
    [FW_1_ECX] = B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | B(19) | B(20) | B(21) | B(22) | B(23)
               | B(24) | B(25) | B(26) | B(28) | B(29) | B(30) | B(31),
    /* fsgsbase tsc-adjust bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap clflushopt clwb sha */
    [FW_7_EBX] = B(0) | B(1) | B(3) | B(5) | B(7) | B(8) | B(9) | B(10) | B(18) | B(19) | B(20)
               | B(23) | B(24) | B(29),
    [FW_7_ECX] = B(2) | B(22),
    [FW_7_EDX] = B(4) | B(26) | B(29),
    [FW_D_1_EAX] = B(0) | B(1) | B(2),
    [FW_6_EAX] = B(2),
    [FW_8_1_EDX] = B(11) | B(20) | B(22) | B(26) | B(27) | B(29),
    [FW_8_1_ECX] = B(0) | B(4) | B(5) | B(8),
    [FW_8_7_EDX] = B(8),
};

/* Of these, what needs the host's own instruction. */
static const uint32_t needs_host[NR_FEATURE_WORDS] = {
    [FW_1_ECX] = B(0) | B(1) | B(9) | B(12) | B(13) | B(19) | B(20) | B(22) | B(23) | B(25)
               | B(28) | B(29) | B(30),
    [FW_7_EBX] = B(3) | B(5) | B(8) | B(18) | B(19) | B(29),
    [FW_8_1_ECX] = B(5),
};

static void host_features(uint32_t words[NR_FEATURE_WORDS])
{
    memset(words, 0, NR_FEATURE_WORDS * sizeof(words[0]));
#ifdef __x86_64__
    uint32_t a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d)) {
        words[FW_1_EDX] = d;
        words[FW_1_ECX] = c;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        words[FW_7_EBX] = b;
        words[FW_7_ECX] = c;
        words[FW_7_EDX] = d;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        words[FW_8_1_ECX] = c;
        words[FW_8_1_EDX] = d;
    }
#endif
}

void cpuid_best(CpuModel *best)
{
    uint32_t host[NR_FEATURE_WORDS];

    /* A server model of the kind whose guests expect neither errata nor power tricks. */
    *best = (CpuModel){
        .name = "max", .vendor = "GenuineIntel", .model_id = "Mica software CPU",
        .family = 6, .model = 0x6a, .stepping = 6, .level = 0x16, .xlevel = 0x80000008,
        .phys_bits = 40,
    };
    host_features(host);
    for (int i = 0; i < NR_FEATURE_WORDS; i++) {
        best->features[i] = implemented[i] & (host[i] | ~needs_host[i]);
    }
    if (!(host[FW_1_ECX] & B(28))) {    /* AVX state and all that lives in it go together */
        best->features[FW_1_ECX] &= ~(B(12) | B(29));
        best->features[FW_7_EBX] &= ~B(5);
    }
}

bool cpuid_has(const SoftCpu *cpu, int feature)
{
    return cpu_model_has(cpu->priv->model, feature);
}

bool cpuid_is_amd(const SoftCpu *cpu)
{
    return cpu->priv->model->vendor[0] == 'A';
}

uint64_t cpuid_tsc_hz(void)
{
    return 1000000000;
}

void cpuid_set_topology(unsigned cores, unsigned threads)
{
    topology = (CpuTopology){ MAX(cores, 1), MAX(threads, 1) };
}

uint64_t cpuid_arch_capabilities(const SoftCpu *cpu)
{
    /*
     * RDCL_NO IBRS_ALL SKIP_L1DFL SSB_NO MDS_NO PSCHANGE_MC_NO TAA_NO SBDR_SSDP_NO FBSDP_NO
     * PSDP_NO BHI_NO PBRSB_NO GDS_NO RFDS_NO ITS_NO: nothing here speculates
     */
    static const uint8_t bits[] = { 0, 1, 3, 4, 5, 6, 8, 13, 14, 15, 20, 24, 26, 27, 62 };
    uint64_t v = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
        v |= BIT64(bits[i]);
    }
    return v;
}

/*
 * Instructions that go with a CPUID bit. Not here: what control registers gate
 * (SYSCALL, long mode) and PREFETCHW, which is a NOP where it is not known.
 */
static const struct { uint8_t insn, word, bit; } insn_bits[] = {
    { FEAT_FPU, FW_1_EDX, 0 }, { FEAT_TSC, FW_1_EDX, 4 }, { FEAT_MSR, FW_1_EDX, 5 },
    { FEAT_CX8, FW_1_EDX, 8 }, { FEAT_SEP, FW_1_EDX, 11 }, { FEAT_CMOV, FW_1_EDX, 15 },
    { FEAT_CLFLUSH, FW_1_EDX, 19 }, { FEAT_MMX, FW_1_EDX, 23 }, { FEAT_FXSR, FW_1_EDX, 24 },
    { FEAT_SSE, FW_1_EDX, 25 }, { FEAT_SSE2, FW_1_EDX, 26 }, { FEAT_SSE3, FW_1_ECX, 0 },
    { FEAT_PCLMUL, FW_1_ECX, 1 }, { FEAT_MONITOR, FW_1_ECX, 3 }, { FEAT_SSSE3, FW_1_ECX, 9 },
    { FEAT_FMA, FW_1_ECX, 12 }, { FEAT_CX16, FW_1_ECX, 13 }, { FEAT_SSE41, FW_1_ECX, 19 },
    { FEAT_SSE42, FW_1_ECX, 20 }, { FEAT_MOVBE, FW_1_ECX, 22 }, { FEAT_POPCNT, FW_1_ECX, 23 },
    { FEAT_AES, FW_1_ECX, 25 }, { FEAT_XSAVE, FW_1_ECX, 26 }, { FEAT_AVX, FW_1_ECX, 28 },
    { FEAT_F16C, FW_1_ECX, 29 }, { FEAT_RDRAND, FW_1_ECX, 30 }, { FEAT_FSGSBASE, FW_7_EBX, 0 },
    { FEAT_BMI1, FW_7_EBX, 3 }, { FEAT_AVX2, FW_7_EBX, 5 }, { FEAT_BMI2, FW_7_EBX, 8 },
    { FEAT_INVPCID, FW_7_EBX, 10 }, { FEAT_RDSEED, FW_7_EBX, 18 }, { FEAT_ADX, FW_7_EBX, 19 },
    { FEAT_SMAP, FW_7_EBX, 20 }, { FEAT_CLFLUSHOPT, FW_7_EBX, 23 }, { FEAT_CLWB, FW_7_EBX, 24 },
    { FEAT_SHA, FW_7_EBX, 29 }, { FEAT_PKU, FW_7_ECX, 3 }, { FEAT_RDPID, FW_7_ECX, 22 },
    { FEAT_SERIALIZE, FW_7_EDX, 14 }, { FEAT_XSAVEOPT, FW_D_1_EAX, 0 },
    { FEAT_XSAVEC, FW_D_1_EAX, 1 }, { FEAT_XSAVES, FW_D_1_EAX, 3 },
    { FEAT_RDTSCP, FW_8_1_EDX, 27 }, { FEAT_LZCNT, FW_8_1_ECX, 5 },
};

static void hide_insns(const CpuModel *m)
{
    uint64_t hidden = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(insn_bits); i++) {
        if (!(m->features[insn_bits[i].word] >> insn_bits[i].bit & 1)) {
            hidden |= 1ull << insn_bits[i].insn;
        }
    }
    insn_features_hidden = hidden;
}

void cpuid_apply(SoftCpu *cpu)
{
    SoftCpuPrivate *p = cpu->priv;
    uint32_t edx = p->model->features[FW_1_EDX];
    uint64_t cr4 = CR4_PCE | CR4_OSXMMEXCPT;

    cr4 |= (edx & B(1) ? CR4_VME | CR4_PVI : 0) | (edx & B(2) ? CR4_DE : 0)
         | (edx & B(3) ? CR4_PSE : 0) | (edx & B(4) ? CR4_TSD : 0) | (edx & B(6) ? CR4_PAE : 0)
         | (edx & B(7) ? CR4_MCE : 0) | (edx & B(13) ? CR4_PGE : 0)
         | (edx & B(24) ? CR4_OSFXSR : 0);
    cr4 |= (cpuid_has(cpu, CPUID_UMIP) ? CR4_UMIP : 0)
         | (cpuid_has(cpu, CPUID_FSGSBASE) ? CR4_FSGSBASE : 0)
         | (cpuid_has(cpu, CPUID_PCID) ? CR4_PCIDE : 0)
         | (cpuid_has(cpu, CPUID_XSAVE) ? CR4_OSXSAVE : 0)
         | (cpuid_has(cpu, CPUID_SMEP) ? CR4_SMEP : 0)
         | (cpuid_has(cpu, CPUID_SMAP) ? CR4_SMAP : 0);
    p->cr4_allowed = cr4;
    p->efer_allowed = (cpuid_has(cpu, CPUID_SYSCALL) ? EFER_SCE : 0)
                    | (cpuid_has(cpu, CPUID_LM) ? EFER_LME | EFER_LMA : 0)
                    | (cpuid_has(cpu, CPUID_NX) ? EFER_NXE : 0);
    p->xcr0_allowed = 3 | (cpuid_has(cpu, CPUID_AVX) ? 4 : 0);
    p->phys_bits = p->model->phys_bits;
    hide_insns(p->model);
}

/* The CPUID bit of each feature in the instruction table; 0: there always. */
static const uint16_t feature_bits[NR_FEATS] = {
    [FEAT_FPU] = CPU_FEATURE(FW_1_EDX, 0), [FEAT_TSC] = CPU_FEATURE(FW_1_EDX, 4),
    [FEAT_MSR] = CPU_FEATURE(FW_1_EDX, 5), [FEAT_CX8] = CPU_FEATURE(FW_1_EDX, 8),
    [FEAT_SEP] = CPU_FEATURE(FW_1_EDX, 11), [FEAT_CMOV] = CPU_FEATURE(FW_1_EDX, 15),
    [FEAT_CLFLUSH] = CPU_FEATURE(FW_1_EDX, 19), [FEAT_MMX] = CPU_FEATURE(FW_1_EDX, 23),
    [FEAT_FXSR] = CPU_FEATURE(FW_1_EDX, 24), [FEAT_SSE] = CPU_FEATURE(FW_1_EDX, 25),
    [FEAT_SSE2] = CPU_FEATURE(FW_1_EDX, 26), [FEAT_SSE3] = CPU_FEATURE(FW_1_ECX, 0),
    [FEAT_PCLMUL] = CPU_FEATURE(FW_1_ECX, 1), [FEAT_MONITOR] = CPU_FEATURE(FW_1_ECX, 3),
    [FEAT_SSSE3] = CPU_FEATURE(FW_1_ECX, 9), [FEAT_FMA] = CPU_FEATURE(FW_1_ECX, 12),
    [FEAT_CX16] = CPU_FEATURE(FW_1_ECX, 13), [FEAT_SSE41] = CPU_FEATURE(FW_1_ECX, 19),
    [FEAT_SSE42] = CPU_FEATURE(FW_1_ECX, 20), [FEAT_MOVBE] = CPU_FEATURE(FW_1_ECX, 22),
    [FEAT_POPCNT] = CPU_FEATURE(FW_1_ECX, 23), [FEAT_AES] = CPU_FEATURE(FW_1_ECX, 25),
    [FEAT_XSAVE] = CPU_FEATURE(FW_1_ECX, 26), [FEAT_AVX] = CPU_FEATURE(FW_1_ECX, 28),
    [FEAT_F16C] = CPU_FEATURE(FW_1_ECX, 29), [FEAT_RDRAND] = CPU_FEATURE(FW_1_ECX, 30),
    [FEAT_FSGSBASE] = CPU_FEATURE(FW_7_EBX, 0), [FEAT_AVX2] = CPU_FEATURE(FW_7_EBX, 5),
    [FEAT_BMI2] = CPU_FEATURE(FW_7_EBX, 8), [FEAT_INVPCID] = CPU_FEATURE(FW_7_EBX, 10),
    [FEAT_RDSEED] = CPU_FEATURE(FW_7_EBX, 18), [FEAT_ADX] = CPU_FEATURE(FW_7_EBX, 19),
    [FEAT_SMAP] = CPU_FEATURE(FW_7_EBX, 20), [FEAT_CLFLUSHOPT] = CPU_FEATURE(FW_7_EBX, 23),
    [FEAT_CLWB] = CPU_FEATURE(FW_7_EBX, 24), [FEAT_SHA] = CPU_FEATURE(FW_7_EBX, 29),
    [FEAT_PKU] = CPU_FEATURE(FW_7_ECX, 3), [FEAT_RDPID] = CPU_FEATURE(FW_7_ECX, 22),
    [FEAT_SERIALIZE] = CPU_FEATURE(FW_7_EDX, 14),
    [FEAT_XSAVEOPT] = CPU_FEATURE(FW_D_1_EAX, 0), [FEAT_XSAVEC] = CPU_FEATURE(FW_D_1_EAX, 1),
    [FEAT_XSAVES] = CPU_FEATURE(FW_D_1_EAX, 3), [FEAT_SYSCALL] = CPU_FEATURE(FW_8_1_EDX, 11),
    [FEAT_RDTSCP] = CPU_FEATURE(FW_8_1_EDX, 27), [FEAT_LM] = CPU_FEATURE(FW_8_1_EDX, 29),
};

bool cpuid_allows(const SoftCpu *cpu, const Insn *insn)
{
    unsigned bit = feature_bits[insn_feature(insn)];

    /*
     * Apart: BMI1 and LZCNT share encodings with BSF and BSR under a prefix those
     * ignore, so programs run them without asking. They stay.
     */
    return !bit || cpuid_has(cpu, bit);
}

static void leaf_d(SoftCpu *cpu, uint32_t subleaf, uint32_t out[4])
{
    uint32_t now = cpu->xcr0 & 4 ? 832 : 576, all = cpu->priv->xcr0_allowed & 4 ? 832 : 576;

    if (!cpuid_has(cpu, CPUID_XSAVE)) {
        return;
    }
    if (subleaf == 0) {
        out[0] = cpu->priv->xcr0_allowed;
        out[1] = now;
        out[2] = all;
    } else if (subleaf == 1) {
        out[0] = cpu->priv->model->features[FW_D_1_EAX];
        out[1] = now;
    } else if (subleaf == 2 && all == 832) {
        out[0] = 256;
        out[1] = 576;
    }
}

/* The static part is cpu_model_leaf()'s; what the CPU's own state decides comes on top. */
static void basic_leaf(SoftCpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    switch (leaf) {
    case 1:
        if (cpu->cr4 & CR4_OSXSAVE) {
            out[2] |= B(27);
        }
        if (!(cpu->apic_base & BIT(11))) {
            out[3] &= ~B(9);
        }
        break;
    case 7:
        if (subleaf == 0) {
            /* FDP only after exceptions, no FCS and FDS: how our x87 is, whatever the model */
            out[1] |= B(6) | B(13);
        }
        break;
    case 0xd:
        leaf_d(cpu, subleaf, out);
        break;
    case 0x15:      /* TSC = crystal * EBX / EAX; the APIC timer counts the crystal */
        out[0] = out[1] = 1;
        out[2] = cpuid_tsc_hz();
        break;
    case 0x16:
        out[0] = out[1] = cpuid_tsc_hz() / 1000000;
        out[2] = 100;
        break;
    }
}

void cpuid_read(SoftCpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const CpuModel *m = cpu->priv->model;

    if (leaf >> 16 == 0x4000) {
        memset(out, 0, 4 * sizeof(out[0]));
        if (!cpuid_has(cpu, CPUID_HYPERVISOR)) {
            return;
        }
        if (leaf == 0x40000000) {
            out[0] = 0x40000010;
            memcpy(&out[1], "TCGTCGTCGTCG", 12);
        } else if (leaf == 0x40000010) {    /* kHz of the TSC and of the APIC's bus */
            out[0] = out[1] = cpuid_tsc_hz() / 1000;
        }
        return;
    }
    cpu_model_leaf(m, &topology, cpu->priv->apic_id, leaf, subleaf, out);
    if (leaf <= m->level) {
        basic_leaf(cpu, leaf, subleaf, out);
    }
}
