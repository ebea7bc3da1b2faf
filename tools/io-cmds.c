/* mica-io: commands that read and write */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/io.h"
#include "util/iov.h"
#include "util/parse.h"

#define REQUEST_MAX 2147483136LL        /* INT_MAX in whole sectors */
#define FILL        0xab                /* what memory holds before a read */
#define PATTERN     0xcd                /* what is written unless told otherwise */

/* All options that any of these commands has. */
typedef struct RwArgs {
    bool vmstate, compressed, terse, fua, no_fallback, quiet, unmap, zeroes, dump, invalid;
    bool ignored;
    const char *pattern, *file, *verify_start, *verify_length;
} RwArgs;

#define FLAG(letter, field) TOOL_OPT_FLAG(RwArgs, field, letter, NULL)
#define TEXT(letter, field) TOOL_OPT_TEXT(RwArgs, field, letter, NULL)

static const ToolOption read_options[] = {
    FLAG('b', vmstate), FLAG('C', terse), TEXT('l', verify_length), FLAG('p', ignored),
    TEXT('P', pattern), FLAG('q', quiet), TEXT('s', verify_start), FLAG('v', dump), TOOL_OPT_END
};
static const ToolOption readv_options[] = {
    FLAG('C', terse), TEXT('P', pattern), FLAG('q', quiet), FLAG('v', dump), TOOL_OPT_END
};
static const ToolOption aio_read_options[] = {
    FLAG('C', terse), TEXT('P', pattern), FLAG('i', invalid), FLAG('q', quiet), FLAG('v', dump),
    TOOL_OPT_END
};
static const ToolOption write_options[] = {
    FLAG('b', vmstate), FLAG('c', compressed), FLAG('C', terse), FLAG('f', fua),
    FLAG('n', no_fallback), FLAG('p', ignored), TEXT('P', pattern), FLAG('q', quiet),
    TEXT('s', file), FLAG('u', unmap), FLAG('z', zeroes), TOOL_OPT_END
};
static const ToolOption writev_options[] = {
    FLAG('C', terse), FLAG('f', fua), FLAG('q', quiet), TEXT('P', pattern), TOOL_OPT_END
};
static const ToolOption aio_write_options[] = {
    FLAG('C', terse), FLAG('f', fua), FLAG('i', invalid), FLAG('q', quiet), TEXT('P', pattern),
    FLAG('u', unmap), FLAG('z', zeroes), TOOL_OPT_END
};
static const ToolOption discard_options[] = {
    FLAG('C', terse), FLAG('q', quiet), TOOL_OPT_END
};

/* One request, from the command line until its report. */
typedef struct Request {
    Io *io;
    RwArgs args;
    const char *op;             /* "read", "wrote", "discard" */
    int64_t offset, bytes;
    void *memory;
    uint8_t *buf;
    IoVec iov;
    int pattern;
    int64_t verify_start, verify_length;
    int64_t begin_ns;
} Request;

/* Reports */

/* Below a second only that; else, or where programs read it, hours and minutes too. */
static char *time_text(int64_t ns, bool fixed)
{
    int64_t hundredths = ns / 10000000, seconds = hundredths / 100;

    if (!fixed && seconds == 0) {
        return g_strdup_printf("00.%02d sec", (int)hundredths);
    }
    return g_strdup_printf("%" PRId64 ":%02d:%02d.%02d", seconds / 3600,
                           (int)(seconds / 60 % 60), (int)(seconds % 60),
                           (int)(hundredths % 100));
}

static void report(const Request *r)
{
    int64_t ns = clock_ns(CLOCK_TYPE_REALTIME) - r->begin_ns;
    double seconds = MAX((double)ns, 1) / NS_PER_SECOND;
    g_autofree char *when = time_text(ns, r->args.terse);
    g_autofree char *size = io_size(r->bytes), *rate = io_size(r->bytes / seconds);

    if (r->args.quiet) {
        return;
    }
    if (r->args.terse) {
        printf("%" PRId64 ",1,%s,%.3f,%.3f\n", r->bytes, when, r->bytes / seconds, 1 / seconds);
        return;
    }
    printf("%s %" PRId64 "/%" PRId64 " bytes at offset %" PRId64 "\n%s, 1 ops; %s "
           "(%s/sec and %.4f ops/sec)\n", r->op, r->bytes, r->bytes, r->offset, size, when,
           rate, 1 / seconds);
}

