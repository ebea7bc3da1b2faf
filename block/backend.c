/* Block backends: a device's end of a node; media that come and go, error policy */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/backend-int.h"
#include "block/drain.h"
#include "block/export.h"
#include "qapi/events-block-common.h"
#include "util/trace.h"

const char *const blk_error_policy_names[] = { "auto", "report", "ignore", "stop", "enospc",
                                               NULL };

static List backends = { &backends, &backends };

BlockBackend *blk_find(const char *id)
{
    BlockBackend *blk;

    list_for_each(blk, &backends, BlockBackend, link) {
        if (blk->id && !strcmp(blk->id, id)) {
            return blk;
        }
    }
    return NULL;
}

void blks_for_each(void (*fn)(BlockBackend *blk, void *opaque), void *opaque)
{
    BlockBackend *blk;

    list_for_each(blk, &backends, BlockBackend, link) {
        fn(blk, opaque);
    }
}

static char *user_name(const BlockBackend *blk)
{
    const char *name = blk->device ? blk->device : blk->id;

    return name ? g_strdup_printf("block device '%s'", name) : g_strdup("a block device");
}

/* What the device needs of the node that it has, or gets. */
static uint32_t needed_perm(const BlkDeviceOps *ops, uint32_t perm, const BlockNode *node)
{
    return perm | (ops && ops->write_if_writable && !block_node_read_only(node) ? BLOCK_PERM_WRITE
                                                                                : 0);
}

static bool set_node(BlockBackend *blk, BlockNode *node, Error **errp)
{
    g_autofree char *user = user_name(blk);

    blk->root = block_child_new_ops(node, user,
                                    blk->attached ? needed_perm(blk->ops, blk->perm, node) : 0,
                                    blk->attached ? blk->shared : BLOCK_PERM_ALL, &blk_root_ops,
                                    blk, errp);
    if (blk->root) {
        blk->media_read_only = block_node_read_only(node);
    }
    return blk->root;
}

BlockBackend *blk_new(const char *id, BlockNode *node, Error **errp)
{
    BlockBackend *blk;

    if (id && (blk_find(id) || block_node_find(id))) {
        error_set(errp, "Device with id '%s' already exists", id);
        return NULL;
    }
    blk = g_new0(BlockBackend, 1);
    blk->id = g_strdup(id);
    blk->refs = 1;
    blk->write_cache = true;
    blk->media_read_only = !id;
    co_queue_init(&blk->held);
    co_queue_init(&blk->parked);
    block_stats_init(&blk->stats);
    if (node && !set_node(blk, node, errp)) {
        block_stats_free(&blk->stats);
        g_free(blk->id);
        g_free(blk);
        return NULL;
    }
    list_append(&backends, &blk->link);
    return blk;
}

void blk_ref(BlockBackend *blk)
{
    blk->refs++;
}

void blk_unref(BlockBackend *blk)
{
    if (!blk || --blk->refs) {
        return;
    }
    g_assert(!blk->attached && !blk->in_flight);
    list_remove(&blk->link);
    block_child_free(blk->root);
    throttle_member_free(blk->throttle);
    block_stats_free(&blk->stats);
    g_free(blk->qdev);
    g_free(blk->qdev_path);
    g_free(blk->id);
    g_free(blk);
}

const char *blk_id(const BlockBackend *blk)
{
    return blk->id;
}

const char *blk_qdev(const BlockBackend *blk)
{
    return blk->qdev;
}

void co_blk_delete(BlockBackend *blk)
{
    BlockNode *node = blk_node(blk);

    g_clear_pointer(&blk->id, g_free);
    blk->on_read = blk->on_write = BLK_ERROR_REPORT;    /* nobody could mend it */
    blk_cancel_parked(blk);
    if (node) {
        block_node_ref(node);
        co_drain_begin(node);
        blk_remove_medium(blk);
        block_drain_end(node);
        block_node_unref(node);
    }
    blk_unref(blk);
}

BlockNode *blk_node(const BlockBackend *blk)
{
    return blk->root ? blk->root->node : NULL;
}

bool blk_attach(BlockBackend *blk, const char *device, uint32_t perm, uint32_t shared,
                const BlkDeviceOps *ops, void *opaque, Error **errp)
{
    if (blk->attached) {
        error_set(errp, "Drive '%s' is already in use by another device",
                  blk->id ? blk->id : block_node_name(blk_node(blk)));
        return false;
    }
    blk->device = g_strdup(device);
    if (blk->root) {
        g_free(blk->root->user);
        blk->root->user = user_name(blk);
        if (!block_child_set_perm(blk->root, needed_perm(ops, perm, blk_node(blk)), shared,
                                  errp)) {
            g_clear_pointer(&blk->device, g_free);
            return false;
        }
    }
    blk->attached = true;
    blk->perm = perm;
    blk->shared = shared;
    blk->ops = ops;
    blk->opaque = opaque;
    blk_ref(blk);
    return true;
}

