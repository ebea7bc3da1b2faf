/* ACPI tables of the PC beside the DSDT, and the commands by which firmware places them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables follow ACPI 6.4, chapter 5.2, in the revisions that guests as old as
 * this machine read; HPET: IA-PC HPET 1.0a, 3.2.4; WAET: its own specification.
 * Addresses within a file are offsets; the firmware's table loader adds where
 * it put the file, then fills the checksums.
 */
#include "util/osdep.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/acpi/vmgenid.h"
#include "hw/i386/acpi.h"
#include "util/bswap.h"

#define TABLES_FILE  "etc/acpi/tables"
#define RSDP_FILE    "etc/acpi/rsdp"
#define FILE_NAME    56
#define HEADER_SIZE  36
#define OEM_TABLE_OFFSET 16         /* of the OEM's table id in the header */
#define OEM_ID       "MICA  "
#define OEM_TABLE    "MICAPC  "
#define CREATOR      "MICA"
#define PM_BASE      0x600          /* where SeaBIOS puts the PIIX4's PM block */
#define LAPIC_BASE   0xfee00000u
#define IOAPIC_BASE  0xfec00000u
#define HPET_BASE    0xfed00000u

enum { MADT_LAPIC = 0, MADT_X2APIC = 9 };

typedef struct Builder {
    const AcpiConfig *cfg;
    AcpiFiles *files;
    GArray *rsdt_entries;           /* guint32 */
} Builder;

static void put(GByteArray *out, uint64_t value, unsigned bytes)
{
    value = htole64(value);
    g_byte_array_append(out, (const guint8 *)&value, bytes);
}

static void put_text(GByteArray *out, const char *text, unsigned bytes)
{
    char field[64] = { 0 };

    memcpy(field, text, MIN(strlen(text), bytes));
    g_byte_array_append(out, (const guint8 *)field, bytes);
}

static void align_to(GByteArray *out, unsigned align)
{
    while (out->len % align) {
        put(out, 0, 1);
    }
}

/* Loader commands: 128 bytes each, a number and its operands */

static void loader_pad(GByteArray *loader)
{
    align_to(loader, 128);
}

static void loader_allocate(GByteArray *loader, const char *file, uint32_t align, bool low)
{
    put(loader, 1, 4);
    put_text(loader, file, FILE_NAME);
    put(loader, align, 4);
    put(loader, low ? 2 : 1, 1);    /* zone: the BIOS area below 1 MiB, or anywhere */
    loader_pad(loader);
}

static void loader_add_pointer(GByteArray *loader, const char *file, uint32_t offset,
                               unsigned bytes, const char *target)
{
    put(loader, 2, 4);
    put_text(loader, file, FILE_NAME);
    put_text(loader, target, FILE_NAME);
    put(loader, offset, 4);
    put(loader, bytes, 1);
    loader_pad(loader);
}

/* The firmware writes into a file (of ours) where it put another. */
static void loader_write_pointer(GByteArray *loader, const char *file, unsigned bytes,
                                 const char *target)
{
    put(loader, 4, 4);
    put_text(loader, file, FILE_NAME);
    put_text(loader, target, FILE_NAME);
    put(loader, 0, 4);              /* offset in file, in target */
    put(loader, 0, 4);
    put(loader, bytes, 1);
    loader_pad(loader);
}

static void loader_add_checksum(GByteArray *loader, const char *file, uint32_t offset,
                                uint32_t start, uint32_t len)
{
    put(loader, 3, 4);
    put_text(loader, file, FILE_NAME);
    put(loader, offset, 4);
    put(loader, start, 4);
    put(loader, len, 4);
    loader_pad(loader);
}

/* Begin a table in etc/acpi/tables; returns its offset */
static uint32_t table_begin(Builder *b, const char *signature, uint8_t revision)
{
    GByteArray *out = b->files->tables;
    uint32_t start;

    align_to(out, 8);
    start = out->len;
    put_text(out, signature, 4);
    put(out, 0, 4);                 /* length */
    put(out, revision, 1);
    put(out, 0, 1);                 /* checksum */
    put_text(out, OEM_ID, 6);
    put_text(out, OEM_TABLE, 8);
    put(out, 1, 4);
    put_text(out, CREATOR, 4);
    put(out, 1, 4);
    return start;
}

static void table_end(Builder *b, uint32_t start)
{
    GByteArray *out = b->files->tables;

    st32_le(out->data + start + 4, out->len - start);
    loader_add_checksum(b->files->loader, TABLES_FILE, start + 9, start, out->len - start);
}

/* The same for a table that the RSDT names */
static void table_end_listed(Builder *b, uint32_t start)
{
    table_end(b, start);
    g_array_append_val(b->rsdt_entries, start);
}

