/* Block layer: nodes, options, locks, alignment, the callback face, temporary overlays */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drain.h"
#include "block/driver.h"
#include "qapi/keyval.h"
#include "util/co-lock.h"
#include "util/loop.h"

static char *dir;

static char *new_image(const char *name, size_t size, int fill)
{
    char *path = g_strdup_printf("%s/%s", dir, name);
    g_autofree char *data = g_malloc(size + 1);

    memset(data, fill, size);
    g_assert_true(g_file_set_contents(path, data, size, NULL));
    return path;
}

static BlockNode *open_text(const char *text, Error **errp)
{
    JSON_AUTO json = keyval_parse(text, NULL, NULL, errp);

    return !json ? NULL
         : in_coroutine() ? co_block_open_json(json, QAPI_KEYVAL, errp)
                          : block_open_json(json, QAPI_KEYVAL, errp);
}

static BlockNode *must_open(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    Error *err = NULL;
    BlockNode *node;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    node = open_text(text, &err);
    if (!node) {
        g_error("%s: %s", text, error_text(err));
    }
    return node;
}

static void expect_refusal(const char *text, const char *message)
{
    Error *err = NULL;

    g_assert_null(open_text(text, &err));
    if (!strstr(error_text(err), message)) {
        g_error("%s: %s", text, error_text(err));
    }
    error_free(err);
}

/* A memory disk that takes only whole units of 4096 bytes, aligned in memory too. */
enum { STRICT_SIZE = 64 * 1024, STRICT_UNIT = 4096 };
static uint8_t strict_disk[STRICT_SIZE];
static unsigned strict_ops, strict_flushes;

static void strict_check(int64_t offset, int64_t bytes, const struct iovec *iov, unsigned niov)
{
    strict_ops++;
    g_assert_cmpint(offset % STRICT_UNIT, ==, 0);
    g_assert_cmpint(bytes % STRICT_UNIT, ==, 0);
    g_assert_cmpint(bytes, <=, 4 * STRICT_UNIT);
    g_assert_cmpuint(niov, <=, 2);
    for (unsigned i = 0; i < niov; i++) {
        g_assert_cmpuint((uintptr_t)iov[i].iov_base % STRICT_UNIT, ==, 0);
    }
}

