/* qcow2: change what an image was made with: version, refcount width, names, size */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/txn.h"
#include "util/parse.h"

const BlockCreateOption qcow2_amend_options[] = {
    { "backing_file", BLOCK_OPT_STRING, "File name of a base image", NULL },
    { "backing_fmt", BLOCK_OPT_STRING, "Image format of the base image", NULL },
    { "compat", BLOCK_OPT_STRING, "Compatibility level (v2 [0.10] or v3 [1.1])", NULL },
    { "data_file", BLOCK_OPT_STRING, "File name of an external data file", NULL },
    { "data_file_raw", BLOCK_OPT_BOOL, "The external data file must stay valid as a raw image",
      NULL },
    { "lazy_refcounts", BLOCK_OPT_BOOL, "Postpone refcount updates", NULL },
    { "refcount_bits", BLOCK_OPT_NUMBER, "Width of a reference count entry in bits", NULL },
    { "size", BLOCK_OPT_SIZE, "Virtual disk size", NULL },
    {}
};

typedef struct Amend {
    Qcow2 *s;
    uint32_t version;
    unsigned order;
    bool lazy, raw;
    uint64_t size;
    const char *backing_file, *backing_format, *data_file;
} Amend;

static const char *option(const Json *options, const char *name)
{
    Json *value = json_object_object_get(options, name);

    return value ? json_object_get_string(value) : NULL;
}

static bool flag(const Json *options, const char *name, bool *value, Error **errp)
{
    const char *text = option(options, name);

    if (text && !parse_bool(text, value)) {
        error_set(errp, "Parameter '%s' expects 'on' or 'off'", name);
        return false;
    }
    return true;
}

static bool parse_version(Amend *a, const char *compat, Error **errp)
{
    if (!compat) {
        return true;
    }
    if (!strcmp(compat, "0.10") || !strcmp(compat, "v2")) {
        a->version = 2;
    } else if (!strcmp(compat, "1.1") || !strcmp(compat, "v3")) {
        a->version = 3;
    } else {
        error_set(errp, "Unknown compatibility level %s", compat);
        return false;
    }
    return true;
}

static bool parse_order(Amend *a, const char *text, Error **errp)
{
    uint64_t bits;

    if (!text) {
        return true;
    }
    if (parse_u64(text, 10, &bits) || !bits || bits > 64 || bits & (bits - 1)) {
        error_set(errp, "Refcount width must be a power of two and may not exceed 64 bits");
        return false;
    }
    a->order = __builtin_ctzll(bits);
    return true;
}

static bool parse_lazy(Amend *a, const Json *options, Error **errp)
{
    if (a->version < 3) {
        a->lazy = false;                /* unless that is asked for, which check() refuses */
    }
    return flag(options, "lazy_refcounts", &a->lazy, errp);
}

static bool parse(Amend *a, const Json *options, Error **errp)
{
    Qcow2 *s = a->s;
    const char *size = option(options, "size");

    a->version = s->h.version;
    a->order = s->h.refcount_order;
    a->lazy = s->h.compatible & QCOW2_COMPAT_LAZY;
    a->raw = s->raw_data_file;
    a->size = s->size;
    a->backing_file = option(options, "backing_file");
    a->backing_format = option(options, "backing_fmt");
    a->data_file = option(options, "data_file");
    if (size && parse_size(size, 'B', &a->size)) {
        error_set(errp, "Parameter 'size' expects a size, not '%s'", size);
        return false;
    }
    return parse_version(a, option(options, "compat"), errp) &&
           parse_order(a, option(options, "refcount_bits"), errp) &&
           parse_lazy(a, options, errp) &&
           flag(options, "data_file_raw", &a->raw, errp);
}

