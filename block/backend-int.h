/* Block backends, what backend.c and backend-aio.c share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_BACKEND_INT_H
#define BLOCK_BACKEND_INT_H

#include "block/driver.h"

struct BlockBackend {
    char *id;
    unsigned refs;
    ListLink link;
    BlockChild *root;           /* NULL: no medium */
    bool attached;
    char *device;               /* who has it */
    uint32_t perm, shared;      /* what the device asked for */
    const BlkDeviceOps *ops;
    void *opaque;
    bool write_cache;
    BlkErrorPolicy on_read, on_write;
    unsigned in_flight;
};

#endif
