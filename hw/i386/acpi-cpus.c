/* The DSDT's CPUs: their devices, and the methods by which they come and go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/cpu-hotplug.h"
#include "hw/i386/acpi.h"

static void call(Aml *a, const char *method, unsigned uid)
{
    aml_path(a, method);
    aml_int(a, uid);
}

/* The registers of hw/acpi/cpu-hotplug.c; CLCK keeps a selection together with its use. */
static void registers(Aml *a)
{
    AmlMark mark;

    aml_mutex(a, "CLCK");
    aml_operation_region(a, "CREG", AML_SYSTEM_IO, CPU_HOTPLUG_BASE, CPU_HOTPLUG_SIZE);
    mark = aml_field_zeroes(a, "CREG", 1);
    aml_field_unit(a, NULL, CPU_HOTPLUG_FLAGS * 8);
    aml_field_unit(a, "CPEN", 1);
    aml_field_unit(a, "CINS", 1);
    aml_field_unit(a, "CRMV", 1);
    aml_field_unit(a, "CEJT", 1);
    aml_field_unit(a, NULL, 4);
    aml_field_unit(a, "CCMD", 8);
    aml_end(a, mark);
    mark = aml_field(a, "CREG", 4);
    aml_field_unit(a, "CSEL", 32);
    aml_field_unit(a, NULL, 32);
    aml_field_unit(a, "CDAT", 32);
    aml_end(a, mark);
    mark = aml_method(a, "_INI", 0, true);
    aml_store_int(a, 0, "CSEL");                /* the bitmap of old goes, the registers come */
    aml_end(a, mark);
}

/* CSTA (uid): _STA */
static void status_method(Aml *a)
{
    AmlMark method = aml_method(a, "CSTA", 1, true), branch;

    aml_acquire(a, "CLCK");
    aml_store_op(a, AML_ARG0, "CSEL");
    aml_op(a, AML_STORE);
    aml_int(a, 0);
    aml_op(a, AML_LOCAL0);
    branch = aml_if(a);
    aml_path(a, "CPEN");
    aml_op(a, AML_STORE);
    aml_int(a, 0x0f);
    aml_op(a, AML_LOCAL0);
    aml_end(a, branch);
    aml_release(a, "CLCK");
    aml_op(a, AML_RETURN);
    aml_op(a, AML_LOCAL0);
    aml_end(a, method);
}

/* CEJ0 (uid): _EJ0 */
static void eject_method(Aml *a)
{
    AmlMark method = aml_method(a, "CEJ0", 1, true);

    aml_acquire(a, "CLCK");
    aml_store_op(a, AML_ARG0, "CSEL");
    aml_store_int(a, 1, "CEJT");
    aml_release(a, "CLCK");
    aml_end(a, method);
}

/* COST (uid, event, status): _OST */
static void ost_method(Aml *a)
{
    AmlMark method = aml_method(a, "COST", 3, true);

    aml_acquire(a, "CLCK");
    aml_store_op(a, AML_ARG0, "CSEL");
    aml_store_int(a, CPU_COMMAND_OST_EVENT, "CCMD");
    aml_store_op(a, AML_ARG1, "CDAT");
    aml_store_int(a, CPU_COMMAND_OST_STATUS, "CCMD");
    aml_store_op(a, AML_ARG2, "CDAT");
    aml_release(a, "CLCK");
    aml_end(a, method);
}

static void cpu_name(char name[5], unsigned i)
{
    snprintf(name, 5, "C%03X", i & 0xfff);
}

/* If (flag) { CTFY (selected, value); acknowledge; once more } */
static void pass_on(Aml *a, const char *flag, unsigned value)
{
    AmlMark branch = aml_if(a);

    aml_path(a, flag);
    aml_path(a, "CTFY");
    aml_path(a, "CDAT");
    aml_int(a, value);
    aml_store_int(a, 1, flag);
    aml_op(a, AML_STORE);
    aml_int(a, 1);
    aml_op(a, AML_LOCAL0);
    aml_end(a, branch);
}

