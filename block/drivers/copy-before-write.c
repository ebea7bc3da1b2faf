/* copy-before-write: a filter that saves what is about to be overwritten in another node */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drivers/copy-before-write.h"

#include "block/dirty-bitmap.h"
#include "block/drain.h"
#include "util/clock.h"
#include "util/iov.h"

enum {
    MIN_CLUSTER = 65536,
};

typedef struct CbwState {
    BlockChild *target;
    int64_t length, cluster;
    HBitmap *todo;              /* bytes: to be copied before they are written */
    HBitmap *kept;              /* what snapshot-access may read */
    bool break_snapshot;        /* a copy that fails is the snapshot's end, not the guest's error */
    bool broken;                /* that has happened */
    int64_t timeout_ns;         /* for each copy; 0: any */
    List busy;                  /* of Range: being copied, or read as they were */
} CbwState;

/* Nobody overwrites it meanwhile. */
typedef struct Range {
    int64_t offset, end;
    CoQueue done;
    ListLink link;
} Range;

/* A copy that goes on by itself where the guest does not wait for it any more. */
typedef struct Copy {
    BlockNode *node;
    Range range;
    int ret;
    bool finished, late;
    unsigned refs;
    CoQueue done;
    Timer timer;
} Copy;

/* Ranges */

static void range_begin(CbwState *s, Range *r, int64_t offset, int64_t bytes)
{
    r->offset = offset;
    r->end = offset + bytes;
    co_queue_init(&r->done);
    list_append(&s->busy, &r->link);
}

static void range_end(Range *r)
{
    list_remove(&r->link);
    co_queue_wake_all(&r->done);
}

static Range *find_range(CbwState *s, int64_t offset, int64_t bytes)
{
    Range *r;

    list_for_each(r, &s->busy, Range, link) {
        if (r->offset < offset + bytes && offset < r->end) {
            return r;
        }
    }
    return NULL;
}

/* Copying */

static int co_copy_range(BlockNode *node, int64_t offset, int64_t bytes)
{
    CbwState *s = node->state;
    BlockNode *source = node->file->node;
    void *buf;
    int ret;

    if (co_node_is_zero(source, offset, bytes) > 0) {
        return co_node_pwrite_zeroes(s->target->node, offset, bytes, BLOCK_REQ_MAY_UNMAP);
    }
    buf = block_try_alloc(bytes);
    ret = buf ? co_node_pread(source, offset, buf, bytes) : -ENOMEM;
    if (!ret) {
        ret = co_node_pwrite(s->target->node, offset, buf, bytes);
    }
    free(buf);
    return ret;
}

static void copy_unref(Copy *c)
{
    if (!--c->refs) {
        timer_disarm(&c->timer);
        g_free(c);
    }
}

static void copy_late(void *opaque)
{
    Copy *c = opaque;

    c->late = true;
    co_queue_wake_all(&c->done);
}

static void co_copy(void *opaque)
{
    Copy *c = opaque;
    BlockNode *node = c->node;
    CbwState *s = node->state;

    c->ret = co_copy_range(node, c->range.offset, c->range.end - c->range.offset);
    if (c->ret) {
        hbitmap_set(s->todo, c->range.offset, c->range.end - c->range.offset);
    }
    c->finished = true;
    range_end(&c->range);
    co_queue_wake_all(&c->done);
    copy_unref(c);
    node->in_flight--;
    block_drain_kick();
}

/* One run of clusters that nobody is busy with; it is not to do any more unless that fails. */
static int co_copy_in_time(BlockNode *node, int64_t offset, int64_t bytes)
{
    CbwState *s = node->state;
    Copy *c = g_new0(Copy, 1);
    int ret;

    c->node = node;
    c->refs = 2;
    co_queue_init(&c->done);
    timer_init(&c->timer, CLOCK_TYPE_REALTIME, copy_late, c);
    range_begin(s, &c->range, offset, bytes);
    hbitmap_reset(s->todo, offset, bytes);
    node->in_flight++;
    if (s->timeout_ns) {
        timer_arm(&c->timer, clock_ns(CLOCK_TYPE_REALTIME) + s->timeout_ns);
    }
    co_enter(co_create(co_copy, c));
    while (!c->finished && !c->late) {
        co_queue_wait(&c->done, NULL);
    }
    ret = c->finished ? c->ret : -ETIMEDOUT;
    copy_unref(c);
    return ret;
}