static int strict_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                            const struct iovec *iov, unsigned niov)
{
    strict_check(offset, bytes, iov, niov);
    co_sleep(CLOCK_TYPE_REALTIME, 1000);
    for (unsigned i = 0; i < niov; i++) {
        memcpy(iov[i].iov_base, strict_disk + offset, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    return 0;
}

static int strict_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                             const struct iovec *iov, unsigned niov, unsigned flags)
{
    strict_check(offset, bytes, iov, niov);
    co_sleep(CLOCK_TYPE_REALTIME, 1000);
    for (unsigned i = 0; i < niov; i++) {
        memcpy(strict_disk + offset, iov[i].iov_base, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    return 0;
}

static int strict_co_flush(BlockNode *node)
{
    strict_flushes++;
    return 0;
}

static bool strict_co_open(BlockNode *node, const BlockdevOptions *o, Error **errp)
{
    node->length = STRICT_SIZE;
    node->limits = (BlockLimits){ STRICT_UNIT, STRICT_UNIT, 4 * STRICT_UNIT, 2 };
    return true;
}

/* It stands in for null-aio's name: nodes are made by name only. */
static const BlockDriver strict_driver = {
    .name = "strict", .co_open = strict_co_open, .is_protocol = true, .co_preadv = strict_co_preadv,
    .co_pwritev = strict_co_pwritev, .co_flush = strict_co_flush,
};

static BlockNode *new_strict(void)
{
    BlockNode *node = must_open("driver=null-co");

    g_free(node->state);
    node->state = NULL;
    node->driver = &strict_driver;
    strict_co_open(node, NULL, NULL);
    return node;
}

static void co_alignment(void *opaque)
{
    BlockNode *node = new_strict();
    uint8_t buf[3000], back[3000], expected[STRICT_SIZE];
    BlockChild *user = block_child_new(node, "test", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);

    for (unsigned i = 0; i < STRICT_SIZE; i++) {
        strict_disk[i] = expected[i] = i * 7 >> 3;
    }
    memset(buf, 0xee, sizeof(buf));
    g_assert_cmpint(co_node_pwrite(node, 3000, buf, 3000), ==, 0);
    memset(expected + 3000, 0xee, 3000);
    g_assert_true(!memcmp(strict_disk, expected, STRICT_SIZE));
    g_assert_cmpint(co_node_pread(node, 2999, back, 3000), ==, 0);
    g_assert_true(!memcmp(back, expected + 2999, 3000));
    g_assert_cmpint(co_node_pwrite(node, STRICT_SIZE - 10, buf, 10), ==, 0);
    memset(expected + STRICT_SIZE - 10, 0xee, 10);
    g_assert_true(!memcmp(strict_disk, expected, STRICT_SIZE));
    /* Zeroes are written out where the driver has no way of its own. */
    g_assert_cmpint(co_node_pwrite_zeroes(node, 100, 20000, 0), ==, 0);
    memset(expected + 100, 0, 20000);
    g_assert_true(!memcmp(strict_disk, expected, STRICT_SIZE));
    /* Bounds */
    g_assert_cmpint(co_node_pread(node, STRICT_SIZE - 1, back, 2), ==, -EIO);
    g_assert_cmpint(co_node_pread(node, -1, back, 1), ==, -EIO);
    g_assert_cmpint(co_node_pwrite(node, INT64_MAX, back, 2), ==, -EIO);
    g_assert_cmpint(co_node_pread(node, STRICT_SIZE, back, 0), ==, 0);
    /* FUA by flush; a flush without a write in between costs nothing. */
    strict_flushes = 0;
    g_assert_cmpint(co_node_pwritev(node, 0, 4, &(struct iovec){ buf, 4 }, 1, BLOCK_REQ_FUA),
                    ==, 0);
    g_assert_cmpuint(strict_flushes, ==, 1);
    g_assert_cmpint(co_node_flush(node), ==, 0);
    g_assert_cmpuint(strict_flushes, ==, 1);
    block_child_free(user);
    block_node_unref(node);
}

static void alignment(void)
{
    co_run(co_alignment, NULL);
}

/* Sixteen writers of 100 bytes, side by side within few units: none may undo another's. */
typedef struct Writer {
    BlockBackend *blk;
    uint8_t data[100];
    struct iovec iov;
    bool submitted;
} Writer;
static unsigned pending;

static void write_done(void *opaque, int ret)
{
    Writer *w = opaque;

    g_assert_true(w->submitted);        /* never before the call returned */
    g_assert_cmpint(ret, ==, 0);
    pending--;
}

static void wait_all(void)
{
    while (pending) {
        loop_wait(loop_main());
        loop_dispatch(loop_main());
    }
}

static void overlapping(void)
{
    BlockNode *node = new_strict();
    BlockBackend *blk = blk_new("d0", node, NULL);
    Writer w[16] = { };

    memset(strict_disk, 0, sizeof(strict_disk));
    g_assert_true(blk_attach(blk, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL, NULL, NULL));
    for (unsigned i = 0; i < 16; i++) {
        memset(w[i].data, i + 1, sizeof(w[i].data));
        w[i].iov = (struct iovec){ w[i].data, sizeof(w[i].data) };
        pending++;
        blk_aio_pwritev(blk, i * 100 + 3500, &w[i].iov, 1, 0, write_done, &w[i]);
        w[i].submitted = true;
    }
    wait_all();
    for (unsigned i = 0; i < 1600; i++) {
        g_assert_cmpint(strict_disk[3500 + i], ==, i / 100 + 1);
    }
    g_assert_cmpint(strict_disk[3499], ==, 0);
    g_assert_cmpint(strict_disk[5100], ==, 0);
    blk_detach(blk);
    blk_unref(blk);
    block_node_unref(node);
}

static int last_ret;

static void note_ret(void *opaque, int ret)
{
    last_ret = ret;
    pending--;
}

static void callback_face(void)
{
    BlockNode *node = must_open("driver=null-co,size=1M,read-zeroes=on,node-name=n0");
    BlockBackend *blk = blk_new("d0", NULL, NULL);
    uint8_t buf[512];
    struct iovec iov = { buf, sizeof(buf) };

    last_ret = 1;
    pending = 1;
    blk_aio_preadv(blk, 0, &iov, 1, note_ret, NULL);
    g_assert_cmpint(last_ret, ==, 1);       /* even where the answer is known at once */
    wait_all();
    g_assert_cmpint(last_ret, ==, -ENOMEDIUM);
    g_assert_cmpint(blk_length(blk), ==, 0);

    g_assert_true(blk_insert_medium(blk, node, NULL));
    g_assert_false(blk_insert_medium(blk, node, NULL));
    g_assert_cmpint(blk_length(blk), ==, 1 << 20);
    memset(buf, 1, sizeof(buf));
    pending = 2;
    blk_aio_preadv(blk, 512, &iov, 1, note_ret, NULL);
    blk_aio_flush(blk, note_ret, NULL);
    g_assert_cmpuint(blk_in_flight(blk), ==, 2);
    blk_remove_medium(blk);                 /* requests under way still end well */
    wait_all();
    g_assert_cmpint(last_ret, ==, 0);
    g_assert_cmpint(buf[0], ==, 0);
    g_assert_cmpuint(blk_in_flight(blk), ==, 0);
    blk_unref(blk);
    block_node_unref(node);
}

/* A disk whose requests fail as often as told. */
static unsigned failures, stops;

static int failing_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                              const struct iovec *iov, unsigned niov, unsigned flags)
{
    return failures && failures-- ? -ENOSPC : 0;
}

static const BlockDriver failing_driver = {
    .name = "failing", .is_protocol = true, .co_pwritev = failing_co_pwritev,
};

static void note_stop(void)
{
    stops++;
}

static void nothing(void *opaque)
{
}

static void turn(unsigned times)
{
    for (; times; times--) {
        loop_post(loop_main(), nothing, NULL);
        loop_wait(loop_main());
        loop_dispatch(loop_main());
    }
}

static void write_failing(BlockBackend *blk, uint8_t *buf)
{
    struct iovec iov = { buf, 512 };

    last_ret = 1;
    pending = 1;
    blk_aio_pwritev(blk, 0, &iov, 1, 0, note_ret, NULL);
}

static void error_policy(void)
{
    BlockNode *node = must_open("driver=null-co");
    BlockBackend *blk = blk_new("d0", node, NULL);
    uint8_t buf[512];

    node->driver = &failing_driver;
    g_assert_true(blk_attach(blk, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL, NULL, NULL));
    failures = 1;
    blk_set_on_error(blk, BLK_ERROR_AUTO, BLK_ERROR_IGNORE);
    write_failing(blk, buf);
    wait_all();
    g_assert_cmpint(last_ret, ==, 0);
    /* Without someone who stops the guest, it is told. */
    failures = 1;
    blk_set_on_error(blk, BLK_ERROR_AUTO, BLK_ERROR_ENOSPC);
    write_failing(blk, buf);
    wait_all();
    g_assert_cmpint(last_ret, ==, -ENOSPC);
    blk_set_stop_hook(note_stop);
    failures = 2;
    write_failing(blk, buf);
    turn(5);
    g_assert_cmpuint(stops, ==, 1);
    g_assert_cmpint(last_ret, ==, 1);       /* the device waits */
    blk_retry_all();
    turn(5);
    g_assert_cmpuint(stops, ==, 2);
    blk_retry_all();
    wait_all();
    g_assert_cmpint(last_ret, ==, 0);
    failures = 1;
    write_failing(blk, buf);
    turn(5);
    blk_cancel_parked(blk);
    wait_all();
    g_assert_cmpint(last_ret, ==, -ECANCELED);
    blk_set_stop_hook(NULL);
    blk_detach(blk);
    blk_unref(blk);
    block_node_unref(node);
}

static void co_hold(void *opaque)
{
    co_drain_begin(opaque);
}

/* Requests of a device wait for the end of a drained section. */
static void held(void)
{
    BlockNode *node = must_open("driver=null-co");
    BlockBackend *blk = blk_new("d0", node, NULL);
    uint8_t buf[512];

    g_assert_true(blk_attach(blk, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL, NULL, NULL));
    co_run(co_hold, node);
    write_failing(blk, buf);
    turn(5);
    g_assert_cmpint(last_ret, ==, 1);
    block_drain_end(node);
    wait_all();
    g_assert_cmpint(last_ret, ==, 0);
    blk_detach(blk);
    blk_unref(blk);
    block_node_unref(node);
}

static void co_file(void *opaque)
{
    g_autofree char *path = new_image("a.raw", 1000, 0x5a);
    BlockNode *node = must_open("driver=raw,discard=unmap,file.driver=file,file.filename=%s", path);
    BlockChild *user = block_child_new(node, "test", BLOCK_PERM_ALL, 0, NULL);
    uint8_t buf[1024];
    g_autofree char *data = NULL;
    size_t len;

    /* The last piece of a sector is a sector, zero behind the end of the file. */
    g_assert_cmpint(node->length, ==, 1024);
    g_assert_cmpint(co_node_pread(node, 0, buf, 1024), ==, 0);
    g_assert_cmpint(buf[999], ==, 0x5a);
    g_assert_cmpint(buf[1000], ==, 0);
    memset(buf, 1, 7);
    g_assert_cmpint(co_node_pwrite(node, 3, buf, 7), ==, 0);
    g_assert_cmpint(co_node_pwrite_zeroes(node, 512, 512, BLOCK_REQ_MAY_UNMAP), ==, 0);
    g_assert_cmpint(co_node_pdiscard(node, 100, 100), ==, 0);
    g_assert_cmpint(co_node_flush(node), ==, 0);
    block_child_free(user);
    block_node_unref(node);
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpint(data[2], ==, 0x5a);
    g_assert_cmpint(data[3], ==, 1);
    g_assert_cmpint(data[9], ==, 1);
    g_assert_cmpint(data[10], ==, 0x5a);
    g_assert_cmpint(data[600], ==, 0);
}

static void file(void)
{
    co_run(co_file, NULL);
}

static void locks(void)
{
    g_autofree char *path = new_image("l.raw", 4096, 0), *text = NULL;
    BlockNode *a = must_open("driver=file,filename=%s", path);
    BlockNode *b = must_open("driver=file,filename=%s", path);
    BlockNode *r = must_open("driver=file,filename=%s,read-only=on,force-share=on", path);
    uint32_t perm = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE;
    uint32_t shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED;
    BlockChild *first = block_child_new(a, "first", perm, shared, NULL), *reader;
    Error *err = NULL;

    g_assert_nonnull(first);
    g_assert_null(block_child_new(b, "second", perm, shared, &err));
    g_assert_cmpstr(error_text(err), ==, "Failed to get \"write\" lock");
    text = g_strdup_printf("Is another process using the image [%s]?", path);
    g_assert_cmpstr(error_hint_text(err), ==, text);
    g_clear_pointer(&err, error_free);
    g_assert_null(block_child_new(b, "reader", BLOCK_PERM_CONSISTENT_READ, shared, &err));
    g_assert_cmpstr(error_text(err), ==, "Failed to get shared \"write\" lock");
    g_clear_pointer(&err, error_free);
    reader = block_child_new(r, "reader", BLOCK_PERM_CONSISTENT_READ, shared, NULL);
    g_assert_nonnull(reader);
    block_child_free(reader);
    /* Within the program it is the users that are compared. */
    g_assert_null(block_child_new(a, "third", perm, shared, &err));
    g_assert_cmpstr(error_text(err), ==, "Permission conflict on node '#block000': "
                    "permissions 'write' are both required by third (uses node '#block000' as "
                    "'root' child) and unshared by first (uses node '#block000' as 'root' child).");
    g_clear_pointer(&err, error_free);
    block_child_free(first);
    first = block_child_new(b, "second", perm, shared, NULL);
    g_assert_nonnull(first);
    block_child_free(first);
    block_node_unref(r);
    block_node_unref(b);
    block_node_unref(a);
}

static void refusals(void)
{
    g_autofree char *path = new_image("r.raw", 4096, 0), *text = NULL;
    BlockNode *node = must_open("driver=null-co,node-name=n1,read-only=on");
    JSON_AUTO json = keyval_parse("driver=null-co", NULL, NULL, NULL);
    Error *err = NULL;

    expect_refusal("driver=vmdk,file.driver=file,file.filename=x", "'vmdk' yet");
    expect_refusal("driver=raw,file.driver=ssh,file.host=x", "'ssh' yet");
    expect_refusal("driver=rwa", "does not accept value 'rwa'");
    expect_refusal("driver=file,filename=/nonexistent/x", "Could not open '/nonexistent/x'");
    expect_refusal("driver=file,filename=/tmp", "");
    expect_refusal("driver=file,filename=/tmp,read-only=on", "to be a regular file");
    expect_refusal("driver=null-co,node-name=n1", "Duplicate nodes");
    expect_refusal("driver=null-co,node-name=1x", "Invalid node-name");
    expect_refusal("driver=null-co,force-share=on", "read-only images");
    expect_refusal("driver=raw,file=nosuch", "node-name='nosuch'");
    expect_refusal("driver=raw,offset=2G,file.driver=null-co", "cannot be greater than size");
    expect_refusal("driver=raw,size=2G,file.driver=null-co", "has to be smaller");
    expect_refusal("driver=null-co,detect-zeroes=unmap", "setting detect-zeroes to unmap");
    g_assert_false(blockdev_add(json, QAPI_KEYVAL, &err));
    g_assert_nonnull(strstr(error_text(err), "'node-name' must be specified"));
    g_clear_pointer(&err, error_free);
    g_assert_null(block_filename_options("iscsi://x", &err));
    g_assert_nonnull(strstr(error_text(err), "Unknown protocol 'iscsi'"));
    g_clear_pointer(&err, error_free);
    g_assert_nonnull(text = g_strdup("KDMV"));
    g_assert_true(g_file_set_contents(path, text, 4, NULL));
    g_assert_null(block_open_user(&(BlockOpenHow){ .name = path }, &err));
    g_assert_nonnull(strstr(error_text(err), "vmdk"));
    error_free(err);
    block_node_unref(node);
}

typedef struct Deletion {
    const char *name;
    Error **errp;
    bool ok;
} Deletion;

static void co_delete(void *opaque)
{
    Deletion *d = opaque;

    d->ok = co_blockdev_del(d->name, d->errp);
}

static bool del(const char *name, Error **errp)
{
    Deletion d = { name, errp };

    co_run(co_delete, &d);
    return d.ok;
}

static void ownership(void)
{
    JSON_AUTO below = keyval_parse("driver=null-co,node-name=low", NULL, NULL, NULL);
    JSON_AUTO above = keyval_parse("driver=raw,node-name=top,file=low,size=4k,offset=512", NULL,
                                   NULL, NULL);
    Error *err = NULL;

    g_assert_true(blockdev_add(below, QAPI_KEYVAL, NULL));
    g_assert_true(blockdev_add(above, QAPI_KEYVAL, NULL));
    g_assert_false(del("low", &err));
    g_assert_cmpstr(error_text(err), ==, "Block device low is in use");
    error_free(err);
    g_assert_cmpint(block_node_length(block_node_find("top")), ==, 4096);
    g_assert_true(del("top", NULL));
    g_assert_true(del("low", NULL));
    g_assert_null(block_node_find("low"));
}

static void co_temporary(void *opaque)
{
    g_autofree char *path = new_image("t.raw", 10240, 0x11), *data = NULL;
    BlockNode *node = must_open("driver=temporary,file.driver=raw,file.file.driver=file,"
                                "file.file.filename=%s", path);
    BlockChild *user = block_child_new(node, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL);
    uint8_t buf[10240], expected[10240];
    GRand *rand = g_rand_new_with_seed(1);

    memset(expected, 0x11, sizeof(expected));
    for (unsigned i = 0; i < 60; i++) {
        unsigned first = g_rand_int_range(rand, 0, 20), n = g_rand_int_range(rand, 1, 21 - first);

        memset(buf, i, n * 512);
        memset(expected + first * 512, i, n * 512);
        g_assert_cmpint(co_node_pwrite(node, first * 512, buf, n * 512), ==, 0);
        g_assert_cmpint(co_node_pread(node, 0, buf, sizeof(buf)), ==, 0);
        g_assert_true(!memcmp(buf, expected, sizeof(buf)));
    }
    block_child_free(user);
    block_node_unref(node);
    g_assert_true(g_file_get_contents(path, &data, NULL, NULL));
    for (unsigned i = 0; i < 10240; i++) {
        g_assert_cmpint(data[i], ==, 0x11);
    }
    g_rand_free(rand);
}

static void temporary(void)
{
    co_run(co_temporary, NULL);
}

/* Many requests at once through each engine, the end of the file in one of them. */
typedef struct EngineJob {
    BlockNode *node;
    unsigned n;
} EngineJob;
static unsigned engine_jobs;

static void co_engine_job(void *opaque)
{
    EngineJob *job = opaque;
    uint8_t *buf = block_try_alloc(8192);

    memset(buf, job->n + 1, 8192);
    g_assert_cmpint(co_node_pwrite(job->node, job->n * 8192, buf, 8192), ==, 0);
    memset(buf, 0, 8192);
    g_assert_cmpint(co_node_pread(job->node, job->n * 8192 + 100, buf, 5000), ==, 0);
    for (unsigned i = 0; i < 5000; i++) {
        g_assert_cmpint(buf[i], ==, job->n + 1);
    }
    free(buf);
    engine_jobs--;
}

static void try_engine(const char *options)
{
    g_autofree char *path = new_image("e.raw", 200 * 8192 + 1000, 0x33), *text = NULL;
    EngineJob jobs[200];
    BlockNode *node;
    BlockChild *user;
    Error *err = NULL;

    text = g_strdup_printf("driver=file,filename=%s,%s", path, options);
    node = open_text(text, &err);
    if (!node) {
        /* Not every host lets programs use each of them. */
        g_test_message("%s: %s", options, error_text(err));
        error_free(err);
        return;
    }
    user = block_child_new(node, "test", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
    engine_jobs = 200;
    for (unsigned i = 0; i < 200; i++) {
        jobs[i] = (EngineJob){ node, i };
        co_enter(co_create(co_engine_job, &jobs[i]));
    }
    while (engine_jobs) {
        loop_wait(loop_main());
        loop_dispatch(loop_main());
    }
    block_child_free(user);
    block_node_unref(node);
}

static void engines(void)
{
    try_engine("aio=threads");
    try_engine("aio=io_uring");
    try_engine("aio=threads,cache.direct=on");
    try_engine("aio=io_uring,cache.direct=on");
    try_engine("aio=native,cache.direct=on");
    expect_refusal("driver=file,filename=/dev/null,aio=native", "requires cache.direct=on");
}

static void co_probed(void *opaque)
{
    g_autofree char *path = new_image("p.raw", 4096, 0);
    BlockNode *node = must_open("driver=raw,file.driver=file,file.filename=%s", path);
    BlockChild *user = block_child_new(node, "test", BLOCK_PERM_ALL, 0, NULL);
    uint8_t sector[512] = "QFI\xfb";

    block_node_set_probed(node);
    g_assert_cmpint(co_node_pwrite(node, 0, sector, 512), ==, -EPERM);
    g_assert_cmpint(co_node_pwrite(node, 512, sector, 512), ==, 0);
    sector[0] = 0;
    g_assert_cmpint(co_node_pwrite(node, 0, sector, 512), ==, 0);
    block_child_free(user);
    block_node_unref(node);
}

static void probed(void)
{
    co_run(co_probed, NULL);
}

static void remove_dir(void)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        unlink(path);
    }
    g_dir_close(d);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("mica-block-XXXXXX", NULL);
    g_test_add_func("/block/locks", locks);
    g_test_add_func("/block/alignment", alignment);
    g_test_add_func("/block/overlapping", overlapping);
    g_test_add_func("/block/callback-face", callback_face);
    g_test_add_func("/block/error-policy", error_policy);
    g_test_add_func("/block/held", held);
    g_test_add_func("/block/file", file);
    g_test_add_func("/block/refusals", refusals);
    g_test_add_func("/block/ownership", ownership);
    g_test_add_func("/block/temporary", temporary);
    g_test_add_func("/block/engines", engines);
    g_test_add_func("/block/probed", probed);
    ret = g_test_run();
    block_close_all();
    remove_dir();
    return ret;
}
