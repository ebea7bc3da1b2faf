/* Block layer: children and permissions, block status, names, growth and resize, creation */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/graph.h"
#include "qapi/keyval.h"

static char *dir;

static BlockNode *co_must_open(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    JSON_AUTO json = NULL;
    Error *err = NULL;
    BlockNode *node;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    json = keyval_parse(text, NULL, NULL, &err);
    node = json ? co_block_open_json(json, QAPI_KEYVAL, &err) : NULL;
    if (!node) {
        g_error("%s: %s", text, error_text(err));
    }
    return node;
}

static char *path_of(const char *name)
{
    return g_strdup_printf("%s/%s", dir, name);
}

static char *co_new_file(const char *name, int64_t size)
{
    char *path = path_of(name);
    Error *err = NULL;

    if (!co_block_create_file(path, size, PREALLOC_MODE_OFF, &err)) {
        g_error("%s", error_text(err));
    }
    return path;
}

static void co_status(void *opaque)
{
    /* A new file of some length has its first block stored. */
    g_autofree char *path = co_new_file("status.raw", 0);
    bool grown = !truncate(path, 1 << 20);
    BlockNode *node = co_must_open("driver=raw,file.driver=file,file.filename=%s", path);
    BlockNode *window = co_must_open("driver=raw,offset=64k,size=256k,read-only=on,"
                                     "file.driver=file,file.filename=%s", path);
    BlockChild *user = block_child_new(node, "test", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
    uint8_t buf[65536];
    int64_t n, map;
    BlockNode *file;

    g_assert_true(grown);
    memset(buf, 1, sizeof(buf));
    g_assert_cmpint(co_node_pwrite(node, 128 << 10, buf, sizeof(buf)), ==, 0);
    g_assert_cmpint(co_node_block_status(node, true, 0, 1 << 20, &n, &map, &file), ==,
                    BLOCK_ZERO | BLOCK_OFFSET_VALID | BLOCK_ALLOCATED);
    g_assert_cmpint(n, ==, 128 << 10);
    g_assert_true(file == node->file->node);
    g_assert_cmpint(co_node_block_status(node, true, n, 1 << 20, &n, &map, &file), ==,
                    BLOCK_DATA | BLOCK_OFFSET_VALID | BLOCK_ALLOCATED);
    g_assert_cmpint(n, ==, 64 << 10);
    g_assert_cmpint(map, ==, 128 << 10);
    g_assert_cmpint(co_node_block_status(node, true, 192 << 10, 1 << 20, &n, &map, &file), ==,
                    BLOCK_ZERO | BLOCK_OFFSET_VALID | BLOCK_ALLOCATED | BLOCK_EOF);
    g_assert_cmpint(co_node_block_status(node, true, 1 << 20, 1, &n, &map, &file), ==, BLOCK_EOF);
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpint(co_node_block_status(window, true, 64 << 10, 1 << 20, &n, &map, &file), ==,
                    BLOCK_DATA | BLOCK_OFFSET_VALID | BLOCK_ALLOCATED);
    g_assert_cmpint(map, ==, 128 << 10);
    g_assert_cmpint(n, ==, 64 << 10);
    g_assert_cmpint(co_node_is_zero(node, 0, 128 << 10), ==, 1);
    g_assert_cmpint(co_node_is_zero(node, 0, (128 << 10) + 1), ==, 0);
    g_assert_cmpint(co_node_is_allocated(node, 0, 4096, &n), ==, 1);
    block_child_free(user);
    block_node_unref(window);
    block_node_unref(node);
}

static void status(void)
{
    co_run(co_status, NULL);
}

static void co_growth(void *opaque)
{
    g_autofree char *path = co_new_file("grow.raw", 0);
    BlockNode *node = co_must_open("driver=raw,node-name=g,file.driver=file,file.filename=%s",
                                   path);
    BlockChild *user = block_child_new(node, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL);
    BlockNode *fixed;
    Error *err = NULL;
    uint8_t buf[512] = { 1 };

    /* Only who may resize makes it longer. */
    g_assert_cmpint(co_node_pwrite(node, 4096, buf, 512), ==, -EIO);
    g_assert_true(block_child_set_perm(user, BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE,
                                       BLOCK_PERM_ALL, NULL));
    g_assert_cmpint(co_node_pwrite(node, 4096, buf, 512), ==, 0);
    g_assert_cmpint(node->length, ==, 4608);
    g_assert_cmpint(node->file->node->length, ==, 4608);
    g_assert_cmpint(co_node_pwrite_zeroes(node, 8192, 8192, 0), ==, 0);
    g_assert_cmpint(node->length, ==, 16384);
    g_assert_cmpint(co_node_is_zero(node, 8192, 8192), ==, 1);
    g_assert_true(co_node_truncate(node, 1 << 20, true, PREALLOC_MODE_FALLOC, 0, NULL));
    g_assert_cmpint(node->length, ==, 1 << 20);
    g_assert_cmpint(co_node_allocated_size(node), >=, (1 << 20) - 16384);
    g_assert_false(co_node_truncate(node, 512, true, PREALLOC_MODE_FULL, 0, &err));
    g_assert_cmpstr(error_text(err), ==, "Cannot use preallocation for shrinking files");
    g_clear_pointer(&err, error_free);
    g_assert_true(co_node_truncate(node, 512, true, PREALLOC_MODE_OFF, 0, NULL));
    g_assert_cmpint(node->file->node->length, ==, 512);
    g_assert_cmpint(co_node_pread(node, 512, buf, 1), ==, -EIO);
    block_child_free(user);
    fixed = co_must_open("driver=raw,size=512,file=g");
    g_assert_false(co_node_truncate(fixed, 1024, true, PREALLOC_MODE_OFF, 0, &err));
    g_assert_cmpstr(error_text(err), ==, "Cannot resize fixed-size raw disks");
    error_free(err);
    block_node_unref(fixed);
    block_node_unref(node);
}

static void growth(void)
{
    co_run(co_growth, NULL);
}

/* As QEMU writes them: query-named-block-nodes of 7.2 was asked. */
static void co_names(void *opaque)
{
    g_autofree char *path = co_new_file("n.raw", 4096), *want = NULL;
    static const struct {
        const char *options, *name;
    } rows[] = {
        { "driver=raw,file.driver=null-co", "null-co://" },
        { "driver=null-co,size=1024,read-zeroes=on",
          "json:{\"read-zeroes\": true, \"driver\": \"null-co\", \"size\": 1024}" },
        { "driver=raw,size=512,file.driver=raw,file.file.driver=null-co",
          "json:{\"driver\": \"raw\", \"size\": 512, \"file\": {\"driver\": \"raw\", "
          "\"file\": {\"driver\": \"null-co\"}}}" },
    };
    BlockNode *node;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *name = NULL;

        node = co_must_open("%s", rows[i].options);
        name = block_node_filename(node);
        g_assert_cmpstr(name, ==, rows[i].name);
        block_node_unref(node);
    }
    node = co_must_open("driver=raw,offset=512,file.driver=file,file.filename=%s", path);
    want = g_strdup_printf("json:{\"offset\": 512, \"driver\": \"raw\", \"file\": {\"driver\": "
                           "\"file\", \"filename\": \"%s\"}}", path);
    g_free(path);
    path = block_node_filename(node);
    g_assert_cmpstr(path, ==, want);
    block_node_unref(node);
}

