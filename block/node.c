/* Block nodes: open and close, names, who uses them and what they may do */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "util/co-lock.h"
#include "util/trace.h"

REGISTRY(block_driver, BlockDriver)

static List nodes = { &nodes, &nodes };

const BlockDriver *block_driver_find(const char *name)
{
    size_t n;
    const BlockDriver *const *drivers = registry_block_driver(&n);

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(drivers[i]->name, name)) {
            return drivers[i];
        }
    }
    return NULL;
}

BlockNode *block_node_find(const char *node_name)
{
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        if (!strcmp(node->name, node_name)) {
            return node;
        }
    }
    return NULL;
}

void block_nodes_for_each(void (*fn)(BlockNode *node, void *opaque), void *opaque)
{
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        fn(node, opaque);
    }
}

const char *block_node_name(const BlockNode *node)
{
    return node->name;
}

int64_t block_node_length(const BlockNode *node)
{
    return node->length;
}

bool block_node_read_only(const BlockNode *node)
{
    return node->read_only;
}

/* Permissions */

static char *perm_names(uint32_t perm)
{
    static const char *const names[] = { "consistent read", "write", "write unchanged",
                                         "resize" };
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (perm & BIT(i)) {
            g_string_append_printf(out, "%s'%s'", out->len ? ", " : "", names[i]);
        }
    }
    return g_string_free(out, false);
}

static bool check_users(BlockNode *node, const BlockChild *child, Error **errp)
{
    BlockChild *other;

    list_for_each(other, &node->users, BlockChild, link) {
        uint32_t refused = child->perm & ~other->shared;
        uint32_t denied = other->perm & ~child->shared;
        g_autofree char *names = perm_names(refused ? refused : denied);

        if (other == child || !(refused | denied)) {
            continue;
        }
        if (refused) {
            error_set(errp, "Conflicts with use by %s, which does not allow %s on %s",
                      other->user, names, node->name);
        } else {
            error_set(errp, "Conflicts with use by %s, which uses %s on %s", other->user, names,
                      node->name);
        }
        return false;
    }
    return true;
}

/* Pass on to the driver and the node below what all users together want. */
static bool update_perm(BlockNode *node, Error **errp)
{
    uint32_t perm = 0, shared = BLOCK_PERM_ALL, below, below_shared;
    BlockChild *user;

    list_for_each(user, &node->users, BlockChild, link) {
        perm |= user->perm;
        shared &= user->shared;
    }
    if (node->read_only && perm & (BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE)) {
        error_set(errp, "Block node '%s' is read-only", node->name);
        return false;
    }
    if (node->driver->set_perm && !node->driver->set_perm(node, perm, shared, errp)) {
        return false;
    }
    if (!node->file) {
        return true;
    }
    below = perm;
    below_shared = shared;
    if (node->driver->child_perm) {
        node->driver->child_perm(node, perm, shared, &below, &below_shared);
    }
    return block_child_set_perm(node->file, below, below_shared, errp);
}

bool block_child_set_perm(BlockChild *child, uint32_t perm, uint32_t shared, Error **errp)
{
    uint32_t old_perm = child->perm, old_shared = child->shared;

    child->perm = perm;
    child->shared = child->node->force_share ? BLOCK_PERM_ALL : shared;
    if (check_users(child->node, child, errp) && update_perm(child->node, errp)) {
        return true;
    }
    child->perm = old_perm;
    child->shared = old_shared;
    update_perm(child->node, NULL);
    return false;
}

BlockChild *block_child_new(BlockNode *node, const char *user, uint32_t perm, uint32_t shared,
                            Error **errp)
{
    BlockChild *child = g_new0(BlockChild, 1);

    child->node = node;
    child->user = g_strdup(user);
    child->shared = BLOCK_PERM_ALL;
    list_append(&node->users, &child->link);
    block_node_ref(node);
    if (!block_child_set_perm(child, perm, shared, errp)) {
        block_child_free(child);
        return NULL;
    }
    return child;
}

