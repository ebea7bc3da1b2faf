/* A client's connection to an NBD server: calls and answers by cookie, reconnecting */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/connection.h"

#include "util/bswap.h"
#include "util/co-lock.h"
#include "util/iov.h"
#include "util/thread-pool.h"
#include "util/trace.h"

#define CALLS_MAX     64                /* at the same time */
#define CHUNKS_MAX    (1024 * 1024)     /* of one answer */
#define SAID_MAX      4096              /* bytes of a server's error text */
#define HANDSHAKE_SECONDS 30            /* for a server to get through its greeting */
#define RETRY_FIRST   1                 /* seconds between attempts: doubled, at most ... */
#define RETRY_MAX     16

typedef enum Phase {
    PHASE_UP,
    PHASE_WAIT,             /* lost; calls wait for a new connection */
    PHASE_DOWN,             /* lost for longer than they wait: they fail */
    PHASE_QUIT,
} Phase;

/* A call under way, from its place until its answer; on the caller's stack. */
typedef struct Slot {
    NbdCall *call;
    Coroutine *co;          /* waits for done, then for unsent to become 0 */
    uint64_t cookie;
    unsigned unsent;        /* pieces of it that the stream still holds */
    uint32_t got;           /* bytes of data so far */
    unsigned chunks;
    bool done, lost;        /* lost: no answer will come */
    bool has_extent;
    int ret;
} Slot;

struct NbdConnection {
    unsigned refs;          /* the driver's, and that of co_keep() */
    NbdConfig config;
    NbdInfo info;
    Phase phase;
    Loop *loop;
    NbdStream *stream;      /* NULL unless PHASE_UP */
    Slot *slots[CALLS_MAX];
    unsigned nr_slots;
    uint64_t next_cookie;
    CoQueue room;           /* callers without a slot, or without a connection */
    Timer give_up;          /* ends PHASE_WAIT */
    Timer retry;
    Coroutine *sleeper;     /* co_keep() between two attempts */
    CoQueue ended;          /* co_keep() is over */
    bool keeping;
};

void nbd_config_clear(NbdConfig *config)
{
    sockaddr_clear(&config->addr);
    tls_creds_unref(config->tls);
    g_free(config->export);
    g_free(config->context);
    g_free(config->hostname);
}

static void conn_unref(NbdConnection *conn)
{
    if (--conn->refs) {
        return;
    }
    nbd_info_clear(&conn->info);
    nbd_config_clear(&conn->config);
    g_free(conn);
}

const NbdInfo *nbd_connection_info(const NbdConnection *conn)
{
    return &conn->info;
}

char *nbd_connection_uri(const NbdConnection *conn)
{
    const SockAddr *addr = &conn->config.addr;
    g_autofree char *export = g_uri_escape_string(conn->config.export, "/", false);
    bool has = *export;

    if (addr->kind == SOCK_KIND_UNIX && !addr->abstract) {
        return g_strdup_printf("nbd+unix://%s%s?socket=%s", has ? "/" : "", export, addr->path);
    }
    if (addr->kind == SOCK_KIND_TCP) {
        bool v6 = strchr(addr->host, ':');

        return g_strdup_printf("nbd://%s%s%s:%s%s%s", v6 ? "[" : "", addr->host, v6 ? "]" : "",
                               addr->port, has ? "/" : "", export);
    }
    return NULL;
}

/* --- connecting --- */

typedef struct Connect {
    const SockAddr *addr;
    Error *err;
} Connect;

static int connect_now(void *opaque)
{
    Connect *connect = opaque;

    return socket_connect(connect->addr, &connect->err);
}

int co_nbd_connect(const SockAddr *addr, Error **errp)
{
    Connect connect = { .addr = addr };
    int fd;

    if (addr->kind == SOCK_KIND_FD) {
        return socket_connect(addr, errp);      /* it is one already */
    }
    fd = co_thread_call(connect_now, &connect);

    if (fd < 0) {
        error_propagate(errp, connect.err);
    } else if (addr->kind == SOCK_KIND_TCP) {
        socket_set_nodelay(fd);
    }
    return fd;
}

static void too_late(void *opaque)
{
    nbd_stream_abort(opaque);
}

