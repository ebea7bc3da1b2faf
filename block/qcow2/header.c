/* qcow2: the header and its extensions: parse, build, and replace without a dangerous instant */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

enum {
    FEATURE_BYTES = 48,                 /* "Feature name table": type, bit, name */
    NAME_SLOT = 1024,                   /* a place for the backing file's name */
};

bool qcow2_header_parse(Qcow2Header *h, const uint8_t *p, size_t bytes, Error **errp)
{
    if (bytes < QCOW2_V2_HEADER || ld32_be(p) != QCOW2_MAGIC) {
        error_set(errp, "Image is not in qcow2 format");
        return false;
    }
    *h = (Qcow2Header){
        .version = ld32_be(p + 4), .backing_offset = ld64_be(p + 8),
        .backing_size = ld32_be(p + 16), .cluster_bits = ld32_be(p + 20),
        .size = ld64_be(p + 24), .crypt = ld32_be(p + 32), .l1_entries = ld32_be(p + 36),
        .l1_offset = ld64_be(p + 40), .reftable_offset = ld64_be(p + 48),
        .reftable_clusters = ld32_be(p + 56), .nr_snapshots = ld32_be(p + 60),
        .snapshots_offset = ld64_be(p + 64), .refcount_order = 4, .length = QCOW2_V2_HEADER,
    };
    if (h->version < 2 || h->version > 3) {
        error_set(errp, "Unsupported qcow2 version %" PRIu32, h->version);
        return false;
    }
    if (h->cluster_bits < QCOW2_MIN_CLUSTER_BITS || h->cluster_bits > QCOW2_MAX_CLUSTER_BITS) {
        error_set(errp, "Unsupported cluster size: 2^%" PRIu32, h->cluster_bits);
        return false;
    }
    if (h->version == 2) {
        return true;
    }
    if (bytes < QCOW2_V3_HEADER || ld32_be(p + 100) < QCOW2_V3_HEADER) {
        error_set(errp, "qcow2 header too short");
        return false;
    }
    h->incompatible = ld64_be(p + 72);
    h->compatible = ld64_be(p + 80);
    h->autoclear = ld64_be(p + 88);
    h->refcount_order = ld32_be(p + 96);
    h->length = ld32_be(p + 100);
    h->compression = h->length > QCOW2_V3_HEADER && bytes > QCOW2_V3_HEADER ? p[104] : 0;
    if (h->length > 1U << h->cluster_bits) {
        error_set(errp, "qcow2 header exceeds cluster size");
        return false;
    }
    if (h->refcount_order > 6) {
        error_set(errp, "Reference count entry width too large; may not exceed 64 bits");
        return false;
    }
    return true;
}

static char *name_of(const uint8_t *p, uint32_t len)
{
    return g_strndup((const char *)p, len);
}

/* "Bitmaps extension" */
static bool load_bitmaps_extension(Qcow2 *s, const uint8_t *p, uint32_t len, Error **errp)
{
    if (len != 24) {
        error_set(errp, "bitmaps_ext: Invalid extension length");
        return false;
    }
    if (!(s->h.autoclear & QCOW2_AUTOCLEAR_BITMAPS)) {
        return true;        /* written by one who did not know of it: not to be believed */
    }
    s->nr_disk_bitmaps = ld32_be(p);
    s->bitmap_dir_bytes = ld64_be(p + 8);
    s->bitmap_dir_offset = ld64_be(p + 16);
    if (ld32_be(p + 4)) {
        error_set(errp, "bitmaps_ext: Reserved field is not zero");
    } else if (s->nr_disk_bitmaps > QCOW2_MAX_BITMAPS) {
        error_set(errp, "bitmaps_ext: image has %" PRIu32 " bitmaps, exceeding the QEMU "
                  "supported maximum of %d", s->nr_disk_bitmaps, QCOW2_MAX_BITMAPS);
    } else if (!s->nr_disk_bitmaps) {
        error_set(errp, "found bitmaps extension with zero bitmaps");
    } else if (s->bitmap_dir_offset & (s->cluster_bytes - 1) || !s->bitmap_dir_offset) {
        error_set(errp, "bitmaps_ext: invalid bitmap directory offset");
    } else if (s->bitmap_dir_bytes > QCOW2_MAX_BITMAPS * 1024ULL) {
        error_set(errp, "bitmaps_ext: bitmap directory size (%" PRIu64 ") exceeds the maximum "
                  "supported size (%" PRIu64 ")", s->bitmap_dir_bytes,
                  (uint64_t)QCOW2_MAX_BITMAPS * 1024);
    } else {
        s->bitmaps_valid = true;
        return true;
    }
    return false;
}

