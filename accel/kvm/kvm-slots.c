/* KVM's memory slots: RAM and ROM of the map, dirty pages, late writes, ioeventfds */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "memory/vm-lock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

/* What a slot of the kernel's is to be, or is. */
typedef struct Slot {
    uint64_t addr, bytes;
    RamBlock *block;
    uint8_t *host;
    uint32_t flags;             /* KVM_MEM_* */
    uint32_t view;              /* VIEW_* */
    uint32_t number;            /* as the kernel has it: the view in bits 16 and above */
} Slot;

/* KVM's address spaces: what a CPU sees, and what it sees in system management mode. */
enum { VIEW_MEMORY, VIEW_SMM, NR_VIEWS };

typedef struct Zone {           /* whose writes may come late */
    uint64_t addr, bytes;       /* no padding: compared as a whole */
} Zone;

typedef struct Event {          /* an ioeventfd at its absolute address */
    uint64_t addr, value;
    uint32_t size, match, pio, fd;
} Event;

/* What the map asks for now. */
typedef struct Wanted {
    GArray *slots, *zones, *events;
    uint32_t view;
    bool pio;
} Wanted;

static GArray *slots, *zones, *events;
static bool *number_used[NR_VIEWS];
static bool no_slots_told;

static uint64_t page_mask(void)
{
    return (uint64_t)getpagesize() - 1;
}

/* Gathering what the map asks for */

/* Whole host pages alone; accesses to the rest leave the guest and reach memory.c. */
static void want_slot(Wanted *w, const MemRange *r)
{
    RamBlock *block = r->region->ram;
    uint64_t first = (r->addr + page_mask()) & ~page_mask();
    uint64_t offset = r->offset + (first - r->addr), bytes;
    Slot slot;

    if (first < r->addr || first > r->last || offset >= block->size || (offset & page_mask())) {
        return;
    }
    bytes = MIN(r->last - first + 1, block->size - offset) & ~page_mask();
    if (!bytes) {
        return;
    }
    slot = (Slot){ .addr = first, .bytes = bytes, .block = block, .host = block->host + offset,
                    .view = w->view };
    if (!r->writable) {
        slot.flags |= KVM_MEM_READONLY;
    } else if (block->dirty_logs) {
        slot.flags |= KVM_MEM_LOG_DIRTY_PAGES;
    }
    g_array_append_val(w->slots, slot);
}

static void want_events(Wanted *w, const MemRange *r)
{
    const MemRegion *region = r->region;

    for (unsigned i = 0; region->ioeventfds && i < region->ioeventfds->len; i++) {
        const IoEventFd *e = &g_array_index(region->ioeventfds, IoEventFd, i);

        if (e->offset >= r->offset && e->offset - r->offset <= r->last - r->addr) {
            Event event = { r->addr + (e->offset - r->offset), e->match ? e->value : 0, e->size,
                            e->match, w->pio, e->fd };

            g_array_append_val(w->events, event);
        }
    }
}

static void want(const MemRange *r, void *opaque)
{
    Wanted *w = opaque;

    if (r->region->ram) {
        if (!w->pio) {
            want_slot(w, r);
        }
        return;
    }
    if (w->view != VIEW_MEMORY) {
        return;                 /* devices answer in all views alike */
    }
    want_events(w, r);
    if (r->region->coalesced && !w->pio && kvm.coalesced_page &&
        r->last - r->addr < UINT32_MAX) {
        Zone zone = { r->addr, r->last - r->addr + 1 };

        g_array_append_val(w->zones, zone);
    }
}

static bool slot_same(const Slot *a, const Slot *b)
{
    return a->view == b->view && a->addr == b->addr && a->bytes == b->bytes && a->host == b->host;
}

/* Slots */

