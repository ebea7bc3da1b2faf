/* Reading from a snapshot inside of an image: -l of convert and measure */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "tools/img.h"

/* "snapshot.id=1,snapshot.name=x", or a name or id by itself. */
static Json *parse_param(const char *param, Error **errp)
{
    Json *tree, *snapshot;

    if (!g_str_has_prefix(param, "snapshot.")) {
        return json_object_new_object();
    }
    tree = keyval_parse(param, NULL, NULL, errp);
    if (!tree) {
        return NULL;
    }
    json_object_object_foreach(tree, key, value) {
        (void)value;
        if (strcmp(key, "snapshot")) {
            error_set(errp, "Invalid parameter '%s'", key);
            json_object_put(tree);
            return NULL;
        }
    }
    snapshot = json_object_get(json_object_object_get(tree, "snapshot"));
    json_object_put(tree);
    json_object_object_foreach(snapshot, name, text) {
        (void)text;
        if (strcmp(name, "id") && strcmp(name, "name")) {
            error_set(errp, "Invalid parameter 'snapshot.%s'", name);
            json_object_put(snapshot);
            return NULL;
        }
    }
    return snapshot;
}

bool img_check_snapshot_param(const char *param)
{
    Error *err = NULL;
    JSON_AUTO parsed = parse_param(param, &err);

    if (!parsed) {
        error_report(err);
        report_error("Failed in parsing snapshot param '%s'", param);
    }
    return parsed;
}

static bool co_load(BlockNode *node, const char *param, Error **errp)
{
    JSON_AUTO parsed = parse_param(param, errp);
    Error *err = NULL;

    if (!parsed) {
        return false;
    }
    if (!node->driver->co_snapshot_load_tmp) {
        error_set(errp, "Block format '%s' used by device '' does not support temporarily "
                  "loading internal snapshots", node->driver->name);
        return false;
    }
    if (g_str_has_prefix(param, "snapshot.")) {
        return node->driver->co_snapshot_load_tmp(node, keyval_get(parsed, "id"),
                                                  keyval_get(parsed, "name"), errp);
    }
    if (node->driver->co_snapshot_load_tmp(node, param, NULL, &err)) {
        return true;
    }
    error_free(err);
    return node->driver->co_snapshot_load_tmp(node, NULL, param, errp);
}

bool co_img_load_snapshot(ToolImage *image, const char *param)
{
    Error *err = NULL;

    if (!co_load(image->node, param, &err)) {
        error_prepend(&err, "Failed to load snapshot: ");
        error_report(err);
        return false;
    }
    return true;
}