static void names(void)
{
    co_run(co_names, NULL);
}

static void check_backing(const char *image, const char *backing, const char *expected)
{
    Error *err = NULL;
    g_autofree char *path = block_backing_path(image, backing, &err);

    g_assert_cmpstr(path, ==, expected);
    g_assert_true(!path == !!err);
    error_free(err);
}

static void backing_names(void)
{
    check_backing("/a/b.qcow2", "c.qcow2", "/a/c.qcow2");
    check_backing("b.qcow2", "c.qcow2", "c.qcow2");
    check_backing("d/b.qcow2", "/x/c.qcow2", "/x/c.qcow2");
    check_backing("/a/b.qcow2", "sub/with:colon", "/a/sub/with:colon");
    /* What images name is a file, whatever their makers would like. */
    check_backing("/a/b.qcow2", "nbd://host/x", NULL);
    check_backing("/a/b.qcow2", "json:{}", NULL);
    check_backing("json:{}", "c.qcow2", NULL);
}

/* A user without a node of its own: drained sections hold it back. */
static unsigned held, released, polled;

static void hold(BlockChild *child)
{
    held++;
}

static void release(BlockChild *child)
{
    released++;
}

static bool still_busy(BlockChild *child)
{
    return polled && polled--;
}

static const BlockChildOps held_ops = {
    .drained_begin = hold, .drained_poll = still_busy, .drained_end = release,
};

