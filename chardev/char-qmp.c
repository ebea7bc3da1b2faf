/* query-chardev, chardev-add, -change, -remove, -send-break, ringbuf-read and -write, yank */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char-int.h"
#include "chardev/ringbuf.h"
#include "qapi/commands-char.h"
#include "util/fdset.h"
#include "util/socket.h"
#include "util/thread-pool.h"

/* --- what there is --- */

static bool append_info(Chardev *chr, void *opaque)
{
    ChardevInfoList ***tail = opaque;
    ChardevInfo *info = g_new0(ChardevInfo, 1);

    info->label = g_strdup(chr->id);
    info->filename = g_strdup(chr->where);
    info->frontend_open = chardev_in_use(chr);
    QAPI_APPEND(*tail, info);
    return true;
}

ChardevInfoList *qmp_query_chardev(Error **errp)
{
    ChardevInfoList *list = NULL, **tail = &list;

    chardev_foreach(append_info, &tail);
    return list;
}

ChardevBackendInfoList *qmp_query_chardev_backends(Error **errp)
{
    ChardevBackendInfoList *list = NULL, **tail = &list;
    g_autofree const char **names = chardev_type_names();

    for (unsigned i = 0; names[i]; i++) {
        ChardevBackendInfo *info = g_new0(ChardevBackendInfo, 1);

        info->name = g_strdup(names[i]);
        QAPI_APPEND(tail, info);
    }
    return list;
}

static Chardev *find(const char *id, const char *kind, Error **errp)
{
    Chardev *chr = chardev_find(id);

    if (!chr) {
        error_set(errp, "%s '%s' not found", kind, id);
    }
    return chr;
}

void qmp_chardev_remove(const char *id, Error **errp)
{
    Chardev *chr = find(id, "Chardev", errp);

    if (chr) {
        chardev_delete(chr, errp);
    }
}

void qmp_chardev_send_break(const char *id, Error **errp)
{
    Chardev *chr = find(id, "Chardev", errp);

    if (chr) {
        chardev_event(chr, CHAR_EVENT_BREAK);
    }
}

/* --- ring buffers --- */

static Chardev *find_ringbuf(const char *device, Error **errp)
{
    Chardev *chr = find(device, "Device", errp);

    if (chr && !chardev_is_ringbuf(chr)) {
        error_set(errp, "%s is not a ringbuf device", device);
        return NULL;
    }
    return chr;
}

void qmp_ringbuf_write(const char *device, const char *data, bool has_format, DataFormat format,
                       Error **errp)
{
    Chardev *chr = find_ringbuf(device, errp);
    size_t len;

    if (!chr) {
        return;
    }
    if (has_format && format == DATA_FORMAT_BASE64) {
        static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n";
        g_autofree uint8_t *bytes = NULL;

        if (data[strspn(data, alphabet)]) {
            error_set(errp, "Base64 data contains invalid characters");
            return;
        }
        bytes = g_base64_decode(data, &len);
        ringbuf_put(chr, bytes, len);
    } else {
        ringbuf_put(chr, data, strlen(data));
    }
}

char *qmp_ringbuf_read(const char *device, int64_t size, bool has_format, DataFormat format,
                       Error **errp)
{
    Chardev *chr = find_ringbuf(device, errp);
    g_autofree char *bytes = NULL;
    size_t n;

    if (!chr) {
        return NULL;
    }
    if (size <= 0) {
        error_set(errp, "size must be greater than zero");
        return NULL;
    }
    n = MIN((uint64_t)size, ringbuf_used(chr));
    bytes = g_malloc(n + 1);
    n = ringbuf_read(chr, bytes, n);
    if (has_format && format == DATA_FORMAT_BASE64) {
        return g_base64_encode((const uint8_t *)bytes, n);
    }
    for (size_t i = 0; i < n; i++) {
        bytes[i] = bytes[i] ? bytes[i] : '?';   /* a string cannot hold it */
    }
    bytes[n] = 0;
    return g_utf8_make_valid(bytes, n);
}

/* --- chardev-add, chardev-change: QMP's form of the options to -chardev's --- */

static void take_common(ChardevOptions *opts, const ChardevCommon *common)
{
    opts->logfile = g_strdup(common->logfile);
    opts->has_logappend = common->has_logappend;
    opts->logappend = common->logappend;
}

static void take_address(ChardevSocket *s, const SocketAddressLegacy *addr)
{
    const InetSocketAddress *inet;
    const UnixSocketAddress *local;

    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        inet = addr->u.inet.data;
        s->host = g_strdup(inet->host);
        s->port = g_strdup(inet->port);
        s->has_to = inet->has_to;
        s->to = inet->to;
        s->has_ipv4 = inet->has_ipv4;
        s->ipv4 = inet->ipv4;
        s->has_ipv6 = inet->has_ipv6;
        s->ipv6 = inet->ipv6;
        break;
    case SOCKET_ADDRESS_TYPE_UNIX:
        local = addr->u.q_unix.data;
        s->path = g_strdup(local->path);
        s->has_abstract = local->has_abstract;
        s->abstract = local->abstract;
        s->has_tight = local->has_tight;
        s->tight = local->tight;
        break;
    default:
        s->fd = g_strdup(addr->u.fd.data->str);
    }
}

