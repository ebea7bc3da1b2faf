/* Dirty bitmaps of nodes: what was written since they were made or cleared */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_DIRTY_BITMAP_H
#define BLOCK_DIRTY_BITMAP_H

#include "block/driver.h"
#include "util/hbitmap.h"

/*
 * Positions are bytes. io.c marks every bitmap of a node that is enabled
 * after each write, write of zeroes and discard. Named ones belong to the
 * user, nameless ones to jobs.
 */
struct BlockDirtyBitmap {
    BlockNode *node;
    char *name;                 /* NULL: a job's */
    HBitmap *bits;
    bool disabled;
    bool busy;                  /* a job or an export uses it: nobody else may change it */
    bool persistent;            /* the image keeps it (co_store_bitmaps) */
    bool readonly;              /* it is in the image, which cannot be written */
    bool inconsistent;          /* the image says that it was not stored well; may be removed */
    bool skip_store;            /* already on its way elsewhere */
    BlockDirtyBitmap *successor;    /* marks while a job uses this one, then is merged or not */
    ListLink link;
};

enum {
    BLOCK_BITMAP_BUSY = 1,          /* refuse when used by a job */
    BLOCK_BITMAP_RO = 2,            /* when its image cannot be written */
    BLOCK_BITMAP_INCONSISTENT = 4,
    BLOCK_BITMAP_DEFAULT = 7,
    BLOCK_BITMAP_ALLOW_RO = 5,
};

/* granularity: a power of two of 512 or more; 0: by the clusters of node. */
BlockDirtyBitmap *block_dirty_bitmap_new(BlockNode *node, const char *name, uint32_t granularity,
                                         Error **errp);
void block_dirty_bitmap_free(BlockDirtyBitmap *bitmap);
BlockDirtyBitmap *block_dirty_bitmap_find(BlockNode *node, const char *name);
/* Can it be used for what the caller wants? BLOCK_BITMAP_* say what would be in the way. */
bool block_dirty_bitmap_check(const BlockDirtyBitmap *bitmap, unsigned flags, Error **errp);
uint32_t block_dirty_bitmap_granularity(const BlockDirtyBitmap *bitmap);
uint64_t block_dirty_bitmap_count(const BlockDirtyBitmap *bitmap);      /* bytes */
bool block_dirty_bitmap_recording(const BlockDirtyBitmap *bitmap);
uint32_t block_default_granularity(BlockNode *node);

bool block_dirty_bitmap_get(const BlockDirtyBitmap *bitmap, int64_t offset);
void block_dirty_bitmap_set(BlockDirtyBitmap *bitmap, int64_t offset, int64_t bytes);
void block_dirty_bitmap_reset(BlockDirtyBitmap *bitmap, int64_t offset, int64_t bytes);
int64_t block_dirty_bitmap_next_dirty(const BlockDirtyBitmap *bitmap, int64_t offset,
                                      int64_t bytes);       /* -1: none */
int64_t block_dirty_bitmap_next_zero(const BlockDirtyBitmap *bitmap, int64_t offset,
                                     int64_t bytes);
bool block_dirty_bitmap_next_area(const BlockDirtyBitmap *bitmap, int64_t start, int64_t end,
                                  int64_t max, int64_t *dirty_start, int64_t *dirty_bytes);
/* All clear. With backup, *backup gets the old bits for _restore(), or hbitmap_free() them. */
void block_dirty_bitmap_clear(BlockDirtyBitmap *bitmap, HBitmap **backup);
void block_dirty_bitmap_restore(BlockDirtyBitmap *bitmap, HBitmap *backup);
/* Add what src has; both must be of the same size. With backup as above. */
bool block_dirty_bitmap_merge(BlockDirtyBitmap *dest, const BlockDirtyBitmap *src,
                              HBitmap **backup, Error **errp);

/*
 * A job takes a bitmap: a nameless successor marks what is written from now
 * on, and the bitmap is busy and stays as it is. In the end either the
 * successor takes its place (abdicate), or both are merged (reclaim).
 */
bool block_dirty_bitmap_freeze(BlockDirtyBitmap *bitmap, Error **errp);
void block_dirty_bitmap_abdicate(BlockDirtyBitmap *bitmap);
void block_dirty_bitmap_reclaim(BlockDirtyBitmap *bitmap);

/* For io.c and node.c: a range was written, the node's length is another, the node goes. */
void block_dirty_bitmaps_mark(BlockNode *node, int64_t offset, int64_t bytes);
void block_dirty_bitmaps_truncate(BlockNode *node, int64_t length);
void block_dirty_bitmaps_free_all(BlockNode *node);

#endif
