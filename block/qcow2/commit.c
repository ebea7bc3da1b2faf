/* qcow2: the order in which changes reach the file, so that a crash finds nothing that dangles */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

/*
 * Changes are made in memory and written by co_qcow2_commit(), in this order:
 *
 *   1  refcount blocks. One that is too high is a leak and no damage, so
 *      they may be written at any time; they are never too low, for what is
 *      freed is uncounted only when no table on disk refers to it (step 5).
 *   2  after a flush: entries of the refcount table for new blocks. A table
 *      that moved is written whole and the header's sector then switches.
 *   3  a flush: refcounts and data of new clusters are stable. New L2 tables
 *      are zeroes on disk by now, so it does not matter whether their
 *      entries or the L1 entry that leads to them are written first.
 *   4  L2 slices, L1 entries, and the header where it changed: 512 bytes that
 *      are written whole or not at all.
 *   5  with the next flush after that, whoever asks for it: clusters that
 *      were replaced have no reference any more. When the requests that
 *      started before the change have ended too, nobody knows their place,
 *      they are uncounted, and may be used for something else.
 */

bool qcow2_metadata_dirty(const Qcow2 *s)
{
    return s->l2_cache.nr_dirty || s->l1_any_dirty || s->l1_moved || s->header_dirty;
}

static int co_flush_data(Qcow2 *s)
{
    return s->data_child != s->node->file ? co_node_flush(qcow2_data(s)) : 0;
}

/* A flush of the image file; what was written without a reference before is free after. */
static int co_barrier(Qcow2 *s)
{
    unsigned written = s->frees_written;
    int ret = co_flush_data(s);

    if (!ret) {
        block_debug_event(qcow2_file(s), "flush_to_disk");
        ret = co_node_flush(qcow2_file(s));
    }
    if (!ret) {
        s->frees_stable = MAX(s->frees_stable, written);
    }
    return ret;
}

/* The sectors of a table that changed. */
static int co_write_touched(Qcow2 *s, uint64_t offset, const uint64_t *table, uint32_t entries,
                            uint8_t *touched)
{
    uint32_t per_sector = QCOW2_SECTOR / 8, sectors = (entries + per_sector - 1) / per_sector;
    int ret = 0;

    for (uint32_t i = 0; i < sectors && !ret; i++) {
        uint32_t first = i, from = i * per_sector;

        if (!touched[i]) {
            continue;
        }
        while (i + 1 < sectors && touched[i + 1]) {
            i++;
        }
        ret = co_qcow2_write_table(s, offset + (uint64_t)from * 8, table + from,
                                   MIN(entries, (i + 1) * per_sector) - from);
        if (!ret) {
            memset(touched + first, 0, i + 1 - first);
        }
    }
    return ret;
}

static int co_commit_reftable(Qcow2 *s)
{
    int ret;

    if (!s->reftable_any_dirty && !s->reftable_moved) {
        return 0;
    }
    ret = co_barrier(s);
    if (ret) {
        return ret;
    }
    if (!s->reftable_moved) {
        ret = co_write_touched(s, s->reftable_offset, s->reftable, s->reftable_entries,
                               s->reftable_dirty);
        s->reftable_any_dirty = ret;
        s->barrier = true;
        return ret;
    }
    ret = co_qcow2_write_table(s, s->reftable_offset, s->reftable, s->reftable_entries);
    if (!ret) {
        ret = co_barrier(s);
    }
    if (!ret) {
        s->h.reftable_offset = s->reftable_offset;
        s->h.reftable_clusters = s->reftable_clusters;
        ret = co_qcow2_header_write(s);
    }
    if (!ret) {
        memset(s->reftable_dirty, 0, s->reftable_entries / (QCOW2_SECTOR / 8) + 1);
        s->reftable_any_dirty = s->reftable_moved = false;
        s->barrier = true;
    }
    return ret;
}

/* All that is allocated is within the file, written to or not. */
static int co_extend_file(Qcow2 *s)
{
    if (qcow2_file(s)->length >= (int64_t)s->end_offset) {
        return 0;
    }
    return co_node_truncate(qcow2_file(s), s->end_offset, false, PREALLOC_MODE_OFF,
                            BLOCK_REQ_GROW_ONLY, NULL)
               ? 0 : -EIO;
}

static int co_commit_l1(Qcow2 *s)
{
    int ret = 0;

    if (s->l1_moved) {
        s->h.l1_offset = s->l1_offset;
        s->h.l1_entries = s->l1_entries;
        s->header_dirty = true;
    } else if (s->l1_any_dirty) {
        block_debug_event(qcow2_file(s), "l1_update");
        ret = co_write_touched(s, s->l1_offset, s->l1, s->l1_entries, s->l1_dirty);
        s->l1_any_dirty = ret;
    }
    if (!ret && s->header_dirty) {
        ret = co_qcow2_header_write(s);
        s->l1_unsure = ret && s->l1_moved;
        if (!ret) {
            s->header_dirty = s->l1_moved = false;
        }
    }
    return ret;
}

