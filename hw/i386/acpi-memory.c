/* The DSDT's memory slots: their devices, and the methods by which modules come and go */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/memory-hotplug.h"
#include "hw/i386/acpi.h"

static void store(Aml *a, const char *from, uint8_t to)
{
    aml_op(a, AML_STORE);
    aml_path(a, from);
    aml_op(a, to);
}

/* The registers of hw/acpi/memory-hotplug.c; MLCK keeps a selection together with its use. */
static void registers(Aml *a)
{
    AmlMark mark;

    aml_mutex(a, "MLCK");
    aml_operation_region(a, "MREG", AML_SYSTEM_IO, MEMORY_HOTPLUG_BASE, MEMORY_HOTPLUG_SIZE);
    mark = aml_field(a, "MREG", 4);
    aml_field_unit(a, "MADL", 32);
    aml_field_unit(a, "MADH", 32);
    aml_field_unit(a, "MLNL", 32);
    aml_field_unit(a, "MLNH", 32);
    aml_field_unit(a, "MPXM", 32);
    aml_end(a, mark);
    mark = aml_field_zeroes(a, "MREG", 1);
    aml_field_unit(a, NULL, MEMORY_HOTPLUG_FLAGS * 8);
    aml_field_unit(a, "MEN", 1);
    aml_field_unit(a, "MINS", 1);
    aml_field_unit(a, "MRMV", 1);
    aml_field_unit(a, "MEJT", 1);
    aml_end(a, mark);
    mark = aml_field(a, "MREG", 4);
    aml_field_unit(a, "MSEL", 32);
    aml_field_unit(a, "MOEV", 32);
    aml_field_unit(a, "MOSC", 32);
    aml_end(a, mark);
}

/* name (slot): select it, run what the caller writes next, under the lock */
static AmlMark method_of_slot(Aml *a, const char *name, unsigned args)
{
    AmlMark method = aml_method(a, name, args, true);

    aml_acquire(a, "MLCK");
    aml_store_op(a, AML_ARG0, "MSEL");
    return method;
}

static void end_with(Aml *a, AmlMark method, uint8_t result)
{
    aml_release(a, "MLCK");
    if (result) {
        aml_op(a, AML_RETURN);
        aml_op(a, result);
    }
    aml_end(a, method);
}

static void status_method(Aml *a)
{
    AmlMark method = method_of_slot(a, "MSTA", 1), branch;

    aml_op(a, AML_STORE);
    aml_int(a, 0);
    aml_op(a, AML_LOCAL0);
    branch = aml_if(a);
    aml_path(a, "MEN_");
    aml_op(a, AML_STORE);
    aml_int(a, 0x0f);
    aml_op(a, AML_LOCAL0);
    aml_end(a, branch);
    end_with(a, method, AML_LOCAL0);
}

/* By a variable, as iasl takes half of a known field of a descriptor for a mistake. */
static void dword_of(Aml *a, unsigned offset, const char *name)
{
    aml_op(a, AML_STORE);
    aml_int(a, offset);
    aml_op(a, AML_LOCAL0);
    aml_op(a, AML_CREATE_DWORD_FIELD);
    aml_path(a, "MRES");
    aml_op(a, AML_LOCAL0);
    aml_path(a, name);
}

/*
 * MCRS (slot): _CRS. A quad word address space descriptor (ACPI 6.4, 6.4.3.5.1)
 * whose ends are filled in halves, as this DSDT's integers have 32 bits.
 */
static void resource_method(Aml *a)
{
    static const struct { unsigned offset; const char *name; } fields[] = {
        { 14, "MINL" }, { 18, "MINH" }, { 22, "MAXL" }, { 26, "MAXH" }, { 38, "LENL" },
        { 42, "LENH" },
    };
    static const struct { const char *from, *to; } copies[] = {
        { "MADL", "MINL" }, { "MADH", "MINH" }, { "MLNL", "LENL" }, { "MLNH", "LENH" },
    };
    AmlMark method = method_of_slot(a, "MCRS", 1), crs, branch;

    aml_name(a, "MRES");
    crs = aml_crs(a);
    aml_crs_window_memory(a, 0, UINT64_MAX - 1, true);
    aml_crs_end(a, crs);
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        dword_of(a, fields[i].offset, fields[i].name);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(copies); i++) {
        aml_op(a, AML_STORE);
        aml_path(a, copies[i].from);
        aml_path(a, copies[i].to);
    }
    for (unsigned i = 0; i < 2; i++) {              /* MAX = MIN + LEN, low and high */
        aml_op(a, AML_ADD);
        aml_path(a, i ? "MINH" : "MINL");
        aml_path(a, i ? "LENH" : "LENL");
        aml_path(a, i ? "MAXH" : "MAXL");
    }
    branch = aml_if(a);                             /* carry */
    aml_op(a, AML_LLESS);
    aml_path(a, "MAXL");
    aml_path(a, "MINL");
    aml_op(a, AML_ADD);
    aml_path(a, "MAXH");
    aml_int(a, 1);
    aml_path(a, "MAXH");
    aml_end(a, branch);
    branch = aml_if(a);                             /* and - 1, with borrow */
    aml_op(a, AML_LLESS);
    aml_path(a, "MAXL");
    aml_int(a, 1);
    aml_op(a, AML_SUBTRACT);
    aml_path(a, "MAXH");
    aml_int(a, 1);
    aml_path(a, "MAXH");
    aml_end(a, branch);
    aml_op(a, AML_SUBTRACT);
    aml_path(a, "MAXL");
    aml_int(a, 1);
    aml_path(a, "MAXL");
    aml_release(a, "MLCK");
    aml_op(a, AML_RETURN);
    aml_path(a, "MRES");
    aml_end(a, method);
}

