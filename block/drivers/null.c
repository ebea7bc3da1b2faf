/* null-co, null-aio: a device of zeroes that forgets what is written, for measurements */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "util/co-lock.h"
#include "util/iov.h"

typedef struct NullState {
    uint64_t latency_ns;
    bool read_zeroes;
} NullState;

static bool null_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsNull *o = options->driver == BLOCKDEV_DRIVER_NULL_CO
                                       ? &options->u.null_co : &options->u.null_aio;
    NullState *s = node->state;

    s->latency_ns = o->has_latency_ns ? o->latency_ns : 0;
    s->read_zeroes = o->has_read_zeroes && o->read_zeroes;
    if (o->has_size && o->size > INT64_MAX) {
        error_set(errp, "size of '%s' is out of range", node->name);
        return false;
    }
    node->length = o->has_size ? (int64_t)o->size : 1LL << 30;
    if (!o->has_size && !o->has_read_zeroes && !o->has_latency_ns) {
        node->filename = g_strdup_printf("%s://", node->driver->name);
    }
    return true;
}

static int co_delay(BlockNode *node)
{
    NullState *s = node->state;

    if (s->latency_ns) {
        co_sleep(CLOCK_TYPE_REALTIME, s->latency_ns);
    }
    return 0;
}

static int null_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                          const struct iovec *iov, unsigned niov)
{
    NullState *s = node->state;

    if (s->read_zeroes) {
        iov_memset(iov, niov, 0, 0, bytes);
    }
    return co_delay(node);
}

static int null_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                           const struct iovec *iov, unsigned niov, unsigned flags)
{
    return co_delay(node);
}

static int null_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes, unsigned flags)
{
    return co_delay(node);
}

static int null_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    return co_delay(node);
}

static int null_co_flush(BlockNode *node)
{
    return co_delay(node);
}

static int null_co_block_status(BlockNode *node, bool want_zero, int64_t offset, int64_t bytes,
                                int64_t *pnum, int64_t *map, BlockNode **file)
{
    NullState *s = node->state;

    *pnum = bytes;
    *map = offset;
    *file = node;
    return BLOCK_OFFSET_VALID | (s->read_zeroes ? BLOCK_ZERO : 0);
}

static int64_t null_co_allocated_size(BlockNode *node)
{
    return 0;
}

static const char *const strong_options[] = { "size", "latency-ns", "read-zeroes", NULL };

/* null-co://, null-aio:// */
static Json *null_parse_filename(const char *filename, Error **errp)
{
    const char *driver = g_str_has_prefix(filename, "null-aio:") ? "null-aio" : "null-co";
    Json *options;

    if (strcmp(filename + strlen(driver), "://")) {
        error_set(errp, "The only allowed filename for this driver is '%s://'", driver);
        return NULL;
    }
    options = json_object_new_object();
    json_object_object_add(options, "driver", json_object_new_string(driver));
    return options;
}

static const char *const co_protocols[] = { "null-co", NULL };
static const char *const aio_protocols[] = { "null-aio", NULL };

#define NULL_CALLBACKS                                                                      \
    .size = sizeof(NullState), .is_protocol = true, .co_open = null_co_open,                      \
    .co_preadv = null_co_preadv, .co_pwritev = null_co_pwritev,                             \
    .co_pwrite_zeroes = null_co_pwrite_zeroes, .co_pdiscard = null_co_pdiscard,             \
    .co_flush = null_co_flush, .co_block_status = null_co_block_status,                     \
    .co_allocated_size = null_co_allocated_size, .strong_options = strong_options,          \
    .handles_fua = true, .parse_filename = null_parse_filename

static const BlockDriver null_co_driver = {
    .name = "null-co", .desc = "zeroes", NULL_CALLBACKS, .protocols = co_protocols,
};
REGISTER_BLOCK_DRIVER(null_co_driver)

static const BlockDriver null_aio_driver = {
    .name = "null-aio", .desc = "zeroes", NULL_CALLBACKS, .protocols = aio_protocols,
};
REGISTER_BLOCK_DRIVER(null_aio_driver)
