/* KVM's CPUID: what the host's KVM can show, as a model; a vCPU's leaves */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "util/error.h"

#define B(n) (1u << (n))
#define MAX_ENTRIES 256

#define KVM_LEAF          0x40000000u
#define KVM_LEAF_FEATURES 0x40000001u

/* The state components that CpuState has room for: x87 SSE AVX MPX AVX-512 PKRU */
#define XCR0_KNOWN        0x2ffu
#define XCR0_AVX          0x4u
#define XCR0_MPX          0x18u
#define XCR0_AVX512       0xe0u
#define XCR0_PKRU         0x200u

struct kvm_cpuid2 *kvm_read_cpuid(unsigned long request, int fd)
{
    for (unsigned n = 64; n <= 4 * MAX_ENTRIES; n *= 2) {
        struct kvm_cpuid2 *c = g_malloc0(sizeof(*c) + n * sizeof(c->entries[0]));
        int rc;

        c->nent = n;
        rc = kvm_call(fd, request, c);
        if (rc >= 0 && c->nent <= n) {
            return c;
        }
        g_free(c);
        if (rc != -E2BIG) {
            break;
        }
    }
    return NULL;
}

static void host_leaf(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    for (unsigned i = 0; i < kvm.supported->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &kvm.supported->entries[i];

        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == subleaf)) {
            out[0] = e->eax;
            out[1] = e->ebx;
            out[2] = e->ecx;
            out[3] = e->edx;
            return;
        }
    }
}

static void host_identity(CpuModel *m)
{
    uint32_t r[4];
    unsigned family;

    host_leaf(0, 0, r);
    m->level = MIN(r[0], 0x1fu);
    memcpy(m->vendor, &r[1], 4);
    memcpy(m->vendor + 4, &r[3], 4);
    memcpy(m->vendor + 8, &r[2], 4);
    host_leaf(1, 0, r);
    family = r[0] >> 8 & 15;
    m->family = family == 15 ? family + (r[0] >> 20 & 0xff) : family;
    m->model = (r[0] >> 4 & 15) | (r[0] >> 12 & 0xf0);
    m->stepping = r[0] & 15;
    host_leaf(0x80000000, 0, r);
    m->xlevel = CLAMP(r[0], 0x80000008u, 0x8000001fu);
    for (uint32_t i = 0; i < 3; i++) {
        host_leaf(0x80000002 + i, 0, r);
        memcpy(m->model_id + 16 * i, r, 16);
    }
    host_leaf(0x80000008, 0, r);
    m->phys_bits = r[0] & 0xff ? MIN(r[0] & 0xff, 52u) : 36;
}

static uint64_t host_xcr0(void)
{
    uint32_t r[4];

    host_leaf(0xd, 0, r);
    return r[0] & XCR0_KNOWN;
}

void kvm_best_model(CpuModelHost *host)
{
    CpuModel *m = &host->best;
    bool kernel_lapic = kvm.irqchip != IRQCHIP_OFF;
    /* kvmclock nopiodelay asyncpf steal-time pv-eoi asyncpf-int stable-bit */
    uint32_t pv = B(0) | B(1) | B(3) | B(24), pv_lapic = B(4) | B(5) | B(6) | B(14);
    uint32_t r[4];

    *m = (CpuModel){ .name = "max" };
    host_identity(m);
    for (int w = 0; w < NR_FEATURE_WORDS; w++) {
        CpuidPlace at = cpu_feature_place(w);

        host_leaf(at.leaf, MAX(at.subleaf, 0), r);
        m->features[w] = r[at.reg];
    }
    /* x2APIC and TSC deadline are the local APIC's: there where the kernel has it. */
    m->features[FW_1_ECX] = (m->features[FW_1_ECX] & ~(B(21) | B(24))) | B(31);
    if (kernel_lapic) {
        m->features[FW_1_ECX] |= B(21) |
                                 (kvm_check(kvm.vm, KVM_CAP_TSC_DEADLINE_TIMER) ? B(24) : 0);
    } else {
        /* What writes to the guest from the local APIC, or wakes through it */
        m->features[FW_KVM] &= pv;
    }
    m->features[FW_7_EDX] &= ~(B(22) | B(24) | B(25));      /* AMX: no room in CpuState */
    m->features[FW_D_1_EAX] &= ~B(4);
    /* VMX and SVM are for the asking, where a guest hypervisor's state can be had. */
    if (!kvm_check(kvm.vm, KVM_CAP_NESTED_STATE)) {
        m->features[FW_1_ECX] &= ~B(5);
        m->features[FW_8_1_ECX] &= ~B(2);
        m->features[FW_8_A_EDX] = 0;
    }
    host->unasked[FW_1_ECX] = B(5);
    host->unasked[FW_8_1_ECX] = B(2);
    host->unasked[FW_8_A_EDX] = UINT32_MAX;
    m->features[FW_C_1_EDX] = 0;
    host->has_hyperv = kvm_check(kvm.fd, KVM_CAP_SYS_HYPERV_CPUID);
    host->unasked[FW_8_7_EDX] = B(8);                       /* invtsc: it forbids to move */
    host->added[FW_1_ECX] = B(31) | (kernel_lapic ? B(21) : 0);
    host->added[FW_KVM] = m->features[FW_KVM] & (pv | pv_lapic);
}

