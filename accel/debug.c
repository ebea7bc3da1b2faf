/* Debugging the guest from outside: the points there are, who stopped, memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/debug.h"
#include "accel/accel.h"
#include "accel/run.h"
#include "memory/memory.h"

#define POINTS_MAX 1024         /* every step of a block's build may look at all of them */
#define WATCH_MAX_BYTES (1u << 20)

static GArray *points;          /* DebugPoint */

/* Who stopped, and why. A leaf lock. */
static GMutex lock;
static Vcpu *stopped;
static DebugStop stopped_why;

bool debug_available(void)
{
    const AccelType *type = accel_type();

    return type && type->debug_point && vcpu_count() > 0;
}

const DebugPoint *debug_points(size_t *nr)
{
    *nr = points ? points->len : 0;
    return points ? (const DebugPoint *)(const void *)points->data : NULL;
}

static int find(const DebugPoint *point)
{
    for (unsigned i = 0; points && i < points->len; i++) {
        const DebugPoint *p = &g_array_index(points, DebugPoint, i);

        if (p->kind == point->kind && p->addr == point->addr && p->len == point->len) {
            return i;
        }
    }
    return -1;
}

static bool add(const DebugPoint *point, Error **errp)
{
    if (!points) {
        points = g_array_new(false, false, sizeof(DebugPoint));
    }
    if (points->len >= POINTS_MAX) {
        error_set(errp, "there are %u breakpoints and watchpoints already", POINTS_MAX);
        return false;
    }
    g_array_append_val(points, *point);
    if (!accel_type()->debug_point(point, errp)) {
        g_array_remove_index(points, points->len - 1);
        return false;
    }
    return true;
}

bool debug_point_add(const DebugPoint *point, Error **errp)
{
    bool watch = point->kind >= DEBUG_WATCH_WRITE;
    bool ok;

    if (point->kind >= NR_DEBUG_POINT_KINDS ||
        (watch && (!point->len || point->len > WATCH_MAX_BYTES ||
                   point->addr + (point->len - 1) < point->addr))) {
        error_set(errp, "a watchpoint cannot have 0x%" PRIx64 " bytes at 0x%" PRIx64, point->len,
                  point->addr);
        return false;
    }
    if (find(point) >= 0) {
        return true;
    }
    vcpus_suspend();
    ok = add(point, errp);
    vcpus_unsuspend();
    return ok;
}

static void remove_at(unsigned i)
{
    DebugPoint point = g_array_index(points, DebugPoint, i);

    g_array_remove_index(points, i);
    accel_type()->debug_point(&point, NULL);
}

bool debug_point_remove(const DebugPoint *point, Error **errp)
{
    int i = find(point);

    if (i < 0) {
        error_set(errp, "there is no such point at 0x%" PRIx64, point->addr);
        return false;
    }
    vcpus_suspend();
    remove_at(i);
    vcpus_unsuspend();
    return true;
}

void debug_points_clear(void)
{
    if (points && points->len) {
        vcpus_suspend();
        while (points->len) {
            remove_at(points->len - 1);
        }
        vcpus_unsuspend();
    }
}

void debug_step(Vcpu *cpu, unsigned flags)
{
    accel_type()->debug_step(cpu, flags);
}

/* --- stops --- */

void debug_report(Vcpu *cpu, const DebugStop *stop)
{
    g_mutex_lock(&lock);
    if (!stopped) {
        stopped = cpu;
        stopped_why = *stop;
    }
    g_mutex_unlock(&lock);
    vcpu_raise(cpu, VCPU_STOP);
    run_request(RUN_REQUEST_DEBUG, SHUTDOWN_CAUSE_NONE);
}

bool debug_stop_pending(void)
{
    bool pending;

    g_mutex_lock(&lock);
    pending = stopped;
    g_mutex_unlock(&lock);
    return pending;
}

void debug_cpu_removed(Vcpu *cpu)
{
    g_mutex_lock(&lock);
    stopped = stopped == cpu ? NULL : stopped;
    g_mutex_unlock(&lock);
}

Vcpu *debug_take_stop(DebugStop *stop)
{
    Vcpu *cpu;

    g_mutex_lock(&lock);
    cpu = stopped;
    *stop = stopped_why;
    stopped = NULL;
    g_mutex_unlock(&lock);
    return cpu;
}

/* --- memory --- */

bool debug_translate(Vcpu *cpu, uint64_t la, uint64_t *phys)
{
    return accel_type()->debug_translate && accel_type()->debug_translate(cpu, la, phys);
}

static AddressSpace *view(Vcpu *cpu)
{
    const AccelType *type = accel_type();

    return type->debug_in_smm && type->debug_in_smm(cpu) ? smm_space() : memory_space();
}

bool debug_phys_read(Vcpu *cpu, uint64_t phys, void *buf, size_t len)
{
    return mem_read(view(cpu), phys, buf, len);
}

bool debug_phys_write(Vcpu *cpu, uint64_t phys, const void *buf, size_t len)
{
    AddressSpace *as = view(cpu);
    const uint8_t *from = buf;

    while (len) {
        RamHit hit;
        size_t n = MIN(len, 4096 - (phys & 4095));

        if (mem_lookup_ram(as, phys, &hit) && !hit.writable) {
            n = MIN(n, hit.len);
            memcpy(hit.host, from, n);
            mem_notify_ram_written(hit.block, hit.ram_addr - hit.block->offset, n);
        } else if (!mem_write(as, phys, from, n)) {
            return false;
        }
        phys += n;
        from += n;
        len -= n;
    }
    return true;
}

static bool access_virtual(Vcpu *cpu, uint64_t la, uint8_t *read_to, const uint8_t *write_from,
                           size_t len)
{
    while (len) {
        size_t n = MIN(len, 4096 - (la & 4095));
        uint64_t phys;

        if (!debug_translate(cpu, la, &phys)) {
            return false;
        }
        if (write_from) {
            if (!debug_phys_write(cpu, phys, write_from, n)) {
                return false;
            }
            write_from += n;
        } else {
            if (!debug_phys_read(cpu, phys, read_to, n)) {
                return false;
            }
            read_to += n;
        }
        la += n;
        len -= n;
    }
    return true;
}

bool debug_mem_read(Vcpu *cpu, uint64_t la, void *buf, size_t len)
{
    return access_virtual(cpu, la, buf, NULL, len);
}

bool debug_mem_write(Vcpu *cpu, uint64_t la, const void *buf, size_t len)
{
    return access_virtual(cpu, la, NULL, buf, len);
}
