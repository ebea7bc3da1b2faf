/* qcow2: new images */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

enum {
    DEFAULT_CLUSTER = 65536,
};

/* In the order in which "mica-img create" shows them. */
const BlockCreateOption qcow2_create_options[] = {
    { "cluster_size", BLOCK_OPT_SIZE, "qcow2 cluster size", "65536" },
    { "extended_l2", BLOCK_OPT_BOOL, "Extended L2 tables", "off" },
    { "preallocation", BLOCK_OPT_STRING, "Preallocation mode (allowed values: off, metadata, "
      "falloc, full)", NULL },
    { "compression_type", BLOCK_OPT_STRING, "Compression method used for image cluster "
      "compression", "zlib" },
    { "size", BLOCK_OPT_SIZE, "Virtual disk size", NULL },
    { "compat", BLOCK_OPT_STRING, "Compatibility level (v2 [0.10] or v3 [1.1])", NULL },
    { "backing_file", BLOCK_OPT_STRING, "File name of a base image", NULL },
    { "backing_fmt", BLOCK_OPT_STRING, "Image format of the base image", NULL },
    { "data_file", BLOCK_OPT_STRING, "File name of an external data file", NULL },
    { "data_file_raw", BLOCK_OPT_BOOL, "The external data file must stay valid as a raw image",
      NULL },
    { "lazy_refcounts", BLOCK_OPT_BOOL, "Postpone refcount updates", "off" },
    { "refcount_bits", BLOCK_OPT_NUMBER, "Width of a reference count entry in bits", "16" },
    {}
};

typedef struct Creation {
    const BlockdevCreateOptionsQcow2 *o;
    Qcow2Header h;
    PreallocMode prealloc;
    bool lazy, raw;
    uint64_t file_end;          /* 0: as it is */
} Creation;

static bool needs_v3(const Creation *c, const char *what, Error **errp)
{
    if (c->h.version >= 3) {
        return true;
    }
    error_set(errp, "%s compatibility level 1.1 and above (use version=v3 or greater)", what);
    return false;
}

static bool set_sizes(Creation *c, Error **errp)
{
    const BlockdevCreateOptionsQcow2 *o = c->o;
    uint64_t cluster = o->has_cluster_size ? o->cluster_size : DEFAULT_CLUSTER;
    int64_t bits = o->has_refcount_bits ? o->refcount_bits : 16;
    unsigned least = o->has_extended_l2 && o->extended_l2 ? 14 : QCOW2_MIN_CLUSTER_BITS;

    if (o->size % BLOCK_SECTOR_SIZE) {
        error_set(errp, "Image size must be a multiple of %d bytes", BLOCK_SECTOR_SIZE);
        return false;
    }
    if (o->size > INT64_MAX) {
        error_set(errp, "Image size must be less than 8 EiB");
        return false;
    }
    if (cluster & (cluster - 1) || cluster < BIT(QCOW2_MIN_CLUSTER_BITS) ||
        cluster > BIT(QCOW2_MAX_CLUSTER_BITS)) {
        error_set(errp, "Cluster size must be a power of two between %d and %dk",
                  BIT(QCOW2_MIN_CLUSTER_BITS), BIT(QCOW2_MAX_CLUSTER_BITS - 10));
        return false;
    }
    c->h.cluster_bits = __builtin_ctzll(cluster);
    if (c->h.cluster_bits < least) {
        error_set(errp, "Extended L2 entries are only supported with cluster sizes of at least "
                  "%u bytes", BIT(least));
        return false;
    }
    if (bits < 1 || bits > 64 || bits & (bits - 1)) {
        error_set(errp, "Refcount width must be a power of two and may not exceed 64 bits");
        return false;
    }
    c->h.refcount_order = __builtin_ctzll(bits);
    return bits == 16 || needs_v3(c, "Different refcount widths than 16 bits require", errp);
}

