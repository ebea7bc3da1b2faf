/* The NBD server's transmission phase: a coroutine per request, replies as they get ready */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/server-int.h"

#include "util/bswap.h"
#include "util/trace.h"

#define SPARSE_MIN  (32 * 1024)     /* shorter reads are not worth the question about holes */
#define SKIP_MAX    (64 * 1024 * 1024)
#define CACHE_BYTES (1024 * 1024)

typedef struct Request {
    NbdClient *client;
    uint16_t flags, type;
    uint32_t len;
    uint64_t cookie, from;
    uint8_t *buf;
    size_t room;                    /* of buf, as taken from the client's budget */
    int refuse;                     /* a negative errno: answer this, do nothing */
    const char *why;
} Request;

/* --- buffers: small ones are used again --- */

static bool take_buffer(Request *r)
{
    NbdClient *client = r->client;
    bool small = r->len <= NBD_BUFFER_BYTES;

    if (small && client->nr_buffers) {
        r->buf = client->buffers[--client->nr_buffers];
    } else {
        r->buf = block_try_alloc(small ? NBD_BUFFER_BYTES : r->len);
    }
    return r->buf;
}

static void give_buffer(Request *r)
{
    NbdClient *client = r->client;

    if (r->buf && r->len <= NBD_BUFFER_BYTES && client->nr_buffers < NBD_BUFFERS_KEPT) {
        client->buffers[client->nr_buffers++] = r->buf;
    } else {
        free(r->buf);
    }
    r->buf = NULL;
}

/* --- replies --- */

/* The last piece of the reply has left, or never will. */
static void request_done(void *opaque)
{
    Request *r = opaque;
    NbdClient *client = r->client;

    give_buffer(r);
    client->payload -= r->room;
    client->nr_requests--;
    co_queue_wake_one(&client->room);
    g_free(r);
    nbd_client_unref(client);
}

static void chunk_head(uint8_t *head, const Request *r, bool last, uint16_t type, uint32_t len)
{
    st32_be(head, NBD_CHUNK_MAGIC);
    st16_be(head + 4, last ? NBD_CHUNK_FLAG_DONE : 0);
    st16_be(head + 6, type);
    st64_be(head + 8, r->cookie);
    st32_be(head + 16, len);
}

/* The whole answer to what is not a read with structured replies; data goes along on success. */
static void reply_simple(Request *r, int ret)
{
    bool data = r->type == NBD_CMD_READ && !ret;
    uint8_t head[NBD_SIMPLE_REPLY_BYTES];

    st32_be(head, NBD_SIMPLE_REPLY_MAGIC);
    st32_be(head + 4, nbd_error_from_errno(ret));
    st64_be(head + 8, r->cookie);
    nbd_stream_send(r->client->stream, head, sizeof(head), data ? r->buf : NULL,
                    data ? r->len : 0, request_done, r);
}

static void reply_error(Request *r, int ret, const char *text)
{
    uint8_t head[NBD_CHUNK_BYTES + 6];
    size_t len = strlen(text);

    if (!r->client->structured) {
        reply_simple(r, ret);
        return;
    }
    chunk_head(head, r, true, NBD_CHUNK_ERROR, 6 + len);
    st32_be(head + 20, nbd_error_from_errno(ret));
    st16_be(head + 24, len);
    /* The texts are literals: they outlive the reply. */
    nbd_stream_send(r->client->stream, head, sizeof(head), text, len, request_done, r);
}

static void reply_done(Request *r)
{
    uint8_t head[NBD_CHUNK_BYTES];

    chunk_head(head, r, true, NBD_CHUNK_NONE, 0);
    nbd_stream_send(r->client->stream, head, sizeof(head), NULL, 0, request_done, r);
}

/* Bytes [at, at + len) of the read; the last chunk gives the request back. */
static void send_data(Request *r, uint32_t at, uint32_t len, bool last)
{
    uint8_t head[NBD_CHUNK_BYTES + 8];

    chunk_head(head, r, last, NBD_CHUNK_DATA, 8 + len);
    st64_be(head + 20, r->from + at);
    nbd_stream_send(r->client->stream, head, sizeof(head), r->buf + at, len,
                    last ? request_done : NULL, r);
}

