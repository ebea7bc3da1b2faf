/* What queries and tools tell of nodes: images, caches, limits, bitmaps */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/query.h"
#include "block/backend-int.h"
#include "block/dirty-bitmap.h"
#include "block/snapshot.h"

static void add_backing_names(ImageInfo *info, BlockNode *node)
{
    BlockNode *file = block_primary(node);

    if (!node->backing_file || !*node->backing_file) {
        return;
    }
    info->backing_filename = g_strdup(node->backing_file);
    info->full_backing_filename = block_backing_path(file ? file->filename : NULL,
                                                     node->backing_file, NULL);
    if (node->backing_format && *node->backing_format) {
        info->backing_filename_format = g_strdup(node->backing_format);
    }
}

static bool co_add_snapshots(ImageInfo *info, BlockNode *node, Error **errp)
{
    BlockSnapshot *snapshots;
    Error *err = NULL;
    int count = 0;

    if (!node->driver->co_snapshot_list) {
        return true;
    }
    snapshots = node->driver->co_snapshot_list(node, &count, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    info->has_snapshots = count > 0;
    for (int i = count; i-- > 0;) {
        SnapshotInfoList *link = g_new0(SnapshotInfoList, 1);

        link->value = block_snapshot_info(&snapshots[i]);
        link->next = info->snapshots;
        info->snapshots = link;
    }
    g_free(snapshots);
    return true;
}

static ImageInfo *co_one_image(BlockNode *node, Error **errp)
{
    g_autoptr(ImageInfo) info = g_new0(ImageInfo, 1);
    int64_t allocated = co_node_allocated_size(node);
    BlockDriverInfo di;
    Error *err = NULL;

    info->filename = block_node_filename(node);
    info->format = g_strdup(node->driver->name);
    info->virtual_size = node->length;
    info->has_actual_size = allocated >= 0;
    info->actual_size = allocated;
    if (block_get_info(node, &di)) {
        info->has_cluster_size = di.cluster_size;
        info->cluster_size = di.cluster_size;
        info->has_dirty_flag = true;
        info->dirty_flag = di.is_dirty;
    }
    if (node->driver->co_get_specific_info) {
        info->format_specific = node->driver->co_get_specific_info(node, &err);
        if (err) {
            error_propagate(errp, err);
            return NULL;
        }
    }
    add_backing_names(info, node);
    return co_add_snapshots(info, node, errp) ? g_steal_pointer(&info) : NULL;
}

ImageInfo *co_block_image_info(BlockNode *node, bool chain, Error **errp)
{
    g_autoptr(ImageInfo) first = NULL;
    ImageInfo **next = &first;

    for (; node; node = chain ? block_filter_or_cow(node) : NULL) {
        *next = co_one_image(node, errp);
        if (!*next) {
            return NULL;
        }
        next = &(*next)->backing_image;
    }
    return g_steal_pointer(&first);
}

static void add_limits(BlockDeviceInfo *info, const BlockBackend *blk)
{
    const ThrottleGroup *group = throttle_member_group(blk->throttle);
    const ThrottleConfig *config = throttle_group_config(group);
    const ThrottleLimit *l = config->limits;

#define SET(name, bucket)                                                                   \
    info->name = l[bucket].avg;                                                             \
    info->has_##name##_max = info->has_##name##_max_length = l[bucket].max;                 \
    info->name##_max = l[bucket].max;                                                       \
    info->name##_max_length = l[bucket].burst_length;

    SET(bps, THROTTLE_BPS_TOTAL)
    SET(bps_rd, THROTTLE_BPS_READ)
    SET(bps_wr, THROTTLE_BPS_WRITE)
    SET(iops, THROTTLE_IOPS_TOTAL)
    SET(iops_rd, THROTTLE_IOPS_READ)
    SET(iops_wr, THROTTLE_IOPS_WRITE)
#undef SET
    info->has_iops_size = config->op_size;
    info->iops_size = config->op_size;
    info->group = g_strdup(throttle_group_name(group));
}

static void add_bitmaps(BlockDeviceInfo *info, BlockNode *node)
{
    BlockDirtyInfoList **tail = &info->dirty_bitmaps;
    BlockDirtyBitmap *bitmap;

    list_for_each(bitmap, &node->dirty_bitmaps, BlockDirtyBitmap, link) {
        BlockDirtyInfo *one = g_new0(BlockDirtyInfo, 1);

        one->name = g_strdup(bitmap->name);
        one->count = block_dirty_bitmap_count(bitmap);
        one->granularity = block_dirty_bitmap_granularity(bitmap);
        one->recording = block_dirty_bitmap_recording(bitmap);
        one->busy = bitmap->busy || bitmap->successor;
        one->persistent = bitmap->persistent;
        one->has_inconsistent = one->inconsistent = bitmap->inconsistent;
        info->has_dirty_bitmaps = true;
        *tail = g_new0(BlockDirtyInfoList, 1);
        (*tail)->value = one;
        tail = &(*tail)->next;
    }
}

BlockDeviceInfo *co_block_device_info(BlockBackend *blk, BlockNode *node, bool flat,
                                      Error **errp)
{
    g_autoptr(BlockDeviceInfo) info = g_new0(BlockDeviceInfo, 1);
    BlockNode *below = block_cow_child(node);

    info->file = block_node_filename(node);
    info->node_name = g_strdup(node->name);
    info->ro = node->read_only;
    info->drv = g_strdup(node->driver->name);
    info->detect_zeroes = node->detect_zeroes;
    info->cache = g_new0(BlockdevCacheInfo, 1);
    info->cache->writeback = !blk || blk->write_cache;
    info->cache->direct = node->cache_direct;
    info->cache->no_flush = node->no_flush;
    info->write_threshold = node->write_threshold;
    info->backing_file = below ? block_node_filename(below) : NULL;
    if (blk && blk->throttle) {
        add_limits(info, blk);
    }
    add_bitmaps(info, node);
    if (!flat) {
        for (BlockNode *at = block_filter_or_cow(node); at; at = block_filter_or_cow(at)) {
            info->backing_file_depth++;
        }
    }
    info->image = co_block_image_info(node, !flat, errp);
    return info->image ? g_steal_pointer(&info) : NULL;
}

BlockNode *block_node_lookup(const char *device, const char *node_name, Error **errp)
{
    BlockBackend *blk = device ? blk_find(device) : NULL;
    BlockNode *node = node_name ? block_node_find(node_name) : NULL;

    if (blk) {
        if (!blk_node(blk)) {
            error_set(errp, "Device '%s' has no medium", device);
        }
        return blk_node(blk);
    }
    if (!node) {
        error_set(errp, "Cannot find device='%s' nor node-name='%s'", device ? device : "",
                  node_name ? node_name : "");
    }
    return node;
}
