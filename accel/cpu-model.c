/* -cpu: named models, feature names, what of them the accelerator can give */
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
        "movdir64b",
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
};

/* Feature sets that grow from one generation to the next. */
#define B(n) (1u << (n))
#define EDX_BASE (0x078bfbff)   /* fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov
                                   pat pse36 clflush mmx fxsr sse sse2 */
#define ECX_NEHALEM (B(0) | B(9) | B(13) | B(19) | B(20) | B(23))
#define ECX_WESTMERE (ECX_NEHALEM | B(25) | B(1))
#define ECX_SANDY (ECX_WESTMERE | B(26) | B(28) | B(21) | B(24))
#define ECX_IVY (ECX_SANDY | B(29) | B(30))
#define ECX_HASWELL (ECX_IVY | B(12) | B(22) | B(17))
#define EBX7_IVY (B(0) | B(7) | B(9))
#define EBX7_HASWELL (EBX7_IVY | B(3) | B(5) | B(8) | B(10))
#define EBX7_TSX (B(4) | B(11))
#define EBX7_BROADWELL (EBX7_HASWELL | B(18) | B(19) | B(20))
#define EBX7_SKX (EBX7_BROADWELL | B(23) | B(24) | B(16) | B(17) | B(28) | B(30) | B(31))
#define X_EDX_INTEL (B(11) | B(20) | B(29))
#define X_EDX_SANDY (X_EDX_INTEL | B(27))
#define X_EDX_1G (X_EDX_SANDY | B(26))
#define XSAVE_SKY (B(0) | B(1) | B(2))
#define EBX7_EPYC (B(0) | B(3) | B(5) | B(7) | B(8) | B(18) | B(19) | B(20) | B(23) | B(29))
#define ECX_EPYC (B(0) | B(1) | B(9) | B(12) | B(13) | B(19) | B(20) | B(22) | B(23) | B(25)    \
                  | B(26) | B(28) | B(29) | B(30))
#define X_ECX_EPYC (B(0) | B(2) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9) | B(22))
#define X_EDX_EPYC (X_EDX_1G | B(22) | B(25))

#define INTEL "GenuineIntel"
#define AMD   "AuthenticAMD"

#define WORDS(edx, ecx, ebx7, ecx7, edx7, xsave, xedx, xecx)                                 \
    .features = { edx, ecx, ebx7, ecx7, edx7, xsave, B(2), xedx, xecx, 0, 0 }

