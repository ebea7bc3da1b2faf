/* Address spaces: regions, flat views, dispatch to RAM and device callbacks, re-entry guard */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/memory.h"
#include "memory/vm-lock.h"
#include "util/trace.h"

/* A run of addresses that one region serves. */
typedef struct FlatRange {
    uint64_t addr, last;
    MemRegion *region;      /* never an alias or a container */
    uint64_t offset;        /* of addr within region */
    bool readonly;
} FlatRange;

/*
 * Immutable once published. A thread keeps a reference to the view it used
 * last, so a look-up costs a pointer comparison and no lock.
 */
typedef struct FlatView {
    unsigned refs, count;
    FlatRange *ranges;      /* sorted by address, no overlap */
} FlatView;

#define MAX_SPACES 16

struct AddressSpace {
    char *name;
    MemRegion *root;
    unsigned index;
    FlatView *_Atomic view;
    ListLink link;
};

typedef struct CachedView {
    FlatView *view;
    const FlatRange *hit;   /* served the last access */
} CachedView;

static _Thread_local CachedView cached[MAX_SPACES];
static GMutex view_lock;    /* leaf: guards FlatView.refs and the step from pointer to reference */

static AddressSpace *spaces[MAX_SPACES];
static List listeners = { &listeners, &listeners };
static unsigned update_depth;
static bool update_pending;

/* Regions */

static uint64_t region_last(const MemRegion *r)
{
    return r->size == UINT64_MAX ? UINT64_MAX : r->size - 1;
}

static void region_init(MemRegion *r, RegionKind kind, Object *owner, const char *name,
                        uint64_t size)
{
    *r = (MemRegion){ .kind = kind, .owner = owner, .name = g_strdup(name), .size = size,
                      .enabled = true };
    list_init(&r->children);
}

void region_init_container(MemRegion *r, Object *owner, const char *name, uint64_t size)
{
    region_init(r, REGION_CONTAINER, owner, name, size);
}

void region_init_io(MemRegion *r, Object *owner, const IoOps *ops, void *opaque,
                    const char *name, uint64_t size)
{
    region_init(r, REGION_IO, owner, name, size);
    r->ops = ops;
    r->opaque = opaque;
}

void region_init_ram_block(MemRegion *r, Object *owner, const char *name, RamBlock *block)
{
    region_init(r, REGION_RAM, owner, name, block->size);
    r->ram = block;
}

bool region_init_ram(MemRegion *r, Object *owner, const char *name, uint64_t size, Error **errp)
{
    RamBlock *block = ram_block_new(name, size, errp);

    if (!block) {
        return false;
    }
    region_init_ram_block(r, owner, name, block);
    r->size = size;
    r->owns_ram = true;
    return true;
}

bool region_init_rom(MemRegion *r, Object *owner, const IoOps *ops, void *opaque,
                     const char *name, uint64_t size, Error **errp)
{
    if (!region_init_ram(r, owner, name, size, errp)) {
        return false;
    }
    r->kind = REGION_ROM;
    r->ops = ops;
    r->opaque = opaque;
    return true;
}

void region_init_alias(MemRegion *r, Object *owner, const char *name, MemRegion *target,
                       uint64_t offset, uint64_t size)
{
    region_init(r, REGION_ALIAS, owner, name, size);
    r->target = target;
    r->target_offset = offset;
}

void region_destroy(MemRegion *r)
{
    MemRegion *child;

    list_for_each(child, &r->children, MemRegion, sibling) {
        region_remove(child);
    }
    region_remove(r);
    if (r->owns_ram) {
        ram_block_free(r->ram);
    }
    g_clear_pointer(&r->ioeventfds, g_array_unref);
    g_clear_pointer(&r->name, g_free);
    r->ram = NULL;
}

uint8_t *region_host(MemRegion *r)
{
    return r->ram->host;
}

/* Flat views */

static void insert_range(GArray *out, unsigned at, FlatRange range)
{
    g_array_insert_val(out, at, range);
}

