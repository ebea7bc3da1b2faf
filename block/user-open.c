/* Images as users name them: file names, options, or both; what they leave out is completed */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph-int.h"
#include "qapi/keyval.h"

#define HEAD_BYTES 2048     /* what a format is recognised by */

/* What is to be opened, while it is made up; scalars are texts. */
typedef struct Tree {
    Json *json;
    const BlockOpenHow *how;
    GPtrArray *below;           /* nodes that were opened to look at them; the tree names them */
    bool raw;                   /* the format was guessed */
} Tree;

static void put_text(Json *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static void put_bool(Json *object, const char *key, bool value)
{
    put_text(object, key, value ? "on" : "off");
}

static bool has(const Json *object, const char *key)
{
    return json_object_object_get_ex(object, key, NULL);
}

static const char *text_of(const Json *object, const char *key)
{
    return object ? keyval_get(object, key) : NULL;
}

static bool is_object(const Json *value)
{
    return json_object_is_type(value, json_type_object);
}

/* Has file names of its own, and stands on what the name says. */
static bool takes_name(const char *driver)
{
    const BlockDriver *d = driver ? block_driver_find(driver) : NULL;

    return d && (d->is_protocol || d->protocols);
}

static bool is_filter(const char *driver)
{
    const BlockDriver *d = block_driver_find(driver);

    return d && d->filter;
}

/* nbd with "host", "port" or "path", as it was named before there was "server". */
static void name_nbd_server(Json *object)
{
    static const char *const old[] = { "host", "port", "path" };
    Json *server = json_object_new_object(), *value;
    bool unix_path = has(object, "path");

    put_text(server, "type", unix_path ? "unix" : "inet");
    for (unsigned i = 0; i < ARRAY_SIZE(old); i++) {
        if (json_object_object_get_ex(object, old[i], &value)) {
            put_text(server, old[i], json_object_get_string(value));
            json_object_object_del(object, old[i]);
        }
    }
    if (!unix_path && !has(server, "port")) {
        put_text(server, "port", "10809");
    }
    json_object_object_add(object, "server", server);
}

static bool is_old_nbd(const Json *object)
{
    return !g_strcmp0(text_of(object, "driver"), "nbd") && !has(object, "server") &&
           (has(object, "host") || has(object, "path"));
}

/* Users write "offset": "512" as well as 512 in json:{...}: all scalars become text. */
static Json *as_text(Json *value)
{
    Json *copy;

    if (json_object_is_type(value, json_type_object)) {
        copy = json_object_new_object();
        json_object_object_foreach(value, key, member) {
            json_object_object_add(copy, key, as_text(member));
        }
        return copy;
    }
    if (json_object_is_type(value, json_type_array)) {
        copy = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            json_object_array_add(copy, as_text(json_object_array_get_idx(value, i)));
        }
        return copy;
    }
    if (json_object_is_type(value, json_type_boolean)) {
        return json_object_new_string(json_object_get_boolean(value) ? "on" : "off");
    }
    return value ? json_object_new_string(json_object_get_string(value)) : NULL;
}

static void merge(Json *into, const Json *more)
{
    json_object_object_foreach((Json *)(uintptr_t)more, key, value) {
        Json *there;

        if (json_object_object_get_ex(into, key, &there) && is_object(there) &&
            is_object(value)) {
            merge(there, value);
        } else {
            json_object_object_add(into, key, json_object_get(value));
        }
    }
}

/* The options that a file name stands for, as texts. */
static Json *name_options(const char *name, Error **errp)
{
    JSON_AUTO options = block_filename_options(name, errp);
    JSON_AUTO nested = options ? keyval_nest(options, errp) : NULL;

    return nested ? as_text(nested) : NULL;
}

/*
 * The tree of a file name: what reaches the file, under "file" unless that is
 * all there is; under "image" for filters that have names of their own.
 */
static Json *name_tree(const char *name, const char *driver, Error **errp)
{
    Json *file = name_options(name, errp), *tree;
    bool whole = takes_name(driver) &&
                 (!is_filter(driver) || !g_strcmp0(text_of(file, "driver"), driver));

    if (!file || whole || g_str_has_prefix(name, "json:")) {
        return file;
    }
    tree = json_object_new_object();
    json_object_object_add(tree, takes_name(driver) ? "image" : "file", file);
    return tree;
}

/* Children may leave it to their file name; what is opened itself has a driver or is probed. */
static bool check_top(const Json *tree, Error **errp)
{
    const char *driver = text_of(tree, "driver");

    if (!driver && !has(tree, "file")) {
        error_set(errp, "Must specify either driver or file");
        return false;
    }
    if (driver && !block_driver_find(driver) && !block_driver_known(driver)) {
        error_set(errp, "Unknown driver '%s'", driver);
        return false;
    }
    return true;
}

