/* qcow2: internal snapshots: the table of them; make, apply, delete */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/txn.h"
#include "block/snapshot.h"
#include "util/parse.h"

enum {
    ENTRY_BYTES = 40,
    KNOWN_EXTRA = 24,                   /* vm_state_size, disk_size, icount */
};

void qcow2_snapshots_free(Qcow2 *s)
{
    for (uint32_t i = 0; i < s->nr_snapshots; i++) {
        g_free(s->snapshots[i].id);
        g_free(s->snapshots[i].name);
        g_free(s->snapshots[i].extra);
    }
    g_free(s->snapshots);
    s->snapshots = NULL;
    s->nr_snapshots = 0;
}

/* "Snapshot table entry" */
static void parse_entry(const Qcow2 *s, Qcow2Snapshot *sn, const uint8_t *p, uint32_t extra)
{
    uint32_t id_len = ld16_be(p + 12), name_len = ld16_be(p + 14);
    const uint8_t *names = p + ENTRY_BYTES + extra;

    sn->l1_offset = ld64_be(p);
    sn->l1_entries = ld32_be(p + 8);
    sn->date_sec = ld32_be(p + 16);
    sn->date_nsec = ld32_be(p + 20);
    sn->vm_clock_nsec = ld64_be(p + 24);
    sn->vm_state_size = extra >= 8 ? ld64_be(p + ENTRY_BYTES) : ld32_be(p + 32);
    sn->disk_size = extra >= 16 ? ld64_be(p + ENTRY_BYTES + 8) : s->size;
    sn->icount = extra >= 24 ? ld64_be(p + ENTRY_BYTES + 16) : UINT64_MAX;
    if (extra > KNOWN_EXTRA) {
        sn->extra_bytes = extra - KNOWN_EXTRA;
        sn->extra = g_memdup2(p + ENTRY_BYTES + KNOWN_EXTRA, sn->extra_bytes);
    }
    sn->id = g_strndup((const char *)names, id_len);
    sn->name = g_strndup((const char *)names + id_len, name_len);
}

static bool co_load_entry(Qcow2 *s, Qcow2Snapshot *sn, uint64_t *offset, Error **errp)
{
    uint8_t head[ENTRY_BYTES];
    g_autofree uint8_t *entry = NULL;
    uint32_t extra, bytes;
    int ret = co_qcow2_read_meta(s, *offset, head, sizeof(head));

    if (!ret) {
        extra = ld32_be(head + 36);
        if (extra > QCOW2_MAX_SNAPSHOT_EXTRA) {
            error_set(errp, "Too much extra metadata in snapshot table entry %" PRIu32,
                      s->nr_snapshots);
            return false;
        }
        bytes = ENTRY_BYTES + extra + ld16_be(head + 12) + ld16_be(head + 14);
        entry = g_malloc(bytes);
        ret = co_qcow2_read_meta(s, *offset, entry, bytes);
    }
    if (ret) {
        error_set_errno(errp, -ret, "Failed to read snapshot table");
        return false;
    }
    parse_entry(s, sn, entry, extra);
    *offset += ROUND_UP(bytes, 8);
    return true;
}

bool co_qcow2_snapshots_load(Qcow2 *s, Error **errp)
{
    uint64_t offset = s->h.snapshots_offset;

    if (!s->h.nr_snapshots) {
        return true;
    }
    s->snapshots = g_try_new0(Qcow2Snapshot, s->h.nr_snapshots);
    if (!s->snapshots) {
        error_set(errp, "No memory for %" PRIu32 " snapshots", s->h.nr_snapshots);
        return false;
    }
    while (s->nr_snapshots < s->h.nr_snapshots) {
        Qcow2Snapshot *sn = &s->snapshots[s->nr_snapshots];

        if (!co_load_entry(s, sn, &offset, errp)) {
            return false;
        }
        s->nr_snapshots++;
        if (offset - s->h.snapshots_offset > QCOW2_MAX_SNAPSHOT_BYTES) {
            error_set(errp, "Snapshot table is too large");
            return false;
        }
        if (sn->l1_entries > QCOW2_MAX_L1_BYTES / 8 || sn->l1_offset & (s->cluster_bytes - 1) ||
            sn->l1_offset > INT64_MAX / 2) {
            error_set(errp, "Snapshot %s '%s' has an invalid L1 table", sn->id, sn->name);
            return false;
        }
    }
    s->snapshots_bytes = offset - s->h.snapshots_offset;
    return true;
}
/* Making, applying and deleting: each seen whole or not at all (txn.c) */

