/* Interrupt lines */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/irq.h"

IrqLine *irq_new(IrqFn *fn, void *opaque, unsigned count)
{
    IrqLine *lines = g_new0(IrqLine, count);

    for (unsigned i = 0; i < count; i++) {
        lines[i] = (IrqLine){ fn, opaque, i };
    }
    return lines;
}
