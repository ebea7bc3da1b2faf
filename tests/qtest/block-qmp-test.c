/* Block commands over QMP: nodes, snapshots, bitmaps, transactions, resize, limits, media */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

static char *dir;
static QTest *q;

static char *path_of(const char *name)
{
    return g_strdup_printf("%s/%s", dir, name);
}

static void new_image(const char *name, size_t size)
{
    g_autofree char *path = path_of(name), *data = g_malloc0(size);

    g_assert_true(g_file_set_contents(path, data, size, NULL));
}

/* Two drives, d0 and d1, and a CD drive with the id cd. */
static void start(void)
{
    dir = g_dir_make_tmp("mica-block-qmp-XXXXXX", NULL);
    new_image("a.img", 1 << 20);
    new_image("b.img", 1 << 20);
    new_image("c.img", 1 << 20);
    q = qtest_start("-nodefaults -drive if=none,id=d0,file=%s/a.img,format=raw "
                    "-drive if=none,id=d1,file=%s/b.img,format=raw "
                    "-device ide-hd,drive=d0,bus=ide.0 "
                    "-device ide-hd,drive=d1,bus=ide.0,unit=1 -device ide-cd,id=cd,bus=ide.1",
                    dir, dir);
}

static void end(void)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    qtest_end(q);
    while ((name = g_dir_read_name(d))) {
        g_autofree char *path = path_of(name);

        unlink(path);
    }
    g_dir_close(d);
    rmdir(dir);
    g_free(dir);
}

