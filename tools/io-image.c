/* mica-io: commands that tell of the image, change its length, and reach into blkdebug */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/io.h"
#include "util/parse.h"

/* blkdebug and machine state: of the node itself or the first one below that has it. */
static BlockNode *find_below(BlockNode *node, bool (*has)(const BlockDriver *driver))
{
    while (node && !has(node->driver)) {
        node = block_primary(node);
    }
    return node;
}

static bool has_breakpoints(const BlockDriver *driver)
{
    return driver->debug_breakpoint;
}

static bool has_vmstate(const BlockDriver *driver)
{
    return driver->co_load_vmstate;
}

int co_io_load_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov)
{
    node = find_below(node, has_vmstate);
    return node ? node->driver->co_load_vmstate(node, pos, iov, niov) : -ENOTSUP;
}

int co_io_save_vmstate(BlockNode *node, int64_t pos, const struct iovec *iov, unsigned niov)
{
    node = find_below(node, has_vmstate);
    return node && node->driver->co_save_vmstate
               ? node->driver->co_save_vmstate(node, pos, iov, niov) : -ENOTSUP;
}

static int co_io_length(Io *io, int argc, char **argv)
{
    g_autofree char *size = io_size(block_node_length(io->image.node));

    printf("%s\n", size);
    return 0;
}

static int co_io_info(Io *io, int argc, char **argv)
{
    BlockNode *node = io->image.node;
    g_autofree char *cluster = NULL, *state = NULL;
    BlockDriverInfo info = {};
    Error *err = NULL;

    printf("format name: %s\n", node->driver->name);
    if (!tool_get_info(node, &info)) {
        return -ENOTSUP;
    }
    cluster = io_size(info.cluster_size);
    state = io_size(info.vm_state_offset);
    printf("cluster size: %s\nvm state offset: %s\n", cluster, state);
    if (node->driver->co_get_specific_info) {
        g_autoptr(ImageInfoSpecific) specific =
            node->driver->co_get_specific_info(node, &err);

        if (err) {
            error_report(err);
            return -EIO;
        }
        if (specific) {
            tool_print_specific(specific, 1);
        }
    }
    return 0;
}

static int co_io_alloc(Io *io, int argc, char **argv)
{
    g_autofree char *where = NULL;
    int64_t offset, bytes = BLOCK_SECTOR_SIZE, left, sum = 0;

    if (!io_parse_size(argv[1], &offset) || (argc == 3 && !io_parse_size(argv[2], &bytes))) {
        return -EINVAL;
    }
    for (left = bytes; left;) {
        int64_t n = 0;
        int ret = co_node_is_allocated(io->image.node, offset + bytes - left, left, &n);

        if (ret < 0) {
            printf("is_allocated failed: %s\n", g_strerror(-ret));
            return ret;
        }
        sum += ret ? n : 0;
        if (!n) {
            bytes -= left;
            break;
        }
        left -= n;
    }
    where = io_size(offset);
    printf("%" PRId64 "/%" PRId64 " bytes allocated at offset %s\n", sum, bytes, where);
    return 0;
}

static int co_io_map(Io *io, int argc, char **argv)
{
    int64_t length = block_node_length(io->image.node);

    if (!length) {
        return 0;
    }
    for (int64_t at = 0, n; at < length; at += n) {
        g_autofree char *size = NULL, *where = NULL;
        int first = co_node_is_allocated(io->image.node, at, length - at, &n);
        int64_t more;

        if (first < 0 || !n) {
            printf("Failed to get allocation status: %s\n", g_strerror(first < 0 ? -first : EIO));
            return first < 0 ? first : -EIO;
        }
        while (at + n < length &&
               co_node_is_allocated(io->image.node, at + n, length - at - n, &more) == first &&
               more) {
            n += more;
        }
        size = io_size(n);
        where = io_size(at);
        printf("%s (0x%" PRIx64 ") bytes %s allocated at offset %s (0x%" PRIx64 ")\n", size, n,
               first ? "   " : "not", where, at);
    }
    return 0;
}

typedef struct TruncateArgs {
    const char *mode;
} TruncateArgs;

static const ToolOption truncate_options[] = {
    TOOL_OPT_TEXT(TruncateArgs, mode, 'm', NULL), TOOL_OPT_END
};

