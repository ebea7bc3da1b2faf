/* qcow2: numbers of the format: refcounts of all widths, compressed entries, headers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

/* Each entry of a block holds its number and no other. */
static void refcount_widths(void)
{
    for (unsigned order = 0; order <= 6; order++) {
        uint64_t max = order == 6 ? UINT64_MAX : (1ULL << (1U << order)) - 1;
        unsigned n = 512 * 8 >> order;
        uint8_t block[512];

        memset(block, 0xa5, sizeof(block));
        for (unsigned i = 0; i < n; i++) {
            qcow2_refcount_put(block, order, i, (i * 0x9e3779b97f4a7c15ULL) & max);
        }
        for (unsigned i = 0; i < n; i++) {
            g_assert_cmphex(qcow2_refcount_in(block, order, i), ==,
                            (i * 0x9e3779b97f4a7c15ULL) & max);
        }
        qcow2_refcount_put(block, order, 3, max);
        g_assert_cmphex(qcow2_refcount_in(block, order, 3), ==, max);
        g_assert_cmphex(qcow2_refcount_in(block, order, 4), ==,
                        (4 * 0x9e3779b97f4a7c15ULL) & max);
    }
}

/* "Refcount block entry": bit 0 is the least significant one; wider ones are big-endian. */
static void refcount_layout(void)
{
    uint8_t block[8] = {};

    qcow2_refcount_put(block, 0, 1, 1);
    g_assert_cmphex(block[0], ==, 0x02);
    qcow2_refcount_put(block, 2, 2, 0xb);
    g_assert_cmphex(block[1], ==, 0x0b);
    qcow2_refcount_put(block, 4, 1, 0x1234);
    g_assert_cmphex(block[2], ==, 0x12);
    g_assert_cmphex(block[3], ==, 0x34);
}

/* "Compressed Clusters Descriptor": x = 62 - (cluster_bits - 8) */
static void compressed_entry(void)
{
    Qcow2 s = { .cluster_bits = 16, .cluster_bytes = 65536 };
    uint64_t offset, bytes;

    qcow2_deflated_range(&s, QCOW2_COMPRESSED | 2ULL << 54 | 0x50100, &offset, &bytes);
    g_assert_cmphex(offset, ==, 0x50100);
    g_assert_cmpuint(bytes, ==, 3 * 512 - 0x100);
    s.cluster_bits = 9;
    qcow2_deflated_range(&s, QCOW2_COMPRESSED | 1ULL << 61 | 0x1fe, &offset, &bytes);
    g_assert_cmphex(offset, ==, 0x1fe);
    g_assert_cmpuint(bytes, ==, 1024 - 0x1fe);
}

static void header(void)
{
    Qcow2Header h = { .version = 3, .cluster_bits = 16, .size = 1 << 30, .l1_entries = 2,
                      .l1_offset = 0x30000, .reftable_offset = 0x10000, .reftable_clusters = 1,
                      .refcount_order = 4, .length = QCOW2_OUR_HEADER, .compression = 1,
                      .incompatible = QCOW2_INCOMPAT_COMPRESSION }, back;
    uint8_t buf[QCOW2_OUR_HEADER] = {};
    Error *err = NULL;

    qcow2_header_put(&h, buf);
    g_assert_true(qcow2_header_parse(&back, buf, sizeof(buf), &err));
    g_assert_cmpmem(&h, sizeof(h), &back, sizeof(back));
    for (unsigned i = 0; i < QCOW2_V3_HEADER; i++) {
        g_assert_false(qcow2_header_parse(&back, buf, i, NULL));
    }
    buf[23] = 22;
    g_assert_false(qcow2_header_parse(&back, buf, sizeof(buf), &err));
    g_assert_cmpstr(error_text(err), ==, "Unsupported cluster size: 2^22");
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qcow2/refcount/widths", refcount_widths);
    g_test_add_func("/qcow2/refcount/layout", refcount_layout);
    g_test_add_func("/qcow2/compressed-entry", compressed_entry);
    g_test_add_func("/qcow2/header", header);
    return g_test_run();
}
