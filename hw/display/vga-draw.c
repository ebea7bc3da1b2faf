/* vga: text, graphics and Bochs modes onto the console's surface */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/display/vga.h"
#include "util/bswap.h"
#include "util/clock.h"

enum { SR_CLOCK = 1, SR_FONT = 3, GR_MODE = 5, GR_MISC = 6 };
enum {
    CR_TOTAL = 0, CR_WIDTH = 1, CR_OVERFLOW = 7, CR_ROW_SCAN = 8, CR_MAX_SCAN = 9,
    CR_CURSOR_START = 10, CR_CURSOR_END = 11, CR_START_HIGH = 12, CR_START_LOW = 13,
    CR_CURSOR_HIGH = 14, CR_CURSOR_LOW = 15, CR_HEIGHT = 18, CR_OFFSET = 19, CR_MODE = 23,
    CR_LINE_COMPARE = 24,
};
enum { AR_MODE = 16, AR_PLANES = 18, AR_PAN = 19, AR_COLOR = 20 };
enum { AR_INDEX_SHOW = 0x20, AR_MODE_GRAPHICS = 1, AR_MODE_LINE = 4, AR_MODE_BLINK = 8,
       AR_MODE_PAN_SPLIT = 0x20, AR_MODE_P54 = 0x80 };

#define CURSOR_BLINK_NS 266666667LL

/* What the registers say about the picture, worked out once a frame. */
typedef struct Geometry {
    uint32_t start, stride;         /* in units of four bytes */
    unsigned width, height;         /* of the picture, pixels shown */
    unsigned repeat;                /* scan lines a row of memory is shown */
    unsigned split;                 /* from this line on memory starts at 0 */
    unsigned pan;                   /* pixels the picture is moved to the left */
} Geometry;

static const uint8_t *host(const Vga *s)
{
    return s->vram.ram->host;
}

/* Four planes' bytes at n; beyond the memory there is nothing. */
static uint32_t quad(const Vga *s, uint32_t n)
{
    return n < s->vram_size / 4 ? ld32_le(host(s) + 4 * (size_t)n) : 0;
}

static void make_colors(Vga *s)
{
    bool wide = s->vbe[VBE_ENABLE] & VBE_8BIT_DAC;

    for (unsigned i = 0; i < 256; i++) {
        const uint8_t *p = s->palette + 3 * i;
        uint32_t rgb[3];

        for (unsigned k = 0; k < 3; k++) {
            /* Six bits to eight, so that 63 is 255. */
            rgb[k] = wide ? p[k] : (p[k] & 63) << 2 | (p[k] & 63) >> 4;
        }
        s->colors[i] = rgb[0] << 16 | rgb[1] << 8 | rgb[2];
    }
}

/* An attribute of four bits through palette registers and colour select to a pixel. */
static uint32_t attribute_color(const Vga *s, unsigned attribute)
{
    unsigned value = s->ar[attribute & 15];

    if (s->ar[AR_MODE] & AR_MODE_P54) {
        value = (value & 15) | (s->ar[AR_COLOR] & 15) << 4;
    } else {
        value = (value & 63) | (s->ar[AR_COLOR] & 12) << 4;
    }
    return s->colors[value & s->dac_mask];
}

static void geometry(const Vga *s, Geometry *g)
{
    const uint8_t *cr = s->cr;

    g->start = cr[CR_START_HIGH] << 8 | cr[CR_START_LOW];
    g->stride = cr[CR_OFFSET] * 2;
    g->width = (cr[CR_WIDTH] + 1) * 8;
    g->height = (cr[CR_HEIGHT] | (cr[CR_OVERFLOW] & 2) << 7 | (cr[CR_OVERFLOW] & 0x40) << 3) + 1;
    g->repeat = (cr[CR_MAX_SCAN] & 0x1f) + 1;
    if (cr[CR_MAX_SCAN] & 0x80) {
        g->repeat *= 2;
    }
    g->split = (cr[CR_LINE_COMPARE] | (cr[CR_OVERFLOW] & 0x10) << 4 |
                (cr[CR_MAX_SCAN] & 0x40) << 3) + 1;
    g->pan = s->ar[AR_PAN] & 15;
}

/* Text ---------------------------------------------------------------- */

