/* file, host_device: regular files and block devices of the host */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drivers/file-int.h"
#include "qapi/types-block-query.h"
#include "util/fdset.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

enum {
    MAX_TRANSFER = 1 << 30,     /* preadv() takes a little less than 2 GiB */
    MAX_ALIGNMENT = 4096,
    LONG_BYTES = 64 << 10,
};

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

static int64_t file_length_now(BlockNode *node)
{
    FileState *s = node->state;
    uint64_t bytes;
    off_t end;

    if (s->block_device && !ioctl(s->fd, BLKGETSIZE64, &bytes)) {
        return bytes;
    }
    end = lseek(s->fd, 0, SEEK_END);
    /* A last piece of a sector is a sector to the guest. */
    return end < 0 ? -errno : ROUND_UP(end, BLOCK_SECTOR_SIZE);
}

static bool find_length(BlockNode *node, Error **errp)
{
    int64_t length = file_length_now(node);

    if (length < 0) {
        error_set_errno(errp, -length, "Could not find the size of '%s'", node->filename);
        return false;
    }
    node->length = length;
    return true;
}

static bool direct_read_works(int fd, uint8_t *buf, size_t bytes)
{
    return pread(fd, buf, bytes, 0) >= 0 || errno != EINVAL;
}

/* What O_DIRECT needs, found by trying, for not every file system can tell. */
static bool probe_alignment(BlockNode *node, int fd, BlockLimits *limits, Error **errp)
{
    FileState *s = node->state;
    uint8_t *buf = block_try_alloc(2 * MAX_ALIGNMENT);
    uint32_t unit = BLOCK_SECTOR_SIZE;
    unsigned sector;

    if (!buf) {
        error_set_errno(errp, ENOMEM, "Could not probe the alignment of '%s'", node->filename);
        return false;
    }
    if (s->block_device && !ioctl(fd, BLKSSZGET, &sector) && sector >= unit &&
        sector <= MAX_ALIGNMENT) {
        unit = sector;
    }
    while (unit <= MAX_ALIGNMENT && !direct_read_works(fd, buf, unit)) {
        unit *= 2;
    }
    limits->request_alignment = unit;
    limits->memory_alignment =
        unit <= MAX_ALIGNMENT && direct_read_works(fd, buf + BLOCK_SECTOR_SIZE, unit)
            ? BLOCK_SECTOR_SIZE : MAX_ALIGNMENT;
    free(buf);
    if (unit > MAX_ALIGNMENT) {
        error_set(errp, "Could not find working O_DIRECT alignment for '%s'", node->filename);
        error_hint(errp, "Try cache.direct=off");
        return false;
    }
    return true;
}

static int open_as(const BlockNode *node, bool writable)
{
    return fdset_open(node->filename, (node->cache_direct ? O_DIRECT : 0) |
                                          (writable ? O_RDWR : O_RDONLY), 0);
}

static void set_open_error(const BlockNode *node, int err, Error **errp)
{
    if (err == EINVAL && node->cache_direct) {
        error_set(errp, "Could not open '%s': filesystem does not support O_DIRECT",
                  node->filename);
    } else {
        error_set_errno(errp, err, "Could not open '%s'", node->filename);
    }
}

/* With auto-read-only it is opened for writing once someone wants to write. */
static bool open_fd(BlockNode *node, Error **errp)
{
    FileState *s = node->state;

    s->writable = !node->read_only && !node->auto_read_only;
    if (!node->read_only && node->auto_read_only &&
        faccessat(AT_FDCWD, node->filename, W_OK, AT_EACCESS) &&
        (errno == EACCES || errno == EROFS || errno == EPERM)) {
        node->read_only = true;
    }
    s->direct = node->cache_direct;
    s->fd = open_as(node, s->writable);
    if (s->fd < 0) {
        set_open_error(node, errno, errp);
        return false;
    }
    return true;
}

