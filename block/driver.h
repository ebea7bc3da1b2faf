/* Block drivers, the face they implement, and what they may call of the node they serve */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_DRIVER_H
#define BLOCK_DRIVER_H

#include "block/block.h"
#include "qapi/types-block-create.h"
#include "util/co-lock.h"
#include "util/coroutine.h"
#include "util/list.h"
#include "util/registry.h"

/* Request flags that drivers see: BLK_* and */
enum {
    BLOCK_REQ_FUA = BLK_FUA,
    BLOCK_REQ_MAY_UNMAP = BLK_MAY_UNMAP,
    BLOCK_REQ_NO_FALLBACK = BLK_NO_FALLBACK,    /* zeroes: fail rather than write them out */
    BLOCK_REQ_COMPRESSED = 1 << 3,
    BLOCK_REQ_ZERO_WRITE = 1 << 4,      /* truncate: what is added must read as zeroes */
    BLOCK_REQ_UNCHANGED = 1 << 5,       /* writes what reads the same already (copy-on-read) */
    BLOCK_REQ_SERIALISING = 1 << 6,     /* waits for, and holds up, all that overlap it */
    BLOCK_REQ_GROW_ONLY = 1 << 7,       /* truncate: nothing if it is as long already */
};

/* What co_block_status() says of a range. The values are QEMU's. */
enum {
    BLOCK_DATA = 0x01,                  /* stored in *file (or not to be told where) */
    BLOCK_ZERO = 0x02,                  /* reads as zeroes */
    BLOCK_OFFSET_VALID = 0x04,          /* raw, in *file at *map */
    BLOCK_RAW = 0x08,                   /* passed on: ask *file at *map */
    BLOCK_ALLOCATED = 0x10,             /* this layer decides what is read */
    BLOCK_EOF = 0x20,                   /* the range ends where the node does */
    BLOCK_RECURSE = 0x40,               /* *file may know of zeroes in it */
    BLOCK_COMPRESSED = 0x80,
};

/* What a child is to its parent. The values are QEMU's. */
enum {
    BLOCK_CHILD_DATA = 1 << 0,
    BLOCK_CHILD_METADATA = 1 << 1,
    BLOCK_CHILD_FILTERED = 1 << 2,      /* the parent shows what this has */
    BLOCK_CHILD_COW = 1 << 3,           /* read where the parent has nothing */
    BLOCK_CHILD_PRIMARY = 1 << 4,       /* the one that names the parent */
    BLOCK_CHILD_IMAGE = BLOCK_CHILD_DATA | BLOCK_CHILD_METADATA | BLOCK_CHILD_PRIMARY,
};

enum {
    BLOCK_FIX_LEAKS = 1,
    BLOCK_FIX_ERRORS = 2,
};

typedef struct BlockCheckResult {
    int64_t corruptions, leaks, check_errors;
    int64_t corruptions_fixed, leaks_fixed;
    int64_t image_end_offset;
    int64_t total_clusters, allocated_clusters, fragmented_clusters, compressed_clusters;
} BlockCheckResult;

typedef struct BlockDriverInfo {
    int64_t cluster_size, subcluster_size;      /* 0: none */
    int64_t vm_state_offset;
    bool is_dirty;                              /* it was not closed */
} BlockDriverInfo;

typedef struct BlockMeasureInfo BlockMeasureInfo;       /* qapi/types-block-query.h */

/* A row of what "mica-img create -o help" lists; the last has no name. */
typedef enum BlockOptKind {
    BLOCK_OPT_STRING,
    BLOCK_OPT_BOOL,
    BLOCK_OPT_NUMBER,
    BLOCK_OPT_SIZE,
} BlockOptKind;

typedef struct BlockCreateOption {
    const char *name;
    BlockOptKind kind;
    const char *help;
    const char *value;                  /* the default, NULL: none */
} BlockCreateOption;

typedef void BlockProgressFn(void *opaque, int64_t done, int64_t total);

typedef struct BlockChild BlockChild;
typedef struct BlockDriver BlockDriver;
typedef struct BlockStatsSpecific BlockStatsSpecific;
typedef struct BlockSnapshot BlockSnapshot;     /* block/snapshot.h */
typedef struct BlockDirtyBitmap BlockDirtyBitmap;   /* block/dirty-bitmap.h */

