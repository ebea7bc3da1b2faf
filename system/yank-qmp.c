/* yank, query-yank: connections that can be shut down from outside */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/block.h"
#include "chardev/char.h"
#include "qapi/commands-yank.h"

static bool known(const YankInstance *i)
{
    if (i->type == YANK_INSTANCE_TYPE_BLOCK_NODE) {
        BlockNode *node = block_node_find(i->u.block_node.node_name);

        return node && block_node_can_yank(node);
    }
    return chardev_find(i->u.chardev.id) && chardev_can_yank(chardev_find(i->u.chardev.id));
}

void qmp_yank(YankInstanceList *instances, Error **errp)
{
    for (YankInstanceList *l = instances; l; l = l->next) {
        if (!known(l->value)) {
            error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Instance not found");
            return;
        }
    }
    for (YankInstanceList *l = instances; l; l = l->next) {
        if (l->value->type == YANK_INSTANCE_TYPE_BLOCK_NODE) {
            block_node_yank(block_node_find(l->value->u.block_node.node_name));
        } else {
            chardev_yank(chardev_find(l->value->u.chardev.id));
        }
    }
}

typedef struct Found {
    YankInstanceList *list, **tail;
} Found;

static bool add_chardev(Chardev *chr, void *opaque)
{
    Found *f = opaque;

    if (chardev_can_yank(chr)) {
        YankInstance *instance = g_new0(YankInstance, 1);

        instance->type = YANK_INSTANCE_TYPE_CHARDEV;
        instance->u.chardev.id = g_strdup(chardev_id(chr));
        QAPI_APPEND(f->tail, instance);
    }
    return true;
}

static void add_node(BlockNode *node, void *opaque)
{
    Found *f = opaque;

    if (block_node_can_yank(node)) {
        YankInstance *instance = g_new0(YankInstance, 1);

        instance->type = YANK_INSTANCE_TYPE_BLOCK_NODE;
        instance->u.block_node.node_name = g_strdup(block_node_name(node));
        QAPI_APPEND(f->tail, instance);
    }
}

YankInstanceList *qmp_query_yank(Error **errp)
{
    Found f = { NULL, &f.list };

    block_nodes_for_each(add_node, &f);
    chardev_foreach(add_chardev, &f);
    return f.list;
}