/* What a write of the range must wait for. */
static int co_before_write(BlockNode *node, int64_t offset, int64_t bytes)
{
    CbwState *s = node->state;
    int64_t first = ROUND_DOWN(offset, s->cluster);
    int64_t end = MIN(ROUND_UP(offset + bytes, s->cluster), s->length), at;
    uint64_t start, count;
    int ret = 0;
    Range *r;

    while (first < end && !s->broken && !ret) {
        r = find_range(s, first, end - first);
        if (r) {
            co_queue_wait(&r->done, NULL);
            continue;
        }
        if (!hbitmap_next_dirty_area(s->todo, first, end, 1 << 20, &start, &count)) {
            break;
        }
        at = start;
        ret = co_copy_in_time(node, at, MIN((int64_t)count, s->length - at));
    }
    if (ret && s->break_snapshot) {
        if (!s->broken) {
            report_warning("block node '%s': the snapshot is broken: %s", node->name,
                           g_strerror(-ret));
        }
        s->broken = true;
        ret = 0;
    }
    return ret;
}

/* The past */

bool block_is_cbw(const BlockNode *node)
{
    return node->driver->co_open && !strcmp(node->driver->name, "copy-before-write");
}

/* Where offset is kept: how much of bytes is in *from. */
static int where_kept(BlockNode *node, int64_t offset, int64_t bytes, int64_t *n,
                      BlockNode **from)
{
    CbwState *s = node->state;
    int64_t next;
    bool todo;

    if (s->broken || offset + bytes > s->length ||
        hbitmap_next_zero(s->kept, offset, bytes) >= 0) {
        return -EACCES;
    }
    todo = hbitmap_get(s->todo, offset);
    next = todo ? hbitmap_next_zero(s->todo, offset, bytes)
                : hbitmap_next_dirty(s->todo, offset, bytes);
    *n = next < 0 ? bytes : next - offset;
    *from = todo ? node->file->node : s->target->node;
    return 0;
}

/* Until no copy of it is under way: it is in one place then. */
static void co_wait_copies(CbwState *s, int64_t offset, int64_t bytes)
{
    Range *r;

    while ((r = find_range(s, offset, bytes))) {
        co_queue_wait(&r->done, NULL);
    }
}

int co_cbw_read_past(BlockNode *node, int64_t offset, int64_t bytes, const struct iovec *iov,
                     unsigned niov)
{
    CbwState *s = node->state;
    int64_t done = 0, n;
    BlockNode *from;
    int ret = 0;

    for (; done < bytes && !ret; done += n) {
        IoVec part = {};
        Range reading;

        co_wait_copies(s, offset + done, bytes - done);
        ret = where_kept(node, offset + done, bytes - done, &n, &from);
        if (ret) {
            break;
        }
        range_begin(s, &reading, offset + done, n);
        iovec_add_slice(&part, iov, niov, done, n);
        ret = co_node_preadv(from, offset + done, n, part.iov, part.n);
        iovec_free(&part);
        range_end(&reading);
    }
    return !ret && s->broken ? -EACCES : ret;
}

int co_cbw_past_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                       int64_t *pnum, int64_t *map, BlockNode **file)
{
    CbwState *s = node->state;
    BlockNode *from;
    int64_t n;
    int ret;

    *file = NULL;
    co_wait_copies(s, offset, bytes);
    ret = where_kept(node, offset, bytes, &n, &from);
    if (ret) {
        /* A part of it may still be readable. */
        n = hbitmap_next_zero(s->kept, offset, bytes);
        if (s->broken || n <= offset || offset + bytes > s->length) {
            *pnum = bytes;
            return s->broken ? -EACCES : BLOCK_DATA;
        }
        ret = where_kept(node, offset, n - offset, &n, &from);
    }
    if (ret) {
        return ret;
    }
    ret = co_node_block_status_above(from, NULL, want_zero, offset, n, pnum, map, file);
    if (*pnum <= 0) {
        *pnum = n;
        ret = BLOCK_ZERO | BLOCK_ALLOCATED;
    }
    *file = NULL;
    return ret < 0 ? ret : (ret & BLOCK_ZERO) | BLOCK_DATA * !(ret & BLOCK_ZERO) |
                           BLOCK_ALLOCATED;
}

int co_cbw_forget(BlockNode *node, int64_t offset, int64_t bytes)
{
    CbwState *s = node->state;
    int64_t first = ROUND_UP(offset, s->cluster), end = offset + bytes;

    end = end >= s->length ? s->length : ROUND_DOWN(end, s->cluster);
    if (first >= end) {
        return 0;
    }
    co_wait_copies(s, first, end - first);
    hbitmap_reset(s->kept, first, end - first);
    hbitmap_reset(s->todo, first, end - first);
    return co_node_pdiscard(s->target->node, first, end - first);
}

/* Requests */

static int cbw_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                         const struct iovec *iov, unsigned niov)
{
    return co_node_preadv(node->file->node, offset, bytes, iov, niov);
}

static int cbw_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov, unsigned flags)
{
    int ret = co_before_write(node, offset, bytes);

    return ret ? ret : co_node_pwritev(node->file->node, offset, bytes, iov, niov, flags);
}

static int cbw_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    int ret = co_before_write(node, offset, bytes);

    return ret ? ret : co_node_pwrite_zeroes(node->file->node, offset, bytes, flags);
}

