/* file: locks that keep two programs out of one image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drivers/file-int.h"

/*
 * Lock bytes, the same as QEMU's so that both keep out of each other's images:
 * a shared lock on byte PERM + n says that permission n is in use, one on
 * SHARED + n that nobody else may have it.
 */
enum {
    LOCK_PERM_BASE = 100,
    LOCK_SHARED_BASE = 200,
    NR_PERMS = 4,
};

static const char *const perm_names[NR_PERMS] = {
    "consistent read", "write", "write unchanged", "resize",
};

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

static bool check_bytes(int fd, const char *filename, uint32_t perm, uint32_t unshared,
                        Error **errp)
{
    for (unsigned n = 0; n < NR_PERMS; n++) {
        bool refused = perm & BIT(n) && byte_taken(fd, LOCK_SHARED_BASE + n);
        bool in_use = unshared & BIT(n) && byte_taken(fd, LOCK_PERM_BASE + n);

        if (refused || in_use) {
            error_set(errp, "Failed to get %s\"%s\" lock", refused ? "" : "shared ",
                      perm_names[n]);
            error_hint(errp, "Is another process using the image [%s]?", filename);
            return false;
        }
    }
    return true;
}

static int lock_all(int fd, uint32_t *perm_have, uint32_t *shared_have, uint32_t perm,
                    uint32_t unshared, bool release)
{
    int ret = move_locks(fd, LOCK_PERM_BASE, perm_have, perm, release);

    return ret ? ret : move_locks(fd, LOCK_SHARED_BASE, shared_have, unshared, release);
}

bool file_lock(BlockNode *node, uint32_t perm, uint32_t shared, Error **errp)
{
    FileState *s = node->state;
    uint32_t unshared = ~shared & BLOCK_PERM_ALL, none = 0, none_shared = 0;
    int ret;

    s->old_locked = s->locked;
    s->old_locked_shared = s->locked_shared;
    if (!s->locking) {
        return true;
    }
    ret = lock_all(s->fd, &s->locked, &s->locked_shared, perm, unshared, false);
    if (ret) {
        error_set_errno(errp, -ret, "Failed to lock '%s'", node->filename);
    }
    if (ret || !check_bytes(s->fd, node->filename, perm, unshared, errp)) {
        file_locks_undo(node);
        return false;
    }
    /* Nobody objects, and the locks above make sure of it; the other descriptor follows. */
    ret = s->next_fd >= 0 ? lock_all(s->next_fd, &none, &none_shared, perm, unshared, false) : 0;
    if (ret) {
        error_set_errno(errp, -ret, "Failed to lock '%s'", node->filename);
        file_locks_undo(node);
    }
    return !ret;
}

void file_locks_keep(BlockNode *node, uint32_t perm, uint32_t shared)
{
    FileState *s = node->state;

    if (s->locking) {
        lock_all(s->fd, &s->locked, &s->locked_shared, perm, ~shared & BLOCK_PERM_ALL, true);
    }
}

void file_locks_undo(BlockNode *node)
{
    FileState *s = node->state;

    if (s->locking) {
        lock_all(s->fd, &s->locked, &s->locked_shared, s->old_locked, s->old_locked_shared, true);
    }
}

static bool host_can_lock(int fd)
{
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };

    return !fcntl(fd, F_OFD_GETLK, &fl);
}

bool file_init_locking(BlockNode *node, const BlockdevOptionsFile *o, Error **errp)
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

bool file_lock_new(int fd, const char *filename, Error **errp)
{
    uint32_t perm = BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE;
    uint32_t unshared = BLOCK_PERM_RESIZE, have = 0, have_shared = 0;
    int ret;

    if (!host_can_lock(fd)) {
        return true;
    }
    ret = lock_all(fd, &have, &have_shared, perm, unshared, false);
    if (ret) {
        error_set_errno(errp, -ret, "Failed to lock '%s'", filename);
        return false;
    }
    return check_bytes(fd, filename, perm, unshared, errp);
}
