/* X-x86_64-cpu: a CPU as a device, at the start or plugged in later */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/acpi/cpu-hotplug.h"
#include "hw/core/numa.h"
#include "hw/i386/cpu.h"
#include "hw/intc/apic.h"
#include "hw/intc/kvm-irqchip.h"

static bool id_ok(const char *name, int32_t id, unsigned count, Error **errp)
{
    if (id == ID_UNASSIGNED) {
        error_set(errp, "CPU %s is not set", name);
        return false;
    }
    if (id < 0 || (unsigned)id >= count) {
        error_set(errp, "Invalid CPU %s: %d must be in range 0:%u", name, id, count - 1);
        return false;
    }
    return true;
}

/* The four IDs say where it sits; or the APIC ID does. */
static bool find_place(X86Cpu *s, const Machine *m, Error **errp)
{
    const SmpConfig *smp = &m->smp;

    if (s->apic_id != APIC_ID_UNASSIGNED) {
        for (s->index = 0; s->index < smp->max_cpus; s->index++) {
            if (machine_apic_id(m, s->index) == s->apic_id) {
                return true;
            }
        }
        error_set(errp, "Invalid CPU with APIC ID %u, valid index range 0:%u", s->apic_id,
                  smp->max_cpus - 1);
        return false;
    }
    if (s->die_id == ID_UNASSIGNED && smp->dies <= 1) {
        s->die_id = 0;
    }
    if (!id_ok("socket-id", s->socket_id, smp->sockets, errp) ||
        !id_ok("die-id", s->die_id, smp->dies, errp) ||
        !id_ok("core-id", s->core_id, smp->cores, errp) ||
        !id_ok("thread-id", s->thread_id, smp->threads, errp)) {
        return false;
    }
    s->index = ((s->socket_id * smp->dies + s->die_id) * smp->cores + s->core_id) * smp->threads
             + s->thread_id;
    return true;
}

/* What was said of the place beside that which decided must be true. */
static bool check_place(X86Cpu *s, const Machine *m, Error **errp)
{
    CpuPlace at = machine_cpu_place(m, s->index);
    const struct { const char *name; int32_t *id; unsigned at; } ids[] = {
        { "socket-id", &s->socket_id, at.socket }, { "die-id", &s->die_id, at.die },
        { "core-id", &s->core_id, at.core }, { "thread-id", &s->thread_id, at.thread },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        if (*ids[i].id != ID_UNASSIGNED && *ids[i].id != (int64_t)ids[i].at) {
            error_set(errp, "property %s: %d doesn't match set apic-id: 0x%x (%s: %u)",
                      ids[i].name, *ids[i].id, s->apic_id, ids[i].name, ids[i].at);
            return false;
        }
        *ids[i].id = ids[i].at;
    }
    s->apic_id = machine_apic_id(m, s->index);
    if (m->cpus[s->index]) {
        error_set(errp, "CPU[%u] with APIC ID %u exists", s->index, s->apic_id);
        return false;
    }
    if (m->numa) {
        int32_t node = m->numa->node_of_cpu[s->index];

        if (s->node_id != ID_UNASSIGNED && s->node_id != node) {
            error_set(errp, "node-id=%d must match numa node specified with -numa option",
                      s->node_id);
            return false;
        }
        s->node_id = node;
    }
    return true;
}

/* A guest that already runs finds it in its state after power-on. */
static void start(X86Cpu *s)
{
    Machine *m = machine_current();

    vcpu_reset(s->vcpu);
    if (m->cpu_hotplug) {
        cpu_hotplug_plugged(m->cpu_hotplug, s->index);
    }
    if (vcpus_running()) {
        vcpu_start(s->vcpu);
    }
}

static bool x86_cpu_realize(Device *dev, Error **errp)
{
    X86Cpu *s = DEVICE_OF(dev, X86Cpu);
    Machine *m = machine_current();

    if (!m->cpus) {
        error_set(errp, "machine '%s' has no place for CPUs", machine_type(m)->name);
        return false;
    }
    if (strcmp(dev->obj.type->name, m->cpu_type)) {
        error_set(errp, "Invalid CPU type, expected cpu type: '%s'", m->cpu_type);
        return false;
    }
    if (!find_place(s, m, errp) || !check_place(s, m, errp)) {
        return false;
    }
    s->vcpu = vcpu_new(s->index, s->apic_id, &dev->obj, errp);
    if (!s->vcpu) {
        return false;
    }
    s->apic = accel_irqchip_mode() == IRQCHIP_OFF ? apic_create(s->vcpu) : kvm_apic_create(s->vcpu);
    m->cpus[s->index] = dev;
    m->cpus_changed = device_machine_is_complete();
    if (device_machine_is_complete()) {
        start(s);
    }
    return true;
}

static void x86_cpu_unrealize(Device *dev)
{
    X86Cpu *s = DEVICE_OF(dev, X86Cpu);
    Machine *m = machine_current();

    vcpu_stop_thread(s->vcpu);
    device_unrealize(s->apic);
    vcpu_destroy(s->vcpu);
    m->cpus[s->index] = NULL;
    m->cpus_changed = true;
    if (m->cpu_hotplug) {
        cpu_hotplug_gone(m->cpu_hotplug, s->index);
    }
}

static bool x86_cpu_unplug(Device *dev, Error **errp)
{
    X86Cpu *s = DEVICE_OF(dev, X86Cpu);
    Machine *m = machine_current();

    if (!m->cpu_hotplug) {
        error_set(errp, "CPU hot unplug not supported without ACPI");
        return false;
    }
    if (s->index == 0) {
        error_set(errp, "Boot CPU is unpluggable");
        return false;
    }
    cpu_hotplug_unplug(m->cpu_hotplug, s->index);
    return true;
}

bool x86_cpus_create(Machine *m, Error **errp)
{
    for (unsigned i = 0; i < m->smp.cpus; i++) {
        Device *dev = device_new(m->cpu_type);
        bool ok;

        DEVICE_OF(dev, X86Cpu)->apic_id = machine_apic_id(m, i);
        ok = device_realize(dev, NULL, errp);
        object_unref(&dev->obj);        /* the tree holds it now */
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* --- the types: one a model --- */

typedef struct Walk {
    void (*fn)(const DeviceType *type, void *opaque);
    void *opaque;
} Walk;

static void tell_model(const char *name, const CpuModel *model, void *opaque)
{
    Walk *walk = opaque;
    DeviceType *type = g_new(DeviceType, 1);

    *type = (DeviceType){
        .name = g_strconcat(name, CPU_TYPE_SUFFIX, NULL), .desc = "a CPU of the machine",
        .parent = "x86_64-cpu", .category = CATEGORY_CPU, .hotpluggable = true,
        .size = sizeof(X86Cpu), .props = x86_cpu_props(), .realize = x86_cpu_realize,
        .unrealize = x86_cpu_unrealize, .unplug = x86_cpu_unplug,
    };
    walk->fn(type, walk->opaque);
}

static void each(void (*fn)(const DeviceType *type, void *opaque), void *opaque)
{
    Walk walk = { fn, opaque };

    cpu_models_for_each(tell_model, &walk);
}

static const DeviceTypeSource cpu_types = { each };
REGISTER_DEVICE_TYPES(cpu_types)
