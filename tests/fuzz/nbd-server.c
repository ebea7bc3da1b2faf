/* Fuzz target: what an NBD client says, to a server with a disk of zeroes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/export.h"
#include "block/nbd/nbd.h"
#include "tests/fuzz/fuzz.h"
#include "util/channel.h"

#include <sys/socket.h>

#define INPUT_MAX 65536         /* fits into a socket's buffer */

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

static NbdServer *server;
static unsigned closed;
static CoQueue changed;

static void client_closed(void *opaque, bool negotiated)
{
    closed++;
    co_queue_wake_all(&changed);
}

static void co_start(void)
{
    static const NbdServerOptions options = { .client_closed = client_closed };
    JSON_AUTO node = json_parse_object("{'driver':'null-co','node-name':'n','size':1048576,"
                                       "'read-zeroes':true}", NULL);
    BlockExportOptions export = {
        .type = BLOCK_EXPORT_TYPE_NBD, .id = (char *)"e", .node_name = (char *)"n",
        .has_writable = true, .writable = true,
        .u.nbd = { .name = (char *)"", .has_allocation_depth = true, .allocation_depth = true },
    };

    co_queue_init(&changed);
    g_assert_true(co_block_open_json(node, QAPI_STRICT, NULL));
    g_assert_true(co_block_export_add(&export, NULL));
    server = nbd_server_new(&options);
}

static void co_one(void *opaque)
{
    const Input *input = opaque;
    unsigned before = closed;
    uint8_t sink[4096];
    int fd[2];

    if (!server) {
        co_start();
    }
    g_assert_false(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
    g_assert_cmpint(write(fd[0], input->data, input->size), ==, input->size);
    shutdown(fd[0], SHUT_WR);
    nbd_server_add_client(server, fd[1]);
    while (co_fd_read(fd[0], sink, sizeof(sink)) > 0) {
    }
    close(fd[0]);
    while (closed == before) {
        co_queue_wait(&changed, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input input = { data, MIN(size, INPUT_MAX) };

    co_run(co_one, &input);
    return 0;
}
