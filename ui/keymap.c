/* Key names and scan codes: lookups in the one table */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "ui/keymap.h"

static const struct {
    const char *name;
    uint16_t set1;
    uint8_t set3;
} keys[NR_KEYS] = {
    [KEY_UNMAPPED] = { "unmapped", 0, 0 },
#define X(symbol, text, code1, code3) [KEY_##symbol] = { text, code1, code3 },
    KEYS(X)
#undef X
};

KeyCode key_from_name(const char *name)
{
    for (KeyCode key = KEY_UNMAPPED + 1; key < NR_KEYS; key++) {
        if (!strcmp(keys[key].name, name)) {
            return key;
        }
    }
    return KEY_UNMAPPED;
}

KeyCode key_from_number(unsigned number)
{
    unsigned code = number & 0x80 ? 0xe000 | (number & 0x7f) : number;

    for (KeyCode key = KEY_UNMAPPED + 1; code && key < NR_KEYS; key++) {
        if (keys[key].set1 == code) {
            return key;
        }
    }
    return KEY_UNMAPPED;
}

const char *key_name(KeyCode key)
{
    return keys[key < NR_KEYS ? key : KEY_UNMAPPED].name;
}

uint16_t key_set1(KeyCode key)
{
    return keys[key < NR_KEYS ? key : KEY_UNMAPPED].set1;
}

uint8_t key_set3(KeyCode key)
{
    return keys[key < NR_KEYS ? key : KEY_UNMAPPED].set3;
}
