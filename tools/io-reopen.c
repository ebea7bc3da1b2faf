/* mica-io: reopen, new options for the image that is open */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "tools/io.h"

typedef struct ReopenArgs {
    bool read_only, read_write;
    const char *cache;
    GPtrArray *options;
} ReopenArgs;

static const ToolOption reopen_options[] = {
    TOOL_OPT_FLAG(ReopenArgs, read_only, 'r', NULL),
    TOOL_OPT_FLAG(ReopenArgs, read_write, 'w', NULL),
    TOOL_OPT_TEXT(ReopenArgs, cache, 'c', NULL),
    TOOL_OPT_TEXTS(ReopenArgs, options, 'o', NULL),
    TOOL_OPT_END
};

static void put(Json *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

/* One option as text becomes what the schema says it is. */
static bool add_typed(Json *all, const char *key, Json *text, Error **errp)
{
    g_autoptr(BlockdevOptions) parsed = NULL;
    JSON_AUTO one = json_object_new_object();
    JSON_AUTO typed = NULL;
    Error *err = NULL;
    Json *value;

    put(one, "driver", json_object_get_string(json_object_object_get(all, "driver")));
    if (json_object_object_get_ex(all, "file", NULL)) {
        put(one, "file", "x");
    }
    json_object_object_add(one, key, json_object_get(text));
    parsed = qapi_parse_BlockdevOptions(one, QAPI_KEYVAL, &err);
    typed = parsed ? qapi_to_json_BlockdevOptions(parsed) : NULL;
    if (typed && json_object_object_get_ex(typed, key, &value)) {
        json_object_object_add(all, key, json_object_get(value));
        return true;
    }
    if (err && strstr(error_text(err), "expects")) {
        error_propagate(errp, err);
    } else {
        error_free(err);
        error_set(errp, "Cannot change the option '%s'", key);
    }
    return false;
}

static bool is_text(Json *value, const char *text)
{
    return json_object_is_type(value, json_type_string) &&
           !strcmp(json_object_get_string(value), text);
}

/* What a node is may be said again, and not be changed. */
static bool same_node(const BlockNode *node, const char *key, Json *value)
{
    return (!strcmp(key, "node-name") && is_text(value, block_node_name(node))) ||
           (!strcmp(key, "driver") && is_text(value, node->driver->name));
}

static bool check_child(const BlockChild *child, Json *given, Error **errp)
{
    json_object_object_foreach(given, key, value) {
        if (!same_node(child->node, key, value)) {
            error_set(errp, "Cannot change the option '%s'", key);
            return false;
        }
    }
    return true;
}

static const BlockChild *find_child(const BlockNode *node, const char *name)
{
    BlockChild *child;

    list_for_each(child, &node->children, BlockChild, sibling) {
        if (!strcmp(child->name, name)) {
            return child;
        }
    }
    return NULL;
}

static bool add_given(const BlockNode *node, Json *all, const char *text, Error **errp)
{
    JSON_AUTO given = keyval_parse_bare(text, NULL, NULL, errp);

    if (!given) {
        return false;
    }
    json_object_object_foreach(given, key, value) {
        const BlockChild *child = find_child(node, key);

        if (child && json_object_is_type(value, json_type_object)) {
            if (!check_child(child, value, errp)) {
                return false;
            }
        } else if (!strcmp(key, "node-name") || !strcmp(key, "driver")) {
            if (!same_node(node, key, value)) {
                error_set(errp, "Cannot change the option '%s'", key);
                return false;
            }
        } else if (!add_typed(all, key, value, errp)) {
            return false;
        }
    }
    return true;
}

static bool has_cache(const char *text)
{
    return g_str_has_prefix(text, "cache.") || strstr(text, ",cache.");
}

static void put_cache(Json *all, const ToolCache *cache)
{
    Json *object = json_object_new_object();

    json_object_object_add(object, "direct", json_object_new_boolean(cache->direct));
    json_object_object_add(object, "no-flush", json_object_new_boolean(cache->no_flush));
    json_object_object_add(all, "cache", object);
}

static bool check_args(const ReopenArgs *args, const char *text, ToolCache *cache)
{
    if (args->read_only && args->read_write) {
        report_error("Only one -r/-w option may be given");
        return false;
    }
    if (args->cache && !tool_parse_cache(args->cache, cache)) {
        report_error("Invalid cache option: %s", args->cache);
        return false;
    }
    if (text && args->cache && has_cache(text)) {
        report_error("Cannot set both -c and the cache options");
        return false;
    }
    if (text && (args->read_only || args->read_write) && strstr(text, "read-only")) {
        report_error("Cannot set both -r/-w and 'read-only'");
        return false;
    }
    return true;
}

static bool co_reopen(Io *io, const ReopenArgs *args, const char *text, const ToolCache *cache,
                      Error **errp)
{
    BlockNode *node = io->image.node;
    g_autoptr(BlockdevOptions) options = NULL;
    JSON_AUTO all = node->options ? qapi_to_json_BlockdevOptions(node->options) : NULL;

    if (!all) {
        error_set(errp, "Node '%s' cannot be reopened", block_node_name(node));
        return false;
    }
    if (text && !add_given(node, all, text, errp)) {
        return false;
    }
    if (args->read_only || args->read_write) {
        json_object_object_add(all, "read-only", json_object_new_boolean(args->read_only));
    }
    if (args->cache) {
        put_cache(all, cache);
    }
    options = qapi_parse_BlockdevOptions(all, QAPI_STRICT, errp);
    if (!options) {
        return false;
    }
    if (!options->node_name) {
        options->node_name = g_strdup(block_node_name(node));
    }
    return co_block_reopen(&options, 1, errp);
}

int co_io_reopen(Io *io, int argc, char **argv)
{
    BlockChild *user = io->image.user;
    ReopenArgs args = {};
    ToolCache cache = io->image.cache;
    g_autofree char *text = NULL;
    uint32_t perm = user->perm;
    Error *err = NULL;

    if (!io_parse(io_find("reopen"), reopen_options, &args, &argc, &argv)) {
        return -EINVAL;
    }
    if (argc) {
        io_usage(io_find("reopen"));
        return -EINVAL;
    }
    if (args.options) {
        g_ptr_array_add(args.options, NULL);
        text = g_strjoinv(",", (char **)args.options->pdata);
        g_ptr_array_free(args.options, true);
    }
    if (!check_args(&args, text, &cache)) {
        return -EINVAL;
    }
    co_io_drain(io);
    if (args.read_only) {
        block_child_set_perm(user, perm & ~BLOCK_PERM_WRITE, user->shared, NULL);
    }
    if (!co_reopen(io, &args, text, &cache, &err)) {
        error_report(err);
        block_child_set_perm(user, perm, user->shared, NULL);
        return -EINVAL;
    }
    io->image.cache = cache;
    if (!io->image.node->read_only &&
        !block_child_set_perm(user, perm | BLOCK_PERM_WRITE, user->shared, &err)) {
        error_report(err);
        return -EINVAL;
    }
    return 0;
}
