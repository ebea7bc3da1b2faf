/* Who may read, write, resize or share a node: what users want, passed down the graph */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph-int.h"

enum {
    WRITING = BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE,
};

static char *perm_names(uint32_t perm)
{
    static const char *const names[] = { "consistent read", "write", "write unchanged",
                                         "resize" };
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (perm & BIT(i)) {
            g_string_append_printf(out, "%s%s", out->len ? ", " : "", names[i]);
        }
    }
    return g_string_free(out, false);
}

char *block_child_user(const BlockChild *child)
{
    return child->parent ? g_strdup_printf("node '%s'", child->parent->name)
                         : g_strdup(child->user);
}

static bool allows(const BlockChild *a, const BlockChild *b, Error **errp)
{
    uint32_t denied = b->perm & ~a->shared;
    g_autofree char *names = NULL, *a_user = NULL, *b_user = NULL;

    if (!denied) {
        return true;
    }
    names = perm_names(denied);
    a_user = block_child_user(a);
    b_user = block_child_user(b);
    error_set(errp, "Permission conflict on node '%s': permissions '%s' are both required by %s "
              "(uses node '%s' as '%s' child) and unshared by %s (uses node '%s' as '%s' child).",
              a->node->name, names, b_user, b->node->name, b->name, a_user, a->node->name,
              a->name);
    return false;
}

static bool check_users(BlockNode *node, Error **errp)
{
    BlockChild *a, *b;

    for (ListLink *i = node->users.next; i != &node->users; i = i->next) {
        a = list_entry(i, BlockChild, link);
        for (ListLink *j = i->next; j != &node->users; j = j->next) {
            b = list_entry(j, BlockChild, link);
            if (!allows(a, b, errp) || !allows(b, a, errp)) {
                return false;
            }
        }
    }
    return true;
}

/* What a child gets by its role alone. */
static void perm_by_role(const BlockNode *node, unsigned role, uint32_t perm, uint32_t shared,
                         uint32_t *child_perm, uint32_t *child_shared)
{
    if (role & BLOCK_CHILD_COW) {
        /* It is the overlay's content: it may be read only as long as nobody changes it. */
        *child_perm = perm & BLOCK_PERM_CONSISTENT_READ;
        *child_shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED |
                        (shared & BLOCK_PERM_WRITE ? WRITING : 0);
        return;
    }
    *child_perm = perm;
    *child_shared = shared;
    if (role & BLOCK_CHILD_METADATA) {
        *child_perm |= (node->read_only ? 0 : WRITING) |
                       (node->open_flags & BLOCK_OPEN_NO_IO ? 0 : BLOCK_PERM_CONSISTENT_READ);
        *child_shared &= ~WRITING;
    }
    if (role & BLOCK_CHILD_DATA) {
        *child_shared &= ~WRITING;
        *child_perm |= perm & BLOCK_PERM_WRITE_UNCHANGED ? BLOCK_PERM_WRITE : 0;
        *child_perm |= *child_perm & BLOCK_PERM_WRITE ? BLOCK_PERM_RESIZE : 0;
    }
}

/* --- steps --- */

typedef struct SavedPerm {
    uint32_t *perm, *shared;
    uint32_t old_perm, old_shared;
} SavedPerm;

static void restore(void *opaque)
{
    SavedPerm *saved = opaque;

    *saved->perm = saved->old_perm;
    *saved->shared = saved->old_shared;
}

static const BlockTranOps saved_ops = { .abort = restore, .clean = g_free };

static void change(uint32_t *perm, uint32_t *shared, uint32_t new_perm, uint32_t new_shared,
                   BlockTran *tran)
{
    SavedPerm *saved = g_new(SavedPerm, 1);

    *saved = (SavedPerm){ perm, shared, *perm, *shared };
    block_tran_add(tran, &saved_ops, saved);
    *perm = new_perm;
    *shared = new_shared;
}

static void driver_commit(void *opaque)
{
    BlockNode *node = opaque;

    if (node->driver->set_perm) {
        node->driver->set_perm(node, node->perm, node->shared);
    }
}

static void driver_abort(void *opaque)
{
    BlockNode *node = opaque;

    if (node->driver->abort_perm) {
        node->driver->abort_perm(node);
    }
}

static const BlockTranOps driver_ops = { .commit = driver_commit, .abort = driver_abort };

static void refresh_child(BlockNode *node, BlockChild *child, BlockTran *tran)
{
    uint32_t perm, shared;

    if (node->driver->child_perm) {
        node->driver->child_perm(node, child, node->perm, node->shared, &perm, &shared);
    } else {
        perm_by_role(node, child->role, node->perm, node->shared, &perm, &shared);
    }
    change(&child->perm, &child->shared, perm,
           child->node->force_share ? BLOCK_PERM_ALL : shared, tran);
}

static bool refresh_node(BlockNode *node, BlockTran *tran, Error **errp)
{
    uint32_t perm = 0, shared = BLOCK_PERM_ALL;
    BlockChild *child;

    list_for_each(child, &node->users, BlockChild, link) {
        perm |= child->perm;
        shared &= child->shared;
    }
    if (node->read_only && perm & (BLOCK_PERM_WRITE | BLOCK_PERM_WRITE_UNCHANGED)) {
        error_set(errp, "Block node is read-only");
        return false;
    }
    if (!check_users(node, errp)) {
        return false;
    }
    change(&node->perm, &node->shared, perm, shared, tran);
    if (node->driver->check_perm && !node->driver->check_perm(node, perm, shared, errp)) {
        return false;
    }
    block_tran_add(tran, &driver_ops, node);
    list_for_each(child, &node->children, BlockChild, sibling) {
        refresh_child(node, child, tran);
    }
    return true;
}

/* Below first; the caller goes through it from the end, so that users come before the used. */
static void add_sorted(BlockNode *node, GPtrArray *order)
{
    BlockChild *child;

    if (g_ptr_array_find(order, node, NULL)) {
        return;
    }
    list_for_each(child, &node->children, BlockChild, sibling) {
        add_sorted(child->node, order);
    }
    g_ptr_array_add(order, node);
}

bool block_perm_refresh(BlockNode *const *nodes, unsigned n, BlockTran *tran, Error **errp)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    bool ok = true;

    for (unsigned i = 0; i < n; i++) {
        add_sorted(nodes[i], order);
    }
    for (unsigned i = order->len; ok && i--;) {
        ok = refresh_node(order->pdata[i], tran, errp);
    }
    return ok;
}

bool block_perm_refresh_now(BlockNode *node, Error **errp)
{
    BlockTran *tran = block_tran_new();

    return block_tran_finish(tran, block_perm_refresh(&node, 1, tran, errp));
}

bool block_node_refresh_perm(BlockNode *node, Error **errp)
{
    return block_perm_refresh_now(node, errp);
}

bool block_child_set_perm(BlockChild *child, uint32_t perm, uint32_t shared, Error **errp)
{
    BlockTran *tran = block_tran_new();

    change(&child->perm, &child->shared, perm,
           child->node->force_share ? BLOCK_PERM_ALL : shared, tran);
    return block_tran_finish(tran, block_perm_refresh(&child->node, 1, tran, errp));
}
