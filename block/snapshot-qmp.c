/* blockdev-snapshot(-sync), blockdev-snapshot-internal-sync, alone and in transactions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph.h"
#include "block/query.h"
#include "block/snapshot.h"
#include "block/transaction.h"
#include "qapi/commands-block-qmp.h"
#include "util/clock.h"

/* --- external: an overlay on top of a live node --- */

typedef struct OverlayState {
    BlockNode *old, *overlay;   /* referenced; old is drained */
} OverlayState;

static bool co_take_old(OverlayState *s, BlockNode *old, Error **errp)
{
    int ret;

    co_drain_begin(old);
    s->old = old;
    ret = old->read_only ? 0 : co_node_flush(old);
    if (ret) {
        error_set_errno(errp, -ret, "Could not flush '%s'", old->name);
    }
    return !ret;
}

static bool check_overlay(const OverlayState *s, Error **errp)
{
    BlockNode *overlay = s->overlay;

    if (!overlay->driver->supports_backing) {
        error_set(errp, "The overlay does not support backing images");
    } else if (overlay->backing) {
        error_set(errp, "The overlay already has a backing image");
    } else if (!list_empty(&overlay->users)) {
        error_set(errp, "The overlay is already in use");
    } else {
        return true;
    }
    return false;
}

static bool overlay_apply(void *state, const TransactionAction *action, BlockTran *tran,
                          Error **errp)
{
    OverlayState *s = state;

    return check_overlay(s, errp) && block_node_append_tran(s->overlay, s->old, tran, errp) &&
           block_graph_refresh(&s->overlay, 1, tran, errp);
}

/* Nobody writes to what is below any more; those who want to be sure see it so. */
static void overlay_co_done(void *state, const TransactionAction *action)
{
    OverlayState *s = state;

    if (!s->old->read_only && s->old->options) {
        co_block_set_read_only(s->old, true, NULL);
    }
}

static void overlay_co_clean(void *state)
{
    OverlayState *s = state;

    if (s->old) {
        block_drain_end(s->old);
    }
    block_node_unref(s->overlay);
}

static bool snapshot_co_prepare(void *state, const TransactionAction *action, JobTxn *jobs,
                                Error **errp)
{
    const BlockdevSnapshot *a = action->u.blockdev_snapshot.data;
    OverlayState *s = state;
    BlockNode *old = block_node_lookup(a->node, a->node, errp);

    if (!old || !co_take_old(s, old, errp)) {
        return false;
    }
    s->overlay = block_node_lookup(a->overlay, a->overlay, errp);
    if (!s->overlay) {
        return false;
    }
    block_node_ref(s->overlay);
    return check_overlay(s, errp);
}

static const BlockActionOps snapshot_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCKDEV_SNAPSHOT, .size = sizeof(OverlayState),
    .co_prepare = snapshot_co_prepare, .apply = overlay_apply, .co_done = overlay_co_done,
    .co_clean = overlay_co_clean,
};
REGISTER_BLOCK_ACTION(snapshot_action)

