/* The NBD server's handshake: fixed newstyle, options until one chooses an export */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/server-int.h"

#include "qom/authz.h"
#include "util/bswap.h"
#include "util/trace.h"

#define OPTION_SKIP_MAX (32 * 1024 * 1024)

typedef enum Step {
    STEP_NEXT,              /* another option */
    STEP_SERVE,             /* an export was chosen */
    STEP_END,               /* the client is to be dropped */
} Step;

/* An option and its data, in which at walks on */
typedef struct Option {
    uint32_t code, len;
    uint8_t *data;
    size_t at;
} Option;

/* --- the data of an option, never past its end --- */

static size_t left(const Option *o)
{
    return o->len - o->at;
}

static bool take_u16(Option *o, uint16_t *value)
{
    if (left(o) < 2) {
        return false;
    }
    *value = ld16_be(o->data + o->at);
    o->at += 2;
    return true;
}

static bool take_u32(Option *o, uint32_t *value)
{
    if (left(o) < 4) {
        return false;
    }
    *value = ld32_be(o->data + o->at);
    o->at += 4;
    return true;
}

/* A string with its length in front; *text is ended by a NUL, g_free(). */
static bool take_string(Option *o, char **text, uint32_t *len)
{
    if (!take_u32(o, len) || *len > NBD_STRING_MAX || *len > left(o) ||
        memchr(o->data + o->at, 0, *len)) {
        return false;
    }
    *text = g_strndup((char *)o->data + o->at, *len);
    o->at += *len;
    return true;
}

/* --- replies --- */

static void reply(NbdClient *client, const Option *o, uint32_t type, const void *data,
                  uint32_t len)
{
    uint8_t head[NBD_OPTION_REPLY_BYTES];
    void *copy = len ? g_memdup2(data, len) : NULL;

    st64_be(head, NBD_REP_MAGIC);
    st32_be(head + 8, o->code);
    st32_be(head + 12, type);
    st32_be(head + 16, len);
    TRACE(nbd_option_reply, "%p %s: %s, %u bytes", (void *)client, nbd_option_name(o->code),
          nbd_reply_name(type), len);
    nbd_stream_send(client->stream, head, sizeof(head), copy, len, g_free, copy);
}

static Step ack(NbdClient *client, const Option *o)
{
    reply(client, o, NBD_REP_ACK, NULL, 0);
    return STEP_NEXT;
}

static Step refuse(NbdClient *client, const Option *o, uint32_t type, const char *fmt, ...)
    PRINTF_FORMAT(4, 5);

static Step refuse(NbdClient *client, const Option *o, uint32_t type, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    reply(client, o, type, text, MIN(strlen(text), NBD_STRING_MAX));
    return STEP_NEXT;
}

static Step refuse_length(NbdClient *client, const Option *o)
{
    return refuse(client, o, NBD_REP_ERR_INVALID, "option '%s' has unexpected length or content",
                  nbd_option_name(o->code));
}

/* --- choosing an export --- */

static void choose(NbdClient *client, NbdExport *exp)
{
    client->export = exp;
    block_export_ref(&exp->common);
    list_append(&exp->clients, &client->export_link);
    if (g_strcmp0(client->contexts.export_name, exp->name)) {
        client->contexts.count = 0;     /* they were chosen for another one */
        client->contexts.allocation = client->contexts.depth = false;
        g_array_set_size(client->contexts.bitmaps, 0);
    }
}

/* The one option that cannot be refused with an answer. */
static Step export_name(NbdClient *client, Option *o, Error **errp)
{
    g_autofree char *name = g_strndup((char *)o->data, o->len);
    NbdExport *exp = o->len <= NBD_STRING_MAX ? nbd_export_find(name) : NULL;
    uint8_t answer[10 + NBD_ZEROES_BYTES] = { 0 };

    if (!exp) {
        error_set(errp, "export '%s' not present", name);
        return STEP_END;
    }
    choose(client, exp);
    st64_be(answer, nbd_export_size(exp));
    st16_be(answer + 8, nbd_export_flags(exp, client));
    nbd_stream_send_copy(client->stream, answer, client->no_zeroes ? 10 : sizeof(answer));
    return STEP_SERVE;
}