static bool set_features(Creation *c, Error **errp)
{
    const BlockdevCreateOptionsQcow2 *o = c->o;

    c->h.version = o->has_version && o->version == BLOCKDEV_QCOW2_VERSION_V2 ? 2 : 3;
    c->prealloc = o->has_preallocation ? o->preallocation : PREALLOC_MODE_OFF;
    c->lazy = o->has_lazy_refcounts && o->lazy_refcounts;
    c->raw = o->has_data_file_raw && o->data_file_raw;
    if (o->has_extended_l2 && o->extended_l2) {
        if (!needs_v3(c, "Extended L2 entries are only supported with", errp)) {
            return false;
        }
        c->h.incompatible |= QCOW2_INCOMPAT_EXTL2;
    }
    if (c->lazy) {
        if (!needs_v3(c, "Lazy refcounts only supported with", errp)) {
            return false;
        }
        c->h.compatible |= QCOW2_COMPAT_LAZY;
    }
    if (o->data_file) {
        if (!needs_v3(c, "External data files are only supported with", errp)) {
            return false;
        }
        c->h.incompatible |= QCOW2_INCOMPAT_DATA_FILE;
    }
    if (o->has_compression_type && o->compression_type != QCOW2_COMPRESSION_TYPE_ZLIB) {
        if (!needs_v3(c, "Non-zlib compression type is only supported with", errp)) {
            return false;
        }
        c->h.compression = o->compression_type;
        c->h.incompatible |= QCOW2_INCOMPAT_COMPRESSION;
        if (!qcow2_compression_ok(c->h.compression)) {
            error_set(errp, "Mica was built without libzstd, which compression type 'zstd' "
                      "needs");
            return false;
        }
    }
    return true;
}

static bool check_combination(Creation *c, Error **errp)
{
    const BlockdevCreateOptionsQcow2 *o = c->o;

    if (o->backing_file && strlen(o->backing_file) > QCOW2_MAX_BACKING_NAME) {
        error_set(errp, "Backing file name '%s' is longer than %d bytes", o->backing_file,
                  QCOW2_MAX_BACKING_NAME);
        return false;
    }
    if (o->has_backing_fmt && !o->backing_file) {
        error_set(errp, "Backing format cannot be used without backing file");
        return false;
    }
    if (c->prealloc != PREALLOC_MODE_OFF && o->backing_file &&
        !(c->h.incompatible & QCOW2_INCOMPAT_EXTL2)) {
        error_set(errp, "Backing file and preallocation can only be used at the same time if "
                  "extended_l2 is enabled");
        return false;
    }
    if (c->raw && !o->data_file) {
        error_set(errp, "data-file-raw requires data-file");
        return false;
    }
    if (c->raw && o->backing_file) {
        error_set(errp, "Backing file and data-file-raw cannot be used at the same time");
        return false;
    }
    if (c->raw) {
        c->h.autoclear |= QCOW2_AUTOCLEAR_RAW;
        if (c->prealloc == PREALLOC_MODE_OFF) {
            /* Where the guest writes first must not depend on tables. */
            c->prealloc = PREALLOC_MODE_METADATA;
        }
    }
    return true;
}

static BlockNode *co_open_ref(const BlockdevRef *ref, Error **errp)
{
    BlockNode *node;

    if (ref->type == BLOCKDEV_REF_DEFINITION) {
        return co_block_open(&ref->u.definition, errp);
    }
    node = block_node_find(ref->u.reference);
    if (!node) {
        error_set(errp, "Cannot find device='' nor node-name='%s'", ref->u.reference);
        return NULL;
    }
    block_node_ref(node);
    return node;
}

/* An image of length 0: header, refcount table, one refcount block. */
static int co_write_empty(Creation *c, BlockNode *file)
{
    uint32_t cluster = 1U << c->h.cluster_bits;
    g_autofree uint8_t *image = g_malloc0(3 * (size_t)cluster);
    int ret;

    c->h.length = c->h.version >= 3 ? QCOW2_OUR_HEADER : QCOW2_V2_HEADER;
    c->h.reftable_offset = cluster;
    c->h.reftable_clusters = 1;
    qcow2_header_put(&c->h, image);
    st64_be(image + cluster, 2 * (uint64_t)cluster);
    for (unsigned i = 0; i < 3; i++) {
        qcow2_refcount_put(image + 2 * (size_t)cluster, c->h.refcount_order, i, 1);
    }
    ret = co_node_pwrite(file, 0, image, 3 * (size_t)cluster);
    return ret ? ret : co_node_flush(file);
}

