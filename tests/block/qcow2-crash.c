/* qcow2 and power cuts: what a crash may leave of recorded writes is checked, state by state */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/snapshot.h"
#include "qapi/keyval.h"
#include "tests/block/crash-states.h"
#include "util/co-lock.h"

/*
 * qcow2-crash DIR SEED OPS STATES QEMU-EVERY CREATE-OPTIONS: an image in
 * memory gets random writes, zeroes, discards, compressed writes, snapshots,
 * resizes, stored bitmaps and flushes, and what reaches it is recorded. Of
 * the record STATES states are made that a power cut may leave: all up to a
 * flush, and of what came after any subset, sector by sector. Each must have no
 * error (leaks are fine), each sector one of the values since the flush that
 * the guest saw done last, each snapshot what was there when it was made.
 * Every QEMU-EVERY'th state is shown to qemu-img check too. With CRASH_ERRORS
 * in the environment requests to the storage fail now and then, too.
 */
enum {
    MAX_SNAPSHOTS = 3,
    ERROR_EVERY = 60,
};

static char **args;

typedef struct Held {
    char name[32];
    int64_t length;
    uint32_t *values;
} Held;

static GArray *held;                        /* of Held: all snapshots that ever were */
static int current[MAX_SNAPSHOTS];          /* index in held, -1: none */
static uint32_t next_value = 1;

static uint32_t last_value(int64_t sector)
{
    const GArray *h = crash.history[sector];

    return g_array_index(h, CrashValue, h->len - 1).value;
}

static void fill_sector(uint8_t *p, uint32_t value)
{
    memset(p, value & 0xff, CRASH_SECTOR);
    memcpy(p, &value, sizeof(value));
}

static CrashDisk *live;         /* what is recorded */
static bool errors;             /* requests may fail */
static bool failed;             /* one did */

/* True: it was done. */
static bool expect(const char *what, int ret, Error *err)
{
    if (ret && errors) {
        error_free(err);
        failed = true;
        return false;
    }
    crash_must(what, ret, err);
    return true;
}

static void co_guest_flush(BlockNode *node)
{
    CrashFlush f = { .issued = ++crash.now };

    node->written++;
    if (!expect("flush", co_node_flush(node), NULL)) {
        return;
    }
    f.done = ++crash.now;
    g_array_append_val(crash.flushes, f);
}

static void co_write(BlockNode *node, int64_t sector, int64_t n, bool compressed)
{
    g_autofree uint8_t *buf = g_malloc(n * CRASH_SECTOR);
    uint64_t issued = ++crash.now;
    uint32_t first = next_value;
    int64_t offset = sector * CRASH_SECTOR, bytes = n * CRASH_SECTOR;
    struct iovec iov = { buf, bytes };
    bool ok;

    next_value += n;
    for (int64_t i = 0; i < n; i++) {
        fill_sector(buf + i * CRASH_SECTOR, first + i);
    }
    ok = expect("write", compressed
                             ? node->driver->co_pwritev_compressed(node, offset, bytes, &iov, 1)
                             : co_node_pwrite(node, offset, buf, bytes), NULL);
    for (int64_t i = 0; i < n; i++) {
        crash_add_value(sector + i, first + i, issued, ok);
    }
}

static void co_zero(BlockNode *node, int64_t sector, int64_t n, bool unmap)
{
    uint64_t issued = ++crash.now;
    bool ok = expect("zero", co_node_pwrite_zeroes(node, sector * CRASH_SECTOR, n * CRASH_SECTOR,
                                                   unmap ? BLOCK_REQ_MAY_UNMAP : 0), NULL);

    for (int64_t i = 0; i < n; i++) {
        crash_add_value(sector + i, 0, issued, ok);
    }
}

