/* vCPU threads: start, kick, pause, run-on-vcpu */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/debug.h"
#include "memory/vm-lock.h"
#include "util/thread.h"

typedef struct Work {
    void (*fn)(Vcpu *cpu, void *opaque);
    void *opaque;
    ListLink link;
} Work;

static GPtrArray *cpus, *removal_hooks;
static _Thread_local Vcpu *this_cpu;
static int (*pic_ack)(void *opaque);
static void *pic_opaque;

static void vcpu_finalize(Object *obj)
{
    Vcpu *cpu = OBJECT_OF(obj, Vcpu);

    g_mutex_clear(&cpu->lock);
    g_cond_clear(&cpu->cond);
}

static const ObjectType vcpu_type = {
    .name = "vcpu", .desc = "a virtual CPU", .size = sizeof(Vcpu), .parent = "device",
    .finalize = vcpu_finalize,
};

unsigned vcpu_count(void)
{
    return cpus ? cpus->len : 0;
}

Vcpu *vcpu_get(unsigned n)
{
    return n < vcpu_count() ? cpus->pdata[n] : NULL;
}

Vcpu *vcpu_by_index(unsigned index)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (vcpu_get(i)->index == index) {
            return vcpu_get(i);
        }
    }
    return NULL;
}

char *vcpu_path(const Vcpu *cpu)
{
    return object_path(cpu->owner ? cpu->owner : &cpu->obj);
}

Vcpu *vcpu_by_apic_id(uint32_t apic_id)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (vcpu_get(i)->apic_id == apic_id) {
            return vcpu_get(i);
        }
    }
    return NULL;
}

Vcpu *vcpu_current(void)
{
    return this_cpu;
}

/* Work functions want the VM lock, which is taken before the leaf lock. */
static void run_work(Vcpu *cpu)
{
    vm_lock();
    for (;;) {
        Work *work;

        g_mutex_lock(&cpu->lock);
        work = list_first(&cpu->work, Work, link);
        if (work) {
            list_remove(&work->link);
        } else {
            cpu->pending &= ~VCPU_WORK;
        }
        g_mutex_unlock(&cpu->lock);
        if (!work) {
            break;
        }
        work->fn(cpu, work->opaque);
        g_free(work);
    }
    vm_unlock();
}

/* Sleep until there is something to do; true when guest code may run. */
static bool wait_runnable(Vcpu *cpu)
{
    bool run = false;

    g_mutex_lock(&cpu->lock);
    for (;;) {
        uint32_t pending = cpu->pending;

        if (cpu->quit || (pending & VCPU_WORK)) {
            break;
        }
        if (pending & VCPU_STOP) {
            if (!cpu->paused) {
                cpu->paused = true;
                g_cond_broadcast(&cpu->cond);
            }
        } else if (accel_type()->vcpu_run && (!cpu->halted || (pending & cpu->wake_mask))) {
            run = true;
            break;
        }
        g_cond_wait(&cpu->cond, &cpu->lock);
    }
    if (run) {
        cpu->paused = false;
    }
    g_mutex_unlock(&cpu->lock);
    return run;
}

static void *vcpu_thread(void *opaque)
{
    Vcpu *cpu = opaque;

    this_cpu = cpu;
    cpu->tid = thread_id();
    while (!cpu->quit) {
        if (wait_runnable(cpu)) {
            accel_type()->vcpu_run(cpu);
        }
        if (cpu->pending & VCPU_WORK) {
            run_work(cpu);
        }
    }
    run_work(cpu);              /* whoever waits for it waits no longer */
    return NULL;
}

/* In order of the index, whatever the order in which they come. */
static void enlist(Vcpu *cpu)
{
    unsigned at = 0;

    if (!cpus) {
        cpus = g_ptr_array_new();
    }
    while (at < cpus->len && vcpu_get(at)->index < cpu->index) {
        at++;
    }
    g_ptr_array_insert(cpus, at, cpu);
}