static void list_one(NbdExport *exp, void *opaque)
{
    struct {
        NbdClient *client;
        Option *o;
    } *ctx = opaque;
    g_autoptr(GByteArray) data = g_byte_array_new();
    uint8_t len[4];

    st32_be(len, strlen(exp->name));
    g_byte_array_append(data, len, 4);
    g_byte_array_append(data, (uint8_t *)exp->name, strlen(exp->name));
    if (exp->description) {
        g_byte_array_append(data, (uint8_t *)exp->description, strlen(exp->description));
    }
    reply(ctx->client, ctx->o, NBD_REP_SERVER, data->data, data->len);
}

static Step list(NbdClient *client, Option *o)
{
    struct {
        NbdClient *client;
        Option *o;
    } ctx = { client, o };

    if (o->len) {
        return refuse_length(client, o);
    }
    nbd_exports_for_each(list_one, &ctx);
    return ack(client, o);
}

static void info_text(NbdClient *client, const Option *o, uint16_t type, const char *text)
{
    size_t len = strlen(text);
    g_autofree uint8_t *data = g_malloc(2 + len);

    st16_be(data, type);
    memcpy(data + 2, text, len);
    reply(client, o, NBD_REP_INFO, data, 2 + len);
}

static void info_block_size(NbdClient *client, const Option *o, const NbdExport *exp, bool asked)
{
    const BlockLimits *limits = &exp->common.root->node->limits;
    uint32_t min = o->code == NBD_OPT_INFO || asked ? MAX(limits->request_alignment, 1) : 1;
    uint32_t most = limits->max_transfer ? limits->max_transfer : NBD_DATA_MAX;
    uint8_t data[14];

    st16_be(data, NBD_INFO_BLOCK_SIZE);
    st32_be(data + 2, min);
    st32_be(data + 6, MAX(4096, min));
    st32_be(data + 10, MAX(MIN(most, NBD_DATA_MAX), min));
    reply(client, o, NBD_REP_INFO, data, sizeof(data));
    if (o->code == NBD_OPT_GO && asked) {
        client->check_align = min;
    }
}

static Step info_or_go(NbdClient *client, Option *o)
{
    g_autofree char *name = NULL;
    uint32_t len;
    uint16_t n, what;
    bool wants_name = false, wants_size = false;
    uint8_t data[12];
    NbdExport *exp;

    if (!take_string(o, &name, &len) || !take_u16(o, &n) || left(o) != n * 2u) {
        return refuse_length(client, o);
    }
    while (take_u16(o, &what)) {
        wants_name |= what == NBD_INFO_NAME;
        wants_size |= what == NBD_INFO_BLOCK_SIZE;
    }
    exp = nbd_export_find(name);
    if (!exp) {
        return refuse(client, o, NBD_REP_ERR_UNKNOWN, "export '%s' not present", name);
    }
    if (wants_name) {
        info_text(client, o, NBD_INFO_NAME, exp->name);
    }
    if (exp->description) {
        info_text(client, o, NBD_INFO_DESCRIPTION, exp->description);
    }
    info_block_size(client, o, exp, wants_size);
    st16_be(data, NBD_INFO_EXPORT);
    st64_be(data + 2, nbd_export_size(exp));
    st16_be(data + 10, nbd_export_flags(exp, client));
    reply(client, o, NBD_REP_INFO, data, sizeof(data));
    if (o->code == NBD_OPT_INFO && !wants_size &&
        exp->common.root->node->limits.request_alignment > 1) {
        return refuse(client, o, NBD_REP_ERR_BLOCK_SIZE_REQD,
                      "request NBD_INFO_BLOCK_SIZE to use this export");
    }
    ack(client, o);
    if (o->code == NBD_OPT_INFO) {
        return STEP_NEXT;
    }
    choose(client, exp);
    return STEP_SERVE;
}

/* --- contexts --- */

typedef struct Match {
    NbdClient *client;
    const Option *o;
    bool set;
} Match;

