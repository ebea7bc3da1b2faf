/* Screen dumps: a console's picture as a PPM or PNG file */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "ui/console.h"
#include "util/bswap.h"
#include "util/fdset.h"
#include "util/thread-pool.h"

#include <zlib.h>

/* The picture as it was: files may be slow, the screen goes on. */
typedef struct Picture {
    int width, height;
    uint8_t *rgb;               /* rows without padding */
    const char *path;
    bool png;
} Picture;

static void take_picture(Picture *p, Console *c)
{
    uint8_t *out;

    console_update(c);
    p->width = console_width(c);
    p->height = console_height(c);
    p->rgb = out = g_malloc((size_t)p->width * p->height * 3);
    for (int y = 0; y < p->height; y++) {
        const uint32_t *row = console_row(c, y);

        for (int x = 0; x < p->width; x++) {
            *out++ = row[x] >> 16;
            *out++ = row[x] >> 8;
            *out++ = row[x];
        }
    }
}

static bool write_ppm(const Picture *p, FILE *f)
{
    size_t len = (size_t)p->width * p->height * 3;

    return fprintf(f, "P6\n%d %d\n255\n", p->width, p->height) > 0 &&
           fwrite(p->rgb, 1, len, f) == len;
}

/* PNG specification, 5.3: length, type, data, CRC of type and data. */
static bool write_chunk(FILE *f, const char *type, const void *data, size_t len)
{
    uint8_t number[4];
    uLong crc = crc32(crc32(0, (const Bytef *)type, 4), data, len);

    st32_be(number, len);
    if (fwrite(number, 4, 1, f) != 1 || fwrite(type, 4, 1, f) != 1 ||
        (len && fwrite(data, len, 1, f) != 1)) {
        return false;
    }
    st32_be(number, crc);
    return fwrite(number, 4, 1, f) == 1;
}

static bool write_png(const Picture *p, FILE *f)
{
    static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    size_t row_len = (size_t)p->width * 3, raw_len = (row_len + 1) * p->height;
    g_autofree uint8_t *raw = g_malloc(raw_len), *packed = NULL;
    uLongf packed_len = compressBound(raw_len);
    uint8_t header[13] = { [8] = 8 /* bits */, [9] = 2 /* RGB */ };

    for (int y = 0; y < p->height; y++) {
        raw[y * (row_len + 1)] = 0;         /* no filter */
        memcpy(raw + y * (row_len + 1) + 1, p->rgb + y * row_len, row_len);
    }
    packed = g_malloc(packed_len);
    if (compress2(packed, &packed_len, raw, raw_len, Z_BEST_SPEED) != Z_OK) {
        return false;
    }
    st32_be(header, p->width);
    st32_be(header + 4, p->height);
    return fwrite(signature, sizeof(signature), 1, f) == 1 &&
           write_chunk(f, "IHDR", header, sizeof(header)) &&
           write_chunk(f, "IDAT", packed, packed_len) && write_chunk(f, "IEND", "", 0);
}

static int write_file(void *opaque)
{
    Picture *p = opaque;
    int fd = fdset_open(p->path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    bool ok;

    if (!f) {
        return -errno;
    }
    errno = 0;
    ok = p->png ? write_png(p, f) : write_ppm(p, f);
    ok = fclose(f) == 0 && ok;
    return ok ? 0 : errno ? -errno : -EIO;
}

bool co_console_dump(Console *c, const char *path, bool png, Error **errp)
{
    Picture p = { .path = path, .png = png };
    int ret;

    take_picture(&p, c);
    ret = co_thread_call(write_file, &p);
    g_free(p.rgb);
    if (ret < 0) {
        error_set_errno(errp, -ret, "failed to open file '%s'", path);
    }
    return ret == 0;
}
