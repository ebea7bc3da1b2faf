/* -smbios: what users put into the SMBIOS structures */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/smbios-int.h"
#include "util/parse.h"

#define FILE_MAX 65535

SmbiosOptions smbios_options;

typedef enum FieldKind {
    FIELD_STRING, FIELD_U16, FIELD_U64, FIELD_BOOL, FIELD_RELEASE, FIELD_UUID, FIELD_VALUE,
    FIELD_PATH,
} FieldKind;

typedef struct Field {
    uint8_t type;
    const char *name;
    FieldKind kind;
    size_t offset;
} Field;

#define ROW(t, n, k, f) { t, n, k, offsetof(SmbiosOptions, f) }
static const Field fields[] = {
    ROW(0, "vendor", FIELD_STRING, bios.vendor),
    ROW(0, "version", FIELD_STRING, bios.version),
    ROW(0, "date", FIELD_STRING, bios.date),
    ROW(0, "release", FIELD_RELEASE, bios.major),
    ROW(0, "uefi", FIELD_BOOL, bios.uefi),
    ROW(1, "manufacturer", FIELD_STRING, system.manufacturer),
    ROW(1, "product", FIELD_STRING, system.product),
    ROW(1, "version", FIELD_STRING, system.version),
    ROW(1, "serial", FIELD_STRING, system.serial),
    ROW(1, "uuid", FIELD_UUID, system.uuid),
    ROW(1, "sku", FIELD_STRING, system.sku),
    ROW(1, "family", FIELD_STRING, system.family),
    ROW(2, "manufacturer", FIELD_STRING, board.manufacturer),
    ROW(2, "product", FIELD_STRING, board.product),
    ROW(2, "version", FIELD_STRING, board.version),
    ROW(2, "serial", FIELD_STRING, board.serial),
    ROW(2, "asset", FIELD_STRING, board.asset),
    ROW(2, "location", FIELD_STRING, board.location),
    ROW(3, "manufacturer", FIELD_STRING, chassis.manufacturer),
    ROW(3, "version", FIELD_STRING, chassis.version),
    ROW(3, "serial", FIELD_STRING, chassis.serial),
    ROW(3, "asset", FIELD_STRING, chassis.asset),
    ROW(3, "sku", FIELD_STRING, chassis.sku),
    ROW(4, "sock_pfx", FIELD_STRING, cpu.socket_prefix),
    ROW(4, "manufacturer", FIELD_STRING, cpu.manufacturer),
    ROW(4, "version", FIELD_STRING, cpu.version),
    ROW(4, "serial", FIELD_STRING, cpu.serial),
    ROW(4, "asset", FIELD_STRING, cpu.asset),
    ROW(4, "part", FIELD_STRING, cpu.part),
    ROW(4, "max-speed", FIELD_U16, cpu.max_speed),
    ROW(4, "current-speed", FIELD_U16, cpu.current_speed),
    ROW(4, "processor-id", FIELD_U64, cpu.id),
    ROW(11, "value", FIELD_VALUE, oem_strings),
    ROW(11, "path", FIELD_PATH, oem_strings),
    ROW(17, "loc_pfx", FIELD_STRING, dimm.prefix),
    ROW(17, "bank", FIELD_STRING, dimm.bank),
    ROW(17, "manufacturer", FIELD_STRING, dimm.manufacturer),
    ROW(17, "serial", FIELD_STRING, dimm.serial),
    ROW(17, "asset", FIELD_STRING, dimm.asset),
    ROW(17, "part", FIELD_STRING, dimm.part),
    ROW(17, "speed", FIELD_U16, dimm.speed),
};

/* "a=b,c=d" to alternating names and values; ",," stands for a comma */
static GPtrArray *split_pairs(const char *text, Error **errp)
{
    GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);

    while (*text) {
        size_t name_len = strcspn(text, "=,");
        g_autoptr(GString) value = g_string_new(NULL);
        const char *p;

        if (text[name_len] != '=' || !name_len) {
            error_set(errp, "-smbios: '%s' is not of the form name=value", text);
            g_ptr_array_free(pairs, true);
            return NULL;
        }
        for (p = text + name_len + 1; *p && (*p != ',' || p[1] == ','); p++) {
            g_string_append_c(value, *p);
            p += *p == ',';
        }
        g_ptr_array_add(pairs, g_strndup(text, name_len));
        g_ptr_array_add(pairs, g_string_free(g_steal_pointer(&value), false));
        text = *p ? p + 1 : p;
    }
    return pairs;
}

static void add_oem_string(char *text)
{
    if (!smbios_options.oem_strings) {
        smbios_options.oem_strings = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(smbios_options.oem_strings, text);
}

/* 8-4-4-4-12 hexadecimal digits */
static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    unsigned digits = 0;

    for (unsigned i = 0; text[i]; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') {
                return false;
            }
            continue;
        }
        if (!g_ascii_isxdigit(text[i]) || digits == 32) {
            return false;
        }
        uuid[digits / 2] = uuid[digits / 2] << 4 | g_ascii_xdigit_value(text[i]);
        digits++;
    }
    return digits == 32;
}

