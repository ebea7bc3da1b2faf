/* file: new files, and files that become longer or shorter */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drivers/file-int.h"
#include "util/thread-pool.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#define FILL_BYTES  (1u << 20)
#define FIRST_BLOCK 4096

typedef struct Resize {
    int fd;
    int64_t old, length;
    PreallocMode prealloc;
    const char *what;           /* that failed */
} Resize;

/* Zeroes that are written, not promised. */
static int fill(int fd, int64_t from, int64_t to)
{
    uint8_t *zeroes = block_try_alloc(FILL_BYTES);
    int ret = zeroes ? 0 : -ENOMEM;
    ssize_t n;

    if (zeroes) {
        memset(zeroes, 0, FILL_BYTES);
    }
    while (!ret && from < to) {
        n = pwrite(fd, zeroes, MIN((int64_t)FILL_BYTES, to - from), from);
        if (n > 0) {
            from += n;
        } else if (n == 0 || errno != EINTR) {
            ret = n ? -errno : -ENOSPC;
        }
    }
    free(zeroes);
    if (!ret && fsync(fd)) {
        ret = -errno;
    }
    return ret;
}

/*
 * Where nothing is stored some file systems take any request with O_DIRECT:
 * the first block is there from the start, so that probing finds the truth.
 */
static int allocate_first_block(int fd, int64_t length)
{
    static const uint8_t zeroes[FIRST_BLOCK];
    size_t bytes = length < FIRST_BLOCK ? BLOCK_SECTOR_SIZE : FIRST_BLOCK;
    ssize_t n;

    do {
        n = pwrite(fd, zeroes, MIN((int64_t)bytes, length), 0);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static int resize(void *opaque)
{
    Resize *r = opaque;
    int ret = 0;

    r->what = "Failed to resize file";
    if (r->length <= r->old || r->prealloc == PREALLOC_MODE_OFF) {
        ret = ftruncate(r->fd, r->length) ? -errno : 0;
        return ret || r->old || !r->length ? ret : allocate_first_block(r->fd, r->length);
    }
    if (r->prealloc == PREALLOC_MODE_FALLOC) {
        /* QEMU's error says what was tried; posix_fallocate() would write where the call is not. */
        r->what = "Could not preallocate data for the new file";
        ret = fallocate(r->fd, 0, r->old, r->length - r->old) ? -errno : 0;
        if (ret == -EOPNOTSUPP) {
            ret = fill(r->fd, r->old, r->length);
        }
    } else {
        r->what = "Could not write zeros for preallocation";
        ret = ftruncate(r->fd, r->length) ? -errno : fill(r->fd, r->old, r->length);
    }
    if (ret && ftruncate(r->fd, r->old)) {
        r->what = "Failed to restore the file's old length";
    }
    return ret;
}

bool co_file_resize(int fd, const char *filename, int64_t old, int64_t length,
                    PreallocMode prealloc, Error **errp)
{
    Resize r = { fd, old, length, prealloc };
    int ret;

    if (prealloc == PREALLOC_MODE_METADATA) {
        error_set(errp, "Unsupported preallocation mode '%s'", PreallocMode_name(prealloc));
        return false;
    }
    if (length < old && prealloc != PREALLOC_MODE_OFF) {
        error_set(errp, "Cannot use preallocation for shrinking files");
        return false;
    }
    ret = co_thread_call(resize, &r);
    if (ret) {
        error_set_errno(errp, -ret, "%s", r.what);
        return false;
    }
    return true;
}

/* Advice to the file system; what it does not know it does not need. */
static void advise(int fd, const BlockdevCreateOptionsFile *o)
{
    uint64_t hint = o->has_extent_size_hint ? o->extent_size_hint : 1 << 20;
    struct fsxattr attr;
    int flags;

    if (hint && hint <= UINT32_MAX && !ioctl(fd, FS_IOC_FSGETXATTR, &attr)) {
        attr.fsx_xflags |= FS_XFLAG_EXTSIZE;
        attr.fsx_extsize = hint;
        if (ioctl(fd, FS_IOC_FSSETXATTR, &attr)) {
            return;
        }
    }
    if (o->has_nocow && o->nocow && !ioctl(fd, FS_IOC_GETFLAGS, &flags)) {
        flags |= FS_NOCOW_FL;
        if (ioctl(fd, FS_IOC_SETFLAGS, &flags)) {
            return;
        }
    }
}

bool file_co_create(const BlockdevCreateOptions *options, Error **errp)
{
    const BlockdevCreateOptionsFile *o = &options->u.file;
    PreallocMode prealloc = o->has_preallocation ? o->preallocation : PREALLOC_MODE_OFF;
    struct stat st;
    bool ok;
    int fd;

    if (prealloc == PREALLOC_MODE_METADATA) {
        error_set(errp, "Unsupported preallocation mode '%s'", PreallocMode_name(prealloc));
        return false;
    }
    if (o->size > BLOCK_LENGTH_MAX) {
        error_set(errp, "The size of '%s' is too large", o->filename);
        return false;
    }
    fd = open(o->filename, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_set_errno(errp, errno, "Could not create '%s'", o->filename);
        return false;
    }
    /* Only once it is ours may what is in it go. */
    ok = file_lock_new(fd, o->filename, errp);
    if (ok && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
        error_set(errp, "'%s' is no regular file", o->filename);
        ok = false;
    }
    if (ok && ftruncate(fd, 0)) {
        error_set_errno(errp, errno, "Could not empty '%s'", o->filename);
        ok = false;
    }
    if (ok) {
        advise(fd, o);
        ok = co_file_resize(fd, o->filename, 0, o->size, prealloc, errp);
    }
    if (close(fd) && ok) {
        error_set_errno(errp, errno, "Could not close the new file '%s'", o->filename);
        ok = false;
    }
    return ok;
}

/* In the order in which "mica-img create" shows them. */
const BlockCreateOption block_file_create_options[] = {
    { "size", BLOCK_OPT_SIZE, "Virtual disk size", NULL },
    { "nocow", BLOCK_OPT_BOOL, "Turn off copy-on-write (valid only on btrfs)", NULL },
    { "preallocation", BLOCK_OPT_STRING,
      "Preallocation mode (allowed values: off, falloc, full)", NULL },
    { "extent_size_hint", BLOCK_OPT_SIZE,
      "Extent size hint for the image file, 0 to disable", NULL },
    { }
};
