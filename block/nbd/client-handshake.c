/* The NBD client's handshake: TLS, structured replies, a context, an export; or a list of all */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/client.h"

#include "util/bswap.h"
#include "util/trace.h"

#define REPLY_MAX   (64 * 1024)     /* bytes of one reply: nothing honest is longer */
#define REPLIES_MAX 10000           /* of one option */
#define EXPORTS_MAX 4096

/* A reply to an option; data is ended by a NUL beyond len. */
typedef struct Reply {
    uint32_t type, len;
    uint8_t *data;
} Reply;

void nbd_info_clear(NbdInfo *info)
{
    g_free(info->name);
    g_free(info->description);
    g_strfreev(info->contexts);
    *info = (NbdInfo){ 0 };
}

static bool lost(Error **errp, int ret, const char *what)
{
    error_set(errp, "Failed to read %s: %s", what,
              ret == -ESHUTDOWN ? "Unexpected end-of-file before all data were read"
                                : g_strerror(-ret));
    return false;
}

static void send_option(NbdStream *stream, uint32_t option, const void *data, uint32_t len)
{
    uint8_t head[NBD_OPTION_BYTES];
    void *copy = len ? g_memdup2(data, len) : NULL;

    st64_be(head, NBD_OPTS_MAGIC);
    st32_be(head + 8, option);
    st32_be(head + 12, len);
    TRACE(nbd_client_option, "%s, %u bytes", nbd_option_name(option), len);
    nbd_stream_send(stream, head, sizeof(head), copy, len, g_free, copy);
}

static bool co_receive_reply(NbdStream *stream, uint32_t option, Reply *reply, Error **errp)
{
    uint8_t head[NBD_OPTION_REPLY_BYTES];
    int ret = co_nbd_read(stream, head, sizeof(head));

    *reply = (Reply){ 0 };
    if (ret) {
        return lost(errp, ret, "option reply");
    }
    reply->type = ld32_be(head + 12);
    reply->len = ld32_be(head + 16);
    TRACE(nbd_client_option_reply, "%s: %s, %u bytes", nbd_option_name(option),
          nbd_reply_name(reply->type), reply->len);
    if (ld64_be(head) != NBD_REP_MAGIC) {
        error_set(errp, "Unexpected option reply magic");
        return false;
    }
    if (ld32_be(head + 8) != option) {
        error_set(errp, "Unexpected option type %u (%s), expected %u (%s)", ld32_be(head + 8),
                  nbd_option_name(ld32_be(head + 8)), option, nbd_option_name(option));
        return false;
    }
    if (reply->len > REPLY_MAX) {
        error_set(errp, "server replied to option '%s' with %u bytes, which is too much",
                  nbd_option_name(option), reply->len);
        return false;
    }
    reply->data = g_malloc0(reply->len + 1);
    ret = co_nbd_read(stream, reply->data, reply->len);
    if (ret) {
        g_clear_pointer(&reply->data, g_free);
        return lost(errp, ret, "option reply");
    }
    return true;
}

/* An error of the server as ours. */
static void refused(uint32_t option, const Reply *reply, Error **errp)
{
    static const struct {
        uint32_t type;
        const char *text;
    } texts[] = {
        { NBD_REP_ERR_UNSUP, "Unsupported option" },
        { NBD_REP_ERR_POLICY, "Denied by server for option" },
        { NBD_REP_ERR_INVALID, "Invalid parameters for option" },
        { NBD_REP_ERR_PLATFORM, "Server lacks support for option" },
        { NBD_REP_ERR_TLS_REQD, "Server requires TLS for option" },
        { NBD_REP_ERR_SHUTDOWN, "Server shutting down before option" },
        { NBD_REP_ERR_BLOCK_SIZE_REQD, "Server requires INFO_BLOCK_SIZE for option" },
        { NBD_REP_ERR_TOO_BIG, "Server refuses the length of option" },
    };
    g_autofree char *said = g_utf8_make_valid((char *)reply->data, -1);
    const char *text = "Unknown error code when asking for option";

    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        text = texts[i].type == reply->type ? texts[i].text : text;
    }
    if (reply->type == NBD_REP_ERR_UNKNOWN) {
        error_set(errp, "Requested export not available");
    } else {
        error_set(errp, "%s %u (%s)", text, option, nbd_option_name(option));
    }
    if (reply->type == NBD_REP_ERR_TLS_REQD) {
        error_hint(errp, "Did you forget a valid tls-creds?");
    } else if (reply->len) {
        error_hint(errp, "server reported: %s", said);
    }
}

