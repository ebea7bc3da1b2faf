/* Block nodes: open and close, names, children that are opened with their parents */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/graph-int.h"
#include "block/graph.h"
#include "util/trace.h"

enum {
    MAX_DEPTH = 200,            /* of children in children, as image headers may ask for */
};

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

void block_drivers_for_each(void (*fn)(const BlockDriver *driver, void *opaque), void *opaque)
{
    size_t n;
    const BlockDriver *const *drivers = registry_block_driver(&n);

    for (size_t i = 0; i < n; i++) {
        fn(drivers[i], opaque);
    }
}

BlockNode *block_node_find(const char *node_name)
{
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        if (!node->opening && !strcmp(node->name, node_name)) {
            return node;
        }
    }
    return NULL;
}

static bool name_taken(const char *node_name)
{
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        if (!strcmp(node->name, node_name)) {
            return true;
        }
    }
    return false;
}

void block_nodes_for_each(void (*fn)(BlockNode *node, void *opaque), void *opaque)
{
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        if (!node->opening) {
            fn(node, opaque);
        }
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
    if (name_taken(name)) {
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
    qapi_free_BlockdevOptions(node->options);
    g_free(node->name);
    g_free(node->filename);
    g_free(node->backing_file);
    g_free(node->backing_format);
    g_free(node->auto_backing_file);
    g_free(node->state);
    g_free(node);
}

bool block_node_set_generic(BlockNode *node, const BlockdevOptions *o, Error **errp)
{
    node->read_only = o->has_read_only && o->read_only;
    node->auto_read_only = o->has_auto_read_only && o->auto_read_only;
    node->discard = o->has_discard && o->discard == BLOCKDEV_DISCARD_OPTIONS_UNMAP;
    node->force_share = o->has_force_share && o->force_share;
    node->detect_zeroes = o->has_detect_zeroes ? o->detect_zeroes : 0;
    node->cache_direct = o->cache && o->cache->has_direct && o->cache->direct;
    node->no_flush = o->cache && o->cache->has_no_flush && o->cache->no_flush;
    if (node->force_share && !node->read_only) {
        error_set(errp, "force-share=on can only be used with read-only images");
        return false;
    }
    if (node->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP && !node->discard) {
        error_set(errp, "setting detect-zeroes to unmap is not allowed without setting discard "
                  "operation to unmap");
        return false;
    }
    return true;
}

static BlockNode *node_alloc(void)
{
    BlockNode *node = g_new0(BlockNode, 1);

    node->refs = 1;
    node->home = loop_main();
    node->shared = BLOCK_PERM_ALL;
    list_init(&node->children);
    list_init(&node->users);
    list_init(&node->tracked);
    list_init(&node->dirty_bitmaps);
    return node;
}

static BlockNode *node_new(const BlockdevOptions *o, unsigned flags, Error **errp)
{
    BlockNode *node = node_alloc();

    node->driver = block_driver_find(BlockdevDriver_name(o->driver));
    node->open_flags = flags;
    if (!node->driver) {
        error_set(errp, "Unknown driver '%s'", BlockdevDriver_name(o->driver));
    } else if (set_name(node, o->node_name, errp) &&
               block_node_set_generic(node, o, errp)) {
        node->options = qapi_copy_BlockdevOptions(o);
        node->state = g_malloc0(MAX(node->driver->size, 1));
        return node;
    }
    node_free(node);
    return NULL;
}

BlockNode *block_node_new_internal(const BlockDriver *driver, const char *name, Error **errp)
{
    BlockNode *node = node_alloc();

    if (!set_name(node, name, errp)) {
        node_free(node);
        return NULL;
    }
    node->driver = driver;
    node->state = g_malloc0(MAX(driver->size, 1));
    list_append(&nodes, &node->link);
    return node;
}

BlockNode *co_block_open_at(const BlockdevOptions *o, unsigned flags, unsigned depth,
                            Error **errp)
{
    BlockNode *node;

    if (depth > MAX_DEPTH) {
        error_set(errp, "More than %d images stand on each other", MAX_DEPTH);
        return NULL;
    }
    node = node_new(o, flags, errp);
    if (!node) {
        return NULL;
    }
    node->depth = depth;
    node->opening = true;
    list_append(&nodes, &node->link);       /* its name is taken while it opens */
    if (!node->driver->co_open(node, o, errp)) {
        block_dirty_bitmaps_free_all(node);
        list_remove(&node->link);
        block_children_free(node);
        node_free(node);
        return NULL;
    }
    node->opening = false;
    list_remove(&node->link);
    list_append(&nodes, &node->link);       /* behind what it stands on, as queries show it */
    TRACE(block_node_open, "%s driver %s length %" PRId64 "%s", node->name, node->driver->name,
          node->length, node->read_only ? " read-only" : "");
    return node;
}

BlockNode *co_block_open_flags(const BlockdevOptions *o, unsigned flags, Error **errp)
{
    return co_block_open_at(o, flags, 0, errp);
}

BlockNode *co_block_open(const BlockdevOptions *o, Error **errp)
{
    return co_block_open_at(o, 0, 0, errp);
}

/* Closing */

void block_node_ref(BlockNode *node)
{
    node->refs++;
}

static unsigned closing;

static void co_flush_reporting(BlockNode *node)
{
    int ret = node->read_only || node->flushed == node->written ? 0 : co_node_flush(node);

    if (ret) {
        report_error("Failed to flush block node '%s': %s", node->name, g_strerror(-ret));
    }
}

static void co_close(void *opaque)
{
    BlockNode *node = opaque;

    TRACE(block_node_close, "%s", node->name);
    co_flush_reporting(node);
    if (node->driver->co_close) {
        node->driver->co_close(node);
    }
    block_dirty_bitmaps_free_all(node);
    list_remove(&node->link);
    block_children_free(node);
    node_free(node);
    closing--;
}

void block_node_unref(BlockNode *node)
{
    if (!node || --node->refs) {
        return;
    }
    g_assert(list_empty(&node->users) && !node->in_flight);
    node->opening = true;               /* not to be found any more */
    closing++;
    if (in_coroutine()) {
        co_close(node);
    } else {
        co_enter(co_create(co_close, node));
    }
}

static void co_settle(void)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        if (!node->opening) {
            block_node_ref(node);
            g_ptr_array_add(all, node);
        }
    }
    for (unsigned i = 0; i < all->len; i++) {
        node = all->pdata[i];
        while (node->in_flight) {
            co_sleep(CLOCK_TYPE_REALTIME, 1000000);
        }
        co_flush_reporting(node);
        block_node_unref(node);
    }
}

