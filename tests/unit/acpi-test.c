/* Tests of the ACPI tables: the loader's commands, checksums, and iasl's opinion of each table */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/acpi.h"
#include "util/bswap.h"

#define TABLES_AT 0x7fe0000u
#define RSDP_AT   0xf5a00u
#define GUID_AT   0x12345000u    /* of the page for the VM generation ID */

/* What a firmware makes of the files */
typedef struct Placed {
    AcpiFiles files;
    bool tables_placed, rsdp_placed;
} Placed;

static GByteArray *file_named(Placed *p, const uint8_t *name, uint32_t *base)
{
    bool tables = !strcmp((const char *)name, "etc/acpi/tables");

    if (!strcmp((const char *)name, "etc/vmgenid_guid")) {
        *base = GUID_AT;
        return NULL;
    }
    if (!tables) {
        g_assert_cmpstr((const char *)name, ==, "etc/acpi/rsdp");
    }
    *base = tables ? TABLES_AT : RSDP_AT;
    return tables ? p->files.tables : p->files.rsdp;
}

static uint8_t byte_sum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;

    while (len--) {
        sum += *data++;
    }
    return sum;
}

static void run_command(Placed *p, const uint8_t *cmd)
{
    uint32_t base, target_base, offset, start, len;
    GByteArray *file;

    switch (ld32_le(cmd)) {
    case 1:
        file = file_named(p, cmd + 4, &base);
        g_assert_cmphex(base % ld32_le(cmd + 60), ==, 0);
        g_assert_cmpuint(cmd[64], ==, file == p->files.rsdp ? 2 : 1);
        if (file) {
            *(file == p->files.rsdp ? &p->rsdp_placed : &p->tables_placed) = true;
        }
        break;
    case 2:
        g_assert_true(p->tables_placed && p->rsdp_placed);
        file = file_named(p, cmd + 4, &base);
        file_named(p, cmd + 60, &target_base);
        offset = ld32_le(cmd + 116);
        g_assert_cmpuint(cmd[120], ==, 4);
        g_assert_cmpuint(offset + 4, <=, file->len);
        st32_le(file->data + offset, ld32_le(file->data + offset) + target_base);
        break;
    case 3:
        file = file_named(p, cmd + 4, &base);
        offset = ld32_le(cmd + 60);
        start = ld32_le(cmd + 64);
        len = ld32_le(cmd + 68);
        g_assert_cmpuint((uint64_t)start + len, <=, file->len);
        g_assert_true(offset >= start && offset < start + len);
        file->data[offset] -= byte_sum(file->data + start, len);
        break;
    case 4:
        g_assert_cmpstr((const char *)cmd + 4, ==, "etc/vmgenid_addr");
        g_assert_null(file_named(p, cmd + 60, &base));
        g_assert_cmpuint(cmd[124], ==, 8);
        break;
    default:
        g_assert_not_reached();
    }
}

static void place(const AcpiConfig *cfg, Placed *p)
{
    memset(p, 0, sizeof(*p));
    acpi_build(cfg, &p->files);
    g_assert_cmpuint(p->files.loader->len % 128, ==, 0);
    for (guint i = 0; i < p->files.loader->len; i += 128) {
        run_command(p, p->files.loader->data + i);
    }
}

static const uint8_t *at(const Placed *p, uint32_t addr)
{
    g_assert_cmphex(addr, >=, TABLES_AT);
    g_assert_cmphex(addr, <, TABLES_AT + p->files.tables->len);
    return p->files.tables->data + (addr - TABLES_AT);
}

/* A table by its signature, from the RSDP on */
static const uint8_t *find(const Placed *p, const char *signature)
{
    const uint8_t *rsdt = at(p, ld32_le(p->files.rsdp->data + 16));
    unsigned count = (ld32_le(rsdt + 4) - 36) / 4;

    g_assert_cmpmem(p->files.rsdp->data, 8, "RSD PTR ", 8);
    g_assert_cmpuint(byte_sum(p->files.rsdp->data, 20), ==, 0);
    g_assert_cmpmem(rsdt, 4, "RSDT", 4);
    g_assert_cmpuint(byte_sum(rsdt, ld32_le(rsdt + 4)), ==, 0);
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *table = at(p, ld32_le(rsdt + 36 + 4 * i));

        g_assert_cmpuint(byte_sum(table, ld32_le(table + 4)), ==, 0);
        if (!memcmp(table, signature, 4)) {
            return table;
        }
    }
    return NULL;
}

