/* qcow2 and power cuts: what a crash may leave of recorded writes is checked, state by state */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/snapshot.h"
#include "qapi/keyval.h"
#include "util/co-lock.h"
#include "util/iov.h"

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
    SECTOR = 512,
    DISK_MAX = 3 << 20,
    MAX_SECTORS = DISK_MAX / SECTOR,
    MAX_SNAPSHOTS = 3,
    ERROR_EVERY = 60,
};

/* The storage */

typedef enum RecordKind { WRITE, TRUNCATE, FLUSH } RecordKind;

typedef struct Record {
    RecordKind kind;
    uint64_t tick;
    int64_t offset, bytes;
    uint8_t *data;
} Record;

typedef struct Disk {
    uint8_t *data;
    int64_t length, room;
    bool recording;
    unsigned error_every;               /* one request of so many fails; 0: none */
    uint8_t *before;                    /* as it was before it was opened and repaired */
    int64_t before_length;
} Disk;

static GArray *records;             /* Record */
static uint64_t now;                /* a tick for each thing that happens */
static uint32_t seed;
static GRand *chance;
static char **args;

static void disk_resize(Disk *d, int64_t length)
{
    if (length > d->room) {
        int64_t room = MAX(length, d->room * 2);

        d->data = g_realloc(d->data, room);
        memset(d->data + d->room, 0, room - d->room);
        d->room = room;
    }
    if (length < d->length) {
        memset(d->data + length, 0, d->length - length);
    }
    d->length = length;
}

static void record(Disk *d, RecordKind kind, int64_t offset, int64_t bytes, const void *data)
{
    Record r = { kind, ++now, offset, bytes, data ? g_memdup2(data, bytes) : NULL };

    if (d->recording) {
        g_array_append_val(records, r);
    } else {
        g_free(r.data);
    }
}

static Disk *disk_of(BlockNode *node)
{
    return *(Disk **)node->state;
}

static bool fails(const Disk *d)
{
    return d->error_every && !g_random_int_range(0, d->error_every);
}

static int disk_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov)
{
    iov_from_buf(iov, niov, 0, disk_of(node)->data + offset, bytes);
    return fails(disk_of(node)) ? -EIO : 0;
}

static int disk_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                           const struct iovec *iov, unsigned niov, unsigned flags)
{
    Disk *d = disk_of(node);

    if (d->recording && !g_random_int_range(0, 4)) {
        co_sleep(CLOCK_TYPE_REALTIME, 1000);        /* others overtake it */
    }
    disk_resize(d, MAX(d->length, offset + bytes));
    iov_to_buf(iov, niov, 0, d->data + offset, bytes);
    record(d, WRITE, offset, bytes, d->data + offset);
    return fails(d) ? -ENOSPC : 0;      /* it may have been written all the same */
}

static int disk_co_flush(BlockNode *node)
{
    if (fails(disk_of(node))) {
        return -EIO;
    }
    record(disk_of(node), FLUSH, 0, 0, NULL);
    return 0;
}

static bool disk_co_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                             unsigned flags, Error **errp)
{
    disk_resize(disk_of(node), length);
    record(disk_of(node), TRUNCATE, length, 0, NULL);
    block_node_set_length(node, length);
    return true;
}

static const BlockDriver disk_driver = {
    .name = "null-co", .is_protocol = true, .grows = true, .co_preadv = disk_co_preadv,
    .co_pwritev = disk_co_pwritev, .co_flush = disk_co_flush, .co_truncate = disk_co_truncate,
};

/* A node of it; they are made by name only, so null-co's stands in. */
static BlockNode *co_open_disk(Disk *d)
{
    BlockdevOptions o = { .driver = BLOCKDEV_DRIVER_NULL_CO, .node_name = (char *)"disk" };
    BlockNode *node = co_block_open(&o, NULL);

    g_free(node->state);
    node->state = g_new(Disk *, 1);
    *(Disk **)node->state = d;
    node->driver = &disk_driver;
    node->length = d->length;
    node->limits = (BlockLimits){};
    return node;
}