/* Users go before what they stand on; what remains is still used by a device. */
static void co_close_owned(void)
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

static void co_close_all(void *opaque)
{
    blk_cancel_all();
    co_settle();
    co_close_owned();
    while (closing) {
        co_sleep(CLOCK_TYPE_REALTIME, 1000000);
    }
}

/* How long the end of the program waits for a server that says nothing. */
#define ABANDON_NS (5 * NS_PER_SECOND)

bool block_node_can_yank(const BlockNode *node)
{
    return node->driver->abandon;
}

void block_node_yank(BlockNode *node)
{
    node->driver->abandon(node);
}

static Timer abandon_timer;

static void abandon(void *opaque)
{
    BlockNode *node;

    list_for_each(node, &nodes, BlockNode, link) {
        if (node->in_flight && node->driver->abandon) {
            report_warning("block node '%s' (%s): no answer from its storage, giving up",
                           node->name, node->driver->name);
            node->driver->abandon(node);
        }
    }
    timer_arm(&abandon_timer, clock_ns(CLOCK_TYPE_REALTIME) + ABANDON_NS);
}

/* What filters hold back goes on: what waits for it ends sooner. */
static void release_held(BlockNode *node, void *opaque)
{
    if (node->driver->drain_begin && !node->quiesce) {
        node->driver->drain_begin(node);
    }
}

void block_end_begin(void)
{
    block_nodes_for_each(release_held, NULL);
    timer_init(&abandon_timer, CLOCK_TYPE_REALTIME, abandon, NULL);
    timer_arm(&abandon_timer, clock_ns(CLOCK_TYPE_REALTIME) + ABANDON_NS);
}

void block_close_all(void)
{
    if (!list_empty(&nodes)) {
        co_run(co_close_all, NULL);
    }
    timer_disarm(&abandon_timer);
}

/* Nodes with names */

bool co_blockdev_add(const Json *options, QapiMode mode, Error **errp)
{
    BlockNode *node;

    if (!json_object_object_get(options, "node-name")) {
        error_set(errp, "'node-name' must be specified for the root node");
        return false;
    }
    node = co_block_open_json(options, mode, errp);
    if (node) {
        node->owned = true;
    }
    return node;
}

bool co_blockdev_add_options(const BlockdevOptions *options, Error **errp)
{
    BlockNode *node;

    if (!options->node_name) {
        error_set(errp, "'node-name' must be specified for the root node");
        return false;
    }
    node = co_block_open(options, errp);
    if (node) {
        node->owned = true;
    }
    return node;
}

bool co_blockdev_del(const char *node_name, Error **errp)
{
    BlockNode *node = block_node_find(node_name);
    BlockChild *user;

    if (!node) {
        error_set(errp, "Failed to find node with node-name='%s'", node_name);
        return false;
    }
    list_for_each(user, &node->users, BlockChild, link) {
        if (!user->parent) {
            error_set(errp, "Node %s is in use", node_name);
            return false;
        }
    }
    if (!node->owned || node->refs > 1) {
        error_set(errp, node->owned ? "Block device %s is in use"
                                    : "Node %s is not owned by the monitor", node_name);
        return false;
    }
    node->owned = false;
    block_node_unref(node);
    return true;
}

