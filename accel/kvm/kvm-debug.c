/* Debugging a guest under KVM from outside: INT3 in its memory, debug registers, single step */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/debug.h"
#include "accel/kvm/kvm-int.h"
#include "util/error.h"
#include "util/trace.h"

#define NR_HW  4
#define DR6_BS (1u << 14)

enum { VECTOR_DB = 1, VECTOR_BP = 3 };
static const uint8_t int3 = 0xcc;

/* A software breakpoint and the byte that was there. */
typedef struct Saved {
    uint64_t addr, phys;
    uint8_t byte;
} Saved;

static GArray *saved;
static DebugPoint hw[NR_HW];
static unsigned nr_hw;

static int find_saved(uint64_t addr)
{
    for (unsigned i = 0; saved && i < saved->len; i++) {
        if (g_array_index(saved, Saved, i).addr == addr) {
            return i;
        }
    }
    return -1;
}

static bool is_watch(const DebugPoint *point)
{
    return point->kind >= DEBUG_WATCH_WRITE;
}

/* SDM vol. 3, 17.2.4: enables, what for, and how many bytes. */
static uint64_t dr7(void)
{
    static const uint8_t length_bits[9] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };
    uint64_t v = 0x600;

    for (unsigned i = 0; i < nr_hw; i++) {
        bool exec = !is_watch(&hw[i]);
        unsigned type = exec ? 0 : hw[i].kind == DEBUG_WATCH_WRITE ? 1 : 3;

        v |= 2ULL << (2 * i) | (uint64_t)type << (16 + 4 * i) |
             (uint64_t)(exec ? 0 : length_bits[hw[i].len]) << (18 + 4 * i);
    }
    return v;
}

static int tell_kernel(KvmCpu *k)
{
    struct kvm_guest_debug d = {};

    if (k->step_over) {
        d.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
        return kvm_call(k->fd, KVM_SET_GUEST_DEBUG, &d);
    }
    if (saved && saved->len) {
        d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    }
    if (nr_hw) {
        d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
        for (unsigned i = 0; i < nr_hw; i++) {
            d.arch.debugreg[i] = hw[i].addr;
        }
        d.arch.debugreg[7] = dr7();
    }
    if (k->step_flags & DEBUG_STEP) {
        d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
        if ((k->step_flags & DEBUG_STEP_NOIRQ) && kvm.has_blockirq) {
            d.control |= KVM_GUESTDBG_BLOCKIRQ;
        }
    }
    return kvm_call(k->fd, KVM_SET_GUEST_DEBUG, &d);
}

static bool tell_all(Error **errp)
{
    int rc = 0;

    for (unsigned i = 0; i < vcpu_count() && rc >= 0; i++) {
        rc = tell_kernel(kvm_cpu(vcpu_get(i)));
    }
    if (rc < 0) {
        error_set(errp, "KVM cannot debug its guests here: %s", g_strerror(-rc));
    }
    return rc >= 0;
}

bool kvm_debug_cpu_added(KvmCpu *k, Error **errp)
{
    size_t nr;
    int rc;

    debug_points(&nr);
    rc = nr ? tell_kernel(k) : 0;
    if (rc < 0) {
        error_set(errp, "KVM cannot debug CPU %u: %s", k->vcpu->index, g_strerror(-rc));
    }
    return rc >= 0;
}

static bool is_there(const DebugPoint *point)
{
    size_t nr;
    const DebugPoint *all = debug_points(&nr);

    for (size_t i = 0; i < nr; i++) {
        if (all[i].kind == point->kind && all[i].addr == point->addr && all[i].len == point->len) {
            return true;
        }
    }
    return false;
}

/* All address spaces are taken to have the same code there, as the first CPU sees it. */
static bool change_soft(const DebugPoint *point, bool on, Error **errp)
{
    Vcpu *cpu = vcpu_get(0);
    int i = find_saved(point->addr);

    if (on) {
        Saved s = { .addr = point->addr };

        if (!debug_translate(cpu, s.addr, &s.phys) ||
            !debug_phys_read(cpu, s.phys, &s.byte, 1) ||
            !debug_phys_write(cpu, s.phys, &int3, 1)) {
            error_set(errp, "there is no memory at 0x%" PRIx64, s.addr);
            return false;
        }
        saved = saved ? saved : g_array_new(false, false, sizeof(Saved));
        g_array_append_val(saved, s);
    } else if (i >= 0) {
        const Saved *s = &g_array_index(saved, Saved, i);
        uint8_t now;

        /* Overwritten since: nothing to bring back. */
        if (debug_phys_read(cpu, s->phys, &now, 1) && now == int3) {
            debug_phys_write(cpu, s->phys, &s->byte, 1);
        }
        g_array_remove_index(saved, i);
    }
    return tell_all(errp);
}

static bool change_hard(const DebugPoint *point, bool on, Error **errp)
{
    bool watch = is_watch(point);

    if (on) {
        if (watch && kvm.emulates_kernel) {
            error_set(errp, "KVM interprets kernel-mode code here, and its interpreter knows no "
                      "watchpoints");
            return false;
        }
        if (point->kind == DEBUG_WATCH_READ) {
            error_set(errp, "no debug register stops at reads alone: use one for any access");
            return false;
        }
        if (nr_hw == NR_HW) {
            error_set(errp, "the CPU has %u debug registers, and all are in use", NR_HW);
            return false;
        }
        if (watch && ((point->len & (point->len - 1)) || point->len > 8 ||
                      (point->addr & (point->len - 1)))) {
            error_set(errp, "a watchpoint under KVM is of 1, 2, 4 or 8 bytes, aligned; not of 0x%"
                      PRIx64 " at 0x%" PRIx64, point->len, point->addr);
            return false;
        }
        hw[nr_hw++] = *point;
    } else {
        for (unsigned i = 0; i < nr_hw; i++) {
            if (hw[i].kind == point->kind && hw[i].addr == point->addr) {
                hw[i] = hw[--nr_hw];
                break;
            }
        }
    }
    return tell_all(errp);
}

