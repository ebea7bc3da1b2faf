/* Hierarchical bitmaps against a plain array */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/hbitmap.h"

enum { SIZE = 300007 };
static bool model[SIZE];

static void model_mark(uint64_t start, uint64_t count, unsigned granularity, bool value)
{
    uint64_t first = start >> granularity << granularity;
    uint64_t end = ROUND_UP(start + count, 1ULL << granularity);

    for (uint64_t i = first; i < MIN(end, SIZE); i++) {
        model[i] = value;
    }
}

static int64_t model_next(uint64_t start, uint64_t count, bool value)
{
    for (uint64_t i = start; i < SIZE && i - start < count; i++) {
        if (model[i] == value) {
            return i;
        }
    }
    return -1;
}

static uint64_t model_count(void)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < SIZE; i++) {
        n += model[i];
    }
    return n;
}

static void compare(HBitmap *hb, GRand *rand)
{
    g_assert_cmpuint(hbitmap_count(hb), ==, model_count());
    for (unsigned i = 0; i < 20; i++) {
        uint64_t start = g_rand_int_range(rand, 0, SIZE), count = g_rand_int_range(rand, 0, SIZE);

        g_assert_cmpint(hbitmap_next_dirty(hb, start, count), ==, model_next(start, count, true));
        g_assert_cmpint(hbitmap_next_zero(hb, start, count), ==, model_next(start, count, false));
        g_assert_true(hbitmap_get(hb, start) == model[start]);
    }
}

static void random_ops(unsigned granularity)
{
    HBitmap *hb = hbitmap_new(SIZE, granularity), *copy = hbitmap_new(SIZE, granularity);
    GRand *rand = g_rand_new_with_seed(granularity);
    size_t bytes = hbitmap_serialized_bytes(hb, SIZE);
    g_autofree uint8_t *buf = g_malloc(bytes);

    memset(model, 0, sizeof(model));
    for (unsigned i = 0; i < 60; i++) {
        uint64_t start = g_rand_int_range(rand, 0, SIZE);
        uint64_t count = g_rand_int_range(rand, 1, i % 3 ? 100 : SIZE / 4);
        bool value = g_rand_int_range(rand, 0, 5) > 1;

        (value ? hbitmap_set : hbitmap_reset)(hb, start, count);
        model_mark(start, count, granularity, value);
        compare(hb, rand);
    }
    hbitmap_serialize(hb, buf, 0, SIZE);
    hbitmap_set(copy, 0, SIZE);
    hbitmap_deserialize(copy, buf, 0, SIZE);
    compare(copy, rand);
    hbitmap_reset_all(copy);
    g_assert_cmpuint(hbitmap_count(copy), ==, 0);
    g_assert_cmpint(hbitmap_next_dirty(copy, 0, SIZE), ==, -1);
    g_assert_true(hbitmap_merge(copy, hb));
    compare(copy, rand);
    g_assert_true(hbitmap_truncate(copy, SIZE + 5000));
    g_assert_cmpint(hbitmap_next_dirty(copy, SIZE + (1 << granularity), 5000), ==, -1);
    g_assert_true(hbitmap_truncate(copy, SIZE));
    compare(copy, rand);
    hbitmap_free(copy);
    hbitmap_free(hb);
    g_rand_free(rand);
}

static void models(void)
{
    for (unsigned granularity = 0; granularity < 17; granularity += 4) {
        random_ops(granularity);
    }
}

static void edges(void)
{
    HBitmap *hb = hbitmap_new(0, 9);
    uint64_t start, count;

    hbitmap_set(hb, 0, 1);
    g_assert_cmpuint(hbitmap_count(hb), ==, 0);
    g_assert_cmpint(hbitmap_next_dirty(hb, 0, 1), ==, -1);
    hbitmap_free(hb);
    /* Large and nearly empty: one bit far away. */
    hb = hbitmap_new(1ULL << 46, 16);
    hbitmap_set(hb, (1ULL << 46) - 1, 1);
    g_assert_cmpint(hbitmap_next_dirty(hb, 0, INT64_MAX), ==, (1ULL << 46) - 65536);
    g_assert_true(hbitmap_next_dirty_area(hb, 5, 1ULL << 46, 100, &start, &count));
    g_assert_cmpuint(count, ==, 100);
    g_assert_false(hbitmap_next_dirty_area(hb, 5, 1ULL << 40, 100, &start, &count));
    hbitmap_free(hb);
    g_assert_null(hbitmap_new(UINT64_MAX, 0));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hbitmap/models", models);
    g_test_add_func("/hbitmap/edges", edges);
    return g_test_run();
}
