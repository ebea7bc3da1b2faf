/* Block devices, the face: nodes by name, and the handle through which a device uses one */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "qapi/json.h"
#include "qapi/types-block.h"
#include "util/error.h"

typedef struct BlockNode BlockNode;
typedef struct BlockBackend BlockBackend;

#define BLOCK_SECTOR_SIZE 512
#define BLOCK_LENGTH_MAX (INT64_MAX - (1LL << 30))      /* of a node; leaves room for rounding */

/* What a user of a node may do, and what it lets others do. The values are QEMU's. */
enum {
    BLOCK_PERM_CONSISTENT_READ = 1 << 0,
    BLOCK_PERM_WRITE = 1 << 1,
    BLOCK_PERM_WRITE_UNCHANGED = 1 << 2,
    BLOCK_PERM_RESIZE = 1 << 3,
    BLOCK_PERM_ALL = (1 << 4) - 1,
};

/* Nodes */

/*
 * Open a node and what it stands on, all or nothing: a reference of the
 * caller's. Functions with co_ run in coroutines and may yield.
 */
enum {
    BLOCK_OPEN_NO_IO = 1 << 0,          /* nobody will read its data (info) */
    BLOCK_OPEN_NO_BACKING = 1 << 1,     /* nor what is below; backing_file is still told */
    BLOCK_OPEN_CHECK = 1 << 2,          /* a damaged image is wanted too: to repair it */
    BLOCK_OPEN_NO_DATA_FILE = 1 << 3,   /* files that a header names stay closed */
};
BlockNode *co_block_open(const BlockdevOptions *options, Error **errp);
BlockNode *co_block_open_flags(const BlockdevOptions *options, unsigned flags, Error **errp);
/* The same from JSON or keyval's tree; a driver Mica lacks (vmdk, ...) is refused by name. */
BlockNode *co_block_open_json(const Json *options, QapiMode mode, Error **errp);
BlockNode *co_block_open_json_flags(const Json *options, QapiMode mode, unsigned flags,
                                    Error **errp);
/* -blockdev, blockdev-add: the node must have a name, which keeps it open until blockdev_del(). */
bool co_blockdev_add_options(const BlockdevOptions *options, Error **errp);
bool co_blockdev_add(const Json *options, QapiMode mode, Error **errp);
bool co_blockdev_del(const char *node_name, Error **errp);
/* Of a program that starts: outside of coroutines, where the main loop does not run yet. */
BlockNode *block_open_json(const Json *options, QapiMode mode, Error **errp);
bool blockdev_add(const Json *options, QapiMode mode, Error **errp);
BlockNode *block_node_find(const char *node_name);
const char *block_node_name(const BlockNode *node);     /* "#block123" where none was given */
void block_node_ref(BlockNode *node);
/*
 * The last one closes it: at once in a coroutine (which may yield), else a
 * coroutine of its own does; block_close_all() waits for that.
 */
void block_node_unref(BlockNode *node);
int64_t block_node_length(const BlockNode *node);       /* bytes */
bool block_node_read_only(const BlockNode *node);
/* As QEMU shows it: a plain name where that says all, else "json:{...}". g_free() */
char *block_node_filename(BlockNode *node);
/* All that says which data it has: an object like blockdev-add's. json_object_put() */
Json *block_node_full_options(BlockNode *node);
/* Does it stand on a connection that can be shut down from outside, for good? */
bool block_node_can_yank(const BlockNode *node);
void block_node_yank(BlockNode *node);
/* Each node with or without a name. */
void block_nodes_for_each(void (*fn)(BlockNode *node, void *opaque), void *opaque);
/* The program is about to end: storage that does not answer is waited for a few seconds only. */
void block_end_begin(void);
/* Wait for all requests and flush all nodes: the last act of the program. Not from a callback. */
void block_close_all(void);

/*
 * For -drive and -hda: FILE as a user types it, which may begin with "json:",
 * "file:" or be a host device, to the options of a protocol node (a new
 * object; json_object_put()). NULL with errp for protocols there are not.
 */
Json *block_filename_options(const char *filename, Error **errp);
/*
 * An image as users name it: a file name, a node's options, or both; and what
 * command lines say beside them, where the options do not say it already. What
 * children leave out is completed: drivers by their file names, formats by
 * their first bytes, the backing file's name by the image's header.
 */
