/* file, host_device: regular files and block devices of the host, and the locks on them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/aio/aio.h"
#include "block/driver.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

/*
 * Lock bytes, the same as QEMU's so that both keep out of each other's images:
 * a shared lock on byte PERM + n says that permission n is in use, one on
 * SHARED + n that nobody else may have it.
 */
enum {
    LOCK_PERM_BASE = 100,
    LOCK_SHARED_BASE = 200,
    NR_PERMS = 4,
    MAX_TRANSFER = 1 << 30,     /* preadv() takes a little less than 2 GiB */
    MAX_ALIGNMENT = 4096,
};

static const char *const perm_names[NR_PERMS] = {
    "consistent read", "write", "write unchanged", "resize",
};

typedef struct FileState {
    int fd;
    bool block_device;
    bool locking;
    uint32_t locked, locked_shared;     /* bit n: the byte base + n is locked */
} FileState;

/* Locks */

static int lock_byte(int fd, int type, int64_t byte)
{
    struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    return fcntl(fd, F_OFD_SETLK, &fl) ? -errno : 0;
}

/* Has anyone else this byte? */
static bool byte_taken(int fd, int64_t byte)
{
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    return !fcntl(fd, F_OFD_GETLK, &fl) && fl.l_type != F_UNLCK;
}

/* Lock what want has and *have has not; with release the other way round too. */
static int move_locks(int fd, int64_t base, uint32_t *have, uint32_t want, bool release)
{
    for (unsigned n = 0; n < NR_PERMS; n++) {
        int ret = 0;

        if (want & ~*have & BIT(n)) {
            ret = lock_byte(fd, F_RDLCK, base + n);
            *have |= ret ? 0 : BIT(n);
        } else if (release && *have & ~want & BIT(n)) {
            ret = lock_byte(fd, F_UNLCK, base + n);
            *have &= ~BIT(n);
        }
        if (ret) {
            return ret;
        }
    }
    return 0;
}

static bool check_bytes(const BlockNode *node, uint32_t perm, uint32_t unshared, Error **errp)
{
    const FileState *s = node->state;

    for (unsigned n = 0; n < NR_PERMS; n++) {
        bool refused = perm & BIT(n) && byte_taken(s->fd, LOCK_SHARED_BASE + n);
        bool in_use = unshared & BIT(n) && byte_taken(s->fd, LOCK_PERM_BASE + n);

        if (refused || in_use) {
            error_set(errp, "Failed to get %s\"%s\" lock", refused ? "" : "shared ",
                      perm_names[n]);
            error_hint(errp, "Is another process using the image [%s]?", node->filename);
            return false;
        }
    }
    return true;
}

static bool file_set_perm(BlockNode *node, uint32_t perm, uint32_t shared, Error **errp)
{
    FileState *s = node->state;
    uint32_t unshared = ~shared & BLOCK_PERM_ALL;
    uint32_t old = s->locked, old_shared = s->locked_shared;
    int ret;

    if (!s->locking) {
        return true;
    }
    ret = move_locks(s->fd, LOCK_PERM_BASE, &s->locked, perm, false);
    if (!ret) {
        ret = move_locks(s->fd, LOCK_SHARED_BASE, &s->locked_shared, unshared, false);
    }
    if (ret) {
        error_set_errno(errp, -ret, "Failed to lock '%s'", node->filename);
    }
    if (ret || !check_bytes(node, perm, unshared, errp)) {
        move_locks(s->fd, LOCK_PERM_BASE, &s->locked, old, true);
        move_locks(s->fd, LOCK_SHARED_BASE, &s->locked_shared, old_shared, true);
        return false;
    }
    move_locks(s->fd, LOCK_PERM_BASE, &s->locked, perm, true);
    move_locks(s->fd, LOCK_SHARED_BASE, &s->locked_shared, unshared, true);
    return true;
}

static bool host_can_lock(int fd)
{
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };

    return !fcntl(fd, F_OFD_GETLK, &fl);
}

static bool init_locking(BlockNode *node, const BlockdevOptionsFile *o, Error **errp)
{
    FileState *s = node->state;

    if (o->has_locking && o->locking == ON_OFF_AUTO_OFF) {
        return true;
    }
    s->locking = host_can_lock(s->fd);
    if (!s->locking && o->has_locking && o->locking == ON_OFF_AUTO_ON) {
        error_set_errno(errp, errno, "'%s' cannot be locked", node->filename);
        return false;
    }
    return true;
}

/* Opening */

static bool check_kind(BlockNode *node, bool want_device, Error **errp)
{
    FileState *s = node->state;
    struct stat st;

    if (fstat(s->fd, &st)) {
        error_set_errno(errp, errno, "Could not stat '%s'", node->filename);
        return false;
    }
    if (!want_device && !S_ISREG(st.st_mode)) {
        error_set(errp, "'file' driver requires '%s' to be a regular file", node->filename);
        return false;
    }
    if (want_device && !S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode)) {
        error_set(errp, "'host_device' driver requires '%s' to be either a character or block "
                  "device", node->filename);
        return false;
    }
    s->block_device = S_ISBLK(st.st_mode);
    return true;
}

static bool find_length(BlockNode *node, Error **errp)
{
    FileState *s = node->state;
    uint64_t bytes;

    if (s->block_device && !ioctl(s->fd, BLKGETSIZE64, &bytes)) {
        node->length = bytes;
    } else {
        node->length = lseek(s->fd, 0, SEEK_END);
    }
    if (node->length < 0) {
        error_set_errno(errp, errno, "Could not find the size of '%s'", node->filename);
        return false;
    }
    /* A last piece of a sector is a sector to the guest. */
    node->length = ROUND_UP(node->length, BLOCK_SECTOR_SIZE);
    return true;
}

