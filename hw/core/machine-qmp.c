/* query-name, query-uuid, query-target, query-kvm: what the machine is */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/core/machine.h"
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
