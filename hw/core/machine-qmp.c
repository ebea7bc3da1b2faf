/* query-machines, query-cpus-fast, query-name and more: what the machine is, its CPUs and memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "hw/core/numa.h"
#include "hw/core/power.h"
#include "qapi/commands-machine.h"
#include "util/uuid.h"

NameInfo *qmp_query_name(Error **errp)
{
    NameInfo *info = g_new0(NameInfo, 1);

    info->name = g_strdup(machine_current()->guest_name);
    return info;
}

UuidInfo *qmp_query_uuid(Error **errp)
{
    UuidInfo *info = g_new0(UuidInfo, 1);
    char text[UUID_TEXT_SIZE];
    Uuid uuid;

    memcpy(uuid.bytes, machine_current()->uuid, sizeof(uuid.bytes));
    uuid_print(&uuid, text);
    info->UUID = g_strdup(text);
    return info;
}

TargetInfo *qmp_query_target(Error **errp)
{
    TargetInfo *info = g_new0(TargetInfo, 1);

    info->arch = SYS_EMU_TARGET_X86_64;
    return info;
}

KvmInfo *qmp_query_kvm(Error **errp)
{
    KvmInfo *info = g_new0(KvmInfo, 1);

    info->present = accel_find("kvm");
    info->enabled = !strcmp(accel_type()->name, "kvm");
    return info;
}

/* --- machines --- */

static void append_machine(const MachineType *type, void *opaque)
{
    MachineInfoList ***tail = opaque;
    MachineInfo *info = g_new0(MachineInfo, 1);

    info->name = g_strdup(type->name);
    info->alias = g_strdup(type->alias);
    info->has_is_default = info->is_default = type->is_default;
    info->cpu_max = type->max_cpus;
    info->hotpluggable_cpus = type->hotpluggable_cpus;
    info->default_ram_id = type->default_ram_size ? g_strdup("pc.ram") : NULL;
    /* No default-cpu-type: "max" depends on the host, and libvirt takes no such model by name. */
    QAPI_APPEND(*tail, info);
}

MachineInfoList *qmp_query_machines(Error **errp)
{
    MachineInfoList *list = NULL, **tail = &list;

    machine_types_for_each(append_machine, &tail);
    return list;
}

CurrentMachineParams *qmp_query_current_machine(Error **errp)
{
    CurrentMachineParams *params = g_new0(CurrentMachineParams, 1);

    params->wakeup_suspend_support = power_can_wake();
    return params;
}

/* --- CPUs --- */

static CpuInstanceProperties *cpu_place(unsigned index)
{
    const Machine *m = machine_current();
    CpuPlace at = machine_cpu_place(m, index);
    CpuInstanceProperties *place = g_new0(CpuInstanceProperties, 1);

    place->has_thread_id = place->has_core_id = place->has_socket_id = true;
    place->thread_id = at.thread;
    place->core_id = at.core;
    place->has_die_id = m->smp.dies > 1;
    place->die_id = at.die;
    place->socket_id = at.socket;
    if (m->numa && m->numa->node_of_cpu[index] != NUMA_NO_NODE) {
        place->has_node_id = true;
        place->node_id = m->numa->node_of_cpu[index];
    }
    return place;
}

CpuInfoFastList *qmp_query_cpus_fast(Error **errp)
{
    CpuInfoFastList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < vcpu_count(); i++) {
        const Vcpu *cpu = vcpu_get(i);
        CpuInfoFast *info = g_new0(CpuInfoFast, 1);

        info->cpu_index = cpu->index;
        info->qom_path = vcpu_path(cpu);
        info->thread_id = cpu->tid;
        info->props = cpu_place(cpu->index);
        info->target = SYS_EMU_TARGET_X86_64;
        QAPI_APPEND(tail, info);
    }
    return list;
}

HotpluggableCPUList *qmp_query_hotpluggable_cpus(Error **errp)
{
    const Machine *m = machine_current();
    HotpluggableCPUList *list = NULL, **tail = &list;

    if (!machine_type(m)->hotpluggable_cpus) {
        error_set(errp, "machine does not support hot-plugging CPUs");
        return NULL;
    }
    for (unsigned i = m->smp.max_cpus; i-- > 0;) {
        const Device *dev = m->cpus ? m->cpus[i] : NULL;
        HotpluggableCPU *info = g_new0(HotpluggableCPU, 1);

        info->type = g_strdup(m->cpu_type);
        info->vcpus_count = 1;
        info->props = cpu_place(i);
        info->qom_path = dev ? object_path(&dev->obj) : NULL;
        QAPI_APPEND(tail, info);
    }
    return list;
}

/* --- memory --- */

MemoryInfo *qmp_query_memory_size_summary(Error **errp)
{
    MemoryInfo *info = g_new0(MemoryInfo, 1);

    info->base_memory = machine_current()->ram_size;
    info->has_plugged_memory = true;
    info->plugged_memory = machine_plugged_memory(machine_current());
    return info;
}
