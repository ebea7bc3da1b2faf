/* New images: by the format's driver; what formats stand on; names of backing files */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"

bool co_block_create(const BlockdevCreateOptions *options, Error **errp)
{
    const char *name = BlockdevDriver_name(options->driver);
    const BlockDriver *driver = block_driver_find(name);

    if (!driver || !driver->co_create) {
        error_set(errp, "Driver '%s' does not support blockdev creation", name);
        return false;
    }
    return driver->co_create(options, errp);
}

/* A host device cannot be made; it must be there and large enough. */
static bool co_use_device(const Json *name, int64_t size, Error **errp)
{
    JSON_AUTO options = json_object_get((Json *)(uintptr_t)name);
    BlockNode *node = co_block_open_json(options, QAPI_STRICT, errp);
    BlockChild *user = NULL;
    uint8_t zeroes[BLOCK_SECTOR_SIZE] = {};
    bool ok = false;
    int ret;

    if (node) {
        user = block_child_new(node, "image creation", BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE,
                               BLOCK_PERM_ALL, errp);
    }
    if (!user) {
        block_node_unref(node);
        return false;
    }
    if (node->length < size) {
        error_set(errp, "The image needs %" PRId64 " bytes, '%s' has only %" PRId64, size,
                  node->filename, node->length);
    } else {
        /* What was there before must not be taken for the new image's format. */
        ret = node->length < sizeof(zeroes) ? 0 : co_node_pwrite(node, 0, zeroes, sizeof(zeroes));
        if (ret) {
            error_set_errno(errp, -ret, "Could not write to '%s'", node->filename);
        }
        ok = !ret;
    }
    block_child_free(user);
    block_node_unref(node);
    return ok;
}

bool co_block_create_file(const char *filename, int64_t size, int preallocation, Error **errp)
{
    JSON_AUTO name = block_filename_options(filename, errp);
    BlockdevCreateOptions o = { .driver = BLOCKDEV_DRIVER_FILE };
    const char *driver;
    Json *path;

    if (!name) {
        return false;
    }
    driver = json_object_get_string(json_object_object_get(name, "driver"));
    if (g_strcmp0(driver, "file")) {
        return co_use_device(name, size, errp);
    }
    path = json_object_object_get(name, "filename");
    if (!json_object_is_type(path, json_type_string)) {
        error_set(errp, "'%s' names no file", filename);
        return false;
    }
    o.u.file.filename = (char *)(uintptr_t)json_object_get_string(path);
    o.u.file.size = size;
    o.u.file.has_preallocation = true;
    o.u.file.preallocation = preallocation;
    return co_block_create(&o, errp);
}

/*
 * Names in images come from whoever made them: they are plain file names,
 * never protocols or JSON, which could reach anything.
 */
static bool plain_name(const char *name)
{
    size_t n = strcspn(name, ":/");

    return name[n] != ':';
}

char *block_backing_path(const char *filename, const char *backing, Error **errp)
{
    g_autofree char *dir = NULL;

    if (g_str_has_prefix(backing, "file:")) {
        backing += strlen("file:");
    } else if (!plain_name(backing)) {
        error_set(errp, "The image names '%s' as its backing file, which is no plain file name",
                  backing);
        error_hint(errp, "Name what is below it with the option 'backing', or change the name "
                   "with 'mica-img rebase -u'");
        return NULL;
    }
    if (g_path_is_absolute(backing)) {
        return g_strdup(backing);
    }
    if (!filename || g_str_has_prefix(filename, "json:")) {
        error_set(errp, "Cannot generate a base directory with '%s' for the relative name '%s'",
                  filename ? filename : "", backing);
        return NULL;
    }
    if (g_str_has_prefix(filename, "file:")) {
        filename += strlen("file:");
    }
    dir = g_path_get_dirname(filename);
    return strchr(filename, '/') ? g_build_filename(dir, backing, NULL) : g_strdup(backing);
}

static void set_string(Json *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

bool co_block_create_image(const char *filename, const char *format, int64_t size,
                           const char *backing_file, const char *backing_format, Error **errp)
{
    JSON_AUTO options = json_object_new_object();
    g_autoptr(BlockdevCreateOptions) parsed = NULL;
    bool is_raw = !strcmp(format, "raw");
    Json *file;

    if (backing_file && is_raw) {
        error_set(errp, "Backing file not supported for file format '%s'", format);
        return false;
    }
    if (is_raw) {
        return co_block_create_file(filename, size, PREALLOC_MODE_OFF, errp);
    }
    if (!co_block_create_file(filename, 0, PREALLOC_MODE_OFF, errp)) {
        return false;
    }
    file = block_filename_options(filename, errp);
    if (!file) {
        return false;
    }
    set_string(options, "driver", format);
    json_object_object_add(options, "file", file);
    json_object_object_add(options, "size", json_object_new_int64(size));
    if (backing_file) {
        set_string(options, "backing-file", backing_file);
        set_string(options, "backing-fmt", backing_format);
    }
    parsed = qapi_parse_BlockdevCreateOptions(options, QAPI_STRICT, errp);
    return parsed && co_block_create(parsed, errp);
}
