/* vmgenid: a number in guest memory that is another one for every copy of the machine */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Microsoft, "Virtual Machine Generation ID", 2012: the guest finds the device
 * by its _CID, and the number's address by ADDR. The number lies in a page of
 * its own that firmware allocates, behind as many bytes as a table's header
 * has, so that UEFI does not take the page for a table.
 */
#include "util/osdep.h"
#include "hw/acpi/vmgenid.h"
#include "hw/core/device.h"
#include "hw/nvram/fw-cfg.h"
#include "qapi/commands-machine.h"
#include "util/uuid.h"

#define PAGE_BYTES 4096

typedef struct VmGenId {
    Device dev;
    char *text;                     /* property: a UUID or "auto" */
    Uuid guid;
} VmGenId;

static bool vmgenid_realize(Device *dev, Error **errp);

static void find_vmgenid(Device *dev, void *opaque)
{
    Object **found = opaque;

    if (device_type(dev)->realize == vmgenid_realize) {
        *found = &dev->obj;
    }
}

Object *vmgenid_find(void)
{
    Object *found = NULL;

    devices_for_each(find_vmgenid, &found);
    return found;
}

static bool vmgenid_realize(Device *dev, Error **errp)
{
    VmGenId *s = DEVICE_OF(dev, VmGenId);

    if (vmgenid_find()) {
        error_set(errp, "at most one vmgenid device is permitted");
        return false;
    }
    if (!fw_cfg_current()) {
        error_set(errp, "vmgenid requires DMA write support in fw_cfg, which this machine type "
                  "does not provide");
        return false;
    }
    if (!strcmp(s->text, "auto")) {
        uuid_generate(&s->guid);
    } else if (!uuid_parse(s->text, &s->guid)) {
        error_set(errp, "guid='%s' is no UUID", s->text);
        error_hint(errp, "Expected 'auto' or 00000000-0000-0000-0000-000000000000");
        return false;
    }
    return true;
}

bool vmgenid_publish(Object *obj, FwCfg *fw, Error **errp)
{
    static const uint8_t nowhere[VMGENID_ADDR_BYTES];
    Uuid guid = uuid_swapped(OBJECT_OF(obj, VmGenId)->guid);
    g_autofree uint8_t *page = g_malloc0(PAGE_BYTES);

    memcpy(page + VMGENID_GUID_OFFSET, guid.bytes, sizeof(guid.bytes));
    if (!fw_cfg_add_file(fw, VMGENID_GUID_FILE, page, PAGE_BYTES, errp) ||
        !fw_cfg_add_file(fw, VMGENID_ADDR_FILE, nowhere, sizeof(nowhere), errp)) {
        return false;
    }
    fw_cfg_file_set_writable(fw, VMGENID_ADDR_FILE);
    return true;
}

void vmgenid_aml(Aml *a, uint32_t *address)
{
    static const uint8_t address_of_page[] = {      /* Name (VGIA, a DWord): firmware fills it */
        0x08, 'V', 'G', 'I', 'A', 0x0c, 0, 0, 0, 0,
    };
    AmlMark scope, device, method, branch;

    g_byte_array_append(a, address_of_page, sizeof(address_of_page));
    *address = a->len - 4;
    scope = aml_scope(a, "\\_SB");
    device = aml_device(a, "VGEN");
    aml_name_string(a, "_HID", "QEMUVGID");         /* the identity its drivers know */
    aml_name_string(a, "_CID", "VM_Gen_Counter");
    aml_name_string(a, "_DDN", "VM_Gen_Counter");
    method = aml_method(a, "_STA", 0, false);       /* there is none where firmware made no page */
    branch = aml_if(a);
    aml_op(a, AML_LEQUAL);
    aml_path(a, "VGIA");
    aml_int(a, 0);
    aml_op(a, AML_RETURN);
    aml_int(a, 0);
    aml_end(a, branch);
    aml_op(a, AML_RETURN);
    aml_int(a, 0x0f);
    aml_end(a, method);
    method = aml_method(a, "ADDR", 0, false);       /* Package (2) {low half, high half} */
    aml_op(a, AML_STORE);
    branch = aml_package(a, 2);
    aml_int(a, 0);
    aml_int(a, 0);
    aml_end(a, branch);
    aml_op(a, AML_LOCAL0);
    aml_op(a, AML_ADD);                             /* Add (VGIA, offset, Index (Local0, 0)) */
    aml_path(a, "VGIA");
    aml_int(a, VMGENID_GUID_OFFSET);
    aml_op(a, AML_INDEX);
    aml_op(a, AML_LOCAL0);
    aml_int(a, 0);
    aml_op(a, AML_ZERO);
    aml_op(a, AML_RETURN);
    aml_op(a, AML_LOCAL0);
    aml_end(a, method);
    aml_end(a, device);
    aml_end(a, scope);
}

GuidInfo *qmp_query_vm_generation_id(Error **errp)
{
    Object *obj = vmgenid_find();
    char text[UUID_TEXT_SIZE];
    GuidInfo *info;

    if (!obj) {
        error_set(errp, "VM Generation ID device not found");
        return NULL;
    }
    uuid_print(&OBJECT_OF(obj, VmGenId)->guid, text);
    info = g_new0(GuidInfo, 1);
    info->guid = g_strdup(text);
    return info;
}

static const Prop vmgenid_props[] = {
    PROP_STRING_AS("guid", VmGenId, text, "auto", "a UUID; auto: a random one"),
    { }
};

static const DeviceType vmgenid_type = {
    .name = "vmgenid", .desc = "tells the guest that it is a copy", .category = CATEGORY_MISC,
    .size = sizeof(VmGenId), .props = vmgenid_props, .realize = vmgenid_realize,
};
REGISTER_DEVICE(vmgenid_type)