/* A licence table (SLIC) is valid where the RSDT and the FADT carry its OEM's names. */
static void take_slic_names(Builder *b, uint32_t start)
{
    GPtrArray *tables = b->cfg->user_tables;

    for (unsigned i = 0; tables && i < tables->len; i++) {
        const uint8_t *p = g_bytes_get_data(tables->pdata[i], NULL);

        if (!memcmp(p, "SLIC", 4)) {
            memcpy(b->files->tables->data + start + ACPI_HEADER_OEM, p + ACPI_HEADER_OEM,
                   ACPI_HEADER_OEM_SIZE);
        }
    }
}

static void add_user_tables(Builder *b)
{
    GPtrArray *tables = b->cfg->user_tables;
    GByteArray *out = b->files->tables;

    for (unsigned i = 0; tables && i < tables->len; i++) {
        gsize len;
        const uint8_t *p = g_bytes_get_data(tables->pdata[i], &len);
        uint32_t start;

        align_to(out, 8);
        start = out->len;
        g_byte_array_append(out, p, len);
        out->data[start + ACPI_HEADER_CHECKSUM] = 0;    /* the firmware makes it */
        table_end_listed(b, start);
    }
}

static uint32_t build_facs(Builder *b)
{
    GByteArray *out = b->files->tables;
    uint32_t start;

    align_to(out, 64);
    start = out->len;
    put_text(out, "FACS", 4);
    put(out, 64, 4);
    for (unsigned i = 8; i < 64; i += 8) {
        put(out, 0, 8);
    }
    return start;
}

static uint32_t build_dsdt(Builder *b)
{
    uint32_t start = table_begin(b, "DSDT", 1);

    acpi_dsdt(b->cfg, b->files->tables);
    table_end(b, start);
    return start;
}

/* Revision 1, 116 bytes (ACPI 1.0b, 5.2.5); offsets are the specification's */
static void build_fadt(Builder *b, uint32_t facs, uint32_t dsdt)
{
    static const struct { uint8_t offset, bytes; uint32_t value; } fields[] = {
        { 44, 1, 1 },                       /* interrupt model: multiple APIC */
        { 46, 2, PIIX4_SCI_IRQ },
        { 48, 4, ACPI_PORT_SMI_CMD }, { 52, 1, ACPI_CMD_ENABLE }, { 53, 1, ACPI_CMD_DISABLE },
        { 56, 4, PM_BASE + ACPI_PM1_STS }, { 64, 4, PM_BASE + ACPI_PM1_CNT },
        { 76, 4, PM_BASE + ACPI_PM_TMR }, { 80, 4, PIIX4_GPE_BASE },
        { 88, 1, 4 }, { 89, 1, 2 },         /* lengths of PM1 event and control blocks */
        { 91, 1, 4 }, { 92, 1, 2 * ACPI_GPE_BYTES },
        { 96, 2, 0xfff }, { 98, 2, 0xfff }, /* C2 and C3 latencies: not supported */
        { 108, 1, 0x32 },                   /* RTC's century byte */
        /* WBINVD works, C1 on all CPUs, no sleep button, RTC wakes from S4, platform timer */
        { 112, 4, BIT(0) | BIT(2) | BIT(5) | BIT(7) | BIT(15) },
    };
    uint32_t start = table_begin(b, "FACP", 1);
    GByteArray *out = b->files->tables;
    uint8_t body[116] = { 0 };

    st32_le(body + 36, facs);
    st32_le(body + 40, dsdt);
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        for (unsigned k = 0; k < fields[i].bytes; k++) {
            body[fields[i].offset + k] = fields[i].value >> (8 * k);
        }
    }
    if (b->cfg->nr_cpus > 8) {
        body[114] |= 1 << 2;                /* bit 18: logical APIC IDs in cluster mode only */
    }
    g_byte_array_append(out, body + HEADER_SIZE, sizeof(body) - HEADER_SIZE);
    loader_add_pointer(b->files->loader, TABLES_FILE, start + 36, 4, TABLES_FILE);
    loader_add_pointer(b->files->loader, TABLES_FILE, start + 40, 4, TABLES_FILE);
    take_slic_names(b, start);
    table_end_listed(b, start);
}

static void madt_override(GByteArray *out, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    put(out, 2, 1);
    put(out, 10, 1);
    put(out, 0, 1);                         /* ISA */
    put(out, irq, 1);
    put(out, gsi, 4);
    put(out, flags, 2);
}

