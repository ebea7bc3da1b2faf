/* NBD: names, a server and a client that talk to each other, and each to who talks nonsense */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/export.h"
#include "block/nbd/nbd.h"
#include "block/nbd/proto.h"
#include "util/bswap.h"
#include "util/socket.h"
#include "util/thread-pool.h"

#include <sys/socket.h>
#include <sys/un.h>

#define DISK_BYTES (1 << 20)
#define FUZZ_RUNS  400

static char *dir;

/* --- names --- */

static void names(void)
{
    static const struct {
        const char *name, *wanted;      /* options, or the beginning of a message */
    } rows[] = {
        { "nbd://host", "{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\",\"host\":\"host\","
          "\"port\":\"10809\"}}" },
        { "nbd://[::1]:5/a/b%20c", "{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\","
          "\"host\":\"::1\",\"port\":\"5\"},\"export\":\"a/b c\"}" },
        { "nbd+unix:///x?socket=/tmp/s%3f", "{\"driver\":\"nbd\",\"server\":{\"type\":\"unix\","
          "\"path\":\"/tmp/s?\"},\"export\":\"x\"}" },
        { "nbds://h/?tls-creds=t", "{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\","
          "\"host\":\"h\",\"port\":\"10809\"},\"tls-creds\":\"t\"}" },
        { "nbd:h:1", "{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\",\"host\":\"h\","
          "\"port\":\"1\"}}" },
        { "nbd:[::1]:1:exportname=a:b", "{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\","
          "\"host\":\"::1\",\"port\":\"1\"},\"export\":\"a:b\"}" },
        { "nbd:unix:/s:exportname=e", "{\"driver\":\"nbd\",\"server\":{\"type\":\"unix\","
          "\"path\":\"/s\"},\"export\":\"e\"}" },
        { "nbd:", "'nbd:' is not a valid name" },
        { "nbd:host", "'nbd:host' is not a valid name" },
        { "nbd:unix:", "'nbd:unix:': the path" },
        { "nbd://", "'nbd://' is not a valid name" },
        { "nbd://h:x/", "'nbd://h:x/' is not a valid URI" },
        { "nbd+unix:///e", "'nbd+unix:///e' is not a valid name" },
        { "nbd+unix://h/e?socket=/s", "'nbd+unix://h/e?socket=/s' is not a valid name" },
        { "nbd://h/?socket=/s", "'nbd://h/?socket=/s': parameter 'socket' is not known" },
        { "nbds://h/", "'nbds://h/' needs TLS credentials" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;
        JSON_AUTO options = block_filename_options(rows[i].name, &err);
        g_autofree char *text = options ? json_text(options, false) : g_strdup(error_text(err));

        if (options) {
            g_assert_cmpstr(text, ==, rows[i].wanted);
        } else {
            g_assert_cmpstr(rows[i].wanted, !=, "");
            g_assert_true(g_str_has_prefix(text, rows[i].wanted));
        }
    }
}

/* --- a server of ours --- */

typedef struct Stand {
    NbdServer *server;
    char *path;
    unsigned closed;
    CoQueue changed;
} Stand;

static void client_closed(void *opaque, bool negotiated)
{
    Stand *stand = opaque;

    stand->closed++;
    co_queue_wake_all(&stand->changed);
}

static BlockNode *co_open(const char *text)
{
    JSON_AUTO json = json_parse_object(text, NULL);
    Error *err = NULL;
    BlockNode *node = co_block_open_json(json, QAPI_STRICT, &err);

    g_assert_null(err);
    return node;
}

static BlockNode *co_stand_start(Stand *stand)
{
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    g_autofree char *text = g_strdup_printf(
        "{'driver':'file','filename':'%s','node-name':'disk','discard':'unmap'}", disk);
    NbdServerOptions options = { .client_closed = client_closed, .opaque = stand };
    SockAddr addr = { .kind = SOCK_KIND_UNIX };
    BlockExportOptions export = {
        .type = BLOCK_EXPORT_TYPE_NBD, .id = (char *)"e", .node_name = (char *)"disk",
        .has_writable = true, .writable = true,
        .u.nbd = { .name = (char *)"", .description = (char *)"what it is",
                   .has_allocation_depth = true, .allocation_depth = true },
    };
    BlockNode *node;
    int fd;

    co_queue_init(&stand->changed);
    fd = open(disk, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    g_assert_cmpint(ftruncate(fd, DISK_BYTES), ==, 0);
    close(fd);
    node = co_open(text);
    g_assert_nonnull(co_block_export_add(&export, NULL));
    stand->path = g_build_filename(dir, "socket", NULL);
    addr.path = stand->path;
    fd = socket_listen(&addr, NULL);
    g_assert_cmpint(fd, >=, 0);
    stand->server = nbd_server_new(&options);
    nbd_server_listen(stand->server, fd);
    return node;
}

static void co_stand_end(Stand *stand, BlockNode *node)
{
    co_nbd_server_free(stand->server);
    co_block_export_close_all(NULL);
    block_node_unref(node);
    unlink(stand->path);
    g_free(stand->path);
}

static void in_coroutine_run(CoroutineFn *fn)
{
    co_run(fn, NULL);
    block_close_all();
}

/* --- both together --- */

static void co_check_status(BlockNode *node, int64_t offset, int64_t bytes, int wanted)
{
    int64_t pnum = 0;
    int ret = co_node_block_status(node, true, offset, bytes, &pnum, NULL, NULL);

    g_assert_cmpint(ret & (BLOCK_DATA | BLOCK_ZERO), ==, wanted);
    g_assert_cmpint(pnum, ==, bytes);
}

static void co_together(void *unused)
{
    Stand stand = { 0 };
    BlockNode *disk = co_stand_start(&stand);
    g_autofree char *text = g_strdup_printf(
        "{'driver':'nbd','server':{'type':'unix','path':'%s'},'discard':'unmap'}", stand.path);
    BlockNode *node = co_open(text);
    g_autofree uint8_t *out = g_malloc(300000), *in = g_malloc(300000);
    unsigned closed;

    g_assert_cmpint(block_node_length(node), ==, DISK_BYTES);
    for (unsigned i = 0; i < 300000; i++) {
        out[i] = i * 7 + (i >> 8);
    }
    /* Small and large, at odd places; zeroes; what was written is there, also below. */
    g_assert_cmpint(co_node_pwrite(node, 1001, out, 300000), ==, 0);
    g_assert_cmpint(co_node_pread(node, 1001, in, 300000), ==, 0);
    g_assert_cmpmem(in, 300000, out, 300000);
    g_assert_cmpint(co_node_pread(disk, 1001, in, 1000), ==, 0);
    g_assert_cmpmem(in, 1000, out, 1000);
    g_assert_cmpint(co_node_pwrite_zeroes(node, 2000, 4000, 0), ==, 0);
    g_assert_cmpint(co_node_pread(node, 1999, in, 4002), ==, 0);
    g_assert_cmpuint(in[0], ==, out[998]);
    g_assert_cmpuint(in[1], ==, 0);
    g_assert_cmpuint(in[4000], ==, 0);
    g_assert_cmpuint(in[4001], ==, out[4999]);
    co_check_status(node, 512 * 1024, 512 * 1024, BLOCK_ZERO);
    co_check_status(node, 8192, 65536, BLOCK_DATA);
    g_assert_cmpint(co_node_pdiscard(node, 65536, 65536), ==, 0);
    co_check_status(node, 65536, 65536, BLOCK_ZERO);
    g_assert_cmpint(co_node_flush(node), ==, 0);
    closed = stand.closed;
    block_node_unref(node);
    while (stand.closed == closed) {
        co_queue_wait(&stand.changed, NULL);
    }
    co_stand_end(&stand, disk);
}

static void together(void)
{
    in_coroutine_run(co_together);
}

/* --- nonsense --- */

static void damage(GByteArray *bytes, GRand *rand, unsigned from, unsigned changes)
{
    while (changes--) {
        unsigned at = g_rand_int_range(rand, from, bytes->len);

        bytes->data[at] = g_rand_boolean(rand)
                              ? g_rand_int(rand)
                              : bytes->data[at] ^ 1u << g_rand_int_range(rand, 0, 8);
    }
}

static int connect_to(const char *path)
{
    SockAddr addr = { .kind = SOCK_KIND_UNIX, .path = (char *)(uintptr_t)path };
    int fd = socket_connect(&addr, NULL);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void put_option(GByteArray *out, uint32_t option, const void *data, uint32_t len)
{
    uint8_t head[NBD_OPTION_BYTES];

    st64_be(head, NBD_OPTS_MAGIC);
    st32_be(head + 8, option);
    st32_be(head + 12, len);
    g_byte_array_append(out, head, sizeof(head));
    g_byte_array_append(out, data, len);
}

static void put_request(GByteArray *out, uint16_t type, uint64_t from, uint32_t len)
{
    uint8_t head[NBD_REQUEST_BYTES] = { 0 };
    static const uint8_t data[512];

    st32_be(head, NBD_REQUEST_MAGIC);
    st16_be(head + 6, type);
    st64_be(head + 16, from);
    st32_be(head + 24, len);
    g_byte_array_append(out, head, sizeof(head));
    if (type == NBD_CMD_WRITE) {
        g_byte_array_append(out, data, sizeof(data));
    }
}

/* All a client can say, in order; then some bytes of it are changed. */
static GByteArray *client_bytes(GRand *rand)
{
    static const char context[] = "\0\0\0\0\0\0\0\1\0\0\0\17base:allocation";
    GByteArray *out = g_byte_array_new();
    uint8_t flags[4];
    unsigned changes = g_rand_int_range(rand, 0, 6);

    st32_be(flags, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    g_byte_array_append(out, flags, 4);
    put_option(out, NBD_OPT_STRUCTURED_REPLY, "", 0);
    put_option(out, NBD_OPT_LIST, "", 0);
    put_option(out, NBD_OPT_STARTTLS, "", 0);
    put_option(out, NBD_OPT_LIST_META_CONTEXT, "\0\0\0\0\0\0\0", 8);
    put_option(out, NBD_OPT_SET_META_CONTEXT, context, sizeof(context) - 1);
    put_option(out, NBD_OPT_INFO, "\0\0\0\0\0\1\0\3", 8);
    put_option(out, NBD_OPT_GO, "\0\0\0\0\0\1\0\3", 8);
    for (unsigned type = 0; type < 9; type++) {
        if (type != NBD_CMD_DISC) {
            put_request(out, type, 1024 * type, 512);
        }
    }
    put_request(out, NBD_CMD_DISC, 0, 0);
    damage(out, rand, 0, changes);
    return out;
}

static void co_fuzz_server(void *unused)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20);
    Stand stand = { 0 };
    BlockNode *disk = co_stand_start(&stand);

    for (unsigned run = 0; run < FUZZ_RUNS; run++) {
        g_autoptr(GByteArray) bytes = client_bytes(rand);
        int fd = connect_to(stand.path);
        unsigned len = run % 4 ? bytes->len : g_rand_int_range(rand, 0, bytes->len);

        g_assert_cmpint(send(fd, bytes->data, len, MSG_NOSIGNAL), ==, len);
        shutdown(fd, run % 3 ? SHUT_WR : SHUT_RDWR);
        while (stand.closed == run) {
            co_queue_wait(&stand.changed, NULL);
        }
        close(fd);
    }
    co_stand_end(&stand, disk);
}

static void fuzz_server(void)
{
    in_coroutine_run(co_fuzz_server);
}

/* What a server would answer to our client, up to the transmission phase. */
static GByteArray *server_handshake(void)
{
    static const struct {
        uint32_t option, type, len;
        const char *data;
    } replies[] = {
        { NBD_OPT_STRUCTURED_REPLY, NBD_REP_ACK, 0, "" },
        { NBD_OPT_SET_META_CONTEXT, NBD_REP_META_CONTEXT, 19, "\0\0\0\0base:allocation" },
        { NBD_OPT_SET_META_CONTEXT, NBD_REP_ACK, 0, "" },
        { NBD_OPT_GO, NBD_REP_INFO, 14, "\0\3\0\0\0\1\0\0\20\0\2\0\0\0" },
        { NBD_OPT_GO, NBD_REP_INFO, 12, "\0\0\0\0\0\0\0\20\0\0\0\355" },
        { NBD_OPT_GO, NBD_REP_ACK, 0, "" },
    };
    GByteArray *out = g_byte_array_new();
    uint8_t head[NBD_OPTION_REPLY_BYTES];

    st64_be(head, NBD_INIT_MAGIC);
    st64_be(head + 8, NBD_OPTS_MAGIC);
    st16_be(head + 16, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    g_byte_array_append(out, head, NBD_GREETING_BYTES);
    for (unsigned i = 0; i < ARRAY_SIZE(replies); i++) {
        st64_be(head, NBD_REP_MAGIC);
        st32_be(head + 8, replies[i].option);
        st32_be(head + 12, replies[i].type);
        st32_be(head + 16, replies[i].len);
        g_byte_array_append(out, head, sizeof(head));
        g_byte_array_append(out, (const uint8_t *)replies[i].data, replies[i].len);
    }
    return out;
}

static bool send_bytes(int fd, const GByteArray *bytes)
{
    return send(fd, bytes->data, bytes->len, MSG_NOSIGNAL) == (ssize_t)bytes->len;
}

/* Read on until the client's first request is there: its 28 bytes. False: it left. */
static bool wait_request(int fd, uint8_t *request)
{
    uint8_t buf[4096];
    size_t len = 0;

    for (;;) {
        uint8_t magic[4];
        const uint8_t *found;
        ssize_t n = recv(fd, buf + len, sizeof(buf) - len, 0);

        if (n <= 0) {
            return false;
        }
        len += n;
        st32_be(magic, NBD_REQUEST_MAGIC);
        found = memmem(buf, len, magic, sizeof(magic));
        if (found && len - (found - buf) >= NBD_REQUEST_BYTES) {
            memcpy(request, found, NBD_REQUEST_BYTES);
            return true;
        }
    }
}

static GByteArray *data_chunk(const uint8_t *request)
{
    GByteArray *out = g_byte_array_new();

    g_byte_array_set_size(out, NBD_CHUNK_BYTES + 8 + 512);
    memset(out->data, 0x5a, out->len);
    st32_be(out->data, NBD_CHUNK_MAGIC);
    st16_be(out->data + 4, NBD_CHUNK_FLAG_DONE);
    st16_be(out->data + 6, NBD_CHUNK_DATA);
    memcpy(out->data + 8, request + 8, 8);
    st32_be(out->data + 16, 8 + 512);
    memcpy(out->data + 20, request + 16, 8);
    return out;
}

/* By turns a damaged handshake, said without listening, and a damaged answer to a request. */
static gpointer lie(gpointer opaque)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(21);
    int listening = GPOINTER_TO_INT(opaque), fd;

    for (unsigned run = 0; (fd = accept(listening, NULL, NULL)) >= 0; run++) {
        g_autoptr(GByteArray) bytes = server_handshake();
        uint8_t request[NBD_REQUEST_BYTES];
        char sink[4096];

        if (run & 1) {
            damage(bytes, rand, 0, g_rand_int_range(rand, 0, 5));
            send_bytes(fd, bytes);
        } else if (send_bytes(fd, bytes) && wait_request(fd, request)) {
            g_autoptr(GByteArray) chunk = data_chunk(request);

            damage(chunk, rand, 0, g_rand_int_range(rand, 0, 3));
            chunk->len = run % 3 ? chunk->len : NBD_CHUNK_BYTES + 8;
            damage(chunk, rand, 0, g_rand_int_range(rand, 0, 2));
            send_bytes(fd, chunk);
        }
        shutdown(fd, SHUT_WR);
        while (read(fd, sink, sizeof(sink)) > 0) {
        }
        close(fd);
    }
    return NULL;
}

static int join(void *thread)
{
    g_thread_join(thread);
    return 0;
}

static void co_fuzz_client(void *unused)
{
    g_autofree char *path = g_build_filename(dir, "liar", NULL);
    g_autofree char *text = g_strdup_printf(
        "{'driver':'nbd','server':{'type':'unix','path':'%s'},'read-only':true}", path);
    JSON_AUTO json = json_parse_object(text, NULL);
    SockAddr addr = { .kind = SOCK_KIND_UNIX, .path = path };
    int liar = socket_listen(&addr, NULL);
    GThread *thread = g_thread_new("liar", lie, GINT_TO_POINTER(liar));
    unsigned opened = 0, reads = 0;

    for (unsigned run = 0; run < FUZZ_RUNS; run++) {
        g_autoptr(Error) err = NULL;
        BlockNode *node = co_block_open_json(json, QAPI_STRICT, &err);
        uint8_t buf[512];

        g_assert_true(!node == !!err);
        opened += !!node;
        if (node) {
            reads += !co_node_pread(node, 0, buf, sizeof(buf));
        }
        block_node_unref(node);
    }
    shutdown(liar, SHUT_RDWR);      /* accept() ends */
    co_thread_call(join, thread);   /* our side of its last connection may still have to end */
    close(liar);
    unlink(path);
    /* What was not damaged is accepted; much was. */
    g_assert_cmpuint(opened, >, FUZZ_RUNS / 8);
    g_assert_cmpuint(opened, <, FUZZ_RUNS);
    g_assert_cmpuint(reads, >, 10);
    g_assert_cmpuint(reads, <, opened);
}

static void fuzz_client(void)
{
    in_coroutine_run(co_fuzz_client);
}

int main(int argc, char **argv)
{
    g_autofree char *disk = NULL;
    int ret;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("nbd-XXXXXX", NULL);
    g_test_add_func("/nbd/names", names);
    g_test_add_func("/nbd/together", together);
    g_test_add_func("/nbd/fuzz-server", fuzz_server);
    g_test_add_func("/nbd/fuzz-client", fuzz_client);
    ret = g_test_run();
    disk = g_build_filename(dir, "disk", NULL);
    unlink(disk);
    rmdir(dir);
    g_free(dir);
    return ret;
}