typedef struct BlockOpenHow {
    const char *name;           /* a file name; NULL: options say all */
    const char *format;         /* NULL: as options say, or found out */
    const Json *options;        /* texts, as keyval_parse() has them; NULL: none */
    unsigned flags;             /* BLOCK_OPEN_* */
    bool write, auto_read_only, force_share;
    bool copy_on_read, snapshot;        /* under a filter; writes go to a temporary file */
    bool direct, no_flush;
    const char *discard, *detect_zeroes, *aio;      /* NULL: not said */
} BlockOpenHow;
BlockNode *co_block_open_user(const BlockOpenHow *how, Error **errp);
/* Of a program that starts: outside of coroutines. */
BlockNode *block_open_user(const BlockOpenHow *how, Error **errp);
/*
 * Open what a user calls filename: a protocol node as above, a node of format
 * on it (NULL: as its first bytes say, raw where they say nothing). generic:
 * options of blockdev-add that both get (read-only, cache, force-share, ...),
 * or NULL.
 */
BlockNode *co_block_open_image(const char *filename, const char *format, const Json *generic,
                               unsigned flags, Error **errp);

/*
 * New options for nodes that are open, all or none: what blockdev-reopen does,
 * and its shortest form.
 */
bool co_block_reopen(BlockdevOptions *const *options, unsigned n, Error **errp);
bool co_block_set_read_only(BlockNode *node, bool read_only, Error **errp);

/* Images that are made. union BlockdevCreateOptions: qapi/types-block-create.h */
typedef struct BlockdevCreateOptions BlockdevCreateOptions;
bool co_block_create(const BlockdevCreateOptions *options, Error **errp);
/*
 * What a format's image will stand on: a new file, or an existing host device
 * that is large enough. filename as users type it.
 */
bool co_block_create_file(const char *filename, int64_t size, int preallocation, Error **errp);
/* An image of that format in a new file; backing_file: NULL for none, else with its format. */
bool co_block_create_image(const char *filename, const char *format, int64_t size,
                           const char *backing_file, const char *backing_format, Error **errp);
/* The path of a backing file as an image at filename names it; g_free(), NULL with errp. */
char *block_backing_path(const char *filename, const char *backing, Error **errp);
/*
 * Its format was probed as raw: the guest may not turn the first sector into
 * another format's. Warns that it is so where the node can be written.
 */
void block_node_set_probed(BlockNode *node);

/* Backends: a device's end. Main loop, under the VM lock. */

typedef struct BlkDeviceOps {
    void (*resized)(void *opaque);
    /* The medium was put in (loaded) or taken out. */
    void (*medium_changed)(void *opaque, bool loaded);
    /* Someone wants the medium out; force: whatever the guest locked. */
    void (*eject_request)(void *opaque, bool force);
    bool (*tray_open)(void *opaque);
    bool (*medium_locked)(void *opaque);
    /* The user, not the guest, opens or closes the tray. */
    void (*move_tray)(void *opaque, bool open);
    bool write_if_writable;     /* media that are not read-only are written */
} BlkDeviceOps;

/* rerror=, werror= */
typedef enum BlkErrorPolicy {
    BLK_ERROR_AUTO,
    BLK_ERROR_REPORT,
    BLK_ERROR_IGNORE,
    BLK_ERROR_STOP,
    BLK_ERROR_ENOSPC,
} BlkErrorPolicy;
extern const char *const blk_error_policy_names[];

/*
 * A handle with one reference; id (of -drive) may be NULL. node may be NULL: a
 * drive without a medium. What the drive gives the devices as defaults may be
 * set before one takes it.
 */
BlockBackend *blk_new(const char *id, BlockNode *node, Error **errp);
void blk_ref(BlockBackend *blk);
void blk_unref(BlockBackend *blk);
BlockBackend *blk_find(const char *id);
/* Drop a drive: its name and its medium go at once, the rest when no device has it any more. */
void co_blk_delete(BlockBackend *blk);
const char *blk_id(const BlockBackend *blk);            /* NULL: anonymous */
const char *blk_qdev(const BlockBackend *blk);          /* its device's id or path, or NULL */
BlockNode *blk_node(const BlockBackend *blk);           /* NULL: no medium */
void blks_for_each(void (*fn)(BlockBackend *blk, void *opaque), void *opaque);

/*
 * A device takes it (device says which, for messages), or fails because
 * another has. perm and shared are BLOCK_PERM_*.
 */
bool blk_attach(BlockBackend *blk, const char *device, uint32_t perm, uint32_t shared,
                const BlkDeviceOps *ops, void *opaque, Error **errp);
