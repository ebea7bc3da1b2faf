/* qcow2: the table of internal snapshots */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"

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
