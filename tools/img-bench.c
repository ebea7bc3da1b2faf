/* mica-img bench: many requests of one kind, and how long they took */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"
#include "util/parse.h"

typedef struct BenchArgs {
    ImgCommon common;
    const char *count, *depth, *flush_interval, *aio, *offset, *pattern, *size, *step;
    bool native, no_drain, write;
} BenchArgs;

static const ToolOption bench_options[] = {
    TOOL_OPT_HELP,
    IMG_OPT_IMAGE_OPTS(BenchArgs),
    IMG_OPT_FORMAT(BenchArgs),
    IMG_OPT_CACHE(BenchArgs),
    IMG_OPT_QUIET(BenchArgs),
    IMG_OPT_FORCE_SHARE(BenchArgs),
    TOOL_OPT_TEXT(BenchArgs, count, 'c', NULL),
    TOOL_OPT_TEXT(BenchArgs, depth, 'd', NULL),
    TOOL_OPT_TEXT(BenchArgs, aio, 'i', NULL),
    TOOL_OPT_FLAG(BenchArgs, native, 'n', NULL),
    TOOL_OPT_TEXT(BenchArgs, offset, 'o', NULL),
    TOOL_OPT_TEXT(BenchArgs, size, 's', NULL),
    TOOL_OPT_TEXT(BenchArgs, step, 'S', NULL),
    TOOL_OPT_FLAG(BenchArgs, write, 'w', NULL),
    TOOL_OPT_TEXT(BenchArgs, flush_interval, 0, "flush-interval"),
    TOOL_OPT_TEXT(BenchArgs, pattern, 0, "pattern"),
    TOOL_OPT_FLAG(BenchArgs, no_drain, 0, "no-drain"),
    TOOL_OPT_END
};

typedef struct Bench {
    ToolImage image;
    int64_t count, depth, flush_interval, offset, size, step;
    uint64_t pattern;
    bool write, drain;
    uint8_t *buf;
    int64_t started, done;      /* requests */
    unsigned in_flight;
    bool flushing;
    int error;
    CoQueue idle;               /* those who wait for fewer requests, or for the flush */
} Bench;

/* Beside the requests, or with --no-drain not: a flush once interval of them were started. */
static void co_bench_flush(Bench *b)
{
    int ret;

    b->flushing = true;
    while (b->drain && b->in_flight) {
        co_queue_wait(&b->idle, NULL);
    }
    ret = co_node_flush(b->image.node);
    if (ret && !b->error) {
        b->error = ret;
    }
    b->flushing = false;
    co_queue_wake_all(&b->idle);
}

static int co_bench_request(Bench *b, int64_t at)
{
    struct iovec iov = { b->buf, b->size };

    return b->write ? co_node_pwritev(b->image.node, at, b->size, &iov, 1,
                                      tool_write_flags(&b->image))
                    : co_node_preadv(b->image.node, at, b->size, &iov, 1);
}

/* One of depth coroutines. */
static void co_bench_worker(void *opaque)
{
    Bench *b = opaque;

    while (b->started < b->count && !b->error) {
        int64_t length = block_node_length(b->image.node), at = b->offset;
        int ret;

        if (b->flush_interval && b->started && b->started % b->flush_interval == 0 &&
            !b->flushing && b->started != b->done) {
            b->done = b->started;
            co_bench_flush(b);
            continue;
        }
        if (b->flushing && b->drain) {
            co_queue_wait(&b->idle, NULL);
            continue;
        }
        b->started++;
        b->offset += b->step;
        if (length >= b->size && b->offset > length - b->size) {
            b->offset = length > b->size ? b->offset % (length - b->size) : 0;
        }
        b->in_flight++;
        ret = co_bench_request(b, at);
        b->in_flight--;
        if (ret && !b->error) {
            b->error = ret;
            report_error("Failed request: %s", g_strerror(-ret));
        }
        if (!b->in_flight) {
            co_queue_wake_all(&b->idle);
        }
    }
    b->depth--;
    co_queue_wake_all(&b->idle);
}

