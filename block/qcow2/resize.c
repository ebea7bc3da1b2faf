/* qcow2: make the disk longer or shorter, allocate beforehand, and drop all data */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

int co_qcow2_used_end(Qcow2 *s, uint64_t *end)
{
    uint64_t per_block = 1ULL << s->refblock_bits, count;

    *end = s->cluster_bytes;
    for (uint64_t i = s->reftable_entries; i-- > 0;) {
        if (!s->reftable[i]) {
            continue;
        }
        for (uint64_t c = (i + 1) * per_block; c-- > i * per_block;) {
            int ret = co_qcow2_refcount(s, c, &count);

            if (ret) {
                return ret;
            }
            if (count) {
                *end = (c + 1) << s->cluster_bits;
                return 0;
            }
        }
    }
    return 0;
}

/* Host clusters for all of [offset, end) that has none. With the lock held. */
static int co_preallocate(Qcow2 *s, uint64_t offset, uint64_t end)
{
    int ret = 0;

    while (offset < end && !ret) {
        uint64_t n = qcow2_clusters(s, end - offset), host = offset, i = 0;
        Qcow2L2 l2;

        ret = co_qcow2_l2_get_own(s, offset, &l2);
        if (ret) {
            break;
        }
        n = MIN(n, qcow2_l2_left(s, &l2));
        while (i < n && !qcow2_l2_entry(s, &l2, i) && !qcow2_l2_bitmap(s, &l2, i)) {
            i++;
        }
        n = i ? i : 1;
        if (i && !s->has_data_file) {
            ret = co_qcow2_alloc_some(s, &n, &host);
            if (!ret && !s->took_fresh) {
                ret = co_node_pwrite_zeroes(qcow2_file(s), host, n << s->cluster_bits, 0);
            }
        }
        for (uint64_t k = 0; !ret && i && k < n; k++) {
            qcow2_l2_set(s, &l2, k, (host + (k << s->cluster_bits)) | QCOW2_COPIED, 0);
        }
        qcow2_cache_put(l2.slice);
        offset += n << s->cluster_bits;
    }
    return ret;
}

static bool co_grow_storage(Qcow2 *s, uint64_t old, uint64_t length, bool exact,
                            PreallocMode prealloc, Error **errp)
{
    PreallocMode file_mode = prealloc == PREALLOC_MODE_METADATA ? PREALLOC_MODE_OFF : prealloc;
    uint64_t end;
    int ret;

    if (s->has_data_file) {
        if (qcow2_data(s)->length < (int64_t)length &&
            !co_node_truncate(qcow2_data(s), length, false, file_mode, 0, errp)) {
            return false;
        }
        if (s->raw_data_file && prealloc == PREALLOC_MODE_OFF) {
            prealloc = PREALLOC_MODE_METADATA;
        }
    }
    if (prealloc == PREALLOC_MODE_OFF) {
        return true;
    }
    ret = co_preallocate(s, qcow2_cluster_up(s, old), length);
    if (ret) {
        error_set_errno(errp, -ret, "Could not preallocate the image");
        return false;
    }
    s->metadata_preallocated |= prealloc == PREALLOC_MODE_METADATA;
    end = s->end_offset;
    return s->has_data_file || file_mode == PREALLOC_MODE_OFF ||
           co_node_truncate(qcow2_file(s), end, false, file_mode, BLOCK_REQ_GROW_ONLY, errp);
}

static bool co_grow(Qcow2 *s, uint64_t length, bool exact, PreallocMode prealloc, Error **errp)
{
    uint64_t old = s->size;
    int ret = co_qcow2_l1_grow(s, qcow2_l1_needed(s, length));

    if (ret) {
        error_set_errno(errp, -ret, "Failed to grow the L1 table");
        return false;
    }
    if (!co_grow_storage(s, old, length, exact, prealloc, errp)) {
        return false;
    }
    /* The zeroes behind the old end are stable before anybody can see them. */
    ret = co_qcow2_flush(s);
    if (!ret) {
        s->h.size = length;
        s->header_dirty = true;
        ret = co_qcow2_flush(s);
    }
    if (ret) {
        s->h.size = old;
        error_set_errno(errp, -ret, "Failed to update the image size");
        return false;
    }
    return true;
}

/* L2 tables behind the new end are empty by now: forget them. */
static void drop_tables(Qcow2 *s, uint64_t length)
{
    for (uint64_t i = qcow2_l1_needed(s, length); i < s->l1_entries; i++) {
        uint64_t table = s->l1[i] & QCOW2_OFFSET_MASK;

        if (!table) {
            continue;
        }
        qcow2_cache_drop(&s->l2_cache, table, s->cluster_bytes);
        qcow2_meta_clear(s, table, s->cluster_bytes);
        qcow2_free_later(s, table, s->cluster_bytes, QCOW2_DISCARD_ALWAYS);
        s->l1[i] = 0;
        s->l1_dirty[i / (QCOW2_SECTOR / 8)] = 1;
        s->l1_any_dirty = true;
    }
}

static bool co_shrink_file(Qcow2 *s, Error **errp)
{
    uint64_t end;
    int ret = co_qcow2_used_end(s, &end);

    if (ret) {
        error_set_errno(errp, -ret, "Failed to find the end of the image");
        return false;
    }
    if (!s->file_grows || (int64_t)end >= qcow2_file(s)->length) {
        return true;
    }
    s->end_offset = MIN(s->end_offset, end);
    return co_node_truncate(qcow2_file(s), end, false, PREALLOC_MODE_OFF, 0, errp);
}