static bool choose_engine(BlockNode *node, const BlockdevOptionsFile *o, Error **errp)
{
    static const AioEngine engines[] = {
        [BLOCKDEV_AIO_OPTIONS_THREADS] = AIO_ENGINE_THREADS,
        [BLOCKDEV_AIO_OPTIONS_NATIVE] = AIO_ENGINE_LINUX,
        [BLOCKDEV_AIO_OPTIONS_IO_URING] = AIO_ENGINE_URING,
    };
    FileState *s = node->state;

    s->engine_given = o->has_aio;
    if (!o->has_aio) {
        s->engine = aio_engine_default(node->cache_direct);
        return true;
    }
    s->engine = engines[o->aio];
    if (s->engine == AIO_ENGINE_LINUX && !node->cache_direct) {
        error_set(errp, "aio=native was specified, but it requires cache.direct=on, which was "
                  "not specified.");
        return false;
    }
    return aio_engine_usable(s->engine, errp);
}

static bool file_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsFile *o = options->driver == BLOCKDEV_DRIVER_FILE
                                       ? &options->u.file : &options->u.host_device;
    FileState *s = node->state;

    s->next_fd = -1;
    aio_queue_init(&s->writes);
    node->filename = g_strdup(o->filename);
    node->limits = (BlockLimits){ .max_transfer = MAX_TRANSFER, .max_iov = IOV_MAX };
    if (!choose_engine(node, o, errp) || !open_fd(node, errp)) {
        return false;
    }
    if (!check_kind(node, options->driver == BLOCKDEV_DRIVER_HOST_DEVICE, errp) ||
        !find_length(node, errp) || !file_init_locking(node, o, errp) ||
        (node->cache_direct && !probe_alignment(node, s->fd, &node->limits, errp))) {
        close(s->fd);
        return false;
    }
    return true;
}

static void file_co_close(BlockNode *node)
{
    FileState *s = node->state;

    close(s->fd);       /* the locks go with it */
}

/* Users */

static bool file_check_perm(BlockNode *node, uint32_t perm, uint32_t shared, Error **errp)
{
    FileState *s = node->state;
    bool wanted = perm & (BLOCK_PERM_WRITE | BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_RESIZE);
    bool writable = !node->read_only && (wanted || !node->auto_read_only);

    if (s->engine == AIO_ENGINE_LINUX && !node->cache_direct) {
        error_set(errp, "aio=native requires cache.direct=on");
        return false;
    }
    if (writable != s->writable || node->cache_direct != s->direct) {
        s->next_fd = open_as(node, writable);
        if (s->next_fd < 0) {
            set_open_error(node, errno, errp);
            return false;
        }
        s->next_limits = node->limits;
        s->next_limits.request_alignment = s->next_limits.memory_alignment = 0;
        if (node->cache_direct && !probe_alignment(node, s->next_fd, &s->next_limits, errp)) {
            close(s->next_fd);
            s->next_fd = -1;
            return false;
        }
        s->next_writable = writable;
        s->next_direct = node->cache_direct;
    }
    if (!file_lock(node, perm, shared, errp)) {
        if (s->next_fd >= 0) {
            close(s->next_fd);
            s->next_fd = -1;
        }
        return false;
    }
    return true;
}

static void file_set_perm(BlockNode *node, uint32_t perm, uint32_t shared)
{
    FileState *s = node->state;

    if (s->next_fd >= 0) {
        /* Under the same number, for requests that are on their way. */
        if (dup3(s->next_fd, s->fd, O_CLOEXEC) >= 0) {
            s->writable = s->next_writable;
            s->direct = s->next_direct;
            node->limits = s->next_limits;
            s->locked = perm;
            s->locked_shared = ~shared & BLOCK_PERM_ALL;
        }
        close(s->next_fd);
        s->next_fd = -1;
    }
    file_locks_keep(node, perm, shared);
}

static void file_abort_perm(BlockNode *node)
{
    FileState *s = node->state;

    if (s->next_fd >= 0) {
        close(s->next_fd);
        s->next_fd = -1;
    }
    file_locks_undo(node);
}

/* Requests */

/*
 * A long read of what is in memory is copied by whoever feeds the ring: here, in
 * the loop. For a write through the page cache the ring wakes a thread each time.
 */
static bool by_threads(const FileState *s, int64_t bytes)
{
    return s->engine == AIO_ENGINE_THREADS ||
           (!s->engine_given && !s->direct && bytes > LONG_BYTES);
}

