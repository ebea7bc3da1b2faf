/* The debugger outside: where blocks stop, watched pages, single step */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/soft/block.h"
#include "accel/soft/soft.h"
#include "accel/soft/sys.h"

/* Copies of debug_points(), changed only while no CPU runs. */
static uint64_t *breaks;
static DebugPoint *watches;
static size_t nr_breaks, nr_watches;

/* --- the points --- */

static void copy_points(void)
{
    size_t nr;
    const DebugPoint *points = debug_points(&nr);

    breaks = g_renew(uint64_t, breaks, nr);
    watches = g_renew(DebugPoint, watches, nr);
    nr_breaks = nr_watches = 0;
    for (size_t i = 0; i < nr; i++) {
        if (points[i].kind <= DEBUG_BREAK_HARD) {
            breaks[nr_breaks++] = points[i].addr;
        } else {
            watches[nr_watches++] = points[i];
        }
    }
}

bool gdb_point_changed(const DebugPoint *point, Error **errp)
{
    copy_points();
    if (point->kind <= DEBUG_BREAK_HARD) {
        block_drop_at(point->addr);
    } else {
        for (unsigned i = 0; i < vcpu_count(); i++) {
            tlb_flush_all(vcpu_get(i)->accel_cpu);
        }
    }
    return true;
}

void gdb_step(SoftCpu *cpu, unsigned flags)
{
    cpu->priv->step_flags = flags;
    cpu->mode = flags ? cpu->mode | MODE_STEP : cpu->mode & ~(uint32_t)MODE_STEP;
    cpu->priv->watch_hit = false;
}

/* --- breakpoints --- */

bool gdb_breaks_at(const SoftCpu *cpu, unsigned offset)
{
    uint64_t la = cpu->rip + offset;

    if (likely(!nr_breaks)) {
        return false;
    }
    if ((cpu->mode & MODE_CODE_MASK) != MODE_CODE64) {
        la = (uint32_t)(la + cpu->seg[S_CS].base);
    }
    for (size_t i = 0; i < nr_breaks; i++) {
        if (breaks[i] == la) {
            return true;
        }
    }
    return false;
}

void gdb_stop_here(SoftCpu *cpu)
{
    DebugStop stop = { .kind = DEBUG_STOP_BREAK };

    cpu->debug_stopped = true;
    debug_report(cpu->vcpu, &stop);
}

/* --- watchpoints --- */

bool gdb_watches_page(uint64_t la)
{
    for (size_t i = 0; i < nr_watches; i++) {
        uint64_t first = watches[i].addr >> 12, last = (watches[i].addr + watches[i].len - 1) >> 12;

        if (la >> 12 >= first && la >> 12 <= last) {
            return true;
        }
    }
    return false;
}

static const DebugPoint *watch_of(uint64_t la, unsigned size, bool write)
{
    for (size_t i = 0; i < nr_watches; i++) {
        const DebugPoint *w = &watches[i];

        if (la <= w->addr + (w->len - 1) && w->addr <= la + (size - 1) &&
            w->kind != (write ? DEBUG_WATCH_READ : DEBUG_WATCH_WRITE)) {
            return w;
        }
    }
    return NULL;
}

/* Run the instruction alone in its block, so that the CPU can stop right behind it. */
static void step_this(SoftCpu *cpu, const Op *op)
{
    if (!(cpu->mode & MODE_STEP)) {
        cpu->mode |= MODE_STEP;
        if (op) {
            cpu->again = true;
            cpu->exc_vector = -1;       /* what is being delivered comes again too */
            cpu->priv->ext = 0;
            cpu_raise(cpu, op, EXC_AGAIN);
        }
    }
}

void gdb_probe_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    if (watch_of(la, size, false) || watch_of(la, size, true)) {
        step_this(cpu, op);
    }
}

void gdb_check_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write)
{
    const DebugPoint *w = watch_of(la, size, write);

    if (!w) {
        return;
    }
    step_this(cpu, op);
    if (!cpu->priv->watch_hit) {
        cpu->priv->watch_hit = true;
        cpu->priv->watch_point = *w;
    }
}

/* --- single step --- */

void gdb_step_done(SoftCpu *cpu)
{
    SoftCpuPrivate *p = cpu->priv;
    DebugStop stop = { .kind = DEBUG_STOP_STEP };

    if (p->watch_hit) {
        p->watch_hit = false;
        stop.kind = DEBUG_STOP_WATCH;
        stop.point = p->watch_point;
    } else if (!p->step_flags) {
        cpu->mode &= ~(uint32_t)MODE_STEP;      /* the access came to nothing */
        return;
    }
    if (!p->step_flags) {
        cpu->mode &= ~(uint32_t)MODE_STEP;
    }
    debug_report(cpu->vcpu, &stop);
}