/* Byte 2 of a quad is plane 2, where fonts live: 8 of 8 KiB, 32 bytes a character. */
static uint8_t glyph_row(const Vga *s, unsigned font, uint8_t c, unsigned line)
{
    return quad(s, font * 0x2000 + c * 32 + (line & 31)) >> 16;
}

static bool cursor_visible(const Vga *s)
{
    return !(s->cr[CR_CURSOR_START] & 0x20) && s->cursor_shown;
}

typedef struct TextStyle {
    unsigned cell_width, cell_height;
    unsigned font[2];               /* by attribute bit 3 */
    uint32_t cursor;                /* address */
} TextStyle;

static void draw_cell(Vga *s, const TextStyle *t, uint32_t n, unsigned x, unsigned y,
                      unsigned lines, unsigned first)
{
    uint32_t cell = quad(s, n);
    uint8_t c = cell, a = cell >> 8;
    unsigned back = a >> 4, font = t->font[a >> 3 & 1];
    bool blink_off = false;
    uint32_t colors[2];

    if (s->ar[AR_MODE] & AR_MODE_BLINK) {
        blink_off = (back & 8) && !s->cursor_shown;
        back &= 7;
    }
    colors[0] = attribute_color(s, back);
    colors[1] = attribute_color(s, a & (t->font[0] != t->font[1] ? 7 : 15));
    for (unsigned line = 0; line < lines; line++) {
        uint32_t *to = console_row(s->console, y + line) + x;
        unsigned in_cell = first + line;
        unsigned bits = blink_off ? 0 : glyph_row(s, font, c, in_cell) << 1;

        /* The ninth column of line-drawing characters repeats the eighth. */
        if ((s->ar[AR_MODE] & AR_MODE_LINE) && c >= 0xc0 && c <= 0xdf) {
            bits |= bits >> 1 & 1;
        }
        if (n == t->cursor && cursor_visible(s) &&
            in_cell >= (s->cr[CR_CURSOR_START] & 0x1f) &&
            in_cell <= (s->cr[CR_CURSOR_END] & 0x1f)) {
            bits = 0x1ff;
        }
        for (unsigned i = 0; i < t->cell_width; i++) {
            to[i] = colors[bits >> (8 - i) & 1];
        }
    }
}

static void draw_text(Vga *s)
{
    unsigned map = s->sr[SR_FONT], columns = s->cr[CR_WIDTH] + 1;
    TextStyle t = { .cell_width = s->sr[SR_CLOCK] & 1 ? 8 : 9,
                    .cell_height = (s->cr[CR_MAX_SCAN] & 0x1f) + 1 };
    Geometry g;

    geometry(s, &g);
    /* Map B (attribute bit 3 clear) is in bits 4, 1, 0; map A in 5, 3, 2. Odd ones come last. */
    t.font[0] = (map & 3) << 1 | (map >> 4 & 1);
    t.font[1] = (map >> 2 & 3) << 1 | (map >> 5 & 1);
    t.cursor = s->cr[CR_CURSOR_HIGH] << 8 | s->cr[CR_CURSOR_LOW];
    if (!console_resize(s->console, columns * t.cell_width, g.height)) {
        return;
    }
    for (unsigned y = 0, row = 0, first = (s->cr[CR_ROW_SCAN] & 0x1f) % t.cell_height;
         y < g.height; row++) {
        unsigned lines = MIN(t.cell_height - first, g.height - y);
        uint32_t n = g.start + row * g.stride;

        if (y >= g.split) {
            n = (y - g.split) / t.cell_height * g.stride;
        }
        for (unsigned x = 0; x < columns; x++) {
            draw_cell(s, &t, n + x, x * t.cell_width, y, lines, first);
        }
        y += lines;
        first = 0;
    }
}

/* Graphics ------------------------------------------------------------ */

/* Bit 7 - (x & 7) of each plane makes the attribute. */
static uint32_t pixel_planar(const Vga *s, uint32_t row, unsigned x)
{
    uint32_t q = quad(s, row + x / 8) >> (7 - (x & 7));
    unsigned a = (q & 1) | (q >> 7 & 2) | (q >> 14 & 4) | (q >> 21 & 8);

    return attribute_color(s, a & s->ar[AR_PLANES]);
}

