/* Media that come and go: eject, blockdev-*-tray, blockdev-*-medium */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/backend-int.h"
#include "block/drain.h"
#include "qapi/commands-block-qmp.h"

static const char *shown(const char *device, const char *id)
{
    return id ? id : device;
}

static bool has_tray(const BlockBackend *blk)
{
    return blk->ops && blk->ops->tray_open;
}

static bool removable(const BlockBackend *blk)
{
    return !blk->attached || (blk->ops && blk->ops->medium_changed);
}

/* The guest was asked to let it go; it opens the tray when it likes. */
enum { OPENED, ASKED, FAILED };

static int open_tray(BlockBackend *blk, const char *name, bool force, Error **errp)
{
    bool locked;

    if (!removable(blk)) {
        error_set(errp, "Device '%s' is not removable", name);
        return FAILED;
    }
    if (!has_tray(blk) || blk_tray_open(blk)) {
        return OPENED;
    }
    locked = blk_medium_locked(blk);
    if (locked) {
        blk_request_eject(blk, force);
    }
    if (locked && !force) {
        return ASKED;
    }
    blk_move_tray(blk, true);
    return OPENED;
}

void qmp_blockdev_open_tray(const char *device, const char *id, bool has_force, bool force,
                            Error **errp)
{
    BlockBackend *blk = blk_by_device(device, id, errp);

    if (blk && open_tray(blk, shown(device, id), has_force && force, errp) == ASKED) {
        error_set(errp, "Device '%s' is locked and force was not specified, wait for tray to "
                  "open and try again", shown(device, id));
    }
}

static void close_tray(BlockBackend *blk, const char *name, Error **errp)
{
    if (!removable(blk)) {
        error_set(errp, "Device '%s' is not removable", name);
    } else if (has_tray(blk) && blk_tray_open(blk)) {
        blk_move_tray(blk, false);
    }
}

void qmp_blockdev_close_tray(const char *device, const char *id, Error **errp)
{
    BlockBackend *blk = blk_by_device(device, id, errp);

    if (blk) {
        close_tray(blk, shown(device, id), errp);
    }
}

static bool co_remove(BlockBackend *blk, const char *name, Error **errp)
{
    BlockNode *node = blk_node(blk);

    if (!removable(blk)) {
        error_set(errp, "Device '%s' is not removable", name);
        return false;
    }
    if (has_tray(blk) && !blk_tray_open(blk)) {
        error_set(errp, "Tray of device '%s' is not open", name);
        return false;
    }
    if (node) {
        co_drain_begin(node);
        blk_remove_medium(blk);
        block_drain_end(node);
    }
    return true;
}

void qmp_blockdev_remove_medium(const char *id, Error **errp)
{
    BlockBackend *blk = blk_by_device(NULL, id, errp);

    if (blk) {
        co_remove(blk, id, errp);
    }
}

static bool insert(BlockBackend *blk, BlockNode *node, const char *name, Error **errp)
{
    if (!removable(blk)) {
        error_set(errp, "Device '%s' is not removable", name);
        return false;
    }
    if (has_tray(blk) && !blk_tray_open(blk)) {
        error_set(errp, "Tray of the device is not open");
        return false;
    }
    if (blk_has_medium(blk)) {
        error_set(errp, "There already is a medium in device '%s'", name);
        return false;
    }
    return blk_insert_medium(blk, node, errp);
}

static bool used_by_backend(const BlockNode *node)
{
    BlockChild *user;

    list_for_each(user, &node->users, BlockChild, link) {
        if (user->ops == &blk_root_ops) {
            return true;
        }
    }
    return false;
}

void qmp_blockdev_insert_medium(const char *id, const char *node_name, Error **errp)
{
    BlockBackend *blk = blk_by_device(NULL, id, errp);
    BlockNode *node;

    if (!blk) {
        return;
    }
    node = block_node_find(node_name);
    if (!node) {
        error_set(errp, "Node '%s' not found", node_name);
    } else if (used_by_backend(node)) {
        error_set(errp, "Node '%s' is already in use", node_name);
    } else {
        insert(blk, node, id, errp);
    }
}

void qmp_eject(const char *device, const char *id, bool has_force, bool force, Error **errp)
{
    BlockBackend *blk = blk_by_device(device, id, errp);
    const char *name = shown(device, id);

    if (!blk) {
        return;
    }
    blk_ref(blk);
    switch (open_tray(blk, name, has_force && force, errp)) {
    case ASKED:
        error_set(errp, "Device '%s' is locked and force was not specified, wait for tray to "
                  "open and try again", name);
        break;
    case OPENED:
        co_remove(blk, name, errp);
        break;
    default:
        break;
    }
    blk_unref(blk);
}

static Json *medium_options(BlockBackend *blk, bool read_only)
{
    Json *options = json_object_new_object(), *cache = json_object_new_object();
    BlockNode *old = blk_node(blk);

    json_object_object_add(options, "read-only", json_object_new_boolean(read_only));
    json_object_object_add(options, "auto-read-only", json_object_new_boolean(!read_only));
    json_object_object_add(cache, "direct", json_object_new_boolean(old && old->cache_direct));
    json_object_object_add(cache, "no-flush", json_object_new_boolean(old && old->no_flush));
    json_object_object_add(options, "cache", cache);
    return options;
}

void qmp_blockdev_change_medium(const char *device, const char *id, const char *filename,
                                const char *format, bool has_force, bool force,
                                bool has_read_only_mode,
                                BlockdevChangeReadOnlyMode read_only_mode, Error **errp)
{
    BlockBackend *blk = blk_by_device(device, id, errp);
    const char *name = shown(device, id);
    JSON_AUTO options = NULL;
    bool read_only;
    BlockNode *node;

    if (!blk) {
        return;
    }
    blk_ref(blk);
    read_only = !has_read_only_mode || read_only_mode == BLOCKDEV_CHANGE_READ_ONLY_MODE_RETAIN
                    ? blk->media_read_only
                    : read_only_mode == BLOCKDEV_CHANGE_READ_ONLY_MODE_READ_ONLY;
    options = medium_options(blk, read_only);
    node = co_block_open_image(filename, format, options, 0, errp);
    if (node) {
        switch (open_tray(blk, name, has_force && force, errp)) {
        case ASKED:
            error_set(errp, "Device '%s' is locked and force was not specified, wait for tray "
                      "to open and try again", name);
            break;
        case OPENED:
            if (co_remove(blk, name, errp) && insert(blk, node, name, errp)) {
                close_tray(blk, name, errp);
            }
            break;
        default:
            break;
        }
        block_node_unref(node);
    }
    blk_unref(blk);
}