/* For options answered by ack or an error: 1 done, 0 the server does not know it, -1 errp. */
static int co_simple_option(NbdStream *stream, uint32_t option, bool strict, Error **errp)
{
    Reply reply;
    int ret = 0;

    send_option(stream, option, NULL, 0);
    if (!co_receive_reply(stream, option, &reply, errp)) {
        return -1;
    }
    if (reply.type == NBD_REP_ACK && !reply.len) {
        ret = 1;
    } else if (!(reply.type & NBD_REP_IS_ERROR)) {
        error_set(errp, "Unexpected answer to option %u (%s)", option, nbd_option_name(option));
        ret = -1;
    } else if (strict) {
        refused(option, &reply, errp);
        ret = -1;
    }
    g_free(reply.data);
    return ret;
}

/* --- greeting, TLS --- */

typedef enum Style {
    STYLE_FAILED,
    STYLE_OLD,              /* info is complete */
    STYLE_NEW,              /* no options but EXPORT_NAME */
    STYLE_FIXED,
} Style;

static Style co_greet(NbdStream *stream, const NbdWish *wish, NbdInfo *info, bool *zeroes,
                      Error **errp)
{
    uint8_t buf[NBD_GREETING_BYTES], answer[4];
    uint16_t flags;
    int ret = co_nbd_read(stream, buf, 16);

    if (ret) {
        lost(errp, ret, "initial magic");
        return STYLE_FAILED;
    }
    if (ld64_be(buf) != NBD_INIT_MAGIC) {
        error_set(errp, "Bad initial magic received: 0x%016" PRIx64, ld64_be(buf));
        return STYLE_FAILED;
    }
    if (ld64_be(buf + 8) == NBD_OLDSTYLE_MAGIC) {
        if (wish->tls) {
            error_set(errp, "Server does not support STARTTLS");
            return STYLE_FAILED;
        }
        if (wish->export && *wish->export) {
            error_set(errp, "Server does not support non-empty export names");
            return STYLE_FAILED;
        }
        ret = co_nbd_read(stream, buf, 12);
        ret = ret ? ret : co_nbd_skip(stream, NBD_ZEROES_BYTES);
        if (ret) {
            lost(errp, ret, "export length and flags");
            return STYLE_FAILED;
        }
        info->size = ld64_be(buf);
        info->flags = ld32_be(buf + 8);
        return STYLE_OLD;
    }
    if (ld64_be(buf + 8) != NBD_OPTS_MAGIC) {
        error_set(errp, "Bad server magic received: 0x%016" PRIx64, ld64_be(buf + 8));
        return STYLE_FAILED;
    }
    ret = co_nbd_read(stream, buf, 2);
    if (ret) {
        lost(errp, ret, "server flags");
        return STYLE_FAILED;
    }
    flags = ld16_be(buf) & (NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    *zeroes = !(flags & NBD_FLAG_NO_ZEROES);
    st32_be(answer, flags);
    nbd_stream_send_copy(stream, answer, sizeof(answer));
    return flags & NBD_FLAG_FIXED_NEWSTYLE ? STYLE_FIXED : STYLE_NEW;
}

static bool co_secure(NbdStream *stream, Style style, const NbdWish *wish, Error **errp)
{
    if (!wish->tls) {
        return true;
    }
    if (style != STYLE_FIXED) {
        error_set(errp, "Server does not support STARTTLS");
        return false;
    }
    return co_simple_option(stream, NBD_OPT_STARTTLS, true, errp) == 1 &&
           co_nbd_stream_start_tls(stream, wish->tls, wish->hostname, errp);
}

/* --- contexts --- */

static void add_string(GByteArray *data, const char *text)
{
    uint8_t len[4];

    st32_be(len, strlen(text));
    g_byte_array_append(data, len, 4);
    g_byte_array_append(data, (const uint8_t *)text, strlen(text));
}

/* query NULL: all there are, to info->contexts; else whether there is that one. */
static bool co_contexts(NbdStream *stream, uint32_t option, const char *export,
                        const char *query, NbdInfo *info, Error **errp)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    uint8_t count[4];
    bool more = true;

    add_string(data, export);
    st32_be(count, !!query);
    g_byte_array_append(data, count, 4);
    if (query) {
        add_string(data, query);
    }
    send_option(stream, option, data->data, data->len);
    for (unsigned n = 0; more; n++) {
        Reply reply;

        if (n > REPLIES_MAX) {
            error_set(errp, "server lists contexts without end");
            return false;
        }
        if (!co_receive_reply(stream, option, &reply, errp)) {
            return false;
        }
        more = reply.type == NBD_REP_META_CONTEXT;
        if (more && reply.len < 4) {
            error_set(errp, "server answered with a context that is too short");
            g_free(reply.data);
            return false;
        }
        if (more && !query) {
            g_ptr_array_add(names, g_strdup((char *)reply.data + 4));
        } else if (more && !strcmp((char *)reply.data + 4, query)) {
            info->has_context = true;
            info->context_id = ld32_be(reply.data);
        } else if (more) {
            error_set(errp, "server answered with context '%s' when '%s' was asked for",
                      (char *)reply.data + 4, query);
            g_free(reply.data);
            return false;
        }
        g_free(reply.data);         /* ack ends it, and so does an error: there are none then */
    }
    if (!query) {
        g_ptr_array_add(names, NULL);
        info->contexts = (char **)g_ptr_array_free(g_steal_pointer(&names), false);
    }
    return true;
}

