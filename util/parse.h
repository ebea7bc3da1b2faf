/* Numbers, sizes and names that people type: exact parsing, range errors, the nearest spelling */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_PARSE_H
#define UTIL_PARSE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The whole string must be the number; 0 on success, -EINVAL when it is none,
 * -ERANGE when it does not fit. base 0: decimal, 0x hexadecimal, 0 octal.
 * White space is refused everywhere. parse_u64 takes no sign.
 */
int parse_u64(const char *text, int base, uint64_t *value);
int parse_i64(const char *text, int base, int64_t *value);
/*
 * A size: decimal (also a fraction, which needs a suffix) or hexadecimal, and a
 * suffix k, M, G, T, P, E (either case, powers of 1024), or default_unit
 * ('B', 'k', 'M', ...) where there is none.
 */
int parse_size(const char *text, char default_unit, uint64_t *bytes);
/* on, off, yes, no, true, false, y, n. */
bool parse_bool(const char *text, bool *value);
/* "%41" to "A" and so on; NULL for a bad or NUL escape. Free with g_free. */
char *parse_percent(const char *text);
/* "512 B", "1.5 KiB", "20 GiB". Free with g_free. */
char *format_size(uint64_t bytes);
/* Lines of "offset: 16 bytes hex  text" for a log. Free with g_free. */
char *format_hexdump(const void *buf, size_t len);

/*
 * The nearest of many names to a mistyped one: SPELL_INIT(word), spell_offer()
 * each valid name, spell_best() is the nearest or NULL when none is near.
 */
typedef struct Spell {
    const char *word;
    const char *best;       /* points to what was offered */
    unsigned distance;
} Spell;

#define SPELL_INIT(text) { .word = (text), .best = NULL, .distance = ~0U }

void spell_offer(Spell *spell, const char *name);
const char *spell_best(const Spell *spell);
/* The same over a NULL-terminated list. */
const char *spell_nearest(const char *word, const char *const *names);

#endif
