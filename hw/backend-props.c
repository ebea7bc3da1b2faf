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