/* --- the export --- */

static bool power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

static bool take_info(NbdInfo *info, const Reply *reply, bool *have_export, Error **errp)
{
    uint16_t type = reply->len >= 2 ? ld16_be(reply->data) : 0xffff;
    const uint8_t *p = reply->data + 2;

    if (type == NBD_INFO_EXPORT && reply->len == 12) {
        info->size = ld64_be(p);
        info->flags = ld16_be(p + 8);
        *have_export = true;
    } else if (type == NBD_INFO_BLOCK_SIZE && reply->len == 14) {
        info->min_block = ld32_be(p);
        info->opt_block = ld32_be(p + 4);
        info->max_block = ld32_be(p + 8);
        if (!power_of_two(info->min_block)) {
            error_set(errp, "server minimum block size %u is not a power of two",
                      info->min_block);
            return false;
        }
        if (!power_of_two(info->opt_block) || info->opt_block < info->min_block) {
            error_set(errp, "server preferred block size %u is not valid", info->opt_block);
            return false;
        }
        if (info->max_block < info->min_block) {
            error_set(errp, "server maximum block size %u is not valid", info->max_block);
            return false;
        }
    } else if (type == NBD_INFO_DESCRIPTION) {
        g_free(info->description);
        info->description = g_utf8_make_valid((char *)reply->data + 2, -1);
    } else if (type == NBD_INFO_EXPORT || type == NBD_INFO_BLOCK_SIZE || type == 0xffff) {
        error_set(errp, "server info of type '%s' has a wrong length", nbd_info_name(type));
        return false;
    }
    return true;
}

/* 1 done, 0: the server does not know this option, -1 errp. */
static int co_info_or_go(NbdStream *stream, uint32_t option, const char *export, NbdInfo *info,
                         Error **errp)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    uint8_t wanted[4];
    bool have_export = false;

    add_string(data, export);
    st16_be(wanted, 1);
    st16_be(wanted + 2, NBD_INFO_BLOCK_SIZE);
    g_byte_array_append(data, wanted, 4);
    send_option(stream, option, data->data, data->len);
    for (unsigned n = 0; n < REPLIES_MAX; n++) {
        g_autofree uint8_t *taken = NULL;
        Reply reply;

        if (!co_receive_reply(stream, option, &reply, errp)) {
            return -1;
        }
        taken = reply.data;
        if (reply.type == NBD_REP_ACK) {
            if (!have_export) {
                error_set(errp, "server did not send the export's size");
                return -1;
            }
            return 1;
        }
        if (reply.type == NBD_REP_ERR_UNSUP) {
            return 0;
        }
        if (reply.type & NBD_REP_IS_ERROR) {
            refused(option, &reply, errp);
            return -1;
        }
        if (reply.type != NBD_REP_INFO) {
            error_set(errp, "Unexpected reply type %u (%s) to option %u (%s)", reply.type,
                      nbd_reply_name(reply.type), option, nbd_option_name(option));
            return -1;
        }
        if (!take_info(info, &reply, &have_export, errp)) {
            return -1;
        }
    }
    error_set(errp, "server sends infos without end");
    return -1;
}

static bool co_export_name(NbdStream *stream, const char *export, bool zeroes, NbdInfo *info,
                           Error **errp)
{
    uint8_t buf[10];
    int ret;

    send_option(stream, NBD_OPT_EXPORT_NAME, export, strlen(export));
    ret = co_nbd_read(stream, buf, sizeof(buf));
    ret = ret || !zeroes ? ret : co_nbd_skip(stream, NBD_ZEROES_BYTES);
    if (ret) {
        /* An end is how this option says no. */
        error_set(errp, "Failed to read export length");
        error_hint(errp, "the server may have no export '%s'", export);
        return false;
    }
    info->size = ld64_be(buf);
    info->flags = ld16_be(buf + 8);
    return true;
}

static bool check_info(const NbdInfo *info, Error **errp)
{
    if (!(info->flags & NBD_FLAG_HAS_FLAGS) && info->flags) {
        error_set(errp, "server's transmission flags 0x%x are not valid", info->flags);
        return false;
    }
    if (info->size > INT64_MAX) {
        error_set(errp, "export length 0x%" PRIx64 " is too large", info->size);
        return false;
    }
    if (info->min_block && info->size % info->min_block) {
        error_set(errp, "export length 0x%" PRIx64 " is not a multiple of minimum block size %u",
                  info->size, info->min_block);
        return false;
    }
    return true;
}

