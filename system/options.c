/* The option table: every command-line option, what it takes, and what it adds to the Config */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/cpu-model.h"
#include "chardev/char.h"
#include "hw/core/device-qmp.h"
#include "hw/core/loader.h"
#include "hw/i386/smbios.h"
#include "qapi/keyval.h"
#include "qapi/types-char.h"
#include "qapi/types-control.h"
#include "qom/user-object.h"
#include "system/config.h"
#include "system/run.h"
#include "util/fdset.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/trace.h"
#include "util/uuid.h"

#include <sys/prctl.h>

typedef struct OptionRow {
    const char *name;
    const char *arg;            /* how help shows the argument; NULL: it takes none */
    bool (*apply)(Config *c, const char *arg, Error **errp);
    const char *help;
    size_t field;               /* for the generic appliers: a member of Config */
} OptionRow;

static const OptionRow rows[];
static const OptionRow *current_row;

Config *config_new(void)
{
    Config *c = g_new0(Config, 1);

    c->machine = json_object_new_object();
    c->accels = g_ptr_array_new();
    c->objects = g_ptr_array_new();
    c->chardevs = g_ptr_array_new();
    c->devices = g_ptr_array_new();
    c->globals = g_ptr_array_new();
    c->blockdevs = g_ptr_array_new();
    c->drives = g_ptr_array_new();
    c->numas = g_ptr_array_new();
    c->serials = g_ptr_array_new();
    c->debugcons = g_ptr_array_new();
    c->monitors = g_ptr_array_new();
    return c;
}

ConfigItem *config_add(GPtrArray *list, const char *origin, Json *json, QapiMode mode)
{
    ConfigItem *item = g_new0(ConfigItem, 1);

    item->origin = g_strdup(origin);
    item->json = json;
    item->mode = mode;
    g_ptr_array_add(list, item);
    return item;
}

/* --- appliers that need no more than the row --- */

static bool apply_text(Config *c, const char *arg, Error **errp)
{
    char **field = (char **)((char *)c + current_row->field);

    g_free(*field);
    *field = g_strdup(arg);
    return true;
}

static bool apply_flag(Config *c, const char *arg, Error **errp)
{
    *(bool *)((char *)c + current_row->field) = true;
    return true;
}

/* Members of more given later are added to those of into, or replace them. */
static void merge(Json **into, Json *more)
{
    if (!*into) {
        *into = json_object_new_object();
    }
    json_object_object_foreach(more, key, value) {
        json_object_object_add(*into, key, json_object_get(value));
    }
    json_object_put(more);
}

static bool merge_members(Json **into, const QapiType *type, Json *more, Error **errp)
{
    void *checked;

    merge(into, more);
    checked = qapi_parse_object(type, *into, QAPI_KEYVAL, errp);
    qapi_free_object(type, checked);
    return checked;
}

/* Parse, merge with what earlier ones said, and check the whole against its type. */
static bool merge_checked(Json **into, const QapiType *type, const char *arg, const char *implied,
                          Error **errp)
{
    Json *json = keyval_parse_bare(arg, implied, NULL, errp);

    return json && merge_members(into, type, json, errp);
}

static void set_origin(char **place, const Config *c)
{
    g_free(*place);
    *place = g_strdup(c->origin);
}

/* --- machine, CPUs, memory, boot --- */

static NORETURN void help_done(void)
{
    exit(fflush(stdout) || ferror(stdout));
}

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
        set_origin(rows[i].origin, c);
        if (!merge_members(rows[i].into, rows[i].type, json_object_get(group), errp)) {
            return false;
        }
        json_object_object_del(json, rows[i].key);
    }
    return true;
}