static bool make_tree(Tree *tree, Error **errp)
{
    const BlockOpenHow *how = tree->how;
    const char *driver = how->format;

    if (!driver && how->options) {
        driver = text_of(how->options, "driver");
    }
    tree->json = how->name ? name_tree(how->name, driver, errp) : json_object_new_object();
    if (!tree->json) {
        return false;
    }
    if (how->options) {
        merge(tree->json, how->options);
    }
    if (how->format) {
        put_text(tree->json, "driver", how->format);
    }
    return check_top(tree->json, errp);
}

static void put_cache(Json *object, const BlockOpenHow *how)
{
    Json *given;

    if (!json_object_object_get_ex(object, "cache", &given)) {
        given = json_object_new_object();
        json_object_object_add(object, "cache", given);
    }
    if (is_object(given)) {
        if (!has(given, "direct")) {
            put_bool(given, "direct", how->direct);
        }
        if (!has(given, "no-flush")) {
            put_bool(given, "no-flush", how->no_flush);
        }
    }
}

static void put_aio(Json *object, const char *aio)
{
    Json *file = json_object_object_get(object, "file");
    const char *driver;

    object = is_object(file) ? file : object;
    driver = text_of(object, "driver");
    if (driver && (!strcmp(driver, "file") || !strcmp(driver, "host_device")) &&
        !has(object, "aio")) {
        put_text(object, "aio", aio);
    }
}

/* What the command line says beside the tree itself; what stands in the tree goes first. */
static void put_common(Json *object, const BlockOpenHow *how, bool write)
{
    if (!has(object, "read-only")) {
        put_bool(object, "read-only", !write);
    }
    if (how->auto_read_only && write && !has(object, "auto-read-only")) {
        put_bool(object, "auto-read-only", true);
    }
    if (how->force_share) {
        put_bool(object, "force-share", true);
    }
    if (how->discard && !has(object, "discard")) {
        put_text(object, "discard", how->discard);
    }
    put_cache(object, how);
    if (how->aio) {
        put_aio(object, how->aio);
    }
}

/* Open what is below, look at it, and have it as a node by name in the tree. */
static bool co_probe(Tree *tree, Json *object, bool write, Error **errp)
{
    Json *file = json_object_object_get(object, "file");
    uint8_t head[HEAD_BYTES];
    const char *format = NULL;
    BlockNode *below;
    int64_t bytes;
    int ret = 0;

    if (is_object(file)) {
        put_common(file, tree->how, write);
        below = co_block_open_json_flags(file, QAPI_KEYVAL, tree->how->flags, errp);
        if (!below) {
            return false;
        }
    } else {
        below = block_node_find(json_object_get_string(file));
        if (!below) {
            error_set(errp, "Cannot find device='' nor node-name='%s'",
                      json_object_get_string(file));
            return false;
        }
        block_node_ref(below);
    }
    g_ptr_array_add(tree->below, below);
    bytes = MIN(block_node_length(below), HEAD_BYTES);
    if (bytes) {
        ret = co_node_pread(below, 0, head, bytes);
    }
    if (ret) {
        error_set_errno(errp, -ret, "Could not read image for determining its format");
        return false;
    }
    format = block_format_of(head, bytes);
    tree->raw = tree->raw || (object == tree->json && !format);
    put_text(object, "driver", format ? format : "raw");
    put_text(object, "file", block_node_name(below));
    return true;
}

static void wrap(Json *object, Json *named)
{
    json_object_object_del(object, "filename");
    json_object_object_add(object, "file", named);
}

/* A file name where options have it: the driver it stands for, or a format's file. */
static bool complete_name(Json *object, bool protocol, Error **errp)
{
    const char *filename = text_of(object, "filename"), *driver = text_of(object, "driver");
    JSON_AUTO named = NULL;

    if (!filename || (driver && (takes_name(driver) || !block_driver_find(driver)))) {
        return true;
    }
    named = name_options(filename, errp);
    if (!named) {
        return false;
    }
    if (driver || !protocol) {
        wrap(object, json_object_get(named));
        return true;
    }
    json_object_object_foreach(named, key, value) {
        json_object_object_add(object, key, json_object_get(value));
    }
    return true;
}

/* A node's name, or options that say which driver. */
static bool can_open(const Json *file)
{
    return file && (!is_object(file) || text_of(file, "driver"));
}

/* Only what is opened itself and backing files are probed; others without a driver are files. */
static bool co_complete(Tree *tree, Json *object, bool protocol, bool write, Error **errp)
{
    if (!complete_name(object, protocol, errp)) {
        return false;
    }
    if (is_old_nbd(object)) {
        name_nbd_server(object);
    }
    json_object_object_foreach(object, name, child) {
        if (is_object(child) && strcmp(name, "cache") && strcmp(name, "server") &&
            !co_complete(tree, child, strcmp(name, "backing"),
                         write && strcmp(name, "backing"), errp)) {
            return false;
        }
    }
    return protocol || text_of(object, "driver") ||
           !can_open(json_object_object_get(object, "file")) ||
           co_probe(tree, object, write, errp);
}

