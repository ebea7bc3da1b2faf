/* qcow2: the layout on disk, and the state that the driver's files share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_QCOW2_QCOW2_H
#define BLOCK_QCOW2_QCOW2_H

#include "block/driver.h"
#include "util/bswap.h"
#include "util/co-lock.h"

/*
 * Layout: docs/interop/qcow2 of QEMU is the specification; section names in
 * comments are its. All numbers on disk are big-endian.
 */
enum {
    QCOW2_V2_HEADER = 72,
    QCOW2_V3_HEADER = 104,
    QCOW2_OUR_HEADER = 112,             /* with compression_type and its padding */
    QCOW2_MIN_CLUSTER_BITS = 9,
    QCOW2_MAX_CLUSTER_BITS = 21,
    QCOW2_MAX_L1_BYTES = 32 << 20,
    QCOW2_MAX_REFTABLE_BYTES = 8 << 20,
    QCOW2_MAX_SNAPSHOTS = 65536,
    QCOW2_MAX_SNAPSHOT_BYTES = 64 << 20,
    QCOW2_MAX_SNAPSHOT_EXTRA = 1024,
    QCOW2_MAX_BITMAPS = 65535,
    QCOW2_MAX_BACKING_NAME = 1023,
    QCOW2_SUBCLUSTERS = 32,
    QCOW2_SECTOR = 512,
};

#define QCOW2_MAGIC           0x514649fbU
#define QCOW2_INCOMPAT_DIRTY       BIT64(0)
#define QCOW2_INCOMPAT_CORRUPT     BIT64(1)
#define QCOW2_INCOMPAT_DATA_FILE   BIT64(2)
#define QCOW2_INCOMPAT_COMPRESSION BIT64(3)
#define QCOW2_INCOMPAT_EXTL2       BIT64(4)
#define QCOW2_INCOMPAT_ALL         (BIT64(5) - 1)
#define QCOW2_COMPAT_LAZY          BIT64(0)
#define QCOW2_AUTOCLEAR_BITMAPS    BIT64(0)
#define QCOW2_AUTOCLEAR_RAW        BIT64(1)
#define QCOW2_AUTOCLEAR_ALL        (BIT64(2) - 1)

/* Header extensions */
#define QCOW2_EXT_END         0U
#define QCOW2_EXT_BACKING     0xe2792acaU
#define QCOW2_EXT_FEATURES    0x6803f857U
#define QCOW2_EXT_BITMAPS     0x23852875U
#define QCOW2_EXT_CRYPTO      0x0537be77U
#define QCOW2_EXT_DATA_FILE   0x44415441U

/* L1 and L2 entries */
#define QCOW2_COPIED          BIT64(63)
#define QCOW2_COMPRESSED      BIT64(62)
#define QCOW2_ZERO            BIT64(0)
#define QCOW2_OFFSET_MASK     UINT64_C(0x00fffffffffffe00)
#define QCOW2_L1_RESERVED     UINT64_C(0x7f000000000001ff)
#define QCOW2_L2_RESERVED     UINT64_C(0x3f000000000001fe)
#define QCOW2_REFTABLE_MASK   UINT64_C(0xfffffffffffffe00)

typedef struct Qcow2 Qcow2;

typedef struct Qcow2Header {
    uint32_t version;
    uint64_t backing_offset;
    uint32_t backing_size;
    uint32_t cluster_bits;
    uint64_t size;
    uint32_t crypt;
    uint32_t l1_entries;
    uint64_t l1_offset;
    uint64_t reftable_offset;
    uint32_t reftable_clusters;
    uint32_t nr_snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order, length;
    uint8_t compression;
} Qcow2Header;

/* Header extensions that are kept as they are, in their order. */
typedef struct Qcow2Extension {
    uint32_t type, len;
    uint8_t *data;
} Qcow2Extension;

/* A part of a table in memory: a slice of an L2 table, or a refcount block. */
typedef struct Qcow2Entry {
    uint64_t offset;                    /* in the image file; 0: unused */
    uint8_t *data;
    unsigned pins;
    bool loading;
    uint32_t dirty_from, dirty_to;      /* bytes that differ from the file; equal: none */
    CoQueue loaded;
    ListLink link;                      /* in lru, the longest unused first */
} Qcow2Entry;