unsigned acpi_madt_cpu(uint8_t out[16], unsigned uid, uint32_t apic_id, bool enabled)
{
    memset(out, 0, 16);
    if (apic_id < 255 && uid < 255) {
        out[0] = MADT_LAPIC;
        out[1] = 8;
        out[2] = uid;
        out[3] = apic_id;
        st32_le(out + 4, enabled);
    } else {
        out[0] = MADT_X2APIC;
        out[1] = 16;
        st32_le(out + 4, apic_id);
        st32_le(out + 8, enabled);
        st32_le(out + 12, uid);
    }
    return out[1];
}

static void build_madt(Builder *b)
{
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 };   /* PIRQ lines and the SCI */
    const AcpiConfig *cfg = b->cfg;
    uint32_t start = table_begin(b, "APIC", 1);
    GByteArray *out = b->files->tables;
    bool x2apic = false;

    put(out, LAPIC_BASE, 4);
    put(out, 1, 4);                         /* an i8259 pair is there too */
    for (unsigned i = 0; i < cfg->nr_cpus; i++) {
        uint8_t entry[16];
        unsigned len = acpi_madt_cpu(entry, i, cfg->apic_ids[i],
                                     !cfg->cpu_present || cfg->cpu_present[i]);

        x2apic |= entry[0] == MADT_X2APIC;
        g_byte_array_append(out, entry, len);
    }
    put(out, 1, 1);                         /* the I/O APIC, number 0, pins from 0 on */
    put(out, 12, 1);
    put(out, 0, 2);
    put(out, IOAPIC_BASE, 4);
    put(out, 0, 4);
    madt_override(out, 0, 2, 0);            /* the timer is on pin 2 */
    for (unsigned i = 0; i < ARRAY_SIZE(level_irqs); i++) {
        madt_override(out, level_irqs[i], level_irqs[i], 0x0d);     /* active high, level */
    }
    if (x2apic) {
        put(out, 10, 1);
        put(out, 12, 1);
        put(out, 0, 2);
        put(out, 0xffffffff, 4);
        put(out, 1, 4);                     /* LINT1; three reserved bytes */
    }
    put(out, 4, 1);                         /* LINT1 of every local APIC is NMI */
    put(out, 6, 1);
    put(out, 0xff, 1);
    put(out, 0, 2);
    put(out, 1, 1);
    table_end_listed(b, start);
}

static void build_hpet(Builder *b)
{
    uint32_t start = table_begin(b, "HPET", 1);
    GByteArray *out = b->files->tables;

    put(out, b->cfg->hpet_id, 4);
    put(out, 0, 4);                         /* generic address: memory, no width */
    put(out, HPET_BASE, 8);
    put(out, 0, 1);                         /* number */
    put(out, 0, 2);                         /* shortest tick in periodic mode: not stated */
    put(out, 0, 1);
    table_end_listed(b, start);
}

/* Tells Windows that one read of the PM timer is enough */
static void build_waet(Builder *b)
{
    uint32_t start = table_begin(b, "WAET", 1);

    put(b->files->tables, BIT(1), 4);
    table_end_listed(b, start);
}

enum { SRAT_ENABLED = 1 << 0, SRAT_HOTPLUGGABLE = 1 << 1 };

static void srat_memory(GByteArray *out, unsigned node, uint64_t base, uint64_t len,
                        uint32_t flags)
{
    put(out, 1, 1);
    put(out, 40, 1);
    put(out, node, 4);
    put(out, 0, 2);
    put(out, base, 8);
    put(out, len, 8);
    put(out, 0, 4);
    put(out, flags, 4);
    put(out, 0, 8);
}

/* Split [at, at + len) of the machine's RAM at the PCI hole */
static void srat_node_ram(const AcpiConfig *cfg, GByteArray *out, unsigned node, uint64_t at,
                          uint64_t len)
{
    uint64_t low = at < cfg->below_4g ? MIN(len, cfg->below_4g - at) : 0;

    if (low) {
        srat_memory(out, node, at, low, SRAT_ENABLED);
        at += low;
        len -= low;
    }
    if (len) {
        srat_memory(out, node, 0x100000000ULL + (at - cfg->below_4g), len, SRAT_ENABLED);
    }
}