static int co_load_l2(Qcow2 *s, uint64_t table, uint8_t *buf)
{
    if (table & (s->cluster_bytes - 1)) {
        return co_qcow2_corrupt(s, true, "L2 table offset 0x%" PRIx64 " unaligned", table);
    }
    return co_qcow2_read_meta(s, table, buf, s->cluster_bytes);
}

/* One reference more or less to what the entry leads to. */
static int co_add_entry(Qcow2Txn *t, uint64_t entry, int delta, GArray *freed)
{
    Qcow2 *s = t->s;
    uint64_t offset = entry & QCOW2_OFFSET_MASK, bytes = s->cluster_bytes, count;
    int ret;

    if (entry & QCOW2_COMPRESSED) {
        qcow2_deflated_range(s, entry, &offset, &bytes);
    } else if (!offset) {
        return 0;
    } else if (offset & (s->cluster_bytes - 1)) {
        return co_qcow2_corrupt(s, true, "Cluster allocation offset 0x%" PRIx64 " unaligned",
                                offset);
    }
    ret = co_qcow2_txn_add(t, offset, bytes, delta);
    if (!ret && delta < 0 && freed && !(entry & QCOW2_COMPRESSED)) {
        ret = co_qcow2_txn_refcount(t, offset >> s->cluster_bits, &count);
        if (!ret && !count) {
            g_array_append_val(freed, offset);
        }
    }
    return ret;
}

/* The same for all that a table of tables leads to, tables included. */
static int co_add_l1(Qcow2Txn *t, const uint64_t *l1, uint32_t entries, int delta, GArray *freed)
{
    Qcow2 *s = t->s;
    g_autofree uint8_t *buf = g_try_malloc(s->cluster_bytes);
    int ret = buf ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < entries && !ret; i++) {
        uint64_t table = l1[i] & QCOW2_OFFSET_MASK;

        if (!table) {
            continue;
        }
        ret = co_load_l2(s, table, buf);
        for (uint32_t k = 0; k < 1U << s->l2_bits && !ret; k++) {
            ret = co_add_entry(t, ld64_be(buf + (size_t)k * s->l2_entry_bytes), delta, freed);
        }
        if (!ret) {
            ret = co_qcow2_txn_add(t, table, s->cluster_bytes, delta);
        }
    }
    return ret;
}

/* What the flag of an entry of the active tables must be. */
static int co_want_copied(Qcow2Txn *t, uint64_t entry, bool *copied)
{
    uint64_t offset = entry & QCOW2_OFFSET_MASK, count = 0;
    int ret = 0;

    if (!(entry & QCOW2_COMPRESSED) && offset) {
        ret = co_qcow2_txn_refcount(t, offset >> t->s->cluster_bits, &count);
    }
    *copied = count == 1;
    return ret;
}

/* Set the flags in buf as the new refcounts want them; *changed: they were not so. */
static int co_fix_flags(Qcow2Txn *t, uint8_t *buf, bool *changed)
{
    Qcow2 *s = t->s;
    int ret = 0;

    *changed = false;
    for (uint32_t k = 0; k < 1U << s->l2_bits && !ret; k++) {
        uint8_t *p = buf + (size_t)k * s->l2_entry_bytes;
        uint64_t entry = ld64_be(p);
        bool copied;

        ret = co_want_copied(t, entry, &copied);
        if (copied != !!(entry & QCOW2_COPIED)) {
            st64_be(p, entry ^ QCOW2_COPIED);
            *changed = true;
        }
    }
    return ret;
}

