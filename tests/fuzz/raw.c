/* Fuzz target: raw: windows of what is below, and requests at their edges */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "tests/fuzz/fuzz.h"
#include "util/bswap.h"

/* offset, size (eight bytes each), which are given, the length below; then requests of ten. */
enum {
    HEAD_BYTES = 19,
    REQUEST_BYTES = 10,
    BUF_BYTES = 65536,
};

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

static void co_requests(BlockNode *node, const uint8_t *p, size_t size)
{
    g_autofree uint8_t *buf = g_malloc0(BUF_BYTES);
    int64_t length = node->length;

    for (; size >= REQUEST_BYTES; p += REQUEST_BYTES, size -= REQUEST_BYTES) {
        int64_t offset = p[9] & 0x80 ? (int64_t)ld64_le(p) : length - (int8_t)p[0] * 512 + p[1];
        unsigned bytes = ld16_le(p + 7) & 0x7fff;

        switch (p[9] % 5) {
        case 0:
            if (!co_node_pread(node, offset, buf, bytes)) {
                g_assert_true(offset >= 0 && offset + bytes <= node->length);
            }
            break;
        case 1:
            co_node_pwrite(node, offset, buf, bytes);
            break;
        case 2:
            co_node_pwrite_zeroes(node, offset, bytes, 0);
            break;
        case 3:
            co_node_pdiscard(node, offset, bytes);
            break;
        default:
            co_node_truncate(node, offset, p[1] & 1, PREALLOC_MODE_OFF, 0, NULL);
        }
    }
}

static void co_one(void *opaque)
{
    const Input *in = opaque;
    uint8_t given = in->data[16];
    BlockdevOptions o = { .driver = BLOCKDEV_DRIVER_RAW }, below = {};
    BlockdevRef file = { .type = BLOCKDEV_REF_DEFINITION };
    BlockNode *node;
    BlockChild *user;

    below.driver = BLOCKDEV_DRIVER_NULL_CO;
    below.u.null_co = (BlockdevOptionsNull){ .has_size = true, .has_read_zeroes = true,
                                             .size = ld16_le(in->data + 17) * 64,
                                             .read_zeroes = true };
    file.u.definition = below;
    o.u.raw = (BlockdevOptionsRaw){ .file = &file, .has_offset = given & 1,
                                    .offset = ld64_le(in->data) >> (given & 60),
                                    .has_size = given & 2,
                                    .size = ld64_le(in->data + 8) >> (given >> 2) };
    node = co_block_open(&o, NULL);
    if (!node) {
        return;
    }
    user = block_child_new(node, "fuzz", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
    if (user) {
        co_requests(node, in->data + HEAD_BYTES, in->size - HEAD_BYTES);
    }
    block_child_free(user);
    block_node_unref(node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input input = { data, size };

    loop_main();
    if (size >= HEAD_BYTES) {
        co_run(co_one, &input);
    }
    return 0;
}