/* Connect and negotiate; on success conn->stream is there, and *info is filled. */
static bool co_try(NbdConnection *conn, NbdInfo *info, Error **errp)
{
    NbdWish wish = { .export = conn->config.export, .context = conn->config.context,
                     .tls = conn->config.tls, .hostname = conn->config.hostname };
    int fd = co_nbd_connect(&conn->config.addr, errp);
    NbdStream *stream;
    Timer deadline;
    bool ok;

    if (fd < 0) {
        return false;
    }
    stream = nbd_stream_new(fd);
    conn->stream = stream;          /* so that closing breaks a handshake off */
    timer_init(&deadline, CLOCK_TYPE_REALTIME, too_late, stream);
    timer_arm(&deadline, clock_ns(CLOCK_TYPE_REALTIME) + HANDSHAKE_SECONDS * NS_PER_SECOND);
    ok = conn->phase != PHASE_QUIT && co_nbd_client_handshake(stream, &wish, info, errp);
    timer_disarm(&deadline);
    if (!ok) {
        nbd_stream_unref(stream);
        conn->stream = NULL;
    }
    return ok;
}

/* --- answers --- */

static void finish(Slot *slot, int ret)
{
    Coroutine *co = slot->co;

    slot->done = true;
    slot->ret = slot->ret ? slot->ret : ret;
    slot->co = NULL;
    if (co && !slot->unsent) {
        co_wake(co);
    } else {
        slot->co = co;
    }
}

/* A piece of a call left the stream: only now may the caller's memory go away. */
static void piece_sent(void *opaque)
{
    Slot *slot = opaque;

    if (--slot->unsent == 0 && slot->done && slot->co) {
        co_wake(g_steal_pointer(&slot->co));
    }
}

static Slot *find_slot(NbdConnection *conn, uint64_t cookie)
{
    Slot *slot = conn->slots[cookie % CALLS_MAX];

    return slot && slot->cookie == cookie && !slot->done ? slot : NULL;
}

/* Bytes [at, at + len) of what the call reads, straight to where they belong. */
static int co_read_data(NbdConnection *conn, Slot *slot, uint32_t at, uint32_t len)
{
    IoVec part = { 0 };
    int ret = 0;

    iovec_add_slice(&part, slot->call->iov, slot->call->niov, at, len);
    for (unsigned i = 0; i < part.n && !ret; i++) {
        ret = co_nbd_read(conn->stream, part.iov[i].iov_base, part.iov[i].iov_len);
    }
    iovec_free(&part);
    return ret;
}

/* Is [offset, offset + len) inside of what was asked for? */
static bool inside(const Slot *slot, uint64_t offset, uint64_t len)
{
    const NbdCall *call = slot->call;

    return slot->call->type == NBD_CMD_READ && offset >= call->from && len &&
           offset - call->from <= call->len && len <= call->len - (offset - call->from);
}

static int co_data_chunk(NbdConnection *conn, Slot *slot, uint32_t len)
{
    uint8_t head[8];
    uint64_t offset;

    if (len <= 8 || co_nbd_read(conn->stream, head, 8)) {
        return -EIO;
    }
    offset = ld64_be(head);
    len -= 8;
    if (!inside(slot, offset, len)) {
        return -EIO;
    }
    slot->got += len;
    return co_read_data(conn, slot, offset - slot->call->from, len);
}

static int co_hole_chunk(NbdConnection *conn, Slot *slot, uint32_t len)
{
    uint8_t body[12];
    uint64_t offset;

    if (len != sizeof(body) || co_nbd_read(conn->stream, body, sizeof(body))) {
        return -EIO;
    }
    offset = ld64_be(body);
    len = ld32_be(body + 8);
    if (!inside(slot, offset, len)) {
        return -EIO;
    }
    slot->got += len;
    iov_memset(slot->call->iov, slot->call->niov, offset - slot->call->from, 0, len);
    return 0;
}

static int co_status_chunk(NbdConnection *conn, Slot *slot, uint32_t len)
{
    NbdCall *call = slot->call;
    uint8_t body[12];

    if (call->type != NBD_CMD_BLOCK_STATUS || len < sizeof(body) || (len - 4) % 8 ||
        slot->has_extent || co_nbd_read(conn->stream, body, sizeof(body))) {
        return -EIO;
    }
    call->extent_len = ld32_be(body + 4);
    call->extent_flags = ld32_be(body + 8);
    if (ld32_be(body) != conn->info.context_id || !call->extent_len) {
        return -EIO;
    }
    slot->has_extent = true;
    /* We asked for one; servers that send more mean well. */
    return co_nbd_skip(conn->stream, len - sizeof(body));
}