void blk_detach(BlockBackend *blk)
{
    if (blk->attached) {
        blk->attached = false;
        blk->ops = NULL;
        g_clear_pointer(&blk->device, g_free);
        g_clear_pointer(&blk->qdev, g_free);
        g_clear_pointer(&blk->qdev_path, g_free);
        blk_cancel_parked(blk);
        if (blk->root) {
            block_child_set_perm(blk->root, 0, BLOCK_PERM_ALL, NULL);
        }
        blk_unref(blk);
    }
}

bool blk_attached(const BlockBackend *blk)
{
    return blk->attached;
}

/* Media */

bool blk_insert_medium(BlockBackend *blk, BlockNode *node, Error **errp)
{
    const char *name = blk->id ? blk->id : blk->device;

    if (blk->root) {
        error_set(errp, "There already is a medium in device '%s'", name ? name : "");
        return false;
    }
    if (blk->attached && !(blk->ops && blk->ops->medium_changed)) {
        error_set(errp, "Device '%s' is not removable", name ? name : "");
        return false;
    }
    if (!set_node(blk, node, errp)) {
        return false;
    }
    TRACE(blk_medium, "%s: %s in", name ? name : "", node->name);
    if (blk->ops && blk->ops->medium_changed) {
        blk->ops->medium_changed(blk->opaque, true);
    }
    return true;
}

/* Requests under way keep the node by a reference of their own. */
void blk_remove_medium(BlockBackend *blk)
{
    if (!blk->root) {
        return;
    }
    TRACE(blk_medium, "%s: %s out", blk->id ? blk->id : "", block_node_name(blk_node(blk)));
    block_child_free(g_steal_pointer(&blk->root));
    block_export_medium_gone(blk);
    if (blk->ops && blk->ops->medium_changed) {
        blk->ops->medium_changed(blk->opaque, false);
    }
}

void blk_request_eject(BlockBackend *blk, bool force)
{
    if (blk->ops && blk->ops->eject_request) {
        blk->ops->eject_request(blk->opaque, force);
    }
}

bool blk_tray_open(const BlockBackend *blk)
{
    return blk->ops && blk->ops->tray_open && blk->ops->tray_open(blk->opaque);
}

void blk_tray_moved(BlockBackend *blk, bool open)
{
    qapi_event_send_device_tray_moved(blk->id ? blk->id : "", blk->qdev ? blk->qdev : "", open);
}

void blk_move_tray(BlockBackend *blk, bool open)
{
    if (blk->ops && blk->ops->move_tray) {
        blk->ops->move_tray(blk->opaque, open);
        blk_tray_moved(blk, open);
    }
}

bool blk_medium_locked(const BlockBackend *blk)
{
    return blk->ops && blk->ops->medium_locked && blk->ops->medium_locked(blk->opaque);
}

bool blk_has_medium(const BlockBackend *blk)
{
    return blk->root;
}

int64_t blk_length(const BlockBackend *blk)
{
    return blk->root ? block_node_length(blk->root->node) : 0;
}

bool blk_read_only(const BlockBackend *blk)
{
    return blk->root && block_node_read_only(blk->root->node);
}

uint32_t blk_alignment(const BlockBackend *blk)
{
    return blk->root ? MAX(blk->root->node->limits.request_alignment, BLOCK_SECTOR_SIZE)
                     : BLOCK_SECTOR_SIZE;
}

/* Policy */

void blk_set_write_cache(BlockBackend *blk, bool on)
{
    blk->write_cache = on;
}

bool blk_write_cache(const BlockBackend *blk)
{
    return blk->write_cache;
}

void blk_set_on_error(BlockBackend *blk, BlkErrorPolicy on_read, BlkErrorPolicy on_write)
{
    blk->on_read = on_read == BLK_ERROR_AUTO ? blk->on_read : on_read;
    blk->on_write = on_write == BLK_ERROR_AUTO ? blk->on_write : on_write;
}

void blk_set_accounting(BlockBackend *blk, OnOffAuto invalid, OnOffAuto failed)
{
    if (invalid != ON_OFF_AUTO_AUTO) {
        blk->stats.ignore_invalid = invalid == ON_OFF_AUTO_OFF;
    }
    if (failed != ON_OFF_AUTO_AUTO) {
        blk->stats.ignore_failed = failed == ON_OFF_AUTO_OFF;
    }
}

void blk_add_stats_interval(BlockBackend *blk, uint64_t seconds)
{
    block_stats_add_interval(&blk->stats, seconds);
}

bool blk_check_on_error(BlkErrorPolicy on_read, BlkErrorPolicy on_write, Error **errp)
{
    if (on_read == BLK_ERROR_ENOSPC) {
        error_set(errp, "'enospc' is no action for read errors");
        error_hint(errp, "rerror= takes auto, report, ignore and stop");
        return false;
    }
    return true;
}