typedef struct Qcow2Cache {
    uint32_t entry_bytes;
    unsigned max_entries, nr_entries, nr_dirty;
    GHashTable *by_offset;
    Qcow2Entry *recent;                 /* what was asked for last, or NULL */
    List lru;
} Qcow2Cache;

/* Why clusters are freed, for pass-discard-*. */
typedef enum Qcow2Discard {
    QCOW2_DISCARD_NEVER,
    QCOW2_DISCARD_ALWAYS,
    QCOW2_DISCARD_REQUEST,
    QCOW2_DISCARD_SNAPSHOT,
    QCOW2_DISCARD_OTHER,
    QCOW2_NR_DISCARDS,
} Qcow2Discard;

/* What options set; may change while the image is open. */
typedef struct Qcow2Settings {
    bool lazy;                          /* refcounts are written at the end only */
    bool discard_passes[QCOW2_NR_DISCARDS];
    unsigned overlap;                   /* bits of Qcow2Meta that are guarded */
    uint64_t l2, refcount, entry;       /* bytes of the caches, of an L2 cache entry */
} Qcow2Settings;

/* Clusters whose last reference is gone from memory, but maybe not from the disk. */
typedef struct Qcow2Free {
    uint64_t offset, bytes;
    uint64_t seq;                       /* requests before this one may still use them */
    Qcow2Discard why;
} Qcow2Free;

/* A guest's request under way. */
typedef struct Qcow2Request {
    uint64_t seq;
    ListLink link;
} Qcow2Request;

/* Guest clusters for which new ones are being filled: not in the tables yet. */
typedef struct Qcow2Filling {
    uint64_t start, end;
    CoQueue done;
    ListLink link;
} Qcow2Filling;

/* What lies at a metadata cluster, as in QEMU's overlap-check names. */
typedef enum Qcow2Meta {
    QCOW2_META_NONE,
    QCOW2_META_HEADER,
    QCOW2_META_ACTIVE_L1,
    QCOW2_META_ACTIVE_L2,
    QCOW2_META_REFBLOCK,
    QCOW2_META_REFTABLE,
    QCOW2_META_SNAPSHOTS,
    QCOW2_META_INACTIVE_L1,
    QCOW2_META_INACTIVE_L2,
    QCOW2_META_BITMAPS,
    QCOW2_NR_METAS,
} Qcow2Meta;

typedef struct Qcow2Snapshot {
    char *id, *name;
    uint64_t l1_offset;
    uint32_t l1_entries;
    uint32_t date_sec, date_nsec;
    uint64_t vm_clock_nsec, vm_state_size, disk_size;
    uint64_t icount;                    /* UINT64_MAX: none */
    uint8_t *extra;                     /* what follows the known fields */
    uint32_t extra_bytes;
} Qcow2Snapshot;

typedef struct Qcow2Bitmap {
    char *name;
    uint64_t table_offset;
    uint32_t table_entries, flags;
    uint8_t granularity_bits;
    bool loaded;                        /* as a dirty bitmap of the node */
    uint8_t *extra;
    uint32_t extra_bytes;
} Qcow2Bitmap;

struct Qcow2 {
    BlockNode *node;
    BlockChild *data_child;             /* where guest data is: the file, or a data file */
    Qcow2Header h;                      /* as in the file */
    uint8_t *head;                      /* its bytes there up to head_bytes */
    uint32_t head_bytes;
    GArray *extensions;                 /* Qcow2Extension: unknown ones */
    uint8_t *unknown_fields;            /* of the header, past what is known */
    uint32_t unknown_bytes;
    uint8_t *features;                  /* feature name table */
    uint32_t features_bytes;
    char *data_file;                    /* name in the header */

    uint32_t cluster_bits, cluster_bytes;
    uint32_t subcluster_bits, subcluster_bytes;
    uint32_t subclusters;               /* of a cluster: 32 or 1 */
    uint32_t l2_bits, l2_entry_bytes;   /* entries of an L2 table, log2; bytes of each */
    uint32_t slice_bits;                /* entries of a slice, log2 */
    uint32_t refblock_bits;             /* entries of a refcount block, log2 */
    uint64_t max_refcount;
    uint64_t size;                      /* of the virtual disk */
    bool has_data_file, raw_data_file, extended;