static int file_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov)
{
    FileState *s = node->state;
    AioOp op = { AIO_READ, s->fd, offset, bytes, iov, niov, s->engine };

    if (!s->direct && aio_read_cached(&op)) {
        return 0;
    }
    op.engine = by_threads(s, bytes) ? AIO_ENGINE_THREADS : s->engine;
    return co_aio_submit(&op);
}

static int file_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                           const struct iovec *iov, unsigned niov, unsigned flags)
{
    FileState *s = node->state;

    AioOp op = { AIO_WRITE, s->fd, offset, bytes, iov, niov, s->engine };

    if (!s->direct && !s->block_device && by_threads(s, INT64_MAX)) {
        return co_aio_queue_write(&s->writes, &op);
    }
    return co_aio_submit(&op);
}

static int file_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    FileState *s = node->state;
    AioOp op = { .fd = s->fd, .offset = offset, .bytes = bytes };
    int ret = -ENOTSUP;

    s->data_start = s->data_end = 0;
    if (s->block_device) {
        op.kind = AIO_BLOCK_ZERO;
        return co_aio_submit(&op);
    }
    if (flags & BLOCK_REQ_MAY_UNMAP && !s->no_punch_hole) {
        op.kind = AIO_PUNCH_HOLE;
        ret = co_aio_submit(&op);
        s->no_punch_hole = ret == -ENOTSUP;
    }
    if (ret == -ENOTSUP && !s->no_zero_range) {
        op.kind = AIO_ZERO_RANGE;
        ret = co_aio_submit(&op);
        s->no_zero_range = ret == -ENOTSUP;
    }
    return ret;
}

static int file_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    FileState *s = node->state;

    int ret;

    s->data_start = s->data_end = 0;
    ret = co_aio_submit(&(AioOp){
        .kind = s->block_device ? AIO_BLOCK_DISCARD : AIO_PUNCH_HOLE,
        .fd = s->fd, .offset = offset, .bytes = bytes });
    s->discards += !ret;
    s->discarded_bytes += ret ? 0 : bytes;
    s->failed_discards += ret < 0;
    return ret;
}

static int file_co_copy_range(BlockNode *node, int64_t offset, BlockNode *source,
                              int64_t source_offset, int64_t bytes)
{
    FileState *s = node->state, *from = source->state;

    if (source->driver->co_copy_range != file_co_copy_range || s->block_device ||
        from->block_device) {
        return -ENOTSUP;
    }
    return co_aio_submit(&(AioOp){ .kind = AIO_COPY, .fd = s->fd, .offset = offset,
                                   .bytes = bytes, .source_fd = from->fd,
                                   .source_offset = source_offset });
}

static int file_co_flush(BlockNode *node)
{
    FileState *s = node->state;

    return co_aio_submit(&(AioOp){ .kind = AIO_FLUSH, .fd = s->fd, .engine = s->engine });
}

/* Where data or a hole begins at or behind offset; 0 or a negative errno. */
static int seek_extent(const FileState *s, int64_t offset, int64_t end, bool *data,
                       int64_t *extent_end)
{
    off_t at = lseek(s->fd, offset, SEEK_DATA);

    if (at < 0) {
        if (errno != ENXIO) {
            return -errno;
        }
        *data = false;                  /* from here to the end */
        *extent_end = end;
        return 0;
    }
    if (at > offset) {
        *data = false;
        *extent_end = at;
        return 0;
    }
    at = lseek(s->fd, offset, SEEK_HOLE);
    if (at < 0) {
        return -errno;
    }
    *data = at > offset;                /* else it was just made: ask again next time */
    *extent_end = at > offset ? at : offset + BLOCK_SECTOR_SIZE;
    return 0;
}

