/* Model-specific registers: one table of number, place, mask and what a write checks */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/cpuid.h"
#include "accel/soft/seg.h"
#include "accel/vcpu.h"
#include "util/trace.h"

typedef struct Msr Msr;

struct Msr {
    uint32_t number, count;     /* count 0 stands for 1 */
    uint16_t offset;            /* in SoftCpu, of the first; stride 8 */
    uint64_t mask;              /* bits a write may set; others: #GP */
    bool ignore;                /* bits outside the mask are dropped instead */
    bool (*read)(SoftCpu *cpu, uint32_t number, uint64_t *value);
    bool (*write)(SoftCpu *cpu, uint32_t number, uint64_t value);
    int feature;                /* CPUID bit that must be shown, 0: always */
};

static bool canonical(uint64_t v)
{
    return (uint64_t)((int64_t)(v << 16) >> 16) == v;
}

static bool zero_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = 0;
    return true;
}

static bool drop_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    return true;
}

static bool no_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    return false;
}

static bool efer_write(SoftCpu *cpu, uint32_t number, uint64_t v)
{
    if ((v & ~cpu->priv->efer_allowed & ~(uint64_t)EFER_LMA)
        || (((v ^ cpu->efer) & EFER_LME) && (cpu->cr0 & CR0_PG))) {
        return false;
    }
    v = (v & ~(uint64_t)EFER_LMA) | (cpu->efer & EFER_LMA);
    if ((v ^ cpu->efer) & EFER_NXE) {
        tlb_flush_all(cpu);
    }
    cpu->efer = v;
    cpu_update_mode(cpu);
    return true;
}

static uint64_t *canonical_place(SoftCpu *cpu, uint32_t number)
{
    switch (number) {
    case 0x175:
        return &cpu->sysenter_esp;
    case 0x176:
        return &cpu->sysenter_eip;
    case 0xc0000082:
        return &cpu->lstar;
    case 0xc0000083:
        return &cpu->cstar;
    case 0xc0000100:
        return &cpu->seg[S_FS].base;
    case 0xc0000101:
        return &cpu->seg[S_GS].base;
    default:
        return &cpu->kernel_gs_base;
    }
}

static bool canonical_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = *canonical_place(cpu, number);
    return true;
}

static bool canonical_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    if (!canonical(value)) {
        return false;
    }
    *canonical_place(cpu, number) = value;
    return true;
}

static bool tsc_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = cpu_rdtsc(cpu);
    return true;
}

static bool tsc_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    int64_t delta = value - cpu_rdtsc(cpu);

    cpu->tsc_offset += delta;
    cpu->tsc_adjust += delta;       /* SDM vol. 3, 17.17.3 */
    return true;
}

static bool tsc_adjust_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    cpu->tsc_offset += (int64_t)(value - cpu->tsc_adjust);
    cpu->tsc_adjust = value;
    return true;
}

static bool apic_base_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = vcpu_get_apic_base(cpu->vcpu);
    return true;
}

static bool apic_base_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    if (value >> cpu->priv->phys_bits || !vcpu_set_apic_base(cpu->vcpu, value)) {
        return false;
    }
    cpu->apic_base = value;
    return true;
}

static bool apic_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    return vcpu_apic_msr_read(cpu->vcpu, number, value);
}

static bool apic_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    return vcpu_apic_msr_write(cpu->vcpu, number, value);
}

/* Every byte of PAT and of the fixed MTRRs is a memory type: 0 1 4 5 6, PAT also 7. */
static bool types_ok(uint64_t v, bool pat)
{
    for (int i = 0; i < 8; i++, v >>= 8) {
        uint8_t t = v;

        if (!(t == 0 || t == 1 || (t >= 4 && t <= 6) || (pat && t == 7))) {
            return false;
        }
    }
    return true;
}

static bool pat_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    if (!types_ok(value, true)) {
        return false;
    }
    cpu->pat = value;
    return true;
}

static const uint32_t fixed_mtrrs[11] = {
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
};

static uint64_t *fixed_place(SoftCpu *cpu, uint32_t number)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fixed_mtrrs); i++) {
        if (fixed_mtrrs[i] == number) {
            return &cpu->mtrr_fixed[i];
        }
    }
    return NULL;
}

static bool mtrr_fixed_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    const uint64_t *place = fixed_place(cpu, number);

    if (place) {
        *value = *place;
    }
    return place;
}

