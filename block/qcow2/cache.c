/* qcow2: slices of L2 tables and refcount blocks in memory, and plain access to metadata */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/qcow2/qcow2.h"
#include "util/iov.h"

void qcow2_cache_init(Qcow2Cache *c, uint32_t entry_bytes, unsigned max_entries)
{
    *c = (Qcow2Cache){ .entry_bytes = entry_bytes, .max_entries = MAX(max_entries, 2) };
    c->by_offset = g_hash_table_new(g_int64_hash, g_int64_equal);
    list_init(&c->lru);
}

static void entry_free(Qcow2Cache *c, Qcow2Entry *e)
{
    list_remove(&e->link);
    free(e->data);
    g_free(e);
    c->nr_entries--;
}

void qcow2_cache_free(Qcow2Cache *c)
{
    Qcow2Entry *e;

    if (!c->by_offset) {
        return;
    }
    c->recent = NULL;
    list_for_each(e, &c->lru, Qcow2Entry, link) {
        entry_free(c, e);
    }
    g_hash_table_destroy(c->by_offset);
    c->by_offset = NULL;
}

static bool dirty(const Qcow2Entry *e)
{
    return e->dirty_from < e->dirty_to;
}

static void set_clean(Qcow2Cache *c, Qcow2Entry *e)
{
    c->nr_dirty -= dirty(e);
    e->dirty_from = e->dirty_to = 0;
}

static void forget(Qcow2Cache *c, Qcow2Entry *e)
{
    if (c->recent == e) {
        c->recent = NULL;
    }
    if (e->offset) {
        g_hash_table_remove(c->by_offset, &e->offset);
        set_clean(c, e);
        e->offset = 0;
    }
}

static void touch(Qcow2Cache *c, Qcow2Entry *e)
{
    if (c->lru.prev != &e->link) {
        list_remove(&e->link);
        list_append(&c->lru, &e->link);
    }
}

/* An entry without content, pinned. More than the maximum, rather than none, for readers. */
static Qcow2Entry *take_entry(Qcow2Cache *c)
{
    Qcow2Entry *e, *found = NULL;

    if (c->nr_entries >= c->max_entries) {
        list_for_each(e, &c->lru, Qcow2Entry, link) {
            if (e->pins || dirty(e)) {
                continue;
            }
            if (found && c->nr_entries > c->max_entries) {
                forget(c, e);
                entry_free(c, e);       /* back to the maximum */
                continue;
            }
            found = found ? found : e;
            if (c->nr_entries <= c->max_entries) {
                break;
            }
        }
    }
    if (found) {
        forget(c, found);
    } else {
        found = g_new0(Qcow2Entry, 1);
        found->data = block_try_alloc(c->entry_bytes);
        if (!found->data) {
            g_free(found);
            return NULL;
        }
        co_queue_init(&found->loaded);
        list_append(&c->lru, &found->link);
        c->nr_entries++;
    }
    found->pins = 1;
    return found;
}

static Qcow2Entry *find(Qcow2Cache *c, uint64_t offset)
{
    if (!c->recent || c->recent->offset != offset) {
        c->recent = g_hash_table_lookup(c->by_offset, &offset);
    }
    return c->recent;
}

static void set_offset(Qcow2Cache *c, Qcow2Entry *e, uint64_t offset)
{
    e->offset = offset;
    g_hash_table_insert(c->by_offset, &e->offset, e);
    touch(c, e);
}

static int co_load(Qcow2 *s, Qcow2Cache *c, uint64_t offset, Qcow2Entry **entry)
{
    Qcow2Entry *e = take_entry(c);
    int ret;

    if (!e) {
        return -ENOMEM;
    }
    set_offset(c, e, offset);
    e->loading = true;
    block_debug_event(qcow2_file(s), c == &s->l2_cache ? "l2_load" : "refblock_load");
    ret = co_qcow2_read_meta(s, offset, e->data, c->entry_bytes);
    e->loading = false;
    if (ret) {
        forget(c, e);
    }
    co_queue_wake_all(&e->loaded);
    if (ret || e->offset != offset) {
        qcow2_cache_put(e);
        return ret ? ret : -EAGAIN;     /* dropped meanwhile */
    }
    *entry = e;
    return 0;
}

int co_qcow2_cache_get(Qcow2 *s, Qcow2Cache *c, uint64_t offset, Qcow2Entry **entry)
{
    for (;;) {
        Qcow2Entry *e = find(c, offset);
        int ret;

        if (!e) {
            ret = co_load(s, c, offset, entry);
            if (ret != -EAGAIN) {
                return ret;
            }
            continue;
        }
        if (!e->loading) {
            e->pins++;
            touch(c, e);
            *entry = e;
            return 0;
        }
        e->pins++;
        co_queue_wait(&e->loaded, NULL);
        e->pins--;
    }
}

