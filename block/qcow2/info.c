/* qcow2: what is told of an image, how large one would be, and its backing file's name */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/dirty-bitmap.h"
#include "block/qcow2/qcow2.h"
#include "qapi/types-block-query.h"
#include "util/parse.h"

ImageInfoSpecific *qcow2_co_get_specific_info(BlockNode *node, Error **errp)
{
    Qcow2 *s = node->state;
    ImageInfoSpecific *info = g_new0(ImageInfoSpecific, 1);
    ImageInfoSpecificQCow2 *q = g_new0(ImageInfoSpecificQCow2, 1);

    info->type = IMAGE_INFO_SPECIFIC_KIND_QCOW2;
    info->u.qcow2.data = q;
    q->compat = g_strdup(s->h.version == 2 ? "0.10" : "1.1");
    q->refcount_bits = 1 << s->h.refcount_order;
    q->compression_type = s->h.compression;
    if (s->h.version >= 3) {
        q->has_lazy_refcounts = q->has_corrupt = q->has_extended_l2 = true;
        q->lazy_refcounts = s->h.compatible & QCOW2_COMPAT_LAZY;
        q->corrupt = s->h.incompatible & QCOW2_INCOMPAT_CORRUPT;
        q->extended_l2 = s->extended;
        q->bitmaps = qcow2_bitmap_infos(s);
        q->has_bitmaps = q->bitmaps;
        q->data_file = g_strdup(s->data_file);
        q->has_data_file_raw = s->has_data_file;
        q->data_file_raw = s->raw_data_file;
    }
    return info;
}

int qcow2_co_change_backing_file(BlockNode *node, const char *file, const char *format)
{
    Qcow2 *s = node->state;
    char *old_file = node->backing_file, *old_format = node->backing_format;
    int ret;

    if (file && s->raw_data_file) {
        return -EINVAL;
    }
    if ((file && strlen(file) > QCOW2_MAX_BACKING_NAME) || (format && strlen(format) > 15)) {
        return -EINVAL;
    }
    co_mutex_lock(&s->lock);
    node->backing_file = g_strdup(file);
    node->backing_format = g_strdup(format);
    ret = co_qcow2_commit(s);
    if (!ret) {
        ret = co_qcow2_header_write(s);
    }
    if (ret) {
        g_free(node->backing_file);
        g_free(node->backing_format);
        node->backing_file = old_file;
        node->backing_format = old_format;
    } else {
        g_free(old_file);
        g_free(old_format);
    }
    co_mutex_unlock(&s->lock);
    return ret;
}

/* Sizes of images that are not there */

typedef struct Measure {
    uint64_t size, cluster;
    unsigned refcount_order;
    bool extended, preallocated;
} Measure;

static const char *option(const Json *options, const char *name)
{
    Json *value = options ? json_object_object_get(options, name) : NULL;

    return value ? json_object_get_string(value) : NULL;
}

static bool measure_number(const Json *options, const char *name, bool size, uint64_t *value,
                           Error **errp)
{
    const char *text = option(options, name);

    if (text && (size ? parse_size(text, 'B', value) : parse_u64(text, 10, value))) {
        error_set(errp, "Parameter '%s' expects a %s, not '%s'", name,
                  size ? "size" : "number", text);
        return false;
    }
    return true;
}

static bool measure_options(Measure *m, const Json *options, Error **errp)
{
    const char *prealloc = option(options, "preallocation");
    const char *extended = option(options, "extended_l2");
    uint64_t bits = 16;

    m->cluster = 65536;
    if (!measure_number(options, "cluster_size", true, &m->cluster, errp) ||
        !measure_number(options, "size", true, &m->size, errp) ||
        !measure_number(options, "refcount_bits", false, &bits, errp)) {
        return false;
    }
    if (extended && !parse_bool(extended, &m->extended)) {
        error_set(errp, "Parameter 'extended_l2' expects 'on' or 'off'");
        return false;
    }
    if (m->cluster & (m->cluster - 1) || m->cluster < BIT(m->extended ? 14 : 9) ||
        m->cluster > BIT(QCOW2_MAX_CLUSTER_BITS)) {
        error_set(errp, "Cluster size must be a power of two between %d and %dk",
                  BIT(m->extended ? 14 : 9), BIT(QCOW2_MAX_CLUSTER_BITS - 10));
        return false;
    }
    if (!bits || bits > 64 || bits & (bits - 1)) {
        error_set(errp, "Refcount width must be a power of two and may not exceed 64 bits");
        return false;
    }
    m->refcount_order = __builtin_ctzll(bits);
    if (prealloc && strcmp(prealloc, "off") && strcmp(prealloc, "metadata") &&
        strcmp(prealloc, "falloc") && strcmp(prealloc, "full")) {
        error_set(errp, "Invalid parameter '%s' for 'preallocation'", prealloc);
        return false;
    }
    m->preallocated = !g_strcmp0(prealloc, "falloc") || !g_strcmp0(prealloc, "full");
    return true;
}