static void dump(const Request *r)
{
    for (int64_t row = 0; row < r->bytes; row += 16) {
        int64_t n = MIN(16, r->bytes - row);

        printf("%08" PRIx64 ":  ", r->offset + row);
        for (int64_t i = 0; i < n; i++) {
            printf("%02x ", r->buf[row + i]);
        }
        putchar(' ');
        for (int64_t i = 0; i < n; i++) {
            uint8_t c = r->buf[row + i];

            putchar(g_ascii_isprint(c) ? c : '.');
        }
        putchar('\n');
    }
}

/* Requests */

static void request_free(Request *r)
{
    iovec_free(&r->iov);
    free(r->memory);
}

static int request_alloc(Request *r, int fill)
{
    unsigned shift = r->io->misaligned ? 1 : 0;

    r->memory = block_try_alloc(MAX(r->bytes, 1) + shift);
    if (!r->memory) {
        printf("Could not get memory for %" PRId64 " bytes\n", r->bytes);
        return -ENOMEM;
    }
    r->buf = (uint8_t *)r->memory + shift;
    memset(r->buf, fill, r->bytes);
    return 0;
}

static bool parse_pattern(Request *r)
{
    uint64_t value;

    r->pattern = PATTERN;
    if (r->args.pattern) {
        if (parse_u64(r->args.pattern, 0, &value) || value > 0xff) {
            printf("%s is not a valid pattern byte\n", r->args.pattern);
            return false;
        }
        r->pattern = (int)value;
    }
    return true;
}

static bool parse_offset(Request *r, const char *text)
{
    return io_parse_size(text, &r->offset);
}

/* "len [len..]", each a piece of memory of its own; their sum is the request's. */
static bool parse_lengths(Request *r, char **texts, int n, int fill)
{
    int64_t piece, at = 0;

    for (int i = 0; i < n; i++) {
        if (!io_parse_size(texts[i], &piece)) {
            return false;
        }
        if (piece > REQUEST_MAX) {
            printf("Argument '%s' exceeds maximum size %lld\n", texts[i], REQUEST_MAX);
            return false;
        }
        if (r->bytes > REQUEST_MAX - piece) {
            printf("The total number of bytes exceed the maximum size %lld\n", REQUEST_MAX);
            return false;
        }
        r->bytes += piece;
    }
    if (request_alloc(r, fill)) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        io_parse_size(texts[i], &piece);
        iovec_add(&r->iov, r->buf + at, piece);
        at += piece;
    }
    return true;
}

/* Compare what was read with the pattern, where that was asked. */
static int verify(const Request *r)
{
    if (!r->args.pattern) {
        return 0;
    }
    for (int64_t i = 0; i < r->verify_length; i++) {
        if (r->buf[r->verify_start + i] != r->pattern) {
            printf("Pattern verification failed at offset %" PRId64 ", %" PRId64 " bytes\n",
                   r->offset + r->verify_start, r->verify_length);
            return -EINVAL;
        }
    }
    return 0;
}

static int failed(const char *name, int ret)
{
    printf("%s failed: %s\n", name, g_strerror(-ret));
    return ret;
}

/* Reading */

static int read_done(Request *r, const char *name, int ret)
{
    if (ret) {
        return failed(name, ret);
    }
    ret = verify(r);
    if (r->args.quiet) {
        return ret;
    }
    if (r->args.dump) {
        dump(r);
    }
    report(r);
    return ret;
}

/* By way of a device's backend, where the emulator runs the command. */

typedef struct Wait {
    Coroutine *co;
    int ret;
} Wait;

static void request_ended(void *opaque, int ret)
{
    Wait *w = opaque;

    w->ret = ret;
    co_wake(w->co);
}

static unsigned blk_flags(unsigned flags)
{
    return (flags & BLOCK_REQ_FUA ? BLK_FUA : 0) |
           (flags & BLOCK_REQ_MAY_UNMAP ? BLK_MAY_UNMAP : 0) |
           (flags & BLOCK_REQ_NO_FALLBACK ? BLK_NO_FALLBACK : 0);
}

static int co_read_data(const Request *r)
{
    Wait w = { co_self(), 0 };

    if (!r->io->blk) {
        return co_node_preadv(r->io->image.node, r->offset, r->bytes, r->iov.iov, r->iov.n);
    }
    blk_aio_preadv(r->io->blk, r->offset, r->iov.iov, r->iov.n, request_ended, &w);
    co_yield();
    return w.ret;
}

