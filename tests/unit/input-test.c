/* input and ps2: scan codes of every set, translation, packets of the mouse, the key queue */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/input/ps2.h"
#include "memory/vm-lock.h"
#include "util/clock.h"

static Ps2Keyboard kbd;
static Ps2Mouse mouse;

static void ready(void *opaque)
{
}

static void expect(Ps2Port *p, const char *hex)
{
    g_autoptr(GString) got = g_string_new(NULL);

    while (!ps2_empty(p)) {
        g_string_append_printf(got, "%s%02x", got->len ? " " : "", ps2_read(p));
    }
    g_assert_cmpstr(got->str, ==, hex);
}

static void command(uint8_t a, int b)
{
    ps2_keyboard_write(&kbd, a);
    if (b >= 0) {
        ps2_keyboard_write(&kbd, b);
    }
    while (!ps2_empty(&kbd.port)) {
        ps2_read(&kbd.port);
    }
}

static void key(const char *name, bool down)
{
    g_assert_cmpuint(key_from_name(name), !=, KEY_UNMAPPED);
    input_key(key_from_name(name), down);
}

static void sets(void)
{
    static const struct { const char *key; const char *set[4], *up[4]; } rows[] = {
        { "a", { "", "1e", "1c", "1c" }, { "", "9e", "f0 1c", "f0 1c" } },
        { "f7", { "", "41", "83", "37" }, { "", "c1", "f0 83", "f0 37" } },
        { "ctrl_r", { "", "e0 1d", "e0 14", "58" }, { "", "e0 9d", "e0 f0 14", "f0 58" } },
        { "kp_enter", { "", "e0 1c", "e0 5a", "79" }, { "", "e0 9c", "e0 f0 5a", "f0 79" } },
        { "delete", { "", "e0 53", "e0 71", "64" }, { "", "e0 d3", "e0 f0 71", "f0 64" } },
        { "esc", { "", "01", "76", "08" }, { "", "81", "f0 76", "f0 08" } },
        { "print", { "", "e0 2a e0 37", "e0 12 e0 7c", "57" },
          { "", "e0 b7 e0 aa", "e0 f0 7c e0 f0 12", "f0 57" } },
        { "pause", { "", "e1 1d 45 e1 9d c5", "e1 14 77 e1 f0 14 f0 77", "62" },
          { "", "", "", "f0 62" } },
    };

    for (unsigned set = 1; set <= 3; set++) {
        command(0xf0, set);
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            key(rows[i].key, true);
            expect(&kbd.port, rows[i].set[set]);
            key(rows[i].key, false);
            expect(&kbd.port, rows[i].up[set]);
        }
    }
    command(0xf0, 2);
}

/* Every key with a set 1 code has one in set 2 that translates back to it. */
static void translation(void)
{
    for (KeyCode k = KEY_UNMAPPED + 1; k < NR_KEYS; k++) {
        uint16_t set1 = key_set1(k);
        uint8_t last = 0;

        g_assert_cmpuint(key_from_name(key_name(k)), ==, k);
        if (k == KEY_PAUSE || k == KEY_PRINT || !set1) {
            continue;
        }
        input_key(k, true);
        while (!ps2_empty(&kbd.port)) {
            last = ps2_read(&kbd.port);
        }
        g_assert_cmphex(ps2_translate(last), ==, set1 & 0xff);
        input_key(k, false);
        while (!ps2_empty(&kbd.port)) {
            ps2_read(&kbd.port);
        }
    }
    g_assert_cmpuint(key_from_number(0xcb), ==, KEY_LEFT);
    g_assert_cmpuint(key_from_number(0x1e), ==, KEY_A);
    g_assert_cmpuint(key_from_number(0), ==, KEY_UNMAPPED);
    g_assert_cmpuint(key_from_name("frobnicate"), ==, KEY_UNMAPPED);
}

static void disabled(void)
{
    command(0xf5, -1);
    key("a", true);
    expect(&kbd.port, "");
    command(0xf4, -1);
    key("a", false);
    expect(&kbd.port, "f0 1c");
    /* A full queue loses whole keys. */
    for (unsigned i = 0; i < 100; i++) {
        key("ctrl_r", true);
    }
    for (unsigned i = 0; i < 32; i++) {
        g_assert_cmphex(ps2_read(&kbd.port), ==, 0xe0);
        g_assert_cmphex(ps2_read(&kbd.port), ==, 0x14);
    }
    expect(&kbd.port, "");
    key("ctrl_r", false);
    expect(&kbd.port, "e0 f0 14");
}

static void mouse_rates(uint8_t a, uint8_t b, uint8_t c)
{
    const uint8_t rates[] = { a, b, c };

    for (unsigned i = 0; i < 3; i++) {
        ps2_mouse_write(&mouse, 0xf3);
        ps2_mouse_write(&mouse, rates[i]);
    }
    while (!ps2_empty(&mouse.port)) {
        ps2_read(&mouse.port);
    }
}

static void packets(void)
{
    ps2_mouse_reset(&mouse);
    input_move(5, 5);
    input_sync();
    expect(&mouse.port, "");
    ps2_mouse_write(&mouse, 0xf4);
    expect(&mouse.port, "fa");
    input_move(5, 3);
    input_sync();
    expect(&mouse.port, "28 05 fd");
    input_button(INPUT_BUTTON_RIGHT, true);
    input_sync();
    expect(&mouse.port, "0a 00 00");
    input_button(INPUT_BUTTON_RIGHT, false);
    input_move(-300, 0);
    input_sync();
    expect(&mouse.port, "18 00 00 18 d4 00");
    mouse_rates(200, 100, 80);
    input_button(INPUT_BUTTON_WHEEL_UP, true);
    input_sync();
    expect(&mouse.port, "08 00 00 ff");
    mouse_rates(200, 200, 80);
    input_button(INPUT_BUTTON_EXTRA, true);
    input_button(INPUT_BUTTON_WHEEL_DOWN, true);
    input_sync();
    expect(&mouse.port, "08 00 00 21");
    /* A guest that does not read must neither overflow anything nor wait for ever. */
    for (unsigned i = 0; i < 100000; i++) {
        input_move(INT_MAX, INT_MIN + 1);
        input_sync();
    }
    ps2_mouse_reset(&mouse);
}

static void queue(void)
{
    const KeyCode keys[] = { KEY_CTRL, KEY_C };
    KeyCode many[600];

    for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
        many[i] = KEY_A;
    }
    g_assert_false(input_queue_keys(many, ARRAY_SIZE(many), 10));
    g_assert_true(input_queue_keys(keys, 2, 100));
    expect(&kbd.port, "14 21");
    g_assert_true(input_queue_keys(keys + 1, 1, 100));
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 99000000);
    expect(&kbd.port, "");
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 1000000);
    expect(&kbd.port, "f0 21 f0 14");
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 100000000);
    expect(&kbd.port, "21");
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 100000000);
    expect(&kbd.port, "f0 21");
    key("shift", true);
    expect(&kbd.port, "12");
    input_release_all();
    expect(&kbd.port, "f0 12");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_set_stepped();
    vm_lock();
    ps2_keyboard_init(&kbd, ready, NULL);
    ps2_keyboard_reset(&kbd);
    ps2_mouse_init(&mouse, ready, NULL);
    g_test_add_func("/ps2/sets", sets);
    g_test_add_func("/ps2/translation", translation);
    g_test_add_func("/ps2/disabled", disabled);
    g_test_add_func("/ps2/packets", packets);
    g_test_add_func("/input/queue", queue);
    return g_test_run();
}