static uint32_t ids[300];
static uint8_t nodes[300];
static const uint64_t node_ram[] = { 1ULL << 30, 5ULL << 30 };

static AcpiConfig config(unsigned cpus)
{
    for (unsigned i = 0; i < cpus; i++) {
        ids[i] = i;
        nodes[i] = i % 2;
    }
    return (AcpiConfig){
        .nr_cpus = cpus, .apic_ids = ids, .below_4g = 3ULL << 30, .above_4g = 3ULL << 30,
        .hpet_id = 0x8086a201, .serial = { true, true }, .s3 = true, .s4 = true, .s4_type = 2,
        .pvpanic = true, .pvpanic_port = 0x505,
        .parallel = { true, true, true }, .fdc = true,
        .floppy = { { 4, 80, 2, 18 }, { 5, 80, 2, 36 } },
    };
}

static void tables(void)
{
    AcpiConfig cfg = config(2);
    const uint8_t *fadt, *madt, *hpet;
    Placed p;

    place(&cfg, &p);
    fadt = find(&p, "FACP");
    g_assert_nonnull(fadt);
    g_assert_cmpmem(at(&p, ld32_le(fadt + 36)), 4, "FACS", 4);
    g_assert_cmphex(ld32_le(fadt + 36) % 64, ==, 0);
    g_assert_cmpmem(at(&p, ld32_le(fadt + 40)), 4, "DSDT", 4);
    g_assert_cmphex(ld32_le(fadt + 56), ==, 0x600);
    g_assert_cmphex(ld32_le(fadt + 80), ==, 0xafe0);
    madt = find(&p, "APIC");
    g_assert_nonnull(madt);
    g_assert_cmpuint(ld32_le(madt + 4), ==, 44 + 2 * 8 + 12 + 5 * 10 + 6);
    g_assert_cmpuint(ld32_le(madt + 44 + 8 + 4), ==, 1);
    hpet = find(&p, "HPET");
    g_assert_cmphex(ld32_le(hpet + 36), ==, 0x8086a201);
    g_assert_nonnull(find(&p, "WAET"));
    g_assert_null(find(&p, "SRAT"));
    acpi_files_free(&p.files);
}

/* Places of CPUs that may come are in the MADT, switched off. */
static void cpu_places(void)
{
    static const bool present[4] = { true, false, true, false };
    AcpiConfig cfg = config(4);
    const uint8_t *madt;
    Placed p;

    cfg.cpu_present = present;
    cfg.cpu_hotplug = true;
    place(&cfg, &p);
    madt = find(&p, "APIC");
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(madt[44 + 8 * i + 3], ==, i);
        g_assert_cmpuint(ld32_le(madt + 44 + 8 * i + 4), ==, present[i]);
    }
    acpi_files_free(&p.files);
}

static void numa(void)
{
    AcpiConfig cfg = config(4);
    const uint8_t *srat, *slit;
    Placed p;

    cfg.nr_nodes = 2;
    cfg.node_ram = node_ram;
    cfg.node_of_cpu = nodes;
    place(&cfg, &p);
    srat = find(&p, "SRAT");
    g_assert_nonnull(srat);
    /* 4 CPUs; the second node is split by the PCI hole */
    g_assert_cmpuint(ld32_le(srat + 4), ==, 48 + 4 * 16 + 3 * 40);
    g_assert_cmphex(ld64_le(srat + 48 + 64 + 40 + 8), ==, 1ULL << 30);
    g_assert_cmphex(ld64_le(srat + 48 + 64 + 40 + 16), ==, 2ULL << 30);
    g_assert_cmphex(ld64_le(srat + 48 + 64 + 80 + 8), ==, 4ULL << 30);
    g_assert_cmphex(ld64_le(srat + 48 + 64 + 80 + 16), ==, 3ULL << 30);
    slit = find(&p, "SLIT");
    g_assert_cmpmem(slit + 44, 4, "\x0a\x14\x14\x0a", 4);
    acpi_files_free(&p.files);
}

/* Big lengths and APIC IDs beyond 8 bits */
static void many_cpus(void)
{
    AcpiConfig cfg = config(300);
    const uint8_t *madt;
    Placed p;

    cfg.hpet_id = 0;
    place(&cfg, &p);
    madt = find(&p, "APIC");
    g_assert_cmpuint(ld32_le(madt + 4), ==, 44 + 255 * 8 + 45 * 16 + 12 + 5 * 10 + 12 + 6);
    g_assert_null(find(&p, "HPET"));
    acpi_files_free(&p.files);
}

