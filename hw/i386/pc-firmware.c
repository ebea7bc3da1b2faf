/* What a PC tells its firmware: CMOS bytes, fw_cfg items, option ROMs, boot order */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/acpi/vmgenid.h"
#include "hw/block/fdc.h"
#include "hw/core/loader.h"
#include "hw/core/numa.h"
#include "hw/display/sga.h"
#include "hw/i386/acpi.h"
#include "hw/i386/linux-boot.h"
#include "hw/i386/pc.h"
#include "hw/i386/pc-cmos.h"
#include "hw/i386/pc-firmware.h"
#include "hw/i386/smbios.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "util/bswap.h"
#include "util/parse.h"

#define ROM_MAX      (256u << 10)   /* of what fits between VGA BIOS and system BIOS */
#define SPLASH_MAX   (4u << 20)
#define TABLES_FILE  "etc/acpi/tables"
#define CMOS_MORE_CPUS 0x5f         /* besides the first */
#define E820_RAM     1
#define E820_ENTRY   20

/* One entry of the boot order: where the firmware finds it, and how early it comes */
typedef struct BootEntry {
    int32_t index;
    char *path;
} BootEntry;

static GArray *boot_entries;

void boot_order_add(int32_t bootindex, const char *path)
{
    BootEntry entry = { bootindex, g_strdup(path) };
    unsigned at = 0;

    if (!boot_entries) {
        boot_entries = g_array_new(false, false, sizeof(BootEntry));
    }
    while (at < boot_entries->len &&
           g_array_index(boot_entries, BootEntry, at).index <= bootindex) {
        at++;
    }
    g_array_insert_val(boot_entries, at, entry);
}

typedef struct BootSearch {
    Error **errp;
    bool ok;
} BootSearch;

static void add_boot_device(Device *dev, void *opaque)
{
    BootSearch *search = opaque;
    const Prop *prop = prop_find(&dev->obj, "bootindex");
    g_autofree char *value = prop ? prop_get_row(&dev->obj, prop) : NULL;
    g_autofree char *path = NULL;
    int32_t index = value ? atoi(value) : -1;

    if (index < 0 || !search->ok) {
        return;
    }
    path = device_boot_path(dev);
    if (!path) {
        error_set(search->errp, "%s: bootindex=%d: the BIOS has no name for a device there",
                  dev->obj.type->name, index);
        search->ok = false;
        return;
    }
    boot_order_add(index, path);
}

/* Every device that was given a bootindex. */
static bool add_boot_devices(Error **errp)
{
    BootSearch search = { errp, true };

    devices_for_each(add_boot_device, &search);
    return search.ok;
}

/* Paths in order, a line each, ended by a zero byte; "HALT" keeps SeaBIOS from trying others. */
static bool publish_boot_order(PcMachine *pc, Error **errp)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; boot_entries && i < boot_entries->len; i++) {
        g_string_append_printf(text, "%s%s", text->len ? "\n" : "",
                               g_array_index(boot_entries, BootEntry, i).path);
    }
    if (pc->machine.boot_strict && text->len) {
        g_string_append(text, "\nHALT");
    }
    return !text->len ||
           fw_cfg_add_file(pc->fw, "bootorder", text->str, text->len + 1, errp);
}

static void add_geometry(Device *dev, void *opaque)
{
    static const char *const names[3] = { "lcyls", "lheads", "lsecs" };
    GString *text = opaque;
    uint64_t values[3], any = 0;
    g_autofree char *path = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        const Prop *prop = prop_find(&dev->obj, names[i]);
        g_autofree char *value = prop ? prop_get_row(&dev->obj, prop) : NULL;

        if (!value || parse_u64(value, 0, &values[i])) {
            return;
        }
        any |= values[i];
    }
    path = any ? device_boot_path(dev) : NULL;
    if (path) {
        g_string_append_printf(text, "%s%s %" PRIu64 " %" PRIu64 " %" PRIu64, text->len ? "\n" : "",
                               path, values[0], values[1], values[2]);
    }
}

/* The geometries that disks were given for the BIOS, of those disks that are there. */
static void publish_geometries(void *opaque)
{
    PcMachine *pc = opaque;
    g_autoptr(GString) text = g_string_new(NULL);

    devices_for_each(add_geometry, text);
    fw_cfg_modify_file(pc->fw, "bios-geometry", text->str, text->len ? text->len + 1 : 0, NULL);
}

