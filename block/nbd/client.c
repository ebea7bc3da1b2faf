/* The nbd block driver: options, open and close, requests to one server over one connection */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/connection.h"
#include "block/nbd/uri.h"

#include "qapi/sockaddr.h"
#include "qom/tls-creds.h"

#include "block/driver.h"

/* The driver's state; all that outlives a close is in the connection. */
typedef struct NbdState {
    NbdConnection *conn;
} NbdState;

static NbdConnection *conn_of(const BlockNode *node)
{
    return ((NbdState *)node->state)->conn;
}

/* --- open, close --- */

static bool fill_config(NbdConfig *config, const BlockdevOptionsNbd *o, Error **errp)
{
    if (!sockaddr_from_qapi(o->server, &config->addr, errp)) {
        return false;
    }
    if (o->tls_hostname && !o->tls_creds) {
        error_set(errp, "tls-hostname needs tls-creds");
        return false;
    }
    if (o->tls_creds) {
        config->tls = tls_creds_find(o->tls_creds, false, errp);
        if (!config->tls) {
            return false;
        }
    }
    if (o->export && strlen(o->export) > NBD_STRING_MAX) {
        error_set(errp, "export name too long to send to server");
        return false;
    }
    if (o->x_dirty_bitmap && strlen(o->x_dirty_bitmap) > NBD_STRING_MAX) {
        error_set(errp, "x-dirty-bitmap query too long to send to server");
        return false;
    }
    config->export = g_strdup(o->export ? o->export : "");
    config->context = g_strdup(o->x_dirty_bitmap ? o->x_dirty_bitmap : NBD_CONTEXT_ALLOCATION);
    config->hostname = g_strdup(o->tls_hostname ? o->tls_hostname
                                : config->addr.kind == SOCK_KIND_TCP ? config->addr.host : NULL);
    config->reconnect_delay = o->has_reconnect_delay ? o->reconnect_delay : 0;
    config->open_timeout = o->has_open_timeout ? o->open_timeout : 0;
    return true;
}

static bool take_info(BlockNode *node, const BlockdevOptionsNbd *o, Error **errp)
{
    const NbdInfo *info = nbd_connection_info(conn_of(node));
    uint32_t unit = MAX(info->min_block, 1);
    uint32_t most = info->max_block ? MIN(info->max_block, NBD_DATA_MAX) : NBD_DATA_MAX;

    if (o->x_dirty_bitmap && !info->has_context) {
        error_set(errp, "requested x-dirty-bitmap %s not found", o->x_dirty_bitmap);
        return false;
    }
    if (info->flags & NBD_FLAG_READ_ONLY && !node->read_only) {
        if (!node->auto_read_only) {
            error_set(errp, "request on write denied without write permission");
            error_hint(errp, "The server exports '%s' read-only", o->export ? o->export : "");
            return false;
        }
        node->read_only = true;
    }
    node->length = info->size;
    node->limits.request_alignment = unit;
    node->limits.max_transfer = MAX(ROUND_DOWN(most, unit), unit);
    node->limits.max_iov = IOV_MAX / 2;
    node->limits.max_zeroes = node->limits.max_discard = ROUND_DOWN(INT32_MAX, unit);
    node->limits.opt_transfer = info->opt_block;
    return true;
}

static bool co_nbd_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsNbd *o = &options->u.nbd;
    NbdState *s = node->state;
    NbdConfig config = { .addr.fd = -1 };

    if (!fill_config(&config, o, errp)) {
        nbd_config_clear(&config);
        return false;
    }
    s->conn = co_nbd_connection_open(&config, errp);        /* takes config */
    if (!s->conn) {
        return false;
    }
    if (!take_info(node, o, errp)) {
        co_nbd_connection_close(s->conn);
        return false;
    }
    return true;
}

static void co_nbd_close(BlockNode *node)
{
    co_nbd_connection_close(conn_of(node));
}

/* nbd://host:port/export, as QEMU shows it */
static void nbd_abandon(BlockNode *node)
{
    nbd_connection_abandon(conn_of(node));
}

static void nbd_refresh_filename(BlockNode *node)
{
    g_free(node->filename);
    node->filename = nbd_connection_uri(conn_of(node));
}

/* --- requests --- */

static int co_nbd_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                         unsigned niov)
{
    NbdCall call = { .type = NBD_CMD_READ, .from = offset, .len = bytes, .iov = iov,
                     .niov = niov };

    return co_nbd_call(conn_of(node), &call);
}

