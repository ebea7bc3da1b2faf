/* vc: a terminal of our own, whose characters a screen shows */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/vc.h"
#include "chardev/char-int.h"
#include "qapi/types-char.h"

#define PARAMS_MAX 8
#define TYPED_MAX  256
#define CELLS_MAX  512          /* a side */

/* ECMA-48: what a terminal of that kind understands. */
typedef struct Vc {
    Chardev chr;
    void *screen;
    unsigned cols, rows, x, y, saved_x, saved_y;
    bool wrap_due;              /* the last column was written: the next character wraps */
    VcCell *cells;
    uint8_t fg, bg;
    bool bright, inverse;
    enum { PLAIN, AFTER_ESC, IN_CSI, SKIP_ONE } state;
    unsigned params[PARAMS_MAX], nr_params;
    unsigned dirty_from, dirty_to;      /* rows */
    uint8_t typed[TYPED_MAX];
    unsigned nr_typed;
} Vc;

static const VcScreenOps *screen_ops;

void vc_set_screen(const VcScreenOps *ops)
{
    screen_ops = ops;
}

const VcCell *vc_row(Chardev *chr, unsigned row)
{
    Vc *s = (Vc *)chr;

    return s->cells + MIN(row, s->rows - 1) * s->cols;
}

void vc_cursor(Chardev *chr, unsigned *col, unsigned *row)
{
    *col = ((Vc *)chr)->x;
    *row = ((Vc *)chr)->y;
}

/* --- cells --- */

static void touch(Vc *s, unsigned from, unsigned to)
{
    s->dirty_from = MIN(s->dirty_from, from);
    s->dirty_to = MAX(s->dirty_to, to);
}

static void clear(Vc *s, unsigned at, unsigned count)
{
    for (unsigned i = at; i < at + count; i++) {
        s->cells[i] = (VcCell){ ' ', s->fg, s->bg };
    }
    if (count) {
        touch(s, at / s->cols, (at + count - 1) / s->cols + 1);
    }
}

/* Rows from..rows-1 move by n (down is positive), what comes free is blank. */
static void scroll(Vc *s, unsigned from, int n)
{
    unsigned count = s->rows - from, by = MIN((unsigned)ABS(n), count);
    VcCell *base = s->cells + from * s->cols;
    size_t kept = (size_t)(count - by) * s->cols * sizeof(VcCell);

    if (n < 0) {
        memmove(base, base + by * s->cols, kept);
        clear(s, (s->rows - by) * s->cols, by * s->cols);
    } else {
        memmove(base + by * s->cols, base, kept);
        clear(s, from * s->cols, by * s->cols);
    }
    touch(s, from, s->rows);
}

static void line_feed(Vc *s)
{
    if (s->y + 1 < s->rows) {
        s->y++;
    } else {
        scroll(s, 0, -1);
    }
}

static void move_to(Vc *s, int64_t x, int64_t y)
{
    s->x = CLAMP(x, 0, (int64_t)s->cols - 1);
    s->y = CLAMP(y, 0, (int64_t)s->rows - 1);
    s->wrap_due = false;
}

static void put(Vc *s, uint8_t ch)
{
    VcCell *cell;

    if (s->wrap_due) {
        s->wrap_due = false;
        s->x = 0;
        line_feed(s);
    }
    cell = &s->cells[s->y * s->cols + s->x];
    *cell = (VcCell){ ch, s->fg | (s->bright ? 8 : 0), s->bg };
    if (s->inverse) {
        *cell = (VcCell){ ch, s->bg, s->fg };
    }
    touch(s, s->y, s->y + 1);
    if (s->x + 1 < s->cols) {
        s->x++;
    } else {
        s->wrap_due = true;
    }
}

/* Characters behind the cursor move to the right (positive) or left, within the line. */
static void shift(Vc *s, int n)
{
    VcCell *base = s->cells + s->y * s->cols + s->x;
    unsigned count = s->cols - s->x, by = MIN((unsigned)ABS(n), count);
    unsigned at = s->y * s->cols + s->x;

    if (n < 0) {
        memmove(base, base + by, (count - by) * sizeof(VcCell));
        clear(s, at + count - by, by);
    } else {
        memmove(base + by, base, (count - by) * sizeof(VcCell));
        clear(s, at, by);
    }
}

/* --- control sequences --- */