static const CpuModel models[] = {
    { "486", INTEL, "486", 4, 8, 0, 1, 0, 32, WORDS(0x3, 0, 0, 0, 0, 0, 0, 0) },
    { "pentium", INTEL, "Pentium", 5, 4, 3, 1, 0, 32, WORDS(0x1bf, 0, 0, 0, 0, 0, 0, 0) },
    { "pentium2", INTEL, "Pentium II", 6, 5, 2, 2, 0, 36,
      WORDS(0x183fbff & ~B(9), 0, 0, 0, 0, 0, 0, 0) },
    { "pentium3", INTEL, "Pentium III", 6, 7, 3, 3, 0, 36,
      WORDS(0x383fbff & ~B(9), 0, 0, 0, 0, 0, 0, 0) },
    { "qemu32", INTEL, "QEMU Virtual CPU version 2.5+", 6, 6, 3, 4, 0x80000004, 32,
      WORDS(0x07808179 | B(9) | B(12) | B(13) | B(14) | B(16), B(0), 0, 0, 0, 0, 0, 0) },
    { "kvm32", INTEL, "Common 32-bit KVM processor", 15, 6, 1, 5, 0x80000008, 36,
      WORDS(EDX_BASE & ~B(1), B(0), 0, 0, 0, 0, 0, 0) },
    { "qemu64", AMD, "QEMU Virtual CPU version 2.5+", 15, 107, 1, 0xd, 0x8000000a, 40,
      WORDS(EDX_BASE & ~B(1), B(0) | B(13), 0, 0, 0, 0, X_EDX_INTEL, B(0) | B(2)) },
    { "kvm64", INTEL, "Common KVM processor", 15, 6, 1, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE & ~B(1), B(0) | B(13), 0, 0, 0, 0, X_EDX_INTEL, 0) },
    { "core2duo", INTEL, "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", 6, 15, 11, 10,
      0x80000008, 40, WORDS(EDX_BASE | B(27), B(0) | B(9) | B(13), 0, 0, 0, 0, X_EDX_INTEL, B(0)) },
    { "Conroe", INTEL, "Intel Celeron_4x0 (Conroe/Merom Class Core 2)", 6, 15, 3, 10, 0x80000008,
      40, WORDS(EDX_BASE, B(0) | B(9), 0, 0, 0, 0, X_EDX_INTEL, B(0)) },
    { "Penryn", INTEL, "Intel Core 2 Duo P9xxx (Penryn Class Core 2)", 6, 23, 3, 10, 0x80000008,
      40, WORDS(EDX_BASE, B(0) | B(9) | B(13) | B(19), 0, 0, 0, 0, X_EDX_INTEL, B(0)) },
    { "Nehalem", INTEL, "Intel Core i7 9xx (Nehalem Class Core i7)", 6, 26, 3, 11, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_NEHALEM, 0, 0, 0, 0, X_EDX_INTEL, B(0)) },
    { "Westmere", INTEL, "Westmere E56xx/L56xx/X56xx (Nehalem-C)", 6, 44, 1, 11, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_WESTMERE, 0, 0, 0, 0, X_EDX_INTEL, B(0)) },
    { "SandyBridge", INTEL, "Intel Xeon E312xx (Sandy Bridge)", 6, 42, 1, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_SANDY, 0, 0, 0, B(0), X_EDX_SANDY, B(0)) },
    { "IvyBridge", INTEL, "Intel Xeon E3-12xx v2 (Ivy Bridge)", 6, 58, 9, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_IVY, EBX7_IVY, 0, 0, B(0), X_EDX_SANDY, B(0)) },
    { "Haswell", INTEL, "Intel Core Processor (Haswell)", 6, 60, 4, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_HASWELL, EBX7_HASWELL | EBX7_TSX, 0, 0, B(0), X_EDX_SANDY,
            B(0) | B(5)) },
    { "Haswell-noTSX", INTEL, "Intel Core Processor (Haswell, no TSX)", 6, 60, 1, 0xd, 0x80000008,
      40, WORDS(EDX_BASE, ECX_HASWELL, EBX7_HASWELL, 0, 0, B(0), X_EDX_SANDY, B(0) | B(5)) },
    { "Broadwell", INTEL, "Intel Core Processor (Broadwell)", 6, 61, 2, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_HASWELL, EBX7_BROADWELL | EBX7_TSX, 0, 0, B(0), X_EDX_SANDY,
            B(0) | B(5) | B(8)) },
    { "Broadwell-noTSX", INTEL, "Intel Core Processor (Broadwell, no TSX)", 6, 61, 2, 0xd,
      0x80000008, 40, WORDS(EDX_BASE, ECX_HASWELL, EBX7_BROADWELL, 0, 0, B(0), X_EDX_SANDY,
                            B(0) | B(5) | B(8)) },
    { "Skylake-Client", INTEL, "Intel Core Processor (Skylake)", 6, 94, 3, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_HASWELL, EBX7_BROADWELL | EBX7_TSX, 0, 0, XSAVE_SKY, X_EDX_SANDY,
            B(0) | B(5) | B(8)) },
    { "Skylake-Client-noTSX-IBRS", INTEL, "Intel Core Processor (Skylake, IBRS, no TSX)", 6, 94, 3,
      0xd, 0x80000008, 40, WORDS(EDX_BASE, ECX_HASWELL, EBX7_BROADWELL, 0, B(26), XSAVE_SKY,
                                 X_EDX_SANDY, B(0) | B(5) | B(8)) },
    { "Skylake-Server", INTEL, "Intel Xeon Processor (Skylake)", 6, 85, 4, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_HASWELL, EBX7_SKX | EBX7_TSX, B(3), 0, XSAVE_SKY, X_EDX_1G,
            B(0) | B(5) | B(8)) },
    { "Skylake-Server-noTSX-IBRS", INTEL, "Intel Xeon Processor (Skylake, IBRS, no TSX)", 6, 85, 4,
      0xd, 0x80000008, 40, WORDS(EDX_BASE, ECX_HASWELL, EBX7_SKX, B(3), B(26), XSAVE_SKY, X_EDX_1G,
                                 B(0) | B(5) | B(8)) },
    { "Cascadelake-Server", INTEL, "Intel Xeon Processor (Cascadelake)", 6, 85, 6, 0xd, 0x80000008,
      40, WORDS(EDX_BASE, ECX_HASWELL, EBX7_SKX | EBX7_TSX, B(3) | B(11), B(26) | B(31), XSAVE_SKY,
                X_EDX_1G, B(0) | B(5) | B(8)) },
    { "Icelake-Server", INTEL, "Intel Xeon Processor (Icelake)", 6, 134, 0, 0xd, 0x80000008, 40,
      WORDS(EDX_BASE, ECX_HASWELL, EBX7_SKX | EBX7_TSX,
            B(1) | B(2) | B(3) | B(6) | B(8) | B(9) | B(10) | B(11) | B(12) | B(14),
            B(26) | B(31), XSAVE_SKY, X_EDX_1G, B(0) | B(5) | B(8)) },
    { "Opteron_G1", AMD, "AMD Opteron 240 (Gen 1 Class Opteron)", 15, 6, 1, 5, 0x80000008, 40,
      WORDS(EDX_BASE, B(0), 0, 0, 0, 0, X_EDX_INTEL, 0) },
    { "Opteron_G2", AMD, "AMD Opteron 22xx (Gen 2 Class Opteron)", 15, 6, 1, 5, 0x80000008, 40,
      WORDS(EDX_BASE, B(0) | B(13), 0, 0, 0, 0, X_EDX_INTEL, B(0) | B(2)) },
    { "Opteron_G3", AMD, "AMD Opteron 23xx (Gen 3 Class Opteron)", 16, 2, 3, 5, 0x80000008, 40,
      WORDS(EDX_BASE, B(0) | B(13) | B(23) | B(3), 0, 0, 0, 0, X_EDX_SANDY,
            B(0) | B(2) | B(5) | B(6) | B(7)) },
    { "EPYC", AMD, "AMD EPYC Processor", 23, 1, 2, 0xd, 0x8000001e, 40,
      WORDS(EDX_BASE, ECX_EPYC, EBX7_EPYC, 0, 0, XSAVE_SKY, X_EDX_EPYC, X_ECX_EPYC) },
    { "EPYC-Rome", AMD, "AMD EPYC-Rome Processor", 23, 49, 0, 0xd, 0x8000001e, 40,
      WORDS(EDX_BASE, ECX_EPYC, EBX7_EPYC | B(24), B(2) | B(22), 0, XSAVE_SKY, X_EDX_EPYC,
            X_ECX_EPYC | B(23)) },
    { "EPYC-Milan", AMD, "AMD EPYC-Milan Processor", 25, 1, 1, 0xd, 0x8000001e, 40,
      WORDS(EDX_BASE, ECX_EPYC | B(17), EBX7_EPYC | B(24) | B(9) | B(10), B(2) | B(3) | B(22), B(4),
            XSAVE_SKY, X_EDX_EPYC, X_ECX_EPYC | B(23)) },
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