static BlockNode *co_open_image(Disk *d, bool read_only, unsigned flags, Error **errp)
{
    BlockNode *disk = co_open_disk(d), *node;
    BlockdevRef file = { .type = BLOCKDEV_REF_REFERENCE, .u.reference = (char *)"disk" };
    BlockdevOptions o = { .driver = BLOCKDEV_DRIVER_QCOW2, .has_read_only = true,
                          .read_only = read_only, .has_discard = true,
                          .discard = BLOCKDEV_DISCARD_OPTIONS_UNMAP };

    o.u.qcow2.file = &file;
    o.u.qcow2.has_l2_cache_size = o.u.qcow2.has_l2_cache_entry_size = seed & 1;
    o.u.qcow2.l2_cache_size = 4096;
    o.u.qcow2.l2_cache_entry_size = 512;
    node = co_block_open_flags(&o, flags, errp);
    block_node_unref(disk);
    return node;
}

/* What the guest did */

/* A value that a sector got; the first four bytes of it, and its low byte fills the rest. */
typedef struct Value {
    uint32_t value;
    uint64_t issued, done;
} Value;

typedef struct GuestFlush {
    uint64_t issued, done;
} GuestFlush;

typedef struct Held {
    char name[32];
    int64_t length;
    uint32_t *values;
} Held;

static GArray *history[MAX_SECTORS];        /* of Value */
static GArray *flushes;                     /* of GuestFlush */
static GArray *held;                        /* of Held: all snapshots that ever were */
static int current[MAX_SNAPSHOTS];          /* index in held, -1: none */
static uint32_t next_value = 1;

/* ok: it was told to be done; else it may be there or not. */
static void add_value(int64_t sector, uint32_t value, uint64_t issued, bool ok)
{
    Value v = { value, issued, ok ? ++now : UINT64_MAX };

    g_array_append_val(history[sector], v);
}

static uint32_t last_value(int64_t sector)
{
    return g_array_index(history[sector], Value, history[sector]->len - 1).value;
}

static void fill_sector(uint8_t *p, uint32_t value)
{
    memset(p, value & 0xff, SECTOR);
    memcpy(p, &value, sizeof(value));
}

/* The value of a sector as read; false: it is none that was ever written. */
static bool sector_value(const uint8_t *p, uint32_t *value)
{
    memcpy(value, p, sizeof(*value));
    for (unsigned i = sizeof(*value); i < SECTOR; i++) {
        if (p[i] != (*value & 0xff)) {
            return false;
        }
    }
    return true;
}

static void must(const char *what, int ret, Error *err)
{
    if (ret) {
        g_error("seed %u: %s: %s", seed, what, err ? error_text(err) : g_strerror(-ret));
    }
}

static Disk *live;              /* what is recorded */
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
    must(what, ret, err);
    return true;
}

static void co_guest_flush(BlockNode *node)
{
    GuestFlush f = { .issued = ++now };

    node->written++;
    if (!expect("flush", co_node_flush(node), NULL)) {
        return;
    }
    f.done = ++now;
    g_array_append_val(flushes, f);
}

static void co_write(BlockNode *node, int64_t sector, int64_t n, bool compressed)
{
    g_autofree uint8_t *buf = g_malloc(n * SECTOR);
    uint64_t issued = ++now;
    uint32_t first = next_value;
    struct iovec iov = { buf, n * SECTOR };
    bool ok;

    next_value += n;
    for (int64_t i = 0; i < n; i++) {
        fill_sector(buf + i * SECTOR, first + i);
    }
    ok = expect("write", compressed
                             ? node->driver->co_pwritev_compressed(node, sector * SECTOR,
                                                                   n * SECTOR, &iov, 1)
                             : co_node_pwrite(node, sector * SECTOR, buf, n * SECTOR), NULL);
    for (int64_t i = 0; i < n; i++) {
        add_value(sector + i, first + i, issued, ok);
    }
}

