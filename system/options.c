/* The command line: finds each word's row in the option tables and applies it to the Config */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "system/options-int.h"
#include "util/log.h"
#include "util/parse.h"

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
    c->fw_files = g_ptr_array_new();
    c->option_roms = g_ptr_array_new();
    c->acpi_tables = g_ptr_array_new();
    c->serials = g_ptr_array_new();
    c->parallels = g_ptr_array_new();
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

bool option_text(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    char **field = (char **)((char *)c + row->field);

    g_free(*field);
    *field = g_strdup(arg);
    return true;
}

bool option_flag(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    *(bool *)((char *)c + row->field) = true;
    return true;
}

bool option_item(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    Json *json = keyval_parse_bare(arg, row->implied, NULL, errp);
    void *checked = json ? qapi_parse_object(row->type, json, QAPI_KEYVAL, errp) : NULL;

    if (!checked) {
        json_object_put(json);
        return false;
    }
    qapi_free_object(row->type, checked);
    config_add(*(GPtrArray **)((char *)c + row->field), c->origin, json, QAPI_KEYVAL);
    return true;
}

/* Members of more given later are added to those of into, or replace them. */
void option_add_members(Json **into, Json *more)
{
    if (!*into) {
        *into = json_object_new_object();
    }
    json_object_object_foreach(more, key, value) {
        json_object_object_add(*into, key, json_object_get(value));
    }
    json_object_put(more);
}

bool option_merge_members(Json **into, const QapiType *type, Json *more, Error **errp)
{
    void *checked;

    option_add_members(into, more);
    checked = qapi_parse_object(type, *into, QAPI_KEYVAL, errp);
    qapi_free_object(type, checked);
    return checked;
}

/* Parse, merge with what earlier ones said, and check the whole against its type. */
bool option_merge(Json **into, const QapiType *type, const char *arg, const char *implied,
                  Error **errp)
{
    Json *json = keyval_parse_bare(arg, implied, NULL, errp);

    return json && option_merge_members(into, type, json, errp);
}

NORETURN void option_help_done(void)
{
    exit(fflush(stdout) || ferror(stdout));
}

void option_set_origin(char **place, const Config *c)
{
    g_free(*place);
    *place = g_strdup(c->origin);
}

static bool apply_version(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    printf("Mica emulator version %s\n", MICA_VERSION);
    option_help_done();
}

static bool apply_help(Config *c, const OptionRow *self, const char *arg, Error **errp)
{
    printf("Mica emulator version %s\nusage: mica [options]\n", MICA_VERSION);
    OPTION_FOREACH(row) {
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
    option_help_done();
}

const OptionRow options_information[] = {
    OPTION_GROUP("Information"),
    { "h", NULL, apply_help, "this list" },
    { "help", NULL, apply_help },
    { "version", NULL, apply_version, "the version" },
    { NULL },
};

const OptionRow *const option_tables[] = {
    options_machine, options_devices, options_run, options_information, NULL
};

static const OptionRow *find_row(const char *name)
{
    OPTION_FOREACH(row) {
        if (row->name && !strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

bool option_apply(Config *c, const char *name, const char *arg, Error **errp)
{
    const OptionRow *row = find_row(name);
    bool ok;

    g_assert(row);
    g_free(c->origin);
    c->origin = arg ? g_strdup_printf("-%s %s", name, arg) : g_strdup_printf("-%s", name);
    ok = row->apply(c, row, arg, errp);
    if (!ok) {
        error_prepend(errp, "-%s%s%s: ", name, arg ? " " : "", arg ? arg : "");
    }
    return ok;
}

/* QEMU's options for what is not here: better than a guess at the spelling. */
static const struct { const char *names, *why; } absent[] = {
    { "netdev", "There are no network cards" },
    { "usb usbdevice", "There is no USB" },
    { "incoming loadvm only-migratable dump-vmstate", "There is no migration" },
    { "sdl gtk curses spice full-screen k g alt-grab ctrl-grab no-quit portrait rotate",
      "There is no window: a screen is seen by 'screendump' of the monitors" },
    { "icount singlestep tb-size plugin perfmap jitdump",
      "The CPU is not TCG; -accel soft,help lists what it can do" },
    { "fsdev virtfs", "There is no file sharing" },
    { "tpmdev", "There is no TPM" },
    { "semihosting semihosting-config xen-domid xen-attach prom-env old-param", "This is a PC" },
};

static const char *why_absent(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++) {
        g_auto(GStrv) names = g_strsplit(absent[i].names, " ", -1);

        if (g_strv_contains((const char *const *)names, name)) {
            return absent[i].why;
        }
    }
    return NULL;
}

static bool unknown_option(const char *arg, Error **errp)
{
    const char *name = arg + 1 + (arg[1] == '-'), *why = why_absent(name);
    Spell spell = SPELL_INIT(name);

    error_set(errp, "%s: invalid option", arg);
    OPTION_FOREACH(row) {
        if (row->name) {
            spell_offer(&spell, row->name);
        }
    }
    if (why) {
        error_hint(errp, "%s", why);
    } else if (spell_best(&spell)) {
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
