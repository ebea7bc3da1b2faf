/* The human monitor's qemu-io: commands of mica-io on a drive or node of the machine */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/block.h"
#include "monitor/hmp.h"
#include "tools/io.h"
#include "util/coroutine.h"

/* One command, which lives until the requests that it began (aio_*) have ended. */
typedef struct Command {
    Io io;
    ListLink link;
} Command;

static List commands = { &commands, &commands };

static void co_finish(void *opaque)
{
    Command *c = opaque;

    co_io_drain(&c->io);
    list_remove(&c->link);
    if (c->io.blk) {
        blk_unref(c->io.blk);
    } else {
        co_tool_close(&c->io.image);
    }
    g_free(c);
}

/* "aio_flush" is about all that was begun before. */
static void co_wait_for_others(const Command *self)
{
    bool any = true;

    while (any) {
        Command *c;

        any = false;
        list_for_each(c, &commands, Command, link) {
            if (c != self && c->io.in_flight) {
                any = true;
                co_io_drain(&c->io);
                break;          /* the list may be another now */
            }
        }
    }
}

typedef struct FindDevice {
    const char *id;
    BlockBackend *found;
} FindDevice;

static void match_device(BlockBackend *blk, void *opaque)
{
    FindDevice *f = opaque;

    if (!g_strcmp0(blk_qdev(blk), f->id)) {
        f->found = blk;
    }
}

static BlockBackend *find_backend(const char *name, bool by_device)
{
    FindDevice f = { name, NULL };

    if (!by_device) {
        return blk_find(name);
    }
    blks_for_each(match_device, &f);
    return f.found;
}

static bool wants_to_write(const char *line)
{
    size_t n = strcspn(line, " \t");
    g_autofree char *name = g_strndup(line, n);
    const IoCommand *c = io_find(name);

    return c && c->perm;
}

/* What a device has is used by its own rights; other nodes as by a tool. */
static bool co_take(Command *c, const char *name, bool by_device, const char *line, Error **errp)
{
    BlockBackend *blk = find_backend(name, by_device);
    BlockNode *node = blk ? blk_node(blk) : by_device ? NULL : block_node_find(name);

    if (!blk && !node) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", name);
        return false;
    }
    if (!node) {
        error_set(errp, "Device '%s' has no medium", name);
        return false;
    }
    if (blk && blk_attached(blk)) {
        blk_ref(blk);
        c->io.blk = blk;
        c->io.image.node = node;
        return true;
    }
    block_node_ref(node);
    return co_tool_adopt(&c->io.image, node, wants_to_write(line), errp);
}

static void co_io(const Json *args, GString *out, Error **errp)
{
    const char *name = hmp_str(args, "device"), *line = hmp_str(args, "command");
    Command *c = g_new0(Command, 1);
    g_autofree char *trimmed = g_strstrip(g_strdup(line));

    c->io.embedded = true;
    co_queue_init(&c->io.idle);
    if (!co_take(c, name, hmp_bool(args, "qdev"), trimmed, errp)) {
        g_free(c);
        return;
    }
    list_append(&commands, &c->link);
    if (!strcmp(trimmed, "aio_flush")) {
        co_wait_for_others(c);
    } else {
        co_io_run_line(&c->io, trimmed);
    }
    fflush(stdout);
    co_enter(co_create(co_finish, c));
}

static const HmpCommand rows[] = {
    { "qemu-io", "[-d] DEVICE \"COMMAND\"", "a command of mica-io on a drive or node; -d: on that "
      "of a device. What it prints goes to the program's output",
      { { "qdev", HMP_FLAG, .letter = 'd' }, { "device", HMP_WORD }, { "command", HMP_WORD } },
      .co_run = co_io },
    { }
};
static const HmpTable table = { rows, false };
REGISTER_HMP(table)
