/* Exports of type nbd: their names, what clients are told of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/nbd/server-int.h"

static List exports = { &exports, &exports };

NbdExport *nbd_export_find(const char *name)
{
    NbdExport *exp;

    list_for_each(exp, &exports, NbdExport, link) {
        if (!strcmp(exp->name, name)) {
            return exp;
        }
    }
    return NULL;
}

void nbd_exports_for_each(void (*fn)(NbdExport *exp, void *opaque), void *opaque)
{
    NbdExport *exp;

    list_for_each(exp, &exports, NbdExport, link) {
        fn(exp, opaque);
    }
}

uint64_t nbd_export_size(const NbdExport *exp)
{
    return block_node_length(exp->common.root->node);
}

uint16_t nbd_export_flags(const NbdExport *exp, const NbdClient *client)
{
    uint16_t flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA |
                     NBD_FLAG_SEND_CACHE;

    flags |= exp->common.writable
                 ? NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_SEND_FAST_ZERO
                 : NBD_FLAG_READ_ONLY;
    if (client->structured) {
        flags |= NBD_FLAG_SEND_DF;
    }
    /* All clients use one node: what one has flushed is there for all. */
    if (nbd_server_max_connections(client->server) != 1) {
        flags |= NBD_FLAG_CAN_MULTI_CONN;
    }
    return flags;
}

/* --- bitmaps --- */

static BlockDirtyBitmap *find_bitmap(BlockNode *node, const BlockDirtyBitmapOrStr *which,
                                     Error **errp)
{
    bool local = which->type == BLOCK_DIRTY_BITMAP_OR_STR_LOCAL;
    const char *name = local ? which->u.local : which->u.external.name;
    BlockDirtyBitmap *bitmap = NULL;

    if (local) {
        for (; node && !bitmap; node = block_filter_or_cow(node)) {
            bitmap = block_dirty_bitmap_find(node, name);
        }
    } else {
        node = block_node_find(which->u.external.node);
        if (!node) {
            error_set(errp, "Node '%s' not found", which->u.external.node);
            return NULL;
        }
        bitmap = block_dirty_bitmap_find(node, name);
    }
    if (!bitmap) {
        error_set(errp, local ? "Bitmap '%s' is not found" : "Dirty bitmap '%s' not found", name);
    }
    return bitmap;
}

/* Nobody else may change it while clients can look at it. */
static bool take_bitmap(NbdExport *exp, const BlockDirtyBitmapOrStr *which, Error **errp)
{
    BlockDirtyBitmap *bitmap = find_bitmap(exp->common.root->node, which, errp);

    if (!bitmap || !block_dirty_bitmap_check(bitmap, BLOCK_BITMAP_ALLOW_RO, errp)) {
        return false;
    }
    if (!exp->common.writable && !block_node_read_only(bitmap->node) &&
        block_dirty_bitmap_recording(bitmap)) {
        error_set(errp, "Enabled bitmap '%s' incompatible with readonly export", bitmap->name);
        return false;
    }
    bitmap->busy = true;
    block_node_ref(bitmap->node);
    g_ptr_array_add(exp->bitmaps, bitmap);
    return true;
}

static void give_bitmap(gpointer opaque)
{
    BlockDirtyBitmap *bitmap = opaque;

    bitmap->busy = false;
    block_node_unref(bitmap->node);
}

static bool take_bitmaps(NbdExport *exp, const BlockExportOptionsNbd *o, Error **errp)
{
    exp->bitmaps = g_ptr_array_new_with_free_func(give_bitmap);
    for (const BlockDirtyBitmapOrStrList *list = o->bitmaps; list; list = list->next) {
        if (!take_bitmap(exp, list->value, errp)) {
            g_ptr_array_free(exp->bitmaps, true);
            return false;
        }
    }
    return true;
}

/* --- life --- */

static bool co_nbd_open(BlockExport *common, const BlockExportOptions *options, Error **errp)
{
    NbdExport *exp = (NbdExport *)common;
    const BlockExportOptionsNbd *o = &options->u.nbd;
    const char *name = o->name ? o->name : options->node_name;

    if (strlen(name) > NBD_STRING_MAX) {
        error_set(errp, "export name '%s' too long", name);
        return false;
    }
    if (o->description && strlen(o->description) > NBD_STRING_MAX) {
        error_set(errp, "description '%s' too long", o->description);
        return false;
    }
    if (nbd_export_find(name)) {
        error_set(errp, "NBD server already has export named '%s'", name);
        return false;
    }
    if (!take_bitmaps(exp, o, errp)) {
        return false;
    }
    list_init(&exp->clients);
    exp->name = g_strdup(name);
    exp->description = g_strdup(o->description);
    exp->allocation_depth = o->has_allocation_depth && o->allocation_depth;
    list_append(&exports, &exp->link);
    return true;
}

/* No new clients by its name; those there are hold it until they notice. */
static void nbd_request_shutdown(BlockExport *common)
{
    NbdExport *exp = (NbdExport *)common;
    NbdClient *client;

    list_remove(&exp->link);
    list_for_each(client, &exp->clients, NbdClient, export_link) {
        nbd_stream_abort(client->stream);
    }
}

static void nbd_close(BlockExport *common)
{
    NbdExport *exp = (NbdExport *)common;

    g_free(exp->name);
    g_free(exp->description);
    g_ptr_array_free(exp->bitmaps, true);
}

static const ExportType nbd_export_type = {
    .name = "nbd", .desc = "network block device", .size = sizeof(NbdExport),
    .co_open = co_nbd_open, .request_shutdown = nbd_request_shutdown, .close = nbd_close,
};
REGISTER_EXPORT(nbd_export_type)