static bool set_field(const Field *field, const char *value, Error **errp)
{
    void *place = (char *)&smbios_options + field->offset;
    g_autofree char *text = NULL;
    unsigned major, minor;
    uint64_t number;
    int end = 0;
    bool ok = true;
    size_t len;

    switch (field->kind) {
    case FIELD_STRING:
        g_free(*(char **)place);
        *(char **)place = g_strdup(value);
        break;
    case FIELD_U16:
        ok = !parse_u64(value, 0, &number) && number <= 0xffff;
        if (ok) {
            *(uint16_t *)place = number;
        }
        break;
    case FIELD_U64:
        ok = !parse_u64(value, 0, &number);
        if (ok) {
            *(uint64_t *)place = number;
        }
        break;
    case FIELD_BOOL:
        ok = parse_bool(value, (bool *)place);
        break;
    case FIELD_RELEASE:
        ok = sscanf(value, "%3u.%3u%n", &major, &minor, &end) == 2 && !value[end] &&
             major < 256 && minor < 256;
        if (ok) {
            smbios_options.bios.major = major;
            smbios_options.bios.minor = minor;
            smbios_options.bios.has_release = true;
        }
        break;
    case FIELD_UUID:
        ok = parse_uuid(value, place);
        smbios_options.system.has_uuid |= ok;
        break;
    case FIELD_VALUE:
        add_oem_string(g_strdup(value));
        break;
    case FIELD_PATH:
        if (!g_file_get_contents(value, &text, &len, NULL) || strlen(text) != len) {
            error_set(errp, "-smbios: path='%s' cannot be read as a text", value);
            return false;
        }
        add_oem_string(g_steal_pointer(&text));
        break;
    }
    if (!ok) {
        error_set(errp, "-smbios: '%s' is no valid value of %s", value, field->name);
    }
    return ok;
}

static bool set_named(unsigned type, const char *name, const char *value, Error **errp)
{
    Spell spell = SPELL_INIT(name);
    const char *best;

    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].type == type) {
            if (!strcmp(fields[i].name, name)) {
                smbios_options.given |= BIT(type);
                return set_field(&fields[i], value, errp);
            }
            spell_offer(&spell, fields[i].name);
        }
    }
    error_set(errp, "-smbios: type %u has no field '%s'", type, name);
    best = spell_best(&spell);
    if (best) {
        error_hint(errp, "did you mean '%s'?", best);
    }
    return false;
}

/* A structure from a file: its length byte and the two zero bytes at its end are checked */
static bool add_file(const char *path, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    char *data = NULL;
    size_t len;

    if (!g_file_get_contents(path, &data, &len, &gerr)) {
        error_set(errp, "-smbios: %s", gerr->message);
        return false;
    }
    if (len > FILE_MAX || len < 6 || (uint8_t)data[1] < 4 || (uint8_t)data[1] + 2u > len ||
        data[len - 1] || data[len - 2]) {
        error_set(errp, "-smbios: '%s' does not hold one SMBIOS structure", path);
        g_free(data);
        return false;
    }
    if (!smbios_options.files) {
        smbios_options.files = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    }
    g_ptr_array_add(smbios_options.files, g_bytes_new_take(data, len));
    return true;
}

bool smbios_option_add(const char *text, Error **errp)
{
    g_autoptr(GPtrArray) pairs = split_pairs(text, errp);
    const char *first;
    uint64_t type;

    if (!pairs) {
        return false;
    }
    first = pairs->len ? g_ptr_array_index(pairs, 0) : "";
    if (!strcmp(first, "file") && pairs->len == 2) {
        return add_file(g_ptr_array_index(pairs, 1), errp);
    }
    if (strcmp(first, "type") || parse_u64(g_ptr_array_index(pairs, 1), 10, &type)) {
        error_set(errp, "-smbios: '%s' must begin with type=NUMBER or be file=PATH", text);
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(fields) && type != fields[i].type; i++) {
        if (i == ARRAY_SIZE(fields) - 1) {
            error_set(errp, "-smbios: no fields can be given for type %" PRIu64 ": 0, 1, 2, 3, 4, "
                      "11 and 17 have some", type);
            return false;
        }
    }
    for (unsigned i = 2; i < pairs->len; i += 2) {
        if (!set_named(type, g_ptr_array_index(pairs, i), g_ptr_array_index(pairs, i + 1), errp)) {
            return false;
        }
    }
    smbios_options.given |= BIT(type);
    return true;
}

void smbios_options_clear(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].kind == FIELD_STRING) {
            g_free(*(char **)((char *)&smbios_options + fields[i].offset));
        }
    }
    g_clear_pointer(&smbios_options.oem_strings, g_ptr_array_unref);
    g_clear_pointer(&smbios_options.files, g_ptr_array_unref);
    memset(&smbios_options, 0, sizeof(smbios_options));
}
