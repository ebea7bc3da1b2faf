/* Options about the machine: its type, CPUs, memory, clock, firmware and kernel */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/cpu-model.h"
#include "hw/core/loader.h"
#include "hw/i386/smbios.h"
#include "qapi/keyval.h"
#include "system/options-int.h"
#include "util/parse.h"
#include "util/uuid.h"

#include <sys/prctl.h>

static bool take_machine_accels(Config *c, const char *list, Error **errp)
{
    g_auto(GStrv) names = g_strsplit(list, ":", -1);

    if (c->accels->len && !c->machine_accel) {
        error_set(errp, "The -accel and \"-machine accel=\" options are incompatible");
        return false;
    }
    g_ptr_array_set_size(c->accels, 0);
    c->machine_accel = true;
    for (unsigned i = 0; names[i]; i++) {
        Json *json = json_object_new_object();

        json_object_object_add(json, "accel", json_object_new_string(names[i]));
        config_add(c->accels, c->origin, json, QAPI_KEYVAL);
    }
    return true;
}

/* -machine smp.cpus=2,boot.order=c,memory.size=1G: as -smp, -boot and -m say it. */
static bool take_machine_groups(Config *c, Json *json, Error **errp)
{
    const struct { const char *key; Json **into; char **origin; const QapiType *type; } rows[] = {
        { "smp", &c->smp, &c->smp_origin, &qapi_type_SmpOptions },
        { "boot", &c->boot, &c->boot_origin, &qapi_type_BootOptions },
        { "memory", &c->memory, &c->memory_origin, &qapi_type_MemoryOptions },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Json *group;

        if (!json_object_object_get_ex(json, rows[i].key, &group) ||
            !json_object_is_type(group, json_type_object)) {
            continue;
        }
        option_set_origin(rows[i].origin, c);
        if (!option_merge_members(rows[i].into, rows[i].type, json_object_get(group), errp)) {
            return false;
        }
        json_object_object_del(json, rows[i].key);
    }
    return true;
}

/* kernel_irqchip is kernel-irqchip: older command lines have underscores. */
static Json *with_dashes(Json *json)
{
    Json *out = json_object_new_object();

    json_object_object_foreach(json, key, value) {
        g_autofree char *name = g_strdelimit(g_strdup(key), "_", '-');

        json_object_object_add(out, name, json_object_get(value));
    }
    json_object_put(json);
    return out;
}

static bool apply_machine(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    bool help;
    Json *json = keyval_parse(arg, "type", &help, errp);
    const char *accels;
    bool ok = true;

    if (!json) {
        return false;
    }
    json = with_dashes(json);
    if (help || !g_strcmp0(keyval_get(json, "type"), "help")) {
        const char *type = keyval_get(json, "type");

        if (help && type) {
            if (!help_machine(type, errp)) {
                return false;
            }
        } else {
            help_machines();
        }
        option_help_done();
    }
    accels = keyval_get(json, "accel");
    if (accels) {
        ok = take_machine_accels(c, accels, errp);
        json_object_object_del(json, "accel");
    }
    ok = ok && take_machine_groups(c, json, errp);
    option_add_members(&c->machine, json);
    option_set_origin(&c->machine_origin, c);
    return ok;
}

/* -no-NAME: -machine NAME=off. */
static bool apply_machine_off(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    json_object_object_add(c->machine, row->name + strlen("no-"), json_object_new_string("off"));
    option_set_origin(&c->machine_origin, c);
    return true;
}

static bool apply_overcommit(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    JSON_AUTO json = keyval_parse_bare(arg, NULL, NULL, errp);
    g_autoptr(OvercommitOptions) opts =
        json ? qapi_parse_OvercommitOptions(json, QAPI_KEYVAL, errp) : NULL;

    if (opts && opts->cpu_pm) {
        error_set(errp, "cpu-pm=on is not possible: CPUs that are idle give their host's CPU back");
        return false;
    }
    if (opts && opts->has_mem_lock) {
        c->mem_lock = opts->mem_lock;
    }
    return opts;
}

static bool apply_accel(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    bool help;
    Json *json = keyval_parse(arg, "accel", &help, errp);

    if (!json) {
        return false;
    }
    if (help) {
        const AccelType *type = keyval_get(json, "accel") ? accel_find(keyval_get(json, "accel"))
                                                         : NULL;

        if (type) {
            help_accel(type);
        } else {
            help_accels();
        }
        option_help_done();
    }
    if (c->machine_accel) {
        json_object_put(json);
        error_set(errp, "The -accel and \"-machine accel=\" options are incompatible");
        return false;
    }
    config_add(c->accels, c->origin, json, QAPI_KEYVAL);
    return true;
}

