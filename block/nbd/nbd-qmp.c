/* The program's NBD server: nbd-server-start, -add, -remove, -stop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/export.h"
#include "block/nbd/nbd.h"

#include "qapi/commands-export.h"
#include "qapi/sockaddr.h"
#include "qom/authz.h"
#include "qom/tls-creds.h"

static NbdServer *server;
static char *socket_path;           /* to be removed at the end */

bool nbd_server_running(void)
{
    return server;
}

static bool check_tls(const char *creds, const char *authz, TlsCreds **tls, Error **errp)
{
    if (authz && !creds) {
        error_set(errp, "TLS authorization is only possible with TLS credentials");
        return false;
    }
    if (creds && !(*tls = tls_creds_find(creds, true, errp))) {
        return false;
    }
    return !authz || authz_check(authz, errp);
}

void qmp_nbd_server_start(SocketAddressLegacy *addr, const char *tls_creds, const char *tls_authz,
                          bool has_max_connections, uint32_t max_connections, Error **errp)
{
    g_auto(SockAddr) where = { .fd = -1 };
    g_autoptr(TlsCreds) tls = NULL;
    NbdServerOptions options = {
        .max_connections = has_max_connections ? max_connections : 0,
    };
    int fd;

    if (server) {
        error_set(errp, "NBD server already running");
        return;
    }
    if (!check_tls(tls_creds, tls_authz, &tls, errp) ||
        !sockaddr_from_qapi_legacy(addr, &where, errp)) {
        return;
    }
    fd = socket_listen(&where, errp);
    if (fd < 0) {
        return;
    }
    if (!socket_is_listening(fd)) {
        error_set(errp, "File descriptor '%d' is not a socket that listens", fd);
        close(fd);
        return;
    }
    options.tls = tls;
    options.authz = tls_authz;
    server = nbd_server_new(&options);
    nbd_server_listen(server, fd);
    if (where.kind == SOCK_KIND_UNIX && !where.abstract) {
        socket_path = g_strdup(where.path);
    }
}

static BlockNode *find_node(const char *device, Error **errp)
{
    BlockBackend *blk = blk_find(device);
    BlockNode *node = blk ? blk_node(blk) : block_node_find(device);

    if (blk && !node) {
        error_set(errp, "Device '%s' has no medium", device);
    } else if (!node) {
        error_set(errp, "Cannot find device='%s' nor node-name='%s'", device, device);
    }
    return node;
}

void qmp_nbd_server_add(const char *device, const char *name, const char *description,
                        bool has_writable, bool writable, const char *bitmap, Error **errp)
{
    char *export = (char *)(uintptr_t)(name ? name : device);
    BlockDirtyBitmapOrStr shown = { .type = BLOCK_DIRTY_BITMAP_OR_STR_LOCAL,
                                    .u.local = (char *)(uintptr_t)bitmap };
    BlockDirtyBitmapOrStrList bitmaps = { NULL, &shown };
    BlockExport *exp;
    BlockNode *node;

    if (!server) {
        error_set(errp, "NBD server not running");
        return;
    }
    node = find_node(device, errp);
    if (node) {
        BlockExportOptions options = {
            .type = BLOCK_EXPORT_TYPE_NBD, .id = export, .node_name = node->name,
            .has_writable = true,
            .writable = has_writable && writable && !block_node_read_only(node),
            .u.nbd = { .name = export, .description = (char *)(uintptr_t)description,
                       .has_bitmaps = bitmap, .bitmaps = bitmap ? &bitmaps : NULL },
        };

        exp = co_block_export_add(&options, errp);
        if (exp) {
            exp->drive = blk_find(device);
        }
    }
}

void qmp_nbd_server_remove(const char *name, bool has_mode, BlockExportRemoveMode mode,
                           Error **errp)
{
    qmp_block_export_del(name, has_mode, mode, errp);
}

static void co_stop(void *unused)
{
    NbdServer *old = g_steal_pointer(&server);

    nbd_server_stop_listening(old);
    if (socket_path) {
        unlink(socket_path);
        g_clear_pointer(&socket_path, g_free);
    }
    co_block_export_close_all("nbd");
    co_nbd_server_free(old);
}

void qmp_nbd_server_stop(Error **errp)
{
    if (!server) {
        error_set(errp, "NBD server not running");
        return;
    }
    co_stop(NULL);
}

void nbd_server_end(void)
{
    if (server) {
        co_run(co_stop, NULL);
    }
}