static void matched(void *opaque, uint32_t id, const char *name)
{
    Match *match = opaque;
    NbdContexts *contexts = &match->client->contexts;
    g_autofree uint8_t *data = NULL;
    size_t len = strlen(name);

    if (match->set) {
        unsigned bitmap = id - NBD_CONTEXT_ID_BITMAPS;

        /* Asked for twice is there once. */
        if ((id == NBD_CONTEXT_ID_ALLOCATION && contexts->allocation) ||
            (id == NBD_CONTEXT_ID_DEPTH && contexts->depth)) {
            return;
        }
        for (unsigned i = 0; id >= NBD_CONTEXT_ID_BITMAPS && i < contexts->bitmaps->len; i++) {
            if (g_array_index(contexts->bitmaps, unsigned, i) == bitmap) {
                return;
            }
        }
        contexts->allocation |= id == NBD_CONTEXT_ID_ALLOCATION;
        contexts->depth |= id == NBD_CONTEXT_ID_DEPTH;
        if (id >= NBD_CONTEXT_ID_BITMAPS) {
            g_array_append_val(contexts->bitmaps, bitmap);
        }
        contexts->count++;
    }
    data = g_malloc(4 + len);
    st32_be(data, match->set ? id : 0);
    memcpy(data + 4, name, len);
    reply(match->client, match->o, NBD_REP_META_CONTEXT, data, 4 + len);
}

static Step meta_context(NbdClient *client, Option *o)
{
    Match match = { client, o, o->code == NBD_OPT_SET_META_CONTEXT };
    g_autofree char *name = NULL;
    uint32_t len, n;
    NbdExport *exp;

    if (!client->structured) {
        return refuse(client, o, NBD_REP_ERR_INVALID,
                      "request option '%s' when structured reply is not negotiated",
                      nbd_option_name(o->code));
    }
    if (!take_string(o, &name, &len) || !take_u32(o, &n)) {
        return refuse_length(client, o);
    }
    exp = nbd_export_find(name);
    if (match.set) {
        /* A failed request leaves none chosen, too. */
        client->contexts.allocation = client->contexts.depth = false;
        client->contexts.count = 0;
        g_array_set_size(client->contexts.bitmaps, 0);
        g_free(client->contexts.export_name);
        client->contexts.export_name = exp ? g_strdup(name) : NULL;
    }
    if (!exp) {
        return refuse(client, o, NBD_REP_ERR_UNKNOWN, "export '%s' not present", name);
    }
    if (!match.set && !n) {
        nbd_contexts_match(exp, "", 0, false, matched, &match);
    }
    for (uint32_t i = 0; i < n; i++) {
        g_autofree char *query = NULL;

        if (!take_string(o, &query, &len)) {
            client->contexts.count = match.set ? 0 : client->contexts.count;
            return refuse_length(client, o);
        }
        if (len) {
            nbd_contexts_match(exp, query, len, match.set, matched, &match);
        }
    }
    return left(o) ? refuse_length(client, o) : ack(client, o);
}

/* --- the rest --- */

static Step structured_reply(NbdClient *client, Option *o)
{
    if (o->len) {
        return refuse_length(client, o);
    }
    if (client->structured) {
        return refuse(client, o, NBD_REP_ERR_INVALID, "structured reply already negotiated");
    }
    client->structured = true;
    return ack(client, o);
}

static Step co_starttls(NbdClient *client, Option *o, Error **errp)
{
    if (o->len) {
        return refuse_length(client, o);
    }
    if (!client->tls) {
        return refuse(client, o, NBD_REP_ERR_POLICY, "TLS not configured");
    }
    if (nbd_stream_has_tls(client->stream)) {
        return refuse(client, o, NBD_REP_ERR_INVALID, "TLS already enabled");
    }
    ack(client, o);
    if (!co_nbd_stream_start_tls(client->stream, client->tls, NULL, errp)) {
        return STEP_END;
    }
    if (client->authz &&
        !authz_allows(client->authz, nbd_stream_peer(client->stream))) {
        const char *peer = nbd_stream_peer(client->stream);

        error_set(errp, "TLS x509 authz check for %s is denied", peer ? peer : "nobody");
        return STEP_END;
    }
    return STEP_NEXT;
}

static Step co_abort(NbdClient *client, Option *o)
{
    ack(client, o);
    co_nbd_flush(client->stream);
    return STEP_END;
}