static int put_slot(const Slot *s, uint64_t bytes)
{
    struct kvm_userspace_memory_region r = {
        .slot = s->number, .flags = bytes ? s->flags : 0, .guest_phys_addr = s->addr,
        .memory_size = bytes, .userspace_addr = (uintptr_t)s->host,
    };
    int rc = kvm_call(kvm.vm, KVM_SET_USER_MEMORY_REGION, &r);

    TRACE(kvm_slot, "slot %u addr 0x%" PRIx64 " bytes 0x%" PRIx64 " flags 0x%x: %d", s->number,
          s->addr, bytes, s->flags, rc);
    return rc;
}

static void mark_bitmap(const Slot *s, const uint64_t *bitmap)
{
    uint64_t page = page_mask() + 1, base = s->host - s->block->host;

    for (uint64_t i = 0; i < s->bytes / page; i++) {
        if (!bitmap[i / 64]) {
            i |= 63;
        } else if (bitmap[i / 64] >> (i & 63) & 1) {
            ram_mark_dirty(s->block, base + i * page, page);
        }
    }
}

static void sync_slot(const Slot *s)
{
    uint64_t pages = s->bytes / (page_mask() + 1);
    g_autofree uint64_t *bitmap = NULL;
    struct kvm_dirty_log log = { .slot = s->number };
    int rc;

    if (!(s->flags & KVM_MEM_LOG_DIRTY_PAGES) || kvm.ring_entries) {
        return;
    }
    bitmap = g_malloc0(ROUND_UP(pages, 64) / 8);
    log.dirty_bitmap = bitmap;
    rc = kvm_call(kvm.vm, KVM_GET_DIRTY_LOG, &log);
    if (rc < 0) {
        /* Better too much than too little. */
        ram_mark_dirty(s->block, s->host - s->block->host, s->bytes);
        return;
    }
    mark_bitmap(s, bitmap);
}

static bool find_same(const GArray *in, const Slot *s, Slot *found)
{
    for (unsigned i = 0; i < in->len; i++) {
        if (slot_same(&g_array_index(in, Slot, i), s)) {
            *found = g_array_index(in, Slot, i);
            return true;
        }
    }
    return false;
}

static bool take_number(Slot *s)
{
    for (unsigned i = 0; i < kvm.max_slots; i++) {
        if (!number_used[s->view][i]) {
            number_used[s->view][i] = true;
            s->number = i | s->view << 16;
            return true;
        }
    }
    return false;
}

static void give_number(const Slot *s)
{
    number_used[s->view][s->number & 0xffff] = false;
}

static void remove_slot(const Slot *s)
{
    sync_slot(s);
    put_slot(s, 0);
    give_number(s);
}

/* A slot that KVM does not take leaves its RAM to exits: slow, and no code runs there. */
static bool add_slot(Slot *s)
{
    int rc = take_number(s) ? put_slot(s, s->bytes) : -ENOSPC;

    if (rc >= 0) {
        return true;
    }
    if (rc != -ENOSPC) {
        give_number(s);
    }
    if (!no_slots_told) {
        no_slots_told = true;
        report_error("KVM has no memory slot for 0x%" PRIx64 "..0x%" PRIx64 ": %s", s->addr,
                     s->addr + s->bytes - 1, rc == -ENOSPC ? "all are in use" : g_strerror(-rc));
    }
    return false;
}

/* True when a slot must go, so that a CPU could meet a hole for a moment. */
static bool any_goes(const GArray *fresh)
{
    for (unsigned i = 0; i < slots->len; i++) {
        Slot same, *s = &g_array_index(slots, Slot, i);

        if (!find_same(fresh, s, &same) || ((same.flags ^ s->flags) & KVM_MEM_READONLY)) {
            return true;
        }
    }
    return false;
}