static int co_io_truncate(Io *io, int argc, char **argv)
{
    BlockChild *user = io->image.user;
    uint32_t perm = user->perm;
    TruncateArgs args = {};
    int64_t length;
    int mode = PREALLOC_MODE_OFF;
    Error *err = NULL;
    bool ok;

    if (!io_parse(io_find("truncate"), truncate_options, &args, &argc, &argv)) {
        return -EINVAL;
    }
    if (args.mode) {
        mode = qapi_enum_parse(&qapi_type_PreallocMode, args.mode, "mode", NULL);
        if (mode < 0) {
            report_error("Invalid preallocation mode '%s'", args.mode);
            return -EINVAL;
        }
    }
    if (argc != 1) {
        io_usage(io_find("truncate"));
        return -EINVAL;
    }
    if (!io_parse_size(argv[0], &length)) {
        return -EINVAL;
    }
    ok = block_child_set_perm(user, perm | BLOCK_PERM_RESIZE, user->shared, &err) &&
         co_node_truncate(io->image.node, length, false, mode, 0, &err);
    block_child_set_perm(user, perm, user->shared, NULL);
    if (!ok) {
        error_report(err);
    }
    return ok ? 0 : -EIO;
}

/* blkdebug */

static int co_io_break(Io *io, int argc, char **argv)
{
    BlockNode *node = find_below(io->image.node, has_breakpoints);
    Error *err = NULL;

    if (!node) {
        printf("Could not set a breakpoint: %s\n", g_strerror(ENOTSUP));
        return -ENOTSUP;
    }
    if (!node->driver->debug_breakpoint(node, argv[1], argv[2], &err)) {
        printf("Could not set a breakpoint: %s\n", error_text(err));
        error_free(err);
        return -EINVAL;
    }
    return 0;
}

static int co_io_remove_break(Io *io, int argc, char **argv)
{
    BlockNode *node = find_below(io->image.node, has_breakpoints);
    int ret = !node ? -ENOTSUP : node->driver->debug_remove_breakpoint(node, argv[1]) ? 0
                                                                                     : -ENOENT;

    if (ret) {
        printf("Could not remove breakpoint %s: %s\n", argv[1], g_strerror(-ret));
    }
    return ret;
}

static int co_io_resume(Io *io, int argc, char **argv)
{
    BlockNode *node = find_below(io->image.node, has_breakpoints);
    int ret = !node ? -ENOTSUP : node->driver->debug_resume(node, argv[1]) ? 0 : -ENOENT;

    if (ret) {
        printf("Could not resume request: %s\n", g_strerror(-ret));
    }
    return ret;
}

static int co_io_wait_break(Io *io, int argc, char **argv)
{
    BlockNode *node = find_below(io->image.node, has_breakpoints);

    if (!node) {
        printf("Could not wait for a breakpoint: %s\n", g_strerror(ENOTSUP));
        return -ENOTSUP;
    }
    while (!node->driver->debug_is_suspended(node, argv[1])) {
        co_sleep(CLOCK_TYPE_REALTIME, 1000000);
    }
    return 0;
}

const IoCommand io_image_commands[] = {
    { "alloc", NULL, co_io_alloc, 1, 2, false, 0, "offset [count]",
      "checks if offset is allocated in the file", NULL },
    { "break", NULL, co_io_break, 2, 2, false, 0, "event tag",
      "sets a breakpoint on event and tags the stopped request as tag", NULL },
    { "info", "i", co_io_info, 0, 0, false, 0, NULL,
      "prints information about the current file", NULL },
    { "length", "l", co_io_length, 0, 0, false, 0, NULL, "gets the length of the current file",
      NULL },
    { "map", NULL, co_io_map, 0, 0, false, 0, "", "prints the allocated areas of a file", NULL },
    { "remove_break", NULL, co_io_remove_break, 1, 1, false, 0, "tag",
      "remove a breakpoint by tag", NULL },
    { "resume", NULL, co_io_resume, 1, 1, false, 0, "tag", "resumes the request tagged as tag",
      NULL },
    { "truncate", "t", co_io_truncate, 1, 3, false, BLOCK_PERM_WRITE, "[-m prealloc_mode] off",
      "truncates the current file at the given offset", NULL },
    { "wait_break", NULL, co_io_wait_break, 1, 1, false, 0, "tag",
      "waits for the suspension of a request", NULL },
    { NULL, NULL, NULL, 0, 0, false, 0, NULL, NULL, NULL },
};
