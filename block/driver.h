/* Block drivers, the face they implement, and what they may call of the node they serve */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_DRIVER_H
#define BLOCK_DRIVER_H

#include "block/block.h"
#include "util/coroutine.h"
#include "util/list.h"
#include "util/registry.h"

/* Request flags that drivers see: BLK_* and */
enum {
    BLOCK_REQ_FUA = BLK_FUA,
    BLOCK_REQ_MAY_UNMAP = BLK_MAY_UNMAP,
    BLOCK_REQ_NO_FALLBACK = 1 << 2,     /* zeroes: fail rather than write them out */
};

/*
 * Callbacks marked co_ run in coroutines of the node's home loop and may
 * yield; others do not. Offsets and lengths are bytes, aligned and within the
 * node's length as node->limits say, checked by io.c. Unset callbacks mean
 * "not supported": io.c supplies the default. 0 or a negative errno.
 */
typedef struct BlockDriver {
    const char *name, *desc;
    size_t size;                        /* of its state, zeroed at open */
    bool filter;                        /* shows its child's data */
    bool is_protocol;                   /* stands on no other node */
    /* What it wants of its child for what its users want of it; NULL: the same. */
    void (*child_perm)(BlockNode *node, uint32_t perm, uint32_t shared, uint32_t *child_perm,
                       uint32_t *child_shared);
    /* node->read_only, .flags are set; sets node->length and .limits, opens children. */
    bool (*open)(BlockNode *node, const BlockdevOptions *options, Error **errp);
    void (*close)(BlockNode *node);
    /* Users changed: take or release locks; true or errp. */
    bool (*set_perm)(BlockNode *node, uint32_t perm, uint32_t shared, Error **errp);
    int (*co_preadv)(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                     unsigned niov);
    int (*co_pwritev)(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                      unsigned niov, unsigned flags);
    int (*co_pwrite_zeroes)(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags);
    int (*co_pdiscard)(BlockNode *node, int64_t offset, int64_t bytes);
    int (*co_flush)(BlockNode *node);
    bool handles_fua;                   /* co_pwritev honours BLOCK_REQ_FUA */
} BlockDriver;
#define REGISTER_BLOCK_DRIVER(desc) REGISTER(block_driver, desc)

typedef struct BlockLimits {
    uint32_t request_alignment;         /* of offset and length, a power of two; 0: 1 */
    uint32_t memory_alignment;          /* of buffers; 0: 1 */
    uint32_t max_transfer;              /* bytes a request; 0: any */
    uint32_t max_iov;                   /* elements; 0: any */
} BlockLimits;

/* One use of a node: by a node above, by a backend, or by its name. */
typedef struct BlockChild {
    BlockNode *node;
    char *user;                         /* for messages: "node 'x'", "block device 'd0'" */
    uint32_t perm, shared;
    ListLink link;                      /* in node->users */
} BlockChild;

struct BlockNode {
    const BlockDriver *driver;
    void *state;
    unsigned refs;
    char *name;
    bool owned;                         /* its name keeps it open */
    Loop *home;
    BlockChild *file;                   /* what it stands on, NULL for protocols */
    List users;
    ListLink link;                      /* all nodes */
    int64_t length;
    BlockLimits limits;
    bool read_only, auto_read_only;
    bool cache_direct, no_flush, discard, force_share;
    BlockdevDetectZeroesOptions detect_zeroes;
    bool probed;                        /* raw: see block_node_set_probed() */
    char *filename;                     /* for messages; may be NULL */
    unsigned in_flight;
    List tracked;                       /* requests that others may have to wait for */
    unsigned serialising;               /* of them, how many exclude overlap */
    uint64_t written;                   /* writes done, and how many of them are stable */
    uint64_t flushed;
};

/* Users of nodes */
BlockChild *block_child_new(BlockNode *node, const char *user, uint32_t perm, uint32_t shared,
                            Error **errp);
void block_child_free(BlockChild *child);
bool block_child_set_perm(BlockChild *child, uint32_t perm, uint32_t shared, Error **errp);
/* For a driver's open: the child that ref defines or names, set as node->file. */
bool block_open_file(BlockNode *node, const BlockdevRef *ref, Error **errp);

/* Requests to a node, in a coroutine of its home. */
int co_node_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                   unsigned niov);
int co_node_pwritev(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                    unsigned niov, unsigned flags);
int co_node_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags);
int co_node_pdiscard(BlockNode *node, int64_t offset, int64_t bytes);
int co_node_flush(BlockNode *node);
int co_node_pread(BlockNode *node, int64_t offset, void *buf, size_t bytes);
int co_node_pwrite(BlockNode *node, int64_t offset, const void *buf, size_t bytes);

const BlockDriver *block_driver_find(const char *name);
/* The format whose images begin like this, NULL: none that is known. */
const char *block_format_of(const uint8_t *head, size_t len);

#endif
