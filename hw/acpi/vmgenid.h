/* VM generation ID: what firmware places for it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_VMGENID_H
#define HW_ACPI_VMGENID_H

#include "hw/acpi/aml.h"
#include "qom/object.h"

#define VMGENID_GUID_FILE   "etc/vmgenid_guid"  /* a page; firmware puts it into memory */
#define VMGENID_ADDR_FILE   "etc/vmgenid_addr"  /* and tells us here where that is */
#define VMGENID_GUID_OFFSET 40
#define VMGENID_ADDR_BYTES  8

typedef struct FwCfg FwCfg;

/* The machine's device, NULL when it has none. */
Object *vmgenid_find(void);
/* Its files for the firmware. */
bool vmgenid_publish(Object *obj, FwCfg *fw, Error **errp);
/* Its SSDT's AML; *address is where in it the page's address stands, 4 bytes. */
void vmgenid_aml(Aml *a, uint32_t *address);

#endif
