/* From options to a chardev: -chardev's members, and the short forms of -serial and its like */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char-int.h"
#include "chardev/mux.h"
#include "qapi/keyval.h"
#include "qapi/types-char.h"
#include "util/fdset.h"
#include "util/parse.h"

REGISTRY(chardev, CharType)

static const CharType *find_type(const char *name)
{
    size_t n;
    const CharType *const *types = registry_chardev(&n);

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(types[i]->name, name) || !g_strcmp0(types[i]->alias, name)) {
            return types[i];
        }
    }
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **chardev_type_names(void)
{
    size_t n;
    const CharType *const *types = registry_chardev(&n);
    const char **names = g_new0(const char *, n + 1);

    for (size_t i = 0; i < n; i++) {
        names[i] = types[i]->name;
    }
    qsort(names, n, sizeof(*names), compare_names);
    return names;
}

const char *chardev_type_desc(const char *name)
{
    return find_type(name)->desc;
}

static bool open_log(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (opts->logappend ? O_APPEND : O_TRUNC);

    if (!opts->logfile) {
        return true;
    }
    chr->log_fd = fdset_open(opts->logfile, flags, 0666);
    if (chr->log_fd < 0) {
        error_set_errno(errp, errno, "Unable to open logfile '%s'", opts->logfile);
        return false;
    }
    return true;
}

/* Identifiers are letters, digits, '-', '.', '_', starting with a letter. */
static bool id_ok(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

static Chardev *make(const ChardevOptions *opts, Error **errp)
{
    const CharType *type = find_type(ChardevKind_name(opts->backend));
    g_autofree char *base_id = opts->mux ? g_strconcat(opts->id, "-base", NULL)
                                         : g_strdup(opts->id);
    Chardev *chr, *mux;

    if (opts->mux && chardev_find(opts->id)) {
        error_set(errp, "Duplicate ID '%s' for chardev", opts->id);
        return NULL;
    }
    chr = chardev_create(type, base_id, opts, errp);
    if (!chr) {
        return NULL;
    }
    if (!open_log(chr, opts, errp)) {
        chardev_free(chr);
        return NULL;
    }
    if (!opts->mux) {
        return chr;
    }
    mux = mux_new(opts->id, chr, errp);
    if (!mux) {
        chardev_free(chr);
    }
    return mux;
}

Chardev *chardev_new(const ChardevOptions *opts, Error **errp)
{
    if (!id_ok(opts->id)) {
        error_set(errp, "Parameter 'id' expects an identifier, not '%s'", opts->id);
        error_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', starting with a "
                   "letter.");
        return NULL;
    }
    return make(opts, errp);
}

/* --- short forms --- */

typedef struct ShortForm {
    const char *prefix;         /* "unix:", or the whole word */
    const char *options;        /* -chardev text for it, before the rest */
    const char *rest;           /* key of what follows the prefix; NULL: nothing may follow */
    bool more;                  /* ",key=value" may follow it */
    bool host_port;             /* the rest is HOST:PORT */
    bool udp;                   /* the rest is [HOST]:PORT[@[HOST]:PORT] */
    bool size;                  /* the rest is a screen's size */
    bool whole;                 /* the value of rest is all of it */
} ShortForm;

static const ShortForm short_forms[] = {
    { .prefix = "null", .options = "null" },
    { .prefix = "stdio", .options = "stdio", .more = true },
    { .prefix = "pty", .options = "pty", .more = true },
    { .prefix = "ringbuf", .options = "ringbuf", .more = true },
    { .prefix = "vc:", .options = "vc", .size = true },
    { .prefix = "vc", .options = "vc", .more = true },
    { .prefix = "memory", .options = "ringbuf", .more = true },
    { .prefix = "/dev/", .options = "serial", .rest = "path", .whole = true },
    { .prefix = "udp:", .options = "udp", .more = true, .udp = true },
    { .prefix = "file:", .options = "file", .rest = "path", .more = true },
    { .prefix = "pipe:", .options = "pipe", .rest = "path" },
    { .prefix = "unix:path=", .options = "socket", .rest = "path", .more = true },
    { .prefix = "unix:", .options = "socket", .rest = "path", .more = true },
    { .prefix = "tcp:", .options = "socket", .more = true, .host_port = true },
    { .prefix = "telnet:", .options = "socket,telnet=on", .more = true, .host_port = true },
    { .prefix = "fd:", .options = "socket", .rest = "fd", .more = true },
};

static bool form_matches(const ShortForm *form, const char *spec)
{
    size_t n = strlen(form->prefix);

    return !strncmp(spec, form->prefix, n) &&
           (strchr(":=/", form->prefix[n - 1]) || !spec[n] || spec[n] == ',');
}

/* len bytes of "HOST:PORT" appended as ,host=HOST,port=PORT under these keys. */
static bool append_host_port(GString *text, const char *rest, size_t len, const char *host_key,
                             const char *port_key, const char *spec, Error **errp)
{
    g_autofree char *address = g_strndup(rest, len);
    char *colon = strrchr(address, ':');
    char *host = address;

    if (!colon || !colon[1]) {
        error_set(errp, "'%s' lacks a port: HOST:PORT is expected", spec);
        return false;
    }
    *colon = 0;
    if (*host == '[' && colon[-1] == ']') {
        host++;
        colon[-1] = 0;
    }
    g_string_append_printf(text, ",%s=%s,%s=%s", host_key, host, port_key, colon + 1);
    return true;
}

