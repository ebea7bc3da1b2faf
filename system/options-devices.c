/* Options that name things to create: drives, devices, objects, chardevs, monitors */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/mux.h"
#include "hw/core/device-qmp.h"
#include "qapi/keyval.h"
#include "qapi/types-char.h"
#include "qapi/types-control.h"
#include "qom/user-object.h"
#include "system/options-int.h"
#include "util/fdset.h"
#include "util/parse.h"

static bool apply_object(Config *c, const OptionRow *row, const char *arg, Error **errp)
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
        option_help_done();
    }
    config_add(c->objects, c->origin, json, keyval ? QAPI_KEYVAL : QAPI_STRICT);
    return true;
}

static bool apply_device(Config *c, const OptionRow *row, const char *arg, Error **errp)
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
        option_help_done();
    }
    config_add(c->devices, c->origin, json, keyval ? QAPI_KEYVAL : QAPI_STRICT);
    return true;
}

static bool apply_chardev(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    bool help;
    Json *json = keyval_parse_bare(arg, "backend", &help, errp);

    if (!json) {
        return false;
    }
    if (help) {
        help_chardevs();
        option_help_done();
    }
    config_add(c->chardevs, c->origin, json, QAPI_KEYVAL);
    return true;
}

static bool apply_blockdev(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    bool keyval;
    Json *json = keyval_or_json_parse(arg, "driver", NULL, &keyval, errp);

    if (json) {
        config_add(c->blockdevs, c->origin, json, keyval ? QAPI_KEYVAL : QAPI_STRICT);
    }
    return json;
}

/* Of a drive itself; all other parameters are the node's. */
static bool is_drive_parameter(const char *name)
{
    for (unsigned i = 0; i < qapi_type_DriveOptions.nr_members; i++) {
        if (!strcmp(qapi_type_DriveOptions.members[i].name, name)) {
            return true;
        }
    }
    return g_str_has_prefix(name, "throttling.") || g_str_has_prefix(name, "stats-intervals.");
}

static bool is_help(const char *text)
{
    return text && (!strcmp(text, "help") || !strcmp(text, "?"));
}

bool config_parse_drive(const char *arg, Json **drive, Json **node, Error **errp)
{
    JSON_AUTO all = keyval_parse_flat(arg, NULL, errp);
    JSON_AUTO flat = json_object_new_object();
    JSON_AUTO rest = json_object_new_object();
    g_autoptr(DriveOptions) checked = NULL;

    *drive = *node = NULL;
    if (!all) {
        return false;
    }
    json_object_object_foreach(all, key, value) {
        json_object_object_add(is_drive_parameter(key) ? flat : rest, key,
                               json_object_get(value));
    }
    *drive = keyval_nest(flat, errp);
    checked = *drive ? qapi_parse_DriveOptions(*drive, QAPI_KEYVAL, errp) : NULL;
    if (checked && json_object_object_length(rest)) {
        *node = keyval_nest(rest, errp);
    }
    if (!checked || (json_object_object_length(rest) && !*node)) {
        json_object_put(g_steal_pointer(drive));
        return false;
    }
    return true;
}

static bool apply_drive(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    JSON_AUTO all = keyval_parse_flat(arg, NULL, NULL);
    Json *drive, *node;

    if (all && is_help(keyval_get(all, "format"))) {
        help_block_drivers();
        option_help_done();
    }
    if (!config_parse_drive(arg, &drive, &node, errp)) {
        return false;
    }
    config_add(c->drives, c->origin, drive, QAPI_KEYVAL)->node = node;
    return true;
}

/* -hda FILE to -hdd, -cdrom FILE, -fda FILE, -fdb FILE: a -drive at that place. */
static bool apply_image(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    bool cdrom = !strcmp(row->name, "cdrom"), floppy = g_str_has_prefix(row->name, "fd");
    g_autofree char *index = g_strdup_printf("%d", cdrom ? 2 : row->name[2] - 'a');
    Json *json = json_object_new_object();

    json_object_object_add(json, "file", json_object_new_string(arg));
    json_object_object_add(json, "if", json_object_new_string(floppy ? "floppy" : "ide"));
    json_object_object_add(json, "index", json_object_new_string(index));
    json_object_object_add(json, "media", json_object_new_string(cdrom ? "cdrom" : "disk"));
    config_add(c->drives, c->origin, json, QAPI_KEYVAL);
    return true;
}

static bool apply_add_fd(Config *c, const OptionRow *row, const char *arg, Error **errp)
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

static bool add_short(Config *c, GPtrArray *list, const char *arg)
{
    config_add(list, c->origin, NULL, QAPI_KEYVAL)->text = g_strdup(arg);
    return true;
}

static bool apply_parallel(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return add_short(c, c->parallels, arg);
}

static bool apply_serial(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return add_short(c, c->serials, arg);
}

static bool apply_debugcon(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return add_short(c, c->debugcons, arg);
}

static bool apply_escape(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    uint64_t code;

    if (parse_u64(arg, 0, &code) || code > UINT8_MAX) {
        error_set(errp, "not the code of a character");
        error_hint(errp, "Valid values: 0 to 255, as 0x11 for Ctrl-q");
        return false;
    }
    mux_set_escape(code);
    return true;
}

/* What Mica does not have (.help): only its absence can be asked for. */
static bool apply_none_only(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    if (strcmp(arg, "none")) {
        error_set(errp, "%s, so '%s' is not possible", row->help, arg);
        error_hint(errp, "Valid values: none");
        return false;
    }
    return true;
}