/* What is in the header beside numbers. */
static int co_write_names(Creation *c, BlockNode *node)
{
    const BlockdevCreateOptionsQcow2 *o = c->o;
    Qcow2 *s = node->state;

    if (c->h.version >= 3) {
        s->features = qcow2_feature_table(&s->features_bytes);
    }
    if (o->backing_file) {
        g_free(node->backing_file);
        g_free(node->backing_format);
        node->backing_file = g_strdup(o->backing_file);
        node->backing_format =
            o->has_backing_fmt ? g_strdup(BlockdevDriver_name(o->backing_fmt)) : NULL;
    }
    if (s->has_data_file) {
        s->data_file = g_strdup(qcow2_data(s)->filename);
    }
    return co_qcow2_header_write(s);
}

/* Where the L1 table ends, if that is the last there is. */
static void note_end(Creation *c, const Qcow2 *s)
{
    uint64_t end = s->l1_offset + (uint64_t)s->l1_entries * 8;

    if (s->l1_entries && ROUND_UP(end, s->cluster_bytes) == s->end_offset) {
        c->file_end = end;
    }
}

static bool co_fill(Creation *c, BlockNode *file, BlockNode *data, Error **errp)
{
    BlockdevRef data_ref = { .type = BLOCKDEV_REF_REFERENCE };
    BlockdevRef file_ref = { .type = BLOCKDEV_REF_REFERENCE };
    BlockdevOptions o = { .driver = BLOCKDEV_DRIVER_QCOW2 };
    BlockNode *node;
    BlockChild *user;
    int ret;
    bool ok;

    file_ref.u.reference = file->name;
    o.u.qcow2.file = &file_ref;
    if (data) {
        data_ref.u.reference = data->name;
        o.u.qcow2.data_file = &data_ref;
    }
    node = co_block_open_flags(&o, BLOCK_OPEN_NO_BACKING, errp);
    user = node ? block_child_new(node, "image creation",
                                  BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE, BLOCK_PERM_ALL, errp)
                : NULL;
    if (!user) {
        block_node_unref(node);
        return false;
    }
    ret = co_write_names(c, node);
    if (ret) {
        error_set_errno(errp, -ret, "Could not write qcow2 header");
    }
    ok = !ret && co_node_truncate(node, c->o->size, false, c->prealloc, 0, errp);
    if (ok) {
        note_end(c, node->state);
    }
    block_child_free(user);
    block_node_unref(node);
    return ok;
}

/* A new file ends with its last table rather than with that table's cluster. */
static bool co_trim(const Creation *c, BlockNode *file, Error **errp)
{
    BlockChild *user;
    bool ok;

    if (!c->file_end || !file->driver->grows || file->length <= (int64_t)c->file_end) {
        return true;
    }
    user = block_child_new(file, "image creation", BLOCK_PERM_RESIZE, BLOCK_PERM_ALL, errp);
    ok = user && co_node_truncate(file, c->file_end, false, PREALLOC_MODE_OFF, 0, errp);
    block_child_free(user);
    return ok;
}

static bool co_create_on(Creation *c, BlockNode *file, BlockNode *data, Error **errp)
{
    BlockChild *user = block_child_new(file, "image creation",
                                       BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE, BLOCK_PERM_ALL,
                                       errp);
    bool ok;
    int ret;

    if (!user) {
        return false;
    }
    ok = !file->driver->grows || co_node_truncate(file, 0, false, PREALLOC_MODE_OFF, 0, errp);
    if (ok) {
        ret = co_write_empty(c, file);
        if (ret) {
            error_set_errno(errp, -ret, "Could not write qcow2 header");
            ok = false;
        }
    }
    block_child_free(user);
    return ok && co_fill(c, file, data, errp) && co_trim(c, file, errp);
}

bool qcow2_co_create(const BlockdevCreateOptions *options, Error **errp)
{
    Creation c = { .o = &options->u.qcow2 };
    BlockNode *file, *data = NULL;
    bool ok = false;

    if (!set_features(&c, errp) || !set_sizes(&c, errp) || !check_combination(&c, errp)) {
        return false;
    }
    file = co_open_ref(c.o->file, errp);
    if (!file) {
        return false;
    }
    if (c.o->data_file) {
        data = co_open_ref(c.o->data_file, errp);
    }
    if (data || !c.o->data_file) {
        ok = co_create_on(&c, file, data, errp);
    }
    block_node_unref(data);
    block_node_unref(file);
    return ok;
}
