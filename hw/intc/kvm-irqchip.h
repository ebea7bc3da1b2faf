/* kvm-irqchip: the PIC pair, I/O APIC and local APICs that the kernel keeps, as devices */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_KVM_IRQCHIP_H
#define HW_INTC_KVM_IRQCHIP_H

#include "accel/vcpu.h"
#include "hw/core/device.h"

/*
 * They have the state tables of our own chips. device_fetch_state() brings the
 * kernel's registers into the instance, device_store_state() takes them back.
 */
Device *kvm_apic_create(Vcpu *cpu);
/* Their pins are GSIs: see IrqchipOps.set_line. */
void kvm_i8259_create_pair(void);
Device *kvm_ioapic_create(void);

#endif