static int co_error_chunk(NbdConnection *conn, Slot *slot, uint16_t type, uint32_t len)
{
    g_autofree char *text = NULL;
    uint8_t body[6];
    uint16_t said;
    int ret;

    if (len < sizeof(body) || len > SAID_MAX + 14 ||
        co_nbd_read(conn->stream, body, sizeof(body))) {
        return -EIO;
    }
    said = ld16_be(body + 4);
    len -= sizeof(body);
    if (!ld32_be(body) || said > len) {
        return -EIO;
    }
    text = g_malloc0(said + 1);
    ret = co_nbd_read(conn->stream, text, said);
    if (ret || co_nbd_skip(conn->stream, len - said)) {
        return -EIO;
    }
    slot->ret = slot->ret ? slot->ret : nbd_error_to_errno(ld32_be(body));
    TRACE(nbd_client_error, "%s: %s (%s)", nbd_command_name(slot->call->type),
          g_strerror(-slot->ret), text);
    return 0;
}

/* What the answers of a call that ends well must have had */
static int complete(Slot *slot)
{
    const NbdCall *call = slot->call;

    if (slot->ret) {
        return slot->ret;
    }
    if (call->type == NBD_CMD_READ && slot->got != call->len) {
        return -EIO;        /* else what was in the memory before would pass for data */
    }
    if (call->type == NBD_CMD_BLOCK_STATUS && !slot->has_extent) {
        return -EIO;
    }
    return 0;
}

/* One chunk of a structured answer; what is not understood ends the connection. */
static int co_chunk(NbdConnection *conn)
{
    uint8_t head[NBD_CHUNK_BYTES];
    uint16_t flags, type;
    uint32_t len;
    Slot *slot;
    int ret = co_nbd_read(conn->stream, head + 4, sizeof(head) - 4);

    if (ret) {
        return ret;
    }
    flags = ld16_be(head + 4);
    type = ld16_be(head + 6);
    len = ld32_be(head + 16);
    slot = find_slot(conn, ld64_be(head + 8));
    if (!slot || !conn->info.structured || ++slot->chunks > CHUNKS_MAX) {
        return -EIO;
    }
    if (type == NBD_CHUNK_NONE) {
        ret = len || !(flags & NBD_CHUNK_FLAG_DONE) ? -EIO : 0;
    } else if (type == NBD_CHUNK_DATA) {
        ret = co_data_chunk(conn, slot, len);
    } else if (type == NBD_CHUNK_HOLE) {
        ret = co_hole_chunk(conn, slot, len);
    } else if (type == NBD_CHUNK_BLOCK_STATUS) {
        ret = co_status_chunk(conn, slot, len);
    } else if (type & NBD_CHUNK_IS_ERROR) {
        ret = co_error_chunk(conn, slot, type, len);
    } else {
        ret = -EIO;
    }
    if (!ret && flags & NBD_CHUNK_FLAG_DONE) {
        finish(slot, complete(slot));
    }
    return ret;
}

static int co_simple_reply(NbdConnection *conn)
{
    uint8_t head[NBD_SIMPLE_REPLY_BYTES];
    int ret = co_nbd_read(conn->stream, head + 4, sizeof(head) - 4);
    Slot *slot;

    if (ret) {
        return ret;
    }
    slot = find_slot(conn, ld64_be(head + 8));
    if (!slot || slot->chunks) {
        return -EIO;
    }
    slot->ret = nbd_error_to_errno(ld32_be(head + 4));
    if (!slot->ret && slot->call->type == NBD_CMD_READ) {
        if (conn->info.structured) {
            return -EIO;            /* these must come in chunks */
        }
        ret = co_read_data(conn, slot, 0, slot->call->len);
        slot->got = slot->call->len;
    }
    if (!ret) {
        finish(slot, complete(slot));
    }
    return ret;
}

/* Until the connection ends, however that comes. */
static void co_receive(NbdConnection *conn)
{
    int ret = 0;

    while (!ret) {
        uint8_t magic[4];

        ret = co_nbd_read(conn->stream, magic, sizeof(magic));
        if (!ret && ld32_be(magic) == NBD_CHUNK_MAGIC) {
            ret = co_chunk(conn);
        } else if (!ret && ld32_be(magic) == NBD_SIMPLE_REPLY_MAGIC) {
            ret = co_simple_reply(conn);
        } else if (!ret) {
            ret = -EINVAL;
        }
    }
    TRACE(nbd_client_lost, "%s", g_strerror(-ret));
}

/* --- keeping a connection --- */

static void given_up(void *opaque)
{
    NbdConnection *conn = opaque;

    if (conn->phase == PHASE_WAIT) {
        conn->phase = PHASE_DOWN;
        co_queue_wake_all(&conn->room);
    }
}