/* CSCN: the event's handler, as long as a CPU has something to tell */
static void scan_method(Aml *a)
{
    AmlMark method = aml_method(a, "CSCN", 0, true), loop;

    aml_acquire(a, "CLCK");
    aml_store_int(a, 0, "CSEL");
    aml_op(a, AML_STORE);
    aml_int(a, 1);
    aml_op(a, AML_LOCAL0);
    loop = aml_while(a);
    aml_op(a, AML_LOCAL0);
    aml_op(a, AML_STORE);
    aml_int(a, 0);
    aml_op(a, AML_LOCAL0);
    aml_store_int(a, CPU_COMMAND_NEXT_EVENT, "CCMD");
    pass_on(a, "CINS", ACPI_NOTIFY_DEVICE_CHECK);
    pass_on(a, "CRMV", ACPI_NOTIFY_EJECT_REQUEST);
    aml_end(a, loop);
    aml_release(a, "CLCK");
    aml_end(a, method);
}

static void hotplug_methods(const AcpiConfig *cfg, Aml *a, unsigned i)
{
    AmlMark method;
    uint8_t entry[16];
    unsigned len = acpi_madt_cpu(entry, i, cfg->apic_ids[i], true);

    method = aml_method(a, "_STA", 0, true);
    aml_op(a, AML_RETURN);
    call(a, "CSTA", i);
    aml_end(a, method);
    aml_name(a, "_MAT");                    /* as the MADT has it while the CPU is there */
    aml_buffer(a, entry, len);
    if (i) {                                /* the boot CPU stays */
        method = aml_method(a, "_EJ0", 1, true);
        call(a, "CEJ0", i);
        aml_end(a, method);
    }
    method = aml_method(a, "_OST", 3, true);
    call(a, "COST", i);
    aml_op(a, AML_ARG0);
    aml_op(a, AML_ARG1);
    aml_end(a, method);
}

/* Keeps others off the ports */
static void reserve_ports(Aml *a)
{
    AmlMark device = aml_device(a, "CHPR"), crs;

    aml_name_eisa(a, "_HID", "PNP0A06");
    aml_name_string(a, "_UID", "CPU Hotplug resources");
    aml_name_int(a, "_STA", 0x0b);
    aml_name(a, "_CRS");
    crs = aml_crs(a);
    aml_crs_io(a, CPU_HOTPLUG_BASE, CPU_HOTPLUG_SIZE);
    aml_crs_end(a, crs);
    aml_end(a, device);
}

void acpi_cpu_devices(const AcpiConfig *cfg, Aml *a)
{
    AmlMark container, device;

    if (cfg->cpu_hotplug) {
        reserve_ports(a);
    }
    container = aml_device(a, "CPUS");
    aml_name_string(a, "_HID", "ACPI0010");         /* a processor container */
    aml_name_eisa(a, "_CID", "PNP0A05");
    if (cfg->cpu_hotplug) {
        registers(a);
        status_method(a);
        eject_method(a);
        ost_method(a);
    }
    for (unsigned i = 0; i < cfg->nr_cpus; i++) {
        char name[5];

        cpu_name(name, i);
        device = aml_device(a, name);
        aml_name_string(a, "_HID", "ACPI0007");
        aml_name_int(a, "_UID", i);                 /* as in the MADT */
        if (cfg->cpu_hotplug) {
            hotplug_methods(cfg, a, i);
        }
        if (cfg->nr_nodes) {
            aml_name_int(a, "_PXM", cfg->node_of_cpu[i]);
        }
        aml_end(a, device);
    }
    if (cfg->cpu_hotplug) {
        aml_notify_method(a, "CTFY", cfg->nr_cpus, cpu_name);
        scan_method(a);
    }
    aml_end(a, container);
}