/* Two bits a pixel, as on the CGA: four pixels of plane 0, then four of plane 1. */
static uint32_t pixel_shifted(const Vga *s, uint32_t row, unsigned x)
{
    uint32_t q = quad(s, row + x / 8) >> (x & 4 ? 8 : 0);
    unsigned shift = 6 - 2 * (x & 3);
    unsigned a = (q >> shift & 3) | (q >> (16 + shift) & 3) << 2;

    return attribute_color(s, a & s->ar[AR_PLANES]);
}

static uint32_t pixel_bytes(const Vga *s, uint32_t row, unsigned x)
{
    return s->colors[(quad(s, row + x / 4) >> 8 * (x & 3) & 0xff) & s->dac_mask];
}

/* Row address of CGA-like modes: scan line bits take the place of address bits. */
static uint32_t substitute(const Vga *s, uint32_t row, unsigned scan)
{
    if (!(s->cr[CR_MODE] & 1)) {
        unsigned bit = s->cr[CR_MODE] & 0x40 ? 13 : 12;

        row = (row & ~BIT(bit)) | (scan & 1) << bit;
    }
    if (!(s->cr[CR_MODE] & 2)) {
        row = (row & ~BIT(14)) | (scan & 2) << 13;
    }
    return row;
}

static void draw_graphics(Vga *s)
{
    uint32_t (*const pixels[4])(const Vga *s, uint32_t row, unsigned x) = {
        pixel_planar, pixel_shifted, pixel_bytes, pixel_bytes,
    };
    unsigned kind = s->gr[GR_MODE] >> 5 & 3, doubled, scans;
    bool planar_vbe = vga_vbe_on(s);    /* with 4 bits a pixel, or we were not here */
    Geometry g;

    geometry(s, &g);
    doubled = kind >= 2 || (s->sr[SR_CLOCK] & 8) ? 2 : 1;
    if (kind < 2) {
        g.width *= doubled;
    } else {
        g.pan /= 2;
    }
    if (planar_vbe) {
        g = (Geometry){
            .width = s->vbe[VBE_XRES], .height = s->vbe[VBE_YRES], .repeat = 1,
            .stride = s->vbe[VBE_VIRT_WIDTH] / 8, .split = UINT32_MAX,
            .start = s->vbe[VBE_Y_OFFSET] * (s->vbe[VBE_VIRT_WIDTH] / 8) +
                     s->vbe[VBE_X_OFFSET] / 8,
        };
        doubled = 1;
        kind = 0;
    }
    if (!console_resize(s->console, g.width, g.height)) {
        return;
    }
    /* Substituted rows are shown one after the other, not one instead of the other. */
    scans = !planar_vbe && !(s->cr[CR_MODE] & 1) ? MAX(g.repeat / 2, 1) : g.repeat;
    for (unsigned y = 0; y < g.height; y++) {
        uint32_t *to = console_row(s->console, y), row;
        bool below = y >= g.split;
        unsigned line = below ? y - g.split : y, pan = g.pan;

        if (scans != g.repeat) {
            row = substitute(s, (below ? 0 : g.start) + line / (2 * scans) * g.stride,
                             line / scans);
        } else {
            row = (below ? 0 : g.start) + line / g.repeat * g.stride;
        }
        if (below && (s->ar[AR_MODE] & AR_MODE_PAN_SPLIT)) {
            pan = 0;
        }
        for (unsigned x = 0; x < g.width; x++) {
            to[x] = pixels[kind](s, row, x / doubled + pan);
        }
    }
}

/* Bochs modes --------------------------------------------------------- */

static void convert_row(const Vga *s, const uint8_t *from, uint32_t *to, unsigned width)
{
    bool big = s->big_endian;

    for (unsigned x = 0; x < width; x++) {
        uint32_t v;

        switch (s->vbe[VBE_BPP]) {
        case 8:
            to[x] = s->colors[from[x] & s->dac_mask];
            break;
        case 15:
            v = big ? ld16_be(from + 2 * x) : ld16_le(from + 2 * x);
            to[x] = (v & 0x7c00) << 9 | (v & 0x7000) << 4 | (v & 0x3e0) << 6 | (v & 0x380) << 1 |
                    (v & 0x1f) << 3 | (v & 0x1c) >> 2;
            break;
        case 16:
            v = big ? ld16_be(from + 2 * x) : ld16_le(from + 2 * x);
            to[x] = (v & 0xf800) << 8 | (v & 0xe000) << 3 | (v & 0x7e0) << 5 | (v & 0x600) >> 1 |
                    (v & 0x1f) << 3 | (v & 0x1c) >> 2;
            break;
        case 24:
            v = from[3 * x] | from[3 * x + 1] << 8 | from[3 * x + 2] << 16;
            to[x] = big ? (v & 0xff) << 16 | (v & 0xff00) | v >> 16 : v;
            break;
        default:
            to[x] = (big ? ld32_be(from + 4 * x) : ld32_le(from + 4 * x)) & 0xffffff;
            break;
        }
    }
}

