/* mica-nbd's server: the image, its export, the socket, until the last client has left */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/nbd.h"

#include "block/export.h"
#include "block/nbd/nbd.h"
#include "qom/authz.h"
#include "qom/tls-creds.h"

#include <glib-unix.h>
#include <signal.h>

static bool write_pid(const char *path)
{
    g_autofree char *text = g_strdup_printf("%ld\n", (long)getpid());
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (!ok) {
        report_error("cannot create PID file: Cannot open pid file: %s", g_strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* --- the image --- */

/* "snapshot.id=ID,snapshot.name=NAME"; false: it is something else. */
static bool split_snapshot(char **parts, const char **id, const char **name)
{
    for (; *parts; parts++) {
        if (g_str_has_prefix(*parts, "snapshot.id=")) {
            *id = *parts + strlen("snapshot.id=");
        } else if (g_str_has_prefix(*parts, "snapshot.name=")) {
            *name = *parts + strlen("snapshot.name=");
        } else {
            return false;
        }
    }
    return true;
}

/* The snapshot that -l names, instead of what the image has now. */
static bool co_load_snapshot(BlockNode *node, const char *text, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    const char *id = NULL, *name = NULL;
    bool ok;

    if (!node->driver->co_snapshot_load_tmp) {
        error_set(errp, "Failed to load snapshot: Block format '%s' used by device '' does not "
                  "support temporarily loading internal snapshots", node->driver->name);
        return false;
    }
    if (!g_str_has_prefix(text, "snapshot.")) {
        ok = node->driver->co_snapshot_load_tmp(node, text, NULL, NULL) ||
             node->driver->co_snapshot_load_tmp(node, NULL, text, errp);
    } else if (split_snapshot(parts, &id, &name)) {
        ok = node->driver->co_snapshot_load_tmp(node, id, name, errp);
    } else {
        error_set(errp, "Invalid snapshot param '%s'", text);
        return false;
    }
    if (!ok) {
        error_prepend(errp, "Failed to load snapshot: ");
    }
    return ok;
}

/* A part of the image as a node of its own; a reference of the caller's. */
static BlockNode *co_open_part(BlockNode *node, int64_t offset, bool write, Error **errp)
{
    JSON_AUTO part = json_object_new_object();

    if (offset >= node->length) {
        error_set(errp, "Offset (%" PRId64 ") has to be smaller than the image size (%" PRId64 ")",
                  offset, node->length);
        return NULL;
    }
    json_object_object_add(part, "driver", json_object_new_string("raw"));
    json_object_object_add(part, "file", json_object_new_string(block_node_name(node)));
    json_object_object_add(part, "offset", json_object_new_int64(offset));
    json_object_object_add(part, "read-only", json_object_new_boolean(!write));
    json_object_object_add(part, "discard", json_object_new_string("unmap"));
    return co_block_open_json(part, QAPI_STRICT, errp);
}

static BlockExport *co_export(const NbdArgs *a, BlockNode *node, Error **errp)
{
    unsigned nr = a->bitmaps ? a->bitmaps->len : 0;
    g_autofree BlockDirtyBitmapOrStr *bitmaps = g_new0(BlockDirtyBitmapOrStr, nr);
    g_autofree BlockDirtyBitmapOrStrList *list = g_new0(BlockDirtyBitmapOrStrList, nr);
    BlockExportOptions options = {
        .type = BLOCK_EXPORT_TYPE_NBD, .id = (char *)"mica-nbd-export", .node_name = node->name,
        .has_writable = true, .writable = a->open.write,
        .has_writethrough = true, .writethrough = a->open.cache.writethrough,
        .u.nbd = {
            .name = (char *)(uintptr_t)(a->name ? a->name : ""),
            .description = (char *)(uintptr_t)a->description,
            .has_bitmaps = nr, .bitmaps = list,
            .has_allocation_depth = true, .allocation_depth = a->allocation_depth,
        },
    };

    for (unsigned i = 0; i < nr; i++) {
        bitmaps[i].type = BLOCK_DIRTY_BITMAP_OR_STR_LOCAL;
        bitmaps[i].u.local = g_ptr_array_index(a->bitmaps, nr - 1 - i);     /* as qemu-nbd */
        list[i].value = &bitmaps[i];
        list[i].next = i + 1 < nr ? &list[i + 1] : NULL;
    }
    return co_block_export_add(&options, errp);
}

/* --- the server --- */

typedef struct Serve {
    const NbdArgs *args;
    NbdServer *server;
    CoQueue over;
    bool end;
} Serve;

static void end(Serve *s)
{
    s->end = true;
    co_queue_wake_all(&s->over);
}

static gboolean on_signal(gpointer opaque)
{
    end(opaque);
    return G_SOURCE_CONTINUE;
}

/* People are told; scripts that keep what we print expect nothing, as with QEMU's. */
static bool told_of_clients(const NbdArgs *a)
{
    return a->verbose && isatty(STDERR_FILENO);
}

static void client_closed(void *opaque, bool negotiated)
{
    Serve *s = opaque;
    unsigned left = nbd_server_clients(s->server);

    if (told_of_clients(s->args)) {
        report_info("a client left, %u remain", left);
    }
    if (negotiated && !left && !s->args->persistent) {
        end(s);
    }
}

static int start_listening(const NbdArgs *a, Error **errp)
{
    g_auto(SockAddr) addr = { .fd = -1 };

    if (a->listen_fd >= 0) {
        return a->listen_fd;
    }
    nbd_address(a, &addr);
    return socket_listen(&addr, errp);
}

static void tell_ready(const NbdArgs *a, int fd)
{
    if (told_of_clients(a)) {
        g_autofree char *where = socket_local_text(fd);

        report_info("listening on %s", where);
    }
    if (a->ready_fd >= 0) {
        ssize_t told = write(a->ready_fd, "", 1);

        (void)told;         /* a parent that died does not matter */
        close(a->ready_fd);
    }
}

static int co_serve_export(NbdArgs *a, TlsCreds *tls)
{
    Serve s = { .args = a };
    NbdServerOptions options = { .tls = tls, .authz = a->tls_authz,
                                 .max_connections = a->shared,
                                 .client_closed = client_closed, .opaque = &s };
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    Error *err = NULL;
    int fd = start_listening(a, &err);

    if (fd < 0) {
        error_report(err);
        return 1;
    }
    if (a->pid_file && !write_pid(a->pid_file)) {
        close(fd);
        return 1;
    }
    co_queue_init(&s.over);
    for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
        g_unix_signal_add(signals[i], on_signal, &s);
    }
    s.server = nbd_server_new(&options);
    nbd_server_listen(s.server, fd);
    tell_ready(a, fd);
    while (!s.end) {
        co_queue_wait(&s.over, NULL);
    }
    nbd_server_stop_listening(s.server);
    if (a->socket) {
        unlink(a->socket);
    }
    co_nbd_server_free(s.server);
    return 0;
}

static int co_serve_image(NbdArgs *a, ToolImage *opened, TlsCreds *tls)
{
    Error *err = NULL;
    BlockNode *image = opened->node, *part = NULL;
    int status = 1;

    /* The export is who writes; a part of the image does not share that. */
    block_child_set_perm(opened->user, 0, BLOCK_PERM_ALL, NULL);
    if ((a->load_snapshot && !co_load_snapshot(image, a->load_snapshot, &err)) ||
        (a->offset && !(part = co_open_part(image, a->offset, a->open.write, &err))) ||
        !co_export(a, part ? part : image, &err)) {
        error_report(err);
    } else {
        status = co_serve_export(a, tls);
        co_block_export_close_all(NULL);
    }
    block_node_unref(part);
    return status;
}

int co_nbd_serve(NbdArgs *a)
{
    g_autoptr(TlsCreds) tls = NULL;
    Error *err = NULL;
    ToolImage image;
    int status;

    if ((a->tls_creds && !(tls = tls_creds_find(a->tls_creds, true, &err))) ||
        (a->tls_authz && !authz_check(a->tls_authz, &err))) {
        error_prepend(&err, "Failed to get TLS creds: ");
        error_report(err);
        return 1;
    }
    a->open.write = !a->read_only && !a->load_snapshot;
    a->open.options = a->detect_zeroes;
    if (!co_tool_open(&image, &a->open, &err)) {
        error_prepend(&err, "Failed to blk_new_open '%s': ", a->open.name);
        error_report(err);
        return 1;
    }
    status = co_serve_image(a, &image, tls);
    return co_tool_close(&image) ? status : 1;
}
