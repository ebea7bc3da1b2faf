/* qcow2 under random requests, many at once, held against memory and Debian's qemu-img */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "block/snapshot.h"
#include "qapi/keyval.h"
#include "util/co-lock.h"

/*
 * qcow2-stress DIR SEED OPS CREATE-OPTIONS OPEN-OPTIONS: several coroutines
 * write, zero, discard, compress, read and flush regions of their own of one
 * image, which is closed and opened in between; what is read must be what was
 * written last. DIR/x.qcow2 and DIR/x.raw are left for qemu-img to compare.
 */
enum {
    WORKERS = 6,
    MAX_BYTES = 200 * 1024,
};

static uint8_t *model;
static int64_t size;
static char *path;
static const char *open_options;
static uint32_t seed;
static unsigned ops;
static bool backed;

typedef struct Worker {
    BlockNode *node;
    GRand *rand;
    int64_t from, to;           /* its region */
    unsigned ops;
    bool *done;
} Worker;

static Json *parse_options(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    Error *err = NULL;
    Json *json;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    json = keyval_parse(text, NULL, NULL, &err);
    if (!json) {
        g_error("%s: %s", text, error_text(err));
    }
    return json;
}

static BlockNode *co_must_open(void)
{
    JSON_AUTO json = parse_options("driver=qcow2,file.driver=file,file.filename=%s,"
                                   "discard=unmap%s%s", path, *open_options ? "," : "",
                                   open_options);
    Error *err = NULL;
    BlockNode *node = co_block_open_json(json, QAPI_KEYVAL, &err);

    if (!node) {
        g_error("%s", error_text(err));
    }
    return node;
}

static void co_must_create(const char *options)
{
    JSON_AUTO json = parse_options("driver=qcow2,file.driver=file,file.filename=%s,size=%" PRId64
                                   "%s%s", path, size, *options ? "," : "", options);
    g_autoptr(BlockdevCreateOptions) parsed = NULL;
    Error *err = NULL;

    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    parsed = qapi_parse_BlockdevCreateOptions(json, QAPI_KEYVAL, &err);
    if (!parsed || !co_block_create(parsed, &err)) {
        g_error("%s", error_text(err));
    }
}

static void must(const char *what, int64_t offset, int64_t bytes, int ret)
{
    if (ret) {
        g_error("%s at 0x%" PRIx64 "+0x%" PRIx64 ": %s", what, offset, bytes, g_strerror(-ret));
    }
}

static void co_check_read(Worker *w, int64_t offset, int64_t bytes)
{
    g_autofree uint8_t *buf = g_malloc(bytes);

    must("read", offset, bytes, co_node_pread(w->node, offset, buf, bytes));
    if (memcmp(buf, model + offset, bytes)) {
        int64_t i = 0;

        while (buf[i] == model[offset + i]) {
            i++;
        }
        g_error("seed %u: read at 0x%" PRIx64 "+0x%" PRIx64 ": byte 0x%" PRIx64 " is %02x, not "
                "%02x", seed, offset, bytes, offset + i, buf[i], model[offset + i]);
    }
}

static void co_write(Worker *w, int64_t offset, int64_t bytes)
{
    memset(model + offset, g_rand_int_range(w->rand, 1, 256), bytes);
    must("write", offset, bytes, co_node_pwrite(w->node, offset, model + offset, bytes));
}

static void co_write_compressed(Worker *w, int64_t offset)
{
    BlockDriverInfo info = {};
    struct iovec iov;
    int ret;

    g_assert_true(block_get_info(w->node, &info));
    offset = ROUND_UP(offset, info.cluster_size);
    if (offset + info.cluster_size > w->to) {
        return;
    }
    memset(model + offset, g_rand_int_range(w->rand, 1, 256), info.cluster_size);
    if (g_rand_boolean(w->rand)) {
        for (int64_t i = 0; i < info.cluster_size; i++) {
            model[offset + i] = g_rand_int(w->rand) >> 9;
        }
    }
    iov = (struct iovec){ model + offset, info.cluster_size };
    ret = w->node->driver->co_pwritev_compressed(w->node, offset, info.cluster_size, &iov, 1);
    if (ret == -ENOTSUP) {
        ret = co_node_pwrite(w->node, offset, model + offset, info.cluster_size);
    }
    must("compressed write", offset, info.cluster_size, ret);
}

static void co_one(Worker *w)
{
    int64_t offset = g_rand_int_range(w->rand, 0, (w->to - w->from) / 512) * 512 + w->from;
    bool odd = g_rand_int_range(w->rand, 1, 4) == 1;
    int64_t bytes = g_rand_int_range(w->rand, 1, odd ? MAX_BYTES : 16) * (odd ? 1 : 512);
    unsigned op = g_rand_int_range(w->rand, 0, 20);

    bytes = MIN(bytes, w->to - offset);
    if (op < 9) {
        co_write(w, offset, bytes);
    } else if (op < 14) {
        co_check_read(w, offset, bytes);
    } else if (op < 16) {
        memset(model + offset, 0, bytes);
        must("zero", offset, bytes,
             co_node_pwrite_zeroes(w->node, offset, bytes, op & 1 ? BLOCK_REQ_MAY_UNMAP : 0));
    } else if (op == 16 && !backed) {
        must("discard", offset, bytes, co_node_pdiscard(w->node, offset, bytes));
        must("read", offset, bytes, co_node_pread(w->node, offset, model + offset, bytes));
    } else if (op == 17) {
        must("flush", 0, 0, co_node_flush(w->node));
    } else if (op == 18) {
        co_write_compressed(w, offset);
    }
}

