/* vga-draw: text, planar, 256-colour, CGA and Bochs modes to pixels */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/display/vga.h"
#include "memory/vm-lock.h"

typedef struct Fixture {
    Object *owner;
    Vga *vga;
} Fixture;

static const ObjectType owner_type = { .name = "owner", .size = sizeof(Object) };

static void out(Fixture *f, unsigned port, uint8_t value)
{
    vga_port_io.write(f->vga, port - 0x3b0, value, 1);
}

static void set(Fixture *f, unsigned port, const uint8_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        out(f, port, i);
        out(f, port + 1, values[i]);
    }
}

static void set_attribute(Fixture *f, unsigned index, uint8_t value)
{
    vga_port_io.read(f->vga, 0x3da - 0x3b0, 1);
    out(f, 0x3c0, index);
    out(f, 0x3c0, value);
    out(f, 0x3c0, 0x20);
}

static void poke(Fixture *f, uint32_t addr, uint8_t value)
{
    vga_memory_io.write(f->vga, addr - 0xa0000, value, 1);
}

static uint32_t pixel(Fixture *f, int x, int y)
{
    g_assert_cmpint(x, <, console_width(f->vga->console));
    g_assert_cmpint(y, <, console_height(f->vga->console));
    return console_row(f->vga->console, y)[x];
}

static void setup(Fixture *f, gconstpointer data)
{
    Error *err = NULL;

    vm_lock();
    f->owner = object_new(&owner_type);
    f->vga = g_new0(Vga, 1);
    g_assert_true(vga_init(f->vga, f->owner, 1, &err));
    vga_reset(f->vga);
    /* Colour n of the DAC is n, n / 2 and 63 - n. */
    out(f, 0x3c8, 0);
    for (unsigned i = 0; i < 64; i++) {
        out(f, 0x3c9, i);
        out(f, 0x3c9, i / 2);
        out(f, 0x3c9, 63 - i);
    }
    for (unsigned i = 0; i < 16; i++) {
        set_attribute(f, i, i);
    }
    set_attribute(f, 0x12, 0x0f);
}

static void teardown(Fixture *f, gconstpointer data)
{
    vga_destroy(f->vga);
    g_free(f->vga);
    object_unref(f->owner);
    vm_unlock();
}

static uint32_t dac(unsigned n)
{
    unsigned c[3] = { n, n / 2, 63 - n };

    for (unsigned i = 0; i < 3; i++) {
        c[i] = c[i] << 2 | c[i] >> 4;
    }
    return c[0] << 16 | c[1] << 8 | c[2];
}

/* 80 x 25 characters of 8 x 16; rows of memory of 80. */
static void text_mode(Fixture *f)
{
    static const uint8_t seq[] = { 3, 1, 3, 0, 2 }, gfx[] = { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff };
    uint8_t crtc[0x19] = { [1] = 79, [7] = 0x1f, [9] = 0x4f, [10] = 13, [11] = 14, [18] = 0x8f,
                           [19] = 40, [23] = 0xa3, [24] = 0xff };

    set(f, 0x3c4, seq, sizeof(seq));
    set(f, 0x3ce, gfx, sizeof(gfx));
    set(f, 0x3d4, crtc, sizeof(crtc));
}

static void text(Fixture *f, gconstpointer data)
{
    static const uint8_t seq_font[] = { 3, 1, 4, 0, 6 }, gfx_font[] = { 0, 0, 0, 0, 2, 0, 4 };

    set(f, 0x3c4, seq_font, sizeof(seq_font));
    set(f, 0x3ce, gfx_font, sizeof(gfx_font));
    out(f, 0x3ce, 8);
    out(f, 0x3cf, 0xff);
    poke(f, 0xa0000 + 'A' * 32, 0x81);      /* the first row of A's glyph */
    text_mode(f);
    poke(f, 0xb8000 + 2 * (80 + 2), 'A');
    poke(f, 0xb8000 + 2 * (80 + 2) + 1, 0x1e);
    console_update(f->vga->console);
    g_assert_cmpint(console_width(f->vga->console), ==, 640);
    g_assert_cmpint(console_height(f->vga->console), ==, 400);
    g_assert_cmphex(pixel(f, 16, 16), ==, dac(14));
    g_assert_cmphex(pixel(f, 17, 16), ==, dac(1));
    g_assert_cmphex(pixel(f, 23, 16), ==, dac(14));
    g_assert_cmphex(pixel(f, 16, 17), ==, dac(1));
    g_assert_cmphex(pixel(f, 16, 15), ==, dac(0));
    g_assert_cmphex(pixel(f, 0, 13), ==, dac(0));   /* cursor of attribute 0: black on black */
    /* Scrolled by a row. */
    out(f, 0x3d4, 13);
    out(f, 0x3d5, 80);
    console_update(f->vga->console);
    g_assert_cmphex(pixel(f, 16, 0), ==, dac(14));
}

static void graphics(Fixture *f, uint8_t mode, uint8_t memory, uint8_t cr17, uint8_t cr9)
{
    uint8_t seq[] = { 3, 1, 15, 0, memory }, gfx[] = { 0, 0, 0, 0, 0, mode, 5, 15, 0xff };
    uint8_t crtc[0x19] = { [1] = 79, [7] = 0x1f, [9] = cr9, [18] = 0x8f, [19] = 40, [23] = cr17,
                           [24] = 0xff };

    set(f, 0x3c4, seq, sizeof(seq));
    set(f, 0x3ce, gfx, sizeof(gfx));
    set(f, 0x3d4, crtc, sizeof(crtc));
    set_attribute(f, 0x10, 1);
}

