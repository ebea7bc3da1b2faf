/* mica-img bitmap: dirty bitmaps that an image keeps; and their copies by convert --bitmaps */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "tools/img.h"

typedef struct Action {
    const char *name;
    const char *source;         /* merge: the other bitmap */
} Action;

typedef struct BitmapArgs {
    ImgCommon common;
    const char *granularity, *source_file, *source_format;
    Action *actions;
    unsigned nr_actions;
} BitmapArgs;

static bool add_action(void *opaque, const char *name, const char *text, Error **errp)
{
    BitmapArgs *args = opaque;

    args->actions = g_renew(Action, args->actions, args->nr_actions + 1);
    args->actions[args->nr_actions++] = (Action){ name, text };
    return true;
}

static const ToolOption bitmap_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(BitmapArgs),
    IMG_OPT_FORMAT(BitmapArgs),
    TOOL_OPT_TEXT(BitmapArgs, granularity, 'g', "granularity"),
    TOOL_OPT_TEXT(BitmapArgs, source_file, 'b', "source-file"),
    TOOL_OPT_TEXT(BitmapArgs, source_format, 'F', "source-format"),
    { "add", 0, false, TOOL_CALL, 0, add_action },
    { "remove", 0, false, TOOL_CALL, 0, add_action },
    { "clear", 0, false, TOOL_CALL, 0, add_action },
    { "enable", 0, false, TOOL_CALL, 0, add_action },
    { "disable", 0, false, TOOL_CALL, 0, add_action },
    { "merge", 0, true, TOOL_CALL, 0, add_action },
    TOOL_OPT_END
};

typedef struct Target {
    BlockNode *node, *source;
    const char *name;
    uint32_t granularity;       /* 0: by the image's clusters */
} Target;

static BlockDirtyBitmap *find(BlockNode *node, const char *name, Error **errp)
{
    BlockDirtyBitmap *bitmap = block_dirty_bitmap_find(node, name);

    if (!bitmap) {
        error_set(errp, "Dirty bitmap '%s' not found", name);
    }
    return bitmap;
}

static BlockDirtyBitmap *co_add(BlockNode *node, const char *name, uint32_t granularity,
                                Error **errp)
{
    BlockDirtyBitmap *bitmap;

    if (!*name) {
        error_set(errp, "Bitmap name cannot be empty");
        return NULL;
    }
    if (granularity && (granularity < 512 || granularity & (granularity - 1))) {
        error_set(errp, "Granularity must be power of 2 and at least 512");
        return NULL;
    }
    if (!granularity) {
        granularity = block_default_granularity(node);
    }
    if (!node->driver->co_can_store_bitmap) {
        error_set_errno(errp, ENOTSUP, "Can't store persistent bitmaps to %s",
                        block_node_name(node));
        return NULL;
    }
    if (block_dirty_bitmap_find(node, name)) {
        error_set(errp, "Bitmap already exists: %s", name);
        return NULL;
    }
    if (!node->driver->co_can_store_bitmap(node, name, granularity, errp)) {
        return NULL;
    }
    bitmap = block_dirty_bitmap_new(node, name, granularity, errp);
    if (bitmap) {
        bitmap->persistent = true;
    }
    return bitmap;
}

static bool co_do_add(const Target *t, const char *source, Error **errp)
{
    return co_add(t->node, t->name, t->granularity, errp);
}

static bool co_do_remove(const Target *t, const char *source, Error **errp)
{
    BlockDirtyBitmap *bitmap = find(t->node, t->name, errp);

    if (!bitmap ||
        !block_dirty_bitmap_check(bitmap, BLOCK_BITMAP_BUSY | BLOCK_BITMAP_RO, errp)) {
        return false;
    }
    if (bitmap->persistent && t->node->driver->co_remove_bitmap &&
        !t->node->driver->co_remove_bitmap(t->node, t->name, errp)) {
        return false;
    }
    block_dirty_bitmap_free(bitmap);
    return true;
}

static bool co_do_clear(const Target *t, const char *source, Error **errp)
{
    BlockDirtyBitmap *bitmap = find(t->node, t->name, errp);

    if (!bitmap || !block_dirty_bitmap_check(bitmap, BLOCK_BITMAP_DEFAULT, errp)) {
        return false;
    }
    block_dirty_bitmap_clear(bitmap, NULL);
    return true;
}

static bool switch_to(const Target *t, bool disabled, Error **errp)
{
    BlockDirtyBitmap *bitmap = find(t->node, t->name, errp);

    if (!bitmap || !block_dirty_bitmap_check(bitmap, BLOCK_BITMAP_ALLOW_RO, errp)) {
        return false;
    }
    bitmap->disabled = disabled;
    return true;
}

static bool co_do_enable(const Target *t, const char *source, Error **errp)
{
    return switch_to(t, false, errp);
}

static bool co_do_disable(const Target *t, const char *source, Error **errp)
{
    return switch_to(t, true, errp);
}