static void refused(const char *desc, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static void refused(const char *desc, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    struct json_object *reply, *error;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    reply = qtest_qmp_reply(q, "%s", text);
    error = json_object_object_get(reply, "error");
    g_assert_cmpstr(json_object_get_string(json_object_object_get(error, "desc")), ==, desc);
    json_object_put(reply);
}

/* A member of what query-block tells of the n-th drive: "inserted.image.filename" */
static char *drive_text(unsigned n, const char *path)
{
    struct json_object *all = qtest_qmp(q, "{'execute': 'query-block'}"), *at;
    g_auto(GStrv) names = g_strsplit(path, ".", -1);
    char *text;

    at = json_object_array_get_idx(all, n);
    for (unsigned i = 0; at && names[i]; i++) {
        at = json_object_object_get(at, names[i]);
    }
    text = g_strdup(at ? json_object_get_string(at) : NULL);
    json_object_put(all);
    return text;
}

static void expect(unsigned n, const char *path, const char *value)
{
    g_autofree char *text = drive_text(n, path);

    g_assert_cmpstr(text, ==, value);
}

static int64_t bitmap_count(unsigned n)
{
    struct json_object *all = qtest_qmp(q, "{'execute': 'query-block'}"), *list;
    int64_t count = 0;

    list = json_object_object_get(json_object_object_get(json_object_array_get_idx(all, n),
                                                         "inserted"), "dirty-bitmaps");
    count = list ? json_object_array_length(list) : 0;
    json_object_put(all);
    return count;
}

static void bitmaps(void)
{
    start();
    qtest_qmp_done(q, "{'execute': 'block-dirty-bitmap-add', 'arguments': {'node': 'd0', "
                   "'name': 'one'}}");
    refused("Bitmap already exists: one", "{'execute': 'block-dirty-bitmap-add', 'arguments': "
            "{'node': 'd0', 'name': 'one'}}");
    refused("Dirty bitmap 'two' not found", "{'execute': 'block-dirty-bitmap-clear', "
            "'arguments': {'node': 'd0', 'name': 'two'}}");
    /* All or none */
    refused("Transaction aborted using Abort action", "{'execute': 'transaction', 'arguments': "
            "{'actions': [{'type': 'block-dirty-bitmap-add', 'data': {'node': 'd1', 'name': 'x'}},"
            "{'type': 'block-dirty-bitmap-remove', 'data': {'node': 'd0', 'name': 'one'}},"
            "{'type': 'abort', 'data': {}}]}}");
    g_assert_cmpint(bitmap_count(0), ==, 1);
    g_assert_cmpint(bitmap_count(1), ==, 0);
    qtest_qmp_done(q, "{'execute': 'transaction', 'arguments': "
                   "{'actions': [{'type': 'block-dirty-bitmap-add', 'data': {'node': 'd1', "
                   "'name': 'x'}}, {'type': 'block-dirty-bitmap-merge', 'data': {'node': 'd1', "
                   "'target': 'x', 'bitmaps': [{'node': 'd0', 'name': 'one'}]}},"
                   "{'type': 'block-dirty-bitmap-remove', 'data': {'node': 'd0', "
                   "'name': 'one'}}]}}");
    g_assert_cmpint(bitmap_count(0), ==, 0);
    g_assert_cmpint(bitmap_count(1), ==, 1);
    end();
}

static void snapshots(void)
{
    g_autofree char *first = NULL, *second = NULL, *base = NULL;

    start();
    first = path_of("s0.qcow2");
    second = path_of("s1.qcow2");
    base = path_of("a.img");
    /* The second cannot be made, so the first is not put on top either. */
    refused("Cannot find device='nope' nor node-name=''", "{'execute': 'transaction', "
            "'arguments': {'actions': [{'type': 'blockdev-snapshot-sync', 'data': {'device': "
            "'d0', 'snapshot-file': '%s'}}, {'type': 'blockdev-snapshot-sync', 'data': {'device': "
            "'nope', 'snapshot-file': '%s'}}]}}", first, second);
    expect(0, "inserted.drv", "raw");
    qtest_qmp_done(q, "{'execute': 'transaction', 'arguments': {'actions': [{'type': "
                   "'blockdev-snapshot-sync', 'data': {'device': 'd0', 'snapshot-file': '%s', "
                   "'snapshot-node-name': 'top'}}, {'type': 'blockdev-snapshot-sync', 'data': "
                   "{'device': 'd1', 'snapshot-file': '%s'}}]}}", first, second);
    expect(0, "inserted.node-name", "top");
    expect(0, "inserted.image.filename", first);
    expect(0, "inserted.image.backing-image.filename", base);
    expect(1, "inserted.drv", "qcow2");
    qtest_qmp_done(q, "{'execute': 'change-backing-file', 'arguments': {'device': 'd0', "
                   "'image-node-name': 'top', 'backing-file': 'other.img'}}");
    expect(0, "inserted.image.backing-filename", "other.img");
    /* An overlay that is open already, under the drive's eyes. */
    qtest_qmp_done(q, "{'execute': 'blockdev-add', 'arguments': {'driver': 'null-co', "
                   "'node-name': 'n'}}");
    refused("The overlay does not support backing images", "{'execute': 'blockdev-snapshot', "
            "'arguments': {'node': 'd0', 'overlay': 'n'}}");
    end();
}

static void resize(void)
{
    struct json_object *reply;

    start();
    refused("Parameter 'size' expects a >0 size", "{'execute': 'block_resize', 'arguments': "
            "{'device': 'd0', 'size': -1}}");
    qtest_qmp_done(q, "{'execute': 'block_resize', 'arguments': {'device': 'd0', 'size': "
                   "2097152}}");
    expect(0, "inserted.image.virtual-size", "2097152");
    qtest_qmp_done(q, "{'execute': 'block_set_io_throttle', 'arguments': {'device': 'd0', "
                   "'bps': 5000, 'bps_rd': 0, 'bps_wr': 0, 'iops': 10, 'iops_rd': 0, "
                   "'iops_wr': 0, 'iops_max': 20}}");
    expect(0, "inserted.group", "d0");
    expect(0, "inserted.iops_max", "20");
    reply = qtest_qmp_reply(q, "{'execute': 'query-blockstats'}");
    g_assert_nonnull(json_object_object_get(reply, "return"));
    json_object_put(reply);
    end();
}

static void reopen(void)
{
    start();
    qtest_qmp_done(q, "{'execute': 'blockdev-add', 'arguments': {'driver': 'raw', 'node-name': "
                   "'n', 'file': {'driver': 'file', 'filename': '%s/c.img'}}}", dir);
    qtest_qmp_done(q, "{'execute': 'blockdev-add', 'arguments': {'driver': 'null-co', "
                   "'node-name': 'm'}}");
    /* The second cannot be, so the first stays as it is. */
    refused("Cannot change the option 'size'", "{'execute': 'blockdev-reopen', 'arguments': "
            "{'options': [{'driver': 'raw', 'node-name': 'n', 'read-only': true, 'file': "
            "{'driver': 'file', 'filename': '%s/c.img'}}, {'driver': 'null-co', 'node-name': "
            "'m', 'size': 1}]}}", dir);
    refused("Failed to find node with node-name='d0'", "{'execute': 'blockdev-del', 'arguments': "
            "{'node-name': 'd0'}}");
    qtest_qmp_done(q, "{'execute': 'blockdev-reopen', 'arguments': {'options': [{'driver': "
                   "'raw', 'node-name': 'n', 'read-only': true, 'file': {'driver': 'file', "
                   "'filename': '%s/c.img'}}]}}", dir);
    refused("Image is read-only", "{'execute': 'block_resize', 'arguments': {'node-name': 'n', "
            "'size': 512}}");
    qtest_qmp_done(q, "{'execute': 'blockdev-del', 'arguments': {'node-name': 'n'}}");
    qtest_qmp_done(q, "{'execute': 'blockdev-del', 'arguments': {'node-name': 'm'}}");
    end();
}

static void media(void)
{
    start();
    qtest_qmp_done(q, "{'execute': 'blockdev-add', 'arguments': {'driver': 'file', 'node-name': "
                   "'disc', 'read-only': true, 'filename': '%s/c.img'}}", dir);
    refused("Tray of the device is not open", "{'execute': 'blockdev-insert-medium', "
            "'arguments': {'id': 'cd', 'node-name': 'disc'}}");
    qtest_qmp_done(q, "{'execute': 'blockdev-open-tray', 'arguments': {'id': 'cd'}}");
    json_object_put(qtest_qmp_event(q, "DEVICE_TRAY_MOVED"));
    qtest_qmp_done(q, "{'execute': 'blockdev-insert-medium', 'arguments': {'id': 'cd', "
                   "'node-name': 'disc'}}");
    refused("Node 'disc' is already in use", "{'execute': 'blockdev-insert-medium', 'arguments': "
            "{'id': 'cd', 'node-name': 'disc'}}");
    qtest_qmp_done(q, "{'execute': 'blockdev-close-tray', 'arguments': {'id': 'cd'}}");
    json_object_put(qtest_qmp_event(q, "DEVICE_TRAY_MOVED"));
    expect(2, "inserted.node-name", "disc");
    refused("Device 'd0' is not removable", "{'execute': 'eject', 'arguments': {'device': "
            "'d0'}}");
    qtest_qmp_done(q, "{'execute': 'eject', 'arguments': {'id': 'cd'}}");
    expect(2, "tray_open", "true");
    expect(2, "inserted", NULL);
    qtest_qmp_done(q, "{'execute': 'blockdev-del', 'arguments': {'node-name': 'disc'}}");
    qtest_qmp_done(q, "{'execute': 'blockdev-change-medium', 'arguments': {'id': 'cd', "
                   "'filename': '%s/c.img', 'format': 'raw', 'read-only-mode': 'read-only'}}",
                   dir);
    expect(2, "tray_open", "false");
    expect(2, "inserted.ro", "true");
    end();
}

QTEST("/block-qmp/bitmaps", bitmaps)
QTEST("/block-qmp/snapshots", snapshots)
QTEST("/block-qmp/resize", resize)
QTEST("/block-qmp/reopen", reopen)
QTEST("/block-qmp/media", media)
