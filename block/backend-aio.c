/* The callback face for devices: a coroutine per request, its end told from the main loop */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/backend-int.h"
#include "block/drain.h"
#include "util/iov.h"

typedef enum RequestKind {
    REQUEST_READ,
    REQUEST_WRITE,
    REQUEST_ZEROES,
    REQUEST_DISCARD,
    REQUEST_FLUSH,
} RequestKind;

typedef struct Request {
    BlockBackend *blk;
    BlockNode *node;        /* referenced while it runs; NULL: there is no medium */
    RequestKind kind;
    int64_t offset, bytes;
    unsigned flags;
    BlkDone *fn;
    void *opaque;
    int ret;
    bool submitting;        /* the device's call has not returned yet */
    BlockAcct acct;
    unsigned niov;
    struct iovec iov[];
} Request;

static const BlockAcctKind acct_kinds[] = {
    [REQUEST_READ] = BLOCK_ACCT_READ,
    [REQUEST_WRITE] = BLOCK_ACCT_WRITE,
    [REQUEST_ZEROES] = BLOCK_ACCT_WRITE,
    [REQUEST_DISCARD] = BLOCK_ACCT_UNMAP,
    [REQUEST_FLUSH] = BLOCK_ACCT_FLUSH,
};

static void finish(void *opaque)
{
    Request *r = opaque;

    r->blk->in_flight--;
    r->fn(r->opaque, r->ret);
    blk_unref(r->blk);
    g_free(r);
}

static int co_request(Request *r)
{
    switch (r->kind) {
    case REQUEST_READ:
        return co_node_preadv(r->node, r->offset, r->bytes, r->iov, r->niov);
    case REQUEST_WRITE:
        return co_node_pwritev(r->node, r->offset, r->bytes, r->iov, r->niov, r->flags);
    case REQUEST_ZEROES:
        return co_node_pwrite_zeroes(r->node, r->offset, r->bytes, r->flags);
    case REQUEST_DISCARD:
        return co_node_pdiscard(r->node, r->offset, r->bytes);
    case REQUEST_FLUSH:
        return co_node_flush(r->node);
    }
    return -EINVAL;
}

static bool out_of_bounds(const Request *r)
{
    int64_t length = r->node->length;

    return r->kind != REQUEST_FLUSH && (r->offset < 0 || r->bytes < 0 || r->offset > length ||
                                        r->bytes > length - r->offset);
}

/* Once, when no drained section is in the way. */
static int co_attempt(Request *r)
{
    BlockBackend *blk = r->blk;
    int ret;

    while (blk->quiesced) {
        co_queue_wait(&blk->held, NULL);
    }
    r->node = blk_node(blk);
    if (!r->node) {
        return -ENOMEDIUM;
    }
    if (out_of_bounds(r)) {
        block_acct_invalid(&blk->stats, acct_kinds[r->kind]);
        return -EIO;
    }
    block_node_ref(r->node);
    blk->running++;
    ret = co_request(r);
    if (!--blk->running && blk->quiesced) {
        block_drain_kick();
    }
    block_node_unref(r->node);
    return ret;
}

/* Until the guest goes on; false: the device does not want it any more. */
static bool co_park(BlockBackend *blk)
{
    bool goes_on;

    blk->nr_parked++;
    co_queue_wait(&blk->parked, NULL);
    goes_on = !blk->cancel_parked;
    if (!--blk->nr_parked) {
        blk->cancel_parked = false;
    }
    return goes_on;
}

static void co_entry(void *opaque)
{
    Request *r = opaque;
    BlockBackend *blk = r->blk;
    bool is_write = r->kind != REQUEST_READ;

    if (blk->throttle && r->bytes) {
        co_throttle(blk->throttle, is_write, r->bytes);
    }
    block_acct_start(&r->acct, acct_kinds[r->kind], r->bytes);
    while ((r->ret = co_attempt(r)) < 0 && r->ret != -ENOMEDIUM) {
        block_acct_failed(&blk->stats, &r->acct);
        if (!blk_request_failed(blk, is_write, &r->ret)) {
            break;
        }
        if (!co_park(blk)) {
            r->ret = -ECANCELED;
            break;
        }
        block_acct_start(&r->acct, acct_kinds[r->kind], r->bytes);
    }
    if (!r->ret) {
        block_acct_done(&blk->stats, &r->acct);
    }
    if (r->submitting) {
        loop_post(loop_main(), finish, r);
    } else {
        finish(r);
    }
}

static void submit(BlockBackend *blk, RequestKind kind, int64_t offset, int64_t bytes,
                   const struct iovec *iov, unsigned niov, unsigned flags, BlkDone *fn,
                   void *opaque)
{
    Request *r = g_malloc0(sizeof(Request) + niov * sizeof(struct iovec));

    r->blk = blk;
    r->kind = kind;
    r->offset = offset;
    r->bytes = bytes;
    r->flags = flags;
    r->fn = fn;
    r->opaque = opaque;
    r->niov = niov;
    r->submitting = true;
    if (niov) {
        memcpy(r->iov, iov, niov * sizeof(*iov));
    }
    blk_ref(blk);
    blk->in_flight++;
    /*
     * Under the VM lock this thread is as good as the main loop's own, where
     * the coroutine goes on after its first wait.
     */
    co_enter(co_create(co_entry, r));
    r->submitting = false;      /* the request lives on: its end is posted or yet to come */
}

void blk_aio_preadv(BlockBackend *blk, int64_t offset, const struct iovec *iov, unsigned niov,
                    BlkDone *fn, void *opaque)
{
    submit(blk, REQUEST_READ, offset, iov_size(iov, niov), iov, niov, 0, fn, opaque);
}

static unsigned write_flags(const BlockBackend *blk, unsigned flags)
{
    return blk->write_cache ? flags : flags | BLK_FUA;
}

void blk_aio_pwritev(BlockBackend *blk, int64_t offset, const struct iovec *iov, unsigned niov,
                     unsigned flags, BlkDone *fn, void *opaque)
{
    submit(blk, REQUEST_WRITE, offset, iov_size(iov, niov), iov, niov, write_flags(blk, flags),
           fn, opaque);
}

void blk_aio_pwrite_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes, unsigned flags,
                           BlkDone *fn, void *opaque)
{
    submit(blk, REQUEST_ZEROES, offset, bytes, NULL, 0, write_flags(blk, flags), fn, opaque);
}

void blk_aio_pdiscard(BlockBackend *blk, int64_t offset, int64_t bytes, BlkDone *fn,
                      void *opaque)
{
    submit(blk, REQUEST_DISCARD, offset, bytes, NULL, 0, 0, fn, opaque);
}

void blk_aio_flush(BlockBackend *blk, BlkDone *fn, void *opaque)
{
    submit(blk, REQUEST_FLUSH, 0, 0, NULL, 0, 0, fn, opaque);
}

unsigned blk_in_flight(const BlockBackend *blk)
{
    return blk->in_flight;
}
