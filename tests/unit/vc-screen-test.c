/* Text consoles as pictures: size, glyphs, cursor, colours, where they are among consoles */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char.h"
#include "hw/core/loader.h"
#include "qom/object.h"
#include "system/vc-screen.h"
#include "ui/console.h"

/* How many of the pixels of a character's place have this colour. */
static unsigned count(Console *c, unsigned col, unsigned row, uint32_t colour)
{
    unsigned n = 0;

    for (unsigned y = 0; y < 16; y++) {
        for (unsigned x = 0; x < 8; x++) {
            n += (console_row(c, row * 16 + y)[col * 8 + x] & 0xffffff) == colour;
        }
    }
    return n;
}

static void picture(void)
{
    static const ObjectType adapter_type = { .name = "adapter", .size = sizeof(Object) };
    static const ConsoleOps no_ops;
    g_autofree char *rom = loader_find("vgabios-stdvga.bin");
    Console *text, *graphic;
    CharFrontend fe;
    Object *adapter;
    Chardev *chr;

    if (!rom) {
        g_test_skip("no VGA BIOS: package seabios");
        return;
    }
    vc_screen_start();
    chr = chardev_new_short("vc", "v", NULL, NULL);
    g_assert_nonnull(chr);
    text = console_get(0);
    g_assert_cmpint(console_width(text), ==, 640);
    g_assert_cmpint(console_height(text), ==, 384);
    g_assert_true(char_fe_init(&fe, chr, NULL));
    char_fe_printf(&fe, "I\033[41m \033[0m");
    console_update(text);
    g_assert_cmpuint(count(text, 0, 0, 0xaaaaaa), >, 10);       /* a letter: some of it ... */
    g_assert_cmpuint(count(text, 0, 0, 0xaaaaaa) + count(text, 0, 0, 0), ==, 128);
    g_assert_cmpuint(count(text, 1, 0, 0xaa0000), ==, 128);     /* a blank on red */
    g_assert_cmpuint(count(text, 2, 0, 0xaaaaaa), ==, 128);     /* the cursor */
    g_assert_cmpuint(count(text, 3, 0, 0), ==, 128);
    char_fe_printf(&fe, "\r");
    console_update(text);
    g_assert_cmpuint(count(text, 2, 0, 0), ==, 128);

    adapter = object_new(&adapter_type);
    graphic = console_new(&no_ops, NULL, adapter);
    g_assert_true(console_get(0) == graphic);
    g_assert_true(console_get(1) == text);
    g_assert_cmpstr(console_name(text), ==, "v");
    g_assert_false(console_type(graphic, "x", 1));
    g_assert_true(console_type(text, "x", 1));
    console_free(graphic);
    object_unref(adapter);
    char_fe_deinit(&fe);
    g_assert_true(chardev_delete(chr, NULL));
    g_assert_null(console_get(0));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vc/picture", picture);
    return g_test_run();
}