/* "[HOST]:PORT[@[HOST]:PORT]": to where, and from where. */
static bool append_udp(GString *text, const char *rest, const char *spec, Error **errp)
{
    size_t n = strcspn(rest, ","), remote = MIN(strcspn(rest, "@"), n);

    return append_host_port(text, rest, remote, "host", "port", spec, errp) &&
           (remote == n || append_host_port(text, rest + remote + 1, n - remote - 1, "localaddr",
                                            "localport", spec, errp)) &&
           g_string_append(text, rest + n);
}

/* What QEMU knows and Mica does not have. */
static const struct { const char *name, *what; } refused[] = {
    { "msmouse", "a serial mouse" }, { "wctablet", "a Wacom tablet" }, { "braille", "braille" },
    { "testdev", "a device for testing" }, { "tn3270:", "3270 terminals" },
    { "websocket:", "WebSocket chardevs" }, { "/dev/parport", "parallel ports" },
    { "spicevmc", "SPICE" }, { "spiceport", "SPICE" },
};

/* "WIDTHxHEIGHT" in pixels, "COLSCxROWSC" in characters. */
static bool append_size(GString *text, const char *rest, const char *spec, Error **errp)
{
    unsigned x, y;
    int n = 0;

    if (sscanf(rest, "%6uCx%6uC%n", &x, &y, &n) == 2 && n && !rest[n]) {
        g_string_append_printf(text, ",cols=%u,rows=%u", x, y);
    } else if (sscanf(rest, "%6ux%6u%n", &x, &y, &n) == 2 && n && !rest[n]) {
        g_string_append_printf(text, ",width=%u,height=%u", x, y);
    } else {
        error_set(errp, "'%s' has no size: vc:WIDTHxHEIGHT or vc:COLSCxROWSC is expected", spec);
        return false;
    }
    return true;
}

static char *expand(const char *spec, Error **errp)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const ShortForm *form = NULL;
    const char *rest;

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        if (g_str_has_prefix(spec, refused[i].name)) {
            error_set(errp, "'%s' is not possible: there is no support for %s", spec,
                      refused[i].what);
            return NULL;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(short_forms) && !form; i++) {
        form = form_matches(&short_forms[i], spec) ? &short_forms[i] : NULL;
    }
    if (!form) {
        error_set(errp, "'%s' is not a valid char driver", spec);
        error_hint(errp, "Valid ones: stdio, mon:stdio, null, pty, vc, file:PATH, pipe:PATH, "
                   "unix:PATH, tcp:HOST:PORT, telnet:HOST:PORT, udp:HOST:PORT, /dev/TTY, fd:N, "
                   "chardev:ID");
        return NULL;
    }
    rest = spec + strlen(form->prefix);
    g_string_append(text, form->options);
    if (form->host_port) {
        size_t n = strcspn(rest, ",");

        if (!append_host_port(text, rest, n, "host", "port", spec, errp)) {
            return NULL;
        }
        g_string_append(text, rest + n);
    } else if (form->size) {
        if (!append_size(text, rest, spec, errp)) {
            return NULL;
        }
    } else if (form->udp) {
        if (!append_udp(text, rest, spec, errp)) {
            return NULL;
        }
    } else if (form->rest && !*rest) {
        error_set(errp, "'%s' lacks the %s", spec, form->rest);
        return NULL;
    } else if (form->rest && form->more) {
        g_string_append_printf(text, ",%s=%s", form->rest, rest);
    } else if (form->rest) {
        g_autofree char *escaped = keyval_escape(form->whole ? spec : rest);

        g_string_append_printf(text, ",%s=%s", form->rest, escaped);
    } else if (*rest && !form->more) {
        error_set(errp, "'%s' takes no options", form->prefix);
        return NULL;
    } else {
        g_string_append(text, rest);
    }
    return g_strdup(text->str);
}

Chardev *chardev_new_short(const char *spec, const char *id, bool *want_monitor, Error **errp)
{
    g_autoptr(ChardevOptions) opts = NULL;
    g_autofree char *text = NULL;
    JSON_AUTO json = NULL;
    bool monitor = g_str_has_prefix(spec, "mon:");

    if (g_str_has_prefix(spec, "chardev:")) {
        Chardev *chr = chardev_find(spec + strlen("chardev:"));

        if (!chr) {
            error_set(errp, "Chardev '%s' not found", spec + strlen("chardev:"));
        }
        return chr;
    }
    if (monitor && !want_monitor) {
        error_set(errp, "'%s': 'mon:' is of no use here", spec);
        return NULL;
    }
    if (want_monitor) {
        *want_monitor = monitor;
    }
    text = expand(spec + (monitor ? strlen("mon:") : 0), errp);
    json = text ? keyval_parse_bare(text, "backend", NULL, errp) : NULL;
    if (!json) {
        return NULL;
    }
    json_object_object_add(json, "id", json_object_new_string(id));
    if (monitor) {
        /* Ctrl-C is for the guest then: Ctrl-a x ends the program. */
        json_object_object_add(json, "mux", json_object_new_string("on"));
        if (!strcmp(keyval_get(json, "backend"), "stdio") && !keyval_get(json, "signal")) {
            json_object_object_add(json, "signal", json_object_new_string("off"));
        }
    }
    opts = qapi_parse_ChardevOptions(json, QAPI_KEYVAL, errp);
    return opts ? make(opts, errp) : NULL;
}
