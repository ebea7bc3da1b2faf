/* DSDT of the pc machine: PCI root, interrupt links, sleep states */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/acpi-pm.h"
#include "hw/acpi/pci-hotplug.h"
#include "hw/i386/acpi.h"
#include "hw/nvram/fw-cfg.h"

#define PCI_HOLE_END     0xfec00000u    /* the I/O APIC's address */
#define PCI_HOLE64_SIZE  (32ULL << 30)
#define SCI_IRQ          9

static void sleep_state(Aml *a, const char *name, unsigned type)
{
    AmlMark package;

    aml_name(a, name);
    package = aml_package(a, 4);        /* PM1a and PM1b SLP_TYP, two reserved */
    aml_int(a, type);
    aml_int(a, type);
    aml_int(a, 0);
    aml_int(a, 0);
    aml_end(a, package);
}

/* What lies behind the host bridge: buses, ports, memory */
static void host_resources(const AcpiConfig *cfg, Aml *a)
{
    uint64_t ram_end = cfg->memory_slots ? cfg->device_memory_base + cfg->device_memory_size
                                         : 0x100000000ULL + cfg->above_4g;
    uint64_t above = ROUND_UP(ram_end, 1ULL << 30);
    AmlMark crs;

    aml_name(a, "_CRS");
    crs = aml_crs(a);
    aml_crs_window_bus(a, 0, 0xff);
    aml_crs_io(a, 0xcf8, 8);
    aml_crs_window_io(a, 0x0000, 0x0cf7);
    aml_crs_window_io(a, 0x0d00, 0xffff);
    aml_crs_window_memory(a, 0xa0000, 0xbffff, true);
    aml_crs_window_memory(a, cfg->below_4g, PCI_HOLE_END - 1, false);
    aml_crs_window_memory(a, above, above + PCI_HOLE64_SIZE - 1, true);
    aml_crs_end(a, crs);
}

/*
 * Pin p of slot s goes to PIRQ (s + p - 1) mod 4. The bridge's own slot has
 * the power management function, whose interrupt A is the SCI.
 */
static void interrupt_routing(Aml *a)
{
    static const char *const links[] = { "LNKA", "LNKB", "LNKC", "LNKD" };
    AmlMark table, row;

    aml_name(a, "_PRT");
    table = aml_package(a, 32 * 4);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            bool sci = slot == ACPI_PIIX_SLOT && pin == 0;

            row = aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_path(a, sci ? "LNKS" : links[(slot + pin + 3) % 4]);
            aml_int(a, 0);
            aml_end(a, row);
        }
    }
    aml_end(a, table);
}

/* A link that routes PIRQ n: bit 7 of its register is "off", the low bits are the interrupt */
static void interrupt_link(Aml *a, unsigned n)
{
    static const uint8_t choices[] = { 5, 10, 11 }, one = 0;
    g_autofree char *name = g_strdup_printf("LNK%c", 'A' + n);
    g_autofree char *reg = g_strdup_printf("\\_SB.PCI0.ISA.PRQ%u", n);
    AmlMark device, method, crs, branch;

    device = aml_device(a, name);
    aml_name_eisa(a, "_HID", "PNP0C0F");
    aml_name_int(a, "_UID", n);
    aml_name(a, "_PRS");
    crs = aml_crs(a);
    aml_crs_interrupts(a, choices, ARRAY_SIZE(choices));
    aml_crs_end(a, crs);

    method = aml_method(a, "_STA", 0, false);
    branch = aml_if(a);
    aml_op(a, AML_AND);
    aml_path(a, reg);
    aml_int(a, 0x80);
    aml_op(a, AML_ZERO);
    aml_op(a, AML_RETURN);
    aml_int(a, 0x09);
    aml_end(a, branch);
    aml_op(a, AML_RETURN);
    aml_int(a, 0x0b);
    aml_end(a, method);

    method = aml_method(a, "_DIS", 0, false);
    aml_op(a, AML_OR);
    aml_path(a, reg);
    aml_int(a, 0x80);
    aml_path(a, reg);
    aml_end(a, method);

    /* the interrupt's number sits 5 bytes into the descriptor */
    method = aml_method(a, "_CRS", 0, true);
    aml_name(a, "PRR0");
    crs = aml_crs(a);
    aml_crs_interrupts(a, &one, 1);
    aml_crs_end(a, crs);
    aml_op(a, AML_CREATE_DWORD_FIELD);
    aml_path(a, "PRR0");
    aml_int(a, 5);
    aml_path(a, "PRRI");
    branch = aml_if(a);
    aml_op(a, AML_LNOT);
    aml_op(a, AML_AND);
    aml_path(a, reg);
    aml_int(a, 0x80);
    aml_op(a, AML_ZERO);
    aml_op(a, AML_STORE);
    aml_path(a, reg);
    aml_path(a, "PRRI");
    aml_end(a, branch);
    aml_op(a, AML_RETURN);
    aml_path(a, "PRR0");
    aml_end(a, method);

    method = aml_method(a, "_SRS", 1, true);
    aml_op(a, AML_CREATE_DWORD_FIELD);
    aml_op(a, AML_ARG0);
    aml_int(a, 5);
    aml_path(a, "PRRI");
    aml_op(a, AML_STORE);
    aml_path(a, "PRRI");
    aml_path(a, reg);
    aml_end(a, method);
    aml_end(a, device);
}