static bool direct_read_works(int fd, uint8_t *buf, size_t bytes)
{
    return pread(fd, buf, bytes, 0) >= 0 || errno != EINVAL;
}

/* What O_DIRECT needs, found by trying, for not every file system can tell. */
static bool probe_alignment(BlockNode *node, Error **errp)
{
    FileState *s = node->state;
    uint8_t *buf = block_try_alloc(2 * MAX_ALIGNMENT);
    uint32_t unit = BLOCK_SECTOR_SIZE;
    unsigned sector;

    if (!buf) {
        error_set_errno(errp, ENOMEM, "Could not probe the alignment of '%s'", node->filename);
        return false;
    }
    if (s->block_device && !ioctl(s->fd, BLKSSZGET, &sector) && sector >= unit &&
        sector <= MAX_ALIGNMENT) {
        unit = sector;
    }
    while (unit <= MAX_ALIGNMENT && !direct_read_works(s->fd, buf, unit)) {
        unit *= 2;
    }
    node->limits.request_alignment = unit;
    node->limits.memory_alignment =
        unit <= MAX_ALIGNMENT && direct_read_works(s->fd, buf + BLOCK_SECTOR_SIZE, unit)
            ? BLOCK_SECTOR_SIZE : MAX_ALIGNMENT;
    free(buf);
    if (unit > MAX_ALIGNMENT) {
        error_set(errp, "Could not find working O_DIRECT alignment for '%s'", node->filename);
        error_hint(errp, "Try cache.direct=off");
        return false;
    }
    return true;
}

static bool open_fd(BlockNode *node, Error **errp)
{
    FileState *s = node->state;
    int flags = O_CLOEXEC | (node->cache_direct ? O_DIRECT : 0);

    s->fd = open(node->filename, flags | (node->read_only ? O_RDONLY : O_RDWR));
    if (s->fd < 0 && !node->read_only && node->auto_read_only &&
        (errno == EACCES || errno == EROFS || errno == EPERM)) {
        node->read_only = true;
        s->fd = open(node->filename, flags | O_RDONLY);
    }
    if (s->fd >= 0) {
        return true;
    }
    if (errno == EINVAL && node->cache_direct) {
        error_set(errp, "Could not open '%s': filesystem does not support O_DIRECT",
                  node->filename);
    } else {
        error_set_errno(errp, errno, "Could not open '%s'", node->filename);
    }
    return false;
}

static bool file_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsFile *o = options->driver == BLOCKDEV_DRIVER_FILE
                                       ? &options->u.file : &options->u.host_device;
    FileState *s = node->state;

    node->filename = g_strdup(o->filename);
    node->limits = (BlockLimits){ .max_transfer = MAX_TRANSFER, .max_iov = IOV_MAX };
    if (!open_fd(node, errp)) {
        return false;
    }
    if (!check_kind(node, options->driver == BLOCKDEV_DRIVER_HOST_DEVICE, errp) ||
        !find_length(node, errp) || !init_locking(node, o, errp) ||
        (node->cache_direct && !probe_alignment(node, errp))) {
        close(s->fd);
        return false;
    }
    return true;
}

static void file_close(BlockNode *node)
{
    FileState *s = node->state;

    close(s->fd);       /* the locks go with it */
}

/* Requests */

static int file_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov)
{
    FileState *s = node->state;

    return co_aio_submit(&(AioOp){ AIO_READ, s->fd, offset, bytes, iov, niov });
}

static int file_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                           const struct iovec *iov, unsigned niov, unsigned flags)
{
    FileState *s = node->state;

    return co_aio_submit(&(AioOp){ AIO_WRITE, s->fd, offset, bytes, iov, niov });
}

static int file_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    FileState *s = node->state;
    AioOp op = { .fd = s->fd, .offset = offset, .bytes = bytes };

    if (s->block_device) {
        op.kind = AIO_BLOCK_ZERO;
    } else {
        op.kind = flags & BLOCK_REQ_MAY_UNMAP ? AIO_PUNCH_HOLE : AIO_ZERO_RANGE;
    }
    return co_aio_submit(&op);
}

static int file_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    FileState *s = node->state;

    return co_aio_submit(&(AioOp){
        .kind = s->block_device ? AIO_BLOCK_DISCARD : AIO_PUNCH_HOLE,
        .fd = s->fd, .offset = offset, .bytes = bytes });
}

static int file_co_flush(BlockNode *node)
{
    FileState *s = node->state;

    return co_aio_submit(&(AioOp){ .kind = AIO_FLUSH, .fd = s->fd });
}

#define FILE_CALLBACKS                                                                      \
    .size = sizeof(FileState), .is_protocol = true, .open = file_open, .close = file_close, \
    .set_perm = file_set_perm, .co_preadv = file_co_preadv, .co_pwritev = file_co_pwritev,  \
    .co_pwrite_zeroes = file_co_pwrite_zeroes, .co_pdiscard = file_co_pdiscard,             \
    .co_flush = file_co_flush

static const BlockDriver file_driver = {
    .name = "file", .desc = "a file of the host", FILE_CALLBACKS,
};
REGISTER_BLOCK_DRIVER(file_driver)

static const BlockDriver host_device_driver = {
    .name = "host_device", .desc = "a device of the host", FILE_CALLBACKS,
};
REGISTER_BLOCK_DRIVER(host_device_driver)