/* Put [addr, last] of region into the holes that out still has. */
static void fill_holes(GArray *out, FlatRange range)
{
    uint64_t at = range.addr, end = range.last;

    for (unsigned i = 0;; i++) {
        FlatRange *next = i < out->len ? &g_array_index(out, FlatRange, i) : NULL;
        FlatRange piece = range;

        if (next && next->last < at) {
            continue;
        }
        if (!next || next->addr > at) {
            piece.addr = at;
            piece.last = next ? MIN(end, next->addr - 1) : end;
            piece.offset = range.offset + (at - range.addr);
            insert_range(out, i, piece);
            if (piece.last == end) {
                return;
            }
            next = &g_array_index(out, FlatRange, ++i);
        }
        if (next->last >= end) {
            return;
        }
        at = next->last + 1;
    }
}

/* Render r, whose offset 0 lies at base (modulo 2^64), clipped to [lo, hi]. */
static void render(GArray *out, MemRegion *r, uint64_t base, uint64_t lo, uint64_t hi,
                   bool readonly)
{
    MemRegion *child;
    uint64_t first, last;

    if (!r->enabled || !r->size) {
        return;
    }
    /* base may lie below address 0 (an alias into the middle of its target). */
    if (base + region_last(r) < base && (int64_t)base < 0) {
        first = 0;
        last = base + region_last(r);
    } else {
        first = base;
        last = base + region_last(r);
    }
    lo = MAX(lo, first);
    hi = MIN(hi, last);
    if (lo > hi) {
        return;
    }
    readonly |= r->readonly;
    switch (r->kind) {
    case REGION_ALIAS:
        render(out, r->target, base - r->target_offset, lo, hi, readonly);
        return;
    case REGION_CONTAINER:
        break;
    default:
        break;
    }
    list_for_each(child, &r->children, MemRegion, sibling) {
        render(out, child, base + child->addr, lo, hi, readonly);
    }
    if (r->kind != REGION_CONTAINER) {
        fill_holes(out, (FlatRange){ lo, hi, r, lo - base, readonly });
    }
}

static void view_unref(FlatView *view)
{
    bool last;

    if (!view) {
        return;
    }
    g_mutex_lock(&view_lock);
    last = !--view->refs;
    g_mutex_unlock(&view_lock);
    if (last) {
        g_free(view->ranges);
        g_free(view);
    }
}

static FlatView *view_build(AddressSpace *as)
{
    GArray *out = g_array_new(false, false, sizeof(FlatRange));
    FlatView *view = g_new0(FlatView, 1);

    render(out, as->root, 0, 0, UINT64_MAX, false);
    view->refs = 1;
    view->count = out->len;
    view->ranges = (FlatRange *)(void *)g_array_free(out, false);
    return view;
}

static bool view_equal(const FlatView *a, const FlatView *b)
{
    if (!a || a->count != b->count) {
        return false;
    }
    for (unsigned i = 0; i < a->count; i++) {
        const FlatRange *x = &a->ranges[i], *y = &b->ranges[i];

        if (x->addr != y->addr || x->last != y->last || x->region != y->region ||
            x->offset != y->offset || x->readonly != y->readonly) {
            return false;
        }
    }
    return true;
}

static bool space_update(AddressSpace *as)
{
    FlatView *fresh = view_build(as), *old = as->view;

    if (view_equal(old, fresh)) {
        view_unref(fresh);
        return false;
    }
    g_mutex_lock(&view_lock);
    as->view = fresh;
    g_mutex_unlock(&view_lock);
    view_unref(old);
    return true;
}

static void update(void)
{
    bool changed = false;
    MemListener *l;

    if (update_depth) {
        update_pending = true;
        return;
    }
    update_pending = false;
    for (unsigned i = 0; i < MAX_SPACES; i++) {
        changed |= spaces[i] && space_update(spaces[i]);
    }
    if (changed) {
        list_for_each(l, &listeners, MemListener, link) {
            if (l->map_changed) {
                l->map_changed(l);
            }
        }
    }
}

