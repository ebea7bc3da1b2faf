/* block-export-add, block-export-del, query-block-exports */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/export.h"
#include "block/nbd/nbd.h"

#include "qapi/commands-export.h"

void qmp_block_export_add(BlockExportOptions *options, Error **errp)
{
    if (options->type == BLOCK_EXPORT_TYPE_NBD && !nbd_server_running()) {
        error_set(errp, "NBD server not running");
        return;
    }
    co_block_export_add(options, errp);
}

void qmp_block_export_del(const char *id, bool has_mode, BlockExportRemoveMode mode, Error **errp)
{
    BlockExport *exp = block_export_find(id);

    if (!exp) {
        error_set(errp, "Export '%s' is not found", id);
        return;
    }
    if (!exp->owned) {
        error_set(errp, "Export '%s' is already shutting down", id);
        return;
    }
    if (exp->refs > 1 && !(has_mode && mode == BLOCK_EXPORT_REMOVE_MODE_HARD)) {
        error_set(errp, "export '%s' still in use", id);
        error_hint(errp, "Use mode='hard' to force client disconnect");
        return;
    }
    block_export_request_shutdown(exp);
}

/* The newest first, as clients know it. */
static void add_info(BlockExport *exp, void *opaque)
{
    BlockExportInfoList **list = opaque, *entry = g_new0(BlockExportInfoList, 1);

    entry->value = g_new0(BlockExportInfo, 1);
    entry->value->id = g_strdup(exp->id);
    entry->value->type = BLOCK_EXPORT_TYPE_NBD;
    entry->value->node_name = g_strdup(block_node_name(exp->root->node));
    entry->value->shutting_down = !exp->owned;
    entry->next = *list;
    *list = entry;
}

BlockExportInfoList *qmp_query_block_exports(Error **errp)
{
    BlockExportInfoList *list = NULL;

    block_exports_for_each(add_info, &list);
    return list;
}
