/* ACPI tables of the PC, from a description of the machine to bytes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_ACPI_H
#define HW_I386_ACPI_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/acpi/aml.h"
#include "qapi/types-cli.h"

/* The header of a table (ACPI 5.2.6): 36 bytes, at 9 a checksum, at 10 the names of its OEM */
#define ACPI_HEADER_SIZE     36
#define ACPI_HEADER_CHECKSUM 9
#define ACPI_HEADER_OEM      10
#define ACPI_HEADER_OEM_SIZE 14

#define ACPI_PIIX_SLOT 1            /* of the south bridge */

typedef struct AcpiFloppy {
    uint8_t cmos_type;              /* 0: there is no such drive */
    uint8_t tracks, heads, sectors;
} AcpiFloppy;

/* Notify values (ACPI 6.4, 5.6.6) */
enum { ACPI_NOTIFY_DEVICE_CHECK = 1, ACPI_NOTIFY_EJECT_REQUEST = 3 };

typedef struct AcpiConfig {
    unsigned nr_cpus;               /* places of CPUs */
    const uint32_t *apic_ids;       /* nr_cpus of them */
    const bool *cpu_present;        /* NULL: all are there */
    bool cpu_hotplug;               /* CPUs may come and go */
    uint64_t below_4g, above_4g;    /* bytes of RAM */
    unsigned memory_slots;          /* for modules that come and go; 0: none */
    uint64_t device_memory_base, device_memory_size;    /* where they may be */
    uint32_t hpet_id;               /* low half of its capabilities; 0: no HPET */
    bool i8042;
    bool serial[4], parallel[3];
    bool fdc;
    AcpiFloppy floppy[2];
    bool pvpanic;
    uint16_t pvpanic_port;
    uint32_t hotplug_slots;         /* of the PCI root: devices may come and go; 0: no hotplug */
    bool s3, s4;                    /* offer these sleep states */
    uint8_t s4_type;                /* SLP_TYP of the latter */
    /* NUMA; nr_nodes 0: none */
    unsigned nr_nodes;
    const uint64_t *node_ram;       /* bytes of each node, in order of addresses */
    const uint8_t *node_of_cpu;     /* nr_cpus of them */
    const uint8_t *distances;       /* nr_nodes * nr_nodes; NULL: 10 and 20 */
    bool vmgenid;
    GPtrArray *user_tables;         /* GBytes: whole tables; NULL: none */
} AcpiConfig;

/* The three files of the firmware's table loader. */
typedef struct AcpiFiles {
    GByteArray *tables;             /* etc/acpi/tables */
    GByteArray *rsdp;               /* etc/acpi/rsdp */
    GByteArray *loader;             /* etc/table-loader */
} AcpiFiles;

void acpi_build(const AcpiConfig *cfg, AcpiFiles *files);
void acpi_files_free(AcpiFiles *files);

/*
 * One -acpitable: the files' bytes behind a header from the options (data=), or whole tables whose
 * headers the options change (file=). Its length and checksum are put right. NULL with errp.
 */
GBytes *acpi_user_table(const AcpiTableOptions *opts, Error **errp);

/* The MADT's entry of a CPU, at most 16 bytes; returns its length. */
unsigned acpi_madt_cpu(uint8_t out[16], unsigned uid, uint32_t apic_id, bool enabled);
/* acpi-cpus.c: the CPUs' devices and their hotplug */
void acpi_cpu_devices(const AcpiConfig *cfg, Aml *a);
/* acpi-isa.c: the ISA bridge, what is behind it */
void acpi_isa_bridge(const AcpiConfig *cfg, Aml *a);
/* acpi-memory.c: the memory slots' devices and their hotplug */
void acpi_memory_devices(const AcpiConfig *cfg, Aml *a);
/* The DSDT's AML, without the table header (acpi-dsdt.c). */
void acpi_dsdt(const AcpiConfig *cfg, Aml *a);

#endif
