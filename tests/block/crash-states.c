/* Power cuts: a disk that records what reaches it, and all that a crash may leave of that */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/block/crash-states.h"
#include "util/co-lock.h"
#include "util/iov.h"

CrashRun crash;

/* The storage */

void crash_disk_resize(CrashDisk *d, int64_t length)
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

static void add_record(CrashDisk *d, CrashRecordKind kind, int64_t offset, int64_t bytes,
                       const void *data)
{
    CrashRecord r = { kind, ++crash.now, offset, bytes, data ? g_memdup2(data, bytes) : NULL };

    if (d->recording) {
        g_array_append_val(crash.records, r);
    } else {
        g_free(r.data);
    }
}

static CrashDisk *disk_of(BlockNode *node)
{
    return *(CrashDisk **)node->state;
}

static bool fails(const CrashDisk *d)
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
    CrashDisk *d = disk_of(node);

    if (d->limit && offset + bytes > d->limit) {
        return -ENOSPC;
    }
    if (d->recording && !g_random_int_range(0, 4)) {
        co_sleep(CLOCK_TYPE_REALTIME, 1000);        /* others overtake it */
    }
    crash_disk_resize(d, MAX(d->length, offset + bytes));
    iov_to_buf(iov, niov, 0, d->data + offset, bytes);
    add_record(d, CRASH_WRITE, offset, bytes, d->data + offset);
    return fails(d) ? -ENOSPC : 0;      /* it may have been written all the same */
}

static int disk_co_flush(BlockNode *node)
{
    if (fails(disk_of(node))) {
        return -EIO;
    }
    add_record(disk_of(node), CRASH_FLUSH, 0, 0, NULL);
    return 0;
}

static bool disk_co_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                             unsigned flags, Error **errp)
{
    if (disk_of(node)->limit && length > disk_of(node)->limit) {
        error_set(errp, "no space");
        return false;
    }
    crash_disk_resize(disk_of(node), length);
    add_record(disk_of(node), CRASH_TRUNCATE, length, 0, NULL);
    block_node_set_length(node, length);
    return true;
}

static int64_t disk_length_now(BlockNode *node)
{
    return disk_of(node)->length;
}

static const BlockDriver disk_driver = {
    .name = "null-co", .is_protocol = true, .grows = true, .co_preadv = disk_co_preadv,
    .co_pwritev = disk_co_pwritev, .co_flush = disk_co_flush, .co_truncate = disk_co_truncate,
    .length_now = disk_length_now,
};

/* A node of it; they are made by name only, so null-co's stands in. */
BlockNode *co_crash_open_disk(CrashDisk *d)
{
    BlockdevOptions o = { .driver = BLOCKDEV_DRIVER_NULL_CO, .node_name = (char *)"disk" };
    BlockNode *node = co_block_open(&o, NULL);

    g_free(node->state);
    node->state = g_new(CrashDisk *, 1);
    *(CrashDisk **)node->state = d;
    node->driver = &disk_driver;
    node->length = d->length;
    node->limits = (BlockLimits){};
    return node;
}

BlockNode *co_crash_open_image(CrashDisk *d, bool read_only, unsigned flags, Error **errp)
{
    BlockNode *disk = co_crash_open_disk(d), *node;
    BlockdevRef file = { .type = BLOCKDEV_REF_REFERENCE, .u.reference = (char *)"disk" };
    BlockdevOptions o = { .driver = BLOCKDEV_DRIVER_QCOW2, .has_read_only = true,
                          .read_only = read_only, .has_discard = true,
                          .discard = BLOCKDEV_DISCARD_OPTIONS_UNMAP };

    o.u.qcow2.file = &file;
    o.u.qcow2.has_l2_cache_size = o.u.qcow2.has_l2_cache_entry_size = crash.small_cache;
    o.u.qcow2.l2_cache_size = 4096;
    o.u.qcow2.l2_cache_entry_size = 512;
    node = co_block_open_flags(&o, flags, errp);
    block_node_unref(disk);
    return node;
}

/* What the guest did */

void crash_add_value(int64_t sector, uint32_t value, uint64_t issued, bool ok)
{
    CrashValue v = { value, issued, ok ? ++crash.now : UINT64_MAX };

    g_array_append_val(crash.history[sector], v);
}

