/* Human commands that are QMP commands under other names; the block layer's are in hmp-block.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/hmp.h"
#include "util/coroutine.h"

/* sendkey ctrl-alt-f1 [ms] */
static void co_sendkey(const Json *args, GString *out, Error **errp)
{
    g_auto(GStrv) names = g_strsplit(hmp_str(args, "keys"), "-", -1);
    Json *request = json_object_new_object(), *keys = json_object_new_array();

    for (unsigned i = 0; names[i]; i++) {
        Json *key = json_object_new_object();
        const char *name = !strcmp(names[i], "<") ? "less" : names[i];
        char *end;
        uint64_t code = g_ascii_strtoull(name, &end, 0);
        bool number = g_str_has_prefix(name, "0x") && !*end;

        json_object_object_add(key, "type", json_object_new_string(number ? "number" : "qcode"));
        json_object_object_add(key, "data", number ? json_object_new_int64(code)
                                                   : json_object_new_string(name));
        json_object_array_add(keys, key);
    }
    json_object_object_add(request, "keys", keys);
    if (hmp_get(args, "hold-time")) {
        json_object_object_add(request, "hold-time",
                               json_object_get(hmp_get(args, "hold-time")));
    }
    json_object_put(co_hmp_qmp("send-key", request, errp));
}

static void co_quit(const Json *args, GString *out, Error **errp)
{
    json_object_put(co_hmp_qmp("quit", NULL, errp));
}

static void co_dump(const Json *args, GString *out, Error **errp)
{
    static const char *const copied[] = { "begin", "length", "detach", NULL };
    Json *request = json_object_new_object();
    g_autofree char *protocol = g_strdup_printf("file:%s", hmp_str(args, "filename"));

    for (unsigned i = 0; copied[i]; i++) {
        if (hmp_get(args, copied[i])) {
            json_object_object_add(request, copied[i], json_object_get(hmp_get(args, copied[i])));
        }
    }
    json_object_object_add(request, "paging", json_object_new_boolean(hmp_bool(args, "paging")));
    json_object_object_add(request, "protocol", json_object_new_string(protocol));
    json_object_put(co_hmp_qmp("dump-guest-memory", request, errp));
}

/* The value is JSON after -j; without, a number or a boolean where it looks like one. */
static void co_qom_set(const Json *args, GString *out, Error **errp)
{
    const char *text = hmp_str(args, "value");
    Json *request = json_object_new_object(), *value = NULL;

    if (hmp_bool(args, "json")) {
        if (!json_parse(text, strlen(text), &value, errp)) {
            json_object_put(request);
            return;
        }
    } else if (!strcmp(text, "on") || !strcmp(text, "off")) {
        value = json_object_new_boolean(!strcmp(text, "on"));
    } else {
        if (!json_parse(text, strlen(text), &value, NULL)) {
            value = json_object_new_string(text);
        }
    }
    json_object_object_add(request, "path", json_object_get(hmp_get(args, "path")));
    json_object_object_add(request, "property", json_object_get(hmp_get(args, "property")));
    json_object_object_add(request, "value", value);
    json_object_put(co_hmp_qmp("qom-set", request, errp));
}

static void show_ringbuf(const Json *value, GString *out)
{
    g_string_append_printf(out, "%s\n", json_object_get_string((Json *)value));
}

static void show_qom_list(const Json *value, GString *out)
{
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        const Json *row = json_object_array_get_idx(value, i);

        g_string_append_printf(out, "%s (%s)\n", hmp_str(row, "name"), hmp_str(row, "type"));
    }
}

static void show_json(const Json *value, GString *out)
{
    g_string_append_printf(out, "%s\n", json_object_to_json_string_ext(
                                            (Json *)value, JSON_C_TO_STRING_PRETTY));
}

static void complete_chardevs(GPtrArray *names)
{
    hmp_names_of("query-chardev", "label", names);
}

/* These queries do not wait; should one do, what it finds comes too late and goes nowhere. */
typedef struct Names {
    const char *query, *member;
    GPtrArray *names;
} Names;

static void co_names(void *opaque)
{
    Names *n = opaque;
    JSON_AUTO rows = co_hmp_qmp(n->query, NULL, NULL);

    for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
        const char *name = hmp_str(json_object_array_get_idx(rows, i), n->member);

        if (name) {
            g_ptr_array_add(n->names, g_strdup(name));
        }
    }
    g_ptr_array_unref(n->names);
    g_free(n);
}