    CoMutex lock;                       /* held by whoever changes metadata */
    uint64_t *l1;                       /* in host order */
    uint32_t l1_entries;
    uint64_t l1_offset;
    uint8_t *l1_dirty;                  /* a byte for each sector of it */
    bool l1_any_dirty, l1_moved;
    bool l1_unsure;                     /* writing that to the header has failed, or not */
    uint64_t *reftable;                 /* in host order */
    uint32_t reftable_entries, reftable_clusters;
    uint64_t reftable_offset;
    uint8_t *reftable_dirty;
    bool reftable_any_dirty, reftable_moved;
    bool header_dirty;
    bool barrier;                       /* the next references need a flush before them */
    Qcow2Cache l2_cache, refcount_cache;
    GHashTable *meta;                   /* cluster index to Qcow2Meta */

    uint64_t free_index;                /* no free cluster is before it */
    uint64_t end_offset;                /* the highest end of what was allocated */
    uint64_t fresh_from;                /* beyond it the file was never written: zeroes */
    bool file_grows;
    bool took_fresh;                    /* the last allocation was behind it */
    uint64_t compressed_at;             /* where the next compressed cluster may follow; 0 */
    GArray *frees;                      /* Qcow2Free, by time */
    unsigned frees_written, frees_stable;   /* how many of them are gone from the file, for good */
    List requests;                      /* Qcow2Request, by seq */
    uint64_t next_seq;
    List fillings;
    unsigned quiesce;                   /* requests wait */
    CoQueue quiesced, idle;

    bool lazy;                          /* refcounts are written at the end only */
    bool corrupt_reported, broken;      /* broken: all requests fail */
    bool discard_passes[QCOW2_NR_DISCARDS];
    bool metadata_preallocated;
    unsigned overlap;                   /* bits of Qcow2Meta that are guarded */
    Qcow2Snapshot *snapshots;
    uint32_t nr_snapshots;
    uint64_t snapshots_bytes;           /* of the table */
    GPtrArray *bitmaps;                 /* Qcow2Bitmap: the directory */
    uint32_t nr_disk_bitmaps;
    uint64_t bitmap_dir_offset, bitmap_dir_bytes;
    bool bitmaps_valid;                 /* autoclear bit was set at open */

    Qcow2Settings next_settings;        /* of a reopen under way */
    bool was_read_only;                 /* before it */
    bool settled;                       /* what was in the file when it was opened is stable */
    bool must_prepare, preparing;       /* the next write does first what opening leaves to it */
    CoQueue prepared;

    uint64_t inflated_at;               /* L2 entry of the cluster in inflated; 0: none */
    uint64_t inflated_generation;
    uint8_t *inflated;
};

static inline uint64_t qcow2_cluster_up(const Qcow2 *s, uint64_t n)
{
    return (n + s->cluster_bytes - 1) & ~(uint64_t)(s->cluster_bytes - 1);
}

static inline uint64_t qcow2_clusters(const Qcow2 *s, uint64_t bytes)
{
    return qcow2_cluster_up(s, bytes) >> s->cluster_bits;
}

static inline BlockNode *qcow2_file(const Qcow2 *s)
{
    return s->node->file->node;
}

static inline BlockNode *qcow2_data(const Qcow2 *s)
{
    return s->data_child->node;
}

/* cache.c */
void qcow2_cache_init(Qcow2Cache *c, uint32_t entry_bytes, unsigned max_entries);
void qcow2_cache_free(Qcow2Cache *c);
/* The entry at offset, loaded and pinned; qcow2_cache_put(). */
int co_qcow2_cache_get(Qcow2 *s, Qcow2Cache *c, uint64_t offset, Qcow2Entry **entry);
/* The same for what is not in the file: all zeroes, dirty. */
int co_qcow2_cache_new(Qcow2 *s, Qcow2Cache *c, uint64_t offset, Qcow2Entry **entry);
void qcow2_cache_put(Qcow2Entry *entry);
void qcow2_cache_dirty(Qcow2Cache *c, Qcow2Entry *entry, uint32_t from, uint32_t bytes);
/* Forget what lies in [offset, offset + bytes): it is written or no longer wanted. */
void qcow2_cache_drop(Qcow2Cache *c, uint64_t offset, uint64_t bytes);
void qcow2_cache_drop_all(Qcow2Cache *c);
int co_qcow2_cache_write(Qcow2 *s, Qcow2Cache *c);
/* The file itself; what is behind its end reads as zeroes. */
int co_qcow2_read_meta(Qcow2 *s, uint64_t offset, void *buf, size_t bytes);
int co_qcow2_write_meta(Qcow2 *s, uint64_t offset, const void *buf, size_t bytes);
/* A table of big-endian 64-bit entries. */
int co_qcow2_read_table(Qcow2 *s, uint64_t offset, uint64_t *table, uint32_t entries);
int co_qcow2_write_table(Qcow2 *s, uint64_t offset, const uint64_t *table, uint32_t entries);