static int co_replace_table(Qcow2Txn *t, uint64_t *entry, const uint8_t *buf)
{
    uint64_t old = *entry & QCOW2_OFFSET_MASK;
    int ret = co_qcow2_txn_alloc(t, t->s->cluster_bytes, entry);

    if (!ret) {
        ret = co_qcow2_write_meta(t->s, *entry, buf, t->s->cluster_bytes);
    }
    return ret ? ret : co_qcow2_txn_add(t, old, t->s->cluster_bytes, -1);
}

/* Active tables with flags that agree with the new refcounts: copies where they do not. */
static int co_fix_active(Qcow2Txn *t, uint64_t *l1, uint32_t entries)
{
    Qcow2 *s = t->s;
    g_autofree uint8_t *buf = g_try_malloc(s->cluster_bytes);
    int ret = buf ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < entries && !ret; i++) {
        bool changed, copied;

        l1[i] &= QCOW2_OFFSET_MASK;
        if (!l1[i]) {
            continue;
        }
        ret = co_load_l2(s, l1[i], buf);
        if (!ret) {
            ret = co_fix_flags(t, buf, &changed);
        }
        if (!ret && changed) {
            ret = co_replace_table(t, &l1[i], buf);
        }
        if (!ret) {
            ret = co_want_copied(t, l1[i], &copied);
            l1[i] |= copied ? QCOW2_COPIED : 0;
        }
    }
    return ret;
}

static uint32_t entry_size(const Qcow2Snapshot *sn)
{
    return ROUND_UP(ENTRY_BYTES + KNOWN_EXTRA + sn->extra_bytes + strlen(sn->id) +
                    strlen(sn->name), 8);
}

static void put_entry(const Qcow2Snapshot *sn, uint8_t *p)
{
    uint8_t *names = p + ENTRY_BYTES + KNOWN_EXTRA + sn->extra_bytes;

    st64_be(p, sn->l1_offset);
    st32_be(p + 8, sn->l1_entries);
    st16_be(p + 12, strlen(sn->id));
    st16_be(p + 14, strlen(sn->name));
    st32_be(p + 16, sn->date_sec);
    st32_be(p + 20, sn->date_nsec);
    st64_be(p + 24, sn->vm_clock_nsec);
    st32_be(p + 32, sn->vm_state_size <= UINT32_MAX ? sn->vm_state_size : 0);
    st32_be(p + 36, KNOWN_EXTRA + sn->extra_bytes);
    st64_be(p + ENTRY_BYTES, sn->vm_state_size);
    st64_be(p + ENTRY_BYTES + 8, sn->disk_size);
    st64_be(p + ENTRY_BYTES + 16, sn->icount);
    if (sn->extra_bytes) {
        memcpy(p + ENTRY_BYTES + KNOWN_EXTRA, sn->extra, sn->extra_bytes);
    }
    memcpy(names, sn->id, strlen(sn->id));
    memcpy(names + strlen(sn->id), sn->name, strlen(sn->name));
}

/* The snapshot table anew, without entry skip (UINT32_MAX: none) and with more (NULL: none). */
static int co_put_table(Qcow2Txn *t, uint32_t skip, const Qcow2Snapshot *more, uint64_t *bytes)
{
    Qcow2 *s = t->s;
    g_autofree uint8_t *table = NULL;
    uint64_t at = 0;
    uint32_t n = 0;
    int ret;

    *bytes = more ? entry_size(more) : 0;
    for (uint32_t i = 0; i < s->nr_snapshots; i++) {
        *bytes += i == skip ? 0 : entry_size(&s->snapshots[i]);
    }
    if (*bytes > QCOW2_MAX_SNAPSHOT_BYTES) {
        return -EFBIG;
    }
    table = g_try_malloc0(*bytes + 1);
    if (!table) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < s->nr_snapshots; i++) {
        if (i != skip) {
            put_entry(&s->snapshots[i], table + at);
            at += entry_size(&s->snapshots[i]);
            n++;
        }
    }
    if (more) {
        put_entry(more, table + at);
        n++;
    }
    t->header.nr_snapshots = n;
    t->header.snapshots_offset = 0;
    ret = co_qcow2_txn_add(t, s->h.snapshots_offset, s->snapshots_bytes, -1);
    if (!ret && n) {
        ret = co_qcow2_txn_alloc(t, *bytes, &t->header.snapshots_offset);
        if (!ret) {
            ret = co_qcow2_write_meta(s, t->header.snapshots_offset, table, *bytes);
        }
    }
    return ret;
}