bool co_nbd_client_handshake(NbdStream *stream, const NbdWish *wish, NbdInfo *info,
                             Error **errp)
{
    const char *export = wish->export ? wish->export : "";
    bool zeroes = true;
    Style style;
    int ret;

    *info = (NbdInfo){ 0 };
    style = co_greet(stream, wish, info, &zeroes, errp);
    if (style == STYLE_FAILED || !co_secure(stream, style, wish, errp)) {
        return false;
    }
    if (style == STYLE_OLD) {
        return check_info(info, errp);
    }
    if (style == STYLE_FIXED) {
        ret = co_simple_option(stream, NBD_OPT_STRUCTURED_REPLY, false, errp);
        if (ret < 0) {
            return false;
        }
        info->structured = ret;
        if (info->structured && wish->context &&
            !co_contexts(stream, NBD_OPT_SET_META_CONTEXT, export, wish->context, info, errp)) {
            return false;
        }
        ret = co_info_or_go(stream, NBD_OPT_GO, export, info, errp);
        if (ret) {
            return ret > 0 && check_info(info, errp);
        }
    }
    return co_export_name(stream, export, zeroes, info, errp) && check_info(info, errp);
}

/* --- the list --- */

static bool co_list_names(NbdStream *stream, GArray *list, Error **errp)
{
    Reply reply;

    send_option(stream, NBD_OPT_LIST, NULL, 0);
    for (;;) {
        g_autofree uint8_t *taken = NULL;
        NbdInfo info = { 0 };
        uint32_t len;

        if (!co_receive_reply(stream, NBD_OPT_LIST, &reply, errp)) {
            return false;
        }
        taken = reply.data;
        if (reply.type == NBD_REP_ACK) {
            return true;
        }
        if (reply.type & NBD_REP_IS_ERROR) {
            refused(NBD_OPT_LIST, &reply, errp);
            return false;
        }
        len = reply.len >= 4 ? ld32_be(reply.data) : 0;
        if (reply.type != NBD_REP_SERVER || reply.len < 4 || len > reply.len - 4 ||
            len > NBD_STRING_MAX || list->len >= EXPORTS_MAX) {
            error_set(errp, "server's list of exports is not valid");
            return false;
        }
        info.name = g_strndup((char *)reply.data + 4, len);
        if (reply.len - 4 > len) {
            info.description = g_utf8_make_valid((char *)reply.data + 4 + len,
                                                 reply.len - 4 - len);
        }
        g_array_append_val(list, info);
    }
}

static bool co_list_all(NbdStream *stream, GArray *list, Error **errp)
{
    bool structured;
    int ret;

    if (!co_list_names(stream, list, errp)) {
        return false;
    }
    ret = co_simple_option(stream, NBD_OPT_STRUCTURED_REPLY, false, errp);
    if (ret < 0) {
        return false;
    }
    structured = ret;
    for (unsigned i = 0; i < list->len; i++) {
        NbdInfo *info = &g_array_index(list, NbdInfo, i);

        info->structured = structured;
        ret = co_info_or_go(stream, NBD_OPT_INFO, info->name, info, errp);
        if (ret < 0) {
            return false;
        }
        if (ret && structured &&
            !co_contexts(stream, NBD_OPT_LIST_META_CONTEXT, info->name, NULL, info, errp)) {
            return false;
        }
    }
    send_option(stream, NBD_OPT_ABORT, NULL, 0);
    co_nbd_flush(stream);
    return true;
}

static void clear_info(gpointer info)
{
    nbd_info_clear(info);
}

GArray *co_nbd_client_list(NbdStream *stream, const NbdWish *wish, Error **errp)
{
    g_autoptr(GArray) list = g_array_new(false, true, sizeof(NbdInfo));
    NbdWish any = *wish;
    NbdInfo old = { 0 };
    bool zeroes;
    Style style;

    any.export = NULL;
    g_array_set_clear_func(list, clear_info);
    style = co_greet(stream, &any, &old, &zeroes, errp);
    if (style == STYLE_FAILED || !co_secure(stream, style, wish, errp)) {
        return NULL;
    }
    if (style == STYLE_OLD) {
        old.name = g_strdup("");
        g_array_append_val(list, old);
    } else if (style == STYLE_NEW) {
        error_set(errp, "Server does not support the list option");
        return NULL;
    } else if (!co_list_all(stream, list, errp)) {
        return NULL;
    }
    return g_steal_pointer(&list);
}
