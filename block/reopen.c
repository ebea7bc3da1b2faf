/* New options for open nodes, all or nothing: read-only, caching, children, what drivers allow */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph-int.h"
#include "block/graph.h"
#include "qapi/commands-block-qmp.h"

/* Options of every node: these may change. */
static const char *const generic[] = { "driver", "node-name", "discard", "cache", "read-only",
                                       "auto-read-only", "force-share", "detect-zeroes", NULL };

typedef struct Item {
    BlockNode *node;
    BlockdevOptions *options;
    Json *json;                 /* the same */
    BlockNode next;             /* its generic options only */
    bool prepared;
} Item;

typedef struct Reopen {
    GPtrArray *items;           /* parents before children */
    bool keep_graph;            /* what options say of children may be old: they stay */
} Reopen;

static void item_free(gpointer opaque)
{
    Item *item = opaque;

    qapi_free_BlockdevOptions(item->options);
    json_object_put(item->json);
    g_free(item);
}

/* --- what is asked for --- */

static bool add_item(Reopen *r, BlockNode *node, const BlockdevOptions *options, Error **errp);

static Json *child_json(const Item *item, const BlockChild *child)
{
    JSON_AUTO old = qapi_to_json_BlockdevOptions(item->node->options);
    Json *given = json_object_object_get(item->json, child->name);
    Json *was = json_object_object_get(old, child->name), *own;
    static const char *const inherited[] = { "read-only", "auto-read-only", "force-share", "cache",
                                             NULL };

    if (json_object_is_type(given, json_type_object)) {
        return json_object_get(given);
    }
    if (json_object_is_type(was, json_type_object)) {
        return json_object_get(was);
    }
    own = qapi_to_json_BlockdevOptions(child->node->options);
    for (unsigned i = 0; inherited[i]; i++) {
        json_object_object_del(own, inherited[i]);
    }
    return own;
}

static bool names(Json *ref, const char *node_name)
{
    return json_object_is_type(ref, json_type_string) &&
           !strcmp(json_object_get_string(ref), node_name);
}

/* A child that was opened with its parent follows it. */
static bool add_child(Reopen *r, Item *item, const BlockChild *child, Error **errp)
{
    Json *given = json_object_object_get(item->json, child->name);
    g_autoptr(BlockdevOptions) parsed = NULL, full = NULL;
    JSON_AUTO json = NULL;

    if (!child->inherits || !child->node->options ||
        (given && json_object_is_type(given, json_type_string) &&
         !names(given, child->node->name)) ||
        (!given && child->role & BLOCK_CHILD_COW)) {
        return true;
    }
    json = child_json(item, child);
    parsed = qapi_parse_BlockdevOptions(json, QAPI_STRICT, errp);
    if (!parsed) {
        return false;
    }
    full = block_inherit_options(&item->next, child->role, parsed);
    return add_item(r, child->node, full, errp);
}

static bool add_item(Reopen *r, BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    Item *item;
    BlockChild *child;

    for (unsigned i = 0; i < r->items->len; i++) {
        if (((Item *)r->items->pdata[i])->node == node) {
            return true;
        }
    }
    if (!node->options || strcmp(BlockdevDriver_name(options->driver), node->driver->name)) {
        error_set(errp, "Cannot change the option 'driver'");
        return false;
    }
    item = g_new0(Item, 1);
    item->node = node;
    item->options = qapi_copy_BlockdevOptions(options);
    item->json = qapi_to_json_BlockdevOptions(options);
    g_ptr_array_add(r->items, item);
    if (!block_node_set_generic(&item->next, options, errp)) {
        return false;
    }
    list_for_each(child, &node->children, BlockChild, sibling) {
        if (!add_child(r, item, child, errp)) {
            return false;
        }
    }
    return true;
}

/* --- what may not change --- */

static bool is_child(const BlockNode *node, const char *key)
{
    BlockChild *child;

    list_for_each(child, &node->children, BlockChild, sibling) {
        if (!strcmp(child->name, key)) {
            return true;
        }
    }
    return !strcmp(key, "backing");
}

static bool check_option(const Item *item, const char *key, Json *old, Json *new, Error **errp)
{
    const char *const *mutable = item->node->driver->mutable_options;

    if (g_strv_contains(generic, key) || is_child(item->node, key) ||
        (mutable && g_strv_contains(mutable, key)) || json_object_equal(old, new)) {
        return true;
    }
    if (!new) {
        error_set(errp, "Option '%s' can't be reset to its default value", key);
    } else {
        error_set(errp, "Cannot change the option '%s'", key);
    }
    return false;
}