Vcpu *vcpu_new(unsigned index, uint32_t apic_id, Object *owner, Error **errp)
{
    g_autofree char *name = g_strdup_printf("CPU %u/%s", index, accel_type()->name);
    Vcpu *cpu = OBJECT_OF(object_new(&vcpu_type), Vcpu);

    cpu->index = index;
    cpu->apic_id = apic_id;
    cpu->owner = owner;
    cpu->pending = VCPU_STOP;
    cpu->wake_mask = UINT32_MAX;
    g_mutex_init(&cpu->lock);
    g_cond_init(&cpu->cond);
    list_init(&cpu->work);
    if (accel_type()->vcpu_init && !accel_type()->vcpu_init(cpu, errp)) {
        object_unref(&cpu->obj);
        return NULL;
    }
    if (!owner) {
        object_add_child(object_container("/machine/unattached"), "device[*]", &cpu->obj);
    }
    enlist(cpu);
    cpu->os_thread = thread_start(name, vcpu_thread, cpu);
    return cpu;
}

void vcpu_kick(Vcpu *cpu)
{
    if (accel_type()->vcpu_kick) {
        accel_type()->vcpu_kick(cpu);
    }
    g_mutex_lock(&cpu->lock);
    g_cond_broadcast(&cpu->cond);
    g_mutex_unlock(&cpu->lock);
}

void vcpu_raise(Vcpu *cpu, uint32_t pending)
{
    atomic_fetch_or(&cpu->pending, pending);
    if (cpu != this_cpu || cpu->halted) {
        vcpu_kick(cpu);
    } else if (accel_type()->vcpu_kick) {
        accel_type()->vcpu_kick(cpu);
    }
}

void vcpu_lower(Vcpu *cpu, uint32_t pending)
{
    atomic_fetch_and(&cpu->pending, ~pending);
}

void vcpu_run_on(Vcpu *cpu, void (*fn)(Vcpu *cpu, void *opaque), void *opaque)
{
    Work *work = g_new0(Work, 1);

    work->fn = fn;
    work->opaque = opaque;
    g_mutex_lock(&cpu->lock);
    list_append(&cpu->work, &work->link);
    g_mutex_unlock(&cpu->lock);
    vcpu_raise(cpu, VCPU_WORK);
}

void vcpu_start(Vcpu *cpu)
{
    if (accel_type()->vm_running) {
        accel_type()->vm_running(true);
    }
    vcpu_lower(cpu, VCPU_STOP);
    vcpu_kick(cpu);
}

void vcpus_start(void)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        vcpu_start(vcpu_get(i));
    }
}

void vcpus_pause(void)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        vcpu_raise(vcpu_get(i), VCPU_STOP);
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        Vcpu *cpu = vcpu_get(i);

        g_mutex_lock(&cpu->lock);
        while (!cpu->paused) {
            vm_lock_cond_wait(&cpu->cond, &cpu->lock);
        }
        g_mutex_unlock(&cpu->lock);
    }
    if (accel_type()->vm_running) {
        accel_type()->vm_running(false);
    }
}

void vcpus_suspend(void)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        vcpu_get(i)->suspended = !(vcpu_get(i)->pending & VCPU_STOP);
    }
    vcpus_pause();
}

void vcpus_unsuspend(void)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (vcpu_get(i)->suspended) {
            vcpu_start(vcpu_get(i));
        }
    }
}

void vcpu_reset(Vcpu *cpu)
{
    cpu->pending &= VCPU_STOP | VCPU_WORK;
    cpu->halted = cpu->index != 0;
    cpu->wake_mask = UINT32_MAX;
    if (cpu->irq && cpu->irq->reset) {
        cpu->irq->reset(cpu->irq_opaque, false);
    }
    if (accel_type()->vcpu_reset) {
        accel_type()->vcpu_reset(cpu);
    }
}

void vcpus_reset(void)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        vcpu_reset(vcpu_get(i));
    }
}

bool vcpus_running(void)
{
    return vcpu_count() && !(vcpu_get(0)->pending & VCPU_STOP);
}

