/* Block backends: a device's end of a node; media that come and go, error policy */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/backend-int.h"
#include "util/trace.h"

const char *const blk_error_policy_names[] = { "auto", "report", "ignore", NULL };

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

static bool set_node(BlockBackend *blk, BlockNode *node, Error **errp)
{
    g_autofree char *user = user_name(blk);

    blk->root = block_child_new(node, user, blk->attached ? blk->perm : 0,
                                blk->attached ? blk->shared : BLOCK_PERM_ALL, errp);
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
    if (node && !set_node(blk, node, errp)) {
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
    g_free(blk->id);
    g_free(blk);
}

const char *blk_id(const BlockBackend *blk)
{
    return blk->id;
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
        if (!block_child_set_perm(blk->root, perm, shared, errp)) {
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
    blk->on_read = on_read;
    blk->on_write = on_write;
}

bool blk_report_error(BlockBackend *blk, bool is_write, int error)
{
    TRACE(blk_error, "%s: %s error %d", blk->id ? blk->id : "", is_write ? "write" : "read",
          error);
    return (is_write ? blk->on_write : blk->on_read) != BLK_ERROR_IGNORE;
}