bool pc_add_option_rom(PcMachine *pc, const char *file, const char *as, Error **errp)
{
    g_autoptr(GBytes) rom = loader_read("option ROM", file, ROM_MAX, errp);
    const uint8_t *p;
    size_t len;

    if (!rom) {
        return false;
    }
    p = g_bytes_get_data(rom, &len);
    if (len < 3 || p[0] != 0x55 || p[1] != 0xaa || p[2] * 512u > len) {
        error_set(errp, "option ROM '%s' is none: its header is missing or longer than the file",
                  file);
        return false;
    }
    return fw_cfg_add_file(pc->fw, as, p, len, errp);
}

/* -kernel: the loader ROM first in the boot order, unless a disk was put before it */
static bool publish_kernel(PcMachine *pc, Error **errp)
{
    const KernelConfig cfg = {
        .kernel = pc->machine.kernel, .initrd = pc->machine.initrd,
        .append = pc->machine.append, .below_4g = pc->below_4g,
    };
    g_autofree char *name = NULL, *path = NULL;
    KernelImage image;
    bool ok;

    if (!cfg.kernel) {
        if (cfg.initrd || cfg.append) {
            error_set(errp, "%s needs a kernel: give -kernel too",
                      cfg.initrd ? "-initrd" : "-append");
            return false;
        }
        return true;
    }
    if (!kernel_image_load(&cfg, &image, errp)) {
        return false;
    }
    kernel_image_publish(&image, pc->fw);
    name = g_strdup_printf("genroms/%s", image.rom);
    path = g_strdup_printf("/rom@%s", name);
    ok = pc_add_option_rom(pc, image.rom, name, errp);
    boot_order_add(0, path);
    kernel_image_free(&image);
    return ok;
}

/* RAM only: SeaBIOS adds what it and the chipset keep for themselves */
static bool publish_e820(PcMachine *pc, Error **errp)
{
    uint8_t map[2 * E820_ENTRY] = { 0 };

    st64_le(map + 8, pc->below_4g);
    st32_le(map + 16, E820_RAM);
    st64_le(map + 20, 0x100000000ULL);
    st64_le(map + 28, pc->above_4g);
    st32_le(map + 36, E820_RAM);
    return fw_cfg_add_file(pc->fw, "etc/e820", map, pc->above_4g ? sizeof(map) : E820_ENTRY, errp);
}

/* Boot device letters to the numbers that SeaBIOS reads from CMOS */
static bool boot_device_code(char letter, uint8_t *code, Error **errp)
{
    static const struct { char letter; uint8_t code; } rows[] = {
        { 'a', 1 }, { 'b', 1 }, { 'c', 2 }, { 'd', 3 }, { 'n', 4 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].letter == letter) {
            *code = rows[i].code;
            return true;
        }
    }
    error_set(errp, "-boot: '%c' is no boot device of a PC: a, b, c, d or n", letter);
    return false;
}

static bool set_cmos_boot_order(PcMachine *pc, const char *order, Error **errp)
{
    uint8_t code[3] = { 0 };

    if (strlen(order) > ARRAY_SIZE(code)) {
        error_set(errp, "-boot: the order '%s' has more than 3 devices", order);
        return false;
    }
    for (unsigned i = 0; order[i]; i++) {
        if (!boot_device_code(order[i], &code[i], errp)) {
            return false;
        }
    }
    rtc_cmos_set(pc->rtc, 0x3d, code[1] << 4 | code[0]);
    rtc_cmos_set(pc->rtc, 0x38, code[2] << 4 | !pc->fd_bootchk);
    return true;
}

/* -boot once= is over with the first reset after the start */
static void boot_once_over(void *opaque)
{
    PcMachine *pc = opaque;

    if (pc->boot_once_pending) {
        pc->boot_once_pending = false;
        return;
    }
    set_cmos_boot_order(pc, pc->machine.boot_order ? pc->machine.boot_order : PC_BOOT_ORDER, NULL);
}