static bool mtrr_fixed_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    uint64_t *place = fixed_place(cpu, number);

    if (!place || !types_ok(value, false)) {
        return false;
    }
    *place = value;
    return true;
}

static bool mtrr_var_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    unsigned n = (number - 0x200) / 2;

    *value = number & 1 ? cpu->mtrr_mask[n] : cpu->mtrr_base[n];
    return true;
}

static bool mtrr_var_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    unsigned n = (number - 0x200) / 2;
    uint64_t address = (BIT64(cpu->priv->phys_bits) - 1) & ~0xfffULL;

    if (value & ~(address | (number & 1 ? 0x800 : 0xff))) {
        return false;
    }
    if (number & 1) {
        cpu->mtrr_mask[n] = value;
    } else if (!types_ok((value & 0xff) * 0x0101010101010101ULL, false)) {
        return false;
    } else {
        cpu->mtrr_base[n] = value;
    }
    return true;
}

static bool mtrr_cap_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = 0x508;     /* eight variable ranges, fixed ranges, write combining */
    return true;
}

static bool misc_enable_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    cpu->misc_enable = value & 0x400c51889ULL;
    return true;
}

static bool arch_capabilities_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = cpuid_arch_capabilities(cpu);
    return true;
}

/* Locked with everything off, so that guests do not try to set it up. */
static bool locked_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = 1;
    return true;
}

static bool ucode_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = 0xffffffffULL << 32;   /* as new as can be: no erratum workarounds */
    return true;
}

static bool platform_info_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = (cpuid_tsc_hz() / 100000000 & 0xff) << 8;  /* base ratio in units of 100 MHz */
    return true;
}

static bool mcg_cap_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = 10 | BIT64(8) | BIT64(24);     /* ten banks, MCG_CTL, software error recovery */
    return true;
}

static bool mcg_ctl_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    if (value && value != ~0ULL) {
        return false;
    }
    cpu->mcg_ctl = value;
    return true;
}

static bool mc_bank_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = cpu->mc_bank[(number - 0x400) / 4][(number - 0x400) & 3];
    return true;
}

static bool mc_bank_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    unsigned n = (number - 0x400) & 3;
    bool any = cpu->priv->model->vendor[0] == 'A';      /* AMD's banks have bits, not a switch */

    /* ADDR and MISC take what is written, as they do under KVM: there are no errors to lose */
    if ((n == 0 && !any && value && value != ~0ULL) || (n == 1 && value)) {
        return false;
    }
    cpu->mc_bank[(number - 0x400) / 4][n] = value;
    return true;
}

static bool pred_cmd_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    return !(value & ~1ULL);
}

static bool tsc_deadline_ok(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    return vcpu_apic_msr_read(cpu->vcpu, number, value);
}

static bool smbase_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    *value = cpu->smbase;
    return cpu->smm;
}

#define AT(field) .offset = offsetof(SoftCpu, field)

