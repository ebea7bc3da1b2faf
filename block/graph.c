/* The graph of nodes changes: single steps that can be undone, and what is made of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph-int.h"
#include "block/graph.h"
#include "util/trace.h"

/* --- steps --- */

typedef struct Move {
    BlockChild *child;
    BlockNode *old;
} Move;

static void move_abort(void *opaque)
{
    Move *m = opaque;
    BlockNode *node = block_child_unlink(m->child);

    block_child_link(m->child, m->old);
    node->refs--;               /* the one who brought it has another */
    m->old->refs--;
    m->old = NULL;
}

static void move_clean(void *opaque)
{
    Move *m = opaque;

    block_node_unref(m->old);
    g_free(m);
}

static const BlockTranOps move_ops = { .abort = move_abort, .clean = move_clean };

void block_child_replace_tran(BlockChild *child, BlockNode *node, BlockTran *tran)
{
    Move *m = g_new(Move, 1);

    TRACE(block_move, "%s of %s: %s to %s", child->name,
          child->parent ? child->parent->name : child->user, child->node->name, node->name);
    m->child = child;
    m->old = block_child_unlink(child);
    block_child_link(child, node);
    block_tran_add(tran, &move_ops, m);
}

static void set_links(BlockChild *child, bool there)
{
    BlockNode *parent = child->parent;

    if (child->role & BLOCK_CHILD_COW && !strcmp(child->name, "backing")) {
        parent->backing = there ? child : NULL;
    } else if (!strcmp(child->name, "file")) {
        parent->file = there ? child : NULL;
    }
}

static void attach_abort(void *opaque)
{
    BlockChild *child = opaque;
    BlockNode *node = block_child_unlink(child);

    list_remove(&child->sibling);
    set_links(child, false);
    block_drain_unlink(child);
    node->refs--;
    block_child_delete(child);
}

static const BlockTranOps attach_ops = { .abort = attach_abort };

bool block_child_attach_tran(BlockNode *parent, const char *name, unsigned role,
                             BlockNode *node, BlockTran *tran, Error **errp)
{
    BlockChild *child;

    if (block_chain_contains(node, parent)) {
        error_set(errp, "Making '%s' a %s child of '%s' would create a cycle", node->name, name,
                  parent->name);
        return false;
    }
    child = block_child_make(parent, name, role);
    block_child_link(child, node);
    set_links(child, true);
    block_tran_add(tran, &attach_ops, child);
    return true;
}

typedef struct Detach {
    BlockChild *child;
    BlockNode *node;
    ListLink *next;             /* its place among its siblings */
} Detach;

static void detach_abort(void *opaque)
{
    Detach *d = opaque;

    list_insert_before(d->next, &d->child->sibling);
    block_child_link(d->child, d->node);
    set_links(d->child, true);
    d->node->refs--;
    d->child = NULL;
    d->node = NULL;
}

static void detach_clean(void *opaque)
{
    Detach *d = opaque;

    if (d->child) {
        block_drain_unlink(d->child);
        block_child_delete(d->child);
        block_perm_refresh_now(d->node, NULL);
        block_node_unref(d->node);
    }
    g_free(d);
}

static const BlockTranOps detach_ops = { .abort = detach_abort, .clean = detach_clean };

void block_child_detach_tran(BlockChild *child, BlockTran *tran)
{
    Detach *d = g_new(Detach, 1);

    d->child = child;
    d->next = child->sibling.next;
    list_remove(&child->sibling);
    set_links(child, false);
    d->node = block_child_unlink(child);
    block_tran_add(tran, &detach_ops, d);
}

bool block_graph_refresh(BlockNode *const *nodes, unsigned n, BlockTran *tran, Error **errp)
{
    return block_perm_refresh(nodes, n, tran, errp);
}

/* --- what is made of them --- */

static bool check_frozen(const BlockChild *child, Error **errp)
{
    if (child && child->frozen) {
        error_set(errp, "Cannot change frozen '%s' link from '%s' to '%s'", child->name,
                  child->parent ? child->parent->name : child->user, child->node->name);
        return false;
    }
    return true;
}