static void reset(Vc *s)
{
    s->fg = 7;
    s->bg = 0;
    s->bright = s->inverse = false;
    s->saved_x = s->saved_y = 0;
    move_to(s, 0, 0);
    clear(s, 0, s->cols * s->rows);
}

static void set_attribute(Vc *s, unsigned n)
{
    switch (n) {
    case 0:
        s->fg = 7;
        s->bg = 0;
        s->bright = s->inverse = false;
        break;
    case 1: s->bright = true; break;
    case 7: s->inverse = true; break;
    case 22: s->bright = false; break;
    case 27: s->inverse = false; break;
    case 39: s->fg = 7; break;
    case 49: s->bg = 0; break;
    default:
        if (n >= 30 && n <= 37) {
            s->fg = n - 30;
        } else if (n >= 40 && n <= 47) {
            s->bg = n - 40;
        }
        break;
    }
}

static void report(Vc *s, unsigned what)
{
    g_autofree char *text = what == 6 ? g_strdup_printf("\033[%u;%uR", s->y + 1, s->x + 1)
                                      : g_strdup("\033[0n");

    if (what == 5 || what == 6) {
        vc_type(&s->chr, text, strlen(text));
    }
}

static void erase(Vc *s, unsigned what, unsigned from, unsigned at, unsigned end)
{
    if (what == 0) {
        clear(s, at, end - at);
    } else if (what == 1) {
        clear(s, from, at + 1 - from);
    } else if (what == 2 || what == 3) {
        clear(s, from, end - from);
    }
}

/* The final byte of CSI; n is the first parameter, or 1. */
static void control(Vc *s, uint8_t final)
{
    unsigned p = s->params[0], n = MIN(MAX(p, 1u), CELLS_MAX), line = s->y * s->cols;
    int64_t x = s->x, y = s->y;

    switch (final) {
    case 'A': move_to(s, x, y - n); break;
    case 'B': move_to(s, x, y + n); break;
    case 'C': move_to(s, x + n, y); break;
    case 'D': move_to(s, x - n, y); break;
    case 'E': move_to(s, 0, y + n); break;
    case 'F': move_to(s, 0, y - n); break;
    case 'G': move_to(s, (int64_t)n - 1, y); break;
    case 'd': move_to(s, x, (int64_t)n - 1); break;
    case 'H':
    case 'f': move_to(s, (int64_t)MAX(s->params[1], 1u) - 1, (int64_t)n - 1); break;
    case 'J': erase(s, p, 0, line + s->x, s->cols * s->rows); break;
    case 'K': erase(s, p, line, line + s->x, line + s->cols); break;
    case 'L': scroll(s, s->y, n); break;
    case 'M': scroll(s, s->y, -(int)n); break;
    case '@': shift(s, n); break;
    case 'P': shift(s, -(int)n); break;
    case 'X': clear(s, line + s->x, MIN(n, s->cols - s->x)); break;
    case 'n': report(s, p); break;
    case 's':
        s->saved_x = s->x;
        s->saved_y = s->y;
        break;
    case 'u': move_to(s, s->saved_x, s->saved_y); break;
    case 'm':
        for (unsigned i = 0; i <= s->nr_params; i++) {
            set_attribute(s, s->params[i]);
        }
        break;
    }
}

static void take_csi(Vc *s, uint8_t c)
{
    if (g_ascii_isdigit(c)) {
        unsigned *p = &s->params[s->nr_params];

        *p = MIN(*p * 10 + (c - '0'), 10000u);
    } else if (c == ';') {
        s->nr_params = MIN(s->nr_params + 1, PARAMS_MAX - 1u);
        s->params[s->nr_params] = 0;
    } else if (c >= 0x40 && c <= 0x7e) {
        s->state = PLAIN;
        control(s, c);
    }
}

static void take_escape(Vc *s, uint8_t c)
{
    s->state = PLAIN;
    switch (c) {
    case '[':
        s->state = IN_CSI;
        s->nr_params = 0;
        memset(s->params, 0, sizeof(s->params));
        break;
    case '(':
    case ')':
    case '#': s->state = SKIP_ONE; break;       /* character sets: there is one */
    case 'c': reset(s); break;
    case 'D': line_feed(s); break;
    case 'E':
        move_to(s, 0, s->y);
        line_feed(s);
        break;
    case 'M':
        if (s->y) {
            s->y--;
        } else {
            scroll(s, 0, 1);
        }
        break;
    case '7':
        s->saved_x = s->x;
        s->saved_y = s->y;
        break;
    case '8': move_to(s, s->saved_x, s->saved_y); break;
    }
}