static int find_feature(const char *name)
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

/* What "check" and "enforce" look at: what was asked for, by the model or by name. */
typedef struct Request {
    uint32_t asked[NR_FEATURE_WORDS];       /* by +name */
    bool check, enforce;
} Request;

static bool set_feature(CpuModel *m, Request *rq, const char *name, bool on, Error **errp)
{
    int f = find_feature(name);
    uint32_t bit;

    if (!f) {
        error_set(errp, "CPU model %s has no property '%s'", m->name, name);
        return false;
    }
    bit = 1u << ((f - 1) & 31);
    if (f == CPU_FEATURE(FW_KVM, 0)) {
        bit |= B(3);            /* the clock has a second pair of MSRs, and no name of its own */
    }
    if (on) {
        m->features[(f - 1) / 32] |= bit;
        rq->asked[(f - 1) / 32] |= bit;
    } else {
        m->features[(f - 1) / 32] &= ~bit;
        rq->asked[(f - 1) / 32] &= ~bit;
    }
    return true;
}

static bool parse_bool(const char *value, bool *on)
{
    *on = !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true");
    return *on || !strcmp(value, "off") || !strcmp(value, "no") || !strcmp(value, "false");
}

static bool set_number(uint32_t *field, const char *key, const char *value, uint64_t max,
                       Error **errp)
{
    char *end;
    uint64_t v = g_ascii_strtoull(value, &end, 0);

    if (!*value || *end || v > max) {
        error_set(errp, "-cpu: '%s' wants a number up to %" PRIu64 ", not '%s'", key, max, value);
        return false;
    }
    *field = v;
    return true;
}

