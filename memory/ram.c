/* Guest RAM: blocks of host memory and their dirty pages */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/ram.h"
#include "memory/memory.h"

#include <sys/mman.h>

/* Blocks are few and made at start; readers take no lock, so entries are only ever set. */
#define MAX_BLOCKS 512

static RamBlock *_Atomic blocks[MAX_BLOCKS];
static GMutex blocks_lock;
static uint64_t next_offset;

/* Bytes the host could give us now, by its own account; 0 when it does not say. */
static uint64_t host_memory_available(void)
{
    g_autofree char *text = NULL;
    const char *line;

    if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL)) {
        return 0;
    }
    line = strstr(text, "MemTotal:");
    return line ? g_ascii_strtoull(line + strlen("MemTotal:"), NULL, 10) * 1024 : 0;
}

/* Write to every page what it holds; the kernel does it itself from Linux 5.14 on. */
static bool populate(uint8_t *host, uint64_t size)
{
#ifdef MADV_POPULATE_WRITE
    if (!madvise(host, size, MADV_POPULATE_WRITE)) {
        return true;
    }
    if (errno != EINVAL) {
        return false;
    }
#endif
    for (uint64_t at = 0; at < size; at += RAM_PAGE_SIZE) {
        *(volatile uint8_t *)(host + at) = *(volatile uint8_t *)(host + at);
    }
    return true;
}

/* MAP_FAILED with errno. */
static void *map(uint64_t size, const RamSource *from)
{
    int flags = (from->shared ? MAP_SHARED : MAP_PRIVATE) | (from->fd < 0 ? MAP_ANONYMOUS : 0) |
                (from->reserve ? 0 : MAP_NORESERVE);
    void *host;

    if (size > SIZE_MAX / 2) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    host = mmap(NULL, MAX(size, RAM_PAGE_SIZE), PROT_READ | PROT_WRITE, flags, from->fd, 0);
    if (host == MAP_FAILED) {
        return host;
    }
    madvise(host, size, MADV_HUGEPAGE);
    madvise(host, size, MADV_DONTFORK);
    if (from->prealloc && !populate(host, size)) {
        int e = errno;

        munmap(host, size);
        errno = e;
        return MAP_FAILED;
    }
    return host;
}

RamBlock *ram_block_new(const char *name, uint64_t size, Error **errp)
{
    return ram_block_new_from(name, size, &(RamSource){ .fd = -1 }, errp);
}

void ram_block_advise(RamBlock *block, bool merge, bool dump)
{
    if (merge) {
        madvise(block->host, block->size, MADV_MERGEABLE);
    }
    if (!dump) {
        madvise(block->host, block->size, MADV_DONTDUMP);
    }
}

RamBlock *ram_block_new_from(const char *name, uint64_t size, const RamSource *from, Error **errp)
{
    RamBlock *block;
    void *host;
    uint64_t total = host_memory_available();

    size = ROUND_UP(size, RAM_PAGE_SIZE);
    if (from->fd < 0 && total && size > total) {
        error_set(errp, "cannot set up guest memory '%s': %" PRIu64 " MiB asked, the host has "
                  "%" PRIu64 " MiB", name, size >> 20, total >> 20);
        return NULL;
    }
    host = map(size, from);
    if (host == MAP_FAILED) {
        error_set_errno(errp, errno, "cannot set up guest memory '%s': %" PRIu64 " MiB", name,
                        size >> 20);
        return NULL;
    }
    block = g_new0(RamBlock, 1);
    block->name = g_strdup(name);
    block->host = host;
    block->size = size;
    block->dirty = g_malloc(size / RAM_PAGE_SIZE + 1);
    memset(block->dirty, RAM_DIRTY_ALL, size / RAM_PAGE_SIZE + 1);
    g_mutex_lock(&blocks_lock);
    block->offset = next_offset;
    next_offset += ROUND_UP(size, 1u << 21);
    for (unsigned i = 0; i < MAX_BLOCKS; i++) {
        if (!blocks[i]) {
            blocks[i] = block;
            g_mutex_unlock(&blocks_lock);
            return block;
        }
    }
    g_mutex_unlock(&blocks_lock);
    error_set(errp, "cannot set up guest memory '%s': more than %d blocks", name, MAX_BLOCKS);
    ram_block_free(block);
    return NULL;
}

void ram_block_free(RamBlock *block)
{
    if (!block) {
        return;
    }
    for (unsigned i = 0; i < MAX_BLOCKS; i++) {
        if (blocks[i] == block) {
            blocks[i] = NULL;
        }
    }
    munmap(block->host, MAX(block->size, RAM_PAGE_SIZE));
    g_free(block->dirty);
    g_free(block->name);
    g_free(block);
}

RamBlock *ram_block_find(uint64_t ram_addr)
{
    for (unsigned i = 0; i < MAX_BLOCKS; i++) {
        RamBlock *b = blocks[i];

        if (b && ram_addr - b->offset < b->size) {
            return b;
        }
    }
    return NULL;
}

RamBlock *ram_block_of_host(const void *host)
{
    for (unsigned i = 0; i < MAX_BLOCKS; i++) {
        RamBlock *b = blocks[i];

        if (b && (uintptr_t)host - (uintptr_t)b->host < b->size) {
            return b;
        }
    }
    return NULL;
}

void ram_dirty_log_start(RamBlock *block)
{
    if (!block->dirty_logs++) {
        mem_notify_attrs_changed();
    }
}

void ram_dirty_log_stop(RamBlock *block)
{
    if (!--block->dirty_logs) {
        mem_notify_attrs_changed();
    }
}

void ram_dirty_sync(RamBlock *block)
{
    mem_notify_dirty_sync(block);
}

void ram_mark_dirty(RamBlock *block, uint64_t offset, uint64_t len)
{
    for (uint64_t page = offset / RAM_PAGE_SIZE; len && page <= (offset + len - 1) / RAM_PAGE_SIZE;
         page++) {
        if (__atomic_load_n(&block->dirty[page], __ATOMIC_RELAXED) != RAM_DIRTY_ALL) {
            __atomic_store_n(&block->dirty[page], RAM_DIRTY_ALL, __ATOMIC_RELAXED);
        }
    }
}

bool ram_test_clear_dirty(RamBlock *block, uint64_t offset, uint64_t len, uint8_t bits)
{
    bool any = false;

    for (uint64_t page = offset / RAM_PAGE_SIZE; len && page <= (offset + len - 1) / RAM_PAGE_SIZE;
         page++) {
        if (__atomic_load_n(&block->dirty[page], __ATOMIC_RELAXED) & bits) {
            __atomic_fetch_and(&block->dirty[page], ~bits, __ATOMIC_RELAXED);
            any = true;
        }
    }
    if (any) {
        mem_notify_dirty_cleared(block->offset + offset, len);
    }
    return any;
}
