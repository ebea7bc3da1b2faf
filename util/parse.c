/* Numbers, sizes and names that people type: exact parsing, range errors, the nearest spelling */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/parse.h"

static bool starts_number(const char *text, int base)
{
    return base == 16 ? g_ascii_isxdigit(*text) : g_ascii_isdigit(*text);
}

int parse_u64(const char *text, int base, uint64_t *value)
{
    char *end;
    unsigned long long v;

    if (!starts_number(text, base)) {
        return -EINVAL;
    }
    errno = 0;
    v = strtoull(text, &end, base);
    if (*end) {
        return -EINVAL;
    }
    if (errno) {
        return -errno;
    }
    *value = v;
    return 0;
}

int parse_i64(const char *text, int base, int64_t *value)
{
    bool negative = *text == '-';
    uint64_t v;
    int ret = parse_u64(text + (negative || *text == '+'), base, &v);

    if (ret) {
        return ret;
    }
    if (v > (uint64_t)INT64_MAX + negative) {
        return -ERANGE;
    }
    *value = negative ? -v : v;
    return 0;
}

/* The power of two behind a suffix; -1 for none of ours. */
static int suffix_shift(char c)
{
    static const char letters[] = "bkmgtpe";
    const char *at = c ? strchr(letters, g_ascii_tolower(c)) : NULL;

    return at ? (at - letters) * 10 : -1;
}

/* The decimals behind the point as a part of 2^64; *end is moved behind them. */
static uint64_t parse_fraction(char **end)
{
    long double value = 0, digit = 0.1L;

    for (; g_ascii_isdigit(**end); (*end)++) {
        value += (**end - '0') * digit;
        digit /= 10;
    }
    return value >= 1 ? UINT64_MAX : (uint64_t)(value * 18446744073709551616.0L);
}

int parse_size(const char *text, char default_unit, uint64_t *bytes)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    bool fraction = false;
    uint64_t part = 0;
    unsigned long long v;
    char *end;
    int shift;

    if (!g_ascii_isdigit(*text)) {
        return -EINVAL;
    }
    errno = 0;
    v = strtoull(text, &end, hex ? 16 : 10);
    if (errno) {
        return -errno;
    }
    if (*end == '.' && !hex) {
        end++;
        fraction = true;
        if (!g_ascii_isdigit(*end)) {
            return -EINVAL;
        }
        part = parse_fraction(&end);
    }
    shift = suffix_shift(*end ? *end : default_unit);
    /* In "0x10b" or "0x1e" the letter is a digit; behind a number in hex no suffix is clear. */
    if (shift < 0 || (*end && (end[1] || hex)) || (fraction && part && !shift)) {
        return -EINVAL;
    }
    if (shift && v >> (64 - shift)) {
        return -ERANGE;
    }
    *bytes = (v << shift) + (shift ? part >> (64 - shift) : 0);
    return 0;
}

bool parse_bool(const char *text, bool *value)
{
    static const char *const words[][2] = {
        { "off", "on" }, { "no", "yes" }, { "false", "true" }, { "n", "y" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        for (int j = 0; j < 2; j++) {
            if (!strcmp(text, words[i][j])) {
                *value = j;
                return true;
            }
        }
    }
    return false;
}

char *parse_percent(const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (; *text; text++) {
        int byte = *text;

        if (byte == '%') {
            if (!g_ascii_isxdigit(text[1]) || !g_ascii_isxdigit(text[2])) {
                return NULL;
            }
            byte = g_ascii_xdigit_value(text[1]) << 4 | g_ascii_xdigit_value(text[2]);
            text += 2;
            if (!byte) {
                return NULL;
            }
        }
        g_string_append_c(out, byte);
    }
    return g_strdup(out->str);
}

char *format_size(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = bytes;
    unsigned unit = 0;

    while (value >= 1000 && unit < ARRAY_SIZE(units) - 1) {
        value /= 1024;
        unit++;
    }
    return g_strdup_printf("%0.3g %s", value, units[unit]);
}

char *format_hexdump(const void *buf, size_t len)
{
    GString *out = g_string_new(NULL);
    const uint8_t *p = buf;

    for (size_t row = 0; row < len; row += 16) {
        size_t n = MIN(16, len - row);

        g_string_append_printf(out, "%04zx:", row);
        for (size_t i = 0; i < 16; i++) {
            g_string_append(out, i % 4 ? " " : "  ");
            if (i < n) {
                g_string_append_printf(out, "%02x", p[row + i]);
            } else {
                g_string_append(out, "  ");
            }
        }
        g_string_append(out, "  ");
        for (size_t i = 0; i < n; i++) {
            g_string_append_c(out, g_ascii_isprint(p[row + i]) ? p[row + i] : '.');
        }
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, false);
}

/* --- the nearest spelling --- */

#define SPELL_MAX 64            /* longer names are compared by their beginnings */

/* Edits between two words: insert, delete, replace, swap neighbours; case counts as nothing. */
static unsigned edit_distance(const char *a, const char *b)
{
    size_t na = MIN(strlen(a), SPELL_MAX), nb = MIN(strlen(b), SPELL_MAX);
    unsigned rows[3][SPELL_MAX + 1];

    for (size_t j = 0; j <= nb; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        unsigned *row = rows[i % 3], *prev = rows[(i + 2) % 3], *prev2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            char ca = g_ascii_tolower(a[i - 1]), cb = g_ascii_tolower(b[j - 1]);
            bool same = ca == cb || (strchr("-_", ca) && strchr("-_", cb));

            row[j] = MIN(prev[j - 1] + !same, MIN(prev[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && ca == g_ascii_tolower(b[j - 2]) &&
                cb == g_ascii_tolower(a[i - 2])) {
                row[j] = MIN(row[j], prev2[j - 2] + 1);
            }
        }
    }
    return rows[na % 3][nb];
}

void spell_offer(Spell *spell, const char *name)
{
    size_t len = strlen(spell->word);
    unsigned distance = edit_distance(spell->word, name);
    unsigned limit = len <= 3 ? 1 : len <= 5 ? 2 : len / 3 + 1;

    /* The beginning of a longer name ("virtio-blk" for "virtio-blk-pci") is near too. */
    if (distance > limit && len >= 3 && !g_ascii_strncasecmp(name, spell->word, len)) {
        distance = limit;
    }
    if (distance <= limit && distance < MAX(len, 2)) {
        unsigned same = 0;

        /* Of equally near ones the one with the longer common beginning. */
        while (same < 15 && spell->word[same] && spell->word[same] == name[same]) {
            same++;
        }
        distance = distance * 16 + 15 - same;
        if (distance < spell->distance) {
            spell->distance = distance;
            spell->best = name;
        }
    }
}

const char *spell_best(const Spell *spell)
{
    return spell->best;
}

const char *spell_nearest(const char *word, const char *const *names)
{
    Spell spell = SPELL_INIT(word);

    for (; *names; names++) {
        spell_offer(&spell, *names);
    }
    return spell_best(&spell);
}
