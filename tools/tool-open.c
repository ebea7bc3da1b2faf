/* Images as the tools open them: by file name and format, or by a node's options */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "tools/tool.h"

#define HEAD_BYTES 2048     /* what a format is recognised by */

/* What is to be opened, while it is made up. */
typedef struct Tree {
    Json *json;
    QapiMode mode;
} Tree;

static void put_text(Json *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static void put_bool(const Tree *tree, Json *object, const char *key, bool value)
{
    if (tree->mode == QAPI_KEYVAL) {
        put_text(object, key, value ? "on" : "off");
    } else {
        json_object_object_add(object, key, json_object_new_boolean(value));
    }
}

static const char *text_of(const Json *object, const char *key)
{
    Json *value;

    return json_object_object_get_ex(object, key, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value) : NULL;
}

static bool is_object(const Json *value)
{
    return json_object_is_type(value, json_type_object);
}

static bool is_protocol(const char *driver)
{
    const BlockDriver *d = block_driver_find(driver);

    return d && d->is_protocol;
}

/* nbd with "host", "port" or "path", as it was named before there was "server". */
static void name_nbd_server(Json *object)
{
    static const char *const old[] = { "host", "port", "path" };
    Json *server = json_object_new_object(), *value;
    bool unix_path = json_object_object_get_ex(object, "path", NULL);

    put_text(server, "type", unix_path ? "unix" : "inet");
    for (unsigned i = 0; i < ARRAY_SIZE(old); i++) {
        if (json_object_object_get_ex(object, old[i], &value)) {
            put_text(server, old[i], json_object_get_string(value));
            json_object_object_del(object, old[i]);
        }
    }
    if (!unix_path && !json_object_object_get_ex(server, "port", NULL)) {
        put_text(server, "port", "10809");
    }
    json_object_object_add(object, "server", server);
}

static bool is_old_nbd(const Json *object)
{
    const char *driver = text_of(object, "driver");

    return driver && !strcmp(driver, "nbd") && !json_object_object_get_ex(object, "server", NULL) &&
           (json_object_object_get_ex(object, "host", NULL) ||
            json_object_object_get_ex(object, "path", NULL));
}

/* Children that say a file name and no driver get the driver that the name stands for. */
static bool add_drivers(Json *object, Error **errp)
{
    const char *filename = text_of(object, "filename");

    if (filename && !text_of(object, "driver")) {
        JSON_AUTO named = block_filename_options(filename, errp);

        if (!named) {
            return false;
        }
        json_object_object_foreach(named, key, value) {
            json_object_object_add(object, key, json_object_get(value));
        }
    }
    if (is_old_nbd(object)) {
        name_nbd_server(object);
    }
    json_object_object_foreach(object, name, child) {
        if (is_object(child) && strcmp(name, "cache") && !add_drivers(child, errp)) {
            return false;
        }
    }
    return true;
}

/*
 * Users write "offset": "512" as well as 512 in json:{...}: all scalars become
 * text, as options have it. Not where there is a null, for which is no text.
 */
static bool has_null(Json *value)
{
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member) {
            (void)key;
            if (has_null(member)) {
                return true;
            }
        }
    }
    for (size_t i = 0; json_object_is_type(value, json_type_array) &&
                       i < json_object_array_length(value); i++) {
        if (has_null(json_object_array_get_idx(value, i))) {
            return true;
        }
    }
    return !value;
}

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
    return json_object_new_string(json_object_get_string(value));
}