int co_qcow2_snapshots_rewrite(Qcow2Txn *t)
{
    return co_put_table(t, UINT32_MAX, NULL, &t->s->snapshots_bytes);
}

/* The active table moves; its old clusters are free then. */
static int co_put_l1(Qcow2Txn *t, const uint64_t *l1, uint32_t entries)
{
    Qcow2 *s = t->s;
    int ret = co_qcow2_txn_add(t, s->l1_offset, (uint64_t)s->l1_entries * 8, -1);

    t->header.l1_entries = entries;
    return ret ? ret : co_qcow2_txn_write_table(t, l1, entries, &t->header.l1_offset);
}

static void adopt_l1(Qcow2 *s, uint64_t *l1, uint32_t entries)
{
    g_free(s->l1);
    g_free(s->l1_dirty);
    s->l1 = l1;
    s->l1_entries = entries;
    s->l1_offset = s->h.l1_offset;
    s->l1_dirty = g_malloc0(entries / (QCOW2_SECTOR / 8) + 1);
    s->l1_any_dirty = s->l1_moved = false;
}

static uint64_t *load_l1(uint32_t entries)
{
    return g_try_new0(uint64_t, MAX(entries, 1));
}

/* Making */

/* L2 tables that both share, none of whose clusters may be written in place. */
static int co_share_tables(Qcow2Txn *t, uint64_t *l1, uint32_t entries)
{
    Qcow2 *s = t->s;
    g_autofree uint8_t *buf = g_try_malloc(s->cluster_bytes);
    int ret = buf ? co_add_l1(t, l1, entries, 1, NULL) : -ENOMEM;

    for (uint32_t i = 0; i < entries && !ret; i++) {
        bool changed;

        l1[i] &= QCOW2_OFFSET_MASK;
        if (!l1[i]) {
            continue;
        }
        ret = co_load_l2(s, l1[i], buf);
        if (!ret) {
            ret = co_fix_flags(t, buf, &changed);
        }
        if (!ret && changed) {
            /* Both references to the old one move to the new one, which has one already. */
            ret = co_qcow2_txn_add(t, l1[i], s->cluster_bytes, -1);
            if (!ret) {
                ret = co_replace_table(t, &l1[i], buf);
            }
            if (!ret) {
                ret = co_qcow2_txn_add(t, l1[i], s->cluster_bytes, 1);
            }
        }
    }
    return ret;
}

static int co_make(Qcow2 *s, Qcow2Snapshot *sn)
{
    uint64_t *l1 = load_l1(s->l1_entries), bytes;
    int ret = l1 ? 0 : -ENOMEM;
    Qcow2Txn *t = ret ? NULL : co_qcow2_txn_begin(s, s->h.refcount_order, false, &ret);

    if (!ret) {
        memcpy(l1, s->l1, (size_t)s->l1_entries * 8);
        ret = co_share_tables(t, l1, s->l1_entries);
    }
    if (!ret) {
        sn->l1_entries = s->l1_entries;
        ret = co_qcow2_txn_write_table(t, l1, s->l1_entries, &sn->l1_offset);
    }
    if (!ret) {
        ret = co_put_l1(t, l1, s->l1_entries);
    }
    if (!ret) {
        ret = co_put_table(t, UINT32_MAX, sn, &bytes);
    }
    if (!ret) {
        ret = co_qcow2_txn_commit(t);
    }
    if (ret) {
        g_free(l1);
    } else {
        adopt_l1(s, l1, s->l1_entries);
        s->snapshots = g_renew(Qcow2Snapshot, s->snapshots, s->nr_snapshots + 1);
        s->snapshots[s->nr_snapshots++] = *sn;
        s->snapshots_bytes = bytes;
        co_qcow2_meta_build(s);
    }
    qcow2_txn_free(t);
    return ret;
}