static const Msr msrs[] = {
    { 0x0, 2, .read = zero_read, .write = drop_write },         /* P5_MC_ADDR, P5_MC_TYPE */
    { 0x10, .read = tsc_read, .write = tsc_write },
    { 0x17, .read = zero_read, .write = no_write },             /* PLATFORM_ID */
    { 0x1b, .read = apic_base_read, .write = apic_base_write },
    { 0x3a, .read = locked_read, .write = no_write },           /* FEATURE_CONTROL: no VMX */
    { 0x3b, AT(tsc_adjust), .mask = ~0ULL, .write = tsc_adjust_write },
    { 0x48, AT(spec_ctrl), .mask = 7, .feature = CPUID_SPEC_CTRL },
    { 0x49, .read = NULL, .write = pred_cmd_write, .feature = CPUID_SPEC_CTRL },
    { 0x8b, .read = ucode_read, .write = drop_write },
    { 0x9e, .read = smbase_read, .write = no_write },
    { 0xce, .read = platform_info_read, .write = no_write },
    { 0xfe, .read = mtrr_cap_read, .write = no_write },
    { 0x10a, .read = arch_capabilities_read, .write = no_write, .feature = CPUID_ARCH_CAP },
    { 0x174, AT(sysenter_cs), .mask = 0xffffffff, .ignore = true },
    { 0x175, .read = canonical_read, .write = canonical_write },
    { 0x176, .read = canonical_read, .write = canonical_write },
    { 0x179, .read = mcg_cap_read, .write = no_write },
    { 0x17a, AT(mcg_status), .mask = 7 },
    { 0x17b, AT(mcg_ctl), .mask = ~0ULL, .write = mcg_ctl_write },
    { 0x198, .read = zero_read, .write = no_write },            /* PERF_STATUS */
    { 0x199, .read = zero_read, .write = drop_write },          /* PERF_CTL */
    { 0x19c, .read = zero_read, .write = drop_write },          /* THERM_STATUS */
    { 0x1a0, AT(misc_enable), .mask = ~0ULL, .write = misc_enable_write },
    { 0x1d9, AT(debugctl), .mask = 0, .ignore = true },         /* no LBR, no BTF */
    { 0x200, 16, .read = mtrr_var_read, .write = mtrr_var_write },
    { 0x250, .read = mtrr_fixed_read, .write = mtrr_fixed_write },
    { 0x258, 2, .read = mtrr_fixed_read, .write = mtrr_fixed_write },
    { 0x268, 8, .read = mtrr_fixed_read, .write = mtrr_fixed_write },
    { 0x277, AT(pat), .mask = ~0ULL, .write = pat_write },
    { 0x2ff, AT(mtrr_def), .mask = 0xcff },
    { 0x400, 40, .read = mc_bank_read, .write = mc_bank_write },
    { 0x6e0, .read = tsc_deadline_ok, .write = apic_write, .feature = CPUID_TSC_DEADLINE },
    { 0x800, 0x40, .read = apic_read, .write = apic_write, .feature = CPUID_X2APIC },
    { 0xc0000080, AT(efer), .mask = ~0ULL, .write = efer_write },
    { 0xc0000081, AT(star), .mask = ~0ULL, .feature = CPUID_SYSCALL },
    { 0xc0000082, .read = canonical_read, .write = canonical_write, .feature = CPUID_LM },
    { 0xc0000083, .read = canonical_read, .write = canonical_write, .feature = CPUID_LM },
    { 0xc0000084, AT(fmask), .mask = 0xffffffff, .ignore = true, .feature = CPUID_SYSCALL },
    { 0xc0000100, 3, .read = canonical_read, .write = canonical_write, .feature = CPUID_LM },
    { 0xc0000103, AT(tsc_aux), .mask = 0xffffffff, .feature = CPUID_RDTSCP },
    /* What a kernel reads unasked on an AMD model: SYSCFG (no TOM2, no fixed-range DRAM bits), HWCR */
    { 0xc0010010, .read = zero_read, .write = drop_write },
    { 0xc0010015, .read = zero_read, .write = drop_write },
    { 0xc0010055, .read = zero_read, .write = drop_write },     /* its interrupts: none pending */
};

static const Msr *find(SoftCpu *cpu, uint32_t number)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
        const Msr *m = &msrs[i];

        if (number - m->number < (m->count ? m->count : 1)) {
            return !m->feature || cpuid_has(cpu, m->feature) ? m : NULL;
        }
    }
    return NULL;
}

/* An unknown one is #GP; each is told of once, or a probing kernel would flood the trace. */
static bool unknown(SoftCpu *cpu, uint32_t number, bool write)
{
    unsigned hash = (number * 2654435761u) >> 23;   /* 512 bits */
    uint64_t bit = BIT64(hash & 63);

    if (!(cpu->priv->unknown_msr_traced[hash >> 6] & bit)) {
        cpu->priv->unknown_msr_traced[hash >> 6] |= bit;
        TRACE(soft_msr_unknown, "cpu %u %s of unknown MSR 0x%x at 0x%" PRIx64, cpu->priv->index,
              write ? "write" : "read", number, cpu->rip);
    }
    return false;
}

bool msr_read(SoftCpu *cpu, uint32_t number, uint64_t *value)
{
    const Msr *m = find(cpu, number);

    if (!m) {
        return unknown(cpu, number, false);
    }
    if (m->read) {
        return m->read(cpu, number, value);
    }
    if (!m->offset) {
        return false;
    }
    *value = *(uint64_t *)((char *)cpu + m->offset);
    return true;
}

bool msr_write(SoftCpu *cpu, uint32_t number, uint64_t value)
{
    const Msr *m = find(cpu, number);

    if (!m) {
        return unknown(cpu, number, true);
    }
    if (m->write) {
        return m->write(cpu, number, value);
    }
    if (value & ~m->mask) {
        if (!m->ignore) {
            return false;
        }
        value &= m->mask;
    }
    *(uint64_t *)((char *)cpu + m->offset) = value;
    return true;
}
