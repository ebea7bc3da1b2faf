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

static RamBlock *map_block(const char *name, uint64_t size, int fd, int flags, Error **errp)
{
    RamBlock *block;
    void *host = MAP_FAILED;
    uint64_t total = host_memory_available();

    size = ROUND_UP(size, RAM_PAGE_SIZE);
    if (fd < 0 && total && size > total) {
        error_set(errp, "cannot set up guest memory '%s': %" PRIu64 " MiB asked, the host has "
                  "%" PRIu64 " MiB", name, size >> 20, total >> 20);
        return NULL;
    }
    if (size <= SIZE_MAX / 2) {
        host = mmap(NULL, MAX(size, RAM_PAGE_SIZE), PROT_READ | PROT_WRITE,
                    flags | MAP_NORESERVE, fd, 0);
    }
    if (host == MAP_FAILED) {
        error_set(errp, "cannot set up guest memory '%s': %" PRIu64 " MiB: %s", name, size >> 20,
                  g_strerror(fd < 0 ? ENOMEM : errno));
        return NULL;
    }
    madvise(host, size, MADV_HUGEPAGE);
    madvise(host, size, MADV_DONTFORK);
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

RamBlock *ram_block_new(const char *name, uint64_t size, Error **errp)
{
    return map_block(name, size, -1, MAP_PRIVATE | MAP_ANONYMOUS, errp);
}

RamBlock *ram_block_new_fd(const char *name, uint64_t size, int fd, bool share, Error **errp)
{
    return map_block(name, size, fd, share ? MAP_SHARED : MAP_PRIVATE, errp);
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