static int cbw_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    int ret = co_before_write(node, offset, bytes);

    return ret ? ret : co_node_pdiscard(node->file->node, offset, bytes);
}

/* The past is of use as long as the program runs: the guest does not wait for it. */
static int cbw_co_flush(BlockNode *node)
{
    return node->file ? co_node_flush(node->file->node) : 0;
}

static int64_t cbw_co_allocated_size(BlockNode *node)
{
    return co_node_allocated_size(node->file->node);
}

/* Opening */

/* Once somebody uses it nobody else may write to the source, and the target is ours. */
static void cbw_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                           uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    if (child->role & BLOCK_CHILD_FILTERED) {
        *child_perm = perm | BLOCK_PERM_CONSISTENT_READ;
        *child_shared = shared;
        if (perm & BLOCK_PERM_WRITE) {
            *child_shared &= ~(BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE);
        }
    } else {
        *child_perm = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE;
        *child_shared = BLOCK_PERM_ALL & ~BLOCK_PERM_RESIZE;
    }
}

static bool set_bitmaps(BlockNode *node, const BlockdevOptionsCbw *o, Error **errp)
{
    CbwState *s = node->state;
    BlockDirtyBitmap *bitmap;
    BlockNode *owner;
    int64_t at = 0, offset, bytes;

    s->todo = hbitmap_new(s->length, __builtin_ctzll(s->cluster));
    s->kept = hbitmap_new(s->length, __builtin_ctzll(s->cluster));
    if (!s->todo || !s->kept) {
        error_set(errp, "No memory for the bitmaps of '%s'", node->name);
        return false;
    }
    if (!o->bitmap) {
        hbitmap_set(s->todo, 0, s->length);
        hbitmap_set(s->kept, 0, s->length);
        return true;
    }
    owner = block_node_find(o->bitmap->node);
    bitmap = owner ? block_dirty_bitmap_find(owner, o->bitmap->name) : NULL;
    if (!bitmap) {
        error_set(errp, owner ? "Dirty bitmap '%s' not found"
                              : "Cannot find device='%s' nor node-name", owner ? o->bitmap->name
                                                                              : o->bitmap->node);
        return false;
    }
    if (owner->length != s->length) {
        error_set(errp, "Bitmap '%s' is of a node of another length", o->bitmap->name);
        return false;
    }
    if (!block_dirty_bitmap_check(bitmap, BLOCK_BITMAP_ALLOW_RO, errp)) {
        return false;
    }
    for (; block_dirty_bitmap_next_area(bitmap, at, s->length, s->length, &offset, &bytes);
         at = offset + bytes) {
        hbitmap_set(s->todo, offset, bytes);
        hbitmap_set(s->kept, offset, bytes);
    }
    return true;
}

static void cbw_free(CbwState *s)
{
    hbitmap_free(s->todo);
    hbitmap_free(s->kept);
}

static bool cbw_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsCbw *o = &options->u.copy_before_write;
    CbwState *s = node->state;
    BlockDriverInfo info;

    list_init(&s->busy);
    if (!co_block_open_file(node, BLOCK_CHILD_FILTERED | BLOCK_CHILD_PRIMARY, o->file, errp)) {
        return false;
    }
    s->target = co_block_open_child(node, "target", BLOCK_CHILD_DATA, o->target, errp);
    if (!s->target) {
        return false;
    }
    node->length = s->length = node->file->node->length;
    node->limits = node->file->node->limits;
    if (s->target->node->length < s->length) {
        error_set(errp, "The target '%s' of '%s' is shorter than its source",
                  s->target->node->name, node->name);
        return false;
    }
    s->cluster = block_get_info(s->target->node, &info) ? MAX(info.cluster_size, MIN_CLUSTER)
                                                        : MIN_CLUSTER;
    s->break_snapshot = o->has_on_cbw_error && o->on_cbw_error == ON_CBW_ERROR_BREAK_SNAPSHOT;
    s->timeout_ns = o->has_cbw_timeout ? o->cbw_timeout * NS_PER_SECOND : 0;
    if (!set_bitmaps(node, o, errp)) {
        cbw_free(s);
        return false;
    }
    return true;
}

static void cbw_co_close(BlockNode *node)
{
    cbw_free(node->state);
}

static const BlockDriver cbw_driver = {
    .name = "copy-before-write", .desc = "what is about to be overwritten is saved",
    .size = sizeof(CbwState), .filter = true, .handles_fua = true,
    .co_open = cbw_co_open, .co_close = cbw_co_close, .child_perm = cbw_child_perm,
    .co_preadv = cbw_co_preadv, .co_pwritev = cbw_co_pwritev,
    .co_pwrite_zeroes = cbw_co_pwrite_zeroes, .co_pdiscard = cbw_co_pdiscard,
    .co_flush = cbw_co_flush, .flushes_children = true,
    .co_allocated_size = cbw_co_allocated_size,
};
REGISTER_BLOCK_DRIVER(cbw_driver)
