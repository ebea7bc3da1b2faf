/* MSRs of a vCPU under KVM: which make up its state, in and out */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "util/trace.h"

/* A page full: what KVM takes in one call. */
#define MAX_AT_ONCE 255
#define MSR_FEATURE_CONTROL 0x3a        /* VMX on or off: of use with VMX alone */

typedef struct MsrRange {
    uint32_t first, last;
} MsrRange;

/* Of KVM's list: who the CPU is rather than what it does, and what other calls carry. */
static const MsrRange left_out[] = {
    { 0x1b, 0x1b },                 /* APIC base: in the segment registers' call */
    { 0x8b, 0x8b }, { 0xce, 0xce }, { 0x10a, 0x10a }, { 0xcf, 0xcf },
    { 0x140, 0x140 },
    { 0xc1, 0xc8 }, { 0x186, 0x18d }, { 0x309, 0x30c }, { 0x345, 0x345 }, { 0x38d, 0x390 },
    { 0x3f1, 0x3f2 }, { 0x3f6, 0x3f7 }, { 0x4c1, 0x4c8 }, { 0x560, 0x58f },     /* no PMU */
    { 0x480, 0x493 }, { 0x6e0, 0x6e0 },     /* the deadline goes with the local APIC */
    { 0x800, 0x8ff },
    { 0xc0000080, 0xc0000080 }, { 0xc0000100, 0xc0000101 },
    { 0xc0000300, 0xc0000302 }, { 0xc0010000, 0xc0010007 }, { 0xc0010015, 0xc0010015 },
    { 0xc0010200, 0xc001020b },
    { 0x4b564d08, 0x4b564dff },
};

/* Not in the list of every kernel. */
static const MsrRange added[] = {
    { 0x17a, 0x17b }, { 0x200, 0x20f }, { 0x250, 0x250 }, { 0x258, 0x259 }, { 0x268, 0x26f },
    { 0x277, 0x277 }, { 0x2ff, 0x2ff }, { 0x400, 0x427 },
};

/* Those that go on by themselves. */
static const MsrRange clock_msrs[] = {
    { 0x10, 0x12 }, { 0x3b, 0x3b }, { 0x4b564d00, 0x4b564d01 },
};

/* KVM's own, by the feature that shows them (bits of FW_KVM): without it nobody can set them. */
static const struct { uint32_t number; uint8_t bit; } pv_msrs[] = {
    { 0x11, 0 }, { 0x12, 0 }, { 0x4b564d00, 3 }, { 0x4b564d01, 3 }, { 0x4b564d02, 4 },
    { 0x4b564d03, 5 }, { 0x4b564d04, 6 }, { 0x4b564d05, 12 }, { 0x4b564d06, 14 },
    { 0x4b564d07, 14 },
};

static bool hidden(uint32_t number)
{
    if (number == MSR_FEATURE_CONTROL) {
        return !cpu_model_has(&kvm.model, CPUID_VMX);
    }
    if (number >> 12 == 0x40000) {
        return !hyperv_any(&kvm.model.hyperv);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(pv_msrs); i++) {
        if (pv_msrs[i].number == number) {
            return !(kvm.model.features[FW_KVM] >> pv_msrs[i].bit & 1);
        }
    }
    return false;
}

static bool in_ranges(const MsrRange *r, size_t n, uint32_t number)
{
    for (size_t i = 0; i < n; i++) {
        if (number >= r[i].first && number <= r[i].last) {
            return true;
        }
    }
    return false;
}

static bool known(uint32_t number)
{
    for (unsigned i = 0; i < kvm.nr_msrs; i++) {
        if (kvm.msrs[i] == number) {
            return true;
        }
    }
    return false;
}

static void add(uint32_t number)
{
    if (!known(number) && kvm.nr_msrs < CPU_STATE_MAX_MSRS) {
        kvm.msrs[kvm.nr_msrs++] = number;
    }
}