/* Stable where that is wanted, also from servers that know no FUA. */
static int co_call_fua(BlockNode *node, NbdCall *call, unsigned flags)
{
    bool can_fua = nbd_connection_info(conn_of(node))->flags & NBD_FLAG_SEND_FUA;
    NbdCall flush = { .type = NBD_CMD_FLUSH };
    int ret;

    if (flags & BLOCK_REQ_FUA && can_fua) {
        call->flags |= NBD_CMD_FLAG_FUA;
    }
    ret = co_nbd_call(conn_of(node), call);
    if (!ret && flags & BLOCK_REQ_FUA && !can_fua &&
        nbd_connection_info(conn_of(node))->flags & NBD_FLAG_SEND_FLUSH) {
        ret = co_nbd_call(conn_of(node), &flush);
    }
    return ret;
}

static int co_nbd_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov, unsigned flags)
{
    NbdCall call = { .type = NBD_CMD_WRITE, .from = offset, .len = bytes, .iov = iov,
                     .niov = niov };

    return co_call_fua(node, &call, flags);
}

static int co_nbd_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    uint16_t can = nbd_connection_info(conn_of(node))->flags;
    NbdCall call = { .type = NBD_CMD_WRITE_ZEROES, .from = offset, .len = bytes };

    if (!(can & NBD_FLAG_SEND_WRITE_ZEROES)) {
        return -ENOTSUP;
    }
    if (!(flags & BLOCK_REQ_MAY_UNMAP)) {
        call.flags |= NBD_CMD_FLAG_NO_HOLE;
    }
    if (flags & BLOCK_REQ_NO_FALLBACK) {
        if (!(can & NBD_FLAG_SEND_FAST_ZERO)) {
            return -ENOTSUP;        /* it might write them out, and would not tell */
        }
        call.flags |= NBD_CMD_FLAG_FAST_ZERO;
    }
    return co_call_fua(node, &call, flags);
}

static int co_nbd_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    NbdCall call = { .type = NBD_CMD_TRIM, .from = offset, .len = bytes };

    if (!(nbd_connection_info(conn_of(node))->flags & NBD_FLAG_SEND_TRIM)) {
        return 0;
    }
    return co_nbd_call(conn_of(node), &call);
}

static int co_nbd_flush_node(BlockNode *node)
{
    NbdCall call = { .type = NBD_CMD_FLUSH };

    if (!(nbd_connection_info(conn_of(node))->flags & NBD_FLAG_SEND_FLUSH)) {
        return 0;
    }
    return co_nbd_call(conn_of(node), &call);
}

static int co_nbd_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                               int64_t *pnum, int64_t *map, BlockNode **file)
{
    const NbdInfo *info = nbd_connection_info(conn_of(node));
    uint32_t unit = MAX(info->min_block, 1);
    NbdCall call = {
        .type = NBD_CMD_BLOCK_STATUS, .flags = NBD_CMD_FLAG_REQ_ONE, .from = offset,
        .len = MIN(bytes, (int64_t)ROUND_DOWN(INT32_MAX, unit)),
    };
    int ret;

    *pnum = bytes;
    *map = offset;
    *file = node;
    if (!info->has_context) {
        return BLOCK_DATA | BLOCK_OFFSET_VALID;
    }
    ret = co_nbd_call(conn_of(node), &call);
    if (ret < 0) {
        return ret;
    }
    if (call.extent_len < unit) {
        *pnum = MIN((int64_t)unit, bytes);      /* less than a block, against its own promise */
        return BLOCK_DATA | BLOCK_OFFSET_VALID;
    }
    *pnum = MIN(ROUND_DOWN(call.extent_len, unit), bytes);
    return (call.extent_flags & NBD_STATE_HOLE ? 0 : BLOCK_DATA) |
           (call.extent_flags & NBD_STATE_ZERO ? BLOCK_ZERO : 0) | BLOCK_OFFSET_VALID;
}

static const char *const strong_options[] = { "server", "export", "tls-creds", "tls-hostname",
                                              NULL };

static const char *const protocols[] = { "nbd", "nbd+tcp", "nbd+unix", "nbds", "nbds+tcp",
                                         "nbds+unix", NULL };

static const BlockDriver nbd_driver = {
    .name = "nbd", .desc = "a disk of an NBD server", .size = sizeof(NbdState),
    .is_protocol = true, .handles_fua = true, .co_open = co_nbd_open,
    .co_close = co_nbd_close, .abandon = nbd_abandon,
    .co_preadv = co_nbd_preadv, .co_pwritev = co_nbd_pwritev,
    .co_pwrite_zeroes = co_nbd_pwrite_zeroes, .co_pdiscard = co_nbd_pdiscard,
    .co_flush = co_nbd_flush_node, .co_block_status = co_nbd_block_status,
    .protocols = protocols, .parse_filename = nbd_parse_filename,
    .strong_options = strong_options, .refresh_filename = nbd_refresh_filename,
};
REGISTER_BLOCK_DRIVER(nbd_driver)
