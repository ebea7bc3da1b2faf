/* vga: registers, the window at 0xa0000 with its planes, Bochs VBE */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/display/vga.h"
#include "util/bswap.h"
#include "util/clock.h"
#include "util/trace.h"

/* Registers by index; names and bits as in IBM's VGA manual. */
enum { SR_RESET, SR_CLOCK, SR_MAP_MASK, SR_FONT, SR_MEMORY };
enum {
    GR_SET_RESET, GR_ENABLE_SET, GR_COMPARE, GR_ROTATE, GR_READ_MAP, GR_MODE, GR_MISC,
    GR_DONT_CARE, GR_BIT_MASK,
};
enum { CR_OVERFLOW = 7, CR_PROTECT = 0x11 };
enum { SR_MEMORY_CHAIN4 = 8, GR_MODE_ODD_EVEN = 0x10, GR_MODE_COMPARE = 8 };

/* A frame lasts 1/60 s; the last tenth is retrace. */
#define FRAME_NS   16666667LL
#define RETRACE_NS (FRAME_NS / 10)
#define LINE_NS    31778LL

/* Four planes' bytes, one each, from bits 0 to 3. */
static uint32_t spread(uint8_t bits)
{
    return (bits & 1 ? 0xffu : 0) | (bits & 2 ? 0xff00u : 0) | (bits & 4 ? 0xff0000u : 0) |
           (bits & 8 ? 0xff000000u : 0);
}

static uint8_t *host(Vga *s)
{
    return region_host(&s->vram);
}

static void written(Vga *s, uint32_t offset, uint32_t len)
{
    ram_mark_dirty(s->vram.ram, offset, len);
}

/* Where in the window of 128 KiB the adapter listens; false: not there. */
static bool window_offset(const Vga *s, uint32_t *addr)
{
    static const struct { uint32_t base, size; } maps[4] = {
        { 0x00000, 0x20000 }, { 0x00000, 0x10000 }, { 0x10000, 0x08000 }, { 0x18000, 0x08000 },
    };
    unsigned map = s->gr[GR_MISC] >> 2 & 3;

    if (*addr < maps[map].base || *addr - maps[map].base >= maps[map].size) {
        return false;
    }
    *addr -= maps[map].base;
    return true;
}

/* Bochs modes above 4 bits a pixel: the window is 64 KiB of linear memory. */
static bool linear_bank(const Vga *s)
{
    return vga_vbe_on(s) && s->vbe[VBE_BPP] > 4;
}

static uint32_t banked(const Vga *s, uint32_t addr)
{
    return (s->vbe[VBE_BANK] << 16) + addr;
}

static uint8_t read_planes(Vga *s, uint32_t n)
{
    uint32_t mask, all;

    s->latch = ld32_le(host(s) + 4 * (size_t)n);
    if (!(s->gr[GR_MODE] & GR_MODE_COMPARE)) {
        return s->latch >> 8 * (s->gr[GR_READ_MAP] & 3);
    }
    mask = spread(s->gr[GR_DONT_CARE]);
    all = (s->latch ^ spread(s->gr[GR_COMPARE])) & mask;
    return ~(all | all >> 8 | all >> 16 | all >> 24);
}

static uint8_t read_byte(Vga *s, uint32_t addr)
{
    uint32_t n;

    if (linear_bank(s)) {
        n = banked(s, addr & 0xffff);
        return n < s->vram_size ? host(s)[n] : 0xff;
    }
    if (!window_offset(s, &addr)) {
        return 0xff;
    }
    if (s->sr[SR_MEMORY] & SR_MEMORY_CHAIN4) {
        n = banked(s, addr);
        if (n >= s->vram_size) {
            return 0xff;
        }
        s->latch = ld32_le(host(s) + (n & ~3u));
        return host(s)[n];
    }
    if (s->gr[GR_MODE] & GR_MODE_ODD_EVEN) {
        n = addr >> 1;
        s->latch = ld32_le(host(s) + 4 * (size_t)n);
        return s->latch >> 8 * ((s->gr[GR_READ_MAP] & 2) | (addr & 1));
    }
    n = banked(s, addr);
    return n < s->vram_size / 4 ? read_planes(s, n) : 0xff;
}