static bool load_extension(Qcow2 *s, uint32_t type, const uint8_t *p, uint32_t len, Error **errp)
{
    Qcow2Extension ext;

    switch (type) {
    case QCOW2_EXT_BACKING:
        if (len >= 16) {
            error_set(errp, "ERROR: ext_backing_format: len=%" PRIu32 " too large (>=16)", len);
            return false;
        }
        g_free(s->node->backing_format);
        s->node->backing_format = name_of(p, len);
        return true;
    case QCOW2_EXT_DATA_FILE:
        g_free(s->data_file);
        s->data_file = name_of(p, len);
        return true;
    case QCOW2_EXT_FEATURES:
        g_free(s->features);
        s->features = g_memdup2(p, len);
        s->features_bytes = len;
        return true;
    case QCOW2_EXT_BITMAPS:
        return load_bitmaps_extension(s, p, len, errp);
    case QCOW2_EXT_CRYPTO:
        error_set(errp, "Image '%s' is encrypted, which Mica cannot read",
                  s->node->filename ? s->node->filename : s->node->name);
        return false;
    default:
        ext = (Qcow2Extension){ type, len, g_memdup2(p, len) };
        g_array_append_val(s->extensions, ext);
        return true;
    }
}

static bool load_extensions(Qcow2 *s, uint32_t end, Error **errp)
{
    uint32_t at = s->h.length;

    while (at + 8 <= end) {
        uint32_t type = ld32_be(s->head + at), len = ld32_be(s->head + at + 4);

        at += 8;
        if (type == QCOW2_EXT_END) {
            return true;
        }
        if (len > end - at) {
            error_set(errp, "Header extension too large");
            return false;
        }
        if (!load_extension(s, type, s->head + at, len, errp)) {
            return false;
        }
        at += ROUND_UP(len, 8);
    }
    return true;
}

/* "Unsupported qcow2 feature(s): name, name", names being those of the image's own table. */
static bool check_features(const Qcow2 *s, Error **errp)
{
    uint64_t unknown = s->h.incompatible & ~QCOW2_INCOMPAT_ALL;
    g_autoptr(GString) names = g_string_new(NULL);

    if (!unknown) {
        return true;
    }
    for (uint32_t at = 0; at + FEATURE_BYTES <= s->features_bytes; at += FEATURE_BYTES) {
        const uint8_t *f = s->features + at;
        g_autofree char *name = g_strndup((const char *)f + 2, FEATURE_BYTES - 2);

        if (f[0] == 0 && f[1] < 64 && unknown & BIT64(f[1])) {
            g_string_append_printf(names, "%s%.46s", names->len ? ", " : "", name);
            unknown &= ~BIT64(f[1]);
        }
    }
    if (unknown) {
        g_string_append_printf(names, "%sUnknown incompatible feature: %" PRIx64,
                               names->len ? ", " : "", unknown);
    }
    error_set(errp, "Unsupported qcow2 feature(s): %s", names->str);
    return false;
}

static bool load_backing_name(Qcow2 *s, Error **errp)
{
    if (!s->h.backing_offset) {
        return true;
    }
    if (s->h.backing_size > MIN(QCOW2_MAX_BACKING_NAME,
                                s->cluster_bytes - s->h.backing_offset)) {
        error_set(errp, "Backing file name too long");
        return false;
    }
    g_free(s->node->backing_file);
    s->node->backing_file = name_of(s->head + s->h.backing_offset, s->h.backing_size);
    return true;
}

