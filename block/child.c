/* Uses of nodes: by nodes above and by others; chains of filters and overlays */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph-int.h"

void block_child_link(BlockChild *child, BlockNode *node)
{
    block_node_ref(node);
    child->node = node;
    list_append(&node->users, &child->link);
    block_drain_link(child);
}

BlockNode *block_child_unlink(BlockChild *child)
{
    BlockNode *node = child->node;

    list_remove(&child->link);
    child->node = NULL;
    return node;
}

BlockChild *block_child_make(BlockNode *parent, const char *name, unsigned role)
{
    BlockChild *child = g_new0(BlockChild, 1);

    child->name = g_strdup(name);
    child->parent = parent;
    child->role = role;
    child->shared = BLOCK_PERM_ALL;
    list_append(&parent->children, &child->sibling);
    return child;
}

void block_child_delete(BlockChild *child)
{
    g_free(child->name);
    g_free(child->user);
    g_free(child);
}

/* What it stood on can be used more freely, or is not used at all any more. */
static void drop(BlockChild *child)
{
    BlockNode *node = block_child_unlink(child);

    block_drain_unlink(child);
    block_child_delete(child);
    block_perm_refresh_now(node, NULL);
    block_node_unref(node);
}

BlockChild *block_child_new_ops(BlockNode *node, const char *user, uint32_t perm,
                                uint32_t shared, const BlockChildOps *ops, void *opaque,
                                Error **errp)
{
    BlockChild *child = g_new0(BlockChild, 1);

    child->name = g_strdup("root");
    child->user = g_strdup(user);
    child->shared = BLOCK_PERM_ALL;
    child->ops = ops;
    child->opaque = opaque;
    block_child_link(child, node);
    if (!block_child_set_perm(child, perm, shared, errp)) {
        drop(child);
        return NULL;
    }
    return child;
}

BlockChild *block_child_new(BlockNode *node, const char *user, uint32_t perm, uint32_t shared,
                            Error **errp)
{
    return block_child_new_ops(node, user, perm, shared, NULL, NULL, errp);
}

static void leave_parent(BlockChild *child)
{
    BlockNode *parent = child->parent;

    if (parent) {
        list_remove(&child->sibling);
        parent->file = parent->file == child ? NULL : parent->file;
        parent->backing = parent->backing == child ? NULL : parent->backing;
    }
}

void block_child_free(BlockChild *child)
{
    if (child) {
        leave_parent(child);
        drop(child);
    }
}

BlockChild *block_child_attach(BlockNode *parent, const char *name, unsigned role,
                               BlockNode *node, Error **errp)
{
    BlockChild *child;

    if (block_chain_contains(node, parent)) {
        error_set(errp, "Making '%s' a %s child of '%s' would create a cycle", node->name, name,
                  parent->name);
        return NULL;
    }
    child = block_child_make(parent, name, role);
    block_child_link(child, node);
    if (!block_perm_refresh_now(parent, errp)) {
        block_child_free(child);
        return NULL;
    }
    return child;
}

void block_children_free(BlockNode *node)
{
    BlockChild *child;

    while ((child = list_first(&node->children, BlockChild, sibling))) {
        block_child_free(child);
    }
}

/* Chains */

BlockChild *block_filter_or_cow_link(const BlockNode *node)
{
    BlockChild *child;

    list_for_each(child, &node->children, BlockChild, sibling) {
        if (child->role & (BLOCK_CHILD_COW | BLOCK_CHILD_FILTERED) &&
            (child->role & BLOCK_CHILD_COW || node->driver->filter)) {
            return child;
        }
    }
    return NULL;
}

BlockNode *block_filtered(const BlockNode *node)
{
    BlockChild *child = node->driver->filter ? block_filter_or_cow_link(node) : NULL;

    return child ? child->node : NULL;
}

BlockNode *block_cow_child(const BlockNode *node)
{
    return node->driver->filter || !node->backing ? NULL : node->backing->node;
}

BlockNode *block_filter_or_cow(const BlockNode *node)
{
    BlockChild *child = block_filter_or_cow_link(node);

    return child ? child->node : NULL;
}

BlockNode *block_skip_filters(BlockNode *node)
{
    BlockNode *below;

    while (node && (below = block_filtered(node))) {
        node = below;
    }
    return node;
}

BlockNode *block_backing_chain_next(BlockNode *node)
{
    BlockNode *below;

    node = block_skip_filters(node);
    below = node ? block_cow_child(node) : NULL;
    return below ? block_skip_filters(below) : NULL;
}

BlockNode *block_primary(const BlockNode *node)
{
    BlockChild *child;

    list_for_each(child, &node->children, BlockChild, sibling) {
        if (child->role & BLOCK_CHILD_PRIMARY) {
            return child->node;
        }
    }
    return NULL;
}

BlockNode *block_find_base(BlockNode *node)
{
    BlockNode *below;

    while ((below = block_filter_or_cow(node))) {
        node = below;
    }
    return node;
}

bool block_chain_contains(BlockNode *top, BlockNode *node)
{
    BlockChild *child;

    if (top == node) {
        return true;
    }
    list_for_each(child, &top->children, BlockChild, sibling) {
        if (block_chain_contains(child->node, node)) {
            return true;
        }
    }
    return false;
}

bool block_node_check_idle(const BlockNode *node, Error **errp)
{
    BlockChild *user;

    list_for_each(user, (List *)(uintptr_t)&node->users, BlockChild, link) {
        if (user->ops && user->ops->job_type) {
            error_set(errp, "Node '%s' is busy: block device is in use by block job: %s",
                      node->name, user->ops->job_type(user));
            return false;
        }
    }
    return true;
}