/* The SCI's link cannot be moved */
static void sci_link(Aml *a)
{
    static const uint8_t irq = SCI_IRQ;
    static const char *const names[] = { "_PRS", "_CRS" };
    AmlMark device, crs;

    device = aml_device(a, "LNKS");
    aml_name_eisa(a, "_HID", "PNP0C0F");
    aml_name_int(a, "_UID", 4);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        aml_name(a, names[i]);
        crs = aml_crs(a);
        aml_crs_interrupts(a, &irq, 1);
        aml_crs_end(a, crs);
    }
    aml_name_int(a, "_STA", 0x0b);
    aml_end(a, aml_method(a, "_DIS", 0, false));
    aml_end(a, aml_method(a, "_SRS", 1, false));
    aml_end(a, device);
}

static void slot_name(char name[5], unsigned slot)
{
    snprintf(name, 5, "S%03X", slot & 31);
}

/* If (bit of slot in local) Notify (slot's device, event) */
static void notify_slot(Aml *a, uint8_t local, unsigned slot, unsigned event)
{
    AmlMark branch = aml_if(a);
    char name[5];

    slot_name(name, slot);
    aml_op(a, AML_AND);
    aml_op(a, local);
    aml_int(a, BIT(slot));
    aml_op(a, AML_ZERO);
    aml_op(a, AML_NOTIFY);
    aml_path(a, name);
    aml_int(a, event);
    aml_end(a, branch);
}

/* Slots that the guest can empty, and the method that says what changed: hw/acpi/pci-hotplug.c */
static void hotplug_slots(const AcpiConfig *cfg, Aml *a)
{
    AmlMark mark, method;

    aml_operation_region(a, "PCST", AML_SYSTEM_IO, PCI_HOTPLUG_BASE, 12);
    mark = aml_field(a, "PCST", 4);
    aml_field_unit(a, "PCIU", 32);
    aml_field_unit(a, "PCID", 32);
    aml_field_unit(a, "B0EJ", 32);
    aml_end(a, mark);
    for (unsigned slot = 0; slot < 32; slot++) {
        char name[5];

        if (!(cfg->hotplug_slots & BIT(slot))) {
            continue;
        }
        slot_name(name, slot);
        mark = aml_device(a, name);
        aml_name_int(a, "_ADR", slot << 16);
        aml_name_int(a, "_SUN", slot);
        method = aml_method(a, "_EJ0", 1, false);
        aml_op(a, AML_STORE);
        aml_int(a, BIT(slot));
        aml_path(a, "B0EJ");
        aml_end(a, method);
        aml_end(a, mark);
    }
    method = aml_method(a, "PCNT", 0, true);
    aml_op(a, AML_STORE);
    aml_path(a, "PCIU");
    aml_op(a, AML_LOCAL0);
    aml_op(a, AML_STORE);
    aml_path(a, "PCID");
    aml_op(a, AML_LOCAL1);
    for (unsigned slot = 0; slot < 32; slot++) {
        if (cfg->hotplug_slots & BIT(slot)) {
            notify_slot(a, AML_LOCAL0, slot, 1);    /* device check */
            notify_slot(a, AML_LOCAL1, slot, 3);    /* eject request */
        }
    }
    aml_end(a, method);
    mark = aml_device(a, "PHPR");                   /* keeps others off the ports */
    aml_name_eisa(a, "_HID", "PNP0A06");
    aml_name_string(a, "_UID", "PCI Hotplug resources");
    aml_name_int(a, "_STA", 0x0b);
    aml_name(a, "_CRS");
    method = aml_crs(a);
    aml_crs_io(a, PCI_HOTPLUG_BASE, PCI_HOTPLUG_SIZE);
    aml_crs_end(a, method);
    aml_end(a, mark);
}