/* -set GROUP.ID.KEY=VALUE: a member more for what an earlier option made. */
static bool apply_set(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    const struct { const char *group; GPtrArray *list; } lists[] = {
        { "chardev", c->chardevs }, { "device", c->devices }, { "drive", c->drives },
        { "object", c->objects },
    };
    g_auto(GStrv) words = g_strsplit(arg, ".", 3);
    const char *equal = g_strv_length(words) == 3 ? strchr(words[2], '=') : NULL;

    if (!equal) {
        error_set(errp, "there is no '='");
        error_hint(errp, "The form is -set GROUP.ID.KEY=VALUE");
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
        for (unsigned k = 0; !strcmp(lists[i].group, words[0]) && k < lists[i].list->len; k++) {
            const ConfigItem *item = lists[i].list->pdata[k];
            g_autofree char *key = g_strndup(words[2], equal - words[2]);

            if (item->json && !g_strcmp0(keyval_get(item->json, "id"), words[1])) {
                json_object_object_add(item->json, key, json_object_new_string(equal + 1));
                return true;
            }
        }
    }
    error_set(errp, "there is no %s \"%s\" defined", words[0], words[1]);
    error_hint(errp, "An option in front of it defines one: -chardev, -device, -drive or -object");
    return false;
}

/* There is no sound, so that nowhere is the only place where it can go. */
static bool apply_audiodev(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    bool keyval;
    JSON_AUTO json = keyval_or_json_parse(arg, "driver", NULL, &keyval, errp);
    g_autoptr(AudiodevOptions) opts =
        json ? qapi_parse_AudiodevOptions(json, keyval ? QAPI_KEYVAL : QAPI_STRICT, errp) : NULL;

    return opts;
}

/* -qmp, -qmp-pretty, -monitor */
static bool apply_monitor(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    bool human = !strcmp(row->name, "monitor");
    bool pretty = !strcmp(row->name, "qmp-pretty");
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

static bool apply_display(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    Json *none = NULL;
    bool ok = option_merge(&none, &qapi_type_DisplayOptions, arg, "type", errp);

    json_object_put(none);
    return ok;
}

static bool apply_vga(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    int kind = qapi_enum_parse(&qapi_type_VgaKind, arg, "vga", errp);

    c->vga = MAX(kind, 0);
    c->has_vga = true;
    return kind >= 0;
}

const OptionRow options_devices[] = {
    OPTION_GROUP("Drives"),
    { "drive", "file=FILE[,if=ide|floppy|none][,index=N][,media=disk|cdrom][,format=F][,...]",
      apply_drive, "a drive and its image", .qmp = "drive", .type = &qapi_type_DriveOptions },
    { "hda", "FILE", apply_image, "image of the first disk; so -hdb, -hdc, -hdd" },
    { "hdb", "FILE", apply_image },
    { "hdc", "FILE", apply_image },
    { "hdd", "FILE", apply_image },
    { "fda", "FILE", apply_image, "image of the floppy disk in drive A" },
    { "fdb", "FILE", apply_image, "image of the floppy disk in drive B" },
    { "cdrom", "FILE", apply_image, "image of the CD-ROM in the third drive" },
    { "add-fd", "fd=N,set=M[,opaque=TEXT]", apply_add_fd, "an open file for /dev/fdset/M" },
    { "blockdev", "DRIVER,node-name=NAME[,...]", apply_blockdev, "a block node; also as JSON" },
    { "snapshot", NULL, OPTION_FLAG(snapshot),
      .help = "leave images as they are: changes are lost" },
    OPTION_GROUP("Devices"),
    { "device", "DRIVER[,PROP=VALUE...]", apply_device, "add a device; 'help', 'DRIVER,help'",
      .qmp = "device" },
    { "object", "TYPE,id=ID[,PROP=VALUE...]", apply_object, "add an object; 'help', 'TYPE,help'",
      .qmp = "object" },
    { "chardev", "BACKEND,id=ID[,...]", apply_chardev, "add a character device; 'help'",
      .qmp = "chardev", .type = &qapi_type_ChardevOptions },
    { "serial", "DEV", apply_serial, "next serial port: stdio, mon:stdio, unix:PATH, none, ..." },
    { "parallel", "DEV", apply_parallel, "next parallel port: file:PATH, none, ..." },
    { "debugcon", "DEV", apply_debugcon, "debug console at port 0xe9" },
    { "echr", "CODE", apply_escape, "what begins a command to a multiplexer: 1, Ctrl-a" },
    { "qmp", "DEV", apply_monitor, "a QMP monitor: stdio, unix:PATH,server=on,wait=off, ..." },
    { "qmp-pretty", "DEV", apply_monitor, "the same with replies over several lines" },
    { "mon", "[chardev=]ID[,mode=control|readline][,pretty=on|off]",
      OPTION_ITEM(monitors, MonitorOptions), .implied = "chardev",
      .help = "a monitor on a chardev", .qmp = "mon" },
    { "monitor", "DEV", apply_monitor, "a human monitor; 'none'" },
    { "audiodev", "[driver=]none,id=ID", apply_audiodev, "where sound goes: nowhere" },
    { "audio", "none", apply_none_only, "there is no sound" },
    { "net", "none", apply_none_only, "there is no network card" },
    { "nic", "none", apply_none_only, "there is no network card" },
    { "set", "GROUP.ID.KEY=VALUE", apply_set, "one more property for what is there already" },
    OPTION_GROUP("Display"),
    { "nographic", NULL, OPTION_FLAG(nographic), .help = "no screen; COM1 on this terminal" },
    { "display", "none", apply_display, "no window" },
    { "vnc", "none", apply_none_only, "there is no VNC server" },
    { "vga", "std|none", apply_vga, "display adapter" },
    { NULL },
};
