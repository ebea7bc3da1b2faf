/* NBD servers: sockets that listen, a coroutine per client, limits and the handshake's deadline */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/server-int.h"

#include "util/socket.h"
#include "util/trace.h"

struct NbdServer {
    TlsCreds *tls;
    char *authz;
    unsigned max_connections;
    void (*client_closed)(void *opaque, bool negotiated);
    void *opaque;
    GArray *fds;                    /* of int: they listen */
    bool accepting;
    List clients;
    unsigned nr_clients;
    CoQueue empty;
};

typedef struct Accepted {
    NbdServer *server;
    int fd;
} Accepted;

static void on_connection(void *opaque);
static void update_accepting(NbdServer *server);

NbdServer *nbd_server_new(const NbdServerOptions *options)
{
    NbdServer *server = g_new0(NbdServer, 1);

    server->tls = options->tls ? tls_creds_ref(options->tls) : NULL;
    server->authz = g_strdup(options->authz);
    server->max_connections = options->max_connections;
    server->client_closed = options->client_closed;
    server->opaque = options->opaque;
    server->fds = g_array_new(false, false, sizeof(int));
    list_init(&server->clients);
    co_queue_init(&server->empty);
    return server;
}

unsigned nbd_server_clients(const NbdServer *server)
{
    return server->nr_clients;
}

unsigned nbd_server_max_connections(const NbdServer *server)
{
    return server->max_connections;
}

/* --- clients --- */

void nbd_client_unref(NbdClient *client)
{
    NbdServer *server = client->server;

    if (--client->refs) {
        return;
    }
    TRACE(nbd_client_gone, "%p%s", (void *)client, client->negotiated ? "" : " not negotiated");
    timer_disarm(&client->deadline);
    list_remove(&client->link);
    if (client->export) {
        list_remove(&client->export_link);
        block_export_unref(&client->export->common);
    }
    while (client->nr_buffers) {
        free(client->buffers[--client->nr_buffers]);
    }
    tls_creds_unref(client->tls);
    g_free(client->contexts.export_name);
    g_array_free(client->contexts.bitmaps, true);
    nbd_stream_unref(client->stream);
    server->nr_clients--;
    update_accepting(server);
    if (server->client_closed) {
        server->client_closed(server->opaque, client->negotiated);
    }
    if (!server->nr_clients) {
        co_queue_wake_all(&server->empty);
    }
    g_free(client);
}

static void too_late(void *opaque)
{
    NbdClient *client = opaque;

    TRACE(nbd_handshake_late, "%p", (void *)client);
    nbd_stream_abort(client->stream);
}

static void co_client(void *opaque)
{
    Accepted accepted = *(Accepted *)opaque;
    NbdServer *server = accepted.server;
    NbdClient *client = g_new0(NbdClient, 1);
    g_autoptr(Error) err = NULL;

    g_free(opaque);
    client->refs = 1;
    client->server = server;
    client->stream = nbd_stream_new(accepted.fd);
    client->tls = server->tls ? tls_creds_ref(server->tls) : NULL;
    client->authz = server->authz;      /* which outlives it */
    client->contexts.bitmaps = g_array_new(false, false, sizeof(unsigned));
    co_queue_init(&client->room);
    list_append(&server->clients, &client->link);
    TRACE(nbd_client_new, "%p", (void *)client);

    /* Who connects and says nothing holds a place that others could use. */
    timer_init(&client->deadline, CLOCK_TYPE_REALTIME, too_late, client);
    timer_arm(&client->deadline,
              clock_ns(CLOCK_TYPE_REALTIME) + NBD_HANDSHAKE_SECONDS * NS_PER_SECOND);
    if (co_nbd_server_handshake(client, &err)) {
        timer_disarm(&client->deadline);
        client->negotiated = true;
        co_nbd_server_serve(client);
    } else {
        TRACE(nbd_handshake_failed, "%p: %s", (void *)client, err ? error_text(err) : "it left");
    }
    nbd_stream_abort(client->stream);
    nbd_client_unref(client);
}

/* --- sockets --- */

static void update_accepting(NbdServer *server)
{
    bool accepting = server->fds->len && (!server->max_connections ||
                                          server->nr_clients < server->max_connections);

    if (accepting == server->accepting) {
        return;
    }
    server->accepting = accepting;
    for (unsigned i = 0; i < server->fds->len; i++) {
        loop_set_fd(loop_main(), g_array_index(server->fds, int, i),
                    accepting ? on_connection : NULL, NULL, server);
    }
}

void nbd_server_add_client(NbdServer *server, int fd)
{
    Accepted *accepted = g_new(Accepted, 1);

    *accepted = (Accepted){ server, fd };
    server->nr_clients++;
    update_accepting(server);
    co_enter(co_create(co_client, accepted));
}

static void on_connection(void *opaque)
{
    NbdServer *server = opaque;

    for (unsigned i = 0; i < server->fds->len && server->accepting; i++) {
        int fd = socket_accept(g_array_index(server->fds, int, i));

        if (fd < 0) {
            continue;           /* not this one, or the client has left already */
        }
        socket_set_nodelay(fd);
        nbd_server_add_client(server, fd);
    }
}

void nbd_server_listen(NbdServer *server, int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    g_array_append_val(server->fds, fd);
    if (server->accepting) {
        loop_set_fd(loop_main(), fd, on_connection, NULL, server);
    }
    update_accepting(server);
}

void nbd_server_stop_listening(NbdServer *server)
{
    g_autoptr(GArray) fds = server->fds;

    for (unsigned i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);

        if (server->accepting) {
            loop_set_fd(loop_main(), fd, NULL, NULL, NULL);
        }
        close(fd);
    }
    server->accepting = false;
    server->fds = g_array_new(false, false, sizeof(int));
}

void co_nbd_server_free(NbdServer *server)
{
    NbdClient *client;

    nbd_server_stop_listening(server);
    list_for_each(client, &server->clients, NbdClient, link) {
        nbd_stream_abort(client->stream);
    }
    while (server->nr_clients) {
        co_queue_wait(&server->empty, NULL);
    }
    tls_creds_unref(server->tls);
    g_free(server->authz);
    g_array_free(server->fds, true);
    g_free(server);
}