void memory_begin(void)
{
    update_depth++;
}

void memory_commit(void)
{
    if (!--update_depth && update_pending) {
        update();
    }
}

static void attach(MemRegion *parent, MemRegion *child)
{
    MemRegion *other;

    list_for_each(other, &parent->children, MemRegion, sibling) {
        if (other->priority <= child->priority) {
            list_insert_before(&other->sibling, &child->sibling);
            return;
        }
    }
    list_append(&parent->children, &child->sibling);
}

void region_add(MemRegion *parent, uint64_t addr, MemRegion *child, int priority)
{
    child->parent = parent;
    child->addr = addr;
    child->priority = priority;
    attach(parent, child);
    update();
}

void region_remove(MemRegion *child)
{
    if (child->parent) {
        list_remove(&child->sibling);
        child->parent = NULL;
        update();
    }
}

void region_set_enabled(MemRegion *r, bool enabled)
{
    if (r->enabled != enabled) {
        r->enabled = enabled;
        update();
    }
}

void region_set_readonly(MemRegion *r, bool readonly)
{
    if (r->readonly != readonly) {
        r->readonly = readonly;
        update();
    }
}

void region_set_addr(MemRegion *r, uint64_t addr)
{
    if (r->addr != addr) {
        r->addr = addr;
        update();
    }
}

void region_set_alias_offset(MemRegion *r, uint64_t offset)
{
    if (r->target_offset != offset) {
        r->target_offset = offset;
        update();
    }
}

void region_set_coalesced(MemRegion *r, bool coalesced)
{
    if (r->coalesced != coalesced) {
        r->coalesced = coalesced;
        mem_notify_attrs_changed();
    }
}

void region_add_ioeventfd(MemRegion *r, const IoEventFd *event)
{
    if (!r->ioeventfds) {
        r->ioeventfds = g_array_new(false, false, sizeof(IoEventFd));
    }
    g_array_append_val(r->ioeventfds, *event);
    mem_notify_attrs_changed();
}

void region_del_ioeventfd(MemRegion *r, const IoEventFd *event)
{
    for (unsigned i = 0; r->ioeventfds && i < r->ioeventfds->len; i++) {
        const IoEventFd *e = &g_array_index(r->ioeventfds, IoEventFd, i);

        if (e->offset == event->offset && e->fd == event->fd && e->match == event->match &&
            e->value == event->value) {
            g_array_remove_index(r->ioeventfds, i);
            mem_notify_attrs_changed();
            return;
        }
    }
}

/* Spaces */

AddressSpace *address_space_new(const char *name, MemRegion *root)
{
    for (unsigned i = 0; i < MAX_SPACES; i++) {
        if (!spaces[i]) {
            AddressSpace *as = g_new0(AddressSpace, 1);

            as->name = g_strdup(name);
            as->root = root;
            as->index = i;
            as->view = view_build(as);
            spaces[i] = as;
            return as;
        }
    }
    g_error("more than %d address spaces", MAX_SPACES);
}

void address_space_free(AddressSpace *as)
{
    spaces[as->index] = NULL;
    view_unref(as->view);
    g_free(as->name);
    g_free(as);
}

MemRegion *memory_root(void)
{
    static MemRegion root;

    if (!root.name) {
        region_init_container(&root, NULL, "system", UINT64_MAX);
    }
    return &root;
}

MemRegion *io_root(void)
{
    static MemRegion root;

    if (!root.name) {
        region_init_container(&root, NULL, "io", 0x10000);
    }
    return &root;
}

AddressSpace *memory_space(void)
{
    static AddressSpace *as;

    if (unlikely(!as)) {
        as = address_space_new("memory", memory_root());
    }
    return as;
}

AddressSpace *io_space(void)
{
    static AddressSpace *as;

    if (unlikely(!as)) {
        as = address_space_new("I/O", io_root());
    }
    return as;
}

