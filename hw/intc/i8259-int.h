/* i8259: the chip's state, which the kernel's own has too */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_I8259_INT_H
#define HW_INTC_I8259_INT_H

#include "hw/intc/i8259.h"

/* What the next write to the odd port is. */
enum { EXPECT_OCW1, EXPECT_ICW2, EXPECT_ICW3, EXPECT_ICW4 };

typedef struct I8259 {
    IsaDevice isa;
    uint32_t iobase, elcr_addr;
    uint8_t elcr_mask;
    bool master;

    uint8_t lines;              /* levels of the inputs */
    uint8_t irr, imr, isr;
    uint8_t elcr;
    uint8_t vector_base;
    uint8_t lowest;             /* the input of lowest priority, 7 after initialisation */
    uint8_t expect;
    bool single, needs_icw4, level_mode;
    bool auto_eoi, rotate_aeoi, special_nested, special_mask;
    bool read_isr, poll;

    uint64_t counts[8];         /* how often each input went up, for people */
    IrqLine *intr;
    struct I8259 *slave;        /* behind CASCADE, of the master */
} I8259;

extern const StateField i8259_state[];

#endif
