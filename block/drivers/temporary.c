/* temporary: writes go to a file that vanishes at the end (-snapshot), the rest is read below */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/aio/aio.h"
#include "block/driver.h"
#include "util/co-lock.h"
#include "util/iov.h"

/* What is written first is completed to whole units from below. */
enum { UNIT = 4096 };

typedef struct TemporaryState {
    int fd;                 /* sparse, the same offsets as the disk's */
    uint8_t *present;       /* a bit a unit: it is in fd */
    CoMutex lock;           /* held while units are completed */
} TemporaryState;

static int open_nameless(Error **errp)
{
    const char *dir = g_getenv("TMPDIR") ? g_getenv("TMPDIR") : "/var/tmp";
    g_autofree char *path = g_strdup_printf("%s/mica-XXXXXX", dir);
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

    if (fd < 0) {
        fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0) {
            error_set_errno(errp, errno, "Could not create a temporary file in '%s'", dir);
            return -1;
        }
        unlink(path);
    }
    return fd;
}

static bool temporary_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    TemporaryState *s = node->state;
    const BlockdevRef *ref = options->u.temporary.file;
    bool read_only = node->read_only;

    node->read_only = ref->type == BLOCKDEV_REF_DEFINITION;    /* what is below stays as it is */
    if (!co_block_open_file(node, BLOCK_CHILD_COW | BLOCK_CHILD_PRIMARY, ref, errp)) {
        return false;
    }
    node->read_only = read_only;
    node->length = node->file->node->length;
    node->limits.request_alignment = BLOCK_SECTOR_SIZE;
    s->present = g_try_malloc0(node->length / UNIT / 8 + 1);
    if (!s->present) {
        error_set(errp, "'%s' is too large for a temporary overlay", node->name);
        return false;
    }
    s->fd = open_nameless(errp);
    if (s->fd < 0) {
        g_free(s->present);
        return false;
    }
    co_mutex_init(&s->lock);
    return true;
}

static void temporary_co_close(BlockNode *node)
{
    TemporaryState *s = node->state;

    close(s->fd);
    g_free(s->present);
}

static bool present(const TemporaryState *s, int64_t offset)
{
    return s->present[offset / UNIT / 8] & BIT(offset / UNIT % 8);
}

static int temporary_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                               const struct iovec *iov, unsigned niov)
{
    TemporaryState *s = node->state;
    IoVec part = { };
    int ret = 0;

    for (int64_t done = 0, n; done < bytes && !ret; done += n) {
        int64_t at = offset + done;
        bool here = present(s, at);

        n = UNIT - at % UNIT;
        while (done + n < bytes && present(s, at + n) == here) {
            n += UNIT;
        }
        n = MIN(n, bytes - done);
        iovec_reset(&part);
        iovec_add_slice(&part, iov, niov, done, n);
        if (here) {
            ret = co_aio_submit(&(AioOp){ AIO_READ, s->fd, at, n, part.iov, part.n });
        } else {
            ret = co_node_preadv(node->file->node, at, n, part.iov, part.n);
        }
    }
    iovec_free(&part);
    return ret;
}

/* Bring the unit at offset in from below. */
static int co_complete_unit(BlockNode *node, int64_t offset)
{
    TemporaryState *s = node->state;
    int64_t n = MIN(UNIT, node->length - offset);
    void *buf = block_try_alloc(UNIT);
    struct iovec iov = { buf, n };
    int ret;

    if (!buf) {
        return -ENOMEM;
    }
    ret = co_node_preadv(node->file->node, offset, n, &iov, 1);
    if (!ret) {
        ret = co_aio_submit(&(AioOp){ AIO_WRITE, s->fd, offset, n, &iov, 1 });
    }
    if (!ret) {
        s->present[offset / UNIT / 8] |= BIT(offset / UNIT % 8);
    }
    free(buf);
    return ret;
}

/* The units at both ends of a write, where it covers a part of them only. */
static int co_complete_ends(BlockNode *node, int64_t offset, int64_t bytes)
{
    TemporaryState *s = node->state;
    int64_t first = ROUND_DOWN(offset, UNIT), last = ROUND_DOWN(offset + bytes - 1, UNIT);
    int ret = 0;

    if (offset != first && !present(s, first)) {
        ret = co_complete_unit(node, first);
    }
    if (!ret && (offset + bytes) % UNIT && offset + bytes != node->length && !present(s, last)) {
        ret = co_complete_unit(node, last);
    }
    return ret;
}

static bool all_present(const TemporaryState *s, int64_t offset, int64_t bytes)
{
    for (int64_t at = ROUND_DOWN(offset, UNIT); at < offset + bytes; at += UNIT) {
        if (!present(s, at)) {
            return false;
        }
    }
    return true;
}

static void mark_present(TemporaryState *s, int64_t offset, int64_t bytes)
{
    for (int64_t at = ROUND_DOWN(offset, UNIT); at < offset + bytes; at += UNIT) {
        s->present[at / UNIT / 8] |= BIT(at / UNIT % 8);
    }
}

static int temporary_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                                const struct iovec *iov, unsigned niov, unsigned flags)
{
    TemporaryState *s = node->state;
    bool settled = all_present(s, offset, bytes);
    int ret = 0;

    /* Completing a unit must not overwrite what another request has put there meanwhile. */
    if (!settled) {
        co_mutex_lock(&s->lock);
        ret = co_complete_ends(node, offset, bytes);
    }
    if (!ret) {
        ret = co_aio_submit(&(AioOp){ AIO_WRITE, s->fd, offset, bytes, iov, niov });
    }
    if (!ret) {
        mark_present(s, offset, bytes);
    }
    if (!settled) {
        co_mutex_unlock(&s->lock);
    }
    return ret;
}

/* Nothing here outlives the program. */
static int temporary_co_flush(BlockNode *node)
{
    return 0;
}

static const BlockDriver temporary_driver = {
    .name = "temporary", .desc = "changes that are forgotten at the end",
    .size = sizeof(TemporaryState), .co_open = temporary_co_open,
    .co_close = temporary_co_close, .co_preadv = temporary_co_preadv,
    .co_pwritev = temporary_co_pwritev, .co_flush = temporary_co_flush,
};
REGISTER_BLOCK_DRIVER(temporary_driver)
