/* Events between instructions, halting, INIT and SIPI, stopping the other vCPUs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include <sched.h>
#include "accel/soft/block.h"
#include "accel/soft/seg.h"
#include "accel/soft/soft.h"
#include "accel/vcpu.h"
#include "util/clock.h"

/* Who runs guest code, and who wants to be the only one. A leaf lock. */
static GMutex lock;
static GCond changed;
static GPtrArray *cpus;
static SoftCpu *owner;          /* is exclusive, or waits for it */
static _Atomic unsigned nr_running;
static _Atomic bool wanted;     /* owner is set: park at the next quiet point */

void smp_add(SoftCpu *cpu)
{
    g_mutex_lock(&lock);
    if (!cpus) {
        cpus = g_ptr_array_new();
    }
    g_ptr_array_add(cpus, cpu);
    g_mutex_unlock(&lock);
}

void smp_remove(SoftCpu *cpu)
{
    g_mutex_lock(&lock);
    g_ptr_array_remove(cpus, cpu);
    g_mutex_unlock(&lock);
}

static void request_exit(SoftCpu *cpu)
{
    atomic_fetch_or(&cpu->exit_request, EXIT_EVENT);
}

void soft_cpu_post(SoftCpu *cpu, uint32_t event)
{
    atomic_fetch_or(&cpu->priv->events, event);
    request_exit(cpu);
}

void smp_post_all(uint32_t event)
{
    g_mutex_lock(&lock);
    for (unsigned i = 0; cpus && i < cpus->len; i++) {
        soft_cpu_post(cpus->pdata[i], event);
    }
    g_mutex_unlock(&lock);
}

void smp_post_dirty(uintptr_t host, uint64_t len)
{
    g_mutex_lock(&lock);
    for (unsigned i = 0; cpus && i < cpus->len; i++) {
        SoftCpuPrivate *p = ((SoftCpu *)cpus->pdata[i])->priv;

        p->dirty_from = p->dirty_to ? MIN(p->dirty_from, host) : host;
        p->dirty_to = MAX(p->dirty_to, host + len);
        soft_cpu_post(cpus->pdata[i], EV_DIRTY);
    }
    g_mutex_unlock(&lock);
}

static void take_posted(SoftCpu *cpu)
{
    uint32_t events = atomic_exchange(&cpu->priv->events, 0);
    uintptr_t from, to;

    if (events & EV_DIRTY) {
        g_mutex_lock(&lock);
        from = cpu->priv->dirty_from;
        to = cpu->priv->dirty_to;
        cpu->priv->dirty_from = cpu->priv->dirty_to = 0;
        g_mutex_unlock(&lock);
        tlb_drop_dirty(cpu, from, to);
    }
    if (events & EV_FLUSH) {
        tlb_flush_all(cpu);
    }
}

static void enter_locked(SoftCpu *cpu)
{
    while (owner && owner != cpu) {
        g_cond_wait(&changed, &lock);
    }
    cpu->priv->running = true;
    nr_running++;
}

static void leave_locked(SoftCpu *cpu)
{
    cpu->priv->running = false;
    nr_running--;
    g_cond_broadcast(&changed);
}

void smp_enter(SoftCpu *cpu)
{
    g_mutex_lock(&lock);
    enter_locked(cpu);
    g_mutex_unlock(&lock);
}

void smp_leave(SoftCpu *cpu)
{
    g_mutex_lock(&lock);
    leave_locked(cpu);
    g_mutex_unlock(&lock);
}

void exclusive_begin(SoftCpu *cpu)
{
    g_mutex_lock(&lock);
    if (owner) {        /* another was first: we are at a quiet point for it */
        leave_locked(cpu);
        enter_locked(cpu);
    }
    owner = cpu;
    wanted = true;
    for (unsigned i = 0; i < cpus->len; i++) {
        if (cpus->pdata[i] != cpu) {
            request_exit(cpus->pdata[i]);
        }
    }
    while (nr_running > (cpu->priv->running ? 1 : 0)) {
        g_cond_wait(&changed, &lock);
    }
    g_mutex_unlock(&lock);
}

void exclusive_end(SoftCpu *cpu)
{
    g_mutex_lock(&lock);
    owner = NULL;
    wanted = false;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
}

/* GLib asks the kernel each time. */
static unsigned host_processors(void)
{
    static _Atomic unsigned n;

    if (!n) {
        n = g_get_num_processors();
    }
    return n;
}

/*
 * PAUSE says that another CPU must go on first. With more vCPUs running than
 * the host has processors the host's scheduler has to be told.
 */
void cpu_pause(SoftCpu *cpu)
{
    SoftCpuPrivate *p = cpu->priv;

    if ((cpu->mode & MODE_UP) || nr_running <= host_processors()) {
        return;
    }
    p->pause_count++;
    if (p->pause_count % 1000 == 0) {
        Vcpu *v = cpu->vcpu;
        int64_t until = g_get_monotonic_time() + 50;

        g_mutex_lock(&v->lock);
        if (!v->pending && !cpu->exit_request) {
            g_cond_wait_until(&v->cond, &v->lock, until);
        }
        g_mutex_unlock(&v->lock);
    } else if (p->pause_count % 64 == 0) {
        sched_yield();
    }
}

/* Of what is pending, that which this CPU would act on now. */
static uint32_t actionable(const SoftCpu *cpu)
{
    uint32_t pending = cpu->vcpu->pending, mask = VCPU_INIT | VCPU_STOP | VCPU_WORK;

    if (cpu->priv->wait_sipi) {
        return pending & (mask | VCPU_SIPI);
    }
    mask |= cpu->smm ? 0 : VCPU_SMI;
    mask |= cpu->nmi_blocked ? 0 : VCPU_NMI;
    mask |= cpu->eflags & FL_IF ? VCPU_INTR : 0;
    return pending & (mask | VCPU_MCE);
}

