/* Accelerators: the registry, the chosen one, what all share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "util/clock.h"

REGISTRY(accel, AccelType)

static Accel *current;
static bool a20_enabled = true;
static bool cpu_model_refused;
static CpuModelHost model_host;
static bool model_host_known;
static const CpuModel *cpu_model;
static void (*eoi_fn)(uint8_t vector);

Accel *accel_current(void)
{
    return current;
}

const AccelType *accel_type(void)
{
    return current ? (const AccelType *)(const void *)current->obj.type : NULL;
}

const AccelType *accel_find(const char *name)
{
    size_t n;
    const AccelType *const *types = registry_accel(&n);

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(types[i]->name, name) ||
            (types[i]->alias && !strcmp(types[i]->alias, name))) {
            return types[i];
        }
    }
    return NULL;
}

char *accel_names(void)
{
    size_t n;
    const AccelType *const *types = registry_accel(&n);
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(out, "%s\n", types[i]->name);
        if (types[i]->alias) {
            g_string_append_printf(out, "%s\n", types[i]->alias);
        }
    }
    return g_string_free(out, false);
}

bool accel_start(Accel *accel, const AccelConfig *config, Error **errp)
{
    const AccelType *type = (const AccelType *)(const void *)accel->obj.type;

    if (!type->start(accel, config, errp)) {
        return false;
    }
    if (type->stepped_clock) {
        clock_virtual_set_stepped();
    }
    current = accel;
    accel->obj.ready = true;
    return true;
}

bool accel_get_state(Vcpu *cpu, CpuState *out)
{
    if (!accel_type()->get_state) {
        return false;
    }
    accel_type()->get_state(cpu, out);
    return true;
}

void accel_cpuid(Vcpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    if (accel_type()->cpuid) {
        accel_type()->cpuid(cpu, leaf, subleaf, out);
    }
}

bool accel_put_state(Vcpu *cpu, const CpuState *in, bool clocks, Error **errp)
{
    if (!accel_type()->put_state) {
        error_set(errp, "the CPUs of -accel %s have no registers", accel_type()->name);
        return false;
    }
    return accel_type()->put_state(cpu, in, clocks, errp);
}

bool accel_parse_cpu_model(const AccelConfig *config, const CpuModelHost *host, CpuModel *out,
                           Error **errp)
{
    if (cpu_model_parse(config->cpu_model, "max", host, out, errp)) {
        model_host = *host;
        model_host_known = true;
        cpu_model = out;
        return true;
    }
    error_prepend(errp, "-cpu %s: ", config->cpu_model ? config->cpu_model : "max");
    error_hint(errp, "Use -cpu help for the models and their features");
    cpu_model_refused = true;
    return false;
}

bool accel_cpu_model_refused(void)
{
    return cpu_model_refused;
}

const CpuModel *accel_cpu_model(void)
{
    return cpu_model;
}

const CpuModelHost *accel_cpu_model_host(void)
{
    return model_host_known ? &model_host : NULL;
}

const IrqchipOps *accel_irqchip(void)
{
    const AccelType *type = accel_type();

    return type && type->irqchip ? type->irqchip() : NULL;
}

IrqchipMode accel_irqchip_mode(void)
{
    const IrqchipOps *ops = accel_irqchip();

    return ops ? ops->mode() : IRQCHIP_OFF;
}

void irqchip_set_eoi(void (*fn)(uint8_t vector))
{
    eoi_fn = fn;
}

void irqchip_eoi(uint8_t vector)
{
    if (eoi_fn) {
        eoi_fn(vector);
    }
}

void accel_set_a20(bool enabled)
{
    if (enabled != a20_enabled) {
        a20_enabled = enabled;
        if (accel_type()->set_a20) {
            accel_type()->set_a20(enabled);
        }
    }
}

bool accel_has_smm(void)
{
    return accel_type()->has_smm && accel_type()->has_smm();
}

bool accel_a20(void)
{
    return a20_enabled;
}

uint64_t accel_tsc_read(Vcpu *cpu)
{
    const AccelType *type = accel_type();

    return type->tsc_read ? type->tsc_read(cpu) : (uint64_t)clock_ns(CLOCK_TYPE_VIRTUAL);
}

uint64_t accel_tsc_hz(Vcpu *cpu)
{
    const AccelType *type = accel_type();
    uint64_t hz = type->tsc_read && type->tsc_hz ? type->tsc_hz(cpu) : 0;

    return hz ? hz : NS_PER_SECOND;
}