static bool publish_boot_options(PcMachine *pc, Error **errp)
{
    Machine *m = &pc->machine;
    const char *order = m->boot_order ? m->boot_order : PC_BOOT_ORDER;
    uint8_t number[4];

    if (!set_cmos_boot_order(pc, order, errp)) {
        return false;
    }
    if (m->boot_once) {
        if (!set_cmos_boot_order(pc, m->boot_once, errp)) {
            return false;
        }
        pc->boot_once_pending = true;
        reset_register(boot_once_over, pc);
    }
    fw_cfg_add_u16(pc->fw, FW_CFG_BOOT_MENU, m->boot_menu);
    if (m->boot_splash_ms >= 0) {
        if (m->boot_splash_ms > 0xffff) {
            error_set(errp, "-boot: splash-time=%d is more than 65535 ms", m->boot_splash_ms);
            return false;
        }
        st16_le(number, m->boot_splash_ms);
        if (!fw_cfg_add_file(pc->fw, "etc/boot-menu-wait", number, 2, errp)) {
            return false;
        }
    }
    st32_le(number, m->boot_reboot_ms);         /* -1: SeaBIOS waits for ever where nothing boots */
    if (!fw_cfg_add_file(pc->fw, "etc/boot-fail-wait", number, 4, errp)) {
        return false;
    }
    if (m->boot_splash) {
        g_autoptr(GBytes) picture = loader_read("boot splash", m->boot_splash, SPLASH_MAX, errp);
        const uint8_t *p;
        size_t len;

        if (!picture) {
            return false;
        }
        p = g_bytes_get_data(picture, &len);
        if (len < 2 || !((p[0] == 0xff && p[1] == 0xd8) || (p[0] == 'B' && p[1] == 'M'))) {
            error_set(errp, "boot splash '%s' is neither a JPEG nor a BMP file", m->boot_splash);
            return false;
        }
        return fw_cfg_add_file(pc->fw, p[0] == 'B' ? "bootsplash.bmp" : "bootsplash.jpg", p, len,
                               errp);
    }
    return true;
}