static void set_string(Json *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

static bool co_create_overlay(BlockNode *old, const char *filename, const char *format,
                              Error **errp)
{
    g_autofree char *name = block_node_filename(old);

    return co_block_create_image(filename, format, old->length, name,
                                 block_skip_filters(old)->driver->name, errp);
}

/* The overlay is treated as the node below it was. */
static void add_generic(Json *options, const BlockNode *old)
{
    Json *cache = json_object_new_object();

    json_object_object_add(cache, "direct", json_object_new_boolean(old->cache_direct));
    json_object_object_add(cache, "no-flush", json_object_new_boolean(old->no_flush));
    json_object_object_add(options, "cache", cache);
    json_object_object_add(options, "read-only", json_object_new_boolean(old->read_only));
    set_string(options, "discard", old->discard ? "unmap" : "ignore");
}

static BlockNode *co_open_overlay(BlockNode *old, const BlockdevSnapshotSync *a,
                                  const BlockDriver *driver, Error **errp)
{
    JSON_AUTO options = json_object_new_object();
    Json *file = block_filename_options(a->snapshot_file, errp);

    if (!file) {
        return NULL;
    }
    set_string(options, "driver", driver->name);
    json_object_object_add(options, "file", file);
    if (driver->supports_backing) {
        json_object_object_add(options, "backing", NULL);
    }
    if (a->snapshot_node_name) {
        set_string(options, "node-name", a->snapshot_node_name);
    }
    add_generic(options, old);
    return co_block_open_json(options, QAPI_STRICT, errp);
}

static bool sync_co_prepare(void *state, const TransactionAction *action, JobTxn *jobs,
                            Error **errp)
{
    const BlockdevSnapshotSync *a = action->u.blockdev_snapshot_sync.data;
    const char *format = a->format ? a->format : "qcow2";
    const BlockDriver *driver = block_driver_find(format);
    OverlayState *s = state;
    BlockNode *old = block_node_lookup(a->device, a->node_name, errp);

    if (!old) {
        return false;
    }
    if (a->node_name && !a->snapshot_node_name) {
        error_set(errp, "New overlay node-name missing");
        return false;
    }
    if (a->snapshot_node_name && block_node_find(a->snapshot_node_name)) {
        error_set(errp, "New overlay node-name already in use");
        return false;
    }
    if (!driver) {
        error_set(errp, "Unknown file format '%s'", format);
        return false;
    }
    if (!a->has_mode || a->mode == NEW_IMAGE_MODE_ABSOLUTE_PATHS) {
        if (!driver->supports_backing) {
            error_set(errp, "Backing file not supported for file format '%s'", format);
            return false;
        }
        if (!co_create_overlay(old, a->snapshot_file, format, errp)) {
            return false;
        }
    }
    s->overlay = co_open_overlay(old, a, driver, errp);
    return s->overlay && check_overlay(s, errp) && co_take_old(s, old, errp);
}

static const BlockActionOps sync_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCKDEV_SNAPSHOT_SYNC, .size = sizeof(OverlayState),
    .co_prepare = sync_co_prepare, .apply = overlay_apply, .co_done = overlay_co_done,
    .co_clean = overlay_co_clean,
};
REGISTER_BLOCK_ACTION(sync_action)

/* --- internal --- */

typedef struct InternalState {
    BlockNode *node, *keeper;   /* node is drained; keeper has the snapshots */
    char id[128];               /* of the one that was made; empty: none */
    bool done;
} InternalState;