/*
 * Callbacks marked co_ run in coroutines of the node's home loop and may
 * yield; others do not. Offsets and lengths are bytes, aligned and within the
 * node's length as node->limits say, checked by io.c. Unset callbacks mean
 * "not supported": io.c supplies the default. 0 or a negative errno, or true
 * for done and false with errp.
 */
struct BlockDriver {
    const char *name, *desc;
    size_t size;                        /* of its state, zeroed at open */
    bool filter;                        /* shows its child's data */
    bool is_protocol;                   /* stands on no other node */
    bool grows;                         /* writes past the end make it longer */
    bool supports_backing;
    bool handles_fua;                   /* co_pwritev honours BLOCK_REQ_FUA */
    bool flushes_children;              /* co_flush does so, as far as it must be */
    bool create_is_format;              /* co_create writes into a node that is there */
    /* What it wants of a child for what its users want of it; NULL: as the child's role says. */
    void (*child_perm)(BlockNode *node, const BlockChild *child, uint32_t perm, uint32_t shared,
                       uint32_t *child_perm, uint32_t *child_shared);
    /*
     * node->read_only and the other options are set; sets node->length and
     * .limits, opens children. On failure node.c drops the children.
     */
    bool (*co_open)(BlockNode *node, const BlockdevOptions *options, Error **errp);
    /*
     * Of drivers that grow: bytes there are now, when a write past the end failed and may have
     * left a part. Negative: an errno. NULL: as many as the child of a filter has.
     */
    int64_t (*length_now)(BlockNode *node);
    void (*co_close)(BlockNode *node);
    /* The program ends and waits for storage that does not answer: fail what is under way. */
    void (*abandon)(BlockNode *node);
    /*
     * Users are about to change (take locks, fail if another has them), then
     * they have changed or it was called off. One of the latter always follows.
     */
    bool (*check_perm)(BlockNode *node, uint32_t perm, uint32_t shared, Error **errp);
    void (*set_perm)(BlockNode *node, uint32_t perm, uint32_t shared);
    void (*abort_perm)(BlockNode *node);
    /*
     * New options for an open node, drained and flushed; generic ones are in
     * next (read_only, cache_direct, ...) and not yet in node. One of commit
     * and abort always follows a prepare that succeeded.
     */
    bool (*co_reopen_prepare)(BlockNode *node, const BlockdevOptions *options,
                              const BlockNode *next, Error **errp);
    void (*co_reopen_commit)(BlockNode *node);
    void (*co_reopen_abort)(BlockNode *node);

    /* A first drained section: what waits inside of the driver comes to an end; the last ended. */
    void (*drain_begin)(BlockNode *node);
    void (*drain_end)(BlockNode *node);

    /* For copy-on-read: before a read of this range is tracked. */
    int (*co_before_read)(BlockNode *node, int64_t offset, int64_t bytes);
    int (*co_preadv)(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                     unsigned niov);
    int (*co_pwritev)(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                      unsigned niov, unsigned flags);
    int (*co_pwrite_zeroes)(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags);
    int (*co_pdiscard)(BlockNode *node, int64_t offset, int64_t bytes);
    /* From source, a protocol's node; -ENOTSUP: it has to go through memory. */
    int (*co_copy_range)(BlockNode *node, int64_t offset, BlockNode *source,
                         int64_t source_offset, int64_t bytes);
    int (*co_flush)(BlockNode *node);
    int (*co_pwritev_compressed)(BlockNode *node, int64_t offset, int64_t bytes,
                                 const struct iovec *iov, unsigned niov);
    /* BLOCK_* flags or a negative errno; sets *pnum, 1 to bytes; want_zero: zeroes matter. */
    int (*co_block_status)(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                           int64_t *pnum, int64_t *map, BlockNode **file);
    /* Sets node->length; with exact it must become length, else at least. */
    bool (*co_truncate)(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                        unsigned flags, Error **errp);
    int64_t (*co_allocated_size)(BlockNode *node);      /* bytes of storage taken */