static void kick(void *opaque)
{
    block_drain_kick();
    if (polled) {
        loop_post(loop_main(), kick, NULL);
    }
}

static void co_drained(void *opaque)
{
    BlockNode *node = co_must_open("driver=null-co,node-name=low");
    BlockNode *top = co_must_open("driver=raw,file=low");
    BlockChild *user = block_child_new_ops(top, "test", 0, BLOCK_PERM_ALL, &held_ops, NULL, NULL);

    polled = 3;
    loop_post(loop_main(), kick, NULL);
    co_drain_begin(node);
    g_assert_cmpuint(polled, ==, 0);
    g_assert_cmpuint(held, ==, 1);
    co_drain_begin(top);
    g_assert_cmpuint(held, ==, 1);          /* it knows already */
    block_drain_end(node);
    g_assert_cmpuint(released, ==, 0);
    block_drain_end(top);
    g_assert_cmpuint(released, ==, 1);
    block_child_free(user);
    block_node_unref(top);
    block_node_unref(node);
}

static void drained(void)
{
    co_run(co_drained, NULL);
}

/* Nodes of the test's own: one that covers another, one that passes everything on. */
static int pass_co_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                          unsigned niov)
{
    return co_node_preadv(block_filter_or_cow(node), offset, bytes, iov, niov);
}

static const BlockDriver overlay_driver = {
    .name = "overlay", .supports_backing = true, .co_preadv = pass_co_preadv,
};
static const BlockDriver filter_driver = {
    .name = "filter", .filter = true, .co_preadv = pass_co_preadv,
};

static void co_chain(void *opaque)
{
    BlockNode *base = co_must_open("driver=null-co,node-name=base,read-zeroes=on");
    BlockNode *overlay = block_node_new_internal(&overlay_driver, "over", NULL);
    BlockNode *filter = block_node_new_internal(&filter_driver, NULL, NULL), *other;
    uint32_t reader = BLOCK_PERM_CONSISTENT_READ;
    BlockChild *user = block_child_new(base, "test", reader, BLOCK_PERM_ALL, NULL), *writer;
    Error *err = NULL;
    uint8_t byte = 1;

    overlay->length = filter->length = base->length;
    co_drain_begin(base);
    g_assert_true(block_node_append(overlay, base, &err));
    g_assert_true(block_node_append(filter, overlay, &err));
    block_drain_end(base);
    g_assert_true(user->node == filter);
    g_assert_true(block_cow_child(overlay) == base);
    g_assert_true(block_skip_filters(filter) == overlay);
    g_assert_true(block_backing_chain_next(filter) == base);
    g_assert_true(block_find_overlay(filter, base) == overlay);
    g_assert_cmpint(co_node_pread(user->node, 0, &byte, 1), ==, 0);
    g_assert_cmpint(byte, ==, 0);
    g_assert_cmpuint(filter->quiesce, ==, 0);
    /* The overlay wants its base to stay as it is. */
    g_assert_cmpuint(overlay->backing->shared, ==,
                     reader | BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE);
    g_assert_true(block_child_set_perm(user, reader, reader, NULL));
    g_assert_null(block_child_new(base, "writer", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, &err));
    g_assert_nonnull(strstr(error_text(err), "permissions 'write' are both required by writer"));
    g_clear_pointer(&err, error_free);
    /* What cannot be is not done by half. */
    other = co_must_open("driver=null-co,node-name=other");
    writer = block_child_new(other, "writer", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL);
    co_drain_begin(filter);
    co_drain_begin(base);
    co_drain_begin(other);
    g_assert_false(block_node_set_backing(overlay, other, &err));
    g_clear_pointer(&err, error_free);
    g_assert_true(block_cow_child(overlay) == base);
    g_assert_false(block_node_replace(filter, other, &err));
    g_clear_pointer(&err, error_free);
    g_assert_true(user->node == filter);
    g_assert_false(block_node_set_backing(overlay, filter, &err));
    g_assert_nonnull(strstr(error_text(err), "cycle"));
    g_clear_pointer(&err, error_free);
    block_child_free(writer);
    g_assert_true(block_chain_freeze(filter, base, NULL));
    g_assert_false(block_node_set_backing(overlay, other, &err));
    g_assert_nonnull(strstr(error_text(err), "Cannot change frozen 'backing' link"));
    g_clear_pointer(&err, error_free);
    block_chain_thaw(filter, base);
    g_assert_true(block_node_set_backing(overlay, other, NULL));
    g_assert_true(block_node_remove_filter(filter, NULL));
    g_assert_true(user->node == overlay);
    block_drain_end(other);
    block_drain_end(base);
    block_drain_end(filter);
    g_assert_cmpuint(overlay->quiesce, ==, 0);
    g_assert_true(co_block_drop_intermediate(overlay, other, NULL, NULL));
    g_assert_true(user->node == other);
    g_assert_cmpuint(base->refs + overlay->refs + filter->refs, ==, 3);
    block_child_free(user);
    block_node_unref(filter);
    block_node_unref(overlay);
    block_node_unref(other);
    block_node_unref(base);
}

