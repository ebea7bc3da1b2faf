/* Images by name: a format over a protocol, probed where it is not said; backing files */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph-int.h"

/* Members of more that object does not have itself. */
static void add_defaults(Json *object, const Json *more)
{
    if (more) {
        json_object_object_foreach((Json *)(uintptr_t)more, key, value) {
            if (!json_object_object_get_ex(object, key, NULL)) {
                json_object_object_add(object, key, json_object_get(value));
            }
        }
    }
}

static const char *driver_name(const Json *options)
{
    const char *name = json_object_get_string(json_object_object_get(options, "driver"));

    return name ? name : "";
}

static const char *co_probe(BlockNode *node, Error **errp)
{
    uint8_t head[BLOCK_SECTOR_SIZE] = {};
    size_t len = MIN(node->length, (int64_t)sizeof(head));
    int ret = co_node_pread(node, 0, head, len);
    const char *format;

    if (ret) {
        error_set_errno(errp, -ret, "Could not read image for determining its format");
        return NULL;
    }
    format = block_format_of(head, len);
    return format ? format : "raw";
}

static BlockNode *co_open_format(BlockNode *file, const char *format, const Json *generic,
                                 unsigned flags, unsigned depth, Error **errp)
{
    JSON_AUTO options = json_object_new_object();
    bool probed = !format;
    BlockNode *node;

    if (probed) {
        format = co_probe(file, errp);
        if (!format) {
            return NULL;
        }
    }
    json_object_object_add(options, "driver", json_object_new_string(format));
    json_object_object_add(options, "file", json_object_new_string(file->name));
    add_defaults(options, generic);
    node = co_block_open_json_at(options, QAPI_STRICT, flags, depth, errp);
    if (node && node->file) {
        node->file->inherits = true;    /* nobody else knows its name */
    }
    if (node && probed && !strcmp(format, "raw")) {
        block_node_set_probed(node);
    }
    return node;
}

BlockNode *co_block_open_image_at(const char *filename, const char *format, const Json *generic,
                                  unsigned flags, unsigned depth, Error **errp)
{
    JSON_AUTO options = block_filename_options(filename, errp);
    const BlockDriver *driver;
    BlockNode *file, *node;

    if (!options) {
        return NULL;
    }
    driver = block_driver_find(driver_name(options));
    add_defaults(options, generic);
    if ((driver && !driver->is_protocol && !driver->protocols) ||
        (format && !strcmp(format, driver_name(options)))) {
        if (format && strcmp(format, driver->name)) {
            error_set(errp, "Driver '%s' specified, but '%s' says '%s'", format, filename,
                      driver->name);
            return NULL;
        }
        return co_block_open_json_at(options, QAPI_STRICT, flags, depth, errp);
    }
    if (!json_object_object_get(options, "discard")) {
        json_object_object_add(options, "discard", json_object_new_string("unmap"));
    }
    file = co_block_open_json_at(options, QAPI_STRICT, 0, depth + 1, errp);
    if (!file) {
        return NULL;
    }
    node = co_open_format(file, format, generic, flags, depth, errp);
    block_node_unref(file);
    return node;
}

BlockNode *co_block_open_image(const char *filename, const char *format, const Json *generic,
                               unsigned flags, Error **errp)
{
    return co_block_open_image_at(filename, format, generic, flags, 0, errp);
}

/* Backing files */

static void set_bool(Json *options, const char *key, bool value)
{
    json_object_object_add(options, key, json_object_new_boolean(value));
}

static BlockNode *co_open_by_header(BlockNode *node, Error **errp)
{
    BlockNode *file = block_primary(node), *backing;
    g_autofree char *path = block_backing_path(file ? file->filename : NULL, node->backing_file,
                                               errp);
    JSON_AUTO generic = json_object_new_object();
    Json *cache = json_object_new_object();

    json_object_object_add(generic, "cache", cache);
    set_bool(cache, "direct", node->cache_direct);
    set_bool(cache, "no-flush", node->no_flush);
    set_bool(generic, "read-only", true);
    set_bool(generic, "force-share", node->force_share);
    if (!path) {
        return NULL;
    }
    if (node->backing_format && !block_driver_find(node->backing_format) &&
        !block_driver_known(node->backing_format)) {
        error_set(errp, "Unknown driver '%s'", node->backing_format);
        return NULL;
    }
    backing = co_block_open_image_at(path, node->backing_format, generic,
                                     node->open_flags & BLOCK_OPEN_NO_IO, node->depth + 1, errp);
    if (backing) {
        g_free(node->auto_backing_file);
        node->auto_backing_file = block_node_filename(backing);
    }
    return backing;
}

static BlockNode *co_open_by_ref(BlockNode *node, const BlockdevRefOrNull *ref, Error **errp)
{
    BlockNode *backing;

    if (ref->type == BLOCKDEV_REF_OR_NULL_DEFINITION) {
        return co_block_open_inline(node, BLOCK_CHILD_COW, &ref->u.definition, errp);
    }
    backing = block_node_find(ref->u.reference);
    if (backing) {
        block_node_ref(backing);
    } else {
        error_set(errp, "Cannot find device='%s' nor node-name='%s'", ref->u.reference,
                  ref->u.reference);
    }
    return backing;
}

#define BACKING_FAILED "Could not open backing file: "

bool co_block_open_backing(BlockNode *node, const BlockdevRefOrNull *ref, Error **errp)
{
    BlockNode *backing;
    Error *err = NULL;

    g_free(node->auto_backing_file);
    node->auto_backing_file = g_strdup(node->backing_file);
    if (node->open_flags & BLOCK_OPEN_NO_BACKING ||
        (ref ? ref->type == BLOCKDEV_REF_OR_NULL_NULL
             : !node->backing_file || !*node->backing_file)) {
        return true;
    }
    backing = ref ? co_open_by_ref(node, ref, &err) : co_open_by_header(node, &err);
    if (!backing) {
        /* Of a long chain it is enough to hear so twice. */
        if (!g_str_has_prefix(error_text(err), BACKING_FAILED BACKING_FAILED)) {
            error_prepend(&err, "%s", BACKING_FAILED);
        }
        error_propagate(errp, err);
        return false;
    }
    node->backing = block_child_attach(node, "backing", BLOCK_CHILD_COW, backing, errp);
    block_node_unref(backing);
    if (node->backing) {
        node->backing->inherits = !ref || ref->type == BLOCKDEV_REF_OR_NULL_DEFINITION;
    }
    return node->backing;
}
