/* pmemsave: guest memory to a file, a piece at a time */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/memory.h"
#include "qapi/commands-memory.h"
#include "util/fdset.h"
#include "util/thread-pool.h"

#define PIECE_BYTES (1 << 20)

typedef struct Piece {
    int fd;
    const char *filename;       /* to open it first */
    const uint8_t *buf;
    size_t len;
} Piece;

static int write_piece(void *opaque)
{
    Piece *p = opaque;

    if (p->filename) {
        p->fd = fdset_open(p->filename, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        return p->fd < 0 ? -errno : 0;
    }
    for (size_t done = 0; done < p->len;) {
        ssize_t n = write(p->fd, p->buf + done, p->len - done);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        done += MAX(n, 0);
    }
    return 0;
}

/* RAM and ROM; what else is there is not asked, for reading a device changes it. */
static void read_memory(GuestAddr addr, uint8_t *buf, size_t len)
{
    while (len) {
        size_t n = MIN(len, RAM_PAGE_SIZE - addr % RAM_PAGE_SIZE);
        RamHit hit;

        if (mem_lookup_ram(memory_space(), addr, &hit)) {
            n = MIN(n, hit.len);
            memcpy(buf, hit.host, n);
        } else {
            memset(buf, 0, n);
        }
        addr += n;
        buf += n;
        len -= n;
    }
}

void qmp_pmemsave(int64_t val, int64_t size, const char *filename, Error **errp)
{
    g_autofree uint8_t *buf = g_malloc(PIECE_BYTES);
    Piece piece = { .fd = -1, .filename = filename };
    int ret;

    if (size < 0 || val < 0) {
        error_set(errp, "Parameter '%s' expects a non-negative number", size < 0 ? "size" : "val");
        return;
    }
    ret = co_thread_call(write_piece, &piece);
    if (ret < 0) {
        error_set_errno(errp, -ret, "Could not open '%s'", filename);
        return;
    }
    piece.filename = NULL;
    piece.buf = buf;
    while (size && ret == 0) {
        piece.len = MIN(size, PIECE_BYTES);
        read_memory(val, buf, piece.len);
        ret = co_thread_call(write_piece, &piece);
        val += piece.len;
        size -= piece.len;
    }
    close(piece.fd);
    if (ret < 0) {
        error_set_errno(errp, -ret, "An IO error has occurred: '%s'", filename);
    }
}