static void planar(Fixture *f, gconstpointer data)
{
    graphics(f, 2, 6, 0xe3, 0x40);      /* write mode 2 */
    out(f, 0x3ce, 8);
    out(f, 0x3cf, 0x40);
    poke(f, 0xa0000 + 80 * 3 + 1, 0x0b);
    console_update(f->vga->console);
    g_assert_cmpint(console_width(f->vga->console), ==, 640);
    g_assert_cmphex(pixel(f, 9, 3), ==, dac(11));
    g_assert_cmphex(pixel(f, 8, 3), ==, dac(0));
    g_assert_cmphex(pixel(f, 9, 4), ==, dac(0));
    /* Panning by one pixel. */
    set_attribute(f, 0x13, 1);
    console_update(f->vga->console);
    g_assert_cmphex(pixel(f, 8, 3), ==, dac(11));
}

static void bytes(Fixture *f, gconstpointer data)
{
    graphics(f, 0x40, 14, 0xa3, 0x41);
    poke(f, 0xa0000 + 320 * 5 + 7, 33);
    console_update(f->vga->console);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(pixel(f, 14 + i % 2, 10 + i / 2), ==, dac(33));
    }
    g_assert_cmphex(pixel(f, 16, 10), ==, dac(0));
    g_assert_cmphex(pixel(f, 14, 12), ==, dac(0));
}

static void cga(Fixture *f, gconstpointer data)
{
    graphics(f, 0x30, 2, 0xa2, 0xc1);
    out(f, 0x3ce, 6);
    out(f, 0x3cf, 0x0f);
    out(f, 0x3d4, 1);
    out(f, 0x3d5, 39);
    out(f, 0x3c4, 1);
    out(f, 0x3c5, 9);
    out(f, 0x3d4, 19);
    out(f, 0x3d5, 20);
    poke(f, 0xb8000 + 1, 0x1b);             /* pixels 4 to 7 of line 0: 0 1 2 3 */
    poke(f, 0xb8000 + 0x2000, 0xc0);        /* pixel 0 of line 1: 3 */
    console_update(f->vga->console);
    g_assert_cmpint(console_width(f->vga->console), ==, 640);
    g_assert_cmphex(pixel(f, 10, 0), ==, dac(1));
    g_assert_cmphex(pixel(f, 12, 1), ==, dac(2));
    g_assert_cmphex(pixel(f, 15, 0), ==, dac(3));
    g_assert_cmphex(pixel(f, 0, 2), ==, dac(3));
    g_assert_cmphex(pixel(f, 0, 3), ==, dac(3));
    g_assert_cmphex(pixel(f, 0, 0), ==, dac(0));
    g_assert_cmphex(pixel(f, 0, 4), ==, dac(0));
}

static void bochs(Fixture *f, gconstpointer data)
{
    static const struct { uint16_t bpp; uint8_t data[4]; uint32_t color; } modes[] = {
        { 8, { 33 }, 0 }, { 15, { 0x1f, 0x7c }, 0xff00ff }, { 16, { 0xe0, 0x07 }, 0x00ff00 },
        { 24, { 0x56, 0x34, 0x12 }, 0x123456 }, { 32, { 0x56, 0x34, 0x12, 0x99 }, 0x123456 },
    };
    Vga *s = f->vga;

    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        uint32_t at;

        vga_vbe_write(s, VBE_ENABLE, 0);
        vga_vbe_write(s, VBE_XRES, 320);
        vga_vbe_write(s, VBE_YRES, 200);
        vga_vbe_write(s, VBE_BPP, modes[i].bpp);
        vga_vbe_write(s, VBE_ENABLE, VBE_ENABLED | VBE_LFB);
        console_update(s->console);
        g_assert_cmpint(console_width(s->console), ==, 320);
        at = 199 * vga_vbe_stride(s) + 319 * ((modes[i].bpp + 7) / 8);
        memcpy(region_host(&s->vram) + at, modes[i].data, 4);
        console_update(s->console);
        g_assert_cmphex(pixel(f, 319, 199), !=, modes[i].color | (i ? 0 : dac(33)));
        ram_mark_dirty(s->vram.ram, at, 4);
        console_update(s->console);
        g_assert_cmphex(pixel(f, 319, 199), ==, i ? modes[i].color : dac(33));
    }
}

/* Whatever a snapshot or a guest leaves in the registers: no byte outside memory is read. */
static void nonsense(Fixture *f, gconstpointer data)
{
    GRand *rnd = g_rand_new_with_seed(1);

    for (unsigned i = 0; i < 60; i++) {
        Vga *s = f->vga;
        uint8_t *parts[] = { s->sr, s->gr, s->ar, s->cr };
        size_t sizes[] = { sizeof(s->sr), sizeof(s->gr), sizeof(s->ar), sizeof(s->cr) };

        for (unsigned p = 0; p < 4; p++) {
            for (size_t k = 0; k < sizes[p]; k++) {
                parts[p][k] = g_rand_int(rnd);
            }
        }
        for (unsigned k = VBE_XRES; k < NR_VBE; k++) {
            s->vbe[k] = g_rand_int(rnd) & 0x3ff;
        }
        if (i % 2) {
            s->vbe[VBE_ENABLE] = 0;
        }
        s->ar_index = 0x20;
        s->invalid = true;
        console_update(s->console);
    }
    g_rand_free(rnd);
}

int main(int argc, char **argv)
{
    static const struct { const char *path; void (*fn)(Fixture *f, gconstpointer data); } tests[] = {
        { "/vga-draw/text", text }, { "/vga-draw/planar", planar }, { "/vga-draw/bytes", bytes },
        { "/vga-draw/cga", cga }, { "/vga-draw/bochs", bochs }, { "/vga-draw/nonsense", nonsense },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].fn, teardown);
    }
    return g_test_run();
}
