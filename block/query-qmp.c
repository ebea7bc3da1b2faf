/* query-block, query-named-block-nodes, query-blockstats */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/backend-int.h"
#include "block/query.h"
#include "qapi/commands-block-query.h"

/* Handlers yield, so they work on what there was at the beginning. */
static void add_node(BlockNode *node, void *opaque)
{
    block_node_ref(node);
    g_ptr_array_add(opaque, node);
}

static void put_node(gpointer node)
{
    block_node_unref(node);
}

static void add_blk(BlockBackend *blk, void *opaque)
{
    blk_ref(blk);
    g_ptr_array_add(opaque, blk);
}

static void put_blk(gpointer blk)
{
    blk_unref(blk);
}

/* Jobs' own filters at the top of a drive are not the user's business. */
static BlockNode *shown_node(const BlockBackend *blk)
{
    BlockNode *node = blk_node(blk);

    while (node && node->implicit && block_filtered(node)) {
        node = block_filtered(node);
    }
    return node;
}

BlockDeviceInfoList *qmp_query_named_block_nodes(bool has_flat, bool flat, Error **errp)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(put_node);
    BlockDeviceInfoList *list = NULL;

    block_nodes_for_each(add_node, nodes);
    /* The newest first. */
    for (unsigned i = 0; i < nodes->len; i++) {
        BlockDeviceInfo *info = co_block_device_info(NULL, nodes->pdata[i], has_flat && flat, errp);
        BlockDeviceInfoList *link;

        if (!info) {
            qapi_free_value(&qapi_type_BlockDeviceInfo_list, &list);
            return NULL;
        }
        link = g_new0(BlockDeviceInfoList, 1);
        link->value = info;
        link->next = list;
        list = link;
    }
    return list;
}

static BlockInfo *co_block_info(BlockBackend *blk, Error **errp)
{
    BlockInfo *info = g_new0(BlockInfo, 1);
    BlockNode *node = shown_node(blk);

    info->device = g_strdup(blk->id ? blk->id : "");
    info->qdev = g_strdup(blk->qdev);
    info->type = g_strdup("unknown");
    info->removable = !blk->attached || (blk->ops && blk->ops->medium_changed);
    info->locked = blk_medium_locked(blk);
    info->has_tray_open = blk->ops && blk->ops->tray_open;
    info->tray_open = blk_tray_open(blk);
    info->has_io_status = blk->attached && (blk->on_read == BLK_ERROR_STOP ||
                                            (blk->on_write != BLK_ERROR_REPORT &&
                                             blk->on_write != BLK_ERROR_IGNORE));
    info->io_status = blk->iostatus;
    if (node) {
        info->inserted = co_block_device_info(blk, node, false, errp);
        if (!info->inserted) {
            qapi_free_BlockInfo(info);
            return NULL;
        }
    }
    return info;
}

BlockInfoList *qmp_query_block(Error **errp)
{
    g_autoptr(GPtrArray) blks = g_ptr_array_new_with_free_func(put_blk);
    BlockInfoList *list = NULL, **tail = &list;

    blks_for_each(add_blk, blks);
    for (unsigned i = 0; i < blks->len; i++) {
        BlockBackend *blk = blks->pdata[i];
        BlockInfo *info;

        if (!blk->id && !blk->attached) {
            continue;
        }
        info = co_block_info(blk, errp);
        if (!info) {
            qapi_free_value(&qapi_type_BlockInfo_list, &list);
            return NULL;
        }
        *tail = g_new0(BlockInfoList, 1);
        (*tail)->value = info;
        tail = &(*tail)->next;
    }
    return list;
}

/* Statistics */

static uint64List *to_list(const uint64_t *values, unsigned n)
{
    uint64List *list = NULL;

    while (n--) {
        uint64List *link = g_new0(uint64List, 1);

        link->value = values[n];
        link->next = list;
        list = link;
    }
    return list;
}

static BlockLatencyHistogramInfo *histogram(const BlkStats *stats, BlockAcctKind kind)
{
    const BlockHistogram *h = &stats->histograms[kind];
    BlockLatencyHistogramInfo *info;

    if (!h->nbins) {
        return NULL;
    }
    info = g_new0(BlockLatencyHistogramInfo, 1);
    info->boundaries = to_list(h->boundaries, h->nbins - 1);
    info->bins = to_list(h->bins, h->nbins);
    return info;
}

