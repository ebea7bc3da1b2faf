/* blklogwrites: a filter that records writes and flushes in a log, for power-cut tests */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "util/bswap.h"
#include "util/iov.h"

/*
 * The log is that of Linux's dm-log-writes (Documentation/admin-guide/
 * device-mapper/log-writes.rst), numbers little-endian, in sectors of
 * log-sector-size bytes:
 *
 *   +-------+-------+------+-------+-------+------+---
 *   | super | entry | data | entry | entry | data |
 *   +-------+-------+------+-------+-------+------+---
 *
 * super: magic, version 1, number of entries (u64 each), sector size (u32).
 * entry: first sector, number of sectors, flags, bytes of a mark (u64 each).
 * Flushes and discards have no data.
 */
#define LOG_MAGIC 0x6a736677736872ULL

enum {
    LOG_VERSION = 1,
    LOG_FLUSH = 1 << 0,
    LOG_FUA = 1 << 1,
    LOG_DISCARD = 1 << 2,
    LOG_FLAGS = (1 << 4) - 1,           /* marks included */
    SUPER_BYTES = 28,
    ENTRY_BYTES = 32,
    MAX_SECTOR = 1 << 23,
    DEFAULT_INTERVAL = 4096,
};

typedef struct LogState {
    BlockChild *log;
    uint32_t sector;            /* bytes */
    unsigned sector_bits;
    uint64_t next;              /* sector of the log that the next entry goes to */
    uint64_t entries;
    uint64_t update_interval;   /* entries until the log's super is written anew */
} LogState;

/* Opening */

static bool set_sector(LogState *s, uint64_t bytes, Error **errp)
{
    if (bytes < BLOCK_SECTOR_SIZE || bytes >= MAX_SECTOR || bytes & (bytes - 1)) {
        error_set(errp, "Invalid log sector size %" PRIu64, bytes);
        error_hint(errp, "It is a power of two from %d on, below 8 MiB", BLOCK_SECTOR_SIZE);
        return false;
    }
    s->sector = bytes;
    s->sector_bits = __builtin_ctzll(bytes);
    return true;
}

/* The end of the entries that the super tells of. */
static bool co_find_end(LogState *s, uint64_t entries, Error **errp)
{
    uint64_t end = s->log->node->length >> s->sector_bits;
    uint8_t entry[ENTRY_BYTES];

    for (; s->entries < entries; s->entries++) {
        uint64_t sectors, flags;
        int ret = co_node_pread(s->log->node, s->next << s->sector_bits, entry, sizeof(entry));

        if (ret < 0) {
            error_set_errno(errp, -ret, "Failed to read log entry %" PRIu64, s->entries);
            return false;
        }
        flags = ld64_le(entry + 16);
        sectors = flags & LOG_DISCARD ? 0 : ld64_le(entry + 8);
        if (flags & ~(uint64_t)LOG_FLAGS || s->next >= end || sectors >= end - s->next) {
            error_set(errp, "Invalid log entry %" PRIu64, s->entries);
            return false;
        }
        s->next += 1 + sectors;
    }
    return true;
}

static bool co_append(LogState *s, Error **errp)
{
    uint8_t super[SUPER_BYTES];
    int ret = co_node_pread(s->log->node, 0, super, sizeof(super));

    if (ret < 0) {
        error_set_errno(errp, -ret, "Could not read log superblock");
        return false;
    }
    if (ld64_le(super) != LOG_MAGIC) {
        error_set(errp, "Invalid log superblock magic");
        return false;
    }
    if (ld64_le(super + 8) != LOG_VERSION) {
        error_set(errp, "Unsupported log version %" PRIu64, ld64_le(super + 8));
        return false;
    }
    return set_sector(s, ld32_le(super + 24), errp) && co_find_end(s, ld64_le(super + 16), errp);
}

static bool log_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsBlklogwrites *o = &options->u.blklogwrites;
    bool append = o->has_log_append && o->log_append;
    LogState *s = node->state;

    s->next = 1;
    s->update_interval = o->has_log_super_update_interval ? o->log_super_update_interval
                                                          : DEFAULT_INTERVAL;
    if (append && o->has_log_sector_size) {
        error_set(errp, "log-append and log-sector-size are mutually exclusive");
        return false;
    }
    if (!s->update_interval) {
        error_set(errp, "Invalid log superblock update interval 0");
        return false;
    }
    if (!append && !set_sector(s, o->has_log_sector_size ? o->log_sector_size
                                                         : BLOCK_SECTOR_SIZE, errp)) {
        return false;
    }
    if (!co_block_open_file(node, BLOCK_CHILD_FILTERED | BLOCK_CHILD_PRIMARY, o->file, errp)) {
        return false;
    }
    s->log = co_block_open_child(node, "log", BLOCK_CHILD_METADATA, o->log, errp);
    if (!s->log || (append && !co_append(s, errp))) {
        return false;
    }
    node->length = node->file->node->length;
    node->limits = node->file->node->limits;
    node->limits.request_alignment = MAX(node->limits.request_alignment, s->sector);
    return true;
}

