/* yank, query-yank: connections that can be shut down from outside */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char.h"
#include "qapi/commands-yank.h"

void qmp_yank(YankInstanceList *instances, Error **errp)
{
    for (YankInstanceList *l = instances; l; l = l->next) {
        Chardev *chr = chardev_find(l->value->u.chardev.id);

        if (!chr || !chardev_can_yank(chr)) {
            error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Instance not found");
            return;
        }
    }
    for (YankInstanceList *l = instances; l; l = l->next) {
        chardev_yank(chardev_find(l->value->u.chardev.id));
    }
}

static bool append(Chardev *chr, void *opaque)
{
    YankInstanceList ***tail = opaque;

    if (chardev_can_yank(chr)) {
        YankInstance *instance = g_new0(YankInstance, 1);

        instance->type = YANK_INSTANCE_TYPE_CHARDEV;
        instance->u.chardev.id = g_strdup(chardev_id(chr));
        QAPI_APPEND(*tail, instance);
    }
    return true;
}

YankInstanceList *qmp_query_yank(Error **errp)
{
    YankInstanceList *list = NULL, **tail = &list;

    chardev_foreach(append, &tail);
    return list;
}
