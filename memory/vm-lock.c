/* The VM lock: who holds it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/vm-lock.h"

static GMutex lock;
static _Thread_local bool held;

void vm_lock(void)
{
    g_assert(!held);
    g_mutex_lock(&lock);
    held = true;
}

void vm_unlock(void)
{
    g_assert(held);
    held = false;
    g_mutex_unlock(&lock);
}

bool vm_lock_held(void)
{
    return held;
}

void vm_lock_cond_wait(GCond *cond, GMutex *mutex)
{
    vm_unlock();
    g_cond_wait(cond, mutex);
    /* Lock order is VM lock before leaf mutexes. */
    g_mutex_unlock(mutex);
    vm_lock();
    g_mutex_lock(mutex);
}