void hmp_names_of(const char *query, const char *member, GPtrArray *names)
{
    Names *n = g_new(Names, 1);

    *n = (Names){ query, member, g_ptr_array_ref(names) };
    co_enter(co_create(co_names, n));
}

#define ID(name_) { { name_, HMP_WORD } }

static const HmpCommand rows[] = {
    { "stop|s", "", "stop the guest's CPUs", .qmp = "stop" },
    { "cont|c", "", "let the guest go on", .qmp = "cont" },
    { "quit|q", "", "end the program", .co_run = co_quit },
    { "system_reset", "", "reset the machine", .qmp = "system_reset" },
    { "system_powerdown", "", "press the power button", .qmp = "system_powerdown" },
    { "system_wakeup", "", "wake up from suspend", .qmp = "system_wakeup" },
    { "nmi", "", "send a non-maskable interrupt to all CPUs", .qmp = "inject-nmi" },
    { "watchdog_action", "ACTION", "what is done when the watchdog expires",
      ID("action"), .qmp = "watchdog-set-action" },
    { "sendkey", "KEYS [HOLD_MS]", "press keys together: sendkey ctrl-alt-f1",
      { { "keys", HMP_WORD }, { "hold-time", HMP_INT, true } }, .co_run = co_sendkey },
    { "screendump", "FILE [-f FORMAT] [DEVICE [HEAD]]", "the screen to a file, ppm or png",
      { { "filename", HMP_WORD }, { "format", HMP_OPTION }, { "device", HMP_WORD, true },
        { "head", HMP_INT, true } }, .qmp = "screendump" },
    { "memsave", "ADDR SIZE FILE", "guest memory to a file, by virtual address",
      { { "val", HMP_INT }, { "size", HMP_INT }, { "filename", HMP_WORD } }, .qmp = "memsave" },
    { "dump-guest-memory", "[-p] [-d] FILE [BEGIN LENGTH]", "an ELF core of the guest; -p: by its "
      "page tables, -d: return at once",
      { { "paging", HMP_FLAG }, { "detach", HMP_FLAG }, { "filename", HMP_WORD },
        { "begin", HMP_INT, true }, { "length", HMP_INT, true } }, .co_run = co_dump },
    { "pmemsave", "ADDR SIZE FILE", "guest memory to a file, by physical address",
      { { "val", HMP_INT }, { "size", HMP_INT }, { "filename", HMP_WORD } }, .qmp = "pmemsave" },
    { "object_del", "ID", "remove an object of -object", ID("id"), .qmp = "object-del" },
    { "chardev-remove", "ID", "remove a character device", ID("id"), .qmp = "chardev-remove",
      .complete = complete_chardevs },
    { "chardev-send-break", "ID", "send a break on a character device", ID("id"),
      .qmp = "chardev-send-break", .complete = complete_chardevs },
    { "ringbuf_write", "ID DATA", "write to a ring buffer",
      { { "device", HMP_WORD }, { "data", HMP_REST } }, .qmp = "ringbuf-write",
      .complete = complete_chardevs },
    { "ringbuf_read", "ID SIZE", "read from a ring buffer",
      { { "device", HMP_WORD }, { "size", HMP_INT } }, .qmp = "ringbuf-read",
      .show = show_ringbuf, .complete = complete_chardevs },
    { "trace-event", "NAME on|off", "switch trace points; NAME may be a pattern",
      { { "name", HMP_WORD }, { "enable", HMP_BOOL } }, .qmp = "trace-event-set-state" },
    { "qom-list", "PATH", "the properties of an object", { { "path", HMP_WORD, true } },
      .qmp = "qom-list", .show = show_qom_list },
    { "qom-get", "PATH PROPERTY", "a property of an object",
      { { "path", HMP_WORD }, { "property", HMP_WORD } }, .qmp = "qom-get", .show = show_json },
    { "qom-set", "[-j] PATH PROPERTY VALUE", "set a property of an object; -j: the value is JSON",
      { { "json", HMP_FLAG }, { "path", HMP_WORD }, { "property", HMP_WORD },
        { "value", HMP_REST } }, .co_run = co_qom_set },
    { "closefd", "NAME", "close a descriptor of getfd", ID("fdname"), .qmp = "closefd" },
    { }
};

static const HmpTable table = { rows, false };
REGISTER_HMP(table)