static int co_bench(Bench *b, bool quiet)
{
    int64_t begin, ns, interval = b->flush_interval;

    b->buf = block_try_alloc(b->size);
    if (!b->buf) {
        report_error("Could not get memory for requests of %" PRId64 " bytes", b->size);
        return 1;
    }
    memset(b->buf, (int)b->pattern, b->size);
    img_say(quiet, "Sending %" PRId64 " %s requests, %" PRId64 " bytes each, %" PRId64
            " in parallel (starting at offset %" PRId64 ", step size %" PRId64 ")\n", b->count,
            b->write ? "write" : "read", b->size, b->depth, b->offset, b->step);
    if (interval) {
        img_say(quiet, "Sending flush every %" PRId64 " %srequests\n", interval,
                b->drain ? "" : "");
    }
    co_queue_init(&b->idle);
    begin = clock_ns(CLOCK_TYPE_REALTIME);
    for (int64_t i = 0, n = MIN(b->depth, b->count); i < n; i++) {
        co_wake(co_create(co_bench_worker, b));
        b->depth = i + 1;
    }
    b->depth = MIN(b->depth, b->count);
    while (b->depth) {
        co_queue_wait(&b->idle, NULL);
    }
    ns = clock_ns(CLOCK_TYPE_REALTIME) - begin;
    free(b->buf);
    if (b->error) {
        return 1;
    }
    img_say(quiet, "Run completed in %3.3f seconds.\n", (double)ns / NS_PER_SECOND);
    return 0;
}

static bool parse_number(const char *what, const char *text, uint64_t max, int64_t *value)
{
    uint64_t v;

    if (parse_u64(text, 0, &v) || v > max) {
        report_error("Invalid %s specified", what);
        return false;
    }
    *value = v;
    return true;
}

static bool parse_bench(const BenchArgs *args, Bench *b, ToolOpen *how)
{
    int64_t pattern = 0;

    if ((args->count && !parse_number("request count", args->count, INT_MAX, &b->count)) ||
        (args->depth && !parse_number("queue depth", args->depth, INT_MAX, &b->depth)) ||
        (args->flush_interval &&
         !parse_number("flush interval", args->flush_interval, INT_MAX, &b->flush_interval)) ||
        (args->pattern && !parse_number("pattern byte", args->pattern, 0xff, &pattern)) ||
        (args->offset && !tool_parse_size("offset", args->offset, 0, INT64_MAX, &b->offset)) ||
        (args->size && !tool_parse_size("buffer size", args->size, 1, INT_MAX, &b->size)) ||
        (args->step && !tool_parse_size("step_size", args->step, 0, INT_MAX, &b->step))) {
        return false;
    }
    b->pattern = pattern;
    if (!b->depth) {
        report_error("Invalid queue depth specified");
        return false;
    }
    if (args->common.cache && !tool_parse_cache(args->common.cache, &how->cache)) {
        report_error("Invalid cache mode");
        return false;
    }
    if (args->aio && !tool_parse_aio(args->aio, &how->has_aio, &how->aio)) {
        report_error("Invalid aio option: %s", args->aio);
        return false;
    }
    if (args->native && !tool_parse_aio("native", &how->has_aio, &how->aio)) {
        report_error("Mica was built without native AIO");
        return false;
    }
    if (!args->write && b->flush_interval) {
        report_error("--flush-interval is only available in write tests");
        return false;
    }
    if (b->flush_interval && b->flush_interval < b->depth) {
        report_error("Flush interval can't be smaller than depth");
        return false;
    }
    return true;
}

int co_img_bench(int argc, char **argv)
{
    BenchArgs args = {};
    Bench b = { .count = 75000, .depth = 64, .size = 4096 };
    ToolOpen how = {};
    int status;

    if (!img_parse(bench_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (argc != 1) {
        return img_usage_error("Expecting one image file name");
    }
    if (!parse_bench(&args, &b, &how)) {
        return 1;
    }
    b.write = how.write = args.write;
    b.drain = !args.no_drain;
    b.step = b.step ? b.step : b.size;
    how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    how.force_share = args.common.force_share;
    if (!co_tool_open_report(&b.image, &how)) {
        return 1;
    }
    status = co_bench(&b, args.common.quiet);
    return co_tool_close(&b.image) ? status : 1;
}