/* The tree of a file name: what reaches the file, under "file" unless the format is one itself. */
static bool name_tree(Tree *tree, const char *name, const char *format, Error **errp)
{
    Json *file = block_filename_options(name, errp);

    if (!file) {
        return false;
    }
    if (g_str_has_prefix(name, "json:")) {
        tree->json = file;
        if (!has_null(file)) {
            tree->json = as_text(file);
            tree->mode = QAPI_KEYVAL;
            json_object_put(file);
        }
    } else if (format && is_protocol(format)) {
        tree->json = file;
    } else {
        tree->json = json_object_new_object();
        json_object_object_add(tree->json, "file", file);
    }
    if (format) {
        put_text(tree->json, "driver", format);
    }
    return true;
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

/* Children may leave it to their file name; what is opened itself has a driver or is probed. */
static bool check_top(const Json *tree, Error **errp)
{
    const char *driver = text_of(tree, "driver");

    if (!driver && !json_object_object_get_ex(tree, "file", NULL)) {
        error_set(errp, "Must specify either driver or file");
        return false;
    }
    if (driver && !block_driver_find(driver) && !block_driver_known(driver)) {
        error_set(errp, "Unknown driver '%s'", driver);
        return false;
    }
    return true;
}

static bool make_tree(Tree *tree, const ToolOpen *how, Error **errp)
{
    JSON_AUTO more = how->options ? keyval_parse(how->options, NULL, NULL, errp) : NULL;
    const char *driver = how->format;

    if (how->options && !more) {
        return false;
    }
    tree->mode = how->image_opts || more ? QAPI_KEYVAL : QAPI_STRICT;
    if (how->image_opts) {
        tree->json = keyval_parse(how->name, NULL, NULL, errp);
    } else if (how->name) {
        if (!driver && more) {
            driver = text_of(more, "driver");
        }
        if (!name_tree(tree, how->name, driver, errp)) {
            return false;
        }
    } else {
        tree->json = json_object_new_object();
    }
    if (tree->json && more) {
        merge(tree->json, more);
    }
    return tree->json && check_top(tree->json, errp) && add_drivers(tree->json, errp);
}

static void put_cache(const Tree *tree, Json *object, const ToolCache *cache)
{
    Json *given;

    if (!json_object_object_get_ex(object, "cache", &given)) {
        given = json_object_new_object();
        json_object_object_add(object, "cache", given);
    }
    if (is_object(given)) {
        if (!json_object_object_get_ex(given, "direct", NULL)) {
            put_bool(tree, given, "direct", cache->direct);
        }
        if (!json_object_object_get_ex(given, "no-flush", NULL)) {
            put_bool(tree, given, "no-flush", cache->no_flush);
        }
    }
}

/* What the command line says beside the tree itself; what stands in the tree goes first. */
static void put_common(const Tree *tree, Json *object, const ToolOpen *how)
{
    Json *file;

    if (!json_object_object_get_ex(object, "read-only", NULL)) {
        put_bool(tree, object, "read-only", !how->write);
    }
    if (how->force_share) {
        put_bool(tree, object, "force-share", true);
    }
    if (how->unmap && !json_object_object_get_ex(object, "discard", NULL)) {
        put_text(object, "discard", "unmap");
    }
    put_cache(tree, object, &how->cache);
    if (how->has_aio) {
        const char *driver = text_of(object, "driver");

        if (json_object_object_get_ex(object, "file", &file) && is_object(file)) {
            object = file;
            driver = text_of(object, "driver");
        }
        if (driver && (!strcmp(driver, "file") || !strcmp(driver, "host_device"))) {
            put_text(object, "aio", BlockdevAioOptions_name(how->aio));
        }
    }
}

static unsigned open_flags(const ToolOpen *how)
{
    return (how->no_backing ? BLOCK_OPEN_NO_BACKING : 0) | (how->check ? BLOCK_OPEN_CHECK : 0);
}

/* Open what is below, look at it, and have it as a node by name in the tree. */
static bool co_probe(Tree *tree, const ToolOpen *how, BlockNode **below, bool *raw,
                     Error **errp)
{
    Json *file = json_object_object_get(tree->json, "file");
    uint8_t head[HEAD_BYTES];
    const char *format = NULL;
    int64_t bytes;
    int ret = 0;

    if (is_object(file)) {
        put_common(tree, file, how);
        *below = co_block_open_json_flags(file, tree->mode, open_flags(how), errp);
        if (!*below) {
            return false;
        }
    } else {
        *below = block_node_find(json_object_get_string(file));
        if (!*below) {
            error_set(errp, "Cannot find device='' nor node-name='%s'",
                      json_object_get_string(file));
            return false;
        }
        block_node_ref(*below);
    }
    bytes = MIN(block_node_length(*below), HEAD_BYTES);
    if (bytes) {
        ret = co_node_pread(*below, 0, head, bytes);
    }
    if (ret) {
        error_set_errno(errp, -ret, "Could not read image for determining its format");
        return false;
    }
    format = block_format_of(head, bytes);
    *raw = !format;
    put_text(tree->json, "driver", format ? format : "raw");
    put_text(tree->json, "file", block_node_name(*below));
    return true;
}

/* What is written goes to a file that vanishes at the end. */
static void put_snapshot(Tree *tree)
{
    Json *top = json_object_new_object();

    put_text(top, "driver", "temporary");
    put_bool(tree, tree->json, "read-only", true);
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

/* As QEMU words it on stderr: users and tests know it. */
static void warn_probed(const char *filename)
{
    fprintf(stderr,
            "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
            "         Automatically detecting the format is dangerous for raw images, write "
            "operations on block 0 will be restricted.\n"
            "         Specify the 'raw' format explicitly to remove the restrictions.\n",
            filename);
}

/*
 * "backing" with options but without a file: the file is the one that the
 * image names. To know it the image is opened once before.
 */
static bool co_complete_backing(const Tree *tree, Error **errp)
{
    Json *backing = json_object_object_get(tree->json, "backing"), *copy = NULL;
    g_autofree char *name = NULL, *path = NULL;
    BlockNode *node;
    bool ok = false;

    if (!is_object(backing) || json_object_object_get_ex(backing, "file", NULL) ||
        json_object_object_get_ex(backing, "filename", NULL)) {
        return true;
    }
    json_object_deep_copy(tree->json, &copy, NULL);
    json_object_object_del(copy, "backing");
    json_object_object_del(copy, "node-name");
    node = co_block_open_json_flags(copy, tree->mode, BLOCK_OPEN_NO_BACKING | BLOCK_OPEN_NO_IO,
                                    errp);
    json_object_put(copy);
    if (!node) {
        return false;
    }
    name = block_node_filename(node);
    path = node->backing_file ? block_backing_path(name, node->backing_file, errp) : NULL;
    if (!node->backing_file) {
        ok = true;              /* what is missing will be told */
    } else if (path) {
        if (!text_of(backing, "driver") && node->backing_format) {
            put_text(backing, "driver", node->backing_format);
        }
        json_object_object_add(backing, "file", block_filename_options(path, errp));
        ok = json_object_object_get(backing, "file");
    }
    block_node_unref(node);
    return ok;
}

static BlockNode *co_open_tree(Tree *tree, const ToolOpen *how, Error **errp)
{
    BlockNode *below = NULL, *node = NULL;
    const char *driver = text_of(tree->json, "driver");
    bool raw = false;

    if (!driver && !co_probe(tree, how, &below, &raw, errp)) {
        block_node_unref(below);
        return NULL;
    }
    put_common(tree, tree->json, how);
    if (!co_complete_backing(tree, errp)) {
        block_node_unref(below);
        return NULL;
    }
    if (how->copy_on_read) {
        put_copy_on_read(tree);
    }
    if (how->snapshot) {
        put_snapshot(tree);
    }
    node = co_block_open_json_flags(tree->json, tree->mode, open_flags(how), errp);
    if (node && below && node->file && node->file->node == below) {
        node->file->inherits = true;    /* opened for this node: reopened with it */
    }
    if (node && raw) {
        node->probed = true;
        if (how->write && !how->snapshot) {
            warn_probed(node->filename ? node->filename : how->name);
        }
    }
    block_node_unref(below);        /* the node above holds it */
    return node;
}

static bool take(ToolImage *image, BlockNode *node, const ToolOpen *how, Error **errp)
{
    uint32_t perm = BLOCK_PERM_CONSISTENT_READ, shared = BLOCK_PERM_ALL;

    perm |= how->write ? BLOCK_PERM_WRITE : 0;
    perm |= how->resize ? BLOCK_PERM_RESIZE : 0;
    if (how->no_share) {
        shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED;
    }
    image->node = node;
    image->user = block_child_new(node, g_get_prgname() ? g_get_prgname() : "a tool", perm,
                                  shared, errp);
    block_node_unref(node);         /* the user holds it */
    if (!image->user) {
        image->node = NULL;
    }
    return image->user;
}

bool co_tool_adopt(ToolImage *image, BlockNode *node, bool write, Error **errp)
{
    *image = (ToolImage){};
    return take(image, node, &(ToolOpen){ .write = write }, errp);
}

bool co_tool_open(ToolImage *image, const ToolOpen *how, Error **errp)
{
    Tree tree = {};
    BlockNode *node = NULL;

    *image = (ToolImage){ .cache = how->cache };
    if (make_tree(&tree, how, errp)) {
        node = co_open_tree(&tree, how, errp);
    }
    json_object_put(tree.json);
    return node && take(image, node, how, errp);
}

bool co_tool_open_report(ToolImage *image, const ToolOpen *how)
{
    Error *err = NULL;

    if (how->image_opts && how->format) {
        report_error("--image-opts and --format are mutually exclusive");
        return false;
    }
    if (!co_tool_open(image, how, &err)) {
        error_prepend(&err, "Could not open '%s': ", how->name);
        error_report(err);
        return false;
    }
    return true;
}

bool co_tool_close(ToolImage *image)
{
    int ret = 0;

    if (!image->node) {
        return true;
    }
    if (!image->node->read_only) {
        ret = co_node_flush(image->node);       /* told when the node is closed */
    }
    block_child_free(image->user);
    *image = (ToolImage){};
    return !ret;
}

const char *tool_format(const ToolImage *image)
{
    return image->node ? image->node->driver->name : "none";
}

/* Files and raw images on them have no more to tell than that they are not dirty. */
static bool is_plain_file(const BlockNode *node)
{
    while (!strcmp(node->driver->name, "raw") && node->file) {
        node = node->file->node;
    }
    return !strcmp(node->driver->name, "file") || !strcmp(node->driver->name, "host_device");
}

bool tool_get_info(BlockNode *node, BlockDriverInfo *info)
{
    return block_get_info(node, info) || is_plain_file(node);
}

unsigned tool_write_flags(const ToolImage *image)
{
    return image->cache.writethrough ? BLOCK_REQ_FUA : 0;
}