static bool co_start(Qcow2 *s, Error **errp)
{
    int ret = co_qcow2_quiesce_to_write(s);

    if (ret) {
        error_set_errno(errp, -ret, "Could not prepare '%s' for writing", s->node->name);
    }
    return !ret;
}

static char *new_id(const Qcow2 *s)
{
    uint64_t max = 0, id;

    for (uint32_t i = 0; i < s->nr_snapshots; i++) {
        if (!parse_u64(s->snapshots[i].id, 10, &id)) {
            max = MAX(max, id);
        }
    }
    return g_strdup_printf("%" PRIu64, max + 1);
}

bool qcow2_co_snapshot_create(BlockNode *node, BlockSnapshot *snapshot, Error **errp)
{
    Qcow2 *s = node->state;
    Qcow2Snapshot sn = { .date_sec = snapshot->date_sec, .date_nsec = snapshot->date_nsec,
                         .vm_clock_nsec = snapshot->vm_clock_nsec, .icount = snapshot->icount,
                         .vm_state_size = snapshot->vm_state_size };
    int ret;

    if (s->has_data_file) {
        error_set(errp, "Images with an external data file have no internal snapshots");
        return false;
    }
    if (s->nr_snapshots >= QCOW2_MAX_SNAPSHOTS) {
        error_set(errp, "Image '%s' has %d snapshots, which is the most it may have",
                  node->name, QCOW2_MAX_SNAPSHOTS);
        return false;
    }
    sn.id = *snapshot->id ? g_strdup(snapshot->id) : new_id(s);
    sn.name = g_strdup(snapshot->name);
    if (!co_start(s, errp)) {
        g_free(sn.id);
        g_free(sn.name);
        return false;
    }
    co_mutex_lock(&s->lock);
    sn.disk_size = s->size;
    ret = s->broken ? -EIO : co_make(s, &sn);
    co_mutex_unlock(&s->lock);
    if (ret) {
        error_set_errno(errp, -ret, "Could not create snapshot '%s'", sn.name);
        g_free(sn.id);
        g_free(sn.name);
    } else {
        g_strlcpy(snapshot->id, sn.id, sizeof(snapshot->id));
        if (sn.vm_state_size) {
            /* The machine's state belongs to the snapshot only. */
            co_qcow2_discard_clusters(s, qcow2_vmstate_offset(s),
                                      qcow2_cluster_up(s, sn.vm_state_size),
                                      QCOW2_DISCARD_NEVER, true);
        }
    }
    qcow2_resume(s);
    return !ret;
}

/* Finding */

static int find_id(const Qcow2 *s, const char *id, const char *name)
{
    for (uint32_t i = 0; i < s->nr_snapshots; i++) {
        if ((!id || !strcmp(s->snapshots[i].id, id)) &&
            (!name || !strcmp(s->snapshots[i].name, name))) {
            return i;
        }
    }
    return -1;
}

static int find_either(const Qcow2 *s, const char *id_or_name)
{
    int i = find_id(s, id_or_name, NULL);

    return i >= 0 ? i : find_id(s, NULL, id_or_name);
}

static int co_read_l1(Qcow2 *s, const Qcow2Snapshot *sn, uint32_t entries, uint64_t **l1)
{
    int ret;

    *l1 = load_l1(entries);
    ret = *l1 ? co_qcow2_read_table(s, sn->l1_offset, *l1, sn->l1_entries) : -ENOMEM;
    if (ret) {
        g_free(*l1);
        *l1 = NULL;
    }
    return ret;
}