bool co_qcow2_header_load(Qcow2 *s, Error **errp)
{
    uint8_t first[QCOW2_OUR_HEADER];
    uint32_t end;
    int ret = co_qcow2_read_meta(s, 0, first, sizeof(first));

    if (ret) {
        error_set_errno(errp, -ret, "Could not read qcow2 header");
        return false;
    }
    if (!qcow2_header_parse(&s->h, first, sizeof(first), errp)) {
        return false;
    }
    s->cluster_bits = s->h.cluster_bits;
    s->cluster_bytes = 1U << s->cluster_bits;
    if (s->h.backing_offset > s->cluster_bytes) {
        error_set(errp, "Invalid backing file offset");
        return false;
    }
    s->head_bytes = s->cluster_bytes;
    s->head = g_malloc(s->head_bytes);
    ret = co_qcow2_read_meta(s, 0, s->head, s->head_bytes);
    if (ret) {
        error_set_errno(errp, -ret, "Could not read qcow2 header");
        return false;
    }
    if (s->h.length > QCOW2_OUR_HEADER) {
        s->unknown_bytes = s->h.length - QCOW2_OUR_HEADER;
        s->unknown_fields = g_memdup2(s->head + QCOW2_OUR_HEADER, s->unknown_bytes);
    }
    end = s->h.backing_offset >= s->h.length ? s->h.backing_offset : s->cluster_bytes;
    if (s->h.incompatible & ~QCOW2_INCOMPAT_ALL) {
        /* Only its names are wanted; what else may be wrong in there is not the point. */
        load_extensions(s, end, NULL);
    }
    return check_features(s, errp) && load_extensions(s, end, errp) &&
           load_backing_name(s, errp);
}

static void set_feature(uint8_t *f, unsigned type, unsigned bit, const char *name)
{
    f[0] = type;
    f[1] = bit;
    memcpy(f + 2, name, strlen(name));
}

uint8_t *qcow2_feature_table(uint32_t *bytes)
{
    static const struct {
        uint8_t type, bit;
        const char *name;
    } known[] = {
        { 0, 0, "dirty bit" },
        { 0, 1, "corrupt bit" },
        { 0, 2, "external data file" },
        { 0, 3, "compression type" },
        { 0, 4, "extended L2 entries" },
        { 1, 0, "lazy refcounts" },
        { 2, 0, "bitmaps" },
        { 2, 1, "raw external data" },
    };
    uint8_t *table = g_malloc0(ARRAY_SIZE(known) * FEATURE_BYTES);

    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        set_feature(table + i * FEATURE_BYTES, known[i].type, known[i].bit, known[i].name);
    }
    *bytes = ARRAY_SIZE(known) * FEATURE_BYTES;
    return table;
}

void qcow2_header_put(const Qcow2Header *h, uint8_t *p)
{
    st32_be(p, QCOW2_MAGIC);
    st32_be(p + 4, h->version);
    st64_be(p + 8, h->backing_offset);
    st32_be(p + 16, h->backing_size);
    st32_be(p + 20, h->cluster_bits);
    st64_be(p + 24, h->size);
    st32_be(p + 32, h->crypt);
    st32_be(p + 36, h->l1_entries);
    st64_be(p + 40, h->l1_offset);
    st64_be(p + 48, h->reftable_offset);
    st32_be(p + 56, h->reftable_clusters);
    st32_be(p + 60, h->nr_snapshots);
    st64_be(p + 64, h->snapshots_offset);
    if (h->version >= 3) {
        st64_be(p + 72, h->incompatible);
        st64_be(p + 80, h->compatible);
        st64_be(p + 88, h->autoclear);
        st32_be(p + 96, h->refcount_order);
        st32_be(p + 100, h->length);
        p[104] = h->compression;
    }
}

/* Append an extension; *at stays when there is no room, and false is returned. */
static bool put_extension(uint8_t *p, uint32_t room, uint32_t *at, uint32_t type,
                          const void *data, uint32_t len)
{
    uint32_t bytes = 8 + ROUND_UP(len, 8);

    if (*at > room || bytes > room - *at) {
        return false;
    }
    st32_be(p + *at, type);
    st32_be(p + *at + 4, len);
    if (len) {
        memcpy(p + *at + 8, data, len);
    }
    *at += bytes;
    return true;
}