static void draw_vbe(Vga *s)
{
    unsigned width = s->vbe[VBE_XRES], height = s->vbe[VBE_YRES];
    unsigned bytes = (s->vbe[VBE_BPP] + 7) / 8;
    uint64_t stride = vga_vbe_stride(s);
    uint64_t start = s->vbe[VBE_Y_OFFSET] * stride + s->vbe[VBE_X_OFFSET] * bytes;
    unsigned first = height, last = 0;

    if (!width || !height || start + (height - 1) * stride + width * bytes > s->vram_size) {
        return;     /* only from a bad snapshot: registers are checked when written */
    }
    if (width != console_width(s->console) || height != console_height(s->console)) {
        if (!console_resize(s->console, width, height)) {
            return;
        }
        s->invalid = true;
    }
    /* Pages are marked by whoever writes; a page is asked about once, for all rows it is in. */
    for (unsigned y = 0, next; y < height; y = next) {
        uint64_t from = start + y * stride;
        uint64_t end = ROUND_UP(from + 1, 65536);
        bool dirty;

        next = MIN(height, MAX(y + 1, (end - start) / stride));
        end = start + (next - 1) * stride + width * bytes;
        dirty = ram_test_clear_dirty(s->vram.ram, from, end - from, RAM_DIRTY_DISPLAY);
        /* The last page belongs to the rows after these, too. */
        if (dirty && next < height) {
            ram_mark_dirty(s->vram.ram, end - 1, 1);
        }
        if (!dirty && !s->invalid) {
            continue;
        }
        for (unsigned row = y; row < next; row++) {
            convert_row(s, host(s) + start + row * stride, console_row(s->console, row), width);
        }
        first = MIN(first, y);
        last = next;
    }
    if (first < last) {
        console_dirty(s->console, 0, first, width, last - first);
    }
    s->invalid = false;
}

static void draw_blank(Vga *s)
{
    if (s->invalid) {
        int width = console_width(s->console), height = console_height(s->console);

        for (int y = 0; y < height; y++) {
            memset(console_row(s->console, y), 0, (size_t)width * 4);
        }
        console_dirty(s->console, 0, 0, width, height);
        s->invalid = false;
    }
}

/* The first 256 KiB are all that VGA modes show. */
static bool vga_changed(Vga *s)
{
    uint32_t len = MIN(s->vram_size, 4 * 0x40000u);
    bool shown = clock_ns(CLOCK_TYPE_VIRTUAL) / CURSOR_BLINK_NS % 2 == 0;
    bool changed = ram_test_clear_dirty(s->vram.ram, 0, len, RAM_DIRTY_DISPLAY);

    changed |= s->invalid || shown != s->cursor_shown;
    s->cursor_shown = shown;
    return changed;
}

static void update(void *opaque)
{
    Vga *s = opaque;
    bool graphics = (s->gr[GR_MISC] & 1) || (s->ar[AR_MODE] & AR_MODE_GRAPHICS);

    mem_flush_coalesced();
    ram_dirty_sync(s->vram.ram);
    if (s->invalid) {
        make_colors(s);
    }
    if (vga_vbe_on(s) && s->vbe[VBE_BPP] > 4) {
        draw_vbe(s);
        return;
    }
    if (!(s->ar_index & AR_INDEX_SHOW)) {
        draw_blank(s);
        return;
    }
    if (!vga_changed(s)) {
        return;
    }
    if (graphics || vga_vbe_on(s)) {
        draw_graphics(s);
    } else {
        draw_text(s);
    }
    console_dirty(s->console, 0, 0, console_width(s->console), console_height(s->console));
    s->invalid = false;
}

static void invalidate(void *opaque)
{
    ((Vga *)opaque)->invalid = true;
}

const ConsoleOps vga_console_ops = { .update = update, .invalidate = invalidate };