static void take_plain(Vc *s, uint8_t c)
{
    switch (c) {
    case '\r': move_to(s, 0, s->y); break;
    case '\n':
    case '\v':
    case '\f': line_feed(s); break;
    case '\b': move_to(s, (int64_t)s->x - 1, s->y); break;
    case '\t': move_to(s, (s->x | 7) + 1, s->y); break;
    case '\033': s->state = AFTER_ESC; break;
    default:
        if (c >= ' ' && c != 0x7f) {
            put(s, c);
        }
        break;
    }
}

static size_t vc_write(Chardev *chr, const uint8_t *buf, size_t len, bool all)
{
    Vc *s = (Vc *)chr;
    unsigned old_row = s->y;

    s->dirty_from = s->rows;
    s->dirty_to = 0;
    for (size_t i = 0; i < len; i++) {
        switch (s->state) {
        case PLAIN: take_plain(s, buf[i]); break;
        case AFTER_ESC: take_escape(s, buf[i]); break;
        case IN_CSI: take_csi(s, buf[i]); break;
        case SKIP_ONE: s->state = PLAIN; break;
        }
    }
    /* The cursor is part of the picture. */
    touch(s, MIN(old_row, s->y), MAX(old_row, s->y) + 1);
    screen_ops->changed(s->screen, s->dirty_from, s->dirty_to - s->dirty_from);
    return len;
}

/* --- typing --- */

static void vc_accept_input(Chardev *chr)
{
    Vc *s = (Vc *)chr;
    unsigned n = MIN(s->nr_typed, chardev_can_read(chr));
    uint8_t out[TYPED_MAX];

    if (n) {
        memcpy(out, s->typed, n);
        s->nr_typed -= n;
        memmove(s->typed, s->typed + n, s->nr_typed);
        chardev_deliver(chr, out, n);
    }
}

void vc_type(Chardev *chr, const char *bytes, size_t len)
{
    Vc *s = (Vc *)chr;
    size_t n = MIN(len, TYPED_MAX - s->nr_typed);

    memcpy(s->typed + s->nr_typed, bytes, n);
    s->nr_typed += n;
    vc_accept_input(chr);
}

/* --- open and close --- */

static bool take_size(unsigned *size, bool has_cells, uint32_t cells, bool has_pixels,
                      uint32_t pixels, unsigned glyph, unsigned usual, const char *what,
                      Error **errp)
{
    *size = has_cells ? cells : has_pixels ? pixels / glyph : usual;
    if (!*size || *size > CELLS_MAX) {
        error_set(errp, "a text console has 1 to %u %s, not %u", CELLS_MAX, what, *size);
        return false;
    }
    return true;
}

static bool vc_open(Chardev *chr, const ChardevOptions *options, Error **errp)
{
    const ChardevVC *o = &options->u.vc;
    Vc *s = (Vc *)chr;

    if (!take_size(&s->cols, o->has_cols, o->cols, o->has_width, o->width, 8, 80, "columns",
                   errp) ||
        !take_size(&s->rows, o->has_rows, o->rows, o->has_height, o->height, 16, 24, "rows",
                   errp)) {
        return false;
    }
    if (!screen_ops) {
        error_set(errp, "there is no screen for a text console");
        return false;
    }
    s->screen = screen_ops->open(chr, errp);
    if (!s->screen) {
        return false;
    }
    s->cells = g_new0(VcCell, s->cols * s->rows);
    reset(s);
    screen_ops->resized(s->screen, s->cols, s->rows);
    chardev_set_where(chr, "vc");
    chr->open = true;
    return true;
}

static void vc_close(Chardev *chr)
{
    Vc *s = (Vc *)chr;

    if (s->screen) {
        screen_ops->close(s->screen);
    }
    g_free(s->cells);
}

static const CharType vc_type_desc = {
    .name = "vc",
    .desc = "a text console on the display",
    .size = sizeof(Vc),
    .open = vc_open,
    .close = vc_close,
    .write = vc_write,
    .accept_input = vc_accept_input,
};
REGISTER_CHARDEV(vc_type_desc)