static bool check(const Amend *a, Error **errp)
{
    const Qcow2 *s = a->s;

    if (a->data_file && !s->has_data_file) {
        error_set(errp, "data-file can only be set for images that use an external data file");
    } else if (a->raw && !s->raw_data_file) {
        error_set(errp, "data-file-raw cannot be set on existing images");
    } else if (a->backing_file && g_strcmp0(a->backing_file, s->node->backing_file)) {
        error_set(errp, "Cannot amend the backing file");
        error_hint(errp, "You can use 'mica-img rebase' instead.");
    } else if (a->backing_format && g_strcmp0(a->backing_format, s->node->backing_format)) {
        error_set(errp, "Cannot amend the backing file format");
        error_hint(errp, "You can use 'mica-img rebase' instead.");
    } else if (a->lazy && a->version < 3) {
        error_set(errp, "Lazy refcounts only supported with compatibility level 1.1 and above "
                  "(use compat=1.1 or greater)");
    } else if (a->order != 4 && a->version < 3) {
        error_set(errp, "Refcount widths other than 16 bits require compatibility level 1.1 or "
                  "above (use compat=1.1 or greater)");
    } else {
        return true;
    }
    return false;
}

/* Down to version 2 */

/* Write the zeroes out that version 2 cannot tell, or drop the cluster where nothing is below. */
static int co_expand_zeroes(Qcow2 *s, uint64_t offset, uint64_t bytes)
{
    struct iovec iov = { block_try_alloc(s->cluster_bytes), s->cluster_bytes };
    int ret = iov.iov_base ? 0 : -ENOMEM;

    if (!ret) {
        memset(iov.iov_base, 0, s->cluster_bytes);
    }
    for (uint64_t at = offset; at < offset + bytes && !ret; at += s->cluster_bytes) {
        if (s->node->backing) {
            ret = co_qcow2_write(s, at, s->cluster_bytes, &iov, 1);
        } else {
            ret = co_qcow2_discard_clusters(s, at, s->cluster_bytes, QCOW2_DISCARD_OTHER, true);
        }
    }
    free(iov.iov_base);
    return ret;
}

static int co_expand_all(Amend *a, BlockProgressFn *progress, void *opaque)
{
    Qcow2 *s = a->s;
    uint64_t end = (uint64_t)s->l1_entries << (s->l2_bits + s->cluster_bits);
    int ret = 0;

    for (uint64_t at = 0; at < end && !ret;) {
        Qcow2Extent e;

        ret = co_qcow2_map(s, at, end - at, &e);
        if (!ret && e.kind == QCOW2_ZEROES) {
            ret = co_expand_zeroes(s, at, e.bytes);
        }
        at += e.bytes;
        progress(opaque, at, end);
    }
    return ret;
}

/* Tables of snapshots must have no zero flags: they are not rewritten. */
static int co_snapshots_have_zeroes(Qcow2 *s, bool *found)
{
    g_autofree uint8_t *buf = g_try_malloc(s->cluster_bytes);
    int ret = buf ? 0 : -ENOMEM;

    *found = false;
    for (uint32_t i = 0; i < s->nr_snapshots && !ret; i++) {
        const Qcow2Snapshot *sn = &s->snapshots[i];
        g_autofree uint64_t *l1 = g_try_new(uint64_t, MAX(sn->l1_entries, 1));

        ret = l1 ? co_qcow2_read_table(s, sn->l1_offset, l1, sn->l1_entries) : -ENOMEM;
        for (uint32_t k = 0; k < sn->l1_entries && !ret; k++) {
            uint64_t table = l1[k] & QCOW2_OFFSET_MASK;

            if (!table) {
                continue;
            }
            ret = co_qcow2_read_meta(s, table, buf, s->cluster_bytes);
            for (uint32_t n = 0; n < 1U << s->l2_bits && !ret; n++) {
                uint64_t entry = ld64_be(buf + 8 * (size_t)n);

                *found |= !(entry & QCOW2_COMPRESSED) && entry & QCOW2_ZERO;
            }
        }
    }
    return ret;
}

static bool co_downgrade(Amend *a, BlockProgressFn *progress, void *opaque, Error **errp)
{
    Qcow2 *s = a->s;
    uint64_t features = s->h.incompatible & ~(QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT);
    bool zeroes;
    int ret;

    if (features) {
        error_set(errp, "Cannot downgrade an image with incompatible features set");
        return false;
    }
    if (s->bitmaps->len) {
        error_set(errp, "Cannot downgrade an image with bitmaps; remove them first");
        return false;
    }
    ret = co_snapshots_have_zeroes(s, &zeroes);
    if (!ret && zeroes) {
        error_set(errp, "Cannot downgrade an image whose snapshots have zero clusters; delete "
                  "them first");
        return false;
    }
    if (!ret) {
        ret = co_expand_all(a, progress, opaque);
    }
    if (ret) {
        error_set_errno(errp, -ret, "Failed to turn zero into data clusters");
    }
    return !ret;
}

