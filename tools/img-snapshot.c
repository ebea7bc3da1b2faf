/* mica-img snapshot: snapshots inside of an image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/snapshot.h"
#include "tools/img.h"
#include "util/parse.h"

typedef struct SnapshotArgs {
    ImgCommon common;
    char action;            /* l, a, c or d; 0: none was given */
    const char *name;
} SnapshotArgs;

static bool set_action(void *opaque, char action, const char *name, Error **errp)
{
    SnapshotArgs *args = opaque;

    if (args->action) {
        error_set(errp, "Cannot mix '-l', '-a', '-c', '-d'");
        error_hint(errp, "Try '%s --help' for more information", g_get_prgname());
        return false;
    }
    args->action = action;
    args->name = name;
    return true;
}

#define ACTION(letter)                                                                    \
    static bool action_##letter(void *args, const char *name, const char *text,           \
                                Error **errp)                                             \
    {                                                                                     \
        return set_action(args, #letter[0], text, errp);                                  \
    }
ACTION(a)
ACTION(c)
ACTION(d)
ACTION(l)

static const ToolOption snapshot_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(SnapshotArgs),
    IMG_OPT_FORMAT(SnapshotArgs),
    IMG_OPT_FORCE_SHARE(SnapshotArgs),
    IMG_OPT_QUIET(SnapshotArgs),
    { NULL, 'l', false, TOOL_CALL, 0, action_l },
    { NULL, 'a', true, TOOL_CALL, 0, action_a },
    { NULL, 'c', true, TOOL_CALL, 0, action_c },
    { NULL, 'd', true, TOOL_CALL, 0, action_d },
    TOOL_OPT_END
};

static void print_snapshot(const SnapshotInfo *s)
{
    g_autofree char *size = format_size(s->vm_state_size);
    g_autofree char *icount = s->has_icount ? g_strdup_printf("%" PRId64, s->icount)
                                            : g_strdup("");
    g_autofree char *clock = NULL;
    char date[64] = "";
    time_t made = s->date_sec;
    int64_t sec = s->vm_clock_sec;
    struct tm tm;

    if (localtime_r(&made, &tm)) {
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    }
    clock = g_strdup_printf("%02" PRId64 ":%02d:%02d.%03d", sec / 3600, (int)(sec / 60 % 60),
                            (int)(sec % 60), (int)(s->vm_clock_nsec / 1000000));
    printf("%-9s %-16s %8s%20s%13s%11s\n", s->id, s->name, size, date, clock, icount);
}

void img_print_snapshots(const SnapshotInfoList *list)
{
    if (!list) {
        return;
    }
    printf("Snapshot list:\n%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE",
           "VM CLOCK", "ICOUNT");
    for (; list; list = list->next) {
        print_snapshot(list->value);
    }
}

/* A driver's list; with NULL and 0 for one that keeps none. false: errp. */
static bool co_get_list(BlockNode *node, BlockSnapshot **list, int *count, Error **errp)
{
    *list = NULL;
    *count = 0;
    if (node->driver->co_snapshot_list) {
        *list = node->driver->co_snapshot_list(node, count, errp);
    }
    return *count >= 0;
}

bool co_img_snapshots(BlockNode *node, SnapshotInfoList **infos, Error **errp)
{
    BlockSnapshot *list;
    int count;

    *infos = NULL;
    if (!co_get_list(node, &list, &count, errp)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        *infos = g_new0(SnapshotInfoList, 1);
        (*infos)->value = block_snapshot_info(&list[i]);
        infos = &(*infos)->next;
    }
    g_free(list);
    return true;
}

static int fail(const char *what, const char *name, const char *why)
{
    report_error("Could not %s snapshot '%s': %s", what, name, why);
    return 1;
}

/* What the driver says, which may begin with what was tried. */
static int fail_with(const char *what, const char *name, Error *err)
{
    g_autofree char *start = g_strdup_printf("Could not %s snapshot '%s': ", what, name);

    if (!g_str_has_prefix(error_text(err), start)) {
        error_prepend(&err, "%s", start);
    }
    error_report(err);
    return 1;
}

static int co_list(BlockNode *node, const char *name)
{
    Error *err = NULL;
    ImageInfo holder = {};

    if (!co_img_snapshots(node, &holder.snapshots, &err)) {
        error_report(err);
        return 1;
    }
    img_print_snapshots(holder.snapshots);
    while (holder.snapshots) {
        SnapshotInfoList *next = holder.snapshots->next;

        qapi_free_SnapshotInfo(holder.snapshots->value);
        g_free(holder.snapshots);
        holder.snapshots = next;
    }
    return 0;
}

static int co_make(BlockNode *node, const char *name)
{
    BlockSnapshot snapshot = { .icount = UINT64_MAX };
    struct timespec now;
    Error *err = NULL;

    clock_gettime(CLOCK_REALTIME, &now);
    g_strlcpy(snapshot.name, name, sizeof(snapshot.name));
    snapshot.date_sec = now.tv_sec;
    snapshot.date_nsec = now.tv_nsec;
    snapshot.icount = 0;
    if (!node->driver->co_snapshot_create) {
        return fail("create", name, "-95 (Operation not supported)");
    }
    return node->driver->co_snapshot_create(node, &snapshot, &err)
               ? 0 : fail_with("create", name, err);
}

/* Is there one of that name, or (with ids) of that number? */
static bool co_find(BlockNode *node, const char *name, bool ids, BlockSnapshot *found)
{
    BlockSnapshot *list;
    int count;
    bool ok = false;

    if (!co_get_list(node, &list, &count, NULL)) {
        return false;
    }
    for (int i = 0; i < count && !ok; i++) {
        ok = !strcmp(list[i].name, name) || (ids && !strcmp(list[i].id, name));
        if (ok) {
            *found = list[i];
        }
    }
    g_free(list);
    return ok;
}

static int co_apply(BlockNode *node, const char *name)
{
    BlockSnapshot found;
    Error *err = NULL;

    if (!node->driver->co_snapshot_goto) {
        return fail("apply", name, "Block driver does not support internal snapshots");
    }
    if (!co_find(node, name, true, &found)) {
        return fail("apply", name, "Failed to load snapshot: No such file or directory");
    }
    return node->driver->co_snapshot_goto(node, name, &err) ? 0 : fail_with("apply", name, err);
}

static int co_remove(BlockNode *node, const char *name)
{
    BlockSnapshot found;
    Error *err = NULL;

    if (!node->driver->co_snapshot_delete || !co_find(node, name, false, &found)) {
        return fail("delete", name, "snapshot not found");
    }
    return node->driver->co_snapshot_delete(node, found.id, found.name, &err)
               ? 0 : fail_with("delete", name, err);
}

typedef struct Action {
    char letter;
    int (*co_do)(BlockNode *node, const char *name);
} Action;

static const Action actions[] = {
    { 'l', co_list }, { 'c', co_make }, { 'a', co_apply }, { 'd', co_remove },
};

int co_img_snapshot(int argc, char **argv)
{
    SnapshotArgs args = {};
    ToolOpen how = { .unmap = true };
    ToolImage image;
    int status = 0;

    if (!img_parse(snapshot_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (argc != 1) {
        return img_usage_error("Expecting one image file name");
    }
    how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    how.force_share = args.common.force_share;
    how.write = args.action && args.action != 'l';
    if (!co_tool_open_report(&image, &how)) {
        return 1;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
        if (actions[i].letter == args.action) {
            status = actions[i].co_do(block_skip_filters(image.node), args.name);
        }
    }
    return co_tool_close(&image) ? status : 1;
}
