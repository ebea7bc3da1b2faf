/* i8254: the interval timer and the speaker port that gates its third counter */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "hw/isa/isa.h"

#define PIT_HZ 1193182

/*
 * The timer at port 0x40 whose counter 0 drives irq0. Its input 0 is an enable:
 * at level 0 (the HPET has taken over) counter 0 drives nothing.
 */
Device *i8254_create(IsaBus *bus, IrqLine *irq0);
/*
 * The kernel's: its interrupt is the kernel's to route. Input 0 is the same enable;
 * ports 0x40..0x43 and 0x61 never leave the kernel.
 */
Device *kvm_pit_create(void);
/* Port 0x61: gate and output of counter 2. */
Device *pcspk_create(IsaBus *bus, Device *pit);

/* For the speaker port. */
void i8254_set_gate(Device *pit, unsigned counter, bool gate);
bool i8254_gate(Device *pit, unsigned counter);
bool i8254_out(Device *pit, unsigned counter);

#endif