static uint8_t rotated(const Vga *s, uint8_t value)
{
    unsigned by = s->gr[GR_ROTATE] & 7;

    return value >> by | value << (8 - by);
}

/* The data of write modes 0 to 3 and which bits of them count. */
static uint32_t write_data(const Vga *s, uint8_t value, uint8_t *bit_mask)
{
    uint32_t set, enable;

    *bit_mask = s->gr[GR_BIT_MASK];
    switch (s->gr[GR_MODE] & 3) {
    case 0:
        set = spread(s->gr[GR_SET_RESET]);
        enable = spread(s->gr[GR_ENABLE_SET]);
        return (rotated(s, value) * 0x01010101u & ~enable) | (set & enable);
    case 2:
        return spread(value & 15);
    default:
        *bit_mask &= rotated(s, value);
        return spread(s->gr[GR_SET_RESET]);
    }
}

static void write_planes(Vga *s, uint32_t n, uint8_t value)
{
    uint8_t *at = host(s) + 4 * (size_t)n, bit_mask;
    uint32_t mask = spread(s->sr[SR_MAP_MASK]), data, bits;

    if ((s->gr[GR_MODE] & 3) == 1) {
        data = s->latch;
    } else {
        data = write_data(s, value, &bit_mask);
        switch (s->gr[GR_ROTATE] >> 3 & 3) {
        case 1:
            data &= s->latch;
            break;
        case 2:
            data |= s->latch;
            break;
        case 3:
            data ^= s->latch;
            break;
        default:
            break;
        }
        bits = bit_mask * 0x01010101u;
        data = (data & bits) | (s->latch & ~bits);
    }
    st32_le(at, (ld32_le(at) & ~mask) | (data & mask));
    written(s, 4 * n, 4);
}

static void write_byte(Vga *s, uint32_t addr, uint8_t value)
{
    uint32_t n;

    if (linear_bank(s)) {
        n = banked(s, addr & 0xffff);
    } else if (!window_offset(s, &addr)) {
        return;
    } else if (s->sr[SR_MEMORY] & SR_MEMORY_CHAIN4) {
        if (!(s->sr[SR_MAP_MASK] & BIT(addr & 3))) {
            return;
        }
        n = banked(s, addr);
    } else if (s->gr[GR_MODE] & GR_MODE_ODD_EVEN) {
        unsigned plane = (s->gr[GR_READ_MAP] & 2) | (addr & 1);

        if (!(s->sr[SR_MAP_MASK] & BIT(plane))) {
            return;
        }
        n = (addr >> 1) * 4 + plane;
    } else {
        n = banked(s, addr);
        if (n < s->vram_size / 4) {
            write_planes(s, n, value);
        }
        return;
    }
    if (n < s->vram_size) {
        host(s)[n] = value;
        written(s, n, 1);
    }
}

static uint64_t memory_read(void *opaque, uint64_t offset, unsigned size)
{
    return read_byte(opaque, offset);
}

static void memory_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    write_byte(opaque, offset, value);
}

const IoOps vga_memory_io = { .read = memory_read, .write = memory_write, .max_size = 1 };

/* Input status 1: retrace by the clock, so that programs that wait for it see it come. */
static uint8_t status1(Vga *s)
{
    int64_t now = clock_ns(CLOCK_TYPE_VIRTUAL), at = now % FRAME_NS;

    s->ar_data = false;
    if (at >= FRAME_NS - RETRACE_NS) {
        return 0x09;
    }
    return at % LINE_NS >= LINE_NS * 4 / 5 ? 0x01 : 0x00;
}

static uint8_t dac_read(Vga *s)
{
    uint8_t value = s->palette[s->dac_read * 3 + s->dac_part];

    if (++s->dac_part == 3) {
        s->dac_part = 0;
        s->dac_read++;
    }
    return value;
}