static bool apply_machine(Config *c, const char *arg, Error **errp)
{
    bool help;
    Json *json = keyval_parse(arg, "type", &help, errp);
    const char *accels;
    bool ok = true;

    if (!json) {
        return false;
    }
    if (help || !g_strcmp0(keyval_get(json, "type"), "help")) {
        const char *type = keyval_get(json, "type");

        if (help && type) {
            if (!help_machine(type, errp)) {
                return false;
            }
        } else {
            help_machines();
        }
        help_done();
    }
    accels = keyval_get(json, "accel");
    if (accels) {
        ok = take_machine_accels(c, accels, errp);
        json_object_object_del(json, "accel");
    }
    ok = ok && take_machine_groups(c, json, errp);
    merge(&c->machine, json);
    set_origin(&c->machine_origin, c);
    return ok;
}

static bool apply_add_fd(Config *c, const char *arg, Error **errp)
{
    JSON_AUTO json = keyval_parse_bare(arg, NULL, NULL, errp);
    g_autoptr(AddFdOptions) opts = json ? qapi_parse_AddFdOptions(json, QAPI_KEYVAL, errp) : NULL;
    int fd;

    if (!opts) {
        return false;
    }
    if (opts->fd <= STDERR_FILENO) {
        error_set(errp, "fd cannot be a standard I/O stream");
        return false;
    }
    fd = opts->fd <= INT_MAX ? fcntl(opts->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0) {
        error_set(errp, "fd is not valid or already in use: %s", g_strerror(EBADF));
        return false;
    }
    close(opts->fd);            /* it is the set's now */
    fdset_add(opts->set, fd, opts->opaque);
    return true;
}

static bool apply_no_acpi(Config *c, const char *arg, Error **errp)
{
    json_object_object_add(c->machine, "acpi", json_object_new_string("off"));
    set_origin(&c->machine_origin, c);
    return true;
}

static bool apply_overcommit(Config *c, const char *arg, Error **errp)
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

/* There is no sound, so that nowhere is the only place where it can go. */
static bool apply_audiodev(Config *c, const char *arg, Error **errp)
{
    bool keyval;
    JSON_AUTO json = keyval_or_json_parse(arg, "driver", NULL, &keyval, errp);
    g_autoptr(AudiodevOptions) opts =
        json ? qapi_parse_AudiodevOptions(json, keyval ? QAPI_KEYVAL : QAPI_STRICT, errp) : NULL;

    return opts;
}

static bool apply_accel(Config *c, const char *arg, Error **errp)
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
        help_done();
    }
    if (c->machine_accel) {
        json_object_put(json);
        error_set(errp, "The -accel and \"-machine accel=\" options are incompatible");
        return false;
    }
    config_add(c->accels, c->origin, json, QAPI_KEYVAL);
    return true;
}

static bool apply_enable_kvm(Config *c, const char *arg, Error **errp)
{
    return take_machine_accels(c, "kvm", errp);
}

static bool apply_cpu(Config *c, const char *arg, Error **errp)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        cpu_model_help(stdout);
        help_done();
    }
    return apply_text(c, arg, errp);
}

static bool apply_smp(Config *c, const char *arg, Error **errp)
{
    set_origin(&c->smp_origin, c);
    return merge_checked(&c->smp, &qapi_type_SmpOptions, arg, "cpus", errp);
}