bool crash_sector_value(const uint8_t *p, uint32_t *value)
{
    memcpy(value, p, sizeof(*value));
    for (unsigned i = sizeof(*value); i < CRASH_SECTOR; i++) {
        if (p[i] != (*value & 0xff)) {
            return false;
        }
    }
    return true;
}

void crash_must(const char *what, int ret, Error *err)
{
    if (ret) {
        g_error("seed %u: %s: %s", crash.seed, what, err ? error_text(err) : g_strerror(-ret));
    }
}
/* What a crash may leave */

static void apply(CrashDisk *d, const CrashRecord *r)
{
    if (r->kind == CRASH_WRITE) {
        crash_disk_resize(d, MAX(d->length, r->offset + r->bytes));
        memcpy(d->data + r->offset, r->data, r->bytes);
    } else if (r->kind == CRASH_TRUNCATE) {
        crash_disk_resize(d, r->offset);
    }
}

/* Some sectors of it. */
static void apply_torn(CrashDisk *d, const CrashRecord *r)
{
    for (int64_t at = 0, n; at < r->bytes; at += n) {
        n = MIN(CRASH_SECTOR - (r->offset + at) % CRASH_SECTOR, r->bytes - at);
        if (g_rand_boolean(crash.chance)) {
            crash_disk_resize(d, MAX(d->length, r->offset + at + n));
            memcpy(d->data + r->offset + at, r->data + at, n);
        }
    }
}

/* The state when power goes before record n; base holds all up to the flush before it. */
static CrashDisk *crash_state(const CrashDisk *base, unsigned from, unsigned n)
{
    CrashDisk *d = g_new0(CrashDisk, 1);
    unsigned mode = g_rand_int_range(crash.chance, 0, 5);
    unsigned victim = g_rand_int_range(crash.chance, from, n + 1);

    crash_disk_resize(d, base->length);
    memcpy(d->data, base->data, base->length);
    for (unsigned i = from; i < n; i++) {
        const CrashRecord *r = &g_array_index(crash.records, CrashRecord, i);

        if (mode == 0 || (mode == 1 && i != victim) || (mode == 2 && i == victim)) {
            apply(d, r);                /* all, all but one, just one */
        } else if (mode == 3 && g_rand_boolean(crash.chance)) {
            apply(d, r);                /* any */
        } else if (mode == 4 && g_rand_int_range(crash.chance, 0, 3)) {
            if (r->kind == CRASH_WRITE && g_rand_boolean(crash.chance)) {
                apply_torn(d, r);
            } else {
                apply(d, r);
            }
        }
    }
    return d;
}

static void disk_free(CrashDisk *d)
{
    g_free(d->data);
    g_free(d->before);
    g_free(d);
}

void crash_fail(const CrashDisk *d, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_file_set_contents(crash.keep, (char *)(d->before ? d->before : d->data),
                        d->before ? d->before_length : d->length, NULL);
    g_printerr("seed %u: %s; the state is in %s\n", crash.seed, text, crash.keep);
    exit(1);
}

/* A flush was issued at the tick flush, the power went at cut. */
static bool allowed(int64_t sector, uint32_t value, uint64_t flush, uint64_t cut)
{
    const GArray *h = crash.history[sector];

    for (unsigned i = h->len; i-- > 0;) {
        const CrashValue *v = &g_array_index(h, CrashValue, i);

        if (v->issued < cut && v->value == value) {
            return true;
        }
        if (v->issued < cut && v->done >= flush && crash.foreign) {
            crash.strange++;
            return true;
        }
        if (v->done < flush) {
            return false;               /* this one was stable */
        }
    }
    return false;
}

static void co_check_data(CrashDisk *d, BlockNode *node, uint64_t flush, uint64_t cut)
{
    g_autofree uint8_t *buf = g_malloc(node->length);
    uint32_t value;
    int ret = co_node_pread(node, 0, buf, node->length);

    if (ret) {
        crash_fail(d, "read: %s", g_strerror(-ret));
    }
    for (int64_t i = 0; i < node->length / CRASH_SECTOR; i++) {
        bool whole = crash_sector_value(buf + i * CRASH_SECTOR, &value);

        if (!(whole || crash.foreign) || !allowed(i, value, flush, cut)) {
            crash_fail(d, "sector %" PRId64 " is 0x%x at tick %" PRIu64 ", flush %" PRIu64, i,
                       value, cut, flush);
        }
    }
}