uint64_t kvm_guest_xcr0(const CpuModel *m)
{
    uint64_t x = 3;

    if (!cpu_model_has(m, CPUID_XSAVE)) {
        return 0;
    }
    x |= cpu_model_has(m, CPUID_AVX) ? XCR0_AVX : 0;
    x |= m->features[FW_7_EBX] & B(14) ? XCR0_MPX : 0;
    x |= m->features[FW_7_EBX] & B(16) ? XCR0_AVX512 : 0;
    x |= m->features[FW_7_ECX] & B(3) ? XCR0_PKRU : 0;
    return x & host_xcr0();
}

/* Bytes of an XSAVE area of these components in standard form: size and place in EAX and EBX. */
static uint32_t xsave_size(uint64_t xcr0)
{
    uint32_t r[4], size = 576;

    for (unsigned i = 2; i < 63; i++) {
        if (xcr0 >> i & 1) {
            host_leaf(0xd, i, r);
            size = MAX(size, r[0] + r[1]);
        }
    }
    return size;
}

static void leaf_d(const CpuModel *m, uint32_t subleaf, uint32_t out[4])
{
    uint64_t xcr0 = kvm_guest_xcr0(m);

    memset(out, 0, 4 * sizeof(out[0]));
    if (!xcr0) {
        return;
    }
    if (subleaf == 0) {
        out[0] = xcr0;
        out[1] = 576;           /* KVM follows XCR0 here */
        out[2] = xsave_size(xcr0);
    } else if (subleaf == 1) {
        out[0] = m->features[FW_D_1_EAX];
        out[1] = 576;
    } else if (xcr0 >> subleaf & 1) {
        host_leaf(0xd, subleaf, out);
    }
}

/* Behind Hyper-V's, where a guest is shown those. */
static uint32_t kvm_leaf(void)
{
    return hyperv_any(&kvm.model.hyperv) ? KVM_LEAF + 0x100 : KVM_LEAF;
}

static void leaf_of(const KvmCpu *k, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const CpuModel *m = &kvm.model;
    uint32_t r[4];

    cpu_model_leaf(m, &kvm.topology, k->vcpu->apic_id, leaf, subleaf, out);
    if (leaf == 7 && subleaf == 0) {
        host_leaf(7, 0, r);
        out[1] |= r[1] & (B(6) | B(13));    /* what the host's x87 does not do */
    } else if (leaf == 0xd && m->level >= 0xd) {
        leaf_d(m, subleaf, out);
    } else if (hyperv_any(&m->hyperv) && leaf >= HYPERV_LEAF_FIRST && leaf <= HYPERV_LEAF_LAST) {
        hyperv_leaf(&m->hyperv, leaf, out);
    } else if (leaf == kvm_leaf() && !m->hide_kvm && cpu_model_has(m, CPUID_HYPERVISOR)) {
        out[0] = leaf + 1;
        memcpy(&out[1], "KVMKVMKVM\0\0", 12);
    } else if (leaf == kvm_leaf() + 1 && !m->hide_kvm) {
        out[0] = m->features[FW_KVM];
    }
}

void kvm_guest_cpuid(Vcpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    leaf_of(kvm_cpu(cpu), leaf, subleaf, out);
}

typedef struct Leaves {
    struct kvm_cpuid2 *c;
    const KvmCpu *k;
} Leaves;

static void add(Leaves *l, uint32_t leaf, uint32_t subleaf, bool indexed)
{
    struct kvm_cpuid_entry2 *e = &l->c->entries[l->c->nent];
    uint32_t r[4];

    if (l->c->nent == MAX_ENTRIES) {
        return;
    }
    leaf_of(l->k, leaf, subleaf, r);
    *e = (struct kvm_cpuid_entry2){
        .function = leaf, .index = subleaf, .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        .eax = r[0], .ebx = r[1], .ecx = r[2], .edx = r[3],
    };
    l->c->nent++;
}

