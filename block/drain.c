/* Drained sections: users are told to hold back, then all that is under way is waited for */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drain.h"
#include "block/graph-int.h"
#include "util/trace.h"

static CoQueue waiting = { { &waiting.waiters, &waiting.waiters } };
static GPtrArray *all_drained;          /* the nodes of co_drain_all_begin(), nested ones again */

static void quiesce(BlockNode *node);
static void unquiesce(BlockNode *node);

static void quiesce_child(BlockChild *child)
{
    if (child->quiesced) {
        return;
    }
    child->quiesced = true;
    if (child->parent) {
        quiesce(child->parent);
    } else if (child->ops && child->ops->drained_begin) {
        child->ops->drained_begin(child);
    }
}

static void unquiesce_child(BlockChild *child)
{
    if (!child->quiesced) {
        return;
    }
    child->quiesced = false;
    if (child->parent) {
        unquiesce(child->parent);
    } else if (child->ops && child->ops->drained_end) {
        child->ops->drained_end(child);
    }
}

static void quiesce(BlockNode *node)
{
    BlockChild *child;

    if (!node->quiesce++) {
        if (node->driver->drain_begin) {
            node->driver->drain_begin(node);
        }
        list_for_each(child, &node->users, BlockChild, link) {
            quiesce_child(child);
        }
    }
}

static void unquiesce(BlockNode *node)
{
    BlockChild *child;

    g_assert(node->quiesce);
    if (!--node->quiesce) {
        if (node->driver->drain_end) {
            node->driver->drain_end(node);
        }
        list_for_each(child, &node->users, BlockChild, link) {
            unquiesce_child(child);
        }
    }
}

void block_drain_link(BlockChild *child)
{
    if (child->node->quiesce) {
        quiesce_child(child);
    } else {
        unquiesce_child(child);
    }
}

void block_drain_unlink(BlockChild *child)
{
    unquiesce_child(child);
}

static bool busy(const BlockNode *node)
{
    BlockChild *child;

    if (node->in_flight) {
        return true;
    }
    list_for_each(child, &node->users, BlockChild, link) {
        if (child->parent ? busy(child->parent)
                          : child->ops && child->ops->drained_poll &&
                            child->ops->drained_poll(child)) {
            return true;
        }
    }
    return false;
}

void block_drain_kick(void)
{
    co_queue_wake_all(&waiting);
}

void block_node_dec_in_flight(BlockNode *node)
{
    if (!--node->in_flight && !co_queue_empty(&waiting)) {
        block_drain_kick();
    }
}

static void co_wait_idle(BlockNode *node)
{
    while (busy(node)) {
        co_queue_wait(&waiting, NULL);
    }
}

void co_drain_begin(BlockNode *node)
{
    block_node_ref(node);
    quiesce(node);
    co_wait_idle(node);
    TRACE(block_drained, "%s", node->name);
}

void block_drain_end(BlockNode *node)
{
    unquiesce(node);
    block_node_unref(node);
}

static void add_all(BlockNode *node, void *opaque)
{
    block_node_ref(node);
    g_ptr_array_add(opaque, node);
    quiesce(node);
}

void co_drain_all_begin(void)
{
    GPtrArray *nodes = g_ptr_array_new();

    block_nodes_for_each(add_all, nodes);
    if (!all_drained) {
        all_drained = g_ptr_array_new();
    }
    g_ptr_array_add(all_drained, nodes);
    for (unsigned i = 0; i < nodes->len; i++) {
        co_wait_idle(nodes->pdata[i]);
    }
}

void block_drain_all_end(void)
{
    GPtrArray *nodes = g_ptr_array_steal_index(all_drained, all_drained->len - 1);

    for (unsigned i = 0; i < nodes->len; i++) {
        block_drain_end(nodes->pdata[i]);
    }
    g_ptr_array_free(nodes, true);
}