static bool check_options(const Item *item, Error **errp)
{
    JSON_AUTO old = qapi_to_json_BlockdevOptions(item->node->options);
    BlockNode *node = item->node;

    json_object_object_foreach(item->json, key, value) {
        if (!check_option(item, key, json_object_object_get(old, key), value, errp)) {
            return false;
        }
    }
    json_object_object_foreach(old, old_key, old_value) {
        if (!json_object_object_get_ex(item->json, old_key, NULL) &&
            !check_option(item, old_key, old_value, NULL, errp)) {
            return false;
        }
    }
    if (node->backing && !node->backing->inherits &&
        !json_object_object_get_ex(item->json, "backing", NULL) &&
        json_object_object_get_ex(old, "backing", NULL)) {
        error_set(errp, "backing is missing for '%s'", node->name);
        return false;
    }
    return true;
}

/* --- the steps --- */

typedef struct SavedOptions {
    BlockNode *node;
    bool read_only, auto_read_only, cache_direct, no_flush, discard, force_share;
    BlockdevDetectZeroesOptions detect_zeroes;
} SavedOptions;

static void copy_generic(BlockNode *to, const SavedOptions *from)
{
    to->read_only = from->read_only;
    to->auto_read_only = from->auto_read_only;
    to->cache_direct = from->cache_direct;
    to->no_flush = from->no_flush;
    to->discard = from->discard;
    to->force_share = from->force_share;
    to->detect_zeroes = from->detect_zeroes;
}

static SavedOptions generic_of(const BlockNode *node)
{
    return (SavedOptions){
        .read_only = node->read_only, .auto_read_only = node->auto_read_only,
        .cache_direct = node->cache_direct, .no_flush = node->no_flush,
        .discard = node->discard, .force_share = node->force_share,
        .detect_zeroes = node->detect_zeroes,
    };
}

static void options_abort(void *opaque)
{
    SavedOptions *saved = opaque;

    copy_generic(saved->node, saved);
}

static const BlockTranOps options_ops = { .abort = options_abort, .clean = g_free };

static void set_options(Item *item, BlockTran *tran)
{
    SavedOptions *saved = g_new(SavedOptions, 1), next = generic_of(&item->next);

    *saved = generic_of(item->node);
    saved->node = item->node;
    copy_generic(item->node, &next);
    block_tran_add(tran, &options_ops, saved);
}

static bool move_child(Item *item, BlockChild *child, const char *name, BlockTran *tran,
                       Error **errp)
{
    BlockNode *to = block_node_find(name);

    if (!to) {
        error_set(errp, "Cannot find device='' nor node-name='%s'", name);
        return false;
    }
    if (to == child->node) {
        return true;
    }
    if (block_chain_contains(to, item->node)) {
        error_set(errp, "Making '%s' a %s child of '%s' would create a cycle", to->name,
                  child->name, item->node->name);
        return false;
    }
    if (child->frozen) {
        error_set(errp, "Cannot change frozen '%s' link from '%s' to '%s'", child->name,
                  item->node->name, child->node->name);
        return false;
    }
    if (to->length < item->node->length && child->role & BLOCK_CHILD_FILTERED) {
        error_set(errp, "'%s' is shorter than '%s'", to->name, item->node->name);
        return false;
    }
    block_child_replace_tran(child, to, tran);
    return true;
}

static bool set_backing(Item *item, BlockTran *tran, Error **errp)
{
    BlockNode *node = item->node, *to = NULL;
    Json *value;

    if (!json_object_object_get_ex(item->json, "backing", &value) ||
        json_object_is_type(value, json_type_object)) {
        return true;
    }
    if (value) {
        to = block_node_find(json_object_get_string(value));
        if (!to) {
            error_set(errp, "Cannot find device='' nor node-name='%s'",
                      json_object_get_string(value));
            return false;
        }
    }
    if (to == (node->backing ? node->backing->node : NULL)) {
        return true;
    }
    return block_node_set_backing_tran(node, to, tran, errp);
}