    const BlockCreateOption *create_options;
    bool (*co_create)(const BlockdevCreateOptions *options, Error **errp);
    /* options: as of mica-img measure -o, an object of strings; src may be NULL. */
    bool (*co_measure)(const Json *options, BlockNode *src, BlockMeasureInfo *info,
                       Error **errp);
    int (*co_check)(BlockNode *node, BlockCheckResult *result, unsigned fix);
    bool (*co_amend)(BlockNode *node, const Json *options, BlockProgressFn *progress,
                     void *opaque, bool force, Error **errp);
    const BlockCreateOption *amend_options;
    int (*co_change_backing_file)(BlockNode *node, const char *file, const char *format);
    int (*co_make_empty)(BlockNode *node);
    bool (*get_info)(BlockNode *node, BlockDriverInfo *info);
    ImageInfoSpecific *(*co_get_specific_info)(BlockNode *node, Error **errp);
    BlockStatsSpecific *(*get_stats)(BlockNode *node);
    /* Options beside children and generic ones that say which data the node has, by NULL ended. */
    const char *const *strong_options;
    /* Names that begin with one of these and ':' are this driver's; ended by NULL. */
    const char *const *protocols;
    /* Such a name to options, an object; NULL with errp. */
    Json *(*parse_filename)(const char *filename, Error **errp);
    /* Of its own options, those that blockdev-reopen may change. */
    const char *const *mutable_options;
    /* The node's own short name into node->filename (may be NULL), children's being up to date. */
    void (*refresh_filename)(BlockNode *node);

    bool (*co_snapshot_create)(BlockNode *node, BlockSnapshot *snapshot, Error **errp);
    bool (*co_snapshot_goto)(BlockNode *node, const char *id, Error **errp);
    bool (*co_snapshot_delete)(BlockNode *node, const char *id, const char *name, Error **errp);
    /* An array of *count, g_free(); NULL and 0 for none, -1 in *count on failure. */
    BlockSnapshot *(*co_snapshot_list)(BlockNode *node, int *count, Error **errp);
    bool (*co_snapshot_load_tmp)(BlockNode *node, const char *id, const char *name,
                                 Error **errp);
    int (*co_save_vmstate)(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov);
    int (*co_load_vmstate)(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov);

    bool (*co_can_store_bitmap)(BlockNode *node, const char *name, uint32_t granularity,
                                Error **errp);
    bool (*co_store_bitmaps)(BlockNode *node, Error **errp);
    bool (*co_remove_bitmap)(BlockNode *node, const char *name, Error **errp);

    /* Something that a test may wait for or make fail happens: for blkdebug below. */
    void (*debug_event)(BlockNode *node, const char *event);
    bool (*debug_breakpoint)(BlockNode *node, const char *event, const char *tag, Error **errp);
    bool (*debug_resume)(BlockNode *node, const char *tag);
    bool (*debug_remove_breakpoint)(BlockNode *node, const char *tag);
    bool (*debug_is_suspended)(BlockNode *node, const char *tag);
};
#define REGISTER_BLOCK_DRIVER(desc) REGISTER(block_driver, desc)

typedef struct BlockLimits {
    uint32_t request_alignment;         /* of offset and length, a power of two; 0: 1 */
    uint32_t memory_alignment;          /* of buffers; 0: 1 */
    uint32_t max_transfer;              /* bytes a request; 0: any */
    uint32_t max_iov;                   /* elements; 0: any */
    uint32_t zeroes_alignment;          /* of efficient zeroes and discards; 0: request_alignment */
    uint32_t discard_alignment;
    int64_t max_zeroes, max_discard;    /* bytes a request; 0: any */
    uint32_t opt_transfer;              /* good sizes are multiples of it; 0: any */
} BlockLimits;

/* How a user that is no node takes part in what happens to its node; all may be NULL. */
typedef struct BlockChildOps {
    void (*drained_begin)(BlockChild *child);   /* start no more requests */
    bool (*drained_poll)(BlockChild *child);    /* true: requests are still under way */
    void (*drained_end)(BlockChild *child);
    void (*resized)(BlockChild *child);         /* the node's length has changed */
    bool stays;                         /* block_node_replace() leaves it at its node */
    const char *(*job_type)(BlockChild *child);     /* a job that wants the node for itself */
} BlockChildOps;

