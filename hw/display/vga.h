/* vga: the adapter's registers, memory and Bochs extension, wherever it is mapped */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/memory.h"
#include "qom/state.h"
#include "ui/console.h"

/* Bochs VBE registers, by index (ports 0x1ce and 0x1cf). */
enum {
    VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT,
    VBE_X_OFFSET, VBE_Y_OFFSET, NR_VBE, VBE_MEMORY_64K = NR_VBE,
};
enum {
    VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40,
    VBE_NO_CLEAR = 0x80,
};
#define VBE_MAX_XRES 16000
#define VBE_MAX_YRES 12000

#define VGA_NR_CHUNKS 4096      /* of dirty tracking: 64 KiB each, so 256 MiB */

/*
 * Memory is kept as the frame buffer shows it: byte 4 * n + p is plane p at n.
 * Odd/even and chain-4 addressing reach the same bytes in their own order.
 */
typedef struct Vga {
    MemRegion vram;
    uint32_t vram_size;             /* bytes, whole MiB */
    Console *console;

    uint8_t sr_index, gr_index, cr_index, ar_index;
    uint8_t sr[8], gr[16], ar[21], cr[256];
    bool ar_data;                   /* 0x3c0 takes data next */
    uint8_t misc, feature;
    uint8_t dac_read, dac_write, dac_part, dac_mask;
    bool dac_reading;
    uint8_t dac_cache[3];
    uint8_t palette[768];
    uint32_t latch;
    uint16_t vbe_index;
    uint16_t vbe[NR_VBE];
    bool big_endian;

    /* vga-draw.c */
    bool invalid;                   /* draw all */
    bool cursor_shown;
    uint32_t colors[256];           /* palette as pixels */
} Vga;

extern const StateField vga_state[];
extern const IoOps vga_port_io;     /* 0x3b0..0x3df; offset is from 0x3b0 */
extern const IoOps vga_memory_io;   /* 0xa0000..0xbffff */
extern const ConsoleOps vga_console_ops;

/* vram_mb: 1 to 256, a power of two. owner holds the region. */
bool vga_init(Vga *s, Object *owner, uint32_t vram_mb, Error **errp);
void vga_destroy(Vga *s);
void vga_reset(Vga *s);
uint16_t vga_vbe_read(Vga *s, unsigned index);
void vga_vbe_write(Vga *s, unsigned index, uint16_t value);

static inline bool vga_vbe_on(const Vga *s)
{
    return s->vbe[VBE_ENABLE] & VBE_ENABLED;
}

/* Bytes from one row to the next of the Bochs mode. */
uint32_t vga_vbe_stride(const Vga *s);

#endif
