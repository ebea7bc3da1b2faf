/* Address spaces: regions, overlap, dispatch to RAM and device callbacks */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMORY_MEMORY_H
#define MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "memory/ram.h"
#include "qom/object.h"
#include "util/compiler.h"
#include "util/error.h"
#include "util/list.h"

typedef uint64_t GuestAddr;     /* a physical address, or a port number */

typedef struct MemRegion MemRegion;
typedef struct AddressSpace AddressSpace;

/*
 * Callbacks of a device region, called with the VM lock held and never while
 * the same owner is inside another. offset is within the region, size 1, 2, 4
 * or 8. Wider accesses than max_size are split, narrower ones than min_size
 * are widened; accesses that cross their natural alignment are split unless
 * unaligned is set. No read (or write): all ones (ignored).
 */
typedef struct IoOps {
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
    uint8_t min_size, max_size;     /* 0: 1 and 4 */
    bool unaligned;
} IoOps;

typedef enum RegionKind {
    REGION_CONTAINER,
    REGION_IO,
    REGION_RAM,
    REGION_ROM,         /* reads like RAM; writes go to ops, or are ignored */
    REGION_ALIAS,
} RegionKind;

/*
 * Embedded in its device. Changing regions needs the VM lock; each change is
 * effective at once unless between memory_begin() and memory_commit().
 */
struct MemRegion {
    RegionKind kind;
    char *name;
    Object *owner;              /* whose callbacks these are; may be NULL */
    const IoOps *ops;
    void *opaque;
    uint64_t size;              /* bytes; UINT64_MAX stands for 2^64 */
    RamBlock *ram;
    bool owns_ram;
    bool enabled;
    bool readonly;              /* RAM: writes are ignored, as ROM */
    MemRegion *target;          /* REGION_ALIAS */
    uint64_t target_offset;
    MemRegion *parent;
    uint64_t addr;              /* within parent */
    int priority;               /* the higher hides the lower; later added hides at equal */
    List children;              /* by falling priority */
    ListLink sibling;
    bool coalesced;             /* accelerators may gather writes */
    GArray *ioeventfds;         /* of IoEventFd; NULL: none */
};

void region_init_container(MemRegion *r, Object *owner, const char *name, uint64_t size);
void region_init_io(MemRegion *r, Object *owner, const IoOps *ops, void *opaque,
                    const char *name, uint64_t size);
bool region_init_ram(MemRegion *r, Object *owner, const char *name, uint64_t size, Error **errp);
/* RAM that belongs to someone else (the machine's memory). */
void region_init_ram_block(MemRegion *r, Object *owner, const char *name, RamBlock *block);
/* ops may be NULL. Fill it through region_host(). */
bool region_init_rom(MemRegion *r, Object *owner, const IoOps *ops, void *opaque,
                     const char *name, uint64_t size, Error **errp);
void region_init_alias(MemRegion *r, Object *owner, const char *name, MemRegion *target,
                       uint64_t offset, uint64_t size);
/* Must not be mapped any more. */
void region_destroy(MemRegion *r);
uint8_t *region_host(MemRegion *r);     /* RAM and ROM */

void region_add(MemRegion *parent, uint64_t addr, MemRegion *child, int priority);
void region_remove(MemRegion *child);   /* nothing when it is not mapped */
void region_set_enabled(MemRegion *r, bool enabled);
void region_set_readonly(MemRegion *r, bool readonly);
void region_set_addr(MemRegion *r, uint64_t addr);
void region_set_alias_offset(MemRegion *r, uint64_t offset);
void memory_begin(void);
void memory_commit(void);
/*
 * Writes to the region may come late, but before the next access of any device
 * and before mem_flush_coalesced(): for frame buffers that trap.
 */
void region_set_coalesced(MemRegion *r, bool coalesced);

