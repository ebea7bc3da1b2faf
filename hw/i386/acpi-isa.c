/* DSDT of the pc machine: the ISA bridge and the devices behind it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/acpi.h"

#define PIIX_PIRQ_OFFSET 0x60           /* route control registers A to D (PIIX3, 2.3.10) */

/* A fixed device of ports and one interrupt; ports end with a count of 0, irq 0 is none */
typedef struct IsaRow {
    const char *name, *hid;
    unsigned uid;                       /* 0: none is needed */
    struct { uint16_t first; uint8_t count; } io[3];
    uint8_t irq;
    uint8_t dma;                        /* 0: none */
} IsaRow;

static const IsaRow isa_rows[] = {
    { "RTC", "PNP0B00", 0, { { 0x70, 8 } }, 8 },
};

static const IsaRow i8042_rows[] = {
    { "KBD", "PNP0303", 0, { { 0x60, 1 }, { 0x64, 1 } }, 1 },
    { "MOU", "PNP0F13", 0, { { 0 } }, 12 },
};

static const IsaRow serial_rows[] = {
    { "COM1", "PNP0501", 1, { { 0x3f8, 8 } }, 4 },
    { "COM2", "PNP0501", 2, { { 0x2f8, 8 } }, 3 },
    { "COM3", "PNP0501", 3, { { 0x3e8, 8 } }, 4 },
    { "COM4", "PNP0501", 4, { { 0x2e8, 8 } }, 3 },
};

static const IsaRow parallel_rows[] = {
    { "LPT1", "PNP0400", 1, { { 0x378, 8 } }, 7 },
    { "LPT2", "PNP0400", 2, { { 0x278, 8 } }, 5 },
    { "LPT3", "PNP0400", 3, { { 0x3bc, 4 } }, 7 },
};

static const IsaRow fdc_row = {
    "FDC0", "PNP0700", 0, { { 0x3f2, 4 }, { 0x3f7, 1 } }, 6, 2,
};

/* The device, left open for what else belongs into it. */
static AmlMark isa_device(Aml *a, const IsaRow *row)
{
    AmlMark device = aml_device(a, row->name), crs;

    aml_name_eisa(a, "_HID", row->hid);
    if (row->uid) {
        aml_name_int(a, "_UID", row->uid);
    }
    aml_name_int(a, "_STA", 0x0f);
    aml_name(a, "_CRS");
    crs = aml_crs(a);
    for (unsigned i = 0; i < ARRAY_SIZE(row->io) && row->io[i].count; i++) {
        aml_crs_io(a, row->io[i].first, row->io[i].count);
    }
    if (row->irq) {
        aml_crs_irq(a, row->irq);
    }
    if (row->dma) {
        aml_crs_dma(a, row->dma);
    }
    aml_crs_end(a, crs);
    return device;
}

static void isa_devices(Aml *a, const IsaRow *rows, const bool *present, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!present || present[i]) {
            aml_end(a, isa_device(a, &rows[i]));
        }
    }
}

/* ACPI 6.4, 9.9: which drives there are, and for each what INT 13h function 8 tells */
static void floppy_drives(const AcpiConfig *cfg, Aml *a)
{
    static const uint8_t disk_parameters[] = {      /* the BIOS's table for 1.44 MB disks */
        0xaf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08,
    };
    AmlMark fdc = isa_device(a, &fdc_row), package;
    uint8_t present[20] = { 0 };                    /* five dwords: A to D, tape */

    for (unsigned i = 0; i < ARRAY_SIZE(cfg->floppy); i++) {
        present[4 * i] = cfg->floppy[i].cmos_type != 0;
    }
    present[16] = 2;                                /* tape: unknown */
    aml_name(a, "_FDE");
    aml_buffer(a, present, sizeof(present));
    for (unsigned i = 0; i < ARRAY_SIZE(cfg->floppy); i++) {
        const AcpiFloppy *f = &cfg->floppy[i];
        const uint8_t numbers[5] = { i, f->cmos_type, f->tracks - 1, f->sectors, f->heads - 1 };
        AmlMark drive;

        if (!f->cmos_type) {
            continue;
        }
        drive = aml_device(a, i ? "FLPB" : "FLPA");
        aml_name_int(a, "_ADR", i);
        aml_name(a, "_FDI");
        package = aml_package(a, sizeof(numbers) + sizeof(disk_parameters));
        for (unsigned k = 0; k < sizeof(numbers); k++) {
            aml_int(a, numbers[k]);
        }
        for (unsigned k = 0; k < sizeof(disk_parameters); k++) {
            aml_int(a, disk_parameters[k]);
        }
        aml_end(a, package);
        aml_end(a, drive);
    }
    aml_end(a, fdc);
}

void acpi_isa_bridge(const AcpiConfig *cfg, Aml *a)
{
    AmlMark device = aml_device(a, "ISA"), inner, crs;

    aml_name_int(a, "_ADR", ACPI_PIIX_SLOT << 16);
    aml_operation_region(a, "P40C", AML_PCI_CONFIG, PIIX_PIRQ_OFFSET, 4);
    inner = aml_field(a, "P40C", 1);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf("PRQ%u", i);

        aml_field_unit(a, name, 8);
    }
    aml_end(a, inner);
    isa_devices(a, isa_rows, NULL, ARRAY_SIZE(isa_rows));
    if (cfg->i8042) {
        isa_devices(a, i8042_rows, NULL, ARRAY_SIZE(i8042_rows));
    }
    isa_devices(a, serial_rows, cfg->serial, ARRAY_SIZE(serial_rows));
    isa_devices(a, parallel_rows, cfg->parallel, ARRAY_SIZE(parallel_rows));
    if (cfg->fdc) {
        floppy_drives(cfg, a);
    }
    if (cfg->pvpanic) {
        inner = aml_device(a, "PEVT");
        aml_name_string(a, "_HID", "QEMU0001");     /* the identity its drivers know */
        aml_name_int(a, "_STA", 0x0f);
        aml_name(a, "_CRS");
        crs = aml_crs(a);
        aml_crs_io(a, cfg->pvpanic_port, 1);
        aml_crs_end(a, crs);
        aml_end(a, inner);
    }
    aml_end(a, device);
}