static void node_method(Aml *a)
{
    AmlMark method = method_of_slot(a, "MPXG", 1);

    store(a, "MPXM", AML_LOCAL0);
    end_with(a, method, AML_LOCAL0);
}

static void eject_and_ost_methods(Aml *a)
{
    AmlMark method = method_of_slot(a, "MEJ0", 1);

    aml_store_int(a, 1, "MEJT");
    end_with(a, method, 0);
    method = method_of_slot(a, "MOST", 3);
    aml_store_op(a, AML_ARG1, "MOEV");
    aml_store_op(a, AML_ARG2, "MOSC");
    end_with(a, method, 0);
}

static void slot_name(char name[5], unsigned i)
{
    snprintf(name, 5, "MP%02X", i & 0xff);
}

/* If (flag) { MTFY (Local0, value); acknowledge } */
static void pass_on(Aml *a, const char *flag, unsigned value)
{
    AmlMark branch = aml_if(a);

    aml_path(a, flag);
    aml_path(a, "MTFY");
    aml_op(a, AML_LOCAL0);
    aml_int(a, value);
    aml_store_int(a, 1, flag);
    aml_end(a, branch);
}

/* MSCN: the event's handler, slot after slot */
static void scan_method(const AcpiConfig *cfg, Aml *a)
{
    AmlMark method = aml_method(a, "MSCN", 0, true), loop;

    aml_acquire(a, "MLCK");
    aml_op(a, AML_STORE);
    aml_int(a, 0);
    aml_op(a, AML_LOCAL0);
    loop = aml_while(a);
    aml_op(a, AML_LLESS);
    aml_op(a, AML_LOCAL0);
    aml_int(a, cfg->memory_slots);
    aml_store_op(a, AML_LOCAL0, "MSEL");
    pass_on(a, "MINS", ACPI_NOTIFY_DEVICE_CHECK);
    pass_on(a, "MRMV", ACPI_NOTIFY_EJECT_REQUEST);
    aml_op(a, AML_ADD);
    aml_op(a, AML_LOCAL0);
    aml_int(a, 1);
    aml_op(a, AML_LOCAL0);
    aml_end(a, loop);
    aml_release(a, "MLCK");
    aml_end(a, method);
}

static void slot_method(Aml *a, const char *name, const char *calls, unsigned slot, unsigned args,
                        bool returns)
{
    AmlMark method = aml_method(a, name, args, true);

    if (returns) {
        aml_op(a, AML_RETURN);
    }
    aml_path(a, calls);
    aml_int(a, slot);
    if (args == 3) {
        aml_op(a, AML_ARG0);
        aml_op(a, AML_ARG1);
    }
    aml_end(a, method);
}

void acpi_memory_devices(const AcpiConfig *cfg, Aml *a)
{
    AmlMark container = aml_device(a, "MEMS"), mark;

    aml_name_eisa(a, "_HID", "PNP0A06");
    aml_name_string(a, "_UID", "Memory hotplug resources");
    aml_name_int(a, "_STA", 0x0b);
    aml_name(a, "_CRS");
    mark = aml_crs(a);
    aml_crs_io(a, MEMORY_HOTPLUG_BASE, MEMORY_HOTPLUG_SIZE);
    aml_crs_end(a, mark);
    registers(a);
    status_method(a);
    resource_method(a);
    node_method(a);
    eject_and_ost_methods(a);
    for (unsigned i = 0; i < cfg->memory_slots; i++) {
        char name[5];

        slot_name(name, i);
        mark = aml_device(a, name);
        aml_name_eisa(a, "_HID", "PNP0C80");
        aml_name_int(a, "_UID", i);
        slot_method(a, "_STA", "MSTA", i, 0, true);
        slot_method(a, "_CRS", "MCRS", i, 0, true);
        if (cfg->nr_nodes) {
            slot_method(a, "_PXM", "MPXG", i, 0, true);
        }
        slot_method(a, "_EJ0", "MEJ0", i, 1, false);
        slot_method(a, "_OST", "MOST", i, 3, false);
        aml_end(a, mark);
    }
    aml_notify_method(a, "MTFY", cfg->memory_slots, slot_name);
    scan_method(cfg, a);
    aml_end(a, container);
}