/* Look for the ISA devices that the DSDT names only where they are */
static void find_isa_device(Device *dev, void *opaque)
{
    static const uint16_t com_ports[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    static const uint16_t lpt_ports[3] = { 0x378, 0x278, 0x3bc };
    AcpiConfig *cfg = opaque;
    const char *type = dev->obj.type->name;
    bool serial = !strcmp(type, "isa-serial"), parallel = !strcmp(type, "isa-parallel");
    bool pvpanic = !strcmp(type, "pvpanic");
    g_autofree char *text = NULL;
    uint64_t port;

    if (!strcmp(type, "i8042")) {
        cfg->i8042 = true;
    }
    if (!serial && !parallel && !pvpanic) {
        return;
    }
    text = prop_get(&dev->obj, pvpanic ? "ioport" : "iobase", NULL);
    if (!text || parse_u64(text, 0, &port)) {
        return;
    }
    if (pvpanic) {
        cfg->pvpanic = true;
        cfg->pvpanic_port = port;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(com_ports) && serial; i++) {
        cfg->serial[i] |= port == com_ports[i];
    }
    for (unsigned i = 0; i < ARRAY_SIZE(lpt_ports) && parallel; i++) {
        cfg->parallel[i] |= port == lpt_ports[i];
    }
}

static void describe_floppies(const PcMachine *pc, AcpiConfig *cfg)
{
    cfg->fdc = true;
    for (unsigned i = 0; i < FDC_NR_DRIVES; i++) {
        FloppyInfo info;

        if (fdc_drive_info(pc->fdc, i, &info)) {
            cfg->floppy[i] = (AcpiFloppy){ info.cmos_type, info.tracks, info.heads,
                                           info.sectors };
        }
    }
}

/* All but those whose devices stay for good. */
static uint32_t hotplug_slots(const PciBus *bus)
{
    uint32_t slots = UINT32_MAX;

    for (unsigned devfn = 0; devfn < ARRAY_SIZE(bus->devices); devfn++) {
        const PciDevice *pci = bus->devices[devfn];

        if (pci && !device_type(&pci->dev)->hotpluggable) {
            slots &= ~BIT(PCI_SLOT(devfn));
        }
    }
    return bus->hotplug ? slots : 0;
}

/* node_ram has room for all; *distances is a new square of what the nodes are apart. */
static void describe_nodes(const NumaConfig *numa, AcpiConfig *cfg, uint64_t *node_ram,
                           uint8_t **distances)
{
    unsigned count = numa ? numa->nr_nodes : 0;

    cfg->nr_nodes = count;
    if (!count) {
        return;
    }
    if (numa->has_distances) {
        *distances = g_new(uint8_t, count * count);
    }
    for (unsigned i = 0; i < count; i++) {
        node_ram[i] = numa->nodes[i].size;
        for (unsigned k = 0; *distances && k < count; k++) {
            (*distances)[i * count + k] = numa->distance[i][k];
        }
    }
    cfg->node_ram = node_ram;
    cfg->node_of_cpu = numa->node_of_cpu;
    cfg->distances = *distances;
}

/* As the machine is now: which CPUs there are changes. */
static void build_acpi(PcMachine *pc, AcpiFiles *files)
{
    const AcpiPm *pm = piix4_pm_acpi(pc->pm);
    const SmpConfig *smp = &pc->machine.smp;
    g_autofree uint32_t *apic_ids = g_new(uint32_t, smp->max_cpus);
    g_autofree bool *present = g_new(bool, smp->max_cpus);
    AcpiConfig cfg = {
        .nr_cpus = smp->max_cpus, .apic_ids = apic_ids, .cpu_present = present,
        .cpu_hotplug = pc->machine.cpu_hotplug, .below_4g = pc->below_4g,
        .above_4g = pc->above_4g,
        .memory_slots = pc->machine.memory_hotplug ? pc->machine.ram_slots : 0,
        .device_memory_base = pc->machine.device_memory_base,
        .device_memory_size = pc->machine.device_memory_size,
        .s3 = !pm->disable_s3, .s4 = !pm->disable_s4, .s4_type = pm->s4_val,
        .hpet_id = pc->hpet ? mem_load(memory_space(), HPET_BASE, 4) : 0,
        .user_tables = pc->machine.acpi_tables,
    };
    g_autofree uint64_t *node_ram = g_new0(uint64_t, NUMA_MAX_NODES);
    g_autofree uint8_t *distances = NULL;

    for (unsigned i = 0; i < cfg.nr_cpus; i++) {
        apic_ids[i] = machine_apic_id(&pc->machine, i);
        present[i] = pc->machine.cpus[i];
    }
    cfg.hotplug_slots = hotplug_slots(pci_root_bus());
    describe_nodes(pc->machine.numa, &cfg, node_ram, &distances);
    cfg.vmgenid = vmgenid_find();
    devices_for_each(find_isa_device, &cfg);
    describe_floppies(pc, &cfg);
    acpi_build(&cfg, files);
}

static bool publish_acpi(PcMachine *pc, Error **errp)
{
    AcpiFiles files;
    bool ok;

    build_acpi(pc, &files);
    ok = fw_cfg_add_file(pc->fw, TABLES_FILE, files.tables->data, files.tables->len, errp) &&
         fw_cfg_add_file(pc->fw, "etc/acpi/rsdp", files.rsdp->data, files.rsdp->len, errp) &&
         fw_cfg_add_file(pc->fw, "etc/table-loader", files.loader->data, files.loader->len, errp);
    acpi_files_free(&files);
    return ok;
}

static bool publish_vmgenid(PcMachine *pc, Error **errp)
{
    Object *vmgenid = vmgenid_find();

    return !vmgenid || vmgenid_publish(vmgenid, pc->fw, errp);
}

static unsigned cpus_present(const Machine *m)
{
    unsigned count = 0;

    for (unsigned i = 0; i < m->smp.max_cpus; i++) {
        count += m->cpus[i] != NULL;
    }
    return count;
}

/* Firmware that starts anew finds the CPUs that are there by now. */
static void cpus_changed(void *opaque)
{
    PcMachine *pc = opaque;
    unsigned count = cpus_present(&pc->machine);
    AcpiFiles files;

    if (!pc->machine.cpus_changed) {
        return;
    }
    pc->machine.cpus_changed = false;
    rtc_cmos_set(pc->rtc, CMOS_MORE_CPUS, count - 1);
    fw_cfg_add_u16(pc->fw, FW_CFG_NB_CPUS, count);
    if (pc->acpi) {
        build_acpi(pc, &files);
        fw_cfg_modify_file(pc->fw, TABLES_FILE, files.tables->data, files.tables->len, NULL);
        acpi_files_free(&files);
    }
}

static bool publish_smbios(PcMachine *pc, Error **errp)
{
    g_autoptr(GByteArray) anchor = g_byte_array_new(), tables = g_byte_array_new();
    const Machine *m = &pc->machine;
    const SmbiosConfig cfg = {
        .product = machine_type(m)->desc, .version = machine_type(m)->name,
        .uuid = m->has_uuid ? m->uuid : NULL,
        .sockets = MAX(m->smp.sockets, 1), .cores = MAX(m->smp.cores * m->smp.dies, 1),
        .threads = MAX(m->smp.threads, 1),
        .below_4g = pc->below_4g, .above_4g = pc->above_4g,
        .entry64 = pc->smbios_entry == SMBIOS_ENTRY_64,
    };

    smbios_build(&cfg, anchor, tables);
    return fw_cfg_add_file(pc->fw, "etc/smbios/smbios-anchor", anchor->data, anchor->len, errp) &&
           fw_cfg_add_file(pc->fw, "etc/smbios/smbios-tables", tables->data, tables->len, errp);
}

/* Without a screen, the BIOS and boot loaders talk over COM1 (unless -device sga said so already) */
static bool publish_console(PcMachine *pc, Error **errp)
{
    size_t len;

    return pc->machine.graphics || fw_cfg_file_data(pc->fw, SGA_FILE, &len) ||
           sga_install(pc->fw, errp);
}

static bool publish_user_items(PcMachine *pc, Error **errp)
{
    const GPtrArray *files = pc->machine.fw_files, *roms = pc->machine.option_roms;

    for (unsigned i = 0; files && i < files->len; i++) {
        const FirmwareItem *item = files->pdata[i];
        gsize len;
        const void *data = g_bytes_get_data(item->data, &len);

        if (!fw_cfg_add_file(pc->fw, item->name, data, len, errp)) {
            return false;
        }
    }
    for (unsigned i = 0; roms && i < roms->len; i++) {
        const FirmwareItem *item = roms->pdata[i];
        g_autofree char *base = g_path_get_basename(item->name);
        g_autofree char *as = g_strdup_printf("genroms/%s", base);
        g_autofree char *path = g_strdup_printf("/rom@%s", as);

        if (!pc_add_option_rom(pc, item->name, as, errp)) {
            return false;
        }
        if (item->bootindex >= 0) {
            boot_order_add(item->bootindex, path);
        }
    }
    return true;
}

/* The firmware puts 64-bit BARs behind what may become memory. */
static bool publish_memory_end(PcMachine *pc, Error **errp)
{
    const Machine *m = &pc->machine;
    uint8_t end[8];

    st64_le(end, ROUND_UP(m->device_memory_base + m->device_memory_size, 1ULL << 30));
    return !m->memory_hotplug ||
           fw_cfg_add_file(pc->fw, "etc/reserved-memory-end", end, sizeof(end), errp);
}

/* What each sleep state's SLP_TYP is; bit 7: offered. */
static bool publish_sleep_states(PcMachine *pc, Error **errp)
{
    const AcpiPm *pm = pc->pm ? piix4_pm_acpi(pc->pm) : NULL;
    uint8_t states[6] = { 0x80, 0x00, 0x00, ACPI_SLP_TYP_S3, ACPI_SLP_TYP_S4, 0x80 };

    if (!pm || !pm->disable_s3) {
        states[3] |= 0x80;
    }
    states[4] = pm ? pm->s4_val | (pm->disable_s4 ? 0 : 0x80) : states[4] | 0x80;
    return fw_cfg_add_file(pc->fw, "etc/system-states", states, sizeof(states), errp);
}

bool pc_finish(Machine *m, Error **errp)
{
    PcMachine *pc = OBJECT_OF(m, PcMachine);

    pc_set_cmos(pc);
    rtc_cmos_set(pc->rtc, CMOS_MORE_CPUS, cpus_present(m) - 1);
    reset_register(publish_geometries, pc);
    fw_cfg_add_u64(pc->fw, FW_CFG_RAM_SIZE, m->ram_size);
    fw_cfg_add_u16(pc->fw, FW_CFG_NOGRAPHIC, !m->graphics);
    fw_cfg_add_u16(pc->fw, FW_CFG_NB_CPUS, cpus_present(m));
    fw_cfg_add_u16(pc->fw, FW_CFG_MAX_CPUS, pc->apic_ids);      /* SeaBIOS takes it as that */
    reset_register(cpus_changed, pc);
    fw_cfg_add_u32(pc->fw, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_bytes(pc->fw, FW_CFG_UUID, m->uuid, sizeof(m->uuid));
    return publish_e820(pc, errp) && publish_memory_end(pc, errp) &&
           publish_sleep_states(pc, errp) &&
           (!pc->acpi || publish_acpi(pc, errp)) &&
           publish_vmgenid(pc, errp) &&
           publish_smbios(pc, errp) &&
           publish_boot_options(pc, errp) &&
           publish_console(pc, errp) &&
           add_boot_devices(errp) &&
           publish_kernel(pc, errp) &&
           publish_user_items(pc, errp) &&
           publish_boot_order(pc, errp) &&
           fw_cfg_add_file(pc->fw, "bios-geometry", "", 0, errp);
}