void blk_detach(BlockBackend *blk);
bool blk_attached(const BlockBackend *blk);
/* Change the medium: of a drive whose device allows it. */
bool blk_insert_medium(BlockBackend *blk, BlockNode *node, Error **errp);
void blk_remove_medium(BlockBackend *blk);
void blk_request_eject(BlockBackend *blk, bool force);
bool blk_tray_open(const BlockBackend *blk);
bool blk_medium_locked(const BlockBackend *blk);
void blk_move_tray(BlockBackend *blk, bool open);
void blk_tray_moved(BlockBackend *blk, bool open);      /* the guest did it */

bool blk_has_medium(const BlockBackend *blk);
int64_t blk_length(const BlockBackend *blk);            /* bytes; 0 without a medium */
bool blk_read_only(const BlockBackend *blk);
/* While the program starts: outside of coroutines, where the main loop does not run yet. */
bool blk_read_at_start(BlockBackend *blk, int64_t offset, void *buf, int64_t bytes, Error **errp);
/* The smallest aligned unit the storage takes without reading first, 512 or more. */
uint32_t blk_alignment(const BlockBackend *blk);
/* Off: each write is stable when it is done. */
void blk_set_write_cache(BlockBackend *blk, bool on);
bool blk_write_cache(const BlockBackend *blk);
/*
 * What becomes of requests that fail; auto leaves it as it is. Report: the
 * device is told. Ignore: it is told that all is well. Stop: the guest stops,
 * and the request, of which the device hears nothing, is done again once it
 * goes on.
 */
void blk_set_on_error(BlockBackend *blk, BlkErrorPolicy on_read, BlkErrorPolicy on_write);
/* Whether requests that are invalid or fail count for idle time and sums; auto: as it is. */
void blk_set_accounting(BlockBackend *blk, OnOffAuto invalid, OnOffAuto failed);
/* Keep minimum, maximum and mean of the last seconds, too. */
void blk_add_stats_interval(BlockBackend *blk, uint64_t seconds);
bool blk_check_on_error(BlkErrorPolicy on_read, BlkErrorPolicy on_write, Error **errp);
/* The guest goes on: what failed is done again. */
void blk_retry_all(void);
/* The device was reset: what waits to be done again fails with -ECANCELED. */
void blk_cancel_parked(BlockBackend *blk);
void blk_cancel_all(void);
/* stop: stop the guest, in the main loop. Without it, stop is report. */
void blk_set_stop_hook(void (*stop)(void));
/* Limits of -drive; they hold once a medium is in. */
typedef struct DriveThrottling DriveThrottling;
bool blk_set_throttling(BlockBackend *blk, const DriveThrottling *limits, Error **errp);
/* How queries and commands call the device: id may be NULL, then it is the path. */
void blk_set_qdev(BlockBackend *blk, const char *id, const char *path);

/*
 * Requests. Call from the main loop or, under the VM lock, from a vCPU's
 * thread. fn is called in the main loop, never before the call returned;
 * ret is 0 or a negative errno. iov must stay until then, the array itself
 * only until the call returns. Nothing is said about the order of requests
 * that overlap.
 */
typedef void BlkDone(void *opaque, int ret);

enum {
    BLK_FUA = 1 << 0,           /* stable when done */
    BLK_MAY_UNMAP = 1 << 1,     /* zeroes may free the storage */
    BLK_NO_FALLBACK = 1 << 2,   /* zeroes: -ENOTSUP rather than to write them out */
};

void blk_aio_preadv(BlockBackend *blk, int64_t offset, const struct iovec *iov, unsigned niov,
                    BlkDone *fn, void *opaque);
void blk_aio_pwritev(BlockBackend *blk, int64_t offset, const struct iovec *iov, unsigned niov,
                     unsigned flags, BlkDone *fn, void *opaque);
void blk_aio_pwrite_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes, unsigned flags,
                           BlkDone *fn, void *opaque);
void blk_aio_pdiscard(BlockBackend *blk, int64_t offset, int64_t bytes, BlkDone *fn,
                      void *opaque);
void blk_aio_flush(BlockBackend *blk, BlkDone *fn, void *opaque);
/* Requests whose fn has not been called yet. */
unsigned blk_in_flight(const BlockBackend *blk);

/* Memory that no request needs to copy: page-aligned; NULL where the host has none. free() */
void *block_try_alloc(size_t bytes);

#endif