static bool apply_memory(Config *c, const char *arg, Error **errp)
{
    set_origin(&c->memory_origin, c);
    return merge_checked(&c->memory, &qapi_type_MemoryOptions, arg, "size", errp);
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

static bool apply_numa(Config *c, const char *arg, Error **errp)
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

static bool apply_boot(Config *c, const char *arg, Error **errp)
{
    set_origin(&c->boot_origin, c);
    return merge_checked(&c->boot, &qapi_type_BootOptions, arg, "order", errp);
}

static bool apply_rtc(Config *c, const char *arg, Error **errp)
{
    set_origin(&c->rtc_origin, c);
    return merge_checked(&c->rtc, &qapi_type_RtcOptions, arg, NULL, errp);
}

static bool apply_smbios(Config *c, const char *arg, Error **errp)
{
    return smbios_option_add(arg, errp);
}

/* -no-fd-bootchk: -machine fd-bootchk=off. */
static bool apply_no_fd_bootchk(Config *c, const char *arg, Error **errp)
{
    json_object_object_add(c->machine, "fd-bootchk", json_object_new_string("off"));
    return true;
}

static bool apply_library(Config *c, const char *arg, Error **errp)
{
    if (!strcmp(arg, "help")) {
        g_auto(GStrv) folders = loader_folders();

        for (unsigned i = 0; folders[i]; i++) {
            printf("%s\n", folders[i]);
        }
        help_done();
    }
    loader_add_folder(arg);
    return true;
}

/* --- things to create --- */

static bool apply_object(Config *c, const char *arg, Error **errp)
{
    bool help, keyval;
    Json *json = keyval_or_json_parse(arg, "qom-type", &help, &keyval, errp);

    if (!json) {
        return false;
    }
    if (keyval && (help || !g_strcmp0(keyval_get(json, "qom-type"), "help"))) {
        const char *type = keyval_get(json, "qom-type");

        if (help && type) {
            if (!user_object_type_help(type, stdout, errp)) {
                return false;
            }
        } else {
            user_object_help(stdout);
        }
        help_done();
    }
    config_add(c->objects, c->origin, json, keyval ? QAPI_KEYVAL : QAPI_STRICT);
    return true;
}

static bool apply_device(Config *c, const char *arg, Error **errp)
{
    bool help = false, keyval = *arg != '{';
    Json *json = keyval ? keyval_parse_bare(arg, "driver", &help, errp)
                        : json_parse_object(arg, errp);

    if (!json) {
        return false;
    }
    if (help) {
        const char *driver = keyval_get(json, "driver");

        if (!driver) {
            device_help(stdout);
        } else if (!device_type_help(driver, stdout, errp)) {
            return false;
        }
        help_done();
    }
    config_add(c->devices, c->origin, json, keyval ? QAPI_KEYVAL : QAPI_STRICT);
    return true;
}

static bool apply_global(Config *c, const char *arg, Error **errp)
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

static bool apply_chardev(Config *c, const char *arg, Error **errp)
{
    bool help;
    Json *json = keyval_parse_bare(arg, "backend", &help, errp);

    if (!json) {
        return false;
    }
    if (help) {
        help_chardevs();
        help_done();
    }
    config_add(c->chardevs, c->origin, json, QAPI_KEYVAL);
    return true;
}

static bool apply_blockdev(Config *c, const char *arg, Error **errp)
{
    bool keyval;
    Json *json = keyval_or_json_parse(arg, "driver", NULL, &keyval, errp);

    if (json) {
        config_add(c->blockdevs, c->origin, json, keyval ? QAPI_KEYVAL : QAPI_STRICT);
    }
    return json;
}

static bool apply_drive(Config *c, const char *arg, Error **errp)
{
    Json *json = keyval_parse_bare(arg, NULL, NULL, errp);
    DriveOptions *checked = json ? qapi_parse_DriveOptions(json, QAPI_KEYVAL, errp) : NULL;

    if (checked) {
        config_add(c->drives, c->origin, json, QAPI_KEYVAL);
    } else {
        json_object_put(json);
    }
    qapi_free_DriveOptions(checked);
    return checked;
}

/* -hda FILE to -hdd, -cdrom FILE: a -drive at that place. */
static bool apply_image(Config *c, const char *arg, Error **errp)
{
    bool cdrom = !strcmp(current_row->name, "cdrom");
    g_autofree char *index = g_strdup_printf("%d", cdrom ? 2 : current_row->name[2] - 'a');
    Json *json = json_object_new_object();

    json_object_object_add(json, "file", json_object_new_string(arg));
    json_object_object_add(json, "index", json_object_new_string(index));
    json_object_object_add(json, "media", json_object_new_string(cdrom ? "cdrom" : "disk"));
    config_add(c->drives, c->origin, json, QAPI_KEYVAL);
    return true;
}

static bool add_short(Config *c, GPtrArray *list, const char *arg)
{
    config_add(list, c->origin, NULL, QAPI_KEYVAL)->text = g_strdup(arg);
    return true;
}

static bool apply_serial(Config *c, const char *arg, Error **errp)
{
    return add_short(c, c->serials, arg);
}

static bool apply_debugcon(Config *c, const char *arg, Error **errp)
{
    return add_short(c, c->debugcons, arg);
}

/* Ports and consoles that Mica does not have: only their absence can be asked for. */
static bool apply_none_only(Config *c, const char *arg, Error **errp)
{
    if (strcmp(arg, "none")) {
        error_set(errp, "there is no %s, so '%s' cannot be connected to it",
                  strcmp(current_row->name, "parallel") ? "sound" : "parallel port", arg);
        error_hint(errp, "Valid values: none");
        return false;
    }
    return true;
}

/* -qmp, -qmp-pretty, -monitor */
static bool apply_monitor(Config *c, const char *arg, Error **errp)
{
    bool human = !strcmp(current_row->name, "monitor");
    bool pretty = !strcmp(current_row->name, "qmp-pretty");
    Json *json;

    if (human && !strcmp(arg, "none")) {
        return true;
    }
    json = json_object_new_object();
    json_object_object_add(json, "mode", json_object_new_string(human ? "readline" : "control"));
    json_object_object_add(json, "pretty", json_object_new_string(pretty ? "on" : "off"));
    config_add(c->monitors, c->origin, json, QAPI_KEYVAL)->text = g_strdup(arg);
    return true;
}

static bool apply_mon(Config *c, const char *arg, Error **errp)
{
    Json *json = keyval_parse_bare(arg, "chardev", NULL, errp);
    MonitorOptions *checked = json ? qapi_parse_MonitorOptions(json, QAPI_KEYVAL, errp) : NULL;

    if (checked) {
        config_add(c->monitors, c->origin, json, QAPI_KEYVAL);
    } else {
        json_object_put(json);
    }
    qapi_free_MonitorOptions(checked);
    return checked;
}

/* --- display --- */

static bool apply_display(Config *c, const char *arg, Error **errp)
{
    Json *none = NULL;
    bool ok = merge_checked(&none, &qapi_type_DisplayOptions, arg, "type", errp);

    json_object_put(none);
    return ok;
}

static bool apply_vga(Config *c, const char *arg, Error **errp)
{
    int kind = qapi_enum_parse(&qapi_type_VgaKind, arg, "vga", errp);

    c->vga = MAX(kind, 0);
    c->has_vga = true;
    return kind >= 0;
}

/* --- the run --- */

static bool apply_no_reboot(Config *c, const char *arg, Error **errp)
{
    run_actions.reboot = REBOOT_ACTION_SHUTDOWN;
    return true;
}

static bool apply_no_shutdown(Config *c, const char *arg, Error **errp)
{
    run_actions.shutdown = SHUTDOWN_ACTION_PAUSE;
    return true;
}

static bool apply_action(Config *c, const char *arg, Error **errp)
{
    JSON_AUTO json = keyval_parse(arg, NULL, NULL, errp);
    g_autoptr(ActionOptions) opts =
        json ? qapi_parse_ActionOptions(json, QAPI_KEYVAL, errp) : NULL;

    if (!opts) {
        return false;
    }
    if (opts->has_reboot) {
        run_actions.reboot = opts->reboot;
    }
    if (opts->has_shutdown) {
        run_actions.shutdown = opts->shutdown;
    }
    if (opts->has_panic) {
        run_actions.panic = opts->panic;
    }
    if (opts->has_watchdog) {
        run_actions.watchdog = opts->watchdog;
    }
    return true;
}

static bool apply_name(Config *c, const char *arg, Error **errp)
{
    g_autoptr(NameOptions) opts = NULL;

    if (!merge_checked(&c->name, &qapi_type_NameOptions, arg, "guest", errp)) {
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

static bool apply_uuid(Config *c, const char *arg, Error **errp)
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

static bool apply_msg(Config *c, const char *arg, Error **errp)
{
    JSON_AUTO json = keyval_parse_bare(arg, NULL, NULL, errp);
    g_autoptr(MsgOptions) opts = json ? qapi_parse_MsgOptions(json, QAPI_KEYVAL, errp) : NULL;

    if (!opts) {
        return false;
    }
    report_set_timestamps(opts->timestamp);
    c->msg_guest_name = opts->guest_name;
    return true;
}

static bool apply_log(Config *c, const char *arg, Error **errp)
{
    uint32_t mask;

    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        help_log();
        help_done();
    }
    if (!log_parse(arg, &mask, errp)) {
        return false;
    }
    log_set_mask(mask);
    return true;
}

static bool apply_log_file(Config *c, const char *arg, Error **errp)
{
    return log_set_file(arg, errp);
}

static bool apply_trace(Config *c, const char *arg, Error **errp)
{
    JSON_AUTO json = NULL;
    g_autoptr(TraceOptions) opts = NULL;

    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        trace_list(stdout);
        help_done();
    }
    json = keyval_parse(arg, "enable", NULL, errp);
    opts = json ? qapi_parse_TraceOptions(json, QAPI_KEYVAL, errp) : NULL;
    return opts && (!opts->events || trace_load_events(opts->events, errp)) &&
           (!opts->file || trace_set_file(opts->file, errp)) &&
           (!opts->enable || trace_set(opts->enable, true, errp));
}

static bool apply_qtest(Config *c, const char *arg, Error **errp)
{
    set_origin(&c->qtest_origin, c);
    return apply_text(c, arg, errp);
}

static bool apply_gdb(Config *c, const char *arg, Error **errp)
{
    set_origin(&c->gdb_origin, c);
    g_free(c->gdb);
    c->gdb = g_strdup(arg ? arg : "tcp::1234");
    return true;
}

static bool apply_readconfig(Config *c, const char *arg, Error **errp)
{
    return config_read_file(c, arg, errp);
}

static bool apply_version(Config *c, const char *arg, Error **errp)
{
    printf("Mica emulator version %s\n", MICA_VERSION);
    help_done();
}

static bool apply_help(Config *c, const char *arg, Error **errp)
{
    printf("Mica emulator version %s\nusage: mica [options]\n", MICA_VERSION);
    for (const OptionRow *row = rows; row->name || row->help; row++) {
        g_autofree char *left = NULL;

        if (!row->name) {
            printf("\n%s:\n", row->help);
            continue;
        }
        left = g_strdup_printf("-%s %s", row->name, row->arg ? row->arg : "");
        if (row->help) {
            printf("  %-28s%s%s\n", left, strlen(left) > 27 ? "\n                              "
                   : "", row->help);
        }
    }
    help_done();
}

/* --- the table --- */

#define TEXT(f) .apply = apply_text, .field = offsetof(Config, f)
#define FLAG(f) .apply = apply_flag, .field = offsetof(Config, f)
#define GROUP(title) { .help = title }

static const OptionRow rows[] = {
    GROUP("Machine"),
    { "machine", "TYPE[,PROP=VALUE...]", apply_machine, "the machine; 'help' lists them" },
    { "M", "TYPE[,...]", apply_machine, "the same" },
    { "accel", "NAME[,PROP=VALUE...]", apply_accel, "what runs the CPUs; repeat: first usable" },
    { "enable-kvm", NULL, apply_enable_kvm, "the same as -machine accel=kvm" },
    { "cpu", "MODEL[,+FEATURE...]", apply_cpu, "CPU model; 'help' lists them",
      offsetof(Config, cpu) },
    { "smp", "[cpus=]N[,maxcpus=M][,sockets=][,dies=][,cores=][,threads=]", apply_smp,
      "number of CPUs and how they are spread" },
    { "m", "[size=]SIZE[,slots=N,maxmem=SIZE]", apply_memory, "memory; in MiB without a suffix" },
    { "overcommit", "[mem-lock=on|off]", apply_overcommit, "pin the guest's memory" },
    { "no-acpi", NULL, apply_no_acpi, "the same as -machine acpi=off" },
    { "numa", "node[,nodeid=N][,cpus=FIRST[-LAST]][,memdev=ID] | dist,src=N,dst=N,val=N |"
      " cpu,node-id=N[,socket-id=][,core-id=][,thread-id=]", apply_numa, "NUMA nodes" },
    { "global", "DRIVER.PROP=VALUE", apply_global, "another default for a property" },
    { "rtc", "[base=utc|localtime|DATE][,clock=][,driftfix=]", apply_rtc, "real-time clock" },
    { "uuid", "UUID", apply_uuid, "the machine's UUID" },
    { "name", "[guest=]NAME[,process=NAME]", apply_name, "the guest's name" },
    { "smbios", "type=N[,FIELD=VALUE...]|file=FILE", apply_smbios, "SMBIOS fields" },
    { "nodefaults", NULL, FLAG(no_defaults), .help = "no default devices" },
    GROUP("Booting"),
    { "bios", "FILE", TEXT(firmware), .help = "firmware" },
    { "L", "FOLDER", apply_library, "look for firmware here too; 'help' lists the folders" },
    { "kernel", "FILE", TEXT(kernel), .help = "boot this kernel (bzImage, PVH, multiboot)" },
    { "initrd", "FILE", TEXT(initrd), .help = "its initial RAM disk" },
    { "append", "TEXT", TEXT(append), .help = "its command line" },
    { "boot", "[order=DRIVES][,once=][,menu=on|off][,splash=FILE][,splash-time=MS]"
      "[,reboot-timeout=MS][,strict=on|off]", apply_boot, "boot order" },
    { "no-fd-bootchk", NULL, apply_no_fd_bootchk, "boot floppies without a boot signature, too" },
    GROUP("Drives"),
    { "drive", "file=FILE[,if=ide|none][,index=N][,media=disk|cdrom][,format=F][,id=ID][,...]",
      apply_drive, "a drive and its image" },
    { "hda", "FILE", apply_image, "image of the first disk; so -hdb, -hdc, -hdd" },
    { "hdb", "FILE", apply_image },
    { "hdc", "FILE", apply_image },
    { "hdd", "FILE", apply_image },
    { "cdrom", "FILE", apply_image, "image of the CD-ROM in the third drive" },
    { "add-fd", "fd=N,set=M[,opaque=TEXT]", apply_add_fd, "an open file for /dev/fdset/M" },
    { "blockdev", "DRIVER,node-name=NAME[,...]", apply_blockdev, "a block node; also as JSON" },
    { "snapshot", NULL, FLAG(snapshot), .help = "leave images as they are: changes are lost" },
    GROUP("Devices"),
    { "device", "DRIVER[,PROP=VALUE...]", apply_device, "add a device; 'help', 'DRIVER,help'" },
    { "object", "TYPE,id=ID[,PROP=VALUE...]", apply_object, "add an object; 'help', 'TYPE,help'" },
    { "chardev", "BACKEND,id=ID[,...]", apply_chardev, "add a character device; 'help'" },
    { "serial", "DEV", apply_serial, "next serial port: stdio, mon:stdio, unix:PATH, none, ..." },
    { "parallel", "none", apply_none_only, "there is no parallel port" },
    { "debugcon", "DEV", apply_debugcon, "debug console at port 0xe9" },
    { "qmp", "DEV", apply_monitor, "a QMP monitor: stdio, unix:PATH,server=on,wait=off, ..." },
    { "qmp-pretty", "DEV", apply_monitor, "the same with replies over several lines" },
    { "mon", "[chardev=]ID[,mode=control|readline][,pretty=on|off]", apply_mon,
      "a monitor on a chardev" },
    { "monitor", "DEV", apply_monitor, "a human monitor; 'none'" },
    { "audiodev", "[driver=]none,id=ID", apply_audiodev, "where sound goes: nowhere" },
    { "audio", "none", apply_none_only, "there is no sound" },
    GROUP("Display"),
    { "nographic", NULL, FLAG(nographic), .help = "no screen; COM1 on this terminal" },
    { "display", "none", apply_display, "no window" },
    { "vga", "std|none", apply_vga, "display adapter" },
    GROUP("Running"),
    { "S", NULL, FLAG(paused), .help = "do not start the CPUs" },
    { "no-reboot", NULL, apply_no_reboot, "end instead of rebooting" },
    { "no-shutdown", NULL, apply_no_shutdown, "stop instead of ending when the guest shuts down" },
    { "action", "[reboot=reset|shutdown][,shutdown=poweroff|pause]"
      "[,panic=pause|shutdown|exit-failure|none][,watchdog=...]", apply_action,
      "what follows from events" },
    { "daemonize", NULL, FLAG(daemonize), .help = "go to the background when ready" },
    { "pidfile", "FILE", TEXT(pidfile), .help = "write the process id there" },
    { "readconfig", "FILE", apply_readconfig, "options from a file" },
    { "no-user-config", NULL, FLAG(no_user_config), .help = "read no configuration file by default"
      " (none is)" },
    GROUP("Looking inside"),
    { "d", "ITEM,...", apply_log, "log these; 'help' lists them" },
    { "D", "FILE", apply_log_file, "log to this file" },
    { "trace", "[enable=]PATTERN[,events=FILE][,file=FILE]", apply_trace,
      "trace points; 'help' lists them" },
    { "msg", "[timestamp=on|off][,guest-name=on|off]", apply_msg, "how messages begin" },
    { "gdb", "DEV", apply_gdb, "serve gdb there: tcp::1234, unix:PATH,server=on, stdio, ..." },
    { "s", NULL, apply_gdb, "short for -gdb tcp::1234" },
    { "qtest", "DEV", apply_qtest, "serve the qtest protocol", offsetof(Config, qtest) },
    { "qtest-log", "FILE", TEXT(qtest_log), .help = "log of the qtest protocol; 'none'" },
    GROUP("Information"),
    { "h", NULL, apply_help, "this list" },
    { "help", NULL, apply_help },
    { "version", NULL, apply_version, "the version" },
    { NULL },
};

static const OptionRow *find_row(const char *name)
{
    for (const OptionRow *row = rows; row->name || row->help; row++) {
        if (row->name && !strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

bool option_apply(Config *c, const char *name, const char *arg, Error **errp)
{
    const OptionRow *row = find_row(name), *outer = current_row;
    bool ok;

    g_assert(row);
    g_free(c->origin);
    c->origin = arg ? g_strdup_printf("-%s %s", name, arg) : g_strdup_printf("-%s", name);
    current_row = row;
    ok = row->apply(c, arg, errp);
    current_row = outer;
    if (!ok) {
        error_prepend(errp, "-%s%s%s: ", name, arg ? " " : "", arg ? arg : "");
    }
    return ok;
}

static bool unknown_option(const char *arg, Error **errp)
{
    Spell spell = SPELL_INIT(arg + 1 + (arg[1] == '-'));

    error_set(errp, "%s: invalid option", arg);
    for (const OptionRow *row = rows; row->name || row->help; row++) {
        if (row->name) {
            spell_offer(&spell, row->name);
        }
    }
    if (spell_best(&spell)) {
        error_hint(errp, "Did you mean '-%s'?", spell_best(&spell));
    } else {
        error_hint(errp, "Use -h for the list of options");
    }
    return false;
}

bool options_parse(Config *c, int argc, char **argv, Error **errp)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        const OptionRow *row = *arg == '-' ? find_row(arg + 1 + (arg[1] == '-')) : NULL;

        if (*arg != '-') {
            /* A bare file is the first disk. */
            if (!option_apply(c, "hda", arg, errp)) {
                return false;
            }
            continue;
        }
        if (!row) {
            return unknown_option(arg, errp);
        }
        if (row->arg && i + 1 == argc) {
            error_set(errp, "%s: requires an argument", arg);
            error_hint(errp, "The form is -%s %s", row->name, row->arg);
            return false;
        }
        if (!option_apply(c, row->name, row->arg ? argv[++i] : NULL, errp)) {
            return false;
        }
    }
    if (c->name && c->msg_guest_name) {
        report_set_guest_name(keyval_get(c->name, "guest"));
    }
    return true;
}