bool block_child_replace(BlockChild *child, BlockNode *node, Error **errp)
{
    BlockNode *nodes[] = { node, child->node };
    BlockTran *tran;

    if (!check_frozen(child, errp)) {
        return false;
    }
    tran = block_tran_new();
    block_child_replace_tran(child, node, tran);
    return block_tran_finish(tran, block_perm_refresh(nodes, 2, tran, errp));
}

static bool moves(const BlockChild *child, BlockNode *to)
{
    if (child->ops && child->ops->stays) {
        return false;
    }
    return !child->parent || !block_chain_contains(to, child->parent);
}

bool block_node_replace_tran(BlockNode *from, BlockNode *to, BlockTran *tran, Error **errp)
{
    BlockChild *child;

    list_for_each(child, &from->users, BlockChild, link) {
        if (moves(child, to) && !check_frozen(child, errp)) {
            return false;
        }
    }
    list_for_each(child, &from->users, BlockChild, link) {
        if (moves(child, to)) {
            block_child_replace_tran(child, to, tran);
        }
    }
    return true;
}

bool block_node_replace(BlockNode *from, BlockNode *to, Error **errp)
{
    BlockNode *nodes[] = { to, from };
    BlockTran *tran = block_tran_new();

    return block_tran_finish(tran, block_node_replace_tran(from, to, tran, errp) &&
                                       block_perm_refresh(nodes, 2, tran, errp));
}

bool block_node_append_tran(BlockNode *top, BlockNode *below, BlockTran *tran, Error **errp)
{
    bool filter = top->driver->filter;

    return block_child_attach_tran(top, filter ? "file" : "backing",
                                   filter ? BLOCK_CHILD_FILTERED | BLOCK_CHILD_PRIMARY
                                          : BLOCK_CHILD_COW,
                                   below, tran, errp) &&
           block_node_replace_tran(below, top, tran, errp);
}

bool block_node_append(BlockNode *top, BlockNode *below, Error **errp)
{
    BlockTran *tran = block_tran_new();

    return block_tran_finish(tran, block_node_append_tran(top, below, tran, errp) &&
                                       block_perm_refresh(&top, 1, tran, errp));
}

bool block_node_remove_filter(BlockNode *filter, Error **errp)
{
    BlockChild *link = block_filter_or_cow_link(filter);
    BlockNode *below = link ? link->node : NULL;
    BlockNode *nodes[] = { below, filter };
    BlockTran *tran;
    bool ok;

    if (!below) {
        error_set(errp, "'%s' is no filter", filter->name);
        return false;
    }
    if (!check_frozen(link, errp)) {
        return false;
    }
    tran = block_tran_new();
    block_child_detach_tran(link, tran);
    ok = block_node_replace_tran(filter, below, tran, errp) &&
         block_perm_refresh(nodes, 2, tran, errp);
    return block_tran_finish(tran, ok);
}

bool block_node_set_backing_tran(BlockNode *overlay, BlockNode *backing, BlockTran *tran,
                                 Error **errp)
{
    if (!check_frozen(overlay->backing, errp)) {
        return false;
    }
    if (!overlay->driver->supports_backing && !overlay->driver->filter) {
        error_set(errp, "Driver '%s' of node '%s' does not support backing files",
                  overlay->driver->name, overlay->name);
        return false;
    }
    if (overlay->backing) {
        block_child_detach_tran(overlay->backing, tran);
    }
    return !backing || block_child_attach_tran(overlay, "backing",
                                               overlay->driver->filter ? BLOCK_CHILD_FILTERED
                                                                       : BLOCK_CHILD_COW,
                                               backing, tran, errp);
}

bool block_node_set_backing(BlockNode *overlay, BlockNode *backing, Error **errp)
{
    BlockTran *tran = block_tran_new();

    return block_tran_finish(tran, block_node_set_backing_tran(overlay, backing, tran, errp) &&
                                       block_perm_refresh(&overlay, 1, tran, errp));
}

/* --- chains --- */