/* What must be there to understand the image comes first, names for people behind it. */
static bool put_needed(const Qcow2 *s, uint8_t *p, uint32_t room, uint32_t *at)
{
    const char *format = s->node->backing_format;
    uint8_t bitmaps[24] = {};
    bool ok = true;

    if (s->node->backing_file && format && *format) {
        ok = put_extension(p, room, at, QCOW2_EXT_BACKING, format, MIN(strlen(format), 15));
    }
    if (ok && s->has_data_file && s->data_file) {
        ok = put_extension(p, room, at, QCOW2_EXT_DATA_FILE, s->data_file,
                           strlen(s->data_file));
    }
    if (ok && s->nr_disk_bitmaps) {
        st32_be(bitmaps, s->nr_disk_bitmaps);
        st64_be(bitmaps + 8, s->bitmap_dir_bytes);
        st64_be(bitmaps + 16, s->bitmap_dir_offset);
        ok = put_extension(p, room, at, QCOW2_EXT_BITMAPS, bitmaps, sizeof(bitmaps));
    }
    return ok;
}

static bool put_optional(const Qcow2 *s, uint8_t *p, uint32_t room, uint32_t *at)
{
    bool ok = true;

    /* In the smallest clusters it would leave no room for what is needed. */
    if (s->features && s->h.version >= 3 && s->cluster_bytes > QCOW2_SECTOR) {
        ok = put_extension(p, room, at, QCOW2_EXT_FEATURES, s->features, s->features_bytes);
    }
    for (unsigned i = 0; ok && i < s->extensions->len; i++) {
        const Qcow2Extension *e = &g_array_index(s->extensions, Qcow2Extension, i);

        ok = put_extension(p, room, at, e->type, e->data, e->len);
    }
    return ok;
}

/* A place for the backing file's name that nothing on disk uses; 0: none. */
static uint32_t name_place(const Qcow2 *s, uint32_t extensions_end, uint32_t len)
{
    uint64_t old = s->h.backing_offset;
    uint32_t slot;

    if (old >= extensions_end && s->h.backing_size == len &&
        old + len <= s->cluster_bytes && !memcmp(s->head + old, s->node->backing_file, len)) {
        return old;
    }
    if (!old || s->cluster_bytes < 8192) {
        return extensions_end + len <= s->cluster_bytes ? extensions_end : 0;
    }
    slot = s->cluster_bytes - NAME_SLOT;
    if (old + s->h.backing_size > slot) {
        slot -= NAME_SLOT;
    }
    return slot >= extensions_end ? slot : 0;
}

/* The whole first cluster anew, and a first sector that can do without the others. */
static int build(Qcow2 *s, uint8_t *whole, uint8_t *sector, bool *sector_ok)
{
    uint32_t at, end, len = s->node->backing_file ? strlen(s->node->backing_file) : 0;
    uint32_t place = 0;

    s->h.length = s->h.version == 2 ? QCOW2_V2_HEADER : QCOW2_OUR_HEADER + s->unknown_bytes;
    at = s->h.length;
    if (at > s->cluster_bytes) {
        return -ENOSPC;
    }
    if (s->unknown_bytes && s->h.version >= 3) {
        memcpy(whole + QCOW2_OUR_HEADER, s->unknown_fields, s->unknown_bytes);
    }
    if (!put_needed(s, whole, s->cluster_bytes, &at) ||
        !put_optional(s, whole, s->cluster_bytes, &at) ||
        !put_extension(whole, s->cluster_bytes, &at, QCOW2_EXT_END, NULL, 0)) {
        return -ENOSPC;
    }
    if (len) {
        place = name_place(s, at, len);
        if (!place) {
            return -ENOSPC;
        }
        memcpy(whole + place, s->node->backing_file, len);
    }
    s->h.backing_offset = place;
    s->h.backing_size = len;
    qcow2_header_put(&s->h, whole);
    memcpy(sector, whole, MIN(s->h.length, QCOW2_SECTOR));
    end = s->h.length;
    *sector_ok = put_needed(s, sector, QCOW2_SECTOR, &end) &&
                 put_extension(sector, QCOW2_SECTOR, &end, QCOW2_EXT_END, NULL, 0) &&
                 (!len || place >= QCOW2_SECTOR);
    return 0;
}

