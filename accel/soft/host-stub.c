/* The memory of host stubs: mapped twice, never writable and executable at one address */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <pthread.h>
#include <sys/mman.h>

#include "accel/soft/host-stub.h"

/*
 * Registers in a stub are normalised and immediates have 8 bits, so there are
 * at most some 150 000 different stubs of about 60 bytes, whatever guests run.
 * The file is sparse: only what is used costs memory.
 */
#define STUB_ARENA_SIZE (32u << 20)
#define STUB_ALIGN 16

uint8_t *stub_base;

static pthread_mutex_t stub_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *stub_write;         /* the writable view */
static uint32_t stub_used;          /* bytes; 0: there is no arena yet */
static GHashTable *stub_known;      /* entry in the writable view: length byte, then code */

void stub_put(StubCode *code, const void *bytes, unsigned len)
{
    if (len > sizeof(code->byte) - code->len) {
        code->overflow = true;
        return;
    }
    memcpy(code->byte + code->len, bytes, len);
    code->len += len;
}

void stub_put32(StubCode *code, uint32_t value)
{
    stub_put(code, &value, 4);
}

static guint stub_hash(gconstpointer key)
{
    const uint8_t *entry = key;
    guint hash = 2166136261u;

    for (unsigned n = 0; n <= entry[0]; n++) {
        hash = (hash ^ entry[n]) * 16777619u;
    }
    return hash;
}

static gboolean stub_equal(gconstpointer a, gconstpointer b)
{
    const uint8_t *one = a, *other = b;

    return one[0] == other[0] && memcmp(one + 1, other + 1, one[0]) == 0;
}

static bool stub_arena_open(Error **errp)
{
    int fd = memfd_create("mica-stubs", MFD_CLOEXEC);
    void *write_view, *exec_view;

    if (fd < 0 || ftruncate(fd, STUB_ARENA_SIZE) < 0) {
        error_set_errno(errp, errno, "Cannot get memory for code of the software CPU");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    write_view = mmap(NULL, STUB_ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    exec_view = mmap(NULL, STUB_ARENA_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    close(fd);
    if (write_view == MAP_FAILED || exec_view == MAP_FAILED) {
        error_set_errno(errp, errno, "The host does not let the software CPU make executable code");
        if (write_view != MAP_FAILED) {
            munmap(write_view, STUB_ARENA_SIZE);
        }
        if (exec_view != MAP_FAILED) {
            munmap(exec_view, STUB_ARENA_SIZE);
        }
        return false;
    }
    stub_write = write_view;
    stub_base = exec_view;
    stub_known = g_hash_table_new(stub_hash, stub_equal);
    stub_used = STUB_ALIGN;
    return true;
}

bool stub_start(Error **errp)
{
    bool ok;

    pthread_mutex_lock(&stub_lock);
    ok = stub_used || stub_arena_open(errp);
    pthread_mutex_unlock(&stub_lock);
    return ok;
}

static uint32_t stub_publish_locked(const StubCode *code)
{
    uint8_t entry[sizeof(code->byte) + 1];
    uint8_t *known;
    uint32_t at;

    if (!stub_used && !stub_arena_open(NULL)) {
        return 0;
    }
    entry[0] = code->len;
    memcpy(entry + 1, code->byte, code->len);
    known = g_hash_table_lookup(stub_known, entry);
    if (known) {
        return known + 1 - stub_write;
    }
    /* The length byte goes right before the aligned code. */
    at = ROUND_UP(stub_used + 1, STUB_ALIGN);
    if (at + code->len > STUB_ARENA_SIZE) {
        return 0;
    }
    memcpy(stub_write + at - 1, entry, code->len + 1);
    g_hash_table_add(stub_known, stub_write + at - 1);
    stub_used = at + code->len;
    return at;
}

uint32_t stub_publish(const StubCode *code)
{
    uint32_t at;

    if (code->overflow) {
        return 0;
    }
    pthread_mutex_lock(&stub_lock);
    at = stub_publish_locked(code);
    pthread_mutex_unlock(&stub_lock);
    return at;
}