typedef struct Startup {
    const Json *options;
    QapiMode mode;
    Error **errp;
    BlockNode *node;
    bool ok;
} Startup;

static void co_startup_open(void *opaque)
{
    Startup *s = opaque;

    s->node = co_block_open_json(s->options, s->mode, s->errp);
}

BlockNode *block_open_json(const Json *options, QapiMode mode, Error **errp)
{
    Startup s = { options, mode, errp };

    co_run(co_startup_open, &s);
    return s.node;
}

static void co_startup_add(void *opaque)
{
    Startup *s = opaque;

    s->ok = co_blockdev_add(s->options, s->mode, s->errp);
}

bool blockdev_add(const Json *options, QapiMode mode, Error **errp)
{
    Startup s = { options, mode, errp };

    co_run(co_startup_add, &s);
    return s.ok;
}

typedef struct StartupRead {
    BlockNode *node;
    int64_t offset, bytes;
    void *buf;
    int ret;
} StartupRead;

static void co_startup_read(void *opaque)
{
    StartupRead *r = opaque;

    r->ret = co_node_pread(r->node, r->offset, r->buf, r->bytes);
}

bool blk_read_at_start(BlockBackend *blk, int64_t offset, void *buf, int64_t bytes, Error **errp)
{
    StartupRead r = { blk_node(blk), offset, bytes, buf, -ENOMEDIUM };

    if (r.node) {
        co_run(co_startup_read, &r);
    }
    if (r.ret < 0) {
        error_set_errno(errp, -r.ret, "cannot read block device '%s'",
                        blk_id(blk) ? blk_id(blk) : r.node ? block_node_name(r.node) : "");
    }
    return r.ret >= 0;
}

/* Children that are opened with their parents */

/*
 * It follows its parent in what it does not say itself: caching, sharing, and
 * whether it may be written.
 */
BlockdevOptions *block_inherit_options(const BlockNode *parent, unsigned role,
                                       const BlockdevOptions *given)
{
    BlockdevOptions *o = qapi_copy_BlockdevOptions(given);
    bool cow = role & BLOCK_CHILD_COW;

    if (!o->has_read_only) {
        o->has_read_only = true;
        o->read_only = cow || parent->read_only;
    }
    if (!o->has_auto_read_only) {
        o->has_auto_read_only = true;
        o->auto_read_only = !cow && parent->auto_read_only;
    }
    if (!o->has_force_share) {
        o->has_force_share = true;
        o->force_share = parent->force_share;
    }
    if (!o->has_discard && !cow) {
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
    return o;
}

BlockNode *co_block_open_inline(const BlockNode *parent, unsigned role,
                                const BlockdevOptions *given, Error **errp)
{
    g_autoptr(BlockdevOptions) o = block_inherit_options(parent, role, given);
    unsigned flags = parent->open_flags & BLOCK_OPEN_NO_IO;

    if (role & BLOCK_CHILD_METADATA) {
        flags = 0;
    }
    return co_block_open_at(o, flags, parent->depth + 1, errp);
}

BlockChild *co_block_open_child(BlockNode *node, const char *name, unsigned role,
                                const BlockdevRef *ref, Error **errp)
{
    BlockNode *below;
    BlockChild *child;

    if (ref->type == BLOCKDEV_REF_REFERENCE) {
        below = block_node_find(ref->u.reference);
        if (!below) {
            error_set(errp, "Cannot find device='%s' nor node-name='%s'", ref->u.reference,
                      ref->u.reference);
            return NULL;
        }
        block_node_ref(below);
    } else {
        below = co_block_open_inline(node, role, &ref->u.definition, errp);
        if (!below) {
            return NULL;
        }
    }
    child = block_child_attach(node, name, role, below, errp);
    block_node_unref(below);            /* the child holds it */
    if (child) {
        child->inherits = ref->type == BLOCKDEV_REF_DEFINITION;
    }
    return child;
}

bool co_block_open_file(BlockNode *node, unsigned role, const BlockdevRef *ref, Error **errp)
{
    node->file = co_block_open_child(node, "file", role, ref, errp);
    return node->file;
}

void block_node_set_length(BlockNode *node, int64_t length)
{
    BlockChild *user;

    if (node->length == length) {
        return;
    }
    node->length = length;
    block_dirty_bitmaps_truncate(node, length);
    list_for_each(user, &node->users, BlockChild, link) {
        if (user->ops && user->ops->resized) {
            user->ops->resized(user);
        } else if (user->parent && user->parent->driver->filter &&
                   block_filtered(user->parent) == node) {
            block_node_set_length(user->parent, length);
        }
    }
}

bool block_get_info(BlockNode *node, BlockDriverInfo *info)
{
    BlockNode *below = block_filtered(node);

    *info = (BlockDriverInfo){};
    if (node->driver->get_info) {
        return node->driver->get_info(node, info);
    }
    return below && block_get_info(below, info);
}
