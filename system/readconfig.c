/* -readconfig: a file of [option "id"] sections with key = "value" lines */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "system/config.h"
#include "util/parse.h"

/* Sections that are named otherwise than their option. */
static const struct {
    const char *section, *option;
} names[] = {
    { "accel", "accel" },   { "action", "action" }, { "boot-opts", "boot" },
    { "chardev", "chardev" }, { "device", "device" }, { "global", "global" },
    { "machine", "machine" }, { "memory", "m" }, { "msg", "msg" },
    { "name", "name" },     { "object", "object" }, { "rtc", "rtc" },
    { "smp-opts", "smp" },  { "trace", "trace" },
};

static const char *option_of(const char *section, Error **errp)
{
    Spell spell = SPELL_INIT(section);

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(names[i].section, section)) {
            return names[i].option;
        }
        spell_offer(&spell, names[i].section);
    }
    error_set(errp, "There is no option group '%s'", section);
    if (spell_best(&spell)) {
        error_hint(errp, "Did you mean '%s'?", spell_best(&spell));
    }
    return NULL;
}

/* [group] or [group "id"]; group and id are left in the line. */
static bool parse_section(char *line, char **group, char **id)
{
    size_t len = strlen(line);
    char *quote;

    if (line[len - 1] != ']') {
        return false;
    }
    line[len - 1] = 0;
    *group = g_strstrip(line + 1);
    *id = NULL;
    quote = strchr(*group, '"');
    if (quote) {
        len = strlen(quote);
        if (len < 3 || quote[len - 1] != '"') {
            return false;
        }
        quote[len - 1] = 0;
        *quote = 0;
        *id = quote + 1;
        g_strstrip(*group);
    }
    return **group;
}

/* key = "value", appended as key=value with its commas doubled. */
static bool parse_pair(char *line, GString *text)
{
    char *equal = strchr(line, '=');
    g_autofree char *escaped = NULL;
    char *value;
    size_t len;

    if (!equal) {
        return false;
    }
    *equal = 0;
    value = g_strstrip(equal + 1);
    len = strlen(value);
    if (len < 2 || value[0] != '"' || value[len - 1] != '"') {
        return false;
    }
    value[len - 1] = 0;
    escaped = keyval_escape(value + 1);
    g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", g_strstrip(line), escaped);
    return true;
}

typedef struct Section {
    const char *option;         /* NULL before the first one */
    GString *text;
    unsigned line;
} Section;

static bool finish(Config *c, const Section *s, Error **errp)
{
    return !s->option || option_apply(c, s->option, s->text->str, errp);
}

bool config_read_file(Config *c, const char *path, Error **errp)
{
    g_autofree char *content = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    Section section = { .text = text };

    if (access(path, R_OK) < 0 || !g_file_get_contents(path, &content, NULL, NULL)) {
        error_set_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    lines = g_strsplit(content, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]), *group, *id;
        bool ok;

        if (!*line || *line == '#') {
            continue;
        }
        if (*line == '[') {
            if (!finish(c, &section, errp)) {
                error_prepend(errp, "line %u: ", section.line);
                return false;
            }
            ok = parse_section(line, &group, &id);
            if (ok) {
                section.option = option_of(group, errp);
                section.line = i + 1;
                g_string_truncate(text, 0);
                if (!section.option) {
                    error_prepend(errp, "line %u: ", i + 1);
                    return false;
                }
                if (id) {
                    g_string_append_printf(text, "id=%s", id);
                }
            }
        } else {
            ok = section.option && parse_pair(line, text);
        }
        if (!ok) {
            error_set(errp, "line %u: [group \"id\"] or key = \"value\" is expected", i + 1);
            return false;
        }
    }
    if (!finish(c, &section, errp)) {
        error_prepend(errp, "line %u: ", section.line);
        return false;
    }
    return true;
}