void block_child_free(BlockChild *child)
{
    if (child) {
        list_remove(&child->link);
        update_perm(child->node, NULL);
        block_node_unref(child->node);
        g_free(child->user);
        g_free(child);
    }
}

/* Opening */

static bool name_ok(const char *name)
{
    if (!g_ascii_isalpha(*name) || strlen(name) > 31) {
        return false;
    }
    for (; *name; name++) {
        if (!g_ascii_isalnum(*name) && !strchr("-._", *name)) {
            return false;
        }
    }
    return true;
}

static bool set_name(BlockNode *node, const char *name, Error **errp)
{
    static unsigned next;

    if (!name) {
        node->name = g_strdup_printf("#block%03u", next++);
        return true;
    }
    if (!name_ok(name)) {
        error_set(errp, "Invalid node-name: '%s'", name);
        error_hint(errp, "A name has 1 to 31 letters, digits, '-', '.' and '_', a letter first");
        return false;
    }
    if (block_node_find(name)) {
        error_set(errp, "Duplicate nodes with node-name='%s'", name);
        return false;
    }
    if (blk_find(name)) {
        error_set(errp, "node-name=%s is conflicting with a device id", name);
        return false;
    }
    node->name = g_strdup(name);
    return true;
}

static void node_free(BlockNode *node)
{
    g_free(node->name);
    g_free(node->filename);
    g_free(node->state);
    g_free(node);
}

BlockNode *block_open(const BlockdevOptions *o, Error **errp)
{
    BlockNode *node = g_new0(BlockNode, 1);

    node->driver = block_driver_find(BlockdevDriver_name(o->driver));
    g_assert(node->driver);
    node->refs = 1;
    node->home = loop_main();
    list_init(&node->users);
    list_init(&node->tracked);
    if (!set_name(node, o->node_name, errp)) {
        node_free(node);
        return NULL;
    }
    node->read_only = o->has_read_only && o->read_only;
    node->auto_read_only = o->has_auto_read_only && o->auto_read_only;
    node->discard = o->has_discard && o->discard == BLOCKDEV_DISCARD_OPTIONS_UNMAP;
    node->force_share = o->has_force_share && o->force_share;
    node->detect_zeroes = o->has_detect_zeroes ? o->detect_zeroes : 0;
    if (o->cache) {
        node->cache_direct = o->cache->has_direct && o->cache->direct;
        node->no_flush = o->cache->has_no_flush && o->cache->no_flush;
    }
    if (node->force_share && !node->read_only) {
        error_set(errp, "force-share=on can only be used with read-only images");
        node_free(node);
        return NULL;
    }
    if (node->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP && !node->discard) {
        error_set(errp, "setting detect-zeroes to unmap is not allowed without setting discard "
                  "operation to unmap");
        node_free(node);
        return NULL;
    }
    node->state = g_malloc0(MAX(node->driver->size, 1));
    if (!node->driver->open(node, o, errp)) {
        block_child_free(node->file);
        node_free(node);
        return NULL;
    }
    list_append(&nodes, &node->link);
    TRACE(block_node_open, "%s driver %s length %" PRId64 "%s", node->name, node->driver->name,
          node->length, node->read_only ? " read-only" : "");
    return node;
}

void block_node_ref(BlockNode *node)
{
    node->refs++;
}

void block_node_unref(BlockNode *node)
{
    if (!node || --node->refs) {
        return;
    }
    g_assert(list_empty(&node->users) && !node->in_flight);
    TRACE(block_node_close, "%s", node->name);
    list_remove(&node->link);
    if (node->driver->close) {
        node->driver->close(node);
    }
    block_child_free(node->file);
    node_free(node);
}