static void set_slots(GArray *fresh)
{
    GArray *kept = g_array_new(false, false, sizeof(Slot));
    bool hold = any_goes(fresh);

    if (hold) {
        kvm_hold_all();
        kvm_ring_harvest();
    }
    for (unsigned i = 0; i < slots->len; i++) {
        Slot same, *s = &g_array_index(slots, Slot, i);

        /* RAM to ROM needs a new slot: KVM changes no slot's KVM_MEM_READONLY. */
        if (!find_same(fresh, s, &same) || ((same.flags ^ s->flags) & KVM_MEM_READONLY)) {
            remove_slot(s);
        }
    }
    for (unsigned i = 0; i < fresh->len; i++) {
        Slot s = g_array_index(fresh, Slot, i), old;

        if (find_same(slots, &s, &old) && !((old.flags ^ s.flags) & KVM_MEM_READONLY)) {
            s.number = old.number;
            if (s.flags != old.flags) {
                sync_slot(&old);
                put_slot(&s, s.bytes);
            }
            g_array_append_val(kept, s);
        } else if (add_slot(&s)) {
            g_array_append_val(kept, s);
        }
    }
    g_array_unref(slots);
    slots = kept;
    if (hold) {
        kvm_resume_all();
    }
}

/* Zones and events: what is no longer wanted goes, what is new comes */

static bool in_array(const GArray *a, const void *item, size_t size)
{
    for (unsigned i = 0; i < a->len; i++) {
        if (!memcmp(a->data + i * size, item, size)) {
            return true;
        }
    }
    return false;
}

static void put_zone(const Zone *z, bool on)
{
    struct kvm_coalesced_mmio_zone zone = { .addr = z->addr, .size = z->bytes };

    /* Refused (the kernel has room for a hundred): its writes come at once. */
    kvm_call(kvm.vm, on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO, &zone);
}

static void set_zones(GArray *fresh)
{
    for (unsigned i = 0; i < zones->len; i++) {
        if (!in_array(fresh, &g_array_index(zones, Zone, i), sizeof(Zone))) {
            kvm_flush_coalesced();
            put_zone(&g_array_index(zones, Zone, i), false);
        }
    }
    for (unsigned i = 0; i < fresh->len; i++) {
        if (!in_array(zones, &g_array_index(fresh, Zone, i), sizeof(Zone))) {
            put_zone(&g_array_index(fresh, Zone, i), true);
        }
    }
    g_array_unref(zones);
    zones = g_array_ref(fresh);
}