static void dac_write(Vga *s, uint8_t value)
{
    s->dac_cache[s->dac_part] = value;
    if (++s->dac_part == 3) {
        memcpy(s->palette + s->dac_write * 3, s->dac_cache, 3);
        s->dac_part = 0;
        s->dac_write++;
        s->invalid = true;
    }
}

static uint8_t read_port(Vga *s, unsigned port)
{
    switch (port) {
    case 0x3c0:
        return s->ar_data ? 0 : s->ar_index;
    case 0x3c1:
        return (s->ar_index & 0x1f) < sizeof(s->ar) ? s->ar[s->ar_index & 0x1f] : 0;
    case 0x3c2:
        return 0x10;    /* a monitor is there */
    case 0x3c4:
        return s->sr_index;
    case 0x3c5:
        return s->sr[s->sr_index & 7];
    case 0x3c6:
        return s->dac_mask;
    case 0x3c7:
        return s->dac_reading ? 3 : 0;
    case 0x3c8:
        return s->dac_write;
    case 0x3c9:
        return dac_read(s);
    case 0x3ca:
        return s->feature;
    case 0x3cc:
        return s->misc;
    case 0x3ce:
        return s->gr_index;
    case 0x3cf:
        return s->gr[s->gr_index & 15];
    case 0x3b4:
    case 0x3d4:
        return s->cr_index;
    case 0x3b5:
    case 0x3d5:
        return s->cr[s->cr_index];
    case 0x3ba:
    case 0x3da:
        return status1(s);
    default:
        return 0xff;
    }
}

static void write_attribute(Vga *s, uint8_t value)
{
    static const uint8_t masks[5] = { 0xef, 0xff, 0x3f, 0x0f, 0x0f };
    unsigned n = s->ar_index & 0x1f;

    if (!s->ar_data) {
        s->ar_index = value & 0x3f;
    } else if (n < 16) {
        s->ar[n] = value & 0x3f;
    } else if (n < sizeof(s->ar)) {
        s->ar[n] = value & masks[n - 16];
    }
    s->ar_data = !s->ar_data;
}

static void write_crtc(Vga *s, uint8_t value)
{
    if (s->cr_index <= 7 && (s->cr[CR_PROTECT] & 0x80)) {
        if (s->cr_index == CR_OVERFLOW) {   /* line compare's bit stays open */
            s->cr[CR_OVERFLOW] = (s->cr[CR_OVERFLOW] & ~0x10) | (value & 0x10);
        }
        return;
    }
    s->cr[s->cr_index] = value;
}

static void write_port(Vga *s, unsigned port, uint8_t value)
{
    static const uint8_t sr_masks[8] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0x00, 0x00, 0xff };
    static const uint8_t gr_masks[16] = { 15, 15, 15, 0x1f, 3, 0x7b, 15, 15, 0xff };

    switch (port) {
    case 0x3c0:
        write_attribute(s, value);
        break;
    case 0x3c2:
        s->misc = value & ~0x10;
        break;
    case 0x3c4:
        s->sr_index = value & 7;
        break;
    case 0x3c5:
        s->sr[s->sr_index] = value & sr_masks[s->sr_index];
        break;
    case 0x3c6:
        s->dac_mask = value;
        break;
    case 0x3c7:
        s->dac_read = value;
        s->dac_part = 0;
        s->dac_reading = true;
        return;
    case 0x3c8:
        s->dac_write = value;
        s->dac_part = 0;
        s->dac_reading = false;
        return;
    case 0x3c9:
        dac_write(s, value);
        return;
    case 0x3ce:
        s->gr_index = value & 15;
        return;
    case 0x3cf:
        s->gr[s->gr_index] = value & gr_masks[s->gr_index];
        break;
    case 0x3b4:
    case 0x3d4:
        s->cr_index = value;
        return;
    case 0x3b5:
    case 0x3d5:
        write_crtc(s, value);
        break;
    case 0x3ba:
    case 0x3da:
        s->feature = value & 0x10;
        break;
    default:
        return;
    }
    s->invalid = true;
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    uint8_t value = read_port(opaque, 0x3b0 + offset);

    TRACE(vga_read, "port 0x%x value 0x%02x", 0x3b0 + (int)offset, value);
    return value;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    TRACE(vga_write, "port 0x%x value 0x%02x", 0x3b0 + (int)offset, (int)value);
    write_port(opaque, 0x3b0 + offset, value);
}