bool block_chain_frozen(BlockNode *top, BlockNode *base, Error **errp)
{
    BlockChild *link;

    for (BlockNode *node = top; node && node != base; node = link ? link->node : NULL) {
        link = block_filter_or_cow_link(node);
        if (link && !check_frozen(link, errp)) {
            return true;
        }
    }
    return false;
}

static void set_frozen(BlockNode *top, BlockNode *base, bool frozen)
{
    BlockChild *link;

    for (BlockNode *node = top; node && node != base; node = link ? link->node : NULL) {
        link = block_filter_or_cow_link(node);
        if (link) {
            link->frozen = frozen;
        }
    }
}

bool block_chain_freeze(BlockNode *top, BlockNode *base, Error **errp)
{
    if (block_chain_frozen(top, base, errp)) {
        return false;
    }
    set_frozen(top, base, true);
    return true;
}

void block_chain_thaw(BlockNode *top, BlockNode *base)
{
    set_frozen(top, base, false);
}

BlockNode *block_find_overlay(BlockNode *top, BlockNode *node)
{
    node = block_skip_filters(node);
    top = block_skip_filters(top);
    while (top) {
        BlockNode *next = block_backing_chain_next(top);

        if (next == node) {
            return top;
        }
        top = next;
    }
    return NULL;
}

int co_block_change_backing_file(BlockNode *node, const char *file, const char *format,
                                 bool require)
{
    int ret;

    if (file && !format && require) {
        return -EINVAL;
    }
    if (!node->driver->co_change_backing_file) {
        return -ENOTSUP;
    }
    if (!file && format) {
        return -EINVAL;
    }
    ret = node->driver->co_change_backing_file(node, file, format);
    if (!ret) {
        g_free(node->backing_file);
        g_free(node->backing_format);
        g_free(node->auto_backing_file);
        node->backing_file = g_strdup(file);
        node->backing_format = g_strdup(format);
        node->auto_backing_file = g_strdup(file);
    }
    return ret;
}

/* The overlays of node: what will stand on base. */
static GPtrArray *overlays_of(BlockNode *node, BlockNode *base)
{
    GPtrArray *out = g_ptr_array_new();
    BlockChild *child;

    list_for_each(child, &node->users, BlockChild, link) {
        if (child->parent && child->role & BLOCK_CHILD_COW && moves(child, base)) {
            g_ptr_array_add(out, child->parent);
        }
    }
    return out;
}

static bool co_write_headers(GPtrArray *overlays, BlockNode *base, const char *file, Error **errp)
{
    g_autofree char *name = file ? NULL : base ? block_node_filename(base) : NULL;
    const char *format = base ? base->driver->name : NULL;

    for (unsigned i = 0; i < overlays->len; i++) {
        BlockNode *overlay = overlays->pdata[i];
        int ret;

        if (!overlay->driver->co_change_backing_file) {
            continue;
        }
        ret = co_block_change_backing_file(overlay, file ? file : name, format, false);
        if (ret) {
            error_set_errno(errp, -ret, "Could not change backing file of '%s'", overlay->name);
            return false;
        }
    }
    return true;
}

bool co_block_drop_intermediate(BlockNode *top, BlockNode *base, const char *backing_file,
                                Error **errp)
{
    BlockNode *nodes[] = { base, top }, *real_base = block_skip_filters(base);
    g_autoptr(GPtrArray) overlays = NULL;
    BlockTran *tran;
    bool ok = false;

    block_node_ref(base);
    block_node_ref(top);
    co_drain_begin(top);
    co_drain_begin(base);
    if (!block_chain_contains(top, base) || top == base) {
        error_set(errp, "'%s' is not below '%s'", base->name, top->name);
    } else {
        overlays = overlays_of(top, base);
        tran = block_tran_new();
        ok = block_tran_finish(tran, block_node_replace_tran(top, base, tran, errp) &&
                                         block_perm_refresh(nodes, 2, tran, errp));
    }
    /* The graph is changed; only now can headers follow, for a name must not lead to nothing. */
    ok = ok && co_write_headers(overlays, real_base, backing_file, errp);
    block_drain_end(base);
    block_drain_end(top);
    block_node_unref(top);
    block_node_unref(base);
    return ok;
}