static bool set_tsc(CpuModel *m, const char *key, const char *value, Error **errp)
{
    char *end;
    double hz = g_ascii_strtod(value, &end), unit = 1;

    if (*end && !end[1]) {
        unit = *end == 'k' || *end == 'K' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' ? 1e9 : 0;
    } else if (*end) {
        unit = 0;
    }
    hz *= unit;
    if (end == value || !(hz >= 1e6 && hz <= 1e11)) {
        error_set(errp, "-cpu: '%s' wants a frequency in Hz (or with k, M, G) from 1M to 100G, "
                  "not '%s'", key, value);
        return false;
    }
    m->tsc_hz = hz;
    return true;
}

static bool set_property(CpuModel *m, Request *rq, const char *key, const char *value,
                         Error **errp)
{
    bool on;

    if (!strcmp(key, "vendor")) {
        if (strlen(value) != 12) {
            error_set(errp, "-cpu: 'vendor' wants 12 characters, not '%s'", value);
            return false;
        }
        g_strlcpy(m->vendor, value, sizeof(m->vendor));
        return true;
    }
    if (!strcmp(key, "model-id")) {
        g_strlcpy(m->model_id, value, sizeof(m->model_id));
        return true;
    }
    if (!strcmp(key, "family")) {
        return set_number(&m->family, key, value, 0xff + 0xf, errp);
    }
    if (!strcmp(key, "model")) {
        return set_number(&m->model, key, value, 0xff, errp);
    }
    if (!strcmp(key, "stepping")) {
        return set_number(&m->stepping, key, value, 0xf, errp);
    }
    if (!strcmp(key, "level")) {
        return set_number(&m->level, key, value, 0x20, errp);
    }
    if (!strcmp(key, "xlevel")) {
        return set_number(&m->xlevel, key, value, 0x8000001f, errp);
    }
    if (!strcmp(key, "tsc-frequency") || !strcmp(key, "tsc-freq")) {
        return set_tsc(m, key, value, errp);
    }
    if (!strcmp(key, "phys-bits")) {
        if (!set_number(&m->phys_bits, key, value, 52, errp)) {
            return false;
        }
        if (m->phys_bits && m->phys_bits < 32) {
            error_set(errp, "-cpu: 'phys-bits' must be 0 or from 32 to 52");
            return false;
        }
        return true;
    }
    if (!strcmp(key, "apic-id")) {
        if (strcmp(value, "0")) {
            error_set(errp, "-cpu: APIC IDs follow from -smp: 'apic-id' is 0, that of the boot "
                      "CPU, not '%s'", value);
            return false;
        }
        return true;
    }
    if (hyperv_set_property(&m->hyperv, key, value, &on, errp)) {
        return on;
    }
    if (!parse_bool(value, &on)) {
        error_set(errp, "-cpu: '%s' wants on or off, not '%s'", key, value);
        return false;
    }
    if (!strcmp(key, "kvm")) {
        m->hide_kvm = !on;
        return true;
    }
    if (!strcmp(key, "check")) {
        rq->check = on;
        return true;
    }
    if (!strcmp(key, "enforce")) {
        rq->enforce = on;
        return true;
    }
    return set_feature(m, rq, key, on, errp);
}

static const CpuModel *find_model(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++) {
        if (!g_ascii_strcasecmp(models[i].name, name)
            || (g_str_has_suffix(name, "-x86_64-cpu")
                && strlen(models[i].name) == strlen(name) - strlen("-x86_64-cpu")
                && !strncmp(models[i].name, name, strlen(models[i].name)))) {
            return &models[i];
        }
    }
    return NULL;
}

/* Drop what cannot be given; tell of it as asked. */
static bool restrict_to(CpuModel *m, const Request *rq, const CpuModel *best, Error **errp)
{
    g_autoptr(GString) missing = g_string_new(NULL);

    for (int w = 0; w < NR_FEATURE_WORDS; w++) {
        uint32_t lost = m->features[w] & ~best->features[w];

        for (int bit = 0; bit < 32; bit++) {
            if (lost >> bit & 1) {
                const char *name = feature_names[w][bit] ? feature_names[w][bit] : "?";

                g_string_append_printf(missing, "%s%.*s", missing->len ? ", " : "",
                                       (int)strcspn(name, "|"), name);
            }
        }
        m->features[w] &= best->features[w];
        m->filtered[w] = lost;
    }
    if (missing->len && rq->enforce) {
        error_set(errp, "CPU model %s cannot be given in full (enforce): not here: %s", m->name,
                   missing->str);
        return false;
    }
    if (missing->len && rq->check) {
        fprintf(stderr, "warning: CPU model %s: not here: %s\n", m->name, missing->str);
    }
    return true;
}