static void co_zero(BlockNode *node, int64_t sector, int64_t n, bool unmap)
{
    uint64_t issued = ++now;
    bool ok = expect("zero", co_node_pwrite_zeroes(node, sector * SECTOR, n * SECTOR,
                                                   unmap ? BLOCK_REQ_MAY_UNMAP : 0), NULL);

    for (int64_t i = 0; i < n; i++) {
        add_value(sector + i, 0, issued, ok);
    }
}

/* A discard need do nothing: what it did is read back. */
static void co_discard(BlockNode *node, int64_t sector, int64_t n)
{
    g_autofree uint8_t *buf = g_malloc(n * SECTOR);
    uint64_t issued = ++now;
    uint32_t value;

    if (!expect("discard", co_node_pdiscard(node, sector * SECTOR, n * SECTOR), NULL) ||
        !expect("read", co_node_pread(node, sector * SECTOR, buf, n * SECTOR), NULL)) {
        for (int64_t i = 0; i < n; i++) {
            add_value(sector + i, 0, issued, false);
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        g_assert_true(sector_value(buf + i * SECTOR, &value));
        add_value(sector + i, value, issued, true);
    }
}

static void all_values(const Held *h, uint64_t issued, bool ok)
{
    for (int64_t i = 0; i < h->length / SECTOR; i++) {
        add_value(i, h->values[i], issued, ok);
    }
}

/* What the image has now, where failures have left that open. */
static void co_read_back(BlockNode *node)
{
    g_autofree uint8_t *buf = g_malloc(node->length);
    uint32_t value;

    must("read", co_node_pread(node, 0, buf, node->length), NULL);
    for (int64_t i = 0; i < node->length / SECTOR; i++) {
        g_assert_true(sector_value(buf + i * SECTOR, &value));
        add_value(i, value, 0, true);
    }
}

static void co_snapshot(BlockNode *node)
{
    unsigned n = g_rand_int_range(chance, 0, MAX_SNAPSHOTS);
    uint64_t issued = ++now;
    Error *err = NULL;

    if (current[n] < 0) {
        BlockSnapshot snapshot = { .icount = UINT64_MAX };
        Held h = { .length = node->length, .values = g_new(uint32_t, MAX_SECTORS) };

        if (failed) {
            unsigned every = live->error_every;

            live->error_every = 0;
            co_read_back(node);
            live->error_every = every;
        }
        for (int64_t i = 0; i < node->length / SECTOR; i++) {
            h.values[i] = last_value(i);
        }
        g_snprintf(h.name, sizeof(h.name), "s%u", held->len);
        g_strlcpy(snapshot.name, h.name, sizeof(snapshot.name));
        g_array_append_val(held, h);
        if (expect("snapshot", !node->driver->co_snapshot_create(node, &snapshot, &err), err)) {
            current[n] = held->len - 1;
        }
    } else if (g_rand_boolean(chance)) {
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
    int64_t length = g_rand_int_range(chance, DISK_MAX / 2 / SECTOR, MAX_SECTORS) * SECTOR;
    int64_t old = node->length;
    uint64_t issued = ++now;
    Error *err = NULL;
    bool ok;

    ok = expect("resize", !co_node_truncate(node, length, false, PREALLOC_MODE_OFF, 0, &err),
                err);
    for (int64_t i = MIN(old, length) / SECTOR; i < MAX(old, length) / SECTOR; i++) {
        add_value(i, 0, issued, ok);
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
        int64_t at = (sector + i * 9) % (node->length / SECTOR - 9);

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
    per = info.cluster_size / SECTOR;
    sector = sector / per * per;
    if (sector + per <= node->length / SECTOR) {
        co_write(node, sector, per, true);
    }
}

static void co_one(BlockNode *node, bool snapshots)
{
    int64_t end = node->length / SECTOR, sector = g_rand_int_range(chance, 0, end);
    int64_t n = g_rand_int_range(chance, 1, g_rand_boolean(chance) ? 10 : 300);
    unsigned what = g_rand_int_range(chance, 0, 100);

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

static BlockNode *co_must_open(Disk *d, BlockChild **user)
{
    Error *err = NULL;
    BlockNode *node = co_open_image(d, false, 0, &err);

    must("open", !node, err);
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
    GuestFlush f = { .issued = ++now };

    block_child_free(user);
    block_node_unref(node);
    f.done = ++now;
    if (!errors) {
        g_array_append_val(flushes, f);
    }
}

/* After a failure: what is told done may still be lost unless it was flushed. */
static BlockNode *co_reopen(Disk *d, BlockNode *node, BlockChild **user)
{
    errors = false;
    co_close_quietly(node, *user);
    d->error_every = 0;
    node = co_must_open(d, user);
    co_read_back(node);
    co_find_snapshots(node);
    failed = false;
    errors = true;
    d->error_every = ERROR_EVERY;
    return node;
}

static void co_workload(Disk *d, unsigned ops, bool bitmaps, bool snapshots)
{
    BlockChild *user;
    BlockNode *node = co_must_open(d, &user);
    Error *err = NULL;

    live = d;
    d->recording = true;
    errors = g_getenv("CRASH_ERRORS");
    d->error_every = errors ? ERROR_EVERY : 0;
    for (unsigned i = 0; i < ops; i++) {
        if (failed && g_rand_boolean(chance)) {
            node = co_reopen(d, node, &user);
        }
        if (bitmaps && !errors && g_rand_int_range(chance, 0, 25) == 0) {
            g_autofree char *name = g_strdup_printf("b%u", g_rand_int_range(chance, 0, 3));
            BlockDirtyBitmap *b = block_dirty_bitmap_find(node, name);

            if (!b) {
                b = block_dirty_bitmap_new(node, name, 4096, &err);
                must("bitmap", !b, err);
                b->persistent = true;
            } else if (g_rand_boolean(chance)) {
                must("remove bitmap", !node->driver->co_remove_bitmap(node, name, &err), err);
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

/* What a crash may leave */

static void apply(Disk *d, const Record *r)
{
    if (r->kind == WRITE) {
        disk_resize(d, MAX(d->length, r->offset + r->bytes));
        memcpy(d->data + r->offset, r->data, r->bytes);
    } else if (r->kind == TRUNCATE) {
        disk_resize(d, r->offset);
    }
}

/* Some sectors of it. */
static void apply_torn(Disk *d, const Record *r)
{
    for (int64_t at = 0, n; at < r->bytes; at += n) {
        n = MIN(SECTOR - (r->offset + at) % SECTOR, r->bytes - at);
        if (g_rand_boolean(chance)) {
            disk_resize(d, MAX(d->length, r->offset + at + n));
            memcpy(d->data + r->offset + at, r->data + at, n);
        }
    }
}

/* The state when power goes before record n; base holds all up to the flush before it. */
static Disk *crash_state(const Disk *base, unsigned from, unsigned n)
{
    Disk *d = g_new0(Disk, 1);
    unsigned mode = g_rand_int_range(chance, 0, 5), victim = g_rand_int_range(chance, from, n + 1);

    disk_resize(d, base->length);
    memcpy(d->data, base->data, base->length);
    for (unsigned i = from; i < n; i++) {
        const Record *r = &g_array_index(records, Record, i);

        if (mode == 0 || (mode == 1 && i != victim) || (mode == 2 && i == victim)) {
            apply(d, r);                /* all, all but one, just one */
        } else if (mode == 3 && g_rand_boolean(chance)) {
            apply(d, r);                /* any */
        } else if (mode == 4 && g_rand_int_range(chance, 0, 3)) {
            if (r->kind == WRITE && g_rand_boolean(chance)) {
                apply_torn(d, r);
            } else {
                apply(d, r);
            }
        }
    }
    return d;
}

static void disk_free(Disk *d)
{
    g_free(d->data);
    g_free(d->before);
    g_free(d);
}

static const char *keep;            /* where a state that fails is left */

static void NORETURN PRINTF_FORMAT(2, 3) fail(const Disk *d, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_file_set_contents(keep, (char *)(d->before ? d->before : d->data),
                        d->before ? d->before_length : d->length, NULL);
    g_printerr("seed %u: %s; the state is in %s\n", seed, text, keep);
    exit(1);
}

static bool allowed(int64_t sector, uint32_t value, uint64_t flush, uint64_t crash)
{
    const GArray *h = history[sector];

    for (unsigned i = h->len; i-- > 0;) {
        const Value *v = &g_array_index(h, Value, i);

        if (v->issued < crash && v->value == value) {
            return true;
        }
        if (v->done < flush) {
            return false;               /* this one was stable */
        }
    }
    return false;
}

static void co_check_data(Disk *d, BlockNode *node, uint64_t flush, uint64_t crash)
{
    g_autofree uint8_t *buf = g_malloc(node->length);
    uint32_t value;
    int ret = co_node_pread(node, 0, buf, node->length);

    if (ret) {
        fail(d, "read: %s", g_strerror(-ret));
    }
    for (int64_t i = 0; i < node->length / SECTOR; i++) {
        if (!sector_value(buf + i * SECTOR, &value) || !allowed(i, value, flush, crash)) {
            fail(d, "sector %" PRId64 " is 0x%x at tick %" PRIu64 ", flush %" PRIu64, i, value,
                 crash, flush);
        }
    }
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

static void co_check_snapshots(Disk *d, BlockNode *node)
{
    g_autofree uint8_t *buf = g_malloc(DISK_MAX);
    int count;
    g_autofree BlockSnapshot *list = node->driver->co_snapshot_list(node, &count, NULL);
    Error *err = NULL;

    for (int i = 0; i < count; i++) {
        const Held *h = held_by_name(list[i].name);
        uint32_t value;

        if (!h || !node->driver->co_snapshot_load_tmp(node, NULL, list[i].name, &err)) {
            fail(d, "snapshot %s: %s", list[i].name, h ? error_text(err) : "never made");
        }
        if (node->length != h->length || co_node_pread(node, 0, buf, h->length)) {
            fail(d, "snapshot %s has another length", list[i].name);
        }
        for (int64_t k = 0; k < h->length / SECTOR; k++) {
            if (!sector_value(buf + k * SECTOR, &value) || value != h->values[k]) {
                fail(d, "snapshot %s: sector %" PRId64 " is 0x%x, not 0x%x", list[i].name, k,
                     value, h->values[k]);
            }
        }
    }
}

static void qemu_check(Disk *d)
{
    const char *argv[] = { "qemu-img", "check", "-q", "-f", "qcow2", keep, NULL };
    g_autofree char *out = NULL, *err = NULL;
    int status;

    g_assert_true(g_file_set_contents_full(keep, (char *)d->data, d->length,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                               NULL, &out, &err, &status, NULL));
    status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (status != 0 && status != 3) {       /* 3: leaks */
        fail(d, "qemu-img check: %d\n%s%s", status, out, err);
    }
}

static bool is_dirty(const Disk *d)
{
    return d->data[7] >= 3 && d->data[79] & 1;
}

static void co_check_state(Disk *d, uint64_t crash, bool qemu)
{
    uint64_t flush = 0;
    BlockCheckResult r = {};
    Error *err = NULL;
    BlockNode *node;
    BlockChild *user;
    bool dirty = is_dirty(d);
    int ret;

    for (unsigned i = 0; i < flushes->len; i++) {
        const GuestFlush *f = &g_array_index(flushes, GuestFlush, i);

        flush = f->done < crash ? f->issued : flush;
    }
    if (qemu && !dirty) {
        qemu_check(d);
    }
    if (dirty) {
        memcpy(d->before = g_realloc(d->before, d->length), d->data, d->length);
        d->before_length = d->length;
    }
    /* With the dirty bit refcounts may be wrong: opening it for writing repairs them. */
    node = co_open_image(d, !dirty, 0, &err);
    if (!node) {
        fail(d, "open: %s", error_text(err));
    }
    user = block_child_new(node, "check", BLOCK_PERM_CONSISTENT_READ, BLOCK_PERM_ALL, NULL);
    ret = node->driver->co_check(node, &r, 0);
    if (ret || r.corruptions || r.check_errors) {
        fail(d, "check: %d, %" PRId64 " corruptions", ret, r.corruptions);
    }
    co_check_data(d, node, flush, crash);
    if (!dirty) {
        co_check_snapshots(d, node);
    }
    block_child_free(user);
    block_node_unref(node);
}

static void co_create_image(Disk *d)
{
    BlockNode *disk = co_open_disk(d);
    g_autofree char *text = g_strdup_printf("driver=qcow2,file=disk,size=%d%s%s",
                                            DISK_MAX / 4 * 3, *args[6] ? "," : "", args[6]);
    JSON_AUTO json = keyval_parse(text, NULL, NULL, NULL);
    g_autoptr(BlockdevCreateOptions) o = NULL;
    Error *err = NULL;

    o = qapi_parse_BlockdevCreateOptions(json, QAPI_KEYVAL, &err);
    must("options", !o, err);
    must("create", !co_block_create(o, &err), err);
    block_node_unref(disk);
}

static void co_main(void *opaque)
{
    bool v2 = strstr(args[6], "version=v2"), few = strstr(args[6], "refcount-bits=1");
    unsigned states = atoi(args[4]), every = atoi(args[5]), made = 0, from = 0;
    Disk live = {}, base = {};

    co_create_image(&live);
    disk_resize(&base, live.length);
    memcpy(base.data, live.data, live.length);
    co_workload(&live, atoi(args[3]), !v2, !few);
    for (unsigned n = 0; n <= records->len && made < states; n++) {
        const Record *r = n < records->len ? &g_array_index(records, Record, n) : NULL;
        unsigned left = records->len + 1 - n;
        unsigned here = (states - made + left - 1 - g_rand_int_range(chance, 0, left)) / left;

        for (unsigned i = 0; i < here; i++, made++) {
            Disk *d = crash_state(&base, from, n);

            co_check_state(d, r ? r->tick : now + 1, every && made % every == 0);
            disk_free(d);
        }
        if (r && r->kind == FLUSH) {
            for (; from < n; from++) {
                apply(&base, &g_array_index(records, Record, from));
            }
        }
    }
    g_print("seed %u: %u records, %u states\n", seed, records->len, made);
}

int main(int argc, char **argv)
{
    g_autofree char *path = NULL;

    if (argc != 7) {
        fprintf(stderr, "usage: %s DIR SEED OPS STATES QEMU-EVERY CREATE-OPTIONS\n", argv[0]);
        return 2;
    }
    args = argv;
    keep = path = g_strdup_printf("%s/state.qcow2", argv[1]);
    seed = atoi(argv[2]);
    chance = g_rand_new_with_seed(seed);
    g_random_set_seed(seed);
    records = g_array_new(false, false, sizeof(Record));
    flushes = g_array_new(false, false, sizeof(GuestFlush));
    held = g_array_new(false, false, sizeof(Held));
    for (unsigned i = 0; i < MAX_SECTORS; i++) {
        history[i] = g_array_new(false, false, sizeof(Value));
        add_value(i, 0, 0, true);
    }
    for (unsigned i = 0; i < MAX_SNAPSHOTS; i++) {
        current[i] = -1;
    }
    loop_main();
    co_run(co_main, NULL);
    return 0;
}