static int co_write_data(const Request *r, unsigned flags)
{
    Wait w = { co_self(), 0 };

    if (!r->io->blk || r->args.compressed) {
        return co_node_pwritev(r->io->image.node, r->offset, r->bytes, r->iov.iov, r->iov.n,
                               flags);
    }
    blk_aio_pwritev(r->io->blk, r->offset, r->iov.iov, r->iov.n, blk_flags(flags), request_ended,
                    &w);
    co_yield();
    return w.ret;
}

static int co_write_zeroes(const Request *r, unsigned flags)
{
    Wait w = { co_self(), 0 };

    if (!r->io->blk) {
        return co_node_pwrite_zeroes(r->io->image.node, r->offset, r->bytes, flags);
    }
    blk_aio_pwrite_zeroes(r->io->blk, r->offset, r->bytes, blk_flags(flags), request_ended, &w);
    co_yield();
    return w.ret;
}

static int co_discard_data(const Request *r)
{
    Wait w = { co_self(), 0 };

    if (!r->io->blk) {
        return co_node_pdiscard(r->io->image.node, r->offset, r->bytes);
    }
    blk_aio_pdiscard(r->io->blk, r->offset, r->bytes, request_ended, &w);
    co_yield();
    return w.ret;
}

static int co_flush_data(const Io *io)
{
    Wait w = { co_self(), 0 };

    if (!io->blk) {
        return co_node_flush(io->image.node);
    }
    blk_aio_flush(io->blk, request_ended, &w);
    co_yield();
    return w.ret;
}

static int co_read_request(Request *r)
{
    BlockNode *node = r->io->image.node;

    r->begin_ns = clock_ns(CLOCK_TYPE_REALTIME);
    if (r->args.vmstate) {
        return co_io_load_vmstate(node, r->offset, r->iov.iov, r->iov.n);
    }
    return co_read_data(r);
}

static bool check_sectors(const Request *r)
{
    if (r->offset % BLOCK_SECTOR_SIZE) {
        printf("%" PRId64 " is not a sector-aligned value for 'offset'\n", r->offset);
        return false;
    }
    if (r->bytes % BLOCK_SECTOR_SIZE) {
        printf("%" PRId64 " is not a sector-aligned value for 'count'\n", r->bytes);
        return false;
    }
    return true;
}

static const IoCommand *command(const char *name)
{
    return io_find(name);
}

static bool parse_verify(Request *r)
{
    const RwArgs *a = &r->args;

    if (!a->pattern && (a->verify_start || a->verify_length)) {
        io_usage(command("read"));
        return false;
    }
    r->verify_start = 0;
    if ((a->verify_start && !io_parse_size(a->verify_start, &r->verify_start)) ||
        (a->verify_length && !io_parse_size(a->verify_length, &r->verify_length))) {
        return false;
    }
    return true;
}

static int co_read_bytes(Request *r, char **argv)
{
    if (!parse_pattern(r) || !parse_verify(r) || !parse_offset(r, argv[0]) ||
        !io_parse_size(argv[1], &r->bytes)) {
        return -EINVAL;
    }
    if (r->bytes > REQUEST_MAX) {
        printf("length cannot exceed %lld, given %s\n", REQUEST_MAX, argv[1]);
        return -EINVAL;
    }
    if (!r->args.verify_length) {
        r->verify_length = r->bytes - r->verify_start;
    }
    if (r->verify_length < 0 || r->verify_length > r->bytes - r->verify_start) {
        printf("pattern verification range exceeds end of read data\n");
        return -EINVAL;
    }
    if (r->args.vmstate && !check_sectors(r)) {
        return -EINVAL;
    }
    if (request_alloc(r, FILL)) {
        return -ENOMEM;
    }
    iovec_add(&r->iov, r->buf, r->bytes);
    return read_done(r, "read", co_read_request(r));
}

static int co_io_read(Io *io, int argc, char **argv)
{
    Request r = { .io = io, .op = "read" };
    int ret;

    if (!io_parse(command("read"), read_options, &r.args, &argc, &argv)) {
        return -EINVAL;
    }
    if (argc != 2) {
        io_usage(command("read"));
        return -EINVAL;
    }
    ret = co_read_bytes(&r, argv);
    request_free(&r);
    return ret;
}