static bool set_children(Item *item, BlockTran *tran, Error **errp)
{
    BlockChild *child;

    list_for_each(child, &item->node->children, BlockChild, sibling) {
        Json *value = json_object_object_get(item->json, child->name);

        if (!(child->role & BLOCK_CHILD_COW) && json_object_is_type(value, json_type_string) &&
            !move_child(item, child, json_object_get_string(value), tran, errp)) {
            return false;
        }
    }
    return set_backing(item, tran, errp);
}

static bool apply(Reopen *r, BlockTran *tran, Error **errp)
{
    g_autofree BlockNode **nodes = g_new(BlockNode *, r->items->len);

    for (unsigned i = 0; i < r->items->len; i++) {
        Item *item = r->items->pdata[i];

        nodes[i] = item->node;
        set_options(item, tran);
    }
    for (unsigned i = 0; i < r->items->len && !r->keep_graph; i++) {
        if (!set_children(r->items->pdata[i], tran, errp)) {
            return false;
        }
    }
    return block_graph_refresh(nodes, r->items->len, tran, errp);
}

/* --- the whole --- */

static bool co_prepare(Item *item, Error **errp)
{
    BlockNode *node = item->node;
    int ret = node->read_only ? 0 : co_node_flush(node);

    if (ret) {
        error_set_errno(errp, -ret, "Error flushing drive");
        return false;
    }
    if (node->driver->co_reopen_prepare) {
        item->prepared = node->driver->co_reopen_prepare(node, item->options, &item->next, errp);
        return item->prepared;
    }
    return true;
}

static void co_end(Item *item, bool ok)
{
    BlockNode *node = item->node;
    void (*end)(BlockNode *node) = ok ? node->driver->co_reopen_commit
                                      : node->driver->co_reopen_abort;

    if (item->prepared && end) {
        end(node);
    }
    if (ok) {
        qapi_free_BlockdevOptions(node->options);
        node->options = g_steal_pointer(&item->options);
    }
}

static bool co_reopen_items(Reopen *r, Error **errp)
{
    bool ok = true;
    BlockTran *tran;

    for (unsigned i = 0; ok && i < r->items->len; i++) {
        ok = (r->keep_graph || check_options(r->items->pdata[i], errp)) &&
             co_prepare(r->items->pdata[i], errp);
    }
    tran = block_tran_new();
    ok = block_tran_finish(tran, ok && apply(r, tran, errp));
    for (unsigned i = 0; i < r->items->len; i++) {
        co_end(r->items->pdata[i], ok);
    }
    return ok;
}

static bool co_reopen(BlockdevOptions *const *options, unsigned n, bool keep_graph, Error **errp)
{
    Reopen r = { g_ptr_array_new_with_free_func(item_free), keep_graph };
    bool ok = true;

    for (unsigned i = 0; ok && i < n; i++) {
        BlockNode *node = options[i]->node_name ? block_node_find(options[i]->node_name) : NULL;

        if (!options[i]->node_name) {
            error_set(errp, "node-name not specified");
        } else if (!node) {
            error_set(errp, "Failed to find node with node-name='%s'", options[i]->node_name);
        }
        ok = node && add_item(&r, node, options[i], errp);
    }
    if (ok) {
        for (unsigned i = 0; i < r.items->len; i++) {
            co_drain_begin(((Item *)r.items->pdata[i])->node);
        }
        ok = co_reopen_items(&r, errp);
        for (unsigned i = 0; i < r.items->len; i++) {
            block_drain_end(((Item *)r.items->pdata[i])->node);
        }
    }
    g_ptr_array_free(r.items, true);
    return ok;
}

bool co_block_reopen(BlockdevOptions *const *options, unsigned n, Error **errp)
{
    return co_reopen(options, n, false, errp);
}

bool co_block_set_read_only(BlockNode *node, bool read_only, Error **errp)
{
    g_autoptr(BlockdevOptions) o = NULL;

    if (!node->options) {
        error_set(errp, "Node '%s' cannot be reopened", node->name);
        return false;
    }
    o = qapi_copy_BlockdevOptions(node->options);
    o->has_read_only = true;
    o->read_only = read_only;
    if (!o->node_name) {
        o->node_name = g_strdup(node->name);
    }
    return co_reopen(&o, 1, true, errp);
}

void qmp_blockdev_reopen(BlockdevOptionsList *options, Error **errp)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (; options; options = options->next) {
        g_ptr_array_add(all, options->value);
    }
    co_block_reopen((BlockdevOptions *const *)all->pdata, all->len, errp);
}
