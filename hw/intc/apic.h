/* apic: local APICs, and messages to them from I/O APIC, MSI and HPET */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_APIC_H
#define HW_INTC_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/vcpu.h"
#include "hw/core/device.h"

#define APIC_BASE_DEFAULT 0xfee00000u

/* Delivery modes, in bits 8..10 of every register that has one. */
typedef enum ApicMode {
    APIC_MODE_FIXED, APIC_MODE_LOWEST, APIC_MODE_SMI, APIC_MODE_RESERVED, APIC_MODE_NMI,
    APIC_MODE_INIT, APIC_MODE_SIPI, APIC_MODE_EXTINT,
} ApicMode;

typedef struct ApicMessage {
    uint32_t dest;
    bool logical;
    bool wide;                  /* an x2APIC's: dest has 32 bits, broadcast is all ones */
    uint8_t mode;               /* ApicMode */
    uint8_t vector;
    bool level;                 /* level-triggered: its EOI goes to the I/O APICs */
} ApicMessage;

/* Give cpu a local APIC; before the vCPU runs first. */
Device *apic_create(Vcpu *cpu);
/* False when no local APIC took it. VM lock held, as for all here. */
bool apic_deliver(const ApicMessage *msg);
/* A write of data to addr in 0xfeexxxxx by a device (SDM vol. 3, 11.11). */
void apic_deliver_msi(uint64_t addr, uint32_t data);
/* The same as a device's message. */
void apic_message_to_msi(const ApicMessage *msg, uint64_t *addr, uint32_t *data);
/* Where the i8259's INTR goes: LINT0 of the local APICs, or the boot CPU's INTR without. */
IrqLine *vcpu_intr_line(void);
/* LINT1 of all local APICs: NMI as chipsets and "nmi" commands raise it. */
void apic_pulse_lint1(void);

#endif