/* header.c */
bool qcow2_header_parse(Qcow2Header *h, const uint8_t *buf, size_t bytes, Error **errp);
void qcow2_header_put(const Qcow2Header *h, uint8_t *p);
bool co_qcow2_header_load(Qcow2 *s, Error **errp);
/* Write s->h and the extensions; at each instant the file has the old ones or the new. */
int co_qcow2_header_write(Qcow2 *s);
/* Set or clear a bit in the file, now and for good. */
int co_qcow2_set_incompatible(Qcow2 *s, uint64_t bit, bool on);
void qcow2_header_free(Qcow2 *s);
/* The feature name table that new images get; g_free() */
uint8_t *qcow2_feature_table(uint32_t *bytes);

/* commit.c: the order in which changes reach the file. With the lock held. */
bool qcow2_metadata_dirty(const Qcow2 *s);
int co_qcow2_commit(Qcow2 *s);
int co_qcow2_flush(Qcow2 *s);           /* commit, then all is stable */
/*
 * Before the first write: whoever had the image before may have died before
 * he flushed. What he wrote is built upon from now on, so it must not vanish.
 */
int co_qcow2_settle_file(Qcow2 *s);
/* The same as flush, and all that is free becomes so; for between requests only. */
int co_qcow2_settle(Qcow2 *s);
void qcow2_free_later(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Discard why);
void co_qcow2_apply_frees(Qcow2 *s);
void co_qcow2_request_begin(Qcow2 *s, Qcow2Request *r);
void qcow2_request_end(Qcow2 *s, Qcow2Request *r);
/* No request is under way, and none starts until qcow2_resume(). */
void co_qcow2_quiesce(Qcow2 *s);
/* The same for what changes the image; nothing to resume if it fails. */
int co_qcow2_quiesce_to_write(Qcow2 *s);
void qcow2_resume(Qcow2 *s);

/* refcount.c. With the lock held. */
uint64_t qcow2_refcount_in(const void *block, unsigned order, uint64_t index);
void qcow2_refcount_put(void *block, unsigned order, uint64_t index, uint64_t value);
int co_qcow2_refcount(Qcow2 *s, uint64_t cluster, uint64_t *value);
/* *n in a row, or as far as one block has them. */
int co_qcow2_refcounts(Qcow2 *s, uint64_t cluster, uint64_t *values, uint64_t *n);
/* All clusters that [offset, offset + bytes) touches. */
int co_qcow2_refcount_add(Qcow2 *s, uint64_t offset, uint64_t bytes, int delta);
/* Of one cluster, to repair it. */
int co_qcow2_refcount_set(Qcow2 *s, uint64_t cluster, uint64_t count);
/* n clusters in a row. */
int co_qcow2_alloc(Qcow2 *s, uint64_t n, uint64_t *offset);
/* 1 to n clusters in a row. */
int co_qcow2_alloc_some(Qcow2 *s, uint64_t *n, uint64_t *offset);
/* n clusters at offset if they are free, else -ENOSPC. */
int co_qcow2_alloc_at(Qcow2 *s, uint64_t offset, uint64_t *n);
int co_qcow2_alloc_bytes(Qcow2 *s, uint32_t bytes, uint64_t *offset);
/* Undo an allocation that nothing refers to. */
void co_qcow2_unalloc(Qcow2 *s, uint64_t offset, uint64_t n);

/* corrupt.c */
int co_qcow2_corrupt(Qcow2 *s, bool fatal, const char *fmt, ...) PRINTF_FORMAT(3, 4);
void co_qcow2_meta_build(Qcow2 *s);
void qcow2_meta_set(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Meta meta);
void qcow2_meta_clear(Qcow2 *s, uint64_t offset, uint64_t bytes);
/* 0, or the image is marked corrupt: what is to be written would overwrite metadata. */
int co_qcow2_check_overlap(Qcow2 *s, uint64_t offset, uint64_t bytes);