/* A write of size bytes (0: any) at offset signals fd instead of calling the region's owner. */
typedef struct IoEventFd {
    uint64_t offset;
    unsigned size;
    bool match;                 /* only when value is what is written */
    uint64_t value;
    int fd;                     /* an eventfd, the caller's */
} IoEventFd;
/* Accelerators that can have the kernel signal it; the thread that wrote does otherwise. */
void region_add_ioeventfd(MemRegion *r, const IoEventFd *event);
void region_del_ioeventfd(MemRegion *r, const IoEventFd *event);

/* The two spaces every PC has; roots are containers of 2^64 and 2^16 bytes. */
AddressSpace *memory_space(void);
AddressSpace *io_space(void);
MemRegion *memory_root(void);
MemRegion *io_root(void);
/* What a CPU sees in system management mode: all of the above, with SMRAM on top. */
AddressSpace *smm_space(void);
MemRegion *smm_root(void);
/* Another view (a device's bus-master window). */
AddressSpace *address_space_new(const char *name, MemRegion *root);
void address_space_free(AddressSpace *as);

/*
 * Read or write len bytes as a CPU does. Any thread; the VM lock is taken for
 * device callbacks when the caller does not hold it. False when part of the
 * range is mapped to nothing (reads give all ones there).
 */
bool mem_read(AddressSpace *as, GuestAddr addr, void *buf, size_t len);
bool mem_write(AddressSpace *as, GuestAddr addr, const void *buf, size_t len);
/* One access of 1, 2, 4 or 8 bytes, little-endian. */
uint64_t mem_load(AddressSpace *as, GuestAddr addr, unsigned size);
void mem_store(AddressSpace *as, GuestAddr addr, uint64_t value, unsigned size);

/* What a physical page is, for TLBs. */
typedef struct RamHit {
    uint8_t *host;          /* of addr; valid until the listener's map_changed */
    uint64_t ram_addr;      /* of addr */
    uint64_t len;           /* bytes from addr that continue so */
    bool writable;          /* false: ROM, reads only */
    RamBlock *block;
} RamHit;
/* True when addr is RAM or ROM. Any thread, no lock. */
bool mem_lookup_ram(AddressSpace *as, GuestAddr addr, RamHit *hit);

/*
 * Told of what caches must drop. Callbacks come with the VM lock held, but
 * ram_written and dirty_cleared from any thread.
 */
typedef struct MemListener {
    void (*map_changed)(struct MemListener *l);
    void (*ram_written)(struct MemListener *l, uint64_t ram_addr, uint64_t len);  /* by devices */
    void (*dirty_cleared)(struct MemListener *l, uint64_t ram_addr, uint64_t len);
    /* The map is the same, but for dirty logging, coalescing or ioeventfds. */
    void (*attrs_changed)(struct MemListener *l);
    void (*dirty_sync)(struct MemListener *l, RamBlock *block);  /* ram_mark_dirty() it */
    void (*flush_coalesced)(struct MemListener *l);
    ListLink link;
} MemListener;
void mem_listener_add(MemListener *l);
void mem_listener_remove(MemListener *l);
void mem_notify_ram_written(RamBlock *block, uint64_t offset, uint64_t len);
void mem_notify_dirty_cleared(uint64_t ram_addr, uint64_t len);
void mem_notify_dirty_sync(RamBlock *block);
void mem_notify_attrs_changed(void);
void mem_flush_coalesced(void);     /* VM lock held */

/* A run of addresses that one region serves, for accelerators. VM lock held. */
typedef struct MemRange {
    GuestAddr addr, last;
    MemRegion *region;
    uint64_t offset;            /* of addr within region */
    bool writable;              /* RAM alone; ROM and devices are not */
} MemRange;
void mem_for_each_range(AddressSpace *as, void (*fn)(const MemRange *range, void *opaque),
                        void *opaque);

/* The flat view as text ("info mtree -f"): a line a range. */
void mem_print(AddressSpace *as, GString *out);
/* A region and all below it as text ("info mtree"). */
void mem_print_tree(const MemRegion *r, bool with_owner, bool with_disabled, GString *out);

#endif