static void send_hole(Request *r, uint32_t at, uint32_t len, bool last)
{
    uint8_t head[NBD_CHUNK_BYTES + 12];

    chunk_head(head, r, last, NBD_CHUNK_HOLE, 12);
    st64_be(head + 20, r->from + at);
    st32_be(head + 28, len);
    nbd_stream_send(r->client->stream, head, sizeof(head), NULL, 0, last ? request_done : NULL,
                    r);
}

/* --- commands --- */

static BlockNode *node_of(const Request *r)
{
    return r->client->export->common.root->node;
}

static int co_read_at(Request *r, uint32_t at, uint32_t len)
{
    struct iovec iov = { r->buf + at, len };

    return co_node_preadv(node_of(r), r->from + at, len, &iov, 1);
}

/* Holes are sent as such and not read. 0 once all is sent; the error's place is not told. */
static int co_read_sparse(Request *r)
{
    uint32_t at = 0, len = r->len;      /* the last chunk may take r along */

    while (at < len) {
        int64_t n;
        int ret = co_node_block_status_above(node_of(r), NULL, true, r->from + at, len - at, &n,
                                             NULL, NULL);
        bool last;

        if (ret >= 0 && (n <= 0 || n > len - at)) {
            ret = -EIO;
        }
        if (ret < 0) {
            return ret;
        }
        last = at + n == len;
        if (ret & BLOCK_ZERO) {
            send_hole(r, at, n, last);
        } else {
            ret = co_read_at(r, at, n);
            if (ret < 0) {
                return ret;
            }
            send_data(r, at, n, last);
        }
        at += n;
    }
    return 0;
}

static void co_read(Request *r)
{
    bool structured = r->client->structured;
    int ret;

    if (!take_buffer(r)) {
        reply_error(r, -ENOMEM, "no memory for this read");
        return;
    }
    if (structured && r->len >= SPARSE_MIN && !(r->flags & NBD_CMD_FLAG_DF)) {
        ret = co_read_sparse(r);
        if (ret < 0) {
            reply_error(r, ret, "reading from file failed");
        }
        return;
    }
    ret = co_read_at(r, 0, r->len);
    if (ret < 0) {
        reply_error(r, ret, "reading from file failed");
    } else if (!structured) {
        reply_simple(r, 0);
    } else if (r->len) {
        send_data(r, 0, r->len, true);
    } else {
        reply_done(r);
    }
}

static int co_write(Request *r, unsigned fua)
{
    struct iovec iov = { r->buf, r->len };

    return co_node_pwritev(node_of(r), r->from, r->len, &iov, 1, fua);
}

static int co_write_zeroes(Request *r, unsigned fua)
{
    unsigned flags = fua;

    if (!(r->flags & NBD_CMD_FLAG_NO_HOLE)) {
        flags |= BLOCK_REQ_MAY_UNMAP;
    }
    if (r->flags & NBD_CMD_FLAG_FAST_ZERO) {
        flags |= BLOCK_REQ_NO_FALLBACK;
    }
    return co_node_pwrite_zeroes(node_of(r), r->from, r->len, flags);
}

static int co_trim(Request *r, unsigned fua)
{
    int ret = co_node_pdiscard(node_of(r), r->from, r->len);

    return ret < 0 || !fua ? ret : co_node_flush(node_of(r));
}

/* What a filter below keeps of what is read is the use of it: the data itself goes nowhere. */
static int co_cache(Request *r)
{
    uint32_t at = 0;
    void *buf = block_try_alloc(MIN(r->len, CACHE_BYTES));
    int ret = buf ? 0 : -ENOMEM;

    while (at < r->len && !ret) {
        size_t n = MIN(r->len - at, CACHE_BYTES);

        ret = co_node_pread(node_of(r), r->from + at, buf, n);
        at += n;
    }
    free(buf);
    return ret;
}