static void chain(void)
{
    co_run(co_chain, NULL);
}

static void co_bitmaps(void *opaque)
{
    BlockNode *node = co_must_open("driver=null-co,size=1M");
    BlockChild *user = block_child_new(node, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL);
    BlockDirtyBitmap *a = block_dirty_bitmap_new(node, "a", 4096, NULL), *b;
    HBitmap *backup = NULL;
    uint8_t buf[512] = { 1 };
    Error *err = NULL;

    g_assert_null(block_dirty_bitmap_new(node, "a", 0, &err));
    g_assert_cmpstr(error_text(err), ==, "Bitmap already exists: a");
    g_clear_pointer(&err, error_free);
    b = block_dirty_bitmap_new(node, "b", 0, NULL);
    g_assert_cmpuint(block_dirty_bitmap_granularity(b), ==, 65536);
    g_assert_cmpint(co_node_pwrite(node, 5000, buf, 512), ==, 0);
    g_assert_cmpuint(block_dirty_bitmap_count(a), ==, 4096);
    g_assert_cmpint(block_dirty_bitmap_next_dirty(a, 0, 1 << 20), ==, 4096);
    block_dirty_bitmap_clear(a, &backup);
    g_assert_cmpint(co_node_pwrite_zeroes(node, 1 << 19, 1, 0), ==, 0);
    g_assert_true(block_dirty_bitmap_merge(b, a, NULL, NULL));
    g_assert_cmpuint(block_dirty_bitmap_count(b), ==, 2 * 65536);
    block_dirty_bitmap_restore(a, backup);
    g_assert_cmpint(block_dirty_bitmap_next_dirty(a, 0, 1 << 20), ==, 4096);
    /* A job has it: what is written meanwhile is kept apart. */
    g_assert_true(block_dirty_bitmap_freeze(a, NULL));
    g_assert_false(block_dirty_bitmap_freeze(a, &err));
    g_assert_nonnull(strstr(error_text(err), "in use by another operation"));
    g_clear_pointer(&err, error_free);
    g_assert_cmpint(co_node_pwrite(node, 65536, buf, 512), ==, 0);
    g_assert_cmpuint(block_dirty_bitmap_count(a), ==, 4096);
    block_dirty_bitmap_reclaim(a);
    g_assert_cmpuint(block_dirty_bitmap_count(a), ==, 8192);
    g_assert_true(block_dirty_bitmap_freeze(a, NULL));
    block_dirty_bitmap_abdicate(a);
    g_assert_cmpuint(block_dirty_bitmap_count(a), ==, 0);
    g_assert_cmpint(co_node_pwrite(node, 0, buf, 1), ==, 0);
    g_assert_cmpuint(block_dirty_bitmap_count(a), ==, 4096);
    block_child_free(user);
    block_node_unref(node);
}

static void bitmaps(void)
{
    co_run(co_bitmaps, NULL);
}

static void remove_dir(void)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(d))) {
        g_autofree char *path = path_of(name);

        unlink(path);
    }
    g_dir_close(d);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("mica-graph-XXXXXX", NULL);
    g_test_add_func("/graph/status", status);
    g_test_add_func("/graph/growth", growth);
    g_test_add_func("/graph/names", names);
    g_test_add_func("/graph/backing-names", backing_names);
    g_test_add_func("/graph/drained", drained);
    g_test_add_func("/graph/chain", chain);
    g_test_add_func("/graph/bitmaps", bitmaps);
    ret = g_test_run();
    block_close_all();
    remove_dir();
    return ret;
}