static void retry_now(void *opaque)
{
    NbdConnection *conn = opaque;

    if (conn->sleeper) {
        co_wake(g_steal_pointer(&conn->sleeper));
    }
}

/* For so many seconds, or until the connection is closed. */
static void co_pause(NbdConnection *conn, unsigned seconds)
{
    timer_arm(&conn->retry, clock_ns(CLOCK_TYPE_REALTIME) + seconds * NS_PER_SECOND);
    conn->sleeper = co_self();
    co_yield();
    timer_disarm(&conn->retry);
}

/* A socket that was handed over is there once. */
static bool can_reconnect(const NbdConnection *conn)
{
    return conn->config.addr.kind != SOCK_KIND_FD;
}

/* The stream is over: nobody's answer will come. */
static void drop_stream(NbdConnection *conn)
{
    NbdStream *stream = g_steal_pointer(&conn->stream);

    if (conn->phase != PHASE_QUIT) {
        bool wait = conn->config.reconnect_delay && can_reconnect(conn);

        conn->phase = wait ? PHASE_WAIT : PHASE_DOWN;
        if (wait) {
            timer_arm(&conn->give_up, clock_ns(CLOCK_TYPE_REALTIME) +
                      conn->config.reconnect_delay * NS_PER_SECOND);
        }
    }
    nbd_stream_abort(stream);       /* gives all pieces back */
    for (unsigned i = 0; i < CALLS_MAX; i++) {
        if (conn->slots[i] && !conn->slots[i]->done) {
            conn->slots[i]->lost = true;
            finish(conn->slots[i], -EIO);
        }
    }
    nbd_stream_unref(stream);
    co_queue_wake_all(&conn->room);
}

/* A server that came back must still be what the node was opened as. */
static bool same_export(const NbdInfo *old, const NbdInfo *new)
{
    const uint16_t used = NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM |
                          NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_SEND_FAST_ZERO;
    uint16_t lost = used & old->flags & ~new->flags;

    return old->size == new->size && !lost && old->min_block >= new->min_block &&
           !(new->flags & ~old->flags & NBD_FLAG_READ_ONLY) &&
           (!new->max_block || (old->max_block ? new->max_block >= old->max_block
                                               : new->max_block >= NBD_DATA_MAX));
}

/* False: the connection was closed meanwhile. */
static bool co_reconnect(NbdConnection *conn)
{
    unsigned seconds = RETRY_FIRST;

    while (conn->phase != PHASE_QUIT) {
        g_autoptr(Error) err = NULL;
        NbdInfo info = { 0 };
        bool ok = co_try(conn, &info, &err);

        if (ok && conn->phase != PHASE_QUIT && same_export(&conn->info, &info)) {
            nbd_info_clear(&conn->info);
            conn->info = info;
            timer_disarm(&conn->give_up);
            conn->phase = PHASE_UP;
            TRACE(nbd_client_back, "%s", conn->config.export);
            co_queue_wake_all(&conn->room);
            return true;
        }
        TRACE(nbd_client_retry, "%s", err ? error_text(err) : "it is another export now");
        if (ok) {
            nbd_stream_unref(g_steal_pointer(&conn->stream));
        }
        nbd_info_clear(&info);
        if (conn->phase != PHASE_QUIT) {
            co_pause(conn, seconds);
            seconds = MIN(seconds * 2, RETRY_MAX);
        }
    }
    return false;
}

/* Receives answers, and gets another connection when one is lost. */
static void co_keep(void *opaque)
{
    NbdConnection *conn = opaque;

    do {
        co_receive(conn);
        drop_stream(conn);
    } while (can_reconnect(conn) && co_reconnect(conn));
    conn->keeping = false;
    co_queue_wake_all(&conn->ended);
    conn_unref(conn);
}

NbdConnection *co_nbd_connection_open(NbdConfig *config, Error **errp)
{
    NbdConnection *conn = g_new0(NbdConnection, 1);
    int64_t until = clock_ns(CLOCK_TYPE_REALTIME) + config->open_timeout * NS_PER_SECOND;
    g_autoptr(Error) err = NULL;

    conn->refs = 1;
    conn->config = *config;
    conn->loop = co_loop(co_self());
    co_queue_init(&conn->room);
    co_queue_init(&conn->ended);
    timer_init(&conn->give_up, CLOCK_TYPE_REALTIME, given_up, conn);
    timer_init(&conn->retry, CLOCK_TYPE_REALTIME, retry_now, conn);
    while (!co_try(conn, &conn->info, &err)) {
        int64_t next = clock_ns(CLOCK_TYPE_REALTIME) + RETRY_FIRST * NS_PER_SECOND;

        if (next > until || !can_reconnect(conn)) {
            error_propagate(errp, g_steal_pointer(&err));
            conn_unref(conn);
            return NULL;
        }
        g_clear_pointer(&err, error_free);
        nbd_info_clear(&conn->info);
        co_pause(conn, RETRY_FIRST);
    }
    conn->refs++;
    conn->keeping = true;
    co_enter(co_create(co_keep, conn));
    return conn;
}

