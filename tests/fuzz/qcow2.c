/* Fuzz target: qcow2 images with changes in them: open, read, write, snapshots, amend, check */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/snapshot.h"
#include "qapi/keyval.h"
#include "tests/block/crash-states.h"
#include "tests/fuzz/fuzz.h"
#include "util/bswap.h"

/*
 * The input is text that chance may change: the first byte says which good
 * image it starts from, the second what is done with it, the rest is changes
 * of 11 bytes each: where (two bytes, and one that says in which units),
 * and a value of eight bytes, XORed to what is there. An input that begins
 * like a qcow2 image is one.
 */
enum {
    CHANGE_BYTES = 11,
    MAX_CHANGES = 64,
    MAX_IMAGE = 8 << 20,
    DISK_BYTES = 1 << 20,
    IO_BYTES = 256 << 10,
};

static const char *const kinds[] = {
    "cluster-size=512", "cluster-size=4k", "cluster-size=16k,extended-l2=on",
    "cluster-size=512,version=v2", "cluster-size=1k,lazy-refcounts=on,refcount-bits=64",
    "cluster-size=2k,compression-type=zstd,refcount-bits=8",
};

static CrashDisk images[ARRAY_SIZE(kinds)];

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

static void co_fill(CrashDisk *d)
{
    BlockNode *node = co_crash_open_image(d, false, 0, NULL);
    BlockChild *user = block_child_new(node, "fuzz", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
    BlockSnapshot snapshot = { .name = "s", .icount = UINT64_MAX };
    g_autofree uint8_t *buf = g_malloc(16384);
    struct iovec iov = { buf, 16384 };

    memset(buf, 'x', 16384);
    g_assert_false(co_node_pwrite(node, 1000, buf, 9000));
    g_assert_false(node->driver->co_pwritev_compressed(node, 65536, 16384, &iov, 1));
    g_assert_true(node->driver->co_snapshot_create(node, &snapshot, NULL));
    g_assert_false(co_node_pwrite(node, 5000, buf, 3000));
    g_assert_false(co_node_pwrite_zeroes(node, 131072, 65536, BLOCK_REQ_MAY_UNMAP));
    g_assert_false(co_node_pwrite(node, DISK_BYTES - 5000, buf, 5000));
    block_child_free(user);
    block_node_unref(node);
}

static void co_make_images(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        g_autofree char *text = g_strdup_printf("driver=qcow2,file=disk,size=%d,%s", DISK_BYTES,
                                                kinds[i]);
        JSON_AUTO json = keyval_parse(text, NULL, NULL, NULL);
        g_autoptr(BlockdevCreateOptions) o = qapi_parse_BlockdevCreateOptions(json, QAPI_KEYVAL,
                                                                              NULL);
        BlockNode *disk = co_crash_open_disk(&images[i]);

        g_assert_true(co_block_create(o, NULL));
        block_node_unref(disk);
        co_fill(&images[i]);
    }
}

static void change(CrashDisk *d, const uint8_t *p)
{
    static const unsigned units[] = { 1, 4, 8, 512, 1024, 4096 };
    uint64_t at = (uint64_t)ld16_le(p) * units[p[2] % ARRAY_SIZE(units)] % d->length;
    size_t n = MIN(8, d->length - at);

    for (size_t i = 0; i < n; i++) {
        /* A letter more or less of a seed changes few bits. */
        d->data[at + i] ^= p[3 + i] == '.' ? 0 : p[3 + i];
    }
}

static void copy_image(CrashDisk *d, const void *data, int64_t bytes)
{
    crash_disk_resize(d, bytes);
    memcpy(d->data, data, bytes);
    d->limit = MAX_IMAGE;
}

static void make_image(CrashDisk *d, const Input *in)
{
    const CrashDisk *base = &images[in->data[0] % ARRAY_SIZE(kinds)];

    if (!memcmp(in->data, "QFI", 3) && in->size > 104) {
        copy_image(d, in->data, MIN(in->size, MAX_IMAGE));
        return;
    }
    copy_image(d, base->data, base->length);
    for (size_t at = 2; at + CHANGE_BYTES <= MIN(in->size, 2 + MAX_CHANGES * CHANGE_BYTES);
         at += CHANGE_BYTES) {
        change(d, in->data + at);
    }
}

