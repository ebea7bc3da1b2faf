/* Human commands for drives: drive_add, drive_del */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/block.h"
#include "monitor/hmp.h"
#include "qapi/keyval.h"
#include "system/config.h"

static void co_add_drive(const char *text, Error **errp)
{
    ConfigItem item = { 0 };
    const char *interface;

    if (!config_parse_drive(text, &item.json, &item.node, errp)) {
        return;
    }
    interface = keyval_get(item.json, "if");
    item.id = g_strdup(keyval_get(item.json, "id"));
    if (g_strcmp0(interface, "none")) {
        error_set(errp, "Can't hot-add drive to type %s: only if=none can be added",
                  interface ? interface : "ide");
    } else if (!item.id) {
        error_set(errp, "Parameter 'id' is missing");
    } else {
        co_create_drive(&item, errp);
    }
    json_object_put(item.json);
    json_object_put(item.node);
    g_free(item.id);
}

static void co_add_node(const char *text, Error **errp)
{
    JSON_AUTO options = keyval_parse(text, NULL, NULL, errp);

    if (options && !keyval_get(options, "node-name")) {
        error_set(errp, "Parameter 'node-name' is missing");
    } else if (options) {
        co_blockdev_add(options, QAPI_KEYVAL, errp);
    }
}

static void co_drive_add(const Json *args, GString *out, Error **errp)
{
    Error *err = NULL;

    if (hmp_bool(args, "node")) {
        co_add_node(hmp_str(args, "options"), errp);
        return;
    }
    co_add_drive(hmp_str(args, "options"), &err);
    if (!err) {
        g_string_append(out, "OK\n");
    }
    error_propagate(errp, err);
}

/* A drive's name and medium go at once, also from under a device; that finds no medium then. */
static void co_drive_del(const Json *args, GString *out, Error **errp)
{
    const char *id = hmp_str(args, "id");
    BlockBackend *blk = blk_find(id);

    if (block_node_find(id)) {
        co_blockdev_del(id, errp);
    } else if (!blk) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    } else {
        co_blk_delete(blk);
    }
}

static void add_id(BlockBackend *blk, void *opaque)
{
    if (blk_id(blk)) {
        g_ptr_array_add(opaque, g_strdup(blk_id(blk)));
    }
}

static void complete_drives(GPtrArray *names)
{
    blks_for_each(add_id, names);
}

static const HmpCommand rows[] = {
    { "drive_add", "[-n] ADDRESS OPTION[,...]", "add a drive, as -drive has it, with if=none; its "
      "address is not used. -n: a node, as -blockdev has it",
      { { "node", HMP_FLAG }, { "address", HMP_WORD }, { "options", HMP_REST } },
      .co_run = co_drive_add },
    { "drive_del", "ID", "remove a drive, even from a device that has it",
      { { "id", HMP_WORD } }, .co_run = co_drive_del, .complete = complete_drives },
    { }
};
static const HmpTable table = { rows, false };
REGISTER_HMP(table)