MemRegion *smm_root(void)
{
    static MemRegion root, all;

    if (!root.name) {
        region_init_container(&root, NULL, "smm", UINT64_MAX);
        region_init_alias(&all, NULL, "smm-system", memory_root(), 0, UINT64_MAX);
        region_add(&root, 0, &all, 0);
    }
    return &root;
}

AddressSpace *smm_space(void)
{
    static AddressSpace *as;

    if (unlikely(!as)) {
        as = address_space_new("smm", smm_root());
    }
    return as;
}

/* Look-up and dispatch */

static FlatView *refresh_cached(AddressSpace *as, CachedView *c)
{
    FlatView *stale = c->view;

    g_mutex_lock(&view_lock);
    c->view = as->view;
    c->view->refs++;
    g_mutex_unlock(&view_lock);
    c->hit = NULL;
    view_unref(stale);
    return c->view;
}

/* The range that holds addr; NULL, with *gap_last set, where nothing is mapped. */
static const FlatRange *find(AddressSpace *as, uint64_t addr, uint64_t *gap_last)
{
    CachedView *c = &cached[as->index];
    FlatView *view = c->view;
    unsigned lo = 0, hi;

    if (unlikely(view != as->view)) {
        view = refresh_cached(as, c);
    }
    if (c->hit && addr >= c->hit->addr && addr <= c->hit->last) {
        return c->hit;
    }
    hi = view->count;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if (view->ranges[mid].last < addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo < view->count && view->ranges[lo].addr <= addr) {
        c->hit = &view->ranges[lo];
        return c->hit;
    }
    *gap_last = lo < view->count ? view->ranges[lo].addr - 1 : UINT64_MAX;
    return NULL;
}

bool mem_lookup_ram(AddressSpace *as, GuestAddr addr, RamHit *hit)
{
    uint64_t gap, offset;
    const FlatRange *range = find(as, addr, &gap);

    if (!range || !range->region->ram) {
        return false;
    }
    offset = range->offset + (addr - range->addr);
    if (offset >= range->region->ram->size) {
        return false;
    }
    hit->block = range->region->ram;
    hit->host = hit->block->host + offset;
    hit->ram_addr = hit->block->offset + offset;
    hit->len = MIN(range->last - addr, range->region->ram->size - 1 - offset) + 1;
    hit->writable = range->region->kind == REGION_RAM && !range->readonly;
    return true;
}

static uint64_t ones(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ULL << (size * 8)) - 1;
}

static bool enter_owner(MemRegion *r)
{
    if (r->owner) {
        if (unlikely(r->owner->in_io)) {
            TRACE(memory_reentry_refused, "region %s of %s", r->name, r->owner->type->name);
            return false;
        }
        r->owner->in_io = true;
    }
    return true;
}

static void leave_owner(Object *owner)
{
    if (owner) {
        owner->in_io = false;
    }
}

/* One callback, or several where the region wants smaller or larger accesses. */
static uint64_t io_read(MemRegion *r, uint64_t offset, unsigned size)
{
    unsigned max = r->ops->max_size ? r->ops->max_size : 4;
    unsigned min = r->ops->min_size ? r->ops->min_size : 1;
    uint64_t value = 0;

    if (!r->ops->read) {
        return ones(size);
    }
    if (size < min) {
        uint64_t aligned = offset & ~(uint64_t)(min - 1);

        return r->ops->read(r->opaque, aligned, min) >> ((offset - aligned) * 8) & ones(size);
    }
    if (size <= max) {
        return r->ops->read(r->opaque, offset, size) & ones(size);
    }
    for (unsigned i = 0; i < size; i += max) {
        value |= (r->ops->read(r->opaque, offset + i, max) & ones(max)) << (i * 8);
    }
    return value;
}