static int file_co_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                                int64_t *pnum, int64_t *map, BlockNode **file)
{
    FileState *s = node->state;
    int64_t end = 0;
    bool data = false;

    *pnum = bytes;
    *map = offset;
    *file = node;
    if (!want_zero || s->block_device ||
        (offset >= s->data_start && offset + bytes <= s->data_end)) {
        return BLOCK_DATA | BLOCK_OFFSET_VALID;
    }
    if (offset >= s->data_start && offset < s->data_end) {
        *pnum = s->data_end - offset;
        return BLOCK_DATA | BLOCK_OFFSET_VALID;
    }
    if (seek_extent(s, offset, node->length, &data, &end)) {
        return BLOCK_DATA | BLOCK_OFFSET_VALID;
    }
    if (data) {
        /* The last sector may be one only in part. */
        end = ROUND_UP(end, BLOCK_SECTOR_SIZE);
        s->data_start = offset;
        s->data_end = end;
    } else {
        end = ROUND_DOWN(end, BLOCK_SECTOR_SIZE);
        if (end <= offset) {
            return BLOCK_DATA | BLOCK_OFFSET_VALID;
        }
    }
    *pnum = MIN(bytes, end - offset);
    return (data ? BLOCK_DATA : BLOCK_ZERO) | BLOCK_OFFSET_VALID;
}

static bool file_co_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                             unsigned flags, Error **errp)
{
    FileState *s = node->state;
    struct stat st;

    if (s->block_device || fstat(s->fd, &st) || !S_ISREG(st.st_mode)) {
        if (prealloc != PREALLOC_MODE_OFF) {
            error_set(errp, "Preallocation mode '%s' unsupported for this non-regular file",
                      PreallocMode_name(prealloc));
        } else if (!find_length(node, errp)) {
            return false;
        } else if (exact && length != node->length) {
            error_set(errp, "Cannot resize device files");
        } else if (length > node->length) {
            error_set(errp, "Cannot grow device files");
        } else {
            return true;
        }
        return false;
    }
    s->data_start = s->data_end = 0;
    if (!co_file_resize(s->fd, node->filename, st.st_size, length, prealloc, errp)) {
        return false;
    }
    block_node_set_length(node, ROUND_UP(length, BLOCK_SECTOR_SIZE));
    return true;
}

static int64_t file_co_allocated_size(BlockNode *node)
{
    FileState *s = node->state;
    struct stat st;

    return fstat(s->fd, &st) ? -errno : (int64_t)st.st_blocks * 512;
}

static BlockStatsSpecific *file_get_stats(BlockNode *node)
{
    BlockStatsSpecific *stats = g_new0(BlockStatsSpecific, 1);
    FileState *s = node->state;

    stats->driver = node->options->driver;
    stats->u.file.discard_nb_ok = s->discards;
    stats->u.file.discard_nb_failed = s->failed_discards;
    stats->u.file.discard_bytes_ok = s->discarded_bytes;
    return stats;
}

static bool file_get_info(BlockNode *node, BlockDriverInfo *info)
{
    return true;            /* nothing special, that is */
}

static const char *const strong_options[] = { "filename", NULL };

#define FILE_CALLBACKS                                                                      \
    .size = sizeof(FileState), .is_protocol = true, .co_open = file_co_open,                \
    .co_close = file_co_close, .check_perm = file_check_perm, .set_perm = file_set_perm,    \
    .abort_perm = file_abort_perm, .co_preadv = file_co_preadv,                             \
    .co_pwritev = file_co_pwritev, .co_pwrite_zeroes = file_co_pwrite_zeroes,               \
    .co_pdiscard = file_co_pdiscard, .co_flush = file_co_flush,                             \
    .co_copy_range = file_co_copy_range,                                                    \
    .co_block_status = file_co_block_status, .co_truncate = file_co_truncate,               \
    .co_allocated_size = file_co_allocated_size, .get_info = file_get_info, \
    .get_stats = file_get_stats, .strong_options = strong_options

static const BlockDriver file_driver = {
    .name = "file", .desc = "a file of the host", .grows = true,
    .length_now = file_length_now,
    .co_create = file_co_create, .create_options = block_file_create_options, FILE_CALLBACKS,
};
REGISTER_BLOCK_DRIVER(file_driver)

static const BlockDriver host_device_driver = {
    .name = "host_device", .desc = "a device of the host",
    .create_options = block_file_create_options, FILE_CALLBACKS,
};
REGISTER_BLOCK_DRIVER(host_device_driver)