bool kvm_debug_point(const DebugPoint *point, Error **errp)
{
    bool on = is_there(point), ok;

    if (!kvm_check(kvm.vm, KVM_CAP_SET_GUEST_DEBUG)) {
        error_set(errp, "this host's KVM cannot debug its guests (KVM_CAP_SET_GUEST_DEBUG)");
        return false;
    }
    /* An interpreter gives INT3 to the guest; it looks at debug registers. */
    ok = point->kind == DEBUG_BREAK_SOFT && !kvm.emulates_kernel ? change_soft(point, on, errp)
                                                                 : change_hard(point, on, errp);
    TRACE(kvm_debug_point, "kind %d addr 0x%" PRIx64 " on %d: %d", point->kind, point->addr, on,
          ok);
    return ok;
}

void kvm_debug_step(Vcpu *cpu, unsigned flags)
{
    KvmCpu *k = kvm_cpu(cpu);

    k->step_flags = flags;
    tell_kernel(k);
}

bool kvm_debug_translate(Vcpu *cpu, uint64_t la, uint64_t *phys)
{
    struct kvm_translation t = { .linear_address = la };

    if (kvm_call(kvm_cpu(cpu)->fd, KVM_TRANSLATE, &t) < 0 || !t.valid) {
        return false;
    }
    *phys = t.physical_address;
    return true;
}

/* The guest's own breakpoint or step: it gets what the kernel took from it. */
static void give_back(KvmCpu *k, unsigned vector, uint64_t dr6)
{
    struct kvm_vcpu_events e = {};

    if (kvm_call(k->fd, KVM_GET_VCPU_EVENTS, &e) < 0) {
        return;
    }
    e.exception.nr = vector;
    e.exception.has_error_code = 0;
    if (vector == VECTOR_DB && kvm.has_payload) {
        e.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
        e.exception.pending = 1;
        e.exception.injected = 0;
        e.exception_has_payload = 1;
        e.exception_payload = dr6 & 0xe00f;
    } else {
        e.exception.injected = 1;
    }
    kvm_call(k->fd, KVM_SET_VCPU_EVENTS, &e);
}

static bool stop_of_db(KvmCpu *k, uint64_t dr6, DebugStop *stop)
{
    for (unsigned i = 0; i < nr_hw; i++) {
        if (dr6 >> i & 1) {
            *stop = (DebugStop){ .kind = is_watch(&hw[i]) ? DEBUG_STOP_WATCH : DEBUG_STOP_BREAK,
                                 .point = hw[i] };
            return true;
        }
    }
    *stop = (DebugStop){ .kind = DEBUG_STOP_STEP };
    return (dr6 & DR6_BS) && (k->step_flags & DEBUG_STEP);
}

static bool has_break(uint64_t rip)
{
    for (unsigned i = 0; i < nr_hw; i++) {
        if (!is_watch(&hw[i]) && hw[i].addr == rip) {
            return true;
        }
    }
    return find_saved(rip) >= 0;
}

static void write_soft(KvmCpu *k, bool on)
{
    int i = find_saved(k->break_rip);

    if (i >= 0) {
        const Saved *s = &g_array_index(saved, Saved, i);

        debug_phys_write(k->vcpu, s->phys, on ? &int3 : &s->byte, 1);
    }
}

/* The CPU goes on where it stopped: past that breakpoint, by a step without any. */
void kvm_debug_resume(KvmCpu *k)
{
    struct kvm_regs regs = {};

    k->at_break = false;
    if (kvm_call(k->fd, KVM_GET_REGS, &regs) >= 0 && regs.rip == k->break_rip &&
        has_break(k->break_rip)) {
        k->step_over = true;
        write_soft(k, false);
        tell_kernel(k);
    }
}

/* True: that was the step past a breakpoint, and nobody asked for one. */
static bool stepped_over(KvmCpu *k)
{
    if (!k->step_over) {
        return false;
    }
    k->step_over = false;
    write_soft(k, true);
    tell_kernel(k);
    return !(k->step_flags & DEBUG_STEP);
}

void kvm_debug_exit(KvmCpu *k)
{
    const struct kvm_debug_exit_arch *d = &k->run->debug.arch;
    DebugStop stop = { .kind = DEBUG_STOP_BREAK };
    bool ours;

    if (stepped_over(k)) {
        return;
    }
    ours = d->exception == VECTOR_BP ? find_saved(d->pc) >= 0 : stop_of_db(k, d->dr6, &stop);
    TRACE(kvm_debug_exit, "cpu %u exception %u pc 0x%" PRIx64 " dr6 0x%" PRIx64 " ours %d",
          k->vcpu->index, d->exception, (uint64_t)d->pc, (uint64_t)d->dr6, ours);
    if (ours) {
        k->at_break = stop.kind != DEBUG_STOP_WATCH;
        k->break_rip = d->pc;
        debug_report(k->vcpu, &stop);
    } else {
        give_back(k, d->exception, d->dr6);
    }
}