/* Applying */

static int co_goto(Qcow2 *s, const Qcow2Snapshot *sn)
{
    uint32_t entries = MAX(sn->l1_entries, qcow2_l1_needed(s, sn->disk_size));
    uint64_t *l1;
    int ret = co_read_l1(s, sn, entries, &l1);
    Qcow2Txn *t = ret ? NULL : co_qcow2_txn_begin(s, s->h.refcount_order, false, &ret);

    if (!ret) {
        ret = co_add_l1(t, l1, sn->l1_entries, 1, NULL);
    }
    if (!ret) {
        ret = co_add_l1(t, s->l1, s->l1_entries, -1, NULL);
    }
    if (!ret) {
        ret = co_fix_active(t, l1, entries);
    }
    if (!ret) {
        ret = co_put_l1(t, l1, entries);
    }
    if (!ret) {
        t->header.size = sn->disk_size;
        ret = co_qcow2_txn_commit(t);
    }
    if (ret) {
        g_free(l1);
    } else {
        adopt_l1(s, l1, entries);
        s->size = sn->disk_size;
        co_qcow2_meta_build(s);
    }
    qcow2_txn_free(t);
    return ret;
}

bool qcow2_co_snapshot_goto(BlockNode *node, const char *id, Error **errp)
{
    Qcow2 *s = node->state;
    int i = find_either(s, id), ret;

    if (s->has_data_file) {
        error_set(errp, "Images with an external data file have no internal snapshots");
        return false;
    }
    if (i < 0) {
        error_set(errp, "Snapshot '%s' is not in image '%s'", id, node->name);
        return false;
    }
    if (s->snapshots[i].disk_size > INT64_MAX || s->snapshots[i].disk_size % BLOCK_SECTOR_SIZE ||
        qcow2_l1_needed(s, s->snapshots[i].disk_size) > QCOW2_MAX_L1_BYTES / 8) {
        error_set(errp, "Snapshot '%s' says that its disk has %" PRIu64 " bytes", id,
                  s->snapshots[i].disk_size);
        return false;
    }
    if (!co_start(s, errp)) {
        return false;
    }
    co_mutex_lock(&s->lock);
    ret = s->broken ? -EIO : co_goto(s, &s->snapshots[i]);
    co_mutex_unlock(&s->lock);
    if (!ret && (uint64_t)node->length != s->size) {
        block_node_set_length(node, s->size);
    }
    qcow2_resume(s);
    if (ret) {
        error_set_errno(errp, -ret, "Could not apply snapshot '%s'", id);
    }
    return !ret;
}

/* Deleting */

static void remove_entry(Qcow2 *s, uint32_t i)
{
    g_free(s->snapshots[i].id);
    g_free(s->snapshots[i].name);
    g_free(s->snapshots[i].extra);
    memmove(&s->snapshots[i], &s->snapshots[i + 1],
            (s->nr_snapshots - i - 1) * sizeof(*s->snapshots));
    s->nr_snapshots--;
}

static int co_delete(Qcow2 *s, uint32_t i, GArray *freed)
{
    const Qcow2Snapshot *sn = &s->snapshots[i];
    uint64_t *l1 = NULL, *gone = NULL, bytes;
    int ret = co_read_l1(s, sn, sn->l1_entries, &gone);
    Qcow2Txn *t = ret ? NULL : co_qcow2_txn_begin(s, s->h.refcount_order, false, &ret);

    if (!ret) {
        ret = co_add_l1(t, gone, sn->l1_entries, -1, freed);
    }
    if (!ret) {
        ret = co_qcow2_txn_add(t, sn->l1_offset, (uint64_t)sn->l1_entries * 8, -1);
    }
    if (!ret) {
        l1 = load_l1(s->l1_entries);
        ret = l1 ? 0 : -ENOMEM;
    }
    if (!ret) {
        memcpy(l1, s->l1, (size_t)s->l1_entries * 8);
        ret = co_fix_active(t, l1, s->l1_entries);
    }
    if (!ret) {
        ret = co_put_l1(t, l1, s->l1_entries);
    }
    if (!ret) {
        ret = co_put_table(t, i, NULL, &bytes);
    }
    if (!ret) {
        ret = co_qcow2_txn_commit(t);
    }
    if (ret) {
        g_free(l1);
    } else {
        adopt_l1(s, l1, s->l1_entries);
        remove_entry(s, i);
        s->snapshots_bytes = bytes;
        co_qcow2_meta_build(s);
    }
    qcow2_txn_free(t);
    g_free(gone);
    return ret;
}

