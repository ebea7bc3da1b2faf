/* Text consoles as pictures: a vc chardev's characters drawn with the VGA BIOS's font */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/vc-screen.h"
#include "chardev/vc.h"
#include "hw/core/loader.h"
#include "ui/console.h"

#define GLYPH_WIDTH  8
#define GLYPH_HEIGHT 16
#define FONT_ROM     "vgabios-stdvga.bin"
#define ROM_MAX      (1 << 20)

typedef struct VcScreen {
    Chardev *chr;
    Console *console;
    unsigned cols, rows;
    unsigned dirty_from, dirty_to;      /* rows to draw at the next update */
} VcScreen;

static const uint8_t (*font)[GLYPH_HEIGHT];

/* Code page 437 begins with a blank and a face: that is how the font is found in the ROM. */
static bool load_font(Error **errp)
{
    static const uint8_t begin[2][GLYPH_HEIGHT] = {
        { 0 },
        { 0, 0, 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e, 0, 0, 0, 0 },
    };
    const size_t font_bytes = 256 * GLYPH_HEIGHT;
    const uint8_t *data;
    GBytes *rom;
    size_t size;

    if (font) {
        return true;
    }
    rom = loader_read("VGA BIOS", FONT_ROM, ROM_MAX, errp);
    if (!rom) {
        error_hint(errp, "Text consoles are drawn with its font");
        return false;
    }
    data = g_bytes_get_data(rom, &size);
    for (size_t at = 0; at + font_bytes <= size; at++) {
        if (!memcmp(data + at, begin, sizeof(begin))) {
            font = (const uint8_t(*)[GLYPH_HEIGHT])g_memdup2(data + at, font_bytes);
            break;
        }
    }
    g_bytes_unref(rom);
    if (!font) {
        error_set(errp, "there is no font for text consoles in " FONT_ROM);
    }
    return font;
}

static uint32_t colour(unsigned n)
{
    uint32_t level = n & 8 ? 0xff : 0xaa, rgb = 0;

    rgb |= n & 1 ? level << 16 : 0;     /* ANSI's order begins with red */
    rgb |= n & 2 ? level << 8 : 0;
    rgb |= n & 4 ? level : 0;
    return n & 8 ? rgb | 0x555555 : rgb;
}

static void draw_cell(VcScreen *s, unsigned col, unsigned row, const VcCell *cell, bool cursor)
{
    uint32_t fg = colour(cursor ? cell->bg : cell->fg), bg = colour(cursor ? cell->fg & 7
                                                                           : cell->bg);

    for (unsigned line = 0; line < GLYPH_HEIGHT; line++) {
        uint32_t *to = console_row(s->console, row * GLYPH_HEIGHT + line) + col * GLYPH_WIDTH;
        uint8_t bits = font[cell->ch][line];

        for (unsigned i = 0; i < GLYPH_WIDTH; i++) {
            to[i] = bits & 0x80 >> i ? fg : bg;
        }
    }
}

static void update(void *opaque)
{
    VcScreen *s = opaque;
    unsigned cursor_col, cursor_row, from = s->dirty_from, to = MIN(s->dirty_to, s->rows);

    if (from >= to) {
        return;
    }
    vc_cursor(s->chr, &cursor_col, &cursor_row);
    for (unsigned row = from; row < to; row++) {
        const VcCell *cells = vc_row(s->chr, row);

        for (unsigned col = 0; col < s->cols; col++) {
            draw_cell(s, col, row, &cells[col], row == cursor_row && col == cursor_col);
        }
    }
    s->dirty_from = s->rows;
    s->dirty_to = 0;
    console_dirty(s->console, 0, from * GLYPH_HEIGHT, s->cols * GLYPH_WIDTH,
                  (to - from) * GLYPH_HEIGHT);
}

static void invalidate(void *opaque)
{
    VcScreen *s = opaque;

    s->dirty_from = 0;
    s->dirty_to = s->rows;
}

static void type(void *opaque, const char *bytes, size_t len)
{
    vc_type(((VcScreen *)opaque)->chr, bytes, len);
}

static const ConsoleOps console_ops = { .update = update, .invalidate = invalidate, .type = type };

static void *screen_open(Chardev *chr, Error **errp)
{
    VcScreen *s;

    if (!load_font(errp)) {
        return NULL;
    }
    s = g_new0(VcScreen, 1);
    s->chr = chr;
    s->console = console_new_text(&console_ops, s, chardev_id(chr));
    return s;
}

static void screen_resized(void *screen, unsigned cols, unsigned rows)
{
    VcScreen *s = screen;

    if (console_resize(s->console, cols * GLYPH_WIDTH, rows * GLYPH_HEIGHT)) {
        s->cols = cols;
        s->rows = rows;
        invalidate(s);
    }
}

static void screen_changed(void *screen, unsigned first_row, unsigned nr_rows)
{
    VcScreen *s = screen;

    s->dirty_from = MIN(s->dirty_from, first_row);
    s->dirty_to = MAX(s->dirty_to, first_row + nr_rows);
}

static void screen_close(void *screen)
{
    VcScreen *s = screen;

    console_free(s->console);
    g_free(s);
}

static const VcScreenOps screen_ops = {
    .open = screen_open, .resized = screen_resized, .changed = screen_changed,
    .close = screen_close,
};

void vc_screen_start(void)
{
    vc_set_screen(&screen_ops);
}
