/* ioapic: the chip's state, which the kernel's own has too */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_IOAPIC_INT_H
#define HW_INTC_IOAPIC_INT_H

#include "hw/intc/ioapic.h"
#include "memory/memory.h"

#define RTE_LOGICAL     BIT64(11)
#define RTE_STATUS      BIT64(12)
#define RTE_REMOTE_IRR  BIT64(14)
#define RTE_LEVEL       BIT64(15)
#define RTE_MASKED      BIT64(16)

typedef struct Ioapic {
    Device dev;
    MemRegion mmio;
    ListLink link;
    uint8_t version;
    uint8_t id, select;
    uint32_t lines;             /* levels of the pins */
    uint64_t table[IOAPIC_NR_PINS];
    uint64_t counts[IOAPIC_NR_PINS];    /* how often each input went up, for people */
} Ioapic;

extern const StateField ioapic_state[];

#endif
