/* CPU features: their names by CPUID word and bit, and where CPUID has the words */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-model.h"

/* Feature names by word and bit, the first being the one shown; '|' separates other spellings. */
static const char *const feature_names[NR_FEATURE_WORDS][32] = {
    [FW_1_EDX] = {
        "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr",
        "pge", "mca", "cmov", "pat", "pse36", "pn", "clflush", NULL, "ds", "acpi", "mmx", "fxsr",
        "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe",
    },
    [FW_1_ECX] = {
        "pni|sse3", "pclmulqdq|pclmuldq", "dtes64", "monitor", "ds-cpl", "vmx", "smx", "est",
        "tm2", "ssse3", "cid", NULL, "fma", "cx16", "xtpr", "pdcm", NULL, "pcid", "dca",
        "sse4.1|sse4-1", "sse4.2|sse4-2", "x2apic", "movbe", "popcnt", "tsc-deadline", "aes",
        "xsave", NULL, "avx", "f16c", "rdrand", "hypervisor",
    },
    [FW_7_EBX] = {
        "fsgsbase", "tsc-adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms",
        "invpcid", "rtm", NULL, NULL, "mpx", NULL, "avx512f", "avx512dq", "rdseed", "adx", "smap",
        "avx512ifma", "pcommit", "clflushopt", "clwb", "intel-pt", "avx512pf", "avx512er",
        "avx512cd", "sha-ni", "avx512bw", "avx512vl",
    },
    [FW_7_ECX] = {
        NULL, "avx512vbmi|avx512-vbmi", "umip", "pku", NULL, "waitpkg", "avx512vbmi2", NULL,
        "gfni", "vaes", "vpclmulqdq", "avx512vnni", "avx512bitalg", NULL, "avx512-vpopcntdq",
        NULL, "la57", [22] = "rdpid", [24] = "bus-lock-detect", "cldemote", NULL, "movdiri",
        "movdir64b", [30] = "sgxlc", "pks",
    },
    [FW_7_EDX] = {
        [2] = "avx512-4vnniw", "avx512-4fmaps", "fsrm", [8] = "avx512-vp2intersect",
        [10] = "md-clear", [14] = "serialize", [16] = "tsx-ldtrk", [19] = "arch-lbr",
        [22] = "amx-bf16", "avx512-fp16", "amx-tile", "amx-int8", "spec-ctrl", "stibp",
        [29] = "arch-capabilities", "core-capability", "ssbd",
    },
    [FW_D_1_EAX] = { "xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd" },
    [FW_6_EAX] = { [2] = "arat" },
    [FW_8_1_EDX] = {
        [11] = "syscall", [19] = "mp", "nx|xd", [22] = "mmxext", [25] = "fxsr-opt|ffxsr",
        "pdpe1gb", "rdtscp", [29] = "lm|i64", "3dnowext", "3dnow",
    },
    [FW_8_1_ECX] = {
        "lahf-lm", "cmp-legacy", "svm", "extapic", "cr8legacy", "abm|lzcnt", "sse4a",
        "misalignsse", "3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", [15] = "lwp",
        "fma4", "tce", [19] = "nodeid-msr", [21] = "tbm", "topoext", "perfctr-core",
        "perfctr-nb",
    },
    [FW_8_7_EDX] = { [8] = "invtsc" },
    [FW_KVM] = {
        "kvmclock", "kvm-nopiodelay", "kvm-mmu", NULL, "kvm-asyncpf", "kvm-steal-time",
        "kvm-pv-eoi", "kvm-pv-unhalt", [9] = "kvm-pv-tlb-flush", [10] = "kvm-asyncpf-vmexit",
        "kvm-pv-ipi", "kvm-poll-control", "kvm-pv-sched-yield", "kvm-asyncpf-int",
        "kvm-msi-ext-dest-id", [24] = "kvmclock-stable-bit",
    },
    [FW_8_8_EBX] = {
        "clzero", [2] = "xsaveerptr", [9] = "wbnoinvd", [12] = "ibpb", [14] = "ibrs",
        "amd-stibp", [24] = "amd-ssbd", "virt-ssbd", "amd-no-ssb",
    },
    [FW_7_1_EAX] = { [4] = "avx-vnni", "avx512-bf16" },
    [FW_8_A_EDX] = {
        "npt", "lbrv", "svm-lock", "nrip-save", "tsc-scale", "vmcb-clean", "flushbyasid",
        "decodeassists", [10] = "pause-filter", [12] = "pfthreshold", "avic",
        [15] = "v-vmsave-vmload", "vgif", [28] = "svme-addr-chk",
    },
    [FW_C_1_EDX] = {
        [2] = "xstore", "xstore-en", [6] = "xcrypt", "xcrypt-en", "ace2", "ace2-en", "phe",
        "phe-en", "pmm", "pmm-en",
    },
};

/* Does name equal one of the '|'-separated spellings? '_' and '-' are the same. */
static bool spelled(const char *spellings, const char *name)
{
    while (*spellings) {
        const char *n = name;

        while (*n && *spellings && (*spellings == (*n == '_' ? '-' : *n))) {
            n++;
            spellings++;
        }
        if (!*n && (!*spellings || *spellings == '|')) {
            return true;
        }
        while (*spellings && *spellings++ != '|') {
        }
    }
    return false;
}

int cpu_feature_find(const char *name)
{
    for (int w = 0; w < NR_FEATURE_WORDS; w++) {
        for (int bit = 0; bit < 32; bit++) {
            if (feature_names[w][bit] && spelled(feature_names[w][bit], name)) {
                return CPU_FEATURE(w, bit);
            }
        }
    }
    return 0;
}

char *cpu_feature_name(FeatureWord word, unsigned bit)
{
    const char *name = feature_names[word][bit];

    return name ? g_strndup(name, strcspn(name, "|")) : NULL;
}

const char *cpu_feature_spellings(FeatureWord word, unsigned bit)
{
    return feature_names[word][bit];
}

CpuidPlace cpu_feature_place(FeatureWord word)
{
    enum { EAX, EBX, ECX, EDX };
    static const CpuidPlace places[NR_FEATURE_WORDS] = {
        [FW_1_EDX] = { 1, -1, EDX }, [FW_1_ECX] = { 1, -1, ECX }, [FW_7_EBX] = { 7, 0, EBX },
        [FW_7_ECX] = { 7, 0, ECX }, [FW_7_EDX] = { 7, 0, EDX }, [FW_D_1_EAX] = { 0xd, 1, EAX },
        [FW_6_EAX] = { 6, -1, EAX }, [FW_8_1_EDX] = { 0x80000001, -1, EDX },
        [FW_8_1_ECX] = { 0x80000001, -1, ECX }, [FW_8_7_EDX] = { 0x80000007, -1, EDX },
        [FW_8_8_EBX] = { 0x80000008, -1, EBX }, [FW_KVM] = { 0x40000001, -1, EAX },
        [FW_7_1_EAX] = { 7, 1, EAX }, [FW_8_A_EDX] = { 0x8000000a, -1, EDX },
        [FW_C_1_EDX] = { 0xc0000001, -1, EDX },
    };

    return places[word];
}
