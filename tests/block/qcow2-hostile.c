/* qcow2 images that lie: random and aimed changes of good images must cost errors, no more */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "block/snapshot.h"
#include "util/bswap.h"
#include "util/co-lock.h"

/*
 * qcow2-hostile SEED ROUNDS IMAGE...: each round changes some bytes of a copy
 * of one of the images, with a liking for headers and tables, opens it and
 * does everything with it. There is nothing to compare: it must neither crash
 * nor hang nor take much memory. Run it with sanitizers.
 */
enum {
    MAX_IMAGE = 4 << 20,
    MAX_IO = 1 << 20,
};

static GRand *chance;
static char *path;
static unsigned opened;

/* Numbers that are more likely to be trouble than others. */
static uint64_t nasty(void)
{
    static const uint64_t values[] = {
        0, 1, 2, 7, 8, 0x1ff, 0x200, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
        0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
        0xfffffffffffffe00, 0x00fffffffffffe00, 0x8000000000010000, 0x4000000000010000,
        0x40ffffffffffffff, 0x0000000000020001, 0x00ffffffffff0000, 0x8000000000000001,
    };
    uint64_t v = values[g_rand_int_range(chance, 0, G_N_ELEMENTS(values))];

    switch (g_rand_int_range(chance, 0, 4)) {
    case 0:
        return v + g_rand_int_range(chance, 0, 3) - 1;
    case 1:
        return (uint64_t)g_rand_int_range(chance, 0, 64) << 16 |
               (g_rand_boolean(chance) ? 1ULL << 63 : 0);
    default:
        return v;
    }
}

static void change(uint8_t *image, size_t bytes)
{
    size_t at;

    switch (g_rand_int_range(chance, 0, 6)) {
    case 0:                                     /* a field of the header */
        at = g_rand_int_range(chance, 1, 28) * 4;
        st32_be(image + at, nasty());
        break;
    case 1:
        at = g_rand_int_range(chance, 1, 14) * 8;
        st64_be(image + at, nasty());
        break;
    case 2:                                     /* extensions and what follows */
        at = g_rand_int_range(chance, 72, 700);
        image[at] = g_rand_int(chance);
        break;
    case 3:                                     /* somewhere, an entry of a table */
        at = g_rand_int_range(chance, 0, bytes / 8 - 1) * 8;
        st64_be(image + at, nasty());
        break;
    case 4:                                     /* where a table may begin */
        at = ROUND_DOWN(g_rand_int_range(chance, 0, bytes - 128), 512) +
             g_rand_int_range(chance, 0, 8) * 8;
        st64_be(image + at, nasty());
        break;
    default:
        image[g_rand_int_range(chance, 0, bytes)] ^= 1 << g_rand_int_range(chance, 0, 8);
    }
}

static BlockNode *co_open(bool read_only, unsigned flags)
{
    BlockdevCacheOptions cache = { .has_no_flush = true, .no_flush = true };
    BlockdevOptions *file = g_new0(BlockdevOptions, 1);
    BlockdevRef ref = { .type = BLOCKDEV_REF_DEFINITION };
    BlockdevOptions o = { .driver = BLOCKDEV_DRIVER_QCOW2, .has_read_only = true,
                          .read_only = read_only, .has_discard = true,
                          .discard = BLOCKDEV_DISCARD_OPTIONS_UNMAP, .cache = &cache };
    BlockNode *node;

    file->cache = &cache;
    file->driver = BLOCKDEV_DRIVER_FILE;
    file->u.file.filename = path;
    ref.u.definition = *file;
    o.u.qcow2.file = &ref;
    node = co_block_open_flags(&o, flags | BLOCK_OPEN_NO_BACKING | BLOCK_OPEN_NO_DATA_FILE, NULL);
    g_free(file);
    return node;
}

static void co_io(BlockNode *node)
{
    int64_t at = 0, pnum, map;
    BlockNode *file;

    for (unsigned i = 0; i < 12 && node->length > 4096; i++) {
        int64_t bytes = g_rand_int_range(chance, 1, MIN(MAX_IO, node->length));
        int64_t offset = g_rand_boolean(chance)
                             ? g_rand_double_range(chance, 0, node->length - bytes)
                             : g_rand_int_range(chance, 0, MIN(1 << 20, node->length - bytes + 1));
        g_autofree uint8_t *buf = g_malloc0(bytes);

        offset = MIN(offset, node->length - bytes);
        switch (g_rand_int_range(chance, 0, node->read_only ? 1 : 5)) {
        case 0:
            co_node_pread(node, offset, buf, bytes);
            break;
        case 1:
            co_node_pwrite(node, offset, buf, MIN(bytes, 70000));
            break;
        case 2:
            co_node_pwrite_zeroes(node, offset, bytes, BLOCK_REQ_MAY_UNMAP);
            break;
        case 3:
            co_node_pdiscard(node, offset, bytes);
            break;
        default:
            co_node_flush(node);
        }
    }
    for (unsigned i = 0; i < 300 && at < node->length; i++, at += pnum) {
        if (co_node_block_status(node, true, at, node->length - at, &pnum, &map, &file) < 0 ||
            !pnum) {
            break;
        }
    }
}