/* readv, and what aio_read has in common with it: everything but when it ends. */
static int prepare_readv(Request *r, const char *name, const ToolOption *options, int argc,
                         char **argv)
{
    if (!io_parse(command(name), options, &r->args, &argc, &argv)) {
        return -EINVAL;
    }
    if (argc < 2) {
        io_usage(command(name));
        return -EINVAL;
    }
    if (r->args.invalid) {
        printf("injecting invalid read request\n");
        return 1;
    }
    if (!parse_pattern(r) || !parse_offset(r, argv[0]) ||
        !parse_lengths(r, argv + 1, argc - 1, FILL)) {
        return -EINVAL;
    }
    r->verify_length = r->bytes;
    return 0;
}

static int co_io_readv(Io *io, int argc, char **argv)
{
    Request r = { .io = io, .op = "read" };
    int ret = prepare_readv(&r, "readv", readv_options, argc, argv);

    if (!ret) {
        ret = read_done(&r, "readv", co_read_request(&r));
    }
    request_free(&r);
    return ret;
}

/* Writing */

static unsigned write_flags(const Request *r)
{
    return tool_write_flags(&r->io->image) | (r->args.fua ? BLOCK_REQ_FUA : 0);
}

static int co_write_request(Request *r)
{
    BlockNode *node = r->io->image.node;
    unsigned flags = write_flags(r);

    r->begin_ns = clock_ns(CLOCK_TYPE_REALTIME);
    if (r->args.vmstate) {
        return co_io_save_vmstate(node, r->offset, r->iov.iov, r->iov.n);
    }
    if (r->args.zeroes) {
        flags |= r->args.unmap ? BLOCK_REQ_MAY_UNMAP : 0;
        flags |= r->args.no_fallback ? BLOCK_REQ_NO_FALLBACK : 0;
        return co_write_zeroes(r, flags);
    }
    if (r->args.compressed) {
        flags |= BLOCK_REQ_COMPRESSED;
    }
    return co_write_data(r, flags);
}

static int write_done(Request *r, const char *name, int ret)
{
    if (ret) {
        return failed(name, ret);
    }
    report(r);
    return 0;
}

static bool check_write_args(const RwArgs *a)
{
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        { a->vmstate && a->zeroes, "-b and -z cannot be specified at the same time" },
        { a->fua && (a->vmstate || a->compressed),
          "-f and -b or -c cannot be specified at the same time" },
        { a->no_fallback && !a->zeroes, "-n requires -z to be specified" },
        { a->unmap && !a->zeroes, "-u requires -z to be specified" },
        { a->zeroes + (a->pattern != NULL) + (a->file != NULL) > 1,
          "Only one of -z, -P, and -s can be specified at the same time" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++) {
        if (rules[i].wrong) {
            printf("%s\n", rules[i].text);
            return false;
        }
    }
    return true;
}

/* The file's bytes, over and over. */
static int fill_from_file(Request *r)
{
    g_autofree char *content = NULL;
    gsize length;
    int fd = open(r->args.file, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", r->args.file, g_strerror(errno));
        return -EINVAL;
    }
    close(fd);
    if (!g_file_get_contents(r->args.file, &content, &length, NULL)) {
        fprintf(stderr, "%s: %s\n", r->args.file, g_strerror(EIO));
        return -EINVAL;
    }
    if (!length) {
        fprintf(stderr, "%s: file is empty\n", r->args.file);
        return -EINVAL;
    }
    for (int64_t at = 0; at < r->bytes; at += (int64_t)length) {
        memcpy(r->buf + at, content, MIN((int64_t)length, r->bytes - at));
    }
    return 0;
}

static int co_write_bytes(Request *r, char **argv)
{
    const RwArgs *a = &r->args;
    int ret;

    if (!parse_pattern(r) || !parse_offset(r, argv[0]) || !io_parse_size(argv[1], &r->bytes)) {
        return -EINVAL;
    }
    if (r->bytes > REQUEST_MAX && !a->no_fallback) {
        printf("length cannot exceed %lld without -n, given %s\n", REQUEST_MAX, argv[1]);
        return -EINVAL;
    }
    if ((a->vmstate || a->compressed) && !check_sectors(r)) {
        return -EINVAL;
    }
    if (!a->zeroes) {
        ret = request_alloc(r, r->pattern);
        if (!ret && a->file) {
            ret = fill_from_file(r);
        }
        if (ret) {
            return ret;
        }
        iovec_add(&r->iov, r->buf, r->bytes);
    }
    return write_done(r, "write", co_write_request(r));
}

