/* The VM lock: guards the platform; taken by the main loop and by memory.c alone */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMORY_VM_LOCK_H
#define MEMORY_VM_LOCK_H

#include <glib.h>
#include <stdbool.h>

/* Not recursive. Nothing in hw/ calls these. */
void vm_lock(void);
void vm_unlock(void);
bool vm_lock_held(void);        /* by the calling thread */
/* Give the lock up while waiting on cond, with mutex held as usual. */
void vm_lock_cond_wait(GCond *cond, GMutex *mutex);

#endif
