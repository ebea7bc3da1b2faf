/* Fuzz target: what an NBD server says: its handshake, then answers to a read and a block status */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/connection.h"
#include "tests/fuzz/fuzz.h"
#include "util/bswap.h"
#include "util/channel.h"
#include "util/co-lock.h"

#include <sys/socket.h>

#define INPUT_MAX 65536         /* fits into a socket's buffer */
#define TURNS     40

/* The first two bytes are the length of the handshake; what follows it is said after a request. */
typedef struct Input {
    const uint8_t *data;
    size_t size, handshake;
    int fd, client_fd;
    NbdConnection *conn;
    unsigned running;
    CoQueue changed;
} Input;

static void ended(Input *input)
{
    input->running--;
    co_queue_wake_all(&input->changed);
}

/* What the client says goes nowhere. */
static void co_drain(void *opaque)
{
    Input *input = opaque;
    uint8_t sink[4096];

    while (co_fd_read(input->fd, sink, sizeof(sink)) > 0) {
    }
    ended(input);
}

static void co_read(void *opaque)
{
    Input *input = opaque;
    uint8_t buf[512];
    struct iovec iov = { buf, sizeof(buf) };
    NbdCall call = { .type = NBD_CMD_READ, .len = sizeof(buf), .iov = &iov, .niov = 1 };

    co_nbd_call(input->conn, &call);
    ended(input);
}

static void co_status(void *opaque)
{
    Input *input = opaque;
    NbdCall call = { .type = NBD_CMD_BLOCK_STATUS, .len = 4096 };

    if (!co_nbd_call(input->conn, &call)) {
        g_assert_cmpuint(call.extent_len, >, 0);
    }
    ended(input);
}

static void co_open(void *opaque)
{
    Input *input = opaque;
    NbdConfig config = { .addr.kind = SOCK_KIND_FD, .addr.fd = input->client_fd,
                         .export = g_strdup(""), .context = g_strdup(NBD_CONTEXT_ALLOCATION) };

    input->conn = co_nbd_connection_open(&config, NULL);
    ended(input);
}

static void start(CoroutineFn *fn, Input *input)
{
    input->running++;
    co_enter(co_create(fn, input));
}

static void co_wait(Input *input, unsigned left)
{
    while (input->running > left) {
        co_queue_wait(&input->changed, NULL);
    }
}

static void co_one(void *opaque)
{
    Input *input = opaque;
    int fd[2];

    co_queue_init(&input->changed);
    g_assert_false(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
    input->fd = fd[0];
    input->client_fd = fd[1];
    g_assert_cmpint(write(fd[0], input->data, input->handshake), ==, input->handshake);
    start(co_drain, input);
    start(co_open, input);
    /* After some turns of the loop it is through, or waits for what will not come. */
    for (unsigned turn = 0; turn < TURNS && !input->conn && input->running > 1; turn++) {
        co_wake(co_self());
        co_yield();
    }
    if (input->conn) {
        start(co_read, input);
        start(co_status, input);
    }
    send(fd[0], input->data + input->handshake, input->size - input->handshake, MSG_NOSIGNAL);
    shutdown(fd[0], SHUT_WR);
    co_wait(input, 1);
    if (input->conn) {
        co_nbd_connection_close(input->conn);
    }
    co_wait(input, 0);
    close(fd[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input input = { 0 };

    if (size >= 2) {
        input.data = data + 2;
        input.size = MIN(size - 2, INPUT_MAX);
        input.handshake = MIN(ld16_be(data), input.size);
        co_run(co_one, &input);
    }
    return 0;
}
