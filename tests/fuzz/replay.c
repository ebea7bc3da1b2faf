/* Without libFuzzer: run a target over the files of its corpus, and over damaged copies of each */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/fuzz/fuzz.h"

#define COPIES 300              /* of each file, differently damaged */

/* Bytes change, go, or come twice; what becomes of it is the same each time. */
static void damage(GByteArray *bytes, GRand *rand)
{
    for (int n = g_rand_int_range(rand, 1, 6); n > 0 && bytes->len; n--) {
        unsigned at = g_rand_int_range(rand, 0, bytes->len);
        uint8_t byte = g_rand_int_range(rand, 0, 256);

        switch (g_rand_int_range(rand, 0, 4)) {
        case 0:
            bytes->data[at] = byte;
            break;
        case 1:
            bytes->data[at] ^= 1 << (byte & 7);
            break;
        case 2:
            g_byte_array_remove_index(bytes, at);
            break;
        default: {
            unsigned n_twice = MIN(bytes->len - at, byte);
            g_autofree uint8_t *twice = g_memdup2(bytes->data + at, n_twice);

            g_byte_array_append(bytes, twice, n_twice);
            break;
        }
        }
    }
}

static void run_file(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    size_t len;

    if (!g_file_get_contents(path, &text, &len, NULL)) {
        g_printerr("cannot read %s\n", path);
        exit(1);
    }
    LLVMFuzzerTestOneInput((const uint8_t *)text, len);
    for (int i = 0; i < COPIES; i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        g_byte_array_append(bytes, (const uint8_t *)text, len);
        damage(bytes, rand);
        LLVMFuzzerTestOneInput(bytes->data, bytes->len);
    }
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++) {
        g_autoptr(GDir) dir = g_dir_open(argv[i], 0, NULL);
        const char *name;

        if (!dir) {
            run_file(argv[i]);
            files++;
            continue;
        }
        while ((name = g_dir_read_name(dir))) {
            g_autofree char *path = g_build_filename(argv[i], name, NULL);

            run_file(path);
            files++;
        }
    }
    printf("%u files\n", files);
    return files ? 0 : 1;
}
