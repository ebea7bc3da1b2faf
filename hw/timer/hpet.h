/* hpet: the high precision event timers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "hw/core/device.h"

#define HPET_BASE 0xfed00000u

/*
 * At HPET_BASE. Timers drive the I/O APIC's inputs; pins says which of its 24
 * they may choose. Under legacy replacement they drive irq0 and irq8 instead
 * of PIT and RTC: the PIT's enable input gets pit_enable, and the RTC's line
 * should be hpet_rtc_line() rather than irq8 itself.
 */
Device *hpet_create(uint32_t pins, IrqLine *const ioapic[24], IrqLine *irq0, IrqLine *irq8,
                    IrqLine *pit_enable);
/* Where the RTC's interrupt goes: through to irq8 unless the HPET has replaced it. */
IrqLine *hpet_rtc_line(Device *hpet);

#endif
