/* blockdev-add, -del, block_resize, change-backing-file, limits, thresholds, histograms */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/backend-int.h"
#include "block/graph.h"
#include "block/query.h"
#include "qapi/commands-block-qmp.h"

void qmp_blockdev_add(BlockdevOptions *arg, Error **errp)
{
    co_blockdev_add_options(arg, errp);
}

void qmp_blockdev_del(const char *node_name, Error **errp)
{
    co_blockdev_del(node_name, errp);
}

void qmp_block_resize(const char *device, const char *node_name, int64_t size, Error **errp)
{
    BlockNode *node = block_node_lookup(device, node_name, errp);
    BlockChild *user;

    if (!node) {
        return;
    }
    if (size < 0) {
        error_set(errp, "Parameter 'size' expects a >0 size");
        return;
    }
    if (!block_node_check_idle(node, errp) ||
        !block_node_check_idle(block_skip_filters(node), errp)) {
        return;
    }
    co_drain_begin(node);
    user = block_child_new(node, "block_resize", BLOCK_PERM_RESIZE, BLOCK_PERM_ALL, errp);
    if (user) {
        co_node_truncate(node, size, false, PREALLOC_MODE_OFF, 0, errp);
        block_child_free(user);
    }
    block_drain_end(node);
}

/* In the header of an image that may be open read-only below others. */
static void co_change_backing(BlockNode *image, const char *file, Error **errp)
{
    bool read_only = image->read_only;
    int ret;

    if (read_only && !co_block_set_read_only(image, false, errp)) {
        return;
    }
    ret = co_block_change_backing_file(image, file, image->backing
                                       ? block_skip_filters(image->backing->node)->driver->name
                                       : image->backing_format, false);
    if (ret) {
        error_set_errno(errp, -ret, "Could not change backing file to '%s'", file);
    }
    if (read_only) {
        co_block_set_read_only(image, true, ret ? NULL : errp);
    }
}

void qmp_change_backing_file(const char *device, const char *image_node_name,
                             const char *backing_file, Error **errp)
{
    BlockNode *top = block_node_lookup(device, device, errp), *image;

    if (!top) {
        return;
    }
    image = block_node_find(image_node_name);
    if (!image) {
        error_set(errp, "Cannot find device='' nor node-name='%s'", image_node_name);
    } else if (!block_cow_child(image)) {
        error_set(errp, "not allowing backing file change on an image without a backing file");
    } else if (!block_chain_contains(top, image)) {
        error_set(errp, "'%s' and image file are not in the same chain", device);
    } else {
        co_drain_begin(image);
        co_change_backing(image, backing_file, errp);
        block_drain_end(image);
    }
}

void qmp_block_set_write_threshold(const char *node_name, uint64_t write_threshold, Error **errp)
{
    BlockNode *node = block_node_find(node_name);

    if (!node) {
        error_set(errp, "Device '%s' not found", node_name);
    } else {
        node->write_threshold = write_threshold;
    }
}

/* Histograms */

static bool set_histogram(BlockBackend *blk, const char *id, BlockAcctKind kind,
                          const char *name, bool has, const uint64List *own, bool has_all,
                          const uint64List *all, bool none, Error **errp)
{
    g_autoptr(GArray) values = g_array_new(false, false, sizeof(uint64_t));

    if (!has && !has_all && !none) {
        return true;
    }
    for (const uint64List *l = has ? own : has_all ? all : NULL; l; l = l->next) {
        g_array_append_val(values, l->value);
    }
    if (!block_histogram_set(&blk->stats, kind, (uint64_t *)(void *)values->data, values->len)) {
        error_set(errp, "Device '%s' set %s boundaries fail", id, name);
        return false;
    }
    return true;
}

void qmp_block_latency_histogram_set(const char *id, bool has_boundaries,
                                     uint64List *boundaries, bool has_boundaries_read,
                                     uint64List *boundaries_read, bool has_boundaries_write,
                                     uint64List *boundaries_write, bool has_boundaries_flush,
                                     uint64List *boundaries_flush, Error **errp)
{
    BlockBackend *blk = blk_by_device(NULL, id, errp);
    bool none = !has_boundaries && !has_boundaries_read && !has_boundaries_write &&
                !has_boundaries_flush;

    if (blk && set_histogram(blk, id, BLOCK_ACCT_READ, "read", has_boundaries_read,
                             boundaries_read, has_boundaries, boundaries, none, errp) &&
        set_histogram(blk, id, BLOCK_ACCT_WRITE, "write", has_boundaries_write,
                      boundaries_write, has_boundaries, boundaries, none, errp)) {
        set_histogram(blk, id, BLOCK_ACCT_FLUSH, "flush", has_boundaries_flush,
                      boundaries_flush, has_boundaries, boundaries, none, errp);
    }
}