static void (*stop_hook)(void);

void blk_set_stop_hook(void (*stop)(void))
{
    stop_hook = stop;
}

void blk_set_qdev(BlockBackend *blk, const char *id, const char *path)
{
    g_free(blk->qdev);
    g_free(blk->qdev_path);
    blk->qdev = g_strdup(id ? id : path);
    blk->qdev_path = g_strdup(path);
}

static BlockBackend *by_qdev(const char *id)
{
    BlockBackend *blk;

    list_for_each(blk, &backends, BlockBackend, link) {
        if (!g_strcmp0(blk->qdev, id) || !g_strcmp0(blk->qdev_path, id)) {
            return blk;
        }
    }
    return NULL;
}

BlockBackend *blk_by_device(const char *device, const char *id, Error **errp)
{
    BlockBackend *blk;

    if (!device == !id) {
        error_set(errp, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    blk = id ? by_qdev(id) : blk_find(device);
    if (!blk) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id ? id : device);
    }
    return blk;
}

static void stop_guest(void *opaque)
{
    stop_hook();
}

static BlockErrorAction action_for(const BlockBackend *blk, bool is_write, int error)
{
    BlkErrorPolicy policy = is_write ? blk->on_write : blk->on_read;

    if (policy == BLK_ERROR_AUTO) {
        policy = is_write ? BLK_ERROR_ENOSPC : BLK_ERROR_REPORT;
    }
    if (policy == BLK_ERROR_ENOSPC) {
        policy = error == ENOSPC ? BLK_ERROR_STOP : BLK_ERROR_REPORT;
    }
    if (policy == BLK_ERROR_STOP && stop_hook) {
        return BLOCK_ERROR_ACTION_STOP;
    }
    return policy == BLK_ERROR_IGNORE ? BLOCK_ERROR_ACTION_IGNORE : BLOCK_ERROR_ACTION_REPORT;
}

bool blk_request_failed(BlockBackend *blk, bool is_write, int *ret)
{
    BlockErrorAction action = action_for(blk, is_write, -*ret);
    bool may_stop = blk->on_read == BLK_ERROR_STOP || blk->on_write == BLK_ERROR_STOP ||
                    blk->on_write == BLK_ERROR_ENOSPC || blk->on_write == BLK_ERROR_AUTO;

    TRACE(blk_error, "%s: %s error %d: %s", blk->id ? blk->id : "", is_write ? "write" : "read",
          -*ret, BlockErrorAction_name(action));
    if (action == BLOCK_ERROR_ACTION_STOP) {
        blk->iostatus = *ret == -ENOSPC ? BLOCK_DEVICE_IO_STATUS_NOSPACE
                                        : BLOCK_DEVICE_IO_STATUS_FAILED;
    }
    qapi_event_send_block_io_error(blk->id ? blk->id : "",
                                   blk->root ? blk->root->node->name : NULL,
                                   is_write ? IO_OPERATION_TYPE_WRITE : IO_OPERATION_TYPE_READ,
                                   action, may_stop, *ret == -ENOSPC, g_strerror(-*ret));
    if (action == BLOCK_ERROR_ACTION_STOP) {
        loop_post(loop_main(), stop_guest, NULL);
        return true;
    }
    *ret = action == BLOCK_ERROR_ACTION_IGNORE ? 0 : *ret;
    return false;
}

void blk_retry_all(void)
{
    BlockBackend *blk;

    list_for_each(blk, &backends, BlockBackend, link) {
        blk->iostatus = BLOCK_DEVICE_IO_STATUS_OK;
        co_queue_wake_all(&blk->parked);
    }
}

void blk_cancel_parked(BlockBackend *blk)
{
    if (blk->nr_parked) {
        blk->cancel_parked = true;
        co_queue_wake_all(&blk->parked);
    }
}

void blk_cancel_all(void)
{
    BlockBackend *blk;

    list_for_each(blk, &backends, BlockBackend, link) {
        blk_cancel_parked(blk);
    }
}

/* What happens to its node */

static void root_drained_begin(BlockChild *child)
{
    BlockBackend *blk = child->opaque;

    blk->quiesced++;
}

static bool root_drained_poll(BlockChild *child)
{
    const BlockBackend *blk = child->opaque;

    return blk->running;
}

static void root_drained_end(BlockChild *child)
{
    BlockBackend *blk = child->opaque;

    if (!--blk->quiesced) {
        co_queue_wake_all(&blk->held);
    }
}

static void root_resized(BlockChild *child)
{
    BlockBackend *blk = child->opaque;

    if (blk->ops && blk->ops->resized) {
        blk->ops->resized(blk->opaque);
    }
}

const BlockChildOps blk_root_ops = {
    .drained_begin = root_drained_begin, .drained_poll = root_drained_poll,
    .drained_end = root_drained_end, .resized = root_resized,
};