const IoOps vga_port_io = { .read = port_read, .write = port_write, .max_size = 1 };

uint32_t vga_vbe_stride(const Vga *s)
{
    unsigned bpp = s->vbe[VBE_BPP];

    return bpp == 4 ? s->vbe[VBE_VIRT_WIDTH] / 2u
                    : s->vbe[VBE_VIRT_WIDTH] * ((bpp + 7u) / 8);
}

/* Whatever was written: a mode whose picture lies within the memory. */
static void vbe_fix(Vga *s)
{
    uint16_t *r = s->vbe;
    uint32_t bytes, stride;

    if (r[VBE_BPP] != 4 && r[VBE_BPP] != 15 && r[VBE_BPP] != 16 && r[VBE_BPP] != 24 &&
        r[VBE_BPP] != 32) {
        r[VBE_BPP] = 8;
    }
    r[VBE_XRES] = CLAMP(r[VBE_XRES] & ~7u, 8, VBE_MAX_XRES);
    r[VBE_VIRT_WIDTH] = CLAMP(r[VBE_VIRT_WIDTH] & ~7u, r[VBE_XRES], VBE_MAX_XRES);
    bytes = r[VBE_BPP] == 4 ? s->vram_size / 4 : s->vram_size;
    stride = r[VBE_BPP] == 4 ? r[VBE_VIRT_WIDTH] / 8u : vga_vbe_stride(s);
    r[VBE_YRES] = CLAMP(r[VBE_YRES], 1, MIN(VBE_MAX_YRES, bytes / stride));
    r[VBE_VIRT_HEIGHT] = MIN(bytes / stride, UINT16_MAX);
    r[VBE_X_OFFSET] = MIN(r[VBE_X_OFFSET], r[VBE_VIRT_WIDTH] - r[VBE_XRES]);
    r[VBE_Y_OFFSET] = MIN(r[VBE_Y_OFFSET], r[VBE_VIRT_HEIGHT] - r[VBE_YRES]);
}

static void vbe_enable(Vga *s, uint16_t value)
{
    if ((value & VBE_ENABLED) && !vga_vbe_on(s)) {
        s->vbe[VBE_VIRT_WIDTH] = s->vbe[VBE_XRES];
        s->vbe[VBE_X_OFFSET] = s->vbe[VBE_Y_OFFSET] = 0;
        s->vbe[VBE_BANK] = 0;
        s->vbe[VBE_ENABLE] = value;
        vbe_fix(s);
        if (!(value & VBE_NO_CLEAR)) {
            uint32_t len = s->vbe[VBE_YRES] * (s->vbe[VBE_BPP] == 4 ? s->vbe[VBE_XRES] / 2u
                                                                    : vga_vbe_stride(s));

            memset(host(s), 0, MIN(len, s->vram_size));
            written(s, 0, MIN(len, s->vram_size));
        }
        TRACE(vga_vbe_mode, "%u x %u x %u", s->vbe[VBE_XRES], s->vbe[VBE_YRES], s->vbe[VBE_BPP]);
    } else if (!(value & VBE_ENABLED)) {
        s->vbe[VBE_BANK] = 0;
    }
    s->vbe[VBE_ENABLE] = value;
    s->invalid = true;
}