/* A connect() under way is not waited for: it ends into nothing. */
void nbd_connection_abandon(NbdConnection *conn)
{
    conn->phase = PHASE_QUIT;
    timer_disarm(&conn->give_up);
    retry_now(conn);
    if (conn->stream) {
        nbd_stream_abort(conn->stream);
    }
}

void co_nbd_connection_close(NbdConnection *conn)
{
    if (conn->phase == PHASE_UP && conn->stream && !nbd_stream_broken(conn->stream)) {
        uint8_t head[NBD_REQUEST_BYTES] = { 0 };

        st32_be(head, NBD_REQUEST_MAGIC);
        st16_be(head + 6, NBD_CMD_DISC);
        nbd_stream_send_copy(conn->stream, head, sizeof(head));
        co_nbd_flush(conn->stream);
    }
    conn->phase = PHASE_QUIT;
    timer_disarm(&conn->give_up);
    retry_now(conn);
    if (conn->stream) {
        nbd_stream_abort(conn->stream);
        while (conn->keeping) {
            co_queue_wait(&conn->ended, NULL);
        }
    }
    conn_unref(conn);
}

/* --- calls --- */

static void send_call(NbdConnection *conn, Slot *slot)
{
    const NbdCall *call = slot->call;
    unsigned niov = call->type == NBD_CMD_WRITE ? call->niov : 0;
    uint8_t head[NBD_REQUEST_BYTES];

    st32_be(head, NBD_REQUEST_MAGIC);
    st16_be(head + 4, call->flags);
    st16_be(head + 6, call->type);
    st64_be(head + 8, slot->cookie);
    st64_be(head + 16, call->from);
    st32_be(head + 24, call->len);
    slot->unsent = MAX(niov, 1);
    for (unsigned i = 0; i < MAX(niov, 1); i++) {
        nbd_stream_send(conn->stream, head, i ? 0 : sizeof(head),
                        niov ? call->iov[i].iov_base : NULL, niov ? call->iov[i].iov_len : 0,
                        piece_sent, slot);
    }
}

/* Wait for a place and a connection; -EIO where there is none and will not be soon. */
static int co_wait_room(NbdConnection *conn, unsigned *place)
{
    for (;;) {
        if (conn->phase == PHASE_DOWN || conn->phase == PHASE_QUIT) {
            return -EIO;
        }
        if (conn->phase == PHASE_UP && conn->nr_slots < CALLS_MAX) {
            break;
        }
        co_queue_wait(&conn->room, NULL);
    }
    *place = conn->next_cookie % CALLS_MAX;
    while (conn->slots[*place]) {
        *place = (*place + 1) % CALLS_MAX;
    }
    return 0;
}

int co_nbd_call(NbdConnection *conn, NbdCall *call)
{
    for (;;) {
        Slot slot = { .call = call };
        unsigned place;
        int ret = co_wait_room(conn, &place);

        if (ret) {
            return ret;
        }
        conn->next_cookie = ROUND_DOWN(conn->next_cookie, CALLS_MAX) + CALLS_MAX + place;
        slot.cookie = conn->next_cookie;
        conn->slots[place] = &slot;
        conn->nr_slots++;
        TRACE(nbd_client_call, "%s flags 0x%x from 0x%" PRIx64 " len 0x%x cookie 0x%" PRIx64,
              nbd_command_name(call->type), call->flags, call->from, call->len, slot.cookie);
        send_call(conn, &slot);
        while (!slot.done || slot.unsent) {
            slot.co = co_self();
            co_yield();
        }
        conn->slots[place] = NULL;
        conn->nr_slots--;
        co_queue_wake_one(&conn->room);
        /* All requests may be done twice: what was not answered is asked of the next server. */
        if (!slot.lost || conn->phase == PHASE_DOWN || conn->phase == PHASE_QUIT) {
            return slot.ret;
        }
        call->extent_len = 0;
    }
}