static void co_read_all(BlockNode *node)
{
    int64_t end = MIN(node->length, 4 * DISK_BYTES), pnum, map;
    g_autofree uint8_t *buf = g_malloc(IO_BYTES);
    BlockNode *file;

    for (int64_t at = 0; at < end; at += IO_BYTES) {
        co_node_pread(node, at, buf, MIN(IO_BYTES, end - at));
    }
    pnum = 1;
    for (int64_t at = 0; at < end && pnum; at += pnum) {
        if (co_node_block_status(node, true, at, end - at, &pnum, &map, &file) < 0) {
            break;
        }
    }
}

static void co_write_some(BlockNode *node)
{
    g_autofree uint8_t *buf = g_malloc0(20000);
    struct iovec iov = { buf, 20000 };
    BlockDriverInfo info = {};

    co_node_pwrite(node, 3000, buf, 20000);
    co_node_pwrite_zeroes(node, 0, 70000, 0);
    co_node_pdiscard(node, 65536, 131072);
    block_get_info(node, &info);
    if (info.cluster_size && info.cluster_size <= 16384 && node->length > 65536 + 16384) {
        iov.iov_len = info.cluster_size;
        node->driver->co_pwritev_compressed(node, 65536, iov.iov_len, &iov, 1);
    }
    co_node_flush(node);
    co_node_pwrite(node, DISK_BYTES / 2, buf, 5000);
}

static void co_use_snapshots(BlockNode *node, bool apply)
{
    BlockSnapshot new = { .name = "new", .icount = UINT64_MAX };
    int count;
    g_autofree BlockSnapshot *list = node->driver->co_snapshot_list(node, &count, NULL);

    node->driver->co_snapshot_create(node, &new, NULL);
    for (int i = 0; i < MIN(count, 3); i++) {
        if (apply) {
            node->driver->co_snapshot_goto(node, list[i].id, NULL);
        }
        node->driver->co_snapshot_delete(node, list[i].id, NULL, NULL);
    }
}

static void progress(void *opaque, int64_t done, int64_t total)
{
}

static void co_amend(BlockNode *node, unsigned what)
{
    static const char *const options[] = {
        "{'compat': '0.10'}", "{'compat': '1.1'}", "{'refcount_bits': '64'}",
        "{'refcount_bits': '8'}", "{'size': '2M'}", "{'lazy_refcounts': 'on'}",
    };
    JSON_AUTO o = json_parse_object(options[what % ARRAY_SIZE(options)], NULL);

    node->driver->co_amend(node, o, progress, NULL, true, NULL);
}

static void co_change(BlockNode *node, unsigned what)
{
    co_write_some(node);
    if (what & 1) {
        co_use_snapshots(node, what & 2);
    }
    if (what & 4) {
        co_amend(node, what >> 3);
    }
    if (what & 2 && node->length <= 64 * DISK_BYTES) {
        co_node_truncate(node, DISK_BYTES / 2, false, PREALLOC_MODE_OFF, 0, NULL);
        co_node_truncate(node, 2 * DISK_BYTES, false, PREALLOC_MODE_OFF, 0, NULL);
    }
    co_write_some(node);
}

/* how: 0 to read, 1 to check, 2 to write, 3 to repair */
static void co_use(const Input *in, unsigned how)
{
    unsigned flags = BLOCK_OPEN_NO_BACKING | BLOCK_OPEN_NO_DATA_FILE;
    BlockCheckResult r = {};
    BlockNode *node;
    BlockChild *user;
    CrashDisk d = {};
    bool read_only = how < 2;

    make_image(&d, in);
    node = co_crash_open_image(&d, read_only, flags | (how & 1 ? BLOCK_OPEN_CHECK : 0), NULL);
    if (node) {
        user = block_child_new(node, "fuzz", read_only ? BLOCK_PERM_CONSISTENT_READ
                                                       : BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
        if (user && how & 1) {
            node->driver->co_check(node, &r, how == 3 ? BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS : 0);
        } else if (user && how == 2) {
            co_change(node, in->data[1]);
        } else if (user) {
            qapi_free_ImageInfoSpecific(node->driver->co_get_specific_info(node, NULL));
        }
        if (user) {
            co_read_all(node);
        }
        block_child_free(user);
        block_node_unref(node);
    }
    g_free(d.data);
}

static void co_one(void *opaque)
{
    if (!images[0].data) {
        co_make_images();
    }
    for (unsigned how = 0; how < 4; how++) {
        co_use(opaque, how);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input input = { data, size };

    loop_main();
    if (size >= 3) {
        co_run(co_one, &input);
    }
    return 0;
}
