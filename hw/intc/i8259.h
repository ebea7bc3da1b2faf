/* i8259: the pair of interrupt controllers every PC has */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "hw/core/irq.h"
#include "hw/isa/isa.h"

/*
 * Master and slave on bus at their PC addresses. Their INTR drives intr (see
 * vcpu_intr_line() in apic.h); the 16 inputs are left in inputs (2 is the
 * cascade's: NULL). The acknowledge cycle is made known by vcpu_set_pic().
 */
void i8259_create_pair(IsaBus *bus, IrqLine *intr, IrqLine *inputs[ISA_NR_IRQS]);

#endif