void vcpu_stop_thread(Vcpu *cpu)
{
    g_ptr_array_remove(cpus, cpu);
    g_mutex_lock(&cpu->lock);
    cpu->quit = true;
    g_cond_broadcast(&cpu->cond);
    g_mutex_unlock(&cpu->lock);
    vcpu_raise(cpu, VCPU_STOP);
    vm_unlock();
    g_thread_join(cpu->os_thread);
    vm_lock();
}

void vcpu_add_removal_hook(void (*fn)(Vcpu *cpu))
{
    if (!removal_hooks) {
        removal_hooks = g_ptr_array_new();
    }
    g_ptr_array_add(removal_hooks, fn);
}

void vcpu_destroy(Vcpu *cpu)
{
    debug_cpu_removed(cpu);
    for (unsigned i = 0; removal_hooks && i < removal_hooks->len; i++) {
        ((void (*)(Vcpu *))removal_hooks->pdata[i])(cpu);
    }
    if (accel_type()->vcpu_destroy) {
        accel_type()->vcpu_destroy(cpu);
    }
    object_unref(&cpu->obj);
}

void vcpus_destroy(void)
{
    while (vcpu_count()) {
        Vcpu *cpu = vcpu_get(vcpu_count() - 1);

        vcpu_stop_thread(cpu);
        if (accel_type()->vcpu_destroy) {
            accel_type()->vcpu_destroy(cpu);
        }
    }
    g_clear_pointer(&cpus, g_ptr_array_unref);
}

bool vcpu_must_return(Vcpu *cpu)
{
    return cpu->quit || (cpu->pending & (VCPU_STOP | VCPU_WORK));
}

/* The interrupt controller is the platform's: its side runs under the VM lock. */
static bool enter(void)
{
    if (vm_lock_held()) {
        return false;
    }
    vm_lock();
    return true;
}

static void leave(bool locked)
{
    if (locked) {
        vm_unlock();
    }
}

void vcpu_set_pic(int (*ack)(void *opaque), void *opaque)
{
    pic_ack = ack;
    pic_opaque = opaque;
}

int vcpu_pic_ack(void)
{
    return pic_ack ? pic_ack(pic_opaque) : -1;
}

int vcpu_ack_irq(Vcpu *cpu)
{
    bool locked = enter();
    int vector = cpu->irq ? cpu->irq->ack(cpu->irq_opaque) : vcpu_pic_ack();

    leave(locked);
    return vector;
}

void vcpu_reset_apic(Vcpu *cpu, bool init)
{
    bool locked = enter();

    if (cpu->irq && cpu->irq->reset) {
        cpu->irq->reset(cpu->irq_opaque, init);
    }
    leave(locked);
}

uint8_t vcpu_get_tpr(Vcpu *cpu)
{
    bool locked = enter();
    uint8_t cr8 = cpu->irq ? cpu->irq->get_tpr(cpu->irq_opaque) : 0;

    leave(locked);
    return cr8;
}

void vcpu_set_tpr(Vcpu *cpu, uint8_t cr8)
{
    bool locked = enter();

    if (cpu->irq) {
        cpu->irq->set_tpr(cpu->irq_opaque, cr8);
    }
    leave(locked);
}

uint64_t vcpu_get_apic_base(Vcpu *cpu)
{
    bool locked = enter();
    uint64_t base = cpu->irq ? cpu->irq->get_base(cpu->irq_opaque) : 0;

    leave(locked);
    return base;
}

bool vcpu_set_apic_base(Vcpu *cpu, uint64_t value)
{
    bool locked = enter();
    bool ok = cpu->irq && cpu->irq->set_base(cpu->irq_opaque, value);

    leave(locked);
    return ok;
}

bool vcpu_apic_msr_read(Vcpu *cpu, uint32_t msr, uint64_t *value)
{
    bool locked = enter();
    bool ok = cpu->irq && cpu->irq->msr_read(cpu->irq_opaque, msr, value);

    leave(locked);
    return ok;
}

bool vcpu_apic_msr_write(Vcpu *cpu, uint32_t msr, uint64_t value)
{
    bool locked = enter();
    bool ok = cpu->irq && cpu->irq->msr_write(cpu->irq_opaque, msr, value);

    leave(locked);
    return ok;
}