static bool apply_enable_kvm(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return take_machine_accels(c, "kvm", errp);
}

static bool apply_cpu(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        cpu_model_help(stdout);
        option_help_done();
    }
    return option_text(c, row, arg, errp);
}

static bool apply_smp(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    option_set_origin(&c->smp_origin, c);
    return option_merge(&c->smp, &qapi_type_SmpOptions, arg, "cpus", errp);
}

static bool apply_memory(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    option_set_origin(&c->memory_origin, c);
    return option_merge(&c->memory, &qapi_type_MemoryOptions, arg, "size", errp);
}

/* cpus= may be given several times: its values are joined with colons. */
static Json *parse_numa(const char *arg, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(arg, ",", -1);
    g_autoptr(GString) cpus = g_string_new(NULL), rest = g_string_new(NULL);

    for (unsigned i = 0; parts[i]; i++) {
        bool is_cpus = g_str_has_prefix(parts[i], "cpus=");
        GString *out = is_cpus ? cpus : rest;

        g_string_append_printf(out, "%s%s", out->len ? is_cpus ? ":" : "," : "",
                               parts[i] + (is_cpus ? strlen("cpus=") : 0));
    }
    if (cpus->len) {
        g_string_append_printf(rest, ",cpus=%s", cpus->str);
    }
    return keyval_parse(rest->str, "type", NULL, errp);
}

static bool apply_numa(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    Json *json = *arg == '{' ? json_parse_object(arg, errp) : parse_numa(arg, errp);
    QapiMode mode = *arg == '{' ? QAPI_STRICT : QAPI_KEYVAL;
    g_autoptr(NumaOptions) checked = json ? qapi_parse_NumaOptions(json, mode, errp) : NULL;

    if (!checked) {
        json_object_put(json);
        return false;
    }
    config_add(c->numas, c->origin, json, mode);
    return true;
}

static bool apply_boot(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    option_set_origin(&c->boot_origin, c);
    return option_merge(&c->boot, &qapi_type_BootOptions, arg, "order", errp);
}

static bool apply_rtc(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    option_set_origin(&c->rtc_origin, c);
    return option_merge(&c->rtc, &qapi_type_RtcOptions, arg, NULL, errp);
}

static bool apply_name(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    g_autoptr(NameOptions) opts = NULL;

    if (!option_merge(&c->name, &qapi_type_NameOptions, arg, "guest", errp)) {
        return false;
    }
    opts = qapi_parse_NameOptions(c->name, QAPI_KEYVAL, errp);
    if (opts->process) {
        prctl(PR_SET_NAME, opts->process);
    }
    if (opts->has_debug_threads && !opts->debug_threads) {
        error_set(errp, "debug-threads=off is not possible: threads always have names");
        return false;
    }
    return true;
}

static bool apply_uuid(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    Uuid uuid;

    if (!uuid_parse(arg, &uuid)) {
        error_set(errp, "failed to parse UUID string: wrong format");
        error_hint(errp, "The form is 00112233-4455-6677-8899-aabbccddeeff");
        return false;
    }
    memcpy(c->uuid, uuid.bytes, sizeof(c->uuid));
    c->has_uuid = true;
    return true;
}

static bool apply_global(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    const char *equal = strchr(arg, '='), *dot = strchr(arg, '.');
    Json *json;

    if (dot && equal && dot < equal) {
        json = json_object_new_object();
        json_object_object_add(json, "driver", json_object_new_string_len(arg, dot - arg));
        json_object_object_add(json, "property",
                               json_object_new_string_len(dot + 1, equal - dot - 1));
        json_object_object_add(json, "value", json_object_new_string(equal + 1));
    } else {
        json = keyval_parse(arg, NULL, NULL, errp);
    }
    if (!json) {
        error_hint(errp, "The form is DRIVER.PROPERTY=VALUE");
        return false;
    }
    config_add(c->globals, c->origin, json, QAPI_KEYVAL);
    return true;
}

static bool apply_smbios(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return smbios_option_add(arg, errp);
}

static bool apply_library(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    if (!strcmp(arg, "help")) {
        g_auto(GStrv) folders = loader_folders();

        for (unsigned i = 0; folders[i]; i++) {
            printf("%s\n", folders[i]);
        }
        option_help_done();
    }
    loader_add_folder(arg);
    return true;
}

