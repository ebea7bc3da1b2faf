/* Interrupt lines: a level on its way from one device to another */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

#include <stddef.h>

/* Called with the VM lock held; level is 0 or 1 (or a value, where both ends agree). */
typedef void IrqFn(void *opaque, int n, int level);

/* The receiving end. An output is a pointer to one; NULL is an open pin. */
typedef struct IrqLine {
    IrqFn *fn;
    void *opaque;
    int n;
} IrqLine;

static inline void irq_set(IrqLine *line, int level)
{
    if (line) {
        line->fn(line->opaque, line->n, level);
    }
}

static inline void irq_raise(IrqLine *line)
{
    irq_set(line, 1);
}

static inline void irq_lower(IrqLine *line)
{
    irq_set(line, 0);
}

static inline void irq_pulse(IrqLine *line)
{
    irq_set(line, 1);
    irq_set(line, 0);
}

/* An array of count lines with n = 0, 1, ...; g_free() it. */
IrqLine *irq_new(IrqFn *fn, void *opaque, unsigned count);

#endif