static void co_snapshots(BlockNode *node)
{
    BlockSnapshot new = { .icount = UINT64_MAX };
    int count;
    g_autofree BlockSnapshot *list = node->driver->co_snapshot_list(node, &count, NULL);

    for (int i = 0; i < count && i < 4; i++) {
        if (node->read_only) {
            node->driver->co_snapshot_load_tmp(node, list[i].id, NULL, NULL);
        } else if (g_rand_boolean(chance)) {
            node->driver->co_snapshot_goto(node, list[i].id, NULL);
        } else {
            node->driver->co_snapshot_delete(node, list[i].id, NULL, NULL);
        }
    }
    if (!node->read_only) {
        g_strlcpy(new.name, "new", sizeof(new.name));
        node->driver->co_snapshot_create(node, &new, NULL);
    }
}

static void co_use(bool read_only, unsigned flags, unsigned fix)
{
    BlockNode *node = co_open(read_only, flags);
    uint32_t perm = read_only ? BLOCK_PERM_CONSISTENT_READ : BLOCK_PERM_ALL;
    BlockCheckResult r = {};
    BlockChild *user;

    if (!node) {
        return;
    }
    opened++;
    user = block_child_new(node, "hostile test", perm, BLOCK_PERM_ALL, NULL);
    if (!user) {
        block_node_unref(node);
        return;
    }
    qapi_free_ImageInfoSpecific(node->driver->co_get_specific_info(node, NULL));
    if (flags & BLOCK_OPEN_CHECK) {
        node->driver->co_check(node, &r, fix);
    } else {
        co_io(node);
        co_snapshots(node);
        if (!read_only && node->length < 1LL << 40) {
            co_node_truncate(node, node->length / 1024 * 512, false, PREALLOC_MODE_OFF, 0, NULL);
            co_node_truncate(node, 8 << 20, false, PREALLOC_MODE_OFF, 0, NULL);
        }
        co_io(node);
    }
    block_child_free(user);
    block_node_unref(node);
}

typedef struct Run {
    unsigned rounds, nr_images;
    char **images;
} Run;

static void co_run_all(void *opaque)
{
    Run *run = opaque;

    for (unsigned i = 0; i < run->rounds; i++) {
        const char *name = run->images[g_rand_int_range(chance, 0, run->nr_images)];
        g_autofree char *image = NULL;
        gsize bytes;
        unsigned changes = g_rand_int_range(chance, 1, 5);

        g_assert_true(g_file_get_contents(name, &image, &bytes, NULL));
        g_assert_cmpuint(bytes, <=, MAX_IMAGE);
        while (changes--) {
            change((uint8_t *)image, bytes);
        }
        if (g_rand_int_range(chance, 0, 20) == 0) {
            bytes = g_rand_int_range(chance, 0, bytes);
        }
        for (unsigned pass = 0; pass < 4; pass++) {
            g_assert_true(g_file_set_contents_full(path, image, bytes,
                                                   G_FILE_SET_CONTENTS_NONE, 0600, NULL));
            if (pass == 3) {
                co_use(false, BLOCK_OPEN_CHECK, BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS);
            } else {
                co_use(pass != 1, pass == 2 ? BLOCK_OPEN_CHECK : 0, 0);
            }
        }
    }
}

int main(int argc, char **argv)
{
    Run run = { .images = argv + 3, .nr_images = argc - 3 };

    if (argc < 4) {
        fprintf(stderr, "usage: %s SEED ROUNDS IMAGE...\n", argv[0]);
        return 2;
    }
    chance = g_rand_new_with_seed(atoi(argv[1]));
    run.rounds = atoi(argv[2]);
    path = g_strdup_printf("%s.changed", argv[3]);
    loop_main();
    co_run(co_run_all, &run);
    block_close_all();
    g_print("%u of %u images could be opened\n", opened, 4 * run.rounds);
    return 0;
}