static Step co_option(NbdClient *client, Option *o, Error **errp)
{
    bool plain = client->tls && !nbd_stream_has_tls(client->stream);

    if (o->code == NBD_OPT_ABORT) {
        return co_abort(client, o);
    }
    if (!client->fixed_newstyle && o->code != NBD_OPT_EXPORT_NAME) {
        error_set(errp, "option '%s' from a client without fixed newstyle",
                  nbd_option_name(o->code));
        return STEP_END;
    }
    if (plain && o->code == NBD_OPT_EXPORT_NAME) {
        error_set(errp, "Option 0x%x not permitted before TLS", o->code);
        return STEP_END;
    }
    if (plain && o->code != NBD_OPT_STARTTLS) {
        return refuse(client, o, NBD_REP_ERR_TLS_REQD, "Option 0x%x not permitted before TLS",
                      o->code);
    }
    switch (o->code) {
    case NBD_OPT_EXPORT_NAME:
        return export_name(client, o, errp);
    case NBD_OPT_LIST:
        return list(client, o);
    case NBD_OPT_STARTTLS:
        return co_starttls(client, o, errp);
    case NBD_OPT_INFO:
    case NBD_OPT_GO:
        return info_or_go(client, o);
    case NBD_OPT_STRUCTURED_REPLY:
        return structured_reply(client, o);
    case NBD_OPT_LIST_META_CONTEXT:
    case NBD_OPT_SET_META_CONTEXT:
        return meta_context(client, o);
    default:
        return refuse(client, o, NBD_REP_ERR_UNSUP, "Unsupported option %u (%s)", o->code,
                      nbd_option_name(o->code));
    }
}

/* One option, whole; too long ones are read past and refused. */
static Step co_next_option(NbdClient *client, Error **errp)
{
    uint8_t head[NBD_OPTION_BYTES];
    Option o = { 0 };
    g_autofree uint8_t *data = NULL;

    if (co_nbd_read(client->stream, head, sizeof(head))) {
        return STEP_END;
    }
    o.code = ld32_be(head + 8);
    o.len = ld32_be(head + 12);
    TRACE(nbd_option, "%p %u (%s), %u bytes", (void *)client, o.code, nbd_option_name(o.code),
          o.len);
    if (ld64_be(head) != NBD_OPTS_MAGIC || o.len > OPTION_SKIP_MAX) {
        error_set(errp, "%s", o.len > OPTION_SKIP_MAX ? "option is too long"
                                                      : "bad magic of an option");
        return STEP_END;
    }
    if (o.len > NBD_OPTION_MAX) {
        if (co_nbd_skip(client->stream, o.len) || o.code == NBD_OPT_EXPORT_NAME) {
            return STEP_END;
        }
        return refuse(client, &o, NBD_REP_ERR_TOO_BIG, "option '%s' is too long",
                      nbd_option_name(o.code));
    }
    data = o.data = g_malloc0(o.len + 1);
    if (co_nbd_read(client->stream, o.data, o.len)) {
        return STEP_END;
    }
    return co_option(client, &o, errp);
}

bool co_nbd_server_handshake(NbdClient *client, Error **errp)
{
    uint8_t greeting[NBD_GREETING_BYTES], answer[4];
    uint32_t flags;
    Step step;

    st64_be(greeting, NBD_INIT_MAGIC);
    st64_be(greeting + 8, NBD_OPTS_MAGIC);
    st16_be(greeting + 16, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    nbd_stream_send_copy(client->stream, greeting, sizeof(greeting));
    if (co_nbd_flush(client->stream) || co_nbd_read(client->stream, answer, sizeof(answer))) {
        return false;
    }
    flags = ld32_be(answer);
    client->fixed_newstyle = flags & NBD_FLAG_FIXED_NEWSTYLE;
    client->no_zeroes = flags & NBD_FLAG_NO_ZEROES;
    if (flags & ~(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES)) {
        error_set(errp, "unknown client flags 0x%x", flags);
        return false;
    }
    do {
        step = co_next_option(client, errp);
        /* The answers leave before more is read: a client that takes none is not read from. */
        if (step != STEP_END && co_nbd_flush(client->stream)) {
            step = STEP_END;
        }
    } while (step == STEP_NEXT);
    return step == STEP_SERVE;
}
