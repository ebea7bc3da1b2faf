/* mica-img compare: do two images hold the same? */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"

#define PIECE (2 << 20)

/* Exit statuses: 0 the same, 1 not, and */
enum {
    COMPARE_OPEN_FAILED = 2,
    COMPARE_STATUS_FAILED = 3,
    COMPARE_READ_FAILED = 4,
};

typedef struct CompareArgs {
    ImgCommon common;
    const char *format2;
    bool strict;
} CompareArgs;

static const ToolOption compare_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(CompareArgs),
    IMG_OPT_FORMAT(CompareArgs),
    TOOL_OPT_TEXT(CompareArgs, format2, 'F', NULL),
    IMG_OPT_SRC_CACHE(CompareArgs),
    IMG_OPT_FORCE_SHARE(CompareArgs),
    IMG_OPT_QUIET(CompareArgs),
    IMG_OPT_PROGRESS(CompareArgs),
    TOOL_OPT_FLAG(CompareArgs, strict, 's', NULL),
    TOOL_OPT_END
};

typedef struct Side {
    ToolImage image;
    const char *name;
    int64_t length;
    uint8_t *buf;
    int status;                 /* BLOCK_* of what comes next, */
    int64_t bytes;              /* so far */
} Side;

typedef struct Compare {
    Side a, b;
    bool quiet, strict;
    ToolProgress progress;
} Compare;

static int co_status(Side *side, int64_t offset, int64_t bytes)
{
    side->status = co_node_block_status_above(side->image.node, NULL, true, offset, bytes,
                                              &side->bytes, NULL, NULL);
    if (side->status < 0) {
        report_error("Sector allocation test failed for %s", side->name);
        return COMPARE_STATUS_FAILED;
    }
    return 0;
}

static int co_read(Side *side, int64_t offset, int64_t bytes)
{
    int ret = co_node_pread(side->image.node, offset, side->buf, bytes);

    if (ret) {
        report_error("Error while reading offset %" PRId64 " of %s: %s", offset, side->name,
                     g_strerror(-ret));
        return COMPARE_READ_FAILED;
    }
    return 0;
}

/* Where, by whole sectors, two buffers differ first (b NULL: from zeroes), or bytes. */
static int64_t mismatch(const uint8_t *a, const uint8_t *b, int64_t bytes)
{
    static const uint8_t zeroes[BLOCK_SECTOR_SIZE];

    for (int64_t at = 0; at < bytes; at += BLOCK_SECTOR_SIZE) {
        if (memcmp(a + at, b ? b + at : zeroes, MIN(bytes - at, BLOCK_SECTOR_SIZE))) {
            return at;
        }
    }
    return bytes;
}

static int tell_mismatch(const Compare *c, int64_t offset)
{
    img_say(c->quiet, "Content mismatch at offset %" PRId64 "!\n", offset);
    return 1;
}

static int co_compare_zero(const Compare *c, Side *side, int64_t offset, int64_t bytes)
{
    for (int64_t at = 0; at < bytes; at += PIECE) {
        int64_t n = MIN(PIECE, bytes - at), same;
        int status = co_read(side, offset + at, n);

        if (status) {
            return status;
        }
        same = mismatch(side->buf, NULL, n);
        if (same < n) {
            return tell_mismatch(c, offset + at + same);
        }
    }
    return 0;
}

/* Both sides are read at once. */
typedef struct Reader {
    Side *side;
    int64_t offset, bytes;
    int status;
    bool done;
    CoQueue ended;
} Reader;

static void co_reader(void *opaque)
{
    Reader *r = opaque;

    r->status = co_read(r->side, r->offset, r->bytes);
    r->done = true;
    co_queue_wake_all(&r->ended);
}

static int co_read_both(Compare *c, int64_t offset, int64_t bytes)
{
    Reader b = { .side = &c->b, .offset = offset, .bytes = bytes };
    int status;

    co_queue_init(&b.ended);
    co_wake(co_create(co_reader, &b));
    status = co_read(&c->a, offset, bytes);
    while (!b.done) {
        co_queue_wait(&b.ended, NULL);
    }
    return status ? status : b.status;
}

static int co_compare_data(Compare *c, int64_t offset, int64_t bytes)
{
    for (int64_t at = 0; at < bytes; at += PIECE) {
        int64_t n = MIN(PIECE, bytes - at), same;
        int status = co_read_both(c, offset + at, n);

        if (status) {
            return status;
        }
        same = mismatch(c->a.buf, c->b.buf, n);
        if (same < n) {
            return tell_mismatch(c, offset + at + same);
        }
    }
    return 0;
}