bool qcow2_co_snapshot_delete(BlockNode *node, const char *id, const char *name, Error **errp)
{
    Qcow2 *s = node->state;
    int i = find_id(s, id, name), ret;
    g_autoptr(GArray) freed = g_array_new(false, false, sizeof(uint64_t));

    if (i < 0) {
        error_set(errp, "Can't find the snapshot");
        return false;
    }
    if (!co_start(s, errp)) {
        return false;
    }
    co_mutex_lock(&s->lock);
    ret = s->broken ? -EIO : co_delete(s, i, freed);
    for (unsigned k = 0; !ret && s->discard_passes[QCOW2_DISCARD_SNAPSHOT] && k < freed->len;
         k++) {
        co_node_pdiscard(qcow2_file(s), g_array_index(freed, uint64_t, k), s->cluster_bytes);
    }
    co_mutex_unlock(&s->lock);
    qcow2_resume(s);
    if (ret) {
        error_set_errno(errp, -ret, "Could not delete snapshot '%s'", name ? name : id);
    }
    return !ret;
}

BlockSnapshot *qcow2_co_snapshot_list(BlockNode *node, int *count, Error **errp)
{
    Qcow2 *s = node->state;
    BlockSnapshot *list = s->nr_snapshots ? g_new0(BlockSnapshot, s->nr_snapshots) : NULL;

    for (uint32_t i = 0; i < s->nr_snapshots; i++) {
        const Qcow2Snapshot *sn = &s->snapshots[i];

        g_strlcpy(list[i].id, sn->id, sizeof(list[i].id));
        g_strlcpy(list[i].name, sn->name, sizeof(list[i].name));
        list[i].vm_state_size = sn->vm_state_size;
        list[i].date_sec = sn->date_sec;
        list[i].date_nsec = sn->date_nsec;
        list[i].vm_clock_nsec = sn->vm_clock_nsec;
        list[i].icount = sn->icount;
    }
    *count = s->nr_snapshots;
    return list;
}

bool qcow2_co_snapshot_load_tmp(BlockNode *node, const char *id, const char *name, Error **errp)
{
    Qcow2 *s = node->state;
    int i = find_id(s, id, name), ret;
    uint32_t entries;
    uint64_t *l1;

    if (i < 0) {
        error_set(errp, "Can't find snapshot");
        return false;
    }
    if (!node->read_only) {
        error_set(errp, "A snapshot is only shown of an image that is opened read-only");
        return false;
    }
    entries = MAX(s->snapshots[i].l1_entries, qcow2_l1_needed(s, s->snapshots[i].disk_size));
    ret = s->snapshots[i].disk_size > INT64_MAX || entries > QCOW2_MAX_L1_BYTES / 8 ? -EFBIG : 0;
    co_qcow2_quiesce(s);
    if (!ret) {
        ret = co_read_l1(s, &s->snapshots[i], entries, &l1);
    }
    if (!ret) {
        adopt_l1(s, l1, entries);
        s->size = s->snapshots[i].disk_size;
        block_node_set_length(node, s->size);
    }
    qcow2_resume(s);
    if (ret) {
        error_set_errno(errp, -ret, "Failed to read the tables of snapshot '%s'",
                        s->snapshots[i].name);
    }
    return !ret;
}