static BlockDeviceTimedStats *timed_info(BlockTimedStats *timed)
{
    BlockDeviceTimedStats *info = g_new0(BlockDeviceTimedStats, 1);
    BlockWindow rd = block_timed_window(timed, BLOCK_ACCT_READ);
    BlockWindow wr = block_timed_window(timed, BLOCK_ACCT_WRITE);
    BlockWindow flush = block_timed_window(timed, BLOCK_ACCT_FLUSH);

    info->interval_length = timed->interval_s;
#define SET(name, w)                                                                        \
    info->min_##name##_latency_ns = (w).count ? (w).min : 0;                                \
    info->max_##name##_latency_ns = (w).max;                                                \
    info->avg_##name##_latency_ns = (w).count ? (w).sum / (w).count : 0;

    SET(rd, rd)
    SET(wr, wr)
    SET(flush, flush)
#undef SET
    info->avg_rd_queue_depth = block_timed_depth(timed, BLOCK_ACCT_READ);
    info->avg_wr_queue_depth = block_timed_depth(timed, BLOCK_ACCT_WRITE);
    return info;
}

static BlockDeviceStats *device_stats(BlockBackend *blk)
{
    BlockDeviceStats *info = g_new0(BlockDeviceStats, 1);
    BlockDeviceTimedStatsList **tail = &info->timed_stats;
    const BlkStats *stats = &blk->stats;
    BlockTimedStats *timed;

#define SET(name, kind)                                                                     \
    info->name##_operations = stats->ops[kind];                                             \
    info->name##_total_time_ns = stats->total_ns[kind];                                     \
    info->failed_##name##_operations = stats->failed[kind];                                 \
    info->invalid_##name##_operations = stats->invalid[kind];

    SET(rd, BLOCK_ACCT_READ)
    SET(wr, BLOCK_ACCT_WRITE)
    SET(flush, BLOCK_ACCT_FLUSH)
    SET(unmap, BLOCK_ACCT_UNMAP)
#undef SET
    info->rd_bytes = stats->bytes[BLOCK_ACCT_READ];
    info->wr_bytes = stats->bytes[BLOCK_ACCT_WRITE];
    info->unmap_bytes = stats->bytes[BLOCK_ACCT_UNMAP];
    info->has_idle_time_ns = stats->last_access_ns;
    info->idle_time_ns = block_stats_idle_ns(stats);
    info->account_invalid = !stats->ignore_invalid;
    info->account_failed = !stats->ignore_failed;
    list_for_each(timed, &stats->timed, BlockTimedStats, link) {
        *tail = g_new0(BlockDeviceTimedStatsList, 1);
        (*tail)->value = timed_info(timed);
        tail = &(*tail)->next;
    }
    info->rd_latency_histogram = histogram(stats, BLOCK_ACCT_READ);
    info->wr_latency_histogram = histogram(stats, BLOCK_ACCT_WRITE);
    info->flush_latency_histogram = histogram(stats, BLOCK_ACCT_FLUSH);
    return info;
}

static BlockStats *node_stats(BlockNode *node, bool recurse)
{
    BlockStats *info = g_new0(BlockStats, 1);
    BlockNode *primary, *below;

    info->stats = g_new0(BlockDeviceStats, 1);
    info->stats->account_invalid = info->stats->account_failed = false;
    if (!node) {
        return info;
    }
    info->node_name = g_strdup(node->name);
    info->stats->wr_highest_offset = node->high_offset;
    if (node->driver->get_stats) {
        info->driver_specific = node->driver->get_stats(node);
    }
    primary = block_primary(node);
    if (primary) {
        info->parent = node_stats(primary, recurse);
    }
    below = recurse ? block_filter_or_cow(node) : NULL;
    if (below && below != primary) {
        info->backing = node_stats(below, recurse);
    }
    return info;
}

static BlockStats *blk_stats(BlockBackend *blk)
{
    BlockStats *info = node_stats(shown_node(blk), true);
    int64_t highest = info->stats->wr_highest_offset;

    qapi_free_BlockDeviceStats(info->stats);
    info->stats = device_stats(blk);
    info->stats->wr_highest_offset = highest;
    info->device = g_strdup(blk->id ? blk->id : "");
    info->qdev = g_strdup(blk->qdev);
    return info;
}

BlockStatsList *qmp_query_blockstats(bool has_query_nodes, bool query_nodes, Error **errp)
{
    bool nodes = has_query_nodes && query_nodes;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(nodes ? put_node : put_blk);
    BlockStatsList *list = NULL, **tail = &list;

    if (nodes) {
        block_nodes_for_each(add_node, all);
    } else {
        blks_for_each(add_blk, all);
    }
    for (unsigned i = 0; i < all->len; i++) {
        BlockBackend *blk = all->pdata[i];

        if (!nodes && !blk->id && !blk->attached) {
            continue;
        }
        *tail = g_new0(BlockStatsList, 1);
        (*tail)->value = nodes ? node_stats(all->pdata[nodes ? all->len - 1 - i : i], false)
                               : blk_stats(blk);
        tail = &(*tail)->next;
    }
    return list;
}