static void co_worker(void *opaque)
{
    Worker *w = opaque;

    for (unsigned i = 0; i < w->ops; i++) {
        co_one(w);
    }
    co_check_read(w, w->from, w->to - w->from);
    *w->done = true;
}

/* Between requests: snapshots are made, applied and deleted, and hold what was there then. */
enum { MAX_SNAPSHOTS = 4 };
static uint8_t *held[MAX_SNAPSHOTS];

static void co_check_all(BlockNode *node)
{
    Worker whole = { .node = node };

    co_check_read(&whole, 0, size);
}

static void co_snapshots(BlockNode *node, GRand *rand)
{
    Error *err = NULL;

    for (unsigned i = 0; i < 6; i++) {
        unsigned n = g_rand_int_range(rand, 0, MAX_SNAPSHOTS);
        BlockSnapshot snapshot = { .icount = UINT64_MAX };
        bool ok = true;

        g_snprintf(snapshot.name, sizeof(snapshot.name), "snap%u", n);
        if (!held[n]) {
            ok = node->driver->co_snapshot_create(node, &snapshot, &err);
            held[n] = ok ? g_memdup2(model, size) : NULL;
            if (!ok && strstr(error_text(err), g_strerror(ERANGE))) {
                error_free(err);            /* refcounts of a bit or two are full soon */
                err = NULL;
                ok = true;
            }
        } else if (g_rand_boolean(rand)) {
            ok = node->driver->co_snapshot_goto(node, snapshot.name, &err);
            memcpy(model, held[n], size);
        } else {
            ok = node->driver->co_snapshot_delete(node, NULL, snapshot.name, &err);
            g_free(held[n]);
            held[n] = NULL;
        }
        if (!ok) {
            g_error("seed %u: %s: %s", seed, snapshot.name, error_text(err));
        }
        co_check_all(node);
        co_write(&(Worker){ .node = node, .rand = rand },
                 g_rand_int_range(rand, 0, size / 2), 3000);
    }
    co_check_all(node);
}

static void co_round(unsigned round)
{
    BlockNode *node = co_must_open();
    BlockChild *user = block_child_new(node, "stress", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
    Worker workers[WORKERS];
    bool done[WORKERS] = {};

    g_assert_nonnull(user);
    g_assert_cmpint(node->length, ==, size);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (Worker){ .node = node, .rand = g_rand_new_with_seed(seed * 31 + i + round),
                               .from = size / WORKERS / 512 * 512 * i, .ops = ops,
                               .to = i + 1 < WORKERS ? size / WORKERS / 512 * 512 * (i + 1) : size,
                               .done = &done[i] };
        co_enter(co_create(co_worker, &workers[i]));
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        while (!done[i]) {
            co_sleep(CLOCK_TYPE_REALTIME, 100000);
        }
    }
    if (!g_getenv("STRESS_NO_SNAPSHOTS")) {
        co_snapshots(node, workers[0].rand);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        g_rand_free(workers[i].rand);
    }
    block_child_free(user);
    block_node_unref(node);
}

static void co_stress(void *opaque)
{
    char **argv = opaque;

    co_must_create(argv[4]);
    for (unsigned round = 0; round < 3; round++) {
        co_round(round * 1000);
    }
}

int main(int argc, char **argv)
{
    g_autofree char *raw = NULL;
    const char *mb = g_getenv("STRESS_SIZE");

    if (argc != 6) {
        fprintf(stderr, "usage: %s DIR SEED OPS CREATE-OPTIONS OPEN-OPTIONS\n", argv[0]);
        return 2;
    }
    seed = atoi(argv[2]);
    ops = atoi(argv[3]);
    open_options = argv[5];
    size = mb ? atoll(mb) : 6 * 1024 * 1024 + 2560;
    model = g_malloc0(size);
    path = g_strdup_printf("%s/x.qcow2", argv[1]);
    raw = g_strdup_printf("%s/x.raw", argv[1]);
    if (g_getenv("STRESS_BASE")) {
        g_autofree char *data = NULL;
        gsize len;

        g_assert_true(g_file_get_contents(g_getenv("STRESS_BASE"), &data, &len, NULL));
        memcpy(model, data, MIN((int64_t)len, size));
        backed = true;
    }
    loop_main();
    co_run(co_stress, argv);
    g_assert_true(g_file_set_contents(raw, (char *)model, size, NULL));
    block_close_all();
    g_free(model);
    return 0;
}
