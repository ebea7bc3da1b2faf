/* Hyper-V enlightenments: one table of names, CPUID bits and what each needs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-hyperv.h"

/* Hypervisor Top Level Functional Specification, 2.4.4 and 2.4.5 */
typedef struct HvFeature {
    const char *name;
    uint32_t leaf3_eax, leaf3_edx;  /* MSRs and abilities there are */
    uint32_t leaf4_eax;             /* what the guest had better do */
    uint32_t needs;                 /* BIT(HV_*) */
} HvFeature;

static const HvFeature features[NR_HV] = {
    [HV_RELAXED] = { "hv-relaxed", .leaf4_eax = BIT(5) },
    [HV_VAPIC] = { "hv-vapic", .leaf3_eax = BIT(4), .leaf4_eax = BIT(3) },
    [HV_TIME] = { "hv-time", .leaf3_eax = BIT(1) | BIT(9) },
    [HV_CRASH] = { "hv-crash", .leaf3_edx = BIT(10) },
    [HV_RESET] = { "hv-reset", .leaf3_eax = BIT(7) },
    [HV_VPINDEX] = { "hv-vpindex", .leaf3_eax = BIT(6) },
    [HV_RUNTIME] = { "hv-runtime", .leaf3_eax = BIT(0) },
    [HV_SYNIC] = { "hv-synic", .leaf3_eax = BIT(2), .needs = BIT(HV_VPINDEX) },
    [HV_STIMER] = { "hv-stimer", .leaf3_eax = BIT(3), .needs = BIT(HV_SYNIC) | BIT(HV_TIME) },
    [HV_STIMER_DIRECT] = { "hv-stimer-direct", .leaf3_edx = BIT(19), .needs = BIT(HV_STIMER) },
    [HV_FREQUENCIES] = { "hv-frequencies", .leaf3_eax = BIT(11), .leaf3_edx = BIT(8) },
    [HV_TLBFLUSH] = { "hv-tlbflush", .leaf4_eax = BIT(2) | BIT(11), .needs = BIT(HV_VPINDEX) },
    [HV_IPI] = { "hv-ipi", .leaf4_eax = BIT(10) | BIT(11), .needs = BIT(HV_VPINDEX) },
};

static bool set_flag(HyperV *hv, unsigned n, const char *value, Error **errp)
{
    bool on = !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true");

    if (!on && strcmp(value, "off") && strcmp(value, "no") && strcmp(value, "false")) {
        error_set(errp, "-cpu: '%s' wants on or off, not '%s'", features[n].name, value);
        return false;
    }
    hv->on = on ? hv->on | BIT(n) : hv->on & ~BIT(n);
    return true;
}

static bool set_spinlocks(HyperV *hv, const char *value, Error **errp)
{
    char *end;
    uint64_t n = g_ascii_strtoull(value, &end, 0);

    if (!*value || *end || n < 0xfff || n > UINT32_MAX) {
        error_set(errp, "-cpu: 'hv-spinlocks' wants a number from 0xfff to 0xffffffff, not '%s'",
                  value);
        return false;
    }
    hv->spinlocks = n;
    hv->has_spinlocks = true;
    return true;
}

bool hyperv_set_property(HyperV *hv, const char *key, const char *value, bool *ok, Error **errp)
{
    g_autofree char *name = g_strdelimit(g_strdup(key), "_", '-');

    if (!strcmp(name, "hv-spinlocks")) {
        *ok = set_spinlocks(hv, value, errp);
        return true;
    }
    if (!strcmp(name, "hv-vendor-id")) {
        *ok = strlen(value) <= 12;
        if (!*ok) {
            error_set(errp, "-cpu: 'hv-vendor-id' wants up to 12 characters, not '%s'", value);
        }
        g_strlcpy(hv->vendor, value, sizeof(hv->vendor));
        return true;
    }
    for (unsigned i = 0; i < NR_HV; i++) {
        if (!strcmp(name, features[i].name)) {
            *ok = set_flag(hv, i, value, errp);
            return true;
        }
    }
    return false;
}

bool hyperv_any(const HyperV *hv)
{
    return hv->on || hv->has_spinlocks;
}

bool hyperv_check(const HyperV *hv, Error **errp)
{
    for (unsigned i = 0; i < NR_HV; i++) {
        uint32_t lacks = features[i].needs & ~hv->on;

        if ((hv->on & BIT(i)) && lacks) {
            error_set(errp, "Hyper-V enlightenment '%s' needs '%s', too", features[i].name,
                      features[__builtin_ctz(lacks)].name);
            return false;
        }
    }
    return true;
}

static uint32_t sum(const HyperV *hv, size_t offset)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < NR_HV; i++) {
        if (hv->on & BIT(i)) {
            bits |= *(const uint32_t *)((const char *)&features[i] + offset);
        }
    }
    return bits;
}

void hyperv_leaf(const HyperV *hv, uint32_t leaf, uint32_t out[4])
{
    char vendor[12] = "Microsoft Hv";

    memset(out, 0, 4 * sizeof(out[0]));
    switch (leaf) {
    case 0x40000000:
        if (*hv->vendor) {
            memset(vendor, 0, sizeof(vendor));
            memcpy(vendor, hv->vendor, strlen(hv->vendor));
        }
        out[0] = HYPERV_LEAF_LAST;
        memcpy(&out[1], vendor, 12);
        break;
    case 0x40000001:
        memcpy(&out[0], "Hv#1", 4);
        break;
    case 0x40000002:
        out[0] = 0x3839;            /* build; then version 10.0: what guests expect to meet */
        out[1] = 10 << 16;
        break;
    case 0x40000003:
        out[0] = sum(hv, offsetof(HvFeature, leaf3_eax)) | BIT(5);  /* the hypercall page */
        out[3] = sum(hv, offsetof(HvFeature, leaf3_edx));
        break;
    case 0x40000004:
        out[0] = sum(hv, offsetof(HvFeature, leaf4_eax));
        out[1] = hv->has_spinlocks ? hv->spinlocks : UINT32_MAX;
        break;
    case 0x40000005:
        out[0] = out[1] = 64;       /* processors, logical processors */
        break;
    }
}

const char *hyperv_missing(const HyperV *hv, const uint32_t leaf3[4], const uint32_t leaf4[4])
{
    for (unsigned i = 0; i < NR_HV; i++) {
        const HvFeature *f = &features[i];

        if ((hv->on & BIT(i)) && ((f->leaf3_eax & ~leaf3[0]) || (f->leaf3_edx & ~leaf3[3]) ||
                                  (f->leaf4_eax & ~leaf4[0]))) {
            return f->name;
        }
    }
    return NULL;
}