static void io_write(MemRegion *r, uint64_t offset, uint64_t value, unsigned size)
{
    unsigned max = r->ops->max_size ? r->ops->max_size : 4;
    unsigned min = r->ops->min_size ? r->ops->min_size : 1;

    if (!r->ops->write) {
        return;
    }
    if (size < min) {
        uint64_t aligned = offset & ~(uint64_t)(min - 1);

        r->ops->write(r->opaque, aligned, (value & ones(size)) << ((offset - aligned) * 8), min);
        return;
    }
    if (size <= max) {
        r->ops->write(r->opaque, offset, value & ones(size), size);
        return;
    }
    for (unsigned i = 0; i < size; i += max) {
        r->ops->write(r->opaque, offset + i, (value >> (i * 8)) & ones(max), max);
    }
}

/* True when the write was an event's. */
static bool signal_ioeventfd(const MemRegion *r, uint64_t offset, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < r->ioeventfds->len; i++) {
        const IoEventFd *e = &g_array_index(r->ioeventfds, IoEventFd, i);

        if (e->offset == offset && (!e->size || e->size == size) &&
            (!e->match || e->value == (value & ones(size)))) {
            uint64_t one = 1;

            /* EAGAIN: the counter is at its end, and the event signalled all the same. */
            return write(e->fd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN;
        }
    }
    return false;
}

/*
 * The next piece of an access: at most len bytes at addr, naturally aligned
 * unless the region takes others, within one range.
 */
static unsigned piece_size(const FlatRange *range, uint64_t addr, size_t len)
{
    unsigned size = len >= 8 ? 8 : len >= 4 ? 4 : len >= 2 ? 2 : 1;

    if (!range->region->ops || !range->region->ops->unaligned) {
        while (addr & (size - 1)) {
            size >>= 1;
        }
    }
    while (size - 1 > range->last - addr) {
        size >>= 1;
    }
    return size;
}

static void ram_store(const FlatRange *range, uint64_t offset, const uint8_t *from, size_t n)
{
    RamBlock *block = range->region->ram;

    if (range->region->kind == REGION_RAM && !range->readonly && offset < block->size) {
        memcpy(block->host + offset, from, MIN(n, block->size - offset));
        mem_notify_ram_written(block, offset, n);
    }
}

typedef struct Access {
    AddressSpace *as;
    uint64_t addr;
    uint8_t *buf;
    size_t len;
    bool is_write;
} Access;

/* Device callbacks run with the VM lock, and the range is looked up under it. */
static size_t access_io(const Access *a)
{
    bool lock = !vm_lock_held();
    uint64_t gap, value = 0;
    const FlatRange *range;
    unsigned size = 1;

    if (lock) {
        vm_lock();
    }
    range = find(a->as, a->addr, &gap);
    if (range && !(range->region->ram && (!a->is_write || range->region->kind == REGION_RAM))) {
        MemRegion *r = range->region;
        Object *owner = r->owner;
        uint64_t offset = range->offset + (a->addr - range->addr);

        size = piece_size(range, a->addr, a->len);
        value = ones(size);
        if (a->is_write) {
            memcpy(&value, a->buf, size);
        }
        if (!(unlikely(r->ioeventfds) && a->is_write &&
              signal_ioeventfd(r, offset, value, size)) &&
            r->ops && enter_owner(r)) {
            if (a->is_write) {
                io_write(r, offset, value, size);
            } else {
                value = io_read(r, offset, size);
            }
            leave_owner(owner);
        }
        if (!a->is_write) {
            memcpy(a->buf, &value, size);
        }
    } else {
        size = 0;       /* the map changed in between: look again */
    }
    if (lock) {
        vm_unlock();
    }
    return size;
}

