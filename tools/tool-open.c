/* Images as the tools open them: by file name and format, or by a node's options */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "tools/tool.h"

static BlockNode *co_open_node(const ToolOpen *how, Error **errp)
{
    BlockOpenHow open = {
        .name = how->image_opts ? NULL : how->name, .format = how->format,
        .flags = (how->no_backing ? BLOCK_OPEN_NO_BACKING : 0) |
                 (how->check ? BLOCK_OPEN_CHECK : 0),
        .write = how->write, .force_share = how->force_share,
        .copy_on_read = how->copy_on_read, .snapshot = how->snapshot,
        .direct = how->cache.direct, .no_flush = how->cache.no_flush,
        .discard = how->unmap ? "unmap" : NULL,
        .aio = how->has_aio ? BlockdevAioOptions_name(how->aio) : NULL,
    };
    const char *text = how->image_opts ? how->name : how->options;
    JSON_AUTO options = text ? keyval_parse(text, NULL, NULL, errp) : NULL;

    if (text && !options) {
        return NULL;
    }
    open.options = options;
    return co_block_open_user(&open, errp);
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
    BlockNode *node;

    *image = (ToolImage){ .cache = how->cache };
    node = co_open_node(how, errp);
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
        ret = co_node_flush(image->node);
    }
    if (ret) {
        report_error("Could not flush '%s': %s",
                     image->node->filename ? image->node->filename : image->node->name,
                     g_strerror(-ret));
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