static bool co_do_merge(const Target *t, const char *source, Error **errp)
{
    BlockDirtyBitmap *bitmap = find(t->node, t->name, errp);
    BlockDirtyBitmap *from = bitmap ? find(t->source, source, errp) : NULL;

    return from && block_dirty_bitmap_check(bitmap, BLOCK_BITMAP_DEFAULT, errp) &&
           block_dirty_bitmap_check(from, BLOCK_BITMAP_ALLOW_RO, errp) &&
           block_dirty_bitmap_merge(bitmap, from, NULL, errp);
}

static const struct {
    const char *name;
    bool (*co_do)(const Target *target, const char *source, Error **errp);
} kinds[] = {
    { "add", co_do_add }, { "remove", co_do_remove }, { "clear", co_do_clear },
    { "enable", co_do_enable }, { "disable", co_do_disable }, { "merge", co_do_merge },
};

static bool co_perform(const Action *action, const Target *target)
{
    Error *err = NULL;
    bool ok = false;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(kinds[i].name, action->name)) {
            ok = kinds[i].co_do(target, action->source, &err);
        }
    }
    if (!ok) {
        error_prepend(&err, "Operation %s on bitmap %s failed: ", action->name, target->name);
        error_report(err);
    }
    return ok;
}

static bool has_action(const BitmapArgs *args, const char *name)
{
    for (unsigned i = 0; i < args->nr_actions; i++) {
        if (!strcmp(args->actions[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool check_args(const BitmapArgs *args, int argc, int64_t *granularity)
{
    if (args->granularity &&
        !tool_parse_size("granularity", args->granularity, 1, UINT32_MAX, granularity)) {
        return false;
    }
    if (argc != 2 && args->nr_actions) {
        report_error("Expecting filename and bitmap name");
        return false;
    }
    if (!args->nr_actions) {
        report_error("Need at least one of --add, --remove, --clear, --enable, --disable, or "
                     "--merge");
        return false;
    }
    if (args->granularity && !has_action(args, "add")) {
        report_error("granularity only supported with --add");
        return false;
    }
    if (args->source_format && !args->source_file) {
        report_error("-F only supported with -b");
        return false;
    }
    if (args->source_file && !has_action(args, "merge")) {
        report_error("Merge bitmap source file only supported with --merge");
        return false;
    }
    return true;
}

static int co_bitmap(const BitmapArgs *args, const char *name, const char *bitmap,
                     int64_t granularity)
{
    ToolOpen how = { .name = name, .format = args->common.format, .write = true,
                     .image_opts = args->common.image_opts };
    ToolOpen source_how = { .name = args->source_file, .format = args->source_format };
    ToolImage image, source = {};
    bool ok;

    if (!co_tool_open_report(&image, &how)) {
        return 1;
    }
    ok = !args->source_file || co_tool_open_report(&source, &source_how);
    for (unsigned i = 0; ok && i < args->nr_actions; i++) {
        BlockNode *node = block_skip_filters(image.node);
        Target target = {
            node, source.node ? block_skip_filters(source.node) : node, bitmap,
            (uint32_t)granularity,
        };

        ok = co_perform(&args->actions[i], &target);
    }
    co_tool_close(&source);
    return !co_tool_close(&image) || !ok;
}

int co_img_bitmap(int argc, char **argv)
{
    BitmapArgs args = {};
    int64_t granularity = 0;
    int status;

    if (img_parse(bitmap_options, &args, &argc, &argv, &status)) {
        status = check_args(&args, argc, &granularity)
                     ? co_bitmap(&args, argv[0], argv[1], granularity) : 1;
    }
    g_free(args.actions);
    return status;
}

/* convert --bitmaps */

static bool co_copy(const BlockDirtyBitmap *bitmap, BlockNode *to, Error **errp)
{
    BlockDirtyBitmap *copy = co_add(to, bitmap->name, block_dirty_bitmap_granularity(bitmap),
                                    errp);

    if (!copy) {
        return false;
    }
    copy->disabled = bitmap->disabled;
    if (!block_dirty_bitmap_merge(copy, bitmap, NULL, errp)) {
        error_prepend(errp, "Failed to populate bitmap %s: ", bitmap->name);
        block_dirty_bitmap_free(copy);
        return false;
    }
    return true;
}

bool img_check_bitmaps(BlockNode *from, bool skip_broken)
{
    BlockDirtyBitmap *bitmap;

    list_for_each(bitmap, &block_skip_filters(from)->dirty_bitmaps, BlockDirtyBitmap, link) {
        if (bitmap->persistent && bitmap->inconsistent && !skip_broken) {
            report_error("Cannot copy inconsistent bitmap '%s'", bitmap->name);
            fprintf(stderr, "Try --skip-broken-bitmaps, or use 'mica-img bitmap --remove'\n");
            return false;
        }
    }
    return true;
}

bool co_img_copy_bitmaps(BlockNode *from, BlockNode *to, bool skip_broken)
{
    BlockDirtyBitmap *bitmap;
    Error *err = NULL;

    list_for_each(bitmap, &block_skip_filters(from)->dirty_bitmaps, BlockDirtyBitmap, link) {
        if (!bitmap->persistent) {
            continue;
        }
        if (bitmap->inconsistent) {
            report_warning("Skipping inconsistent bitmap '%s'", bitmap->name);
            continue;
        }
        if (!co_copy(bitmap, block_skip_filters(to), &err)) {
            error_report(err);
            return false;
        }
    }
    return true;
}