int co_qcow2_cache_new(Qcow2 *s, Qcow2Cache *c, uint64_t offset, Qcow2Entry **entry)
{
    Qcow2Entry *e = find(c, offset);

    if (e) {
        forget(c, e);
    }
    e = take_entry(c);
    if (!e) {
        return -ENOMEM;
    }
    set_offset(c, e, offset);
    memset(e->data, 0, c->entry_bytes);
    qcow2_cache_dirty(c, e, 0, c->entry_bytes);
    *entry = e;
    return 0;
}

void qcow2_cache_put(Qcow2Entry *entry)
{
    if (entry) {
        entry->pins--;
    }
}

void qcow2_cache_dirty(Qcow2Cache *c, Qcow2Entry *e, uint32_t from, uint32_t bytes)
{
    uint32_t to = ROUND_UP(from + bytes, QCOW2_SECTOR);

    from = ROUND_DOWN(from, QCOW2_SECTOR);
    if (!dirty(e)) {
        e->dirty_from = from;
        e->dirty_to = to;
        c->nr_dirty++;
        return;
    }
    e->dirty_from = MIN(e->dirty_from, from);
    e->dirty_to = MAX(e->dirty_to, to);
}

void qcow2_cache_drop(Qcow2Cache *c, uint64_t offset, uint64_t bytes)
{
    for (uint64_t at = offset; at < offset + bytes; at += c->entry_bytes) {
        Qcow2Entry *e = find(c, at);

        if (e) {
            forget(c, e);
        }
    }
}

void qcow2_cache_drop_all(Qcow2Cache *c)
{
    Qcow2Entry *e;

    list_for_each(e, &c->lru, Qcow2Entry, link) {
        forget(c, e);
        if (!e->pins) {
            entry_free(c, e);
        }
    }
}

static gint by_offset(gconstpointer a, gconstpointer b)
{
    const Qcow2Entry *x = *(Qcow2Entry *const *)a, *y = *(Qcow2Entry *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The dirty parts of list[0..n), which lie behind each other. */
static int co_write_run(Qcow2 *s, Qcow2Entry *const *list, unsigned n)
{
    IoVec iov = {};
    int ret;

    for (unsigned i = 0; i < n; i++) {
        iovec_add(&iov, list[i]->data + list[i]->dirty_from,
                  list[i]->dirty_to - list[i]->dirty_from);
    }
    ret = co_node_pwritev(qcow2_file(s), list[0]->offset + list[0]->dirty_from, iov.size,
                          iov.iov, iov.n, 0);
    iovec_free(&iov);
    return ret;
}

int co_qcow2_cache_write(Qcow2 *s, Qcow2Cache *c)
{
    g_autoptr(GPtrArray) list = NULL;
    Qcow2Entry *e, **all;
    unsigned first = 0;
    int ret = 0;

    if (!c->nr_dirty) {
        return 0;
    }
    list = g_ptr_array_new();
    list_for_each(e, &c->lru, Qcow2Entry, link) {
        if (dirty(e)) {
            e->pins++;
            g_ptr_array_add(list, e);
        }
    }
    g_ptr_array_sort(list, by_offset);
    all = (Qcow2Entry **)list->pdata;
    block_debug_event(qcow2_file(s), c == &s->l2_cache ? "l2_update" : "refblock_update_part");
    for (unsigned i = 1; i <= list->len && !ret; i++) {
        if (i < list->len && all[i]->offset + all[i]->dirty_from ==
                                 all[i - 1]->offset + all[i - 1]->dirty_to) {
            continue;
        }
        ret = co_write_run(s, all + first, i - first);
        for (; !ret && first < i; first++) {
            set_clean(c, all[first]);
        }
    }
    for (unsigned i = 0; i < list->len; i++) {
        qcow2_cache_put(all[i]);
    }
    return ret;
}

int co_qcow2_read_meta(Qcow2 *s, uint64_t offset, void *buf, size_t bytes)
{
    uint64_t length = qcow2_file(s)->length;
    size_t there = offset >= length ? 0 : MIN(bytes, length - offset);

    memset((uint8_t *)buf + there, 0, bytes - there);
    return there ? co_node_pread(qcow2_file(s), offset, buf, there) : 0;
}

int co_qcow2_write_meta(Qcow2 *s, uint64_t offset, const void *buf, size_t bytes)
{
    return co_node_pwrite(qcow2_file(s), offset, buf, bytes);
}

int co_qcow2_read_table(Qcow2 *s, uint64_t offset, uint64_t *table, uint32_t entries)
{
    int ret = co_qcow2_read_meta(s, offset, table, (size_t)entries * 8);

    for (uint32_t i = 0; !ret && i < entries; i++) {
        table[i] = ld64_be(&table[i]);
    }
    return ret;
}

int co_qcow2_write_table(Qcow2 *s, uint64_t offset, const uint64_t *table, uint32_t entries)
{
    uint64_t *disk = g_try_new(uint64_t, entries);
    int ret;

    if (!disk) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < entries; i++) {
        st64_be(&disk[i], table[i]);
    }
    ret = co_qcow2_write_meta(s, offset, disk, (size_t)entries * 8);
    g_free(disk);
    return ret;
}
