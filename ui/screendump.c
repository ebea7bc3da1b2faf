/* Screen dumps: a console's picture as a PPM file */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "ui/console.h"

static bool write_rows(Console *c, FILE *f)
{
    int width = console_width(c), height = console_height(c);
    g_autofree uint8_t *line = g_malloc((size_t)width * 3);

    if (fprintf(f, "P6\n%d %d\n255\n", width, height) < 0) {
        return false;
    }
    for (int y = 0; y < height; y++) {
        const uint32_t *row = console_row(c, y);

        for (int x = 0; x < width; x++) {
            line[3 * x] = row[x] >> 16;
            line[3 * x + 1] = row[x] >> 8;
            line[3 * x + 2] = row[x];
        }
        if (fwrite(line, 3, width, f) != (size_t)width) {
            return false;
        }
    }
    return true;
}

bool console_dump_ppm(Console *c, const char *path, Error **errp)
{
    FILE *f = fopen(path, "wbe");
    bool ok;

    if (!f) {
        error_set_errno(errp, errno, "failed to open '%s'", path);
        return false;
    }
    console_update(c);
    ok = write_rows(c, f);
    ok = fclose(f) == 0 && ok;
    if (!ok) {
        error_set_errno(errp, errno, "failed to write '%s'", path);
    }
    return ok;
}