/* Sleep until there is something to act on. The others do not wait for us meanwhile. */
static void wait_halted(SoftCpu *cpu)
{
    Vcpu *v = cpu->vcpu;

    smp_leave(cpu);
    block_cpu_outside(cpu);
    g_mutex_lock(&v->lock);
    v->halted = true;
    while (!actionable(cpu) && !cpu->priv->events && !v->quit) {
        g_cond_wait(&v->cond, &v->lock);
    }
    v->halted = false;
    g_mutex_unlock(&v->lock);
    smp_enter(cpu);
}

static void take_init(SoftCpu *cpu)
{
    vcpu_lower(cpu->vcpu, VCPU_INIT);
    soft_cpu_reset(cpu, true);
    vcpu_reset_apic(cpu->vcpu, true);
    if (cpu->priv->index != 0) {
        cpu->priv->wait_sipi = true;
        cpu->halted = 1;
    }
}

static void take_sipi(SoftCpu *cpu)
{
    uint8_t vector = cpu->vcpu->sipi_vector;

    vcpu_lower(cpu->vcpu, VCPU_SIPI);
    if (!cpu->priv->wait_sipi) {
        return;
    }
    cpu->priv->wait_sipi = false;
    cpu->halted = 0;
    cpu->seg[S_CS].sel = vector << 8;
    cpu->seg[S_CS].base = (uint64_t)vector << 12;
    cpu->rip = 0;
    cpu_update_mode(cpu);
}

/* What was on its way when the state was moved here. */
static void take_given(SoftCpu *cpu)
{
    SoftCpuPrivate *p = cpu->priv;
    bool interrupt = p->given == GIVEN_INTERRUPT;

    p->given = GIVEN_NONE;
    if (interrupt) {
        interrupt_deliver(cpu, NULL, p->given_vector, INT_EXTERNAL, cpu->rip);
    } else {
        cpu_raise_err(cpu, NULL, p->given_vector, p->given_error);
    }
}

/* Deliver the most urgent one: SDM vol. 3, table 6-2. True: look again. */
static bool take_one(SoftCpu *cpu)
{
    uint32_t due = actionable(cpu);

    if (unlikely(cpu->priv->step_flags & DEBUG_STEP_NOIRQ)) {
        due &= ~(VCPU_INTR | VCPU_NMI | VCPU_SMI | VCPU_MCE);
    }
    if (unlikely(cpu->priv->given) && !(due & VCPU_INIT)) {
        take_given(cpu);
        return true;
    }
    if (due & VCPU_INIT) {
        take_init(cpu);
        return true;
    }
    if (due & VCPU_SIPI) {
        take_sipi(cpu);
        return true;
    }
    if (cpu->vcpu->pending & VCPU_SIPI) {
        vcpu_lower(cpu->vcpu, VCPU_SIPI);   /* not waited for: lost */
    }
    if (cpu->irq_shadow != SHADOW_SS) {
        debug_data_trap(cpu);
    }
    if (cpu->irq_shadow) {
        return false;
    }
    if (due & VCPU_SMI) {
        vcpu_lower(cpu->vcpu, VCPU_SMI);
        smm_enter(cpu);
        return true;
    }
    if (due & VCPU_MCE) {
        vcpu_lower(cpu->vcpu, VCPU_MCE);
        if (cpu->cr4 & CR4_MCE) {
            interrupt_deliver(cpu, NULL, EXC_MC, INT_EXTERNAL, cpu->rip);
        } else {
            soft_triple_fault(cpu);     /* shutdown (SDM vol. 3, 15.10.4.1) */
        }
        return false;
    }
    if (due & VCPU_NMI) {
        vcpu_lower(cpu->vcpu, VCPU_NMI);
        interrupt_deliver(cpu, NULL, EXC_NMI, INT_NMI, cpu->rip);
        return true;
    }
    if (due & VCPU_INTR) {
        int vector = vcpu_ack_irq(cpu->vcpu);

        if (vector >= 0) {
            interrupt_deliver(cpu, NULL, vector, INT_EXTERNAL, cpu->rip);
        }
    }
    return false;
}

bool soft_cpu_handle_events(SoftCpu *cpu)
{
    uint64_t rip = cpu->rip;

    for (;;) {
        atomic_fetch_and(&cpu->exit_request, ~(uint32_t)EXIT_EVENT);
        if (wanted) {
            smp_leave(cpu);
            smp_enter(cpu);
        }
        if (cpu->priv->events) {
            take_posted(cpu);
        }
        if (vcpu_must_return(cpu->vcpu)) {
            return false;
        }
        while (take_one(cpu)) {
        }
        if (unlikely(cpu->mode & MODE_STEP) && cpu->rip != rip) {
            gdb_step_done(cpu);         /* an interrupt's delivery was the step */
            continue;
        }
        if (!cpu->halted) {
            if (cpu->irq_shadow && (cpu->priv->data_trap || actionable(cpu))) {
                request_exit(cpu);      /* again behind the next instruction */
            }
            return true;
        }
        wait_halted(cpu);
        if (unlikely(cpu->priv->step_flags & DEBUG_STEP_NOIRQ) && !cpu->priv->wait_sipi) {
            cpu->halted = 0;            /* woken by what must not be taken: step behind HLT */
        }
    }
}
