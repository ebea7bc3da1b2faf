/* Names of nodes as users and tools see them: a plain file name, or "json:" with all that counts */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"

/* Members of its options that say which data it has. */
static void add_strong(const BlockNode *node, Json *out)
{
    JSON_AUTO all = !node->options ? NULL : qapi_to_json_BlockdevOptions(node->options);

    for (const char *const *name = node->driver->strong_options; name && *name; name++) {
        Json *value = json_object_object_get(all, *name);

        if (value) {
            json_object_object_add(out, *name, json_object_get(value));
        }
    }
}

/* Filters of jobs go away by themselves: they count for nothing in names. */
static BlockNode *skip_implicit(BlockNode *node)
{
    while (node->implicit && block_primary(node)) {
        node = block_primary(node);
    }
    return node;
}

/* Is what stands below it not what its header says? */
static bool backing_overridden(BlockNode *node)
{
    g_autofree char *name = NULL;

    if (!node->driver->supports_backing || node->open_flags & BLOCK_OPEN_NO_BACKING) {
        return false;
    }
    if (!node->backing) {
        return node->auto_backing_file && *node->auto_backing_file;
    }
    name = block_node_filename(node->backing->node);
    return g_strcmp0(name, node->auto_backing_file);
}

Json *block_node_full_options(BlockNode *node)
{
    Json *out = json_object_new_object();
    BlockChild *child;

    node = skip_implicit(node);
    add_strong(node, out);
    json_object_object_add(out, "driver", json_object_new_string(node->driver->name));
    list_for_each(child, &node->children, BlockChild, sibling) {
        if (!(child->role & BLOCK_CHILD_COW) || backing_overridden(node)) {
            json_object_object_add(out, child->name, block_node_full_options(child->node));
        }
    }
    if (!node->backing && backing_overridden(node)) {
        json_object_object_add(out, "backing", NULL);
    }
    return out;
}

/*
 * QEMU keeps members in a hash table and writes them in its order, with a
 * blank behind ':' and ','. Tools compare such names as text.
 */
static unsigned bucket(const char *key)
{
    uint32_t h = 0x238f13afu * (uint32_t)strlen(key);

    for (unsigned i = 0; key[i]; i++) {
        h += (uint32_t)(uint8_t)key[i] << (i * 5 % 24);
    }
    return (1103515243u * h + 12345) % 512;
}

static int by_bucket(const void *a, const void *b)
{
    return (int)bucket(*(const char *const *)a) - (int)bucket(*(const char *const *)b);
}

static void write_text(const Json *value, GString *out)
{
    g_autoptr(GPtrArray) keys = NULL;
    g_autofree char *scalar = NULL;

    if (!json_object_is_type(value, json_type_object)) {
        scalar = json_text(value, false);
        g_string_append(out, scalar);
        return;
    }
    keys = g_ptr_array_new();
    json_object_object_foreach((Json *)(uintptr_t)value, key, member) {
        (void)member;
        g_ptr_array_add(keys, key);
    }
    g_ptr_array_sort(keys, by_bucket);
    g_string_append_c(out, '{');
    for (unsigned i = 0; i < keys->len; i++) {
        g_string_append_printf(out, "%s\"%s\": ", i ? ", " : "", (const char *)keys->pdata[i]);
        write_text(json_object_object_get(value, keys->pdata[i]), out);
    }
    g_string_append_c(out, '}');
}

/* A protocol, whose name says all. */
static bool has_own_name(BlockNode *node)
{
    if (node->driver->refresh_filename) {
        node->driver->refresh_filename(node);
    }
    return (node->driver->is_protocol || node->driver->protocols) && node->filename;
}

/* Nothing but the name of the file below is needed to find this image again. */
static bool plain(BlockNode *node)
{
    BlockNode *below = block_primary(node);
    JSON_AUTO strong = json_object_new_object();

    if (!below || !has_own_name(below) || node->driver->filter || backing_overridden(node)) {
        return false;
    }
    add_strong(node, strong);
    return !json_object_object_length(strong);
}

char *block_node_filename(BlockNode *node)
{
    JSON_AUTO options = NULL;
    GString *text;

    node = skip_implicit(node);
    if (has_own_name(node)) {
        return g_strdup(node->filename);
    }
    if (plain(node)) {
        return g_strdup(block_primary(node)->filename);
    }
    options = block_node_full_options(node);
    text = g_string_new("json:");
    write_text(options, text);
    return g_string_free(text, false);
}
