/* memsave, pmemsave: guest memory to a file, a piece at a time */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/debug.h"
#include "memory/memory.h"
#include "qapi/commands-memory.h"
#include "system/run.h"
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

typedef struct Save {
    uint64_t addr, size;
    int64_t cpu_index;          /* whose addresses these are; -1: physical */
    const char *filename;
} Save;

/* Page tables are read while they do not change. */
static bool read_virtual(Vcpu *cpu, uint64_t addr, uint8_t *buf, size_t len)
{
    bool running = run_is_running(), ok;

    if (running) {
        vcpus_pause();
    }
    ok = debug_mem_read(cpu, addr, buf, len);
    if (running) {
        vcpus_start();
    }
    return ok;
}

static void co_save(Save *s, Error **errp)
{
    g_autofree uint8_t *buf = g_malloc(PIECE_BYTES);
    Piece piece = { .fd = -1, .filename = s->filename };
    int ret = co_thread_call(write_piece, &piece);
    Vcpu *cpu;

    if (ret < 0) {
        error_set_errno(errp, -ret, "Could not open '%s'", s->filename);
        return;
    }
    piece.filename = NULL;
    piece.buf = buf;
    while (s->size && ret == 0) {
        piece.len = MIN(s->size, PIECE_BYTES);
        if (s->cpu_index < 0) {
            read_memory(s->addr, buf, piece.len);
        } else if (!(cpu = vcpu_by_index(s->cpu_index))) {
            error_set(errp, "CPU %" PRId64 " was unplugged", s->cpu_index);
            close(piece.fd);
            return;
        } else if (!read_virtual(cpu, s->addr, buf, piece.len)) {
            error_set(errp, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", s->addr,
                      s->size);
            close(piece.fd);
            return;
        }
        ret = co_thread_call(write_piece, &piece);
        s->addr += piece.len;
        s->size -= piece.len;
    }
    close(piece.fd);
    if (ret < 0) {
        error_set_errno(errp, -ret, "An IO error has occurred: '%s'", s->filename);
    }
}

static bool check(int64_t val, int64_t size, Error **errp)
{
    if (size < 0 || val < 0) {
        error_set(errp, "Parameter '%s' expects a non-negative number", size < 0 ? "size" : "val");
        return false;
    }
    return true;
}

void qmp_pmemsave(int64_t val, int64_t size, const char *filename, Error **errp)
{
    Save save = { val, size, -1, filename };

    if (check(val, size, errp)) {
        co_save(&save, errp);
    }
}

void qmp_memsave(int64_t val, int64_t size, const char *filename, bool has_cpu_index,
                 int64_t cpu_index, Error **errp)
{
    Save save = { val, size, cpu_index, filename };

    if (cpu_index < 0 || cpu_index > UINT_MAX || !vcpu_by_index(cpu_index)) {
        error_set(errp, "Parameter 'cpu-index' expects a CPU number");
    } else if (!debug_available()) {
        error_set(errp, "-accel %s runs no CPU whose page tables could be read",
                  accel_type()->name);
    } else if (check(val, size, errp)) {
        co_save(&save, errp);
    }
}