static void put_event(const Event *e, bool on)
{
    struct kvm_ioeventfd event = {
        .datamatch = e->value, .addr = e->addr, .len = e->size, .fd = e->fd,
        .flags = (e->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
                 (e->pio ? KVM_IOEVENTFD_FLAG_PIO : 0) |
                 (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
    };
    int rc = kvm_call(kvm.vm, KVM_IOEVENTFD, &event);

    TRACE(kvm_ioeventfd, "addr 0x%" PRIx64 " size %u fd %d on %d: %d", e->addr, e->size, e->fd,
          on, rc);
}

/* Refused ones are memory.c's to signal: the write leaves the guest then. */
static void set_events(GArray *fresh)
{
    for (unsigned i = 0; i < events->len; i++) {
        if (!in_array(fresh, &g_array_index(events, Event, i), sizeof(Event))) {
            put_event(&g_array_index(events, Event, i), false);
        }
    }
    for (unsigned i = 0; i < fresh->len; i++) {
        if (!in_array(events, &g_array_index(fresh, Event, i), sizeof(Event))) {
            put_event(&g_array_index(fresh, Event, i), true);
        }
    }
    g_array_unref(events);
    events = g_array_ref(fresh);
}

static void update(MemListener *l)
{
    Wanted w = {
        .slots = g_array_new(false, true, sizeof(Slot)),
        .zones = g_array_new(false, true, sizeof(Zone)),
        .events = g_array_new(false, true, sizeof(Event)),
    };

    mem_for_each_range(memory_space(), want, &w);
    if (kvm.has_smm) {
        w.view = VIEW_SMM;
        mem_for_each_range(smm_space(), want, &w);
        w.view = VIEW_MEMORY;
    }
    w.pio = true;
    mem_for_each_range(io_space(), want, &w);
    set_slots(w.slots);
    set_zones(w.zones);
    set_events(w.events);
    g_array_unref(w.slots);
    g_array_unref(w.zones);
    g_array_unref(w.events);
}

unsigned kvm_slots_used(void)
{
    return slots->len;
}

/* Dirty pages */

static void ring_entry(uint32_t number, uint64_t page)
{
    for (unsigned i = 0; i < slots->len; i++) {
        const Slot *s = &g_array_index(slots, Slot, i);
        uint64_t size = page_mask() + 1;

        if (s->number == number && page < s->bytes / size) {
            ram_mark_dirty(s->block, (s->host - s->block->host) + page * size, size);
            return;
        }
    }
}

/* A ring's entry: written by the kernel, which sets DIRTY last; ours to give back by RESET. */
static unsigned harvest_one(KvmCpu *k)
{
    unsigned n = 0;

    while (n < kvm.ring_entries) {
        struct kvm_dirty_gfn *e = &k->ring[k->ring_next & (kvm.ring_entries - 1)];

        if (!(__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_DIRTY)) {
            break;
        }
        ring_entry(e->slot, e->offset);
        __atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
        k->ring_next++;
        n++;
    }
    return n;
}

void kvm_ring_harvest(void)
{
    unsigned n = 0;

    if (!kvm.ring_entries) {
        return;
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        n += harvest_one(kvm_cpu(vcpu_get(i)));
    }
    TRACE(kvm_ring_harvest, "%u entries", n);
    if (n) {
        kvm_call_value(kvm.vm, KVM_RESET_DIRTY_RINGS, 0);
    }
}

void kvm_ring_harvest_cpu(KvmCpu *k)
{
    if (kvm.ring_entries && harvest_one(k)) {
        kvm_call_value(kvm.vm, KVM_RESET_DIRTY_RINGS, 0);
    }
}

static void dirty_sync(MemListener *l, RamBlock *block)
{
    if (kvm.ring_entries) {
        /* Out of the guest: what the CPU still keeps to itself is then in the ring. */
        kvm_hold_all();
        kvm_ring_harvest();
        kvm_resume_all();
        return;
    }
    for (unsigned i = 0; i < slots->len; i++) {
        if (g_array_index(slots, Slot, i).block == block) {
            sync_slot(&g_array_index(slots, Slot, i));
        }
    }
}

/* Late writes: one ring for the VM, in the page behind the first vCPU's kvm_run */

void kvm_flush_coalesced(void)
{
    static bool busy;           /* a write's device may ask for a flush itself */
    struct kvm_coalesced_mmio_ring *ring;
    unsigned room;

    if (!kvm.coalesced_page || !vcpu_count() || busy) {
        return;
    }
    ring = (void *)((char *)kvm_cpu(vcpu_get(0))->run +
                    kvm.coalesced_page * (size_t)getpagesize());
    room = (getpagesize() - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]);
    busy = true;
    for (unsigned left = room; left; left--) {
        uint32_t first = ring->first;
        struct kvm_coalesced_mmio e;

        if (first == __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE) || first >= room) {
            break;
        }
        e = ring->coalesced_mmio[first];
        mem_write(e.pio ? io_space() : memory_space(), e.phys_addr, e.data,
                  MIN(e.len, sizeof(e.data)));
        __atomic_store_n(&ring->first, (first + 1) % room, __ATOMIC_RELEASE);
    }
    busy = false;
}

static void flush_coalesced(MemListener *l)
{
    kvm_flush_coalesced();
}

void kvm_slots_start(void)
{
    static MemListener listener = {
        .map_changed = update, .attrs_changed = update, .dirty_sync = dirty_sync,
        .flush_coalesced = flush_coalesced,
    };
    static bool added;

    slots = g_array_new(false, false, sizeof(Slot));
    zones = g_array_new(false, true, sizeof(Zone));
    events = g_array_new(false, true, sizeof(Event));
    for (unsigned i = 0; i < NR_VIEWS; i++) {
        number_used[i] = g_new0(bool, kvm.max_slots);
    }
    no_slots_told = false;
    if (!added) {
        mem_listener_add(&listener);
        added = true;
    }
    update(&listener);
}