const OptionRow options_machine[] = {
    OPTION_GROUP("Machine"),
    { "machine", "TYPE[,PROP=VALUE...]", apply_machine, "the machine; 'help' lists them",
      .qmp = "machine" },
    { "M", "TYPE[,...]", apply_machine, "the same" },
    { "accel", "NAME[,PROP=VALUE...]", apply_accel, "what runs the CPUs; repeat: first usable" },
    { "enable-kvm", NULL, apply_enable_kvm, "the same as -machine accel=kvm" },
    { "cpu", "MODEL[,+FEATURE...]", apply_cpu, "CPU model; 'help' lists them",
      .field = offsetof(Config, cpu) },
    { "smp", "[cpus=]N[,maxcpus=M][,sockets=][,dies=][,cores=][,threads=]", apply_smp,
      "number of CPUs and how they are spread",
      .qmp = "smp-opts", .type = &qapi_type_SmpOptions },
    { "m", "[size=]SIZE[,slots=N,maxmem=SIZE]", apply_memory, "memory; in MiB without a suffix",
      .qmp = "memory", .type = &qapi_type_MemoryOptions },
    { "mem-path", "PATH", OPTION_TEXT(mem_path),
      .help = "memory in a file there; PATH is its name or its folder" },
    { "mem-prealloc", NULL, OPTION_FLAG(mem_prealloc), .help = "take all memory at the start" },
    { "overcommit", "[mem-lock=on|off]", apply_overcommit, "pin the guest's memory" },
    { "no-acpi", NULL, apply_machine_off, "the same as -machine acpi=off" },
    { "no-hpet", NULL, apply_machine_off, "the same as -machine hpet=off" },
    { "numa", "node[,nodeid=N][,cpus=FIRST[-LAST]][,memdev=ID] | dist,src=N,dst=N,val=N |"
      " cpu,node-id=N[,socket-id=][,core-id=][,thread-id=]", apply_numa, "NUMA nodes" },
    { "global", "DRIVER.PROP=VALUE", apply_global, "another default for a property",
      .qmp = "global", .type = &qapi_type_GlobalOptions },
    { "rtc", "[base=utc|localtime|DATE][,clock=][,driftfix=]", apply_rtc, "real-time clock",
      .qmp = "rtc", .type = &qapi_type_RtcOptions },
    { "uuid", "UUID", apply_uuid, "the machine's UUID" },
    { "name", "[guest=]NAME[,process=NAME]", apply_name, "the guest's name",
      .qmp = "name", .type = &qapi_type_NameOptions },
    { "smbios", "type=N[,FIELD=VALUE...]|file=FILE", apply_smbios, "SMBIOS fields" },
    { "nodefaults", NULL, OPTION_FLAG(no_defaults), .help = "no default devices" },
    OPTION_GROUP("Booting"),
    { "bios", "FILE", OPTION_TEXT(firmware), .help = "firmware" },
    { "L", "FOLDER", apply_library, "look for firmware here too; 'help' lists the folders" },
    { "kernel", "FILE", OPTION_TEXT(kernel), .help = "boot this kernel (bzImage, PVH, multiboot)" },
    { "initrd", "FILE", OPTION_TEXT(initrd), .help = "its initial RAM disk" },
    { "append", "TEXT", OPTION_TEXT(append), .help = "its command line" },
    { "boot", "[order=DRIVES][,once=][,menu=on|off][,splash=FILE][,splash-time=MS]"
      "[,reboot-timeout=MS][,strict=on|off]", apply_boot, "boot order",
      .qmp = "boot-opts", .type = &qapi_type_BootOptions },
    { "option-rom", "[romfile=]FILE[,bootindex=N]", OPTION_ITEM(option_roms, OptionRomOptions),
      .implied = "romfile", .help = "an option ROM for the BIOS", .qmp = "option-rom" },
    { "fw_cfg", "[name=]NAME,file=FILE|string=TEXT", OPTION_ITEM(fw_files, FwCfgOptions),
      .implied = "name", .help = "a file for the firmware and the guest", .qmp = "fw_cfg" },
    { "acpitable", "[sig=S][,rev=N][,oem_id=S][,oem_table_id=S][,oem_rev=N][,asl_compiler_id=S]"
      "[,asl_compiler_rev=N],data=FILE[:FILE]|file=FILE[:FILE]",
      OPTION_ITEM(acpi_tables, AcpiTableOptions), .help = "one more ACPI table", .qmp = "acpi" },
    { "no-fd-bootchk", NULL, apply_machine_off, "boot floppies without a boot signature, too" },
    { NULL },
};