static int co_send_context(Request *r, uint32_t id)
{
    uint8_t head[NBD_CHUNK_BYTES + 4];
    uint32_t *pairs;
    unsigned count;
    int ret;

    ret = co_nbd_context_extents(r->client->export, id, r->from, r->len,
                                 r->flags & NBD_CMD_FLAG_REQ_ONE, &pairs, &count);
    if (ret < 0) {
        return ret;
    }
    chunk_head(head, r, false, NBD_CHUNK_BLOCK_STATUS, 4 + count * 8);
    st32_be(head + 20, id);
    nbd_stream_send(r->client->stream, head, sizeof(head), pairs, count * 8, g_free, pairs);
    return 0;
}

static void co_block_status(Request *r)
{
    const NbdContexts *contexts = &r->client->contexts;
    int ret = 0;

    if (!contexts->count) {
        reply_error(r, -EINVAL, "CMD_BLOCK_STATUS not negotiated");
        return;
    }
    if (contexts->allocation) {
        ret = co_send_context(r, NBD_CONTEXT_ID_ALLOCATION);
    }
    if (!ret && contexts->depth) {
        ret = co_send_context(r, NBD_CONTEXT_ID_DEPTH);
    }
    for (unsigned i = 0; !ret && i < contexts->bitmaps->len; i++) {
        unsigned bitmap = g_array_index(contexts->bitmaps, unsigned, i);

        ret = co_send_context(r, NBD_CONTEXT_ID_BITMAPS + bitmap);
    }
    if (ret < 0) {
        reply_error(r, ret, "can't get block status");
    } else {
        reply_done(r);
    }
}

/* Those whose answer is a number only */
static void co_plain(Request *r)
{
    BlockExport *exp = &r->client->export->common;
    unsigned fua = r->flags & NBD_CMD_FLAG_FUA || exp->writethrough ? BLOCK_REQ_FUA : 0;
    const char *failed;
    int ret;

    switch (r->type) {
    case NBD_CMD_WRITE:
        ret = co_write(r, fua);
        failed = "writing to file failed";
        break;
    case NBD_CMD_WRITE_ZEROES:
        ret = co_write_zeroes(r, fua);
        failed = "writing to file failed";
        break;
    case NBD_CMD_TRIM:
        ret = co_trim(r, fua);
        failed = "discard failed";
        break;
    case NBD_CMD_FLUSH:
        ret = co_node_flush(node_of(r));
        failed = "flush failed";
        break;
    case NBD_CMD_CACHE:
        ret = co_cache(r);
        failed = "caching data failed";
        break;
    default:
        ret = -EINVAL;
        failed = "invalid request type received";
        break;
    }
    TRACE(nbd_request_done, "%p %s cookie 0x%" PRIx64 ": %d", (void *)r->client,
          nbd_command_name(r->type), r->cookie, ret);
    if (ret < 0) {
        reply_error(r, ret, failed);
    } else {
        reply_simple(r, 0);
    }
}

static void co_request(void *opaque)
{
    Request *r = opaque;
    BlockExport *exp = &r->client->export->common;

    /* The reply may be the last that holds the client, which holds the export. */
    block_export_ref(exp);
    co_export_enter(exp);
    if (r->type == NBD_CMD_READ) {
        co_read(r);
    } else if (r->type == NBD_CMD_BLOCK_STATUS) {
        co_block_status(r);
    } else {
        co_plain(r);
    }
    block_export_leave(exp);
    block_export_unref(exp);
}

/* --- what comes in --- */

static uint16_t valid_flags(const NbdClient *client, uint16_t type)
{
    switch (type) {
    case NBD_CMD_READ:
        return NBD_CMD_FLAG_FUA | (client->structured ? NBD_CMD_FLAG_DF : 0);
    case NBD_CMD_WRITE_ZEROES:
        return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FAST_ZERO;
    case NBD_CMD_BLOCK_STATUS:
        return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_REQ_ONE;
    default:
        return NBD_CMD_FLAG_FUA;
    }
}

static bool is_write(uint16_t type)
{
    return type == NBD_CMD_WRITE || type == NBD_CMD_WRITE_ZEROES || type == NBD_CMD_TRIM;
}