typedef struct Connect {
    SockAddr addr;
    Error *err;
} Connect;

static int connect_work(void *opaque)
{
    Connect *c = opaque;

    return socket_connect(&c->addr, &c->err);
}

/* Names and hosts that do not answer must not hold the main loop up. */
static bool co_connect_first(ChardevSocket *s, Error **errp)
{
    Connect c = {
        .addr = { .kind = SOCK_KIND_TCP, .host = g_strdup(s->host), .port = g_strdup(s->port),
                  .no_ipv4 = (s->has_ipv4 && !s->ipv4) || (s->ipv6 && !s->has_ipv4),
                  .no_ipv6 = (s->has_ipv6 && !s->ipv6) || (s->ipv4 && !s->has_ipv6) },
    };
    int fd = co_thread_call(connect_work, &c);

    sockaddr_clear(&c.addr);
    if (fd < 0) {
        error_propagate(errp, c.err);
        return false;
    }
    if (!s->tls_creds) {
        g_clear_pointer(&s->host, g_free);      /* else the name that its certificate must have */
    }
    g_clear_pointer(&s->port, g_free);
    s->has_ipv4 = s->has_ipv6 = s->has_to = false;
    s->fd = g_strdup_printf("%d", fd);
    return true;
}

static bool co_take_socket(ChardevOptions *opts, const ChardevSocketBackend *from, Error **errp)
{
    ChardevSocket *s = &opts->u.socket;

    take_common(opts, (const ChardevCommon *)from);
    take_address(s, from->addr);
    s->has_server = true;
    s->server = !from->has_server || from->server;
    s->has_telnet = from->has_telnet;
    s->telnet = from->telnet;
    s->tls_creds = g_strdup(from->tls_creds);
    s->tls_authz = g_strdup(from->tls_authz);
    s->has_nodelay = from->has_nodelay;
    s->nodelay = from->nodelay;
    if (from->has_reconnect) {
        s->has_reconnect = true;
        s->reconnect = CLAMP(from->reconnect, 0, UINT32_MAX);
    }
    if (from->wait) {
        error_set(errp, "a monitor command does not wait for a connection: use 'wait': false");
        return false;
    }
    if (s->server) {
        s->has_wait = true;
    }
    if (s->fd) {
        g_autofree char *name = g_steal_pointer(&s->fd);
        int fd = fd_name_take(name, errp);

        s->fd = g_strdup_printf("%d", fd);
        return fd >= 0;
    }
    return s->server || s->reconnect || !s->host || co_connect_first(s, errp);
}

static bool take_udp(ChardevOptions *opts, const ChardevUdpBackend *from, Error **errp)
{
    const SocketAddressLegacy *remote = from->remote, *local = from->local;
    ChardevUdp *u = &opts->u.udp;

    take_common(opts, (const ChardevCommon *)from);
    if (remote->type != SOCKET_ADDRESS_TYPE_INET ||
        (local && local->type != SOCKET_ADDRESS_TYPE_INET)) {
        error_set(errp, "both ends of a udp chardev are of type 'inet'");
        return false;
    }
    u->host = g_strdup(remote->u.inet.data->host);
    u->port = g_strdup(remote->u.inet.data->port);
    u->has_ipv4 = remote->u.inet.data->has_ipv4;
    u->ipv4 = remote->u.inet.data->ipv4;
    u->has_ipv6 = remote->u.inet.data->has_ipv6;
    u->ipv6 = remote->u.inet.data->ipv6;
    if (local) {
        u->localaddr = g_strdup(local->u.inet.data->host);
        u->localport = g_strdup(local->u.inet.data->port);
    }
    return true;
}

static void take_vc(ChardevOptions *opts, const ChardevVCBackend *from)
{
    opts->backend = CHARDEV_KIND_VC;
    take_common(opts, (const ChardevCommon *)from);
    opts->u.vc = (ChardevVC){
        .has_width = from->has_width, .width = from->width,
        .has_height = from->has_height, .height = from->height,
        .has_cols = from->has_cols, .cols = from->cols,
        .has_rows = from->has_rows, .rows = from->rows,
    };
}