static void add_leaf(Leaves *l, uint32_t leaf)
{
    unsigned n = leaf == 4 ? 5 : leaf == 7 ? 2 : leaf == 0xb ? 3 : leaf == 0xd ? 10 : 0;

    if (!n) {
        add(l, leaf, 0, false);
    }
    for (unsigned i = 0; i < n; i++) {
        add(l, leaf, i, true);
    }
}

static bool set_tsc(KvmCpu *k, Error **errp)
{
    uint64_t khz = kvm.model.tsc_hz / 1000;
    int now = kvm_call_value(k->fd, KVM_GET_TSC_KHZ, 0), rc;

    if (!khz || (now > 0 && khz == (uint64_t)now)) {
        return true;
    }
    rc = kvm_check(kvm.vm, KVM_CAP_TSC_CONTROL) ? kvm_call_value(k->fd, KVM_SET_TSC_KHZ, khz)
                                               : -ENOTSUP;
    if (rc < 0) {
        error_set(errp, "CPU %u: tsc-frequency=%" PRIu64 ": this host's TSC counts %d kHz and "
                  "cannot be scaled", k->vcpu->index, kvm.model.tsc_hz, now);
        return false;
    }
    return true;
}

static void set_mce(KvmCpu *k)
{
    uint64_t cap = 0, want = 10 | B(8) | B(24);     /* ten banks, MCG_CTL, error recovery */

    if (!kvm.has_mce || kvm_call(kvm.fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap) < 0) {
        return;
    }
    cap = (cap & want & ~0xffULL) | MIN(cap & 0xff, want & 0xff);
    kvm_call(k->fd, KVM_X86_SETUP_MCE, &cap);
}

static bool enable_synic(KvmCpu *k, Error **errp)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_HYPERV_SYNIC2 };
    int rc = kvm.model.hyperv.on & BIT(HV_SYNIC) ? kvm_call(k->fd, KVM_ENABLE_CAP, &cap) : 0;

    if (rc < 0) {
        error_set(errp, "CPU %u: hv-synic: KVM refuses it: %s", k->vcpu->index, g_strerror(-rc));
        if (kvm.irqchip == IRQCHIP_OFF) {
            error_hint(errp, "It needs the local APICs in the kernel: kernel-irqchip=on or split");
        }
    }
    return rc >= 0;
}

bool kvm_set_cpuid(KvmCpu *k, Error **errp)
{
    g_autofree struct kvm_cpuid2 *c = g_malloc0(sizeof(*c) + MAX_ENTRIES * sizeof(c->entries[0]));
    Leaves l = { c, k };
    int rc;

    for (uint32_t leaf = 0; leaf <= kvm.model.level; leaf++) {
        add_leaf(&l, leaf);
    }
    for (uint32_t leaf = HYPERV_LEAF_FIRST;
         hyperv_any(&kvm.model.hyperv) && leaf <= HYPERV_LEAF_LAST; leaf++) {
        add_leaf(&l, leaf);
    }
    add_leaf(&l, kvm_leaf());
    add_leaf(&l, kvm_leaf() + 1);
    for (uint32_t leaf = 0x80000000; kvm.model.xlevel && leaf <= kvm.model.xlevel; leaf++) {
        add_leaf(&l, leaf);
    }
    rc = kvm_call(k->fd, KVM_SET_CPUID2, c);
    if (rc < 0) {
        error_set(errp, "CPU %u: KVM refuses the CPUID of -cpu %s: %s", k->vcpu->index,
                  kvm.model.name, g_strerror(-rc));
        return false;
    }
    set_mce(k);
    return enable_synic(k, errp) && set_tsc(k, errp);
}

/* The host's own leaves say what its KVM can do of Hyper-V. */
bool kvm_check_hyperv(Error **errp)
{
    g_autofree struct kvm_cpuid2 *c = NULL;
    uint32_t leaf3[4] = {}, leaf4[4] = {};
    const char *missing;

    if (!hyperv_any(&kvm.model.hyperv)) {
        return true;
    }
    c = kvm_read_cpuid(KVM_GET_SUPPORTED_HV_CPUID, kvm.fd);
    for (unsigned i = 0; c && i < c->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &c->entries[i];
        uint32_t *to = e->function == 0x40000003 ? leaf3 : e->function == 0x40000004 ? leaf4 : NULL;

        if (to) {
            to[0] = e->eax;
            to[1] = e->ebx;
            to[2] = e->ecx;
            to[3] = e->edx;
        }
    }
    missing = hyperv_missing(&kvm.model.hyperv, leaf3, leaf4);
    if (missing) {
        error_set(errp, "Hyper-V enlightenment '%s' is not supported by this host's KVM", missing);
    }
    return !missing;
}
