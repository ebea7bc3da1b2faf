/* Keys by the names users and QMP know (QKeyCode), and their PC scan codes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

/* Everything a key is known by: symbol, name, set 1 code (0xe0.. prefixed), set 3 code. */
#define KEYS(X)                                                                             \
    X(SHIFT, "shift", 0x2a, 0x12) X(SHIFT_R, "shift_r", 0x36, 0x59)                         \
    X(ALT, "alt", 0x38, 0x19) X(ALT_R, "alt_r", 0xe038, 0x39)                               \
    X(CTRL, "ctrl", 0x1d, 0x11) X(CTRL_R, "ctrl_r", 0xe01d, 0x58)                           \
    X(MENU, "menu", 0xe05d, 0x8d) X(ESC, "esc", 0x01, 0x08)                                 \
    X(1, "1", 0x02, 0x16) X(2, "2", 0x03, 0x1e) X(3, "3", 0x04, 0x26)                       \
    X(4, "4", 0x05, 0x25) X(5, "5", 0x06, 0x2e) X(6, "6", 0x07, 0x36)                       \
    X(7, "7", 0x08, 0x3d) X(8, "8", 0x09, 0x3e) X(9, "9", 0x0a, 0x46)                       \
    X(0, "0", 0x0b, 0x45) X(MINUS, "minus", 0x0c, 0x4e) X(EQUAL, "equal", 0x0d, 0x55)       \
    X(BACKSPACE, "backspace", 0x0e, 0x66) X(TAB, "tab", 0x0f, 0x0d)                         \
    X(Q, "q", 0x10, 0x15) X(W, "w", 0x11, 0x1d) X(E, "e", 0x12, 0x24)                       \
    X(R, "r", 0x13, 0x2d) X(T, "t", 0x14, 0x2c) X(Y, "y", 0x15, 0x35)                       \
    X(U, "u", 0x16, 0x3c) X(I, "i", 0x17, 0x43) X(O, "o", 0x18, 0x44)                       \
    X(P, "p", 0x19, 0x4d) X(BRACKET_LEFT, "bracket_left", 0x1a, 0x54)                       \
    X(BRACKET_RIGHT, "bracket_right", 0x1b, 0x5b) X(RET, "ret", 0x1c, 0x5a)                 \
    X(A, "a", 0x1e, 0x1c) X(S, "s", 0x1f, 0x1b) X(D, "d", 0x20, 0x23)                       \
    X(F, "f", 0x21, 0x2b) X(G, "g", 0x22, 0x34) X(H, "h", 0x23, 0x33)                       \
    X(J, "j", 0x24, 0x3b) X(K, "k", 0x25, 0x42) X(L, "l", 0x26, 0x4b)                       \
    X(SEMICOLON, "semicolon", 0x27, 0x4c) X(APOSTROPHE, "apostrophe", 0x28, 0x52)           \
    X(GRAVE_ACCENT, "grave_accent", 0x29, 0x0e) X(BACKSLASH, "backslash", 0x2b, 0x5c)       \
    X(Z, "z", 0x2c, 0x1a) X(X, "x", 0x2d, 0x22) X(C, "c", 0x2e, 0x21)                       \
    X(V, "v", 0x2f, 0x2a) X(B, "b", 0x30, 0x32) X(N, "n", 0x31, 0x31)                       \
    X(M, "m", 0x32, 0x3a) X(COMMA, "comma", 0x33, 0x41) X(DOT, "dot", 0x34, 0x49)           \
    X(SLASH, "slash", 0x35, 0x4a) X(ASTERISK, "asterisk", 0x37, 0x7e)                       \
    X(SPC, "spc", 0x39, 0x29) X(CAPS_LOCK, "caps_lock", 0x3a, 0x14)                         \
    X(F1, "f1", 0x3b, 0x07) X(F2, "f2", 0x3c, 0x0f) X(F3, "f3", 0x3d, 0x17)                 \
    X(F4, "f4", 0x3e, 0x1f) X(F5, "f5", 0x3f, 0x27) X(F6, "f6", 0x40, 0x2f)                 \
    X(F7, "f7", 0x41, 0x37) X(F8, "f8", 0x42, 0x3f) X(F9, "f9", 0x43, 0x47)                 \
    X(F10, "f10", 0x44, 0x4f) X(NUM_LOCK, "num_lock", 0x45, 0x76)                           \
    X(SCROLL_LOCK, "scroll_lock", 0x46, 0x5f) X(KP_DIVIDE, "kp_divide", 0xe035, 0x77)       \
    X(KP_MULTIPLY, "kp_multiply", 0x37, 0x7e) X(KP_SUBTRACT, "kp_subtract", 0x4a, 0x84)     \
    X(KP_ADD, "kp_add", 0x4e, 0x7c) X(KP_ENTER, "kp_enter", 0xe01c, 0x79)                   \
    X(KP_DECIMAL, "kp_decimal", 0x53, 0x71) X(SYSRQ, "sysrq", 0x54, 0x57)                   \
    X(KP_0, "kp_0", 0x52, 0x70) X(KP_1, "kp_1", 0x4f, 0x69) X(KP_2, "kp_2", 0x50, 0x72)     \
    X(KP_3, "kp_3", 0x51, 0x7a) X(KP_4, "kp_4", 0x4b, 0x6b) X(KP_5, "kp_5", 0x4c, 0x73)     \
    X(KP_6, "kp_6", 0x4d, 0x74) X(KP_7, "kp_7", 0x47, 0x6c) X(KP_8, "kp_8", 0x48, 0x75)     \
    X(KP_9, "kp_9", 0x49, 0x7d) X(LESS, "less", 0x56, 0x13) X(F11, "f11", 0x57, 0x56)       \
    X(F12, "f12", 0x58, 0x5e) X(PRINT, "print", 0xe037, 0x57)                               \
    X(HOME, "home", 0xe047, 0x6e) X(PGUP, "pgup", 0xe049, 0x6f)                             \
    X(PGDN, "pgdn", 0xe051, 0x6d) X(END, "end", 0xe04f, 0x65)                               \
    X(LEFT, "left", 0xe04b, 0x61) X(UP, "up", 0xe048, 0x63)                                 \
    X(DOWN, "down", 0xe050, 0x60) X(RIGHT, "right", 0xe04d, 0x6a)                           \
    X(INSERT, "insert", 0xe052, 0x67) X(DELETE, "delete", 0xe053, 0x64)                     \
    X(PAUSE, "pause", 0xe11d, 0x62) X(META_L, "meta_l", 0xe05b, 0x8b)                       \
    X(META_R, "meta_r", 0xe05c, 0x8c) X(COMPOSE, "compose", 0xe05d, 0x8d)                   \
    X(RO, "ro", 0x73, 0x51) X(HIRAGANA, "hiragana", 0x70, 0x87)                             \
    X(HENKAN, "henkan", 0x79, 0x86) X(MUHENKAN, "muhenkan", 0x7b, 0x85)                     \
    X(YEN, "yen", 0x7d, 0x5d) X(KP_COMMA, "kp_comma", 0x7e, 0x7b)                           \
    X(KP_EQUALS, "kp_equals", 0x59, 0) X(POWER, "power", 0xe05e, 0)                         \
    X(SLEEP, "sleep", 0xe05f, 0) X(WAKE, "wake", 0xe063, 0)                                 \
    X(AUDIONEXT, "audionext", 0xe019, 0) X(AUDIOPREV, "audioprev", 0xe010, 0)               \
    X(AUDIOSTOP, "audiostop", 0xe024, 0) X(AUDIOPLAY, "audioplay", 0xe022, 0)               \
    X(AUDIOMUTE, "audiomute", 0xe020, 0) X(VOLUMEUP, "volumeup", 0xe030, 0)                 \
    X(VOLUMEDOWN, "volumedown", 0xe02e, 0) X(CALCULATOR, "calculator", 0xe021, 0)           \
    X(COMPUTER, "computer", 0xe06b, 0) X(MAIL, "mail", 0xe06c, 0)                           \
    X(AC_HOME, "ac_home", 0xe032, 0) X(AC_BACK, "ac_back", 0xe06a, 0)                       \
    X(AC_FORWARD, "ac_forward", 0xe069, 0) X(AC_REFRESH, "ac_refresh", 0xe067, 0)           \
    X(AC_BOOKMARKS, "ac_bookmarks", 0xe066, 0)

typedef enum KeyCode {
    KEY_UNMAPPED,
#define X(symbol, name, set1, set3) KEY_##symbol,
    KEYS(X)
#undef X
    NR_KEYS,
} KeyCode;

/* KEY_UNMAPPED for what nobody knows. */
KeyCode key_from_name(const char *name);
/* By QMP's "number": the set 1 code, bit 7 for the 0xe0 prefix. */
KeyCode key_from_number(unsigned number);
const char *key_name(KeyCode key);
/* Set 1 make code, in the upper byte 0xe0 or 0xe1 for a prefix; 0: has none. */
uint16_t key_set1(KeyCode key);
uint8_t key_set3(KeyCode key);

#endif