/*
 * More than the first sector changes: the name goes where nothing refers to
 * it, then a first sector that needs no other, then the others, then the
 * first as it shall be.
 */
static int co_replace(Qcow2 *s, const uint8_t *whole, const uint8_t *sector)
{
    uint64_t name = ROUND_DOWN(s->h.backing_offset, QCOW2_SECTOR);
    uint64_t name_end = ROUND_UP(s->h.backing_offset + s->h.backing_size, QCOW2_SECTOR);
    int ret = 0;

    if (s->h.backing_offset && memcmp(s->head + name, whole + name, name_end - name)) {
        ret = co_qcow2_write_meta(s, name, whole + name, name_end - name);
        if (!ret) {
            ret = co_node_flush(qcow2_file(s));
        }
    }
    if (!ret) {
        ret = co_qcow2_write_meta(s, 0, sector, QCOW2_SECTOR);
    }
    if (!ret) {
        ret = co_node_flush(qcow2_file(s));
    }
    if (!ret) {
        ret = co_qcow2_write_meta(s, QCOW2_SECTOR, whole + QCOW2_SECTOR,
                                  s->cluster_bytes - QCOW2_SECTOR);
    }
    return ret ? ret : co_node_flush(qcow2_file(s));
}

int co_qcow2_header_write(Qcow2 *s)
{
    g_autofree uint8_t *whole = g_malloc0(s->cluster_bytes);
    uint8_t sector[QCOW2_SECTOR] = {};
    bool sector_ok = false;
    int ret = build(s, whole, sector, &sector_ok);

    if (ret) {
        return ret;
    }
    if (s->cluster_bytes > QCOW2_SECTOR &&
        memcmp(s->head + QCOW2_SECTOR, whole + QCOW2_SECTOR, s->cluster_bytes - QCOW2_SECTOR)) {
        if (sector_ok) {
            ret = co_replace(s, whole, sector);
        } else {
            ret = co_qcow2_write_meta(s, QCOW2_SECTOR, whole + QCOW2_SECTOR,
                                      s->cluster_bytes - QCOW2_SECTOR);
        }
    }
    if (!ret) {
        ret = co_qcow2_write_meta(s, 0, whole, QCOW2_SECTOR);
    }
    if (!ret) {
        memcpy(s->head, whole, s->cluster_bytes);
    }
    return ret;
}

int co_qcow2_set_incompatible(Qcow2 *s, uint64_t bit, bool on)
{
    uint64_t disk = on ? s->h.incompatible | bit : s->h.incompatible & ~bit;
    int ret = co_node_flush(qcow2_file(s));

    if (ret) {
        return ret;
    }
    /* Only this: what else of s->h may wait for its turn is not written along. */
    st64_be(s->head + 72, disk);
    ret = co_qcow2_write_meta(s, 0, s->head, QCOW2_SECTOR);
    if (!ret) {
        ret = co_node_flush(qcow2_file(s));
    }
    /*
     * Where clearing fails the file may have it all the same, and the bit was
     * not needed any more: who needs it again sets it anew.
     */
    if (!ret || !on) {
        s->h.incompatible = disk;
    } else {
        st64_be(s->head + 72, s->h.incompatible);
    }
    return ret;
}

void qcow2_header_free(Qcow2 *s)
{
    for (unsigned i = 0; s->extensions && i < s->extensions->len; i++) {
        g_free(g_array_index(s->extensions, Qcow2Extension, i).data);
    }
    if (s->extensions) {
        g_array_free(s->extensions, true);
    }
    g_free(s->head);
    g_free(s->features);
    g_free(s->unknown_fields);
    g_free(s->data_file);
}
