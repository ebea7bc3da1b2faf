/* ioapic: interrupt pins to messages for the local APICs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "hw/core/device.h"

#define IOAPIC_NR_PINS 24
#define IOAPIC_BASE    0xfec00000u

/* The I/O APIC at IOAPIC_BASE; pins are device_irq_in(dev, 0..23). */
Device *ioapic_create(void);
/* A local APIC ended a level-triggered interrupt with that vector. */
void ioapic_eoi(uint8_t vector);

#endif