bool blockdev_del(const char *node_name, Error **errp)
{
    BlockNode *node = block_node_find(node_name);

    if (!node) {
        error_set(errp, "Failed to find node with node-name='%s'", node_name);
        return false;
    }
    if (!list_empty(&node->users)) {
        error_set(errp, "Node %s is in use", node_name);
        return false;
    }
    if (!node->owned) {
        error_set(errp, "Node %s is not owned by the monitor", node_name);
        return false;
    }
    block_node_unref(node);
    return true;
}

/*
 * A child defined in its parent's options follows it in what it does not say
 * itself: caching, sharing, and whether it may be written.
 */
static BlockNode *open_inline(const BlockNode *parent, const BlockdevOptions *given,
                              Error **errp)
{
    g_autoptr(BlockdevOptions) o = qapi_copy_BlockdevOptions(given);

    if (!o->has_read_only) {
        o->has_read_only = true;
        o->read_only = parent->read_only;
    }
    if (!o->has_auto_read_only) {
        o->has_auto_read_only = true;
        o->auto_read_only = parent->auto_read_only;
    }
    if (!o->has_force_share) {
        o->has_force_share = true;
        o->force_share = parent->force_share;
    }
    if (!o->has_discard) {
        /* The parent decides what is discarded; what it passes on is meant. */
        o->has_discard = true;
        o->discard = BLOCKDEV_DISCARD_OPTIONS_UNMAP;
    }
    if (!o->cache) {
        o->cache = g_new0(BlockdevCacheOptions, 1);
    }
    if (!o->cache->has_direct) {
        o->cache->has_direct = true;
        o->cache->direct = parent->cache_direct;
    }
    if (!o->cache->has_no_flush) {
        o->cache->has_no_flush = true;
        o->cache->no_flush = parent->no_flush;
    }
    return block_open(o, errp);
}

bool block_open_file(BlockNode *node, const BlockdevRef *ref, Error **errp)
{
    g_autofree char *user = g_strdup_printf("node '%s' as 'file'", node->name);
    BlockNode *child;

    if (ref->type == BLOCKDEV_REF_REFERENCE) {
        child = block_node_find(ref->u.reference);
        if (!child) {
            error_set(errp, "Cannot find device='' nor node-name='%s'", ref->u.reference);
            return false;
        }
        block_node_ref(child);
    } else {
        child = open_inline(node, &ref->u.definition, errp);
        if (!child) {
            return false;
        }
    }
    node->file = block_child_new(child, user, 0, BLOCK_PERM_ALL, errp);
    if (node->file) {
        node->filename = g_strdup(child->filename);
    }
    block_node_unref(child);            /* the user holds it */
    return node->file;
}

bool blockdev_add(const Json *options, QapiMode mode, Error **errp)
{
    BlockNode *node;

    if (!json_object_object_get(options, "node-name")) {
        error_set(errp, "'node-name' must be specified for the root node");
        return false;
    }
    node = block_open_json(options, mode, errp);
    if (node) {
        node->owned = true;
    }
    return node;
}

/* Users go before what they stand on; what remains is still used by a device. */
static void close_owned(void)
{
    BlockNode *node;
    bool closed;

    do {
        closed = false;
        list_for_each(node, &nodes, BlockNode, link) {
            if (node->owned && list_empty(&node->users) && !node->in_flight) {
                node->owned = false;
                block_node_unref(node);
                closed = true;
                break;
            }
        }
    } while (closed);
}

static void co_settle(void *opaque)
{
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        block_node_ref(node);
        while (node->in_flight) {
            co_sleep(CLOCK_TYPE_REALTIME, 1000000);
        }
        if (!node->read_only) {
            int ret = co_node_flush(node);

            if (ret) {
                report_error("Failed to flush block node '%s': %s", node->name,
                             g_strerror(-ret));
            }
        }
        node->refs--;
    }
}

void block_close_all(void)
{
    if (!list_empty(&nodes)) {
        co_run(co_settle, NULL);
        close_owned();
    }
}