static void build_srat(Builder *b)
{
    const AcpiConfig *cfg = b->cfg;
    uint32_t start = table_begin(b, "SRAT", 1);
    GByteArray *out = b->files->tables;
    uint64_t at = 0;

    put(out, 1, 4);
    put(out, 0, 8);
    for (unsigned i = 0; i < cfg->nr_cpus; i++) {
        bool small = cfg->apic_ids[i] < 255;

        put(out, small ? 0 : 2, 1);
        put(out, small ? 16 : 24, 1);
        if (small) {
            put(out, cfg->node_of_cpu[i], 1);
            put(out, cfg->apic_ids[i], 1);
            put(out, 1, 4);
            put(out, 0, 8);
        } else {
            put(out, 0, 2);
            put(out, cfg->node_of_cpu[i], 4);
            put(out, cfg->apic_ids[i], 4);
            put(out, 1, 4);
            put(out, 0, 8);
        }
    }
    for (unsigned node = 0; node < cfg->nr_nodes; node++) {
        srat_node_ram(cfg, out, node, at, cfg->node_ram[node]);
        at += cfg->node_ram[node];
    }
    if (cfg->memory_slots) {                /* guests prepare for addresses up to its end */
        srat_memory(out, cfg->nr_nodes - 1, cfg->device_memory_base, cfg->device_memory_size,
                    SRAT_ENABLED | SRAT_HOTPLUGGABLE);
    }
    table_end_listed(b, start);
}

static void build_slit(Builder *b)
{
    const AcpiConfig *cfg = b->cfg;
    uint32_t start = table_begin(b, "SLIT", 1);
    GByteArray *out = b->files->tables;

    put(out, cfg->nr_nodes, 8);
    for (unsigned i = 0; i < cfg->nr_nodes; i++) {
        for (unsigned k = 0; k < cfg->nr_nodes; k++) {
            put(out, cfg->distances ? cfg->distances[i * cfg->nr_nodes + k] : i == k ? 10 : 20, 1);
        }
    }
    table_end_listed(b, start);
}

/* VM generation ID: an SSDT, which its users know by the OEM's table id, and a page of memory */
static void build_vmgenid(Builder *b)
{
    GByteArray *out = b->files->tables, *loader = b->files->loader;
    uint32_t start = table_begin(b, "SSDT", 1), address;

    memcpy(out->data + start + OEM_TABLE_OFFSET, "VMGENID ", 8);
    vmgenid_aml(out, &address);
    loader_allocate(loader, VMGENID_GUID_FILE, 4096, false);
    loader_add_pointer(loader, TABLES_FILE, address, 4, VMGENID_GUID_FILE);
    loader_write_pointer(loader, VMGENID_ADDR_FILE, VMGENID_ADDR_BYTES, VMGENID_GUID_FILE);
    table_end_listed(b, start);
}

static uint32_t build_rsdt(Builder *b)
{
    uint32_t start = table_begin(b, "RSDT", 1);

    for (unsigned i = 0; i < b->rsdt_entries->len; i++) {
        loader_add_pointer(b->files->loader, TABLES_FILE, b->files->tables->len, 4, TABLES_FILE);
        put(b->files->tables, g_array_index(b->rsdt_entries, guint32, i), 4);
    }
    take_slic_names(b, start);
    table_end(b, start);
    return start;
}

/* ACPI 1.0's 20 bytes */
static void build_rsdp(Builder *b, uint32_t rsdt)
{
    GByteArray *out = b->files->rsdp;

    put_text(out, "RSD PTR ", 8);
    put(out, 0, 1);
    put_text(out, OEM_ID, 6);
    put(out, 0, 1);                         /* revision */
    put(out, rsdt, 4);
    loader_add_pointer(b->files->loader, RSDP_FILE, 16, 4, TABLES_FILE);
    loader_add_checksum(b->files->loader, RSDP_FILE, 8, 0, 20);
}

void acpi_build(const AcpiConfig *cfg, AcpiFiles *files)
{
    Builder b = {
        .cfg = cfg, .files = files, .rsdt_entries = g_array_new(false, false, sizeof(guint32)),
    };
    uint32_t facs, dsdt;

    files->tables = g_byte_array_new();
    files->rsdp = g_byte_array_new();
    files->loader = g_byte_array_new();
    loader_allocate(files->loader, TABLES_FILE, 64, false);
    loader_allocate(files->loader, RSDP_FILE, 16, true);
    facs = build_facs(&b);
    dsdt = build_dsdt(&b);
    build_fadt(&b, facs, dsdt);
    build_madt(&b);
    if (cfg->hpet_id) {
        build_hpet(&b);
    }
    if (cfg->nr_nodes) {
        build_srat(&b);
        build_slit(&b);
    }
    build_waet(&b);
    if (cfg->vmgenid) {
        build_vmgenid(&b);
    }
    add_user_tables(&b);
    build_rsdp(&b, build_rsdt(&b));
    g_array_unref(b.rsdt_entries);
}

void acpi_files_free(AcpiFiles *files)
{
    g_byte_array_unref(files->tables);
    g_byte_array_unref(files->rsdp);
    g_byte_array_unref(files->loader);
}