uint16_t vga_vbe_read(Vga *s, unsigned index)
{
    static const uint16_t caps[] = {
        [VBE_XRES] = VBE_MAX_XRES, [VBE_YRES] = VBE_MAX_YRES, [VBE_BPP] = 32,
    };

    if (index == VBE_MEMORY_64K) {
        return s->vram_size >> 16;
    }
    if (index >= NR_VBE) {
        return 0;
    }
    if ((s->vbe[VBE_ENABLE] & VBE_GETCAPS) && index >= VBE_XRES && index <= VBE_BPP) {
        return caps[index];
    }
    return s->vbe[index];
}

void vga_vbe_write(Vga *s, unsigned index, uint16_t value)
{
    TRACE(vga_vbe_write, "index %u value 0x%04x", index, value);
    switch (index) {
    case VBE_ID:
        if (value >= 0xb0c0 && value <= 0xb0c5) {
            s->vbe[VBE_ID] = value;
        }
        return;
    case VBE_BANK:
        s->vbe[VBE_BANK] = value & ((s->vram_size >> 16) - 1);
        return;
    case VBE_ENABLE:
        vbe_enable(s, value);
        return;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP:
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        s->vbe[index] = value;
        if (vga_vbe_on(s)) {
            vbe_fix(s);
        }
        s->invalid = true;
        return;
    default:
        return;
    }
}

void vga_reset(Vga *s)
{
    s->sr_index = s->gr_index = s->cr_index = s->ar_index = 0;
    s->ar_data = false;
    memset(s->sr, 0, sizeof(s->sr));
    memset(s->gr, 0, sizeof(s->gr));
    memset(s->ar, 0, sizeof(s->ar));
    memset(s->cr, 0, sizeof(s->cr));
    memset(s->palette, 0, sizeof(s->palette));
    memset(s->vbe, 0, sizeof(s->vbe));
    s->vbe[VBE_ID] = 0xb0c5;
    s->vbe_index = 0;
    s->misc = s->feature = 0;
    s->dac_read = s->dac_write = s->dac_part = 0;
    s->dac_mask = 0xff;
    s->dac_reading = false;
    s->latch = 0;
    s->big_endian = false;
    s->invalid = true;
}

bool vga_init(Vga *s, Object *owner, uint32_t vram_mb, Error **errp)
{
    if (vram_mb < 1 || vram_mb > 256 || (vram_mb & (vram_mb - 1))) {
        error_set(errp, "vgamem_mb %u is no power of two from 1 to 256", vram_mb);
        return false;
    }
    s->vram_size = vram_mb << 20;
    if (!region_init_ram(&s->vram, owner, "vga.vram", s->vram_size, errp)) {
        return false;
    }
    ram_dirty_log_start(s->vram.ram);
    s->console = console_new(&vga_console_ops, s, owner);
    return true;
}

void vga_destroy(Vga *s)
{
    console_free(s->console);
    region_destroy(&s->vram);
}

const StateField vga_state[] = {
    STATE_UINT_MAX(Vga, sr_index, 7),
    STATE_UINT_MAX(Vga, gr_index, 15),
    STATE_UINT(Vga, cr_index),
    STATE_UINT_MAX(Vga, ar_index, 0x3f),
    STATE_BYTES(Vga, sr),
    STATE_BYTES(Vga, gr),
    STATE_BYTES(Vga, ar),
    STATE_BYTES(Vga, cr),
    STATE_UINT_MAX(Vga, ar_data, 1),
    STATE_UINT(Vga, misc),
    STATE_UINT(Vga, feature),
    STATE_UINT(Vga, dac_read),
    STATE_UINT(Vga, dac_write),
    STATE_UINT_MAX(Vga, dac_part, 2),
    STATE_UINT(Vga, dac_mask),
    STATE_UINT_MAX(Vga, dac_reading, 1),
    STATE_BYTES(Vga, dac_cache),
    STATE_BYTES(Vga, palette),
    STATE_UINT(Vga, latch),
    STATE_UINT(Vga, vbe_index),
    STATE_ARRAY(Vga, vbe),
    STATE_UINT_MAX(Vga, big_endian, 1),
    { }
};