/* Refcounts and the header's numbers at once. */
static int co_convert(Amend *a)
{
    Qcow2 *s = a->s;
    int ret;
    Qcow2Txn *t = co_qcow2_txn_begin(s, a->order, false, &ret);

    if (!t) {
        return ret;
    }
    t->header.version = a->version;
    t->header.compatible = a->version < 3 ? 0
                           : a->lazy      ? t->header.compatible | QCOW2_COMPAT_LAZY
                                          : t->header.compatible & ~QCOW2_COMPAT_LAZY;
    if (a->version > s->h.version && s->nr_snapshots) {
        /* Version 3 wants entries of the snapshot table with more in them. */
        ret = co_qcow2_snapshots_rewrite(t);
    }
    if (a->version > s->h.version && !s->features) {
        s->features = qcow2_feature_table(&s->features_bytes);
    }
    if (!ret) {
        ret = co_qcow2_txn_commit(t);
    }
    if (!ret) {
        s->lazy = a->lazy;
        co_qcow2_meta_build(s);
    }
    qcow2_txn_free(t);
    return ret;
}

static bool co_amend_tables(Amend *a, Error **errp)
{
    Qcow2 *s = a->s;
    int ret;

    if (a->version == s->h.version && a->order == s->h.refcount_order &&
        a->lazy == !!(s->h.compatible & QCOW2_COMPAT_LAZY)) {
        return true;
    }
    co_mutex_lock(&s->lock);
    ret = s->broken ? -EIO : co_convert(a);
    co_mutex_unlock(&s->lock);
    if (ret == -ERANGE) {
        error_set(errp, "Cannot decrease refcount entry width to %u bits: a cluster has a larger "
                  "refcount", 1U << a->order);
    } else if (ret) {
        error_set_errno(errp, -ret, "Failed to update the image header");
    }
    return !ret;
}

static bool co_amend_names(Amend *a, Error **errp)
{
    Qcow2 *s = a->s;
    g_autofree char *old = NULL;
    int ret = 0;

    if (a->data_file || a->raw != s->raw_data_file) {
        co_mutex_lock(&s->lock);
        old = a->data_file ? g_steal_pointer(&s->data_file) : NULL;
        if (a->data_file) {
            s->data_file = *a->data_file ? g_strdup(a->data_file) : NULL;
        }
        s->raw_data_file = a->raw;
        s->h.autoclear = a->raw ? s->h.autoclear | QCOW2_AUTOCLEAR_RAW
                                : s->h.autoclear & ~QCOW2_AUTOCLEAR_RAW;
        ret = co_qcow2_flush(s);
        if (!ret) {
            ret = co_qcow2_header_write(s);
        }
        co_mutex_unlock(&s->lock);
        if (ret) {
            error_set_errno(errp, -ret, "Failed to change the data file");
        }
    }
    return !ret;
}

bool qcow2_co_amend(BlockNode *node, const Json *options, BlockProgressFn *progress,
                    void *opaque, bool force, Error **errp)
{
    Qcow2 *s = node->state;
    Amend a = { .s = s };
    bool ok;

    if (!parse(&a, options, errp) || !check(&a, errp)) {
        return false;
    }
    if (a.version < s->h.version && s->lazy) {
        s->lazy = false;
    }
    if (co_qcow2_quiesce_to_write(s)) {
        error_set(errp, "Could not prepare '%s' for writing", node->name);
        return false;
    }
    ok = (a.version >= s->h.version || co_downgrade(&a, progress, opaque, errp)) &&
         co_amend_tables(&a, errp) && co_amend_names(&a, errp);
    qcow2_resume(s);
    if (ok && a.size != s->size) {
        ok = co_node_truncate(node, a.size, false, PREALLOC_MODE_OFF, 0, errp);
    }
    if (ok) {
        progress(opaque, 1, 1);
    }
    return ok;
}
