/* memory-backend-*: host memory that users set up for guests */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMORY_BACKEND_H
#define MEMORY_BACKEND_H

#include "memory/ram.h"
#include "qom/object.h"

typedef struct MemoryBackend {
    Object obj;
    uint64_t size;              /* bytes; these are properties */
    bool merge, dump, prealloc, share, reserve;
    char *mem_path;             /* -file: a file, or a folder for one without a name */
    bool readonly, discard_data;
    bool hugetlb, seal;         /* -memfd */
    uint64_t hugetlbsize;
    int fd;                     /* -1: anonymous memory */
    bool taken;
    RamBlock *block;            /* owned, and named after the id */
} MemoryBackend;

/* By id, NULL when no such object is a memory backend. */
MemoryBackend *memory_backend_find(const char *id);
/* For the one user a backend may have; the backend keeps the block. NULL: it has one already. */
RamBlock *memory_backend_take(MemoryBackend *backend, Error **errp);
void memory_backend_give_back(MemoryBackend *backend);

#endif
