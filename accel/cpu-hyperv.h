/* Hyper-V enlightenments: the hv-* properties of -cpu and the CPUID leaves they make up */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_CPU_HYPERV_H
#define ACCEL_CPU_HYPERV_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum {
    HV_RELAXED, HV_VAPIC, HV_TIME, HV_CRASH, HV_RESET, HV_VPINDEX, HV_RUNTIME, HV_SYNIC,
    HV_STIMER, HV_STIMER_DIRECT, HV_FREQUENCIES, HV_TLBFLUSH, HV_IPI, NR_HV,
};

/* What was asked for. on: BIT(HV_*). spinlocks: tries before a long wait is told, ~0: never. */
typedef struct HyperV {
    uint32_t on, spinlocks;
    bool has_spinlocks;
    char vendor[13];
} HyperV;

/* Is key a property of these? then *ok tells whether value was one. */
bool hyperv_set_property(HyperV *hv, const char *key, const char *value, bool *ok, Error **errp);
bool hyperv_any(const HyperV *hv);
/* Each needs others. */
bool hyperv_check(const HyperV *hv, Error **errp);
/* Leaf 0x40000000 to 0x40000005 (TLFS 2.4). */
#define HYPERV_LEAF_FIRST 0x40000000u
#define HYPERV_LEAF_LAST  0x40000005u
void hyperv_leaf(const HyperV *hv, uint32_t leaf, uint32_t out[4]);
/* The first that is on, but not all there in the host's leaves 0x40000003 and 4; NULL: none. */
const char *hyperv_missing(const HyperV *hv, const uint32_t leaf3[4], const uint32_t leaf4[4]);

#endif