static int co_io_write(Io *io, int argc, char **argv)
{
    Request r = { .io = io, .op = "wrote" };
    int ret = -EINVAL;

    if (!io_parse(command("write"), write_options, &r.args, &argc, &argv)) {
        return -EINVAL;
    }
    if (argc != 2) {
        io_usage(command("write"));
        return -EINVAL;
    }
    if (check_write_args(&r.args)) {
        ret = co_write_bytes(&r, argv);
    }
    request_free(&r);
    return ret;
}

static int prepare_writev(Request *r, const char *name, const ToolOption *options, int argc,
                          char **argv)
{
    if (!io_parse(command(name), options, &r->args, &argc, &argv)) {
        return -EINVAL;
    }
    if (argc < 2) {
        io_usage(command(name));
        return -EINVAL;
    }
    if (r->args.zeroes && argc != 2) {
        printf("-z supports only a single length parameter\n");
        return -EINVAL;
    }
    if (r->args.unmap && !r->args.zeroes) {
        printf("-u requires -z to be specified\n");
        return -EINVAL;
    }
    if (r->args.zeroes && r->args.pattern && strcmp(name, "aio_write")) {
        printf("-z and -P cannot be specified at the same time\n");
        return -EINVAL;
    }
    if (r->args.invalid) {
        printf("injecting invalid write request\n");
        return 1;
    }
    if (!parse_pattern(r) || !parse_offset(r, argv[0])) {
        return -EINVAL;
    }
    if (r->args.zeroes) {
        return io_parse_size(argv[1], &r->bytes) ? 0 : -EINVAL;
    }
    return parse_lengths(r, argv + 1, argc - 1, r->pattern) ? 0 : -EINVAL;
}

static int co_io_writev(Io *io, int argc, char **argv)
{
    Request r = { .io = io, .op = "wrote" };
    int ret = prepare_writev(&r, "writev", writev_options, argc, argv);

    if (!ret) {
        ret = write_done(&r, "writev", co_write_request(&r));
    }
    request_free(&r);
    return ret;
}

/* In the background */

static void aio_ended(Request *r)
{
    Io *io = r->io;

    request_free(r);
    g_free(r);
    if (!--io->in_flight) {
        co_queue_wake_all(&io->idle);
    }
}

static void co_aio_read(void *opaque)
{
    Request *r = opaque;

    read_done(r, "readv", co_read_request(r));
    aio_ended(r);
}

static void co_aio_write(void *opaque)
{
    Request *r = opaque;

    write_done(r, "aio_write", co_write_request(r));
    aio_ended(r);
}

/* prepared: 0 to start it, 1 where there is nothing to do, or an errno. */
static int aio_start(Request *prepared_request, int prepared, CoroutineFn *co_fn)
{
    Request *r;

    if (prepared) {
        request_free(prepared_request);
        return MIN(prepared, 0);
    }
    r = g_memdup2(prepared_request, sizeof(*r));
    r->io->in_flight++;
    co_wake(co_create(co_fn, r));
    return 0;
}

static int co_io_aio_read(Io *io, int argc, char **argv)
{
    Request r = { .io = io, .op = "read" };

    return aio_start(&r, prepare_readv(&r, "aio_read", aio_read_options, argc, argv),
                     co_aio_read);
}

static int co_io_aio_write(Io *io, int argc, char **argv)
{
    Request r = { .io = io, .op = "wrote" };

    return aio_start(&r, prepare_writev(&r, "aio_write", aio_write_options, argc, argv),
                     co_aio_write);
}

static int co_io_aio_flush(Io *io, int argc, char **argv)
{
    co_io_drain(io);
    return 0;
}

static int co_io_flush(Io *io, int argc, char **argv)
{
    return co_flush_data(io);
}

static int co_io_discard(Io *io, int argc, char **argv)
{
    Request r = { .io = io, .op = "discard" };
    int ret;

    if (!io_parse(command("discard"), discard_options, &r.args, &argc, &argv)) {
        return -EINVAL;
    }
    if (argc != 2) {
        io_usage(command("discard"));
        return -EINVAL;
    }
    if (!parse_offset(&r, argv[0]) || !io_parse_size(argv[1], &r.bytes)) {
        return -EINVAL;
    }
    if (r.bytes > REQUEST_MAX) {
        printf("length cannot exceed %lld, given %s\n", REQUEST_MAX, argv[1]);
        return -EINVAL;
    }
    r.begin_ns = clock_ns(CLOCK_TYPE_REALTIME);
    ret = co_discard_data(&r);
    return write_done(&r, "discard", ret);
}