/* What of a status does not depend on where the data is. */
static int kind(int status)
{
    return status & ~(BLOCK_OFFSET_VALID | BLOCK_EOF);
}

static bool reads_zero(int status)
{
    return status & BLOCK_ZERO || !(status & BLOCK_ALLOCATED);
}

static int co_compare_common(Compare *c, int64_t length, int64_t total)
{
    for (int64_t at = 0; at < length;) {
        int status = co_status(&c->a, at, length - at);
        int64_t bytes;

        status = status ? status : co_status(&c->b, at, length - at);
        if (status) {
            return status;
        }
        bytes = MIN(c->a.bytes, c->b.bytes);
        if (!bytes) {
            return COMPARE_STATUS_FAILED;
        }
        if (c->strict && kind(c->a.status) != kind(c->b.status)) {
            img_say(c->quiet, "Strict mode: Offset %" PRId64 " block status mismatch!\n", at);
            return 1;
        }
        if (!reads_zero(c->a.status) && !reads_zero(c->b.status)) {
            bytes = MIN(bytes, PIECE);
            status = co_compare_data(c, at, bytes);
        } else if (!reads_zero(c->a.status)) {
            bytes = MIN(bytes, PIECE);
            status = co_compare_zero(c, &c->a, at, bytes);
        } else if (!reads_zero(c->b.status)) {
            bytes = MIN(bytes, PIECE);
            status = co_compare_zero(c, &c->b, at, bytes);
        }
        if (status) {
            return status;
        }
        at += bytes;
        tool_progress(&c->progress, at * 100.0 / total);
    }
    return 0;
}

/* The longer one holds nothing but zeroes where the other has ended. */
static int co_compare_rest(Compare *c, int64_t length)
{
    Side *longer = c->a.length > length ? &c->a : &c->b;

    for (int64_t at = length; at < longer->length;) {
        int status = co_status(longer, at, longer->length - at);

        if (!status && !longer->bytes) {
            status = COMPARE_STATUS_FAILED;
        }
        if (!status && !reads_zero(longer->status)) {
            longer->bytes = MIN(longer->bytes, PIECE);
            status = co_compare_zero(c, longer, at, longer->bytes);
        }
        if (status) {
            return status;
        }
        at += longer->bytes;
        tool_progress(&c->progress, at * 100.0 / longer->length);
    }
    return 0;
}

static int co_compare(Compare *c)
{
    int64_t length = MIN(c->a.length, c->b.length), total = MAX(c->a.length, c->b.length);
    int status;

    if (c->strict && length != total) {
        img_say(c->quiet, "Strict mode: Image size mismatch!\n");
        return 1;
    }
    c->a.buf = block_try_alloc(PIECE);
    c->b.buf = block_try_alloc(PIECE);
    if (!c->a.buf || !c->b.buf) {
        report_error("Could not get memory to compare with");
        return COMPARE_READ_FAILED;
    }
    status = co_compare_common(c, length, total);
    if (!status && length != total) {
        img_say(c->quiet, "Warning: Image size mismatch!\n");
        status = co_compare_rest(c, length);
    }
    if (!status) {
        img_say(c->quiet, "Images are identical.\n");
    }
    return status;
}

int co_img_compare(int argc, char **argv)
{
    CompareArgs args = {};
    ToolOpen how = {};
    Compare c = {};
    int status;

    if (!img_parse(compare_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (argc != 2) {
        return img_usage_error("Expecting two image file names");
    }
    if (!img_cache(args.common.src_cache, "source cache option", &how.cache)) {
        return COMPARE_OPEN_FAILED;
    }
    c.quiet = args.common.quiet;
    c.strict = args.strict;
    c.a.name = how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    how.force_share = args.common.force_share;
    tool_progress_start(&c.progress, args.common.progress && !args.common.quiet);
    status = COMPARE_OPEN_FAILED;
    if (co_tool_open_report(&c.a.image, &how)) {
        c.b.name = how.name = argv[1];
        how.format = args.format2;
        if (co_tool_open_report(&c.b.image, &how)) {
            c.a.length = block_node_length(c.a.image.node);
            c.b.length = block_node_length(c.b.image.node);
            status = co_compare(&c);
        }
    }
    free(c.a.buf);
    free(c.b.buf);
    co_tool_close(&c.b.image);
    co_tool_close(&c.a.image);
    tool_progress_end(&c.progress);
    return status;
}