/* A reason to answer no, in r->refuse and r->why. */
static void check(Request *r)
{
    const NbdClient *client = r->client;
    uint64_t size = nbd_export_size(client->export);
    uint32_t align = client->check_align;

    r->refuse = -EINVAL;
    if (r->type > NBD_CMD_BLOCK_STATUS) {
        r->why = "invalid request type received";
    } else if (r->flags & ~valid_flags(client, r->type)) {
        r->why = "unsupported flags for this command";
    } else if (is_write(r->type) && !client->export->common.writable) {
        r->refuse = -EPERM;
        r->why = "Export is read-only";
    } else if (r->type == NBD_CMD_FLUSH) {
        r->refuse = 0;
    } else if (r->from > size || r->len > size - r->from) {
        r->refuse = is_write(r->type) && r->type != NBD_CMD_TRIM ? -ENOSPC : -EINVAL;
        r->why = "operation past EOF";
    } else if (r->len > NBD_DATA_MAX && (r->type == NBD_CMD_READ || r->type == NBD_CMD_WRITE)) {
        r->why = "len is larger than max len";
    } else if (r->type == NBD_CMD_BLOCK_STATUS && !r->len) {
        r->why = "need non-zero length";
    } else if (align && ((r->from | r->len) & (align - 1))) {
        r->why = "unaligned request";
    } else {
        r->refuse = 0;
    }
}

/* What a write carries; false: the connection is over. */
static bool co_take_payload(Request *r)
{
    if (r->len > SKIP_MAX) {
        return false;               /* nobody waits for that much that goes nowhere */
    }
    if (!r->refuse && !take_buffer(r)) {
        r->refuse = -ENOMEM;
        r->why = "no memory for this write";
    }
    return r->refuse ? !co_nbd_skip(r->client->stream, r->len)
                     : !co_nbd_read(r->client->stream, r->buf, r->len);
}

/* Wait until the client may have another request that holds bytes. */
static void co_wait_room(NbdClient *client, size_t bytes)
{
    while (!nbd_stream_broken(client->stream) &&
           (client->nr_requests >= NBD_REQUESTS_MAX ||
            (client->payload && client->payload + bytes > NBD_PAYLOAD_MAX))) {
        co_queue_wait(&client->room, NULL);
    }
}

static bool co_next_request(NbdClient *client)
{
    uint8_t head[NBD_REQUEST_BYTES];
    Request *r;

    if (co_nbd_read(client->stream, head, sizeof(head)) ||
        ld32_be(head) != NBD_REQUEST_MAGIC || ld16_be(head + 6) == NBD_CMD_DISC) {
        return false;
    }
    r = g_new0(Request, 1);
    r->client = client;
    r->flags = ld16_be(head + 4);
    r->type = ld16_be(head + 6);
    r->cookie = ld64_be(head + 8);
    r->from = ld64_be(head + 16);
    r->len = ld32_be(head + 24);
    TRACE(nbd_request, "%p %s flags 0x%x from 0x%" PRIx64 " len 0x%x cookie 0x%" PRIx64,
          (void *)client, nbd_command_name(r->type), r->flags, r->from, r->len, r->cookie);
    check(r);
    if (!r->refuse && (r->type == NBD_CMD_READ || r->type == NBD_CMD_WRITE)) {
        r->room = MAX(r->len, NBD_BUFFER_BYTES);
    }
    co_wait_room(client, r->room);
    client->refs++;
    client->nr_requests++;
    client->payload += r->room;
    if (r->type == NBD_CMD_WRITE && !co_take_payload(r)) {
        request_done(r);
        return false;
    }
    if (r->refuse) {
        reply_error(r, r->refuse, r->why);
    } else {
        co_enter(co_create(co_request, r));
    }
    return !nbd_stream_broken(client->stream);
}

void co_nbd_server_serve(NbdClient *client)
{
    while (co_next_request(client)) {
    }
    /* What was asked for is done, and answered to who still listens. */
    while (client->nr_requests) {
        co_queue_wait(&client->room, NULL);
    }
    co_nbd_flush(client->stream);
}
