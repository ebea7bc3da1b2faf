/* EDID: the base block, by VESA E-EDID release A, revision 2 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/display/edid.h"
#include "util/bswap.h"

#define DPI 100

/* Detailed timing (3.10.2): blanking of a size that every mode setter takes. */
static void detailed(uint8_t *d, unsigned xres, unsigned yres)
{
    unsigned hblank = xres * 35 / 100, vblank = MAX(yres * 35 / 1000, 8);
    unsigned hfront = xres * 25 / 100, hsync = xres * 3 / 100, vfront = 3, vsync = 3;
    unsigned width_mm = xres * 254 / (DPI * 10), height_mm = yres * 254 / (DPI * 10);
    uint64_t clock = (uint64_t)75 * (xres + hblank) * (yres + vblank) / 10000;

    st16_le(d, MIN(clock, 0xffff));
    d[2] = xres;
    d[3] = hblank;
    d[4] = (xres >> 8 & 15) << 4 | (hblank >> 8 & 15);
    d[5] = yres;
    d[6] = vblank;
    d[7] = (yres >> 8 & 15) << 4 | (vblank >> 8 & 15);
    d[8] = hfront;
    d[9] = hsync;
    d[10] = (vfront & 15) << 4 | (vsync & 15);
    d[11] = (hfront >> 8 & 3) << 6 | (hsync >> 8 & 3) << 4;
    d[12] = width_mm;
    d[13] = height_mm;
    d[14] = (width_mm >> 8 & 15) << 4 | (height_mm >> 8 & 15);
    d[17] = 0x18;
}

static void text(uint8_t *d, uint8_t tag, const char *value)
{
    size_t len = MIN(strlen(value), 13);

    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, value, len);
    if (len < 13) {
        d[5 + len] = '\n';
    }
}

void edid_make(uint8_t edid[EDID_SIZE], unsigned xres, unsigned yres)
{
    static const uint8_t header[8] = { 0, 255, 255, 255, 255, 255, 255, 0 };
    /* sRGB's chromaticities (3.7). */
    static const uint8_t colors[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    /* Standard timings (3.9): columns / 8 - 31, aspect ratio and rate - 60. */
    static const uint8_t standard[16] = {
        0x81, 0x00,     /* 1280 x 800, 16:10 */
        0x81, 0xc0,     /* 1280 x 720, 16:9 */
        0xd1, 0xc0,     /* 1920 x 1080 */
        0xa9, 0x40,     /* 1600 x 1200, 4:3 */
        0x81, 0x80,     /* 1280 x 1024, 5:4 */
        0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    };
    uint8_t sum = 0;

    memset(edid, 0, EDID_SIZE);
    memcpy(edid, header, sizeof(header));
    st16_be(edid + 8, ('M' - '@') << 10 | ('C' - '@') << 5 | ('A' - '@'));
    st16_le(edid + 10, 0x1234);
    edid[16] = 1;           /* week and year - 1990 of manufacture */
    edid[17] = 36;
    edid[18] = 1;
    edid[19] = 4;
    edid[20] = 0xa5;        /* digital, 8 bits a colour, DisplayPort */
    edid[21] = MIN(xres * 254 / (DPI * 100), 255);     /* size in cm */
    edid[22] = MIN(yres * 254 / (DPI * 100), 255);
    edid[23] = 120;         /* gamma 2.2 */
    edid[24] = 0x06;        /* sRGB, the first timing is the preferred one */
    memcpy(edid + 25, colors, sizeof(colors));
    edid[35] = 0x21;        /* 640 x 480 and 800 x 600 at 60 Hz */
    edid[36] = 0x08;        /* 1024 x 768 at 60 Hz */
    memcpy(edid + 38, standard, sizeof(standard));
    detailed(edid + 54, xres, yres);
    /* Range limits (3.10.3.3.1): 50 to 125 Hz, 30 to 160 kHz, up to 2550 MHz. */
    edid[75] = 0xfd;
    memcpy(edid + 77, (const uint8_t[]){ 50, 125, 30, 160, 255, 1, '\n' }, 7);
    memset(edid + 84, ' ', 6);
    text(edid + 90, 0xfc, "Mica Monitor");
    edid[111] = 0x10;       /* a dummy */
    for (unsigned i = 0; i < EDID_SIZE - 1; i++) {
        sum += edid[i];
    }
    edid[EDID_SIZE - 1] = -sum;
}