/* What depends on a feature goes with it. */
static void drop_orphans(CpuModel *m)
{
    if (!cpu_model_has(m, CPUID_XSAVE)) {
        m->features[FW_1_ECX] &= ~(B(12) | B(28) | B(29));
        m->features[FW_D_1_EAX] = 0;
    }
    if (!cpu_model_has(m, CPUID_AVX)) {
        m->features[FW_1_ECX] &= ~(B(12) | B(29));
        m->features[FW_7_EBX] &= ~B(5);
    }
    if (!cpu_model_has(m, CPUID_LM)) {
        m->features[FW_1_ECX] &= ~B(17);
        m->features[FW_8_1_ECX] &= ~B(0);
    }
}

bool cpu_model_parse(const char *text, const char *def, const CpuModelHost *host, CpuModel *out,
                     Error **errp)
{
    const CpuModel *best = &host->best;
    g_auto(GStrv) parts = g_strsplit(text ? text : def, ",", -1);
    const char *name = parts[0] && *parts[0] ? parts[0] : def;
    const CpuModel *base;
    Request rq = { .check = false };

    if (!strcmp(name, "max") || !strcmp(name, "host") || !strcmp(name, "base")) {
        *out = *best;
        g_strlcpy(out->name, name, sizeof(out->name));
        if (!strcmp(name, "base")) {
            memset(out->features, 0, sizeof(out->features));
        }
        for (int w = 0; w < NR_FEATURE_WORDS; w++) {
            out->features[w] &= ~host->unasked[w];
        }
    } else {
        base = find_model(name);
        if (!base) {
            error_set(errp, "unable to find CPU model '%s'", name);
            return false;
        }
        *out = *base;
        for (int w = 0; w < NR_FEATURE_WORDS; w++) {
            out->features[w] |= host->added[w];
        }
    }
    for (unsigned i = 1; parts[0] && parts[i]; i++) {
        char *part = parts[i], *eq = strchr(part, '=');
        bool ok;

        if (*part == '+' || *part == '-') {
            ok = set_feature(out, &rq, part + 1, *part == '+', errp);
        } else if (eq) {
            *eq = 0;
            ok = set_property(out, &rq, part, eq + 1, errp);
        } else {
            ok = set_property(out, &rq, part, "on", errp);
        }
        if (!ok) {
            return false;
        }
    }
    if (hyperv_any(&out->hyperv) && !host->has_hyperv) {
        error_set(errp, "Hyper-V enlightenments (hv-*) are KVM's alone, and not of every host's");
        return false;
    }
    if (!hyperv_check(&out->hyperv, errp) || !restrict_to(out, &rq, best, errp)) {
        return false;
    }
    drop_orphans(out);
    if (!out->phys_bits) {
        out->phys_bits = best->phys_bits;
    }
    return true;
}

void cpu_models_for_each(void (*fn)(const char *name, const CpuModel *model, void *opaque),
                         void *opaque)
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++) {
        fn(models[i].name, &models[i], opaque);
    }
    fn("base", NULL, opaque);
    fn("host", NULL, opaque);
    fn("max", NULL, opaque);
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
    };

    return places[word];
}

static int compare_names(const void *a, const void *b)
{
    return g_ascii_strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

void cpu_model_help(FILE *out)
{
    const char *names[NR_FEATURE_WORDS * 32];
    unsigned n = 0, column = 0;

    fprintf(out, "Available CPUs:\n");
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++) {
        fprintf(out, "x86 %-26s %s\n", models[i].name, models[i].model_id);
    }
    fprintf(out, "x86 %-26s base CPU model type with no features enabled\n", "base");
    fprintf(out, "x86 %-26s the same as max\n", "host");
    fprintf(out, "x86 %-26s Enables all features supported by the accelerator\n", "max");
    fprintf(out, "\nRecognized CPUID flags:\n");
    for (int w = 0; w < NR_FEATURE_WORDS; w++) {
        for (int bit = 0; bit < 32; bit++) {
            if (feature_names[w][bit]) {
                names[n++] = feature_names[w][bit];
            }
        }
    }
    qsort(names, n, sizeof(names[0]), compare_names);
    for (unsigned i = 0; i < n; i++) {
        int len = strcspn(names[i], "|");

        if (column + len + 1 > 75) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%s%.*s", column ? " " : "  ", len, names[i]);
    }
    fputc('\n', out);
}