/* General purpose events, by their number */
static void general_events(const AcpiConfig *cfg, Aml *a)
{
    AmlMark scope = aml_scope(a, "\\_GPE"), method;

    if (cfg->hotplug_slots) {
        method = aml_method(a, "_E01", 0, false);
        aml_path(a, "\\_SB.PCI0.PCNT");
        aml_end(a, method);
    }
    if (cfg->memory_slots) {
        method = aml_method(a, "_E03", 0, false);
        aml_path(a, "\\_SB.MEMS.MSCN");
        aml_end(a, method);
    }
    if (cfg->cpu_hotplug) {
        method = aml_method(a, "_E02", 0, false);
        aml_path(a, "\\_SB.CPUS.CSCN");
        aml_end(a, method);
    }
    aml_end(a, scope);
}

static void system_devices(const AcpiConfig *cfg, Aml *a)
{
    AmlMark device, crs;

    device = aml_device(a, "FWCF");
    aml_name_string(a, "_HID", "QEMU0002");
    aml_name_int(a, "_STA", 0x0b);                  /* hidden from the user */
    aml_name(a, "_CRS");
    crs = aml_crs(a);
    aml_crs_io(a, FW_CFG_IO_BASE, FW_CFG_IO_SIZE);
    aml_crs_end(a, crs);
    aml_end(a, device);
    if (cfg->hpet_id) {
        device = aml_device(a, "HPET");
        aml_name_eisa(a, "_HID", "PNP0103");
        aml_name_int(a, "_UID", 0);
        aml_name_int(a, "_STA", 0x0f);
        aml_name(a, "_CRS");
        crs = aml_crs(a);
        aml_crs_memory(a, 0xfed00000, 0x400);
        aml_crs_end(a, crs);
        aml_end(a, device);
    }
    acpi_cpu_devices(cfg, a);
    if (cfg->memory_slots) {
        acpi_memory_devices(cfg, a);
    }
}

void acpi_dsdt(const AcpiConfig *cfg, Aml *a)
{
    AmlMark scope = aml_scope(a, "\\_SB"), root;

    root = aml_device(a, "PCI0");
    aml_name_eisa(a, "_HID", "PNP0A03");
    aml_name_int(a, "_UID", 0);
    aml_name_int(a, "_BBN", 0);
    host_resources(cfg, a);
    interrupt_routing(a);
    acpi_isa_bridge(cfg, a);
    if (cfg->hotplug_slots) {
        hotplug_slots(cfg, a);
    }
    aml_end(a, root);
    for (unsigned i = 0; i < 4; i++) {
        interrupt_link(a, i);
    }
    sci_link(a);
    system_devices(cfg, a);
    aml_end(a, scope);
    general_events(cfg, a);

    if (cfg->s3) {
        sleep_state(a, "\\_S3", ACPI_SLP_TYP_S3);
    }
    if (cfg->s4) {
        sleep_state(a, "\\_S4", cfg->s4_type);
    }
    sleep_state(a, "\\_S5", ACPI_SLP_TYP_S5);
}