static bool co_take_backend(ChardevOptions *opts, const ChardevBackend *b, Error **errp)
{
    switch (b->type) {
    case CHARDEV_BACKEND_KIND_FILE:
        opts->backend = CHARDEV_KIND_FILE;
        take_common(opts, (const ChardevCommon *)b->u.file.data);
        opts->u.file.path = g_strdup(b->u.file.data->out);
        opts->u.file.input_path = g_strdup(b->u.file.data->in);
        opts->u.file.has_append = b->u.file.data->has_append;
        opts->u.file.append = b->u.file.data->append;
        break;
    case CHARDEV_BACKEND_KIND_PIPE:
        opts->backend = CHARDEV_KIND_PIPE;
        take_common(opts, (const ChardevCommon *)b->u.pipe.data);
        opts->u.pipe.path = g_strdup(b->u.pipe.data->device);
        break;
    case CHARDEV_BACKEND_KIND_SERIAL:
        opts->backend = CHARDEV_KIND_SERIAL;
        take_common(opts, (const ChardevCommon *)b->u.serial.data);
        opts->u.serial.path = g_strdup(b->u.serial.data->device);
        break;
    case CHARDEV_BACKEND_KIND_UDP:
        opts->backend = CHARDEV_KIND_UDP;
        return take_udp(opts, b->u.udp.data, errp);
    case CHARDEV_BACKEND_KIND_SOCKET:
        opts->backend = CHARDEV_KIND_SOCKET;
        return co_take_socket(opts, b->u.socket.data, errp);
    case CHARDEV_BACKEND_KIND_PTY:
        opts->backend = CHARDEV_KIND_PTY;
        take_common(opts, b->u.pty.data);
        break;
    case CHARDEV_BACKEND_KIND_STDIO:
        opts->backend = CHARDEV_KIND_STDIO;
        take_common(opts, (const ChardevCommon *)b->u.stdio.data);
        opts->u.stdio.has_signal = b->u.stdio.data->has_signal;
        opts->u.stdio.signal = b->u.stdio.data->signal;
        break;
    case CHARDEV_BACKEND_KIND_VC:
        take_vc(opts, b->u.vc.data);
        break;
    case CHARDEV_BACKEND_KIND_RINGBUF:
    case CHARDEV_BACKEND_KIND_MEMORY: {
        const ChardevRingbufBackend *from = b->type == CHARDEV_BACKEND_KIND_RINGBUF
                                                ? b->u.ringbuf.data : b->u.memory.data;

        opts->backend = CHARDEV_KIND_RINGBUF;
        take_common(opts, (const ChardevCommon *)from);
        opts->u.ringbuf.has_size = from->has_size;
        opts->u.ringbuf.size = MAX(from->size, 0);
        break;
    }
    default:
        opts->backend = CHARDEV_KIND_NULL;
        take_common(opts, b->u.null.data);
    }
    return true;
}

bool co_chardev_prepare(ChardevOptions *opts, Error **errp)
{
    ChardevSocket *s = &opts->u.socket;

    if (opts->backend != CHARDEV_KIND_SOCKET) {
        return true;
    }
    if (s->has_wait && s->wait) {
        error_set(errp, "a monitor command does not wait for a connection: use wait=off");
        return false;
    }
    if (s->server) {
        s->has_wait = true;
    }
    return s->server || s->reconnect || !s->host || co_connect_first(s, errp);
}

static ChardevReturn *co_make(const char *id, const ChardevBackend *backend, Chardev **made,
                              Error **errp)
{
    g_autoptr(ChardevOptions) opts = g_new0(ChardevOptions, 1);
    ChardevReturn *ret;

    opts->id = g_strdup(id);
    if (!co_take_backend(opts, backend, errp)) {
        return NULL;
    }
    *made = chardev_new(opts, errp);
    if (!*made) {
        return NULL;
    }
    ret = g_new0(ChardevReturn, 1);
    if (opts->backend == CHARDEV_KIND_PTY && g_str_has_prefix((*made)->where, "pty:")) {
        ret->pty = g_strdup((*made)->where + strlen("pty:"));
    }
    return ret;
}

ChardevReturn *qmp_chardev_add(const char *id, ChardevBackend *backend, Error **errp)
{
    Chardev *chr;

    if (chardev_find(id)) {
        error_set(errp, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    return co_make(id, backend, &chr, errp);
}

/* made is called new_id; it takes the place of id, which may be gone by now. */
static bool replace(const char *id, Chardev *made, Error **errp)
{
    Chardev *chr = chardev_find(id);

    if (!chr || !chardev_can_replace(chr, errp)) {
        if (!chr) {
            error_set(errp, "Chardev '%s' does not exist", id);
        }
        chardev_delete(made, NULL);
        return false;
    }
    chardev_replace(chr, made);
    return true;
}

static bool check_replace(const char *id, Error **errp)
{
    Chardev *chr = chardev_find(id);

    if (!chr) {
        error_set(errp, "Chardev '%s' does not exist", id);
        return false;
    }
    return chardev_can_replace(chr, errp);
}

ChardevReturn *qmp_chardev_change(const char *id, ChardevBackend *backend, Error **errp)
{
    g_autofree char *new_id = g_strdup_printf("%s.new", id);
    Chardev *made;
    ChardevReturn *ret = check_replace(id, errp) ? co_make(new_id, backend, &made, errp) : NULL;

    if (ret && !replace(id, made, errp)) {
        qapi_free_ChardevReturn(ret);
        return NULL;
    }
    return ret;
}

bool co_chardev_change(const char *id, ChardevOptions *opts, Error **errp)
{
    Chardev *made;

    g_free(opts->id);
    opts->id = g_strdup_printf("%s.new", id);
    if (!check_replace(id, errp) || !co_chardev_prepare(opts, errp)) {
        return false;
    }
    made = chardev_new(opts, errp);
    return made && replace(id, made, errp);
}
