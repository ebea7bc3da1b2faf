/* Preloaded into a program: its accesses to files in one folder are counted, and made to fail */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <dlfcn.h>
#include <sys/mman.h>

/*
 * FAULT_CONTROL: a file with this in it, which the test writes and reads.
 * FAULT_PATH: the folder.
 */
enum { FAULT_NONE, FAULT_EIO, FAULT_ENOSPC, FAULT_SHORT };

typedef struct Control {
    int kind;
    int at;                 /* this access fails; with FAULT_ENOSPC, those after it too */
    int count;              /* of accesses that could have */
    int hit;
} Control;

static Control *control;
static const char *folder;

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("FAULT_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    folder = getenv("FAULT_PATH");
    if (fd >= 0 && folder) {
        void *p = mmap(NULL, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        control = p == MAP_FAILED ? NULL : p;
    }
    if (fd >= 0) {
        close(fd);
    }
}

static bool ours(int fd)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0) {
        return false;
    }
    path[n] = 0;
    return !strncmp(path, folder, strlen(folder));
}

/* True: this one shall fail. */
static bool fault(int fd, int kind)
{
    int n;

    if (!control || control->kind != kind || !ours(fd)) {
        return false;
    }
    n = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (n == control->at || (kind == FAULT_ENOSPC && n > control->at)) {
        control->hit = 1;
        return true;
    }
    return false;
}

static bool fails(int fd, bool writes)
{
    if (fault(fd, FAULT_EIO)) {
        errno = EIO;
        return true;
    }
    if (writes && fault(fd, FAULT_ENOSPC)) {
        errno = ENOSPC;
        return true;
    }
    return false;
}

/* Half of it, where there are two halves. */
static bool shorten(int fd, const struct iovec *iov, int n, struct iovec *half)
{
    if (n < 1 || iov[0].iov_len < 2 || !fault(fd, FAULT_SHORT)) {
        return false;
    }
    *half = (struct iovec){ iov[0].iov_base, iov[0].iov_len / 2 };
    return true;
}

#define NEXT(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

typedef ssize_t VectorFn(int fd, const struct iovec *iov, int n, off_t offset);
typedef int FallocateFn(int fd, int mode, off_t offset, off_t bytes);

static ssize_t transfer(const char *name, bool writes, int fd, const struct iovec *iov, int n,
                        off_t offset)
{
    struct iovec half;

    if (fails(fd, writes)) {
        return -1;
    }
    if (shorten(fd, iov, n, &half)) {
        return NEXT(VectorFn *, name)(fd, &half, 1, offset);
    }
    return NEXT(VectorFn *, name)(fd, iov, n, offset);
}

ssize_t preadv64(int fd, const struct iovec *iov, int n, off64_t offset)
{
    return transfer("preadv64", false, fd, iov, n, offset);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t offset)
{
    return transfer("pwritev64", true, fd, iov, n, offset);
}

/* Only tries what is in the cache: then the slow way is gone, where faults are. */
ssize_t preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    errno = EAGAIN;
    return -1;
}

int fdatasync(int fd)
{
    return fails(fd, true) ? -1 : NEXT(int (*)(int), "fdatasync")(fd);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t bytes)
{
    return fails(fd, true) ? -1 : NEXT(FallocateFn *, "fallocate64")(fd, mode, offset, bytes);
}

int ftruncate64(int fd, off64_t length)
{
    return fails(fd, true) ? -1 : NEXT(int (*)(int, off64_t), "ftruncate64")(fd, length);
}

/* No io_uring: its requests would pass by. */
struct io_uring;
struct io_uring_params;
int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                               struct io_uring_params *params);

int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    return -ENOSYS;
}

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                               struct io_uring_params *params)
{
    return -ENOSYS;
}