/* map.c */
typedef enum Qcow2Kind {
    QCOW2_UNALLOCATED,
    QCOW2_ZEROES,
    QCOW2_DATA,
    QCOW2_DEFLATED,                     /* compressed */
} Qcow2Kind;

typedef struct Qcow2Extent {
    Qcow2Kind kind;
    uint64_t bytes;                     /* how far it goes, at most what was asked */
    uint64_t host;                      /* where its first byte is or would be */
    bool has_host;
    uint64_t entry;                     /* QCOW2_DEFLATED: the L2 entry */
} Qcow2Extent;

/* A slice of an L2 table and an entry in it. */
typedef struct Qcow2L2 {
    Qcow2Entry *slice;                  /* NULL: there is no table */
    uint32_t index;                     /* of the first wanted entry */
    uint64_t table;                     /* offset of the table, for messages */
} Qcow2L2;

int co_qcow2_l2_get(Qcow2 *s, uint64_t offset, Qcow2L2 *l2);
/* With the lock held; makes the table, or a copy of a shared one. */
int co_qcow2_l2_get_own(Qcow2 *s, uint64_t offset, Qcow2L2 *l2);
uint64_t qcow2_l2_entry(const Qcow2 *s, const Qcow2L2 *l2, uint32_t i);
uint64_t qcow2_l2_bitmap(const Qcow2 *s, const Qcow2L2 *l2, uint32_t i);
void qcow2_l2_set(Qcow2 *s, const Qcow2L2 *l2, uint32_t i, uint64_t entry, uint64_t bitmap);
uint32_t qcow2_l2_left(const Qcow2 *s, const Qcow2L2 *l2);  /* entries to the slice's end */
bool qcow2_entry_allocated(const Qcow2 *s, uint64_t entry);
/* 0, or the image is marked corrupt. */
int co_qcow2_entry_check(Qcow2 *s, const Qcow2L2 *l2, uint32_t i);
Qcow2Kind qcow2_kind(const Qcow2 *s, uint64_t entry, uint64_t bitmap, uint32_t sub);
int co_qcow2_map(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Extent *e);
void qcow2_deflated_range(const Qcow2 *s, uint64_t entry, uint64_t *offset, uint64_t *bytes);
/* Room for the L1 entries of a disk so large. With the lock held. */
int co_qcow2_l1_grow(Qcow2 *s, uint64_t entries);
uint64_t qcow2_l1_needed(const Qcow2 *s, uint64_t size);
uint64_t qcow2_vmstate_offset(const Qcow2 *s);

/* alloc.c: where writes go */
typedef struct Qcow2Write {
    uint64_t offset, bytes;             /* guest's; bytes may be less than was asked */
    uint64_t host;                      /* of offset */
    bool fill;                          /* write all from start to end, then link */
    uint64_t start, end;                /* guest range that becomes allocated */
    uint64_t cluster_host;              /* of the first cluster */
    bool fresh_cluster;                 /* allocated by this write */
    Qcow2Filling filling;
} Qcow2Write;

int co_qcow2_write_begin(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Write *w);
/* Data is written (ret 0), or could not be. */
int co_qcow2_write_end(Qcow2 *s, Qcow2Write *w, int ret);
/* Wait until nobody fills clusters there; gives up the lock, which is held, meanwhile: true. */
bool co_qcow2_wait_filling(Qcow2 *s, uint64_t offset, uint64_t *bytes);
void qcow2_free_entry(Qcow2 *s, uint64_t entry, Qcow2Discard why);
int co_qcow2_zero_clusters(Qcow2 *s, uint64_t offset, uint64_t bytes, bool unmap);
/* Subclusters in one cluster; -ENOTSUP where it is compressed. */
int co_qcow2_zero_subclusters(Qcow2 *s, uint64_t offset, uint64_t bytes);
int co_qcow2_discard_clusters(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Discard why,
                              bool full);

/* rw.c: guest ranges, without regard to the disk's size */
int co_qcow2_read(Qcow2 *s, uint64_t offset, uint64_t bytes, const struct iovec *iov,
                  unsigned niov);
int co_qcow2_write(Qcow2 *s, uint64_t offset, uint64_t bytes, const struct iovec *iov,
                   unsigned niov);