static void qemu_check(CrashDisk *d)
{
    const char *argv[] = { "qemu-img", "check", "-q", "-f", "qcow2", crash.keep, NULL };
    g_autofree char *out = NULL, *err = NULL;
    int status;

    g_assert_true(g_file_set_contents_full(crash.keep, (char *)d->data, d->length,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                               NULL, &out, &err, &status, NULL));
    status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (status != 0 && status != 3) {       /* 3: leaks */
        crash_fail(d, "qemu-img check: %d\n%s%s", status, out, err);
    }
}

static bool is_dirty(const CrashDisk *d)
{
    return d->data[7] >= 3 && d->data[79] & 1;
}

static void co_check_state(CrashDisk *d, uint64_t cut, bool qemu)
{
    uint64_t flush = 0;
    BlockCheckResult r = {};
    Error *err = NULL;
    BlockNode *node;
    BlockChild *user;
    bool dirty = is_dirty(d);
    int ret;

    for (unsigned i = 0; i < crash.flushes->len; i++) {
        const CrashFlush *f = &g_array_index(crash.flushes, CrashFlush, i);

        flush = f->done < cut ? f->issued : flush;
    }
    if (qemu && !dirty) {
        qemu_check(d);
    }
    if (dirty) {
        memcpy(d->before = g_realloc(d->before, d->length), d->data, d->length);
        d->before_length = d->length;
    }
    /* With the dirty bit refcounts may be wrong: opening it for writing repairs them. */
    node = co_crash_open_image(d, !dirty, 0, &err);
    if (!node) {
        crash_fail(d, "open: %s", error_text(err));
    }
    user = block_child_new(node, "check", BLOCK_PERM_CONSISTENT_READ, BLOCK_PERM_ALL, NULL);
    ret = node->driver->co_check(node, &r, 0);
    if (ret || r.corruptions || r.check_errors) {
        crash_fail(d, "check: %d, %" PRId64 " corruptions", ret, r.corruptions);
    }
    co_check_data(d, node, flush, cut);
    if (!dirty && crash.co_check_more) {
        crash.co_check_more(d, node);
    }
    block_child_free(user);
    block_node_unref(node);
}

unsigned co_crash_states(CrashDisk *base, unsigned states, unsigned qemu_every)
{
    unsigned made = 0, from = 0;

    for (unsigned n = 0; n <= crash.records->len && made < states; n++) {
        const CrashRecord *r = n < crash.records->len
                                   ? &g_array_index(crash.records, CrashRecord, n) : NULL;
        unsigned left = crash.records->len + 1 - n;
        unsigned here = (states - made + left - 1 - g_rand_int_range(crash.chance, 0, left)) /
                        left;

        for (unsigned i = 0; i < here; i++, made++) {
            CrashDisk *d = crash_state(base, from, n);

            co_check_state(d, r ? r->tick : crash.now + 1,
                           qemu_every && made % qemu_every == 0);
            disk_free(d);
        }
        if (r && r->kind == CRASH_FLUSH) {
            for (; from < n; from++) {
                apply(base, &g_array_index(crash.records, CrashRecord, from));
            }
        }
    }
    return made;
}

void crash_init(const char *dir, uint32_t seed)
{
    crash.keep = g_strdup_printf("%s/state.qcow2", dir);
    crash.seed = seed;
    crash.small_cache = seed & 1;
    crash.chance = g_rand_new_with_seed(seed);
    g_random_set_seed(seed);
    crash.records = g_array_new(false, false, sizeof(CrashRecord));
    crash.flushes = g_array_new(false, false, sizeof(CrashFlush));
    for (unsigned i = 0; i < CRASH_MAX_SECTORS; i++) {
        crash.history[i] = g_array_new(false, false, sizeof(CrashValue));
        crash_add_value(i, 0, 0, true);
    }
}
