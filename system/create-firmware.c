/* What users hand the firmware: -fw_cfg, -option-rom, -acpitable */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/loader.h"
#include "hw/core/machine.h"
#include "hw/i386/acpi.h"
#include "system/config.h"

#define FW_FILE_MAX (64u << 20)

static void add(GPtrArray **list, const char *name, GBytes *data, int bootindex)
{
    FirmwareItem *item = g_new0(FirmwareItem, 1);

    *item = (FirmwareItem){ g_strdup(name), data, bootindex };
    if (!*list) {
        *list = g_ptr_array_new();
    }
    g_ptr_array_add(*list, item);
}

static bool add_fw_file(Machine *m, const ConfigItem *item, Error **errp)
{
    g_autoptr(FwCfgOptions) o = qapi_parse_FwCfgOptions(item->json, item->mode, errp);
    GBytes *data;

    if (!o) {
        return false;
    }
    if (!o->file == !o->string) {
        error_set(errp, "exactly one of file and string is needed");
        return false;
    }
    if (!g_str_has_prefix(o->name, "opt/")) {
        report_warning("externally provided fw_cfg item names should be prefixed with \"opt/\"");
    }
    data = o->file ? loader_read_file("fw_cfg file", o->file, FW_FILE_MAX, errp)
                   : g_bytes_new(o->string, strlen(o->string));
    if (!data) {
        return false;
    }
    add(&m->fw_files, o->name, data, -1);
    return true;
}

static bool add_option_rom(Machine *m, const ConfigItem *item, Error **errp)
{
    g_autoptr(OptionRomOptions) o = qapi_parse_OptionRomOptions(item->json, item->mode, errp);

    if (o) {
        add(&m->option_roms, o->romfile, NULL, o->has_bootindex ? o->bootindex : -1);
    }
    return o;
}

static bool add_acpi_table(Machine *m, const ConfigItem *item, Error **errp)
{
    g_autoptr(AcpiTableOptions) o = qapi_parse_AcpiTableOptions(item->json, item->mode, errp);
    GBytes *table = o ? acpi_user_table(o, errp) : NULL;

    if (!table) {
        return false;
    }
    if (!m->acpi_tables) {
        m->acpi_tables = g_ptr_array_new();
    }
    g_ptr_array_add(m->acpi_tables, table);
    return true;
}

bool create_firmware_items(Config *c, Error **errp)
{
    static const struct {
        size_t list;                    /* a member of Config */
        bool (*add)(Machine *m, const ConfigItem *item, Error **errp);
    } rows[] = {
        { offsetof(Config, fw_files), add_fw_file },
        { offsetof(Config, option_roms), add_option_rom },
        { offsetof(Config, acpi_tables), add_acpi_table },
    };
    Machine *m = machine_current();

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const GPtrArray *list = *(GPtrArray **)((char *)c + rows[i].list);

        for (unsigned k = 0; k < list->len; k++) {
            const ConfigItem *item = list->pdata[k];

            if (machine_type(m)->no_cpus) {
                error_set(errp, "%s: machine '%s' has no firmware", item->origin,
                          machine_type(m)->name);
                return false;
            }
            if (!rows[i].add(m, item, errp)) {
                error_prepend(errp, "%s: ", item->origin);
                return false;
            }
        }
    }
    return true;
}