static void aml_lengths(void)
{
    static const struct { unsigned body; uint8_t first; unsigned bytes; } rows[] = {
        { 62, 63, 1 }, { 63, 0x41, 2 }, { 4093, 0x4f, 2 }, { 4094, 0x81, 3 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(GByteArray) a = g_byte_array_new();
        AmlMark mark = aml_if(a);

        for (unsigned k = 0; k < rows[i].body; k++) {
            aml_op(a, AML_ONE);
        }
        aml_end(a, mark);
        g_assert_cmpuint(a->len, ==, 1 + rows[i].bytes + rows[i].body);
        g_assert_cmphex(a->data[1], ==, rows[i].first);
    }
}

/* Run a command in dir; its standard output and error */
static char *run(const char *dir, const char *command)
{
    g_autofree char *line = g_strdup_printf("cd '%s' && %s >out.txt 2>&1", dir, command);
    g_autofree char *path = g_build_filename(dir, "out.txt", NULL);
    char *out = NULL;
    int status = system(line);

    g_assert_true(g_file_get_contents(path, &out, NULL, NULL));
    if (status) {
        g_error("%s: status %d: %s", command, status, out);
    }
    return out;
}

/* iasl must read every table without complaint and compile the DSDT it read back cleanly */
static void iasl(void)
{
    static const char *const signatures[] = {
        "FACP", "APIC", "HPET", "WAET", "SRAT", "SLIT", "SSDT",
    };
    g_autofree char *tool = g_find_program_in_path("iasl");
    g_autofree char *dir = NULL, *out = NULL, *clean = NULL;
    AcpiConfig cfg = config(4);
    const uint8_t *dsdt;
    Placed p;

    if (!tool) {
        g_test_skip("iasl (package acpica-tools) is not installed");
        return;
    }
    cfg.cpu_hotplug = true;
    cfg.memory_slots = 3;
    cfg.device_memory_base = 8ULL << 30;
    cfg.device_memory_size = 5ULL << 30;
    cfg.nr_nodes = 2;
    cfg.node_ram = node_ram;
    cfg.node_of_cpu = nodes;
    cfg.vmgenid = true;
    place(&cfg, &p);
    g_assert_cmphex(ld32_le(find(&p, "SSDT") + 36 + 6), ==, GUID_AT);
    dir = g_dir_make_tmp("mica-acpi-XXXXXX", NULL);
    for (unsigned i = 0; i <= ARRAY_SIZE(signatures); i++) {
        bool last = i == ARRAY_SIZE(signatures);
        const uint8_t *table = last ? NULL : find(&p, signatures[i]);
        g_autofree char *path = g_strdup_printf("%s/%s.aml", dir, last ? "DSDT" : signatures[i]);
        g_autofree char *command = g_strdup_printf("iasl -d %s.aml", last ? "DSDT" : signatures[i]);
        g_autofree char *text = NULL;

        if (last) {
            dsdt = at(&p, ld32_le(find(&p, "FACP") + 40));
            g_assert_cmpuint(byte_sum(dsdt, ld32_le(dsdt + 4)), ==, 0);
            table = dsdt;
        }
        g_assert_true(g_file_set_contents(path, (const char *)table, ld32_le(table + 4), NULL));
        text = run(dir, command);
        if (strstr(text, "Error") || strstr(text, "rror:") || strstr(text, "arning")) {
            g_error("%s: %s", command, text);
        }
    }
    out = run(dir, "iasl -p again DSDT.dsl");
    if (!strstr(out, "0 Errors, 0 Warnings")) {
        g_error("iasl DSDT.dsl: %s", out);
    }
    clean = g_strdup_printf("rm -rf '%s'", dir);
    g_assert_cmpint(system(clean), ==, 0);
    acpi_files_free(&p.files);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/tables", tables);
    g_test_add_func("/acpi/cpu-places", cpu_places);
    g_test_add_func("/acpi/numa", numa);
    g_test_add_func("/acpi/many-cpus", many_cpus);
    g_test_add_func("/acpi/aml-lengths", aml_lengths);
    g_test_add_func("/acpi/iasl", iasl);
    return g_test_run();
}
