/* Guest RAM: blocks of host memory and their dirty pages */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMORY_RAM_H
#define MEMORY_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/compiler.h"
#include "util/error.h"

#define RAM_PAGE_SIZE 4096u

/*
 * host stays where it is until ram_block_free(). offset is the block's place
 * in the flat "ram address" space that names every byte of guest RAM and ROM
 * once, however often it is mapped: code caches and dirty logs use it.
 */
typedef struct RamBlock {
    char *name;
    uint8_t *host;
    uint64_t offset;
    uint64_t size;              /* bytes, whole pages */
    uint8_t *dirty;             /* a byte a page, bits RAM_DIRTY_*; written atomically */
    unsigned dirty_logs;        /* how many want the guest's own writes seen */
} RamBlock;

enum {
    RAM_DIRTY_DISPLAY = 1,      /* written since the screen was last drawn */
    RAM_DIRTY_MIGRATION = 2,
    RAM_DIRTY_ALL = 0xff,
};

/* Zeroed, lazily backed. Fails where the host cannot give that much address space or memory. */
RamBlock *ram_block_new(const char *name, uint64_t size, Error **errp);
/* Other memory than that. */
typedef struct RamSource {
    int fd;                     /* map it from its start, the caller keeps it; -1: anonymous */
    bool shared;                /* with whoever has that memory too */
    bool reserve;               /* against the host's overcommit limit */
    bool prealloc;              /* not lazily */
} RamSource;
RamBlock *ram_block_new_from(const char *name, uint64_t size, const RamSource *from,
                             Error **errp);
void ram_block_free(RamBlock *block);
/* merge: equal pages may be one in the host; dump: part of core dumps. */
void ram_block_advise(RamBlock *block, bool merge, bool dump);
/* The block that holds a ram address, NULL when none does. Any thread. */
RamBlock *ram_block_find(uint64_t ram_addr);
/* The block a host pointer is in, NULL when none. */
RamBlock *ram_block_of_host(const void *host);

/*
 * Whoever looks at dirty bits asks for them first, as an accelerator may have to
 * be told, and gathers what the kernel saw before each look. VM lock held.
 */
void ram_dirty_log_start(RamBlock *block);
void ram_dirty_log_stop(RamBlock *block);
void ram_dirty_sync(RamBlock *block);
/* Any thread. Mark bytes [offset, offset + len) of the block written. */
void ram_mark_dirty(RamBlock *block, uint64_t offset, uint64_t len);
/*
 * True if a page of the range has one of the bits; they are cleared. Writers
 * that cache the right to write (TLBs) are told by the listener dirty_cleared.
 */
bool ram_test_clear_dirty(RamBlock *block, uint64_t offset, uint64_t len, uint8_t bits);

#endif