/* One use of a node: by a node above, by a backend, a job, or an export. */
struct BlockChild {
    BlockNode *node;
    BlockNode *parent;                  /* NULL: the user is no node */
    char *name;                         /* of a parent's child: "file", "backing", ... */
    unsigned role;                      /* BLOCK_CHILD_* */
    char *user;                         /* for messages: "block device 'd0'"; NULL: by parent */
    uint32_t perm, shared;
    const BlockChildOps *ops;
    void *opaque;
    bool quiesced;                      /* drained_begin was called */
    bool inherits;                      /* opened with its parent, whose options it follows */
    bool frozen;                        /* a job works along this edge: it stays */
    ListLink link;                      /* in node->users */
    ListLink sibling;                   /* in parent->children */
};

struct BlockNode {
    const BlockDriver *driver;
    void *state;
    unsigned refs;
    char *name;
    bool owned;                         /* its name keeps it open */
    Loop *home;
    List children;                      /* of BlockChild.sibling, in order of opening */
    BlockChild *file;                   /* of them: what it stands on; NULL for protocols */
    BlockChild *backing;                /* of them: what is read where it has nothing */
    List users;
    ListLink link;                      /* all nodes */
    int64_t length;
    BlockLimits limits;
    BlockdevOptions *options;           /* as it was opened; defaults from above included */
    uint32_t open_flags;                /* BLOCK_OPEN_* */
    bool read_only, auto_read_only;
    bool cache_direct, no_flush, discard, force_share;
    BlockdevDetectZeroesOptions detect_zeroes;
    bool probed;                        /* raw: see block_node_set_probed() */
    bool opening;                       /* or closing: not to be found */
    unsigned depth;                     /* of parents that it was opened with */
    bool implicit;                      /* a job's filter that queries do not show */
    char *filename;                     /* its short name, for messages too; may be NULL */
    char *backing_file, *backing_format;    /* as the image's header says, or NULL */
    char *auto_backing_file;            /* what backing would be named by backing_file alone */
    uint32_t perm, shared;              /* of all users together */
    unsigned quiesce;                   /* drained sections it is in */
    unsigned in_flight;
    List tracked;                       /* requests that others may have to wait for */
    unsigned serialising;               /* of them, how many exclude overlap */
    uint64_t written;                   /* writes done, and how many of them are stable */
    uint64_t flushed;
    bool settled;                       /* and what others wrote before it was opened is, too */
    int64_t failed_end;                 /* of writes that failed: they may have left something */
    int64_t high_offset;                /* end of the highest write so far */
    List dirty_bitmaps;
    uint64_t write_threshold;           /* tell of writes past it; 0: do not */
};

/*
 * Users that are no nodes. user says who, for messages. The node gets a
 * reference. Not yielding; block_child_free() may close the node.
 */
BlockChild *block_child_new(BlockNode *node, const char *user, uint32_t perm, uint32_t shared,
                            Error **errp);
BlockChild *block_child_new_ops(BlockNode *node, const char *user, uint32_t perm,
                                uint32_t shared, const BlockChildOps *ops, void *opaque,
                                Error **errp);
void block_child_free(BlockChild *child);
bool block_child_set_perm(BlockChild *child, uint32_t perm, uint32_t shared, Error **errp);

/* False with errp while a job works with the node, in QEMU's words. */
bool block_node_check_idle(const BlockNode *node, Error **errp);

/* Children of nodes. For a driver's co_open: the child that ref defines or names. */
BlockChild *co_block_open_child(BlockNode *node, const char *name, unsigned role,
                                const BlockdevRef *ref, Error **errp);
/* The same as "file", also set as node->file; for formats role is BLOCK_CHILD_IMAGE. */
bool co_block_open_file(BlockNode *node, unsigned role, const BlockdevRef *ref, Error **errp);
/*
 * For drivers with supports_backing, after node->backing_file and
 * .backing_format are set: open what ref (NULL: the header) says as
 * node->backing. A name in the header is a plain file name, relative to the
 * image's; one without a format is opened as what probing finds, raw included.
 */