const IoCommand io_rw_commands[] = {
    { "aio_flush", NULL, co_io_aio_flush, 0, 0, false, 0, NULL,
      "completes all outstanding aio requests", NULL },
    { "aio_read", NULL, co_io_aio_read, 2, -1, false, 0,
      "[-Ciqv] [-P pattern] off len [len..]", "asynchronously reads a number of bytes",
      " As readv, but the next command runs at once; aio_flush waits for the end.\n"
      " Errors and mismatches are told, but are no failure of the command.\n"
      " -C, -- statistics that programs can read\n"
      " -P, -- compare what is read with this byte\n"
      " -i, -- count it as an invalid request\n"
      " -v, -- dump what is read\n"
      " -q, -- no statistics\n" },
    { "aio_write", NULL, co_io_aio_write, 2, -1, false, BLOCK_PERM_WRITE,
      "[-Cfiquz] [-P pattern] off len [len..]", "asynchronously writes a number of bytes",
      " As writev, but the next command runs at once; aio_flush waits for the end.\n"
      " -P, -- write this byte rather than 0xcd\n"
      " -C, -- statistics that programs can read\n"
      " -f, -- stable when done\n"
      " -i, -- count it as an invalid request\n"
      " -q, -- no statistics\n"
      " -u, -- with -z, storage may be freed\n"
      " -z, -- write zeroes, in the cheapest way\n" },
    { "discard", "d", co_io_discard, 2, -1, false, BLOCK_PERM_WRITE, "[-Cq] off len",
      "discards a number of bytes at a specified offset",
      " -C, -- statistics that programs can read\n"
      " -q, -- no statistics\n" },
    { "flush", "f", co_io_flush, 0, 0, false, 0, NULL, "flush all in-core file state to disk",
      NULL },
    { "read", "r", co_io_read, 2, -1, false, 0,
      "[-abCqv] [-P pattern [-s off] [-l len]] off len",
      "reads a number of bytes at a specified offset",
      " Example: 'read -v 512 1k' dumps 1 KiB from the second sector on.\n\n"
      " -b, -- read of the machine state, not of the disk\n"
      " -C, -- statistics that programs can read\n"
      " -l, -- with -P: compare so many bytes\n"
      " -p, -- does nothing, for old scripts\n"
      " -P, -- compare what is read with this byte\n"
      " -q, -- no statistics\n"
      " -s, -- with -P: compare from there on\n"
      " -v, -- dump what is read\n" },
    { "readv", NULL, co_io_readv, 2, -1, false, 0, "[-Cqv] [-P pattern] off len [len..]",
      "reads a number of bytes at a specified offset",
      " As read, into a piece of memory for each length.\n\n"
      " -C, -- statistics that programs can read\n"
      " -P, -- compare what is read with this byte\n"
      " -v, -- dump what is read\n"
      " -q, -- no statistics\n" },
    { "write", "w", co_io_write, 2, -1, false, BLOCK_PERM_WRITE,
      "[-bcCfnquz] [-P pattern | -s source_file] off len",
      "writes a number of bytes at a specified offset",
      " Example: 'write -P 0 512 1k' clears 1 KiB from the second sector on.\n\n"
      " -b, -- write to the machine state, not to the disk\n"
      " -c, -- write compressed clusters\n"
      " -f, -- stable when done\n"
      " -n, -- with -z, fail where it would be slow\n"
      " -p, -- does nothing, for old scripts\n"
      " -P, -- write this byte rather than 0xcd\n"
      " -s, -- write what this file holds, again and again\n"
      " -C, -- statistics that programs can read\n"
      " -q, -- no statistics\n"
      " -u, -- with -z, storage may be freed\n"
      " -z, -- write zeroes, in the cheapest way\n" },
    { "writev", NULL, co_io_writev, 2, -1, false, BLOCK_PERM_WRITE,
      "[-Cfq] [-P pattern] off len [len..]", "writes a number of bytes at a specified offset",
      " As write, from a piece of memory for each length.\n\n"
      " -P, -- write this byte rather than 0xcd\n"
      " -C, -- statistics that programs can read\n"
      " -f, -- stable when done\n"
      " -q, -- no statistics\n" },
    { NULL, NULL, NULL, 0, 0, false, 0, NULL, NULL, NULL },
};
