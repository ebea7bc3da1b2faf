/* Filters: copy-on-read, throttle, and blkdebug's faults */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "block/throttle.h"
#include "qapi/keyval.h"
#include "qom/user-object.h"

static char *dir;

static char *path_of(const char *name)
{
    return g_strdup_printf("%s/%s", dir, name);
}

static Json *tree(const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    Error *err = NULL;
    Json *json = keyval_parse(text, NULL, NULL, &err);

    if (!json) {
        g_error("%s: %s", text, error_text(err));
    }
    return json;
}

static BlockNode *co_must_open(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static BlockNode *co_must_open(const char *fmt, ...)
{
    JSON_AUTO json = NULL;
    Error *err = NULL;
    BlockNode *node;
    va_list ap;

    va_start(ap, fmt);
    json = tree(fmt, ap);
    va_end(ap);
    node = co_block_open_json(json, QAPI_KEYVAL, &err);
    if (!node) {
        g_error("%s: %s", json_object_get_string(json), error_text(err));
    }
    return node;
}

static void co_new_image(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static void co_new_image(const char *fmt, ...)
{
    g_autoptr(BlockdevCreateOptions) options = NULL;
    JSON_AUTO json = NULL;
    Error *err = NULL;
    va_list ap;

    va_start(ap, fmt);
    json = tree(fmt, ap);
    va_end(ap);
    options = qapi_parse_BlockdevCreateOptions(json, QAPI_KEYVAL, &err);
    if (!options || !co_block_create(options, &err)) {
        g_error("%s: %s", json_object_get_string(json), error_text(err));
    }
}

static void co_cor(void *opaque)
{
    g_autofree char *base = path_of("base.raw"), *top = path_of("top.qcow2");
    uint8_t buf[3000], back[3000];
    BlockNode *node, *image;
    BlockChild *user;
    int64_t n;

    co_new_image("driver=file,filename=%s,size=1M", base);
    node = co_must_open("driver=file,filename=%s", base);
    user = block_child_new(node, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL);
    memset(buf, 0x77, sizeof(buf));
    g_assert_cmpint(co_node_pwrite(node, 200000, buf, sizeof(buf)), ==, 0);
    block_child_free(user);
    block_node_unref(node);
    co_new_image("driver=file,filename=%s,size=0", top);
    co_new_image("driver=qcow2,file.driver=file,file.filename=%s,size=1M,backing-file=%s,"
              "backing-fmt=raw", top, base);
    node = co_must_open("driver=copy-on-read,file.driver=qcow2,file.file.driver=file,"
                        "file.file.filename=%s", top);
    user = block_child_new(node, "test", BLOCK_PERM_CONSISTENT_READ, BLOCK_PERM_ALL, NULL);
    image = block_filtered(node);
    g_assert_cmpint(co_node_is_allocated(image, 200000, 1, &n), ==, 0);
    g_assert_cmpint(co_node_pread(node, 201000, back, 1000), ==, 0);
    g_assert_true(!memcmp(back, buf, 1000));
    /* The whole cluster has come up, and no more. */
    g_assert_cmpint(co_node_is_allocated(image, 196608, 65536, &n), ==, 1);
    g_assert_cmpint(n, ==, 65536);
    g_assert_cmpint(co_node_is_allocated(image, 262144, 65536, &n), ==, 0);
    /* Zeroes come up as such. */
    g_assert_cmpint(co_node_pread(node, 0, back, 1000), ==, 0);
    g_assert_cmpint(co_node_block_status(image, true, 0, 65536, &n, NULL, NULL) &
                        (BLOCK_ZERO | BLOCK_ALLOCATED), ==, BLOCK_ZERO | BLOCK_ALLOCATED);
    g_assert_cmpint(co_node_pread(image, 200000, back, sizeof(back)), ==, 0);
    g_assert_true(!memcmp(back, buf, sizeof(buf)));
    block_child_free(user);
    block_node_unref(node);
}

static void cor(void)
{
    co_run(co_cor, NULL);
}

static void co_faults(void *opaque)
{
    g_autofree char *config = path_of("faults.conf"), *name = NULL;
    uint8_t buf[512] = { 1 };
    BlockNode *node;
    BlockChild *user;
    Error *err = NULL;
    JSON_AUTO json = NULL;

    node = co_must_open("driver=blkdebug,image.driver=null-co,inject-error.0.event=none,"
                        "inject-error.0.iotype=write,inject-error.0.errno=28,"
                        "inject-error.0.once=on,inject-error.0.sector=3");
    user = block_child_new(node, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL);
    g_assert_cmpint(co_node_pread(node, 1536, buf, 512), ==, 0);
    g_assert_cmpint(co_node_pwrite(node, 1024, buf, 512), ==, 0);
    g_assert_cmpint(co_node_pwrite(node, 1536, buf, 512), ==, -ENOSPC);
    g_assert_cmpint(co_node_pwrite(node, 1536, buf, 512), ==, 0);
    block_child_free(user);
    block_node_unref(node);
    /* From a file: after an event in a state that another event brings about. */
    g_assert_true(g_file_set_contents(config, "[set-state]\nevent = \"l1_update\"\n"
                                      "new_state = \"2\"\n\n[inject-error]\nstate = \"2\"\n"
                                      "event = \"read_aio\"\nerrno = \"5\"\n", -1, NULL));
    node = co_must_open("driver=blkdebug,config=%s,image.driver=null-co", config);
    name = block_node_filename(node);
    g_assert_true(g_str_has_prefix(name, "blkdebug:/"));
    g_assert_true(g_str_has_suffix(name, "faults.conf:null-co://"));
    block_debug_event(node, "read_aio");
    g_assert_cmpint(co_node_pread(node, 0, buf, 512), ==, 0);
    block_debug_event(node, "l1_update");
    block_debug_event(node, "read_aio");
    g_assert_cmpint(co_node_pread(node, 0, buf, 512), ==, -EIO);
    block_node_unref(node);
    g_assert_true(g_file_set_contents(config, "[nonsense]\n", -1, NULL));
    json = json_parse_object("{'driver': 'blkdebug', 'image': {'driver': 'null-co'}}", NULL);
    json_object_object_add(json, "config", json_object_new_string(config));
    g_assert_null(co_block_open_json(json, QAPI_STRICT, &err));
    g_assert_nonnull(strstr(error_text(err), "there is no section 'nonsense'"));
    error_free(err);
}

static void faults(void)
{
    co_run(co_faults, NULL);
}

/* Stepped virtual time: 1000 bytes a second, bursts of a tenth of it. */
static unsigned done;

static void co_writer(void *opaque)
{
    uint8_t buf[512] = { 1 };

    g_assert_cmpint(co_node_pwrite(opaque, 0, buf, 512), ==, 0);
    done++;
}

static void settle(void)
{
    for (unsigned i = 0; i < 5; i++) {
        loop_wake(loop_main());
        loop_wait(loop_main());
        loop_dispatch(loop_main());
    }
}

static BlockNode *throttled;
static BlockChild *throttled_user;

static void co_open_throttled(void *opaque)
{
    throttled = co_must_open("driver=throttle,throttle-group=g,file.driver=null-co");
    throttled_user = block_child_new(throttled, "test", BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL);
}

static void limits(void)
{
    JSON_AUTO group = json_parse_object("{'qom-type': 'throttle-group', 'id': 'g', 'limits': "
                                        "{'bps-total': 1024}}", NULL);
    JSON_AUTO wrong = json_parse_object("{'qom-type': 'throttle-group', 'id': 'w', 'limits': "
                                        "{'bps-total': 1, 'bps-read': 1}}", NULL);
    Error *err = NULL;

    g_assert_false(user_object_add(wrong, &err));
    g_assert_nonnull(strstr(error_text(err), "cannot be used at the same time"));
    g_clear_pointer(&err, error_free);
    g_assert_true(user_object_add(group, NULL));
    co_run(co_open_throttled, NULL);
    for (unsigned i = 0; i < 5; i++) {
        co_enter(co_create(co_writer, throttled));
    }
    settle();
    g_assert_cmpuint(done, ==, 1);          /* the bucket is full now */
    clock_virtual_step_to(300 * 1000000);
    settle();
    g_assert_cmpuint(done, ==, 1);
    clock_virtual_step_to(500 * 1000000);
    settle();
    g_assert_cmpuint(done, ==, 2);
    clock_virtual_step_to(1000 * 1000000);
    settle();
    g_assert_cmpuint(done, ==, 3);
    g_assert_false(user_object_del("g", &err));
    g_clear_pointer(&err, error_free);
    clock_virtual_step_to(3000 * 1000000LL);
    settle();
    g_assert_cmpuint(done, ==, 5);
    block_child_free(throttled_user);
    block_node_unref(throttled);
    settle();
    g_assert_true(user_object_del("g", NULL));
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
    clock_virtual_set_stepped();
    dir = g_dir_make_tmp("mica-filter-XXXXXX", NULL);
    g_test_add_func("/filter/copy-on-read", cor);
    g_test_add_func("/filter/faults", faults);
    g_test_add_func("/filter/limits", limits);
    ret = g_test_run();
    block_close_all();
    remove_dir();
    return ret;
}