bool co_block_open_backing(BlockNode *node, const BlockdevRefOrNull *ref, Error **errp);
/* Make node a child of parent. */
BlockChild *block_child_attach(BlockNode *parent, const char *name, unsigned role,
                               BlockNode *node, Error **errp);
/* For messages: "node 'x' as 'file' of ..."; g_free() */
char *block_child_user(const BlockChild *child);
/* All children again, for what its users want has changed by more than block_child_*(). */
bool block_node_refresh_perm(BlockNode *node, Error **errp);
/* The driver's length changed by itself: tells users. */
void block_node_set_length(BlockNode *node, int64_t length);

/* Requests to a node, in a coroutine of its home. */
int co_node_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                   unsigned niov);
int co_node_pwritev(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                    unsigned niov, unsigned flags);
int co_node_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags);
int co_node_pdiscard(BlockNode *node, int64_t offset, int64_t bytes);
/* From source, where co_node_block_status() says that data is; -ENOTSUP: read and write it. */
int co_node_copy_range(BlockNode *node, int64_t offset, BlockNode *source, int64_t source_offset,
                       int64_t bytes);
int co_node_flush(BlockNode *node);
int co_node_pread(BlockNode *node, int64_t offset, void *buf, size_t bytes);
int co_node_pwrite(BlockNode *node, int64_t offset, const void *buf, size_t bytes);
/* The same, stable when done. */
int co_node_pwrite_sync(BlockNode *node, int64_t offset, const void *buf, size_t bytes);
bool co_node_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                      unsigned flags, Error **errp);
int64_t co_node_allocated_size(BlockNode *node);        /* bytes, or a negative errno */
/* For drivers: "something happens", for a blkdebug node below. */
void block_debug_event(BlockNode *node, const char *event);

/*
 * What the range [offset, offset + bytes) is, as far as *pnum goes, in node
 * itself; _above: in node or what is below it, down to but without base
 * (NULL: all). map and file may be NULL. *pnum is 0 only at the end.
 */
int co_node_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                         int64_t *pnum, int64_t *map, BlockNode **file);
int co_node_block_status_above(BlockNode *node, BlockNode *base, bool want_zero, int64_t offset,
                               int64_t bytes, int64_t *pnum, int64_t *map, BlockNode **file);
/* 1: this layer (or one above base; base too with include_base) has it; 0: not; <0: errno. */
int co_node_is_allocated(BlockNode *node, int64_t offset, int64_t bytes, int64_t *pnum);
int co_node_is_allocated_above(BlockNode *node, BlockNode *base, bool include_base,
                               int64_t offset, int64_t bytes, int64_t *pnum);
/* 1: certainly all zeroes, without reading data. */
int co_node_is_zero(BlockNode *node, int64_t offset, int64_t bytes);

/* Chains: what a filter filters, what an overlay stands on, and both without filters. */
BlockNode *block_filtered(const BlockNode *node);       /* NULL: no filter */
BlockNode *block_cow_child(const BlockNode *node);      /* NULL: none */
BlockNode *block_filter_or_cow(const BlockNode *node);
BlockNode *block_skip_filters(BlockNode *node);
BlockNode *block_backing_chain_next(BlockNode *node);
BlockChild *block_filter_or_cow_link(const BlockNode *node);
BlockNode *block_primary(const BlockNode *node);        /* the child that names it, or NULL */
BlockNode *block_find_base(BlockNode *node);            /* the bottom of its chain */
bool block_chain_contains(BlockNode *top, BlockNode *node);

const BlockDriver *block_driver_find(const char *name);
/* One that QEMU has and Mica has not: to open it says so. */
bool block_driver_known(const char *driver);
void block_drivers_for_each(void (*fn)(const BlockDriver *driver, void *opaque), void *opaque);
extern const BlockCreateOption block_file_create_options[];    /* file's, and so raw's */
/* The format whose images begin like this, NULL: none that is known. */
const char *block_format_of(const uint8_t *head, size_t len);
bool block_get_info(BlockNode *node, BlockDriverInfo *info);

#endif
