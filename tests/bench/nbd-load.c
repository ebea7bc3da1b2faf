/* A load for NBD servers: 4 KiB reads or writes at a fixed queue depth, requests a second */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: nbd-load SOCKET read|write DEPTH SECONDS */
#include "util/osdep.h"
#include "block/nbd/proto.h"
#include "util/bswap.h"

#include <sys/socket.h>
#include <sys/un.h>

#define BLOCK     4096
#define DEPTH_MAX 256

static void die(const char *what)
{
    fprintf(stderr, "nbd-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(int fd, const void *buf, size_t len)
{
    const char *p = buf;

    while (len) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0) {
            die("send");
        }
        p += n;
        len -= n;
    }
}

/* Buffered: answers come many at a time. */
static void get(int fd, void *to, size_t len)
{
    static uint8_t buf[1 << 20];
    static size_t at, have;
    uint8_t *p = to;

    while (len) {
        size_t n = MIN(len, have - at);

        memcpy(p, buf + at, n);
        at += n;
        p += n;
        len -= n;
        if (len) {
            ssize_t got = recv(fd, buf, sizeof(buf), 0);

            if (got <= 0) {
                die("receive");
            }
            at = 0;
            have = got;
        }
    }
}

/* Simple replies, the unnamed export; its size. */
static uint64_t handshake(int fd)
{
    static const char go[] = "\0\0\0\3IHAVEOPT\0\0\0\7\0\0\0\6\0\0\0\0\0\0";
    uint8_t buf[65536];
    uint64_t size = 0;

    get(fd, buf, NBD_GREETING_BYTES);
    put(fd, go, sizeof(go) - 1);
    for (;;) {
        uint32_t type, len;

        get(fd, buf, NBD_OPTION_REPLY_BYTES);
        type = ld32_be(buf + 12);
        len = ld32_be(buf + 16);
        if (len > sizeof(buf) || type & NBD_REP_IS_ERROR) {
            errno = EPROTO;
            die("handshake");
        }
        get(fd, buf, len);
        if (type == NBD_REP_ACK) {
            return size;
        }
        if (len == 12 && !ld16_be(buf)) {
            size = ld64_be(buf + 2);
        }
    }
}

static double now(void)
{
    return g_get_monotonic_time() / 1e6;
}

/* One more request into out; its length. */
static size_t request(uint8_t *out, bool write, uint64_t blocks)
{
    memset(out, 0, NBD_REQUEST_BYTES);
    st32_be(out, NBD_REQUEST_MAGIC);
    st16_be(out + 6, write ? NBD_CMD_WRITE : NBD_CMD_READ);
    st64_be(out + 16, (uint64_t)g_random_int() % blocks * BLOCK);
    st32_be(out + 24, BLOCK);
    return NBD_REQUEST_BYTES + (write ? BLOCK : 0);
}

int main(int argc, char **argv)
{
    static uint8_t out[DEPTH_MAX * (NBD_REQUEST_BYTES + BLOCK)], in[BLOCK];
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    unsigned depth = argc == 5 ? atoi(argv[3]) : 0, under_way = 0;
    bool write = argc == 5 && !strcmp(argv[2], "write");
    double seconds = argc == 5 ? atof(argv[4]) : 0, start;
    uint64_t blocks, done = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (!depth || depth > DEPTH_MAX || strlen(argv[1]) >= sizeof(sun.sun_path)) {
        fprintf(stderr, "usage: nbd-load SOCKET read|write DEPTH SECONDS\n");
        return 2;
    }
    strcpy(sun.sun_path, argv[1]);
    if (connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
        die(argv[1]);
    }
    blocks = handshake(fd) / BLOCK;
    start = now();
    while (now() - start < seconds) {
        size_t len = 0;

        for (; under_way < depth; under_way++) {
            len += request(out + len, write, blocks);
        }
        put(fd, out, len);
        /* All that are there are taken before more is asked: one at the least. */
        do {
            get(fd, in, NBD_SIMPLE_REPLY_BYTES);
            if (ld32_be(in) != NBD_SIMPLE_REPLY_MAGIC || ld32_be(in + 4)) {
                errno = EIO;
                die("a request");
            }
            get(fd, in, write ? 0 : BLOCK);
            under_way--;
            done++;
        } while (under_way > depth / 2);
    }
    printf("%.0f\n", done / (now() - start));
    return 0;
}
