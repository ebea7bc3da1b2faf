/* Properties that name a back end by its id */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/backend-props.h"

static bool set_chardev(Object *obj, const Prop *prop, void *field, const char *text,
                        Error **errp)
{
    Chardev *chr = *text ? chardev_find(text) : NULL;

    if (*text && !chr) {
        error_set(errp, "Property '%s.%s' can't find value '%s'", obj->type->name, prop->name,
                  text);
        return false;
    }
    *(Chardev **)field = chr;
    return true;
}

static char *get_chardev(Object *obj, const Prop *prop, const void *field)
{
    Chardev *chr = *(Chardev *const *)field;

    return g_strdup(chr ? chardev_id(chr) : "");
}

const PropOps prop_chardev_ops = {
    .type_name = "str", .set = set_chardev, .get = get_chardev,
};

static bool set_drive(Object *obj, const Prop *prop, void *field, const char *text, Error **errp)
{
    BlockBackend *blk = blk_find(text);
    BlockNode *node = blk ? NULL : block_node_find(text);

    if (blk) {
        blk_ref(blk);
    } else if (node) {
        blk = blk_new(NULL, node, errp);
        if (!blk) {
            return false;
        }
    } else {
        error_set(errp, "Property '%s.%s' can't find value '%s'", obj->type->name, prop->name,
                  text);
        return false;
    }
    blk_unref(*(BlockBackend **)field);
    *(BlockBackend **)field = blk;
    return true;
}

static char *get_drive(Object *obj, const Prop *prop, const void *field)
{
    BlockBackend *blk = *(BlockBackend *const *)field;

    if (!blk) {
        return g_strdup("");
    }
    if (blk_id(blk)) {
        return g_strdup(blk_id(blk));
    }
    return g_strdup(blk_node(blk) ? block_node_name(blk_node(blk)) : "");
}

static void release_drive(Object *obj, const Prop *prop, void *field)
{
    blk_unref(*(BlockBackend **)field);
}

const PropOps prop_drive_ops = {
    .type_name = "str", .set = set_drive, .get = get_drive, .release = release_drive,
};