bool kvm_msrs_init(Error **errp)
{
    struct kvm_msr_list probe = { .nmsrs = 0 };
    g_autofree struct kvm_msr_list *list = NULL;
    int rc = kvm_call(kvm.fd, KVM_GET_MSR_INDEX_LIST, &probe);

    if ((rc < 0 && rc != -E2BIG) || probe.nmsrs > 4096) {
        error_set(errp, "KVM does not tell which MSRs it has");
        return false;
    }
    list = g_malloc0(sizeof(*list) + probe.nmsrs * sizeof(list->indices[0]));
    list->nmsrs = probe.nmsrs;
    rc = kvm_call(kvm.fd, KVM_GET_MSR_INDEX_LIST, list);
    if (rc < 0 || list->nmsrs > probe.nmsrs) {
        error_set(errp, "KVM does not tell which MSRs it has");
        return false;
    }
    kvm.msrs = g_new0(uint32_t, CPU_STATE_MAX_MSRS);
    for (unsigned i = 0; i < list->nmsrs; i++) {
        if (!in_ranges(left_out, ARRAY_SIZE(left_out), list->indices[i]) &&
            !hidden(list->indices[i])) {
            add(list->indices[i]);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(added); i++) {
        for (uint32_t n = added[i].first; n <= added[i].last; n++) {
            add(n);
        }
    }
    return true;
}

static struct kvm_msrs *block_new(void)
{
    return g_malloc0(sizeof(struct kvm_msrs) + MAX_AT_ONCE * sizeof(struct kvm_msr_entry));
}

static bool one_msr(KvmCpu *k, unsigned long request, uint32_t number, uint64_t *value)
{
    uint64_t room[(sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)) / 8] = {};
    struct kvm_msrs *block = (struct kvm_msrs *)room;
    bool ok;

    block->nmsrs = 1;
    block->entries[0].index = number;
    block->entries[0].data = *value;
    ok = kvm_call(k->fd, request, block) == 1;
    *value = block->entries[0].data;
    return ok;
}

bool kvm_get_msr(KvmCpu *k, uint32_t number, uint64_t *value)
{
    *value = 0;
    return one_msr(k, KVM_GET_MSRS, number, value);
}

bool kvm_set_msr(KvmCpu *k, uint32_t number, uint64_t value)
{
    return one_msr(k, KVM_SET_MSRS, number, &value);
}

/* KVM stops at the first one that this vCPU's CPUID does not give it: that one is passed over. */
void kvm_get_msrs(KvmCpu *k, CpuState *out)
{
    g_autofree struct kvm_msrs *block = block_new();
    unsigned next = 0;

    while (next < kvm.nr_msrs) {
        int done;

        block->nmsrs = MIN(kvm.nr_msrs - next, MAX_AT_ONCE);
        for (unsigned i = 0; i < block->nmsrs; i++) {
            block->entries[i] = (struct kvm_msr_entry){ .index = kvm.msrs[next + i] };
        }
        done = kvm_call(k->fd, KVM_GET_MSRS, block);
        if (done < 0) {
            TRACE(kvm_get_msrs, "cpu %u: %d", k->vcpu->index, done);
            return;
        }
        for (int i = 0; i < done; i++) {
            cpu_state_set_msr(out, block->entries[i].index, block->entries[i].data);
        }
        next += done + ((unsigned)done < block->nmsrs ? 1 : 0);
    }
}

/* One that KVM refused is no loss where it is 0 or what KVM has anyway. */
static bool refused(KvmCpu *k, const CpuMsr *msr, Error **errp)
{
    uint64_t now;

    if (kvm_get_msr(k, msr->number, &now) ? now == msr->value : msr->value == 0) {
        return true;
    }
    error_set(errp, "CPU %u: MSR 0x%x cannot be 0x%" PRIx64 " under KVM", k->vcpu->index,
              msr->number, msr->value);
    return false;
}

bool kvm_put_msrs(KvmCpu *k, const CpuState *in, bool clocks, Error **errp)
{
    g_autofree struct kvm_msrs *block = block_new();
    unsigned next = 0, from[MAX_AT_ONCE];

    while (next < in->nr_msrs) {
        int done;

        block->nmsrs = 0;
        while (next < in->nr_msrs && block->nmsrs < MAX_AT_ONCE) {
            const CpuMsr *m = &in->msrs[next];

            if (clocks || !in_ranges(clock_msrs, ARRAY_SIZE(clock_msrs), m->number)) {
                from[block->nmsrs] = next;
                block->entries[block->nmsrs++] = (struct kvm_msr_entry){
                    .index = m->number, .data = m->value,
                };
            }
            next++;
        }
        done = block->nmsrs ? kvm_call(k->fd, KVM_SET_MSRS, block) : 0;
        if (done < 0) {
            error_set(errp, "CPU %u: KVM takes no MSRs: %s", k->vcpu->index, g_strerror(-done));
            return false;
        }
        if ((unsigned)done < block->nmsrs) {
            if (!refused(k, &in->msrs[from[done]], errp)) {
                return false;
            }
            next = from[done] + 1;
        }
    }
    return true;
}