/* What is written goes to a file that vanishes at the end. */
static void put_snapshot(Tree *tree)
{
    Json *top = json_object_new_object();

    put_text(top, "driver", "temporary");
    put_bool(tree->json, "read-only", true);
    json_object_object_add(top, "file", tree->json);
    tree->json = top;
}

static void put_copy_on_read(Tree *tree)
{
    Json *top = json_object_new_object();

    put_text(top, "driver", "copy-on-read");
    json_object_object_add(top, "file", tree->json);
    tree->json = top;
}

/* What the header of an image says of its backing file, into backing. */
static bool co_name_backing(const Json *object, Json *backing, bool *named, Error **errp)
{
    g_autofree char *name = NULL, *path = NULL;
    JSON_AUTO copy = NULL;
    BlockNode *node;
    Json *file = NULL;

    json_object_deep_copy((Json *)(uintptr_t)object, &copy, NULL);
    json_object_object_del(copy, "backing");
    json_object_object_del(copy, "node-name");
    put_bool(copy, "read-only", true);
    node = co_block_open_json_flags(copy, QAPI_KEYVAL, BLOCK_OPEN_NO_BACKING | BLOCK_OPEN_NO_IO,
                                    errp);
    if (!node) {
        return false;
    }
    *named = node->backing_file;        /* if it is not, what is missing will be told */
    if (*named) {
        name = block_node_filename(node);
        path = block_backing_path(name, node->backing_file, errp);
        if (path && !text_of(backing, "driver") && node->backing_format) {
            put_text(backing, "driver", node->backing_format);
        }
        file = path ? name_options(path, errp) : NULL;
    }
    if (file) {
        Json *given = json_object_object_get(backing, "file");

        if (is_object(given)) {
            merge(file, given);
        }
        json_object_object_add(backing, "file", file);
    }
    block_node_unref(node);
    return file || !*named;
}

/*
 * "backing" with options but without a file: the file is the one that the
 * image names. To know it the image is opened once before.
 */
static bool co_complete_backing(Tree *tree, Json *object, Error **errp)
{
    Json *backing = json_object_object_get(object, "backing");
    Json *file = is_object(backing) ? json_object_object_get(backing, "file") : NULL;
    bool named = true;

    if (!is_object(backing) || (text_of(backing, "driver") &&
                                takes_name(text_of(backing, "driver")))) {
        return true;
    }
    if (!can_open(file)) {
        if (!co_name_backing(object, backing, &named, errp)) {
            return false;
        }
        if (named && !text_of(backing, "driver") && !co_probe(tree, backing, false, errp)) {
            return false;
        }
    }
    return !named || co_complete_backing(tree, backing, errp);
}

/* Nodes that were opened to be looked at are reopened with the one that was found on them. */
static void adopt(GPtrArray *below)
{
    for (unsigned i = 0; i < below->len; i++) {
        BlockNode *node = below->pdata[i];
        BlockChild *user;

        list_for_each(user, &node->users, BlockChild, link) {
            if (user->parent && user->parent->file == user && !node->owned) {
                user->inherits = true;
            }
        }
    }
}

static BlockNode *co_open_tree(Tree *tree, Error **errp)
{
    const BlockOpenHow *how = tree->how;
    BlockNode *node;

    if (how->copy_on_read && !how->write) {
        error_set(errp, "Can't use copy-on-read on read-only device");
        return NULL;
    }
    if (!co_complete(tree, tree->json, false, how->write && !how->snapshot, errp)) {
        return NULL;
    }
    put_common(tree->json, how, how->write);
    if (!co_complete_backing(tree, tree->json, errp)) {
        return NULL;
    }
    if (how->detect_zeroes && !how->snapshot && !has(tree->json, "detect-zeroes")) {
        put_text(tree->json, "detect-zeroes", how->detect_zeroes);
    }
    if (how->copy_on_read) {
        put_copy_on_read(tree);
    }
    if (how->snapshot) {
        put_snapshot(tree);
    }
    node = co_block_open_json_flags(tree->json, QAPI_KEYVAL, how->flags, errp);
    if (node) {
        adopt(tree->below);
        if (tree->raw && !how->snapshot) {
            block_node_set_probed(node);
        }
    }
    return node;
}

BlockNode *co_block_open_user(const BlockOpenHow *how, Error **errp)
{
    Tree tree = { .how = how, .below = g_ptr_array_new() };
    BlockNode *node = make_tree(&tree, errp) ? co_open_tree(&tree, errp) : NULL;

    json_object_put(tree.json);
    for (unsigned i = 0; i < tree.below->len; i++) {
        block_node_unref(tree.below->pdata[i]);     /* the nodes above hold them */
    }
    g_ptr_array_unref(tree.below);
    return node;
}

typedef struct Startup {
    const BlockOpenHow *how;
    Error **errp;
    BlockNode *node;
} Startup;

static void co_startup(void *opaque)
{
    Startup *s = opaque;

    s->node = co_block_open_user(s->how, s->errp);
}

BlockNode *block_open_user(const BlockOpenHow *how, Error **errp)
{
    Startup s = { how, errp };

    co_run(co_startup, &s);
    return s.node;
}
