/* The guest's page tables, read from outside */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_PAGING_H
#define SYSTEM_PAGING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct CpuState CpuState;

enum { PAGING_USER = 1 << 2, PAGING_WRITE = 1 << 1 };

typedef struct PagingPage {
    uint64_t la, phys, bytes;
    uint64_t entry;             /* of its page table */
    unsigned rights;            /* PAGING_*: of all levels together */
} PagingPage;

typedef enum PagingResult {
    PAGING_DONE,
    PAGING_OFF,                 /* the CPU uses none */
    PAGING_CUT,                 /* there is more than anybody wants; or fn had enough */
} PagingResult;

/*
 * Call fn for each page that is mapped, in order of addresses, until it returns
 * false. Tables count as far as they are in RAM. In a coroutine, which gives
 * others a turn now and then.
 */
PagingResult co_paging_walk(const CpuState *state, bool (*fn)(const PagingPage *page, void *opaque),
                            void *opaque);

#endif