bool co_qcow2_reads_zero(Qcow2 *s, uint64_t offset, uint64_t bytes);
int qcow2_co_preadv(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                    unsigned niov);
int qcow2_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                     unsigned niov, unsigned flags);
int qcow2_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags);
int qcow2_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes);
int qcow2_co_flush(BlockNode *node);
int qcow2_co_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                          int64_t *pnum, int64_t *map, BlockNode **file);
int qcow2_co_save_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov);
int qcow2_co_load_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov);

/* compress.c */
/* bytes at in of the cluster that entry describes, to iov from skip on. */
int co_qcow2_inflate(Qcow2 *s, uint64_t entry, uint32_t in, size_t bytes,
                     const struct iovec *iov, unsigned niov, size_t skip);
int qcow2_co_pwritev_compressed(BlockNode *node, int64_t offset, int64_t bytes,
                                const struct iovec *iov, unsigned niov);
bool qcow2_compression_ok(uint8_t type);

/* options.c */
bool qcow2_settings_check(const Qcow2 *s, const BlockdevOptionsQcow2 *o, bool discard,
                          Qcow2Settings *c, Error **errp);
/* Between requests, with nothing dirty in the caches. */
void qcow2_settings_apply(Qcow2 *s, const Qcow2Settings *c);

/* open.c */
/* What an image that may be written needs first: repair, no unknown autoclear bits. */
bool co_qcow2_prepare_writing(Qcow2 *s, Error **errp);
/* co_qcow2_request_begin() of a request that writes; nothing to end if it fails. */
int co_qcow2_write_request(Qcow2 *s, Qcow2Request *r);
/* All in the file, refcounts included; requests have ended. */
int co_qcow2_inactivate(Qcow2 *s);

/* info.c */
ImageInfoSpecific *qcow2_co_get_specific_info(BlockNode *node, Error **errp);
bool qcow2_co_measure(const Json *options, BlockNode *src, BlockMeasureInfo *info,
                      Error **errp);
int qcow2_co_change_backing_file(BlockNode *node, const char *file, const char *format);

/* snapshot.c */
bool co_qcow2_snapshots_load(Qcow2 *s, Error **errp);
void qcow2_snapshots_free(Qcow2 *s);
bool qcow2_co_snapshot_create(BlockNode *node, BlockSnapshot *snapshot, Error **errp);
bool qcow2_co_snapshot_goto(BlockNode *node, const char *id, Error **errp);
bool qcow2_co_snapshot_delete(BlockNode *node, const char *id, const char *name, Error **errp);
BlockSnapshot *qcow2_co_snapshot_list(BlockNode *node, int *count, Error **errp);
bool qcow2_co_snapshot_load_tmp(BlockNode *node, const char *id, const char *name, Error **errp);

/* bitmap.c */
bool co_qcow2_bitmaps_load(Qcow2 *s, Error **errp);     /* the directory */
bool co_qcow2_bitmaps_start(Qcow2 *s, Error **errp);    /* into the node's dirty bitmaps */
bool co_qcow2_bitmaps_use(Qcow2 *s, Error **errp);      /* they may be written from now on */
void qcow2_bitmaps_free(Qcow2 *s);
bool qcow2_co_store_bitmaps(BlockNode *node, Error **errp);
bool qcow2_co_can_store_bitmap(BlockNode *node, const char *name, uint32_t granularity,
                               Error **errp);
bool qcow2_co_remove_bitmap(BlockNode *node, const char *name, Error **errp);
Qcow2BitmapInfoList *qcow2_bitmap_infos(const Qcow2 *s);

/* resize.c */
bool qcow2_co_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                       unsigned flags, Error **errp);
int qcow2_co_make_empty(BlockNode *node);
/* The end of the last used cluster. */
int co_qcow2_used_end(Qcow2 *s, uint64_t *end);

/* check.c */
int qcow2_co_check(BlockNode *node, BlockCheckResult *result, unsigned fix);
int co_qcow2_check_locked(Qcow2 *s, BlockCheckResult *result, unsigned fix, bool quiet);

/* txn.c */
/* New refcounts that say what refs[] does, wherever the old ones are. */
int co_qcow2_rebuild_refcounts(Qcow2 *s, const uint32_t *refs, uint64_t nr_clusters);

/* create.c, amend.c */
bool qcow2_co_create(const BlockdevCreateOptions *options, Error **errp);
extern const BlockCreateOption qcow2_create_options[], qcow2_amend_options[];
bool qcow2_co_amend(BlockNode *node, const Json *options, BlockProgressFn *progress,
                    void *opaque, bool force, Error **errp);

#endif