/* Recording */

static int co_write_super(LogState *s)
{
    g_autofree uint8_t *super = g_malloc0(s->sector);
    int ret;

    st64_le(super, LOG_MAGIC);
    st64_le(super + 8, LOG_VERSION);
    st64_le(super + 16, s->entries);
    st32_le(super + 24, s->sector);
    ret = co_node_pwrite(s->log->node, 0, super, s->sector);
    return ret ? ret : co_node_flush(s->log->node);
}

/*
 * An entry, before what it tells of is done. iov may be NULL: no data, but
 * for zeroes bytes of zeroes.
 */
static int co_record(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                     unsigned niov, int64_t zeroes, unsigned flags)
{
    LogState *s = node->state;
    g_autofree uint8_t *entry = g_malloc0(s->sector);
    uint64_t at = s->next, data = (iov ? bytes : zeroes) >> s->sector_bits;
    bool super = flags & LOG_FLUSH || (s->entries + 1) % s->update_interval == 0;
    IoVec all = {};
    int ret;

    st64_le(entry, offset >> s->sector_bits);
    st64_le(entry + 8, bytes >> s->sector_bits);
    st64_le(entry + 16, flags);
    /* Its place is taken before others can run. */
    s->next += 1 + data;
    s->entries++;
    if (at > (uint64_t)BLOCK_LENGTH_MAX >> s->sector_bits) {
        return -EFBIG;
    }
    iovec_add(&all, entry, s->sector);
    if (iov) {
        iovec_add_slice(&all, iov, niov, 0, bytes);
    }
    ret = co_node_pwritev(s->log->node, at << s->sector_bits, all.size, all.iov, all.n, 0);
    iovec_free(&all);
    if (!ret && zeroes) {
        ret = co_node_pwrite_zeroes(s->log->node, (at + 1) << s->sector_bits, zeroes, 0);
    }
    return !ret && super ? co_write_super(s) : ret;
}

static int log_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                         const struct iovec *iov, unsigned niov)
{
    return co_node_preadv(node->file->node, offset, bytes, iov, niov);
}

static int log_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov, unsigned flags)
{
    int ret = co_record(node, offset, bytes, iov, niov, 0, flags & BLOCK_REQ_FUA ? LOG_FUA : 0);

    return ret ? ret : co_node_pwritev(node->file->node, offset, bytes, iov, niov, flags);
}

static int log_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    int ret = co_record(node, offset, bytes, NULL, 0, bytes,
                        flags & BLOCK_REQ_FUA ? LOG_FUA : 0);

    return ret ? ret : co_node_pwrite_zeroes(node->file->node, offset, bytes, flags);
}

static int log_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    int ret = co_record(node, offset, bytes, NULL, 0, 0, LOG_DISCARD);

    return ret ? ret : co_node_pdiscard(node->file->node, offset, bytes);
}

static int log_co_flush(BlockNode *node)
{
    return co_record(node, 0, 0, NULL, 0, 0, LOG_FLUSH);    /* io.c goes on to the children */
}

/* The log is not the image's: it is written whoever else has it. */
static void log_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                           uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    if (child->role & BLOCK_CHILD_METADATA) {
        *child_perm = BLOCK_PERM_CONSISTENT_READ |
                      (node->read_only ? 0 : BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE);
        *child_shared = BLOCK_PERM_CONSISTENT_READ;
    } else {
        *child_perm = perm;
        *child_shared = shared;
    }
}

static int64_t log_co_allocated_size(BlockNode *node)
{
    return co_node_allocated_size(node->file->node);
}

static const char *const strong_options[] = { "log-append", "log-sector-size", NULL };

static const BlockDriver blklogwrites_driver = {
    .name = "blklogwrites", .desc = "writes are recorded in a log, for tests",
    .size = sizeof(LogState), .filter = true, .grows = true, .handles_fua = true,
    .co_open = log_co_open, .child_perm = log_child_perm, .co_preadv = log_co_preadv,
    .co_pwritev = log_co_pwritev, .co_pwrite_zeroes = log_co_pwrite_zeroes,
    .co_pdiscard = log_co_pdiscard, .co_flush = log_co_flush,
    .co_allocated_size = log_co_allocated_size, .strong_options = strong_options,
};
REGISTER_BLOCK_DRIVER(blklogwrites_driver)