/* The data behind the end is unlinked already; requests wait meanwhile. */
static bool co_shrink(Qcow2 *s, uint64_t length, Error **errp)
{
    uint64_t old = s->size;
    int ret;

    drop_tables(s, length);
    s->h.size = length;
    s->header_dirty = true;
    ret = co_qcow2_flush(s);
    if (!ret) {
        ret = co_qcow2_flush(s);
    }
    if (ret) {
        s->h.size = old;
        error_set_errno(errp, -ret, "Failed to update the image size");
        return false;
    }
    if (s->has_data_file &&
        !co_node_truncate(qcow2_data(s), length, false, PREALLOC_MODE_OFF, 0, errp)) {
        return false;
    }
    return co_shrink_file(s, errp);
}

static bool co_check_resize(Qcow2 *s, uint64_t length, PreallocMode prealloc, Error **errp)
{
    if (length % BLOCK_SECTOR_SIZE) {
        error_set(errp, "The new size must be a multiple of %d", BLOCK_SECTOR_SIZE);
        return false;
    }
    if (s->nr_snapshots && s->h.version < 3) {
        error_set(errp, "Can't resize a v2 image which has snapshots");
        return false;
    }
    if (length < s->size && prealloc != PREALLOC_MODE_OFF) {
        error_set(errp, "Preallocation can't be used for shrinking an image");
        return false;
    }
    if (prealloc != PREALLOC_MODE_OFF && s->node->backing && !s->extended) {
        error_set(errp, "Backing file and preallocation can only be used at the same time if "
                  "extended_l2 is enabled");
        return false;
    }
    return true;
}

/* What the last cluster holds behind the old end must not come to light. */
static int co_clear_tail(Qcow2 *s, uint64_t old)
{
    uint64_t bytes = qcow2_cluster_up(s, old) - old;
    struct iovec iov = { NULL, bytes };
    int ret = -ENOMEM;

    if (!bytes || co_qcow2_reads_zero(s, old, bytes)) {
        return 0;
    }
    iov.iov_base = block_try_alloc(bytes);
    if (iov.iov_base) {
        memset(iov.iov_base, 0, bytes);
        ret = co_qcow2_write(s, old, bytes, &iov, 1);
        free(iov.iov_base);
    }
    return ret;
}

static bool co_resize(Qcow2 *s, uint64_t length, bool exact, PreallocMode prealloc,
                      unsigned flags, Error **errp)
{
    uint64_t old = s->size;
    int ret = length > old ? co_clear_tail(s, old) : 0;
    bool ok;

    if (ret) {
        /* reported below */
    } else if (length < old) {
        ret = co_qcow2_discard_clusters(s, qcow2_cluster_up(s, length),
                                        qcow2_cluster_up(s, old) - qcow2_cluster_up(s, length),
                                        QCOW2_DISCARD_ALWAYS, true);
    } else if (flags & BLOCK_REQ_ZERO_WRITE && s->h.version < 3) {
        error_set(errp, "Version 2 has no zero flag for what the backing file shall not show");
        return false;
    } else if (flags & BLOCK_REQ_ZERO_WRITE && prealloc == PREALLOC_MODE_OFF) {
        co_mutex_lock(&s->lock);
        ret = co_qcow2_l1_grow(s, qcow2_l1_needed(s, length));
        co_mutex_unlock(&s->lock);
        if (!ret) {
            ret = co_qcow2_zero_clusters(s, qcow2_cluster_up(s, old),
                                         qcow2_cluster_up(s, length) - qcow2_cluster_up(s, old),
                                         false);
        }
    }
    if (ret) {
        error_set_errno(errp, -ret, length < old ? "Failed to discard cropped clusters"
                                                 : "Failed to zero out new clusters");
        return false;
    }
    co_mutex_lock(&s->lock);
    ok = length < old ? co_shrink(s, length, errp) : co_grow(s, length, exact, prealloc, errp);
    if (ok) {
        s->size = length;
        block_node_set_length(s->node, length);
    }
    co_mutex_unlock(&s->lock);
    return ok;
}

bool qcow2_co_truncate(BlockNode *node, int64_t length, bool exact, PreallocMode prealloc,
                       unsigned flags, Error **errp)
{
    Qcow2 *s = node->state;
    bool ok;
    int ret;

    if (!co_check_resize(s, length, prealloc, errp)) {
        return false;
    }
    ret = co_qcow2_quiesce_to_write(s);
    if (ret) {
        error_set_errno(errp, -ret, "Could not prepare '%s' for writing", node->name);
        return false;
    }
    ok = (uint64_t)length == s->size ? true
                                     : co_resize(s, length, exact, prealloc, flags, errp);
    qcow2_resume(s);
    return ok;
}

int qcow2_co_make_empty(BlockNode *node)
{
    Qcow2 *s = node->state;
    int ret;

    ret = co_qcow2_quiesce_to_write(s);
    if (ret) {
        return ret;
    }
    ret = co_qcow2_discard_clusters(s, 0, qcow2_cluster_up(s, s->size), QCOW2_DISCARD_SNAPSHOT,
                                    true);
    if (!ret) {
        co_mutex_lock(&s->lock);
        ret = co_qcow2_flush(s);
        if (!ret) {
            ret = co_qcow2_flush(s);
        }
        if (!ret && !s->nr_snapshots) {
            co_shrink_file(s, NULL);
        }
        co_mutex_unlock(&s->lock);
    }
    qcow2_resume(s);
    return ret;
}