/* Limits */

static void set_limit(ThrottleConfig *config, ThrottleBucket bucket, int64_t avg, bool has_max,
                      int64_t max, bool has_length, int64_t length)
{
    ThrottleLimit *l = &config->limits[bucket];

    /* A negative value is too large to be allowed. */
    l->avg = avg;
    l->max = has_max ? max : 0;
    l->burst_length = has_length ? length : 1;
}

bool blk_set_throttling(BlockBackend *blk, const DriveThrottling *o, Error **errp)
{
    ThrottleConfig config;

    throttle_config_init(&config);
#define SET(name, bucket)                                                                   \
    set_limit(&config, bucket, o->has_##name ? o->name : 0, o->has_##name##_max,            \
              o->name##_max, o->has_##name##_max_length, o->name##_max_length);

    SET(bps_total, THROTTLE_BPS_TOTAL)
    SET(bps_read, THROTTLE_BPS_READ)
    SET(bps_write, THROTTLE_BPS_WRITE)
    SET(iops_total, THROTTLE_IOPS_TOTAL)
    SET(iops_read, THROTTLE_IOPS_READ)
    SET(iops_write, THROTTLE_IOPS_WRITE)
#undef SET
    config.op_size = o->has_iops_size ? o->iops_size : 0;
    if (!throttle_config_check(&config, errp)) {
        return false;
    }
    blk_set_throttle(blk, &config, o->group ? o->group : blk->id ? blk->id : "");
    return true;
}

static bool parse_limits(const BlockIOThrottle *a, ThrottleConfig *config, Error **errp)
{
    throttle_config_init(config);
#define SET(name, bucket)                                                                   \
    set_limit(config, bucket, a->name, a->has_##name##_max, a->name##_max,                  \
              a->has_##name##_max_length, a->name##_max_length);

    SET(bps, THROTTLE_BPS_TOTAL)
    SET(bps_rd, THROTTLE_BPS_READ)
    SET(bps_wr, THROTTLE_BPS_WRITE)
    SET(iops, THROTTLE_IOPS_TOTAL)
    SET(iops_rd, THROTTLE_IOPS_READ)
    SET(iops_wr, THROTTLE_IOPS_WRITE)
#undef SET
    config->op_size = a->has_iops_size ? a->iops_size : 0;
    return throttle_config_check(config, errp);
}

void blk_set_throttle(BlockBackend *blk, const ThrottleConfig *config, const char *group)
{
    ThrottleGroup *g;

    if (!throttle_config_enabled(config)) {
        if (blk->throttle) {
            throttle_member_release(blk->throttle, true);
            throttle_member_free(g_steal_pointer(&blk->throttle));
        }
        return;
    }
    g = throttle_group_get(group);
    throttle_group_set_config(g, config);
    if (blk->throttle && throttle_member_group(blk->throttle) != g) {
        throttle_member_release(blk->throttle, true);
        throttle_member_free(g_steal_pointer(&blk->throttle));
    }
    if (!blk->throttle) {
        blk->throttle = throttle_member_new(g);
    }
    throttle_group_put(g);
}

void qmp_block_set_io_throttle(BlockIOThrottle *arg, Error **errp)
{
    BlockBackend *blk = blk_by_device(arg->device, arg->id, errp);
    const char *group = arg->group;
    ThrottleConfig config;

    if (!blk) {
        return;
    }
    if (!blk_has_medium(blk)) {
        error_set(errp, "Device has no medium");
        return;
    }
    if (!parse_limits(arg, &config, errp)) {
        return;
    }
    if (!group) {
        group = blk->throttle ? throttle_group_name(throttle_member_group(blk->throttle))
                              : arg->device ? arg->device : arg->id;
    }
    blk_set_throttle(blk, &config, group);
}