static bool access_all(Access a)
{
    bool mapped = true;

    while (a.len) {
        uint64_t gap = 0;
        const FlatRange *range = find(a.as, a.addr, &gap);
        size_t n;

        if (!range) {
            n = MIN(a.len - 1, gap - a.addr) + 1;
            if (!a.is_write) {
                memset(a.buf, 0xff, n);
            }
            mapped = false;
        } else if (range->region->ram && (!a.is_write || range->region->kind == REGION_RAM)) {
            uint64_t offset = range->offset + (a.addr - range->addr);

            n = MIN(a.len - 1, range->last - a.addr) + 1;
            if (a.is_write) {
                ram_store(range, offset, a.buf, n);
            } else {
                memcpy(a.buf, range->region->ram->host + offset, n);
            }
        } else {
            n = access_io(&a);
        }
        a.addr += n;
        a.buf += n;
        a.len -= n;
    }
    return mapped;
}

bool mem_read(AddressSpace *as, GuestAddr addr, void *buf, size_t len)
{
    return access_all((Access){ as, addr, buf, len, false });
}

bool mem_write(AddressSpace *as, GuestAddr addr, const void *buf, size_t len)
{
    return access_all((Access){ as, addr, (uint8_t *)(uintptr_t)buf, len, true });
}

uint64_t mem_load(AddressSpace *as, GuestAddr addr, unsigned size)
{
    uint64_t value = 0;

    mem_read(as, addr, &value, size);
    return value;
}

void mem_store(AddressSpace *as, GuestAddr addr, uint64_t value, unsigned size)
{
    mem_write(as, addr, &value, size);
}

/* Listeners */

void mem_listener_add(MemListener *l)
{
    list_append(&listeners, &l->link);
}

void mem_listener_remove(MemListener *l)
{
    list_remove(&l->link);
}

void mem_notify_ram_written(RamBlock *block, uint64_t offset, uint64_t len)
{
    MemListener *l;

    ram_mark_dirty(block, offset, len);
    list_for_each(l, &listeners, MemListener, link) {
        if (l->ram_written) {
            l->ram_written(l, block->offset + offset, len);
        }
    }
}

void mem_notify_dirty_cleared(uint64_t ram_addr, uint64_t len)
{
    MemListener *l;

    list_for_each(l, &listeners, MemListener, link) {
        if (l->dirty_cleared) {
            l->dirty_cleared(l, ram_addr, len);
        }
    }
}

void mem_notify_dirty_sync(RamBlock *block)
{
    MemListener *l;

    list_for_each(l, &listeners, MemListener, link) {
        if (l->dirty_sync) {
            l->dirty_sync(l, block);
        }
    }
}

void mem_notify_attrs_changed(void)
{
    MemListener *l;

    list_for_each(l, &listeners, MemListener, link) {
        if (l->attrs_changed) {
            l->attrs_changed(l);
        }
    }
}

void mem_flush_coalesced(void)
{
    MemListener *l;

    list_for_each(l, &listeners, MemListener, link) {
        if (l->flush_coalesced) {
            l->flush_coalesced(l);
        }
    }
}

void mem_for_each_range(AddressSpace *as, void (*fn)(const MemRange *range, void *opaque),
                        void *opaque)
{
    uint64_t gap;
    const FlatView *view;

    find(as, 0, &gap);
    view = cached[as->index].view;
    for (unsigned i = 0; i < view->count; i++) {
        const FlatRange *f = &view->ranges[i];

        fn(&(MemRange){ f->addr, f->last, f->region, f->offset,
                        f->region->kind == REGION_RAM && !f->readonly }, opaque);
    }
}

void mem_print(AddressSpace *as, GString *out)
{
    static const char *const kind_names[] = { "container", "i/o", "ram", "rom", "alias" };
    uint64_t gap;

    find(as, 0, &gap);
    for (unsigned i = 0; i < cached[as->index].view->count; i++) {
        const FlatRange *range = &cached[as->index].view->ranges[i];

        g_string_append_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s",
                               range->addr, range->last, range->region->priority,
                               kind_names[range->region->kind], range->region->name);
        if (range->offset) {
            g_string_append_printf(out, " @%016" PRIx64, range->offset);
        }
        g_string_append_c(out, '\n');
    }
}