int co_qcow2_commit(Qcow2 *s)
{
    unsigned frees = s->frees->len;
    int ret = s->broken ? -EIO : 0;     /* what the file says is not known any more */

    if (ret) {
        return ret;
    }
    if (s->lazy && qcow2_metadata_dirty(s) && !(s->h.incompatible & QCOW2_INCOMPAT_DIRTY)) {
        ret = co_qcow2_set_incompatible(s, QCOW2_INCOMPAT_DIRTY, true);
    }
    if (!s->lazy) {
        ret = co_qcow2_cache_write(s, &s->refcount_cache);
        if (!ret) {
            ret = co_commit_reftable(s);
        }
    }
    if (!ret) {
        ret = co_extend_file(s);
    }
    if (ret || !qcow2_metadata_dirty(s)) {
        return ret;
    }
    if (s->l1_moved && s->l1_unsure) {
        /* The header may lead there already: what it will refer to comes first, as ever. */
        ret = co_barrier(s);
    }
    if (s->l1_moved && !ret) {
        ret = co_qcow2_write_table(s, s->l1_offset, s->l1, s->l1_entries);
        memset(s->l1_dirty, 0, s->l1_entries / (QCOW2_SECTOR / 8) + 1);
        s->l1_any_dirty = false;
        s->barrier = true;
    }
    if (!ret && s->barrier) {
        ret = co_barrier(s);
    }
    if (!ret) {
        s->barrier = false;
        ret = co_qcow2_cache_write(s, &s->l2_cache);
    }
    if (!ret) {
        ret = co_commit_l1(s);
    }
    if (!ret) {
        s->frees_written = frees;
    }
    return ret;
}

int co_qcow2_flush(Qcow2 *s)
{
    int ret = co_qcow2_commit(s);

    if (!ret) {
        ret = co_barrier(s);
    }
    if (!ret) {
        co_qcow2_apply_frees(s);
    }
    return ret;
}

int co_qcow2_settle_file(Qcow2 *s)
{
    int ret = s->settled ? 0 : co_flush_data(s);

    if (!ret && !s->settled) {
        ret = co_node_flush(qcow2_file(s));
    }
    s->settled |= !ret;
    return ret;
}

int co_qcow2_settle(Qcow2 *s)
{
    bool lazy = s->lazy;
    int ret;

    s->lazy = false;
    ret = co_qcow2_flush(s);
    if (!ret) {
        ret = co_qcow2_flush(s);        /* the refcounts of what became free */
    }
    s->lazy = lazy;
    if (!ret && s->h.incompatible & QCOW2_INCOMPAT_DIRTY) {
        ret = co_qcow2_set_incompatible(s, QCOW2_INCOMPAT_DIRTY, false);
    }
    return ret;
}

void qcow2_free_later(Qcow2 *s, uint64_t offset, uint64_t bytes, Qcow2Discard why)
{
    Qcow2Free *last = s->frees->len ? &g_array_index(s->frees, Qcow2Free, s->frees->len - 1)
                                    : NULL;
    Qcow2Free new = { offset, bytes, s->next_seq, why };

    if (last && s->frees->len > s->frees_written && last->why == why &&
        last->offset + last->bytes == offset &&
        !((offset | last->offset) & (s->cluster_bytes - 1))) {
        last->bytes += bytes;
        last->seq = new.seq;
        return;
    }
    g_array_append_val(s->frees, new);
}

static void co_uncount(Qcow2 *s, const Qcow2Free *f)
{
    uint64_t first = f->offset >> s->cluster_bits;
    uint64_t end = ((f->offset + f->bytes - 1) >> s->cluster_bits) + 1, count;

    for (; s->discard_passes[f->why] && first < end; first++) {
        if (!co_qcow2_refcount(s, first, &count) && count == 1) {
            co_node_pdiscard(qcow2_file(s), first << s->cluster_bits, s->cluster_bytes);
        }
    }
    /* What cannot be uncounted stays leaked. */
    co_qcow2_refcount_add(s, f->offset, f->bytes, -1);
}

void co_qcow2_apply_frees(Qcow2 *s)
{
    Qcow2Request *oldest = list_first(&s->requests, Qcow2Request, link);
    unsigned n = 0;

    while (n < s->frees_stable) {
        Qcow2Free f = g_array_index(s->frees, Qcow2Free, n);

        if (oldest && oldest->seq < f.seq) {
            break;
        }
        n++;
        co_uncount(s, &f);
    }
    if (n) {
        g_array_remove_range(s->frees, 0, n);
        s->frees_written -= n;
        s->frees_stable -= n;
    }
}

void co_qcow2_request_begin(Qcow2 *s, Qcow2Request *r)
{
    while (s->quiesce) {
        co_queue_wait(&s->quiesced, NULL);
    }
    r->seq = s->next_seq++;
    list_append(&s->requests, &r->link);
}

void qcow2_request_end(Qcow2 *s, Qcow2Request *r)
{
    list_remove(&r->link);
    if (list_empty(&s->requests)) {
        co_queue_wake_all(&s->idle);
    }
}

void co_qcow2_quiesce(Qcow2 *s)
{
    s->quiesce++;
    while (!list_empty(&s->requests)) {
        co_queue_wait(&s->idle, NULL);
    }
}

int co_qcow2_quiesce_to_write(Qcow2 *s)
{
    Qcow2Request r;
    int ret = co_qcow2_write_request(s, &r);

    if (!ret) {
        qcow2_request_end(s, &r);
        co_qcow2_quiesce(s);
    }
    return ret;
}

void qcow2_resume(Qcow2 *s)
{
    if (!--s->quiesce) {
        co_queue_wake_all(&s->quiesced);
    }
}