/* Refcount blocks and table for that many clusters, themselves included. */
static uint64_t refcount_bytes(const Measure *m, uint64_t clusters)
{
    uint64_t per_table = m->cluster / 8, per_block = m->cluster * 8 >> m->refcount_order;
    uint64_t table = 0, blocks = 0, last, n = 0;

    do {
        last = n;
        blocks = (clusters + table + blocks + per_block - 1) / per_block;
        table = (blocks + per_table - 1) / per_table;
        n = clusters + blocks + table;
    } while (n != last);
    return (blocks + table) * m->cluster;
}

static uint64_t full_size(const Measure *m)
{
    uint64_t entry = m->extended ? 16 : 8, aligned = ROUND_UP(m->size, m->cluster);
    uint64_t bytes = m->cluster, l2, l1;

    l2 = ROUND_UP(aligned / m->cluster, m->cluster / entry);
    bytes += l2 * entry;
    l1 = ROUND_UP(l2 * entry / m->cluster, m->cluster / 8);
    bytes += l1 * 8;
    return bytes + refcount_bytes(m, (bytes + aligned) / m->cluster) + aligned;
}

/* Bytes of clusters that hold data in src or what is below it. */
static bool co_count_data(const Measure *m, BlockNode *src, uint64_t *required, Error **errp)
{
    int64_t length = src->length, pnum;

    for (int64_t at = 0; at < length; at += pnum) {
        int ret = co_node_block_status_above(src, NULL, true, at, length - at, &pnum, NULL,
                                             NULL);

        if (ret < 0) {
            error_set_errno(errp, -ret, "Unable to get block status");
            return false;
        }
        if (!pnum) {
            break;
        }
        if (!(ret & BLOCK_ZERO) && (ret & (BLOCK_DATA | BLOCK_ALLOCATED)) ==
                                       (BLOCK_DATA | BLOCK_ALLOCATED)) {
            pnum = ROUND_UP(at + pnum, (int64_t)m->cluster) - at;
            *required += at % m->cluster + pnum;
        }
    }
    return true;
}

/* What the dirty bitmaps that src keeps would take, their tables and directory included. */
static void measure_bitmaps(const Measure *m, const Json *options, BlockNode *src,
                            BlockMeasureInfo *info)
{
    const char *compat = option(options, "compat");
    uint64_t bytes = 0, directory = 0;
    BlockDirtyBitmap *bitmap;

    src = src ? block_skip_filters(src) : NULL;
    if (!src || !src->driver->co_can_store_bitmap ||
        (compat && (!strcmp(compat, "0.10") || !strcmp(compat, "v2")))) {
        return;
    }
    list_for_each(bitmap, &src->dirty_bitmaps, BlockDirtyBitmap, link) {
        uint64_t bits, clusters;

        if (!bitmap->persistent || bitmap->inconsistent) {
            continue;
        }
        bits = (src->length + block_dirty_bitmap_granularity(bitmap) - 1) /
               block_dirty_bitmap_granularity(bitmap);
        clusters = ((bits + 7) / 8 + m->cluster - 1) / m->cluster;
        bytes += clusters * m->cluster + ROUND_UP(clusters * 8, m->cluster);
        directory += ROUND_UP(24 + strlen(bitmap->name), 8);
    }
    info->has_bitmaps = true;
    info->bitmaps = bytes + ROUND_UP(directory, m->cluster);
}

bool qcow2_co_measure(const Json *options, BlockNode *src, BlockMeasureInfo *info, Error **errp)
{
    Measure m = {};
    uint64_t required = 0, full;

    if (!measure_options(&m, options, errp)) {
        return false;
    }
    if (src) {
        m.size = ROUND_UP(src->length, BLOCK_SECTOR_SIZE);
    }
    m.size = ROUND_UP(m.size, m.cluster);
    if (m.size > INT64_MAX / 2 ||
        ROUND_UP(m.size / m.cluster, m.cluster / 8) / (m.cluster / 8) * 8 > QCOW2_MAX_L1_BYTES) {
        error_set(errp, "The image size is too large (try using a larger cluster size)");
        return false;
    }
    if (src && !co_count_data(&m, src, &required, errp)) {
        return false;
    }
    if (m.preallocated) {
        required = m.size;
    }
    full = full_size(&m);
    info->fully_allocated = full;
    info->required = full - m.size + required;
    measure_bitmaps(&m, options, src, info);
    return true;
}