static bool co_name_taken(BlockNode *keeper, const char *name, bool *taken, Error **errp)
{
    BlockSnapshot *list;
    Error *err = NULL;
    int count = 0;

    list = keeper->driver->co_snapshot_list(keeper, &count, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    *taken = block_snapshot_find(list, count, NULL, name);
    g_free(list);
    return true;
}

static bool co_check_internal(InternalState *s, const BlockdevSnapshotInternal *a, Error **errp)
{
    bool taken = false;

    if (s->node->read_only) {
        error_set(errp, "Device '%s' is read only", a->device);
    } else if (!s->keeper) {
        error_set(errp, "Block format '%s' used by device '%s' does not support internal "
                  "snapshots", s->node->driver->name, a->device);
    } else if (!*a->name) {
        error_set(errp, "Name is empty");
    } else if (co_name_taken(s->keeper, a->name, &taken, errp)) {
        if (!taken) {
            return true;
        }
        error_set(errp, "Snapshot with name '%s' already exists on device '%s'", a->name,
                  a->device);
    }
    return false;
}

static bool internal_co_prepare(void *state, const TransactionAction *action, JobTxn *jobs,
                                Error **errp)
{
    const BlockdevSnapshotInternal *a = action->u.blockdev_snapshot_internal_sync.data;
    int64_t now = clock_ns(CLOCK_TYPE_HOST);
    BlockSnapshot snapshot = {
        .date_sec = now / NS_PER_SECOND, .date_nsec = now % NS_PER_SECOND,
        .vm_clock_nsec = clock_ns(CLOCK_TYPE_VIRTUAL), .icount = UINT64_MAX,
    };
    InternalState *s = state;
    BlockNode *node = block_node_lookup(a->device, a->device, errp);

    if (!node) {
        return false;
    }
    co_drain_begin(node);
    s->node = node;
    s->keeper = block_snapshot_node(node);
    if (!co_check_internal(s, a, errp)) {
        return false;
    }
    if (g_strlcpy(snapshot.name, a->name, sizeof(snapshot.name)) >= sizeof(snapshot.name)) {
        error_set(errp, "The name of the snapshot is longer than %zu bytes",
                  sizeof(snapshot.name) - 1);
        return false;
    }
    /* Made now, as it yields: all that the transaction touches is drained by then anyway. */
    if (!s->keeper->driver->co_snapshot_create(s->keeper, &snapshot, errp)) {
        error_prepend(errp, "Failed to create snapshot '%s' on device '%s': ", a->name,
                      a->device);
        return false;
    }
    g_strlcpy(s->id, snapshot.id, sizeof(s->id));
    return true;
}

static void internal_co_done(void *state, const TransactionAction *action)
{
    InternalState *s = state;

    s->done = true;
}

static void internal_co_clean(void *state)
{
    InternalState *s = state;
    Error *err = NULL;

    if (*s->id && !s->done &&
        !s->keeper->driver->co_snapshot_delete(s->keeper, s->id, NULL, &err)) {
        error_prepend(&err, "Failed to delete the snapshot of a transaction that failed: ");
        error_report(err);
    }
    if (s->node) {
        block_drain_end(s->node);
    }
}

static const BlockActionOps internal_action = {
    .kind = TRANSACTION_ACTION_KIND_BLOCKDEV_SNAPSHOT_INTERNAL_SYNC,
    .size = sizeof(InternalState), .co_prepare = internal_co_prepare,
    .co_done = internal_co_done, .co_clean = internal_co_clean,
};
REGISTER_BLOCK_ACTION(internal_action)

/* --- the commands --- */

void qmp_blockdev_snapshot(const char *node, const char *overlay, Error **errp)
{
    BlockdevSnapshot data = { (char *)(uintptr_t)node, (char *)(uintptr_t)overlay };

    co_block_action(TRANSACTION_ACTION_KIND_BLOCKDEV_SNAPSHOT, &data, errp);
}

void qmp_blockdev_snapshot_sync(const char *device, const char *node_name,
                                const char *snapshot_file, const char *snapshot_node_name,
                                const char *format, bool has_mode, NewImageMode mode,
                                Error **errp)
{
    BlockdevSnapshotSync data = {
        .device = (char *)(uintptr_t)device, .node_name = (char *)(uintptr_t)node_name,
        .snapshot_file = (char *)(uintptr_t)snapshot_file,
        .snapshot_node_name = (char *)(uintptr_t)snapshot_node_name,
        .format = (char *)(uintptr_t)format, .has_mode = has_mode, .mode = mode,
    };

    co_block_action(TRANSACTION_ACTION_KIND_BLOCKDEV_SNAPSHOT_SYNC, &data, errp);
}

void qmp_blockdev_snapshot_internal_sync(const char *device, const char *name, Error **errp)
{
    BlockdevSnapshotInternal data = { (char *)(uintptr_t)device, (char *)(uintptr_t)name };

    co_block_action(TRANSACTION_ACTION_KIND_BLOCKDEV_SNAPSHOT_INTERNAL_SYNC, &data, errp);
}

static SnapshotInfo *co_delete(BlockNode *keeper, const char *device, const char *id,
                               const char *name, Error **errp)
{
    SnapshotInfo *info = NULL;
    BlockSnapshot *list;
    const BlockSnapshot *found;
    Error *err = NULL;
    int count = 0;

    list = keeper->driver->co_snapshot_list(keeper, &count, &err);
    if (err) {
        error_propagate(errp, err);
        return NULL;
    }
    found = block_snapshot_find(list, count, id, name);
    if (!found) {
        error_set(errp, "Snapshot with id '%s' and name '%s' does not exist on device '%s'",
                  id ? id : "null", name ? name : "null", device);
    } else if (keeper->driver->co_snapshot_delete(keeper, found->id, found->name, errp)) {
        info = block_snapshot_info(found);
    }
    g_free(list);
    return info;
}

SnapshotInfo *qmp_blockdev_snapshot_delete_internal_sync(const char *device, const char *id,
                                                         const char *name, Error **errp)
{
    BlockNode *node = block_node_lookup(device, device, errp), *keeper;
    SnapshotInfo *info = NULL;

    if (!node) {
        return NULL;
    }
    if (!id && !name) {
        error_set(errp, "Name or id must be provided");
        return NULL;
    }
    co_drain_begin(node);
    keeper = block_snapshot_node(node);
    if (!keeper || !keeper->driver->co_snapshot_list) {
        error_set(errp, "Block format '%s' used by device '%s' does not support internal "
                  "snapshots", node->driver->name, device);
    } else {
        info = co_delete(keeper, device, id, name, errp);
    }
    block_drain_end(node);
    return info;
}