/* A discard need do nothing: what it did is read back. */
static void co_discard(BlockNode *node, int64_t sector, int64_t n)
{
    g_autofree uint8_t *buf = g_malloc(n * CRASH_SECTOR);
    uint64_t issued = ++crash.now;
    uint32_t value;

    if (!expect("discard", co_node_pdiscard(node, sector * CRASH_SECTOR, n * CRASH_SECTOR), NULL) ||
        !expect("read", co_node_pread(node, sector * CRASH_SECTOR, buf, n * CRASH_SECTOR), NULL)) {
        for (int64_t i = 0; i < n; i++) {
            crash_add_value(sector + i, 0, issued, false);
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        g_assert_true(crash_sector_value(buf + i * CRASH_SECTOR, &value));
        crash_add_value(sector + i, value, issued, true);
    }
}

static void all_values(const Held *h, uint64_t issued, bool ok)
{
    for (int64_t i = 0; i < h->length / CRASH_SECTOR; i++) {
        crash_add_value(i, h->values[i], issued, ok);
    }
}

/* What the image has now, where failures have left that open. False: it cannot be read. */
static bool co_read_back(BlockNode *node)
{
    g_autofree uint8_t *buf = g_malloc(node->length);
    uint32_t value;

    if (co_node_pread(node, 0, buf, node->length)) {
        return false;
    }
    for (int64_t i = 0; i < node->length / CRASH_SECTOR; i++) {
        g_assert_true(crash_sector_value(buf + i * CRASH_SECTOR, &value));
        crash_add_value(i, value, 0, true);
    }
    return true;
}

static void co_snapshot(BlockNode *node)
{
    unsigned n = g_rand_int_range(crash.chance, 0, MAX_SNAPSHOTS);
    uint64_t issued = ++crash.now;
    Error *err = NULL;

    if (current[n] < 0) {
        BlockSnapshot snapshot = { .icount = UINT64_MAX };
        Held h = { .length = node->length, .values = g_new(uint32_t, CRASH_MAX_SECTORS) };

        if (failed) {
            unsigned every = live->error_every;
            bool readable;

            live->error_every = 0;
            readable = co_read_back(node);
            live->error_every = every;
            if (!readable) {
                g_free(h.values);
                return;                 /* it gave up after an error, as it should */
            }
        }
        for (int64_t i = 0; i < node->length / CRASH_SECTOR; i++) {
            h.values[i] = last_value(i);
        }
        g_snprintf(h.name, sizeof(h.name), "s%u", held->len);
        g_strlcpy(snapshot.name, h.name, sizeof(snapshot.name));
        g_array_append_val(held, h);
        if (expect("snapshot", !node->driver->co_snapshot_create(node, &snapshot, &err), err)) {
            current[n] = held->len - 1;
        }
    } else if (g_rand_boolean(crash.chance)) {
        Held *h = &g_array_index(held, Held, current[n]);

        all_values(h, issued,
                   expect("goto", !node->driver->co_snapshot_goto(node, h->name, &err), err));
    } else if (expect("delete", !node->driver->co_snapshot_delete(
                          node, NULL, g_array_index(held, Held, current[n]).name, &err), err)) {
        current[n] = -1;
    }
}

static void co_resize(BlockNode *node)
{
    int64_t length = g_rand_int_range(crash.chance, CRASH_MAX_SECTORS / 2, CRASH_MAX_SECTORS) *
                     (int64_t)CRASH_SECTOR;
    int64_t old = node->length;
    uint64_t issued = ++crash.now;
    Error *err = NULL;
    bool ok;

    ok = expect("resize", !co_node_truncate(node, length, false, PREALLOC_MODE_OFF, 0, &err),
                err);
    for (int64_t i = MIN(old, length) / CRASH_SECTOR; i < MAX(old, length) / CRASH_SECTOR; i++) {
        crash_add_value(i, 0, issued, ok);
    }
}

typedef struct Job {
    BlockNode *node;
    int64_t sector, n;
    bool *done;
} Job;

static void co_write_job(void *opaque)
{
    Job *job = opaque;

    co_write(job->node, job->sector, job->n, false);
    *job->done = true;
}

/* A few at the same time, in neighbouring places, and sometimes a flush between. */
static void co_write_many(BlockNode *node, int64_t sector)
{
    Job jobs[4];
    bool done[4] = {};

    for (unsigned i = 0; i < 4; i++) {
        int64_t at = (sector + i * 9) % (node->length / CRASH_SECTOR - 9);

        jobs[i] = (Job){ node, at, 8, &done[i] };
    }
    for (unsigned i = 0; i < 4; i++) {
        if (i && jobs[i].sector < jobs[i - 1].sector + 9) {
            done[i] = true;
            continue;
        }
        co_enter(co_create(co_write_job, &jobs[i]));
    }
    co_guest_flush(node);
    for (unsigned i = 0; i < 4; i++) {
        while (!done[i]) {
            co_sleep(CLOCK_TYPE_REALTIME, 1000);
        }
    }
}

static bool snapshots_now(void)
{
    for (unsigned i = 0; i < MAX_SNAPSHOTS; i++) {
        if (current[i] >= 0) {
            return true;
        }
    }
    return false;
}

static void co_compress(BlockNode *node, int64_t sector)
{
    BlockDriverInfo info = {};
    int64_t per;

    g_assert_true(block_get_info(node, &info));
    per = info.cluster_size / CRASH_SECTOR;
    sector = sector / per * per;
    if (sector + per <= node->length / CRASH_SECTOR) {
        co_write(node, sector, per, true);
    }
}

static void co_one(BlockNode *node, bool snapshots)
{
    int64_t end = node->length / CRASH_SECTOR, sector = g_rand_int_range(crash.chance, 0, end);
    int64_t n = g_rand_int_range(crash.chance, 1, g_rand_boolean(crash.chance) ? 10 : 300);
    unsigned what = g_rand_int_range(crash.chance, 0, 100);

    n = MIN(n, end - sector);
    if (what < 35) {
        co_write(node, sector, n, false);
    } else if (what < 50) {
        co_zero(node, sector, n, what & 1);
    } else if (what < 60) {
        co_discard(node, sector, n);
    } else if (what < 66) {
        co_compress(node, sector);
    } else if (what < 76) {
        co_write_many(node, sector);
    } else if (what < 80) {
        if (!(strstr(args[6], "version=v2") && snapshots_now())) {
            co_resize(node);
        }
    } else if (what < 88 && snapshots) {
        co_snapshot(node);
    } else if (what < 96) {
        co_guest_flush(node);
    }
}

static BlockNode *co_must_open(CrashDisk *d, BlockChild **user)
{
    Error *err = NULL;
    BlockNode *node = co_crash_open_image(d, false, 0, &err);

    crash_must("open", !node, err);
    *user = block_child_new(node, "crash test", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
    g_assert_nonnull(*user);
    return node;
}

/* Errors may keep it from being closed well: nothing is told to be stable. */
static void co_close_quietly(BlockNode *node, BlockChild *user)
{
    block_child_free(user);
    block_node_unref(node);
}

/* Which snapshots there are after all. */
static void co_find_snapshots(BlockNode *node)
{
    int count;
    g_autofree BlockSnapshot *list = node->driver->co_snapshot_list(node, &count, NULL);
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_SNAPSHOTS; i++) {
        current[i] = -1;
    }
    for (int i = 0; i < count && n < MAX_SNAPSHOTS; i++) {
        current[n++] = atoi(list[i].name + 1);
    }
}

static void co_close_image(BlockNode *node, BlockChild *user)
{
    CrashFlush f = { .issued = ++crash.now };

    block_child_free(user);
    block_node_unref(node);
    f.done = ++crash.now;
    if (!errors) {
        g_array_append_val(crash.flushes, f);
    }
}

/* After a failure: what is told done may still be lost unless it was flushed. */
static BlockNode *co_reopen(CrashDisk *d, BlockNode *node, BlockChild **user)
{
    errors = false;
    co_close_quietly(node, *user);
    d->error_every = 0;
    node = co_must_open(d, user);
    if (!co_read_back(node)) {
        crash_must("read", -EIO, NULL);
    }
    co_find_snapshots(node);
    failed = false;
    errors = true;
    d->error_every = ERROR_EVERY;
    return node;
}

static void co_workload(CrashDisk *d, unsigned ops, bool bitmaps, bool snapshots)
{
    BlockChild *user;
    BlockNode *node = co_must_open(d, &user);
    Error *err = NULL;

    live = d;
    d->recording = true;
    errors = g_getenv("CRASH_ERRORS");
    d->error_every = errors ? ERROR_EVERY : 0;
    for (unsigned i = 0; i < ops; i++) {
        if (failed && g_rand_boolean(crash.chance)) {
            node = co_reopen(d, node, &user);
        }
        if (bitmaps && !errors && g_rand_int_range(crash.chance, 0, 25) == 0) {
            g_autofree char *name = g_strdup_printf("b%u", g_rand_int_range(crash.chance, 0, 3));
            BlockDirtyBitmap *b = block_dirty_bitmap_find(node, name);

            if (!b) {
                b = block_dirty_bitmap_new(node, name, 4096, &err);
                crash_must("bitmap", !b, err);
                b->persistent = true;
            } else if (g_rand_boolean(crash.chance)) {
                crash_must("remove bitmap", !node->driver->co_remove_bitmap(node, name, &err), err);
                block_dirty_bitmap_free(b);
            }
            co_close_image(node, user);
            node = co_must_open(d, &user);
        }
        co_one(node, snapshots);
    }
    if (errors) {
        node = co_reopen(d, node, &user);
        errors = false;
        d->error_every = 0;
    }
    co_close_image(node, user);
    d->recording = false;
}

static const Held *held_by_name(const char *name)
{
    for (unsigned i = 0; i < held->len; i++) {
        if (!strcmp(g_array_index(held, Held, i).name, name)) {
            return &g_array_index(held, Held, i);
        }
    }
    return NULL;
}

static void co_check_snapshots(CrashDisk *d, BlockNode *node)
{
    g_autofree uint8_t *buf = g_malloc(CRASH_DISK_MAX);
    int count;
    g_autofree BlockSnapshot *list = node->driver->co_snapshot_list(node, &count, NULL);
    Error *err = NULL;

    for (int i = 0; i < count; i++) {
        const Held *h = held_by_name(list[i].name);
        uint32_t value;

        if (!h || !node->driver->co_snapshot_load_tmp(node, NULL, list[i].name, &err)) {
            crash_fail(d, "snapshot %s: %s", list[i].name, h ? error_text(err) : "never made");
        }
        if (node->length != h->length || co_node_pread(node, 0, buf, h->length)) {
            crash_fail(d, "snapshot %s has another length", list[i].name);
        }
        for (int64_t k = 0; k < h->length / CRASH_SECTOR; k++) {
            if (!crash_sector_value(buf + k * CRASH_SECTOR, &value) || value != h->values[k]) {
                crash_fail(d, "snapshot %s: sector %" PRId64 " is 0x%x, not 0x%x", list[i].name, k,
                     value, h->values[k]);
            }
        }
    }
}

static void co_create_image(CrashDisk *d)
{
    BlockNode *disk = co_crash_open_disk(d);
    g_autofree char *text = g_strdup_printf("driver=qcow2,file=disk,size=%d%s%s",
                                            CRASH_DISK_MAX / 4 * 3, *args[6] ? "," : "", args[6]);
    JSON_AUTO json = keyval_parse(text, NULL, NULL, NULL);
    g_autoptr(BlockdevCreateOptions) o = NULL;
    Error *err = NULL;

    o = qapi_parse_BlockdevCreateOptions(json, QAPI_KEYVAL, &err);
    crash_must("options", !o, err);
    crash_must("create", !co_block_create(o, &err), err);
    block_node_unref(disk);
}

static void co_main(void *opaque)
{
    bool v2 = strstr(args[6], "version=v2"), few = strstr(args[6], "refcount-bits=1");
    CrashDisk disk = {}, base = {};
    unsigned made;

    co_create_image(&disk);
    crash_disk_resize(&base, disk.length);
    memcpy(base.data, disk.data, disk.length);
    co_workload(&disk, atoi(args[3]), !v2, !few);
    made = co_crash_states(&base, atoi(args[4]), atoi(args[5]));
    g_print("seed %u: %u records, %u states\n", crash.seed, crash.records->len, made);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: %s DIR SEED OPS STATES QEMU-EVERY CREATE-OPTIONS\n", argv[0]);
        return 2;
    }
    args = argv;
    crash_init(argv[1], atoi(argv[2]));
    crash.co_check_more = co_check_snapshots;
    held = g_array_new(false, false, sizeof(Held));
    for (unsigned i = 0; i < MAX_SNAPSHOTS; i++) {
        current[i] = -1;
    }
    loop_main();
    co_run(co_main, NULL);
    return 0;
}
