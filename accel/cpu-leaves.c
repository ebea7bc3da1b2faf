/* CPUID leaves as they follow from a model and the topology, for every accelerator */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-model.h"

#define B(n) (1u << (n))

/* Bits to hold n different values. */
static unsigned width_of(unsigned n)
{
    return n > 1 ? 32 - __builtin_clz(n - 1) : 0;
}

static bool is_amd(const CpuModel *m)
{
    return m->vendor[0] == 'A';
}

uint32_t cpu_model_signature(const CpuModel *m)
{
    return m->stepping | (m->model & 15) << 4 | (m->model >> 4) << 16
           | (m->family > 15 ? 15 << 8 | (m->family - 15) << 20 : m->family << 8);
}

static void leaf_1(const CpuModel *m, const CpuTopology *t, uint32_t apic_id, uint32_t out[4])
{
    unsigned logical = t->cores * t->threads;

    out[0] = cpu_model_signature(m);
    out[1] = 8 << 8 | MIN(logical, 255u) << 16 | apic_id << 24;
    out[2] = m->features[FW_1_ECX] & ~B(27);
    out[3] = m->features[FW_1_EDX] & ~B(28);
    if (logical > 1) {
        out[3] |= B(28);
    }
}

/* Deterministic cache parameters: sizes a server of this kind has. */
static void leaf_4(const CpuTopology *t, uint32_t subleaf, uint32_t out[4])
{
    static const struct { uint8_t type, level, ways; uint32_t kib; } caches[] = {
        { 1, 1, 8, 32 }, { 2, 1, 8, 32 }, { 3, 2, 16, 4096 }, { 3, 3, 16, 16384 },
    };
    unsigned sharing;

    if (subleaf >= ARRAY_SIZE(caches)) {
        return;
    }
    sharing = subleaf == 3 ? BIT(width_of(t->cores * t->threads)) : BIT(width_of(t->threads));
    out[0] = caches[subleaf].type | caches[subleaf].level << 5 | 1 << 8 | (sharing - 1) << 14
           | (BIT(width_of(t->cores)) - 1) << 26;
    out[1] = 63 | (uint32_t)(caches[subleaf].ways - 1) << 22;
    out[2] = caches[subleaf].kib * 1024 / 64 / caches[subleaf].ways - 1;
    out[3] = subleaf == 3 ? 4 : 0;
}

static void leaf_b(const CpuTopology *t, uint32_t apic_id, uint32_t subleaf, uint32_t out[4])
{
    out[2] = subleaf & 0xff;
    out[3] = apic_id;
    if (subleaf == 0) {
        out[0] = width_of(t->threads);
        out[1] = t->threads;
        out[2] |= 1 << 8;
    } else if (subleaf == 1) {
        out[0] = width_of(t->threads) + width_of(t->cores);
        out[1] = t->cores * t->threads;
        out[2] |= 2 << 8;
    }
}

static void basic_leaf(const CpuModel *m, const CpuTopology *t, uint32_t apic_id, uint32_t leaf,
                       uint32_t subleaf, uint32_t out[4])
{
    switch (leaf) {
    case 0:
        out[0] = m->level;
        memcpy(&out[1], m->vendor, 4);
        memcpy(&out[3], m->vendor + 4, 4);
        memcpy(&out[2], m->vendor + 8, 4);
        break;
    case 1:
        leaf_1(m, t, apic_id, out);
        break;
    case 2:
        out[0] = 0x00feff01;    /* see leaves 4 and 0x18 */
        break;
    case 4:
        leaf_4(t, subleaf, out);
        break;
    case 6:
        out[0] = m->features[FW_6_EAX];
        break;
    case 7:
        if (subleaf == 0) {
            out[1] = m->features[FW_7_EBX];
            out[2] = m->features[FW_7_ECX];
            out[0] = m->features[FW_7_1_EAX] ? 1 : 0;      /* the last subleaf */
            out[3] = m->features[FW_7_EDX];
        } else if (subleaf == 1) {
            out[0] = m->features[FW_7_1_EAX];
        }
        break;
    case 0xb:
        leaf_b(t, apic_id, subleaf, out);
        break;
    }
}

static void extended_leaf(const CpuModel *m, const CpuTopology *t, uint32_t leaf, uint32_t out[4])
{
    unsigned logical = t->cores * t->threads;

    switch (leaf) {
    case 0x80000000:
        out[0] = m->xlevel;
        if (is_amd(m)) {
            memcpy(&out[1], m->vendor, 4);
            memcpy(&out[3], m->vendor + 4, 4);
            memcpy(&out[2], m->vendor + 8, 4);
        }
        break;
    case 0x80000001:
        out[2] = m->features[FW_8_1_ECX];
        out[3] = m->features[FW_8_1_EDX];
        if (is_amd(m)) {        /* AMD repeats the common part of leaf 1 */
            out[3] |= m->features[FW_1_EDX] & 0x0183f3ff;
        }
        break;
    case 0x80000002: case 0x80000003: case 0x80000004:
        memcpy(out, m->model_id + (leaf - 0x80000002) * 16, 16);
        break;
    case 0x80000005:
        if (is_amd(m)) {
            out[2] = out[3] = 32u << 24 | 8 << 16 | 1 << 8 | 64;
        }
        break;
    case 0x80000006:
        out[2] = 4096u << 16 | 8 << 12 | 64;
        break;
    case 0x80000007:
        out[3] = m->features[FW_8_7_EDX];
        break;
    case 0x8000000a:
        if (cpu_model_has(m, CPUID_SVM)) {
            out[0] = 1;                 /* revision */
            out[1] = 16;                /* address space numbers */
        }
        out[3] = m->features[FW_8_A_EDX];
        break;
    case 0x80000008:
        out[0] = m->phys_bits | (cpu_model_has(m, CPUID_LM) ? 48 : 32) << 8;
        out[1] = m->features[FW_8_8_EBX];
        if (is_amd(m) && logical > 1) {
            out[2] = width_of(logical) << 12 | (logical - 1);
        }
        break;
    }
}

void cpu_model_leaf(const CpuModel *m, const CpuTopology *t, uint32_t apic_id, uint32_t leaf,
                    uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf >= 0xc0000000) {
        if (leaf == 0xc0000000 && m->xlevel2) {
            out[0] = m->xlevel2;
        } else if (leaf == 0xc0000001 && leaf <= m->xlevel2) {
            out[3] = m->features[FW_C_1_EDX];
        }
    } else if (leaf >= 0x80000000) {
        if (leaf <= m->xlevel) {
            extended_leaf(m, t, leaf, out);
        }
    } else if (leaf <= m->level) {
        basic_leaf(m, t, apic_id, leaf, subleaf, out);
    }
}
