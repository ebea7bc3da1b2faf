/* Interrupt controllers as text, for the human monitor */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_INTC_PRINT_H
#define HW_INTC_INTC_PRINT_H

#include <glib.h>
#include <stdbool.h>

typedef struct Vcpu Vcpu;

/*
 * All with the VM lock held; chips that the kernel keeps are asked for their
 * state, so that the CPUs must be paused.
 */
void intc_print_pics(GString *out);
/* How often each input went up. */
void intc_print_counts(GString *out);
/* False: the CPU has no local APIC. */
bool intc_print_lapic(const Vcpu *cpu, GString *out);

#endif
